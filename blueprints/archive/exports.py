"""Employees as a workbook (导出员工): numbers masked at once, or whole for a reason and the password again (settled 3.6)."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.archive import bp
from blueprints.archive.employees import chosen, wanted
from blueprints.archive.forms import EXPORT_REASONS, ExportForm
from blueprints.web import filters
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs
from blueprints.web.page import page
from blueprints.web.paging import paged
from blueprints.web.sign_in import fresh
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import employee_search
from models.archive import Employee
from models.base import db, local
from models.employee_facts import DOCUMENT_KINDS, FIELDS
from models.employee_rows import KEY_HEAD
from models.enterprises import Enterprise
from models.health_file import CheckUp, last_pre_posts
from models.masks import mask_id_in_list, mask_mobile

EXPORT_ROWS = 20_000
WIDTHS = {"name": 14, "document": 22, "mobile": 14, "hazards": 20, "contract_firm": 24, "dormitory": 16}
COLUMNS = (*(Column(head, WIDTHS.get(key, 12)) for key, head in FIELDS.items()), Column(KEY_HEAD, 10))


@bp.get("/enterprises/<int:enterprise_id>/employees/export")
@by_link
@needs("employee:export", Enterprise)
def export(enterprise: Enterprise) -> ResponseReturnValue:
    """The listed people, phones and documents masked."""
    return hand_out(lambda: _workbook(enterprise, reason=""), name=_name(enterprise))


@bp.get("/enterprises/<int:enterprise_id>/employees/export-whole")
@by_link
@needs("employee:export", Enterprise)
@fresh
def export_whole(enterprise: Enterprise) -> ResponseReturnValue:
    """The listed people with whole numbers. The reason is asked first; the address that has it opens the file."""
    form = ExportForm(request.args, meta={"csrf": False})
    if "reason" in request.args and form.validate():
        return hand_out(lambda: _workbook(enterprise, reason=form.reason.data), name=_name(enterprise))
    asked = wanted(enterprise)
    total = paged(employee_search.search(asked, site.vault), size=1).total
    return page(
        "archive/export.html", form=form, enterprise=enterprise, wanted=asked, chosen=chosen(), total=total
    )


def _name(enterprise: Enterprise) -> str:
    return f"员工-{enterprise.short_name or enterprise.name}-{local(site.now()):%Y%m%d}.xlsx"


def _workbook(enterprise: Enterprise, *, reason: str) -> bytes:
    query = employee_search.search(wanted(enterprise), site.vault).limit(EXPORT_ROWS + 1)
    rows: list[list[str]] = []
    for some in db.session.scalars(query.execution_options(yield_per=500)).partitions():
        examined = last_pre_posts(db.session(), [one.id for one in some])
        rows += [_cells(one, examined.get(one.id), whole=bool(reason)) for one in some]
    return signed(
        f"{enterprise.name}员工，{filters.full_day(site.now())}", COLUMNS, rows, tab="员工", unit="人", most=EXPORT_ROWS,
        more=f"完整资料，用途：{EXPORT_REASONS[reason]}，用完销毁" if reason else "手机号、证件号已隐去一部分",
        whole=bool(reason), reason=reason, filters=sorted(chosen()),
    )  # fmt: skip


def _cells(one: Employee, examination: CheckUp | None, *, whole: bool) -> list[str]:
    """In the words that an import reads: what comes back unchanged changes nothing."""
    document, mobile = one.document or "", one.mobile or ""
    if not whole:
        document, mobile = document and mask_id_in_list(document), mobile and mask_mobile(mobile)
    return [
        one.name, one.number, one.kind.label, one.contract_firm, DOCUMENT_KINDS.get(one.document_kind, ""), document,
        mobile, one.department, one.team.name if one.team else "", one.job, one.hazards, one.dormitory,
        one.joined_on.isoformat() if one.joined_on else "", one.left_on.isoformat() if one.left_on else "",
        str(examination.done_on) if examination and not examination.contraindicated else "", str(one.id),
    ]  # fmt: skip
