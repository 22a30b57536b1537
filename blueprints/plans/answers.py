"""What the pages of a plan have in common: where they lie, a form's page, the way back after a change."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from blueprints.web.guard import commit
from blueprints.web.page import done, page
from models.base import RuleBroken, db
from models.plans import Activity, Plan


def address(plan: Plan) -> str:
    return url_for("plans.show", enterprise_id=plan.enterprise_id, year=plan.year)


def saved(words: str, where: str, **details: object) -> ResponseReturnValue:
    """Keeps the change and says so on the page that shows it."""
    flash(words, "ok")
    commit(**details)
    return done(where)


def form_page(
    plan: Plan, form: FlaskForm, title: str, verb: str, *, back: str = "", danger: bool = False
) -> ResponseReturnValue:
    return page(
        "plans/form.html",
        plan=plan,
        form=form,
        title=title,
        verb=verb,
        danger=danger,
        back=back or address(plan),
    )


def alone_with(activity: Activity) -> Plan:
    """The plan of an activity, for us alone. RuleBroken where the activity has just been dropped out of the draft."""
    plan = Plan.alone(db.session(), activity.plan_id)
    if activity not in plan.activities:
        raise RuleBroken("这项活动刚刚从草稿里删去了")
    return plan
