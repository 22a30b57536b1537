"""Portfolios that pass from one officer to another (移交分管范围): seen first, then done in one act, undone before it begins."""

from __future__ import annotations

from datetime import date

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from blueprints.office import bp
from blueprints.web import filters, guard
from blueprints.web.fields import DayField, PlainTextField, RadioField, SelectField, number_or_none, options
from blueprints.web.guard import commit, needs, serving
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from blueprints.web.templating import name_scopes, scope_name
from models import access
from models import hand_over as rules
from models.access import Post
from models.accounts import Account, Appointment
from models.base import RuleBroken, db, local
from models.hand_over import PortfolioHandOver

FOR_GOOD, LEAVE = "good", "leave"
HOW = ((LEAVE, "休假、外出，到期自动交回"), (FOR_GOOD, "长期移交"))
SHOWN = 20  # hand-overs on the page


class HandOverForm(FlaskForm):
    """`successor` gets its choices from who may take the portfolio."""

    successor = SelectField("接手的人", coerce=number_or_none, validators=[DataRequired("请选接手的人")])
    how = RadioField("怎么移交", choices=options(HOW), validators=[InputRequired("请选怎么移交")])
    starts_on = DayField("从哪天起", [InputRequired("请填从哪天起移交，今天就是马上")])
    leave_ends_on = DayField("代管到哪天（含当天）", [Optional()])
    reason = PlainTextField(
        "原因", [DataRequired("请写一句原因"), Length(max=100, message="原因最多100个字")]
    )


def _today() -> date:
    return local(site.now()).date()


@bp.get("/hand-over")
@needs("portfolio:hand_over")
def hand_over() -> ResponseReturnValue:
    """The portfolios that I may hand over, and what has been handed over."""
    today, asked = _today(), request.args.get("q", "").strip()
    mine = (
        select(Appointment).join(Appointment.account).options(joinedload(Appointment.account))
        .where(rules.may_hand_over(serving(), current_user.id, today))
    )  # fmt: skip
    if asked:
        mine = mine.where(Account.found_by(asked))
    paging = paged(mine.order_by(Appointment.account_id != current_user.id, Account.name, Appointment.id))
    made = db.session.scalars(rules.hand_overs(serving(), current_user.id).limit(SHOWN)).unique().all()
    name_scopes([*paging.rows, *(one.old for one in made)])
    return page(
        "office/hand_over.html", partial="office/_portfolios.html", paging=paging, asked=asked, made=made, today=today,
        above=_is_above(),
    )  # fmt: skip


def _is_above() -> bool:
    return any(one.post == Post.TASK_FORCE for one in serving())


@bp.route("/hand-over/<int:number>", methods=["GET", "POST"])
@needs("portfolio:hand_over")
def hand_over_one(number: int) -> ResponseReturnValue:
    """Who takes it, from when, for how long; then what passes; then the act."""
    now, old = site.now(), _portfolio(number)
    own = old.account_id == current_user.id
    found = rules.colleagues(db.session(), old, _today(), own=own)
    name_scopes([old, *found])
    form, plan = HandOverForm(starts_on=_today(), how=LEAVE), None
    form.successor.choices = options(
        (one.account_id, f"{one.account.name}（{one.post.label}，{scope_name(one)}）") for one in found
    )
    if own:
        form.how.choices = options(HOW[:1])
    if form.validate_on_submit():
        try:
            plan = _planned(form, old)
            if request.form.get("step") == "do":
                made = plan.carry_out(db.session(), now=now, by_id=current_user.id)
                db.session.flush()
                commit(
                    hand_over=made.id, old=old.id, successor=plan.successor.id, starts_on=plan.starts_on,
                    leave_ends_on=plan.leave_ends_on, reason=plan.reason,
                )  # fmt: skip
                flash(
                    f"{scope_name(old)}{filters.full_day(plan.starts_on)}起由{plan.successor.name}负责。",
                    "ok",
                )
                return done(url_for("office.hand_over") if _may_look() else url_for("accounts.me"))
        except RuleBroken as refusal:
            db.session.rollback()
            plan = None
            form.form_errors.append(str(refusal))
    return page(
        "office/hand_over_one.html", form=form, old=old, own=own, plan=plan, found=found,
        passing=rules.what_passes(db.session(), old, policy_on(current_user.district_id, _today()), now),
    )  # fmt: skip


def _may_look() -> bool:
    """Whether somebody who has just handed over the own portfolio may still look at the list."""
    return access.may(current_user.serving(_today()), "portfolio:hand_over")


def _planned(form: HandOverForm, old: Appointment) -> rules.Plan:
    leave = form.how.data == LEAVE
    if leave and form.leave_ends_on.data is None:
        raise RuleBroken("请填代管到哪天；不再回来的，请选长期移交")
    return rules.plan(
        db.session(), old, db.session.get_one(Account, form.successor.data), starts_on=form.starts_on.data,
        leave_ends_on=form.leave_ends_on.data if leave else None, reason=form.reason.data or "",
        by=current_user.account, now=site.now(),
    )  # fmt: skip


def _portfolio(number: int) -> Appointment:
    found = select(Appointment).where(
        Appointment.id == number, rules.may_hand_over(serving(), current_user.id, _today())
    )
    old = db.session.scalar(found.options(joinedload(Appointment.account)))
    if old is None:
        guard.refuse(404, "portfolio:hand_over", object_type="appointment", object_id=str(number))
    return old


@bp.post("/hand-over/<int:number>/undo")
@needs("portfolio:hand_over")
def undo_hand_over(number: int) -> ResponseReturnValue:
    """Takes a hand-over back before its day."""
    made = _made(number)
    made.undo(db.session(), now=site.now())
    commit(hand_over=made.id, undone=True)
    flash(f"移交已经撤销，仍由{made.old.account.name}负责。", "ok")
    return done(url_for("office.hand_over"))


@bp.post("/hand-over/<int:number>/end")
@needs("portfolio:hand_over")
def end_leave(number: int) -> ResponseReturnValue:
    """Back from leave before the planned day."""
    made = _made(number)
    made.end_leave(db.session(), now=site.now())
    commit(hand_over=made.id, back=True)
    flash(f"现在起由{made.old.account.name}负责。", "ok")
    return done(url_for("office.hand_over"))


def _made(number: int) -> PortfolioHandOver:
    query = rules.hand_overs(serving(), current_user.id).where(PortfolioHandOver.id == number)
    made = db.session.scalars(query).unique().first()
    if made is None:
        guard.refuse(404, "portfolio:hand_over", object_type="portfolio_hand_over", object_id=str(number))
    return made
