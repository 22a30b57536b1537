"""Opening and ending an emergency (OFF-3): its effect is seen first, then it holds at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.gateview import GateView
from models.inbox import Message
from models.notices import Notice
from models.places import ModeOrder
from models.policy.schema import Mode
from tests import make
from tests.browser import Page, read
from tests.conftest import NOW

FIELDS = {
    "name": "桂湖街道应急响应",
    "reason": "周边城市出现输入病例",
    "legal_basis": "《应急预案》第三章",
    "responsible": "程远志",
    "planned_end_on": "2026-12-04",
}


@pytest.fixture
def officer(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.TASK_FORCE, name="程专班"))


def mode_of(app: Flask, gate) -> Mode:
    view = app.extensions["site"].gates.view(gate.code.code, NOW, fresh=True)
    assert isinstance(view, GateView)
    return view.mode


def orders() -> list[ModeOrder]:
    db.session.rollback()
    return list(
        db.session.scalars(select(ModeOrder).order_by(ModeOrder.id).execution_options(populate_existing=True))
    )


def preview(client: FlaskClient, scope: str, **changes: str):
    form = read(client.get("/modes/new").data).form()
    return client.post("/modes/new", data=form.data(scope=scope, **FIELDS | changes) | {"step": "preview"})


def confirm(client: FlaskClient, shown: Page, step: str = "confirm"):
    return client.post("/modes/new", data=shown.form().data() | {"step": step})


def open_one(client: FlaskClient, scope: str, **changes: str) -> ModeOrder:
    assert confirm(client, read(preview(client, scope, **changes).data)).status_code == 303
    return orders()[-1]


def end(client: FlaskClient, order: ModeOrder, reason: str = "没有新的情况"):
    path = f"/modes/{order.id}/end"
    return client.post(path, data=read(client.get(path).data).form().data(reason=reason))


def test_the_effect_is_shown_before_anything_changes(app, officer, town):
    make.gate(town.building, "大堂")
    answer = preview(officer, f"place:{town.park.id}")
    assert answer.status_code == 200
    page = read(answer.data)
    figures = " ".join("".join(page.one("dl", cls="figures").itertext()).split())
    assert "场所2 个" in figures
    assert "入口3 个登记表加问4项" in figures
    assert "企业1 家每周报送改为每天报送" in figures
    for words in (
        "健康码",
        "14天内到过公布的风险地区吗",
        "21天内从境外回来吗",
        "今天有这些不舒服吗",
        "2026年12月4日",
    ):
        assert words in page.text
    assert orders() == []
    assert mode_of(app, town.gate) == Mode.NORMAL

    back = confirm(officer, page, step="edit")
    assert back.status_code == 200
    assert read(back.data).form().fields["reason"] == [FIELDS["reason"]]
    assert orders() == []


@pytest.mark.parametrize(
    ("scope", "reached"),
    [
        ("district", "park other"),
        ("street", "park other"),
        ("community", "park"),
        ("park", "park"),
        ("other", "other"),
    ],
)
def test_it_holds_at_once_and_exactly_as_far_as_its_scope(app, officer, town, scope, reached):
    target = getattr(town, scope)
    kind = "place" if scope in ("park", "other") else scope
    hall = make.gate(town.building, "大堂")
    assert mode_of(app, town.gate) == mode_of(app, town.other_gate) == Mode.NORMAL
    order = open_one(officer, f"{kind}:{target.id}")
    assert (order.scope, order.scope_id, order.starts_at, order.ended_at) == (kind, target.id, NOW, None)
    for gate, place in ((town.gate, "park"), (hall, "park"), (town.other_gate, "other")):
        expected = Mode.EMERGENCY if place in reached.split() else Mode.NORMAL
        assert mode_of(app, gate) == expected
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert (line.action, line.account_name) == ("mode:order", "程专班")
    assert FIELDS["reason"] in line.details


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": ""}, "请写原因"),
        ({"legal_basis": " "}, "请写依据"),
        ({"responsible": ""}, "请写负责人"),
        ({"planned_end_on": "2026-11-19"}, "已经过去"),
        ({"planned_end_on": "下周"}, "没有看懂“下周”"),
        ({"planned_end_on": ""}, "请填预计结束日期"),
        ({"name": "长" * 61}, "名称不超过60个字"),
    ],
)
def test_what_is_missing_is_said_beside_the_field_and_the_rest_is_kept(officer, town, changes, words):
    answer = preview(officer, f"street:{town.street.id}", **changes)
    assert answer.status_code == 422
    page = read(answer.data)
    assert words in page.text
    kept = FIELDS | {"scope": f"street:{town.street.id}"}
    for name in kept.keys() - changes.keys():
        assert page.form().fields[name] == [kept[name]], name
    assert orders() == []


def test_a_scope_of_another_district_cannot_be_chosen(officer, town):
    elsewhere = make.district("云麓新城", "luzhou")
    street = make.save(make.Street(district_id=elsewhere.id, name="麓湖街道"))
    for scope in ("", f"street:{street.id}", f"district:{elsewhere.id}", "planet:1", "street:x"):
        assert preview(officer, scope).status_code == 422, scope
    assert orders() == []


def test_a_second_click_opens_no_second_emergency(officer, town):
    shown = read(preview(officer, f"street:{town.street.id}").data)
    assert confirm(officer, shown).status_code == 303
    again = confirm(officer, shown)
    assert again.status_code == 422
    assert "已经开启" in read(again.data).text
    assert len(orders()) == 1


def test_where_two_overlap_the_place_stays_until_the_last_has_ended(app, officer, town):
    street = open_one(officer, f"street:{town.street.id}")
    park = open_one(officer, f"place:{town.park.id}", name="软件园应急响应")
    page = read(officer.get(f"/modes/{street.id}/end").data)
    assert "1个场所立刻恢复常态登记" in page.text
    assert "2个场所仍在应急" in page.text
    assert "云溪软件园B区3号楼：软件园应急响应" in page.text
    assert end(officer, street).status_code == 303
    assert "2个场所因为别的应急响应仍在应急" in read(officer.get("/modes").data).text
    assert mode_of(app, town.gate) == Mode.EMERGENCY
    assert mode_of(app, town.other_gate) == Mode.NORMAL
    assert end(officer, park).status_code == 303
    assert mode_of(app, town.gate) == Mode.NORMAL


def test_ending_needs_a_reason_and_happens_once(app, at, officer, town):
    order = open_one(officer, f"street:{town.street.id}")
    assert end(officer, order, " ").status_code == 422
    assert orders()[0].ended_at is None
    at(NOW + timedelta(minutes=3))
    path = f"/modes/{order.id}/end"
    data = read(officer.get(path).data).form().data(reason="没有新的情况")
    assert officer.post(path, data=data).status_code == 303
    (ended,) = orders()
    assert (ended.ended_at, ended.end_reason) == (NOW + timedelta(minutes=3), "没有新的情况")
    assert officer.post(path, data=data).status_code == 422
    assert officer.get(path).status_code == 409
    shown = read(officer.get("/modes").data).text
    assert "没有正在实行的应急响应" in shown
    assert "没有新的情况" in shown


def test_two_who_end_it_at_once_end_it_once(app, town, officer):
    order = open_one(officer, f"street:{town.street.id}")
    path = f"/modes/{order.id}/end"
    browsers = [make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE)) for _ in range(3)]
    forms = [read(one.get(path).data).form().data(reason=f"理由{n}") for n, one in enumerate(browsers)]
    db.session.rollback()
    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(
                lambda one: one[0].post(path, data=one[1]).status_code, zip(browsers, forms, strict=True)
            )
        )
    assert sorted(answers) == [303, 422, 422]


def test_a_planned_end_that_is_over_shows_in_amber_and_ends_nothing(app, at, officer, town):
    open_one(officer, f"street:{town.street.id}")
    at(NOW + timedelta(days=16))
    make.sign_in(officer, town.officer(Post.TASK_FORCE))
    page = read(officer.get("/modes").data)
    assert "预计12月4日结束，已过2天" in page.text
    assert page.all("span", data_kind="warn")
    assert orders()[0].ended_at is None


def test_those_whom_it_reaches_see_it_and_cannot_order(app, town, officer):
    open_one(officer, f"place:{town.other.id}", name="锦程应急响应")
    park = open_one(officer, f"place:{town.park.id}", name="软件园应急响应")
    for post in (Post.SPECIALIST, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON):
        client = make.sign_in(app.test_client(), town.officer(post))
        text = read(client.get("/modes").data).text
        assert "软件园应急响应" in text, post
        assert "锦程应急响应" not in text, post
        assert "结束这次应急响应" not in text, post
        assert client.get("/modes/new").status_code == 403
        assert client.post(f"/modes/{park.id}/end").status_code in (400, 403)
    building = make.sign_in(app.test_client(), make.account(town.district, Post.SPECIALIST, town.building.id))
    assert "软件园应急响应" in read(building.get("/modes").data).text


def test_an_order_of_another_district_does_not_exist_here(app, town, officer):
    order = open_one(officer, f"street:{town.street.id}")
    elsewhere = make.district("云麓新城", "luzhou")
    make.adopt(elsewhere, make.LATER_SCHEME)
    stranger = make.sign_in(app.test_client(), make.account(elsewhere, Post.TASK_FORCE))
    assert stranger.get(f"/modes/{order.id}/end").status_code == 404
    assert "桂湖街道应急响应" not in read(stranger.get("/modes").data).text


def test_the_preview_counts_who_reports_daily_and_from_when(app, officer, town, at):
    """By where an enterprise is registered and by where it sits; whoever another order reaches already is counted apart."""
    make.enterprise(town.street, "街上的店", short_name="店")
    shop = make.enterprise(town.street, "锦程的店", short_name="锦程店", at=town.other)
    text = read(preview(officer, f"street:{town.street.id}").data).text
    assert "3家从11月20日起每天报送，第一份11月21日10:00前报" in text
    assert "正在填的这一期提前到11月19日为止，11月23日12:00前报" in text
    open_one(officer, f"place:{town.other.id}", name="锦程应急响应")
    text = read(preview(officer, f"street:{town.street.id}").data).text
    assert "2家从11月20日起每天报送" in text
    assert "另有1家因为别的应急响应已经每天报送" in text
    shop.close(NOW.date(), "注销", now=NOW)
    db.session.commit()
    assert "另有" not in read(preview(officer, f"street:{town.street.id}").data).text
    at(NOW + timedelta(hours=3))
    officer = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    assert (
        "2家从11月21日起每天报送，第一份11月22日10:00前报"
        in read(preview(officer, f"street:{town.street.id}").data).text
    )


def test_the_end_says_the_last_daily_report_and_what_follows(app, officer, town, at):
    order = open_one(officer, f"place:{town.park.id}")
    text = read(officer.get(f"/modes/{order.id}/end").data).text
    assert "1家企业的第一份日报还没有到截止，不用再报；恢复原来的报送期，下一份管11月16日至11月22日" in text
    at(NOW + timedelta(days=1, hours=2))
    officer = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    text = read(officer.get(f"/modes/{order.id}/end").data).text
    assert "1家企业恢复每周报送，最后一份日报是11月21日的，下一份管11月22日，11月23日12:00前报" in text


def told(person) -> list[str]:
    db.session.rollback()
    mine = select(Message).where(Message.account_id == person.id).order_by(Message.id)
    found = [one.subject for one in db.session.scalars(mine)]
    db.session.rollback()
    return found


def test_whoever_works_under_it_is_told_when_it_begins_and_when_it_ends(app, officer, town, at):
    """By a notice with what they have to do and until when; nobody outside hears of it."""
    manager, second = town.officer(Post.HEALTH_MANAGER), town.officer(Post.TASK_FORCE)
    shop = make.enterprise(town.street, "锦程的店", short_name="锦程店", at=town.other)
    outside = make.account(town.district, Post.HEALTH_MANAGER, shop.id)
    order = open_one(officer, f"place:{town.park.id}")
    (notice,) = db.session.scalars(select(Notice)).all()
    assert (
        "企业从11月20日起每天报送，第一份11月21日10:00前报。正在填的这一期提前到11月19日为止，11月23日12:00前报。"
        in notice.text
    )
    assert "原因：周边城市出现输入病例。依据：《应急预案》第三章。" in notice.text
    assert told(manager) == ["状态转换：桂湖街道应急响应开启"]
    client = make.sign_in(app.test_client(), manager)
    assert "预计12月4日结束" in read(client.get(f"/notices/{notice.id}").data).text
    at(NOW + timedelta(hours=1))
    db.session.rollback()
    end(make.sign_in(app.test_client(), second), order)
    assert told(manager) == ["状态转换：桂湖街道应急响应开启", "状态转换：桂湖街道应急响应结束"]
    last = db.session.scalars(select(Notice).order_by(Notice.id.desc())).first()
    assert "恢复原来的报送期；下一份管11月16日至11月22日，11月23日12:00前报。" in last.text
    assert told(outside) == []


def test_an_order_over_nobody_is_no_notice(app, officer, town):
    open_one(officer, f"place:{town.other.id}")
    assert db.session.scalars(select(Notice)).all() == []


def test_nobody_writes_a_notice_of_this_kind_by_hand(app, town):
    client = make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))
    assert "状态转换" not in read(client.get("/notices/new").data).form().choices["kind"]
