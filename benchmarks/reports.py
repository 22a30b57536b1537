"""Following reports up at a hundred times as many enterprises, over a year of obligations (报送多了，跟踪不变慢); one pass of the
timed work over all of them, and the preview of an order over the whole district."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import text

from app import create_app
from benchmarks import firms, owed, visitors
from benchmarks.databases import Database, database
from benchmarks.gate import signed_in
from benchmarks.load import drive, get
from benchmarks.report import Bar, Report
from benchmarks.rounds import Round, Subject, alternate, ratio
from benchmarks.servers import ROOT, Server, serving
from models import mode_switch, schema
from models.access import Post
from models.base import db, local
from models.places import ModeOrder
from tests import make
from tests.processes import folder

MANY = {"sqlite": 10_000, "postgresql": 100_000}
TIMES, MS, PREVIEW_MS = 1.3, 150, 2000
ALONE = 25  # requests one after the other, whose median is quoted
A_PAGE = 0.3  # of the seconds of a round: there are many pages
INTERRUPTED = 5  # seconds after which the first pass of the timed work is killed

PAGES = (
    ("专班：跟踪", Post.TASK_FORCE, "/reports/tracking"),
    ("专班：跟踪，一个街道按园区", Post.TASK_FORCE, "/reports/tracking?street={street}"),
    ("专班：跟踪，一个单位", Post.TASK_FORCE, "/reports/tracking?unit={unit}"),
    ("专班：未报的企业", Post.TASK_FORCE, "/reports/tracking/firms"),
    ("专班：一个街道未报的", Post.TASK_FORCE, "/reports/tracking/firms?street={street}"),
    ("专班：截止时", Post.TASK_FORCE, "/reports/tracking?at=due"),
    ("联络员：跟踪", Post.UNIT_LIAISON, "/reports/tracking"),
    ("联络员：未报的企业", Post.UNIT_LIAISON, "/reports/tracking/firms"),
    ("专员：跟踪", Post.SPECIALIST, "/reports/tracking"),
    ("专员：谁没报", Post.SPECIALIST, "/reports/tracking/missing"),
    ("企业：今天", Post.HEALTH_MANAGER, "/enterprises/{firm}"),
    ("企业：报送", Post.HEALTH_MANAGER, "/enterprises/{firm}/reports"),
)  # fmt: skip


@dataclass(frozen=True)
class OwedSite:
    """The site over a district with so many enterprises and their year, and who is signed in."""

    server: Server
    where: Database
    home: Path
    numbers: dict[str, int]
    cookies: dict[Post, str]
    rows: int


def run(report: Report, kind: str, rounds: int, seconds: float, *, many: int | None = None) -> None:
    """Two sites beside each other, one with a hundredth of the enterprises."""
    many = max(many or MANY[kind], 10_000)  # a hundredth of which fills one unit and one place
    with ExitStack() as stack:
        few, much = (_site(stack, kind, rows) for rows in (many // 100, many))
        than = f"{many}家{much.rows}期比{many // 100}家{few.rows}期"
        for name, post, path in PAGES:
            _compare(report, f"{name}，{much.where.name}", much, few, post, path, than, rounds, seconds)
        _order(report, much)


def _compare(
    report: Report, title: str, much: OwedSite, few: OwedSite, post: Post, path: str, than: str, rounds: int, seconds: float
) -> None:  # fmt: skip
    more, less = _subject(f"{title}，多", much, post, path), _subject(f"{title}，少", few, post, path)
    report.note(f"{title}：{alternate(more, less, rounds, seconds * A_PAGE)}")
    report.pair(more, less)
    times, rows = ratio(more, less, _in_all), (_rows(more), _rows(less))
    if rows[1] >= 0.9 * rows[0]:
        report.bar(Bar(f"{title}，{than}", f"≤ {TIMES} 倍", times, times.middle <= TIMES))
    else:
        report.note(f"　{rows[0]}行比{rows[1]}行，不比：{times.middle:.2f}倍")
    wait = median(drive(more.server.port, more.requests(ALONE), connections=1).waits) * 1000
    report.bar(Bar(f"{title}，一个人用，中位", f"< {MS} 毫秒", f"{wait:.0f} 毫秒", wait < MS))


def _site(stack: ExitStack, kind: str, rows: int) -> OwedSite:
    where = stack.enter_context(database(kind, home := stack.enter_context(folder("cho-bench-"))))
    environment = _environment(where, home)
    app = create_app(env="demo", database_url=where.site_url, instance=str(home / "instance"))
    with app.app_context():
        schema.upgrade(db.engine)
        town, now = make.town(datetime.now(UTC)), datetime.now(UTC)
        book = app.extensions["site"].book
        db.session.rollback()
        found = firms.fill(where, book.get(make.SCHEME), town, rows, now)
        count = owed.fill(book, town, now)
        street = db.session.scalar(text("SELECT min(street_id) FROM enterprise WHERE id >= 1000"))
        numbers = {
            "district": town.district.id, "street": street, "unit": found.unit_id, "place": found.place_id, "firm": found.firm_id,
        }  # fmt: skip
        scopes = {
            Post.TASK_FORCE: "district", Post.UNIT_LIAISON: "unit", Post.SPECIALIST: "place", Post.HEALTH_MANAGER: "firm",
        }  # fmt: skip
        people = {post: make.account(town.district, post, numbers[scope]) for post, scope in scopes.items()}
        cookies = {post: signed_in(app, person) for post, person in people.items()}
        db.session.remove()
        db.engine.dispose()
    where.settle()
    server = stack.enter_context(serving("app:create_app()", home, environment))
    return OwedSite(server, where, home, numbers, cookies, count)


def _environment(where: Database, home: Path) -> dict[str, str]:
    return {"SITE_ENV": "demo", "SITE_DATABASE_URL": where.site_url, "SITE_INSTANCE": str(home / "instance")}


def _subject(name: str, site: OwedSite, post: Post, path: str) -> Subject:
    gets = visitors.gets(path.format(**site.numbers), f"Cookie: {site.cookies[post]}\r\n")
    return Subject(name, site.server, gets, 200, database=site.where.pid, warm_up=20)


def _rows(subject: Subject) -> int:
    """How many rows its page has: one with fewer is quicker, however many lie behind it."""
    return get(subject.server.port, subject.requests(1)[0])[2].count(b"<tr>")


def _in_all(one: Round) -> float:
    """Time in all: of the site and of its database."""
    return one.cpu_ms + one.database_ms


# --- an order over the whole district ---


def _order(report: Report, site: OwedSite) -> None:
    """Its preview; then the pass of the timed work that takes everybody into daily reports, killed once, ended, and done again."""
    app = create_app(env="demo", database_url=site.where.site_url, instance=str(site.home / "instance"))
    name = site.where.name
    with app.app_context():
        now, book = datetime.now(UTC), app.extensions["site"].book
        order = ModeOrder.open(
            scope="district", scope_id=site.numbers["district"], district_id=site.numbers["district"], name="应急响应", reason="输入病例",
            legal_basis="预案", responsible="程远志", planned_end_on=local(now).date() + timedelta(days=14), now=now, by_id=None,
        )  # fmt: skip
        waits = []
        for _ in range(5):
            begun = time.perf_counter()
            switch = mode_switch.opening(db.session(), book, order)
            db.session.rollback()
            waits.append((time.perf_counter() - begun) * 1000)
        wait = median(waits)
        report.bar(
            Bar(
                f"全区应急的预览，{name}，{switch.enterprises}家",
                f"≤ {PREVIEW_MS} 毫秒",
                f"{wait:.0f} 毫秒",
                wait <= PREVIEW_MS,
            )
        )
        make.save(order)
        db.session.remove()
        db.engine.dispose()
    killed = _tick(site, patience=INTERRUPTED)
    first, again = _tick(site), _tick(site)
    twice, none = _days_owed_twice(site)
    report.note(
        f"flask tick，{name}：中断一次（{killed[0]:.0f}秒），接着做完{first[0]:.0f}秒，内存最多{first[1]} MB；"
        f"再做一遍{again[0]:.0f}秒，{again[1]} MB"
    )
    report.bar(
        Bar(f"flask tick，{name}，重复的一天、漏掉的企业", "0", f"{twice}、{none}", not twice and not none)
    )


def _tick(site: OwedSite, patience: float | None = None) -> tuple[float, int]:
    """Seconds, and the most memory in MB."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "tick"], cwd=ROOT, env={**os.environ, **_environment(site.where, site.home)},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    most = 0
    while process.poll() is None:
        most = max(most, _memory(process.pid))
        if patience is not None and time.perf_counter() - begun > patience:
            process.kill()
        time.sleep(0.2)
    assert patience is not None or process.returncode == 0, process.returncode
    return time.perf_counter() - begun, most


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def _days_owed_twice(site: OwedSite) -> tuple[int, int]:
    """Enterprises with a day that two obligations cover, and those that are open and owe nothing for today."""
    app = create_app(env="demo", database_url=site.where.site_url, instance=str(site.home / "instance"))
    today = local(datetime.now(UTC)).date()
    with app.app_context():
        since: date = today - timedelta(days=20)
        twice = text(
            "SELECT count(*) FROM obligation a JOIN obligation b ON b.enterprise_id = a.enterprise_id AND b.first_on > a.first_on "
            "AND b.first_on <= a.last_on AND b.voided_at IS NULL AND b.first_on >= :since WHERE a.voided_at IS NULL AND a.last_on >= :since"
        )
        none = text(
            "SELECT count(*) FROM enterprise e WHERE e.closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM obligation o "
            "WHERE o.enterprise_id = e.id AND o.voided_at IS NULL AND o.first_on <= :today AND o.last_on >= :today)"
        )
        found = (
            db.session.scalar(twice, {"since": since.isoformat() if site.where.pid is None else since}) or 0,
            db.session.scalar(none, {"today": today.isoformat() if site.where.pid is None else today}) or 0,
        )
        db.session.remove()
        db.engine.dispose()
    return found
