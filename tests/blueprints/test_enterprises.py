"""An enterprise's own house: visitors without a word about their health, and health posts by the scheme."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import Post
from models.base import db
from models.gate import CheckIn, Kind
from models.judging import Verdict
from models.places import ModeOrder
from tests import make
from tests.browser import Page, read
from tests.conftest import NOW


@pytest.fixture
def manager(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.HEALTH_MANAGER, name="林见微"))


def home(client: FlaskClient, town: make.Town) -> Page:
    answer = client.get(f"/enterprises/{town.tenant.id}")
    assert answer.status_code == 200, answer.text
    return read(answer.data)


def visitor(town: make.Town, name: str = "张三", **facts) -> CheckIn:
    number = db.session.scalar(select(CheckIn.id).order_by(CheckIn.id.desc()).limit(1)) or 0
    facts = {
        "kind": Kind.ENTRY,
        "verdict": Verdict.PASS,
        "marks": "",
        "occurred_at": NOW,
        "day": NOW.date(),
        "hour": 9,
        "enterprise_id": town.tenant.id,
        "reasons": "",
        "celsius": 365,
    } | facts
    row = CheckIn(
        nonce=number.to_bytes(16, "big"),
        district_id=town.district.id,
        place_id=town.park.id,
        gate_id=town.gate.id,
        arrived_at=NOW,
        call_number=100,
        name=name,
        written="青禾",
        purpose="",
        mode="normal",
        scheme_key=make.SCHEME,
        **facts,
    )
    return make.save(row)


FEVER = {"verdict": Verdict.REFUSED, "reasons": '[["fever", "37.9", "37.3"]]', "celsius": 379}


def test_today_s_visitors_are_counted_by_hour(manager, town):
    for hour in (8, 8, 9):
        visitor(town, hour=hour)
    visitor(town, kind=Kind.AGAIN)
    visitor(town, marks="burst")
    visitor(town, enterprise_id=None)
    visitor(town, day=NOW.date() - timedelta(days=1))
    page = home(manager, town)
    assert "3人次进入" in page.text
    rows = [" ".join("".join(row.itertext()).split()) for row in page.one("table", cls="hours").iter("tr")][
        1:
    ]
    assert rows == ["8时2", "9时1"]


def test_who_may_not_enter_is_told_without_temperature_reason_or_whole_name(manager, town):
    visitor(town, "欧阳娜娜", **FEVER)
    visitor(town, "Müller-Lüdenscheidt", verdict=Verdict.REFUSED, reasons='[["mask", "no"]]')
    answer = manager.get(f"/enterprises/{town.tenant.id}")
    page = read(answer.data)
    assert "2位来访的人暂时不能进入" in page.text
    assert page.text.count("暂时不能进入，门岗会联系") == 2
    assert "欧阳**" in page.text
    assert "东门2号口" in page.text
    assert "09:41" in page.text
    for secret in (
        "欧阳娜娜",
        "Lüdenscheidt",
        "37.9",
        "379",
        "℃",
        "体温",
        "发热",
        "口罩",
        "refused",
        "fever",
    ):
        assert secret not in answer.text, secret


def test_those_dealt_with_or_let_in_since_are_told_no_more(manager, town):
    visitor(town, "王一", **FEVER, handled_at=NOW)
    first = visitor(town, "王二", **FEVER)
    visitor(town, "王二", earlier_id=first.id)
    waits = visitor(town, "王三", **FEVER)
    visitor(town, "王三", earlier_id=waits.id, verdict=Verdict.ATTENTION)
    visitor(town, "王四", **FEVER, day=NOW.date() - timedelta(days=1))
    assert "1位来访的人暂时不能进入" in home(manager, town).text


M, C = Post.HEALTH_MANAGER, Post.CHIEF_HEALTH_OFFICER


@pytest.mark.parametrize(
    ("headcount", "staff", "officers", "managers"),
    [
        (29, [M], "不要求", "已设，不要求"),
        (30, [M], "不要求", "已满足"),
        (200, [M], "不要求", "已满足"),
        (201, [M], "还差1名", "已设，不要求"),
        (201, [C], "已满足", "不要求，建议设1名"),
        (612, [C], "已满足", "还差2名"),
        (612, [C, M], "已满足", "还差1名"),
        (612, [C, M, M], "已满足", "已满足，建议再设1名"),
        (612, [C, M, M, M], "已满足", "已满足"),
        (1001, [C, M, M, M, M, M], "已满足", "已满足"),
    ],
)
def test_health_posts_are_judged_by_the_scheme(client, town, headcount, staff, officers, managers):
    town.tenant.headcount = headcount
    people = [town.officer(post) for post in staff]
    gone = town.officer(M, name="离任的人")
    gone.appointments[0].ends_on = date(2026, 11, 19)
    db.session.commit()
    page = home(make.sign_in(client, people[0]), town)
    rows = {row[0].text: "".join(row[-1].itertext()).strip() for row in page.all("tbody")[0]}
    assert (rows["首席健康官"], rows["健康管理员"]) == (officers, managers)
    assert ("健康管理团队" in rows) is (headcount > 1000)
    assert "离任的人" not in page.text
    assert all(person.name in page.text for person in people)


def test_the_rule_is_quoted_with_its_clause(manager, town):
    page = home(manager, town)
    assert "30人到200人的企业，至少设1名健康管理员。" in page.text
    assert "成高管办发〔2022〕14号 二（一）1" in page.text


def test_an_unknown_head_count_is_not_judged(manager, town):
    town.tenant.headcount = None
    db.session.commit()
    page = home(manager, town)
    assert "人数未填，无法判断要设哪些岗位" in page.text
    assert "已满足" not in page.text


def test_an_emergency_that_reaches_its_rooms_stands_on_top(manager, town):
    def order(place_id: int, name: str) -> None:
        make.save(
            ModeOrder.open(
                scope="place",
                scope_id=place_id,
                district_id=town.district.id,
                name=name,
                reason="周边有病例",
                legal_basis="预案",
                responsible="程远志",
                planned_end_on=date(2026, 12, 31),
                now=NOW,
                by_id=None,
            )
        )

    order(town.other.id, "锦程应急响应")
    assert "锦程应急响应" not in home(manager, town).text
    order(town.park.id, "软件园应急响应")
    page = home(manager, town)
    assert "软件园应急响应" in page.text
    assert "入口加问4项" in page.text
    assert page.root.get("data-mode") == "emergency"


def test_nobody_opens_another_enterprise_s_house(app, client, town):
    other = make.enterprise(town.street, "云溪星河微电子有限公司", short_name="星河微")
    make.sign_in(client, make.account(town.district, Post.CHIEF_HEALTH_OFFICER, other.id))
    assert client.get(f"/enterprises/{town.tenant.id}").status_code == 404
    assert client.get(f"/enterprises/{other.id}").status_code == 200
    for post in (Post.SPECIALIST, Post.UNIT_LIAISON, Post.HEALTH_GUIDE):
        guest = make.sign_in(app.test_client(), town.officer(post))
        assert guest.get(f"/enterprises/{town.tenant.id}").status_code == 403
