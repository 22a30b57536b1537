"""How visits end (离开): at closing time by the clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, literal_column, select, text, update
from sqlalchemy.orm import Session

from .base import SHANGHAI, local
from .gate import INSIDE, CheckIn, Departure
from .places import Place

T: Any = CheckIn.__table__
WORKS_ON = timedelta(hours=2)  # whoever comes so shortly before closing comes to work at night
DAY = timedelta(days=1)  # how long a visit may last where nothing ever closes
A_DAY_LATER = {
    "postgresql": "occurred_at + interval '24 hours'",
    "sqlite": "datetime(substr(occurred_at, 1, 19), '+24 hours') || substr(occurred_at, 20)",
}


@dataclass(frozen=True, slots=True)
class Closing:
    """An instant at which places with the same hours closed, and until when a visit had to begin to end with it."""

    place_ids: tuple[int, ...]
    begun_by: datetime
    at: datetime | None  # None: nothing closes there, each visit ends a day after it began


def closings(session: Session, now: datetime, since: datetime | None = None) -> Iterator[Closing]:
    """The closings that have visits to end, the earliest of a place first.

    A visit ends at its place's first closing at least WORKS_ON after it began: who came in the last two hours or out of
    hours works at night and stays until the next. However late one asks, the instants are the same. With `since` only
    places that have closed after it are looked at, and none without hours.
    """
    places: dict[time | None, list[int]] = defaultdict(list)
    for number, closes in session.execute(select(Place.id, Place.closes).order_by(Place.id)):
        places[closes].append(number)
    for closes, ids in places.items():
        last = now if closes is None else last_closing(closes, now)
        if since is not None and (closes is None or last <= since):
            continue
        oldest = session.scalar(select(func.min(T.c.occurred_at)).where(T.c.place_id.in_(ids), text(INSIDE)))
        if oldest is None:
            continue
        if closes is None:
            if oldest <= now - DAY:
                yield Closing(tuple(ids), now - DAY, None)
            continue
        for back in range((last - WORKS_ON - oldest) // DAY, -1, -1):
            closing = last - back * DAY
            yield Closing(tuple(ids), closing - WORKS_ON, closing)


def last_closing(closes: time, now: datetime) -> datetime:
    """The last instant at which a place that closes at this clock time did so, now included."""
    closing = datetime.combine(local(now).date(), closes, SHANGHAI)
    return closing if closing <= now else closing - DAY


def close_visits(session: Session, closing: Closing, *, after: int = 0, most: int) -> int | None:
    """Ends visits that a closing ends, in the order of their rows: the next `most` after this id. Answers the last id, None where
    there was none. The closings before it must be done."""
    until = (T.c.day <= local(closing.begun_by).date(), T.c.occurred_at <= closing.begun_by)
    ids = session.scalars(
        select(T.c.id)
        .where(T.c.place_id.in_(closing.place_ids), text(INSIDE), *until, T.c.id > after)
        .order_by(T.c.id)
        .limit(most)
    ).all()
    if not ids:
        return None
    at: Any = closing.at or literal_column(A_DAY_LATER[session.get_bind().dialect.name])
    these = update(T).where(T.c.id.in_(ids), *until, T.c.left_at.is_(None))
    session.execute(these.values(left_at=at, left_how=Departure.CLOSING))
    return ids[-1]
