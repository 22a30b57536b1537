"""What the units of the demo have reported upwards (上报): accepted, sent back, corrected, waiting, and one not sent yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Post
from models.accounts import Account
from models.base import local
from models.demo.town import Town
from models.obligations import Review
from models.places import Unit
from models.tracking import Ground, Span, history, total
from models.unit_reports import UnitReport, send_up

PERIODS = 4  # that are told of, the newest first
AFTER_DEADLINE, READ_AFTER = timedelta(hours=2), timedelta(hours=3)
BETWEEN = timedelta(minutes=20)
WRONG = "发热人数和各企业之和对不上，请核对后再报"
CORRECTED = "补了一家迟报的企业，合计改过"


def send(session: Session, town: Town, now: datetime) -> int:
    """Of the periods that are over; answers how many versions."""
    judge = _in_post(town, Post.TASK_FORCE, town.district.id)
    units = session.scalars(select(Unit).where(Unit.district_id == town.district.id).order_by(Unit.id)).all()
    over = [
        span
        for span, _ in history(session, Ground(town.district.id, {}), local(now).date())
        if span.is_due(now)
    ]
    sent = 0
    for age, span in enumerate(over[:PERIODS]):
        for number, unit in enumerate(units):
            by = _in_post(town, Post.UNIT_LIAISON, unit.id, but=judge)
            owes = not total(session, Ground(town.district.id, {"unit": [unit.id]}), span).is_empty
            if judge is None or by is None or not owes:
                continue
            at = span.due_at + AFTER_DEADLINE + number * BETWEEN
            for version, (verdict, comment) in enumerate(_fates(age, number, len(units))):
                when = at + version * 2 * READ_AFTER
                row = _send(session, town, unit, span, version, comment, when, now, by)
                sent += 1
                if verdict is not Review.WAITING:
                    words = WRONG if verdict is Review.RETURNED else ""
                    row.judge(row.number, verdict, words, now=min(when + READ_AFTER, now), by=judge)
    session.flush()
    return sent


def _fates(age: int, number: int, units: int) -> list[tuple[Review, str]]:
    """What became of each version of a unit's report, with its comment; the last unit has yet to send the newest."""
    if age == 1 and number == 0:
        return [(Review.RETURNED, ""), (Review.ACCEPTED, CORRECTED)]
    if age > 0 or number == 0:
        return [(Review.ACCEPTED, "")]
    if number == units - 1:
        return []
    return [(Review.RETURNED if number == 1 else Review.WAITING, "")]


def _send(
    session: Session, town: Town, unit: Unit, span: Span, seen: int, comment: str, at: datetime, now: datetime, by: Account
) -> UnitReport:  # fmt: skip
    when = min(at, now)
    row, _fresh = send_up(
        session, town.district.id, "unit", unit.id, span, seen=seen, comment=comment, now=when, by=by
    )
    return row


def _in_post(town: Town, post: Post, scope_id: int, *, but: Account | None = None) -> Account | None:
    """Who holds it longest, other than somebody."""
    held = [
        (one.id, account)
        for account in town.accounts.values()
        for one in account.appointments
        if one.post is post and one.scope_id == scope_id and one.ended_at is None and account is not but
    ]
    return min(held, key=lambda one: one[0])[1] if held else None
