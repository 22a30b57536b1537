"""Form fields that say in Chinese what is wrong (表单字段)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    DateField,
    DateTimeLocalField,
    Field,
    IntegerField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms import RadioField as PlainRadioField
from wtforms import SelectField as PlainSelectField
from wtforms import SelectMultipleField as PlainSelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from models import photographs
from models.accounts import Account
from models.base import SHANGHAI, RuleBroken
from models.identifiers import Unreadable, credit_code, is_invisible, landline, mobile


def ticked(name: str) -> list[int]:
    """The numbers of the rows that a form has ticked under this name, in their order, each once; what is no number is none."""
    found = request.form.getlist(name)
    return list(dict.fromkeys(int(one) for one in found if one.isascii() and one.isdigit() and len(one) < 10))


def options(pairs: Iterable[tuple[Any, str]], empty: str | None = None) -> list[SelectChoice]:
    """What a SelectField offers, value and words; `empty` are the words of choosing none."""
    first = [] if empty is None else [SelectChoice("", empty)]
    return first + [SelectChoice(value, words) for value, words in pairs]


def number_or_none(value: str | int | None) -> int | None:
    """For `coerce`: the number of what was chosen, nothing for the empty line."""
    return int(value) if value else None


def listed_number(value: str | int | None) -> int | None:
    """For `coerce` where nobody is told of a wrong choice: what is no number is none."""
    return int(value) if str(value).isdigit() else None


class _Chosen(Field):
    """What is not on offer is refused in Chinese."""

    refusal = "请从列表里选一项"

    def pre_validate(self, form: FlaskForm) -> None:
        try:
            super().pre_validate(form)
        except ValidationError:
            raise ValidationError(self.refusal) from None

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(self.refusal) from None


class SelectField(_Chosen, PlainSelectField):
    """A drop-down list."""


class RadioField(_Chosen, PlainRadioField):
    """A few to choose from, all of them to be seen."""

    refusal = "请从这几项里选一项"


class SelectMultipleField(_Chosen, PlainSelectMultipleField):
    """Several out of a list."""


class JustAct(FlaskForm):
    """A button: nothing but the token."""


class PlainTextField(StringField):
    """Words in one line, without signs that nobody sees. Say how long with Length."""

    breaks = ""  # what may stand in it although nobody sees it

    def pre_validate(self, form: FlaskForm) -> None:
        self.data = unicodedata.normalize("NFC", (self.data or "").replace("\r\n", "\n")).strip()
        if any(is_invisible(sign) and sign not in self.breaks for sign in self.data):
            raise ValidationError("里面有看不见的符号，请删掉重新输入")


class PlainLinesField(PlainTextField, TextAreaField):
    """The same in several lines."""

    breaks = "\n"


class MultiCheckboxField(SelectMultipleField):
    """Any number of choices, each a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class _Dated(Field):
    """An error in words that quotes what was typed. A mistyped year is a mistake, and some years no clock can hold.

    `since`: the first year that is taken.
    """

    written = ""

    def __init__(self, *arguments: Any, since: int = 1950, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.since = since

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = " ".join(valuelist).strip()
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(f"没有看懂“{typed[:20]}”，{self.written}") from None
        if self.data is not None and not self.since <= self.data.year < 2100:
            year, self.data = self.data.year, None
            raise ValueError(f"年份不会是{year}年，请核对")


class DayField(_Dated, DateField):
    """A date."""

    written = "日期写成2026-11-20"


class MomentField(_Dated, DateTimeLocalField):
    """A day and a time on the clock in Shanghai."""

    written = "时间写成2026-11-20 09:30"

    def __init__(self, *arguments: Any, **more: Any) -> None:
        formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        super().__init__(*arguments, format=formats, **more)

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        if self.data is not None:
            self.data = self.data.replace(tzinfo=SHANGHAI)


class WholeField(IntegerField):
    """A whole number, thousands with a comma or not: a text box, for a number box takes no comma.

    `example` stands in what is said of a word.
    """

    widget = TextInput()

    def __init__(self, *arguments: Any, example: str = "1", **more: Any) -> None:
        super().__init__(*arguments, render_kw={"inputmode": "numeric"}, **more)
        self.example = example

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = unicodedata.normalize("NFKC", valuelist[0]).replace(",", "").strip() if valuelist else ""
        self.data = None
        if not typed:
            return
        if not re.fullmatch(r"-?[0-9]+", typed):
            raise ValueError(f"没有看懂“{valuelist[0].strip()[:20]}”，请填整数，例如{self.example}")
        self.data = int(typed[:15])  # longer than any limit; what is too large says so


class UsernameField(StringField):
    """A new username, in the spelling that is kept."""

    def pre_validate(self, form: FlaskForm) -> None:
        try:
            probe = Account()
            probe.choose_username(self.data or "")
        except RuleBroken as error:
            raise ValidationError(str(error)) from None
        self.data = probe.username


class PhoneField(StringField):
    """A mobile or a landline, or nothing."""

    def pre_validate(self, form: FlaskForm) -> None:
        typed = (self.data or "").strip()
        if not typed:
            self.data = ""
            return
        try:
            self.data = landline(typed) if typed.startswith(("0", "０")) else mobile(typed)
        except Unreadable as error:
            raise ValidationError(str(error)) from None


class CreditCodeField(StringField):
    """A unified social credit code (统一社会信用代码), or nothing, as `identifiers.credit_code` writes it."""

    def pre_validate(self, form: FlaskForm) -> None:
        self.data = (self.data or "").strip()
        if not self.data:
            return
        try:
            self.data = credit_code(self.data)
        except Unreadable as error:
            raise ValidationError(str(error)) from None


class MobileField(StringField):
    """A mobile or nothing, as `identifiers.mobile` writes it."""

    def pre_validate(self, form: FlaskForm) -> None:
        if not (self.data or "").strip():
            self.data = ""
            return
        try:
            self.data = mobile(self.data or "")
        except Unreadable as error:
            raise ValidationError(str(error)) from None


class PhotoField(FileField):
    """A photograph, made small; nothing where none was chosen."""

    def pre_validate(self, form: FlaskForm) -> None:
        sent = self.data
        self.data = None
        if not sent or not getattr(sent, "filename", ""):
            return
        try:
            self.data = photographs.small_jpeg(sent.read(photographs.MOST_BYTES + 1))
        except RuleBroken as refusal:
            raise ValidationError(str(refusal)) from None
