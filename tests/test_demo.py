"""The demo: a believable town that keeps every rule of the real one, and holds nobody real."""

import itertools
import json
from dataclasses import astuple, replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, union_all

from models import audit, demo, identifiers, register
from models.access import Post
from models.accounts import Account, Appointment
from models.base import db, local
from models.closures import Closure
from models.cluster_alerts import ClusterAlert
from models.clusters import JUDGED, ClusterReport, Conclusion
from models.demo import people
from models.devices import GateDevice
from models.enterprises import Enterprise, Premises
from models.follow_ups import FollowUp, StepKind
from models.gate import CheckIn, Departure, Kind, Note, Reading
from models.gateview import mode_at
from models.inbox import Message
from models.judging import Verdict, judge
from models.keeping import DaySum, Destruction, Hold
from models.letters import Letter, LetterState
from models.obligations import Obligation, Review, Status, status
from models.passwords import password_matches
from models.places import (
    Adoption,
    Clinic,
    Community,
    District,
    Gate,
    GateCode,
    ModeOrder,
    Place,
    PlaceKind,
    Street,
    Unit,
)
from models.policy.schema import Mode
from models.reminders import STEPS, Reminder, Step, waiting
from models.report_facts import facts_of
from models.report_reading import read
from models.reports import ReportReview, ReportVersion, past_of
from models.symptom_weeks import Level, Measured, SymptomWeek, curves
from models.unit_reports import UnitReport
from models.visits import inside_now
from tests import make
from tests.conftest import NOW, _empty


@pytest.fixture(scope="module")
def town_of_three_days(migrated_app, database):
    """Loaded once: the tests here only look. Wednesday, Thursday, and Friday until 09:41."""
    site = migrated_app.extensions["site"]
    migrated_app.extensions["site"] = replace(site, now=lambda: NOW)
    with migrated_app.app_context():
        _empty(database)
        site.gates.forget()
        demo.load(db.session(), site.book, site.vault, NOW, days=3)
        db.session.commit()
        db.session.remove()
    yield migrated_app
    migrated_app.extensions["site"] = site


@pytest.fixture
def loaded(town_of_three_days):
    with town_of_three_days.app_context():
        yield town_of_three_days
        db.session.remove()


def main():
    return db.session.scalar(select(District).where(District.slug == "yunxi"))


def count(column, *conditions):
    return db.session.scalar(select(func.count(column)).where(*conditions))


# --- the town ---


def test_the_main_district_has_the_streets_places_gates_and_firms_it_is_said_to_have(loaded):
    here = main()
    assert count(Street.id, Street.district_id == here.id) == 3
    assert count(Community.id, Community.street_id == Street.id, Street.district_id == here.id) == 6
    assert count(Place.id, Place.district_id == here.id, Place.kind == PlaceKind.PARK) == 4
    assert count(Place.id, Place.district_id == here.id, Place.kind == PlaceKind.BUILDING) == 12
    assert count(Gate.id, Gate.place_id == Place.id, Place.district_id == here.id) == 40
    assert count(Enterprise.id, Enterprise.district_id == here.id, Enterprise.closed_at.is_(None)) == 60


def test_each_district_follows_its_own_scheme(loaded):
    client = loaded.test_client()
    answers = {
        slug: client.get(urlsplit(gate["url"]).path).get_data(as_text=True)
        for slug, gate in (("yunxi", gates()[0]), ("luzhou", gates()[-1]))
    }
    assert 'name="temperature"' in answers["yunxi"]
    assert 'name="temperature"' not in answers["luzhou"]
    assert 'name="purpose"' in answers["luzhou"]


def gates():
    return demo.summary(db.session(), "http://127.0.0.1:8000")["gates"]


def test_every_district_says_that_it_is_a_demo(loaded):
    assert set(db.session.scalars(select(District.is_demo))) == {True}


def test_every_credit_code_is_right_and_of_an_organ_that_does_not_exist(loaded):
    for code in db.session.scalars(union_all(select(Enterprise.credit_code), select(Unit.credit_code))):
        assert identifiers.credit_code(code) == code
        assert identifiers.credit_code_warning(code) is None
        assert code[2:4] == "99"


def test_head_counts_stand_at_the_edges_of_every_staffing_band(loaded):
    counts = set(db.session.scalars(select(Enterprise.headcount)))
    assert {12, 29, 30, 200, 201, 399, 400, 1000, 1036, None} <= counts


def test_every_firm_sits_somewhere_and_can_be_found_by_its_initials(loaded):
    assert count(Enterprise.id, ~Enterprise.id.in_(select(Premises.enterprise_id))) == 0
    initials = dict(db.session.execute(select(Enterprise.short_name, Enterprise.initials)).all())
    assert initials["青禾生物"] == "qhsw"
    assert all(value.isascii() and value.isalnum() for value in initials.values())


def test_two_places_of_the_main_district_have_no_specialist(loaded):
    serving = Appointment.serving(local(NOW).date())
    looked_after = select(Appointment.scope_id).where(Appointment.post == Post.SPECIALIST, serving)
    alone = db.session.scalars(
        select(Place.name).where(Place.district_id == main().id, Place.id.not_in(looked_after))
    )
    assert set(alone) == {"石桥路创业楼", "工坊里文创楼"}


def test_nobody_can_be_called_by_any_number_in_it(loaded):
    site = loaded.extensions["site"]
    rows = db.session.scalars(select(CheckIn.mobile).where(CheckIn.mobile.is_not(None)).limit(500))
    mobiles = [site.vault.unseal(sealed, CheckIn.MOBILE) for sealed in rows]
    mobiles += db.session.scalars(select(Account.mobile))
    assert len(mobiles) > 550
    for mobile in mobiles:
        assert identifiers.mobile_needs_confirming(identifiers.mobile(mobile))
    phones = [
        *db.session.scalars(select(Place.phone)),
        *db.session.scalars(select(Clinic.phone)),
        *db.session.scalars(select(District.hotline)),
        *db.session.scalars(select(Unit.phone)),
        *filter(None, db.session.scalars(select(Enterprise.phone))),
    ]
    assert all(phone.startswith("0000-") for phone in phones)


def test_a_gate_is_out_of_use_and_an_old_poster_still_says_what_it_was(loaded):
    paused = db.session.scalars(select(Gate).where(Gate.paused_at.is_not(None))).all()
    assert [gate.place.name + gate.name for gate in paused] == ["云溪商务大厦货运口"]
    old = db.session.scalars(select(GateCode).where(GateCode.revoked_at.is_not(None))).all()
    assert {code.gate.name for code in old} == {"东门2号口"}
    assert loaded.test_client().get(f"/g/{old[0].code}").status_code == 410
    assert loaded.test_client().get(f"/g/{paused[0].code.code}").status_code == 503


def test_one_building_is_in_an_emergency_now_and_a_street_was_in_one(loaded):
    places = db.session.scalars(select(Place).where(Place.district_id == main().id)).all()
    assert [p.name for p in places if mode_at(db.session, p, NOW) == Mode.EMERGENCY] == ["桂湖智谷A座"]
    over = db.session.scalars(select(ModeOrder).where(ModeOrder.ended_at.is_not(None))).one()
    assert over.scope == "street"
    assert timedelta(days=3) < over.ended_at - over.starts_at < timedelta(days=4)


# --- the people ---


def test_every_post_has_somebody_who_can_sign_in(loaded):
    for post in Post:
        appointment = db.session.scalars(select(Appointment).where(Appointment.post == post)).first()
        assert appointment is not None, post
        assert appointment.holds(local(NOW).date())
        assert password_matches(appointment.account.password_hash, demo.PASSWORD)
        assert not appointment.account.must_change_password


def test_somebody_holds_three_posts(loaded):
    busy = db.session.scalars(select(Account).where(Account.username == "lianluo1")).one()
    assert [a.post for a in busy.appointments] == [
        Post.UNIT_LIAISON,
        Post.COMMUNITY_LIAISON,
        Post.TASK_FORCE,
    ]


def test_every_name_is_one_that_the_gate_takes_as_it_stands(loaded):
    names = {*db.session.scalars(select(CheckIn.name)), *db.session.scalars(select(Account.name))}
    assert {identifiers.person_name(name) for name in names} == names
    assert set(people.UNCOMMON) <= names


# --- the days ---


def test_today_goes_on_until_now_and_no_further(loaded):
    last = db.session.scalar(select(func.max(CheckIn.occurred_at)))
    assert NOW - timedelta(minutes=5) < last <= NOW
    for column in (CheckIn.handled_at, CheckIn.recheck_asked_at, Note.at, Reading.at):
        assert db.session.scalar(select(func.max(column))) <= NOW


def test_every_verdict_is_what_the_scheme_says_of_what_was_declared(loaded):
    site = loaded.extensions["site"]
    entries = db.session.scalars(select(CheckIn).order_by(CheckIn.id)).all()
    for entry in entries:
        policy = site.book.get(entry.scheme_key)
        declared = register.declared_by(site.vault, entry)
        judgement = judge(policy, policy.gate[Mode(entry.mode)], declared)
        earlier = tuple(reason for reason in entry.reason_list if reason[0] == "earlier")
        assert entry.reason_list == (*judgement.reasons, *earlier)
        expected = Verdict.ATTENTION if earlier and judgement.verdict == Verdict.PASS else judgement.verdict
        assert entry.verdict == expected
    assert {entry.verdict for entry in entries} == set(Verdict)


def test_emergency_rows_carry_sealed_answers_and_others_none(loaded):
    emergency = CheckIn.mode == Mode.EMERGENCY.value
    assert count(CheckIn.id, emergency) > 50
    assert count(CheckIn.id, emergency, CheckIn.answers.is_(None)) == 0
    assert count(CheckIn.id, ~emergency, CheckIn.answers.is_not(None)) == 0
    assert set(db.session.scalars(select(Place.name).join(CheckIn).where(emergency))) == {"桂湖智谷A座"}


def test_call_numbers_go_on_in_turn_over_a_place_and_day(loaded):
    numbers: dict[tuple, list[int]] = {}
    for entry in db.session.scalars(select(CheckIn).order_by(CheckIn.id)):
        numbers.setdefault((entry.place_id, entry.day), []).append(entry.call_number)
        here = local(entry.occurred_at)
        assert (entry.day, entry.hour) == (here.date(), here.hour)
    for turn in numbers.values():
        assert turn == [100 + i % 900 for i in range(len(turn))]


def test_there_is_something_of_everything_to_look_at(loaded):
    today = local(NOW).date()
    abnormal = CheckIn.verdict.in_([Verdict.REFUSED, Verdict.ATTENTION])
    assert set(db.session.scalars(select(CheckIn.kind))) == set(Kind)
    marks = ",".join(db.session.scalars(select(CheckIn.marks).where(CheckIn.marks != "")))
    assert {"out_of_hours", "elsewhere"} <= set(marks.split(","))
    assert count(CheckIn.id, abnormal, CheckIn.day == today, CheckIn.handled_at.is_(None)) >= 3
    assert count(CheckIn.id, abnormal, CheckIn.handled_at.is_not(None)) >= 5
    assert count(Reading.id) >= 10
    assert count(CheckIn.id, CheckIn.recorded_by_id.is_not(None)) >= 10
    assert count(CheckIn.id, CheckIn.earlier_id.is_not(None)) >= 1
    assert count(CheckIn.id, CheckIn.enterprise_id.is_not(None)) > count(CheckIn.id) / 2


def test_only_a_reading_lifts_a_refusal_and_only_people_of_the_place_act(loaded):
    for reading in db.session.scalars(select(Reading)):
        place = reading.check_in.place
        guarded = {a.scope_id for a in reading.by.appointments if a.post == Post.GATE_GUARD}
        assert guarded & {place.id, place.parent_id}
    for note in db.session.scalars(select(Note)):
        place = note.check_in.place
        watched = {a.scope_id for a in note.by.appointments if a.post == Post.SPECIALIST}
        assert watched & {place.id, place.parent_id}


def test_the_audit_chain_holds_and_says_that_the_demo_was_loaded(loaded):
    assert list(audit.broken_links(db.session())) == []
    assert set(db.session.scalars(select(audit.AuditLine.action))) == {"demo:load"}


# --- where it says one can go ---


def test_every_gate_of_the_json_opens(loaded):
    client = loaded.test_client()
    for gate in gates():
        answer = client.get(urlsplit(gate["url"]).path)
        assert answer.status_code == 200, gate
        assert gate["place"] in answer.get_data(as_text=True)


def test_everybody_arrives_where_the_json_says(loaded):
    told = json.loads(loaded.test_cli_runner().invoke(args=["demo", "--json"]).stdout)
    for one in told["accounts"]:
        person = db.session.scalars(select(Account).where(Account.username == one["username"])).one()
        answer = make.sign_in(loaded.test_client(), person).get(one["home"])
        assert answer.status_code == 200, one


def test_a_specialist_opens_the_place_of_the_json(loaded):
    told = demo.summary(db.session(), "http://127.0.0.1:8000")
    specialist = db.session.scalars(select(Account).where(Account.username == "zhuanyuan1")).one()
    client = make.sign_in(loaded.test_client(), specialist)
    own = next(place for place in told["places"] if place["name"] == "云溪软件园B区")
    other = next(place for place in told["places"] if place["name"] == "锦程国际中心")
    assert client.get(own["url"]).status_code == 200
    assert client.get(other["url"]).status_code == 404


# --- the shared phone


def test_the_main_gate_has_a_paired_phone_that_was_handed_over_twice(loaded):
    device = db.session.scalar(select(GateDevice))
    assert device.paired_at < NOW and device.revoked_at is None and device.gate.place.name == "云溪软件园B区"
    first, second = device.shifts
    assert first.ended_at == second.starts_at and second.ended_at <= NOW
    assert first.read_by_id == second.account_id and second.read_at is None
    assert all(turn.was_handed_over for turn in device.shifts)


def test_every_guard_of_the_demo_can_take_over_with_the_known_pin_and_the_json_says_nothing_of_it(loaded):
    guards = db.session.scalars(
        select(Account).join(Account.appointments).where(Appointment.post == Post.GATE_GUARD)
    ).all()
    assert guards and all(password_matches(guard.pin_hash, demo.PIN) for guard in guards)
    assert demo.PIN not in json.dumps(demo.summary(db.session(), ""))


# --- what is kept ---


def test_the_past_days_have_their_sums_and_today_has_none(loaded):
    today = local(NOW).date()
    days = set(db.session.scalars(select(DaySum.day)))
    assert days == {today - timedelta(days=2), today - timedelta(days=1)}
    entered = count(CheckIn.id, CheckIn.day.in_(days), CheckIn.counted())
    assert db.session.scalar(select(func.sum(DaySum.passed + DaySum.attention))) == entered


def test_there_are_records_of_what_was_destroyed_and_a_hold(loaded):
    records = db.session.scalars(select(Destruction).order_by(Destruction.at)).all()
    assert [(local(r.at).date() - r.from_on).days for r in records] == [30, 30, 30]
    assert all(local(r.at).hour == 0 and r.number > 100 and r.at < NOW for r in records)
    (hold,) = db.session.scalars(select(Hold))
    assert hold.days(local(NOW).date(), 90) is not None


# --- who is still inside ---


def test_the_visits_of_past_days_have_ended_and_this_morning_most_are_still_inside(loaded):
    open_visit = (CheckIn.kind == Kind.ENTRY, CheckIn.verdict == Verdict.PASS, CheckIn.left_at.is_(None))
    closing = select(Place.id).where(Place.closes.is_not(None))
    today = local(NOW).date()
    assert count(CheckIn.id, *open_visit, CheckIn.day < today, CheckIn.place_id.in_(closing)) == 0
    entered = count(
        CheckIn.id, CheckIn.kind == Kind.ENTRY, CheckIn.verdict == Verdict.PASS, CheckIn.day == today
    )
    inside = count(CheckIn.id, *open_visit, CheckIn.day == today)
    assert 0.6 * entered < inside < entered


def test_both_grades_of_presence_and_several_ways_of_leaving_are_to_be_seen(loaded):
    places = db.session.scalars(select(Place.id)).all()
    declared, confirmed = inside_now(db.session(), places)
    assert 0.2 * declared < confirmed < 0.9 * declared
    ways = set(db.session.scalars(select(CheckIn.left_how).distinct())) - {None}
    assert ways >= {Departure.SELF, Departure.GUARD, Departure.CLOSING}


def test_nobody_leaves_before_they_came_nor_later_than_now_nor_stays_in_two_places(loaded):
    assert count(CheckIn.id, CheckIn.left_at <= CheckIn.occurred_at) == 0
    assert count(CheckIn.id, CheckIn.left_at > NOW) == count(CheckIn.id, CheckIn.confirmed_at > NOW) == 0
    assert count(CheckIn.id, CheckIn.left_at.is_not(None), CheckIn.kind != Kind.ENTRY) == 0
    by_guard = CheckIn.left_how == Departure.GUARD
    assert count(CheckIn.id, by_guard, CheckIn.left_by_id.is_(None)) == 0
    inside = db.session.scalars(
        select(CheckIn).where(CheckIn.left_at.is_(None), CheckIn.mobile_index.is_not(None))
    )
    people = [row.mobile_index for row in inside if row.is_inside]
    assert len(people) == len(set(people))


# --- clusters ---


def test_one_alert_was_raised_handled_and_closed_and_one_report_is_still_open(loaded):
    alerts = db.session.scalars(select(ClusterAlert).where(ClusterAlert.district_id == main().id)).all()
    assert {one.standing for one in alerts} == {"解除", "误报", "已报疾控"}
    reports = db.session.scalars(select(ClusterReport)).all()
    assert {one.conclusion for one in reports} == {Conclusion.OVER, Conclusion.SPORADIC, None}
    assert {one.was_in_time for one in reports} == {True, False}
    assert all(
        step.by_id != one.reported_by_id for one in reports for step in one.steps if step.kind in JUDGED
    )
    assert all(NOW >= step.at >= one.reported_at for one in reports for step in one.steps)


def test_one_case_has_what_a_doctor_said_and_is_to_be_asked_again(loaded):
    (case,) = db.session.scalars(select(FollowUp).where(FollowUp.diagnosed_at.is_not(None)))
    assert case.disease == "dengue" and case.closed_at is None and case.ask_again_at > NOW
    assert [step.kind for step in case.steps][-2:] == [StepKind.REPORTED, StepKind.LOOKED_BACK]
    assert all(7 <= local(step.at).hour < 20 and step.at <= NOW for step in case.steps)


def test_a_street_lies_above_its_usual_and_the_district_has_a_curve(loaded):
    rule = loaded.extensions["site"].book.get(main_scheme()).clusters.curve
    within = SymptomWeek.district_id == main().id
    names = dict(db.session.execute(select(Street.id, Street.name)).all())
    found = curves(
        db.session(), within, Measured.ABSENCE, rule, local(NOW).date(), by=SymptomWeek.street_id, names=names
    )
    assert {one.name for one in found if one.level(one.settled) is Level.ABOVE} == {"桂湖街道"}


def main_scheme():
    return db.session.scalar(select(Adoption.scheme_key).where(Adoption.district_id == main().id))


# --- what enterprises owe in reports ---


def owed(*conditions):
    return db.session.scalars(
        select(Obligation)
        .join(Obligation.enterprise)
        .where(Enterprise.district_id == main().id, *conditions)
        .order_by(Obligation.enterprise_id, Obligation.first_on)
    ).all()


def test_every_day_of_three_weeks_is_reported_on_once_through_an_emergency_and_back(loaded):
    firms: dict[int, list[Obligation]] = {}
    for one in owed():
        firms.setdefault(one.enterprise_id, []).append(one)
    assert len(firms) == 60
    for periods in firms.values():
        assert periods[0].first_on <= local(NOW).date() - timedelta(days=21)
        assert periods[-1].last_on >= local(NOW).date()
        for before, after in itertools.pairwise(periods):
            assert after.first_on == before.last_on + timedelta(days=1)
    dailies = owed(Obligation.mode == Mode.EMERGENCY)
    street = db.session.scalars(select(Street.id).where(Street.name == "石桥街道")).one()
    there = {one.first_on for one in dailies if one.street_id == street}
    assert len(there) == 4 and max(there) < local(NOW).date() - timedelta(days=7)


def test_there_is_a_report_of_every_kind(loaded):
    everything = owed()
    found = {status(one, NOW) for one in everything}
    assert found >= {
        Status.OPEN, Status.ON_TIME, Status.LATE, Status.RETURNED, Status.EXCUSED, Status.MISSED, Status.OVERDUE,
    }  # fmt: skip
    assert {one.review for one in everything} == {None, Review.WAITING, Review.ACCEPTED, Review.RETURNED}
    assert any(one.changed_after_acceptance for one in everything)
    zero = [one for one in everything if one.zero]
    assert len(zero) > 20 and all(one.figures["fever"] == 0 for one in zero)
    late = [one for one in everything if one.unlocked_until is not None]
    assert [status(one, NOW) for one in late] == [Status.LATE]
    assert late[0].received_at > late[0].locks_at
    due = [one for one in everything if one.due_at < NOW]
    received = sum(one.received_at is not None for one in due)
    assert 0.6 * len(due) < received < 0.95 * len(due)
    versions = db.session.scalars(select(ReportVersion).where(ReportVersion.number == 2)).all()
    assert versions and all(one.reason for one in versions)


def test_what_was_returned_can_be_corrected_as_it_stands(loaded):
    """The numbers of a report fit what the archive knows: nobody is held up by a field that they did not touch."""
    site = loaded.extensions["site"]
    open_now = [one for one in owed() if one.version and one.takes(NOW)]
    assert any(one.review is Review.RETURNED for one in open_now)
    for one in open_now:
        policy = site.book.get(one.scheme_key)
        cadence, fields = policy.reporting[one.mode], policy.asked_in(one.mode)
        facts = facts_of(db.session(), one.enterprise, one, policy, site.book.days)
        typed = {key: str(number) for key, number in one.figures.items()}
        found = read(fields, cadence, typed, facts, past_of(db.session(), one, cadence.jump_reports))
        assert found.errors == {}, (one.enterprise.name, one.title)


def test_units_have_reported_upwards_and_one_has_yet_to(loaded):
    rows = db.session.scalars(select(UnitReport).order_by(UnitReport.last_on.desc(), UnitReport.id)).all()
    newest = [one for one in rows if one.span == rows[0].span]
    assert {one.verdict for one in newest} == {Review.ACCEPTED, Review.RETURNED, Review.WAITING}
    units = db.session.scalars(select(Unit.id).where(Unit.district_id == main().id)).all()
    assert {one.scope_id for one in newest} < set(units)
    assert {one.number for one in rows} == {1, 2}
    assert all(one.by_id != one.judged_by_id and one.at <= NOW for one in rows)


def test_no_report_breaks_a_rule_of_its_form(loaded):
    book = loaded.extensions["site"].book
    for version in db.session.scalars(select(ReportVersion)):
        one = version.obligation
        fields = book.get(one.scheme_key).asked_in(one.mode)
        assert set(version.numbers) == {field.key for field in fields}
        for field in fields:
            if field.at_most:
                assert version.numbers[field.key] <= version.numbers[field.at_most]
        assert one.opens_at <= version.at <= NOW
        assert one.figures == version.numbers or version.number < one.version


def test_a_firm_has_said_that_it_will_be_closed_and_its_week_is_due_after_that(loaded):
    closure = db.session.scalars(select(Closure)).one()
    assert closure.declared_at < NOW
    last = owed(Obligation.enterprise_id == closure.enterprise_id)[-1]
    assert local(last.due_at).date() > closure.last_on
    assert local(last.usual_due_at).date() == closure.last_on


def test_nobody_has_judged_what_they_filed(loaded):
    reviews = db.session.scalars(select(ReportReview)).all()
    assert reviews and all(one.by_id != one.version.by_id for one in reviews)
    assert all(one.version.at <= one.at <= NOW for one in reviews)


def test_the_ladder_has_nothing_to_catch_up_with(loaded):
    before = count(Reminder.id)
    assert before > 20
    assert set(db.session.scalars(select(Reminder.step))) == set(Step)
    for step in STEPS:
        assert list(db.session.scalars(waiting(step, NOW))) == []
    assert count(Message.id, Message.key.startswith("reminders:"), Message.read_at.is_(None)) > 0
    assert db.session.scalar(select(func.max(Message.sent_at))) <= NOW


def test_every_letter_names_both_sides_with_all_that_a_letter_has_to_say(loaded):
    letters = db.session.scalars(select(Letter)).all()
    assert len(letters) >= 50
    for one in letters:
        firm = replace(one.content.firm, phone="-")  # some firms have none on file
        for side in (one.content.unit, firm):
            assert all(astuple(side)), f"{one.number}: {side}"
    assert sum(bool(one.content.firm.phone) for one in letters) > len(letters) / 2
    assert not db.session.scalars(select(Enterprise).where(Enterprise.address.contains("号楼3号楼"))).all()


def test_a_letter_that_nobody_has_opened_lies_in_the_inbox_of_the_firm(loaded):
    """As its sending would have put it there; of what is signed or over, nothing is unread."""
    about = select(Message.key).where(Message.key.startswith("letter:"))
    told = set(db.session.scalars(about))
    unread = set(db.session.scalars(about.where(Message.read_at.is_(None))))
    states = {one.key: one.state for one in db.session.scalars(select(Letter))}
    sent = {key for key in told if states[key] is LetterState.SENT}
    assert sent and sent <= unread
    assert {states[key] for key in unread} <= {LetterState.SENT, LetterState.READ}
    assert len(told) > 30
