"""Batches: whole parts or nothing, once each, whoever works on them, and back again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from blueprints.web import import_sheets, jobs
from models import batch_work
from models.access import Post
from models.archive import Employee, Team
from models.base import RuleBroken, db, to_write
from models.batch_work import Line
from models.batches import Batch, BatchKind, BatchPart, BatchState, forget, rows_of, tally
from models.employee_rows import EmployeeRows
from tests import make
from tests.conftest import NOW

HEAD = "姓名,手机号,工号,部门,班组,证件号码,档案编号\n"


def afresh():
    """What others have written since is seen."""
    db.session.rollback()
    db.session.expire_all()


def people(count, first=0, **facts):
    return [{"name": f"许安{'甲乙丙丁'[n % 4]}", "mobile": f"138{n:08}", "number": str(n)} | facts
            for n in range(first, first + count)]  # fmt: skip


def table(rows):
    keys = ("name", "mobile", "number", "department", "team", "document", "row")
    return (HEAD + "".join(",".join(str(row.get(key, "")) for key in keys) + "\n" for row in rows)).encode()


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    """So that a few hundred rows are several."""
    monkeypatch.setattr(batch_work, "PART", 500)


@pytest.fixture
def bench(app):
    return import_sheets.bench()


@pytest.fixture
def send(app, town, bench):
    manager = town.officer(Post.HEALTH_MANAGER)

    def sent(rows, owner=None, work=True):
        batch = Batch.receive(
            bench.vault, BatchKind.EMPLOYEES, "enterprise", (owner or town.tenant).id, name="名单.csv",
            content=table(rows), by=manager, now=bench.clock(),
        )  # fmt: skip
        with to_write():
            make.save(batch)
        if work:
            run(bench, batch)
        return batch

    return sent


def run(bench, batch):
    db.session.commit()
    batch_work.work(bench, batch.id)
    afresh()


def turned(turn, *facts):
    db.session.commit()
    with to_write():
        found = turn(db.session(), *facts)
        db.session.commit()
    return found


def confirm(bench, batch, now=NOW):
    assert turned(batch.confirm, now)
    run(bench, batch)


def on_file():
    afresh()
    return db.session.scalar(select(func.count()).select_from(Employee))


def rows(bench, batch, pick=""):
    return list(rows_of(db.session(), bench.vault, batch, pick))


def test_nothing_is_changed_before_somebody_confirms(bench, send):
    batch = send(people(3))
    assert (batch.state, batch.news, batch.total, batch.done) == (BatchState.PREVIEWED, 3, 3, 3)
    assert batch.upload is None and on_file() == 0
    confirm(bench, batch)
    assert batch.state == BatchState.DONE and on_file() == 3
    one = db.session.scalars(select(Employee).order_by(Employee.id)).first()
    assert (one.name, one.mobile, one.changed_at) == ("许安甲", "13800000000", NOW)


def test_a_bad_row_stops_no_good_one_and_says_for_each_cell_what_is_wrong(bench, send):
    batch = send([*people(2), {"name": "", "mobile": "1380"}])
    assert (batch.news, batch.errors) == (2, 1)
    (row,) = rows(bench, batch, "error")
    assert row["number"] == 4 and row["errors"].keys() == {"name", "mobile"}
    confirm(bench, batch)
    assert on_file() == 2


@pytest.mark.parametrize("facts", [{}, {"mobile": ""}, {"document": "510104199001010019", "name": "林知秋"}])
def test_somebody_twice_in_the_file_is_refused_the_second_time_even_far_below(bench, send, facts):
    facts = {"number": "9001"} | facts
    batch = send([*people(1, **facts), *people(600, first=1), *people(1, **facts)])
    (row,) = rows(bench, batch, "error")
    assert row["number"] == 603 and "第2行" in next(iter(row["errors"].values()))


def test_the_same_file_again_changes_nothing_and_cannot_be_confirmed(bench, send):
    confirm(bench, send(people(3)))
    batch = send(people(3))
    assert (batch.sames, batch.news, batch.changes) == (3, 0, 0)
    with pytest.raises(RuleBroken):
        batch.confirm(db.session(), NOW)


def test_a_change_shows_each_cell_and_an_empty_one_leaves_what_is_on_file(bench, send):
    confirm(bench, send(people(1, department="一车间", document="510104199001010019")))
    number = db.session.scalar(select(Employee.id))
    batch = send([{"row": number, "name": "许安甲", "mobile": "138****0000", "team": "甲班"}])
    (row,) = rows(bench, batch, "change")
    assert row["before"] | {"team": "甲班"} == row["cells"]
    confirm(bench, batch)
    one = db.session.get(Employee, number)
    assert (one.team.name, one.department, one.mobile) == ("甲班", "一车间", "13800000000")


def test_a_row_key_of_another_enterprise_is_nobody(bench, send, town):
    other = make.enterprise(town.street, "云溪松果科技有限公司", short_name="松果")
    confirm(bench, send(people(1), other))
    number = db.session.scalar(select(Employee.id))
    batch = send([*people(1), {"row": number, "name": "许安甲"}])
    assert (batch.news, batch.errors) == (1, 1)


def test_a_document_that_is_on_somebody_elses_file_is_refused(bench, send):
    confirm(bench, send([*people(1, document="510104199001010019"), *people(1, first=1)]))
    second = db.session.scalar(select(func.max(Employee.id)))
    batch = send([{"row": second, "name": "许安乙", "document": "510104199001010019"}])
    assert "许安甲的档案" in rows(bench, batch, "error")[0]["errors"]["document"]


def test_confirming_twice_takes_the_rows_over_once(bench, send):
    batch = send(people(2))
    assert turned(batch.confirm, NOW)
    assert not turned(batch.confirm, NOW)
    run(bench, batch)
    run(bench, batch)
    assert on_file() == 2


def test_a_worker_that_dies_in_the_middle_has_done_whole_parts_and_the_next_does_the_rest(
    bench, send, monkeypatch, at
):
    batch = send(people(1100))
    assert turned(batch.confirm, NOW)
    calls, apply = [], EmployeeRows.apply

    def dies(self, session, some):
        calls.append(len(some))
        apply(self, session, some)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(EmployeeRows, "apply", dies)
    with pytest.raises(KeyboardInterrupt):
        run(bench, batch)
    afresh()
    assert on_file() == 500 and (batch.state, batch.done) == (BatchState.APPLYING, 500)
    jobs.go_on_with_batches(jobs.tick_now())
    assert on_file() == 500  # the worker may still be alive
    db.session.commit()
    at(NOW + timedelta(seconds=61))
    jobs.go_on_with_batches(jobs.tick_now())
    assert on_file() == 1100
    db.session.refresh(batch)
    assert (batch.state, batch.done, batch.news) == (BatchState.DONE, 1100, 1100)


def test_a_worker_that_comes_back_after_another_took_over_changes_nothing(bench, send, monkeypatch):
    batch = send(people(2))
    assert turned(batch.confirm, NOW)
    parts = batch_work._Run._parts

    def meanwhile(self, **facts):
        with bench.writing() as session:
            session.execute(update(Batch).values(worker="another"))
        return parts(self, **facts)

    monkeypatch.setattr(batch_work._Run, "_parts", meanwhile)
    run(bench, batch)
    assert on_file() == 0 and batch.state == BatchState.APPLYING


def test_a_batch_that_fails_each_time_is_given_up_in_words(bench, send, at, monkeypatch):
    batch = send(people(1))
    assert turned(batch.confirm, NOW)
    monkeypatch.setattr(EmployeeRows, "apply", lambda *_: 1 / 0)
    for minute in range(7):
        db.session.commit()
        at(NOW + timedelta(minutes=2 * minute))
        jobs.go_on_with_batches(jobs.tick_now())
    db.session.refresh(batch)
    assert batch.state == BatchState.FAILED and "没有做完" in batch.trouble


def test_what_changed_between_looking_and_confirming_is_not_overwritten(bench, send):
    confirm(bench, send(people(2)))
    batch = send([*people(2, department="二车间"), *people(1, first=5)])
    assert (batch.changes, batch.news) == (2, 1)
    other = send(people(1, first=5))
    confirm(bench, other)
    with to_write():
        db.session.scalars(select(Employee).order_by(Employee.id)).first().department = "三车间"
        db.session.commit()
    confirm(bench, batch)
    assert (batch.changes, batch.news, batch.errors) == (1, 0, 2)
    assert sorted(db.session.scalars(select(Employee.department))) == ["", "三车间", "二车间"]


def test_undoing_deletes_who_was_new_and_gives_back_what_was_changed(bench, send):
    confirm(bench, send(people(2, department="一车间")))
    batch = send([*people(2, department="二车间", team="乙班"), *people(600, first=5, team="丙班")])
    confirm(bench, batch)
    assert on_file() == 602
    assert turned(batch.undo, NOW + timedelta(days=6))
    run(bench, batch)
    assert (batch.state, batch.kept) == (BatchState.UNDONE, 0)
    assert on_file() == 2 and set(db.session.scalars(select(Employee.department))) == {"一车间"}
    assert db.session.scalar(select(func.count()).select_from(Team)) == 0


def test_undoing_leaves_alone_and_names_who_was_edited_since(bench, send):
    batch = send(people(3))
    confirm(bench, batch)
    with to_write():
        one = db.session.scalars(select(Employee).order_by(Employee.id)).first()
        one.department, one.changed_at = "四车间", NOW + timedelta(hours=1)
        db.session.commit()
    assert turned(batch.undo, NOW + timedelta(hours=2))
    run(bench, batch)
    assert on_file() == 1 and batch.kept == 1 == tally(db.session(), batch)["kept"]
    (row,) = rows(bench, batch, "kept")
    assert row["cells"]["name"] == "许安甲" and "有人改过" in row["kept"]


def test_after_a_week_nothing_can_be_undone_and_the_rows_are_gone(bench, send):
    batch = send(people(1))
    confirm(bench, batch)
    with pytest.raises(RuleBroken):
        batch.undo(db.session(), NOW + timedelta(days=7))
    with bench.writing() as session:
        forget(session, NOW + timedelta(days=7, seconds=1))
    afresh()
    assert db.session.scalar(select(func.count()).select_from(BatchPart)) == 0
    assert batch.news == 1 and on_file() == 1


def test_what_nobody_confirms_within_a_day_is_forgotten(bench, send):
    batch, waits = send(people(1)), send(people(1, first=1), work=False)
    with bench.writing() as session:
        forget(session, NOW + timedelta(hours=25))
    afresh()
    assert batch.state == BatchState.EXPIRED and not rows(bench, batch)
    assert waits.upload is None
    run(bench, waits)
    assert waits.state == BatchState.FAILED and "过期" in waits.trouble
    assert not turned(batch.confirm, NOW)


def test_names_and_numbers_are_sealed_where_they_lie(bench, send):
    batch = send(people(1), work=False)
    assert b"13800000000" not in batch.upload and "许安".encode() not in batch.upload
    run(bench, batch)
    part = db.session.scalars(select(BatchPart)).one()
    assert b"13800000000" not in part.rows and "许安".encode() not in part.rows


def test_rows_are_picked_and_paged_across_the_parts(bench, send):
    bad = [{"name": "", "number": str(n)} for n in range(10_000, 10_700)]
    batch = send([*people(400), *bad, *people(300, first=400)])
    found = [row["number"] for row in rows_of(db.session(), bench.vault, batch, "error", skip=90, most=50)]
    assert found == list(range(402 + 90, 402 + 140))
    found = [row["number"] for row in rows_of(db.session(), bench.vault, batch, skip=1390, most=50)]
    assert found == list(range(1392, 1402))


def test_two_judges_of_the_same_rows_say_the_same(bench, send, town):
    """Whoever died while looking has changed nothing: the next one begins anew."""
    batch = send(people(700), work=False)
    once = replace(bench, read=lambda *_: ([Line(n, {"name": "许安"}, {}) for n in range(700)], []))
    run(once, batch)
    assert batch.news == 700
    with to_write():
        db.session.execute(
            update(Batch).values(state=BatchState.READING, upload=bench.vault.seal_bytes(b"x", Batch.UPLOAD))
        )
        db.session.commit()
    run(once, batch)
    assert batch.news == 700 and db.session.scalar(select(func.count()).select_from(BatchPart)) == 2
