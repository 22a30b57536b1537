"""The specialist's day and a check-in, however long the history and however full the day (一天、一条，不随数据变慢)."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import seed, visitors
from benchmarks.databases import Database, database
from benchmarks.gate import GateSite, gate_site
from benchmarks.report import Bar, Report
from benchmarks.rounds import Round, Subject, alternate, ratio
from tests.processes import folder

FEW, MANY, VERY_MANY = 10_000, 300_000, 10_000_000
FULL_DAY = 50_000
HISTORY_TIMES = 1.2
FULL_DAY_TIMES = 2.0


def run(report: Report, kind: str, rounds: int, seconds: float, *, large: bool) -> None:
    """Three sites beside each other: little history, much of it, and a day that is full."""
    many = VERY_MANY if large else MANY
    history, fullness = f"{many // 10_000}万条比1万条", f"当天{FULL_DAY}条比{seed.A_DAY}条"
    with ExitStack() as stack:
        little, much, full = (
            _site(stack, kind, rows, today)
            for rows, today in ((FEW, seed.A_DAY), (many, seed.A_DAY), (FEW + FULL_DAY, FULL_DAY))
        )
        for what, subject, ours, than, most in (
            ("今天页", _day, much, history, HISTORY_TIMES),
            ("今天页", _day, full, fullness, FULL_DAY_TIMES),
            ("登记", _check_in, much, history, HISTORY_TIMES),
        ):
            name = f"{what}，{little[1].name}"
            more, less = subject(f"{name}，多", *ours), subject(f"{name}，少", *little)
            report.note(f"{name}，{than}：{alternate(more, less, rounds, seconds)}")
            report.pair(more, less)
            times = ratio(more, less, _in_all)
            report.bar(Bar(f"{name}，{than}", f"≤ {most} 倍", times, times.middle <= most))


def _site(stack: ExitStack, kind: str, rows: int, today: int) -> tuple[GateSite, Database]:
    home = stack.enter_context(folder("cho-bench-"))
    where = stack.enter_context(database(kind, home))
    site = stack.enter_context(gate_site(where, home))
    whose = seed.Where(site.district_id, site.place_id, site.gate_id)
    seed.fill(where, site.vault, whose, rows=rows, today=today)
    return site, where


def _day(name: str, site: GateSite, where: Database) -> Subject:
    gets = visitors.gets(f"/places/{site.place_id}", f"Cookie: {site.cookie}\r\n")
    return Subject(name, site.server, gets, 200, database=where.pid, warm_up=100)


def _check_in(name: str, site: GateSite, where: Database) -> Subject:
    posts = visitors.posts(site.path, "nonce", visitors.form_nonce(site.vault, site.gate_id))
    return Subject(name, site.server, posts, 303, where.rows("check_in"), where.pid)


def _in_all(one: Round) -> float:
    """Time in all: of the site and of its database."""
    return one.cpu_ms + one.database_ms
