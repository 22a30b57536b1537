"""Links that hand a file over once (一次性下载链接), for a browser in which the person is not signed in."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import Row

LASTS = timedelta(minutes=10)


class SpentTicket(Row):
    """A ticket that was used. What it was for stood sealed in itself; here stands only that it is gone."""

    digest: Mapped[bytes] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(index=True)

    @staticmethod
    def digest_of(ticket: str) -> bytes:
        return hashlib.sha256(ticket.encode()).digest()

    @classmethod
    def spend(cls, session: Session, ticket: str, *, now: datetime) -> bool:
        """Whether this use is the first. Forgets those that have run out anyway. The caller commits."""
        session.execute(delete(cls).where(cls.at < now - 2 * LASTS))
        try:
            with session.begin_nested():
                session.add(cls(digest=cls.digest_of(ticket), at=now))
        except IntegrityError:
            return False
        return True
