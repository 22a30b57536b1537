"""The timed work: once a period, one at a time, whatever becomes of a piece."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from blueprints.web import jobs
from models import timed
from models.base import db
from models.keeping import TimedTask
from models.places import District
from models.timed import DAY, HOUR, MINUTE, Outcome, Task
from tests import make
from tests.conftest import NOW


@pytest.fixture
def run(app):
    """Ticks at an instant with these tasks."""

    def run(*tasks: Task, now=NOW) -> dict[str, Outcome]:
        found = timed.run(tasks, replace(jobs.tick_now(), clock=lambda: now))
        db.session.rollback()
        return found

    return run


def kept(name: str) -> TimedTask:
    return db.session.scalars(
        select(TimedTask).where(TimedTask.name == name).execution_options(populate_existing=True)
    ).one()


def test_a_piece_is_done_once_in_its_period(run):
    done = []
    task = Task("daily", "每天的事", DAY, lambda tick: done.append((tick.now, tick.since)))
    midnight = NOW.replace(hour=16, minute=0, second=0)  # in Shanghai
    assert run(task) == {"daily": Outcome.DONE}
    assert run(task, now=NOW + timedelta(minutes=1)) == {}
    assert run(task, now=midnight - timedelta(seconds=1)) == {}
    assert run(task, now=midnight) == {"daily": Outcome.DONE}
    assert done == [(NOW, None), (midnight, NOW)]


@pytest.mark.parametrize("every", [MINUTE, HOUR, DAY])
def test_a_clock_put_back_stops_nothing(run, every):
    done = []
    task = Task("piece", "一件事", every, lambda tick: done.append(tick.now))
    run(task, now=NOW + timedelta(days=400))
    run(task, now=NOW)
    assert done[1:] == [NOW]
    assert not task.is_missed(kept("piece"), NOW)


def test_one_that_fails_is_kept_and_stops_no_other_and_is_tried_again_soon(run, caplog):
    def fail(tick: timed.Tick) -> None:
        with tick.writing() as session:
            session.execute(text("SELECT 1"))
        raise ValueError("张晓明 13800001234")

    failing, other = Task("failing", "坏了的", DAY, fail), Task("other", "好的", DAY, lambda tick: None)
    with caplog.at_level(logging.ERROR):
        assert run(failing, other) == {"failing": Outcome.FAILED, "other": Outcome.DONE}
    row = kept("failing")
    assert (row.ran_at, row.succeeded_at) == (NOW, None)
    assert row.error.startswith("ValueError, test_timed.py:")
    assert "failing" in caplog.text
    assert not any(word in caplog.text + row.error for word in ("张晓明", "13800001234"))
    assert run(failing, now=NOW + timedelta(minutes=2)) == {}
    assert run(failing, now=NOW + timedelta(minutes=6)) == {"failing": Outcome.FAILED}  # 09:47
    mended = replace(failing, work=lambda tick: None)
    assert run(mended, now=NOW + timedelta(minutes=20)) == {"failing": Outcome.DONE}
    assert kept("failing").error == ""


def test_a_databases_complaint_is_kept_without_the_row_it_quotes(run):
    def twice(tick: timed.Tick) -> None:
        for _ in range(2):
            with tick.writing() as session:
                session.add(District(name="张晓明", slug="same", organiser="张晓明"))

    run(Task("twice", "重复", DAY, twice))
    error = kept("twice").error
    assert error.startswith("IntegrityError ") and ".py:" in error and "张晓明" not in error
    assert db.session.scalars(select(District.slug).where(District.slug == "same")).all() == ["same"]
    with pytest.raises(IntegrityError):
        make.district(slug="same")


def test_whoever_is_interrupted_does_it_again(run):
    def interrupted(tick: timed.Tick) -> None:
        with tick.writing() as session:
            session.add(District(name="没写完", slug="half", organiser="没写完"))
            session.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Task("piece", "一件事", DAY, interrupted))
    assert db.session.scalars(select(District)).all() == []
    assert run(Task("piece", "一件事", DAY, lambda tick: None)) == {"piece": Outcome.DONE}


def test_of_several_machines_one_does_it(app):
    """Each with a connection of its own; the others come while the first is at it, or after it."""
    started, done = threading.Barrier(4), []

    def work(tick: timed.Tick) -> None:
        done.append(tick.now)
        event.wait(0.3)

    event = threading.Event()
    task = Task("once", "一次", DAY, work)

    def machine(_number: int) -> dict[str, Outcome]:
        with app.app_context():
            started.wait()
            return timed.run([task], jobs.tick_now())

    db.session.rollback()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(machine, range(4)))
    assert len(done) == 1
    assert [o for o in outcomes if o == {"once": Outcome.DONE}] == [{"once": Outcome.DONE}]
    assert all(o in ({}, {"once": Outcome.BUSY}, {"once": Outcome.DONE}) for o in outcomes)


def test_one_who_is_at_it_keeps_others_off_until_the_end(app):
    with timed.alone(db.engine, "purge") as mine, timed.alone(db.engine, "purge") as second:
        assert (mine, second) == (True, False)
    with timed.alone(db.engine, "purge") as again:
        assert again


def test_the_lock_is_given_back_before_the_connection_closes(app):
    """A server sees a closed connection a moment later: who came right after would find the piece busy."""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("a file's lock is gone with the file")
    held = []

    def look(*_about: object) -> None:
        with db.engine.connect() as other:
            held.append(other.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")))

    event.listen(NullPool, "close", look)
    try:
        with timed.alone(db.engine, "purge") as mine:
            assert mine
    finally:
        event.remove(NullPool, "close", look)
    assert held == [0]


@pytest.mark.parametrize(("every", "late"), [(MINUTE, 3), (DAY, 3 * 24 * 60)])
def test_three_periods_without_success_are_too_many(every, late):
    task = Task("piece", "一件事", every, lambda tick: None)
    row = TimedTask(name="piece", ran_at=NOW, succeeded_at=NOW, error="")
    assert not task.is_missed(row, NOW + timedelta(minutes=late))
    assert task.is_missed(row, NOW + timedelta(minutes=late, seconds=1))
    assert task.is_missed(None, NOW)


def test_the_list_of_the_site_has_no_name_twice_and_all_of_it_runs(app, town):
    names = [task.name for task in jobs.TASKS]
    assert len(names) == len(set(names))
    assert jobs.tick() == dict.fromkeys(names, Outcome.DONE)
    assert jobs.tick() == {}
