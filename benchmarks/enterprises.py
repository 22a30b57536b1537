"""An officer's list of enterprises, a search in it, a firm's home and what else is made of them, at a hundred times as many
(企业多了，页面不变慢)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import quote

from app import create_app
from benchmarks import firms, visitors
from benchmarks.databases import Database, database
from benchmarks.gate import signed_in
from benchmarks.load import drive, get
from benchmarks.report import Bar, Report
from benchmarks.rounds import Round, Subject, alternate, ratio
from benchmarks.servers import Server, cpu_ms, family, serving
from models import schema, standing
from models.access import Post
from models.accounts import Account
from models.base import db, local, to_write
from tests import make
from tests.processes import folder

MANY = {"sqlite": 10_000, "postgresql": 100_000}
TIMES, MS = 1.3, 150
ALONE = 25  # requests one after the other, whose median is quoted
A_PAGE = 0.15  # of the seconds of a round: there are many pages


@dataclass(frozen=True)
class FirmSite:
    """The site over a district with so many enterprises, and who is signed in."""

    server: Server
    firms: firms.Firms
    cookies: dict[Post, str]


PAGES = (
    ("专班：全部", Post.TASK_FORCE, "/enterprises"),
    ("专班：缺岗位", Post.TASK_FORCE, "/enterprises?lack=posts"),
    ("专班：人数未填", Post.TASK_FORCE, "/enterprises?lack=headcount"),
    ("专班：已关闭", Post.TASK_FORCE, "/enterprises?lack=closed"),
    ("专班：按名称", Post.TASK_FORCE, "/enterprises?sort=name"),
    ("专班：第20页", Post.TASK_FORCE, "/enterprises?page=20"),
    ("专班：首字母", Post.TASK_FORCE, f"/enterprises?q={firms.PLANTED_INITIALS}"),
    ("专班：一个字母", Post.TASK_FORCE, "/enterprises?q=q"),
    ("专班：名称一段", Post.TASK_FORCE, f"/enterprises?q={quote(firms.PLANTED[1:])}"),
    ("专班：到处都有的词", Post.TASK_FORCE, f"/enterprises?q={quote('有限公司')}"),
    ("专班：信用代码", Post.TASK_FORCE, "/enterprises?q={code}"),
    ("专班：一个街道", Post.TASK_FORCE, f"/enterprises?street={firms.FIRST_ID}"),
    ("专班：总览", Post.TASK_FORCE, "/overview"),
    ("联络员：全部", Post.UNIT_LIAISON, "/enterprises"),
    ("联络员：首字母", Post.UNIT_LIAISON, f"/enterprises?q={firms.PLANTED_INITIALS}"),
    ("专员：全部", Post.SPECIALIST, "/enterprises"),
    ("专员：花名册", Post.SPECIALIST, "/places/{place}/roster"),
    ("企业：今天", Post.HEALTH_MANAGER, "/enterprises/{firm}"),
)  # fmt: skip


def run(report: Report, kind: str, rounds: int, seconds: float) -> None:
    """Two sites beside each other, one with a hundredth of the enterprises."""
    many = MANY[kind]
    with ExitStack() as stack:
        few, much = (_site(stack, kind, rows) for rows in (many // 100, many))
        measure(report, much, few, f"{many}家比{many // 100}家", rounds, seconds)


def measure(
    report: Report, much: tuple[FirmSite, Database], few: tuple[FirmSite, Database], than: str, rounds: int, seconds: float
) -> None:  # fmt: skip
    where = much[1]
    for name, post, path in PAGES:
        title = f"{name}，{where.name}"
        more, less = _subject(f"{title}，多", *much, post, path), _subject(f"{title}，少", *few, post, path)
        report.note(f"{title}：{alternate(more, less, rounds, seconds * A_PAGE)}")
        report.pair(more, less)
        times, rows = ratio(more, less, _in_all), (_rows(more), _rows(less))
        if rows[1] >= 0.9 * rows[0]:
            report.bar(Bar(f"{title}，{than}", f"≤ {TIMES} 倍", times, times.middle <= TIMES))
        else:
            report.note(f"　{rows[0]}行比{rows[1]}行，不比：{times.middle:.2f}倍")
        wait = median(drive(more.server.port, more.requests(ALONE), connections=1).waits) * 1000
        report.bar(Bar(f"{title}，一个人用，中位", f"< {MS} 毫秒", f"{wait:.0f} 毫秒", wait < MS))
    report.note(_export(*much))


def _site(stack: ExitStack, kind: str, rows: int) -> tuple[FirmSite, Database]:
    where = stack.enter_context(database(kind, home := stack.enter_context(folder("cho-bench-"))))
    with _filled(where, home, rows) as facts:
        found, cookies = facts
    where.settle()
    environment = {
        "SITE_ENV": "demo",
        "SITE_DATABASE_URL": where.site_url,
        "SITE_INSTANCE": str(home / "instance"),
    }
    server = stack.enter_context(serving("app:create_app()", home, environment))
    return FirmSite(server, found, cookies), where


@contextmanager
def _filled(where: Database, home: Path, rows: int) -> Iterator[tuple[firms.Firms, dict[Post, str]]]:
    app = create_app(env="demo", database_url=where.site_url, instance=str(home / "instance"))
    with app.app_context():
        schema.upgrade(db.engine)
        town, now = make.town(datetime.now(UTC)), datetime.now(UTC)
        db.session.rollback()
        found = firms.fill(where, app.extensions["site"].book.get(make.SCHEME), town, rows, now)
        with to_write():
            while standing.settle(db.session(), app.extensions["site"].book, local(now).date()):
                db.session.commit()  # the town's own
            db.session.commit()
        scopes = {
            Post.TASK_FORCE: town.district.id, Post.UNIT_LIAISON: found.unit_id, Post.SPECIALIST: found.place_id,
            Post.HEALTH_MANAGER: found.firm_id,
        }  # fmt: skip
        people: dict[Post, Account] = {
            post: make.account(town.district, post, one) for post, one in scopes.items()
        }
        yield found, {post: signed_in(app, person) for post, person in people.items()}
        db.session.remove()
        db.engine.dispose()


def _subject(name: str, site: FirmSite, where: Database, post: Post, path: str) -> Subject:
    of = site.firms
    path = path.format(code=of.credit_code, place=of.place_id, firm=of.firm_id)
    gets = visitors.gets(path, f"Cookie: {site.cookies[post]}\r\n")
    return Subject(name, site.server, gets, 200, database=where.pid, warm_up=20)


def _rows(subject: Subject) -> int:
    """How many rows its page has: one with fewer is quicker, however many lie behind it."""
    return get(subject.server.port, subject.requests(1)[0])[2].count(b"<tr>")


def _in_all(one: Round) -> float:
    """Time in all: of the site and of its database."""
    return one.cpu_ms + one.database_ms


def _export(site: FirmSite, where: Database) -> str:
    """The workbook of the whole district: how long, and how much the process has grown by."""
    before, cpu = _memory(site.server.pid), cpu_ms(site.server.pid)
    head = f"Cookie: {site.cookies[Post.TASK_FORCE]}\r\n"
    # in WeChat's browser a page comes before a download
    request = visitors.gets("/enterprises/export", head)(1)[0].replace(b" MicroMessenger/8.0.47", b"")
    status, _, body = get(site.server.port, request)
    assert status == 200, status
    spent, grown = cpu_ms(site.server.pid) - cpu, _memory(site.server.pid) - before
    return f"导出辖区企业，{where.name}：{len(body) // 1024} KB，{spent / 1000:.1f} 秒CPU，内存多 {grown} MB"


def _memory(pid: int) -> int:
    """The most that a process and its workers have held so far, in MB."""
    lines = [line for one in family(pid) for line in Path(f"/proc/{one}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
