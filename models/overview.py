"""A place's day in numbers (一天的数): entries by hour and by gate, what waits. Only read.

Every query names places and days and so goes by an index; none grows with the history of a place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Session

from .base import local
from .gate import OPEN_CASE, CheckIn, Kind
from .judging import Verdict
from .places import ModeOrder, Place

T = CheckIn.__table__
MINUTE = {  # of the hour: in Shanghai the same as in UTC
    "sqlite": "CAST(substr(occurred_at, 15, 2) AS INTEGER)",
    "postgresql": "CAST(extract(minute FROM occurred_at) AS INTEGER)",
}


@dataclass(slots=True)
class Counts:
    """How often what happened. A marked row is in `unconfirmed` alone until a guard confirms it; who was sent off, in none."""

    passed: int = 0  # entries that were passed or, where nothing is judged, registered
    attention: int = 0  # entries that a guard was to look at
    refused: int = 0
    again: int = 0  # the same visitor once more, at this gate or another of the place: no entry
    unconfirmed: int = 0
    confirmed: int = 0  # of the entries: seen by a guard, not declared alone

    @property
    def entered(self) -> int:
        return self.passed + self.attention


@dataclass(slots=True)
class Day:
    """One day of one place with its buildings."""

    total: Counts = field(default_factory=Counts)
    by_hour: dict[int, Counts] = field(default_factory=dict)
    by_gate: dict[int, Counts] = field(default_factory=dict)
    handled: int = 0  # cases of this day that have been dealt with


class Cell(NamedTuple):
    """What rows are counted together by."""

    gate_id: int
    hour: int
    verdict: Verdict
    kind: Kind
    apart: int
    handled: int
    confirmed: int
    sent_off: int


def day_of(session: Session, place_ids: Sequence[int], day: date) -> Day:
    """The counts of a day, from one query."""
    return day_from(cells(session, place_ids, day)[1])


def cells(
    session: Session, place_ids: Sequence[int], day: date, *, above: int = 0, floor: int = 0
) -> tuple[Counter[Cell], Counter[Cell]]:
    """The rows with an id above `above`, counted: those up to `floor`, and the later ones."""
    handled: ColumnElement[int] = literal_column("CASE WHEN handled_at IS NULL THEN 0 ELSE 1 END")
    confirmed: ColumnElement[int] = literal_column("CASE WHEN confirmed_at IS NULL THEN 0 ELSE 1 END")
    apart: ColumnElement[int] = literal_column("CASE WHEN marks = '' THEN 0 ELSE 1 END")
    sent_off: ColumnElement[int] = literal_column("CASE WHEN left_how = 'absent' THEN 1 ELSE 0 END")
    late = case((T.c.id > literal_column(str(floor)), 1), else_=0)
    keys = (late, T.c.gate_id, T.c.hour, T.c.verdict, T.c.kind, apart, handled, confirmed, sent_off)
    rows = session.execute(
        select(*keys, func.count())
        .where(T.c.place_id.in_(place_ids), T.c.day == day, T.c.id > above)
        .group_by(*keys)
    )
    found: tuple[Counter[Cell], Counter[Cell]] = Counter(), Counter()
    for is_late, *key, number in rows:
        found[is_late][Cell(*key)] += number
    return found


def day_from(counted: Mapping[Cell, int]) -> Day:
    found = Day()
    for cell, number in counted.items():
        if cell.handled:
            found.handled += number
        marked = bool(cell.apart) and not cell.confirmed
        if cell.sent_off or (marked and cell.handled):
            continue  # looked at, and no entry
        column = _column(cell.verdict, cell.kind, marked)
        at_hour = found.by_hour.setdefault(cell.hour, Counts())
        at_gate = found.by_gate.setdefault(cell.gate_id, Counts())
        for counts in (found.total, at_hour, at_gate):
            setattr(counts, column, getattr(counts, column) + number)
            if cell.confirmed and column in ("passed", "attention"):
                counts.confirmed += number
    return found


def _column(verdict: Verdict, kind: Kind, marked: bool) -> str:
    if marked:
        return "unconfirmed"
    if verdict == Verdict.REFUSED:
        return "refused"
    if kind != Kind.ENTRY:
        return "again"
    return "attention" if verdict == Verdict.ATTENTION else "passed"


@dataclass(frozen=True, slots=True)
class Before:
    """What to compare a day with: yesterday until this minute, the hours of the same weekday last week."""

    yesterday: int
    last_week: dict[int, int]


def entries_by_minute(session: Session, place_ids: Sequence[int], day: date) -> dict[int, int]:
    """The entries of a day, as `Counts.entered` counts them, by minute from midnight in Shanghai."""
    minute: ColumnElement[int] = literal_column(MINUTE[session.get_bind().dialect.name])
    rows = session.execute(
        select(T.c.hour, minute, func.count())
        .where(
            T.c.place_id.in_(place_ids), T.c.day == day, CheckIn.counted(),
        )
        .group_by(T.c.hour, minute)
    )  # fmt: skip
    return {60 * hour + minutes: number for hour, minutes, number in rows}


@dataclass(frozen=True, slots=True)
class Open:
    """The cases that wait for somebody, of whatever day: a night does not close them."""

    count: int
    earlier: int  # of them, from days before today
    oldest_at: datetime | None


def still_open(today: date) -> ColumnElement[bool]:
    """What waits: every abnormal entry of today, and of earlier days those that were refused.

    Somebody who was to be looked at yesterday has long gone; somebody with a fever has still to be heard of.
    """
    return and_(text(OPEN_CASE), or_(T.c.day == today, T.c.verdict == Verdict.REFUSED))


def open_at(session: Session, place_ids: Sequence[int], today: date) -> Open:
    earlier = func.sum(case((T.c.day < today, 1), else_=0))
    row = session.execute(
        select(func.count(), earlier, func.min(T.c.occurred_at)).where(
            T.c.place_id.in_(place_ids), still_open(today)
        )
    ).one()
    return Open(row[0], row[1] or 0, row[2])


# --- the chart of hours ---


@dataclass(frozen=True, slots=True)
class Bar:
    hour: int
    counts: Counts
    before: int  # the same hour of the same weekday last week
    is_now: bool
    is_ahead: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Entries by hour, ready to be drawn: `top` is the end of the axis, `step` the distance of its lines."""

    bars: tuple[Bar, ...]
    top: int
    step: int
    peak: Bar | None  # the busiest hour so far

    @property
    def refused_hours(self) -> list[int]:
        return [bar.hour for bar in self.bars if bar.counts.refused]

    @property
    def refused(self) -> int:
        return sum(bar.counts.refused for bar in self.bars)


def chart_of(day: Day, earlier: Before, places: Iterable[Place], now: datetime) -> Chart:
    """From the first to the last hour in which a place is open or somebody came."""
    current = local(now).hour
    hours = {*day.by_hour, *earlier.last_week, current}
    for place in places:
        hours |= _opening_hours(place)
    bars = tuple(
        Bar(
            hour,
            day.by_hour.get(hour, Counts()),
            earlier.last_week.get(hour, 0),
            hour == current,
            hour > current,
        )
        for hour in range(min(hours), max(hours) + 1)
    )
    most = max(max(bar.counts.entered, bar.before) for bar in bars)
    step = _step(most)
    peak = max(bars, key=lambda bar: bar.counts.entered)
    return Chart(bars, max(step * -(-most // step), step), step, peak if peak.counts.entered else None)


def _opening_hours(place: Place) -> set[int]:
    if place.opens is None or place.closes is None or place.closes <= place.opens:
        return {0, 23}
    return {place.opens.hour, place.closes.hour if place.closes.minute else place.closes.hour - 1}


def _step(most: int) -> int:
    """1, 2, 5, 10, 20, 50 … so that an axis up to `most` has at most five lines."""
    step = 1
    for factor in (1, 2, 5) * 8:
        candidate = factor * step
        if candidate * 5 >= most:
            return candidate
        if factor == 5:
            step *= 10
    return step


# --- several places ---


@dataclass(frozen=True, slots=True)
class PlaceNow:
    """A place in a list: today's entries, the cases that wait, whether an emergency reaches it."""

    entered: int = 0
    waiting: int = 0
    orders: tuple[ModeOrder, ...] = ()


def places_now(session: Session, places: Sequence[Place], now: datetime) -> dict[int, PlaceNow]:
    """How each of these places stands, from three queries. A park's numbers include its buildings."""
    ids = [place.id for place in places]
    entered = Counter(_by_place(session, ids, T.c.day == local(now).date(), CheckIn.counted()))
    waiting = Counter(_by_place(session, ids, still_open(local(now).date())))
    districts = {place.district_id for place in places}
    orders = session.scalars(
        select(ModeOrder)
        .where(ModeOrder.open_at(now), ModeOrder.district_id.in_(districts))
        .order_by(ModeOrder.starts_at)
    ).all()
    inside = {place.id: [p.id for p in places if place.id in (p.id, p.parent_id)] for place in places}
    return {
        place.id: PlaceNow(
            entered=sum(entered[i] for i in inside[place.id]),
            waiting=sum(waiting[i] for i in inside[place.id]),
            orders=tuple(order for order in orders if order.reaches(place)),
        )
        for place in places
    }


def _by_place(session: Session, ids: list[int], *conditions: Any) -> dict[int, int]:
    query = (
        select(T.c.place_id, func.count()).where(T.c.place_id.in_(ids), *conditions).group_by(T.c.place_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}
