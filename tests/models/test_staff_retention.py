"""What enterprises keep of their people goes when its time is over (PRIV-7): due, not due, held, interrupted, and after a restore."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text, update

from blueprints.web import jobs
from models import destruction, health_links, signatures, staff_retention
from models.access import Post
from models.archive import Employee, Team
from models.audit import AuditLine
from models.base import SHANGHAI, Row, db
from models.batches import Batch, BatchKind, BatchPart, BatchState
from models.closures import Closure
from models.cluster_alerts import ClusterAlert
from models.clusters import ClusterPerson, ClusterReport, ClusterStep, Conclusion
from models.clusters import StepKind as StepOfCluster
from models.contacts import About, Contact, ContactBatch, Way
from models.evidence import Evidence
from models.files import FileKind, StoredFile
from models.follow_ups import FollowUp, FollowUpStep, StepKind
from models.health_entries import (
    EntrySource,
    EntryState,
    HealthEntry,
    HealthEntryVersion,
    Report,
    Site,
    Today,
    counts,
    history,
    standing,
)
from models.health_file import Absence, AbsenceKind, CheckUp, CheckUpKind, Travel, Vaccination
from models.health_links import HealthLink, HealthReminder, LinkKind
from models.keeping import Destruction, HealthDaySum, Hold
from models.letters import Letter
from models.paper import PaperSheet
from models.plans import Activity, ActivityKind, Plan, PlanChange
from models.policy.schema import Mode
from models.retention import plan_of
from models.signatures import (
    Capacity,
    LetterLink,
    LetterSignature,
    LetterSigner,
    Mark,
    Signer,
    Verified,
)
from models.signatures import Way as SignedWay
from tests import make
from tests.conftest import NOW

DAY = timedelta(days=1)
TODAY = date(2026, 11, 20)
WELL = Report(Today.WELL, celsius=Decimal("36.5"))
FEVER = Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT, symptoms=("cough",))
DUE, KEPT = TODAY - 30 * DAY, TODAY - 29 * DAY
GONE = TODAY - 731 * DAY  # the last day at work of who left two years ago


@pytest.fixture
def tick(app, tmp_path):
    def at(now=NOW):
        return replace(jobs.tick_now(), now=now, instance=tmp_path)

    return at


@pytest.fixture
def purge(tick):
    """What a run destroyed, by kind."""

    def purge(now=NOW) -> dict[str, int]:
        db.session.rollback()
        found = destruction.purge(tick(now))
        db.session.rollback()
        db.session.expire_all()
        return {one.kind: one.number for one in found}

    return purge


@pytest.fixture
def person(town):
    return make.employee(town.tenant, joined_on=date(2020, 1, 6), mobile="13812345678", dormitory="2号楼301")


def count(model) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)


def entry(person: Employee, on: date, told: Report = WELL, scheme: str = make.SCHEME) -> HealthEntry:
    """As it was written on its day; `write` takes nothing so old."""
    policy = jobs.site.book.get(scheme)
    judged = standing(policy, Mode.NORMAL, told)
    return make.save(
        HealthEntry(
            enterprise_id=person.enterprise_id, employee_id=person.id, work_on=on, state=judged.state,
            celsius=None if told.celsius is None else int(told.celsius * 10), site=told.site, report=told.kept(),
            reasons=json.dumps(judged.reasons, ensure_ascii=False), mode="normal", scheme_key=scheme,
            source=EntrySource.SELF, at=noon(on),
        )
    )  # fmt: skip


def case(opening: HealthEntry, *, back: date | None = None, false_alarm: date | None = None) -> FollowUp:
    """The case that an entry opened, with a step; closed by the return to work, or found a false alarm on a day."""
    found = FollowUp.open_for(db.session(), opening, now=opening.at)
    found.take(StepKind.CONTACTED, text="在家休息", now=opening.at, by_id=None)
    if back:
        found.take(StepKind.RESULT, text="普通感冒", now=opening.at, by_id=None)
        found.take(StepKind.BACK, text="", now=noon(back), by_id=None, return_on=back)
    elif false_alarm:
        found.take(StepKind.FALSE_ALARM, text="体温计坏了", now=noon(false_alarm), by_id=None)
    return make.save(found)


def hold(town, first: date, last: date, **facts) -> Hold:
    facts = {
        "place": None,
        "order": None,
        "document": "云健函〔2026〕7号",
        "reason": "调查",
        "now": NOW,
    } | facts
    return make.save(
        Hold.make(district_id=town.district.id, from_on=first, to_on=last, expires_on=TODAY + 300 * DAY,
                  by_id=make.account(town.district).id, **facts)
    )  # fmt: skip


def records() -> list[Destruction]:
    db.session.rollback()
    return list(db.session.scalars(select(Destruction).order_by(Destruction.id)))


# --- daily health ---


def test_an_entry_of_who_was_well_goes_thirty_days_after_its_work_day(person, purge):
    for on in (DUE, KEPT):
        entry(person, on)
    old = db.session.scalars(select(HealthEntry).where(HealthEntry.work_on == DUE)).one()
    make.save(
        HealthEntryVersion(entry_id=old.id, version=1, state=EntryState.NORMAL, report=WELL.kept(), reasons="[]",
                           source=EntrySource.SELF, at=NOW)
    )  # fmt: skip
    assert purge() == {"health_entry": 1}
    assert db.session.scalars(select(HealthEntry.work_on)).all() == [KEPT]
    assert count(HealthEntryVersion) == 0
    assert purge() == {}
    assert purge(NOW + DAY) == {"health_entry": 1}


def test_an_illness_is_kept_until_thirty_days_after_the_return_and_then_goes_with_its_case(person, purge):
    ill = entry(person, TODAY - 60 * DAY, FEVER)
    found = case(ill)
    entry(person, TODAY - 59 * DAY, FEVER)  # the same illness
    entry(person, TODAY - 58 * DAY)  # a day on which nothing was wrong
    assert purge() == {"health_entry": 1}
    found = db.session.get(FollowUp, found.id)
    found.take(StepKind.RESULT, text="普通感冒", now=NOW, by_id=None)
    found.take(StepKind.BACK, text="", now=NOW, by_id=None, return_on=KEPT)
    db.session.commit()
    assert purge() == {}
    assert purge(NOW + DAY) == {"follow_up": 1, "health_entry": 2}
    assert (count(FollowUp), count(FollowUpStep), count(HealthEntry)) == (0, 0, 0)


def test_another_illness_of_the_same_person_does_not_keep_the_first(person, purge):
    case(entry(person, TODAY - 70 * DAY, FEVER), back=TODAY - 65 * DAY)
    case(entry(person, TODAY - 10 * DAY, FEVER))
    assert purge() == {"follow_up": 1, "health_entry": 1}
    assert db.session.scalars(select(HealthEntry.work_on)).all() == [TODAY - 10 * DAY]


def test_a_false_alarm_ends_when_it_was_found_to_be_one(person, purge):
    case(entry(person, TODAY - 40 * DAY, FEVER), false_alarm=KEPT)
    assert purge() == {}
    assert purge(NOW + DAY) == {"follow_up": 1, "health_entry": 1}


def test_a_case_that_nobody_closes_ends_ninety_days_after_its_last_sign_of_life(person, purge):
    found = case(entry(person, TODAY - 120 * DAY, FEVER))
    found.take(StepKind.NOTE, text="还在咳嗽", now=noon(TODAY - 89 * DAY), by_id=None)
    db.session.commit()
    assert purge() == {}
    assert purge(NOW + DAY) == {"follow_up": 1, "health_entry": 1}


def test_an_entry_that_is_not_normal_keeps_a_forgotten_case_alive(person, purge):
    case(entry(person, TODAY - 120 * DAY, FEVER))
    entry(person, TODAY - 80 * DAY, FEVER)
    assert purge() == {}


def test_with_the_last_day_at_work_an_open_case_ends(town, purge):
    left = make.employee(town.tenant, "秦远", left_on=KEPT)
    case(entry(left, TODAY - 35 * DAY, FEVER))
    assert purge() == {}
    assert purge(NOW + DAY) == {"follow_up": 1, "health_entry": 1}


def test_an_entry_that_was_corrected_to_normal_stays_as_long_as_the_case_that_it_opened(person, purge):
    ill = entry(person, TODAY - 40 * DAY, FEVER)
    case(ill)
    ill.state = EntryState.NORMAL
    db.session.commit()
    assert purge() == {}


def test_each_entry_is_kept_as_long_as_the_scheme_that_judged_it_says(app, town, person, purge, monkeypatch):
    book = app.extensions["site"].book
    later = book.get(make.LATER_SCHEME)
    monkeypatch.setitem(
        book._policies, make.LATER_SCHEME, replace(later, retention=replace(later.retention, health_days=20))
    )
    make.adopt(town.district, make.LATER_SCHEME, TODAY - 25 * DAY)
    for back, scheme in (
        (30, make.SCHEME),
        (29, make.SCHEME),
        (20, make.LATER_SCHEME),
        (19, make.LATER_SCHEME),
    ):
        entry(person, TODAY - back * DAY, scheme=scheme)
    assert purge() == {"health_entry": 2}
    assert {TODAY - on for on in db.session.scalars(select(HealthEntry.work_on))} == {29 * DAY, 19 * DAY}


def test_the_figures_of_a_day_stay_as_a_sum_and_the_pages_count_on(town, person, purge):
    other = make.employee(town.tenant, "秦远", joined_on=date(2020, 1, 6))
    make.employee(town.tenant, "柳岸", joined_on=date(2020, 1, 6))
    entry(person, DUE)
    case(entry(other, DUE, FEVER))
    before = counts(db.session(), [town.tenant.id], DUE)[town.tenant.id]
    assert (before.expected, before.reported, before.abnormal, before.summed) == (3, 2, 1, False)
    assert purge() == {"health_entry": 1}
    after = counts(db.session(), [town.tenant.id], DUE)[town.tenant.id]
    assert after == replace(before, summed=True)
    assert history(db.session(), town.tenant.id, DUE)[DUE] == after
    found = db.session.get(FollowUp, db.session.scalar(select(FollowUp.id)))
    found.take(StepKind.FALSE_ALARM, text="体温计坏了", now=noon(DUE), by_id=None)
    db.session.commit()
    assert purge() == {"follow_up": 1, "health_entry": 1}
    assert (
        counts(db.session(), [town.tenant.id], DUE)[town.tenant.id] == after
    )  # the sum of the whole day, not of the rest
    assert count(HealthDaySum) == 1


# --- leave, journeys, and what only those need who still work there ---


def test_leave_and_journeys_go_thirty_days_after_their_end(person, purge):
    facts = {"employee_id": person.id, "written_at": NOW}
    make.save(
        Absence(kind=AbsenceKind.LEAVE, from_on=DUE - DAY, until_on=DUE, **facts),
        Absence(kind=AbsenceKind.TRIP, from_on=DUE, until_on=KEPT, **facts),
        Absence(kind=AbsenceKind.MATERNITY, from_on=TODAY - 500 * DAY, **facts),  # goes on
        Travel(from_on=DUE - DAY, until_on=DUE, place="昆明", **facts),
        Travel(from_on=DUE, until_on=KEPT, place="昆明", **facts),
        Travel(from_on=TODAY - 300 * DAY, place="万象", overseas=True, **facts),
        Travel(from_on=TODAY - 396 * DAY, place="河内", overseas=True, **facts),
    )
    assert purge() == {"absence": 1, "travel": 2}
    assert purge() == {}
    assert (count(Absence), count(Travel)) == (2, 2)


def full_file(town, left_on: date | None, *, hazards: str = "", **facts) -> Employee:
    team = make.save(Team(enterprise_id=town.tenant.id, name=f"班组{left_on}{hazards}"))
    person = make.employee(
        town.tenant, "秦远", joined_on=date(2019, 3, 4), left_on=left_on, hazards=hazards, mobile="13900001111",
        mobile_index=b"i", dormitory="1号楼", team_id=team.id, document_kind="id_card", number="A1", **facts,
    )  # fmt: skip
    of_it = {"employee_id": person.id, "written_at": NOW}
    make.save(
        Vaccination(vaccine="流感疫苗", dose=1, on=date(2025, 10, 1), **of_it),
        CheckUp(kind=CheckUpKind.GENERAL, done_on=date(2024, 5, 6), result="良好", **of_it),
        Absence(kind=AbsenceKind.LEAVE, from_on=date(2024, 1, 1), **of_it),
    )
    return person


def test_who_works_there_keeps_the_file_however_old_it_is(town, purge):
    full_file(town, None)
    assert purge() == {}


def test_thirty_days_after_leaving_what_only_those_need_who_work_there_goes(town, purge):
    person = full_file(town, DUE)
    full_file(town, KEPT)
    assert purge() == {"absence": 1, "vaccination": 1, "check_up": 1, "employee_contact": 1}
    person = db.session.get(Employee, person.id)
    assert (person.mobile, person.mobile_index, person.dormitory, person.team_id) == (None, None, "", None)
    assert (person.name, person.number, person.joined_on) == ("秦远", "A1", date(2019, 3, 4))
    assert purge() == {}
    assert (count(Vaccination), count(Absence), count(CheckUp), count(Employee)) == (1, 1, 1, 2)


def test_with_an_enterprise_that_closes_its_people_have_left(town, purge):
    full_file(town, None)
    town.tenant.closed_on = DUE
    db.session.commit()
    assert purge()["employee_contact"] == 1
    town.tenant.closed_on = GONE
    db.session.commit()
    assert purge() == {"employee": 1}


def test_the_file_of_a_leaver_goes_after_two_years_and_the_number_opens_no_link_again(app, town, purge):
    person = full_file(town, TODAY - 730 * DAY)
    full_file(town, TODAY - 729 * DAY)
    health_links.renew(db.session(), LinkKind.PERSON, person.id, now=NOW, by_id=None)
    db.session.commit()
    vault = app.extensions["site"].vault
    links = [health_links.token(vault, LinkKind.PERSON, person.id, number) for number in (0, 1)]
    assert health_links.opened(db.session(), vault, LinkKind.PERSON, links[1])
    assert purge()["employee"] == 1
    assert count(Employee) == 1
    for old in links:
        assert health_links.opened(db.session(), vault, LinkKind.PERSON, old) is None
    assert db.session.scalars(select(HealthLink.number)).all() == [2]
    assert purge() == {}


def test_whose_link_was_never_renewed_leaves_none_that_opens(app, town, purge):
    vault = app.extensions["site"].vault
    old = health_links.token(vault, LinkKind.PERSON, full_file(town, GONE).id)
    assert purge()["employee"] == 1
    assert health_links.opened(db.session(), vault, LinkKind.PERSON, old) is None


@pytest.mark.parametrize("why", ["hazards", "examined"])
def test_who_was_exposed_keeps_the_occupational_file_for_thirty_years(town, purge, why):
    left = date(2024, 2, 29)
    person = full_file(town, left, hazards="噪声" if why == "hazards" else "")
    if why == "examined":
        make.save(CheckUp(employee_id=person.id, kind=CheckUpKind.LEAVING, done_on=left, written_at=NOW))
    purge()
    assert purge() == {}
    person = db.session.get(Employee, person.id)
    assert (person.name, person.document_kind, person.mobile) == ("秦远", "id_card", None)
    assert [one.kind for one in db.session.scalars(select(CheckUp))] == [CheckUpKind.LEAVING] * (
        why == "examined"
    )
    assert purge(noon(date(2054, 2, 28))) == {}
    assert purge(noon(date(2054, 3, 1))) == {"employee": 1}
    assert (count(Employee), count(CheckUp)) == (0, 0)


def test_thirty_years_run_from_the_last_examination_where_that_is_later(town, purge):
    person = full_file(town, date(2024, 3, 1), hazards="矽尘")
    make.save(
        CheckUp(employee_id=person.id, kind=CheckUpKind.LEAVING, done_on=date(2024, 6, 1), written_at=NOW)
    )
    purge()
    assert purge(noon(date(2054, 5, 31))) == {}
    assert purge(noon(date(2054, 6, 1))) == {"employee": 1}


def test_an_examination_that_was_withdrawn_makes_nobody_exposed(town, purge):
    person = full_file(town, GONE)
    make.save(
        CheckUp(
            employee_id=person.id, kind=CheckUpKind.LEAVING, done_on=GONE, written_at=NOW, replaced_at=NOW
        )
    )
    assert purge()["employee"] == 1


@pytest.mark.parametrize(
    ("hazards", "left", "days"),
    [
        ("", TODAY, (TODAY + 30 * DAY, TODAY + 730 * DAY)),
        ("噪声", date(2024, 2, 29), (date(2024, 3, 30), date(2054, 3, 1))),
        ("噪声", date(2026, 2, 28), (date(2026, 3, 30), date(2056, 2, 28))),
    ],
)
def test_the_days_that_an_enterprise_is_told_are_those_on_which_it_goes(town, purge, hazards, left, days):
    person = full_file(town, left, hazards=hazards)
    told = staff_retention.leaving(person, [], jobs.site.book.get(make.SCHEME).retention, left)
    assert (told.contact_on, told.file_on) == days
    for day, kind in zip(days, ("employee_contact", "employee"), strict=True):
        assert kind not in purge(noon(day - DAY))
        assert purge(noon(day))[kind] == 1


# --- of the enterprise ---


def test_the_contact_log_goes_after_two_years_and_what_corrects_it_stays(town, purge):
    by = make.account(town.district)
    batch = make.save(ContactBatch(place_id=town.park.id, by_id=by.id, written_at=NOW))
    facts = {
        "enterprise_id": town.tenant.id,
        "by_id": by.id,
        "written_at": NOW,
        "way": Way.PHONE,
        "about": About.NOTICE,
    }
    old = make.save(Contact(at=noon(TODAY - 730 * DAY), batch_id=batch.id, **facts))
    new = make.save(Contact(at=noon(TODAY - 729 * DAY), corrects_id=old.id, **facts))
    assert purge() == {"contact": 1}
    assert [(one.id, one.corrects_id) for one in db.session.scalars(select(Contact))] == [(new.id, None)]
    assert count(ContactBatch) == 0
    (record,) = records()
    assert record.from_on == TODAY - 730 * DAY


def test_a_plan_goes_three_years_after_its_year_with_what_shows_that_it_was_kept(app, town, purge):
    by = make.account(town.district)
    vault = app.extensions["site"].vault
    file = StoredFile.keep(db.session(), vault, FileKind.PDF, b"%PDF-1 %%EOF", now=NOW)
    make.save(file)
    plans = {}
    for year in (2022, 2023):
        plan = make.save(Plan(enterprise_id=town.tenant.id, year=year, made_at=NOW, made_by_id=by.id))
        activity = make.save(
            Activity(plan_id=plan.id, kind=ActivityKind.DRILL, title="演练", starts_on=date(year, 3, 1),
                     ends_on=date(year, 3, 2), responsible="林", target="")
        )  # fmt: skip
        make.save(
            Evidence(activity_id=activity.id, number=1, file_id=file.id, added_at=NOW, added_by_id=by.id),
            PlanChange(plan_id=plan.id, words="改了日期", at=NOW, by_id=by.id),
        )
        plans[year] = plan.id
    assert purge() == {"plan": 1}
    assert db.session.scalars(select(Plan.year)).all() == [2023]
    assert [count(kind) for kind in (Activity, PlanChange, Evidence, StoredFile)] == [1, 1, 1, 1]
    assert purge(noon(date(2027, 1, 1))) == {"plan": 1}
    assert [count(kind) for kind in (Activity, PlanChange, Evidence, StoredFile)] == [0, 0, 0, 0]


def test_reminders_and_lines_of_imports_are_cleared_away(town, tick):
    from models import chores

    by = make.account(town.district)
    for days in (31, 29):
        make.save(HealthReminder(enterprise_id=town.tenant.id, at=NOW - days * DAY, people=3))
    for days, state in ((181, BatchState.DONE), (181, BatchState.APPLYING), (179, BatchState.DONE)):
        made = make.save(
            Batch(kind=BatchKind.EMPLOYEES, enterprise_id=town.tenant.id, file_name="名单.xlsx", by_id=by.id,
                  by_name=by.name, at=NOW - days * DAY, state=state)
        )  # fmt: skip
        make.save(
            BatchPart(batch_id=made.id, number=0, news=0, changes=0, sames=0, errors=0, doubts=0, rows=b"")
        )
    db.session.rollback()
    chores.clear_away(tick())
    assert (count(HealthReminder), count(Batch), count(BatchPart)) == (1, 2, 2)


# --- districts, records, interruption ---


def test_districts_are_apart(town, person, purge):
    elsewhere = make.district("鹭洲区", "luzhou")
    make.adopt(elsewhere, make.LATER_SCHEME)
    street = make.save(make.Street(district_id=elsewhere.id, name="鹭洲街道"))
    there = make.employee(make.enterprise(street), "秦远")
    hold(town, TODAY - 100 * DAY, TODAY)
    entry(person, DUE)
    entry(there, DUE, scheme=make.LATER_SCHEME)
    assert purge() == {"health_entry": 1}
    assert [record.district_id for record in records()] == [elsewhere.id]


def test_the_record_says_what_went_and_the_audit_has_a_line_for_each_kind(
    town, person, purge, tmp_path, monkeypatch
):
    monkeypatch.setattr(destruction, "BATCH", 2)
    gone = [entry(person, DUE - back * DAY) for back in range(5)]
    ids = [one.id for one in sorted(gone, key=lambda one: one.work_on)]
    facts = {"employee_id": person.id, "written_at": NOW}
    make.save(Travel(from_on=DUE, until_on=DUE, place="昆明", **facts))
    assert purge() == {"health_entry": 5, "travel": 1}
    first, second = records()
    assert (first.kind, first.number, first.from_on, first.to_on) == ("health_entry", 5, DUE - 4 * DAY, DUE)
    names = b"".join(f"health_entry {number}".encode() for number in ids)
    assert first.digest == hashlib.sha256(names).digest()
    assert "每日健康保存30天，因病的从恢复那天起算" in first.rule and "旅居在返回30天后销毁" in second.rule
    lines = db.session.scalars(select(AuditLine).order_by(AuditLine.id)).all()
    assert [(one.action, json.loads(one.details)["kind"]) for one in lines] == [
        ("retention:purge", "health_entry"), ("retention:purge", "travel"),
    ]  # fmt: skip
    log = (tmp_path / "destruction.log").read_text()
    assert person.name not in log and "昆明" not in log
    assert purge() == {} and (tmp_path / "destruction.log").read_text() == log


def test_an_interruption_leaves_a_true_record_and_the_next_run_does_the_rest(person, purge, monkeypatch):
    monkeypatch.setattr(destruction, "BATCH", 2)
    for back in range(5):
        entry(person, DUE - back * DAY)
    kinds = {one.key: one for one in staff_retention.KINDS}
    calls = []

    def pulled_out(session, rows, now):
        kinds["health_entry"].go(session, rows, now)
        calls.append(rows)
        if len(calls) == 2:
            raise KeyboardInterrupt

    broken = tuple(
        replace(one, go=pulled_out) if one.key == "health_entry" else one for one in staff_retention.KINDS
    )
    with monkeypatch.context() as patched:
        patched.setattr(staff_retention, "KINDS", broken)
        with pytest.raises(KeyboardInterrupt):
            purge()
    assert (count(HealthEntry), count(HealthDaySum)) == (3, 2)
    assert [(one.kind, one.number) for one in records()] == [("health_entry", 2)]
    assert purge() == {"health_entry": 3}
    assert [one.number for one in records()] == [2, 3]
    assert (count(AuditLine), count(HealthDaySum)) == (2, 5)


@pytest.mark.parametrize("kind", [one.key for one in staff_retention.KINDS])
def test_each_kind_stops_between_batches_and_goes_on(town, purge, monkeypatch, kind):
    """Three of each that is due, one to a batch; interrupted in the second."""
    fill(town, 3)
    kinds = {one.key: one for one in staff_retention.KINDS}
    monkeypatch.setattr(destruction, "BATCH", 1)
    calls = []

    def pulled_out(session, rows, now):
        kinds[kind].go(session, rows, now)
        calls.append(rows)
        if len(calls) == 2:
            raise KeyboardInterrupt

    broken = tuple(replace(one, go=pulled_out) if one.key == kind else one for one in staff_retention.KINDS)
    with monkeypatch.context() as patched:
        patched.setattr(staff_retention, "KINDS", broken)
        with pytest.raises(KeyboardInterrupt):
            purge()
    assert [one.number for one in records() if one.kind == kind] == [1]
    assert purge()[kind] == 2
    assert [one.number for one in records() if one.kind == kind] == [1, 2]
    assert purge() == {}


def fill(town, number: int) -> None:
    """Of every kind so many that are due."""
    by = make.account(town.district)
    for n in range(number):
        case(entry(make.employee(town.tenant, f"工{n}"), TODAY - 50 * DAY, FEVER), back=TODAY - 45 * DAY)
        facts = {"employee_id": full_file(town, GONE - n * DAY).id, "written_at": NOW}
        make.save(Travel(from_on=DUE, until_on=DUE, place="昆明", **facts))
        _ended_clusters(town, by)
        _ended_closure(town, by)
        _ended_letter(town, by, 2019 + n)
        make.save(
            Contact(enterprise_id=town.tenant.id, by_id=by.id, at=noon(GONE), written_at=NOW, way=Way.PHONE,
                    about=About.NOTICE),
            Plan(enterprise_id=town.tenant.id, year=2020 + n, made_at=NOW, made_by_id=by.id),
        )  # fmt: skip


def _ended_letter(town, by, year: int) -> Letter:
    """A letter of a year, signed by an authority that ended with it."""
    vault = jobs.site.vault
    letter = make.letter(town.tenant, by, starts_on=date(year, 1, 1), ends_on=date(year, 12, 31))
    filed = make.may_sign(by, town.tenant, by)
    filed.until_on = letter.ends_on
    signer = Signer(by.name, Capacity.REPRESENTATIVE, Verified.PASSWORD, by.id, "", "", signer_id=filed.id)
    signatures.sign(db.session(), vault, letter, signer, Mark(SignedWay.TYPED), now=noon(date(year, 1, 5)))
    db.session.commit()
    return letter


def _ended_clusters(town, by) -> ClusterReport:
    """A report that ended with words in it, and a false alarm, both long ago."""
    alert = make.cluster_alert(town)
    alert.raised_at = noon(DUE)
    alert.dismiss("体温枪受冷", now=noon(DUE), by=by)
    report = make.cluster_report(town, text="同一食堂")
    report.noticed_at = report.reported_at = noon(DUE)
    for kind, told in (
        (StepOfCluster.ACCEPTED, {}), (StepOfCluster.VERIFIED, {"people": 2, "text": "看过"}),
        (StepOfCluster.CLOSED, {"text": "没有聚集", "conclusion": Conclusion.SPORADIC}),
    ):  # fmt: skip
        report.take(kind, now=noon(DUE), by=by, post=Post.SPECIALIST, **told)
    return make.save(report)


def _ended_closure(town, by) -> Closure:
    return make.save(
        Closure(
            enterprise_id=town.tenant.id, first_on=GONE, last_on=GONE, staff=3, contact_id=by.id, reason="设备检修",
            declared_at=noon(GONE), declared_by_id=by.id, changed_at=noon(GONE), objected_at=noon(GONE), objected_by_id=by.id,
            objection="车间还在生产",
        )
    )  # fmt: skip


def test_the_words_of_an_old_closure_go_and_its_days_and_numbers_stay(town, purge):
    one = _ended_closure(town, make.account(town.district))
    assert purge() == {"closure": 1}
    db.session.refresh(one)
    assert (one.reason, one.objection, one.staff, one.last_on) == (None, None, 3, GONE)
    assert purge() == {}


def test_the_words_of_an_ended_report_go_and_its_numbers_and_times_stay(town, purge):
    report = _ended_clusters(town, make.account(town.district))
    linked = case(entry(make.employee(town.tenant), TODAY - 50 * DAY, FEVER), back=TODAY - 45 * DAY)
    make.save(ClusterPerson(report_id=report.id, follow_up_id=linked.id))
    waiting = make.cluster_report(town, text="还没有结束")
    assert purge() == {"follow_up": 1, "health_entry": 1, "cluster_report": 1, "cluster_alert": 1}
    one = db.session.get(ClusterReport, report.id)
    assert (one.text, one.people, one.conclusion) == (None, 2, Conclusion.SPORADIC)
    assert [step.text for step in one.steps] == [None] * 3
    assert db.session.get(ClusterReport, waiting.id).text == "还没有结束"
    assert purge() == {}


def test_the_words_of_a_report_within_a_hold_stay(town, purge):
    _ended_clusters(town, make.account(town.district))
    hold(town, DUE, DUE, place=town.park)
    assert purge() == {}


def test_every_kind_is_in_words_and_all_of_them_go_in_one_run(town, purge):
    fill(town, 1)
    assert set(purge()) == {one.key for one in staff_retention.KINDS} == set(destruction.KINDS) - {
        destruction.CHECK_INS, destruction.PAPER,
    }  # fmt: skip


def test_a_dry_run_says_how_much_of_each_and_changes_nothing(app, town):
    fill(town, 1)
    before = count(HealthEntry), count(Employee)
    db.session.rollback()
    answer = app.test_cli_runner().invoke(args=["purge", "--dry-run"])
    assert answer.exit_code == 0, answer.output
    assert "会销毁健康跟进1件、每日健康1条" in answer.output and "年度计划1份" in answer.output
    assert "离职档案1人" in answer.output  # with what hangs on it now, and goes before it
    assert (count(HealthEntry), count(Employee)) == before and records() == []
    answer = app.test_cli_runner().invoke(args=["purge"])
    assert "销毁每日健康1条" in answer.output and "销毁离职档案1人" in answer.output


def test_a_dry_run_says_of_every_kind_what_the_run_then_destroys(town, tick, purge):
    fill(town, 3)
    stays = full_file(town, GONE - 9 * DAY)  # with something on it that stays
    make.save(Travel(employee_id=stays.id, written_at=NOW, from_on=DUE, until_on=DUE, place="昆明"))
    kept_case = entry(stays, KEPT, FEVER)
    case(kept_case, back=KEPT)
    person = town.officer(Post.GATE_GUARD)
    make.check_in(town.gate, NOW - 40 * DAY)
    make.save(PaperSheet(gate_id=town.gate.id, number="ZZZZ22", used_on=TODAY - 40 * DAY, rows=20,
                         printed_at=NOW, printed_by_id=person.id))  # fmt: skip
    with tick().looking() as session:
        (plan,) = destruction.plans_of(session, tick())
        said = destruction.all_due(session, plan)
    assert said == purge() and len(said) == len(destruction.KINDS)


def test_what_is_looked_for_ahead_is_gone_through_to_the_end(town, purge, monkeypatch):
    monkeypatch.setattr(destruction, "AHEAD", 4)
    monkeypatch.setattr(destruction, "BATCH", 3)
    person = make.employee(town.tenant)
    for back in range(30, 41):
        entry(person, TODAY - back * DAY)
    assert purge() == {"health_entry": 11}


# --- holds ---


def test_a_hold_keeps_exactly_what_lies_in_its_days(town, person, purge):
    for back in (33, 32, 31, 30):
        entry(person, TODAY - back * DAY)
    facts = {"employee_id": person.id, "written_at": NOW}
    make.save(
        Travel(from_on=TODAY - 50 * DAY, until_on=TODAY - 32 * DAY, place="昆明", **facts),
        Travel(from_on=TODAY - 50 * DAY, until_on=TODAY - 33 * DAY, place="昆明", **facts),
        Absence(kind=AbsenceKind.LEAVE, from_on=TODAY - 31 * DAY, until_on=TODAY - 30 * DAY, **facts),
        Absence(kind=AbsenceKind.TRIP, from_on=TODAY - 30 * DAY, until_on=TODAY - 30 * DAY, **facts),
    )
    make.save(Travel(from_on=TODAY - 500 * DAY, place="河内", overseas=True, **facts))  # who knows until when
    hold(town, TODAY - 32 * DAY, TODAY - 31 * DAY)
    assert purge() == {"health_entry": 2, "travel": 1, "absence": 1}
    assert {TODAY - on for on in db.session.scalars(select(HealthEntry.work_on))} == {31 * DAY, 32 * DAY}


def test_a_hold_of_a_place_keeps_what_enterprises_keep_that_sat_there_then(town, purge):
    seat = town.tenant.premises[0]
    seat.from_at, seat.until_at = noon(DUE - 10 * DAY), noon(DUE)
    elsewhere = make.enterprise(town.street, at=town.other)
    for firm in (town.tenant, elsewhere):
        entry(make.employee(firm), DUE)
    held = hold(town, DUE, DUE, place=town.park)
    assert purge() == {"health_entry": 1}
    assert db.session.scalars(select(HealthEntry.enterprise_id)).all() == [town.tenant.id]
    held = db.session.get(Hold, held.id)
    held.from_on = held.to_on = DUE + DAY  # it had moved out by then
    db.session.commit()
    assert purge() == {"health_entry": 1}


def test_a_held_case_stays_with_its_entries_and_goes_when_the_hold_is_lifted(town, person, purge):
    case(entry(person, TODAY - 60 * DAY, FEVER), back=TODAY - 50 * DAY)
    held = hold(town, TODAY - 55 * DAY, TODAY - 55 * DAY)
    assert purge() == {}
    held = db.session.get(Hold, held.id)
    held.lift(now=NOW, by_id=held.made_by_id)
    db.session.commit()
    assert purge() == {"follow_up": 1, "health_entry": 1}


def test_a_hold_keeps_the_file_of_who_was_at_work_then_and_the_log_and_plan_of_its_days(town, purge):
    full_file(town, GONE)
    by = make.account(town.district)
    make.save(
        Contact(enterprise_id=town.tenant.id, by_id=by.id, at=noon(GONE), written_at=NOW, way=Way.PHONE,
                about=About.NOTICE),
        Plan(enterprise_id=town.tenant.id, year=2022, made_at=NOW, made_by_id=by.id),
    )  # fmt: skip
    held = hold(town, date(2022, 5, 1), GONE)
    assert purge() == {}
    held = db.session.get(Hold, held.id)
    held.lift(now=NOW, by_id=held.made_by_id)
    db.session.commit()
    assert purge() == {
        "absence": 1,
        "vaccination": 1, "check_up": 1, "employee_contact": 1, "employee": 1, "contact": 1, "plan": 1,
    }  # fmt: skip


# --- a restored backup ---


TABLES = [
    kind.__table__
    for kind in (
        Employee, HealthEntry, FollowUp, FollowUpStep, Absence, Travel, Vaccination, CheckUp, Contact, Plan, ClusterAlert,
        ClusterReport, ClusterStep, Closure, LetterSigner, Letter, LetterSignature,
    )
]  # fmt: skip


def test_what_had_been_destroyed_does_not_come_back_with_a_backup(town, purge, tick, tmp_path):
    """The rows as they were stand in for the backup."""
    fill(town, 2)
    stays = entry(make.employee(town.tenant, "柳岸"), KEPT)
    db.session.rollback()
    backup = {table: [dict(row._mapping) for row in db.session.execute(select(table))] for table in TABLES}
    done = purge()
    before = {(r.at, r.kind, r.number, r.digest) for r in records()}
    _put_back(backup)
    hold(town, TODAY - 5000 * DAY, TODAY)  # made after the backup: too late for what was destroyed
    log = tmp_path / "destruction.log"
    again = {one.kind: one.number for one in destruction.replay(tick(NOW + DAY), [log])}
    assert again == done
    assert [one.id for one in db.session.scalars(select(HealthEntry))] == [stays.id]
    assert before <= {(r.at, r.kind, r.number, r.digest) for r in records()}
    assert "恢复备份以后重新销毁" in records()[-1].rule or any("恢复备份" in r.rule for r in records())
    assert destruction.replay(tick(NOW + DAY), [log]) == []


def test_what_was_held_then_stays_when_the_log_is_replayed(town, person, purge, tick, tmp_path):
    entry(person, DUE)
    entry(person, DUE - DAY)
    hold(town, DUE, DUE)
    purge()
    db.session.execute(text("DELETE FROM hold"))
    db.session.commit()
    assert destruction.replay(tick(), [tmp_path / "destruction.log"]) == []
    assert db.session.scalars(select(HealthEntry.work_on)).all() == [DUE]


def test_a_log_that_is_older_than_these_rules_destroys_nothing_of_the_enterprises(
    app, town, person, tick, tmp_path
):
    entry(person, DUE)
    plan = plan_of(db.session(), app.extensions["site"].book, town.district.id, TODAY)
    line = destruction.plan_line(plan, NOW)
    assert destruction.plan_in(json.loads(json.dumps(line, default=str))).staff == plan.staff
    del line["staff"]
    destruction.write(tmp_path / "destruction.log", line)
    assert destruction.replay(tick(), [tmp_path / "destruction.log"]) == []
    assert count(HealthEntry) == 1


def _put_back(backup) -> None:
    db.session.rollback()
    for table in reversed(TABLES):
        db.session.execute(table.delete())
    db.session.execute(text("DELETE FROM destruction"))
    for table, rows in backup.items():
        if rows:
            db.session.execute(table.insert(), rows)
    db.session.commit()


def test_nothing_of_the_enterprise_areas_is_without_a_rule():
    """A new table with a person's number has to say how long it is kept."""
    ruled = {one.model.__tablename__ for one in staff_retention.KINDS}
    with_their_parent = {"health_entry_version", "follow_up_step", "contact_batch", "activity", "plan_change", "evidence",
                         "stored_file", "cluster_person", "cluster_step"}  # fmt: skip
    cleared_away = {"batch", "batch_part", "health_reminder"}
    nobody_in_them = {"health_day_sum", "health_link", "headcount", "team", "saved_filter"}
    of_the_office = {"enterprise_change", "portfolio_hand_over", "management_team", "paper_check"}
    known = ruled | with_their_parent | cleared_away | nobody_in_them | of_the_office
    of_employees = {
        table.name
        for table in Row.metadata.tables.values()
        if any(
            key.column.table.name in ("employee", "health_entry", "follow_up") for key in table.foreign_keys
        )
    }
    assert of_employees <= known


# --- letters ---


def test_a_letter_goes_three_years_after_its_end_with_all_that_shows_who_signed(app, town, purge):
    vault = app.extensions["site"].vault
    town.tenant.legal_representative = "沈望舒"
    officer, boss = (
        town.officer(Post.UNIT_LIAISON),
        town.officer(Post.CHIEF_HEALTH_OFFICER, name="沈望舒"),
    )
    made = []
    for ends_on in (date(2023, 11, 20), date(2023, 11, 21)):
        one = make.letter(town.tenant, officer, starts_on=date(2023, 1, len(made) + 1), ends_on=ends_on)
        filed = make.may_sign(boss, town.tenant, officer)
        filed.until_on = ends_on
        paper = StoredFile.keep(db.session(), vault, FileKind.PDF, f"%PDF- {ends_on}".encode(), now=NOW)
        db.session.flush()
        filed.paper_id = paper.id
        LetterLink.make(db.session(), vault, one, in_front=True, by=officer, now=NOW)
        signer = Signer(
            boss.name, Capacity.REPRESENTATIVE, Verified.PASSWORD, boss.id, "", "", signer_id=filed.id
        )
        signatures.sign(db.session(), vault, one, signer, Mark(SignedWay.TYPED), now=NOW)
        made.append(one.id)
    db.session.commit()
    db.session.execute(
        update(Letter).where(Letter.id == made[1]).values(replaces_id=made[0])
    )  # what refers to it stays
    db.session.commit()
    assert purge() == {"letter": 1, "letter_signer": 1}
    assert db.session.scalars(select(Letter.id)).all() == made[1:]
    assert [count(kind) for kind in (LetterSignature, LetterLink, LetterSigner, StoredFile)] == [1, 1, 1, 1]
    kept = records()
    assert {one.kind: one.rule for one in kept}["letter"].endswith("连同签名、存证、签署链接、PDF和扫描件")
    assert purge(NOW + DAY) == {"letter": 1, "letter_signer": 1}
    assert [count(kind) for kind in (LetterSignature, LetterLink, LetterSigner, StoredFile)] == [0, 0, 0, 0]


def test_a_letter_that_ended_early_goes_by_that_day_and_a_hold_keeps_it(town, purge):
    officer = town.officer(Post.UNIT_LIAISON)
    town.tenant.legal_representative = "沈望舒"
    one = make.letter(town.tenant, officer, starts_on=date(2023, 1, 1), ends_on=date(2025, 12, 31))
    one.void("重发", noon(date(2023, 11, 20)), by=officer)
    db.session.commit()
    held = hold(town, date(2023, 6, 1), date(2023, 6, 1))
    assert purge() == {}
    held.lift(now=NOW, by_id=officer.id)
    db.session.commit()
    assert purge() == {"letter": 1}
    (record,) = records()
    assert (record.kind, record.from_on) == ("letter", date(2023, 11, 20))


def test_when_the_newest_letter_has_gone_the_one_before_is_the_newest(town, purge):
    officer = town.officer(Post.UNIT_LIAISON)
    town.tenant.legal_representative = "沈望舒"
    longer = make.letter(town.tenant, officer, starts_on=date(2023, 1, 1), ends_on=date(2025, 12, 31))
    make.letter(town.tenant, officer, starts_on=date(2023, 2, 1), ends_on=date(2023, 11, 20))
    assert purge() == {"letter": 1}
    assert db.session.scalars(select(Letter.id).where(Letter.newest)).all() == [longer.id]


def test_a_letter_that_runs_stays(town, purge):
    town.tenant.legal_representative = "沈望舒"
    make.letter(
        town.tenant, town.officer(Post.UNIT_LIAISON), starts_on=date(2022, 1, 1), ends_on=date(2024, 12, 31)
    )
    assert purge() == {}
