"""Presence confirmed at the gate (到场确认): what a guard has seen, one tap for everybody of the last minutes.

A scan alone is declared presence. Whoever is marked, refused or still to be measured is not in the one tap: each of them has
a button of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from .base import RuleBroken, local
from .gate import ADMITTED, INSIDE, CheckIn, Departure, Kind, Note, Outcome
from .judging import Verdict, write_reasons
from .pulse import move

LATELY = timedelta(minutes=10)  # how far back one tap reaches
WAITING = timedelta(hours=2)  # how long the desk shows who needs the guard
UNDO = timedelta(minutes=5)
FAULTY_ALONE = write_reasons((("faulty",),))
TO_MEASURE = {"unmeasured", "low", "earlier"}  # doubts that a thermometer settles, not a look


def days_of(now: datetime, back: timedelta) -> list[Any]:
    """The days that the time since `back` touches; two of them just after midnight."""
    return sorted({local(now).date(), local(now - back).date()})


def to_confirm(gate_id: int, now: datetime) -> ColumnElement[bool]:
    """Everybody whom the one tap confirms: let in within the last minutes, set apart by nothing, not yet confirmed."""
    return and_(
        CheckIn.gate_id == gate_id,
        CheckIn.day.in_(days_of(now, LATELY)),
        CheckIn.occurred_at > now - LATELY,
        CheckIn.confirmed_at.is_(None),
        CheckIn.left_at.is_(None),
        CheckIn.marks == "",
        or_(
            CheckIn.verdict.in_(ADMITTED),
            and_(CheckIn.verdict == Verdict.ATTENTION, CheckIn.reasons == FAULTY_ALONE),
        ),
    )


def count_to_confirm(session: Session, place_id: int, gate_id: int, now: datetime) -> tuple[int, int]:
    """How many one tap would confirm, and the newest of them: nobody is confirmed unseen who comes after the page."""
    found = session.execute(
        select(func.count(), func.max(CheckIn.id)).where(
            CheckIn.place_id == place_id, to_confirm(gate_id, now)
        )
    ).one()
    return found[0], found[1] or 0


def confirm_lately(
    session: Session, place_id: int, gate_id: int, *, upto: int, now: datetime, by_id: int
) -> int:
    """The one tap. Returns how many it confirmed; `unconfirm` with the same instant takes it back."""
    rows = session.execute(
        select(CheckIn.id, CheckIn.kind, CheckIn.mobile_index, CheckIn.device_index).where(
            CheckIn.place_id == place_id, to_confirm(gate_id, now), CheckIn.id <= upto
        )
    ).all()
    _set(session, [row.id for row in rows], days_of(now, LATELY), now, by_id)
    _confirm_entries(session, place_id, [row for row in rows if row.kind != Kind.ENTRY], now, by_id)
    if rows:
        move(session.connection(), [place_id])
    return len(rows)


def _set(session: Session, ids: Sequence[int], days: Sequence[Any], now: datetime, by_id: int) -> None:
    if ids:
        session.execute(
            update(CheckIn)
            .where(CheckIn.id.in_(ids), CheckIn.day.in_(days), CheckIn.confirmed_at.is_(None))
            .values(confirmed_at=now, confirmed_by_id=by_id)
        )


def _confirm_entries(session: Session, place_id: int, rows: Sequence[Any], now: datetime, by_id: int) -> None:
    """Whoever was seen when they scanned again is inside by their entry: that is confirmed with it."""
    mobiles = {row.mobile_index for row in rows if row.mobile_index is not None}
    devices = {row.device_index for row in rows if row.mobile_index is None and row.device_index is not None}
    if not mobiles and not devices:
        return
    session.execute(
        update(CheckIn)
        .where(
            CheckIn.place_id == place_id,
            CheckIn.day.in_(days_of(now, timedelta(days=1))),
            CheckIn.kind == Kind.ENTRY,
            CheckIn.verdict != Verdict.REFUSED,
            CheckIn.left_at.is_(None),
            CheckIn.confirmed_at.is_(None),
            or_(CheckIn.mobile_index.in_(mobiles), CheckIn.device_index.in_(devices)),
        )
        .values(confirmed_at=now, confirmed_by_id=by_id)
        .execution_options(synchronize_session=False)
    )


def end_elsewhere(session: Session, entry: CheckIn) -> None:
    """An entry that a mark or a doubt set apart has moved nobody; now that its visitor was seen here, they are nowhere else."""
    own = CheckIn.mobile_index if entry.mobile_index is not None else CheckIn.device_index
    visitor = entry.mobile_index or entry.device_index
    if visitor is None:
        return
    session.execute(
        update(CheckIn)
        .where(
            own == visitor,
            CheckIn.day.in_(days_of(entry.occurred_at, timedelta(days=1))),
            CheckIn.place_id != entry.place_id,
            CheckIn.id != entry.id,
            text(INSIDE),
        )
        .values(left_at=entry.occurred_at, left_how=Departure.MOVED)
        .execution_options(synchronize_session=False)
    )


def unconfirm(
    session: Session, place_id: int, gate_id: int, *, at: datetime, now: datetime, by_id: int
) -> int:
    """Takes back one tap of this guard, within UNDO. Returns how many are declared again."""
    if not timedelta(0) <= now - at < UNDO:
        raise RuleBroken(f"确认{int(UNDO.total_seconds() // 60)}分钟以内可以撤销，这次已经过了")
    done = session.execute(
        update(CheckIn)
        .where(
            CheckIn.gate_id == gate_id,
            CheckIn.day.in_(days_of(at, timedelta(days=1))),
            CheckIn.confirmed_at == at,
            CheckIn.confirmed_by_id == by_id,
        )
        .values(confirmed_at=None, confirmed_by_id=None)
    )
    move(session.connection(), [place_id])
    return int(getattr(done, "rowcount", 0))


def confirm(session: Session, entry: CheckIn, *, now: datetime, by_id: int) -> None:
    """One person whom something sets apart, seen and let in by the guard: a mark, or a doubt that a look settles."""
    if entry.verdict == Verdict.REFUSED:
        raise RuleBroken("被拒绝的人只有复测正常才能进，请填门岗实测")
    if TO_MEASURE & {reason[0] for reason in entry.reason_list}:
        raise RuleBroken("体温还没有量准，请先填门岗实测")
    if entry.left_at is not None:
        raise RuleBroken("这个人已经登记离开")
    if entry.confirmed_at is not None:
        raise RuleBroken("已经确认过")
    entry.confirmed_at, entry.confirmed_by_id = now, by_id
    session.flush()
    if entry.kind != Kind.ENTRY:
        _confirm_entries(session, entry.place_id, [entry], now, by_id)
    else:
        end_elsewhere(session, entry)
    if entry.is_abnormal:
        Note.write(entry, outcome=Outcome.CHECKED, text="", now=now, by_id=by_id)


def send_off(entry: CheckIn, *, now: datetime, by_id: int) -> None:
    """Whoever does not come in. A refusal stays open for the specialist, a doubt is settled; a marked row was nobody."""
    if entry.verdict == Verdict.REFUSED:
        if any(note.outcome == Outcome.TURNED_AWAY for note in entry.notes):
            raise RuleBroken("已经记过劝离")
        Note.write(entry, outcome=Outcome.TURNED_AWAY, text="", now=now, by_id=by_id)
        return
    if entry.confirmed_at is not None or entry.left_at is not None:
        raise RuleBroken("这个人已经确认到场，离开请在“谁还在里面”登记")
    if entry.verdict == Verdict.ATTENTION:
        Note.write(entry, outcome=Outcome.GONE, text="", now=now, by_id=by_id)
    elif not entry.marks:
        raise RuleBroken("这个人已经通行，离开请在“谁还在里面”登记")
    entry.left_at, entry.left_how, entry.left_by_id = now, Departure.ABSENT, by_id


def waiting(gate_id: int, now: datetime) -> ColumnElement[bool]:
    """Who needs the guard of a gate: refused and not turned away, to be looked at and not yet seen, marked and not settled."""
    turned_away = exists().where(Note.check_in_id == CheckIn.id, Note.outcome == Outcome.TURNED_AWAY)
    unseen = and_(CheckIn.confirmed_at.is_(None), CheckIn.left_at.is_(None))
    return and_(
        CheckIn.gate_id == gate_id,
        CheckIn.day.in_(days_of(now, WAITING)),
        CheckIn.occurred_at > now - WAITING,
        CheckIn.handled_at.is_(None),
        or_(
            and_(CheckIn.verdict == Verdict.REFUSED, ~turned_away),
            and_(CheckIn.verdict == Verdict.ATTENTION, unseen, CheckIn.reasons != FAULTY_ALONE),
            and_(CheckIn.marks != "", unseen),
        ),
    )
