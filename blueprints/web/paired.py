"""The cookie of a gate's own phone or tablet (值守设备的配对): which device the browser at hand is."""

from __future__ import annotations

from datetime import timedelta

from flask import request
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from blueprints.web.site import site
from models.base import db
from models.devices import GateDevice
from models.places import Gate

KEPT = timedelta(days=400)  # the longest that browsers keep any cookie; each page of the device prolongs it


def _cookie() -> str:
    return "__Host-gate-device" if site.settings.tls else "gate-device"


def carries_device() -> bool:
    """Whether this browser was paired at some time; whether it still is, `paired_device` knows."""
    return _cookie() in request.cookies


def paired_device() -> GateDevice | None:
    """The device that this browser was paired as, revoked or not; None for any other browser."""
    token = request.cookies.get(_cookie(), "")
    found = GateDevice.of_cookie(token).options(joinedload(GateDevice.gate).joinedload(Gate.place))
    return db.session.scalar(found) if token else None


def keep_paired(response: Response, token: str = "") -> None:
    """Leaves the token with the browser, or prolongs what it has. On the server only its digest is kept."""
    token = token or request.cookies.get(_cookie(), "")
    response.set_cookie(
        _cookie(), token, max_age=KEPT, httponly=True, samesite="Lax", secure=site.settings.tls
    )
