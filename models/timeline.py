"""A person's file as one story (一人一档时间轴), the newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .archive import Employee
from .health_file import Absence, CheckUp, Record, Travel, Vaccination


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened on a day; `written_at` is when somebody put it on file."""

    on: date
    title: str
    detail: str = ""
    kind: str = ""  # ok, warn, no: the colour of its sign
    icon: str = "circle-dot"
    written_at: datetime | None = None
    by: str = ""


def timeline(
    employee: Employee, records: Mapping[str, Sequence[Any]], *more: Iterable[Moment]
) -> list[Moment]:
    """What holds about a person. Sealed words (results, places, notes) are not in it.

    `records`: those of `health_file.KINDS`, as read for the page. `more`: moments of other kinds, from whoever keeps them.
    """
    found = [
        _TELLS[kind](record)
        for kind, several in records.items()
        for record in several
        if record.replaced_at is None
    ]
    found += [*_work(employee), *(moment for some in more for moment in some)]
    return sorted(found, key=lambda moment: moment.on, reverse=True)


def _work(employee: Employee) -> Iterator[Moment]:
    if employee.joined_on:
        yield Moment(employee.joined_on, "入职", icon="user-plus")
    if employee.left_on:
        yield Moment(employee.left_on, "最后工作日", icon="log-out")


def _absence(one: Absence) -> Moment:
    ends = f"至{one.until_on:%Y-%m-%d}" if one.until_on else "没有填结束日期"
    return _moment(one, one.from_on, one.kind.label, ends, icon="clock")


def _vaccination(one: Vaccination) -> Moment:
    return _moment(one, one.on, f"接种{one.vaccine}第{one.dose}剂", icon="shield-plus")


def _check_up(one: CheckUp) -> Moment:
    if one.done_on is None:
        return _moment(one, one.due_on, f"{one.kind.label}体检应检", icon="stethoscope")
    told = f"{one.notified_on:%Y-%m-%d}书面告知本人" if one.notified_on else "还没有书面告知本人"
    title = f"{one.kind.label}体检" + ("，有职业禁忌" if one.contraindicated else "")
    kind = "warn" if one.contraindicated or not one.notified_on else "ok"
    return _moment(one, one.done_on, title, told, icon="stethoscope", kind=kind)


def _travel(one: Travel) -> Moment:
    ends = f"{one.until_on:%Y-%m-%d}返回" if one.until_on else "没有填返回日期"
    return _moment(one, one.from_on, "旅居，" + ("境外" if one.overseas else "境内"), ends, icon="flag")


_TELLS: dict[str, Callable[[Any], Moment]] = {
    "absence": _absence, "vaccination": _vaccination, "check-up": _check_up, "travel": _travel,
}  # fmt: skip


def _moment(
    record: Record, on: date | None, title: str, detail: str = "", *, icon: str, kind: str = ""
) -> Moment:
    """`on` is there: an examination has the one day or the other."""
    by = record.written_by.name if record.written_by else ""
    return Moment(on or record.written_at.date(), title, detail, kind, icon, record.written_at, by)
