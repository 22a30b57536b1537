"""Rules of accounts, appointments, invitations and slips, beside the pages that use them."""

from datetime import date, timedelta

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.access import ADMINS, INVITES, Post
from models.accounts import LOCKED, Account, AccountState, Appointment, LoginSession
from models.base import RuleBroken, db
from models.invitations import Invitation, ResetSlip, invitable, looked_after, slips_for
from models.places import Place, Unit
from tests import make
from tests.conftest import NOW

TODAY = date(2026, 11, 20)


@pytest.fixture
def person(town):
    return make.account(town.district, username="zhouzx", name="周知行")


# --- who it is


def test_an_account_is_found_by_username_in_any_case_and_by_mobile_as_typed(person):
    person.set_mobile("138 0000 0000")
    db.session.commit()
    for typed in ("zhouzx", " ZhouZX ", "13800000000", "+86 138-0000-0000", "１３８００００００００"):
        assert db.session.scalar(Account.known_as(typed)) is person, typed
    for typed in ("zhouz", "13800000001", "", "%"):
        assert db.session.scalar(Account.known_as(typed)) is None, typed


def test_the_mobile_is_kept_sealed(person):
    person.set_mobile("13800000000")
    db.session.commit()
    stored = (
        db.session.connection().exec_driver_sql(f"SELECT mobile FROM account WHERE id = {person.id}").scalar()
    )
    assert b"13800000000" not in bytes(stored)
    assert person.mobile == "13800000000"


@pytest.mark.parametrize("typed", ["ab", "1zhou", "周知行", "zhou zx", "z" * 33, "zhou@x", ""])
def test_a_username_begins_with_a_letter_and_has_no_odd_signs(person, typed):
    with pytest.raises(RuleBroken, match="第一个是字母"):
        person.choose_username(typed)


def test_a_username_is_kept_in_lower_case(person):
    person.choose_username(" Zhou.Zx-2 ")
    assert person.username == "zhou.zx-2"


# --- locking


def test_the_fifth_failure_in_a_row_locks_for_fifteen_minutes(person):
    assert [person.count_failure(NOW) for _ in range(5)] == [False, False, False, False, True]
    assert person.is_locked(NOW + LOCKED - timedelta(seconds=1))
    assert not person.may_try(NOW)
    assert not person.is_locked(NOW + LOCKED)
    assert person.may_try(NOW + LOCKED)


def test_failures_while_locked_do_not_prolong_the_lock_and_afterwards_count_from_one(person):
    for _ in range(9):
        person.count_failure(NOW)
    assert person.locked_until == NOW + LOCKED
    later = NOW + LOCKED
    assert not person.count_failure(later)
    assert person.failures == 1
    assert person.may_try(later)


def test_getting_in_forgets_earlier_failures(person):
    for _ in range(4):
        person.count_failure(NOW)
    person.let_in(NOW)
    assert not person.count_failure(NOW)


@pytest.mark.parametrize("state", list(AccountState))
def test_the_state_of_an_account_is_the_same_in_python_and_in_sql(person, state):
    if state == AccountState.DISABLED:
        person.disable(reason="离职", now=NOW)
    if state == AccountState.LOCKED:
        person.locked_until = NOW + LOCKED
    if state == AccountState.NEW:
        person.must_change_password = True
    db.session.commit()
    assert person.state(NOW) == state
    found = [s for s in AccountState if db.session.scalar(select(Account.id).where(Account.in_state(s, NOW)))]
    assert found == [state]


def test_disabling_needs_a_reason_and_can_be_undone(person):
    with pytest.raises(RuleBroken, match="原因"):
        person.disable(reason=" ", now=NOW)
    person.disable(reason="离职", now=NOW)
    assert not person.may_try(NOW)
    with pytest.raises(RuleBroken, match="已经停用"):
        person.disable(reason="离职", now=NOW)
    person.enable()
    assert person.may_try(NOW)


# --- passwords


def test_an_initial_password_opens_once_within_72_hours(person):
    person.hand_out_password("a hash", now=NOW)
    assert person.must_change_password
    assert person.may_try(NOW + timedelta(hours=71))
    assert not person.may_try(NOW + timedelta(hours=72))
    person.let_in(NOW + timedelta(hours=1))
    assert not person.may_try(NOW + timedelta(hours=1))
    person.set_password("another", now=NOW)
    assert person.may_try(NOW + timedelta(days=60))
    assert not person.must_change_password


def test_the_last_five_passwords_are_remembered_and_no_more(person):
    for number in range(8):
        person.set_password(f"hash {number}", now=NOW)
        db.session.commit()
    assert person.remembered_hashes() == ["hash 7", "hash 6", "hash 5", "hash 4", "hash 3"]


def test_a_password_is_old_after_ninety_days_under_the_classified_rule_alone(person):
    person.password_set_at = NOW
    assert not person.password_is_old(NOW + timedelta(days=90))
    assert person.password_is_old(NOW + timedelta(days=90, seconds=1))
    person.district.password_rule = "long"
    assert not person.password_is_old(NOW + timedelta(days=900))


def test_the_age_of_demo_passwords_says_nothing(person):
    person.district.is_demo = True
    assert not person.password_is_old(NOW + timedelta(days=900))


# --- the second step


def test_a_code_works_once_and_only_around_its_half_minute(person):
    secret = pyotp.random_base32()
    totp = pyotp.TOTP(secret)
    person.enrol(secret, totp.at(NOW), now=NOW)
    assert not person.accept_code(totp.at(NOW), now=NOW), "the enrolling code is spent"
    later = NOW + timedelta(minutes=5)
    assert person.accept_code(totp.at(later - timedelta(seconds=30)), now=later)
    assert person.accept_code(f" {totp.at(later)[:3]} {totp.at(later)[3:]}", now=later)
    assert not person.accept_code(totp.at(later), now=later)
    assert not person.accept_code(totp.at(later - timedelta(seconds=30)), now=later), "an older one neither"
    assert not person.accept_code(totp.at(later + timedelta(minutes=2)), now=later)
    assert not person.accept_code("", now=later)


def test_enrolling_needs_a_code_that_fits(person):
    with pytest.raises(RuleBroken, match="对不上"):
        person.enrol(pyotp.random_base32(), "000000", now=NOW)
    assert person.totp_secret is None


def test_the_second_step_is_demanded_of_officers_and_administrators_where_the_district_says_so(town):
    guard, liaison = town.officer(Post.GATE_GUARD), town.officer(Post.UNIT_LIAISON)
    assert not liaison.lacks_second_factor(TODAY, demanded=False)
    assert liaison.lacks_second_factor(TODAY, demanded=True)
    town.district.second_factor = True
    assert liaison.lacks_second_factor(TODAY, demanded=False)
    assert not guard.lacks_second_factor(TODAY, demanded=True)
    liaison.totp_secret = pyotp.random_base32()
    assert not liaison.lacks_second_factor(TODAY, demanded=True)
    assert liaison.owes_second_factor(TODAY, demanded=True)


# --- appointments


def appoint(person, post, scope_id, starts=TODAY, ends=date(2027, 3, 31)):
    return Appointment.appoint(person, post, scope_id, starts_on=starts, ends_on=ends, now=NOW, by_id=None)


@pytest.mark.parametrize("first", sorted(ADMINS))
@pytest.mark.parametrize("second", [*sorted(ADMINS), Post.SPECIALIST])
def test_an_administrator_holds_no_other_post(town, person, first, second):
    appoint(person, first, town.district.id)
    with pytest.raises(RuleBroken, match=r"不能兼任|已经担任"):
        appoint(person, second, town.park.id if second == Post.SPECIALIST else town.district.id)


def test_nobody_with_another_post_becomes_an_administrator(town, person):
    appoint(person, Post.SPECIALIST, town.park.id)
    with pytest.raises(RuleBroken, match="不能兼任"):
        appoint(person, Post.AUDIT_ADMIN, town.district.id)


def test_the_database_refuses_a_second_administrator_post_whatever_the_program_says(town, person):
    make.appoint(person, Post.AUDIT_ADMIN, town.district.id)
    with pytest.raises(IntegrityError):
        make.appoint(person, Post.SECURITY_ADMIN, town.district.id)
    db.session.rollback()


def test_a_term_holds_from_its_first_day_to_its_last(town, person):
    held = appoint(person, Post.SPECIALIST, town.park.id, starts=date(2026, 12, 1), ends=date(2026, 12, 31))
    assert not held.holds(date(2026, 11, 30))
    assert held.holds(date(2026, 12, 1))
    assert held.holds(date(2026, 12, 31))
    assert not held.holds(date(2027, 1, 1))
    held.end(reason="调岗", now=NOW)
    assert not held.holds(date(2026, 12, 1))


@pytest.mark.parametrize(
    ("starts", "ends", "why"),
    [(TODAY, date(2026, 11, 19), "早于"), (date(2026, 1, 1), date(2026, 11, 19), "已经过去")],
)
def test_a_term_lies_the_right_way_round_and_is_not_over(town, person, starts, ends, why):
    with pytest.raises(RuleBroken, match=why):
        appoint(person, Post.SPECIALIST, town.park.id, starts=starts, ends=ends)


def test_a_disabled_account_is_appointed_to_nothing(town, person):
    person.disable(reason="离职", now=NOW)
    with pytest.raises(RuleBroken, match="已经停用"):
        appoint(person, Post.SPECIALIST, town.park.id)


# --- who stands below whom


def test_a_superior_may_fill_a_post_within_the_reach_of_the_appointment_that_says_so(town):
    liaison = town.officer(Post.UNIT_LIAISON)
    places = db.session.scalars(
        select(Place.id).where(invitable(liaison.appointments, Post.SPECIALIST))
    ).all()
    assert places == [town.park.id]  # the unit's own, not the other building
    assert not db.session.scalars(
        select(Unit.id).where(invitable(liaison.appointments, Post.UNIT_LIAISON))
    ).all()


def test_one_appointment_lends_another_no_reach(town):
    """A specialist of one place who is task force elsewhere must not invite guards all over the district."""
    both = town.officer(Post.SPECIALIST)
    make.appoint(both, Post.TASK_FORCE, town.district.id)
    places = db.session.scalars(select(Place.id).where(invitable(both.appointments, Post.GATE_GUARD))).all()
    assert set(places) == {town.park.id, town.building.id}


@pytest.mark.parametrize("post", list(Post))
def test_people_are_looked_after_exactly_by_those_who_may_invite_them(town, post):
    subject = town.officer(post)
    for above in Post:
        superior = town.officer(above)
        reached = select(Appointment.account_id).where(looked_after(superior.appointments, Appointment))
        expected = post in INVITES.get(above, ())
        assert (subject.id in db.session.scalars(reached).all()) == expected, above


def may_slip(superior, person) -> bool:
    found = select(Account.id).where(Account.id == person.id, slips_for(superior.appointments, TODAY))
    return db.session.scalar(found) is not None


def test_a_slip_is_written_only_where_every_post_of_the_person_is_below(town):
    specialist, liaison = town.officer(Post.SPECIALIST), town.officer(Post.UNIT_LIAISON)
    guard = town.officer(Post.GATE_GUARD)
    assert may_slip(specialist, guard)
    assert may_slip(liaison, specialist)
    assert not may_slip(specialist, liaison)
    assert not may_slip(specialist, specialist)
    assert not may_slip(liaison, guard)
    elsewhere = make.account(town.district, Post.GATE_GUARD, town.other.id)
    assert not may_slip(specialist, elsewhere)
    make.appoint(guard, Post.HEALTH_MANAGER, town.tenant.id)
    assert not may_slip(specialist, guard), "a second post above the specialist's line"


def test_the_system_administrator_writes_slips_for_all_but_administrators(town):
    system = town.officer(Post.SYSTEM_ADMIN)
    nobody = make.account(town.district)
    assert may_slip(system, nobody)
    assert may_slip(system, town.officer(Post.TASK_FORCE))
    for post in ADMINS:
        assert not may_slip(system, town.officer(post)), post
    stranger = make.account(make.district("锦川区", "jinchuan"))
    assert not may_slip(system, stranger)


def test_the_security_administrator_writes_slips_for_the_other_administrators(town):
    security = town.officer(Post.SECURITY_ADMIN)
    assert all(may_slip(security, town.officer(post)) for post in ADMINS)
    with pytest.raises(RuleBroken, match="不能给自己"):
        ResetSlip.write(security, "hash", by=security, now=NOW)


# --- invitations and slips


def invite(town, by, **facts):
    facts = {"name": "石守门", "post": Post.GATE_GUARD, "scope_id": town.park.id, "starts_on": TODAY,
             "ends_on": date(2027, 3, 31), "now": NOW} | facts  # fmt: skip
    invitation, token = Invitation.invite(by=by, appointments=by.appointments, **facts)
    db.session.add(invitation)
    db.session.commit()
    return invitation, token


def test_an_invitation_is_found_by_its_token_alone_and_keeps_only_a_digest(town):
    invitation, token = invite(town, town.officer(Post.SPECIALIST))
    assert db.session.scalar(Invitation.of(token)) is invitation
    assert db.session.scalar(Invitation.of(token[:-1])) is None
    assert token.encode() not in invitation.token_hash


def test_nobody_invites_into_a_post_that_is_not_below(town):
    with pytest.raises(RuleBroken, match="不能邀请专班成员"):
        invite(town, town.officer(Post.SPECIALIST), post=Post.TASK_FORCE, scope_id=town.district.id)


def test_an_invitation_works_once_for_72_hours_unless_withdrawn(town, person):
    by = town.officer(Post.SPECIALIST)
    late, _ = invite(town, by)
    assert late.refusal(NOW + timedelta(hours=71, minutes=59)) == ""
    assert "过期" in late.refusal(NOW + timedelta(hours=72))
    used, _ = invite(town, by)
    appointment = used.accept(person, now=NOW)
    assert (appointment.post, appointment.scope_id, appointment.ends_on) == (
        Post.GATE_GUARD, town.park.id, date(2027, 3, 31))  # fmt: skip
    with pytest.raises(RuleBroken, match="已经用过"):
        used.accept(person, now=NOW)
    back, _ = invite(town, by)
    back.withdraw(now=NOW)
    assert "撤回" in back.refusal(NOW)
    lapsed, _ = invite(town, by)
    by.disable(reason="离职", now=NOW)
    assert "停用" in lapsed.refusal(NOW)


def test_an_account_of_another_district_does_not_take_up_a_post_here(town):
    invitation, _ = invite(town, town.officer(Post.SPECIALIST))
    stranger = make.account(make.district("锦川区", "jinchuan"))
    with pytest.raises(RuleBroken, match="锦川区"):
        invitation.accept(stranger, now=NOW)


def test_a_slip_works_for_72_hours_five_tries_and_one_use(town, person):
    by = town.officer(Post.SYSTEM_ADMIN)

    def usable(at=NOW):
        return db.session.scalar(ResetSlip.usable(person.id, at))

    slip = make.save(ResetSlip.write(person, "hash", by=by, now=NOW))
    assert usable() is slip
    assert usable(NOW + timedelta(hours=72)) is None
    slip.failures = 5
    assert usable() is None
    slip.failures, slip.used_at = 0, NOW
    assert usable() is None
    first = make.save(ResetSlip.write(person, "hash", by=by, now=NOW))
    db.session.execute(ResetSlip.voiding(person.id, NOW))
    second = make.save(ResetSlip.write(person, "hash", by=by, now=NOW))
    assert usable() is second
    assert first.expires_at == NOW


# --- sessions


def test_ending_sessions_spares_the_one_at_hand(person):
    sessions = [LoginSession.start(person, now=NOW, address="", device="")[0] for _ in range(3)]
    make.save(*sessions)
    db.session.execute(LoginSession.ending(person.id, "改了密码", now=NOW, but=sessions[0]))
    db.session.commit()
    db.session.expire_all()
    assert [s.alive(NOW) for s in sessions] == [True, False, False]


def test_a_password_given_vouches_for_ten_minutes(person):
    session, _ = LoginSession.start(person, now=NOW, address="", device="")
    assert session.is_confirmed(NOW + timedelta(minutes=9, seconds=59))
    assert not session.is_confirmed(NOW + timedelta(minutes=10))
