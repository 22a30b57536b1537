"""One person who serves several enterprises: their day in one table, filed apart (settled 4.4)."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from blueprints.health import together
from models.access import Post
from models.archive import Team
from models.audit import AuditLine
from models.base import db
from models.follow_ups import FollowUp
from models.health_entries import EntrySource, EntryState, HealthEntry, Report, Site, Today
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused
from tests.reader import read
from tests.statements import statements_of

PAGE = "/daily-health"
FEVER = Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT, symptoms=("cough",))


@pytest.fixture
def firms(town):
    """The tenant and two more, at one desk."""
    more = [
        make.enterprise(town.street, f"{name}有限公司", short_name=name, at=town.park)
        for name in ("乙", "丙")
    ]
    return [town.tenant, *more]


@pytest.fixture
def person(town, firms):
    row = town.officer(Post.HEALTH_MANAGER, name="林见微")
    for firm in firms[1:]:
        make.appoint(row, Post.CHIEF_HEALTH_OFFICER, firm.id)
    return row


@pytest.fixture
def manager(client, person):
    return make.sign_in(client, person)


@pytest.fixture
def people(firms):
    """Two at each of the firms."""
    return [[make.employee(firm, f"{firm.short_name}员工{n}") for n in (1, 2)] for firm in firms]


def send(client, **changes):
    (form,) = (f for f in opened(client, PAGE).forms if f.method == "post" and f.action in ("", PAGE))
    return client.post(PAGE, data=form.data(**changes))


def stored():
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(HealthEntry).order_by(HealthEntry.id)).all()


def well(firm):
    return f"well{firm.id}"


def field(one):
    return f"t{one.id}"


def test_one_table_has_every_enterprise_and_the_unwell_come_first(manager, town, firms, people):
    make.health_entry(people[1][1], FEVER)
    page = opened(manager, PAGE)
    for firm in firms:
        assert firm.name in page.text
    assert len(page.all("table")) == 1
    (second,) = (body for body in page.all("tbody") if body.get("id") == f"e{firms[1].id}")
    names = ["".join(th.itertext()) for th in second.iter("th") if th.get("scope") == "row"]
    assert names == ["乙员工2", "乙员工1"]


def test_all_are_stored_apart_with_a_line_in_the_audit_for_each(manager, firms, people):
    answer = send(
        manager, **{field(people[0][0]): "36.5", field(people[0][1]): "３６．７", well(firms[0]): "yes",
                    field(people[2][0]): "36,4", well(firms[2]): "yes"},
    )  # fmt: skip
    page = landed(manager, answer)
    assert "已存：丙1人、青禾生物2人" in page.text or "已存：青禾生物2人、丙1人" in page.text
    assert {(e.employee.name, e.celsius, e.source, e.by_name) for e in stored()} == {
        ("青禾生物员工1", 365, EntrySource.MANAGER, "林见微"),
        ("青禾生物员工2", 367, EntrySource.MANAGER, "林见微"),
        ("丙员工1", 364, EntrySource.MANAGER, "林见微"),
    }
    lines = db.session.scalars(select(AuditLine).where(AuditLine.details.contains("together"))).all()
    assert {(line.object_type, line.object_id) for line in lines} == {
        ("enterprise", str(firms[0].id)),
        ("enterprise", str(firms[2].id)),
    }
    assert not any("36" in line.details for line in lines)


def test_an_error_in_one_stands_beside_its_field_and_the_others_are_stored(manager, firms, people):
    answer = send(
        manager, **{field(people[0][0]): "36.5", well(firms[0]): "yes", field(people[1][0]): "很好",
                    field(people[1][1]): "36.6", well(firms[1]): "yes"},
    )  # fmt: skip
    text = refused(answer)
    assert "已经存好：青禾生物1人" in text
    page = read(answer.text)
    assert "没有看懂“很好”" in "".join(page.one(id=f"{field(people[1][0])}-e").itertext())
    assert [entry.employee.name for entry in stored()] == ["青禾生物员工1"]
    (form,) = (f for f in page.forms if well(firms[1]) in f.choices)
    kept = form.data()
    assert kept[field(people[1][0])] == ["很好"] and kept[field(people[1][1])] == ["36.6"]
    assert kept[well(firms[1])] == ["yes"] and well(firms[0]) not in kept
    again = manager.post(PAGE, data=form.data(**{field(people[1][0]): "36.3"}))
    assert "已存：乙2人" in landed(manager, again).text and len(stored()) == 3


def test_a_rule_that_one_breaks_rolls_back_that_enterprise_alone(client, person, firms, people, at):
    """Half past four: for the people of a team whose work day begins at six it is still yesterday."""
    at(NOW.replace(hour=20, minute=30))
    manager = make.sign_in(client, person)
    team = make.save(Team(enterprise_id=firms[0].id, name="夜班", day_begins=time(6)))
    people[0][1].team_id = team.id
    db.session.commit()
    answer = send(
        manager, **{field(people[0][0]): "36.5", field(people[0][1]): "36.5", well(firms[0]): "yes",
                    field(people[2][1]): "36.5", well(firms[2]): "yes"},
    )  # fmt: skip
    assert "还没有到这一天" in refused(answer)
    page = read(answer.text)
    assert page.one(id=f"{field(people[0][1])}-e") is not None
    assert [entry.employee.name for entry in stored()] == ["丙员工2"]


def test_a_database_that_fails_for_one_stores_the_others(manager, firms, people, monkeypatch):
    genuine = together.write

    def fails(session, employee, *rest, **facts):
        if employee.enterprise_id == firms[0].id:
            raise OperationalError("INSERT", {}, Exception("disk I/O error"))
        return genuine(session, employee, *rest, **facts)

    monkeypatch.setattr(together, "write", fails)
    answer = send(
        manager, **{field(people[0][0]): "36.5", well(firms[0]): "yes", field(people[1][0]): "36.5", well(firms[1]): "yes"}
    )  # fmt: skip
    assert "青禾生物：这一家没有存成" in refused(answer)
    assert [entry.employee.name for entry in stored()] == ["乙员工1"]


def test_nobodys_temperature_is_made_up_and_nothing_is_stored_without_the_sentence(manager, firms, people):
    assert "没有填" in refused(send(manager))
    assert "请在这句话前面打勾" in refused(send(manager, **{field(people[0][0]): "36.5"}))
    assert "还没有填体温" in refused(send(manager, **{well(firms[0]): "yes"}))
    fever = send(manager, **{field(people[0][0]): "37.6", well(firms[0]): "yes"})
    assert "37.6℃偏高，请点名字单独填" in refused(fever)
    assert stored() == [] and db.session.scalar(select(func.count()).select_from(FollowUp)) == 0


def test_whoever_reported_meanwhile_is_left_alone(manager, firms, people):
    (form,) = (f for f in opened(manager, PAGE).forms if well(firms[0]) in f.choices)
    make.health_entry(people[0][0], FEVER)
    answer = manager.post(
        PAGE,
        data=form.data(**{field(people[0][0]): "36.5", field(people[0][1]): "36.5", well(firms[0]): "yes"}),
    )
    assert "青禾生物1人" in landed(manager, answer).text
    assert [(e.employee.name, e.state, e.version) for e in stored()] == [
        ("青禾生物员工1", EntryState.ABNORMAL, 1),
        ("青禾生物员工2", EntryState.NORMAL, 1),
    ]


def test_others_enterprises_and_closed_ones_are_not_there(manager, town, firms, people):
    strange = make.enterprise(town.street, "邻居有限公司")
    neighbour = make.employee(strange, "邻居员工")
    firms[2].closed_at, firms[2].closed_on = NOW, NOW.date()
    db.session.commit()
    page = opened(manager, PAGE)
    assert {body.get("id") for body in page.all("tbody")} == {f"e{firm.id}" for firm in firms[:2]}
    answer = send(manager, **{field(people[0][0]): "36.5", well(firms[0]): "yes"})
    assert answer.status_code == 303
    data = {"csrf_token": opened(manager, PAGE).forms[-1].data()["csrf_token"][0]}
    manager.post(PAGE, data=data | {field(neighbour): "36.5", well(strange): "yes"})
    assert [entry.employee.name for entry in stored()] == ["青禾生物员工1"]


def test_where_nothing_is_asked_each_day_only_the_ill_are_entered_by_themselves(manager, town, firms, people):
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date() - timedelta(days=100))
    page = opened(manager, PAGE)
    assert "现在不要求每天填报" in page.text and "登记不舒服、没来的人" in page.text
    assert not any(field(people[0][0]) in f.choices for f in page.forms)


def test_the_day_of_one_leads_to_the_others_and_to_the_table(manager, firms):
    page = opened(manager, f"/enterprises/{firms[0].id}/health")
    links = {link.url for link in page.links}
    assert {PAGE, *(f"/enterprises/{firm.id}/health" for firm in firms[1:])} <= links


def test_whoever_has_one_enterprise_sees_no_switch(app, town):
    one = make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))
    assert PAGE not in {link.url for link in opened(one, f"/enterprises/{town.tenant.id}/health").links}


def test_a_large_enterprise_does_not_fill_the_table_and_says_where_the_rest_is(
    manager, firms, people, monkeypatch
):
    monkeypatch.setattr(together, "MOST", 1)
    page = opened(manager, PAGE)
    assert "还有1人没有列出" in page.text and "青禾生物员工2" not in page.text


def test_the_queries_grow_with_neither_people_nor_enterprises(manager, person, town, firms, people):
    make.health_entry(people[0][0], FEVER)
    few = statements_of(lambda: manager.get(PAGE))
    more = [
        make.enterprise(town.street, f"第{n}有限公司", short_name=f"第{n}", at=town.park) for n in range(5)
    ]
    for firm in more:
        make.appoint(person, Post.HEALTH_MANAGER, firm.id)
    for firm in (*firms, *more):
        for n in range(20):
            make.employee(firm, f"又一位{n}")
        make.health_entry(make.employee(firm, "病人"), FEVER)
    assert statements_of(lambda: manager.get(PAGE)) == few
