"""The enterprises of an officer or a specialist: what each lacks, found by whatever is known of it, and no other's."""

import io
import re
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import delete

from blueprints.enterprises import portfolio as views
from models import portfolio
from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.enterprises import Premises
from models.places import Adoption, Unit
from tests import make
from tests.conftest import NOW
from tests.reader import read
from tests.statements import asked_by


@pytest.fixture
def liaison(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))


def shown(client, address="/enterprises"):
    answer = client.get(address)
    assert answer.status_code == 200
    return read(answer.text)


def firm(town, name, **facts):
    facts = {"unit_id": town.unit.id, "short_name": name[:4], "initials": "xx", "headcount": 12} | facts
    return make.enterprise(town.street, name, **facts)


def test_each_enterprise_says_what_it_lacks_and_the_worst_stands_first(liaison, town):
    firm(town, "松果餐饮店", headcount=12)
    firm(town, "云杉制造有限公司", headcount=620)
    firm(town, "苔原设计有限公司", headcount=None)
    full = firm(town, "白桦科技有限公司", headcount=45)
    make.account(town.district, Post.HEALTH_MANAGER, full.id)
    text = shown(liaison).text
    order = ["云杉制造", "云溪青禾", "苔原设计", "白桦科技", "松果餐饮"]
    assert sorted(order, key=text.index) == order
    for words in ("首席健康官差1名", "健康管理员差2名", "无法判断", "已配齐", "法定代表人担任"):
        assert words in text


def test_somebody_whose_account_is_closed_or_term_is_over_fills_no_post(app, liaison, town):
    person = town.officer(Post.HEALTH_MANAGER)
    assert "已配齐" in shown(liaison).text
    person.disabled_at = NOW
    db.session.commit()
    assert "健康管理员差1名" in shown(liaison).text
    person.disabled_at, person.appointments[0].ended_at = None, NOW
    db.session.commit()
    assert "健康管理员差1名" in shown(liaison).text


@pytest.mark.parametrize(
    "typed", ["青禾", "qhs", "QHSW", "云溪青禾生物科技股份有限公司", "3号楼5层", "云溪软件园", "  青禾 "]
)
def test_an_enterprise_is_found_by_what_people_know_of_it(liaison, town, typed):
    firm(town, "松果餐饮店")
    text = shown(liaison, f"/enterprises?q={typed}").text
    assert "青禾生物" in text and "松果餐饮店" not in text


def test_a_credit_code_is_found_whole_in_either_case(liaison, town):
    firm(town, "松果餐饮店")
    text = shown(liaison, f"/enterprises?q={town.tenant.credit_code.lower()}").text
    assert "青禾生物" in text and "松果餐饮店" not in text


@pytest.mark.parametrize("query", ["q=%25", "q=_", "q=%00", "q=" + "长" * 500, "lack=x", "sort=x", "street=x", "street=-1",
                                   "street=99999999999999999999", "page=0", "page=x", "lack=posts&lack=x"])  # fmt: skip
def test_made_up_addresses_never_fail_and_signs_of_a_pattern_are_none(liaison, town, query):
    text = shown(liaison, f"/enterprises?{query}").text
    assert ("云溪青禾" in text) == (not query.startswith(("q=%25", "q=_", "q=长")))


def test_the_quick_filters_count_what_they_show(liaison, town):
    firm(town, "苔原设计有限公司", headcount=None)
    page = shown(liaison)
    assert "全部 2" in page.text and "缺岗位 1" in page.text and "人数未填 1" in page.text
    assert "苔原" not in shown(liaison, "/enterprises?lack=posts").text
    assert "云溪青禾" not in shown(liaison, "/enterprises?lack=headcount").text


def test_the_order_can_be_chosen(liaison, town):
    firm(town, "阿尔法大厂", headcount=29)
    firm(town, "波塔小店", headcount=2)
    by_heads = shown(liaison, "/enterprises?sort=headcount").text
    assert by_heads.index("云溪青禾") < by_heads.index("阿尔法") < by_heads.index("波塔")


def test_nothing_found_and_nothing_there_look_different(app, liaison, town):
    assert "没有符合的" in shown(liaison, "/enterprises?q=不存在").text
    assert "没有人数未填的企业" in shown(liaison, "/enterprises?lack=headcount").text
    nobody = make.save(Unit(district_id=town.district.id, name="区商务局"))
    client = make.sign_in(app.test_client(), make.account(town.district, Post.UNIT_LIAISON, nobody.id))
    assert "您负责的范围内还没有企业" in shown(client).text


@pytest.mark.parametrize("query", ["", "?q=青禾", "?q=qhsw", "?lack=posts", "?sort=name"])
def test_another_units_enterprises_are_in_no_list_search_count_or_workbook(app, town, query):
    other = make.save(Unit(district_id=town.district.id, name="区商务局"))
    client = make.sign_in(app.test_client(), make.account(town.district, Post.UNIT_LIAISON, other.id))
    text = shown(client, f"/enterprises{query}").text
    assert "云溪青禾" not in text and "全部 0" in text
    assert len(table(client, query)) == 0
    assert client.get(f"/enterprises/{town.tenant.id}/file").status_code == 404


def test_a_specialist_has_who_sits_in_the_park_and_its_buildings_until_they_move(app, town, at):
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    firm(town, "三号楼的店", at=town.building)
    firm(town, "别处的店", at=town.other)
    text = shown(specialist).text
    assert "青禾" in text and "三号楼的店" in text and "别处的店" not in text
    seat = db.session.query(Premises).filter_by(enterprise_id=town.tenant.id).one()
    seat.until_at = NOW + timedelta(minutes=10)
    db.session.commit()
    at(NOW + timedelta(minutes=9))
    assert "青禾" in shown(specialist).text
    at(NOW + timedelta(minutes=10))
    assert "云溪青禾" not in shown(specialist).text


def test_a_long_list_has_pages_and_costs_no_more_queries_than_a_short_one(liaison, town):
    short = asked_by(lambda: liaison.get("/enterprises"))
    for number in range(60):
        one = firm(town, f"第{number}号企业", at=town.park, headcount=30 + number)
        make.account(town.district, Post.HEALTH_MANAGER, one.id)
    assert len(asked_by(lambda: liaison.get("/enterprises"))) == len(short)
    assert "共61家" in shown(liaison).text and "第0号企业" in shown(liaison, "/enterprises?page=2").text


def test_nobody_counts_further_than_is_said_and_no_page_lies_beyond(liaison, town, monkeypatch):
    for number in range(3):
        firm(town, f"第{number}号企业", headcount=300 + number)
    monkeypatch.setattr(views, "MOST", 2)
    monkeypatch.setattr(portfolio, "MOST", 2)
    page = shown(liaison)
    for words in ("您负责的2+家", "全部 2+", "缺岗位 2+", "人数未填 0", "只列前2家"):
        assert words in page.text
    assert "第2号企业" in shown(liaison, "/enterprises?page=9").text


def test_the_way_to_the_workbook_has_the_filters_of_the_list_it_stands_in(liaison, town):
    part = liaison.get("/enterprises?lack=posts&q=青禾", headers={"HX-Request": "true"})
    assert "/enterprises/export?lack=posts" in part.text.replace("&amp;", "&")
    assert "/enterprises/export" not in liaison.get("/enterprises?q=没有").text


def test_the_file_says_the_rule_who_serves_and_whom_to_invite(liaison, town):
    page = shown(liaison, f"/enterprises/{town.tenant.id}/file")
    assert "30人到200人的企业，至少设1名健康管理员" in page.text and town.tenant.credit_code in page.text
    (invite,) = [
        link.url for link in page.links if "/people/invite" in link.url or "post=health_manager" in link.url
    ]
    assert shown(liaison, invite).forms
    town.officer(Post.HEALTH_MANAGER, name="林见微")
    page = shown(liaison, f"/enterprises/{town.tenant.id}/file")
    assert "林见微" in page.text and not [link for link in page.links if "post=health_manager" in link.url]


def test_a_specialist_reads_the_file_and_invites_nobody_to_it(app, town):
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    page = shown(specialist, f"/enterprises/{town.tenant.id}/file")
    assert not [link for link in page.links if "post=health_manager" in link.url]


def test_without_a_head_count_nobody_is_called_compliant(liaison, town):
    town.tenant.headcount = 0
    db.session.commit()
    text = shown(liaison, f"/enterprises/{town.tenant.id}/file").text
    assert "无法判断" in text and "已满足" not in text


def test_without_a_scheme_nothing_is_owed_and_nobody_is_judged(liaison, town):
    db.session.execute(delete(Adoption))
    db.session.commit()
    text = shown(liaison).text
    assert "没有方案" in text and "缺岗位 0" in text and "已配齐" not in text
    assert "暂时没有岗位要求" in shown(liaison, f"/enterprises/{town.tenant.id}/file").text


def table(client, query=""):
    answer = client.get(f"/enterprises/export{query}")
    assert answer.status_code == 200
    rows = list(load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True))
    return rows[3:]


def test_the_workbook_has_what_the_list_has_and_is_logged(liaison, town):
    town.tenant.name = "=1+1有限公司"
    firm(town, "苔原设计有限公司", headcount=None)
    db.session.commit()
    first, second = table(liaison)
    assert first[0] == "=1+1有限公司" and first[1] == town.tenant.credit_code and first[7] == "健康管理员1名"
    assert second[7] == "人数未填，无法判断"
    assert [row[0] for row in table(liaison, "?lack=headcount")] == ["苔原设计有限公司"]
    db.session.rollback()
    line = db.session.query(AuditLine).filter_by(action="enterprise:export").order_by(AuditLine.id).first()
    assert '"count": 2' in line.details


@pytest.mark.parametrize("query", ["", "&sort=headcount", "&lack=posts", "&lack=closed"])
def test_equal_enterprises_stand_by_name_however_they_came(app, town, query):
    """Equal in what they lack and in their head count; and so on the next page."""
    task_force = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    called = [f"松原{number:02}号公司" for number in range(52)]
    for name in (*called[30:], *called[:30]):
        one = make.enterprise(town.street, name, headcount=60)
        if "closed" in query:
            one.close(NOW.date(), "注销", now=NOW)
            db.session.commit()
    pages = "".join(shown(task_force, f"/enterprises?page={number}{query}").text for number in (1, 2))
    assert re.findall("松原[0-9]{2}号公司", pages) == called
