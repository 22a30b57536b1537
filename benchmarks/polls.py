"""Polls that find nothing new, of the specialist's page and of the guard's desk, beside a bare 204 with the same look-up."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks import seed, visitors
from benchmarks.bare_poll import ticket
from benchmarks.databases import Database, database
from benchmarks.gate import GateSite, gate_site
from benchmarks.load import get
from benchmarks.report import Bar, Report
from benchmarks.rounds import Subject, alternate, ratio
from benchmarks.servers import serving
from models.base import local, reading
from models.pulse import EVERY_GATE, Pulse, ready
from tests.processes import folder

TIMES = 1.25
ROWS = 10_000


def run(report: Report, kind: str, rounds: int, seconds: float) -> None:
    with folder("cho-bench-") as home, database(kind, home) as where, gate_site(where, home) as site:
        whose = seed.Where(site.district_id, site.place_id, site.gate_id)
        seed.fill(where, site.vault, whose, rows=ROWS, today=seed.A_DAY)
        day = Watched("今天页", f"/places/{site.place_id}", site.cookie, site.place_ids)
        desk = Watched("值守页", f"/gate?gate={site.gate_id}", site.guard, site.place_ids[:1], site.gate_id)
        for page in (day, desk):
            _compare(report, site, where, home, page, rounds, seconds)


@dataclass(frozen=True)
class Watched:
    """A page that polls, who watches it, and what of."""

    name: str
    address: str
    cookie: str
    place_ids: tuple[int, ...]
    gate_id: int = EVERY_GATE


def _compare(
    report: Report, site: GateSite, where: Database, home: Path, page: Watched, rounds: int, seconds: float
) -> None:
    sent = f"Cookie: {page.cookie}\r\n"

    def polls(count: int) -> list[bytes]:
        """With the ticket of a page just loaded; where the minute is about to end, of the next."""
        left = 60 - time.time() % 60
        time.sleep(left if left < 4 * seconds else 0)
        html = get(site.server.port, visitors.gets(page.address, sent)(1)[0])[2].decode()
        found = re.search(r'hx-get="([^"]+ticket[^"]+)"', html)
        if found is None:
            raise RuntimeError(f"{page.address}里没有轮询的地址")
        return visitors.gets(unescape(found[1]), sent)(count)

    seen, environment = _look_up(where, page)
    key = secrets.token_urlsafe(32)
    bare = ticket(key, page.cookie.partition("=")[2], int(time.time()) + 86400, seen.entries, seen.moves)
    with serving("benchmarks.bare_poll:create_app()", home, {**environment, "POLL_KEY": key}) as server:
        ours = Subject(f"轮询{page.name}，{where.name}", site.server, polls, 204, database=where.pid)
        floor = Subject(
            "　裸轮询",
            server,
            visitors.gets(f"/poll/{site.place_id}?ticket={bare}", sent),
            204,
            database=where.pid,
        )
        report.note(f"{ours.name}：{alternate(ours, floor, rounds, seconds)}")
        report.pair(ours, floor)
        times = ratio(ours, floor, lambda r: r.cpu_ms)
        report.bar(Bar(f"{ours.name} CPU", f"≤ {TIMES} 倍裸轮询", times, times.middle <= TIMES))


def _look_up(where: Database, page: Watched) -> tuple[Pulse, dict[str, str]]:
    """What a page has seen that is loaded now, and the site's own statement for the floor."""
    engine, now = create_engine(where.site_url), datetime.now(UTC)
    with reading(), Session(engine) as session:
        seen = Pulse.take(session, page.place_ids, local(now).date(), now, page.gate_id)
    statement = ready(engine.dialect, len(page.place_ids), page.gate_id != EVERY_GATE)
    arguments = statement.arguments(seen.asked())
    engine.dispose()
    return seen, {
        "POLL_DATABASE": where.of_site,
        "POLL_STATEMENT": json.dumps(statement.sql),
        "POLL_ARGUMENTS": json.dumps(arguments, default=str),
    }
