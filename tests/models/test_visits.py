"""How visits end and who is inside: entries minus exits is the list, whatever people do (scenario 12 of the gate, CHK-9)."""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from models import presence, visits
from models.access import Post
from models.base import RuleBroken, db
from models.evacuation import muster
from models.gate import CheckIn, Departure, Kind, Mark, Reading, Source
from models.judging import Declaration, Verdict
from models.register import companion_index, register
from models.visits import Presence, Sought
from tests import make
from tests.conftest import NOW

A_MINUTE = timedelta(minutes=1)


def inside(*places):
    return visits.inside_now(db.session(), [place.id for place in places])


def listed(*places, **sought):
    query = visits.inside(Sought([place.id for place in places], **sought), NOW)
    return list(db.session.scalars(query))


def leave(row, now=NOW, how=Departure.SELF, by_id=None, *, party=False):
    connection = db.session.connection()
    people = visits.party_of(connection, row) if party else [visits.going(connection, row)]
    ended = visits.leave(connection, people, now=now, how=how, by_id=by_id)
    db.session.commit()
    db.session.expire_all()
    return ended


def companion(gate, leader, name):
    """The row of somebody who came along, as `register` writes it."""
    vault = current_app.extensions["site"].vault
    row = make.check_in(gate, leader.occurred_at, name=name, mobile=None, party=leader.nonce)
    row.mobile_index = companion_index(vault, leader.mobile_index, name)
    db.session.commit()
    return row


# --- one visit ---


def test_an_entry_that_is_left_is_no_longer_inside_and_says_when_and_how(town):
    row = make.check_in(town.gate, NOW)
    assert inside(town.park) == Presence(1, 0)
    assert leave(row, NOW + A_MINUTE) == 1
    assert (row.left_at, row.left_how, row.left_by_id) == (NOW + A_MINUTE, Departure.SELF, None)
    assert inside(town.park) == Presence(0, 0) and not row.is_inside


def test_a_second_exit_changes_nothing_and_the_first_time_stays(town):
    row = make.check_in(town.gate, NOW)
    leave(row, NOW)
    assert leave(row, NOW + A_MINUTE, Departure.GUARD, town.officer(Post.GATE_GUARD).id) == 0
    assert (row.left_at, row.left_how) == (NOW, Departure.SELF)


@pytest.mark.parametrize("kind", [Kind.AGAIN, Kind.MOVE])
def test_the_pass_of_a_later_scan_ends_the_visit_that_it_goes_on_with(town, kind):
    entry = make.check_in(town.gate, NOW)
    later = make.check_in(town.north, NOW + A_MINUTE, kind=kind)
    assert leave(later, NOW + 2 * A_MINUTE) == 1
    assert entry.left_at == NOW + 2 * A_MINUTE and later.left_at is None


def test_a_later_scan_past_midnight_ends_the_visit_of_the_evening_before(town):
    evening = NOW.replace(hour=15, minute=50)  # 23:50 in Shanghai
    entry = make.check_in(town.gate, evening)
    later = make.check_in(town.gate, evening + timedelta(minutes=20), kind=Kind.AGAIN)
    assert later.day != entry.day
    assert leave(later) == 1
    assert inside(town.park).declared == 0


def test_an_old_pass_does_not_end_the_visit_after_it(town):
    first = make.check_in(town.gate, NOW)
    leave(first)
    make.check_in(town.gate, NOW + A_MINUTE)
    assert leave(first, NOW + 2 * A_MINUTE) == 0
    assert inside(town.park).declared == 1


def test_a_refusal_began_no_visit_and_an_exit_from_it_is_harmless(town):
    refused = make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    assert visits.going(db.session.connection(), refused).visit is None
    assert leave(refused) == 0 and refused.left_at is None


def test_a_scan_again_that_is_refused_still_belongs_to_the_visit(town):
    make.check_in(town.gate, NOW)
    again = make.check_in(town.gate, NOW + A_MINUTE, kind=Kind.AGAIN, verdict=Verdict.REFUSED)
    assert leave(again) == 1


def test_a_scan_again_whose_entry_is_gone_ends_nothing(town):
    assert leave(make.check_in(town.gate, NOW, kind=Kind.AGAIN)) == 0


def test_who_leaves_the_park_by_its_pass_leaves_the_building_to_which_they_went_on(town):
    lobby = make.gate(town.building, "大堂")
    at = NOW + 5 * A_MINUTE
    make.check_in(town.gate, NOW - A_MINUTE, mobile="13900000009")
    park = make.check_in(town.gate, NOW, left_at=at, left_how=Departure.MOVED)
    building = make.check_in(lobby, at)
    assert leave(park, at + A_MINUTE) == 1
    assert building.left_at == at + A_MINUTE and park.left_at == at
    assert inside(town.park, town.building).declared == 1


def test_a_visit_that_moved_out_of_the_park_is_not_ended_from_the_park(town):
    at = NOW + 5 * A_MINUTE
    park = make.check_in(town.gate, NOW, left_at=at, left_how=Departure.MOVED)
    elsewhere = make.check_in(town.other_gate, at)
    back = make.check_in(town.gate, at + A_MINUTE)
    assert leave(park, at + 2 * A_MINUTE) == 0
    assert elsewhere.left_at is None and back.left_at is None


def test_somebody_without_mobile_and_device_is_their_row_alone(town):
    one, other = (make.check_in(town.gate, NOW, mobile=None, source=Source.HAND) for _ in range(2))
    assert leave(one) == 1
    assert other.left_at is None


# --- whoever came along ---


def test_the_leader_takes_everybody_along_and_nobody_twice(town):
    leader = make.check_in(town.gate, NOW)
    child = companion(town.gate, leader, "张小宝")
    again = make.check_in(town.north, NOW + A_MINUTE, kind=Kind.MOVE)  # the leader alone, at another gate
    people = visits.party_of(db.session.connection(), again)
    assert [one.visit.name for one in people] == ["张晓明", "张小宝"]
    assert leave(again, party=True) == 2
    assert leader.left_at and child.left_at


def test_a_companion_leaves_alone_and_the_others_stay(town):
    leader = make.check_in(town.gate, NOW)
    child = companion(town.gate, leader, "张小宝")
    assert leave(child) == 1
    assert leader.left_at is None
    assert leave(leader, NOW + A_MINUTE, party=True) == 1
    assert child.left_at == NOW and leader.left_at == NOW + A_MINUTE


def test_the_leader_s_own_exit_is_not_a_companion_s(town):
    leader = make.check_in(town.gate, NOW)
    leader.device_index = b"d" * 16
    leader.mobile_index = None
    db.session.commit()
    child = make.check_in(
        town.gate, NOW, name="张小宝", mobile=None, device_index=b"d" * 16, party=leader.nonce
    )
    assert leave(make.check_in(town.gate, NOW, mobile=None, device_index=b"d" * 16, kind=Kind.AGAIN)) == 1
    assert leader.left_at and child.left_at is None


# --- the guard ---


@pytest.fixture
def guard(town):
    return town.officer(Post.GATE_GUARD)


def test_a_guard_takes_back_within_a_minute_what_he_has_done_himself(town, guard):
    row = make.check_in(town.gate, NOW)
    leave(row, NOW, Departure.GUARD, guard.id)
    visits.undo(db.session(), row, now=NOW + A_MINUTE, by_id=guard.id)
    assert (row.left_at, row.left_how, row.left_by_id) == (None, None, None) and row.is_inside


@pytest.mark.parametrize(
    ("how", "mine", "later", "said"),
    [
        (Departure.GUARD, True, timedelta(seconds=61), "只能撤销自己1分钟以内"),
        (Departure.GUARD, False, timedelta(0), "只能撤销自己1分钟以内"),
        (Departure.SELF, True, timedelta(0), "只能撤销自己1分钟以内"),
        (None, True, timedelta(0), "没有登记离开"),
    ],
)
def test_what_is_late_or_somebody_else_s_is_not_taken_back(town, guard, how, mine, later, said):
    row = make.check_in(town.gate, NOW)
    if how:
        leave(row, NOW, how, guard.id if mine and how == Departure.GUARD else None)
    with pytest.raises(RuleBroken, match=said):
        visits.undo(db.session(), row, now=NOW + later, by_id=guard.id)


def test_nobody_is_brought_back_who_has_come_in_again_by_themselves(town, guard):
    row = make.check_in(town.gate, NOW)
    leave(row, NOW, Departure.GUARD, guard.id)
    make.check_in(town.gate, NOW)
    with pytest.raises(RuleBroken, match="09:41又登记进来了"):
        visits.undo(db.session(), row, now=NOW, by_id=guard.id)
    assert inside(town.park).declared == 1


def test_nobody_of_that_name_is_for_those_whom_no_guard_has_seen(town, guard):
    row = make.check_in(town.gate, NOW, confirmed_at=NOW, confirmed_by_id=guard.id)
    with pytest.raises(RuleBroken, match="门岗确认过"):
        leave(row, NOW, Departure.ABSENT, guard.id)
    db.session.rollback()
    assert leave(make.check_in(town.gate, NOW, mobile="13900000001"), NOW, Departure.ABSENT, guard.id) == 1


# --- who is inside ---


def test_both_grades_of_presence_are_counted_and_what_stands_apart_is_not(town, guard):
    seen = {"confirmed_at": NOW, "confirmed_by_id": guard.id}
    make.check_in(town.gate, NOW)
    make.check_in(town.gate, NOW, **seen)
    make.check_in(town.gate, NOW, verdict=Verdict.REGISTERED)
    make.check_in(town.gate, NOW, verdict=Verdict.ATTENTION)
    make.check_in(town.gate, NOW, verdict=Verdict.ATTENTION, **seen)
    make.check_in(town.gate, NOW, marks=Mark.BURST.value)
    make.check_in(town.gate, NOW, marks=Mark.BURST.value, **seen)
    make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    make.check_in(town.gate, NOW, kind=Kind.AGAIN)
    make.check_in(town.gate, NOW, left_at=NOW, left_how=Departure.CLOSING)
    assert inside(town.park) == Presence(declared=5, confirmed=3)
    assert len(listed(town.park)) == 5 and all(row.is_inside for row in listed(town.park))


def test_a_park_s_number_includes_its_buildings_and_a_building_s_only_its_own(town):
    lobby = make.gate(town.building, "大堂")
    make.check_in(town.gate, NOW)
    make.check_in(lobby, NOW)
    make.check_in(town.other_gate, NOW)
    found = visits.inside_by_place(db.session(), [town.park, town.building, town.other])
    assert {number: presence.declared for number, presence in found.items()} == {
        town.park.id: 2, town.building.id: 1, town.other.id: 1,
    }  # fmt: skip


def test_people_are_found_by_name_number_grade_time_and_enterprise(town, guard):
    vault = current_app.extensions["site"].vault
    make.check_in(
        town.gate, NOW, name="何平", mobile="13700000001", call_number=205, enterprise_id=town.tenant.id
    )
    make.check_in(town.gate, NOW - timedelta(hours=3), name="何_平", mobile="13700000002", call_number=206,
                  confirmed_at=NOW, confirmed_by_id=guard.id)  # fmt: skip
    make.check_in(town.gate, NOW, name="何平", mobile="13700000001", call_number=300, kind=Kind.AGAIN)

    def found(**sought):
        return [row.call_number for row in listed(town.park, **sought)]

    assert found(name="何") == [205, 206] and found(name="何_") == [206] and found(name="平") == []
    assert found(call_number=205) == [205]
    assert found(call_number=300) == [205], "by the number of the pass that was shown last"
    assert found(mobile_index=vault.blind("13700000002", "mobile")) == [206]
    assert found(enterprise_id=town.tenant.id) == [205] and found(enterprise_id=0) == [206]
    assert found(before=NOW - timedelta(hours=2)) == [206]
    assert found(confirmed=True) == [206] and found(confirmed=False) == [205]


def test_the_count_goes_by_the_index_of_who_is_inside(app, town):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("a small table is read whole on PostgreSQL")
    query = select(visits.T.c.id).where(visits.T.c.place_id.in_([1, 2]), text(visits.INSIDE))
    sql = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {sql}")).all()
    assert "ix_check_in_inside" in str(plan)


# --- whatever people do ---


@dataclass
class Visit:
    """What a visit should be, in a few plain facts."""

    place: int
    row_id: int
    day: date
    let_in: bool  # passed, or seen by a guard
    admitted: bool  # and no mark sets it apart
    open: bool = True


@dataclass
class World:
    """The rules of coming and going said a second time, plainly."""

    town: make.Town
    guard_id: int
    gates: list
    now: datetime = NOW
    visits: list = field(default_factory=list)  # (visitor, Visit)
    last: dict = field(default_factory=dict)  # visitor -> (row id, Visit or None)
    refused: dict = field(default_factory=dict)  # visitor, place -> when
    undoable: tuple | None = None  # visitor, visit, when: let out by the guard
    entries: int = 0
    exits: int = 0

    def under_way(self, visitor):
        return next((v for who, v in reversed(self.visits) if who == visitor and v.open), None)

    def end(self, visit):
        if visit is not None and visit.open:
            visit.open = False
            self.exits += visit.admitted
            return True
        return False

    # what can happen

    def enter(self, visitor, number, celsius):
        gate = self.gates[number]
        site = current_app.extensions["site"]
        db.session.rollback()
        view = site.gates.view(gate.code.code, self.now, fresh=True)
        nonce = secrets.token_bytes(16)
        declared = Declaration(f"访客{visitor}", f"1380000000{visitor}", Decimal(celsius), {"mask": ("yes",)})
        written = register(db.engine, site.vault, view, declared, nonce=nonce, opened_at=self.now,
                           device=f"device-{visitor}", now=self.now)  # fmt: skip
        db.session.rollback()  # what was read so far is from before
        row = db.session.scalar(select(CheckIn).where(CheckIn.nonce == written.nonce))
        self._expect(visitor, gate.place_id, row)

    def _expect(self, visitor, place, row):
        mine = [visit for who, visit in self.visits if who == visitor and visit.open]
        here = next((visit for visit in reversed(mine) if visit.place == place), None)
        goes_on = here is not None and (here.day == row.day or here.let_in)
        since = self.refused.get((visitor, place))
        held = since is not None and self.now - since < timedelta(hours=2)
        fever, passes = row.celsius >= 373, 355 <= row.celsius < 373 and not held
        assert row.verdict == (Verdict.REFUSED if fever else Verdict.PASS if passes else Verdict.ATTENTION)
        if fever:
            self.refused[visitor, place] = self.now
            self.last[visitor] = (row.id, here if goes_on else None)
            return
        if not row.marks:  # a marked row moves nobody until a guard has seen its visitor
            for visit in mine:
                if visit.place != place and visit.let_in:
                    self.end(visit)
        if goes_on and passes and not here.let_in:  # the first row that is let in is the entry
            here.open, goes_on = bool(row.marks), False
        if not goes_on:
            here = Visit(place, row.id, row.day, let_in=passes, admitted=passes and not row.marks)
            self.visits.append((visitor, here))
            self.entries += here.admitted
        self.last[visitor] = (row.id, here)

    def leave(self, visitor):
        if visitor in self.last:
            number, visit = self.last[visitor]
            assert leave(db.session.get(CheckIn, number), self.now) == self.end(visit)

    def guard_ends(self, visitor):
        visit = self.under_way(visitor)
        if visit is not None:
            row = db.session.get(CheckIn, visit.row_id)
            assert leave(row, self.now, Departure.GUARD, self.guard_id) == 1
            self.end(visit)
            self.undoable = (visitor, visit, self.now)

    def undo(self):
        if self.undoable is None:
            return
        visitor, visit, at = self.undoable
        self.undoable = None
        row = db.session.get(CheckIn, visit.row_id)
        try:
            visits.undo(db.session(), row, now=self.now, by_id=self.guard_id)
        except RuleBroken:
            db.session.rollback()
            again = any(who == visitor and v.open and v.row_id > visit.row_id and v.place == visit.place
                        for who, v in self.visits)  # fmt: skip
            assert again or self.now - at > A_MINUTE
        else:
            db.session.commit()
            visit.open = True
            self.exits -= visit.admitted

    def confirm(self, visitor):
        visit = self.under_way(visitor)
        if visit is not None:
            row = db.session.get(CheckIn, visit.row_id)
            row.confirmed_at, row.confirmed_by_id = self.now, self.guard_id
            db.session.flush()
            presence.end_elsewhere(db.session(), row)
            db.session.commit()
            self.entries += not visit.admitted
            visit.let_in = visit.admitted = True
            for who, other in self.visits:
                if who == visitor and other.open and other.admitted and other.place != visit.place:
                    self.end(other)

    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)

    def check(self):
        db.session.rollback()
        places = [self.town.park, self.town.building, self.town.other]
        expected = sorted(v.row_id for _, v in self.visits if v.open and v.admitted)
        rows = listed(*places)
        assert sorted(row.id for row in rows) == expected
        assert len(rows) == inside(*places).declared == self.entries - self.exits
        assert len({row.mobile_index for row in rows}) == len(rows), "somebody is there twice"


VISITORS = st.integers(0, 2)
HAPPENS = st.one_of(
    st.tuples(
        st.just("enter"), VISITORS, st.integers(0, 3), st.sampled_from(["36.5", "36.5", "35.1", "37.8"])
    ),
    st.tuples(st.just("leave"), VISITORS),
    st.tuples(st.just("guard_ends"), VISITORS),
    st.tuples(st.just("undo")),
    st.tuples(st.just("confirm"), VISITORS),
    st.tuples(st.just("wait"), st.sampled_from([1, 1, 40, 90])),
)


@given(happenings=st.lists(HAPPENS, min_size=4, max_size=16))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_list_is_entries_minus_exits_whatever_people_do(town_by_night, happenings):
    town, guard_id, gates = town_by_night
    db.session.rollback()
    db.session.execute(delete(Reading))
    db.session.execute(delete(CheckIn))
    db.session.commit()
    world = World(town, guard_id, gates)
    for name, *arguments in happenings:
        getattr(world, name)(*arguments)
        world.check()
    places = [town.park, town.building, town.other]
    by_enterprise = sum(muster(db.session(), [place], world.now).people for place in places)
    assert by_enterprise == world.entries - world.exits


@pytest.fixture
def town_by_night(town, guard):
    """Open day and night, so that no mark stands beside what is tested; two gates, a building in the park, another place."""
    for place in (town.park, town.building, town.other):
        place.opens = place.closes = None
    db.session.commit()
    return town, guard.id, [town.gate, town.north, make.gate(town.building, "大堂"), town.other_gate]
