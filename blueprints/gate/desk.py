"""The guard's desk (门岗值守): the word of the minute, who needs the guard, who has just come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import abort, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from blueprints.gate import bp, desk_poll
from blueprints.gate.confirming import last_tap
from blueprints.web.ground import gates_in_reach
from blueprints.web.guard import needs
from blueprints.web.lean import quickly
from blueprints.web.page import page
from blueprints.web.site import site
from models import presence, words
from models.base import db, local
from models.devices import GateDevice, Shift
from models.gate import CheckIn, HandReason, Source
from models.gateview import GateView
from models.judging import Verdict, reason_words
from models.places import Gate
from models.visits import inside_now
from models.watch import NoticeKind
from models.watch_rules import open_notices

LIVE_ROWS = 30


@bp.get("/gate")
@needs("gate:guard")
@quickly(desk_poll.nothing_new)
def desk() -> ResponseReturnValue:
    """The gate that the guard chose, or the first one: live, for a phone at the door."""
    gates = gates_in_reach("gate:guard", selectinload(Gate.codes))
    if not gates:
        return page("gate/no_gate.html")
    chosen = request.args.get("gate", type=int) or gate_on_shift()
    gate = next((g for g in gates if g.id == chosen), gates[0])
    if chosen and gate.id != chosen:
        abort(404)
    poll = desk_poll.begin(
        gate, site.now()
    )  # before all else: what comes in between is shown twice rather than lost
    return page(
        "gate/desk.html",
        partial="gate/_desk.html",
        gates=gates,
        last_tap=last_tap(gate.id),
        poll=poll,
        **desk_shown(gate),
    )


def gate_on_shift() -> int | None:
    """The gate whose phone this is, for a guard on shift; None for everybody else."""
    if not current_user.login.on_shift:
        return None
    return db.session.scalar(
        select(GateDevice.gate_id)
        .join(Shift, Shift.device_id == GateDevice.id)
        .where(Shift.login_id == current_user.login.id)
    )


def desk_shown(gate: Gate) -> dict[str, Any]:
    """Everything that the desk of a gate shows."""
    now, session = site.now(), db.session()
    view = site.gates.view(gate.code.code, now) if gate.code else None
    minute = words.minute_of(now)
    unconfirmed, newest = presence.count_to_confirm(session, gate.place_id, gate.id, now)
    return {
        "gate": gate,
        "view": view if isinstance(view, GateView) else None,
        "word": words.word_for(site.vault, gate.id, minute),
        "before": words.word_for(site.vault, gate.id, minute - 1),
        "seconds": words.seconds_left(now),
        "tally": _tally(gate, now),
        "inside": inside_now(session, [gate.place_id]),
        "notices": [n for n in open_notices(session, [gate.place_id], gate.id) if n.kind != NoticeKind.FAULT],
        "unconfirmed": unconfirmed,
        "upto": newest,
        "waiting": [shown(entry) for entry in _waiting(gate, now)],
        "passed": [shown(entry) for entry in _passed(gate, now)],
        "at": now,
    }


def _tally(gate: Gate, now: Any) -> dict[str, int]:
    """Counts of this gate today: who came in, by declaration and as seen by a guard; who was refused."""
    counted = CheckIn.counted()
    counts = db.session.execute(
        select(
            func.sum(case((counted & CheckIn.verdict.in_(presence.ADMITTED), 1), else_=0)),
            func.sum(case((counted & CheckIn.confirmed_at.is_not(None), 1), else_=0)),
            func.sum(case((CheckIn.verdict == Verdict.REFUSED, 1), else_=0)),
        ).where(
            CheckIn.place_id == gate.place_id, CheckIn.day == local(now).date(), CheckIn.gate_id == gate.id
        )
    ).one()
    return dict(zip(("entered", "confirmed", "refused"), (c or 0 for c in counts), strict=True))


def _waiting(gate: Gate, now: Any) -> Iterable[CheckIn]:
    """Who asked for the guard first, refusals before doubts before marks, newest first."""
    rank = case(
        (CheckIn.recheck_asked_at.is_not(None), 0),
        (CheckIn.verdict == Verdict.REFUSED, 1),
        (CheckIn.verdict == Verdict.ATTENTION, 2),
        else_=3,
    )
    return db.session.scalars(
        select(CheckIn)
        .where(CheckIn.place_id == gate.place_id, presence.waiting(gate.id, now))
        .options(selectinload(CheckIn.readings), joinedload(CheckIn.enterprise))
        .order_by(rank, CheckIn.id.desc())
        .limit(LIVE_ROWS)
    )


def _passed(gate: Gate, now: Any) -> Iterable[CheckIn]:
    """The newest who may come in, and those whom a guard has let in."""
    let_in = or_(CheckIn.verdict.in_(presence.ADMITTED), CheckIn.confirmed_at.is_not(None))
    settled = or_(CheckIn.marks == "", CheckIn.confirmed_at.is_not(None))
    faulty = CheckIn.reasons == presence.FAULTY_ALONE
    return db.session.scalars(
        select(CheckIn)
        .where(
            CheckIn.place_id == gate.place_id,
            CheckIn.gate_id == gate.id,
            CheckIn.day.in_(presence.days_of(now, presence.WAITING)),
            CheckIn.verdict != Verdict.REFUSED,
            or_(let_in, faulty),
            settled,
        )
        .options(selectinload(CheckIn.readings))
        .order_by(CheckIn.id.desc())
        .limit(LIVE_ROWS)
    )


def shown(entry: CheckIn) -> dict[str, Any]:
    """An entry with what a guard needs to see of it: reasons in words, masked telephone, when to measure, what can be done."""
    policy = site.book.get(entry.scheme_key)
    codes = {reason[0] for reason in entry.reason_list}
    return {
        "entry": entry,
        "reasons": [reason_words(policy, reason) for reason in entry.reason_list],
        "mobile": site.vault.unseal(entry.mobile, CheckIn.MOBILE) if entry.mobile else "",
        "rested_at": entry.rested_at(policy),
        "to_measure": entry.verdict == Verdict.REFUSED or bool(codes & presence.TO_MEASURE),
        "how": _how(entry),
    }


def _how(entry: CheckIn) -> str:
    """How the row came about, where the visitor did not scan alone."""
    if entry.party is not None:
        return "同行的孩子" if entry.hand_reason == HandReason.CHILD else "同行"
    if entry.source == Source.HAND:
        return f"代登，{entry.hand_reason.label}" if entry.hand_reason else "代登"
    if entry.source == Source.PAPER:
        return entry.source.label
    return "自述员工" if entry.staff else ""
