"""Forms of the administrators."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length, Optional

from blueprints.web.fields import (
    CreditCodeField,
    DayField,
    MobileField,
    PhoneField,
    PlainTextField,
    RadioField,
    SelectField,
    UsernameField,
    number_or_none,
    options,
)
from models.passwords import Rule
from models.places import PlaceKind

NAME = [DataRequired("请填名称"), Length(max=40, message="名称最多40个字")]


class ReasonForm(FlaskForm):
    reason = TextAreaField("原因", [DataRequired("请写原因"), Length(max=200, message="原因最多200个字")])


class AccountForm(FlaskForm):
    name = StringField("姓名", [DataRequired("请填姓名"), Length(max=40, message="姓名最多40个字")])
    mobile = MobileField("手机号（可以不填）")


class NewAccountForm(AccountForm):
    username = UsernameField("账号", [Length(max=32, message="账号最多32个字")])


class PlaceForm(FlaskForm):
    """The view fills in the choices from the district."""

    kind = RadioField(
        "类型", choices=options((k.value, k.label) for k in PlaceKind), default=PlaceKind.BUILDING.value
    )
    name = StringField("名称", NAME)
    address = StringField("地址", [DataRequired("请填地址"), Length(max=100, message="地址最多100个字")])
    street_id = SelectField("街道", coerce=int)
    community_id = SelectField("社区", coerce=number_or_none)
    parent_id = SelectField("所在园区", coerce=number_or_none)
    unit_id = SelectField("责任单位", coerce=number_or_none)
    phone = StringField("专员电话", [Length(max=30, message="电话最多30个字")])


class GateForm(FlaskForm):
    name = StringField("入口名称", NAME)


class AreaForm(FlaskForm):
    name = StringField("名称", NAME)


class UnitForm(AreaForm):
    """What its responsibility letters say of it."""

    credit_code = CreditCodeField("统一社会信用代码")
    head = PlainTextField("负责人", [Length(max=40, message="姓名最多40个字")])
    address = PlainTextField("地址", [Length(max=100, message="地址最多100个字")])
    phone = PhoneField("办公电话")


class CommunityForm(AreaForm):
    street_id = SelectField("街道", coerce=int)


class ClinicForm(FlaskForm):
    name = StringField("名称", NAME)
    address = StringField("地址", [DataRequired("请填地址"), Length(max=100, message="地址最多100个字")])
    phone = StringField("电话", [DataRequired("请填电话"), Length(max=30, message="电话最多30个字")])
    hours = StringField(
        "开诊时间", [DataRequired("请填开诊时间，例如24小时"), Length(max=60, message="最多60个字")]
    )
    street_id = SelectField("街道", coerce=number_or_none)


class DistrictForm(FlaskForm):
    organiser = StringField("主办单位", [DataRequired("请填主办单位"), Length(max=60, message="最多60个字")])
    hotline = StringField("健康热线", [Length(max=30, message="电话最多30个字")])
    hotline_hours = StringField("热线时间", [Length(max=30, message="最多30个字")])
    contact = StringField("个人信息联系人", [Length(max=100, message="最多100个字")])

    def validate_hotline(self, field: StringField) -> None:
        if not (field.data or "").strip() and not (self.contact.data or "").strip():
            raise ValidationError("热线和联系人至少填一个：告知书要写明访客找谁")


class AppointForm(FlaskForm):
    scope_id = SelectField("负责的范围", coerce=int)
    starts_on = DayField("任期从", [DataRequired("请填任期的开始日期")])
    ends_on = DayField("任期到（含当天）", [DataRequired("请填任期的结束日期")])


class RulesForm(FlaskForm):
    password_rule = RadioField(
        "密码规则",
        choices=options(
            [
                (
                    Rule.CLASSIFIED.value,
                    "等保口径：至少8个字，大写、小写、数字、符号用3种，90天一换，不用最近5次的",
                ),
                (Rule.LONG.value, "长口令：至少15个字，不限种类，不用定期换"),
            ]
        ),
    )
    second_factor = BooleanField("联络员、专班成员和管理员必须开两步验证")


class RemoveSecondFactorForm(ReasonForm):
    username = StringField("账号", [DataRequired("请填账号"), Length(max=100, message="最多100个字")])


class AuditFilter(FlaskForm):
    """A GET form: what does not parse is said beside the field and left out."""

    class Meta:
        csrf = False

    since = DayField("从", [Optional()])
    until = DayField("到", [Optional()])

    def validate_until(self, field: DayField) -> None:
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError("结束日期早于开始日期")
