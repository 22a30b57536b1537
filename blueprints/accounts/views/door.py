"""The door (登录): name and password, the second step, the way out."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.accounts import bp
from blueprints.accounts.forms import CodeForm, SignInForm
from blueprints.web import guard
from blueprints.web.guard import public, signed_in
from blueprints.web.limits import limiter
from blueprints.web.page import done, page
from blueprints.web.sign_in import begin_session, end_session, is_ours, onward, unlocked
from blueprints.web.site import site
from models import passwords
from models.accounts import Account, token_digest
from models.audit import Result
from models.base import db, reading
from models.places import District

ACTION = "account:sign-in"
FIRST_STEP = "account:first-step"
PER_ADDRESS = "60 per minute; 1000 per hour"  # a district's office behind one address at 8:30, not a machine that guesses
SECOND_STEP = timedelta(minutes=5)
WRONG = (
    "手机号、账号或密码不对，也可能账号已经锁定或停用。连续输错5次，锁15分钟；忘了密码，看下面的“忘记密码”。"
)


@bp.route("/sign-in", methods=["GET", "POST"])
@limiter.limit(PER_ADDRESS, methods=["POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Name and password. The answer never tells an unknown name from a wrong password, a locked or a closed account."""
    if current_user.is_authenticated:
        return redirect(onward(request.args.get("next")))
    form = SignInForm(next=request.args.get("next", ""))
    if form.validate_on_submit():
        account = _recognised(form.username.data or "", form.password.data or "")
        if account is None:
            form.form_errors.append(WRONG)
        elif account.totp_secret is None:
            return _enter(account, form.next.data)
        else:
            _wait_for_code(account, form.next.data)
            return done(url_for("accounts.second_step"))
    return page("accounts/sign_in.html", form=form, district=door_district())


def _recognised(typed: str, password: str) -> Account | None:
    """The account, locked for this transaction, if the password is right and the door open; else None, counted."""
    db.session.rollback()
    with reading():
        known = Account.known_as(typed).with_only_columns(Account.id, Account.password_hash)
        number, kept = db.session.execute(known).first() or (None, None)
    right = unlocked(passwords.password_matches, kept, password)
    renewed = passwords.hash_password(password) if right and passwords.needs_rehash(kept) else None
    if number is None:
        district = door_district()
        guard.log(
            ACTION, Result.FAILED, {"reason": "没有这个账号"}, district_id=district.id if district else None
        )
        return None
    account = _for_update(number)
    now = site.now()
    if right and account.password_hash == kept and account.may_try(now):
        account.password_hash = renewed or kept
        return account
    locked = not right and account.count_failure(now)
    reason = "密码对，但账号停用、锁定或初始密码过期" if right else "密码不对"
    guard.keep(ACTION, Result.FAILED, person=account, reason="连续输错，锁定账号" if locked else reason)
    return None


def _for_update(number: int) -> Account:
    return db.session.get_one(Account, number, with_for_update=True, populate_existing=True)


def _enter(account: Account, wanted: str | None) -> ResponseReturnValue:
    account.let_in(site.now())
    login = begin_session(account)
    g.action = ACTION
    guard.commit(device=login.device, second_step=account.totp_secret is not None)
    return done(onward(wanted))


def _wait_for_code(account: Account, wanted: str | None) -> None:
    """No session on the server yet: the signed cookie knows for five minutes who has given the right password."""
    session.clear()
    session["second"] = {
        "account": account.id,
        "until": (site.now() + SECOND_STEP).isoformat(),
        "password": _stamp(account),
        "next": wanted if wanted and is_ours(wanted) else "",
    }
    guard.keep(FIRST_STEP, Result.DONE, person=account)


def _stamp(account: Account) -> str:
    return token_digest(account.password_hash or "").hex()[:16]


@bp.route("/sign-in/second", methods=["GET", "POST"])
@limiter.limit(PER_ADDRESS, methods=["POST"])
@public
def second_step() -> ResponseReturnValue:
    """The code of the authenticator. Wrong codes count with wrong passwords, so that neither can be tried for ever."""
    pending = session.get("second")
    if pending is None or site.now() >= datetime.fromisoformat(pending["until"]):
        session.pop("second", None)
        flash("验证码这一步超过了5分钟，请重新输入密码。", "warn")
        return redirect(url_for("accounts.sign_in"))
    form = CodeForm()
    if form.validate_on_submit():
        account, now = _for_update(pending["account"]), site.now()
        open_still = account.may_try(now) and _stamp(account) == pending["password"]
        if open_still and account.accept_code(form.code.data or "", now=now):
            return _enter(account, pending["next"])
        locked = open_still and account.count_failure(now)
        guard.keep(
            ACTION, Result.FAILED, person=account, reason="连续输错，锁定账号" if locked else "验证码不对"
        )
        if locked or not open_still:
            session.pop("second", None)
            flash(
                "密码和验证码连续输错5次，账号锁15分钟，之后请重新登录。" if locked else "请重新输入密码。",
                "warn",
            )
            return done(url_for("accounts.sign_in"))
        form.code.errors = ["验证码不对，或者已经用过。请等验证器换出下一个再填"]
    return page("accounts/second_step.html", form=form, district=door_district())


@bp.post("/sign-out")
@signed_in
def sign_out() -> ResponseReturnValue:
    end_session("退出登录")
    flash("您已退出登录。", "ok")
    return done(url_for("accounts.sign_in"))


def door_district() -> District | None:
    """Whose door this is: the district of the host, else the first one."""
    slug = dict(site.settings.hosts).get(request.host.split(":")[0], "")
    first = select(District).order_by(District.slug != slug, District.id).limit(1)
    return db.session.scalar(first)
