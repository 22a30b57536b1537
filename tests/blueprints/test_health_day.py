"""The manager's day: who is not well first, then who has not reported, then everybody; entering for somebody."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models.access import Post
from models.archive import Employee, Team
from models.audit import AuditLine
from models.base import db
from models.follow_ups import FollowUp
from models.health_entries import EntrySource, EntryState, HealthEntry, Report, Site, Today, Whereabouts
from models.health_links import HealthReminder
from tests import make
from tests.browser import Page, read
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.statements import statements_of

WELL = Report(Today.WELL, celsius=Decimal("36.5"))
FEVER = Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT, symptoms=("cough",))
ILL = Report(
    Today.ABSENT,
    symptoms=("diarrhoea",),
    onset_on=NOW.date(),
    seen_doctor=False,
    whereabouts=Whereabouts.HOME,
)
TODAY = NOW.date()


@pytest.fixture
def manager(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.HEALTH_MANAGER, name="林见微"))


def home(town: make.Town, more: str = "") -> str:
    return f"/enterprises/{town.tenant.id}/health{more}"


def fill(town: make.Town, person: Employee, more: str = "") -> str:
    return home(town, f"/people/{person.id}{more}")


def shown(page: Page) -> list[str]:
    """Who stands in the list of people, in order."""
    listed = next(t for t in page.all("section") if t.get("id") == "people").iter("th")
    return ["".join(th.itertext()).split("　")[0] for th in listed if th.get("scope") == "row"]


def present_day(town: make.Town) -> None:
    """The district follows the scheme that asks nothing of everybody in normal times."""
    make.adopt(town.district, make.LATER_SCHEME, from_on=TODAY - timedelta(days=100))


def test_the_day_counts_and_puts_the_unwell_first_the_overdue_on_top(manager, town, at):
    people = [make.employee(town.tenant, name) for name in ("甲一", "乙二", "丙三", "丁四")]
    at(NOW - timedelta(hours=3))
    make.health_entry(people[0], FEVER)
    at(NOW)
    make.health_entry(people[1], ILL)
    make.health_entry(people[2], WELL)
    page = opened(manager, home(town))
    figures = "".join("".join(page.one("dl", cls="figures").itertext()).split())
    assert (
        figures
        == "应到4人在册的员工已报3人1人还没有报异常1人体温、症状或旅居有异常因病缺勤1人因病缺勤率25.00%"
    )
    assert page.text.index("甲一") < page.text.index("乙二") < page.text.index("丁四")
    assert "联系超时" in page.text and "体温38.1℃，达到37.3℃；咳嗽" in page.text
    assert shown(page) == ["丁四"]
    assert set(shown(opened(manager, home(town, "?who=unwell")))) == {"甲一", "乙二"}
    assert set(shown(opened(manager, home(town, "?who=all")))) == {"甲一", "乙二", "丙三", "丁四"}


def test_without_employees_there_is_no_rate_and_the_page_says_what_is_missing(manager, town):
    page = opened(manager, home(town))
    assert "因病缺勤率—" in page.text and "还没有员工" in page.text


def test_three_alike_in_a_team_are_a_hint_with_the_hotline_and_what_to_do(manager, town):
    team = make.save(Team(enterprise_id=town.tenant.id, name="夜班"))
    for name in ("甲一", "乙二", "丙三"):
        make.health_entry(make.employee(town.tenant, name, team_id=team.id), FEVER)
    page = opened(manager, home(town))
    assert "班组夜班：当天3人发热或呼吸道症状" in page.text
    assert "现在就报告锦书社区和区疾控中心" in page.text and "0000-0000123" in page.text
    assert "不追究责任" in page.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [("昨天", "没有看懂"), ("2026-11-21", "还没有到"), ("2026-08-01", "最多看90天")],
)
def test_a_day_that_cannot_be_shown_says_why_and_keeps_what_was_typed(manager, town, typed, said):
    answer = manager.get(home(town, f"?on={typed}"))
    assert said in refused(answer)
    assert f'value="{typed}"' in answer.text


def test_an_earlier_day_shows_that_day_and_is_corrected_for_a_week_only(manager, town):
    person = make.employee(town.tenant)
    make.health_entry(person, ILL, on=TODAY - timedelta(days=2))
    page = opened(manager, home(town, "?on=2026-11-18&who=all"))
    assert "每日健康，11月18日" in page.text and "因病缺勤1" in "".join(page.text.split())
    assert "提醒未报" not in page.text
    assert any("/people/" in link.url for link in page.links)
    older = opened(manager, home(town, "?on=2026-11-12&who=all"))
    assert not any("/people/" in link.url for link in older.links)
    assert manager.get(fill(town, person, "?on=2026-11-12")).status_code == 409


def test_people_are_found_by_name_initials_number_department_and_whole_mobile(app, manager, town):
    vault = app.extensions["site"].vault
    make.employee(
        town.tenant, "林小满", initials="lxm", number="A7", department="研发部", mobile="13800001234",
        mobile_index=vault.blind("13800001234", "mobile"),
    )  # fmt: skip
    make.employee(town.tenant, "许安澜", initials="xal", number="B8", department="生产部")
    for wanted in ("小满", "lxm", "A7", "研发", "138 0000 1234"):
        assert shown(opened(manager, home(town, f"?q={wanted}"))) == ["林小满"], wanted
    db.session.rollback()
    assert db.session.scalar(select(func.count()).where(AuditLine.details.contains("mobile"))) == 1
    page = opened(manager, home(town, "?q=没有这个人"))
    assert "没有符合“没有这个人”的人" in page.text


def test_one_tap_reminds_once_and_says_when_and_who(manager, town, at):
    for name in ("甲一", "乙二"):
        make.employee(town.tenant, name)
    page = landed(manager, submit(manager, home(town), home(town, "/remind")))
    assert "已提醒2人" in page.text and "09:41林见微提醒过2人" in page.text
    again = landed(manager, submit(manager, home(town), home(town, "/remind")))
    assert "刚提醒过" in again.text
    db.session.rollback()
    assert [r.people for r in db.session.scalars(select(HealthReminder))] == [2]
    at(NOW + timedelta(minutes=11))
    submit(manager, home(town), home(town, "/remind"))
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(HealthReminder)) == 2
    assert "reminded" in db.session.scalar(
        select(AuditLine.details).where(AuditLine.action == "health:manage")
    )


def test_the_list_to_copy_has_departments_and_names_and_nothing_else(manager, town):
    make.employee(town.tenant, "甲一", department="研发部", mobile="13800001234")
    make.employee(town.tenant, "乙二", department="研发部")
    make.employee(town.tenant, "丙三")
    make.health_entry(make.employee(town.tenant, "丁四"), FEVER)
    text = "".join(opened(manager, home(town, "/missing")).one("textarea").itertext())
    assert "11月20日还没有填每日健康的，3人" in text and "没有部门（1人）：丙三" in text
    assert "研发部（2人）：" in text and "丁四" not in text and "138" not in text


def test_a_manager_writes_for_somebody_and_a_fever_opens_the_case(manager, town):
    person = make.employee(town.tenant)
    answer = submit(
        manager, fill(town, person), None, today="unwell", temperature="３８．１", site="armpit", symptoms=["cough", "fever"]
    )  # fmt: skip
    page = landed(manager, answer)
    assert "林小满的跟进" in page.text
    db.session.rollback()
    entry = db.session.scalar(select(HealthEntry))
    assert (entry.state, entry.celsius, entry.source, entry.by_name) == (
        EntryState.ABNORMAL,
        381,
        EntrySource.MANAGER,
        "林见微",
    )
    assert db.session.scalar(select(FollowUp.entry_id)) == entry.id
    line = db.session.scalars(select(AuditLine).where(AuditLine.details.contains('"version"'))).one()
    assert line.object_type == "employee" and "38" not in line.details and "cough" not in line.details


def test_a_correction_begins_from_what_was_said_and_keeps_it(manager, town):
    person = make.employee(town.tenant)
    make.health_entry(person, FEVER)
    form = next(f for f in opened(manager, fill(town, person)).forms if "temperature" in f.data())
    assert "38.1" in form.data()["temperature"]
    landed(manager, submit(manager, fill(town, person), None, today="well", temperature="36.6", symptoms=[]))
    page = opened(manager, fill(town, person))
    assert "更正以前" in page.text and "体温38.1℃" in page.text
    db.session.rollback()
    assert db.session.scalar(select(HealthEntry.version)) == 2
    assert db.session.scalar(select(FollowUp.closed_at)) is None


def test_storing_the_same_again_changes_nothing(manager, town):
    person = make.employee(town.tenant)
    make.health_entry(person, FEVER)
    answer = submit(manager, fill(town, person), None, today="unwell")
    assert "没有改动" in landed(manager, answer).text
    db.session.rollback()
    assert db.session.scalar(select(HealthEntry.version)) == 1


def test_errors_stand_beside_their_fields_and_everything_typed_is_kept(manager, town):
    person = make.employee(town.tenant)
    answer = submit(
        manager,
        fill(town, person),
        None,
        today="absent",
        temperature="365",
        symptoms=["cough"],
        onset_on="2026-11-30",
    )
    page = read(answer.text)
    assert "是36.5吗" in refused(answer) and "这一天还没有到" in page.text and "请选看过医生没有" in page.text
    form = next(f for f in page.forms if f.method == "post")
    kept = form.data()
    assert "365" in kept["temperature"] and "cough" in kept["symptoms"] and "2026-11-30" in kept["onset_on"]
    assert {"temperature", "onset_on", "seen_doctor"} <= {
        link.url[1:] for link in page.links if link.url.startswith("#")
    }
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(HealthEntry)) == 0


def test_where_nothing_is_asked_each_day_only_illness_is_entered(manager, town):
    present_day(town)
    person = make.employee(town.tenant)
    page = opened(manager, home(town))
    assert "现在不要求每天填报" in page.text
    assert not any(word in page.text for word in ("未报", "提醒", "已报", "复制名单"))
    assert manager.get(home(town, "/missing")).status_code == 409
    assert shown(page) == ["林小满"]
    answer = submit(
        manager, fill(town, person), None, today="absent", symptoms=["diarrhoea"], onset_on="2026-11-19",
        seen_doctor="yes", whereabouts="home", shared="yes", look_back="no", return_on="2026-11-23",
    )  # fmt: skip
    page = landed(manager, answer)
    assert "2026年11月19日" in page.text and "居家" in page.text
    assert "因病缺勤率100.00%" in opened(manager, home(town)).text


def test_a_district_without_a_scheme_says_so_and_takes_no_entry(app, client, town):
    bare = make.district("鹭洲区", "luzhou")
    from models.places import Street

    street = make.save(Street(district_id=bare.id, name="鹭洲街道"))
    firm = make.enterprise(street, "鹭洲实业有限公司")
    person = make.employee(firm)
    browser = make.sign_in(client, make.account(bare, Post.HEALTH_MANAGER, firm.id))
    assert "没有采用方案" in opened(browser, f"/enterprises/{firm.id}/health").text
    assert browser.get(f"/enterprises/{firm.id}/health/people/{person.id}").status_code == 409


def test_a_page_that_was_open_too_long_keeps_what_was_typed(app, town):
    person, who = make.employee(town.tenant), town.officer(Post.HEALTH_MANAGER)
    form = opened(make.sign_in(app.test_client(), who), fill(town, person)).form()
    data = form.data(today="well", temperature="36.7")
    client = make.sign_in(app.test_client(), who)
    answer = client.post(fill(town, person), data=data)
    assert "这一页放得太久，还没有存；填的都在，请再按一次" in refused(answer)
    assert db.session.scalar(select(func.count(HealthEntry.id))) == 0
    db.session.rollback()
    again = read(answer.text).form()
    assert again.fields["temperature"] == ["36.7"]
    assert client.post(fill(town, person), data=again.data()).status_code == 303


def test_somebody_of_another_enterprise_is_not_there(manager, town):
    other = make.employee(make.enterprise(town.street, "邻居有限公司"))
    assert manager.get(fill(town, other)).status_code == 404


def test_officers_and_specialists_see_none_of_it(app, town):
    for post in (
        Post.SPECIALIST,
        Post.UNIT_LIAISON,
        Post.COMMUNITY_LIAISON,
        Post.TASK_FORCE,
        Post.HEALTH_GUIDE,
    ):
        assert make.sign_in(app.test_client(), town.officer(post)).get(home(town)).status_code == 403, post


def test_the_last_days_stand_in_chart_and_table(manager, town):
    person = make.employee(town.tenant)
    make.health_entry(person, ILL, on=TODAY - timedelta(days=1))
    page = opened(manager, home(town))
    assert "11月19日异常0、因病缺勤1" in manager.get(home(town)).text
    assert "100.00%" in page.text


def test_the_number_of_queries_does_not_grow_with_the_people(manager, town):
    def some(count: int, first: int) -> None:
        for n in range(first, first + count):
            make.health_entry(make.employee(town.tenant, f"员工{n}", dormitory=f"{n}室"), FEVER)
            make.employee(town.tenant, f"未报{n}")

    some(2, 0)
    manager.get(home(town, "?who=all"))
    few = statements_of(lambda: manager.get(home(town, "?who=all")))
    some(30, 2)
    assert statements_of(lambda: manager.get(home(town, "?who=all"))) == few
