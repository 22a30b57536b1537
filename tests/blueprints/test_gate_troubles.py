"""A check-in on a bad day: a full disk, a clock that jumps, midnight. Nothing half-written, nothing twice, always words."""

import itertools
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from models.base import db
from tests.blueprints.test_gate_form import GOOD, fill, open_form, rows, submit
from tests.conftest import NOW
from tests.reader import read

MIDNIGHT = NOW.replace(hour=16, minute=0, second=0)  # of Friday 20 to Saturday 21 November in Shanghai


@pytest.fixture
def code(town):
    town.park.opens = town.park.closes = None
    db.session.commit()
    return town.gate.code.code


@contextmanager
def full_disk():
    """No page more for SQLite; PostgreSQL says what it says when the disk is full."""
    engine = db.engine
    if engine.dialect.name == "sqlite":

        def no_more(connection, _record, _proxy):
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        engine.dispose()  # connections that are kept from before would know of no limit
        event.listen(engine.pool, "checkout", no_more)
        try:
            yield
        finally:
            event.remove(engine.pool, "checkout", no_more)
            engine.dispose()
        return
    with engine.begin() as connection:
        connection.execute(
            text("""
            CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
        """)
        )
        connection.execute(
            text(
                "CREATE TRIGGER full_disk BEFORE INSERT ON check_in FOR EACH ROW EXECUTE FUNCTION disk_is_full()"
            )
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER full_disk ON check_in"))
            connection.execute(text("DROP FUNCTION disk_is_full"))


def test_a_full_disk_is_refused_in_words_and_nothing_is_half_written(app, client, code):
    forms = [fill(open_form(client, code), **{**GOOD, "mobile": f"138{n:08}"}) for n in range(200)]
    db.session.rollback()
    with full_disk():
        # each from a phone of their own; what fits in the last page is kept
        answers = [app.test_client().post(f"/g/{code}", data=data) for data in forms]
    refused = [data for data, answer in zip(forms, answers, strict=True) if answer.status_code != 303]
    assert refused and {answer.status_code for answer in answers} <= {303, 503}
    page = read(next(answer for answer in answers if answer.status_code == 503).text)
    assert "您填的内容没有保存" in page.text
    assert len(rows()) == len(forms) - len(refused)
    again = client.post(f"/g/{code}", data=refused[0])  # the same form, once there is room again
    assert again.status_code == 303 and len(rows()) == len(forms) - len(refused) + 1


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=-400), timedelta(hours=13)])
def test_a_clock_that_jumps_brings_the_form_back_filled(client, code, at, jump):
    form = open_form(client, code)
    at(NOW + jump)
    answer = client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert answer.status_code == 422
    page = read(answer.text)
    assert "还没有登记" in page.text and page.forms[0].data()["name"] == ["张明远"]
    assert client.post(f"/g/{code}", data=fill(page.forms[0], **GOOD)).status_code == 303
    assert len(rows()) == 1


def test_a_form_that_was_sent_before_the_clock_jumped_still_leads_to_its_pass(client, code, at):
    form = open_form(client, code)
    first = client.post(f"/g/{code}", data=fill(form, **GOOD))
    at(NOW - timedelta(hours=1))
    again = client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert again.location == first.location and len(rows()) == 1
    assert client.get(first.location).status_code == 200


def test_a_form_opened_before_midnight_and_sent_after_it_belongs_to_the_new_day(client, code, at):
    at(MIDNIGHT - timedelta(minutes=2))
    form = open_form(client, code)
    at(MIDNIGHT + timedelta(minutes=1))
    assert client.post(f"/g/{code}", data=fill(form, **GOOD)).status_code == 303
    (row,) = rows()
    assert (row.day.isoformat(), row.hour) == ("2026-11-21", 0)


def test_the_same_form_on_both_sides_of_midnight_is_one_row(client, code, at):
    at(MIDNIGHT - timedelta(minutes=2))
    form = open_form(client, code)
    first = client.post(f"/g/{code}", data=fill(form, **GOOD))
    at(MIDNIGHT + timedelta(minutes=1))
    again = client.post(f"/g/{code}", data=fill(form, **{**GOOD, "temperature": "38.0"}))
    assert again.location == first.location
    assert [row.day.isoformat() for row in rows()] == ["2026-11-20"]


def test_the_same_form_sent_in_parallel_over_midnight_is_one_row(app, client, code, at):
    at(MIDNIGHT - timedelta(seconds=30))
    data = fill(open_form(client, code), **GOOD)
    instants = itertools.cycle([MIDNIGHT - timedelta(milliseconds=1), MIDNIGHT + timedelta(milliseconds=1)])
    app.extensions["site"] = replace(app.extensions["site"], now=lambda: next(instants))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(app.test_client().post(f"/g/{code}", data=data)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {303} and len({a.location for a in answers}) == 1
    assert len(rows()) == 1


def test_a_visit_goes_on_over_midnight(client, code, at):
    at(MIDNIGHT - timedelta(hours=2))
    submit(client, code)
    at(MIDNIGHT + timedelta(hours=6))
    submit(client, code)
    assert [row.kind.value for row in rows()] == ["entry", "again"]


def test_a_lost_answer_leads_to_the_pass_though_an_emergency_has_begun(client, town, code):
    from tests.blueprints.test_gate_form import open_emergency

    form = open_form(client, code)
    first = client.post(f"/g/{code}", data=fill(form, **GOOD))
    open_emergency(town, "district", town.district.id)
    again = client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert again.location == first.location and len(rows()) == 1


def test_a_lost_answer_leads_to_the_pass_though_the_gate_is_paused(client, town, code):
    form = open_form(client, code)
    first = client.post(f"/g/{code}", data=fill(form, **GOOD))
    town.gate.pause(reason="消毒", now=NOW)
    db.session.commit()
    again = client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert again.location == first.location
    assert client.post(f"/g/{code}", data=GOOD).status_code == 503


def test_a_district_whose_scheme_begins_tomorrow_opens_its_gates_tomorrow(app, client, at):
    from tests import make

    home = make.district("鹭洲区", "luzhou")
    make.adopt(home, from_on=(NOW + timedelta(days=1)).date())
    street = make.save(make.Street(district_id=home.id, name="鹭洲街道"))
    code = make.gate(make.place(street, "鹭洲广场", opens=None, closes=None)).code.code
    assert client.get(f"/g/{code}").status_code == 503
    at(NOW + timedelta(days=1))
    assert client.get(f"/g/{code}").status_code == 200
