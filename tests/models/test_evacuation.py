"""The list to call people together by: everybody inside, once, where they most likely are."""

from datetime import timedelta

from models.access import Post
from models.base import db
from models.enterprises import Premises
from models.evacuation import muster
from models.gate import Departure, Kind, Mark
from models.judging import Verdict
from models.visits import inside_now
from tests import make
from tests.conftest import NOW
from tests.statements import statements_of


def groups(*places):
    found = muster(db.session(), places, NOW)
    return [(g.title, g.floors, [(p.name, p.about) for p in g.people]) for g in found.groups]


def test_people_stand_under_their_enterprise_by_floor_and_those_who_named_none_under_their_building(town):
    lobby = make.gate(town.building, "大堂")
    high = make.enterprise(
        town.street, "云溪星河微电子有限公司", at=town.building, room="3号楼12层", short_name="星河微电子"
    )
    make.check_in(town.gate, NOW, name="何平", enterprise_id=high.id)
    make.check_in(lobby, NOW, name="张晓明", enterprise_id=town.tenant.id)
    make.check_in(lobby, NOW, name="王海", written="找老同学")
    make.check_in(town.gate, NOW, name="唐宋", purpose="送货")
    assert groups(town.park, town.building) == [
        ("青禾生物", ("3号楼5层",), [("张**", "3号楼")]),
        ("星河微电子", ("3号楼12层",), [("何*", "")]),
        ("没有写明去向", (), [("唐*", "送货")]),
        ("3号楼，没有写明去向", (), [("王*", "找老同学")]),
    ]
    assert [title for title, *_ in groups(town.building)] == ["青禾生物", "没有写明去向"]


def test_an_enterprise_has_all_its_floors_here_and_none_of_what_it_has_left(town):
    old = make.save(
        Premises(enterprise_id=town.tenant.id, place_id=town.park.id, room="1号楼", from_at=NOW, until_at=NOW)
    )
    make.save(Premises(enterprise_id=town.tenant.id, place_id=town.park.id, room="3号楼4层", from_at=NOW))
    make.save(Premises(enterprise_id=town.tenant.id, place_id=town.other.id, room="9层", from_at=NOW))
    make.check_in(town.gate, NOW, enterprise_id=town.tenant.id)
    assert groups(town.park)[0][1] == ("3号楼4层", "3号楼5层") and old.room not in groups(town.park)[0][1]


def test_an_enterprise_that_has_moved_away_is_named_all_the_same(town):
    gone = make.enterprise(town.street, "云溪归帆智能有限公司", short_name="")
    make.check_in(town.gate, NOW, enterprise_id=gone.id)
    assert groups(town.park)[0][:2] == ("云溪归帆智能有限公司", ())


def test_both_grades_are_told_apart_and_counted_as_who_is_inside(town):
    guard = town.officer(Post.GATE_GUARD)
    make.check_in(town.gate, NOW, confirmed_at=NOW, confirmed_by_id=guard.id)
    make.check_in(town.gate, NOW)
    make.check_in(town.gate, NOW, left_at=NOW, left_how=Departure.SELF)
    found = muster(db.session(), [town.park], NOW)
    assert (found.people, found.confirmed) == inside_now(db.session(), [town.park.id]) == (2, 1)


def test_whom_no_guard_has_looked_at_may_be_about_and_stands_apart(town):
    make.check_in(town.gate, NOW, name="唐宋", verdict=Verdict.ATTENTION)
    make.check_in(town.gate, NOW, name="沈秋白", marks=Mark.BURST.value)
    make.check_in(town.gate, NOW - timedelta(hours=13), name="早已走", verdict=Verdict.ATTENTION)
    make.check_in(town.gate, NOW, name="被拒绝", verdict=Verdict.REFUSED)
    make.check_in(town.gate, NOW, name="再扫码", verdict=Verdict.ATTENTION, kind=Kind.AGAIN)
    make.check_in(
        town.gate, NOW, name="走了的", verdict=Verdict.ATTENTION, left_at=NOW, left_how=Departure.SELF
    )
    found = muster(db.session(), [town.park], NOW)
    assert found.people == 0
    assert [person.name for person in found.unsure] == ["唐*", "沈**"]


def test_a_long_list_costs_no_more_queries_than_a_short_one(town):
    make.check_in(town.gate, NOW, enterprise_id=town.tenant.id)
    few = statements_of(lambda: muster(db.session(), [town.park, town.building], NOW))
    for number in range(30):
        firm = make.enterprise(
            town.street, f"云溪第{number}有限公司", at=town.park, short_name=f"第{number}", room=f"{number}层"
        )
        make.check_in(town.gate, NOW, mobile=f"139000000{number:02}", enterprise_id=firm.id)
    assert statements_of(lambda: muster(db.session(), [town.park, town.building], NOW)) == few
