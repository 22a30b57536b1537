"""Who may do what (权限): posts, the table of grants, and how far a person reaches.

`GRANTS` is the whole truth: an action that is not in it, nobody may take. `reach()` is the one condition behind lists
and doors alike, so that a list never shows what a door refuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, false, or_

from .base import Labelled


class Post(Labelled):
    """岗位. What each post's scope is stands in SCOPES."""

    CHIEF_HEALTH_OFFICER = "chief_health_officer", "首席健康官"
    HEALTH_MANAGER = "health_manager", "健康管理员"
    HEALTH_GUIDE = "health_guide", "健康指导员"
    GATE_GUARD = "gate_guard", "门岗"
    SPECIALIST = "specialist", "健康管理专员"
    UNIT_LIAISON = "unit_liaison", "单位联络员"
    COMMUNITY_LIAISON = "community_liaison", "社区联络员"
    TASK_FORCE = "task_force", "专班成员"
    SYSTEM_ADMIN = "system_admin", "系统管理员"
    SECURITY_ADMIN = "security_admin", "安全管理员"
    AUDIT_ADMIN = "audit_admin", "审计管理员"


P = Post
ADMINS = frozenset({P.SYSTEM_ADMIN, P.SECURITY_ADMIN, P.AUDIT_ADMIN})
ENTERPRISE_STAFF = frozenset({P.CHIEF_HEALTH_OFFICER, P.HEALTH_MANAGER})
OFFICERS = frozenset({P.UNIT_LIAISON, P.COMMUNITY_LIAISON, P.TASK_FORCE})

SCOPES: dict[Post, str] = {
    P.CHIEF_HEALTH_OFFICER: "enterprise",
    P.HEALTH_MANAGER: "enterprise",
    P.HEALTH_GUIDE: "enterprise",
    P.GATE_GUARD: "place",
    P.SPECIALIST: "place",
    P.UNIT_LIAISON: "unit",
    P.COMMUNITY_LIAISON: "community",
    P.TASK_FORCE: "district",
    P.SYSTEM_ADMIN: "district",
    P.SECURITY_ADMIN: "district",
    P.AUDIT_ADMIN: "district",
}

GRANTS: dict[str, frozenset[Post]] = {
    # the gate
    "gate:guard": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "entry:measure": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "entry:confirm": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "entry:record": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "visit:inside": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "visit:end": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "gate:count": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "gate:fault": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "sheet:print": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "sheet:fill": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "photo:remove": frozenset({P.GATE_GUARD, P.SPECIALIST}),
    "shift:hand_over": frozenset({P.GATE_GUARD}),
    # a place, by those who look after it
    "place:watch": frozenset({P.SPECIALIST}),
    "entry:handle": frozenset({P.SPECIALIST}),
    "entry:reveal": frozenset({P.SPECIALIST}),
    "entry:export": frozenset({P.SPECIALIST}),
    "spelling:map": frozenset({P.SPECIALIST}),
    "place:hours": frozenset({P.SPECIALIST}),
    "gate:print": frozenset({P.SPECIALIST, P.SYSTEM_ADMIN}),
    "gate:reissue": frozenset({P.SPECIALIST, P.SYSTEM_ADMIN}),
    "gate:pause": frozenset({P.SPECIALIST, P.SYSTEM_ADMIN}),
    "device:manage": frozenset({P.SPECIALIST}),
    "place:honesty": frozenset({P.SPECIALIST}),
    # the office
    "place:oversee": OFFICERS,
    "mode:see": OFFICERS | {P.SPECIALIST},
    "mode:order": frozenset({P.TASK_FORCE}),
    "policy:see": OFFICERS,
    "policy:adopt": frozenset({P.TASK_FORCE}),
    "retention:see": frozenset({P.TASK_FORCE, P.AUDIT_ADMIN}),  # numbers and days, nobody's data
    "retention:hold": frozenset({P.TASK_FORCE}),
    "enterprise:oversee": OFFICERS | {P.SPECIALIST},
    "enterprise:export": OFFICERS | {P.SPECIALIST},
    "filter:keep": OFFICERS | {P.SPECIALIST},
    "roster:see": OFFICERS | {P.SPECIALIST},
    "roster:export": OFFICERS | {P.SPECIALIST},
    "contact:see": OFFICERS | {P.SPECIALIST},
    "contact:write": OFFICERS | {P.SPECIALIST},
    "contact:reveal": OFFICERS | {P.SPECIALIST},
    "checklist:see": frozenset({P.TASK_FORCE, P.SYSTEM_ADMIN}),  # numbers, nobody's data
    "report:see": OFFICERS | {P.SPECIALIST},
    "report:export": OFFICERS | {P.SPECIALIST},
    "report:review": frozenset({P.SPECIALIST, P.UNIT_LIAISON, P.COMMUNITY_LIAISON}),
    "report:send_up": frozenset({P.SPECIALIST, P.UNIT_LIAISON, P.COMMUNITY_LIAISON}),
    "report:receive": frozenset({P.TASK_FORCE}),
    "report:remind": OFFICERS | {P.SPECIALIST},
    "burden:see": OFFICERS,  # sums, nobody's data
    "report:excuse": OFFICERS,
    "report:unlock": OFFICERS,
    # suspected clusters: reported by those who see them, judged by somebody else; named health stays with the enterprise
    "cluster:see": ENTERPRISE_STAFF | OFFICERS | {P.SPECIALIST},
    "cluster:report": ENTERPRISE_STAFF | {P.SPECIALIST},
    "cluster:report_place": frozenset({P.SPECIALIST}),
    "cluster:follow": ENTERPRISE_STAFF | OFFICERS | {P.SPECIALIST},
    "cluster:judge": OFFICERS | {P.SPECIALIST},
    "cluster:link": ENTERPRISE_STAFF,
    "cluster:handle": ENTERPRISE_STAFF | {P.SPECIALIST, P.UNIT_LIAISON, P.COMMUNITY_LIAISON},
    "cluster:export": OFFICERS | {P.SPECIALIST},
    "symptom:watch": OFFICERS | {P.SPECIALIST},
    "enterprise:edit": OFFICERS,
    "enterprise:register": OFFICERS,
    "register:import": OFFICERS,
    "enterprise:close": OFFICERS,
    "premises:move": OFFICERS | {P.SPECIALIST},
    # an enterprise's own house
    "enterprise:home": ENTERPRISE_STAFF,
    "post:see": ENTERPRISE_STAFF | OFFICERS | {P.SPECIALIST},
    "post:fill": frozenset({P.CHIEF_HEALTH_OFFICER, P.UNIT_LIAISON, P.COMMUNITY_LIAISON}),
    "post:check_papers": frozenset({P.UNIT_LIAISON, P.COMMUNITY_LIAISON}),
    "management_team:file": ENTERPRISE_STAFF,
    "enterprise:keep": ENTERPRISE_STAFF,
    "plan:draft": ENTERPRISE_STAFF,
    "plan:issue": frozenset({P.CHIEF_HEALTH_OFFICER}),
    "health:manage": ENTERPRISE_STAFF,
    "report:file": ENTERPRISE_STAFF,
    "closure:see": ENTERPRISE_STAFF | OFFICERS | {P.SPECIALIST},
    "closure:declare": ENTERPRISE_STAFF,
    "closure:object": frozenset({P.SPECIALIST, P.UNIT_LIAISON, P.COMMUNITY_LIAISON}),
    "employee:see": ENTERPRISE_STAFF,
    "employee:write": ENTERPRISE_STAFF,
    "employee:reveal": ENTERPRISE_STAFF,
    "employee:export": ENTERPRISE_STAFF,
    "employee:import": ENTERPRISE_STAFF,
    "import:handle": ENTERPRISE_STAFF | OFFICERS,  # each their own: a batch belongs to one scope
    # notices: written within one's own reach, read by those they are for
    "notice:write": OFFICERS | {P.SPECIALIST},
    "notice:read": frozenset(Post) - ADMINS,
    # responsibility letters: from the officers to the firm, and back
    "letter:track": OFFICERS,
    "letter:issue": OFFICERS,
    "letter:countersign": OFFICERS,
    "letter:void": OFFICERS,
    "letter:see": ENTERPRISE_STAFF | OFFICERS,
    "letter:sign": ENTERPRISE_STAFF,  # and only who is filed as a signer of the firm
    # people
    "portfolio:hand_over": OFFICERS | {P.SPECIALIST},
    "person:invite": OFFICERS | {P.SPECIALIST, P.SECURITY_ADMIN, P.CHIEF_HEALTH_OFFICER},
    "person:slip": OFFICERS | {P.SPECIALIST, P.SECURITY_ADMIN, P.SYSTEM_ADMIN, P.CHIEF_HEALTH_OFFICER},
    "account:manage": frozenset({P.SYSTEM_ADMIN}),
    "place:manage": frozenset({P.SYSTEM_ADMIN}),
    "configuration:see": frozenset({P.SYSTEM_ADMIN}),
    "appointment:manage": frozenset({P.SECURITY_ADMIN}),
    "security:set": frozenset({P.SECURITY_ADMIN}),
    "audit:read": frozenset({P.AUDIT_ADMIN}),
}

# The same actions as people call them: on the security administrator's matrix and in the audit.
ACTION_LABELS: dict[str, str] = {
    "gate:guard": "守门岗",
    "entry:measure": "测温、复测",
    "entry:confirm": "确认到场",
    "entry:record": "代登记",
    "visit:inside": "看谁在里面",
    "visit:end": "登记离开",
    "gate:count": "数人头",
    "gate:fault": "报体温计故障",
    "sheet:print": "打印纸质登记表",
    "sheet:fill": "补录纸质登记表",
    "photo:remove": "删除登记表照片",
    "shift:hand_over": "接班、交班",
    "place:watch": "看场所当天情况",
    "entry:handle": "处置异常登记",
    "entry:reveal": "查看完整手机号",
    "entry:export": "导出登记",
    "spelling:map": "整理去向写法",
    "place:hours": "设开放时间",
    "gate:print": "打印入口海报",
    "gate:reissue": "换新场所码",
    "gate:pause": "停用、启用入口",
    "device:manage": "管理值守手机和平板",
    "place:honesty": "看数据核对板",
    "place:oversee": "总览辖区场所",
    "mode:see": "看应急响应",
    "mode:order": "启动、结束应急响应",
    "policy:see": "看方案",
    "policy:adopt": "采用方案",
    "retention:see": "看保存与销毁记录",
    "retention:hold": "暂缓销毁",
    "enterprise:oversee": "看辖区企业",
    "enterprise:export": "导出辖区企业",
    "filter:keep": "存常用筛选",
    "roster:see": "看花名册和联系人",
    "roster:export": "导出花名册和联系人",
    "contact:see": "看联络记录",
    "contact:write": "记联络",
    "contact:reveal": "查看、拨打企业联系人手机号",
    "checklist:see": "看开通清单",
    "enterprise:home": "看本企业",
    "post:see": "看健康岗位",
    "post:fill": "任免健康岗位",
    "post:check_papers": "核对执照和授权书",
    "management_team:file": "备案健康管理团队",
    "portfolio:hand_over": "移交分管范围",
    "enterprise:edit": "改企业档案",
    "enterprise:register": "登记企业",
    "enterprise:close": "关闭企业、撤销关闭",
    "premises:move": "登记企业迁入、迁出",
    "enterprise:keep": "维护本企业档案",
    "plan:draft": "编制年度计划",
    "plan:issue": "发布年度计划",
    "health:manage": "管理每日健康",
    "report:file": "填报、更正本企业报送",
    "closure:see": "看停产放假",
    "closure:declare": "申报、缩短、撤回本企业的停产放假",
    "closure:object": "对停产放假提出异议",
    "report:see": "看辖区企业的报送",
    "report:export": "导出、打印报送情况",
    "report:review": "审核、退回报送",
    "report:send_up": "上报本单位、社区、场所的报送",
    "report:receive": "看、审核各单位的上报",
    "report:remind": "提醒企业报送",
    "burden:see": "看减负账",
    "report:excuse": "豁免报送",
    "report:unlock": "开报送的锁定例外",
    "cluster:see": "看聚集提示和疑似聚集报告",
    "cluster:report": "报告疑似聚集",
    "cluster:report_place": "报告场所的疑似聚集",
    "cluster:follow": "记疑似聚集的处置",
    "cluster:judge": "受理、核实、结束疑似聚集报告",
    "cluster:link": "关联本企业的健康跟进",
    "cluster:handle": "处理聚集提示",
    "cluster:export": "导出疑似聚集报告",
    "symptom:watch": "看症状曲线",
    "employee:see": "看本企业员工和健康档案",
    "employee:write": "登记、更改本企业员工",
    "employee:reveal": "查看员工完整资料",
    "employee:export": "导出本企业员工",
    "employee:import": "导入员工",
    "register:import": "导入企业名册",
    "import:handle": "核对、确认、撤销导入",
    "notice:write": "写通知、看谁读过",
    "notice:read": "看通知",
    "letter:track": "看责任书进度、提醒、打印",
    "letter:issue": "发责任书",
    "letter:countersign": "会签责任书、登记纸上签署",
    "letter:void": "作废责任书、备案签署人",
    "letter:see": "看责任书",
    "letter:sign": "签署责任书、撤回签署",
    "person:invite": "邀请人员",
    "person:slip": "开密码重设单",
    "account:manage": "管理账号",
    "place:manage": "管理场所与入口",
    "configuration:see": "看配置",
    "appointment:manage": "任命、免去岗位",
    "security:set": "改安全设置",
    "audit:read": "查阅、导出审计",
}

# Who may bring in whom (settled 3.3), and so whose password slip one may write: the post above, within its own reach.
INVITES: dict[Post, frozenset[Post]] = {
    P.SECURITY_ADMIN: frozenset({P.TASK_FORCE, P.SYSTEM_ADMIN, P.AUDIT_ADMIN, P.SECURITY_ADMIN}),
    P.TASK_FORCE: frozenset({P.UNIT_LIAISON, P.COMMUNITY_LIAISON, P.SPECIALIST}),
    P.UNIT_LIAISON: frozenset({P.SPECIALIST, P.CHIEF_HEALTH_OFFICER, P.HEALTH_MANAGER, P.HEALTH_GUIDE}),
    P.COMMUNITY_LIAISON: frozenset({P.SPECIALIST, P.CHIEF_HEALTH_OFFICER, P.HEALTH_MANAGER, P.HEALTH_GUIDE}),
    P.SPECIALIST: frozenset({P.GATE_GUARD}),
    P.CHIEF_HEALTH_OFFICER: frozenset({P.HEALTH_MANAGER}),
}


class Holds(Protocol):
    """What access needs to know of an appointment."""

    post: Any
    scope: str
    scope_id: int


def may(appointments: Iterable[Holds], action: str) -> bool:
    """Whether any of these appointments grants the action at all, wherever."""
    return any(a.post in GRANTS[action] for a in appointments)


def reach(appointments: Iterable[Holds], action: str, model: Any, now: datetime) -> ColumnElement[bool]:
    """The rows of `model` that these appointments let a person take `action` on at this instant."""
    conditions = [model.within_at(scope, ids, now) for scope, ids in scopes(appointments, action).items()]
    return or_(false(), *(c for c in conditions if c is not None))


def scopes(appointments: Iterable[Holds], action: str) -> dict[str, list[int]]:
    """Over what these appointments grant the action: the numbers by kind of scope."""
    found: dict[str, list[int]] = defaultdict(list)
    for appointment in appointments:
        if appointment.post in GRANTS[action]:
            found[appointment.scope].append(appointment.scope_id)
    return found


def may_invite(appointments: Iterable[Holds]) -> frozenset[Post]:
    return frozenset().union(*(INVITES.get(a.post, frozenset()) for a in appointments))
