"""How many enterprises an officer has and how many lack what, kept in mind (企业的数，记在内存里): nobody counts a district again
that has not changed.

A number in `version` moves with whatever a tally counts: an enterprise that came, closed or belongs elsewhere, and all that
`models.standing` writes. It moves at the end of the transaction, so that two of them wait for each other as shortly as can be.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, event, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .gateview import Version
from .portfolio import Basis, Tally, tally
from .standing import MOVED

NAME = "firms"
KEPT = 512  # tallies in mind at most
V: Any = Version.__table__
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@event.listens_for(Session, "before_commit")
def _move(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()  # it tells what has changed
    if session.info.pop(MOVED, False):
        first = INSERT[session.get_bind().dialect.name](V).values(name=NAME, number=1)
        session.execute(
            first.on_conflict_do_update(index_elements=[V.c.name], set_={"number": V.c.number + literal(1)})
        )


@event.listens_for(Session, "after_rollback")
def _nothing_moved(session: Session) -> None:
    session.info.pop(MOVED, None)


@dataclass(frozen=True, slots=True)
class Known:
    """What was counted, and when: by the number and on the day."""

    number: int
    on: date
    tally: Tally


class TallyBook:
    """What this process has counted."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Known] = {}

    def of(
        self, session: Session, within: ColumnElement[bool], basis: Basis, on: date, *, most: int, key: Hashable | None
    ) -> Tally:  # fmt: skip
        """`portfolio.tally`. The same `key` means the same `within`; None where nothing tells when that changes."""
        if key is None or not basis.kept:
            return tally(session, within, basis, most=most)
        number = session.scalar(select(Version.number).where(Version.name == NAME)) or 0
        known = self._known.pop((key, most), None)
        if known is None or (known.number, known.on) != (number, on):
            known = Known(number, on, tally(session, within, basis, most=most))
        self._known[key, most] = known
        while len(self._known) > KEPT:
            self._known.pop(next(iter(self._known)), None)
        return known.tally

    def forget(self) -> None:
        self._known.clear()
