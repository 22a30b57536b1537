"""The security administrator's appointments (任职): who holds which post, for what, until when."""

from __future__ import annotations

from datetime import date, timedelta

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload

from blueprints.admin import bp
from blueprints.admin.forms import AppointForm, ReasonForm
from blueprints.web.fields import options
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.sign_in import fresh
from blueprints.web.site import site
from blueprints.web.templating import name_scopes, scope_name
from models.access import SCOPES, Post
from models.accounts import SCOPE_MODELS, Account, Appointment
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise

SOON = timedelta(days=30)
MOST_SCOPES = 300
TERMS = {"": "在任", "soon": "30天内到期", "future": "还没开始", "over": "已结束"}


def _today() -> date:
    return local(site.now()).date()


@bp.get("/admin/appointments")
@needs("appointment:manage")
def appointments() -> ResponseReturnValue:
    asked, where = request.args.get("q", "").strip(), request.args.get("where", "").strip()
    post, term = request.args.get("post", ""), request.args.get("term", "")
    found = _in_term(term if term in TERMS else "")
    if asked:
        found = found.where(Account.found_by(asked))
    if post in set(Post):
        found = found.where(Appointment.post == Post(post))
    if where:
        named = (
            and_(
                Appointment.scope == kind,
                Appointment.scope_id.in_(select(model.id).where(model.name.contains(where, autoescape=True))),
            )
            for kind, model in SCOPE_MODELS.items()
        )
        found = found.where(or_(*named))
    paging = paged(found.order_by(Appointment.ends_on, Account.name, Appointment.id))
    name_scopes(paging.rows)
    return page(
        "admin/appointments.html", partial="admin/_appointments.html", paging=paging, asked=asked, where=where,
        post=post, term=term, posts=list(Post), terms=TERMS, today=_today(), soon=_today() + SOON,
    )  # fmt: skip


def _in_term(term: str) -> Select[tuple[Appointment]]:
    today = _today()
    found = select(Appointment).join(Appointment.account).options(joinedload(Appointment.account))
    found = found.where(within_reach("appointment:manage", Appointment))
    serving = Appointment.serving(today)
    return found.where(
        {
            "": serving,
            "soon": and_(serving, Appointment.ends_on <= today + SOON),
            "future": and_(Appointment.current(today), Appointment.starts_on > today),
            "over": ~Appointment.current(today),
        }[term]
    )


@bp.get("/admin/appointments/new")
@needs("appointment:manage")
def appoint() -> ResponseReturnValue:
    """Whom to appoint: an account is looked up first."""
    asked = request.args.get("q", "").strip()
    found = []
    if asked:
        mine = select(Account).where(within_reach("appointment:manage", Account), Account.found_by(asked))
        mine = mine.options(selectinload(Account.appointments)).order_by(Account.name, Account.id).limit(30)
        found = db.session.scalars(mine).all()
        name_scopes(a for account in found for a in account.appointments)
    return page("admin/appoint.html", partial="admin/_appoint.html", asked=asked, found=found, today=_today())


@bp.route("/admin/appointments/new/<int:account_id>", methods=["GET", "POST"])
@needs("appointment:manage", Account)
@fresh
def appoint_account(account: Account) -> ResponseReturnValue:
    """First the post, then its scope and term. What excludes what is the model's rule, and the database's."""
    asked = request.args.get("post", "")
    post = Post(asked) if asked in set(Post) else Post.SPECIALIST
    part = request.args.get("part", "").strip()
    form = AppointForm(starts_on=_today(), ends_on=_today() + timedelta(days=365))
    scopes, more = _scopes(post, part)
    form.scope_id.choices = options(scopes)
    if form.validate_on_submit():
        name = account.name
        try:
            appointment = Appointment.appoint(
                account, post, form.scope_id.data, starts_on=form.starts_on.data, ends_on=form.ends_on.data,
                now=site.now(), by_id=current_user.id,
            )  # fmt: skip
            db.session.flush()
            commit(
                appointment=appointment.id, post=post.value, scope=appointment.scope, scope_id=appointment.scope_id,
                term=[appointment.starts_on, appointment.ends_on],
            )  # fmt: skip
            flash(f"{name}已任{post.label}，{scope_name(appointment)}。", "ok")
            return done(url_for("admin.appointments", q=account.username))
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
        except IntegrityError:  # somebody appointed this person in the same moment
            db.session.rollback()
            form.form_errors.append(f"{name}刚刚有了另一个管理员岗位，系统、安全、审计管理员不能兼任")
    return page(
        "admin/appoint_account.html",
        form=form,
        account=account,
        post=post,
        posts=list(Post),
        part=part,
        more=more,
    )


def _scopes(post: Post, part: str) -> tuple[list[tuple[int, str]], bool]:
    model = SCOPE_MODELS[SCOPES[post]]
    found = select(model.id, model.name).where(within_reach("appointment:manage", model)).order_by(model.name)
    if part:
        found = found.where(model.name.contains(part, autoescape=True))
    if model is Enterprise:
        found = found.where(Enterprise.closed_at.is_(None))
    rows = db.session.execute(found.limit(MOST_SCOPES + 1)).all()
    return [(number, name) for number, name in rows[:MOST_SCOPES]], len(rows) > MOST_SCOPES


@bp.route("/admin/appointments/<int:appointment_id>/end", methods=["GET", "POST"])
@needs("appointment:manage", Appointment)
@fresh
def end_appointment(appointment: Appointment) -> ResponseReturnValue:
    """Before its term, with a reason; from this moment the person can no longer act in the post."""
    if appointment.account_id == current_user.id:
        raise RuleBroken("不能免去自己的岗位，请由另一位安全管理员办理")
    form = ReasonForm()
    if form.validate_on_submit():
        appointment.end(reason=form.reason.data or "", now=site.now())
        commit(account=appointment.account_id, post=appointment.post.value, reason=appointment.end_reason)
        flash(f"{appointment.account.name}不再担任{appointment.post.label}。", "ok")
        return done(url_for("admin.appointments"))
    return page("admin/end_appointment.html", form=form, appointment=appointment)
