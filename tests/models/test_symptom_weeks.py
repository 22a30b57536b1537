"""Symptoms by week: the usual band, small numbers, and what a week is worked out from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, true

from blueprints.clusters.plotting import plot
from blueprints.web import jobs
from models import symptom_weeks
from models.base import db
from models.health_entries import Report, Today
from models.keeping import HealthDaySum
from models.ledger import Ledger
from models.obligations import Obligation
from models.policy.book import SHIPPED, Book
from models.symptom_weeks import (
    WEEK,
    Basis,
    Curve,
    Level,
    Measured,
    Point,
    SymptomWeek,
    curves,
    hide_others,
    is_small,
    monday,
    rate_of,
    shown,
    usual,
)
from tests import make
from tests.conftest import NOW
from tests.statements import statements_of

RULE = Book.read(SHIPPED).get(make.SCHEME).clusters.curve
THIS_WEEK = monday(NOW.date())


def week(firm, back: int, **numbers) -> SymptomWeek:
    facts = {
        "due": 1000,
        "absent_ill": 10,
        "watched": 200,
        "fever": 2,
        "symptoms": 6,
        "basis": Basis.REPORT,
    } | numbers
    row = SymptomWeek(week_on=THIS_WEEK - WEEK * back, **facts)
    row.stand(firm, None)
    return make.save(row)


def keep() -> list[SymptomWeek]:
    db.session.commit()
    symptom_weeks.keep(jobs.tick_now())
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(SymptomWeek).order_by(SymptomWeek.week_on, SymptomWeek.id)).all()


# --- pure ---


def test_the_rate_of_absence_is_person_days_and_two_decimals_and_a_dash_where_nobody_was_due():
    assert shown(rate_of(Measured.ABSENCE, 1, 3)) == "33.33"
    assert shown(rate_of(Measured.FEVER, 1, 400)) == "2.50"
    assert shown(rate_of(Measured.ABSENCE, 0, 0)) == "—"


def test_the_usual_band_needs_four_weeks_looks_at_eight_and_is_never_below_nothing():
    assert usual([1.0] * 3, RULE) is None
    assert usual([1.0, None, 1.0, 1.0, None, 1.0], RULE) == (0.75, 1.25)  # at least a quarter up and down
    assert usual([99.0, *([2.0, 4.0] * 4)], RULE) == (1.0, 5.0)
    assert usual([0.0, 4.0] * 4, RULE) == (0.0, 6.0)


@pytest.mark.parametrize(("number", "small"), [(0, False), (1, True), (4, True), (5, False)])
def test_one_to_four_people_are_hidden_and_none_and_five_are_not(number, small):
    assert is_small(number, RULE.small) is small


def curve(area: int, *numbers: int) -> Curve:
    points = [
        Point(THIS_WEEK - WEEK * back, n, 100, 1, is_small(n, RULE.small)) for back, n in enumerate(numbers)
    ][::-1]
    return Curve(area, f"街道{area}", Measured.FEVER, tuple(points))


def test_where_one_area_alone_is_hidden_the_next_smallest_is_hidden_with_it():
    def hidden(*curves: Curve) -> list[list[bool]]:
        return [[point.hidden for point in one.points] for one in hide_others(curves)]

    assert hidden(curve(1, 9, 9), curve(2, 9, 3), curve(3, 9, 6)) == [
        [False] * 2,
        [True, False],
        [True, False],
    ]
    assert hidden(curve(1, 9, 9), curve(2, 9, 3), curve(3, 9, 4)) == [
        [False] * 2,
        [True, False],
        [True, False],
    ]
    assert hidden(curve(1, 9, 9), curve(2, 9, 0)) == [[False] * 2] * 2
    assert hidden(curve(1, 3)) == [[True]] and hidden() == []


def test_a_hidden_week_lies_on_the_axis_and_breaks_the_line():
    drawn = plot(curve(1, 9, 3, 9, 12), 640, 260)
    hidden = [dot for dot in drawn.dots if dot.point.hidden]
    assert [dot.y for dot in hidden] == [drawn.base] and [dot.label for dot in hidden] == [""]
    assert drawn.line.count("M") == 2


def test_every_mark_lies_within_the_drawing():
    drawn = plot(curve(1, 400, 5, 90), 340, 220)
    assert all(0 <= dot.x <= 340 and 0 <= dot.y <= 220 for dot in drawn.dots)
    assert next(words for _y, words in drawn.marks) == "0" and len(drawn.marks) == 5


# --- worked out ---


def test_a_week_of_an_archive_has_person_days_and_people_by_what_they_had(town):
    people = [make.employee(town.tenant, f"员工{n}") for n in range(10)]
    make.health_entry(people[0], Report(Today.ABSENT, symptoms=("fever",)))
    make.health_entry(people[0], Report(Today.ABSENT, symptoms=("cough",)), on=NOW.date() - timedelta(days=1))
    make.health_entry(people[1], Report(Today.UNWELL, symptoms=("cough",)))
    make.health_entry(people[2], Report(Today.WELL, celsius=Decimal("37.3")))
    (row,) = keep()
    assert (row.week_on, row.basis, row.place_id) == (date(2026, 11, 16), Basis.ARCHIVE, town.park.id)
    assert (row.due, row.absent_ill, row.watched, row.fever, row.symptoms) == (50, 2, 10, 2, 1)
    assert [(one.due, one.fever) for one in keep()] == [(50, 2)]


def test_of_the_days_absent_those_are_flu_like_that_were_hot_enough_with_a_cough_or_a_sore_throat(town):
    people = [make.employee(town.tenant, f"员工{n}") for n in range(9)]

    def absent(place: int, celsius: str | None, *symptoms: str, **facts):
        told = Report(Today.ABSENT, celsius=None if celsius is None else Decimal(celsius), symptoms=symptoms)
        make.health_entry(people[place], told, **facts)

    absent(0, "38.0", "cough")
    absent(0, "38.4", "sore_throat", on=NOW.date() - timedelta(days=1))
    absent(1, "37.9", "cough")  # not hot enough
    absent(2, "39.0", "diarrhoea")  # neither of the two
    absent(3, None, "fever", "cough")  # nobody has measured
    absent(5, "39.0", "cough", on=date(2026, 11, 15))  # a Sunday
    make.health_entry(
        people[4], Report(Today.UNWELL, celsius=Decimal("38.5"), symptoms=("cough",))
    )  # at work
    rows = {row.week_on: (row.absent_ill, row.absent_told, row.absent_ili) for row in keep()}
    assert rows == {date(2026, 11, 16): (5, 5, 2), date(2026, 11, 9): (0, 0, 0)}
    (found,) = curves(db.session(), true(), Measured.FLU_LIKE, RULE, NOW.date())
    assert (found.points[-1].number, found.points[-1].of, shown(found.rate(found.points[-1]))) == (
        2,
        5,
        "40.00",
    )


def test_people_on_file_of_whom_nobody_ever_enters_anything_are_no_week(town):
    make.employee(town.tenant)
    assert keep() == []


def test_of_days_whose_entries_have_gone_absence_stays_and_symptoms_are_unknown(town):
    make.employee(town.tenant)
    for day in range(2, 7):
        make.save(
            HealthDaySum(
                enterprise_id=town.tenant.id,
                day=date(2026, 11, day),
                expected=100,
                reported=99,
                abnormal=3,
                absent_ill=2,
            )
        )
    row = keep()[0]
    assert (row.week_on, row.due, row.absent_ill, row.watched) == (date(2026, 11, 2), 500, 10, 0)


def test_a_week_of_reports_counts_the_working_days_and_of_daily_ones_the_worst_day(app, town):
    firms = [town.tenant.id, make.enterprise(town.street, "邻居有限公司").id]
    ledger = Ledger(app.extensions["site"].book, NOW - timedelta(days=10))
    ledger.store(db.session(), firms)
    db.session.flush()
    rows = {
        one.enterprise_id: one
        for one in db.session.scalars(select(Obligation).where(Obligation.enterprise_id.in_(firms)))
    }
    weekly, daily = rows[firms[0]], rows[firms[1]]
    _filed(weekly, date(2026, 11, 9), date(2026, 11, 15), expected=100, absent_ill=2, fever=3, symptoms=4)
    _filed(daily, date(2026, 11, 12), date(2026, 11, 12), expected=50, absent_ill=1, fever=5, symptoms=0)
    found = {row.enterprise_id: row for row in keep() if row.week_on == date(2026, 11, 9)}
    first, second = found[firms[0]], found[firms[1]]
    assert (first.due, first.absent_ill, first.watched, first.fever, first.symptoms) == (500, 10, 100, 3, 4)
    assert (second.due, second.absent_ill, second.fever, second.basis) == (50, 1, 5, Basis.REPORT)


def _filed(one, first, last, **figures):
    one.first_on, one.last_on, one.received_at, one.version, one.figures = first, last, NOW, 1, figures


@pytest.mark.parametrize(("since", "weeks"), [(None, 1), (NOW, 0)])
def test_a_first_pass_that_was_cut_off_is_made_whole_and_a_later_one_looks_at_two_weeks(
    app, town, since, weeks
):
    """Cut off, it has written some enterprises and not the others."""
    week(make.enterprise(town.street, "邻居有限公司"), 0)
    Ledger(app.extensions["site"].book, NOW - timedelta(days=10)).store(db.session(), [town.tenant.id])
    db.session.flush()
    long_ago = db.session.scalars(select(Obligation).where(Obligation.enterprise_id == town.tenant.id)).one()
    _filed(long_ago, date(2026, 10, 19), date(2026, 10, 25), expected=100, absent_ill=2, fever=3, symptoms=4)
    db.session.commit()
    symptom_weeks.keep(replace(jobs.tick_now(), since=since))
    db.session.rollback()
    mine = select(SymptomWeek).where(SymptomWeek.enterprise_id == town.tenant.id)
    assert len(db.session.scalars(mine).all()) == weeks


def test_what_is_known_no_more_stays_as_it_was(town):
    week(town.tenant, 1)
    assert [row.absent_ill for row in keep()] == [10]


# --- read ---


def test_a_curve_is_one_query_however_many_enterprises_and_marks_what_is_above_its_usual(town):
    for back in range(12):
        week(town.tenant, back, absent_ill=60 if back == 1 else 10 + back % 2)
    found = []

    def ask():
        found[:] = curves(db.session(), true(), Measured.ABSENCE, RULE, NOW.date())

    db.session.scalar(select(1))  # the transaction has begun
    assert statements_of(ask) == 1
    (one,) = found
    assert len(one.points) == RULE.weeks
    assert one.level(one.settled) is Level.ABOVE and shown(one.rate(one.settled)) == "6.00"
    assert one.level(one.points[-3]) is Level.USUAL
    assert one.points[-1].high == pytest.approx(1.25 * (7 + 0.3) / 7)  # the outbreak has not become usual
    assert one.level(one.points[0]) is Level.UNKNOWN
