"""What a new district still needs, from its register to the first day at its gates (开通清单): each step's state as the tables have it.

A fixed number of queries, however large the district. It counts; it names nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from . import portfolio
from .access import Post
from .accounts import Account, Appointment
from .archive import Employee
from .base import local
from .enterprises import Enterprise, Premises
from .gate import CheckIn
from .invitations import Invitation
from .keeping import DaySum
from .places import Community, Gate, GateCode, Place, Street, Unit
from .policy.schema import Policy
from .portfolio import Lack


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how far it is (`stand`), and what is missing; nothing missing is done, once anything is there."""

    key: str
    title: str
    stand: str
    missing: str = ""
    begun: bool = True
    set_up: bool = False  # of the frame, no business of the people in it: administrators read it too

    @property
    def done(self) -> bool:
        return self.begun and not self.missing


@dataclass(frozen=True, slots=True)
class Ground:
    """A place that is open, and what stands and hangs there."""

    kind: str
    gates: int
    coded: int  # gates with a code in use
    specialists: int
    entered: bool  # somebody has registered here


def steps(session: Session, district_id: int, policy: Policy | None, now: datetime) -> list[Step]:
    """All steps in the order in which they are done."""
    today = local(now).date()
    counted = _counts(session, district_id, now)
    grounds = _grounds(session, district_id, now)
    within = Enterprise.district_id == district_id
    tally = portfolio.tally(session, within, portfolio.Basis.of(session, policy, today))
    firms, no_heads, lacking = tally.total, tally.lacking[Lack.HEADCOUNT], tally.lacking[Lack.POSTS]
    return [
        _scheme(policy),
        Step(
            "areas", "街道、社区、联络单位",
            f"{counted['streets']}个街道，{counted['communities']}个社区，{counted['units']}个单位",
            _lacks(("街道", not counted["streets"]), ("社区", not counted["communities"]), ("联络单位", not counted["units"])),
            begun=bool(counted["streets"]), set_up=True,
        ),
        *_places(grounds),
        Step(
            "register", "企业登记", f"{firms}家企业，{counted['seated']}家写了所在园区、楼宇",
            "还没有企业" if not firms else "", begun=firms > 0,
        ),
        Step(
            "headcount", "企业人数", f"{firms - no_heads}家已填，共{firms}家", f"{no_heads}家没有填人数" if no_heads else "",
            begun=firms > no_heads,
        ),
        Step(
            "liaisons", "联络员", f"{counted['unit_liaisons']}名单位联络员，{counted['community_liaisons']}名社区联络员",
            _lacks_liaisons(counted), begun=bool(counted["unit_liaisons"] or counted["community_liaisons"]),
        ),
        _specialists(grounds, policy),
        Step(
            "posts", "企业健康岗位", f"{counted['staffed']}家有健康岗位人员，共{firms}家",
            "先采用方案，才知道要设哪些岗位" if policy is None else f"{lacking}家缺岗位" if lacking else "",
            begun=counted["staffed"] > 0,
        ),
        Step(
            "invitations", "邀请", f"{counted['accepted']}份已接受，{counted['waiting']}份等待接受",
            f"{counted['expired']}份过期没有接受，要重新发" if counted["expired"] else "",
            begun=bool(counted["accepted"] or counted["waiting"]), set_up=True,
        ),
        _first_entries(grounds),
        Step(
            "employees", "员工档案", f"{counted['archives']}家建了员工档案，共{counted['employees']}人",
            f"{firms - counted['archives']}家还没有" if firms > counted["archives"] else "",
            begun=counted["archives"] > 0,
        ),
    ]  # fmt: skip


def _scheme(policy: Policy | None) -> Step:
    if policy is None:
        return Step("scheme", "采用方案", "今天没有实行中的方案", "还没有采用方案", begun=False, set_up=True)
    return Step("scheme", "采用方案", f"正在实行《{policy.title}》", set_up=True)


def _places(grounds: list[Ground]) -> list[Step]:
    gates, coded = sum(one.gates for one in grounds), sum(one.coded for one in grounds)
    without = sum(not one.gates for one in grounds)
    return [
        Step(
            "places", "园区、楼宇和入口", f"{len(grounds)}个场所，{gates}个入口",
            "还没有场所" if not grounds else f"{without}个场所没有入口" if without else "",
            begun=bool(gates), set_up=True,
        ),
        Step(
            "codes", "场所码", f"{coded}个入口有在用的码，共{gates}个入口",
            "还没有入口" if not gates else f"{gates - coded}个入口没有在用的码" if gates > coded else "",
            begun=coded > 0, set_up=True,
        ),
    ]  # fmt: skip


def _specialists(grounds: list[Ground], policy: Policy | None) -> Step:
    """As many as the scheme asks for at a place of that kind."""
    rules = {one.kind: policy.place(one.kind) if policy else None for one in grounds}
    short = [
        one for one in grounds if (rule := rules[one.kind]) and one.specialists < rule.specialists_required
    ]
    served = sum(one.specialists > 0 for one in grounds)
    missing = "还没有场所" if not grounds else f"{len(short)}个场所缺专员" if short else ""
    return Step(
        "specialists",
        "健康管理专员",
        f"{served}个场所有专员，共{len(grounds)}个场所",
        missing,
        begun=served > 0,
    )


def _first_entries(grounds: list[Ground]) -> Step:
    entered = sum(one.entered for one in grounds)
    silent = sum(not one.entered and one.coded > 0 for one in grounds)
    return Step(
        "entries", "第一次扫码登记", f"{entered}个场所有人登记过，共{len(grounds)}个场所",
        f"{silent}个场所的码还没有人扫过，看看海报贴好没有" if silent else "", begun=entered > 0,
    )  # fmt: skip


def _lacks(*tests: tuple[str, bool]) -> str:
    words = [word for word, missing in tests if missing]
    return f"还没有{'、'.join(words)}" if words else ""


def _lacks_liaisons(counted: dict[str, int]) -> str:
    words = [
        f"{counted[key]}个{word}没有联络员"
        for key, word in (("units_without", "单位"), ("communities_without", "社区"))
        if counted[key]
    ]
    return "，".join(words)


def _counts(session: Session, district_id: int, now: datetime) -> dict[str, int]:
    """Every number that needs no grouping, from one statement."""
    today = local(now).date()
    streets = select(Street.id).where(Street.district_id == district_id)
    here = Enterprise.district_id == district_id

    def number(model: Any, *where: ColumnElement[bool], of: Any = None) -> Any:
        what = func.count() if of is None else func.count(of.distinct())
        return select(what).select_from(model).where(*where).scalar_subquery()

    def serving(post: Post, scope: str, ids: Any) -> list[ColumnElement[bool]]:
        accounts = select(Account.id).where(Account.disabled_at.is_(None), Account.district_id == district_id)
        return [
            Appointment.post == post, Appointment.scope == scope, Appointment.scope_id.in_(ids),
            Appointment.serving(today), Appointment.account_id.in_(accounts),
        ]  # fmt: skip

    units = select(Unit.id).where(Unit.district_id == district_id)
    communities = select(Community.id).where(Community.street_id.in_(streets))
    firms = select(Enterprise.id).where(here)
    unit_liaisons = serving(Post.UNIT_LIAISON, "unit", units)
    community_liaisons = serving(Post.COMMUNITY_LIAISON, "community", communities)
    staffed = [
        or_(*(Appointment.post == post for post in (Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER))),
        *serving(Post.HEALTH_MANAGER, "enterprise", firms)[1:],
    ]
    invited = Invitation.district_id == district_id
    lapsed = [
        invited,
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
        Invitation.expires_at <= now,
    ]
    queries = {
        "streets": number(Street, Street.district_id == district_id),
        "communities": number(Community, Community.street_id.in_(streets)),
        "units": number(Unit, Unit.district_id == district_id),
        "seated": number(Premises, Premises.enterprise_id.in_(firms), Premises.holding(now), of=Premises.enterprise_id),
        "unit_liaisons": number(Appointment, *unit_liaisons, of=Appointment.account_id),
        "community_liaisons": number(Appointment, *community_liaisons, of=Appointment.account_id),
        "units_without": number(
            Unit, Unit.district_id == district_id, Unit.id.not_in(select(Appointment.scope_id).where(*unit_liaisons))
        ),
        "communities_without": number(
            Community, Community.street_id.in_(streets),
            Community.id.not_in(select(Appointment.scope_id).where(*community_liaisons)),
        ),
        "staffed": number(Appointment, *staffed, of=Appointment.scope_id),
        "waiting": number(Invitation, invited, Invitation.waiting(now)),
        "accepted": number(Invitation, invited, Invitation.accepted_at.is_not(None)),
        "expired": number(Invitation, *lapsed),
        "employees": number(Employee, Employee.enterprise_id.in_(firms), Employee.working(today)),
        "archives": number(Employee, Employee.enterprise_id.in_(firms), Employee.working(today), of=Employee.enterprise_id),
    }  # fmt: skip
    row = session.execute(select(*queries.values())).one()
    return dict(zip(queries, row, strict=True))


def _grounds(session: Session, district_id: int, now: datetime) -> list[Ground]:
    """Every open place of the district, from one statement."""

    def number(query: Any) -> Any:
        return query.correlate(Place).scalar_subquery()

    gates = select(func.count()).select_from(Gate).where(Gate.place_id == Place.id)
    coded = (
        select(func.count())
        .select_from(GateCode)
        .join(Gate, Gate.id == GateCode.gate_id)
        .where(Gate.place_id == Place.id, GateCode.revoked_at.is_(None))
    )
    specialists = (
        select(func.count())
        .select_from(Appointment)
        .join(Account, Account.id == Appointment.account_id)
        .where(
            Appointment.post == Post.SPECIALIST, Appointment.scope == "place", Appointment.scope_id == Place.id,
            Appointment.serving(local(now).date()), Account.disabled_at.is_(None),
        )
    )  # fmt: skip
    rows = select(CheckIn.id).where(CheckIn.place_id == Place.id).correlate(Place).exists()
    sums = select(DaySum.id).where(DaySum.place_id == Place.id).correlate(Place).exists()
    query = select(Place.kind, number(gates), number(coded), number(specialists), or_(rows, sums)).where(
        Place.district_id == district_id, Place.closed_at.is_(None)
    )
    return [Ground(kind.value, *numbers) for kind, *numbers in session.execute(query)]
