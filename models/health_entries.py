"""What employees report of their own health (每日健康): one entry a person and work day, corrected with its history.

Named health is the enterprise's own: no other scope reaches these rows (PRIV-9). Other offices get `counts()`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    and_,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from .archive import DAY_BEGINS, Employee, Team
from .base import Labelled, Row, RuleBroken, local
from .enterprises import Enterprise, Premises
from .health_file import at_work
from .keeping import HealthDaySum
from .office import open_orders
from .places import ModeOrder, Place
from .policy.schema import HEALTH_FIELDS, Effect, Mode, Policy, Question
from .vault import EncryptedText

UNWELL = "state <> 'normal'"
CORRECTION_DAYS = 7  # how far back a manager may still enter or correct


class EntryState(Labelled):
    """What an entry says (状态)."""

    NORMAL = "normal", "正常"
    ABNORMAL = "abnormal", "异常"
    ABSENT_ILL = "absent_ill", "因病缺勤"


class EntrySource(Labelled):
    """Who wrote it down (来源)."""

    SELF = "self", "本人"
    LEADER = "leader", "班组长代报"
    MANAGER = "manager", "健康管理员代报"
    GATE = "gate", "门岗"
    IMPORT = "import", "表格导入"


class Site(Labelled):
    """Where a temperature was taken (HLTH-2)."""

    ARMPIT = "armpit", "腋下"
    FOREHEAD = "forehead", "额头"
    EAR = "ear", "耳朵"
    MOUTH = "mouth", "口腔"


class Today(Labelled):
    """How somebody is, in one word."""

    WELL = "well", "没有不舒服，正常上班"
    UNWELL = "unwell", "不舒服，还在上班"
    ABSENT = "absent", "生病，今天不上班"


class Whereabouts(Labelled):
    """Where somebody who is ill stays (HLTH-6)."""

    HOME = "home", "居家"
    HOSPITAL = "hospital", "住院"
    BACK = "back", "已返岗"


SYMPTOM_WORDS: dict[str, tuple[str, str]] = {
    "fever": ("发热", "Fever"), "cough": ("咳嗽", "Cough"), "sore_throat": ("咽痛", "Sore throat"),
    "runny_nose": ("鼻塞流涕", "Runny nose"), "headache": ("头痛", "Headache"), "dizziness": ("头晕", "Dizziness"),
    "fatigue": ("乏力", "Fatigue"), "muscle_ache": ("肌肉酸痛", "Muscle ache"), "joint_pain": ("关节痛", "Joint pain"),
    "rash": ("皮疹", "Rash"), "red_eyes": ("结膜充血", "Red eyes"), "swollen_parotid": ("腮腺肿大", "Swollen parotid"),
    "abdominal_pain": ("腹痛", "Abdominal pain"), "diarrhoea": ("腹泻", "Diarrhoea"), "vomiting": ("呕吐", "Vomiting"),
    "smell_taste_loss": ("嗅味觉减退", "Loss of smell or taste"),
    "shortness_of_breath": ("气促", "Shortness of breath"), "other": ("其他不适", "Other"),
}  # fmt: skip


# What people without an account choose from, in English.
IN_ENGLISH: dict[Labelled, str] = {
    Today.WELL: "I am well, at work as usual", Today.UNWELL: "Not feeling well, but at work",
    Today.ABSENT: "Ill, not at work today",
    Site.ARMPIT: "Armpit", Site.FOREHEAD: "Forehead", Site.EAR: "Ear", Site.MOUTH: "Mouth",
    Whereabouts.HOME: "At home", Whereabouts.HOSPITAL: "In hospital", Whereabouts.BACK: "Back at work",
    EntryState.NORMAL: "well", EntryState.ABNORMAL: "not well", EntryState.ABSENT_ILL: "absent, ill",
}  # fmt: skip


def words_of(choice: Labelled, english: bool) -> str:
    return IN_ENGLISH[choice] if english else choice.label


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody reports of a work day, understood and within range. Illness: the minimum of HLTH-6 and no more."""

    today: Today
    celsius: Decimal | None = None
    site: Site | None = None
    symptoms: tuple[str, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # question of the scheme -> chosen
    onset_on: date | None = None
    seen_doctor: bool | None = None
    look_back: bool | None = None  # within the look-back: a patient met, a place with an outbreak
    shared: bool | None = None  # shares meals or a dormitory
    whereabouts: Whereabouts | None = None
    return_on: date | None = None

    def kept(self) -> str:
        """As it is sealed."""
        facts: dict[str, Any] = {
            "today": self.today.value, "symptoms": list(self.symptoms), "answers": {k: list(v) for k, v in self.answers.items()},
            "onset_on": self.onset_on, "seen_doctor": self.seen_doctor, "look_back": self.look_back, "shared": self.shared,
            "whereabouts": self.whereabouts and self.whereabouts.value, "return_on": self.return_on,
        }  # fmt: skip
        return json.dumps({k: v for k, v in facts.items() if v not in (None, [], {})}, default=str)

    @classmethod
    def read(cls, kept: str, celsius: int | None, site: Site | None) -> Report:
        facts = json.loads(kept)
        days = {k: date.fromisoformat(facts[k]) for k in ("onset_on", "return_on") if k in facts}
        return cls(
            today=Today(facts["today"]), celsius=None if celsius is None else Decimal(celsius) / 10, site=site,
            symptoms=tuple(facts.get("symptoms", ())),
            answers={k: tuple(v) for k, v in facts.get("answers", {}).items()},
            seen_doctor=facts.get("seen_doctor"), look_back=facts.get("look_back"), shared=facts.get("shared"),
            whereabouts=Whereabouts(facts["whereabouts"]) if "whereabouts" in facts else None, **days,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """A state with all its reasons, the gravest first."""

    state: EntryState
    reasons: tuple[str, ...] = ()


def standing(policy: Policy, mode: Mode, report: Report, *, english: bool = False) -> Standing:
    """The one decision about an entry: absent for illness, abnormal by temperature, symptoms or an answer of the scheme
    that does not pass, else normal. A forehead reading is a screen: the reason says that it has to be taken again (HLTH-2).
    `english`: its reasons as the person reads them; they are kept in Chinese."""
    reasons: list[tuple[str, str]] = []
    limits = policy.thresholds
    if report.celsius is not None and report.celsius >= limits.fever_celsius:
        screened = report.site == Site.FOREHEAD
        reasons.append(
            (
                f"体温{report.celsius}℃，达到{limits.fever_celsius}℃{'，请用水银或电子体温计复测' if screened else ''}",
                f"Temperature {report.celsius} ℃, at or above {limits.fever_celsius} ℃"
                + ("; please take it again with a contact thermometer" if screened else ""),
            )
        )
    elif report.celsius is not None and report.celsius < limits.low_celsius:
        low = report.celsius
        reasons.append((f"体温{low}℃，偏低，请复测", f"Temperature {low} ℃ is low; please take it again"))
    if report.symptoms:
        zh, en = zip(*(SYMPTOM_WORDS[s] for s in report.symptoms), strict=True)
        reasons.append(("、".join(zh), ", ".join(en)))
    for question in asked(policy, mode):
        for value in report.answers.get(question.field, ()):
            choice = question.choice(value)
            if choice is not None and choice.effect != Effect.PASS:
                reasons.append((choice.reason, choice.reason_en))
    if report.today == Today.UNWELL and not report.symptoms:
        reasons.append(("自述不舒服", "Not feeling well"))
    said = tuple(both[english] for both in reasons)
    if report.today == Today.ABSENT:
        return Standing(EntryState.ABSENT_ILL, said)
    return Standing(EntryState.ABNORMAL if said else EntryState.NORMAL, said)


def asked(policy: Policy, mode: Mode) -> tuple[Question, ...]:
    """What the scheme has everybody report each day in this mode; nothing where its measures are not in force (HLTH-10).
    Symptoms have a place of their own on every form, and a mask is a matter of the gate."""
    if not policy.measures_in_force[mode]:
        return ()
    wanted = HEALTH_FIELDS - {"mask", "symptoms"}
    return tuple(q for q in policy.gate[mode].questions if q.field in wanted)


def work_on(now: datetime, day_begins: time = DAY_BEGINS) -> date:
    """The work day that an instant belongs to: before the cut hour it is still yesterday's shift."""
    return (local(now) - timedelta(hours=day_begins.hour, minutes=day_begins.minute)).date()


def work_day_of(employee: Employee, now: datetime) -> date:
    return work_on(now, employee.team.day_begins if employee.team else DAY_BEGINS)


def mode_of(session: Session, enterprise: Enterprise, now: datetime) -> Mode:
    """The mode that an enterprise follows: the strictest of the places where it sits and of where it is registered."""
    return modes_of(session, [enterprise], now)[enterprise.id]


def modes_of(session: Session, enterprises: Collection[Enterprise], now: datetime) -> dict[int, Mode]:
    """The same of several; two queries at most."""
    orders = open_orders(session, {one.district_id for one in enterprises}, now)
    seats: dict[int, list[Place]] = defaultdict(list)
    if orders:
        sits = select(Premises).where(
            Premises.enterprise_id.in_([one.id for one in enterprises]), Premises.holding(now)
        )
        for seat in session.scalars(sits.options(joinedload(Premises.place))):
            seats[seat.enterprise_id].append(seat.place)
    return {one.id: _mode(one, seats[one.id], orders) for one in enterprises}


def _mode(enterprise: Enterprise, places: Collection[Place], orders: Iterable[ModeOrder]) -> Mode:
    own = {
        "district": enterprise.district_id,
        "street": enterprise.street_id,
        "community": enterprise.community_id,
    }
    reached = any(
        own.get(order.scope) == order.scope_id or any(order.reaches(place) for place in places)
        for order in orders
        if order.district_id == enterprise.district_id
    )
    return Mode.EMERGENCY if reached else Mode.NORMAL


def expected_on(session: Session, enterprise_id: int, on: date) -> ColumnElement[bool]:
    """Which employees are due at work on a day (应到), as a condition."""
    return and_(Employee.enterprise_id == enterprise_id, at_work(on))


class HealthEntry(Row):
    """What was reported of one person and work day. `state` and temperature are plain, all else is sealed."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    employee_id: Mapped[int] = mapped_column(ForeignKey("employee.id"))
    work_on: Mapped[date] = mapped_column(index=True)
    state: Mapped[EntryState]
    celsius: Mapped[int | None] = mapped_column(SmallInteger)  # tenths of a degree
    site: Mapped[Site | None]
    report: Mapped[str] = mapped_column(EncryptedText("health_entry.report"))
    reasons: Mapped[str] = mapped_column(EncryptedText("health_entry.reasons"))
    mode: Mapped[str]
    scheme_key: Mapped[str]
    source: Mapped[EntrySource]
    by_name: Mapped[str] = mapped_column(default="")  # who wrote it down for the person; empty: nobody
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    employee: Mapped[Employee] = relationship()
    versions: Mapped[list[HealthEntryVersion]] = relationship(
        back_populates="entry", order_by="HealthEntryVersion.version"
    )

    __table_args__ = (
        UniqueConstraint("employee_id", "work_on"),
        Index("ix_health_entry_enterprise_day", "enterprise_id", "work_on", "state"),
        Index(  # who is unwell anywhere, for alerts
            "ix_health_entry_unwell",
            "work_on",
            "enterprise_id",
            sqlite_where=text(UNWELL),
            postgresql_where=text(UNWELL),
        ),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.enterprise_id.in_(ids) if scope == "enterprise" else None

    @classmethod
    def first(
        cls, employee: Employee, on: date, report: Report, *, policy: Policy, mode: Mode, source: EntrySource,
        now: datetime, by_name: str = "", by_id: int | None = None,
    ) -> HealthEntry:  # fmt: skip
        """The entry of somebody who has none of this day; the caller has seen to that, and adds it."""
        told = cls.values(policy, mode, report, source=source, by_name=by_name, by_id=by_id, now=now)
        return cls(
            enterprise_id=employee.enterprise_id, employee_id=employee.id, work_on=on, version=1, **told
        )

    @property
    def told(self) -> Report:
        return Report.read(self.report, self.celsius, self.site)

    @property
    def why(self) -> list[str]:
        found: list[str] = json.loads(self.reasons)
        return found

    @staticmethod
    def values(
        policy: Policy, mode: Mode, report: Report, *, source: EntrySource, now: datetime, by_name: str = "",
        by_id: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The columns of what was reported, judged; whose entry it is and of which day, the caller knows."""
        judged = standing(policy, mode, report)
        return {
            "state": judged.state, "reasons": json.dumps(judged.reasons, ensure_ascii=False),
            "celsius": None if report.celsius is None else int(report.celsius * 10), "site": report.site,
            "report": report.kept(), "mode": mode.value, "scheme_key": policy.key, "source": source, "by_name": by_name,
            "by_id": by_id, "at": now,
        }  # fmt: skip


class HealthEntryVersion(Row):
    """What an entry said before it was corrected (更正前)."""

    entry_id: Mapped[int] = mapped_column(ForeignKey("health_entry.id"))
    version: Mapped[int]
    state: Mapped[EntryState]
    celsius: Mapped[int | None] = mapped_column(SmallInteger)
    site: Mapped[Site | None]
    report: Mapped[str] = mapped_column(EncryptedText("health_entry_version.report"))
    reasons: Mapped[str] = mapped_column(EncryptedText("health_entry_version.reasons"))
    source: Mapped[EntrySource]
    by_name: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]

    entry: Mapped[HealthEntry] = relationship(back_populates="versions")

    __table_args__ = (UniqueConstraint("entry_id", "version"),)

    @property
    def why(self) -> list[str]:
        found: list[str] = json.loads(self.reasons)
        return found


def entry_of(session: Session, employee_id: int, on: date) -> HealthEntry | None:
    return session.scalar(
        select(HealthEntry).where(HealthEntry.employee_id == employee_id, HealthEntry.work_on == on)
    )


def write(
    session: Session, employee: Employee, on: date, report: Report, *, policy: Policy, mode: Mode, source: EntrySource,
    now: datetime, by_name: str = "", by_id: int | None = None,
) -> HealthEntry:  # fmt: skip
    """The entry of this person and work day: a new one, or the one there is corrected, with what it said before kept.

    RuleBroken for a day to come, one that lies too far back, and one on which the person did not work here. Writing the same
    again changes nothing, so that a double tap makes no version.
    """
    today = work_day_of(employee, now)
    if on > today:
        raise RuleBroken("还没有到这一天，不能先报")
    if on < today - timedelta(days=CORRECTION_DAYS):
        raise RuleBroken(f"{CORRECTION_DAYS}天以前的不能再填、再改")
    if (employee.joined_on and on < employee.joined_on) or (employee.left_on and on > employee.left_on):
        raise RuleBroken(f"{employee.name}那天不在册，不能填")
    # two first entries of one person at once: the second waits here, and then finds the first
    session.execute(select(Employee.id).where(Employee.id == employee.id).with_for_update())
    entry = entry_of(session, employee.id, on)
    if entry is None:
        entry = HealthEntry.first(
            employee,
            on,
            report,
            policy=policy,
            mode=mode,
            source=source,
            now=now,
            by_name=by_name,
            by_id=by_id,
        )
        session.add(entry)
    elif entry.told != report:
        session.add(
            HealthEntryVersion(
                entry_id=entry.id, version=entry.version, state=entry.state, celsius=entry.celsius, site=entry.site,
                report=entry.report, reasons=entry.reasons, source=entry.source, by_name=entry.by_name, at=entry.at,
            )
        )  # fmt: skip
        entry.version += 1
        told = HealthEntry.values(policy, mode, report, source=source, by_name=by_name, by_id=by_id, now=now)
        for column, value in told.items():
            setattr(entry, column, value)
    session.flush()
    return entry


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of a day (HLTH-6, HLTH-7). `required`: whether everybody has to report in this mode."""

    expected: int = 0
    reported: int = 0
    abnormal: int = 0
    absent_ill: int = 0
    summed: bool = False  # kept as a sum: what it was made of has been destroyed, or is about to be

    @property
    def missing(self) -> int:
        return max(self.expected - self.reported, 0)

    @property
    def rate(self) -> str:
        """因病缺勤率, two decimals; — where nobody was due."""
        return rate(self.absent_ill, self.expected)

    def present(self, required: bool) -> int:
        """Where everybody reports, whoever did and came; where only the ill do, everybody but them."""
        return (self.reported if required else self.expected) - self.absent_ill


def rate(absent: int, expected: int) -> str:
    if expected == 0:
        return "—"
    share = Decimal(absent) * 100 / Decimal(expected)
    return f"{share.quantize(Decimal('0.01'), ROUND_HALF_UP)}%"


def counts(session: Session, enterprise_ids: Collection[int], on: date) -> dict[int, Counts]:
    """The figures of each of these enterprises on a day, without anybody's name; three queries. Of a day long ago its sums."""
    if not enterprise_ids:
        return {}
    found = select(HealthDaySum).where(HealthDaySum.enterprise_id.in_(enterprise_ids), HealthDaySum.day == on)
    summed = {one.enterprise_id: _summed(one) for one in session.scalars(found)}
    return count(session, [one for one in enterprise_ids if one not in summed], on) | summed


def _summed(one: HealthDaySum) -> Counts:
    return Counts(one.expected, one.reported, one.abnormal, one.absent_ill, summed=True)


def count(session: Session, enterprise_ids: Collection[int], on: date) -> dict[int, Counts]:
    """The figures as the rows stand now."""
    if not enterprise_ids:
        return {}
    due: dict[int, int] = dict(
        session.execute(
            select(Employee.enterprise_id, func.count())
            .where(Employee.enterprise_id.in_(enterprise_ids), at_work(on))
            .group_by(Employee.enterprise_id)
        ).all()
    )
    states: dict[int, dict[EntryState, int]] = defaultdict(dict)
    for enterprise_id, state, number in session.execute(
        select(HealthEntry.enterprise_id, HealthEntry.state, func.count())
        .join(HealthEntry.employee)
        .where(HealthEntry.enterprise_id.in_(enterprise_ids), HealthEntry.work_on == on, at_work(on))
        .group_by(HealthEntry.enterprise_id, HealthEntry.state)
    ):
        states[enterprise_id][state] = number
    return {
        number: Counts(
            due.get(number, 0), sum(states[number].values()), states[number].get(EntryState.ABNORMAL, 0),
            states[number].get(EntryState.ABSENT_ILL, 0),
        )
        for number in enterprise_ids
    }  # fmt: skip


def history(session: Session, enterprise_id: int, last: date, days: int = 14) -> dict[date, Counts]:
    """The figures of each of the last days, oldest first; three queries, whatever the number of people."""
    first = last - timedelta(days=days - 1)
    staff = session.execute(
        select(Employee.joined_on, Employee.left_on, func.count())
        .where(Employee.enterprise_id == enterprise_id)
        .group_by(Employee.joined_on, Employee.left_on)
    ).all()
    found = session.execute(
        select(HealthEntry.work_on, HealthEntry.state, func.count())
        .where(HealthEntry.enterprise_id == enterprise_id, HealthEntry.work_on.between(first, last))
        .group_by(HealthEntry.work_on, HealthEntry.state)
    ).all()
    sums = session.scalars(
        select(HealthDaySum).where(
            HealthDaySum.enterprise_id == enterprise_id, HealthDaySum.day.between(first, last)
        )
    )
    summed = {one.day: _summed(one) for one in sums}
    told: dict[date, Counts] = {}
    for back in reversed(range(days)):
        on = last - timedelta(days=back)
        states = {state: number for day, state, number in found if day == on}
        due = sum(
            n
            for joined, left, n in staff
            if (joined is None or joined <= on) and (left is None or left >= on)
        )
        told[on] = Counts(
            due,
            sum(states.values()),
            states.get(EntryState.ABNORMAL, 0),
            states.get(EntryState.ABSENT_ILL, 0),
        )
    return told | summed


def not_well(session: Session, enterprise_id: int, first: date, last: date) -> Sequence[HealthEntry]:
    """The entries of these days that are not normal, with whose they are, the newest first."""
    return session.scalars(
        select(HealthEntry)
        .where(
            HealthEntry.enterprise_id == enterprise_id,
            HealthEntry.work_on.between(first, last),
            HealthEntry.state != EntryState.NORMAL,
        )
        .options(joinedload(HealthEntry.employee).joinedload(Employee.team))
        .order_by(HealthEntry.work_on.desc(), HealthEntry.at.desc(), HealthEntry.id.desc())
    ).all()


def people_of(
    session: Session, enterprise_id: int, on: date, *, text: str = "", mobile_index: bytes | None = None,
    missing: bool = False,
) -> Any:  # fmt: skip
    """Who is due on a day, each with the day's entry or None; found by part of the name, initials, 工号, department or mobile."""
    query = (
        select(Employee, HealthEntry)
        .outerjoin(HealthEntry, and_(HealthEntry.employee_id == Employee.id, HealthEntry.work_on == on))
        .outerjoin(Team, Team.id == Employee.team_id)
        .where(expected_on(session, enterprise_id, on))
        .options(joinedload(Employee.team))
        .order_by(Employee.department, Employee.name, Employee.id)
    )
    if mobile_index is not None:
        query = query.where(Employee.mobile_index == mobile_index)
    elif text:
        query = query.where(
            Employee.name.contains(text, autoescape=True)
            | Employee.initials.startswith(text.lower(), autoescape=True)
            | (Employee.number == text)
            | Employee.department.contains(text, autoescape=True)
            | Team.name.contains(text, autoescape=True)
        )
    return query.where(HealthEntry.id.is_(None)) if missing else query


def to_enter(
    session: Session, enterprise_ids: Collection[int], on: date, most: int
) -> dict[int, list[tuple[Employee, HealthEntry | None]]]:
    """Of each of these enterprises who is not well, and then who has not reported, at most so many; one query for all."""
    first = HealthEntry.id.is_(None), Employee.department, Employee.name, Employee.id
    place = func.row_number().over(partition_by=Employee.enterprise_id, order_by=first)
    reported = and_(HealthEntry.employee_id == Employee.id, HealthEntry.work_on == on)
    wanted = (
        select(Employee.id, place.label("place"))
        .outerjoin(HealthEntry, reported)
        .where(Employee.enterprise_id.in_(enterprise_ids), at_work(on))
        .where(HealthEntry.id.is_(None) | (HealthEntry.state != EntryState.NORMAL))
        .subquery()
    )
    rows = session.execute(
        select(Employee, HealthEntry)
        .join(wanted, wanted.c.id == Employee.id)
        .outerjoin(HealthEntry, reported)
        .where(wanted.c.place <= most)
        .options(joinedload(Employee.team))
        .order_by(*first)
    )
    found: dict[int, list[tuple[Employee, HealthEntry | None]]] = defaultdict(list)
    for employee, entry in rows:
        found[employee.enterprise_id].append((employee, entry))
    return found
