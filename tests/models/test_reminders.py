"""The ladder of reminders: who hears what when, once, and nobody who has filed; one message for all to those above."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from blueprints.web import jobs
from models import reminders
from models.access import Post
from models.base import db
from models.delivery import Channel, Delivery
from models.inbox import Message
from models.mail_addresses import MailAddress
from models.obligations import Obligation, Status, status
from models.places import ModeOrder
from models.reminders import Reminder, ReminderDigest, Step, climb, remind
from models.reports import Source, file
from tests import make, towns
from tests.november import LEDGER, on, work
from tests.statements import statements_of

LADDER = (*LEDGER, "remind_of_reports")


@pytest.fixture
def town(app, at) -> make.Town:
    """The week of 16 to 22 November is due on Monday the 23rd at 12:00."""
    at(on("16 08:00"))
    town = towns.found(on("16 08:00"))
    work(*LADDER)
    return town


@pytest.fixture
def people(town) -> dict[Post, int]:
    posts = (
        Post.HEALTH_MANAGER, Post.CHIEF_HEALTH_OFFICER, Post.SPECIALIST, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.TASK_FORCE,
    )  # fmt: skip
    return {post: town.officer(post).id for post in posts}


@pytest.fixture
def tick(app, at):
    """The timed work at an instant; answers who was told since, by account."""

    def tick(text: str) -> list[int]:
        before = messages()
        at(on(text))
        work(*LADDER)
        return sorted(set(messages()) - set(before))

    def messages() -> list[int]:
        rows = db.session.scalars(select(Message).order_by(Message.id)).all()
        found = [(one.account_id, one.key) for one in rows]
        db.session.rollback()
        return found

    def accounts(text: str) -> list[int]:
        return sorted(account for account, _key in tick(text))

    return accounts


def the_week(town) -> Obligation:
    return db.session.scalars(
        select(Obligation).where(
            Obligation.enterprise_id == town.tenant.id, Obligation.first_on == date(2026, 11, 16)
        )
    ).one()


def steps() -> list[Step]:
    found = db.session.scalars(select(Reminder.step).order_by(Reminder.id)).all()
    db.session.rollback()
    return list(found)


def filed(town, text: str) -> None:
    one = the_week(town)
    by = town.officer(Post.HEALTH_MANAGER)
    file(
        db.session(), one, {"fever": 0}, archive={}, comments={}, source=Source.FORM, key="k", seen=0, reason="", now=on(text), by=by
    )  # fmt: skip
    db.session.commit()


def words_to(account_id: int) -> str:
    found = db.session.scalars(
        select(Message).where(Message.account_id == account_id).order_by(Message.id.desc())
    ).first()
    db.session.rollback()
    return f"{found.subject} {found.text}"


def test_each_step_speaks_to_its_own_post_once(town, people, tick):
    manager, chief = people[Post.HEALTH_MANAGER], people[Post.CHIEF_HEALTH_OFFICER]
    assert tick("22 11:59:59") == []
    assert tick("22 12:00:00") == [manager]
    assert tick("22 12:01") == tick("23 09:59:59") == []
    assert tick("23 10:00") == sorted([manager, chief])
    assert tick("23 11:00") == []
    assert tick("23 12:00:01") == [people[Post.SPECIALIST]]
    assert tick("23 12:01") == tick("24 11:59:59") == []
    assert tick("24 12:00") == sorted([people[Post.UNIT_LIAISON], people[Post.COMMUNITY_LIAISON]])
    assert tick("24 12:01") == tick("28 12:00") == []
    assert steps() == [Step.DAY_BEFORE, Step.TWO_HOURS, Step.DEADLINE, Step.DAY_AFTER]
    assert (
        "请报送：11月16日至22日周报"
        in db.session.scalars(select(Message.subject).where(Message.account_id == manager)).all()
    )


@pytest.mark.parametrize(
    ("text", "how", "told"),
    [("23 11:59:59", Status.DUE_SOON, 0), ("23 12:00:00", Status.DUE_SOON, 0), ("23 12:00:00.9", Status.DUE_SOON, 0),
     ("23 12:00:01", Status.OVERDUE, 1)],
)  # fmt: skip
def test_the_reminder_at_the_deadline_agrees_with_the_status_to_the_second(
    town, people, tick, text, how, told
):
    tick("23 11:00")
    assert len(tick(text)) == told
    assert status(the_week(town), on(text)) is how


@pytest.mark.parametrize("text", ["22 11:00", "23 09:00", "23 11:59:59", "24 11:00"])
def test_who_has_filed_hears_nothing_more(town, people, tick, text):
    tick(text)
    filed(town, text)
    for later in ("23 10:00", "23 12:00:01", "24 12:00"):
        if on(later) > on(text):
            assert tick(later) == []


def test_an_excused_a_voided_and_a_closed_ones_report_is_asked_of_nobody(town, people, tick):
    excused = the_week(town)
    excused.excuse("停业装修", now=on("20 09:00"), by_id=people[Post.UNIT_LIAISON])
    closing = make.enterprise(town.street, "远山软件", at=town.park)
    tick("20 10:00")
    closing.close(date(2026, 11, 22), "注销", now=on("22 09:00"))
    db.session.commit()
    assert tick("22 12:00") == tick("23 12:00:01") == tick("24 12:00") == []


def test_a_vacant_post_climbs_at_once_and_the_message_says_so(town, tick):
    chief, specialist = town.officer(Post.CHIEF_HEALTH_OFFICER).id, town.officer(Post.SPECIALIST)
    assert tick("22 12:00") == [chief]
    assert "现在没有健康管理员" in words_to(chief)
    specialist.disabled_at = on("22 13:00")
    db.session.commit()
    liaison = town.officer(Post.UNIT_LIAISON).id
    assert tick("23 12:00:01") == [liaison]
    assert "1家没有按时报" in words_to(liaison)


def test_where_nobody_holds_a_post_of_the_enterprise_the_specialist_hears_it_a_day_before(town, tick):
    specialist = town.officer(Post.SPECIALIST).id
    assert tick("22 12:00") == [specialist]
    assert "没有健康管理员和首席健康官" in words_to(specialist)


def test_a_building_without_a_specialist_has_its_parks(town, tick, at):
    at(on("16 09:00"))
    make.enterprise(town.street, "远山软件", at=town.building)
    specialist = town.officer(Post.SPECIALIST).id
    tick("16 09:01")
    tick("23 12:00:01")
    assert "2家没有按时报" in words_to(specialist)


def test_nobody_anywhere_is_logged_as_nobody(town, tick):
    assert tick("22 12:00") == []
    assert db.session.scalars(select(Reminder.told)).all() == [[]]


def test_those_above_get_one_message_for_all_their_enterprises(town, people, tick, monkeypatch):
    monkeypatch.setattr(reminders, "AT_ONCE", 2)
    for number in range(4):
        make.enterprise(town.street, f"企业{number}", at=town.park, unit_id=town.unit.id)
    tick("16 08:01")
    tick("23 11:00")
    assert tick("23 12:00:01") == [people[Post.SPECIALIST]]
    assert words_to(people[Post.SPECIALIST]).startswith("11月23日12:00截止的报送，5家没有按时报")
    assert "5家" in words_to(people[Post.SPECIALIST])


def test_several_steps_at_one_time_are_one_message(town, people, tick, at):
    at(on("18 08:00"))
    make.save(
        ModeOrder.open(
            scope="place", scope_id=town.park.id, district_id=town.district.id, name="应急响应", reason="输入病例",
            legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 4), now=on("18 08:00"), by_id=None,
        )
    )  # fmt: skip
    tick("18 08:01")
    tick("19 00:01")
    specialist = people[Post.SPECIALIST]
    told = tick("19 12:30")  # the daily of the 18th was due at 10:00, the cut week at 12:00
    assert told.count(specialist) == 1
    assert "有2批报送要您督促" in words_to(specialist)


def test_after_a_pause_only_the_step_that_holds_now_is_taken(town, people, tick):
    assert tick("24 13:00") == sorted([people[Post.UNIT_LIAISON], people[Post.COMMUNITY_LIAISON]])
    assert steps() == [Step.DAY_AFTER]


def test_whoever_is_interrupted_goes_on_and_tells_nobody_twice(app, town, people, tick, monkeypatch, at):
    monkeypatch.setattr(reminders, "AT_ONCE", 1)
    for number in range(3):
        make.enterprise(town.street, f"企业{number}", at=town.park)
    tick("16 08:01")
    tick("23 11:00")
    at(on("23 12:00:01"))
    calls = []

    def broken(session, obligations, step, now):
        calls.append(step)
        if len(calls) == 3:
            raise OSError("the plug was pulled")
        remind(session, obligations, step, now)

    monkeypatch.setattr(reminders, "remind", broken)
    with pytest.raises(OSError, match="plug"):
        climb(jobs.tick_now())
    monkeypatch.setattr(reminders, "remind", remind)
    assert steps().count(Step.DEADLINE) == 2
    for _ in range(2):
        climb(jobs.tick_now())
    assert steps().count(Step.DEADLINE) == 4
    assert "4家没有按时报" in words_to(people[Post.SPECIALIST])
    told = select(func.count(Message.id)).where(Message.account_id == people[Post.SPECIALIST])
    assert db.session.scalar(told.where(Message.sent_at == on("23 12:00:01"))) == 1


def test_two_that_count_for_the_same_person_add_up(town, people):
    for _ in range(2):
        reminders._count(db.session(), Step.DEADLINE, {(people[Post.SPECIALIST], on("23 12:00")): 2})
    assert db.session.scalars(select(ReminderDigest.number)).all() == [4]
    db.session.rollback()


def test_a_batch_asks_as_often_for_fifty_as_for_two(town, people, tick):
    for number in range(50):
        make.enterprise(town.street, f"企业{number}", at=town.park)
    tick("16 08:01")
    rows = db.session.scalars(select(Obligation).order_by(Obligation.id)).all()
    db.session.expunge_all()
    db.session.rollback()

    def asked(some) -> int:
        number = statements_of(lambda: remind(db.session(), some, Step.DEADLINE, on("23 12:00:01")))
        db.session.rollback()
        return number

    assert asked(rows) == asked(rows[:2])


def test_a_switch_of_mode_brings_its_own_steps(town, people, tick, at):
    make.save(
        ModeOrder.open(
            scope="place", scope_id=town.park.id, district_id=town.district.id, name="应急响应", reason="输入病例",
            legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 4), now=on("18 09:00"), by_id=None,
        )
    )  # fmt: skip
    manager = people[Post.HEALTH_MANAGER]
    assert tick("18 09:01") == []
    assert tick("18 10:00") == [manager]  # a day before the daily of the 18th is due
    assert "11月18日日报" in words_to(manager)
    assert tick("18 12:00") == [manager]  # and before the week that was cut
    assert "不满一周" in words_to(manager)


def test_who_wants_letters_gets_one_and_the_work_group_hears_of_the_deadline(app, town, people, tick, at):
    address = MailAddress(
        account_id=people[Post.HEALTH_MANAGER], address="a@example.cn", confirmed_at=on("16 09:00")
    )
    make.save(address)
    tick("22 12:00")
    letters = db.session.scalars(select(Delivery).where(Delivery.channel == Channel.MAIL)).all()
    assert [one.subject for one in letters] == ["请报送：11月16日至22日周报"]
    district = town.district.id
    db.session.rollback()
    at(on("23 12:00:01"))
    for _ in range(2):
        climb(jobs.tick_now(), district)
    posts = db.session.scalars(select(Delivery).where(Delivery.channel == Channel.ROBOT)).all()
    assert [one.subject for one in posts] == ["11月23日12:00截止的报送，1家没有按时报"]
