"""Forms of shared devices: making one, taking over, handing over."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length

from blueprints.web.fields import PlainLinesField, PlainTextField, RadioField, SelectField, options
from models.devices import LABEL_LENGTH, WORDS_LENGTH, DeviceKind


class DeviceForm(FlaskForm):
    """`gate_id` gets its choices from the gates within reach."""

    gate_id = SelectField("放在哪个入口", coerce=int)
    kind = RadioField(
        "是什么",
        choices=options((kind.value, kind.label) for kind in DeviceKind),
        validators=[InputRequired("请选手机还是平板")],
    )
    label = PlainTextField(
        "设备名称",
        validators=[
            DataRequired("请起个名字，例如：东门值守手机"),
            Length(max=LABEL_LENGTH, message=f"名称最多{LABEL_LENGTH}个字"),
        ],
    )


def _pin(label: str, missing: str) -> PasswordField:
    return PasswordField(label, [InputRequired(missing), Length(max=40, message="PIN码是6位数字")])


class PinForm(FlaskForm):
    pin = _pin("6位PIN码", "请填您的6位PIN码")


class FirstPinForm(FlaskForm):
    """The first time at any shared phone: the password once, and a PIN of one's own."""

    password = PasswordField(
        "登录密码", [InputRequired("请填您的登录密码"), Length(max=1000, message="密码太长")]
    )
    pin = _pin("新的6位PIN码", "请想一个6位PIN码")
    repeat = PasswordField(
        "再填一次PIN码", [InputRequired("请再填一次PIN码"), EqualTo("pin", "两次填的PIN码不一样，请重新填")]
    )


class HandOverForm(FlaskForm):
    broken = PlainTextField(
        "坏了的设备（没有就空着）", [Length(max=WORDS_LENGTH, message=f"坏了的设备最多写{WORDS_LENGTH}个字")]
    )
    note = PlainLinesField(
        "要跟下一班说的话（可以不填）", [Length(max=WORDS_LENGTH, message=f"留言最多写{WORDS_LENGTH}个字")]
    )
