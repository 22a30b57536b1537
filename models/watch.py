"""What keeps a gate honest and working (入口的监看): heads counted, thermometers out of order, notices raised by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import Account
from .base import Labelled, Row, RuleBroken, local
from .places import Gate, Place


class HeadCount(Row):
    """A guard's dated sample of ten minutes (数人头): how many came, beside how many registered. Never a score."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    heads: Mapped[int | None]  # None: begun, not yet said
    scans: Mapped[int | None]  # rows of the gate in that time, as counted when the heads were said
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    gate: Mapped[Gate] = relationship()
    by: Mapped[Account] = relationship()

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        gates = Gate.within(scope, ids)
        return None if gates is None else cls.gate_id.in_(select(Gate.id).where(gates))


MOST_HOURS = 12  # a fault ends by itself: nobody forgets a gate that does not measure


class FaultKind(Labelled):
    BROKEN = "broken", "体温计坏了"
    FROZEN = "frozen", "太冷，量不准"
    POWER = "power", "停电"
    OTHER = "other", "其他原因"


class Fault(Row):
    """A gate that cannot measure, from an instant until it can again (测温故障). Meanwhile rows say 未测（设备故障）."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"), index=True)
    kind: Mapped[FaultKind]
    note: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[datetime]
    until_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    gate: Mapped[Gate] = relationship()
    opened_by: Mapped[Account] = relationship(foreign_keys=[opened_by_id])

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        gates = Gate.within(scope, ids)
        return None if gates is None else cls.gate_id.in_(select(Gate.id).where(gates))

    @classmethod
    def holding(cls, at: datetime) -> ColumnElement[bool]:
        return and_(cls.starts_at <= at, cls.until_at > at, or_(cls.ended_at.is_(None), cls.ended_at > at))

    @classmethod
    def report(
        cls,
        gate_id: int,
        kind: FaultKind,
        *,
        hours: int,
        note: str,
        now: datetime,
        by_id: int,
        holding: Fault | None,
    ) -> Fault:
        """From now on the gate does not measure; `holding` is a fault that holds there already."""
        if holding is not None:
            raise RuleBroken(f"已经报过故障，到{local(holding.until_at):%H:%M}为止；修好了请点“已经修好”")
        if not 1 <= hours <= MOST_HOURS:
            raise RuleBroken(f"预计多久修好，填1到{MOST_HOURS}小时；到时还没有修好，再报一次")
        if kind == FaultKind.OTHER and not note.strip():
            raise RuleBroken("选了其他原因，请写一句是什么")
        until = now + timedelta(hours=hours)
        return cls(
            gate_id=gate_id, kind=kind, note=note.strip(), starts_at=now, until_at=until, opened_by_id=by_id
        )

    def end(self, *, now: datetime, by_id: int) -> None:
        if self.ended_at is not None or self.until_at <= now:
            raise RuleBroken("这次故障已经结束")
        self.ended_at, self.ended_by_id = now, by_id


class NoticeKind(Labelled):
    SILENCE = "silence", "入口突然没有人登记"
    COLD = "cold", "体温普遍偏低"
    FAULT = "fault", "测温故障"


class GateNotice(Row):
    """Something that the specialist and the guard should know of a gate (入口提醒). One open at a time of each kind."""

    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"))
    kind: Mapped[NoticeKind]
    raised_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    facts: Mapped[str] = mapped_column(default="")  # JSON: the numbers that raised it

    gate: Mapped[Gate] = relationship()

    __table_args__ = (
        Index(
            "uq_gate_notice_open",
            "gate_id",
            "kind",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        places = Place.within(scope, ids)
        return None if places is None else cls.place_id.in_(select(Place.id).where(places))
