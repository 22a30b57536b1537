"""The day's page, kept up to date (实时更新): most polls find nothing new and cost one look-up."""

from __future__ import annotations

from flask import Response, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.places import bp
from blueprints.places.views import day_shown, watched
from blueprints.web import tickets
from blueprints.web.guard import needs
from blueprints.web.lean import quickly
from blueprints.web.sign_in import ask_to_sign_in
from blueprints.web.site import site
from models.base import db, local
from models.driver import reading_from
from models.places import Place
from models.pulse import Pulse


def nothing_new(place_id: int) -> bool:
    """Whether the page has seen everything. It rests on the ticket alone: neither session nor person is loaded."""
    now = site.now()
    facts = tickets.read(watched(place_id), request.args.get("ticket", ""), now)
    if facts is None:
        return False
    seen = Pulse.unpacked(facts)
    if seen.day != local(now).date():
        return False
    with reading_from(db.engine) as connection:
        return not seen.moved(connection)


@bp.get("/places/<int:place_id>/poll")
@quickly(nothing_new)
def poll(place_id: int) -> ResponseReturnValue:
    """The page's moving part with a fresh ticket. Polls do not prolong a session."""
    g.is_poll = True
    if not current_user.is_authenticated:
        return _signed_out(place_id)
    return _changed(place_id=place_id)


@needs("place:watch", Place)
def _changed(place: Place) -> ResponseReturnValue:
    return render_template("places/_day.html", **day_shown(place))


poll.access = _changed.access  # type: ignore[attr-defined]


def _signed_out(place_id: int) -> Response:
    """The session is over: to the sign-in page, and from there to the page, not to this part of it."""
    answer = ask_to_sign_in()
    where = url_for("accounts.sign_in", next=url_for("places.day", place_id=place_id))
    answer.headers["HX-Redirect" if request.headers.get("HX-Request") else "Location"] = where
    return answer
