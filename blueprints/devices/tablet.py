"""The gate's tablet (入口平板): a code that changes every half minute, large enough to be scanned from two metres."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue

from blueprints.devices import bp
from blueprints.web.guard import public
from blueprints.web.page import page
from blueprints.web.paired import keep_paired, paired_device
from blueprints.web.qr import gate_address, shown_host, square
from blueprints.web.site import site
from models import rotating
from models.devices import DeviceKind
from models.gateview import GateView, WrongCode


@bp.get("/tablet")
@public
def tablet() -> ResponseReturnValue:
    """Full screen for the gate of this tablet. Renews itself with each code, without JavaScript too."""
    device = paired_device()
    if device is None or not device.works_as(DeviceKind.TABLET):
        return page("devices/not_paired.html", status=403, device=device, wanted=DeviceKind.TABLET)
    now, gate = site.now(), device.gate
    view = site.gates.view(gate.code.code, now) if gate.code else None
    open_now = isinstance(view, GateView)
    address = ""
    if open_now:
        signed = rotating.rotating(site.vault, gate.id, now)
        address = f"{gate_address(view.code, view.district_slug)}?at={signed}"
    answer = page(
        "devices/tablet.html", device=device, gate=gate, view=view if open_now else None,
        why=view.reason if isinstance(view, WrongCode) else "", code=square(address) if address else None,
        host=shown_host(view.district_slug) if open_now else "", seconds=rotating.seconds_left(now),
        again=url_for("devices.tablet"),
    )  # fmt: skip
    keep_paired(answer)
    return answer
