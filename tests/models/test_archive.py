"""One person, one file: what is typed of an employee, how it is kept, and who is owed an examination."""

from datetime import date, timedelta

import pytest
from sqlalchemy import inspect, select

from models.archive import AlreadyOnFile, Employee, Team, alike
from models.base import RuleBroken, db
from models.check_ups_due import due_list
from models.employee_facts import read_employee
from models.health_file import Absence, AbsenceKind, CheckUp, CheckUpKind, Vaccination, at_work, records_of
from models.policy.schema import WorkerKind
from models.timeline import timeline
from tests import make
from tests.conftest import NOW
from tests.statements import statements_of

TODAY = date(2026, 11, 20)
CARD = "11010519900307304X"
EXPOSED = {"hazards": "噪声、苯", "examined_on": "2026-11-01"}


def read(**raw):
    facts, errors = read_employee({"name": "张晓明"} | raw, TODAY)
    return errors if facts is None else facts


@pytest.fixture
def vault(app):
    return app.extensions["site"].vault


@pytest.fixture
def hired(town, vault):
    def hire(**raw):
        facts = read(**raw)
        assert not isinstance(facts, dict), facts
        row = Employee.write(db.session(), town.tenant.id, facts, vault, NOW, team=None)
        db.session.commit()
        return row

    return hire


# --- reading ---


def test_what_is_typed_is_kept_in_one_spelling():
    facts = read(
        name=" 张晓明　", number="Ａ０１２", mobile="138 0000-1234", document=CARD.lower(), kind="劳务",
        hazards="噪声，苯/噪声", examined_on="2026年11月1日", joined_on="20261102",
    )  # fmt: skip
    assert (facts.name, facts.number, facts.mobile, facts.document) == ("张晓明", "A012", "13800001234", CARD)
    assert facts.kind is WorkerKind.DISPATCHED
    assert facts.hazards == ("噪声", "苯")
    assert facts.joined_on == date(2026, 11, 2)
    assert facts.examined_on == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""), ("name", "长" * 80), ("number", "1" * 31), ("kind", "朋友"), ("mobile", "1380000"),
        ("document", "110105199003073041"), ("joined_on", "2026-02-30"), ("joined_on", "1949-12-31"),
        ("joined_on", "2027-11-22"), ("joined_on", "昨天"), ("job", "电\u200b工"), ("dormitory", "楼" * 61),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_taken_says_so_itself(field, typed):
    errors = read(**{field: typed})
    assert isinstance(errors, dict) and set(errors) == {field}


def test_every_fault_is_said_at_once():
    assert set(read(name="", mobile="12", joined_on="x")) == {"name", "mobile", "joined_on"}


@pytest.mark.parametrize(("field", "longest"), [("number", 30), ("department", 40), ("hazards", 100)])
def test_the_longest_that_is_taken(field, longest):
    more = {"examined_on": "2026-11-01"} if field == "hazards" else {}
    assert not isinstance(read(**{field: "长" * longest}, **more), dict)
    assert field in read(**{field: "长" * (longest + 1)}, **more)


def test_nobody_is_exposed_without_a_pre_post_examination():
    assert set(read(hazards="噪声")) == {"hazards"}
    assert not isinstance(read(**EXPOSED), dict)
    assert set(read(hazards="噪声", examined_on="2026-11-21")) == {"examined_on"}
    facts, errors = read_employee({"name": "张晓明", "hazards": "噪声"}, TODAY, examined=True)
    assert facts is not None and errors == {}


def test_the_last_day_is_not_before_the_first():
    assert set(read(joined_on="2026-11-02", left_on="2026-11-01")) == {"left_on"}
    assert not isinstance(read(joined_on="2026-11-02", left_on="2026-11-02"), dict)


def test_somebody_under_sixteen_is_asked_about_and_not_refused():
    child = "110105201201010015"
    facts = read(document=child)
    if isinstance(facts, dict):
        pytest.fail(str(facts))
    assert set(facts.doubts) == {"document"}
    confirmed, _ = read_employee({"name": "张晓明", "document": child}, TODAY, confirmed=True)
    assert confirmed.doubts == {}


# --- one person, one file ---


def test_numbers_are_sealed_and_found_by_their_index(hired, vault):
    row = hired(mobile="13800001234", document=CARD)
    raw = db.session.connection().exec_driver_sql("SELECT mobile, document FROM employee").one()
    assert b"13800001234" not in bytes(raw[0]) and CARD.encode() not in bytes(raw[1])
    assert (row.mobile, row.document) == ("13800001234", CARD)
    assert row.mobile_index == vault.blind("13800001234", "mobile")


def test_the_same_document_is_one_file(hired):
    first = hired(document=CARD)
    with pytest.raises(AlreadyOnFile) as refused:
        hired(name="张小明", document=CARD.lower())
    assert refused.value.employee is first


def test_another_enterprise_may_have_the_same_person(town, hired, vault):
    hired(document=CARD)
    other = make.enterprise(town.street, "松果餐饮店")
    Employee.write(db.session(), other.id, read(document=CARD), vault, NOW, team=None)
    db.session.commit()


def test_somebody_of_the_same_name_and_mobile_is_pointed_at(town, hired, vault):
    row = hired(mobile="13800001234")
    assert alike(db.session(), town.tenant.id, read(mobile="13800001234"), vault) is row
    assert alike(db.session(), town.tenant.id, read(name="李四", mobile="13800001234"), vault) is None
    assert alike(db.session(), town.tenant.id, read(), vault) is None


def test_a_change_writes_only_what_changed(hired, vault):
    row = hired(mobile="13800001234", document=CARD, department="一车间")
    facts = read(mobile="13800001234", document=CARD, department="二车间")
    row.change(db.session(), facts, vault, NOW + timedelta(1), team=None)
    history = inspect(row).attrs
    changed = {key for key in ("mobile", "document", "department") if history[key].history.has_changes()}
    assert changed == {"department"} and row.added_at == NOW


def test_a_change_to_somebody_elses_document_is_refused(hired, vault):
    hired(document=CARD)
    other = hired(name="李四")
    with pytest.raises(AlreadyOnFile):
        other.change(db.session(), read(name="李四", document=CARD), vault, NOW, team=None)


def test_somebody_leaves_and_comes_back_to_the_same_file(hired):
    row = hired(joined_on="2026-01-05")
    with pytest.raises(RuleBroken, match="不能早于"):
        row.leave(date(2026, 1, 4), today=TODAY, now=NOW)
    with pytest.raises(RuleBroken, match="年份"):
        row.leave(date(2027, 11, 22), today=TODAY, now=NOW)
    with pytest.raises(RuleBroken, match="没有离职"):
        row.come_back(TODAY, NOW)
    row.leave(date(2026, 11, 10), today=TODAY, now=NOW)
    with pytest.raises(RuleBroken, match="晚于"):
        row.come_back(date(2026, 11, 10), NOW)
    row.come_back(date(2026, 11, 11), NOW)
    assert (row.joined_on, row.left_on) == (date(2026, 11, 11), None)


# --- records ---


def absence(row, from_on, until_on, kind=AbsenceKind.LEAVE, **more):
    made = Absence.write(
        db.session(), row, {"kind": kind, "from_on": from_on, "until_on": until_on, "note": None},
        now=NOW, by_id=None, **more,
    )  # fmt: skip
    db.session.commit()
    return made


def check_up(row, kind, **facts):
    facts = {"hazards": "", "result": None} | facts
    made = CheckUp.write(db.session(), row, {"kind": kind} | facts, now=NOW, by_id=None)
    db.session.commit()
    return made


def test_who_is_away_is_not_expected_on_the_first_and_the_last_day(town, hired):
    row = hired()
    absence(row, date(2026, 11, 10), date(2026, 11, 12))

    def due(on):
        return db.session.scalars(select(Employee).where(at_work(on))).all() == [row]

    assert [due(date(2026, 11, day)) for day in (9, 10, 12, 13)] == [True, False, False, True]


def test_who_has_not_begun_or_has_left_is_not_expected(town, hired):
    row = hired(joined_on="2026-11-10", left_on="2026-11-12")

    def due(on):
        return db.session.scalars(select(Employee).where(at_work(on))).all() == [row]

    assert [due(date(2026, 11, day)) for day in (9, 10, 12, 13)] == [False, True, True, False]


def test_two_leaves_of_one_kind_do_not_overlap_and_a_correction_takes_the_place(town, hired):
    row = hired()
    first = absence(row, date(2026, 11, 10), date(2026, 11, 12))
    with pytest.raises(RuleBroken, match="重叠"):
        absence(row, date(2026, 11, 12), None)
    absence(row, date(2026, 11, 12), None, AbsenceKind.TRIP)
    second = absence(row, date(2026, 11, 11), date(2026, 11, 12), instead_of=first)
    assert first.replaced_at == NOW and second.replaced_at is None
    with pytest.raises(RuleBroken, match="已经被更正"):
        absence(row, date(2026, 11, 10), date(2026, 11, 10), instead_of=first)


def test_a_dose_counts_once_and_is_not_to_come(hired):
    row = hired()

    def dose(on):
        made = Vaccination.write(
            db.session(), row, {"vaccine": "流感疫苗", "dose": 1, "on": on}, now=NOW, by_id=None
        )
        db.session.commit()
        return made

    with pytest.raises(RuleBroken, match="还没有到"):
        dose(TODAY + timedelta(1))
    first = dose(TODAY)
    with pytest.raises(RuleBroken, match="已经登记过"):
        dose(TODAY)
    first.withdraw(now=NOW, by_id=None)
    dose(TODAY)


def test_a_result_needs_the_day_of_the_examination(hired):
    row = hired()
    for facts in ({}, {"due_on": TODAY, "result": "正常"}, {"done_on": TODAY + timedelta(1)},
                  {"done_on": TODAY, "notified_on": TODAY - timedelta(1)}):  # fmt: skip
        with pytest.raises(RuleBroken):
            check_up(row, CheckUpKind.GENERAL, **facts)


# --- who is to be examined ---


def dues(town):
    return [(d.kind, d.due_on) for d in due_list(db.session(), town.tenant.id, TODAY)]


def test_an_exposed_person_is_due_a_year_after_the_last_examination_or_when_the_clinic_says(town, hired):
    row = hired(**EXPOSED)
    check_up(row, CheckUpKind.PRE_POST, done_on=date(2025, 12, 1))
    assert dues(town) == [(CheckUpKind.PERIODIC, date(2026, 12, 1))]
    check_up(row, CheckUpKind.PERIODIC, done_on=date(2026, 5, 1), next_on=date(2027, 1, 20))
    assert dues(town) == []
    check_up(row, CheckUpKind.PERIODIC, done_on=date(2026, 6, 1), next_on=date(2027, 1, 19))
    assert dues(town) == [(CheckUpKind.PERIODIC, date(2027, 1, 19))]


def test_who_leaves_an_exposed_post_is_owed_an_examination_since_they_began(town, hired):
    row = hired(joined_on="2026-03-01", **EXPOSED)
    check_up(row, CheckUpKind.LEAVING, done_on=date(2026, 2, 28))  # of an earlier time here
    row.leave(date(2026, 11, 10), today=TODAY, now=NOW)
    db.session.commit()
    assert dues(town) == [(CheckUpKind.LEAVING, date(2026, 11, 10))]
    check_up(row, CheckUpKind.LEAVING, done_on=date(2026, 11, 9))
    assert dues(town) == []


def test_who_is_not_exposed_owes_nothing_but_what_is_planned(town, hired):
    row = hired()
    assert dues(town) == []
    planned = check_up(row, CheckUpKind.GENERAL, due_on=TODAY + timedelta(60))
    assert dues(town) == [(CheckUpKind.GENERAL, TODAY + timedelta(60))]
    planned.withdraw(now=NOW, by_id=None)
    db.session.commit()
    assert dues(town) == []


def test_the_list_asks_no_more_for_many_than_for_one(town, hired):
    number = town.tenant.id

    def asked():
        db.session.rollback()
        return statements_of(lambda: due_list(db.session(), number, TODAY))

    hired(**EXPOSED)
    one = asked()
    for count in range(8):
        hired(number=str(count), **EXPOSED)
    assert asked() == one


def test_the_story_is_newest_first_and_holds_no_sealed_words(hired):
    row = hired(joined_on="2026-01-05")
    check_up(row, CheckUpKind.GENERAL, done_on=date(2026, 6, 1), result="肝功能异常")
    wrong = absence(row, date(2026, 7, 1), date(2026, 7, 2))
    wrong.withdraw(now=NOW, by_id=None)
    kinds = {"check-up": CheckUp, "absence": Absence}
    story = timeline(row, {key: records_of(db.session(), row, kind) for key, kind in kinds.items()})
    assert [moment.title for moment in story] == ["普通体检", "入职"]
    assert "肝功能" not in str(story)


def test_teams_and_people_are_reached_by_their_enterprise_alone(town):
    for model in (Team, Employee, CheckUp):
        assert model.within("enterprise", [town.tenant.id]) is not None
        for scope in ("district", "unit", "community", "place"):
            assert model.within(scope, [1]) is None
