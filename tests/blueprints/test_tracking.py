"""The pages of tracking: the same numbers everywhere at each instant, each within their own reach, on paper and for a chat group."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pypdfium2
import pytest

from models.access import Post
from models.archive import Employee
from models.base import db
from models.ledger import recent
from models.obligations import Review
from models.places import Community, ModeOrder, Unit
from models.reports import Source, alone, file, judge, unlock
from tests import make, towns
from tests.forms import opened
from tests.november import on
from tests.statements import statements_of

PAGE, FIRMS, MISSING = "/reports/tracking", "/reports/tracking/firms", "/reports/tracking/missing"
NAMES = ["石上清泉餐饮管理有限责任公司云溪软件园第三分公司", "远山工业软件有限公司", "拾光文化传播工作室"]


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def people(app, town):
    known = {}

    def people(post: Post, scope_id: int | None = None):
        if (post, scope_id) not in known:
            known[post, scope_id] = (
                town.officer(post) if scope_id is None else make.account(town.district, post, scope_id)
            )
        return make.sign_in(app.test_client(), known[post, scope_id])

    return people


@pytest.fixture
def firms(town, clock):
    """The tenant and three more of the park, one of the other place; on Friday of the week."""
    found = [
        town.tenant,
        *(make.enterprise(town.street, name, at=town.park, unit_id=town.unit.id) for name in NAMES),
    ]
    other = make.enterprise(
        town.street, "锦程商贸有限公司", at=town.other, short_name="锦程商贸", legal_representative="沈秋白"
    )
    clock("16 08:00")
    clock("20 09:00")
    return [*found, other]


def filed(town, firm, at: str, source=Source.FORM, **numbers: int) -> None:
    one = alone(db.session(), next(row for row in recent(db.session(), firm.id, 9) if row.opens_at <= on(at)))
    file(
        db.session(), one, {"expected": 9, "present": 9, "fever": 0} | numbers, archive={}, comments={}, source=source,
        key=f"{firm.id} {at}", seen=one.version, reason="更正", now=on(at), by=town.officer(Post.HEALTH_MANAGER),
    )  # fmt: skip
    db.session.commit()


def figures(client, query: str = "") -> str:
    """The five numbers, as they are read."""
    text = opened(client, PAGE + query).text
    return "".join(text[text.index("应报") : text.index("报送期")].split())


def book(client, address: str) -> list[list[str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    return [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize(
    ("instant", "rate", "missing", "late"),
    [("23 11:59:59", "20.0%", 4, 0), ("23 12:00:00", "20.0%", 4, 0), ("23 12:00:01", "0.0%", 4, 1)],
)  # fmt: skip
def test_page_list_and_workbook_agree_on_who_was_on_time(
    town, firms, clock, people, instant, rate, missing, late
):
    clock("22 08:00")
    filed(town, firms[0], instant)
    clock("23 12:00:01")
    officer = people(Post.TASK_FORCE)
    told = figures(officer)
    assert rate in told
    assert f"未报{missing}" in told
    assert f"迟报{late}家" in told
    assert opened(officer, f"{FIRMS}?show=missing").html.count("查看、拨打") + 4 >= missing
    rows = book(officer, "/reports/tracking/export?by=place")
    assert rows[-1][:2] == ["合计", "5"]
    assert rows[-1][4:7] == [str(1 - late), rate, str(late)]
    assert rows[-1][-1] == str(missing)
    assert len(book(officer, "/reports/tracking/firms/export?show=missing")) - 3 == missing


def test_nothing_until_the_lock_is_missed_and_still_counted_as_missing(town, firms, clock, people):
    clock("30 12:00:00")
    page = opened(people(Post.UNIT_LIAISON), f"{FIRMS}?period=20261116-20261122-normal")
    assert page.text.count("缺报") == 4
    assert "锦程商贸" not in page.text


def test_after_the_lock_an_exception_changes_now_and_not_the_deadline(town, firms, clock, people):
    filed(town, firms[0], "22 09:00")
    clock("30 12:00:00")
    officer, week = people(Post.TASK_FORCE), "period=20261116-20261122-normal"
    before, due = figures(officer, f"?{week}"), figures(officer, f"?{week}&at=due")
    one = next(row for row in recent(db.session(), firms[1].id, 9) if row.first_on == date(2026, 11, 16))
    unlock(
        db.session(),
        alone(db.session(), one),
        "住院",
        on("30 20:00"),
        now=on("30 12:00"),
        by=town.officer(Post.UNIT_LIAISON),
    )
    file(
        db.session(), one, {"expected": 9, "present": 9, "fever": 1}, archive={}, comments={}, source=Source.FORM, key="late", seen=0,
        reason="", now=on("30 12:01"), by=town.officer(Post.HEALTH_MANAGER),
    )  # fmt: skip
    db.session.commit()
    after = figures(officer, f"?{week}")
    assert "迟报1家" in after
    assert "涉及1家" in after
    assert "迟报0家" in before
    assert figures(officer, f"?{week}&at=due").replace("后来补报1家", "后来补报0家") == due


def test_a_switch_to_daily_shows_as_its_own_periods(town, firms, clock, people):
    order = ModeOrder.open(
        scope="place", scope_id=town.park.id, district_id=town.district.id, name="云溪软件园应急响应", reason="输入病例",
        legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 4), now=on("20 10:00"), by_id=None,
    )  # fmt: skip
    make.save(order)
    for text in ("20 10:01", "21 00:01", "21 10:30"):
        clock(text)
    officer = people(Post.TASK_FORCE)
    page = opened(officer, PAGE)
    assert "11月20日日报" in page.text
    assert "11月16日至19日周报（不满一周）" in page.text
    assert "11月16日至22日周报" in page.text  # of the other place, which goes on weekly
    assert "应报4家" in figures(officer, "?period=20261120-20261120-emergency")
    assert "应报1家" in figures(officer, "?period=20261116-20261122-normal")


def test_each_sees_what_their_own_scope_held_and_nobody_elses(town, firms, clock, people):
    elsewhere = make.save(Unit(district_id=town.district.id, name="区商务局"))
    community = make.save(Community(street_id=town.street.id, name="锦书社区"))
    expected = {
        (Post.TASK_FORCE, None): 5, (Post.UNIT_LIAISON, None): 4, (Post.COMMUNITY_LIAISON, None): 1, (Post.SPECIALIST, None): 4,
        (Post.SPECIALIST, town.other.id): 1, (Post.UNIT_LIAISON, elsewhere.id): 0, (Post.COMMUNITY_LIAISON, community.id): 0,
    }  # fmt: skip
    names = [firm.name for firm in firms]
    db.session.rollback()
    clients = {whose: people(*whose) for whose in expected}
    for whose, number in expected.items():
        client = clients[whose]
        for address in (PAGE, FIRMS, MISSING):
            page = opened(client, address)
            if number == 0:
                assert "这里还没有要报送的" in page.text
            assert sum(name in page.text for name in names) <= number
        if number:
            assert f"应报{number}家" in figures(client)
            everything = book(client, "/reports/tracking/firms/export?show=all")
            assert len(everything) - 3 == number


def test_an_address_that_asks_for_more_gives_no_more(town, firms, clock, people):
    """Neither by number of another's place, unit or firm, nor by search, count or a made-up period."""
    specialist = people(Post.SPECIALIST, town.other.id)
    for query in (f"place={town.park.id}", f"unit={town.unit.id}", "q=石上清泉&show=all", "unit=0&q=远山"):
        page = opened(specialist, f"{FIRMS}?{query}")
        assert not any(name in page.text for name in NAMES), query
        assert "青禾" not in page.text.replace("qhsw", "")
    for query in ("period=nonsense", "period=20261340-20261122-normal", "until=99999-01-01", "by=firm&sort=x&at=y", "size=77",
                  "place=999999999999", "page=-3", "page=99999",
                  "q=%00%1b", "period=19000101-19000107-normal", "street=1&unit=1&community=1&place=1&size=1", "street=-1"):  # fmt: skip
        for address in (PAGE, FIRMS, MISSING):
            opened(specialist, f"{address}?{query}")
    assert people(Post.HEALTH_MANAGER).get(PAGE).status_code == 403
    other = make.district("芦洲区", "luzhou")
    make.adopt(other)
    stranger = make.sign_in(people(Post.SPECIALIST), make.account(other, Post.TASK_FORCE, other.id))
    for query in (f"street={town.street.id}", f"place={town.park.id}", ""):
        assert "这里还没有要报送的" in opened(stranger, f"{PAGE}?{query}").text


def test_nobodys_health_by_name_is_on_these_pages(town, firms, clock, people):
    make.save(
        Employee(
            enterprise_id=firms[0].id, name="阿依古丽", added_at=on("16 08:00"), changed_at=on("16 08:00")
        )
    )
    filed(town, firms[0], "22 09:00", fever=1)
    specialist = people(Post.SPECIALIST)
    for address in (PAGE, f"{FIRMS}?show=all", MISSING):
        assert "阿依古丽" not in opened(specialist, address).text


def test_whom_to_call_is_masked_and_opened_with_a_reason(town, firms, clock, people, app):
    make.account(town.district, Post.HEALTH_MANAGER, firms[1].id, name="顾长宁", mobile="13812345678")
    clock("23 12:01")
    liaison = people(Post.UNIT_LIAISON)
    page = opened(liaison, FIRMS)
    assert "顾长宁" in page.text
    assert "138****5678" in page.text
    assert "13812345678" not in page.html
    assert f"/enterprises/{firms[1].id}/contact-people/" in page.html
    assert (
        "沈秋白" in opened(people(Post.TASK_FORCE), f"{FIRMS}?place={town.other.id}").text
    )  # who stands for it where nobody is appointed
    rows = book(liaison, "/reports/tracking/firms/export")
    assert any("138****5678" in row for row in rows)


def test_the_list_for_a_group_has_names_and_neither_telephones_nor_health(town, firms, clock, people):
    make.account(town.district, Post.HEALTH_MANAGER, firms[1].id, name="顾长宁", mobile="13812345678")
    filed(town, firms[0], "22 09:00", fever=3)
    clock("23 12:01")
    page = opened(people(Post.TASK_FORCE), MISSING)
    assert "应报5家，还有4家没有报" in page.text
    assert "【云溪软件园B区】3家" in page.text
    assert f"{NAMES[0]}（顾长宁）" in page.text
    text = page.html[page.html.index("<textarea") : page.html.index("</textarea>")]
    assert "138" not in text
    assert "发热" not in text
    assert "青禾" not in text


@pytest.mark.parametrize("many", [0, 60])
def test_the_sheet_is_one_page_whatever_is_missing(town, clock, people, many):
    for number in range(many):
        make.enterprise(town.street, f"{NAMES[0]}{number}", at=town.park if number % 2 else town.building)
    clock("16 08:00")
    clock("23 12:01")
    answer = people(Post.SPECIALIST).get(f"{MISSING}.pdf")
    assert answer.status_code == 200
    pdf = pypdfium2.PdfDocument(answer.data)
    assert len(pdf) == 1
    text = pdf[0].get_textpage().get_text_range()
    assert f"未报{1 + many}家" in text
    assert "打印" in text  # the foot is still on it
    assert ("其余" in text) == bool(many)
    pdf.close()


def test_a_page_asks_the_database_as_often_for_many_as_for_few(town, firms, clock, people):
    client = people(Post.TASK_FORCE)
    opened(client, PAGE)
    few = statements_of(lambda: opened(client, f"{PAGE}?by=unit"))
    for number in range(20):
        unit = make.save(Unit(district_id=town.district.id, name=f"{number}号单位"))
        make.enterprise(town.street, f"企业{number}", at=town.park, unit_id=unit.id)
    clock("21 00:01")
    client = people(Post.TASK_FORCE)
    opened(client, PAGE)
    assert statements_of(lambda: opened(client, f"{PAGE}?by=unit")) == few


def test_what_came_back_is_counted_until_it_is_mended(town, firms, clock, people):
    filed(town, firms[0], "22 09:00")
    one = recent(db.session(), firms[0].id, 1)[0]
    judge(
        db.session(), alone(db.session(), one), Review.RETURNED, seen=1, fields=["fever"], words="请核对", asked=["fever"],
        now=on("22 10:00"), by=town.officer(Post.UNIT_LIAISON),
    )  # fmt: skip
    db.session.commit()
    officer = people(Post.TASK_FORCE)
    assert "退回1家" in figures(officer)
    filed(town, firms[0], "22 11:00", visitors=1)
    assert "退回0家" in figures(officer)


def test_the_list_asks_as_often_for_ten_buildings_as_for_one(town, firms, clock, people):
    client = people(Post.TASK_FORCE)
    opened(client, MISSING)
    few = statements_of(lambda: opened(client, f"{MISSING}?by=place"))
    for number in range(10):
        make.enterprise(town.street, f"企业{number}", at=make.place(town.street, f"{number}号楼"))
    clock("20 09:05")
    clock("21 00:01")
    client = people(Post.TASK_FORCE)
    opened(client, MISSING)
    week = "period=20261120-20261122-normal"
    assert "【9号楼】1家" in opened(client, f"{MISSING}?{week}").text
    assert statements_of(lambda: opened(client, f"{MISSING}?{week}")) <= few
