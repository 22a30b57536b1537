"""Who is inside, for the guard (谁还在里面): counted by both grades of presence, found, let out, called together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from flask import request, send_from_directory, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import bp
from blueprints.web import filters
from blueprints.web.ground import gate_asked, gates_in_reach, ground
from blueprints.web.guard import can, log, needs, public
from blueprints.web.inside import Inside, just_left, narrowed, shown
from blueprints.web.page import page, same_page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import visits
from models.audit import Result
from models.base import db, local
from models.evacuation import muster
from models.places import Place
from models.visits import Sought

ACTION = "visit:inside"
ON_A_PAGE = 50
GRADES = {"confirmed": True, "declared": False}


@dataclass(slots=True)
class Hour:
    """Who came in within one hour of a day, and is still inside."""

    words: str  # 今天9时
    people: list[Inside] = field(default_factory=list)


@bp.get("/gate/inside")
@needs(ACTION)
def inside() -> ResponseReturnValue:
    """Everybody inside the place of the gate that the guard chose, the newest first."""
    gate = gate_asked(gates_in_reach(ACTION))
    if gate is None:
        return page("gate/no_gate.html")
    places = ground(gate.place, ACTION)
    ids = [place.id for place in places]
    asked, only = request.args.get("q", "").strip()[:60], request.args.get("only", "")
    sought = (
        narrowed(Sought(ids, confirmed=GRADES.get(only)), asked)
        if asked
        else Sought(ids, confirmed=GRADES.get(only))
    )
    found = paged(visits.inside(sought, site.now()), size=ON_A_PAGE)
    if sought.mobile_index is not None:  # who searches a number learns whose it is
        _log(gate.place, search="mobile", found=found.total)
    return page(
        "gate/inside.html", gate=gate, place=gate.place, buildings=len(places) - 1, asked=asked,
        only=only if only in GRADES else "", paging=found, hours=_by_hour(found.rows, gate.place),
        presence=visits.inside_now(db.session(), ids), left=just_left(), here=same_page(left=None), at=site.now(),
    )  # fmt: skip


def _by_hour(rows: Sequence, at: Place) -> list[Hour]:
    today = local(site.now()).date()

    def hour(entry) -> str:
        here = local(entry.occurred_at)
        return f"{'今天' if here.date() == today else filters.day(here.date())}{here.hour}时"

    return [Hour(words, [shown(e, at) for e in some]) for words, some in groupby(rows, key=hour)]


@bp.get("/gate/evacuation")
@needs(ACTION)
def evacuation() -> ResponseReturnValue:
    """The list to call people together by, of the place of the guard's gate."""
    gate = gate_asked(gates_in_reach(ACTION))
    if gate is None:
        return page("gate/no_gate.html")
    return _muster(gate.place, url_for("gate.inside", gate=gate.id))


@bp.get("/places/<int:place_id>/evacuation")
@needs(ACTION, Place)
def evacuation_of_place(place: Place) -> ResponseReturnValue:
    """The same for the specialist, by the number of the place."""
    specialist = can("place:watch")
    return _muster(
        place, url_for("places.inside", place_id=place.id) if specialist else url_for("gate.inside")
    )


@bp.get("/evacuation-worker.js")
@public
def evacuation_worker() -> ResponseReturnValue:
    """Keeps the last list on the phone for the time without network. At the root, so that it may serve the lists' addresses."""
    return send_from_directory("static/js", "evacuation-worker.js", max_age=0)


def _muster(place: Place, back: str) -> ResponseReturnValue:
    places, now = ground(place, ACTION), site.now()
    found = muster(db.session(), places, now)
    _log(place, evacuation=found.people)
    return page(
        "gate/evacuation.html", place=place, buildings=len(places) - 1, muster=found, at=now, back=back
    )  # fmt: skip


def _log(place: Place, **details: object) -> None:
    log(ACTION, Result.SEEN, details, object_type="place", object_id=str(place.id))
