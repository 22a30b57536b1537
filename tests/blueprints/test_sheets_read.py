"""Tables that people send: what real files look like is read, and what is no table is refused in words."""

import io
import zipfile
from datetime import datetime

import pytest
import xlsxwriter

from blueprints.web import sheets
from blueprints.web.sheets import DIGITS_LOST, LARGE, Column, read_table
from models.base import RuleBroken
from tests.workbooks import CELLS, memory_to_read, with_rows_below

COLUMNS = (
    Column("name", "姓名", required=True),
    Column("mobile", "手机号", ("手机", "联系电话"), required=True, code=True),
    Column("document", "证件号", code=True),
    Column("joined_on", "入职日期", day=True),
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DAY = datetime(2026, 11, 20)  # noqa: DTZ001  a cell of Excel has no time zone


def workbook(rows, title=None, **options):
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, options) as made:
        for name in ("说明", "名单"):
            sheet = made.add_worksheet(name)
            if name == "说明":
                sheet.write(0, 0, "先看说明")
                continue
            day = made.add_format({"num_format": "yyyy-mm-dd"})
            if title:
                sheet.merge_range(0, 0, 0, 3, title)
            for number, row in enumerate(rows, start=2 if title else 0):
                for place, value in enumerate(row):
                    sheet.write(number, place, value, day if isinstance(value, datetime) else None)
    return target.getvalue()


def cells(content, name="名单.xlsx"):
    return [line.cells for line in read_table(content, name, COLUMNS).lines]


def refusal(content, name="名单.xlsx"):
    with pytest.raises(RuleBroken) as found:
        read_table(content, name, COLUMNS)
    return str(found.value)


def test_heads_stand_below_a_title_on_a_later_sheet_with_stars_spaces_and_breaks():
    rows = [
        ["*姓 名", "手机\n（必填）", "证件号：", "备注"],
        ["  张 晓明 ", 13800138000.0, "510101199001010017", "x"],
    ]
    table = read_table(workbook(rows, "2026年员工花名册"), "名单.xlsx", COLUMNS)
    (line,) = table.lines
    assert line.number == 4 and table.unknown == ["备注"] and not line.errors
    assert line.cells == {"name": "张 晓明", "mobile": "13800138000", "document": "510101199001010017"}


def test_dates_come_as_days_and_numbers_without_a_decimal_point():
    rows = [
        ["姓名", "联系电话", "入职日期"],
        ["张晓明", 13800138000, DAY],
        ["李原", "１３８", 46346],
        ["王", "1", "2026.11.20"],
    ]
    assert [row["joined_on"] for row in cells(workbook(rows))] == [
        "2026-11-20",
        "2026-11-20",
        "2026.11.20",
    ]


@pytest.mark.parametrize("written", [510101199001010017.0, "5.10101E+17", "1.38E+10"])
def test_a_number_that_has_lost_its_last_digits_is_an_error_of_its_cell_alone(written):
    rows = [
        ["姓名", "手机号", "证件号"],
        ["张晓明", "13800138000", written],
        ["李原", "13800138001", "E12345678"],
    ]
    first, second = read_table(workbook(rows), "名单.xlsx", COLUMNS).lines
    assert first.errors == {"document": DIGITS_LOST} and not second.errors
    assert "\0" not in first.cells["document"]


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("parting", [",", "\t", ";"])
def test_csv_is_read_however_it_was_saved(code, parting):
    text = "\r\n".join([parting.join(["姓名", "手机号"]), "", parting.join(["张晓明", '"=""13800138000"""'])])
    (line,) = read_table(text.encode(code), "名单.CSV", COLUMNS).lines
    assert line.cells == {"name": "张晓明", "mobile": "13800138000"} and line.number == 3


def test_formatted_rows_without_end_below_the_data_are_nothing():
    content = workbook([["姓名", "手机号"], ["张晓明", "13800138000"]])
    assert len(cells(with_rows_below(content, 300_000))) == 1
    assert len(cells(with_rows_below(content, 100_000, CELLS))) == 1


def test_a_hundred_times_as_many_formatted_rows_take_no_more_memory():
    content = workbook([["姓名", "手机号"], ["张晓明", "13800138000"]])
    few, many = (memory_to_read(with_rows_below(content, count, CELLS)) for count in (3_000, 300_000))
    assert many < few + 16


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.xlsx", "请选一个表格文件"),
        (b"%PDF-1.7", "a.pdf", "不是能读的表格"),
        (b"\x89PNG\r\n", "a.xlsx", "不是能读的表格"),
        (b"a,b\0c", "a.csv", "不是能读的表格"),
        (b"<html><table>", "a.xls", "其实是网页"),
        (OLE + b"x" * 600, "a.et", "请在WPS里另存为xlsx"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", "有打开密码"),
        (OLE + "WordDocument".encode("utf-16-le"), "a.xls", "不是能读的表格"),
        (OLE + "Workbook".encode("utf-16-le"), "a.xls", "表格打不开"),
        (b"PK\x03\x04 broken", "a.xlsx", "表格打不开"),
        (b" \n,,\n", "a.csv", "表格是空的"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content, name, words):
    assert words in refusal(content, name)


def test_too_many_bytes_and_rows_are_refused(monkeypatch):
    rows = [["姓名", "手机号"], *([["张晓明", "13800138000"]] * 40)]
    monkeypatch.setattr(sheets, "MOST_ROWS", 39)
    assert "最多导入39行" in refusal(workbook(rows))
    monkeypatch.setattr(sheets, "MOST_BYTES", 1024 * 1024)
    assert "不能超过1MB" in refusal(b"x" * (1024 * 1024 + 1), "a.csv")


def test_a_package_that_is_another_documents_or_a_bomb_is_never_opened(monkeypatch):
    def packed(name, data):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("xl/workbook.xml", b"") if name.startswith("xl/") else None
            made.writestr(name, data)
        return target.getvalue()

    monkeypatch.setattr(sheets, "_by_reader", lambda _content: pytest.fail("opened"))
    assert "不是能读的表格" in refusal(packed("word/document.xml", b"x"))
    assert refusal(packed("xl/worksheets/sheet1.xml", b"0" * 30_000_000)) == LARGE


def test_a_reader_that_runs_into_its_limits_is_a_refusal_and_no_failure(monkeypatch, tmp_path):
    content = workbook([["姓名", "手机号"], ["张晓明", "13800138000"]])
    killed = tmp_path / "reader.py"
    killed.write_text("import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
    monkeypatch.setattr(sheets, "READER", killed)
    assert refusal(content) == LARGE


def test_missing_columns_are_named_with_those_that_were_found():
    assert refusal(workbook([["姓名", "工资"], ["张晓明", "1"]])) == "缺少这些列：手机号。表里有：姓名、工资"
    assert "没有找到表头。表头要有：姓名、手机号" in refusal(workbook([["a", "b"]]))


def test_a_table_of_heads_alone_and_a_column_twice_are_refused():
    assert "只有表头" in refusal(workbook([["姓名", "手机号"]]))
    assert "“手机号”有两列" in refusal(workbook([["姓名", "手机号", "手机"], ["张晓明", "1", "2"]]))
