"""An officer's enterprises (我的企业): one list, and what each of them lacks. Searched, sorted and cut in the database, so that a
page costs the same however many enterprises there are; what is read for a page is a fixed number of queries.

What each lacks is read as `models.standing` keeps it; where that is not known for today, the rule is asked for each enterprise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select
from sqlalchemy.orm import Session, joinedload

from . import finding, standing
from .access import Post
from .accounts import Account, Appointment
from .base import Labelled, local
from .enterprises import Enterprise, Premises
from .office import StaffLine, health_staff, staff_lines
from .places import Community, Street, Unit
from .policy.schema import Policy, PostCode, Rounding, StaffingDuty, StaffingRule

MOST = 10_000  # a number beyond it is said to be more: nobody counts a city while somebody waits


class Lack(Labelled):
    """What may be missing at an enterprise (缺什么)."""

    POSTS = "posts", "缺岗位"
    HEADCOUNT = "headcount", "人数未填"


class Order(Labelled):
    """In which order they stand."""

    LACKING = "lacking", "缺得多"
    NAME = "name", "名称"
    HEADCOUNT = "headcount", "人数"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the officer looks for. `within` is how far they reach."""

    within: ColumnElement[bool]
    text: str = ""
    lack: Lack | None = None
    closed: bool = False  # those that have closed, and no other
    street_id: int | None = None
    order: Order = Order.LACKING


@dataclass(frozen=True, slots=True)
class Line:
    """One enterprise on the list."""

    enterprise: Enterprise
    street: str
    community: str
    unit: str
    premises: Sequence[Premises]
    duty: StaffingDuty | None  # None: nobody can say what it owes
    posts: Sequence[StaffLine]
    staff: Sequence[Appointment]  # whoever serves in a health post, guides too

    @property
    def missing(self) -> int:
        return sum(line.missing for line in self.posts)


@dataclass(frozen=True, slots=True)
class Basis:
    """What the list sorts and counts by: see `standing.Standing.lacking`."""

    lacking: ColumnElement[int]
    heads: ColumnElement[int]
    kept: bool  # read from an index, not worked out for each row

    @classmethod
    def of(cls, session: Session, policy: Policy | None, on: date) -> Basis:
        if standing.known(session, on):
            return cls(Enterprise.__table__.c.lacking, Enterprise.__table__.c.heads, True)
        heads, missing = func.coalesce(Enterprise.headcount, 0), _missing(policy, on)
        return cls(case((missing > 0, missing), (heads <= 0, 0), else_=-1), heads, False)

    def test(self, lack: Lack) -> ColumnElement[bool]:
        return self.lacking > 0 if lack is Lack.POSTS else self.lacking == 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many enterprises there are within reach, how many lack what, and how many have closed (they are not in `total`)."""

    total: int
    lacking: Mapping[Lack, int]
    closed: int


def search(session: Session, wanted: Wanted, basis: Basis) -> Select[Any]:
    """The enterprises that are looked for, in their order; equal ones by name."""
    found = finding.found_by(session, wanted.text) if basis.kept else finding.spelt(wanted.text)
    query = select(Enterprise).where(wanted.within, *_asked_for(wanted, basis), *found)
    match wanted.order:
        case Order.NAME:
            return query.order_by(Enterprise.name, Enterprise.id)
        case Order.HEADCOUNT:
            return query.order_by(basis.heads.desc(), Enterprise.name, Enterprise.id)
        case _:
            return query.order_by(basis.lacking.desc(), basis.heads.desc(), Enterprise.name, Enterprise.id)


def total(session: Session, wanted: Wanted, basis: Basis, reached: Tally) -> tuple[int | None, int]:
    """How many are listed, where that is known without counting them (else None); and how far anybody would count."""
    if wanted.text:
        many = basis.kept and finding.finds_many(
            session, wanted.text, [wanted.within, *_asked_for(wanted, basis)]
        )
        return (finding.FEW + 1, finding.FEW) if many else (None, MOST)
    if wanted.street_id is not None:
        return None, MOST
    if wanted.lack is not None:
        return reached.lacking[wanted.lack], MOST
    return reached.closed if wanted.closed else reached.total, MOST


def counts(
    session: Session, within: ColumnElement[bool], each: Sequence[Wanted], basis: Basis
) -> Sequence[int]:
    """How many enterprises within reach each of these finds, from one query."""
    tests = [and_(*_asked_for(one, basis), *finding.spelt(one.text)) for one in each]
    sums = [func.coalesce(func.sum(case((test, 1), else_=0)), 0) for test in tests]
    return list(session.execute(select(*sums).select_from(Enterprise).where(within)).one())


def tally(session: Session, within: ColumnElement[bool], basis: Basis, *, most: int | None = None) -> Tally:
    """Every number from one query. With `most` nobody counts further than one beyond it: no page waits for a whole city."""
    is_open = Enterprise.closed_at.is_(None)
    tests: list[list[ColumnElement[bool]]] = [[is_open], [~is_open]]
    tests += [[is_open, basis.test(lack)] for lack in Lack]
    found = [select(Enterprise.id).where(within, *each) for each in tests]
    if most is not None:
        found = [each.limit(most + 1) for each in found]
    numbers = [select(func.count()).select_from(each.subquery()).scalar_subquery() for each in found]
    total, closed, *lacking = session.execute(select(*numbers)).one()
    return Tally(total, dict(zip(Lack, lacking, strict=True)), closed)


def lines(
    session: Session, enterprises: Sequence[Enterprise], policy: Policy | None, now: datetime
) -> list[Line]:
    """What stands on the list about these."""
    ids = [one.id for one in enterprises]
    seats: dict[int, list[Premises]] = defaultdict(list)
    for seat in session.scalars(
        select(Premises)
        .where(Premises.enterprise_id.in_(ids), Premises.holding(now))
        .options(joinedload(Premises.place))
        .order_by(Premises.from_at, Premises.id)
    ):
        seats[seat.enterprise_id].append(seat)
    staff = health_staff(session, ids, local(now).date())
    names = {model: _names(session, model, enterprises) for model in (Street, Community, Unit)}
    found = []
    for one in enterprises:
        duty = policy.staffing.duty(one.headcount) if policy else None
        posts = staff_lines(policy, duty, staff[one.id]) if policy and duty else []
        found.append(
            Line(
                one, names[Street].get(one.street_id, ""), names[Community].get(one.community_id, ""),
                names[Unit].get(one.unit_id, ""), seats[one.id], duty, posts,
                staff[one.id],
            )
        )  # fmt: skip
    return found


def owed(rule: StaffingRule, post: PostCode) -> ColumnElement[int]:
    """`rule.duty(headcount).required[post]` in the database's words; 0 where the head count says nothing."""
    heads, bands, carried = func.coalesce(Enterprise.headcount, 0), [], 0
    for band in rule.bands:
        own = band.required.get(post, 0)
        number: Any = literal(max(own, carried))
        if rule.carry_over:
            carried = max(own, carried)
        if band.per_further is not None and band.per_further.post == post:
            further = case((heads > band.per_further.beyond, heads - band.per_further.beyond), else_=0)
            up = band.per_further.step - 1 if band.per_further.required is Rounding.UP else 0
            number = number + (further + up) // band.per_further.step
        holds = heads >= band.above if rule.lower_inclusive else heads > band.above
        if band.upto is not None:
            holds &= heads < band.upto if rule.lower_inclusive else heads <= band.upto
        bands.append((holds, number))
    return case((heads <= 0, 0), *bands, else_=0)


def _missing(policy: Policy | None, on: date) -> ColumnElement[int]:
    """How many people are still to be appointed."""
    number: Any = literal(0)
    if policy is None:
        return number
    for post in policy.staffing.posts():
        wanted, there = owed(policy.staffing, post), _held(post, on)
        number = number + case((wanted > there, wanted - there), else_=0)
    return number


def _held(post: PostCode, on: date) -> ColumnElement[int]:
    """How many serve in a post."""
    return (
        select(func.count())
        .select_from(Appointment)
        .join(Account, Account.id == Appointment.account_id)
        .where(
            Appointment.scope == "enterprise", Appointment.scope_id == Enterprise.id, Appointment.post == Post(post),
            Appointment.serving(on), Account.disabled_at.is_(None),
        )
        .correlate(Enterprise)
        .scalar_subquery()
    )  # fmt: skip


def _asked_for(wanted: Wanted, basis: Basis) -> list[ColumnElement[bool]]:
    """What an enterprise must be for this filter, reach and text aside."""
    tests: list[ColumnElement[bool]] = [
        Enterprise.closed_at.is_not(None) if wanted.closed else Enterprise.closed_at.is_(None)
    ]
    if wanted.street_id is not None:
        tests.append(Enterprise.street_id == wanted.street_id)
    if wanted.lack is not None:
        tests.append(basis.test(wanted.lack))
    return tests


def _names(session: Session, model: Any, enterprises: Sequence[Enterprise]) -> dict[int | None, str]:
    column = f"{model.__tablename__}_id"
    ids = {getattr(one, column) for one in enterprises}
    return dict(session.execute(select(model.id, model.name).where(model.id.in_(ids))).all())
