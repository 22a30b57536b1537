"""The pass of several people (gate.md lesson 6), and leaving from it; presence confirmed by the gate's own tablet (lesson 2)."""

import pytest

from models.gate import Departure
from models.rotating import rotating
from tests.blueprints.test_companions import CHILD, with_room
from tests.blueprints.test_gate_form import GOOD, fill, open_form, rows, submit
from tests.conftest import NOW
from tests.reader import read


@pytest.fixture
def code(town):
    return town.gate.code.code


def party(client, code, **changes):
    form = with_room(client, code)
    return client.post(f"/g/{code}", data=fill(form, **GOOD, **{**CHILD, **changes})).location


def test_one_pass_lists_everybody_who_may_not_enter_first(client, code):
    page = read(client.get(party(client, code, temperature_2="37.5")).text)
    assert page.h1 == "同行2人：1人禁止进入，1人通行"
    lines = page.text.splitlines()
    first, then = (next(n for n, line in enumerate(lines) if name in line) for name in ("张**", "张**"))
    assert "叫号101" in page.text and "叫号100" in page.text and first <= then
    assert page.text.index("叫号101") < page.text.index("叫号100")
    assert "体温37.5℃，达到37.3℃" in page.text and "一起进，或一起等" in page.text


def test_a_party_that_passes_carries_the_word(client, code):
    text = read(client.get(party(client, code)).text).text
    assert "2人通行" in text and "此刻口令" in text


def test_a_party_leaves_together(client, code):
    address = party(client, code)
    client.post(f"{address}/leave")
    assert [row.left_how for row in rows()] == [Departure.SELF, Departure.SELF]
    assert "已离开" in read(client.get(address).text).text


def test_whoever_passes_can_leave_and_is_told_so(client, code):
    address = submit(client, code).location
    form = next(f for f in read(client.get(address).text).forms if f.action.endswith("/leave"))
    client.post(form.action, data=form.data())
    (row,) = rows()
    assert (row.left_at, row.left_how) == (NOW, Departure.SELF)
    assert "您09:41已经登记离开" in read(client.get(address).text).text


def test_the_guard_is_asked_for_everybody_who_waits(client, code):
    address = party(client, code, temperature_2="37.5")
    client.post(f"{address}/recheck")
    leader, child = rows()
    assert leader.recheck_asked_at is None and child.recheck_asked_at == NOW


def test_the_gates_own_tablet_confirms_presence(app, client, town, code):
    shown = rotating(app.extensions["site"].vault, town.gate.id, NOW)
    form = open_form(client, f"/g/{code}?at={shown}")
    client.post(f"/g/{code}", data=fill(form, **GOOD))
    (row,) = rows()
    assert row.confirmed_at == NOW and row.confirmed_by_id is None


@pytest.mark.parametrize("shown", ["", "x" * 12, "é"])
def test_anything_else_in_the_address_is_only_declared(client, code, shown):
    form = open_form(client, f"/g/{code}?at={shown}")
    client.post(f"/g/{code}", data=fill(form, **GOOD))
    assert rows()[0].confirmed_at is None


def test_a_form_that_comes_back_with_errors_is_still_the_tablets(app, client, town, code):
    shown = rotating(app.extensions["site"].vault, town.gate.id, NOW)
    form = open_form(client, f"/g/{code}?at={shown}")
    answer = client.post(f"/g/{code}", data=fill(form, **{**GOOD, "temperature": ""}))
    again = read(answer.text).forms[0]
    client.post(f"/g/{code}", data=fill(again, **GOOD))
    assert rows()[0].confirmed_at == NOW
