"""Finding employees of one enterprise (找人): searched, filtered, counted and sorted in the database."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session, joinedload

from .archive import Employee, document_index
from .base import Labelled
from .employee_facts import person_of
from .identifiers import Unreadable, id_card, mobile
from .policy.schema import WorkerKind
from .vault import Vault


class Quick(Labelled):
    """The lists that are wanted most."""

    WORKING = "working", "在册"
    EXPOSED = "exposed", "接触危害因素"
    OTHERS = "others", "派遣、外包等"
    UNREACHABLE = "unreachable", "没有手机号"
    LEFT = "left", "已离职"


class Order(Labelled):
    NAME = "name", "姓名"
    NUMBER = "number", "工号"
    DEPARTMENT = "department", "部门"
    NEWEST = "newest", "最近入职"


@dataclass(frozen=True, slots=True)
class Wanted:
    enterprise_id: int
    today: date
    text: str = ""
    quick: Quick = Quick.WORKING
    department: str = ""
    team_id: int | None = None
    kind: WorkerKind | None = None
    order: Order = Order.NAME


def search(wanted: Wanted, vault: Vault) -> Select[Any]:
    """The employees that are looked for, in their order."""
    query = (
        select(Employee)
        .where(
            Employee.enterprise_id == wanted.enterprise_id,
            _lists(wanted.today)[wanted.quick],
            *_found_by(wanted.text, wanted.today, vault),
        )
        .options(joinedload(Employee.team))
    )
    if wanted.department:
        query = query.where(Employee.department == wanted.department)
    if wanted.team_id is not None:
        query = query.where(Employee.team_id == wanted.team_id)
    if wanted.kind is not None:
        query = query.where(Employee.kind == wanted.kind)
    keys: dict[Order, list[Any]] = {
        Order.NAME: [Employee.initials, Employee.name],
        Order.NUMBER: [Employee.number == "", Employee.number],
        Order.DEPARTMENT: [Employee.department, Employee.initials],
        Order.NEWEST: [Employee.joined_on.is_(None), Employee.joined_on.desc()],
    }
    return query.order_by(*keys[wanted.order], Employee.id)


def counts(session: Session, enterprise_id: int, today: date) -> Mapping[Quick, int]:
    """How many stand in each quick list, by one statement."""
    sums = [func.coalesce(func.sum(case((test, 1), else_=0)), 0) for test in _lists(today).values()]
    numbers = session.execute(select(*sums).where(Employee.enterprise_id == enterprise_id)).one()
    return dict(zip(_lists(today), numbers, strict=True))


def departments(session: Session, enterprise_id: int) -> list[str]:
    found = select(Employee.department).where(
        Employee.enterprise_id == enterprise_id, Employee.department != ""
    )
    return list(session.scalars(found.distinct().order_by(Employee.department)))


def names_a_person(text: str, today: date) -> bool:
    """Whether the search is for a whole number: whoever asks for one learns whose it is."""
    return bool(_numbers(text, today))


def _lists(today: date) -> dict[Quick, ColumnElement[bool]]:
    """On the books until the last day is over; who begins later is there already, to be prepared for."""
    working = or_(Employee.left_on.is_(None), Employee.left_on >= today)
    return {
        Quick.WORKING: working,
        Quick.EXPOSED: working & (Employee.hazards != ""),
        Quick.OTHERS: working & (Employee.kind != WorkerKind.OWN),
        Quick.UNREACHABLE: working & Employee.mobile_index.is_(None),
        Quick.LEFT: Employee.left_on < today,
    }


def _numbers(text: str, today: date) -> dict[str, str]:
    """A whole mobile or document that is written there."""
    found = {}
    with suppress(Unreadable):
        found["mobile"] = mobile(text)
    compact = "".join(text.split()).upper()
    try:
        found["document"] = id_card(text, today).number
    except Unreadable:
        if (
            len(compact) >= 8
            and any(sign.isdigit() for sign in compact)
            and compact.isascii()
            and compact.isalnum()
        ):
            found.setdefault("document", compact)
    return found


def _found_by(text: str, today: date, vault: Vault) -> list[ColumnElement[bool]]:
    """Part of a name, the beginning of its initials or of the 工号, a whole mobile or document."""
    text = " ".join(text.split())
    if not text:
        return []
    numbers = _numbers(text, today)
    tests: list[ColumnElement[bool]] = [
        Employee.name.contains(text, autoescape=True),
        Employee.number.startswith(text, autoescape=True),
    ]
    if text.isascii() and text.isalpha():
        tests.append(Employee.initials.startswith(text.lower(), autoescape=True))
    if "mobile" in numbers:
        tests.append(Employee.mobile_index == vault.blind(numbers["mobile"], "mobile"))
    if "document" in numbers:
        holders = {numbers["document"], person_of(numbers["document"], "hk_macau")}
        tests.append(Employee.document_index.in_([i for h in holders if (i := document_index(h, vault))]))
    return [or_(*tests)]
