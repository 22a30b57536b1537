"""Typing in from paper (纸质补录): each row is judged by what held at its gate at its own time, and is one row for ever."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session, joinedload

from . import register_statements as statements
from .accounts import Account
from .base import SHANGHAI, RuleBroken, local
from .driver import DriverConnection
from .gate import CheckIn, Departure, Kind, Mark, MeasuredBy, Note, Reading, Source
from .gateview import GateView, view_of
from .judging import Declaration, Judgement, Reason, Verdict, read_reasons, write_reasons
from .keeping import Hold
from .paper import PaperSheet
from .places import Gate, ModeOrder
from .policy.book import Book
from .pulse import move
from .register import attempt
from .vault import Vault
from .watch import Fault

OLDEST = timedelta(days=3)
HALF_A_DAY = timedelta(hours=12)
UNDO_WITHIN = timedelta(days=7)
# A sheet asks nobody about code, journeys and symptoms: who came in then is known, and what they would have said is not.
UNASKED: Reason = ("unasked",)


def moment(day: date, clock: timedelta, above: datetime | None = None) -> datetime:
    """The instant of a clock time on a sheet of this day. A night shift goes on on the same sheet: what lies more than half a
    day before the row `above` is of the day after."""
    at = datetime.combine(day, time(), SHANGHAI) + clock
    return at + timedelta(days=1) if above is not None and above - at > HALF_A_DAY else at


def check_entered(at: datetime, now: datetime) -> None:
    if at > now:
        raise RuleBroken(f"{_said(at)}还没有到，现在是{_said(now)}；是昨天的，请改上面的日期")
    if at < now - OLDEST:
        raise RuleBroken(f"{_said(at)}超过{OLDEST.days}天了，只能补录{OLDEST.days}天以内的")


def check_left(left_at: datetime, at: datetime, now: datetime) -> None:
    if left_at < at:
        raise RuleBroken(f"离开{_said(left_at)}比进入{_said(at)}早，请对照纸上再看一遍")
    if left_at > now:
        raise RuleBroken(f"离开{_said(left_at)}还没有到，现在是{_said(now)}")


def _said(at: datetime) -> str:
    here = local(at)
    return f"{here.month}月{here.day}日{here:%H:%M}"


class Times:
    """What a gate was at the instants of a sheet's rows. Between two changes of mode, thermometer or day it is read once."""

    def __init__(self, session: Session, book: Book, gate: Gate, since: datetime, until: datetime) -> None:
        self._session, self._book, self._gate = session, book, gate
        orders = select(ModeOrder.starts_at, ModeOrder.ended_at).where(
            ModeOrder.district_id == gate.place.district_id,
            ModeOrder.starts_at <= until, or_(ModeOrder.ended_at.is_(None), ModeOrder.ended_at > since),
        )  # fmt: skip
        faults = select(Fault.starts_at, Fault.until_at, Fault.ended_at).where(
            Fault.gate_id == gate.id, Fault.starts_at <= until, Fault.until_at > since
        )
        rows = [*session.execute(orders), *session.execute(faults)]
        self._changes = sorted(instant for row in rows for instant in row if instant is not None)
        self._views: dict[tuple[date, int], GateView] = {}

    def view(self, at: datetime) -> GateView:
        """RuleBroken where the district followed no scheme."""
        key = local(at).date(), bisect(self._changes, at)
        if key not in self._views:
            view = view_of(self._session, self._book, self._gate, at, on_paper=True)
            if not isinstance(view, GateView):
                raise RuleBroken(f"{_said(at)}这里还没有采用方案，不能登记")
            self._views[key] = view
        return self._views[key]


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A row of a sheet, read and found possible."""

    number: int
    at: datetime
    left_at: datetime | None
    declared: Declaration
    gate: GateView


def rows_of(session: Session, vault: Vault, sheets: Sequence[PaperSheet]) -> dict[int, list[int]]:
    """Which rows of these sheets have been typed in: sheet -> numbers. One look-up for all."""
    nonces = _nonces(vault, sheets)
    found: dict[int, list[int]] = {sheet.id: [] for sheet in sheets}
    if nonces:
        for nonce in session.scalars(select(CheckIn.nonce).where(CheckIn.nonce.in_(nonces))):
            sheet_id, row = nonces[nonce]
            found[sheet_id].append(row)
    return found


def recorded(session: Session, vault: Vault, sheet: PaperSheet) -> dict[int, CheckIn]:
    """What has been typed in from this sheet, by the number of the row."""
    nonces = _nonces(vault, [sheet])
    query = select(CheckIn).where(CheckIn.nonce.in_(nonces)).options(joinedload(CheckIn.recorded_by))
    found = {nonces[entry.nonce][1]: entry for entry in session.scalars(query)} if nonces else {}
    return dict(sorted(found.items()))


def _nonces(vault: Vault, sheets: Iterable[PaperSheet]) -> dict[bytes, tuple[int, int]]:
    used = (sheet for sheet in sheets if sheet.used_on is not None)
    return {nonce: (sheet.id, row) for sheet in used for nonce, row in sheet.nonces(vault).items()}


def record(
    session: Session, vault: Vault, sheet: PaperSheet, rows: Iterable[PaperRow], *, day: date, now: datetime, by_id: int
) -> list[int]:  # fmt: skip
    """Stores rows that are not there yet, in the order in which people came, and gives the numbers of those that it stored.

    Whoever came in had left wherever else a visit went on; where the telephone of this visitor began the visit at this place
    itself, before the sheet was typed in, the paper row is no second entry. The caller holds the sheet (`with_for_update`)
    and commits.
    """
    sheet.must_be_good()
    there = recorded(session, vault, sheet)
    fresh = sorted((row for row in rows if row.number not in there), key=lambda row: (row.at, row.number))
    if not fresh:
        return []
    if not there:
        sheet.used_on = day
    session.flush()
    connection = DriverConnection.of(session)
    known = _Known(session, vault, fresh)
    stored = []
    for row in fresh:
        values = _values(vault, sheet, row, known, now=now, by_id=by_id)
        turn = {"at_place": values["place_id"], "on_day": values["day"]}
        for found in connection.run(statements.insert, {**values, **turn}):
            known.add(CheckIn(**values, id=found.id))
            stored.append(row.number)
    return sorted(stored)


def _values(
    vault: Vault, sheet: PaperSheet, row: PaperRow, known: _Known, *, now: datetime, by_id: int
) -> dict[str, Any]:
    """What `models.register` makes of the row as a visitor's attempt, and what is so because it stood on paper."""
    index = _index(vault, row.declared)
    before, after = known.around(index, row.at)
    values = attempt(
        vault, row.gate, row.declared, recent=before, marks=[] if row.gate.is_open(row.at) else [Mark.OUT_OF_HOURS],
        mobile_index=index, device_index=None, nonce=sheet.nonce_of(vault, row.number), opened_at=None, now=row.at,
        measured_by=MeasuredBy.GUARD, arrived_at=now, source=Source.PAPER, recorded_by_id=by_id,
        confirmed_at=row.at, confirmed_by_id=by_id,
    )  # fmt: skip
    if row.gate.form.judged and any(q.choices and q.field != "mask" for q in row.gate.form.questions):
        judgement = Judgement(values["verdict"], read_reasons(values["reasons"])).doubted(UNASKED)
        values |= {"verdict": judgement.verdict, "reasons": write_reasons(judgement.reasons)}
    if values["verdict"] == Verdict.REFUSED:
        return values
    here = [other for other in after if other.place_id == row.gate.place_id and other.day == values["day"]]
    if here and values["kind"] == Kind.ENTRY and (row.left_at is None or row.left_at >= here[0].occurred_at):
        values["kind"] = Kind.AGAIN if here[0].gate_id == row.gate.gate_id else Kind.MOVE
    if values["kind"] == Kind.ENTRY:
        values |= _departure(row, after, by_id)
        known.end(
            [v for v in before if v.place_id != row.gate.place_id], at=row.at, how=Departure.MOVED, by_id=None
        )
    elif row.left_at is not None:
        visits = here[:1] or [v for v in before if v.place_id == row.gate.place_id][:1]
        known.end(visits, at=row.left_at, how=Departure.GUARD, by_id=by_id)
    return values


def _departure(row: PaperRow, after: list[CheckIn], by_id: int) -> dict[str, Any]:
    """How the visit ended: as the paper says, or when the same visitor was next seen at another place."""
    if row.left_at is not None:
        return {"left_at": row.left_at, "left_how": Departure.GUARD, "left_by_id": by_id}
    elsewhere = next((other for other in after if other.place_id != row.gate.place_id), None)
    return {} if elsewhere is None else {"left_at": elsewhere.occurred_at, "left_how": Departure.MOVED}


def _index(vault: Vault, declared: Declaration) -> bytes | None:
    return vault.blind(declared.mobile, "mobile") if declared.mobile else None


class _Known:
    """Whatever else is known of the visitors of a sheet, by their mobiles, those of its own rows too."""

    def __init__(self, session: Session, vault: Vault, rows: list[PaperRow]) -> None:
        self._session = session
        self._entries: dict[bytes, list[CheckIn]] = defaultdict(list)
        indexes = {index for row in rows if (index := _index(vault, row.declared)) is not None}
        if indexes:
            since = local(rows[0].at).date() - timedelta(days=1)
            query = select(CheckIn).where(
                CheckIn.mobile_index.in_(indexes), CheckIn.day >= since, CheckIn.party.is_(None)
            )
            for entry in session.scalars(query):
                self.add(entry)

    def add(self, entry: CheckIn) -> None:
        if entry.mobile_index is not None:
            self._entries[entry.mobile_index].append(entry)

    def around(self, index: bytes | None, at: datetime) -> tuple[list[CheckIn], list[CheckIn]]:
        """The rows of this visitor until `at`, newest first, as a rule looks at them; and the visits that began later, in order."""
        entries = sorted(self._entries.get(index, ()) if index else (), key=lambda e: e.occurred_at)
        before = [entry for entry in reversed(entries) if entry.occurred_at <= at]
        after = [
            e for e in entries if e.occurred_at > at and e.kind == Kind.ENTRY and e.verdict != Verdict.REFUSED
        ]
        return before, after

    def end(self, visits: Iterable[CheckIn], *, at: datetime, how: Departure, by_id: int | None) -> None:
        """Ends those of these visits that go on."""
        for visit in visits:
            if visit.is_inside:
                going_on = CheckIn.id == visit.id, CheckIn.day == visit.day, CheckIn.left_at.is_(None)
                left = {"left_at": at, "left_how": how, "left_by_id": by_id}
                self._session.execute(
                    update(CheckIn).where(*going_on).values(left),
                    execution_options={"synchronize_session": False},
                )
                visit.left_at, visit.left_how, visit.left_by_id = at, how, by_id


# --- undo ---


@dataclass(slots=True)
class Batch:
    """What one person typed in from a sheet in one go."""

    at: datetime
    by: Account | None
    rows: dict[int, CheckIn] = field(default_factory=dict)

    def may_be_undone(self, now: datetime) -> bool:
        return now - self.at < UNDO_WITHIN


def batches(rows: dict[int, CheckIn]) -> list[Batch]:
    """The rows of a sheet by when they were typed in, newest first."""
    found: dict[datetime, Batch] = {}
    for number, entry in sorted(rows.items()):
        found.setdefault(entry.arrived_at, Batch(entry.arrived_at, entry.recorded_by)).rows[number] = entry
    return sorted(found.values(), key=lambda batch: batch.at, reverse=True)


def undo(session: Session, batch: Batch, *, now: datetime) -> tuple[list[int], list[int]]:
    """Takes a batch back, as if it had never been typed in: the numbers that are free again, and those that stay because
    somebody has worked on them since. Visits elsewhere that these rows had ended go on."""
    if not batch.may_be_undone(now):
        raise RuleBroken(f"录入超过{UNDO_WITHIN.days}天，不能再撤销")
    sample = next(iter(batch.rows.values()))
    if session.scalar(select(Hold.id).where(Hold.of_row(sample, local(now).date())).limit(1)) is not None:
        raise RuleBroken("这一天的登记因调查暂缓销毁，现在不能撤销")
    ids = [entry.id for entry in batch.rows.values()]
    worked_on = {
        *session.scalars(select(Reading.check_in_id).where(Reading.check_in_id.in_(ids))),
        *session.scalars(select(Note.check_in_id).where(Note.check_in_id.in_(ids))),
        *session.scalars(select(CheckIn.earlier_id).where(CheckIn.earlier_id.in_(ids))),
    }
    kept = [number for number, entry in batch.rows.items() if entry.id in worked_on]
    for number, entry in batch.rows.items():
        if number in kept:
            continue
        session.execute(delete(CheckIn).where(CheckIn.id == entry.id, CheckIn.day == entry.day))
        if entry.mobile_index is not None:
            moved_by_it = (
                CheckIn.mobile_index == entry.mobile_index, CheckIn.place_id != entry.place_id,
                CheckIn.left_how == Departure.MOVED, CheckIn.left_at == entry.occurred_at,
            )  # fmt: skip
            session.execute(update(CheckIn).where(*moved_by_it).values(left_at=None, left_how=None))
    move(session.connection(), {entry.place_id for entry in batch.rows.values()})
    return [number for number in batch.rows if number not in kept], kept
