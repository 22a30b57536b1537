"""Tables as Excel workbooks (导出表格): every cell is text, so that a name like =1+1 stays one (SEC-10)."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import xlsxwriter
from flask_login import current_user

from blueprints.web import filters, guard
from blueprints.web.site import site

CELL_SIGNS = 32_767  # more does not fit into a cell
TAB_SIGNS = 31
FOOTER_SIGNS = 200  # of the 255 that a footer may have in all


class Column(NamedTuple):
    head: str
    width: float = 12  # in digits of the standard font; a 汉字 takes two


def signed(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    tab: str,
    unit: str,
    most: int | None = None,
    narrow: str = "请先筛选",
    more: str = "",
    **details: Any,
) -> bytes:
    """A `book` that says who took it out, when and as which number; the audit has the same number, and `details`.

    Of more than `most` rows the rest stays out, and the book says so, with `narrow`: how to get at them. `more` follows as it stands.
    """
    number, cut = secrets.token_hex(4).upper(), most is not None and len(rows) > most
    rows = rows[:most]
    guard.seen(export=number, count=len(rows), **({} if most is None else {"cut": cut}), **details)
    note = (
        f"{current_user.name}于{filters.full_instant(site.now())}导出，编号{number}，共{len(rows)}{unit}"
        + (f"（超过{most}{unit}的没有导出，{narrow}）" if cut else "")
        + (f"。{more}" if more else "")
    )
    return book(title, columns, rows, note, tab=tab)


def book(
    title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], note: str, *, tab: str
) -> bytes:
    """A workbook of one sheet that prints on A4 landscape, as wide as one page, with its heads on each page.

    `tab` is the sheet's short name, at most TAB_SIGNS long and without signs that Excel forbids there.
    `note` says who took it out, when and under which number: it stands above the table and on each page.
    """
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as workbook:
        workbook.set_properties({"title": title, "comments": note})
        as_text = {"num_format": "@", "valign": "top", "text_wrap": True}
        cell = workbook.add_format(as_text)
        head = workbook.add_format(as_text | {"bold": True, "bg_color": "#EEEDE7", "bottom": 1})
        sheet = workbook.add_worksheet(tab)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.7)
        sheet.hide_gridlines(0)  # printed too
        sheet.set_footer(f"&L&8{note[:FOOTER_SIGNS].replace('&', '&&')}&R&8&P/&N")
        for number, column in enumerate(columns):
            sheet.set_column(number, number, column.width, cell)  # what is typed later is text as well
        sheet.write_string(
            0, 0, title, workbook.add_format({"bold": True, "font_size": 14, "num_format": "@"})
        )
        sheet.write_string(1, 0, note, workbook.add_format({"font_color": "#5A6663", "num_format": "@"}))
        for number, column in enumerate(columns):
            sheet.write_string(2, number, column.head, head)
        sheet.freeze_panes(3, 0)
        sheet.repeat_rows(2)
        last = 2
        for last, row in enumerate(rows, start=3):
            for number, value in enumerate(row):
                if value:
                    sheet.write_string(last, number, value[:CELL_SIGNS], cell)
        sheet.autofilter(2, 0, last, len(columns) - 1)
    return target.getvalue()
