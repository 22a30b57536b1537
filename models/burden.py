"""What reporting costs and what it spares (减负账): fields that nobody typed, requests that nobody had to answer twice, minutes a report.

Sums over an area alone: nobody is compared with anybody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from .obligations import Kind, Obligation
from .reports import ReportVersion, Source


@dataclass(slots=True)
class Burden:
    """Of the first versions of some reports. A correction is no new report."""

    reports: int = 0
    zero: int = 0  # of these, filed in one step
    asked: int = 0  # fields
    prefilled: int = 0  # of these, computed or taken over as the archive knew them, or of a zero report
    readers: int = 0  # offices that read one and the same report, over all reports
    seconds: Counter[int] = field(default_factory=Counter)  # from opening the page to filing, how often

    @property
    def spared(self) -> int:
        """Requests that nobody had to answer again: every office but the first would have asked for itself."""
        return self.readers - self.reports

    @property
    def prefilled_rate(self) -> float | None:
        return self.prefilled / self.asked if self.asked else None

    @property
    def timed(self) -> int:
        return sum(self.seconds.values())

    @property
    def median_seconds(self) -> int | None:
        """The middle one; of an even number the lower of both."""
        return median(self.seconds)

    def __add__(self, other: Burden) -> Burden:
        return Burden(
            self.reports + other.reports, self.zero + other.zero, self.asked + other.asked, self.prefilled + other.prefilled,
            self.readers + other.readers, self.seconds + other.seconds,
        )  # fmt: skip


def median(counted: Mapping[int, int]) -> int | None:
    middle, before = (sum(counted.values()) + 1) // 2, 0
    for value in sorted(counted):
        before += counted[value]
        if before >= middle:
            return value
    return None


def burden_of(session: Session, where: ColumnElement[bool], since: datetime) -> dict[Kind, Burden]:
    """By kind of report, of those that came in since an instant. Two queries, whatever there is."""
    one, version = Obligation, ReportVersion
    read_by: Any = 1  # the district
    for column in (one.place_id, one.unit_id, one.community_id):
        read_by = read_by + case((column.is_not(None), 1), else_=0)
    mine = (where, one.live(), version.number == 1, version.at >= since)
    found: dict[Kind, Burden] = defaultdict(Burden)
    sums = (
        select(
            one.kind, func.count(), func.sum(case((version.source == Source.ZERO, 1), else_=0)),
            func.coalesce(func.sum(version.asked), 0), func.coalesce(func.sum(version.prefilled), 0), func.sum(read_by),
        )
        .join(one, one.id == version.obligation_id)
        .where(*mine)
        .group_by(one.kind)
    )  # fmt: skip
    for kind, reports, zero, asked, prefilled, readers in session.execute(sums):
        found[kind] = Burden(reports, int(zero), int(asked), int(prefilled), int(readers))
    times = (
        select(one.kind, version.seconds, func.count())
        .join(one, one.id == version.obligation_id)
        .where(*mine, version.seconds.is_not(None))
        .group_by(one.kind, version.seconds)
    )
    for kind, seconds, number in session.execute(times):
        found[kind].seconds[seconds or 0] += number
    return {kind: found[kind] for kind in Kind if kind in found}


def together(some: Iterable[Burden]) -> Burden:
    return sum(some, start=Burden())
