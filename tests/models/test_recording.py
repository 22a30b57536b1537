"""Paper rows: when they were, what held then, and one row for ever (settled 2.14)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import RuleBroken, db, local
from models.gate import CheckIn
from models.judging import Declaration, Verdict
from models.paper import PHOTOS, PaperSheet
from models.recording import PaperRow, Times, check_entered, check_left, moment, record, recorded
from models.watch import Fault, FaultKind
from tests import make
from tests.blueprints.test_gate_form import open_emergency
from tests.conftest import NOW
from tests.statements import statements_of

DAY = date(2026, 11, 20)


def clock(text):
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


@pytest.fixture
def site(app):
    return app.extensions["site"]


@pytest.fixture
def sheet(town):
    person = town.officer(make.Post.GATE_GUARD)
    return make.save(*PaperSheet.print_for(db.session(), town.gate, copies=1, now=NOW, by_id=person.id))


@pytest.mark.parametrize(
    ("above", "text", "then"),
    [(None, "0:10", "20 00:10"), ("23:50", "0:10", "21 00:10"), ("12:11", "0:10", "21 00:10"), ("12:10", "0:10", "20 00:10"),
     ("9:12", "8:50", "20 08:50"), ("9:12", "24:10", "21 00:10")],
)  # fmt: skip
def test_a_row_far_before_the_one_above_it_is_of_the_day_after(above, text, then):
    before = moment(DAY, clock(above)) if above else None
    assert local(moment(DAY, clock(text), before)).strftime("%d %H:%M") == then


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_a_night_shift_never_seems_to_go_back_by_more_than_half_a_day(first, second):
    above = moment(DAY, timedelta(minutes=first))
    below = moment(DAY, timedelta(minutes=second), above)
    assert above - below <= timedelta(hours=12)


def test_three_days_back_and_the_present_are_the_edges():
    check_entered(NOW, NOW)
    check_entered(NOW - timedelta(days=3), NOW)
    check_left(NOW, NOW, NOW)
    for wrong in (NOW + timedelta(seconds=1), NOW - timedelta(days=3, seconds=1)):
        with pytest.raises(RuleBroken):
            check_entered(wrong, NOW)
    for left in (NOW - timedelta(minutes=3), NOW + timedelta(minutes=1)):
        with pytest.raises(RuleBroken):
            check_left(left, NOW - timedelta(minutes=2), NOW)


def out_of_order(gate, by_id):
    """The thermometer of the last hour."""
    facts = {"kind": FaultKind.POWER, "starts_at": NOW - timedelta(hours=1), "until_at": NOW}
    return make.save(Fault(gate_id=gate.id, opened_by_id=by_id, **facts))


def times_of(site, gate):
    return Times(db.session(), site.book, gate, NOW - timedelta(days=1), NOW)


def test_mode_thermometer_and_day_are_those_of_the_instant_and_read_once_between_changes(town, site, sheet):
    order = open_emergency(town)
    order.starts_at, order.ended_at = NOW - timedelta(hours=3), NOW - timedelta(hours=2)
    out_of_order(town.gate, sheet.printed_by_id)
    times = times_of(site, town.gate)
    views = [times.view(NOW - timedelta(minutes=m)) for m in (200, 180, 150, 120, 90, 60, 10, 0)]
    assert [v.mode.value for v in views] == ["normal", "emergency", "emergency", *["normal"] * 5]
    assert [v.faulty for v in views] == [False] * 5 + [True, True, False]
    assert statements_of(lambda: [times.view(NOW - timedelta(minutes=m)) for m in range(1, 60)]) == 0


def test_a_thermometer_that_was_out_of_order_then_is_the_reason(town, site, sheet):
    out_of_order(town.gate, sheet.printed_by_id)
    at = NOW - timedelta(minutes=30)
    declared = Declaration("张三", answers={"mask": ("yes",)})
    rows = [PaperRow(1, at, None, declared, times_of(site, town.gate).view(at))]
    assert record(db.session(), site.vault, sheet, rows, day=DAY, now=NOW, by_id=sheet.printed_by_id) == [1]
    (entry,) = recorded(db.session(), site.vault, sheet).values()
    assert entry.verdict == Verdict.ATTENTION and entry.reason_list == (("faulty",),)


def test_typing_twenty_rows_takes_few_questions(town, site, sheet):
    view = times_of(site, town.gate).view(NOW)

    def row(number):
        declared = Declaration("张三", f"138001380{number:02}", Decimal("36.5"), {"mask": ("yes",)})
        return PaperRow(number, NOW - timedelta(minutes=number), None, declared, view)

    rows = [row(number) for number in range(1, 21)]

    def work():
        record(db.session(), site.vault, sheet, rows, day=DAY, now=NOW, by_id=sheet.printed_by_id)

    assert statements_of(work) <= 4 + len(rows)  # an INSERT each, by the driver
    assert db.session.query(CheckIn).count() == 20
    numbers = [e.call_number for e in db.session.query(CheckIn).order_by(CheckIn.occurred_at)]
    assert numbers == list(range(100, 120))


def test_every_row_of_every_sheet_has_a_nonce_of_its_own(town, site, sheet):
    (other,) = PaperSheet.print_for(db.session(), town.gate, copies=1, now=NOW, by_id=sheet.printed_by_id)
    make.save(other)
    assert len({*sheet.nonces(site.vault), *other.nonces(site.vault)}) == 40
    assert all(len(nonce) == 16 for nonce in sheet.nonces(site.vault))


def test_a_void_sheet_takes_neither_rows_nor_photographs_and_a_good_one_not_without_end(site, sheet):
    for number in range(PHOTOS):
        sheet.file(site.vault, b"jpeg", bytes([number]), day=DAY, now=NOW, by_id=sheet.printed_by_id)
    with pytest.raises(RuleBroken, match="最多"):
        sheet.file(site.vault, b"jpeg", b"more", day=DAY, now=NOW, by_id=sheet.printed_by_id)
    sheet.void(now=NOW)
    for attempt in (
        lambda: sheet.void(now=NOW),
        lambda: sheet.file(site.vault, b"", b"", day=DAY, now=NOW, by_id=1),
        lambda: record(db.session(), site.vault, sheet, [], day=DAY, now=NOW, by_id=1),
    ):
        with pytest.raises(RuleBroken, match="作废"):
            attempt()


def test_a_closed_place_prints_no_sheets(town):
    town.park.close(reason="搬走", now=NOW)
    with pytest.raises(RuleBroken, match="已经关闭"):
        PaperSheet.print_for(db.session(), town.gate, copies=1, now=NOW, by_id=1)


def test_a_row_that_is_there_stays_whatever_day_it_is_given_later(town, site, sheet):
    view = times_of(site, town.gate).view(NOW)
    for day in (DAY, DAY - timedelta(days=1)):
        at = moment(day, clock("9:12"))
        rows = [PaperRow(3, at, None, Declaration("张三", answers={"mask": ("yes",)}), view)]
        stored = record(db.session(), site.vault, sheet, rows, day=day, now=NOW, by_id=sheet.printed_by_id)
        assert stored == ([3] if day == DAY else [])
    assert sheet.used_on == DAY and db.session.query(CheckIn).count() == 1
