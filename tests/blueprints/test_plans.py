"""The page of the annual plan: begun, filled, issued, done; by whom."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import openpyxl
import pypdfium2
import pytest
from flask import render_template
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine as Line
from models.audit import Result
from models.base import db
from models.plans import Activity, ActivityKind, Plan, PlanState, coming, month_days
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit


@pytest.fixture
def chief(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.CHIEF_HEALTH_OFFICER))


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))


def home(town, year=2026):
    return f"/enterprises/{town.tenant.id}/plan?year={year}"


LECTURE = {"kind": "education", "title": "流感预防讲座", "starts_on": "2026-11-01", "ends_on": "2026-11-30",
           "responsible": "林见微", "target": "全体员工"}  # fmt: skip


@pytest.fixture
def plan(town):
    """An issued plan with an overdue drill."""
    by = town.officer(Post.CHIEF_HEALTH_OFFICER)
    row = make.save(Plan.begin(town.tenant, 2026, now=NOW, by_id=by.id))
    row.add(
        ActivityKind.DRILL,
        "疏散演练",
        date(2026, 5, 1),
        date(2026, 5, 31),
        responsible="",
        target="",
        now=NOW,
        by_id=by.id,
    )
    row.issue(now=NOW, by_id=by.id)
    db.session.commit()
    return row


def test_a_manager_drafts_and_the_chief_issues(town, manager, chief):
    assert "还没有计划" in opened(manager, home(town)).text
    page = opened(manager, home(town))
    token = page.forms[-1].data()
    answer = manager.post(f"/enterprises/{town.tenant.id}/plan?year=2026", data=token)
    page = landed(manager, answer)
    assert "草稿" in page.text and "发布计划" not in page.text
    plan = db.session.query(Plan).one()
    page = landed(manager, submit(manager, f"/plans/{plan.id}/activities/new", **LECTURE))
    assert "流感预防讲座" in page.text and "本月要做" in page.text and "发布以后的改动" not in page.text
    page = landed(chief, submit(chief, home(town), f"/plans/{plan.id}/issue"))
    assert "已发布" in page.text
    db.session.rollback()
    assert db.session.query(Plan).one().state is PlanState.ISSUED


def test_a_manager_cannot_issue(manager, plan):
    assert manager.post(f"/plans/{plan.id}/issue").status_code in (400, 403)


def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(manager, plan):
    answer = submit(manager, f"/plans/{plan.id}/activities/new", **LECTURE | {"ends_on": "2027-01-05"})
    assert "日期要在2026年里" in refused(answer)
    assert "流感预防讲座" in answer.text
    assert "请写谁负责" in refused(
        submit(manager, f"/plans/{plan.id}/activities/new", **LECTURE | {"responsible": " "})
    )


def test_an_activity_is_done_with_its_result_and_leaves_a_trace(town, manager, plan):
    (drill,) = plan.activities
    assert "逾期" in opened(manager, home(town)).text
    answer = submit(
        manager,
        f"/plans/activities/{drill.id}/complete",
        done_on="2026-11-19",
        reached="86",
        result="3分40秒撤离",
    )
    page = landed(manager, answer)
    assert "3分40秒撤离" in page.text and "已完成" in page.text
    assert "完成“疏散演练”，86人参加" in opened(manager, home(town)).text
    assert "3分40秒撤离" in opened(manager, f"/plans/activities/{drill.id}").text


def test_what_is_no_number_is_quoted(manager, plan):
    (drill,) = plan.activities
    for typed, said in (("很多", "没有看懂“很多”"), ("9999999", "0到1,000,000")):
        answer = submit(
            manager,
            f"/plans/activities/{drill.id}/complete",
            done_on="2026-11-19",
            reached=typed,
            result="好",
        )
        assert said in refused(answer)


def test_an_activity_is_cancelled_with_a_reason(town, manager, plan):
    (drill,) = plan.activities
    address = f"/plans/activities/{drill.id}/cancel"
    assert "请写一句原因" in refused(submit(manager, address, reason=""))
    page = landed(manager, submit(manager, address, reason="改到明年"))
    assert "已取消" in page.text and "改到明年" in page.text
    assert "取消“疏散演练”：改到明年" in opened(manager, home(town)).text


def test_next_year_takes_over_this_years_activities(town, chief, plan):
    page = opened(chief, home(town, 2027))
    assert "沿用2026年的活动" in page.text
    data = page.forms[-1].data()
    page = landed(chief, chief.post(f"/enterprises/{town.tenant.id}/plan?year=2027&copy=1", data=data))
    assert "疏散演练" in page.text and "草稿" in page.text
    assert db.session.query(Activity).count() == 2
    landed(chief, chief.post(f"/enterprises/{town.tenant.id}/plan?year=2027&copy=1", data=data))
    assert db.session.query(Activity).count() == 2


def test_another_enterprise_a_specialist_and_an_officer_see_no_plan(app, town, plan):
    other = make.enterprise(town.street, "云溪远山工业软件有限公司", short_name="远山", initials="ys")
    stranger = make.sign_in(
        app.test_client(), make.account(town.district, Post.CHIEF_HEALTH_OFFICER, other.id)
    )
    for address in (
        home(town), f"/plans/{plan.id}/activities/new", f"/plans/activities/{plan.activities[0].id}/cancel",
    ):  # fmt: skip
        assert stranger.get(address).status_code == 404
        for post in (Post.SPECIALIST, Post.UNIT_LIAISON):
            assert make.sign_in(app.test_client(), town.officer(post)).get(address).status_code == 403


def test_two_who_end_an_activity_at_once_get_one_end_and_the_second_is_told(town, manager, chief, plan):
    (drill,) = plan.activities
    address = f"/plans/activities/{drill.id}"
    first = (
        opened(manager, f"{address}/complete").forms[-1].data(done_on="2026-11-19", reached="86", result="好")
    )
    second = opened(chief, f"{address}/cancel").forms[-1].data(reason="不做了")
    landed(manager, manager.post(f"{address}/complete", data=first))
    answer = chief.post(f"{address}/cancel", data=second)
    assert "已经完成" in refused(answer) and "不做了" in answer.text
    assert "已经完成" in refused(manager.post(f"{address}/complete", data=first))
    assert "已完成" in landed(chief, chief.get(f"{address}/cancel")).text


def test_of_two_at_the_same_moment_one_wins(town, manager, chief, plan):
    address = f"/plans/activities/{plan.activities[0].id}"
    sent = (
        (manager, "complete", {"done_on": "2026-11-19", "reached": "86", "result": "好"}),
        (chief, "cancel", {"reason": "不做了"}),
    )
    forms = [opened(who, f"{address}/{what}").forms[-1].data(**typed) for who, what, typed in sent]
    db.session.rollback()
    together = Barrier(2)

    def send(one, form):
        together.wait()
        return one[0].post(f"{address}/{one[1]}", data=form).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, sent, forms)) == [303, 422]
    assert len(db.session.get(Plan, plan.id, populate_existing=True).changes) == 1


def test_what_was_ended_by_mistake_is_taken_back_and_what_stood_there_stays_in_the_trace(town, manager, plan):
    (drill,) = plan.activities
    address = f"/plans/activities/{drill.id}"
    submit(manager, f"{address}/complete", done_on="2026-11-19", reached="68", result="好")
    page = landed(manager, submit(manager, address, f"{address}/reopen"))
    assert "逾期" in page.text and "68" not in page.text
    assert "撤回“疏散演练”的登记，原来是：完成于2026-11-19，68人参加，好" in opened(manager, home(town)).text
    token = opened(manager, f"{address}/edit").forms[-1].data()
    assert manager.post(f"{address}/reopen", data=token).status_code == 409


def test_an_activity_is_edited_and_the_trace_says_from_what_to_what(town, manager, plan):
    (drill,) = plan.activities
    address = f"/plans/activities/{drill.id}/edit"
    page = landed(
        manager, submit(manager, address, starts_on="2026-12-01", ends_on="2026-12-31", responsible="林见微")
    )
    assert "12月" in page.text and "林见微" in page.text
    assert "改动“疏散演练”：时间由“5月”改为“12月”，负责人写上“林见微”" in opened(manager, home(town)).text
    assert "早于开始" in refused(submit(manager, address, ends_on="2026-11-30"))


def test_what_is_not_wanted_in_a_draft_goes_without_a_trace_and_in_an_issued_plan_not_at_all(
    town, manager, plan
):
    address = f"/plans/activities/{plan.activities[0].id}"
    token = opened(manager, f"{address}/cancel").forms[-1].data()
    assert manager.post(f"{address}/drop", data=token).status_code == 409
    manager.post(f"/enterprises/{town.tenant.id}/plan?year=2027&copy=1", data=token)
    (copy,) = db.session.query(Plan).filter_by(year=2027).one().activities
    db.session.rollback()
    assert "直接删去" in refused(submit(manager, f"/plans/activities/{copy.id}/cancel", reason="不要"))
    landed(manager, submit(manager, f"/plans/activities/{copy.id}", f"/plans/activities/{copy.id}/drop"))
    assert manager.get(f"/plans/activities/{copy.id}").status_code == 404
    db.session.rollback()
    assert db.session.query(Activity).count() == 1


def test_the_goals_are_written_and_changed_with_a_trace(town, manager, plan):
    page = landed(manager, submit(manager, f"/plans/{plan.id}/goals", goals="体检率98%\n接种率60%"))
    assert "体检率98%" in page.text and "写上年度目标" in page.text
    page = landed(manager, submit(manager, f"/plans/{plan.id}/goals", goals="体检率99%"))
    assert "原来是“体检率98%" in page.text
    assert "不超过500个字" in refused(submit(manager, f"/plans/{plan.id}/goals", goals="长" * 501))


def test_an_empty_plan_offers_the_usual_activities_that_can_still_be_kept(town, manager):
    token = opened(manager, home(town)).forms[-1].data()
    page = landed(manager, manager.post(f"/enterprises/{town.tenant.id}/plan?year=2026", data=token))
    assert "应急演练" in page.text and "员工年度健康体检" not in page.text
    form = next(one for one in page.forms if "suggestions" in one.action)
    chosen = form.data() | {"suggestion": ["drill", "review", "check-up-of-nobody"]}
    page = landed(manager, manager.post(form.action, data=chosen))
    assert "已增加2项" in page.text and "全年健康工作小结" in page.text
    assert "已增加0项" in landed(manager, manager.post(form.action, data=chosen)).text
    assert db.session.query(Activity).count() == 2


def test_an_officer_sees_what_is_issued_and_no_draft(app, town, chief, plan):
    for post in (Post.SPECIALIST, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.TASK_FORCE):
        officer = make.sign_in(app.test_client(), town.officer(post))
        page = opened(officer, f"/enterprises/{town.tenant.id}/plan-issued")
        assert "疏散演练" in page.text and "逾期" in page.text
        assert not [one for one in page.links if one.url.startswith("/plans/")]
        assert not [one for one in page.forms if "/plan" in one.action]
    token = opened(chief, home(town, 2027)).forms[-1].data()
    chief.post(f"/enterprises/{town.tenant.id}/plan?year=2027&copy=1", data=token)
    page = opened(officer, f"/enterprises/{town.tenant.id}/plan-issued?year=2027")
    assert "还没有发布计划" in page.text and "疏散演练" not in page.text and "2027年</a>" not in page.text


def test_an_officer_elsewhere_sees_none(app, town, plan):
    other = make.district("鹭洲区", "luzhou")
    officer = make.sign_in(app.test_client(), make.account(other, Post.TASK_FORCE))
    assert officer.get(f"/enterprises/{town.tenant.id}/plan-issued").status_code == 404


def test_the_plan_is_handed_out_as_pdf_and_as_workbook(manager, plan):
    answer = manager.get(f"/plans/{plan.id}/print.pdf")
    assert answer.mimetype == "application/pdf"
    document = pypdfium2.PdfDocument(answer.data)
    said = document[0].get_textpage().get_text_range()
    document.close()
    assert "疏散演练" in said and "2026年度健康计划" in said and "逾期1项" in said
    answer = manager.get(f"/plans/{plan.id}/export")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert [cell.value for cell in sheet[4]][:6] == ["应急演练", "疏散演练", "5月", None, None, "逾期"]
    assert "导出，编号" in sheet["A2"].value
    lines = db.session.scalars(select(Line.details).where(Line.result == Result.SEEN).order_by(Line.id)).all()
    assert len(lines) == 2


def test_the_next_activities_of_an_enterprise_are_those_in_force_the_first_due_first(app, town, plan, chief):
    by = plan.made_by_id
    for title, month in (("讲座", 12), ("体检", 3), ("检查", 11)):
        plan.add(
            ActivityKind.OTHER, title, *month_days(2026, month), responsible="", target="", now=NOW, by_id=by
        )
    plan.activities[-1].cancel("不做了", now=NOW, by_id=by)
    draft = make.save(Plan.begin(town.tenant, 2027, now=NOW, by_id=by, after=plan))
    assert draft.activities
    found = coming(db.session(), town.tenant.id, NOW.date())
    assert [(one.title, how.label) for one, how in found] == [
        ("体检", "逾期"),
        ("疏散演练", "逾期"),
        ("讲座", "未到期"),
    ]
    assert [one.title for one, _ in coming(db.session(), town.tenant.id, NOW.date(), 1)] == ["体检"]
    with app.test_request_context():
        html = render_template("plans/_next.html", enterprise=town.tenant, coming=found)
        empty = render_template("plans/_next.html", enterprise=town.tenant, coming=[])
    assert "疏散演练" in html and "近期没有要做的活动" in empty


def test_the_home_names_what_comes_next(town, manager, plan):
    assert "疏散演练" in manager.get(f"/enterprises/{town.tenant.id}").text
