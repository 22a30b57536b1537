"""The book answers which scheme is in force, by the adoptions of a district and by nothing else."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from models.policy.book import SHIPPED, Book
from models.policy.loader import PolicyError
from tests.policy.packs import OF_2022, OF_2024, Pack, copy_of


@dataclass
class Adopted:
    scheme_key: str
    from_on: date


@pytest.fixture(scope="module")
def book() -> Book:
    return Book.read(SHIPPED)


def test_it_knows_every_pack_below_its_folders(book: Book, tmp_path: Path):
    assert book.keys() == (OF_2022, OF_2024)
    pack = copy_of(OF_2022, tmp_path)
    pack.edit("scheme.toml", 'version = "2022-03-23"', 'version = "2022-06-01"')
    assert set(Book.read(SHIPPED, tmp_path).keys()) == {OF_2022, OF_2024, "chengdu-hitech/2022-06-01"}


def test_no_scheme_is_in_force_before_the_first_adoption(book: Book):
    assert book.in_force([Adopted(OF_2022, date(2022, 4, 1))], date(2022, 3, 31)) is None
    assert book.in_force([], date(2022, 3, 31)) is None


def test_the_latest_adoption_decides_from_its_own_day_on(book: Book):
    adoptions = [Adopted(OF_2024, date(2026, 1, 1)), Adopted(OF_2022, date(2022, 4, 1))]
    for day, key in ((date(2022, 4, 1), OF_2022), (date(2025, 12, 31), OF_2022), (date(2026, 1, 1), OF_2024)):
        policy = book.in_force(adoptions, day)
        assert policy is not None
        assert policy.key == key


def test_a_district_may_return_to_an_older_pack(book: Book):
    policy = book.in_force([(OF_2024, date(2026, 1, 1)), (OF_2022, date(2026, 9, 1))], date(2026, 9, 2))
    assert policy is not None
    assert policy.key == OF_2022


def test_an_adopted_pack_that_is_gone_is_named(book: Book):
    with pytest.raises(PolicyError, match="elsewhere/2020-01-01"):
        book.in_force([("elsewhere/2020-01-01", date(2020, 1, 1))], date(2026, 1, 1))


def test_a_broken_pack_stops_the_start(pack: Pack, tmp_path: Path):
    pack.edit("gate.toml", "pass_minutes", "pass_seconds")
    with pytest.raises(PolicyError, match="pass_seconds"):
        Book.read(SHIPPED, tmp_path)


def test_the_same_pack_in_two_folders_stops_the_start(pack: Pack, tmp_path: Path):
    with pytest.raises(PolicyError, match="同一个方案包"):
        Book.read(SHIPPED, tmp_path)


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path):
    with pytest.raises(PolicyError, match="nowhere"):
        Book.read(tmp_path / "nowhere")
