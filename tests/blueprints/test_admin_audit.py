"""The audit administrator: reading, filtering, exporting, verifying (SEC-6, SEC-10, SEC-12)."""

import io
import json
from datetime import timedelta

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from models.access import Post
from models.audit import AuditLine, Result, append
from models.base import db
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, submit
from tests.reader import read


@pytest.fixture
def auditor(client, town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.AUDIT_ADMIN, name="谢明察"))


@pytest.fixture
def line(town):
    """Writes a line of this district, so many days ago."""

    def write(days: int = 0, **facts) -> None:
        facts = {"action": "place:watch", "result": Result.DONE, "district_id": town.district.id, "account_name": "林见微",
                 "address": "10.0.0.8"} | facts  # fmt: skip
        details = facts.pop("details", None)
        append(db.session(), now=NOW - timedelta(days=days), details=details, **facts)
        db.session.commit()

    return write


def listed(client, query: str = "") -> list[str]:
    """The numbers of the lines on the page."""
    page = opened(client, f"/admin/audit?{query}")
    return [
        c.text.removeprefix("第").removesuffix("行")
        for c in page.all("div", cls="meta")
        if c.text and c.text.startswith("第")
    ]


def tamper(statement: str) -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("ALTER TABLE audit_line DISABLE TRIGGER audit_line_no_change"))
        db.session.execute(text(statement))
        db.session.execute(text("ALTER TABLE audit_line ENABLE TRIGGER audit_line_no_change"))
    else:
        db.session.execute(text("DROP TRIGGER audit_line_no_update"))
        db.session.execute(text(statement))
    db.session.commit()


def test_lines_stand_newest_first_in_words(auditor, line):
    line(days=1, details={"reason": "调岗"}, post="specialist", object_type="place", object_id="7")
    line(result=Result.REFUSED, action="mode:order")
    assert listed(auditor) == ["2", "1"]
    text = opened(auditor, "/admin/audit").text
    for words in ("看场所当天情况", "启动、结束应急响应", "被拒绝", "健康管理专员", "10.0.0.8", "场所7", "原因：调岗",
                  "2026年11月19日09:41:26"):  # fmt: skip
        assert words in text, words


def test_lines_are_filtered_by_day_person_action_result_and_object(auditor, line):
    line(days=3, account_name="周知行")
    line(days=2, action="mode:order", object_type="place", object_id="7")
    line(days=1, result=Result.FAILED)
    line(object_type="place", object_id="8")
    assert listed(auditor, "since=2026-11-18&until=2026-11-19") == ["3", "2"]
    assert listed(auditor, "until=2026-11-17") == ["1"]
    assert listed(auditor, "person=知行") == ["1"]
    assert listed(auditor, "action=mode:order") == ["2"]
    assert listed(auditor, "result=failed") == ["3"]
    assert listed(auditor, "object=place") == ["4", "2"]
    assert listed(auditor, "object=place&number=7") == ["2"]
    assert listed(auditor, "person=%25") == []
    assert "没有符合条件的记录" in opened(auditor, "/admin/audit?person=nobody").text


def test_a_day_in_shanghai_begins_at_midnight_there(auditor, line, town):
    midnight = NOW.replace(hour=16, minute=0, second=0) - timedelta(days=1)  # 20 November 00:00 in Shanghai
    for second in (-1, 0):
        append(db.session(), now=midnight + timedelta(seconds=second), action="x", result=Result.DONE,
               district_id=town.district.id)  # fmt: skip
    db.session.commit()
    assert listed(auditor, "since=2026-11-20") == ["2"]
    assert listed(auditor, "until=2026-11-19") == ["1"]


def test_dates_the_wrong_way_round_are_said_and_not_crashed_over(auditor, line):
    line()
    assert "结束日期早于开始日期" in opened(auditor, "/admin/audit?since=2026-11-20&until=2026-11-19").text
    assert auditor.get("/admin/audit?since=yesterday").status_code == 200


def test_lines_of_another_district_are_not_shown_those_of_nobody_are(auditor, line):
    other = make.district("锦川区", "jinchuan")
    line(district_id=other.id, account_name="外区人")
    line(district_id=None, account_name="")
    assert listed(auditor) == ["2"]
    assert "没有登录的人" in opened(auditor, "/admin/audit").text


def test_long_lists_come_in_pages(auditor, line):
    for _ in range(60):
        line()
    assert len(listed(auditor)) == 50
    assert len(listed(auditor, "page=2")) == 10
    assert "共60行" in opened(auditor, "/admin/audit").text


def test_reading_leaves_no_line_but_exporting_does(auditor, line):
    line()
    opened(auditor, "/admin/audit")
    count = select(func.count(AuditLine.id))
    assert db.session.scalar(count) == 1
    auditor.get("/admin/audit/export.xlsx?person=林见微")
    db.session.rollback()
    seen = db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))
    assert (seen.action, seen.result, seen.account_name) == ("audit:read", Result.SEEN, "谢明察")
    details = json.loads(seen.details)
    assert len(details.pop("export")) == 8 and details == {"count": 1, "filters": {"person": "林见微"}}


def test_the_export_has_what_the_filters_left_as_text(auditor, line):
    line(account_name='=HYPERLINK("http://evil")', details={"reason": "+1"})
    line(account_name="周知行")
    answer = auditor.get("/admin/audit/export.xlsx?person=HYPER")
    assert answer.mimetype == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert "谢明察于2026年11月20日09:41:26导出，编号" in rows[1][0]
    assert len(rows) == 4
    row = dict(zip(rows[2], rows[3], strict=True))
    assert row["姓名"] == '=HYPERLINK("http://evil")'
    assert row["时间"] == "2026-11-20 09:41:26+0800"
    assert row["详情"] == "原因：+1"
    assert all(cell.data_type == "s" for cell in sheet[4] if cell.value)


def test_the_panel_says_that_the_chain_holds_and_how_to_note_its_end(auditor, line):
    line()
    line()
    mark = db.session.get(AuditLine, 2).hash.hex()[:16]
    text = opened(auditor, "/admin/audit").text
    assert "第1行到第2行完整" in text
    assert mark in text


def test_the_panel_says_where_the_chain_is_broken(auditor, line):
    for _ in range(3):
        line()
    tamper("UPDATE audit_line SET account_name = '别人' WHERE id = 2")
    assert "第2行对不上" in opened(auditor, "/admin/audit").text
    page = landed(auditor, submit(auditor, "/admin/audit", "/admin/audit/verify"))
    assert "第2行对不上" in page.text
    db.session.rollback()
    kept = db.session.scalar(select(AuditLine).order_by(AuditLine.id.desc()))
    assert json.loads(kept.details)["broken"] == [2]


def test_the_whole_chain_is_verified_on_demand(auditor, line, monkeypatch):
    monkeypatch.setattr("blueprints.admin.views.audit.CHECKED", 2)
    for _ in range(5):
        line()
    tamper("UPDATE audit_line SET account_name = '别人' WHERE id = 2")
    assert "第4行到第5行完整" in opened(auditor, "/admin/audit").text
    assert "第2行对不上" in landed(auditor, submit(auditor, "/admin/audit", "/admin/audit/verify")).text


def test_an_empty_book_has_a_page(auditor):
    assert "还没有记录" in opened(auditor, "/admin/audit").text


def test_htmx_gets_the_lines_alone(auditor, line):
    line()
    answer = auditor.get("/admin/audit", headers={"HX-Request": "true"})
    assert read(answer.text, whole=False).one(id="lines")


def test_no_page_changes_or_deletes_a_line(auditor, line):
    line()
    page = opened(auditor, "/admin/audit")
    assert {f.action for f in page.forms if f.method == "post"} == {"/admin/audit/verify"}
