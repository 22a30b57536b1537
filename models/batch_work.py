"""The work on a batch (批次的后台处理): reading, taking over and taking back, part by part, by one worker at a time.

Each part is one short transaction that also says how far the batch has come. A worker that dies has done whole parts; the next one,
a minute later, goes on behind them. Looking at the file changes nothing and is simply begun anew.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from . import audit
from .accounts import Account
from .base import RuleBroken, reading, to_write
from .batches import (
    ACTIONS,
    COUNTS,
    MOST_TRIES,
    PART,
    Batch,
    BatchKind,
    BatchPart,
    BatchState,
    RowAction,
    forget,
    waiting,
)
from .timed import where
from .vault import Vault

LOG = logging.getLogger("site.batches")
Rows = list[dict[str, Any]]
SIGN_EVERY = 0.5  # seconds; a commit for each part would take longer than to look at it


class Line(NamedTuple):
    """A row of the table as it stands there: its number, its cells, and which of them cannot be what they were."""

    number: int
    cells: dict[str, str]
    errors: dict[str, str]


class Importer(Protocol):
    """What a kind of rows has to say. One is made for each run over a batch, so that it can remember what it has seen."""

    def judge(self, session: Session, lines: Sequence[Line]) -> Rows:
        """What would become of each row. Changes nothing."""

    def apply(self, session: Session, rows: Rows) -> None:
        """Takes the rows over; what has changed since it was looked at, becomes an error."""

    def undo(self, session: Session, rows: Rows) -> None:
        """Takes them back; what was edited since gets `kept`, the reason in words."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the work needs of the site. `read`: (content, name, kind) to the rows and the heads that nobody knows."""

    engine: Engine
    vault: Vault
    clock: Callable[[], datetime]
    read: Callable[[bytes, str, BatchKind], tuple[Sequence[Line], list[str]]]
    importers: Mapping[BatchKind, Callable[[Batch, Vault, datetime], Importer]]

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with to_write(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def looking(self) -> Iterator[Session]:
        with reading(), Session(self.engine, expire_on_commit=False) as session:
            yield session


class _Lost(Exception):
    """Somebody else works on this batch."""


def pick_up(bench: Bench) -> None:
    """Goes on with every batch whose worker is dead or never came, and forgets what is over."""
    now = bench.clock()
    with bench.writing() as session:
        forget(session, now)
        numbers = session.scalars(select(Batch.id).where(waiting(now)).order_by(Batch.id)).all()
    for number in numbers:
        try:
            work(bench, number)
        except Exception as error:  # the other batches wait for their turn
            LOG.error("batch %s: %s", number, where(error))


def work(bench: Bench, batch_id: int) -> None:
    """Brings a batch to where a person is asked again, or to its end."""
    run = _Run(bench, batch_id)
    if not run.claim():
        return
    try:
        if run.batch.state == BatchState.READING:
            run.look()
        elif run.batch.state == BatchState.APPLYING:
            run.take_over()
        else:
            run.take_back()
    except RuleBroken as refusal:
        run.end(BatchState.FAILED, trouble=str(refusal), upload=None)
    except _Lost:
        return


@dataclass(slots=True)
class _Run:
    bench: Bench
    batch_id: int
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    batch: Batch = field(init=False)

    def claim(self) -> bool:
        now = self.bench.clock()
        with self.bench.writing() as session:
            mine = update(Batch).where(Batch.id == self.batch_id, waiting(now))
            values = {"worker": self.token, "heartbeat": now, "tries": Batch.tries + 1}
            if not session.execute(mine.values(values)).rowcount:  # type: ignore[attr-defined]
                return False
            self.batch = session.get_one(Batch, self.batch_id)
        if self.batch.tries > MOST_TRIES:
            words = f"处理时出错，试了{MOST_TRIES}次都没有做完。请把文件分小一些再试，还不行请联系系统管理员"
            self.end(BatchState.FAILED, trouble=words, upload=None)
            return False
        return True

    def look(self) -> None:
        with self.bench.looking() as session:
            sealed = session.scalar(select(Batch.upload).where(Batch.id == self.batch_id))
        if sealed is None:
            raise RuleBroken("文件已经过期删除，请再上传一次")
        content = self.bench.vault.unseal_bytes(sealed, Batch.UPLOAD)
        lines, unknown = self.bench.read(content, self.batch.file_name, self.batch.kind)
        importer = self._importer(self.bench.clock())
        with self.bench.writing() as session:
            session.execute(delete(BatchPart).where(BatchPart.batch_id == self.batch_id))
            self._sign(session, done=0, total=len(lines))
        waiting: list[BatchPart] = []
        kept_at = time.monotonic()
        for number, begin in enumerate(range(0, len(lines), PART)):
            some = lines[begin : begin + PART]
            with self.bench.looking() as session:
                rows = importer.judge(session, some)
            part = BatchPart(batch_id=self.batch_id, number=number)
            part.put(self.bench.vault, rows)
            waiting.append(part)
            done = begin + len(some)
            if done == len(lines) or time.monotonic() - kept_at > SIGN_EVERY:
                with self.bench.writing() as session:
                    self._sign(session, done=done)
                    session.add_all(waiting)
                waiting, kept_at = [], time.monotonic()
        self.end(
            BatchState.PREVIEWED,
            upload=None,
            previewed_at=self.bench.clock(),
            ignored="、".join(unknown)[:500],
        )

    def take_over(self) -> None:
        assert self.batch.applied_at is not None
        importer = self._importer(self.batch.applied_at)
        for number in self._parts(applied=False):
            self._part(number, importer.apply, applied=True)
        self.end(BatchState.DONE)

    def take_back(self) -> None:
        importer = self._importer(self.bench.clock())
        for number in self._parts(applied=True):
            self._part(number, importer.undo, applied=False)
        self.end(BatchState.UNDONE, undone_at=self.bench.clock())

    def _parts(self, *, applied: bool) -> Sequence[int]:
        with self.bench.looking() as session:
            found = select(BatchPart.id).where(
                BatchPart.batch_id == self.batch_id, BatchPart.applied.is_(applied)
            )
            order = BatchPart.number.desc() if applied else BatchPart.number
            return session.scalars(found.order_by(order)).all()

    def _part(self, number: int, act: Callable[[Session, Rows], None], *, applied: bool) -> None:
        """One part as a whole. Whoever wrote the same row at the same moment is seen the second time."""
        for last in (False, True):
            try:
                with self.bench.writing() as session:
                    part = session.get_one(BatchPart, number)
                    rows = part.take(self.bench.vault)
                    self._sign(session, done=Batch.done + len(rows), tries=0)
                    act(session, rows)
                    part.applied = applied
                    part.put(self.bench.vault, rows)
                return
            except IntegrityError:
                if last:
                    raise

    def end(self, state: BatchState, **facts: Any) -> None:
        """Out of the worker's hands."""
        with self.bench.writing() as session:
            parts = session.scalars(select(BatchPart).where(BatchPart.batch_id == self.batch_id)).all()
            counts = {key: sum(getattr(part, key) for part in parts) for key in (*COUNTS.values(), "kept")}
            self._sign(session, state=state, heartbeat=None, worker="", **counts, **facts)
            if state in (BatchState.DONE, BatchState.UNDONE):
                self._audit(session, state, counts)

    def _audit(self, session: Session, state: BatchState, counts: dict[str, int]) -> None:
        by = session.get_one(Account, self.batch.by_id)
        audit.append(
            session, now=self.bench.clock(), details={"state": state.value, **counts}, action=ACTIONS.get(self.batch.kind, "import:handle"),
            result=audit.Result.DONE, object_type="batch", object_id=str(self.batch_id), account_id=by.id,
            account_name=by.name, district_id=by.district_id,
        )  # fmt: skip

    def _sign(self, session: Session, **values: Any) -> None:
        """A sign of life, in the transaction of the work it speaks of. _Lost where the batch is another's by now."""
        mine = update(Batch).where(Batch.id == self.batch_id, Batch.worker == self.token)
        values = {"heartbeat": self.bench.clock()} | values
        signed = session.execute(mine.values(values).execution_options(synchronize_session=False))
        if not signed.rowcount:  # type: ignore[attr-defined]
            raise _Lost

    def _importer(self, at: datetime) -> Importer:
        return self.bench.importers[self.batch.kind](self.batch, self.bench.vault, at)


def row(line: Line, action: RowAction, **facts: Any) -> dict[str, Any]:
    """A row as a part keeps it. One that cannot be taken keeps its cells as they were sent."""
    return {"number": line.number, "action": str(action), **facts}


def refuse(row: dict[str, Any], words: str) -> None:
    """What looked well and is so no more."""
    row["action"], row["errors"] = RowAction.ERROR.value, {"": words}
