"""Forms of the office: an emergency, its end, adopting a scheme."""

from __future__ import annotations

from collections.abc import Callable

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length

from blueprints.web.fields import DayField, SelectField
from blueprints.web.site import site
from models.base import RuleBroken
from models.keeping import Hold

SHORT, LONG = 60, 300


def _text(label: str, missing: str, most: int = SHORT, area: bool = False) -> StringField:
    kind = TextAreaField if area else StringField
    return kind(
        label, validators=[DataRequired(missing), Length(max=most, message=f"{label}不超过{most}个字")]
    )


class ModeForm(FlaskForm):
    """`scope` is "street:3"; its choices are what the person may order for."""

    scope = SelectField("范围", validators=[DataRequired("请选择范围")])
    name = _text("名称", "请写名称，例如：桂湖街道应急响应")
    reason = _text("原因", "请写原因，企业和访客会看到", LONG, area=True)
    legal_basis = _text("依据", "请写依据的文件和条款", LONG)
    responsible = _text("负责人", "请写负责人的姓名和职务")
    planned_end_on = DayField(
        "预计结束日期", validators=[InputRequired("请填预计结束日期，到期会提醒，不会自动结束")]
    )


class ReasonForm(FlaskForm):
    reason = _text("原因", "请写一句原因", LONG, area=True)


class AdoptForm(FlaskForm):
    scheme = SelectField("采用哪份方案", validators=[DataRequired("请选择一份方案")])
    from_on = DayField("从哪天起", validators=[InputRequired("请填从哪天起采用，今天或以后")])


class HoldForm(FlaskForm):
    """`scope` is "district" or "place:3", `basis` "investigation" or "order:5"."""

    document = _text("批准文件", "请写批准文件的文号")
    reason = _text("原因", "请写为什么要暂缓，为什么必要", LONG, area=True)
    basis = SelectField("依据", validators=[DataRequired("请选择依据")])
    scope = SelectField("范围", validators=[DataRequired("请选择范围")])
    from_on = DayField("登记日期从", validators=[InputRequired("请填从哪天的登记起")])
    to_on = DayField("登记日期到", validators=[InputRequired("请填到哪天的登记为止")])
    expires_on = DayField("暂缓到", validators=[InputRequired("请填暂缓到哪天，最长一年")])

    def validate_to_on(self, field: DayField) -> None:
        if self.from_on.data is not None and field.data is not None:
            _asking(lambda: Hold.check_days(self.from_on.data, field.data))

    def validate_expires_on(self, field: DayField) -> None:
        if field.data is not None:
            _asking(lambda: Hold.check_expiry(field.data, site.now()))


def _asking(rule: Callable[[], None]) -> None:
    """A rule of the model, with its answer beside the field."""
    try:
        rule()
    except RuleBroken as refusal:
        raise ValidationError(str(refusal)) from None
