"""The head counter (数人头): ten minutes of counting at a gate, beside how many registered meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms.validators import InputRequired

from blueprints.gate import bp
from blueprints.web.fields import JustAct, WholeField
from blueprints.web.ground import gate_asked, gates_in_reach
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import SHANGHAI, RuleBroken, db, local
from models.places import Gate
from models.watch import MOST_HEADS, HeadCount, head_counts


class HeadsForm(FlaskForm):
    heads = WholeField("数到几个人", [InputRequired("请填数到几个人，没有人就填0")], example="48")


@bp.route("/gate/count", methods=["GET", "POST"])
@needs("gate:count")
def count() -> ResponseReturnValue:
    """The gate's sample that goes on, or a button to begin one. A POST begins; begun twice it goes on."""
    gates = gates_in_reach("gate:count")
    gate = gate_asked(gates)
    if gate is None:
        return page("gate/no_gate.html")
    form, now = JustAct(), site.now()
    if form.validate_on_submit():
        db.session.execute(
            select(Gate.id).where(Gate.id == gate.id).with_for_update()
        )  # one begins at a time
        waiting = _waiting(gate, now)
        if waiting is None:
            sample = HeadCount.begin(db.session(), gate, now=now, by_id=current_user.id)
            db.session.flush()
            commit(gate=gate.id, head_count=sample.id)
        elif waiting.by_id != current_user.id:
            flash(f"{waiting.by.name}已经在数，请接着报数", "warn")
        return done(url_for("gate.count", gate=gate.id))
    return _counting(gate, gates, form, HeadsForm(formdata=None))


@bp.route("/gate/counts/<int:head_count_id>", methods=["GET", "POST"])
@needs("gate:count", HeadCount)
def counted(head_count: HeadCount) -> ResponseReturnValue:
    """What came of a sample. A POST says its number, or for some minutes another one."""
    form, now, before = HeadsForm(), site.now(), head_count.heads
    if form.validate_on_submit():
        try:
            head_count.say(db.session(), form.heads.data or 0, now=now)
        except RuleBroken as broken:
            form.heads.errors = [*form.heads.errors, str(broken)]
        else:
            commit(before=before, heads=head_count.heads, scans=head_count.scans)
            return done(url_for("gate.counted", head_count_id=head_count.id))
    if head_count.heads is None and head_count.may_change(now):
        return _counting(head_count.gate, gates_in_reach("gate:count"), JustAct(formdata=None), form)
    return page("gate/counted.html", sample=head_count, form=form, gate=head_count.gate, at=now)


@bp.post("/gate/counts/<int:head_count_id>/undo")
@needs("gate:count", HeadCount)
def take_back_count(head_count: HeadCount) -> ResponseReturnValue:
    """As if nobody had counted."""
    head_count.take_back(db.session(), now=site.now())
    commit(heads=head_count.heads, scans=head_count.scans)
    flash("这一次不算了", "ok")
    return done(url_for("gate.count", gate=head_count.gate_id))


def _counting(gate: Gate, gates: Sequence[Gate], begin: JustAct, form: HeadsForm) -> ResponseReturnValue:
    now = site.now()
    today = datetime.combine(local(now).date(), time(), SHANGHAI)
    return page(
        "gate/count.html", form=form, begin=begin, gate=gate, gates=gates, sample=_waiting(gate, now), at=now,
        most=MOST_HEADS, earlier=head_counts(db.session(), [gate.place_id], today, gate.id),
    )  # fmt: skip


def _waiting(gate: Gate, now: datetime) -> HeadCount | None:
    return db.session.scalar(
        select(HeadCount)
        .where(HeadCount.gate_id == gate.id, HeadCount.waiting(now))
        .options(joinedload(HeadCount.by))
    )
