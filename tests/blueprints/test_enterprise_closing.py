"""Closing an enterprise and moving it, on the pages of those who look after it."""

import io
import json
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.enterprises import Premises
from tests import forms, make
from tests.conftest import NOW


@pytest.fixture
def liaison(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))


@pytest.fixture
def specialist(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))


@pytest.fixture
def force(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))


def of(town, page="file"):
    return f"/enterprises/{town.tenant.id}/{page}"


def close(client, town, **typed):
    return forms.submit(client, of(town, "close"), **({"reason": "已注销"} | typed))


def test_a_closed_enterprise_leaves_list_and_counts_and_is_found_by_its_filter(liaison, town):
    manager = town.officer(Post.HEALTH_MANAGER)
    text = forms.landed(liaison, close(liaison, town)).text
    for words in (
        "1项任职随之结束",
        "最后一天是2026年11月20日",
        "已注销",
        "关闭企业：最后一天2026年11月20日",
        "随企业关闭",
    ):
        assert words in text
    for words in ("邀请", "改资料", "填新的人数", "登记迁入"):
        assert words not in text
    text = forms.opened(liaison, "/enterprises").text
    assert "云溪青禾" not in text and "已关闭 1" in text and "全部 0" in text
    text = forms.opened(liaison, "/enterprises?lack=closed").text
    assert "云溪青禾" in text and "2026年11月20日关闭" in text
    db.session.expire_all()
    assert manager.appointments[0].ended_at == NOW
    line = db.session.scalars(select(AuditLine).where(AuditLine.action == "enterprise:close")).one()
    assert "已注销" in line.details and line.object_id == str(town.tenant.id)


def test_the_workbook_of_the_closed_says_since_when_and_not_what_they_lack(liaison, town):
    close(liaison, town, closed_on="2026-11-18")
    book = load_workbook(io.BytesIO(liaison.get("/enterprises/export?lack=closed").data))
    cells = [str(cell.value) for row in book.active.iter_rows() for cell in row]
    assert "已关闭（2026年11月18日）" in cells
    book = load_workbook(io.BytesIO(liaison.get("/enterprises/export").data))
    assert not any("青禾" in str(cell.value) for row in book.active.iter_rows() for cell in row)


def test_a_closing_is_undone_by_a_button(liaison, town, app):
    manager = town.officer(Post.HEALTH_MANAGER)
    close(liaison, town)
    own = make.sign_in(app.test_client(), manager)
    assert own.get(f"/enterprises/{town.tenant.id}").status_code == 403
    text = forms.landed(liaison, forms.submit(liaison, of(town), of(town, "reopen"))).text
    assert "1项任职已恢复" in text and "最后一天是" not in text and "撤销关闭" in text
    assert own.get(f"/enterprises/{town.tenant.id}").status_code == 200
    assert "全部 1" in forms.opened(liaison, "/enterprises").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"reason": " "}, "请写关闭的原因"), ({"closed_on": "2026-11-21"}, "还没有到"),
     ({"closed_on": "0001-01-01"}, "年份不会是1年"), ({"closed_on": ""}, "请填最后一天"),
     ({"successor": "鹭洲实业"}, "没有这一家"), ({"successor": "云溪青禾"}, "没有这一家"),
     ({"successor": "云"}, "请填信用代码"), ({"reason": "长" * 201}, "最多200个字")],
)  # fmt: skip
def test_what_is_wrong_with_a_closing_is_said_and_what_was_typed_is_kept(liaison, town, typed, said):
    for name in ("云杉制造有限公司", "云松服务有限公司"):
        make.enterprise(town.street, name, unit_id=town.unit.id)
    make.enterprise(town.street, "鹭洲实业有限公司")  # out of this liaison's reach
    answer = close(liaison, town, **typed)
    assert said in forms.refused(answer)
    assert all(value in answer.text for value in typed.values())
    db.session.expire_all()
    assert town.tenant.closed_at is None


def test_a_merged_enterprise_leads_to_the_one_it_went_into(liaison, town):
    other = make.enterprise(town.street, "云杉制造有限公司", unit_id=town.unit.id)
    page = forms.landed(liaison, close(liaison, town, successor="云杉"))
    assert "已并入云杉制造有限公司" in page.text
    assert any(link.url == f"/enterprises/{other.id}/file" for link in page.links)
    other.unit_id = None
    db.session.commit()
    page = forms.opened(liaison, of(town))
    assert "并入云杉制造有限公司" in page.text
    assert not any(link.url == f"/enterprises/{other.id}/file" for link in page.links)


def test_somebody_with_no_unit_of_the_enterprise_closes_nothing(specialist, town):
    assert specialist.get(of(town, "close")).status_code == 403
    assert "关闭企业" not in forms.opened(specialist, of(town)).text


def test_an_enterprise_moves_in_and_out_of_a_place(force, town):
    page = forms.landed(
        force,
        forms.submit(
            force, of(town, "premises/new"), place_id=str(town.other.id), room="2层", at="2026-11-25T08:30"
        ),
    )
    assert "2026年11月25日08:30迁入锦程国际中心 2层" in page.text and "还没迁入" in page.text
    seat = db.session.scalar(select(Premises).where(Premises.place_id == town.other.id))
    assert seat.from_at.isoformat() == "2026-11-25T00:30:00+00:00"
    out = f"/premises/{seat.id}/move-out"
    assert "晚于入驻" in forms.refused(forms.submit(force, out, at="2026-11-25T08:30"))
    assert "2026年12月1日" in forms.landed(force, forms.submit(force, out, at="2026-12-01T18:00")).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"place_id": ""}, "请选场所"), ({"place_id": "99"}, "请从列表里选"), ({"at": "明天"}, "没有看懂“明天”"),
     ({"at": ""}, "请填从什么时候起"), ({"at": "0001-01-01T00:00"}, "年份不会是1年"), ({"room": "3号楼5层"}, "不用再登记")],
)  # fmt: skip
def test_what_is_wrong_with_a_move_is_said_and_nothing_moves(force, town, typed, said):
    form = {"place_id": str(town.park.id), "room": "9层", "at": "2026-11-25T08:30"} | typed
    page = forms.opened(force, of(town, "premises/new"))
    answer = force.post(of(town, "premises/new"), data=page.form("").data() | form)
    assert said in forms.refused(answer)
    assert form["room"] in answer.text
    assert len(db.session.scalars(select(Premises)).all()) == 1


def test_rooms_are_changed_once_they_have_been(specialist, town, at):
    at(NOW + timedelta(minutes=20))
    seat = town.tenant.premises[0]
    page = forms.landed(specialist, forms.submit(specialist, f"/premises/{seat.id}/room", room="3号楼6层"))
    assert "从云溪软件园B区 3号楼5层换到3号楼6层" in page.text and "已迁出" in page.text
    db.session.rollback()
    assert sorted(one.room for one in town.tenant.premises if one.until_at is None) == ["3号楼6层"]


def test_a_specialist_moves_within_the_own_place_alone_and_an_enterprise_that_left_is_gone(
    specialist, town, at
):
    at(NOW + timedelta(minutes=20))
    near = town.tenant.premises[0].id
    far = make.save(Premises(enterprise_id=town.tenant.id, place_id=town.other.id, room="2层", from_at=NOW))
    page = forms.opened(specialist, of(town))
    out = [link.url for link in page.links if link.url.endswith("/move-out")]
    assert out == [f"/premises/{near}/move-out"]
    assert specialist.get(f"/premises/{far.id}/move-out").status_code == 404
    offered = forms.opened(specialist, of(town, "premises/new")).text
    assert "云溪软件园B区3号楼" in offered and "锦程国际中心" not in offered
    answer = forms.submit(specialist, out[0], at="2026-11-20T10:00")
    assert answer.location.endswith("/enterprises")
    assert specialist.get(of(town)).status_code == 404


def test_who_worked_where_an_enterprise_has_left_has_no_place_of_work_any_more(force, app, town, at):
    at(NOW + timedelta(minutes=20))
    seat = town.tenant.premises[0]
    here, elsewhere = make.employee(town.tenant, premises_id=seat.id), make.employee(town.tenant, "许小满")
    text = forms.landed(
        force, forms.submit(force, f"/premises/{seat.id}/move-out", at="2026-11-20T10:00")
    ).text
    assert "原来在那里上班的1人，工作地点已清空" in text
    db.session.expire_all()
    assert (here.premises_id, elsewhere.premises_id) == (None, None)
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert json.loads(line.details)["placeless"] == 1


def test_of_a_move_to_come_the_people_stay_and_afterwards_the_file_says_so(force, app, town, at):
    seat = town.tenant.premises[0]
    here = make.employee(town.tenant, premises_id=seat.id)
    text = forms.landed(
        force, forms.submit(force, f"/premises/{seat.id}/move-out", at="2026-11-25T10:00")
    ).text
    assert "工作地点已清空" not in text
    db.session.expire_all()
    assert here.premises_id == seat.id
    keeper = town.officer(Post.HEALTH_MANAGER)
    person = make.sign_in(app.test_client(), keeper)
    assert "已迁出" not in forms.opened(person, f"/employees/{here.id}").text
    at(NOW + timedelta(days=6))
    person = make.sign_in(app.test_client(), keeper)
    assert "11月25日已迁出" in forms.opened(person, f"/employees/{here.id}").text
    assert "（已迁出）" in forms.opened(person, f"/employees/{here.id}/edit").text


def test_an_enterprise_sees_where_it_sits_and_moves_nothing(app, town):
    manager = make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))
    page = forms.opened(manager, of(town, "profile"))
    assert "3号楼5层" in page.text and "在用" in page.text and "登记迁入" not in page.text
    assert not any("move-out" in link.url for link in page.links)
