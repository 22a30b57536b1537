"""Many rows at once from a workbook (批次导入): looked at first, then taken over, and for seven days taken back again.

The row of the batch is the truth, whoever works on it: any worker can go on where another one died. A part of 1,000 rows is looked
at, taken over and taken back as a whole, once. What stands in the rows is sealed and goes when it is of no more use.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from .accounts import Account
from .base import Labelled, Row, RuleBroken
from .vault import Vault

PART = 1000  # rows; on SQLite everybody else waits as long as one part is written
UNDO_WITHIN = timedelta(days=7)
CONFIRM_WITHIN = timedelta(hours=24)
SILENT = timedelta(seconds=60)  # without a sign of life: the worker is dead
MOST_TRIES = 5  # in a row without any progress
OWNERS = {
    "enterprise": "enterprise_id", "unit": "unit_id", "community": "community_id", "district": "district_id",
}  # fmt: skip


class BatchKind(Labelled):
    EMPLOYEES = "employees", "员工"
    REGISTER = "register", "企业名册"
    LETTERS = "letters", "责任书"


class BatchState(Labelled):
    READING = "reading", "正在检查"
    PREVIEWED = "previewed", "等待确认"
    APPLYING = "applying", "正在导入"
    DONE = "done", "已导入"
    UNDOING = "undoing", "正在撤销"
    UNDONE = "undone", "已撤销"
    FAILED = "failed", "没有导入"
    EXPIRED = "expired", "过期没有确认"


class RowAction(Labelled):
    """What becomes of a row of the table."""

    NEW = "new", "新增"
    CHANGE = "change", "改动"
    SAME = "same", "没有变化"
    ERROR = "error", "不能导入"


NOTHING = {
    BatchKind.EMPLOYEES: "没有要新增或改动的行，不用导入",
    BatchKind.REGISTER: "没有要新增或改动的行，不用导入",
    BatchKind.LETTERS: "这些企业都不用再发，没有发出",
}
ACTIONS = {BatchKind.LETTERS: "letter:issue"}  # as whose work it stands in the audit; the others are imports
S = BatchState
WORKING = (S.READING, S.APPLYING, S.UNDOING)
COUNTS = {
    RowAction.NEW: "news",
    RowAction.CHANGE: "changes",
    RowAction.SAME: "sames",
    RowAction.ERROR: "errors",
}


class Batch(Row):
    """One file, and what became of it. Whose it is: an enterprise's, or that of officers of one scope; exactly one is set."""

    kind: Mapped[BatchKind]
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    file_name: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    by_name: Mapped[str]
    at: Mapped[datetime]
    state: Mapped[BatchState]
    trouble: Mapped[str] = mapped_column(default="")  # why it came to nothing, in words
    ignored: Mapped[str] = mapped_column(default="")  # heads that nobody knows
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    news: Mapped[int] = mapped_column(default=0)
    changes: Mapped[int] = mapped_column(default=0)
    sames: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    kept: Mapped[int] = mapped_column(default=0)  # rows that undoing left alone
    previewed_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]  # the instant that stands in every row that was taken over
    undone_at: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(default="")
    heartbeat: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    upload: Mapped[bytes | None] = mapped_column(deferred=True)  # sealed; gone once it is read

    __table_args__ = (
        Index("ix_batch_enterprise_at", "enterprise_id", "at"),
        Index("ix_batch_unit_at", "unit_id", "at"),
        Index("ix_batch_community_at", "community_id", "at"),
        Index("ix_batch_district_at", "district_id", "at"),
        Index("ix_batch_state", "state"),
    )
    UPLOAD = "batch.upload"

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """Its own scope reaches it and nobody else: in an enterprise's batch stand named people."""
        return getattr(cls, OWNERS[scope]).in_(ids) if scope in OWNERS else None

    @classmethod
    def receive(
        cls, vault: Vault, kind: BatchKind, scope: str, scope_id: int, *, name: str, content: bytes, by: Account, now: datetime
    ) -> Batch:  # fmt: skip
        """A file that somebody sent, to be looked at."""
        shown = "".join(sign for sign in name if sign.isprintable())[-100:] or "没有名字的文件"
        return cls(
            kind=kind, file_name=shown, by_id=by.id, by_name=by.name, at=now, state=S.READING,
            upload=vault.seal_bytes(content, cls.UPLOAD), **{OWNERS[scope]: scope_id},
        )  # fmt: skip

    @property
    def scope(self) -> tuple[str, int]:
        """Whose it is."""
        return next((scope, number) for scope, key in OWNERS.items() if (number := getattr(self, key)))

    @property
    def working(self) -> bool:
        return self.state in WORKING

    @property
    def undo_until(self) -> datetime | None:
        return self.applied_at + UNDO_WITHIN if self.applied_at else None

    def can_be_undone(self, now: datetime) -> bool:
        until = self.undo_until
        return until is not None and now < until and self.state in (S.DONE, S.FAILED)

    def confirm(self, session: Session, now: datetime) -> bool:
        """Begins to take the rows over; False where somebody has confirmed already."""
        if self.state == S.PREVIEWED and not self.news + self.changes:
            raise RuleBroken(NOTHING[self.kind])
        return self._turn(session, S.PREVIEWED, S.APPLYING, applied_at=now)

    def undo(self, session: Session, now: datetime) -> bool:
        """Begins to take them back; False where that has been asked for already."""
        if self.state in (S.DONE, S.FAILED) and not self.can_be_undone(now):
            raise RuleBroken(f"导入超过{UNDO_WITHIN.days}天，不能撤销了。要改的请在档案里逐条改")
        return self._turn(session, self.state if self.state == S.FAILED else S.DONE, S.UNDOING, kept=0)

    def _turn(self, session: Session, before: S, after: S, **facts: Any) -> bool:
        """From one state to another, once, however many ask at the same time."""
        turned = session.execute(
            update(Batch)
            .where(Batch.id == self.id, Batch.state == before)
            .values(state=after, done=0, tries=0, worker="", heartbeat=None, trouble="", **facts)
            .execution_options(synchronize_session=False)
        )
        session.refresh(self)
        return bool(turned.rowcount)  # type: ignore[attr-defined]


class BatchPart(Row):
    """Up to 1,000 rows of a batch, sealed as one: number in the file, action, what it says and said before, errors by cell."""

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    number: Mapped[int]
    news: Mapped[int]
    changes: Mapped[int]
    sames: Mapped[int]
    errors: Mapped[int]
    doubts: Mapped[int]
    kept: Mapped[int] = mapped_column(default=0)
    applied: Mapped[bool] = mapped_column(default=False)
    rows: Mapped[bytes] = mapped_column(deferred=True)

    __table_args__ = (Index("uq_batch_part_batch_number", "batch_id", "number", unique=True),)
    ROWS = "batch_part.rows"

    def put(self, vault: Vault, rows: Sequence[dict[str, Any]]) -> None:
        text = json.dumps(_by_column(rows), ensure_ascii=False, separators=(",", ":"))
        self.rows = vault.seal_bytes(text.encode(), self.ROWS)
        counts = Counter(row["action"] for row in rows)
        for action, column in COUNTS.items():
            setattr(self, column, counts[action.value])
        self.doubts = sum(bool(row.get("doubts")) for row in rows)
        self.kept = sum(bool(row.get("kept")) for row in rows)

    def take(self, vault: Vault) -> list[dict[str, Any]]:
        kept = json.loads(vault.unseal_bytes(self.rows, self.ROWS))
        return kept if isinstance(kept, list) else _by_row(kept)  # by row they were kept up to November 2026


def _by_column(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows as a part keeps them: the name of a column stands there once, not a thousand times."""
    columns: dict[str, Any] = _columns(rows)
    if "cells" in columns:
        columns["cells"] = _columns([cells or {} for cells in columns["cells"]])
    return columns


def _by_row(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """The reverse of `_by_column`."""
    if "cells" in columns:
        columns["cells"] = [cells or None for cells in _rows(columns["cells"])]
    return _rows(columns)


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {key: [row.get(key) for row in rows] for key in dict.fromkeys(chain.from_iterable(rows))}


def _rows(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    keys = tuple(columns)
    return [
        {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        for values in zip(*columns.values(), strict=True)
    ]


# What can be picked out of a batch: by the column of the part that counts it.
PICKS = {
    "new": "news",
    "change": "changes",
    "same": "sames",
    "error": "errors",
    "doubt": "doubts",
    "kept": "kept",
}


def tally(session: Session, batch: Batch) -> dict[str, int]:
    """How many rows each pick has."""
    columns = [getattr(BatchPart, column) for column in PICKS.values()]
    found = session.execute(select(*columns).where(BatchPart.batch_id == batch.id)).all()
    return {pick: sum(row[place] for row in found) for place, pick in enumerate(PICKS)}


def rows_of(
    session: Session, vault: Vault, batch: Batch, pick: str = "", *, skip: int = 0, most: int | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a batch in the order of the file; parts without any that is wanted are not opened."""
    column = PICKS.get(pick)
    counts = select(BatchPart.id, getattr(BatchPart, column) if column else BatchPart.id)
    for number, count in session.execute(
        counts.where(BatchPart.batch_id == batch.id).order_by(BatchPart.number)
    ).all():
        if column and count <= skip:
            skip -= count
            continue
        part = session.get_one(BatchPart, number)
        wanted = [row for row in part.take(vault) if not pick or _picked(row, pick)]
        session.expunge(part)
        for row in wanted[skip:]:
            if most == 0:
                return
            most = None if most is None else most - 1
            yield row
        skip = max(0, skip - len(wanted))


def _picked(row: dict[str, Any], pick: str) -> bool:
    return (
        bool(row.get("doubts" if pick == "doubt" else "kept"))
        if pick in ("doubt", "kept")
        else row["action"] == pick
    )


def waiting(now: datetime) -> ColumnElement[bool]:
    """Batches that have work to be done and nobody alive who does it."""
    return and_(Batch.state.in_(WORKING), or_(Batch.heartbeat.is_(None), Batch.heartbeat < now - SILENT))


def forget(session: Session, now: datetime) -> None:
    """Files and rows go when nobody can use them any more: not confirmed in a day, not undone in a week, undone or failed."""
    unconfirmed = and_(Batch.state == S.PREVIEWED, Batch.previewed_at < now - CONFIRM_WITHIN)
    session.execute(update(Batch).where(unconfirmed).values(state=S.EXPIRED))
    session.execute(
        update(Batch).where(Batch.upload.is_not(None), Batch.at < now - CONFIRM_WITHIN).values(upload=None)
    )
    over = or_(
        Batch.state == S.EXPIRED,
        and_(Batch.state.in_((S.DONE, S.FAILED)), Batch.applied_at < now - UNDO_WITHIN),
        and_(Batch.state == S.UNDONE, Batch.undone_at < now - UNDO_WITHIN),
        and_(Batch.state == S.FAILED, Batch.applied_at.is_(None)),
    )
    session.execute(delete(BatchPart).where(BatchPart.batch_id.in_(select(Batch.id).where(over))))
