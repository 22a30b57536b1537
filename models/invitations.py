"""Bringing people in and helping them back in (邀请、重设单): what a superior may do for those below.

Who stands below whom is INVITES in `models.access`, within the reach of the appointment that says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, Select, Update, and_, false, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .access import ADMINS, INVITES, SCOPES, Holds, Post, may_invite
from .accounts import FAILURES, HANDED_OVER, SCOPE_MODELS, Account, Appointment, check_term, token_digest
from .base import Row, RuleBroken
from .enterprises import Enterprise
from .places import CODE_SIGNS, District

SLIP_SIGNS = 8  # 40 bits, five tries


def invitable(appointments: Iterable[Holds], post: Post) -> ColumnElement[bool]:
    """Where these appointments may bring somebody into `post`: a condition on the table that its scope names.

    An appointment lends its own reach to its own line of INVITES only; the reach of another does not add to it. Nobody is
    brought into an enterprise that has closed.
    """
    model = SCOPE_MODELS[SCOPES[post]]
    inside = (model.within(a.scope, [a.scope_id]) for a in appointments if post in INVITES.get(a.post, ()))
    where = or_(false(), *(condition for condition in inside if condition is not None))
    return and_(where, Enterprise.closed_at.is_(None)) if model is Enterprise else where


def looked_after(appointments: Iterable[Holds], table: type[Appointment | Invitation]) -> ColumnElement[bool]:
    """The appointments (or invitations) to posts that these appointments may fill, where they may fill them."""
    appointments = list(appointments)
    conditions = []
    for post in may_invite(appointments):
        model = SCOPE_MODELS[SCOPES[post]]
        where = select(model.id).where(invitable(appointments, post))
        conditions.append(and_(table.post == post, table.scope_id.in_(where)))
    return or_(false(), *conditions)


def slips_for(appointments: Iterable[Holds], on: date) -> ColumnElement[bool]:
    """The accounts whose password slip the holder of these appointments may write (settled 3.4).

    Everybody all of whose posts the holder may fill; for a system administrator, everybody of the district who is
    no administrator. Oneself is not among them by this condition alone: the caller leaves oneself out.
    """
    appointments = list(appointments)
    held = select(Appointment.account_id).where(Appointment.current(on))
    below = looked_after(appointments, Appointment)
    conditions = [and_(Account.id.in_(held), Account.id.not_in(held.where(~below)))]
    districts = [a.scope_id for a in appointments if a.post == Post.SYSTEM_ADMIN]
    if districts:
        admins = held.where(Appointment.post.in_(ADMINS))
        conditions.append(and_(Account.district_id.in_(districts), Account.id.not_in(admins)))
    return or_(*conditions)


class Invitation(Row):
    """An invitation by link (邀请): who opens it within its term chooses a password and takes up the post."""

    token_hash: Mapped[bytes] = mapped_column(unique=True)
    name: Mapped[str]
    post: Mapped[Post]
    scope_id: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    position: Mapped[str] = mapped_column(
        default="", server_default=text("''")
    )  # of the appointment it becomes
    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    invited_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    invited_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    withdrawn_at: Mapped[datetime | None]

    invited_by: Mapped[Account] = relationship(foreign_keys=[invited_by_id])
    district: Mapped[District] = relationship()

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None

    @classmethod
    def invite(
        cls, *, by: Account, appointments: Iterable[Holds], name: str, post: Post, scope_id: int, starts_on: date,
        ends_on: date, now: datetime, position: str = "",
    ) -> tuple[Invitation, str]:  # fmt: skip
        """An invitation and the token of its link; only the token's digest is kept. The caller has checked the scope."""
        if post not in may_invite(appointments):
            raise RuleBroken(f"您的岗位不能邀请{post.label}")
        if not name.strip():
            raise RuleBroken("请填姓名")
        check_term(starts_on, ends_on, now)
        token = secrets.token_urlsafe(24)
        invitation = cls(
            token_hash=token_digest(token), name=name.strip(), post=post, scope_id=scope_id,
            starts_on=starts_on, ends_on=ends_on, position=position, district_id=by.district_id, invited_by_id=by.id, invited_at=now,
            expires_at=now + HANDED_OVER,
        )  # fmt: skip
        return invitation, token

    @classmethod
    def of(cls, token: str) -> Select[Invitation]:
        return select(cls).where(cls.token_hash == token_digest(token))

    @classmethod
    def waiting(cls, now: datetime) -> ColumnElement[bool]:
        return and_(cls.accepted_at.is_(None), cls.withdrawn_at.is_(None), cls.expires_at > now)

    def refusal(self, now: datetime) -> str:
        """Why the link opens nothing any more, in words; empty while it works."""
        if self.accepted_at is not None:
            return "这份邀请已经用过。您设好的账号和密码可以直接登录"
        if self.withdrawn_at is not None:
            return f"这份邀请已由{self.invited_by.name}撤回，需要时请联系邀请人"
        if now >= self.expires_at:
            return f"这份邀请已经过期，请联系{self.invited_by.name}重新发一份"
        if not self.invited_by.is_active:
            return "邀请人的账号已经停用，请联系您的上级重新发一份"
        return ""

    def accept(self, account: Account, *, now: datetime) -> Appointment:
        """`account` takes up the post. A link works once."""
        if refusal := self.refusal(now):
            raise RuleBroken(refusal)
        if account.district_id != self.district_id:
            raise RuleBroken(
                f"这份邀请是{self.district.name}发的，您的账号属于{account.district.name}，请另设一个账号"
            )
        appointment = Appointment.appoint(
            account, self.post, self.scope_id, starts_on=self.starts_on, ends_on=self.ends_on, now=now,
            by_id=self.invited_by_id, position=self.position,
        )  # fmt: skip
        self.accepted_at, self.account_id = now, account.id
        return appointment

    def withdraw(self, *, now: datetime) -> None:
        if refusal := self.refusal(now):
            raise RuleBroken(refusal)
        self.withdrawn_at = now


class ResetSlip(Row):
    """A one-time slip (重设单) that a superior hands over on paper: its code opens one password change within 72 h."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    code_hash: Mapped[str]  # argon2: the code is short enough to be typed
    written_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)

    account: Mapped[Account] = relationship(foreign_keys=[account_id])
    written_by: Mapped[Account] = relationship(foreign_keys=[written_by_id])

    @classmethod
    def usable(cls, account_id: int, now: datetime) -> Select[ResetSlip]:
        """The slip that works for this account, if there is one."""
        works = and_(cls.used_at.is_(None), cls.expires_at > now, cls.failures < FAILURES)
        return select(cls).where(cls.account_id == account_id, works).order_by(cls.id.desc()).limit(1)

    @classmethod
    def voiding(cls, account_id: int, now: datetime) -> Update:
        """One slip at a time: a new one ends those before."""
        still = and_(cls.account_id == account_id, cls.used_at.is_(None), cls.expires_at > now)
        return update(cls).where(still).values(expires_at=now)

    @classmethod
    def write(cls, account: Account, code_hash: str, *, by: Account, now: datetime) -> ResetSlip:
        """A slip for somebody else; the caller has checked `slips_for`."""
        if account.id == by.id:
            raise RuleBroken("不能给自己开重设单。记得密码的话，在“密码”里改")
        if not account.is_active:
            raise RuleBroken(f"{account.name}的账号已经停用，先由系统管理员恢复")
        return cls(
            account_id=account.id, code_hash=code_hash, written_by_id=by.id, written_at=now,
            expires_at=now + HANDED_OVER, failures=0,
        )  # fmt: skip


def slip_code() -> str:
    return "".join(secrets.choice(CODE_SIGNS) for _ in range(SLIP_SIGNS))
