"""Workbooks that go out of an import (模板、错误行)."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from blueprints.imports import bp
from blueprints.imports.shown import must_be_workbook
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs
from blueprints.web.import_sheets import COLUMNS
from blueprints.web.site import site
from blueprints.web.xlsx import Column, book, signed
from models.base import db
from models.batches import Batch, BatchKind, RowAction, rows_of
from models.enterprises import Enterprise

WIDE = {
    "document": 22,
    "credit_code": 22,
    "name": 16,
    "address": 30,
    "hazards": 24,
    "place": 24,
    "mobile": 14,
    "phone": 16,
}
NOTE = "表头不要改，从下一行起每行填一个；没有的列可以空着或删掉。都按文字填，日期写成2026-11-20"


@bp.get("/enterprises/<int:enterprise_id>/imports/template.xlsx")
@by_link
@needs("employee:import", Enterprise)
def employees_template(enterprise: Enterprise) -> ResponseReturnValue:
    return _template(BatchKind.EMPLOYEES)


@bp.get("/imports/template.xlsx")
@by_link
@needs("register:import")
def register_template() -> ResponseReturnValue:
    return _template(BatchKind.REGISTER)


def _template(kind: BatchKind) -> ResponseReturnValue:
    """An empty workbook with the heads that are understood."""
    title = f"{kind.label}导入模板"
    return hand_out(lambda: book(title, _heads(kind), [], NOTE, tab=kind.label), name=f"{title}.xlsx")


def _heads(kind: BatchKind) -> list[Column]:
    return [
        Column(f"{one.head}（必填）" if one.required else one.head, WIDE.get(one.key, 12))
        for one in COLUMNS[kind]
    ]


@bp.get("/imports/<int:batch_id>/wrong.xlsx")
@by_link
@needs("import:handle", Batch)
def wrong(batch: Batch) -> ResponseReturnValue:
    """The rows that could not be taken, as they were sent, each with what is wrong: to be mended and sent again."""
    must_be_workbook(batch)
    return hand_out(lambda: _wrong_rows(batch), name=f"要改的行-{batch.id}.xlsx")


def _wrong_rows(batch: Batch) -> bytes:
    keys = [one.key for one in COLUMNS[batch.kind]]
    heads = {one.key: one.head for one in COLUMNS[batch.kind]}
    lines = []
    for row in rows_of(db.session(), site.vault, batch, RowAction.ERROR.value):
        cells = row.get("raw") or row["cells"]
        said = "；".join(
            f"{heads[key]}：{words}" if key in heads else words for key, words in row["errors"].items()
        )
        lines.append([str(row["number"]), said, *(cells.get(key, "") for key in keys)])
    columns = [Column("原来的行号", 10), Column("要改的地方", 48), *_heads(batch.kind)]
    return signed(
        f"要改的行：{batch.file_name}",
        columns,
        lines,
        tab="要改的行",
        unit="行",
        more="改好以后直接上传这个表格",
    )
