"""What the office sees and decides (专班与联络员): places today, how far an emergency reaches, the scheme
adopted; and what an enterprise may know of its own day. Each reading is a fixed number of queries, however
many places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, joinedload

from .access import ENTERPRISE_STAFF, SCOPES, Post
from .accounts import Account, Appointment
from .base import RuleBroken, local
from .enterprises import Enterprise, Premises
from .gate import OPEN_CASE, CheckIn, Kind
from .judging import Verdict
from .places import Adoption, Community, District, Gate, ModeOrder, Place, PlaceKind, Street
from .policy.book import Book
from .policy.schema import Mode, Policy, Question, StaffingDuty

# As `models.overview.Counts.entered` counts: a marked row is no entry until a guard confirms it.
ENTERED = and_(CheckIn.kind == Kind.ENTRY, CheckIn.verdict != Verdict.REFUSED, CheckIn.marks == "")


def entries_by_gate(session: Session, gate_ids: Collection[int], on: date) -> dict[int, int]:
    """How many people came in by each of these gates on a day; the refused did not."""
    rows = session.execute(
        select(CheckIn.gate_id, func.count())
        .where(CheckIn.gate_id.in_(gate_ids), CheckIn.day == on, ENTERED)
        .group_by(CheckIn.gate_id)
    )
    return dict(rows.all())


def names_of(session: Session, account_ids: Iterable[int | None]) -> dict[int, str]:
    """Who these people are, for "by whom" beside a decision."""
    ids = {number for number in account_ids if number is not None}
    return dict(session.execute(select(Account.id, Account.name).where(Account.id.in_(ids))).all())


# --- places today ---


@dataclass(frozen=True, slots=True)
class PlaceToday:
    """A place of an officer's district: what goes on there, and what it lacks. It is made for each of a thousand of them, so
    that the worst come first; what only the page says is `PlaceLine`."""

    id: int
    street_id: int
    gates: int
    entries: int
    abnormal: int  # cases that wait for somebody, of whatever day
    serving: int  # specialists
    required: int  # specialists that the scheme asks for
    orders: tuple[ModeOrder, ...]  # open emergencies that reach it

    @property
    def lacking(self) -> int:
        return max(self.required - self.serving, 0)

    @property
    def grave(self) -> tuple[int, int, bool, int, int]:
        """Sorts the worst first: nobody responsible, then what waits, then an emergency, then the busiest."""
        return (-self.lacking, -self.abnormal, not self.orders, -self.entries, self.id)


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """The same with who and where, for the few on a page."""

    today: PlaceToday
    place: Place
    specialists: tuple[str, ...]
    liaisons: tuple[str, ...]  # who has to see to a vacancy


def places_today(
    session: Session, where: ColumnElement[bool], policy: Policy | None, now: datetime
) -> list[PlaceToday]:
    """Every place that `where` lets through, the worst first."""
    today, inside = local(now).date(), and_(where, Place.closed_at.is_(None))
    places: Sequence[Any] = session.execute(
        select(
            Place.id, Place.kind, Place.district_id, Place.street_id, Place.community_id, Place.parent_id
        ).where(inside)
    ).all()
    ids = select(Place.id).where(inside)
    at_gates = _counts(
        session, select(Gate.place_id, func.count()).where(Gate.place_id.in_(ids)).group_by(Gate.place_id)
    )
    of_today = select(CheckIn.place_id, func.count()).where(CheckIn.place_id.in_(ids), CheckIn.day == today)
    entries = _counts(session, of_today.where(ENTERED).group_by(CheckIn.place_id))
    waiting = select(CheckIn.place_id, func.count()).where(CheckIn.place_id.in_(ids), text(OPEN_CASE))
    abnormal = _counts(session, waiting.group_by(CheckIn.place_id))
    serving = _counts(
        session,
        select(Appointment.scope_id, func.count())
        .join(Appointment.account)
        .where(_specialists(today))
        .group_by(Appointment.scope_id),
    )
    orders = open_orders(session, {place.district_id for place in places}, now)
    rules = {kind: policy.place(kind.value) if policy else None for kind in PlaceKind}
    found = []
    for place in places:
        rule = rules[place.kind]
        found.append(
            PlaceToday(
                id=place.id,
                street_id=place.street_id,
                gates=at_gates.get(place.id, 0),
                entries=entries.get(place.id, 0),
                abnormal=abnormal.get(place.id, 0),
                serving=serving.get(place.id, 0),
                required=rule.specialists_required if rule else 0,
                orders=tuple(order for order in orders if order.reaches(place)),
            )
        )
    return sorted(found, key=lambda one: one.grave)


def place_lines(session: Session, these: Iterable[PlaceToday], on: date) -> dict[int, PlaceLine]:
    """What a page says of these, by number."""
    wanted = {one.id: one for one in these}
    places = session.scalars(
        select(Place).where(Place.id.in_(wanted)).options(joinedload(Place.street), joinedload(Place.parent))
    ).all()
    people = _people_of(session, places, on)
    return {
        place.id: PlaceLine(
            today=wanted[place.id],
            place=place,
            specialists=tuple(people.get((Post.SPECIALIST, place.id), ())),
            liaisons=(
                *people.get((Post.UNIT_LIAISON, place.unit_id or 0), ()),
                *people.get((Post.COMMUNITY_LIAISON, place.community_id or 0), ()),
            ),
        )
        for place in places
    }


def places_called(session: Session, where: ColumnElement[bool], asked: str, on: date) -> set[int]:
    """The places with this in their name, their park's, their address or the name of a specialist of theirs."""
    park = aliased(Place)
    named = (
        select(Appointment.scope_id)
        .join(Appointment.account)
        .where(_specialists(on), func.lower(Account.name).contains(asked.lower(), autoescape=True))
    )
    called = [
        func.lower(column).contains(asked.lower(), autoescape=True)
        for column in (Place.name, Place.address, park.name)
    ]
    found = (
        select(Place.id)
        .outerjoin(park, park.id == Place.parent_id)
        .where(where, or_(*called, Place.id.in_(named)))
    )
    return set(session.scalars(found))


def streets_of(session: Session, these: Iterable[PlaceToday]) -> list[tuple[int, str]]:
    """The streets in which they lie, number and name."""
    ids = {one.street_id for one in these}
    rows = session.execute(select(Street.id, Street.name).where(Street.id.in_(ids)).order_by(Street.id))
    return [(number, name) for number, name in rows]


def _specialists(on: date) -> ColumnElement[bool]:
    return and_(
        Appointment.scope == "place",
        Appointment.post == Post.SPECIALIST,
        Appointment.serving(on),
        Account.disabled_at.is_(None),
    )


def entries_until(session: Session, where: ColumnElement[bool], until: datetime) -> int:
    """How many had come in at these places that day by this time of day."""
    inside = select(Place.id).where(where)
    return (
        session.scalar(
            select(func.count())
            .select_from(CheckIn)
            .where(
                CheckIn.place_id.in_(inside),
                CheckIn.day == local(until).date(),
                CheckIn.occurred_at <= until,
                ENTERED,
            )
        )
        or 0
    )


def _counts(session: Session, query: object) -> dict[int, int]:
    return dict(session.execute(query).all())  # type: ignore[call-overload]


def _people_of(session: Session, places: Sequence[Place], on: date) -> dict[tuple[Post, int], list[str]]:
    """Names by post and scope: specialists of these places, liaisons of their units and communities."""
    wanted = {
        Post.SPECIALIST: {place.id for place in places},
        Post.UNIT_LIAISON: {place.unit_id for place in places if place.unit_id},
        Post.COMMUNITY_LIAISON: {place.community_id for place in places if place.community_id},
    }
    rows = session.execute(
        select(Appointment.post, Appointment.scope_id, Account.name)
        .join(Appointment.account)
        .where(
            Appointment.serving(on),
            Account.disabled_at.is_(None),
            or_(
                *(
                    and_(
                        Appointment.scope == SCOPES[post],  # with it the index of scopes answers
                        Appointment.scope_id.in_(ids),
                        Appointment.post == post,
                    )
                    for post, ids in wanted.items()
                )
            ),
        )
        .order_by(Appointment.id)
    )
    people: dict[tuple[Post, int], list[str]] = defaultdict(list)
    for post, scope_id, name in rows:
        people[post, scope_id].append(name)
    return people


# --- emergencies ---

SCOPE_WORDS = {"district": "全区", "street": "街道", "community": "社区", "place": "园区、楼宇"}
SCOPE_ROWS = {"district": District, "street": Street, "community": Community, "place": Place}


def open_orders(session: Session, district_ids: Collection[int], now: datetime) -> Sequence[ModeOrder]:
    return session.scalars(
        select(ModeOrder)
        .where(ModeOrder.district_id.in_(district_ids), ModeOrder.open_at(now))
        .order_by(ModeOrder.starts_at, ModeOrder.id)
    ).all()


def scope_names(session: Session, orders: Iterable[ModeOrder]) -> dict[tuple[str, int], str]:
    """What the orders reach, by name: at most one query for each kind of scope."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for order in orders:
        wanted[order.scope].add(order.scope_id)
    names = {}
    for scope, ids in wanted.items():
        model = SCOPE_ROWS[scope]
        for number, name in session.execute(select(model.id, model.name).where(model.id.in_(ids))):  # type: ignore[attr-defined]
            names[scope, number] = name
    return names


@dataclass(frozen=True, slots=True)
class Effect:
    """What an order changes the moment it takes effect, or ends."""

    places: Sequence[Place]
    gates: int
    enterprises: int
    others: Mapping[int, tuple[ModeOrder, ...]]  # by place: other open orders that reach it as well

    @property
    def alone(self) -> list[Place]:
        """Places whose mode hangs on this order alone."""
        return [place for place in self.places if place.id not in self.others]


def effect_of(
    session: Session, scope: str, scope_id: int, now: datetime, *, besides: ModeOrder | None = None
) -> Effect:
    """Places, gates and enterprises within a scope; `besides` is the order that is about to end."""
    inside = Place.within(scope, [scope_id])
    assert inside is not None, scope
    places = session.scalars(select(Place).where(inside, Place.closed_at.is_(None)).order_by(Place.id)).all()
    ids = [place.id for place in places]
    gates = session.scalar(select(func.count()).select_from(Gate).where(Gate.place_id.in_(ids)))
    enterprises = session.scalar(
        select(func.count(Premises.enterprise_id.distinct())).where(
            Premises.place_id.in_(ids), Premises.holding(now)
        )
    )
    orders = open_orders(session, {place.district_id for place in places}, now)
    others = {}
    for place in places:
        reaching = tuple(o for o in orders if o is not besides and o.reaches(place))
        if reaching:
            others[place.id] = reaching
    return Effect(places, gates or 0, enterprises or 0, others)


def questions_added(policy: Policy) -> list[Question]:
    """What a gate asks in an emergency and not otherwise."""
    normal, emergency = policy.gate[Mode.NORMAL], policy.gate[Mode.EMERGENCY]
    return [question for question in emergency.questions if not normal.asks(question.field)]


def refuse_twice(session: Session, *, scope: str, scope_id: int, name: str, now: datetime) -> None:
    """A second click, or a colleague who was quicker: the same emergency is opened once."""
    same = session.scalar(
        select(ModeOrder).where(
            ModeOrder.scope == scope,
            ModeOrder.scope_id == scope_id,
            ModeOrder.name == name,
            ModeOrder.open_at(now),
        )
    )
    if same is not None:
        raise RuleBroken(f"“{name}”在这个范围已经开启，{local(same.starts_at):%H:%M}起实行")


# --- schemes ---


def adoptions_of(session: Session, district_id: int) -> Sequence[Adoption]:
    return session.scalars(
        select(Adoption).where(Adoption.district_id == district_id).order_by(Adoption.from_on, Adoption.id)
    ).all()


def adopt(
    session: Session, book: Book, district: District, key: str, from_on: date, *, now: datetime, by_id: int
) -> Adoption:
    """The district follows the pack from a day on, never back-dated: what was judged stays judged.

    The pack's digest is kept with it, so that a pack changed afterwards shows.
    """
    known = book.keys()
    if key not in known:
        raise RuleBroken("请选择一份方案")
    policy, made = book.get(key), adoptions_of(session, district.id)
    if from_on < local(now).date():
        raise RuleBroken(f"{_day(from_on)}已经过去，请填今天或以后的日期；以前的登记仍按当时的方案")
    if from_on < policy.effective_on:
        raise RuleBroken(f"《{policy.title}》{_day(policy.effective_on)}起施行，不能早于这一天采用")
    for other in made:
        if other.from_on == from_on:
            raise RuleBroken(f"{_day(from_on)}已经定了采用{other.scheme_key}，请换一天，或者先撤回它")
    before = book.in_force(made, from_on)
    if before is not None and before.key == key:
        raise RuleBroken(f"{_day(from_on)}本来就在用这份方案，不用再采用")
    adoption = Adoption(
        district_id=district.id,
        scheme_key=key,
        digest=policy.digest,
        from_on=from_on,
        adopted_by_id=by_id,
        adopted_at=now,
    )
    try:
        with session.begin_nested():
            session.add(adoption)
    except IntegrityError:
        raise RuleBroken(f"刚才有人给{_day(from_on)}定了一份方案，请刷新再看") from None
    return adoption


def withdraw(session: Session, adoption: Adoption, *, now: datetime) -> None:
    """Takes a planned adoption back before its day. One that has begun stays: records refer to it."""
    if adoption.from_on <= local(now).date():
        raise RuleBroken(f"这份方案{_day(adoption.from_on)}已经实行，不能撤回；要换，请另采用一份")
    session.delete(adoption)


def _day(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"


# --- an enterprise's own day ---


@dataclass(frozen=True, slots=True)
class StaffLine:
    """One post of the staffing rule, asked for and filled."""

    post: Post
    label: str
    required: int
    advised: int
    names: tuple[str, ...]

    @property
    def missing(self) -> int:
        return max(self.required - len(self.names), 0)

    @property
    def advised_more(self) -> int:
        return max(self.advised - max(len(self.names), self.required), 0)


def health_staff(
    session: Session, enterprise_ids: Collection[int], on: date
) -> Mapping[int, list[Appointment]]:
    """Who serves in a health post of each of these enterprises."""
    staff: dict[int, list[Appointment]] = defaultdict(list)
    for one in session.scalars(
        select(Appointment)
        .join(Appointment.account)
        .where(
            Appointment.scope == "enterprise",
            Appointment.scope_id.in_(enterprise_ids),
            Appointment.serving(on),
            Account.disabled_at.is_(None),
        )
        .options(joinedload(Appointment.account))
        .order_by(Appointment.id)
    ):
        staff[one.scope_id].append(one)
    return staff


def staff_accounts(session: Session, enterprise_ids: Collection[int], on: date) -> dict[int, set[int]]:
    """Whom a message to each of these enterprises goes to: whoever serves as its chief health officer or health manager."""
    held = health_staff(session, enterprise_ids, on)
    return {
        number: {one.account_id for one in held.get(number, ()) if one.post in ENTERPRISE_STAFF}
        for number in enterprise_ids
    }


def staff_lines(policy: Policy, duty: StaffingDuty, staff: Iterable[Appointment]) -> list[StaffLine]:
    """The posts that the rule speaks of, each with who holds it."""
    lines = []
    held = list(staff)
    for code in sorted(duty.required, key=[post.value for post in Post].index):
        rule = policy.post(code)
        names = tuple(a.account.name for a in held if a.post.value == code)
        lines.append(
            StaffLine(
                Post(code), rule.label if rule else code, duty.required[code], duty.advised[code], names
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class Waiting:
    """A visitor who may not enter now, as far as the host may know: never why (gate.md lesson 15)."""

    name: str
    at: datetime
    place: str
    gate: str


@dataclass(frozen=True, slots=True)
class Visitors:
    """An enterprise's visitors of a day."""

    by_hour: Mapping[int, int]
    waiting: Sequence[Waiting]

    @property
    def total(self) -> int:
        return sum(self.by_hour.values())


def visitors_of(session: Session, enterprise: Enterprise, on: date) -> Visitors:
    """Who came in for this enterprise, by hour, and who waits: refused, not dealt with, not let in since."""
    hours = session.execute(
        select(CheckIn.hour, func.count())
        .where(CheckIn.enterprise_id == enterprise.id, CheckIn.day == on, ENTERED)
        .group_by(CheckIn.hour)
        .order_by(CheckIn.hour)
    )
    later = aliased(CheckIn)
    let_in = select(later.id).where(
        later.earlier_id == CheckIn.id, later.verdict.in_((Verdict.PASS, Verdict.REGISTERED))
    )
    refused = session.execute(
        select(CheckIn.name, CheckIn.occurred_at, Place.name, Gate.name)
        .join(CheckIn.gate)
        .join(CheckIn.place)
        .where(
            CheckIn.enterprise_id == enterprise.id,
            CheckIn.day == on,
            CheckIn.verdict == Verdict.REFUSED,
            CheckIn.handled_at.is_(None),
            ~let_in.exists(),
        )
        .order_by(CheckIn.id.desc())
    )
    return Visitors(dict(hours.all()), [Waiting(*row) for row in refused])
