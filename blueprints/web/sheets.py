"""Tables that people send (上传的表格): .xlsx, .xls and CSV in, rows of text by column out; anything else refused in words (SEC-11).

What real files look like is borne: merged titles above the heads, heads with stars, spaces and line breaks, numbers of
telephones as floats, any number of empty formatted rows. Opened by a process of its own (`sheet_reader`), with limits of
memory and time.
"""

from __future__ import annotations

import csv
import io
import marshal
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from blueprints.web.sheet_reader import LOST
from models.base import RuleBroken
from models.batch_work import Line

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 200
HEADS_WITHIN = 20  # rows from the top that are not blank
UNPACKED = (
    1024**3
)  # of a workbook in all; empty formatted rows pack to a thirteenth and are read as they come
PARTS_UNPACKED = 256 * 1024**2  # of what is held in memory: texts and styles
PACKED_TIMES = 200  # no true sheet packs better
SMALL = 1024**2  # below which packing well is no sign of anything
SECONDS = 90
COUNTED_FROM = date(1899, 12, 30)  # Excel's day 0, seen from any day after February 1900
_COUNTED = re.compile(r"[2-7][0-9]{4}")
_EXPONENT = re.compile(r"[0-9](\.[0-9]+)?[Ee]\+?[0-9]{1,3}")  # what Excel makes of a long number: 1.38E+10
READER = Path(__file__).with_name("sheet_reader.py")
ENCRYPTED, WORKBOOK = "EncryptedPackage".encode("utf-16-le"), "Workbook".encode("utf-16-le")
SAVE_AS = "请用Excel或WPS打开，另存为xlsx，再上传"
NOT_A_SHEET = f"这不是能读的表格。{SAVE_AS}"
LOCKED = "这个表格有打开密码。请去掉密码，另存后再上传"
LARGE = "表格展开后太大。请只留要导入的行和列，另存后再上传"
BROKEN = f"表格打不开，可能没有存完整。{SAVE_AS}"
DIGITS_LOST = "号码的后几位已被Excel丢掉。请把这一列设为文本格式，再填一次完整的号码"


class Column(NamedTuple):
    """A column that a table may have. `also`: other heads that people give it."""

    key: str
    head: str
    also: tuple[str, ...] = ()
    required: bool = False
    day: bool = False  # a day, perhaps as Excel counts them
    code: bool = False  # digits that are no number: one that has lost its last digits is refused


@dataclass(frozen=True, slots=True)
class Table:
    """What was found: the columns, and what heads nobody knows."""

    keys: list[str]
    unknown: list[str]
    lines: list[Line]


Rows = list[tuple[int, list[str]]]


def read_table(content: bytes, name: str, columns: Sequence[Column]) -> Table:
    """The table in a file called `name`. RuleBroken, in words for the person who sent it, where there is none."""
    sheets = _sheets(content, name)
    known = {_folded(head): one for one in columns for head in (one.head, *one.also)}
    found = [
        (place, rows, cut) for rows, cut in sheets if (place := _heads(rows, known, columns)) is not None
    ]
    if not found:
        raise RuleBroken(_missing(sheets, known, columns))
    place, rows, cut = found[0]
    if cut or len(rows) - place - 1 > MOST_ROWS:
        raise RuleBroken(f"一次最多导入{MOST_ROWS:,}行。请分成几个表格")
    if len(rows) == place + 1:
        raise RuleBroken("表格里只有表头，没有要导入的行")
    return _table(rows[place][1], rows[place + 1 :], known)


def _table(heads: list[str], rows: Rows, known: dict[str, Column]) -> Table:
    at: dict[str, int] = {}
    unknown = []
    for position, head in enumerate(heads):
        column = known.get(_folded(head))
        if column is None:
            unknown += [_short(head)] if head.strip() else []
        elif column.key in at:
            raise RuleBroken(f"“{column.head}”有两列。请只留一列")
        else:
            at[column.key] = position
    kinds = {one.key: one for one in known.values()}
    errors: dict[int, dict[str, str]] = {}
    columns = [
        _column([cells[p] if p < len(cells) else "" for _, cells in rows], kinds[key], errors)
        for key, p in at.items()
    ]
    lines = [
        Line(number, dict(zip(at, cells, strict=True)), errors.get(place, {}))
        for place, ((number, _), cells) in enumerate(zip(rows, zip(*columns, strict=True), strict=True))
    ]
    return Table(list(at), unknown, lines)


def _column(cells: list[str], column: Column, errors: dict[int, dict[str, str]]) -> list[str]:
    """What stands in a column, tidy. Numbers that have lost their last digits are noted in `errors` by the place of their row."""
    found, whole = cells, "".join(cells)  # looking at a column once is quicker than at each of its cells
    if " " in whole or not whole.isprintable():
        found = [_tidy(cell) for cell in cells]
    if column.day:
        found = [_day(cell) for cell in found]
    lost = [place for place, cell in enumerate(found) if cell[:1] == LOST] if LOST in whole else []
    if column.code and ("E" in whole or "e" in whole):
        lost += [place for place, cell in enumerate(found) if _EXPONENT.fullmatch(cell)]
    for place in lost:
        errors.setdefault(place, {})[column.key] = DIGITS_LOST
        found[place] = found[place].removeprefix(LOST)
    return found


def _day(cell: str) -> str:
    """A day that stands there as Excel's own count of days, 46346, as 2026-11-20; anything else as it is."""
    if len(cell) == 5 and _COUNTED.fullmatch(cell):
        return (COUNTED_FROM + timedelta(days=int(cell))).isoformat()
    return cell


def _tidy(cell: str) -> str:
    """Without marks that nobody sees and spaces around; inner breaks are spaces."""
    if cell.startswith(LOST) or (" " not in cell and cell.isprintable()):
        return cell
    kept = (
        cell
        if cell.isprintable()
        else "".join(s for s in cell if s.isspace() or unicodedata.category(s)[0] != "C")
    )
    return " ".join(kept.split())


def _folded(head: str) -> str:
    """A head without what people put around it: 「* 手机 号（必填）」 is 手机号."""
    plain = re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", unicodedata.normalize("NFKC", head))
    return re.sub(r"[\s*:、★☆]", "", plain).lower()


def _heads(rows: Rows, known: dict[str, Column], columns: Sequence[Column]) -> int | None:
    """Which row has the heads: the first that names every required column."""
    required = {one.key for one in columns if one.required}
    for place, (_number, cells) in enumerate(rows[:HEADS_WITHIN]):
        if required <= {known[head].key for head in map(_folded, cells) if head in known}:
            return place
    return None


def _missing(sheets: list[tuple[Rows, bool]], known: dict[str, Column], columns: Sequence[Column]) -> str:
    """Which columns are missing where most were found, and which stand there."""
    candidates = [cells for rows, _cut in sheets for _number, cells in rows[:HEADS_WITHIN]]
    best = max(candidates, key=lambda cells: sum(_folded(cell) in known for cell in cells))
    there = {known[head].key for head in map(_folded, best) if head in known}
    wanted = "、".join(one.head for one in columns if one.required and one.key not in there)
    if not there:
        return f"没有找到表头。表头要有：{wanted}。可以先下载模板"
    named = "、".join(_short(cell) for cell in best if cell.strip())
    return f"缺少这些列：{wanted}。表里有：{named}"


def _short(head: str) -> str:
    plain = _tidy(head).removeprefix(LOST)
    return plain if len(plain) <= 20 else plain[:20] + "…"


# --- what kind of file it is ---


def too_long() -> str:
    """The words for a file of more than MOST_BYTES."""
    return f"表格不能超过{MOST_BYTES // 1024**2}MB。请删掉图片和数据下面的空行，或分成几个表格"


def _sheets(content: bytes, name: str) -> list[tuple[Rows, bool]]:
    if not content:
        raise RuleBroken("请选一个表格文件，里面要有内容")
    if len(content) > MOST_BYTES:
        raise RuleBroken(too_long())
    kind = Path(name).suffix.lower()
    if kind in (".et", ".ett"):
        raise RuleBroken("这是WPS自己的格式（.et）。请在WPS里另存为xlsx，再上传")
    if content.startswith(b"PK"):
        _check_package(content)
        sheets = _by_reader(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if ENCRYPTED in content:
            raise RuleBroken(LOCKED)
        if WORKBOOK not in content:
            raise RuleBroken(NOT_A_SHEET)
        sheets = _by_reader(content)
    elif content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise RuleBroken(f"这个文件其实是网页。{SAVE_AS}")
    elif kind in (".csv", ".txt"):
        sheets = [_csv(content)]
    else:
        raise RuleBroken(NOT_A_SHEET)
    if not any(rows for rows, _cut in sheets):
        raise RuleBroken("表格是空的。请看是不是选错了文件")
    return sheets


def _check_package(content: bytes) -> None:
    """Looks at the sizes that a workbook's package declares, before anything is unpacked."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise RuleBroken(BROKEN) from None
    if not any(part.filename.lower().startswith("xl/workbook") for part in parts):
        raise RuleBroken(NOT_A_SHEET)
    if any(part.flag_bits & 1 for part in parts):
        raise RuleBroken(LOCKED)
    held = [part for part in parts if "worksheets/" not in part.filename.lower()]
    dense = any(part.file_size > max(SMALL, PACKED_TIMES * part.compress_size) for part in parts)
    if dense or _size(parts) > UNPACKED or _size(held) > PARTS_UNPACKED:
        raise RuleBroken(LARGE)


def _size(parts: Iterable[zipfile.ZipInfo]) -> int:
    return sum(part.file_size for part in parts)


def _by_reader(content: bytes) -> list[tuple[Rows, bool]]:
    most = MOST_ROWS + HEADS_WITHIN
    command = [sys.executable, "-I", str(READER), str(most), str(MOST_COLUMNS)]
    try:
        ended = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise RuleBroken(LARGE) from None
    if ended.returncode:  # stopped by its limits
        raise RuleBroken(LARGE)
    said, sheets = marshal.loads(ended.stdout)
    if said != "sheets":
        raise RuleBroken({"locked": LOCKED, "large": LARGE}.get(said, BROKEN))
    return [(rows, cut) for _name, rows, cut in sheets]


def _csv(content: bytes) -> tuple[Rows, bool]:
    """UTF-8 or GB18030, parted by commas, semicolons or tabs."""
    for code in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(code)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise RuleBroken(NOT_A_SHEET)
    if "\0" in text:
        raise RuleBroken(NOT_A_SHEET)
    top = text[:4000]
    parting = max(",\t;", key=top.count)
    rows: Rows = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=parting), start=1):
            if any(cell.strip() for cell in cells):
                if len(rows) == MOST_ROWS + HEADS_WITHIN:
                    return rows, True
                rows.append((number, [_unquoted(cell) for cell in cells[:MOST_COLUMNS]]))
    except csv.Error:
        raise RuleBroken(BROKEN) from None
    return rows, False


def _unquoted(cell: str) -> str:
    """What exports write to keep a code as text, ="0123" or a leading tab or apostrophe, is none of it."""
    plain = cell.strip()
    return plain[2:-1] if plain.startswith('="') and plain.endswith('"') else plain.removeprefix("'")
