"""Daily sums: made of past days, kept when the rows go."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from blueprints.web import jobs
from models import chores, sums
from models.base import db
from models.gate import Kind, Mark
from models.judging import Verdict
from models.keeping import DaySum
from tests import make
from tests.conftest import NOW

TODAY = date(2026, 11, 20)
DAY = timedelta(days=1)


@pytest.fixture
def run(app):
    def run(now=NOW) -> None:
        chores.make_sums(replace(jobs.tick_now(), now=now))
        db.session.rollback()

    return run


def all_sums() -> list[DaySum]:
    return list(
        db.session.scalars(
            select(DaySum).order_by(DaySum.day, DaySum.hour).execution_options(populate_existing=True)
        )
    )


def test_an_hour_is_summed_as_the_day_is_counted(town, run):
    yesterday = NOW - DAY
    for facts in (
        {}, {"verdict": Verdict.REGISTERED}, {"verdict": Verdict.ATTENTION, "confirmed_at": yesterday},
        {"verdict": Verdict.REFUSED, "handled_at": yesterday}, {"kind": Kind.AGAIN}, {"kind": Kind.MOVE},
        {"marks": Mark.BURST.value}, {"marks": Mark.BURST.value, "handled_at": yesterday},
        {"marks": Mark.BURST.value, "confirmed_at": yesterday},
    ):  # fmt: skip
        make.check_in(town.gate, yesterday, **facts)
    run()
    (found,) = all_sums()
    assert (found.place_id, found.gate_id, found.day, found.hour) == (
        town.park.id, town.gate.id, TODAY - DAY, 9)  # fmt: skip
    assert (found.passed, found.attention, found.refused, found.again, found.unconfirmed) == (3, 1, 1, 2, 1)
    assert (found.confirmed, found.handled) == (2, 2)


def test_today_has_no_sums_and_midnight_is_shanghais(town, run):
    midnight = NOW.replace(hour=16, minute=0, second=0) - DAY  # 20 November, 00:00 in Shanghai
    make.check_in(town.gate, midnight)
    make.check_in(town.gate, midnight - timedelta(microseconds=1))
    run()
    assert [(s.day, s.hour, s.passed) for s in all_sums()] == [(TODAY - DAY, 23, 1)]
    run(midnight + DAY)
    assert [(s.day, s.hour, s.passed) for s in all_sums()] == [(TODAY - DAY, 23, 1), (TODAY, 0, 1)]


def test_a_day_that_lacks_them_gets_them_however_old_and_a_young_one_gets_them_anew(town, run):
    old = make.check_in(town.gate, NOW - 20 * DAY)
    young = make.check_in(town.gate, NOW - 7 * DAY)
    run()
    run()
    assert [s.passed for s in all_sums()] == [1, 1]
    for entry in (old, young):
        entry.verdict = Verdict.REFUSED
    make.check_in(town.gate, NOW - 3 * DAY)  # a row from paper
    db.session.commit()
    run()
    assert [(s.passed, s.refused) for s in all_sums()] == [(1, 0), (0, 1), (1, 0)]


def test_sums_are_not_made_anew_of_what_is_left_of_a_day(town):
    make.check_in(town.gate, NOW - 30 * DAY)
    day = TODAY - 30 * DAY
    sums.ensure(db.session(), town.park.id, [day])
    make.check_in(town.gate, NOW - 30 * DAY)
    sums.ensure(db.session(), town.park.id, [day])
    assert [s.passed for s in all_sums()] == [1]
