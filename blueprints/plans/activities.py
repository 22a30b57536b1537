"""One activity of a plan (计划活动): planned, changed, done, left out."""

from __future__ import annotations

from collections.abc import Callable

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import Field

from blueprints.plans import bp
from blueprints.plans.answers import address, alone_with, form_page, saved
from blueprints.plans.forms import ActivityForm, CancelForm, CompleteForm, EvidenceForm
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.evidence import MOST, evidence_of
from models.plans import Activity, ActivityKind, Plan, status


@bp.get("/plans/activities/<int:activity_id>")
@needs("plan:draft", Activity)
def activity(activity: Activity) -> ResponseReturnValue:
    """What was planned, what came of it, and what shows it."""
    return shown(activity, EvidenceForm(formdata=None))


def shown(activity: Activity, form: EvidenceForm) -> ResponseReturnValue:
    """The page of an activity around the form for a file."""
    held = evidence_of(db.session(), activity)
    return page(
        "plans/activity.html", activity=activity, plan=activity.plan, act=JustAct(formdata=None), form=form,
        standing=status(activity, local(site.now()).date()), evidence=held, most=MOST,
        room=MOST - sum(one.file is not None for one in held),
    )  # fmt: skip


@bp.route("/plans/<int:plan_id>/activities/new", methods=["GET", "POST"])
@needs("plan:draft", Plan)
def add(plan: Plan) -> ResponseReturnValue:
    form = ActivityForm()
    if form.validate_on_submit():
        plan = Plan.alone(db.session(), plan.id)
        try:
            made = plan.add(*_planned(form), **_further(form))
            return saved(f"已增加“{made.title}”。", address(plan), added=made.title)
        except RuleBroken as refusal:
            form.ends_on.errors = [str(refusal)]
    return form_page(plan, form, "增加活动", "增加这项活动")


@bp.route("/plans/activities/<int:activity_id>/edit", methods=["GET", "POST"])
@needs("plan:draft", Activity)
def edit(activity: Activity) -> ResponseReturnValue:
    form = ActivityForm(obj=activity)
    if request.method == "GET":
        form.kind.data = activity.kind.value

    def act() -> ResponseReturnValue:
        activity.edit(*_planned(form), **_further(form))
        return saved(f"“{activity.title}”已改好。", page_of(activity), activity=activity.title)

    return _acted(activity, form, act, form.ends_on, title=f"修改：{activity.title}", verb="保存修改")


@bp.route("/plans/activities/<int:activity_id>/complete", methods=["GET", "POST"])
@needs("plan:draft", Activity)
def complete(activity: Activity) -> ResponseReturnValue:
    form = CompleteForm()

    def act() -> ResponseReturnValue:
        activity.complete(
            form.done_on.data, form.reached.data or 0, form.result.data or "", now=site.now(),
            by_id=current_user.id,
        )  # fmt: skip
        return saved(f"“{activity.title}”已完成。", page_of(activity), done=activity.title)

    return _acted(activity, form, act, form.done_on, title=f"完成：{activity.title}", verb="登记完成")


@bp.route("/plans/activities/<int:activity_id>/cancel", methods=["GET", "POST"])
@needs("plan:draft", Activity)
def cancel(activity: Activity) -> ResponseReturnValue:
    form = CancelForm()

    def act() -> ResponseReturnValue:
        activity.cancel(form.reason.data or "", now=site.now(), by_id=current_user.id)
        return saved(f"“{activity.title}”已取消。", page_of(activity), reason=form.reason.data)

    return _acted(
        activity, form, act, form.reason, title=f"取消：{activity.title}", verb="取消这项活动", danger=True
    )


def _acted(
    activity: Activity, form: FlaskForm, act: Callable[[], ResponseReturnValue], beside: Field, *, title: str, verb: str,
    danger: bool = False,
) -> ResponseReturnValue:  # fmt: skip
    """The form of an act on an activity that is still open, and the act, alone with the plan; a refusal stands `beside` a
    field. Who opens the form of one that is over sees the activity."""
    if request.method == "GET" and not activity.is_open:
        return done(page_of(activity))
    if form.validate_on_submit():
        alone_with(activity)
        try:
            return act()
        except RuleBroken as refusal:
            beside.errors = [str(refusal)]
    return form_page(activity.plan, form, title, verb, back=page_of(activity), danger=danger)


@bp.post("/plans/activities/<int:activity_id>/reopen")
@needs("plan:draft", Activity)
def reopen(activity: Activity) -> ResponseReturnValue:
    """Done or cancelled by mistake."""
    if not JustAct().validate_on_submit():
        return done(page_of(activity))
    alone_with(activity)
    activity.reopen(now=site.now(), by_id=current_user.id)
    return saved(f"“{activity.title}”的登记已撤回，可以重新登记。", page_of(activity), undone=activity.title)


@bp.post("/plans/activities/<int:activity_id>/drop")
@needs("plan:draft", Activity)
def drop(activity: Activity) -> ResponseReturnValue:
    """Out of the draft."""
    if not JustAct().validate_on_submit():
        return done(page_of(activity))
    plan, title = alone_with(activity), activity.title
    plan.drop(activity)
    return saved(f"“{title}”已从草稿里删去。", address(plan), from_draft=title)


def page_of(activity: Activity) -> str:
    return url_for("plans.activity", activity_id=activity.id)


def _planned(form: ActivityForm) -> tuple:
    return ActivityKind(form.kind.data), form.title.data or "", form.starts_on.data, form.ends_on.data


def _further(form: ActivityForm) -> dict:
    return {
        "responsible": form.responsible.data or "", "target": form.target.data or "", "now": site.now(),
        "by_id": current_user.id,
    }  # fmt: skip
