"""An enterprise closes: what held ends with it, and undoing it brings back exactly that."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from models.access import Post
from models.archive import Employee
from models.base import RuleBroken, db
from models.enterprise_closing import close_enterprise, reopen_enterprise
from models.enterprises import Enterprise, Premises
from models.invitations import Invitation, invitable
from models.moving import change_room
from models.places import Street
from tests import make
from tests.conftest import NOW

TODAY = date(2026, 11, 20)
LATER = NOW + timedelta(hours=3)


def closed(firm, on=TODAY, reason="已注销", into=None, now=LATER):
    ended = close_enterprise(db.session(), firm, on, reason, merged_into=into, now=now)
    db.session.commit()
    return ended


def reopened(firm, now=LATER + timedelta(hours=1)):
    back = reopen_enterprise(db.session(), firm, now=now)
    db.session.commit()
    return back


def seated(town, room, from_at, until_at=None):
    return make.save(
        Premises(enterprise_id=town.tenant.id, place_id=town.park.id, room=room, from_at=from_at, until_at=until_at)
    )  # fmt: skip


def test_the_seats_that_hold_end_and_come_back_with_the_moves_that_were_planned(town):
    day = timedelta(days=1)
    left = seated(town, "1层", NOW - 9 * day, NOW - day)
    leaving = seated(town, "2层", NOW - 9 * day, NOW + 9 * day)
    coming = seated(town, "4层", NOW + 9 * day)
    db.session.refresh(town.tenant)
    before = {seat.id: seat.until_at for seat in town.tenant.premises}
    closed(town.tenant)
    assert [leaving.until_at, coming.until_at, left.until_at] == [LATER, coming.from_at, NOW - day]
    for at in (LATER, NOW + 20 * day):
        assert db.session.scalars(select(Premises).where(Premises.holding(at))).all() == []
    reopened(town.tenant)
    db.session.expire_all()
    assert {seat.id: seat.until_at for seat in town.tenant.premises} == before
    assert not any(seat.ended_with_enterprise for seat in town.tenant.premises)


def test_a_back_dated_closing_ends_the_seats_with_the_last_day(town):
    old = seated(town, "2层", NOW - timedelta(days=30))
    db.session.refresh(town.tenant)
    closed(town.tenant, on=date(2026, 11, 10))
    assert old.until_at == datetime(2026, 11, 10, 16, tzinfo=UTC)


def test_appointments_end_at_that_instant_and_only_those_come_back(town):
    manager = town.officer(Post.HEALTH_MANAGER).appointments[0]
    gone = town.officer(Post.HEALTH_GUIDE).appointments[0]
    gone.end(reason="调走", now=NOW)
    guard = town.officer(Post.GATE_GUARD).appointments[0]  # of the place, whose number may be the same
    assert closed(town.tenant) == 1
    assert manager.ended_at == LATER and manager.end_reason == "企业关闭：已注销"
    assert guard.ended_at is None
    assert reopened(town.tenant) == 1
    assert (manager.ended_at, manager.end_reason, gone.ended_at) == (None, "", NOW)
    assert town.tenant.closed_on is None and town.tenant.close_reason == ""


def test_who_became_an_administrator_meanwhile_does_not_get_the_old_post_by_the_way(town):
    person = town.officer(Post.HEALTH_MANAGER)
    closed(town.tenant)
    make.appoint(person, Post.AUDIT_ADMIN, town.district.id)
    db.session.expire_all()
    with pytest.raises(RuleBroken, match="审计管理员"):
        reopen_enterprise(db.session(), town.tenant, now=LATER)


def test_waiting_invitations_open_nothing_and_nobody_is_invited_any_more(town):
    liaison = town.officer(Post.UNIT_LIAISON)
    serving = liaison.appointments
    row, _token = Invitation.invite(
        by=liaison, appointments=serving, name="许安", post=Post.HEALTH_MANAGER, scope_id=town.tenant.id,
        starts_on=TODAY, ends_on=TODAY, now=NOW,
    )  # fmt: skip
    elsewhere, _ = Invitation.invite(
        by=liaison, appointments=serving, name="许安", post=Post.SPECIALIST, scope_id=town.tenant.id,
        starts_on=TODAY, ends_on=TODAY, now=NOW,
    )  # fmt: skip
    make.save(row, elsewhere)
    where = select(Enterprise.id).where(invitable(serving, Post.HEALTH_MANAGER))
    assert db.session.scalars(where).all() == [town.tenant.id]
    closed(town.tenant)
    assert row.withdrawn_at == LATER and elsewhere.withdrawn_at is None
    assert "撤回" in row.refusal(LATER)
    assert db.session.scalars(where).all() == []


def test_a_closing_names_a_day_that_has_come_and_a_reason_and_happens_once(town):
    for on, reason, why in ((TODAY + timedelta(days=1), "已注销", "还没有到"), (TODAY, "  ", "原因")):
        with pytest.raises(RuleBroken, match=why):
            town.tenant.close(on, reason, now=NOW)
    with pytest.raises(RuleBroken, match="没有关闭"):
        town.tenant.reopen()
    closed(town.tenant)
    for act in (
        lambda: town.tenant.close(TODAY, "又一次", now=LATER),
        lambda: town.tenant.move_in(town.other, "2层", LATER),
        lambda: town.tenant.set_headcount(5, TODAY, now=LATER, by_id=None),
    ):
        with pytest.raises(RuleBroken, match="撤销关闭"):
            act()


def test_it_goes_into_another_open_enterprise_of_the_district_alone(town):
    over = make.enterprise(town.street, "松果餐饮店")
    closed(over)
    street = make.save(Street(district_id=make.district("鹭洲区", "luzhou").id, name="鹭洲街道"))
    for into, why in (
        (town.tenant, "并入自己"),
        (over, "已经关闭"),
        (make.enterprise(street, "鹭洲实业"), "另一个区"),
    ):
        with pytest.raises(RuleBroken, match=why):
            town.tenant.close(TODAY, "合并", merged_into=into, now=NOW)
    assert town.tenant.closed_at is None
    other = make.enterprise(town.street, "云杉制造有限公司")
    closed(town.tenant, into=other)
    assert town.tenant.merged_into is other


def test_whoever_works_in_a_room_goes_along_and_a_planned_move_stays_planned(town):
    seat, planned = town.tenant.premises[0], NOW + timedelta(days=9)
    seat.until_at = planned
    facts = {"enterprise_id": town.tenant.id, "added_at": NOW, "changed_at": NOW}
    here = make.save(Employee(name="张晓明", premises_id=seat.id, **facts))
    nowhere = make.save(Employee(name="李一", **facts))
    new = change_room(db.session(), seat, "3号楼6层", LATER, now=LATER)
    db.session.commit()
    db.session.expire_all()
    assert (seat.until_at, new.from_at, new.until_at, new.room) == (LATER, LATER, planned, "3号楼6层")
    assert here.premises_id == new.id and nowhere.premises_id is None


@pytest.mark.parametrize(
    ("room", "hours", "why"), [("3号楼5层", 3, "原来的房间"), ("6层", 4, "搬好以后"), ("6层", 0, "晚于入驻")]
)
def test_a_change_of_rooms_is_one_and_has_happened(town, room, hours, why):
    with pytest.raises(RuleBroken, match=why):
        change_room(db.session(), town.tenant.premises[0], room, NOW + timedelta(hours=hours), now=LATER)
