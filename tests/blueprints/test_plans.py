"""The page of the annual plan: begun, filled, issued, done; by whom."""

from datetime import date

import pytest

from models.access import Post
from models.base import db
from models.plans import Activity, ActivityKind, Plan, PlanState
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
    assert "3分40秒撤离" in page.text and "完成“疏散演练”，86人参加" in page.text
    again = submit(
        manager, f"/plans/activities/{drill.id}/complete", done_on="2026-11-19", reached="86", result="再来"
    )
    assert "已经完成" in refused(again)


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


def test_an_activity_is_cancelled_with_a_reason(manager, plan):
    (drill,) = plan.activities
    address = f"/plans/activities/{drill.id}/cancel"
    assert "请写一句原因" in refused(submit(manager, address, reason=""))
    page = landed(manager, submit(manager, address, reason="改到明年"))
    assert "已取消" in page.text and "取消“疏散演练”：改到明年" in page.text


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
