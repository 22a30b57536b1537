"""Rows by the million (造数): written past the site, without keys being checked, and indexed once they are there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any

import psycopg
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from benchmarks.databases import Database


@contextmanager
def opened(where: Database) -> Iterator[Any]:
    """`execute(sql, values)` on a connection that checks no foreign keys. Values are named as SQLite has it, `:name`."""
    if where.pid:
        with psycopg.connect(where.of_site, autocommit=True, cursor_factory=psycopg.ClientCursor) as server:
            server.execute("SET session_replication_role = replica")
            yield lambda sql, values: server.execute(_named(sql) if values else sql, values or None)
    else:
        with closing(sqlite3.connect(where.of_site, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous = OFF")
            file.execute("PRAGMA cache_size = -400000")
            yield file.execute


def _named(sql: str) -> str:
    """:name as psycopg writes it."""
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", sql.replace("%", "%%"))


@contextmanager
def without_indexes(execute: Any, where: Database, table: str) -> Iterator[None]:
    """Built afterwards, indexes take a tenth of the time."""
    if where.pid:
        found = execute(
            "SELECT indexname, indexdef FROM pg_indexes JOIN pg_class ON relname = tablename "
            "WHERE tablename = :table AND relkind = 'r' AND indexname LIKE 'ix%'", {"table": table},
        ).fetchall()  # fmt: skip
    else:
        found = execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table AND name LIKE 'ix%'",
            {"table": table},
        ).fetchall()
    for name, _definition in found:
        execute(f"DROP INDEX {name}", {})
    yield
    for _name, definition in found:
        execute(definition, {})


def write(where: Database, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Adds rows that all have the same columns; what they do not say is as the model begins with. A number of their own keeps the
    table's counter behind it."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    dialect = postgresql.dialect() if where.pid else sqlite.dialect()
    begins = {
        c.name: c.default.arg for c in table.columns if isinstance(c.default, ScalarElementColumnDefault)
    }
    columns = [table.c[name] for name in first] + [table.c[name] for name in begins if name not in first]
    stored = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    readied = [
        (column.name, process, begins.get(column.name))
        for column, process in zip(columns, stored, strict=True)
    ]

    def cells(row: dict[str, Any]) -> list[Any]:
        values = ((row.get(name, begin), process) for name, process, begin in readied)
        return [process(value) if process else value for value, process in values]

    made = map(cells, chain([first], rows))
    names = [column.name for column in columns]
    with opened(where) as execute, without_indexes(execute, where, table.name):
        if where.pid:
            _copy(where, table, names, made)
        else:
            _insert(where, table, names, made)
        if where.pid and "id" in first:
            execute(
                "SELECT setval(pg_get_serial_sequence(:name, 'id'), (SELECT max(id) FROM " + table.name + "))",
                {"name": table.name},
            )  # fmt: skip


def _copy(where: Database, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with psycopg.connect(where.of_site) as server:
        server.execute("SET session_replication_role = replica")
        with server.cursor().copy(f"COPY {table.name} ({_quoted(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _insert(where: Database, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    marks = ", ".join("?" * len(names))
    with closing(sqlite3.connect(where.of_site)) as file, file:
        file.execute("PRAGMA synchronous = OFF")
        file.executemany(f"INSERT INTO {table.name} ({_quoted(names)}) VALUES ({marks})", rows)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
