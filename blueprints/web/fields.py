"""Form fields that say in Chinese what is wrong (表单字段)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError
from wtforms.fields.choices import SelectChoice

from models.accounts import Account
from models.base import RuleBroken
from models.identifiers import Unreadable, mobile


def options(pairs: Iterable[tuple[Any, str]], empty: str | None = None) -> list[SelectChoice]:
    """What a SelectField offers, value and words; `empty` are the words of choosing none."""
    first = [] if empty is None else [SelectChoice("", empty)]
    return first + [SelectChoice(value, words) for value, words in pairs]


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
