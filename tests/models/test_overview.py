"""A place's day in numbers, without pages."""

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import text

from models import cases, overview
from models.base import db
from models.gate import CheckIn, Kind, Mark
from models.judging import Verdict
from models.overview import Before, Counts, Day, chart_of
from tests import make
from tests.conftest import NOW

TODAY = date(2026, 11, 20)


def test_each_row_is_counted_once_and_in_one_column(town):
    for kind, verdict, marks in (
        (Kind.ENTRY, Verdict.PASS, ""), (Kind.ENTRY, Verdict.REGISTERED, ""),
        (Kind.ENTRY, Verdict.ATTENTION, ""),
        (Kind.ENTRY, Verdict.REFUSED, ""), (Kind.AGAIN, Verdict.PASS, ""), (Kind.MOVE, Verdict.ATTENTION, ""),
        (Kind.AGAIN, Verdict.REFUSED, ""), (Kind.ENTRY, Verdict.REFUSED, Mark.BURST.value),
    ):  # fmt: skip
        make.check_in(town.gate, NOW, kind=kind, verdict=verdict, marks=marks)
    found = overview.day_of(db.session(), [town.park.id], TODAY)
    assert found.total == Counts(passed=2, attention=1, refused=2, again=2, unconfirmed=1)
    assert found.total.entered == 3
    assert found.by_hour == {9: found.total}
    assert found.by_gate == {town.gate.id: found.total}


def test_the_day_is_shanghais_day(town):
    make.check_in(town.gate, datetime(2026, 11, 19, 16, 30, tzinfo=UTC))  # 00:30 of the 20th
    make.check_in(town.gate, datetime(2026, 11, 19, 15, 30, tzinfo=UTC))  # 23:30 of the 19th
    found = overview.day_of(db.session(), [town.park.id], TODAY)
    assert list(found.by_hour) == [0]


def test_marked_and_handled_rows_are_neither_entries_nor_waiting(town):
    make.check_in(town.gate, NOW, marks=Mark.BURST.value, handled_at=NOW)
    found = overview.day_of(db.session(), [town.park.id], TODAY)
    assert found.total == Counts()
    assert found.handled == 1


def test_open_cases_are_found_by_their_own_index(town):
    make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    query = cases.open_cases([town.park.id], TODAY).compile(db.engine, compile_kwargs={"literal_binds": True})
    if db.engine.dialect.name == "sqlite":
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
        assert "ix_check_in_open" in str(plan)
    else:
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        db.session.execute(text("SET LOCAL enable_bitmapscan = off"))
        parts = (
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ix_check_in_open'::regclass"
        )
        names = db.session.scalars(text(parts)).all()  # each week's part of the index has a name of its own
        plan = str(db.session.execute(text(f"EXPLAIN {query}")).all())
        assert names and any(name in plan for name in names)


def test_the_chart_reaches_over_the_opening_hours_and_beyond_where_somebody_came(town):
    town.park.opens, town.park.closes = time(8), time(18)
    counts = Counts(passed=3)
    chart = chart_of(Day(total=counts, by_hour={6: counts}), Before(0, {20: 1}), [town.park], NOW)
    assert [bar.hour for bar in chart.bars] == list(range(6, 21))
    assert chart.peak.hour == 6
    assert [bar.hour for bar in chart.bars if bar.is_now] == [9]


@pytest.mark.parametrize("closes", [None, time(5)])
def test_a_place_open_by_night_has_all_hours(town, closes):
    town.park.opens, town.park.closes = (None, None) if closes is None else (time(20), closes)
    assert len(chart_of(Day(), Before(0, {}), [town.park], NOW).bars) == 24


@pytest.mark.parametrize(
    ("most", "top", "step"),
    [
        (0, 1, 1),
        (4, 4, 1),
        (7, 8, 2),
        (26, 30, 10),
        (187, 200, 50),
        (1_000, 1_000, 200),
        (12_345, 15_000, 5_000),
    ],
)
def test_the_axis_has_at_most_five_round_lines(town, most, top, step):
    counts = Counts(passed=most)
    chart = chart_of(Day(total=counts, by_hour={9: counts}), Before(0, {}), [town.park], NOW)
    assert (chart.top, chart.step) == (top, step)


def test_a_park_in_a_list_counts_its_buildings(town):
    hall = make.gate(town.building, "大厅")
    make.check_in(hall, NOW)
    make.check_in(hall, NOW, verdict=Verdict.ATTENTION)
    make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    make.check_in(town.gate, NOW, marks=Mark.BURST.value)
    found = overview.places_now(db.session(), [town.park, town.building], NOW)
    assert (found[town.park.id].entered, found[town.park.id].waiting) == (2, 2)
    assert (found[town.building.id].entered, found[town.building.id].waiting) == (2, 1)


def test_a_case_is_masked_wherever_it_is_read(town, app):
    site = app.extensions["site"]
    entry = make.check_in(town.gate, NOW, name="欧阳清远", mobile="13987650007")
    line = cases.line_of(entry, site.book, site.vault, NOW, at=town.park)
    assert (line.name, line.mobile) == ("欧阳**", "139****0007")
    by_guard = make.check_in(town.gate, NOW, mobile=None, recorded_by_id=make.account(town.district).id)
    assert cases.line_of(by_guard, site.book, site.vault, NOW, at=town.park).mobile == "门岗代登"
    assert db.session.get(CheckIn, entry.id).name == "欧阳清远"
