"""Forms of a place: searching entries, handling a case, looking at a number, mapping a spelling."""

from __future__ import annotations

from datetime import timedelta

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from blueprints.web.fields import DayField, RadioField, SelectField, listed_number, options
from models import looks
from models.cases import SORTS
from models.gate import Kind, Outcome
from models.honesty import LOOKS
from models.identifiers import Unreadable, celsius
from models.judging import Verdict

LONGEST = timedelta(days=31)  # days in one list: what a list costs must not grow with the years

REASONS = {code: words for code, (words, _english) in looks.REASONS.items()}


def one_of(field_label: str, choices: dict[str, str], **more) -> SelectField:
    """A drop-down list of a filter; its first line lets everything through."""
    return SelectField(field_label, choices=options(choices.items(), "不限"), default="", **more)


class EntryFilter(FlaskForm):
    """What to list. A GET form: it changes nothing and can be kept as a bookmark."""

    class Meta:
        csrf = False

    q = StringField("姓名、完整手机号或企业", [Length(max=60, message="最多60个字")])
    from_on = DayField("从", [Optional()])
    to_on = DayField("到", [Optional()])
    gate = SelectField("入口", coerce=listed_number, validate_choice=False)
    verdict = one_of("判定", {"abnormal": "禁止和注意", **{v.value: v.label for v in Verdict}})
    handled = one_of("处理", {"no": "未处理", "yes": "已处理"})
    kind = one_of("类别", {kind.value: kind.label for kind in Kind})
    marked = one_of("标记", {"yes": "有标记", "no": "没有标记"})
    celsius = StringField("体温℃", [Length(max=20, message="请填一个数，例如36.5")])
    look = one_of("核对", LOOKS)
    sort = SelectField(
        "排序",
        choices=options(zip(SORTS, ("最新在前", "最早在前", "最紧要在前", "体温高的在前"), strict=True)),
        default="newest",
    )

    tenths: int | None = None  # the temperature as rows keep it

    def validate_celsius(self, field: StringField) -> None:
        if not (field.data or "").strip():
            return
        try:
            self.tenths = int(celsius(field.data) * 10)
        except Unreadable as error:
            raise ValidationError(error.zh) from None

    def said(self) -> list[str]:
        """What narrows the list besides the days, in words."""
        words = [f"“{self.q.data.strip()}”"] if (self.q.data or "").strip() else []
        words += [f"体温{self.celsius.data.strip()}℃"] if (self.celsius.data or "").strip() else []
        for field in (self.gate, self.verdict, self.handled, self.kind, self.marked, self.look):
            words += [
                choice.label for choice in field.choices if choice.value and choice.value == str(field.data)
            ]
        return words

    def validate_to_on(self, field: DayField) -> None:
        if self.from_on.data is None or field.data is None:
            return
        if field.data < self.from_on.data:
            raise ValidationError("结束日期早于开始日期")
        if field.data - self.from_on.data >= LONGEST:
            raise ValidationError(f"一次最多看{LONGEST.days}天，请把日期选近一些")


# what a specialist may write; 门岗已劝离 is the guard's word
OUTCOMES = {o.value: o.label for o in Outcome if o != Outcome.TURNED_AWAY}


class HandleForm(FlaskForm):
    """The specialist's note on a case."""

    outcome = RadioField(
        "怎样处理的",
        choices=options(OUTCOMES.items()),
        validators=[InputRequired("请选择怎样处理的")],
    )
    text = TextAreaField("说明（继续跟进时必填）", [Length(max=500, message="说明最多500个字")])


class RevealForm(FlaskForm):
    """Why the whole name and number are needed."""

    reason = RadioField(
        "为什么要看姓名和手机号",
        choices=options(REASONS.items()),
        validators=[InputRequired("请选择查看的原因")],
    )


class MapForm(FlaskForm):
    """A spelling and the enterprise it means, or that it means none."""

    written = HiddenField("写法", [InputRequired("请从列表里选一个写法")])
    enterprise = StringField("对应的企业", [Length(max=100, message="最多100个字")])
    aside = SubmitField("不是企业")
