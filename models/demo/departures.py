"""Who leaves when, and whom the guards have seen (离开、到场确认), for the days that have been lived through.

Each visit ends by a chance of its own, so that it ends at the same time whenever the demo is made: the staff in the evening, their
visitors after a while, whoever forgot at closing time. What would be after now has not happened yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from models.base import SHANGHAI, local
from models.gate import ADMITTED, Departure, Kind
from models.judging import Verdict
from models.places import Place

MORNING = 10  # whoever came before this hour most likely works here
AT_WORK, CHECKS_OUT, BY_GUARD = 0.8, 0.45, 0.2
GUARD_LOOKS, SLOT = 0.55, timedelta(minutes=10)
NIGHT_SHIFT = timedelta(hours=8)
PAUSE = timedelta(minutes=4)  # between a last scan and the way out

Rows = list[dict[str, Any]]


def depart(
    rows: Rows, places: Mapping[int, Place], guards: Mapping[int, list[int]], now: datetime, seed: str
) -> None:
    """Fills in how the visits among these rows ended, and who was confirmed. Rows are in the order in which they happened."""
    for row in rows:
        _confirm(row, guards.get(row["place_id"], []), now, seed)
    for visitor in _by_visitor(rows):
        entries = [row for row in visitor if row["kind"] == Kind.ENTRY and row["verdict"] != Verdict.REFUSED]
        for number, entry in enumerate(entries):
            following = entries[number + 1] if number + 1 < len(entries) else None
            _end(entry, following, visitor, places[entry["place_id"]], guards, now, seed)


def _confirm(row: dict[str, Any], guards: list[int], now: datetime, seed: str) -> None:
    """A guard confirms the people of the last ten minutes with one tap, when there is time for it; those he measures, at once."""
    if not guards or row["kind"] != Kind.ENTRY or row["confirmed_at"] is not None:
        return
    slot = int(row["occurred_at"].timestamp() // SLOT.total_seconds()) + 1
    chance = Random(f"{seed}/{row['gate_id']}/{slot}/confirm")
    at = datetime.fromtimestamp(slot * SLOT.total_seconds(), SHANGHAI) + timedelta(
        seconds=chance.randrange(90)
    )
    looks = row["recorded_by_id"] is not None or (chance.random() < GUARD_LOOKS and not row["marks"])
    if looks and row["verdict"] in ADMITTED and at <= now:
        row["confirmed_at"], row["confirmed_by_id"] = at, row["recorded_by_id"] or chance.choice(guards)


def _by_visitor(rows: Rows) -> Iterable[Rows]:
    found: dict[bytes, Rows] = defaultdict(list)
    for row in rows:
        found[row["mobile_index"] or row["device_index"] or row["nonce"]].append(row)
    return found.values()


def _end(
    entry: dict[str, Any], following: dict[str, Any] | None, visitor: Rows, place: Place,
    guards: Mapping[int, list[int]], now: datetime, seed: str,
) -> None:  # fmt: skip
    chance = Random(f"{seed}/{entry['nonce'].hex()}/leave")
    scans = [
        row["occurred_at"] for row in visitor if row["place_id"] == place.id and row["day"] == entry["day"]
    ]
    until = following["occurred_at"] if following is not None else None
    last = max(at for at in scans if at >= entry["occurred_at"] and (until is None or at < until))
    at, how = max(_planned(entry, place, chance), last + PAUSE), Departure.CLOSING
    closing = _closing(place, entry)
    if closing is None or at < closing:
        how = Departure.GUARD if chance.random() < BY_GUARD and guards.get(place.id) else Departure.SELF
        if closing is not None and chance.random() > CHECKS_OUT:
            at, how = closing, Departure.CLOSING
    else:
        at = closing
    if until is not None and at >= until:
        at = until if following and following["place_id"] != place.id else until - (until - last) / 2
        how = Departure.MOVED if at == until else Departure.SELF
    if at <= now:
        by_id = chance.choice(guards[place.id]) if how == Departure.GUARD else None
        entry["left_at"], entry["left_how"], entry["left_by_id"] = at, how, by_id


def _planned(entry: dict[str, Any], place: Place, chance: Random) -> datetime:
    """When this person means to go."""
    came, stays = entry["occurred_at"], timedelta(minutes=max(12, chance.gauss(75, 35)))
    staff, evening = chance.random() < AT_WORK, chance.gauss(17 * 60 + 50, 45)
    if entry["hour"] < MORNING and staff:
        if place.opens is None and entry["hour"] < 8:
            return came + NIGHT_SHIFT + timedelta(minutes=chance.uniform(2, 25))
        return datetime.combine(entry["day"], time(), SHANGHAI) + timedelta(minutes=evening)
    if place.opens is None and (entry["hour"] >= 22 or entry["hour"] in (15, 16)):
        return came + NIGHT_SHIFT + timedelta(minutes=chance.uniform(2, 25))
    return came + stays


def _closing(place: Place, entry: dict[str, Any]) -> datetime | None:
    """The next time the place closes after this entry; None where it never does."""
    if place.closes is None:
        return None
    day: date = entry["day"]
    closing = datetime.combine(day, place.closes, SHANGHAI)
    return closing if closing > local(entry["occurred_at"]) else closing + timedelta(days=1)
