"""What the short way of a check-in must not cost: stale gates, dead connections, another visitor's address, headers."""

import os
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.pool import NullPool

from blueprints.web.headers import FIXED
from models import register_statements as statements
from models.base import db, writing
from models.gate import CheckIn
from models.gateview import Version
from models.places import Gate, ModeOrder
from tests.conftest import NOW
from tests.reader import read

GOOD = {"name": "张明远", "mobile": "13800138000", "temperature": "36.5", "mask": "yes", "enterprise": ""}

on_postgresql = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") != "postgresql", reason="SQLite has no server that could hang up"
)


@pytest.fixture
def code(town):
    return town.gate.code.code


def filled(client, code):
    form = read(client.get(f"/g/{code}").text).forms[0]
    return form.data(**GOOD)


def elsewhere(*statements):
    """A change by another process: our memory hears nothing of it, only the tables know."""
    token = writing.set(True)
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute(update(Version).values(number=Version.number + 1))
    writing.reset(token)


def rows():
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(CheckIn))


def test_a_gate_that_another_process_has_just_paused_takes_nobody(client, town, code):
    answers = filled(client, code)
    elsewhere(update(Gate).where(Gate.id == town.gate.id).values(paused_at=NOW, pause_reason="消毒"))
    assert client.post(f"/g/{code}", data=answers).status_code == 503
    assert rows() == 0


def test_an_emergency_opened_by_another_process_judges_the_very_next_form(client, town, code):
    answers = filled(client, code)
    elsewhere(
        insert(ModeOrder).values(
            district_id=town.district.id, scope="place", scope_id=town.park.id, name="应急响应", reason="演练",
            legal_basis="演练方案", responsible="周知行", starts_at=NOW,
            planned_end_on=NOW.date() + timedelta(days=9), end_reason="",
        )
    )  # fmt: skip
    answer = client.post(f"/g/{code}", data=answers)
    assert answer.status_code == 422 and "code_status" in read(answer.text).forms[0].choices
    assert rows() == 0


def test_a_gate_opened_again_by_another_process_takes_the_form(client, town, code):
    answers = filled(client, code)
    elsewhere(update(Gate).where(Gate.id == town.gate.id).values(paused_at=NOW, pause_reason="消毒"))
    assert client.post(f"/g/{code}", data=answers).status_code == 503
    elsewhere(update(Gate).where(Gate.id == town.gate.id).values(paused_at=None, pause_reason=""))
    assert client.post(f"/g/{code}", data=answers).status_code == 303
    assert rows() == 1


@on_postgresql
def test_a_check_in_survives_a_server_that_has_hung_up(client, code):
    first, second = filled(client, code), filled(client, code)
    assert client.post(f"/g/{code}", data=first).status_code == 303
    db.session.remove()
    with create_engine(db.engine.url, poolclass=NullPool).connect() as outside:
        outside.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        )
    assert client.post(f"/g/{code}", data=second).status_code == 303
    assert rows() == 2


@pytest.mark.parametrize("statement", [statements.insert_first, statements.look, statements.insert])
def test_no_statement_is_longer_than_psycopg_keeps_in_mind(statement):
    assert len(statement(psycopg.dialect()).sql) <= 4096


def test_the_address_by_which_one_came_is_on_no_one_elses_page(client, code):
    assert "from=timeline" in client.get(f"/g/{code}?from=timeline").text
    assert "from=timeline" not in client.get(f"/g/{code}").text


def test_both_requests_of_a_visitor_carry_every_security_header(client, code):
    answers = filled(client, code)
    for answer in (
        client.get(f"/g/{code}"),
        client.post(f"/g/{code}", data=answers),
        client.post(f"/g/{code}"),
    ):
        assert {name: answer.headers[name] for name in FIXED} == FIXED
        assert answer.headers.getlist("Cache-Control") == ["no-store"]


def test_a_visitor_is_given_no_session(client, code):
    client.get(f"/g/{code}")
    client.post(f"/g/{code}", data=filled(client, code))
    assert client.get_cookie("session") is None
