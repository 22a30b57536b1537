"""Opens one workbook in a process of its own (读表格), so that a hostile or broken file ends this process and not the site.

Run as a program: the file on standard input, marshalled sheets on standard output. Imports nothing of ours, so that it
starts in a few hundredths of a second. Formulas give their last result; macros are never looked at.
"""

from __future__ import annotations

import datetime
import io
import marshal
import resource
import sys
from typing import Any

MEMORY = 1536 * 1024 * 1024
SECONDS = 60
SHEETS = 5  # visible ones with something in them
LARGEST_WHOLE = 10**15  # Excel keeps 15 digits: the rest of a longer number is lost
LOST = "\0"  # stands before what is left of such a number


def text(cell: Any) -> str:
    """A cell as a person would write it: dates as 2026-11-20, whole numbers without .0."""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float | int):
        if abs(cell) >= LARGEST_WHOLE:
            return f"{LOST}{cell:.0f}"
        return str(int(cell)) if cell == int(cell) else f"{cell:.15g}"
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "minutes")
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    return str(cell)


def rows_of(sheet: Any, most: int, columns: int) -> tuple[list[tuple[int, list[str]]], bool]:
    """Rows that are not blank, with their numbers as Excel shows them, and whether there were more than `most`."""
    found: list[tuple[int, list[str]]] = []
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells = [cell if type(cell) is str else text(cell) for cell in row[:columns]]
        if not any(cells) or not any(cell.strip() for cell in cells):
            continue
        if len(found) == most:
            return found, True
        found.append((number, cells))
    return found, False


def read(content: bytes, most: int, columns: int) -> tuple[str, Any]:
    """("sheets", [(name, rows, cut)]) or what is the matter: "locked", "large", "broken"."""
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = []
        for one in workbook.sheets_metadata:
            if one.typ != SheetTypeEnum.WorkSheet or one.visible != SheetVisibleEnum.Visible:
                continue
            rows, cut = rows_of(workbook.get_sheet_by_name(one.name), most, columns)
            if rows:
                sheets.append((one.name, rows, cut))
            if len(sheets) == SHEETS:
                break
    except PasswordError:
        return "locked", None
    except MemoryError:
        return "large", None
    except BaseException:  # a panic of the reader is no Exception; whatever it is, the file is the cause
        return "broken", None
    return "sheets", sheets


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer = read(sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.buffer.write(marshal.dumps(answer))


if __name__ == "__main__":
    main()
