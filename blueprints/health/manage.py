"""The manager's day (每日健康): who is not well comes first, then who has not reported, then everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import func, select

from blueprints.health import bp
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import Paging, paged
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.accounts import Account
from models.base import SHANGHAI, Labelled, RuleBroken, db, local
from models.cluster_alerts import hints
from models.cluster_rules import longest
from models.clusters import Signal
from models.enterprises import Enterprise
from models.follow_ups import FollowUp, cases_of
from models.health_entries import (
    CORRECTION_DAYS,
    Counts,
    EntryState,
    HealthEntry,
    asked,
    counts,
    history,
    mode_of,
    not_well,
    people_of,
    work_on,
)  # fmt: skip
from models.health_links import HealthReminder, last_reminder
from models.identifiers import Unreadable, mobile
from models.places import Community, District
from models.policy.schema import Mode, Policy

DAYS_BACK = 90
CASES_SHOWN = 10
PEOPLE_SHOWN = 20
LONGEST = 60
MOST_AT_ONCE = 30  # enterprises of one person on one page
AGAIN_AFTER = timedelta(minutes=10)  # who was just reminded is not reminded again by a second tap


class Who(Labelled):
    """Whom the list shows."""

    MISSING = "missing", "未报"
    UNWELL = "unwell", "异常和因病缺勤"
    ALL = "all", "全部"


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what an enterprise reports on a day. No policy: the district had adopted none."""

    on: date
    today: date
    mode: Mode
    policy: Policy | None

    @property
    def required(self) -> bool:
        """Whether everybody reports, or only the ill are entered (HLTH-10)."""
        return self.policy is not None and bool(asked(self.policy, self.mode))

    @property
    def is_today(self) -> bool:
        return self.on == self.today

    @property
    def open(self) -> bool:
        """Whether entries of this day may still be written."""
        return self.policy is not None and self.on >= self.today - timedelta(days=CORRECTION_DAYS)


def setting_on(enterprise: Enterprise, on: date) -> Setting:
    now = site.now()
    today = work_on(now)
    at = now if on == today else datetime.combine(on, time(12), SHANGHAI)
    return Setting(on, today, mode_of(db.session(), enterprise, at), policy_on(enterprise.district_id, on))


def others_of(enterprise: Enterprise | None = None) -> Sequence[Enterprise]:
    """The enterprises whose health the person at the door manages, but for this one; closed ones have no day any more."""
    mine = select(Enterprise).where(within_reach("health:manage", Enterprise), Enterprise.closed_at.is_(None))
    if enterprise is not None:
        mine = mine.where(Enterprise.id != enterprise.id)
    return db.session.scalars(mine.order_by(Enterprise.name, Enterprise.id).limit(MOST_AT_ONCE)).all()


def day_asked() -> tuple[date, str]:
    """The day that the address names, else today; and what is wrong with what it names."""
    today, text = work_on(site.now()), request.args.get("on", "").strip()
    if not text:
        return today, ""
    try:
        on = date.fromisoformat(text)
    except ValueError:
        return today, "没有看懂这个日期，请写成2026-11-20这样"
    if on > today:
        return today, "这一天还没有到"
    if on < today - timedelta(days=DAYS_BACK):
        return today, f"最多看{DAYS_BACK}天以前的"
    return on, ""


@bp.get("/enterprises/<int:enterprise_id>/health")
@needs("health:manage", Enterprise)
def day(enterprise: Enterprise) -> ResponseReturnValue:
    """One work day of an enterprise, in a fixed number of queries."""
    session, now = db.session(), site.now()
    on, wrong = day_asked()
    setting = setting_on(enterprise, on)
    numbers = counts(session, [enterprise.id], on)[enterprise.id]
    back = longest(setting.policy.clusters) if setting.policy else 1
    unwell = not_well(session, enterprise.id, on - timedelta(days=back - 1), on)
    who, text = _who(setting, numbers), _text()
    people = _people(enterprise, setting, who, text)
    reminder = last_reminder(session, enterprise.id)
    return page(
        "health/day.html", status=422 if wrong else 200, enterprise=enterprise, setting=setting, wrong=wrong,
        typed_day=request.args.get("on", "") if wrong else on.isoformat(), first=setting.today - timedelta(days=DAYS_BACK),
        numbers=numbers, at=now, who=who, text=text, longest=LONGEST, tabs=_tabs(setting, numbers),
        hints=hints(setting.policy, unwell, on) if setting.policy else [], signal_of=Signal,
        steps=setting.policy.clusters.immediate.steps if setting.policy else (),
        people=people, cases=session.scalars(cases_of(enterprise.id).limit(CASES_SHOWN)).all(),
        cases_total=session.scalar(select(func.count()).select_from(cases_of(enterprise.id).subquery())) or 0,
        case_of=_open_of([employee.id for employee, _entry in people.rows]),
        reminder=reminder if reminder and work_on(reminder.at) == on else None,
        reminded_by=session.get(Account, reminder.by_id) if reminder and reminder.by_id else None,
        days=history(session, enterprise.id, on), act=JustAct(formdata=None), mode_now=setting.mode.value,
        others=others_of(enterprise), **offices(enterprise),
    )  # fmt: skip


def offices(enterprise: Enterprise) -> dict[str, Any]:
    """Who is told of a suspected cluster or case (HLTH-8)."""
    session = db.session()
    return {
        "health_district": session.get(District, enterprise.district_id),
        "community": session.get(Community, enterprise.community_id) if enterprise.community_id else None,
    }


def _tabs(setting: Setting, numbers: Counts) -> list[tuple[Who, int]]:
    shown = [(Who.UNWELL, numbers.abnormal + numbers.absent_ill), (Who.ALL, numbers.expected)]
    return [(Who.MISSING, numbers.missing), *shown] if setting.required else shown


def _who(setting: Setting, numbers: Counts) -> Who:
    """The list that was asked for; else those who are missing, where there are any."""
    choices = [who for who, _number in _tabs(setting, numbers)]
    wanted = next((one for one in choices if one == request.args.get("who")), None)
    if wanted:
        return wanted
    return Who.MISSING if setting.required and numbers.missing else Who.ALL


def _text() -> str:
    return "".join(sign for sign in request.args.get("q", "") if sign.isprintable())[:LONGEST].strip()


def _people(enterprise: Enterprise, setting: Setting, who: Who, text: str) -> Paging:
    try:
        index = site.vault.blind(mobile(text), "mobile") if text else None
    except Unreadable:
        index = None
    query = people_of(
        db.session(), enterprise.id, setting.on, text=text, mobile_index=index, missing=who == Who.MISSING
    )
    if who == Who.UNWELL:
        query = query.where(HealthEntry.state != EntryState.NORMAL)
    found = paged(query, size=PEOPLE_SHOWN, scalars=False)
    if index is not None:  # who searches a number learns whose it is
        guard.seen(search="mobile", found=found.total)
    return found


def _open_of(employee_ids: list[int]) -> dict[int, int]:
    """Employee -> their open case."""
    rows = db.session.execute(
        select(FollowUp.employee_id, FollowUp.id).where(
            FollowUp.employee_id.in_(employee_ids), FollowUp.closed_at.is_(None)
        )
    )
    return {one.employee_id: one.id for one in rows}


@bp.post("/enterprises/<int:enterprise_id>/health/remind")
@needs("health:manage", Enterprise)
def remind(enterprise: Enterprise) -> ResponseReturnValue:
    """Everybody who has not reported today sees it when they open their link. A second tap reminds nobody twice."""
    if not JustAct().validate_on_submit():
        raise RuleBroken("这一页放得太久了，请刷新后再点提醒")
    session, now = db.session(), site.now()
    setting = setting_on(enterprise, work_on(now))
    if not setting.required:
        raise RuleBroken("现在不要求每天填报，不用提醒")
    missing = counts(session, [enterprise.id], setting.on)[enterprise.id].missing
    last = last_reminder(session, enterprise.id)
    if not missing:
        flash("今天都报了，不用提醒", "ok")
    elif last and now - last.at < AGAIN_AFTER:
        flash(f"{local(last.at):%H:%M}刚提醒过，{AGAIN_AFTER.seconds // 60}分钟内不重复提醒", "warn")
    else:
        session.add(
            HealthReminder(enterprise_id=enterprise.id, at=now, by_id=current_user.id, people=missing)
        )
        guard.commit(reminded=missing)
        flash(f"已提醒{missing}人，打开填报链接就会看到。还没有打开的，请把名单发到群里", "ok")
    return done(url_for("health.day", enterprise_id=enterprise.id, _anchor="people"))


@bp.get("/enterprises/<int:enterprise_id>/health/missing")
@needs("health:manage", Enterprise)
def missing_names(enterprise: Enterprise) -> ResponseReturnValue:
    """Who has not reported, as plain text for a chat group: names by department, nothing of health, no number (settled 4.6)."""
    on, _wrong = day_asked()
    setting = setting_on(enterprise, on)
    if not setting.required:
        raise RuleBroken("这一天不要求每天填报，没有未报名单")
    if counts(db.session(), [enterprise.id], on)[enterprise.id].summed:
        raise RuleBroken("这一天逐人的记录已经到期销毁，没有未报名单")
    rows = db.session.execute(people_of(db.session(), enterprise.id, on, missing=True)).all()
    names: dict[str, list[str]] = {}
    for employee, _entry in rows:
        names.setdefault(employee.department or "没有部门", []).append(employee.name)
    lines = [f"{department}（{len(some)}人）：{'、'.join(some)}" for department, some in names.items()]
    guard.seen(look="未报名单", names=len(rows), work_on=on)
    return page(
        "health/missing.html", enterprise=enterprise, setting=setting, number=len(rows), at=site.now(),
        text="\n".join([f"{on.month}月{on.day}日还没有填每日健康的，{len(rows)}人：", *lines, "请尽快填，谢谢。"]),
        lines=len(lines) + 2,
    )  # fmt: skip
