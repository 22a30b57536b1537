"""Taking in 20,000 employees (导入): the whole way of a batch, beside bare parsing and one bulk insert of the very same rows.

Ours is what a person waits for: the workbook opened by a process of its own, every cell read and judged, the preview sealed and
kept, then confirmed and written part by part, with what is needed to take it back and a line in the audit. The floor parses the same
file in this process and stores the same people in the same columns by one insert. A telephone that is not sealed, or a name without
its initials, is not what is stored: so the floor seals, indexes and spells as well, by the same functions, and checks nothing.
"""

from __future__ import annotations

import gc
import io
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook
from sqlalchemy import delete, func, insert, select
from stdnum.cn import ric

from app import create_app
from benchmarks.databases import Database, database
from benchmarks.report import Bar, Report
from benchmarks.rounds import Ratio
from benchmarks.servers import cpu_ms
from blueprints.web import import_sheets
from blueprints.web.site import site
from models import batch_work, schema
from models.accounts import Account
from models.archive import Employee, Team
from models.base import db
from models.batches import Batch, BatchKind, BatchPart, BatchState
from models.initials import initials_of
from models.policy.schema import WorkerKind
from tests import make
from tests.processes import folder
from tests.workbooks import memory_to_read

ROWS = 20_000
WANTED = 0.6
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚"
HEADS = ("姓名", "工号", "证件号码", "手机号", "用工类型", "部门", "班组", "工种、岗位", "宿舍", "入职日期")


def run(report: Report, kind: str, rounds: int) -> None:
    with ExitStack() as stack:
        home = stack.enter_context(folder("cho-bench-"))
        where = stack.enter_context(database(kind, home))
        bench = _Imports(where, home)
        stack.enter_context(bench.app.app_context())
        bench.settle()
        ours, floor = Timed(f"导入{ROWS:,}人，{where.name}"), Timed("光读表加一次写入")
        for number in range(rounds + 1):
            pairs = [(ours, bench.import_all), (floor, bench.floor)]
            for timed, work in pairs if number % 2 else reversed(pairs):
                timed.take(work, keep=number > 0)  # the first round warms up
        more = bench.memory()
    each = [b / a for a, b in zip(ours.seconds, floor.seconds, strict=True)]
    found = Ratio(median(each), min(each), max(each))
    report.note(f"{ours.line()}；{floor.line()}")
    report.note(f"导入时多用内存{more}MB，另开的读表进程用{memory_to_read(bench.content)}MB")
    report.bar(Bar(f"{ours.name}，速度", f"≥ {WANTED} 倍光读写", found, found.middle >= WANTED))


@dataclass
class Timed:
    """Seconds of each round, and of them the processor's: of this process and what it began, the reader and the database."""

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], float], *, keep: bool) -> None:
        before = cpu_ms(os.getpid())
        seconds = work()
        if keep:
            self.seconds.append(seconds)
            self.cpu.append((cpu_ms(os.getpid()) - before) / 1000)

    def line(self) -> str:
        least, most = min(self.seconds), max(self.seconds)
        return f"{self.name} {median(self.seconds):.2f}秒（{least:.2f}–{most:.2f}），处理器{median(self.cpu):.2f}秒"


class _Imports:
    """A site with one enterprise, whose people come from a workbook again and again."""

    def __init__(self, where: Database, home: Path) -> None:
        self.app = create_app(env="test", database_url=where.site_url, instance=str(home / "instance"))
        self.where, self.content = where, workbook()

    def settle(self) -> None:
        schema.upgrade(db.engine)
        town = make.town(site.now())
        self.by: Account = make.account(town.district)
        self.enterprise_id = town.tenant.id
        db.session.commit()
        self.bench = import_sheets.bench()

    def import_all(self) -> float:
        """From the file that has arrived to the last row written; the person's own time in between does not count."""
        self._clear()
        batch = Batch.receive(
            self.bench.vault, BatchKind.EMPLOYEES, "enterprise", self.enterprise_id, name="名单.xlsx",
            content=self.content, by=self.by, now=site.now(),
        )  # fmt: skip
        with self.bench.writing() as session:
            session.add(batch)
        began = time.perf_counter()
        batch_work.work(self.bench, batch.id)
        with self.bench.writing() as session:
            if not session.get_one(Batch, batch.id).confirm(session, site.now()):
                raise RuntimeError("没有等到确认")
        batch_work.work(self.bench, batch.id)
        seconds = time.perf_counter() - began
        with self.bench.looking() as session:
            state = session.scalar(select(Batch.state).where(Batch.id == batch.id))
        if state != BatchState.DONE:
            raise RuntimeError(f"导入停在“{state}”")
        self._all_written()
        return seconds

    def memory(self) -> int:
        """Megabytes that an import needs at its peak on top of what this process has, all that is garbage given back before."""
        self._clear()
        gc.collect()
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.import_all()
        return (resident("VmHWM") - before) // 1024

    def floor(self) -> float:
        self._clear()
        now = site.now()
        with self.bench.writing() as session:
            session.add_all(Team(enterprise_id=self.enterprise_id, name=f"{n + 1}班") for n in range(80))
        with self.bench.looking() as session:
            teams = dict(session.execute(select(Team.name, Team.id)).all())
        began = time.perf_counter()
        rows = CalamineWorkbook.from_filelike(io.BytesIO(self.content)).get_sheet_by_index(0).to_python()
        values = [self._values(row, teams, now) for row in rows[2:]]
        with self.bench.writing() as session:
            session.execute(insert(Employee), values)
        seconds = time.perf_counter() - began
        self._all_written()
        return seconds

    def _values(self, row: list[Any], teams: dict[str, int], now: Any) -> dict[str, Any]:
        vault, mobile = self.bench.vault, str(int(row[3]))
        return {
            "enterprise_id": self.enterprise_id, "name": row[0], "initials": initials_of(row[0]), "number": row[1],
            "kind": WorkerKind.DISPATCHED if row[4] else WorkerKind.OWN, "contract_firm": "", "document_kind": "id_card",
            "document": row[2], "document_index": vault.blind(row[2], "employee.document"), "mobile": mobile,
            "mobile_index": vault.blind(mobile, "mobile"), "department": row[5], "team_id": teams[row[6]], "job": row[7],
            "hazards": "", "dormitory": row[8], "joined_on": date.fromisoformat(row[9]), "left_on": None,
            "added_at": now, "changed_at": now,
        }  # fmt: skip

    def _all_written(self) -> None:
        with self.bench.looking() as session:
            written = session.scalar(select(func.count()).select_from(Employee))
        if written != ROWS:
            raise RuntimeError(f"写下了{written}行，应当是{ROWS}行")

    def _clear(self) -> None:
        with self.bench.writing() as session:
            for table in (BatchPart, Batch, Employee, Team):
                session.execute(delete(table))
        self.where.settle()


def resident(name: str) -> int:
    """Kilobytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


def workbook() -> bytes:
    """People as a personnel office exports them: a title, texts, telephones as numbers."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as made:
        sheet = made.add_worksheet("员工名单")
        sheet.write_row(0, 0, ["员工名单"])
        sheet.write_row(1, 0, HEADS)
        for number in range(ROWS):
            sheet.write_row(number + 2, 0, _person(number))
    return target.getvalue()


def _person(number: int) -> list[Any]:
    born = date(1965, 1, 1) + timedelta(days=number % 14_000)
    card = f"510104{born:%Y%m%d}{number // 14_000 * 100 + number % 97 + 1:03}"
    name = SURNAMES[number % 20] + GIVEN[number // 20 % 20] + GIVEN[number // 400 % 20]
    joined = date(2010, 1, 1) + timedelta(days=number % 5000)
    return [
        name, f"Y{number:05}", card + ric.calc_check_digit(card + "0"), 13800000000 + number,
        "劳务派遣" if number % 5 == 0 else "", f"{number % 12 + 1}车间", f"{number % 80 + 1}班", "操作工",
        f"{number % 6 + 1}栋{number % 600 + 100}", joined.isoformat(),
    ]  # fmt: skip
