"""Forms about oneself and about people one looks after."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField, TextAreaField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length

from blueprints.web.fields import DayField, MobileField, SelectField, UsernameField


class SignInForm(FlaskForm):
    username = StringField(
        "手机号或账号", [DataRequired("请填手机号或账号"), Length(max=100, message="最多100个字")]
    )
    password = PasswordField("密码", [InputRequired("请填密码"), Length(max=1000, message="密码太长")])
    next = HiddenField()


class CodeForm(FlaskForm):
    code = StringField(
        "6位验证码",
        [DataRequired("请填验证器上现在显示的6位数字"), Length(max=20, message="验证码是6位数字")],
    )


class ConfirmForm(FlaskForm):
    password = PasswordField("密码", [InputRequired("请填密码"), Length(max=1000, message="密码太长")])
    next = HiddenField()


def new_password() -> PasswordField:
    """What a form with a new password asks; `blueprints.accounts.choose` judges it."""
    return PasswordField("新密码", [InputRequired("请填新密码"), Length(max=1000, message="密码太长")])


def once_more() -> PasswordField:
    same = EqualTo("password", "两次填的新密码不一样，请重新填")
    return PasswordField("再填一次新密码", [InputRequired("请再填一次新密码"), same])


class PasswordForm(FlaskForm):
    old = PasswordField("现在的密码", [InputRequired("请填现在的密码"), Length(max=1000, message="密码太长")])
    password = new_password()
    repeat = once_more()


class PinForm(FlaskForm):
    """A guard's PIN for shared phones; `models.passwords.pin_objection` judges it."""

    password = PasswordField(
        "登录密码", [InputRequired("请填您的登录密码"), Length(max=1000, message="密码太长")]
    )
    pin = PasswordField(
        "新的6位PIN码", [InputRequired("请想一个6位PIN码"), Length(max=40, message="PIN码是6位数字")]
    )
    repeat = PasswordField(
        "再填一次PIN码", [InputRequired("请再填一次PIN码"), EqualTo("pin", "两次填的PIN码不一样，请重新填")]
    )


class EnrolForm(CodeForm):
    sealed = HiddenField()


class AcceptForm(FlaskForm):
    username = UsernameField("账号", [Length(max=32, message="账号最多32个字")])
    mobile = MobileField("手机号（可以不填）")
    password = new_password()
    repeat = once_more()


class LinkForm(FlaskForm):
    link = StringField(
        "邀请链接", [DataRequired("请粘贴邀请链接"), Length(max=500, message="链接太长，请只粘贴邀请链接")]
    )


class ForgottenForm(FlaskForm):
    username = StringField(
        "手机号或账号", [DataRequired("请填手机号或账号"), Length(max=100, message="最多100个字")]
    )
    code = StringField(
        "重设单上的8位码", [DataRequired("请填重设单上的8位码"), Length(max=40, message="重设码是8位")]
    )
    password = new_password()
    repeat = once_more()


class InviteForm(FlaskForm):
    """`scope_id` gets its choices from where the person may invite into this post."""

    name = StringField("姓名", [DataRequired("请填姓名"), Length(max=40, message="姓名最多40个字")])
    scope_id = SelectField("负责的范围", coerce=int)
    starts_on = DayField("任期从", [InputRequired("请填任期的开始日期")])
    ends_on = DayField("任期到（含当天）", [InputRequired("请填任期的结束日期")])


class ReasonForm(FlaskForm):
    reason = TextAreaField("原因", [DataRequired("请写原因"), Length(max=200, message="原因最多200个字")])


class MailForm(FlaskForm):
    """`models.mail_addresses.read_address` judges it."""

    address = StringField(
        "邮箱", [DataRequired("请填邮箱"), Length(max=300, message="邮箱太长，请看是不是多粘贴了")]
    )


class MailCodeForm(FlaskForm):
    code = StringField(
        "邮件里的6位验证码",
        [DataRequired("请填邮件里的6位验证码"), Length(max=20, message="验证码是6位数字")],
    )
