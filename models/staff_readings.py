"""Staff at the gate (员工入口登记): one reading, with notice, serves gate and archive (settled 2.15).

Whoever says 「我在这里上班」 is looked for on the rosters of the enterprises of this park, by mobile and name together, and if they
are due at work the declaration becomes the day's health entry. That happens here, in the timed work: the visitor's path only sets
a flag, and no answer at the gate can tell whether somebody was found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from . import audit
from .archive import Employee
from .base import RuleBroken
from .enterprises import Enterprise, Premises
from .follow_ups import FollowUp
from .gate import CheckIn, CodeCheck, Mark, MeasuredBy, StaffCheck, fold
from .health_entries import (
    SYMPTOM_WORDS,
    EntrySource,
    EntryState,
    HealthEntry,
    Report,
    Today,
    asked,
    mode_of,
    standing,
    work_day_of,
    write,
)  # fmt: skip
from .health_file import at_work
from .judging import with_stricter_code
from .office import adoptions_of
from .places import Place
from .policy.book import Book
from .policy.schema import Mode, Policy
from .presence import days_of
from .register import declared_by
from .timed import Tick
from .vault import Vault

MATTERS = timedelta(days=1)  # after that a row is no report of its day any more
AT_ONCE = 100  # rows of one transaction: on SQLite visitors wait for it
ACTION = "health:take_over"


def take_over(tick: Tick, vault: Vault) -> int:
    """Looks for everybody who waits for it, and gives how many entries were written or corrected.

    Harmless at any time and twice at once: a row is settled in the transaction that writes its entry.
    """
    with tick.writing() as session:
        old = CheckIn.staff == StaffCheck.PENDING, CheckIn.occurred_at <= tick.now - MATTERS
        session.execute(update(CheckIn).where(*old).values(staff=StaffCheck.SETTLED))
    taken, last = 0, 0
    while True:
        with tick.writing() as session:
            rows = _waiting(session, tick, last)
            if not rows:
                return taken
            taken += _Round(session, tick, vault).take(rows)
        last = rows[-1].id


def _waiting(session: Session, tick: Tick, last: int) -> Sequence[CheckIn]:
    days = days_of(tick.now, MATTERS)
    return session.scalars(
        select(CheckIn)
        .where(CheckIn.staff == StaffCheck.PENDING, CheckIn.day.in_(days), CheckIn.id > last)
        .order_by(CheckIn.id)
        .limit(AT_ONCE)
        .with_for_update()
    ).all()


def stands_apart(row: CheckIn) -> bool:
    """Whether it may be somebody else's doing: one phone with many names, or in two places. It waits for a guard, as it does for
    the counts; out of hours is no doubt about who it is."""
    return row.confirmed_at is None and any(mark != Mark.OUT_OF_HOURS for mark in row.mark_list)


def report_of(vault: Vault, row: CheckIn, policy: Policy, mode: Mode) -> Report:
    """What the row says of its person's health, as far as the employer asks. A reading too low to be true is none (HLTH-1): cold
    foreheads are measured again."""
    answers = with_stricter_code(declared_by(vault, row).answers)
    said = set(answers.get("symptoms", ())) - {"none"}
    symptoms = [code for code in SYMPTOM_WORDS if code in said]
    symptoms += ["other"] if said - set(SYMPTOM_WORDS) and "other" not in symptoms else []
    low = row.temperature is not None and row.temperature < policy.thresholds.low_celsius
    return Report(
        today=Today.UNWELL if symptoms else Today.WELL, celsius=None if low else row.temperature,
        symptoms=tuple(symptoms),
        answers={q.field: answers[q.field] for q in asked(policy, mode) if q.field in answers},
    )  # fmt: skip


def answers_all(policy: Policy, mode: Mode, report: Report) -> bool:
    """Whether nothing is left to be asked of somebody who is well: a gate may ask less than the employer has to. Where nothing is
    asked of everybody, nobody who is well is entered."""
    questions = asked(policy, mode)
    told = {question.field for question in questions if report.answers.get(question.field)}
    told |= {
        question.field
        for question in questions
        if question.kind == "temperature" and report.celsius is not None
    }
    return bool(questions) and all(question.field in told or not question.required for question in questions)


class _Round:
    """One transaction: what is looked up for all its rows at once."""

    def __init__(self, session: Session, tick: Tick, vault: Vault) -> None:
        self.session, self.tick, self.vault = session, tick, vault
        self.entries: dict[tuple[int, date], HealthEntry] = {}
        self.policies: dict[tuple[int, date], Policy | None] = {}
        self.modes: dict[tuple[int, str], Mode] = {}

    def take(self, rows: Sequence[CheckIn]) -> int:
        rows = [row for row in rows if not stands_apart(row)]
        taken: dict[int, list[int]] = defaultdict(list)  # district -> employees
        for row, employee, on in self._found(rows):
            if self._take(row, employee, on):
                taken[employee.enterprise.district_id].append(employee.id)
        # past the ORM, so that no page is told that something moved: nothing that is shown has
        these = CheckIn.id.in_([row.id for row in rows]), CheckIn.day.in_({row.day for row in rows})
        self.session.execute(
            update(CheckIn).where(*these).values(staff=StaffCheck.SETTLED),
            execution_options={"synchronize_session": False},
        )
        for district_id, some in taken.items():
            audit.append(
                self.session, now=self.tick.now, action=ACTION, result=audit.Result.DONE, district_id=district_id,
                details={"employees": some, "count": len(some)},
            )  # fmt: skip
        return sum(len(some) for some in taken.values())

    def _found(self, rows: Sequence[CheckIn]) -> Iterable[tuple[CheckIn, Employee, date]]:
        """Who these rows are of, with their work day: everybody of this mobile and name who is due at work in this park. The locks keep
        what somebody reports in this moment from being overlooked."""
        people = self.session.scalars(
            select(Employee)
            .where(Employee.mobile_index.in_({row.mobile_index for row in rows if row.mobile_index}))
            .options(joinedload(Employee.enterprise), joinedload(Employee.team))
            .order_by(Employee.id)
            .with_for_update(of=Employee)
        ).all()
        if not people:
            return
        by_mobile: dict[bytes, list[Employee]] = defaultdict(list)
        for one in people:
            by_mobile[one.mobile_index or b""].append(one)
        seats = self._seats({one.enterprise_id for one in people})
        grounds = self._grounds({row.place_id for row in rows})
        found = [
            (row, one, work_day_of(one, row.occurred_at))
            for row in rows
            for one in by_mobile.get(row.mobile_index or b"", ())
            if fold(one.name) == fold(row.name)
            and any(
                grounds[row.place_id] == ground and seat.from_at <= row.occurred_at
                and (seat.until_at is None or seat.until_at > row.occurred_at)
                for seat, ground in seats[one.enterprise_id]
            )
        ]  # fmt: skip
        due = {on: self._due({one.id for _, one, _ in found}, on) for on in {on for _, _, on in found}}
        self._read_entries({one.id for _, one, _ in found}, set(due))
        yield from ((row, one, on) for row, one, on in found if one.id in due[on])

    def _seats(self, enterprise_ids: set[int]) -> dict[int, list[tuple[Premises, int]]]:
        rows = self.session.execute(
            select(Premises, Place.parent_id)
            .join(Premises.place)
            .where(Premises.enterprise_id.in_(enterprise_ids))
        )
        seats: dict[int, list[tuple[Premises, int]]] = defaultdict(list)
        for seat, parent_id in rows:
            seats[seat.enterprise_id].append((seat, parent_id or seat.place_id))
        return seats

    def _grounds(self, place_ids: set[int]) -> dict[int, int]:
        """Of each place the park that it lies in, or itself."""
        rows = self.session.execute(select(Place.id, Place.parent_id).where(Place.id.in_(place_ids)))
        return {number: parent_id or number for number, parent_id in rows}

    def _due(self, employee_ids: set[int], on: date) -> set[int]:
        return set(
            self.session.scalars(select(Employee.id).where(Employee.id.in_(employee_ids), at_work(on)))
        )

    def _read_entries(self, employee_ids: set[int], days: set[date]) -> None:
        wanted = HealthEntry.employee_id.in_(employee_ids), HealthEntry.work_on.in_(days)
        for entry in self.session.scalars(select(HealthEntry).where(*wanted)):
            self.entries[entry.employee_id, entry.work_on] = entry

    def _take(self, row: CheckIn, employee: Employee, on: date) -> bool:
        """The first word about a day stands, whoever gave it, but for three things: a guard's own reading replaces what was only
        declared at the gate, a bad one is never lost behind a good report, and a bad code that the service knows is never lost at
        all: then the entry is corrected, and says both."""
        policy, before = self._policy(employee.enterprise, on), self.entries.get((employee.id, on))
        if policy is None:
            return False
        mode = self._mode(row, employee.enterprise)
        report = report_of(self.vault, row, policy, mode)
        is_well = standing(policy, mode, report).state == EntryState.NORMAL
        if is_well and not answers_all(policy, mode, report):
            return False
        facts = {"policy": policy, "mode": mode, "source": EntrySource.GATE, "now": row.occurred_at}
        if before is None:
            entry = HealthEntry.first(employee, on, report, **facts)  # type: ignore[arg-type]
            self.session.add(entry)
        else:
            measured = before.source == EntrySource.GATE and row.measured_by == MeasuredBy.GUARD
            if not measured:
                if is_well or (before.state != EntryState.NORMAL and not _later_code(row)):
                    return False
                report = beside(before.told, report)
            if before.told == report:
                return False
            facts["now"] = self.tick.now
            try:
                entry = write(self.session, employee, on, report, **facts)  # type: ignore[arg-type]
            except RuleBroken:  # the day lies too far back by now
                return False
        self.entries[employee.id, on] = entry
        if entry.state != EntryState.NORMAL:
            self.session.flush()
            FollowUp.open_for(self.session, entry, now=self.tick.now)
        return True

    def _policy(self, enterprise: Enterprise, on: date) -> Policy | None:
        key = enterprise.district_id, on
        if key not in self.policies:
            book: Book = self.tick.book
            self.policies[key] = book.in_force(adoptions_of(self.session, enterprise.district_id), on)
        return self.policies[key]

    def _mode(self, row: CheckIn, enterprise: Enterprise) -> Mode:
        """The enterprise's mode when the row was written; a row says the mode of its place, so that a switch is noticed."""
        key = enterprise.id, row.mode
        if key not in self.modes:
            self.modes[key] = mode_of(self.session, enterprise, row.occurred_at)
        return self.modes[key]


def _later_code(row: CheckIn) -> bool:
    """Whether the health-code service has answered: a fact that nobody who reported could have said."""
    return row.code_state == CodeCheck.KNOWN


def beside(told: Report, at_gate: Report) -> Report:
    """What somebody had reported, with what the gate has found since."""
    symptoms = tuple(code for code in SYMPTOM_WORDS if code in {*told.symptoms, *at_gate.symptoms})
    measured = told if at_gate.celsius is None else replace(told, celsius=at_gate.celsius, site=None)
    return replace(
        measured, today=Today.UNWELL if symptoms else told.today, symptoms=symptoms,
        answers={**told.answers, **at_gate.answers},
    )  # fmt: skip
