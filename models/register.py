"""Writing a check-in down (落库): one short transaction, one row per nonce whatever the network does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, select

from . import pulse
from . import register_statements as statements
from .base import local, reading
from .driver import DriverConnection, write_one, writing_to
from .gate import (
    ADMITTED,
    RECHECK_WINDOW,
    CheckIn,
    CodeCheck,
    HandReason,
    Kind,
    Mark,
    MeasuredBy,
    Source,
    StaffCheck,
    fold,
    marks_of,
)
from .gateview import GateView
from .judging import Declaration, Judgement, Reason, Verdict, judge, write_reasons
from .vault import Vault

BEFORE_MIDNIGHT = timedelta(minutes=1)  # longer than any request waits for the database


@dataclass(frozen=True, slots=True)
class Written:
    """What became of an attempt. `nonce` is that of the row to show; where there is none, `slowed` says try again later
    and `outdated` that the gate has changed since its view was read."""

    nonce: bytes
    verdict: Verdict
    repeated: bool = False  # this very form had been answered before
    slowed: bool = False
    outdated: bool = False


def register(
    engine: Engine, vault: Vault, gate: GateView, declared: Declaration, *,
    nonce: bytes, opened_at: datetime, device: str, now: datetime,
    companions: Sequence[Declaration] = (), at_gate: bool = False, code: CodeCheck | None = None,
) -> Written:  # fmt: skip
    """Judges and stores a visitor's declaration, and those of the people who came along, each in a row of its own.

    The same nonce again gives the first answer unchanged, whatever it carries. A new form of a visitor who was refused
    here within RECHECK_WINDOW is linked to that refusal and is at best ATTENTION. Whoever comes in here has left wherever
    else a visit of theirs went on. `at_gate`: the form was opened by the code of the gate's own tablet, so that presence is
    confirmed. `code`: what became of asking the health-code service; None where it was not asked.
    """
    device_index = vault.blind(device, "device")
    identity = vault.blind(declared.mobile, "mobile") if declared.mobile else None
    today = local(now).date()
    turn = {"at_place": gate.place_id, "on_day": today}
    lately = {
        "same_device": device_index,
        "same_mobile": identity,
        "on_day": today,
        "since": today - timedelta(days=1),
        "horizon": now - RECHECK_WINDOW,
    }
    marked = partial(
        marks_of, out_of_hours=not gate.is_open(now), place_ids=gate.place_ids, name=declared.name, now=now
    )
    become = partial(
        attempt, vault, gate, device_index=device_index, opened_at=opened_at, now=now,
        confirmed_at=now if at_gate else None,
    )  # fmt: skip
    alone = partial(become, declared, nonce=nonce, mobile_index=identity, code=code)
    crossing = _crosses_midnight(opened_at, now)
    if not (companions or crossing):
        values = alone(recent=[], marks=marked(recent=[])[0])
        lately_known = {"since": lately["since"], "horizon": lately["horizon"], "number": gate.number}
        if write_one(engine, statements.insert_first, values | lately_known):
            return Written(nonce, values["verdict"])
    with writing_to(engine) as connection, connection.together(nonce if crossing else None):
        first = _first(connection, nonce) if crossing else None
        if first is not None:
            return Written(nonce, first, repeated=True)
        number, recent = look_back(connection, lately)
        if number != gate.number:
            return Written(nonce, Verdict.ATTENTION, outdated=True)
        marks, slowed = marked(recent=[r for r in recent if r.device_index == device_index])
        if slowed:
            first = _first(connection, nonce)
            if first is None:
                return Written(nonce, Verdict.ATTENTION, slowed=True)
            return Written(nonce, first, repeated=True)
        values = alone(recent=recent, marks=marks)
        if not connection.run(statements.insert, {**values, **turn}):
            first = _first(connection, nonce)
            return Written(nonce, first or values["verdict"], repeated=True)
        changed = settle(connection, values, recent, now)
        for number, companion in enumerate(companions):
            index = companion_index(vault, identity or device_index, companion.name)
            _number, before = look_back(connection, {**lately, "same_mobile": index, "same_device": None})
            row = become(
                companion, nonce=companion_nonce(vault, nonce, number), mobile_index=index, party=nonce,
                hand_reason=HandReason.CHILD if companion.child else None, recent=before, marks=marks,
            )  # fmt: skip
            connection.run(statements.insert, {**row, **turn})
            changed |= settle(connection, row, before, now)
        pulse.move_on(connection, changed)
    return Written(nonce, values["verdict"])


def is_registered(engine: Engine, nonce: bytes) -> bool:
    """Whether this very form has become a row already."""
    with reading(), engine.connect() as connection:
        return connection.scalar(select(CheckIn.id).where(CheckIn.nonce == nonce)) is not None


def companion_nonce(vault: Vault, nonce: bytes, number: int) -> bytes:
    """The nonce of the row of the so-and-so-many-th person who came along: the same form is the same rows."""
    return vault.mac("companion", nonce + bytes([number]), len(nonce))


def companion_index(vault: Vault, identity: bytes, name: str) -> bytes:
    """By which somebody who came along is known again: with the same leader, under the same name."""
    return vault.blind(f"{identity.hex()}/{fold(name)}", "companion")


def attempt(
    vault: Vault, gate: GateView, declared: Declaration, *,
    recent: list[Any], marks: Iterable[Mark], mobile_index: bytes | None, device_index: bytes | None,
    nonce: bytes, opened_at: datetime | None, now: datetime, **facts: Any,
) -> dict[str, Any]:  # fmt: skip
    """The row that an attempt becomes: judged, and placed among the `recent` rows of its visitor, newest first. Its call number
    comes with the INSERT. `facts` say what is not so with a visitor who fills in the form alone: see BY_OTHERS and, of
    somebody else's hand, `measured_by` GUARD."""
    code = facts.pop("code", None)
    measured_by = facts.pop("measured_by", MeasuredBy.SELF)
    judgement, earlier_id = judge(gate.policy, gate.form, declared, faulty=gate.faulty), None
    if code == CodeCheck.PENDING:
        judgement = judgement.doubted(("code_unknown",))
    if measured_by != MeasuredBy.GUARD or declared.celsius is None:
        judgement, earlier_id = _after_refusal(judgement, recent, gate, now)
    visitor, alone = mobile_index or device_index, "party" not in facts
    visit, last_gate_id = _visit(recent, gate.place_id, visitor, now, alone=alone)
    return {
        "nonce": nonce,
        "district_id": gate.district_id,
        "place_id": gate.place_id,
        "gate_id": gate.gate_id,
        **_moment(now),
        "arrived_at": now,
        "opened_at": opened_at,
        "kind": _kind(visit, last_gate_id, gate, judgement.verdict),
        "name": declared.name,
        "mobile": vault.seal(declared.mobile, CheckIn.MOBILE) if declared.mobile else None,
        "mobile_index": mobile_index,
        "device_index": device_index,
        "written": declared.enterprise,
        "enterprise_id": gate.enterprise_id(declared.enterprise),
        "purpose": declared.purpose,
        "celsius": None if declared.celsius is None else int(declared.celsius * 10),
        "measured_by": None if declared.celsius is None else measured_by,
        "masked": _masked(declared),
        "answers": seal_answers(vault, declared),
        "mode": gate.mode.value,
        "scheme_key": gate.policy.key,
        "verdict": judgement.verdict,
        "reasons": write_reasons(judgement.reasons),
        "marks": ",".join(marks),
        "earlier_id": earlier_id,
        "code_state": code,
        "staff": StaffCheck.PENDING if declared.works_here else None,
        **ALONE,
        **facts,
    }


# What is so of a row that its visitor writes, and otherwise where a guard, a sheet of paper or a companion has a part in it.
ALONE: dict[str, Any] = {
    "source": Source.SCAN, "hand_reason": None, "party": None, "recorded_by_id": None,
    "confirmed_at": None, "confirmed_by_id": None, "left_at": None, "left_how": None, "left_by_id": None,
}  # fmt: skip


def _moment(now: datetime) -> dict[str, Any]:
    here = local(now)
    return {"day": here.date(), "hour": here.hour, "occurred_at": now}


def look_back(connection: DriverConnection, lately: dict[str, Any]) -> tuple[int, list[Any]]:
    """The number of Version, and the rows of this visitor or this device, newest first, as far back as a rule looks."""
    found = connection.run(statements.look, lately)
    rows = {r.id: r for r in found if r.id is not None}
    return found[0].number, [rows[number] for number in sorted(rows, reverse=True)]


def _first(connection: DriverConnection, nonce: bytes) -> Verdict | None:
    """The verdict of the row that this form has become already."""
    found = connection.run(statements.verdict_of_nonce, {"nonce": nonce})
    return found[0].verdict if found else None


def _after_refusal(
    judgement: Judgement, recent: list[Any], gate: GateView, now: datetime
) -> tuple[Judgement, int | None]:
    """Nobody fills in a second form to undo a refusal: only a guard's reading does."""
    if not gate.form.judged:
        return judgement, None
    here = [r for r in recent if r.place_id == gate.place_id and now - r.occurred_at < RECHECK_WINDOW]
    refused = None
    for row in here:  # newest first
        if row.verdict == Verdict.PASS and row.measured_by == MeasuredBy.GUARD:
            break  # a guard has measured since: lifted
        if row.verdict == Verdict.REFUSED:
            refused = row
            break
    if refused is None:
        return judgement, None
    earlier: Reason = ("earlier", f"{local(refused.occurred_at):%H:%M}")
    return judgement.doubted(earlier), refused.id


def _kind(visit: Any, last_gate_id: int | None, gate: GateView, verdict: Verdict) -> Kind:
    """The same gate again continues the visit, another gate of the place is a movement. Who had yet to be looked at has not
    come in so far: the first row that is let in is the entry, and the earlier one becomes an attempt (see `superseded`)."""
    if visit is None or (verdict in ADMITTED and not _admitted(visit)):
        return Kind.ENTRY
    return Kind.AGAIN if last_gate_id == gate.gate_id else Kind.MOVE


def _visit(
    recent: list[Any], place_id: int, visitor: bytes | None, now: datetime, *, alone: bool
) -> tuple[Any, int | None]:
    """The entry that this visitor's visit here began with, if it goes on, and the gate of the last row of it. A refusal began no
    visit; of an earlier day goes on who was let in."""
    today, last_gate_id = local(now).date(), None
    for row in recent:  # newest first
        if not _same(row, visitor, alone) or row.place_id != place_id or row.verdict == Verdict.REFUSED:
            continue
        last_gate_id = last_gate_id or row.gate_id
        if row.kind == Kind.ENTRY:
            goes_on = row.left_at is None and (row.day == today or _admitted(row))
            return (row, last_gate_id) if goes_on else (None, None)
    return None, None


def superseded(values: dict[str, Any], recent: list[Any], now: datetime) -> Any:
    """The row that was taken for the entry until this one was let in; None where there is none."""
    if values["kind"] != Kind.ENTRY:
        return None
    visitor, alone = values["mobile_index"] or values["device_index"], values["party"] is None
    return _visit(recent, values["place_id"], visitor, now, alone=alone)[0]


def _same(row: Any, visitor: bytes | None, alone: bool) -> bool:
    """Whether a recent row is of this visitor. Whoever came along has the leader's phone, and is somebody else."""
    if alone and row.party is not None:
        return False
    return visitor in (row.mobile_index, row.device_index)


def _admitted(row: Any) -> bool:
    return row.verdict in ADMITTED or (row.verdict == Verdict.ATTENTION and row.confirmed_at is not None)


def settle(
    connection: DriverConnection, values: dict[str, Any], recent: list[Any], now: datetime
) -> set[int]:
    """What the new row changes about earlier ones: whoever has come in here is no longer elsewhere, and has come in once. A
    marked row changes nothing until a guard has seen its visitor (see `models.presence.confirm`).

    Gives the places whose rows it has changed: the caller moves their numbers (`pulse.move_on`) when all is written.
    """
    changed: set[int] = set()
    if values["verdict"] == Verdict.REFUSED or values["marks"]:
        return changed
    before = superseded(values, recent, now)
    if before is not None:
        connection.run(statements.no_entry, {"row": before.id, "row_day": before.day})
        changed.add(before.place_id)
    visitor, alone = values["mobile_index"] or values["device_index"], values["party"] is None
    for row in recent:
        elsewhere = row.place_id != values["place_id"] and row.kind == Kind.ENTRY and row.left_at is None
        if elsewhere and _admitted(row) and _same(row, visitor, alone):
            connection.run(statements.moved, {"row": row.id, "row_day": row.day, "moved_at": now})
            changed.add(row.place_id)
    return changed


def _crosses_midnight(opened_at: datetime, now: datetime) -> bool:
    """Whether the same form might be sent on two days: a row is one by nonce and day, so such a form asks before it writes."""
    here = local(now)
    return local(opened_at).date() != here.date() or (here + BEFORE_MIDNIGHT).date() != here.date()


def _masked(declared: Declaration) -> bool | None:
    chosen = declared.answers.get("mask")
    return None if not chosen else chosen[0] == "yes"


def seal_answers(vault: Vault, declared: Declaration) -> bytes | None:
    """Code, travel and symptoms as one sealed text; the mask is no health data and stands in its column."""
    kept = {field: list(values) for field, values in declared.answers.items() if field != "mask"}
    return vault.seal(json.dumps(kept), CheckIn.ANSWERS) if kept else None


def declared_by(vault: Vault, entry: CheckIn) -> Declaration:
    """The declaration as it was made, for judging it again with a guard's reading."""
    kept = json.loads(vault.unseal(entry.answers, CheckIn.ANSWERS)) if entry.answers else {}
    answers = {field: tuple(values) for field, values in kept.items()}
    if entry.masked is not None:
        answers["mask"] = ("yes" if entry.masked else "no",)
    return Declaration(
        name=entry.name,
        celsius=entry.temperature,
        answers=answers,
        enterprise=entry.written,
        purpose=entry.purpose,
    )
