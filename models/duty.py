"""What a guard finds and leaves at a gate (交班事项): who waits, how many are inside, what does not work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, defer

from .base import local
from .gate import INSIDE, CheckIn
from .overview import still_open
from .places import Gate
from .watch import Fault

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How a gate stands at an instant."""

    pending: int  # abnormal entries of this gate that nobody has dealt with
    waiting: Sequence[CheckIn]  # the oldest of them
    inside: int  # people in the gate's place, by whatever gate they came
    faults: Sequence[Fault]


def standing(session: Session, gate: Gate, now: datetime) -> Standing:
    here = (CheckIn.place_id == gate.place_id, CheckIn.gate_id == gate.id, still_open(local(now).date()))
    waiting = select(CheckIn).where(*here).order_by(CheckIn.id).options(defer(CheckIn.answers)).limit(SHOWN)
    inside = select(func.count()).select_from(CheckIn).where(CheckIn.place_id == gate.place_id, text(INSIDE))
    faults = select(Fault).where(Fault.gate_id == gate.id, Fault.holding(now)).order_by(Fault.id)
    return Standing(
        pending=session.scalar(select(func.count()).select_from(CheckIn).where(*here)) or 0,
        waiting=session.scalars(waiting).all(),
        inside=session.scalar(inside) or 0,
        faults=session.scalars(faults).all(),
    )
