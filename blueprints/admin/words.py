"""The audit in words (审计用语): codes of actions, objects and details as an administrator reads them."""

from __future__ import annotations

import json
from typing import Any

from models.access import ACTION_LABELS, Post

OWN = {
    "account:sign-in": "登录",
    "account:first-step": "密码对，等验证码",
    "account:begin": "开设区和首批管理员",
    "district:facts": "补写区的公示信息",
    "backup:take": "备份",
    "backup:restore": "恢复备份",
    "demo:load": "装入演示数据",
    "retention:purge": "销毁到期登记",
    "account:accept": "接受邀请，开账号",
    "account:slip": "用重设单换密码",
    "device:pair": "配对值守设备",
    "shift:take_over": "接班",
    "own:pin": "设值守PIN码",
    "own:sign_out": "退出登录",
    "own:password": "改密码",
    "own:confirm": "确认本人",
    "own:second_factor": "改两步验证",
    "own:end_one_session": "退出一处登录",
    "own:end_other_sessions": "退出其他登录",
    "own:choose_post": "换岗位",
    "own:accept_as_me": "接受邀请",
    "health:identify": "扫企业二维码没有对上",
    "health:report": "填报每日健康",
    "health:take_over": "员工的入口登记记进健康档案",
    "visitor:delete": "访客删除自己的登记",
}
OBJECTS = {
    "account": "账号", "appointment": "任职", "place": "场所", "gate": "入口", "check_in": "登记", "invitation": "邀请",
    "login_session": "登录", "mode_order": "应急响应", "enterprise": "企业", "adoption": "采用方案", "street": "街道",
    "community": "社区", "unit": "责任单位", "clinic": "发热门诊", "district": "区", "hold": "暂缓销毁", "destruction": "销毁记录",
    "gate_device": "值守设备", "shift": "班次", "head_count": "数人头",
    "plan": "年度计划", "activity": "计划活动",
    "employee": "员工", "follow_up": "健康跟进",
    "evidence": "证明材料", "closure": "停产放假",
}  # fmt: skip
DETAILS = {
    "reason": "原因", "changes": "改动", "device": "设备", "second_step": "两步验证", "account": "账号编号", "username": "账号",
    "name": "姓名或名称", "post": "岗位", "scope": "范围类型", "scope_id": "范围编号", "term": "任期", "invitation": "邀请编号",
    "withdrawn": "撤回",
    "usernames": "账号", "appointment": "任职编号", "place": "场所编号", "gate": "入口编号", "code_version": "第几版码",
    "lines": "行数", "count": "条数", "filters": "筛选", "verified": "核对到第几行", "broken": "对不上的行", "mark": "末行摘要",
    "sessions": "处数", "session": "登录编号", "slip": "重设单编号", "kind": "类型", "id": "编号", "clinic": "门诊编号",
    "head_count": "数人头编号", "heads": "数到人数", "scans": "登记人数", "before": "原来", "written": "写法",
    "enterprise_id": "企业编号", "matched": "改好的登记", "reset": "回到未识别的登记",
    "disabled_reason": "原停用原因", "download": "下载", "by": "方式", "rule": "规则", "digest": "摘要",
    "document": "文号", "from": "起", "to": "止", "expires": "到期",
    "sha256": "SHA-256摘要", "dropped": "删除旧的", "taken_at": "备份时刻",
    "pin": "PIN码", "shift": "班次编号", "ended": "结束了谁的班", "pending": "待处理人数", "inside": "在场人数",
    "broken_devices": "坏了的设备", "read": "看过的班次",
    "visit": "到访编号", "how": "怎样离开", "undone": "撤销", "evacuation": "名单人数", "destruction": "销毁记录编号",
    "year": "年份", "copied": "沿用上年", "added": "增加", "done": "完成",
    "entry": "填报编号", "version": "第几次", "source": "来源", "subject": "谁的（编号）", "slips": "填报码张数", "part": "第几份",
    "enterprise": "企业编号", "work_on": "工作日", "follow_up": "跟进编号", "step": "办了什么", "reminded": "提醒人数",
    "names": "名单人数", "look": "看了什么",
    "team": "班组编号",
    "activity": "活动", "from_draft": "从草稿删去", "attached": "附上第几份材料", "removed": "删去第几份材料",
    "evidence": "取走第几份材料", "printed": "打印",
}  # fmt: skip


def action_words(action: str) -> str:
    return ACTION_LABELS.get(action) or OWN.get(action) or action


def object_words(kind: str) -> str:
    return OBJECTS.get(kind, kind)


def post_words(posts: str) -> str:
    """The posts column: codes with commas, as their names."""
    names = {p.value: p.label for p in Post}
    return "、".join(names.get(post, post) for post in posts.split(",") if post)


def detail_words(details: dict[str, Any]) -> list[tuple[str, str]]:
    """Details as pairs of words; a change as before → after."""
    found = []
    for name, value in details.items():
        if name == "changes" and isinstance(value, dict):
            found += [(f"改动{column}", _change(change)) for column, change in value.items()]
        else:
            found.append((DETAILS.get(name, name), _value(value)))
    return found


def _change(change: Any) -> str:
    if isinstance(change, list) and len(change) == 2:
        return f"{_value(change[0])}→{_value(change[1])}"
    return _value(change)


def _value(value: Any) -> str:
    if value is None or value == "":
        return "空"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, str):
        return next((p.label for p in Post if p.value == value), value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
