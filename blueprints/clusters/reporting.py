"""The report of a suspected cluster (疑似聚集报告): a short form of its own, by an enterprise or a specialist, at any hour."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.clusters import bp
from blueprints.clusters.forms import ReportForm, firms_to_choose
from blueprints.clusters.shown import acting, offices, policy_of
from blueprints.web import jobs
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import cluster_alerts, clusters, delivery
from models.base import RuleBroken, db
from models.cluster_alerts import AlertState, ClusterAlert
from models.clusters import ClusterReport
from models.delivery import Channel
from models.enterprises import Enterprise, Premises
from models.places import Place

MOST_FIRMS = 500  # of a place, to choose from


@bp.route("/enterprises/<int:enterprise_id>/clusters/new", methods=["GET", "POST"])
@needs("cluster:report", Enterprise)
def report(enterprise: Enterprise) -> ResponseReturnValue:
    """About one enterprise. From an alert it is filled with what the alert says."""
    form = ReportForm()
    del form.enterprise_id
    return _reported(form, enterprise, "cluster:report")


@bp.route("/places/<int:place_id>/clusters/new", methods=["GET", "POST"])
@needs("cluster:report_place", Place)
def report_at(place: Place) -> ResponseReturnValue:
    """About a place: one of its enterprises, or several, or where all pass through."""
    form, now = ReportForm(), site.now()
    sitting = select(Premises.enterprise_id).where(
        Premises.within("place", [place.id]), Premises.holding(now)
    )
    firms = select(Enterprise.id, Enterprise.name).where(
        Enterprise.id.in_(sitting), Enterprise.closed_at.is_(None), within_reach("cluster:report", Enterprise)
    )
    form.enterprise_id.choices = firms_to_choose(
        db.session.execute(firms.order_by(Enterprise.name, Enterprise.id).limit(MOST_FIRMS)).all()
    )
    return _reported(form, place, "cluster:report_place")


def _reported(form: ReportForm, where: Enterprise | Place, action: str) -> ResponseReturnValue:
    now, alert = site.now(), _alert(where)
    policy = policy_of(where.district_id)
    if request.method == "GET":
        form.begin(now)
        if alert is not None:
            form.signal.data, form.people.data = alert.signal.value, alert.people
    elif form.validate_on_submit():
        try:
            made, fresh = _file(form, where, alert, action)
        except RuleBroken as broken:
            db.session.rollback()
            form.form_errors.append(str(broken))
        else:
            if fresh:
                commit(
                    report=made.number, people=made.people, signal=made.signal.value, alert=made.alert_id,
                    in_time=made.was_in_time,
                )  # fmt: skip
                flash(f"已报告，编号{made.number}。专员、联络员和专班已经收到", "ok")
                jobs.begin_going_out()
            else:
                db.session.rollback()
                flash(f"已经报告过，编号{made.number}，没有重复", "ok")
            return done(url_for("clusters.show", cluster_report_id=made.id))
    return page(
        "clusters/report.html", form=form, where=where, alert=alert, immediate=policy.clusters.immediate, at=now,
        is_place=isinstance(where, Place), **offices(where),
    )  # fmt: skip


def _file(
    form: ReportForm, where: Enterprise | Place, alert: ClusterAlert | None, action: str
) -> tuple[ClusterReport, bool]:
    session, now, by = db.session(), site.now(), current_user.account
    chosen = form.enterprise_id.data if form.enterprise_id else None
    if chosen is not None:
        where = session.get_one(Enterprise, chosen)
    policy = policy_of(where.district_id)
    made, fresh = ClusterReport.file(
        session, where, form.facts(), policy, key=form.key.data or "", now=now, by=by, post=acting(action)
    )
    if not fresh:
        if made.reported_by_id != by.id:
            raise RuleBroken("这一页不完整，请重新打开再填")
        return made, False
    if alert is not None:
        cluster_alerts.alone(session, alert).confirm(made, now=now, by=by)
        session.flush()
    clusters.tell_of(session, made, policy, now)
    if Channel.ROBOT in site.carriers and site.settings.robot_district == current_user.account.district.slug:
        told = {
            "key": f"cluster:{made.id}",
            "subject": f"疑似聚集报告{made.number}",
            "link": f"/clusters/{made.id}",
        }
        delivery.to_group(session, made.district_id, now=now, **told)
    return made, True


def _alert(where: Enterprise | Place) -> ClusterAlert | None:
    """The alert that the address names, if it is one of this subject and nobody has seen to it."""
    number = request.args.get("alert", type=int)
    if number is None:
        return None
    mine = (
        ClusterAlert.enterprise_id == where.id
        if isinstance(where, Enterprise)
        else (ClusterAlert.place_id == where.id) & ClusterAlert.enterprise_id.is_(None)
    )
    return db.session.scalar(
        select(ClusterAlert).where(
            ClusterAlert.id == number, mine, ClusterAlert.state == AlertState.PENDING,
            within_reach("cluster:handle", ClusterAlert),
        )
    )  # fmt: skip
