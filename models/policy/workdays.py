"""Working days (工作日): Monday to Friday, less the public holidays of a year, with its make-up days (调休).

The holidays of a year are announced late in the year before, so they are a file that an operator can add to.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.policy.records import Place, PolicyError

HOLIDAYS = "holidays.toml"
SATURDAY = 5
WARN_FROM = (12, 1)  # month and day from which next year's holidays should be known


@dataclass(frozen=True, slots=True)
class WorkDays:
    """Which days are worked. A year that nobody has entered has its weekends alone."""

    years: frozenset[int] = frozenset()
    exceptions: Mapping[date, bool] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def read(cls, *folders: Path) -> "WorkDays":
        """The years in `holidays.toml` of each folder; the later folder's year stands in place of the earlier one's."""
        years: dict[int, dict[date, bool]] = {}
        for folder in folders:
            if (folder / HOLIDAYS).is_file():
                years |= dict(_years(folder))
        exceptions = {day: worked for year in years.values() for day, worked in year.items()}
        return cls(frozenset(years), MappingProxyType(exceptions))

    def is_worked(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < SATURDAY)

    def on_or_after(self, day: date) -> date:
        """The day itself if it is worked, else the next that is."""
        while not self.is_worked(day):
            day += timedelta(days=1)
        return day

    def last_worked(self, first: date, last: date) -> date:
        """The last working day of these; the last day of all where none is one."""
        day = last
        while day > first and not self.is_worked(day):
            day -= timedelta(days=1)
        return day if self.is_worked(day) else last

    def lacks(self, today: date) -> int | None:
        """The year whose holidays somebody has to enter now: this one, or in December the next."""
        if today.year not in self.years:
            return today.year
        late = (today.month, today.day) >= WARN_FROM
        return today.year + 1 if late and today.year + 1 not in self.years else None


def _years(folder: Path) -> Iterator[tuple[int, dict[date, bool]]]:
    place = Place(HOLIDAYS)
    try:
        table = tomllib.loads((folder / HOLIDAYS).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise place.fault(f"不是UTF-8编码的TOML文件（{error}）") from error
    for name, year in table.items():
        if not (name.isdecimal() and len(name) == 4 and isinstance(year, dict)):
            raise place.key(name).fault("每一节是一年，例如 [2027]")
        yield int(name), dict(_exceptions(int(name), year, place.key(name)))


def _exceptions(year: int, table: Mapping[str, Any], place: Place) -> Iterator[tuple[date, bool]]:
    if set(table) != {"off", "work"}:
        raise place.fault("要有 off 和 work 两个键，没有别的键")
    for text in table["off"]:
        first, _, last = str(text).partition("/")
        day, end = _day(year, first, place.key("off")), _day(year, last, place.key("off"))
        if end < day:
            raise place.key("off").fault(f"“{text}”的最后一天早于第一天")
        while day <= end:
            yield day, False
            day += timedelta(days=1)
    for text in table["work"]:
        day = _day(year, str(text), place.key("work"))
        if day.weekday() < SATURDAY:
            raise place.key("work").fault(f"{text}不是周六、周日，不用写")
        yield day, True


def _day(year: int, text: str, place: Place) -> date:
    try:
        return date.fromisoformat(f"{year}-{text}")
    except ValueError:
        raise PolicyError(f"{place}：没有看懂“{text}”，日子写成05-01") from None
