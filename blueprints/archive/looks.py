"""Looks at a person's whole data (查看完整资料), as `blueprints.web.revealing` keeps them."""

from __future__ import annotations

from datetime import datetime

from blueprints.archive.forms import REASONS
from blueprints.web import revealing
from models.archive import Employee


def open_look(employee: Employee, reason: str, now: datetime) -> datetime:
    return revealing.open_look(_case(employee), reason, now)


def look_at(employee: Employee, now: datetime) -> tuple[datetime, str] | None:
    """Until when this person's data are open here, and for which reason in words; None where they are masked."""
    look = revealing.look_at(_case(employee), now)
    return look and (look[0], REASONS.get(look[1], ""))


def _case(employee: Employee) -> str:
    return f"employee {employee.id}"
