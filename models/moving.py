"""An enterprise changes rooms or moves out (换房间、迁出): what becomes of whoever works there."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, update
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


def move_out(session: Session, seat: Premises, at: datetime, *, now: datetime) -> int:
    """Leaves at an instant. Once it has come nobody works there any more: of how many the place of work is unknown from now on.

    Of a move to come the people stay until then; afterwards the file says that the place was left.
    """
    seat.move_out(at, now=now)
    if at > now:
        return 0
    left = update(Employee).where(Employee.premises_id == seat.id).values(premises_id=None)
    return cast("CursorResult[None]", session.execute(left)).rowcount
