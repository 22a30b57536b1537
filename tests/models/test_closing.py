"""How closing time ends visits (gate.md scenario 12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from blueprints.web import jobs
from models import chores
from models.base import SHANGHAI, db
from models.closing import Closing, closings
from models.gate import CheckIn, Departure, Kind
from models.judging import Verdict
from tests import make


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=SHANGHAI)


@pytest.fixture
def run(app):
    """The task at an instant, as `flask tick` calls it."""
    from dataclasses import replace

    def run(now: datetime, since: datetime | None = None) -> None:
        chores.end_visits(replace(jobs.tick_now(), now=now, since=since))
        db.session.rollback()

    return run


def ended(entry: CheckIn) -> tuple[datetime | None, Departure | None]:
    db.session.refresh(entry)
    return entry.left_at, entry.left_how


def test_at_closing_time_a_visit_ends_at_that_instant(town, run):
    entry = make.check_in(town.gate, at("20 09:00"))  # the park closes at 22:00
    run(at("20 21:59"))
    assert ended(entry) == (None, None)
    run(at("20 22:00"))
    assert ended(entry) == (at("20 22:00"), Departure.CLOSING)


@pytest.mark.parametrize(
    ("began", "ends"),
    [
        ("20 20:00", "20 22:00"),  # two hours before closing, to the minute
        ("20 20:01", "21 22:00"),
        ("20 21:59", "21 22:00"),
        ("20 22:00", "21 22:00"),  # out of hours
        ("20 23:59", "21 22:00"),
        ("21 00:00", "21 22:00"),
        ("21 03:00", "21 22:00"),
        ("21 06:00", "21 22:00"),
    ],
)
@pytest.mark.parametrize("late", [0, 1, 24, 49])
def test_a_night_worker_stays_until_the_next_closing_and_a_late_run_says_the_same(
    town, run, began, ends, late
):
    entry = make.check_in(town.gate, at(began))
    run(at(ends) - timedelta(seconds=1))
    assert ended(entry)[0] is None
    run(at(ends) + timedelta(hours=late))
    assert ended(entry) == (at(ends), Departure.CLOSING)


def test_a_place_that_closes_after_midnight_ends_its_evening_then(town, run):
    town.park.set_hours(at("20 18:00").time(), at("20 02:00").time())
    db.session.commit()
    evening, late = make.check_in(town.gate, at("20 23:00")), make.check_in(town.gate, at("21 01:00"))
    run(at("21 02:00"))
    assert ended(evening)[0] == at("21 02:00")
    assert ended(late)[0] is None
    run(at("22 02:30"))
    assert ended(late)[0] == at("22 02:00")


@pytest.mark.parametrize("microseconds", [0, 1, 123000, 999999])
def test_where_nothing_closes_a_visit_ends_a_day_after_it_began_to_the_instant(town, run, microseconds):
    town.park.set_hours(None, None)
    began = at("20 23:59").replace(second=59, microsecond=microseconds)
    entry = make.check_in(town.gate, began)
    run(began + timedelta(days=1) - timedelta(seconds=1))
    assert ended(entry)[0] is None
    run(began + timedelta(days=3))
    assert ended(entry) == ((began + timedelta(days=1)).astimezone(UTC), Departure.CLOSING)


def test_each_place_closes_by_its_own_clock(town, run):
    town.other.set_hours(at("20 08:00").time(), at("20 18:00").time())
    db.session.commit()
    here, there = make.check_in(town.gate, at("20 09:00")), make.check_in(town.other_gate, at("20 09:00"))
    run(at("20 18:30"))
    assert (ended(here)[0], ended(there)[0]) == (None, at("20 18:00"))


def test_only_visits_that_go_on_are_ended(town, run):
    left = make.check_in(town.gate, at("20 09:00"), left_at=at("20 11:00"), left_how=Departure.SELF)
    refused = make.check_in(town.gate, at("20 09:00"), verdict=Verdict.REFUSED)
    again = make.check_in(town.gate, at("20 09:00"), kind=Kind.AGAIN)
    doubtful = make.check_in(town.gate, at("20 09:00"), verdict=Verdict.ATTENTION)
    run(at("20 23:00"))
    assert ended(left) == (at("20 11:00"), Departure.SELF)
    assert [ended(one)[0] for one in (refused, again, doubtful)] == [None] * 3


def test_what_is_confirmed_after_its_closing_ends_within_the_hour(town, run):
    entry = make.check_in(town.gate, at("20 09:00"), verdict=Verdict.ATTENTION)
    run(at("20 22:00"))
    entry.confirmed_at = at("20 22:10")
    db.session.commit()
    run(at("20 22:11"), since=at("20 22:10"))
    assert ended(entry)[0] is None
    run(at("20 23:00"), since=at("20 22:59"))
    assert ended(entry)[0] == at("20 22:00")


def test_between_closings_nothing_is_looked_through(town):
    make.check_in(town.gate, at("20 09:00"))
    assert list(closings(db.session(), at("20 21:59"), since=at("20 21:58"))) == []
    (found,) = closings(db.session(), at("20 22:00"), since=at("20 21:59"))
    assert found == Closing((town.park.id, town.building.id, town.other.id), at("20 20:00"), at("20 22:00"))


def test_more_visits_than_fit_into_one_transaction_all_end(town, run, monkeypatch):
    monkeypatch.setattr(chores, "AT_ONCE", 2)
    entries = [make.check_in(town.gate, at("20 09:00")) for _ in range(5)]
    run(at("20 22:00"))
    assert {ended(entry)[0] for entry in entries} == {at("20 22:00")}


def test_a_clock_that_runs_backwards_ends_nothing_and_breaks_nothing(town, run):
    entry = make.check_in(town.gate, at("20 21:00"))
    run(at("19 22:00"), since=at("20 21:30"))
    run(at("01 00:00"))
    assert ended(entry) == (None, None)
