"""What pages of a report have in common (报送页面): its fields by group, its history with what each correction changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from models.base import db
from models.closures import Closure, closures_of
from models.policy.schema import ReportField
from models.reports import Difference, ReportVersion, differences


def grouped(fields: Sequence[ReportField]) -> list[tuple[str, list[ReportField]]]:
    """The fields under their headings, in the order of the scheme."""
    found: dict[str, list[ReportField]] = {}
    for one in fields:
        found.setdefault(one.group, []).append(one)
    return list(found.items())


def open_closures(enterprise_id: int, since: date) -> list[Closure]:
    """The closures that hold on some day from this one on, the first one first."""
    found = closures_of(db.session(), enterprise_id, since)
    return [one for one in reversed(found) if one.until is not None and one.until >= since]


@dataclass(frozen=True, slots=True)
class Told:
    """One version as its history shows it."""

    version: ReportVersion
    changed: Sequence[Difference]  # against the version before
    overridden: Sequence[Difference]  # against what the archive knew


def history(fields: Sequence[ReportField], versions: Sequence[ReportVersion]) -> list[Told]:
    """The newest first, as `versions` are."""
    told = []
    for number, one in enumerate(versions):
        before = versions[number + 1] if number + 1 < len(versions) else None
        told.append(
            Told(
                one,
                differences(fields, before.numbers, one.numbers) if before else (),
                _overridden(fields, one),
            )
        )
    return told


def _overridden(fields: Sequence[ReportField], version: ReportVersion) -> list[Difference]:
    known: Mapping[str, int] = version.archive
    return differences([one for one in fields if one.key in known], known, version.numbers)
