"""The case of somebody who is not well: steps in order, the report to the community, the end."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from blueprints.web import jobs
from models import cluster_alerts
from models.access import Post
from models.archive import Team
from models.audit import AuditLine, Result
from models.base import db
from models.clusters import Signal
from models.follow_ups import FollowUp, FollowUpStep, Stage, StepKind
from models.health_entries import Report, Site, Today
from tests import make
from tests.browser import read
from tests.conftest import NOW
from tests.forms import landed, opened, refused

FEVER = Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT, symptoms=("cough",))


@pytest.fixture
def manager(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.HEALTH_MANAGER, name="林见微"))


@pytest.fixture
def case(town: make.Town) -> FollowUp:
    _entry, found = make.health_entry(make.employee(town.tenant), FEVER)
    return found


def where(case: FollowUp) -> str:
    return f"/enterprises/{case.enterprise_id}/health/cases/{case.id}"


def send(manager: FlaskClient, case: FollowUp, act: str, **typed):
    """Sends the form of that name, with what the page put into it."""
    form = next(
        f
        for f in opened(manager, where(case)).forms
        if f.method == "post" and f.data().get("act") in (act, [act])
    )
    return manager.post(where(case), data=form.data(**typed))


def kept(case: FollowUp) -> FollowUp:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(FollowUp, case.id)


def test_a_case_goes_from_contact_to_the_return_to_work(manager, case):
    send(manager, case, "step", kind="contacted", text="在家休息")
    send(manager, case, "step", kind="doctor", text="去了社区卫生服务中心")
    page = landed(manager, send(manager, case, "step", kind="result", text="普通感冒，可以上班"))
    assert kept(case).stage == Stage.BACK and "普通感冒，可以上班" in page.text
    page = landed(manager, send(manager, case, "end", how="back", return_on="2026-11-20"))
    assert "11月20日返岗，已结束" in page.text
    assert [f for f in page.forms if f.method == "post" and f.data().get("act")] == []
    closed = kept(case)
    assert closed.closed_at == NOW and closed.return_on == NOW.date()
    steps = db.session.scalars(select(FollowUpStep.kind).order_by(FollowUpStep.id)).all()
    assert steps == [StepKind.CONTACTED, StepKind.DOCTOR, StepKind.RESULT, StepKind.BACK]


def test_nobody_is_sent_back_to_work_without_a_result_and_what_was_typed_is_kept(manager, case):
    answer = send(manager, case, "end", how="back", return_on="2026-11-20", end_text="好了")
    assert "还没有结果" in refused(answer)
    form = next(f for f in read(answer.text).forms if f.method == "post" and "how" in f.data())
    assert (
        "back" in form.data()["how"]
        and "2026-11-20" in form.data()["return_on"]
        and "好了" in form.data()["end_text"]
    )
    assert kept(case).closed_at is None


@pytest.mark.parametrize(
    ("act", "typed", "said"),
    [
        ("step", {}, "请选办了什么"),
        ("step", {"kind": "result"}, "请写一句情况"),
        ("step", {"kind": "note"}, "请写一句情况"),
        ("step", {"kind": "contacted", "text": "字" * 501}, "最多500个字"),
        ("report", {}, "请写报告给了谁"),
        ("end", {}, "请选怎样结束"),
        ("end", {"how": "false_alarm"}, "请写一句情况"),
        ("end", {"how": "back", "return_on": "下周"}, "没有看懂“下周”"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(manager, case, act, typed, said):
    assert said in refused(send(manager, case, act, **typed))
    assert kept(case).closed_at is None
    assert db.session.scalar(select(func.count()).select_from(FollowUpStep)) == 0


def test_a_kind_that_belongs_to_another_form_is_not_taken(manager, case):
    form = next(f for f in opened(manager, where(case)).forms if f.method == "post" and "kind" in f.choices)
    answer = manager.post(where(case), data={**form.data(), "kind": "back", "text": "x"})
    assert "请从这几项里选一项" in refused(answer)


def test_a_false_alarm_ends_it_and_blames_nobody(manager, case):
    page = landed(manager, send(manager, case, "end", how="false_alarm", end_text="额温枪坏了"))
    assert "误报，已结束" in page.text and "额温枪坏了" in page.text
    assert kept(case).false_alarm


def test_the_report_to_the_community_keeps_to_whom_and_shows_the_hotline(manager, case):
    assert "0000-0000123" in opened(manager, where(case)).text
    page = landed(manager, send(manager, case, "report", to_whom="锦书社区 王主任", report_text="已电话告知"))
    assert "已报告锦书社区 王主任" in page.text
    step = db.session.scalar(select(FollowUpStep))
    assert (step.kind, step.to_whom) == (StepKind.REPORTED, "锦书社区 王主任")
    assert kept(case).stage == Stage.CONTACT


def test_after_the_end_nothing_is_written_even_from_a_page_that_was_open(manager, case):
    form = next(f for f in opened(manager, where(case)).forms if f.method == "post" and "kind" in f.choices)
    send(manager, case, "end", how="false_alarm", end_text="误报")
    answer = manager.post(where(case), data=form.data(kind="contacted"))
    assert "已经结束" in refused(answer)


def test_looking_and_acting_leave_audit_lines_without_health(manager, case):
    send(manager, case, "step", kind="contacted", text="还在发烧")
    db.session.rollback()
    lines = db.session.scalars(select(AuditLine).order_by(AuditLine.id)).all()
    assert [(one.result, one.object_type) for one in lines] == [
        (Result.SEEN, "follow_up"),
        (Result.DONE, "follow_up"),
    ]
    assert not any("发烧" in (one.details or "") or "38" in (one.details or "") for one in lines)


def test_the_list_has_the_overdue_on_top_and_the_closed_apart(manager, town, at):
    at(NOW - timedelta(hours=5))
    make.health_entry(make.employee(town.tenant), FEVER)
    at(NOW)
    _entry, later = make.health_entry(make.employee(town.tenant, "许安澜"), FEVER)
    page = opened(manager, f"/enterprises/{town.tenant.id}/health/cases")
    assert page.text.index("林小满") < page.text.index("许安澜") and "联系超时3小时" in page.text
    send(manager, later, "end", how="false_alarm", end_text="误报")
    closed = opened(manager, f"/enterprises/{town.tenant.id}/health/cases?state=closed")
    assert "许安澜" in closed.text and "林小满" not in closed.text


def test_the_case_of_another_enterprise_is_not_there(manager, town):
    other = make.enterprise(town.street, "邻居有限公司")
    _entry, theirs = make.health_entry(make.employee(other), FEVER)
    assert manager.get(where(theirs)).status_code == 404
    assert manager.get(f"/enterprises/{town.tenant.id}/health/cases/{theirs.id}").status_code == 404


# --- a doctor's word ---


def the_form(page, act: str):
    return next(f for f in page.forms if f.method == "post" and f.data().get("act") in (act, [act]))


def test_a_disease_is_chosen_with_the_result_and_then_asked_back(manager, case):
    page = opened(manager, where(case))
    assert "往前问" not in page.text
    page = landed(manager, send(manager, case, "step", kind="result", disease="varicella", text="已隔开"))
    assert kept(case).disease == "varicella" and "水痘，已隔开" in page.text
    assert "往前问21天" in page.text and "从10月30日问到今天" in page.text and "有没有出疹的" in page.text
    assert "蚊子" not in page.text
    assert the_form(page, "step").data()["disease"] in ("varicella", ["varicella"])
    page = landed(manager, send(manager, case, "look_back", answer="家里没有人出疹"))
    assert "家里没有人出疹" in page.text and "09:41问过" in page.text


def test_a_disease_alone_is_a_result(manager, case):
    landed(manager, send(manager, case, "step", kind="result", disease="covid"))
    assert kept(case).result == "新型冠状病毒感染"


def test_what_mosquitoes_carry_is_asked_again_and_the_day_says_so(manager, town, case, at):
    page = landed(manager, send(manager, case, "step", kind="result", disease="chikungunya"))
    assert "往前问12天" in page.text and "去过哪里、哪天回来、有没有被蚊子叮过" in page.text
    answer = send(manager, case, "look_back", area="佛山", answer="关节疼")
    assert "请选有没有被蚊子叮过" in refused(answer)
    form = the_form(read(answer.text), "look_back")
    assert "佛山" in form.data()["area"] and "关节疼" in form.data()["answer"]
    answer = send(manager, case, "look_back", area="佛山", bitten="yes")
    assert "去过哪里、哪天回来都要填" in refused(answer) and kept(case).ask_again_at is None
    page = landed(manager, send(manager, case, "look_back", area="佛山", back_on="2026-11-12", bitten="yes"))
    assert "去过佛山，11月12日回来，被蚊子叮过" in page.text and "11月26日再问一次" in page.text
    landed(manager, send(manager, case, "end", how="back", return_on="2026-11-20"))
    at(NOW + timedelta(days=6))
    db.session.rollback()
    make.sign_in(manager, town.officer(Post.HEALTH_MANAGER, name="秦知夏"))
    day = opened(manager, f"/enterprises/{town.tenant.id}/health")
    assert "林小满" in day.text and "11月26日再问一次" in day.text
    page = landed(manager, send(manager, case, "again", again_text="一直没有不舒服"))
    assert "两周后又问过" in page.text and "再问一次" not in page.text.replace("两周后会提醒再问一次", "")
    assert "林小满" not in the_cases(opened(manager, f"/enterprises/{town.tenant.id}/health/cases").text)


def the_cases(text: str) -> str:
    return text.partition("没有结束的")[2]


def test_a_disease_that_the_scheme_does_not_list_is_refused_and_so_is_one_without_a_result(manager, case):
    form = the_form(opened(manager, where(case)), "step")
    answer = manager.post(where(case), data={**form.data(kind="result", text="x"), "disease": "plague"})
    assert "请从列表里选一项" in refused(answer)
    answer = send(manager, case, "step", kind="contacted", disease="measles")
    assert "和“有了结果”一起记" in refused(answer)
    assert kept(case).disease is None


def test_nobody_is_asked_back_before_a_doctor_has_said_anything(manager, case):
    token = the_form(opened(manager, where(case)), "step").data()["csrf_token"]
    answer = manager.post(where(case), data={"csrf_token": token, "act": "look_back", "answer": "x"})
    assert "先记下医生说的病" in refused(answer)
    answer = manager.post(where(case), data={"csrf_token": token, "act": "again", "again_text": "x"})
    assert "没有要再问的" in refused(answer)


def test_under_a_scheme_without_diseases_nobody_is_asked_what_a_doctor_said(app, manager, case, monkeypatch):
    send(manager, case, "step", kind="result", disease="varicella")
    book = app.extensions["site"].book
    plain = book.get(make.SCHEME)
    rules = tuple(rule for rule in plain.clusters.rules if not rule.diseases)
    monkeypatch.setitem(
        book._policies,
        make.SCHEME,
        replace(plain, clusters=replace(plain.clusters, diseases=(), rules=rules)),
    )
    page = opened(manager, where(case))
    assert "医生说是什么病" not in page.text and "往前问" not in page.text
    form = the_form(page, "step")
    landed(
        manager, manager.post(where(case), data={**form.data(kind="note", text="x"), "disease": "measles"})
    )
    assert kept(case).disease == "varicella"


@pytest.mark.parametrize(
    "post", [Post.SPECIALIST, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.TASK_FORCE]
)
def test_officers_see_how_many_and_never_who(client, town, case, post):
    """Two of a team with one disease: the alert says the limit and the number; case, name and team are the enterprise's own."""
    team = make.save(Team(enterprise_id=town.tenant.id, name="甲班"))
    diseased = [case_of_hand_foot_mouth(town, name, team) for name in ("许安澜", "江一帆")]
    db.session.commit()
    cluster_alerts.raise_alerts(jobs.tick_now())
    db.session.rollback()
    make.cluster_report(town, signal=Signal.DISEASE, people=2)
    make.sign_in(client, town.officer(post))
    alert = db.session.scalars(select(cluster_alerts.ClusterAlert)).one()
    page = opened(client, f"/clusters/alerts/{alert.id}").text
    assert "2人经医生诊断的同一种病" in page and "同一班组或宿舍，7天内手足口病2人" in page
    pages = [page, opened(client, "/clusters").text, str(exported(client))]
    assert "经医生诊断的同一种病" in pages[2] and "手足口病" not in pages[2]
    assert not any(word in page for page in pages for word in ("许安澜", "江一帆", "甲班"))
    assert [client.get(where(one)).status_code for one in diseased] == [403, 403]


def exported(client: FlaskClient) -> list[tuple]:
    book = openpyxl.load_workbook(io.BytesIO(client.get("/clusters/export").data))
    return list(book.active.iter_rows(values_only=True))


def case_of_hand_foot_mouth(town: make.Town, name: str, team: Team) -> FollowUp:
    _entry, found = make.health_entry(make.employee(town.tenant, name, team=team), FEVER)
    disease = current_app.extensions["site"].book.get(make.SCHEME).clusters.disease("hand_foot_mouth")
    found.take(StepKind.RESULT, text="", now=NOW, by_id=None, disease=disease)
    return found


def test_the_enterprise_itself_sees_where_it_is(client, town):
    team = make.save(Team(enterprise_id=town.tenant.id, name="甲班"))
    for name in ("许安澜", "江一帆"):
        case_of_hand_foot_mouth(town, name, team)
    db.session.commit()
    cluster_alerts.raise_alerts(jobs.tick_now())
    db.session.rollback()
    make.sign_in(client, town.officer(Post.HEALTH_MANAGER))
    alert = db.session.scalars(select(cluster_alerts.ClusterAlert)).one()
    assert "班组甲班" in opened(client, f"/clusters/alerts/{alert.id}").text


def test_the_health_staff_of_another_enterprise_see_neither_case_nor_alert(client, town, case):
    team = make.save(Team(enterprise_id=town.tenant.id, name="甲班"))
    diseased = [case_of_hand_foot_mouth(town, name, team) for name in ("许安澜", "江一帆")]
    db.session.commit()
    cluster_alerts.raise_alerts(jobs.tick_now())
    db.session.rollback()
    other = make.enterprise(town.street, "邻居有限公司")
    make.sign_in(client, make.account(town.district, Post.HEALTH_MANAGER, other.id))
    alert = db.session.scalars(select(cluster_alerts.ClusterAlert)).one()
    addresses = [
        f"/clusters/alerts/{alert.id}",
        where(diseased[0]),
        f"/enterprises/{other.id}/health/cases/{diseased[0].id}",
    ]
    assert [client.get(one).status_code for one in addresses] == [404, 404, 404]
    assert "手足口病" not in opened(client, "/clusters").text


def test_the_disease_lies_sealed_and_stands_in_no_audit_line(manager, case):
    send(manager, case, "step", kind="result", disease="measles", text="已住院")
    db.session.rollback()
    raw = db.session.execute(text("SELECT disease, result FROM follow_up")).one()
    assert all(b"measles" not in bytes(one) and "麻疹".encode() not in bytes(one) for one in raw)
    lines = db.session.scalars(select(AuditLine.details)).all()
    assert not any("measles" in str(one) or "麻疹" in str(one) for one in lines)
