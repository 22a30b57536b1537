"""Letters (责任书): one beside bare WeasyPrint, a batch by two processes beside one, memory, and the gate while a batch is drawn.

A letter is drawn as the background draws it: from its rows, with both signatures, by the site's template and style sheet; a batch
is also sealed by the demo's key and filed. The floor of a single one is WeasyPrint alone, fonts and style sheet read once, on the very
HTML that the site makes.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import delete, select, update
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from app import create_app
from benchmarks import peak
from benchmarks.databases import Database, database
from benchmarks.gate import GateSite, gate_site
from benchmarks.imports import resident
from benchmarks.report import Bar, Report
from benchmarks.rounds import Ratio
from benchmarks.servers import cores
from blueprints.letters import paper
from blueprints.web import jobs
from blueprints.web.keeping_commands import LOWEST
from blueprints.web.printer import VARIANT
from blueprints.web.site import site
from models import signatures
from models.access import Post
from models.base import db, reading, to_write
from models.files import StoredFile
from models.letters import Letter
from models.places import District, Street, Unit
from models.signatures import Capacity, Mark, Signer, Verified, Way, read_strokes
from tests import make
from tests.processes import folder

BATCH, MANY = 200, 2_000
TIMES, SPEEDUP, P99_TIMES, MORE = 1.1, 1.8, 2.0, 1.1
AT_ONCE = 20  # single letters of a round
ROUNDS = 3  # of a batch, which takes a minute
CHECK_INS, SECONDS = 20, 20  # a second; of a round at the gate
A_MOMENT = timedelta(seconds=2)
STATIC = Path(paper.__file__).parents[2] / "static"


def run(report: Report, kind: str, rounds: int, *, large: bool) -> None:
    with ExitStack() as stack:
        home = stack.enter_context(folder("cho-bench-"))
        where = stack.enter_context(database(kind, home))
        gate = stack.enter_context(gate_site(where, home, workers=2, pinned=False))
        app = create_app(env="demo", database_url=where.site_url, instance=str(home / "instance"))
        stack.enter_context(app.app_context())
        _sign(BATCH)
        db.session.remove()
        where.settle()
        stack.enter_context(reading())  # what is only looked at takes no lock from those who draw
        _one(report, where, rounds)
        mine, others = cores()
        first, second = (stack.enter_context(_printer(where, home, core, 0)) for core in (mine, others))
        _batch(report, where, first, second, min(rounds, ROUNDS))
        _memory(report, where, first, MANY if large else 0)
        free = stack.enter_context(_printer(where, home, mine | others, LOWEST))
        _gate(report, where, gate, free, min(rounds, ROUNDS))


def _sign(many: int) -> None:
    """So many letters that both sides have signed, each of a firm of its own."""
    with to_write():
        street, unit = db.session.scalars(select(Street)).first(), db.session.scalars(select(Unit)).first()
        assert street is not None and unit is not None
        officer = make.account(db.session.get_one(District, street.district_id), Post.UNIT_LIAISON, unit.id)
        officer_signs = Signer(officer.name, Capacity.OFFICER, Verified.PASSWORD, officer.id, "", "")
        strokes, picture = read_strokes(_written())
        for number in range(many):
            firm = make.enterprise(street, f"云溪第{number}实业有限公司", legal_representative="沈望舒")
            letter = make.letter(firm, officer)
            boss = Signer("沈望舒", Capacity.REPRESENTATIVE, Verified.IN_FRONT, None, "", "")
            mark = Mark(Way.DRAWN, picture, strokes)
            signatures.sign(db.session(), site.vault, letter, boss, mark, now=site.now())
            signatures.countersign(db.session(), site.vault, letter, officer_signs, now=site.now())
            db.session.commit()


def _written() -> str:
    """A signature as a finger draws it."""
    strokes = [
        [
            value
            for step in range(40)
            for value in (20 + 7 * step, 60 + 30 * line + 20 * math.sin(step / 3 + line))
        ]
        for line in range(3)
    ]
    return json.dumps({"w": 340, "h": 176, "strokes": strokes})


# --- one ---


def _one(report: Report, where: Database, rounds: int) -> None:
    numbers = list(db.session.scalars(select(Letter.id).limit(AT_ONCE)))
    pages = [paper.written(db.session.get_one(Letter, number)) for number in numbers]
    fonts = FontConfiguration()
    sheet = CSS(filename=STATIC / "css" / paper.SHEET, font_config=fonts)
    base = f"{STATIC.as_uri()}/"

    def ours(place: int) -> None:
        db.session.expire_all()
        paper.draw(db.session.get_one(Letter, numbers[place]))

    def bare(place: int) -> None:
        HTML(string=pages[place], base_url=base).write_pdf(
            stylesheets=[sheet], font_config=fonts, pdf_variant=VARIANT
        )

    pairs: list[list[tuple[float, float]]] = []
    for number in range(rounds + 1):  # the first one warms up
        taken = []
        for place in range(AT_ONCE):  # letter by letter in turn: the machine's speed changes within a round
            if (number + place) % 2:
                mine, floor = _cpu(ours, place), _cpu(bare, place)
            else:
                floor, mine = _cpu(bare, place), _cpu(ours, place)
            taken.append((mine, floor))
        pairs.append(taken)
    ratios = [median(a / b for a, b in taken) for taken in pairs[1:]]
    db.session.remove()
    found = Ratio(median(ratios), min(ratios), max(ratios))
    mine, floor = (median(one[which] for taken in pairs[1:] for one in taken) * 1000 for which in (0, 1))
    report.note(f"一份责任书，{where.name}：{mine:.0f}毫秒处理器时间，光WeasyPrint {floor:.0f}毫秒")
    report.bar(Bar(f"一份责任书，{where.name}", f"≤ {TIMES} 倍光WeasyPrint", found, found.middle <= TIMES))


def _cpu(work: Callable[[int], None], place: int) -> float:
    before = time.process_time()
    work(place)
    return time.process_time() - before


# --- many ---


@dataclass(frozen=True)
class _Printer:
    """A process that files letters when it is told to."""

    line: Connection

    def begin(self, order: str) -> None:
        self.line.send(order)

    def done(self) -> tuple[int, int, float]:
        """How many it has filed since it began, kilobytes that it holds, seconds of the processor that it has used."""
        return self.line.recv()

    def do(self, order: str) -> tuple[int, int, float]:
        self.begin(order)
        return self.done()


@contextmanager
def _printer(where: Database, home: Path, core: set[int], nice: int) -> Iterator[_Printer]:
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_print, args=(its, where.site_url, str(home / "instance"), core, nice), daemon=True
    )
    process.start()
    its.close()
    try:
        ours.recv()  # it is warm
        yield _Printer(ours)
    finally:
        ours.close()
        process.join(60)


def _print(line: Connection, url: str, instance: str, core: set[int], nice: int) -> None:
    """The background's work, whole: `file` until nothing waits, `go on` until another word comes, whatever it is."""
    os.sched_setaffinity(0, core)
    os.nice(nice)
    app = create_app(env="demo", database_url=url, instance=instance)
    filed = 0
    with app.app_context():
        with reading():
            letter = db.session.scalars(select(Letter)).first()
            assert letter is not None and site.sealer is not None
            site.sealer.seal(paper.draw(letter))
            db.session.remove()
        line.send("ready")
        while (order := _order(line)) is not None:
            if order == "file":
                filed += jobs.finish_letters(jobs.tick_now())
            while order == "go on" and not line.poll():
                filed += jobs.file_letters(jobs.tick_now(), within=A_MOMENT)
                unfile()
            line.send((filed, resident("VmRSS"), time.process_time()))


def _order(line: Connection) -> Any:
    try:
        return line.recv()
    except EOFError:
        return None


def unfile() -> None:
    """Every letter waits again."""
    nothing = {"pdf_id": None, "pdf_digest": None, "archived_at": None, "sealed": False}
    with jobs.tick_now().writing() as session:
        session.execute(update(Letter).values(nothing).execution_options(synchronize_session=False))
        session.execute(delete(StoredFile).execution_options(synchronize_session=False))


def _batch(report: Report, where: Database, first: _Printer, second: _Printer, rounds: int) -> None:
    alone, together = _Taken(), _Taken()
    for number in range(rounds):
        for by in ((first,), (first, second)) if number % 2 == 0 else ((first, second), (first,)):
            unfile()
            (alone if len(by) == 1 else together).take(by)
    ratios = [a / b for a, b in zip(alone.seconds, together.seconds, strict=True)]
    found = Ratio(median(ratios), min(ratios), max(ratios))
    report.note(
        f"{BATCH}份责任书画好、签章、归档，{where.name}：一个进程{alone.line()}；两个{together.line()}"
    )
    report.bar(
        Bar(f"{BATCH}份，两个进程，{where.name}", f"≥ {SPEEDUP} 倍一个", found, found.middle >= SPEEDUP)
    )


@dataclass
class _Taken:
    """Seconds of each batch, and of all processors together. Beside other work the two differ: then two processes wait for it,
    and one has a core to itself."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, by: tuple[_Printer, ...]) -> None:
        before = sum(one.do("how far")[2] for one in by)
        began = time.perf_counter()
        for one in by:
            one.begin("file")
        after = sum(one.done()[2] for one in by)
        self.seconds.append(time.perf_counter() - began)
        self.cpu.append(after - before)
        left = db.session.scalar(select(Letter.id).where(Letter.pdf_id.is_(None)))
        db.session.rollback()
        if left is not None:
            raise RuntimeError(f"第{left}号责任书没有归档")

    def line(self) -> str:
        return f"{median(self.seconds):.1f}秒，处理器{median(self.cpu):.1f}秒"


def _memory(report: Report, where: Database, printer: _Printer, until: int) -> None:
    """After so many letters as after the first batch and a half of them, all by one process."""
    unfile()
    filed, before, _ = printer.do("file")
    begun = filed
    while filed < max(until, begun + BATCH):
        unfile()
        filed, after, _ = printer.do("file")
    more = after / before
    report.note(f"责任书批量，{where.name}：第{begun}份后{before // 1024}MB，第{filed}份后{after // 1024}MB")
    report.bar(
        Bar(
            f"第{filed}份责任书后的内存，{where.name}",
            f"≤ {MORE} 倍第{begun}份后",
            f"{more:.2f}",
            more <= MORE,
        )
    )


# --- the gate meanwhile ---


def _gate(report: Report, where: Database, gate: GateSite, printer: _Printer, rounds: int) -> None:
    def visits() -> peak.Served:
        served, number = peak.Served(), CHECK_INS * SECONDS
        due = [(n / CHECK_INS, peak.visit(gate.path, served)) for n in range(number)]
        peak.serve(gate.server.port, due, served)
        if served.errors or len(served.passes) != number:
            raise RuntimeError(f"入口{len(served.passes)}/{number}，{served.errors[:1]}")
        return served

    visits()  # until it is warm
    quiet: list[float] = []
    busy: list[float] = []
    for number in range(rounds):
        for batch in (False, True) if number % 2 == 0 else (True, False):
            if batch:
                unfile()
                printer.begin("go on")
            (busy if batch else quiet).append(visits().p99())
            if batch:
                printer.begin("enough")
                printer.done()
                printer.done()
    ratios = [a / b for a, b in zip(busy, quiet, strict=True)]
    found = Ratio(median(ratios), min(ratios), max(ratios))
    report.note(
        f"每秒{CHECK_INS}次登记的p99，{where.name}：没有批量{median(quiet):.0f}毫秒，"
        f"一个进程（nice {LOWEST}）画责任书时{median(busy):.0f}毫秒"
    )
    report.bar(
        Bar(
            f"画责任书时登记的p99，{where.name}",
            f"≤ {P99_TIMES:.0f} 倍没有时",
            found,
            found.middle <= P99_TIMES,
        )
    )
