"""The door: signing in, the second step, sessions that end, limits (SEC-1, SEC-3, SEC-4, SEC-5, SEC-8)."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from models import passwords
from models.access import Post
from models.accounts import Account, LoginSession
from models.audit import AuditLine, Result
from models.base import db
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read

WRONG = "手机号、账号或密码不对"


@pytest.fixture
def person(town):
    return make.account(town.district, Post.SPECIALIST, town.park.id, username="linjw", name="林见微")


def sign_in(client, username="linjw", password=make.PASSWORD, address="/sign-in"):
    return submit(client, address, "/sign-in", username=username, password=password)


def is_in(client) -> bool:
    return client.get("/me").status_code == 200


def lines(action: str = "account:sign-in") -> list[AuditLine]:
    db.session.rollback()
    return db.session.scalars(
        select(AuditLine).where(AuditLine.action == action).order_by(AuditLine.id)
    ).all()


def fresh(person: Account) -> Account:
    db.session.rollback()
    db.session.refresh(person)
    return person


# --- in


def test_name_and_password_lead_to_the_home_of_the_post(client, town, person):
    answer = sign_in(client)
    assert answer.headers["Location"] == f"/places/{town.park.id}"
    assert "林见微" in opened(client, "/me").text


def test_a_mobile_stands_for_the_name(client, person):
    person.set_mobile("13800000000")
    db.session.commit()
    assert sign_in(client, "138 0000 0000").status_code == 303
    assert is_in(client)


def test_the_page_that_was_asked_for_comes_after_signing_in(client, person):
    answer = client.get("/me/sessions?x=1")
    assert answer.headers["Location"] == "/sign-in?next=/me/sessions?x%3D1"
    assert sign_in(client, address=answer.headers["Location"]).headers["Location"] == "/me/sessions?x=1"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "evil.example", "/a\nb", "///evil.example", "http:/evil"],
)  # fmt: skip
def test_an_address_elsewhere_is_never_followed(client, town, person, wanted):
    answer = submit(client, "/sign-in", "/sign-in", username="linjw", password=make.PASSWORD, next=wanted)
    assert answer.headers["Location"] == f"/places/{town.park.id}"


def test_somebody_who_is_in_is_not_asked_again(client, person):
    sign_in(client)
    assert client.get("/sign-in?next=/me").headers["Location"] == "/me"


def test_a_session_is_new_at_each_sign_in_and_only_its_digest_is_kept(client, person):
    with client.session_transaction() as before:
        before["planted"] = "by somebody else"
    sign_in(client)
    with client.session_transaction() as first:
        assert "planted" not in first
        token = first["_user_id"]
    client.post("/sign-out", data=opened(client, "/me").form("/sign-out").data())
    sign_in(client)
    with client.session_transaction() as second:
        assert second["_user_id"] != token
    assert token.encode() not in [s.token_hash for s in db.session.scalars(select(LoginSession))]


def test_signing_in_leaves_a_line_with_the_person_and_the_device(client, person):
    sign_in(client)
    (line,) = lines()
    assert (line.result, line.account_name, line.post) == (Result.DONE, "林见微", "specialist")
    assert make.PASSWORD not in line.details


def test_a_hash_of_older_settings_is_renewed_on_the_way_in(client, person, monkeypatch):
    old = person.password_hash
    costlier = passwords.PasswordHasher(time_cost=2, memory_cost=8 * 1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", costlier)
    sign_in(client)
    assert fresh(person).password_hash != old
    assert passwords.password_matches(person.password_hash, make.PASSWORD)


def test_the_next_sign_in_begins_with_the_post_of_the_last(client, town, person):
    second = make.appoint(person, Post.GATE_GUARD, town.other.id)
    sign_in(client)
    client.post("/post", data=opened(client, "/more").form("/post").data() | {"appointment": second.id})
    submit(client, "/me", "/sign-out")
    assert sign_in(client).headers["Location"] == "/gate"


# --- not in


@pytest.mark.parametrize(
    ("username", "password"), [("linjw", "wrong"), ("nobody", make.PASSWORD), ("13900000000", "wrong-too"), ("linjw", make.PASSWORD + " ")]
)  # fmt: skip
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(client, person, username, password):
    answer = sign_in(client, username, password)
    page = read(answer.text)
    assert WRONG in refused(answer)
    assert page.form("/sign-in").data()["username"] == [username]
    assert password not in answer.text
    assert not is_in(client)


def test_the_answers_differ_in_nothing_but_the_name_typed(client, person):
    known, unknown = (sign_in(client, name, "wrong").text for name in ("linjw", "lin000"))
    assert read(known).text == read(unknown).text  # what was typed stands in the field, not in the text


def test_an_unknown_name_takes_as_long_as_a_wrong_password(client, person, monkeypatch):
    """Both verify exactly one hash, whatever the machine's speed."""
    verified = []
    real = passwords.password_matches
    monkeypatch.setattr(passwords, "password_matches", lambda h, p: (verified.append(h), real(h, p))[1])
    sign_in(client, "linjw", "wrong")
    sign_in(client, "nobody", "wrong")
    assert len(verified) == 2
    assert verified[1] is None
    started = time.perf_counter()
    passwords.password_matches(None, "wrong")
    unknown = time.perf_counter() - started
    started = time.perf_counter()
    passwords.password_matches(person.password_hash, "wrong")
    assert 0.1 < unknown / (time.perf_counter() - started) < 10


def test_no_transaction_is_open_while_a_password_is_hashed(client, person, monkeypatch):
    open_meanwhile = []
    real = passwords.password_matches

    def verify(*arguments):
        open_meanwhile.append(db.session().in_transaction())
        return real(*arguments)

    monkeypatch.setattr(passwords, "password_matches", verify)
    sign_in(client)
    assert open_meanwhile == [False]


def test_an_unknown_name_is_not_written_down(client, person):
    sign_in(client, "my-password-typed-in-the-wrong-box", "x")
    (line,) = lines()
    assert "typed" not in line.details + line.object_id + line.account_name
    assert line.result == Result.FAILED


def test_five_wrong_passwords_lock_for_fifteen_minutes_and_the_right_one_too(client, at, person):
    for _ in range(5):
        sign_in(client, password="wrong")
    assert fresh(person).is_locked(NOW)
    assert WRONG in refused(sign_in(client)), "the right password does not tell that the account is locked"
    assert [json.loads(line.details)["reason"] for line in lines()] == [
        *["密码不对"] * 4, "连续输错，锁定账号", "密码对，但账号停用、锁定或初始密码过期"]  # fmt: skip
    at(NOW + timedelta(minutes=14, seconds=59))
    assert sign_in(client).status_code == 422
    at(NOW + timedelta(minutes=15))
    assert sign_in(client).status_code == 303


def test_four_wrong_passwords_and_the_right_one_begin_to_count_anew(client, person):
    for _ in range(4):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 303
    assert fresh(person).failures == 0


def test_a_disabled_account_gets_the_same_answer(client, person):
    person.disable(reason="离职", now=NOW)
    db.session.commit()
    assert WRONG in refused(sign_in(client))


def test_an_initial_password_opens_once_and_leads_to_choosing_ones_own(client, at, person):
    person.hand_out_password(passwords.hash_password("abcd-efgh"), now=NOW)
    db.session.commit()
    assert sign_in(client, password="abcd-efgh").status_code == 303
    assert "初始密码" in opened(client, "/me/password").text
    for address in ("/more", "/me", "/me/sessions", "/people"):
        assert client.get(address).headers["Location"] == "/me/password", address
    client.delete_cookie("session")
    assert WRONG in refused(sign_in(client, password="abcd-efgh"))


def test_an_initial_password_expires_after_72_hours(client, at, person):
    person.hand_out_password(passwords.hash_password("abcd-efgh"), now=NOW)
    db.session.commit()
    at(NOW + timedelta(hours=72))
    assert sign_in(client, password="abcd-efgh").status_code == 422


def test_an_empty_form_says_what_is_missing(client, person):
    text = refused(sign_in(client, "", ""))
    assert "请填手机号或账号" in text
    assert "请填密码" in text


def test_a_form_without_its_token_is_refused(client, person):
    answer = client.post("/sign-in", data={"username": "linjw", "password": make.PASSWORD})
    assert answer.status_code == 400
    assert not is_in(client)


# --- the second step


@pytest.fixture
def secret(person):
    person.totp_secret = pyotp.random_base32()
    db.session.commit()
    return person.totp_secret


def code(secret, at=NOW) -> str:
    return pyotp.TOTP(secret).at(at)


def test_the_password_alone_opens_nothing_where_a_second_step_is_on(client, person, secret):
    answer = sign_in(client, address="/sign-in?next=/me")
    assert answer.headers["Location"] == "/sign-in/second"
    assert not is_in(client)
    assert db.session.scalar(select(LoginSession)) is None, "nothing on the server yet"
    answer = submit(client, "/sign-in/second", code=code(secret))
    assert answer.headers["Location"] == "/me"
    assert is_in(client)
    assert json.loads(lines()[-1].details)["second_step"] is True


def test_a_code_opens_the_door_once(client, app, person, secret):
    sign_in(client)
    submit(client, "/sign-in/second", code=code(secret))
    other = app.test_client()
    sign_in(other)
    assert "已经用过" in refused(submit(other, "/sign-in/second", code=code(secret)))
    assert not is_in(other)


def test_the_second_step_waits_five_minutes(client, at, person, secret):
    sign_in(client)
    at(NOW + timedelta(minutes=4, seconds=59))
    assert client.get("/sign-in/second").status_code == 200
    at(NOW + timedelta(minutes=5))
    answer = client.get("/sign-in/second")
    assert answer.headers["Location"] == "/sign-in"
    assert "5分钟" in opened(client, "/sign-in").text


def test_nobody_starts_with_the_second_step(client, person):
    assert client.get("/sign-in/second").headers["Location"] == "/sign-in"


def test_five_wrong_codes_lock_the_account_though_the_password_is_given_in_between(
    client, app, person, secret
):
    sign_in(client)
    for _ in range(3):
        assert "验证码不对" in refused(submit(client, "/sign-in/second", code="000000"))
    other = app.test_client()
    sign_in(other)
    assert "验证码不对" in refused(submit(other, "/sign-in/second", code="000000"))
    page = landed(other, submit(other, "/sign-in/second", code="000000"))
    assert "锁15分钟" in page.text
    assert fresh(person).is_locked(NOW)
    assert submit(client, "/sign-in/second", code=code(secret)).headers["Location"] == "/sign-in"
    assert not is_in(client)


def test_a_changed_password_ends_a_waiting_second_step(client, person, secret):
    sign_in(client)
    person.set_password(passwords.hash_password("Guihu#2026"), now=NOW)
    db.session.commit()
    submit(client, "/sign-in/second", code=code(secret))
    assert not is_in(client)


# --- out


def test_signing_out_ends_the_session_on_the_server_so_that_a_kept_cookie_opens_nothing(client, app, person):
    sign_in(client)
    kept = client.get_cookie("session").value
    assert "您已退出登录" in landed(client, submit(client, "/me", "/sign-out")).text
    thief = app.test_client()
    thief.set_cookie("session", kept)
    assert thief.get("/me").status_code == 303
    assert db.session.scalar(select(LoginSession.ended_at)) == NOW
    assert lines("own:sign_out")[0].account_name == "林见微"


def test_signing_out_is_no_link(client, person):
    sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert is_in(client)


@pytest.mark.parametrize(("post", "minutes"), [(Post.SPECIALIST, 30), (Post.AUDIT_ADMIN, 15)])
def test_a_session_ends_after_so_long_without_use(client, at, town, post, minutes):
    make.sign_in(client, town.officer(post))
    at(NOW + timedelta(minutes=minutes, seconds=-1))
    assert is_in(client)
    at(NOW + timedelta(minutes=2 * minutes, seconds=-2))
    assert is_in(client), "use prolongs it"
    at(NOW + timedelta(minutes=3 * minutes, seconds=-2))
    assert not is_in(client)
    assert "登录已过期" in opened(client, "/sign-in").text


def test_a_session_ends_after_eight_hours_however_busy(client, at, person):
    sign_in(client)
    for quarter in range(1, 32):
        at(NOW + timedelta(minutes=15 * quarter))
        assert is_in(client)
    at(NOW + timedelta(hours=8))
    assert not is_in(client)


def test_disabling_an_account_ends_its_sessions_at_once(client, person):
    sign_in(client)
    person.disable(reason="离职", now=NOW)
    db.session.commit()
    assert not is_in(client)


# --- the cookie, the limits


def test_the_cookie_is_kept_from_scripts_and_other_sites(client, person):
    cookie = next(c for c in sign_in(client).headers.getlist("Set-Cookie") if c.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires" not in cookie, "it ends with the browser"


def test_many_attempts_from_one_address_are_slowed_whatever_the_names(limited, person):
    client = limited.test_client()
    form = read(client.get("/sign-in").text).form("/sign-in")
    answers = [client.post("/sign-in", data=form.data(username=f"n{n}", password="x")) for n in range(61)]
    assert [a.status_code for a in answers] == [422] * 60 + [429]
    assert "操作太频繁" in answers[-1].text
    assert client.get("/sign-in").status_code == 200, "looking is not limited"
    elsewhere = client.post(
        "/sign-in", data=form.data(username="x", password="x"), environ_base={"REMOTE_ADDR": "10.0.0.9"}
    )
    assert elsewhere.status_code == 422


# --- the page


def test_the_door_names_its_district_and_who_is_responsible(client, town):
    page = opened(client, "/sign-in")
    assert page.h1 == "登录"
    for words in (
        "云溪高新区",
        "主办单位：云溪高新区健康管理专班",
        "健康热线 0000-0000123",
        "无人操作30分钟自动退出",
    ):
        assert words in page.text
    assert page.one("input", name="username").get("autocomplete") == "username"
    assert page.one("input", name="password").get("autocomplete") == "current-password"


def test_the_door_of_a_host_is_that_of_its_district(client, app, town):
    make.district("锦川区", "jinchuan")
    site = app.extensions["site"]
    hosts = {"jinchuan.example": "jinchuan", "yunxi.example": "yunxi"}
    app.extensions["site"] = replace(site, settings=replace(site.settings, hosts=hosts))
    for host, name in (
        ("jinchuan.example", "锦川区"),
        ("yunxi.example", "云溪高新区"),
        ("other.example", "云溪高新区"),
    ):
        text = read(client.get("/sign-in", base_url=f"http://{host}:8000").text).text
        assert f"主办单位：{name}健康管理专班" in text, host


def test_the_door_is_there_before_any_district_is(client, app):
    assert opened(client, "/sign-in").h1 == "登录"


def test_answers_of_the_door_are_kept_nowhere(client, person):
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"
