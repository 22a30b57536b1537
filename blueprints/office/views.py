"""The office's day (今天): every place within reach, the worst first, and the emergencies that reach them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import request
from flask_login import current_user
from sqlalchemy import ColumnElement
from werkzeug.wrappers import Response

from blueprints.office import bp
from blueprints.web.guard import needs, reach_key, within_reach
from blueprints.web.page import page
from blueprints.web.paging import Paging
from blueprints.web.pending import MOST, pending
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models import portfolio, posts
from models.base import db, local
from models.enterprises import Enterprise
from models.office import (
    PlaceToday,
    entries_until,
    place_lines,
    places_called,
    places_today,
    scope_names,
    streets_of,
)
from models.places import Place
from models.policy.schema import Policy

SHOWN = {
    "all": ("全部", lambda one: True),
    "vacant": ("缺专员", lambda one: one.lacking > 0),
    "abnormal": ("有待处理", lambda one: one.abnormal > 0),
    "emergency": ("应急中", lambda one: bool(one.orders)),
}
PAGE_SIZE = 50
VACANT = 5  # places without a specialist, above the list
DESERTED = 5  # enterprises without anybody, on the page; the list of enterprises has the rest


@bp.get("/overview")
@needs("place:oversee")
def overview() -> Response:
    now = site.now()
    where = within_reach("place:oversee", Place)
    policy = policy_on(current_user.district_id, local(now).date())
    session, today = db.session(), local(now).date()
    everywhere = places_today(session, where, policy, now)
    vacant = [one for one in everywhere if one.lacking]
    orders = list({order.id: order for one in everywhere for order in one.orders}.values())
    shown = request.args.get("show", "all")
    found = _cut([one for one in _asked_for(everywhere, where) if SHOWN.get(shown, SHOWN["all"])[1](one)])
    lines = place_lines(session, [*vacant[:VACANT], *found.rows], today)
    return page(
        "office/overview.html",
        partial="office/_places.html",
        everywhere=everywhere,
        vacant=vacant,
        first_vacant=[lines[one.id] for one in vacant[:VACANT]],
        orders=orders,
        scopes=scope_names(session, orders),
        today=today,
        before=entries_until(session, where, now - timedelta(days=1)),
        quick=[(key, words, sum(map(test, everywhere))) for key, (words, test) in SHOWN.items()],
        shown=shown if shown in SHOWN else "all",
        streets=streets_of(session, everywhere),
        paging=replace(found, rows=[lines[one.id] for one in found.rows]),
        rules=[rule for rule in policy.places if rule.specialists_required] if policy else [],
        mode_now="emergency" if orders else "normal",
        pending=pending(),
        most_pending=MOST,
        **_firms(now, policy),
    )


def _firms(now: datetime, policy: Policy | None) -> dict[str, Any]:
    """How many enterprises lack a health post, and those where nobody is left."""
    today, within = local(now).date(), within_reach("post:see", Enterprise)
    alone = posts.left_alone(db.session(), within, today, most=DESERTED + 1)
    basis = portfolio.Basis.of(db.session(), policy, today)
    counted = site.tallies.of(
        db.session(), within, basis, today, most=portfolio.MOST, key=reach_key("post:see")
    )
    return {
        "lacking_posts": counted.lacking[portfolio.Lack.POSTS],
        "firms": counted.total,
        "deserted": alone,
        "most": portfolio.MOST,
    }


def _asked_for(everywhere: list[PlaceToday], where: ColumnElement[bool]) -> list[PlaceToday]:
    """Those that the filters let through."""
    asked, street = request.args.get("q", "").strip(), request.args.get("street", type=int)
    if asked:
        called = places_called(db.session(), where, asked, local(site.now()).date())
        everywhere = [one for one in everywhere if one.id in called]
    return [one for one in everywhere if street in (None, one.street_id)]


def _cut(found: list[PlaceToday]) -> Paging:
    """A page of a list that is sorted by what several tables say together."""
    pages = max(1, -(-len(found) // PAGE_SIZE))
    number = min(max(request.args.get("page", 1, type=int), 1), pages)
    return Paging(found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], number, pages, len(found))
