"""The specialist's day: who sees it, what stands first, what counts, how it keeps up to date."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from blueprints.gate import nonce
from blueprints.web.headers import FIXED
from models.access import Post
from models.accounts import LoginSession
from models.audit import AuditLine, Result
from models.base import db
from models.gate import CheckIn, Kind, Mark, Note, Outcome
from models.judging import Verdict, write_reasons
from models.places import ModeOrder
from models.register import declared_by
from tests import make
from tests.conftest import NOW
from tests.reader import Page, read, words
from tests.statements import asked_by

FEVER = write_reasons([("fever", "37.6", "37.3")])


@pytest.fixture
def watching(client: FlaskClient, town: make.Town) -> FlaskClient:
    """The browser of the park's specialist."""
    return make.sign_in(client, town.officer(Post.SPECIALIST, name="许安澜"))


def day(client: FlaskClient, place, query: str = "") -> Page:
    return read(client.get(f"/places/{place.id}{query}").data)


def poll_address(page: Page) -> str:
    return page.one("div", id="day").get("hx-get")


def figures(page: Page) -> dict[str, list[str]]:
    boxes = [list(box) for box in page.one("dl", cls="figures")]
    return {words(box[0]): [words(one) for one in box[1:]] for box in boxes}


def refused(gate, minutes: float = 1, **facts):
    facts = {"verdict": Verdict.REFUSED, "reasons": FEVER, "celsius": 376} | facts
    return make.check_in(gate, NOW - timedelta(minutes=minutes), **facts)


# --- what stands on the page ---


def test_the_page_names_place_day_gates_mode_and_the_second_of_its_numbers(watching, town):
    page = day(watching, town.park)
    assert page.h1 == "云溪软件园B区，今天"
    for fact in ("11月20日 周五", "2个入口", "常态", "数据到09:41:26"):
        assert fact in page.text


def test_an_empty_day_says_what_to_do_instead_of_showing_empty_tables(watching, town):
    page = day(watching, town.park)
    assert "今天还没有人登记" in page.text
    assert "看看入口的海报是否挂好" in page.text
    assert "先处理这" not in page.text


def test_the_gravest_case_stands_first_and_among_equals_the_newest(watching, town):
    make.check_in(town.gate, NOW - timedelta(minutes=50), name="唐宋", verdict=Verdict.ATTENTION,
                  reasons=write_reasons([("unmeasured",)]), celsius=None, measured_by=None)  # fmt: skip
    refused(town.gate, 9, name="王海")
    refused(town.north, 3, name="何平")
    make.check_in(
        town.gate, NOW, verdict=Verdict.ATTENTION, name="柳青", reasons=write_reasons([("low", "35.1")])
    )
    page = day(watching, town.park)
    rows = [words(row) for row in page.one("section", id="cases").iter("tr")][1:]
    assert [[name for name in ("何*", "王*", "柳*", "唐*") if name in row] for row in rows] == [
        ["何*"],
        ["王*"],
        ["柳*"],
        ["唐*"],
    ]
    assert "先处理这4件" in page.text
    assert "禁止：体温37.6℃，达到37.3℃" in rows[0]
    assert "等门岗测温" in rows[3]
    assert figures(page)["待处理"] == ["4 件", "最久等了50分钟"]


def test_more_cases_than_the_page_holds_are_said_and_one_link_away(watching, town):
    for minutes in range(23):
        refused(town.gate, minutes, mobile=f"138000010{minutes:02}")
    page = day(watching, town.park)
    assert len(list(page.one("section", id="cases").iter("tr"))) == 21
    more = read(watching.get(page.link("还有3件，看全部")).data)
    assert "23条" in more.text


def test_a_fever_waits_for_the_minutes_of_rest_and_the_page_says_until_when(watching, town):
    refused(town.gate, 0.3)
    assert "等待复测，09:51起可测" in day(watching, town.park).text


def test_a_case_of_yesterday_stays_until_it_is_handled_and_says_its_day(watching, town):
    refused(town.gate, 60 * 15, name="沈秋白")
    page = day(watching, town.park)
    assert "11月19日" in words(page.one("section", id="cases"))
    assert figures(page)["待处理"][1] == "最久等了15小时，1件是前几天的"


def test_somebody_to_be_looked_at_yesterday_has_gone_and_waits_no_more(watching, town):
    make.check_in(
        town.gate,
        NOW - timedelta(days=1),
        verdict=Verdict.ATTENTION,
        reasons=write_reasons([("low", "35.2")]),
    )
    assert "先处理这" not in day(watching, town.park).text


def test_only_first_entries_count_and_a_marked_row_stands_apart(watching, town):
    make.check_in(town.gate, NOW - timedelta(minutes=9))
    make.check_in(town.gate, NOW - timedelta(minutes=8), kind=Kind.AGAIN)
    make.check_in(town.north, NOW - timedelta(minutes=7), kind=Kind.MOVE)
    make.check_in(town.gate, NOW - timedelta(minutes=6), marks=Mark.OUT_OF_HOURS.value)
    refused(town.gate, 5)
    page = day(watching, town.park)
    assert figures(page)["今天进入"][0] == "1 人次"
    assert figures(page)["再次扫码"] == ["2 次", "另有1条待门岗确认"]
    assert figures(page)["禁止进入"][0] == "1 人次"
    assert "通行，待门岗确认" in words(page.one("section", id="flow"))


def test_today_is_compared_with_yesterday_until_this_minute(watching, town):
    for minutes in (-1, 1, 2):
        make.check_in(town.gate, NOW - timedelta(days=1, minutes=minutes))
    make.check_in(town.gate, NOW - timedelta(days=1, minutes=3), marks=Mark.BURST.value)
    assert figures(day(watching, town.park))["今天进入"][1] == "昨天此时2"


def test_a_park_counts_its_buildings_and_names_them_and_a_building_only_itself(watching, town):
    hall = make.gate(town.building, "一层大厅")
    refused(hall)
    make.check_in(town.gate, NOW)
    page = day(watching, town.park)
    assert figures(page)["今天进入"][0] == "1 人次"
    assert "\n3号楼一层大厅" in words(page.one("section", id="cases"))
    inside = day(watching, town.building)
    assert figures(inside)["今天进入"][0] == "0 人次"
    assert "3号楼" not in words(inside.one("section", id="cases"))


def test_the_chart_is_a_sentence_too_and_its_numbers_a_table_one_link_away(watching, town):
    for hour in (0, 0, 1):
        make.check_in(town.gate, NOW - timedelta(hours=hour))
    refused(town.gate, 2)
    make.check_in(town.gate, NOW - timedelta(days=7), marks="")
    page = day(watching, town.park)
    sentence = "今天每小时进入人次，与上周五对比：9时最多，2人次；禁止进入共1人次，在9时"
    assert "".join(page.one("title", id="h-t").itertext()) == sentence
    assert "".join(page.one("title", id="hn-t").itertext()) == sentence
    assert page.link("看数字表").endswith("?view=numbers#hours")
    table = day(watching, town.park, "?view=numbers")
    rows = [words(row).split("\n") for row in table.one("section", id="hours").iter("tr")]
    assert rows[0] == ["时段", "通行", "注意", "禁止", "上周五"]
    assert ["9时，还没过完", "2", "0", "1", "1"] in rows
    assert not table.all("svg", cls="chart")


def test_in_large_type_the_numbers_stand_as_a_table_because_a_chart_does_not_grow(watching, town):
    make.check_in(town.gate, NOW)
    page = day(watching, town.park, "?text=large")
    assert not page.all("svg", cls="chart")
    assert "看图" in page.text


def test_where_nothing_is_judged_the_page_speaks_of_registrations(client, town):
    make.adopt(town.district, make.LATER_SCHEME, NOW.date())
    make.sign_in(client, town.officer(Post.SPECIALIST))
    make.check_in(
        town.gate,
        NOW,
        verdict=Verdict.REGISTERED,
        scheme_key=make.LATER_SCHEME,
        celsius=None,
        measured_by=None,
    )
    page = day(client, town.park)
    assert "已登记" in page.text
    assert "禁止进入" not in figures(page)
    assert "体温" not in page.text
    table = read(client.get(f"/places/{town.park.id}?view=numbers").data).one("section", id="hours")
    rows = [words(row).split("\n") for row in table.iter("tr")]
    assert rows[0] == ["时段", "已登记", "上周五"]
    assert ["9时，还没过完", "1", "0"] in rows
    assert ["10时", "–", "0"] in rows


def test_in_an_emergency_the_page_says_since_when_and_why(watching, town):
    make.save(
        ModeOrder.open(scope="street", scope_id=town.street.id, district_id=town.district.id,
                       name="桂湖街道应急响应", reason="周边城市出现输入病例", legal_basis="第3号令",
                       responsible="周知行", planned_end_on=NOW.date() + timedelta(days=9),
                       now=NOW - timedelta(days=2), by_id=None)
    )  # fmt: skip
    page = day(watching, town.park)
    banner = words(page.one("section", cls="mode-banner"))
    assert "桂湖街道应急响应，自11月18日09:41起，原因：周边城市出现输入病例。入口加问" in banner
    assert page.one("html").get("data-mode") == "emergency"


def test_names_are_masked_and_escaped_and_no_number_is_whole(watching, town):
    make.check_in(town.gate, NOW, name="O'Neil", mobile="13987650007", written="<b>仓库</b>")
    html = watching.get(f"/places/{town.park.id}").text
    assert "13987650007" not in html
    assert "139****0007" in html
    assert "O'Neil" not in html
    assert "<b>仓库" not in html


# --- handling ---


def test_a_handled_case_moves_away_and_is_counted_as_handled(watching, town):
    case = refused(town.gate)
    page = day(watching, town.park)
    case_page = read(watching.get(page.link("处理张**")).data)
    form = next(form for form in case_page.forms if "outcome" in form.choices)
    answer = watching.post(
        form.action, data=form.data(outcome=Outcome.SENT_AWAY.value, text="已劝离，告知了前台")
    )
    assert answer.status_code == 303
    page = day(watching, town.park)
    assert "先处理这" not in page.text
    assert "没有要处理的登记" in page.text
    assert "今天已处理（1）" in page.text
    line = db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))
    assert (line.action, line.object_id, line.result) == ("entry:handle", str(case.id), Result.DONE)
    assert "前台" not in line.details


# --- staying up to date ---


def test_a_refused_entry_stands_first_at_the_next_poll(watching, town):
    make.check_in(town.gate, NOW - timedelta(minutes=2))
    address = poll_address(day(watching, town.park))
    refused(town.gate, 0, name="王海")
    answer = watching.get(address)
    assert answer.status_code == 200
    part = read(answer.data, whole=False)
    assert "王*" in words(part.one("section", id="cases"))
    assert watching.get(poll_address(part)).status_code == 204


def test_a_poll_with_nothing_new_is_204_from_one_statement_and_loads_no_person(watching, town):
    make.check_in(town.gate, NOW)
    address, answers = poll_address(day(watching, town.park)), []
    db.session.remove()
    asked = asked_by(lambda: answers.append(watching.get(address)))
    assert [answer.status_code for answer in answers] == [204]
    assert len(asked) == 1
    assert "login_session" not in asked[0]


def test_the_answer_of_such_a_poll_is_small(watching, town):
    answer = watching.get(poll_address(day(watching, town.park)))
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.headers) <= len(FIXED) + 2 and not answer.data


def test_polls_do_not_prolong_a_session(watching, town, at):
    address = poll_address(day(watching, town.park))
    for minute in range(1, 29, 3):
        at(NOW + timedelta(minutes=minute))
        answer = watching.get(address)
        assert answer.status_code == 200  # the ticket is old: looked at anew
        address = poll_address(read(answer.data, whole=False))
    assert db.session.scalar(select(LoginSession.seen_at)) == NOW
    at(NOW + timedelta(minutes=31))
    answer = watching.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    where = parse_qs(urlsplit(answer.headers["HX-Redirect"]).query)
    assert where["next"] == [f"/places/{town.park.id}"]  # back to the page, not to a fragment of it


@pytest.mark.parametrize("what", ["handled", "measured"])
def test_what_is_done_to_a_row_shows_at_the_next_poll(watching, town, app, what):
    case = refused(town.gate, 30, name="王海")
    address = poll_address(day(watching, town.park))
    assert watching.get(address).status_code == 204
    guard = make.account(town.district, Post.GATE_GUARD, town.park.id)
    if what == "handled":
        Note.write(case, outcome=Outcome.SENT_AWAY, text="", now=NOW, by_id=guard.id)
    else:
        site = app.extensions["site"]
        case.measure(site.book.get(make.SCHEME), Decimal("36.5"), masked=True, now=NOW, by_id=guard.id,
                     declared=declared_by(site.vault, case))  # fmt: skip
    db.session.commit()
    answer = watching.get(address)
    assert answer.status_code == 200
    assert "王*" not in "".join(words(s) for s in read(answer.data, whole=False).all("section", id="cases"))


def test_what_happens_at_another_place_wakes_nobody(watching, town):
    mine, theirs = refused(town.gate, 30), refused(town.other_gate, 30)
    address = poll_address(day(watching, town.park))
    make.check_in(town.other_gate, NOW)
    Note.write(theirs, outcome=Outcome.SENT_AWAY, text="", now=NOW, by_id=make.account(town.district).id)
    db.session.commit()
    assert watching.get(address).status_code == 204
    assert mine.handled_at is None


def test_a_recheck_asked_for_and_a_mode_that_changes_show_at_the_next_poll(watching, town, app):
    case = refused(town.gate, 1, name="王海")
    address = poll_address(day(watching, town.park))
    token = nonce.pass_token(app.extensions["site"].vault, case.nonce)
    app.test_client().post(f"/pass/{token}/recheck")
    answer = watching.get(address)
    assert answer.status_code == 200
    address = poll_address(read(answer.data, whole=False))
    assert watching.get(address).status_code == 204
    make.save(
        ModeOrder.open(scope="street", scope_id=town.street.id, district_id=town.district.id,
                       name="桂湖街道应急响应", reason="周边城市出现输入病例", legal_basis="第3号令",
                       responsible="周知行", planned_end_on=NOW.date() + timedelta(days=9), now=NOW, by_id=None)
    )  # fmt: skip
    assert "桂湖街道应急响应" in watching.get(address).text


def test_a_row_that_commits_out_of_turn_is_not_lost(watching, town):
    late = make.check_in(town.gate, NOW - timedelta(seconds=1))
    newest = make.check_in(town.gate, NOW)
    db.session.delete(late)
    db.session.commit()
    address = poll_address(day(watching, town.park))
    late_again = refused(town.gate, 0, id=late.id)
    assert late_again.id < newest.id
    assert watching.get(address).status_code == 200


def forged(address: str, how: str) -> str:
    ticket = parse_qs(urlsplit(address).query)["ticket"][0]
    if how == "signature":
        return address.replace(ticket, ticket[:-3] + ("aaa" if not ticket.endswith("aaa") else "bbb"))
    until, pulse, *rest = ticket.split("~")
    if how == "expiry":
        return address.replace(ticket, "~".join((str(int(until) + 3600), pulse, *rest)))
    if how == "seen":
        places, *numbers = pulse.split(".")
        return address.replace(ticket, "~".join((until, f"{places}.{'.'.join(numbers[:-1])}.999999", *rest)))
    return address.replace(ticket, {"empty": "", "shape": "1~2~3", "bare": "1.2.3"}[how])


@pytest.mark.parametrize("how", ["signature", "expiry", "seen", "empty", "shape", "bare"])
def test_a_forged_ticket_earns_no_short_answer_and_opens_nothing(watching, town, app, how):
    make.check_in(town.gate, NOW)
    address = forged(poll_address(day(watching, town.park)), how)
    assert watching.get(address).status_code == 200  # its session was looked at, as for any page
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.SPECIALIST, town.other.id))
    assert stranger.get(address).status_code == 404
    assert app.test_client().get(address).status_code in (302, 303)


def test_a_ticket_is_worth_nothing_in_another_browser_or_at_another_place(watching, town, app):
    address = poll_address(day(watching, town.park))
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.SPECIALIST, town.other.id))
    assert stranger.get(address).status_code == 404
    assert app.test_client().get(address).status_code in (302, 303)
    assert watching.get(address.replace(f"/{town.park.id}/", f"/{town.other.id}/")).status_code == 404


def test_whoever_loses_the_post_sees_nothing_more_within_a_minute(watching, town, at):
    address = poll_address(day(watching, town.park))
    post = db.session.scalar(select(LoginSession)).account.appointments[0]
    post.end(reason="调离", now=NOW)
    db.session.commit()
    refused(town.gate, 0)
    assert watching.get(address).status_code == 403
    at(NOW + timedelta(seconds=61))
    assert watching.get(address).status_code == 403


def test_paused_the_page_asks_for_nothing_and_says_when_it_stood_still(watching, town):
    page = day(watching, town.park, "?live=0")
    assert poll_address(page) is None
    assert "已停在09:41:26" in page.text
    assert page.link("继续更新") == f"/places/{town.park.id}"


def test_the_day_takes_the_same_queries_for_one_row_and_for_many(watching, town):
    def count() -> int:
        db.session.remove()
        asked: list[str] = []
        listen = lambda conn, cursor, statement, *rest: asked.append(statement)  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        try:
            assert watching.get(f"/places/{town.park.id}").status_code == 200
        finally:
            event.remove(db.engine, "before_cursor_execute", listen)
        return len([one for one in asked if not one.startswith(("BEGIN", "PRAGMA"))])

    refused(town.gate, 1, enterprise_id=town.tenant.id)
    count()  # the days before are now in mind
    few = count()
    for minutes in range(2, 30):
        refused(town.north, minutes, enterprise_id=town.tenant.id)
    assert count() == few
    assert few <= 29


# --- who may ---


ADDRESSES = (
    "/places/{place}", "/places/{place}/poll", "/places/{place}/entries", "/places/{place}/entries/export",
    "/places/{place}/entries/{entry}", "/places/{place}/spellings",
)  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_specialist_of_another_place_finds_no_such_address(watching, town, address):
    entry = refused(town.other_gate)
    assert watching.get(address.format(place=town.other.id, entry=entry.id)).status_code == 404
    assert db.session.scalar(select(func.count()).where(AuditLine.result == Result.REFUSED)) == 1


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("post", [Post.GATE_GUARD, Post.TASK_FORCE, Post.SYSTEM_ADMIN, Post.HEALTH_MANAGER])
def test_other_posts_are_told_that_it_is_not_theirs(client, town, address, post):
    make.sign_in(client, town.officer(post))
    entry = refused(town.gate)
    assert client.get(address.format(place=town.park.id, entry=entry.id)).status_code == 403


def test_the_places_stand_with_their_numbers_and_each_park_before_its_buildings(watching, town):
    refused(make.gate(town.building, "大厅"))
    make.check_in(town.gate, NOW)
    page = read(watching.get("/places").data)
    rows = [words(row).split("\n") for row in page.one("section", id="places").iter("tr")][1:]
    assert [row[0] for row in rows] == ["云溪软件园B区", "云溪软件园B区3号楼"]
    assert "1件待处理" in rows[0]
    assert "锦程国际中心" not in page.text


def test_places_are_found_by_name_and_a_name_that_is_none_says_so(watching, town):
    page = read(watching.get("/places?q=3号楼").data)
    assert len(page.one("tbody").findall("tr")) == 2  # with the park around it
    assert "您负责的2处里没有“云山”" in read(watching.get("/places?q=云山").data).text


def test_rows_of_the_flow_lead_to_their_page(watching, town):
    entry = make.check_in(town.gate, NOW)
    page = day(watching, town.park)
    assert page.link("09:41:26") == f"/places/{town.park.id}/entries/{entry.id}"
    assert db.session.get(CheckIn, entry.id).verdict == Verdict.PASS
