"""Forms of the health posts: appoint, end, hand over, confirm a position, file the management team."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from blueprints.web.fields import DayField, PhotoField, PlainLinesField, PlainTextField, RadioField, options
from models.posts import CHARTER

BY_ACCOUNT, BY_LINK = "account", "link"
WAYS = ((BY_LINK, "还没有账号，发邀请链接"), (BY_ACCOUNT, "已经有账号，直接任命"))


def _name(label: str) -> PlainTextField:
    return PlainTextField(label, [DataRequired(f"请填{label}"), Length(max=40, message=f"{label}最多40个字")])


def _known_as() -> StringField:
    return StringField("账号或完整手机号", [Length(max=100, message="账号或手机号最多100个字")])


def _reason() -> PlainLinesField:
    return PlainLinesField("原因", [DataRequired("请写一句原因"), Length(max=200, message="原因最多200个字")])


class _Position(FlaskForm):
    """Asked where the rule says who may hold the post; `models.posts.settled_position` judges it."""

    position = PlainTextField("职务", [Length(max=40, message="职务最多40个字")])
    confirmed = BooleanField("已核实")


class AppointForm(_Position):
    name = _name("姓名")
    way = RadioField("怎么任命", choices=options(WAYS), validators=[InputRequired("请选怎么任命")])
    known_as = _known_as()
    starts_on = DayField("任期从", [InputRequired("请填任期的开始日期")])
    ends_on = DayField("任期到（含当天）", [InputRequired("请填任期的结束日期")])
    licence_code = StringField("营业执照上的统一社会信用代码", [Length(max=40, message="信用代码是18位")])
    letter_seen = BooleanField("看过授权书：盖了公章，写的是这个人")
    photo = PhotoField("执照和授权书的照片（可以不传）")

    def validate_known_as(self, field: StringField) -> None:
        if self.way.data == BY_ACCOUNT and not (field.data or "").strip():
            raise ValidationError("请填这个人的账号或完整手机号")


class EndForm(FlaskForm):
    last_on = DayField("最后一天（不填就是现在起）", [Optional()])
    reason = _reason()


class HandOverForm(_Position):
    name = _name("接任人姓名")
    known_as = _known_as()
    last_on = DayField("现任的最后一天", [InputRequired("请填现任的最后一天")])
    ends_on = DayField("接任人的任期到（含当天）", [InputRequired("请填接任人任期的结束日期")])
    reason = _reason()

    def validate_known_as(self, field: StringField) -> None:
        if not (field.data or "").strip():
            raise ValidationError("请填接任人的账号或完整手机号")


class PositionForm(_Position):
    pass


class TeamForm(FlaskForm):
    leader = _name("负责人")
    deputy = _name("副负责人")
    charter = PlainLinesField("章程", [Length(max=CHARTER, message=f"章程最多{CHARTER}个字")])
    photo = PhotoField("章程的照片")
