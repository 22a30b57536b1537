"""The rows of a district's days until they are written (日记): check-ins, readings, notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from models.demo.cases import Case
from models.gate import UNFINISHED, CheckIn, Note, Reading

LEFT_OPEN, LEFT_FOR = 2, timedelta(hours=66)
AT_ONCE = 2000  # rows an INSERT


class Diary:
    """Check-ins in the order in which they happened. Until they are written, a nonce stands for a number."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.cases: list[tuple[Case, dict[str, Any]]] = []  # with the row of each
        self.records: list[tuple[CheckIn, Reading | Note]] = []

    def leave_some_open(self, place_id: int, now: datetime) -> None:
        """Takes back the closing of a place's newest cases: even on a Sunday there is work to see."""
        here = [(case.entry, row) for case, row in self.cases if case.entry.place_id == place_id]
        recent = [(e, row) for e, row in here if e.is_abnormal and now - e.occurred_at < LEFT_FOR]
        for entry, row in recent[-LEFT_OPEN:]:
            row["handled_at"] = entry.handled_at = None
            self.records = [(of, r) for of, r in self.records if of is not entry or not _closes(r)]

    def write(self, session: Session) -> None:
        """All check-ins, then what refers to them."""
        later = {row["nonce"]: row["earlier_id"] for row in self.rows if row["earlier_id"] is not None}
        for row in self.rows:
            row["earlier_id"] = None
        connection = session.connection()
        for first in range(0, len(self.rows), AT_ONCE):
            connection.execute(insert(CheckIn), self.rows[first : first + AT_ONCE])
        nonces = {*later, *later.values(), *(entry.nonce for entry, _ in self.records)}
        numbered = connection.execute(select(CheckIn.nonce, CheckIn.id).where(CheckIn.nonce.in_(nonces)))
        numbers = dict(numbered.all())
        if later:
            connection.execute(
                update(CheckIn).where(CheckIn.id == bindparam("row")).values(earlier_id=bindparam("refusal")),
                [{"row": numbers[nonce], "refusal": numbers[refusal]} for nonce, refusal in later.items()],
            )
        for kind in (Reading, Note):
            rows = list(self._rows_of(kind, numbers))
            if rows:
                connection.execute(insert(kind), rows)

    def _rows_of(self, kind: type[Reading | Note], numbers: dict[bytes, int]) -> Iterator[dict[str, Any]]:
        own = ("id", "check_in_id")
        names = [column.name for column in kind.__table__.columns if column.name not in own]
        for entry, record in self.records:
            if isinstance(record, kind):
                values = {name: getattr(record, name) for name in names}
                yield {"check_in_id": numbers[entry.nonce], **values}


def _closes(record: Reading | Note) -> bool:
    return isinstance(record, Note) and record.outcome not in UNFINISHED
