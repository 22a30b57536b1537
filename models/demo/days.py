"""Weeks at the gates (几周的登记): each visit becomes the row that a real visitor's would, by the same rules.

What goes wrong is drawn apart from who comes: nobody's name has a part in it (settled 3.9). Chance starts
anew each day: a day is the same whenever it is generated, and today ends now.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from models.access import Post
from models.accounts import Account, Appointment
from models.base import SHANGHAI, local
from models.demo.cases import Case, Step, changes, steps, take
from models.demo.crowd import Crowd, Visit
from models.demo.diary import Diary
from models.demo.town import Town
from models.gate import RECHECK_WINDOW, CheckIn, Kind, Mark, MeasuredBy, marks_of
from models.gateview import GateView, view_of
from models.judging import Declaration, Verdict
from models.places import ModeOrder
from models.policy.book import Book
from models.policy.schema import Mode
from models.register import attempt, superseded
from models.vault import Vault

# How often what goes wrong. What a form does not ask, cannot.
TROUBLES = {"fever": 0.0035, "no_mask": 0.005, "low": 0.0065}
EMERGENCY_TROUBLES = TROUBLES | {
    "unavailable": 0.006,
    "yellow": 0.002,
    "risk_area": 0.003,
    "overseas": 0.002,
    "cough": 0.006,
    "sore_throat": 0.004,
}
ANSWERS = {
    "no_mask": ("mask", "no"),
    "unavailable": ("code_status", "unavailable"),
    "yellow": ("code_status", "yellow"),
    "risk_area": ("risk_area_14d", "yes"),
    "overseas": ("overseas_21d", "yes"),
    "cough": ("symptoms", "cough"),
    "sore_throat": ("symptoms", "sore_throat"),
}
WELL = {
    "mask": "yes",
    "code_status": "green",
    "risk_area_14d": "no",
    "overseas_21d": "no",
    "symptoms": "none",
}
LONGEST = timedelta(days=2)  # no case takes longer
TO_LOOK_AT = {Mark.MANY_NAMES, Mark.BURST}  # marks that a specialist settles; the others wait for a guard


Views = dict[tuple[int, Mode], GateView]  # by the number of the gate


@dataclass(slots=True)
class Seen:
    """A row as its visitor's next attempt finds it. Its nonce is its number until it is written."""

    id: bytes
    row: dict[str, Any]
    place_id: int
    gate_id: int
    verdict: Verdict
    occurred_at: datetime
    name: str
    day: date
    mobile_index: bytes | None
    device_index: bytes | None
    measured_by: MeasuredBy | None
    kind: Kind
    party: bytes | None
    confirmed_at: datetime | None
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a case that is on the agenda; the rest is the case's own."""

    case: Case
    step: Step
    visit: Visit
    row: dict[str, Any]
    seen: Seen
    fate: Random


class Days:
    """Lives through the days of one district in order, and keeps a diary."""

    def __init__(
        self, town: Town, crowd: Crowd, views: Views, *, vault: Vault, now: datetime, seed: str
    ) -> None:
        self.diary = Diary()
        self._crowd, self._views, self._vault, self._now, self._seed = crowd, views, vault, now, seed
        places = town.places.values()
        self._gates = {place.id: [gate.id for gate in place.gates] for place in places}
        self._orders = {place.id: [o for o in town.orders if o.reaches(place)] for place in places}
        self._paused = {gate.id: gate.paused_at for gate in town.gates if gate.paused_at is not None}
        self._guards = {place.id: town.in_post(Post.GATE_GUARD, place) for place in places}
        self._specialists = {place.id: town.in_post(Post.SPECIALIST, place) for place in places}
        self._agenda: list[tuple[datetime, int, Visit | Task]] = []
        self._serial = count()
        self._seen: dict[bytes, list[Seen]] = {}
        self._called: Counter[int] = Counter()

    def live(self, day: date) -> None:
        """From midnight to midnight, or to now."""
        fate = Random(f"{self._seed}/{day}/fate")
        midnight = datetime.combine(day, time(), SHANGHAI)
        self._called.clear()
        self._forget(midnight - RECHECK_WINDOW)
        for visit in self._crowd.of(day):
            self._expect(visit.at, visit)
        end = min(midnight + timedelta(days=1) - timedelta(microseconds=1), self._now)
        while self._agenda and self._agenda[0][0] <= end:
            _, _, what = heappop(self._agenda)
            if isinstance(what, Visit):
                self._visit(what, fate)
            else:
                self._do(what)

    def _expect(self, at: datetime, what: Visit | Task) -> None:
        heappush(self._agenda, (at, next(self._serial), what))

    def _forget(self, horizon: datetime) -> None:
        kept = ((key, [row for row in rows if row.occurred_at > horizon]) for key, rows in self._seen.items())
        self._seen = {key: rows for key, rows in kept if rows}

    def _visit(self, visit: Visit, fate: Random, *, well: bool = False) -> None:
        """One attempt: declared, marked, judged; what needs looking at goes on the agenda."""
        roll, chance, spread, nonce = fate.random(), fate.random(), fate.gauss(0, 1), fate.randbytes(16)
        at, who = visit.at, visit.who
        paused_at = self._paused.get(visit.gate_id)
        if paused_at is not None and at >= paused_at:
            return
        gate = self._gate(visit.gate_id, at)
        guard = _one_of(self._guards[gate.place_id], at, chance)
        by_guard = visit.by_guard and guard is not None
        trouble = None if well else _drawn(TROUBLES if gate.mode == Mode.NORMAL else EMERGENCY_TROUBLES, roll)
        declared = _declare(gate, visit, trouble, spread)
        mobile_index = who.mobile_index if declared.mobile else None
        device_index = None if by_guard else who.device_index
        recent = self._recent(mobile_index, device_index, at)
        same_device = [row for row in recent if device_index and row.device_index == device_index]
        marks, slowed = marks_of(
            out_of_hours=not gate.is_open(at), recent=same_device, place_ids=gate.place_ids,
            name=declared.name, now=at,
        )  # fmt: skip
        if slowed:
            return
        row = attempt(
            self._vault, gate, declared, recent=recent, marks=marks, mobile_index=mobile_index,
            device_index=device_index, nonce=nonce, now=at,
            opened_at=None if by_guard else at - timedelta(seconds=6 + int(60 * chance)),
        )  # fmt: skip
        row["call_number"] = 100 + self._called[gate.place_id] % 900
        self._called[gate.place_id] += 1
        row |= {"recheck_asked_at": None, "handled_at": None}
        if by_guard and guard is not None:
            row["recorded_by_id"] = guard.id
            row["measured_by"] = row["measured_by"] and MeasuredBy.GUARD
        self.diary.rows.append(row)
        before = superseded(row, recent, at)
        if before is not None:
            before.kind = before.row["kind"] = Kind.AGAIN
        seen = Seen(nonce, row, *(row[name] for name in Seen.__slots__[2:]))
        for key in {mobile_index, device_index}:
            if key is not None:
                self._seen.setdefault(key, []).append(seen)
        if row["verdict"] in (Verdict.REFUSED, Verdict.ATTENTION) or TO_LOOK_AT & set(marks):
            specialist = _one_of(self._specialists[gate.place_id], at + LONGEST, chance)
            case = Case(CheckIn(**row), declared, gate.policy, guard, specialist)
            self.diary.cases.append((case, row))
            own = Random(
                f"{self._seed}/{nonce.hex()}"
            )  # a case that runs past midnight leaves the next day alone
            for step in steps(case, own):
                self._expect(step.at, Task(case, step, visit, row, seen, own))

    def _gate(self, gate_id: int, at: datetime) -> GateView:
        normal = self._views[gate_id, Mode.NORMAL]
        if any(_holds(order, at) for order in self._orders[normal.place_id]):
            return self._views[gate_id, Mode.EMERGENCY]
        return normal

    def _recent(self, mobile_index: bytes | None, device_index: bytes | None, at: datetime) -> list[Seen]:
        """As a real attempt finds them: newest first, of today or within the window of a refusal."""
        today, found = local(at).date(), {}
        for key in (mobile_index, device_index):
            for row in self._seen.get(key, ()) if key is not None else ():
                if row.day == today or row.occurred_at > at - RECHECK_WINDOW:
                    found[row.id] = row
        return sorted(found.values(), key=lambda row: row.occurred_at, reverse=True)

    def _do(self, task: Task) -> None:
        case, step, seen = task.case, task.step, task.seen
        if step.kind == "return":
            gate_id = task.fate.choice(self._gates[seen.place_id])
            self._visit(
                replace(task.visit, at=step.at, gate_id=gate_id, by_guard=False), task.fate, well=True
            )
            return
        record = take(case, step)
        if record is not None:
            self.diary.records.append((case.entry, record))
        seen.verdict, seen.measured_by = case.entry.verdict, case.entry.measured_by
        seen.confirmed_at = case.entry.confirmed_at
        task.row.update(changes(case.entry))


def views_of(session: Session, town: Town, book: Book, now: datetime) -> Views:
    """Every gate of the district as it is in either mode."""
    views: Views = {}
    for place in town.places.values():
        working = next(gate for gate in place.gates if gate.paused_at is None)
        view = view_of(session, book, working, now)
        assert isinstance(view, GateView)
        for gate in place.gates:
            here = replace(view, gate_id=gate.id, gate_name=gate.name)
            views |= {
                (gate.id, mode): replace(here, mode=mode, form=form)
                for mode, form in view.policy.gate.items()
            }
    return views


def _declare(gate: GateView, visit: Visit, trouble: str | None, spread: float) -> Declaration:
    """What this person says at this gate, with the trouble in it if the gate asks for it."""
    limits, person = gate.policy.thresholds, visit.who.person
    asked = {question.field for question in gate.form.questions}
    answers = {field: value for field, value in WELL.items() if field in asked}
    field, value = ANSWERS.get(trouble or "", ("", ""))
    if field in asked:
        answers[field] = value
    celsius = Decimal(f"{36.45 + max(-0.8, min(0.7, spread * 0.2)):.1f}")
    if trouble == "fever":
        celsius = limits.fever_celsius + Decimal(f"{abs(spread) * 0.4:.1f}")
    elif trouble == "low":
        celsius = limits.low_celsius - Decimal(f"{0.1 + min(abs(spread) * 0.3, 1.2):.1f}")
    return Declaration(
        name=person.name,
        mobile=None if visit.without_mobile else person.mobile,
        celsius=celsius if "temperature" in asked else None,
        answers={field: (value,) for field, value in answers.items()},
        enterprise=person.written,
        purpose=person.purpose if "purpose" in asked else "",
    )


def _holds(order: ModeOrder, at: datetime) -> bool:
    return order.starts_at <= at and (order.ended_at is None or at < order.ended_at)


def _drawn(chances: dict[str, float], roll: float) -> str | None:
    for name, chance in chances.items():
        roll -= chance
        if roll < 0:
            return name
    return None


def _one_of(held: list[Appointment], at: datetime, chance: float) -> Account | None:
    """Somebody who is still in post then."""
    people = [a.account for a in held if a.ended_at is None or a.ended_at > at]
    return people[int(chance * len(people))] if people else None
