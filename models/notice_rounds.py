"""Telling people of a notice (送达): when it is sent, when they are reminded, when it is withdrawn.

Each is a round through the people, done behind the sender's back in short transactions. One that breaks off is gone on with; whoever
was told is not told again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from . import delivery
from .accounts import Account, Appointment
from .base import Labelled, Row, RuleBroken, local
from .inbox import tell
from .notices import Notice, NoticeReceipt
from .timed import Tick

AT_ONCE = 300  # people of a transaction
WAITS_TO_CONFIRM = "请打开看完，按“已阅知”确认。"


class RoundKind(Labelled):
    SEND = "send", "发出"
    REMIND = "remind", "提醒"
    WITHDRAW = "withdraw", "撤回"


class NoticeRound(Row):
    """One round. Once a day of a kind: nobody is reminded twice a day."""

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"))
    kind: Mapped[RoundKind]
    on: Mapped[date]
    made_at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    after_id: Mapped[int] = mapped_column(default=0)  # the account that was told last
    number: Mapped[int] = mapped_column(default=0)  # how many were told
    done_at: Mapped[datetime | None]

    notice: Mapped[Notice] = relationship()
    by: Mapped[Account] = relationship()

    __table_args__ = (
        UniqueConstraint("notice_id", "kind", "on"),
        Index(
            "ix_notice_round_open", "id",
            sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL"),
        ),
    )  # fmt: skip

    @classmethod
    def begin(
        cls, session: Session, notice: Notice, kind: RoundKind, *, now: datetime, by: Account
    ) -> NoticeRound:
        """The caller holds the notice for itself."""
        today = local(now).date()
        held = select(cls.id).where(cls.notice_id == notice.id, cls.kind == kind, cls.on == today)
        if session.scalar(held) is not None:
            raise RuleBroken("今天已经提醒过，明天可以再提醒")
        made = cls(notice=notice, kind=kind, on=today, made_at=now, by=by, after_id=0, number=0)
        session.add(made)
        return made

    @property
    def key(self) -> str:
        day = f":{self.on:%Y%m%d}" if self.kind is RoundKind.REMIND else ""
        return self.notice.key + ("" if self.kind is RoundKind.SEND else f":{self.kind.value}{day}")

    def words(self) -> tuple[str, str]:
        """Subject and text of the message."""
        asks = WAITS_TO_CONFIRM if self.notice.must_confirm else ""
        match self.kind:
            case RoundKind.SEND:
                return self.notice.subject, asks
            case RoundKind.REMIND:
                return f"提醒：{self.notice.title}", asks or "这份通知您还没有打开看过。"
            case _:
                return f"已撤回：{self.notice.title}", f"原因：{self.notice.withdraw_reason}"


def concerned(notice: Notice, kind: RoundKind, now: datetime) -> ColumnElement[bool]:
    """Whose appointments a round of this kind is for. A reminder: of those who have not done what the notice asks for."""
    if kind is not RoundKind.REMIND:
        return notice.addressed(now)
    done = select(NoticeReceipt.account_id).where(NoticeReceipt.notice_id == notice.id)
    if notice.must_confirm:
        done = done.where(NoticeReceipt.confirmed_at.is_not(None))
    return notice.addressed(now) & Appointment.account_id.not_in(done)


def waiting_for(session: Session, notice: Notice, now: datetime) -> int:
    """How many people a reminder would reach now."""
    people = _people(notice, RoundKind.REMIND, 0, now).order_by(None).subquery()
    return session.scalar(select(func.count()).select_from(people)) or 0


def rounds_of(session: Session, notice: Notice) -> Sequence[NoticeRound]:
    """What has been done, the newest first."""
    found = select(NoticeRound).where(NoticeRound.notice_id == notice.id).options(joinedload(NoticeRound.by))
    return session.scalars(found.order_by(NoticeRound.made_at.desc(), NoticeRound.id.desc())).all()


def go_round(tick: Tick) -> None:
    """Every round that has not come to its end."""
    with tick.looking() as session:
        begun = session.scalars(
            select(NoticeRound.id).where(NoticeRound.done_at.is_(None)).order_by(NoticeRound.id)
        ).all()
    for number in begun:
        while not _step(tick, number):
            pass


def _step(tick: Tick, round_id: int) -> bool:
    """Tells the next few; whether nobody is left."""
    with tick.writing() as session:
        found = session.scalar(select(NoticeRound).where(NoticeRound.id == round_id).with_for_update())
        if found is None or found.done_at is not None:
            return True
        now, notice = tick.clock(), found.notice
        if notice.withdrawn_at is not None and found.kind is not RoundKind.WITHDRAW:
            found.done_at = now
            return True
        people = session.scalars(_people(notice, found.kind, found.after_id, now).limit(AT_ONCE)).all()
        (subject, words), link = found.words(), f"/notices/{notice.id}"
        if people:
            found.number += len(tell(session, people, found.key, subject, words, link, now))
            found.after_id = people[-1]
        if len(people) < AT_ONCE:
            found.done_at = now
            if notice.to_group and found.kind is not RoundKind.REMIND:
                delivery.to_group(
                    session, notice.district_id, key=found.key, subject=subject, link=link, now=now
                )
        return found.done_at is not None


def _people(notice: Notice, kind: RoundKind, after: int, now: datetime) -> Select[int]:
    return (
        select(Appointment.account_id)
        .join(Account, Account.id == Appointment.account_id)
        .where(concerned(notice, kind, now), Appointment.account_id > after)
        .distinct()
        .order_by(Appointment.account_id)
    )
