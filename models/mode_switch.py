"""What an order changes in reporting (状态转换的影响): how many enterprises report daily, from when, and what becomes of the week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, not_, or_, select
from sqlalchemy.orm import Session

from .base import local
from .enterprises import Enterprise
from .ledger_work import reached_by
from .obligations import Obligation, moment
from .office import adoptions_of, open_orders
from .places import ModeOrder
from .policy.book import Book
from .policy.periods import Period, Rules, Stretch, frame, partition
from .policy.schema import Mode


@dataclass(frozen=True, slots=True)
class Switch:
    """The effect of opening or ending an order on an enterprise that has reported in normal mode until it began."""

    enterprises: int  # whose mode hangs on this order alone
    others: int  # that are in an emergency by another order as well, and stay in it
    cut: Period | None  # the period that it ends early
    daily: Period | None  # the first daily report of it when it is opened, the last when it is ended
    following: Period | None  # what comes after the last daily report
    filed: int = 0  # enterprises that have filed what is void by it: dailies that were never due, a week that grows again

    @property
    def restores(self) -> bool:
        """Whether it is ended before a daily report was due, so that it has never been."""
        return self.daily is None


def opening(session: Session, book: Book, order: ModeOrder) -> Switch:
    """What this order changes when it is opened."""
    rules = _rules(session, book, order)
    starts = _wall(order.starts_at)
    found = _around(rules, starts, Stretch(starts, None, 0), starts.date())
    if not any(one.mode is Mode.EMERGENCY for one in found):  # it begins tomorrow
        found = _around(rules, starts, Stretch(starts, None, 0), starts.date() + date.resolution)
    daily = next((one for one in found if one.mode is Mode.EMERGENCY), None)
    cut = next((one for one in found if one.cut), None)
    return Switch(*_counts(session, order, order.starts_at), cut, daily, None)


def ending(session: Session, book: Book, order: ModeOrder, now: datetime) -> Switch:
    """What changes when this order is ended at an instant."""
    starts, ends = _wall(order.starts_at), _wall(now)
    rules = _rules(session, book, order)
    found = _around(rules, starts, Stretch(starts, ends, order.id), ends.date() + date.resolution)
    dailies = [number for number, one in enumerate(found) if one.mode is Mode.EMERGENCY]
    last = dailies[-1] if dailies else None
    following = found[-1] if last is None else next(iter(found[last + 1 :]), None)
    daily = None if last is None else found[last]
    filed = 0 if daily else _filed(session, order, now)
    return Switch(*_counts(session, order, now), None, daily, following, filed)


def _filed(session: Session, order: ModeOrder, now: datetime) -> int:
    """How many have filed a report that hangs on this order and is not due yet."""
    one = Obligation
    mine = (one.mode_order_id == order.id, one.live(), one.version > 0, one.due_at >= moment(now))
    return session.scalar(select(func.count(one.enterprise_id.distinct())).where(*mine)) or 0


def _around(rules: Rules, starts: datetime, stretch: Stretch, until: date) -> Sequence[Period]:
    policy = rules.on(starts.date())
    first = starts.date() if policy is None else frame(policy.reporting[Mode.NORMAL], starts.date())[0]
    return partition(rules, first, until, [stretch])


def _rules(session: Session, book: Book, order: ModeOrder) -> Rules:
    return book.rules(adoptions_of(session, order.district_id))


def _counts(session: Session, order: ModeOrder, at: datetime) -> tuple[int, int]:
    """How many open enterprises hang on this order alone, and how many others reach as well."""
    mine = (Enterprise.closed_at.is_(None), reached_by(order.scope, order.scope_id, at))
    others = [
        reached_by(one.scope, one.scope_id, at)
        for one in open_orders(session, [order.district_id], at)
        if one.id != order.id
    ]
    count = select(func.count()).select_from(Enterprise).where(*mine)
    total = session.scalar(count) or 0
    alone = total if not others else session.scalar(count.where(not_(or_(*others)))) or 0
    return alone, total - alone


def _wall(at: datetime) -> datetime:
    return local(at).replace(tzinfo=None)
