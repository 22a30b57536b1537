"""What is done about somebody who is not well (跟进): contact, doctor, result, back at work; report to the community.

A doctor's word, where the scheme lists the disease, is kept sealed beside the result. From it follows over how many days before the
first one is asked back, and of what mosquitoes carry that it is asked again two weeks after a journey (HLTH-5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, and_, case, or_, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

from .accounts import Account
from .archive import Employee
from .base import SHANGHAI, Labelled, Row, RuleBroken, local
from .health_entries import EntryState, HealthEntry
from .policy.schema import Disease
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
    LOOKED_BACK = "looked_back", "已往前问"
    ASKED_AGAIN = "asked_again", "两周后又问过"
    REPORTED = "reported", "已向社区或疾控报告"
    NOTE = "note", "补记"
    BACK = "back", "已返岗，结束跟进"
    FALSE_ALARM = "false_alarm", "误报，结束跟进"


LEADS_TO = {StepKind.CONTACTED: Stage.DOCTOR, StepKind.DOCTOR: Stage.RESULT, StepKind.RESULT: Stage.BACK}
OPEN, DIAGNOSED = "closed_at IS NULL", "diagnosed_at IS NOT NULL"
ASK_AGAIN, ONE_DAY = timedelta(days=14), timedelta(days=1)


class Bitten(Labelled):
    """Whether mosquitoes have bitten somebody (蚊虫叮咬)."""

    YES = "yes", "被蚊子叮过"
    NO = "no", "没有被叮过"
    UNKNOWN = "unknown", "不记得"


@dataclass(frozen=True, slots=True)
class LookedBack:
    """What somebody answers who is asked back (往前问). Journey and bites only of what mosquitoes carry."""

    text: str = ""
    area: str = ""
    back_on: date | None = None
    bitten: Bitten | None = None

    def words(self, disease: Disease) -> Iterator[str]:
        if disease.mosquito and self.back_on:
            yield f"去过{self.area}，{self.back_on.month}月{self.back_on.day}日回来"
        elif disease.mosquito:
            yield "没有外出"
        if disease.mosquito and self.bitten:
            yield self.bitten.label
        if self.text:
            yield self.text


class FollowUp(Row):
    """One case of one person, from the entry that opened it to the return to work. Of a person one is open at a time."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey("employee.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("health_entry.id"), index=True)
    stage: Mapped[Stage]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]  # of the step that comes next
    result: Mapped[str | None] = mapped_column(EncryptedText("follow_up.result"))
    disease: Mapped[str | None] = mapped_column(EncryptedText("follow_up.disease"))  # its key in the scheme
    diagnosed_at: Mapped[datetime | None]  # when it was written down
    ask_again_at: Mapped[datetime | None]  # from that day on, until somebody has asked
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
        Index(  # what doctors have lately said anywhere, for alerts
            "ix_follow_up_diagnosed",
            "diagnosed_at",
            "enterprise_id",
            sqlite_where=text(DIAGNOSED),
            postgresql_where=text(DIAGNOSED),
        ),
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

    @property
    def onset_on(self) -> date:
        """The first day of the illness, as it was told; else the day of which it was told."""
        return self.entry.told.onset_on or self.entry.work_on

    def is_overdue(self, now: datetime) -> bool:
        return (self.closed_at is None and now > self.due_at) or self.is_asking_late(now)

    def is_to_ask_again(self, now: datetime) -> bool:
        return self.ask_again_at is not None and now >= self.ask_again_at

    def is_asking_late(self, now: datetime) -> bool:
        return self.ask_again_at is not None and now >= self.ask_again_at + ONE_DAY

    def take(
        self, kind: StepKind, *, text: str, now: datetime, by_id: int | None, to_whom: str = "",
        return_on: date | None = None, disease: Disease | None = None,
    ) -> FollowUpStep:  # fmt: skip
        """One step. It ends with a result and the day of return, or as a false alarm, for which nobody is blamed (HLTH-8).
        The disease stands as the doctor's last word has it: named with a result, and gone with one that names none."""
        if kind == StepKind.ASKED_AGAIN:
            return self._ask_again(text.strip(), now, by_id)
        self._must_be_open()
        text = text.strip()
        if kind == StepKind.RESULT:
            text = "，".join(filter(None, [disease.label if disease else "", text]))
        elif disease is not None and disease.key != self.disease:
            raise RuleBroken("医生说的病和“有了结果”一起记：办了什么选“有了结果”")
        if kind == StepKind.REPORTED and not to_whom.strip():
            raise RuleBroken("请写报告给了谁，例如桂湖社区、区疾控中心")
        if kind in (StepKind.RESULT, StepKind.NOTE, StepKind.FALSE_ALARM) and not text:
            raise RuleBroken("请写一句情况，日后看得懂")
        if kind == StepKind.BACK:
            self._go_back(return_on, now)
        elif kind == StepKind.FALSE_ALARM:
            self.false_alarm, self.closed_at, self.ask_again_at = True, now, None
        elif kind in LEADS_TO and STAGES.index(LEADS_TO[kind]) > STAGES.index(self.stage):
            self.stage, self.due_at = LEADS_TO[kind], now + TIME_FOR[LEADS_TO[kind]]
        if kind == StepKind.RESULT:
            self.result = text
            self._name(disease, now)
        return self._add(kind, text, now, by_id, to_whom.strip())

    def look_back(
        self, disease: Disease, answers: LookedBack, *, now: datetime, by_id: int | None
    ) -> FollowUpStep:
        """What was asked back. After a journey it is asked again two weeks after the return."""
        self._must_be_open()
        if disease.key != self.disease:
            raise RuleBroken("医生说的病刚刚改过，请看一眼再往前问")
        if disease.mosquito:
            self._must_tell_of_journey(disease, answers, local(now).date())
        elif not answers.text:
            raise RuleBroken("请写问到了什么，没有问到也写一句")
        self.ask_again_at = None
        if disease.mosquito and answers.back_on is not None:
            at = datetime.combine(answers.back_on + ASK_AGAIN, time(0), SHANGHAI)
            self.ask_again_at = at if at > now else None
        return self._add(StepKind.LOOKED_BACK, "，".join(answers.words(disease)), now, by_id)

    def asked_since(self, disease: Disease) -> date:
        """From which day on it is asked back."""
        return self.onset_on - timedelta(days=disease.look_back_days)

    def _must_tell_of_journey(self, disease: Disease, answers: LookedBack, today: date) -> None:
        if answers.bitten is None:
            raise RuleBroken("请选有没有被蚊子叮过")
        if bool(answers.area) != (answers.back_on is not None):
            raise RuleBroken("去过外地的，去过哪里、哪天回来都要填；没有去就都不填")
        since = self.asked_since(disease)
        if answers.back_on is not None and not since <= answers.back_on <= today:
            raise RuleBroken(f"回来的日期填{since.month}月{since.day}日到今天之间的；更早回来的不用填")

    def _ask_again(self, text: str, now: datetime, by_id: int | None) -> FollowUpStep:
        """Open or closed: back at work one may still fall ill."""
        if self.ask_again_at is None:
            raise RuleBroken("没有要再问的，或者刚刚有人问过")
        if now < self.ask_again_at:
            on = local(self.ask_again_at)
            raise RuleBroken(f"{on.month}月{on.day}日起再问")
        if not text:
            raise RuleBroken("请写一句情况，日后看得懂")
        self.ask_again_at = None
        return self._add(StepKind.ASKED_AGAIN, text, now, by_id)

    def _name(self, disease: Disease | None, now: datetime) -> None:
        key = disease.key if disease else None
        if key != self.disease:
            self.disease, self.diagnosed_at, self.ask_again_at = key, now if key else None, None

    def _must_be_open(self) -> None:
        if self.closed_at is not None:
            raise RuleBroken("这件跟进已经结束，不能再记")

    def _add(
        self, kind: StepKind, text: str, now: datetime, by_id: int | None, to_whom: str = ""
    ) -> FollowUpStep:
        step = FollowUpStep(kind=kind, text=text or None, to_whom=to_whom, at=now, by_id=by_id)
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
    """What is not finished, whatever is overdue longest first; or what is, the newest first. Somebody back at work who is to be
    asked again is not finished with."""
    ask = FollowUp.ask_again_at
    found = (
        select(FollowUp)
        .where(FollowUp.enterprise_id == enterprise_id)
        .options(joinedload(FollowUp.employee).joinedload(Employee.team), joinedload(FollowUp.entry))
    )
    if closed:
        return found.where(FollowUp.closed_at.is_not(None), ask.is_(None)).order_by(
            FollowUp.closed_at.desc(), FollowUp.id.desc()
        )
    ask_first = and_(ask.is_not(None), or_(FollowUp.closed_at.is_not(None), ask < FollowUp.due_at))
    return found.where(or_(FollowUp.closed_at.is_(None), ask.is_not(None))).order_by(
        case((ask_first, ask), else_=FollowUp.due_at), FollowUp.id
    )


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
    for one in session.scalars(
        select(FollowUp)
        .where(FollowUp.employee_id == employee.id)
        .options(selectinload(FollowUp.steps).joinedload(FollowUpStep.by))
    ):
        for step in one.steps:
            words = [step.by.name if step.by else "", step.to_whom, step.text or ""]
            found.append((step.at, f"跟进：{step.kind.label}", "，".join(filter(None, words))))
    return sorted(found, key=lambda moment: moment[0], reverse=True)
