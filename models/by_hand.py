"""Registered by a guard for somebody without a phone (代登记): judged and placed like any other attempt, by whom is kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import pulse
from .base import local
from .driver import DriverConnection
from .gate import RECHECK_WINDOW, CheckIn, HandReason, Mark, MeasuredBy, Source
from .gateview import GateView
from .judging import Declaration
from .register import attempt, look_back, settle
from .register_statements import insert
from .vault import Vault


def register_by_hand(
    session: Session, vault: Vault, gate: GateView, declared: Declaration, *,
    reason: HandReason, nonce: bytes, opened_at: datetime, now: datetime, by_id: int,
) -> CheckIn:  # fmt: skip
    """The row of somebody who stands before the guard, so that presence is confirmed and a temperature is the guard's own.

    The same nonce again gives the first row unchanged. The caller commits.
    """
    first = session.scalar(select(CheckIn).where(CheckIn.nonce == nonce))
    if first is not None:
        return first
    connection = DriverConnection.of(session)
    today = local(now).date()
    index = vault.blind(declared.mobile, "mobile") if declared.mobile else None
    _number, recent = look_back(
        connection,
        {
            "same_device": None,
            "same_mobile": index,
            "on_day": today,
            "since": today - timedelta(days=1),
            "horizon": now - RECHECK_WINDOW,
        },
    )
    values = attempt(
        vault, gate, declared, recent=recent, marks=[] if gate.is_open(now) else [Mark.OUT_OF_HOURS],
        mobile_index=index, device_index=None, nonce=nonce, opened_at=opened_at, now=now,
        measured_by=MeasuredBy.GUARD, source=Source.HAND, hand_reason=reason, recorded_by_id=by_id,
        confirmed_at=now, confirmed_by_id=by_id,
    )  # fmt: skip
    connection.run(insert, {**values, "at_place": gate.place_id, "on_day": today})
    pulse.move_on(connection, settle(connection, values, recent, now))
    return session.scalars(select(CheckIn).where(CheckIn.nonce == nonce)).one()
