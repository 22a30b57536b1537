"""Daily sums (日合计): what each gate's hour of a past day came to. They stay when the rows go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .gate import CheckIn, Kind
from .judging import Verdict
from .keeping import DaySum
from .places import Place

T: Any = CheckIn.__table__
S: Any = DaySum.__table__
LATE = timedelta(days=7)  # readings, notes and rows from paper come so long after their day
KEY = ("place_id", "day", "gate_id", "hour")
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

_SET_APART = and_(T.c.marks != "", T.c.confirmed_at.is_(None))
_ENTERED = and_(T.c.kind == Kind.ENTRY, T.c.verdict != Verdict.REFUSED)
# As models.overview counts a day: each row in one column, one that is set apart in `unconfirmed` alone.
_COLUMNS: Mapping[str, ColumnElement[bool]] = {
    "passed": and_(~_SET_APART, _ENTERED, T.c.verdict != Verdict.ATTENTION),
    "attention": and_(~_SET_APART, _ENTERED, T.c.verdict == Verdict.ATTENTION),
    "refused": and_(~_SET_APART, T.c.verdict == Verdict.REFUSED),
    "again": and_(~_SET_APART, T.c.kind != Kind.ENTRY, T.c.verdict != Verdict.REFUSED),
    "unconfirmed": and_(_SET_APART, T.c.handled_at.is_(None)),
    "confirmed": and_(_ENTERED, T.c.confirmed_at.is_not(None)),
    "handled": T.c.handled_at.is_not(None),
}


def sums_of(session: Session, place_ids: Collection[int], day: date) -> list[dict[str, Any]]:
    """The sums of a day of these places as their rows stand now."""
    counted = [func.sum(case((which, 1), else_=0)).label(name) for name, which in _COLUMNS.items()]
    keys = (T.c.district_id, *(T.c[name] for name in KEY))
    rows = session.execute(
        select(*keys, *counted).where(T.c.place_id.in_(place_ids), T.c.day == day).group_by(*keys)
    )
    return [dict(row._mapping) for row in rows]


def keep(session: Session, sums: Iterable[Mapping[str, Any]]) -> None:
    """Writes sums down, in place of those that were there for the same hour."""
    found = list(sums)
    if found:
        row = INSERT[session.get_bind().dialect.name](S)
        changed = {name: row.excluded[name] for name in _COLUMNS}
        session.execute(row.on_conflict_do_update(index_elements=KEY, set_=changed), found)


def wanting(session: Session, today: date) -> dict[date, list[int]]:
    """The past days whose sums are to be made, with the places: those that have none, and those younger than LATE."""
    days = _days_with_rows()
    summed = exists(select(S.c.id).where(S.c.place_id == days.c.place_id, S.c.day == days.c.day))
    rows = session.execute(
        select(days.c.day, days.c.place_id)
        .where(days.c.day < today, or_(days.c.day >= today - LATE, ~summed))
        .order_by(days.c.day, days.c.place_id)
    )
    found: dict[date, list[int]] = defaultdict(list)
    for day, place_id in rows:
        found[day].append(place_id)
    return found


def _days_with_rows() -> Any:
    """The days on which a place has rows, each found from the one before by the index: the rows are not read."""
    first = select(func.min(T.c.day)).where(T.c.place_id == Place.id).scalar_subquery()
    days = select(Place.id.label("place_id"), first.label("day")).cte("days", recursive=True)
    later = select(func.min(T.c.day)).where(T.c.place_id == days.c.place_id, T.c.day > days.c.day)
    return days.union_all(select(days.c.place_id, later.scalar_subquery()).where(days.c.day.is_not(None)))


def ensure(session: Session, place_id: int, days: Iterable[date]) -> None:
    """Makes the sums of these days of a place if they have none: call it before their rows go."""
    wanted = set(days)
    made = session.scalars(select(S.c.day).where(S.c.place_id == place_id, S.c.day.in_(wanted)).distinct())
    for day in sorted(wanted.difference(made)):
        keep(session, sums_of(session, [place_id], day))
