"""The morning (早高峰): so many complete visits a second, then the open passes once a minute; and a crowd behind one address.

`peak` is the whole morning on all cores, which site, database and load generator share. `half` is half of it on one core that
the site has to itself, database and load on the others: as where PostgreSQL has a machine of its own.

Visitors come when they come, whether or not those before them have been served, and each by a connection of their own. A wait
is counted from the moment at which a visitor came, so that a server that falls behind cannot hide it.
"""

from __future__ import annotations

import heapq
import itertools
import re
import selectors
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks import visitors
from benchmarks.databases import database
from benchmarks.gate import gate_site
from benchmarks.load import Connection
from benchmarks.report import Bar, Report
from tests.processes import folder

VISITS_A_SECOND = 200
PEAK_SECONDS, REFRESH_MINUTES = 60, 5
SHORT_SECONDS = 15  # without --large
CROWD, CROWD_SECONDS = 300, 20  # a minute's crowd in a third of it
P99_MS = 500
WORKERS = 2  # as many as this is measured for has cores
PATIENCE = 30.0

NONCE = re.compile(rb'name="nonce" value="([^"]+)"')
Steps = Generator[bytes, bytes, None]  # requests of one visitor; each answer is sent back in


@dataclass
class Served:
    """What came of it: a wait in milliseconds for each request, and whatever was not as it should be."""

    waits: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)  # addresses
    late: float = 0.0  # seconds by which the load generator itself began a visit too late, at most

    def p99(self) -> float:
        return sorted(self.waits)[int(len(self.waits) * 0.99)] if self.waits else 0.0


def run(report: Report, kind: str, parts: list[str], *, large: bool) -> None:
    if {"crowd", "peak"} & set(parts):
        _mornings(report, kind, parts, "早高峰", VISITS_A_SECOND, large=large)
    if "half" in parts:
        _mornings(
            report, kind, ["peak"], "半个早高峰，站点独占一核", VISITS_A_SECOND / 2, large=large, pinned=True
        )
    if {"peak", "half"} & set(parts) and not large:
        report.note(
            f"早高峰各量了{SHORT_SECONDS}秒；加 --large 量{PEAK_SECONDS}秒，再刷新{REFRESH_MINUTES}分钟"
        )


def _mornings(
    report: Report, kind: str, parts: list[str], title: str, rate: float, *, large: bool, pinned: bool = False
) -> None:
    workers = 1 if pinned else WORKERS
    with (
        folder("cho-bench-") as home,
        database(kind, home) as where,
        gate_site(where, home, workers=workers, pinned=pinned) as site,
    ):
        port, rows = site.server.port, where.rows("check_in")

        def visits(a_second: float, seconds: float) -> Served:
            """So many for so long; each is one row."""
            served, number, before = Served(), int(a_second * seconds), rows()
            serve(port, [(n / a_second, visit(site.path, served)) for n in range(number)], served)
            if (written := rows() - before) != len(served.passes):
                served.errors.append(f"答复了{len(served.passes)}个，写下了{written}行")
            return served

        visits(20, 5)  # until it is warm
        if "crowd" in parts:
            _judge(report, f"{CROWD}人同一地址，{where.name}", visits(CROWD / CROWD_SECONDS, CROWD_SECONDS))
        if "peak" in parts:
            morning = visits(rate, PEAK_SECONDS if large else SHORT_SECONDS)
            _judge(report, f"{title}，{where.name}", morning)
            rounds, length = (REFRESH_MINUTES, 60.0) if large else (1, float(SHORT_SECONDS))
            again, spread = Served(), length / max(len(morning.passes), 1)
            due = [
                (minute * length + number * spread, refresh(address))
                for minute in range(rounds)
                for number, address in enumerate(morning.passes)
            ]
            serve(port, due, again)
            _judge(report, f"{title}，之后刷新，{where.name}", again)


def _judge(report: Report, title: str, served: Served) -> None:
    errors = len(served.errors)
    report.note(
        f"{title}：{len(served.waits)}个请求，出错{errors}个，p99 {served.p99():.0f}毫秒，"
        f"最慢{max(served.waits, default=0):.0f}毫秒（负载发生器自己最多晚{served.late * 1000:.0f}毫秒）"
        + (f"，例如{served.errors[0]}" if errors else "")
    )
    found = f"{served.p99():.0f} 毫秒，{errors} 个错"
    report.bar(Bar(title, f"p99 ≤ {P99_MS} 毫秒，不出错", found, served.p99() <= P99_MS and not errors))


# --- what a visitor does ---


def visit(path: str, served: Served) -> Steps:
    """Opens the form, sends it, looks at the pass."""
    answer = yield _get(path)
    found = NONCE.search(_expect(answer, 200))
    body = urlencode(visitors.person() | {"nonce": found[1].decode() if found else ""})
    answer = yield (
        f"POST {path} HTTP/1.1\r\n{visitors.PHONE}Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    _expect(answer, 303)
    location = re.search(rb"\r\nLocation: ([^\r]+)", answer, re.I)
    address = location[1].decode() if location else ""
    _expect((yield _get(address)), 200)
    served.passes.append(address)


def refresh(address: str) -> Steps:
    _expect((yield _get(address)), 200)


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{visitors.PHONE}\r\n".encode()


def _expect(answer: bytes, status: int) -> bytes:
    if int(answer[9:12]) != status:
        raise ValueError(f"应当是{status}：{answer[:200]!r}")
    return answer


# --- the timetable ---


@dataclass
class Visitor:
    steps: Steps
    line: Connection
    since: float  # when the request under way was due
    request: bytes
    kept: bool = (
        False  # whether the line has carried an answer before: such a one the server may close at any time
    )

    def again(self, port: int) -> None:
        """On a line of its own once more, as a browser does it."""
        self.line.socket.close()
        self.line, self.kept = Connection(port, PATIENCE), False
        self.line.send(self.request)


def serve(port: int, due: list[tuple[float, Steps]], served: Served) -> Served:
    """Begins each visit when it is due, and goes on with it as the answers come."""
    queue = [(at, next(tie), steps) for tie in (itertools.count(),) for at, steps in due]
    heapq.heapify(queue)
    begun, under_way = time.perf_counter(), 0
    with selectors.DefaultSelector() as selector:
        while queue or under_way:
            now = time.perf_counter() - begun
            while queue and queue[0][0] <= now:
                at, _, steps = heapq.heappop(queue)
                served.late = max(served.late, now - at)
                under_way += _begin(selector, port, steps, begun + at, served)
            for key, _events in selector.select(timeout=min(max(queue[0][0] - now, 0), 1) if queue else 1):
                under_way -= _go_on(selector, port, key.data, served)
            if queue == [] and time.perf_counter() - begun > due[-1][0] + PATIENCE:
                served.errors.append(f"{under_way}个没有答复")
                break
    return served


def _begin(selector: selectors.BaseSelector, port: int, steps: Steps, since: float, served: Served) -> int:
    try:
        visitor = Visitor(steps, Connection(port, PATIENCE), since, next(steps))
        visitor.line.send(visitor.request)
    except OSError as error:
        served.errors.append(str(error))
        return 0
    selector.register(visitor.line.socket, selectors.EVENT_READ, visitor)
    return 1


def _go_on(selector: selectors.BaseSelector, port: int, visitor: Visitor, served: Served) -> int:
    """1 where this visit is over."""
    try:
        if not visitor.line.receive():
            return 0
        served.waits.append((time.perf_counter() - visitor.since) * 1000)
        visitor.request = visitor.steps.send(visitor.line.received)
        visitor.since, visitor.kept = time.perf_counter(), True
        visitor.line.send(visitor.request)
        return 0
    except StopIteration:
        pass
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and visitor.kept and not visitor.line.received:
            selector.unregister(visitor.line.socket)
            visitor.again(port)
            selector.register(visitor.line.socket, selectors.EVENT_READ, visitor)
            return 0
        served.errors.append(str(error))
    selector.unregister(visitor.line.socket)
    visitor.line.socket.close()
    return 1
