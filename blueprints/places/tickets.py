"""The ticket of a poll (轮询凭条): how far a page has seen, signed for one session, one place and one minute.

It saves the poll that finds nothing new from loading the session, the person and their posts. It opens
nothing: whenever something is shown, the session and the reach are looked at as for every page. It also
carries the numbers of the days before, so that a busy minute does not count them again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import session

from blueprints.web.site import site
from models.base import local
from models.overview import Before, Pulse

LIFE = timedelta(seconds=60)
PURPOSE = "poll of a place"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a page had seen, and what it compared it with; `earlier` is None once it is a minute old."""

    pulse: Pulse
    earlier: Before | None


def issue(place_id: int, pulse: Pulse, earlier: Before, now: datetime) -> str:
    fields = (
        str(int((now + LIFE).timestamp())),
        str(pulse.day.toordinal()),
        "-".join(map(str, pulse.place_ids)),
        str(pulse.entries),
        str(pulse.notes),
        str(pulse.readings),
        earlier.packed(),
    )
    signature = site.vault.sign(PURPOSE, _parts(place_id, pulse.newest, fields))
    return ".".join((*fields, signature))


def read(ticket: str, place_id: int, since: int, now: datetime) -> Ticket | None:
    """None where the ticket is of another session or place, changed, too old, or of yesterday."""
    *fields, signature = ticket.split(".")
    if len(fields) != 7 or not site.vault.signed(PURPOSE, _parts(place_id, since, fields), signature):
        return None
    expires, day, places, entries, notes, readings, packed = fields  # as we wrote them: the signature says so
    on = date.fromordinal(int(day))
    if now.timestamp() >= int(expires) or on != local(now).date():
        return None
    ids = tuple(int(number) for number in places.split("-"))
    pulse = Pulse(ids, on, since, int(entries), int(notes), int(readings))
    earlier = Before.unpacked(packed)
    return Ticket(pulse, earlier if now - earlier.at < LIFE else None)


def _parts(place_id: int, since: int, fields: Sequence[str]) -> list[str | int]:
    """The cookie's token is one of the parts: the ticket is worth nothing in another browser."""
    return [session.get("_user_id", ""), place_id, since, *fields]
