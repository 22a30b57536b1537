"""An officer's portfolio passes to a successor: seen first, in one act, for good or for a leave that ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.access import Post
from models.base import db, local
from models.contacts import About, Contact, Way
from models.hand_over import PortfolioHandOver
from models.saved_filters import SavedFilter
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


# --- what is the holder's own: saved filters, and what is agreed in the contact log ---


@pytest.fixture
def filters(officer):
    """Two filters of the holder's."""
    rows = [("缺岗位", "lack=posts"), ("青禾", "q=%E9%9D%92%E7%A6%BE")]
    return [
        make.save(SavedFilter(account_id=officer.id, list="enterprises", name=n, query=q)) for n, q in rows
    ]


def agreed(town, by, days=3, note="约好再打", at=NOW - timedelta(hours=1)):
    """A contact with the tenant, that agrees on another one."""
    db.session.rollback()
    contact = Contact.write(
        town.tenant.id, way=Way.PHONE, about=About.URGE, at=at, note=note, by=by, now=at,
        next_on=TODAY + timedelta(days=days),
    )  # fmt: skip
    return make.save(contact)


def signed_in(app, person):
    """As a browser of this very moment."""
    db.session.rollback()
    return make.sign_in(app.test_client(), person)


def names_of(app, person):
    """What stands on a person's page of filters."""
    page = opened(signed_in(app, person), "/enterprises/filters")
    return ["".join(th.itertext()) for th in page.all("th") if th.get("scope") == "row"]


def test_filters_and_agreements_are_counted_in_the_preview(force, town, officer, colleague, filters):
    agreed(town, officer)
    text = hand(force, officer, colleague, step="").text
    assert "约好下次联络的企业" in text and "2个，陆清和得到同样的一份" in text
    ends = (TODAY + timedelta(days=9)).isoformat()
    text = hand(force, officer, colleague, step="", how="leave", leave_ends_on=ends).text
    assert "2个，陆清和得到同样的一份，代管结束就收回" in text
    db.session.rollback()
    assert db.session.query(SavedFilter).count() == 2


def test_for_good_the_successor_has_the_filters_as_their_own(app, force, officer, colleague, filters):
    make.save(SavedFilter(account_id=colleague.id, list="enterprises", name="缺岗位", query="lack=team"))
    assert hand(force, officer, colleague).status_code == 303
    assert names_of(app, colleague) == ["缺岗位", "缺岗位（周知行）", "青禾"]
    client = signed_in(app, colleague)
    page = opened(client, "/enterprises/filters")
    assert "周知行移交" in page.text and "现在1个，另有接手的2个" in page.text
    copy = db.session.query(SavedFilter).filter_by(account_id=colleague.id, name="青禾").one()
    form = page.form(f"/enterprises/filters/{copy.id}/delete")
    assert client.post(form.action, data=form.data()).status_code == 303
    assert names_of(app, colleague) == ["缺岗位", "缺岗位（周知行）"]
    db.session.rollback()
    assert db.session.query(SavedFilter).filter_by(account_id=officer.id).count() == 2


def test_what_the_successor_asks_already_is_not_copied_however_many_portfolios_pass(
    app, town, force, officer, colleague, filters
):
    from models.places import Unit

    second = make.appoint(
        officer, Post.UNIT_LIAISON, make.save(Unit(district_id=town.district.id, name="区教育局")).id
    )
    make.save(SavedFilter(account_id=colleague.id, list="enterprises", name="我的缺岗", query="lack=posts"))
    assert hand(force, officer, colleague).status_code == 303
    address = f"/hand-over/{second.id}"
    form = next(one for one in opened(force, address).forms if "successor" in one.choices)
    values = {"how": "good", "starts_on": TODAY.isoformat(), "reason": "调岗", "successor": str(colleague.id)}
    assert force.post(address, data=form.data(**values) | {"step": "do"}).status_code == 303
    assert names_of(app, colleague) == ["我的缺岗", "青禾"]


def test_for_a_leave_the_filters_come_and_go_by_themselves(app, force, officer, colleague, filters, at):
    begins, ends = TODAY + timedelta(days=3), TODAY + timedelta(days=20)
    values = {"how": "leave", "starts_on": begins.isoformat(), "leave_ends_on": ends.isoformat()}
    assert hand(force, officer, colleague, **values).status_code == 303
    for offset, expected in ((0, []), (3, ["缺岗位", "青禾"]), (20, ["缺岗位", "青禾"]), (21, [])):
        at(NOW + timedelta(days=offset))
        assert names_of(app, colleague) == expected, offset
    assert names_of(app, officer) == ["缺岗位", "青禾"]


def test_filters_go_back_with_an_early_return_and_never_come_with_an_undone_hand_over(
    app, force, officer, colleague, filters, at
):
    ends = (TODAY + timedelta(days=20)).isoformat()
    assert hand(force, officer, colleague, how="leave", leave_ends_on=ends).status_code == 303
    assert names_of(app, colleague) == ["缺岗位", "青禾"]
    at(NOW + timedelta(minutes=5))
    form = opened(force, "/hand-over").form(f"/hand-over/{made()[0].id}/end")
    assert force.post(form.action, data=form.data()).status_code == 303
    assert names_of(app, colleague) == []
    later = (TODAY + timedelta(days=2)).isoformat()
    (back,) = [one for one in officer.appointments if one.ended_at is None and one.starts_on == TODAY]
    address = f"/hand-over/{back.id}"
    form = next(one for one in opened(force, address).forms if "successor" in one.choices)
    values = {"how": "good", "starts_on": later, "reason": "调岗", "successor": str(colleague.id)}
    assert force.post(address, data=form.data(**values) | {"step": "do"}).status_code == 303
    form = opened(force, "/hand-over").form(f"/hand-over/{made()[1].id}/undo")
    assert force.post(form.action, data=form.data()).status_code == 303
    at(NOW + timedelta(days=3))
    assert names_of(app, colleague) == []


def test_agreements_of_the_old_holder_are_the_successors_to_keep_and_correct(
    app, force, town, officer, colleague
):
    one = agreed(town, officer)
    db.session.rollback()
    assert signed_in(app, colleague).get(f"/contacts/{one.id}/void").status_code == 404
    assert hand(force, officer, colleague).status_code == 303
    client = signed_in(app, colleague)
    log = f"/places/{town.park.id}/contact-log"
    assert (
        "约好再打" in opened(client, f"{log}?waits=1").text
        and "约好再打" in opened(client, f"{log}?own=1").text
    )
    page = opened(client, f"/contacts/{one.id}/correct")
    form = next(f for f in page.forms if "next_on" in f.choices)
    answer = client.post(f"/contacts/{one.id}/correct", data=form.data(next_on="2026-11-27"))
    assert answer.status_code == 303
    db.session.rollback()
    db.session.expire_all()
    old, fresh = db.session.query(Contact).order_by(Contact.id).all()
    assert (old.by_id, fresh.by_id, fresh.corrects_id) == (officer.id, colleague.id, old.id)
    assert old.void_reason == "更正" and fresh.next_on.isoformat() == "2026-11-27"


def test_what_was_only_said_or_has_been_kept_since_stays_its_writers(app, force, town, officer, colleague):
    plain = Contact.write(
        town.tenant.id, way=Way.PHONE, about=About.URGE, at=NOW - timedelta(hours=3), note="", next_on=None,
        by=officer, now=NOW - timedelta(hours=3),
    )  # fmt: skip
    make.save(plain)
    kept = agreed(town, officer, at=NOW - timedelta(hours=2))
    waits = agreed(town, officer, at=NOW - timedelta(hours=1))
    db.session.rollback()
    assert hand(force, officer, colleague).status_code == 303
    client = signed_in(app, colleague)
    statuses = [client.get(f"/contacts/{one.id}/void").status_code for one in (plain, kept, waits)]
    assert statuses == [404, 404, 200]


def test_after_a_leave_what_the_substitute_agreed_is_the_old_holders(
    app, force, town, officer, colleague, at
):
    before = agreed(town, officer, days=30)
    ends = (TODAY + timedelta(days=5)).isoformat()
    assert hand(force, officer, colleague, how="leave", leave_ends_on=ends).status_code == 303
    assert signed_in(app, colleague).get(f"/contacts/{before.id}/void").status_code == 200
    at(NOW + timedelta(days=2))
    meanwhile = agreed(town, colleague, days=30, note="代管时约的", at=NOW + timedelta(days=2))
    db.session.rollback()
    assert signed_in(app, officer).get(f"/contacts/{meanwhile.id}/void").status_code == 403  # on leave
    at(NOW + timedelta(days=6))
    assert signed_in(app, officer).get(f"/contacts/{meanwhile.id}/void").status_code == 200
    assert signed_in(app, colleague).get(f"/contacts/{meanwhile.id}/void").status_code == 404  # out of reach


def test_a_portfolio_that_passed_twice_brings_the_agreements_of_both(app, force, town, officer, colleague):
    one = agreed(town, officer)
    third = make.account(town.district, Post.UNIT_LIAISON, colleague.appointments[0].scope_id, name="程知夏")
    assert hand(force, officer, colleague).status_code == 303
    db.session.rollback()
    new = made()[0].new_id
    address = f"/hand-over/{new}"
    form = next(one for one in opened(force, address).forms if "successor" in one.choices)
    values = {"how": "good", "starts_on": TODAY.isoformat(), "reason": "调岗", "successor": str(third.id)}
    assert force.post(address, data=form.data(**values) | {"step": "do"}).status_code == 303
    assert signed_in(app, third).get(f"/contacts/{one.id}/void").status_code == 200
