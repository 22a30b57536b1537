"""What goes out of the site (送出): e-mails to people, posts to a district's group robot. Title and address alone, nobody's data.

A row says what is to go where and what became of it. Whoever sends it takes it first, so that no two do, and counts the attempt
before it is made: a process that dies meanwhile has cost a wait, not a letter. A letter can so arrive twice, under one number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    delete,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from .accounts import Account
from .base import Labelled, Row
from .mail_addresses import MailAddress
from .timed import MINUTE, Tick

WAITS = tuple(n * MINUTE for n in (1, 5, 15, 60, 240, 720))  # after the first, second, … attempt
TOO_LATE = timedelta(days=3)  # nobody wants a flood of old news when a service comes back
ROUND = timedelta(seconds=20)  # for which a minute's work goes on sending
KEPT = timedelta(days=180)
AT_ONCE = 500  # letters of one INSERT


class Channel(Labelled):
    MAIL = "mail", "电子邮件"
    ROBOT = "robot", "群机器人"


class DeliveryState(Labelled):
    PENDING = "pending", "待发"
    SENT = "sent", "已发"
    FAILED = "failed", "没有发成"
    DROPPED = "dropped", "不用发了"


class Trouble(Labelled):
    """Why a letter did not go. The other side's own words are never kept: they quote addresses."""

    UNREACHABLE = "unreachable", "连不上"
    SLOW = "slow", "没有按时答复"
    INSECURE = "insecure", "对方不支持加密，或者证书不对"
    LOGIN = "login", "账号或密码不对"
    REFUSED = "refused", "对方拒收"
    ADDRESS = "address", "收件地址不存在或者拒收"
    UNREADABLE = "unreadable", "看不懂对方的答复"
    SPARED = "spared", "接连发不成，先停一会儿"
    TOO_LATE = "too_late", "超过3天没有发成"


FOR_GOOD = (Trouble.ADDRESS,)  # no use trying again
OF_ONE = (Trouble.ADDRESS, Trouble.REFUSED)  # says nothing of the next letter


@dataclass(frozen=True, slots=True)
class Letter:
    """What a carrier takes along. `number` is the same whenever this letter goes again."""

    to: str
    subject: str
    link: str
    code: str
    number: str


class News(Protocol):
    """What delivery needs to know of a message."""

    @property
    def account_id(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def link(self) -> str: ...


class Carrier(Protocol):
    """A way out. Bounded in time, and raises nothing."""

    def send(self, letter: Letter) -> Trouble | None:
        """None: it has been taken."""

    def close(self) -> None:
        """The round is over."""


class Delivery(Row):
    """One letter, or one post."""

    channel: Mapped[Channel]
    key: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    subject: Mapped[str]
    link: Mapped[str] = mapped_column(default="")
    with_code: Mapped[bool] = mapped_column(
        default=False
    )  # confirms an address: goes to the one that waits for it
    state: Mapped[DeliveryState]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_at: Mapped[datetime]
    made_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    trouble: Mapped[Trouble | None]

    account: Mapped[Account | None] = relationship()

    __table_args__ = (
        UniqueConstraint("channel", "key"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        Index(
            "ix_delivery_waiting", "channel", "next_at",
            sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"),
        ),
    )  # fmt: skip


def insert_into(session: Session, model: Any) -> Any:
    """An INSERT that knows what to do about a row that is there, in the words of this session's database."""
    return {"sqlite": sqlite, "postgresql": postgresql}[session.get_bind().dialect.name].insert(model)


def to_people(session: Session, news: Sequence[News], now: datetime) -> None:
    """A letter for each of these messages to somebody who wants letters; once, however often this is called."""
    for begin in range(0, len(news), AT_ONCE):
        some = news[begin : begin + AT_ONCE]
        wanting = select(MailAddress.account_id, Account.district_id).join(MailAddress.account)
        mine = MailAddress.account_id.in_({one.account_id for one in some})
        homes = dict(session.execute(wanting.where(mine, MailAddress.confirmed_at.is_not(None))).all())
        _add(
            session,
            [
                _row(
                    Channel.MAIL,
                    f"{one.account_id}:{one.key}",
                    homes[one.account_id],
                    one.subject,
                    one.link,
                    now,
                )
                | {"account_id": one.account_id}
                for one in some
                if one.account_id in homes
            ],
        )


def to_group(session: Session, district_id: int, *, key: str, subject: str, link: str, now: datetime) -> None:
    """A post to the district's group; once."""
    _add(session, [_row(Channel.ROBOT, f"{district_id}:{key}", district_id, subject, link, now)])


def to_new_address(session: Session, address: MailAddress, key: str, *, now: datetime) -> None:
    """The code that `MailAddress.ask` has made."""
    account = session.get_one(Account, address.account_id)
    row = _row(Channel.MAIL, key, account.district_id, "确认您的消息邮箱", "", now)
    _add(session, [row | {"account_id": account.id, "with_code": True}])


def _row(
    channel: Channel, key: str, district_id: int, subject: str, link: str, now: datetime
) -> dict[str, Any]:
    return {
        "channel": channel, "key": key, "account_id": None, "district_id": district_id, "subject": subject, "link": link,
        "with_code": False, "state": DeliveryState.PENDING, "attempts": 0, "next_at": now, "made_at": now,
    }  # fmt: skip


def _add(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert_into(session, Delivery).values(rows).on_conflict_do_nothing())


# --- sending ---


def deliver(tick: Tick, carriers: Mapping[Channel, Carrier], address_of: Callable[[str], str]) -> int:
    """Sends what waits, as far as the round's time goes; answers how many went. Any number of machines may be at it.

    `address_of`: the whole address of a page. A service that fails ends the round for its channel: the next letter would fare
    no better.
    """
    ends, sent = tick.clock() + ROUND, 0
    for channel, carrier in carriers.items():
        try:
            taken = _next(tick, channel, address_of)
            while taken is not None:
                number, letter = taken
                trouble = carrier.send(letter)
                sent += trouble is None
                go_on = tick.clock() < ends and (trouble is None or trouble in OF_ONE)
                taken = _next(tick, channel, address_of, told=(number, trouble), take=go_on)
        finally:
            carrier.close()
    return sent


def _next(
    tick: Tick, channel: Channel, address_of: Callable[[str], str], *, told: tuple[int, Trouble | None] | None = None,
    take: bool = True,
) -> tuple[int, Letter] | None:  # fmt: skip
    """Keeps what became of the last one, and takes the next that is due."""
    now = tick.clock()
    with tick.writing() as session:
        if told is not None:
            _keep(session.get_one(Delivery, told[0]), told[1], now)
            session.flush()
        while take:
            due = (
                Delivery.channel == channel,
                Delivery.state == DeliveryState.PENDING,
                Delivery.next_at <= now,
            )
            row = session.scalar(
                select(Delivery).where(*due).order_by(Delivery.next_at, Delivery.id).limit(1)
                .options(joinedload(Delivery.account, innerjoin=False)).with_for_update(skip_locked=True, of=Delivery)
            )  # fmt: skip
            if row is None:
                return None
            if now - row.made_at > TOO_LATE:
                row.state, row.trouble = DeliveryState.FAILED, Trouble.TOO_LATE
            elif (letter := _letter(session, row, address_of, now)) is None:
                row.state = DeliveryState.DROPPED
            else:
                row.attempts += 1
                row.next_at = now + WAITS[min(row.attempts, len(WAITS)) - 1]
                return row.id, letter
            session.flush()
    return None


def _letter(
    session: Session, row: Delivery, address_of: Callable[[str], str], now: datetime
) -> Letter | None:
    """None where nobody waits for it any more."""
    link = address_of(row.link) if row.link else ""
    number = f"{row.channel}.{row.id}.{int(row.made_at.timestamp())}"
    if row.account is None:
        return Letter("", row.subject, link, "", number)
    held = session.scalar(select(MailAddress).where(MailAddress.account_id == row.account_id))
    if held is None or not row.account.is_active:
        return None
    if not row.with_code:
        return None if held.address is None else Letter(held.address, row.subject, link, "", number)
    if held.pending is None or held.code is None or not held.is_waiting(now):
        return None
    return Letter(held.pending, row.subject, "", held.code, number)


def _keep(row: Delivery, trouble: Trouble | None, now: datetime) -> None:
    row.trouble = trouble
    if trouble is None:
        row.state, row.sent_at = DeliveryState.SENT, now
    elif trouble is Trouble.SPARED:
        row.attempts -= 1  # nobody was asked
        row.next_at = now + MINUTE
    elif trouble in FOR_GOOD or row.attempts >= len(WAITS):
        row.state = DeliveryState.FAILED


def forget_old(session: Session, now: datetime, most: int) -> int:
    """Deletes some of what is over long since; answers how many."""
    old = select(Delivery.id).where(Delivery.made_at < now - KEPT).order_by(Delivery.made_at).limit(most)
    ids = session.scalars(old).all()
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
    return len(ids)
