"""Workbooks that people take away: text only, printable, signed at the foot of each page."""

import io

import openpyxl
import pytest

from blueprints.web.xlsx import CELL_SIGNS, Column, book

COLUMNS = (Column("编号", 20), Column("名称", 30))


def sheet_of(rows, title: str = "登记记录", note: str = "许安澜于09:41导出，编号AB12"):
    return openpyxl.load_workbook(io.BytesIO(book(title, COLUMNS, rows, note, tab="登记11月20日"))).active


@pytest.mark.parametrize(
    "value",
    ["=1+1", '=HYPERLINK("http://x")', "+86", "-2", "@SUM(A1)", "\tx", "007", "1e5", "91510100MA00000018"],
)
def test_every_cell_stays_the_text_it_was(value):
    cell = sheet_of([(value, "x")])["A4"]
    assert (cell.value, cell.data_type, cell.number_format) == (value, "s", "@")


def test_heads_are_frozen_and_repeated_and_the_page_is_one_a4_landscape_wide():
    sheet = sheet_of([("1", "2")])
    assert sheet.freeze_panes == "A4"
    assert sheet.print_title_rows == "$3:$3"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, int(sheet.page_setup.fitToHeight)) == (1, 0)
    assert [cell.value for cell in sheet[3]] == ["编号", "名称"]
    assert sheet.column_dimensions["B"].width == pytest.approx(30, abs=1)


def test_the_watermark_stands_above_the_table_and_at_the_foot_of_each_page():
    sheet = sheet_of([], note="许安澜 & 周知行于09:41导出")
    assert sheet["A2"].value == "许安澜 & 周知行于09:41导出"
    assert "许安澜 && 周知行于09:41导出" in sheet.oddFooter.left.text


def test_a_title_that_excel_allows_no_sheet_to_have_is_no_trouble():
    sheet = sheet_of([], title="云溪/软件园[B区]：登记*记录?" + "长" * 40)
    assert sheet.title == "登记11月20日" and sheet["A1"].value.startswith("云溪/软件园[B区]")


def test_markup_control_signs_and_very_long_texts_do_not_break_the_file():
    sheet = sheet_of([("<b>&amp;</b>", "a\x01b"), ("𠮷野", "长" * (CELL_SIGNS + 5))])
    assert sheet["A4"].value == "<b>&amp;</b>"
    assert sheet["A5"].value == "𠮷野"
    assert len(sheet["B5"].value) == CELL_SIGNS
