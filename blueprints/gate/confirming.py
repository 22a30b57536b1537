"""What a guard says of people at the gate with one tap (确认到场): these came in, this one too, that one did not."""

from __future__ import annotations

from datetime import datetime

from flask import flash, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms.validators import InputRequired

from blueprints.gate import bp
from blueprints.web.fields import JustAct, WholeField
from blueprints.web.guard import commit, needs
from blueprints.web.page import done
from blueprints.web.site import site
from models import presence
from models.base import RuleBroken, db
from models.gate import CheckIn
from models.masks import mask_name
from models.places import Gate


class ConfirmForm(FlaskForm):
    """The one tap: up to the newest entry that was on the screen."""

    upto = WholeField("到哪一条", [InputRequired("这一页放得太久，请刷新后再确认")])


@bp.post("/gate/<int:gate_id>/confirm")
@needs("entry:confirm", Gate)
def confirm_lately(gate: Gate) -> ResponseReturnValue:
    """Confirms everybody of the last minutes but those whom something sets apart."""
    form, now = ConfirmForm(), site.now()
    if not form.validate_on_submit():
        raise RuleBroken("这一页放得太久，请回到值守页再确认")
    number = presence.confirm_lately(
        db.session(), gate.place_id, gate.id, upto=form.upto.data, now=now, by_id=current_user.id
    )
    commit(number=number, upto=form.upto.data)
    if number:
        session["confirmed"] = {"gate": gate.id, "at": now.isoformat(), "number": number}
    else:
        flash("没有要确认的人，最近通过的都确认过了。", "ok")
    return done(url_for("gate.desk", gate=gate.id))


@bp.post("/gate/<int:gate_id>/unconfirm")
@needs("entry:confirm", Gate)
def unconfirm(gate: Gate) -> ResponseReturnValue:
    """Takes the last tap of this browser back."""
    last = last_tap(gate.id)
    if not JustAct().validate_on_submit() or last is None:
        raise RuleBroken("没有可以撤销的确认")
    at = datetime.fromisoformat(last["at"])
    number = presence.unconfirm(
        db.session(), gate.place_id, gate.id, at=at, now=site.now(), by_id=current_user.id
    )
    commit(number=number, confirmed_at=last["at"])
    session.pop("confirmed")
    flash(f"已撤销，{number}人回到待确认。", "ok")
    return done(url_for("gate.desk", gate=gate.id))


def last_tap(gate_id: int) -> dict | None:
    """The last tap of this browser at this gate, while it can be taken back."""
    last = session.get("confirmed")
    if not last or last["gate"] != gate_id:
        return None
    fresh = site.now() - datetime.fromisoformat(last["at"]) < presence.UNDO
    return last if fresh else None


@bp.post("/gate/entries/<int:check_in_id>/confirm")
@needs("entry:confirm", CheckIn)
def confirm_one(check_in: CheckIn) -> ResponseReturnValue:
    """Lets in somebody whom a mark or a doubt set apart, after a look."""
    if not JustAct().validate_on_submit():
        raise RuleBroken("这一页放得太久，请回到值守页再点一次")
    presence.confirm(db.session(), check_in, now=site.now(), by_id=current_user.id)
    commit(verdict=check_in.verdict, marks=check_in.marks)
    flash(f"叫号{check_in.call_number}（{mask_name(check_in.name)}）已确认到场。", "ok")
    return done(url_for("gate.desk", gate=check_in.gate_id))


@bp.post("/gate/entries/<int:check_in_id>/off")
@needs("entry:confirm", CheckIn)
def send_off(check_in: CheckIn) -> ResponseReturnValue:
    """Keeps that this person does not come in."""
    if not JustAct().validate_on_submit():
        raise RuleBroken("这一页放得太久，请回到值守页再点一次")
    presence.send_off(check_in, now=site.now(), by_id=current_user.id)
    commit(verdict=check_in.verdict, marks=check_in.marks)
    flash(f"叫号{check_in.call_number}（{mask_name(check_in.name)}）已记下没有进入。", "ok")
    return done(url_for("gate.desk", gate=check_in.gate_id))
