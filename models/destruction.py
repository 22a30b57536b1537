"""Destroying what may no longer be kept (销毁): in batches, with a record, an audit line and a log outside the database.

The log lets a restored backup forget again what had been destroyed since (SEC-14). It holds numbers, days and digests: nothing
that says who anybody was.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    String,
    and_,
    cast,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from . import audit, staff_retention, sums
from .audit import AuditLine
from .base import local
from .gate import CheckIn, Note, Reading
from .keeping import Destruction
from .paper import PaperSheet, SheetPhoto
from .places import District, Gate, Place
from .pulse import move
from .retention import NOWHERE, Kept, Limits, Plan, plan_of
from .staff_retention import EVER, Kind, count_of
from .timed import Tick

T: Any = CheckIn.__table__
BATCH = 500  # rows a transaction: visitors wait for it on SQLite
AHEAD = 10_000  # rows that are looked for at once
SHEETS = 50  # a photograph may have megabytes
LOG_NAME = "destruction.log"
ACTION = "retention:purge"
REPLAYED = "恢复备份以后重新销毁："
METHODS = {
    "sqlite": "逐条删除，连同复测和处置记录；数据库文件里的内容清零",
    "postgresql": "逐条删除，连同复测和处置记录；空下来的一周整表删除",
}
SHEET_METHOD = "删除登记表编号和照片"
CHECK_INS, PAPER = CheckIn.__tablename__, PaperSheet.__tablename__
# What a record says was destroyed, and how it is counted.
KINDS: dict[str, tuple[str, str]] = {
    CHECK_INS: ("登记", "条"), PAPER: ("纸质登记表", "张"),
    **{kind.key: (kind.label, kind.unit) for kind in staff_retention.KINDS},
}  # fmt: skip


@dataclass(slots=True)
class Destroyed:
    """What one run has destroyed of one kind in one district; its record grows with each batch, in the batch's transaction."""

    district_id: int
    kind: str
    rule: str
    method: str
    at: datetime
    number: int = 0
    first: date = date.max
    last: date = date.min
    record_id: int | None = None
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> bytes:
        return bytes(self._hash.digest())

    def add(self, session: Session, gone: Sequence[tuple[date, bytes]]) -> None:
        """Days and nonces (or what else names a row) in the order in which they went."""
        for day, name in gone:
            self._hash.update(name)
            self.first, self.last = min(self.first, day), max(self.last, day)
        self.number += len(gone)
        values = {"from_on": self.first, "to_on": self.last, "number": self.number, "digest": self.digest}
        if self.record_id is None:
            row = Destruction(at=self.at, district_id=self.district_id, rule=self.rule, kind=self.kind,
                              method=self.method, **values)  # fmt: skip
            session.add(row)
            session.flush()
            self.record_id = row.id
        else:
            session.execute(update(Destruction).where(Destruction.id == self.record_id).values(values))

    def line(self) -> dict[str, Any]:
        return {
            "did": self.kind, "at": self.at, "district": self.district_id, "number": self.number, "from": self.first,
            "to": self.last, "digest": self.digest.hex(), "rule": self.rule, "method": self.method,
        }  # fmt: skip


# --- by the rule, once a day ---


def purge(tick: Tick) -> list[Destroyed]:
    """Destroys what is due in every district. What was not due stays, and nothing due writes nothing.

    One at a time: call it as a piece of the timed work, or under `timed.alone(engine, "purge")`.
    """
    with tick.looking() as session:
        plans = list(plans_of(session, tick))
    found = [one for plan in plans for one in carry_out(plan, tick)]
    _attest(tick)
    if found:
        _leave_no_copy(tick.engine)
    return found


def plans_of(session: Session, tick: Tick) -> Iterator[Plan]:
    for district_id in session.scalars(select(District.id).order_by(District.id)).all():
        plan = plan_of(session, tick.book, district_id, local(tick.now).date())
        if plan is not None:
            yield plan


def due(session: Session, plan: Plan) -> tuple[int, date | None, date | None]:
    """How many check-ins a plan would destroy, of which days."""
    number, first, last = session.execute(
        select(func.count(), func.min(T.c.day), func.max(T.c.day)).where(plan.due_everywhere())
    ).one()
    return number, first, last


def all_due(
    session: Session, plan: Plan, *, most: int | None = None, in_one_run: bool = True
) -> dict[str, int]:
    """How much of each kind a plan would destroy, as `staff_retention.due` has it."""
    sheets = select(PaperSheet.id).join(PaperSheet.gate).where(or_(*_sheets_due(plan)))
    found = {
        CHECK_INS: count_of(session, select(T.c.id).where(plan.due_everywhere()), most),
        PAPER: count_of(session, sheets, most),
    }
    return {kind: number for kind, number in found.items() if number} | staff_retention.due(
        session, plan, most=most, in_one_run=in_one_run
    )


def _sheets_due(plan: Plan) -> Iterator[ColumnElement[bool]]:
    """Paper sheets by place, as `_sheets` takes them."""
    yield false()
    groups: list[tuple[ColumnElement[bool], int]] = [(Gate.place_id.in_(plan.other_places()), NOWHERE)]
    groups += [(Gate.place_id == place_id, place_id) for place_id in plan.held_places]
    for at, place_id in groups:
        for span in plan.spans(place_id, plan.last_for_certain):
            yield and_(at, PaperSheet.used_on.between(*span))


def carry_out(plan: Plan, tick: Tick) -> list[Destroyed]:
    """Batch by batch, each a transaction: whoever interrupts it leaves a record of what is gone, and the rest for the next time."""
    log = tick.instance / LOG_NAME
    begun = False

    def begin() -> None:
        nonlocal begun
        if not begun:
            write(log, plan_line(plan, tick.now))
        begun = True

    found: list[Destroyed] = []

    def carry(kind: str, rule: str, method: str, batches: Callable[[Destroyed], None]) -> None:
        destroyed = Destroyed(plan.district_id, kind, rule, method, tick.now)
        try:
            batches(destroyed)
        finally:
            if destroyed.number:
                write(log, destroyed.line())
                found.append(destroyed)

    with tick.looking() as session:
        places = _places(session, plan)

    def check_ins(destroyed: Destroyed) -> None:
        for place_id in places:
            _check_ins(plan, place_id, tick, destroyed, begin)

    def sheets(destroyed: Destroyed) -> None:
        for place_id in places:
            _sheets(plan, place_id, tick, destroyed, begin)

    carry(CHECK_INS, plan.rule, METHODS[tick.engine.dialect.name], check_ins)
    carry(PAPER, plan.rule, SHEET_METHOD, sheets)
    for kind in staff_retention.KINDS:
        if plan.staff is None or kind.key not in plan.staff.rules:
            continue  # of a log that is older than this rule
        carry(kind.key, _rule(plan, kind), kind.method, partial(_of_staff, plan, kind, tick, begin))
    return found


def _rule(plan: Plan, kind: Kind) -> str:
    assert plan.staff is not None
    return (REPLAYED if plan.rule.startswith(REPLAYED) else "") + plan.staff.rules[kind.key]


def _of_staff(plan: Plan, kind: Kind, tick: Tick, begin: Callable[[], None], destroyed: Destroyed) -> None:
    """What is due of what enterprises keep. Whatever somebody is just writing waits for the next day.

    What is due is looked for far ahead, and asked once more batch by batch: to look for each batch anew would read the whole
    district's rows as often as there are batches.
    """
    size = min(kind.most or BATCH, BATCH)
    while True:
        with tick.looking() as session:
            ids = [row.id for row in session.execute(kind.due(plan).limit(AHEAD))]
        before = destroyed.number
        for first in range(0, len(ids), size):
            with tick.writing() as session:
                query = kind.still_due(plan, ids[first : first + size])
                rows = session.execute(query.with_for_update(of=kind.model, skip_locked=True)).all()
                if rows:
                    begin()
                    _overwrite(session)
                    kind.go(session, rows, tick.now)
                    destroyed.add(
                        session, [(kind.day_of(row), f"{kind.key} {row.id}".encode()) for row in rows]
                    )
        if destroyed.number == before or len(ids) < AHEAD:
            return


def _check_ins(
    plan: Plan, place_id: int, tick: Tick, destroyed: Destroyed, begin: Callable[[], None]
) -> None:
    after: tuple[date, int] | None = None
    while True:
        with tick.writing() as session:
            query = select(T.c.id, T.c.day, T.c.nonce).where(plan.due(place_id))
            if after is not None:
                query = query.where(tuple_(T.c.day, T.c.id) > after)
            rows = session.execute(query.order_by(T.c.day, T.c.id).limit(BATCH)).all()
            if not rows:
                return
            begin()
            sums.ensure(session, place_id, {row.day for row in rows})
            delete_rows(session, rows)
            destroyed.add(session, [(row.day, row.nonce) for row in rows])
            after = (rows[-1].day, rows[-1].id)


def _sheets(plan: Plan, place_id: int, tick: Tick, destroyed: Destroyed, begin: Callable[[], None]) -> None:
    """Paper sheets go with the rows of their day, and not before the most patient scheme lets go."""
    for span in plan.spans(place_id, plan.last_for_certain):
        while True:
            with tick.writing() as session:
                sheets = session.execute(
                    select(PaperSheet.id, PaperSheet.used_on, PaperSheet.number)
                    .join(PaperSheet.gate)
                    .where(Gate.place_id == place_id, PaperSheet.used_on.between(*span))
                    .order_by(PaperSheet.used_on, PaperSheet.id)
                    .limit(SHEETS)
                ).all()
                if not sheets:
                    break
                begin()
                _overwrite(session)
                ids = [sheet.id for sheet in sheets]
                session.execute(delete(SheetPhoto).where(SheetPhoto.sheet_id.in_(ids)))
                session.execute(delete(PaperSheet).where(PaperSheet.id.in_(ids)))
                destroyed.add(session, [(sheet.used_on, sheet.number.encode()) for sheet in sheets])


def delete_rows(session: Session, rows: Sequence[Row[Any]]) -> None:
    """Check-ins (id, day) with what hangs on them: readings and notes."""
    _overwrite(session)
    ids, days = [row.id for row in rows], [row.day for row in rows]
    for kind in (Reading, Note):
        session.execute(delete(kind).where(kind.check_in_id.in_(ids)))
    session.execute(delete(CheckIn).where(CheckIn.id.in_(ids), CheckIn.day.between(min(days), max(days))))


def _places(session: Session, plan: Plan) -> Sequence[int]:
    return session.scalars(
        select(Place.id).where(Place.district_id == plan.district_id).order_by(Place.id)
    ).all()


def _overwrite(session: Session) -> None:
    """SQLite writes zeros where rows were, whatever it was built with."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))


def _leave_no_copy(engine: Engine) -> None:
    """SQLite's journal still has the pages as they were. If somebody reads just now it stays, and is written over in time."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database), timeout=1)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _attest(tick: Tick) -> None:
    """One audit line for each record of the rule that has none yet; also for one whose run was interrupted."""
    with tick.writing() as session:
        told = exists().where(
            AuditLine.object_type == Destruction.__tablename__,
            AuditLine.object_id == cast(Destruction.id, String),
        )
        records = session.scalars(
            select(Destruction)
            .where(Destruction.by_id.is_(None), Destruction.kind.in_(KINDS), ~told)
            .order_by(Destruction.id)
        ).all()
        for record in records:
            audit.append(
                session, now=tick.now, action=ACTION, result=audit.Result.DONE, district_id=record.district_id,
                account_name="定时任务", object_type=Destruction.__tablename__, object_id=str(record.id),
                details={
                    "kind": record.kind, "count": record.number, "from": record.from_on, "to": record.to_on,
                    "digest": record.digest.hex(), "rule": record.rule,
                },
            )  # fmt: skip


# --- one row, as its visitor wishes ---


def forget(
    session: Session, entries: Sequence[CheckIn], *, rule: str, now: datetime, instance: Path
) -> Destruction:
    """Destroys check-ins of one place and day for good, as their visitor or a court wants it, with one record. Ask `Plan.holds`
    before.

    The log has it before the commit: a backup that is restored later may have them back, and must not. The caller commits.
    """
    first = entries[0]
    destroyed = Destroyed(first.district_id, CHECK_INS, rule, METHODS[session.get_bind().dialect.name], now)
    sums.ensure(session, first.place_id, [first.day] if first.day < local(now).date() else [])
    ids = [entry.id for entry in entries]
    rows = session.execute(select(T.c.id, T.c.day).where(T.c.id.in_(ids), T.c.day == first.day)).all()
    for entry in entries:
        if entry in session:
            session.expunge(entry)
    delete_rows(session, rows)
    move(session.connection(), [first.place_id])
    destroyed.add(session, [(entry.day, entry.nonce) for entry in entries])
    where = {"at": now, "district": first.district_id, "place": first.place_id, "day": first.day}
    names = [hashlib.sha256(entry.nonce).hexdigest() for entry in entries]
    write(instance / LOG_NAME, *({"forget": name, **where} for name in names), destroyed.line())
    record = session.get(Destruction, destroyed.record_id)
    assert record is not None
    return record


# --- the log outside the database ---


def plan_line(plan: Plan, now: datetime) -> dict[str, Any]:
    return {
        "purge": plan.district_id, "at": now, "until": dict(plan.until), "rule": plan.rule,
        "kept": [[kept.place_id, kept.first, kept.last] for kept in plan.kept],
        "staff": None if plan.staff is None else asdict(plan.staff),
    }  # fmt: skip


def plan_in(line: dict[str, Any]) -> Plan:
    day = date.fromisoformat
    return Plan(
        district_id=line["purge"],
        until={key: day(last) for key, last in line["until"].items()},
        kept=tuple(Kept(place_id, day(first), day(last)) for place_id, first, last in line["kept"]),
        rule=REPLAYED + line["rule"].removeprefix(REPLAYED),
        staff=_limits_in(line["staff"]) if line.get("staff") else None,
    )


def _limits_in(kept: dict[str, Any]) -> Limits:
    day = date.fromisoformat
    days = {name: day(kept[name]) for name in ("health", "case", "file", "occupational", "contact")}
    days["letter"] = day(
        kept.get("letter") or EVER.isoformat()
    )  # a log may be older than the rule of letters
    entry = {key: day(last) for key, last in kept["entry"].items()}
    return Limits(entry=entry, plan=kept["plan"], rules=kept["rules"], **days)


def write(log: Path, *lines: dict[str, Any]) -> None:
    """Adds lines that are on the disk when this returns. A line that a crash cut off gets an end first."""
    words = "".join(json.dumps(line, ensure_ascii=False, default=_as_text) + "\n" for line in lines)
    with open(os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as file:
        cut_off = file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        file.write((b"\n" if cut_off else b"") + words.encode())
        os.fsync(file.fileno())


def _as_text(value: date | datetime) -> str:
    return value.isoformat()


def read(log: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; one that a crash cut off is passed over."""
    for line in log.read_text("utf-8").splitlines() if log.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


# --- after a backup was restored ---


def replay(tick: Tick, logs: Iterable[Path]) -> list[Destroyed]:
    """Destroys again what had been destroyed when the backup came back, as the logs of all machines tell; twice does no harm.

    What was held then stays. Records that the backup did not have yet are entered again. One at a time, as `purge`.
    """
    lines = [line for log in logs for line in read(log)]
    found = [one for line in lines if "purge" in line for one in carry_out(plan_in(line), tick)]
    found += _forget_again(tick, [line for line in lines if "forget" in line])
    with tick.writing() as session:
        for line in lines:
            if "did" in line:
                _enter_again(session, line)
    _attest(tick)
    if found:
        _leave_no_copy(tick.engine)
    return found


def _forget_again(tick: Tick, lines: Iterable[dict[str, Any]]) -> list[Destroyed]:
    wanted: dict[tuple[int, int, date], set[str]] = defaultdict(set)
    for line in lines:
        wanted[line["district"], line["place"], date.fromisoformat(line["day"])].add(line["forget"])
    found: dict[int, Destroyed] = {}
    for (district_id, place_id, day), names in wanted.items():
        with tick.writing() as session:
            rows = session.execute(
                select(T.c.id, T.c.day, T.c.nonce).where(T.c.place_id == place_id, T.c.day == day)
            )
            gone = [row for row in rows if hashlib.sha256(row.nonce).hexdigest() in names]
            if gone:
                method = METHODS[tick.engine.dialect.name]
                again = Destroyed(district_id, CHECK_INS, f"{REPLAYED}访客要求删除", method, tick.now)
                delete_rows(session, gone)
                found.setdefault(district_id, again).add(session, [(row.day, row.nonce) for row in gone])
    return list(found.values())


def _enter_again(session: Session, line: dict[str, Any]) -> None:
    """A record that was made after the backup."""
    facts = {
        "at": datetime.fromisoformat(line["at"]),
        "kind": line["did"],
        "digest": bytes.fromhex(line["digest"]),
    }
    if session.scalar(select(Destruction.id).filter_by(**facts)) is None:
        session.add(
            Destruction(
                **facts, district_id=line["district"], number=line["number"], rule=line["rule"],
                from_on=date.fromisoformat(line["from"]), to_on=date.fromisoformat(line["to"]), method=line["method"],
            )
        )  # fmt: skip
