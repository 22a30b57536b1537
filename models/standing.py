"""How an enterprise stands (企业现状): how many people its health posts lack and whether nobody is left, worked out ahead and kept
in its row, so that a list of a hundred thousand is read from the end of an index.

The rules say it (`Policy.staffing`); what is kept is never more than their answer, with the last day on which it holds
(`known_until`: the day before a term begins or after which one ends, or the district changes its scheme). Three things keep it right:

1. Every flush of a session, whoever writes: what a term, a head count, a closed account or a new name can change is worked out anew
   in the same transaction; a scheme adopted or taken back makes the whole district unknown. A statement that goes past the unit of
   work (`update(Appointment)` and the like) makes all of them unknown.
2. `flask tick` works out what a new day has made unknown, a few hundred rows at a time, and everybody anew once in eight weeks.
3. While anything is unknown lists ask the rules by SQL (`portfolio`), slowly and rightly, until the tick has been.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Boolean, ColumnElement, Connection, Engine, bindparam, event, func, select, update
from sqlalchemy import inspect as state_of
from sqlalchemy.orm import ORMExecuteState, Session

from .access import ENTERPRISE_STAFF
from .accounts import Account, Appointment
from .base import local
from .enterprises import UNKNOWN, Enterprise, Premises
from .finding import respell
from .places import Adoption
from .policy.book import Book
from .policy.schema import StaffingRule

DAY = timedelta(days=1)
AT_ONCE = 250  # rows that a transaction works out: a visitor at the gate may be waiting behind it
MOVED = (
    "firms_moved"  # noted with a session that has changed what is counted of enterprises (`models.tallies`)
)
WEEKS = 28  # days after which everybody is worked out anew, spread over as many more
FIRMS: Any = Enterprise.__table__
COUNTED_BY = ("closed_at", "district_id", "street_id", "community_id", "unit_id")


@dataclass(frozen=True, slots=True)
class Term:
    """Somebody's time in a post of an enterprise; `over` where it was ended early or the account is closed."""

    post: str
    first: date
    last: date
    over: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """`lacking`: how many people are missing; 0 where nobody can say (no head count), -1 where nobody is. Sorted by it the worst
    comes first."""

    lacking: int
    deserted: bool  # somebody stood for it, and now nobody does
    until: date  # the last day for which this is known


def stands(rule: StaffingRule | None, headcount: int | None, terms: Iterable[Term], today: date) -> Standing:
    """What the rule says today, and until when it says the same."""
    all_terms = list(terms)
    live = [one for one in all_terms if not one.over and one.last >= today]
    duty = rule.duty(headcount) if rule is not None else None
    serving = [one.post for one in live if one.first <= today]
    missing = 0
    if duty is not None:
        missing = sum(max(number - serving.count(post), 0) for post, number in duty.required.items())
    staff = [one for one in all_terms if one.post in ENTERPRISE_STAFF]
    changes = [one.last if one.first <= today else one.first - DAY for one in live]
    return Standing(
        lacking=missing or (0 if (headcount or 0) <= 0 else -1),
        deserted=bool(staff) and not any(one.post in ENTERPRISE_STAFF for one in live),
        until=min(changes, default=date.max),
    )


def known(session: Session, on: date) -> bool:
    """Whether all that is kept holds on this day: the first entry of an index says it. One enterprise that is not known makes
    every list slow, until the next minute's tick."""
    first = session.scalar(select(func.min(Enterprise.known_until)))
    return first is None or first >= on


# --- working it out ---


@dataclass(frozen=True, slots=True)
class Keeper:
    """By which schemes and by which clock the writers of a database keep it."""

    book: Book
    clock: Callable[[], datetime]

    @property
    def today(self) -> date:
        return local(self.clock()).date()


KEEPERS: WeakKeyDictionary[Engine, Keeper] = WeakKeyDictionary()


def keep(engine: Engine, keeper: Keeper) -> None:
    """From now on whatever is flushed to this database keeps it right. Without a keeper what it touches becomes unknown."""
    KEEPERS[engine] = keeper


def work_out(connection: Connection, book: Book, ids: Collection[int], today: date) -> None:
    """Reads what the rules ask about, under the lock of the rows: of two who write at once the second sees what the first did."""
    rows = connection.execute(
        select(FIRMS.c.id, FIRMS.c.district_id, FIRMS.c.headcount)
        .where(FIRMS.c.id.in_(ids))
        .order_by(FIRMS.c.id)
        .with_for_update(key_share=True)
    ).all()
    if not rows:
        return
    rules = _rules(connection, book, {row.district_id for row in rows}, today)
    terms = _terms(connection, [row.id for row in rows])
    connection.execute(
        update(FIRMS)
        .where(FIRMS.c.id == bindparam("number"))
        .values(
            lacking=bindparam("now_lacking"), deserted=bindparam("now_deserted", type_=Boolean()),
            heads=bindparam("now_heads"), known_until=bindparam("until"),
        ),
        [_values(row, *rules[row.district_id], terms[row.id], today) for row in rows],
    )  # fmt: skip


def _values(
    row: Any, rule: StaffingRule | None, rule_until: date, terms: Sequence[Term], today: date
) -> dict[str, Any]:
    found = stands(rule, row.headcount, terms, today)
    again = today + (WEEKS + row.id % WEEKS) * DAY
    return {
        "number": row.id, "now_lacking": found.lacking, "now_deserted": found.deserted,
        "now_heads": max(row.headcount or 0, 0), "until": min(found.until, rule_until, again),
    }  # fmt: skip


def _rules(
    connection: Connection, book: Book, districts: Collection[int], today: date
) -> Mapping[int, tuple[StaffingRule | None, date]]:
    """What each district follows today, and the last day before it follows something else."""
    made: dict[int, list[tuple[str, date]]] = defaultdict(list)
    for district_id, key, from_on in connection.execute(
        select(Adoption.district_id, Adoption.scheme_key, Adoption.from_on)
        .where(Adoption.district_id.in_(districts))
        .order_by(Adoption.from_on, Adoption.id)
    ):
        made[district_id].append((key, from_on))
    found = {}
    for district_id in districts:
        policy = book.in_force(made[district_id], today)
        later = [from_on - DAY for _, from_on in made[district_id] if from_on > today]
        found[district_id] = (policy.staffing if policy else None, min(later, default=date.max))
    return found


def _terms(connection: Connection, ids: Collection[int]) -> Mapping[int, list[Term]]:
    found: dict[int, list[Term]] = defaultdict(list)
    for number, post, first, last, ended_at, disabled_at in connection.execute(
        select(
            Appointment.scope_id, Appointment.post, Appointment.starts_on, Appointment.ends_on,
            Appointment.ended_at, Account.disabled_at,
        )
        .join(Account, Account.id == Appointment.account_id)
        .where(Appointment.scope == "enterprise", Appointment.scope_id.in_(ids))
    ):  # fmt: skip
        found[number].append(Term(post, first, last, ended_at is not None or disabled_at is not None))
    return found


def settle(session: Session, book: Book, today: date, *, most: int = AT_ONCE) -> int:
    """Works out some of what is unknown today, the longest unknown first. How many; 0 when there is no more."""
    stale = (
        select(Enterprise.id, Enterprise.known_until)
        .where(Enterprise.known_until < today)
        .order_by(Enterprise.known_until, Enterprise.id)
        .limit(most)
    )
    rows = session.execute(stale).all()
    session.info[MOVED] = bool(rows) or session.info.get(MOVED, False)
    connection = session.connection()
    respell(connection, [number for number, until in rows if until == UNKNOWN])
    work_out(connection, book, [number for number, _ in rows], today)
    return len(rows)


# --- whoever writes ---


@dataclass(slots=True)
class _Touched:
    """What a flush may have changed."""

    firms: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)  # whose name or room is another
    accounts: set[int] = field(default_factory=set)
    districts: set[int] = field(default_factory=set)
    counted: bool = False  # an enterprise came, or is listed otherwise than before

    def add(self, row: object, *, whole: bool) -> None:
        """`whole`: the row came or went."""
        match row:
            case Appointment(scope="enterprise"):
                self.firms.add(row.scope_id)
            case Account() if not whole and _changed(row, "disabled_at"):
                self.accounts.add(row.id)
            case Enterprise():
                self.counted |= whole or _changed(row, *COUNTED_BY)
                if whole or _changed(row, "headcount", "district_id"):
                    self.firms.add(row.id)
                if whole or _changed(row, "name", "short_name", "initials"):
                    self.named.add(row.id)
            case Premises() if whole or _changed(row, "room", "enterprise_id"):
                self.named.add(row.enterprise_id)
            case Adoption():
                self.districts.add(row.district_id)


def _changed(row: object, *columns: str) -> bool:
    state: Any = state_of(row)
    return any(state.attrs[column].history.has_changes() for column in columns)


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    touched = _Touched()
    for rows, whole in ((session.new, True), (session.deleted, True), (session.dirty, False)):
        for row in rows:
            touched.add(row, whole=whole)
    if touched.accounts:
        mine = select(Appointment.scope_id).where(
            Appointment.scope == "enterprise", Appointment.account_id.in_(touched.accounts)
        )
        touched.firms |= set(session.connection().scalars(mine))
    if touched.districts:
        _forget(session, FIRMS.c.district_id.in_(touched.districts))
    if touched.counted or touched.firms:
        session.info[MOVED] = True
    keeper = KEEPERS.get(session.get_bind())  # type: ignore[arg-type]
    for some in _portions(sorted(touched.named)):
        respell(session.connection(), some)
    for some in _portions(sorted(touched.firms)):
        if keeper is None:
            _forget(session, FIRMS.c.id.in_(some))
        else:
            work_out(session.connection(), keeper.book, some, keeper.today)


def _portions(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))


def _forget(session: Session, which: ColumnElement[bool] | None = None) -> None:
    session.info[MOVED] = True
    statement = update(FIRMS).values(known_until=UNKNOWN)
    session.connection().execute(statement if which is None else statement.where(which))


@event.listens_for(Session, "do_orm_execute")
def _notice(state: ORMExecuteState) -> None:
    """A statement past the unit of work: nobody can say whom it touches."""
    if not (state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    model = state.bind_mapper.class_
    if model in (Appointment, Adoption, Account, Premises) or (model is Enterprise and state.is_update):
        _forget(state.session)
