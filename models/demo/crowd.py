"""Who comes to the gates and when (人流): the same people day after day, most on working days.

Nothing here knows what an attempt will bring, nor does anybody's name have a part in when they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random

from models.base import SHANGHAI
from models.demo.districts import Firm, Sketch
from models.demo.people import Mobiles, Person, draw_name
from models.demo.town import Town
from models.places import Place
from models.vault import Vault

WEEK = (1.03, 1.02, 1.0, 1.0, 0.95, 0.25, 0.16)  # Monday to Sunday; an ordinary working day is 1
STAFF_SHARE, GUEST_SHARE, GUARD_SHARE = 0.52, 0.4, 0.02  # of a place's crowd
AT_WORK, OUT_FOR_LUNCH, WORKS_LATE = 0.86, 0.12, 0.3
SHIFTS = (7 * 60 + 40, 15 * 60 + 40, 23 * 60 + 35)  # minutes of the day, where work never stops
START_OF_WORK = 8 * 60 + 30
PURPOSES = ("送货", "面试", "开会", "维修", "参观", "办事", "签合同")
CASUAL = ("", "", "面试", "送货", "找朋友", "食堂")  # what visitors write that no firm is called


@dataclass(frozen=True, slots=True)
class Regular:
    """A person with the gate, the minute of the day and the mobile phone that are theirs."""

    person: Person
    mobile_index: bytes
    device_index: bytes
    gate_id: int
    minute: float


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at a gate at an instant. `by_guard`: registered by the guard, perhaps without a mobile."""

    at: datetime
    who: Regular
    gate_id: int
    by_guard: bool = False
    without_mobile: bool = False


class Crowd:
    """The people of one district: the staff of its firms and their visitors."""

    def __init__(self, town: Town, vault: Vault, *, seed: str, mobiles: Mobiles) -> None:
        self._seed, self._vault, self._mobiles = seed, vault, mobiles
        self._places = list(town.places.values())
        self._staff: dict[int, list[Regular]] = {}
        self._guests: dict[int, list[Regular]] = {}
        tenants = _tenants(town.sketch)
        rng = Random(f"{seed}/people")
        for site in town.sketch.sites():
            place, firms = town.places[site.name], tenants[site.name]
            staff = round(site.crowd * STAFF_SHARE / AT_WORK)
            self._staff[place.id] = [self._worker(place, rng.choice(firms), rng) for _ in range(staff)]
            guests = site.crowd * 2
            self._guests[place.id] = [self._guest(place, rng.choice(firms), rng) for _ in range(guests)]

    def _worker(self, place: Place, firm: Firm, rng: Random) -> Regular:
        written = firm.short if rng.random() < 0.8 else ""
        return self._regular(place, rng, written, "上班", _work_begins(place, rng))

    def _guest(self, place: Place, firm: Firm, rng: Random) -> Regular:
        return self._regular(place, rng, _as_said(firm, rng), rng.choice(PURPOSES), _visit(rng))

    def _regular(self, place: Place, rng: Random, written: str, purpose: str, minute: float) -> Regular:
        # the first gate is the main entrance
        gate = place.gates[0] if rng.random() < 0.45 else rng.choice(place.gates)
        person = Person(draw_name(rng), self._mobiles.draw(), written, purpose)
        device = self._vault.blind(f"demo {person.mobile}", "device")
        return Regular(person, self._vault.blind(person.mobile, "mobile"), device, gate.id, minute)

    def of(self, day: date) -> Iterator[Visit]:
        """Everybody of this day, in no order; the same day gives the same visits."""
        rng = Random(f"{self._seed}/{day}/crowd")
        midnight = datetime.combine(day, time(), SHANGHAI)
        for place in self._places:
            yield from self._ordinary(place, midnight, rng)
        if day.weekday() < 5:
            yield from self._odd(midnight, rng)

    def _ordinary(self, place: Place, midnight: datetime, rng: Random) -> Iterator[Visit]:
        share, staff, guests = WEEK[midnight.weekday()], self._staff[place.id], self._guests[place.id]
        crowd = len(guests) / 2
        for who in staff:
            if rng.random() < AT_WORK * share:
                yield Visit(_at(midnight, who.minute + rng.gauss(0, 8)), who, who.gate_id)
            if rng.random() < OUT_FOR_LUNCH * share:
                yield Visit(_at(midnight, rng.gauss(12 * 60 + 50, 18)), who, rng.choice(place.gates).id)
        for _ in range(round(crowd * GUEST_SHARE * share * rng.uniform(0.85, 1.15))):
            who = rng.choice(guests)
            yield Visit(_at(midnight, who.minute + rng.gauss(0, 40)), who, who.gate_id)
        for _ in range(round(crowd * GUARD_SHARE * share)):
            who, without = rng.choice(guests), rng.random() < 0.5
            yield Visit(_at(midnight, who.minute), who, who.gate_id, by_guard=True, without_mobile=without)
        if place.closes is not None and rng.random() < WORKS_LATE:
            who = rng.choice(staff)
            yield Visit(_at(midnight, rng.uniform(23 * 60 + 31, 23 * 60 + 58)), who, who.gate_id)

    def _odd(self, midnight: datetime, rng: Random) -> Iterator[Visit]:
        """What rows are marked for: one phone at two places, a group on one phone, an impatient thumb."""
        for _ in range(2):
            here, there = rng.sample(self._places, 2)
            who, at = rng.choice(self._guests[here.id]), _at(midnight, rng.uniform(545, 1050))
            yield Visit(at, who, who.gate_id)
            yield Visit(at + timedelta(seconds=80), who, there.gates[0].id)
        place, start = rng.choice(self._places), _at(midnight, rng.uniform(575, 680))
        leader, *members = rng.sample(self._guests[place.id], 12)
        if rng.random() < 0.5:
            for number, member in enumerate([leader, *members]):
                sharing = replace(member, device_index=leader.device_index)
                yield Visit(start + timedelta(seconds=5 * number), sharing, leader.gate_id)
        elif rng.random() < 0.3:
            for number in range(11):
                yield Visit(start + timedelta(seconds=5 * number), leader, leader.gate_id)


def _tenants(sketch: Sketch) -> dict[str, list[Firm]]:
    """The firms of each place, branches with their own room."""
    firms = {firm.short: firm for firm in sketch.firms()}
    branches = [replace(firms[short], place=place, room=room) for short, place, room in sketch.branches]
    tenants: dict[str, list[Firm]] = {site.name: [] for site in sketch.sites()}
    for firm in [*firms.values(), *branches]:
        tenants[firm.place].append(firm)
    return tenants


def _at(midnight: datetime, minute: float) -> datetime:
    return midnight + timedelta(seconds=int(min(max(minute, 0), 24 * 60 - 1) * 60))


def _work_begins(place: Place, rng: Random) -> float:
    """Around half past eight; later where doors open later; in shifts where they never close."""
    if place.opens is None:
        return rng.choice(SHIFTS) + rng.gauss(0, 9) if rng.random() < 0.35 else rng.gauss(START_OF_WORK, 30)
    first = place.opens.hour * 60 + place.opens.minute + 15
    return max(rng.gauss(max(START_OF_WORK, first), 34), first)


def _visit(rng: Random) -> float:
    """When a visitor comes: mid-morning, mid-afternoon, with the lunch boxes, or at any hour."""
    kind = rng.random()
    if kind < 0.35:
        return rng.gauss(10 * 60, 35)
    if kind < 0.7:
        return rng.gauss(14 * 60 + 40, 50)
    return rng.gauss(11 * 60 + 45, 15) if kind < 0.85 else rng.uniform(9 * 60, 20 * 60)


def _as_said(firm: Firm, rng: Random) -> str:
    """Where to, in a visitor's words: often the short name, now and then what no register knows."""
    kind = rng.random()
    if kind < 0.5:
        return firm.short
    if kind < 0.6:
        return firm.room
    return firm.short[:2] if kind < 0.7 else rng.choice(CASUAL)
