"""A place's gates: what the list says, renewing a code, pausing, the word of the minute, opening hours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.gate import CheckIn, Kind
from models.gateview import GateView, WrongCode
from models.judging import Verdict
from models.places import Gate, GateCode, Place
from tests import make
from tests.browser import Page, read
from tests.conftest import NOW
from tests.statements import statements_of


@pytest.fixture
def specialist(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SPECIALIST, name="许安澜"))


def opened(client: FlaskClient, path: str) -> Page:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return read(answer.data, where=path)


def sent(client: FlaskClient, path: str, **values: str):
    """The page's form, filled in and sent."""
    return client.post(path, data=opened(client, path).form().data(**values))


def codes(gate: Gate) -> list[GateCode]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(GateCode)
            .where(GateCode.gate_id == gate.id)
            .order_by(GateCode.version)
            .execution_options(populate_existing=True)
        )
    )


def view(app: Flask, code: str) -> GateView | WrongCode:
    return app.extensions["site"].gates.view(code, NOW, fresh=True)


def entries(town: make.Town, gate: Gate, number: int, **facts) -> None:
    facts = {"kind": Kind.ENTRY, "verdict": Verdict.PASS, "marks": ""} | facts
    first = db.session.scalar(select(CheckIn.id).order_by(CheckIn.id.desc()).limit(1)) or 0
    for one in range(number):
        db.session.add(
            CheckIn(
                nonce=(first + one).to_bytes(16, "big"),
                district_id=town.district.id,
                place_id=gate.place_id,
                gate_id=gate.id,
                day=NOW.date(),
                hour=9,
                occurred_at=NOW,
                arrived_at=NOW,
                call_number=100,
                name="林见微",
                written="",
                purpose="",
                mode="normal",
                scheme_key=make.SCHEME,
                reasons="",
                **facts,
            )
        )
    db.session.commit()


def test_the_list_shows_each_gate_with_its_code_its_state_and_today_s_entries(specialist, town):
    hall = make.gate(town.building, "大堂")
    make.save(Gate(place_id=town.building.id, name="货运口"))
    town.north.pause(reason="门前施工", now=NOW)
    entries(town, town.gate, 3)
    entries(town, town.gate, 1, verdict=Verdict.REFUSED)
    entries(town, town.gate, 1, kind=Kind.AGAIN)
    entries(town, hall, 2)
    page = opened(specialist, f"/places/{town.park.id}/gates")
    table = page.one("tbody")
    found = ["".join(row.itertext()).split() for row in table]
    assert [row[0] for row in found] == [
        "东门2号口",
        "北门",
        "大堂云溪软件园B区3号楼",
        "货运口云溪软件园B区3号楼",
    ]
    assert "今天进入5人次" in page.text
    east, north, _, bare = ("".join(row) for row in found)
    assert town.gate.code.printed.replace(" ", "") in east
    assert "今天进入3" in east
    assert "在用" in east
    assert "停用：门前施工" in north
    assert "没有码，无法登记" in bare
    assert "发码以后可以打印" in bare
    assert town.other_gate.name not in page.text


def test_a_building_s_specialist_sees_the_building_alone(client, town):
    make.gate(town.building, "大堂")
    make.sign_in(client, make.account(town.district, Post.SPECIALIST, town.building.id))
    assert "东门2号口" not in opened(client, f"/places/{town.building.id}/gates").text
    assert client.get(f"/places/{town.park.id}/gates").status_code == 404
    assert client.get(f"/gates/{town.gate.id}").status_code == 404


def test_a_system_administrator_prints_and_renews_but_sees_no_count(client, town):
    make.sign_in(client, town.officer(Post.SYSTEM_ADMIN))
    entries(town, town.gate, 3)
    for path in (f"/places/{town.park.id}/gates", f"/gates/{town.gate.id}"):
        assert "今天进入" not in opened(client, path).text
    assert client.get(f"/gates/{town.gate.id}/poster.pdf").mimetype == "application/pdf"
    assert sent(client, f"/gates/{town.gate.id}/reissue", reason="海报丢失").status_code == 303
    assert client.get(f"/places/{town.park.id}/hours").status_code == 403


def test_the_list_asks_the_database_no_more_for_more_gates(specialist, town):
    few = statements_of(lambda: opened(specialist, f"/places/{town.park.id}/gates"))
    for number in range(8):
        make.gate(make.place(town.street, f"{number}号楼", parent_id=town.park.id), "大堂")
    assert statements_of(lambda: opened(specialist, f"/places/{town.park.id}/gates")) == few


def test_renewing_bumps_the_version_and_the_old_code_says_so(app, specialist, town):
    old = town.gate.code
    assert isinstance(view(app, old.code), GateView)
    page = opened(specialist, f"/gates/{town.gate.id}/reissue")
    assert "第1版的海报立刻失效" in page.text
    answer = sent(specialist, f"/gates/{town.gate.id}/reissue", reason="海报被雨淋坏")
    assert answer.status_code == 303
    first, second = codes(town.gate)
    assert (first.version, first.revoked_at, first.revoke_reason) == (1, NOW, "海报被雨淋坏")
    assert (second.version, second.revoked_at, second.issued_at) == (2, None, NOW)
    assert first.code != second.code

    gone = view(app, first.code)
    assert isinstance(gone, WrongCode)
    assert (gone.kind, gone.reason, gone.scanned_version, gone.current_version) == (
        "revoked",
        "海报被雨淋坏",
        1,
        2,
    )
    assert view(app, second.code).code_version == 2

    shown = opened(specialist, f"/gates/{town.gate.id}").text
    assert "已换成第2版。请打印新海报，换下旧的。" in shown
    assert "海报被雨淋坏" in shown
    assert "许安澜" in shown
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert (line.action, line.object_type, line.object_id) == ("gate:reissue", "gate", str(town.gate.id))
    assert "海报被雨淋坏" in line.details


@pytest.mark.parametrize("reason", ["", "   ", "长" * 101])
def test_renewing_without_a_fitting_reason_changes_nothing_and_keeps_what_was_typed(specialist, town, reason):
    answer = sent(specialist, f"/gates/{town.gate.id}/reissue", reason=reason)
    assert answer.status_code == 422
    page = read(answer.data)
    assert page.one("input", id="reason").get("value", "") == reason
    assert page.one("input", id="reason").get("aria-invalid") == "true"
    assert [code.version for code in codes(town.gate)] == [1]


def test_a_second_click_on_the_same_page_renews_once(specialist, town):
    path = f"/gates/{town.gate.id}/reissue"
    data = opened(specialist, path).form().data(reason="海报丢失")
    assert specialist.post(path, data=data).status_code == 303
    again = specialist.post(path, data=data)
    assert again.status_code == 422
    assert "刚才已经换成第2版" in read(again.data).text
    assert [code.version for code in codes(town.gate)] == [1, 2]


def test_of_two_who_renew_at_once_one_wins_and_one_code_is_in_use(app, town):
    browsers = []
    for name in ("甲", "乙", "丙", "丁"):
        person = make.account(town.district, Post.SPECIALIST, town.park.id, name=name)
        browsers.append(make.sign_in(app.test_client(), person))
    path = f"/gates/{town.gate.id}/reissue"
    forms = [opened(browser, path).form().data(reason="海报丢失") for browser in browsers]
    db.session.rollback()
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda one: one[0].post(path, data=one[1]).status_code, zip(browsers, forms, strict=True)
            )
        )
    assert sorted(answers) == [303, 422, 422, 422]
    assert [(code.version, code.revoked_at is None) for code in codes(town.gate)] == [(1, False), (2, True)]


def test_a_gate_without_a_code_gets_its_first_one(specialist, town):
    bare = make.save(Gate(place_id=town.park.id, name="货运口"))
    assert "这个入口还没有码" in opened(specialist, f"/gates/{bare.id}").text
    assert sent(specialist, f"/gates/{bare.id}/reissue", reason="新开的入口").status_code == 303
    assert [code.version for code in codes(bare)] == [1]


def test_a_paused_gate_says_why_and_works_again_after_it_is_resumed(app, specialist, town):
    code = town.gate.code.code
    assert sent(specialist, f"/gates/{town.gate.id}/pause", reason="").status_code == 422
    assert sent(specialist, f"/gates/{town.gate.id}/pause", reason="门前施工，请走北门").status_code == 303
    paused = view(app, code)
    assert isinstance(paused, WrongCode)
    assert (paused.kind, paused.reason) == ("paused", "门前施工，请走北门")

    page = opened(specialist, f"/gates/{town.gate.id}")
    resume = page.form(f"/gates/{town.gate.id}/resume")
    assert specialist.post(resume.action, data=resume.data()).status_code == 303
    assert isinstance(view(app, code), GateView)
    assert specialist.post(resume.action, data=resume.data()).status_code == 409  # it is not paused any more


def test_the_word_of_the_minute_can_be_switched_off_for_one_gate(app, specialist, town):
    for expected in (False, True):
        form = opened(specialist, f"/gates/{town.gate.id}").form(f"/gates/{town.gate.id}/word")
        ((name, value, _),) = form.buttons
        assert specialist.post(form.action, data=form.data() | {name: value}).status_code == 303
        assert view(app, town.gate.code.code).word is expected
        assert view(app, town.north.code.code).word is True


def test_opening_hours_run_past_midnight_or_all_day(app, specialist, town):
    path = f"/places/{town.park.id}/hours"
    assert sent(specialist, path, opens="22:00", closes="06:00").status_code == 303
    assert (view(app, town.gate.code.code).opens, view(app, town.gate.code.code).closes) == (
        time(22),
        time(6),
    )
    assert "22:00–06:00（次日）" in opened(specialist, f"/places/{town.park.id}/gates").text
    assert sent(specialist, path, opens="", closes="").status_code == 303
    assert view(app, town.gate.code.code).opens is None
    assert "全天开放" in opened(specialist, f"/places/{town.park.id}/gates").text


@pytest.mark.parametrize(
    ("opens", "closes", "words"),
    [
        ("08:00", "", "要一起填"),
        ("08:00", "08:00", "同一时刻"),
        ("8点", "22:00", "没有看懂“8点”"),
        ("25:00", "", "没有看懂“25:00”"),
    ],
)
def test_hours_that_make_no_sense_are_refused_in_words(specialist, town, opens, closes, words):
    answer = sent(specialist, f"/places/{town.park.id}/hours", opens=opens, closes=closes)
    assert answer.status_code == 422
    assert words in read(answer.data).text
    db.session.rollback()
    assert db.session.get(Place, town.park.id, populate_existing=True).opens == time(6)


@pytest.mark.parametrize("path", ["", "/reissue", "/pause"])
def test_another_place_s_specialist_finds_nothing(client, town, path):
    make.sign_in(client, make.account(town.district, Post.SPECIALIST, town.other.id))
    assert client.get(f"/gates/{town.gate.id}{path}").status_code == 404
    assert client.get(f"/places/{town.park.id}/gates").status_code == 404
    assert client.get(f"/places/{town.park.id}/hours").status_code == 404


def test_yesterday_s_entries_are_not_today_s(at, specialist, town):
    entries(town, town.gate, 3)
    at(NOW + timedelta(days=1))
    assert (
        "今天进入0人次"
        in opened(make.sign_in(specialist, town.officer(Post.SPECIALIST)), f"/gates/{town.gate.id}").text
    )
