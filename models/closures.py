"""An enterprise says that it is closed (停产放假) from a day to a day, with how many stay on duty and whom to ask for.

What is due on those days waits for the first working day after them (`models.policy.periods`). Never back-dated; those who look after
the enterprise may object, and from then on it moves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Self

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from .access import ENTERPRISE_STAFF
from .accounts import Account, Appointment
from .base import Row, RuleBroken, local
from .enterprises import MOST_PEOPLE, Enterprise, of_enterprises
from .obligations import moment
from .policy.periods import ClosedDays
from .reports import works_at
from .vault import EncryptedText

MOST_DAYS = 60
AHEAD = timedelta(days=366)  # a mistyped year is a mistake


class Closure(Row):
    """One closure as it was declared. Only its last day is ever changed, to an earlier one that is still to come."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    first_on: Mapped[date]
    last_on: Mapped[date]
    staff: Mapped[int]  # who stay on duty (在岗留守)
    contact_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str | None] = mapped_column(EncryptedText("closure.reason"))
    declared_at: Mapped[datetime]
    declared_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    changed_at: Mapped[datetime]  # the timed work looks by it
    withdrawn_at: Mapped[datetime | None]
    objected_at: Mapped[datetime | None]
    objected_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    objection: Mapped[str | None] = mapped_column(EncryptedText("closure.objection"))

    enterprise: Mapped[Enterprise] = relationship()
    contact: Mapped[Account] = relationship(foreign_keys=[contact_id])
    declared_by: Mapped[Account] = relationship(foreign_keys=[declared_by_id])
    objected_by: Mapped[Account | None] = relationship(foreign_keys=[objected_by_id])

    __table_args__ = (
        CheckConstraint("last_on >= first_on", name="days"),
        CheckConstraint("staff >= 0", name="staff"),
        CheckConstraint("withdrawn_at IS NULL OR objected_at IS NULL", name="ended_once"),
        Index("ix_closure_enterprise", "enterprise_id", "first_on"),
        Index("ix_closure_changed", "changed_at"),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return of_enterprises(cls.enterprise_id, Enterprise.within(scope, ids))

    @classmethod
    def within_at(cls, scope: str, ids: list[int], at: datetime) -> ColumnElement[bool] | None:
        return of_enterprises(cls.enterprise_id, Enterprise.within_at(scope, ids, at))

    # --- what it says ---

    @property
    def days(self) -> str:
        """11月28日; 11月28日至30日; 11月28日至12月2日."""
        first, last = self.first_on, self.last_on
        if first == last:
            return f"{first.month}月{first.day}日"
        month = "" if (first.year, first.month) == (last.year, last.month) else f"{last.month}月"
        return f"{first.month}月{first.day}日至{month}{last.day}日"

    @property
    def until(self) -> date | None:
        """The last day that it holds; None where it ended before it began. The day on which it ends still belongs to it: nothing is
        due at once, and nothing due in the past."""
        ended = self.withdrawn_at or self.objected_at
        if ended is None:
            return self.last_on
        day = local(ended).date()
        return min(day, self.last_on) if day >= self.first_on else None

    def covers(self, day: date) -> bool:
        return self.until is not None and self.first_on <= day <= self.until

    def is_open(self, today: date) -> bool:
        """Whether it holds, or will: to be withdrawn, shortened or objected to."""
        return self.withdrawn_at is None and self.objected_at is None and today <= self.last_on

    def can_be_shortened(self, today: date) -> bool:
        return self.is_open(today) and max(today, self.first_on) < self.last_on

    # --- what people do ---

    @classmethod
    def declare(
        cls,
        session: Session,
        enterprise: Enterprise,
        *,
        first_on: date,
        last_on: date,
        staff: int,
        contact_id: int,
        reason: str,
        now: datetime,
        by_id: int,
    ) -> Self:
        """From today on, 60 days at most, with somebody of its posts to ask for; no day twice."""
        enterprise.must_be_open()
        today = local(now).date()
        if first_on < today:
            raise RuleBroken(f"停产放假不能补报，最早从今天（{today.month}月{today.day}日）开始")
        if first_on > today + AHEAD:
            raise RuleBroken("第一天离现在一年以上，请核对年份")
        if last_on < first_on:
            raise RuleBroken("最后一天早于第一天，请核对")
        if (length := (last_on - first_on).days + 1) > MOST_DAYS:
            raise RuleBroken(f"一次最多{MOST_DAYS}天，现在是{length}天。更长的停产，请联系联络员登记")
        if staff > (most := enterprise.headcount or MOST_PEOPLE):
            raise RuleBroken(f"在岗人数多于在册人数（{most}人），请核对")
        if contact_id not in {one.id for one in contacts_of(session, enterprise.id, today)}:
            raise RuleBroken("值守联系人要从本企业的首席健康官、健康管理员里选")
        if not reason.strip():
            raise RuleBroken("请写停产放假的原因，分管的人会看到")
        cls._alone(session, enterprise.id)
        for other in closures_of(session, enterprise.id):
            if other.until is not None and other.first_on <= last_on and first_on <= other.until:
                raise RuleBroken(f"与已经申报的{other.days}重叠，请改日期，或者先撤回、缩短那一次")
        row = cls(
            enterprise_id=enterprise.id, first_on=first_on, last_on=last_on, staff=staff, contact_id=contact_id,
            reason=reason.strip(), declared_at=moment(now), declared_by_id=by_id, changed_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row

    def shorten(self, last_on: date, *, now: datetime) -> None:
        """It ends earlier, today at the earliest."""
        today = local(now).date()
        self._must_be_open(today)
        if last_on >= self.last_on:
            raise RuleBroken("新的最后一天要早于原来的；要延长，请另报一次")
        if last_on < max(today, self.first_on):
            raise RuleBroken("新的最后一天不能早于今天和第一天；整个取消，请用“撤回”")
        self.last_on, self.changed_at = last_on, now

    def withdraw(self, *, now: datetime) -> None:
        """It is called off. Where it has begun, today is its last day."""
        self._must_be_open(local(now).date())
        self.withdrawn_at = self.changed_at = now

    def object_to(self, session: Session, reason: str, *, now: datetime, by: Account) -> None:
        """Those who look after the enterprise do not take it: from now on it moves nothing."""
        today, by_id = local(now).date(), by.id
        if works_at(session, self.enterprise_id, by, today):
            raise RuleBroken("自己企业的停产放假，要由别人提出异议")
        self._must_be_open(today)
        if not reason.strip():
            raise RuleBroken("请写异议的理由，企业会看到")
        self.objected_at = self.changed_at = now
        self.objected_by_id, self.objection = by_id, reason.strip()

    def _must_be_open(self, today: date) -> None:
        if self.withdrawn_at is not None:
            raise RuleBroken("这一次已经撤回")
        if self.objected_at is not None:
            raise RuleBroken("这一次已经有异议，不再顺延截止时间")
        if today > self.last_on:
            raise RuleBroken("这一次已经结束")

    # --- reading ---

    @staticmethod
    def _alone(session: Session, enterprise_id: int) -> None:
        """Nobody else declares for this enterprise until the transaction ends."""
        session.execute(select(Enterprise.id).where(Enterprise.id == enterprise_id).with_for_update())

    @classmethod
    def alone(cls, session: Session, closure: Closure) -> Closure:
        """It as it stands, and nobody else's until the transaction ends."""
        return session.scalars(
            select(Closure)
            .where(Closure.id == closure.id)
            .with_for_update(of=Closure)
            .execution_options(populate_existing=True)
        ).one()

    @classmethod
    def days_of(cls, session: Session, ids: Collection[int]) -> dict[int, tuple[ClosedDays, ...]]:
        """What the closures of these enterprises mean for what is due, by enterprise."""
        found: dict[int, list[ClosedDays]] = defaultdict(list)
        for one in session.scalars(
            select(cls).where(cls.enterprise_id.in_(ids)).order_by(cls.first_on, cls.id)
        ):
            if one.until is not None:
                declared = local(one.declared_at).replace(tzinfo=None)
                found[one.enterprise_id].append(ClosedDays(one.first_on, one.until, declared, one.staff > 0))
        return {number: tuple(some) for number, some in found.items()}


def closures_of(session: Session, enterprise_id: int, since: date | None = None) -> Sequence[Closure]:
    """An enterprise's closures with the people they name, the newest first; `since`: those that end on this day or later."""
    found = select(Closure).where(Closure.enterprise_id == enterprise_id)
    if since is not None:
        found = found.where(Closure.last_on >= since)
    people = (joinedload(Closure.contact), joinedload(Closure.declared_by), joinedload(Closure.objected_by))
    return session.scalars(found.options(*people).order_by(Closure.first_on.desc(), Closure.id.desc())).all()


def closed_on(session: Session, enterprise_id: int, day: date) -> Closure | None:
    """The closure that holds on a day."""
    found = select(Closure).where(
        Closure.enterprise_id == enterprise_id, Closure.first_on <= day, Closure.last_on >= day
    )
    return next((one for one in session.scalars(found.order_by(Closure.id)) if one.covers(day)), None)


def contacts_of(session: Session, enterprise_id: int, today: date) -> Sequence[Account]:
    """Who may be named as the contact on duty: whoever holds its posts today."""
    held = select(Appointment.account_id).where(
        Appointment.post.in_(ENTERPRISE_STAFF),
        Appointment.scope_id == enterprise_id,
        Appointment.serving(today),
    )
    return session.scalars(
        select(Account).where(Account.id.in_(held)).order_by(Account.name, Account.id)
    ).all()
