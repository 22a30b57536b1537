"""The head counter of a guard's phone, and what the specialist sees of it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.access import Post
from models.base import RuleBroken, db
from models.gate import Kind, Source
from models.judging import Verdict
from models.watch import HeadCount
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened
from tests.reader import read

END = NOW + timedelta(minutes=10)


@pytest.fixture
def guard(client, town):
    return make.sign_in(client, town.officer(Post.GATE_GUARD, name="罗守诚"))


def begin(client, gate):
    page = opened(client, f"/gate/count?gate={gate.id}")
    form = next(f for f in page.forms if "/gate/count?" in f.action)
    return client.post(form.action, data=form.data())


def say(client, heads, address=None):
    sample = newest()
    address = address or f"/gate/counts/{sample.id}"
    form = next(f for f in opened(client, address).forms if "heads" in f.choices)
    return client.post(f"/gate/counts/{sample.id}", data=form.data(heads=heads))


def newest() -> HeadCount:
    db.session.rollback()
    return db.session.scalars(select(HeadCount).order_by(HeadCount.id.desc())).first()


def registered(gate, number, minutes=5, **facts):
    for _ in range(number):
        make.check_in(gate, NOW + timedelta(minutes=minutes), **facts)


def test_ten_minutes_are_counted_and_said_in_words_beside_what_was_registered(guard, town, at):
    assert begin(guard, town.gate).status_code == 303
    registered(town.gate, 40)
    registered(town.gate, 5, source=Source.HAND, verdict=Verdict.REFUSED)
    registered(town.gate, 3, kind=Kind.AGAIN)
    registered(town.gate, 3, source=Source.PAPER)
    registered(town.gate, 2, minutes=10)
    registered(town.gate, 2, minutes=-1)
    registered(town.north, 9)
    at(END)
    page = landed(guard, say(guard, "48"))
    assert page.h1 == "10分钟数到48人，登记了45人，登记率94%"


def test_one_sample_at_a_time_goes_on_at_a_gate(guard, town, app, at):
    form = next(
        f for f in opened(guard, f"/gate/count?gate={town.gate.id}").forms if "/gate/count?" in f.action
    )
    for _ in range(2):  # a double click
        assert guard.post(form.action, data=form.data()).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(HeadCount)) == 1
    colleague = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    page = opened(colleague, f"/gate/count?gate={town.gate.id}")
    assert "罗守诚09:41开始" in page.text and not [f for f in page.forms if "/gate/count?" in f.action]
    with pytest.raises(RuleBroken, match="罗守诚09:41已经在数"):
        HeadCount.begin(db.session(), town.gate, now=NOW, by_id=1)
    assert begin(guard, town.north).status_code == 303


def test_it_ends_by_itself_and_lapses_when_nobody_says_a_number(guard, town, at):
    begin(guard, town.gate)
    at(END + timedelta(minutes=9))
    assert "已经数完，请报数" in opened(guard, f"/gate/count?gate={town.gate.id}").text
    at(END + timedelta(minutes=10))
    assert "这一次没有报数" in opened(guard, f"/gate/counts/{newest().id}").text
    assert begin(guard, town.gate).status_code == 303


def test_a_number_said_early_ends_the_sample_there(guard, town, at):
    begin(guard, town.gate)
    registered(town.gate, 2, minutes=3)
    registered(town.gate, 2, minutes=6)
    at(NOW + timedelta(minutes=4))
    page = landed(guard, say(guard, "4"))
    assert page.h1 == "4分钟数到4人，登记了2人，登记率50%"


@pytest.mark.parametrize(
    ("heads", "said"),
    [("", "请填数到几个人"), ("四十八", "没有看懂“四十八”"), ("-1", "在0到999之间"), ("1000", "在0到999之间"), ("9" * 40, "在0到999之间")],
)  # fmt: skip
def test_a_number_that_is_none_is_asked_for_again_with_what_was_typed(guard, town, at, heads, said):
    begin(guard, town.gate)
    at(END)
    answer = say(guard, heads)
    assert answer.status_code == 422
    page = read(answer.data)
    assert said in page.text and page.one("input", id="heads").get("value") == heads
    assert newest().heads is None


def test_nobody_came_and_more_registered_than_were_counted_are_said_without_a_rate(guard, town, at):
    begin(guard, town.gate)
    registered(town.gate, 3)
    at(END)
    assert landed(guard, say(guard, "0")).h1 == "10分钟没有人进来，登记了3人"
    assert landed(guard, say(guard, "2")).h1 == "10分钟数到2人，登记了3人，比数到的多"


def test_a_number_may_be_changed_for_some_minutes_and_taken_back(guard, town, at):
    begin(guard, town.gate)
    at(END)
    say(guard, "48")
    at(END + timedelta(minutes=14))
    assert landed(guard, say(guard, "47")).h1.startswith("10分钟数到47人")
    page = opened(guard, f"/gate/counts/{newest().id}")
    undo = next(f for f in page.forms if f.action.endswith("/undo"))
    token = undo.data()
    at(END + timedelta(minutes=15))
    late = guard.post(undo.action, data=token)
    assert late.status_code == 409 and newest().heads == 47
    assert not [f for f in opened(guard, f"/gate/counts/{newest().id}").forms if "heads" in f.choices]
    at(END + timedelta(minutes=14))
    assert "这一次不算了" in landed(guard, guard.post(undo.action, data=token)).text
    assert newest() is None


def test_a_gate_of_another_place_is_not_there(guard, town):
    assert guard.get(f"/gate/count?gate={town.other_gate.id}").status_code == 404
    theirs = make.save(HeadCount(gate_id=town.other_gate.id, starts_at=NOW, ends_at=END, by_id=1))
    assert guard.get(f"/gate/counts/{theirs.id}").status_code == 404


def sample(gate, at, heads, scans):
    return make.save(
        HeadCount(
            gate_id=gate.id,
            starts_at=at,
            ends_at=at + timedelta(minutes=10),
            heads=heads,
            scans=scans,
            by_id=1,
        )
    )


def test_the_specialist_sees_shares_by_day_and_by_hour_and_nobodys_name(client, town):
    make.sign_in(client, town.officer(Post.SPECIALIST))
    make.account(town.district, name="罗守诚")
    address = f"/places/{town.park.id}/head-counts"
    assert "最近31天还没有数过" in read(client.get(address).data).text
    hall = make.gate(town.building, "大厅")
    sample(town.gate, NOW - timedelta(minutes=30), 50, 45)
    sample(town.gate, NOW - timedelta(days=1, minutes=30), 50, 30)
    sample(hall, NOW - timedelta(hours=1, minutes=30), 10, 12)
    sample(town.gate, NOW - timedelta(days=31), 10, 1)
    page = read(client.get(address).data)
    assert "每个钟点的登记率：8时100%，9时75%" in page.html
    for words in ("11月20日 周五\n2\n60\n57\n95%", "11月19日 周四\n1\n50\n30\n60%", "9时\n2\n100\n75\n75%"):
        assert words in page.text
    assert "3号楼大厅" in page.text and "罗守诚" not in page.text
    assert (
        "3号楼大厅\n" not in read(client.get(f"{address}?gate={town.gate.id}").data).text.split("每一次")[1]
    )
    assert "没有数过" in read(client.get(f"{address}?gate={town.north.id}").data).text
