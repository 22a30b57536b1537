"""The health plan of an enterprise for a year (年度健康计划), its activities, and what of it is done.

Whoever looks after the health of an enterprise drafts it; its chief health officer issues it. From then on officers see it, and each
change leaves a line. One function, `status()`, says how an activity stands: page, figures and home ask the same one.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from .accounts import Account
from .base import Labelled, Row, RuleBroken, local
from .enterprises import Enterprise

MOST_ACTIVITIES = 200
MOST_REACHED = 1_000_000


class PlanState(Labelled):
    DRAFT = "draft", "草稿"
    ISSUED = "issued", "已发布"


class ActivityKind(Labelled):
    CHECK_UP = "check_up", "体检"
    EDUCATION = "education", "健康教育"
    DRILL = "drill", "应急演练"
    SURROUNDINGS = "surroundings", "环境改善"
    MIND = "mind", "心理健康"
    OCCUPATIONAL = "occupational", "职业卫生"
    OTHER = "other", "其他"


class Standing(Labelled):
    """How an activity stands, the worst first."""

    OVERDUE = "overdue", "逾期"
    THIS_MONTH = "this_month", "本月要做"
    RUNNING = "running", "进行中"
    AHEAD = "ahead", "未到期"
    DONE = "done", "已完成"
    CANCELLED = "cancelled", "已取消"


class Plan(Row):
    """One enterprise has one plan a year."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    year: Mapped[int]
    goals: Mapped[str] = mapped_column(default="")
    state: Mapped[PlanState] = mapped_column(default=PlanState.DRAFT)
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    issued_at: Mapped[datetime | None]
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    enterprise: Mapped[Enterprise] = relationship()
    made_by: Mapped[Account] = relationship(foreign_keys=[made_by_id])
    issued_by: Mapped[Account | None] = relationship(foreign_keys=[issued_by_id])
    activities: Mapped[list[Activity]] = relationship(
        back_populates="plan", order_by="(Activity.starts_on, Activity.id)", cascade="all, delete-orphan"
    )
    changes: Mapped[list[PlanChange]] = relationship(back_populates="plan", order_by="PlanChange.id.desc()")

    __table_args__ = (
        Index("uq_plan_enterprise_year", "enterprise_id", "year", unique=True),
        CheckConstraint("(state = 'draft') = (issued_at IS NULL)", name="issued"),
    )

    @classmethod
    def begin(
        cls, enterprise: Enterprise, year: int, *, now: datetime, by_id: int, after: Plan | None = None
    ) -> Self:
        """A draft. `after` is an earlier plan whose activities come over, each moved by whole years; the cancelled stay behind."""
        this = local(now).year
        if not this - 1 <= year <= this + 1:
            raise RuleBroken(f"只能编制{this - 1}年到{this + 1}年的计划")
        plan = cls(
            enterprise_id=enterprise.id, year=year, state=PlanState.DRAFT, made_at=now, made_by_id=by_id
        )
        if after is not None:
            plan.goals = after.goals
            plan.activities = [
                Activity(
                    kind=one.kind, title=one.title, responsible=one.responsible, target=one.target,
                    starts_on=_in_year(one.starts_on, year), ends_on=_in_year(one.ends_on, year),
                )
                for one in after.activities
                if one.cancelled_at is None
            ]  # fmt: skip
        return plan

    @classmethod
    def alone(cls, session: Session, plan_id: int) -> Plan:
        """The plan and its activities as they stand now; nobody else changes them until the transaction ends.
        Whoever comes second so meets what the first has done, and its rules say no in words."""
        return session.scalars(
            select(cls)
            .where(cls.id == plan_id)
            .options(selectinload(cls.activities))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()

    def issue(self, *, now: datetime, by_id: int) -> None:
        """The chief health officer puts it in force."""
        if self.state is PlanState.ISSUED:
            raise RuleBroken(f"{self.year}年的计划已经发布")
        if not any(one.cancelled_at is None for one in self.activities):
            raise RuleBroken("计划里还没有活动，先加一项再发布")
        self.state, self.issued_at, self.issued_by_id = PlanState.ISSUED, now, by_id

    def add(
        self, kind: ActivityKind, title: str, starts_on: date, ends_on: date, *, responsible: str, target: str,
        now: datetime, by_id: int,
    ) -> Activity:  # fmt: skip
        if len(self.activities) >= MOST_ACTIVITIES:
            raise RuleBroken(f"一份计划最多{MOST_ACTIVITIES}项活动")
        check_days(self.year, starts_on, ends_on)
        activity = Activity(
            kind=kind,
            title=title,
            starts_on=starts_on,
            ends_on=ends_on,
            responsible=responsible,
            target=target,
        )
        self.activities.append(activity)
        self.trace(f"增加“{title}”", now=now, by_id=by_id)
        return activity

    def drop(self, activity: Activity) -> None:
        """Out of a draft, as if it had never been in it."""
        if self.state is PlanState.ISSUED:
            raise RuleBroken("计划已经发布，不能删去活动；不做了，请取消并写原因")
        self.activities.remove(activity)

    def set_goals(self, goals: str, *, now: datetime, by_id: int) -> None:
        if goals != self.goals:
            self.trace(
                f"改动年度目标，原来是“{self.goals}”" if self.goals else "写上年度目标", now=now, by_id=by_id
            )
            self.goals = goals

    def trace(self, words: str, *, now: datetime, by_id: int) -> None:
        """A draft may change as it likes; what is issued leaves a line."""
        if self.state is PlanState.ISSUED:
            self.changes.append(PlanChange(words=words, at=now, by_id=by_id))

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.enterprise_id.in_(ids) if scope == "enterprise" else None


class Activity(Row):
    """Something that a plan promises. Days are inclusive; a whole month stands as its first and last day."""

    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"), index=True)
    kind: Mapped[ActivityKind]
    title: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    responsible: Mapped[str] = mapped_column(default="")
    target: Mapped[str] = mapped_column(default="")  # 面向哪些人
    done_on: Mapped[date | None]
    reached: Mapped[int | None]  # people who took part
    result: Mapped[str] = mapped_column(default="")
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str] = mapped_column(default="")

    plan: Mapped[Plan] = relationship(back_populates="activities")

    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="days"),
        CheckConstraint("done_on IS NULL OR cancelled_at IS NULL", name="one_end"),
    )

    @property
    def by_month(self) -> bool:
        """Whether it is planned for a month as a whole."""
        first, last = month_days(self.starts_on.year, self.starts_on.month)
        return (self.starts_on, self.ends_on) == (first, last)

    @property
    def days(self) -> str:
        """When, as people say it: 11月; 3月至5月; 11月20日; 11月20日至25日; 11月20日至12月5日."""
        first, last = self.starts_on, self.ends_on
        if first == last:
            return f"{first.month}月{first.day}日"
        if first.day == 1 and last == month_days(last.year, last.month)[1]:
            return f"{first.month}月" if self.by_month else f"{first.month}月至{last.month}月"
        to = f"{last.day}日" if first.month == last.month else f"{last.month}月{last.day}日"
        return f"{first.month}月{first.day}日至{to}"

    @property
    def is_open(self) -> bool:
        return self.done_on is None and self.cancelled_at is None

    def edit(
        self, kind: ActivityKind, title: str, starts_on: date, ends_on: date, *, responsible: str, target: str,
        now: datetime, by_id: int,
    ) -> None:  # fmt: skip
        """What is still to come may be planned otherwise; the trace says what was changed, from what to what."""
        self._must_be_open()
        check_days(self.plan.year, starts_on, ends_on)
        called, before = self.title, self._promised()
        self.kind, self.title, self.starts_on, self.ends_on = kind, title, starts_on, ends_on
        self.responsible, self.target = responsible, target
        changed = [
            f"{label}由“{old}”改为“{new}”"
            if old and new
            else f"{label}{'写上' if new else '删去'}“{old or new}”"
            for (label, old), new in zip(before.items(), self._promised().values(), strict=True)
            if old != new
        ]
        if changed:
            self.plan.trace(f"改动“{called}”：{'，'.join(changed)}", now=now, by_id=by_id)

    def _promised(self) -> dict[str, str]:
        return {
            "类别": self.kind.label, "名称": self.title, "时间": self.days, "负责人": self.responsible, "面向谁": self.target,
        }  # fmt: skip

    def complete(self, on: date, reached: int, result: str, *, now: datetime, by_id: int) -> None:
        """It was done on a day, with so many people; the result says what came of it."""
        self._must_be_open()
        if on > local(now).date():
            raise RuleBroken("完成日期不能晚于今天")
        if on.year < self.plan.year:
            raise RuleBroken(f"完成日期早于{self.plan.year}年")
        if not 0 <= reached <= MOST_REACHED:
            raise RuleBroken(f"参加人数是0到{MOST_REACHED:,}")
        if self.plan.state is not PlanState.ISSUED:
            raise RuleBroken("计划发布以后，才能登记完成")
        self.done_on, self.reached, self.result = on, reached, result
        self.plan.trace(f"完成“{self.title}”，{reached}人参加", now=now, by_id=by_id)

    def cancel(self, reason: str, *, now: datetime, by_id: int) -> None:
        """It will not take place, for a reason that stays."""
        self._must_be_open()
        if self.plan.state is not PlanState.ISSUED:
            raise RuleBroken("计划还是草稿，不用取消，直接删去这项活动")
        self.cancelled_at, self.cancel_reason = now, reason
        self.plan.trace(f"取消“{self.title}”：{reason}", now=now, by_id=by_id)

    def reopen(self, *, now: datetime, by_id: int) -> None:
        """Its end was written down by mistake: what was written goes into the trace."""
        if self.is_open:
            raise RuleBroken("这项活动没有完成，也没有取消")
        was = (
            f"完成于{self.done_on:%Y-%m-%d}，{self.reached}人参加，{self.result}"
            if self.done_on
            else f"取消，{self.cancel_reason}"
        )
        self.done_on = self.reached = self.cancelled_at = None
        self.result = self.cancel_reason = ""
        self.plan.trace(f"撤回“{self.title}”的登记，原来是：{was}", now=now, by_id=by_id)

    def _must_be_open(self) -> None:
        if self.done_on is not None:
            raise RuleBroken("这项活动已经完成")
        if self.cancelled_at is not None:
            raise RuleBroken("这项活动已经取消")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        plans = Plan.within(scope, ids)
        return None if plans is None else cls.plan_id.in_(select(Plan.id).where(plans))


class PlanChange(Row):
    """What was changed in a plan after it was issued."""

    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"), index=True)
    words: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    plan: Mapped[Plan] = relationship(back_populates="changes")
    by: Mapped[Account] = relationship()


@dataclass(frozen=True, slots=True)
class Progress:
    """What of a plan is done; what was cancelled is no longer promised."""

    by_standing: Counter[Standing]

    @property
    def planned(self) -> int:
        return self.by_standing.total() - self.by_standing[Standing.CANCELLED]

    @property
    def done(self) -> int:
        return self.by_standing[Standing.DONE]


def status(activity: Activity, today: date) -> Standing:
    """How an activity stands on a day."""
    if activity.cancelled_at is not None:
        return Standing.CANCELLED
    if activity.done_on is not None:
        return Standing.DONE
    if activity.ends_on < today:
        return Standing.OVERDUE
    if activity.starts_on > today:
        here = (activity.starts_on.year, activity.starts_on.month) == (today.year, today.month)
        return Standing.THIS_MONTH if here else Standing.AHEAD
    return Standing.THIS_MONTH if activity.by_month else Standing.RUNNING


def progress(activities: Iterable[Activity], today: date) -> Progress:
    return Progress(Counter(status(one, today) for one in activities))


def worst_first(activities: Iterable[Activity], today: date) -> list[Activity]:
    """Overdue, then what is due, then what is ahead, then what has ended; by day within each."""
    order = list(Standing)
    return sorted(activities, key=lambda one: (order.index(status(one, today)), one.ends_on, one.id))


def coming(
    session: Session, enterprise_id: int, today: date, most: int = 3
) -> list[tuple[Activity, Standing]]:
    """What an enterprise has to see to next by its plans in force, this year's and the next one's."""
    found = session.scalars(
        select(Activity)
        .join(Activity.plan)
        .where(
            Plan.enterprise_id == enterprise_id, Plan.state == PlanState.ISSUED,
            Plan.year.in_((today.year, today.year + 1)), Activity.done_on.is_(None), Activity.cancelled_at.is_(None),
        )
        .order_by(Activity.ends_on, Activity.id)
        .limit(most)
    )  # fmt: skip
    return [(one, status(one, today)) for one in found]


def month_days(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def check_days(year: int, starts_on: date, ends_on: date) -> None:
    """RuleBroken unless the days follow each other and lie in the plan's year."""
    if ends_on < starts_on:
        raise RuleBroken("结束日期早于开始日期")
    if starts_on.year != year or ends_on.year != year:
        raise RuleBroken(f"日期要在{year}年里")


def _in_year(on: date, year: int) -> date:
    """The same day of another year; a month's last day stays its last day (so February as a whole stays one)."""
    last = monthrange(year, on.month)[1]
    at_end = on.day == monthrange(on.year, on.month)[1]
    return date(year, on.month, last if at_end else min(on.day, last))
