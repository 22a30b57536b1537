"""A thermometer that does not work (测温故障): broken, frozen, no power. Said once for the gate, not at each visitor."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from blueprints.gate import bp
from blueprints.web.fields import JustAct, RadioField, WholeField, options
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db
from models.places import Gate
from models.watch import MOST_HOURS, Fault, FaultKind

PAST = 5


class FaultForm(FlaskForm):
    kind = RadioField(
        "怎么了",
        choices=options((k.value, k.label) for k in FaultKind),
        validators=[InputRequired("请选是什么情况")],
    )
    hours = WholeField(
        "预计几小时修好", [InputRequired(f"请填1到{MOST_HOURS}的整数，例如2")], default=2, example="2"
    )
    note = StringField("说明（可不填）", [Length(max=60, message="最多60个字")])


@bp.route("/gate/<int:gate_id>/fault", methods=["GET", "POST"])
@needs("gate:fault", Gate)
def fault(gate: Gate) -> ResponseReturnValue:
    """Reports that this gate cannot measure; meanwhile its rows say 未测（设备故障）."""
    now, form = site.now(), FaultForm()
    holding = db.session.scalar(select(Fault).where(Fault.gate_id == gate.id, Fault.holding(now)))
    if form.validate_on_submit():
        try:
            found = Fault.report(
                gate.id, FaultKind(form.kind.data), hours=form.hours.data, note=form.note.data or "", now=now,
                by_id=current_user.id, holding=holding,
            )  # fmt: skip
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            db.session.add(found)
            commit(kind=found.kind, until=found.until_at)
            flash("已报故障：登记时可以不填体温，专员会看到。", "ok")
            return done(url_for("gate.desk", gate=gate.id))
    past = db.session.scalars(
        select(Fault)
        .where(Fault.gate_id == gate.id)
        .order_by(Fault.id.desc())
        .limit(PAST)
        .options(joinedload(Fault.opened_by))
    ).all()
    return page(
        "gate/fault.html", form=form, gate=gate, holding=holding, past=past, at=now, act=JustAct(formdata=None),
        status=422 if request.method == "POST" else 200,
    )  # fmt: skip


@bp.post("/gate/<int:gate_id>/faults/<int:fault_id>/end")
@needs("gate:fault", Gate)
@needs("gate:fault", Fault)
def end_fault(gate: Gate, fault: Fault) -> ResponseReturnValue:
    """It measures again."""
    if not JustAct().validate_on_submit() or fault.gate_id != gate.id:
        raise RuleBroken("这一页放得太久，请回到值守页再点一次")
    fault.end(now=site.now(), by_id=current_user.id)
    commit()
    flash("已经修好，登记时要填体温。", "ok")
    return done(url_for("gate.desk", gate=gate.id))
