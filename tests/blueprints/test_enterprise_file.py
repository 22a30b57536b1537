"""The enterprise's file: kept by its own staff and its officers, each within their reach, and every change named."""

import pytest
from sqlalchemy import func, select

from blueprints.enterprises import filing
from models.access import Post
from models.base import db
from models.enterprises import Enterprise
from models.places import Community, Street, Unit
from tests import forms, make

CODE = "91510100MA00000152"


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER, name="许安"))


@pytest.fixture
def liaison(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))


def own(town, page=""):
    return f"/enterprises/{town.tenant.id}/profile{page}"


def test_an_enterprise_keeps_its_own_file_and_each_change_says_who_and_what(manager, town):
    answer = forms.submit(
        manager, own(town, "/edit"), short_name="青禾", initials="", legal_representative="林知秋",
        sector="software", revenue="1,200", phone="１３８ 0000 1234", address="锦书路18号",
    )  # fmt: skip
    text = forms.landed(manager, answer).text
    for words in ("林知秋", "中型", "1,200万元", "13800001234", "许安", "简称由“青禾生物”改为“青禾”"):
        assert words in text
    db.session.expire_all()
    assert town.tenant.initials == "qh"
    assert "138****1234" not in text and "13800001234”" not in text


def test_the_credit_code_and_where_it_belongs_are_not_the_enterprises_to_change(manager, town):
    before = town.tenant.credit_code, town.tenant.unit_id
    page = forms.opened(manager, own(town, "/edit"))
    data = page.form("").data() | {"credit_code": CODE, "unit_id": ""}
    assert manager.post(own(town, "/edit"), data=data).status_code == 303
    db.session.expire_all()
    assert (town.tenant.credit_code, town.tenant.unit_id) == before


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [("name", " ", "请填企业名称"), ("revenue", "很多", "没有看懂“很多”"), ("phone", "1380", "手机号是11位"),
     ("assets", "999999999", "最多100,000,000"), ("short_name", "长" * 31, "最多30个字")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_beside_the_field_and_kept(manager, town, field, typed, said):
    answer = forms.submit(manager, own(town, "/edit"), **{field: typed, "address": "新地址9号"})
    assert said in forms.refused(answer)
    assert "新地址9号" in answer.text and (not typed.strip() or typed in answer.text)


def test_a_head_count_holds_from_its_day_and_never_from_one_to_come(manager, town):
    forms.submit(manager, own(town, "/headcount"), number="210", from_on="2026-11-01")
    text = forms.opened(manager, own(town)).text
    assert "2026年11月1日" in text and "210人" in text
    refused = forms.refused(forms.submit(manager, own(town, "/headcount"), number="5", from_on="2026-11-21"))
    assert "还没有到" in refused
    db.session.expire_all()
    assert town.tenant.headcount == 210


def test_an_officer_changes_street_and_unit_and_sees_the_telephone_masked(liaison, town):
    town.tenant.phone = "13800001234"
    db.session.commit()
    other = make.save(Unit(district_id=town.district.id, name="区商务局"))
    address = f"/enterprises/{town.tenant.id}/file"
    text = forms.opened(liaison, address).text
    assert "138****1234" in text and "13800001234" not in text
    assert "13800001234" not in liaison.get(f"{address}/edit").text
    answer = forms.submit(liaison, f"{address}/edit", unit_id=str(other.id))
    assert answer.location.endswith("/enterprises")
    assert liaison.get(address).status_code == 404
    db.session.expire_all()
    assert town.tenant.unit_id == other.id and town.tenant.phone == "13800001234"


def new(town, **facts):
    return {"credit_code": CODE, "name": "云溪松果科技有限公司", "street_id": str(town.street.id), "headcount": "60",
            "community_id": "", "unit_id": str(town.unit.id)} | facts  # fmt: skip


def test_a_registered_enterprise_asks_for_its_health_staff_at_once(liaison, town):
    page = forms.landed(liaison, forms.submit(liaison, "/enterprises/new", **new(town, short_name="松果")))
    assert "邀请健康管理员" in page.text and "登记企业" in page.text
    row = db.session.scalar(select(Enterprise).where(Enterprise.credit_code == CODE))
    assert (row.initials, row.headcount) == ("sg", 60)


def test_a_code_on_file_is_named_within_reach_and_not_beyond_it(liaison, town):
    town.tenant.credit_code = CODE
    db.session.commit()
    assert "是云溪青禾" in forms.refused(forms.submit(liaison, "/enterprises/new", **new(town)))
    town.tenant.unit_id = None
    db.session.commit()
    text = forms.refused(forms.submit(liaison, "/enterprises/new", **new(town)))
    assert "已在别处登记" in text and "云溪青禾" not in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"credit_code": "91510100MA00000153"}, "对不上"), ({"unit_id": ""}, "请从列表里选"),
     ({"street_id": "x"}, "请从列表里选")],
)  # fmt: skip
def test_a_wrong_code_or_a_unit_that_is_not_ones_own_is_not_registered(liaison, town, changed, said):
    make.save(Unit(district_id=town.district.id, name="区商务局"))
    assert said in forms.refused(forms.submit(liaison, "/enterprises/new", **new(town, **changed)))
    assert db.session.scalar(select(Enterprise).where(Enterprise.name == "云溪松果科技有限公司")) is None


def test_whoever_looks_after_one_unit_and_one_community_registers_within_either(app, town):
    person = town.officer(Post.UNIT_LIAISON)
    make.appoint(person, Post.COMMUNITY_LIAISON, town.community.id)
    client = make.sign_in(app.test_client(), person)
    said = forms.refused(forms.submit(client, "/enterprises/new", **new(town, unit_id="")))
    assert "不在您负责的范围" in said
    answer = forms.submit(
        client, "/enterprises/new", **new(town, unit_id="", community_id=str(town.community.id))
    )
    assert answer.status_code == 303


def test_the_form_begins_with_ones_own_unit_or_community_and_offers_no_other(app, liaison, town):
    make.save(Unit(district_id=town.district.id, name="区商务局"))
    far = make.save(Street(district_id=town.district.id, name="石桥街道"))
    make.save(Community(street_id=far.id, name="工坊社区"))
    page = forms.opened(liaison, "/enterprises/new")
    assert "区商务局" not in page.text and "工坊社区" in page.text
    assert page.form("").data()["unit_id"] == [str(town.unit.id)]
    theirs = make.sign_in(app.test_client(), town.officer(Post.COMMUNITY_LIAISON))
    page = forms.opened(theirs, "/enterprises/new")
    assert "区商务局" in page.text and "工坊社区" not in page.text and "石桥街道" not in page.text
    data = page.form("").data()
    assert (data["street_id"], data["community_id"]) == ([str(town.street.id)], [str(town.community.id)])


def test_of_two_who_register_one_code_at_the_same_moment_the_second_is_told(liaison, town, monkeypatch):
    """The second has looked before the first was written: the database is asked last."""
    town.tenant.credit_code = CODE
    db.session.commit()
    looks, look = [], filing._taken

    def looked_too_early(form):
        looks.append(form)
        return look(form) if len(looks) > 1 else False

    monkeypatch.setattr(filing, "_taken", looked_too_early)
    assert "是云溪青禾" in forms.refused(forms.submit(liaison, "/enterprises/new", **new(town)))
    assert len(looks) == 2
    assert db.session.scalar(select(func.count(Enterprise.id))) == 1


def test_who_serves_several_enterprises_goes_from_one_to_the_other(app, town):
    person = town.officer(Post.HEALTH_MANAGER)
    second = make.enterprise(town.street, "云溪松果科技有限公司")
    make.enterprise(town.street, "白桦设计有限公司")
    client = make.sign_in(app.test_client(), person)
    address = f"/enterprises/{town.tenant.id}"
    assert "我的其他企业" not in forms.opened(client, address).text
    make.appoint(person, Post.HEALTH_MANAGER, second.id)
    text = forms.opened(client, address).text
    assert "我的其他企业：云溪松果科技有限公司" in text and "白桦设计" not in text
    assert forms.opened(client, f"/enterprises/{second.id}")
