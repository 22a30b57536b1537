"""Where one's messages go besides this site (消息邮箱): given, confirmed by a code that is sent there, cleared."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.accounts import bp
from blueprints.accounts.forms import MailCodeForm, MailForm
from blueprints.web import guard, jobs
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, signed_in
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import delivery
from models.audit import Result
from models.base import RuleBroken, db
from models.delivery import Channel
from models.mail_addresses import MailAddress, mask_address


@bp.route("/me/mail", methods=["GET", "POST"])
@signed_in
def mail() -> ResponseReturnValue:
    """A POST has a code sent to the address that was typed."""
    form = MailForm()
    if form.validate_on_submit():
        try:
            if Channel.MAIL not in site.carriers:
                raise RuleBroken("本站没有开通邮件，消息只在站内")
            mine = MailAddress.of(db.session(), current_user.id)
            key = mine.ask(form.address.data or "", now=site.now())
        except RuleBroken as refusal:
            db.session.rollback()
            form.address.errors = [str(refusal)]
        else:
            delivery.to_new_address(db.session(), mine, key, now=site.now())
            commit(asked=mask_address(mine.pending or ""))
            jobs.begin_going_out()
            return done(url_for("accounts.mail"))
    return _shown(form, MailCodeForm(formdata=None))


@bp.post("/me/mail/confirm")
@signed_in
def confirm_mail() -> ResponseReturnValue:
    """The code has arrived, so the address is the person's. A wrong one counts, and the fifth ends the code."""
    form = MailCodeForm()
    if form.validate_on_submit():
        mine = MailAddress.of(db.session(), current_user.id)
        if mine.confirm(form.code.data or "", now=site.now()):
            commit(confirmed=mask_address(mine.address or ""))
            flash("消息邮箱已经登记好，以后有新消息，会把标题和地址发到那里。", "ok")
            return done(url_for("accounts.mail"))
        guard.keep("own:confirm_mail", Result.FAILED, tries=mine.tries)
        waits = mine.is_waiting(site.now())
        form.code.errors = ["验证码不对，请看邮件再填" if waits else "连续填错5次，这个验证码作废，请重新发"]
        if not waits:
            again = MailForm(formdata=None)
            again.form_errors = list(form.code.errors)
            return _shown(again, form, status=422)
    return _shown(MailForm(formdata=None), form, status=422)


@bp.post("/me/mail/clear")
@signed_in
def clear_mail() -> ResponseReturnValue:
    if JustAct().validate_on_submit():
        mine = MailAddress.of(db.session(), current_user.id)
        mine.clear()
        commit(cleared=True)
        flash("消息邮箱已经清除，消息只在站内。", "ok")
    return done(url_for("accounts.mail"))


def _shown(form: MailForm, code_form: MailCodeForm, status: int = 200) -> ResponseReturnValue:
    mine = db.session.scalar(select(MailAddress).where(MailAddress.account_id == current_user.id))
    waiting = mine is not None and mine.is_waiting(site.now())
    return page(
        "accounts/mail.html", form=form, code_form=code_form, act=JustAct(formdata=None), status=status,
        address=mask_address(mine.address) if mine and mine.address else "",
        pending=mask_address(mine.pending or "") if mine and waiting else "", until=mine.code_until if mine else None,
        is_open=Channel.MAIL in site.carriers,
    )  # fmt: skip
