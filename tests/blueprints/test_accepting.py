"""Several reports are accepted at once, each by the rule for one; and what waits for an officer stands on the page of the day."""

from __future__ import annotations

from datetime import date

import pytest

from models.access import Post
from models.audit import AuditLine
from models.base import db, local
from models.clusters import Stage
from models.ledger import recent
from models.letters import LetterState
from models.obligations import Obligation, Review
from models.reports import Source, alone, file
from tests import make, towns
from tests.forms import opened
from tests.november import on
from tests.statements import statements_of

WAITING, ACCEPT = "/reports", "/reports/accept"


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def firms(town, clock):
    found = [town.tenant, *(_firm(town, number) for number in range(3))]
    clock("16 08:00")
    clock("20 09:00")
    return found


def signed_in(app, town, post: Post):
    return make.sign_in(app.test_client(), town.officer(post))


def _firm(town, number: int):
    return make.enterprise(
        town.street,
        f"企业{number}号有限公司",
        at=town.park,
        unit_id=town.unit.id,
        short_name=f"企业{number}号",
    )


def filed(firm, by, at: str = "20 09:00", **numbers: int) -> Obligation:
    one = next(row for row in recent(db.session(), firm.id, 9) if row.first_on == date(2026, 11, 16))
    file(
        db.session(), alone(db.session(), one), {"expected": 9, "present": 9, "fever": 0} | numbers, archive={}, comments={},
        source=Source.FORM, key=f"{firm.id} {at}", seen=one.version, reason="更正", now=on(at), by=by,
    )  # fmt: skip
    db.session.commit()
    return one


def accept(client, ticks: list[str]):
    token = next(form for form in opened(client, f"{WAITING}?all=1").forms if ACCEPT in form.action).fields[
        "csrf_token"
    ][0]
    return client.post(ACCEPT, data={"csrf_token": token, "one": ticks})


def reviews(*some: Obligation) -> list[Review | None]:
    db.session.rollback()
    db.session.expire_all()
    return [db.session.get_one(Obligation, one.id).review for one in some]


def test_the_ticked_are_accepted_and_the_others_wait_on(app, town, firms):
    manager = town.officer(Post.HEALTH_MANAGER)
    found = [filed(firm, manager) for firm in firms]
    client = signed_in(app, town, Post.UNIT_LIAISON)
    assert opened(client, WAITING).html.count(" checked") == 0
    page = opened(client, f"{WAITING}?all=1")
    assert page.html.count(" checked") == 4
    assert accept(client, [f"{one.id}:1" for one in found[:3]]).status_code == 303
    assert reviews(*found) == [Review.ACCEPTED] * 3 + [Review.WAITING]
    assert "已审核通过3份" in opened(client, WAITING).text
    line = db.session.query(AuditLine).filter_by(action="report:review", result="done").one()
    assert '"count": 3' in line.details


def test_each_is_judged_by_the_rule_for_one_and_what_is_refused_is_named(app, town, firms):
    """Not one's own filing, nor that of the own enterprise, nor what has been corrected since it was shown."""
    person = make.account(town.district, Post.UNIT_LIAISON, town.unit.id)
    make.appoint(person, Post.HEALTH_MANAGER, firms[1].id)
    manager = town.officer(Post.HEALTH_MANAGER)
    mine, own, corrected, other = (
        filed(firms[0], person), filed(firms[1], manager), filed(firms[2], manager), filed(firms[3], manager)
    )  # fmt: skip
    filed(firms[2], manager, "20 09:30", visitors=3)
    client = make.sign_in(app.test_client(), person)
    accept(client, [f"{one.id}:1" for one in (mine, own, corrected, other)])
    assert reviews(mine, own, corrected, other) == [Review.WAITING] * 3 + [Review.ACCEPTED]
    text = opened(client, WAITING).text
    assert "已审核通过1份" in text
    assert "青禾生物11月16日至22日周报：自己报的、自己企业的，要由别人审核" in text
    assert "企业0号11月16日至22日周报：自己报的、自己企业的，要由别人审核" in text
    assert "企业1号11月16日至22日周报：刚刚更正过，现在是第2版" in text


def test_nobody_accepts_what_is_out_of_reach_or_not_ticked(app, town, firms):
    one = filed(firms[0], town.officer(Post.HEALTH_MANAGER))
    client = signed_in(app, town, Post.UNIT_LIAISON)
    for ticks in ([], ["x", "1", f"{one.id}", f"{one.id}:", "99999999:1"]):
        assert accept(client, ticks).status_code == 422
    other = make.account(town.district, Post.SPECIALIST, town.other.id)
    db.session.rollback()
    stranger = make.sign_in(app.test_client(), other)
    token = opened(stranger, "/me").forms[0].fields["csrf_token"][0]
    answer = stranger.post(ACCEPT, data={"csrf_token": token, "one": [f"{one.id}:1"]})
    assert answer.status_code == 422
    assert reviews(one) == [Review.WAITING]
    assert "通过勾选的" not in opened(signed_in(app, town, Post.TASK_FORCE), WAITING).text


def test_accepting_many_asks_as_often_as_accepting_one(app, town, firms):
    manager = town.officer(Post.HEALTH_MANAGER)
    found = [filed(firm, manager) for firm in firms]
    client = signed_in(app, town, Post.UNIT_LIAISON)
    token = next(f for f in opened(client, f"{WAITING}?all=1").forms if ACCEPT in f.action).fields[
        "csrf_token"
    ][0]

    def send(some: list[Obligation]) -> int:
        ticks = [f"{one.id}:1" for one in some]
        return statements_of(lambda: client.post(ACCEPT, data={"csrf_token": token, "one": ticks}))

    few = send(found[:1])
    assert send(found[1:]) <= few + 2  # the flush writes rows one by one
    assert reviews(*found) == [Review.ACCEPTED] * 4


# --- what waits, on the page of the day ---


def strip(client, address: str) -> str:
    html = opened(client, address).html
    return html[html.index('aria-label="待办"') :].split("</nav>")[0]


def test_what_waits_stands_on_the_page_of_the_day_with_the_way_to_it(app, town, firms, clock):
    manager = town.officer(Post.HEALTH_MANAGER)
    filed(firms[0], manager)
    clock("23 12:01")
    make.cluster_report(town)
    letter = make.letter(town.tenant, town.officer(Post.UNIT_LIAISON))
    letter.state, letter.signed_at = LetterState.SIGNED, on("23 12:00")
    db.session.commit()
    specialist = signed_in(app, town, Post.SPECIALIST)
    shown = strip(specialist, f"/places/{town.park.id}")
    assert "未结案的疑似聚集 <b>1份</b>" in shown
    assert "逾期没有报的 <b>3份</b>" in shown
    assert "待审核的报送 <b>1份</b>" in shown
    assert "责任书" not in shown  # not theirs to sign
    assert "3家没有报" in opened(specialist, "/reports/tracking/missing").text
    for address in ("/clusters", "/reports/tracking/missing", "/reports"):
        assert f'href="{address}"' in shown
    liaison = strip(signed_in(app, town, Post.UNIT_LIAISON), "/overview")
    assert "待会签的责任书 <b>1份</b>" in liaison
    assert "待审核的报送 <b>1份</b>" in liaison
    force = strip(signed_in(app, town, Post.TASK_FORCE), "/overview")
    assert "逾期没有报的 <b>3份</b>" in force
    assert "待审核" not in force  # not theirs to judge
    elsewhere = make.account(town.district, Post.SPECIALIST, town.other.id)
    nothing = strip(make.sign_in(app.test_client(), elsewhere), f"/places/{town.other.id}")
    assert "都办完了" in nothing


def test_where_nothing_waits_the_page_says_so(app, town, firms):
    assert "都办完了" in strip(signed_in(app, town, Post.TASK_FORCE), "/overview")
    assert "都办完了" in strip(signed_in(app, town, Post.SPECIALIST), f"/places/{town.park.id}")


def test_a_cluster_says_until_when_it_was_to_be_accepted(app, town, clock):
    """As the message about it did, after it has been accepted too."""
    clock("20 08:00")
    report = make.cluster_report(town)
    client = signed_in(app, town, Post.SPECIALIST)
    limit = f"受理限时11月20日{local(report.accept_due_at):%H:%M}前"
    assert limit in "".join(opened(client, f"/clusters/{report.id}").text.split())
    report.accepted_at, report.stage = on("20 08:10"), Stage.ACCEPTED
    db.session.commit()
    assert limit in "".join(opened(client, f"/clusters/{report.id}").text.split())
