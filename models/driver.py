"""Statements on the hot path (热路径上的语句): SQLAlchemy writes the SQL and converts the values, the driver itself runs it.

Executed the usual way a statement costs several times what the driver takes for it, and two of them half a check-in.
For what a whole district asks at once: check-ins, passes, polls; and for the thousands of rows of a workbook. Everything else has no
such haste.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, LargeBinary, Table, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from .base import PAUSE_SECONDS

BUSY_SECONDS = 10  # as in models.base
# Every statement here is a look-up by an index, planned once. Left to itself PostgreSQL plans those that name their days anew each
# time; and planned once, it would read a week's table that it believes empty from end to end: more with each visitor of a Monday.
PLANS = ("plan_cache_mode = force_generic_plan", "enable_seqscan = off")
Writer = Callable[[Any], Any]
LOOK_MS = 3  # SQLite sleeps 1 and 2 ms, about as long as a write takes


class Ready:
    """A Core statement made ready for a dialect: its SQL, and how its values are written and read.

    An INSERT names in `columns` those that get their values when it is run.
    """

    def __init__(self, statement: Any, dialect: Dialect, columns: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.sql: str = compiled.string
        self._positions: Sequence[str] | None = compiled.positiontup  # None where values go by name
        self._fixed: dict[str, Any] = compiled.params
        writers = {name: _writer(bind.type, dialect) for bind, name in compiled.bind_names.items()}
        self._writers = [(name, write) for name, write in writers.items() if write is not None]
        returned = statement.exported_columns
        self._row: Any = namedtuple("Row", [c.name for c in returned])  # type: ignore[misc]
        readers = [_of(c.type, dialect).result_processor(dialect, None) for c in returned]
        self._readers = [(place, read) for place, read in enumerate(readers) if read is not None]

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
        """The values as the driver takes them."""
        given = {**self._fixed, **values}
        for name, write in self._writers:
            given[name] = write(given[name])
        return given if self._positions is None else [given[name] for name in self._positions]

    def row(self, found: Sequence[Any]) -> Any:
        """A row of the driver with names and our types."""
        cells = list(found)
        for place, read in self._readers:
            cells[place] = read(cells[place])
        return self._row._make(cells)


class Filling:
    """Thousands of rows for a table: its columns in order, and how the values of each are written. PostgreSQL copies them in."""

    def __init__(self, table: Table, columns: Sequence[str], dialect: Dialect) -> None:
        self._columns = [(name, _writer(table.c[name].type, dialect)) for name in columns]
        into, marks = f"{table.name} ({', '.join(columns)})", ", ".join("?" * len(columns))
        copied = dialect.name == "postgresql"
        self.sql = f"COPY {into} FROM STDIN" if copied else f"INSERT INTO {into} VALUES ({marks})"

    def rows(self, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
        """The rows as the driver takes them."""
        return zip(*(self._column(name, write, rows, same) for name, write in self._columns), strict=False)

    @staticmethod
    def _column(
        name: str, write: Writer | None, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]
    ) -> Iterable[Any]:
        if name in same:
            return repeat(same[name] if write is None else write(same[name]), len(rows))
        values = [one[name] for one in rows]
        return values if write is None else map(write, values)


def _of(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> Writer | None:
    """What makes of a value what the driver takes; None where it is that already. Both drivers take bytes as they are, quicker
    than in SQLAlchemy's wrapper."""
    if isinstance(kind, LargeBinary):
        return None
    if isinstance(kind, TypeDecorator) and isinstance(kind.impl_instance, LargeBinary):
        return partial(kind.process_bind_param, dialect=dialect)
    return _of(kind, dialect).bind_processor(dialect)


def _patiently(attempt: Callable[[], Any]) -> Any:
    """Waits for SQLite's lock up to BUSY_SECONDS. Left to itself SQLite sleeps longer and longer, up to a tenth of a second, and
    a process whose neighbour is busy would get no turn at all."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
            if not busy or time.monotonic() > deadline:
                raise


class DriverConnection:
    """A connection of the driver, for statements that are `Ready`. On PostgreSQL each is a transaction of its own, unless one
    was begun."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.connection, self._cursor, self.dialect = connection, connection.cursor(), dialect

    @classmethod
    def of(cls, session: Session) -> DriverConnection:
        """The connection of a session, within its transaction."""
        raw = session.connection().connection.driver_connection
        return cls(raw, session.get_bind().dialect)

    def run(self, statement: Callable[[Dialect], Ready], values: Mapping[str, Any]) -> list[Any]:
        """Executes `statement(dialect)`, and gives its rows."""
        ready = statement(self.dialect)
        arguments = ready.arguments(values)
        found = _patiently(lambda: self._cursor.execute(ready.sql, arguments).fetchall())
        return [ready.row(one) for one in found]

    def look(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """The rows of a SELECT that is written by hand. PostgreSQL plans it for these very values: a list that it sees is hashed, one
        that it does not see held against each row value by value."""
        once = {"prepare": False} if self.dialect.name == "postgresql" else {}
        found: list[Any] = self._cursor.execute(sql, values, **once).fetchall()
        return found

    def fill(
        self,
        filling: Callable[[Dialect], Filling],
        rows: Sequence[Mapping[str, Any]],
        same: Mapping[str, Any],
    ) -> None:
        """Writes new rows; `same` are the columns that are alike in all of them. What a constraint says no to raises SQLAlchemy's
        IntegrityError."""
        ready = filling(self.dialect)
        try:
            if self.dialect.name == "postgresql":
                with self._cursor.copy(ready.sql) as copy:
                    for one in ready.rows(rows, same):
                        copy.write_row(one)
            else:
                self._cursor.executemany(ready.sql, ready.rows(rows, same))
        except self.dialect.loaded_dbapi.IntegrityError as error:
            raise IntegrityError(None, None, error) from error

    @contextmanager
    def together(self, turn: bytes | None = None) -> Iterator[None]:
        """What is run inside becomes true as a whole or not at all; with `turn`, one holder of the same bytes at a time.

        On SQLite every block of `writing_to` is so.
        """
        if self.dialect.name != "postgresql":
            yield
            return
        with self.connection.transaction():
            if turn is not None:
                key = int.from_bytes(turn[:8], "big", signed=True)
                self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
            yield


class KeptConnection(DriverConnection):
    """One of our own, kept from one request to the next."""

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # prepared like every connection of the engine, and from now on ours alone
        if engine.dialect.name == "postgresql":
            connection.autocommit = True
            for setting in PLANS:
                connection.execute(f"SET {setting}")
        else:
            connection.execute(f"PRAGMA busy_timeout={LOOK_MS}")  # see _patiently
        super().__init__(connection, engine.dialect)
        self.used_at = time.monotonic()

    def answers(self) -> bool:
        """Whether the server is still there: asked only after a pause, as the pool does."""
        if self.dialect.name == "sqlite" or time.monotonic() - self.used_at < PAUSE_SECONDS:
            return True
        try:
            self._cursor.execute("SELECT 1")
        except self.dialect.loaded_dbapi.Error:
            return False
        return True


# Connections that nobody uses just now. SQLAlchemy's pool would do as well, and costs a check-in the twentieth part of it.
_idle: WeakKeyDictionary[Engine, deque[KeptConnection]] = WeakKeyDictionary()


@event.listens_for(Engine, "engine_disposed")
def _close_idle(engine: Engine) -> None:
    for connection in _idle.pop(engine, ()):
        connection.connection.close()


@contextmanager
def reading_from(engine: Engine) -> Iterator[DriverConnection]:
    """For SELECTs. A failing database raises SQLAlchemy's OperationalError, as it does elsewhere; its
    `connection_invalidated` says that the server had closed the connection, perhaps long before."""
    connection = None
    try:
        connection = _take(engine)
        yield connection
    except BaseException as error:
        _give_up(engine, connection, error)
        raise
    _lay_back(engine, connection)


def write_one(engine: Engine, statement: Callable[[Dialect], Ready], values: Mapping[str, Any]) -> list[Any]:
    """The rows of one statement that is a transaction by itself: as `writing_to`, without the weight of three context managers."""
    queues, connection = engine.dialect.name == "sqlite", None
    if queues:
        _wait_for_turn()
    try:
        connection = _take(engine)
        found = connection.run(statement, values)
    except BaseException as error:
        _give_up(engine, connection, error)
        raise
    else:
        _lay_back(engine, connection)
        return found
    finally:
        if queues:
            _turn.release()


@contextmanager
def writing_to(engine: Engine) -> Iterator[DriverConnection]:
    """For reading and then one INSERT, or more `together`. When the block has ended, what was written is on the disk. Fails as
    `reading_from` does.

    PostgreSQL shows every statement what is committed by then, in a transaction or out of it (READ COMMITTED). So the INSERT
    is the transaction there, and the server is asked twice, not four times.
    """
    if engine.dialect.name == "postgresql":
        with reading_from(engine) as connection:
            yield connection
        return
    _wait_for_turn()
    try:
        with reading_from(engine) as connection:
            _patiently(lambda: connection.connection.execute("BEGIN IMMEDIATE"))
            yield connection
            connection.connection.execute("COMMIT")
    finally:
        _turn.release()


def _take(engine: Engine) -> KeptConnection:
    idle = _idle.get(engine)
    while idle:
        try:
            connection = idle.pop()
        except IndexError:  # another thread was quicker
            break
        if connection.answers():
            return connection
        connection.connection.close()
    return KeptConnection(engine)


def _lay_back(engine: Engine, connection: KeptConnection) -> None:
    connection.used_at = time.monotonic()
    _idle.setdefault(engine, deque()).append(connection)


def _give_up(engine: Engine, connection: KeptConnection | None, error: BaseException) -> None:
    """Nobody else gets a connection that failed, in whatever state it is."""
    failed = isinstance(error, engine.dialect.loaded_dbapi.OperationalError)
    gone = failed and engine.dialect.is_disconnect(error, connection and connection.connection, None)  # type: ignore[arg-type]
    if connection is not None:
        connection.connection.close()
    if gone:
        engine.dispose()  # the others are gone as well
    if failed:
        raise OperationalError(None, None, error, connection_invalidated=gone) from error


_turn = threading.Lock()


def _wait_for_turn() -> None:
    """SQLite writes one at a time, and the threads of a process queue here. Whoever has the turn takes the connection that was
    used last: it alone still has in mind what the last one wrote."""
    if not _turn.acquire(timeout=BUSY_SECONDS):
        raise OperationalError(None, None, sqlite3.OperationalError("database is locked"))
