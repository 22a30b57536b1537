"""Following up (报送跟踪): the rates of a period, by what they are divided, and the enterprises behind each number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.reports import bp
from blueprints.reports.asked import (
    FILTERS,
    LONGEST,
    Asked,
    asked,
    choices_of,
    only_asked,
    order_asked,
    sort_asked,
    text_asked,
    to,
)
from blueprints.web import filters
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import can, needs, within_reach
from blueprints.web.page import page
from blueprints.web.paging import paged, paged_list
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import tracking
from models.base import db, local
from models.enterprises import Enterprise
from models.masks import mask_mobile
from models.policy.schema import Mode
from models.tracking import BARS, FirmOrder, Line, Only, Sort, Span, Tally

EXPORT_ROWS = 20_000
MOST = 10_000  # nobody leafs further; whoever wants all takes the workbook
NARROW = 6  # bars on a telephone
FIRST = 3  # enterprises beside the chart
NUMBERS = (
    Column("应报", 8), Column("已报", 8), Column("完整率", 9), Column("按时", 8), Column("按时率", 9), Column("迟报", 8),
    Column("零报告", 9), Column("退回", 8), Column("豁免", 8),
)  # fmt: skip
MISSING, AWAITED = (
    Column("未报", 8),
    Column("待报", 8),
)  # the last of them; before the deadline nobody has missed it
FIRMS = (
    Column("企业", 36), Column("统一社会信用代码", 22), Column("园区、楼宇", 24), Column("报送期", 20), Column("情况", 14),
    Column("截止", 16), Column("收到", 16), Column("连续未报", 10), Column("责任人", 12), Column("岗位", 14), Column("电话", 14),
    Column("最近提醒", 24),
)  # fmt: skip


@bp.get("/reports/tracking", endpoint="tracking")
@needs("report:see")
def rates() -> ResponseReturnValue:
    """One period: five numbers, how the periods before went, who is missing, and the numbers divided."""
    session, now, found = db.session(), site.now(), asked("report:see")
    if found.span is None:
        return page("reports/tracking.html", asked=found, now_at=now, mode_now="normal")
    rows = paged_list(_rows(found, sort_asked()))
    keys = [key for key, _ in rows.rows]
    missing = session.scalars(
        tracking.firms(session, found.ground, found.span, Only.MISSING, at_deadline=found.at_deadline).limit(
            FIRST
        )
    ).all()
    bars = list(reversed(found.history))[-BARS:]
    return page(
        "reports/tracking.html", asked=found, now_at=now, bars=bars, wide=_by_mode(bars), narrow=_by_mode(bars[-NARROW:]),
        by_choices=choices_of(found.ground),
        sort=sort_asked(), sorts=list(Sort), paging=rows, names=tracking.names_of(session, found.by, keys),
        officers=tracking.officers_of(session, found.by, keys, local(now).date()), has_officers=found.by in tracking.OFFICERS,
        first=tracking.lines(session, missing, now), reachable=reachable(missing), to=to, mode_now=found.span.mode.value,
    )  # fmt: skip


def _by_mode(bars: Sequence[tuple[Span, Tally]]) -> list[tuple[Span, Tally]]:
    """Those of normal times first, then those of an emergency, each in the order of time: weeks and days that run side by side are
    not drawn in turns."""
    return sorted(bars, key=lambda pair: pair[0].mode is Mode.EMERGENCY)


def _rows(found: Asked, sort: Sort) -> list[tuple[int, Tally]]:
    """The numbers divided, in the order that is asked for; those who owe nothing come last."""
    assert found.span is not None
    divided = tracking.divided(db.session(), found.ground, found.span, found.by)
    rows = [(key, tally.at_deadline() if found.at_deadline else tally) for key, tally in divided.items()]
    if sort is Sort.NAME:
        names = tracking.names_of(db.session(), found.by, divided)
        return sorted(rows, key=lambda row: (not row[0], names[row[0]], row[0]))
    if sort is Sort.MISSING:
        return sorted(rows, key=lambda row: (-row[1].missing, -row[1].expected, row[0]))
    share = {Sort.RATE: "rate", Sort.ON_TIME: "on_time_rate"}[sort]

    def worst(row: tuple[int, Tally]) -> tuple[float, int, int]:
        found = getattr(row[1], share)
        return (2.0 if found is None else found, -row[1].expected, row[0])

    return sorted(rows, key=worst)


@bp.get("/reports/tracking/firms")
@needs("report:see")
def firms() -> ResponseReturnValue:
    """The enterprises behind a number, each with whom to call. Numbers of telephones are masked until somebody says why."""
    session, now, found = db.session(), site.now(), asked("report:see")
    if found.span is None:
        return page("reports/tracking.html", asked=found, now_at=now, mode_now="normal")
    only, text = only_asked(), text_asked()
    query = tracking.firms(
        session, found.ground, found.span, only, at_deadline=found.at_deadline, text=text, order=order_asked()
    )
    total = None if text else found.tally.of(only)
    rows = paged(query, most=MOST, total=total)
    return page(
        "reports/firms.html", asked=found, only=only, which=_which(found, now), text=text,
        quick=[(one, _word(found.span, one, now), found.tally.of(one)) for one in Only],
        order=order_asked(), orders=list(FirmOrder), paging=rows, lines=tracking.lines(session, rows.rows, now), longest=LONGEST,
        reachable=reachable(rows.rows), export_rows=EXPORT_ROWS, now_at=now, to=to, mode_now=found.span.mode.value,
    )  # fmt: skip


def _which(found: Asked, now: datetime) -> str:
    """Which enterprises are listed, as people call them."""
    only = only_asked()
    assert found.span is not None
    return _word(found.span, only, now) if only else "全部企业"


def _word(span: Span, only: Only, now: datetime) -> str:
    return "待报" if only is Only.MISSING and not span.is_due(now) else only.label


def reachable(obligations: Sequence[tracking.Obligation]) -> set[int]:
    """Of whose enterprises the person at the door may open contacts: one that has moved on belongs to others."""
    if not can("contact:reveal"):
        return set()
    ids = [one.enterprise_id for one in obligations]
    return set(
        db.session.scalars(
            select(Enterprise.id).where(Enterprise.id.in_(ids), within_reach("contact:reveal", Enterprise))
        )
    )


@bp.get("/reports/tracking/export")
@by_link
@needs("report:export")
def export_rates() -> ResponseReturnValue:
    """The divided numbers as a workbook, logged and signed at the foot of each page (settled 3.6)."""
    return hand_out(_rates_book, name=f"报送跟踪-{local(site.now()):%Y%m%d}.xlsx")


def _rates_book() -> bytes:
    found = asked("report:export")
    if found.span is None:
        return _book("报送跟踪", (Column("说明", 40),), [["还没有要报送的"]], "报送跟踪", "行")
    rows = _rows(found, sort_asked())
    names = tracking.names_of(db.session(), found.by, [key for key, _ in rows])
    due = found.span.is_due(site.now())
    cells = [[names[key], *_cells(tally, due)] for key, tally in rows]
    cells.append(["合计", *_cells(found.tally, due)])
    columns = (Column(found.by.label, 30), *NUMBERS, MISSING if due else AWAITED)
    return _book(_title(found, "报送跟踪"), columns, cells, "报送跟踪", "行")


@bp.get("/reports/tracking/firms/export")
@by_link
@needs("report:export")
def export_firms() -> ResponseReturnValue:
    """The listed enterprises as a workbook, telephones masked, logged."""
    return hand_out(_firms_book, name=f"报送企业-{local(site.now()):%Y%m%d}.xlsx")


def _firms_book() -> bytes:
    session, now, found, rows = db.session(), site.now(), asked("report:export"), []
    if found.span is not None:
        query = tracking.firms(
            session,
            found.ground,
            found.span,
            only_asked(),
            at_deadline=found.at_deadline,
            text=text_asked(),
            order=order_asked(),
        )
        for some in session.scalars(
            query.limit(EXPORT_ROWS + 1).execution_options(yield_per=500)
        ).partitions():
            rows += [_firm_cells(line) for line in tracking.lines(session, some, now)]
    return _book(_title(found, _which(found, now)), FIRMS, rows, "企业", "家")


def _title(found: Asked, what: str) -> str:
    assert found.span is not None
    seen = "截止时" if found.at_deadline else f"到{filters.instant(site.now())}"
    return f"{found.where}{found.span.title}{what}，{seen}"


def _book(title: str, columns: Sequence[Column], rows: list[list[str]], tab: str, unit: str) -> bytes:
    chosen = [name for name in FILTERS if request.args.get(name)]
    return signed(title, columns, rows, tab=tab, unit=unit, most=EXPORT_ROWS, what=tab, filters=chosen)


def _cells(tally: Tally, due: bool) -> list[str]:
    def share(number: float | None) -> str:
        return "" if number is None else f"{number:.1%}"

    on_time = share(tally.on_time_rate) if due else "–"

    return [
        str(tally.expected), str(tally.received), share(tally.rate), str(tally.on_time), on_time, str(tally.late),
        str(tally.zero), str(tally.returned), str(tally.excused), str(tally.missing),
    ]  # fmt: skip


def _firm_cells(line: Line) -> list[str]:
    one, who = line.obligation, line.responsible
    said = line.reminded
    return [
        line.enterprise.name, line.enterprise.credit_code, line.place, one.title, line.how.label, filters.instant(one.due_at),
        filters.instant(one.received_at) if one.received_at else "", f"{line.streak}期" if line.streak > 1 else "",
        who.name if who else "", who.what if who else "", mask_mobile(who.number) if who else "",
        f"{filters.instant(said.at)}{said.words}" if said else "",
    ]  # fmt: skip
