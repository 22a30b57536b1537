"""An officer's portfolio passes to a successor: seen first, in one act, for good or for a leave that ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.access import Post
from models.base import db, local
from models.hand_over import PortfolioHandOver
from tests import make
from tests.conftest import NOW
from tests.forms import opened

TODAY = local(NOW).date()


@pytest.fixture
def officer(town):
    return town.officer(Post.UNIT_LIAISON, name="周知行")


@pytest.fixture
def colleague(town):
    from models.places import Unit

    unit = make.save(Unit(district_id=town.district.id, name="区商务局"))
    return make.account(town.district, Post.UNIT_LIAISON, unit.id, name="陆清和")


@pytest.fixture
def force(client, town, officer, colleague):
    return make.sign_in(client, town.officer(Post.TASK_FORCE, name="程远志"))


def hand(client, officer, successor, step="do", **values):
    address = f"/hand-over/{officer.appointments[0].id}"
    (form,) = (one for one in opened(client, address).forms if "successor" in one.choices)
    values = {"how": "good", "starts_on": TODAY.isoformat(), "reason": "调岗"} | values
    return client.post(address, data=form.data(successor=str(successor.id), **values) | {"step": step})


def holders(town, on):
    """Who is responsible for the unit on a day."""
    from sqlalchemy import select

    from models.accounts import Appointment

    db.session.rollback()
    rows = db.session.scalars(
        select(Appointment).where(Appointment.post == Post.UNIT_LIAISON, Appointment.scope_id == town.unit.id)
    )
    return [one.account.name for one in rows if one.holds(on)]


def made():
    db.session.rollback()
    return db.session.query(PortfolioHandOver).order_by(PortfolioHandOver.id).all()


def test_what_passes_is_shown_before_anything_is_done(force, town, officer, colleague):
    answer = hand(force, officer, colleague, step="")
    assert answer.status_code == 200
    assert (
        "企业" in answer.text and "1家，都由陆清和接着办" in answer.text and "仍写周知行的名字" in answer.text
    )
    assert made() == []
    assert holders(town, TODAY) == ["周知行"]


def test_at_once_and_for_good(force, town, officer, colleague):
    assert hand(force, officer, colleague).status_code == 303
    (row,) = made()
    assert holders(town, TODAY) == ["陆清和"]
    assert row.old.account.name == "周知行" and "移交给陆清和" in row.old.end_reason
    assert row.new.ends_on == row.old_ends_on
    assert "已移交" in force.get("/hand-over").text


def test_on_a_later_day_nobody_is_without_an_owner_and_it_may_be_undone_before(
    force, town, officer, colleague
):
    begins = TODAY + timedelta(days=10)
    assert hand(force, officer, colleague, starts_on=begins.isoformat()).status_code == 303
    assert [holders(town, TODAY + timedelta(days=n)) for n in (0, 9, 10)] == [
        ["周知行"],
        ["周知行"],
        ["陆清和"],
    ]
    (row,) = made()
    page = opened(force, "/hand-over")
    form = page.form(f"/hand-over/{row.id}/undo")
    assert force.post(form.action, data=form.data()).status_code == 303
    assert [holders(town, TODAY + timedelta(days=n)) for n in (0, 10, 100)] == [["周知行"]] * 3
    assert force.post(form.action, data=form.data()).status_code == 409


def test_a_leave_ends_by_itself(force, town, officer, colleague):
    begins, ends = TODAY + timedelta(days=3), TODAY + timedelta(days=20)
    values = {
        "how": "leave",
        "starts_on": begins.isoformat(),
        "leave_ends_on": ends.isoformat(),
        "reason": "休假",
    }
    assert hand(force, officer, colleague, **values).status_code == 303
    for offset, name in ((2, "周知行"), (3, "陆清和"), (20, "陆清和"), (21, "周知行")):
        assert holders(town, TODAY + timedelta(days=offset)) == [name], offset
    (row,) = made()
    assert row.back.ends_on == row.old_ends_on


def test_whoever_comes_back_early_is_responsible_from_that_day(force, town, officer, colleague, at):
    ends = TODAY + timedelta(days=20)
    assert hand(force, officer, colleague, how="leave", leave_ends_on=ends.isoformat()).status_code == 303
    at(NOW + timedelta(minutes=5))
    form = opened(force, "/hand-over").form(f"/hand-over/{made()[0].id}/end")
    assert force.post(form.action, data=form.data()).status_code == 303
    for offset in (0, 20, 21):
        assert holders(town, TODAY + timedelta(days=offset)) == ["周知行"], offset


def test_a_colleague_who_has_the_same_already_is_not_appointed_twice(force, town, officer):
    same = town.officer(Post.UNIT_LIAISON, name="许安然")
    assert hand(force, officer, same).status_code == 303
    assert made()[0].new is None
    assert holders(town, TODAY) == ["许安然"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"starts_on": "2026-11-19"}, "已经过去"), ({"starts_on": "2027-04-01"}, "任期2027年3月31日就结束"),
        ({"how": "leave"}, "请填代管到哪天"), ({"how": "leave", "leave_ends_on": "2026-11-01"}, "早于移交"),
        ({"how": "leave", "leave_ends_on": "2027-03-31"}, "代管要在这之前结束"), ({"reason": ""}, "请写一句原因"),
    ],
)  # fmt: skip
def test_days_that_leave_somebody_without_an_owner_are_refused_in_words(
    force, officer, colleague, values, words
):
    answer = hand(force, officer, colleague, **values)
    assert answer.status_code == 422 and words in answer.text
    assert made() == []


def test_one_hands_over_one_s_own_for_a_leave_to_a_colleague_alone(app, town, officer, colleague):
    specialist = town.officer(Post.SPECIALIST, name="专员")
    me = make.sign_in(app.test_client(), officer)
    page = opened(me, f"/hand-over/{officer.appointments[0].id}")
    assert "陆清和" in page.text and "专员（" not in page.text and "长期移交" not in page.text
    ends = (TODAY + timedelta(days=5)).isoformat()
    assert hand(me, officer, specialist, how="leave", leave_ends_on=ends).status_code == 422
    assert hand(me, officer, colleague).status_code == 422  # for good
    assert made() == []
    assert hand(me, officer, colleague, how="leave", leave_ends_on=ends).status_code == 303
    assert holders(town, TODAY) == ["陆清和"]


def test_nobody_hands_over_what_is_another_s(app, town, officer, colleague):
    address = f"/hand-over/{officer.appointments[0].id}"
    db.session.rollback()
    stranger = make.sign_in(app.test_client(), colleague)
    assert stranger.get(address).status_code == 404
    far = make.district("鹭洲区", "luzhou")
    force = make.sign_in(app.test_client(), make.account(far, Post.TASK_FORCE))
    assert force.get(address).status_code == 404
    assert "周知行" not in force.get("/hand-over").text
