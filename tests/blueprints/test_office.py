"""The office's day: how far each post sees, places without a specialist first, what is counted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import Post
from models.base import db
from models.gate import CheckIn, Kind
from models.judging import Verdict
from models.places import Gate, ModeOrder, PlaceKind
from tests import make
from tests.browser import Page, read
from tests.conftest import NOW
from tests.statements import statements_of


def opened(client: FlaskClient, path: str = "/overview", **query: str) -> Page:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return read(answer.data, where=path)


def names(page: Page) -> list[str]:
    """The places of the list, in its order."""
    (table,) = (t for t in page.all("table") if "今天进入" in "".join(t.itertext()))
    links = [row[0].find("a") for row in table.iter("tr")]
    return [link.text.strip() for link in links if link is not None]


def row_of(page: Page, name: str) -> str:
    (table,) = (t for t in page.all("table") if "今天进入" in "".join(t.itertext()))
    (row,) = (r for r in table.iter("tr") if (r[0].findtext("a") or "").strip() == name)
    return " ".join("".join(row.itertext()).split())


def entries(town: make.Town, gate: Gate, number: int, **facts) -> None:
    first = db.session.scalar(select(CheckIn.id).order_by(CheckIn.id.desc()).limit(1)) or 0
    facts = {
        "kind": Kind.ENTRY,
        "verdict": Verdict.PASS,
        "marks": "",
        "occurred_at": NOW,
        "day": NOW.date(),
    } | facts
    for one in range(number):
        row = CheckIn(
            nonce=(first + one).to_bytes(16, "big"),
            district_id=town.district.id,
            place_id=gate.place_id,
            gate_id=gate.id,
            hour=9,
            arrived_at=NOW,
            call_number=100,
            name="林见微",
            written="",
            purpose="",
            mode="normal",
            scheme_key=make.SCHEME,
            reasons="",
            **facts,
        )
        db.session.add(row)
    db.session.commit()


def order(town: make.Town, scope: str, scope_id: int, **facts) -> ModeOrder:
    facts = {"name": "应急响应", "planned_end_on": date(2026, 12, 31)} | facts
    row = ModeOrder.open(
        scope=scope,
        scope_id=scope_id,
        district_id=town.district.id,
        reason="周边有病例",
        legal_basis="预案第三章",
        responsible="程远志",
        now=NOW - timedelta(days=2),
        by_id=None,
        **facts | {"planned_end_on": date(2026, 12, 31)},
    )
    row.planned_end_on = facts["planned_end_on"]
    return make.save(row)


def test_each_post_sees_the_places_of_its_own_scope(app, town):
    make.place(make.save(make.Street(district_id=town.district.id, name="石桥街道")), "石桥智造园")
    elsewhere = make.district("云麓新城", "luzhou")
    make.place(make.save(make.Street(district_id=elsewhere.id, name="麓湖街道")), "麓湖大厦")
    expected = {
        Post.TASK_FORCE: {"云溪软件园B区", "云溪软件园B区3号楼", "锦程国际中心", "石桥智造园"},
        Post.UNIT_LIAISON: {"云溪软件园B区"},
        Post.COMMUNITY_LIAISON: {"云溪软件园B区", "云溪软件园B区3号楼"},
    }
    for post, places in expected.items():
        client = make.sign_in(app.test_client(), town.officer(post))
        assert set(names(opened(client))) == places, post


def test_an_enterprise_s_people_and_specialists_have_no_office(app, town):
    for post in (Post.SPECIALIST, Post.HEALTH_MANAGER, Post.SYSTEM_ADMIN):
        assert make.sign_in(app.test_client(), town.officer(post)).get("/overview").status_code == 403


def test_places_without_a_specialist_come_first_each_with_who_has_to_act(client, town):
    town.officer(Post.SPECIALIST, name="许安澜")
    town.officer(Post.UNIT_LIAISON, name="周知行")
    town.officer(Post.COMMUNITY_LIAISON, name="何田田")
    entries(town, town.gate, 5)
    page = opened(make.sign_in(client, town.officer(Post.TASK_FORCE)))
    assert "先补这2个场所的专员" in page.text
    assert set(names(page)[:2]) == {"云溪软件园B区3号楼", "锦程国际中心"}
    assert "没有专员" in row_of(page, "锦程国际中心")
    assert "许安澜" in row_of(page, "云溪软件园B区")
    vacancies = "".join(page.all("tbody")[0].itertext())
    assert "何田田" in vacancies
    assert "专班" in vacancies
    invitations = [link.url for link in page.links if link.text.endswith("邀请专员")]
    assert len(invitations) == 2
    assert "成高管办发〔2022〕14号" in page.text

    make.account(town.district, Post.SPECIALIST, town.building.id)
    make.account(town.district, Post.SPECIALIST, town.other.id)
    page = opened(client)
    assert "先补" not in page.text
    assert "每个场所都有专员" in page.text


def test_a_specialist_whose_term_is_over_or_whose_account_is_closed_leaves_a_vacancy(client, town):
    person = town.officer(Post.SPECIALIST, name="许安澜")
    make.sign_in(client, town.officer(Post.UNIT_LIAISON))
    assert "许安澜" in row_of(opened(client), "云溪软件园B区")
    person.appointments[0].ends_on = date(2026, 11, 19)
    db.session.commit()
    assert "没有专员" in row_of(opened(client), "云溪软件园B区")
    person.appointments[0].ends_on = date(2026, 11, 20)
    person.disabled_at = NOW
    db.session.commit()
    assert "没有专员" in row_of(opened(client), "云溪软件园B区")


def test_only_entries_count_and_what_waits_is_counted_apart(client, town):
    entries(town, town.gate, 4)
    entries(town, town.gate, 1, kind=Kind.AGAIN)
    entries(town, town.gate, 2, verdict=Verdict.REFUSED)
    entries(town, town.gate, 1, verdict=Verdict.REFUSED, handled_at=NOW)
    entries(town, town.gate, 1, verdict=Verdict.ATTENTION)
    entries(town, town.gate, 1, marks="burst")
    yesterday = {"day": NOW.date() - timedelta(days=1)}
    entries(town, town.gate, 7, **yesterday, occurred_at=NOW - timedelta(days=1, minutes=5))
    entries(town, town.gate, 9, **yesterday, occurred_at=NOW - timedelta(hours=20))
    page = opened(make.sign_in(client, town.officer(Post.UNIT_LIAISON)))
    figures = " ".join("".join(page.one("dl", cls="figures").itertext()).split())
    assert "今天进入5 人次昨天此时7" in figures
    assert "待处理3 件" in figures
    assert "3件待处理" in row_of(page, "云溪软件园B区")


def test_an_open_emergency_stands_on_top_and_its_places_say_so(client, town):
    order(town, "place", town.park.id, name="软件园应急响应", planned_end_on=date(2026, 11, 18))
    make.sign_in(client, town.officer(Post.TASK_FORCE))
    page = opened(client)
    assert page.root.get("data-mode") == "emergency"
    assert "软件园应急响应" in page.text
    assert "预计11月18日结束，已过2天" in page.text
    assert "应急" in row_of(page, "云溪软件园B区3号楼")
    assert "常态" in row_of(page, "锦程国际中心")
    other = make.sign_in(
        client,
        make.account(
            town.district,
            Post.UNIT_LIAISON,
            make.save(make.Unit(district_id=town.district.id, name="区住建局")).id,
        ),
    )
    assert "软件园应急响应" not in opened(other).text


def test_the_list_is_searched_and_filtered_with_and_without_htmx(client, town):
    town.officer(Post.SPECIALIST, name="许安澜")
    stone = make.save(make.Street(district_id=town.district.id, name="石桥街道"))
    make.place(stone, "石桥智造园", address="石桥路6号")
    make.sign_in(client, town.officer(Post.TASK_FORCE))
    assert names(opened(client, q="许安")) == ["云溪软件园B区"]
    assert names(opened(client, q="石桥路")) == ["石桥智造园"]
    assert names(opened(client, street=str(stone.id))) == ["石桥智造园"]
    assert set(names(opened(client, show="vacant"))) == {"云溪软件园B区3号楼", "锦程国际中心", "石桥智造园"}
    assert "里没有符合的" in opened(client, q="没有这个").text
    assert opened(client, show="nonsense", street="x", page="999").h1 == "今天"
    part = client.get("/overview?q=许安", headers={"HX-Request": "true"})
    assert names(read(part.data, whole=False)) == ["云溪软件园B区"]


def test_more_places_ask_the_database_no_more(client, town):
    make.sign_in(client, town.officer(Post.TASK_FORCE))
    order(town, "district", town.district.id)
    opened(client)  # then the enterprises have been counted
    few = statements_of(lambda: opened(client))
    for number in range(12):
        place = make.place(town.street, f"{number}号楼", PlaceKind.BUILDING, parent_id=town.park.id)
        entries(town, make.gate(place, "大堂"), 1)
        make.account(town.district, Post.SPECIALIST, place.id)
    assert statements_of(lambda: opened(client)) == few


def test_a_long_list_is_paged(client, town):
    for number in range(52):
        make.place(town.street, f"{number}号楼")
    make.sign_in(client, town.officer(Post.TASK_FORCE))
    first, second = names(opened(client)), names(opened(client, page="2"))
    assert (len(first), len(second)) == (50, 5)
    assert not set(first) & set(second)


@pytest.mark.parametrize("scheme", [make.LATER_SCHEME, None])
def test_what_the_scheme_does_not_ask_for_is_no_vacancy(app, client, scheme):
    home = make.district("云麓新城", "luzhou")
    if scheme:
        make.adopt(home, scheme)
    make.place(make.save(make.Street(district_id=home.id, name="麓湖街道")), "麓湖大厦", PlaceKind.BUILDING)
    page = opened(make.sign_in(client, make.account(home, Post.TASK_FORCE)))
    policy = app.extensions["site"].book.get(scheme) if scheme else None
    rule = policy.place("building") if policy else None
    assert ("先补" in page.text) is bool(rule and rule.specialists_required)
