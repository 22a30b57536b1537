"""Looks at a person's whole data (查看完整资料): open for half an hour in the browser that gave the reason (settled 3.6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import session

from blueprints.archive.forms import REASONS
from models.archive import Employee

OPEN = timedelta(minutes=30)
MOST = 20  # open looks that a cookie keeps


def open_look(employee: Employee, reason: str, now: datetime) -> datetime:
    until = now + OPEN
    looks = {key: look for key, look in session.get("looked", {}).items() if look[0] > now.timestamp()}
    looks[str(employee.id)] = [int(until.timestamp()), reason]
    session["looked"] = dict(list(looks.items())[-MOST:])
    return until


def look_at(employee: Employee, now: datetime) -> tuple[datetime, str] | None:
    """Until when this person's data are open here, and for which reason; None where they are masked."""
    look = session.get("looked", {}).get(str(employee.id))
    if look is None or look[0] <= now.timestamp():
        return None
    return datetime.fromtimestamp(look[0], now.tzinfo), REASONS.get(look[1], "")
