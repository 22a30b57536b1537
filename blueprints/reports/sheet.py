"""A report from a workbook (表格填报): the sheet fills the page, and what is then filed goes through the same rules as what is typed."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import FileField

from blueprints.reports import bp
from blueprints.reports.filing import COMMENT, begun, day_of, held, sheet_of
from blueprints.web import guard
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import commit, needs
from blueprints.web.page import done
from blueprints.web.sheets import MOST_BYTES, Column, Line, read_table
from blueprints.web.site import site
from blueprints.web.xlsx import Column as Out
from blueprints.web.xlsx import book
from models.base import RuleBroken, db
from models.enterprises import Enterprise
from models.policy.schema import ReportField
from models.report_reading import is_computed
from models.reports import keep_draft, may_file

COLUMNS = (
    Column("item", "项目", ("报送项", "名称"), required=True),
    Column("number", "这一份", ("人数", "数量", "数字"), required=True),
    Column("why", "说明", ("原因", "备注")),
)
NOTE = "在“这一份”里填整数，没有就填0；项目的名称不要改。上传以后先在页面上核对，再提交"


class SheetForm(FlaskForm):
    file = FileField("填好的表格")


@bp.get("/enterprises/<int:enterprise_id>/reports/<first_on>/sheet.xlsx")
@by_link
@needs("report:file", Enterprise)
def template(enterprise: Enterprise, first_on: str) -> ResponseReturnValue:
    """The fields of this period, with what the archive knows; what it computes is not among them."""
    obligation, sheet = sheet_of(enterprise, day_of(first_on))
    typed = begun(enterprise, sheet, None)
    last = sheet.past[0] if sheet.past else {}
    rows = [
        (one.label, typed.get(one.key, ""), "", str(last.get(one.key, "")))
        for one in sheet.fields
        if not is_computed(one, sheet.facts)
    ]
    heads = [Out("项目", 30), Out("这一份", 10), Out("说明", 40), Out("上一份", 10)]
    guard.seen(export="report sheet", first_on=obligation.first_on)
    title = f"{enterprise.short_name or enterprise.name}{obligation.title}"
    return hand_out(lambda: book(title, heads, rows, NOTE, tab="报送"), name=f"{title}.xlsx")


@bp.post("/enterprises/<int:enterprise_id>/reports/<first_on>/sheet")
@needs("report:file", Enterprise)
def fill_in(enterprise: Enterprise, first_on: str) -> ResponseReturnValue:
    """What stands in the sheet becomes the draft; nothing is filed before somebody has looked at it on the page."""
    begins = day_of(first_on)
    address = url_for("reports.fill", enterprise_id=enterprise.id, first_on=begins)
    try:
        lines = _sent()
        obligation = held(enterprise, begins)
        may_file(db.session(), obligation, now=site.now(), by=current_user.account)
        _, sheet = sheet_of(enterprise, begins)
        fields = [one for one in sheet.fields if not is_computed(one, sheet.facts)]
        typed, strange = _read(fields, lines)
        if not typed:
            raise RuleBroken("表格里没有认得的项目。请用这一期的模板，项目的名称不要改")
        keep_draft(
            db.session(),
            obligation,
            begun(enterprise, sheet, None) | typed,
            now=site.now(),
            by=current_user.account,
        )
    except RuleBroken as broken:
        db.session.rollback()
        flash(str(broken), "warn")
        return done(address)
    commit(obligation=obligation.id, sheet=len(typed), strange=len(strange))
    unknown = f"。没有认得的：{'、'.join(strange)[:100]}" if strange else ""
    flash(
        f"表格里的{sum(COMMENT not in key for key in typed)}项已填好，还没有提交，请核对{unknown}",
        "warn" if strange else "ok",
    )
    return done(address)


def _sent() -> list[Line]:
    form = SheetForm()
    if not form.validate():
        raise RuleBroken("这一页放得太久，请再选一次表格")
    file = form.file.data
    if not file or not file.filename:
        raise RuleBroken("请选一个表格文件")
    with file.stream as stream:
        content: bytes = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise RuleBroken(f"表格不能超过{MOST_BYTES // 1024**2}MB，请用这一期的模板")
    return read_table(content, request.files["file"].filename or "", COLUMNS).lines


def _read(fields: list[ReportField], lines: list[Line]) -> tuple[dict[str, str], list[str]]:
    """What was typed by field, and the items that nobody knows."""
    known = {one.label: one.key for one in fields}
    typed: dict[str, str] = {}
    strange = []
    for line in lines:
        item = line.cells.get("item", "").strip()
        key = known.get(item)
        if key is None:
            strange += [item[:20]] if item else []
            continue
        typed[key] = line.cells.get("number", "")
        if line.cells.get("why"):
            typed[key + COMMENT] = line.cells["why"]
    return typed, strange
