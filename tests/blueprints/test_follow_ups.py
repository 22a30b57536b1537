"""The case of somebody who is not well: steps in order, the report to the community, the end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models.access import Post
from models.audit import AuditLine, Result
from models.base import db
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
