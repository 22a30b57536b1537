"""Symptoms in normal times (症状曲线): a curve by week for all within reach, a street or a place, with what is usual there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.clusters import bp
from blueprints.clusters.plotting import plot
from blueprints.clusters.shown import policy_of
from blueprints.web import filters
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import page
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import symptom_weeks
from models.base import db, local
from models.places import Place, Street
from models.policy.schema import CurveRule
from models.symptom_weeks import Curve, Level, Measured, Point, SymptomWeek, cell, shown

AREAS: dict[str, tuple[str, Any, Any]] = {
    "place": ("按园区、楼宇", SymptomWeek.place_id, Place), "street": ("按街道", SymptomWeek.street_id, Street),
}  # fmt: skip
WIDE, NARROW = (640, 260), (340, 220)
COLUMNS = (
    Column("范围", 30), Column("周（周一）", 14), Column("企业", 8), Column("人数或人天", 12), Column("共多少", 12),
    Column("数值", 10), Column("平常范围", 18), Column("与平常比", 18),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; a made-up value is none."""

    measured: Measured
    by: str
    area: int | None


def _asked() -> Asked:
    measured = next((one for one in Measured if one.value == request.args.get("measured")), Measured.ABSENCE)
    by = request.args.get("by", "")
    return Asked(measured, by if by in AREAS else "place", request.args.get("area", type=int))


@bp.get("/symptoms")
@needs("symptom:watch")
def curves() -> ResponseReturnValue:
    """The curve that was asked for with its table, and below how each street or place stands against its usual."""
    asked, rule = _asked(), _rule()
    areas = _areas(asked, rule)
    chosen = next((one for one in areas if one.area_id == asked.area), None)
    whole = None if chosen else next(iter(_curves(asked, rule)), None)
    curve = chosen or whole
    return page(
        "clusters/curves.html", asked=asked, rule=rule, curve=curve, chosen=chosen, areas=areas, kinds=AREAS,
        wide=plot(curve, *WIDE) if curve else None, narrow=plot(curve, *NARROW) if curve else None, Level=Level,
        measures=list(Measured), shown=shown, today=local(site.now()).date(), band_of=band_of, cell=cell,
        above=[one for one in areas if one.level(one.settled) is Level.ABOVE],
    )  # fmt: skip


def _rule() -> CurveRule:
    return policy_of(current_user.district_id).clusters.curve


def _curves(asked: Asked, rule: CurveRule, **by: Any) -> list[Curve]:
    within = within_reach("symptom:watch", SymptomWeek)
    return symptom_weeks.curves(db.session(), within, asked.measured, rule, local(site.now()).date(), **by)


def _areas(asked: Asked, rule: CurveRule) -> list[Curve]:
    """The streets or places within reach of which anything is known."""
    _words, column, model = AREAS[asked.by]
    known = select(column).where(within_reach("symptom:watch", SymptomWeek))
    names = dict(db.session.execute(select(model.id, model.name).where(model.id.in_(known))).all())
    return _curves(asked, rule, by=column, names=names)


def band_of(point: Point) -> str:
    return "—" if point.low is None or point.high is None else f"{point.low:.2f}–{point.high:.2f}"


@bp.get("/symptoms/export")
@by_link
@needs("symptom:watch")
def export_curves() -> ResponseReturnValue:
    """Every curve of the page as a workbook, small numbers hidden as on the page."""
    return hand_out(_workbook, name=f"症状曲线-{local(site.now()):%Y%m%d}.xlsx")


def _workbook() -> bytes:
    asked, rule = _asked(), _rule()
    rows = [row for one in (*_curves(asked, rule), *_areas(asked, rule)) for row in _cells(one, rule)]
    title = f"{asked.measured.label}（{asked.measured.unit}）"
    return signed(title, COLUMNS, rows, tab="症状曲线", unit="行", measured=asked.measured.value, by=asked.by)


def _cells(curve: Curve, rule: CurveRule) -> list[list[str]]:
    return [
        [
            curve.name or "负责的全部", filters.full_day(one.week_on), str(one.firms),
            cell(one, rule.small), str(one.of),
            "" if one.hidden else shown(curve.rate(one)), band_of(one), "" if one.hidden else curve.level(one).label,
        ]
        for one in curve.points
        if one.of
    ]  # fmt: skip
