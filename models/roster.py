"""The roster of a place (花名册) and the contact table of the health staff there (联系人表), PLC-2.

Both cover the place and, of a park, its buildings, as far as the person at the door reaches; cut and sorted in the database, a fixed
number of queries a page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from . import contacts, portfolio
from .access import Post
from .accounts import Account, Appointment, mobile_index
from .base import Labelled, local
from .enterprises import Enterprise, Premises
from .identifiers import Unreadable, mobile
from .policy.schema import Policy
from .portfolio import Lack

HEALTH_POSTS = (Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER, Post.HEALTH_GUIDE)


class Show(Labelled):
    """Which part of the roster; those who lack something are `Lack`."""

    QUIET = "quiet", "很久没联络"
    DUE = "due", "约好该联络了"


class Order(Labelled):
    QUIET = "quiet", "最久没联络"
    LACKING = "lacking", "缺得多"
    ROOM = "room", "房间"
    NAME = "name", "名称"
    HEADCOUNT = "headcount", "人数"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where, when, and how far whoever asks reaches. `quiet_days`: after how many it is long since."""

    place_ids: Collection[int]
    within: ColumnElement[bool]
    policy: Policy | None
    now: datetime
    quiet_days: int

    @property
    def today(self) -> date:
        return local(self.now).date()

    @property
    def here(self) -> ColumnElement[bool]:
        """The enterprises that sit here now."""
        seats = select(Premises.enterprise_id).where(
            Premises.place_id.in_(self.place_ids), Premises.holding(self.now)
        )
        return and_(self.within, Enterprise.id.in_(seats))

    def basis(self, session: Session) -> portfolio.Basis:
        return portfolio.Basis.of(session, self.policy, self.today)


@dataclass(frozen=True, slots=True)
class Wanted:
    text: str = ""
    only: Lack | Show | None = None
    order: Order = Order.QUIET


@dataclass(frozen=True, slots=True)
class Line:
    """An enterprise of the roster: what the officer's list says of it, where it sits here, and when it was reached."""

    of: portfolio.Line
    seats: Sequence[Premises]
    latest: contacts.Latest

    @property
    def enterprise(self) -> Enterprise:
        return self.of.enterprise


@dataclass(frozen=True, slots=True)
class Tally:
    total: int
    of: dict[Lack | Show, int]


def search(session: Session, ground: Ground, wanted: Wanted) -> Select[Any]:
    """The enterprises that are looked for, in their order; never contacted before all others."""
    lack = wanted.only if isinstance(wanted.only, Lack) else None
    asked = portfolio.Wanted(ground.here, wanted.text, lack)
    query = portfolio.search(session, asked, ground.basis(session))
    if wanted.only is Show.QUIET:
        query = query.where(contacts.quiet(ground.now, ground.quiet_days))
    elif wanted.only is Show.DUE:
        query = query.where(contacts.due(ground.today))
    if wanted.order is Order.LACKING:
        return query
    last = contacts.last_at()
    keys: dict[Order, list[Any]] = {
        Order.QUIET: [last.is_not(None), last],
        Order.ROOM: [_first_room(ground)],
        Order.NAME: [Enterprise.name],
        Order.HEADCOUNT: [func.coalesce(Enterprise.headcount, 0).desc()],
    }
    return query.order_by(None).order_by(*keys[wanted.order], Enterprise.id)


def tally(session: Session, ground: Ground) -> Tally:
    """How many there are, and how many of each part."""
    reached = portfolio.tally(session, ground.here, ground.basis(session))
    tests = {
        Show.QUIET: contacts.quiet(ground.now, ground.quiet_days),
        Show.DUE: contacts.due(ground.today),
    }
    sums = [func.coalesce(func.sum(case((test, 1), else_=0)), 0) for test in tests.values()]
    numbers = session.execute(select(*sums).select_from(Enterprise).where(ground.here)).one()
    return Tally(reached.total, dict(reached.lacking) | dict(zip(tests, numbers, strict=True)))


def lines(session: Session, ground: Ground, enterprises: Sequence[Enterprise]) -> list[Line]:
    """What stands on the roster about these."""
    latest = contacts.latest_of(session, [one.id for one in enterprises])
    return [
        Line(
            of,
            [seat for seat in of.premises if seat.place_id in ground.place_ids],
            latest[of.enterprise.id],
        )
        for of in portfolio.lines(session, enterprises, ground.policy, ground.now)
    ]


def staff(ground: Ground, text: str = "", post: Post | None = None) -> Select[Any]:
    """The contact table: each appointment to a health post of an enterprise here, with the enterprise and its first room."""
    query = (
        select(Appointment, Account, Enterprise, _first_room(ground).label("room"))
        .join(Account, Account.id == Appointment.account_id)
        .join(Enterprise, and_(Appointment.scope == "enterprise", Enterprise.id == Appointment.scope_id))
        .where(
            ground.here, Appointment.serving(ground.today), Account.disabled_at.is_(None),
            Appointment.post.in_(HEALTH_POSTS if post is None else (post,)),
        )
    )  # fmt: skip
    if text:
        query = query.where(_found_by(text))
    return query.order_by(Enterprise.name, Enterprise.id, Appointment.post, Appointment.id)


def without_staff(session: Session, ground: Ground) -> int:
    """How many enterprises here have nobody in a health post at all."""
    served = select(Appointment.scope_id).where(
        Appointment.scope == "enterprise",
        Appointment.serving(ground.today),
        Appointment.post.in_(HEALTH_POSTS),
    )
    query = select(func.count()).select_from(Enterprise).where(ground.here, Enterprise.id.not_in(served))
    return session.scalar(query) or 0


def is_mobile(text: str) -> bool:
    """Whether this is a whole number: then somebody learns whose it is."""
    try:
        return bool(mobile(text))
    except Unreadable:
        return False


def _found_by(text: str) -> ColumnElement[bool]:
    """Part of a person's or an enterprise's name, the beginning of its pinyin initials, or a whole mobile."""
    found = or_(
        Account.name.contains(text, autoescape=True),
        Enterprise.name.contains(text, autoescape=True),
        Enterprise.short_name.contains(text, autoescape=True),
        Enterprise.initials.startswith(text.lower(), autoescape=True),
    )
    return or_(found, Account.mobile_index == mobile_index(mobile(text))) if is_mobile(text) else found


def _first_room(ground: Ground) -> Any:
    return (
        select(func.min(Premises.room))
        .where(
            Premises.enterprise_id == Enterprise.id, Premises.place_id.in_(ground.place_ids),
            Premises.holding(ground.now),
        )
        .correlate(Enterprise)
        .scalar_subquery()
    )  # fmt: skip
