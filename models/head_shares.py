"""Registered per head (登记率) over many samples: by day and by hour, never by person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from .base import local
from .watch import HeadCount, share_of


@dataclass(slots=True)
class Sum:
    """Several samples taken together."""

    samples: int = 0
    heads: int = 0
    scans: int = 0

    def add(self, sample: HeadCount) -> None:
        self.samples += 1
        self.heads += sample.heads or 0
        self.scans += sample.scans or 0

    @property
    def share(self) -> int | None:
        """Registered per hundred heads; 100 where more registered than were counted, None where nobody came."""
        return share_of(min(self.scans, self.heads), self.heads)


Table = dict[date | int, Sum]


def by_day(samples: Iterable[HeadCount]) -> Table:
    """The newest day first."""
    return _by(samples, lambda sample: local(sample.starts_at).date(), newest_first=True)


def by_hour(samples: Iterable[HeadCount]) -> Table:
    return _by(samples, lambda sample: local(sample.starts_at).hour)


def total(samples: Iterable[HeadCount]) -> Sum:
    found = Sum()
    for sample in samples:
        found.add(sample)
    return found


def _by(
    samples: Iterable[HeadCount], key: Callable[[HeadCount], date | int], *, newest_first: bool = False
) -> Table:
    found: Table = {}
    for sample in samples:
        found.setdefault(key(sample), Sum()).add(sample)
    return dict(sorted(found.items(), key=lambda pair: str(pair[0]).zfill(2), reverse=newest_first))
