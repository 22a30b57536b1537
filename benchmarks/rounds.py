"""Alternating rounds A B B A: two servers take turns under load, so that a noisy machine is noisy for both."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.load import drive
from benchmarks.servers import Server, cpu_ms

MOST = 20_000  # requests in a round, whatever the seconds would allow


@dataclass
class Round:
    """One round of one server: CPU milliseconds are per request."""

    cpu_ms: float
    database_ms: float
    per_second: float
    p99_ms: float


@dataclass
class Subject:
    """A server and what it is asked. `requests(n)` makes n that never repeat; `rows()` counts what they wrote."""

    name: str
    server: Server
    requests: Callable[[int], Sequence[bytes]]
    status: int
    rows: Callable[[], int] | None = None
    database: int | None = None  # process of the database, where it is one of its own
    warm_up: int = 400  # requests, until connections are open, statements prepared and pages printed
    rounds: list[Round] = field(default_factory=list)

    def cpu_ms(self) -> float:
        return median(r.cpu_ms for r in self.rounds)

    def per_second(self) -> float:
        return median(r.per_second for r in self.rounds)


@dataclass(frozen=True)
class Ratio:
    """A figure of each round as ours : floor, the rounds paired; `middle` is what is quoted."""

    middle: float
    least: float
    most: float


def alternate(ours: Subject, floor: Subject, rounds: int, seconds: float) -> str:
    """Fills the rounds of both; about `seconds` each. Returns the foreign load: other work on this machine meanwhile."""
    speed = min(_warm_up(ours), _warm_up(floor))
    count = max(min(int(speed * seconds), MOST), ours.warm_up // 4)
    before = os.getloadavg()
    for number in range(rounds):
        for subject in (ours, floor) if number % 2 == 0 else (floor, ours):
            subject.rounds.append(_round(subject, count))
    after = os.getloadavg()
    return f"{count}个请求一轮，{rounds}轮；系统负载 {before[0]:.2f}→{after[0]:.2f}"


def ratio(ours: Subject, floor: Subject, figure: Callable[[Round], float]) -> Ratio:
    each = [figure(a) / figure(b) for a, b in zip(ours.rounds, floor.rounds, strict=True)]
    return Ratio(median(each), min(each), max(each))


def _warm_up(subject: Subject) -> float:
    """Requests a second, once it is warm."""
    _round(subject, subject.warm_up)
    return _round(subject, subject.warm_up).per_second


def _round(subject: Subject, count: int) -> Round:
    """One load; raises where an answer is not the expected one, or has written no row of its own."""
    requests = subject.requests(count)
    rows = subject.rows() if subject.rows else 0
    before = subject.server.cpu_ms(), _database_ms(subject)
    gc.disable()
    try:
        load = drive(subject.server.port, requests)
    finally:
        gc.enable()
    found = Round(
        cpu_ms=(subject.server.cpu_ms() - before[0]) / count,
        database_ms=(_database_ms(subject) - before[1]) / count,
        per_second=count / load.seconds,
        p99_ms=load.wait(0.99),
    )
    if load.statuses != {subject.status: count}:
        raise RuntimeError(f"{subject.name}：应当全是{subject.status}，实际是{dict(load.statuses)}")
    if subject.rows and (written := subject.rows() - rows) != count:
        raise RuntimeError(f"{subject.name}：答复了{count}个，写下了{written}行")
    return found


def _database_ms(subject: Subject) -> float:
    return cpu_ms(subject.database) if subject.database else 0.0
