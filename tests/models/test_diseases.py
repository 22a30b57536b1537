"""What a doctor has said: the limits of each disease, how far back is asked, and the alerts that follow from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from blueprints.web import jobs
from models import cluster_alerts
from models.access import Post
from models.archive import Team
from models.audit import AuditLine
from models.base import RuleBroken, db
from models.cluster_alerts import AlertState, ClusterAlert
from models.cluster_rules import OF_DISEASE, Sick, hits
from models.clusters import Signal
from models.follow_ups import Bitten, FollowUp, LookedBack, StepKind, cases_of
from models.health_entries import Report, Today
from models.inbox import Message
from models.policy.book import SHIPPED, Book
from tests import make
from tests.conftest import NOW
from tests.statements import statements_of

BOOK = Book.read(SHIPPED)
CLUSTERS = BOOK.get(make.SCHEME).clusters
TODAY = NOW.date()

# disease, people, days, in what: the rows of HLTH-4 for which a doctor's word is needed
ROWS = [
    ("hand_foot_mouth", 2, 7, "group"), ("hand_foot_mouth", 5, 7, "enterprise"), ("varicella", 5, 7, "enterprise"),
    ("rubella", 5, 7, "enterprise"), ("mumps", 5, 7, "enterprise"), ("red_eye_haemorrhagic", 3, 7, "enterprise"),
    ("scarlet_fever", 10, 7, "enterprise"), ("bacillary_dysentery", 10, 3, "enterprise"), ("measles", 2, 10, "enterprise"),
    ("dengue", 3, 14, "enterprise"), ("norovirus", 10, 7, "enterprise"), ("influenza", 10, 7, "enterprise"),
]  # fmt: skip
both_packs = pytest.mark.parametrize("pack", BOOK.keys())


def ill(person: int, disease: str, back: int = 0, group: str = "", firm: int = 1) -> Sick:
    on = TODAY - timedelta(days=back)
    return Sick(person, on, frozenset(), None, firm, (group,) if group else (), (9,), disease=disease)


def reached(pack: str, rows: list[Sick], subject: str) -> list[tuple[str, int, int]]:
    found = hits(BOOK.get(pack), rows, sorted({one.on for one in rows}))
    return [(hit.signal, hit.people, hit.rule.days) for hit in found if hit.rule.subject == subject]


@both_packs
@pytest.mark.parametrize(("disease", "people", "days", "subject"), ROWS)
def test_each_disease_is_reached_by_its_people_within_its_days_and_by_no_fewer(
    pack, disease, people, days, subject
):
    """The first fell ill on the first day of the stretch, the others on its last."""
    group = "班组甲班" if subject == "group" else ""
    rows = [ill(n, disease, back=0 if n else days - 1, group=group) for n in range(people)]
    assert reached(pack, rows, subject) == [(OF_DISEASE + disease, people, days)]
    assert reached(pack, rows[1:], subject) == []
    assert reached(pack, [*rows[1:], rows[1]], subject) == []  # the same person twice is one
    assert (
        reached(pack, [ill(0, disease, back=days, group=group), *rows[1:]], subject) == []
    )  # a day too early
    assert reached(pack, [ill(0, disease, group="别处", firm=2), *rows[1:]], subject) == []


@both_packs
def test_diseases_do_not_add_up_with_one_another_nor_in_a_place(pack):
    mixed = [ill(n, ("varicella", "rubella", "mumps")[n % 3]) for n in range(9)]
    assert reached(pack, mixed, "enterprise") == []
    assert reached(pack, [ill(n, "norovirus", firm=1 + n % 2) for n in range(9)], "place") == []


@both_packs
def test_each_rule_has_been_tried_here(pack):
    clusters = BOOK.get(pack).clusters
    labels = {one.label: one.key for one in clusters.diseases}
    known = [
        (labels[label], rule.people, rule.days, rule.subject)
        for rule in clusters.rules
        for label in rule.diseases
    ]
    assert sorted(known) == sorted(ROWS)


# --- how far back is asked ---


@pytest.fixture
def team(town) -> Team:
    return make.save(Team(enterprise_id=town.tenant.id, name="甲班"))


def said(
    town, name: str, key: str, *, days_ago: int = 0, onset_ago: int | None = None, team=None, where=None
) -> FollowUp:
    """Somebody not well, and what a doctor has now said of it."""
    onset = None if onset_ago is None else TODAY - timedelta(days=onset_ago)
    told = Report(Today.ABSENT, symptoms=("other",), onset_on=onset)
    person = make.employee(where or town.tenant, name, team=team)
    _entry, case = make.health_entry(person, told, on=TODAY - timedelta(days=days_ago))
    record(case, key)
    return case


def record(case: FollowUp, key: str | None, now=NOW) -> None:
    case.take(StepKind.RESULT, text="在家休息", now=now, by_id=None, disease=CLUSTERS.disease(key))
    db.session.commit()


@pytest.mark.parametrize(
    ("key", "days", "since"),
    [
        ("covid", 7, date(2026, 11, 11)), ("chikungunya", 12, date(2026, 11, 6)), ("hand_foot_mouth", 14, date(2026, 11, 4)),
        ("mpox", 21, date(2026, 10, 28)),
    ],
)  # fmt: skip
def test_it_is_asked_back_over_the_days_of_the_disease_before_the_first_day_of_the_illness(
    town, key, days, since
):
    case = said(town, "林小满", key, onset_ago=2)
    assert CLUSTERS.disease(key).look_back_days == days
    assert case.asked_since(CLUSTERS.disease(key)) == since


def test_where_nobody_told_the_first_day_it_is_the_work_day_of_the_entry(town):
    assert said(town, "林小满", "covid", days_ago=1).asked_since(CLUSTERS.disease("covid")) == date(
        2026, 11, 12
    )


# --- asked again two weeks after the return ---

DENGUE = CLUSTERS.disease("dengue")
AWAY = LookedBack("同行的人都好", "佛山", date(2026, 11, 10), Bitten.YES)


def look_back(case: FollowUp, answers: LookedBack = AWAY, now=NOW):
    return case.look_back(DENGUE, answers, now=now, by_id=None)


def test_after_a_journey_it_is_asked_again_two_weeks_after_the_return_though_back_at_work_by_then(town):
    case = said(town, "林小满", "dengue", onset_ago=3)
    step = look_back(case)
    assert step.text == "去过佛山，11月10日回来，被蚊子叮过，同行的人都好"
    again = NOW.replace(day=23, hour=16, minute=0, second=0)  # midnight of the 24th in Shanghai
    assert case.ask_again_at == again
    with pytest.raises(RuleBroken, match="11月24日起再问"):
        case.take(StepKind.ASKED_AGAIN, text="没有不舒服", now=again - timedelta(seconds=1), by_id=None)
    case.take(StepKind.BACK, text="", return_on=TODAY, now=NOW, by_id=None)
    other = said(town, "许安澜", "covid")
    db.session.commit()
    waiting = select(cases_of(town.tenant.id).subquery().c.id)
    assert set(db.session.scalars(waiting)) == {case.id, other.id}
    assert db.session.scalars(cases_of(town.tenant.id, closed=True)).all() == []
    assert (case.is_to_ask_again(again), case.is_asking_late(again)) == (True, False)
    assert case.is_overdue(again + timedelta(days=1))
    assert [one.id for one in db.session.scalars(cases_of(town.tenant.id))] == [
        case.id,
        other.id,
    ]  # the 24th, the 27th
    with pytest.raises(RuleBroken, match="请写一句"):
        case.take(StepKind.ASKED_AGAIN, text=" ", now=again, by_id=None)
    case.take(StepKind.ASKED_AGAIN, text="没有不舒服", now=again, by_id=None)
    db.session.commit()
    assert case.ask_again_at is None
    assert db.session.scalars(cases_of(town.tenant.id, closed=True)).all() == [case]
    with pytest.raises(RuleBroken, match="没有要再问的"):
        case.take(StepKind.ASKED_AGAIN, text="又一次", now=again, by_id=None)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (LookedBack(), "请选有没有被蚊子叮过"),
        (LookedBack(area="佛山", bitten=Bitten.NO), "去过哪里、哪天回来都要填"),
        (LookedBack(back_on=TODAY, bitten=Bitten.NO), "去过哪里、哪天回来都要填"),
        (LookedBack("", "佛山", date(2026, 11, 2), Bitten.NO), "填11月3日到今天之间"),
        (LookedBack("", "佛山", date(2026, 11, 21), Bitten.NO), "填11月3日到今天之间"),
    ],
)
def test_a_journey_is_told_whole_and_within_the_days_that_are_asked(town, answers, why):
    case = said(town, "林小满", "dengue", onset_ago=3)
    look_back(case)
    with pytest.raises(RuleBroken, match=why):
        look_back(case, answers)
    assert case.ask_again_at is not None and len(case.steps) == 2


def test_who_has_not_been_away_or_came_back_two_weeks_ago_is_not_asked_again(town):
    case = said(town, "林小满", "dengue", onset_ago=3)
    assert look_back(case, LookedBack(bitten=Bitten.UNKNOWN)).text == "没有外出，不记得"
    assert case.ask_again_at is None
    look_back(case, LookedBack("", "佛山", TODAY - timedelta(days=14), Bitten.NO))
    assert case.ask_again_at is None
    look_back(case, LookedBack("", "佛山", TODAY - timedelta(days=13), Bitten.NO))
    assert case.ask_again_at is not None


def test_the_last_word_of_the_doctor_stands_and_a_false_alarm_asks_nothing_again(town):
    case = said(town, "林小满", "dengue", onset_ago=3)
    look_back(case)
    record(case, "dengue", NOW + timedelta(hours=1))
    assert case.diagnosed_at == NOW and case.ask_again_at is not None  # said again, nothing new
    record(case, "covid", NOW + timedelta(hours=2))
    assert (case.disease, case.diagnosed_at, case.ask_again_at) == ("covid", NOW + timedelta(hours=2), None)
    record(case, None)
    assert (case.disease, case.diagnosed_at, case.result) == (None, None, "在家休息")
    record(case, "dengue")
    look_back(case)
    case.take(StepKind.FALSE_ALARM, text="不是", now=NOW, by_id=None)
    assert case.ask_again_at is None


def test_a_disease_is_named_with_a_result_alone(town):
    case = said(town, "林小满", "covid")
    with pytest.raises(RuleBroken, match="和“有了结果”一起记"):
        case.take(StepKind.NOTE, text="听说", now=NOW, by_id=None, disease=DENGUE)
    with pytest.raises(RuleBroken, match="刚刚改过"):
        look_back(case)
    case.take(StepKind.NOTE, text="好些了", now=NOW, by_id=None, disease=CLUSTERS.disease("covid"))


def test_other_diseases_need_a_word_of_what_was_asked(town):
    case, covid = said(town, "林小满", "covid"), CLUSTERS.disease("covid")
    with pytest.raises(RuleBroken, match="请写问到了什么"):
        case.look_back(covid, LookedBack(), now=NOW, by_id=None)
    assert case.look_back(covid, LookedBack("家人都好"), now=NOW, by_id=None).text == "家人都好"


# --- alerts ---


def tick() -> list[ClusterAlert]:
    db.session.commit()
    cluster_alerts.raise_alerts(jobs.tick_now())
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(select(ClusterAlert).order_by(ClusterAlert.id)))


def test_two_with_measles_in_ten_days_raise_one_alert_and_a_second_run_changes_nothing(town):
    town.officer(Post.SPECIALIST)
    said(town, "林小满", "measles", onset_ago=10)
    assert tick() == []
    said(town, "许安澜", "measles", onset_ago=1)
    (alert,) = tick()
    assert (alert.signal, alert.people, alert.state) == (Signal.DISEASE, 2, AlertState.PENDING)
    assert alert.key == f"e{town.tenant.id}:disease.measles"
    assert alert.reached == [{"rule": "同一企业，10天内麻疹2人", "where": "", "people": 2}]
    assert (alert.first_on, alert.last_on) == (TODAY - timedelta(days=10), TODAY - timedelta(days=1))
    assert cluster_alerts.raise_alerts(jobs.tick_now()) == 0
    told = str(db.session.execute(select(Message.subject, Message.text)).all())
    told += str(
        db.session.scalars(select(AuditLine.details).where(AuditLine.action == "cluster:alert")).all()
    )
    assert "2人经医生诊断的同一种病" in told
    assert not any(word in told for word in ("麻疹", "measles", "林小满"))


def test_a_day_apart_too_far_they_raise_none(town):
    said(town, "林小满", "measles", onset_ago=11)
    said(town, "许安澜", "measles", onset_ago=1)
    assert tick() == []


@pytest.mark.parametrize(("later", "raised"), [(12, 1), (13, 0)])
def test_a_word_that_comes_two_weeks_after_the_first_day_still_counts(town, at, later, raised):
    cases = [said(town, name, "covid", onset_ago=2) for name in ("林小满", "许安澜")]
    at(NOW + timedelta(days=later))
    for case in cases:
        record(case, "measles", NOW + timedelta(days=later))
    assert [one.last_on for one in tick()] == [TODAY - timedelta(days=2)] * raised


def test_of_a_rule_over_several_diseases_the_alert_says_which(town):
    for number in range(5):
        said(town, f"员工{number}", "mumps")
    (alert,) = tick()
    assert alert.reached[0]["rule"] == "同一企业，7天内水痘、风疹或流行性腮腺炎5人（流行性腮腺炎）"


def test_two_of_a_dormitory_raise_one_and_where_it_is_stays_with_the_enterprise(town, team):
    for name in ("林小满", "许安澜"):
        said(town, name, "hand_foot_mouth", team=team)
    (alert,) = tick()
    assert alert.reached == [{"rule": "同一班组或宿舍，7天内手足口病2人", "where": "班组甲班", "people": 2}]
    assert alert.rules == [("同一班组或宿舍，7天内手足口病2人", 2)]


def test_a_false_alarm_of_a_case_does_not_count_and_one_more_does(town):
    first = said(town, "林小满", "measles")
    said(town, "许安澜", "measles")
    first.take(StepKind.FALSE_ALARM, text="写错了人", now=NOW, by_id=None)
    assert tick() == []
    said(town, "江一帆", "measles")
    assert [one.people for one in tick()] == [2]


def test_who_has_been_dismissed_raises_nothing_again_and_a_later_word_of_an_earlier_day_does(town, at):
    by = town.officer(Post.SPECIALIST)
    for name in ("林小满", "许安澜"):
        said(town, name, "measles", onset_ago=1)
    (alert,) = tick()
    alert.dismiss("化验单看错了", now=NOW, by=by)
    assert len(tick()) == 1
    at(NOW + timedelta(days=1))
    late = [said(town, name, "covid", onset_ago=3) for name in ("江一帆", "苏晚晴")]
    record(late[0], "measles", NOW + timedelta(days=1))
    assert len(tick()) == 1
    record(late[1], "measles", NOW + timedelta(days=1))
    first, second = tick()
    assert (first.state, second.people, second.state) == (AlertState.FALSE_ALARM, 2, AlertState.PENDING)


def test_another_scheme_without_diseases_raises_nothing(town):
    for name in ("林小满", "许安澜"):
        said(town, name, "measles")
    plain = BOOK.get(make.SCHEME)
    rules = tuple(rule for rule in plain.clusters.rules if not rule.diseases)
    plain = replace(plain, clusters=replace(plain.clusters, diseases=(), rules=rules))
    found = cluster_alerts.work_out(db.session(), town.district.id, plain, BOOK.days, NOW)
    assert [one.signal for one in found if one.signal.startswith(OF_DISEASE)] == []


def test_thirty_enterprises_with_one_word_each_cost_no_more_statements_than_one(town):
    def cost():
        return statements_of(lambda: cluster_alerts.raise_alerts(jobs.tick_now()))

    said(town, "林小满", "measles")
    tick()
    few = cost()
    for number in range(30):
        said(town, f"员工{number}", "measles", where=make.enterprise(town.street, f"企业{number}"))
    tick()
    assert cost() == few
