"""Who is to be examined, and by when (谁该体检): before an exposed post, while in it, and on leaving it (HLTH-9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from .archive import Employee
from .health_file import CheckUp, CheckUpKind

SOON = timedelta(days=60)
LEFT_LATELY = timedelta(days=365)  # configuration: how long who left without an examination stays in the list


@dataclass(frozen=True, slots=True)
class Due:
    """One examination that somebody owes the person."""

    employee: Employee
    kind: CheckUpKind
    due_on: date
    planned_id: int | None = None  # the row that is to be filled in, where there is one

    def overdue(self, today: date) -> bool:
        return self.due_on < today


def due_of(employee: Employee, check_ups: Sequence[CheckUp], today: date) -> list[Due]:
    """What one person is owed, by what is on file."""
    done = [one for one in check_ups if one.done_on is not None]
    found = [
        Due(employee, one.kind, one.due_on, one.id) for one in check_ups if one.done_on is None and one.due_on
    ]
    owed: list[Due] = []
    if employee.hazards and employee.left_on is None:
        owed.append(_while_exposed(employee, done, today))
    elif employee.hazards and employee.left_on is not None and not _seen_on_leaving(employee, done):
        owed.append(Due(employee, CheckUpKind.LEAVING, employee.left_on))
    kinds = {one.kind for one in found}
    return found + [one for one in owed if one.kind not in kinds]


def due_list(session: Session, enterprise_id: int, today: date) -> list[Due]:
    """Everybody of an enterprise to whom an examination is due until SOON, who is longest overdue first."""
    planned = select(CheckUp.employee_id).where(CheckUp.holds(), CheckUp.done_on.is_(None))
    people = session.scalars(
        select(Employee)
        .where(
            Employee.enterprise_id == enterprise_id,
            or_(Employee.left_on.is_(None), Employee.left_on >= today - LEFT_LATELY),
            or_(Employee.hazards != "", Employee.id.in_(planned)),
        )
        .options(joinedload(Employee.team))
    ).all()
    on_file: dict[int, list[CheckUp]] = defaultdict(list)
    mine = select(Employee.id).where(Employee.enterprise_id == enterprise_id)
    for one in session.scalars(select(CheckUp).where(CheckUp.employee_id.in_(mine), CheckUp.holds())):
        on_file[one.employee_id].append(one)
    found = [due for person in people for due in due_of(person, on_file[person.id], today)]
    return sorted(
        (due for due in found if due.due_on <= today + SOON), key=lambda due: (due.due_on, due.employee.id)
    )


def _while_exposed(employee: Employee, done: Sequence[CheckUp], today: date) -> Due:
    seen = [one for one in done if one.kind in (CheckUpKind.PRE_POST, CheckUpKind.PERIODIC)]
    if not seen:
        return Due(employee, CheckUpKind.PRE_POST, employee.joined_on or today)
    last = max(seen, key=lambda one: one.done_on or date.min)
    return Due(employee, CheckUpKind.PERIODIC, last.again_on or today)


def _seen_on_leaving(employee: Employee, done: Sequence[CheckUp]) -> bool:
    """An examination on leaving, since the person last began here."""
    began = employee.joined_on or date.min
    return any(one.kind == CheckUpKind.LEAVING and (one.done_on or date.min) >= began for one in done)
