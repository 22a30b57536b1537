"""Messages to a person (消息): something has come up, here is where. The same message is told once, whoever tells it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import delivery
from .base import Row
from .delivery import insert_into

AT_ONCE = 500  # people of one INSERT
KEPT = timedelta(days=180)
COUNTED_UPTO = 99


class Message(Row):
    """One message to one account. `link` is a page of this site."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    key: Mapped[str]  # what it is about, once a person: "notice:7"
    subject: Mapped[str]
    text: Mapped[str] = mapped_column(default="")
    link: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime] = mapped_column(index=True)
    read_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        Index("ix_message_account_sent", "account_id", "sent_at"),
        Index(
            "ix_message_unread", "account_id",
            sqlite_where=sql("read_at IS NULL"), postgresql_where=sql("read_at IS NULL"),
        ),
    )  # fmt: skip

    def open(self, now: datetime) -> None:
        """Read from the first time on."""
        if self.read_at is None:
            self.read_at = now


@dataclass(frozen=True, slots=True)
class News:
    """What one person is told. Subject and link also go by mail to whoever has asked for that: neither may say anything of anybody."""

    account_id: int
    key: str
    subject: str
    text: str
    link: str


def tell(
    session: Session, accounts: Iterable[int], key: str, subject: str, text: str, link: str, now: datetime
) -> list[int]:
    """Tells these people (by their accounts' numbers) the same, each once for this key; answers whom it was news to. The caller
    commits."""
    wanted = sorted(set(accounts))
    told = tell_each(session, [News(account, key, subject, text, link) for account in wanted], now)
    return [one.account_id for one in told]


def tell_each(session: Session, news: Sequence[News], now: datetime) -> list[News]:
    """Tells everybody their own, each once for its key; answers what was news. The caller commits."""
    if any(one.link and (not one.link.startswith("/") or one.link.startswith("//")) for one in news):
        raise ValueError("a message leads to a page of this site")
    told: list[News] = []
    for begin in range(0, len(news), AT_ONCE):
        some = {(one.account_id, one.key): one for one in news[begin : begin + AT_ONCE]}
        rows = [
            {"account_id": one.account_id, "key": one.key, "subject": one.subject, "text": one.text, "link": one.link,
             "sent_at": now}
            for _, one in sorted(some.items())
        ]  # fmt: skip
        fresh = insert_into(session, Message).on_conflict_do_nothing()
        added = session.execute(fresh.returning(Message.account_id, Message.key), rows)
        told += [some[account, key] for account, key in added]
    delivery.to_people(session, told, now)
    return told


def messages_of(account_id: int, *, unread: bool = False) -> Select[Message]:
    """A person's messages, the newest first."""
    query = select(Message).where(Message.account_id == account_id)
    if unread:
        query = query.where(Message.read_at.is_(None))
    return query.order_by(Message.sent_at.desc(), Message.id.desc())


def unread_of(session: Session, account_id: int) -> int:
    """How many are unread; COUNTED_UPTO + 1 stands for more."""
    some = select(Message.id).where(Message.account_id == account_id, Message.read_at.is_(None))
    return session.scalar(select(func.count()).select_from(some.limit(COUNTED_UPTO + 1).subquery())) or 0


def read_all(session: Session, account_id: int, now: datetime) -> int:
    """Marks what is unread; answers how many that were."""
    unread = update(Message).where(Message.account_id == account_id, Message.read_at.is_(None))
    done = session.execute(unread.values(read_at=now).execution_options(synchronize_session=False))
    return done.rowcount  # type: ignore[attr-defined]


def read_about(session: Session, account_id: int, key: str, now: datetime) -> None:
    """The person has seen the thing itself: what told of it is read too. `key` and whatever begins with it and a colon."""
    seen = update(Message).where(*_unread_about(account_id, key)).values(read_at=now)
    session.execute(seen.execution_options(synchronize_session=False))


def is_unread_about(session: Session, account_id: int, key: str) -> bool:
    return session.scalar(select(Message.id).where(*_unread_about(account_id, key)).limit(1)) is not None


def _unread_about(account_id: int, key: str) -> tuple[ColumnElement[bool], ...]:
    about = (Message.key == key) | Message.key.startswith(f"{key}:", autoescape=True)
    return Message.account_id == account_id, Message.read_at.is_(None), about


def forget_old(session: Session, now: datetime, most: int) -> int:
    """Deletes some of the messages that have been kept long enough, read or not; answers how many."""
    old = select(Message.id).where(Message.sent_at < now - KEPT).order_by(Message.sent_at).limit(most)
    ids = session.scalars(old).all()
    session.execute(delete(Message).where(Message.id.in_(ids)))
    return len(ids)
