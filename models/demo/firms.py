"""The people of the demo's enterprises (演示员工): teams, absences, days of reports, somebody who is ill, a plan of the year."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy.orm import Session

from models.access import Post
from models.accounts import Account
from models.archive import Employee, Team
from models.base import local
from models.demo.people import Mobiles, draw_name
from models.demo.town import Town
from models.enterprises import Enterprise
from models.follow_ups import FollowUp, StepKind
from models.health_entries import EntrySource, Report, Site, Today, asked, mode_of, work_day_of, write
from models.health_file import Absence, AbsenceKind
from models.initials import initials_of
from models.plans import ActivityKind, Plan
from models.policy.book import Book
from models.policy.schema import Mode, Policy, WorkerKind
from models.vault import Vault

MOST_ON_FILE = 120  # of each enterprise: enough to search in, and quickly loaded
REPORTING, REPORTED_DAYS = "青禾生物", 3
DEPARTMENTS = ("生产部", "质量部", "研发中心", "仓储物流", "行政人事", "市场部")
JOBS = ("操作工", "检验员", "工程师", "仓管员", "专员", "销售代表")
PLANNED = (
    (ActivityKind.CHECK_UP, "年度健康体检", (4, 1), (5, 31), "全体员工"),
    (ActivityKind.EDUCATION, "颈椎腰椎保护讲座", (6, 10), (6, 10), "办公室员工"),
    (ActivityKind.DRILL, "急救和疏散演练", (9, 15), (9, 15), "各班组"),
    (ActivityKind.MIND, "心理健康咨询日", (11, 1), (11, 30), "全体员工"),
    (ActivityKind.EDUCATION, "冬季呼吸道防护", (12, 1), (12, 20), "全体员工"),
)


def staff(
    session: Session, town: Town, book: Book, vault: Vault, now: datetime, *, seed: str, mobiles: Mobiles
) -> int:
    """Puts people on file at every enterprise with a head count; how many. The same seed gives the same people."""
    rng, number = Random(f"{seed}/staff"), 0
    for enterprise in town.enterprises.values():
        people = _people_of(session, enterprise, vault, now, rng, mobiles)
        number += len(people)
        manager = _who_keeps(town, enterprise)
        if enterprise.short_name == REPORTING and manager is not None:
            policy = book.get(town.sketch.scheme_key)
            _days(session, enterprise, people, policy, now, rng, manager)
            _plan(session, enterprise, now, manager)
    session.flush()
    return number


def _people_of(
    session: Session, enterprise: Enterprise, vault: Vault, now: datetime, rng: Random, mobiles: Mobiles
) -> list[Employee]:
    heads = min(enterprise.headcount or 0, MOST_ON_FILE)
    teams = [Team(enterprise_id=enterprise.id, name=name, leader=draw_name(rng)) for name in ("早班", "中班")]
    teams.append(Team(enterprise_id=enterprise.id, name="夜班", leader=draw_name(rng), day_begins=time(12)))
    session.add_all(teams if heads >= len(teams) else [])
    session.flush()
    people = []
    for number in range(1, heads + 1):
        name, mobile, where = draw_name(rng), mobiles.draw(), rng.randrange(len(DEPARTMENTS))
        kind = rng.choices((WorkerKind.OWN, WorkerKind.DISPATCHED, WorkerKind.INTERN), (18, 3, 1))[0]
        people.append(
            Employee(
                enterprise_id=enterprise.id, name=name, initials=initials_of(name), number=f"{number:04}", kind=kind,
                contract_firm="云溪人力服务公司" if kind is WorkerKind.DISPATCHED else "", mobile=mobile,
                mobile_index=vault.blind(mobile, "mobile"), department=DEPARTMENTS[where], job=JOBS[where],
                team_id=rng.choice(teams).id if where in (0, 3) and heads >= len(teams) else None,
                dormitory=f"{rng.randint(1, 3)}栋{rng.randint(101, 620)}" if rng.random() < 0.2 else "",
                joined_on=local(now).date() - timedelta(days=rng.randint(40, 3000)), added_at=now, changed_at=now,
            )
        )  # fmt: skip
    session.add_all(people)
    session.flush()
    return people


def _days(
    session: Session, enterprise: Enterprise, people: list[Employee], policy: Policy, now: datetime, rng: Random,
    manager: Account,
) -> None:  # fmt: skip
    """The last days' reports of one enterprise; a few have not reported today, and two are not well."""
    today = local(now).date()
    away = people[-3]
    session.add(
        Absence(
            employee_id=away.id, kind=AbsenceKind.TRIP, from_on=today - timedelta(days=2),
            until_on=today + timedelta(days=4), written_at=now, written_by_id=manager.id,
        )
    )  # fmt: skip
    mode = mode_of(session, enterprise, now)
    ill = rng.sample(people[:-3], 2)
    for back in reversed(range(REPORTED_DAYS)):
        at = now - timedelta(days=back)
        for one in people:
            if one is away or (back == 0 and rng.random() < 0.15 and one not in ill):
                continue
            told = _ill(today) if one in ill[: 2 - min(back, 1)] and back < 2 else _well(policy, mode, rng)
            entry = write(
                session, one, work_day_of(one, at), told, policy=policy, mode=mode, source=EntrySource.SELF, now=at
            )  # fmt: skip
            case = FollowUp.open_for(session, entry, now=at)
            if case is not None and back == 1:
                session.flush()
                case.take(
                    StepKind.CONTACTED,
                    text="在家休息，下午去看医生",
                    now=at + timedelta(minutes=20),
                    by_id=manager.id,
                )


def _well(policy: Policy, mode: Mode, rng: Random) -> Report:
    questions = asked(policy, mode)
    answers: dict[str, tuple[str, ...]] = {q.field: (q.choices[0].value,) for q in questions if q.choices}
    if all(q.field != "temperature" for q in questions):
        return Report(Today.WELL, answers=answers)
    return Report(
        Today.WELL, celsius=Decimal(rng.randint(361, 369)).scaleb(-1), site=Site.FOREHEAD, answers=answers
    )


def _ill(today: date) -> Report:
    return Report(
        Today.ABSENT, celsius=Decimal("38.2"), site=Site.ARMPIT, symptoms=("cough", "sore_throat"), onset_on=today - timedelta(days=1),
        seen_doctor=False, look_back=False, shared=True,
    )  # fmt: skip


def _plan(session: Session, enterprise: Enterprise, now: datetime, manager: Account) -> None:
    year, today = local(now).year, local(now).date()
    plan = Plan.begin(enterprise, year, now=now, by_id=manager.id)
    session.add(plan)
    session.flush()
    for kind, title, first, last, target in PLANNED:
        plan.add(
            kind, title, date(year, *first), date(year, *last), responsible=manager.name, target=target, now=now,
            by_id=manager.id,
        )  # fmt: skip
    plan.issue(now=now, by_id=manager.id)
    session.flush()
    for one in plan.activities[:3]:
        if one.ends_on < today:
            one.complete(one.ends_on, 96, "按计划完成，记录已归档", now=now, by_id=manager.id)


def _who_keeps(town: Town, enterprise: Enterprise) -> Account | None:
    """Its chief health officer."""
    return next(
        (
            account
            for account in town.accounts.values()
            for one in account.appointments
            if one.post is Post.CHIEF_HEALTH_OFFICER and one.scope_id == enterprise.id
        ),
        None,
    )
