"""One's own affairs (我的账号): password, second step, signed-in devices, the post to work as."""

from __future__ import annotations

from datetime import timedelta

import pyotp
from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.accounts import bp
from blueprints.accounts.choose import chosen_hash, rule_words
from blueprints.accounts.forms import ConfirmForm, EnrolForm, PasswordForm, PinForm
from blueprints.web import guard
from blueprints.web.guard import commit, serving, signed_in
from blueprints.web.menu import home_of
from blueprints.web.page import done, page
from blueprints.web.qr import square
from blueprints.web.sign_in import (
    current_post,
    end_session,
    fresh,
    is_my_password,
    lock_out,
    onward,
    unlocked,
)
from blueprints.web.site import site
from blueprints.web.templating import name_scopes
from models import passwords
from models.access import Post
from models.accounts import Account, LoginSession
from models.base import RuleBroken, db, local
from models.mail_addresses import MailAddress

ENROLLING = timedelta(minutes=15)
ISSUER = "企业首席健康官平台"


@bp.get("/me")
@signed_in
def me() -> ResponseReturnValue:
    """Who I am here: name, posts and their terms, and the ways to my password, second step and devices."""
    account: Account = current_user.account
    name_scopes(account.appointments)
    today = local(site.now()).date()
    held = [a for a in account.appointments if a.ended_at is None and a.ends_on >= today]
    return page(
        "accounts/me.html", account=account, held=held, today=today, devices=len(_sessions()), is_guard=_is_guard(),
        has_mail=db.session.scalar(select(MailAddress.confirmed_at).where(MailAddress.account_id == account.id)) is not None,
    )  # fmt: skip


@bp.get("/more")
@signed_in
def more() -> ResponseReturnValue:
    """The whole menu as a page, for phones."""
    posts = serving()
    name_scopes(posts)
    return page("accounts/more.html", posts=posts)


@bp.post("/post")
@signed_in
def choose_post() -> ResponseReturnValue:
    """Which of my posts I work as now. It decides menu, home and filters, never rights."""
    wanted = request.form.get("appointment", type=int)
    chosen = next((a for a in serving() if a.id == wanted), None)
    if chosen is None:
        guard.refuse(404, "own:choose_post", object_type="appointment", object_id=str(wanted))
    else:
        current_user.login.appointment_id = chosen.id
        commit(post=chosen.post.value)
    return done(home_of(current_post()))


@bp.route("/me/confirm", methods=["GET", "POST"])
@signed_in
def confirm() -> ResponseReturnValue:
    """The password again, before something that weighs more (SEC-4)."""
    form = ConfirmForm(next=request.args.get("next", ""))
    if form.validate_on_submit():
        if is_my_password(form.password.data or ""):
            current_user.login.confirmed_at = site.now()
            commit()
            return done(onward(form.next.data))
        if current_user.account.is_locked(site.now()):
            return lock_out()
        form.password.errors = ["密码不对，请重新填"]
    return page("accounts/confirm.html", form=form)


@bp.route("/me/password", methods=["GET", "POST"])
@signed_in
def password() -> ResponseReturnValue:
    """A new password. Every other session of the account ends with the old one."""
    form = PasswordForm()
    account: Account = current_user.account
    if form.validate_on_submit():
        if not is_my_password(form.old.data or ""):
            if account.is_locked(site.now()):
                return lock_out()
            form.old.errors = ["现在的密码不对，请重新填"]
        elif new := chosen_hash(
            form, username=account.username, district=account.district,
            scopes=[(a.scope, a.scope_id) for a in serving()], remembered=account.remembered_hashes(),
        ):  # fmt: skip
            account.set_password(new, now=site.now())
            db.session.execute(
                LoginSession.ending(account.id, "改了密码", now=site.now(), but=current_user.login)
            )
            current_user.login.confirmed_at = site.now()
            commit()
            flash("密码已经换好，其他设备上的登录都已退出。", "ok")
            return done(url_for("accounts.me"))
    return page(
        "accounts/password.html", form=form, rule=rule_words(account.district),
        too_old=account.password_is_old(site.now()), least=passwords.LEAST[passwords.Rule(account.district.password_rule)],
    )  # fmt: skip


@bp.route("/me/pin", methods=["GET", "POST"])
@signed_in
def pin() -> ResponseReturnValue:
    """A guard's PIN for the shared phones of the gate: chosen with the password, here or at the first turn."""
    if not _is_guard():
        raise RuleBroken("您没有门岗任职，不用设PIN码")
    form = PinForm()
    account: Account = current_user.account
    if form.validate_on_submit():
        fresh_pin = passwords.read_pin(form.pin.data or "")
        if objection := passwords.pin_objection(fresh_pin, mobile=account.mobile):
            form.pin.errors = [objection]
        elif not is_my_password(form.password.data or ""):
            if account.is_locked(site.now()):
                return lock_out()
            form.password.errors = ["密码不对，请重新填"]
        else:
            digest = unlocked(passwords.hash_password, fresh_pin)
            account.set_pin(digest)
            commit(pin="set")
            flash("PIN码已经设好，下次在值守手机上接班就用它。", "ok")
            return done(url_for("accounts.me"))
    return page("accounts/pin.html", form=form, has_pin=account.pin_hash is not None)


def _is_guard() -> bool:
    return any(a.post == Post.GATE_GUARD for a in serving())


@bp.route("/me/second-factor", methods=["GET", "POST"])
@signed_in
@fresh
def second_factor() -> ResponseReturnValue:
    """Two-step sign-in: enrol by scanning or typing, shown to work by a code; switched off with the password."""
    account: Account = current_user.account
    if account.totp_secret is not None:
        return _switch_off(account)
    form = EnrolForm()
    context = f"second step of {account.id}"
    secret = site.vault.unseal_token(form.sealed.data or "", context, site.now()) or pyotp.random_base32()
    if form.validate_on_submit():
        try:
            account.enrol(secret, form.code.data or "", now=site.now())
            db.session.execute(
                LoginSession.ending(account.id, "开了两步验证", now=site.now(), but=current_user.login)
            )
            commit(second_step="on")
            flash("两步验证已开。下次登录，输完密码再填验证器上的6位数字。", "ok")
            return done(url_for("accounts.me"))
        except RuleBroken as error:
            form.code.errors = [str(error)]
    form.sealed.data = site.vault.seal_token(secret, context, site.now() + ENROLLING)
    address = pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=ISSUER)
    return page(
        "accounts/enrol.html", form=form, code=square(address),
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)), demanded=_demanded(account),
    )  # fmt: skip


def _switch_off(account: Account) -> ResponseReturnValue:
    form = ConfirmForm()
    if form.validate_on_submit():
        if _demanded(account):
            form.form_errors.append("您的岗位必须开两步验证，不能关")
        elif is_my_password(form.password.data or ""):
            account.drop_second_factor()
            commit(second_step="off")
            flash("两步验证已关。", "ok")
            return done(url_for("accounts.me"))
        elif account.is_locked(site.now()):
            return lock_out()
        else:
            form.password.errors = ["密码不对，请重新填"]
    return page("accounts/switch_off.html", form=form, demanded=_demanded(account))


def _demanded(account: Account) -> bool:
    return account.owes_second_factor(local(site.now()).date(), demanded=site.settings.production)


@bp.get("/me/sessions")
@signed_in
def sessions() -> ResponseReturnValue:
    """Where I am signed in, this browser first."""
    return page("accounts/sessions.html", logins=_sessions(), this=current_user.login)


def _sessions() -> list[LoginSession]:
    now = site.now()
    recent = select(LoginSession).where(LoginSession.account_id == current_user.id, LoginSession.recent(now))
    alive = [s for s in db.session.scalars(recent.order_by(LoginSession.seen_at.desc())) if s.alive(now)]
    return sorted(alive, key=lambda s: s.id != current_user.login.id)


@bp.post("/me/sessions/<int:number>/end")
@signed_in
def end_one_session(number: int) -> ResponseReturnValue:
    login = next((s for s in _sessions() if s.id == number), None)
    if login is None:
        guard.refuse(404, "own:end_one_session", object_type="login_session", object_id=str(number))
    elif login.id == current_user.login.id:
        end_session("退出登录")
        return done(url_for("accounts.sign_in"))
    else:
        login.end("本人在另一台设备上退出", now=site.now())
        commit(session=number)
        flash(f"{login.device}上的登录已经退出。", "ok")
    return done(url_for("accounts.sessions"))


@bp.post("/me/sessions/end-others")
@signed_in
def end_other_sessions() -> ResponseReturnValue:
    others = len(_sessions()) - 1
    db.session.execute(
        LoginSession.ending(current_user.id, "本人在另一台设备上退出", now=site.now(), but=current_user.login)
    )
    commit(sessions=others)
    flash(f"另外{others}处登录已经退出。" if others else "没有其他登录。", "ok")
    return done(url_for("accounts.sessions"))
