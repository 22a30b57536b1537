"""Forms of an enterprise's file."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from blueprints.web.fields import (
    CreditCodeField,
    DayField,
    MomentField,
    PhoneField,
    PlainLinesField,
    PlainTextField,
    SelectField,
    WholeField,
    number_or_none,
    options,
)
from models.enterprises import MOST_PEOPLE
from models.initials import LONGEST
from models.sizes import Sector

MOST_MONEY = 100_000_000  # 万元


def _text(label: str, most: int, missing: str = "") -> PlainTextField:
    needed = [DataRequired(missing)] if missing else []
    return PlainTextField(label, [*needed, Length(max=most, message=f"{label}最多{most}个字")])


def _moment(label: str, missing: str) -> MomentField:
    return MomentField(label, [InputRequired(missing)], since=2000)


def _money(label: str) -> WholeField:
    within = NumberRange(0, MOST_MONEY, message=f"{label}按万元填，最多{MOST_MONEY:,}")
    return WholeField(f"{label}（万元，可以不填）", [Optional(), within])


class FactsForm(FlaskForm):
    name = _text("名称", 80, "请填企业名称，与证照一致")
    short_name = _text("简称", 30)
    initials = _text("简称的拼音首字母", LONGEST)
    legal_representative = _text("法定代表人", 40)
    sector = SelectField("行业", choices=options(((s.value, s.label) for s in Sector), "没有填"))
    revenue = _money("营业收入")
    assets = _money("资产总额")
    address = _text("地址", 100)


class ProfileForm(FactsForm):
    phone = PhoneField("电话（手机或座机，可以不填）")


class StandForm(FlaskForm):
    """The view fills in the choices from the district."""

    street_id = SelectField("街道", coerce=int)
    community_id = SelectField("社区", coerce=number_or_none)
    unit_id = SelectField("联络单位", coerce=number_or_none)


class FileForm(FactsForm, StandForm):
    pass


class RegisterForm(ProfileForm, StandForm):
    credit_code = CreditCodeField(
        "统一社会信用代码", [DataRequired("请填18位统一社会信用代码，营业执照上有")]
    )
    headcount = WholeField(
        "在册人数（可以以后填）",
        [Optional(), NumberRange(1, MOST_PEOPLE, message=f"人数填1到{MOST_PEOPLE}之间的整数")],
    )


class HeadcountForm(FlaskForm):
    number = WholeField("在册人数", [InputRequired("请填人数")])
    from_on = DayField("从哪天起", [InputRequired("请填从哪天起是这个人数")], since=2000)


class CloseForm(FlaskForm):
    closed_on = DayField("最后一天", [InputRequired("请填最后一天")], since=2000)
    reason = PlainLinesField(
        "原因", [DataRequired("请写关闭的原因"), Length(max=200, message="原因最多200个字")]
    )
    successor = PlainTextField("并入哪家企业（可以不填）", [Length(max=80, message="最多80个字")])


class MoveInForm(FlaskForm):
    """The view fills in the places."""

    place_id = SelectField("场所", [InputRequired("请选场所")], coerce=number_or_none)
    room = _text("房间", 30)
    at = _moment("从什么时候起", "请填从什么时候起")


class MoveOutForm(FlaskForm):
    at = _moment("什么时候迁出", "请填什么时候迁出")


class RoomForm(FlaskForm):
    room = _text("新房间", 30, "请填新房间")
    at = _moment("从什么时候起", "请填从什么时候起")
