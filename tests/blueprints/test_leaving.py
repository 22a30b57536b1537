"""Leaving: from the pass, alone or together, twice, without an entry, too late; and by the guard, with a minute to take it back."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import render_template
from sqlalchemy import select

from blueprints.gate import nonce
from blueprints.gate.leaving import leaving_of
from models.access import Post
from models.audit import AuditLine, Result
from models.base import db
from models.gate import Departure, Kind
from models.judging import Verdict
from models.register import companion_index
from models.visits import inside_now
from tests import make
from tests.blueprints.test_gate_form import rows, submit
from tests.conftest import NOW
from tests.forms import landed
from tests.reader import read


def pass_of(app, row):
    return f"/pass/{nonce.pass_token(app.extensions['site'].vault, row.nonce)}"


def inside(town):
    db.session.rollback()
    return inside_now(db.session(), [town.park.id, town.building.id]).declared


@pytest.fixture
def code(town):
    return town.gate.code.code


@pytest.fixture
def family(app, town):
    """A mother and a child on one form."""
    mother = make.check_in(town.gate, NOW, name="陈文洁", call_number=301)
    index = companion_index(app.extensions["site"].vault, mother.mobile_index, "陈小满")
    child = make.check_in(town.gate, NOW, name="陈小满", mobile=None, party=mother.nonce, call_number=302)
    child.mobile_index = index
    db.session.commit()
    return mother, child


# --- the visitor ---


def test_one_button_ends_the_visit_and_the_page_says_so(client, town, code, at):
    address = submit(client, code).location
    assert inside(town) == 1
    page = read(client.get(f"{address}/leave").text)
    assert "现在离开吗" in page.text and "云溪软件园B区" in page.text
    at(NOW + timedelta(minutes=10))
    done = landed(client, client.post(f"{address}/leave"))
    assert "您09:51已经登记离开" in done.text and not done.forms
    assert inside(town) == 0
    (row,) = rows()
    assert (row.left_how, row.left_by_id) == (Departure.SELF, None)


def test_a_second_exit_is_harmless_and_said_with_the_time_of_the_first(client, town, code, at):
    address = submit(client, code).location
    client.post(f"{address}/leave")
    at(NOW + timedelta(hours=1))
    assert "您09:41已经登记离开" in landed(client, client.post(f"{address}/leave")).text
    assert rows()[0].left_at == NOW


def test_an_exit_without_an_entry_is_harmless_and_said(client, town, code):
    address = submit(client, code, temperature="37.6").location
    assert "没有进入的记录，不用登记离开" in landed(client, client.post(f"{address}/leave")).text
    assert rows()[0].left_at is None


def test_a_pass_that_has_run_out_still_lets_its_visitor_leave_and_shows_nobody(app, client, town, family, at):
    at(NOW + timedelta(hours=9))
    address = pass_of(app, family[0])
    page = read(client.get(f"{address}/leave").text)
    assert "陈" not in page.text and "叫号301" in page.text
    client.post(f"{address}/leave")
    assert inside(town) == 0


def test_after_midnight_the_time_of_yesterday_s_exit_has_its_day(client, code, at):
    address = submit(client, code).location
    client.post(f"{address}/leave")
    at(NOW + timedelta(days=1))
    assert "您11月20日09:41已经登记离开" in read(client.get(f"{address}/leave").text).text


def test_the_whole_party_leaves_with_one_button(app, client, town, family):
    address = pass_of(app, family[0])
    page = read(client.get(f"{address}/leave").text)
    assert "我们2人一起离开" in page.text and "陈**" in page.text
    assert "大家都已经离开" in landed(client, client.post(f"{address}/leave")).text
    assert inside(town) == 0


def test_one_of_a_party_leaves_alone(app, client, town, family):
    address = pass_of(app, family[0])
    page = read(client.get(f"{address}/leave").text)
    (button,) = [b for form in page.forms for b in form.buttons if "只有302号离开" in b[2]]
    after = landed(client, client.post(f"{address}/leave", data={button[0]: button[1]}))
    assert "我要离开" in after.text and "还在里面" in after.text
    assert [row.left_at is None for row in rows()] == [True, False]


@pytest.mark.parametrize("person", ["7", "-1", "x", "99999999999999999999"])
def test_a_made_up_person_of_a_party_never_fails(app, client, town, family, person):
    answer = client.post(f"{pass_of(app, family[0])}/leave", data={"person": person})
    assert answer.status_code == 303


def test_the_page_is_in_english_too(app, client, family):
    page = read(client.get(f"{pass_of(app, family[0])}/leave?lang=en").text)
    assert "All 2 of us are leaving" in page.text and "still inside" in page.text


def test_looking_changes_nothing(client, code):
    address = submit(client, code).location
    for _ in range(3):
        client.get(f"{address}/leave")
    assert rows()[0].left_at is None


@pytest.mark.parametrize("token", ["x" * 43, "a", "%00"])
def test_an_edited_address_leaves_nobody(client, token):
    assert client.get(f"/pass/{token}/leave").status_code == 404
    assert client.post(f"/pass/{token}/leave").status_code == 404


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Departure.GUARD, "门岗09:40已经替您登记离开"),
        (Departure.CLOSING, "09:40到了关门时间，这次到访自动结束"),
        (Departure.MOVED, "您09:40到了别处，这次到访就此结束"),
        (Departure.ABSENT, "门岗09:40核实您不在里面，这次到访结束"),
    ],
)
def test_each_way_in_which_a_visit_ended_has_its_own_words(app, client, town, how, said):
    row = make.check_in(town.gate, NOW - timedelta(hours=1), left_at=NOW - timedelta(minutes=1), left_how=how)
    assert said in read(client.get(f"{pass_of(app, row)}/leave").text).text


def part(app, row, english=False, now=NOW):
    """What the pass shows of leaving."""
    db.session.rollback()
    db.session.refresh(row)  # what the site has done to it since
    with db.engine.connect() as connection:
        leaving = leaving_of(connection, row, "token", named=True, english=english, now=now)
    with app.test_request_context():
        return read(render_template("gate/_leave.html", leaving=leaving, english=english), whole=False)


def test_the_pass_offers_one_button_for_all_and_the_way_to_the_others(app, family):
    shown = part(app, family[0])
    (form,) = shown.forms
    assert form.action == "/pass/token/leave" and form.buttons[0][2] == "我们2人一起离开"
    assert shown.link("只有部分人离开") == "/pass/token/leave"
    assert part(app, family[0], english=True).forms[0].buttons[0][2] == "All 2 of us are leaving"


def test_the_pass_says_who_has_left_and_offers_nothing_more(app, client, town, family):
    alone = make.check_in(town.gate, NOW, mobile="13900000009", left_at=NOW, left_how=Departure.SELF)
    assert part(app, alone).text == "您09:41已经登记离开。" and not part(app, alone).forms
    client.post(f"{pass_of(app, family[0])}/leave")
    assert "大家都已经离开。" in part(app, family[0]).text
    refused = make.check_in(town.gate, NOW, mobile="13900000008", verdict=Verdict.REFUSED)
    assert part(app, refused).text == ""


# --- the walk of scenario 12 ---


def test_entries_minus_exits_is_the_list_over_two_gates_a_building_and_midnight(app, town, at):
    for place in (town.park, town.building):
        place.opens = place.closes = None
    db.session.commit()
    lobby = make.gate(town.building, "大堂")
    person = town.officer(Post.GATE_GUARD)
    evening = NOW.replace(hour=15, minute=30)  # 23:30 in Shanghai
    phones = {name: app.test_client() for name in ("甲某", "乙某", "丙某")}
    passes = {}

    def scan(name, gate, minutes, **more):
        at(evening + timedelta(minutes=minutes))
        number = f"1390000000{list(phones).index(name)}"
        passes[name] = submit(phones[name], gate.code.code, name=name, mobile=number, **more).location

    def leave(name, minutes):
        at(evening + timedelta(minutes=minutes))
        phones[name].post(f"{passes[name]}/leave")

    def listed():
        db.session.rollback()
        guard = make.sign_in(app.test_client(), person)  # anew: the evening is long
        page = read(guard.get(f"/gate/inside?gate={town.gate.id}").text)
        count = page.one("nav", cls="grades").find("a").find("b").text
        names = [one for one in page.all("ul", cls="live") for one in one.findall("li")]
        assert int(count) == len(names) == inside(town)
        return len(names)

    assert listed() == 0
    scan("甲某", town.gate, 0)
    assert listed() == 1
    scan("乙某", town.north, 1)
    assert listed() == 2
    scan("甲某", town.north, 5)  # another gate: a movement, still one
    assert listed() == 2
    scan("丙某", town.gate, 6, temperature="37.6")  # refused: nobody came in
    assert listed() == 2
    leave("丙某", 7)
    assert listed() == 2
    scan("甲某", lobby, 10)  # into the building of the park
    assert listed() == 2
    scan("乙某", town.gate, 45)  # past midnight, the visit goes on
    assert listed() == 2
    leave("乙某", 50)
    assert listed() == 1
    leave("乙某", 51)
    assert listed() == 1
    scan("乙某", town.gate, 60)  # comes back: a new visit
    assert listed() == 2
    leave("甲某", 70)
    leave("乙某", 71)
    assert listed() == 0
    ends = [row.left_how for row in rows() if row.kind == Kind.ENTRY and row.verdict != Verdict.REFUSED]
    assert ends == [Departure.MOVED, Departure.SELF, Departure.SELF, Departure.SELF]


# --- the guard ---


@pytest.fixture
def person(town):
    return town.officer(Post.GATE_GUARD)


@pytest.fixture
def guard(app, town, person):
    return make.sign_in(app.test_client(), person)


def let_out(guard, town, row, query="", **data):
    page = read(guard.get(f"/gate/inside?gate={town.gate.id}{query}").text)
    form = page.form("/gate/entries/")
    return guard.post(f"/gate/entries/{row.id}/leave", data=form.data() | data)


def test_a_guard_lets_somebody_out_and_takes_it_back_within_a_minute(guard, person, town, at):
    row = make.check_in(town.gate, NOW, name="张晓明", call_number=417)
    page = landed(guard, let_out(guard, town, row))
    assert "叫号417，张**：09:41登记离开" in page.text and inside(town) == 0
    assert (rows()[0].left_how, rows()[0].left_by_id) == (Departure.GUARD, person.id)
    back = page.form("/gate/entries/")
    assert back.action.endswith("/undo")
    at(NOW + timedelta(seconds=60))
    after = landed(guard, guard.post(back.action, data=back.data()))
    assert "已撤销，张**还在里面" in after.text and inside(town) == 1


def test_after_the_minute_it_cannot_be_taken_back_and_the_page_says_what_to_do(guard, town, at):
    row = make.check_in(town.gate, NOW)
    page = landed(guard, let_out(guard, town, row))
    back = page.form("/gate/entries/")
    at(NOW + timedelta(seconds=61))
    assert "请他再扫一次码，或代他登记" in landed(guard, guard.post(back.action, data=back.data())).text
    assert inside(town) == 0
    assert "撤销" not in read(guard.get(f"/gate/inside?left={row.id}").text).text


def test_whoever_has_left_already_is_said_with_the_time(guard, town):
    make.check_in(town.gate, NOW, mobile="13900000001")
    row = make.check_in(
        town.gate, NOW - timedelta(hours=1), left_at=NOW - timedelta(minutes=1), left_how=Departure.SELF
    )
    page = landed(guard, let_out(guard, town, row))
    assert "09:40已经登记离开（自己登记）" in page.text and "撤销" not in page.text
    assert rows()[1].left_how == Departure.SELF


def test_an_exit_without_an_entry_is_said_to_the_guard_too(guard, town):
    make.check_in(town.gate, NOW, mobile="13900000001")
    row = make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    assert "没有进入的记录，不用登记离开" in landed(guard, let_out(guard, town, row)).text


def test_nobody_of_that_name_is_offered_where_no_guard_has_seen_them(guard, person, town):
    seen = make.check_in(town.gate, NOW, mobile="13900000001", confirmed_at=NOW, confirmed_by_id=person.id)
    row = make.check_in(town.gate, NOW)
    assert "没有此人" not in read(guard.get("/gate/inside").text).text
    assert "没有此人" in read(guard.get("/gate/inside?only=declared").text).text
    assert "核实不在" in landed(guard, let_out(guard, town, row, "&only=declared", how="absent")).text
    assert rows()[1].left_how == Departure.ABSENT
    make.check_in(town.gate, NOW, mobile="13900000002")
    answer = landed(guard, let_out(guard, town, seen, "&only=declared", how="absent"))
    assert "门岗确认过这个人到场" in answer.text and rows()[0].left_at is None


def test_letting_out_is_kept_in_the_audit_with_numbers_alone(guard, town):
    row = make.check_in(town.gate, NOW, name="张晓明")
    let_out(guard, town, row)
    line = db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))
    assert (line.action, line.result, line.object_type, line.object_id) == (
        "visit:end", Result.DONE, "check_in", str(row.id),
    )  # fmt: skip
    assert "张" not in line.details


def test_a_guard_of_another_place_lets_nobody_out(app, town):
    row = make.check_in(town.gate, NOW)
    make.check_in(town.other_gate, NOW)
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.GATE_GUARD, town.other.id))
    form = read(stranger.get("/gate/inside").text).form("/gate/entries/")
    assert stranger.post(f"/gate/entries/{row.id}/leave", data=form.data()).status_code == 404
    assert stranger.post(f"/gate/entries/{row.id}/leave/undo", data=form.data()).status_code == 404
    assert stranger.get(f"/gate/inside?gate={town.gate.id}").status_code == 404
    assert f"left={row.id}" not in stranger.get(f"/gate/inside?left={row.id}").text.replace(
        f"?left={row.id}", ""
    )
    assert rows()[0].left_at is None


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "", "\\\\evil"])
def test_the_way_back_stays_on_this_site(guard, town, where):
    row = make.check_in(town.gate, NOW)
    assert let_out(guard, town, row, next=where).location == f"/gate/inside?left={row.id}"


def test_a_marked_visitor_who_has_left_is_not_brought_in_by_a_late_confirmation(client, town, code, app, at):
    address = submit(client, code, temperature="35.0").location
    client.post(f"{address}/leave")
    row = rows()[0]
    assert row.left_at == NOW and row.verdict == Verdict.ATTENTION
    row.confirmed_at, row.confirmed_by_id = NOW, town.officer(Post.GATE_GUARD).id
    db.session.commit()
    assert inside(town) == 0


def test_the_search_by_mobile_is_logged_without_the_number(guard, town):
    make.check_in(town.gate, NOW, mobile="13987650007")
    assert "里面没有" not in read(guard.get("/gate/inside?q=" + quote("139 8765 0007")).text).text
    line = db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))
    assert (line.action, line.result) == ("visit:inside", Result.SEEN) and "13987650007" not in line.details
