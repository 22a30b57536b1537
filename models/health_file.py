"""What is kept of an employee's health and whereabouts (健康档案): leave, vaccinations, examinations, journeys.

Nothing is written over: a correction is a new row, and the one before stays to be read, with who wrote it and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, ForeignKey, and_, or_, select
from sqlalchemy.orm import Mapped, Session, declared_attr, joinedload, mapped_column, relationship

from .accounts import Account
from .archive import Employee
from .base import Labelled, Row, RuleBroken, local
from .vault import EncryptedText

MOST_TEXT = 500
AGAIN_AFTER = timedelta(days=365)  # configuration: the next examination where the clinic has named no day
LONGEST_ABSENCE = timedelta(days=366)


class AbsenceKind(Labelled):
    """Why somebody is not due at work, and neither absent nor unreported (settled 4.2)."""

    LEAVE = "leave", "请假"
    TRIP = "trip", "出差"
    ROTATION = "rotation", "轮休"
    MATERNITY = "maternity", "产假"
    STOPPAGE = "stoppage", "停工"


class CheckUpKind(Labelled):
    """What an examination is for: the first three are owed to whoever is exposed (HLTH-9)."""

    PRE_POST = "pre_post", "岗前"
    PERIODIC = "periodic", "在岗"
    LEAVING = "leaving", "离岗"
    GENERAL = "general", "普通"


class Record(Row):
    """One dated fact of an employee. It holds until it is replaced or withdrawn."""

    __abstract__ = True

    employee_id: Mapped[int] = mapped_column(ForeignKey("employee.id"), index=True)
    written_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]  # by a correction, or withdrawn
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    @declared_attr
    def employee(cls) -> Mapped[Employee]:  # noqa: N805
        return relationship(Employee)

    @declared_attr
    def written_by(cls) -> Mapped[Account | None]:  # noqa: N805
        return relationship(Account, foreign_keys=[cls.written_by_id])  # type: ignore[list-item]

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        reached = Employee.within(scope, ids)
        return None if reached is None else cls.employee_id.in_(select(Employee.id).where(reached))

    @classmethod
    def holds(cls) -> ColumnElement[bool]:
        return cls.replaced_at.is_(None)

    @classmethod
    def write(
        cls,
        session: Session,
        employee: Employee,
        facts: dict[str, Any],
        *,
        now: datetime,
        by_id: int | None,
        instead_of: Self | None = None,
    ) -> Self:
        """Keeps the facts, in place of another record where they correct it."""
        if instead_of is not None and instead_of.replaced_at is not None:
            raise RuleBroken("这条记录已经被更正过，请打开最新的一条")
        row = cls(employee_id=employee.id, written_by_id=by_id, written_at=now, **facts)
        row.must_hold(session, employee, instead_of.id if instead_of else 0, now)
        if instead_of is not None:
            instead_of.withdraw(now=now, by_id=by_id)
        session.add(row)
        return row

    def withdraw(self, *, now: datetime, by_id: int | None) -> None:
        """It was entered by mistake: it counts no longer and stays to be read."""
        if self.replaced_at is not None:
            raise RuleBroken("这条记录已经作废")
        self.replaced_at, self.replaced_by_id = now, by_id

    def must_hold(self, session: Session, employee: Employee, but: int, now: datetime) -> None:
        """What two records, or the dates of one, must not say. RuleBroken says why."""


class Absence(Record):
    """Days on which somebody is not due at work (请假、排班). Both days count; without an end it goes on."""

    kind: Mapped[AbsenceKind]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    note: Mapped[str | None] = mapped_column(EncryptedText("absence.note"))

    @classmethod
    def covers(cls, on: date) -> ColumnElement[bool]:
        return and_(cls.from_on <= on, or_(cls.until_on.is_(None), cls.until_on >= on))

    def must_hold(self, session: Session, employee: Employee, but: int, now: datetime) -> None:
        if self.until_on is not None and self.until_on < self.from_on:
            raise RuleBroken("结束日期早于开始日期，请核对")
        if self.until_on is not None and self.until_on - self.from_on > LONGEST_ABSENCE:
            raise RuleBroken("一次最长填一年，请核对年份")
        until = self.until_on or date.max
        other = session.scalar(
            select(Absence).where(
                Absence.employee_id == employee.id,
                Absence.kind == self.kind,
                Absence.holds(),
                Absence.id != but,
                Absence.from_on <= until,
                or_(Absence.until_on.is_(None), Absence.until_on >= self.from_on),
            )
        )
        if other is not None:
            ends = f"{other.until_on:%Y-%m-%d}" if other.until_on else "没有结束日期"
            raise RuleBroken(
                f"与已有的{other.kind.label}（{other.from_on:%Y-%m-%d}至{ends}）重叠，请改日期或更正那一条"
            )


class Vaccination(Record):
    """One dose (疫苗接种)."""

    vaccine: Mapped[str]
    dose: Mapped[int]
    on: Mapped[date]

    def must_hold(self, session: Session, employee: Employee, but: int, now: datetime) -> None:
        _not_to_come(self.on, now, "接种日期")
        other = session.scalar(
            select(Vaccination.id).where(
                Vaccination.employee_id == employee.id,
                Vaccination.vaccine == self.vaccine,
                Vaccination.dose == self.dose,
                Vaccination.holds(),
                Vaccination.id != but,
            )
        )
        if other is not None:
            raise RuleBroken(f"{self.vaccine}第{self.dose}剂已经登记过，请更正那一条")


class CheckUp(Record):
    """An examination, planned or done (体检). `next_on`: when the clinic wants to see the person again."""

    kind: Mapped[CheckUpKind]
    due_on: Mapped[date | None]
    done_on: Mapped[date | None]
    hazards: Mapped[str] = mapped_column(default="")
    result: Mapped[str | None] = mapped_column(EncryptedText("check_up.result"))
    contraindicated: Mapped[bool] = mapped_column(default=False)  # 职业禁忌
    notified_on: Mapped[date | None]  # the person was told in writing
    next_on: Mapped[date | None]

    def must_hold(self, session: Session, employee: Employee, but: int, now: datetime) -> None:
        if self.due_on is None and self.done_on is None:
            raise RuleBroken("请填应检日期或检查日期")
        if self.done_on is not None:
            _not_to_come(self.done_on, now, "检查日期")
            if self.notified_on is not None and self.notified_on < self.done_on:
                raise RuleBroken("书面告知的日期早于检查日期，请核对")
        elif self.result or self.contraindicated or self.notified_on:
            raise RuleBroken("有了结果，就要填检查日期")

    @property
    def again_on(self) -> date | None:
        return self.next_on or (self.done_on + AGAIN_AFTER if self.done_on else None)


class Travel(Record):
    """A journey that was declared (旅居)."""

    from_on: Mapped[date]
    until_on: Mapped[date | None]
    place: Mapped[str] = mapped_column(EncryptedText("travel.place"))
    overseas: Mapped[bool] = mapped_column(default=False)

    def must_hold(self, session: Session, employee: Employee, but: int, now: datetime) -> None:
        if self.until_on is not None and self.until_on < self.from_on:
            raise RuleBroken("返回日期早于出发日期，请核对")


KINDS: dict[str, type[Any]] = {
    "absence": Absence, "vaccination": Vaccination, "check-up": CheckUp, "travel": Travel,
}  # fmt: skip


def at_work(on: date) -> ColumnElement[bool]:
    """Who is due at work on a day (应到): on the books, and neither on leave nor away."""
    away = select(Absence.employee_id).where(Absence.holds(), Absence.covers(on))
    return and_(Employee.working(on), Employee.id.not_in(away))


def last_pre_post(session: Session, employee: Employee) -> CheckUp | None:
    """The pre-post examination that counts: without it, or with a contraindication in it, nobody is exposed (HLTH-9)."""
    return last_pre_posts(session, [employee.id]).get(employee.id)


def last_pre_posts(session: Session, ids: Sequence[int]) -> dict[int, CheckUp]:
    """The same of several people, by the number of the person."""
    done = select(CheckUp).where(
        CheckUp.employee_id.in_(ids),
        CheckUp.kind == CheckUpKind.PRE_POST,
        CheckUp.done_on.is_not(None),
        CheckUp.holds(),
    )
    return {one.employee_id: one for one in session.scalars(done.order_by(CheckUp.done_on, CheckUp.id))}


def pre_post(employee_id: int, done_on: date, hazards: str, *, now: datetime, by_id: int | None) -> CheckUp:
    """The pre-post examination whose day was typed with the rest of a person, by hand or in a workbook."""
    return CheckUp(
        employee_id=employee_id, kind=CheckUpKind.PRE_POST, done_on=done_on, hazards=hazards,
        written_at=now, written_by_id=by_id,
    )  # fmt: skip


def records_of(session: Session, employee: Employee, kind: type[Any]) -> list[Any]:
    """Every version of these records with who wrote it; what holds comes first, then the newest."""
    every = select(kind).where(kind.employee_id == employee.id).options(joinedload(kind.written_by))
    return list(session.scalars(every.order_by(kind.replaced_at.is_not(None), kind.id.desc())))


def _not_to_come(on: date, now: datetime, words: str) -> None:
    if on > local(now).date():
        raise RuleBroken(f"{words}还没有到，请核对")
