"""When illness looks like a cluster (聚集提示的界限): pure functions over what was reported, without names, database or clock.

A hit is a hint to look at, never a finding. What people have in common is a signal of the scheme, or a disease as a doctor has named
it: "gut", "disease.varicella".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from .policy.schema import AbsenceRule, ClusterRule, Clusters, Policy

OF_DISEASE = "disease."


@dataclass(frozen=True, slots=True)
class Sick:
    """Somebody who was not well on a work day; who it was is a number alone. `groups`: team and dormitory. With a disease: the day
    on which it began, and the rules over symptoms have counted the person by what they reported."""

    person: int
    on: date
    symptoms: frozenset[str]
    celsius: Decimal | None
    enterprise_id: int
    groups: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    told_at: datetime | None = None  # when it was entered
    disease: str = ""  # by its key in the scheme


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that was reached: by so many people of one subject, in the days up to `last_on`."""

    rule: ClusterRule
    signal: str
    enterprise_id: int | None  # of a group or an enterprise
    place_id: int | None  # of a place
    where: str  # of a group: which; else empty
    people: int
    first_on: date
    last_on: date


def shows(policy: Policy, rule: ClusterRule, signal: str, one: Sick) -> bool:
    """Whether somebody counts for a rule. Who reaches the scheme's fever has a fever, said so or not (HLTH-1)."""
    if signal.startswith(OF_DISEASE):
        return one.disease == signal.removeprefix(OF_DISEASE)
    hot = one.celsius is not None and one.celsius >= policy.thresholds.fever_celsius
    symptoms = one.symptoms | {"fever"} if hot else one.symptoms
    if not symptoms & policy.clusters.symptoms_of(signal):
        return False
    if rule.symptoms and not symptoms.intersection(rule.symptoms):
        return False
    return rule.celsius is None or (one.celsius is not None and one.celsius >= rule.celsius)


def hits(policy: Policy, sick: Iterable[Sick], ends: Sequence[date]) -> list[Hit]:
    """Every rule that is reached on one of the days `ends`, once for each subject and signal: on the day with most people, of
    several the last. A person counts once, however many of the days."""
    rows = list(sick)
    found: list[Hit] = []
    for rule in policy.clusters.rules:
        for signal in _signals(policy.clusters, rule):
            subjects = _subjects(rule, [one for one in rows if shows(policy, rule, signal, one)])
            for (enterprise_id, place_id, where), some in subjects.items():
                best = max(((len(_people(rule, some, end)), end) for end in ends), default=None)
                if best is not None and best[0] >= rule.people:
                    first = best[1] - timedelta(days=rule.days - 1)
                    found.append(Hit(rule, signal, enterprise_id, place_id, where, best[0], first, best[1]))
    return found


def _signals(clusters: Clusters, rule: ClusterRule) -> Sequence[str]:
    named = [OF_DISEASE + one.key for one in clusters.diseases if one.label in rule.diseases]
    return (*rule.signals, *named)


def _people(rule: ClusterRule, some: Iterable[Sick], end: date) -> set[int]:
    """Who counts in the days up to `end`; nobody where too few enterprises are concerned."""
    here = [one for one in some if end - timedelta(days=rule.days) < one.on <= end]
    if len({one.enterprise_id for one in here}) < rule.firms:
        return set()
    return {one.person for one in here}


def _subjects(
    rule: ClusterRule, some: Iterable[Sick]
) -> dict[tuple[int | None, int | None, str], list[Sick]]:
    found: dict[tuple[int | None, int | None, str], list[Sick]] = defaultdict(list)
    for one in some:
        match rule.subject:
            case "group":
                for group in one.groups:
                    found[one.enterprise_id, None, group].append(one)
            case "enterprise":
                found[one.enterprise_id, None, ""].append(one)
            case _:
                for place in one.places:
                    found[None, place, ""].append(one)
    return found


def longest(clusters: Clusters, *, diseases: bool = False) -> int:
    """How many days back the rules over symptoms look, or those over diseases."""
    return max((rule.days for rule in clusters.rules if bool(rule.diseases) is diseases), default=1)


def fewest(clusters: Clusters, *subjects: str, diseases: bool = False) -> int:
    """With fewer people than this no such rule over one of these subjects can be reached."""
    return min(
        (
            rule.people
            for rule in clusters.rules
            if rule.subject in subjects and bool(rule.diseases) is diseases
        ),
        default=10**9,
    )


def is_unusual(rule: AbsenceRule, today: int, usual: Sequence[int]) -> bool:
    """Whether so many absent for illness are far more than this enterprise's own days before."""
    return (
        len(usual) >= rule.enough_days
        and today >= rule.least
        and today * len(usual) >= rule.times * sum(usual)
    )


def due(since: datetime, minutes: int) -> datetime:
    """Until when, inclusive to the second."""
    return since.replace(microsecond=0) + timedelta(minutes=minutes)


def in_time(at: datetime, due_at: datetime) -> bool:
    return at.replace(microsecond=0) <= due_at
