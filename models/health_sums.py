"""Sums of an enterprise's work days (每日健康日合计): made before the first entry of a day goes. They stay, and name nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from .health_entries import count
from .keeping import HealthDaySum


def ensure(session: Session, wanted: Iterable[tuple[int, date]]) -> None:
    """Makes the sums of these days of these enterprises where there are none. Call it before anything that they count goes."""
    days: dict[date, set[int]] = defaultdict(set)
    for enterprise_id, day in wanted:
        days[day].add(enterprise_id)
    for day, ids in sorted(days.items()):
        made = select(HealthDaySum.enterprise_id).where(
            HealthDaySum.day == day, HealthDaySum.enterprise_id.in_(ids)
        )
        missing = sorted(ids.difference(session.scalars(made)))
        session.add_all(
            HealthDaySum(
                enterprise_id=enterprise_id, day=day, expected=one.expected, reported=one.reported,
                abnormal=one.abnormal, absent_ill=one.absent_ill,
            )
            for enterprise_id, one in count(session, missing, day).items()
        )  # fmt: skip
    session.flush()
