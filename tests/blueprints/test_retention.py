"""The page of what is kept (PRIV-7): whether the timed work does its duty, records, holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.office import retention
from blueprints.office.retention import EVERY
from blueprints.web import jobs
from models import destruction
from models.access import Post
from models.archive import Employee
from models.audit import AuditLine
from models.base import db
from models.gate import CheckIn
from models.health_file import Travel
from models.keeping import Destruction, HealthDaySum, Hold, TimedTask
from models.places import ModeOrder
from tests import make
from tests.browser import read
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.statements import statements_of

DAY = timedelta(days=1)
TODAY = date(2026, 11, 20)
FIELDS = {
    "document": "云健函〔2026〕7号",
    "reason": "查明接触者",
    "basis": "investigation",
    "from_on": "2026-10-01",
    "to_on": "2026-10-31",
    "expires_on": "2027-01-31",
}


@pytest.fixture
def officer(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.TASK_FORCE, name="程专班"))


def record(town, number: int = 5, back: int = 30, **facts) -> Destruction:
    facts = {"rule": "登记保存30天", "kind": "check_in", "method": "逐条删除", "digest": b"\x01" * 32} | facts
    return make.save(
        Destruction(at=NOW, district_id=town.district.id, from_on=TODAY - back * DAY, to_on=TODAY - back * DAY,
                    number=number, **facts)
    )  # fmt: skip


def holds() -> list[Hold]:
    db.session.rollback()
    return list(db.session.scalars(select(Hold).order_by(Hold.id).execution_options(populate_existing=True)))


def test_what_was_not_done_for_three_periods_stands_first_and_in_red(officer, town):
    jobs.tick()
    page = opened(officer, "/retention")
    assert "都按时做了" in page.text
    db.session.execute(
        TimedTask.__table__.update()
        .where(TimedTask.name == "purge")
        .values(succeeded_at=NOW - 4 * DAY, error="OperationalError, destruction.py:1")
    )
    db.session.execute(
        TimedTask.__table__.update().where(TimedTask.name == "make_sums").values(error="ValueError")
    )
    db.session.commit()
    page = opened(officer, "/retention")
    rows = page.all("table")[0].findall(".//tbody/tr")
    first, second = (" ".join("".join(row.itertext()).split()) for row in rows[:2])
    assert (
        "销毁到期登记" in first
        and "已经4天没有做成" in first
        and "OperationalError, destruction.py:1" in first
    )
    assert "做日合计" in second and "上一次没有做成，会自动再做" in second
    assert "有没做成的，请告诉运维" in page.text


def test_before_the_first_tick_it_says_so(officer):
    assert "还没有做成过" in opened(officer, "/retention").text


def test_the_page_says_whether_anything_is_kept_too_long(officer, town):
    assert "现在没有登记" in opened(officer, "/retention").text
    make.check_in(town.gate, NOW - 29 * DAY)
    page = opened(officer, "/retention").text
    assert "登记保存30天，到期当天0时销毁" in page and "最早的是2026年10月22日的登记，都在期限内" in page
    assert "明天0时，销毁2026年10月22日的" in page
    make.check_in(town.gate, NOW - 30 * DAY)
    assert "1条登记过了期限，还没有销毁" in opened(officer, "/retention").text
    landed(officer, submit(officer, "/retention/holds/new", **FIELDS, scope="district"))
    assert "最早的是2026年10月21日的登记，有暂缓" in opened(officer, "/retention").text


def test_what_enterprises_keep_too_long_is_counted_by_kind_and_no_further_than_a_thousand(
    officer, town, monkeypatch
):
    gone = make.employee(
        town.tenant, joined_on=TODAY - 400 * DAY, left_on=TODAY - 30 * DAY, mobile="13812345678"
    )
    for back in (30, 31, 32):
        make.save(
            Travel(employee_id=gone.id, written_at=NOW, from_on=TODAY - back * DAY, until_on=TODAY - back * DAY, place="昆明")
        )  # fmt: skip
    page = opened(officer, "/retention").text
    assert "3条旅居过了期限，还没有销毁" in page and "1人离职人员的联系方式过了期限" in page
    monkeypatch.setattr(retention, "COUNTED_UPTO", 2)
    assert "2+条旅居过了期限" in opened(officer, "/retention").text
    few = statements_of(lambda: opened(officer, "/retention"))
    for number in range(5):
        make.place(town.street, f"{number}号楼")
    assert statements_of(lambda: opened(officer, "/retention")) == few
    jobs.tick()
    assert "过了期限" not in opened(officer, "/retention").text


def test_records_are_shown_newest_first_by_pages_and_only_ones_own(app, officer, town):
    elsewhere = make.district("鹭洲区", "luzhou")
    make.adopt(elsewhere)
    for number in range(1, 23):
        record(town, number=1000 + number, back=60 - number)
    make.save(Destruction(at=NOW, district_id=elsewhere.id, from_on=TODAY, to_on=TODAY, number=77_777, rule="",
                          kind="check_in", method="", digest=b""))  # fmt: skip
    page = opened(officer, "/retention")
    assert "1,022条" in page.text and "1,003条" in page.text and "1,002条" not in page.text
    assert "77,777" not in page.text
    assert "共22条" in page.text
    assert "1,002条" in opened(officer, "/retention?page=2").text
    auditor = make.sign_in(app.test_client(), town.officer(Post.AUDIT_ADMIN))
    page = opened(auditor, "/retention")
    assert "1,022条" in page.text and "01" * 32 in page.text
    assert not [link for link in page.links if "/holds/" in link.url]


def test_more_records_and_holds_ask_no_more_questions(officer, town):
    def fill() -> None:
        for number in range(5):
            record(town, number=number + 1)
            by = make.account(town.district)
            make.save(Hold.make(district_id=town.district.id, place=town.park, order=None, document=f"文{number}",
                                reason="因", from_on=TODAY, to_on=TODAY, expires_on=TODAY + DAY, now=NOW, by_id=by.id))  # fmt: skip

    fill()
    opened(officer, "/retention")
    few = statements_of(lambda: opened(officer, "/retention"))
    fill()
    assert statements_of(lambda: opened(officer, "/retention")) == few


def test_a_hold_is_made_shown_and_audited(officer, town):
    page = landed(officer, submit(officer, "/retention/holds/new", **FIELDS, scope=f"place:{town.park.id}"))
    assert "云健函〔2026〕7号：2026年10月1日至2026年10月31日的登记暂缓销毁" in page.text
    (hold,) = holds()
    assert (hold.place_id, hold.mode_order_id, hold.from_on, hold.to_on, hold.expires_on) == (
        town.park.id, None, date(2026, 10, 1), date(2026, 10, 31), date(2027, 1, 31))  # fmt: skip
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert (line.action, line.account_name) == ("retention:hold", "程专班")
    assert "云健函〔2026〕7号" in line.details and "2027-01-31" in line.details


def test_an_extension_names_an_open_emergency(officer, town):
    make.save(ModeOrder.open(scope="place", scope_id=town.park.id, district_id=town.district.id, name="软件园应急响应",
                             reason="发热", legal_basis="预案", responsible="程", planned_end_on=date(2027, 1, 1), now=NOW,
                             by_id=None))  # fmt: skip
    form = opened(officer, "/retention/holds/new")
    assert "应急响应：软件园应急响应" in form.text and "登记最多保存90天，应急结束后7天内销毁" in form.text
    order = db.session.scalars(select(ModeOrder)).one()
    landed(
        officer,
        submit(officer, "/retention/holds/new", **FIELDS | {"basis": f"order:{order.id}"}, scope="district"),
    )
    assert [hold.mode_order_id for hold in holds()] == [order.id]
    assert "应急响应：软件园应急响应" in opened(officer, "/retention").text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"document": " "}, "请写批准文件的文号"),
        ({"reason": ""}, "请写为什么要暂缓"),
        ({"basis": ""}, "请选择依据"),
        ({"scope": ""}, "请选择范围"),
        ({"from_on": "上个月"}, "没有看懂“上个月”"),
        ({"to_on": "2026-09-30"}, "登记日期的止日早于起日"),
        ({"expires_on": "2026-11-20"}, "到期日要在今天以后"),
        ({"expires_on": "2027-11-21"}, "最晚到2027年11月20日"),
        ({"document": "长" * 61}, "批准文件不超过60个字"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_the_rest_is_kept(officer, town, changes, words):
    good = FIELDS | {"scope": "district"}
    form = opened(officer, "/retention/holds/new").form()
    answer = officer.post(
        "/retention/holds/new", data=form.data(**good) | {k: [v] for k, v in changes.items()}
    )
    assert words in refused(answer)
    kept = read(answer.data).form()
    for name in good.keys() - changes.keys():
        assert kept.data()[name] == [good[name]], name
    assert holds() == []


def test_a_scope_of_another_district_cannot_be_chosen(officer, town):
    elsewhere = make.district("鹭洲区", "luzhou")
    there = make.place(make.save(make.Street(district_id=elsewhere.id, name="鹭洲街道")), "鹭洲广场")
    form = opened(officer, "/retention/holds/new").form()
    good = form.data(**FIELDS, scope="district")
    for scope in (f"place:{there.id}", "place:x", "street:1"):
        assert officer.post("/retention/holds/new", data=good | {"scope": [scope]}).status_code == 422, scope
    assert officer.post("/retention/holds/new", data=good | {"basis": ["order:9"]}).status_code == 422
    assert holds() == []


def test_lifting_says_first_how_much_goes_and_happens_once(officer, town):
    make.check_in(town.gate, NOW - 35 * DAY)
    make.check_in(town.gate, NOW - 29 * DAY)  # held as well, and due tomorrow
    make.check_in(town.other_gate, NOW - 29 * DAY)  # due tomorrow anyway
    landed(officer, submit(officer, "/retention/holds/new", **FIELDS, scope=f"place:{town.park.id}"))
    path = f"/retention/holds/{holds()[0].id}/lift"
    page = opened(officer, path)
    assert "明天0时销毁2条已经到期的登记" in page.text
    assert "请写一句原因" in refused(submit(officer, path, reason=" "))
    data = page.form().data(reason="调查已经结案")
    assert officer.post(path, data=data).status_code == 303
    assert officer.post(path, data=data).status_code == 409
    assert officer.get(path).status_code == 409
    (hold,) = holds()
    assert (hold.lifted_at, hold.lifted_by.name) == (NOW, "程专班")
    shown = opened(officer, "/retention").text
    assert "由程专班解除" in shown
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert "调查已经结案" in line.details
    assert db.session.scalar(select(CheckIn.id)) is not None


# --- what enterprises keep of their people ---


def with_days(app, monkeypatch, **days):
    """The scheme with other days than the usual ones: whatever a page says must come from it."""
    book = app.extensions["site"].book
    policy = book.get(make.SCHEME)
    monkeypatch.setitem(
        book._policies, make.SCHEME, replace(policy, retention=replace(policy.retention, **days))
    )


OTHERS = {
    "health_days": 41, "open_case_days": 97, "leaver_days": 801, "occupational_years": 33, "contact_log_days": 611,
    "plan_years": 7,
}  # fmt: skip
SAID = ("每日健康保存41天", "恢复41天后", "97天没有进展", "离职41天后销毁", "基本资料保存801天", "保存33年")


def test_the_page_says_how_long_everything_of_the_enterprises_is_kept(app, officer, town, monkeypatch):
    with_days(app, monkeypatch, **OTHERS)
    page = opened(officer, "/retention").text
    for words in (*SAID, "联络记录保存611天", "年度结束后保存7年", "没有确认的24小时，导入以后7天"):
        assert words in page, words


def test_a_record_of_every_kind_is_in_words(officer, town):
    for kind in destruction.KINDS:
        record(town, kind=kind)
    page = opened(officer, "/retention")
    for label, unit in destruction.KINDS.values():
        assert label in page.text and f"5{unit}" in page.text


def test_the_notice_of_the_district_speaks_of_employees_with_the_days_of_the_purge(
    app, client, town, monkeypatch
):
    with_days(app, monkeypatch, **OTHERS)
    page = opened(client, "/privacy?district=yunxi").text
    for words in (
        *SAID,
        "员工的健康信息",
        "只有本企业的首席健康官、健康管理员",
        "职业健康监护",
        "班组长只看得到",
    ):
        assert words in page, words
    page = opened(client, "/privacy?district=yunxi&lang=en").text
    for words in ("Health data of employees", "41 days after recovery", "97 days", "801 days", "33 years"):
        assert words in page, words


def test_an_enterprise_reads_until_when_the_file_of_a_leaver_is_kept(app, client, town, monkeypatch):
    manager = make.sign_in(client, town.officer(Post.HEALTH_MANAGER))
    person = make.employee(town.tenant, mobile="13812345678")
    assert "到时自动销毁" not in opened(manager, f"/employees/{person.id}").text
    page = opened(manager, f"/employees/{person.id}/leave").text
    assert "在离职30天后销毁" in page and "保存730天" in page and "保存30年" in page
    landed(manager, submit(manager, f"/employees/{person.id}/leave", on="2026-11-20"))
    page = opened(manager, f"/employees/{person.id}").text
    assert "普通体检在2026年12月20日0时销毁。其余的基本资料保存到2028年11月19日" in page
    person = db.session.get(Employee, person.id)
    person.left_on, person.hazards = date(2026, 9, 1), "噪声"
    db.session.commit()
    page = opened(manager, f"/employees/{person.id}").text
    assert "已在2026年10月1日到期" in page
    assert "接触过职业病危害因素，基本资料和职业健康检查保存到2056年9月1日" in page
    with_days(app, monkeypatch, occupational_years=33, health_days=41)
    page = opened(manager, f"/employees/{person.id}").text
    assert "2026年10月12日" in page and "保存到2059年9月1日" in page


def test_a_file_after_the_purge_still_opens_and_says_what_is_gone(client, town):
    manager = make.sign_in(client, town.officer(Post.HEALTH_MANAGER))
    person = make.employee(town.tenant, mobile="13812345678", left_on=TODAY - 40 * DAY)
    destruction.purge(jobs.tick_now())
    page = opened(manager, f"/employees/{person.id}").text
    assert "已在2026年11月10日到期" in page and "没有填" in page


def test_a_day_whose_entries_are_gone_keeps_its_figures_and_lists_nobody(client, town):
    manager = make.sign_in(client, town.officer(Post.HEALTH_MANAGER))
    make.save(
        HealthDaySum(enterprise_id=town.tenant.id, day=TODAY - 40 * DAY, expected=31, reported=29, abnormal=3,
                     absent_ill=1)
    )  # fmt: skip
    make.employee(town.tenant, "柳岸", joined_on=date(2020, 1, 1))
    base = f"/enterprises/{town.tenant.id}/health"
    page = opened(manager, f"{base}?on={TODAY - 40 * DAY}")
    assert "逐人的记录已经到期销毁" in page.text and "29" in page.text and "柳岸" not in page.text
    assert "复制名单" not in page.text
    answer = manager.get(f"{base}/missing?on={TODAY - 40 * DAY}")
    assert answer.status_code == 409 and "已经到期销毁" in answer.text


def test_every_piece_of_the_timed_work_says_how_often_it_is_due(officer):
    page = opened(officer, "/retention").text
    for task in jobs.TASKS:
        assert task.label in page and EVERY[task.every] in page
