"""The gates of a place (入口): posters, renewing and pausing a code, word of the minute, opening hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import or_, select
from sqlalchemy.orm import contains_eager, selectinload
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, TimeField
from wtforms.validators import DataRequired, Length, Optional

from blueprints.places import bp, posters
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.ground import gates_in_reach
from blueprints.web.guard import can, commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.office import entries_by_gate, names_of
from models.places import Gate, GateCode, Place

REASON_LENGTH = 100


class ReissueForm(FlaskForm):
    version = HiddenField()  # of the code that the page showed: a double click renews once
    reason = StringField(
        "换新的原因",
        validators=[
            DataRequired("请写一句原因，例如：海报被雨淋坏"),
            Length(max=REASON_LENGTH, message=f"原因不超过{REASON_LENGTH}个字"),
        ],
    )


class PauseForm(FlaskForm):
    reason = StringField(
        "停用的原因",
        validators=[
            DataRequired("请写一句原因，扫码的人会看到"),
            Length(max=REASON_LENGTH, message=f"原因不超过{REASON_LENGTH}个字"),
        ],
    )


class HoursForm(FlaskForm):
    opens = TimeField("几点开放", validators=[Optional()])
    closes = TimeField("几点关闭", validators=[Optional()])

    def validate(self, extra_validators: object = None) -> bool:
        """What is not a time is said in words of our own, with what was typed."""
        good = super().validate(extra_validators)
        for field in (self.opens, self.closes):
            if field.errors and field.raw_data:
                field.errors = [f"没有看懂“{field.raw_data[0][:20]}”，请填24小时制时刻，例如06:30"]
        return good


@bp.get("/places/<int:place_id>/gates")
@needs("gate:print", Place)
def gates(place: Place) -> Response:
    """All entrances of the place, a park's with those of its buildings."""
    found = _gates_of(place)
    counts = (
        entries_by_gate(db.session(), [g.id for g in found], local(site.now()).date())
        if can("place:watch")
        else None
    )
    places = db.session.scalars(
        select(Place)
        .where(or_(Place.id == place.id, Place.parent_id == place.id), within_reach("gate:print", Place))
        .order_by(Place.parent_id.is_not(None), Place.id)
    ).all()
    return page("places/gates.html", place=place, places=places, gates=found, counts=counts)


@bp.get("/gates/<int:gate_id>")
@needs("gate:print", Gate)
def gate_page(gate: Gate) -> Response:
    """One entrance: its poster, its settings, and what hung there before."""
    names = names_of(
        db.session(), [i for code in gate.codes for i in (code.issued_by_id, code.revoked_by_id)]
    )
    count = (
        entries_by_gate(db.session(), [gate.id], local(site.now()).date()).get(gate.id, 0)
        if can("place:watch")
        else None
    )
    return page(
        "places/gate.html",
        gate=gate,
        place=gate.place,
        names=names,
        count=count,
        poster=posters.poster_of(gate) if gate.code else None,
    )


@bp.get("/gates/<int:gate_id>/poster.pdf")
@by_link
@needs("gate:print", Gate)
def poster_pdf(gate: Gate) -> ResponseReturnValue:
    ink, size = _chosen()
    return _handed(gate, "pdf", lambda: posters.as_pdf([gate], ink=ink, size=size))


@bp.get("/gates/<int:gate_id>/poster.png")
@by_link
@needs("gate:print", Gate)
def poster_png(gate: Gate) -> ResponseReturnValue:
    """?show=1 is the picture on a page; without it a file to save."""
    ink, size = _chosen()
    if request.args.get("show"):
        _with_code(gate)
        return Response(posters.as_png(gate, ink=ink, size=size), mimetype="image/png")
    return _handed(gate, "png", lambda: posters.as_png(gate, ink=ink, size=size))


@bp.get("/gates/<int:gate_id>/poster.svg")
@by_link
@needs("gate:print", Gate)
def poster_svg(gate: Gate) -> ResponseReturnValue:
    return _handed(gate, "svg", lambda: posters.as_svg(gate))


@bp.get("/places/<int:place_id>/posters.pdf")
@by_link
@needs("gate:print", Place)
def posters_pdf(place: Place) -> ResponseReturnValue:
    """Every gate that has a code, one page each."""
    ink, size = _chosen()
    found = [gate for gate in _gates_of(place) if gate.code]
    if not found:
        raise RuleBroken("这里没有可以打印的入口：还没有发码")
    return hand_out(
        lambda: posters.as_pdf(found, ink=ink, size=size),
        name=f"入口海报-{place.name}-{len(found)}个入口.pdf",
        picture=url_for("places.poster_png", gate_id=found[0].id, ink=ink, size=size, show=1),
        picture_words=f"{found[0].place.name}{found[0].name}的海报，共{len(found)}张，这是第1张",
    )


@bp.route("/gates/<int:gate_id>/reissue", methods=["GET", "POST"])
@needs("gate:reissue", Gate)
def reissue(gate: Gate) -> ResponseReturnValue:
    """A new code for the gate. The old poster then says that it was replaced, when and why."""
    form = ReissueForm()
    if form.validate_on_submit():
        _alone_with(gate)
        shown, current = form.version.data or "0", gate.code.version if gate.code else 0
        try:
            if shown != str(current):
                raise RuleBroken(f"这张码刚才已经换成第{current}版，不用再换")
            fresh = gate.reissue(reason=form.reason.data or "", now=site.now(), by_id=current_user.id)
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
        else:
            flash(f"已换成第{fresh.version}版。请打印新海报，换下旧的。", "ok")
            commit(gate=gate.name, version=fresh.version, reason=form.reason.data)
            return done(url_for("places.gate_page", gate_id=gate.id))
    if not form.is_submitted():
        form.version.data = str(gate.code.version if gate.code else 0)
    return page("places/reissue.html", form=form, gate=gate, place=gate.place)


@bp.route("/gates/<int:gate_id>/pause", methods=["GET", "POST"])
@needs("gate:pause", Gate)
def pause(gate: Gate) -> ResponseReturnValue:
    """Closes the entrance for now: whoever scans reads the reason and is sent to another gate."""
    form = PauseForm()
    if form.validate_on_submit():
        try:
            gate.pause(reason=form.reason.data or "", now=site.now())
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
        else:
            flash(f"{gate.name}已停用，扫码的人会看到原因。", "ok")
            commit(gate=gate.name, paused=True, reason=form.reason.data)
            return done(url_for("places.gate_page", gate_id=gate.id))
    return page("places/pause.html", form=form, gate=gate, place=gate.place)


@bp.post("/gates/<int:gate_id>/resume")
@needs("gate:pause", Gate)
def resume(gate: Gate) -> ResponseReturnValue:
    gate.resume()
    flash(f"{gate.name}已恢复使用。", "ok")
    commit(gate=gate.name, paused=False)
    return done(url_for("places.gate_page", gate_id=gate.id))


@bp.post("/gates/<int:gate_id>/word")
@needs("gate:pause", Gate)
def word(gate: Gate) -> ResponseReturnValue:
    """Switches the word of the minute on or off at this gate."""
    gate.without_word = request.form.get("word") == "off"
    flash("这个入口不再显示此刻口令。" if gate.without_word else "这个入口恢复显示此刻口令。", "ok")
    commit(gate=gate.name, word=not gate.without_word)
    return done(url_for("places.gate_page", gate_id=gate.id))


@bp.route("/places/<int:place_id>/hours", methods=["GET", "POST"])
@needs("place:hours", Place)
def hours(place: Place) -> ResponseReturnValue:
    """Opening hours: entries outside of them are kept and marked."""
    form = HoursForm(obj=place)
    if form.validate_on_submit():
        before = [place.opens, place.closes]
        try:
            place.set_hours(form.opens.data, form.closes.data)
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
        else:
            flash(f"{place.name}的开放时间已改。", "ok")
            commit(place=place.name, before=before, after=[place.opens, place.closes])
            return done(url_for("places.gates", place_id=place.id))
    return page("places/hours.html", form=form, place=place)


def _gates_of(place: Place) -> Sequence[Gate]:
    district = contains_eager(Gate.place).joinedload(Place.district)
    return gates_in_reach("gate:print", district, selectinload(Gate.codes), of=place)


def _alone_with(gate: Gate) -> None:
    """Waits for anybody who is renewing the same gate's code, and then reads its codes afresh."""
    db.session.refresh(gate, with_for_update=True)
    db.session.expire(gate, ["codes"])


def _with_code(gate: Gate) -> GateCode:
    if gate.code is None:
        raise RuleBroken("这个入口还没有码，先发一张，再打印")
    return gate.code


def _chosen() -> tuple[str, str]:
    """?ink= and ?size=; what is not on offer is 404: nobody hangs up something else than was asked for."""
    ink, size = request.args.get("ink", "colour"), request.args.get("size", "a4")
    if ink not in posters.INKS or size not in posters.SIZES:
        abort(404)
    return ink, size


def _handed(gate: Gate, kind: str, make: Callable[[], bytes]) -> ResponseReturnValue:
    code = _with_code(gate)
    ink, size = _chosen()
    tail = "" if size == "a4" else "-A5台卡"
    return hand_out(
        make,
        name=f"入口海报-{gate.place.name}-{gate.name}-第{code.version}版{tail}.{kind}",
        picture=url_for("places.poster_png", gate_id=gate.id, ink=ink, size=size, show=1),
        picture_words=f"{gate.place.name}{gate.name}的入口海报，第{code.version}版",
    )
