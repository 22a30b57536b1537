"""Has anything changed at a place: what moves a pulse, and what does not."""

import secrets
from datetime import date, timedelta

import pytest
from sqlalchemy import text, update

from models import pulse
from models.base import db
from models.driver import reading_from
from models.gate import CheckIn, Note, Outcome
from models.judging import Verdict
from models.pulse import SETTLED, Pulse
from tests import make
from tests.conftest import NOW

TODAY = date(2026, 11, 20)


def take(town: make.Town, gate_id: int = pulse.EVERY_GATE) -> Pulse:
    return Pulse.take(db.session(), [town.park.id, town.building.id], TODAY, NOW, gate_id)


def moved(seen: Pulse) -> bool:
    with reading_from(db.engine) as connection:
        return seen.moved(connection)


def test_a_quiet_place_does_not_move(town):
    make.check_in(town.gate, NOW)
    assert not moved(take(town))


def test_an_entry_at_the_place_or_in_its_building_moves_it(town):
    for where in (town.gate, make.gate(town.building, "大厅")):
        seen = take(town)
        make.check_in(where, NOW)
        assert moved(seen)


def comes_in_like(row: CheckIn, **changes) -> None:
    """Another row, written as a check-in is: past the ORM."""
    values = {c.name: getattr(row, c.name) for c in CheckIn.__table__.columns if c.name != "id"}
    db.session.execute(CheckIn.__table__.insert(), [values | {"nonce": secrets.token_bytes(16)} | changes])
    db.session.commit()


def test_what_happens_at_another_place_or_on_another_day_moves_nothing(town):
    row = make.check_in(town.gate, NOW)
    seen = take(town)
    comes_in_like(row, place_id=town.other.id)
    comes_in_like(row, day=TODAY - timedelta(days=1))
    make.check_in(town.other_gate, NOW)
    assert not moved(seen)
    comes_in_like(row)
    assert moved(seen)


def test_one_gate_is_not_moved_by_an_entry_at_the_next(town):
    row = make.check_in(town.gate, NOW)
    seen = take(town, town.gate.id)
    comes_in_like(row, gate_id=town.north.id)
    assert not moved(seen)
    comes_in_like(row)
    assert moved(seen)


def test_a_note_that_leaves_the_row_as_it_was_moves_its_place(town):
    case = make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    guard = make.account(town.district)
    seen = take(town)
    Note.write(case, outcome=Outcome.FOLLOWING, text="已打电话", now=NOW, by_id=guard.id)
    db.session.commit()
    assert moved(seen)


def test_a_row_taken_away_moves_its_place(town):
    row = make.check_in(town.gate, NOW - timedelta(hours=1))
    seen = take(town)
    db.session.delete(row)
    db.session.commit()
    assert moved(seen)


def test_what_is_changed_without_the_orm_says_so_itself(town):
    row = make.check_in(town.gate, NOW)
    seen = take(town)
    with db.engine.begin() as connection:
        connection.execute(update(CheckIn).where(CheckIn.id == row.id).values(recheck_asked_at=NOW))
        pulse.move(connection, [row.place_id, row.place_id])
    assert moved(seen)


def test_only_rows_that_have_just_arrived_are_counted_again(town):
    old = make.check_in(town.gate, NOW - SETTLED)
    make.check_in(town.gate, NOW)
    seen = take(town)
    assert (seen.floor, seen.entries) == (old.id, 1)


def test_a_smaller_id_that_commits_later_is_noticed(town):
    late = make.check_in(town.gate, NOW - timedelta(seconds=1))
    newest = make.check_in(town.gate, NOW)
    db.session.delete(late)
    db.session.commit()
    seen = take(town)
    comes_in_like(newest, id=late.id)
    assert moved(seen)


def test_a_pulse_travels_unchanged(town):
    make.check_in(town.gate, NOW)
    seen = take(town, town.gate.id)
    assert Pulse.unpacked(seen.packed()) == seen


@pytest.mark.parametrize("of_gate", [False, True])
def test_the_poll_looks_by_indexes_only(town, of_gate):
    """Nothing new: no table is read from end to end, whatever its history."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("the plan of PostgreSQL depends on how much is in the tables")
    seen = take(town, town.gate.id if of_gate else pulse.EVERY_GATE)
    ready = pulse.ready(db.engine.dialect, len(seen.place_ids), of_gate)
    with db.engine.connect() as connection:
        asked = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {ready.sql}", tuple(ready.arguments(seen.asked()))
        )
        plan = [row[3] for row in asked]
    assert "ix_check_in_place_day" in str(plan) and "version" in str(plan)
    assert not [line for line in plan if line.startswith("SCAN") and "CONSTANT" not in line]


def test_the_place_of_a_pulse_is_looked_up_from_the_end_of_its_day(town):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("the plan of PostgreSQL depends on how much is in the tables")
    query = pulse._floor([town.park.id, town.building.id], TODAY, NOW)
    literal = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = str(db.session.execute(text(f"EXPLAIN QUERY PLAN {literal}")).all())
    assert plan.count("ix_check_in_place_day") == 2 and "TEMP B-TREE" not in plan
