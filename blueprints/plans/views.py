"""The plan of a year on one page (年度计划): what is overdue first, how much is done, what changed since it was issued."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload

from blueprints.plans import bp
from blueprints.plans.answers import address, form_page, saved
from blueprints.plans.forms import GoalsForm
from blueprints.web.fields import JustAct
from blueprints.web.guard import can, commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import db, local
from models.enterprises import Enterprise
from models.evidence import counts
from models.plan_suggestions import suggested, take_over
from models.plans import Plan, PlanChange, PlanState, progress, status, worst_first


@bp.get("/enterprises/<int:enterprise_id>/plan")
@needs("plan:draft", Enterprise)
def show(enterprise: Enterprise) -> ResponseReturnValue:
    """The plan of ?year=, else of this year."""
    return _shown(enterprise, overseen=False)


@bp.get("/enterprises/<int:enterprise_id>/plan-issued")
@needs("enterprise:oversee", Enterprise)
def issued(enterprise: Enterprise) -> ResponseReturnValue:
    """The same to those who look after the enterprise: what is in force, nothing to change, no draft."""
    return _shown(enterprise, overseen=True)


def _shown(enterprise: Enterprise, *, overseen: bool) -> ResponseReturnValue:
    today = local(site.now()).date()
    year = request.args.get("year", today.year, type=int)
    known = select(Plan.year).where(Plan.enterprise_id == enterprise.id)
    years = set(db.session.scalars(known.where(Plan.state == PlanState.ISSUED) if overseen else known))
    plan = _plan_of(enterprise, year) if year in years else None
    return page(
        "plans/show.html", enterprise=enterprise, plan=plan, year=year, overseen=overseen, act=JustAct(formdata=None),
        years=sorted(years | ({today.year} if overseen else {today.year, today.year + 1}), reverse=True),
        activities=worst_first(plan.activities, today) if plan else [],
        standing=lambda one: status(one, today),
        progress=progress(plan.activities, today) if plan else None,
        evidence=counts(db.session(), plan.activities) if plan else {},
        suggestions=suggested(year, today) if plan and not plan.activities and not overseen else [],
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


@bp.route("/plans/<int:plan_id>/goals", methods=["GET", "POST"])
@needs("plan:draft", Plan)
def goals(plan: Plan) -> ResponseReturnValue:
    form = GoalsForm(obj=plan)
    if form.validate_on_submit():
        plan = Plan.alone(db.session(), plan.id)
        plan.set_goals(form.goals.data or "", now=site.now(), by_id=current_user.id)
        return saved("年度目标已保存。", address(plan), year=plan.year)
    return form_page(plan, form, f"{plan.year}年度目标", "保存年度目标")


@bp.post("/plans/<int:plan_id>/suggestions")
@needs("plan:draft", Plan)
def suggest(plan: Plan) -> ResponseReturnValue:
    """Takes over the chosen ones of the usual activities; who chose them answers for them until they are edited."""
    chosen = request.form.getlist("suggestion")
    if not JustAct().validate_on_submit() or not chosen:
        return done(address(plan))
    plan = Plan.alone(db.session(), plan.id)
    number = take_over(plan, chosen, responsible=current_user.name, now=site.now(), by_id=current_user.id)
    return saved(f"已增加{number}项活动，时间和负责人可以逐项修改。", address(plan), count=number)


@bp.post("/plans/<int:plan_id>/issue")
@needs("plan:issue", Plan)
def issue(plan: Plan) -> ResponseReturnValue:
    if not JustAct().validate_on_submit():
        return done(address(plan))
    plan = Plan.alone(db.session(), plan.id)
    plan.issue(now=site.now(), by_id=current_user.id)
    return saved(f"{plan.year}年度计划已发布，以后的改动会留下记录。", address(plan), year=plan.year)


def _plan_of(enterprise: Enterprise, year: int) -> Plan | None:
    return db.session.scalar(
        select(Plan)
        .where(Plan.enterprise_id == enterprise.id, Plan.year == year)
        .options(
            joinedload(Plan.issued_by), selectinload(Plan.activities),
            selectinload(Plan.changes).joinedload(PlanChange.by),
        )
    )  # fmt: skip
