"""People who come along (gate.md lesson 6): an own row and verdict each, one form, one answer."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.base import db
from models.gate import CheckIn, HandReason, Kind
from models.judging import Verdict
from tests.blueprints.test_gate_form import GOOD, fill, open_form, rows, said, submit
from tests.conftest import NOW
from tests.reader import read

CHILD = {"name_2": "张小满", "temperature_2": "36.8", "mask_2": "yes", "child_2": "yes"}


@pytest.fixture
def code(town):
    return town.gate.code.code


def with_room(client, code, number=1, **answers):
    """The form after asking `number` times for one more, filled as it is sent."""
    form = open_form(client, code)
    for _ in range(number):
        answer = client.post(f"/g/{code}", data=fill(form, **{**GOOD, **answers}) | {"more": "1"})
        assert answer.status_code == 200
        form = read(answer.text).forms[0]
    return form


def test_asking_for_room_keeps_what_was_typed_and_writes_nothing(client, code):
    form = with_room(client, code, 2)
    assert form.data()["name"] == ["张明远"] and form.data()["mobile"] == ["138 0013 8000"]
    assert {"name_2", "temperature_2", "mask_2", "name_3"} <= set(form.choices)
    assert "mobile_2" not in form.choices
    assert rows() == []


def test_each_is_a_row_with_an_own_verdict(client, code):
    form = with_room(client, code, 2)
    answer = client.post(
        f"/g/{code}",
        data=fill(form, **GOOD, **CHILD, name_3="欧阳清", temperature_3="37.5", mask_3="yes"),
    )
    assert answer.status_code == 303
    leader, child, friend = rows()
    assert [r.verdict for r in (leader, child, friend)] == [Verdict.PASS, Verdict.PASS, Verdict.REFUSED]
    assert {child.party, friend.party} == {leader.nonce} and leader.party is None
    assert child.hand_reason == HandReason.CHILD and friend.hand_reason is None
    assert child.mobile is None and child.mobile_index not in (None, leader.mobile_index, friend.mobile_index)
    assert len({r.call_number for r in (leader, child, friend)}) == 3


def test_an_empty_companion_did_not_come(client, code):
    client.post(f"/g/{code}", data=fill(with_room(client, code, 2), **GOOD))
    assert len(rows()) == 1


def test_what_is_wrong_with_a_companion_stands_beside_their_field_and_nobody_is_registered(client, code):
    form = with_room(client, code)
    answer = client.post(f"/g/{code}", data=fill(form, **GOOD, name_2="张小满", temperature_2="热"))
    assert answer.status_code == 422
    page = read(answer.text)
    assert "没有看懂“热”" in said(page, "temperature_2")
    assert "同行第1位" in page.text
    assert page.forms[0].data()["name_2"] == ["张小满"]
    assert rows() == []


def test_the_same_party_sent_twice_is_the_same_rows(client, code):
    data = fill(with_room(client, code), **GOOD, **CHILD)
    first, again = (client.post(f"/g/{code}", data=data) for _ in range(2))
    assert first.location == again.location
    assert len(rows()) == 2


def test_the_same_people_again_at_another_gate_move_and_enter_once(client, town, code):
    client.post(f"/g/{code}", data=fill(with_room(client, code), **GOOD, **CHILD))
    north = town.north.code.code
    client.post(f"/g/{north}", data=fill(with_room(client, north), **GOOD, **CHILD))
    assert [r.kind for r in rows()] == [Kind.ENTRY, Kind.ENTRY, Kind.MOVE, Kind.MOVE]


def test_a_refused_child_does_not_pass_by_a_second_form(client, code):
    feverish = CHILD | {"temperature_2": "38.0"}
    client.post(f"/g/{code}", data=fill(with_room(client, code), **GOOD, **feverish))
    client.post(f"/g/{code}", data=fill(with_room(client, code), **GOOD, **CHILD))
    again = db.session.scalars(select(CheckIn).where(CheckIn.name == "张小满").order_by(CheckIn.id)).all()[-1]
    assert again.verdict == Verdict.ATTENTION and again.reason_list[-1][0] == "earlier"


def test_there_is_room_for_eight_and_no_more(client, code):
    form = with_room(client, code, 8)
    assert "name_9" in form.choices
    answer = client.post(f"/g/{code}", data=fill(form, **GOOD) | {"more": "1"})
    assert "name_10" not in read(answer.text).forms[0].choices


@pytest.mark.parametrize("company", ["-1", "99999999999", "二", "1e3", "٣", ""])
def test_a_forged_number_of_companions_is_no_error(client, code, company):
    data = fill(open_form(client, code), **GOOD) | {"company": company, "name_2": "张小满"}
    assert client.post(f"/g/{code}", data=data).status_code in (303, 422)


def test_visits_elsewhere_end_when_somebody_comes_in_here(client, town, code, at):
    submit(client, code)
    at(NOW + timedelta(minutes=10))
    submit(client, town.other_gate.code.code)
    here, there = rows()
    assert (here.left_how.value, here.left_at) == ("moved", there.occurred_at)
    assert there.is_inside and not here.is_inside


def test_the_first_row_that_is_let_in_is_the_entry(client, town, code):
    submit(client, code, temperature="35.0")
    submit(client, code, temperature="36.5")
    assert [(r.verdict, r.kind) for r in rows()] == [
        (Verdict.ATTENTION, Kind.AGAIN),
        (Verdict.PASS, Kind.ENTRY),
    ]
