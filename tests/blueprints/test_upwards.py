"""A unit's report upwards: its sums confirmed, corrected with a reason, taken or sent back; what changes afterwards is seen."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.access import Post
from models.base import db
from models.ledger import recent
from models.reports import Source, alone, file
from models.unit_reports import UnitReport
from tests import make, towns
from tests.forms import landed, opened, refused, submit
from tests.november import on

UP, RECEIVED = "/reports/upwards", "/reports/upwards/received"
WEEK = "period=20261116-20261122-normal"


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def people(app, town):
    known = {
        post: town.officer(post)
        for post in (Post.TASK_FORCE, Post.UNIT_LIAISON, Post.SPECIALIST, Post.HEALTH_MANAGER)
    }
    return lambda post: make.sign_in(app.test_client(), known[post])


@pytest.fixture
def firms(town, clock, people):
    """Two of the unit, one of nobody's; in the week after."""
    second = make.enterprise(town.street, "远山软件", at=town.park, unit_id=town.unit.id)
    make.enterprise(town.street, "街上的店", at=town.other)
    clock("16 08:00")
    return [town.tenant, second]


def filed(firm, at: str, **numbers: int) -> None:
    by = db.session.scalars(select(make.Account).order_by(make.Account.id.desc())).first()
    one = alone(db.session(), recent(db.session(), firm.id, 9)[-1])
    file(
        db.session(), one, {"expected": 50, "present": 48, "fever": 0} | numbers, archive={}, comments={}, source=Source.FORM,
        key=f"{firm.id} {at}", seen=one.version, reason="更正", now=on(at), by=by,
    )  # fmt: skip
    db.session.commit()


def sent() -> list[UnitReport]:
    db.session.rollback()
    return list(db.session.scalars(select(UnitReport).order_by(UnitReport.number)))


def judged(client, one: UnitReport, verdict: str, words: str):
    """Presses one of the two buttons."""
    form = opened(client, f"{UP}/{one.id}").form(f"{UP}/{one.id}/judge")
    return client.post(form.action, data=form.data(words=words) | {"verdict": verdict})


def test_the_sums_go_up_with_a_comment_and_what_changes_after_is_seen(town, firms, clock, people):
    filed(firms[0], "22 09:00", fever=1)
    clock("22 12:00")
    assert (
        "截止以后，或者都报齐了，就可以上报；现在还有1家没有报"
        in opened(people(Post.UNIT_LIAISON), f"{UP}?{WEEK}").text
    )
    clock("23 12:01")
    liaison = people(Post.UNIT_LIAISON)
    landed(liaison, submit(liaison, f"{UP}?{WEEK}", comment="远山软件停电，明天补报"))
    (one,) = sent()
    assert (
        one.number,
        one.counts["expected"],
        one.counts["received"],
        one.sums["present"],
        one.sums["fever"],
    ) == (1, 2, 1, 48, 1)
    assert (one.scope, one.scope_id) == ("unit", town.unit.id)
    filed(firms[1], "23 13:00", fever=2)
    clock("23 13:01")
    force = people(Post.TASK_FORCE)
    assert "远山软件停电" in opened(force, f"{RECEIVED}?{WEEK}").text
    page = opened(force, f"{UP}/{one.id}")
    assert "上报以后有变化" in page.text
    assert "℃以上）1 → 3" in page.text
    assert "已报1 → 2" in page.text
    liaison = people(Post.UNIT_LIAISON)
    assert "更正要写一句原因" in refused(submit(liaison, f"{UP}?{WEEK}", comment=" "))
    landed(liaison, submit(liaison, f"{UP}?{WEEK}", comment="远山软件已补报"))
    assert [row.number for row in sent()] == [1, 2]
    landed(liaison, submit(liaison, f"{UP}?{WEEK}", comment="远山软件已补报"))
    assert [row.sums["fever"] for row in sent()] == [1, 3]


def test_the_district_sends_back_with_a_sentence_and_takes_the_newest_alone(town, firms, clock, people):
    clock("23 12:01")
    liaison, force = people(Post.UNIT_LIAISON), people(Post.TASK_FORCE)
    landed(liaison, submit(liaison, f"{UP}?{WEEK}", comment="都没有报"))
    (first,) = sent()
    assert "请写哪里不对" in refused(judged(force, first, "returned", ""))
    landed(force, judged(force, first, "returned", "先催企业补报"))
    assert "先催企业补报" in opened(liaison, f"{UP}?{WEEK}").text
    landed(liaison, submit(liaison, f"{UP}?{WEEK}", comment="催过了，停业"))
    _, second = sent()
    assert "不用再审核" not in opened(force, f"{UP}/{second.id}").text
    landed(force, judged(force, second, "accepted", ""))
    assert [row.verdict.value for row in sent()] == ["returned", "accepted"]
    assert "1个单位还没有上报" not in opened(force, f"{RECEIVED}?{WEEK}").text


def test_nobody_reports_for_others_or_judges_from_elsewhere(town, firms, clock, people):
    clock("23 12:01")
    specialist = people(Post.SPECIALIST)
    landed(specialist, submit(specialist, f"{UP}?{WEEK}&of=unit-{town.unit.id}", comment=""))
    (one,) = sent()
    assert (one.scope, one.scope_id) == ("place", town.park.id)
    assert people(Post.TASK_FORCE).get(UP).status_code == 403
    other = make.district("芦洲区", "luzhou")
    stranger = make.account(other, Post.TASK_FORCE, other.id)
    client = make.sign_in(specialist, stranger)
    assert client.get(f"{UP}/{one.id}").status_code == 404
    assert client.post(f"{UP}/{one.id}/judge", data={"verdict": "accepted"}).status_code in (400, 404)
    assert sent()[0].verdict.value == "waiting"
