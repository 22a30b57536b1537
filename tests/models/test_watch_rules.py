"""Notices that the clock raises: when, once each, and when they end."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from models.base import db, local, writing
from models.gate import Kind, Source
from models.judging import Verdict, write_reasons
from models.watch import BusyHalf, Fault, FaultKind, GateNotice, NoticeKind
from models.watch_rules import COLD_OVER, Raised, learn_rhythm, open_notices, raise_notices
from tests import make
from tests.conftest import NOW
from tests.statements import statements_of

LOW = write_reasons([("low", "35.1")])
WEEK = timedelta(weeks=1)


def run(now=NOW):
    db.session.commit()
    found = raise_notices(db.session(), now)
    db.session.commit()
    return found.raised, found.ended


def kinds() -> list[str]:
    db.session.rollback()
    return [n.kind.value for n in db.session.scalars(select(GateNotice).where(GateNotice.ended_at.is_(None)))]


def entries(gate, at, number, **facts):
    for second in range(number):
        make.check_in(gate, at + timedelta(seconds=second), **facts)


def usually_busy(gate, weeks=(1, 2), number=10, minutes=(-30, 0), **facts):
    """Both half hours that the last 20 minutes lie in: 9:00 and 9:30."""
    for week in weeks:
        for minute in minutes:
            entries(gate, NOW + timedelta(minutes=minute) - week * WEEK, number, **facts)


# --- silence ---


def test_a_gate_that_is_busy_on_this_weekday_and_where_nobody_registers_is_noticed_once(town):
    usually_busy(town.gate)
    entries(town.gate, NOW - timedelta(minutes=20, seconds=1), 1)
    assert run() == (1, 0)
    assert run() == (0, 0)
    notice = db.session.scalar(select(GateNotice))
    assert (notice.kind, notice.gate_id, notice.place_id) == (NoticeKind.SILENCE, town.gate.id, town.park.id)
    assert json.loads(notice.facts) == {"usual": 10}
    (shown,) = open_notices(db.session(), [town.park.id])
    assert shown.title == "东门2号口：20分钟没有人登记"
    assert "半小时有10人左右" in shown.sentence and shown.since == NOW


@pytest.mark.parametrize(
    "facts",
    [
        {"weeks": (1,)}, {"number": 9}, {"minutes": (0,)}, {"minutes": (-30,)}, {"weeks": (1, 4)},
        {"kind": Kind.AGAIN},
    ],
)  # fmt: skip
def test_a_gate_that_is_not_so_busy_at_this_time_is_not_noticed(town, facts):
    usually_busy(town.gate, **facts)
    assert run() == (0, 0)


def test_somebody_who_registers_in_time_keeps_it_quiet_and_ends_it(town):
    usually_busy(town.gate)
    entries(town.gate, NOW - timedelta(minutes=19), 1)
    assert run() == (0, 0)
    assert run(NOW + timedelta(minutes=2)) == (1, 0)
    entries(town.gate, NOW + timedelta(minutes=3), 1, kind=Kind.AGAIN)
    assert run(NOW + timedelta(minutes=3, seconds=5)) == (0, 1)
    assert kinds() == []


def test_paper_that_is_typed_in_is_nobody_at_the_gate(town):
    usually_busy(town.gate)
    entries(town.gate, NOW - timedelta(minutes=5), 1, source=Source.PAPER)
    assert run() == (1, 0)


def test_it_ends_when_the_busy_time_is_over(town):
    usually_busy(town.gate)
    run()
    assert run(NOW.replace(hour=2, minute=0)) == (0, 1)


def test_a_gate_that_is_paused_or_closed_by_the_hour_is_left_alone(town):
    usually_busy(town.gate)
    town.gate.pause(reason="施工", now=NOW)
    assert run() == (0, 0)
    town.gate.resume()
    town.park.set_hours(local(NOW).time().replace(hour=9, minute=30), local(NOW).time().replace(hour=22))
    assert run() == (0, 0)  # it has been open for no more than eleven minutes
    town.park.closed_at = NOW
    assert run() == (0, 0)


def test_where_most_gates_are_silent_it_is_a_holiday(town):
    gates = [town.gate, town.north, town.other_gate, make.gate(town.building, "大厅")]
    for gate in gates:
        usually_busy(gate)
    assert run() == (0, 0)
    for gate in gates[2:]:
        entries(gate, NOW - timedelta(minutes=1), 1)
    assert run() == (2, 0)


def test_what_gates_are_used_to_is_worked_out_once_a_day(town):
    usually_busy(town.gate, number=12)
    assert learn_rhythm(db.session(), NOW)
    assert {(b.half, b.usual) for b in db.session.scalars(select(BusyHalf))} == {(18, 12), (19, 12)}
    db.session.commit()
    assert not learn_rhythm(db.session(), NOW + timedelta(hours=3))
    assert learn_rhythm(db.session(), NOW + timedelta(days=1))
    assert db.session.scalar(select(func.count()).select_from(BusyHalf)) == 0


def test_a_run_that_changes_nothing_waits_for_nobody_and_lets_nobody_wait(town):
    usually_busy(town.gate)
    run()
    before = writing.set(True)  # as the timed work runs; a test itself only reads
    try:
        with db.engine.begin() as writer:
            writer.execute(text("UPDATE gate SET name = name"))
            assert raise_notices(db.session(), NOW) == Raised(0, 0)
    finally:
        writing.reset(before)


# --- cold ---


def cold(gate, at=NOW, low=4, number=10):
    for one in range(number):
        facts = {"celsius": 351, "reasons": LOW, "verdict": Verdict.ATTENTION} if one < low else {}
        make.check_in(gate, at - timedelta(minutes=1), **facts)


def test_a_cold_morning_is_one_notice_and_not_two_hundred(town):
    cold(town.gate)
    assert run() == (1, 0)
    cold(town.gate, NOW + timedelta(minutes=2))
    assert run(NOW + timedelta(minutes=2)) == (0, 0)
    (shown,) = open_notices(db.session(), [town.park.id], town.gate.id)
    assert shown.title == "东门2号口：移到室内测" and "量了20人，8人偏低" in shown.sentence


@pytest.mark.parametrize(("low", "number"), [(3, 10), (9, 9), (0, 40)])
def test_three_in_ten_or_fewer_than_ten_readings_say_nothing(town, low, number):
    cold(town.gate, low=low, number=number)
    assert run() == (0, 0)


def test_rows_without_a_reading_and_older_ones_are_not_counted(town):
    cold(town.gate)
    for _ in range(4):
        make.check_in(town.gate, NOW, celsius=None, reasons=write_reasons([("faulty",)]))
    cold(town.north, NOW - timedelta(minutes=10))
    assert run() == (1, 0)


def test_it_ends_when_it_has_been_over_for_twenty_minutes(town):
    cold(town.gate)
    run()
    last = NOW + timedelta(minutes=5)
    cold(town.gate, last)
    run(last)
    assert run(last + COLD_OVER - timedelta(seconds=1)) == (0, 0)
    assert run(last + COLD_OVER) == (0, 1)


# --- faults ---


def test_a_fault_is_a_notice_while_it_holds(town):
    guard = make.account(town.district)
    make.save(Fault(gate_id=town.north.id, kind=FaultKind.BROKEN, starts_at=NOW, until_at=NOW + timedelta(hours=2),
                    opened_by_id=guard.id))  # fmt: skip
    assert run() == (1, 0)
    assert run(NOW + timedelta(hours=1)) == (0, 0)
    (shown,) = open_notices(db.session(), [town.park.id])
    assert "体温计坏了，到11:41" in shown.sentence
    assert run(NOW + timedelta(hours=2)) == (0, 1)


def test_notices_of_other_places_are_not_shown(town):
    cold(town.other_gate)
    run()
    assert open_notices(db.session(), [town.park.id]) == []


def test_it_takes_the_same_statements_for_one_gate_and_for_many(town):
    usually_busy(town.gate)
    run()
    db.session.rollback()
    few = statements_of(lambda: raise_notices(db.session(), NOW))
    for number in range(5):
        other = make.gate(town.park, f"{number}号门")
        make.save(
            *(BusyHalf(gate_id=other.id, day=local(NOW).date(), half=half, usual=20) for half in (18, 19))
        )
        make.check_in(other, NOW)
    db.session.rollback()
    assert statements_of(lambda: raise_notices(db.session(), NOW)) == few
