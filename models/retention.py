"""How long a district's check-ins may be kept, on a given day (保存期限): by the scheme of each row, but for what is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, joinedload

from .gate import CheckIn
from .keeping import Hold
from .places import Adoption, Place
from .policy.book import Book

T: Any = CheckIn.__table__
ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """Days whose rows stay: of one place, or with None of the whole district."""

    place_id: int | None
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a district is to be destroyed on a day. `until` is by scheme the last day whose rows go."""

    district_id: int
    until: Mapping[str, date]
    kept: tuple[Kept, ...]
    rule: str

    @property
    def last(self) -> date:
        return max(self.until.values())

    @property
    def last_for_certain(self) -> date:
        """Up to this day every scheme lets go, also one that is not in the book any more."""
        return min(self.until.values())

    def holds(self, place_id: int, day: date) -> bool:
        """Whether the rows of this day are held: nobody may delete them, the visitor neither."""
        return any(k.first <= day <= k.last for k in self.kept if k.place_id in (None, place_id))

    def spans(self, place_id: int, last: date) -> Iterator[tuple[date, date]]:
        """The days up to `last` that nothing holds at this place, from the oldest on."""
        begin = date.min
        for kept in sorted((k.first, k.last) for k in self.kept if k.place_id in (None, place_id)):
            if begin < kept[0] <= last:
                yield begin, kept[0] - ONE
            begin = max(begin, min(kept[1], last) + ONE)
        if begin <= last:
            yield begin, last

    def due(self, place_id: int) -> ColumnElement[bool]:
        """The rows of a place that go. The days stand apart from the scheme, so that the index of place and day is used."""
        days = [T.c.day.between(*span) for span in self.spans(place_id, self.last)]
        last = case(
            *((T.c.scheme_key == key, literal(day, Date)) for key, day in self.until.items()),
            else_=literal(self.last_for_certain, Date),
        )
        return and_(T.c.place_id == place_id, or_(*days) if days else literal(False), T.c.day <= last)


def plan_of(
    session: Session, book: Book, district_id: int, today: date, *, but: Hold | None = None
) -> Plan | None:
    """The plan of today; None where the district has never adopted a scheme and so has no rows.

    A row is kept for the days of the scheme that judged it, in an emergency too: more needs a decision (PRIV-7), a Hold.
    `but`: as if this one had been lifted.
    """
    adopted = session.scalars(
        select(Adoption).where(Adoption.district_id == district_id, Adoption.from_on <= today)
    ).all()
    now_in_force = book.in_force(adopted, today)
    if now_in_force is None:
        return None
    schemes = {one.scheme_key: book.get(one.scheme_key) for one in adopted}
    rules = [f"《{one.title}》登记保存{one.retention.check_in_days}天" for one in schemes.values()]
    return Plan(
        district_id=district_id,
        until={key: today - timedelta(days=one.retention.check_in_days) for key, one in schemes.items()},
        kept=tuple(kept_days(session, district_id, today, now_in_force.retention.emergency_max_days, but)),
        rule="；".join(dict.fromkeys(rules)),
    )


def kept_days(
    session: Session, district_id: int, today: date, emergency_max_days: int, but: Hold | None = None
) -> Iterator[Kept]:
    """What the holds of a district keep today. A park's hold reaches its buildings."""
    holds = session.scalars(
        select(Hold)
        .where(Hold.district_id == district_id, Hold.holding(today))
        .options(joinedload(Hold.order))
        .order_by(Hold.id)
    ).all()
    found = [
        (hold, days) for hold in holds if hold is not but and (days := hold.days(today, emergency_max_days))
    ]
    inside = Place.within("place", [hold.place_id for hold, _ in found if hold.place_id is not None])
    assert inside is not None
    places = session.execute(select(Place.id, Place.parent_id).where(inside)).all()
    for hold, days in found:
        if hold.place_id is None:
            yield Kept(None, *days)
        for number, parent_id in places:
            if hold.place_id is not None and hold.place_id in (number, parent_id):
                yield Kept(number, *days)


def oldest_day(session: Session, district_id: int) -> date | None:
    """The day of the oldest row that a district still has; by the index of each place."""
    first = select(func.min(T.c.day)).where(T.c.place_id == Place.id).scalar_subquery()
    oldest = select(first.label("day")).where(Place.district_id == district_id).subquery()
    found: date | None = session.scalar(select(func.min(oldest.c.day)))
    return found
