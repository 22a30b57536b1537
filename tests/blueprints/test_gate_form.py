"""A visitor at a gate: the form, its errors, and the one row that answers it (CHK-1 to CHK-5, CHK-8, CHK-10)."""

import gzip
import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from blueprints.gate import nonce
from models.base import db
from models.gate import CheckIn, Kind, Mark
from models.judging import Verdict
from models.places import ModeOrder
from tests import make
from tests.conftest import NOW
from tests.reader import Form, Page, read, words

GOOD = {"name": "张明远", "mobile": "138 0013 8000", "temperature": "36.5", "mask": "yes", "enterprise": ""}


def rows():
    db.session.rollback()  # what others wrote since
    return db.session.scalars(select(CheckIn).order_by(CheckIn.id)).all()


def open_form(client, address) -> Form:
    return read(client.get(address if address.startswith("/") else f"/g/{address}").text).forms[0]


def fill(form: Form, **answers):
    """What a visitor sends who answers what this form asks."""
    return form.data(**{name: answer for name, answer in answers.items() if name in form.choices})


def submit(client, code, **changes):
    """Opens the form and sends it, as a visitor does."""
    return client.post(f"/g/{code}", data=fill(open_form(client, code), **{**GOOD, **changes}))


def said(page: Page, field: str) -> str:
    """The error beside a field."""
    return words(page.one(id=f"{field}-err"))


def typed_in(form: Form, field: str) -> str:
    return form.data()[field][0]


@pytest.fixture
def code(town):
    return town.gate.code.code


def test_a_first_visit_passes_and_is_one_row(client, town, code):
    answer = submit(client, code)
    assert answer.status_code == 303
    page = read(client.get(answer.location).text)
    assert page.h1 == "通行"
    assert "云溪软件园B区" in page.text and "东门2号口" in page.text and "09:41:26" in page.text
    (row,) = rows()
    assert (row.verdict, row.kind, row.name, row.temperature) == (Verdict.PASS, Kind.ENTRY, "张明远", 36.5)
    assert (row.gate_id, row.place_id, row.day.isoformat(), row.hour) == (
        town.gate.id,
        town.park.id,
        "2026-11-20",
        9,
    )


def test_the_form_preselects_nothing_and_asks_no_other_host(client, code):
    html = client.get(f"/g/{code}").text
    page = read(html)
    assert (
        'name="mask" value="yes"' in html
        and "checked" not in html.split("有同行")[0].split('name="remember"')[0]
    )
    assert all(link.url.startswith(("/", "?", "#")) for link in page.links)
    assert "<script" not in html


def test_the_page_in_all_is_at_most_15_kb_over_the_wire(client, code):
    html = client.get(f"/g/{code}")
    linked = re.findall(r'href="(/static/[^"]+)"', html.text)
    size = len(gzip.compress(html.data))
    for path in linked:
        with client.get(path) as file:
            size += len(gzip.compress(file.data))
    assert len(linked) == 2 and size <= 15 * 1024


def test_fifty_looks_write_nothing(client, code):
    for _ in range(25):
        assert client.get(f"/g/{code}").status_code == 200
        assert client.head(f"/g/{code}").status_code == 200
    assert rows() == []


@pytest.mark.parametrize("typed", ["36,5", "３６．５", "36.5℃", "  36.5 ", "36.5度"])
def test_temperatures_are_read_as_people_type_them(client, code, typed):
    assert submit(client, code, temperature=typed).status_code == 303
    assert rows()[0].celsius == 365


@pytest.mark.parametrize(
    ("typed", "said_words"),
    [
        ("", "请填写今天的体温"),
        ("正常", "没有看懂“正常”"),
        ("33.9", "34.0到42.0"),
        ("42.1", "34.0到42.0"),
        ("37.25", "小数点后1位"),
    ],
)
def test_a_temperature_that_cannot_be_is_explained_beside_its_field(client, code, typed, said_words):
    answer = submit(client, code, temperature=typed)
    assert answer.status_code == 422
    page = read(answer.text)
    assert said_words in said(page, "temperature")
    kept = page.forms[0]
    assert [typed_in(kept, f) for f in ("name", "mobile")] == ["张明远", "138 0013 8000"]
    assert typed_in(kept, "temperature") == typed
    assert rows() == []


@pytest.mark.parametrize(
    ("typed", "verdict"),
    [("37.2", Verdict.PASS), ("37.3", Verdict.REFUSED), ("35.4", Verdict.ATTENTION), ("35.5", Verdict.PASS),
     ("34.0", Verdict.ATTENTION), ("42.0", Verdict.REFUSED)],
)  # fmt: skip
def test_the_thresholds_of_the_scheme_decide(client, code, typed, verdict):
    submit(client, code, temperature=typed)
    assert rows()[0].verdict == verdict


def test_without_a_mask_nobody_passes_and_both_reasons_are_said(client, code):
    answer = submit(client, code, mask="no", temperature="38.1")
    text = read(client.get(answer.location).text).text
    assert "禁止进入" in text and "体温38.1℃，达到37.3℃" in text and "未戴口罩" in text


@pytest.mark.parametrize("name", ["阿卜杜拉·买买提", "𠮷野", "O'Neil", "Müller-Lüdenscheidt"])
def test_names_are_stored_whole(client, code, name):
    assert submit(client, code, name=name).status_code == 303
    assert rows()[0].name == name


@pytest.mark.parametrize("name", ["", "<script>alert(1)</script>", "张\x00三", "好" * 300, "12345"])
def test_what_is_no_name_is_refused_in_words_and_comes_back_escaped(client, code, name):
    answer = submit(client, code, name=name)
    assert answer.status_code == 422
    assert said(read(answer.text), "name")
    assert "<script>" not in answer.text
    assert rows() == []


def test_an_unlikely_mobile_is_asked_back_once(client, code):
    answer = submit(client, code, mobile="14400000000")
    assert answer.status_code == 422 and "144开头的号段" in answer.text
    again = read(answer.text).forms[0]
    assert client.post(f"/g/{code}", data=again.data(mask="yes")).status_code == 303


def test_where_to_is_understood_by_name_pinyin_and_floor(client, town, code):
    for written in ("青禾生物", "QHSW", "3号楼 5层", "去看朋友"):
        submit(client, code, enterprise=written)
    assert [r.enterprise_id for r in rows()] == [town.tenant.id] * 3 + [None]
    assert rows()[3].written == "去看朋友"


def test_the_same_form_sent_again_is_the_first_answer_unchanged(client, code):
    form = open_form(client, code)
    first = client.post(f"/g/{code}", data=fill(form, **GOOD))
    again = client.post(f"/g/{code}", data=fill(form, **{**GOOD, "temperature": "39.9", "name": "别人"}))
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.location == again.location
    (row,) = rows()
    assert (row.name, row.celsius) == ("张明远", 365)


def test_twenty_parallel_equal_posts_are_one_row_and_twenty_answers(app, client, code):
    data = fill(open_form(client, code), **GOOD)
    answers = []

    def post():
        answers.append(app.test_client().post(f"/g/{code}", data=data))

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {303}
    assert len({a.location for a in answers}) == 1
    assert len(rows()) == 1


def test_an_old_form_comes_back_filled_with_a_fresh_nonce(client, code, at):
    form = open_form(client, code)
    at(NOW + timedelta(hours=12, seconds=1))
    answer = client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert answer.status_code == 422 and "还没有登记" in answer.text
    assert rows() == []
    again = read(answer.text).forms[0]
    assert typed_in(again, "name") == "张明远" and typed_in(again, "nonce") != typed_in(form, "nonce")
    assert client.post(f"/g/{code}", data=again.data()).status_code == 303


def test_a_nonce_of_another_gate_or_of_nobody_writes_nothing(client, town, code):
    elsewhere = typed_in(open_form(client, town.north.code.code), "nonce")
    for forged in (elsewhere, "", "x" * nonce.LENGTH, "é" * 10):
        assert client.post(f"/g/{code}", data={**GOOD, "nonce": forged}).status_code == 422
    assert rows() == []


def test_a_second_form_after_a_refusal_is_linked_to_it_and_never_a_pass(app, client, code):
    submit(client, code, temperature="37.6")
    submit(client, code, temperature="36.5")  # same phone, same mobile
    submit(app.test_client(), code, temperature="36.5")  # another browser, same mobile
    other = submit(
        client, code, temperature="36.5", mobile="13900001111", name="王五"
    )  # same browser, other mobile
    refused, *later = rows()
    assert refused.verdict == Verdict.REFUSED
    assert [(r.verdict, r.earlier_id) for r in later] == [(Verdict.ATTENTION, refused.id)] * 3
    assert "09:41时被拒绝过" in client.get(other.location).text


def test_two_hours_after_a_refusal_a_form_is_judged_alone(client, code, at):
    submit(client, code, temperature="37.6")
    at(NOW + timedelta(hours=2))
    submit(client, code)
    assert [r.verdict for r in rows()] == [Verdict.REFUSED, Verdict.PASS]


def test_the_same_gate_again_continues_the_visit_and_another_gate_is_a_movement(client, town, code, at):
    submit(client, code)
    at(NOW + timedelta(minutes=40))
    again = submit(client, code)
    submit(client, town.north.code.code)
    submit(client, town.other_gate.code.code)
    assert [r.kind for r in rows()] == [Kind.ENTRY, Kind.AGAIN, Kind.MOVE, Kind.ENTRY]
    assert "09:41已经在这个入口登记过" in client.get(again.location).text


def test_three_hundred_visitors_behind_one_address_all_succeed(app, code):
    for number in range(300):
        answer = submit(
            app.test_client(), code, name=f"访客{'甲乙丙丁'[number % 4]}", mobile=f"138{number:08}"
        )
        assert answer.status_code == 303
    assert len(rows()) == 300
    assert not any(r.marks for r in rows())


def test_one_phone_with_thirty_names_is_marked_then_slowed(client, code, at):
    names = [f"访客{'甲乙丙丁戊己庚辛壬癸'[n % 10]}{'一二三'[n // 10]}" for n in range(30)]
    statuses = []
    for number, name in enumerate(names):
        at(NOW + timedelta(seconds=number))
        answer = submit(client, code, name=name, mobile=f"138{number:08}")
        statuses.append(answer.status_code)
    assert statuses == [303] * 11 + [429] * 19
    assert [r.marks for r in rows()] == [""] * 10 + [Mark.MANY_NAMES]
    page = read(answer.text)
    assert "请等1分钟" in page.text and typed_in(page.forms[0], "name") == names[-1]
    at(NOW + timedelta(seconds=120))
    assert submit(client, code, name="访客最后", mobile="13912340000").status_code == 303


def test_out_of_hours_and_from_elsewhere_a_moment_ago_are_marked_not_blocked(client, town, code, at):
    submit(client, town.other_gate.code.code)
    at(NOW + timedelta(minutes=2))
    submit(client, code)
    at(NOW + timedelta(hours=14))  # 23:41, the park closes at 22:00
    submit(client, code)
    assert [r.marks for r in rows()] == ["", Mark.ELSEWHERE, Mark.OUT_OF_HOURS]
    assert all(r.verdict == Verdict.PASS for r in rows())


def test_a_returning_visitor_is_asked_temperature_and_mask_only(client, code):
    submit(client, code, remember="keep")
    html = client.get(f"/g/{code}").text
    page = read(html)
    assert "张**" in page.text and "138****8000" in page.text
    assert "13800138000" not in html and "张明远" not in html
    form = page.forms[0]
    assert not {"name", "mobile"} & set(form.choices)
    assert client.post(f"/g/{code}", data=form.data(temperature="36.4", mask="yes")).status_code == 303
    assert [r.name for r in rows()] == ["张明远"] * 2


def test_not_me_forgets_the_visitor(client, code):
    submit(client, code, remember="keep")
    assert client.post(f"/g/{code}/forget").status_code == 303
    assert "name" in open_form(client, code).choices


def test_once_is_not_remembered_and_a_changed_byte_is_an_unknown_visitor(client, code):
    submit(client, code, remember="once")
    assert "name" in open_form(client, code).choices
    submit(client, code, remember="keep")
    sealed = client.get_cookie("visitor").value
    client.set_cookie("visitor", sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1])
    answer = client.get(f"/g/{code}")
    assert answer.status_code == 200 and "name" in read(answer.text).forms[0].choices


def open_emergency(town, scope="street", scope_id=None):
    order = ModeOrder.open(
        scope=scope, scope_id=scope_id or town.street.id, district_id=town.district.id, name="呼吸道疾病应急响应",
        reason="演练", legal_basis="演练方案", responsible="周知行", planned_end_on=NOW.date() + timedelta(days=9),
        now=NOW, by_id=None,
    )  # fmt: skip
    return make.save(order)


EMERGENCY = {"code_status": "green", "risk_area_14d": "no", "overseas_21d": "no", "symptoms": ["none"]}


def test_an_opened_emergency_asks_its_questions_from_that_moment_and_ends_with_it(client, town, code):
    assert "code_status" not in open_form(client, code).choices
    order = open_emergency(town)
    page = read(client.get(f"/g/{code}").text)
    assert "呼吸道疾病应急响应" in page.text
    missing = client.post(f"/g/{code}", data=fill(page.forms[0], **GOOD))
    assert missing.status_code == 422
    for field in EMERGENCY:
        assert said(read(missing.text), field)
    assert submit(client, code, **EMERGENCY).status_code == 303
    assert rows()[0].mode == "emergency"
    order.end(reason="演练结束", now=NOW, by_id=None)
    db.session.commit()
    assert submit(client, code).status_code == 303


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"code_status": "red"}, Verdict.REFUSED),
        ({"code_status": "unavailable"}, Verdict.ATTENTION),
        ({"risk_area_14d": "yes"}, Verdict.REFUSED),
        ({"symptoms": ["fever"]}, Verdict.REFUSED),
        ({"symptoms": ["cough"]}, Verdict.ATTENTION),
    ],
)
def test_emergency_answers_are_judged_by_the_scheme(client, town, code, changes, verdict):
    open_emergency(town)
    submit(client, code, **{**EMERGENCY, **changes})
    assert rows()[0].verdict == verdict


def test_no_symptom_excludes_the_others(client, town, code):
    open_emergency(town)
    answer = submit(client, code, **{**EMERGENCY, "symptoms": ["none", "cough"]})
    assert answer.status_code == 422 and "都没有" in said(read(answer.text), "symptoms")


def test_a_form_opened_before_the_switch_keeps_what_was_typed(client, town, code):
    form = open_form(client, code)
    open_emergency(town)
    answer = client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert answer.status_code == 422
    again = read(answer.text).forms[0]
    assert typed_in(again, "name") == "张明远"
    assert client.post(f"/g/{code}", data=fill(again, **EMERGENCY)).status_code == 303


def test_an_emergency_of_another_place_leaves_this_gate_alone(client, town, code):
    open_emergency(town, "place", town.other.id)
    assert "code_status" not in open_form(client, code).choices


def test_travel_answers_and_mobile_are_sealed_in_the_database(client, town, code):
    open_emergency(town)
    submit(client, code, **EMERGENCY)
    raw = db.session.execute(select(CheckIn.__table__)).one()
    assert b"13800138000" not in bytes(raw.mobile) and b"green" not in bytes(raw.answers)


def test_under_the_later_scheme_normal_times_are_plain_registration(app, client):
    home = make.district("鹭洲区", "luzhou")
    make.adopt(home, make.LATER_SCHEME, from_on=NOW.date())
    from models.places import Street

    street = make.save(Street(district_id=home.id, name="鹭洲街道"))
    gate = make.gate(make.place(street, "鹭洲广场"), "正门")
    form = open_form(client, gate.code.code)
    assert not {"temperature", "mask"} & set(form.choices)
    answer = client.post(
        f"/g/{gate.code.code}", data=form.data(name="张三", mobile="13800138000", purpose="送货")
    )
    page = read(client.get(answer.location).text)
    assert page.h1 == "已登记" and "通行" not in page.h1
    assert "口令" not in page.text
    assert rows()[0].verdict == Verdict.REGISTERED and rows()[0].celsius is None


def test_english_visitors_read_english(client, code):
    page = read(client.get(f"/g/{code}?lang=en").text)
    assert "Full name" in page.text and "姓名" not in page.text
    answer = client.post(f"/g/{code}", data=page.forms[0].data(name="Anna", mobile="1", temperature="warm"))
    assert "warm" in said(read(answer.text), "temperature") and "没有看懂" not in answer.text
    good = client.post(f"/g/{code}", data=fill(read(answer.text).forms[0], **GOOD))
    assert read(client.get(good.location).text).h1 == "May enter"


def test_large_type_is_a_plain_link_that_is_remembered(client, code):
    assert 'data-text="large"' in client.get(f"/g/{code}?text=large").text
    assert 'data-text="large"' in client.get(f"/g/{code}").text
    assert 'data-text="xlarge"' in client.get(f"/g/{code}?text=xlarge").text
    assert "data-text" not in client.get(f"/g/{code}?text=normal").text


def test_codes_are_typed_in_any_case_with_or_without_spaces(client, town, code):
    for typed in (code.lower(), f"{code[:5]} {code[5:]}", f"{code[:5]}-{code[5:]}"):
        assert client.get(f"/g/{typed}").status_code == 200
        assert client.get("/g", query_string={"code": typed}).location == f"/g/{code}"
    assert "没有“0”" in client.get("/g?code=0BCDEFGHJK").text


class TestWrongCodes:
    """Each wrong code has its own message and status, and none of them writes a row."""

    def test_unknown(self, client, town):
        answer = client.get("/g/ABCDEFGHJK")
        assert answer.status_code == 404 and "没有这个码" in read(answer.text).text

    def test_revoked_says_which_version_and_since_when(self, client, town, code):
        town.gate.reissue(reason="海报破损", now=NOW, by_id=None)
        db.session.commit()
        for answer in (client.get(f"/g/{code}"), client.post(f"/g/{code}", data=GOOD)):
            assert answer.status_code == 410
            text = read(answer.text).text
            assert "第1版" in text and "第2版" in text and "您没有做错" in text
        assert client.get(f"/g/{town.gate.code.code}").status_code == 200
        assert rows() == []

    def test_paused(self, client, town, code):
        town.gate.pause(reason="电梯检修，请走北门", now=NOW)
        db.session.commit()
        answer = client.get(f"/g/{code}")
        assert answer.status_code == 503 and "电梯检修，请走北门" in read(answer.text).text

    def test_a_pass_at_a_gate_address(self, client, code):
        token = submit(client, code).location.removeprefix("/pass/")
        answer = client.get(f"/g/{token}")
        assert answer.status_code == 400 and "通行证的地址" in read(answer.text).text

    def test_another_districts_code_under_this_districts_host(self, app, client, town, code):
        from dataclasses import replace

        site = app.extensions["site"]
        hosts = {"luzhou.example": "luzhou", "yunxi.example": "yunxi"}
        app.extensions["site"] = replace(site, settings=replace(site.settings, hosts=hosts))
        wrong = client.get(f"/g/{code}", headers={"Host": "luzhou.example"})
        assert wrong.status_code == 404 and "云溪高新区的码" in read(wrong.text).text
        assert client.get(f"/g/{code}", headers={"Host": "yunxi.example"}).status_code == 200


def test_visitor_pages_have_no_inline_script_and_their_styles_name_the_same_values(client, code):
    policy = client.get(f"/g/{code}").headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "default-src 'none'" in policy
    assert Path("static/css/visitor.css").exists()
