"""The counts of full days, kept in mind (一天的数，记在内存里): a page adds what has come since, and counts nothing twice.

What a place has had by an id under which all was settled cannot change without its pulse moving; so the counts up to there are
kept with that pulse. A day of 50,000 entries then costs what a day of 2,000 does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from . import overview
from .base import local
from .overview import Before, Cell, Day
from .pulse import Pulse

KEPT = 512  # days in mind at most
ANEW = timedelta(minutes=10)  # after which a day is counted anew whatever its pulse says


@dataclass(frozen=True, slots=True)
class Settled:
    """The counts up to an id, as they were at this number of moves."""

    floor: int
    moves: int
    at: datetime
    cells: Counter[Cell]


@dataclass(frozen=True, slots=True)
class Past:
    """The entries of a day that is over, by minute from its midnight."""

    at: datetime
    by_minute: dict[int, int]


class DayBook:
    """What this process has counted."""

    def __init__(self) -> None:
        self._days: dict[Hashable, Settled] = {}
        self._past: dict[Hashable, Past] = {}

    def day(self, session: Session, pulse: Pulse, now: datetime) -> Day:
        """The day of a pulse that was taken in the same transaction."""
        key = pulse.place_ids, pulse.day
        known = self._days.get(key)
        if known and (known.moves != pulse.moves or known.floor > pulse.floor or now - known.at > ANEW):
            known = None
        settled, fresh = overview.cells(
            session, pulse.place_ids, pulse.day, above=known.floor if known else 0, floor=pulse.floor
        )
        if known:
            settled += known.cells
        _keep(self._days, key, Settled(pulse.floor, pulse.moves, known.at if known else now, settled))
        return overview.day_from(settled + fresh)

    def before(self, session: Session, place_ids: Sequence[int], now: datetime) -> Before:
        """What to compare a day with."""
        here = local(now)
        yesterday = self._over(session, place_ids, here.date() - timedelta(days=1), now)
        last_week = self._over(session, place_ids, here.date() - timedelta(days=7), now)
        by_hour: Counter[int] = Counter()
        for minute, number in last_week.items():
            by_hour[minute // 60] += number
        this_minute = here.hour * 60 + here.minute
        until_now = sum(number for minute, number in yesterday.items() if minute <= this_minute)
        return Before(until_now, dict(by_hour))

    def _over(self, session: Session, place_ids: Sequence[int], day: date, now: datetime) -> dict[int, int]:
        key = tuple(place_ids), day
        known = self._past.get(key)
        if known is None or now - known.at > ANEW:
            known = Past(now, overview.entries_by_minute(session, place_ids, day))
            _keep(self._past, key, known)
        return known.by_minute

    def forget(self) -> None:
        self._days.clear()
        self._past.clear()


def _keep(kept: dict[Hashable, Any], key: Hashable, value: Any) -> None:
    """The one longest unused goes first."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > KEPT:
        kept.pop(next(iter(kept)), None)
