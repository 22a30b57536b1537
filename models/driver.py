"""Statements on the hot path (热路径上的语句): SQLAlchemy writes the SQL and converts the values, the driver itself runs it.

Executed the usual way a statement costs several times what the driver takes for it, and two of them half a check-in.
For register.py alone; everything else has no such haste.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine

BUSY_SECONDS = 10  # as in models.base


class Ready:
    """A Core statement made ready for a dialect: its SQL, and how its values are written and read.

    An INSERT names in `columns` those that get their values when it is run.
    """

    def __init__(self, statement: Any, dialect: Dialect, columns: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.sql: str = compiled.string
        self._positions: Sequence[str] | None = compiled.positiontup  # None where values go by name
        self._fixed: dict[str, Any] = compiled.params
        writers = {
            name: _of(bind.type, dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
        }
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


def _of(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)


class DriverConnection:
    """The driver's own connection, for statements that are `Ready`."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self._connection, self._cursor, self._dialect = connection, connection.cursor(), dialect

    def run(self, statement: Callable[[Dialect], Ready], values: Mapping[str, Any]) -> list[Any]:
        """Executes `statement(dialect)`, and gives its rows."""
        ready = statement(self._dialect)
        return [
            ready.row(found) for found in self._cursor.execute(ready.sql, ready.arguments(values)).fetchall()
        ]

    @contextmanager
    def together(self, turn: bytes | None = None) -> Iterator[None]:
        """What is run inside becomes true as a whole or not at all; with `turn`, one holder of the same bytes at a time.

        On SQLite every block of `writing_to` is so. On PostgreSQL its statements stand by themselves otherwise.
        """
        if self._dialect.name != "postgresql":
            yield
            return
        with self._connection.transaction():
            if turn is not None:
                key = int.from_bytes(turn[:8], "big", signed=True)
                self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
            yield


@contextmanager
def writing_to(engine: Engine) -> Iterator[DriverConnection]:
    """For reading and then one INSERT, or more `together`. When the block has ended, what was written is on the disk.

    A failing database raises SQLAlchemy's OperationalError, as it does elsewhere; its `connection_invalidated` says that the
    server had closed the connection, perhaps long before.
    """
    pooled = connection = None
    try:
        pooled = engine.raw_connection()
        connection = pooled.driver_connection
        with _BLOCKS[engine.dialect.name](connection):
            yield DriverConnection(connection, engine.dialect)
        pooled.close()
    except BaseException as error:
        failed = isinstance(error, engine.dialect.loaded_dbapi.OperationalError)
        gone = failed and engine.dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type]
        if pooled is not None:
            pooled.invalidate()  # in whatever state it is: nobody else gets it
        if gone:
            engine.dispose()  # the others of the pool are gone as well
        if failed:
            raise OperationalError(None, None, error, connection_invalidated=gone) from error
        raise


_turn = threading.Lock()


@contextmanager
def _in_turn(connection: sqlite3.Connection) -> Iterator[None]:
    """SQLite writes one at a time: the threads of a process queue here, for at its own lock they would sleep and ask again."""
    if not _turn.acquire(timeout=BUSY_SECONDS):
        raise sqlite3.OperationalError("database is locked")
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    finally:
        _turn.release()


@contextmanager
def _each_by_itself(connection: Any) -> Iterator[None]:
    """PostgreSQL shows every statement what is committed by then, in a transaction or out of it (READ COMMITTED). So the
    INSERT is the transaction, and the server is asked twice, not four times."""
    connection.autocommit = True
    yield
    connection.autocommit = False


_BLOCKS: dict[str, Callable[[Any], AbstractContextManager[None]]] = {
    "sqlite": _in_turn,
    "postgresql": _each_by_itself,
}
