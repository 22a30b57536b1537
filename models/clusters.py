"""Suspected clusters of illness (疑似聚集报告): reported at once, accepted, verified, followed to the end (HLTH-8).

A report has numbers and places, nobody's name. Whose illness it is stays with the enterprise: it links its own follow-ups, others
see how many. What was written down is only added to. It never stands for the day's report, which is due all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    delete,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, declared_attr, joinedload, mapped_column, relationship

from .access import SCOPES, Post
from .accounts import Account, Appointment
from .archive import Employee
from .base import Labelled, Row, RuleBroken, local
from .belonging import Belonging
from .cluster_rules import due, in_time
from .enterprises import Enterprise, Premises
from .follow_ups import FollowUp
from .inbox import tell
from .places import Place
from .policy.schema import Policy
from .vault import EncryptedText

LONGEST_TEXT, LONGEST_PLACE, LONGEST_OFFICE = 500, 60, 60
MOST_PEOPLE = 9_999
NOTICED_BACK = timedelta(days=7)
STAFF = (Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER)


class Signal(Labelled):
    """What people have in common (相似症状). The first ones are the scheme's."""

    RESPIRATORY = "respiratory", "发热或呼吸道症状"
    GUT = "gut", "腹泻、呕吐"
    RASH = "rash", "皮疹"
    RED_EYES = "red_eyes", "结膜充血"
    SWOLLEN_PAROTID = "swollen_parotid", "腮腺肿大"
    DISEASE = "disease", "经医生诊断的同一种病"
    ABSENCE = "absence", "因病缺勤比平常多"
    OTHER = "other", "其他相似症状"


class Measure(Labelled):
    """What has been done by the time of the report (已经采取的措施)."""

    CALLED = "called", "已打电话报社区或疾控"
    AWAY = "away", "不舒服的人已离开岗位"
    DOCTOR = "doctor", "已送医或劝去看医生"
    ASKED = "asked", "在问同班组、同宿舍的人"
    AIRED = "aired", "已通风、消毒"
    KEPT = "kept", "已留食物、水样"


class Stage(Labelled):
    """How far a report has come (办到哪一步)."""

    WAITING = "waiting", "待受理"
    ACCEPTED = "accepted", "已受理，核实中"
    VERIFIED = "verified", "已核实，处置中"
    CLOSED = "closed", "已结束"


class Conclusion(Labelled):
    """How it ended (结论). Nobody is blamed for an honest false alarm."""

    OVER = "over", "属实，已解除"
    SPORADIC = "sporadic", "有人生病，没有聚集"
    FALSE_ALARM = "false_alarm", "误报"


class StepKind(Labelled):
    """What was done (办了什么)."""

    ACCEPTED = "accepted", "受理"
    VERIFIED = "verified", "核实"
    TOLD = "told", "报疾控"
    MEASURE = "measure", "采取措施"
    CHANGED = "changed", "人数变化"
    NOTE = "note", "补记"
    CLOSED = "closed", "结束"


class Located(Belonging, Row):
    """Something that happened at an enterprise or in a place, with where that belonged then: who looked after it keeps it."""

    __abstract__ = True

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    street_id: Mapped[int]
    community_id: Mapped[int | None]
    unit_id: Mapped[int | None]
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"), index=True)

    @declared_attr
    def enterprise(cls) -> Mapped[Enterprise | None]:  # noqa: N805
        return relationship(Enterprise)

    @declared_attr
    def place(cls) -> Mapped[Place | None]:  # noqa: N805
        return relationship(Place)

    def stand(self, where: Enterprise | Place, place_id: int | None) -> None:
        self.district_id, self.street_id = where.district_id, where.street_id
        self.community_id, self.unit_id, self.place_id = where.community_id, where.unit_id, place_id
        self.enterprise_id = where.id if isinstance(where, Enterprise) else None
        self.enterprise = where if isinstance(where, Enterprise) else None

    @property
    def subject(self) -> str:
        """Whose it is, by name."""
        if self.enterprise is not None:
            return self.enterprise.name
        return self.place.name if self.place else ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What somebody who suspects a cluster says of it."""

    signal: Signal
    people: int
    noticed_at: datetime
    hospital: int = 0
    where: str = ""
    first_onset_on: date | None = None
    measures: tuple[Measure, ...] = ()
    text: str = ""

    def must_hold(self, now: datetime) -> None:
        if not 1 <= self.people <= MOST_PEOPLE:
            raise RuleBroken(f"相似症状的人数填1到{MOST_PEOPLE}")
        if not 0 <= self.hospital <= self.people:
            raise RuleBroken("就医的人数不能多于有症状的人数")
        if self.noticed_at > now:
            raise RuleBroken("发现的时间还没有到，请核对")
        if self.noticed_at < now - NOTICED_BACK:
            raise RuleBroken(f"发现的时间最多填{NOTICED_BACK.days}天以前")
        if self.first_onset_on is not None and self.first_onset_on > local(now).date():
            raise RuleBroken("最早发病的日期还没有到，请核对")


class ClusterReport(Located):
    """One suspected cluster, from the report to its end. Instants by the server's clock, but for when it was noticed."""

    alert_id: Mapped[int | None] = mapped_column(ForeignKey("cluster_alert.id"), unique=True)
    signal: Mapped[Signal]
    where: Mapped[str] = mapped_column(default="")  # 3号楼2层包装车间
    people: Mapped[int]  # as last known
    hospital: Mapped[int] = mapped_column(default=0)
    first_onset_on: Mapped[date | None]
    measures: Mapped[str] = mapped_column(default="")  # ",called,away,"
    text: Mapped[str | None] = mapped_column(EncryptedText("cluster_report.text"))
    noticed_at: Mapped[datetime]
    reported_at: Mapped[datetime]
    due_at: Mapped[datetime]  # until when it was to be reported
    accept_due_at: Mapped[datetime]
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    by_post: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)  # of the sending, so that a second one of the same is known
    scheme_key: Mapped[str]
    stage: Mapped[Stage]
    accepted_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    conclusion: Mapped[Conclusion | None]

    reported_by: Mapped[Account] = relationship()
    steps: Mapped[list[ClusterStep]] = relationship(back_populates="report", order_by="ClusterStep.id")

    __table_args__ = (
        CheckConstraint("(stage = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("(closed_at IS NULL) = (conclusion IS NULL)", name="conclusion"),
        CheckConstraint("(stage = 'waiting') = (accepted_at IS NULL)", name="accepted"),
        Index("ix_cluster_report_district_at", "district_id", "reported_at"),
    )

    @classmethod
    def file(
        cls, session: Session, where: Enterprise | Place, facts: Facts, policy: Policy, *, key: str, now: datetime, by: Account,
        post: Post,
    ) -> tuple[ClusterReport, bool]:  # fmt: skip
        """The report, and whether it is a new one: the same sending a second time is the report that there is."""
        known = session.scalar(select(cls).where(cls.key == key))
        if known is not None:
            return known, False
        facts.must_hold(now)
        if isinstance(where, Enterprise):
            where.must_be_open()
        immediate, at = policy.clusters.immediate, now.replace(microsecond=0)
        made = cls(
            signal=facts.signal, where=facts.where.strip(), people=facts.people, hospital=facts.hospital,
            first_onset_on=facts.first_onset_on, text=facts.text.strip() or None, noticed_at=facts.noticed_at, reported_at=at,
            measures="".join(f",{one.value}" for one in Measure if one in facts.measures) + ",",
            due_at=due(facts.noticed_at, immediate.report_minutes), accept_due_at=due(at, immediate.accept_minutes),
            reported_by_id=by.id, reported_by=by, by_post=post.value, key=key, scheme_key=policy.key, stage=Stage.WAITING,
        )  # fmt: skip
        made.stand(where, seat_of(session, where, now))
        try:
            with session.begin_nested():
                session.add(made)
        except IntegrityError:  # the same sending at the same time was quicker
            return session.scalars(select(cls).where(cls.key == key)).one(), False
        return made, True

    @property
    def number(self) -> str:
        """By which it is called: of the day, and no other's."""
        return f"JJ{local(self.reported_at):%Y%m%d}-{self.id:04}"

    @property
    def was_in_time(self) -> bool:
        return in_time(self.reported_at, self.due_at)

    def is_acceptance_late(self, now: datetime) -> bool:
        """Accepted too late, or not yet and the time is over."""
        return not in_time(self.accepted_at or now, self.accept_due_at)

    @property
    def measure_list(self) -> list[Measure]:
        return [one for one in Measure if f",{one.value}," in self.measures]

    @property
    def posted(self) -> Post:
        return Post(self.by_post)

    def take(
        self, kind: StepKind, *, now: datetime, by: Account, post: Post, text: str = "", to_whom: str = "",
        people: int | None = None, conclusion: Conclusion | None = None,
    ) -> ClusterStep:  # fmt: skip
        """One step. Who reported does not accept, verify or close: somebody else looks at it."""
        if self.stage is Stage.CLOSED:
            raise RuleBroken("这份报告已经结束，不能再记")
        by_id = by.id  # asked before anything is changed: it may have to be read anew
        if kind in JUDGED and by_id == self.reported_by_id:
            raise RuleBroken(f"自己报的，要由别人{kind.label}")
        words = text.strip()
        if kind in (StepKind.VERIFIED, StepKind.MEASURE, StepKind.NOTE, StepKind.CLOSED) and not words:
            raise RuleBroken("请写一句情况，日后看得懂；不要写姓名")
        _STEPS[kind](self, now, people, to_whom.strip(), conclusion)
        step = ClusterStep(
            kind=kind,
            text=words or None,
            to_whom=to_whom.strip(),
            people=people,
            at=now,
            by_id=by_id,
            by=by,
            by_post=post.value,
        )
        self.steps.append(step)
        return step

    def _accept(self, now: datetime, *_: object) -> None:
        if self.stage is not Stage.WAITING:
            raise RuleBroken("已经有人受理了")
        self.stage, self.accepted_at = Stage.ACCEPTED, now.replace(microsecond=0)

    def _verify(self, now: datetime, people: int | None, *_: object) -> None:
        if self.stage is not Stage.ACCEPTED:
            raise RuleBroken(
                "先受理，再核实" if self.stage is Stage.WAITING else "已经核实过，人数变了请记“人数变化”"
            )
        self._count(people, least=0)
        self.stage = Stage.VERIFIED

    def _tell(self, now: datetime, _people: int | None, to_whom: str, *_: object) -> None:
        if not to_whom:
            raise RuleBroken("请写报告给了谁，例如区疾控中心值班室")
        self.told_at = self.told_at or now

    def _change(self, _now: datetime, people: int | None, *_: object) -> None:
        if people == self.people:
            raise RuleBroken(f"现在记的就是{self.people}人")
        self._count(people, least=1)

    def _count(self, people: int | None, *, least: int) -> None:
        if people is None or not least <= people <= MOST_PEOPLE:
            raise RuleBroken(f"请填现在有相似症状的人数，{least}到{MOST_PEOPLE}")
        self.people, self.hospital = people, min(self.hospital, people)

    def _close(self, now: datetime, _people: int | None, _to: str, conclusion: Conclusion | None) -> None:
        if conclusion is None:
            raise RuleBroken("请选结论")
        if self.stage is not Stage.VERIFIED:
            raise RuleBroken("先核实，再结束")
        if conclusion is Conclusion.OVER and self.told_at is None:
            raise RuleBroken("属实的，要先记下报了疾控，再结束")
        self.stage, self.closed_at, self.conclusion = Stage.CLOSED, now, conclusion

    def _note(self, *_: object) -> None:
        """Nothing else changes."""


JUDGED = (StepKind.ACCEPTED, StepKind.VERIFIED, StepKind.CLOSED)
_STEPS: dict[StepKind, Callable[[ClusterReport, datetime, int | None, str, Conclusion | None], None]] = {
    StepKind.ACCEPTED: ClusterReport._accept, StepKind.VERIFIED: ClusterReport._verify, StepKind.TOLD: ClusterReport._tell,
    StepKind.CHANGED: ClusterReport._change, StepKind.CLOSED: ClusterReport._close, StepKind.MEASURE: ClusterReport._note,
    StepKind.NOTE: ClusterReport._note,
}  # fmt: skip


class ClusterStep(Row):
    """What was done, by whom, in which post, when; the words are sealed."""

    report_id: Mapped[int] = mapped_column(ForeignKey("cluster_report.id"), index=True)
    kind: Mapped[StepKind]
    text: Mapped[str | None] = mapped_column(EncryptedText("cluster_step.text"))
    to_whom: Mapped[str] = mapped_column(default="")
    people: Mapped[int | None]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    by_post: Mapped[str]

    report: Mapped[ClusterReport] = relationship(back_populates="steps")
    by: Mapped[Account] = relationship()

    @property
    def posted(self) -> Post:
        return Post(self.by_post)


class ClusterPerson(Row):
    """An enterprise's own follow-up that belongs to a report (关联的人): no more of a person than that."""

    report_id: Mapped[int] = mapped_column(ForeignKey("cluster_report.id"))
    follow_up_id: Mapped[int] = mapped_column(ForeignKey("follow_up.id"), index=True)

    __table_args__ = (UniqueConstraint("report_id", "follow_up_id"),)


# --- where, and who is told ---


def seat_of(session: Session, where: Enterprise | Place, now: datetime) -> int | None:
    """The place in whose list it stands: the place itself, or where the enterprise sits, of several the longest."""
    if isinstance(where, Place):
        return where.id
    return session.scalar(
        select(Premises.place_id)
        .where(Premises.enterprise_id == where.id, Premises.holding(now))
        .order_by(Premises.from_at, Premises.id)
        .limit(1)
    )


def in_charge(session: Session, one: Located, posts: Collection[str], now: datetime) -> list[int]:
    """The accounts of whoever holds one of these posts over where it happened, today. An enterprise's own posts count too."""
    here: Any = select(Place.id, Place.parent_id)
    if one.enterprise_id is not None:
        here = here.where(
            Place.id.in_(
                select(Premises.place_id).where(
                    Premises.enterprise_id == one.enterprise_id, Premises.holding(now)
                )
            )
        )
    else:
        here = here.where(Place.id == one.place_id)
    rows: Any = session.execute(here).all()
    places = {number for both in rows for number in both if number is not None}
    ids: dict[str, list[int | None]] = {
        "district": [one.district_id], "unit": [one.unit_id], "community": [one.community_id], "place": list(places),
        "enterprise": [one.enterprise_id],
    }  # fmt: skip
    held = [
        and_(
            Appointment.post == post,
            Appointment.scope_id.in_([n for n in ids[SCOPES[post]] if n is not None]),
        )
        for post in map(Post, posts)
    ]
    query = (
        select(Appointment.account_id)
        .join(Account, Account.id == Appointment.account_id)
        .where(Appointment.serving(local(now).date()), Account.disabled_at.is_(None), or_(false(), *held))
    )
    return sorted(set(session.scalars(query)))


def tell_of(session: Session, report: ClusterReport, policy: Policy, now: datetime) -> list[int]:
    """Tells whom the scheme names, and the enterprise where somebody else has reported; not who reported. No message says more
    than that there is something to see to."""
    people = set(in_charge(session, report, (*policy.clusters.immediate.tell, *STAFF), now)) - {
        report.reported_by_id
    }
    until = local(report.accept_due_at)
    return tell(
        session, people, f"cluster:{report.id}", f"疑似聚集报告{report.number}",
        f"{report.people}人{report.signal.label}，请在{until:%H:%M}前受理、核实。", f"/clusters/{report.id}", now,
    )  # fmt: skip


def tell_step(
    session: Session, report: ClusterReport, step: ClusterStep, policy: Policy, now: datetime
) -> list[int]:
    """Whoever has to know of a step: at the end and when it is accepted the reporter, of a change of numbers those in charge."""
    wanted: Iterable[int] = ()
    if step.kind in JUDGED:
        wanted = {report.reported_by_id, *in_charge(session, report, STAFF, now)}
    elif step.kind is StepKind.CHANGED:
        wanted = in_charge(session, report, policy.clusters.immediate.tell, now)
    return tell(
        session, set(wanted) - {step.by_id}, f"cluster:{report.id}:{step.id}",
        f"疑似聚集报告{report.number}：{step.kind.label}", "", f"/clusters/{report.id}", now,
    )  # fmt: skip


# --- looking ---


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of reports asks for."""

    within: ColumnElement[bool]
    stage: Stage | None = None
    late: bool = False
    signal: Signal | None = None
    text: str = ""


def search(wanted: Wanted, now: datetime) -> Any:
    """The open ones first, the longest waiting on top; then the closed, the newest first."""
    query = select(ClusterReport).where(wanted.within, *_conditions(wanted, now))
    return query.options(
        joinedload(ClusterReport.enterprise), joinedload(ClusterReport.place), joinedload(ClusterReport.reported_by)
    ).order_by(
        ClusterReport.closed_at.is_not(None), ClusterReport.accepted_at.is_not(None), ClusterReport.reported_at.desc(),
        ClusterReport.id.desc(),
    )  # fmt: skip


def _conditions(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.stage is not None:
        found.append(ClusterReport.stage == wanted.stage)
    if wanted.late:
        found.append(too_late(now))
    if wanted.signal is not None:
        found.append(ClusterReport.signal == wanted.signal)
    if wanted.text:
        firm = Enterprise.name.contains(wanted.text, autoescape=True) | Enterprise.short_name.contains(
            wanted.text, autoescape=True
        )
        place = Place.name.contains(wanted.text, autoescape=True)
        found.append(
            ClusterReport.enterprise_id.in_(select(Enterprise.id).where(firm))
            | ClusterReport.place_id.in_(select(Place.id).where(place))
        )
    return found


def too_late(now: datetime) -> ColumnElement[bool]:
    """`was_in_time` and `is_acceptance_late` in the words of the database."""
    return or_(
        ClusterReport.reported_at > ClusterReport.due_at,
        func.coalesce(ClusterReport.accepted_at, now.replace(microsecond=0)) > ClusterReport.accept_due_at,
    )


def tally(session: Session, within: ColumnElement[bool], now: datetime) -> Mapping[Stage | str, int]:
    """How many in each stage, and under "late" how many were too late; two queries."""
    by_stage = select(ClusterReport.stage, func.count()).where(within).group_by(ClusterReport.stage)
    found: dict[Stage | str, int] = dict(session.execute(by_stage).all())
    late = select(func.count()).select_from(ClusterReport).where(within, too_late(now))
    return found | {"late": session.scalar(late) or 0}


def steps_of(session: Session, report: ClusterReport) -> Sequence[ClusterStep]:
    found = select(ClusterStep).where(ClusterStep.report_id == report.id).options(joinedload(ClusterStep.by))
    return session.scalars(found.order_by(ClusterStep.id)).all()


# --- the people, as the enterprise alone sees them ---


def linked(session: Session, report: ClusterReport) -> list[int]:
    """The numbers of the follow-ups that belong to a report."""
    found = select(ClusterPerson.follow_up_id).where(ClusterPerson.report_id == report.id)
    return list(session.scalars(found.order_by(ClusterPerson.follow_up_id)))


def linkable(session: Session, report: ClusterReport, most: int) -> Sequence[FollowUp]:
    """The enterprise's follow-ups that may belong to it: those that are open or were begun since shortly before, the newest first."""
    since = report.noticed_at - 2 * NOTICED_BACK
    return session.scalars(
        select(FollowUp)
        .where(
            FollowUp.enterprise_id == report.enterprise_id,
            or_(
                FollowUp.closed_at.is_(None),
                FollowUp.opened_at >= since,
                FollowUp.id.in_(linked(session, report)),
            ),
        )
        .options(joinedload(FollowUp.employee).joinedload(Employee.team), joinedload(FollowUp.entry))
        .order_by(FollowUp.opened_at.desc(), FollowUp.id.desc())
        .limit(most)
    ).all()


def link(session: Session, report: ClusterReport, ids: Collection[int], *, among: Collection[int]) -> int:
    """These follow-ups belong to the report and no others of those shown; answers how many now do."""
    if report.stage is Stage.CLOSED:
        raise RuleBroken("这份报告已经结束，不能再改")
    session.execute(
        delete(ClusterPerson).where(
            ClusterPerson.report_id == report.id, ClusterPerson.follow_up_id.in_(among)
        )
    )
    session.add_all(
        ClusterPerson(report_id=report.id, follow_up_id=one) for one in sorted(set(ids) & set(among))
    )
    session.flush()
    return len(linked(session, report))


def alone(session: Session, report: ClusterReport) -> ClusterReport:
    """The report as it stands now; nobody else takes a step until the transaction ends."""
    return session.scalars(
        select(ClusterReport)
        .where(ClusterReport.id == report.id)
        .with_for_update(of=ClusterReport)
        .execution_options(populate_existing=True)
    ).one()
