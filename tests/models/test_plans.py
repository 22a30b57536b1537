"""The health plan of a year: how an activity stands, who is bound by what once it is issued."""

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from models.access import Post
from models.base import RuleBroken, db
from models.plans import (
    Activity,
    ActivityKind,
    Plan,
    PlanState,
    Standing,
    month_days,
    progress,
    status,
    worst_first,
)
from tests import make
from tests.conftest import NOW

TODAY = NOW.date()  # 20 November 2026


@pytest.fixture
def chief(town):
    return town.officer(Post.CHIEF_HEALTH_OFFICER)


@pytest.fixture
def plan(town, chief):
    return make.save(Plan.begin(town.tenant, 2026, now=NOW, by_id=chief.id))


def add(plan, by, starts_on, ends_on, title="秋季健康讲座"):
    activity = plan.add(
        ActivityKind.EDUCATION, title, starts_on, ends_on, responsible="林见微", target="全体员工", now=NOW, by_id=by.id
    )  # fmt: skip
    db.session.commit()
    return activity


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "standing"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), Standing.OVERDUE),
        (date(2026, 11, 1), date(2026, 11, 19), Standing.OVERDUE),
        (date(2026, 11, 1), date(2026, 11, 20), Standing.RUNNING),
        (date(2026, 11, 20), date(2026, 11, 20), Standing.RUNNING),
        (date(2026, 11, 1), date(2026, 11, 30), Standing.THIS_MONTH),
        (date(2026, 11, 25), date(2026, 12, 5), Standing.THIS_MONTH),
        (date(2026, 10, 1), date(2026, 12, 31), Standing.RUNNING),
        (date(2026, 12, 1), date(2026, 12, 31), Standing.AHEAD),
    ],
)
def test_an_activity_stands_as_its_days_say(starts_on, ends_on, standing):
    assert status(Activity(starts_on=starts_on, ends_on=ends_on), TODAY) is standing


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "said"),
    [
        (date(2026, 11, 1), date(2026, 11, 30), "11月"),
        (date(2026, 3, 1), date(2026, 5, 31), "3月至5月"),
        (date(2026, 11, 20), date(2026, 11, 20), "11月20日"),
        (date(2026, 11, 20), date(2026, 11, 25), "11月20日至25日"),
        (date(2026, 11, 1), date(2026, 12, 5), "11月1日至12月5日"),
    ],
)
def test_when_an_activity_takes_place_is_said_as_people_say_it(starts_on, ends_on, said):
    assert Activity(starts_on=starts_on, ends_on=ends_on).days == said


def test_what_was_done_or_cancelled_is_not_overdue_any_more(plan, chief):
    done, gone = (add(plan, chief, date(2026, 3, 1), date(2026, 3, 31), title) for title in ("一", "二"))
    plan.issue(now=NOW, by_id=chief.id)
    done.complete(TODAY, 86, "讲了流感", now=NOW, by_id=chief.id)
    gone.cancel("场地没有谈成", now=NOW, by_id=chief.id)
    db.session.commit()
    assert [status(one, TODAY) for one in (done, gone)] == [Standing.DONE, Standing.CANCELLED]
    counted = progress(plan.activities, TODAY)
    assert (counted.done, counted.planned) == (1, 1)


def test_the_worst_stands_first(plan, chief):
    ahead = add(plan, chief, date(2026, 12, 1), date(2026, 12, 31), "一")
    overdue = add(plan, chief, date(2026, 2, 1), date(2026, 2, 28), "二")
    month = add(plan, chief, date(2026, 11, 1), date(2026, 11, 30), "三")
    assert worst_first(plan.activities, TODAY) == [overdue, month, ahead]


def test_an_enterprise_has_one_plan_a_year(town, plan, chief):
    db.session.add(Plan.begin(town.tenant, 2026, now=NOW, by_id=chief.id))
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_a_plan_is_made_for_last_year_this_year_or_the_next(town, chief):
    for year in (2024, 2028):
        with pytest.raises(RuleBroken, match="2025年到2027年"):
            Plan.begin(town.tenant, year, now=NOW, by_id=chief.id)


def test_days_lie_in_the_year_of_the_plan_and_in_order(plan, chief):
    with pytest.raises(RuleBroken, match="2026年里"):
        add(plan, chief, date(2026, 12, 1), date(2027, 1, 5))
    with pytest.raises(RuleBroken, match="早于开始"):
        add(plan, chief, date(2026, 12, 5), date(2026, 12, 1))


def test_an_empty_plan_is_not_issued_and_none_twice(plan, chief):
    with pytest.raises(RuleBroken, match="还没有活动"):
        plan.issue(now=NOW, by_id=chief.id)
    add(plan, chief, date(2026, 12, 1), date(2026, 12, 31))
    plan.issue(now=NOW, by_id=chief.id)
    db.session.commit()
    assert (plan.state, plan.issued_by_id) == (PlanState.ISSUED, chief.id)
    with pytest.raises(RuleBroken, match="已经发布"):
        plan.issue(now=NOW, by_id=chief.id)


def test_a_draft_changes_without_a_trace_and_an_issued_plan_with_one(plan, chief):
    first = add(plan, chief, date(2026, 12, 1), date(2026, 12, 31), "讲座")
    assert plan.changes == []
    plan.issue(now=NOW, by_id=chief.id)
    add(plan, chief, date(2026, 12, 1), date(2026, 12, 31), "演练")
    first.cancel("改到明年", now=NOW, by_id=chief.id)
    db.session.commit()
    db.session.expire_all()
    assert [one.words for one in plan.changes] == ["取消“讲座”：改到明年", "增加“演练”"]
    assert {one.by_id for one in plan.changes} == {chief.id}


def test_what_has_ended_does_not_end_again(plan, chief):
    activity = add(plan, chief, date(2026, 11, 1), date(2026, 11, 30))
    with pytest.raises(RuleBroken, match="发布以后"):
        activity.complete(TODAY, 1, "", now=NOW, by_id=chief.id)
    plan.issue(now=NOW, by_id=chief.id)
    with pytest.raises(RuleBroken, match="晚于今天"):
        activity.complete(TODAY + timedelta(days=1), 1, "", now=NOW, by_id=chief.id)
    with pytest.raises(RuleBroken, match="早于2026年"):
        activity.complete(date(2025, 12, 31), 1, "", now=NOW, by_id=chief.id)
    activity.complete(TODAY, 0, "", now=NOW, by_id=chief.id)
    with pytest.raises(RuleBroken, match="已经完成"):
        activity.cancel("不做了", now=NOW, by_id=chief.id)


def test_a_new_year_takes_over_what_was_planned_but_not_its_results(town, plan, chief):
    kept = add(plan, chief, *month_days(2026, 2), "体检")
    gone = add(plan, chief, date(2026, 5, 1), date(2026, 5, 9), "演练")
    plan.issue(now=NOW, by_id=chief.id)
    kept.complete(date(2026, 2, 20), 86, "", now=NOW, by_id=chief.id)
    gone.cancel("不做了", now=NOW, by_id=chief.id)
    later = make.save(Plan.begin(town.tenant, 2027, now=NOW, by_id=chief.id, after=plan))
    (copy,) = later.activities
    assert (later.state, copy.title, copy.done_on, copy.reached) == (PlanState.DRAFT, "体检", None, None)
    assert (copy.starts_on, copy.ends_on, copy.by_month) == (date(2027, 2, 1), date(2027, 2, 28), True)


def test_a_whole_february_stays_whole_in_a_leap_year(town, chief, at):
    start = NOW.replace(year=2027)
    plan = make.save(Plan.begin(town.tenant, 2027, now=start, by_id=chief.id))
    plan.add(
        ActivityKind.CHECK_UP,
        "体检",
        *month_days(2027, 2),
        responsible="",
        target="",
        now=start,
        by_id=chief.id,
    )
    later = Plan.begin(town.tenant, 2028, now=start, by_id=chief.id, after=plan)
    assert later.activities[0].ends_on == date(2028, 2, 29)


def test_a_plan_is_reached_by_its_enterprise_alone(town, plan):
    assert all(Plan.within(scope, [1]) is None for scope in ("place", "unit", "community", "district"))
    assert all(Activity.within(scope, [1]) is None for scope in ("place", "unit", "community", "district"))
    found = db.session.query(Plan).filter(Plan.within("enterprise", [town.tenant.id + 1])).all()
    assert found == []
