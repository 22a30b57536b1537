"""What the keys and the closed words of a pack are called in Chinese (各项名称), for officials who compare two schemes."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from enum import Enum
from types import MappingProxyType
from typing import Any

from models.policy.schema import Effect, Mode, WorkerKind

SEGMENT = re.compile(r"([^.\[\]]+)(?:\[([^\]]*)\])?")

# By the name of a field of the records in `schema`. A first part that a page says in its heading stands in no name.
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "scheme": "方案代号",
        "version": "版本",
        "title": "名称",
        "title_short": "简称",
        "status": "状态",
        "effective_on": "施行日期",
        "document": "文件",
        "source": "出处",
        "clause": "条款",
        "checked": "核对过的时间和地方",
        "mode": "响应状态",
        "measures_in_force": "测温、口罩等措施是否实行",
        # the gate's form
        "judged": "是否判定能否进入",
        "word": "通行证上有没有此刻口令",
        "pass_minutes": "通行证有效几分钟",
        "verdicts": "结果",
        "questions": "登记项",
        "choices": "选项",
        "field": "登记项代号",
        "value": "选项代号",
        "kind": "种类",
        "label": "文字",
        "label_en": "英文文字",
        "required": "是否必填",
        "hint": "填写说明",
        "hint_en": "英文填写说明",
        "effect": "选了以后",
        "reason": "写给访客的原因",
        "reason_en": "英文原因",
        "next_step": "告诉访客下一步",
        "next_step_en": "英文的下一步",
        # numbers
        "fever_celsius": "达到多少℃禁止进入",
        "low_celsius": "低于多少℃请复测",
        "floor_celsius": "低于多少℃请重新填写",
        "ceiling_celsius": "高于多少℃请重新填写",
        "recheck_minutes": "禁止进入后几分钟可以复测",
        "risk_area_days": "风险地区回看几天",
        "overseas_days": "境外回看几天",
        "check_in_days": "登记保存几天",
        "emergency_max_days": "应急期间最多保存几天",
        "visitor_may_delete": "访客能否提前删除自己的登记",
        "health_days": "员工健康信息保存几天",
        "open_case_days": "健康跟进几天没有进展按结束算",
        "leaver_days": "离职档案保存几天",
        "occupational_years": "职业健康监护档案在离职后保存几年",
        "contact_log_days": "联络记录保存几天",
        "plan_years": "年度计划在年度结束后保存几年",
        "letter_years": "责任书在到期或作废后保存几年",
        # staffing
        "lower_inclusive": "每档是否包括下限",
        "carry_over": "小档的岗位是否保留",
        "grace_days": "人数变化后几天内补齐",
        "counted_kinds": "算入人数的用工类型",
        "above": "多于几人",
        "upto": "到几人",
        "advised": "建议设的人数",
        "team": "是否要有健康管理团队",
        "by_representative": "是否由法定代表人担任健康管理员",
        "sentence": "一句话说明",
        "held_by": "由谁担任",
        "per_further": "人数再多时增设",
        "post": "增设的岗位",
        "step": "每多几人增设1名",
        "beyond": "从几人起算",
        # reporting, posts, places
        "period": "报送周期",
        "due_days_after": "期末以后几天截止",
        "due_time": "截止时刻",
        "locks_days_after_due": "截止以后几天锁定",
        "cut_off": "几点以前下令当天算",
        "opens_days_before_end": "期末几天以前开始填报",
        "soon_hours": "截止几小时以前算将到期",
        "moves_on_holidays": "截止在节假日时是否顺延",
        "jump_times": "数字是平常的几倍要说明",
        "jump_least": "数字至少多几个要说明",
        "jump_reports": "平常按最近几份报送算",
        "fields": "报送项",
        "key": "报送项代号",
        "group": "归在哪一组",
        "modes": "哪些响应状态下要报",
        "fill": "怎么填",
        "zero": "零报告时是不是0",
        "watched": "突然变多要不要说明",
        "at_most": "不能大于",
        "code": "岗位代号",
        "scope": "管理范围",
        "duty": "职责",
        "specialists_required": "至少几名健康管理专员",
        # clusters
        "immediate": "疑似聚集报告",
        "report_minutes": "发现后几分钟内报告",
        "accept_minutes": "报告后几分钟内受理",
        "tell": "马上告诉谁",
        "steps": "报告以外要做的",
        "signals": "看哪些症状",
        "diseases": "看医生说的哪些病",
        "look_back_days": "往前问几天",
        "mosquito": "是不是蚊子传的",
        "asks": "还要问什么",
        "signal": "算哪一类症状",
        "symptoms": "包括哪些症状",
        "rules": "提示",
        "subject": "按什么范围",
        "people": "达到几人",
        "days": "在几天内",
        "celsius": "体温达到多少℃",
        "firms": "至少几家企业",
        "figures": "报送数",
        "figure": "哪一项报送数",
        "absence": "因病缺勤比平常多",
        "times": "达到平常的几倍",
        "least": "至少几人",
        "usual_days": "平常按最近几个工作日算",
        "enough_days": "至少有几个工作日才比较",
        "curve": "症状曲线",
        "weeks": "显示几周",
        "usual_weeks": "平常范围按前几周算",
        "enough_weeks": "至少有几周才画平常范围",
        "deviations": "平常范围是平均上下几个标准差",
        "margin": "平常范围至少上下百分之几",
        "small": "少于几人不显示数字",
        # responsibility letters
        "months": "期限几个月",
        "aim": "目的",
        "basis": "依据的文件和条款",
        "unit_duties": "甲方职责",
        "firm_duties": "乙方职责",
        "term": "期限",
        "breach": "未履行职责的处理",
        "closing": "附则",
    }
)
IN_BANDS: Mapping[str, str] = MappingProxyType({"required": "必须设的人数"})
PER_FURTHER: Mapping[str, str] = MappingProxyType({"required": "必须设时零头", "advised": "建议设时零头"})

POSTS: Mapping[str, str] = MappingProxyType(
    {
        "chief_health_officer": "首席健康官",
        "health_manager": "健康管理员",
        "specialist": "健康管理专员",
        "unit_liaison": "单位联络员",
        "community_liaison": "社区联络员",
        "task_force": "专班",
        "gate_guard": "门岗",
        "health_guide": "健康指导员",
    }
)
ASKED: Mapping[str, str] = MappingProxyType(
    {
        "name": "姓名",
        "mobile": "手机号",
        "temperature": "体温",
        "mask": "口罩",
        "code_status": "健康码",
        "risk_area_14d": "风险地区旅居史",
        "overseas_21d": "境外旅居史",
        "symptoms": "症状",
        "enterprise": "去哪家企业",
        "purpose": "来做什么",
    }
)
ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        "yes": "是",
        "no": "否",
        "green": "绿码",
        "yellow": "黄码",
        "red": "红码",
        "unavailable": "打不开",
        "none": "都没有",
        "fever": "发热",
        "cough": "咳嗽",
        "sore_throat": "咽痛",
        "runny_nose": "鼻塞流涕",
        "headache": "头痛",
        "dizziness": "头晕",
        "fatigue": "乏力",
        "muscle_ache": "肌肉酸痛",
        "joint_pain": "关节痛",
        "rash": "皮疹",
        "red_eyes": "结膜充血",
        "swollen_parotid": "腮腺肿大",
        "abdominal_pain": "腹痛",
        "diarrhoea": "腹泻",
        "vomiting": "呕吐",
        "smell_taste_loss": "嗅味觉减退",
        "shortness_of_breath": "气促",
        "other": "其他",
    }
)
REPORTED: Mapping[str, str] = MappingProxyType(
    {
        "expected": "应到",
        "present": "实到",
        "absent_ill": "因病缺勤",
        "measured": "已测温",
        "fever": "发热",
        "symptoms": "有症状",
        "risk_area": "风险地区旅居",
        "overseas": "境外旅居",
        "code_yellow": "黄码",
        "code_red": "红码",
        "visitors": "来访登记",
        "visitors_travelled": "来访的旅居史",
        "vaccinated_full": "全程接种",
        "vaccinated_booster": "加强接种",
        "follow_ups_open": "未结跟进",
        "follow_ups_closed": "已结跟进",
    }
)
EFFECTS: Mapping[str, str] = MappingProxyType(
    {Effect.PASS: "可以进入", Effect.ATTENTION: "请门岗看", Effect.REFUSED: "禁止进入"}
)
SIGNALS: Mapping[str, str] = MappingProxyType(
    {
        "respiratory": "发热或呼吸道症状",
        "gut": "腹泻、呕吐",
        "rash": "皮疹",
        "red_eyes": "结膜充血",
        "swollen_parotid": "腮腺肿大",
    }
)
PLACES: Mapping[str, str] = MappingProxyType({"park": "园区", "building": "楼宇"})
LETTERS: Mapping[str, str] = MappingProxyType(
    {"enterprise": "企业责任书", "park_operator": "园区责任书", "building_operator": "楼宇责任书"}
)
MODES: Mapping[str, str] = MappingProxyType({mode.value: mode.label for mode in Mode})

# Of a field whose value is one of a closed list: what each of its words is called.
VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "status": {"in_force": "施行", "trial": "试行", "draft": "草案"},
        "period": {"day": "每天", "week": "每周", "month": "每月"},
        "scope": {
            "enterprise": "企业",
            "place": "园区、楼宇",
            "grid": "网格",
            "community": "社区",
            "unit": "责任单位",
            "district": "全区",
        },
        "kind": {
            **PLACES,
            **LETTERS,
            "name": "姓名",
            "mobile": "手机号",
            "temperature": "体温",
            "choice": "选一项",
            "choices": "可选几项",
            "enterprise": "企业名称",
            "text": "一行文字",
        },
        "effect": EFFECTS,
        "mode": MODES,
        "modes": MODES,
        "fill": {"computed": "按档案算好，不用填", "archive": "按档案填好，可以改", "fresh": "每次现填"},
        "key": {**REPORTED, **SIGNALS},
        "at_most": REPORTED,
        "figure": REPORTED,
        "signal": SIGNALS,
        "signals": SIGNALS,
        "symptoms": ANSWERS,
        "subject": {"group": "同一班组、宿舍", "enterprise": "同一企业", "place": "同一园区、楼宇"},
        "tell": POSTS,
        "counted_kinds": {kind.value: kind.label for kind in WorkerKind},
        "required": {"down": "不算", "up": "算1名"},
        "advised": {"down": "不算", "up": "算1名"},
        "post": POSTS,
        "code": POSTS,
        "field": ASKED,
        "value": ANSWERS,
    }
)
AREAS = (
    "gate",
    "thresholds",
    "look_back",
    "retention",
    "staffing",
    "posts",
    "places",
    "reporting",
    "report",
    "clusters",
    "letters",
)


def name_of(key: str) -> str:
    """A key as an official calls it, without its area: gate.normal.judged is 常态：是否判定能否进入.

    KeyError for a key that has no name: a test holds that every key of every shipped pack has one.
    """
    parts = [(field, item) for field, item in SEGMENT.findall(key)]
    words = list(_words_of(parts))
    front = [word for word in words if word in MODES.values()]
    first, *rest = front + [word for word in words if word not in front]
    return f"{first}：{'，'.join(rest)}" if rest else first


def _words_of(parts: list[tuple[str, str]]) -> Iterator[str]:
    for number, (field, item) in enumerate(parts):
        above = parts[number - 1][0] if number else ""
        if item:
            yield _item(field, item)
        elif number == 0 and field in AREAS:
            continue
        elif field in MODES:
            yield MODES[field]
        elif above in ("required", "advised", "held_by"):
            yield POSTS[field]
        elif above == "bands":
            yield IN_BANDS.get(field, FIELDS[field])
        elif above == "per_further":
            yield PER_FURTHER.get(field) or FIELDS[field]
        else:
            yield FIELDS[field]


def _item(field: str, item: str) -> str:
    if field == "bands":
        return f"{item}人以上（不含）一档"
    if field == "rules":
        return f"提示“{item}”"
    if field == "diseases":
        return f"病种“{item}”"
    named = {
        "signals": SIGNALS, "figures": REPORTED,
        "verdicts": EFFECTS, "questions": ASKED, "choices": ANSWERS, "posts": POSTS, "places": PLACES, "report": REPORTED,
        "letters": LETTERS,
    }[field]  # fmt: skip
    return (
        named[item]
        if field in ("posts", "places", "report", "letters")
        else f"{FIELDS[field]}“{named[item]}”"
    )


def value_of(key: str, value: Any) -> str | None:
    """A word of a closed list, a date or a time as people write it; None where the value speaks for itself."""
    if isinstance(value, bool):
        return None
    if isinstance(value, date):
        return f"{value.year}年{value.month}月{value.day}日"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    known = VALUES.get(SEGMENT.findall(key)[-1][0], {})
    listed = value if isinstance(value, tuple) else (value,)
    codes = [one.value if isinstance(one, Enum) else one for one in listed]
    if codes and all(isinstance(code, str) and code in known for code in codes):
        return "、".join(known[code] for code in codes)
    return None
