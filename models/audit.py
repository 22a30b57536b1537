"""Who did what to whom (审计): one append-only, hash-chained line per action.

h_n = SHA-256(h_(n-1) || line). The database refuses UPDATE and DELETE on the table by triggers (see the migration).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary, inspect, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, Labelled, Row
from .vault import EncryptedText

CHAIN_LOCK = 0x636861696E  # PostgreSQL advisory lock: one chain, one writer at a time
GENESIS = b"\0" * 32


class Result(Labelled):
    DONE = "done", "已做"
    REFUSED = "refused", "被拒绝"
    FAILED = "failed", "未成功"
    SEEN = "seen", "已查看"


class AuditLine(Row):
    """SEC-12: time, person, post, tenant, address, action, object, result, request. Never passwords, codes, ID numbers."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    account_name: Mapped[str] = mapped_column(default="")
    post: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    action: Mapped[str]
    object_type: Mapped[str] = mapped_column(default="")
    object_id: Mapped[str] = mapped_column(default="")
    result: Mapped[Result]
    request_id: Mapped[str] = mapped_column(default="")
    details: Mapped[str] = mapped_column(default="")  # JSON: before and after, counts, reasons
    hash: Mapped[bytes]

    __table_args__ = (
        Index("ix_audit_line_district_at", "district_id", "at"),
        Index("ix_audit_line_object", "object_type", "object_id"),  # who looked at this?
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None

    def digest(self, previous: bytes) -> bytes:
        line = [
            self.id,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.district_id, self.account_id, self.account_name, self.post, self.address, self.action,
            self.object_type, self.object_id, str(self.result), self.request_id, self.details,
        ]  # fmt: skip
        return hashlib.sha256(previous + json.dumps(line, ensure_ascii=False).encode()).digest()


def append(
    session: Session, *, now: datetime, details: dict[str, Any] | None = None, **facts: Any
) -> AuditLine:
    """Adds one line to the chain. Call it last in a transaction: on PostgreSQL it takes the lock of the chain, after those of
    the rows that are written: everybody in the same order, so that no two wait for each other."""
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    last = session.execute(
        select(AuditLine.id, AuditLine.hash).order_by(AuditLine.id.desc()).limit(1)
    ).first()
    number, previous = (last.id + 1, last.hash) if last else (1, GENESIS)
    facts = {key: _one_line(value) if isinstance(value, str) else value for key, value in facts.items()}
    line = AuditLine(
        id=number,
        at=now,
        details=json.dumps(details, ensure_ascii=False, default=str) if details else "",
        **facts,
    )
    line.account_name = line.account_name or ""
    for column in ("post", "address", "object_type", "object_id", "request_id"):
        setattr(line, column, getattr(line, column) or "")
    line.hash = line.digest(previous)
    session.add(line)
    session.flush()
    return line


def changes(row: Row) -> dict[str, Any]:
    """What is about to change in a row, column by column as [before, after], for `details`.

    Sealed columns and hashes are named only. Ask before the flush: afterwards nothing is pending any more.
    """
    found: dict[str, Any] = {}
    for column in inspect(row).mapper.column_attrs:
        history = inspect(row).attrs[column.key].history
        if not history.has_changes():
            continue
        before, after = (values[0] if values else None for values in (history.deleted, history.added))
        if isinstance(column.columns[0].type, (EncryptedText, LargeBinary)) or column.key == "password_hash":
            found[column.key] = "改过"
        elif before != after:
            found[column.key] = [before, after]
    return found


def _one_line(value: str) -> str:
    """CR, LF and other control characters never reach the log (SEC-12)."""
    return value if value.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in value)


def broken_links(session: Session, *, after: int = 0) -> Iterator[int]:
    """Numbers of the lines whose hash does not follow from the line before, and of gaps; nothing where all is well.

    `after` begins behind that line, whose own hash is then taken as it stands. Lines cut off at the end leave no
    trace in the chain itself: that is what `head()` is noted down for.
    """
    start = session.get(AuditLine, after) if after else None
    previous, expected = (start.hash if start else GENESIS), after + 1
    lines = select(AuditLine).where(AuditLine.id > after).order_by(AuditLine.id)
    for line in session.execute(lines).yield_per(1000).scalars():
        if line.id != expected or line.hash != line.digest(previous):
            yield line.id
        previous, expected = line.hash, line.id + 1


def head(session: Session) -> tuple[int, str]:
    """The number and the first 16 signs of the hash of the last line. Noted outside, it shows a cut-off end."""
    last = session.execute(
        select(AuditLine.id, AuditLine.hash).order_by(AuditLine.id.desc()).limit(1)
    ).first()
    return (last.id, last.hash.hex()[:16]) if last else (0, "")
