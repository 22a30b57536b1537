"""Forms of the contact log."""

from __future__ import annotations

from datetime import datetime

from flask_wtf import FlaskForm
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from blueprints.web.fields import (
    DayField,
    MomentField,
    PlainTextField,
    RadioField,
    SelectField,
    SelectMultipleField,
    options,
)
from models.contacts import NOTE_SIGNS, REASONS, About, Way


class ContactForm(FlaskForm):
    """One contact in one line: how and about what; the rest may stay empty."""

    way = SelectField("怎样联络的", choices=options((w.value, w.label) for w in Way))
    about = SelectField("为了什么", choices=options((a.value, a.label) for a in About))
    note = PlainTextField("说明（可以不填）", [Length(max=NOTE_SIGNS, message=f"说明最多{NOTE_SIGNS}个字")])
    at = MomentField("什么时候（不填就是现在）", [Optional()])
    next_on = DayField("约定下次联络（可以不填）", [Optional()])

    def facts(self, now: datetime) -> dict:
        """What `Contact.write` takes of it."""
        return {
            "way": Way(self.way.data), "about": About(self.about.data), "note": self.note.data or "",
            "at": self.at.data or now, "next_on": self.next_on.data,
        }  # fmt: skip


class BatchForm(ContactForm):
    """The same for many enterprises."""

    enterprise = SelectMultipleField("企业", coerce=int, validate_choice=False)


class VoidForm(FlaskForm):
    reason = PlainTextField(
        "作废的原因", [DataRequired("请写作废的原因"), Length(max=100, message="原因最多100个字")]
    )


class LookForm(FlaskForm):
    """Why the whole number is needed."""

    reason = RadioField(
        "为什么要看号码",
        choices=options(REASONS.items()),
        validators=[InputRequired("请选择查看的原因")],
    )
