"""The plan to take along (年度计划打印件、表格): A4 to be signed and pinned up, a workbook to go on working with."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from blueprints.plans import bp
from blueprints.web import guard, pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models.base import db, local
from models.places import District
from models.plans import Activity, Plan, Standing, progress, status

COLUMNS = (
    Column("类别", 10), Column("活动", 36), Column("时间", 22), Column("负责人", 14), Column("面向谁", 24), Column("状态", 10),
    Column("完成日期", 12), Column("参加人数", 10), Column("结果或取消原因", 44),
)  # fmt: skip


@bp.get("/plans/<int:plan_id>/print.pdf")
@by_link
@needs("plan:draft", Plan)
def print_pdf(plan: Plan) -> ResponseReturnValue:
    return hand_out(lambda: _as_pdf(plan), name=f"{plan.year}年度健康计划-{plan.enterprise.name}.pdf")


@bp.get("/plans/<int:plan_id>/export")
@by_link
@needs("plan:draft", Plan)
def export(plan: Plan) -> ResponseReturnValue:
    """By month, logged and signed at the foot of each page (settled 3.6)."""
    return hand_out(lambda: _workbook(plan), name=f"{plan.year}年度健康计划-{plan.enterprise.name}.xlsx")


def _as_pdf(plan: Plan) -> bytes:
    today = local(site.now()).date()
    district = db.session.get_one(District, plan.enterprise.district_id)
    content = pdf.document(
        "documents/plan.html", "plan.css", plan=plan, enterprise=plan.enterprise, author=district.organiser,
        title=f"{plan.enterprise.name}{plan.year}年度健康计划", today=today,
        rows=[(one, status(one, today)) for one in plan.activities], progress=progress(plan.activities, today),
        Standing=Standing,
    )  # fmt: skip
    guard.seen(printed=plan.year)
    return content


def _workbook(plan: Plan) -> bytes:
    today = local(site.now()).date()
    rows = [_cells(one, status(one, today)) for one in plan.activities]
    return signed(
        f"{plan.enterprise.name}{plan.year}年度健康计划", COLUMNS, rows,
        tab=f"{plan.year}年度计划", unit="项", year=plan.year,
    )  # fmt: skip


def _cells(one: Activity, how: Standing) -> list[str]:
    done = f"{one.done_on:%Y-%m-%d}" if one.done_on else ""
    reached = "" if one.reached is None else str(one.reached)
    return [
        one.kind.label, one.title, one.days, one.responsible, one.target, how.label, done, reached,
        one.result or one.cancel_reason,
    ]  # fmt: skip
