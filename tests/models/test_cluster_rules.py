"""The limits of cluster alerts, one below and just at each of them, without a database."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from models.cluster_rules import Sick, due, hits, in_time, is_unusual
from models.clusters import Signal
from models.policy import names
from models.policy.book import SHIPPED, Book
from tests import make

POLICY = Book.read(SHIPPED).get(make.SCHEME)
ON = date(2026, 11, 20)


def sick(
    person: int,
    *symptoms: str,
    back: int = 0,
    celsius: str | None = None,
    firm: int = 1,
    group: str = "",
    place: int = 9,
):
    return Sick(
        person, ON - timedelta(days=back), frozenset(symptoms), None if celsius is None else Decimal(celsius), firm,
        (group,) if group else (), (place,),
    )  # fmt: skip


def found(rows, ends=(ON,)):
    return [
        (hit.rule.subject, hit.signal, hit.where, hit.people, hit.rule.days)
        for hit in hits(POLICY, rows, ends)
    ]


def test_three_of_a_group_in_a_day_are_a_hint_and_two_are_not():
    two = [sick(n, "cough", group="甲班") for n in range(2)]
    assert found(two) == []
    assert found([*two, sick(2, "fever", group="甲班")]) == [("group", "respiratory", "甲班", 3, 1)]


def test_the_same_person_twice_is_one_and_another_group_or_symptom_is_another():
    rows = [sick(0, "cough", group="甲班"), sick(0, "fever", group="甲班"), sick(1, "cough", group="甲班")]
    assert found([*rows, sick(2, "cough", group="乙班")]) == []
    assert found([*rows, sick(2, "vomiting", group="甲班")]) == []


def test_five_of_a_group_in_three_days_are_a_hint_and_in_four_they_are_not():
    rows = [sick(n, "cough", group="甲班", back=n % 3) for n in range(4)]
    assert found(rows) == []
    assert found([*rows, sick(4, "cough", group="甲班", back=2)]) == [("group", "respiratory", "甲班", 5, 3)]
    assert found([*rows, sick(4, "cough", group="甲班", back=3)]) == []


@pytest.mark.parametrize(("celsius", "number"), [("37.2", 0), ("37.3", 1)])
def test_who_reaches_the_fever_of_the_scheme_has_one_said_so_or_not(celsius, number):
    assert len(found([sick(n, celsius=celsius, group="甲班") for n in range(3)])) == number


@pytest.mark.parametrize(
    ("people", "celsius", "symptom", "raised"),
    [(10, "38.0", "cough", True), (9, "38.0", "cough", False), (10, "37.9", "cough", False), (10, "38.0", "runny_nose", False),
     (10, None, "cough", False)],
)  # fmt: skip
def test_ten_like_influenza_in_an_enterprise_in_seven_days(people, celsius, symptom, raised):
    rows = [sick(n, symptom, celsius=celsius, back=n % 7) for n in range(people)]
    assert [one[0] for one in found(rows)] == (["enterprise"] if raised else [])


@pytest.mark.parametrize(
    ("symptom", "least"), [("diarrhoea", 10), ("rash", 5), ("swollen_parotid", 5), ("red_eyes", 3)]
)
def test_each_other_signal_has_its_number_and_its_seven_days(symptom, least):
    rows = [sick(n, symptom, back=6 - n % 7) for n in range(least)]
    assert found(rows[1:]) == []
    assert found(rows)[0][3:] == (least, 7)
    assert found([sick(99, symptom, back=7), *rows[1:]]) == []


def test_a_place_needs_eight_people_of_two_enterprises():
    rows = [sick(n, "vomiting", firm=1 + n % 2, back=n % 3) for n in range(8)]
    assert found(rows[1:]) == []
    assert found(rows) == [("place", "gut", "", 8, 3)]
    assert found([sick(n, "vomiting", firm=1) for n in range(8)]) == []


def test_of_several_days_the_one_with_most_people_counts():
    rows = [sick(n, "rash", group="甲班", back=1) for n in range(4)]
    (hit,) = hits(POLICY, rows, [ON, ON - timedelta(days=1)])
    assert (hit.people, hit.first_on, hit.last_on) == (4, ON - timedelta(days=1), ON - timedelta(days=1))


@pytest.mark.parametrize(
    ("today", "usual", "unusual"),
    [(6, [2] * 5, True), (5, [2] * 5, False), (5, [0] * 5, True), (4, [0] * 20, False), (9, [0] * 4, False), (9, [], False)],
    ids=["three times", "less", "from nothing", "too few", "days too few", "no days"],
)  # fmt: skip
def test_absence_is_unusual_at_three_times_and_five_people_with_enough_days_to_compare(today, usual, unusual):
    assert is_unusual(POLICY.clusters.absence, today, usual) is unusual


@pytest.mark.parametrize(("second", "late"), [(59, False), (60, False), (61, True)])
def test_the_limit_is_inclusive_to_the_second(second, late):
    noticed = datetime.fromisoformat("2026-11-20T09:00:00+08:00")
    at = noticed + timedelta(minutes=119, seconds=second, microseconds=900_000)
    assert in_time(at, due(noticed, POLICY.clusters.immediate.report_minutes)) is not late


def test_the_signals_of_a_scheme_are_called_the_same_everywhere():
    assert {one.value: one.label for one in Signal if one.value in names.SIGNALS} == dict(names.SIGNALS)
