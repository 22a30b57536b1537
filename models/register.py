"""Writing a check-in down (落库): one short transaction, one row per nonce whatever the network does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine

from . import register_statements as statements
from .base import local
from .driver import DriverConnection, writing_to
from .gate import (
    RECHECK_WINDOW,
    CheckIn,
    Declaration,
    Judgement,
    Kind,
    Mark,
    MeasuredBy,
    Reason,
    Verdict,
    judge,
    marks_of,
    write_reasons,
)  # fmt: skip
from .gateview import GateView
from .vault import Vault


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
) -> Written:  # fmt: skip
    """Judges and stores a visitor's declaration.

    The same nonce again gives the first answer unchanged, whatever it carries. A new form of a visitor who was refused
    here within RECHECK_WINDOW is linked to that refusal and is at best ATTENTION.
    """
    mobile_index = vault.blind(declared.mobile, "mobile") if declared.mobile else None
    device_index = vault.blind(device, "device")
    today = local(now).date()
    turn = {"at_place": gate.place_id, "on_day": today}
    lately = {
        "same_device": device_index,
        "same_mobile": mobile_index,
        "on_day": today,
        "horizon": now - RECHECK_WINDOW,
    }
    marked = partial(
        marks_of, out_of_hours=not gate.is_open(now), place_ids=gate.place_ids, name=declared.name, now=now
    )
    become = partial(
        attempt, vault, gate, declared,
        mobile_index=mobile_index, device_index=device_index, nonce=nonce, opened_at=opened_at, now=now,
    )  # fmt: skip
    with writing_to(engine) as connection:
        values = become(recent=[], marks=marked(recent=[])[0])
        if connection.run(statements.insert_first, {**values, **turn, **lately, "number": gate.number}):
            return Written(nonce, values["verdict"])
        number, recent = _recent(connection, lately)
        if number != gate.number:
            return Written(nonce, Verdict.ATTENTION, outdated=True)
        marks, slowed = marked(recent=[r for r in recent if r.device_index == device_index])
        if slowed:
            first = _first(connection, nonce)
            if first is None:
                return Written(nonce, Verdict.ATTENTION, slowed=True)
            return Written(nonce, first, repeated=True)
        values = become(recent=recent, marks=marks)
        if not connection.run(statements.insert, {**values, **turn}):
            first = _first(connection, nonce)
            return Written(nonce, first or values["verdict"], repeated=True)
    return Written(nonce, values["verdict"])


def attempt(
    vault: Vault, gate: GateView, declared: Declaration, *,
    recent: list[Any], marks: Iterable[Mark], mobile_index: bytes | None, device_index: bytes | None,
    nonce: bytes, opened_at: datetime | None, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    """The row that an attempt becomes: judged, and placed among the `recent` rows of its visitor, newest first. Its call number
    comes with the INSERT."""
    judgement, earlier_id = _after_refusal(judge(gate.policy, gate.form, declared), recent, gate, now)
    return {
        "nonce": nonce,
        "district_id": gate.district_id,
        "place_id": gate.place_id,
        "gate_id": gate.gate_id,
        **_moment(now),
        "arrived_at": now,
        "opened_at": opened_at,
        "kind": _kind(recent, gate, mobile_index or device_index, now),
        "name": declared.name,
        "mobile": vault.seal(declared.mobile, CheckIn.MOBILE) if declared.mobile else None,
        "mobile_index": mobile_index,
        "device_index": device_index,
        "written": declared.enterprise,
        "enterprise_id": gate.enterprise_id(declared.enterprise),
        "purpose": declared.purpose,
        "celsius": None if declared.celsius is None else int(declared.celsius * 10),
        "measured_by": None if declared.celsius is None else MeasuredBy.SELF,
        "masked": _masked(declared),
        "answers": seal_answers(vault, declared),
        "mode": gate.mode.value,
        "scheme_key": gate.policy.key,
        "verdict": judgement.verdict,
        "reasons": write_reasons(judgement.reasons),
        "marks": ",".join(marks),
        "earlier_id": earlier_id,
    }


def _moment(now: datetime) -> dict[str, Any]:
    here = local(now)
    return {"day": here.date(), "hour": here.hour, "occurred_at": now}


def _recent(connection: DriverConnection, lately: dict[str, Any]) -> tuple[int, list[Any]]:
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
    verdict = Verdict.ATTENTION if judgement.verdict == Verdict.PASS else judgement.verdict
    return Judgement(verdict, (*judgement.reasons, earlier)), refused.id


def _kind(recent: list[Any], gate: GateView, visitor: bytes | None, now: datetime) -> Kind:
    """The same gate again continues the visit, another gate of the place is a movement; a refusal began no visit."""
    today = local(now).date()
    for row in recent:
        same_visitor = visitor in (row.mobile_index, row.device_index)
        if (
            same_visitor
            and row.place_id == gate.place_id
            and row.day == today
            and row.verdict != Verdict.REFUSED
        ):
            return Kind.AGAIN if row.gate_id == gate.gate_id else Kind.MOVE
    return Kind.ENTRY


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
