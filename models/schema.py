"""The shape of the database (库结构): migrations up and down, by Alembic alone."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

import models

from .base import Row
from .weeks import is_partition

MIGRATIONS = Path(__file__).parent / "migrations"


def every_table() -> None:
    """Loads every module that declares tables, so that `Row.metadata` knows them all."""
    for module in pkgutil.iter_modules(models.__path__):
        if not module.ispkg:
            importlib.import_module(f"models.{module.name}")


def upgrade(engine: Engine, revision: str = "head") -> None:
    with _changing(engine) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    with _changing(engine) as connection:
        command.downgrade(_config(connection), revision)


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """One transaction. SQLite changes a table by making it anew, and may not ask meanwhile who points at it: it is asked at the
    end instead."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect once a transaction has begun
        try:
            with connection.begin():
                yield connection
                lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if lost:
                    raise RuntimeError(f"rows that point at nothing: {lost[:5]}")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def differences(engine: Engine) -> list[Any]:
    """What the models say and the database does not have, or the other way round; empty where they agree."""
    every_table()
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "include_name": is_ours},
        )
        return list(compare_metadata(context, Row.metadata))


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether the comparison should look at it: the weeks of check_in are made and dropped as time goes by."""
    return not (kind == "table" and name is not None and is_partition(name))


def revision(connection: Connection) -> str | None:
    """Which shape a database has; None for one without tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest() -> str:
    """The shape that this program needs."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def knows(revision: str) -> bool:
    """Whether this program has the migration that leads to a shape: not so for one of a newer program."""
    return any(script.revision == revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


def write_migration(engine: Engine, name: str) -> str:
    """Writes the next numbered migration from the difference; look at it before you keep it."""
    every_table()
    numbers = [int(f.name[:4]) for f in (MIGRATIONS / "versions").glob("[0-9]*.py")]
    with engine.begin() as connection:
        number = f"{max(numbers, default=0) + 1:04}"
        script: Any = command.revision(_config(connection), message=name, autogenerate=True, rev_id=number)
    return str(script.path)


def _config(connection: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config
