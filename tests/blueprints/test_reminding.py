"""Reminding by hand, and who can read whom was reminded when."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.inbox import Message
from models.obligations import Obligation
from models.reminders import Reminder, Step
from tests import make, towns
from tests.forms import landed, opened, refused, submit
from tests.november import LEDGER, on, work
from tests.reader import read
from tests.statements import statements_of

LIST = "/reports/reminders"
LADDER = (*LEDGER, "remind_of_reports")


@pytest.fixture
def town(app, at) -> make.Town:
    """Monday afternoon: the week of 16 to 22 November was due at 12:00."""
    at(on("16 08:00"))
    town = towns.found(on("16 08:00"))
    work(*LADDER)
    at(on("23 14:00"))
    work(*LADDER)
    db.session.rollback()
    return town


@pytest.fixture
def enter(app, town):
    def enter(post: Post, **facts):
        return make.sign_in(app.test_client(), town.officer(post, **facts))

    return enter


def owed(enterprise) -> Obligation:
    db.session.rollback()
    db.session.expire_all()
    found = select(Obligation).where(Obligation.enterprise_id == enterprise.id).order_by(Obligation.first_on)
    one = db.session.scalars(found).first()
    db.session.expunge(one)
    db.session.rollback()
    return one


def by_hand() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Reminder.id)).where(Reminder.step == Step.BY_HAND))


@pytest.mark.parametrize(
    "post", [Post.SPECIALIST, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.TASK_FORCE]
)
def test_one_tap_reminds_the_people_of_the_enterprise_and_is_on_record(app, town, enter, post):
    manager = town.officer(Post.HEALTH_MANAGER, name="林见微")
    chief = town.officer(Post.CHIEF_HEALTH_OFFICER, name="程远志")
    client, one = enter(post, name="周知行"), owed(town.tenant)
    page = landed(client, submit(client, f"/reports/{one.id}", f"/reports/{one.id}/remind"))
    assert "已提醒云溪青禾生物科技股份有限公司：11月16日至22日周报" in page.text
    assert "周知行提醒 11月23日14:00 提醒了健康管理员林见微、首席健康官程远志" in " ".join(page.text.split())
    told = select(Message).where(Message.key.startswith(f"obligation:{one.id}:by_hand"))
    rows = db.session.scalars(told).all()
    links = [row.link for row in rows]
    assert {row.account_id for row in rows} == {manager.id, chief.id}
    assert {row.subject for row in rows} == {"周知行提醒您报送：11月16日至22日周报"}
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert (line.action, line.object_id, json.loads(line.details)["count"]) == (
        "report:remind",
        str(one.id),
        1,
    )
    db.session.rollback()
    own = make.sign_in(app.test_client(), manager)
    for address in (links[0], f"/enterprises/{town.tenant.id}/reports"):
        assert "提醒了健康管理员林见微" in opened(own, address).text


def test_a_period_is_reminded_of_once_an_hour_whoever_presses(town, enter, at):
    town.officer(Post.HEALTH_MANAGER)
    one = owed(town.tenant)
    first = enter(Post.SPECIALIST)
    landed(first, submit(first, f"/reports/{one.id}", f"/reports/{one.id}/remind"))
    at(on("23 14:59:59"))
    second = enter(Post.UNIT_LIAISON)
    answer = submit(second, f"/reports/{one.id}", f"/reports/{one.id}/remind")
    assert "1小时内提醒过了" in refused(answer)
    page = landed(second, submit(second, LIST))
    assert "没有提醒，1家1小时内提醒过" in page.text
    at(on("23 15:00:00"))
    landed(second, submit(second, f"/reports/{one.id}", f"/reports/{one.id}/remind"))
    assert by_hand() == 2


def test_two_officers_at_once_are_one_reminder(app, town, enter):
    town.officer(Post.HEALTH_MANAGER)
    one = owed(town.tenant)
    clients = [enter(Post.SPECIALIST), enter(Post.UNIT_LIAISON)]
    forms = [
        opened(client, f"/reports/{one.id}").form(f"/reports/{one.id}/remind").data() for client in clients
    ]
    together = Barrier(2)

    def press(pair):
        client, form = pair
        together.wait()
        return client.post(f"/reports/{one.id}/remind", data=form).status_code

    db.session.rollback()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, zip(clients, forms, strict=True)))
    assert sorted(answers) == [303, 422]
    assert by_hand() == 1


def test_the_list_reminds_several_and_says_whom_to_call(town, enter, at):
    town.officer(Post.HEALTH_MANAGER)
    at(on("16 09:00"))
    empty = make.enterprise(town.street, "远山软件有限公司", at=town.park, short_name="远山软件")
    work(*LADDER)
    at(on("23 14:00"))
    client = enter(Post.SPECIALIST)
    page = opened(client, LIST)
    assert "云溪青禾生物科技股份有限公司" in page.text and "远山软件有限公司" in page.text
    page = landed(client, submit(client, LIST))
    assert "已提醒1家，远山软件没有健康管理员和首席健康官，请打电话" in page.text
    assert by_hand() == 1
    assert owed(empty).received_at is None


def test_nothing_chosen_and_a_forged_number_remind_nobody(town, enter, at):
    town.officer(Post.HEALTH_MANAGER)
    at(on("16 09:00"))
    elsewhere = make.enterprise(town.street, "远山软件", at=town.other)
    work(*LADDER)
    at(on("23 14:00"))
    client = enter(Post.SPECIALIST)
    assert "请选要提醒的企业" in refused(submit(client, LIST, one=[]))
    data = opened(client, LIST).form().data()
    for forged in (str(owed(elsewhere).id), "x", "99999999999999999999", "²"):
        assert client.post(LIST, data=data | {"one": [forged]}).status_code == 422
    assert client.post(f"/reports/{owed(elsewhere).id}/remind", data=data).status_code == 404
    assert by_hand() == 0


def test_what_is_filed_locked_or_not_open_is_not_reminded_of(town, enter, at):
    town.officer(Post.HEALTH_MANAGER)
    one = owed(town.tenant)
    at(on("30 11:59:59"))
    client = enter(Post.UNIT_LIAISON)
    data = opened(client, f"/reports/{one.id}").form(f"/reports/{one.id}/remind").data()
    at(on("30 12:00"))
    assert "还不能报" in read(client.post(f"/reports/{one.id}/remind", data=data).text).text
    assert "提醒企业" not in opened(client, f"/reports/{one.id}").text
    assert by_hand() == 0


def test_the_filters_split_the_waiting_by_how_near_the_deadline_is(town, enter, at):
    client = enter(Post.TASK_FORCE)
    for text, show in (
        ("20 09:00", "open"),
        ("22 13:00", "soon"),
        ("23 12:00:00", "soon"),
        ("23 12:00:01", "overdue"),
    ):
        at(on(text))
        client = enter(Post.TASK_FORCE)
        for which in ("overdue", "soon", "open"):
            found = "云溪青禾" in opened(client, f"{LIST}?show={which}").text
            assert found is (which == show), (text, which)
    assert "没有快到截止" in opened(client, f"{LIST}?show=soon").text


def test_the_list_asks_as_often_for_many_as_for_one(town, enter, at):
    client = enter(Post.UNIT_LIAISON)
    opened(client, LIST)
    few = statements_of(lambda: client.get(LIST))
    at(on("16 09:00"))
    for number in range(20):
        make.enterprise(town.street, f"企业{number}", at=town.park, unit_id=town.unit.id)
    work(*LADDER)
    at(on("23 14:00"))
    work(*LADDER)
    assert statements_of(lambda: client.get(LIST)) == few


def test_what_asked_for_a_report_is_read_when_it_is_filed(app, town):
    manager, chief = town.officer(Post.HEALTH_MANAGER), town.officer(Post.CHIEF_HEALTH_OFFICER)
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    one = owed(town.tenant)
    landed(specialist, submit(specialist, f"/reports/{one.id}", f"/reports/{one.id}/remind"))
    client = make.sign_in(app.test_client(), manager)
    address = f"/enterprises/{town.tenant.id}/reports/2026-11-16"
    form = next(f for f in opened(client, address).forms if f.buttons and f.buttons[0][1] == "zero")
    landed(client, client.post(address, data=form.data() | {"step": "zero"}))
    unread = select(func.count(Message.id)).where(
        Message.read_at.is_(None), Message.account_id.in_([manager.id, chief.id])
    )
    db.session.rollback()
    assert db.session.scalar(unread) == 0
