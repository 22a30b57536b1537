"""The people of the demo's enterprises (演示员工): who works where, a file that was imported, a plan of the year, a firm that has gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, joinedload

from models.access import Post
from models.accounts import Account
from models.archive import Employee, Team
from models.base import local
from models.batch_work import Line
from models.batches import Batch, BatchKind, BatchPart, BatchState
from models.demo import daily, examining
from models.demo.people import Mobiles, credit_code, draw_name
from models.demo.town import SETTLED, Town
from models.employee_rows import EmployeeRows
from models.enterprises import Enterprise, Premises
from models.initials import initials_of
from models.plans import ActivityKind, Plan
from models.policy.book import Book
from models.policy.schema import WorkerKind
from models.vault import Vault

MOST_ON_FILE = 55  # of an enterprise whose archive has just been begun
ON_FILE = {
    "青禾生物": 240,
    "微澜传感": 200,
    "听雨软件": 201,
    "铁铧机床": 120,
    "云锦零部件": 120,
}  # and of these
PLANNING = "青禾生物"
SITS = "云溪商务大厦"
DEPARTMENTS = ("生产部", "质量部", "研发中心", "仓储物流", "行政人事", "市场部")
JOBS = ("操作工", "检验员", "工程师", "仓管员", "专员", "销售代表")
PLANNED = (
    (ActivityKind.CHECK_UP, "年度健康体检", (4, 1), (5, 31), "全体员工"),
    (ActivityKind.EDUCATION, "颈椎腰椎保护讲座", (6, 10), (6, 10), "办公室员工"),
    (ActivityKind.DRILL, "急救和疏散演练", (9, 15), (9, 15), "各班组"),
    (ActivityKind.MIND, "心理健康咨询日", (11, 1), (11, 30), "全体员工"),
    (ActivityKind.EDUCATION, "冬季呼吸道防护", (12, 1), (12, 20), "全体员工"),
)
IMPORTED, FAULTY = 12, "1380013"  # new people in the file, and a mobile that lacks signs


def staff(
    session: Session, town: Town, book: Book, vault: Vault, now: datetime, *, seed: str, mobiles: Mobiles, days: int
) -> int:  # fmt: skip
    """Puts people on file at every enterprise with a head count; how many. The same seed gives the same people."""
    rng, policy = Random(f"{seed}/staff"), book.get(town.sketch.scheme_key)
    teams = _teams(session, town, rng)
    rows = [
        row
        for enterprise in town.enterprises.values()
        for row in _people_of(enterprise, teams.get(enterprise.id, []), vault, now, rng, mobiles)
    ]
    session.execute(insert(Employee), rows)
    for short in dict.fromkeys((*daily.REPORTING, *examining.EXPOSED, PLANNING)):
        enterprise = town.enterprises[short]
        people, keeper = _on_file(session, enterprise), _who_keeps(town, enterprise)
        if short in examining.EXPOSED:
            examining.examine(session, people, examining.EXPOSED[short], now, rng, keeper)
        if short in daily.REPORTING:
            daily.report(session, enterprise, people, policy, now, rng, keeper, days=days)
        if short == PLANNING:
            _plan(session, enterprise, now, keeper)
            _import(session, enterprise, vault, now, rng, mobiles, keeper)
    session.flush()
    return session.scalar(select(func.count()).select_from(Employee)) or 0


def close_one(session: Session, town: Town, now: datetime) -> None:
    """An enterprise that closed two months ago: its file stays to be read, nobody looks after it any more."""
    home, since = town.places[SITS], now - SETTLED
    gone = Enterprise(
        district_id=town.district.id, street_id=home.street_id, community_id=home.community_id, unit_id=home.unit_id,
        name="云溪旧时光音像制品有限公司", short_name="旧时光音像", initials=initials_of("旧时光音像", words=True),
        credit_code=credit_code(900, organ=town.sketch.organ),
    )  # fmt: skip
    gone.set_headcount(16, local(since).date(), now=since, by_id=None)
    gone.premises.append(Premises(place_id=home.id, room="5层", from_at=since))
    session.add(gone)
    session.flush()
    closed = now - timedelta(days=60)
    gone.close(local(closed).date(), "租约到期，公司注销", now=closed)
    session.flush()


def heads_on_file(enterprise: Enterprise) -> int:
    """How many of its people the archive has."""
    return min(enterprise.headcount or 0, ON_FILE.get(enterprise.short_name, MOST_ON_FILE))


def _teams(session: Session, town: Town, rng: Random) -> dict[int, list[Team]]:
    """Three shifts at every enterprise that has somebody for each."""
    teams: dict[int, list[Team]] = {}
    for one in town.enterprises.values():
        made = [Team(enterprise_id=one.id, name=name, leader=draw_name(rng)) for name in ("早班", "中班")]
        made.append(Team(enterprise_id=one.id, name="夜班", leader=draw_name(rng), day_begins=time(12)))
        if heads_on_file(one) >= len(made):
            teams[one.id] = made
    session.add_all(team for made in teams.values() for team in made)
    session.flush()
    return teams


def _people_of(
    enterprise: Enterprise, teams: Sequence[Team], vault: Vault, now: datetime, rng: Random, mobiles: Mobiles
) -> Iterator[dict[str, Any]]:
    hazards = examining.EXPOSED.get(enterprise.short_name, "")
    for number in range(1, heads_on_file(enterprise) + 1):
        name, mobile, where = draw_name(rng), mobiles.draw(), rng.randrange(len(DEPARTMENTS))
        kind = rng.choices((WorkerKind.OWN, WorkerKind.DISPATCHED, WorkerKind.INTERN), (18, 3, 1))[0]
        yield {
            "enterprise_id": enterprise.id, "name": name, "initials": initials_of(name), "number": f"{number:04}", "kind": kind,
            "contract_firm": "云溪人力服务公司" if kind is WorkerKind.DISPATCHED else "", "document_kind": "", "mobile": mobile,
            "mobile_index": vault.blind(mobile, "mobile"), "department": DEPARTMENTS[where], "job": JOBS[where],
            "hazards": hazards if where == 0 else "",
            "team_id": rng.choice(teams).id if where in (0, 3) and teams else None,
            "dormitory": f"{rng.randint(1, 3)}栋{rng.randint(101, 620)}" if rng.random() < 0.2 else "",
            "joined_on": local(now).date() - timedelta(days=rng.randint(40, 3000)), "added_at": now, "changed_at": now,
        }  # fmt: skip


def _on_file(session: Session, enterprise: Enterprise) -> Sequence[Employee]:
    found = select(Employee).where(Employee.enterprise_id == enterprise.id).order_by(Employee.number)
    return session.scalars(found.options(joinedload(Employee.team))).all()


def _import(
    session: Session, enterprise: Enterprise, vault: Vault, now: datetime, rng: Random, mobiles: Mobiles, keeper: Account
) -> None:  # fmt: skip
    """A file of new people that was taken over two days ago and may still be taken back; one row could not be taken."""
    sent = now - timedelta(days=2, hours=1)
    batch = Batch.receive(
        vault, BatchKind.EMPLOYEES, "enterprise", enterprise.id, name="11月新入职.xlsx", content=b"", by=keeper, now=sent
    )  # fmt: skip
    batch.upload, batch.previewed_at, batch.applied_at = None, sent, sent + timedelta(minutes=6)
    session.add(batch)
    session.flush()
    joined = f"{local(sent).date() - timedelta(days=1):%Y/%m/%d}"
    lines = [
        Line(number, {"name": draw_name(rng), "mobile": mobiles.draw(), "number": f"N{number:03}", "department": "市场部",
                      "job": "销售代表", "joined_on": joined}, {})
        for number in range(2, IMPORTED + 2)
    ]  # fmt: skip
    lines.append(Line(IMPORTED + 2, {"name": draw_name(rng), "mobile": FAULTY, "joined_on": joined}, {}))
    importer = EmployeeRows(batch, vault, batch.applied_at)
    rows = importer.judge(session, lines)
    importer.apply(session, rows)
    part = BatchPart(batch_id=batch.id, number=0, applied=True)
    part.put(vault, rows)
    batch.state, batch.done, batch.total = BatchState.DONE, len(rows), len(rows)
    batch.news, batch.changes, batch.sames, batch.errors = part.news, part.changes, part.sames, part.errors
    session.add(part)


def _plan(session: Session, enterprise: Enterprise, now: datetime, keeper: Account) -> None:
    year, today = local(now).year, local(now).date()
    plan = Plan.begin(enterprise, year, now=now, by_id=keeper.id)
    session.add(plan)
    session.flush()
    for kind, title, first, last, target in PLANNED:
        plan.add(
            kind, title, date(year, *first), date(year, *last), responsible=keeper.name, target=target, now=now,
            by_id=keeper.id,
        )  # fmt: skip
    plan.issue(now=now, by_id=keeper.id)
    session.flush()
    for one in plan.activities[:3]:
        if one.ends_on < today:
            one.complete(one.ends_on, 96, "按计划完成，记录已归档", now=now, by_id=keeper.id)


def _who_keeps(town: Town, enterprise: Enterprise) -> Account:
    """Who looks after its archive: its chief health officer, or its health manager."""
    posts = (Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER)
    held = [
        (posts.index(one.post), account.id, account)
        for account in town.accounts.values()
        for one in account.appointments
        if one.post in posts and one.scope_id == enterprise.id
    ]
    return min(held)[2]
