"""What keeps a gate honest and working (入口的监看): heads counted, thermometers out of order, notices raised by the clock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    SmallInteger,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from .accounts import Account
from .base import Labelled, Row, RuleBroken, local
from .gate import CheckIn, Kind, Source
from .places import Gate, Place

COUNTING = timedelta(minutes=10)  # how long a sample lasts
SAYING = timedelta(minutes=10)  # after its end the number may still be said; then the sample has lapsed
CHANGING = timedelta(minutes=15)  # a number that was said may be changed or taken back
MOST_HEADS = 999  # nobody counts more in ten minutes: a slip of the finger


class HeadCount(Row):
    """A guard's dated sample of ten minutes (数人头): how many came, beside how many registered. Never a score.

    One at a time at a gate. It ends by itself, or earlier when the number is said; a sample whose number nobody says lapses.
    """

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

    @classmethod
    def waiting(cls, now: datetime) -> ColumnElement[bool]:
        """Samples that are being counted, or whose number may still be said."""
        return and_(cls.heads.is_(None), cls.ends_at > now - SAYING)

    @classmethod
    def begin(cls, session: Session, gate: Gate, *, now: datetime, by_id: int) -> HeadCount:
        """A new sample of this gate, which the caller has locked. RuleBroken while another goes on."""
        other = session.scalar(
            select(cls).where(cls.gate_id == gate.id, cls.waiting(now)).options(joinedload(cls.by))
        )
        if other is not None:
            raise RuleBroken(
                f"{other.by.name}{local(other.starts_at):%H:%M}已经在数，{local(other.ends_at):%H:%M}结束；请先报数，或者不数了"
            )
        sample = cls(gate_id=gate.id, starts_at=now, ends_at=now + COUNTING, by_id=by_id)
        session.add(sample)
        return sample

    def is_counting(self, now: datetime) -> bool:
        return self.heads is None and now < self.ends_at

    def may_change(self, now: datetime) -> bool:
        return now < self.ends_at + (SAYING if self.heads is None else CHANGING)

    def say(self, session: Session, heads: int, *, now: datetime) -> None:
        """How many came. Said before the ten minutes are over, the sample ends here; said again, it replaces the number."""
        if not self.may_change(now):
            raise RuleBroken(
                "报数的时间过了，这一次没有记下；请重新数一次" if self.heads is None
                else f"{local(self.ends_at + CHANGING):%H:%M}以后不能再改"
            )  # fmt: skip
        if not 0 <= heads <= MOST_HEADS:
            raise RuleBroken(f"10分钟数到的人在0到{MOST_HEADS}之间，请核对")
        if self.heads is None:
            self.ends_at = max(min(self.ends_at, now), self.starts_at + timedelta(seconds=1))
        self.heads = heads
        self.scans = session.scalar(self.registered())

    def registered(self) -> Select[int]:
        """How many registered at the gate meanwhile: by code or by the guard's hand, each visit once. What was written on
        paper is typed in later and tells nothing of a code that does not work."""
        days = {local(self.starts_at).date(), local(self.ends_at).date()}
        return (
            select(func.count())
            .select_from(CheckIn)
            .where(
                CheckIn.place_id == self.gate.place_id, CheckIn.day.in_(days), CheckIn.gate_id == self.gate_id,
                CheckIn.occurred_at >= self.starts_at, CheckIn.occurred_at < self.ends_at,
                CheckIn.kind != Kind.AGAIN, CheckIn.source.in_([Source.SCAN, Source.HAND]),
            )
        )  # fmt: skip

    def take_back(self, session: Session, *, now: datetime) -> None:
        """As if nobody had counted; the audit keeps that somebody had."""
        if not self.may_change(now):
            raise RuleBroken(f"{local(self.ends_at + CHANGING):%H:%M}以后不能再撤销")
        session.delete(self)

    @property
    def minutes(self) -> int:
        return max(1, round((self.ends_at - self.starts_at).total_seconds() / 60))

    @property
    def share(self) -> int | None:
        """Registered per hundred heads; None where nobody came or more registered than were counted."""
        return share_of(self.scans or 0, self.heads or 0)

    def sentence(self) -> str:
        if not self.heads:
            return f"{self.minutes}分钟没有人进来，登记了{self.scans or 0}人"
        words = f"{self.minutes}分钟数到{self.heads}人，登记了{self.scans}人"
        return f"{words}，登记率{self.share}%" if self.share is not None else f"{words}，比数到的多"


def share_of(scans: int, heads: int) -> int | None:
    return round(100 * scans / heads) if heads and scans <= heads else None


def head_counts(
    session: Session, place_ids: Collection[int], since: datetime, gate_id: int | None = None
) -> list[HeadCount]:
    """The samples of these places whose number was said, the newest first."""
    query = (
        select(HeadCount)
        .join(HeadCount.gate)
        .where(Gate.place_id.in_(place_ids), HeadCount.starts_at >= since, HeadCount.heads.is_not(None))
        .options(joinedload(HeadCount.gate))
        .order_by(HeadCount.starts_at.desc(), HeadCount.id.desc())
    )
    return list(session.scalars(query if gate_id is None else query.where(HeadCount.gate_id == gate_id)))


class BusyHalf(Row):
    """A half hour of a day in which a gate is usually busy (入口的高峰), worked out once a day from the weeks before: whether
    a gate has fallen silent is then asked each minute without reading those weeks again."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"))
    day: Mapped[date]
    half: Mapped[int] = mapped_column(SmallInteger)  # 0-47 in Shanghai
    usual: Mapped[int]  # entries in that half hour, on average of the days on which it was busy

    __table_args__ = (UniqueConstraint("day", "half", "gate_id"),)


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
