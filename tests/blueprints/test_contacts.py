"""The roster of a place and the contact log: who reaches which enterprise, and nothing of another's."""

import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.contacts import About, Contact, ContactBatch, Way
from models.places import Unit
from tests import make
from tests.conftest import NOW
from tests.reader import read
from tests.statements import asked_by

MOBILE = "13800001234"


@pytest.fixture
def specialist(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.SPECIALIST, name="许知行"))


def shown(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, address
    return read(answer.text)


def send(client, address, **values):
    token = next(f for f in shown(client, address).forms if "csrf_token" in f.fields).fields["csrf_token"][0]
    return client.post(address, data={"csrf_token": token, "way": "phone", "about": "notice", **values})


def staffed(town):
    person = town.officer(Post.HEALTH_MANAGER, name="林见微")
    person.set_mobile(MOBILE)
    db.session.commit()
    return person


def test_the_longest_not_contacted_stands_first_and_is_counted(specialist, town):
    make.enterprise(town.street, "三号楼的店", at=town.building, credit_code="91510100MA5CONTACT")
    address = f"/places/{town.park.id}/roster"
    assert "30天没联络 2" in shown(specialist, address).text
    assert send(specialist, f"/enterprises/{town.tenant.id}/contacts", note="催日报").status_code == 303
    text = shown(specialist, address).text
    assert "30天没联络 1" in text and text.index("三号楼的店") < text.index("云溪青禾")
    assert "云溪青禾" not in shown(specialist, f"{address}?show=quiet").text


def test_a_contact_agreed_for_a_day_is_due_on_it(specialist, town, at):
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", next_on="2026-11-23")
    address = f"/places/{town.park.id}/roster"
    assert "约好该联络了 0" in shown(specialist, address).text
    at(NOW + timedelta(days=3))
    specialist = make.sign_in(specialist.application.test_client(), town.officer(Post.SPECIALIST))
    assert "约好该联络了 1" in shown(specialist, address).text


def test_a_correction_leaves_the_old_entry_to_be_read(specialist, town):
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", note="写错的")
    first = db.session.query(Contact).one()
    send(specialist, f"/contacts/{first.id}/correct", note="写对的", way="visit")
    text = shown(specialist, f"/enterprises/{town.tenant.id}/contacts").text
    assert "写错的" in text and "已更正" in text and "写对的" in text


def test_nobody_corrects_anothers_entry(app, specialist, town):
    send(specialist, f"/enterprises/{town.tenant.id}/contacts")
    first = db.session.query(Contact).one()
    liaison = make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))
    assert "许知行" in shown(liaison, f"/enterprises/{town.tenant.id}/contacts").text
    assert liaison.get(f"/contacts/{first.id}/correct").status_code == 404
    assert liaison.get(f"/contacts/{first.id}/void").status_code == 404


def test_a_time_to_come_is_refused_beside_what_was_typed(specialist, town):
    answer = send(specialist, f"/enterprises/{town.tenant.id}/contacts", note="明天的", at="2026-11-21T09:00")
    assert answer.status_code == 422 and "还没有到" in answer.text and "明天的" in answer.text


def test_all_that_the_roster_finds_are_chosen_for_a_notice(specialist, town):
    other = make.enterprise(town.street, "三号楼的店", at=town.building)
    chosen = specialist.get(f"/places/{town.park.id}/contacts/batch?all=1").text
    assert other.name in chosen and town.tenant.name in chosen
    found = specialist.get(f"/places/{town.park.id}/contacts/batch?all=1&q=三号楼").text
    assert other.name in found and town.tenant.name not in found


def test_a_notice_to_a_group_is_undone_but_for_what_was_changed_since(specialist, town):
    other = make.enterprise(town.street, "三号楼的店", at=town.building)
    away = make.enterprise(town.street, "别处的店", at=town.other)
    address = f"/places/{town.park.id}/contacts/batch"
    token = (
        read(specialist.get(f"{address}?enterprise={town.tenant.id}").text).forms[-1].fields["csrf_token"][0]
    )
    data = {"csrf_token": token, "way": "group", "about": "notice",
            "enterprise": [town.tenant.id, other.id, away.id]}  # fmt: skip
    assert specialist.post(address, data=data).status_code == 303
    made = db.session.query(Contact).all()
    assert {one.enterprise_id for one in made} == {town.tenant.id, other.id}
    send(specialist, f"/contacts/{made[0].id}/void", reason="不在群里")
    number = db.session.query(ContactBatch).one().id
    specialist.post(f"/contact-batches/{number}/undo", data={"csrf_token": token})
    text = shown(specialist, f"/places/{town.park.id}/contact-log").text
    assert "已撤销1条" in text and "整批撤销" in text and "不在群里" in text


def test_a_notice_is_not_undone_after_seven_days_nor_by_another(town):
    person = town.officer(Post.SPECIALIST)
    batch = ContactBatch.send([town.tenant.id], place=town.park, way=Way.GROUP, about=About.NOTICE, at=NOW, note="",
                              next_on=None, by=person, now=NOW)  # fmt: skip
    make.save(batch)
    assert batch.may_undo(person.id, NOW + timedelta(days=6)) and not batch.may_undo(person.id + 1, NOW)
    assert not batch.may_undo(person.id, NOW + timedelta(days=7))


def test_a_number_is_masked_until_a_reason_is_given_and_the_look_and_call_are_kept(specialist, town, at):
    person = staffed(town)
    assert MOBILE not in shown(specialist, f"/places/{town.park.id}/contact-people").text
    page = f"/enterprises/{town.tenant.id}/contact-people/{person.id}"
    token = shown(specialist, page).forms[-1].fields["csrf_token"][0]
    assert specialist.post(f"{page}/reveal", data={"csrf_token": token}).status_code == 422
    assert specialist.post(f"{page}/call", data={"csrf_token": token}).status_code == 409
    specialist.post(f"{page}/reveal", data={"csrf_token": token, "reason": "urge"})
    assert "138 0000 1234" in shown(specialist, page).text
    answer = specialist.post(f"{page}/call", data={"csrf_token": token})
    assert f"tel:{MOBILE}" in specialist.get(answer.location).text
    db.session.rollback()
    lines = db.session.query(AuditLine).filter_by(action="contact:reveal", result="seen").all()
    assert len(lines) == 2 and all('"urge"' in line.details for line in lines)
    at(NOW + timedelta(minutes=31))
    later = make.sign_in(specialist, town.officer(Post.SPECIALIST))
    assert "138 0000 1234" not in shown(later, page).text


def test_no_look_at_somebody_who_holds_no_health_post_there(specialist, town):
    stranger = town.officer(Post.TASK_FORCE)
    assert specialist.get(f"/enterprises/{town.tenant.id}/contact-people/{stranger.id}").status_code == 404


@pytest.mark.parametrize("query", ["", "?q=青禾", "?q=qhsw", "?show=quiet", "?sort=room"])
def test_another_units_enterprises_are_in_no_roster_search_count_or_workbook(app, town, query):
    staffed(town)
    unit = make.save(Unit(district_id=town.district.id, name="区商务局"))
    town.park.unit_id = unit.id  # the place is theirs, the tenant is not
    db.session.commit()
    client = make.sign_in(app.test_client(), make.account(town.district, Post.UNIT_LIAISON, unit.id))
    text = shown(client, f"/places/{town.park.id}/roster{query}").text
    assert "云溪青禾" not in text and "全部 0" in text
    assert "林见微" not in shown(client, f"/places/{town.park.id}/contact-people?q={MOBILE}").text
    for file in ("roster/export", "contact-people/export"):
        answer = client.get(f"/places/{town.park.id}/{file}{query}")
        assert len(list(load_workbook(io.BytesIO(answer.data)).active.iter_rows())) == 3
    assert client.get(f"/enterprises/{town.tenant.id}/contacts").status_code == 404


def test_the_enterprise_and_another_places_specialist_are_refused(app, town):
    own = make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))
    other = make.sign_in(app.test_client(), make.account(town.district, Post.SPECIALIST, town.other.id))
    for address in (f"/places/{town.park.id}/roster", f"/places/{town.park.id}/contact-log",
                    f"/enterprises/{town.tenant.id}/contacts"):  # fmt: skip
        assert own.get(address).status_code == 403
        assert other.get(address).status_code == 404


def test_the_workbooks_mask_numbers(specialist, town):
    staffed(town)
    answer = specialist.get(f"/places/{town.park.id}/contact-people/export")
    rows = list(load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True))
    assert rows[3][3] == "林见微" and rows[3][4] == "138****1234"


def test_a_longer_roster_costs_no_more_queries(specialist, town):
    address = f"/places/{town.park.id}/roster"
    short = len(asked_by(lambda: specialist.get(address)))
    for number in range(20):
        make.enterprise(town.street, f"第{number}号企业", at=town.park)
    assert len(asked_by(lambda: specialist.get(address))) == short


def test_the_checklist_says_what_is_missing_and_an_administrator_reads_the_frame_alone(app, town):
    force = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    text = shown(force, "/office/checklist").text
    for words in ("1家企业", "1个单位没有联络员", "1家缺岗位", "第一次扫码登记"):
        assert words in text, words
    town.officer(Post.UNIT_LIAISON)
    assert "单位没有联络员" not in shown(force, "/office/checklist").text
    frame = shown(make.sign_in(app.test_client(), town.officer(Post.SYSTEM_ADMIN)), "/office/checklist").text
    assert "园区、楼宇和入口" in frame and "员工档案" not in frame and "第一次扫码登记" not in frame


def test_a_notice_to_a_group_is_no_contact_and_is_said_beside_the_last_one(specialist, town, at):
    address = f"/places/{town.park.id}/roster"
    assert "30天没联络 1" in shown(specialist, address).text
    send(
        specialist,
        f"/places/{town.park.id}/contacts/batch?enterprise={town.tenant.id}",
        way="meeting",
        enterprise=town.tenant.id,
    )
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", way="group")
    text = shown(specialist, address).text
    assert "30天没联络 1" in text and "没有联络过" in text and "11月20日发过通知" in text
    assert "群里通知，不算联络" in shown(specialist, f"/enterprises/{town.tenant.id}/contacts").text
    at(NOW + timedelta(minutes=10))
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", way="phone")
    text = shown(specialist, address).text
    assert "30天没联络 0" in text and "11月20日，电话" in text and "发过通知" not in text


def test_a_notice_does_not_end_what_was_agreed_but_may_name_another_day(specialist, town, at):
    address = f"/places/{town.park.id}/roster"
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", next_on="2026-11-23")
    at(NOW + timedelta(minutes=10))
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", way="group")
    at(NOW + timedelta(days=3))
    specialist = make.sign_in(specialist.application.test_client(), town.officer(Post.SPECIALIST))
    assert "约好该联络了 1" in shown(specialist, address).text
    assert "约好11月23日" in shown(specialist, address).text
    send(specialist, f"/enterprises/{town.tenant.id}/contacts", way="group", next_on="2026-11-30")
    text = shown(specialist, address).text
    assert "约好该联络了 0" in text and "约好11月30日" in text
