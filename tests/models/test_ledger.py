"""The ledger of obligations: one for each enterprise-day, whatever happens; how each stands, said once in words and once in SQL."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from models import mode_switch
from models.access import Post
from models.base import RuleBroken, db
from models.enterprises import Premises
from models.ledger import CLOSED, RESTORED, Ledger, recent
from models.obligations import (
    GROWN,
    Kind,
    Obligation,
    Rates,
    Review,
    Status,
    basis,
    rates,
    status,
    status_sql,
    to_do,
)
from models.places import ModeOrder
from models.policy.schema import Mode
from models.reports import Source, alone, file, past_of
from tests import make, towns
from tests.november import clock_of, on
from tests.statements import statements_of


@pytest.fixture
def town(app, at) -> make.Town:
    """The district since the beginning of the month."""
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def tick(app, at):
    """The timed work at an instant."""

    return clock_of(at, "keep_ledger")


def order(
    town, start: str, end: str | None = None, scope: str = "place", scope_id: int | None = None
) -> ModeOrder:
    row = ModeOrder.open(
        scope=scope, scope_id=scope_id or town.park.id, district_id=town.district.id, name="桂湖街道应急响应", reason="输入病例",
        legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 4), now=on(start), by_id=None,
    )  # fmt: skip
    make.save(row)
    if end:
        finish(row, end)
    return row


def finish(row: ModeOrder, end: str) -> None:
    row.end(reason="没有新的情况", now=on(end), by_id=None)
    db.session.commit()


def live(enterprise) -> list[Obligation]:
    return sorted(recent(db.session(), enterprise.id, 100), key=lambda one: one.first_on)


def days(enterprise) -> list[str]:
    return [
        f"{one.first_on.day}" + (f"-{one.last_on.day}" if one.first_on != one.last_on else "") + ("!" if one.mode is Mode.EMERGENCY else "")
        for one in live(enterprise)
    ]  # fmt: skip


def each_day_once(enterprise) -> bool:
    """Whether every day from the first to the last lies in exactly one live obligation."""
    counted: Counter[date] = Counter()
    for one in live(enterprise):
        length = (one.last_on - one.first_on).days + 1
        counted.update(one.first_on + timedelta(days=number) for number in range(length))
    whole = (max(counted) - min(counted)).days + 1
    return set(counted.values()) == {1} and len(counted) == whole


def test_the_first_pass_makes_the_week_and_the_next_ones_nothing_more(town, tick):
    for minute in range(5):
        tick(f"16 08:0{minute}")
    (one,) = live(town.tenant)
    assert (one.kind, one.mode, one.first_on, one.last_on) == (
        Kind.WEEK,
        Mode.NORMAL,
        date(2026, 11, 16),
        date(2026, 11, 22),
    )
    assert (one.due_at, one.locks_at) == (on("23 12:00"), on("30 12:00"))
    assert (one.place_id, one.street_id, one.community_id, one.unit_id, one.district_id) == (
        town.park.id, town.street.id, town.community.id, town.unit.id, town.district.id,
    )  # fmt: skip
    assert one.title == "11月16日至22日周报"
    assert basis(one) == "常态每周报送"


def test_a_switch_and_its_return_leave_no_day_out_and_none_twice(town, tick):
    make.enterprise(town.street, "远山软件", at=town.other)
    tick("16 08:00")
    emergency = order(town, "18 09:00")
    for text in ("18 09:01", "18 09:02", "19 00:01", "20 00:01"):
        tick(text)
        assert each_day_once(town.tenant)
    assert days(town.tenant) == ["16-17", "18!", "19!", "20!"]
    finish(emergency, "20 15:00")
    for text in ("20 15:01", "21 00:01", "21 00:02", "21 00:03", "22 00:01"):
        tick(text)
    assert days(town.tenant) == ["16-17", "18!", "19!", "20!", "21-22"]
    assert each_day_once(town.tenant)
    cut, first = live(town.tenant)[:2]
    assert (cut.due_at, cut.title) == (on("19 12:00"), "11月16日至17日周报（不满一周）")
    assert basis(cut) == "“桂湖街道应急响应”11月18日09:00开启，这一期提前到11月17日为止"
    assert basis(first) == "“桂湖街道应急响应”期间每天报送"
    assert db.session.scalar(select(func.count()).where(Obligation.voided_at.is_not(None))) == 0


def test_only_those_whom_the_order_reaches_change(town, tick):
    other = make.enterprise(town.street, "远山软件", at=town.other)
    homeless = make.enterprise(town.street, "街上的店", community_id=town.community.id)
    tick("16 08:00")
    order(town, "18 09:00")
    order(town, "18 09:00", scope="community", scope_id=town.community.id)
    tick("18 09:01")
    assert days(other) == ["16-22"]
    assert days(homeless) == days(town.tenant) == ["16-17", "18!"]


def test_an_order_taken_back_before_a_daily_is_due_restores_the_week_and_voids_the_dailies(town, tick):
    tick("16 08:00")
    week = live(town.tenant)[0].id
    emergency = order(town, "18 09:00")
    tick("18 09:01")
    tick("19 00:01")
    assert days(town.tenant) == ["16-17", "18!", "19!"]
    finish(emergency, "19 09:30")
    tick("19 09:31")
    (one,) = live(town.tenant)
    assert (one.id, one.last_on, one.due_at, one.cut) == (week, date(2026, 11, 22), on("23 12:00"), False)
    voided = db.session.scalars(select(Obligation).where(Obligation.voided_at.is_not(None))).all()
    assert [row.void_reason for row in voided] == [RESTORED] * 2
    assert each_day_once(town.tenant)


def test_a_report_that_was_filed_does_not_stand_for_days_that_came_to_its_period(app, town, tick):
    tick("16 08:00")
    emergency = order(town, "18 09:00")
    tick("18 09:01")
    cut, *_ = live(town.tenant)
    daily = live(town.tenant)[1]
    manager, book = town.officer(Post.HEALTH_MANAGER), app.extensions["site"].book
    for one, fever in ((cut, 1), (daily, 0)):
        file(
            db.session(), alone(db.session(), one), {"expected": 9, "present": 8, "fever": fever}, archive={}, comments={},
            source=Source.FORM, key=f"key {fever}", seen=0, reason="", now=on("18 10:00"), by=manager,
        )  # fmt: skip
    db.session.commit()
    switch = mode_switch.ending(db.session(), book, emergency, on("18 11:00"))
    assert (switch.restores, switch.filed) == (True, 1)
    finish(emergency, "18 11:00")
    tick("18 11:01")
    (week,) = live(town.tenant)
    assert (week.id != cut.id, week.first_on, week.last_on, week.version) == (
        True,
        date(2026, 11, 16),
        date(2026, 11, 22),
        0,
    )
    db.session.refresh(cut)
    db.session.refresh(daily)
    assert (cut.void_reason, daily.void_reason) == (GROWN, RESTORED)
    assert past_of(db.session(), week, 3)[0]["fever"] == 1
    assert each_day_once(town.tenant)
    for minute in range(2, 5):
        tick(f"18 11:0{minute}")
    assert [one.id for one in live(town.tenant)] == [week.id]


def test_what_was_due_stays_whatever_is_written_afterwards(town, tick):
    tick("16 08:00")
    order(town, "18 09:00")
    tick("18 09:01")
    tick("19 00:01")
    tick("19 11:00")  # the daily of the 18th was due, the cut week is not yet
    seat = town.tenant.premises[0]
    seat.from_at = on("19 10:30")  # as if it had moved in only now
    db.session.commit()
    tick("20 00:01")
    assert days(town.tenant) == ["16-17", "18!", "19!", "20!"]
    assert each_day_once(town.tenant)


def test_a_pause_of_the_timed_work_leaves_no_day_out(town, tick):
    tick("02 08:00")
    emergency = order(town, "04 09:00")
    finish(emergency, "06 15:00")
    tick("20 08:00")
    assert days(town.tenant) == ["2-3", "4!", "5!", "6!", "7-8", "9-15", "16-22"]
    assert each_day_once(town.tenant)


def test_a_daily_that_was_due_while_the_cut_week_was_not_does_not_come_twice(town, tick):
    tick("16 08:00")
    order(town, "18 09:00")
    tick("18 09:01")
    tick("19 10:30")  # the first pass of the 19th comes after the daily of the 18th was due
    assert days(town.tenant) == ["16-17", "18!", "19!"]


def test_an_enterprise_that_closes_owes_nothing_for_the_days_after(town, tick):
    tick("16 08:00")
    order(town, "18 09:00")
    tick("18 09:01")
    tick("19 00:01")
    tick("20 00:01")
    town.tenant.close(date(2026, 11, 19), "注销", now=on("20 09:00"))
    db.session.commit()
    tick("20 09:01")
    assert days(town.tenant) == ["16-17", "18!", "19!"]
    assert db.session.scalars(
        select(Obligation.void_reason).where(Obligation.voided_at.is_not(None))
    ).all() == [CLOSED]
    tick("23 00:01")
    assert days(town.tenant) == ["16-17", "18!", "19!"]
    town.tenant.reopen()
    db.session.commit()
    tick("24 00:01")
    assert each_day_once(town.tenant)


def test_a_move_keeps_todays_obligation_where_it_was(town, tick):
    tick("16 08:00")
    town.tenant.premises[0].until_at = on("18 14:00")
    make.save(Premises(enterprise_id=town.tenant.id, place_id=town.other.id, from_at=on("18 14:00")))
    tick("18 14:01")
    assert [one.place_id for one in live(town.tenant)] == [town.park.id]
    tick("23 00:01")
    assert [one.place_id for one in live(town.tenant)] == [town.park.id, town.other.id]


def test_a_page_computes_what_is_not_made_yet_and_writes_nothing(app, town, tick):
    tick("16 08:00")
    order(town, "18 09:00")
    ledger = Ledger(app.extensions["site"].book, on("18 09:00"))
    found = ledger.as_it_will_be(db.session(), town.tenant.id, recent(db.session(), town.tenant.id, 10))
    assert [(one.first_on.day, one.last_on.day) for one in found] == [(18, 18), (16, 17)]
    assert all(basis(one).startswith("“桂湖街道应急响应”") for one in found)
    assert not db.session.dirty
    assert not db.session.new
    db.session.rollback()
    assert days(town.tenant) == ["16-22"]
    assert ledger.store(db.session(), [town.tenant.id]) == 1
    assert ledger.store(db.session(), [town.tenant.id]) == 0
    db.session.commit()
    assert days(town.tenant) == ["16-17", "18!"]


def test_a_batch_asks_as_often_for_a_hundred_as_for_two(app, town, tick):
    ledger = Ledger(app.extensions["site"].book, on("16 08:00"))
    many = [make.enterprise(town.street, f"企业{number}", at=town.park).id for number in range(100)]

    def asked_for(ids: list[int]) -> int:
        return statements_of(lambda: Ledger(ledger.book, ledger.now).changes(db.session(), ids))

    asked_for(many[:2])
    assert asked_for(many) == asked_for(many[:2])


@pytest.mark.parametrize(
    ("text", "how"),
    [("19 23:59:59", Status.NOT_OPEN), ("20 00:00", Status.OPEN), ("22 11:59:59", Status.OPEN), ("22 12:00", Status.DUE_SOON),
     ("23 12:00:00.9", Status.DUE_SOON), ("23 12:00:01", Status.OVERDUE), ("30 11:59:59", Status.OVERDUE),
     ("30 12:00:00", Status.MISSED)],
)  # fmt: skip
def test_an_unfiled_week_goes_from_not_open_to_missed(town, tick, text, how):
    tick("16 08:00")
    (one,) = live(town.tenant)
    assert status(one, on(text)) is how
    assert db.session.scalar(select(status_sql(on(text)))) == how


@pytest.mark.parametrize(
    ("filed", "how"),
    [("23 11:59:59", Status.ON_TIME), ("23 12:00:00", Status.ON_TIME), ("23 12:00:01", Status.LATE)],
)
def test_a_report_is_on_time_to_the_second(town, tick, filed, how):
    tick("16 08:00")
    (one,) = live(town.tenant)
    one.received_at, one.version = on(filed), 1
    assert status(one, on(filed)) is how
    assert status(one, on("29 12:00")) is how


def test_words_and_sql_say_the_same_at_every_instant(town, tick):
    """Rows in every shape, asked at each of their instants and a second beside it."""
    tick("16 08:00")
    draw = random.Random(7)
    (base,) = live(town.tenant)
    template = {name: getattr(base, name) for name in Obligation.__table__.columns.keys() if name != "id"}  # noqa: SIM118
    rows = []
    for number in range(60):
        facts = template | {
            "first_on": base.first_on + timedelta(days=number + 1),
            "last_on": base.last_on + timedelta(days=number + 1),
        }
        if draw.random() < 0.7:
            facts |= {"received_at": base.opens_at + timedelta(minutes=draw.randrange(20000)), "version": 1}
            facts["review"] = draw.choice([None, *Review])
        if draw.random() < 0.2:
            facts["excused_at"] = base.opens_at + timedelta(minutes=draw.randrange(20000))
        rows.append(Obligation(**facts))
    make.save(*rows)
    instants = {base.opens_at, base.soon_at, base.due_at, base.locks_at}
    instants |= {at for row in rows for at in (row.received_at, row.excused_at) if at}
    for instant in instants:
        for near in (instant - timedelta(seconds=1), instant, instant + timedelta(seconds=1)):
            found = dict(db.session.execute(select(Obligation.id, status_sql(near))).all())
            assert found == {one.id: status(one, near) for one in [base, *rows]}


def test_the_rates_count_each_obligation_once(town, tick):
    firms = [
        make.enterprise(town.street, f"企业{number}", at=town.park if number < 3 else town.other)
        for number in range(5)
    ]
    tick("16 08:00")
    first, second, third, fourth, _fifth = (live(one)[0] for one in firms)
    first.received_at, first.version, first.zero = on("23 12:00"), 1, True
    second.received_at, second.version = on("23 12:01"), 1
    third.excuse("停业装修", now=on("23 09:00"), by_id=town.officer(make.Post.UNIT_LIAISON).id)
    fourth.received_at, fourth.version, fourth.review = on("22 09:00"), 1, Review.RETURNED
    db.session.commit()
    week = Obligation.last_on == date(2026, 11, 22)
    found = rates(db.session(), week, on("24 09:00"), by=Obligation.place_id)
    assert found[town.park.id] == Rates(
        expected=3, received=2, on_time=1, zero=1, excused=1, overdue=1
    )  # with the tenant
    assert found[town.other.id] == Rates(expected=2, received=1, on_time=1, returned=1, overdue=1)
    assert rates(db.session(), week, on("23 12:00:30"))[None].received == 2
    assert rates(db.session(), week, on("23 12:00:30"))[None].rate == 2 / 5


def test_an_excuse_has_a_reason_and_is_for_what_was_not_filed(town, tick):
    tick("16 08:00")
    (one,) = live(town.tenant)
    with pytest.raises(RuleBroken, match="原因"):
        one.excuse(" ", now=on("20 09:00"), by_id=1)
    one.excuse("停业装修", now=on("20 09:00"), by_id=1)
    with pytest.raises(RuleBroken, match="已经豁免"):
        one.excuse("又一次", now=on("20 09:00"), by_id=1)
    assert not one.takes(on("21 09:00"))
    one.excused_at, one.received_at = None, on("20 09:00")
    with pytest.raises(RuleBroken, match="已经报了"):
        one.excuse("停业", now=on("20 09:00"), by_id=1)


def test_what_is_to_do_comes_worst_first(town, tick):
    tick("16 08:00")
    order(town, "18 09:00")
    for text in ("18 09:01", "19 00:01", "20 00:01"):
        tick(text)
    found = [(one.title, how) for one, how in to_do(live(town.tenant), on("20 09:00"))]
    assert found == [
        ("11月18日日报", Status.OVERDUE), ("11月16日至17日周报（不满一周）", Status.OVERDUE), ("11月19日日报", Status.DUE_SOON),
        ("11月20日日报", Status.OPEN),
    ]  # fmt: skip


def test_the_scope_of_a_place_keeps_what_was_its_own(town, tick):
    tick("16 08:00")
    town.tenant.premises[0].until_at = on("18 14:00")
    db.session.commit()
    mine = Obligation.within_at("place", [town.park.id], on("19 09:00"))
    assert db.session.scalar(select(func.count()).select_from(Obligation).where(mine)) == 1
    theirs = Obligation.within_at("place", [town.other.id], on("19 09:00"))
    assert db.session.scalar(select(func.count()).select_from(Obligation).where(theirs)) == 0
