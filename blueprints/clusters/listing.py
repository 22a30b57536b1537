"""Everything within reach (聚集预警): alerts that wait, reports by what has to be done, the workbook."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from blueprints.clusters import bp
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import can, needs, within_reach
from blueprints.web.page import page
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import cluster_alerts, clusters
from models.base import db, local
from models.cluster_alerts import ClusterAlert
from models.clusters import ClusterReport, Signal, Stage, Wanted
from models.enterprises import Enterprise
from models.places import Place

LONGEST = 40
ALERTS_SHOWN = 20
MOST_OWN = 30  # enterprises, places to report for
EXPORT_ROWS = 20_000
LATE, ALERTS = "late", "alerts"
COLUMNS = (
    Column("编号", 20), Column("企业或场所", 36), Column("所在场所", 28), Column("相似症状", 20), Column("人数", 8),
    Column("就医", 8), Column("发现", 18), Column("报告", 18), Column("报告限时", 12), Column("受理", 18),
    Column("受理限时", 12), Column("报疾控", 18), Column("状态", 16), Column("结论", 18), Column("谁报的", 14),
)  # fmt: skip


@bp.get("/clusters")
@needs("cluster:see")
def index() -> ResponseReturnValue:
    """Alerts that nobody has seen to, then the reports, the open ones first."""
    session, now, wanted = db.session(), site.now(), _wanted("cluster:see")
    alerts = within_reach("cluster:see", ClusterAlert)
    waiting = cluster_alerts.waiting(alerts)
    show_alerts = request.args.get("show") == ALERTS
    counted = clusters.tally(session, wanted.within, now)
    settled = (
        session.scalar(
            select(func.count()).select_from(cluster_alerts.handled(alerts).order_by(None).subquery())
        )
        or 0
    )
    return page(
        "clusters/index.html", partial="clusters/_list.html", at=now, wanted=wanted, longest=LONGEST, signals=list(Signal),
        alerts=session.scalars(waiting.limit(ALERTS_SHOWN)).all(), show_alerts=show_alerts,
        alerts_total=session.scalar(select(func.count()).select_from(waiting.order_by(None).subquery())) or 0,
        paging=paged(cluster_alerts.handled(alerts) if show_alerts else clusters.search(wanted, now), size=30),
        quick=[
            (None, "全部报告", sum(number for key, number in counted.items() if key != LATE)),
            *((one.value, one.label, counted.get(one, 0)) for one in Stage),
            (LATE, "超过限时", counted[LATE]), (ALERTS, "处理过的提示", settled),
        ],
        shown=_show(), is_filtered=bool(wanted.text or wanted.signal), **_own(),
    )  # fmt: skip


def _own() -> dict[str, Any]:
    """What the person may report for."""
    session = db.session()
    firms = select(Enterprise.id, Enterprise.name).where(
        within_reach("cluster:report", Enterprise), Enterprise.closed_at.is_(None)
    )
    places = select(Place.id, Place.name).where(
        within_reach("cluster:report_place", Place), Place.closed_at.is_(None)
    )
    of_a_place = can("cluster:report_place")
    return {
        "own_places": session.execute(places.order_by(Place.name).limit(MOST_OWN)).all()
        if of_a_place
        else [],
        "own_firms": session.execute(firms.order_by(Enterprise.name).limit(MOST_OWN)).all()
        if not of_a_place
        else [],
    }


@bp.get("/clusters/export")
@by_link
@needs("cluster:export")
def export() -> ResponseReturnValue:
    """The listed reports as a workbook: numbers and times, nobody's name (settled 3.6)."""
    return hand_out(_workbook, name=f"疑似聚集报告-{local(site.now()):%Y%m%d}.xlsx")


def _workbook() -> bytes:
    now, wanted = site.now(), _wanted("cluster:export")
    rows = db.session.scalars(clusters.search(wanted, now).limit(EXPORT_ROWS + 1)).all()
    return signed(
        "疑似聚集报告", COLUMNS, [_cells(one) for one in rows], tab="疑似聚集报告", unit="份", most=EXPORT_ROWS,
        filters=[name for name in ("show", "signal", "q") if request.args.get(name)],
    )  # fmt: skip


def _cells(one: ClusterReport) -> list[str]:
    def at(instant: Any) -> str:
        return f"{local(instant):%Y-%m-%d %H:%M}" if instant else ""

    late = one.is_acceptance_late(site.now())
    return [
        one.number, one.subject, one.place.name if one.place else "", one.signal.label, str(one.people), str(one.hospital),
        at(one.noticed_at), at(one.reported_at), "按时" if one.was_in_time else "超过限时", at(one.accepted_at),
        "超过限时" if late else "按时" if one.accepted_at else "", at(one.told_at), one.stage.label,
        one.conclusion.label if one.conclusion else "", one.posted.label,
    ]  # fmt: skip


def _show() -> str | None:
    asked = request.args.get("show")
    return asked if asked in (LATE, ALERTS) or asked in {one.value for one in Stage} else None


def _wanted(action: str) -> Wanted:
    """What the address asks for; a made-up value is none."""
    show, signal = _show(), request.args.get("signal")
    return Wanted(
        within=within_reach(action, ClusterReport),
        stage=next((one for one in Stage if one.value == show), None),
        late=show == LATE,
        signal=next((one for one in Signal if one.value == signal), None),
        text="".join(sign for sign in request.args.get("q", "") if sign.isprintable())[:LONGEST].strip(),
    )
