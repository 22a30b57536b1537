"""Forms of a notice: itself, an attachment, the reason for withdrawing it."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, ValidationError
from wtforms.validators import DataRequired, Length

from blueprints.web.fields import MultiCheckboxField, PlainLinesField, PlainTextField, SelectField, options
from models.notices import CAPTION_SIGNS, REASON_SIGNS, TEXT_SIGNS, TITLE_SIGNS, WRITTEN


def _at_most(label: str, most: int) -> Length:
    return Length(max=most, message=f"{label}不超过{most}个字")


class NoticeForm(FlaskForm):
    """`area` is "unit:5>street:3": in which post's scope, and where; its choices and those of `posts` are the person's."""

    kind = SelectField(
        "类别", choices=options(((one.value, one.label) for one in WRITTEN), "还没有选"),
        validators=[DataRequired("请选一个类别")],
    )  # fmt: skip
    title = PlainTextField(
        "标题", [DataRequired("请写标题，收到的人先看到它"), _at_most("标题", TITLE_SIGNS)]
    )
    text = PlainLinesField("正文", [DataRequired("请写正文"), _at_most("正文", TEXT_SIGNS)])
    area = SelectField(
        "发到哪里", choices={}, validators=[DataRequired("请选发到哪里")], validate_choice=False
    )
    posts = MultiCheckboxField(
        "发给哪些岗位", [DataRequired("请至少选一个收通知的岗位")], validate_choice=False
    )
    must_confirm = BooleanField("要对方确认“已阅知”")
    to_group = BooleanField("同时发到工作群")

    def validate_area(self, field: SelectField) -> None:
        if field.data not in {value for rows in field.choices.values() for value, _ in rows}:
            raise ValidationError("这个范围不归您，或者已经关闭，请重新选")

    def validate_posts(self, field: MultiCheckboxField) -> None:
        if not set(field.data) <= {value for value, _ in field.choices}:
            raise ValidationError("这里没有您选的岗位，请重新选")


class FileForm(FlaskForm):
    file = FileField("文件", [FileRequired("请选一个文件")])
    words = PlainTextField("它是什么", [_at_most("说明", CAPTION_SIGNS)])


class WithdrawForm(FlaskForm):
    reason = PlainTextField(
        "撤回的原因", [DataRequired("请写撤回的原因，收到的人会看到"), _at_most("原因", REASON_SIGNS)]
    )
