"""What a guard says with one tap: everybody of the last minutes, this one, not that one (settled 2.10)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.gate import CheckIn, Departure, Kind, Mark, Note, Outcome
from models.judging import Verdict
from tests import make
from tests.blueprints.test_gate_form import rows, submit
from tests.conftest import NOW
from tests.reader import read


@pytest.fixture
def guard(app, town):
    person = town.officer(Post.GATE_GUARD)
    client = make.sign_in(app.test_client(), person)
    client.person = person
    return client


def desk(guard, gate):
    return read(guard.get(f"/gate?gate={gate.id}").text)


def press(guard, gate, address):
    """Presses the button of the desk that goes to this address."""
    form = next(f for f in desk(guard, gate).forms if f.action.endswith(address))
    return guard.post(address, data=form.data(), follow_redirects=True)


def confirm_all(guard, gate):
    return press(guard, gate, f"/gate/{gate.id}/confirm")


def test_one_tap_confirms_everybody_but_those_set_apart(client, guard, town):
    code = town.gate.code.code
    submit(client, code, mobile="13800001111")
    submit(client, code, mobile="13800002222", temperature="37.6")
    submit(client, code, mobile="13800003333", temperature="35.0")
    make.check_in(town.gate, NOW, mobile="13800004444", marks="elsewhere")
    old = make.check_in(town.gate, NOW - timedelta(minutes=11), mobile="13800005555")
    make.check_in(town.north, NOW, mobile="13800006666")
    page = confirm_all(guard, town.gate)
    assert "已确认1人到场" in read(page.text).text
    confirmed = [r.mobile_index for r in rows() if r.confirmed_at]
    assert len(confirmed) == 1 and confirmed != [old.mobile_index]
    (seen,) = (r for r in rows() if r.confirmed_at)
    assert (seen.confirmed_at, seen.confirmed_by_id) == (NOW, guard.person.id)
    line = db.session.scalars(select(AuditLine).where(AuditLine.action == "entry:confirm")).one()
    assert '"number": 1' in line.details


def test_whoever_comes_after_the_page_is_not_confirmed_unseen(client, guard, town):
    code = town.gate.code.code
    submit(client, code, mobile="13800001111")
    form = next(f for f in desk(guard, town.gate).forms if f.action.endswith("/confirm"))
    submit(client, code, mobile="13800002222")
    guard.post(f"/gate/{town.gate.id}/confirm", data=form.data())
    assert [bool(r.confirmed_at) for r in rows()] == [True, False]


def test_a_tap_can_be_taken_back_for_five_minutes(client, guard, town, at):
    submit(client, town.gate.code.code)
    confirm_all(guard, town.gate)
    press(guard, town.gate, f"/gate/{town.gate.id}/unconfirm")
    assert rows()[0].confirmed_at is None
    confirm_all(guard, town.gate)
    form = next(f for f in desk(guard, town.gate).forms if f.action.endswith("/unconfirm"))
    at(NOW + timedelta(minutes=5))
    assert guard.post(f"/gate/{town.gate.id}/unconfirm", data=form.data()).status_code == 409
    assert rows()[0].confirmed_at == NOW


def test_a_person_who_scanned_again_is_confirmed_by_the_entry_too(client, guard, town, at):
    submit(client, town.gate.code.code)
    at(NOW + timedelta(minutes=20))
    submit(client, town.north.code.code)
    confirm_all(guard, town.north)
    assert [(r.kind, bool(r.confirmed_at)) for r in rows()] == [(Kind.ENTRY, True), (Kind.MOVE, True)]


def test_a_marked_visitor_counts_once_a_guard_has_seen_them(guard, town):
    entry = make.check_in(town.gate, NOW, marks=Mark.ELSEWHERE.value)
    assert not entry.is_inside
    shown = desk(guard, town.gate).text
    assert "核实：同一部手机刚在别处登记" in shown
    press(guard, town.gate, f"/gate/entries/{entry.id}/confirm")
    assert rows()[0].is_inside


def test_a_marked_visitor_who_is_not_there_counts_nowhere(guard, town):
    entry = make.check_in(town.gate, NOW, marks=Mark.ELSEWHERE.value)
    press(guard, town.gate, f"/gate/entries/{entry.id}/off")
    assert rows()[0].left_how == Departure.ABSENT
    assert "核实：" not in desk(guard, town.gate).text


def test_seeing_a_marked_visitor_ends_their_visit_elsewhere(client, guard, town):
    submit(client, town.other_gate.code.code)
    submit(client, town.gate.code.code)  # at once: marked as the same phone at two places
    there, here = rows()
    assert here.mark_list == [Mark.ELSEWHERE] and there.is_inside
    press(guard, town.gate, f"/gate/entries/{here.id}/confirm")
    there, here = rows()
    assert here.is_inside and there.left_how == Departure.MOVED


def test_a_doubt_that_a_look_settles_is_settled_by_the_guard(guard, town):
    entry = make.check_in(
        town.gate,
        NOW,
        verdict=Verdict.ATTENTION,
        reasons='[["code_status", "unavailable"]]',
        mode="emergency",
    )
    press(guard, town.gate, f"/gate/entries/{entry.id}/confirm")
    (row,) = rows()
    assert row.is_inside and row.handled_at == NOW
    assert db.session.scalars(select(Note)).one().outcome == Outcome.CHECKED


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"verdict": Verdict.REFUSED, "reasons": '[["fever", "37.6", "37.3"]]'}, "只有复测正常才能进"),
        ({"verdict": Verdict.ATTENTION, "reasons": '[["unmeasured"]]', "celsius": None}, "体温还没有量准"),
    ],
)
def test_a_tap_does_not_stand_for_a_thermometer(guard, town, facts, words):
    entry = make.check_in(town.gate, NOW, **facts)
    token = desk(guard, town.gate).forms[0].data()["csrf_token"]
    answer = guard.post(f"/gate/entries/{entry.id}/confirm", data={"csrf_token": token})
    assert answer.status_code == 409 and words in read(answer.text).text
    assert rows()[0].confirmed_at is None


def test_turning_a_refused_visitor_away_leaves_the_case_with_the_specialist(app, client, guard, town):
    submit(client, town.gate.code.code, temperature="37.6")
    press(guard, town.gate, f"/gate/entries/{rows()[0].id}/off")
    (row,) = rows()
    assert row.handled_at is None and row.verdict == Verdict.REFUSED
    assert "请您处理" not in desk(guard, town.gate).text
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    assert "门岗09:41已劝离" in read(specialist.get(f"/places/{town.park.id}").text).text


def test_a_refusal_before_midnight_waits_for_the_guard_after_it(app, client, town, at):
    late = NOW.replace(hour=15, minute=57)  # 23:57 in Shanghai
    at(late)
    submit(client, town.gate.code.code, temperature="37.6")
    at(late + timedelta(minutes=9))
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    assert "禁止：体温37.6℃" in desk(guard, town.gate).text


def test_measuring_somebody_confirms_them(client, guard, town):
    submit(client, town.gate.code.code, temperature="35.0")
    entry = rows()[0]
    form = next(
        f for f in read(guard.get(f"/gate/entries/{entry.id}/measure").text).forms if f.method == "post"
    )
    guard.post(f"/gate/entries/{entry.id}/measure", data=form.data(temperature="36.6", mask="yes"))
    assert rows()[0].is_inside and rows()[0].confirmed_by_id == guard.person.id


def test_a_guard_of_another_place_confirms_nobody_here(app, client, town):
    submit(client, town.gate.code.code)
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.GATE_GUARD, town.other.id))
    token = desk(stranger, town.other_gate).forms[0].data()["csrf_token"]
    sent = {"csrf_token": token, "upto": "99"}
    assert stranger.post(f"/gate/{town.gate.id}/confirm", data=sent).status_code == 404
    assert stranger.post(f"/gate/entries/{rows()[0].id}/confirm", data=sent).status_code == 404
    assert rows()[0].confirmed_at is None
    assert db.session.scalars(select(CheckIn).where(CheckIn.confirmed_at.is_not(None))).all() == []
