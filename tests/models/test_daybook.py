"""Counts that are kept in mind are those of the tables, whatever happens in between."""

from datetime import date, timedelta

import pytest

from models import overview
from models.base import db
from models.daybook import ANEW, DayBook
from models.gate import CheckIn, Kind, Mark, Note, Outcome
from models.judging import Verdict
from models.overview import Before
from models.pulse import SETTLED, Pulse
from tests import make
from tests.blueprints.test_gate_form import submit
from tests.conftest import NOW
from tests.statements import asked_by

TODAY = date(2026, 11, 20)


@pytest.fixture
def book() -> DayBook:
    return DayBook()


def counted(book, town, now=NOW):
    ids = [town.park.id, town.building.id]
    return book.day(db.session(), Pulse.take(db.session(), ids, TODAY, now), now)


def from_the_tables(town):
    return overview.day_of(db.session(), [town.park.id, town.building.id], TODAY)


def test_what_comes_in_is_added_and_nothing_is_counted_twice(book, town):
    for seconds in range(0, 180, 20):
        make.check_in(town.gate, NOW + timedelta(seconds=seconds))
        make.check_in(town.north, NOW + timedelta(seconds=seconds), verdict=Verdict.REFUSED)
        found = counted(book, town, NOW + timedelta(seconds=seconds))
        assert found == from_the_tables(town)
        assert found.total.passed == seconds // 20 + 1


def test_rows_that_were_counted_are_not_read_again(book, town):
    for minutes in range(1, 6):
        make.check_in(town.gate, NOW - timedelta(minutes=minutes))
    counted(book, town)
    db.session.execute(CheckIn.__table__.update().values(kind=Kind.AGAIN))  # in a way that tells nobody
    db.session.commit()
    assert counted(book, town).total.passed == 5
    assert counted(book, town, NOW + ANEW + timedelta(seconds=1)).total.again == 5


@pytest.mark.parametrize("what", ["handled", "deleted", "late"])
def test_whatever_is_done_to_a_row_shows_at_once(book, town, what):
    rows = [make.check_in(town.gate, NOW - timedelta(minutes=m), verdict=Verdict.REFUSED) for m in (5, 4, 3)]
    counted(book, town)
    if what == "handled":
        Note.write(rows[0], outcome=Outcome.SENT_AWAY, text="", now=NOW, by_id=make.account(town.district).id)
    elif what == "deleted":
        db.session.delete(rows[0])
    else:
        make.check_in(town.gate, NOW - timedelta(hours=1))  # typed from paper: of an hour ago
    db.session.commit()
    assert counted(book, town) == from_the_tables(town)


def test_a_row_is_settled_some_time_after_it_arrived_and_not_before(book, town):
    late = make.check_in(town.gate, NOW - SETTLED + timedelta(seconds=1))
    make.check_in(town.gate, NOW)
    db.session.delete(late)
    db.session.commit()
    counted(book, town)
    row = {c.name: getattr(late, c.name) for c in CheckIn.__table__.columns}
    db.session.execute(CheckIn.__table__.insert(), [row])  # commits only now, its id below the newest
    db.session.commit()
    assert counted(book, town).total.passed == 2


def test_an_entry_that_a_later_row_makes_an_attempt_of_counts_no_more(book, town, client, at):
    submit(client, town.gate.code.code, temperature="35.0")  # to be measured again
    at(NOW + timedelta(minutes=2))
    assert counted(book, town, NOW + timedelta(minutes=2)).total.attention == 1
    submit(client, town.gate.code.code, temperature="36.5")
    db.session.rollback()  # what was read so far is from before
    found = counted(book, town, NOW + timedelta(minutes=2))
    assert found == from_the_tables(town) and found.total.again == 1


def test_places_and_days_are_kept_apart(book, town):
    make.check_in(town.gate, NOW - timedelta(minutes=2))
    make.check_in(town.other_gate, NOW - timedelta(minutes=2), verdict=Verdict.REFUSED)
    counted(book, town)
    other = Pulse.take(db.session(), [town.other.id], TODAY, NOW)
    assert book.day(db.session(), other, NOW).total.refused == 1
    tomorrow = Pulse.take(db.session(), [town.park.id, town.building.id], TODAY + timedelta(days=1), NOW)
    assert book.day(db.session(), tomorrow, NOW) == overview.Day()


def test_before_is_yesterday_until_this_minute_and_the_hours_of_last_week(book, town):
    make.check_in(town.gate, NOW - timedelta(days=1))
    make.check_in(town.gate, NOW - timedelta(days=1) + timedelta(minutes=1))
    make.check_in(town.gate, NOW - timedelta(days=7) + timedelta(hours=3))
    for not_entered in ({"verdict": Verdict.REFUSED}, {"kind": Kind.AGAIN}, {"marks": Mark.BURST.value}):
        make.check_in(town.gate, NOW - timedelta(days=7), **not_entered)
    assert book.before(db.session(), [town.park.id], NOW) == Before(1, {12: 1})


def test_the_days_before_are_read_once_in_a_while_and_the_clock_goes_on(book, town):
    make.check_in(town.gate, NOW - timedelta(days=1) + timedelta(minutes=2))
    assert book.before(db.session(), [town.park.id], NOW).yesterday == 0
    found = []
    later = NOW + timedelta(minutes=2)
    asked = asked_by(lambda: found.append(book.before(db.session(), [town.park.id], later)))
    assert found[0].yesterday == 1 and not asked
