"""Where a person wants messages sent besides this site (消息邮箱): given by the person alone, confirmed by a code, kept sealed."""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from datetime import date, datetime, timedelta

from sqlalchemy import ForeignKey, SmallInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .accounts import Account
from .base import Row, RuleBroken, local
from .vault import EncryptedText

LONGEST = 254
SHAPE = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
CODE_LASTS = timedelta(minutes=30)
PAUSE = timedelta(minutes=1)  # between two codes
MOST_A_DAY = 5  # codes: whoever types somebody else's address is a nuisance five times, not more
MOST_TRIES = 5


class MailAddress(Row):
    """One a person. A new address counts once its code has been typed; until then the one before goes on."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), unique=True)
    address: Mapped[str | None] = mapped_column(EncryptedText("mail_address.address"))  # confirmed
    confirmed_at: Mapped[datetime | None]
    pending: Mapped[str | None] = mapped_column(EncryptedText("mail_address.pending"))
    code: Mapped[str | None] = mapped_column(EncryptedText("mail_address.code"))
    code_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)  # wrong ones
    asked_at: Mapped[datetime | None]
    asked: Mapped[int] = mapped_column(SmallInteger, default=0)  # codes on the day of asked_at

    account: Mapped[Account] = relationship()

    @classmethod
    def of(cls, session: Session, account_id: int) -> MailAddress:
        """The person's row, for us alone; a new one where there was none."""
        found = session.scalar(
            select(cls)
            .where(cls.account_id == account_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if found is None:
            found = cls(account_id=account_id, tries=0, asked=0)
            session.add(found)
            session.flush()
        return found

    def ask(self, typed: str, *, now: datetime) -> str:
        """Makes a code for this address, to be sent to it. Answers what names this code among the others."""
        address = read_address(typed)
        if address == self.address:
            raise RuleBroken("这个邮箱已经在用，不用再确认")
        if self.asked_at is not None and now - self.asked_at < PAUSE:
            raise RuleBroken("刚刚发过一次，请等1分钟再发")
        today = local(now).date()
        asked = self.asked if self._asked_on() == today else 0
        if asked >= MOST_A_DAY:
            raise RuleBroken(f"今天已经发了{MOST_A_DAY}次，请明天再试")
        self.pending, self.code, self.code_until = address, f"{secrets.randbelow(10**6):06}", now + CODE_LASTS
        self.tries, self.asked_at, self.asked = 0, now, asked + 1
        return f"code:{self.account_id}:{today:%Y%m%d}:{self.asked}"

    def is_waiting(self, now: datetime) -> bool:
        """Whether there is a code that could still be typed."""
        return self.code is not None and self.code_until is not None and now < self.code_until

    def confirm(self, typed: str, *, now: datetime) -> bool:
        """Whether this is the code; the address then counts. A wrong one is counted, and the fifth ends the code: commit either way."""
        if not self.is_waiting(now) or self.code is None:
            raise RuleBroken("验证码已经过期或者用完，请重新发一次")
        if not hmac.compare_digest(
            re.sub(r"\s", "", unicodedata.normalize("NFKC", typed)).encode(), self.code.encode()
        ):
            self.tries += 1
            if self.tries >= MOST_TRIES:
                self._drop_code()
            return False
        self.address, self.confirmed_at = self.pending, now
        self._drop_code()
        return True

    def clear(self) -> None:
        """Nothing is sent there any more; the address is gone. How often codes were asked for today stays."""
        if self.address is None and self.pending is None:
            raise RuleBroken("没有登记消息邮箱")
        self.address = self.confirmed_at = None
        self._drop_code()

    def _drop_code(self) -> None:
        self.pending = self.code = self.code_until = None
        self.tries = 0

    def _asked_on(self) -> date | None:
        return None if self.asked_at is None else local(self.asked_at).date()


def read_address(typed: str) -> str:
    """An address as people type it: full-width signs, spaces around. RuleBroken with what is wrong."""
    written = unicodedata.normalize("NFKC", typed).strip()
    if "@" not in written:
        raise RuleBroken("邮箱里要有@，例如zhang@example.cn")
    if len(written) > LONGEST or not SHAPE.fullmatch(written) or ".." in written or written.startswith("."):
        raise RuleBroken("没有看懂这个邮箱，请照zhang@example.cn的样子填，只用英文字母、数字和符号")
    name, _, domain = written.rpartition("@")
    return f"{name}@{domain.lower()}"


def mask_address(address: str) -> str:
    """z***@example.cn"""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"
