"""On duty with a shared phone (接班): who is, and taking over with name and PIN."""

from __future__ import annotations

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.devices import bp
from blueprints.devices.forms import FirstPinForm, PinForm
from blueprints.web import guard
from blueprints.web.guard import public
from blueprints.web.limits import limiter
from blueprints.web.page import done, page
from blueprints.web.paired import keep_paired, paired_device
from blueprints.web.sign_in import begin_session, unlocked
from blueprints.web.site import site
from models import passwords
from models.accounts import Account, Appointment
from models.audit import Result
from models.base import db, local
from models.devices import DeviceKind, GateDevice, Shift, guards_of

ACTION = "shift:take_over"
PER_ADDRESS = "60 per minute; 1000 per hour"
WRONG_PIN = "PIN码不对，也可能账号已经锁定或停用。连续输错5次，锁15分钟；忘了PIN码，请专员清除后重新设。"
WRONG_PASSWORD = "密码不对，也可能账号已经锁定或停用。连续输错5次，锁15分钟；忘了密码，请专员开重设单。"


@bp.get("/gate/shift")
@public
def shift() -> ResponseReturnValue:
    """Who is on duty with this phone, and the names of those who may take over. No username, nothing else of anybody."""
    device = paired_device()
    if device is None or not device.works_as(DeviceKind.PHONE):
        return not_paired(device)
    now = site.now()
    last = db.session.scalar(Shift.open_on(device))
    running = last if last is not None and last.runs(now) else None
    answer = page(
        "devices/shift.html", device=device, gate=device.gate, guards=_guards(device), running=running,
        ran_out=last if running is None else None, mine=running is not None and _is_mine(running),
        handed=db.session.scalar(Shift.last_handed_over(device)),
    )  # fmt: skip
    keep_paired(answer)
    return answer


def _guards(device: GateDevice) -> list[Appointment]:
    """One appointment a guard: the place's own before the park's."""
    posts = db.session.scalars(guards_of(device.gate.place, local(site.now()).date()))
    return list({post.account_id: post for post in reversed(posts.all())}.values())[::-1]


def _is_mine(running: Shift) -> bool:
    return current_user.is_authenticated and current_user.login.id == running.login_id


def not_paired(device: GateDevice | None) -> ResponseReturnValue:
    """This browser is no phone of a gate: never was, is a tablet, or is one no more."""
    return page("devices/not_paired.html", status=403, device=device, wanted=DeviceKind.PHONE)


@bp.route("/gate/shift/<int:number>", methods=["GET", "POST"])
@limiter.limit(PER_ADDRESS, methods=["POST"])
@public
def take_over(number: int) -> ResponseReturnValue:
    """The guard's PIN; the first time the password once and a PIN of one's own. Whoever was on duty is so no more."""
    device = paired_device()
    if device is None or not device.works_as(DeviceKind.PHONE):
        return not_paired(device)
    post = next((p for p in _guards(device) if p.account_id == number), None)
    if post is None:
        guard.refuse(404, ACTION, object_type="gate_device", object_id=str(device.id))
    first = post.account.pin_hash is None
    form = FirstPinForm() if first else PinForm()
    if form.validate_on_submit():
        account = _first_time(form, post.account) if isinstance(form, FirstPinForm) else _by_pin(form, post)
        if account is not None:
            return _begin(device.id, account, post)
    last = db.session.scalar(Shift.open_on(device))
    return page(
        "devices/take_over.html", form=form, device=device, gate=device.gate, person=post.account, first=first,
        running=last if last is not None and last.runs(site.now()) and last.account_id != number else None,
    )  # fmt: skip


def _by_pin(form: PinForm, post: Appointment) -> Account | None:
    """The guard, locked for this transaction, if the PIN is right; else None, counted with wrong passwords (SEC-3)."""
    kept = post.account.pin_hash
    right = unlocked(passwords.password_matches, kept, passwords.read_pin(form.pin.data or ""))
    account, now = _for_update(post.account_id), site.now()
    if right and account.pin_hash == kept and account.may_take_over(now):
        return account
    form.pin.errors = [WRONG_PIN]
    _count(account, right, "PIN码")
    return None


def _first_time(form: FirstPinForm, person: Account) -> Account | None:
    """Chooses the PIN with the password. A second step is not asked: the session opens this gate alone."""
    pin, typed = passwords.read_pin(form.pin.data or ""), form.password.data or ""
    if objection := passwords.pin_objection(pin, mobile=person.mobile):
        form.pin.errors = [objection]
        return None
    number, kept = person.id, person.password_hash
    right = unlocked(passwords.password_matches, kept, typed)
    digest = passwords.hash_password(pin) if right else ""
    account, now = _for_update(number), site.now()
    if not (right and account.password_hash == kept and account.may_try(now)):
        form.password.errors = [WRONG_PASSWORD]
        _count(account, right, "密码")
        return None
    if account.must_change_password:
        form.password.errors = ["这还是初始密码。请先在自己的手机上登录，换成自己的密码，再来接班"]
        return None
    account.set_pin(digest)
    return account


def _for_update(number: int) -> Account:
    return db.session.get_one(Account, number, with_for_update=True, populate_existing=True)


def _count(account: Account, right: bool, what: str) -> None:
    locked = not right and account.count_failure(site.now())
    reason = f"{what}对，但账号停用或锁定" if right else f"{what}不对"
    guard.keep(ACTION, Result.FAILED, person=account, reason="连续输错，锁定账号" if locked else reason)


def _begin(device_id: int, account: Account, post: Appointment) -> ResponseReturnValue:
    """One turn at a time on a phone, and one phone at a time for a guard. The device is locked: two cannot begin at once."""
    device = db.session.get_one(GateDevice, device_id, with_for_update=True, populate_existing=True)
    if not device.works_as(DeviceKind.PHONE):
        db.session.rollback()
        return not_paired(device)
    now = site.now()
    before = db.session.scalars(Shift.open_for(device, account)).all()
    for one in before:
        one.end(f"{account.name}接班" if one.device_id == device.id else "在另一台值守手机接班", now=now)
    db.session.flush()  # before the new one: only one may be open
    account.forgive()
    login = begin_session(account, device=f"值守手机“{device.label}”", on_shift=post)
    turn = Shift(device=device, account=account, login=login, starts_at=now)
    db.session.add(turn)
    db.session.flush()
    g.action, g.object = ACTION, device
    guard.commit(shift=turn.id, gate=device.gate_id, ended=[one.id for one in before])
    handed = db.session.scalar(Shift.last_handed_over(device))
    if handed is not None and handed.must_be_read_by(account):
        return done(url_for("devices.read"))
    flash(f"{account.name}已接班，以后的登记和测温都记在您名下。", "ok")
    return done(url_for("gate.desk", gate=device.gate_id))
