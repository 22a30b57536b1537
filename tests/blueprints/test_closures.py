"""A firm says that it is closed: what is due then waits, and does no longer once somebody objects; everything by the site's clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from models import tracking
from models.access import Post
from models.base import RuleBroken, db
from models.closures import Closure
from models.inbox import Message
from models.ledger import recent
from models.obligations import Obligation, basis
from models.places import ModeOrder
from models.tracking import Ground
from tests import make, towns
from tests.forms import landed, opened, refused, submit
from tests.november import on


def day(number: int) -> date:
    return date(2026, 11, number)


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def week(town, clock) -> None:
    """The week of 16 to 22 November, due on the 23rd at noon, on Friday."""
    clock("16 08:00")
    clock("20 09:00")


def owed(town) -> list[Obligation]:
    return sorted(recent(db.session(), town.tenant.id, 20), key=lambda one: one.first_on)


def due(town) -> datetime:
    return owed(town)[0].due_at


def signed_in(app, person):
    return make.sign_in(app.test_client(), person)


def closures(town) -> str:
    return f"/enterprises/{town.tenant.id}/closures"


def declare(client, town, first: str, last: str, staff: str = "3", **more: str):
    return submit(
        client, f"{closures(town)}/new", first_on=f"2026-{first}", last_on=f"2026-{last}", staff=staff,
        **({"reason": "设备检修"} | more),
    )  # fmt: skip


# --- what is due ---


def test_what_is_due_on_closed_days_moves_with_its_lock_and_says_why(app, town, week, clock):
    client = signed_in(app, town.officer(Post.HEALTH_MANAGER))
    said = landed(client, declare(client, town, "11-23", "11-25")).text
    assert "已申报停产放假：11月23日至25日" in said
    assert "3人" in said
    home = f"/enterprises/{town.tenant.id}/reports"
    assert (
        "停产放假，截止从11月23日12:00顺延" in opened(client, home).text
    )  # before the timed work has passed
    clock("20 09:01")
    (one,) = owed(town)
    assert (one.due_at, one.soon_at, one.locks_at) == (
        on("26 12:00"),
        on("25 12:00"),
        on("30 12:00") + timedelta(days=3),
    )
    assert one.usual_due_at == on("23 12:00")
    assert basis(one) == "常态每周报送；停产放假，截止从11月23日12:00顺延"


def test_what_was_due_before_it_was_declared_stays_overdue(town, week, clock, at):
    clock("23 11:59")
    at(on("23 12:00:30"))  # between two passes
    make.closure(town, day(23), day(25))
    clock("23 12:01")
    assert due(town) == on("23 12:00")
    assert [one.due_at for one in owed(town)] == [on("23 12:00"), on("30 12:00")]


def test_an_objection_before_the_first_day_puts_the_deadline_back(app, town, week, clock):
    make.closure(town, day(23), day(25))
    clock("20 09:01")
    (one,) = db.session.scalars(select(Closure))
    client = signed_in(app, town.officer(Post.SPECIALIST))
    assert f"/closures/{one.id}/object" in client.get(closures(town)).text
    said = landed(client, submit(client, f"/closures/{one.id}/object", reason="车间还在生产")).text
    assert "有异议，不再顺延" in said
    assert "车间还在生产" in said
    clock("20 09:02")
    assert (due(town), owed(town)[0].usual_due_at) == (on("23 12:00"), None)
    told = db.session.scalars(
        select(Message.subject).where(Message.key == f"closure:{one.id}:objected")
    ).all()
    assert told == ["停产放假11月23日至25日有异议"]
    assert "已经有异议" in refused(submit(client, f"/closures/{one.id}/object", reason="再说一次"))


def test_an_objection_in_the_middle_lets_it_be_due_on_the_next_working_day(town, week, clock, at):
    one = make.closure(town, day(23), day(30))
    clock("23 13:00")
    assert due(town) == on("30 12:00") + timedelta(days=1)
    at(on("24 10:00"))
    one = Closure.alone(db.session(), one)
    one.object_to(db.session(), "车间还在生产", now=on("24 10:00"), by=town.officer(Post.UNIT_LIAISON))
    db.session.commit()
    clock("24 10:01")
    assert due(town) == on("25 12:00")


def test_a_closure_is_withdrawn_and_shortened_from_its_page(app, town, week, clock):
    make.closure(town, day(23), day(25))
    client = signed_in(app, town.officer(Post.CHIEF_HEALTH_OFFICER))
    (one,) = db.session.scalars(select(Closure))
    shorten = f"/closures/{one.id}/shorten"
    assert "早于原来" in refused(submit(client, shorten, last_on="2026-11-26"))
    assert "不能早于" in refused(submit(client, shorten, last_on="2026-11-22"))
    landed(client, submit(client, shorten, last_on="2026-11-23"))
    clock("20 09:01")
    assert due(town) == on("24 12:00")
    assert "已撤回" in landed(client, submit(client, closures(town), f"/closures/{one.id}/withdraw")).text
    clock("20 09:02")
    assert due(town) == on("23 12:00")
    assert client.post(f"/closures/{one.id}/withdraw").status_code == 422
    with pytest.raises(RuleBroken, match="已经撤回"):
        Closure.alone(db.session(), one).withdraw(now=on("20 09:03"))


def test_a_page_that_was_open_for_long_says_why_nothing_was_withdrawn(app, town, week):
    client = signed_in(app, town.officer(Post.HEALTH_MANAGER))
    one = make.closure(town, day(23), day(25))
    page = opened(client, closures(town))
    form = page.form(f"/closures/{one.id}/withdraw")
    Closure.alone(db.session(), one).withdraw(now=on("20 09:03"))
    db.session.commit()
    assert "这一次已经撤回" in refused(client.post(form.action, data=form.data()))


@pytest.mark.parametrize("staff", [0, 3])
def test_in_an_emergency_the_dailies_wait_only_where_nobody_is_on_duty(town, clock, at, staff):
    clock("16 08:00")
    make.save(
        ModeOrder.open(
            scope="place", scope_id=town.park.id, district_id=town.district.id, name="应急响应", reason="输入病例",
            legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 4), now=on("18 09:00"), by_id=None,
        )
    )  # fmt: skip
    clock("18 09:01")
    make.closure(town, day(18), day(25), staff=staff)
    for text in ("18 10:00", "19 00:01", "20 00:01"):
        clock(text)
    cut, *daily = owed(town)
    assert cut.due_at == on("26 12:00")
    usual = [on("19 10:00"), on("20 10:00"), on("21 10:00")]
    assert [one.due_at for one in daily] == (usual if staff else [on("26 12:00")] * 3)
    (one,) = db.session.scalars(select(Closure))
    at(on("20 10:00"))
    one.object_to(db.session(), "还在生产", now=on("20 10:00"), by=town.officer(Post.COMMUNITY_LIAISON))
    db.session.commit()
    clock("20 10:01")
    cut, *daily = owed(town)  # the cut week too, behind dailies that were settled: the 21st is a Saturday
    assert (cut.due_at, daily[-1].due_at) == (on("23 12:00"), on("21 10:00"))


def test_one_firm_s_closure_makes_no_other_deadline_for_the_district(town, clock):
    make.enterprise(town.street, "远山软件", at=town.other)
    clock("16 08:00")
    clock("20 09:01")
    make.closure(town, day(23), day(25))
    clock("20 09:02")
    for narrowed in ({}, {"place": [town.park.id, town.other.id]}):
        ((span, tally),) = tracking.history(
            db.session(), Ground(town.district.id, narrowed), date(2026, 11, 30)
        )
        assert (span.due_at, span.locks_at, tally.expected) == (on("23 12:00"), on("30 12:00"), 2)


# --- what is declared ---


@pytest.mark.parametrize(
    ("first", "last", "staff", "words"),
    [
        ("11-19", "11-25", "3", "不能补报"),
        ("11-25", "11-23", "3", "早于第一天"),
        ("11-23", "11-26", "113", "多于在册人数"),
        ("11-23", "11-26", "-1", "人数填0到"),
        ("11-23", "11-26", "三", "没有看懂"),
        ("12-01", "12-32", "3", "没有看懂"),
        ("11-20", "12-31", "3", ""),
        ("11-27", "11-30", "3", "重叠"),
    ],
)
def test_what_cannot_be_is_refused_beside_what_was_typed(app, town, week, first, last, staff, words):
    make.closure(town, day(29), day(30)) if words == "重叠" else None
    client = signed_in(app, town.officer(Post.HEALTH_MANAGER))
    answer = declare(client, town, first, last, staff)
    if words:
        assert words in refused(answer)
        assert "设备检修" in answer.text
        assert db.session.scalar(select(func.count()).select_from(Closure)) == (words == "重叠")
    else:
        assert answer.status_code == 303


def test_sixty_days_are_the_most_and_a_reason_and_somebody_to_ask_for_are_needed(app, town, week):
    client, stranger = signed_in(app, town.officer(Post.HEALTH_MANAGER)), make.account(town.district)
    assert "一次最多60天" in refused(
        submit(
            client,
            f"{closures(town)}/new",
            first_on="2026-11-20",
            last_on="2027-01-19",
            staff="0",
            reason="停产",
        )
    )
    assert "原因" in refused(declare(client, town, "11-23", "11-24", reason=" "))
    page = opened(client, f"{closures(town)}/new")
    form = page.form("")
    data = form.data(first_on="2026-11-23", last_on="2026-11-24", staff="0", reason="停产") | {
        "contact": str(stranger.id)
    }
    assert "请从列表里选一项" in refused(client.post(f"{closures(town)}/new", data=data))
    answer = submit(
        client, f"{closures(town)}/new", first_on="2026-11-20", last_on="2027-01-18", staff="0", reason="停产"
    )
    assert answer.status_code == 303


def test_after_an_objection_the_days_are_free_again(town, week):
    one = make.closure(town, day(23), day(25))
    one.object_to(db.session(), "在生产", now=on("20 09:00"), by=town.officer(Post.UNIT_LIAISON))
    db.session.commit()
    make.closure(town, day(24), day(26))
    with pytest.raises(RuleBroken, match="重叠"):
        make.closure(town, day(26), day(27))


def test_nobody_reaches_another_firm_s_closure_nor_objects_to_their_own(app, town, week):
    one = make.closure(town, day(23), day(25))
    other = make.enterprise(town.street, "远山软件", at=town.other)
    stranger = signed_in(app, make.account(town.district, Post.HEALTH_MANAGER, other.id))
    for address in (closures(town), f"{closures(town)}/new", f"/closures/{one.id}/shorten"):
        assert stranger.get(address).status_code == 404
    assert stranger.post(f"/closures/{one.id}/withdraw").status_code == 404
    far = signed_in(app, make.account(town.district, Post.SPECIALIST, town.other.id))
    assert far.get(f"/closures/{one.id}/object").status_code == 404
    both = town.officer(Post.SPECIALIST)
    make.appoint(both, Post.HEALTH_MANAGER, town.tenant.id)
    client = signed_in(app, both)
    assert "要由别人" in refused(submit(client, f"/closures/{one.id}/object", reason="不同意"))


# --- where it shows ---


def test_officers_see_it_on_the_report_s_page_and_the_list_says_that_it_waits(app, town, week, clock):
    make.closure(town, day(23), day(25))
    clock("23 12:30")
    client = signed_in(app, town.officer(Post.UNIT_LIAISON))
    (one, _next) = owed(town)
    assert "停产放假11月23日至25日，在岗3人" in opened(client, f"/reports/{one.id}").text
    address = "/reports/tracking/firms?only=all&period=20261116-20261122-normal"
    assert "停产放假，截止顺延" in opened(client, address).text


def test_who_is_due_at_work_on_a_closed_day_is_who_stays_on_duty(app, town, clock):
    clock("16 08:00")
    for number in range(5):
        make.employee(town.tenant, f"员工{number}")
    clock("20 09:00")
    make.closure(town, day(20), day(20), staff=2)
    client = signed_in(app, town.officer(Post.HEALTH_MANAGER))
    page = opened(client, f"/enterprises/{town.tenant.id}/reports/2026-11-16").text
    assert "11月20日停产放假，申报在岗2人" in page


def test_a_firm_without_anybody_on_file_has_those_on_duty_too(app, town, clock):
    clock("16 08:00")
    clock("20 09:00")
    make.closure(town, day(20), day(20), staff=2)
    client = signed_in(app, town.officer(Post.HEALTH_MANAGER))
    page = opened(client, f"/enterprises/{town.tenant.id}/reports/2026-11-16").text
    assert "11月20日停产放假，申报在岗2人" in page
