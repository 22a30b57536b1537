"""The SQL of a check-in (登记的语句), each statement ready once for a dialect; `register` says when which of them is run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    SmallInteger,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from .driver import Ready
from .gate import CheckIn, Departure, Kind
from .gateview import Version

T: Any = CheckIn.__table__
RECENT = (T.c.id, T.c.place_id, T.c.gate_id, T.c.verdict, T.c.occurred_at, T.c.name, T.c.day, T.c.kind, T.c.party,
          T.c.mobile_index, T.c.device_index, T.c.measured_by, T.c.confirmed_at, T.c.left_at)  # fmt: skip
RECENT_ROWS = 200
LATER = ("id", "call_number", "recheck_asked_at", "handled_at")  # call_number comes with the INSERT
BY_OTHERS = (
    "source",
    "hand_reason",
    "party",
    "recorded_by_id",
    "confirmed_by_id",
    "left_at",
    "left_how",
    "left_by_id",
)
GIVEN = [c for c in T.c if c.name not in LATER]  # what an attempt gives
# and a visitor's own alone, of whom nothing is known yet; each value is sent once
GIVEN_FIRST = {c: c.name for c in GIVEN if c.name not in (*BY_OTHERS, "earlier_id")} | {
    T.c.arrived_at: "occurred_at"
}
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
GATES = Version.name == literal_column("'gates'")


@cache
def look(dialect: Dialect) -> Ready:
    """The number of Version, and beside it the recent rows of this device and this mobile; without any, a row of None."""
    rows, lately = _recent_rows(RECENT)
    return Ready(
        select(Version.number, rows).join_from(Version, rows, lately, isouter=True).where(GATES), dialect
    )


@cache
def insert_first(dialect: Dialect) -> Ready:
    """One row if Version still has this number, and nobody with this device or mobile has been here lately: no row that a
    rule would look at. It saves most check-ins the question before the INSERT.

    psycopg reads a text of more than 4096 characters anew each time, which costs more than is saved.
    """
    seen = T.c.day, T.c.occurred_at, T.c.kind, T.c.verdict, T.c.left_at
    rows, lately = _recent_rows(seen, device="device_index", mobile="mobile_index", day="day")
    unchanged = select(Version.number).where(GATES).scalar_subquery() == bindparam("number")
    nobody = ~exists(select(rows.c.day).where(lately))
    values = [_given(column, name, dialect) for column, name in GIVEN_FIRST.items()]
    names = [column.name for column in GIVEN_FIRST]
    row = INSERT[dialect.name](T).from_select(
        [*names, "call_number"],
        select(*values, _turn("place_id", "day")).where(unchanged, nobody),
        include_defaults=False,
    )
    return Ready(row.on_conflict_do_nothing().returning(T.c.id), dialect)


@cache
def insert(dialect: Dialect) -> Ready:
    """One row unless its nonce is there."""
    row = INSERT[dialect.name](T).values(call_number=_turn())
    names = [column.name for column in GIVEN]
    return Ready(row.on_conflict_do_nothing().returning(T.c.id), dialect, names)


@cache
def verdict_of_nonce(dialect: Dialect) -> Ready:
    return Ready(select(T.c.verdict).where(T.c.nonce == bindparam("nonce")), dialect)


@cache
def moved(dialect: Dialect) -> Ready:
    """Ends a visit elsewhere, of somebody who has just come in here."""
    left: dict[str, Any] = {
        "left_at": bindparam("moved_at"),
        "left_how": literal_column(f"'{Departure.MOVED.value}'"),
    }
    return Ready(update(T).where(*_ONE, T.c.left_at.is_(None)).values(left).returning(T.c.id), dialect)


@cache
def no_entry(dialect: Dialect) -> Ready:
    """Makes an attempt of what was taken for an entry."""
    again: dict[str, Any] = {"kind": literal_column(f"'{Kind.AGAIN.value}'")}
    return Ready(update(T).where(*_ONE).values(again).returning(T.c.id), dialect)


_ONE = (T.c.id == bindparam("row"), T.c.day == bindparam("row_day"))


def _recent_rows(
    columns: Sequence[Any], *, device: str = "same_device", mobile: str = "same_mobile", day: str = "on_day"
) -> tuple[Subquery, ColumnElement[bool]]:
    """The last rows of this device and of this mobile since yesterday, and the condition that a rule looks at them: what is of
    today, what is younger than RECHECK_WINDOW, and a visit that has not ended.

    Two look-ups that each end at RECENT_ROWS, not one with OR: no planner can think of reading the table backwards. The
    constants stand in the text: a plan that is made once for all values knows them.
    """

    def last(column: Any, value: str) -> Any:
        # on PostgreSQL the weeks before and after are not even looked into
        lately = T.c.day.between(bindparam("since", type_=Date), bindparam(day, type_=Date))
        newest = select(*columns).where(column == bindparam(value), lately).order_by(T.c.id.desc())
        return select(newest.limit(literal_column(str(RECENT_ROWS))).subquery())

    rows = union_all(last(T.c.device_index, device), last(T.c.mobile_index, mobile)).subquery()
    today = bindparam(day, type_=Date)
    going_on = and_(
        rows.c.left_at.is_(None),
        rows.c.kind == literal_column("'entry'"),
        rows.c.verdict != literal_column("'refused'"),
    )
    return rows, or_(rows.c.day == today, rows.c.occurred_at > bindparam("horizon"), going_on)


def _turn(place: str = "at_place", day: str = "on_day") -> ColumnElement[int]:
    """The call number goes on from the place's last of the day, 100 to 999 in turn, so that neighbours in the queue differ."""
    following = (
        select(case((T.c.call_number >= _number(999), _number(100)), else_=T.c.call_number + _number(1)))
        .where(T.c.place_id == bindparam(place), T.c.day == bindparam(day, type_=Date))
        .order_by(T.c.id.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    return func.coalesce(following, _number(100)).label("call_number")


def _number(value: int) -> ColumnElement[int]:
    """A constant in the text of a statement, not one more value to send."""
    return literal_column(str(value), SmallInteger)


def _given(column: Any, name: str, dialect: Dialect) -> ColumnElement[Any]:
    """A value in a SELECT. PostgreSQL has to be told its type there; SQLite's CAST would change it."""
    value = bindparam(name, type_=column.type)
    return cast(value, column.type) if dialect.name == "postgresql" else value
