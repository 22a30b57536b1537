"""What the archive knows for a report (档案算好的数): computed, so that nobody types what is on file.

Attendance, temperatures and vaccinations as of the period's last working day; illness, travel and visitors over the whole of
it. Numbers alone leave here, nobody's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from .archive import Employee
from .base import SHANGHAI
from .closures import closed_on
from .enterprises import Enterprise
from .follow_ups import FollowUp
from .gate import CheckIn
from .health_entries import EntryState, HealthEntry, Today, asked, counts, not_well
from .health_file import Travel, Vaccination
from .obligations import Obligation
from .office import ENTERED
from .policy.schema import Policy
from .policy.workdays import WorkDays

FULL_DOSE, BOOSTER_DOSE = 2, 3
WHOLE = 0.9  # of the head count on file; an archive with fewer is still being filled
OF_EVERYBODY = ("expected", "present", "measured", "vaccinated_full", "vaccinated_booster")
ANSWERED = {
    "risk_area": ("risk_area_14d", "yes"),
    "code_yellow": ("code_status", "yellow"),
    "code_red": ("code_status", "red"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """Numbers by field of the report, and where each comes from. A field that the archive knows nothing of is in neither."""

    numbers: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    fever_pending: int = 0  # people with a fever in the period, or still followed up for one


def facts_of(
    session: Session, enterprise: Enterprise, obligation: Obligation, policy: Policy, days: WorkDays
) -> Facts:
    """What is on file for this period, in a fixed number of queries. An enterprise without employees on file has visitors alone, and
    on a day of its own closure those who stay on duty. Where the archive has only a part of them it knows nothing of everybody."""
    first, last = obligation.first_on, obligation.last_on
    numbers, words = _visitors(session, enterprise, obligation)
    staff = session.scalar(
        select(func.count())
        .select_from(Employee)
        .where(Employee.enterprise_id == enterprise.id, Employee.working(last))
    )
    on = days.last_worked(first, last)
    when = f"{on.month}月{on.day}日"
    closure = closed_on(session, enterprise.id, on)
    on_duty = f"{when}停产放假，申报在岗{closure.staff}人" if closure else ""
    if not staff:
        known = {"expected": closure.staff} if closure else {}
        return Facts(numbers | known, words | ({"expected": on_duty} if closure else {}))
    day = counts(session, [enterprise.id], on)[enterprise.id]
    if closure:  # whoever came all the same was due
        day = replace(day, expected=max(closure.staff, day.reported))
    required = bool(asked(policy, obligation.mode))
    unwell = not_well(session, enterprise.id, first, last)
    feverish, others = _ill(unwell, policy)
    pending = _fever_pending(session, enterprise.id, policy)
    away = max(staff - day.expected, 0)
    numbers |= {
        "expected": day.expected, "present": day.present(required),
        "absent_ill": day.absent_ill, "measured": _measured(session, enterprise.id, on),
        "fever": len(feverish), "symptoms": len(others), **_answers(unwell),
        "overseas": len(_overseas(session, enterprise.id, obligation, policy, unwell)),
        **_vaccinated(session, enterprise.id, last), **_follow_ups(session, enterprise.id, obligation),
    }  # fmt: skip
    words |= {
        "expected": on_duty or f"{when}在册{staff}人" + (f"，减去请假、出差、轮休等{away}人" if away else ""),
        "present": f"{when}员工自报汇总" if required else f"{when}应到减因病缺勤",
        "measured": f"{when}员工自报汇总",
        "symptoms": "员工自报汇总", "risk_area": "员工自报汇总", "code_yellow": "员工自报汇总", "code_red": "员工自报汇总",
        "overseas": "员工自报和旅居记录", "vaccinated_full": "接种记录", "vaccinated_booster": "接种记录",
        "follow_ups_open": "健康跟进", "follow_ups_closed": "健康跟进",
    }  # fmt: skip
    for key, people, what in (("fever", feverish, "发热"), ("absent_ill", day.absent_ill, "因病缺勤")):
        number = people if isinstance(people, int) else len(people)
        words[key] = f"每次现填；档案里有{number}人{what}" if number else f"每次现填；档案里没有人{what}"
    if not closure and staff < WHOLE * (enterprise.headcount or 0):
        part = f"档案里只有{staff:,}人，在册{enterprise.headcount:,}人，请按全单位填"
        for key in OF_EVERYBODY:
            numbers.pop(key, None)
            words[key] = part
    return Facts(numbers, words, len(feverish | pending))


def _visitors(
    session: Session, enterprise: Enterprise, obligation: Obligation
) -> tuple[dict[str, int], dict[str, str]]:
    found = session.scalar(
        select(func.count())
        .select_from(CheckIn)
        .where(
            CheckIn.enterprise_id == enterprise.id,
            CheckIn.day.between(obligation.first_on, obligation.last_on),
            ENTERED,
        )
    )
    return {"visitors": found or 0}, {"visitors": "入口登记", "visitors_travelled": "每次现填"}


def _ill(unwell: Iterable[HealthEntry], policy: Policy) -> tuple[set[int], set[int]]:
    """Who was feverish, and who had other symptoms alone."""
    feverish, others = set(), set()
    for entry in unwell:
        told = entry.told
        hot = told.celsius is not None and told.celsius >= policy.thresholds.fever_celsius
        if hot or "fever" in told.symptoms:
            feverish.add(entry.employee_id)
        elif told.symptoms or told.today == Today.UNWELL:
            others.add(entry.employee_id)
    return feverish, others - feverish


def _fever_pending(session: Session, enterprise_id: int, policy: Policy) -> set[int]:
    """Whose fever is still followed up, of whatever day."""
    entries = session.scalars(
        select(HealthEntry)
        .join(FollowUp, FollowUp.entry_id == HealthEntry.id)
        .where(FollowUp.enterprise_id == enterprise_id, FollowUp.closed_at.is_(None))
    )
    return _ill(entries, policy)[0]


def _measured(session: Session, enterprise_id: int, on: date) -> int:
    came = (HealthEntry.celsius.is_not(None), HealthEntry.state != EntryState.ABSENT_ILL)
    return (
        session.scalar(
            select(func.count())
            .select_from(HealthEntry)
            .where(HealthEntry.enterprise_id == enterprise_id, HealthEntry.work_on == on, *came)
        )
        or 0
    )


def _answers(unwell: Iterable[HealthEntry]) -> dict[str, int]:
    """Who answered so on any day: such an answer makes an entry abnormal, so that they are among the unwell."""
    people: dict[str, set[int]] = {key: set() for key in ANSWERED}
    for entry in unwell:
        answers = entry.told.answers
        for key, (question, value) in ANSWERED.items():
            if value in answers.get(question, ()):
                people[key].add(entry.employee_id)
    return {key: len(ids) for key, ids in people.items()}


def _overseas(
    session: Session,
    enterprise_id: int,
    obligation: Obligation,
    policy: Policy,
    unwell: Iterable[HealthEntry],
) -> set[int]:
    found = {entry.employee_id for entry in unwell if "yes" in entry.told.answers.get("overseas_21d", ())}
    since = obligation.last_on - timedelta(days=policy.look_back.overseas_days)
    travelled = session.scalars(
        select(Travel.employee_id)
        .join(Employee, Employee.id == Travel.employee_id)
        .where(
            Employee.enterprise_id == enterprise_id, Employee.working(obligation.last_on), Travel.holds(), Travel.overseas,
            Travel.from_on <= obligation.last_on, func.coalesce(Travel.until_on, obligation.last_on) >= since,
        )
    )  # fmt: skip
    return found | set(travelled)


def _vaccinated(session: Session, enterprise_id: int, on: date) -> dict[str, int]:
    """By the highest dose of each person."""
    doses = (
        select(func.max(Vaccination.dose).label("dose"))
        .join(Employee, Employee.id == Vaccination.employee_id)
        .where(
            Employee.enterprise_id == enterprise_id,
            Employee.working(on),
            Vaccination.holds(),
            Vaccination.on <= on,
        )
        .group_by(Vaccination.employee_id)
        .subquery()
    )
    rows: dict[int, int] = dict(
        session.execute(select(doses.c.dose, func.count()).group_by(doses.c.dose)).all()
    )
    if not rows:  # nobody keeps it here, which is not that nobody has been vaccinated
        return {}
    return {
        "vaccinated_full": sum(number for dose, number in rows.items() if dose >= FULL_DOSE),
        "vaccinated_booster": sum(number for dose, number in rows.items() if dose >= BOOSTER_DOSE),
    }


def _follow_ups(session: Session, enterprise_id: int, obligation: Obligation) -> dict[str, int]:
    begins = datetime.combine(obligation.first_on, time(), SHANGHAI)
    ends = datetime.combine(obligation.last_on + timedelta(days=1), time(), SHANGHAI)
    mine = (FollowUp.enterprise_id == enterprise_id, FollowUp.opened_at < ends)
    waiting = and_(*mine, FollowUp.closed_at.is_(None))
    ended = and_(*mine, FollowUp.closed_at >= begins, FollowUp.closed_at < ends)
    count = select(func.count()).select_from(FollowUp)
    return {
        "follow_ups_open": session.scalar(count.where(waiting)) or 0,
        "follow_ups_closed": session.scalar(count.where(ended)) or 0,
    }
