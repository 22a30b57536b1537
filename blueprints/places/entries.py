"""All entries of a place (登记记录): searched, filtered, paged, taken out as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, select

from blueprints.places import bp
from blueprints.places.forms import LONGEST, EntryFilter
from blueprints.web import filters, guard
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import options
from blueprints.web.ground import ground
from blueprints.web.guard import needs
from blueprints.web.page import page
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import cases, honesty
from models.base import db, local
from models.gate import CheckIn
from models.gateview import mode_at
from models.identifiers import Unreadable, mobile
from models.places import Gate, Place

MOST_PREFIXES = 500  # rows with an unlikely prefix in one list
EXPORT_ROWS = 20_000  # a few seconds of work; more would hold up the gate
COLUMNS = (
    Column("时间", 19), Column("场所", 22), Column("入口", 14), Column("判定", 10), Column("原因", 34),
    Column("姓名", 12), Column("手机", 14), Column("体温℃", 8), Column("谁量的", 8), Column("去向", 24),
    Column("类别", 10), Column("标记", 20), Column("处理时间", 16),
)  # fmt: skip


@bp.get("/places/<int:place_id>/entries")
@needs("place:watch", Place)
def entries(place: Place) -> ResponseReturnValue:
    """The entries of the chosen days, today's where none are chosen."""
    form, places, gates = _asked(place)
    return _list(place, form, places, gates)


def _list(
    place: Place, form: EntryFilter, places: Sequence[Place], gates: Sequence[Gate]
) -> ResponseReturnValue:
    now, found = site.now(), None
    if form.validate():
        wanted = _wanted(form, place, places)
        found = paged(cases.search(wanted))
        if wanted.mobile_index is not None:  # who searches a number learns whose it is
            guard.seen(search="mobile", found=found.total)
    lines = [_line(entry, place) for entry in found.rows] if found else []
    return page(
        "places/entries.html", form=form, place=place, gates=gates, paging=found, lines=lines,
        today=local(now).date(), month_ago=local(now).date() - LONGEST + timedelta(days=1),
        export_rows=EXPORT_ROWS,
        mode_now=mode_at(db.session(), place, now).value,
    )  # fmt: skip


@bp.get("/places/<int:place_id>/entries/export")
@by_link
@needs("entry:export", Place)
def export(place: Place) -> ResponseReturnValue:
    """The listed entries as a workbook: masked, logged, signed at the foot of each page (settled 3.6)."""
    form, places, gates = _asked(place)
    if not form.validate():
        return _list(place, form, places, gates)
    days = f"{form.from_on.data:%Y%m%d}-{form.to_on.data:%m%d}"
    return hand_out(lambda: _workbook(place, form, places), name=f"登记记录-{place.name}-{days}.xlsx")


def _workbook(place: Place, form: EntryFilter, places: Sequence[Place]) -> bytes:
    """The chosen entries, masked."""
    query = cases.search(_wanted(form, place, places), with_story=False).limit(EXPORT_ROWS + 1)
    found = db.session.scalars(query.execution_options(yield_per=1000))  # a thousand rows at a time in memory
    rows = [_cells(_line(entry, place, with_state=False)) for entry in found]
    days = f"{filters.full_day(form.from_on.data)}至{filters.full_day(form.to_on.data)}"
    tab = "登记" + "至".join(dict.fromkeys(filters.day(d.data) for d in (form.from_on, form.to_on)))
    return signed(
        f"{place.name}登记记录，{days}", COLUMNS, rows, tab=tab, unit="条", most=EXPORT_ROWS, narrow="请缩短日期",
        more="姓名、手机已隐去一部分，只限工作使用", from_on=form.from_on.data, to_on=form.to_on.data,
        filters=sorted(f.name for f in form if f.data and f.name not in ("from_on", "to_on", "sort")),
    )  # fmt: skip


def _asked(place: Place) -> tuple[EntryFilter, Sequence[Place], Sequence[Gate]]:
    """The filter as it was asked for, today where no day is named."""
    places = ground(place, "place:watch")
    gates = db.session.scalars(
        select(Gate).where(Gate.place_id.in_([p.id for p in places])).order_by(Gate.place_id, Gate.id)
    ).all()
    names = {p.id: "" if p.id == place.id else cases.short_name(p, place) for p in places}
    form = EntryFilter(request.args)
    form.gate.choices = options(((str(g.id), f"{names[g.place_id]}{g.name}") for g in gates), "不限")
    if not form.from_on.process_errors and not form.to_on.process_errors:
        form.to_on.data = form.to_on.data or form.from_on.data or local(site.now()).date()
        form.from_on.data = form.from_on.data or form.to_on.data
    return form, places, gates


def _wanted(form: EntryFilter, place: Place, places: Sequence[Place]) -> cases.Wanted:
    written = "".join(sign for sign in form.q.data or "" if sign.isprintable()).strip()
    try:
        mobile_index = site.vault.blind(mobile(written), "mobile") if written else None
    except Unreadable:
        mobile_index = None
    return cases.Wanted(
        place_ids=[p.id for p in places],
        district_id=place.district_id,
        from_on=form.from_on.data,
        to_on=form.to_on.data,
        text="" if mobile_index else written,
        mobile_index=mobile_index,
        gate_id=form.gate.data,
        verdict=form.verdict.data,
        kind=form.kind.data,
        marked=form.marked.data,
        handled=form.handled.data,
        celsius=form.tenths,
        only=_looked_for(form, [p.id for p in places]),
        sort=form.sort.data,
    )


def _looked_for(form: EntryFilter, place_ids: list[int]) -> ColumnElement[bool] | None:
    """What the honesty board points at. A number's prefix is sealed: those rows are found as the board found them."""
    look, days, gate_id = form.look.data, (form.from_on.data, form.to_on.data), form.gate.data
    if look == "prefix":
        where = honesty.in_days(place_ids, *days, gate_id)
        return CheckIn.id.in_(honesty.unassigned(db.session(), site.vault, where)[:MOST_PREFIXES])
    return honesty.condition(look, honesty.in_days(place_ids, *days, gate_id), dialect=db.engine.dialect.name)


def _line(entry: CheckIn, place: Place, *, with_state: bool = True) -> cases.Line:
    return cases.line_of(entry, site.book, site.vault, site.now(), at=place, with_state=with_state)


def _cells(line: cases.Line) -> list[str]:
    at = local(line.at)
    return [
        f"{at:%Y-%m-%d %H:%M:%S}", line.place, line.gate, line.verdict.label, line.reasons,
        line.name, line.mobile, line.temperature, line.measured_by, line.towards, line.kind.label, line.marks,
        f"{local(line.handled_at):%Y-%m-%d %H:%M}" if line.handled_at else "",
    ]  # fmt: skip
