"""One's own affairs: password, second step, devices, the post to work as, the phone's menu."""

import itertools
import re
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.web.menu import MOST, menu_of
from models import passwords
from models.access import Post
from models.accounts import Account, LoginSession
from models.audit import AuditLine, Result
from models.base import db
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read

NEW = "Guihu#2026-lake"


@pytest.fixture
def person(town):
    return make.account(town.district, Post.SPECIALIST, town.park.id, username="linjw", name="林见微")


@pytest.fixture
def me(client, person) -> FlaskClient:
    return make.sign_in(client, person)


def change(client, old=make.PASSWORD, new=NEW, repeat=None):
    repeat = new if repeat is None else repeat
    return submit(client, "/me/password", old=old, password=new, repeat=repeat)


def fresh(person: Account) -> Account:
    db.session.rollback()
    db.session.refresh(person)
    return person


def last_line() -> AuditLine:
    db.session.rollback()
    return db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))


def is_in(client) -> bool:
    return client.get("/me").status_code == 200


# --- the password


def test_a_new_password_is_kept_and_every_other_session_ends(me, app, person):
    other = make.sign_in(app.test_client(), person)
    assert "密码已经换好" in landed(me, change(me)).text
    assert passwords.password_matches(fresh(person).password_hash, NEW)
    assert is_in(me)
    assert not is_in(other)
    line = last_line()
    assert (line.action, line.result) == ("own:password", Result.DONE)
    assert NEW not in line.details


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"old": "wrong"}, "现在的密码不对"),
        ({"repeat": NEW + "x"}, "两次填的新密码不一样"),
        ({"new": "short1A"}, "至少8个字"),
        ({"new": "linjw-Guihu-2026"}, "不能有您的账号"),
        ({"new": "云溪软件园B区-a1"}, "不能有单位或地区的名称“云溪软件园B区”"),
        ({"new": "Yunxi-2026-gate"}, "不能有单位或地区的名称“yunxi”"),
        ({"new": ""}, "请填新密码"),
    ],
)
def test_a_password_that_does_not_fit_is_refused_in_words(me, person, facts, why):
    before = person.password_hash
    assert why in refused(change(me, **facts))
    assert fresh(person).password_hash == before


def test_none_of_the_last_five_passwords_is_chosen_again(me):
    chosen = [make.PASSWORD, *(f"Lake#{n}-evening" for n in range(1, 7))]
    for old, new in itertools.pairwise(chosen):
        assert change(me, old, new).status_code == 303
    for again in chosen[2:]:
        assert "最近5次用过的密码不能再用" in refused(change(me, chosen[-1], again)), again
    assert change(me, chosen[-1], chosen[1]).status_code == 303, "the sixth back is free again"


def test_the_long_rule_holds_where_the_district_chose_it(me, town):
    town.district.password_rule = "long"
    db.session.commit()
    assert "至少15个字" in opened(me, "/me/password").text
    assert "至少15个字，现在有14个" in refused(change(me, new="Guihu#2026-lak"))
    assert change(me, new="lanterns over the lake").status_code == 303


def test_pasting_and_password_managers_are_welcome(me):
    page = opened(me, "/me/password")
    kinds = {f.get("name"): f.get("autocomplete") for f in page.all("input", type="password")}
    assert kinds == {"old": "current-password", "password": "new-password", "repeat": "new-password"}
    assert all(int(f.get("maxlength", 999)) > 256 for f in page.all("input", type="password"))


def test_no_transaction_is_open_while_passwords_are_hashed(me, monkeypatch):
    open_meanwhile = []
    for name in ("password_matches", "hash_password"):
        real = getattr(passwords, name)

        def work(*arguments, real=real):
            open_meanwhile.append(db.session().in_transaction())
            return real(*arguments)

        monkeypatch.setattr(passwords, name, work)
    change(me)
    assert len(open_meanwhile) == 3
    assert not any(open_meanwhile)


def test_five_wrong_old_passwords_end_the_session_and_lock_the_account(me, person):
    for _ in range(4):
        assert "不对" in refused(change(me, old="wrong"))
    page = landed(me, change(me, old="wrong"))
    assert "锁15分钟" in page.text
    assert not is_in(me)
    assert fresh(person).is_locked(NOW)


def test_an_old_password_has_to_be_changed_before_anything_else(me, person, town):
    person.password_set_at = NOW - timedelta(days=91)
    db.session.commit()
    assert me.get(f"/places/{town.park.id}").headers["Location"] == "/me/password"
    assert me.get("/more", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/me/password"
    assert "90天以上" in opened(me, "/me/password").text
    change(me)
    assert is_in(me)


def test_demo_passwords_do_not_age(me, person, town):
    person.password_set_at, town.district.is_demo = NOW - timedelta(days=91), True
    db.session.commit()
    assert is_in(me)


def test_while_a_password_has_to_be_chosen_nothing_can_be_changed_either(me, person):
    form = opened(me, "/more").form("/sign-out").data()
    person.must_change_password = True
    db.session.commit()
    answer = me.post("/me/sessions/end-others", data=form)
    assert answer.headers["Location"] == "/me/password"


# --- the second step


def enrol(client) -> str:
    page = opened(client, "/me/second-factor")
    secret = page.one(cls="secret").text.replace(" ", "")
    form = page.form("")
    answer = client.post("/me/second-factor", data=form.data(code=pyotp.TOTP(secret).at(NOW)))
    assert answer.status_code == 303, read(answer.text).text
    return secret


def test_enrolling_shows_code_and_secret_and_wants_a_code_back(me, app, person):
    other = make.sign_in(app.test_client(), person)
    page = opened(me, "/me/second-factor")
    assert page.one("svg", cls="square").get("aria-label") == "验证器的二维码"
    secret = enrol(me)
    assert fresh(person).totp_secret == secret
    assert not is_in(other), "sessions begun without it end"
    assert "已开" in opened(me, "/me").text
    assert secret not in last_line().details


def test_a_wrong_code_keeps_the_same_secret_and_switches_nothing_on(me, person):
    page = opened(me, "/me/second-factor")
    answer = me.post("/me/second-factor", data=page.form("").data(code="000000"))
    assert "对不上" in refused(answer)
    assert read(answer.text).one(cls="secret").text == page.one(cls="secret").text
    assert fresh(person).totp_secret is None


def test_nobody_enrols_with_a_secret_of_their_own_choice(me, person):
    """The sealed field is bound to the person and the server's key."""
    mine = pyotp.random_base32()
    form = opened(me, "/me/second-factor").form("").data(sealed=mine, code=pyotp.TOTP(mine).at(NOW))
    assert me.post("/me/second-factor", data=form).status_code == 422
    assert fresh(person).totp_secret is None


def test_switching_off_takes_the_password(me, person):
    enrol(me)
    assert "密码不对" in refused(submit(me, "/me/second-factor", password="wrong"))
    assert fresh(person).totp_secret
    landed(me, submit(me, "/me/second-factor", password=make.PASSWORD))
    assert fresh(person).totp_secret is None


def test_where_it_is_demanded_an_officer_enrols_first_and_cannot_switch_off(client, town):
    liaison = town.officer(Post.UNIT_LIAISON)
    make.sign_in(client, liaison)
    town.district.second_factor = True
    db.session.commit()
    assert client.get("/people").headers["Location"] == "/me/second-factor"
    assert "必须开" in opened(client, "/me/second-factor").text
    enrol(client)
    assert client.get("/people").status_code == 200
    page = opened(client, "/me/second-factor")
    assert "不能关" in page.text
    token = opened(client, "/me").form("/sign-out").data()
    assert "不能关" in refused(client.post("/me/second-factor", data=token | {"password": make.PASSWORD}))
    assert fresh(liaison).totp_secret


def test_in_production_the_second_step_is_demanded_wherever_the_district_stands(client, app, town):
    site = app.extensions["site"]
    app.extensions["site"] = replace(site, settings=replace(site.settings, env="production"))
    make.sign_in(client, town.officer(Post.AUDIT_ADMIN))
    assert client.get("/admin/audit").headers["Location"] == "/me/second-factor"
    make.sign_in(client, town.officer(Post.SPECIALIST))
    assert client.get("/people").status_code == 200


# --- the password again


def test_what_weighs_more_asks_for_the_password_again_after_ten_minutes(me, at):
    assert me.get("/me/second-factor").status_code == 200
    at(NOW + timedelta(minutes=10))
    answer = me.get("/me/second-factor")
    assert answer.headers["Location"] == "/me/confirm?next=/me/second-factor"
    assert "密码不对" in refused(submit(me, answer.headers["Location"], "/me/confirm", password="wrong"))
    answer = submit(me, answer.headers["Location"], "/me/confirm", password=make.PASSWORD)
    assert answer.headers["Location"] == "/me/second-factor"
    assert me.get("/me/second-factor").status_code == 200


def test_confirming_leads_nowhere_else(me):
    answer = submit(me, "/me/confirm?next=https://evil.example/", "/me/confirm", password=make.PASSWORD)
    assert "evil" not in answer.headers["Location"]


# --- devices


def test_the_list_has_every_living_session_in_words_this_one_first(me, app, at, person):
    phone = app.test_client()
    make.sign_in(phone, person)
    db.session.scalars(
        select(LoginSession).order_by(LoginSession.id.desc())
    ).first().device = "安卓手机，微信"
    make.save(LoginSession.start(person, now=NOW - timedelta(hours=2), address="", device="很久以前")[0])
    db.session.commit()
    text = opened(me, "/me/sessions").text
    assert "登录着2处" in text
    assert text.index("这一台") < text.index("安卓手机，微信")
    assert "很久以前" not in text


def test_one_session_ends_by_itself(me, app, person):
    phone = make.sign_in(app.test_client(), person)
    number = db.session.scalar(select(LoginSession.id).order_by(LoginSession.id.desc()))
    submit(me, "/me/sessions", f"/me/sessions/{number}/end")
    assert not is_in(phone)
    assert is_in(me)


def test_ending_this_session_signs_out(me, person):
    number = db.session.scalar(select(LoginSession.id))
    assert submit(me, "/me/sessions", f"/me/sessions/{number}/end").headers["Location"] == "/sign-in"
    assert not is_in(me)


def test_all_others_end_at_once(me, app, person):
    others = [make.sign_in(app.test_client(), person) for _ in range(2)]
    submit(me, "/me/sessions", "/me/sessions/end-others")
    assert not any(is_in(one) for one in others)
    assert is_in(me)


def test_nobody_ends_a_session_of_somebody_else(me, app, town, person):
    colleague = town.officer(Post.SPECIALIST)
    theirs = make.sign_in(app.test_client(), colleague)
    number = db.session.scalar(select(LoginSession.id).where(LoginSession.account_id == colleague.id))
    form = opened(me, "/me").form("/sign-out").data()
    assert me.post(f"/me/sessions/{number}/end", data=form).status_code == 404
    assert is_in(theirs)
    assert (last_line().result, last_line().object_id) == (Result.REFUSED, str(number))


# --- posts and the menu


def test_choosing_a_post_changes_home_and_menu_but_no_rights(client, town):
    person = town.officer(Post.UNIT_LIAISON, name="周知行")
    community = make.appoint(person, Post.COMMUNITY_LIAISON, town.community.id)
    task_force = make.appoint(person, Post.TASK_FORCE, town.district.id)
    make.sign_in(client, person)
    page = opened(client, "/more")
    assert page.h1 == "周知行，换个岗位办事"
    assert "单位联络员的栏目" in page.text
    token = page.form("/post").data()
    answer = client.post("/post", data=token | {"appointment": task_force.id})
    assert answer.headers["Location"] == "/overview" or answer.headers["Location"].startswith("/")
    assert "专班成员的栏目" in opened(client, "/more").text
    assert client.get("/people/invite?post=specialist").status_code == 200
    client.post("/post", data=token | {"appointment": community.id})
    assert "社区联络员的栏目" in opened(client, "/more").text


def test_a_post_of_somebody_else_or_of_the_past_cannot_be_chosen(me, town, person):
    theirs = town.officer(Post.TASK_FORCE).appointments[0]
    past = make.appoint(person, Post.GATE_GUARD, town.other.id)
    past.end(reason="调岗", now=NOW)
    db.session.commit()
    token = opened(me, "/me").form("/sign-out").data()
    for number in (theirs.id, past.id, 999, "x", ""):
        assert me.post("/post", data=token | {"appointment": number}).status_code == 404, number
    assert "健康管理专员" in opened(me, "/more").text


def test_the_phone_menu_has_the_whole_menu_and_the_way_out(me, town):
    page = opened(me, "/more")
    wide = opened(me, "/me")
    menu = {li.url for li in wide.links if li.tag == "a"} & {li.url for li in page.links if li.tag == "a"}
    assert f"/places/{town.park.id}" in menu
    assert page.form("/sign-out")
    assert "my" not in page.title


def marked(client, address):
    """The words in the left column that are marked as where one is."""
    html = client.get(address).text
    nav = html[html.index('<nav class="sidenav"') :]
    return re.findall(
        r'<a href="[^"]*" aria-current="(\w+)">.*?</svg>([^<]+)</a>', nav[: nav.index("</nav>")]
    )


@pytest.mark.parametrize("post", list(Post))
def test_no_post_has_more_in_its_menu_than_the_eye_takes_in(client, app, town, post):
    person = town.officer(post)
    make.sign_in(client, person)
    with app.test_request_context("/me"):
        shown = menu_of(person.appointments[0])
    assert len(shown) <= MOST, [item.label for item, _address, _here in shown]


def test_the_menu_marks_the_matter_that_a_page_belongs_to(client, town):
    make.sign_in(client, town.officer(Post.CHIEF_HEALTH_OFFICER))
    home = f"/enterprises/{town.tenant.id}"
    assert marked(client, home) == [("page", "今天")]
    belongs = {
        "员工": ["employees", "teams", "check-ups", "imports"], "每日健康": ["health", "health/cases"], "健康岗位": ["posts"],
        "年度计划": ["plan"], "企业档案": ["profile", "profile/edit"],
    }  # fmt: skip
    for words, below in ((words, one) for words, several in belongs.items() for one in several):
        assert [label for _kind, label in marked(client, f"{home}/{below}")] == [words], below


def test_the_specialist_finds_devices_posters_hand_over_and_all_places_from_the_menu(me, town):
    park = f"/places/{town.park.id}"
    firm = f"/enterprises/{town.tenant.id}"
    belongs = {
        "今天": [park, "/places"], "入口和设备": [f"{park}/gates", f"{park}/devices"], "人员": ["/people", "/hand-over"],
        "花名册": [f"{park}/contact-log", f"{firm}/contacts"], "企业": [f"{firm}/file"],
    }  # fmt: skip
    for words, address in ((words, one) for words, several in belongs.items() for one in several):
        assert [label for _kind, label in marked(me, address)] == [words], address
    for page, found in (("/people", "/hand-over"), (f"{park}/gates", f"{park}/devices"), (park, "/places")):
        assert found in {link.url for link in opened(me, page).links}, page


def test_somebody_without_a_post_finds_their_own_pages_and_a_word_of_advice(client, town):
    make.sign_in(client, make.account(town.district, name="许无任"))
    assert "没有在任的岗位" in opened(client, "/me").text
    assert "没有在任的岗位" in opened(client, "/more").text
    assert client.get("/people").status_code == 403


def test_my_page_shows_posts_with_their_terms_and_a_masked_mobile(me, person):
    person.set_mobile("13800000000")
    person.appointments[0].ends_on = NOW.date() + timedelta(days=9)
    db.session.commit()
    text = opened(me, "/me").text
    for words in (
        "林见微",
        "账号linjw",
        "138****0000",
        "健康管理专员",
        "云溪软件园B区",
        "2026年11月29日止，还有9天",
    ):
        assert words in text
