"""Who has not reported, now (谁没报，此刻): every report that is past due and can still be filed, of whatever period, by place.

After a street has switched its mode two periods share a deadline, and of several that are past due the older lock later: who looks at
one of them alone takes the others for done. What counts as overdue is what the reminders say (`reminders.unfiled`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, false, func, or_, select, union
from sqlalchemy.orm import Session, contains_eager

from .enterprises import Enterprise
from .obligations import Kind, Obligation, moment
from .policy.schema import Mode
from .reminders import unfiled
from .report_tally import edges_of_periods
from .reports import LockException
from .tracking import Ground, Only, Span, Tally, conditions_of, in_span

Where = Sequence[ColumnElement[bool]]


def spans_of(history: Sequence[tuple[Span, Tally]], now: datetime) -> list[tuple[Span, Tally]]:
    """Those that are past due and not locked."""
    return [(span, tally) for span, tally in history if span.is_overdue(now)]


def all_overdue(session: Session, ground: Ground, spans: Collection[Span], now: datetime) -> Where:
    """The obligations that are past due and not filed, of these periods that are not locked; and the few of others that a closure
    or an exception keeps open. By their days an index finds them: what was never filed stays in it for ever."""
    one, now = Obligation, moment(now)
    moved = select(one.id).where(one.usual_due_at.is_not(None), one.locks_at > now, one.due_at < now)
    opened = select(LockException.obligation_id).where(LockException.expires_at >= now)
    apart = session.scalars(union(moved, opened)).all()
    among = or_(one.last_on.in_({span.last_on for span in spans}), one.id.in_(apart))
    return [*ground.where(), *unfiled(now), one.due_at < now, among]


def all_missing(ground: Ground, span: Span) -> Where:
    """Those of one period that are not filed, whether it is due or not."""
    return [*ground.where(), *in_span(span), *conditions_of(Only.MISSING)]


@dataclass(frozen=True, slots=True)
class Missing:
    """How many have not come, by place (0: in none) and by period, the first to be due first."""

    places: Counter[int]
    periods: list[tuple[Span, int]]

    @property
    def total(self) -> int:
        return self.places.total()

    def worst(self) -> list[int]:
        """The places, those with most missing first."""
        return sorted(self.places, key=lambda key: (-self.places[key], key))


def count(session: Session, where: Where) -> Missing:
    one = Obligation
    period = (one.mode, one.first_on, one.last_on)
    rows = session.execute(
        select(func.coalesce(one.place_id, 0), *period, *edges_of_periods(), func.count())
        .where(*where)
        .group_by(one.place_id, *period)
    )
    places: Counter[int] = Counter()
    periods: Counter[Span] = Counter()
    for place, mode, first_on, last_on, kind, opens_at, due_at, locks_at, number in rows:
        places[place] += number
        periods[Span(Mode(mode), Kind(kind), first_on, last_on, opens_at, due_at, locks_at)] += number
    return Missing(places, sorted(periods.items(), key=lambda pair: (pair[0].due_at, pair[0].key)))


def first_of(session: Session, where: Where, missing: Missing, most: int) -> Sequence[Obligation]:
    """The first of them, place after place with the worst first, by name and period; each with its enterprise."""
    places: list[int] = []
    room = most
    for key in missing.worst():
        if room > 0:
            places.append(key)
            room -= missing.places[key]
    one = Obligation
    place = func.coalesce(one.place_id, 0)
    rank = case({key: number for number, key in enumerate(places)}, value=place, else_=len(places))
    here = or_(one.place_id.in_(places), one.place_id.is_(None) if 0 in places else false())
    query = (
        select(one)
        .join(one.enterprise)
        .options(contains_eager(one.enterprise))
        .where(*where, here)
        .order_by(rank, Enterprise.name, one.enterprise_id, one.due_at, one.first_on)
        .limit(most)
    )
    return session.scalars(query).all() if places else []
