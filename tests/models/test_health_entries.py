"""What employees report of their health: one entry a work day, one decision about it, and what is done about it."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from models import cluster_alerts, follow_ups, health_entries, health_links
from models.archive import Employee, Team
from models.base import RuleBroken, db
from models.clusters import Signal
from models.follow_ups import FollowUp, Stage, StepKind
from models.health_entries import Counts, EntrySource, EntryState, HealthEntry, Report, Site, Today, standing
from models.health_links import LinkKind
from models.policy.schema import Mode
from tests import make
from tests.conftest import NOW

TODAY = NOW.date()
WELL = Report(Today.WELL, celsius=Decimal("36.5"))
FEVER = Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT, symptoms=("cough",))


@pytest.fixture
def policy(app):
    return app.extensions["site"].book.get(make.SCHEME)


def employee(town: make.Town, name: str = "林小满", **facts) -> Employee:
    return make.save(Employee(enterprise_id=town.tenant.id, name=name, added_at=NOW, changed_at=NOW, **facts))


def report(person, told=WELL, *, policy, on=TODAY, now=NOW, source=EntrySource.SELF, by=""):
    entry = health_entries.write(
        db.session(), person, on, told, policy=policy, mode=Mode.NORMAL, source=source, now=now, by_name=by
    )
    db.session.commit()
    return entry


@pytest.mark.parametrize(
    ("celsius", "state"),
    [("37.2", EntryState.NORMAL), ("37.3", EntryState.ABNORMAL), ("35.5", EntryState.NORMAL), ("35.4", EntryState.ABNORMAL)],
)  # fmt: skip
def test_the_thresholds_of_the_scheme_decide(policy, celsius, state):
    assert standing(policy, Mode.NORMAL, Report(Today.WELL, celsius=Decimal(celsius))).state == state


def test_whoever_stays_at_home_ill_is_absent_with_all_reasons(policy):
    told = Report(Today.ABSENT, celsius=Decimal("38.4"), site=Site.FOREHEAD, symptoms=("cough", "fever"))
    judged = standing(policy, Mode.NORMAL, told)
    assert judged.state == EntryState.ABSENT_ILL
    assert judged.reasons == ("体温38.4℃，达到37.3℃，请用水银或电子体温计复测", "咳嗽、发热")


def test_an_answer_that_does_not_pass_is_abnormal_only_where_it_is_asked(policy):
    told = Report(Today.WELL, celsius=Decimal("36.5"), answers={"code_status": ("red",)})
    assert standing(policy, Mode.EMERGENCY, told).state == EntryState.ABNORMAL
    assert standing(policy, Mode.NORMAL, told).state == EntryState.NORMAL


def test_normal_times_of_the_present_day_pack_ask_nothing_each_day(app):
    later = app.extensions["site"].book.get(make.LATER_SCHEME)
    assert health_entries.asked(later, Mode.NORMAL) == ()
    assert "temperature" in {q.field for q in health_entries.asked(later, Mode.EMERGENCY)}
    assert "mask" not in {q.field for q in health_entries.asked(later, Mode.EMERGENCY)}


def test_a_night_shift_reports_once(town, policy):
    team = make.save(Team(enterprise_id=town.tenant.id, name="夜班", day_begins=time(12)))
    person = employee(town, team_id=team.id)
    evening = NOW.replace(hour=14)  # 22:00 in Shanghai
    morning = evening + timedelta(hours=8)  # 06:00 of the day after
    assert health_entries.work_day_of(person, evening) == health_entries.work_day_of(person, morning)
    other = employee(town, "日班的人")
    before_four = NOW.replace(hour=19)  # 03:00 of the day after
    assert health_entries.work_day_of(other, before_four) == date(2026, 11, 20)
    assert health_entries.work_day_of(other, before_four + timedelta(hours=1)) == date(2026, 11, 21)


def test_a_correction_keeps_what_was_said_before_and_a_double_tap_makes_none(town, policy):
    person = employee(town)
    first = report(person, policy=policy)
    assert report(person, policy=policy, now=NOW + timedelta(minutes=1)).version == 1
    second = report(person, FEVER, policy=policy, source=EntrySource.MANAGER, by="许安")
    assert (second.id, second.version, second.state, second.by_name) == (
        first.id,
        2,
        EntryState.ABNORMAL,
        "许安",
    )
    (before,) = second.versions
    assert (before.version, before.state, before.celsius) == (1, EntryState.NORMAL, 365)
    assert second.told == FEVER


def test_the_database_takes_one_entry_a_person_and_day(town, policy):
    entry = report(employee(town), policy=policy)
    facts = {c.key: getattr(entry, c.key) for c in HealthEntry.__table__.columns if c.key != "id"}
    with pytest.raises(IntegrityError):
        make.save(HealthEntry(**facts))
    db.session.rollback()


@pytest.mark.parametrize("on", [NOW.date() + timedelta(days=1), NOW.date() - timedelta(days=8)])
def test_a_day_to_come_or_long_gone_is_not_written(town, policy, on):
    with pytest.raises(RuleBroken):
        report(employee(town), policy=policy, on=on)


def test_who_did_not_work_here_that_day_has_no_entry(town, policy):
    with pytest.raises(RuleBroken, match="不在册"):
        report(employee(town, left_on=NOW.date() - timedelta(days=1)), policy=policy)


def test_symptoms_and_reasons_are_not_readable_in_the_database(town, policy):
    report(employee(town), FEVER, policy=policy)
    raw = db.session.connection().exec_driver_sql("SELECT report, reasons FROM health_entry").one()
    assert not any(b"cough" in bytes(blob) or "咳嗽".encode() in bytes(blob) for blob in raw)


def test_the_figures_of_a_day_and_the_rate(town, policy):
    people = [employee(town, f"员工{n}") for n in range(3)]
    employee(town, "走了的", left_on=NOW.date() - timedelta(days=1))
    report(people[0], policy=policy)
    report(people[1], Report(Today.ABSENT, symptoms=("fever",)), policy=policy)
    found = health_entries.counts(db.session(), [town.tenant.id], NOW.date())[town.tenant.id]
    assert found == Counts(expected=3, reported=2, abnormal=0, absent_ill=1)
    assert (found.missing, found.rate, found.present(True), found.present(False)) == (1, "33.33%", 1, 2)
    assert Counts().rate == "—"
    days = health_entries.history(db.session(), town.tenant.id, NOW.date())
    assert len(days) == 14 and days[NOW.date()] == found


def test_three_of_a_dormitory_with_like_symptoms_are_a_hint_two_are_not(town, policy):
    def hints():
        entries = health_entries.not_well(
            db.session(), town.tenant.id, NOW.date() - timedelta(days=2), NOW.date()
        )
        return [
            (c.where, Signal(c.signal).label, c.people)
            for c in cluster_alerts.hints(policy, entries, NOW.date())
        ]

    for number, symptom in enumerate(("fever", "cough", "rash", "sore_throat")):
        if number == 3:
            assert hints() == []
        report(
            employee(town, f"员工{number}", dormitory="2栋301"),
            Report(Today.UNWELL, symptoms=(symptom,)),
            policy=policy,
        )
    assert hints() == [("宿舍2栋301", "发热或呼吸道症状", 3)]


def test_who_has_not_reported_is_found_by_name_and_initials(town, policy):
    report(employee(town, "林小满", initials="lxm"), policy=policy)
    employee(town, "周知行", initials="zzx")

    def found(**asked):
        query = health_entries.people_of(db.session(), town.tenant.id, NOW.date(), **asked)
        return [(person.name, entry is not None) for person, entry in db.session.execute(query)]

    assert found() == [("周知行", False), ("林小满", True)] or found() == [
        ("林小满", True),
        ("周知行", False),
    ]
    assert found(missing=True) == [("周知行", False)]
    assert found(text="zz") == [("周知行", False)] and found(text="小满") == [("林小满", True)]
    assert found(text="%") == []


def opened(town, policy):
    entry = report(employee(town), FEVER, policy=policy)
    case = FollowUp.open_for(db.session(), entry, now=NOW)
    db.session.commit()
    return entry, case


def test_an_abnormal_entry_opens_one_case_and_a_normal_one_none(town, policy):
    entry, case = opened(town, policy)
    assert FollowUp.open_for(db.session(), entry, now=NOW).id == case.id
    assert FollowUp.open_for(db.session(), report(employee(town, "好人"), policy=policy), now=NOW) is None
    assert db.session.scalar(select(func.count()).select_from(FollowUp)) == 1


def test_a_case_goes_on_to_the_return_to_work(town, policy):
    _entry, case = opened(town, policy)
    assert case.is_overdue(NOW + timedelta(hours=3)) and not case.is_overdue(NOW)
    case.take(StepKind.CONTACTED, text="", now=NOW, by_id=None)
    with pytest.raises(RuleBroken, match="还没有结果"):
        case.take(StepKind.BACK, text="", now=NOW, by_id=None, return_on=NOW.date())
    case.take(StepKind.DOCTOR, text="桂湖社区卫生服务中心", now=NOW, by_id=None)
    with pytest.raises(RuleBroken, match="报告给了谁"):
        case.take(StepKind.REPORTED, text="", now=NOW, by_id=None)
    case.take(StepKind.REPORTED, text="", to_whom="锦书社区", now=NOW, by_id=None)
    case.take(StepKind.RESULT, text="普通感冒", now=NOW, by_id=None)
    assert case.stage == Stage.BACK
    with pytest.raises(RuleBroken, match="返岗日期"):
        case.take(StepKind.BACK, text="", now=NOW, by_id=None, return_on=NOW.date() + timedelta(days=1))
    case.take(StepKind.BACK, text="", now=NOW, by_id=None, return_on=NOW.date())
    db.session.commit()
    assert case.closed_at == NOW and follow_ups.open_cases(db.session(), town.tenant.id) == []
    with pytest.raises(RuleBroken, match="已经结束"):
        case.take(StepKind.NOTE, text="又想起一句", now=NOW, by_id=None)


def test_a_false_alarm_ends_a_case_and_says_why(town, policy):
    _entry, case = opened(town, policy)
    with pytest.raises(RuleBroken):
        case.take(StepKind.FALSE_ALARM, text=" ", now=NOW, by_id=None)
    case.take(StepKind.FALSE_ALARM, text="体温计放在暖气上", now=NOW, by_id=None)
    db.session.commit()
    assert case.false_alarm and case.closed_at == NOW
    moments = follow_ups.moments_of(db.session(), case.employee)
    assert {title for _, title, _ in moments} == {"跟进：误报，结束跟进", "11月20日异常"}


def test_a_link_opens_its_own_row_alone_and_nothing_once_it_is_renewed(app, town):
    vault, session = app.extensions["site"].vault, db.session()
    text = health_links.token(vault, LinkKind.PERSON, 7)
    assert health_links.opened(session, vault, LinkKind.PERSON, text) == 7
    assert health_links.opened(session, vault, LinkKind.TEAM, text) is None
    for wrong in ("", "x" * 32, text[:-1] + ("A" if text[-1] != "A" else "B"), text + "A", "林小满"):
        assert health_links.opened(session, vault, LinkKind.PERSON, wrong) is None
    health_links.renew(session, LinkKind.PERSON, 7, now=NOW, by_id=None)
    session.commit()
    assert health_links.opened(session, vault, LinkKind.PERSON, text) is None
    assert (
        health_links.opened(session, vault, LinkKind.PERSON, health_links.token(vault, LinkKind.PERSON, 7, 1))
        == 7
    )


def test_an_emergency_where_the_enterprise_sits_is_its_mode(town):
    from tests.blueprints.test_gate_form import open_emergency

    assert health_entries.mode_of(db.session(), town.tenant, NOW) == Mode.NORMAL
    open_emergency(town, "place", town.other.id)
    assert health_entries.mode_of(db.session(), town.tenant, NOW) == Mode.NORMAL
    open_emergency(town, "place", town.park.id)
    assert health_entries.mode_of(db.session(), town.tenant, NOW) == Mode.EMERGENCY
