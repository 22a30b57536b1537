"""Taking in 20,000 employees (导入): the whole way of a batch, beside bare parsing and one bulk insert of the very same rows.

Ours: the file read by its own process, every row judged, sealed and kept for the preview, then confirmed and written in parts. The floor:
the same file parsed in this process, and one insert of values that are ready: read, sealed and indexed before the clock starts.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from statistics import median
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook
from sqlalchemy import delete, func, select, text
from stdnum.cn import ric

from app import create_app
from benchmarks.report import Bar, Report
from blueprints.web import import_sheets
from blueprints.web.site import site
from models import batch_work, schema
from models.archive import Employee, Team
from models.base import db
from models.batches import Batch, BatchKind, BatchPart, BatchState
from tests import make, postgres

ROWS = 20_000
WANTED = 0.6
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚"
HEADS = ("姓名", "工号", "证件号码", "手机号", "用工类型", "部门", "班组", "工种、岗位", "宿舍", "入职日期")


def workbook() -> bytes:
    """People as a personnel office exports them: a title, texts, numbers of telephones as numbers."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as made:
        sheet = made.add_worksheet("员工名单")
        sheet.write_row(0, 0, ["员工名单"])
        sheet.write_row(1, 0, HEADS)
        for number in range(ROWS):
            born = date(1965, 1, 1) + timedelta(days=number % 14_000)
            card = f"510104{born:%Y%m%d}{number // 14_000 * 100 + number % 97 + 1:03}"
            name = SURNAMES[number % 20] + GIVEN[number // 20 % 20] + GIVEN[number // 400 % 20]
            joined = date(2010, 1, 1) + timedelta(days=number % 5000)
            sheet.write_row(
                number + 2, 0,
                [name, f"Y{number:05}", card + ric.calc_check_digit(card + "0"), 13800000000 + number,
                 "劳务派遣" if number % 5 == 0 else "", f"{number % 12 + 1}车间", f"{number % 80 + 1}班", "操作工",
                 f"{number % 6 + 1}栋{number % 600 + 100}", joined.isoformat()],
            )  # fmt: skip
    return target.getvalue()


@contextmanager
def _database(kind: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/site.db"
            return
        with postgres.cluster() as url:
            yield url


def run(report: Report, kind: str, rounds: int) -> None:
    content = workbook()
    with _database(kind) as url, tempfile.TemporaryDirectory() as instance:
        app = create_app(env="test", database_url=url, instance=instance)
        with app.app_context():
            schema.upgrade(db.engine)
            town = make.town(site.now())
            person = make.account(town.district)
            enterprise_id = town.tenant.id
            values: list[dict[str, Any]] = []
            ours, floors, looks = [], [], []
            for number in range(rounds + 1):
                looking, whole = _batch(content, enterprise_id, person)
                values = values or _stored()
                floor = _floor(content, values)
                if number:  # the first round warms up
                    ours.append(whole), floors.append(floor), looks.append(looking)
    ratio = median(floors) / median(ours)
    report.note(
        f"导入{ROWS:,}人（{kind}）：我们{median(ours):.2f}秒（其中检查{median(looks):.2f}秒），光读表加一次写入{median(floors):.2f}秒"
    )
    report.bar(Bar(f"导入：速度比光读写（{kind}）", f"至少{WANTED}", f"{ratio:.2f}", ratio >= WANTED))
    print(f"{kind}: {ours} {floors}", file=sys.stderr)


def _batch(content: bytes, enterprise_id: int, person: Any) -> tuple[float, float]:
    """Seconds until the preview, and until all is written."""
    bench = import_sheets.bench()
    _clear(bench)
    batch = Batch.receive(
        bench.vault, BatchKind.EMPLOYEES, "enterprise", enterprise_id, name="名单.xlsx", content=content, by=person, now=site.now()
    )  # fmt: skip
    with bench.writing() as session:
        session.add(batch)
    began = time.perf_counter()
    batch_work.work(bench, batch.id)
    looked = time.perf_counter() - began
    with bench.writing() as session:
        if not session.get_one(Batch, batch.id).confirm(session, site.now()):
            raise RuntimeError("not previewed")
    began = time.perf_counter()
    batch_work.work(bench, batch.id)
    whole = looked + time.perf_counter() - began
    with bench.looking() as session:
        state = session.scalar(select(Batch.state).where(Batch.id == batch.id))
        written = session.scalar(select(func.count()).select_from(Employee))
    if state != BatchState.DONE or written != ROWS:
        raise RuntimeError(f"{state}: {written} of {ROWS}")
    return looked, whole


def _stored() -> list[dict[str, Any]]:
    """The rows as the batch has left them, sealed bytes and all."""
    table = Employee.__table__
    columns = [column for column in table.columns if column.name != "id"]
    with db.engine.connect() as connection:
        raw = connection.execute(
            text(f"SELECT {', '.join(c.name for c in columns)} FROM employee ORDER BY id")
        )
        return [dict(row._mapping) for row in raw]


def _floor(content: bytes, values: list[dict[str, Any]]) -> float:
    """Parsing alone and one insert of all rows in one transaction."""
    bench = import_sheets.bench()
    with bench.writing() as session:
        session.execute(delete(Employee))
    names = list(values[0])
    statement = text(
        f"INSERT INTO employee ({', '.join(names)}) VALUES ({', '.join(':' + n for n in names)})"
    )
    began = time.perf_counter()
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    if len(rows) != ROWS + 2:
        raise RuntimeError(f"{len(rows)} rows")
    with bench.writing() as session:
        session.execute(statement, values)
    return time.perf_counter() - began


def _clear(bench: batch_work.Bench) -> None:
    with bench.writing() as session:
        for table in (BatchPart, Batch, Employee, Team):
            session.execute(delete(table))
