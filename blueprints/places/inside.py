"""Who is inside a place, for its specialist (谁在里面): filtered by building, enterprise and time, and as a table to take along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import StringField
from wtforms.validators import Length

from blueprints.places import bp
from blueprints.places.forms import one_of
from blueprints.web import filters, guard
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import SelectField, options
from blueprints.web.ground import ground
from blueprints.web.guard import needs
from blueprints.web.inside import Inside, just_left, narrowed, shown
from blueprints.web.page import page, same_page
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import cases, visits
from models.base import SHANGHAI, db, local
from models.enterprises import Enterprise
from models.gateview import mode_at
from models.places import Place
from models.visits import Sought

EXPORT_ROWS = 20_000  # as for entries
LONG = {"2": "超过2小时", "4": "超过4小时", "8": "超过8小时", "12": "超过12小时", "night": "昨天或更早进来的"}
GRADES = {"confirmed": "门岗确认过", "declared": "只有自报"}
COLUMNS = (
    Column("进来时间", 19), Column("场所", 22), Column("入口", 14), Column("叫号", 8), Column("姓名", 12),
    Column("手机", 14), Column("去向", 24), Column("凭什么算在里面", 16),
)  # fmt: skip


class InsideFilter(FlaskForm):
    """Whom to list. A GET form, for a bookmark."""

    class Meta:
        csrf = False

    q = StringField("姓名、叫号或完整手机号", [Length(max=60, message="最多60个字")])
    building = SelectField("楼宇", coerce=str, validate_choice=False, default="")
    enterprise = SelectField("去向", coerce=str, validate_choice=False, default="")
    long = one_of("进来多久", LONG)
    grade = one_of("凭什么算", GRADES)


@bp.get("/places/<int:place_id>/inside")
@needs("place:watch", Place)
def inside(place: Place) -> ResponseReturnValue:
    """Everybody inside, the newest first."""
    form, places = _asked(place)
    return _list(place, form, places)


def _list(place: Place, form: InsideFilter, places: Sequence[Place]) -> ResponseReturnValue:
    found, now = None, site.now()
    if form.validate():
        sought = _sought(form, places, now)
        found = paged(visits.inside(sought, now))
        if sought.mobile_index is not None:  # who searches a number learns whose it is
            guard.seen(search="mobile", found=found.total)
    return page(
        "places/inside.html", form=form, place=place, buildings=len(places) - 1, paging=found,
        people=[shown(entry, place) for entry in found.rows] if found else [],
        presence=visits.inside_now(db.session(), [p.id for p in places]), left=just_left(),
        here=same_page(left=None), at=now, today=local(now).date(), export_rows=EXPORT_ROWS,
        mode_now=mode_at(db.session(), place, now).value,
    )  # fmt: skip


@bp.get("/places/<int:place_id>/inside/export")
@by_link
@needs("entry:export", Place)
def export_inside(place: Place) -> ResponseReturnValue:
    """The listed people as a workbook: masked, logged, signed at the foot of each page (settled 3.6)."""
    form, places = _asked(place)
    if not form.validate():
        return _list(place, form, places)
    at = local(site.now())
    return hand_out(
        lambda: _workbook(place, form, places), name=f"谁在里面-{place.name}-{at:%Y%m%d-%H%M}.xlsx"
    )


def _workbook(place: Place, form: InsideFilter, places: Sequence[Place]) -> bytes:
    now = site.now()
    query = visits.inside(_sought(form, places, now), now).limit(EXPORT_ROWS + 1)
    rows = [
        _cells(shown(entry, place)) for entry in db.session.scalars(query.execution_options(yield_per=1000))
    ]
    return signed(
        f"{place.name}谁在里面，{filters.instant(now)}", COLUMNS, rows, tab="谁在里面", unit="人", most=EXPORT_ROWS,
        narrow="请按楼宇分几次", more="姓名、手机已隐去一部分，只限工作使用", inside=True,
        filters=sorted(f.name for f in form if f.data),
    )  # fmt: skip


def _cells(one: Inside) -> list[str]:
    line = one.line
    at = f"{local(line.at):%Y-%m-%d %H:%M:%S}"
    return [at, line.place, line.gate, str(one.call_number), line.name, line.mobile, line.towards, one.how]


def _asked(place: Place) -> tuple[InsideFilter, Sequence[Place]]:
    """The filter as it was asked for; its lists say how many of those inside are where."""
    places = ground(place, "place:watch")
    ids = [p.id for p in places]
    form = InsideFilter(request.args)
    counts = visits.inside_by_place(db.session(), places)
    within = {p.id: counts[p.id].declared for p in places}
    names = {p.id: cases.short_name(p, place) for p in places}
    names[place.id] = f"只看{place.name}本身"
    within[place.id] -= sum(number for i, number in within.items() if i != place.id)
    form.building.choices = options(((str(i), f"{names[i]}（{within[i]}人）") for i in ids), "不限")
    form.enterprise.choices = options(_towards(ids).items(), "不限")
    return form, places


def _towards(place_ids: Sequence[int]) -> dict[str, str]:
    """The enterprises to which somebody inside has gone, the most visited first."""
    counts = visits.enterprises_inside(db.session(), place_ids)
    names = select(Enterprise.id, Enterprise.short_name, Enterprise.name).where(Enterprise.id.in_(counts))
    called = {row.id: row.short_name or row.name for row in db.session.execute(names)}
    known = sorted(called, key=lambda number: (-counts[number], called[number]))
    found = {str(number): f"{called[number]}（{counts[number]}人）" for number in known}
    return found | ({"none": f"没有写明去向（{counts[None]}人）"} if None in counts else {})


def _sought(form: InsideFilter, places: Sequence[Place], now: datetime) -> Sought:
    ids = [p.id for p in places]
    chosen = [i for i in ids if str(i) == form.building.data]
    sought = Sought(
        chosen or ids,
        enterprise_id=_enterprise_id(form.enterprise.data or ""),
        before=_before(form.long.data, now),
        confirmed={"confirmed": True, "declared": False}.get(form.grade.data),
    )
    return narrowed(sought, form.q.data or "")


def _enterprise_id(chosen: str) -> int | None:
    if chosen == "none":
        return 0
    return int(chosen) if re.fullmatch("[0-9]{1,9}", chosen) else None


def _before(long: str, now: datetime) -> datetime | None:
    if long == "night":
        return datetime.combine(local(now).date(), datetime.min.time(), SHANGHAI)
    return now - timedelta(hours=int(long)) if long else None
