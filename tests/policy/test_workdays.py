"""Working days: weekends, public holidays, make-up Saturdays, and a year that nobody has entered yet."""

from datetime import date
from pathlib import Path

import pytest

from models.policy.book import SHIPPED, Book
from models.policy.records import PolicyError
from models.policy.workdays import HOLIDAYS, WorkDays

DAYS = WorkDays.read(SHIPPED)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2026-11-20", True),  # Friday
        ("2026-11-21", False),  # Saturday
        ("2026-10-01", False),  # National Day
        ("2026-10-10", True),  # a Saturday that is worked
        ("2027-01-01", True),  # nobody has entered 2027: a Friday like any other
        ("2027-01-02", False),
    ],
)
def test_a_day_is_worked_by_weekday_holiday_and_make_up(day: str, worked: bool):
    assert DAYS.is_worked(date.fromisoformat(day)) is worked


def test_the_next_working_day_after_a_holiday_may_be_a_make_up_day():
    assert DAYS.on_or_after(date(2026, 10, 1)) == date(2026, 10, 8)
    assert DAYS.on_or_after(date(2026, 2, 14)) == date(2026, 2, 14)


def test_the_last_working_day_of_a_week_and_of_days_off_alone():
    assert DAYS.last_worked(date(2026, 11, 16), date(2026, 11, 22)) == date(2026, 11, 20)
    assert DAYS.last_worked(date(2026, 10, 3), date(2026, 10, 4)) == date(2026, 10, 4)


@pytest.mark.parametrize(
    ("today", "year"), [("2026-11-30", None), ("2026-12-01", 2027), ("2027-01-01", 2027)]
)
def test_from_december_next_years_holidays_are_missed(today: str, year: int | None):
    assert DAYS.lacks(date.fromisoformat(today)) == year


def test_an_operator_adds_a_year_beside_the_packs(tmp_path: Path):
    (tmp_path / HOLIDAYS).write_text('[2027]\noff = ["01-01/01-03"]\nwork = ["01-09"]\n', encoding="utf-8")
    days = Book.read(SHIPPED, tmp_path).days
    assert not days.is_worked(date(2027, 1, 1))
    assert days.is_worked(date(2027, 1, 9))
    assert not days.is_worked(date(2026, 10, 1))  # the years that came with the site stay
    assert days.lacks(date(2026, 12, 1)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[next]\noff = []\nwork = []\n", "每一节是一年"),
        ("[2027]\noff = []\n", "off 和 work"),
        ('[2027]\noff = ["1月1日/01-03"]\nwork = []\n', "没有看懂“1月1日”"),
        ('[2027]\noff = ["01-03/01-01"]\nwork = []\n', "早于第一天"),
        ('[2027]\noff = []\nwork = ["01-04"]\n', "不是周六、周日"),
        ("[2027\n", "TOML"),
    ],
)
def test_a_doubtful_calendar_stops_the_start_and_says_where(tmp_path: Path, text: str, said: str):
    (tmp_path / HOLIDAYS).write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=said):
        WorkDays.read(tmp_path)
