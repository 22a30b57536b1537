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
from models.tracking import By, FirmOrder, Line, Only, Tally

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
    session = db.session()
    assert found.span is not None
    here = tracking.divided(session, found.ground, found.span, By.PLACE)
    worst = sorted(
        ((key, one.missing) for key, one in here.items() if one.missing), key=lambda pair: (-pair[1], pair[0])
    )
    names = tracking.names_of(session, By.PLACE, [key for key, _ in worst])
    buildings: list[Building] = []
    others: list[tuple[str, int]] = []
    left = room
    for key, number in worst:
        if left < 2:
            others.append((names[key], number))
            continue
        lines = _lines(found, key, left)
        kept = _fitting(lines, left - 1) if one_page else lines[:left]
        if not kept:
            others.append((names[key], number))
            left = 0
            continue
        left -= 1 + sum(_height(one) for one in kept) if one_page else len(kept)
        buildings.append(Building(names[key], number, kept))
        if len(kept) < number:
            others.append((f"{names[key]}另有", number - len(kept)))
            left = 0
    return Sheet(found.now_tally, buildings, others)


def _lines(found: Asked, place: int, most: int) -> list[Line]:
    session = db.session()
    assert found.span is not None
    ground = found.ground if By.PLACE in found.ground.of else found.ground.narrowed(By.PLACE, place)
    query = tracking.firms(session, ground, found.span, Only.MISSING, order=FirmOrder.NAME)
    return tracking.lines(session, session.scalars(query.limit(most)).all(), site.now())


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
