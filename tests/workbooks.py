"""Workbooks as no program of ours writes them: with formatted rows without end below the data."""

import io
import subprocess
import sys
import zipfile

from blueprints.web import sheets

CELLS = "ABCD"
_AT_ONCE = 10_000
_RUN = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-I", *sys.argv[1:]], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def with_rows_below(content: bytes, count: int, columns: str = "") -> bytes:
    """The same workbook with so many formatted rows below the data of its last sheet; in `columns` stand formatted cells."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        last = max(name for name in old.namelist() if name.startswith("xl/worksheets/sheet"))
        for part in old.infolist():
            data = old.read(part)
            if part.filename != last:
                new.writestr(part, data)
                continue
            head, end = data.split(b"</sheetData>")
            first = head.count(b"<row ") + 8
            with new.open(part.filename, "w") as written:
                written.write(head)
                for begin in range(first, first + count, _AT_ONCE):
                    numbers = range(begin, min(begin + _AT_ONCE, first + count))
                    written.write("".join(_row(number, columns) for number in numbers).encode())
                written.write(b"</sheetData>" + end)
    return target.getvalue()


def _row(number: int, columns: str) -> str:
    cells = "".join(f'<c r="{column}{number}" s="1"/>' for column in columns)
    return f'<row r="{number}" s="1" customFormat="1">{cells}</row>'


def memory_to_read(content: bytes) -> int:
    """Megabytes that the reader of workbooks took at its peak, measured from a process that has no other child."""
    most = [str(sheets.MOST_ROWS + sheets.HEADS_WITHIN), str(sheets.MOST_COLUMNS)]
    command = [sys.executable, "-c", _RUN, str(sheets.READER), *most]
    return int(subprocess.run(command, input=content, capture_output=True, check=True).stdout)
