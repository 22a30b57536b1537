"""Paper log sheets (CHK-6, settled 2.14): printed, typed in row by row, photographed, taken out of use."""

import io
import re
import threading
from datetime import timedelta
from urllib.parse import urlsplit

import pdfplumber
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import func, select

from models.access import Post
from models.audit import AuditLine
from models.base import db, local
from models.gate import CheckIn, Departure, Kind, MeasuredBy, Source
from models.judging import Verdict
from models.keeping import Hold
from models.paper import PaperSheet, SheetPhoto
from tests import make
from tests.blueprints.test_gate_form import GOOD, open_emergency, said
from tests.blueprints.test_gate_form import submit as scan
from tests.blueprints.test_posters import LONG_GATE, LONG_PLACE, WECHAT, decoded, pages_as_pictures
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read

ROW = {"time": "09:12", "name": "张明远", "mobile": "13800138000", "temperature": "36.5", "mask": "yes",
       "enterprise": "", "left": ""}  # fmt: skip


@pytest.fixture
def guard(client, town):
    return make.sign_in(client, town.officer(Post.GATE_GUARD, name="罗守诚"))


@pytest.fixture
def sheet(town):
    person = town.officer(Post.GATE_GUARD)
    return make.save(*PaperSheet.print_for(db.session(), town.gate, copies=1, now=NOW, by_id=person.id))


def rows():
    db.session.rollback()
    return db.session.scalars(select(CheckIn).order_by(CheckIn.occurred_at, CheckIn.id)).all()


def address(sheet):
    return f"/gate/sheets/{sheet.number}"


def typed(number, **changes):
    return {f"{column}-{number}": text for column, text in (ROW | changes).items()}


def fill(client, sheet, *lines, **fields):
    """Types lines in as a person does; the first of each is the number of its row."""
    form = lines_of(client, sheet)
    return client.post(
        form.action, data=form.data(**{k: v for line in lines for k, v in line.items()}, **fields)
    )


def lines_of(client, sheet):
    """The form with the sheet's lines."""
    return next(f for f in opened(client, address(sheet)).forms if f.action == address(sheet))


def actions():
    db.session.rollback()
    lines = db.session.scalars(select(AuditLine).order_by(AuditLine.id)).all()
    return [(line.action, line.result.value, line.object_type) for line in lines]


# --- printing ---


def test_new_sheets_are_numbered_listed_and_handed_over_as_a_pdf(guard, town):
    page = landed(guard, submit(guard, "/gate/sheets", gate=str(town.north.id), copies="３"))
    sheets = db.session.scalars(select(PaperSheet)).all()
    assert {s.gate_id for s in sheets} == {town.north.id} and len({s.number for s in sheets}) == 3
    assert all(s.printed in page.text for s in sheets) and page.text.count("空白") == 3
    (link,) = [one.url for one in page.links if "print.pdf" in one.url]
    document = guard.get(link)
    assert document.mimetype == "application/pdf" and len(PdfReader(io.BytesIO(document.data)).pages) == 3
    assert ("sheet:print", "done") in [line[:2] for line in actions()]


@pytest.mark.one_database
@pytest.mark.parametrize("copies", ["", "0", "21", "-1", "1.5", "很多", "999"])
def test_how_many_is_said_in_words_where_it_is_not_1_to_20(guard, town, copies):
    text = refused(submit(guard, "/gate/sheets", gate=str(town.north.id), copies=copies))
    assert "1到20" in text
    assert db.session.scalar(select(func.count(PaperSheet.id))) == 0


def test_a_gate_out_of_reach_is_none_to_print_for(guard, town):
    token = next(f for f in opened(guard, "/gate/sheets").forms if f.method == "post").data()
    for gate in (str(town.other_gate.id), "999", "x"):
        assert guard.post("/gate/sheets", data=token | {"gate": [gate]}).status_code == 422
    assert db.session.scalar(select(func.count(PaperSheet.id))) == 0


def test_the_printed_sheet_has_its_place_number_rows_fonts_and_a_code_that_opens_it(
    guard, sheet, town, tmp_path
):
    document = guard.get(f"{address(sheet)}/print.pdf?alone=1").data
    with pdfplumber.open(io.BytesIO(document)) as opened_pdf:
        (page,) = opened_pdf.pages
        text = page.extract_text()
        lines = sorted(
            {round(rect["top"], 1) for rect in page.rects} | {round(one["top"], 1) for one in page.lines}
        )
        assert (round(page.width), round(page.height)) == (595, 842)
    squeezed = text.replace(" ", "")
    for words in (town.park.name, town.gate.name, sheet.number, "序号", "时间", "姓名", "手机", "体温", "口罩", "去哪家",
                  "离开时间", "保存30天", "0000-0000123"):  # fmt: skip
        assert words in squeezed, words
    assert re.search(r"^20\b", text, re.M) and "□" not in text and "\ufffd" not in text
    assert lines
    fonts = PdfReader(io.BytesIO(document)).pages[0]["/Resources"]["/Font"]
    for font in fonts.values():
        described = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert any(key in described for key in ("/FontFile", "/FontFile2", "/FontFile3"))
    (picture,) = pages_as_pictures(document, tmp_path)
    assert decoded(picture) == f"http://localhost{address(sheet)}"


@pytest.mark.one_database
def test_rows_of_a_printed_sheet_are_high_enough_for_a_cold_hand(guard, sheet):
    document = guard.get(f"{address(sheet)}/print.pdf?alone=1").data
    with pdfplumber.open(io.BytesIO(document)) as opened_pdf:
        words = {w["text"]: w["top"] for w in opened_pdf.pages[0].extract_words() if w["x0"] < 60}
    millimetres = (words["20"] - words["1"]) / 19 * 25.4 / 72
    assert millimetres >= 9


@pytest.mark.one_database
def test_the_longest_names_stay_on_one_page(guard, sheet, town):
    town.park.name, town.gate.name = LONG_PLACE, LONG_GATE
    db.session.commit()
    document = guard.get(f"{address(sheet)}/print.pdf?alone=1").data
    with pdfplumber.open(io.BytesIO(document)) as opened_pdf:
        (page,) = opened_pdf.pages
        text = page.extract_text().replace("\n", "").replace(" ", "")
        words = page.extract_words()
    last_row = next(w["top"] for w in words if w["text"] == "20" and w["x0"] < 60)
    assert last_row + 20 < next(w["top"] for w in words if w["text"].startswith("只用于"))
    assert LONG_PLACE[:10] in text and LONG_GATE[-6:] in text and "0000-0000123" in text


def test_in_wechat_the_sheet_is_shown_and_saved_in_another_browser(guard, sheet):
    wechat = {"User-Agent": WECHAT}
    first = guard.get(f"{address(sheet)}/print.pdf", headers=wechat)
    shown = read(guard.get(first.location, headers=wechat).text)
    picture = next(one.url for one in shown.links if "print.png" in one.url)
    assert guard.get(picture, headers=wechat).mimetype == "image/png"
    assert guard.get(first.location).mimetype == "application/pdf"


def test_a_sheet_is_found_by_its_number_as_people_type_it(guard, sheet):
    spelt = f" {sheet.number[:3].lower()}-{sheet.number[3:].lower()} "
    answer = guard.get("/gate/sheets", query_string={"number": spelt})
    assert landed(guard, answer).h1.replace(" ", "") == f"登记表{sheet.number}"
    assert "没有编号是“K7”的登记表" in opened(guard, "/gate/sheets?number=K7").text


# --- typing in ---


def test_a_row_becomes_the_check_in_that_it_was(guard, town, sheet, at):
    at(NOW + timedelta(minutes=20))
    line = typed(3, time="0912", temperature="３６，５", enterprise="青禾", left="10点01")
    page = landed(guard, fill(guard, sheet, line))
    (row,) = rows()
    assert local(row.occurred_at).strftime("%m-%d %H:%M") == "11-20 09:12"
    assert (row.day, row.hour) == (NOW.date(), 9) and row.arrived_at == NOW + timedelta(minutes=20)
    assert (row.verdict, row.kind, row.source) == (Verdict.PASS, Kind.ENTRY, Source.PAPER)
    assert (row.measured_by, row.celsius, row.masked) == (MeasuredBy.GUARD, 365, True)
    assert row.recorded_by.name == "罗守诚" and row.confirmed_by_id == row.recorded_by_id
    assert row.confirmed_at == row.occurred_at and row.opened_at is None and row.device_index is None
    assert (row.left_how, local(row.left_at).strftime("%H:%M")) == (Departure.GUARD, "10:01")
    assert "存好了1行：第3行" in page.text and "张**" in page.text and "138****8000" in page.text
    assert "13800138000" not in page.html
    assert ("sheet:fill", "done", "paper_sheet") in actions()


@pytest.mark.one_database
@pytest.mark.parametrize(
    "text", ["09:12", "0912", "9点12", "９：１２", "9.12", " 9时12分 ", "上午9:12", "912"]
)
def test_times_are_read_as_people_write_them(guard, sheet, text):
    assert fill(guard, sheet, typed(1, time=text)).status_code == 303
    assert local(rows()[0].occurred_at).strftime("%H:%M") == "09:12"


def test_typing_a_row_again_changes_nothing_and_says_who_stands_there(guard, sheet):
    form = lines_of(guard, sheet)
    guard.post(address(sheet), data=form.data(**typed(3)))
    page = landed(guard, guard.post(address(sheet), data=form.data(**typed(3, name="李四", time="08:00"))))
    assert "第3行已经录过：张**，09:12" in page.text
    assert [row.name for row in rows()] == ["张明远"]


def test_another_day_does_not_make_a_second_row_of_it(guard, sheet):
    form = lines_of(guard, sheet)
    guard.post(address(sheet), data=form.data(**typed(3)))
    page = landed(
        guard,
        guard.post(address(sheet), data=form.data(day="2026-11-19", **typed(3), **typed(4, name="李四"))),
    )
    assert "第3行已经录过" in page.text
    assert [(row.name, row.day.day) for row in rows()] == [("张明远", 20), ("李四", 20)]


def test_the_same_lines_sent_in_parallel_are_one_row_each(guard, sheet, app):
    form = lines_of(guard, sheet)
    data = form.data(**typed(1), **typed(2, name="李四", mobile=""))
    cookie = guard.get_cookie("session").value
    answers = []

    def send():
        own = app.test_client()
        own.set_cookie("session", cookie)
        answers.append(own.post(address(sheet), data=data).status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 6
    assert sorted(row.name for row in rows()) == ["张明远", "李四"]


WRONG = [
    ("time", "25:70", "没有看懂“25:70”"), ("time", "", "请填时刻"), ("time", "09:59", "11月20日09:59还没有到"),
    ("name", "", "请填写"), ("name", "<b>", "姓名里有“<”"), ("mobile", "123", "手机号是11位"),
    ("temperature", "365", "是36.5吗"), ("temperature", "52", "体温在34.0到42.0"), ("mask", "", "请选一项"),
    ("left", "09:05", "离开11月20日09:05比进入11月20日09:12早"), ("left", "11:00", "还没有到"), ("enterprise", "\u200b坏", "看不见"),
]  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize(("column", "text", "words"), WRONG)
def test_a_wrong_row_comes_back_beside_its_line_while_the_others_are_kept(guard, sheet, column, text, words):
    answer = fill(
        guard,
        sheet,
        typed(1),
        typed(2, **{"name": "李四", "mobile": "", column: text}),
        typed(5, name="王五", mobile=""),
    )
    assert answer.status_code == 422
    page = read(answer.text)
    assert words in page.text and "第1、5行已经存好" in page.text
    (form,) = [f for f in page.forms if f.action == address(sheet)]
    assert "name-1" not in form.choices and "name-5" not in form.choices
    data = form.data()
    assert words in said(page, f"{column}-2")
    for name, value in (typed(2, **{"name": "李四", "mobile": "", column: text})).items():
        assert data.get(name, [""])[0].strip() == value.replace("\u200b", "").strip(), name
    assert sorted(row.name for row in rows()) == ["张明远", "王五"]
    again = guard.post(address(sheet), data=form.data(**typed(2, name="李四", mobile="")))
    assert "存好了1行：第2行" in landed(guard, again).text


def test_an_unlikely_mobile_is_asked_back_once(guard, sheet):
    answer = fill(guard, sheet, typed(1, mobile="16100000000"))
    assert "161开头的号段" in refused(answer) and rows() == []
    form = next(f for f in read(answer.text).forms if f.action == address(sheet))
    assert guard.post(address(sheet), data=form.data()).status_code == 303 and len(rows()) == 1


def test_what_is_older_than_three_days_or_yet_to_come_is_refused(guard, sheet, at):
    for day, words in (
        ("2026-11-21", "还没有到"),
        ("2026-11-15", "太久了"),
        ("昨天", "请填写登记表上的日期"),
        ("0001-01-01", "太久了"),
    ):
        assert words in refused(fill(guard, sheet, typed(1), day=day))
    at(NOW - timedelta(minutes=50))  # 08:51
    assert "11月17日08:50超过3天" in refused(fill(guard, sheet, typed(1, time="08:50"), day="2026-11-17"))
    assert rows() == []
    assert fill(guard, sheet, typed(1, time="08:52"), day="2026-11-17").status_code == 303


def test_a_night_shift_goes_on_on_the_same_sheet_past_midnight(guard, sheet, at):
    lines = (
        typed(1, time="23:40"),
        typed(2, name="李四", mobile="", time="23:55", left="0:30"),
        typed(3, name="王五", mobile="", time="0:10"),
    )
    page = landed(
        guard, fill(guard, sheet, *lines, typed(4, name="赵六", mobile="", time="24:20"), day="2026-11-19")
    )
    assert [(r.name, local(r.occurred_at).strftime("%d %H:%M"), r.day.day, r.hour) for r in rows()] == [
        ("张明远", "19 23:40", 19, 23), ("李四", "19 23:55", 19, 23), ("王五", "20 00:10", 20, 0), ("赵六", "20 00:20", 20, 0),
    ]  # fmt: skip
    assert local(rows()[1].left_at).strftime("%d %H:%M") == "20 00:30"
    assert "11月20日00:10" in page.text
    landed(
        guard, fill(guard, sheet, typed(5, name="钱七", mobile="", time="0:40"))
    )  # goes by the row above, stored before
    assert local(rows()[-1].occurred_at).strftime("%d %H:%M") == "20 00:40"


def test_each_row_is_judged_by_the_mode_of_its_own_time(guard, town, sheet, at):
    order = open_emergency(town)
    order.starts_at = NOW - timedelta(hours=1)  # from 08:41
    db.session.commit()
    landed(guard, fill(guard, sheet, typed(1, time="08:30"), typed(2, name="李四", mobile="", time="08:50")))
    before, after = rows()
    assert (before.mode, before.verdict) == ("normal", Verdict.PASS)
    assert (after.mode, after.verdict) == ("emergency", Verdict.ATTENTION)
    assert after.reason_list == (("unasked",),)
    order.ended_at = NOW - timedelta(minutes=30)  # 09:11
    db.session.commit()
    landed(
        guard,
        fill(
            guard,
            sheet,
            typed(3, name="王五", mobile="", time="09:05"),
            typed(4, name="赵六", mobile="", time="09:11"),
        ),
    )
    assert [row.mode for row in rows()] == ["normal", "emergency", "emergency", "emergency"]
    landed(guard, fill(guard, sheet, typed(5, name="钱七", mobile="", time="09:12")))
    assert rows()[-1].mode == "normal"


def test_fever_without_mask_or_reading_is_judged_like_any_check_in(guard, sheet):
    landed(guard, fill(guard, sheet, typed(1, temperature="37.6"), typed(2, name="李四", mobile="", mask="no"),
                       typed(3, name="王五", mobile="", temperature="")))  # fmt: skip
    assert [(row.verdict, row.reason_list[0][0]) for row in rows()] == [
        (Verdict.REFUSED, "fever"), (Verdict.REFUSED, "mask"), (Verdict.ATTENTION, "unmeasured"),
    ]  # fmt: skip
    assert rows()[2].measured_by is None


def test_a_row_from_before_the_gate_was_paused_and_its_code_revoked_is_taken(guard, town, sheet):
    town.gate.pause(reason="被水淹了", now=NOW)
    town.gate.code.revoke(reason="海报丢了", now=NOW, by_id=None)
    db.session.commit()
    assert fill(guard, sheet, typed(1)).status_code == 303 and len(rows()) == 1


def test_a_visit_that_a_telephone_began_later_is_no_second_entry(guard, town, sheet, client):
    scan(client, town.gate.code.code, **GOOD)
    landed(guard, fill(guard, sheet, typed(1), typed(2, name="张明远", time="07:50", left="08:10")))
    assert [(local(r.occurred_at).strftime("%H:%M"), r.kind, r.left_at is None) for r in rows()] == [
        ("07:50", Kind.ENTRY, False), ("09:12", Kind.AGAIN, True), ("09:41", Kind.ENTRY, True),
    ]  # fmt: skip


def test_whoever_came_in_on_paper_has_left_wherever_else_a_visit_went_on(guard, town, sheet, at):
    make.check_in(town.other_gate, NOW - timedelta(hours=2), mobile="13800138000")
    make.check_in(town.other_gate, NOW - timedelta(hours=2), mobile="13900139000", name="李四")
    landed(guard, fill(guard, sheet, typed(1)))
    left = {row.name: row.left_how for row in rows() if row.place_id == town.other.id}
    assert left == {"张晓明": Departure.MOVED, "李四": None}
    batch = next(one.url for one in opened(guard, address(sheet)).links if "/undo" in one.url)
    landed(guard, _confirm(guard, batch))
    assert [row.left_how for row in rows()] == [None, None]


def _confirm(client, where):
    form = next(f for f in opened(client, where).forms if f.method == "post")
    return client.post(where, data=form.data())


@pytest.mark.one_database
def test_no_number_of_malformed_rows_makes_an_error_or_a_row(guard, sheet):
    form = lines_of(guard, sheet)
    token = form.data()["csrf_token"]
    signs = st.text(max_size=60)
    columns = ("time", "name", "mobile", "temperature", "mask", "enterprise", "left", "confirmed")
    fields = st.tuples(st.sampled_from(columns), st.integers(-1, 25)).map(lambda pair: f"{pair[0]}-{pair[1]}")
    forms = st.dictionaries(st.one_of(fields, st.just("day"), signs), signs, max_size=8)
    spoilt = st.tuples(
        st.sampled_from(("time", "mobile", "temperature", "left")),
        st.text(min_size=1, max_size=60).filter(lambda t: t.strip() and not any(c.isnumeric() for c in t)),
    )
    quiet = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)

    @quiet
    @given(forms)
    def any_form(data):
        answer = guard.post(address(sheet), data={"csrf_token": token, "day": "2026-11-20", **data})
        assert answer.status_code in (303, 400, 413, 422), answer.status_code
        read(answer.text) if answer.status_code == 422 else None

    @quiet
    @given(spoilt)
    def nearly_right(one):
        column, text = one
        answer = guard.post(
            address(sheet), data={"csrf_token": token, "day": "2026-11-20", **typed(1, **{column: text})}
        )
        assert answer.status_code in (413, 422), (column, text)

    any_form()
    nearly_right()
    assert rows() == []


# --- reach, void, undo ---


def test_a_sheet_of_another_place_is_not_there_whatever_is_asked_of_it(app, town, sheet):
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.GATE_GUARD, town.other.id))
    token = next(f for f in opened(stranger, "/gate/sheets").forms if f.method == "post").data()["csrf_token"]
    photo = make.save(sheet.file(app.extensions["site"].vault, b"x", b"y", day=NOW.date(), now=NOW, by_id=1))
    for where in ("", "/void", "/undo?at=1", "/print.pdf", "/print.png"):
        assert stranger.get(address(sheet) + where).status_code == 404, where
    for where in ("", "/void", "/undo?at=1", "/photos"):
        assert (
            stranger.post(address(sheet) + where, data={"csrf_token": token} | typed(1)).status_code == 404
        ), where
    assert stranger.get(f"/gate/sheet-photos/{photo.id}").status_code == 404
    for odd in ("ABCDE", "abcdef", "%00BCDEF", "O0O0O0", "张三李四王五", "A" * 300):
        assert stranger.get(f"/gate/sheets/{odd}").status_code == 404
    assert rows() == [] and sheet.number not in opened(stranger, "/gate/sheets").html
    assert ("sheet:fill", "refused", "paper_sheet") in actions()


def test_a_void_sheet_takes_nothing_and_keeps_what_it_has(guard, sheet):
    before = lines_of(guard, sheet)
    landed(guard, fill(guard, sheet, typed(1)))
    assert "请选一个原因" in refused(submit(guard, address(sheet) + "/void", reason=None))
    page = landed(guard, submit(guard, address(sheet) + "/void", reason="lost"))
    assert "不再收登记和照片" in page.text and "第1行" in page.text
    assert not [f for f in page.forms if f.method == "post"]
    assert "作废" in refused(guard.post(address(sheet), data=before.data(**typed(2, name="李四"))))
    assert guard.get(address(sheet) + "/void").status_code == 409
    assert guard.get(address(sheet) + "/print.pdf").status_code == 409
    assert [row.name for row in rows()] == ["张明远"]


def test_what_was_typed_in_wrongly_is_taken_back_for_a_week_except_what_somebody_worked_on(
    guard, town, sheet, at
):
    landed(guard, fill(guard, sheet, typed(1, temperature="37.6"), typed(2, name="李四", mobile="")))
    row = rows()[0]
    person = make.sign_in(guard.application.test_client(), town.officer(Post.SPECIALIST))
    at(NOW + timedelta(minutes=20))
    assert (
        submit(person, f"/gate/entries/{row.id}/measure", temperature="36.6", mask="yes").status_code == 303
    )
    batch = next(one.url for one in opened(guard, address(sheet)).links if "/undo" in one.url)
    page = landed(guard, _confirm(guard, batch))
    assert "第2行已经撤销" in page.text and "第1行之后有人测温" in page.text
    assert [row.name for row in rows()] == ["张明远"]
    landed(guard, fill(guard, sheet, typed(2, name="李四", mobile="")))
    assert len(rows()) == 2
    at(NOW + timedelta(days=7, minutes=21))
    person = make.sign_in(guard.application.test_client(), town.officer(Post.SPECIALIST))
    assert not [one for one in opened(person, address(sheet)).links if "/undo" in one.url]
    assert person.get(address(sheet) + "/undo?at=nan").status_code == 409


# --- photographs ---


def picture(kind="JPEG", size=(300, 400), **facts):
    out = io.BytesIO()
    Image.effect_noise(size, 30).convert("RGB").save(out, kind, **facts)
    return out.getvalue()


def send_photo(client, sheet, content, name="IMG_1.jpg", **fields):
    form = opened(client, address(sheet)).form(address(sheet) + "/photos")
    return client.post(
        form.action,
        data=form.data(photo=(io.BytesIO(content), name), **fields),
        content_type="multipart/form-data",
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photographed_sheet_counts_as_filed_and_is_seen_on_record(guard, town, sheet, kind):
    page = landed(guard, send_photo(guard, sheet, picture(kind), name="什么.exe", day="2026-11-18"))
    assert "照片已存，还没有录" in page.text
    db.session.expire_all()
    photo = db.session.scalar(select(SheetPhoto))
    assert photo.sheet.used_on.isoformat() == "2026-11-18"
    assert b"JFIF" not in photo.image and photo.image[:2] != b"\xff\xd8"
    shown = guard.get(f"/gate/sheet-photos/{photo.id}")
    assert shown.mimetype == "image/jpeg" and "no-store" in shown.headers["Cache-Control"]
    assert (
        shown.headers["Content-Disposition"].startswith("inline")
        and shown.headers["X-Content-Type-Options"] == "nosniff"
    )
    assert Image.open(io.BytesIO(shown.data)).size == (300, 400)
    assert actions()[-1] == ("sheet:fill", "seen", "sheet_photo")
    assert "照片已存" in opened(guard, "/gate/sheets").text
    landed(guard, fill(guard, sheet, typed(1), day="2026-11-19"))
    assert "录了1行，有照片" in opened(guard, "/gate/sheets").text


def test_the_same_photograph_twice_is_one_and_under_another_sheet_is_refused(guard, town, sheet):
    content = picture()
    landed(guard, send_photo(guard, sheet, content))
    landed(guard, send_photo(guard, sheet, content))
    assert db.session.scalar(select(func.count(SheetPhoto.id))) == 1
    other = make.save(
        *PaperSheet.print_for(db.session(), town.gate, copies=1, now=NOW, by_id=sheet.printed_by_id)
    )
    assert "另一张登记表" in refused(send_photo(guard, other, content))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "请选一张照片"), (b"%PDF-1.7 ...", "打不开"), (b"\xff\xd8\xff\xe0" + b"x" * 50, "打不开"), (b"GIF89a" + b"\0" * 20, "打不开"),
     (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "打不开"), (b"\0\0\0\x18ftypheic" + b"\0" * 30, "HEIC")],
)  # fmt: skip
@pytest.mark.one_database
def test_what_is_no_photograph_is_refused_in_words(guard, sheet, content, words):
    text = refused(send_photo(guard, sheet, content))
    assert words in text and "照片没有存" in text
    assert db.session.scalar(select(func.count(SheetPhoto.id))) == 0


@pytest.mark.parametrize(("size", "status"), [(10 * 1024 * 1024 + 1, 422), (13_000_000, 413)])
def test_a_photograph_of_more_than_10_megabytes_is_refused_in_words(guard, sheet, size, status):
    token = opened(guard, address(sheet)).form(address(sheet) + "/photos").data()["csrf_token"][0]
    head = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    body = (
        (head.format("csrf_token", "") + f"{token}\r\n").encode()
        + (head.format("photo", '; filename="a.jpg"')).encode() + b"x" * size + b"\r\n--x--\r\n"
    )  # fmt: skip
    answer = guard.post(f"{address(sheet)}/photos", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == status and "10MB" in answer.text


def remove_photo(client, photo, **fields):
    address = f"/gate/sheet-photos/{photo.id}/remove"
    return client.post(address, data=opened(client, address).form("").data(**fields))


def test_a_photograph_is_deleted_for_a_reason_that_is_kept_and_the_others_stay(guard, town, sheet):
    landed(guard, send_photo(guard, sheet, picture()))
    landed(guard, send_photo(guard, sheet, picture()))
    first, second = db.session.scalars(select(SheetPhoto).order_by(SheetPhoto.id)).all()
    assert "请选一个原因" in refused(remove_photo(guard, first))
    assert "请从这几项里选一项" in refused(remove_photo(guard, first, reason="x"))
    number = first.id
    landed(guard, remove_photo(guard, first, reason="blurred"))
    db.session.rollback()
    assert db.session.scalars(select(SheetPhoto.id)).all() == [second.id]
    assert guard.get(f"/gate/sheet-photos/{number}").status_code == 404
    assert ("photo:remove", "done", "sheet_photo") in actions()
    assert "照片已存" in opened(guard, "/gate/sheets").text


def test_with_its_last_photograph_a_sheet_that_was_not_typed_in_is_blank_again(guard, town, sheet):
    landed(guard, send_photo(guard, sheet, picture(), day="2026-11-18"))
    landed(guard, remove_photo(guard, db.session.scalar(select(SheetPhoto)), reason="other_sheet"))
    db.session.rollback()
    assert db.session.get_one(PaperSheet, sheet.id).used_on is None
    landed(guard, send_photo(guard, sheet, picture(), day="2026-11-18"))
    landed(guard, fill(guard, sheet, typed(1), day="2026-11-18"))
    db.session.rollback()
    landed(guard, remove_photo(guard, db.session.scalar(select(SheetPhoto)), reason="too_much"))
    db.session.rollback()
    assert db.session.get_one(PaperSheet, sheet.id).used_on.isoformat() == "2026-11-18"


def test_a_photograph_that_an_investigation_keeps_is_not_deleted(guard, town, sheet):
    landed(guard, send_photo(guard, sheet, picture(), day="2026-11-18"))
    day = (NOW - timedelta(days=2)).date()
    make.save(
        Hold.make(
            district_id=town.district.id, place=None, order=None, document="云健函1号", reason="调查", from_on=day, to_on=day,
            expires_on=day + timedelta(days=60), now=NOW, by_id=sheet.printed_by_id,
        )
    )  # fmt: skip
    photo = db.session.scalar(select(SheetPhoto))
    assert "暂缓销毁" in refused(remove_photo(guard, photo, reason="blurred"))
    assert db.session.scalar(select(func.count(SheetPhoto.id))) == 1


def test_both_pages_lead_where_they_say(guard, sheet):
    for page in (opened(guard, "/gate/sheets"), opened(guard, address(sheet))):
        for link in page.links:
            if link.kind == "href" and urlsplit(link.url).path.startswith("/gate"):
                answer = guard.get(link.url)
                assert answer.status_code == 200, link.url
                answer.close()
