"""The places of a specialist, and the day of one of them (我的场所、今天)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.places import bp
from blueprints.places.forms import LONGEST
from blueprints.web import tickets
from blueprints.web.ground import ground
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import page, text_size
from blueprints.web.pending import MOST, pending
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models import cases, overview, portfolio, posts, visits
from models.base import db, local
from models.enterprises import Enterprise
from models.places import Gate, ModeOrder, Place
from models.policy.schema import Mode, Policy
from models.pulse import Pulse
from models.watch_rules import open_notices

CASES = 20  # cases on the day's page; the list of entries has the rest
LATEST = 20
DESERTED = 6  # enterprises without anybody; the page shows five and says that there are more


@bp.get("/places")
@needs("place:watch")
def index() -> ResponseReturnValue:
    """All places of the person, each park before its buildings."""
    query = select(Place).where(within_reach("place:watch", Place))
    places = db.session.scalars(query).all()
    asked = request.args.get("q", "").strip()
    now = overview.places_now(db.session(), places, site.now())
    return page(
        "places/index.html", partial="places/_places.html",
        places=_found(_in_order(places), asked), now_of=now, asked=asked, total=len(places),
        inside_of=visits.inside_by_place(db.session(), places),
    )  # fmt: skip


def _in_order(places: list[Place]) -> list[Place]:
    """Parks and single buildings by name, behind each park its buildings."""
    names = {place.id: place.name for place in places}
    return sorted(places, key=lambda p: (names.get(p.parent_id, p.name), p.parent_id in names, p.name))


def _found(places: list[Place], asked: str) -> list[Place]:
    """Those with the words in their name or address, and the park around them."""
    hits = [p for p in places if asked.lower() in f"{p.name} {p.address}".lower()]
    around = {p.parent_id for p in hits}
    return [p for p in places if p in hits or p.id in around]


@bp.get("/places/<int:place_id>")
@needs("place:watch", Place)
def day(place: Place) -> ResponseReturnValue:
    """The specialist's day: what to deal with first, then the numbers, then what comes in."""
    shown = day_shown(place)
    return page(
        "places/day.html", partial="places/_day.html", pending=pending(), most_pending=MOST, **shown, **_firms(place, shown["policy"])
    )  # fmt: skip


def _firms(place: Place, policy: Policy | None) -> dict[str, Any]:
    """The enterprises here that lack a health post, and those where nobody is left: the page has them, the poll does not."""
    now, inside = site.now(), Enterprise.within_at("place", [place.id], site.now())
    today = local(now).date()
    alone = posts.left_alone(db.session(), inside, today, most=DESERTED)
    basis = portfolio.Basis.of(db.session(), policy, today)
    lacking = portfolio.tally(db.session(), inside, basis).lacking[portfolio.Lack.POSTS]
    return {"lacking_posts": lacking, "deserted": alone}


def day_shown(place: Place) -> dict[str, Any]:
    """Everything that the day's page shows; the poll shows the same."""
    now, session = site.now(), db.session()
    today = local(now).date()
    places = ground(place, "place:watch")
    ids = [p.id for p in places]
    pulse = Pulse.take(session, ids, today, now)  # before all else: see there
    orders = session.scalars(ModeOrder.reaching(place, now)).all()
    mode = Mode.EMERGENCY if orders else Mode.NORMAL
    policy = policy_on(place.district_id, today)
    numbers = site.days.day(session, pulse, now)
    earlier = site.days.before(session, ids, now)
    waiting = overview.open_at(session, ids, today)
    gates = session.scalars(select(Gate).where(Gate.place_id.in_(ids)).order_by(Gate.place_id, Gate.id)).all()

    def lines(query: Any, with_state: bool) -> list[cases.Line]:
        return [
            cases.line_of(e, site.book, site.vault, now, at=place, with_state=with_state)
            for e in session.scalars(query)
        ]

    live = request.args.get("live") != "0"
    view = request.args.get("view") or ("chart" if text_size() == "normal" else "numbers")
    return {
        "place": place,
        "policy": policy,
        "names": {p.id: cases.short_name(p, place) for p in places if p.id != place.id},
        "gates": gates,
        "at": now,
        "today": today,
        "month_ago": today - LONGEST + timedelta(days=1),
        "mode_now": mode.value,
        "orders": orders,
        "notices": open_notices(session, ids),
        "further_questions": _further_questions(policy),
        "judged": policy is not None and policy.gate[mode].judged,
        "numbers": numbers,
        "inside": visits.inside_now(session, ids),
        "earlier": earlier,
        "waiting": waiting,
        "cases": lines(cases.open_cases(ids, today).limit(CASES), True) if waiting.count else [],
        "latest": lines(cases.latest(ids, today, LATEST), False),
        "chart": overview.chart_of(numbers, earlier, places, now),
        "view": view if view in ("chart", "numbers") else "chart",
        "live": live,
        "poll": url_for(
            "places.poll", place_id=place.id, view=request.args.get("view"),
            ticket=tickets.issue(watched(place.id), pulse.packed(), now + tickets.LIFE),
        ),
    }  # fmt: skip


def watched(place_id: int) -> str:
    """What the ticket of a poll is for."""
    return f"place {place_id}"


def _further_questions(policy: Policy | None) -> int:
    """How many questions the gates ask in an emergency beyond those of normal times."""
    if policy is None:
        return 0
    asked = {q.field for q in policy.gate[Mode.NORMAL].questions}
    return len([q for q in policy.gate[Mode.EMERGENCY].questions if q.field not in asked])
