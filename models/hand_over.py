"""An officer's portfolio passes to a successor (移交分管范围): at a set day, in one act, for good or for a leave that ends by itself.

A portfolio is an appointment: what it reaches, the open cases and the invitations on their way go with it, and so do its holder's
saved filters, as copies, and whatever is agreed in the contact log. Terms are dated by day, so that a later day comes, and a
leave ends, without anybody's doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Select, and_, false, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from . import contacts
from .access import ADMINS, OFFICERS, Post
from .accounts import Account, Appointment
from .base import SHANGHAI, Row, RuleBroken, local
from .contacts import Contact
from .enterprises import Enterprise
from .gate import OPEN_CASE, CheckIn
from .invitations import Invitation, looked_after
from .places import Place
from .policy.schema import Policy
from .portfolio import Basis, Lack, tally
from .saved_filters import own_of, pass_on, take_back
from .watch import GateNotice

PORTFOLIOS = (Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.SPECIALIST)
DAY = timedelta(days=1)
MOST = 300  # colleagues to choose from


class PortfolioHandOver(Row):
    """That a portfolio passes from one person to another (移交), and back where it is for a leave."""

    old_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), index=True)
    old_ends_on: Mapped[date]  # of the old term before this
    successor_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    new_id: Mapped[int | None] = mapped_column(
        ForeignKey("appointment.id")
    )  # None: the successor had it already
    back_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))  # the term after a leave
    starts_on: Mapped[date]  # the successor's first day
    leave_ends_on: Mapped[date | None]  # None: for good
    reason: Mapped[str]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    undone_at: Mapped[datetime | None]
    back_at: Mapped[datetime | None]  # back earlier than planned

    old: Mapped[Appointment] = relationship(foreign_keys=[old_id])
    new: Mapped[Appointment | None] = relationship(foreign_keys=[new_id])
    back: Mapped[Appointment | None] = relationship(foreign_keys=[back_id])
    successor: Mapped[Account] = relationship(foreign_keys=[successor_id])
    made_by: Mapped[Account] = relationship(foreign_keys=[made_by_id])

    def may_be_undone(self, today: date) -> bool:
        """Until the successor's first day; afterwards it is handed over again."""
        return self.undone_at is None and self.starts_on > today

    def is_on_leave(self, today: date) -> bool:
        """Whether the successor stands in at present."""
        if self.undone_at is not None or self.back_at is not None or self.leave_ends_on is None:
            return False
        return self.starts_on <= today <= self.leave_ends_on

    def undo(self, session: Session, *, now: datetime) -> None:
        """Everything as it was, before it has begun."""
        if not self.may_be_undone(local(now).date()):
            raise RuleBroken("这次移交已经开始或者已经撤销。要交回来，请再办一次移交")
        self.old.ends_on, self.old.end_reason = self.old_ends_on, ""
        for one in (self.new, self.back):
            if one is not None:
                one.end(reason="移交撤销", now=now)
        take_back(session, self.id, last_on=None)
        self.undone_at = now

    def end_leave(self, session: Session, *, now: datetime) -> None:
        """Back from leave earlier than planned: from now on the portfolio is the old holder's again."""
        today = local(now).date()
        if not self.is_on_leave(today) or self.back is None:
            raise RuleBroken("这次代管已经结束")
        if self.new is not None and self.new.ended_at is None:
            self.new.end(reason=f"{self.old.account.name}提前回来", now=now)
        take_back(session, self.id, last_on=today - DAY)
        self.back.starts_on, self.back_at = today, now


@dataclass(frozen=True, slots=True)
class Plan:
    """A hand-over that keeps every rule, before anybody has said yes."""

    old: Appointment
    successor: Account
    starts_on: date
    leave_ends_on: date | None
    reason: str
    has_it_already: bool  # the successor is responsible for the same already

    @property
    def ends_on(self) -> date:
        """The successor's last day."""
        return self.old.ends_on if self.leave_ends_on is None else self.leave_ends_on

    def carry_out(self, session: Session, *, now: datetime, by_id: int) -> PortfolioHandOver:
        """One act: the old term ends, the successor's begins, and after a leave the old one's begins again."""
        old, until = self.old, self.old.ends_on
        new = (
            None
            if self.has_it_already
            else _term(self.successor, old, self.starts_on, self.ends_on, now, by_id)
        )
        back = None
        if self.leave_ends_on is not None:
            back = _term(old.account, old, self.leave_ends_on + DAY, until, now, by_id)
        reason = f"移交给{self.successor.name}：{self.reason}"
        if self.starts_on == local(now).date():
            old.end(reason=reason, now=now)
        else:
            old.ends_on, old.end_reason = self.starts_on - DAY, reason
        made = PortfolioHandOver(
            old=old, old_ends_on=until, successor=self.successor, new=new, back=back, starts_on=self.starts_on,
            leave_ends_on=self.leave_ends_on, reason=self.reason, made_at=now, made_by_id=by_id,
        )  # fmt: skip
        session.add(made)
        session.flush()
        pass_on(
            session, old.account, self.successor, made.id, today=local(now).date(), from_on=self.starts_on,
            until_on=self.leave_ends_on,
        )  # fmt: skip
        return made


def _term(
    holder: Account, old: Appointment, starts_on: date, ends_on: date, now: datetime, by_id: int
) -> Appointment:
    return Appointment(
        account=holder, post=old.post, scope=old.scope, scope_id=old.scope_id, starts_on=starts_on, ends_on=ends_on,
        appointed_by_id=by_id, appointed_at=now, position=old.position if holder.id == old.account_id else "",
    )  # fmt: skip


def plan(
    session: Session, old: Appointment, successor: Account, *, starts_on: date, leave_ends_on: date | None,
    reason: str, by: Account, now: datetime,
) -> Plan:  # fmt: skip
    """Whether this may be done, and what it would be. Somebody who hands over their own may do so for a leave, to a colleague."""
    today = local(now).date()
    if not reason.strip():
        raise RuleBroken("请写移交的原因")
    if old.post not in PORTFOLIOS or not (old.ended_at is None and old.ends_on >= today):
        raise RuleBroken("这项任职已经结束，没有可以移交的范围")
    _check_days(session, old, starts_on, leave_ends_on, today)
    if old.account_id == by.id:
        _check_own(old, successor, leave_ends_on, today)
    last = old.ends_on if leave_ends_on is None else leave_ends_on
    return Plan(
        old, successor, starts_on, leave_ends_on, reason.strip(), _has_it(old, successor, starts_on, last, today)
    )  # fmt: skip


def _check_days(
    session: Session, old: Appointment, starts_on: date, leave_ends_on: date | None, today: date
) -> None:
    if starts_on < today:
        raise RuleBroken("移交的日子已经过去，请填今天或以后")
    if starts_on > old.ends_on:
        raise RuleBroken(f"{old.account.name}的任期{_day(old.ends_on)}就结束，移交不能晚于这一天")
    if starts_on <= old.starts_on and starts_on != today:
        raise RuleBroken(f"{old.account.name}{_day(old.starts_on)}才开始任职，移交要晚于这一天")
    if leave_ends_on is not None:
        if leave_ends_on < starts_on:
            raise RuleBroken("代管的最后一天早于移交的那一天")
        if leave_ends_on >= old.ends_on:
            raise RuleBroken(
                f"{old.account.name}的任期到{_day(old.ends_on)}为止，代管要在这之前结束；不再回来的，请选长期移交"
            )
    planned = select(PortfolioHandOver.id).where(
        PortfolioHandOver.old_id == old.id, PortfolioHandOver.undone_at.is_(None)
    )
    if session.scalar(planned) is not None:
        raise RuleBroken("这个范围已经定了一次移交，请先撤销那一次")


def _check_own(old: Appointment, successor: Account, leave_ends_on: date | None, today: date) -> None:
    """Nobody makes an officer of somebody by going on leave, or lays down a post by oneself."""
    if leave_ends_on is None:
        raise RuleBroken("自己的范围只能在休假、外出期间请人代管；长期移交请专班办理")
    if not any(one.post == old.post for one in successor.serving(today)):
        raise RuleBroken(f"代管的人要已经是{old.post.label}。要换别人，请专班办理")


def _has_it(old: Appointment, successor: Account, starts_on: date, last: date, today: date) -> bool:
    if not successor.is_active or successor.district_id != old.account.district_id:
        raise RuleBroken(f"{successor.name}的账号不在用，请选另一个人")
    if successor.id == old.account_id:
        raise RuleBroken("接手的人就是现在这个人，请选另一个人")
    current = [one for one in successor.appointments if one.ended_at is None and one.ends_on >= today]
    if any(one.post in ADMINS for one in current):
        raise RuleBroken(f"{successor.name}是管理员，不能兼任{old.post.label}")
    same = [one for one in current if (one.post, one.scope_id) == (old.post, old.scope_id)]
    over = [one for one in same if one.starts_on <= last and one.ends_on >= starts_on]
    if any(one.starts_on <= starts_on and last <= one.ends_on for one in over):
        return True
    if over:
        raise RuleBroken(
            f"{successor.name}也负责这个范围，但任期是{_day(over[0].starts_on)}到{_day(over[0].ends_on)}，盖不住这段时间"
        )
    return False


def _day(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"


# --- what there is to hand over, and to whom ---


def may_hand_over(appointments: Iterable[Appointment], account_id: int, on: date) -> ColumnElement[bool]:
    """The portfolios that a person may hand over: the own ones; the task force those below it as well."""
    above = [one for one in appointments if one.post == Post.TASK_FORCE]
    mine = Appointment.account_id == account_id
    return and_(
        Appointment.current(on), Appointment.post.in_(PORTFOLIOS), or_(mine, looked_after(above, Appointment))
    )


def hand_overs(appointments: Iterable[Appointment], account_id: int) -> Select[PortfolioHandOver]:
    """Those that a person may see: of one's own portfolios, those that one took over; the task force all below it."""
    above = [one for one in appointments if one.post == Post.TASK_FORCE]
    mine = or_(Appointment.account_id == account_id, PortfolioHandOver.successor_id == account_id)
    return (
        select(PortfolioHandOver)
        .join(PortfolioHandOver.old)
        .where(or_(mine, looked_after(above, Appointment) if above else false()))
        .options(
            joinedload(PortfolioHandOver.old).joinedload(Appointment.account), joinedload(PortfolioHandOver.successor),
            joinedload(PortfolioHandOver.made_by), joinedload(PortfolioHandOver.new), joinedload(PortfolioHandOver.back),
        )
        .order_by(PortfolioHandOver.id.desc())
    )  # fmt: skip


def colleagues(session: Session, old: Appointment, on: date, *, own: bool) -> Sequence[Appointment]:
    """Who may take it: officers and specialists of the district; for one's own absence those in the same post. Same post first."""
    posts = [old.post] if own else [*OFFICERS, Post.SPECIALIST]
    found = session.scalars(
        select(Appointment)
        .join(Appointment.account)
        .where(
            Account.district_id == old.account.district_id, Account.disabled_at.is_(None), Account.id != old.account_id,
            Appointment.serving(on), Appointment.post.in_(posts),
        )
        .options(joinedload(Appointment.account))
        .order_by(Appointment.post != old.post, Account.name, Appointment.id)
        .limit(MOST)
    ).all()  # fmt: skip
    first: dict[int, Appointment] = {}
    for one in found:
        first.setdefault(one.account_id, one)
    return list(first.values())


@dataclass(frozen=True, slots=True)
class Passing:
    """What passes, counted: 企业 37家."""

    label: str
    number: int
    unit: str
    copied: bool = False  # the old holder keeps theirs


def what_passes(session: Session, old: Appointment, policy: Policy | None, now: datetime) -> list[Passing]:
    """What the successor takes over, as it stands now."""
    today = local(now).date()
    firms = Enterprise.within_at(old.scope, [old.scope_id], now)
    places = Place.within(old.scope, [old.scope_id])
    found = []
    if firms is not None:
        counted = tally(session, firms, Basis.of(session, policy, today))
        found += [
            Passing("企业", counted.total, "家"),
            Passing("其中缺健康岗位", counted.lacking[Lack.POSTS], "家"),
            Passing("约好下次联络的企业", _count(session, Enterprise, firms, contacts.agreed()), "家"),
        ]
    if places is not None:
        inside = select(Place.id).where(places, Place.closed_at.is_(None))
        found.append(Passing("园区、楼宇", _count(session, Place, places, Place.closed_at.is_(None)), "处"))
        if old.post == Post.SPECIALIST:
            found += [
                Passing("待处理的异常登记", _count(session, CheckIn, CheckIn.place_id.in_(inside), text(OPEN_CASE)), "件"),
                Passing(
                    "还开着的入口提醒",
                    _count(session, GateNotice, GateNotice.place_id.in_(inside), GateNotice.ended_at.is_(None)),
                    "条",
                ),
            ]  # fmt: skip
    waiting = _count(session, Invitation, Invitation.waiting(now), looked_after([old], Invitation))
    own = len(own_of(session, old.account_id, today))
    return [*found, Passing("等待接受的邀请", waiting, "份"), Passing("常用筛选", own, "个", copied=True)]


def taken_over(session: Session, account_id: int, now: datetime) -> ColumnElement[bool]:
    """Of contacts: the agreements of others that this person answers for, and may correct, at this instant. Those of the holder of a
    portfolio that has passed to them; after a leave, those that the substitute has made in it. What waits no longer is history."""
    today = local(now).date()
    found = session.scalars(
        select(PortfolioHandOver)
        .join(PortfolioHandOver.old)
        .where(PortfolioHandOver.undone_at.is_(None), PortfolioHandOver.starts_on <= today)
        .where(or_(PortfolioHandOver.successor_id == account_id, Appointment.account_id == account_id))
        .options(joinedload(PortfolioHandOver.old))
    ).all()
    conditions = []
    for one in found:
        reached = Enterprise.within_at(one.old.scope, [one.old.scope_id], now)
        if reached is None:
            continue
        inside = Contact.enterprise_id.in_(select(Enterprise.id).where(reached))
        if one.successor_id == account_id:
            if one.leave_ends_on is None or one.is_on_leave(today):
                conditions.append(and_(inside, Contact.by_id.in_(_holders(session, one))))
        elif one.leave_ends_on is not None and not one.is_on_leave(today):
            since = datetime.combine(one.starts_on, time(), SHANGHAI)
            until = one.back_at or datetime.combine(one.leave_ends_on + DAY, time(), SHANGHAI)
            meanwhile = Contact.written_at.between(since, until)
            conditions.append(and_(inside, Contact.by_id == one.successor_id, meanwhile))
    return and_(contacts.waiting(), or_(false(), *conditions))


def _holders(session: Session, last: PortfolioHandOver) -> set[int]:
    """Who had the portfolio before, back to whoever had it first: it may have passed on more than once."""
    people, appointment_id = {last.old.account_id}, last.old_id
    while True:
        before = session.scalar(
            select(PortfolioHandOver)
            .where(PortfolioHandOver.new_id == appointment_id, PortfolioHandOver.undone_at.is_(None))
            .options(joinedload(PortfolioHandOver.old))
            .limit(1)
        )
        if before is None:
            return people
        people.add(before.old.account_id)
        appointment_id = before.old_id


def _count(session: Session, model: type[Row], *where: object) -> int:
    return session.scalar(select(func.count()).select_from(model).where(*where)) or 0  # type: ignore[arg-type]
