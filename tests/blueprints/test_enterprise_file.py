"""The enterprise's file: kept by its own staff and its officers, each within their reach, and every change named."""

import pytest
from sqlalchemy import select

from models.access import Post
from models.base import db
from models.enterprises import Enterprise
from models.places import Unit
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
    [({"credit_code": "91510100MA00000153"}, "对不上"), ({"unit_id": ""}, "不在您负责的范围")],
)
def test_a_wrong_code_or_an_enterprise_out_of_reach_is_not_registered(liaison, town, changed, said):
    assert said in forms.refused(forms.submit(liaison, "/enterprises/new", **new(town, **changed)))
    assert db.session.scalar(select(Enterprise).where(Enterprise.name == "云溪松果科技有限公司")) is None
