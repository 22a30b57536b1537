"""What enterprises owe in reports (报送台账): a row for each enterprise and period, and one function that says how it stands.

Rows are made by `models.ledger`, never deleted, voided with a reason. Where an enterprise belonged then is kept in the row, so
that no rate of the past moves when a firm moves, grows or closes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    Enum,
    ForeignKey,
    Index,
    and_,
    case,
    false,
    func,
    literal,
    not_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .base import Labelled, Row, RuleBroken, local
from .belonging import Belonging
from .enterprises import Enterprise
from .places import ModeOrder
from .policy.schema import Mode
from .sizes import Size

LIVE = "voided_at IS NULL"
TO_JUDGE = f"{LIVE} AND review = 'waiting'"
WAITING = f"{LIVE} AND received_at IS NULL AND excused_at IS NULL"
MOVED = "usual_due_at IS NOT NULL"


# why one that has been filed is void, where more days came to its period
GROWN = "报送期延长，已报的没有管到后面几天，请按新的报送期再报一次"


class Kind(Labelled):
    """How long the whole period is that a report covers."""

    DAY = "day", "日报"
    WEEK = "week", "周报"
    MONTH = "month", "月报"


class Review(Labelled):
    """What has become of what was filed last (审核)."""

    WAITING = "waiting", "待审核"
    ACCEPTED = "accepted", "已审核"
    RETURNED = "returned", "退回"


class Status(Labelled):
    """How an obligation stands (报送状态)."""

    NOT_OPEN = "not_open", "未开放"
    OPEN = "open", "待报"
    DUE_SOON = "due_soon", "将到期"
    OVERDUE = "overdue", "逾期未报"
    ON_TIME = "on_time", "按时"
    LATE = "late", "迟报"
    RETURNED = "returned", "退回"
    EXCUSED = "excused", "豁免"
    MISSED = "missed", "缺报"


TO_DO = (
    Status.OVERDUE,
    Status.RETURNED,
    Status.DUE_SOON,
    Status.OPEN,
)  # what an enterprise can see to, the worst first


class Obligation(Belonging, Row):
    """One report that an enterprise owes. Instants are to the second; due is inclusive, the lock is not."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    # where it belonged when the period began: plain numbers, for a key to each would double the cost of 100,000 rows a day
    district_id: Mapped[int]
    street_id: Mapped[int]
    community_id: Mapped[int | None]
    unit_id: Mapped[int | None]
    place_id: Mapped[int | None]  # where it sat longest, of several
    size: Mapped[Size | None]

    mode: Mapped[Mode] = mapped_column(
        Enum(Mode, native_enum=False, length=32, values_callable=lambda modes: [m.value for m in modes])
    )
    kind: Mapped[Kind]
    scheme_key: Mapped[str]
    mode_order_id: Mapped[int | None] = mapped_column(
        ForeignKey("mode_order.id")
    )  # it is daily by this, or was cut by it
    cut: Mapped[bool]
    whole: Mapped[bool]
    first_on: Mapped[date]
    last_on: Mapped[date]
    opens_at: Mapped[datetime]
    soon_at: Mapped[datetime]
    due_at: Mapped[datetime]
    usual_due_at: Mapped[datetime | None]  # without the closure of the enterprise that moved it
    locks_at: Mapped[datetime]
    made_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")
    excused_at: Mapped[datetime | None]
    excused_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    excuse_reason: Mapped[str] = mapped_column(default="")

    # what was filed, written by `models.reports` together with the version that says it
    received_at: Mapped[datetime | None]  # the first time
    version: Mapped[int] = mapped_column(default=0)
    zero: Mapped[bool] = mapped_column(default=False)
    figures: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))  # of the newest version
    review: Mapped[Review | None]
    changed_after_acceptance: Mapped[bool] = mapped_column(default=False)
    unlocked_until: Mapped[datetime | None]
    # as at the deadline: what comes later changes these no more
    zero_at_due: Mapped[bool] = mapped_column(default=False, server_default=false())
    returned_at_due: Mapped[bool] = mapped_column(default=False, server_default=false())

    enterprise: Mapped[Enterprise] = relationship()
    mode_order: Mapped[ModeOrder | None] = relationship()

    __table_args__ = (
        CheckConstraint("last_on >= first_on", name="days"),
        CheckConstraint("(version = 0) = (received_at IS NULL)", name="received"),
        # an enterprise's list, and no second period from the same day
        Index(
            "uq_obligation_live", "enterprise_id", "first_on", unique=True, sqlite_where=text(LIVE), postgresql_where=text(LIVE)
        ),
        Index("ix_obligation_enterprise_due", "enterprise_id", "due_at"),
        # a period's rows of a district in their order; counted by place, unit and community (a district's counts are kept)
        Index("ix_obligation_district", "district_id", "last_on", "enterprise_id"),
        Index("ix_obligation_place", "place_id", "last_on"),
        Index("ix_obligation_unit", "unit_id", "last_on"),
        Index("ix_obligation_community", "community_id", "last_on"),
        Index("ix_obligation_to_judge", "district_id", "received_at", sqlite_where=text(TO_JUDGE), postgresql_where=text(TO_JUDGE)),
        # whom to remind, and who has not reported in a period, in the order of the list
        Index("ix_obligation_waiting", "due_at", "district_id", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index(
            "ix_obligation_missing", "district_id", "last_on", "enterprise_id", sqlite_where=text(WAITING), postgresql_where=text(WAITING)
        ),
        # the few that a closure has moved
        Index("ix_obligation_moved", "locks_at", sqlite_where=text(MOVED), postgresql_where=text(MOVED)),
    )  # fmt: skip

    @classmethod
    def live(cls) -> ColumnElement[bool]:
        return cls.voided_at.is_(None)

    @classmethod
    def received_by_due(cls) -> ColumnElement[bool]:
        """As at the deadline (截止时): what came later changes it no more."""
        return and_(cls.received_at.is_not(None), cls.received_at <= cls.due_at)

    @property
    def days(self) -> str:
        """11月19日; 11月16日至22日; 11月30日至12月6日."""
        first, last = self.first_on, self.last_on
        if first == last:
            return f"{first.month}月{first.day}日"
        to = f"{last.day}日" if first.month == last.month else f"{last.month}月{last.day}日"
        return f"{first.month}月{first.day}日至{to}"

    @property
    def title(self) -> str:
        """11月19日日报; 11月16日至17日周报（不满一周）; 11月月报."""
        if self.kind is Kind.MONTH and self.whole:
            return f"{self.first_on.month}月月报"
        part = {Kind.DAY: "", Kind.WEEK: "（不满一周）", Kind.MONTH: "（不满一个月）"}[self.kind]
        return f"{self.days}{self.kind.label}{'' if self.whole else part}"

    def takes(self, now: datetime) -> bool:
        """Whether a report may be filed or corrected now: open, and not locked, or opened again."""
        now = moment(now)
        if now < self.opens_at or self.voided_at is not None or self.excused_at is not None:
            return False
        return now < self.locks_at or self.is_unlocked(now) or self.review is Review.RETURNED

    def is_unlocked(self, now: datetime) -> bool:
        return self.unlocked_until is not None and moment(now) <= self.unlocked_until

    def excuse(self, reason: str, *, now: datetime, by_id: int) -> None:
        """It need not be filed (豁免), for a reason. What has been filed needs no excuse."""
        if self.voided_at is not None:
            raise RuleBroken("这一期已经取消，不用豁免")
        if self.received_at is not None:
            raise RuleBroken("这一期已经报了，不用豁免")
        if self.excused_at is not None:
            raise RuleBroken("这一期已经豁免")
        if not reason.strip():
            raise RuleBroken("请写豁免的原因")
        self.excused_at, self.excused_by_id, self.excuse_reason = moment(now), by_id, reason.strip()


def moment(at: datetime) -> datetime:
    """To the second: a report at 12:00:00.9 is one of 12:00:00."""
    return at.replace(microsecond=0)


def status(obligation: Obligation, now: datetime) -> Status:
    """How it stands at an instant: of the past too, without what was filed or excused only later. Page, badge, export, reminder
    and rate ask this function, or `status_sql`, which says the same."""
    now, one = moment(now), obligation
    if one.excused_at is not None and one.excused_at <= now:
        return Status.EXCUSED
    if one.received_at is not None and one.received_at <= now:
        if one.review is Review.RETURNED:
            return Status.RETURNED
        return Status.ON_TIME if one.received_at <= one.due_at else Status.LATE
    if now < one.opens_at:
        return Status.NOT_OPEN
    if now < one.soon_at:
        return Status.OPEN
    if now <= one.due_at:
        return Status.DUE_SOON
    return Status.OVERDUE if now < one.locks_at else Status.MISSED


def status_sql(now: datetime) -> ColumnElement[str]:
    """`status()` for lists and counts in the database: the value of a Status."""
    one, now = Obligation, moment(now)
    received = and_(one.received_at.is_not(None), one.received_at <= now)
    return case(
        (and_(one.excused_at.is_not(None), one.excused_at <= now), Status.EXCUSED.value),
        (and_(received, one.review == Review.RETURNED), Status.RETURNED.value),
        (and_(received, one.received_at <= one.due_at), Status.ON_TIME.value),
        (received, Status.LATE.value),
        (one.opens_at > now, Status.NOT_OPEN.value),
        (one.soon_at > now, Status.OPEN.value),
        (one.due_at >= now, Status.DUE_SOON.value),
        (one.locks_at > now, Status.OVERDUE.value),
        else_=literal(Status.MISSED.value),
    )


@dataclass(frozen=True, slots=True)
class Rates:
    """What of the obligations of a period has come in. `expected` leaves out what is excused."""

    expected: int = 0
    received: int = 0
    on_time: int = 0  # also: received as at the deadline
    zero: int = 0
    returned: int = 0
    excused: int = 0
    overdue: int = 0  # past due and not filed: overdue or missed

    @property
    def rate(self) -> float | None:
        """完整率, 0 to 1; None where nothing was expected."""
        return self.received / self.expected if self.expected else None

    @property
    def on_time_rate(self) -> float | None:
        return self.on_time / self.expected if self.expected else None


def rates(session: Session, where: ColumnElement[bool], now: datetime, *, by: Any = None) -> dict[Any, Rates]:
    """The rates of the live obligations that `where` chooses (a period: `last_on` of a district, place, unit or community),
    one for each value of `by` (Obligation.place_id, .street_id, .size, …), or one under None. One query."""
    now = moment(now)
    one = Obligation
    key = literal(None) if by is None else by
    owed = one.excused_at.is_(None)
    received = and_(owed, one.received_at.is_not(None), one.received_at <= now)

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = (
        select(
            key, count(owed), count(received), count(and_(received, one.received_at <= one.due_at)),
            count(and_(received, one.zero)), count(and_(received, one.review == Review.RETURNED)), count(not_(owed)),
            count(and_(owed, not_(received_at_last(now)), one.due_at < now)),
        )
        .where(one.live(), where)
    )  # fmt: skip
    rows = session.execute(query if by is None else query.group_by(by)).all()
    return {row[0]: Rates(*(int(number) for number in row[1:])) for row in rows}


def received_at_last(now: datetime) -> ColumnElement[bool]:
    """Whether anything had been filed by an instant, never NULL."""
    return func.coalesce(Obligation.received_at <= moment(now), False)


def to_do(obligations: Iterable[Obligation], now: datetime) -> list[tuple[Obligation, Status]]:
    """What can be filed now and has not been, or has come back: the worst first, then the first to be due."""
    found = [(one, status(one, now)) for one in obligations]
    due = [(one, how) for one, how in found if how in TO_DO]
    return sorted(due, key=lambda pair: (TO_DO.index(pair[1]), pair[0].due_at))


def basis(obligation: Obligation) -> str:
    """Why it covers these days, and is due when it is, in a sentence (依据)."""
    if obligation.usual_due_at is None:
        return _basis(obligation)
    usual = local(obligation.usual_due_at)
    return f"{_basis(obligation)}；停产放假，截止从{usual.month}月{usual.day}日{usual:%H:%M}顺延"


def _basis(obligation: Obligation) -> str:
    order = obligation.mode_order
    if obligation.mode is Mode.EMERGENCY:
        return f"“{order.name}”期间每天报送" if order else "应急期间每天报送"
    if obligation.cut and order:
        at = local(order.starts_at)
        return f"“{order.name}”{at.month}月{at.day}日{at:%H:%M}开启，这一期提前到{obligation.last_on.month}月{obligation.last_on.day}日为止"
    usual = {Kind.DAY: "每天", Kind.WEEK: "每周", Kind.MONTH: "每月"}[obligation.kind]
    return f"常态{usual}报送"
