"""The pieces of the timed work that need nothing but the database (定时的事); when each is due stands in the list of TASKS."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select, update

from . import delivery, destruction, inbox, reminders, standing, sums
from .accounts import LoginSession
from .base import local
from .batches import WORKING, Batch, BatchPart
from .closing import close_visits, closings
from .devices import GateDevice, Shift
from .downloads import LASTS, SpentTicket
from .health_links import HealthReminder
from .timed import HOUR, Tick, same_period
from .weeks import drop_empty_weeks, make_weeks

AT_ONCE = 1000  # visits that a transaction ends, messages that it deletes
FIRMS_A_RUN = 20_000  # worked out in one run of the timed work, so that what comes after it waits no longer than a minute
SESSIONS_KEPT = timedelta(days=30)
REMINDERS_KEPT = timedelta(days=30)
BATCHES_KEPT = timedelta(
    days=180
)  # who brought in which file, and how many rows: as long as an audit line at least (SEC-12)


def end_visits(tick: Tick) -> None:
    """Closing time ends visits. What closed since last time at once; once an hour everybody, for a row may be written or
    confirmed after its closing."""
    since = tick.since if tick.since is not None and same_period(tick.since, tick.now, HOUR) else None
    with tick.looking() as session:
        found = list(closings(session, tick.now, since))
    for closing in found:
        last: int | None = 0
        while last is not None:
            with tick.writing() as session:
                last = close_visits(session, closing, after=last, most=AT_ONCE)


def make_sums(tick: Tick) -> None:
    """The sums of yesterday, of the days that may still have changed, and of any that has none. Counting holds nobody up."""
    with tick.looking() as session:
        wanting = sums.wanting(session, local(tick.now).date())
    for day, place_ids in wanting.items():
        with tick.looking() as session:
            found = sums.sums_of(session, place_ids, day)
        with tick.writing() as session:
            sums.keep(session, found)


def destroy(tick: Tick) -> None:
    """What may no longer be kept goes; then the weeks that it has left empty. Old messages, letters and reminders go without a record: they
    name nobody."""
    destruction.purge(tick)
    for forget_old in (inbox.forget_old, delivery.forget_old, reminders.forget_old):
        gone = AT_ONCE
        while gone == AT_ONCE:
            with tick.writing() as session:
                gone = forget_old(session, tick.now, AT_ONCE)
    with tick.looking() as session:
        plans = list(destruction.plans_of(session, tick))
    if plans:
        with tick.writing() as session:
            drop_empty_weeks(session.connection(), min(plan.last_for_certain for plan in plans))


def keep_weeks(tick: Tick) -> None:
    with tick.writing() as session:
        make_weeks(session.connection(), local(tick.now).date())


def clear_away(tick: Tick) -> None:
    """What has served its turn: used download tickets, pairing codes that ran out, sign-ins of long ago but each person's last,
    reminders, and the lines of imports, whose rows went long before."""
    with tick.writing() as session:
        session.execute(delete(SpentTicket).where(SpentTicket.at < tick.now - 2 * LASTS))
        run_out = (GateDevice.pairing_digest.is_not(None), GateDevice.pairing_until < tick.now)
        session.execute(update(GateDevice).where(*run_out).values(pairing_digest=None))
        last = select(func.max(LoginSession.id)).group_by(LoginSession.account_id)
        long_ago = LoginSession.started_at < tick.now - SESSIONS_KEPT
        old = select(LoginSession.id).where(long_ago, LoginSession.id.not_in(last))
        session.execute(update(Shift).where(Shift.login_id.in_(old)).values(login_id=None))
        session.execute(delete(LoginSession).where(LoginSession.id.in_(old)))
        session.execute(delete(HealthReminder).where(HealthReminder.at < tick.now - REMINDERS_KEPT))
        finished = (Batch.at < tick.now - BATCHES_KEPT, Batch.state.not_in(WORKING))
        parts = BatchPart.batch_id.in_(select(Batch.id).where(*finished))
        session.execute(delete(BatchPart).where(parts))
        session.execute(delete(Batch).where(*finished))


def know_standings(tick: Tick) -> None:
    """What a new day has made unknown about enterprises, in short transactions. What a run leaves, the next takes up."""
    for _ in range(FIRMS_A_RUN // standing.AT_ONCE):
        with tick.looking() as session:
            if standing.known(session, local(tick.now).date()):
                return
        with tick.writing() as session:
            standing.settle(session, tick.book, local(tick.now).date())
