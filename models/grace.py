"""Since when a health post is lacking, and until when there is time to fill it (宽限期): pure, judged by the head count of each day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from .policy.schema import StaffingRule

DAY = timedelta(days=1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """Somebody's time in a post, first and last day included."""

    post: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Lacking:
    """People missing in a post. `until` is the last day of grace; None where somebody left: grace is for a growing head count."""

    missing: int
    since: date
    until: date | None

    def is_over(self, today: date) -> bool:
        """Whether it is overdue, not merely to be filled."""
        return self.until is None or today > self.until

    def words(self, today: date) -> str:
        """还有18天 or 已超过12天, of the days of grace; of a post that somebody left, how long it has been vacant."""
        if self.until is None:
            return f"已空缺{(today - self.since).days}天" if today > self.since else "今天起空缺"
        left = (self.until - today).days
        if left < 0:
            return f"已超过{-left}天"
        return f"还有{left}天" if left else "今天是最后一天"


@dataclass(frozen=True, slots=True)
class _Gap:
    """One person missing, since a day."""

    since: date
    until: date | None

    def limit(self) -> date:
        return self.until if self.until is not None else self.since - DAY


def lacking_since(
    rules: Sequence[tuple[date, StaffingRule]],
    headcounts: Sequence[tuple[date, int]],
    services: Iterable[Service],
    today: date,
) -> Mapping[str, Lacking]:
    """The posts that lack somebody today. Rules and head counts hold from their day until the next; both may come unsorted.

    Of several people missing the most urgent gap is told. A day on which nobody can judge opens the grace anew.
    """
    served = list(services)
    gaps: dict[str, list[_Gap]] = {}
    asked: Mapping[str, int] = {}
    for day in _days_of_change(rules, headcounts, served, today):
        rule = _on(rules, day)
        duty = None if rule is None else rule.duty(_on(headcounts, day))
        if rule is None or duty is None:
            gaps, asked = {}, {}
            continue
        for post, required in duty.required.items():
            there = sum(one.post == post and one.first <= day <= one.last for one in served)
            more = required - asked.get(post, 0)
            gaps[post] = _carried_on(
                gaps.get(post, []), max(required - there, 0), more, day, day + rule.grace_days * DAY
            )
        asked = duty.required
    urgent = {post: min(open_gaps, key=_Gap.limit) for post, open_gaps in gaps.items() if open_gaps}
    return {post: Lacking(len(gaps[post]), gap.since, gap.until) for post, gap in urgent.items()}


def _carried_on(gaps: list[_Gap], missing: int, more: int, day: date, until: date) -> list[_Gap]:
    """The gaps after a day on which the rule asks for `more` people than before (or fewer) and `missing` are missing.

    Whoever comes fills the oldest gap; what is no longer asked for is the newest. New gaps have grace as far as the rule asks for more.
    """
    closing = max(len(gaps) - missing, 0)
    unasked = min(closing, max(-more, 0))
    kept = gaps[closing - unasked : len(gaps) - unasked]
    opening = missing - len(kept)
    return kept + [_Gap(day, until if number < more else None) for number in range(opening)]


def _days_of_change(
    rules: Sequence[tuple[date, StaffingRule]],
    headcounts: Sequence[tuple[date, int]],
    served: Sequence[Service],
    today: date,
) -> list[date]:
    days = {day for day, _ in rules} | {day for day, _ in headcounts} | {one.first for one in served}
    days |= {one.last + DAY for one in served if one.last < today}
    return sorted(day for day in days if day <= today)


def _on(steps: Sequence[tuple[date, T]], day: date) -> T | None:
    """What holds on a day: the step that began last."""
    begun = [(from_on, place) for place, (from_on, _) in enumerate(steps) if from_on <= day]
    return steps[max(begun)[1]][1] if begun else None
