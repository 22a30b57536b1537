"""Reporting periods: every day in exactly one, whatever orders come and go; due and locked when the scheme says."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.policy.book import SHIPPED, Book
from models.policy.periods import ClosedDays, Period, Stretch, partition
from models.policy.schema import Mode
from tests.policy.packs import OF_2022, OF_2024

BOOK = Book.read(SHIPPED)
RULES = BOOK.rules([(OF_2022, date(2022, 4, 1))])
MONDAY, SUNDAY = date(2026, 11, 16), date(2026, 11, 22)


def at(text: str) -> datetime:
    """A day and time of November 2026: 18 09:00."""
    return datetime.fromisoformat(f"2026-11-{text}")


def emergency(start: str, end: str | None = None, order: int = 1) -> Stretch:
    return Stretch(at(start), at(end) if end else None, order)


def days(periods: tuple[Period, ...]) -> list[str]:
    """16-17 for a cut week, 18 for a daily one."""
    shown = [f"{p.first_on.day}" + (f"-{p.last_on.day}" if p.last_on != p.first_on else "") for p in periods]
    return [
        f"{words}!" if p.mode is Mode.EMERGENCY else words for words, p in zip(shown, periods, strict=True)
    ]


def week(*stretches: Stretch) -> list[str]:
    return days(partition(RULES, MONDAY, SUNDAY, stretches))


def test_a_quiet_week_is_one_report():
    (one,) = partition(RULES, MONDAY, SUNDAY)
    assert (one.first_on, one.last_on, one.mode, one.whole, one.cut) == (
        MONDAY,
        SUNDAY,
        Mode.NORMAL,
        True,
        False,
    )
    assert one.opens_at == at("20 00:00")
    assert (one.soon_at, one.due_at, one.locks_at) == (at("22 12:00"), at("23 12:00"), at("30 12:00"))


def test_an_emergency_before_noon_takes_its_day_along_and_the_last_day_stays_daily():
    assert week(emergency("18 09:00", "20 15:00")) == ["16-17", "18!", "19!", "20!", "21-22"]


def test_an_emergency_from_noon_on_begins_tomorrow():
    assert week(emergency("18 12:00", "20 15:00")) == ["16-18", "19!", "20!", "21-22"]
    assert week(emergency("18 11:59", "20 15:00"))[0] == "16-17"


def test_an_emergency_that_goes_on_is_daily_to_the_end():
    assert week(emergency("18 09:00")) == ["16-17", "18!", "19!", "20!", "21!", "22!"]


@pytest.mark.parametrize("end", ["18 11:00", "18 20:00", "19 09:59"])
def test_an_order_revoked_before_any_daily_is_due_restores_the_week(end):
    assert week(emergency("18 09:00", end)) == ["16-22"]


def test_an_order_ended_once_a_daily_was_due_stays():
    assert week(emergency("18 09:00", "19 10:00")) == ["16-17", "18!", "19!", "20-22"]


@pytest.mark.parametrize("end", ["18 18:00", "19 23:00", "20 09:59"])
def test_an_afternoon_order_taken_back_before_its_first_daily_is_due_leaves_no_trace(end):
    assert week(emergency("18 13:00", end)) == ["16-22"]


def test_empty_periods_are_dropped():
    assert week(emergency("16 09:00", "17 15:00")) == ["16!", "17!", "18-22"]
    assert week(emergency("20 09:00")) == ["16-19", "20!", "21!", "22!"]
    assert week(emergency("22 13:00")) == ["16-22"]


def test_orders_that_overlap_are_one_emergency_until_the_last_has_ended():
    first, second = emergency("17 09:00", "18 15:00", 1), emergency("18 10:00", "20 09:00", 2)
    assert week(first, second) == week(second, first) == ["16", "17!", "18!", "19!", "20!", "21-22"]
    assert partition(RULES, MONDAY, SUNDAY, [first, second])[2].order == 1


def test_an_order_of_a_minute_within_another_does_not_end_it():
    assert week(emergency("17 09:00", "20 15:00", 1), emergency("18 10:00", "18 10:01", 2)) == [
        "16", "17!", "18!", "19!", "20!", "21-22",
    ]  # fmt: skip


def test_a_cut_week_is_due_at_the_first_noon_that_is_a_day_after_the_order():
    cut = partition(RULES, MONDAY, SUNDAY, [emergency("18 09:00")])[0]
    assert (cut.due_at, cut.locks_at, cut.cut, cut.order, cut.whole) == (
        at("19 12:00"),
        at("26 12:00"),
        True,
        1,
        False,
    )
    assert partition(RULES, MONDAY, SUNDAY, [emergency("18 13:00")])[0].due_at == at("20 12:00")
    assert partition(RULES, MONDAY, SUNDAY, [emergency("17 12:00")])[0].due_at == at("18 12:00")


def test_a_short_week_after_an_emergency_is_due_on_monday_as_ever():
    short = partition(RULES, MONDAY, SUNDAY, [emergency("18 09:00", "20 15:00")])[-1]
    assert (short.due_at, short.cut, short.whole) == (at("23 12:00"), False, False)


def test_dailies_are_due_next_morning_on_a_weekend_too():
    friday, saturday = partition(RULES, MONDAY, SUNDAY, [emergency("18 09:00")])[3:5]
    assert (friday.opens_at, friday.soon_at, friday.due_at, friday.locks_at) == (
        at("20 00:00"), at("21 08:00"), at("21 10:00"), at("24 10:00"),
    )  # fmt: skip
    assert saturday.due_at == at("22 10:00")


def test_a_due_time_on_a_holiday_moves_to_noon_of_the_next_working_day():
    # the Monday after is 28 September, which is worked, and 16 February, which lies in the spring festival
    golden = partition(RULES, date(2026, 9, 21), date(2026, 9, 21))[0]
    assert golden.due_at == datetime.fromisoformat("2026-09-28 12:00")
    spring = partition(RULES, date(2026, 2, 9), date(2026, 2, 9))[0]
    assert spring.due_at == datetime.fromisoformat("2026-02-24 12:00")
    assert spring.locks_at == datetime.fromisoformat("2026-03-03 12:00")


def test_a_make_up_saturday_is_a_working_day():
    # 24 hours after the Friday are a Saturday: one that is worked, one that is not
    saturday = Stretch(datetime.fromisoformat("2026-10-09 09:00"), None, 1)
    assert partition(RULES, date(2026, 10, 5), date(2026, 10, 8), [saturday])[
        0
    ].due_at == datetime.fromisoformat("2026-10-10 12:00")
    plain = Stretch(datetime.fromisoformat("2026-11-20 09:00"), None, 1)
    assert partition(RULES, MONDAY, MONDAY, [plain])[0].due_at == at("23 12:00")


def test_an_enterprise_that_joins_or_closes_in_the_week_reports_its_own_days():
    assert days(partition(RULES, date(2026, 11, 18), SUNDAY)) == ["18-22"]
    assert days(partition(RULES, MONDAY, SUNDAY, last=date(2026, 11, 19))) == ["16-19"]
    assert days(partition(RULES, MONDAY, SUNDAY, [emergency("18 09:00")], last=date(2026, 11, 19))) == [
        "16-17", "18!", "19!",
    ]  # fmt: skip


def test_a_period_ends_with_the_scheme_that_made_it():
    rules = BOOK.rules([(OF_2022, date(2022, 4, 1)), (OF_2024, date(2026, 11, 18))])
    found = partition(rules, MONDAY, SUNDAY)
    assert days(found) == ["16-17", "18-30"]
    assert [one.scheme_key for one in found] == [OF_2022, OF_2024]
    assert found[0].due_at == at("18 12:00")
    assert found[1].due_at == datetime.fromisoformat("2026-12-07 12:00")  # the 5th is a Saturday


def test_before_the_first_scheme_nothing_is_owed():
    rules = BOOK.rules([(OF_2022, date(2026, 11, 18))])
    assert days(partition(rules, MONDAY, SUNDAY)) == ["18-22"]
    assert partition(BOOK.rules([]), MONDAY, SUNDAY) == ()


INSTANTS = st.datetimes(
    datetime.fromisoformat("2026-09-20 00:00"), datetime.fromisoformat("2026-11-20 00:00")
).map(lambda one: one.replace(second=0, microsecond=0))
LENGTHS = st.none() | st.timedeltas(timedelta(0), timedelta(days=20))
STRETCHES = st.lists(
    st.builds(
        lambda start, length, order: Stretch(start, None if length is None else start + length, order),
        INSTANTS, LENGTHS, st.integers(1, 9),
    ),
    max_size=5,
)  # fmt: skip
FIRSTS = st.dates(date(2026, 9, 1), date(2026, 10, 1))
LATER = st.none() | st.dates(date(2026, 9, 5), date(2026, 11, 20))


@given(FIRSTS, STRETCHES, LATER)
@example(date(2026, 9, 1), [], None)
def test_every_day_lies_in_exactly_one_period(first: date, stretches: list[Stretch], adopted: date | None):
    rules = BOOK.rules([(OF_2022, date(2022, 4, 1)), *([(OF_2024, adopted)] if adopted else [])])
    until = date(2026, 11, 15)
    periods = partition(rules, first, until, stretches)
    assert periods[0].first_on == first
    assert all(one.last_on + timedelta(days=1) == other.first_on for one, other in pairwise(periods))
    assert periods[-1].first_on <= until <= periods[-1].last_on
    for one in periods:
        assert one.first_on <= one.last_on
        assert one.mode is Mode.NORMAL or one.first_on == one.last_on
        assert one.opens_at <= one.soon_at < one.due_at < one.locks_at
        assert one.opens_at >= datetime.combine(one.first_on, time())
        assert one.due_at.date() > one.last_on
        assert not one.cut or (one.order is not None and one.mode is Mode.NORMAL)


@given(FIRSTS, STRETCHES)
def test_where_one_begins_does_not_matter_to_what_comes_after(first: date, stretches: list[Stretch]):
    """A ledger goes on from the last period that it has: the rest comes out the same."""
    periods = partition(RULES, first, date(2026, 11, 15), stretches)
    for number, one in enumerate(periods):
        assert partition(RULES, one.first_on, date(2026, 11, 15), stretches) == periods[number:]


@given(FIRSTS, STRETCHES, INSTANTS)
def test_a_new_order_moves_nothing_that_was_due_before_it(
    first: date, stretches: list[Stretch], now: datetime
):
    known = [Stretch(s.starts_at, s.ended_at, s.order) for s in stretches if s.ended_at and s.ended_at < now]
    before = partition(RULES, first, now.date(), known)
    after = partition(RULES, first, now.date(), [*known, Stretch(now, None, 99)])
    due = {
        one for one in before if one.due_at < now
    }  # a week that was cut is due behind the dailies after it
    assert due <= set(after)


def closed(first: str, last: str, *, declared: str = "18 09:00", staffed: bool = True) -> ClosedDays:
    return ClosedDays(at(f"{first} 00:00").date(), at(f"{last} 00:00").date(), at(declared), staffed)


def dues(*closures: ClosedDays, stretches: tuple[Stretch, ...] = ()) -> list[datetime]:
    return [one.due_at for one in partition(RULES, MONDAY, SUNDAY, stretches, closures=closures)]


def test_what_is_due_on_closed_days_is_due_at_noon_of_the_first_working_day_after_them():
    assert dues(closed("23", "25")) == [at("26 12:00")]
    assert dues(closed("23", "27")) == [at("30 12:00")]  # the 28th is a Saturday
    assert dues(closed("23", "23"), closed("24", "26", declared="24 11:00")) == [at("27 12:00")]
    (one,) = partition(RULES, MONDAY, SUNDAY, closures=[closed("23", "25")])
    assert (one.soon_at, one.locks_at, one.usual_due_at) == (
        one.due_at - timedelta(days=1),
        one.due_at + timedelta(days=7),
        at("23 12:00"),
    )


def test_a_closure_of_other_days_or_declared_when_it_was_overdue_moves_nothing():
    for one in (closed("16", "22"), closed("24", "25"), closed("23", "25", declared="23 12:01")):
        (period,) = partition(RULES, MONDAY, SUNDAY, closures=[one])
        assert (period.due_at, period.usual_due_at) == (at("23 12:00"), None)
    assert dues(closed("23", "25", declared="23 12:00")) == [at("26 12:00")]


def test_in_an_emergency_whoever_is_on_duty_reports_daily_and_nobody_is_asked_of_an_empty_house():
    daily = (emergency("18 09:00", "20 15:00"),)
    usual = [at("19 12:00"), at("19 10:00"), at("20 10:00"), at("21 10:00"), at("23 12:00")]
    assert dues(stretches=daily) == usual
    assert dues(closed("19", "21"), stretches=daily) == [
        at("23 12:00"),
        *usual[1:],
    ]  # the week that was cut waits
    assert dues(closed("19", "21", staffed=False), stretches=daily) == [at("23 12:00")] * 5
