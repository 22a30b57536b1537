"""The numbers of an officer's enterprises are kept in mind, and never a moment longer than they hold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from models import portfolio
from models.access import Post
from models.accounts import Appointment
from models.base import db, to_write
from models.enterprises import Enterprise
from models.places import Unit
from models.portfolio import MOST, Basis, Tally
from models.tallies import TallyBook
from tests import make
from tests.conftest import NOW
from tests.statements import asked_by

TODAY = date(2026, 11, 20)


@pytest.fixture
def kept(app, town):
    """The tally as the book gives it, held against one that is counted."""
    book, policy = TallyBook(), app.extensions["site"].book.get(make.SCHEME)

    def kept(on: date = TODAY) -> Tally:
        session = db.session()
        session.rollback()
        within = Enterprise.district_id.in_([town.district.id])
        basis = Basis.of(session, policy, on)
        found = book.of(session, within, basis, on, most=MOST, key=("district", town.district.id))
        assert found == portfolio.tally(session, within, basis, most=MOST)
        return found

    kept.book = book
    return kept


def counted(what) -> int:
    """How many statements count enterprises; what waits for an officer is counted by one of its own, which reaches letters by them."""
    asked = [one for one in asked_by(what) if "FROM letter" not in one]
    return sum("FROM enterprise" in one and "count(" in one for one in asked)


def test_a_district_that_has_not_changed_is_counted_once(app, client, town):
    make.sign_in(client, town.officer(Post.TASK_FORCE))
    assert counted(lambda: client.get("/enterprises")) == 1
    assert counted(lambda: client.get("/enterprises")) == 0
    assert counted(lambda: client.get("/overview")) == 0


@pytest.mark.parametrize(
    "change",
    ["new", "closed", "head count", "appointed", "ended", "account closed", "moved", "past the session"],
)
def test_whatever_changes_a_number_is_seen_at_once(town, kept, change):
    person = town.officer(Post.HEALTH_MANAGER)
    kept()
    before, one = kept.book._known, db.session.get(Enterprise, town.tenant.id)
    numbers = [known.number for known in before.values()]
    with to_write():
        db.session.rollback()
        match change:
            case "new":
                make.enterprise(town.street, "新来的公司")
            case "closed":
                one.close(TODAY, "注销", now=NOW)
            case "head count":
                one.set_headcount(9, TODAY, now=NOW, by_id=None)
            case "appointed":
                town.officer(Post.CHIEF_HEALTH_OFFICER)
            case "ended":
                person.appointments[0].end_on(TODAY, reason="离职", now=NOW)
            case "account closed":
                person.disabled_at = NOW
            case "moved":
                one.unit_id = make.save(Unit(district_id=town.district.id, name="区住建局")).id
            case "past the session":
                db.session.execute(update(Appointment).values(ended_at=NOW))
        db.session.commit()
    kept()
    if (
        change != "past the session"
    ):  # then nothing is known, and nothing is kept in mind until the tick has been
        assert [known.number for known in kept.book._known.values()] != numbers


def test_what_was_taken_back_moves_nothing_and_a_savepoint_moves_it_once(town, kept):
    kept()
    (number,) = [known.number for known in kept.book._known.values()]
    with to_write():
        db.session.rollback()
        db.session.get(Enterprise, town.tenant.id).close(TODAY, "注销", now=NOW)
        db.session.flush()
        db.session.rollback()
        db.session.commit()
    kept()
    assert [known.number for known in kept.book._known.values()] == [number]
    with to_write():
        db.session.rollback()
        one = db.session.get(Enterprise, town.tenant.id)
        with db.session.begin_nested():
            one.close(TODAY, "注销", now=NOW)
        db.session.commit()
    assert kept().closed == 1
    assert [known.number for known in kept.book._known.values()] == [number + 1]


def test_a_new_day_is_counted_anew(kept):
    kept()
    kept(TODAY + timedelta(days=1))
    assert [known.on for known in kept.book._known.values()] == [TODAY + timedelta(days=1)]


def test_whose_reach_changes_by_itself_is_counted_each_time(client, town):
    make.sign_in(client, town.officer(Post.SPECIALIST))
    assert [counted(lambda: client.get("/enterprises")) for _ in range(2)] == [1, 1]
