"""A guard's own reading (门岗实测): the only thing that lifts a refusal."""

from __future__ import annotations

from decimal import Decimal

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError
from wtforms.validators import InputRequired

from blueprints.gate import bp
from blueprints.gate.desk import shown
from blueprints.web.fields import RadioField, options
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import identifiers, presence
from models.base import RuleBroken, db
from models.gate import CheckIn
from models.register import declared_by


class MeasureForm(FlaskForm):
    """What the guard read and saw."""

    temperature = StringField("门岗实测体温（℃）", [InputRequired("请填量到的体温，例如36.5")])
    mask = RadioField(
        "口罩",
        choices=options([("yes", "已戴好"), ("no", "没有戴")]),
        validators=[InputRequired("请选择有没有戴口罩")],
    )
    celsius: Decimal

    def validate_temperature(self, field: StringField) -> None:
        try:
            self.celsius = identifiers.celsius(field.data)
        except identifiers.Unreadable as error:
            raise ValidationError(error.zh) from None


@bp.route("/gate/entries/<int:check_in_id>/measure", methods=["GET", "POST"])
@needs("entry:measure", CheckIn)
def measure(check_in: CheckIn) -> ResponseReturnValue:
    """A guard's reading: it replaces what was declared, and the verdict on the visitor's pass follows."""
    form = MeasureForm()
    policy = site.book.get(check_in.scheme_key)
    if form.validate_on_submit():
        before = check_in.verdict
        try:
            check_in.measure(
                policy, form.celsius, masked=form.mask.data == "yes", now=site.now(), by_id=current_user.id,
                declared=declared_by(site.vault, check_in),
            )  # fmt: skip
        except RuleBroken as refusal:
            form.temperature.errors = [*form.temperature.errors, str(refusal)]
        else:
            if check_in.is_inside:
                presence.end_elsewhere(db.session(), check_in)
            commit(before=before, after=check_in.verdict)
            return done(url_for("gate.desk", gate=check_in.gate_id))
    return page("gate/measure.html", form=form, shown=shown(check_in), gate=check_in.gate)
