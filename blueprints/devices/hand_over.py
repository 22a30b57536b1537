"""Handing over (交班): what the next guard has to know, then the turn and its session end."""

from __future__ import annotations

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from blueprints.devices import bp
from blueprints.devices.forms import HandOverForm
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.sign_in import end_session
from blueprints.web.site import site
from models.base import RuleBroken, db
from models.cases import reasons_of
from models.devices import GateDevice, Shift
from models.duty import Standing, standing
from models.places import Gate


@bp.route("/gate/hand-over", methods=["GET", "POST"])
@needs("shift:hand_over")
def hand_over() -> ResponseReturnValue:
    """Who waits, how many are inside, what is broken, a word to the next. Afterwards this session writes nothing more."""
    form = HandOverForm()
    turn = _mine(lock=form.is_submitted())
    gate, now = turn.device.gate, site.now()
    now_here = standing(db.session(), gate, now)
    if form.validate_on_submit():
        turn.hand_over(
            pending=now_here.pending, inside=now_here.inside.declared, broken=form.broken.data or "",
            note=form.note.data or "", now=now,
        )  # fmt: skip
        g.object = turn
        end_session(Shift.HANDED_OVER, pending=turn.pending, inside=turn.inside, broken_devices=turn.broken)
        flash("已交班。请下一班的人点自己的名字接班。", "ok")
        return done(url_for("devices.shift"))
    return page(
        "devices/hand_over.html", form=form, turn=turn, gate=gate, standing=now_here,
        waiting=_in_words(now_here), at=now,
    )  # fmt: skip


def _in_words(now_here: Standing) -> list[tuple[object, str]]:
    return [(e, reasons_of(site.book.get(e.scheme_key), e.reasons)) for e in now_here.waiting]


@bp.route("/gate/shift/read", methods=["GET", "POST"])
@needs("shift:hand_over")
def read() -> ResponseReturnValue:
    """What the guard before left: the first page after taking over, confirmed by whoever has read it."""
    turn = _mine()
    handed = db.session.scalar(Shift.last_handed_over(turn.device))
    desk = url_for("gate.desk", gate=turn.device.gate_id)
    if handed is None:
        return done(desk)
    form = JustAct()
    if form.validate_on_submit():
        if handed.must_be_read_by(current_user.account):
            handed.confirm_read(now=site.now(), by_id=current_user.id)
            g.object = handed
            commit(read=handed.id)
        return done(desk)
    return page(
        "devices/read.html", form=form, handed=handed, gate=turn.device.gate, desk=desk,
        unread=handed.must_be_read_by(current_user.account),
    )  # fmt: skip


def _mine(*, lock: bool = False) -> Shift:
    """The turn that this session carries. Somebody signed in on a phone of their own has none to hand over."""
    query: Select[Shift] = select(Shift).where(
        Shift.login_id == current_user.login.id, Shift.ended_at.is_(None)
    )
    query = (
        query.with_for_update()
        if lock
        else query.options(joinedload(Shift.device).joinedload(GateDevice.gate).joinedload(Gate.place))
    )
    turn = db.session.scalar(query)
    if turn is None:
        raise RuleBroken("您不是用值守手机接的班，不用交班。要离开，请在“更多”里退出登录")
    return turn
