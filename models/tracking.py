"""Who has reported and who has not (报送跟踪): the rates of a period by street, unit, community, place and size, as at the deadline
and as of now, and behind each number the enterprises with whom to call.

The whole district, one street and one size of it are read from the roll-up (`report_tally`); what is smaller, a place, a unit, a
community, is counted from its own obligations, which are as few however large the district is. Both give the same numbers. An
obligation counts where the enterprise belonged when its period began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, contains_eager

from . import finding
from .access import GRANTS, Holds, Post
from .accounts import Account, Appointment
from .base import Labelled, local
from .enterprises import Enterprise
from .obligations import Kind, Obligation, Review, Status, moment, status
from .office import health_staff
from .places import Community, Place, Street, Unit
from .policy.schema import Mode
from .reminding import Said, last_said
from .report_tally import ALL, BY, COUNTERS, KEY_AS_NAMED, SIZES, O, S, T, counted, edges_of_periods, key_of

LOOKED_BACK = timedelta(days=70)  # how far a history reaches
BARS = 10  # periods of a history that are drawn
STREAK = 12  # reports in a row that were missing: nobody counts further


class By(Labelled):
    """By what the numbers are divided."""

    STREET = "street", "街道"
    UNIT = "unit", "联络单位"
    COMMUNITY = "community", "社区"
    PLACE = "place", "园区、楼宇"
    SIZE = "size", "规模"


MODELS: Mapping[By, Any] = {By.STREET: Street, By.UNIT: Unit, By.COMMUNITY: Community, By.PLACE: Place}
NONE = {
    By.UNIT: "没有联络单位",
    By.COMMUNITY: "没有社区",
    By.PLACE: "不在园区楼宇",
    By.SIZE: "还不能划型",
    By.STREET: "没有街道",
}


class Only(Labelled):
    """Which enterprises of a period."""

    MISSING = "missing", "未报"
    LATE = "late", "迟报"
    RETURNED = "returned", "退回"
    ON_TIME = "on_time", "按时"
    ZERO = "zero", "零报告"
    EXCUSED = "excused", "豁免"


class Sort(Labelled):
    """In which order numbers stand."""

    MISSING = "missing", "未报多的在前"
    RATE = "rate", "完整率低的在前"
    ON_TIME = "on_time", "按时率低的在前"
    NAME = "name", "名称"


class FirmOrder(Labelled):
    """In which order enterprises stand; the first is that of an index."""

    FILED = "filed", "登记先后"
    PLACE = "place", "园区、楼宇"
    NAME = "name", "名称"


@dataclass(frozen=True, slots=True)
class Span:
    """A period of a district: what the obligations of these days and this mode have in common. Of several deadlines the last."""

    mode: Mode
    kind: Kind
    first_on: date
    last_on: date
    opens_at: datetime = field(compare=False)
    due_at: datetime = field(compare=False)
    locks_at: datetime = field(compare=False)

    @property
    def key(self) -> str:
        """As it stands in an address."""
        return f"{self.first_on:%Y%m%d}-{self.last_on:%Y%m%d}-{self.mode.value}"

    @property
    def _as_obligation(self) -> Obligation:
        days = (self.last_on - self.first_on).days + 1
        month = self.first_on.day == 1 and (self.last_on + date.resolution).day == 1
        whole = {Kind.DAY: True, Kind.WEEK: days == 7, Kind.MONTH: month}[self.kind]
        return Obligation(kind=self.kind, first_on=self.first_on, last_on=self.last_on, whole=whole)

    @property
    def title(self) -> str:
        return self._as_obligation.title

    @property
    def days(self) -> str:
        return self._as_obligation.days

    def is_due(self, now: datetime) -> bool:
        return self.due_at < moment(now)

    def is_overdue(self, now: datetime) -> bool:
        """Whether what has not come is late and can still be filed."""
        return self.is_due(now) and self.locks_at > moment(now)


@dataclass(frozen=True, slots=True)
class Tally:
    """The numbers of the roll-up, in the order of its columns."""

    expected: int = 0
    received: int = 0
    on_time: int = 0
    zero: int = 0
    returned: int = 0
    excused: int = 0
    waiting: int = 0
    fever: int = 0
    fever_firms: int = 0
    excused_at_due: int = 0
    zero_at_due: int = 0
    returned_at_due: int = 0

    def at_deadline(self) -> Tally:
        """As at the deadline (截止时): what came, was excused or was corrected later is not in it."""
        return Tally(
            expected=self.expected + self.excused - self.excused_at_due, received=self.on_time, on_time=self.on_time,
            zero=self.zero_at_due, returned=self.returned_at_due, excused=self.excused_at_due,
            excused_at_due=self.excused_at_due, zero_at_due=self.zero_at_due, returned_at_due=self.returned_at_due,
        )  # fmt: skip

    @property
    def missing(self) -> int:
        return self.expected - self.received

    @property
    def late(self) -> int:
        return self.received - self.on_time

    @property
    def rate(self) -> float | None:
        """完整率, 0 to 1; None where nothing was expected."""
        return self.received / self.expected if self.expected else None

    @property
    def on_time_rate(self) -> float | None:
        return self.on_time / self.expected if self.expected else None

    @property
    def is_empty(self) -> bool:
        return not self.expected and not self.excused

    def of(self, only: Only | None) -> int:
        if only is None:
            return self.expected + self.excused
        return {
            Only.MISSING: self.missing, Only.LATE: self.late, Only.RETURNED: self.returned, Only.ON_TIME: self.on_time,
            Only.ZERO: self.zero, Only.EXCUSED: self.excused,
        }[only]  # fmt: skip


assert tuple(one.name for one in fields(Tally)) == COUNTERS


@dataclass(frozen=True, slots=True)
class Ground:
    """How far whoever looks reaches, and to what they have narrowed it (0: to those of none)."""

    district_id: int
    scopes: Mapping[
        str, Sequence[int]
    ]  # "unit", "community", "place" with the buildings of a park; all of the district: none
    of: Mapping[By, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return not self.scopes

    def narrowed(self, by: By, key: int) -> Ground:
        return Ground(self.district_id, self.scopes, {**self.of, by: key})

    def rolled(self, by: By | None) -> tuple[int, str, int | None] | None:
        """Where the roll-up has it: street (0: all), by what, of which number alone; None where it has to be counted."""
        if not self.whole:
            return None
        of = dict(self.of)
        street = of.pop(By.STREET, 0)
        if by is not None:
            return (street, by.value, None) if not of and not (street and by is By.STREET) else None
        if not of:
            return (0, By.STREET.value, street) if street else (0, ALL, None)
        if len(of) == 1:
            ((other, key),) = of.items()
            return (street, other.value, key)
        return None

    def where(self) -> list[ColumnElement[bool]]:
        """The live obligations that count here. Only one condition is left for an index to begin with."""
        found: list[ColumnElement[bool]] = [Obligation.live()]
        if self.whole and not any(key for by, key in self.of.items() if by not in (By.STREET, By.SIZE)):
            found.append(O.c.district_id == self.district_id)
        elif not self.whole:
            found.append(or_(false(), *(O.c[f"{scope}_id"].in_(ids) for scope, ids in self.scopes.items())))
        for by, key in self.of.items():
            if by is By.SIZE:
                found.append(O.c.size.is_(None) if key == 0 else O.c.size == SIZES[key])
            else:
                column = O.c[BY[by.value]]
                found.append(column == key if key else column.is_(None))
        return found


def ground_of(
    session: Session, appointments: Iterable[Holds], action: str, district_id: int, of: Mapping[By, int]
) -> Ground:
    """The ground of these appointments: all of the district, or what their scopes held when a period began."""
    scopes: dict[str, list[int]] = defaultdict(list)
    for one in appointments:
        if one.post in GRANTS[action]:
            scopes[one.scope].append(one.scope_id)
    if district_id in scopes.pop("district", []):
        return Ground(district_id, {}, of)
    if "place" in scopes:
        scopes["place"] = with_buildings(session, scopes["place"])
    return Ground(district_id, dict(scopes) or {"place": []}, of)


def with_buildings(session: Session, ids: Sequence[int]) -> list[int]:
    """These places, and the buildings of those that are parks."""
    reached = select(Place.id).where(or_(Place.id.in_(ids), Place.parent_id.in_(ids)))
    return list(session.scalars(reached.order_by(Place.id)))


# --- numbers ---

_SPAN = ("mode", "kind", "first_on", "last_on", "opens_at", "due_at", "locks_at")


def total(session: Session, ground: Ground, span: Span) -> Tally:
    """Everything of a period."""
    rolled = ground.rolled(None)
    found = _read(session, rolled, ground, span) if rolled else _count(session, ground, span, None)
    return next(iter(found.values()), Tally())


def divided(session: Session, ground: Ground, span: Span, by: By) -> dict[int, Tally]:
    """The same by street, unit, …: by number, 0 for those of none."""
    rolled = ground.rolled(by)
    return _read(session, rolled, ground, span) if rolled else _count(session, ground, span, by)


def history(session: Session, ground: Ground, until: date) -> list[tuple[Span, Tally]]:
    """The periods that ended up to a day, and not long before it: the newest first."""
    since = until - LOOKED_BACK
    rolled = ground.rolled(None)
    if rolled and (ground.of.keys() <= {By.STREET, By.SIZE}):
        source = _rolled(rolled, ground, since, until)
        spans = [source.c[name] for name in ("mode", "first_on", "last_on")]
        edges = [
            func.max(source.c[name], type_=source.c[name].type)
            for name in ("kind", "opens_at", "due_at", "locks_at")
        ]
        query = select(*spans, *edges, *(func.sum(source.c[name]) for name in COUNTERS)).group_by(*spans)
    else:
        spans = [O.c[name] for name in ("mode", "first_on", "last_on")]
        days = O.c.last_on.between(since, until)
        query = select(*spans, *edges_of_periods(), *counted()).where(*ground.where(), days).group_by(*spans)
    found = []
    for mode, first_on, last_on, kind, opens_at, due_at, locks_at, *numbers in session.execute(query):
        tally = Tally(*(int(number) for number in numbers))
        if not tally.is_empty:
            found.append((Span(Mode(mode), Kind(kind), first_on, last_on, opens_at, due_at, locks_at), tally))
    return sorted(
        found, key=lambda pair: (pair[0].last_on, pair[0].first_on, pair[0].mode.value), reverse=True
    )


def usual(history: Sequence[tuple[Span, Tally]], now: datetime) -> Span | None:
    """The period that matters now: the last one past due that is not locked, of one deadline that of which most is missing; else
    the first that is still to come, else the last there was."""

    def rank(pair: tuple[Span, Tally]) -> tuple[datetime, int, date]:
        return pair[0].due_at, pair[1].missing, pair[0].last_on

    overdue = [pair for pair in history if pair[0].is_overdue(now)]
    coming = [span for span, _ in history if not span.is_due(now)]
    if coming and not overdue:
        return min(coming, key=lambda one: one.due_at)
    return max(overdue or history, key=rank)[0] if history else None


def _rolled(rolled: tuple[int, str, int | None], ground: Ground, since: date, until: date) -> Any:
    """What the roll-up and the shifts that are not folded yet say, one beside the other: both of one instant."""
    street, by, key = rolled
    kept = [
        T.c.district_id == ground.district_id,
        T.c.street_id == street,
        T.c.by == by,
        T.c.last_on.between(since, until),
    ]
    fresh = [S.c.district_id == ground.district_id, S.c.last_on.between(since, until)]
    number: Any = literal(0, Integer) if by == ALL else S.c[BY[by]]
    if street:
        fresh.append(S.c.street_id == street)
    if key is not None:
        kept.append(T.c.key == key)
        fresh.append(number == key)
    columns = [*_SPAN, *COUNTERS]
    return union_all(
        select(T.c.key.label("key"), *(T.c[name] for name in columns)).where(*kept),
        select(number.label("key"), *(S.c[name] for name in columns)).where(*fresh),
    ).subquery()


def _read(
    session: Session, rolled: tuple[int, str, int | None], ground: Ground, span: Span
) -> dict[int, Tally]:
    source = _rolled(rolled, ground, span.last_on, span.last_on)
    query = (
        select(source.c.key, *(func.sum(source.c[name]) for name in COUNTERS))
        .where(source.c.first_on == span.first_on, source.c.mode == span.mode)
        .group_by(source.c.key)
    )
    return _tallies(session.execute(query))


def _count(session: Session, ground: Ground, span: Span, by: By | None) -> dict[int, Tally]:
    key = key_of(by.value if by else ALL).label("key")
    query = select(key, *counted()).where(*ground.where(), *in_span(span))
    return _tallies(session.execute(query if by is None else query.group_by(KEY_AS_NAMED)))


def _tallies(rows: Iterable[Any]) -> dict[int, Tally]:
    found = {
        int(key): Tally(*(int(number) for number in numbers)) for key, *numbers in rows if key is not None
    }
    return {key: tally for key, tally in found.items() if not tally.is_empty}


def in_span(span: Span) -> list[ColumnElement[bool]]:
    """The obligations of a period."""
    return [O.c.last_on == span.last_on, O.c.first_on == span.first_on, O.c.mode == span.mode]


def counted_anew(session: Session, ground: Ground, span: Span, by: By | None = None) -> dict[int, Tally]:
    """What `total` and `divided` say, from every obligation of the period."""
    return _count(session, ground, span, by)


def figures(ground: Ground, span: Span) -> Select[Any]:
    """The numbers of every report of a period that came in."""
    came = (Obligation.received_at.is_not(None), Obligation.excused_at.is_(None))
    return select(Obligation.figures).where(*ground.where(), *in_span(span), *came)


def schemes(ground: Ground, span: Span) -> Select[Any]:
    """By which schemes they were asked."""
    return select(Obligation.scheme_key).where(*ground.where(), *in_span(span)).distinct()


# --- names ---


def names_of(session: Session, by: By, keys: Collection[int]) -> dict[int, str]:
    """What these are called; 0 is none of them."""
    if by is By.SIZE:
        return {key: size.label if (size := SIZES[key]) else NONE[by] for key in keys}
    model = MODELS[by]
    rows = session.execute(select(model.id, model.name).where(model.id.in_(keys)))
    found = {row.id: row.name for row in rows}
    return {key: found.get(key, NONE[by]) for key in keys}


OFFICERS = {By.UNIT: Post.UNIT_LIAISON, By.COMMUNITY: Post.COMMUNITY_LIAISON, By.PLACE: Post.SPECIALIST}


def officers_of(session: Session, by: By, keys: Collection[int], on: date) -> dict[int, list[str]]:
    """Who looks after each: the names of its specialists or liaison officers; nothing where that is nobody's post."""
    if by not in OFFICERS:
        return {}
    rows = session.execute(
        select(Appointment.scope_id, Account.name)
        .join(Appointment.account)
        .where(
            Appointment.post == OFFICERS[by], Appointment.scope == by.value, Appointment.scope_id.in_(keys),
            Appointment.serving(on), Account.disabled_at.is_(None),
        )
        .order_by(Appointment.id)
    )  # fmt: skip
    found: dict[int, list[str]] = {key: [] for key in keys}
    for key, name in rows:
        if name not in found[key]:
            found[key].append(name)
    return found


# --- the enterprises behind a number ---


def firms(
    session: Session, ground: Ground, span: Span, only: Only | None, *, at_deadline: bool = False, text: str = "",
    order: FirmOrder = FirmOrder.FILED,
) -> Select[Any]:  # fmt: skip
    """The obligations behind a number, each with its enterprise."""
    one = Obligation
    query = (
        select(one)
        .join(one.enterprise)
        .options(contains_eager(one.enterprise))
        .where(*ground.where(), *in_span(span), *conditions_of(only, at_deadline=at_deadline))
    )
    if text:
        query = query.where(*finding.found_by(session, text))
    if order is FirmOrder.FILED:
        return query.order_by(one.enterprise_id)
    if order is FirmOrder.NAME:
        return query.order_by(Enterprise.name, one.enterprise_id)
    place = select(Place.name).where(Place.id == one.place_id).correlate(one).scalar_subquery()
    return query.order_by(one.place_id.is_(None), place, one.place_id, Enterprise.name, one.enterprise_id)


def conditions_of(only: Only | None, *, at_deadline: bool = False) -> list[ColumnElement[bool]]:
    """What makes an obligation one of these."""
    one = Obligation
    on_time = and_(one.received_at.is_not(None), one.received_at <= one.due_at)
    excused = (
        func.coalesce(one.excused_at <= one.due_at, False) if at_deadline else one.excused_at.is_not(None)
    )
    match only:
        case None:
            return []
        case Only.MISSING if at_deadline:
            return [~excused, or_(one.received_at.is_(None), one.received_at > one.due_at)]
        case Only.MISSING:
            return [one.received_at.is_(None), one.excused_at.is_(None)]
        case Only.LATE:
            return [false()] if at_deadline else [one.received_at > one.due_at, ~excused]
        case Only.RETURNED:
            return (
                [one.returned_at_due.is_(True)]
                if at_deadline
                else [one.review == Review.RETURNED, ~excused, one.received_at.is_not(None)]
            )
        case Only.ON_TIME:
            return [on_time, one.excused_at.is_(None)]
        case Only.ZERO:
            return (
                [one.zero_at_due.is_(True)]
                if at_deadline
                else [one.zero.is_(True), ~excused, one.received_at.is_not(None)]
            )
        case _:
            return [excused]


@dataclass(frozen=True, slots=True)
class Responsible:
    """Whom to call: a person of the health staff, or who stands for the enterprise where its posts are empty. Without a number of
    their own it is the enterprise's."""

    name: str  # empty where only the enterprise's telephone is known
    what: str
    held: Appointment | None = None
    phone: str = ""  # of the enterprise

    @property
    def own_number(self) -> str:
        return self.held.account.mobile or "" if self.held else ""

    @property
    def number(self) -> str:
        return self.own_number or self.phone


@dataclass(frozen=True, slots=True)
class Line:
    """One enterprise of a period."""

    obligation: Obligation
    how: Status
    responsible: Responsible | None
    place: str
    streak: int  # reports in a row that are missing, this one the last
    reminded: Said | None  # the last time

    @property
    def enterprise(self) -> Enterprise:
        return self.obligation.enterprise


def lines(session: Session, obligations: Sequence[Obligation], now: datetime) -> list[Line]:
    """What is said about these: a fixed number of queries."""
    ids = [one.enterprise_id for one in obligations]
    staff = health_staff(session, ids, local(now).date())
    places = names_of(session, By.PLACE, {one.place_id for one in obligations if one.place_id is not None})
    reminded = last_said(session, [one.id for one in obligations])
    streaks = _streaks(session, obligations, now)
    return [
        Line(
            one, status(one, now), _responsible(one.enterprise, staff[one.enterprise_id]),
            places.get(one.place_id or 0, NONE[By.PLACE]), streaks.get(one.enterprise_id, 0), reminded.get(one.id),
        )
        for one in obligations
    ]  # fmt: skip


def _responsible(enterprise: Enterprise, staff: Sequence[Appointment]) -> Responsible | None:
    """The health manager, then the chief health officer, then who stands for the enterprise by law, then its telephone."""
    phone = enterprise.phone or ""
    for post in (Post.HEALTH_MANAGER, Post.CHIEF_HEALTH_OFFICER):
        for held in staff:
            if held.post is post:
                return Responsible(held.account.name, post.label, held, phone)
    if enterprise.legal_representative:
        return Responsible(enterprise.legal_representative, "法定代表人", phone=phone)
    return Responsible("", "岗位空缺", phone=phone) if phone else None


def _streaks(session: Session, obligations: Sequence[Obligation], now: datetime) -> dict[int, int]:
    """How many in a row have not come, up to the last of these of each enterprise. What is not yet due has not been missed."""
    one = Obligation
    missing: dict[int, datetime] = {}
    for owed in obligations:
        if owed.received_at is None and owed.excused_at is None:
            known = missing.get(owed.enterprise_id, owed.due_at)
            missing[owed.enterprise_id] = max(known, owed.due_at)
    if not missing:
        return {}
    last = max(missing.values())
    rows = session.execute(
        select(one.enterprise_id, one.due_at, one.received_at, one.excused_at)
        .where(
            one.enterprise_id.in_(missing), one.live(), one.due_at.between(last - LOOKED_BACK, last),
            one.due_at < moment(now),
        )
        .order_by(one.enterprise_id, one.due_at.desc())
    )  # fmt: skip
    found: dict[int, int] = defaultdict(int)
    ended: set[int] = set()
    for number, due_at, received_at, excused_at in rows:
        if number in ended or due_at > missing[number]:
            continue
        if received_at is None and excused_at is None and found[number] < STREAK:
            found[number] += 1
        else:
            ended.add(number)
    return found
