"""Somebody says how they are: by their own link or the enterprise's code, on a phone, without an account."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta

import pypdfium2
import pytest
from sqlalchemy import select

from models import health_links
from models.access import Post
from models.archive import Employee, Team
from models.audit import AuditLine, Result
from models.base import db
from models.follow_ups import FollowUp
from models.health_entries import EntrySource, EntryState, HealthEntry, HealthEntryVersion, Site, Today
from models.health_links import HealthReminder, LinkKind
from tests import make
from tests.blueprints.test_gate_form import open_emergency
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read, words

MOBILE = "13812345678"
WELL = {"today": "well", "temperature": "36.5"}
ILL = {"today": "absent", "onset_on": "2026-11-19", "seen_doctor": "yes", "whereabouts": "home"}


@pytest.fixture
def vault(app):
    return app.extensions["site"].vault


def employee(town, name="林小满", **facts):
    facts = {"number": "A017", "mobile": MOBILE, "department": "生产部"} | facts
    return make.save(Employee(enterprise_id=town.tenant.id, name=name, added_at=NOW, changed_at=NOW, **facts))


@pytest.fixture
def person(town):
    return employee(town)


@pytest.fixture
def link(vault, person):
    return "/h/" + health_links.token(vault, LinkKind.PERSON, person.id)


@pytest.fixture
def code(vault, town):
    return "/e/" + health_links.token(vault, LinkKind.ENTERPRISE, town.tenant.id)


def entries():
    db.session.rollback()
    return db.session.scalars(select(HealthEntry).order_by(HealthEntry.id)).all()


def the_entry():
    (one,) = entries()
    return one


# --- the personal link ---


@pytest.mark.parametrize("typed", ["36.5", "３６．５℃", "36,5", "36度5"])
def test_a_temperature_is_taken_as_people_type_it(client, link, typed):
    page = landed(client, submit(client, link, today="well", temperature=typed))
    assert page.h1 == "已填好" and "09:41" in page.text
    entry = the_entry()
    assert (entry.celsius, entry.state, entry.source, entry.by_name) == (
        365,
        EntryState.NORMAL,
        EntrySource.SELF,
        "",
    )


def test_the_notice_stands_before_the_form_and_names_who_asks_and_who_sees_it(client, town, link):
    town.officer(Post.HEALTH_MANAGER, name="许清如")
    page = opened(client, link)
    assert page.text.index("看得到您名字的") < page.text.index("今天怎么样")
    for words_of_it in (
        "云溪青禾生物科技股份有限公司",
        "健康管理员许清如",
        "早发现发热",
        "不填呢",
        "只看人数",
        "撤回",
    ):
        assert words_of_it in page.text


def test_neither_page_nor_address_says_the_whole_name(client, link):
    assert "林小满" not in opened(client, link).html
    answer = submit(client, link, **WELL)
    assert answer.location == link and "林小满" not in landed(client, answer).html


def test_errors_stand_beside_their_fields_and_what_was_typed_is_kept(client, link):
    answer = submit(
        client,
        link,
        today="absent",
        temperature="88",
        symptoms=["cough"],
        onset_on="2026-11-21",
        shared="yes",
    )
    assert answer.status_code == 422 and entries() == []
    page = read(answer.text)
    said = {
        name: words(page.one(id=f"{name}-err"))
        for name in ("temperature", "onset_on", "seen_doctor", "whereabouts")
    }
    assert "34.0到42.0" in said["temperature"] and "还没有到" in said["onset_on"]
    form = next(f for f in page.forms if "today" in f.choices)
    kept = form.data()
    assert (kept["today"], kept["temperature"], kept["symptoms"], kept["onset_on"], kept["shared"]) == (
        ["absent"], ["88"], ["cough"], ["2026-11-21"], ["yes"],
    )  # fmt: skip
    assert page.title.startswith("有4处需要改")


def test_an_empty_form_asks_for_how_one_is_and_for_what_the_scheme_asks(client, link):
    said = refused(submit(client, link))
    assert "请选今天怎么样" in said and "请填今天量的体温" in said
    assert entries() == []


def test_symptoms_of_somebody_who_is_well_are_asked_back(client, link):
    assert "请选“不舒服”" in refused(submit(client, link, **WELL, symptoms=["cough"]))


def test_whoever_has_a_fever_says_where_it_was_taken_and_is_told_not_to_come(client, town, link):
    town.officer(Post.HEALTH_MANAGER, name="许清如", mobile="13900001111")
    assert "请选在哪里量的" in refused(submit(client, link, today="well", temperature="38.1"))
    page = landed(
        client, submit(client, link, today="unwell", temperature="38.1", site="forehead", symptoms=["cough"])
    )
    assert page.h1 == "请不要到岗"
    for said in ("许清如", "13900001111", "桂湖社区卫生服务中心", "0000-0000123", "水银或电子体温计", "咳嗽"):
        assert said in page.text
    entry = the_entry()
    assert entry.told.site == Site.FOREHEAD and entry.state == EntryState.ABNORMAL
    assert db.session.scalar(select(FollowUp.entry_id)) == entry.id


def test_a_reading_that_is_too_low_is_taken_again_and_keeps_nobody_at_home(client, link):
    page = landed(client, submit(client, link, today="well", temperature="35.1"))
    assert page.h1 == "请再量一次" and "不要到岗" not in page.text


def test_an_absence_for_illness_keeps_its_facts_and_needs_no_temperature(client, link):
    page = landed(
        client,
        submit(client, link, **ILL, symptoms=["fever", "cough"], look_back="no", return_on="2026年11月23日"),
    )
    assert page.h1 == "已记下" and "在家休息" in page.text
    told = the_entry().told
    assert the_entry().state == EntryState.ABSENT_ILL
    assert (told.today, told.symptoms, told.seen_doctor, told.look_back, told.shared) == (
        Today.ABSENT, ("fever", "cough"), True, False, None,
    )  # fmt: skip
    assert (str(told.onset_on), str(told.return_on), told.celsius) == ("2026-11-19", "2026-11-23", None)


def test_what_is_said_of_an_absence_is_not_kept_of_somebody_who_works(client, link):
    submit(client, link, **WELL, onset_on="2026-11-19", seen_doctor="yes", whereabouts="home")
    told = the_entry().told
    assert (told.onset_on, told.seen_doctor, told.whereabouts) == (None, None, None)


def test_it_is_once_a_day_and_the_same_day_corrected_with_the_earlier_kept(client, at, link):
    submit(client, link, **WELL)
    at(NOW + timedelta(hours=1))
    page = opened(client, link)
    assert page.h1 == "已填好" and "09:41" in page.text and not [f for f in page.forms if f.method == "post"]
    form = next(f for f in opened(client, f"{link}?change=1").forms if f.method == "post")
    assert form.data()["temperature"] == ["36.5"] and form.action == link
    page = landed(client, client.post(link, data=form.data(today="unwell", symptoms=["headache"])))
    assert page.h1 == "请不要到岗" and "第2次填" in page.text
    assert the_entry().version == 2
    assert db.session.scalars(select(HealthEntryVersion.state)).all() == [EntryState.NORMAL]
    client.post(link, data=form.data(today="unwell", symptoms=["headache"]))
    assert the_entry().version == 2
    at(NOW + timedelta(days=1))
    assert "今天怎么样" in opened(client, link).text


def test_emergency_asks_more_and_an_answer_that_does_not_pass_is_not_normal(client, town, link):
    open_emergency(town, "place", town.park.id)
    assert "健康码" in refused(submit(client, link, **WELL))
    more = {"code_status": "red", "risk_area_14d": "no", "overseas_21d": "no"}
    page = landed(client, submit(client, link, **WELL, **more))
    assert page.h1 == "请不要到岗" and "健康码为红码" in page.text
    assert the_entry().told.answers["code_status"] == ("red",)


def test_where_the_scheme_asks_nothing_one_tap_will_do(client, town, link):
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date())
    assert landed(client, submit(client, link, today="well")).h1 == "已填好"
    assert the_entry().celsius is None


@pytest.mark.parametrize("spoilt", ["x", "/h/" + "A" * 32, "/h/é"])
def test_a_link_that_is_none_says_whom_to_ask(client, link, spoilt):
    answer = client.get(spoilt if spoilt.startswith("/") else link[:-1] + ("A" if link[-1] != "A" else "B"))
    assert answer.status_code == 404 and "健康管理员" in answer.text


def test_a_renewed_link_and_one_of_somebody_who_left_open_nothing(client, town, person, link):
    health_links.renew(db.session(), LinkKind.PERSON, person.id, now=NOW, by_id=None)
    db.session.commit()
    assert client.get(link).status_code == 404 and client.post(link, data=WELL).status_code == 404
    gone = employee(town, "秦远", left_on=NOW.date() - timedelta(days=1))
    vault = client.application.extensions["site"].vault
    assert client.get("/h/" + health_links.token(vault, LinkKind.PERSON, gone.id)).status_code == 404
    assert entries() == []


def test_a_reminder_of_the_day_is_seen_by_whoever_has_not_reported(client, town, link):
    make.save(HealthReminder(enterprise_id=town.tenant.id, at=NOW, people=3))
    assert "09:41有提醒" in opened(client, link).text
    submit(client, link, **WELL)
    assert "有提醒" not in opened(client, f"{link}?change=1").text


def test_a_district_without_a_scheme_says_so(client, town, link):
    from models.places import Adoption

    db.session.execute(Adoption.__table__.delete())
    db.session.commit()
    assert client.get(link).status_code == 503 and client.post(link, data=WELL).status_code == 503


def test_the_audit_says_that_it_was_reported_and_nothing_of_health_or_name(client, link):
    submit(client, link, today="unwell", temperature="38.1", site="ear")
    db.session.rollback()
    line = db.session.scalars(select(AuditLine).where(AuditLine.action == "health:report")).one()
    assert line.result == Result.DONE and "38" not in str(line.details) and "林" not in str(line.details)


# --- the enterprise's code ---


def identify(client, code, name="林小满", tail="5678"):
    return submit(client, code, name=name, tail=tail)


@pytest.mark.parametrize("tail", ["5678", "５６７８", MOBILE, "A017", "a017"])
def test_name_and_last_signs_lead_to_the_form_and_never_to_the_permanent_link(client, code, link, tail):
    answer = identify(client, code, tail=tail)
    assert answer.status_code == 303 and answer.location.startswith("/e/fill/")
    assert "林" not in answer.location and link not in answer.location
    page = landed(client, submit(client, answer.location, **WELL))
    assert page.h1 == "已填好" and link.removeprefix("/h/") not in page.html
    assert the_entry().source == EntrySource.SELF


def test_every_mismatch_has_the_same_answer(client, town, code, person):
    employee(town, "秦远", number="B1", mobile="13700004321")
    employee(town, "秦远", number="B2", mobile="13600004321")
    employee(town, "柳岸", number="", mobile=None, left_on=NOW.date() - timedelta(days=1))
    said = {
        (read(answer.text).one(id="name-err").text, answer.status_code)
        for answer in (identify(client, code, name, tail) for name, tail in [
            ("没有此人", "5678"), ("林小满", "0000"), ("林小满", "678"), ("秦远", "4321"), ("柳岸", "5678"), ("林小满' OR 1=1", "5678"),
        ])
    }  # fmt: skip
    assert len(said) == 1
    assert identify(client, code, "秦远", "B2").status_code == 303


def test_blank_fields_are_asked_for(client, code):
    said = refused(submit(client, code, name="", tail=""))
    assert "请填姓名" in said and "请填手机号后4位" in said


def test_the_form_behind_the_code_never_shows_what_was_reported_before(client, code, link):
    submit(client, link, today="unwell", temperature="38.1", site="ear", symptoms=["cough"])
    page = opened(client, identify(client, code).location)
    form = next(f for f in page.forms if f.method == "post")
    assert (
        form.data().get("temperature", [""]) == [""]
        and "symptoms" not in form.data()
        and "38.1" not in page.html
    )


def test_the_ticket_ends_after_a_quarter_of_an_hour_and_with_the_code(client, at, town, code, person):
    where = identify(client, code).location
    at(NOW + timedelta(minutes=16))
    assert client.get(where).status_code == 410 and client.post(where, data=WELL).status_code == 410
    at(NOW)
    health_links.renew(db.session(), LinkKind.ENTERPRISE, town.tenant.id, now=NOW, by_id=None)
    db.session.commit()
    assert client.get(where).status_code == 410
    assert client.get(code).status_code == 404
    assert entries() == []


def test_what_was_sent_is_shown_until_it_is_changed(client, code, link):
    answer = submit(client, identify(client, code).location, **WELL)
    assert "09:41" in opened(client, answer.location).text
    client.post(link, data={"today": "unwell", "temperature": "36.5"})
    assert client.get(answer.location).status_code == 410


def test_a_spoilt_ticket_opens_nothing(client, code, person):
    where = identify(client, code).location
    for address in (where[:-2], "/e/fill/x", where.replace("fill", "sent"), "/e/sent/x"):
        assert client.get(address).status_code == 410


def test_failures_are_limited_by_name_and_success_is_not_counted(limited, town, person):
    client = limited.test_client()
    code = "/e/" + health_links.token(limited.extensions["site"].vault, LinkKind.ENTERPRISE, town.tenant.id)
    for _ in range(12):
        assert client.post(code, data={"name": "林小满", "tail": "A017"}).status_code == 303
    tried = [client.post(code, data={"name": "林小满", "tail": f"{n:04}"}).status_code for n in range(11)]
    assert tried == [422] * 10 + [429]
    assert client.post(code, data={"name": "林小满", "tail": "A017"}).status_code == 429
    assert client.post(code, data={"name": "秦远", "tail": "5678"}).status_code == 422


# --- the team's leader ---


@pytest.fixture
def crew(town):
    return make.save(Team(enterprise_id=town.tenant.id, name="包装甲班", leader="欧阳建国"))


@pytest.fixture
def three(town, crew):
    return [employee(town, name, team_id=crew.id) for name in ("林小满", "秦远", "柳岸")]


@pytest.fixture
def team(vault, crew):
    return "/t/" + health_links.token(vault, LinkKind.TEAM, crew.id)


@pytest.fixture
def unmeasured(town):
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date())


def told_of(one):
    return next((entry for entry in entries() if entry.employee_id == one.id), None)


def test_exceptions_come_first_and_the_rest_by_one_ticked_sentence(client, unmeasured, team, three):
    assert "其余的人都没有不舒服" in opened(client, team).text
    assert "请在这句话前面打勾" in refused(submit(client, team)) and entries() == []
    page = landed(client, submit(client, f"{team}/{three[1].id}", today="unwell", symptoms=["cough"]))
    assert "异常，09:41代报" in page.text
    assert "3人都填好了" in landed(client, submit(client, team, all_well="yes")).text
    assert [told_of(one).state for one in three] == [
        EntryState.NORMAL,
        EntryState.ABNORMAL,
        EntryState.NORMAL,
    ]
    assert {(one.source, one.by_name, one.celsius) for one in entries()} == {
        (EntrySource.LEADER, "欧阳建国", None)
    }
    assert db.session.scalars(select(FollowUp.employee_id)).all() == [three[1].id]
    text = opened(client, team).text
    assert text.index("秦远") < text.index("林小满")


def test_where_temperatures_are_asked_only_typed_ones_are_written(client, team, three):
    one, two, third = three
    assert "还没有填体温" in refused(submit(client, team, all_well="yes"))
    answer = submit(client, team, all_well="yes", **{f"t{one.id}": "３６．４", f"t{two.id}": "热"})
    assert answer.status_code == 422 and entries() == []
    assert read(answer.text).form().data()[f"t{one.id}"] == ["３６．４"]
    assert "请点名字单独填" in refused(submit(client, team, all_well="yes", **{f"t{one.id}": "38.2"}))
    landed(client, submit(client, team, all_well="yes", **{f"t{one.id}": "３６．４"}))
    assert (told_of(one).celsius, told_of(two), told_of(third)) == (364, None, None)


def test_in_an_emergency_the_sentence_says_what_it_vouches_for(client, town, team, three):
    open_emergency(town, "place", town.park.id)
    assert "健康码：绿码" in opened(client, team).text
    landed(client, submit(client, team, all_well="yes", **{f"t{three[0].id}": "36.4"}))
    assert told_of(three[0]).told.answers["code_status"] == ("green",)


def test_what_somebody_reported_themselves_is_neither_shown_nor_replaced(client, vault, team, three):
    own = "/h/" + health_links.token(vault, LinkKind.PERSON, three[0].id)
    submit(client, own, today="unwell", temperature="36.4", symptoms=["diarrhoea"])
    page = opened(client, team)
    assert (
        "09:41已填" in page.text and "异常" not in page.text and f"t{three[0].id}" not in page.form().choices
    )
    assert client.get(f"{team}/{three[0].id}").status_code == 409
    assert client.post(f"{team}/{three[0].id}", data=WELL).status_code == 409
    assert told_of(three[0]).source == EntrySource.SELF


def test_whoever_joined_since_the_page_was_opened_is_not_vouched_for(
    client, unmeasured, town, team, three, crew
):
    form = opened(client, team).form()
    late = employee(town, "宋词", team_id=crew.id)
    client.post(team, data=form.data(all_well="yes"))
    assert len(entries()) == 3 and told_of(late) is None


def test_a_leader_reaches_the_own_team_alone(client, at, town, crew, team, three):
    stranger = employee(town, "宋词")
    assert client.get(f"{team}/{stranger.id}").status_code == 404
    assert client.post(f"{team}/{stranger.id}", data=WELL).status_code == 404
    crew.closed_at = NOW
    db.session.commit()
    for address in (team, f"{team}/{three[0].id}", f"{team}/sheet.pdf"):
        assert client.get(address).status_code == 404


def test_the_team_s_sheet_is_printed(client, team, three):
    answer = client.get(f"{team}/sheet.pdf")
    with pypdfium2.PdfDocument(io.BytesIO(answer.data)) as document:
        text = document[0].get_textpage().get_text_range()
    assert "包装甲班" in text and "林小满" in text and "体温" in text


# --- the manager's page ---


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))


def links_page(town):
    return f"/enterprises/{town.tenant.id}/health/links"


def test_the_manager_finds_everybody_s_link_and_the_enterprise_s_code(manager, town, person, link, code):
    page = opened(manager, links_page(town))
    shown = [one.get("value") for one in page.all("input") if one.get("readonly") is not None]
    assert [one.removeprefix("http://localhost") for one in shown] == [code, link]
    assert "没有找到" in opened(manager, f"{links_page(town)}?q=无此人").text
    assert "林小满" in opened(manager, f"{links_page(town)}?q=A017").text


def test_a_renewed_link_makes_the_old_one_void_once_a_click(manager, client, town, person, link):
    form = next(f for f in opened(manager, links_page(town)).forms if f.data().get("kind") == ["person"])
    for _ in range(2):  # a double click
        assert manager.post(form.action, data=form.data()).status_code == 303
    assert health_links.numbers_of(db.session(), LinkKind.PERSON, [person.id]) == {person.id: 1}
    assert client.get(link).status_code == 404
    page = opened(manager, links_page(town))
    fresh = [one.get("value") for one in page.all("input") if one.get("readonly") is not None][1]
    assert client.get(fresh.removeprefix("http://localhost")).status_code == 200


def test_nobody_renews_another_enterprise_s_link(manager, town):
    other = make.enterprise(town.street, "鹭洲实业有限公司", short_name="鹭洲")
    stranger = make.save(Employee(enterprise_id=other.id, name="秦远", added_at=NOW, changed_at=NOW))
    form = next(f for f in opened(manager, links_page(town)).forms if f.data().get("kind") == ["enterprise"])
    for kind, subject, status in [
        ("person", stranger.id, 404), ("enterprise", other.id, 404), ("team", 1, 404), ("x", 1, 400), ("person", "९", 400),
    ]:  # fmt: skip
        assert manager.post(form.action, data=form.data(kind=kind, subject=subject)).status_code == status


def test_the_poster_and_the_slips_are_printed_and_looking_is_logged(manager, town, person):
    poster = manager.get(f"/enterprises/{town.tenant.id}/health/poster.pdf")
    slips = manager.get(f"/enterprises/{town.tenant.id}/health/slips.pdf?department=生产部")
    for answer, words_of_it in ((poster, "扫码说一声"), (slips, "林小满")):
        assert answer.status_code == 200, answer.text
        with pypdfium2.PdfDocument(io.BytesIO(answer.data)) as document:
            assert len(document) == 1
            assert words_of_it in document[0].get_textpage().get_text_range().replace("\r\n", "")
    assert manager.get(f"/enterprises/{town.tenant.id}/health/slips.pdf?department=没有").status_code == 404
    db.session.rollback()
    line = db.session.scalars(select(AuditLine).where(AuditLine.result == Result.SEEN)).one()
    assert "林" not in str(line.details)


def test_a_large_department_is_printed_in_parts(manager, town):
    for n in range(101):
        db.session.add(
            Employee(
                enterprise_id=town.tenant.id,
                name=f"员工{n:03}",
                department="包装",
                added_at=NOW,
                changed_at=NOW,
            )
        )
    db.session.commit()
    assert "第101至101人" in opened(manager, links_page(town)).text


# --- how long it is kept, and English ---


def kept_days(app, monkeypatch, days):
    """The scheme with other days than the usual ones: what a page says must come from it."""
    book = app.extensions["site"].book
    policy = book.get(make.SCHEME)
    monkeypatch.setitem(
        book._policies, make.SCHEME, replace(policy, retention=replace(policy.retention, health_days=days))
    )


@pytest.mark.parametrize("days", [30, 45])
def test_every_page_around_a_form_says_how_long_it_is_kept(app, client, town, code, link, monkeypatch, days):
    kept_days(app, monkeypatch, days)
    for page in (opened(client, link), opened(client, code), opened(client, identify(client, code).location)):
        assert f"没有不舒服的保存{days}天，生病的到恢复以后{days}天，到期自动删除" in page.text
        assert f"生病的，从恢复那天起{days}天" in page.text
    until = NOW.date() + timedelta(days=days)
    assert (
        f"到{until.year}年{until.month}月{until.day}日" in landed(client, submit(client, link, **WELL)).text
    )
    page = landed(client, client.post(link, data={"today": "unwell", "temperature": "36.6"}))
    assert f"到恢复以后{days}天" in page.text
    assert f"kept for {days} days" in opened(client, f"{code}?lang=en").text.lower()


def test_the_notice_leads_to_the_whole_one_of_the_district(client, link):
    where = next(one.url for one in opened(client, link).links if "#staff" in one.url)
    page = opened(client, where.partition("#")[0])
    assert "district=yunxi" in where and page.one(id="staff") is not None


HAN = re.compile(r"[㐀-鿿]")
OURS = re.compile(
    r"云溪青禾生物科技股份有限公司|云溪青禾|青禾生物|云溪高新区健康管理专班|云溪高新区|桂湖社区卫生服务中心|锦书路60号|24小时|许清如|中文|林\*+|林小满|早班"
)


def chinese_in(page):
    """Chinese words of a page that are not names."""
    return sorted(set(HAN.findall(OURS.sub("", f"{page.title} {page.text}"))))


def test_somebody_who_reads_english_reports_from_the_first_page_to_the_last(client, town, code, link):
    town.officer(Post.HEALTH_MANAGER, name="许清如", mobile="13900001111")
    page = opened(client, f"{code}?lang=en")
    assert page.html.startswith('<!doctype html>\n<html lang="en"') and chinese_in(page) == []
    answer = submit(client, code, name="", tail="")
    assert "Please give your full name" in refused(answer) and chinese_in(read(answer.text)) == []
    assert "No match" in refused(identify(client, code, tail="0000"))
    where = identify(client, code).location
    page = opened(client, where)
    assert "How are you today?" in page.text and "Body temperature" in page.text and chinese_in(page) == []
    answer = submit(
        client, where, today="absent", temperature="88", symptoms=["cough"], onset_on="2026-11-21"
    )
    said = refused(answer)
    for words_of_it in ("between 34.0 and 42.0", "still to come", "seen a doctor", "where you are resting"):
        assert words_of_it in said
    assert chinese_in(read(answer.text)) == []
    page = landed(
        client, submit(client, where, today="unwell", temperature="38.1", site="forehead", symptoms=["cough"])
    )
    assert page.h1 == "Please do not come to work" and chinese_in(page) == []
    for words_of_it in (
        "at or above 37.3",
        "contact thermometer",
        "Cough",
        "Call health manager",
        "13900001111",
        "Forehead",
    ):
        assert words_of_it in page.text
    page = opened(client, link)
    assert page.h1 == "Please do not come to work" and "Something has changed" in page.text
    assert chinese_in(opened(client, f"{link}?change=1")) == []
    assert the_entry().why[0].startswith("体温38.1℃")  # what is kept is in the language of who cares for them


@pytest.mark.parametrize(
    ("typed", "h1"),
    [(WELL, "Received"), (ILL, "Noted"), ({"today": "well", "temperature": "35.1"}, "Please take it again")],
)
def test_every_answer_is_in_english_too(client, town, link, typed, h1):
    client.get(f"{link}?lang=en")
    page = landed(client, submit(client, link, **typed))
    assert page.h1 == h1 and chinese_in(page) == []


def test_an_emergency_asks_in_english_and_says_in_english_why(client, town, link):
    open_emergency(town, "place", town.park.id)
    client.get(f"{link}?lang=en")
    assert "Please choose one: Health code" in refused(submit(client, link, **WELL))
    page = landed(
        client, submit(client, link, **WELL, code_status="red", risk_area_14d="no", overseas_21d="no")
    )
    assert page.h1 == "Please do not come to work" and chinese_in(page) == []


def test_links_that_open_nothing_say_so_in_english_and_leave_the_choice_of_language(
    client, town, code, person
):
    for address, status in (
        ("/h/x", 404),
        ("/e/x", 404),
        ("/t/x", 404),
        ("/e/fill/x", 410),
        ("/e/sent/x", 410),
    ):
        answer = client.get(f"{address}?lang=en")
        assert answer.status_code == status and chinese_in(read(answer.text)) == []
        assert "中文" in answer.text
        assert "English" in client.get(f"{address}?lang=zh").text


def test_a_team_leader_reads_english_too(client, vault, town, person):
    team = make.save(Team(enterprise_id=town.tenant.id, name="早班"))
    person.team_id = team.id
    other = employee(town, "秦远", number="A018", team_id=team.id)
    db.session.commit()
    address = "/t/" + health_links.token(vault, LinkKind.TEAM, team.id)
    page = opened(client, f"{address}?lang=en")
    assert "2 people, 2 not reported yet" in page.text
    assert chinese_in(page) == ["秦", "远"]
    answer = client.post(address, data={f"t{person.id}": "38.5"})
    said = refused(answer)
    assert "38.5 ℃ is high" in said and "Please tick this sentence" in said
    page = landed(
        client, client.post(f"{address}/{other.id}", data={"today": "unwell", "temperature": "36.8"})
    )
    assert "not well, by you 09:41" in page.text and chinese_in(page) == ["秦", "远"]
    submit(client, "/h/" + health_links.token(vault, LinkKind.PERSON, person.id), **WELL)
    answer = client.get(f"{address}/{person.id}")
    assert (
        answer.status_code == 409
        and "has reported today" in answer.text
        and chinese_in(read(answer.text)) == []
    )
    entry = db.session.scalars(select(HealthEntry).where(HealthEntry.source == EntrySource.LEADER)).one()
    assert entry.by_name == "班组长"  # as the enterprise calls it, whatever the page said


@pytest.mark.parametrize("address", ["link", "code"])
def test_large_type_is_offered_and_kept(client, request, address):
    where = request.getfixturevalue(address)
    request.getfixturevalue("person")
    assert "大字" in opened(client, where).text
    assert 'data-text="large"' in opened(client, f"{where}?text=large").html
    assert 'data-text="large"' in opened(client, where).html
