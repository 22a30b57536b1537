"""The roll-up of reports (报送汇总): how many are owed, have come in, on time, … of each period of a district, kept by the changes
themselves, so that a page costs the same however many enterprises there are.

Whatever changes an obligation adds a row to `ReportShift` in the same transaction: where, which period, how much more or less. It is an
addition and waits for nobody, however many file in the last minute. The timed work folds these rows into `ReportTally`; whoever reads
adds up both in one statement. The numbers are those of counting every obligation: a test compares them after any sequence of acts, and
once a day the timed work counts the periods that still move and puts right, loudly, what differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Enum,
    Index,
    Integer,
    and_,
    case,
    delete,
    event,
    func,
    insert,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, Row, local
from .obligations import Kind, Obligation, Review
from .policy.schema import Mode
from .sizes import Size
from .timed import DAY, LOG, Tick, same_period

AT_ONCE = 1000  # shifts that a transaction folds
STILL_COUNTED = timedelta(days=3)  # after its lock a period is counted anew once a day
SIZES = (None, *Size)  # a size is kept by its place in this list, as all else is kept by a number, none as 0

COUNTERS = (
    "expected", "received", "on_time", "zero", "returned", "excused", "waiting", "fever", "fever_firms",
    # as at the deadline; who was on time then is on time for ever
    "excused_at_due", "zero_at_due", "returned_at_due",
)  # fmt: skip
SPAN = ("mode", "kind", "first_on", "last_on", "opens_at", "due_at", "locks_at")
GROUND = ("street_id", "community_id", "unit_id", "place_id", "size_key")
ALL = "all"
BY = {
    "street": "street_id",
    "community": "community_id",
    "unit": "unit_id",
    "place": "place_id",
    "size": "size_key",
}

MODE = Enum(Mode, native_enum=False, length=32, values_callable=lambda modes: [m.value for m in modes])


class _Counted:
    """What both tables have: a period, and the counters."""

    district_id: Mapped[int]
    mode: Mapped[Mode] = mapped_column(MODE)
    kind: Mapped[Kind]
    first_on: Mapped[date]
    last_on: Mapped[date]
    opens_at: Mapped[datetime]
    due_at: Mapped[datetime]
    locks_at: Mapped[datetime]
    expected: Mapped[int]
    received: Mapped[int]
    on_time: Mapped[int]
    zero: Mapped[int]
    returned: Mapped[int]
    excused: Mapped[int]
    waiting: Mapped[int]
    fever: Mapped[int] = mapped_column(BigInteger)
    fever_firms: Mapped[int]
    excused_at_due: Mapped[int]
    zero_at_due: Mapped[int]
    returned_at_due: Mapped[int]


class ReportTally(_Counted, Row):
    """One number of the roll-up: of a period, all or those of a street (0: all streets), `by` what, of which (0: of none)."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    street_id: Mapped[int]
    by: Mapped[str]
    key: Mapped[int]

    __table_args__ = (
        Index(
            "uq_report_tally", "district_id", "street_id", "by", "last_on", "first_on", "mode", "key", unique=True
        ),
    )  # fmt: skip


class ReportShift(_Counted, Row):
    """What a change adds to the roll-up, until it is folded into it."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    street_id: Mapped[int]
    community_id: Mapped[int]
    unit_id: Mapped[int]
    place_id: Mapped[int]
    size_key: Mapped[int]

    __table_args__ = (Index("ix_report_shift_district", "district_id", "last_on"),)


T: Any = ReportTally.__table__
S: Any = ReportShift.__table__
O: Any = Obligation.__table__  # noqa: E741

# --- what one obligation counts for: once in words, once in SQL ---


def counts_of(one: Any) -> tuple[int, ...]:
    """In the order of COUNTERS."""
    if one.voided_at is not None:
        return (0,) * len(COUNTERS)
    excused = one.excused_at is not None
    received = not excused and one.received_at is not None
    fever = int((one.figures or {}).get("fever", 0)) if received else 0
    return tuple(
        int(number)
        for number in (
            not excused, received, received and one.received_at <= one.due_at, received and one.zero,
            received and one.review == Review.RETURNED, excused, received and one.review == Review.WAITING, fever, fever > 0,
            excused and one.excused_at <= one.due_at, one.zero_at_due, one.returned_at_due,
        )
    )  # fmt: skip


def counted() -> list[ColumnElement[int]]:
    """The same of many live obligations, added up by the database."""
    one = Obligation
    owed = one.excused_at.is_(None)
    received = and_(owed, one.received_at.is_not(None))
    fever = func.coalesce(one.figures["fever"].as_integer(), 0)

    def total(condition: ColumnElement[bool], of: Any = 1) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, of), else_=0)), 0)

    return [
        total(owed), total(received), total(and_(received, one.received_at <= one.due_at)), total(and_(received, one.zero.is_(True))),
        total(and_(received, one.review == Review.RETURNED)), total(~owed), total(and_(received, one.review == Review.WAITING)),
        total(received, fever), total(and_(received, fever > 0)), total(and_(~owed, one.excused_at <= one.due_at)),
        total(one.zero_at_due.is_(True)), total(one.returned_at_due.is_(True)),
    ]  # fmt: skip


def size_key() -> ColumnElement[int]:
    return case({size.value: number for number, size in enumerate(SIZES) if size}, value=O.c.size, else_=0)


def key_of(by: str) -> ColumnElement[int]:
    """The number under which an obligation counts in a roll-up by this."""
    if by == ALL:
        return literal(0, Integer)
    return size_key() if by == "size" else func.coalesce(O.c[BY[by]], 0)


# grouped by its name: a database that takes parameters one by one does not see that two expressions are the same
KEY_AS_NAMED: Any = literal_column('"key"')

# --- keeping it ---

_FACTS = (
    *(O.c[name] for name in ("id", "district_id", *SPAN, "usual_due_at", "street_id", "community_id", "unit_id", "place_id", "size")),
    *(O.c[name] for name in ("voided_at", "excused_at", "received_at", "zero", "review", "figures", "zero_at_due", "returned_at_due")),
)  # fmt: skip


def facts(connection: Connection, ids: Collection[int], *, alone: bool = False) -> list[Any]:
    """What counts of these obligations, as the database has it. `alone`: nobody else changes them until the transaction ends."""
    if not ids:
        return []
    query = select(*_FACTS).where(O.c.id.in_(sorted(ids))).order_by(O.c.id)
    return list(connection.execute(query.with_for_update() if alone else query))


def shift(connection: Connection, before: Iterable[Any], after: Iterable[Any]) -> None:
    """Keeps what has changed between two looks at the same obligations."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for sign, rows in ((-1, before), (1, after)):
        for row in rows:
            sums = found.setdefault(_where(row), [0] * len(COUNTERS))
            for place, number in enumerate(counts_of(row)):
                sums[place] += sign * number
    _write(connection, found)


def shift_made(connection: Connection, made: Sequence[Mapping[str, Any]]) -> None:
    """Keeps that these rows have been made: nothing has come in for any of them."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in made:
        ground = (
            row["street_id"],
            row["community_id"] or 0,
            row["unit_id"] or 0,
            row["place_id"] or 0,
            SIZES.index(row["size"]),
        )
        where = (row["district_id"], *_span({name: row[name] for name in (*SPAN, "usual_due_at")}), *ground)
        found.setdefault(where, [0] * len(COUNTERS))[0] += 1
    _write(connection, found)


def _where(row: Any) -> tuple[Any, ...]:
    ground = (
        row.street_id,
        row.community_id or 0,
        row.unit_id or 0,
        row.place_id or 0,
        SIZES.index(row.size),
    )
    return (
        row.district_id,
        *_span({name: getattr(row, name) for name in (*SPAN, "usual_due_at")}),
        *ground,
    )


def _span(of: Mapping[str, Any]) -> Iterator[Any]:
    """The period as it is for everybody: that one enterprise's closure has moved its own deadline makes no other for the rest."""
    later = of["due_at"] - of["usual_due_at"] if of["usual_due_at"] else timedelta()
    return (of[name] - later if name in ("due_at", "locks_at") else of[name] for name in SPAN)


def edges_of_periods() -> list[ColumnElement[Any]]:
    """The same of many obligations, by the database: kind, when the period opens, is due and locks. The lock of those that no
    closure has moved, where there are such."""
    own: ColumnElement[Any] = case((O.c.usual_due_at.is_(None), O.c.locks_at))
    usual = func.coalesce(O.c.usual_due_at, O.c.due_at, type_=O.c.due_at.type)

    def last(of: Any, name: str) -> ColumnElement[Any]:
        return func.max(of, type_=O.c[name].type)

    locks = func.coalesce(last(own, "locks_at"), last(O.c.locks_at, "locks_at"), type_=O.c.locks_at.type)
    return [
        last(O.c.kind, "kind").label("kind"), last(O.c.opens_at, "opens_at").label("opens_at"),
        last(usual, "due_at").label("due_at"), locks.label("locks_at"),
    ]  # fmt: skip


def _write(connection: Connection, found: Mapping[tuple[Any, ...], list[int]]) -> None:
    names = ("district_id", *SPAN, *GROUND, *COUNTERS)
    rows = [dict(zip(names, (*where, *sums), strict=True)) for where, sums in found.items() if any(sums)]
    if rows:
        connection.execute(insert(S), rows)


@event.listens_for(Session, "before_flush")
def _look(session: Session, _context: object, _instances: object) -> None:
    changed = {
        one.id for rows in (session.dirty, session.deleted) for one in rows if isinstance(one, Obligation) and one.id
    }  # fmt: skip
    if changed:
        session.info["report_tally"] = facts(session.connection(), changed, alone=True)


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    before = session.info.pop("report_tally", [])
    ids = {row.id for row in before} | {one.id for one in session.new if isinstance(one, Obligation)}
    if ids:
        shift(session.connection(), before, facts(session.connection(), ids))


# --- folding ---

KEY = ("district_id", "street_id", "by", "last_on", "first_on", "mode", "key")


def keep(tick: Tick) -> None:
    """Folds what has been shifted; with the first pass of a day counts the periods that still move."""
    many = AT_ONCE
    while many == AT_ONCE:
        with tick.writing() as session:
            many = fold(session)
    if tick.since is not None and same_period(tick.since, tick.now, DAY):
        return
    with tick.looking() as session:
        moving = _moving(session, tick.now)
    for period in moving:
        with tick.writing() as session:
            if put_right(session, *period):
                LOG.warning(
                    "the roll-up of reports of %s to %s differed and has been counted anew", *period[1:3]
                )


def fold(session: Session, most: int = AT_ONCE) -> int:
    """Adds the oldest shifts to the roll-up; how many there were. Only one does so at a time: the timed work's lock."""
    rows = session.execute(select(S).order_by(S.c.id).limit(most)).all()
    sums: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        numbers = [getattr(row, name) for name in COUNTERS]
        for street, by, key in _cells(row):
            at = (row.district_id, street, by, row.last_on, row.first_on, row.mode, key)
            kept = sums.setdefault(
                at, [row.kind, row.opens_at, row.due_at, row.locks_at, *([0] * len(COUNTERS))]
            )
            kept[1:4] = max(kept[1], row.opens_at), max(kept[2], row.due_at), max(kept[3], row.locks_at)
            kept[4:] = [old + new for old, new in zip(kept[4:], numbers, strict=True)]
    if not rows:
        return 0
    names = (*KEY, "kind", "opens_at", "due_at", "locks_at", *COUNTERS)
    _add(
        session,
        [dict(zip(names, (*at, *kept), strict=True)) for at, kept in sorted(sums.items(), key=_order)],
    )
    session.execute(delete(S).where(S.c.id.in_([row.id for row in rows])))
    return len(rows)


def _order(item: tuple[tuple[Any, ...], Any]) -> tuple[str, ...]:
    return tuple(str(part) for part in item[0])


def _cells(row: Any) -> Iterator[tuple[int, str, int]]:
    """Where a shift counts: in the district, and in its street."""
    yield 0, ALL, 0
    for by, column in BY.items():
        yield 0, by, getattr(row, column)
        if by != "street":
            yield row.street_id, by, getattr(row, column)


def _add(session: Session, rows: list[dict[str, Any]]) -> None:
    dialect = {"sqlite": sqlite, "postgresql": postgresql}[session.get_bind().dialect.name]
    row: Any = dialect.insert(T)
    new = row.excluded
    changed = {name: T.c[name] + new[name] for name in COUNTERS}
    for name in (
        "opens_at",
        "due_at",
        "locks_at",
    ):  # orders at two hours of a day cut two weeks with two deadlines: the last is said
        changed[name] = case((new[name] > T.c[name], new[name]), else_=T.c[name])
    session.execute(row.on_conflict_do_update(index_elements=KEY, set_=changed), rows)


# --- counting anew ---


def count_all(session: Session, district_id: int) -> None:
    """The whole roll-up of a district from its obligations: for rows that came past the session, by the million."""
    session.execute(delete(T).where(T.c.district_id == district_id))
    session.execute(delete(S).where(S.c.district_id == district_id))
    for street, by, query in _queries(O.c.district_id == district_id):
        named = query.add_columns(
            literal(by).label("by"), *([] if street else [literal(0, Integer).label("street_id")])
        )
        session.execute(insert(T).from_select([column.name for column in named.selected_columns], named))


def put_right(session: Session, district_id: int, first_on: date, last_on: date, mode: Mode) -> bool:
    """Counts one period anew; whether the roll-up had it differently. Nobody's change is lost: what is counted and which shifts are
    in it come from one snapshot."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    period = (district_id, first_on, last_on, mode)
    ids = session.scalars(select(S.c.id).where(*_of(S, period))).all()
    right: dict[tuple[Any, ...], Any] = {}
    for street, by, query in _queries(and_(*_of(O, period))):
        for row in session.execute(query):
            right[row.street_id if street else 0, by, row.key] = row
    kept = {
        (row.street_id, row.by, row.key): row for row in session.execute(select(T).where(*_of(T, period)))
    }
    shifted = session.execute(select(S).where(*_of(S, period))).all()
    numbers = attrgetter(*COUNTERS)
    seen = {at: list(numbers(row)) for at, row in kept.items()}
    for row in shifted:
        for at in _cells(row):
            seen[at] = [
                old + new for old, new in zip(seen.get(at, [0] * len(COUNTERS)), numbers(row), strict=True)
            ]
    wanted = {at: list(numbers(row)) for at, row in right.items()}
    if {at: each for at, each in seen.items() if any(each)} == {
        at: each for at, each in wanted.items() if any(each)
    }:
        return False
    session.execute(delete(T).where(*_of(T, period)))
    session.execute(delete(S).where(S.c.id.in_(ids)))
    rows = [
        {**{name: getattr(row, name) for name in (*SPAN, *COUNTERS)}, "district_id": district_id, "street_id": at[0], "by": at[1],
         "key": at[2]}
        for at, row in right.items()
    ]  # fmt: skip
    if rows:
        session.execute(insert(T), rows)
    return True


def _of(table: Any, period: tuple[int, date, date, Mode]) -> list[ColumnElement[bool]]:
    c = table.c
    return [c.district_id == period[0], c.first_on == period[1], c.last_on == period[2], c.mode == period[3]]


def _queries(where: ColumnElement[bool]) -> Iterator[tuple[bool, str, Any]]:
    """What counts every number of the roll-up: whether within streets, by what, and the query."""
    for street in (False, True):
        for by in (ALL, *BY):
            if street and by in (ALL, "street"):
                continue
            key = key_of(by).label("key")
            own = [O.c.street_id] if street else []
            span = [O.c.district_id, O.c.mode, O.c.first_on, O.c.last_on]
            sums = [number.label(name) for name, number in zip(COUNTERS, counted(), strict=True)]
            grouped = [*own, *span] if by == ALL else [*own, *span, KEY_AS_NAMED]
            yield (
                street,
                by,
                select(*own, *span, *edges_of_periods(), key, *sums)
                .where(where, Obligation.live())
                .group_by(*grouped),
            )


def _moving(session: Session, now: datetime) -> list[tuple[int, date, date, Mode]]:
    """The periods whose numbers may still change, each with its district."""
    since = now - STILL_COUNTED
    found = set()
    for table in (T, S):
        c = table.c
        only = [c.by == ALL, c.street_id == 0] if table is T else []
        recent = c.last_on >= local(since).date() - timedelta(days=60)
        rows = select(c.district_id, c.first_on, c.last_on, c.mode).where(recent, c.locks_at > since, *only)
        found |= {tuple(row) for row in session.execute(rows.distinct())}
    moved = select(O.c.district_id, O.c.first_on, O.c.last_on, O.c.mode).where(
        O.c.usual_due_at.is_not(None), O.c.locks_at > since, Obligation.live()
    )
    found |= {tuple(row) for row in session.execute(moved.distinct())}
    return sorted(found, key=str)
