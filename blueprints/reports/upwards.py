"""The report upwards (上报): a unit, a community or a place confirms its period's sums; the district takes them or sends them back."""

from __future__ import annotations

from flask import flash, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.reports import bp
from blueprints.reports.asked import Asked, asked, to
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, needs, serving
from blueprints.web.page import done, page
from blueprints.web.paging import paged_list
from blueprints.web.site import site
from models import tracking, unit_reports
from models.access import GRANTS
from models.accounts import Appointment
from models.base import RuleBroken, db
from models.obligations import Review
from models.tracking import By, Span
from models.unit_reports import LABELS, LONGEST_COMMENT, Sums, UnitReport

STALE = "这一页放得太久，请再按一次"


@bp.route("/reports/upwards", methods=["GET", "POST"])
@needs("report:send_up")
def send_up() -> ResponseReturnValue:
    """What one of the person's own units, communities or places reports of a period: the sums as they are now, and what was said."""
    found, wrong = asked("report:send_up"), ""
    mine = [one for one in serving() if one.post in GRANTS["report:send_up"]]
    of = next((one for one in mine if request.args.get("of") == f"{one.scope}-{one.scope_id}"), mine[0])
    if request.method == "POST" and found.span is not None:
        try:
            return _send(of, found.span)
        except RuleBroken as broken:
            db.session.rollback()
            wrong = str(broken)
    return _form(found, mine, of, wrong)


def _send(of: Appointment, span: Span) -> ResponseReturnValue:
    if not JustAct().validate():
        raise RuleBroken(STALE)
    row, fresh = unit_reports.send_up(
        db.session(), current_user.district_id, of.scope, of.scope_id, span, seen=request.form.get("seen", 0, type=int),
        comment=request.form.get("comment", "").replace("\r\n", "\n"), now=site.now(), by=current_user.account,
    )  # fmt: skip
    if fresh:
        commit(report=row.id, version=row.number, scope=of.scope, scope_id=of.scope_id)
        flash(f"{span.title}已上报，是第{row.number}版", "ok")
    else:
        db.session.rollback()
        flash(f"已经上报过，是第{row.number}版，没有重复", "ok")
    return done(to("reports.send_up", period=span.key, of=f"{of.scope}-{of.scope_id}"))


def _form(found: Asked, mine: list[Appointment], of: Appointment, wrong: str) -> ResponseReturnValue:
    session, span = db.session(), found.span
    if span is None:
        return page("reports/tracking.html", asked=found, now_at=site.now(), mode_now="normal")
    ground = unit_reports.ground_of(session, current_user.district_id, of.scope, of.scope_id)
    labels = unit_reports.labels_of(session, site.book, ground, span)
    sums = Sums.of(session, ground, span)
    versions = unit_reports.versions(session, current_user.district_id, of.scope, of.scope_id, span)
    seen = request.form.get("seen") or (versions[0].number if versions else 0)
    return page(
        "reports/upwards.html", status=422 if wrong else 200, wrong=wrong, asked=found, mine=mine, of=of, sums=sums, labels=labels,
        counts=LABELS, versions=versions, drift=unit_reports.drift(versions[0], sums, labels) if versions else [],
        act=JustAct(formdata=None), comment=request.form.get("comment", ""), seen=seen,
        longest=LONGEST_COMMENT, ready=span.is_due(site.now()) or not sums.tally.missing, now_at=site.now(), to=to,
        mode_now=span.mode.value,
    )  # fmt: skip


@bp.get("/reports/upwards/received")
@needs("report:receive")
def received() -> ResponseReturnValue:
    """Who has reported the period upwards and who has not; those that wait to be looked at first."""
    found, session = asked("report:receive"), db.session()
    if found.span is None:
        return page("reports/tracking.html", asked=found, now_at=site.now(), mode_now="normal")
    district = current_user.district_id
    sent = unit_reports.sent_of(session, district, found.span)
    order = [Review.WAITING, Review.RETURNED, Review.ACCEPTED]
    units = tracking.divided(session, tracking.Ground(district, {}), found.span, By.UNIT)
    there = {one.scope_id for one in sent if one.scope == "unit"}
    silent = sorted(key for key in units if key and key not in there)
    return page(
        "reports/received.html", asked=found, paging=paged_list(sorted(sent, key=lambda one: (order.index(one.verdict), one.at))),
        names=unit_reports.names_of(session, sent), silent=tracking.names_of(session, By.UNIT, silent[:50]), silent_total=len(silent),
        now_at=site.now(), to=to, mode_now=found.span.mode.value,
    )  # fmt: skip


@bp.get("/reports/upwards/<int:unit_report_id>")
@needs("report:receive", UnitReport)
def show_up(unit_report: UnitReport) -> ResponseReturnValue:
    return _shown(unit_report)


@bp.post("/reports/upwards/<int:unit_report_id>/judge")
@needs("report:receive", UnitReport)
def judge_up(unit_report: UnitReport) -> ResponseReturnValue:
    """The district takes it, or sends it back with a sentence."""
    if not JustAct().validate():
        return _shown(unit_report, STALE)
    session, span = db.session(), unit_report.span
    session.refresh(
        unit_report, with_for_update=True
    )  # of two who press at once the second sees what the first has said
    verdict = Review.RETURNED if request.form.get("verdict") == "returned" else Review.ACCEPTED
    last = unit_reports.newest(
        session, unit_report.district_id, unit_report.scope, unit_report.scope_id, span
    )
    try:
        unit_report.judge(
            last.number if last else 0,
            verdict,
            request.form.get("words", "")[:LONGEST_COMMENT],
            now=site.now(),
            by=current_user.account,
        )
    except RuleBroken as broken:
        session.rollback()
        return _shown(unit_report, str(broken))
    commit(verdict=verdict.value, version=unit_report.number)
    flash("已退回" if verdict is Review.RETURNED else "已审核", "ok")
    return done(to("reports.show_up", unit_report_id=unit_report.id))


def _shown(one: UnitReport, wrong: str = "") -> ResponseReturnValue:
    session, span = db.session(), one.span
    ground = unit_reports.ground_of(session, one.district_id, one.scope, one.scope_id)
    labels, now = unit_reports.labels_of(session, site.book, ground, span), Sums.of(session, ground, span)
    versions = unit_reports.versions(session, one.district_id, one.scope, one.scope_id, span)
    name = unit_reports.names_of(session, [one])[one.scope, one.scope_id]
    return page(
        "reports/unit_report.html", status=422 if wrong else 200, wrong=wrong, one=one, name=name,
        labels=labels, counts=LABELS, drift=unit_reports.drift(one, now, labels), versions=versions, act=JustAct(formdata=None),
        words=request.form.get("words", ""), longest=LONGEST_COMMENT, mode_now=one.mode.value,
    )  # fmt: skip
