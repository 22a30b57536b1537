"""The security administrator: appointments, rules, the table of grants (SEC-2, SEC-4, SEC-6)."""

import json
import threading
from datetime import date, timedelta

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models.access import ACTION_LABELS, GRANTS, Post
from models.accounts import Account, Appointment
from models.audit import AuditLine, Result
from models.base import db
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read, words


@pytest.fixture
def security(client, town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SECURITY_ADMIN, username="security", name="贺安然"))


def last_line() -> AuditLine:
    db.session.rollback()
    return db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))


def renewed(row):
    db.session.rollback()
    db.session.refresh(row)
    return row


# --- appointing


def test_somebody_is_looked_up_and_appointed_with_scope_and_term(security, town):
    person = make.account(town.district, name="林见微", username="linjw")
    link = opened(security, "/admin/appointments/new?q=见微").link("任命林见微")
    answer = submit(
        security,
        f"{link}?post=specialist",
        scope_id=str(town.other.id),
        starts_on="2026-12-01",
        ends_on="2027-11-30",
    )
    page = landed(security, answer)
    assert "林见微已任健康管理专员，锦程国际中心" in page.text
    (held,) = renewed(person).appointments
    assert (held.post, held.scope, held.scope_id) == (Post.SPECIALIST, "place", town.other.id)
    assert (held.starts_on, held.ends_on) == (date(2026, 12, 1), date(2027, 11, 30))
    line = last_line()
    assert (line.action, line.object_type, line.object_id) == (
        "appointment:manage",
        "account",
        str(person.id),
    )
    assert json.loads(line.details)["term"] == ["2026-12-01", "2027-11-30"]


@pytest.mark.parametrize("post", [Post.SYSTEM_ADMIN, Post.AUDIT_ADMIN, Post.SPECIALIST])
def test_a_person_with_an_administrators_post_gets_no_other(security, town, post):
    admin = town.officer(Post.SECURITY_ADMIN)
    scope = town.park if post == Post.SPECIALIST else town.district
    answer = submit(security, f"/admin/appointments/new/{admin.id}?post={post.value}", scope_id=str(scope.id))
    assert "不能兼任" in refused(answer)
    assert len(renewed(admin).appointments) == 1


def test_two_administrator_posts_at_the_same_moment_become_one(security, app, town):
    """The rule reads before it writes; the database's own rule stands behind it, and the page says so in words."""
    person = make.account(town.district, name="林见微")
    second = make.sign_in(app.test_client(), town.officer(Post.SECURITY_ADMIN))
    posts = {security: Post.SYSTEM_ADMIN, second: Post.AUDIT_ADMIN}
    sent = {
        client: (address := f"/admin/appointments/new/{person.id}?post={post.value}", opened(client, address).forms[-1].data())
        for client, post in posts.items()
    }  # fmt: skip
    db.session.rollback()
    answers = []

    def send(client) -> None:
        address, form = sent[client]
        answers.append(client.post(address, data=form))

    threads = [threading.Thread(target=send, args=(client,)) for client in posts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in answers) == [303, 422]
    assert "不能兼任" in next(read(a.text).text for a in answers if a.status_code == 422)
    db.session.rollback()
    assert (
        db.session.scalar(select(func.count(Appointment.id)).where(Appointment.account_id == person.id)) == 1
    )


def test_what_the_database_alone_refuses_is_said_in_words(security, town, monkeypatch):
    person = make.account(town.district, Post.AUDIT_ADMIN, name="谢明察")

    def unchecked(account, post, scope_id, *, starts_on, ends_on, now, by_id):
        row = Appointment(post=post, scope="district", scope_id=scope_id, starts_on=starts_on, ends_on=ends_on,
                          appointed_at=now)  # fmt: skip
        account.appointments.append(row)
        return row

    monkeypatch.setattr(Appointment, "appoint", unchecked)
    answer = submit(security, f"/admin/appointments/new/{person.id}?post=system_admin")
    assert "谢明察刚刚有了另一个管理员岗位" in refused(answer)


def test_a_scope_of_another_district_is_no_choice(security, town):
    other = make.district("锦川区", "jinchuan")
    person = make.account(town.district)
    address = f"/admin/appointments/new/{person.id}?post=task_force"
    form = opened(security, address).forms[-1].data()
    assert security.post(address, data=form | {"scope_id": str(other.id)}).status_code == 422
    stranger = make.account(other)
    assert security.get(f"/admin/appointments/new/{stranger.id}").status_code == 404


def test_appointing_asks_for_the_password_again_after_ten_minutes(security, town, at):
    person = make.account(town.district)
    address = f"/admin/appointments/new/{person.id}"
    form = opened(security, address).forms[-1].data()
    at(NOW + timedelta(minutes=11))
    assert security.get(address).headers["Location"].startswith("/me/confirm?next=/admin/appointments/new/")
    assert security.post(address, data=form).headers["Location"].startswith("/me/confirm")
    assert renewed(person).appointments == []


def test_an_appointment_ends_with_a_reason_and_at_once(security, town, app):
    person = town.officer(Post.SPECIALIST, name="林见微")
    client = make.sign_in(app.test_client(), person)
    assert client.get(f"/places/{town.park.id}").status_code == 200
    address = f"/admin/appointments/{person.appointments[0].id}/end"
    assert "请写原因" in refused(submit(security, address, reason=""))
    assert "林见微不再担任健康管理专员" in landed(security, submit(security, address, reason="调岗")).text
    assert json.loads(last_line().details)["reason"] == "调岗"
    assert client.get(f"/places/{town.park.id}").status_code == 403
    ended = renewed(person).appointments[0]
    assert (ended.ended_at, ended.end_reason) == (NOW, "调岗")


def test_nobody_ends_his_own_appointment(security, town):
    mine = db.session.scalar(select(Appointment.id).where(Appointment.post == Post.SECURITY_ADMIN))
    assert security.get(f"/admin/appointments/{mine}/end").status_code == 409


# --- the list


def test_appointments_are_filtered_by_person_post_scope_and_term(security, town):
    soon = town.officer(Post.SPECIALIST, name="快到期")
    soon.appointments[0].ends_on = date(2026, 12, 20)
    later = town.officer(Post.GATE_GUARD, name="还很久")
    later.appointments[0].ends_on = date(2026, 12, 21)
    future = town.officer(Post.UNIT_LIAISON, name="未上任")
    future.appointments[0].starts_on = date(2026, 12, 1)
    over = town.officer(Post.CHIEF_HEALTH_OFFICER, name="已免去")
    over.appointments[0].end(reason="调岗", now=NOW)
    db.session.commit()

    def names(query: str) -> set[str]:
        text = opened(security, f"/admin/appointments?{query}").text
        return {name for name in ("快到期", "还很久", "未上任", "已免去") if name in text}

    assert names("") == {"快到期", "还很久"}
    assert names("term=soon") == {"快到期"}
    assert names("term=future") == {"未上任"}
    assert names("term=over") == {"已免去"}
    assert names("q=很久") == {"还很久"}
    assert names("post=specialist") == {"快到期"}
    assert names("where=软件园") == {"快到期", "还很久"}
    assert names("where=锦程") == set()
    assert names("term=over&where=青禾") == {"已免去"}


# --- the rules


def test_the_rules_take_effect_and_are_audited_with_before_and_after(security, town):
    db.session.scalar(
        select(Account).where(Account.username == "security")
    ).totp_secret = pyotp.random_base32()
    db.session.commit()
    page = landed(
        security, submit(security, "/admin/security/rules", password_rule="long", second_factor="y")
    )
    assert "长口令" in page.text
    assert "必须开" in page.text
    assert (renewed(town.district).password_rule, town.district.second_factor) == ("long", True)
    changes = json.loads(last_line().details)["changes"]
    assert changes == {"password_rule": ["classified", "long"], "second_factor": [False, True]}


def test_a_demanded_second_step_binds_the_one_who_demands_it_first(security, town):
    submit(security, "/admin/security/rules", second_factor="y")
    assert security.get("/admin/security").headers["Location"] == "/me/second-factor"


def test_the_table_shows_exactly_what_grants_says(security):
    page = opened(security, "/admin/security")
    table = page.one("table", cls="matrix")
    heads = [words(cell) for cell in table[0][0]][1:]
    shown = {}
    for row in table[1]:
        label, *cells = list(row)
        shown[words(label)] = {post for post, cell in zip(heads, cells, strict=True) if "可以" in words(cell)}
    assert shown == {ACTION_LABELS[action]: {p.label for p in posts} for action, posts in GRANTS.items()}


def test_every_action_has_a_name_of_its_own():
    assert set(ACTION_LABELS) == set(GRANTS)
    assert len(set(ACTION_LABELS.values())) == len(ACTION_LABELS)


def test_a_lost_phones_second_step_is_taken_off_with_a_reason(security, town, app):
    person = town.officer(Post.UNIT_LIAISON, username="zhouzx", name="周知行")
    person.totp_secret = pyotp.random_base32()
    db.session.commit()
    client = make.sign_in(app.test_client(), person)
    address = "/admin/security/second-factor"
    assert "请写原因" in refused(submit(security, address, username="zhouzx", reason=""))
    assert "没有找到账号" in refused(submit(security, address, username="nobody", reason="丢了"))
    landed(security, submit(security, address, username="zhouzx", reason="手机丢了"))
    assert renewed(person).totp_secret is None
    assert client.get("/me").status_code == 303
    assert json.loads(last_line().details)["reason"] == "手机丢了"
    assert "没有开两步验证" in refused(submit(security, address, username="zhouzx", reason="丢了"))
    assert "自己的" in refused(submit(security, address, username="security", reason="丢了"))


def test_a_refusal_at_the_security_pages_leaves_a_line(client, town):
    make.sign_in(client, town.officer(Post.SYSTEM_ADMIN))
    assert client.get("/admin/appointments").status_code == 403
    line = last_line()
    assert (line.action, line.result, line.post) == ("appointment:manage", Result.REFUSED, "system_admin")
