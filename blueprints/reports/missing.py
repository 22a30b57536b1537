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
from models import overdue, tracking
from models.base import db, local
from models.places import District
from models.tracking import By, Line, Span, Tally

ROOM = 40  # lines of one sheet of A4
WIDE, NARROW = 22, 14  # signs of a name that fit into a line of it; where a column says the period
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

    missing: int = 0
    periods: list[tuple[Span, int, Tally | None]] = field(default_factory=list)  # no tally of what is apart
    buildings: list[Building] = field(default_factory=list)
    others: list[tuple[str, int]] = field(default_factory=list)

    @property
    def several(self) -> bool:
        return len(self.periods) > 1

    @property
    def unit(self) -> str:
        """Of several periods reports are counted: an enterprise may owe more than one."""
        return "份" if self.several else "家"

    @property
    def listed(self) -> int:
        return sum(len(one.lines) for one in self.buildings)


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
    sheet = _sheet(found, ROOM, one_page=True) if found.span else Sheet()
    content = pdf.document(
        "documents/missing.html", "missing.css", asked=found, sheet=sheet, now_at=site.now(), author=district.organiser,
        district=district, person=current_user.name,
    )  # fmt: skip
    guard.seen(printed="missing", count=sheet.listed)
    return content


def _sheet(found: Asked, room: int, *, one_page: bool) -> Sheet:
    """All that is overdue; or of the one period that is looked at, where that is not yet due or is locked. A fixed number of
    queries, however many buildings there are."""
    session, span, now = db.session(), found.span, site.now()
    assert span is not None
    if span.is_overdue(now):
        where = overdue.all_overdue(session, found.ground, [one for one, _ in found.overdue], now)
    else:
        where = overdue.all_missing(found.ground, span)
    missing, tallies = overdue.count(session, where), dict([*found.overdue, (span, found.now_tally)])
    periods = [(one, number, tallies.get(one)) for one, number in missing.periods]
    sheet, worst = Sheet(missing.total, periods), missing.worst()
    names = tracking.names_of(session, By.PLACE, worst)
    rows = overdue.first_of(session, where, missing, room)
    lines: dict[int, list[Line]] = {key: [] for key in worst}
    for line in tracking.lines(session, rows, now):
        lines[line.obligation.place_id or 0].append(line)
    left, wide = room, NARROW if sheet.several else WIDE
    if one_page and sheet.several:
        left -= len(periods)
    for key in worst:
        number = missing.places[key]
        kept = _fitting(lines[key], left - 1, wide) if one_page else lines[key]
        if kept:
            sheet.buildings.append(Building(names[key], number, kept))
        if len(kept) < number:
            sheet.others.append((f"{names[key]}另有" if kept else names[key], number - len(kept)))
            left = 0  # what follows would stand out of its order
        left -= 1 + sum(_height(one, wide) for one in kept)
    return sheet


def _fitting(lines: Iterable[Line], room: int, wide: int) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        room -= _height(line, wide)
        if room < 0:
            break
        kept.append(line)
    return kept


def _height(line: Line, wide: int) -> int:
    """Lines of paper that it takes."""
    return -(-len(line.enterprise.name) // wide)


def _as_text(found: Asked, sheet: Sheet) -> str:
    """For a chat group: names of enterprises and of who answers for them, no telephone, nothing of anybody's health."""
    now = site.now()
    until = f"到{filters.instant(now)}"
    text = (
        []
        if not sheet.several
        else [f"{found.where}{until}，还有{sheet.missing}份报送没有报，已经截止，请尽快补报。"]
    )
    for span, number, tally in sheet.periods:
        owed = f"应报{tally.expected}家，还有{number}家没有报" if tally else f"还有{number}家没有报"
        if sheet.several:
            text.append(f"{span.title}：{owed}，{filters.instant(span.due_at)}截止。")
        else:
            ends = "已截止，请尽快补报" if span.is_due(now) else "截止"
            text += [
                f"{found.where}{span.title}：{until}，{owed}。",
                f"{filters.instant(span.due_at)}{ends}。",
            ]
    for building in sheet.buildings:
        text += ["", f"【{building.name}】{building.missing}{sheet.unit}"]
        text += [f"{number}. {_named(line, sheet)}" for number, line in enumerate(building.lines, 1)]
    if sheet.others:
        rest = "、".join(f"{name}{number}{sheet.unit}" for name, number in sheet.others[:20])
        text += ["", f"其余：{rest}"]
    return "\n".join(text)


def _named(line: Line, sheet: Sheet) -> str:
    who = f"（{line.responsible.name}）" if line.responsible and line.responsible.name else ""
    return f"{line.enterprise.name}{who}{'，' + line.obligation.title if sheet.several else ''}"
