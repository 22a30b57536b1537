"""One alert (一条聚集提示): what the figures say, and what somebody makes of it: a report, or a false alarm."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.clusters import bp
from blueprints.clusters.forms import DismissForm
from blueprints.clusters.shown import offices, policy_of_record, sees_names
from blueprints.web import guard
from blueprints.web.guard import can, commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import cluster_alerts, inbox
from models.base import RuleBroken, db
from models.cluster_alerts import ClusterAlert
from models.enterprises import Enterprise
from models.places import Place


@bp.get("/clusters/alerts/<int:cluster_alert_id>")
@needs("cluster:see", ClusterAlert)
def alert(cluster_alert: ClusterAlert) -> ResponseReturnValue:
    key = f"alert:{cluster_alert.id}"
    if inbox.is_unread_about(db.session(), current_user.id, key):
        guard.note(lambda session: inbox.read_about(session, current_user.id, key, site.now()))
    return _shown(cluster_alert, DismissForm(formdata=None))


@bp.post("/clusters/alerts/<int:cluster_alert_id>/dismiss")
@needs("cluster:handle", ClusterAlert)
def dismiss(cluster_alert: ClusterAlert) -> ResponseReturnValue:
    """A false alarm, with the reason."""
    form = DismissForm()
    if not form.validate_on_submit():
        return _shown(cluster_alert, form)
    try:
        held = cluster_alerts.alone(db.session(), cluster_alert)
        held.dismiss(form.reason.data or "", now=site.now(), by=current_user.account)
    except RuleBroken as broken:
        db.session.rollback()
        form.form_errors.append(str(broken))
        return _shown(cluster_alert, form)
    commit(people=held.people, state=held.state.value)
    flash("已记为误报；如实处理，不追究责任", "ok")
    return done(url_for("clusters.alert", cluster_alert_id=held.id))


def _shown(alert: ClusterAlert, form: DismissForm) -> ResponseReturnValue:
    return page(
        "clusters/alert.html", form=form, alert=alert, at=site.now(), names=sees_names(alert), report_at=_report_address(alert),
        may_handle=can("cluster:handle"), immediate=policy_of_record(alert).clusters.immediate, **offices(alert),
    )  # fmt: skip


def _report_address(alert: ClusterAlert) -> str:
    """Where it becomes a report; empty for whoever does not report."""
    session = db.session()
    if alert.enterprise_id is not None:
        mine = select(Enterprise.id).where(
            Enterprise.id == alert.enterprise_id, within_reach("cluster:report", Enterprise)
        )
        found = can("cluster:report") and session.scalar(mine)
        return url_for("clusters.report", enterprise_id=found, alert=alert.id) if found else ""
    here = select(Place.id).where(Place.id == alert.place_id, within_reach("cluster:report_place", Place))
    found = can("cluster:report_place") and session.scalar(here)
    return url_for("clusters.report_at", place_id=found, alert=alert.id) if found else ""
