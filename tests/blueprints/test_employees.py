"""The people of an enterprise on the page: its own staff finds, adds, changes and exports them, and nobody else does."""

import io
import json
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from models.access import ENTERPRISE_STAFF, Post
from models.archive import Employee, Team
from models.audit import AuditLine, Result
from models.base import db
from models.employee_facts import read_employee
from models.health_file import Absence, CheckUp, Travel, Vaccination
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read
from tests.statements import statements_of

CARD = "11010519900307304X"
MOBILE = "13800001234"


def hire(enterprise, app, team=None, **raw):
    facts, errors = read_employee({"name": "张晓明"} | raw, NOW.date())
    assert facts is not None, errors
    row = Employee.write(db.session(), enterprise.id, facts, app.extensions["site"].vault, NOW, team=team)
    db.session.commit()
    return row


@pytest.fixture
def person(app, town):
    return hire(town.tenant, app, mobile=MOBILE, document=CARD, number="A012", department="一车间")


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))


@pytest.fixture
def base(town):
    return f"/enterprises/{town.tenant.id}"


def look_anew():
    """The site has written since: another snapshot, and nothing remembered."""
    db.session.rollback()
    db.session.expire_all()


def lines(action):
    look_anew()
    return db.session.scalars(
        select(AuditLine).where(AuditLine.action == action).order_by(AuditLine.id)
    ).all()


def workbook_text(answer):
    assert answer.status_code == 200
    sheet = load_workbook(io.BytesIO(answer.data)).active
    return "\n".join(
        str(cell) for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None
    )


# --- whose people they are ---


def test_another_enterprise_has_no_such_person(app, town, person):
    other = make.enterprise(town.street, "松果餐饮店", short_name="松果", initials="sg", at=town.park)
    client = make.sign_in(app.test_client(), make.account(town.district, Post.HEALTH_MANAGER, other.id))
    for address in ("", "/edit", "/leave", "/come-back", "/records/absence", "/occupational-file.pdf"):
        assert client.get(f"/employees/{person.id}{address}").status_code == 404, address
    for address in (
        "/employees",
        "/employees/export",
        "/employees/export-whole",
        "/employees/new",
        "/check-ups",
        "/teams",
    ):
        assert client.get(f"/enterprises/{town.tenant.id}{address}").status_code == 404, address
    for typed in ("张晓明", "zxm", "A012", MOBILE, CARD):
        assert "张晓明" not in opened(client, f"/enterprises/{other.id}/employees?q={typed}").text
    assert "张晓明" not in workbook_text(client.get(f"/enterprises/{other.id}/employees/export"))


@pytest.mark.parametrize("post", [post for post in Post if post not in ENTERPRISE_STAFF])
def test_officers_and_specialists_come_to_no_named_person(app, town, person, base, post):
    client = make.sign_in(app.test_client(), town.officer(post))
    for address in (
        f"{base}/employees",
        f"{base}/employees/export",
        f"{base}/check-ups",
        f"/employees/{person.id}",
    ):
        answer = client.get(address)
        assert answer.status_code == 403 and "张晓明" not in answer.text, address


def test_a_record_is_reached_through_its_own_person_only(app, town, manager, person):
    other = hire(town.tenant, app, name="李思远")
    dose = make.save(
        Vaccination(employee_id=other.id, vaccine="流感疫苗", dose=1, on=NOW.date(), written_at=NOW)
    )
    assert manager.get(f"/employees/{other.id}/records/vaccination/{dose.id}").status_code == 200
    assert manager.get(f"/employees/{person.id}/records/vaccination/{dose.id}").status_code == 404
    assert manager.get(f"/employees/{other.id}/records/absence/{dose.id}").status_code == 404
    assert manager.get(f"/employees/{other.id}/records/letters").status_code == 404


# --- finding ---


@pytest.mark.parametrize("typed", ["晓明", "zx", "A01", MOBILE, "138 0000 1234", CARD, CARD.lower()])
def test_somebody_is_found_by_what_is_known_of_them(app, town, manager, person, base, typed):
    hire(town.tenant, app, name="李思远")
    text = opened(manager, f"{base}/employees?q={typed}").text
    assert "张晓明" in text and "李思远" not in text


def test_a_search_by_number_is_kept_without_the_number(manager, person, base):
    opened(manager, f"{base}/employees?q=张")
    assert lines("employee:see") == []
    opened(manager, f"{base}/employees?q={MOBILE}")
    (line,) = lines("employee:see")
    assert line.result is Result.SEEN and MOBILE not in line.details


@pytest.mark.parametrize("query", ["q=%25", "q=_", "q=%00", "q=" + "长" * 500, "quick=x", "sort=x", "team=x", "team=-1", "kind=x",
                                   "team=99999999999999999999", "page=0", "page=x", "enterprise_id=9", "department=%00",
                                   "q=a&q=b"])  # fmt: skip
def test_made_up_addresses_never_fail(manager, person, base, query):
    assert manager.get(f"{base}/employees?{query}").status_code == 200
    assert manager.get(f"{base}/employees/export?{query}").status_code == 200


def test_the_list_masks_numbers_and_asks_no_more_for_many(app, town, manager, person, base):
    text = opened(manager, f"{base}/employees").text
    assert MOBILE not in text and "138****1234" in text
    few = statements_of(lambda: manager.get(f"{base}/employees"))
    team = make.save(Team(enterprise_id=town.tenant.id, name="甲班"))
    for number in range(9):
        hire(town.tenant, app, team, name=f"王{'一二三四五六七八九'[number]}")
    assert statements_of(lambda: manager.get(f"{base}/employees")) <= few + 1


# --- adding and changing ---


def test_somebody_is_added_and_stands_on_file(manager, base):
    page = landed(
        manager,
        submit(manager, f"{base}/employees/new", name="阿依古丽·买买提", mobile=MOBILE, kind="outsourced"),
    )
    assert "阿依古丽·买买提" in page.text and MOBILE not in page.text
    row = db.session.scalar(select(Employee))
    assert row.initials == "ayglmmt" and row.mobile == MOBILE


def test_a_faulty_form_keeps_everything_that_was_typed(manager, base):
    answer = submit(manager, f"{base}/employees/new", name="", mobile="138", department="一车间", job="焊工")
    text = refused(answer)
    assert "有2处需要改" in text
    form = next(f for f in read(answer.text).forms if "department" in f.choices)
    assert (
        form.fields["mobile"] == ["138"]
        and form.fields["department"] == ["一车间"]
        and form.fields["job"] == ["焊工"]
    )
    assert db.session.scalar(select(Employee)) is None


def test_an_exposed_post_is_blocked_without_a_pre_post_examination(manager, base):
    text = refused(submit(manager, f"{base}/employees/new", name="张晓明", hazards="噪声"))
    assert "没有岗前体检" in text
    landed(
        manager,
        submit(manager, f"{base}/employees/new", name="张晓明", hazards="噪声", examined_on="2026-11-01"),
    )
    row = db.session.scalar(select(CheckUp))
    assert row.done_on.isoformat() == "2026-11-01" and row.hazards == "噪声"


def test_a_contraindication_keeps_somebody_from_an_exposed_post(manager, person):
    make.save(
        CheckUp(
            employee_id=person.id, kind="pre_post", done_on=NOW.date(), contraindicated=True, written_at=NOW
        )
    )
    assert "职业禁忌" in refused(submit(manager, f"/employees/{person.id}/edit", hazards="噪声"))


def test_the_same_document_leads_to_the_file_that_is_there(manager, person, base):
    answer = submit(manager, f"{base}/employees/new", name="张小明", document=CARD)
    assert "已经有档案" in refused(answer)
    assert f"/employees/{person.id}" in answer.text


def test_a_doubt_is_asked_about_once(manager, person, base):
    answer = submit(manager, f"{base}/employees/new", name="张晓明", mobile=MOBILE)
    assert "同名、同手机号" in refused(answer)
    form = next(f for f in read(answer.text).forms if "confirmed" in f.choices)
    landed(manager, manager.post(f"{base}/employees/new", data=form.data(confirmed="y")))
    assert len(db.session.scalars(select(Employee)).all()) == 2


def test_numbers_left_empty_stay_as_they_are(manager, person):
    page = opened(manager, f"/employees/{person.id}/edit")
    assert MOBILE not in page.text and CARD not in page.text
    landed(manager, submit(manager, f"/employees/{person.id}/edit", department="二车间"))
    look_anew()
    assert (person.mobile, person.document, person.department) == (MOBILE, CARD, "二车间")
    (line,) = lines("employee:write")
    assert "department" in line.details and "mobile" not in line.details


def test_a_seat_or_a_team_of_another_enterprise_is_not_taken(app, town, manager, person):
    other = make.enterprise(town.street, "松果餐饮店", at=town.park)
    make.save(Team(enterprise_id=other.id, name="松果班"))
    form = next(
        f for f in opened(manager, f"/employees/{person.id}/edit").forms if "premises_id" in f.choices
    )
    data = form.data() | {"premises_id": ["2"], "team": ["松果班"]}
    manager.post(f"/employees/{person.id}/edit", data=data)
    look_anew()
    assert person.premises_id is None and person.team_id is None


def test_who_leaves_an_exposed_post_is_said_to_be_owed_an_examination(app, town, manager):
    row = hire(town.tenant, app, hazards="噪声", examined_on="2026-01-05", joined_on="2026-01-06")
    assert "不能早于" in refused(submit(manager, f"/employees/{row.id}/leave", on="2026-01-01"))
    page = landed(manager, submit(manager, f"/employees/{row.id}/leave", on="2026-11-19"))
    assert "还没有离岗体检" in page.text
    page = landed(manager, submit(manager, f"/employees/{row.id}/come-back", on="2026-11-20"))
    assert "用原来的档案" in page.text


# --- one person's file ---


def test_numbers_and_results_are_shown_after_a_reason_and_the_look_is_kept(app, at, manager, person):
    make.save(
        CheckUp(
            employee_id=person.id, kind="general", done_on=NOW.date(), result="肝功能异常", written_at=NOW
        )
    )
    address = f"/employees/{person.id}"
    text = opened(manager, address).text
    assert "138****1234" in text and "1101**********304X" in text and "肝功能异常" not in text
    assert "请选择原因" in refused(submit(manager, address, f"{address}/reveal"))
    text = landed(manager, submit(manager, address, f"{address}/reveal", reason="care")).text
    assert MOBILE in text and CARD in text and "肝功能异常" in text
    (line,) = lines("employee:reveal")
    assert line.result is Result.SEEN and '"care"' in line.details and line.object_id == str(person.id)
    at(NOW + timedelta(minutes=20))
    assert MOBILE in opened(manager, address).text
    at(NOW + timedelta(minutes=31))
    assert MOBILE not in opened(manager, address).text


def test_a_look_at_one_person_opens_no_other(app, town, manager, person):
    other = hire(town.tenant, app, name="李思远", mobile="13900005678")
    landed(
        manager, submit(manager, f"/employees/{person.id}", f"/employees/{person.id}/reveal", reason="care")
    )
    assert "13900005678" not in opened(manager, f"/employees/{other.id}").text


@pytest.mark.parametrize(
    ("kind", "model", "typed", "shown"),
    [
        ("absence", Absence, {"kind": "trip", "from_on": "2026-11-10", "until_on": "2026-11-12"}, "出差"),
        (
            "vaccination",
            Vaccination,
            {"vaccine": "流感疫苗", "dose": "1", "on": "2026-11-10"},
            "流感疫苗第1剂",
        ),
        (
            "check-up",
            CheckUp,
            {"kind": "periodic", "done_on": "2026-11-10", "result": "听力正常"},
            "在岗体检",
        ),
        ("travel", Travel, {"from_on": "2026-11-10", "place": "云杉镇"}, "境内"),
    ],
)
def test_a_record_is_kept_corrected_and_withdrawn(manager, person, kind, model, typed, shown):
    address = f"/employees/{person.id}/records/{kind}"
    page = landed(manager, submit(manager, address, **typed))
    assert shown in page.text and "听力正常" not in page.text and "云杉镇" not in page.text
    landed(
        manager, submit(manager, f"/employees/{person.id}", f"/employees/{person.id}/reveal", reason="verify")
    )
    first = db.session.scalar(select(model))
    landed(manager, submit(manager, f"{address}/{first.id}", **typed))
    look_anew()
    last = db.session.scalar(select(model).where(model.holds()))
    assert first.replaced_at is not None and last.id != first.id
    landed(manager, submit(manager, f"{address}/{last.id}", f"{address}/{last.id}/withdraw"))
    look_anew()
    assert db.session.scalar(select(model).where(model.holds())) is None


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("absence", {"from_on": "2026-11-12", "until_on": "2026-11-10"}, "结束日期早于开始日期"),
        ("absence", {"from_on": "202-11-12"}, "没有看懂"),
        ("absence", {"from_on": "0202-11-12"}, "请核对"),
        ("vaccination", {"vaccine": "流感疫苗", "dose": "一", "on": "2026-11-10"}, "请填整数"),
        ("check-up", {}, "请填应检日期或检查日期"),
        ("travel", {"from_on": "2026-11-12", "place": ""}, "请填地点"),
    ],
)
def test_a_faulty_record_is_refused_in_words(manager, person, kind, typed, words):
    answer = submit(manager, f"/employees/{person.id}/records/{kind}", **typed)
    assert words in refused(answer)


def test_a_kind_that_is_none_is_refused(manager, person):
    address = f"/employees/{person.id}/records/absence"
    form = next(f for f in opened(manager, address).forms if "from_on" in f.choices)
    answer = manager.post(address, data=form.data(from_on="2026-11-10") | {"kind": ["holiday"]})
    assert "请从列表里选一项" in refused(answer)


def test_sealed_words_are_not_in_a_form_before_a_look(manager, person):
    row = make.save(Travel(employee_id=person.id, from_on=NOW.date(), place="云杉镇", written_at=NOW))
    page = landed(manager, manager.get(f"/employees/{person.id}/records/travel/{row.id}"), )  # fmt: skip
    assert "云杉镇" not in page.text and "先写明原因" in page.text


# --- taking it out ---


def test_the_export_is_masked_and_kept(manager, person, base):
    text = workbook_text(manager.get(f"{base}/employees/export"))
    assert "张晓明" in text and MOBILE not in text and CARD not in text and "138****1234" in text
    (line,) = lines("employee:export")
    assert line.result is Result.SEEN and json.loads(line.details)["whole"] is False


def test_the_whole_export_asks_for_a_reason_and_the_password(app, at, manager, person, base):
    address = f"{base}/employees/export-whole"
    assert "为什么要导出完整资料" in opened(manager, address).text
    assert manager.get(f"{address}?reason=fun").status_code == 422
    assert lines("employee:export") == []
    assert MOBILE in workbook_text(manager.get(f"{address}?reason=verify&quick=working"))
    (line,) = lines("employee:export")
    assert '"verify"' in line.details
    at(NOW + timedelta(minutes=11))
    answer = manager.get(f"{address}?reason=verify")
    assert answer.status_code == 303 and "confirm" in answer.location


def test_the_whole_export_opens_by_link_from_wechat(app, manager, person, base):
    wechat = {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0"}
    answer = manager.get(f"{base}/employees/export-whole?reason=verify", headers=wechat)
    page = manager.get(answer.location, headers=wechat)
    assert page.status_code == 200 and MOBILE not in page.text
    assert MOBILE in workbook_text(app.test_client().get(answer.location))
    assert app.test_client().get(answer.location).status_code == 410


# --- teams ---


def test_people_come_into_a_team_and_go_out_of_it(app, town, manager, person, base):
    landed(manager, submit(manager, f"{base}/teams", name="甲班", leader="陈立", day_begins="4:00"))
    team = db.session.scalar(select(Team))
    stranger = hire(make.enterprise(town.street, "松果餐饮店"), app, name="李思远")
    page = opened(manager, f"/teams/{team.id}")
    form = next(f for f in page.forms if f.fields.get("move") == ["in"])
    manager.post(
        form.action, data=form.data() | {"people": [str(person.id), str(stranger.id), "x", "9" * 30]}
    )
    look_anew()
    assert person.team_id == team.id and stranger.team_id is None
    form = next(f for f in opened(manager, f"/teams/{team.id}").forms if f.fields.get("move") == ["out"])
    manager.post(form.action, data=form.data() | {"people": [str(person.id)]})
    look_anew()
    assert person.team_id is None


def test_a_team_has_its_name_for_itself_and_an_hour_that_is_one(manager, base):
    landed(manager, submit(manager, f"{base}/teams", name="甲班"))
    assert "已经有“甲班”" in refused(submit(manager, f"{base}/teams", name="甲班"))
    assert "没有看懂" in refused(submit(manager, f"{base}/teams", name="乙班", day_begins="25:00"))


def test_who_is_in_a_closed_team_stays_in_it_when_the_rest_is_changed(app, town, manager):
    team = make.save(Team(enterprise_id=town.tenant.id, name="甲班", closed_at=NOW))
    row = hire(town.tenant, app, team)
    landed(manager, submit(manager, f"/employees/{row.id}/edit", department="二车间"))
    look_anew()
    assert row.team_id == team.id
