"""What the ticket of the day's page carries (今天页的凭条): how far it has seen, and the numbers of the days before.

The days before travel with it so that a busy minute does not count them again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from blueprints.web import tickets
from models.base import local
from models.overview import Before
from models.pulse import Pulse


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page had seen, and in `before` what it compared it with."""

    pulse: Pulse
    before: str

    def earlier(self, now: datetime) -> Before | None:
        """The numbers of the days before, for a minute."""
        found = Before.unpacked(self.before)
        return found if now - found.at < tickets.LIFE else None


def issue(place_id: int, pulse: Pulse, earlier: Before, now: datetime) -> str:
    return tickets.issue(_page(place_id), f"{pulse.packed()}~{earlier.packed()}", now + tickets.LIFE)


def read(ticket: str, place_id: int, now: datetime) -> Seen | None:
    """None where it is not a ticket of this session and page, too old, or of yesterday."""
    facts = tickets.read(_page(place_id), ticket, now)
    if facts is None:
        return None
    pulse, _, before = facts.partition("~")
    seen = Seen(Pulse.unpacked(pulse), before)
    return seen if seen.pulse.day == local(now).date() else None


def _page(place_id: int) -> str:
    return f"place {place_id}"
