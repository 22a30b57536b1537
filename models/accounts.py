"""People who sign in: accounts, their appointments to posts, and their sessions (账号、任职、登录会话)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import date, datetime, timedelta

import pyotp
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Update,
    and_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from . import passwords
from .access import ADMINS, OFFICERS, SCOPES, Post
from .base import Labelled, Row, RuleBroken, local
from .enterprises import Enterprise
from .identifiers import Unreadable, mobile
from .places import Community, District, Place, Unit
from .vault import EncryptedText, the_vault

IDLE = timedelta(minutes=30)
IDLE_ADMIN = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=8)
ON_SHIFT = timedelta(hours=13)  # a guard's turn at a shared phone: twelve hours and the hand-over, never idle
CONFIRMED = timedelta(minutes=10)  # how long a password given again vouches for the person (SEC-4)

FAILURES = 5  # in a row, password and second step together (SEC-3)
LOCKED = timedelta(minutes=15)
HANDED_OVER = timedelta(hours=72)  # life of an initial password, an invitation, a slip (SEC-1)
CODE_STEP = 30  # seconds; RFC 6238

USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,31}")


class AccountState(Labelled):
    ACTIVE = "active", "在用"
    NEW = "new", "未启用"  # the initial password has not been changed yet
    LOCKED = "locked", "已锁定"
    DISABLED = "disabled", "已停用"


class Account(Row):
    """A person who can sign in. Belongs to one district; what they may do comes from appointments alone."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    mobile: Mapped[str | None] = mapped_column(EncryptedText("account.mobile"))
    mobile_index: Mapped[bytes | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]  # None: invited, no password chosen yet
    password_set_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_expires_at: Mapped[datetime | None]  # of an initial password alone; its first use ends it
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText("account.totp_secret"))
    totp_last_step: Mapped[int | None]  # a code works once
    pin_hash: Mapped[str | None]  # of a guard, for shared phones alone: see models.devices
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]

    district: Mapped[District] = relationship()
    appointments: Mapped[list[Appointment]] = relationship(
        back_populates="account", foreign_keys="Appointment.account_id", order_by="Appointment.id"
    )
    past_passwords: Mapped[list[PastPassword]] = relationship(
        order_by="PastPassword.id.desc()", cascade="all, delete-orphan"
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """An account stands in the district it belongs to, and wherever one of its appointments reaches."""
        appointed = Appointment.within(scope, ids)
        held = None if appointed is None else cls.id.in_(select(Appointment.account_id).where(appointed))
        if scope == "district":
            return cls.district_id.in_(ids)
        return held

    # what Flask-Login asks of a user
    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None

    def serving(self, on: date) -> list[Appointment]:
        """The appointments whose term holds on this day."""
        return [a for a in self.appointments if a.holds(on)]

    # who it is

    @classmethod
    def known_as(cls, typed: str) -> Select[Account]:
        """The account that goes by this username or mobile, as people type them."""
        name = typed.strip()
        try:
            return select(cls).where(cls.mobile_index == mobile_index(mobile(name)))
        except Unreadable:
            return select(cls).where(cls.username == name.lower())

    @classmethod
    def found_by(cls, typed: str) -> ColumnElement[bool]:
        """For lists: part of a name or username, or a whole mobile. Mobiles are sealed, parts of them find nothing."""
        part = typed.strip()
        found = or_(
            cls.name.contains(part, autoescape=True), cls.username.contains(part.lower(), autoescape=True)
        )
        try:
            return or_(found, cls.mobile_index == mobile_index(mobile(part)))
        except Unreadable:
            return found

    def choose_username(self, typed: str) -> None:
        name = typed.strip().lower()
        if not USERNAME.fullmatch(name):
            raise RuleBroken("账号用3到32个小写字母、数字、点、横线或下划线，第一个是字母")
        self.username = name

    def set_mobile(self, typed: str) -> None:
        """Keeps a mobile sealed and findable; empty removes it. Raises Unreadable with what is wrong."""
        number = mobile(typed) if typed.strip() else None
        self.mobile, self.mobile_index = number, None if number is None else mobile_index(number)

    def rename(self, name: str) -> None:
        if not name.strip():
            raise RuleBroken("请填姓名")
        self.name = name.strip()

    # whether the door opens

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def may_try(self, now: datetime) -> bool:
        """Whether a right password would open the door now. The answer is never told apart from a wrong password."""
        expired = self.password_expires_at is not None and now >= self.password_expires_at
        return self.is_active and not self.is_locked(now) and not expired

    def count_failure(self, now: datetime) -> bool:
        """One more wrong password or code; whether this one locked the account (SEC-3). While locked none counts."""
        if self.is_locked(now):
            return False
        if self.locked_until is not None:
            self.failures, self.locked_until = 0, None
        self.failures += 1
        if self.failures >= FAILURES:
            self.locked_until = now + LOCKED
        return self.locked_until is not None

    def let_in(self, now: datetime) -> None:
        """The door has opened: earlier failures are forgotten, an initial password is spent (SEC-1)."""
        self.forgive()
        if self.password_expires_at is not None:
            self.password_expires_at = now

    def disable(self, *, reason: str, now: datetime) -> None:
        if self.disabled_at is not None:
            raise RuleBroken("这个账号已经停用")
        if not reason.strip():
            raise RuleBroken("请写停用的原因")
        self.disabled_at, self.disabled_reason = now, reason.strip()

    def enable(self) -> None:
        if self.disabled_at is None:
            raise RuleBroken("这个账号没有停用")
        self.disabled_at, self.disabled_reason = None, ""
        self.failures, self.locked_until = 0, None

    def state(self, now: datetime) -> AccountState:
        if self.disabled_at is not None:
            return AccountState.DISABLED
        if self.is_locked(now):
            return AccountState.LOCKED
        return AccountState.NEW if self.must_change_password else AccountState.ACTIVE

    @classmethod
    def in_state(cls, state: AccountState, now: datetime) -> ColumnElement[bool]:
        """The same question as `state()`, asked of the table."""
        enabled, locked = (
            cls.disabled_at.is_(None),
            and_(cls.locked_until.is_not(None), cls.locked_until > now),
        )
        return {
            AccountState.DISABLED: cls.disabled_at.is_not(None),
            AccountState.LOCKED: and_(enabled, locked),
            AccountState.NEW: and_(enabled, ~locked, cls.must_change_password),
            AccountState.ACTIVE: and_(enabled, ~locked, ~cls.must_change_password),
        }[state]

    # the password

    def set_password(self, password_hash: str, *, now: datetime) -> None:
        """The person's own choice. The one before is remembered, so that it is not chosen again (SEC-2)."""
        if self.password_hash is not None:
            self.past_passwords.insert(0, PastPassword(password_hash=self.password_hash, replaced_at=now))
            del self.past_passwords[passwords.REMEMBERED - 1 :]
        self.password_hash, self.password_set_at = password_hash, now
        self.must_change_password, self.password_expires_at = False, None
        self.failures, self.locked_until = 0, None

    def hand_out_password(self, password_hash: str, *, now: datetime) -> None:
        """An initial password, random, for one sign-in within 72 h; then the person chooses (SEC-1)."""
        self.set_password(password_hash, now=now)
        self.must_change_password, self.password_expires_at = True, now + HANDED_OVER

    def remembered_hashes(self) -> list[str]:
        """Of the passwords that must not be chosen again: the one in use and the last ones before."""
        current = [] if self.password_hash is None else [self.password_hash]
        return current + [p.password_hash for p in self.past_passwords[: passwords.REMEMBERED - 1]]

    def password_is_old(self, now: datetime) -> bool:
        """Whether the rule asks for a new one. Demo passwords are printed on the door: their age says nothing."""
        if self.district.password_rule != passwords.Rule.CLASSIFIED or self.district.is_demo:
            return False
        return self.password_set_at is not None and now - self.password_set_at > passwords.MAX_AGE

    # the PIN of a guard, for shared phones alone

    def set_pin(self, pin_hash: str) -> None:
        """The guard's own choice, after the password was given."""
        self.pin_hash = pin_hash

    def drop_pin(self) -> None:
        """Forgotten or seen by somebody: the next turn begins with the password and a new PIN."""
        if self.pin_hash is None:
            raise RuleBroken(f"{self.name}没有设PIN码")
        self.pin_hash = None

    def may_take_over(self, now: datetime) -> bool:
        """Whether a right PIN would begin a turn now. As with passwords, the answer is not told apart from a wrong PIN."""
        return self.is_active and not self.is_locked(now)

    def forgive(self) -> None:
        """A right PIN or password: the failures before it are forgotten."""
        self.failures, self.locked_until = 0, None

    # the second step

    def accept_code(self, code: str, *, now: datetime) -> bool:
        """Whether this is a code of the person's authenticator, of this half minute or a neighbour, not used before."""
        step = None if self.totp_secret is None else _matching_step(self.totp_secret, code, now)
        if step is None or (self.totp_last_step is not None and step <= self.totp_last_step):
            return False
        self.totp_last_step = step
        return True

    def enrol(self, secret: str, code: str, *, now: datetime) -> None:
        """Switches the second step on, once the person has shown that the authenticator works."""
        step = _matching_step(secret, code, now)
        if step is None:
            raise RuleBroken("验证码对不上。请看手机时间是否准确，再填现在显示的6位数字")
        self.totp_secret, self.totp_last_step = secret, step

    def drop_second_factor(self) -> None:
        if self.totp_secret is None:
            raise RuleBroken(f"{self.name}没有开两步验证")
        self.totp_secret = self.totp_last_step = None

    def owes_second_factor(self, on: date, *, demanded: bool) -> bool:
        """Whether the second step is demanded of this person: of officers and administrators, by the district or
        (`demanded`) by the installation (SEC-4).
        """
        if not (demanded or self.district.second_factor):
            return False
        return any(a.post in OFFICERS | ADMINS for a in self.serving(on))

    def lacks_second_factor(self, on: date, *, demanded: bool) -> bool:
        """Whether the person must enrol before anything else."""
        return self.totp_secret is None and self.owes_second_factor(on, demanded=demanded)


def mobile_index(number: str) -> bytes:
    """By which an account is found, the same as for check-ins; `number` as `identifiers.mobile` writes it."""
    return the_vault().blind(number, "mobile")


def _matching_step(secret: str, code: str, now: datetime) -> int | None:
    typed = re.sub(r"\s", "", code)
    present = int(now.timestamp()) // CODE_STEP
    generator = pyotp.TOTP(secret, interval=CODE_STEP)
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(generator.generate_otp(step).encode(), typed.encode()):
            return step
    return None


class Appointment(Row):
    """任职: this person holds this post for this scope, from a day to a day (both included)."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    post: Mapped[Post]
    scope: Mapped[str]  # enterprise | place | community | unit | district
    scope_id: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    ended_at: Mapped[datetime | None]  # ended before its term
    end_reason: Mapped[str] = mapped_column(default="")
    # 职务, confirmed by whoever appointed where the rule says who may hold the post
    position: Mapped[str] = mapped_column(default="", server_default=text("''"))
    appointed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    appointed_at: Mapped[datetime]

    account: Mapped[Account] = relationship(back_populates="appointments", foreign_keys=[account_id])

    __table_args__ = (
        Index("ix_appointment_scope", "scope", "scope_id", "post"),
        Index(
            "uq_appointment_one_admin_post",
            "account_id",
            unique=True,
            sqlite_where=text("post IN ('system_admin','security_admin','audit_admin') AND ended_at IS NULL"),
            postgresql_where=text(
                "post IN ('system_admin','security_admin','audit_admin') AND ended_at IS NULL"
            ),
        ),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """An appointment stands where the thing it is scoped to stands."""
        reached = []
        for kind, model in SCOPE_MODELS.items():
            inside = model.within(scope, ids)
            if inside is not None:
                reached.append(and_(cls.scope == kind, cls.scope_id.in_(select(model.id).where(inside))))
        return or_(*reached) if reached else None

    @classmethod
    def serving(cls, on: date) -> ColumnElement[bool]:
        return and_(cls.starts_on <= on, cls.ends_on >= on, cls.ended_at.is_(None))

    @classmethod
    def current(cls, on: date) -> ColumnElement[bool]:
        """Serving, or about to."""
        return and_(cls.ends_on >= on, cls.ended_at.is_(None))

    def holds(self, on: date) -> bool:
        return self.ended_at is None and self.starts_on <= on <= self.ends_on

    @classmethod
    def appoint(
        cls, account: Account, post: Post, scope_id: int, *, starts_on: date, ends_on: date, now: datetime,
        by_id: int | None, position: str = "",
    ) -> Appointment:  # fmt: skip
        """Gives `account` the post. The three administrators exclude each other and every other post (SEC-6)."""
        check_term(starts_on, ends_on, now)
        if not account.is_active:
            raise RuleBroken(f"{account.name}的账号已经停用，先由系统管理员恢复")
        today = local(now).date()
        held = [a for a in account.appointments if a.ended_at is None and a.ends_on >= today]
        if any(a.post == post and a.scope_id == scope_id for a in held):
            raise RuleBroken(f"{account.name}已经担任这个岗位")
        if post in ADMINS and held:
            raise RuleBroken(
                f"{account.name}已任{held[0].post.label}，系统、安全、审计管理员不能兼任其他岗位"
            )
        if post not in ADMINS and any(a.post in ADMINS for a in held):
            raise RuleBroken(f"{account.name}是{held[0].post.label}，不能兼任其他岗位")
        appointment = cls(
            post=post, scope=SCOPES[post], scope_id=scope_id, starts_on=starts_on, ends_on=ends_on,
            appointed_by_id=by_id, appointed_at=now, position=position,
        )  # fmt: skip
        account.appointments.append(appointment)
        return appointment

    def end(self, *, reason: str, now: datetime) -> None:
        if self.ended_at is not None:
            raise RuleBroken("这项任职已经结束")
        if not reason.strip():
            raise RuleBroken("请写结束任职的原因")
        self.ended_at, self.end_reason = now, reason.strip()

    def end_on(self, last_on: date, *, reason: str, now: datetime) -> None:
        """The term becomes shorter: `last_on` is its last day, today at the earliest."""
        if self.ended_at is not None:
            raise RuleBroken("这项任职已经结束")
        if not reason.strip():
            raise RuleBroken("请写结束任职的原因")
        if last_on < local(now).date():
            raise RuleBroken("最后一天已经过去，请填今天或以后的日期")
        if last_on < self.starts_on:
            raise RuleBroken("任职那一天还没有开始，不用等，可以现在就结束")
        if last_on > self.ends_on:
            raise RuleBroken(
                f"任期到{self.ends_on.year}年{self.ends_on.month}月{self.ends_on.day}日为止，最后一天不能再晚"
            )
        self.ends_on, self.end_reason = last_on, reason.strip()


SCOPE_MODELS = {
    "district": District,
    "unit": Unit,
    "community": Community,
    "place": Place,
    "enterprise": Enterprise,
}


class LoginSession(Row):
    """A signed-in browser (登录会话). Ends on the server: a replayed cookie of an ended session opens nothing (SEC-5)."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    device: Mapped[str] = mapped_column(default="")  # browser and system, as words
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))  # the current post
    confirmed_at: Mapped[datetime | None]  # last time the password was given: re-authentication
    on_shift: Mapped[bool] = mapped_column(
        default=False
    )  # a guard's turn at a shared phone: see models.devices

    account: Mapped[Account] = relationship()

    @classmethod
    def start(
        cls, account: Account, *, now: datetime, address: str, device: str, on_shift: bool = False
    ) -> tuple[LoginSession, str]:
        """A new session and the token that the cookie carries; only the token's digest is kept.

        A turn at a shared phone begins with a PIN: that is no password given again.
        """
        token = secrets.token_urlsafe(32)
        session = cls(
            account=account, token_hash=token_digest(token), started_at=now, seen_at=now, address=address,
            device=device[:120], confirmed_at=None if on_shift else now, on_shift=on_shift,
        )  # fmt: skip
        return session, token

    @classmethod
    def of(cls, token: str) -> Select[LoginSession]:
        return select(cls).where(cls.token_hash == token_digest(token))

    def idle_limit(self) -> timedelta:
        return (
            IDLE_ADMIN
            if any(a.post in ADMINS and a.ended_at is None for a in self.account.appointments)
            else IDLE
        )

    def alive(self, now: datetime) -> bool:
        if self.ended_at is not None or self.account.disabled_at is not None:
            return False
        if self.on_shift:
            return now - self.started_at < ON_SHIFT
        return now - self.seen_at < self.idle_limit() and now - self.started_at < ABSOLUTE

    @classmethod
    def recent(cls, now: datetime) -> ColumnElement[bool]:
        """The sessions that may still be alive, for lists; `alive` has the last word."""
        own = and_(cls.on_shift.is_(False), cls.started_at > now - ABSOLUTE)
        turn = and_(cls.on_shift, cls.started_at > now - ON_SHIFT)
        return and_(cls.ended_at.is_(None), or_(own, turn))

    def serving(self, on: date) -> list[Appointment]:
        """The appointments that act in this session. On a shared phone that is the guard's post at its place alone: what
        else the person may do is not for whoever holds the phone."""
        held = self.account.serving(on)
        if not self.on_shift:
            return held
        taken = next((a for a in self.account.appointments if a.id == self.appointment_id), None)
        return [
            a for a in held if taken is not None and (a.post, a.scope_id) == (Post.GATE_GUARD, taken.scope_id)
        ]

    def end(self, reason: str, *, now: datetime) -> None:
        if self.ended_at is None:
            self.ended_at, self.end_reason = now, reason

    @classmethod
    def ending(
        cls, account_id: int, reason: str, *, now: datetime, but: LoginSession | None = None
    ) -> Update:
        """Ends every session of an account, or every other one than `but`."""
        these = and_(cls.account_id == account_id, cls.ended_at.is_(None))
        if but is not None:
            these = and_(these, cls.id != but.id)
        return update(cls).where(these).values(ended_at=now, end_reason=reason)

    def is_confirmed(self, now: datetime) -> bool:
        """Whether the person has given the password within the last ten minutes."""
        return self.confirmed_at is not None and now - self.confirmed_at < CONFIRMED


def token_digest(token: str) -> bytes:
    """What is kept of a cookie's or a link's token. It is random and long: a fast digest gives nothing away."""
    return hashlib.sha256(token.encode()).digest()


def check_term(starts_on: date, ends_on: date, now: datetime) -> None:
    """A term lies the right way round, and is not over before it is given."""
    if ends_on < starts_on:
        raise RuleBroken("任期的结束日期早于开始日期")
    if ends_on < local(now).date():
        raise RuleBroken("任期的结束日期已经过去，请填今天或以后的日期")


class PastPassword(Row):
    """Hashes of passwords that an account must not choose again (SEC-2: the last five)."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    password_hash: Mapped[str]
    replaced_at: Mapped[datetime]
