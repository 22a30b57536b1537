"""An enterprise changes rooms within a place (换房间): whoever works there goes along."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from .archive import Employee
from .base import RuleBroken
from .enterprises import Premises


def change_room(session: Session, seat: Premises, room: str, at: datetime, *, now: datetime) -> Premises:
    """From `at` on in another room of the same place; a move out that was planned stays planned. Never of a time to come:
    the people follow at once."""
    if at > now:
        raise RuleBroken("换房间的时间还没有到，请搬好以后再登记")
    if room == seat.room:
        raise RuleBroken("还是原来的房间，不用改")
    planned = seat.until_at
    seat.move_out(at, now=now)
    new = seat.enterprise.move_in(seat.place, room, at)
    new.until_at = planned
    session.flush()
    session.execute(update(Employee).where(Employee.premises_id == seat.id).values(premises_id=new.id))
    return new
