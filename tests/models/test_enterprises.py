"""The rules of an enterprise's file: head counts by date, where it belongs, where it sits."""

from datetime import date, timedelta

import pytest

from models.base import RuleBroken, db
from models.enterprises import headcounts
from models.places import Community, Street
from tests import make
from tests.conftest import NOW

TODAY = date(2026, 11, 20)


def counted(firm, number, on):
    firm.set_headcount(number, on, now=NOW, by_id=None)
    db.session.commit()


def test_the_newest_head_count_is_the_present_one_and_an_earlier_one_takes_its_place_before_it(town):
    firm = town.tenant
    counted(firm, 210, TODAY)
    counted(firm, 180, TODAY - timedelta(days=30))
    assert firm.headcount == 210
    rows = headcounts(db.session(), firm.id)
    assert [(row.number, row.from_on) for row in rows] == [(180, date(2026, 10, 21)), (210, TODAY)]


def test_a_second_number_for_a_day_corrects_the_first(town):
    counted(town.tenant, 210, TODAY)
    counted(town.tenant, 201, TODAY)
    assert [row.number for row in headcounts(db.session(), town.tenant.id)] == [201]
    assert town.tenant.headcount == 201


@pytest.mark.parametrize(("number", "days"), [(0, 0), (-1, 0), (1_000_000, 0), (30, 1)])
def test_a_head_count_is_a_sensible_number_of_no_day_to_come(town, number, days):
    with pytest.raises(RuleBroken):
        town.tenant.set_headcount(number, TODAY + timedelta(days=days), now=NOW, by_id=None)
    assert town.tenant.headcount == 112


def test_the_community_lies_in_the_street(town):
    elsewhere = make.save(Street(district_id=town.district.id, name="石桥街道"))
    far = make.save(Community(street_id=elsewhere.id, name="工坊社区"))
    with pytest.raises(RuleBroken, match="工坊社区不在桂湖街道"):
        town.tenant.stand(street=town.street, community=far, unit=town.unit)


def test_an_enterprise_is_never_twice_in_the_same_room_at_a_time(town):
    firm, later = town.tenant, NOW + timedelta(hours=4)
    with pytest.raises(RuleBroken, match="不用再登记"):
        firm.move_in(town.park, "3号楼5层", later)
    firm.move_in(town.park, "3号楼6层", NOW)
    firm.premises[0].move_out(later, now=NOW)
    with pytest.raises(RuleBroken):
        firm.move_in(town.park, "3号楼5层", later - timedelta(seconds=1))
    firm.move_in(town.park, "3号楼5层", later)
    db.session.commit()
    assert len(firm.premises) == 3


def test_moving_out_comes_after_moving_in_and_is_final_once_it_has_happened(town):
    seat = town.tenant.premises[0]
    with pytest.raises(RuleBroken, match="晚于入驻"):
        seat.move_out(seat.from_at, now=NOW)
    seat.move_out(NOW + timedelta(days=3), now=NOW)
    seat.move_out(NOW + timedelta(days=1), now=NOW)
    with pytest.raises(RuleBroken, match="已经迁出"):
        seat.move_out(NOW + timedelta(days=9), now=NOW + timedelta(days=2))


def test_nobody_moves_into_a_closed_place_or_one_of_another_district(town):
    far = make.place(make.save(Street(district_id=make.district("鹭洲区", "luzhou").id, name="鹭洲街道")))
    with pytest.raises(RuleBroken, match="另一个区"):
        town.tenant.move_in(far, "", NOW)
    town.other.closed_at = NOW
    with pytest.raises(RuleBroken, match="已经关闭"):
        town.tenant.move_in(town.other, "", NOW)
