"""The system administrator's accounts (账号): who can sign in. What they may do is not decided here."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from blueprints.admin import bp
from blueprints.admin.forms import AccountForm, NewAccountForm, ReasonForm
from blueprints.web.guard import commit, needs, serving, within_reach
from blueprints.web.once import show_once, shown_once
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.sign_in import fresh, unlocked
from blueprints.web.site import site
from blueprints.web.templating import name_scopes
from models import passwords
from models.accounts import Account, AccountState, LoginSession
from models.audit import changes
from models.base import RuleBroken, db, local
from models.invitations import slips_for


@bp.get("/admin/accounts")
@needs("account:manage")
def accounts() -> ResponseReturnValue:
    now = site.now()
    asked, state = request.args.get("q", "").strip(), request.args.get("state", "")
    found = select(Account).where(within_reach("account:manage", Account))
    if asked:
        found = found.where(Account.found_by(asked))
    if state in {s.value for s in AccountState}:
        found = found.where(Account.in_state(AccountState(state), now))
    paging = paged(found.options(selectinload(Account.appointments)).order_by(Account.name, Account.id))
    return page(
        "admin/accounts.html", partial="admin/_accounts.html", paging=paging, asked=asked, state=state,
        states=list(AccountState), today=local(now).date(),
    )  # fmt: skip


@bp.route("/admin/accounts/new", methods=["GET", "POST"])
@needs("account:manage")
def new_account() -> ResponseReturnValue:
    """An account with a random initial password: one sign-in within 72 hours, then the person chooses (SEC-1)."""
    form = NewAccountForm()
    if form.validate_on_submit():
        initial = passwords.initial_password()
        digest = unlocked(passwords.hash_password, initial)
        row = Account(district_id=current_user.district_id, created_at=site.now())
        try:
            row.rename(form.name.data or "")
            row.choose_username(form.username.data or "")
            row.set_mobile(form.mobile.data or "")
            row.hand_out_password(digest, now=site.now())
            db.session.add(row)
            db.session.flush()
            commit(account=row.id, username=row.username, name=row.name)
            show_once(f"initial {row.id}", password=initial)
            return done(url_for("admin.account", account_id=row.id))
        except IntegrityError:
            db.session.rollback()
            form.form_errors.append(_taken(form.username.data or "", form.mobile.data or ""))
    return page("admin/new_account.html", form=form)


def _taken(username: str, mobile: str) -> str:
    if username and db.session.scalar(select(Account.id).where(Account.username == username)):
        return f"账号“{username}”已经有人用，请换一个"
    return f"手机号{mobile}已经登记在另一个账号上"


@bp.get("/admin/accounts/<int:account_id>")
@needs("account:manage", Account)
def account(account: Account) -> ResponseReturnValue:
    now = site.now()
    name_scopes(account.appointments)
    recent = (LoginSession.account_id == account.id, LoginSession.recent(now))
    logins = [s for s in db.session.scalars(select(LoginSession).where(*recent)) if s.alive(now)]
    return page(
        "admin/account.html", account=account, once=shown_once(f"initial {account.id}"), logins=logins,
        today=local(now).date(), may_slip=_may_slip(account), last_seen=_last_seen(account),
    )  # fmt: skip


def _may_slip(account: Account) -> bool:
    """Of everybody in the district but administrators, and not one's own."""
    if account.id == current_user.id:
        return False
    allowed = select(Account.id).where(
        Account.id == account.id, slips_for(serving(), local(site.now()).date())
    )
    return db.session.scalar(allowed) is not None


def _last_seen(account: Account) -> LoginSession | None:
    mine = select(LoginSession).where(LoginSession.account_id == account.id)
    return db.session.scalar(mine.order_by(LoginSession.seen_at.desc()).limit(1))


@bp.route("/admin/accounts/<int:account_id>/edit", methods=["GET", "POST"])
@needs("account:manage", Account)
@fresh
def edit_account(account: Account) -> ResponseReturnValue:
    """Name and mobile. A changed mobile keeps the account (settled 3.4)."""
    form = AccountForm(name=account.name, mobile=account.mobile or "")
    if form.validate_on_submit():
        try:
            account.rename(form.name.data or "")
            account.set_mobile(form.mobile.data or "")
            commit(changes=changes(account))
            flash("已经改好。", "ok")
            return done(url_for("admin.account", account_id=account.id))
        except IntegrityError:
            db.session.rollback()
            form.mobile.errors = [_taken("", form.mobile.data or "")]
    return page("admin/edit_account.html", form=form, account=account)


@bp.route("/admin/accounts/<int:account_id>/disable", methods=["GET", "POST"])
@needs("account:manage", Account)
def disable_account(account: Account) -> ResponseReturnValue:
    """With a reason; every session of the account ends."""
    if account.id == current_user.id:
        raise RuleBroken("不能停用自己的账号")
    form = ReasonForm()
    if form.validate_on_submit():
        account.disable(reason=form.reason.data or "", now=site.now())
        db.session.execute(LoginSession.ending(account.id, "账号停用", now=site.now()))
        commit(reason=account.disabled_reason)
        flash(f"{account.name}的账号已经停用，各处登录都已退出。", "ok")
        return done(url_for("admin.account", account_id=account.id))
    return page("admin/disable_account.html", form=form, account=account)


@bp.post("/admin/accounts/<int:account_id>/enable")
@needs("account:manage", Account)
def enable_account(account: Account) -> ResponseReturnValue:
    reason = account.disabled_reason
    account.enable()
    commit(disabled_reason=reason)
    flash(f"{account.name}的账号已经恢复，用原来的密码登录。", "ok")
    return done(url_for("admin.account", account_id=account.id))


@bp.post("/admin/accounts/<int:account_id>/end-sessions")
@needs("account:manage", Account)
def end_sessions(account: Account) -> ResponseReturnValue:
    if account.id == current_user.id:
        raise RuleBroken("自己的登录在“在用设备”里退出")
    db.session.execute(LoginSession.ending(account.id, "系统管理员退出", now=site.now()))
    commit()
    flash(f"{account.name}在各处的登录都已退出。", "ok")
    return done(url_for("admin.account", account_id=account.id))
