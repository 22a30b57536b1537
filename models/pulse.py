"""Has anything changed at a place (动静): a few numbers that a page has seen, and one statement that asks for more.

Two things tell. New entries are counted, above an id under which all was settled. Whatever is done to a row that is there
(measured, handled, a recheck asked for) moves a number of the place in `version`, in the same transaction; and so does, under
"gates", what changes the gates themselves. A check-in moves no number: a thousand visitors would queue for one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Date,
    Select,
    bindparam,
    event,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from .driver import DriverConnection, Ready
from .gate import CheckIn
from .gateview import Version

T: Any = CheckIn.__table__
V: Any = Version.__table__
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
SETTLED = timedelta(seconds=30)  # how long a row may take from its id to its commit
EVERY_GATE = 0


def move(connection: Connection, place_ids: Iterable[int]) -> None:
    """Something other than a check-in has happened at these places: the pages that watch them look again.

    Called in the transaction of what happened, and late in it: until it ends, nobody else moves the same place.
    """
    for place_id in sorted(set(place_ids)):  # in one order, so that no two of them wait for each other
        connection.execute(_one_more(connection.dialect.name), {"of_place": _name(place_id)})


def move_on(connection: DriverConnection, place_ids: Iterable[int]) -> None:
    """The same on the hot path."""
    for place_id in sorted(set(place_ids)):
        connection.run(_ready_one_more, {"of_place": _name(place_id)})


@cache
def _one_more(dialect: str) -> Any:
    first = INSERT[dialect](V).values(name=bindparam("of_place"), number=literal_column("1"))
    return first.on_conflict_do_update(
        index_elements=[V.c.name], set_={"number": V.c.number + literal_column("1")}
    ).returning(V.c.number)


@cache
def _ready_one_more(dialect: Dialect) -> Ready:
    return Ready(_one_more(dialect.name), dialect)


@event.listens_for(Session, "after_flush")
def _move_changed(session: Session, _context: Any) -> None:
    """What is done to check-ins by way of the ORM, their readings and notes included. New ones too: nobody knows how long the
    transaction lasts in which they got their ids."""
    changed = [o for o in (*session.new, *session.deleted) if isinstance(o, CheckIn)]
    changed += [o for o in session.dirty if isinstance(o, CheckIn) and session.is_modified(o)]
    if changed:
        move(session.connection(), [o.place_id for o in changed])


def _name(place_id: int) -> str:
    return f"place:{place_id}"


@dataclass(frozen=True, slots=True)
class Pulse:
    """How much of a day a page has seen, at these places or at one gate of them.

    The entries above `floor` are counted, rather than looked for above the newest, because on PostgreSQL a row with a smaller
    id may commit after one with a larger. Every row up to `floor` had arrived SETTLED ago.
    """

    place_ids: tuple[int, ...]
    gate_id: int  # EVERY_GATE, or the one that matters
    day: date
    floor: int
    entries: int
    moves: int

    @classmethod
    def take(
        cls, session: Session, place_ids: Sequence[int], day: date, now: datetime, gate_id: int = EVERY_GATE
    ) -> Self:
        """Taken before the page's other queries: what comes in between is shown twice rather than lost."""
        floor = session.scalar(_floor(place_ids, day, now - SETTLED)) or 0
        seen = cls(tuple(place_ids), gate_id, day, floor, 0, 0)
        entries, moves = session.execute(_numbers(len(place_ids), gate_id != EVERY_GATE), seen.asked()).one()
        return cls(seen.place_ids, gate_id, day, floor, entries, moves)

    def moved(self, connection: DriverConnection) -> bool:
        """Whether there is more by now, from one statement."""
        count, of_gate = len(self.place_ids), self.gate_id != EVERY_GATE
        (found,) = connection.run(lambda dialect: ready(dialect, count, of_gate), self.asked())
        return (found.entries, found.moves) != (self.entries, self.moves)

    def asked(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"on_day": self.day, "floor": self.floor}
        if self.gate_id != EVERY_GATE:
            asked["gate"] = self.gate_id
        for number, place_id in enumerate(self.place_ids):
            asked[f"at_{number}"], asked[f"moved_{number}"] = place_id, _name(place_id)
        return asked

    def packed(self) -> str:
        """In digits, hyphens and dots, to travel with the page."""
        numbers = (self.day.toordinal(), self.gate_id, self.floor, self.entries, self.moves)
        return ".".join(("-".join(map(str, self.place_ids)), *map(str, numbers)))

    @classmethod
    def unpacked(cls, packed: str) -> Self:
        places, *numbers = packed.split(".")
        day, gate_id, floor, entries, moves = map(int, numbers)
        ids = tuple(map(int, places.split("-")))
        return cls(ids, gate_id, date.fromordinal(day), floor, entries, moves)


def _floor(place_ids: Sequence[int], day: date, before: datetime) -> Select:
    """The newest id that had arrived by then. A look-up for each place, from the end of its day backwards."""
    last = [
        select(
            select(T.c.id)
            .where(T.c.place_id == place_id, T.c.day == day, T.c.arrived_at <= before)
            .order_by(T.c.id.desc())
            .limit(1)
            .subquery()
        )
        for place_id in place_ids
    ]
    return select(func.max(union_all(*last).subquery().c.id))


@cache
def _numbers(places: int, of_gate: bool) -> Select:
    """The two numbers, for so many places."""
    here = [
        T.c.place_id.in_([bindparam(f"at_{number}") for number in range(places)]),
        T.c.day == bindparam("on_day", type_=Date),
        T.c.id > bindparam("floor"),
    ]
    if of_gate:
        here.append(T.c.gate_id == bindparam("gate"))
    names: list[Any] = [
        literal_column("'gates'"),
        *(bindparam(f"moved_{number}") for number in range(places)),
    ]
    return select(
        select(func.count()).select_from(T).where(*here).scalar_subquery().label("entries"),
        select(func.coalesce(func.sum(V.c.number), 0)).where(V.c.name.in_(names)).scalar_subquery().label("moves"),
    )  # fmt: skip


@cache
def ready(dialect: Dialect, places: int, of_gate: bool) -> Ready:
    return Ready(_numbers(places, of_gate), dialect)
