"""Who must be appointed at what head count (岗位配备), by the bands of a pack."""

import pytest

from models.policy.book import SHIPPED
from models.policy.loader import load_pack
from models.policy.schema import StaffingRule
from tests.policy.packs import OF_2022, Pack

# head count: chief health officers and managers required, managers advised, team, legal representative
TABLE = {
    1: (0, 0, 0, False, True),
    29: (0, 0, 0, False, True),
    30: (0, 1, 1, False, False),
    200: (0, 1, 1, False, False),
    201: (1, 0, 1, False, False),
    399: (1, 0, 1, False, False),
    400: (1, 1, 1, False, False),
    401: (1, 1, 2, False, False),
    600: (1, 2, 2, False, False),
    999: (1, 3, 4, False, False),
    1000: (1, 4, 4, False, False),
    1001: (1, 4, 5, True, False),
    1200: (1, 5, 5, True, False),
}


@pytest.fixture(scope="module")
def rule() -> StaffingRule:
    return load_pack(SHIPPED / OF_2022).staffing


@pytest.mark.parametrize(("headcount", "owed"), TABLE.items())
def test_each_head_count_owes_what_the_table_says(rule: StaffingRule, headcount: int, owed: tuple[int, ...]):
    duty = rule.duty(headcount)
    assert duty is not None
    officers, managers = duty.required["chief_health_officer"], duty.required["health_manager"]
    advised = duty.advised["health_manager"]
    assert (officers, managers, advised, duty.team, duty.by_representative) == owed


def test_each_head_count_lies_in_exactly_one_band(rule: StaffingRule):
    for headcount in range(1, 1300):
        assert sum(band.holds(headcount, lower_inclusive=False) for band in rule.bands) == 1


@pytest.mark.parametrize("headcount", [None, 0, -1])
def test_an_unknown_head_count_cannot_be_judged(rule: StaffingRule, headcount: int | None):
    assert rule.duty(headcount) is None


def test_the_duty_brings_the_sentence_and_the_clause_that_were_applied(rule: StaffingRule):
    duty = rule.duty(612)
    assert duty is not None
    assert "每多满200人" in duty.sentence
    assert duty.source.clause == "二（一）1"
    assert duty.source.citable


def test_from_201_people_on_the_rule_says_who_may_be_chief_health_officer(rule: StaffingRule):
    said = [dict(duty.held_by) for headcount in (200, 201, 1001) if (duty := rule.duty(headcount))]
    assert said == [{}, *[{"chief_health_officer": "中层以上管理人员"}] * 2]


def test_carry_over_keeps_the_manager_of_the_smaller_band(pack: Pack):
    pack.edit("staffing.toml", "carry_over = false", "carry_over = true")
    rule = load_pack(pack.folder).staffing
    duties = [rule.duty(headcount) for headcount in (201, 400)]
    assert [duty.required["health_manager"] for duty in duties if duty] == [1, 2]


def test_lower_inclusive_puts_the_bound_into_the_upper_band(pack: Pack):
    pack.edit("staffing.toml", "lower_inclusive = false", "lower_inclusive = true")
    for old, new in (("above = 0", "above = 1"), ("upto = 29", "upto = 30"), ("above = 29", "above = 30")):
        pack.edit("staffing.toml", old, new)
    rule = load_pack(pack.folder).staffing
    twenty_nine, thirty, two_hundred = (rule.duty(headcount) for headcount in (29, 30, 200))
    assert twenty_nine is not None
    assert twenty_nine.by_representative
    assert thirty is not None
    assert thirty.required["health_manager"] == 1
    assert two_hundred is not None
    assert two_hundred.required["chief_health_officer"] == 1


def test_outsourced_workers_are_counted_by_their_contractor_alone(rule: StaffingRule):
    assert "outsourced" not in rule.counted_kinds
