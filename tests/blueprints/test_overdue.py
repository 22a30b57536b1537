"""Who has not reported, now: whatever is past due and not locked, of every period, as the tracking and the reminders have it."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pypdfium2
import pytest

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.ledger import recent
from models.obligations import Obligation
from models.places import ModeOrder
from models.reports import Source, alone, file, unlock
from tests import make, towns
from tests.forms import opened
from tests.november import on
from tests.statements import statements_of

PAGE, FIRMS, MISSING, REMINDERS = (
    "/reports/tracking",
    "/reports/tracking/firms",
    "/reports/tracking/missing",
    "/reports/reminders",
)
WEEK, REST = "11月16日至22日周报", "11月18日至22日周报（不满一周）"


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def firms(town, clock):
    """Two of the park, and two of a building in it."""
    found = [
        town.tenant,
        make.enterprise(town.street, "远山工业软件有限公司", at=town.park, unit_id=town.unit.id, short_name="远山软件"),
        make.enterprise(town.street, "拾光文化传播工作室", at=town.building, unit_id=town.unit.id, short_name="拾光文化"),
        make.enterprise(town.street, "野渡户外用品有限公司", at=town.building, unit_id=town.unit.id, short_name="野渡户外"),
    ]  # fmt: skip
    clock("16 08:00")
    return found


def ordered(town, place, start: str, end: str | None = None) -> None:
    order = ModeOrder.open(
        scope="place", scope_id=place.id, district_id=town.district.id, name="应急响应", reason="输入病例", legal_basis="预案",
        responsible="程远志", planned_end_on=date(2026, 12, 4), now=on(start), by_id=None,
    )  # fmt: skip
    make.save(order)
    if end:
        order.end(reason="没有新的情况", now=on(end), by_id=None)
        db.session.commit()


@pytest.fixture
def cut(town, firms, clock):
    """The building was in an emergency on Monday and Tuesday: its week begins on Wednesday, and is due with the others' week."""
    ordered(town, town.building, "16 09:00", "17 15:00")
    for text in ("17 15:01", "18 00:01", "23 12:01"):
        clock(text)
    return firms


def signed_in(app, town, post: Post):
    return make.sign_in(app.test_client(), town.officer(post))


def filed(town, firm, first_on: date, at: str) -> None:
    one = next(row for row in recent(db.session(), firm.id, 20) if row.first_on == first_on)
    file(
        db.session(), alone(db.session(), one), {"expected": 9, "present": 9, "fever": 0}, archive={}, comments={},
        source=Source.FORM, key=f"{firm.id} {first_on} {at}", seen=one.version, reason="", now=on(at),
        by=town.officer(Post.HEALTH_MANAGER),
    )  # fmt: skip
    db.session.commit()


def listed(page) -> str:
    return page.html[page.html.index("<textarea") : page.html.index("</textarea>")]


def on_paper(client) -> str:
    answer = client.get(f"{MISSING}.pdf")
    assert answer.status_code == 200
    pdf = pypdfium2.PdfDocument(answer.data)
    assert len(pdf) == 1
    text = "".join(pdf[0].get_textpage().get_text_range().split())
    pdf.close()
    return text


@pytest.mark.parametrize(("whole", "title"), [("park", REST), ("building", WEEK)])
def test_one_period_of_a_deadline_is_not_taken_for_all(app, town, cut, whole, title):
    """All that one of two periods asks for has come in, nothing of the other: nobody reads that all have reported."""
    there, first_on = (cut[:2], 16) if whole == "park" else (cut[2:], 18)
    for firm in there:
        filed(town, firm, date(2026, 11, first_on), "22 09:00")
    client = signed_in(app, town, Post.SPECIALIST)
    page = opened(client, MISSING)
    assert "2家没有报" in page.text
    assert "都报了" not in page.text
    for firm in cut:
        assert (firm.name in listed(page)) is (firm not in there)
    assert "未报2家" in on_paper(client)
    assert title in opened(client, PAGE).text.split("已截止")[0]
    assert opened(client, REMINDERS).html.count('name="one"') == 2


def test_tracking_missing_page_and_reminders_have_the_same_numbers_of_two_periods(app, town, cut):
    filed(town, cut[3], date(2026, 11, 18), "22 09:00")
    client = signed_in(app, town, Post.SPECIALIST)
    page = opened(client, MISSING)
    assert "3份没有报" in page.text
    assert f"拾光文化传播工作室，{REST}" in listed(page)
    assert f"{WEEK}：应报2家，还有2家没有报" in listed(page)
    assert f"{REST}：应报2家，还有1家没有报" in listed(page)
    assert opened(client, REMINDERS).html.count('name="one"') == 3
    paper = on_paper(client)
    assert "未报3份" in paper
    assert "11月18日至22日" in paper
    head = opened(client, PAGE)
    assert f"另有{REST}，1家未报" in head.text
    other = client.get(next(link.url for link in head.links if "1家未报" in link.text))
    assert "拾光文化传播工作室" in other.text
    assert (
        f"另有{WEEK}，2家未报" in "".join(other.text.replace("</a>", "").split("另有")[0:1])
        or "2家未报" in other.text
    )


def test_several_deadlines_that_are_not_locked_count_together(app, town, firms, clock):
    """The week until its lock, and of the emergency that followed what was cut and two days, each with its own deadline."""
    clock("23 00:01")
    ordered(town, town.park, "24 09:00")
    for text in ("24 09:01", "25 00:01", "26 00:01", "26 11:00"):
        clock(text)
    filed(town, firms[0], date(2026, 11, 25), "26 09:00")
    client = signed_in(app, town, Post.SPECIALIST)
    page = opened(client, MISSING)
    # four firms: the week, the Monday that was left of the next, Tuesday; three of them Wednesday
    assert "15份没有报" in page.text
    assert opened(client, REMINDERS).html.count('name="one"') == 15
    tracking = opened(client, PAGE).text
    assert "11月25日日报" in tracking.split("已截止")[0]
    for words in (f"{WEEK}，4家未报", "11月23日周报（不满一周），4家未报", "11月24日日报（应急），4家未报"):
        assert words in tracking
    clock("28 10:01")  # Tuesday is locked, Wednesday not yet
    ends = opened(signed_in(app, town, Post.SPECIALIST), MISSING).text
    assert "11月24日日报" not in ends
    assert "11月25日日报" in ends


def test_what_is_opened_again_or_due_later_by_a_closure_counts_as_it_does_for_reminders(
    app, town, cut, clock
):
    client = signed_in(app, town, Post.UNIT_LIAISON)
    one = next(row for row in recent(db.session(), cut[2].id, 20) if row.first_on == date(2026, 11, 16))
    unlock(
        db.session(), alone(db.session(), one), "住院", on("25 20:00"), now=on("23 13:00"), by=town.officer(Post.COMMUNITY_LIAISON)
    )  # fmt: skip
    later = next(row for row in recent(db.session(), cut[0].id, 20) if row.first_on == date(2026, 11, 16))
    later.usual_due_at, later.due_at, later.locks_at = later.due_at, on("26 12:00"), on("30 12:00")
    db.session.commit()
    page = opened(client, MISSING)
    assert "11月16日日报" in page.text
    assert "青禾" not in listed(page)
    assert "4份没有报" in page.text
    assert opened(client, REMINDERS).html.count('name="one"') == 4


def test_a_period_that_is_not_due_is_listed_by_itself_when_asked_for(app, town, cut, clock):
    clock("24 09:00")
    client = signed_in(app, town, Post.SPECIALIST)
    page = opened(client, f"{MISSING}?period=20261123-20261129-normal")
    assert "11月23日至29日周报" in page.text
    assert "应报4家，还有4家没有报" in listed(page)
    assert "11月16日" not in listed(page)


def test_nobody_sees_what_is_overdue_elsewhere(app, town, cut):
    other = make.district("芦洲区", "luzhou")
    make.adopt(other)
    client = make.sign_in(app.test_client(), make.account(other, Post.TASK_FORCE, other.id))
    assert "拾光" not in opened(client, MISSING).text
    specialist = make.sign_in(app.test_client(), make.account(town.district, Post.SPECIALIST, town.other.id))
    assert "拾光" not in opened(specialist, MISSING).text


def test_the_sheet_of_several_periods_is_one_page_too(app, town, clock):
    clock("16 08:00")
    for number in range(60):
        make.enterprise(
            town.street,
            f"石上清泉餐饮管理有限责任公司第{number}分公司",
            at=town.park if number % 2 else town.building,
        )
    ordered(town, town.building, "16 09:00", "17 15:00")
    for text in ("17 15:01", "18 00:01", "23 12:01"):
        clock(text)
    paper = on_paper(signed_in(app, town, Post.SPECIALIST))
    assert "未报61份" in paper
    assert "其余" in paper
    assert "打印" in paper  # the foot is still on it


def test_the_list_asks_as_often_for_many_periods_as_for_two(app, town, cut, clock):
    client = signed_in(app, town, Post.TASK_FORCE)
    opened(client, MISSING)
    few = statements_of(lambda: opened(client, MISSING))
    ordered(town, town.park, "24 09:00")
    for text in ("24 09:01", "25 00:01", "26 00:01", "26 11:00"):
        clock(text)
    client = signed_in(app, town, Post.TASK_FORCE)
    opened(client, MISSING)
    assert statements_of(lambda: opened(client, MISSING)) <= few


# --- before the deadline ---


def book(client, address: str) -> list[list[str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    return [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]


def test_before_its_deadline_nothing_of_a_period_is_missed_and_it_has_no_rate(app, town, firms, clock):
    clock("21 09:00")
    filed(town, firms[0], date(2026, 11, 16), "20 09:00")
    client = signed_in(app, town, Post.TASK_FORCE)
    page = opened(client, PAGE)
    numbers = "".join(page.text[page.text.index("应报") : page.text.index("报送期")].split())
    assert "按时–截止以后算" in numbers
    assert "待报3家" in numbers
    assert "未报" not in numbers
    assert "is-no" not in page.html
    table = page.text[page.text.index("看数字表") :]
    assert "未截止" in table
    assert "待报3" in table
    assert "0.0%" not in table
    assert ">未截止</text>" in page.html  # on the bar
    rows = book(client, "/reports/tracking/export?by=place")
    heads = next(row for row in rows if "应报" in row)
    assert heads[-1] == "待报"
    assert rows[-1][heads.index("按时率")] == "–"
    firms_page = opened(client, FIRMS)
    assert "周报，待报" in firms_page.text
    assert "未报" not in firms_page.text.split("筛选")[0].replace("谁没报", "")
    assert any("待报" in cell for row in book(client, "/reports/tracking/firms/export")[:2] for cell in row)
    clock("23 12:01")
    due = opened(signed_in(app, town, Post.TASK_FORCE), PAGE)
    numbers = "".join(due.text[due.text.index("应报") : due.text.index("报送期")].split())
    assert "按时25.0%" in numbers
    assert "未报3家" in numbers


def test_a_streak_counts_only_what_is_past_due(app, town, firms, clock):
    clock("23 12:01")
    clock("24 09:00")
    client = signed_in(app, town, Post.SPECIALIST)
    running = f"{FIRMS}?period=20261123-20261129-normal"
    assert "连续" not in opened(client, running).text  # one missed, one that runs
    clock("30 12:00:01")
    client = signed_in(app, town, Post.SPECIALIST)
    assert opened(client, running).text.count("连续2期未报") == 4


def test_a_mode_stands_over_its_bars_once_and_together(app, town, cut, clock):
    page = opened(signed_in(app, town, Post.TASK_FORCE), PAGE)
    chart = page.html[page.html.index('<svg class="chart"') :]
    chart = chart[: chart.index("</svg>")]
    assert chart.count(">应急</text>") == chart.count(">常态</text>") == 1
    days = [chart.index(f">11/{day}</text>") for day in (18, 17)]
    assert days == sorted(days)  # the weeks stand before the days of the emergency


def test_the_counted_are_those_of_the_database(app, town, cut):
    """Whatever the page says is what stands in the ledger."""
    now = on("23 12:01")
    owed = [
        one for one in db.session.query(Obligation).all()
        if one.received_at is None and one.due_at < now < one.locks_at and one.voided_at is None
    ]  # fmt: skip
    assert f"{len(owed)}份没有报" in opened(signed_in(app, town, Post.TASK_FORCE), MISSING).text


# --- a firm without health staff ---

PHONE = "0000-0000123"


@pytest.fixture
def vacant(town, firms, clock):
    """Nobody holds a post there; its own telephone is known, and nobody's name."""
    firms[2].phone = PHONE
    db.session.commit()
    clock("23 12:01")
    return firms[2]


def test_a_firm_without_staff_is_reached_by_its_own_telephone_everywhere(app, town, vacant):
    client = signed_in(app, town, Post.SPECIALIST)
    address = f"/enterprises/{vacant.id}/contact-telephone"
    for page in (opened(client, FIRMS), opened(client, f"{PAGE}?place={town.building.id}")):
        assert PHONE not in page.html
        assert "000*****0123" in page.text
        assert "岗位空缺" in page.text
        assert address in page.html
    contacts = opened(client, f"/enterprises/{vacant.id}/contacts")
    assert "还没有健康岗位人员" in contacts.text
    assert "000*****0123" in contacts.text
    assert address in contacts.html
    assert "000*****0123" in on_paper(client)
    assert any("000*****0123" in row for row in book(client, f"{FIRMS}/export"))
    assert "0000" not in listed(opened(client, MISSING))


def test_the_firms_number_is_opened_with_a_reason_and_the_look_and_call_are_kept(app, town, vacant):
    client = signed_in(app, town, Post.SPECIALIST)
    address = f"/enterprises/{vacant.id}/contact-telephone"
    form = opened(client, address).forms[-1]
    token = form.fields["csrf_token"][0]
    assert PHONE not in opened(client, address).html
    assert client.post(f"{address}/reveal", data={"csrf_token": token}).status_code == 422
    assert client.post(f"{address}/call", data={"csrf_token": token}).status_code == 409
    client.post(f"{address}/reveal", data={"csrf_token": token, "reason": "urge"})
    assert PHONE in opened(client, address).text
    answer = client.post(f"{address}/call", data={"csrf_token": token})
    assert f"tel:{PHONE}" in client.get(answer.location).text
    db.session.rollback()
    lines = db.session.query(AuditLine).filter_by(action="contact:reveal", result="seen").all()
    assert len(lines) == 2
    assert all('"urge"' in line.details and "phone" in line.details for line in lines)
    assert all(line.object_id == str(vacant.id) for line in lines)
    other = make.sign_in(app.test_client(), make.account(town.district, Post.SPECIALIST, town.other.id))
    assert other.get(address).status_code == 404


def test_a_person_without_a_number_is_called_at_the_firm(app, town, vacant):
    make.account(town.district, Post.HEALTH_MANAGER, vacant.id, name="顾长宁", mobile=None)
    page = opened(signed_in(app, town, Post.SPECIALIST), FIRMS)
    assert "顾长宁" in page.text
    assert f"/enterprises/{vacant.id}/contact-telephone" in page.html
