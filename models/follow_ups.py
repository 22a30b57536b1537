"""What is done about somebody who is not well (跟进): contact, doctor, result, back at work; report to the community."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

from .accounts import Account
from .archive import Employee
from .base import Labelled, Row, RuleBroken, local
from .health_entries import EntryState, HealthEntry
from .vault import EncryptedText


class Stage(Labelled):
    """What comes next (下一步)."""

    CONTACT = "contact", "联系"
    DOCTOR = "doctor", "就医"
    RESULT = "result", "结果"
    BACK = "back", "返岗"


STAGES = tuple(Stage)
TIME_FOR = {
    Stage.CONTACT: timedelta(hours=2), Stage.DOCTOR: timedelta(days=1), Stage.RESULT: timedelta(days=2),
    Stage.BACK: timedelta(days=7),
}  # fmt: skip


class StepKind(Labelled):
    """What was done (办了什么)."""

    CONTACTED = "contacted", "已联系本人"
    DOCTOR = "doctor", "已就医"
    RESULT = "result", "有了结果"
    REPORTED = "reported", "已向社区或疾控报告"
    NOTE = "note", "补记"
    BACK = "back", "已返岗，结束跟进"
    FALSE_ALARM = "false_alarm", "误报，结束跟进"


LEADS_TO = {StepKind.CONTACTED: Stage.DOCTOR, StepKind.DOCTOR: Stage.RESULT, StepKind.RESULT: Stage.BACK}
OPEN = "closed_at IS NULL"


class FollowUp(Row):
    """One case of one person, from the entry that opened it to the return to work. Of a person one is open at a time."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey("employee.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("health_entry.id"), index=True)
    stage: Mapped[Stage]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]  # of the step that comes next
    result: Mapped[str | None] = mapped_column(EncryptedText("follow_up.result"))
    return_on: Mapped[date | None]
    false_alarm: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None]

    employee: Mapped[Employee] = relationship()
    entry: Mapped[HealthEntry] = relationship()
    steps: Mapped[list[FollowUpStep]] = relationship(back_populates="follow_up", order_by="FollowUpStep.id")

    __table_args__ = (
        Index(
            "uq_follow_up_open",
            "employee_id",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        Index("ix_follow_up_employee", "employee_id", "id"),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.enterprise_id.in_(ids) if scope == "enterprise" else None

    @classmethod
    def open_for(cls, session: Session, entry: HealthEntry, *, now: datetime) -> FollowUp | None:
        """The open case of whoever this entry says is not well; a new one where there is none. None for a normal entry:
        a correction to normal closes nothing, for that is for somebody to decide."""
        found = session.scalar(
            select(cls).where(cls.employee_id == entry.employee_id, cls.closed_at.is_(None))
        )
        if entry.state == EntryState.NORMAL or found is not None:
            return found
        case = cls(
            enterprise_id=entry.enterprise_id, employee_id=entry.employee_id, entry_id=entry.id, stage=Stage.CONTACT,
            opened_at=now, due_at=now + TIME_FOR[Stage.CONTACT],
        )  # fmt: skip
        session.add(case)
        session.flush()
        return case

    def is_overdue(self, now: datetime) -> bool:
        return self.closed_at is None and now > self.due_at

    def take(
        self, kind: StepKind, *, text: str, now: datetime, by_id: int | None, to_whom: str = "",
        return_on: date | None = None,
    ) -> FollowUpStep:  # fmt: skip
        """One step. It ends with a result and the day of return, or as a false alarm, for which nobody is blamed (HLTH-8)."""
        if self.closed_at is not None:
            raise RuleBroken("这件跟进已经结束，不能再记")
        text = text.strip()
        if kind == StepKind.REPORTED and not to_whom.strip():
            raise RuleBroken("请写报告给了谁，例如桂湖社区、区疾控中心")
        if kind in (StepKind.RESULT, StepKind.NOTE, StepKind.FALSE_ALARM) and not text:
            raise RuleBroken("请写一句情况，日后看得懂")
        if kind == StepKind.BACK:
            self._go_back(return_on, now)
        elif kind == StepKind.FALSE_ALARM:
            self.false_alarm, self.closed_at = True, now
        elif kind in LEADS_TO and STAGES.index(LEADS_TO[kind]) > STAGES.index(self.stage):
            self.stage, self.due_at = LEADS_TO[kind], now + TIME_FOR[LEADS_TO[kind]]
        if kind == StepKind.RESULT:
            self.result = text
        step = FollowUpStep(kind=kind, text=text or None, to_whom=to_whom.strip(), at=now, by_id=by_id)
        self.steps.append(step)
        return step

    def _go_back(self, return_on: date | None, now: datetime) -> None:
        if not self.result:
            raise RuleBroken("还没有结果，先记下“有了结果”，再结束跟进")
        if return_on is None:
            raise RuleBroken("请填返岗日期")
        if not local(self.opened_at).date() - timedelta(days=1) <= return_on <= local(now).date():
            raise RuleBroken("返岗日期在开始跟进以后、今天以前；还没有返岗的先不要结束")
        self.return_on, self.closed_at = return_on, now


class FollowUpStep(Row):
    """What was done, by whom, when; what was learnt is sealed."""

    follow_up_id: Mapped[int] = mapped_column(ForeignKey("follow_up.id"), index=True)
    kind: Mapped[StepKind]
    text: Mapped[str | None] = mapped_column(EncryptedText("follow_up_step.text"))
    to_whom: Mapped[str] = mapped_column(default="")  # of a report: which office
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    follow_up: Mapped[FollowUp] = relationship(back_populates="steps")
    by: Mapped[Account | None] = relationship()


def cases_of(enterprise_id: int, *, closed: bool = False) -> Select[FollowUp]:
    """What is not finished, whatever is overdue longest first; or what is, the newest first."""
    found = (
        select(FollowUp)
        .where(FollowUp.enterprise_id == enterprise_id)
        .options(joinedload(FollowUp.employee).joinedload(Employee.team), joinedload(FollowUp.entry))
    )
    if closed:
        return found.where(FollowUp.closed_at.is_not(None)).order_by(
            FollowUp.closed_at.desc(), FollowUp.id.desc()
        )
    return found.where(FollowUp.closed_at.is_(None)).order_by(FollowUp.due_at, FollowUp.id)


def open_cases(session: Session, enterprise_id: int) -> Sequence[FollowUp]:
    return session.scalars(cases_of(enterprise_id)).all()


def moments_of(session: Session, employee: Employee) -> list[tuple[datetime, str, str]]:
    """For the file of one person (一人一档): (at, title, detail) of each entry that is not normal and each step, newest first."""
    found = [
        (entry.at, f"{entry.work_on.month}月{entry.work_on.day}日{entry.state.label}", "；".join(entry.why))
        for entry in session.scalars(
            select(HealthEntry)
            .where(HealthEntry.employee_id == employee.id, HealthEntry.state != EntryState.NORMAL)
            .order_by(HealthEntry.id)
        )
    ]
    for case in session.scalars(
        select(FollowUp)
        .where(FollowUp.employee_id == employee.id)
        .options(selectinload(FollowUp.steps).joinedload(FollowUpStep.by))
    ):
        for step in case.steps:
            words = [step.by.name if step.by else "", step.to_whom, step.text or ""]
            found.append((step.at, f"跟进：{step.kind.label}", "，".join(filter(None, words))))
    return sorted(found, key=lambda moment: moment[0], reverse=True)
