"""The specialist's shared devices (值守设备): making, pairing and revoking them, guards' PINs, past hand-overs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from blueprints.devices import bp
from blueprints.devices.forms import DeviceForm
from blueprints.web import guard
from blueprints.web.fields import JustAct, options
from blueprints.web.ground import gates_in_reach
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.once import show_once, shown_once
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.qr import square
from blueprints.web.site import site
from blueprints.web.templating import name_scopes
from models.access import Post
from models.accounts import Account, Appointment, LoginSession
from models.base import RuleBroken, db, local
from models.devices import DeviceKind, DeviceState, GateDevice, Shift
from models.places import Gate, Place

KEPT_SHOWN = timedelta(days=90)  # how long a revoked device stays on the list


@bp.get("/places/<int:place_id>/devices")
@needs("device:manage", Place)
def index(place: Place) -> ResponseReturnValue:
    """All phones and tablets by gate, what state they are in, and the guards who may take over."""
    now = site.now()
    recent = or_(GateDevice.revoked_at.is_(None), GateDevice.revoked_at > now - KEPT_SHOWN)
    devices = db.session.scalars(
        select(GateDevice)
        .join(GateDevice.gate)
        .join(Gate.place)
        .where(_ground(place), within_reach("device:manage", GateDevice), recent)
        .options(contains_eager(GateDevice.gate).contains_eager(Gate.place))
        .order_by(
            GateDevice.revoked_at.is_not(None), Place.parent_id.is_not(None), Place.id, Gate.id, GateDevice.id
        )
    ).all()
    guards = db.session.scalars(_guards(place)).all()
    name_scopes(guards)
    return page(
        "devices/index.html", place=place, guards=guards, last=_last_shifts(devices), at=now,
        working=[d for d in devices if d.revoked_at is None], revoked=[d for d in devices if d.revoked_at],
    )  # fmt: skip


def _ground(place: Place):
    """The place itself and, of a park, its buildings."""
    return or_(Place.id == place.id, Place.parent_id == place.id)


def _guards(place: Place) -> Select[Appointment]:
    """The guards whom the person at the door looks after, of the place and of its buildings."""
    return (
        select(Appointment)
        .join(Appointment.account)
        .where(
            Appointment.post == Post.GATE_GUARD,
            Appointment.scope == "place",
            Appointment.scope_id.in_(select(Place.id).where(_ground(place))),
            Appointment.serving(local(site.now()).date()),
            within_reach("device:manage", Appointment),
        )
        .options(contains_eager(Appointment.account))
        .order_by(Account.name, Appointment.id)
    )


def _last_shifts(devices: Sequence[GateDevice]) -> dict[int, Shift]:
    newest = (
        select(func.max(Shift.id))
        .where(Shift.device_id.in_([d.id for d in devices]))
        .group_by(Shift.device_id)
    )
    rows = db.session.scalars(
        select(Shift)
        .where(Shift.id.in_(newest))
        .options(joinedload(Shift.account), joinedload(Shift.login).joinedload(LoginSession.account))
    )
    return {shift.device_id: shift for shift in rows}


@bp.route("/places/<int:place_id>/devices/new", methods=["GET", "POST"])
@needs("device:manage", Place)
def new(place: Place) -> ResponseReturnValue:
    """A device at one of the gates; its pairing code is shown on the page that follows."""
    gates = gates_in_reach("device:manage", of=place)
    form = DeviceForm()
    form.gate_id.choices = options((g.id, f"{g.place.name}　{g.name}") for g in gates)
    if form.validate_on_submit():
        gate = next(g for g in gates if g.id == form.gate_id.data)
        if _is_called(gate, form.label.data or ""):
            form.label.errors = [f"{gate.name}已经有一台叫“{form.label.data}”，请换个名字"]
        else:
            device, token = GateDevice.make(
                gate, DeviceKind(form.kind.data), form.label.data or "", now=site.now(), by_id=current_user.id
            )
            db.session.add(device)
            db.session.flush()
            commit(gate=gate.id, kind=device.kind.value, name=device.label, device=device.id)
            return _offered(device, token)
    return page("devices/new.html", form=form, place=place, gates=gates)


def _is_called(gate: Gate, label: str) -> bool:
    same = (GateDevice.gate_id == gate.id, GateDevice.label == label, GateDevice.revoked_at.is_(None))
    return db.session.scalar(select(GateDevice.id).where(*same)) is not None


def _offered(device: GateDevice, token: str) -> ResponseReturnValue:
    show_once(f"pairing {device.id}", token=token)
    return done(url_for("devices.device", gate_device_id=device.id))


@bp.get("/devices/<int:gate_device_id>")
@needs("device:manage", GateDevice)
def device(gate_device: GateDevice) -> ResponseReturnValue:
    """One device: its pairing code once, while it waits; then who has been on duty with it."""
    now = site.now()
    state = gate_device.state(now)
    once = shown_once(f"pairing {gate_device.id}") if state == DeviceState.WAITING else None
    origin = site.settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    link = origin + url_for("devices.pair", token=once["token"]) if once else ""
    shifts = db.session.scalars(
        select(Shift)
        .where(Shift.device_id == gate_device.id)
        .options(joinedload(Shift.account), joinedload(Shift.read_by))
        .order_by(Shift.id.desc())
        .limit(10)
    ).all()
    return page(
        "devices/device.html", device=gate_device, state=state.value, link=link, shifts=shifts,
        code=square(link) if link else None, place=gate_device.gate.place, form=JustAct(), at=now,
    )  # fmt: skip


@bp.post("/devices/<int:gate_device_id>/code")
@needs("device:manage", GateDevice)
def offer(gate_device: GateDevice) -> ResponseReturnValue:
    """Another pairing code for a device that still waits; the one before is void."""
    token = gate_device.offer(now=site.now())
    commit(device=gate_device.id, name=gate_device.label)
    return _offered(gate_device, token)


@bp.route("/devices/<int:gate_device_id>/revoke", methods=["GET", "POST"])
@needs("device:manage", GateDevice)
def revoke(gate_device: GateDevice) -> ResponseReturnValue:
    """The device opens nothing any more, and whoever is on duty with it is signed out at once."""
    form, now = JustAct(), site.now()
    running = db.session.scalar(Shift.open_on(gate_device))
    if form.validate_on_submit():
        db.session.refresh(gate_device, with_for_update=True)
        gate_device.revoke(now=now, by_id=current_user.id)
        ended = running.account.name if running is not None else ""
        if running is not None:
            running.end("设备配对撤销", now=now)
        commit(device=gate_device.id, name=gate_device.label, ended=ended)
        flash(f"“{gate_device.label}”的配对已撤销。" + (f"{ended}的值守已经结束。" if ended else ""), "ok")
        return done(url_for("devices.index", place_id=gate_device.gate.place_id))
    if gate_device.revoked_at is not None:
        raise RuleBroken(f"“{gate_device.label}”的配对已经撤销")
    return page(
        "devices/revoke.html", form=form, device=gate_device, place=gate_device.gate.place,
        running=running if running is not None and running.runs(now) else None,
    )  # fmt: skip


@bp.route("/places/<int:place_id>/devices/guards/<int:number>/pin", methods=["GET", "POST"])
@needs("device:manage", Place)
def clear_pin(place: Place, number: int) -> ResponseReturnValue:
    """A guard has forgotten the PIN, or somebody has seen it: the next turn begins with the password and a new one."""
    post = db.session.scalar(_guards(place).where(Appointment.account_id == number).limit(1))
    if post is None:
        guard.refuse(404, "device:manage", object_type="account", object_id=str(number))
    form = JustAct()
    if form.validate_on_submit():
        post.account.drop_pin()
        commit(account=post.account_id, pin="cleared")
        flash(f"{post.account.name}的PIN码已清除。下次接班，用登录密码重新设一个。", "ok")
        return done(url_for("devices.index", place_id=place.id))
    if post.account.pin_hash is None:
        raise RuleBroken(f"{post.account.name}没有设PIN码")
    return page("devices/clear_pin.html", form=form, place=place, person=post.account)


@bp.get("/places/<int:place_id>/devices/hand-overs")
@needs("device:manage", Place)
def hand_overs(place: Place) -> ResponseReturnValue:
    """Every turn at the gates' phones that is over, the newest first: what was handed over, and who has read it."""
    over = (
        select(Shift)
        .join(Shift.device)
        .join(GateDevice.gate)
        .join(Gate.place)
        .where(_ground(place), within_reach("device:manage", GateDevice), Shift.ended_at.is_not(None))
        .options(
            contains_eager(Shift.device).contains_eager(GateDevice.gate).contains_eager(Gate.place),
            joinedload(Shift.account),
            joinedload(Shift.read_by),
        )
        .order_by(Shift.ended_at.desc(), Shift.id.desc())
    )
    return page("devices/hand_overs.html", place=place, paging=paged(over, size=30))
