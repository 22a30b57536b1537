"""The desk's poll (值守页的轮询): nothing is drawn where nothing has moved.

A ticket ends with its minute, so that word, clock and what waits for a time of the day are drawn anew with each minute; the
seconds between are counted by static/js/desk.js.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import request, url_for

from blueprints.web import tickets
from blueprints.web.site import site
from models.base import db, local
from models.driver import reading_from
from models.places import Gate
from models.pulse import Pulse


def begin(gate: Gate, now: datetime) -> str:
    """The address at which this desk asks for more, from now on: called before the desk's own queries."""
    pulse = Pulse.take(db.session(), [gate.place_id], local(now).date(), now, gate_id=gate.id)
    minute_ends = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return url_for(
        "gate.desk", gate=gate.id, ticket=tickets.issue(_page(gate.id), pulse.packed(), minute_ends)
    )


def nothing_new() -> bool:
    """Whether the desk has seen everything. It rests on the ticket alone: neither session nor person is loaded."""
    asked = request.args
    if "ticket" not in asked:
        return False
    facts = tickets.read(_page(asked.get("gate", "")), asked["ticket"], site.now())
    if facts is None:
        return False
    with reading_from(db.engine) as connection:
        return not Pulse.unpacked(facts).moved(connection)


def _page(gate_id: int | str) -> str:
    return f"desk {gate_id}"
