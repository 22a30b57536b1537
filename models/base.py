"""What every table is made of: the declarative base, column types, the database session (数据库底座)."""

from __future__ import annotations

import enum
import math
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, ColumnElement, DateTime, Engine, Enum, Integer, MetaData, String, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.types import TypeDecorator

SHANGHAI = ZoneInfo("Asia/Shanghai")
PAUSE_SECONDS = 5


class RuleBroken(Exception):
    """A rule of the domain says no. The text is Chinese and is shown to the person as it stands."""


class Labelled(enum.StrEnum):
    """A choice with its Chinese name: `PASS = "pass", "通行"`. The code is stored, the label is shown."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Labelled:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member


class UTCDateTime(TypeDecorator[datetime]):
    """An instant. Takes aware datetimes only, stores UTC, gives aware UTC back on SQLite and PostgreSQL alike."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")


class Row(DeclarativeBase):
    """Base of every table. The table is named after its class: `ModeOrder` is `mode_order`."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UTCDateTime(),
        Labelled: Enum(
            Labelled, native_enum=False, length=32, values_callable=lambda choices: [c.value for c in choices]
        ),
        str: String(),
    }

    id: Mapped[int] = mapped_column(primary_key=True)

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """The rows that an appointment with this scope reaches; None for none. Each table that people reach says it."""
        return None

    @classmethod
    def within_at(cls, scope: str, ids: list[int], at: datetime) -> ColumnElement[bool] | None:
        """The same at an instant; only a table whose rows move from scope to scope says more."""
        return cls.within(scope, ids)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


# Of the extension we use engine and session. It cannot build on a base with its own type map, and `Row` needs no more.
db = SQLAlchemy(session_options={"expire_on_commit": False})

# Whether the work at hand is going to write. On SQLite a transaction that begins as a reader and writes later fails
# at once when somebody wrote in between, so a writing request takes the write lock when it begins and waits its turn.
writing: ContextVar[bool] = ContextVar("writing", default=True)


@contextmanager
def reading() -> Iterator[None]:
    """Transactions that begin inside take no write lock."""
    before = writing.set(False)
    try:
        yield
    finally:
        writing.reset(before)


@contextmanager
def to_write() -> Iterator[None]:
    """Transactions that begin inside take the write lock at once, whatever goes on around them."""
    before = writing.set(True)
    try:
        yield
    finally:
        writing.reset(before)


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL, and a commit that survives a power cut: what was promised to a person is on the disk."""
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Pool, "checkin")
def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _ask_after_a_pause(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """A server that was started anew has closed what lay in the pool: who lay there for long is asked before it is used.
    Asking each time (pool_pre_ping) costs a tenth of a check-in."""
    if isinstance(connection, sqlite3.Connection):
        return
    if time.monotonic() - record.info.get("used_at", math.inf) > PAUSE_SECONDS:
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except Exception as error:
            raise DisconnectionError from error  # the pool makes a new one


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing.get() else "BEGIN")


def local(instant: datetime) -> datetime:
    """The same instant on a clock in Shanghai."""
    return instant.astimezone(SHANGHAI)
