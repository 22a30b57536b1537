"""「谁没报，此刻」: one sheet of paper by building, and a list for a chat group. The numbers are those of the tracking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.reports import bp
from blueprints.reports.asked import Asked, asked, to
from blueprints.web import filters, guard, pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs
from blueprints.web.page import page
from blueprints.web.site import site
from models import tracking
from models.base import db, local
from models.places import District
from models.tracking import By, Line, Tally

ROOM = 40  # lines of one sheet of A4
WIDE = 22  # signs of a name that fit into a line of it
LISTED = 300  # enterprises of a list for a chat group: more, nobody reads there


@dataclass(slots=True)
class Building:
    """One building with who is missing in it."""

    name: str
    missing: int
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the paper: the buildings with most missing first, as far as there is room; the others by number alone."""

    tally: Tally
    buildings: list[Building]
    others: list[tuple[str, int]]


@bp.get("/reports/tracking/missing")
@needs("report:see")
def missing() -> ResponseReturnValue:
    """The list to be copied, and the way to the paper."""
    found, now = asked("report:see"), site.now()
    if found.span is None:
        return page("reports/tracking.html", asked=found, now_at=now, mode_now="normal")
    sheet = _sheet(found, LISTED, one_page=False)
    return page(
        "reports/missing.html", asked=found, sheet=sheet, now_at=now, text=_as_text(found, sheet), to=to, mode_now=found.span.mode.value,
        listed=sum(len(one.lines) for one in sheet.buildings),
    )  # fmt: skip


@bp.get("/reports/tracking/missing.pdf")
@by_link
@needs("report:export")
def missing_pdf() -> ResponseReturnValue:
    """The same on one page of A4, telephones masked."""
    return hand_out(_as_pdf, name=f"谁没报-{local(site.now()):%Y%m%d%H%M}.pdf")


def _as_pdf() -> bytes:
    found = asked("report:export")
    district = db.session.get_one(District, current_user.district_id)
    sheet = _sheet(found, ROOM, one_page=True) if found.span else Sheet(Tally(), [], [])
    content = pdf.document(
        "documents/missing.html", "missing.css", asked=found, sheet=sheet, now_at=site.now(), author=district.organiser,
        district=district, person=current_user.name,
    )  # fmt: skip
    guard.seen(printed="missing", count=sum(len(one.lines) for one in sheet.buildings))
    return content


def _sheet(found: Asked, room: int, *, one_page: bool) -> Sheet:
    """A fixed number of queries, however many buildings there are."""
    session, span = db.session(), found.span
    assert span is not None
    here = tracking.divided(session, found.ground, span, By.PLACE)
    missing = {key: one.missing for key, one in here.items() if one.missing}
    worst = sorted(missing, key=lambda key: (-missing[key], key))
    if not worst:
        return Sheet(found.now_tally, [], [])
    names = tracking.names_of(session, By.PLACE, worst)
    rows = session.scalars(tracking.missing_in(session, found.ground, span, worst[:room], room)).all()
    lines: dict[int, list[Line]] = {key: [] for key in worst}
    for line in tracking.lines(session, rows, site.now()):
        lines[line.obligation.place_id or 0].append(line)
    sheet, left = Sheet(found.now_tally, [], []), room
    for key in worst:
        kept = _fitting(lines[key], left - 1) if one_page else lines[key]
        if kept:
            sheet.buildings.append(Building(names[key], missing[key], kept))
        if len(kept) < missing[key]:
            sheet.others.append((f"{names[key]}另有" if kept else names[key], missing[key] - len(kept)))
            left = 0  # what follows would stand out of its order
        left -= 1 + sum(_height(one) for one in kept)
    return sheet


def _fitting(lines: Iterable[Line], room: int) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        room -= _height(line)
        if room < 0:
            break
        kept.append(line)
    return kept


def _height(line: Line) -> int:
    """Lines of paper that it takes."""
    return -(-len(line.enterprise.name) // WIDE)


def _as_text(found: Asked, sheet: Sheet) -> str:
    """For a chat group: names of enterprises and of who answers for them, no telephone, nothing of anybody's health."""
    assert found.span is not None
    owed = sheet.tally
    head = f"{found.where}{found.span.title}：到{filters.instant(site.now())}，应报{owed.expected}家，还有{owed.missing}家没有报。"
    text = [
        head,
        f"{filters.instant(found.span.due_at)}{'已截止，请尽快补报' if found.span.is_due(site.now()) else '截止'}。",
    ]
    for building in sheet.buildings:
        text += ["", f"【{building.name}】{building.missing}家"]
        text += [
            f"{number}. {line.enterprise.name}{f'（{line.responsible.name}）' if line.responsible else ''}"
            for number, line in enumerate(building.lines, 1)
        ]
    if sheet.others:
        text += ["", "其余：" + "、".join(f"{name}{number}家" for name, number in sheet.others[:20])]
    return "\n".join(text)
