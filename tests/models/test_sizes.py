"""The size class of an enterprise follows the table of 2017."""

import pytest

from models.sizes import BOUNDS, Sector, Size, size_of

S, Z = Sector, Size


@pytest.mark.parametrize(
    ("sector", "staff", "revenue", "assets", "size"),
    [
        (S.INDUSTRY, 1000, 40000, None, Z.LARGE),
        (S.INDUSTRY, 999, 40000, None, Z.MEDIUM),
        (S.INDUSTRY, 1200, 1000, None, Z.SMALL),
        (S.INDUSTRY, 19, 100000, None, Z.MICRO),
        (S.CATERING, 100, 2000, None, Z.MEDIUM),
        (S.CATERING, 10, 99, None, Z.MICRO),
        (S.SOFTWARE, 300, 9999, None, Z.MEDIUM),
        (S.BUILDING, None, 6000, 4999, Z.SMALL),
        (S.LEASING, 50, None, 100, Z.SMALL),
        (S.OTHER, 299, None, None, Z.MEDIUM),
        (S.FARMING, None, 49, None, Z.MICRO),
    ],
)
def test_an_enterprise_is_of_the_first_class_all_of_whose_bounds_it_reaches(
    sector, staff, revenue, assets, size
):
    assert size_of(sector, staff=staff, revenue=revenue, assets=assets).size is size


def test_what_is_not_known_is_named_and_nothing_is_guessed():
    assert size_of(None, staff=5, revenue=5, assets=5).missing == ("行业",)
    unknown = size_of(S.BUILDING, staff=None, revenue=None, assets=None)
    assert unknown.size is None and unknown.words == "要划型，还缺营业收入、资产总额"


def test_every_sector_has_falling_bounds():
    assert set(BOUNDS) == set(Sector)
    for bounds in BOUNDS.values():
        for steps in bounds.values():
            assert list(steps) == sorted(steps, reverse=True)
