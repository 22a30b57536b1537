"""What an address of the tracking asks for (报送跟踪的筛选): which period, where, by what. A made-up value is none; nobody sees further
than they reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import request, url_for
from flask_login import current_user

from blueprints.web.guard import serving
from blueprints.web.site import site
from models import overdue, tracking
from models.base import db, local
from models.places import Community, Place, Street, Unit
from models.policy.schema import Mode
from models.report_tally import SIZES
from models.tracking import By, FirmOrder, Ground, Only, Sort, Span, Tally

LONGEST = 60  # signs of a search
RUNNING = timedelta(days=31)  # a period that has begun ends within so many days: up to then a history reaches
EARLIEST, LATEST = date(2020, 1, 1), date(2100, 1, 1)
FILTERS = ("period", "until", "by", "at", "sort", "show", "order", "q", *(by.value for by in By))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at. `span` is None where nothing has ever been owed here."""

    ground: Ground
    names: Sequence[tuple[By, str]]  # to what it is narrowed, as people call it
    history: Sequence[tuple[Span, Tally]]  # the newest first
    overdue: Sequence[tuple[Span, Tally]]  # past due and not locked, now, whatever is looked at
    span: Span | None
    tally: Tally  # of the span, as at the deadline where that is asked for
    now_tally: Tally
    by: By
    at_deadline: bool

    @property
    def where(self) -> str:
        """桂湖街道; 全区."""
        return "，".join(name for _, name in self.names)

    @property
    def others(self) -> Sequence[tuple[Span, Tally]]:
        """The other periods that are past due and of which something is missing."""
        return [(span, tally) for span, tally in self.overdue if span != self.span and tally.missing]

    @property
    def before(self) -> tuple[Span, Tally] | None:
        """The period before, with its numbers as at its deadline."""
        older = [pair for pair in self.history if self.span and pair[0].last_on < self.span.first_on]
        return (older[0][0], older[0][1].at_deadline()) if older else None


def asked(action: str) -> Asked:
    session, now = db.session(), site.now()
    today = local(now).date()
    base = tracking.ground_of(session, serving(), action, current_user.district_id, {})
    ground, names = _narrowed(base)
    wanted = _period(request.args.get("period", ""))
    latest = today + RUNNING
    until = _day(request.args.get("until", "")) or _usual_end(wanted, today) or latest
    history = tracking.history(session, ground, until)
    recent = history if until == latest else tracking.history(session, ground, latest)
    span = next((one for one, _ in history if wanted == (one.first_on, one.last_on, one.mode)), None)
    span = span or tracking.usual(history, now)
    tally = dict(history).get(span, Tally()) if span else Tally()
    at_deadline = request.args.get("at") == "due"
    return Asked(
        ground, names, history, overdue.spans_of(recent, now), span, tally.at_deadline() if at_deadline else tally, tally,
        _one_of(choices_of(ground), request.args.get("by")) or choices_of(ground)[0], at_deadline,
    )  # fmt: skip


def _usual_end(wanted: tuple[date, date, Mode] | None, today: date) -> date | None:
    """A history ends with the period that is asked for, where that is of long ago."""
    old = wanted is not None and wanted[1] < today - tracking.LOOKED_BACK / 2
    return wanted[1] if wanted and old else None


def choices_of(ground: Ground) -> list[By]:
    """By what this ground can be divided, the usual way first."""
    first = By.STREET if ground.whole and By.STREET not in ground.of else By.PLACE
    return sorted((by for by in By if by not in ground.of), key=lambda by: by is not first) or [By.PLACE]


def to(endpoint: str, **changes: Any) -> str:
    """The address of another page of the tracking that shows the same, but for these changes."""
    kept = {name: request.args[name] for name in FILTERS if request.args.get(name)} | changes
    return url_for(endpoint, **{name: value for name, value in kept.items() if value not in (None, "")})


def only_asked() -> Only | None:
    """未报 unless something else, or all, is asked for."""
    text = request.args.get("show")
    return None if text == "all" else _one_of(Only, text) or Only.MISSING


def sort_asked() -> Sort:
    return _one_of(Sort, request.args.get("sort")) or Sort.MISSING


def order_asked() -> FirmOrder:
    return _one_of(FirmOrder, request.args.get("order")) or FirmOrder.FILED


def text_asked() -> str:
    return "".join(sign for sign in request.args.get("q", "") if sign.isprintable())[:LONGEST].strip()


def _narrowed(ground: Ground) -> tuple[Ground, list[tuple[By, str]]]:
    """The ground as the address narrows it. What lies in another district, or nowhere, is left out."""
    names = []
    for by in By:
        text = request.args.get(by.value, "")
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            continue
        key = int(text)
        name = _name(by, key, ground.district_id)
        if name:
            ground = ground.narrowed(by, key)
            names.append((by, name))
    return ground, names


def _name(by: By, key: int, district_id: int) -> str | None:
    if key == 0:
        return tracking.NONE[by]
    if by is By.SIZE:
        size = SIZES[key] if key < len(SIZES) else None
        return size.label if size else None
    session = db.session()
    models: dict[By, Any] = {By.STREET: Street, By.UNIT: Unit, By.PLACE: Place, By.COMMUNITY: Community}
    row = session.get(models[by], key)
    if row is None:
        return None
    district = (
        session.get_one(Street, row.street_id).district_id if isinstance(row, Community) else row.district_id
    )
    return row.name if district == district_id else None


def _period(text: str) -> tuple[date, date, Mode] | None:
    first, _, rest = text.partition("-")
    last, _, mode = rest.partition("-")
    days = _day(first), _day(last)
    found = _one_of(Mode, mode)
    return (days[0], days[1], found) if days[0] and days[1] and found else None


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text) if len(text) in (8, 10) and text.isascii() else None
    except ValueError:
        return None
    return found if found and EARLIEST <= found <= LATEST else None


def _one_of(choices: Any, value: str | None) -> Any:
    return next((one for one in choices if one.value == value), None)
