"""The health code at the gate (gate.md lesson 5, scenario 15): asked where a service is configured, and never waited for."""

import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from blueprints.web import jobs
from blueprints.web.outside.health_code import HttpCodeService
from models.access import Post
from models.base import db
from models.code_checks import ask_again
from models.gate import CodeCheck
from models.health_codes import CodeAnswer, CodeStatus, Unknown, Why
from models.judging import Verdict
from tests import code_service, make
from tests.blueprints.test_confirming import press
from tests.blueprints.test_gate_form import EMERGENCY, open_emergency, rows, submit
from tests.conftest import NOW
from tests.reader import read


class Asked:
    """A service that says what it is told to, and keeps whom it was asked about."""

    def __init__(self, answer):
        self.answer, self.people = answer, []

    def ask(self, name, mobile, *, now):
        self.people.append((name, mobile))
        return self.answer if isinstance(self.answer, Unknown) else CodeAnswer(self.answer, now)


@pytest.fixture
def service(app):
    asked = Asked(CodeStatus.GREEN)
    app.extensions["site"] = replace(app.extensions["site"], health_code=asked)
    return asked


@pytest.fixture
def code(town):
    open_emergency(town, "district", town.district.id)
    return town.gate.code.code


def come(client, code, **changes):
    return submit(client, code, **{**EMERGENCY, **changes})


def later(app, service, now=NOW):
    db.session.rollback()
    return ask_again(replace(jobs.tick_now(), now=now), service, app.extensions["site"].vault)


def test_a_green_code_that_is_found_passes(client, service, code):
    come(client, code)
    (row,) = rows()
    assert (row.verdict, row.code_state) == (Verdict.PASS, CodeCheck.KNOWN)
    assert service.people == [("张明远", "13800138000")]


def test_a_red_code_that_is_found_is_refused_whatever_was_declared(client, service, code):
    service.answer = CodeStatus.RED
    answer = come(client, code, code_status="green")
    assert rows()[0].verdict == Verdict.REFUSED
    assert read(client.get(answer.location).text).h1 == "禁止进入"


def test_a_code_that_is_declared_worse_than_found_counts_as_declared(client, service, code):
    come(client, code, code_status="red")
    assert rows()[0].verdict == Verdict.REFUSED


def test_a_silent_service_leaves_the_row_for_the_guard(client, service, code):
    service.answer = Unknown(Why.SLOW)
    answer = come(client, code)
    (row,) = rows()
    assert (row.verdict, row.code_state) == (Verdict.ATTENTION, CodeCheck.PENDING)
    assert "健康码未知，请人工核验" in read(client.get(answer.location).text).text


def test_nobody_is_asked_where_the_gate_asks_for_no_code(client, service, town):
    submit(client, town.gate.code.code)
    assert service.people == [] and rows()[0].code_state is None


def test_the_same_form_twice_is_asked_once(client, service, code):
    from tests.blueprints.test_gate_form import GOOD, fill, open_form

    data = fill(open_form(client, code), **{**GOOD, **EMERGENCY})
    for _ in range(2):
        client.post(f"/g/{code}", data=data)
    assert len(service.people) == 1 and len(rows()) == 1


def test_the_answer_is_filled_in_later_and_the_pass_follows(app, client, service, code):
    service.answer = Unknown(Why.UNREACHABLE)
    answer = come(client, code)
    assert later(app, service) == 0
    service.answer = CodeStatus.GREEN
    assert later(app, service) == 1
    assert later(app, service) == 0
    assert (rows()[0].verdict, rows()[0].code_state) == (Verdict.PASS, CodeCheck.KNOWN)
    assert read(client.get(answer.location).text).h1 == "通行"


def test_a_red_code_that_comes_late_refuses(app, client, service, code):
    service.answer = Unknown(Why.SLOW)
    come(client, code)
    service.answer = CodeStatus.RED
    later(app, service)
    assert rows()[0].verdict == Verdict.REFUSED


def test_whoever_the_guard_has_let_in_stays_inside_and_is_a_case_again(app, client, service, town, code):
    service.answer = Unknown(Why.SLOW)
    come(client, code)
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    press(guard, town.gate, f"/gate/entries/{rows()[0].id}/confirm")
    assert rows()[0].handled_at is not None
    service.answer = CodeStatus.RED
    later(app, service)
    (row,) = rows()
    assert row.is_inside and row.handled_at is None and row.reason_list == (("code_status", "red"),)


def test_a_thermometer_does_not_settle_an_unknown_code(app, client, service, town, code):
    service.answer = Unknown(Why.SLOW)
    come(client, code, temperature="35.0")
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    address = f"/gate/entries/{rows()[0].id}/measure"
    form = next(f for f in read(guard.get(address).text).forms if "temperature" in f.choices)
    guard.post(address, data=form.data(temperature="36.5", mask="yes"))
    assert (rows()[0].verdict, rows()[0].reason_list) == (Verdict.ATTENTION, (("code_unknown",),))


def test_a_service_that_wants_no_more_questions_is_left_alone(app, client, service, code):
    service.answer = Unknown(Why.SLOW)
    for mobile in ("13800001111", "13800002222"):
        come(client, code, mobile=mobile)
    service.people.clear()
    service.answer = Unknown(Why.SPARED)
    later(app, service)
    assert len(service.people) == 1


def test_after_half_a_day_nobody_asks_any_more(app, client, service, code):
    service.answer = Unknown(Why.SLOW)
    come(client, code)
    service.people.clear()
    later(app, service, NOW + timedelta(hours=12))
    assert service.people == [] and rows()[0].code_state == CodeCheck.MISSED


def test_a_service_that_hangs_does_not_keep_the_visitor(app, client, code):
    with closing(code_service.Service()) as server:
        server.behave = code_service.hangs
        line = HttpCodeService(server.url, "k" * 20)
        app.extensions["site"] = replace(app.extensions["site"], health_code=line)
        begun = time.monotonic()
        answer = come(client, code)
        assert answer.status_code == 303 and time.monotonic() - begun < 3
        assert rows()[0].code_state == CodeCheck.PENDING
