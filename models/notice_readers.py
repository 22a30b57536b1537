"""Who has read a notice and who has not (阅读情况): by enterprise or place, each with the people who answer for it.

Where one of the people who answer for an enterprise has read, the enterprise has. Cut and sorted in the database; a page is a
fixed number of queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, distinct, func, or_, select, tuple_
from sqlalchemy.orm import Session

from .access import Post
from .accounts import SCOPE_MODELS, Account, Appointment
from .base import Labelled
from .enterprises import Enterprise
from .notices import Notice, NoticeReceipt
from .places import Place

R = NoticeReceipt


class Show(Labelled):
    UNREAD = "unread", "没人读过"
    UNCONFIRMED = "unconfirmed", "没人确认"
    DONE = "done", "已读"


@dataclass(frozen=True, slots=True)
class Tally:
    people: int
    read: int
    confirmed: int
    targets: int  # enterprises, places and units
    targets_read: int
    targets_confirmed: int
    enterprises: int
    nobody: int  # enterprises in the area where nobody can get it

    def of(self, show: Show) -> int:
        return {
            Show.UNREAD: self.targets - self.targets_read,
            Show.UNCONFIRMED: self.targets - self.targets_confirmed,
            Show.DONE: self.targets_read,
        }[show]


@dataclass(frozen=True, slots=True)
class Reader:
    """One who answers for it, and what that one has done."""

    account_id: int
    name: str
    post: Post
    read_at: datetime | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Target:
    """An enterprise, a place, a unit."""

    scope: str
    id: int
    name: str
    readers: Sequence[Reader]

    @property
    def read(self) -> bool:
        return any(one.read_at for one in self.readers)

    @property
    def confirmed(self) -> bool:
        return any(one.confirmed_at for one in self.readers)


def _joined(notice: Notice, now: datetime, *columns: Any) -> Select[Any]:
    of_it = and_(R.notice_id == notice.id, R.account_id == Appointment.account_id)
    return (
        select(*columns)
        .select_from(Appointment)
        .join(Account, Account.id == Appointment.account_id)
        .outerjoin(R, of_it)
        .where(notice.addressed(now))
    )


def reached(session: Session, notice: Notice, now: datetime) -> tuple[int, int]:
    """How many people and how many enterprises it is for."""
    firms = case((Appointment.scope == "enterprise", Appointment.scope_id))
    people, enterprises = session.execute(
        _joined(notice, now, func.count(distinct(Appointment.account_id)), func.count(distinct(firms)))
    ).one()
    return people, enterprises


def nobody_at(notice: Notice, now: datetime) -> ColumnElement[bool]:
    """The enterprises in the area where nobody holds any of its posts: told by telephone, or not at all."""
    if not notice.for_enterprises:
        return Enterprise.id.is_(None)
    held = _joined(notice, now, Appointment.scope_id).where(Appointment.scope == "enterprise")
    return and_(notice.covers(Enterprise, now), Enterprise.closed_at.is_(None), Enterprise.id.not_in(held))


def tally(session: Session, notice: Notice, now: datetime) -> Tally:
    done = (func.count(R.read_at), func.count(R.confirmed_at))
    by_target = (
        _joined(notice, now, Appointment.scope, done[0].label("read"), done[1].label("confirmed"))
        .group_by(Appointment.scope, Appointment.scope_id)
        .subquery()
    )
    by_person = (
        _joined(notice, now, Appointment.account_id, func.max(R.read_at).label("read"), func.max(R.confirmed_at).label("confirmed"))
        .group_by(Appointment.account_id)
        .subquery()
    )  # fmt: skip

    def number(test: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((test, 1), else_=0)), 0)

    targets = session.execute(
        select(
            func.count(), number(by_target.c.read > 0), number(by_target.c.confirmed > 0),
            number(by_target.c.scope == "enterprise"),
        ).select_from(by_target)
    ).one()  # fmt: skip
    people = session.execute(
        select(func.count(), func.count(by_person.c.read), func.count(by_person.c.confirmed)).select_from(
            by_person
        )
    ).one()
    nobody = session.scalar(select(func.count(Enterprise.id)).where(nobody_at(notice, now))) or 0
    return Tally(people[0], people[1], people[2], targets[0], targets[1], targets[2], targets[3], nobody)


def search(notice: Notice, now: datetime, *, text: str = "", show: Show | None = None) -> Select[Any]:
    """The targets that are looked for (scope, number): who has not read first."""
    read, confirmed = func.count(R.read_at), func.count(R.confirmed_at)
    query = _joined(notice, now, Appointment.scope, Appointment.scope_id)
    if text:
        query = query.where(_called(text))
    query = query.group_by(Appointment.scope, Appointment.scope_id)
    tests = {Show.UNREAD: read == 0, Show.UNCONFIRMED: confirmed == 0, Show.DONE: read > 0}
    if show is not None:
        query = query.having(tests[show])
    return query.order_by(
        case((read > 0, 1), else_=0),
        case((confirmed > 0, 1), else_=0),
        Appointment.scope,
        Appointment.scope_id,
    )


def _called(text: str) -> ColumnElement[bool]:
    firms = select(Enterprise.id).where(
        or_(
            Enterprise.name.contains(text, autoescape=True), Enterprise.short_name.contains(text, autoescape=True),
            Enterprise.initials.startswith(text.lower(), autoescape=True),
        )
    )  # fmt: skip
    places = select(Place.id).where(Place.name.contains(text, autoescape=True))
    return or_(
        and_(Appointment.scope == "enterprise", Appointment.scope_id.in_(firms)),
        and_(Appointment.scope == "place", Appointment.scope_id.in_(places)),
        Account.name.contains(text, autoescape=True),
    )


def targets(
    session: Session, notice: Notice, found: Sequence[tuple[str, int]], now: datetime
) -> list[Target]:
    """What stands on the list about these, in their order."""
    if not found:
        return []
    rows = session.execute(
        _joined(
            notice, now, Appointment.scope, Appointment.scope_id, Appointment.account_id, Account.name, Appointment.post,
            R.read_at, R.confirmed_at,
        )
        .where(tuple_(Appointment.scope, Appointment.scope_id).in_([tuple(one) for one in found]))
        .order_by(Appointment.post, Appointment.id)
    )  # fmt: skip
    readers: dict[tuple[str, int], list[Reader]] = defaultdict(list)
    for scope, number, *facts in rows:
        readers[scope, number].append(Reader(*facts))
    names: dict[tuple[str, int], str] = {}
    for kind in {scope for scope, _ in found}:
        model: Any = SCOPE_MODELS[kind]
        ids = [number for scope, number in found if scope == kind]
        named = session.execute(select(model.id, model.name).where(model.id.in_(ids)))
        names |= {(kind, number): name for number, name in named}
    return [Target(scope, one, names[scope, one], readers[scope, one]) for scope, one in found]


def in_parts(
    session: Session, notice: Notice, query: Select[Any], now: datetime, most: int
) -> Iterator[Target]:
    """All that a search finds, for a workbook, a few hundred at a time."""
    found = [(row[0], row[1]) for row in session.execute(query.limit(most))]
    for begin in range(0, len(found), 500):
        yield from targets(session, notice, found[begin : begin + 500], now)
