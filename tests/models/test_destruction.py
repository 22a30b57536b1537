"""Purging (gate.md scenario 13, PRIV-7, SEC-14): on the day that the visitor's page named, and not before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from blueprints.web import jobs
from models import destruction, weeks
from models.audit import AuditLine, broken_links
from models.base import RuleBroken, db, local
from models.gate import CheckIn, Note, Outcome, Reading
from models.gateview import view_of
from models.judging import Verdict
from models.keeping import DaySum, Destruction, Hold
from models.paper import PaperSheet, SheetPhoto
from models.places import ModeOrder
from models.retention import Kept, Plan, plan_of
from tests import make
from tests.conftest import NOW

DAY = timedelta(days=1)
TODAY = date(2026, 11, 20)


@pytest.fixture
def tick(app, tmp_path):
    """At an instant, with a log of its own."""

    def at(now=NOW):
        return replace(jobs.tick_now(), now=now, instance=tmp_path)

    return at


@pytest.fixture
def purge(tick):
    def purge(now=NOW) -> int:
        db.session.rollback()
        return sum(one.number for one in destruction.purge(tick(now)))

    return purge


def count(model) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def records() -> list[Destruction]:
    db.session.rollback()
    return list(db.session.scalars(select(Destruction).order_by(Destruction.id)))


def lines(folder: Path) -> list[dict]:
    return list(destruction.read(folder / destruction.LOG_NAME))


def order(town, now=NOW, **facts) -> ModeOrder:
    return make.save(
        ModeOrder.open(scope="place", scope_id=town.park.id, district_id=town.district.id, name="应急", reason="发热",
                       legal_basis="预案", responsible="程", planned_end_on=date(2027, 6, 1), now=now, by_id=None, **facts)
    )  # fmt: skip


def hold(town, first: date, last: date, expires: date = TODAY + 60 * DAY, **facts) -> Hold:
    by = make.account(town.district)
    facts = {
        "place": None,
        "order": None,
        "document": "云健函〔2026〕7号",
        "reason": "调查",
        "now": NOW,
    } | facts
    return make.save(
        Hold.make(
            district_id=town.district.id, from_on=first, to_on=last, expires_on=expires, by_id=by.id, **facts
        )
    )


# --- when ---


@pytest.mark.parametrize("clock", ["00:00:00", "12:00:00", "23:59:59"])
@pytest.mark.parametrize("mode", ["normal", "emergency"])
def test_a_row_goes_on_the_day_that_its_visitors_page_named_and_not_before(
    app, client, town, purge, at, clock, mode
):
    entered = local(NOW).replace(hour=int(clock[:2]), minute=int(clock[3:5]), second=int(clock[6:]))
    if mode == "emergency":
        order(town, entered)
    at(entered)
    shown = client.get(f"/g/{town.gate.code.code}").text
    assert "保存30天，2026年12月20日自动删除" in shown
    view = view_of(db.session(), app.extensions["site"].book, town.gate, entered)
    make.check_in(town.gate, entered, mode=view.mode.value)
    named = local(entered).replace(month=12, day=20, hour=0, minute=0, second=0, microsecond=0)
    assert purge(named - timedelta(microseconds=1)) == 0
    assert purge(named) == 1
    assert count(CheckIn) == 0


def test_each_row_is_kept_as_long_as_the_scheme_that_judged_it_says(app, town, purge, monkeypatch):
    book = app.extensions["site"].book
    make.adopt(town.district, make.LATER_SCHEME, TODAY - 20 * DAY)
    later = book.get(make.LATER_SCHEME)
    shorter = replace(later, retention=replace(later.retention, check_in_days=15))
    monkeypatch.setitem(book._policies, make.LATER_SCHEME, shorter)
    for back in (14, 15, 29, 30):
        scheme = make.LATER_SCHEME if back < 20 else make.SCHEME
        make.check_in(town.gate, NOW - back * DAY, scheme_key=scheme)
    assert purge() == 2
    assert {TODAY - entry.day for entry in db.session.scalars(select(CheckIn))} == {14 * DAY, 29 * DAY}


def test_an_emergency_keeps_nothing_longer_by_itself(town, purge):
    order(town, NOW - 50 * DAY)
    make.check_in(town.gate, NOW - 31 * DAY, mode="emergency")
    assert purge() == 1


def test_a_decision_extends_to_ninety_days_within_an_emergency_and_seven_after_it(town, purge):
    opened = order(town, NOW - 90 * DAY)
    hold(town, TODAY - 200 * DAY, TODAY, TODAY + 300 * DAY, order=opened)
    for back in (90, 89, 40):
        make.check_in(town.gate, NOW - back * DAY, mode="emergency")
    assert purge() == 1
    assert purge(NOW + DAY) == 1
    opened = db.session.get(ModeOrder, opened.id)
    opened.end(reason="结束", now=NOW + DAY, by_id=None)
    db.session.commit()
    assert purge(NOW + 7 * DAY) == 0
    assert purge(NOW + 8 * DAY) == 1
    assert count(CheckIn) == 0


# --- what ---


def test_what_hangs_on_a_row_goes_with_it_and_the_rest_stays(town, purge):
    policy_guard = make.account(town.district)
    for back in (30, 29):
        at = NOW - back * DAY
        entry = make.check_in(
            town.gate, at, verdict=Verdict.REFUSED, celsius=380, reasons='[["fever", "38.0", "37.3"]]'
        )
        make.save(
            Reading(
                check_in=entry,
                celsius=379,
                masked=True,
                at=at,
                by_id=policy_guard.id,
                before_verdict=Verdict.REFUSED,
            )
        )
        make.save(
            Note(check_in=entry, outcome=Outcome.TO_CLINIC, text="去发热门诊", at=at, by_id=policy_guard.id)
        )
        sheet = make.save(PaperSheet(gate_id=town.gate.id, number=f"AB{back}CD", rows=20, printed_at=at,
                                     printed_by_id=policy_guard.id, used_on=local(at).date()))  # fmt: skip
        make.save(
            SheetPhoto(
                sheet_id=sheet.id,
                image=b"x",
                digest=str(back).encode(),
                added_at=at,
                added_by_id=policy_guard.id,
            )
        )
    unused = make.save(PaperSheet(gate_id=town.gate.id, number="UNUSED", rows=20, printed_at=NOW - 90 * DAY,
                                  printed_by_id=policy_guard.id))  # fmt: skip
    assert purge() == 2
    assert [count(model) for model in (CheckIn, Reading, Note, PaperSheet, SheetPhoto)] == [1, 1, 1, 2, 1]
    assert db.session.get(PaperSheet, unused.id) is not None
    found, paper = records()
    assert (found.kind, found.number, paper.kind, paper.number) == ("check_in", 1, "paper_sheet", 1)


def test_sums_are_made_before_and_stay(town, purge):
    for hour in (0, 0, 3):
        make.check_in(town.gate, NOW - 35 * DAY + timedelta(hours=hour))
    purge()
    sums = db.session.execute(select(DaySum.day, DaySum.hour, DaySum.passed).order_by(DaySum.hour)).all()
    assert sums == [(TODAY - 35 * DAY, 9, 2), (TODAY - 35 * DAY, 12, 1)]


def test_districts_are_apart(town, purge):
    elsewhere = make.district("鹭洲区", "luzhou")
    make.adopt(elsewhere, make.LATER_SCHEME)
    street = make.save(make.Street(district_id=elsewhere.id, name="鹭洲街道"))
    gate = make.gate(make.place(street, "鹭洲广场"), "正门")
    hold(town, TODAY - 100 * DAY, TODAY)
    make.check_in(town.gate, NOW - 40 * DAY)
    make.check_in(gate, NOW - 40 * DAY, scheme_key=make.LATER_SCHEME)
    assert purge() == 1
    assert [record.district_id for record in records()] == [elsewhere.id]
    assert make.district("新区", "xinqu") and purge() == 0  # one that has adopted nothing yet


# --- the record ---


def test_the_record_says_what_went_and_the_audit_has_a_line_and_twice_writes_nothing(
    town, purge, tmp_path, monkeypatch
):
    monkeypatch.setattr(destruction, "BATCH", 2)
    entries = [
        make.check_in(gate, NOW - back * DAY)
        for back in (50, 40, 31, 30)
        for gate in (town.gate, town.other_gate)
    ]
    make.check_in(town.gate, NOW)
    here = sorted(entries, key=lambda e: (e.place_id, e.day, e.id))
    assert purge() == 8
    (record,) = records()
    assert (record.number, record.from_on, record.to_on) == (8, TODAY - 50 * DAY, TODAY - 30 * DAY)
    assert record.digest == hashlib.sha256(b"".join(entry.nonce for entry in here)).digest()
    assert (record.at, record.by_id, record.district_id) == (NOW, None, town.district.id)
    assert "登记保存30天" in record.rule
    (line,) = db.session.scalars(select(AuditLine)).all()
    assert (line.action, line.object_id, line.district_id) == (
        "retention:purge",
        str(record.id),
        town.district.id,
    )
    assert json.loads(line.details)["count"] == 8
    log = (tmp_path / "destruction.log").read_bytes()
    assert purge() == 0
    assert (count(Destruction), count(AuditLine), count(CheckIn)) == (1, 1, 1)
    assert (tmp_path / "destruction.log").read_bytes() == log
    assert list(broken_links(db.session())) == []


def test_the_log_names_nobody(town, purge, tmp_path):
    entry = make.check_in(town.gate, NOW - 40 * DAY, name="张晓明")
    purge()
    log = (tmp_path / "destruction.log").read_text()
    assert "张晓明" not in log and entry.nonce.hex() not in log
    assert (tmp_path / "destruction.log").stat().st_mode & 0o077 == 0
    plan, did = lines(tmp_path)
    assert plan["until"] == {make.SCHEME: "2026-10-21"}
    assert did["number"] == 1


def test_an_interruption_leaves_a_true_record_and_the_next_run_does_the_rest(
    town, purge, monkeypatch, tmp_path
):
    monkeypatch.setattr(destruction, "BATCH", 2)
    for _ in range(7):
        make.check_in(town.gate, NOW - 40 * DAY)
    real, calls = destruction.delete_rows, []

    def pulled_out(session, rows):
        real(session, rows)
        calls.append(len(rows))
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(destruction, "delete_rows", pulled_out)
    with pytest.raises(KeyboardInterrupt):
        purge()
    assert count(CheckIn) == 3
    assert [record.number for record in records()] == [4]
    assert count(AuditLine) == 0
    monkeypatch.setattr(destruction, "delete_rows", real)
    assert purge() == 3
    assert [record.number for record in records()] == [4, 3]
    assert [
        json.loads(line.details)["count"]
        for line in db.session.scalars(select(AuditLine).order_by(AuditLine.id))
    ] == [4, 3]
    assert [line["number"] for line in lines(tmp_path) if "did" in line] == [4, 3]
    assert db.session.scalar(select(DaySum.passed)) == 7  # not of what was left


def test_what_is_gone_is_gone_from_the_files(town, purge, database):
    if not database.startswith("sqlite"):
        pytest.skip("of SQLite's files; PostgreSQL drops the week")
    for _ in range(200):
        make.check_in(town.gate, NOW - 40 * DAY, name="欧阳绝无仅有", written="欧阳绝无仅有的去向")
    make.check_in(town.gate, NOW)
    db.session.remove()
    db.engine.dispose()
    assert purge() == 200
    db.session.remove()
    file = Path(database.removeprefix("sqlite:///"))
    for kept in (file, file.with_name(file.name + "-wal")):
        assert "欧阳绝无仅有".encode() not in kept.read_bytes(), kept.name


def test_a_week_without_rows_is_dropped_and_the_coming_ones_are_there(app, town, purge, tick):
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one table")
    from models import chores

    with db.engine.begin() as connection:
        weeks.make_weeks(connection, TODAY - 70 * DAY)
    old, name = make.check_in(town.gate, NOW - 64 * DAY), weeks.partition_of(TODAY - 64 * DAY)[0]
    held = make.check_in(town.gate, NOW - 50 * DAY)
    hold(town, held.day, held.day)
    assert old.day != held.day
    db.session.rollback()
    with db.engine.connect() as connection:
        assert name in weeks.weeks(connection)
    chores.destroy(tick())
    chores.keep_weeks(tick())
    with db.engine.connect() as connection:
        there = set(weeks.weeks(connection))
    assert name not in there and weeks.partition_of(TODAY - 50 * DAY)[0] in there
    assert {weeks.partition_of(TODAY + timedelta(weeks=n))[0] for n in range(5)} <= there
    assert count(CheckIn) == 1


def test_a_dry_run_says_it_and_changes_nothing(app, town, tick):
    make.check_in(town.gate, NOW - 40 * DAY)
    make.check_in(town.other_gate, NOW - 30 * DAY)
    db.session.rollback()
    answer = app.test_cli_runner().invoke(args=["purge", "--dry-run"])
    assert answer.exit_code == 0, answer.output
    assert "会销毁登记2条，2026-10-11至2026-10-21" in answer.output
    assert (count(CheckIn), count(Destruction), count(DaySum)) == (2, 0, 0)


def test_the_command_purges_and_says_so(app, town):
    make.check_in(town.gate, NOW - 40 * DAY)
    db.session.rollback()
    run = app.test_cli_runner().invoke
    answer = run(args=["purge"])
    assert "云溪高新区：销毁登记1条，2026-10-11至2026-10-11" in answer.output
    assert "没有要销毁的" in run(args=["purge"]).output
    assert run(args=["purge", "--dry-run", "--replay"]).exit_code == 2


# --- holds ---


def test_a_hold_keeps_exactly_its_rows(town, purge):
    hall = make.gate(town.building, "大堂")
    for back in (42, 41, 40, 39):
        for gate in (town.gate, hall, town.other_gate):
            make.check_in(gate, NOW - back * DAY)
    hold(town, TODAY - 41 * DAY, TODAY - 40 * DAY, place=town.park)  # its building with it
    assert purge() == 8
    left = db.session.execute(
        select(CheckIn.place_id, CheckIn.day).order_by(CheckIn.place_id, CheckIn.day)
    ).all()
    assert left == [(p, TODAY - b * DAY) for p in (town.park.id, town.building.id) for b in (41, 40)]


def test_when_a_hold_runs_out_or_is_lifted_its_rows_go(town, purge):
    make.check_in(town.gate, NOW - 40 * DAY)
    make.check_in(town.gate, NOW - 50 * DAY)
    hold(town, TODAY - 40 * DAY, TODAY - 40 * DAY, TODAY + 3 * DAY)
    lifted = hold(town, TODAY - 50 * DAY, TODAY - 50 * DAY)
    assert purge() == 0
    lifted.lift(now=NOW, by_id=lifted.made_by_id)
    db.session.commit()
    assert purge() == 1
    assert purge(NOW + 3 * DAY) == 0
    assert purge(NOW + 4 * DAY) == 1
    with pytest.raises(RuleBroken, match="已经解除"):
        lifted.lift(now=NOW, by_id=lifted.made_by_id)


def test_a_sheet_of_a_held_day_stays(town, purge):
    by = make.account(town.district)
    for number, back in (("HELD22", 40), ("GONE22", 41)):
        make.save(PaperSheet(gate_id=town.gate.id, number=number, rows=20, printed_at=NOW, printed_by_id=by.id,
                             used_on=TODAY - back * DAY))  # fmt: skip
    hold(town, TODAY - 40 * DAY, TODAY - 40 * DAY)
    assert purge() == 1
    assert db.session.scalars(select(PaperSheet.number)).all() == ["HELD22"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"document": " "}, "文号"), ({"reason": ""}, "为什么"), ({"to_on": TODAY - 41 * DAY}, "止日早于起日"),
        ({"expires_on": TODAY}, "到期日要在今天以后"), ({"expires_on": TODAY + 366 * DAY}, "最晚到2027年11月20日"),
    ],
)  # fmt: skip
def test_a_hold_is_within_its_bounds(town, facts, words):
    good = {
        "district_id": town.district.id, "place": None, "order": None, "document": "文", "reason": "因", "now": NOW,
        "from_on": TODAY - 40 * DAY, "to_on": TODAY, "expires_on": TODAY + 365 * DAY, "by_id": 1,
    }  # fmt: skip
    Hold.make(**good)
    with pytest.raises(RuleBroken, match=words):
        Hold.make(**good | facts)


@pytest.mark.parametrize(
    ("kept", "spans"),
    [
        ([], [(date.min, 30)]),
        ([(10, 12)], [(date.min, 9), (13, 30)]),
        ([(10, 12), (11, 20), (21, 22)], [(date.min, 9), (23, 30)]),
        ([(25, date.max)], [(date.min, 24)]),
        ([(date.min, date.max)], []),
        ([(date.min, 5), (30, 31)], [(6, 29)]),
    ],
)
def test_the_days_that_go_lie_between_those_that_are_held(kept, spans):
    def day(number):
        return number if isinstance(number, date) else date(2026, 10, 1) + (number - 1) * DAY

    plan = Plan(1, {"a": day(30)}, tuple(Kept(None, day(a), day(b)) for a, b in kept), "")
    assert list(plan.spans(7, day(30))) == [(day(a), day(b)) for a, b in spans]


# --- a visitor's wish, and a restored backup ---


def test_what_had_been_destroyed_does_not_come_back_with_a_backup(app, town, purge, tick, tmp_path):
    """The rows as they were stand in for the backup."""
    for back in (40, 41):
        make.check_in(town.gate, NOW - back * DAY)
    wish, stays = make.check_in(town.gate, NOW - 2 * DAY), make.check_in(town.gate, NOW - 2 * DAY)
    table = CheckIn.__table__
    backup = [dict(row._mapping) for row in db.session.execute(select(table))]
    purge()
    wish = db.session.get(CheckIn, wish.id)
    destruction.forget(db.session(), [wish], rule="访客要求删除", now=NOW, instance=tmp_path)
    db.session.commit()
    assert count(CheckIn) == 1
    before = [(r.at, r.kind, r.number, r.digest) for r in records()]

    db.session.execute(table.delete())
    db.session.execute(text("DELETE FROM destruction"))
    db.session.execute(table.insert(), backup)
    later = hold(
        town, TODAY - 60 * DAY, TODAY
    )  # made after the backup was taken: too late for what was destroyed
    assert later.id
    assert sum(one.number for one in destruction.replay(tick(NOW + DAY), [tmp_path / "destruction.log"])) == 3
    assert [entry.nonce for entry in db.session.scalars(select(CheckIn))] == [stays.nonce]
    again = [(r.at, r.kind, r.number, r.digest) for r in records()]
    assert set(before) <= set(again)
    size = len(again)
    assert destruction.replay(tick(NOW + DAY), [tmp_path / "destruction.log"]) == []
    assert count(Destruction) == size


def test_what_was_held_then_stays_when_the_log_is_replayed(town, purge, tick, tmp_path):
    held = make.check_in(town.gate, NOW - 40 * DAY)
    make.check_in(town.gate, NOW - 41 * DAY)
    hold(town, held.day, held.day)
    purge()
    db.session.execute(text("DELETE FROM hold"))
    db.session.commit()
    assert destruction.replay(tick(), [tmp_path / "destruction.log"]) == []
    assert count(CheckIn) == 1


def test_one_row_is_forgotten_with_a_record_and_its_neighbours_stay(app, town, tick, tmp_path):
    entry, other = make.check_in(town.gate, NOW), make.check_in(town.gate, NOW)
    plan = plan_of(db.session(), app.extensions["site"].book, town.district.id, TODAY)
    assert not plan.holds(town.park.id, TODAY)
    record = destruction.forget(db.session(), [entry], rule="访客要求删除", now=NOW, instance=tmp_path)
    db.session.commit()
    assert (record.number, record.from_on, record.rule) == (1, TODAY, "访客要求删除")
    assert db.session.scalars(select(CheckIn.id)).all() == [other.id]
    hold(town, TODAY, TODAY, place=town.park)
    held = plan_of(db.session(), app.extensions["site"].book, town.district.id, TODAY)
    assert held.holds(town.park.id, TODAY) and held.holds(town.building.id, TODAY)
    assert not held.holds(town.other.id, TODAY)


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path):
    log = tmp_path / "destruction.log"
    destruction.write(log, {"a": 1})
    with log.open("a") as file:
        file.write('{"b": ')
    destruction.write(log, {"c": 3})
    assert list(destruction.read(log)) == [{"a": 1}, {"c": 3}]
    assert list(destruction.read(tmp_path / "none.log")) == []


def test_a_clock_that_runs_backwards_destroys_nothing(town, purge):
    make.check_in(town.gate, NOW - 29 * DAY)
    assert purge(NOW - 400 * DAY) == 0
    assert count(CheckIn) == 1
