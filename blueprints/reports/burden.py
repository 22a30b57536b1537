"""What reporting costs and spares (减负账), for those who ask for reports."""

from __future__ import annotations

from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.reports import bp
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import page
from blueprints.web.site import site
from models.base import db
from models.burden import burden_of, together
from models.obligations import Obligation

SPANS = {28: "最近4周", 7: "最近7天", 91: "最近13周"}


@bp.get("/reports/burden")
@needs("burden:see")
def burden() -> ResponseReturnValue:
    """Of the reports within reach that came in lately. Sums alone: no enterprise and no person is compared with another."""
    asked = request.args.get("days", type=int)
    days = asked if asked in SPANS else next(iter(SPANS))
    found = burden_of(db.session(), within_reach("burden:see", Obligation), site.now() - timedelta(days=days))
    return page("reports/burden.html", kinds=found, total=together(found.values()), days=days, spans=SPANS)
