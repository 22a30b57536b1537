"""What shows that an activity took place: taken by its content, kept sealed and once, handed out on record, removed with a trace."""

import io
import zipfile
from datetime import date

import openpyxl
import pytest
from PIL import Image
from sqlalchemy import func, select

from blueprints.web.xlsx import Column, book
from models import evidence, files
from models.access import Post
from models.base import RuleBroken, db
from models.evidence import Evidence
from models.files import FileKind, StoredFile
from models.plans import ActivityKind, Plan
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def picture(kind="JPEG", **facts):
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "grey").save(out, kind, **facts)
    return out.getvalue()


def packed(*names, **contents):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, contents.get("content", b"<x/>"))
    return out.getvalue()


DOCX = packed("[Content_Types].xml", "word/document.xml")
XLSX = book("签到表", (Column("姓名"),), [("林见微",)], "导出", tab="签到")


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER))


@pytest.fixture
def drill(town):
    by = town.officer(Post.CHIEF_HEALTH_OFFICER)
    plan = make.save(Plan.begin(town.tenant, 2026, now=NOW, by_id=by.id))
    row = plan.add(
        ActivityKind.DRILL, "疏散/演练", date(2026, 5, 1), date(2026, 5, 31), responsible="", target="", now=NOW, by_id=by.id
    )  # fmt: skip
    plan.issue(now=NOW, by_id=by.id)
    db.session.commit()
    return row


def page_of(drill):
    return f"/plans/activities/{drill.id}"


def send(client, drill, content, name="IMG_1.jpg", words=""):
    form = opened(client, page_of(drill)).form(f"{page_of(drill)}/evidence")
    data = form.data(words=words) | {"file": (io.BytesIO(content), name)}
    return client.post(form.action, data=data, content_type="multipart/form-data")


def stored():
    db.session.rollback()
    return db.session.scalar(select(func.count(StoredFile.id)))


@pytest.mark.parametrize(
    ("content", "kind", "ending"),
    [
        (picture(), "照片", "jpg"),
        (picture("PNG"), "照片", "jpg"),
        (picture("WEBP"), "照片", "jpg"),
        (PDF, "PDF", "pdf"),
        (DOCX, "Word文档", "docx"),
        (XLSX, "Excel表格", "xlsx"),
    ],
    ids=lambda one: one if isinstance(one, str) else "file",
)
def test_a_file_is_known_by_its_content_and_named_by_us(manager, drill, content, kind, ending):
    page = landed(manager, send(manager, drill, content, name="../../签到.exe", words="签到表"))
    assert "签到表" in page.text and f"{kind}，" in page.text
    row = db.session.scalars(select(Evidence)).one()
    assert content not in row.file.content and b"PDF" not in row.file.content
    answer = manager.get(f"/plans/evidence/{row.id}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert row.file_name == f"疏散演练-签到表-材料1.{ending}"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.data == content if ending != "jpg" else answer.data.startswith(b"\xff\xd8")


def test_a_workbook_and_a_picture_come_back_as_they_are_and_without_what_the_telephone_wrote(manager, drill):
    facts = Image.Exif()
    facts[0x010E] = "30.5728N 104.0668E"
    landed(manager, send(manager, drill, picture(exif=facts)))
    landed(manager, send(manager, drill, XLSX))
    shot, sheet = db.session.scalars(select(Evidence).order_by(Evidence.number)).all()
    assert b"30.5728N" not in manager.get(f"/plans/evidence/{shot.id}").data
    answer = manager.get(f"/plans/evidence/{sheet.id}")
    assert openpyxl.load_workbook(io.BytesIO(answer.data)).active["A4"].value == "林见微"


def many(number):
    return packed(*(f"word/{n}.xml" for n in range(number)), "[Content_Types].xml", "word/document.xml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "请选一个文件"),
        (b"<html><script>alert(1)</script>", "不收这种文件"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "不收这种文件"),
        (b"MZ\x90\x00", "不收这种文件"),
        (b"GIF89a" + bytes(20), "不收这种文件"),
        (b"\0\0\0\x18ftypheic" + bytes(30), "HEIC"),
        (b"\xff\xd8\xff\xe0" + b"x" * 50, "打不开"),
        (b"%PDF-1.7 cut off", "不完整"),
        (files.OLD_OFFICE + bytes(100), "另存为docx或xlsx"),
        (packed("a.txt"), "不收压缩包"),
        (packed("word/document.xml"), "不收压缩包"),
        (DOCX[:60], "打不开"),
        (packed("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), "带宏"),
        (packed("[Content_Types].xml", "word/document.xml", "xl/workbook.xml"), "不收压缩包"),
    ],
    ids=lambda one: one if isinstance(one, str) else "file",  # a packed file carries the second of its making
)
def test_what_is_not_taken_is_refused_in_words_beside_the_field_and_nothing_is_kept(
    manager, drill, content, words
):
    answer = send(manager, drill, content, name="体检报告.pdf", words="体检报告")
    assert words in refused(answer) and 'value="体检报告"' in answer.text
    assert stored() == 0


def test_what_is_too_large_packed_or_unpacked_is_refused():
    bomb = packed(
        "[Content_Types].xml", "word/document.xml", "word/a.xml", content=bytes(files.MOST_UNPACKED // 3 + 1)
    )
    assert len(bomb) < files.MOST_BYTES
    for content in (bomb, many(files.MOST_PARTS)):
        with pytest.raises(RuleBroken, match="太大"):
            files.taken(content)
    with pytest.raises(RuleBroken, match="不能超过10MB"):
        files.taken(b"%PDF-" + bytes(files.MOST_BYTES))


def test_no_file_at_all_is_said_beside_the_field(manager, drill):
    form = opened(manager, page_of(drill)).form(f"{page_of(drill)}/evidence")
    assert "请选一个文件" in refused(manager.post(form.action, data=form.data(words="签到表")))


def test_the_same_file_is_attached_once_and_stored_once_for_all(town, manager, drill):
    landed(manager, send(manager, drill, PDF))
    assert "已经附过" in refused(send(manager, drill, PDF))
    plan = db.session.get(Plan, drill.plan_id)
    other = plan.add(
        ActivityKind.DRILL, "另一次", date(2026, 6, 1), date(2026, 6, 2), responsible="", target="", now=NOW,
        by_id=plan.made_by_id,
    )  # fmt: skip
    db.session.commit()
    landed(manager, send(manager, other, PDF))
    assert stored() == 1
    first, second = db.session.scalars(select(Evidence).order_by(Evidence.id)).all()
    for row, page, left in ((first, drill, 1), (second, other, 0)):
        form = opened(manager, page_of(page)).form(f"/plans/evidence/{row.id}/remove")
        text = landed(manager, manager.post(form.action, data=form.data())).text
        assert "已删去" in text and "删去" in text
        assert stored() == left
        assert manager.post(form.action, data=form.data()).status_code == 409
        assert manager.get(f"/plans/evidence/{row.id}").status_code == 409
    landed(manager, send(manager, other, PDF, words="再附一次"))
    db.session.rollback()
    assert db.session.scalar(select(func.max(Evidence.number))) == 2


def test_ten_are_enough_and_one_removed_makes_room(app, manager, drill, monkeypatch):
    monkeypatch.setattr(evidence, "MOST", 2)
    for number in range(2):
        landed(manager, send(manager, drill, PDF + bytes([65 + number])))
    form = next(one for one in opened(manager, page_of(drill)).forms if "/remove" in one.action)
    vault = app.extensions["site"].vault
    row = db.session.get(type(drill), drill.id)
    with pytest.raises(RuleBroken, match="最多附2份"):
        Evidence.attach(db.session(), vault, row, FileKind.PDF, b"x", "", now=NOW, by_id=row.plan.made_by_id)
    db.session.rollback()
    landed(manager, manager.post(form.action, data=form.data()))
    landed(manager, send(manager, drill, PDF))


def test_a_draft_and_a_cancelled_activity_take_no_evidence(app, manager, drill):
    row = db.session.get(type(drill), drill.id)
    row.cancel("不做了", now=NOW, by_id=row.plan.made_by_id)
    draft = Plan.begin(row.plan.enterprise, 2027, now=NOW, by_id=row.plan.made_by_id)
    planned = draft.add(
        ActivityKind.DRILL, "讲座", date(2027, 5, 1), date(2027, 5, 3), responsible="", target="", now=NOW, by_id=1
    )  # fmt: skip
    make.save(draft)
    for one, words in ((row, "已经取消"), (planned, "发布以后")):
        assert 'type="file"' not in manager.get(page_of(one)).text
        with pytest.raises(RuleBroken, match=words):
            Evidence.attach(
                db.session(), app.extensions["site"].vault, one, FileKind.PDF, PDF, "", now=NOW, by_id=1
            )


def test_nobody_else_gets_a_file(app, town, manager, drill):
    landed(manager, send(manager, drill, PDF))
    (row,) = db.session.scalars(select(Evidence)).all()
    other = make.enterprise(town.street, "云溪远山工业软件有限公司", short_name="远山", initials="ys")
    stranger = make.sign_in(
        app.test_client(), make.account(town.district, Post.CHIEF_HEALTH_OFFICER, other.id)
    )
    assert stranger.get(f"/plans/evidence/{row.id}").status_code == 404
    officer = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    assert officer.get(f"/plans/evidence/{row.id}").status_code == 403


def test_a_content_that_was_let_go_meanwhile_is_kept_anew(app):
    vault = app.extensions["site"].vault
    first = StoredFile.keep(db.session(), vault, FileKind.PDF, PDF, now=NOW)
    assert StoredFile.keep(db.session(), vault, FileKind.PDF, PDF, now=NOW) is first
    assert first.opened(vault) == PDF
    StoredFile.let_go(db.session(), first.id)
    db.session.commit()
    assert stored() == 0
