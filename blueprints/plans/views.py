"""The plan of a year on one page (年度计划): what is overdue first, how much is done, what changed since it was issued."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload

from blueprints.plans import bp
from blueprints.plans.forms import ActivityForm, CancelForm, CompleteForm
from blueprints.web.fields import JustAct
from blueprints.web.guard import can, commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise
from models.plans import Activity, ActivityKind, Plan, PlanChange, progress, status, worst_first


@bp.get("/enterprises/<int:enterprise_id>/plan")
@needs("plan:draft", Enterprise)
def show(enterprise: Enterprise) -> ResponseReturnValue:
    """The plan of ?year=, else of this year."""
    today = local(site.now()).date()
    year = request.args.get("year", today.year, type=int)
    years = set(db.session.scalars(select(Plan.year).where(Plan.enterprise_id == enterprise.id)))
    plan = _plan_of(enterprise, year)
    return page(
        "plans/show.html", enterprise=enterprise, plan=plan, year=year, form=None, act=JustAct(formdata=None),
        years=sorted(years | {today.year, today.year + 1}, reverse=True),
        activities=worst_first(plan.activities, today) if plan else [],
        standing=lambda one: status(one, today),
        progress=progress(plan.activities, today) if plan else None,
        may_begin=today.year - 1 <= year <= today.year + 1, has_last=year - 1 in years, may_issue=can("plan:issue"),
    )  # fmt: skip


@bp.post("/enterprises/<int:enterprise_id>/plan")
@needs("plan:draft", Enterprise)
def begin(enterprise: Enterprise) -> ResponseReturnValue:
    """A draft for ?year=; with ?copy=1 with the activities of the year before."""
    year = request.args.get("year", 0, type=int)
    if JustAct().validate_on_submit() and _plan_of(enterprise, year) is None:
        after = _plan_of(enterprise, year - 1) if request.args.get("copy") else None
        db.session.add(Plan.begin(enterprise, year, now=site.now(), by_id=current_user.id, after=after))
        try:
            db.session.flush()
        except IntegrityError:  # somebody else was quicker: theirs stands
            db.session.rollback()
        else:
            commit(year=year, copied=after is not None)
    return done(url_for("plans.show", enterprise_id=enterprise.id, year=year))


@bp.route("/plans/<int:plan_id>/activities/new", methods=["GET", "POST"])
@needs("plan:draft", Plan)
def add(plan: Plan) -> ResponseReturnValue:
    form = ActivityForm()
    if form.validate_on_submit():
        try:
            activity = plan.add(
                ActivityKind(form.kind.data), form.title.data or "", form.starts_on.data, form.ends_on.data,
                responsible=form.responsible.data or "", target=form.target.data or "", now=site.now(),
                by_id=current_user.id,
            )  # fmt: skip
            return _saved(plan, f"已增加“{activity.title}”。", added=activity.title)
        except RuleBroken as refusal:
            form.ends_on.errors = [str(refusal)]
    return _form(plan, form, "增加活动", "增加这项活动")


@bp.route("/plans/activities/<int:activity_id>/complete", methods=["GET", "POST"])
@needs("plan:draft", Activity)
def complete(activity: Activity) -> ResponseReturnValue:
    form = CompleteForm()
    if form.validate_on_submit():
        try:
            activity.complete(
                form.done_on.data, form.reached.data or 0, form.result.data or "", now=site.now(),
                by_id=current_user.id,
            )  # fmt: skip
            return _saved(activity.plan, f"“{activity.title}”已完成。", done=activity.title)
        except RuleBroken as refusal:
            form.done_on.errors = [str(refusal)]
    return _form(activity.plan, form, f"完成：{activity.title}", "登记完成")


@bp.route("/plans/activities/<int:activity_id>/cancel", methods=["GET", "POST"])
@needs("plan:draft", Activity)
def cancel(activity: Activity) -> ResponseReturnValue:
    form = CancelForm()
    if form.validate_on_submit():
        try:
            activity.cancel(form.reason.data or "", now=site.now(), by_id=current_user.id)
            return _saved(activity.plan, f"“{activity.title}”已取消。", reason=form.reason.data)
        except RuleBroken as refusal:
            form.reason.errors = [str(refusal)]
    return _form(activity.plan, form, f"取消：{activity.title}", "取消这项活动", danger=True)


@bp.post("/plans/<int:plan_id>/issue")
@needs("plan:issue", Plan)
def issue(plan: Plan) -> ResponseReturnValue:
    if JustAct().validate_on_submit():
        plan.issue(now=site.now(), by_id=current_user.id)
        return _saved(plan, f"{plan.year}年度计划已发布，以后的改动会留下记录。", year=plan.year)
    return done(_address(plan))


def _plan_of(enterprise: Enterprise, year: int) -> Plan | None:
    return db.session.scalar(
        select(Plan)
        .where(Plan.enterprise_id == enterprise.id, Plan.year == year)
        .options(
            joinedload(Plan.issued_by), selectinload(Plan.activities),
            selectinload(Plan.changes).joinedload(PlanChange.by),
        )
    )  # fmt: skip


def _saved(plan: Plan, words: str, **details: object) -> ResponseReturnValue:
    flash(words, "ok")
    commit(**details)
    return done(_address(plan))


def _form(plan: Plan, form: FlaskForm, title: str, verb: str, danger: bool = False) -> ResponseReturnValue:
    return page(
        "plans/form.html", plan=plan, form=form, title=title, verb=verb, danger=danger, back=_address(plan)
    )


def _address(plan: Plan) -> str:
    return url_for("plans.show", enterprise_id=plan.enterprise_id, year=plan.year)
