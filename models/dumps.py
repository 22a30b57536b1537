"""A whole database as one file and back (整库导出、装入): SQLite by its online backup, PostgreSQL by pg_dump and pg_restore.

Nobody has to stop for it: what is written meanwhile is not in the file.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from .base import RuleBroken, reading


@contextmanager
def dump(engine: Engine, file: Path) -> Iterator[Connection]:
    """Writes the database to `file`, and gives a connection that sees exactly what the file has, to count it."""
    with (
        reading(),
        {"sqlite": _copy, "postgresql": _pg_dump}[engine.dialect.name](engine, file) as connection,
    ):
        yield connection


def load(engine: Engine, file: Path) -> None:
    """Fills an empty database from a file that `dump` wrote: all of it, or nothing."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(file)) as source, closing(_connect(engine)) as target:
            source.backup(target)
        engine.dispose()
    else:
        _run(
            engine,
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            str(file),
        )


@contextmanager
def throw_away(engine: Engine, kind: str, folder: Path) -> Iterator[Engine]:
    """An empty database of this kind that is gone afterwards; PostgreSQL's on the same server as the site's."""
    if kind == "sqlite":
        with closing_engine(create_engine(f"sqlite:///{folder / 'tried.db'}", poolclass=NullPool)) as trial:
            yield trial
        return
    name = f"restore_check_{secrets.token_hex(4)}"
    _on_server(engine, f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        with closing_engine(create_engine(engine.url.set(database=name), poolclass=NullPool)) as trial:
            yield trial
    finally:
        _on_server(engine, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def closing_engine(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _copy(engine: Engine, file: Path) -> Iterator[Connection]:
    """One reading transaction for the whole copy: writers go on beside it."""
    with closing(_connect(engine)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)
    with (
        closing_engine(create_engine(f"sqlite:///{file}", poolclass=NullPool)) as copy,
        copy.connect() as connection,
    ):
        yield connection
    with closing(sqlite3.connect(file)) as target:
        target.execute("PRAGMA journal_mode=DELETE")  # one file again, nothing beside it
        if (found := target.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise RuleBroken(f"数据库文件有损坏，没有留下备份：{found[:200]}")


@contextmanager
def _pg_dump(engine: Engine, file: Path) -> Iterator[Connection]:
    """pg_dump looks at the same snapshot as the connection that counts."""
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        connection.begin(),
    ):
        connection.execute(text("SET TRANSACTION READ ONLY"))
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        _run(
            engine,
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--snapshot={snapshot}",
            f"--file={file}",
        )
        yield connection


def _connect(engine: Engine) -> sqlite3.Connection:
    return sqlite3.connect(engine.url.database or "", timeout=10)


def _on_server(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def _run(engine: Engine, program: str, *arguments: str) -> None:
    """A program of PostgreSQL on the site's database. The password goes by the environment, where no list of processes shows it."""
    parts = engine.url.translate_connect_args(username="user", database="dbname")
    environment = {**os.environ, "PGPASSWORD": str(parts.pop("password", ""))}
    target = _conninfo({**parts, **engine.url.normalized_query})
    command: Sequence[str] = [program, f"--dbname={target}", *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        raise RuleBroken(f"没有{program}：请安装与数据库同版本的postgresql-client") from None
    if done.returncode:
        raise RuleBroken(f"{program}没有成功：{done.stderr.strip()[-500:]}")


def _conninfo(parts: Mapping[str, Any]) -> str:
    """How the programs of PostgreSQL take an address."""
    joined = {name: ",".join(v) if isinstance(v, tuple) else str(v) for name, v in parts.items()}
    quoted = {name: v.replace("\\", "\\\\").replace("'", "\\'") for name, v in joined.items()}
    return " ".join(f"{name}='{v}'" for name, v in quoted.items())
