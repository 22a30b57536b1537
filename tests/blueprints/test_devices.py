"""Shared phones of a gate: made and paired by the specialist, taken over by guards with name and PIN, handed over."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from blueprints.devices import tablet as tablet_view
from models import passwords
from models.access import Post
from models.accounts import Account, LoginSession, token_digest
from models.audit import AuditLine, Result
from models.base import db
from models.devices import DeviceKind, GateDevice, Shift
from models.gate import CheckIn, Reading
from models.judging import Verdict
from models.rotating import is_rotating
from models.watch import Fault, FaultKind
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read
from tests.statements import statements_of

PIN, OTHER_PIN = "284613", "907152"
COOKIE = "gate-device"


@pytest.fixture
def specialist(client: FlaskClient, town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SPECIALIST, name="许安澜"))


@pytest.fixture
def luo(town) -> Account:
    return guard_of(town, "罗守诚", PIN)


@pytest.fixture
def ma(town) -> Account:
    return guard_of(town, "马建军", OTHER_PIN)


def guard_of(town, name: str, pin: str | None = None, place=None) -> Account:
    digest = passwords.hash_password(pin) if pin else None
    return make.account(town.district, Post.GATE_GUARD, (place or town.park).id, name=name, pin_hash=digest)


@pytest.fixture
def phone(app, town) -> FlaskClient:
    """A browser that is the east gate's phone."""
    return paired(app, town.gate, town.officer(Post.SPECIALIST))


def paired(app, gate, by, kind=DeviceKind.PHONE, label="东门值守手机") -> FlaskClient:
    device, _code = GateDevice.make(gate, kind, label, now=NOW, by_id=by.id)
    token = device.pair(now=NOW)
    make.save(device)
    browser = app.test_client()
    browser.set_cookie(COOKIE, token)
    return browser


def take(phone: FlaskClient, guard: Account, pin: str = PIN):
    return submit(phone, f"/gate/shift/{guard.id}", "", pin=pin)


def on_duty(phone: FlaskClient, guard: Account, pin: str = PIN) -> FlaskClient:
    assert take(phone, guard, pin).status_code == 303
    return phone


def turns() -> list[Shift]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(select(Shift).order_by(Shift.id)))


def devices() -> list[GateDevice]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(select(GateDevice).order_by(GateDevice.id)))


def fresh(person: Account) -> Account:
    db.session.rollback()
    db.session.refresh(person)
    return person


def lines(action: str) -> list[AuditLine]:
    db.session.rollback()
    return list(
        db.session.scalars(select(AuditLine).where(AuditLine.action == action).order_by(AuditLine.id))
    )


def details(line: AuditLine) -> dict:
    return json.loads(line.details)


def token_of(page) -> str:
    """What the pairing page of the specialist says, as one would type it."""
    return next(word for word in page.text.split() if "/pair/" in word).rpartition("/")[2]


def made(specialist: FlaskClient, town, **changes):
    data = {"kind": "phone", "gate_id": str(town.gate.id), "label": "东门值守手机"} | changes
    return submit(specialist, f"/places/{town.park.id}/devices/new", "", **data)


# --- the specialist makes a device


def test_a_new_device_shows_its_pairing_code_once_and_keeps_only_a_digest(specialist, town):
    answer = made(specialist, town)
    page = landed(specialist, answer)
    token = token_of(page)
    assert len(token) >= 22  # 128 bits in base64
    assert "10:11前有效，只能用一次" in page.text
    (device,) = devices()
    assert device.pairing_digest == token_digest(token) and device.pairing_until == NOW + timedelta(
        minutes=30
    )
    assert "/pair/" not in opened(specialist, answer.headers["Location"]).text
    (line,) = lines("device:manage")
    assert token not in line.details and details(line)["name"] == "东门值守手机"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"label": ""}, "请起个名字"),
        ({"label": "  "}, "请起个名字"),
        ({"label": "东" * 21}, "名称最多20个字"),
        ({"label": "东门\u202e手机"}, "看不见的符号"),
        ({"kind": None}, "请选手机还是平板"),
        ({"kind": "fridge"}, "有1处需要改"),
        ({"gate_id": "999999"}, "有1处需要改"),
        ({"gate_id": "x"}, "有1处需要改"),
    ],
)
def test_a_bad_device_is_refused_in_words_and_what_was_typed_stays(specialist, town, wrong, words):
    answer = made(specialist, town, **wrong)
    assert words in refused(answer)
    if "label" not in wrong:
        assert "东门值守手机" in answer.text
    assert devices() == []


def test_two_devices_of_a_gate_have_different_names(specialist, town):
    made(specialist, town)
    assert "已经有一台叫“东门值守手机”" in refused(made(specialist, town))
    assert made(specialist, town, gate_id=str(town.north.id)).status_code == 303


def test_a_gate_of_another_place_is_not_on_offer(specialist, town):
    assert made(specialist, town, gate_id=str(town.other_gate.id)).status_code == 422


def test_another_pairing_code_voids_the_one_before(app, specialist, town):
    first = token_of(landed(specialist, made(specialist, town)))
    again = submit(specialist, f"/devices/{devices()[0].id}", "/devices/")
    second = token_of(landed(specialist, again))
    assert app.test_client().get(f"/pair/{first}").status_code == 404
    assert app.test_client().get(f"/pair/{second}").status_code == 200


def test_the_list_says_of_each_device_in_what_state_it_is(app, at, specialist, town, luo):
    by = town.officer(Post.SPECIALIST)
    on_duty(paired(app, town.gate, by, label="东门甲"), luo)
    paired(app, town.north, by, DeviceKind.TABLET, label="北门平板")
    made(specialist, town, label="东门乙")
    text = opened(specialist, f"/places/{town.park.id}/devices").text
    assert "11月20日09:41配对" in text and "罗守诚在值守，11月20日09:41起" in text
    assert "平板不用接班" in text and "等待配对，10:11前有效" in text
    at(NOW + timedelta(minutes=30))
    later = make.sign_in(app.test_client(), by)
    assert "配对码已过期" in opened(later, f"/places/{town.park.id}/devices").text


def test_the_list_asks_as_many_questions_for_many_devices_as_for_one(app, specialist, town, luo, ma):
    by = town.officer(Post.SPECIALIST)
    paired(app, town.gate, by)
    few = statements_of(lambda: specialist.get(f"/places/{town.park.id}/devices"))
    for number in range(5):
        on_duty(paired(app, town.north, by, label=f"北门{number}"), luo)
        guard_of(town, f"门岗{number}", PIN)
    many = statements_of(lambda: specialist.get(f"/places/{town.park.id}/devices"))
    assert many <= few


# --- pairing


def test_opening_the_code_changes_nothing_and_pairing_leaves_a_cookie_of_which_a_digest_is_kept(
    app, specialist, town
):
    token = token_of(landed(specialist, made(specialist, town)))
    browser = app.test_client()
    for _ in range(3):
        assert "配对成值守手机" in opened(browser, f"/pair/{token}").text
    assert devices()[0].paired_at is None
    answer = submit(browser, f"/pair/{token}", "")
    assert answer.status_code == 303 and answer.headers["Location"] == "/gate/shift"
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Max-Age=34560000" in cookie
    value = browser.get_cookie(COOKIE).value
    (device,) = devices()
    assert device.paired_at == NOW and device.token_digest == token_digest(value)
    assert "已经配对成“东门值守手机”" in opened(browser, "/gate/shift").text
    (line,) = lines("device:pair")
    assert line.district_id == town.district.id and line.object_id == str(device.id)


def test_a_code_pairs_one_device_and_then_says_that_it_was_used(app, specialist, town):
    token = token_of(landed(specialist, made(specialist, town)))
    browser, late = app.test_client(), app.test_client()
    form = opened(late, f"/pair/{token}").form().data()
    submit(browser, f"/pair/{token}", "")
    answer = late.post(f"/pair/{token}", data=form)
    assert answer.status_code == 410 and "已经用过" in read(answer.text).text
    assert late.get_cookie(COOKIE) is None
    again = browser.get(f"/pair/{token}")
    assert again.status_code == 410 and "已经配对好了" in read(again.text).text


def test_a_code_is_good_for_half_an_hour(app, at, specialist, town):
    token = token_of(landed(specialist, made(specialist, town)))
    browser = app.test_client()
    at(NOW + timedelta(minutes=29, seconds=59))
    form = opened(browser, f"/pair/{token}").form().data()
    at(NOW + timedelta(minutes=30))
    answer = browser.post(f"/pair/{token}", data=form)
    assert answer.status_code == 410 and "已经过期" in read(answer.text).text
    assert devices()[0].paired_at is None


def test_a_revoked_code_and_a_wrong_one_say_so(app, specialist, town):
    token = token_of(landed(specialist, made(specialist, town)))
    submit(specialist, f"/devices/{devices()[0].id}/revoke", "")
    answer = app.test_client().get(f"/pair/{token}")
    assert answer.status_code == 410 and "已经撤销" in read(answer.text).text
    for odd in ("x", token[:-1], "%E4%BA%91", "a" * 3000):
        answer = app.test_client().get(f"/pair/{odd}")
        assert answer.status_code == 404 and "没有这张配对码" in read(answer.text).text


def test_within_wechat_the_page_sends_people_to_their_browser_first(app, specialist, town):
    token = token_of(landed(specialist, made(specialist, town)))
    within = app.test_client().get(f"/pair/{token}", headers={"User-Agent": "Android MicroMessenger/8.0"})
    assert "在浏览器打开" in read(within.text).text


def test_a_browser_that_is_another_device_already_is_told(app, specialist, town, phone):
    token = token_of(
        landed(specialist, made(specialist, town, label="北门值守手机", gate_id=str(town.north.id)))
    )
    assert "这个浏览器现在是“东门值守手机”" in opened(phone, f"/pair/{token}").text


# --- revoking


def test_revoking_asks_first_and_ends_the_shift_at_once(app, specialist, town, luo, phone):
    on_duty(phone, luo)
    number = devices()[0].id
    assert "罗守诚正在用它值守" in opened(specialist, f"/devices/{number}/revoke").text
    assert phone.get("/gate").status_code == 200
    assert (
        "罗守诚的值守已经结束" in landed(specialist, submit(specialist, f"/devices/{number}/revoke", "")).text
    )
    assert phone.get("/gate").status_code == 303
    answer = phone.get("/gate/shift")
    assert answer.status_code == 403 and "配对已撤销" in read(answer.text).text
    assert phone.get(f"/gate/shift/{luo.id}").status_code == 403
    (turn,) = turns()
    assert turn.end_reason == "设备配对撤销" and turn.login.ended_at == NOW
    assert [details(line)["ended"] for line in lines("device:manage")] == ["罗守诚"]
    assert specialist.get(f"/devices/{number}/revoke").status_code == 409
    assert "撤销的设备" in opened(specialist, f"/places/{town.park.id}/devices").text


# --- who is on duty


def test_a_browser_that_is_no_phone_of_a_gate_sees_no_names(app, client, town, luo):
    answer = client.get("/gate/shift")
    assert (
        answer.status_code == 403 and "还没有配对" in read(answer.text).text and "罗守诚" not in answer.text
    )
    client.set_cookie(COOKIE, "made-up")
    assert client.get("/gate/shift").status_code == 403
    assert client.get(f"/gate/shift/{luo.id}").status_code == 403
    tablet = paired(app, town.gate, town.officer(Post.SPECIALIST), DeviceKind.TABLET, "东门平板")
    assert "不能当值守手机用" in read(tablet.get("/gate/shift").text).text


def test_the_phone_names_the_guards_of_its_place_and_nothing_else_of_them(phone, town, luo):
    guard_of(town, "别处的门岗", PIN, town.other)
    gone = guard_of(town, "停用的门岗", PIN)
    gone.disable(reason="离职", now=NOW)
    past = guard_of(town, "卸任的门岗", PIN)
    past.appointments[0].end(reason="调岗", now=NOW)
    town.officer(Post.SPECIALIST, name="不是门岗")
    luo.set_mobile("13800001111")
    db.session.commit()
    page = opened(phone, "/gate/shift")
    assert "现在没有人值守" in page.text and "罗守诚" in page.text
    for name in ("别处的门岗", "停用的门岗", "卸任的门岗", "不是门岗"):
        assert name not in page.html
    assert luo.username not in page.html and "1111" not in page.html
    assert phone.get(f"/gate/shift/{gone.id}").status_code == 404


def test_at_a_building_in_a_park_the_parks_guards_may_take_over_too(app, town, luo):
    lobby = make.gate(town.building, "大堂")
    inside = paired(app, lobby, town.officer(Post.SPECIALIST), label="大堂手机")
    on_duty(inside, luo)
    assert inside.get(f"/gate?gate={lobby.id}").status_code == 200


# --- taking over


def test_the_first_time_the_guard_gives_the_password_and_chooses_a_pin(phone, town):
    guard = guard_of(town, "罗守诚")
    answer = submit(phone, f"/gate/shift/{guard.id}", "", password=make.PASSWORD, pin=PIN, repeat=PIN)
    assert answer.status_code == 303 and answer.headers["Location"] == f"/gate?gate={town.gate.id}"
    kept = fresh(guard).pin_hash
    assert kept.startswith("$argon2id$") and passwords.password_matches(kept, PIN)
    assert "值守：罗守诚" in opened(phone, "/gate").text
    (line,) = lines("shift:take_over")
    assert line.account_name == "罗守诚" and line.post == "gate_guard" and PIN not in line.details


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "wrong"}, "密码不对"),
        ({"password": ""}, "请填您的登录密码"),
        ({"pin": ""}, "请想一个6位PIN码"),
        ({"pin": "123456", "repeat": "123456"}, "太好猜"),
        ({"pin": "28461", "repeat": "28461"}, "现在是5位"),
        ({"repeat": "284614"}, "不一样"),
    ],
)
def test_a_bad_first_time_is_refused_in_words(phone, town, wrong, words):
    guard = guard_of(town, "罗守诚")
    data = {"password": make.PASSWORD, "pin": PIN, "repeat": PIN} | wrong
    answer = submit(phone, f"/gate/shift/{guard.id}", "", **data)
    assert words in refused(answer)
    assert PIN not in answer.text and make.PASSWORD not in answer.text
    assert fresh(guard).pin_hash is None and turns() == []


def test_an_initial_password_is_changed_first_on_a_phone_of_ones_own(phone, town):
    guard = guard_of(town, "罗守诚")
    guard.must_change_password, guard.password_expires_at = True, NOW + timedelta(hours=1)
    db.session.commit()
    answer = submit(phone, f"/gate/shift/{guard.id}", "", password=make.PASSWORD, pin=PIN, repeat=PIN)
    assert "这还是初始密码" in refused(answer)
    assert fresh(guard).pin_hash is None and guard.failures == 0


def test_a_pin_is_understood_as_people_type_it(phone, luo):
    on_duty(phone, luo, "２８４ ６１３")


def test_wrong_pins_are_counted_and_lock_the_account_and_each_is_logged(phone, at, luo):
    for _ in range(4):
        assert "PIN码不对" in refused(take(phone, luo, "000111"))
    assert fresh(luo).failures == 4
    assert "PIN码不对" in refused(take(phone, luo, "000111"))
    assert fresh(luo).is_locked(NOW)
    assert "PIN码不对" in refused(take(phone, luo))  # right, but locked: not told apart
    failed = lines("shift:take_over")
    assert [line.result for line in failed] == [Result.FAILED] * 6
    assert details(failed[4])["reason"] == "连续输错，锁定账号" and failed[0].account_name == "罗守诚"
    at(NOW + timedelta(minutes=15))
    on_duty(phone, luo)
    assert fresh(luo).failures == 0


def test_a_locked_or_disabled_account_costs_the_same_hashing_as_any_other(phone, luo, monkeypatch):
    calls = []
    verify = passwords.password_matches
    monkeypatch.setattr(passwords, "password_matches", lambda *a: calls.append(1) or verify(*a))
    take(phone, luo, "000111")
    luo = fresh(luo)
    luo.locked_until = NOW + timedelta(minutes=5)
    db.session.commit()
    take(phone, luo)
    assert len(calls) == 2


def test_a_second_guard_ends_the_turn_of_the_first(app, phone, luo, ma):
    on_duty(phone, luo)
    old = phone.get_cookie("session").value
    assert "罗守诚还在值守" in opened(phone, f"/gate/shift/{ma.id}").text
    on_duty(phone, ma, OTHER_PIN)
    first, second = turns()
    assert first.end_reason == "马建军接班" and first.login.ended_at == NOW and second.ended_at is None
    assert not first.was_handed_over
    thief = app.test_client()
    thief.set_cookie("session", old)
    assert thief.get("/gate").status_code == 303
    assert "值守：马建军" in opened(phone, "/gate").text
    assert details(lines("shift:take_over")[-1])["ended"] == [first.id]


def test_two_guards_who_take_over_at_once_do_not_both_stay_on_duty(app, phone, luo, ma):
    device = phone.get_cookie(COOKIE).value

    def at_once(number: int, pin: str) -> int:
        browser = app.test_client()
        browser.set_cookie(COOKIE, device)
        return submit(browser, f"/gate/shift/{number}", "", pin=pin).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(at_once, number, pin) for number, pin in ((luo.id, PIN), (ma.id, OTHER_PIN))]
        assert [answer.result() for answer in answers] == [303, 303]
    assert sorted(turn.ended_at is None for turn in turns()) == [False, True]


def test_a_guard_is_on_duty_at_one_phone_at_a_time(app, town, phone, luo):
    on_duty(phone, luo)
    north = paired(app, town.north, town.officer(Post.SPECIALIST), label="北门手机")
    on_duty(north, luo)
    assert phone.get("/gate").status_code == 303 and north.get("/gate").status_code == 200
    assert turns()[0].end_reason == "在另一台值守手机接班"


def test_a_turn_of_twelve_hours_across_midnight_needs_no_password(app, at, phone, luo, monkeypatch):
    on_duty(phone, luo)
    real = time.time
    for hours in (1, 6, 12, 12.9):  # nothing is done in between: no idle limit
        passed = timedelta(hours=hours)
        at(NOW + passed)
        monkeypatch.setattr(time, "time", lambda s=passed: real() + s.total_seconds())
        assert phone.get("/gate").status_code == 200, hours
    at(NOW + timedelta(hours=13))
    answer = phone.get("/gate")
    assert answer.status_code == 303 and answer.headers["Location"] == "/gate/shift"
    page = opened(phone, "/gate/shift")
    assert "您的这一班已经结束" in page.text and "没有交班" in page.text
    on_duty(phone, luo)
    assert turns()[0].end_reason == "满13小时自动结束" and turns()[0].ended_at == NOW + timedelta(hours=13)


def test_a_term_renewed_at_midnight_does_not_end_the_turn(at, phone, town, luo):
    luo.appointments[0].ends_on = NOW.date()
    make.appoint(luo, Post.GATE_GUARD, town.park.id).starts_on = NOW.date() + timedelta(days=1)
    db.session.commit()
    at(NOW + timedelta(hours=10))  # 19:41
    on_duty(phone, luo)
    at(NOW + timedelta(hours=15))
    assert phone.get("/gate").status_code == 200


def test_the_rows_of_a_turn_carry_the_guards_name(phone, town, luo):
    on_duty(phone, luo)
    entry = make.check_in(town.gate, NOW, verdict=Verdict.ATTENTION, celsius=None, reasons='[["unmeasured"]]')
    answer = submit(phone, f"/gate/entries/{entry.id}/measure", "", temperature="36.5", mask="yes")
    assert answer.status_code == 303
    assert db.session.scalar(select(Reading.by_id)) == luo.id


# --- what a shared phone does not open


def test_on_a_shared_phone_only_the_guards_post_at_that_place_acts(phone, town, luo):
    make.appoint(luo, Post.SPECIALIST, town.park.id)
    make.appoint(luo, Post.GATE_GUARD, town.other.id)
    make.appoint(luo, Post.TASK_FORCE, town.district.id)
    on_duty(phone, luo)
    assert phone.get("/gate").status_code == 200
    assert phone.get(f"/gate?gate={town.other_gate.id}").status_code == 404
    for address in (f"/places/{town.park.id}", f"/places/{town.park.id}/devices", "/overview", "/people"):
        assert phone.get(address).status_code == 403, address
    assert phone.get("/").headers["Location"] == "/gate"


@pytest.mark.parametrize(
    "address", ["/me", "/more", "/me/password", "/me/pin", "/me/second-factor", "/me/sessions", "/me/confirm"]
)
def test_ones_own_affairs_are_refused_on_a_shared_phone(phone, luo, address):
    on_duty(phone, luo)
    answer = phone.get(address)
    assert answer.status_code == 403 and "值守手机上不办个人的事" in read(answer.text).text
    assert lines("own:" + address.rpartition("/")[2].replace("-", "_"))


def test_posts_about_oneself_are_refused_on_a_shared_phone_too(phone, luo):
    on_duty(phone, luo)
    token = opened(phone, "/gate/hand-over").form().data()["csrf_token"]
    number = turns()[0].login_id
    for address in ("/post", "/sign-out", "/me/sessions/end-others", f"/me/sessions/{number}/end"):
        assert phone.post(address, data={"csrf_token": token}).status_code == 403, address
    assert phone.get("/gate").status_code == 200


def test_the_guard_sees_the_turn_among_ones_devices_and_may_end_it(app, phone, at, luo):
    on_duty(phone, luo)
    at(NOW + timedelta(hours=9))
    mine = make.sign_in(app.test_client(), luo)
    assert "值守手机“东门值守手机”" in opened(mine, "/me/sessions").text
    submit(mine, "/me/sessions", f"/me/sessions/{turns()[0].login_id}/end")
    assert phone.get("/gate").status_code == 303
    assert "没有交班" in opened(phone, "/gate/shift").text


def test_a_turn_at_the_phone_does_not_change_the_post_one_works_as_elsewhere(app, phone, town, luo):
    first, second = luo.appointments[0], make.appoint(luo, Post.SPECIALIST, town.other.id)
    mine = app.test_client()
    submit(mine, "/sign-in", username=luo.username, password=make.PASSWORD)
    token = opened(mine, "/me").form("/sign-out").data()
    mine.post("/post", data=token | {"appointment": second.id})
    on_duty(phone, luo)
    again = app.test_client()
    submit(again, "/sign-in", username=luo.username, password=make.PASSWORD)
    last = db.session.scalar(select(LoginSession).order_by(LoginSession.id.desc()).limit(1))
    assert last.appointment_id == second.id != first.id


# --- handing over


def stand(town, at=NOW) -> None:
    """Two wait at the east gate, one at the north; three are inside."""
    make.check_in(town.gate, at, verdict=Verdict.REFUSED, reasons='[["fever","37.6","37.3"]]')
    make.check_in(town.gate, at, verdict=Verdict.ATTENTION, reasons='[["unmeasured"]]', celsius=None)
    make.check_in(town.north, at, verdict=Verdict.ATTENTION, reasons='[["unmeasured"]]', celsius=None)
    make.check_in(town.gate, at, verdict=Verdict.ATTENTION, reasons='[["unmeasured"]]', handled_at=at)
    for gate in (town.gate, town.gate, town.north):
        make.check_in(gate, at)
    make.check_in(town.gate, at, left_at=at)


def test_the_page_says_who_waits_how_many_are_inside_and_what_is_broken(phone, town, luo):
    stand(town)
    make.save(
        Fault(gate_id=town.gate.id, kind=FaultKind.FROZEN, note="室外零下", starts_at=NOW,
              until_at=NOW + timedelta(hours=1), opened_by_id=luo.id)
    )  # fmt: skip
    on_duty(phone, luo)
    text = opened(phone, "/gate/hand-over").text
    assert "待处理\n2" in text and "在场\n3" in text and "测温故障\n1" in text
    assert "禁止进入：体温37.6℃，达到37.3℃" in text and "太冷，量不准" in text and "室外零下" in text


def test_a_hand_over_is_read_and_confirmed_by_the_next_guard_first_thing(phone, at, town, luo, ma):
    stand(town, NOW + timedelta(hours=10, minutes=30))
    on_duty(phone, luo)
    at(NOW + timedelta(hours=11))
    answer = submit(phone, "/gate/hand-over", "", broken="2号体温枪没电", note="311号下午再来\n西门20:00锁门")
    page = landed(phone, answer)
    assert (
        "已交班" in page.text and "现在没有人值守" in page.text and "罗守诚11月20日20:41交了班" in page.text
    )
    assert "体温枪" not in page.text
    answer = take(phone, ma, OTHER_PIN)
    assert answer.headers["Location"] == "/gate/shift/read"
    page = landed(phone, answer)
    for words in ("罗守诚", "2人", "3人", "2号体温枪没电", "311号下午再来", "11月20日09:41–20:41"):
        assert words in page.text, words
    assert turns()[0].read_at is None
    assert submit(phone, "/gate/shift/read", "").headers["Location"] == f"/gate?gate={town.gate.id}"
    first = turns()[0]
    assert (first.read_by_id, first.read_at) == (ma.id, NOW + timedelta(hours=11))
    assert "马建军11月20日20:41看过" in opened(phone, "/gate/shift/read").text
    done = lines("shift:hand_over")
    assert [line.account_name for line in done] == ["罗守诚", "马建军"]
    assert details(done[0]) == {
        "reason": "交班",
        "pending": 2,
        "inside": 3,
        "broken_devices": "2号体温枪没电",
    }
    assert done[0].object_id == str(first.id)


def test_after_the_hand_over_a_replayed_cookie_opens_nothing_and_writes_nothing(app, phone, town, luo):
    entry = make.check_in(town.gate, NOW, verdict=Verdict.ATTENTION, celsius=None, reasons='[["unmeasured"]]')
    on_duty(phone, luo)
    form = opened(phone, f"/gate/entries/{entry.id}/measure").form().data(temperature="36.5", mask="yes")
    again = opened(phone, "/gate/hand-over").form().data()
    kept = phone.get_cookie("session").value
    device = phone.get_cookie(COOKIE).value
    assert submit(phone, "/gate/hand-over", "").status_code == 303
    before = db.session.scalar(select(func.count()).select_from(AuditLine))
    for cookies in ({"session": kept}, {"session": kept, COOKIE: device}):
        replay = app.test_client()
        for name, value in cookies.items():
            replay.set_cookie(name, value)
        for address in (
            "/gate",
            "/gate/hand-over",
            "/gate/shift/read",
            "/me",
            f"/gate/entries/{entry.id}/measure",
        ):
            assert replay.get(address).status_code == 303, address
        for address, data in ((f"/gate/entries/{entry.id}/measure", form), ("/gate/hand-over", again)):
            answer = replay.post(address, data=data)
            assert answer.status_code in (303, 400), address
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Reading)) == 0
    assert db.session.get(CheckIn, entry.id, populate_existing=True).verdict == Verdict.ATTENTION
    assert db.session.scalar(select(func.count()).select_from(AuditLine)) == before
    assert len(turns()) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"broken": "坏" * 301}, "最多写300个字"),
        ({"note": "话" * 301}, "最多写300个字"),
        ({"note": "看\u200b不见"}, "看不见的符号"),
        ({"broken": "两\n行"}, "看不见的符号"),
    ],
)
def test_a_bad_hand_over_is_refused_in_words_and_keeps_what_was_typed(phone, luo, wrong, words):
    on_duty(phone, luo)
    data = {"broken": "体温枪没电", "note": "没有异常"} | wrong
    answer = submit(phone, "/gate/hand-over", "", **data)
    assert words in refused(answer)
    kept = "没有异常" if "broken" in wrong else "体温枪没电"
    assert kept in answer.text
    assert turns()[0].ended_at is None and phone.get("/gate").status_code == 200


def test_words_of_a_hand_over_are_shown_escaped(phone, town, luo, ma):
    on_duty(phone, luo)
    submit(phone, "/gate/hand-over", "", broken="<b>枪</b>", note="O'Neil & <script>alert(1)</script>")
    answer = phone.get(take(phone, ma, OTHER_PIN).headers["Location"])
    assert (
        "<script>alert" not in answer.text and "O'Neil & <script>alert(1)</script>" in read(answer.text).text
    )


def test_ones_own_hand_over_need_not_be_confirmed(phone, luo):
    on_duty(phone, luo)
    submit(phone, "/gate/hand-over", "")
    assert take(phone, luo).headers["Location"].startswith("/gate?")


def test_who_did_not_take_over_at_a_shared_phone_has_nothing_to_hand_over(app, luo):
    mine = make.sign_in(app.test_client(), luo)
    for address in ("/gate/hand-over", "/gate/shift/read"):
        answer = mine.get(address)
        assert answer.status_code == 409 and "不用交班" in read(answer.text).text


def test_the_specialist_reads_all_past_hand_overs(specialist, town, phone, luo, ma):
    assert "还没有交过班" in opened(specialist, f"/places/{town.park.id}/devices/hand-overs").text
    on_duty(phone, luo)
    submit(phone, "/gate/hand-over", "", broken="充电器丢了", note="没有异常")
    on_duty(phone, ma, OTHER_PIN)
    page = opened(specialist, f"/places/{town.park.id}/devices/hand-overs")
    assert "充电器丢了" in page.text and "还没有人确认看过" in page.text
    submit(phone, "/gate/shift/read", "")
    on_duty(phone, luo)
    text = opened(specialist, f"/places/{town.park.id}/devices/hand-overs").text
    assert "马建军11月20日09:41看过" in text and "没有交班：罗守诚接班" in text
    assert "罗守诚" in opened(specialist, f"/devices/{devices()[0].id}").text


# --- PINs


def test_a_guard_changes_the_pin_with_the_password_on_a_phone_of_ones_own(app, phone, luo):
    mine = make.sign_in(app.test_client(), luo)
    assert "值守手机的PIN码" in opened(mine, "/me").text
    for wrong, words in (
        ({"password": "wrong"}, "密码不对"), ({"pin": "111111", "repeat": "111111"}, "太好猜"), ({"repeat": "1"}, "不一样"),
    ):  # fmt: skip
        data = {"password": make.PASSWORD, "pin": OTHER_PIN, "repeat": OTHER_PIN} | wrong
        assert words in refused(submit(mine, "/me/pin", "", **data))
    assert fresh(luo).failures == 1
    landed(mine, submit(mine, "/me/pin", "", password=make.PASSWORD, pin=OTHER_PIN, repeat=OTHER_PIN))
    assert "PIN码不对" in refused(take(phone, luo, PIN))
    on_duty(phone, luo, OTHER_PIN)


def test_who_is_no_guard_has_no_pin(specialist):
    answer = specialist.get("/me/pin")
    assert answer.status_code == 409 and "没有门岗任职" in read(answer.text).text
    assert "PIN码" not in opened(specialist, "/me").text


def test_the_specialist_clears_a_pin_and_the_guard_chooses_again(specialist, town, phone, luo):
    address = f"/places/{town.park.id}/devices/guards/{luo.id}/pin"
    assert "清除罗守诚的PIN码" in opened(specialist, address).text
    assert "PIN码已清除" in landed(specialist, submit(specialist, address, "")).text
    assert fresh(luo).pin_hash is None
    assert "第一次用值守手机" in opened(phone, f"/gate/shift/{luo.id}").text
    assert specialist.get(address).status_code == 409
    other = guard_of(town, "别处的门岗", PIN, town.other)
    assert specialist.get(f"/places/{town.park.id}/devices/guards/{other.id}/pin").status_code == 404
    assert specialist.get(f"/places/{town.other.id}/devices/guards/{other.id}/pin").status_code == 404


# --- the tablet


def test_the_tablet_shows_its_gate_and_a_code_that_changes_with_each_slot(app, at, town, monkeypatch):
    seen = []
    draw = tablet_view.square
    monkeypatch.setattr(tablet_view, "square", lambda text: seen.append(text) or draw(text))
    tablet = paired(app, town.gate, town.officer(Post.SPECIALIST), DeviceKind.TABLET, "东门平板")
    page = opened(tablet, "/tablet")
    assert "云溪软件园B区" in page.text and "东门" in page.text and town.gate.code.printed in page.text
    assert 'http-equiv="refresh" content="4;url=/tablet"' in page.html  # 09:41:26, the slot ends at 30
    at(NOW + timedelta(seconds=3))
    opened(tablet, "/tablet")
    at(NOW + timedelta(seconds=4))
    opened(tablet, "/tablet")
    first, same, later = seen
    assert first == same != later
    path, _, signed = first.partition("?at=")
    assert path == f"http://localhost/g/{town.gate.code.code}"
    assert is_rotating(app.extensions["site"].vault, town.gate.id, signed, NOW)
    assert app.test_client().get(first.removeprefix("http://localhost")).status_code == 200


def test_a_closed_gate_says_so_on_its_tablet(app, town):
    tablet = paired(app, town.gate, town.officer(Post.SPECIALIST), DeviceKind.TABLET, "东门平板")
    town.gate.pause(reason="门前施工，请走北门", now=NOW)
    db.session.commit()
    text = opened(tablet, "/tablet").text
    assert "这个入口暂停登记" in text and "门前施工，请走北门" in text


def test_a_browser_that_is_no_tablet_shows_no_code(client, phone):
    for browser in (client, phone):
        answer = browser.get("/tablet")
        assert answer.status_code == 403 and "<path" not in answer.text
