"""An enterprise's closures (停产放假): declared, shortened and withdrawn by itself, objected to by those who look after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from blueprints.reports import bp
from blueprints.web.fields import DayField, JustAct, PlainLinesField, SelectField, WholeField, options
from blueprints.web.guard import can, commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.closures import MOST_DAYS, Closure, closures_of, contacts_of
from models.enterprises import MOST_PEOPLE, Enterprise
from models.inbox import tell
from models.reports import LONGEST_REASON

TOO_LONG = f"不超过{LONGEST_REASON}个字"
STALE = "这一页放得太久，请再按一次"


class DeclareForm(FlaskForm):
    first_on = DayField("第一天", [InputRequired("请填第一天")])
    last_on = DayField("最后一天", [InputRequired("请填最后一天")])
    staff = WholeField(
        "在岗人数",
        [
            InputRequired("请填有几个人在岗，没有就填0"),
            NumberRange(0, MOST_PEOPLE, message=f"人数填0到{MOST_PEOPLE:,}之间的整数"),
        ],
    )
    contact = SelectField("值守联系人", [InputRequired("请选值守联系人")], coerce=int)
    reason = PlainLinesField(
        "原因",
        [DataRequired("请写停产放假的原因，分管的人会看到"), Length(max=LONGEST_REASON, message=TOO_LONG)],
    )


class ShortenForm(FlaskForm):
    last_on = DayField("新的最后一天", [InputRequired("请填新的最后一天")])


class ObjectForm(FlaskForm):
    reason = PlainLinesField(
        "理由", [DataRequired("请写异议的理由，企业会看到"), Length(max=LONGEST_REASON, message=TOO_LONG)]
    )


@bp.get("/enterprises/<int:enterprise_id>/closures")
@needs("closure:see", Enterprise)
def closures(enterprise: Enterprise) -> ResponseReturnValue:
    return _listed(enterprise)


@bp.route("/enterprises/<int:enterprise_id>/closures/new", methods=["GET", "POST"])
@needs("closure:declare", Enterprise)
def declare_closure(enterprise: Enterprise) -> ResponseReturnValue:
    """From a day to a day, with those who stay on duty."""
    session, now = db.session(), site.now()
    people = contacts_of(session, enterprise.id, local(now).date())
    form = DeclareForm(contact=current_user.id)
    form.contact.choices = options((one.id, one.name) for one in people)
    if form.validate_on_submit():
        try:
            row = Closure.declare(
                session, enterprise, first_on=form.first_on.data, last_on=form.last_on.data, staff=form.staff.data,
                contact_id=form.contact.data, reason=form.reason.data or "", now=now, by_id=current_user.id,
            )  # fmt: skip
        except RuleBroken as broken:
            session.rollback()
            form.form_errors.append(str(broken))
        else:
            flash(f"已申报停产放假：{row.days}", "ok")
            return _settled(row, {"from": row.first_on, "to": row.last_on, "staff": row.staff})
    return page(
        "reports/close.html", form=form, enterprise=enterprise, title="申报停产放假", verb="申报",
        lead=f"最早从今天开始，一次最多{MOST_DAYS}天。这几天到期的报送，顺延到之后第一个工作日12:00；应急期间有人在岗的，日报照常",
    )  # fmt: skip


@bp.route("/closures/<int:closure_id>/shorten", methods=["GET", "POST"])
@needs("closure:declare", Closure)
def shorten_closure(closure: Closure) -> ResponseReturnValue:
    form = ShortenForm()
    if form.validate_on_submit():
        answer = _act(
            form, closure, lambda one: one.shorten(form.last_on.data, now=site.now()), "已缩短，现在是{}"
        )
        if answer is not None:
            return answer
    return page(
        "reports/close.html", form=form, enterprise=closure.enterprise, title="缩短停产放假", verb="缩短",
        lead=f"申报的是{closure.days}。只能改早，最早到今天为止；截止时间跟着提前",
    )  # fmt: skip


@bp.post("/closures/<int:closure_id>/withdraw")
@needs("closure:declare", Closure)
def withdraw_closure(closure: Closure) -> ResponseReturnValue:
    form = JustAct()
    if not form.validate_on_submit():
        return _listed(closure.enterprise, STALE)
    answer = _act(form, closure, lambda one: one.withdraw(now=site.now()), "已撤回：{}")
    return answer or _listed(closure.enterprise, str(form.form_errors[0]))


@bp.route("/closures/<int:closure_id>/object", methods=["GET", "POST"])
@needs("closure:object", Closure)
def object_to_closure(closure: Closure) -> ResponseReturnValue:
    """The enterprise reads why; whoever declared it is told."""
    form = ObjectForm()

    def act(one: Closure) -> None:
        one.object_to(db.session(), form.reason.data or "", now=site.now(), by=current_user.account)
        where = url_for("reports.closures", enterprise_id=one.enterprise_id)
        tell(
            db.session(), [one.declared_by_id, one.contact_id], f"closure:{one.id}:objected",
            f"停产放假{one.days}有异议", "从现在起不再顺延报送的截止时间", where, site.now(),
        )  # fmt: skip

    if form.validate_on_submit():
        answer = _act(form, closure, act, "已提出异议，不再顺延：{}")
        if answer is not None:
            return answer
    return page(
        "reports/close.html", form=form, enterprise=closure.enterprise, title="对停产放假提出异议", verb="提出异议",
        lead=f"{closure.days}，在岗{closure.staff:,}人。提出以后不再顺延；今天以前已经顺延的，改到下一个工作日12:00截止",
    )  # fmt: skip


def _act(
    form: Any, closure: Closure, act: Callable[[Closure], None], said: str
) -> ResponseReturnValue | None:
    """Done, or None with why not in the form."""
    session = db.session()
    try:
        one = Closure.alone(session, closure)
        act(one)
    except RuleBroken as broken:
        session.rollback()
        form.form_errors.append(str(broken))
        return None
    flash(said.format(one.days), "ok")
    return _settled(one, {"to": one.last_on})


def _settled(one: Closure, details: dict[str, Any]) -> ResponseReturnValue:
    commit(enterprise_id=one.enterprise_id, **details)
    return done(url_for("reports.closures", enterprise_id=one.enterprise_id))


def _listed(enterprise: Enterprise, wrong: str = "") -> ResponseReturnValue:
    today = local(site.now()).date()
    found = closures_of(db.session(), enterprise.id)
    return page(
        "reports/closures.html", status=422 if wrong else 200, wrong=wrong, enterprise=enterprise, today=today,
        rows=found, may_declare=can("closure:declare") and enterprise.closed_at is None,
        may_object=can("closure:object"), at_home=can("report:file"), act=JustAct(formdata=None),
    )  # fmt: skip
