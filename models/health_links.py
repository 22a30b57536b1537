"""Addresses by which people report without an account (填报链接): of one person, of a team's leader, of an enterprise.

A token is a MAC over kind, number of the row and the link's own number: nothing secret is stored, none can be guessed
(144 bits), and a renewed link makes the old one void. It carries no name (PRIV-13).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from .archive import Employee, Team
from .base import Labelled, Row
from .enterprises import Enterprise
from .vault import Vault

MAC_BYTES = 18
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
PURPOSE = "health link"


class LinkKind(Labelled):
    PERSON = "person", "个人链接"
    TEAM = "team", "班组长链接"
    ENTERPRISE = "enterprise", "企业二维码"


KINDS = tuple(LinkKind)
MODELS = {LinkKind.PERSON: Employee, LinkKind.TEAM: Team, LinkKind.ENTERPRISE: Enterprise}


class HealthLink(Row):
    """How often a link was renewed; no row: never."""

    kind: Mapped[LinkKind]
    subject_id: Mapped[int]
    number: Mapped[int]
    renewed_at: Mapped[datetime]
    renewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    __table_args__ = (UniqueConstraint("kind", "subject_id"),)


def numbers_of(session: Session, kind: LinkKind, subject_ids: Collection[int]) -> dict[int, int]:
    rows = session.execute(
        select(HealthLink.subject_id, HealthLink.number).where(
            HealthLink.kind == kind, HealthLink.subject_id.in_(subject_ids)
        )
    )
    return {one.subject_id: one.number for one in rows}


def token(vault: Vault, kind: LinkKind, subject_id: int, number: int = 0) -> str:
    """32 URL-safe signs."""
    head = bytes([KINDS.index(kind)]) + subject_id.to_bytes(5, "big")
    return base64.urlsafe_b64encode(head + _mac(vault, head, number)).decode()


def opened(session: Session, vault: Vault, kind: LinkKind, text: str) -> int | None:
    """The row that a link of this kind stands for; None for any other text, and for one that was renewed."""
    if not TOKEN.fullmatch(text):
        return None
    blob = base64.urlsafe_b64decode(text)
    head, mac = blob[:-MAC_BYTES], blob[-MAC_BYTES:]
    if head[0] != KINDS.index(kind):
        return None
    subject_id = int.from_bytes(head[1:], "big")
    if subject_id >= 2**31:
        return None
    number = numbers_of(session, kind, [subject_id]).get(subject_id, 0)
    return subject_id if hmac.compare_digest(mac, _mac(vault, head, number)) else None


def renew(session: Session, kind: LinkKind, subject_id: int, *, now: datetime, by_id: int | None) -> None:
    """The link that was handed out opens nothing any more; a new one does."""
    row = session.scalar(
        select(HealthLink)
        .where(HealthLink.kind == kind, HealthLink.subject_id == subject_id)
        .with_for_update()
    )
    if row is None:
        row = HealthLink(kind=kind, subject_id=subject_id, number=0)
        session.add(row)
    row.number, row.renewed_at, row.renewed_by_id = row.number + 1, now, by_id


def void(session: Session, kind: LinkKind, subject_ids: Collection[int], *, now: datetime) -> None:
    """These links open nothing any more, also where the number is given to another row: what they stood for is gone."""
    known = numbers_of(session, kind, subject_ids)
    renewed = update(HealthLink).where(HealthLink.kind == kind, HealthLink.subject_id.in_(subject_ids))
    session.execute(renewed.values(number=HealthLink.number + 1, renewed_at=now, renewed_by_id=None))
    session.add_all(
        HealthLink(kind=kind, subject_id=number, number=1, renewed_at=now)
        for number in subject_ids
        if number not in known
    )
    session.flush()


def _mac(vault: Vault, head: bytes, number: int) -> bytes:
    return vault.mac(PURPOSE, head + number.to_bytes(4, "big"), MAC_BYTES)


class HealthReminder(Row):
    """A reminder to those who had not reported (提醒): they see it when they open their link, the manager when it was sent."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    people: Mapped[int]


def last_reminder(session: Session, enterprise_id: int) -> HealthReminder | None:
    return session.scalar(
        select(HealthReminder)
        .where(HealthReminder.enterprise_id == enterprise_id)
        .order_by(HealthReminder.id.desc())
        .limit(1)
    )
