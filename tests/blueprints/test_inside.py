"""Who is inside: the guard's phone, the specialist's table and workbook, the list to call people together by."""

import io
import json
from datetime import timedelta

import openpyxl
import pytest
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine, Result
from models.base import db
from models.gate import CheckIn, Departure, Source
from tests import make
from tests.conftest import NOW
from tests.forms import opened
from tests.reader import read, words
from tests.statements import statements_of

LONG = "阿卜杜拉提普·买买提江·吐尔逊艾合麦提"


@pytest.fixture
def guard(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))


@pytest.fixture
def specialist(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.SPECIALIST, name="许安澜"))


def crowd(town, number, **facts):
    return [
        make.check_in(
            town.gate, NOW - timedelta(minutes=n), mobile=f"139{n:08}", call_number=100 + n % 900, **facts
        )
        for n in range(number)
    ]


def last_line():
    db.session.rollback()
    return db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))


# --- the guard ---


def test_the_guard_sees_both_counts_and_everybody_newest_first_and_masked(guard, town):
    seen = {"confirmed_at": NOW, "confirmed_by_id": town.officer(Post.GATE_GUARD).id}
    make.check_in(town.gate, NOW - timedelta(hours=2), name="王海", mobile="13900000001", **seen)
    make.check_in(town.north, NOW, name=LONG, mobile="13900000002", enterprise_id=town.tenant.id)
    make.check_in(town.gate, NOW - timedelta(days=1), name="沈秋白", mobile=None, source=Source.HAND)
    page = opened(guard, "/gate/inside")
    assert [words(a) for a in page.one("nav", cls="grades").iter("a")] == [
        "在里面3人",
        "门岗确认1人",
        "只有自报2人",
    ]
    assert [words(h2) for h2 in page.all("h2")] == ["今天9时进来的", "今天7时进来的", "11月19日9时进来的"]
    people = [words(li) for ul in page.all("ul", cls="live") for li in ul]
    assert "阿卜杜拉提普·***" in people[0] and "去青禾生物" in people[0] and "139****0002" in people[0]
    assert "门岗确认" in people[1] and "门岗代登" in people[2]
    assert LONG not in page.html and "13900000002" not in page.html


def test_the_guard_narrows_the_list_to_a_grade_a_name_a_number(guard, town):
    seen = {"confirmed_at": NOW, "confirmed_by_id": town.officer(Post.GATE_GUARD).id}
    make.check_in(town.gate, NOW, name="王海", mobile="13900000001", call_number=205, **seen)
    make.check_in(town.gate, NOW, name="何平", mobile="13900000002", call_number=206)

    def names(query):
        page = opened(guard, f"/gate/inside?{query}")
        return [words(li).split()[1][:2] for ul in page.all("ul", cls="live") for li in ul]

    assert (
        names("only=confirmed") == ["王*"] and names("only=declared") == ["何*"] and len(names("only=x")) == 2
    )
    assert names("q=王") == ["王*"] and names("q=206") == ["何*"] and names("q=139 0000 0001") == ["王*"]
    assert names("q=海") == [] and names("q=%25") == []


def test_a_long_list_has_pages_and_costs_no_more_queries_than_a_short_one(guard, town):
    crowd(town, 3)
    few = statements_of(lambda: opened(guard, "/gate/inside"))
    crowd(town, 60)
    assert statements_of(lambda: opened(guard, "/gate/inside")) == few
    page = opened(guard, "/gate/inside?page=2")
    assert "第2页，共2页63人" in page.text
    assert sum(len(list(ul)) for ul in page.all("ul", cls="live")) == 13


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "里面没有人"), ("?q=谁也不是", "里面没有“谁也不是”"), ("?only=confirmed", "还没有门岗确认过的人")],
)
def test_nobody_is_said_with_a_way_on(guard, town, query, said):
    assert said in opened(guard, f"/gate/inside{query}").text


def test_a_guard_without_a_gate_is_told_whom_to_ask(app, town):
    empty = make.place(town.street, "云溪新楼")
    lonely = make.sign_in(app.test_client(), make.account(town.district, Post.GATE_GUARD, empty.id))
    for address in ("/gate/inside", "/gate/evacuation"):
        assert "没有可值守的入口" in lonely.get(address).text


@pytest.mark.parametrize(
    "query", ["?gate=x", "?page=-1", "?left=99999", "?left=x", "?q=%00", "?q=" + "长" * 90]
)
def test_made_up_addresses_never_fail(guard, town, query):
    make.check_in(town.gate, NOW)
    assert guard.get(f"/gate/inside{query}").status_code == 200


# --- the specialist ---


def table(page):
    return [[words(cell) for cell in row] for row in page.one("tbody").iter("tr")]


def test_the_specialist_filters_by_building_enterprise_time_and_grade(specialist, town):
    lobby = make.gate(town.building, "大堂")
    make.check_in(town.gate, NOW, name="王海", enterprise_id=town.tenant.id, mobile="13900000001")
    make.check_in(lobby, NOW - timedelta(hours=5), name="何平", mobile="13900000002")
    make.check_in(town.gate, NOW - timedelta(days=1), name="唐宋", mobile="13900000003")

    def names(query):
        page = opened(specialist, f"/places/{town.park.id}/inside{query}")
        return [row[2] for row in table(page)] if page.all("tbody") else []

    assert names("") == ["王*", "何*", "唐*"]
    assert names(f"?building={town.building.id}") == ["何*"] and names(f"?building={town.park.id}") == [
        "王*",
        "唐*",
    ]
    assert names(f"?enterprise={town.tenant.id}") == ["王*"] and names("?enterprise=none") == ["何*", "唐*"]
    assert names("?long=4") == ["何*", "唐*"] and names("?long=night") == ["唐*"]
    assert names("?grade=confirmed") == [] and len(names("?grade=declared")) == 3
    page = opened(specialist, f"/places/{town.park.id}/inside")
    assert "在里面3人，其中门岗确认0人" in page.text and "含1栋楼宇" in page.text
    offered = [words(option) for option in page.one("select", id="enterprise").iter("option")]
    assert offered == ["不限", "青禾生物（1人）", "没有写明去向（2人）"]
    offered = [words(option) for option in page.one("select", id="building").iter("option")]
    assert offered == ["不限", "只看云溪软件园B区本身（2人）", "3号楼（1人）"]


@pytest.mark.parametrize(
    "query",
    [
        "?building=x",
        "?enterprise=x",
        "?enterprise=99999999999999999999",
        "?long=x",
        "?grade=x",
        f"?q={'长' * 61}",
    ],
)
def test_made_up_filters_are_explained_or_ignored(specialist, town, query):
    make.check_in(town.gate, NOW)
    assert specialist.get(f"/places/{town.park.id}/inside{query}").status_code in (200, 422)
    assert specialist.get(f"/places/{town.park.id}/inside/export{query}").status_code in (200, 422)


def test_the_specialist_lets_somebody_out_and_comes_back_to_the_same_list(specialist, town):
    row = make.check_in(town.gate, NOW, name="王海")
    address = f"/places/{town.park.id}/inside?grade=declared"
    form = opened(specialist, address).form("/gate/entries/")
    answer = specialist.post(f"/gate/entries/{row.id}/leave", data=form.data())
    assert answer.location == f"{address}&left={row.id}"
    page = opened(specialist, answer.location)
    assert "09:41登记离开" in page.text
    undone = page.form("/gate/entries/")
    assert specialist.post(undone.action, data=undone.data()).location == address


def test_empty_and_nothing_found_look_different(specialist, town):
    address = f"/places/{town.park.id}/inside"
    assert "里面没有人" in opened(specialist, address).text
    make.check_in(town.gate, NOW)
    assert "在里面的1人里没有符合的" in opened(specialist, f"{address}?q=谁").text


def test_the_workbook_has_what_the_list_has_masked_and_signed(specialist, town):
    make.check_in(
        town.gate, NOW, name="=cmd()", mobile="13987650007", enterprise_id=town.tenant.id, call_number=417
    )
    make.check_in(town.gate, NOW, name="王海", mobile="13900000002")
    answer = specialist.get(f"/places/{town.park.id}/inside/export?q=%3Dcmd")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert rows == [
        [
            "2026-11-20 09:41:26",
            "云溪软件园B区",
            "东门2号口",
            "417",
            "=***",
            "139****0007",
            "青禾生物",
            "扫码自报",
        ]
    ]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    line = last_line()
    details = json.loads(line.details)
    assert (line.action, line.result) == ("entry:export", Result.SEEN) and details["count"] == 1
    assert sheet["A2"].value.startswith(f"许安澜于2026年11月20日09:41:26导出，编号{details['export']}，共1人")


def test_the_day_and_the_list_of_places_say_how_many_are_inside(specialist, town):
    make.check_in(town.gate, NOW, confirmed_at=NOW, confirmed_by_id=town.officer(Post.GATE_GUARD).id)
    make.check_in(make.gate(town.building, "大堂"), NOW, mobile="13900000002")
    make.check_in(town.gate, NOW, mobile="13900000003", left_at=NOW, left_how=Departure.SELF)
    page = opened(specialist, f"/places/{town.park.id}")
    figure = next(box for box in page.one("dl", cls="figures") if words(box[0]) == "在里面")
    assert [words(one) for one in figure] == ["在里面", "2 人", "其中门岗确认1人"]
    assert [a.get("href") for a in figure.iter("a")] == [f"/places/{town.park.id}/inside"]
    rows = table(opened(specialist, "/places"))
    assert [row[2].removeprefix("在里面") for row in rows] == ["2人", "1人"]


# --- the list to call people together by ---


def test_guard_and_specialist_have_the_same_list_one_tap_from_theirs(guard, specialist, town):
    make.check_in(town.gate, NOW, name="王海", call_number=205, enterprise_id=town.tenant.id)
    own = opened(guard, opened(guard, "/gate/inside").link("集合点名（疏散名单）"))
    place = opened(specialist, opened(specialist, f"/places/{town.park.id}/inside").link("集合点名"))
    for page in (own, place):
        section = page.one("section", cls="group")
        assert words(section).split() == ["青禾生物3号楼5层1人", "205王*自报"]
        assert [box.get("value") for box in page.all("input", type="checkbox")] == [
            str(db.session.scalar(select(CheckIn.id)))
        ]
        assert "王海" not in page.html
    assert own.link("返回谁在里面") == f"/gate/inside?gate={town.gate.id}"
    assert place.link("返回谁在里面") == f"/places/{town.park.id}/inside"


def test_taking_the_list_is_kept_in_the_audit(guard, town):
    make.check_in(town.gate, NOW)
    opened(guard, "/gate/evacuation")
    line = last_line()
    assert (line.action, line.result, line.object_type, line.object_id) == (
        "visit:inside", Result.SEEN, "place", str(town.park.id),
    )  # fmt: skip
    assert json.loads(line.details) == {"evacuation": 1}


def test_an_empty_list_asks_to_look_all_the_same(guard, town):
    assert "请照样巡一遍" in opened(guard, "/gate/evacuation").text


def test_two_hundred_people_are_on_one_page(guard, town):
    crowd(town, 200, name=LONG)
    page = opened(guard, "/gate/evacuation")
    assert len(page.all("input", type="checkbox")) == 200 and "200人" in page.text


def test_the_worker_may_serve_the_lists_and_is_asked_for_anew_each_time(client):
    answer = client.get("/evacuation-worker.js")
    assert answer.mimetype == "text/javascript" and "no-cache" in answer.headers["Cache-Control"]
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    answer.close()


def test_signing_out_has_the_browser_drop_what_it_kept(guard, town):
    form = opened(guard, "/more").form("/sign-out")
    assert guard.post("/sign-out", data=form.data()).headers["Clear-Site-Data"] == '"storage"'
    assert "Clear-Site-Data" not in guard.get("/sign-in").headers


def test_the_copy_is_told_from_the_page_by_one_attribute(guard, town):
    """The worker takes `hidden` away; without it the page must not be a copy."""
    html = guard.get("/gate/evacuation").text
    assert html.count(' id="copy" hidden') == 1
    assert "11月20日09:41的名单" in words(read(html).one(id="copy"))
