"""Two million formatted rows without anything in them, below the data of a workbook (空行): seconds and flat memory."""

from __future__ import annotations

import time

from benchmarks.imports import ROWS, workbook
from benchmarks.report import Bar, Report
from blueprints.web.import_sheets import COLUMNS
from blueprints.web.sheets import read_table
from models.batches import BatchKind
from tests.workbooks import memory_to_read, with_rows_below

BLANK = 2_000_000
SECONDS, MEGABYTES = 15, 50


def run(report: Report) -> None:
    clean = workbook()
    blank = with_rows_below(clean, BLANK)
    at_all, more = _seconds(blank), memory_to_read(blank) - memory_to_read(clean)
    name = f"{ROWS:,}人下面{BLANK:,}个空行"
    report.note(
        f"{name}：{len(blank) / 1024**2:.1f}MB的文件，读表{at_all:.1f}秒，没有空行{_seconds(clean):.1f}秒"
    )
    report.bar(Bar(f"{name}，读表", f"≤ {SECONDS} 秒", f"{at_all:.1f} 秒", at_all <= SECONDS))
    report.bar(Bar(f"{name}，多用内存", f"≤ {MEGABYTES} MB", f"{more} MB", more <= MEGABYTES))


def _seconds(content: bytes) -> float:
    began = time.perf_counter()
    found = len(read_table(content, "名单.xlsx", COLUMNS[BatchKind.EMPLOYEES]).lines)
    if found != ROWS:
        raise RuntimeError(f"读到{found}行，应当是{ROWS}行")
    return time.perf_counter() - began
