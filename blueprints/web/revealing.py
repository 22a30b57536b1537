"""A whole number that stays open for one case for half an hour (查看), settled 3.6. The cookie keeps numbers of rows, as many as fit."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import session

REVEALED = timedelta(minutes=30)
MOST = 20  # open at once: a browser drops a cookie that is too long


def open_look(case: str, reason: str, now: datetime) -> datetime:
    """Opens a case, and says until when. The caller has written the line of the access log."""
    until = now + REVEALED
    looks = {**_open(now), case: [int(until.timestamp()), reason]}
    session["revealed"] = dict(list(looks.items())[-MOST:])
    return until


def look_at(case: str, now: datetime) -> tuple[datetime, str] | None:
    """Until when this browser may show the case, and why; None where it may not."""
    look = _open(now).get(case)
    return (datetime.fromtimestamp(look[0], now.tzinfo), look[1]) if look else None


def _open(now: datetime) -> dict[str, list]:
    return {case: look for case, look in session.get("revealed", {}).items() if look[0] > now.timestamp()}
