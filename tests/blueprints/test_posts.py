"""The page of the health posts, and appointing, ending, handing over there."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from models.access import Post
from models.accounts import Appointment
from models.audit import AuditLine
from models.base import db
from models.enterprises import Headcount
from models.invitations import Invitation
from models.posts import ManagementTeam, PaperCheck
from tests import make
from tests.browser import read
from tests.conftest import NOW
from tests.forms import opened


@pytest.fixture
def liaison(client, town):
    return make.sign_in(client, town.officer(Post.UNIT_LIAISON, name="周知行"))


def posts_page(client, town):
    answer = client.get(f"/enterprises/{town.tenant.id}/posts")
    assert answer.status_code == 200, answer.text
    return read(answer.data)


def send(client, address, **values):
    """Fills the page's own form as a person does; a file, and the second step of a preview, stand beside it."""
    beside = {name: values.pop(name) for name in ("photo", "step") if name in values}
    forms = [one for one in opened(client, address).forms if one.method == "post"]
    form = next(one for one in forms if set(values) <= set(one.choices))
    data = {name: value for name, value in form.data(**values).items() if name != "photo"}
    return client.post(form.action or address, data=data | beside)


def of(town, post):
    rows = db.session.scalars(
        select(Appointment).where(Appointment.scope_id == town.tenant.id, Appointment.post == post)
    )
    return rows.all()


def test_the_page_says_what_is_missing_since_when_and_how_long_there_is(liaison, town):
    town.tenant.headcount = 400
    make.save(
        Headcount(
            enterprise_id=town.tenant.id, from_on=NOW.date() - timedelta(days=12), number=400, written_at=NOW
        )
    )
    page = posts_page(liaison, town)
    assert "宽限期还有18天" in page.text
    assert "成高管办发〔2022〕14号 二（一）1" in page.text
    assert "2026年11月8日起" in page.text
    assert "算入" in page.text and "劳务派遣" in page.text


def test_an_unknown_head_count_is_not_judged_here_either(liaison, town):
    town.tenant.headcount = None
    db.session.commit()
    page = posts_page(liaison, town)
    assert "无法判断" in page.text and "已满足" not in page.text


def test_below_thirty_the_legal_representative_serves_by_rule(liaison, town):
    town.tenant.headcount = 29
    db.session.commit()
    assert "由法定代表人担任健康管理员，不用任命" in posts_page(liaison, town).text


def test_a_person_with_an_account_is_appointed_at_once(liaison, town):
    make.account(town.district, name="林见微", username="linjw")
    answer = send(
        liaison, f"/enterprises/{town.tenant.id}/posts/appoint?post=health_manager", name="林见微", way="account",
        known_as="linjw",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    (made,) = of(town, Post.HEALTH_MANAGER)
    assert (made.account.name, made.scope, made.starts_on) == ("林见微", "enterprise", NOW.date())
    assert "林见微" in posts_page(liaison, town).text
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert line.action == "post:fill" and f'"account": {made.account_id}' in line.details


def test_a_wrong_name_appoints_nobody_and_keeps_what_was_typed(liaison, town):
    make.account(town.district, name="林见微", username="linjw")
    answer = send(
        liaison, f"/enterprises/{town.tenant.id}/posts/appoint?post=health_manager", name="林见薇", way="account",
        known_as="linjw",
    )  # fmt: skip
    assert answer.status_code == 422
    assert "没有找到" in read(answer.data).text
    assert 'value="林见薇"' in answer.text
    assert of(town, Post.HEALTH_MANAGER) == []


def test_somebody_without_an_account_gets_a_link(liaison, town):
    answer = send(
        liaison, f"/enterprises/{town.tenant.id}/posts/appoint?post=health_manager", name="新来的", way="link"
    )
    assert answer.status_code == 303 and "/people/invitations/" in answer.location
    row = db.session.scalars(select(Invitation)).one()
    assert (row.post, row.scope_id, row.name) == (Post.HEALTH_MANAGER, town.tenant.id, "新来的")
    assert "/invitations/" in liaison.get(answer.location).text
    assert "已邀请新来的任健康管理员" in posts_page(liaison, town).text


def test_a_chief_needs_a_confirmed_position_which_the_invitation_carries(app, liaison, town):
    town.tenant.headcount = 400
    db.session.commit()
    address = f"/enterprises/{town.tenant.id}/posts/appoint?post=chief_health_officer"
    for values, words in (({}, "请填这个人的职务"), ({"position": "行政总监"}, "请先核实：行政总监")):
        answer = send(liaison, address, name="程远志", way="link", **values)
        assert answer.status_code == 422 and words in answer.text
    assert (
        send(liaison, address, name="程远志", way="link", position="行政总监", confirmed="y").status_code
        == 303
    )
    invitation = db.session.scalars(select(Invitation)).one()
    made = invitation.accept(make.account(town.district, name="程远志"), now=NOW)
    db.session.commit()
    assert made.position == "行政总监"
    assert "中层以上管理人员，已核实" in posts_page(liaison, town).text


def test_the_position_of_a_chief_who_serves_already_is_confirmed_later(liaison, town):
    town.tenant.headcount = 400
    chief = town.officer(Post.CHIEF_HEALTH_OFFICER).appointments[0]
    assert "没有核实是不是中层以上管理人员" in posts_page(liaison, town).text
    address = f"/enterprises/{town.tenant.id}/posts/{chief.id}/position"
    assert send(liaison, address, position="副总经理").status_code == 422
    assert send(liaison, address, position="副总经理", confirmed="y").status_code == 303
    assert "没有核实" not in posts_page(liaison, town).text


def test_ending_the_last_post_shows_where_somebody_must_act(app, liaison, town):
    manager = town.officer(Post.HEALTH_MANAGER, name="林见微").appointments[0]
    answer = send(liaison, f"/enterprises/{town.tenant.id}/posts/{manager.id}/end", reason="离职")
    assert answer.status_code == 303, answer.text
    db.session.rollback()
    assert manager.ended_at == NOW
    assert "现在没有人在任" in posts_page(liaison, town).text
    overview = read(liaison.get("/overview").data)
    assert "重新邀请" in overview.text and "缺健康岗位" in overview.text
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    day = specialist.get(f"/places/{town.park.id}").text
    assert "没有人在任" in day and "1家企业缺健康岗位" in day


def test_a_later_last_day_lets_the_person_work_until_then(liaison, town, at):
    manager = town.officer(Post.HEALTH_MANAGER).appointments[0]
    address = f"/enterprises/{town.tenant.id}/posts/{manager.id}/end"
    assert send(liaison, address, last_on="2026-11-19", reason="离职").status_code == 422
    assert send(liaison, address, last_on="2026-11-30", reason="离职").status_code == 303
    db.session.rollback()
    assert manager.holds(date(2026, 11, 30)) and not manager.holds(date(2026, 12, 1))
    assert "2026年11月30日离任" in posts_page(liaison, town).text


def test_a_hand_over_is_seen_first_and_done_in_one_act(liaison, town):
    old = town.officer(Post.HEALTH_MANAGER, name="林见微").appointments[0]
    make.account(town.district, name="接任人", username="next")
    address = f"/enterprises/{town.tenant.id}/posts/{old.id}/hand-over"
    values = {
        "name": "接任人",
        "known_as": "next",
        "last_on": "2026-11-30",
        "ends_on": "2027-11-30",
        "reason": "转岗",
    }
    answer = send(liaison, address, **values)
    assert answer.status_code == 200
    assert "2026年12月1日起" in answer.text and "就这样交接" in answer.text
    assert len(of(town, Post.HEALTH_MANAGER)) == 1  # nothing of a preview stays
    assert send(liaison, address, step="do", **values).status_code == 303
    db.session.rollback()
    first, second = sorted(of(town, Post.HEALTH_MANAGER), key=lambda one: one.id)
    assert (first.ends_on, second.starts_on) == (date(2026, 11, 30), date(2026, 12, 1))


def test_where_the_last_post_has_gone_licence_and_letter_are_seen_first(app, liaison, town):
    town.officer(Post.HEALTH_MANAGER).appointments[0].end(reason="离职", now=NOW)
    db.session.commit()
    plain = send(liaison, "/people/invite?post=health_manager", name="新来的", scope_id=str(town.tenant.id))
    assert plain.status_code == 422 and "核对执照和授权书" in plain.text
    address = f"/enterprises/{town.tenant.id}/posts/appoint?post=health_manager"
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(picture, "JPEG")
    common = {"name": "新来的", "way": "link"}
    assert "没有看到授权书原件" in send(liaison, address, **common).text
    wrong = send(liaison, address, letter_seen="y", licence_code="91510100MA00000152", **common)
    assert wrong.status_code == 422 and "不一致" in wrong.text
    assert db.session.scalars(select(PaperCheck)).all() == []
    picture.seek(0)
    answer = send(
        liaison,
        address,
        letter_seen="y",
        licence_code=town.tenant.credit_code,
        photo=(picture, "a.jpg"),
        **common,
    )
    assert answer.status_code == 303, answer.text
    db.session.rollback()
    row = db.session.scalars(select(PaperCheck)).one()
    assert row.authorised == "新来的" and row.photographed
    shown = liaison.get(f"/enterprises/papers/{row.id}")
    assert shown.mimetype == "image/jpeg" and shown.data[:2] == b"\xff\xd8"
    db.session.rollback()
    other = make.sign_in(app.test_client(), make.account(town.district, Post.UNIT_LIAISON, 999))
    assert other.get(f"/enterprises/papers/{row.id}").status_code == 404


def test_a_photograph_that_is_none_is_refused_beside_the_field(liaison, town):
    town.officer(Post.HEALTH_MANAGER).appointments[0].end(reason="离职", now=NOW)
    db.session.commit()
    answer = send(
        liaison, f"/enterprises/{town.tenant.id}/posts/appoint?post=health_manager", name="新来的", way="link",
        letter_seen="y", licence_code=town.tenant.credit_code, photo=(io.BytesIO(b"no picture"), "a.jpg"),
    )  # fmt: skip
    assert answer.status_code == 422 and "打不开这个文件" in answer.text


def test_a_chief_appoints_managers_of_the_own_house_alone(app, town):
    chief = make.sign_in(app.test_client(), town.officer(Post.CHIEF_HEALTH_OFFICER))
    page = posts_page(chief, town)
    assert "任命健康管理员" in page.text and "任命首席健康官" not in page.text
    other = make.enterprise(town.street, "云溪星河微电子有限公司", short_name="星河微")
    assert chief.get(f"/enterprises/{other.id}/posts/appoint").status_code == 404
    guest = make.account(town.district, Post.HEALTH_MANAGER, other.id).appointments[0]
    assert chief.get(f"/enterprises/{town.tenant.id}/posts/{guest.id}/end").status_code == 404
    me = of(town, Post.CHIEF_HEALTH_OFFICER)[0]
    assert chief.get(f"/enterprises/{town.tenant.id}/posts/{me.id}/end").status_code == 404


def test_the_staff_file_the_team_and_the_liaison_sees_it(app, liaison, town):
    town.tenant.headcount = 1001
    manager = make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))
    assert "没有备案" in posts_page(liaison, town).text
    address = f"/enterprises/{town.tenant.id}/posts/team"
    answer = send(manager, address, leader="程远志", deputy="林见微")
    assert answer.status_code == 422 and "请写章程" in answer.text
    assert send(manager, address, leader="程远志", deputy="林见微", charter="第一条").status_code == 303
    page = posts_page(liaison, town)
    assert "程远志、林见微" in page.text and "没有备案" not in page.text
    assert db.session.scalars(select(ManagementTeam)).one().charter == "第一条"
