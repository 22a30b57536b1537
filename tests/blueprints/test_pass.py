"""The pass: words, shape, the word of the minute, thirty minutes (CHK-3), and what only a guard can change."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import words
from models.access import Post
from models.base import db
from models.gate import CheckIn, MeasuredBy
from models.judging import Verdict
from tests import make
from tests.blueprints.test_gate_form import EMERGENCY, open_emergency, rows, submit
from tests.conftest import NOW
from tests.reader import read


@pytest.fixture
def code(town):
    return town.gate.code.code


def shown_word(client, address):
    return words_of(read(client.get(address).text))


def words_of(page):
    return next(line for line in page.text.splitlines() if "此刻口令" in line).removeprefix("此刻口令")[:2]


def test_the_word_changes_with_the_minute_and_is_the_guards(app, client, town, code, at):
    address = submit(client, code).location
    first = shown_word(client, address)
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    desk = read(guard.get(f"/gate?gate={town.gate.id}").text).text
    assert f"此刻口令{first}" in desk.replace("\n", "")
    at(NOW + timedelta(seconds=61))
    second = shown_word(client, address)
    assert second != first
    desk = read(guard.get(f"/gate?gate={town.gate.id}").text).text.replace("\n", "")
    assert f"此刻口令{second}" in desk and first in desk  # the one before stands beside it


def test_another_gate_has_another_word(app, town):
    site = app.extensions["site"]
    minutes = range(100)
    same = sum(
        words.word_for(site.vault, town.gate.id, m).zh == words.word_for(site.vault, town.north.id, m).zh
        for m in minutes
    )
    assert same < 10


def test_without_javascript_the_pass_renews_a_second_after_the_minute(client, code):
    address = submit(client, code).location
    html = client.get(address).text
    assert '<noscript><meta http-equiv="refresh" content="35"></noscript>' in html  # 09:41:26 + 35 s
    still = client.get(f"{address}?live=0").text
    assert "http-equiv" not in still and "<script" not in still


def test_after_thirty_minutes_the_pass_says_so_and_shows_nobody(client, code, at):
    address = submit(client, code).location
    at(NOW + timedelta(minutes=29, seconds=59))
    assert "张**" in client.get(address).text
    at(NOW + timedelta(minutes=30))
    page = read(client.get(address).text)
    assert "已失效" in page.text or "失效" in page.text
    assert "张" not in page.text.replace("这张", "") and "138" not in page.text


def test_a_pass_shows_masked_facts_alone_and_is_kept_by_nobody(client, code):
    answer = client.get(submit(client, code).location)
    assert "张明远" not in answer.text and "13800138000" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "A" * 43, lambda t: t[:-3] + "AAA", lambda t: t + "A"]
)
def test_an_edited_address_is_no_pass(client, code, change):
    token = submit(client, code).location.removeprefix("/pass/")
    assert client.get(f"/pass/{change(token)}").status_code == 404


def test_a_refusal_says_why_what_to_do_and_where_to_go(client, town, code):
    page = read(client.get(submit(client, code, temperature="37.6").location).text)
    assert page.h1 == "禁止进入"
    for said in (
        "体温37.6℃，达到37.3℃",
        "09:51以后可以复测一次",
        "桂湖社区卫生服务中心",
        "0000-0000128",
        "请门岗复测",
    ):
        assert said in page.text


def test_asking_the_guard_puts_the_visitor_before_the_guard_once(app, client, town, code, at):
    address = submit(client, code, temperature="37.6").location
    for minutes in (1, 2):
        at(NOW + timedelta(minutes=minutes))
        assert client.post(f"{address}/recheck").status_code == 303
    assert rows()[0].recheck_asked_at == NOW + timedelta(minutes=1)
    assert "已请门岗复测" in client.get(address).text
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    desk = read(guard.get("/gate").text).text
    assert "请求复测" in desk and "禁止：体温37.6℃" in desk


class TestReading:
    """Only a guard's reading changes a verdict; both readings stay."""

    @pytest.fixture
    def guard(self, app, town):
        return make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))

    def measure(self, guard, entry, **typed):
        address = f"/gate/entries/{entry.id}/measure"
        form = next(f for f in read(guard.get(address).text).forms if "temperature" in f.choices)
        return guard.post(address, data=form.data(**{"mask": "yes", **typed}))

    def test_after_ten_minutes_a_normal_reading_lets_the_visitor_pass(self, client, guard, code, at):
        address = submit(client, code, temperature="37.6").location
        at(NOW + timedelta(minutes=10))
        assert self.measure(guard, rows()[0], temperature="36.8").status_code == 303
        page = read(client.get(address).text)
        assert page.h1 == "通行" and "36.8℃（门岗测）" in page.text
        entry = rows()[0]
        (reading,) = entry.readings
        assert (entry.verdict, entry.measured_by) == (Verdict.PASS, MeasuredBy.GUARD)
        assert (reading.before_celsius, reading.celsius) == (376, 368)
        assert (reading.before_by, reading.before_verdict) == (MeasuredBy.SELF, Verdict.REFUSED)

    def test_before_that_it_is_refused_in_words_and_what_was_typed_is_kept(self, client, guard, code, at):
        submit(client, code, temperature="37.6")
        at(NOW + timedelta(minutes=9))
        answer = self.measure(guard, rows()[0], temperature="36.8")
        assert answer.status_code == 422 and "09:51" in answer.text
        assert 'value="36.8"' in answer.text
        assert rows()[0].verdict == Verdict.REFUSED

    def test_a_mask_put_on_is_seen_by_the_guard(self, client, guard, code):
        address = submit(client, code, mask="no").location
        self.measure(guard, rows()[0], temperature="36.5", mask="yes")
        assert read(client.get(address).text).h1 == "通行"

    def test_a_journey_is_not_undone_by_a_thermometer(self, client, guard, town, code):
        open_emergency(town)
        submit(client, code, **{**EMERGENCY, "risk_area_14d": "yes"})
        self.measure(guard, rows()[0], temperature="36.5")
        assert rows()[0].verdict == Verdict.REFUSED

    def test_after_it_the_next_form_is_a_plain_pass_again(self, client, guard, code, at):
        submit(client, code, temperature="37.6")
        at(NOW + timedelta(minutes=10))
        self.measure(guard, rows()[0], temperature="36.8")
        at(NOW + timedelta(minutes=30))
        submit(client, code)
        assert rows()[1].verdict == Verdict.PASS

    @pytest.mark.parametrize("typed", ["", "热", "20", "36.85"])
    def test_nonsense_is_explained_beside_the_field(self, client, guard, code, at, typed):
        submit(client, code, temperature="37.6")
        at(NOW + timedelta(minutes=10))
        answer = self.measure(guard, rows()[0], temperature=typed)
        assert answer.status_code == 422
        assert read(answer.text).one(id="temperature-err") is not None

    def test_a_guard_of_another_place_finds_nothing(self, app, client, town, code):
        submit(client, code, temperature="37.6")
        stranger = make.account(town.district, Post.GATE_GUARD, town.other.id)
        other = make.sign_in(app.test_client(), stranger)
        entry = rows()[0]
        assert other.get(f"/gate/entries/{entry.id}/measure").status_code == 404
        assert other.post(f"/gate/entries/{entry.id}/measure", data={"temperature": "36.5"}).status_code in (
            400,
            404,
        )
        assert other.get(f"/gate?gate={town.gate.id}").status_code == 404
        assert rows()[0].verdict == Verdict.REFUSED


def test_the_desk_shows_live_entries_by_call_number_and_masks(app, client, town, code):
    for number in range(3):
        submit(app.test_client(), code, name="陈文杰", mobile=f"1380013800{number}")
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    text = read(guard.get("/gate").text).text
    assert "陈**" in text and "陈文杰" not in text and "138****8000" in text
    assert [r.call_number for r in rows()] == [100, 101, 102]
    part = guard.get("/gate", headers={"HX-Request": "true"})
    assert read(part.text, whole=False)


def test_call_numbers_turn_over_after_999(app, client, town, code):
    submit(client, code)
    db.session.execute(CheckIn.__table__.update().values(call_number=999))
    db.session.commit()
    submit(app.test_client(), code, mobile="13900000000")
    assert db.session.scalars(select(CheckIn.call_number).order_by(CheckIn.id)).all() == [999, 100]
