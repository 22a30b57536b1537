"""Examinations of the demo's people (演示体检): before an exposed post, while in it, on leaving it; most in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.accounts import Account
from models.archive import Employee
from models.base import local
from models.health_file import AGAIN_AFTER, CheckUp, CheckUpKind

EXPOSED = {
    "青禾生物": "生物因素",
    "微澜传感": "锡烟、铅烟",
    "铁铧机床": "噪声",
    "云锦零部件": "噪声、电焊烟尘",
}
LATE = timedelta(days=18)  # how long ago some are overdue at most
FINE = "本次检查未见异常"


def examine(
    session: Session, people: Sequence[Employee], hazards: str, now: datetime, rng: Random, keeper: Account
) -> None:
    """Whoever is exposed has been examined before it and about each year since. A few are due, one has left without, one is
    to be examined before they begin."""
    today = local(now).date()
    exposed = [one for one in people if one.hazards]
    rows = [row for one in exposed for row in _of(one, today, rng)]
    leaver, newcomer = exposed[-1], next(one for one in people if not one.hazards)
    leaver.left_on = today - timedelta(days=15)
    rows.append(
        {
            "employee_id": newcomer.id,
            "kind": CheckUpKind.PRE_POST,
            "due_on": today + timedelta(days=9),
            "hazards": hazards,
        }
    )
    blank = dict.fromkeys(("due_on", "done_on", "result", "notified_on", "next_on"))
    written = {"written_by_id": keeper.id, "written_at": now, "contraindicated": False}
    session.execute(insert(CheckUp), [blank | row | written for row in rows])


def _of(one: Employee, today: date, rng: Random) -> Iterator[dict[str, Any]]:
    assert one.joined_on is not None
    before = one.joined_on - timedelta(days=10)
    yield _done(one, CheckUpKind.PRE_POST, before)
    if today - before > AGAIN_AFTER:
        last = today - timedelta(days=rng.randint(20, (AGAIN_AFTER + LATE).days))
        yield _done(one, CheckUpKind.PERIODIC, last)


def _done(one: Employee, kind: CheckUpKind, on: date) -> dict[str, Any]:
    told = on + timedelta(days=7)
    return {
        "employee_id": one.id, "kind": kind, "done_on": on, "hazards": one.hazards, "result": FINE, "notified_on": told,
    }  # fmt: skip
