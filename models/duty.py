"""What a guard finds and leaves at a gate (交班事项): who waits, how many are inside, what does not work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from .gate import CheckIn
from .places import Gate
from .presence import waiting
from .visits import Presence, inside_now
from .watch import Fault

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How a gate stands at an instant."""

    pending: int  # people who need the guard
    waiting: Sequence[CheckIn]  # the first of them
    inside: Presence  # in the gate's place, by whatever gate they came
    faults: Sequence[Fault]


def standing(session: Session, gate: Gate, now: datetime) -> Standing:
    here = (CheckIn.place_id == gate.place_id, waiting(gate.id, now))
    first = select(CheckIn).where(*here).order_by(CheckIn.id).options(defer(CheckIn.answers)).limit(SHOWN)
    faults = select(Fault).where(Fault.gate_id == gate.id, Fault.holding(now)).order_by(Fault.id)
    return Standing(
        pending=session.scalar(select(func.count()).select_from(CheckIn).where(*here)) or 0,
        waiting=session.scalars(first).all(),
        inside=inside_now(session, [gate.place_id]),
        faults=session.scalars(faults).all(),
    )
