"""My visits: what a phone has registered, how it ended, until when it is kept, who looked, and deleting it."""

import hashlib
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from blueprints.gate import nonce
from models.access import Post
from models.audit import AuditLine, Result
from models.base import db
from models.gate import Departure, Kind, MeasuredBy, Note, Outcome, Reading
from models.judging import Verdict, write_reasons
from models.keeping import Destruction, Hold
from models.register import companion_index
from tests import make
from tests.blueprints.test_gate_form import open_emergency, rows, submit
from tests.conftest import NOW
from tests.forms import landed, opened
from tests.reader import read, words
from tests.statements import statements_of

DEVICE = "a-device-of-22-letters"


@pytest.fixture
def phone(client):
    client.set_cookie("device", DEVICE)
    return client


@pytest.fixture
def mine(app):
    """A row of this phone, an hour old and left, unless said otherwise."""

    def row(gate, at=NOW - timedelta(hours=1), **facts):
        index = app.extensions["site"].vault.blind(DEVICE, "device")
        ended = {"left_at": at + timedelta(minutes=30), "left_how": Departure.SELF}
        if facts.get("verdict") == Verdict.REFUSED or "kind" in facts:
            ended = {}
        return make.check_in(gate, at, **{"device_index": index, **ended, **facts})

    return row


@pytest.fixture
def address(app):
    return lambda row: f"/visits/{nonce.pass_token(app.extensions['site'].vault, row.nonce)}/delete"


def facts(page, number=0):
    """The facts of the so-and-so-many-th visit on the page."""
    rows = page.all("dl", cls="rows")[number]
    return {words(div[0]): words(div[1]) for div in rows}


# --- what is shown ---


def test_a_visitor_sees_where_and_when_and_how_it_stands(client, town):
    submit(client, town.gate.code.code)
    page = opened(client, "/visits")
    assert "云溪软件园B区" in page.text and "共1次" in page.text
    assert facts(page) == {
        "时间": "11月20日 周五 09:41", "入口": "东门2号口", "结果": "通行", "离开": "还在里面",
        "保存到": "2026年12月20日", "谁看过": "没有人看过完整的姓名和手机号",
    }  # fmt: skip
    assert "张明远" not in page.html and "13800138000" not in page.html


def test_leaving_from_there_is_one_button(client, town):
    submit(client, town.gate.code.code)
    form = opened(client, "/visits").form("/pass/")
    assert "您09:41已经登记离开" in landed(client, client.post(form.action)).text
    page = opened(client, "/visits")
    assert facts(page)["离开"] == "您09:41已经登记离开" and not page.forms


def test_the_other_language_says_the_same(phone, town, mine):
    mine(town.gate, kind=Kind.AGAIN)
    mine(town.gate)
    page = opened(phone, "/visits?lang=en")
    assert page.h1 == "My visits"
    assert {facts(page, n)["Result"] for n in (0, 1)} == {"May enter"}
    assert facts(page)["Leaving"] == "You checked out at 09:11"


def test_a_phone_that_is_not_known_is_told_what_still_works(client):
    page = opened(client, "/visits")
    assert "认不出这部手机" in page.text and "打开通行证那一页，登记离开" in page.text
    client.set_cookie("device", "nobody-s")
    assert "没有还保存着的到访" in opened(client, "/visits").text
    assert "no visits of this phone" in opened(client, "/visits?lang=en").text


def test_another_phone_s_visits_are_not_here(phone, town, mine):
    make.check_in(town.gate, NOW, device_index=b"x" * 16)
    make.check_in(town.gate, NOW)
    assert "没有还保存着的到访" in opened(phone, "/visits").text


def test_refused_and_waiting_visitors_did_not_go_in_yet(phone, town, mine):
    mine(town.gate, verdict=Verdict.REFUSED, reasons=write_reasons([("fever", "37.6", "37.3")]))
    mine(town.gate, NOW, verdict=Verdict.ATTENTION, left_at=None, left_how=None)
    page = opened(phone, "/visits")
    assert [facts(page, n)["离开"] for n in (0, 1)] == ["等门岗核验", "没有进入"]


def test_whoever_came_along_is_shown_with_the_form(app, phone, town, mine):
    row = mine(town.gate)
    child = mine(town.gate, name="陈小满", mobile=None, party=row.nonce)
    child.mobile_index = companion_index(app.extensions["site"].vault, row.mobile_index, "陈小满")
    db.session.commit()
    page = opened(phone, "/visits")
    assert "共1次" in page.text and facts(page)["同行"] == "陈**，通行\n您09:11已经登记离开"


def test_during_an_emergency_the_longest_time_is_said_too(phone, town, mine):
    mine(town.gate)
    open_emergency(town)
    assert (
        facts(opened(phone, "/visits"))["保存到"] == "2026年12月20日\n应急响应还没结束时，最长到2027年2月18日"
    )


def test_who_looked_is_said_by_post_and_reason_and_never_by_name(app, phone, town, mine):
    row = mine(town.gate, kind=Kind.AGAIN)
    officer = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST, name="许安澜"))
    case = f"/places/{town.park.id}/entries/{row.id}"
    reveal = opened(officer, case).form(f"{case}/reveal")
    officer.post(reveal.action, data=reveal.data(reason="contact"))
    call = opened(officer, case).form(f"{case}/call")
    officer.post(call.action, data=call.data())
    seen = facts(opened(phone, "/visits"))["谁看过"]
    assert seen.split("\n") == [
        "11月20日09:41 健康管理专员拨打了手机号，原因：联系本人",
        "11月20日09:41 健康管理专员查看了姓名和手机号，原因：联系本人",
    ]
    assert "许安澜" not in phone.get("/visits").text
    assert "health specialist called your number to reach you" in opened(phone, "/visits?lang=en").text


def test_a_long_list_has_pages_and_costs_no_more_queries_than_a_short_one(phone, town, mine):
    mine(town.gate)
    mine(town.gate, kind=Kind.AGAIN)
    few = statements_of(lambda: opened(phone, "/visits"))
    for day in range(1, 15):
        mine(town.gate, NOW - timedelta(days=day))
    assert statements_of(lambda: opened(phone, "/visits")) == few
    page = opened(phone, "/visits?page=2")
    assert len(page.all("dl", cls="rows")) == 6 and page.link("更近的")


# --- deleting ---


def test_the_form_goes_with_companions_readings_and_notes_and_a_record_without_names_stays(
    app, phone, town, mine, address
):
    guard = town.officer(Post.GATE_GUARD)
    row = mine(town.gate, NOW - timedelta(hours=5), handled_at=NOW)
    other = mine(town.gate)
    child = mine(town.gate, NOW - timedelta(hours=5), name="陈小满", party=row.nonce)
    db.session.add_all([
        Reading(check_in_id=row.id, celsius=365, masked=True, at=NOW, by_id=guard.id, before_verdict=Verdict.PASS,
                before_by=MeasuredBy.SELF),
        Note(check_in_id=child.id, outcome=Outcome.MISTAKE, text="看过", at=NOW, by_id=guard.id),
        Note(check_in_id=other.id, outcome=Outcome.MISTAKE, text="别的", at=NOW, by_id=guard.id),
    ])  # fmt: skip
    db.session.commit()
    where, digest, kept = address(row), hashlib.sha256(row.nonce + child.nonce).digest(), other.id
    page = opened(phone, where)
    assert "一起填的1位同行人也一并删除" in page.text
    assert [one.id for one in rows()] == [row.id, other.id, child.id], "looking deletes nothing"
    done = landed(phone, phone.post(where))
    assert "已删除" in done.text and "共1次" in done.text
    assert [one.id for one in rows()] == [kept]
    assert (
        db.session.scalar(select(func.count(Reading.id))) == 0
        and db.session.scalar(select(func.count(Note.id))) == 1
    )
    record = db.session.scalar(select(Destruction))
    assert (record.kind, record.rule, record.number, record.by_id) == ("check_in", "访客要求删除", 2, None)
    assert (record.from_on, record.to_on, record.district_id) == (date(2026, 11, 20),) * 2 + (
        town.district.id,
    )
    assert record.digest == digest
    line = db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))
    assert (line.action, line.result, line.district_id) == ("visitor:delete", Result.DONE, town.district.id)
    assert "张" not in line.details and phone.post(where).status_code == 404


def refuses(phone, address, row, said):
    page = opened(phone, address(row))
    assert page.h1 == "现在不能删除" and said in page.text, page.text
    answer = phone.post(address(row))
    assert answer.status_code == 409 and said in read(answer.text).text
    assert said in opened(phone, "/visits").text
    assert row.id in {one.id for one in rows()} and db.session.scalar(select(func.count(Destruction.id))) == 0


def test_whoever_is_inside_leaves_first(phone, town, mine, address):
    row = mine(town.gate, left_at=None, left_how=None)
    refuses(phone, address, row, "您还在里面。请先登记离开，再删除")
    assert opened(phone, address(row)).link("先登记离开")


def test_an_open_case_is_not_deleted(phone, town, mine, address):
    row = mine(town.gate, NOW - timedelta(days=3), verdict=Verdict.REFUSED)
    refuses(phone, address, row, "还有没办完的事")


def test_a_refusal_is_not_undone_by_deleting_it(phone, town, mine, address, at):
    row = mine(town.gate, verdict=Verdict.REFUSED, handled_at=NOW)
    refuses(phone, address, row, "满2小时（10:41）以后才能删除")
    at(NOW + timedelta(hours=1))
    assert phone.post(address(row)).status_code == 303


def test_during_an_emergency_nothing_is_deleted_early(phone, town, mine, address):
    row = mine(town.gate)
    open_emergency(town)
    refuses(phone, address, row, "应急响应期间，登记不能提前删除")


def test_what_was_registered_in_an_emergency_stays_as_the_scheme_says(phone, town, mine, address):
    row = mine(town.gate, mode="emergency")
    refuses(phone, address, row, "按这里执行的方案，登记不能提前删除；2026-12-20以后自动删除")


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True), ({"place": True}, True), ({"to_on": date(2026, 11, 19)}, False),
        ({"expires_on": date(2026, 11, 19)}, False), ({"lifted_at": NOW}, False), ({"elsewhere": True}, False),
    ],
)  # fmt: skip
def test_what_an_investigation_needs_stays(phone, town, mine, address, changes, holds):
    row, officer = mine(town.gate), town.officer(Post.TASK_FORCE)
    place_id = (
        town.park.id
        if changes.pop("place", False)
        else town.other.id
        if changes.pop("elsewhere", False)
        else None
    )
    usual = {"from_on": date(2026, 11, 1), "to_on": date(2026, 11, 30), "expires_on": date(2026, 11, 20)}
    make.save(Hold(district_id=town.district.id, place_id=place_id, document="云疾控〔2026〕3号", reason="流调",
                   made_at=NOW, made_by_id=officer.id, **usual | changes))  # fmt: skip
    if holds:
        refuses(phone, address, row, "因依法调查暂缓删除")
    else:
        assert phone.post(address(row)).status_code == 303


def test_only_the_phone_that_registered_may_delete(app, phone, town, mine, address):
    row = mine(town.gate)
    stranger = app.test_client()
    assert stranger.get(address(row)).status_code == 404 and stranger.post(address(row)).status_code == 404
    stranger.set_cookie("device", "another")
    assert stranger.post(address(row)).status_code == 404
    assert phone.get("/visits/" + "x" * 43 + "/delete").status_code == 404
    assert len(rows()) == 1


def test_a_companion_s_row_is_no_form_of_its_own(phone, town, mine, address):
    row = mine(town.gate)
    child = mine(town.gate, name="陈小满", party=row.nonce)
    assert phone.post(address(child)).status_code == 404
    assert len(rows()) == 2
