"""November 2026, through which the tests of reports live: its days, the site's clock, and the timed work that a test is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from blueprints.web import jobs
from models import timed
from models.base import SHANGHAI, db

LEDGER = ("keep_ledger", "tally_reports")


def on(text: str) -> datetime:
    """A day and time of November 2026 in Shanghai: 18 09:00."""
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=SHANGHAI)


def work(*names: str) -> None:
    """What is due of these pieces of the timed work, as the site does it. All twenty take a third of a second."""
    tasks = [task for task in jobs.TASKS if task.name in names]
    assert len(tasks) == len(names), "one has another name"
    db.session.rollback()
    outcomes = timed.run(tasks, jobs.tick_now())
    assert set(outcomes.values()) <= {timed.Outcome.DONE}, outcomes
    db.session.rollback()
    db.session.expire_all()


def clock_of(at: Callable[[datetime], None], *names: str) -> Callable[[datetime | str], None]:
    """Sets the clock and does what is due then: clock("18 09:00")."""

    def clock(when: datetime | str) -> None:
        at(on(when) if isinstance(when, str) else when)
        work(*names)

    return clock
