"""Migrations and models say the same, on the way up and on the way down."""

from datetime import timedelta

from sqlalchemy import inspect, select, text

from blueprints.web import jobs
from models import chores, schema, standing, tracking
from models.access import Post
from models.accounts import Appointment
from models.base import db
from models.enterprises import Enterprise
from models.finding import found_by
from models.follow_ups import FollowUp, StepKind
from models.gate import CheckIn, Note, Outcome, StaffCheck
from models.health_entries import Report, Today
from models.letters import Letter
from models.obligations import Obligation
from models.reports import Source, alone, file
from models.saved_filters import SavedFilter
from tests import make
from tests.conftest import NOW


def test_the_migrated_database_is_what_the_models_say(app):
    assert schema.differences(db.engine) == []


def test_migrations_go_down_to_nothing_and_up_again(app):
    db.session.remove()
    schema.downgrade(db.engine, "base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    schema.upgrade(db.engine)
    assert schema.differences(db.engine) == []


def test_check_ins_live_through_the_cut_into_weeks_and_back(app, town):
    """Rows of several weeks with a note and a reading on them, down to the first shape and up again."""
    person = town.officer(Post.GATE_GUARD)
    entries = [
        make.check_in(town.gate, NOW - timedelta(days=days), name=f"访客{days}") for days in (0, 9, 40)
    ]
    make.save(Note(check_in_id=entries[1].id, outcome=Outcome.GONE, text=None, at=NOW, by_id=person.id))
    before = [(e.id, e.nonce, e.day, e.name) for e in entries]
    db.session.remove()
    schema.downgrade(db.engine, "0001")
    schema.upgrade(db.engine)
    rows = db.session.scalars(select(CheckIn).order_by(CheckIn.id)).all()
    assert [(e.id, e.nonce, e.day, e.name) for e in rows] == before
    assert [len(e.notes) for e in rows] == [0, 1, 0]
    db.session.rollback()
    assert make.check_in(town.gate, NOW, name="下一位").id == before[-1][0] + 1
    assert schema.differences(db.engine) == []


def test_appointments_live_through_the_coming_of_positions_and_back(app, town):
    person = town.officer(Post.HEALTH_MANAGER)
    person.appointments[0].position = "行政主管"
    db.session.commit()
    before = [(a.id, a.account_id, a.post, a.starts_on, a.ends_on) for a in person.appointments]
    db.session.remove()
    schema.downgrade(db.engine, "0003")
    schema.upgrade(db.engine)
    rows = db.session.scalars(select(Appointment)).all()
    assert [(a.id, a.account_id, a.post, a.starts_on, a.ends_on) for a in rows] == before
    assert [a.position for a in rows] == [""]


def test_a_head_count_on_file_begins_a_history_and_survives_the_way_down(app, town):
    make.enterprise(town.street, "人数未填的店", headcount=None)
    counted = "SELECT enterprise_id, number FROM headcount"
    db.session.remove()
    schema.downgrade(db.engine, "0003")
    schema.upgrade(db.engine)
    with db.engine.connect() as connection:
        assert connection.execute(text(counted)).all() == [(1, 112)]
    assert db.session.get(Enterprise, 1).address == ""
    assert schema.differences(db.engine) == []


def test_enterprises_live_through_the_coming_of_standings_and_back(app, town):
    before = db.session.execute(select(Enterprise.id, Enterprise.name, Enterprise.headcount)).all()
    db.session.remove()
    schema.downgrade(db.engine, "0010")
    schema.upgrade(db.engine)
    assert db.session.execute(select(Enterprise.id, Enterprise.name, Enterprise.headcount)).all() == before
    assert not standing.known(db.session(), NOW.date())
    db.session.rollback()
    chores.know_standings(jobs.tick_now())
    assert standing.known(db.session(), NOW.date())
    assert db.session.scalars(select(Enterprise.id).where(*found_by(db.session(), "青禾"))).all() == [
        town.tenant.id
    ]


def test_check_ins_and_saved_filters_live_through_the_coming_of_staff_at_the_gate_and_back(app, town):
    person = town.officer(Post.UNIT_LIAISON)
    make.check_in(town.gate, NOW, staff=StaffCheck.SETTLED)
    make.save(SavedFilter(account_id=person.id, list="enterprises", name="缺岗位", query="lack=posts"))
    db.session.remove()
    schema.downgrade(db.engine, "0010")
    schema.upgrade(db.engine)
    assert [row.staff for row in db.session.scalars(select(CheckIn))] == [None]
    kept = db.session.scalars(select(SavedFilter)).all()
    assert [(one.name, one.handed_by, one.from_on, one.until_on) for one in kept] == [
        ("缺岗位", "", None, None)
    ]
    assert schema.differences(db.engine) == []


def test_reports_are_added_up_when_the_roll_up_comes_and_survive_the_way_down(app, town):
    make.enterprise(town.street, "远山软件", at=town.other)
    jobs.tick()
    db.session.rollback()
    one = alone(db.session(), db.session.scalars(select(Obligation).order_by(Obligation.id)).first())
    file(
        db.session(), one, {"expected": 9, "present": 9, "fever": 0}, archive={}, comments={}, source=Source.ZERO, key="zero", seen=0,
        reason="", now=NOW, by=town.officer(Post.HEALTH_MANAGER),
    )  # fmt: skip
    db.session.commit()
    ground = tracking.Ground(town.district.id, {})
    ((span, before),) = tracking.history(db.session(), ground, NOW.date() + timedelta(days=9))
    places = tracking.divided(db.session(), ground, span, tracking.By.PLACE)
    assert (before.expected, before.received, before.zero, before.zero_at_due) == (2, 1, 1, 1)
    db.session.remove()
    schema.downgrade(db.engine, "0016")
    schema.upgrade(db.engine)
    assert tracking.total(db.session(), ground, span) == before
    assert tracking.divided(db.session(), ground, span, tracking.By.PLACE) == places
    assert tracking.counted_anew(db.session(), ground, span)[0] == before
    assert schema.differences(db.engine) == []


def test_a_case_lives_through_the_coming_of_diseases_and_back(app, town):
    _entry, case = make.health_entry(make.employee(town.tenant), Report(Today.UNWELL, symptoms=("rash",)))
    case.take(StepKind.RESULT, text="观察", now=NOW, by_id=None)
    db.session.commit()
    number = case.id
    db.session.remove()
    schema.downgrade(db.engine, "0022")
    schema.upgrade(db.engine)
    again = db.session.get(FollowUp, number)
    assert (again.result, again.disease, again.diagnosed_at, again.ask_again_at) == ("观察", None, None, None)
    assert schema.differences(db.engine) == []


def test_letters_live_through_the_coming_of_the_newest_and_back(app, town):
    """Several of a firm, a void one last, a superseded one last, letters of places, a firm whose only one is void."""
    officer, days = town.officer(Post.UNIT_LIAISON), iter(range(1, 28))

    def sent(firm, **facts):
        return make.letter(firm, officer, starts_on=NOW.date() + timedelta(days=next(days)), **facts)

    firms = [make.enterprise(town.street, f"第{n}家", legal_representative="许安") for n in range(4)]
    _, later = (sent(firms[0]) for _ in range(2))
    stays, void = (sent(firms[1]) for _ in range(2))
    _, ended = (sent(firms[2]) for _ in range(2))
    alone = sent(firms[3])
    park, other = ({"kind": "park_operator", "place": one} for one in (town.park, town.other))
    _, of_park = (sent(firms[0], **park) for _ in range(2))
    of_other, spoilt = (sent(firms[0], **other) for _ in range(2))
    for one in (void, alone, spoilt):
        one.void("写错", NOW, by=officer)
    ended.supersede("法定代表人变更", NOW)
    db.session.commit()
    expected = sorted(one.id for one in (later, stays, ended, of_park, of_other))
    newest = select(Letter.id).where(Letter.newest).order_by(Letter.id)
    assert db.session.scalars(newest).all() == expected
    db.session.remove()
    schema.downgrade(db.engine, "0024")
    schema.upgrade(db.engine)
    assert db.session.scalars(newest).all() == expected
    assert schema.differences(db.engine) == []
