"""The timed work (定时任务): named pieces of work, each due once a period, done by whichever machine comes first.

Any number of machines may call `run()` every minute. A piece is done by one of them at a time and in short transactions of its
own; one that fails leaves the others alone. Whoever is interrupted has done no harm: the next call does the piece again.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from .base import SHANGHAI, Labelled, local, reading, to_write
from .keeping import TimedTask
from .policy.book import Book

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEGIN = datetime(2000, 1, 1, tzinfo=SHANGHAI)  # a midnight there
TRY_AGAIN = timedelta(minutes=15)  # a piece that failed does not wait for the next day
MISSED = 3  # periods without success, and somebody has to look
ROOT = Path(__file__).parent.parent
LOG = logging.getLogger("site.timed")

# A machine that is cut off while it holds a lock is given up by the server within a minute, not after two hours.
NOTICE_THE_DEAD = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")


@dataclass(frozen=True, slots=True)
class Tick:
    """What a piece of the timed work is handed."""

    engine: Engine
    book: Book
    clock: Callable[[], datetime]
    instance: Path
    now: datetime
    since: datetime | None = None  # when this piece last succeeded

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A short transaction: true as a whole when the block has ended, or not at all."""
        with to_write(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def looking(self) -> Iterator[Session]:
        """A transaction that reads and holds nobody up."""
        with reading(), Session(self.engine) as session:
            yield session


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of the timed work. `name` is kept in the database, `label` is what people read."""

    name: str
    label: str
    every: timedelta
    work: Callable[[Tick], object]

    def is_due(self, kept: TimedTask | None, now: datetime) -> bool:
        """Once in each period of Shanghai's clock, so that a daily piece comes right after midnight; after a failure again soon.

        A clock that was put back makes it due as well: nothing waits for an instant that may be a year away.
        """
        if kept is None or kept.ran_at is None:
            return True
        every = min(self.every, TRY_AGAIN) if kept.error else self.every
        return not same_period(kept.ran_at, now, every)

    def is_missed(self, kept: TimedTask | None, now: datetime) -> bool:
        """Whether it has not succeeded for so long that somebody has to look."""
        return kept is None or kept.succeeded_at is None or now - kept.succeeded_at > MISSED * self.every


def same_period(one: datetime, other: datetime, every: timedelta) -> bool:
    """Whether two instants lie in the same minute, hour or day of Shanghai's clock."""
    return (local(one) - BEGIN) // every == (local(other) - BEGIN) // every


class Outcome(Labelled):
    DONE = "done", "已做"
    FAILED = "failed", "没有做成"
    BUSY = "busy", "另一台正在做"


def run(tasks: Iterable[Task], tick: Tick) -> dict[str, Outcome]:
    """Does what is due, in the order of the list; answers what became of it by name. What is not due is not in the answer."""
    outcomes = {}
    with closing(Turns(tick.engine)) as turns:
        for task in tasks:
            try:
                outcome = _in_turn(task, replace(tick, now=tick.clock()), turns)
            except Exception as error:  # the database itself is away: the next piece may find it again
                LOG.error("timed task %s: %s", task.name, where(error))
                outcome = Outcome.FAILED
            if outcome is not None:
                outcomes[task.name] = outcome
    return outcomes


def _in_turn(task: Task, tick: Tick, turns: Turns) -> Outcome | None:
    with turns.take(task.name) as mine:
        if not mine:
            return Outcome.BUSY
        with tick.looking() as session:
            kept = session.scalar(select(TimedTask).where(TimedTask.name == task.name))
        if not task.is_due(kept, tick.now):
            return None
        try:
            task.work(replace(tick, since=None if kept is None else kept.succeeded_at))
        except Exception as error:
            LOG.error("timed task %s: %s", task.name, where(error))
            _keep(task, tick, error=where(error))
            return Outcome.FAILED
        _keep(task, tick)
        return Outcome.DONE


def _keep(task: Task, tick: Tick, error: str = "") -> None:
    with tick.writing() as session:
        kept = session.scalar(select(TimedTask).where(TimedTask.name == task.name))
        if kept is None:
            kept = TimedTask(name=task.name)
            session.add(kept)
        kept.ran_at, kept.error = tick.now, error
        if not error:
            kept.succeeded_at = tick.now


def where(error: Exception) -> str:
    """What went wrong and in which line of ours. Never the message: a database's quotes the row it was about."""
    kind = type(error).__name__
    if isinstance(error, DBAPIError) and error.orig is not None:
        kind += f" {type(error.orig).__name__}"
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    return f"{kind}, {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else kind


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(ROOT) and "site-packages" not in file


class Turns:
    """By which a piece is done in one place at a time, of all machines. Whoever has a turn loses it with the process, however that ends.

    On PostgreSQL an advisory lock, on one connection of its own for all that take turns here. A SQLite database has one machine:
    there a locked file beside it, one for all pieces.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._own: Connection | None = None

    @contextmanager
    def take(self, name: str) -> Iterator[bool]:
        """Whether this is the only one at it; if so, until the block ends."""
        if self.engine.dialect.name == "sqlite":
            with open(f"{self.engine.url.database}-tick", "w") as file:
                yield _locked(file)
            return
        key = {
            "key": int.from_bytes(hashlib.sha256(f"timed {name}".encode()).digest()[:8], "big", signed=True)
        }
        try:
            taken = bool(self._connection().scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        except DBAPIError:
            self.close()  # the next one begins with a connection that is whole
            raise
        try:
            yield taken
        finally:
            if taken:
                self._give_back(key)

    def _give_back(self, key: dict[str, int]) -> None:
        """At once: a server sees a closed connection a moment later, and who came next would find the piece busy."""
        try:
            self._connection().execute(text("SELECT pg_advisory_unlock(:key)"), key)
        except DBAPIError:
            self.close()  # and the lock with it

    def _connection(self) -> Connection:
        if self._own is None:
            engine = create_engine(self.engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            self._own = engine.connect()
            for setting in NOTICE_THE_DEAD:
                self._own.execute(text(f"SET {setting}"))
        return self._own

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def alone(engine: Engine, name: str) -> Iterator[bool]:
    """A single turn."""
    with closing(Turns(engine)) as turns, turns.take(name) as mine:
        yield mine
