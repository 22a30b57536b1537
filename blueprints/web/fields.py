"""Form fields that say in Chinese what is wrong (表单字段)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import DateField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from models.accounts import Account
from models.base import RuleBroken
from models.identifiers import Unreadable, is_invisible, mobile


def options(pairs: Iterable[tuple[Any, str]], empty: str | None = None) -> list[SelectChoice]:
    """What a SelectField offers, value and words; `empty` are the words of choosing none."""
    first = [] if empty is None else [SelectChoice("", empty)]
    return first + [SelectChoice(value, words) for value, words in pairs]


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


class DayField(DateField):
    """A date, with an error in words that quotes what was typed."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(f"没有看懂“{valuelist[0]}”，请填日期，例如2026-12-31") from None


class UsernameField(StringField):
    """A new username, in the spelling that is kept."""

    def pre_validate(self, form: FlaskForm) -> None:
        try:
            probe = Account()
            probe.choose_username(self.data or "")
        except RuleBroken as error:
            raise ValidationError(str(error)) from None
        self.data = probe.username


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
