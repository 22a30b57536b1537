"""Those who look after an enterprise (审核): what waits for them, one report with its history, accepting, returning, a lock
opened once more, an excuse. Numbers alone are shown, nobody's health by name."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms.validators import DataRequired, InputRequired, Length

from blueprints.reports import bp
from blueprints.reports.shown import grouped, history, open_closures
from blueprints.web.fields import DayField, JustAct, PlainLinesField
from blueprints.web.guard import can, commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models.base import SHANGHAI, RuleBroken, db, local
from models.obligations import Obligation, Review, basis, moment, status
from models.reminding import asks, said, tell_returned, tell_unlocked
from models.reports import (
    LONGEST_EXCEPTION,
    LONGEST_REASON,
    alone,
    exceptions_of,
    judge,
    past_of,
    these_alone,
    unlock,
    versions_of,
    works_at,
)  # fmt: skip
from models.reports import accept_many as accept_many_of

SIZE = 50  # of one page, and accepted at once at most
TICKED = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")  # an obligation, and the version of it that was shown
TOO_LONG = f"不超过{LONGEST_REASON}个字"


class ExcuseForm(FlaskForm):
    reason = PlainLinesField(
        "原因", [DataRequired("请写一句原因，企业会看到"), Length(max=LONGEST_REASON, message=TOO_LONG)]
    )


class UnlockForm(ExcuseForm):
    until = DayField("到哪天为止", [InputRequired("请填到哪天为止")])


@bp.get("/reports")
@needs("report:see")
def waiting() -> ResponseReturnValue:
    """What waits to be judged within the person's reach, the longest waiting first."""
    return _waiting()


@bp.post("/reports/accept")
@needs("report:review")
def accept_many() -> ResponseReturnValue:
    """Accepts the ticked ones, each as it was shown; what cannot be accepted is named and waits on."""
    if not JustAct().validate_on_submit():
        return _waiting("这一页放得太久，还没有审核，请再按一次")
    ticked = [match for text in request.form.getlist("one")[:SIZE] if (match := TICKED.fullmatch(text))]
    seen = {int(match[1]): int(match[2]) for match in ticked}
    session = db.session()
    found = these_alone(session, within_reach("report:review", Obligation), seen)
    if not found:
        return _waiting("请选要通过的报送")
    refused = accept_many_of(session, found, seen=seen, now=site.now(), by=current_user.account)
    kept = {one.id for one, _ in refused}
    accepted = [one.id for one in found if one.id not in kept]
    said = f"已审核通过{len(accepted)}份" if accepted else "没有通过任何一份"
    why = "；".join(
        f"{one.enterprise.short_name or one.enterprise.name}{one.title}：{words}" for one, words in refused
    )
    flash(said + (f"。没有通过的：{why}" if refused else ""), "warn" if refused else "ok")
    commit(obligations=accepted, count=len(accepted), refused=len(refused))
    return done(url_for("reports.waiting"))


def _waiting(wrong: str = "") -> ResponseReturnValue:
    now = site.now()
    found = paged(
        select(Obligation)
        .where(Obligation.live(), Obligation.review == Review.WAITING, within_reach("report:see", Obligation))
        .options(joinedload(Obligation.enterprise))
        .order_by(Obligation.received_at, Obligation.id),
        size=SIZE,
    )
    return page(
        "reports/waiting.html", status=422 if wrong else 200, wrong=wrong, paging=found, now_at=now,
        rows=[(one, status(one, now)) for one in found.rows], may_judge=can("report:review"), act=JustAct(formdata=None),
        all_ticked=request.args.get("all") == str(found.page), ticked=request.form.getlist("one"),
    )  # fmt: skip


@bp.get("/reports/<int:obligation_id>")
@needs("report:see", Obligation)
def show(obligation: Obligation) -> ResponseReturnValue:
    return shown(obligation)


@bp.post("/reports/<int:obligation_id>/review")
@needs("report:review", Obligation)
def review(obligation: Obligation) -> ResponseReturnValue:
    """Accepted, or returned with the fields that are wrong and a sentence."""
    if not JustAct().validate_on_submit():
        return shown(obligation, "这一页放得太久，请再按一次")
    session = db.session()
    verdict = Review.RETURNED if request.form.get("verdict") == "returned" else Review.ACCEPTED
    asked = site.book.get(obligation.scheme_key).asked_in(obligation.mode)
    labels = {one.key: one.label for one in asked}
    try:
        held = alone(session, obligation)
        row = judge(
            session, held, verdict, seen=request.form.get("seen", 0, type=int), fields=request.form.getlist("wrong"),
            words=request.form.get("words", "")[:LONGEST_REASON], asked=labels, now=site.now(), by=current_user.account,
        )  # fmt: skip
        if verdict is Review.RETURNED:
            tell_returned(session, held, row, labels)
    except RuleBroken as broken:
        session.rollback()
        return shown(obligation, str(broken))
    flash(f"{obligation.title}{'已退回' if verdict is Review.RETURNED else '已审核'}", "ok")
    commit(version=row.version_id, verdict=verdict.value, fields=row.fields)
    return done(url_for("reports.show", obligation_id=obligation.id))


@bp.route("/reports/<int:obligation_id>/unlock", methods=["GET", "POST"])
@needs("report:unlock", Obligation)
def open_again(obligation: Obligation) -> ResponseReturnValue:
    """A locked report may be filed until the end of a day after all; it stays late."""
    form = UnlockForm()
    last = local(site.now() + LONGEST_EXCEPTION).date() - timedelta(days=1)
    if form.validate_on_submit():
        ends = datetime.combine(form.until.data, time(23, 59, 59), SHANGHAI)
        try:
            held = alone(db.session(), obligation)
            row = unlock(
                db.session(), held, form.reason.data or "", ends, now=site.now(), by=current_user.account
            )
            db.session.flush()
            tell_unlocked(db.session(), held, row)
        except RuleBroken as broken:
            db.session.rollback()
            form.form_errors.append(str(broken))
        else:
            flash(
                f"{obligation.title}到{form.until.data.month}月{form.until.data.day}日24:00可以补报，仍算迟报",
                "ok",
            )
            commit(until=ends, reason=form.reason.data)
            return done(url_for("reports.show", obligation_id=obligation.id))
    return page(
        "reports/decide.html", form=form, one=obligation, title="开一次锁定例外", verb="开例外",
        lead=f"只对这一期有效，补报仍算迟报；最晚到{last.month}月{last.day}日",
    )  # fmt: skip


@bp.route("/reports/<int:obligation_id>/excuse", methods=["GET", "POST"])
@needs("report:excuse", Obligation)
def excuse(obligation: Obligation) -> ResponseReturnValue:
    """An enterprise need not file this period: closed for works, nobody on duty."""
    form = ExcuseForm()
    if form.validate_on_submit():
        try:
            held = alone(db.session(), obligation)
            if works_at(db.session(), held.enterprise_id, current_user.account, local(site.now()).date()):
                raise RuleBroken("自己企业的报送，要由别人豁免")
            held.excuse(form.reason.data or "", now=site.now(), by_id=current_user.id)
        except RuleBroken as broken:
            db.session.rollback()
            form.form_errors.append(str(broken))
        else:
            flash(f"{obligation.title}已豁免，不算缺报", "ok")
            commit(excused=True, reason=form.reason.data)
            return done(url_for("reports.show", obligation_id=obligation.id))
    return page(
        "reports/decide.html", form=form, one=obligation, title="豁免这一期", verb="豁免",
        lead="停业、停工、没有人上班时用；豁免以后不用再报，也不算缺报",
    )  # fmt: skip


def shown(obligation: Obligation, wrong: str = "") -> ResponseReturnValue:
    session, now = db.session(), site.now()
    fields = site.book.get(obligation.scheme_key).asked_in(obligation.mode)
    versions = versions_of(session, obligation)
    past = past_of(session, obligation, 1)
    judgeable = obligation.review is Review.WAITING and obligation.voided_at is None and can("report:review")
    return page(
        "reports/show.html", status=422 if wrong else 200, wrong=wrong, one=obligation, enterprise=obligation.enterprise,
        how=status(obligation, now), now_at=now, basis=basis(obligation), groups=grouped(fields), told=history(fields, versions),
        newest=versions[0] if versions else None, last=past[0] if past else {}, labels={one.key: one.label for one in fields},
        judgeable=judgeable, chosen=request.form.getlist("wrong"), words=request.form.get("words", ""),
        act=JustAct(formdata=None), longest=LONGEST_REASON, exceptions=exceptions_of(session, obligation),
        may_unlock=can("report:unlock") and _is_locked(obligation), may_excuse=can("report:excuse") and _is_unfiled(obligation),
        mode_now=obligation.mode.value, reminders=said(session, [obligation.id]),
        may_remind=can("report:remind") and asks(obligation, now),
        closures=open_closures(obligation.enterprise_id, obligation.first_on),
    )  # fmt: skip


def _is_locked(one: Obligation) -> bool:
    now = site.now()
    alive = one.voided_at is None and one.excused_at is None
    return alive and moment(now) >= one.locks_at and not one.is_unlocked(now)


def _is_unfiled(one: Obligation) -> bool:
    return one.voided_at is None and one.excused_at is None and one.received_at is None
