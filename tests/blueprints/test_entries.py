"""All entries of a place, the page of one, and the spellings of where people go."""

import io
import json
from datetime import timedelta

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine, Result
from models.base import db
from models.enterprises import Spelling
from models.gate import CheckIn, Kind, Mark, MeasuredBy, Note, Outcome, Reading
from models.judging import Verdict, write_reasons
from tests import make
from tests.conftest import NOW
from tests.reader import Page, read, words

FEVER = write_reasons([("fever", "37.6", "37.3")])


@pytest.fixture
def specialist(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SPECIALIST, name="许安澜"))


def listed(client: FlaskClient, town: make.Town, query: str = "") -> list[str]:
    """The masked names on the first page of the list, in order."""
    page = read(client.get(f"/places/{town.park.id}/entries{query}").data)
    rows = [row for section in page.all("section", id="entries") for row in section.iter("tr")][1:]
    return [words(list(row)[2]) for row in rows]


def case(client: FlaskClient, town: make.Town, entry: CheckIn, query: str = "") -> Page:
    return read(client.get(f"/places/{town.park.id}/entries/{entry.id}{query}").data)


def form_with(page: Page, field: str):
    return next(form for form in page.forms if field in form.choices)


def last_line() -> AuditLine:
    return db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))


def fever(gate, **facts) -> CheckIn:
    facts = {"verdict": Verdict.REFUSED, "reasons": FEVER, "celsius": 376, "name": "王海"} | facts
    return make.check_in(gate, NOW - timedelta(minutes=20), **facts)


# --- the list ---


def test_the_list_shows_today_unless_days_are_chosen(specialist, town):
    make.check_in(town.gate, NOW, name="今天")
    make.check_in(town.gate, NOW - timedelta(days=1), name="昨日人")
    assert listed(specialist, town) == ["今*"]
    assert listed(specialist, town, "?from_on=2026-11-19&to_on=2026-11-20") == ["今*", "昨**"]
    assert listed(specialist, town, "?from_on=2026-11-19") == ["昨**"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("张", "张**"),
        ("O'N", "O***"),
        ("139 8765 0007", "王*"),
        ("13987650007", "王*"),
        ("青禾", "何*"),
        ("qhsw", "何*"),
    ],
)
def test_people_are_found_by_the_beginning_of_a_name_a_whole_number_or_an_enterprise(
    specialist, town, asked, found
):
    make.check_in(town.gate, NOW, name="张晓明", mobile="13700000001")
    make.check_in(town.gate, NOW, name="O'Neil", mobile="13700000002")
    make.check_in(town.gate, NOW, name="王海", mobile="13987650007")
    make.check_in(town.gate, NOW, name="何平", mobile="13700000003", enterprise_id=town.tenant.id)
    assert listed(specialist, town, f"?q={asked}") == [found]


def test_a_percent_sign_finds_no_more_than_itself(specialist, town):
    make.check_in(town.gate, NOW)
    assert listed(specialist, town, "?q=%25") == []


def test_searching_a_whole_number_is_logged_without_the_number(specialist, town):
    make.check_in(town.gate, NOW, mobile="13987650007")
    listed(specialist, town, "?q=13987650007")
    line = last_line()
    assert (line.action, line.result) == ("place:watch", Result.SEEN)
    assert json.loads(line.details) == {"search": "mobile", "found": 1}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?verdict=refused", ["王*"]),
        ("?verdict=abnormal", ["唐*", "王*"]),
        ("?kind=again", ["何*"]),
        ("?marked=yes", ["沈**"]),
        ("?marked=no&verdict=pass", ["何*"]),
        ("?handled=yes", ["唐*"]),
        ("?sort=gravest", ["王*", "唐*", "沈**", "何*"]),
        ("?sort=hottest&verdict=abnormal", ["王*", "唐*"]),
        ("?sort=oldest", ["何*", "王*", "唐*", "沈**"]),
        ("?sort=newest", ["沈**", "唐*", "王*", "何*"]),
    ],
)
def test_filters_and_orders_do_what_they_say(specialist, town, query, names):
    make.check_in(town.north, NOW - timedelta(minutes=30), name="何平", kind=Kind.AGAIN)
    fever(town.gate)
    make.check_in(town.gate, NOW - timedelta(minutes=9), name="唐宋", verdict=Verdict.ATTENTION,
                  handled_at=NOW, celsius=352, reasons=write_reasons([("low", "35.2")]))  # fmt: skip
    make.check_in(town.gate, NOW, name="沈秋白", marks=Mark.BURST.value)
    assert listed(specialist, town, query) == names
    assert listed(specialist, town, f"?gate={town.north.id}") == ["何*"]


def test_pages_hold_fifty_and_the_number_of_all_is_said(specialist, town):
    for minute in range(53):
        make.check_in(town.gate, NOW - timedelta(minutes=minute))
    page = read(specialist.get(f"/places/{town.park.id}/entries?page=2").data)
    assert len(page.one("tbody").findall("tr")) == 3
    assert "53条" in page.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?from_on=2026-11-20&to_on=2026-11-01", "结束日期早于开始日期"),
        ("?from_on=2026-01-01&to_on=2026-11-20", "一次最多看31天，请把日期选近一些"),
        ("?from_on=昨天", "没有看懂“昨天”，日期写成2026-11-20"),
        (f"?q={'长' * 61}", "最多60个字"),
    ],
)
def test_a_filter_that_cannot_be_is_explained_and_kept(specialist, town, query, said):
    answer = specialist.get(f"/places/{town.park.id}/entries{query}")
    assert answer.status_code == 422
    assert said in read(answer.data).text


@pytest.mark.parametrize(
    "query", ["?gate=x", "?gate=999", "?verdict=nonsense", "?sort=rm", "?page=-3", "?kind=%00"]
)
def test_made_up_filters_never_fail(specialist, town, query):
    make.check_in(town.gate, NOW)
    assert specialist.get(f"/places/{town.park.id}/entries{query}").status_code in (200, 422)
    assert specialist.get(f"/places/{town.park.id}/entries/export{query}").status_code in (200, 422)


def test_names_of_our_own_in_an_address_break_no_link(specialist, town):
    make.check_in(town.gate, NOW)
    answer = specialist.get(f"/places/{town.park.id}/entries?place_id=1&endpoint=x&_scheme=evil&state=all")
    assert answer.status_code == 200
    assert (
        f'href="/places/{town.park.id}/entries/export?place_id=1&amp;endpoint=x&amp;_scheme=evil'
        in answer.text
    )


def test_nothing_found_offers_a_way_on(specialist, town):
    page = read(specialist.get(f"/places/{town.park.id}/entries?q=谁也不是").data)
    assert "2026年11月20日没有符合的登记" in page.text
    assert "from_on=2026-10-21" in page.link("在最近31天里找")


# --- the workbook ---


def workbook(answer):
    return openpyxl.load_workbook(io.BytesIO(answer.data)).active


def test_the_workbook_masks_people_keeps_formulas_as_text_and_says_who_took_it(specialist, town):
    for name in ('=HYPERLINK("http://x")', "+86 Smith", "@cmd", "-2+3"):
        make.check_in(town.gate, NOW, name="张晓明", written=name, mobile="13987650007")
    answer = specialist.get(f"/places/{town.park.id}/entries/export")
    assert answer.status_code == 200
    sheet = workbook(answer)
    assert sheet.title == "登记11月20日"
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    texts = [cell.value for cell in cells]
    assert '=HYPERLINK("http://x")' in texts
    assert "139****0007" in texts
    assert not [text for text in texts if "13987650007" in text or "张晓明" in text]
    line = last_line()
    details = json.loads(line.details)
    assert (line.action, line.result, line.object_id) == ("entry:export", Result.SEEN, str(town.park.id))
    assert details["count"] == 4
    assert sheet["A2"].value.startswith(f"许安澜于2026年11月20日09:41:26导出，编号{details['export']}，共4条")
    assert details["export"] in sheet.oddFooter.left.text


def test_the_workbook_has_what_the_list_has(specialist, town):
    fever(town.gate)
    make.check_in(town.gate, NOW)
    sheet = workbook(specialist.get(f"/places/{town.park.id}/entries/export?verdict=refused"))
    assert [cell.value for cell in sheet[4]][3:8] == [
        "禁止进入",
        "体温37.6℃，达到37.3℃",
        "王*",
        "138****1234",
        "37.6",
    ]
    assert sheet.max_row == 4


def test_in_wechat_a_page_comes_first_and_its_link_works_once_elsewhere(specialist, town, app):
    make.check_in(town.gate, NOW)
    wechat = {"User-Agent": "Mozilla/5.0 (Linux; Android 13) MicroMessenger/8.0.50"}
    answer = specialist.get(
        f"/places/{town.park.id}/entries/export?verdict=pass", headers=wechat, follow_redirects=True
    )
    page = read(answer.data)
    assert page.h1 == "在浏览器里下载"
    link = page.one("input", id="link").get("value")
    elsewhere = app.test_client()
    assert workbook(elsewhere.get(link)).max_row == 4
    assert elsewhere.get(link).status_code == 410


def test_a_guard_takes_nothing_out(client, town):
    make.sign_in(client, town.officer(Post.GATE_GUARD))
    assert client.get(f"/places/{town.park.id}/entries/export").status_code == 403


# --- one case ---


def test_the_story_of_a_case_is_told_from_the_last_step_to_the_first(specialist, town):
    guard = make.account(town.district, Post.GATE_GUARD, town.park.id, name="顾长宁")
    first = fever(town.gate)
    first.readings.append(Reading(celsius=374, masked=True, at=NOW - timedelta(minutes=8), by_id=guard.id,
                                  before_celsius=376, before_by=MeasuredBy.SELF,
                                  before_verdict=Verdict.REFUSED))  # fmt: skip
    Note.write(first, outcome=Outcome.FOLLOWING, text="在等家属来接", now=NOW, by_id=guard.id)
    db.session.commit()
    second = make.check_in(town.north, NOW - timedelta(minutes=5), name="王海", verdict=Verdict.ATTENTION,
                           earlier_id=first.id, reasons=write_reasons([("earlier", "09:21")]))  # fmt: skip
    page = case(specialist, town, first)
    steps = [words(step).split("\n") for step in page.one("ol", cls="timeline").findall("li")]
    assert [step[0].partition("11月")[0] for step in steps] == [
        "继续跟进", "又登记了一次", "门岗实测37.4℃，判定：禁止进入", "登记，判定：禁止进入",
    ]  # fmt: skip
    assert "顾长宁：在等家属来接" in page.text
    assert "自己量" in steps[-1][1]
    assert page.link("看那次登记").endswith(f"/{second.id}")
    again = case(specialist, town, second)
    assert "这位来访者先前被拒绝" in again.text
    assert again.link("看那次登记").endswith(f"/{first.id}")


def test_sealed_answers_are_not_on_the_page_only_the_reasons_of_the_verdict(specialist, town, app):
    vault = app.extensions["site"].vault
    answers = vault.seal(json.dumps({"symptoms": ["diarrhoea"], "code_status": ["yellow"]}), CheckIn.ANSWERS)
    entry = fever(town.gate, mode="emergency", answers=answers,
                  reasons=write_reasons([("code_status", "yellow")]))  # fmt: skip
    html = specialist.get(f"/places/{town.park.id}/entries/{entry.id}").text
    assert "健康码为黄码" in html
    assert "腹泻" not in html
    assert "diarrhoea" not in html


def test_a_note_needs_an_outcome_and_following_needs_a_word(specialist, town):
    entry = fever(town.gate)
    form = form_with(case(specialist, town, entry), "outcome")
    for changes, said in (
        ({"text": "有话"}, "请选择怎样处理的"),
        ({"outcome": "following", "text": " "}, "继续跟进，请写一句现在的情况"),
        ({"outcome": "rechecked"}, "复测结果还没有录入"),
        ({"outcome": "sent_away", "text": "长" * 501}, "说明最多500个字"),
    ):
        answer = specialist.post(form.action, data=form.data(**changes))
        assert answer.status_code == 422
        assert said in read(answer.data).text
    assert db.session.scalar(select(Note)) is None


def test_following_keeps_the_case_open_and_comes_back_to_its_page(specialist, town):
    entry = fever(town.gate)
    form = form_with(case(specialist, town, entry), "outcome")
    answer = specialist.post(form.action, data=form.data(outcome="following", text="等复测"))
    assert answer.location == f"/places/{town.park.id}/entries/{entry.id}"
    assert db.session.get(CheckIn, entry.id).handled_at is None


def test_an_entry_without_anything_amiss_is_not_to_be_handled(specialist, town):
    entry = make.check_in(town.gate, NOW)
    page = case(specialist, town, entry)
    assert not [form for form in page.forms if "outcome" in form.choices]
    token = page.forms[0].data()
    answer = specialist.post(
        f"/places/{town.park.id}/entries/{entry.id}", data=token | {"outcome": "mistake"}
    )
    assert answer.status_code == 422
    assert "这条登记没有异常，不用处理" in read(answer.data).text


def test_an_entry_is_found_only_under_its_own_place_and_its_park(specialist, town):
    hall = make.gate(town.building, "大厅")
    inside, outside = fever(hall), fever(town.gate)
    for place, entry, status in (
        (town.park, inside, 200), (town.building, inside, 200), (town.building, outside, 404),
        (town.park, outside, 200),
    ):  # fmt: skip
        assert specialist.get(f"/places/{place.id}/entries/{entry.id}").status_code == status


def test_a_number_is_shown_for_a_reason_for_half_an_hour_and_the_look_is_kept(specialist, town, at):
    entry, other = fever(town.gate, mobile="13987650007"), fever(town.gate, mobile="13987650008")
    page = case(specialist, town, entry)
    assert "139 8765 0007" not in page.text
    form = form_with(page, "reason")
    refused = specialist.post(form.action, data=form.data())
    assert refused.status_code == 422
    assert "请选择查看的原因" in read(refused.data).text
    answer = specialist.post(form.action, data=form.data(reason="contact"))
    assert answer.status_code == 303
    line = last_line()
    assert (line.action, line.result, line.object_id) == ("entry:reveal", Result.SEEN, str(entry.id))
    assert json.loads(line.details)["reason"] == "contact"
    assert "13987650007" not in line.details
    shown = case(specialist, town, entry)
    assert "139 8765 0007" in shown.text
    assert "王海" in shown.text
    assert "139 8765 0008" not in case(specialist, town, other).text
    at(NOW + timedelta(minutes=29))
    assert "139 8765 0007" in case(specialist, town, entry).text
    specialist.get("/places")  # or the session would idle out first
    at(NOW + timedelta(minutes=31))
    assert "139 8765 0007" not in case(specialist, town, entry).text


def test_calling_is_kept_too_and_only_then_the_number_is_a_link(specialist, town):
    entry = fever(town.gate, mobile="13987650007")
    address = f"/places/{town.park.id}/entries/{entry.id}"
    reveal = form_with(case(specialist, town, entry), "reason")
    assert specialist.post(address + "/call", data=reveal.data()).status_code == 409  # no reason given yet
    assert "tel:" not in specialist.get(address + "?call=1").text
    specialist.post(reveal.action, data=reveal.data(reason="tracing"))
    page = case(specialist, town, entry)
    assert "tel:" not in page.html
    answer = specialist.post(address + "/call", data=page.form(action=address + "/call").data())
    assert json.loads(last_line().details) == {"call": "mobile", "reason": "tracing"}
    assert 'href="tel:13987650007"' in specialist.get(answer.location).text


@pytest.mark.parametrize("tail", ["", "/reveal", "/call"])
def test_nothing_is_done_to_an_entry_of_another_place(specialist, town, tail):
    mine, theirs = fever(town.gate), fever(town.other_gate)
    data = form_with(case(specialist, town, mine), "outcome").data(outcome="sent_away") | {
        "reason": "contact"
    }
    for place in (town.other, town.park):
        answer = specialist.post(f"/places/{place.id}/entries/{theirs.id}{tail}", data=data)
        assert answer.status_code == 404
    assert db.session.get(CheckIn, theirs.id).handled_at is None
    assert last_line().result == Result.REFUSED


def test_the_filters_are_one_line_that_says_what_is_listed(specialist, town):
    page = read(
        specialist.get(f"/places/{town.park.id}/entries?verdict=refused&gate={town.north.id}&q=张").data
    )
    assert words(page.one("summary")) == "查找：2026年11月20日，“张”，北门，禁止进入"
    assert page.one("details", cls="fold").get("open") is None
    wrong = read(specialist.get(f"/places/{town.park.id}/entries?from_on=x").data)
    assert wrong.one("details", cls="fold").get("open") is not None


# --- spellings ---


def spellings(client: FlaskClient, town: make.Town) -> Page:
    return read(client.get(f"/places/{town.park.id}/spellings").data)


def map_first(client: FlaskClient, town: make.Town, enterprise: str):
    form = form_with(spellings(client, town), "enterprise")
    return client.post(form.action, data=form.data(enterprise=enterprise))


def test_unmatched_spellings_are_counted_together_however_they_are_written(specialist, town):
    for written in ("青禾 生务", "青禾生务", "青禾生务", "顺丰", ""):
        make.check_in(town.gate, NOW, written=written)
    make.check_in(town.gate, NOW - timedelta(days=31), written="很久以前")
    make.check_in(town.gate, NOW, written="青禾", enterprise_id=town.tenant.id)
    rows = [words(row).split("\n") for row in spellings(specialist, town).one("tbody").findall("tr")]
    assert [(row[0], row[2]) for row in rows] == [("青禾生务", "3次"), ("顺丰", "1次")]


def test_a_mapping_holds_for_earlier_rows_and_for_the_gate_from_now_on(specialist, town, app):
    early = make.check_in(town.gate, NOW - timedelta(days=3), written="青禾 生务")
    elsewhere = make.check_in(town.other_gate, NOW, written="青禾生务")
    code = town.gate.code.code
    assert app.extensions["site"].gates.view(code, NOW).enterprise_id("青禾生务") is None
    answer = map_first(specialist, town, "青禾生物")
    assert answer.status_code == 303
    db.session.expire_all()
    assert db.session.get(CheckIn, early.id).enterprise_id == town.tenant.id
    assert db.session.get(CheckIn, elsewhere.id).enterprise_id is None
    assert (
        app.extensions["site"].gates.view(code, NOW, fresh=True).enterprise_id("青禾生务") == town.tenant.id
    )
    page = spellings(specialist, town)
    assert "最近30天写的去向都认得" in page.text
    assert "以前的1条也已改好" in page.text
    assert json.loads(last_line().details)["matched"] == 1


def test_a_mapping_can_be_taken_back(specialist, town):
    early = make.check_in(town.gate, NOW, written="青禾生务")
    map_first(specialist, town, "云溪青禾生物科技股份有限公司")
    form = next(form for form in spellings(specialist, town).forms if form.action.endswith("/undo"))
    assert specialist.post(form.action, data=form.data()).status_code == 303
    db.session.expire_all()
    assert db.session.get(CheckIn, early.id).enterprise_id is None
    assert db.session.scalar(select(Spelling)) is None


def test_what_is_no_enterprise_is_set_aside_and_asked_no_more_in_the_whole_park(specialist, town):
    hall = make.gate(town.building, "大厅")
    for gate in (town.gate, hall):
        make.check_in(gate, NOW, written="送货")
    (row,) = [words(row).split("\n") for row in spellings(specialist, town).one("tbody").findall("tr")]
    assert row[:3] == ["送货", "云溪软件园B区、3号楼", "2次"]
    form = form_with(spellings(specialist, town), "enterprise")
    answer = specialist.post(form.action, data=form.data() | {"aside": "1"})
    assert answer.status_code == 303
    page = spellings(specialist, town)
    assert "“送货”不是企业，以后不再问" in page.text and "最近30天写的去向都认得" in page.text
    assert "都认得" in read(specialist.get(f"/places/{town.building.id}/spellings").data).text
    assert json.loads(last_line().details) == {"written": "送货", "enterprise_id": None}
    undo = next(form for form in page.forms if form.action.endswith("/undo"))
    specialist.post(undo.action, data=undo.data())
    db.session.rollback()
    assert db.session.scalar(select(Spelling)) is None
    assert "送货" in words(spellings(specialist, town).one("tbody"))


def test_in_a_park_a_spelling_is_mapped_wherever_it_was_written_and_nowhere_else(specialist, town, app):
    hall = make.gate(town.building, "大厅")
    early = make.check_in(hall, NOW, written="青禾生务")
    map_first(specialist, town, "青禾生物")
    db.session.expire_all()
    assert db.session.get(CheckIn, early.id).enterprise_id == town.tenant.id
    assert [s.place_id for s in db.session.scalars(select(Spelling))] == [town.building.id]
    token = spellings(specialist, town).forms[0].fields["csrf_token"]  # the same form from another tab
    again = {"csrf_token": token, "written": "青禾生务", "enterprise": "青禾生物"}
    answer = specialist.post(f"/places/{town.building.id}/spellings", data=again)
    assert answer.status_code == 422 and "已经有了结论" in read(answer.data).text


def test_a_spelling_that_is_set_aside_names_nobody_at_the_gate(specialist, town, app):
    make.save(Spelling(place_id=town.park.id, written="食堂", enterprise_id=None, mapped_at=NOW))
    view = app.extensions["site"].gates.view(town.gate.code.code, NOW, fresh=True)
    assert "食堂" not in view.tenants and view.enterprise_id("食堂") is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [("没有这家", "入驻企业里没有“没有这家”"), ("", "请填一家入驻企业"), ("青禾", "有2家企业叫“青禾”")],
)
def test_an_enterprise_that_is_not_clear_is_asked_for_again_with_what_was_typed(
    specialist, town, typed, said
):
    make.enterprise(town.street, "云溪青禾餐饮有限公司", at=town.park, short_name="青禾餐饮", initials="qhcy")
    make.check_in(town.gate, NOW, written="青禾生务")
    answer = map_first(specialist, town, typed)
    assert answer.status_code == 422
    page = read(answer.data)
    assert said in page.text
    assert page.one("input", id="enterprise").get("value") == typed


def test_a_spelling_of_another_place_cannot_be_mapped_or_undone(specialist, town):
    make.check_in(town.gate, NOW, written="青禾生务")
    theirs = make.save(
        Spelling(place_id=town.other.id, written="锦程", enterprise_id=town.tenant.id, mapped_at=NOW)
    )
    make.check_in(town.other_gate, NOW, written="青禾生务")
    form = form_with(spellings(specialist, town), "enterprise")
    assert specialist.post(form.action, data=form.data(enterprise="青禾生物")).status_code == 303
    assert not db.session.scalars(
        select(Spelling).where(Spelling.place_id == town.other.id, Spelling.id != theirs.id)
    ).all()
    token = {"csrf_token": form.fields["csrf_token"]}
    assert (
        specialist.post(f"/places/{town.park.id}/spellings/{theirs.id}/undo", data=token).status_code == 404
    )
    assert (
        specialist.post(f"/places/{town.other.id}/spellings/{theirs.id}/undo", data=token).status_code == 404
    )
