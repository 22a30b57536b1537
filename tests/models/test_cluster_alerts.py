"""Alerts that the timed work raises: once, graver with more, never again for who has been seen to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from blueprints.web import jobs
from models import cluster_alerts
from models.access import Post
from models.archive import Team
from models.audit import AuditLine
from models.base import RuleBroken, db
from models.cluster_alerts import AlertState, ClusterAlert
from models.clusters import Conclusion, Signal, StepKind
from models.enterprises import Premises
from models.health_entries import HealthEntry, Report, Today
from models.inbox import Message
from models.ledger import Ledger
from models.obligations import Obligation
from tests import make
from tests.conftest import NOW
from tests.statements import statements_of

ILL = Report(Today.UNWELL, symptoms=("vomiting",))


@pytest.fixture
def team(town) -> Team:
    return make.save(Team(enterprise_id=town.tenant.id, name="甲班"))


def fall_ill(town, team, number: int, told: Report = ILL, days_ago: int = 0, where=None):
    return [
        make.health_entry(
            make.employee(where or town.tenant, f"员工{n}", team=team),
            told,
            on=NOW.date() - timedelta(days=days_ago),
        )[0]
        for n in range(number)
    ]


def tick() -> list[ClusterAlert]:
    db.session.commit()
    cluster_alerts.raise_alerts(jobs.tick_now())
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(ClusterAlert).order_by(ClusterAlert.id)).all()


def messages() -> list[str]:
    return db.session.scalars(select(Message.subject).order_by(Message.id)).all()


def test_two_raise_nothing_three_raise_one_and_a_second_run_changes_nothing(town, team):
    fall_ill(town, team, 2)
    assert tick() == []
    fall_ill(town, team, 1)
    (alert,) = tick()
    assert (alert.signal, alert.people, alert.state) == (Signal.GUT, 3, AlertState.PENDING)
    assert (alert.enterprise_id, alert.place_id, alert.reached[0]["where"]) == (
        town.tenant.id,
        town.park.id,
        "班组甲班",
    )
    lines = db.session.scalar(select(func.count()).select_from(AuditLine))
    assert [one.people for one in tick()] == [3] and cluster_alerts.raise_alerts(jobs.tick_now()) == 0
    assert db.session.scalar(select(func.count()).select_from(AuditLine)) == lines


def test_those_in_charge_and_the_enterprise_are_told_once_and_again_when_it_is_graver(town, team):
    people = [
        town.officer(post)
        for post in (Post.HEALTH_MANAGER, Post.SPECIALIST, Post.UNIT_LIAISON, Post.TASK_FORCE)
    ]
    make.account(town.district, Post.SPECIALIST, town.other.id)
    fall_ill(town, team, 3)
    tick()
    tick()
    assert messages() == ["有一条聚集提示，请核实"] * len(people)
    fall_ill(town, team, 1)
    assert tick()[0].people == 4 and len(messages()) == len(people)  # more, but no further rule
    fall_ill(town, team, 1)
    (alert,) = tick()
    assert alert.people == 5 and alert.level == 2 and alert.graver_at == NOW
    assert messages()[len(people) :] == ["一条聚集提示加重了，请核实"] * len(people)


def test_no_message_and_no_audit_line_names_anybody_or_a_team(town, team):
    town.officer(Post.SPECIALIST)
    fall_ill(town, team, 3)
    tick()
    told = db.session.execute(select(Message.subject, Message.text)).all()
    lines = db.session.scalars(select(AuditLine.details).where(AuditLine.action == "cluster:alert")).all()
    assert told and lines
    assert not any(word in str((told, lines)) for word in ("员工", "甲班", "青禾"))


def test_what_was_entered_late_for_yesterday_counts_too(town, team):
    fall_ill(town, team, 3, days_ago=1)
    (alert,) = tick()
    assert alert.last_on == NOW.date() - timedelta(days=1)


def test_who_has_been_dismissed_raises_nothing_again_and_new_people_do(town, team, at):
    by = town.officer(Post.SPECIALIST)
    fall_ill(town, team, 3)
    (alert,) = tick()
    alert.dismiss("体温枪受冷", now=NOW, by=by)
    db.session.commit()
    assert len(tick()) == 1
    at(NOW + timedelta(hours=1))
    fall_ill(town, team, 2)
    assert len(tick()) == 1
    fall_ill(town, team, 1)
    first, second = tick()
    assert (first.state, second.people) == (AlertState.FALSE_ALARM, 3)
    with pytest.raises(RuleBroken, match="已经有人处理：误报"):
        first.dismiss("再一次", now=NOW, by=by)


def test_while_its_report_is_open_a_confirmed_alert_grows_and_after_its_end_a_new_one_begins(town, team, at):
    manager, other = town.officer(Post.HEALTH_MANAGER), town.officer(Post.SPECIALIST)
    fall_ill(town, team, 3)
    (alert,) = tick()
    report = make.cluster_report(town, by=manager)
    alert.confirm(report, now=NOW, by=manager)
    db.session.commit()
    assert alert.standing == "已核实"
    fall_ill(town, team, 1)
    assert [one.people for one in tick()] == [4]
    for kind, facts in (
        (StepKind.ACCEPTED, {}), (StepKind.VERIFIED, {"people": 4, "text": "看过"}), (StepKind.TOLD, {"to_whom": "区疾控"}),
    ):  # fmt: skip
        report.take(kind, now=NOW, by=other, post=Post.SPECIALIST, **facts)
    assert alert.standing == "已报疾控"
    report.take(
        StepKind.CLOSED, now=NOW, by=other, post=Post.SPECIALIST, text="没有新的", conclusion=Conclusion.OVER
    )
    cluster_alerts.end_with(db.session(), report, NOW)
    db.session.commit()
    assert len(tick()) == 1 and db.session.get(ClusterAlert, alert.id).standing == "解除"
    at(NOW + timedelta(hours=1))
    fall_ill(town, team, 3)
    assert len(tick()) == 2


def test_two_enterprises_of_a_park_raise_one_for_the_place_and_none_for_themselves(town):
    neighbour = make.enterprise(
        town.street, "邻居有限公司", at=town.building, short_name="邻居", initials="lj"
    )
    fall_ill(town, None, 4)
    fall_ill(town, None, 3, where=neighbour)
    assert tick() == []
    fall_ill(town, None, 1, where=neighbour)
    (alert,) = tick()
    assert (alert.enterprise_id, alert.place_id, alert.people, alert.key) == (
        None,
        town.park.id,
        8,
        f"p{town.park.id}:gut",
    )


def test_absence_far_above_the_usual_raises_one(town, at):
    for day in range(10, 17):
        make.save(_sum(town, day))
    fall_ill(town, None, 4, Report(Today.ABSENT))
    assert tick() == []
    fall_ill(town, None, 1, Report(Today.ABSENT))
    (alert,) = tick()
    assert (alert.signal, alert.people, alert.first_on) == (Signal.ABSENCE, 5, NOW.date())


def _sum(town, day):
    from models.keeping import HealthDaySum

    return HealthDaySum(
        enterprise_id=town.tenant.id,
        day=NOW.date().replace(day=day),
        expected=100,
        reported=100,
        abnormal=0,
        absent_ill=1,
    )


@pytest.mark.parametrize(("fever", "raised"), [(4, 0), (5, 1)])
def test_a_report_with_many_fevers_raises_one_for_an_enterprise_without_an_archive(app, town, fever, raised):
    ledger = Ledger(app.extensions["site"].book, NOW - timedelta(days=14))
    ledger.store(db.session(), [town.tenant.id])
    db.session.flush()
    owed = db.session.scalars(select(Obligation).order_by(Obligation.first_on)).first()
    owed.first_on, owed.last_on = NOW.date() - timedelta(days=7), NOW.date() - timedelta(days=1)
    owed.received_at, owed.version, owed.figures, owed.zero = NOW, 1, {"fever": fever, "expected": 100}, False
    db.session.commit()
    found = tick()
    assert [(one.signal, one.people) for one in found] == [(Signal.RESPIRATORY, 5)] * raised
    assert len(tick()) == raised


def test_a_hundred_enterprises_with_one_ill_each_cost_no_more_statements_than_one(town):
    def cost():
        return statements_of(lambda: cluster_alerts.raise_alerts(jobs.tick_now()))

    fall_ill(town, None, 1)
    tick()
    few = cost()
    for number in range(30):
        fall_ill(town, None, 1, where=make.enterprise(town.street, f"企业{number}", at=town.other))
    # one team each: nobody reaches a rule but the place, whose alert is there after the first run
    tick()
    assert cost() <= few + 3
    assert db.session.scalar(select(func.count()).select_from(HealthEntry)) == 31


def test_the_index_lets_no_second_open_alert_of_a_subject_in(town):
    from sqlalchemy.exc import IntegrityError

    make.cluster_alert(town)
    with pytest.raises(IntegrityError):
        make.cluster_alert(town)
    db.session.rollback()


def test_where_an_enterprise_sits_now_its_specialist_sees_the_alert_wherever_it_was_raised(town):
    alert = make.cluster_alert(town)
    make.save(
        Premises(
            enterprise_id=town.tenant.id, place_id=town.other.id, room="", from_at=NOW - timedelta(days=1)
        )
    )
    seen = select(ClusterAlert.id).where(ClusterAlert.within_at("place", [town.other.id], NOW))
    assert db.session.scalars(seen).all() == [alert.id]
