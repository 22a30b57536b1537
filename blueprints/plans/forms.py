"""Forms of a plan: its goals, an activity, its end, the reason for leaving it out."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from blueprints.web.fields import DayField, PlainLinesField, PlainTextField, SelectField, WholeField, options
from models.plans import MOST_REACHED, ActivityKind

SHORT, LONG, GOALS, CAPTION = 60, 300, 500, 30


def _at_most(label: str, most: int) -> Length:
    return Length(max=most, message=f"{label}不超过{most}个字")


class GoalsForm(FlaskForm):
    goals = PlainLinesField("年度目标", [_at_most("年度目标", GOALS)])


class ActivityForm(FlaskForm):
    kind = SelectField(
        "类别",
        choices=options(((one.value, one.label) for one in ActivityKind), "还没有选"),
        validators=[DataRequired("请选一个类别")],
    )
    title = PlainTextField(
        "活动", [DataRequired("请写做什么，例如：秋季流感预防讲座"), _at_most("活动", SHORT)]
    )
    starts_on = DayField("开始日期", [InputRequired("请填开始日期")])
    ends_on = DayField("结束日期", [InputRequired("请填结束日期")])
    responsible = PlainTextField("负责人", [DataRequired("请写谁负责"), _at_most("负责人", SHORT)])
    target = PlainTextField("面向谁", [_at_most("面向谁", SHORT)])


class CompleteForm(FlaskForm):
    done_on = DayField("完成日期", [InputRequired("请填哪天完成的")])
    reached = WholeField(
        "参加人数",
        [
            InputRequired("请填多少人参加"),
            NumberRange(0, MOST_REACHED, message=f"参加人数是0到{MOST_REACHED:,}"),
        ],
        example="86",
    )
    result = PlainLinesField("做了什么，结果怎样", [DataRequired("请写一句结果"), _at_most("结果", LONG)])


class EvidenceForm(FlaskForm):
    file = FileField("文件", [FileRequired("请选一个文件")])
    words = PlainTextField("它是什么", [_at_most("说明", CAPTION)])


class CancelForm(FlaskForm):
    reason = PlainTextField("原因", [DataRequired("请写一句原因"), _at_most("原因", LONG)])
