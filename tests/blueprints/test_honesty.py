"""The honesty board: which patterns are said, which are worth a look, and where each leads."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from models import honesty
from models.access import Post
from models.base import db, local
from models.gate import Kind, Mark, Source
from models.judging import Verdict, write_reasons
from tests import make
from tests.conftest import NOW
from tests.reader import read, words

FAULTY = write_reasons([("faulty",)])


@pytest.fixture
def specialist(client, town):
    return make.sign_in(client, town.officer(Post.SPECIALIST))


def rows(gate, number, **facts):
    for one in range(number):
        make.check_in(
            gate,
            NOW - timedelta(minutes=one),
            **{"mobile": f"138{one:08}", "celsius": 358 + one % 10} | facts,
        )


def board(app, town, **more):
    site = app.extensions["site"]
    day = local(NOW).date()
    return honesty.board(db.session(), site.vault, [town.park.id, town.building.id], day, **more)


def looks(one) -> set[str]:
    return {finding.code for finding in one.noteworthy}


def finding(one, code):
    return next(f for f in one.findings if f.code == code)


def test_a_natural_day_gives_nothing_to_look_at(app, town):
    rows(town.gate, 30, confirmed_at=NOW)
    one = board(app, town)[town.gate.id]
    assert looks(one) == set() and one.rows == 30


def test_one_temperature_for_nearly_everybody_is_worth_a_look(app, town):
    rows(town.gate, 20, celsius=365, confirmed_at=NOW)
    rows(town.gate, 10, confirmed_at=NOW)
    one = board(app, town)[town.gate.id]
    assert looks(one) == {"celsius"}
    assert "量了30人，最多的是36.5℃，21人（70%）" in finding(one, "celsius").sentence
    assert "一般占一到二成" in finding(one, "celsius").sentence


def test_few_readings_prove_nothing(app, town):
    rows(town.gate, 19, celsius=365, confirmed_at=NOW)
    rows(town.north, 25, confirmed_at=NOW)
    rows(town.north, 5, celsius=365, confirmed_at=NOW)
    assert all(looks(one) == set() for one in board(app, town).values())


def test_forms_sent_at_once_are_counted_and_those_that_were_read_are_not(app, town):
    for seconds in (0, 2, 3, 4, 60):
        at = NOW - timedelta(minutes=seconds)
        make.check_in(town.gate, at, opened_at=at - timedelta(seconds=seconds))
    make.check_in(town.gate, NOW, opened_at=NOW, party=b"x" * 16)
    make.check_in(town.gate, NOW, opened_at=None, source=Source.HAND)
    one = board(app, town)[town.gate.id]
    assert (one.opened, one.quick) == (5, 3) and "quick" in looks(one)


def test_one_number_and_one_phone_with_many_names_are_counted_at_each_gate(app, town):
    for name in ("张一", "张二", "张三", "张三"):
        make.check_in(town.gate, NOW, name=name, mobile="13900000001")
    for number in range(5):
        make.check_in(town.north, NOW, name=f"李{number}", mobile=f"1370000000{number}", device_index=b"d")
    boards = board(app, town)
    one, other = boards[town.gate.id], boards[town.north.id]
    assert (one.mobiles, one.mobile_rows, one.devices) == (1, 4, 0)
    assert (other.mobiles, other.devices, other.device_rows) == (0, 1, 5)
    assert looks(one) == {"mobile"} and looks(other) == {"device"}


def test_prefixes_that_nobody_has_are_counted_but_not_in_an_invented_district(app, town):
    for number in ("14400000000", "16100000000", "19400000000", "13800138000"):
        make.check_in(town.gate, NOW, mobile=number)
    one = board(app, town)[town.gate.id]
    assert (one.sampled, one.unassigned) == (4, 3) and "prefix" in looks(one)
    assert board(app, town, invented=True)[town.gate.id].sampled == 0


def test_hours_confirmations_and_paper(app, town):
    rows(town.gate, 30, confirmed_at=NOW)
    rows(town.gate, 40, source=Source.PAPER, marks=Mark.OUT_OF_HOURS.value)
    make.check_in(town.gate, NOW, verdict=Verdict.REFUSED)
    make.check_in(town.gate, NOW, kind=Kind.AGAIN)
    one = board(app, town)[town.gate.id]
    assert (one.came_in, one.confirmed, one.paper, one.out_of_hours) == (70, 30, 40, 40)
    assert looks(one) == {"out_of_hours", "unconfirmed"}
    assert "进入70人，门岗确认了30人（43%）" in finding(one, "unconfirmed").sentence


def test_rows_of_a_broken_thermometer_other_days_and_other_places_are_left_out(app, town):
    rows(town.gate, 3, reasons=FAULTY, celsius=None, marks=Mark.OUT_OF_HOURS.value)
    rows(town.other_gate, 3)
    make.check_in(town.gate, NOW - timedelta(days=1))
    assert board(app, town) == {}


def test_the_board_says_what_to_do_and_leads_to_the_entries(specialist, town):
    rows(town.gate, 25, celsius=365, confirmed_at=NOW)
    rows(town.gate, 5, celsius=360, confirmed_at=NOW, name="别人")
    page = read(specialist.get(f"/places/{town.park.id}/honesty").data)
    look = words(page.one("section", id="look"))
    assert "东门2号口：同一个体温" in look and "看一看现场" in look
    assert "不说明谁做错了" in page.text
    address = page.link("看登记：东门2号口，同一个体温")
    query = parse_qs(urlsplit(address).query)
    assert (query["celsius"], query["gate"]) == (["36.5"], [str(town.gate.id)])
    assert "25条" in read(specialist.get(address).data).text


@pytest.mark.parametrize(
    ("look", "found"),
    [
        ("quick", 1),
        ("mobile", 3),
        ("device", 5),
        ("prefix", 1),
        ("out_of_hours", 1),
        ("unconfirmed", 9),
        ("paper", 1),
    ],
)
def test_each_pattern_filters_the_list(specialist, town, look, found):
    facts = {"confirmed_at": NOW}
    make.check_in(town.gate, NOW, opened_at=NOW, mobile=None, **facts)
    for name in "甲乙丙":
        make.check_in(town.gate, NOW, name=name, mobile="13900000001")
    for name in "一二三四五":
        make.check_in(town.gate, NOW, name=name, mobile=None, device_index=b"d")
    make.check_in(town.gate, NOW, mobile="14400000000", **facts)
    make.check_in(town.gate, NOW, mobile=None, marks=Mark.OUT_OF_HOURS.value, **facts)
    make.check_in(town.gate, NOW, mobile=None, source=Source.PAPER)
    make.check_in(town.gate, NOW, mobile=None, source=Source.PAPER, reasons=FAULTY)
    page = read(specialist.get(f"/places/{town.park.id}/entries?gate={town.gate.id}&look={look}").data)
    assert f"{found}条" in page.text.split("导出")[0]


def test_an_empty_day_and_a_day_that_is_none_are_said(specialist, town):
    address = f"/places/{town.park.id}/honesty"
    assert "2026年11月20日没有登记" in read(specialist.get(address).data).text
    assert "没有看懂“昨天”" in read(specialist.get(f"{address}?day=昨天").data).text
    late = specialist.get(f"{address}?day=2026-11-21")
    assert late.status_code == 422 and "这一天还没有到" in read(late.data).text


def test_the_day_and_the_menu_lead_to_the_board_and_open_notices_stand_on_top(specialist, town):
    from models.watch import GateNotice, NoticeKind

    make.save(GateNotice(place_id=town.park.id, gate_id=town.gate.id, kind=NoticeKind.SILENCE, raised_at=NOW,
                         facts='{"usual": 26}'))  # fmt: skip
    page = read(specialist.get(f"/places/{town.park.id}").data)
    assert page.text.index("东门2号口：20分钟没有人登记") < page.text.index("今天进入")
    assert "半小时有26人左右" in page.text and "09:41起" in page.text
    assert page.link("数据核对") == f"/places/{town.park.id}/honesty"
