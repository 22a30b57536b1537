"""What waits for an officer (待办), on the page with which the day begins: as a number with the way to it. Only what the post may see
and is not zero; counted no further than `MOST`, so that it costs the same however large a district is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import url_for
from flask_login import current_user
from sqlalchemy import ScalarSelect, Select, func, select

from blueprints.web.guard import can, serving, within_reach
from blueprints.web.site import site
from models import overdue, tracking
from models.base import db, local
from models.clusters import ClusterReport
from models.letters import Letter, LetterState
from models.obligations import Obligation, Review

MOST = 1000


@dataclass(frozen=True, slots=True)
class Pending:
    words: str
    href: str
    grave: bool
    number: int


def pending() -> list[Pending]:
    """The grave ones first. All are counted by one statement."""
    asked: list[tuple[str, str, bool, Select[int]]] = []
    if can("cluster:see"):
        within = within_reach("cluster:see", ClusterReport)
        is_open = select(ClusterReport.id).where(ClusterReport.closed_at.is_(None), within)
        asked.append(("未结案的疑似聚集", url_for("clusters.index"), True, is_open))
    if can("report:see"):
        asked.append(("逾期没有报的", url_for("reports.missing"), True, _overdue()))
    if can("report:review"):
        within = within_reach("report:review", Obligation)
        filed = select(Obligation.id).where(Obligation.live(), Obligation.review == Review.WAITING, within)
        asked.append(("待审核的报送", url_for("reports.waiting"), False, filed))
    if can("letter:countersign"):
        within = within_reach("letter:countersign", Letter)
        signed = select(Letter.id).where(Letter.state == LetterState.SIGNED, within)
        asked.append(("待会签的责任书", url_for("letters.countersign"), False, signed))
    if not asked:
        return []
    numbers = [_count(query).label(f"n{place}") for place, (*_, query) in enumerate(asked)]
    counted = db.session.execute(select(*numbers)).one()
    found = [
        Pending(words, href, grave, number)
        for (words, href, grave, _), number in zip(asked, counted, strict=True)
    ]
    return [one for one in found if one.number]


def _overdue() -> Select[int]:
    """The periods are the district's, which the roll-up knows at once; what is missing of them, those within reach."""
    session, now, district = db.session(), site.now(), current_user.district_id
    until = local(now).date() + timedelta(days=1)
    history = tracking.history(session, tracking.Ground(district, {}), until)
    ground = tracking.ground_of(session, serving(), "report:see", district, {})
    spans = [span for span, _ in overdue.spans_of(history, now)]
    return select(Obligation.id).where(*overdue.all_overdue(session, ground, spans, now))


def _count(query: Select[int]) -> ScalarSelect[int]:
    return select(func.count()).select_from(query.limit(MOST + 1).subquery()).scalar_subquery()
