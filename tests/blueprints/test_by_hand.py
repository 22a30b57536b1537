"""A guard registers somebody without a phone (CHK-6, gate.md scenario 7), and reports a thermometer that fails (settled 2.13)."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.access import Post
from models.base import db
from models.gate import HandReason, MeasuredBy, Source
from models.judging import Verdict
from models.watch import Fault
from tests import make
from tests.blueprints.test_confirming import desk
from tests.blueprints.test_gate_form import open_emergency, open_form, rows, said, submit, typed_in
from tests.conftest import NOW
from tests.reader import read

ELDER = {"reason": "elder", "name": "秦守拙", "temperature": "36.4", "mask": "yes"}


@pytest.fixture
def guard(app, town):
    person = town.officer(Post.GATE_GUARD)
    client = make.sign_in(app.test_client(), person)
    client.person = person
    return client


def form_of(guard, address, holding):
    return next(f for f in read(guard.get(address).text).forms if holding in f.choices)


def register(guard, gate, **answers):
    form = form_of(guard, f"/gate/{gate.id}/record", "reason")
    return guard.post(f"/gate/{gate.id}/record", data=form.data(**answers))


def test_an_elder_is_registered_by_name_reason_and_temperature(guard, town):
    assert register(guard, town.gate, **ELDER).status_code == 303
    (row,) = rows()
    assert (row.name, row.source, row.hand_reason, row.mobile) == (
        "秦守拙",
        Source.HAND,
        HandReason.ELDER,
        None,
    )
    assert (row.verdict, row.measured_by, row.recorded_by_id) == (
        Verdict.PASS,
        MeasuredBy.GUARD,
        guard.person.id,
    )
    assert row.is_inside and row.confirmed_at == NOW
    assert "代登，老人不用手机" in desk(guard, town.gate).text


def test_the_answer_says_name_number_and_verdict(guard, town):
    answer = register(guard, town.gate, **ELDER | {"temperature": "37.6"})
    page = read(guard.get(answer.location).text).text
    assert "已登记秦**，叫号100：禁止进入。" in page


def test_without_a_reading_nobody_passes(guard, town):
    register(guard, town.gate, **ELDER | {"temperature": ""})
    assert (rows()[0].verdict, rows()[0].reasons) == (Verdict.ATTENTION, '[["unmeasured"]]')


def test_the_same_form_twice_is_one_row(guard, town):
    data = form_of(guard, f"/gate/{town.gate.id}/record", "reason").data(**ELDER)
    for _ in range(2):
        assert guard.post(f"/gate/{town.gate.id}/record", data=data).status_code == 303
    assert len(rows()) == 1


def test_in_an_emergency_the_guard_asks_what_the_scheme_asks(guard, town):
    open_emergency(town, "district", town.district.id)
    answer = register(guard, town.gate, **ELDER)
    assert answer.status_code == 422
    page = read(answer.text)
    assert said(page, "code_status") and said(page, "symptoms")
    assert rows() == []


def test_a_guards_own_reading_lifts_an_earlier_refusal(client, guard, town):
    submit(client, town.gate.code.code, mobile="13800001111", temperature="37.6")
    register(guard, town.gate, **ELDER | {"mobile": "13800001111"})
    assert rows()[1].verdict == Verdict.PASS


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": None}, "reason"),
        ({"name": ""}, "name"),
        ({"temperature": "热"}, "temperature"),
        ({"mask": None}, "mask"),
    ],
)
def test_what_is_missing_is_said_beside_its_field_and_the_rest_is_kept(guard, town, changes, field):
    form = form_of(guard, f"/gate/{town.gate.id}/record", "reason")
    sent = {k: v for k, v in (ELDER | changes).items() if v is not None}
    answer = guard.post(f"/gate/{town.gate.id}/record", data=form.data(**sent))
    assert answer.status_code == 422
    page = read(answer.text)
    assert said(page, field)
    if field != "name":
        assert typed_in(next(f for f in page.forms if "name" in f.choices), "name") == "秦守拙"
    assert rows() == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sent=st.dictionaries(
    st.sampled_from(["name", "mobile", "temperature", "mask", "reason", "nonce", "enterprise", "mobile_confirmed"]),
    st.text(max_size=80), max_size=8,
))  # fmt: skip
@pytest.mark.one_database
def test_whatever_is_sent_the_answer_is_words_and_no_row(guard, town, sent):
    token = form_of(guard, f"/gate/{town.gate.id}/record", "reason").data()["csrf_token"]
    answer = guard.post(f"/gate/{town.gate.id}/record", data={"csrf_token": token} | sent)
    assert answer.status_code == 422
    assert rows() == []


def test_a_guard_of_another_place_registers_nobody_here(app, town):
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.GATE_GUARD, town.other.id))
    data = form_of(stranger, f"/gate/{town.other_gate.id}/record", "reason").data(**ELDER)
    assert stranger.get(f"/gate/{town.gate.id}/record").status_code == 404
    assert stranger.post(f"/gate/{town.gate.id}/record", data=data).status_code == 404
    assert rows() == []


# --- a thermometer that fails ---


def report(guard, gate, **answers):
    form = form_of(guard, f"/gate/{gate.id}/fault", "kind")
    return guard.post(f"/gate/{gate.id}/fault", data=form.data(**answers))


def test_while_the_thermometer_fails_nobody_has_to_fill_in_a_temperature(client, guard, town):
    assert report(guard, town.gate, kind="broken", hours="2").status_code == 303
    assert submit(client, town.gate.code.code, temperature="").status_code == 303
    (row,) = rows()
    assert (row.verdict, row.reasons) == (Verdict.ATTENTION, '[["faulty"]]')
    shown = desk(guard, town.gate).text
    assert "测温故障" in shown and "未测（设备故障）" in shown
    assert "请您处理" not in shown  # one tap confirms them, as everybody


def test_the_fault_is_of_one_gate_and_ends_by_itself(client, guard, town, at):
    report(guard, town.gate, kind="power", hours="2")
    assert submit(client, town.north.code.code, temperature="").status_code == 422
    at(NOW + timedelta(hours=2))
    assert submit(client, town.gate.code.code, temperature="").status_code == 422


def test_a_repaired_thermometer_is_asked_for_again(client, guard, town):
    report(guard, town.gate, kind="frozen", hours="2")
    end = next(f for f in read(guard.get(f"/gate/{town.gate.id}/fault").text).forms if "/end" in f.action)
    assert guard.post(end.action, data=end.data()).status_code == 303
    assert submit(client, town.gate.code.code, temperature="").status_code == 422


def test_a_temperature_that_is_given_meanwhile_is_judged(client, guard, town):
    report(guard, town.gate, kind="broken", hours="2")
    submit(client, town.gate.code.code, temperature="37.8")
    assert rows()[0].verdict == Verdict.REFUSED


@pytest.mark.parametrize("sent", [{"hours": "2"}, {"kind": "broken", "hours": "0"}, {"kind": "broken", "hours": "13"},
                                  {"kind": "broken", "hours": "两"}, {"kind": "other", "hours": "2"}])  # fmt: skip
def test_a_fault_that_cannot_be_is_explained(guard, town, sent):
    answer = report(guard, town.gate, **sent)
    assert answer.status_code == 422 and read(answer.text).one(id="errors")
    assert db.session.scalars(select(Fault)).all() == []


def test_a_fault_is_reported_once(guard, town):
    form = form_of(guard, f"/gate/{town.gate.id}/fault", "kind").data(kind="broken", hours="2")
    first, again = (guard.post(f"/gate/{town.gate.id}/fault", data=form) for _ in range(2))
    assert (first.status_code, again.status_code) == (303, 422)


def test_a_form_opened_before_the_fault_is_taken_after_it(client, guard, town):
    form = open_form(client, town.gate.code.code)
    report(guard, town.gate, kind="broken", hours="2")
    answer = client.post(
        f"/g/{town.gate.code.code}", data=form.data(name="张明远", mobile="13800138000", mask="yes")
    )
    assert answer.status_code == 303
