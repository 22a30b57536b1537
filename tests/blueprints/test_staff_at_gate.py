"""Staff who say 「我在这里上班」 at the gate: one reading serves gate and archive, and nobody learns who is on a roster (settled 2.15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from blueprints.web import jobs
from models.access import Post
from models.archive import Team
from models.audit import AuditLine
from models.base import db
from models.follow_ups import FollowUp
from models.gate import CheckIn, StaffCheck
from models.health_codes import CodeStatus, Unknown, Why
from models.health_entries import EntrySource, EntryState, HealthEntry, Report, Site, Today
from models.health_file import Absence, AbsenceKind
from models.health_links import LinkKind, token
from tests import make
from tests.blueprints.test_gate_codes import Asked
from tests.blueprints.test_gate_form import EMERGENCY, open_emergency, open_form, submit
from tests.conftest import NOW
from tests.forms import opened
from tests.forms import submit as send
from tests.november import work
from tests.reader import read
from tests.statements import asked_by

MOBILE = "13800138000"
WELL = Report(Today.WELL, celsius=Decimal("36.4"))


@pytest.fixture
def code(town):
    return town.gate.code.code


@pytest.fixture
def worker(app, town):
    return on_file(app, town.tenant)


def on_file(app, where, name="张明远", mobile=MOBILE, **facts):
    index = app.extensions["site"].vault.blind(mobile, "mobile")
    return make.employee(where, name, mobile=mobile, mobile_index=index, **facts)


def come(client, code, **changes):
    """Checks in as somebody who works here."""
    answer = submit(client, code, works_here="yes", **changes)
    assert answer.status_code == 303, read(answer.text).text
    return answer


def tick():
    work("ask_codes", "take_staff_readings")


def entries():
    return db.session.scalars(select(HealthEntry).order_by(HealthEntry.id)).all()


def cases():
    return db.session.scalars(select(FollowUp).order_by(FollowUp.id)).all()


def staff_states():
    return list(db.session.scalars(select(CheckIn.staff).order_by(CheckIn.id)))


def test_one_reading_serves_gate_and_archive(client, app, town, code, worker, at):
    come(client, code, temperature="36.6")
    tick()
    (entry,) = entries()
    assert (entry.employee_id, entry.state, entry.source, entry.celsius) == (
        worker.id,
        EntryState.NORMAL,
        EntrySource.GATE,
        366,
    )
    assert (entry.work_on, entry.at, entry.by_id) == (NOW.date(), NOW, None)
    assert staff_states() == [StaffCheck.SETTLED] and cases() == []
    manager = make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))
    page = opened(manager, f"/enterprises/{town.tenant.id}/health?who=all")
    assert "已报1人" in "".join(page.text.split()) and "门岗" in page.text


def test_the_form_says_who_sees_it_and_how_long_and_is_not_preselected(client, code):
    form = open_form(client, code)
    assert form.choices["works_here"] == ["yes"] and "works_here" not in form.data()
    zh, en = (read(client.get(f"/g/{code}{more}").text).text for more in ("", "?lang=en"))
    assert "我在这里上班" in zh and "首席健康官和健康管理员看得到，按单位档案的期限保存" in zh
    assert "I work here" in en and "only its health officer and manager see it" in en


def test_where_nothing_is_measured_there_is_no_question_and_no_entry(client, town, code, worker):
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date() - timedelta(days=100))
    assert "works_here" not in open_form(client, code).choices
    answer = submit(client, code, purpose="上班")
    data = dict(open_form(client, code).data(name="张明远", mobile=MOBILE, purpose="上班"), works_here="yes")
    assert client.post(f"/g/{code}", data=data).status_code == answer.status_code == 303
    tick()
    assert staff_states() == [None, None] and entries() == []


def test_a_visitor_who_does_not_say_so_is_never_looked_for(client, code, worker):
    submit(client, code)
    tick()
    assert staff_states() == [None] and entries() == []


@pytest.mark.parametrize(
    "why", ["unknown mobile", "other name", "left", "on leave", "elsewhere", "moved out", "joins tomorrow"]
)
def test_whoever_does_not_match_is_a_visit_as_any_other_and_learns_nothing(client, app, town, code, why):
    """The answer, the pass and the row are those of somebody who is on file."""
    today = NOW.date()
    if why == "other name":
        on_file(app, town.tenant, "张明")
    elif why == "left":
        on_file(app, town.tenant, left_on=today - timedelta(days=1))
    elif why == "joins tomorrow":
        on_file(app, town.tenant, joined_on=today + timedelta(days=1))
    elif why == "on leave":
        one = on_file(app, town.tenant)
        leave = Absence(
            employee_id=one.id, kind=AbsenceKind.LEAVE, from_on=today, until_on=today, written_at=NOW
        )
        make.save(leave)
    elif why == "elsewhere":
        on_file(app, make.enterprise(town.street, "别处的公司", at=town.other))
    elif why == "moved out":
        gone = make.enterprise(town.street, "搬走的公司", at=town.park)
        on_file(app, gone)
        gone.premises[0].from_at, gone.premises[0].until_at = NOW - timedelta(days=9), NOW - timedelta(days=1)
        db.session.commit()
    on_file(app, town.tenant, "李在册", "13900139000")
    stranger = come(client, code)
    other = app.test_client()
    known = come(other, code, name="李在册", mobile="13900139000")
    tick()
    assert [one.employee.name for one in entries()] == ["李在册"]
    assert staff_states() == [StaffCheck.SETTLED] * 2
    passes = [
        read(browser.get(answer.location).text).text
        for browser, answer in ((client, stranger), (other, known))
    ]
    as_the_other = {"100": "101", "张**": "李**", "138****8000": "139****9000"}
    for mine, theirs in as_the_other.items():
        passes[0] = passes[0].replace(mine, theirs)
    assert passes[0] == passes[1]


def test_staff_of_a_building_are_known_at_the_gate_of_its_park(client, app, town, code):
    one = on_file(app, make.enterprise(town.street, "三号楼公司", at=town.building))
    come(client, code)
    tick()
    assert [entry.employee_id for entry in entries()] == [one.id]


def test_an_abnormal_reading_opens_the_managers_follow_up(client, code, worker):
    come(client, code, temperature="38.0")
    tick()
    (entry,), (case,) = entries(), cases()
    assert entry.state == EntryState.ABNORMAL and entry.why == ["体温38.0℃，达到37.3℃"]
    assert (case.entry_id, case.employee_id, case.closed_at) == (entry.id, worker.id, None)


def test_answers_of_an_emergency_form_come_along(client, town, code, worker):
    open_emergency(town)
    fresh = {
        "code_status": "green",
        "risk_area_14d": "no",
        "overseas_21d": "no",
        "symptoms": ["cough", "fatigue"],
    }
    come(client, code, **fresh)
    tick()
    (entry,) = entries()
    assert entry.told.symptoms == ("cough", "fatigue") and entry.told.answers["code_status"] == ("green",)
    assert entry.mode == "emergency" and "咳嗽、乏力" in entry.why and len(cases()) == 1


def test_a_gate_that_asks_less_than_the_employer_has_to_is_no_report_unless_something_is_wrong(
    client, app, town
):
    """The enterprise sits in two parks; the other one is in an emergency, this gate's is not."""
    make.save(town.tenant.move_in(town.other, "8层", NOW))
    open_emergency(town, "place", town.other.id)
    for name, mobile in (("张明远", MOBILE), ("李在册", "13900139000")):
        on_file(app, town.tenant, name, mobile)
    come(client, town.gate.code.code)
    come(app.test_client(), town.gate.code.code, name="李在册", mobile="13900139000", temperature="38.2")
    tick()
    assert [(one.employee.name, one.state) for one in entries()] == [("李在册", EntryState.ABNORMAL)]


def test_what_was_reported_before_stands(client, code, worker):
    make.health_entry(worker, WELL)
    come(client, code, temperature="36.9")
    tick()
    (entry,) = entries()
    assert (entry.version, entry.source, entry.celsius) == (1, EntrySource.SELF, 364)


def test_a_bad_reading_is_not_lost_behind_a_good_report_and_both_stay_to_be_read(client, code, worker):
    make.health_entry(worker, WELL)
    come(client, code, temperature="37.9")
    tick()
    (entry,) = entries()
    assert (entry.version, entry.source, entry.state) == (2, EntrySource.GATE, EntryState.ABNORMAL)
    assert [(old.source, old.celsius) for old in entry.versions] == [(EntrySource.SELF, 364)]
    assert len(cases()) == 1


def test_a_good_reading_does_not_make_somebody_well_who_said_otherwise(client, code, worker):
    make.health_entry(worker, Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT))
    come(client, code)
    tick()
    (entry,) = entries()
    assert (entry.version, entry.state) == (1, EntryState.ABNORMAL)


def test_a_second_scan_adds_nothing_and_a_second_tick_neither(client, code, worker, at):
    come(client, code, temperature="36.6")
    tick()
    come(client, code, temperature="36.8")
    at(NOW + timedelta(minutes=2))
    tick()
    assert [(entry.version, entry.celsius) for entry in entries()] == [(1, 366)]
    assert db.session.scalar(select(func.count()).where(AuditLine.action == "health:take_over")) == 1


def test_a_guards_own_reading_replaces_what_was_declared(client, app, town, code, worker, at):
    come(client, code, temperature="37.6")
    tick()
    assert len(cases()) == 1
    at(NOW + timedelta(minutes=12))
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    row = db.session.scalar(select(CheckIn))
    assert send(guard, f"/gate/entries/{row.id}/measure", temperature="36.7", mask="yes").status_code == 303
    db.session.rollback()
    db.session.expire_all()
    tick()
    (entry,) = entries()
    assert (entry.version, entry.state, entry.celsius) == (2, EntryState.NORMAL, 367)
    assert cases()[0].closed_at is None  # somebody decides


def test_a_reading_too_low_is_none(client, code, worker):
    come(client, code, temperature="35.0")
    tick()
    assert entries() == [] and staff_states() == [StaffCheck.SETTLED]


def test_before_the_cut_hour_it_is_still_yesterdays_shift(client, app, town, code, at):
    team = make.save(Team(enterprise_id=town.tenant.id, name="夜班", day_begins=time(6)))
    worker = on_file(app, town.tenant, team_id=team.id)
    at(NOW.replace(hour=21, minute=30))  # 05:30 of Saturday
    come(client, code)
    at(NOW.replace(hour=22, minute=30))
    come(app.test_client(), code, temperature="36.9")
    tick()  # out of hours at this gate is no doubt about who it is
    assert [(entry.employee_id, entry.work_on, entry.celsius) for entry in entries()] == [
        (worker.id, NOW.date(), 365),
        (worker.id, NOW.date() + timedelta(days=1), 369),
    ]


def test_one_phone_with_many_names_waits_for_a_guard(client, app, town, code):
    for number in range(11):
        mobile = f"138001380{number:02}"
        on_file(app, town.tenant, f"张{'一二三四五六七八九十百'[number]}", mobile)
        come(client, code, name=f"张{'一二三四五六七八九十百'[number]}", mobile=mobile)
    tick()
    assert len(entries()) == 10 and staff_states().count(StaffCheck.PENDING) == 1
    row = db.session.scalar(select(CheckIn).where(CheckIn.staff == StaffCheck.PENDING))
    row.confirmed_at = NOW
    db.session.commit()
    jobs.take_staff_readings(jobs.tick_now())
    db.session.rollback()
    assert len(entries()) == 11


def test_the_person_corrects_it_as_any_report(client, app, code, worker):
    come(client, code, temperature="38.0")
    tick()
    link = f"/h/{token(app.extensions['site'].vault, LinkKind.PERSON, worker.id)}"
    page = opened(client, link)
    assert "38.0" in page.text or "不舒服" in page.text
    answer = send(client, f"{link}?change=1", today="well", temperature="36.5", site=None)
    assert answer.status_code == 303, read(answer.text).text
    db.session.rollback()
    db.session.expire_all()
    (entry,) = entries()
    assert (entry.version, entry.source, entry.state) == (2, EntrySource.SELF, EntryState.NORMAL)
    assert [old.source for old in entry.versions] == [EntrySource.GATE]


def test_a_phone_remembers_that_its_owner_works_here_and_only_here(client, town, code, worker):
    come(client, code, remember="keep")
    form = open_form(client, code)
    assert form.data()["works_here"] == ["yes"]
    elsewhere = town.other_gate.code.code
    assert "works_here" not in open_form(client, elsewhere).data()
    submit(client, elsewhere)
    assert open_form(client, town.north.code.code).data()["works_here"] == ["yes"]
    submit(client, code, works_here=None)
    assert "works_here" not in open_form(client, code).data()


def test_a_form_with_an_error_comes_back_ticked(client, code):
    answer = submit(client, code, works_here="yes", temperature="高")
    assert answer.status_code == 422
    assert read(answer.text).forms[0].data()["works_here"] == ["yes"]


def test_guard_and_specialist_see_that_it_was_said_and_no_more(client, app, town, code, worker):
    come(client, code)
    tick()
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    assert "自述员工" in opened(guard, "/gate").text
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    row = db.session.scalar(select(CheckIn))
    page = opened(specialist, f"/places/{town.park.id}/entries/{row.id}")
    assert "自述员工" in page.text and "档案" not in page.text
    assert specialist.get(f"/enterprises/{town.tenant.id}/health").status_code == 403


def test_deleting_the_visit_says_that_the_archive_keeps_its_own(client, code, worker):
    location = come(client, code).location
    tick()
    visit = location.rsplit("/", 1)[1]
    client.post(f"/pass/{visit}/leave")
    page = read(client.get(f"/visits/{visit}/delete").text)
    assert "已经记进您单位健康档案的，不会跟着删掉" in page.text
    assert client.post(f"/visits/{visit}/delete").status_code == 303
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(CheckIn)) == 0 and len(entries()) == 1


def test_a_crowd_of_staff_is_looked_for_in_a_fixed_number_of_questions(client, app, town, code):
    def crowd(first, number):
        for n in range(first, first + number):
            mobile = f"1380013{n:04}"
            on_file(app, town.tenant, f"职工{n}", mobile)
            make.check_in(town.gate, NOW, name=f"职工{n}", mobile=mobile, staff=StaffCheck.PENDING)
        asked = asked_by(lambda: jobs.take_staff_readings(jobs.tick_now()))
        return sum(one.startswith("SELECT") for one in asked)

    few, many = crowd(1, 3), crowd(100, 40)
    assert many <= few and len(entries()) == 43


# --- the health code that comes later ---


def come_unasked(client, app, code, **changes):
    """The service is silent when somebody comes."""
    service = Asked(Unknown(Why.UNREACHABLE))
    app.extensions["site"] = replace(app.extensions["site"], health_code=service)
    come(client, code, **{**EMERGENCY, **changes})
    return service


def test_a_bad_code_that_is_found_later_reaches_the_archive(client, app, town, code, worker, at):
    open_emergency(town, "district", town.district.id)
    service = come_unasked(client, app, code)
    tick()
    (entry,) = entries()
    assert entry.state == EntryState.NORMAL and cases() == []
    service.answer = CodeStatus.RED
    at(NOW + timedelta(minutes=2))
    tick()
    (entry,) = entries()
    assert entry.state == EntryState.ABNORMAL and entry.told.answers["code_status"] == ("red",)
    assert [case.entry_id for case in cases()] == [entry.id] and staff_states() == [StaffCheck.SETTLED]


def test_a_good_code_that_is_found_later_leaves_the_archive_as_it_was(client, app, town, code, worker, at):
    open_emergency(town, "district", town.district.id)
    service = come_unasked(client, app, code)
    tick()
    before = entries()[0].version
    service.answer = CodeStatus.GREEN
    at(NOW + timedelta(minutes=2))
    tick()
    assert [(one.state, one.version) for one in entries()] == [(EntryState.NORMAL, before)]
    assert staff_states() == [StaffCheck.SETTLED]


def test_a_bad_code_that_is_found_later_stands_beside_an_illness(client, app, town, code, worker, at):
    open_emergency(town, "district", town.district.id)
    service = come_unasked(client, app, code, temperature="38.2")
    tick()
    assert entries()[0].state == EntryState.ABNORMAL
    service.answer = CodeStatus.YELLOW
    at(NOW + timedelta(minutes=2))
    tick()
    (entry,) = entries()
    assert entry.told.answers["code_status"] == ("yellow",) and entry.celsius == 382
    assert len(cases()) == 1
