"""Forms of the archive. What a person is, is read by `models.employee_facts`; these only carry what was typed."""

from __future__ import annotations

import re
from datetime import time

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from blueprints.web.fields import (
    DayField,
    PlainLinesField,
    PlainTextField,
    RadioField,
    SelectField,
    WholeField,
    listed_number,
    options,
)
from models.employee_facts import DOCUMENT_KINDS, FIELDS
from models.health_file import MOST_TEXT, AbsenceKind, CheckUpKind
from models.policy.schema import WorkerKind

REASONS = {"contact": "联系本人", "verify": "核对资料", "care": "安排就医、体检", "tracing": "协助流调"}
EXPORT_REASONS = {"insure": "办理参保、体检", "verify": "核对资料", "tracing": "协助流调"}


def _one_of(words: str, choices: list[tuple[str, str]]) -> SelectField:
    return SelectField(words, choices=options(choices))


def _reason(words: str, choices: dict[str, str]) -> RadioField:
    return RadioField(words, choices=options(choices.items()), validators=[InputRequired("请选择原因")])


class EmployeeForm(FlaskForm):
    """One field for each of FIELDS but the last day, which is taken on its own page. The view fills in teams."""

    name = StringField(FIELDS["name"])
    number = StringField("工号（可以不填）")
    mobile = StringField(FIELDS["mobile"])
    document_kind = SelectField(
        FIELDS["document_kind"],
        choices=options(DOCUMENT_KINDS.items()),
        validate_choice=False,
        default="id_card",
    )
    document = StringField(FIELDS["document"])
    kind = SelectField(
        FIELDS["kind"],
        choices=options((k.value, k.label) for k in WorkerKind),
        validate_choice=False,
        default="own",
    )
    contract_firm = StringField("合同单位（派遣、外包时填）")
    department = StringField(FIELDS["department"])
    team = SelectField(FIELDS["team"], validate_choice=False)
    job = StringField(FIELDS["job"])
    premises_id = SelectField(
        "实际工作地点",
        coerce=listed_number,
        validate_choice=False,
    )
    hazards = StringField(FIELDS["hazards"])
    examined_on = StringField(FIELDS["examined_on"])
    dormitory = StringField("宿舍（楼号、房间，不住宿不填）")
    joined_on = StringField(FIELDS["joined_on"])
    confirmed = BooleanField("已经核对，资料没有错")

    def typed(self) -> dict[str, str]:
        return {key: self[key].data or "" for key in FIELDS if key in self}


class LeaveForm(FlaskForm):
    on = DayField("最后工作日", [InputRequired("请填最后工作日")])


class ComeBackForm(FlaskForm):
    on = DayField("返岗日期", [InputRequired("请填返岗日期")])


class RevealForm(FlaskForm):
    reason = _reason("为什么要看完整资料", REASONS)


class ExportForm(FlaskForm):
    reason = _reason("为什么要导出完整资料", EXPORT_REASONS)


class TeamForm(FlaskForm):
    name = PlainTextField("班组名称", [DataRequired("请填班组名称"), Length(max=30, message="最多30个字")])
    leader = PlainTextField("班组长（可以不填）", [Length(max=30, message="最多30个字")])
    day_begins = StringField("工作日从几点算起", default="04:00")

    begins: time = time(4)

    def validate_day_begins(self, field: StringField) -> None:
        match = re.fullmatch(r"([01]?[0-9]|2[0-3])[:：]([0-5][0-9])", (field.data or "").strip())
        if match is None:
            raise ValidationError(f"没有看懂“{(field.data or '')[:10]}”，写成24小时制，例如04:00")
        self.begins = time(int(match[1]), int(match[2]))


class AbsenceForm(FlaskForm):
    kind = _one_of("类别", [(k.value, k.label) for k in AbsenceKind])
    from_on = DayField("从", [InputRequired("请填开始日期")])
    until_on = DayField("到（含这一天，不确定就不填）", [Optional()])
    note = PlainLinesField("说明（可以不填）", [Length(max=MOST_TEXT, message=f"说明最多{MOST_TEXT}个字")])


class VaccinationForm(FlaskForm):
    vaccine = PlainTextField("疫苗", [DataRequired("请填疫苗名称"), Length(max=40, message="最多40个字")])
    dose = WholeField(
        "第几剂", [InputRequired("请填第几剂，例如1"), NumberRange(1, 20, "请填1到20之间的数")], default=1
    )
    on = DayField("接种日期", [InputRequired("请填接种日期")])


class CheckUpForm(FlaskForm):
    kind = _one_of("类别", [(k.value, f"{k.label}体检") for k in CheckUpKind])
    hazards = PlainTextField("针对的危害因素（可以不填）", [Length(max=100, message="最多100个字")])
    due_on = DayField("应检日期（计划时填）", [Optional()])
    done_on = DayField("检查日期（做完再填）", [Optional()])
    result = PlainLinesField("结论（可以不填）", [Length(max=MOST_TEXT, message=f"结论最多{MOST_TEXT}个字")])
    contraindicated = BooleanField("有职业禁忌，不能从事这个岗位")
    notified_on = DayField("书面告知本人的日期", [Optional()])
    next_on = DayField("下次体检日期（医院定的；不填按12个月算）", [Optional()])


class TravelForm(FlaskForm):
    from_on = DayField("出发日期", [InputRequired("请填出发日期")])
    until_on = DayField("返回日期（没回来不填）", [Optional()])
    place = PlainLinesField(
        "去了哪里", [DataRequired("请填地点"), Length(max=MOST_TEXT, message=f"最多{MOST_TEXT}个字")]
    )
    overseas = BooleanField("境外")


RECORD_FORMS: dict[str, tuple[str, type[FlaskForm]]] = {
    "absence": ("请假和排班", AbsenceForm),
    "vaccination": ("疫苗接种", VaccinationForm),
    "check-up": ("体检", CheckUpForm),
    "travel": ("旅居", TravelForm),
}
