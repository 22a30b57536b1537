"""Samples of guards and patterns to look at (演示的数人头、数据核对): so that their pages have something to show.

Independent of who came: which rows are touched depends on their order of the day alone.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.access import Post
from models.base import SHANGHAI, local
from models.demo.town import Town
from models.gate import CheckIn, MeasuredBy
from models.judging import Verdict
from models.watch import COUNTING, HeadCount

COUNTED_AT = (time(8, 20), time(8, 50), time(9, 20), time(12, 10), time(14, 0), time(17, 30))
MISSED = (12, 0, 8, 20, 5, 0, 15, 30)  # per hundred who passed without registering, in turn
WORTH = 3  # nobody counts where hardly anybody comes
DAYS = 14
SAME = 365  # tenths of a degree


def count_heads(session: Session, town: Town, now: datetime) -> None:
    """Guards of the first park counted twice on most days, at one gate or another."""
    place = next(iter(town.places.values()))
    guards = town.in_post(Post.GATE_GUARD, place)
    gates = [gate for gate in place.gates if gate.paused_at is None][:2]
    if not guards or not gates:
        return
    turn = 0
    for back in range(DAYS, -1, -1):
        day = local(now).date() - timedelta(days=back)
        for number, at in enumerate(COUNTED_AT):
            begun = datetime.combine(day, at, SHANGHAI)
            if (back + number) % 3 or begun + COUNTING > now:
                continue
            gate, guard = gates[turn % len(gates)], guards[turn % len(guards)]
            sample = HeadCount(
                gate=gate, gate_id=gate.id, starts_at=begun, ends_at=begun + COUNTING, by_id=guard.account_id
            )
            sample.scans = session.scalar(sample.registered()) or 0
            if sample.scans < WORTH:
                continue
            sample.heads = sample.scans + -(-sample.scans * MISSED[turn % len(MISSED)] // 100)
            session.add(sample)
            turn += 1
    session.flush()


def same_temperatures(session: Session, town: Town, now: datetime) -> None:
    """At one gate every second reading of today and yesterday says the same: something to look at."""
    place = next(iter(town.places.values()))
    gate = place.gates[1]
    days = [local(now).date() - timedelta(days=back) for back in (0, 1)]
    ids = session.scalars(
        select(CheckIn.id)
        .where(
            CheckIn.place_id == place.id, CheckIn.day.in_(days), CheckIn.gate_id == gate.id,
            CheckIn.verdict == Verdict.PASS, CheckIn.measured_by == MeasuredBy.SELF,
        )
        .order_by(CheckIn.id)
    ).all()  # fmt: skip
    session.execute(
        update(CheckIn).where(CheckIn.id.in_(ids[::2])).values(celsius=SAME),
        execution_options={"synchronize_session": False},
    )
