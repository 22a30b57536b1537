"""What was handed over (邀请、重设单): the link that makes an account, the slip that opens a password change."""

from __future__ import annotations

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from blueprints.accounts import bp
from blueprints.accounts.choose import chosen_hash, rule_words
from blueprints.accounts.forms import AcceptForm, ForgottenForm, LinkForm
from blueprints.accounts.views.door import door_district
from blueprints.web import errors, guard
from blueprints.web.guard import public, signed_in
from blueprints.web.limits import limiter
from blueprints.web.page import done, page
from blueprints.web.sign_in import begin_session, onward, unlocked
from blueprints.web.site import site
from models import passwords
from models.access import SCOPES
from models.accounts import SCOPE_MODELS, Account, LoginSession
from models.audit import Result
from models.base import RuleBroken, db, local, reading
from models.invitations import Invitation, ResetSlip
from models.places import read_code

ACTION = "account:slip"
PER_ADDRESS = "20 per minute; 100 per hour"
NO_SLIP = "账号或重设码对不上，也可能这张重设单已经用过、过了72小时或填错了5次。请核对，或请上级重开一张。"


@bp.route("/invitations", methods=["GET", "POST"])
@public
def invitations() -> ResponseReturnValue:
    """Where somebody goes who has an invitation but has only found the sign-in page."""
    form = LinkForm()
    if form.validate_on_submit():
        token = (form.link.data or "").strip().rstrip("/").rpartition("/")[2]
        return done(url_for("accounts.accept", token=token))
    return page("accounts/invitations.html", form=form, district=door_district())


@bp.route("/invitations/<token>", methods=["GET", "POST"])
@limiter.limit(PER_ADDRESS)
@public
def accept(token: str) -> ResponseReturnValue:
    """An invited person chooses a username and a password and takes up the post. The link works once."""
    invitation = db.session.scalar(
        Invitation.of(token).options(joinedload(Invitation.invited_by), joinedload(Invitation.district))
    )
    if invitation is None:
        return errors.answer(
            404, "没有这份邀请", "链接可能没有复制完整。请打开原来的链接，或请邀请人重新发一份。"
        )
    if refusal := invitation.refusal(site.now()):
        return errors.answer(410, "这份邀请打不开了", refusal + "。")
    form, district = AcceptForm(), invitation.district
    scope = (SCOPES[invitation.post], invitation.scope_id)
    if form.validate_on_submit():
        password_hash = None
        if _is_taken(form):
            db.session.rollback()
        else:
            password_hash = chosen_hash(
                form, username=form.username.data or "", district=district, scopes=[scope]
            )
        if password_hash is not None and (answer := _open_account(token, form, password_hash)):
            return answer
    return page(
        "accounts/accept.html", form=form, invitation=invitation, district=district, token=token,
        where=db.session.get_one(SCOPE_MODELS[scope[0]], scope[1]).name, rule=rule_words(district),
        signed_in=current_user.is_authenticated,
    )  # fmt: skip


def _is_taken(form: AcceptForm) -> bool:
    """Whether somebody goes by this username or mobile already; says so beside the field."""
    probe = Account()
    probe.set_mobile(form.mobile.data or "")
    if db.session.scalar(select(Account.id).where(Account.username == form.username.data)):
        form.username.errors = [f"账号“{form.username.data}”已经有人用，请换一个"]
    if probe.mobile_index and db.session.scalar(
        select(Account.id).where(Account.mobile_index == probe.mobile_index)
    ):
        form.mobile.errors = ["这个手机号已经登记在另一个账号上。那是您的账号的话，请先登录，再打开邀请链接"]
    return bool(form.username.errors or form.mobile.errors)


def _open_account(token: str, form: AcceptForm, password_hash: str) -> ResponseReturnValue | None:
    """Account, appointment and session in one transaction; None where somebody else was a moment faster."""
    now = site.now()
    invitation = db.session.scalars(Invitation.of(token).with_for_update()).one()
    account = Account(
        district_id=invitation.district_id, district=invitation.district, name=invitation.name, created_at=now,
        failures=0, must_change_password=False, disabled_reason="",
    )  # fmt: skip
    account.choose_username(form.username.data or "")
    account.set_mobile(form.mobile.data or "")
    account.set_password(password_hash, now=now)
    try:
        db.session.add(account)
        db.session.flush()
        invitation.accept(account, now=now)
        db.session.flush()
        begin_session(account)
        g.action, g.object = "account:accept", invitation
        guard.commit(post=invitation.post.value, scope_id=invitation.scope_id)
    except IntegrityError:
        db.session.rollback()
        form.form_errors.append("账号或手机号刚刚被别人用了，请换一个再试")
        return None
    flash(f"您的账号“{account.username}”已经开好，下次用它和密码登录。", "ok")
    return done(onward(None))


@bp.post("/invitations/<token>/mine")
@signed_in
def accept_as_me(token: str) -> ResponseReturnValue:
    """Somebody who has an account takes the invited post with it."""
    invitation = db.session.scalar(Invitation.of(token).with_for_update())
    if invitation is None:
        guard.refuse(404, "own:accept_as_me", object_type="invitation")
    try:
        appointment = invitation.accept(current_user.account, now=site.now())
        db.session.flush()
        current_user.login.appointment_id = appointment.id
        guard.commit(invitation=invitation.id, post=invitation.post.value, scope_id=invitation.scope_id)
    except IntegrityError:
        db.session.rollback()
        raise RuleBroken("您刚刚已经接受了另一个不能兼任的岗位") from None
    flash(f"您已担任{invitation.post.label}。", "ok")
    g.pop("serving", None)
    return done(onward(None))


@bp.route("/forgotten", methods=["GET", "POST"])
@limiter.limit(PER_ADDRESS, methods=["POST"])
@public
def forgotten() -> ResponseReturnValue:
    """Who writes a slip, and the form that takes its code and a new password. Ends every session of the account."""
    form = ForgottenForm()
    if form.validate_on_submit():
        slip_id = _opened_by(form.username.data or "", form.code.data or "")
        if slip_id is None:
            form.form_errors.append(NO_SLIP)
        elif _reset(form, slip_id):
            flash("新密码已经设好，请用它登录。", "ok")
            return done(url_for("accounts.sign_in"))
    district = door_district()
    return page(
        "accounts/forgotten.html", form=form, district=district, rule=rule_words(district) if district else ""
    )


def _opened_by(typed: str, code: str) -> int | None:
    """The working slip of this account, if this is its code. A wrong code counts against the slip."""
    db.session.rollback()
    with reading():
        account_id = db.session.scalar(Account.known_as(typed).with_only_columns(Account.id))
        slip = db.session.scalar(ResetSlip.usable(account_id, site.now())) if account_id else None
        slip_id, kept = (slip.id, slip.code_hash) if slip else (None, None)
    if unlocked(passwords.password_matches, kept, read_code(code)):
        return slip_id
    if account_id is None:
        district = door_district()
        unknown = {"reason": "没有这个账号"}
        guard.log(ACTION, Result.FAILED, unknown, district_id=district.id if district else None)
        return None
    if slip_id is not None:
        slip = db.session.get_one(ResetSlip, slip_id, with_for_update=True, populate_existing=True)
        slip.failures += 1
    reason = "重设码不对" if slip_id else "没有能用的重设单"
    guard.keep(ACTION, Result.FAILED, person=db.session.get(Account, account_id), reason=reason)
    return None


def _reset(form: ForgottenForm, slip_id: int) -> bool:
    account = db.session.get_one(ResetSlip, slip_id).account
    today = local(site.now()).date()
    new = chosen_hash(
        form, username=account.username, district=account.district,
        scopes=[(a.scope, a.scope_id) for a in account.serving(today)], remembered=account.remembered_hashes(),
    )  # fmt: skip
    if new is None:
        return False
    now = site.now()
    account = db.session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    slip = db.session.scalar(ResetSlip.usable(account.id, now).with_for_update())
    if slip is None or slip.id != slip_id or not account.is_active:
        form.form_errors.append(NO_SLIP)
        return False
    slip.used_at = now
    account.set_password(new, now=now)
    db.session.execute(LoginSession.ending(account.id, "用重设单换了密码", now=now))
    g.object = account
    guard.keep(ACTION, Result.DONE, person=account, slip=slip.id)
    return True
