"""How a visit ends, and who is inside (离开、谁在里面).

A visit is the entry with which it began; who scans again or walks to another gate goes on with it. All here is about
that one row: `left_at` and what stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, or_, select, text, update
from sqlalchemy.orm import Session, defer, selectinload

from .base import RuleBroken, local
from .gate import INSIDE, CheckIn, Departure, Kind
from .judging import Verdict
from .places import Place
from .pulse import move

T: Any = CheckIn.__table__
UNDO = timedelta(minutes=1)  # how long a guard may take back that somebody has left
VISIT = (T.c.id, T.c.nonce, T.c.day, T.c.place_id, T.c.kind, T.c.verdict, T.c.name, T.c.call_number, T.c.occurred_at,
         T.c.mobile_index, T.c.device_index, T.c.party, T.c.confirmed_at, T.c.left_at, T.c.left_how)  # fmt: skip


# --- leaving ---


@dataclass(frozen=True, slots=True)
class Going:
    """Somebody on a pass. `visit` is the entry with which their visit began; None where they never came in."""

    row: Any
    visit: Any | None

    @property
    def is_here(self) -> bool:
        """Whether there is a visit that could end. It may still wait for the guard: whoever leaves has left."""
        return self.visit is not None and self.visit.left_at is None


def party_of(connection: Connection, row: Any) -> list[Going]:
    """Everybody of a pass: who filled in the form of `row`, then whoever came along, in that form or in the one with which
    the visit began. Nobody stands there twice."""
    rows = [row, *_companions(connection, row)]
    visits = visits_of(connection, rows, follow=True)
    first = visits[row.id]
    if first is not None and first.nonce != row.nonce:
        earlier = _companions(connection, first)
        rows += earlier
        visits |= visits_of(connection, earlier, follow=True)
    found: dict[int, Going] = {}
    for one in rows:
        visit = visits[one.id]
        found.setdefault(one.id if visit is None else visit.id, Going(one, visit))
    return list(found.values())


def going(connection: Connection, row: Any) -> Going:
    """One person of a pass or a list, without the others."""
    return Going(row, visits_of(connection, [row], follow=True)[row.id])


def leave(
    connection: Connection, people: Iterable[Going], *, now: datetime, how: Departure, by_id: int | None = None
) -> int:  # fmt: skip
    """Ends the visits that still go on, and says how many. A second exit and one without an entry change nothing."""
    visits = [one.visit for one in people if one.visit is not None and one.visit.left_at is None]
    if not visits:
        return 0
    if how == Departure.ABSENT and any(visit.confirmed_at is not None for visit in visits):
        raise RuleBroken("门岗确认过这个人到场。人走了，请用“登记离开”")
    ended = connection.execute(
        update(T)
        .where(
            T.c.id.in_([visit.id for visit in visits]), T.c.day.in_({visit.day for visit in visits}),
            T.c.left_at.is_(None),
        )
        .values(left_at=now, left_how=how, left_by_id=by_id)
    )  # fmt: skip
    move(connection, {visit.place_id for visit in visits})
    return ended.rowcount


def undo(session: Session, entry: CheckIn, *, now: datetime, by_id: int) -> None:
    """Takes back, within UNDO, that this guard has let somebody out."""
    if entry.left_at is None:
        raise RuleBroken("这个人没有登记离开，不用撤销")
    by_me = entry.left_how in (Departure.GUARD, Departure.ABSENT) and entry.left_by_id == by_id
    if not by_me or now - entry.left_at > UNDO:
        raise RuleBroken("只能撤销自己1分钟以内登记的离开。人还在里面，请他再扫一次码，或代他登记")
    entries = _entries_of(session.connection(), [entry])
    again = [e for e in entries if e.id > entry.id and e.left_at is None and of_one_visitor(entry, e)]
    if again:
        raise RuleBroken(f"这个人{local(again[-1].occurred_at):%H:%M}又登记进来了，不用撤销")
    entry.left_at = entry.left_how = entry.left_by_id = None


def visits_of(connection: Connection, rows: Sequence[Any], *, follow: bool = False) -> dict[int, Any | None]:
    """Of each row the entry of its visit: itself, or of who scanned again the last one before; None for a refusal that began
    no visit. With `follow`, a visit that went on in another building of the park is the one there."""
    found = {
        row.id: row if row.kind == Kind.ENTRY and row.verdict != Verdict.REFUSED else None for row in rows
    }
    unsure = [row for row in rows if row.kind != Kind.ENTRY or (follow and row.left_how == Departure.MOVED)]
    if unsure:
        entries = _entries_of(connection, unsure)
        found |= {row.id: _visit(row, entries, follow) for row in unsure}
    return found


def of_one_visitor(one: Any, other: Any) -> bool:
    """Whether two rows are of the same visitor. Whoever came along has the leader's phone, and is somebody else."""
    visitor = one.mobile_index or one.device_index
    if visitor is None or (one.party is None and other.party is not None):
        return False
    return visitor in (other.mobile_index, other.device_index)


def _companions(connection: Connection, row: Any) -> list[Any]:
    if row.party is not None:
        return []
    came_along = select(*VISIT).where(T.c.party == row.nonce, T.c.day == row.day).order_by(T.c.id)
    return list(connection.execute(came_along))


def _entries_of(connection: Connection, rows: Sequence[Any]) -> list[Any]:
    """The entries of these rows' visitors at their places, and elsewhere in their parks, in order. A visit that somebody goes on
    with began on the day before at the earliest."""
    visitors = {row.mobile_index or row.device_index for row in rows} - {None}
    park = func.coalesce(Place.parent_id, Place.id)
    parks = select(park).where(Place.id.in_({row.place_id for row in rows}))
    return list(
        connection.execute(
            select(*VISIT)
            .where(
                or_(T.c.mobile_index.in_(visitors), T.c.device_index.in_(visitors)),
                T.c.day >= min(row.day for row in rows) - timedelta(days=1),
                T.c.place_id.in_(select(Place.id).where(park.in_(parks))),
                T.c.kind == Kind.ENTRY,
                T.c.verdict != Verdict.REFUSED,
            )
            .order_by(T.c.id)
        )
    )


def _visit(row: Any, entries: Sequence[Any], follow: bool) -> Any | None:
    own = [entry for entry in entries if of_one_visitor(row, entry)]
    before = (e for e in reversed(own) if e.place_id == row.place_id and e.id <= row.id)
    visit = next(before, None)
    for entry in own if follow else ():
        went_on = visit is not None and visit.left_how == Departure.MOVED
        if visit is not None and went_on and entry.id > visit.id and entry.occurred_at == visit.left_at:
            visit = entry
    return visit


ENDED: dict[Departure, tuple[str, str]] = {
    Departure.SELF: ("您{0}已经登记离开", "You checked out at {0}"),
    Departure.GUARD: ("门岗{0}已经替您登记离开", "The guard checked you out at {0}"),
    Departure.MOVED: (
        "您{0}到了别处，这次到访就此结束",
        "You checked in elsewhere at {0}, which ended this visit",
    ),
    Departure.CLOSING: ("{0}到了关门时间，这次到访自动结束", "This visit ended at closing time, {0}"),
    Departure.ABSENT: (
        "门岗{0}核实您不在里面，这次到访结束",
        "The guard found at {0} that you were not inside",
    ),
}


def ended_words(visit: Any, now: datetime, english: bool = False) -> str:
    """How and when a visit ended, said to its visitor."""
    return ENDED[visit.left_how][english].format(when(visit.left_at, now, english))


def when(at: datetime, now: datetime, english: bool = False) -> str:
    """09:40, with its day where that is not today."""
    here = local(at)
    if here.date() == local(now).date():
        return f"{here:%H:%M}"
    return f"{here:%Y-%m-%d %H:%M}" if english else f"{here.month}月{here.day}日{here:%H:%M}"


# --- who is inside ---


class Presence(NamedTuple):
    """How many are inside: everybody, by whatever word, and those of them whom a guard has seen."""

    declared: int = 0
    confirmed: int = 0


def inside_now(session: Session, place_ids: Sequence[int]) -> Presence:
    """Everybody inside these places, from the index of who is; it costs the same however long the history is."""
    here = T.c.place_id.in_(place_ids), text(INSIDE)
    row = session.execute(select(func.count(), func.count(T.c.confirmed_at)).where(*here)).one()
    return Presence(*row)


def inside_by_place(session: Session, places: Sequence[Place]) -> dict[int, Presence]:
    """The same for each place of a list, from one query. A park's number includes its buildings."""
    counts = session.execute(
        select(T.c.place_id, func.count(), func.count(T.c.confirmed_at))
        .where(T.c.place_id.in_([place.id for place in places]), text(INSIDE))
        .group_by(T.c.place_id)
    )
    own = {row[0]: row[1:] for row in counts}
    ground = {place.id: [p.id for p in places if place.id in (p.id, p.parent_id)] for place in places}
    return {
        number: Presence(sum(own[i][0] for i in ids if i in own), sum(own[i][1] for i in ids if i in own))
        for number, ids in ground.items()
    }


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom of those inside to list."""

    place_ids: Sequence[int]
    name: str = ""  # how it begins
    call_number: int | None = None
    mobile_index: bytes | None = None
    enterprise_id: int | None = None  # 0: those who named none that we know
    before: datetime | None = None  # came in before
    confirmed: bool | None = None


def inside(sought: Sought, now: datetime) -> Select[CheckIn]:
    """The entries of those inside, the newest first, with what a line of `models.cases` needs."""
    query = select(CheckIn).where(CheckIn.place_id.in_(sought.place_ids), text(INSIDE))
    if sought.name:
        query = query.where(CheckIn.name.startswith(sought.name, autoescape=True))
    if sought.call_number is not None:
        query = query.where(_called(sought.call_number, sought.place_ids, now))
    if sought.mobile_index is not None:
        query = query.where(CheckIn.mobile_index == sought.mobile_index)
    if sought.enterprise_id is not None:
        query = query.where(
            CheckIn.enterprise_id == sought.enterprise_id
            if sought.enterprise_id
            else CheckIn.enterprise_id.is_(None)
        )
    if sought.before is not None:
        query = query.where(CheckIn.occurred_at < sought.before)
    if sought.confirmed is not None:
        seen = CheckIn.confirmed_at.is_not(None)
        query = query.where(seen if sought.confirmed else ~seen)
    # one short query for each, no join: INSIDE names its columns without the table's name
    shown = (selectinload(CheckIn.gate), selectinload(CheckIn.place), selectinload(CheckIn.enterprise))
    return query.order_by(CheckIn.occurred_at.desc(), CheckIn.id.desc()).options(
        *shown, defer(CheckIn.answers)
    )


def _called(number: int, place_ids: Sequence[int], now: datetime) -> Any:
    """By the number on the pass: of the entry, or of the last scan of who has scanned again since."""
    again = T.alias("again")
    since = local(now).date() - timedelta(days=1)
    visitors = select(again.c.mobile_index).where(
        again.c.place_id.in_(place_ids), again.c.day >= since, again.c.call_number == number,
        again.c.kind != Kind.ENTRY, again.c.mobile_index.is_not(None),
    )  # fmt: skip
    return or_(CheckIn.call_number == number, CheckIn.mobile_index.in_(visitors))


def enterprises_inside(session: Session, place_ids: Sequence[int]) -> dict[int | None, int]:
    """How many are on their way to which enterprise; None are those who named none that we know."""
    rows = session.execute(
        select(T.c.enterprise_id, func.count())
        .where(T.c.place_id.in_(place_ids), text(INSIDE))
        .group_by(T.c.enterprise_id)
    )
    return {row[0]: row[1] for row in rows}
