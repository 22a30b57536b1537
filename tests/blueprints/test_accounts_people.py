"""People one looks after: inviting them by link, writing a slip for a forgotten password (SEC-1, settled 3.3, 3.4)."""

import json
import threading
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models import passwords
from models.access import INVITES, Post
from models.accounts import Account, Appointment
from models.audit import AuditLine, Result
from models.base import db
from models.invitations import Invitation, ResetSlip
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read

NEW = "Guihu#2026-lake"
USED = "Lanterns#2025-x"


@pytest.fixture
def specialist(client, town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SPECIALIST, username="linjw", name="林见微"))


@pytest.fixture
def guest(app) -> FlaskClient:
    return app.test_client()


def invite(client, town, name="石守门", address="/people/invite?post=gate_guard", **changes) -> str:
    """The path of the link that was shown once."""
    answer = submit(client, address, **({"name": name, "scope_id": str(town.park.id)} | changes))
    page = landed(client, answer)
    return page.one("input", id="link").get("value").removeprefix("http://localhost")


def accept(guest, link, **changes):
    facts = {"username": "shism", "password": NEW, "repeat": NEW} | changes
    return submit(guest, link, **facts)


def count(model) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(model.id)))


def last_line() -> AuditLine:
    db.session.rollback()
    return db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))


# --- the list


def test_the_list_has_the_people_below_me_and_nobody_else(client, town):
    make.sign_in(client, town.officer(Post.SPECIALIST, name="林见微"))
    town.officer(Post.GATE_GUARD, name="石守门")
    make.account(town.district, Post.GATE_GUARD, town.other.id, name="远在别处")
    town.officer(Post.UNIT_LIAISON, name="周知行")
    town.officer(Post.CHIEF_HEALTH_OFFICER, name="江知夏")
    text = opened(client, "/people").text
    assert "石守门" in text
    for name in ("远在别处", "周知行", "江知夏"):
        assert name not in text


def test_the_list_is_searched_by_name_and_state(specialist, town):
    for name, facts in (
        ("石守门", {}),
        ("门小岗", {"disabled_at": NOW}),
        ("门中岗", {"must_change_password": True}),
    ):
        town.officer(Post.GATE_GUARD, name=name, **facts)
    invite(specialist, town, "门大岗")

    def names(query: str) -> set[str]:
        text = opened(specialist, f"/people?{query}").text
        return {name for name in ("石守门", "门小岗", "门中岗", "门大岗") if name in text}

    assert names("q=门") == {"石守门", "门小岗", "门中岗", "门大岗"}
    assert names("q=岗") == {"门小岗", "门中岗", "门大岗"}
    assert names("state=disabled") == {"门小岗"}
    assert names("state=new") == {"门中岗"}
    assert names("state=active") == {"石守门"}
    assert names("state=invited") == {"门大岗"}
    assert names("q=%25") == set()
    assert "没有找到符合条件的人" in opened(specialist, "/people?q=nobody").text


def test_htmx_gets_the_list_alone(specialist, town):
    answer = specialist.get("/people?q=x", headers={"HX-Request": "true"})
    assert read(answer.text, whole=False).one(id="people")
    assert "<html" not in answer.text


# --- inviting


def test_an_invited_person_sets_up_an_account_and_is_signed_in(specialist, town, guest):
    link = invite(specialist, town)
    page = opened(guest, link)
    for words in ("石守门，请接受邀请", "门岗", "云溪软件园B区", "林见微"):
        assert words in page.text
    answer = accept(guest, link, mobile="138 0000 0000")
    assert answer.headers["Location"] == "/gate"
    account = db.session.scalar(select(Account).where(Account.username == "shism"))
    assert (account.name, account.mobile) == ("石守门", "13800000000")
    (post,) = account.appointments
    assert (post.post, post.scope_id, post.starts_on) == (Post.GATE_GUARD, town.park.id, NOW.date())
    assert guest.get("/me").status_code == 200
    line = last_line()
    assert (line.action, line.account_name, line.object_type) == ("account:accept", "石守门", "invitation")
    assert NEW not in line.details


def test_the_link_is_shown_once(specialist, town):
    answer = submit(specialist, "/people/invite", name="石守门", scope_id=str(town.park.id))
    address = answer.headers["Location"]
    first = opened(specialist, address)
    link = first.one("input", id="link").get("value")
    assert first.one("svg", cls="square").get("aria-label") == "邀请链接的二维码"
    again = opened(specialist, address).text
    assert link.rpartition("/")[2] not in again
    assert "只在写好时显示一次" in again


def test_neither_cookie_nor_database_nor_audit_carries_the_link_in_the_clear(specialist, town):
    submit(specialist, "/people/invite", name="石守门", scope_id=str(town.park.id))
    with specialist.session_transaction() as session:
        sealed = dict(session)
    invitation = db.session.scalar(select(Invitation))
    token = (
        opened(specialist, f"/people/invitations/{invitation.id}").one("input", id="link").get("value")[-32:]
    )
    assert token not in json.dumps(sealed)
    assert token.encode() not in invitation.token_hash
    assert token not in last_line().details


def test_a_used_link_says_so(specialist, town, guest, app):
    link = invite(specialist, town)
    accept(guest, link)
    answer = app.test_client().get(link)
    assert answer.status_code == 410
    assert "已经用过" in read(answer.text).text


def test_an_expired_link_says_so_and_who_sends_a_new_one(specialist, town, guest, at):
    link = invite(specialist, town)
    at(NOW + timedelta(hours=72))
    answer = guest.get(link)
    assert answer.status_code == 410
    assert "已经过期，请联系林见微" in read(answer.text).text


def test_a_withdrawn_link_says_so(specialist, town, guest):
    link = invite(specialist, town)
    number = db.session.scalar(select(Invitation.id))
    landed(
        specialist,
        submit(specialist, f"/people/invitations/{number}", f"/people/invitations/{number}/withdraw"),
    )
    answer = guest.get(link)
    assert answer.status_code == 410
    assert "撤回" in read(answer.text).text
    assert json.loads(last_line().details)["withdrawn"] is True


def test_a_link_that_expires_while_the_form_is_being_filled_opens_nothing(specialist, town, guest, at):
    link = invite(specialist, town)
    form = opened(guest, link).forms[0].data(username="shism", password=NEW, repeat=NEW)
    at(NOW + timedelta(hours=72))
    assert guest.post(link, data=form).status_code == 410
    assert count(Account) == 1


def test_a_made_up_link_is_not_found(guest, town):
    assert guest.get("/invitations/made-up").status_code == 404


def test_the_link_can_be_pasted_on_the_door(specialist, town, guest):
    link = invite(specialist, town)
    answer = submit(guest, "/invitations", link=f" http://localhost{link} ")
    assert answer.headers["Location"] == link


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"username": "linjw"}, "账号“linjw”已经有人用"),
        ({"username": "石守门"}, "账号用3到32个小写字母"),
        ({"mobile": "1380000"}, "手机号"),
        ({"mobile": "13900000000"}, "已经登记在另一个账号上"),
        ({"password": "short", "repeat": "short"}, "至少8个字"),
        ({"repeat": "other"}, "不一样"),
        ({"password": "云溪软件园B区-a1", "repeat": "云溪软件园B区-a1"}, "名称"),
    ],
)
def test_what_does_not_fit_is_said_and_the_link_stays_good(specialist, town, guest, facts, why):
    town.officer(Post.TASK_FORCE).set_mobile("13900000000")
    db.session.commit()
    link = invite(specialist, town)
    assert why in refused(accept(guest, link, **facts))
    assert accept(guest, link).status_code == 303


def test_two_people_with_one_link_make_one_account(specialist, town, app):
    link = invite(specialist, town)
    guests = [app.test_client(), app.test_client()]
    forms = [
        opened(g, link).forms[0].data(username=f"shism{n}", password=NEW, repeat=NEW)
        for n, g in enumerate(guests)
    ]
    db.session.rollback()
    answers: list[int] = []

    def send(number: int) -> None:
        answers.append(guests[number].post(link, data=forms[number]).status_code)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers)[0] == 303
    assert sorted(answers)[1] in (409, 410)
    assert count(Appointment) == 2  # the specialist's and one guard's
    assert count(Account) == 2


def test_somebody_with_an_account_takes_the_post_with_it(specialist, town, app):
    link = invite(specialist, town)
    person = make.account(town.district, name="石守门", username="shism")
    client = make.sign_in(app.test_client(), person)
    answer = submit(client, link, f"{link}/mine")
    assert answer.headers["Location"] == "/gate"
    db.session.rollback()
    db.session.refresh(person)
    assert [a.post for a in person.appointments] == [Post.GATE_GUARD]
    assert client.get(link).status_code == 410


def test_an_administrator_does_not_take_another_post_by_link(specialist, town, app):
    link = invite(specialist, town)
    client = make.sign_in(app.test_client(), town.officer(Post.AUDIT_ADMIN))
    answer = submit(client, link, f"{link}/mine")
    assert answer.status_code == 409
    assert "不能兼任" in read(answer.text).text


@pytest.mark.parametrize("post", list(Post))
def test_each_post_is_offered_exactly_what_it_may_invite(client, town, post):
    make.sign_in(client, town.officer(post))
    answer = client.get("/people/invite")
    if post not in INVITES:
        assert answer.status_code == 403
        return
    page = read(answer.text)
    offered = {o.get("value") for o in page.all("option")} & set(Post)
    assert offered == (set(INVITES[post]) if len(INVITES[post]) > 1 else set())
    for below in INVITES[post]:
        assert opened(client, f"/people/invite?post={below.value}").h1 == f"邀请{below.label}"


def test_a_scope_beyond_reach_is_no_choice_however_it_is_sent(specialist, town):
    form = opened(specialist, "/people/invite").form("").data(name="石守门")
    answer = specialist.post("/people/invite", data=form | {"scope_id": str(town.other.id)})
    assert answer.status_code == 422
    assert count(Invitation) == 0


def test_a_post_that_is_not_below_falls_back_to_one_that_is(specialist, town):
    assert "邀请门岗" in opened(specialist, "/people/invite?post=task_force").h1


def test_a_term_in_the_past_is_refused(specialist, town):
    page = submit(specialist, "/people/invite", name="石守门", starts_on="2026-01-01", ends_on="2026-11-19")
    assert "已经过去" in refused(page)


def test_an_invitation_elsewhere_is_neither_seen_nor_withdrawn(specialist, town, app):
    other = make.account(town.district, Post.SPECIALIST, town.other.id)
    theirs = make.sign_in(app.test_client(), other)
    invite(theirs, town, scope_id=str(town.other.id))
    number = db.session.scalar(select(Invitation.id))
    token = opened(specialist, "/me").form("/sign-out").data()
    assert specialist.get(f"/people/invitations/{number}").status_code == 404
    assert specialist.post(f"/people/invitations/{number}/withdraw", data=token).status_code == 404
    assert last_line().result == Result.REFUSED


# --- slips


@pytest.fixture
def guard(town) -> Account:
    return town.officer(Post.GATE_GUARD, username="shism", name="石守门")


def write_slip(client, person) -> str:
    page = landed(client, submit(client, f"/people/{person.id}/slip", ""))
    return page.one(cls="slip__code").text


def use(guest, code, username="shism", new=NEW):
    return submit(guest, "/forgotten", username=username, code=code, password=new, repeat=new)


def test_a_slip_opens_one_change_of_password_and_ends_every_session(specialist, town, guard, guest, app):
    phone = make.sign_in(app.test_client(), guard)
    code = write_slip(specialist, guard)
    assert len(code.replace(" ", "")) == 8
    page = landed(guest, use(guest, code.lower()))
    assert "新密码已经设好" in page.text
    db.session.rollback()
    db.session.refresh(guard)
    assert passwords.password_matches(guard.password_hash, NEW)
    assert phone.get("/me").status_code == 303
    assert "对不上" in refused(use(guest, code, new="Another#2026-x")), "once only"
    db.session.rollback()
    done = db.session.scalars(select(AuditLine).where(AuditLine.action == "account:slip")).all()
    assert [(line.result, line.account_name) for line in done] == [
        (Result.DONE, "石守门"), (Result.FAILED, "石守门")]  # fmt: skip
    assert code.replace(" ", "") not in "".join(line.details for line in done)


def test_the_code_is_shown_once_on_a_page_to_print(specialist, guard):
    answer = submit(specialist, f"/people/{guard.id}/slip", "")
    address = answer.headers["Location"]
    page = opened(specialist, address)
    code = page.one(cls="slip__code").text
    for words in ("密码重设单", "石守门", "shism", "林见微", "2026年11月23日"):
        assert words in page.text
    again = opened(specialist, address).text
    assert code not in again
    assert "林见微11月20日09:41开过一张" in again


def test_a_slip_dies_of_five_wrong_codes(specialist, guard, guest):
    code = write_slip(specialist, guard)
    for _ in range(5):
        assert "对不上" in refused(use(guest, "ABCD EFGH"))
    assert "对不上" in refused(use(guest, code))


def test_a_slip_lives_72_hours(specialist, guard, guest, at):
    code = write_slip(specialist, guard)
    at(NOW + timedelta(hours=72))
    assert "对不上" in refused(use(guest, code))


def test_a_new_slip_ends_the_one_before(specialist, guard, guest):
    first, second = write_slip(specialist, guard), write_slip(specialist, guard)
    assert "对不上" in refused(use(guest, first))
    assert use(guest, second).status_code == 303


def test_an_unknown_account_and_a_wrong_code_get_the_same_answer(specialist, guard, guest):
    write_slip(specialist, guard)
    assert refused(use(guest, "ABCD EFGH")) == refused(use(guest, "ABCD EFGH", username="nobody"))


def test_a_weak_password_is_refused_and_the_slip_stays_good(specialist, guard, guest):
    code = write_slip(specialist, guard)
    guard.password_hash = passwords.hash_password(USED)
    db.session.commit()
    assert "至少8个字" in refused(use(guest, code, new="short"))
    assert "最近5次" in refused(use(guest, code, new=USED))
    assert use(guest, code).status_code == 303


def test_a_slip_unlocks_a_locked_account(specialist, guard, guest):
    guard.failures, guard.locked_until = 5, NOW + timedelta(minutes=15)
    db.session.commit()
    use(guest, write_slip(specialist, guard))
    answer = submit(guest, "/sign-in", "/sign-in", username="shism", password=NEW)
    assert answer.status_code == 303


def test_a_slip_for_a_disabled_account_is_refused_in_words(specialist, guard):
    guard.disable(reason="离职", now=NOW)
    db.session.commit()
    answer = submit(specialist, f"/people/{guard.id}/slip", "")
    assert answer.status_code == 409
    assert "已经停用" in read(answer.text).text


def test_nobody_writes_a_slip_for_those_above_beside_or_elsewhere(specialist, town, client):
    mine = db.session.scalar(select(Account.id).where(Account.username == "linjw"))
    others = [
        town.officer(Post.UNIT_LIAISON), town.officer(Post.SPECIALIST), town.officer(Post.SYSTEM_ADMIN),
        make.account(town.district, Post.GATE_GUARD, town.other.id), make.account(town.district),
    ]  # fmt: skip
    for number in [mine, *(person.id for person in others), 999]:
        assert specialist.get(f"/people/{number}/slip").status_code == 404, number
    assert last_line().result == Result.REFUSED
    assert count(ResetSlip) == 0


def test_no_administrator_writes_a_slip_for_himself(client, town):
    for post in (Post.SYSTEM_ADMIN, Post.SECURITY_ADMIN):
        admin = town.officer(post)
        make.sign_in(client, admin)
        assert client.get(f"/people/{admin.id}/slip").status_code == 404, post


def test_the_list_offers_a_slip_only_where_one_may_be_written(specialist, town, guard):
    above = town.officer(Post.GATE_GUARD, name="双岗人")
    make.appoint(above, Post.HEALTH_MANAGER, town.tenant.id)
    links = [one.url for one in opened(specialist, "/people").links if one.url.endswith("/slip")]
    assert links == [f"/people/{guard.id}/slip"]


def test_the_page_for_a_forgotten_password_says_whom_to_ask(guest, town):
    text = opened(guest, "/forgotten").text
    for words in ("门岗：找园区、楼宇的健康管理专员", "联络员：找专班成员", "72小时内有效"):
        assert words in text
