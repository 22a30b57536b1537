"""How long what is kept (保存与销毁): daily sums, destruction records, holds, and the state of the timed work."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, SmallInteger, UniqueConstraint, and_, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import Account
from .base import Row, RuleBroken, local
from .places import ModeOrder, Place

LONGEST_HOLD = timedelta(days=365)
AFTER_EMERGENCY = timedelta(days=7)  # PRIV-7: how soon after its end an emergency's rows are gone


class DaySum(Row):
    """What one gate's hour of a day came to (日合计). It stays when the rows go, and names nobody."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"))
    day: Mapped[date]
    hour: Mapped[int] = mapped_column(SmallInteger)
    passed: Mapped[int]
    attention: Mapped[int]
    refused: Mapped[int]
    again: Mapped[int]
    unconfirmed: Mapped[int]
    confirmed: Mapped[int]  # of passed and attention: seen by a guard
    handled: Mapped[int]

    __table_args__ = (UniqueConstraint("place_id", "day", "gate_id", "hour"),)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        if scope == "district":
            return cls.district_id.in_(ids)
        places = Place.within(scope, ids)
        return None if places is None else cls.place_id.in_(select(Place.id).where(places))


class HealthDaySum(Row):
    """What an enterprise's work day came to (每日健康日合计). It stays when the entries go, and names nobody."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    day: Mapped[date]
    expected: Mapped[int]
    reported: Mapped[int]
    abnormal: Mapped[int]
    absent_ill: Mapped[int]

    __table_args__ = (UniqueConstraint("enterprise_id", "day"),)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.enterprise_id.in_(ids) if scope == "enterprise" else None


class Destruction(Row):
    """A destruction record (销毁记录, PRIV-7): what was deleted, under which rule, how much, by whom or what."""

    at: Mapped[datetime]
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"), index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # None: the timed work
    rule: Mapped[str]  # why: the scheme and its days, a visitor's wish
    kind: Mapped[str]  # the table
    from_on: Mapped[date]
    to_on: Mapped[date]
    number: Mapped[int]
    digest: Mapped[bytes]  # over the nonces, or tables and numbers, of what was deleted, in order
    method: Mapped[str]

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None


class Hold(Row):
    """Rows that are kept longer by a written decision (暂缓销毁): document, scope, days and expiry; only those rows stay.

    Either for an investigation, or as an emergency's extension (`mode_order_id`): then at most as many days as the scheme
    allows in an emergency, and no longer than AFTER_EMERGENCY once it has ended (PRIV-7).
    """

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))  # None: the whole district
    mode_order_id: Mapped[int | None] = mapped_column(ForeignKey("mode_order.id"))
    document: Mapped[str]
    reason: Mapped[str]
    from_on: Mapped[date]
    to_on: Mapped[date]
    expires_on: Mapped[date]  # the last day on which it holds
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    place: Mapped[Place | None] = relationship()
    order: Mapped[ModeOrder | None] = relationship()
    made_by: Mapped[Account] = relationship(foreign_keys=[made_by_id])
    lifted_by: Mapped[Account | None] = relationship(foreign_keys=[lifted_by_id])

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None

    @classmethod
    def holding(cls, on: date) -> ColumnElement[bool]:
        """Those that neither were lifted nor have run out. An extension may still have ended with its emergency: see `days`."""
        return and_(cls.lifted_at.is_(None), cls.expires_on >= on)

    @classmethod
    def of_row(cls, entry: Any, on: date) -> ColumnElement[bool]:
        """Those that keep this check-in, by district, place and day."""
        return cls.of_day(entry.place, entry.day, on)

    @classmethod
    def of_day(cls, place: Place, day: date, on: date) -> ColumnElement[bool]:
        """Those that keep what was written down at this place on a day."""
        return and_(
            cls.holding(on),
            cls.district_id == place.district_id,
            or_(cls.place_id.is_(None), cls.place_id.in_([place.id, place.parent_id])),
            cls.from_on <= day,
            cls.to_on >= day,
        )

    @classmethod
    def make(
        cls, *, district_id: int, place: Place | None, order: ModeOrder | None, document: str, reason: str,
        from_on: date, to_on: date, expires_on: date, now: datetime, by_id: int,
    ) -> Hold:  # fmt: skip
        """A hold from now on. What has been destroyed it does not bring back."""
        if not document.strip():
            raise RuleBroken("请写批准文件的文号")
        if not reason.strip():
            raise RuleBroken("请写为什么要暂缓，为什么必要")
        cls.check_days(from_on, to_on)
        cls.check_expiry(expires_on, now)
        if order is not None and order.ended_at is not None:
            raise RuleBroken("这次应急响应已经结束，不能再延长")
        return cls(
            district_id=district_id, place=place, order=order, document=document.strip(), reason=reason.strip(),
            from_on=from_on, to_on=to_on, expires_on=expires_on, made_at=now, made_by_id=by_id,
        )  # fmt: skip

    @staticmethod
    def check_days(from_on: date, to_on: date) -> None:
        if to_on < from_on:
            raise RuleBroken("登记日期的止日早于起日")

    @staticmethod
    def check_expiry(expires_on: date, now: datetime) -> None:
        """After today, and at most LONGEST_HOLD ahead."""
        today = local(now).date()
        latest = today + LONGEST_HOLD
        if expires_on <= today:
            raise RuleBroken("到期日要在今天以后")
        if expires_on > latest:
            raise RuleBroken(f"一次最长暂缓一年，最晚到{latest.year}年{latest.month}月{latest.day}日")

    def lift(self, *, now: datetime, by_id: int) -> None:
        if self.lifted_at is not None:
            raise RuleBroken("这项暂缓已经解除")
        self.lifted_at, self.lifted_by_id = now, by_id

    def days(self, today: date, emergency_max_days: int) -> tuple[date, date] | None:
        """The days whose rows it keeps today, the first and the last; None where it keeps none."""
        if self.lifted_at is not None or self.expires_on < today:
            return None
        if self.order is None:
            return self.from_on, self.to_on
        ended_at = self.order.ended_at
        if ended_at is not None and today >= local(ended_at).date() + AFTER_EMERGENCY:
            return None
        first = max(self.from_on, today - timedelta(days=emergency_max_days - 1))
        return (first, self.to_on) if first <= self.to_on else None


class TimedTask(Row):
    """When a piece of the timed work last ran (定时任务), and how it went."""

    name: Mapped[str] = mapped_column(unique=True)
    ran_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
