"""The guard's desk keeps up to date: nothing drawn where nothing moved, everything within one poll where something has."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from models.access import Post
from models.base import db
from models.places import ModeOrder
from tests import make
from tests.blueprints.test_gate_form import rows, submit
from tests.conftest import NOW
from tests.reader import read
from tests.statements import asked_by

HTMX = {"HX-Request": "true"}


@pytest.fixture
def code(town):
    return town.gate.code.code


@pytest.fixture
def guard(app, town) -> FlaskClient:
    return make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))


def poll_address(answer) -> str:
    return read(answer.data, whole="<html" in answer.text).one("div", id="desk").get("hx-get")


def opened(guard, town) -> str:
    return poll_address(guard.get(f"/gate?gate={town.gate.id}"))


def test_with_nothing_new_it_is_204_from_one_statement(guard, town, client, code):
    submit(client, code)
    address, answers = opened(guard, town), []
    asked = asked_by(lambda: answers.append(guard.get(address, headers=HTMX)))
    assert [answer.status_code for answer in answers] == [204]
    assert len(asked) == 1 and "login_session" not in asked[0]


def test_who_comes_in_shows_at_the_next_poll_and_that_answer_carries_the_next_ticket(
    guard, town, client, code
):
    address = opened(guard, town)
    submit(client, code)
    answer = guard.get(address, headers=HTMX)
    assert answer.status_code == 200 and "张**" in answer.text
    assert guard.get(poll_address(answer), headers=HTMX).status_code == 204


def test_who_comes_in_by_another_gate_draws_nothing(guard, town, client):
    address = opened(guard, town)
    submit(client, town.north.code.code)
    assert guard.get(address, headers=HTMX).status_code == 204


def test_who_asks_to_be_measured_again_stands_there_at_the_next_poll(guard, town, client, code):
    asked = submit(client, code, temperature="37.6").location
    address = opened(guard, town)
    client.post(f"{asked}/recheck")
    assert "请求复测" in guard.get(address, headers=HTMX).text


def test_a_reading_of_another_guard_shows_at_the_next_poll(guard, app, town, client, code):
    submit(client, code, mask="no")
    address = opened(guard, town)
    other = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    where = f"/gate/entries/{rows()[0].id}/measure"
    form = next(f for f in read(other.get(where).text).forms if "temperature" in f.choices)
    assert other.post(where, data=form.data(temperature="36.5", mask="yes")).status_code == 303
    answer = guard.get(address, headers=HTMX)
    assert answer.status_code == 200 and "请您处理" not in answer.text


def test_an_emergency_shows_at_the_next_poll(guard, town):
    address = opened(guard, town)
    make.save(
        ModeOrder.open(scope="place", scope_id=town.park.id, district_id=town.district.id, name="应急响应",
                       reason="演练", legal_basis="演练方案", responsible="周知行",
                       planned_end_on=NOW.date() + timedelta(days=9), now=NOW, by_id=None)
    )  # fmt: skip
    assert "应急状态" in guard.get(address, headers=HTMX).text


def test_the_ticket_ends_with_the_minute_and_its_word(guard, town, at):
    address = opened(guard, town)
    at(NOW + timedelta(seconds=33))  # 09:41:59
    assert guard.get(address, headers=HTMX).status_code == 204
    at(NOW + timedelta(seconds=34))
    answer = guard.get(address, headers=HTMX)
    assert answer.status_code == 200
    assert read(answer.data, whole=False).one("span", **{"data-left": "60"}) is not None


def test_a_ticket_opens_nothing_and_is_worth_nothing_elsewhere(guard, town, app, code, client):
    address = opened(guard, town)
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.GATE_GUARD, town.other.id))
    assert stranger.get(address, headers=HTMX).status_code == 404
    assert app.test_client().get(address).status_code in (302, 303)
    north = address.replace(f"gate={town.gate.id}", f"gate={town.north.id}")
    assert guard.get(north, headers=HTMX).status_code == 200
    for forged in (
        address[:-3] + "aaa",
        address.replace("ticket=", "ticket=9"),
        address.partition("ticket=")[0] + "ticket=",
    ):
        assert guard.get(forged, headers=HTMX).status_code == 200


def test_whoever_loses_the_post_sees_nothing_more_after_the_minute(guard, town, at, app):
    address = opened(guard, town)
    for post in db.session.query(make.Appointment).all():
        post.end(reason="调离", now=NOW)
    db.session.commit()
    at(NOW + timedelta(seconds=34))
    assert guard.get(address, headers=HTMX).status_code == 403
