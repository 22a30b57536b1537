"""What is kept about an enterprise is what the rule says: under every scheme, after every kind of write, on every day."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import current_app
from sqlalchemy import create_engine, delete, select, update
from sqlalchemy.orm import Session

from blueprints.web import jobs
from models import chores, finding, standing
from models.access import ENTERPRISE_STAFF, Post
from models.accounts import Appointment
from models.base import db, to_write
from models.enterprise_closing import close_enterprise, reopen_enterprise
from models.enterprises import UNKNOWN, Enterprise, Premises
from models.finding import Words, found_by, spelt
from models.office import adoptions_of
from models.places import Adoption
from models.portfolio import Basis
from models.standing import DAY, Standing, Term, stands
from tests import make
from tests.conftest import NOW
from tests.reader import read

TODAY = date(2026, 11, 20)
HEADS = (None, 0, 1, 29, 30, 31, 200, 201, 399, 400, 600, 601, 1000, 1001, 1200, 5000)
FIRMS = Enterprise.__table__


def book():
    return current_app.extensions["site"].book


def kept(firm):
    db.session.rollback()
    return db.session.execute(
        select(FIRMS.c.lacking, FIRMS.c.deserted, FIRMS.c.known_until, FIRMS.c.heads).where(
            FIRMS.c.id == firm.id
        )
    ).one()


def by_rule(firm, today=TODAY):
    """The rule asked directly, of what stands in the database now."""
    db.session.rollback()
    db.session.expire_all()
    policy = book().in_force(adoptions_of(db.session(), firm.district_id), today)
    held = db.session.scalars(
        select(Appointment).where(Appointment.scope == "enterprise", Appointment.scope_id == firm.id)
    ).all()
    live = [one for one in held if one.ended_at is None and one.account.disabled_at is None]
    duty = policy.staffing.duty(firm.headcount) if policy else None
    serving = [one.post.value for one in live if one.starts_on <= today <= one.ends_on]
    missing = sum(max(n - serving.count(post), 0) for post, n in duty.required.items()) if duty else 0
    staff = [one for one in held if one.post in ENTERPRISE_STAFF]
    lacking = missing if missing else 0 if not firm.headcount else -1
    return lacking, bool(staff) and not any(one in live and one.ends_on >= today for one in staff)


def is_right(firm, today=TODAY):
    found = kept(firm)
    assert found.known_until >= today
    assert (found.lacking, found.deserted) == by_rule(firm, today)
    return True


@pytest.mark.parametrize("changed", [{}, {"lower_inclusive": True}, {"carry_over": True}])
def test_the_database_says_what_is_kept_under_every_scheme_and_variant(app, town, changed):
    """The slow way and the kept way are one rule: every head count, with nobody, some and many in each post."""
    firms = [make.enterprise(town.street, headcount=heads) for heads in HEADS]
    people = [make.account(town.district) for _ in range(3)]
    for number, firm in enumerate(firms):
        for person in people[: number % 4]:
            make.appoint(person, Post.HEALTH_MANAGER, firm.id)
        if number % 2:
            make.appoint(people[0], Post.CHIEF_HEALTH_OFFICER, firm.id)
    terms = standing._terms(db.session.connection(), [firm.id for firm in firms])
    for pack in map(book().get, book().keys()):
        policy = replace(pack, staffing=replace(pack.staffing, **changed))
        asked = Basis.of(db.session(), policy, NOW.date() + 400 * DAY)  # on a day that nothing is known of
        assert not asked.kept
        later = Basis.of(db.session(), policy, TODAY)
        assert later.kept
        slow = replace(later, lacking=_slow(policy))
        rows = dict(db.session.execute(select(Enterprise.id, slow.lacking)).all())
        for firm in firms:
            assert rows[firm.id] == stands(policy.staffing, firm.headcount, terms[firm.id], TODAY).lacking


def _slow(policy):
    """The SQL of a day that is not known, asked about today."""
    known, standing.known = standing.known, lambda session, on: False
    try:
        return Basis.of(db.session(), policy, TODAY).lacking
    finally:
        standing.known = known


def test_what_is_said_holds_until_a_term_begins_or_ends(app):
    rule = book().get(make.SCHEME).staffing
    manager = Post.HEALTH_MANAGER.value

    def said(*terms):
        return stands(rule, 112, terms, TODAY)

    assert said() == Standing(1, False, date.max)
    assert said(Term(manager, TODAY - 9 * DAY, TODAY + 5 * DAY, False)) == Standing(
        -1, False, TODAY + 5 * DAY
    )
    assert said(Term(manager, TODAY + 5 * DAY, TODAY + 9 * DAY, False)) == Standing(1, False, TODAY + 4 * DAY)
    assert said(Term(manager, TODAY - 9 * DAY, TODAY - DAY, False)) == Standing(1, True, date.max)
    assert said(Term(manager, TODAY - 9 * DAY, TODAY + 5 * DAY, True)) == Standing(1, True, date.max)


def appoint(town):
    make.account(town.district, Post.HEALTH_MANAGER, town.tenant.id)


def end(town):
    appoint(town)
    one = db.session.query(Appointment).filter_by(scope="enterprise").one()
    one.end(reason="离职", now=NOW)


def shorten(town):
    appoint(town)
    db.session.query(Appointment).filter_by(scope="enterprise").one().end_on(TODAY, reason="离职", now=NOW)


def close_account(town):
    person = make.account(town.district, Post.HEALTH_MANAGER, town.tenant.id)
    person.disabled_at = NOW


def open_account_again(town):
    close_account(town)
    db.session.commit()
    db.session.query(Appointment).filter_by(scope="enterprise").one().account.disabled_at = None


def grow(town):
    town.tenant.set_headcount(620, TODAY, now=NOW, by_id=None)


def shrink(town):
    town.tenant.set_headcount(12, TODAY, now=NOW, by_id=None)


def close(town):
    appoint(town)
    close_enterprise(db.session(), town.tenant, TODAY, "注销", merged_into=None, now=NOW)


def reopen(town):
    close(town)
    db.session.commit()
    reopen_enterprise(db.session(), town.tenant, now=NOW)


def adopt_another(town):
    make.adopt(town.district, make.LATER_SCHEME, TODAY)


def adopt_none(town):
    db.session.execute(delete(Adoption))


def delete_appointment(town):
    appoint(town)
    db.session.delete(db.session.query(Appointment).filter_by(scope="enterprise").one())


def past_the_unit_of_work(town):
    appoint(town)
    db.session.execute(update(Appointment).where(Appointment.scope == "enterprise").values(ended_at=NOW))


WRITES = (
    appoint,
    end,
    shorten,
    close_account,
    open_account_again,
    grow,
    shrink,
    close,
    reopen,
    delete_appointment,
)


@pytest.mark.parametrize("write", WRITES, ids=lambda one: one.__name__)
def test_after_each_kind_of_write_what_is_kept_is_right_at_once(town, write):
    assert is_right(town.tenant)
    with to_write():
        write(town)
        db.session.commit()
    assert is_right(town.tenant)


@pytest.mark.parametrize(
    "write", [adopt_another, adopt_none, past_the_unit_of_work], ids=lambda one: one.__name__
)
def test_what_touches_many_makes_them_unknown_until_the_tick(town, write):
    with to_write():
        write(town)
        db.session.commit()
    assert kept(town.tenant).known_until == UNKNOWN
    chores.know_standings(jobs.tick_now())
    assert is_right(town.tenant)


def test_a_session_that_no_site_keeps_makes_unknown_what_it_touches(app, town, database):
    other = create_engine(database)
    with to_write(), Session(other) as session:
        firm = session.get(Enterprise, town.tenant.id)
        firm.headcount = 620
        session.commit()
    other.dispose()
    assert kept(town.tenant).known_until == UNKNOWN
    chores.know_standings(jobs.tick_now())
    assert is_right(town.tenant) and kept(town.tenant).lacking > 1


def test_of_two_who_appoint_at_once_the_second_counts_the_first(app, town):
    """Both have written before either commits; what is kept is of both."""
    town.tenant.headcount = 620
    db.session.commit()
    people = [make.account(town.district).id for _ in range(2)]
    written, failed = threading.Barrier(2, timeout=5), []

    def appoint_one(person):
        try:
            with app.app_context(), to_write():
                row = Appointment(
                    account_id=person, post=Post.HEALTH_MANAGER, scope="enterprise", scope_id=town.tenant.id,
                    starts_on=date(2026, 1, 1), ends_on=date(2027, 3, 31), appointed_at=NOW,
                )  # fmt: skip
                db.session.add(row)
                if db.engine.dialect.name == "postgresql":  # SQLite has one writer at a time
                    written.wait()
                db.session.commit()
                db.session.remove()
        except Exception as error:
            failed.append(error)

    db.session.rollback()
    threads = [threading.Thread(target=appoint_one, args=(person,)) for person in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert failed == [] and is_right(town.tenant)


def test_on_the_day_after_a_term_the_list_is_right_before_the_tick_and_after_it(app, town, at):
    person = make.account(town.district, Post.HEALTH_MANAGER, town.tenant.id)
    person.appointments[0].ends_on = TODAY
    db.session.commit()
    officer = town.officer(Post.TASK_FORCE)
    task_force = make.sign_in(app.test_client(), officer)
    assert "缺岗位 0" in read(task_force.get("/enterprises").text).text
    at(NOW + timedelta(days=1))
    task_force = make.sign_in(app.test_client(), officer)
    assert "缺岗位 1" in read(task_force.get("/enterprises?lack=posts").text).text
    chores.know_standings(jobs.tick_now())
    assert is_right(town.tenant, TODAY + DAY) and kept(town.tenant).lacking == 1
    assert "缺岗位 1" in read(task_force.get("/enterprises?lack=posts").text).text
    with to_write():
        assert standing.settle(db.session(), book(), TODAY + DAY) == 0
        db.session.rollback()


def test_a_scheme_adopted_for_a_later_day_is_reckoned_with_on_that_day(app, town, at):
    firm = make.enterprise(town.street, headcount=620)
    with to_write():
        make.adopt(town.district, make.LATER_SCHEME, TODAY + 3 * DAY)
    chores.know_standings(jobs.tick_now())
    assert is_right(firm) and kept(firm).known_until == TODAY + 2 * DAY
    at(NOW + timedelta(days=3))
    chores.know_standings(jobs.tick_now())
    assert is_right(firm, TODAY + 3 * DAY)


def test_the_tick_goes_on_where_it_was_interrupted_and_nobody_stays_unknown_for_ever(app, town, monkeypatch):
    firms = [make.enterprise(town.street) for _ in range(5)]
    with to_write():
        db.session.execute(update(FIRMS).values(known_until=UNKNOWN))
        db.session.commit()
        assert standing.settle(db.session(), book(), TODAY, most=2) == 2
        db.session.commit()
    monkeypatch.setattr(standing, "AT_ONCE", 2)
    chores.know_standings(jobs.tick_now())
    assert all(is_right(firm) for firm in firms)
    assert all(TODAY + 28 * DAY <= kept(firm).known_until < TODAY + 56 * DAY for firm in firms)


# --- words ---

TYPED = (
    "青禾", "禾生", "QHSW", "qhs", "hsw", "青禾生物科技股份有限公司", "云溪青禾生物科技股份有限公司", "云溪青禾生物科技股份有限公",
    "3号楼5层", "楼5",
    "云溪软件园", "软件园B区", "b区", "%", "_", "/", "不存在", "  青禾 ", "sap", "SAP China", "p c", "91510100", "松果",
)  # fmt: skip


@pytest.mark.parametrize("typed", TYPED)
def test_the_index_of_words_finds_what_a_look_at_each_row_finds(town, typed):
    make.enterprise(town.street, "思爱普 SAP China软件", short_name="SAP", initials="sap", room="")
    make.enterprise(
        town.street, "松果餐饮店100%_/", at=town.other, short_name="松果", initials="sg", room="B区7室"
    )

    def numbers(tests):
        return set(db.session.scalars(select(Enterprise.id).where(*tests)))

    assert numbers(found_by(db.session(), typed)) == numbers(spelt(typed))


def test_a_new_name_and_another_room_are_found_at_once_and_the_old_ones_no_more(town):
    def found(typed):
        return db.session.scalars(select(Enterprise.id).where(*found_by(db.session(), typed))).all()

    assert found("青禾生物科") and not found("白桦")
    town.tenant.name, town.tenant.short_name, town.tenant.initials = "白桦科技", "白桦", "bh"
    seat = db.session.query(Premises).one()
    seat.room = "9层"
    db.session.commit()
    assert found("白桦") and found("bh") and found("9层") and not found("青禾") and not found("3号楼5层")
    db.session.delete(seat)
    db.session.commit()
    assert not found("9层")
    db.session.execute(delete(Enterprise).where(Enterprise.id == make.enterprise(town.street).id))
    assert set(db.session.scalars(select(Words.c.enterprise_id))) == {town.tenant.id}


def test_a_word_that_many_have_says_how_many_at_least_and_lists_the_same(app, town, monkeypatch):
    for number in range(6):
        make.enterprise(town.street, f"第{number}号企业", headcount=500 + number)
    task_force = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    few = read(task_force.get("/enterprises?q=号企业").text)
    assert "6家" in few.text and "+" not in few.text
    monkeypatch.setattr(finding, "FEW", 2)
    many = read(task_force.get("/enterprises?q=号企业").text)
    assert "2+家" in many.text and "只列前2家" in many.text and "云溪青禾" not in many.text
    assert "第5号企业" in many.text and "导出6家" not in many.text
