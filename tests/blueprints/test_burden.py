"""What reporting costs and spares: fields nobody typed, requests nobody answered twice, minutes; and the device's own clock."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.access import Post
from models.base import db
from models.burden import Burden, burden_of, median, together
from models.obligations import Kind, Obligation
from models.reports import ReportVersion
from tests import make, towns
from tests.blueprints.test_reports import NUMBERS
from tests.forms import landed, opened
from tests.november import LEDGER, on, work
from tests.reader import read
from tests.statements import statements_of


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("16 08:00"))
    town = towns.found(on("16 08:00"))
    work(*LEDGER)
    at(on("20 09:00"))
    db.session.rollback()
    return town


@pytest.fixture
def client(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))


def form_of(client, address):
    return next(form for form in opened(client, address).forms if "fever" in form.choices)


def filed(client, address, at, minutes=4, **more):
    form = form_of(client, address)
    at(on("20 09:00") + timedelta(minutes=minutes))
    return landed(client, client.post(address, data=form.data(**NUMBERS) | {"step": "file"} | more))


def version():
    db.session.rollback()
    return db.session.scalars(select(ReportVersion).order_by(ReportVersion.id.desc())).first()


def address(town) -> str:
    return f"/enterprises/{town.tenant.id}/reports/2026-11-16"


def test_how_long_filling_took_is_counted_from_the_first_look_through_every_refusal(town, client, at):
    form = form_of(client, address(town))
    at(on("20 09:02"))
    answer = client.post(address(town), data=form.data(**NUMBERS | {"fever": "x"}) | {"step": "file"})
    assert answer.status_code == 422
    again = next(form for form in read(answer.text).forms if "fever" in form.choices)
    at(on("20 09:06"))
    landed(client, client.post(address(town), data=again.data(fever="0") | {"step": "file"}))
    assert version().seconds == 6 * 60


@pytest.mark.parametrize("opened", ["", "x", "-1", "99999999999999", "4102444800", "1"])
def test_a_forged_time_of_opening_is_no_time_at_all(town, client, at, opened):
    filed(client, address(town), at, opened=opened)
    assert version().seconds is None


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [("2026-11-20T01:04:00.000Z", True), ("2026-11-23T23:00:00+08:00", True), ("", False), ("gestern", False),
     ("2026-11-20T09:04:00", False), ("0001-01-01T00:00:00+23:59", False), ("9" * 300, False)],
)  # fmt: skip
def test_the_devices_own_time_is_a_claim_beside_ours_and_changes_nothing(town, client, at, claimed, kept):
    page = filed(client, address(town), at, device_time=claimed)
    found = version()
    assert found.at == on("20 09:04")
    assert (found.claimed_at is not None) is kept
    assert ("填报设备的时间是11月23日23:00" in page.text) is (claimed[:13] == "2026-11-23T23")
    assert "算迟报" not in page.text


def test_the_account_counts_what_is_within_reach_and_says_how(app, town, client, at):
    filed(client, address(town), at, minutes=4)
    unit = make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))
    page = opened(unit, "/reports/burden")
    assert "3 份" in page.text  # place, unit, community and district read the same one
    assert "4.0<small> 分钟</small>" in page.html and "周报" in page.text
    found = burden_of(db.session(), Obligation.live(), on("16 00:00"))[Kind.WEEK]
    assert (found.reports, found.spared, found.asked, found.seconds) == (
        1,
        3,
        len(NUMBERS),
        Counter({240: 1}),
    )
    elsewhere = make.account(make.district("鹭洲区", "luzhou"), Post.TASK_FORCE)
    assert "没有收到报送" in opened(make.sign_in(app.test_client(), elsewhere), "/reports/burden").text


def test_a_correction_is_no_second_report_and_an_old_one_is_left_out(town, client, at):
    filed(client, address(town), at)
    form = form_of(client, address(town))
    landed(
        client,
        client.post(
            address(town), data=form.data(**NUMBERS | {"fever": "1"}) | {"step": "file", "reason": "补报"}
        ),
    )
    found = burden_of(db.session(), Obligation.live(), on("16 00:00"))
    assert found[Kind.WEEK].reports == 1
    assert burden_of(db.session(), Obligation.live(), on("21 00:00")) == {}


def test_a_zero_report_was_typed_by_nobody(town, client):
    form = next(f for f in opened(client, address(town)).forms if f.buttons and f.buttons[0][1] == "zero")
    landed(client, client.post(address(town), data=form.data() | {"step": "zero"}))
    found = burden_of(db.session(), Obligation.live(), on("16 00:00"))[Kind.WEEK]
    assert (found.zero, found.prefilled) == (1, found.asked)


def test_the_median_is_the_middle_one():
    assert median({}) is None
    assert median({60: 1}) == 60
    assert median({10: 2, 60: 1, 500: 2}) == 60
    assert median({10: 1, 60: 1}) == 10
    both = together([Burden(1, seconds=Counter({5: 1})), Burden(2, seconds=Counter({5: 1, 9: 1}))])
    assert (both.reports, both.median_seconds) == (3, 5)
    assert Burden().prefilled_rate is None


def test_the_page_asks_as_often_for_many_reports_as_for_none(app, town, client, at):
    unit = make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))
    opened(unit, "/reports/burden")
    none = statements_of(lambda: unit.get("/reports/burden"))
    filed(client, address(town), at)
    opened(unit, "/reports/burden")  # keeps that the person was seen
    assert statements_of(lambda: unit.get("/reports/burden")) == none


def test_the_menu_says_that_one_is_here_and_not_among_the_reports(app, town):
    page = opened(make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE)), "/reports/burden")
    here = [one for one in page.all("a") if one.get("aria-current") == "page"]
    assert ["".join(one.itertext()).strip() for one in here if "减负账" in "".join(one.itertext())] == [
        "减负账"
    ]
    assert not any("报送" in "".join(one.itertext()) for one in here)
