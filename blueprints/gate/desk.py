"""The guard's desk (门岗值守): the word of the minute, who has just come, and the readings that only a guard may enter."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from flask import Response, abort, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import RadioField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from blueprints.gate import bp
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import identifiers, words
from models.base import RuleBroken, db, local
from models.gate import CheckIn, Kind, Verdict, reason_words
from models.gateview import GateView
from models.places import Gate, Place
from models.register import declared_by

LIVE_ROWS = 30
RECENT = timedelta(hours=2)


@bp.get("/gate")
@needs("gate:guard")
def desk() -> Response:
    """The gate that the guard chose, or the first one: live, for a phone at the door."""
    gates = db.session.scalars(
        select(Gate)
        .join(Place, Place.id == Gate.place_id)
        .where(within_reach("gate:guard", Gate))
        .options(joinedload(Gate.place), selectinload(Gate.codes))
        .order_by(Place.parent_id.is_not(None), Place.id, Gate.id)
    ).all()
    if not gates:
        return page("gate/no_gate.html")
    chosen = request.args.get("gate", type=int)
    gate = next((g for g in gates if g.id == chosen), gates[0])
    if chosen and gate.id != chosen:
        abort(404)
    now = site.now()
    view = site.gates.view(gate.code.code, now) if gate.code else None
    minute = words.minute_of(now)
    today = CheckIn.gate_id == gate.id, CheckIn.place_id == gate.place_id, CheckIn.day == local(now).date()
    return page(
        "gate/desk.html",
        partial="gate/_desk.html",
        gate=gate,
        gates=gates,
        view=view if isinstance(view, GateView) else None,
        word=words.word_for(site.vault, gate.id, minute),
        before=words.word_for(site.vault, gate.id, minute - 1),
        seconds=words.seconds_left(now),
        tally=_tally(today),
        waiting=_with_reasons(_waiting(today)),
        passed=_with_reasons(_passed(today)),
        at=now,
    )


def _tally(today: tuple) -> dict[str, int]:
    """Counts of this gate today. Only an unmarked entry counts as one; marked rows stand apart."""
    entered = or_(CheckIn.verdict == Verdict.PASS, CheckIn.verdict == Verdict.REGISTERED)
    counts = db.session.execute(
        select(
            func.sum(case((entered & (CheckIn.kind == Kind.ENTRY) & (CheckIn.marks == ""), 1), else_=0)),
            func.sum(case((CheckIn.verdict == Verdict.REFUSED, 1), else_=0)),
            func.sum(case((CheckIn.marks != "", 1), else_=0)),
        ).where(*today)
    ).one()
    return dict(zip(("entered", "refused", "marked"), (c or 0 for c in counts), strict=True))


def _waiting(today: tuple) -> list[CheckIn]:
    """What needs the guard: who asked for it first, refusals before doubts, newest first."""
    rank = case((CheckIn.recheck_asked_at.is_not(None), 0), (CheckIn.verdict == Verdict.REFUSED, 1), else_=2)
    return list(
        db.session.scalars(
            select(CheckIn)
            .where(
                *today,
                CheckIn.verdict.in_([Verdict.REFUSED, Verdict.ATTENTION]),
                CheckIn.handled_at.is_(None),
            )
            .where(CheckIn.occurred_at > site.now() - RECENT)
            .options(selectinload(CheckIn.readings))
            .order_by(rank, CheckIn.id.desc())
            .limit(LIVE_ROWS)
        )
    )


def _passed(today: tuple) -> list[CheckIn]:
    return list(
        db.session.scalars(
            select(CheckIn)
            .where(*today, CheckIn.verdict.in_([Verdict.PASS, Verdict.REGISTERED]))
            .options(selectinload(CheckIn.readings))
            .order_by(CheckIn.id.desc())
            .limit(LIVE_ROWS)
        )
    )


def _with_reasons(entries: list[CheckIn]) -> list[dict[str, object]]:
    """Each entry with what a guard needs to see of it: reasons in words, masked telephone, when to measure."""
    shown = []
    for entry in entries:
        policy = site.book.get(entry.scheme_key)
        shown.append(
            {
                "entry": entry,
                "reasons": [reason_words(policy, reason) for reason in entry.reason_list],
                "mobile": site.vault.unseal(entry.mobile, CheckIn.MOBILE) if entry.mobile else "",
                "rested_at": entry.rested_at(policy),
            }
        )
    return shown


class MeasureForm(FlaskForm):
    """What the guard read and saw."""

    temperature = StringField("门岗实测体温（℃）", [InputRequired("请填量到的体温，例如36.5")])
    mask = RadioField(
        "口罩",
        choices=[SelectChoice("yes", "已戴好"), SelectChoice("no", "没有戴")],
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
def measure(check_in: CheckIn) -> Response:
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
            commit(before=before, after=check_in.verdict)
            return done(url_for("gate.desk", gate=check_in.gate_id))
    return page(
        "gate/measure.html",
        form=form,
        shown=_with_reasons([check_in])[0],
        gate=check_in.gate,
    )
