"""Pairing (配对): the specialist's one-time code, opened on the phone or tablet that shall belong to the gate."""

from __future__ import annotations

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from blueprints.devices import bp
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import public
from blueprints.web.limits import limiter
from blueprints.web.page import done, page
from blueprints.web.paired import keep_paired, paired_device
from blueprints.web.site import site
from models.audit import Result
from models.base import db
from models.devices import DeviceKind, GateDevice


@bp.route("/pair/<token>", methods=["GET", "POST"])
@limiter.limit("60 per minute")
@public
def pair(token: str) -> ResponseReturnValue:
    """GET says what this browser will be and changes nothing; POST pairs it. A used or dead code says so (410)."""
    query = GateDevice.of_code(token)
    device = db.session.scalar(query.with_for_update() if request.method == "POST" else query)
    if device is None:
        return page("devices/pair.html", status=404, device=None)
    refusal, form = device.refusal(site.now()), JustAct()
    if not refusal and form.validate_on_submit():
        cookie = device.pair(now=site.now())
        g.object = device
        guard.keep(
            "device:pair", Result.DONE, district_id=device.gate.place.district_id, name=device.label,
            kind=device.kind.value, gate=device.gate_id,
        )  # fmt: skip
        is_phone = device.kind == DeviceKind.PHONE
        if is_phone:
            flash(f"已经配对成“{device.label}”。以后值守都用这个浏览器。", "ok")
        answer = done(url_for("devices.shift" if is_phone else "devices.tablet"))
        keep_paired(answer, cookie)
        return answer
    return _shown(device, refusal, form)


def _shown(device: GateDevice, refusal: str, form: FlaskForm) -> ResponseReturnValue:
    other = paired_device()
    return page(
        "devices/pair.html", status=410 if refusal else 200, device=device, refusal=refusal, form=form,
        other=other if other is not None and other.id != device.id and other.revoked_at is None else None,
        this=other is not None and other.id == device.id,
        within_app="MicroMessenger" in request.user_agent.string,
    )  # fmt: skip
