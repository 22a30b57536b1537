"""The system administrator: accounts, places and gates, configuration (SEC-1, SEC-6, settled 3.3)."""

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import ADMINS, Post
from models.accounts import Account
from models.audit import AuditLine, Result
from models.base import db
from models.places import Clinic, Community, Gate, Place, PlaceKind, Street
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read


@pytest.fixture
def system(client, town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SYSTEM_ADMIN, username="system", name="尹知远"))


@pytest.fixture
def stranger(app) -> Account:
    return make.account(make.district("锦川区", "jinchuan"), username="stranger", name="外区人")


def last_line() -> AuditLine:
    db.session.rollback()
    return db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))


def renewed(row):
    db.session.rollback()
    db.session.refresh(row)
    return row


PAGES = {
    Post.SYSTEM_ADMIN: ["/admin/accounts", "/admin/accounts/new", "/admin/places", "/admin/places/new", "/admin/areas",
                        "/admin/clinics", "/admin/district", "/admin/configuration"],
    Post.SECURITY_ADMIN: ["/admin/appointments", "/admin/appointments/new", "/admin/security", "/admin/security/rules",
                          "/admin/security/second-factor"],
    Post.AUDIT_ADMIN: ["/admin/audit"],
}  # fmt: skip


@pytest.mark.parametrize("post", list(Post))
def test_each_administrator_has_pages_of_his_own_and_nobody_else_has_any(client, town, post):
    make.sign_in(client, town.officer(post))
    for owner, addresses in PAGES.items():
        for address in addresses:
            assert client.get(address).status_code == (200 if owner == post else 403), address


# --- accounts


def test_a_new_account_gets_a_random_password_that_is_shown_once(system, app):
    answer = submit(system, "/admin/accounts/new", name="何田田", username="hett", mobile="13800000000")
    address = answer.headers["Location"]
    initial = opened(system, address).one(cls="slip__code").text
    assert initial not in opened(system, address).text
    assert initial not in last_line().details
    account = db.session.scalar(select(Account).where(Account.username == "hett"))
    assert account.must_change_password
    assert account.password_expires_at == NOW + timedelta(hours=72)
    guest = app.test_client()
    assert submit(guest, "/sign-in", "/sign-in", username="hett", password=initial).status_code == 303
    assert guest.get("/me").headers["Location"] == "/me/password"
    landed(guest, submit(guest, "/me/password", old=initial, password="Guihu#2026-x", repeat="Guihu#2026-x"))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"username": "system"}, "账号“system”已经有人用"),
        ({"mobile": "13900000000"}, "13900000000已经登记在另一个账号上"),
        ({"username": "1"}, "账号用3到32个小写字母"),
        ({"name": ""}, "请填姓名"),
        ({"mobile": "12"}, "手机号"),
    ],
)
def test_a_new_account_that_does_not_fit_is_refused_in_words(system, town, facts, why):
    town.officer(Post.TASK_FORCE).set_mobile("13900000000")
    db.session.commit()
    facts = {"name": "何田田", "username": "hett"} | facts
    assert why in refused(submit(system, "/admin/accounts/new", **facts))
    assert db.session.scalar(select(Account).where(Account.username == "hett")) is None


def test_accounts_are_found_by_name_username_whole_mobile_and_state(system, town):
    first = town.officer(Post.SPECIALIST, name="林见微", username="linjw")
    first.set_mobile("13800000000")
    town.officer(Post.SPECIALIST, name="沈秋白", username="shenqb", disabled_at=NOW, disabled_reason="离职")
    db.session.commit()

    def names(query: str) -> set[str]:
        text = opened(system, f"/admin/accounts?{query}").text
        return {name for name in ("林见微", "沈秋白", "尹知远") if name in text}

    assert names("") >= {"林见微", "沈秋白"}
    assert names("q=见微") - {"尹知远"} == {"林见微"}
    assert names("q=SHENQ") - {"尹知远"} == {"沈秋白"}
    assert names("q=138%200000%200000") - {"尹知远"} == {"林见微"}
    assert names("q=1380000") - {"尹知远"} == set()
    assert names("state=disabled") - {"尹知远"} == {"沈秋白"}
    assert "138****0000" in opened(system, "/admin/accounts").text
    assert "13800000000" not in system.get("/admin/accounts").text


def test_long_lists_come_in_pages(system, town):
    for number in range(60):
        make.account(town.district, name=f"许{number:02}", username=f"xu{number:02}")
    page = opened(system, "/admin/accounts")
    assert "共61个" in page.text
    assert "许59" not in page.text
    assert "许59" in opened(system, "/admin/accounts?page=2").text


def test_disabling_takes_a_reason_and_ends_the_sessions(system, app, town):
    person = town.officer(Post.SPECIALIST, name="林见微")
    client = make.sign_in(app.test_client(), person)
    address = f"/admin/accounts/{person.id}/disable"
    assert "请写原因" in refused(submit(system, address, reason=" "))
    assert "离职" in landed(system, submit(system, address, reason="离职")).text
    assert client.get("/me").status_code == 303
    line = last_line()
    assert (line.object_type, line.object_id, json.loads(line.details)["reason"]) == (
        "account",
        str(person.id),
        "离职",
    )
    page = landed(
        system, submit(system, f"/admin/accounts/{person.id}", f"/admin/accounts/{person.id}/enable")
    )
    assert "在用" in page.text
    assert renewed(person).disabled_at is None
    assert client.get("/me").status_code == 303, "the sessions stay ended"


def test_nobody_disables_himself(system):
    me = db.session.scalar(select(Account.id).where(Account.username == "system"))
    answer = system.get(f"/admin/accounts/{me}/disable")
    assert answer.status_code == 409
    assert "不能停用自己" in read(answer.text).text


def test_all_sessions_of_an_account_end_at_once(system, app, town):
    person = town.officer(Post.SPECIALIST)
    clients = [make.sign_in(app.test_client(), person) for _ in range(2)]
    submit(system, f"/admin/accounts/{person.id}", f"/admin/accounts/{person.id}/end-sessions")
    assert [c.get("/me").status_code for c in clients] == [303, 303]
    assert system.get("/admin/accounts").status_code == 200


def test_a_changed_mobile_keeps_the_account_and_is_audited_without_the_number(system, town):
    person = town.officer(Post.SPECIALIST, name="林见微")
    submit(system, f"/admin/accounts/{person.id}/edit", name="林见薇", mobile="13800000000")
    assert (renewed(person).name, person.mobile) == ("林见薇", "13800000000")
    details = last_line().details
    assert json.loads(details)["changes"]["name"] == ["林见微", "林见薇"]
    assert "13800000000" not in details


def test_the_page_offers_a_slip_for_everybody_but_administrators(system, town):
    for post in Post:
        person = town.officer(post)
        links = {one.url for one in opened(system, f"/admin/accounts/{person.id}").links}
        assert (f"/people/{person.id}/slip" in links) == (post not in ADMINS), post


def test_accounts_of_another_district_are_not_there(system, stranger):
    assert "外区人" not in opened(system, "/admin/accounts").text
    for path in ("", "/edit", "/disable"):
        assert system.get(f"/admin/accounts/{stranger.id}{path}").status_code == 404
    assert last_line().result == Result.REFUSED


# --- places and gates


def test_a_new_place_and_its_gate_work_at_once(system, town):
    answer = submit(
        system, "/admin/places/new", kind="building", name="桂湖智谷A座", address="桂湖路1号",
        street_id=str(town.street.id), community_id=str(town.community.id), parent_id=str(town.park.id),
        unit_id=str(town.unit.id), phone="0000-0000129",
    )  # fmt: skip
    place = db.session.scalar(select(Place).where(Place.name == "桂湖智谷A座"))
    assert answer.headers["Location"] == f"/admin/places/{place.id}"
    assert (place.district_id, place.parent_id, place.kind) == (
        town.district.id,
        town.park.id,
        PlaceKind.BUILDING,
    )
    page = landed(system, submit(system, f"/admin/places/{place.id}/gates/new", name="正门"))
    db.session.rollback()
    gate = db.session.scalar(select(Gate).where(Gate.place_id == place.id))
    assert gate.code.printed in page.text
    assert gate.code.version == 1
    assert system.get(f"/g/{gate.code.code}").status_code == 200


def test_a_renamed_gate_shows_its_new_name_to_visitors(system, town):
    address = f"/g/{town.gate.code.code}"
    assert "东门" in system.get(address).text
    submit(system, f"/admin/gates/{town.gate.id}", name="西北角")
    assert "西北角" in system.get(address).text
    assert json.loads(last_line().details)["changes"] == {"name": ["东门2号口", "西北角"]}


def test_a_closed_place_takes_no_more_visitors_until_reopened(system, town):
    address = f"/g/{town.gate.code.code}"
    page = landed(system, submit(system, f"/admin/places/{town.park.id}/close", reason="拆迁"))
    assert "关闭" in page.text
    assert system.get(address).status_code == 503
    submit(system, f"/admin/places/{town.park.id}", f"/admin/places/{town.park.id}/reopen")
    assert system.get(address).status_code == 200


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"kind": "park"}, "只有楼宇能放在园区里"),
        ({"name": ""}, "请填名称"),
        ({"community": "other"}, "不在桂湖街道"),
    ],
)
def test_a_place_that_stands_nowhere_is_refused_in_words(system, town, facts, why):
    far = make.save(Street(district_id=town.district.id, name="石桥街道"))
    community = make.save(Community(street_id=far.id, name="远社区"))
    facts = {"kind": "building", "name": "x", "address": "y", "street_id": str(town.street.id),
             "parent_id": str(town.park.id)} | facts  # fmt: skip
    if facts.pop("community", None):
        facts["community_id"] = str(community.id)
    assert why in refused(submit(system, "/admin/places/new", **facts))


def test_a_park_with_buildings_does_not_become_a_building(system, town):
    assert "里有楼宇" in refused(submit(system, f"/admin/places/{town.park.id}/edit", kind="building"))
    assert renewed(town.park).kind == PlaceKind.PARK


def test_a_park_of_another_district_is_no_choice(system, town, stranger):
    street = make.save(Street(district_id=stranger.district_id, name="外街"))
    park = make.place(street, "外区园")
    form = opened(system, "/admin/places/new").form("").data(name="x", address="y")
    for field, number in (("parent_id", park.id), ("street_id", street.id)):
        assert system.post("/admin/places/new", data=form | {field: str(number)}).status_code == 422, field
    assert system.get(f"/admin/places/{park.id}").status_code == 404
    assert system.get(f"/admin/areas/street/{street.id}").status_code == 404
    assert "外区园" not in opened(system, "/admin/places").text


def test_places_are_found_by_name_address_gate_and_street(system, town):
    make.place(
        make.save(Street(district_id=town.district.id, name="石桥街道")), "石桥智造园", address="石桥路9号"
    )

    def names(query: str) -> set[str]:
        text = opened(system, f"/admin/places?{query}").text
        return {name for name in ("云溪软件园B区3号楼", "锦程国际中心", "石桥智造园") if name in text}

    assert names("") == {"云溪软件园B区3号楼", "锦程国际中心", "石桥智造园"}
    assert names("q=石桥路") == {"石桥智造园"}
    assert names("q=正门") == {"锦程国际中心"}
    assert names(f"street={town.street.id}") == {"云溪软件园B区3号楼", "锦程国际中心"}
    assert "没有找到符合条件的场所" in opened(system, "/admin/places?q=nowhere").text


def test_streets_communities_and_units_are_added_and_renamed(system, town):
    landed(system, submit(system, "/admin/areas/street/new", name="石桥街道"))
    street = db.session.scalar(select(Street).where(Street.name == "石桥街道"))
    landed(system, submit(system, "/admin/areas/community/new", name="石桥社区", street_id=str(street.id)))
    page = landed(system, submit(system, f"/admin/areas/unit/{town.unit.id}", name="区工信局"))
    for name in ("石桥街道", "石桥社区", "区工信局"):
        assert name in page.text
    assert system.get("/admin/areas/planet/new").status_code == 404


def test_what_letters_say_of_a_unit_is_kept_with_it(system, town):
    where = f"/admin/areas/unit/{town.unit.id}"
    facts = {
        "credit_code": "11410105000000043m",
        "head": "程远志",
        "address": "云溪大道1号",
        "phone": "0000-0000601",
    }
    assert "对不上" in refused(submit(system, where, **facts | {"credit_code": "91510100MA00000153"}))
    landed(system, submit(system, where, **facts))
    db.session.rollback()
    unit = town.unit
    db.session.refresh(unit)
    kept = (unit.name, unit.credit_code, unit.head, unit.address, unit.phone)
    assert kept == ("区经济和信息化局", "11410105000000043M", "程远志", "云溪大道1号", "0000-0000601")
    line = db.session.scalars(
        select(AuditLine).where(AuditLine.action == "place:manage").order_by(AuditLine.id.desc()).limit(1)
    ).one()
    assert "程远志" in line.details
    assert "负责人" not in opened(system, f"/admin/areas/street/{town.street.id}").text


def test_clinics_are_added_and_changed_and_visitors_see_them(system, town):
    landed(
        system,
        submit(
            system,
            "/admin/clinics/new",
            name="石桥医院",
            address="石桥路1号",
            phone="0000-0000199",
            hours="24小时",
        ),
    )
    clinic = db.session.scalar(select(Clinic).where(Clinic.name == "石桥医院"))
    assert clinic.district_id == town.district.id
    assert "夜间停诊" in landed(system, submit(system, f"/admin/clinics/{clinic.id}", hours="夜间停诊")).text


def test_the_facts_of_the_district_are_on_the_door_at_once(system, town, app):
    landed(system, submit(system, "/admin/district", hotline="0000-7654321", organiser="新的专班"))
    text = opened(app.test_client(), "/sign-in").text
    assert "0000-7654321" in text
    assert "主办单位：新的专班" in text
    assert json.loads(last_line().details)["changes"]["hotline"] == ["0000-0000123", "0000-7654321"]


# --- configuration


def test_the_configuration_shows_versions_and_schemes_and_nothing_secret(system, app):
    text = opened(system, "/admin/configuration").text
    site = app.extensions["site"]
    assert app.config["SECRET_KEY"] not in text
    assert str(site.settings.database_url) not in text
    for words in (
        "SITE_SECRET_KEY",
        "SITE_PUBLIC_URL",
        "Python",
        "chengdu-hitech/2022-03-23",
        site.book.get(make.SCHEME).digest,
    ):
        assert words in text
    assert ("PostgreSQL" if db.engine.dialect.name == "postgresql" else "SQLite") in text


def test_every_page_names_itself_and_reads_strictly(system, town):
    person = town.officer(Post.SPECIALIST)
    addresses = [*PAGES[Post.SYSTEM_ADMIN], f"/admin/accounts/{person.id}", f"/admin/accounts/{person.id}/edit",
                 f"/admin/places/{town.park.id}", f"/admin/places/{town.park.id}/edit", f"/admin/gates/{town.gate.id}",
                 f"/admin/places/{town.park.id}/gates/new", f"/admin/areas/street/{town.street.id}"]  # fmt: skip
    titles = [opened(system, address).title for address in addresses]
    assert len(set(titles)) == len(titles), titles


# --- the first people of a new installation


def begin(app, *usernames: str, slug: str = "jinchuan"):
    command = ["accounts", "begin", slug, "锦川区", "--organiser", "锦川区专班", "--hotline", "0000-0000123",
               "--usernames", *usernames]  # fmt: skip
    return app.test_cli_runner().invoke(args=[*command, "--names", "甲一", "乙二", "丙三"])


def test_a_new_district_begins_with_three_administrators_and_their_initial_passwords(app, client):
    answer = begin(app, "jc-system", "jc-security", "jc-audit")
    assert answer.exit_code == 0, answer.output
    rows = [line.split("\t") for line in answer.output.splitlines() if "\t" in line]
    assert [row[0].strip() for row in rows] == ["系统管理员", "安全管理员", "审计管理员"]
    assert len({row[3] for row in rows}) == 3
    username, password = rows[1][2:]
    assert submit(client, "/sign-in", "/sign-in", username=username, password=password).status_code == 303
    assert client.get("/admin/security").headers["Location"] == "/me/password"
    line = db.session.scalar(select(AuditLine).where(AuditLine.action == "account:begin"))
    assert password not in line.details


def test_a_district_begins_once_and_takes_nobodys_username(app):
    assert begin(app, "a-system", "a-security", "a-audit").exit_code == 0
    again = begin(app, "b-system", "b-security", "b-audit")
    assert "已经有jinchuan这个区" in again.output
    taken = begin(app, "b-system", "a-security", "b-audit", slug="other")
    assert "已经有人用" in taken.output
    db.session.rollback()
    assert db.session.scalar(select(Account).where(Account.username == "b-system")) is None
