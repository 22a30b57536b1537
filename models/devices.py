"""Shared devices of a gate (值守手机、入口平板) and the shifts that guards take on them (班次)."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, or_, select, text
from sqlalchemy.orm import Mapped, contains_eager, joinedload, mapped_column, relationship

from .access import Post
from .accounts import ON_SHIFT, Account, Appointment, LoginSession, token_digest
from .base import Labelled, Row, RuleBroken
from .places import Gate, Place

PAIRING = timedelta(minutes=30)  # life of a pairing code
LABEL_LENGTH = 20
WORDS_LENGTH = 300  # of what a guard writes to the next


class DeviceKind(Labelled):
    PHONE = "phone", "值守手机"
    TABLET = "tablet", "入口平板"


class DeviceState(Labelled):
    WAITING = "waiting", "等待配对"
    EXPIRED = "expired", "配对码已过期"
    PAIRED = "paired", "已配对"
    REVOKED = "revoked", "已撤销"


class GateDevice(Row):
    """A phone or tablet that belongs to a gate, not to a person. Paired once by a specialist's one-time code; revocable."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"), index=True)
    kind: Mapped[DeviceKind]
    label: Mapped[str]  # 东门值守手机
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    # of the one-time code; it stays after use, so that the address can say that it has been used
    pairing_digest: Mapped[bytes | None] = mapped_column(unique=True)
    pairing_until: Mapped[datetime | None]
    token_digest: Mapped[bytes | None] = mapped_column(
        unique=True
    )  # of the cookie that the paired device keeps
    paired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    gate: Mapped[Gate] = relationship()
    made_by: Mapped[Account] = relationship(foreign_keys=[made_by_id])
    revoked_by: Mapped[Account | None] = relationship(foreign_keys=[revoked_by_id])
    shifts: Mapped[list[Shift]] = relationship(back_populates="device", order_by="Shift.id")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        gates = Gate.within(scope, ids)
        return None if gates is None else cls.gate_id.in_(select(Gate.id).where(gates))

    @classmethod
    def make(
        cls, gate: Gate, kind: DeviceKind, label: str, *, now: datetime, by_id: int
    ) -> tuple[GateDevice, str]:
        """A device that waits to be paired, and the token of its one-time code; only the token's digest is kept."""
        if not label.strip():
            raise RuleBroken("请给设备起个名字，例如东门值守手机")
        device = cls(gate=gate, kind=kind, label=label.strip(), made_at=now, made_by_id=by_id)
        return device, device.offer(now=now)

    def offer(self, *, now: datetime) -> str:
        """A new pairing code; the one before opens nothing any more. 192 bits: its address is all that it takes."""
        if self.revoked_at is not None:
            raise RuleBroken(f"“{self.label}”的配对已经撤销。要再用，请新增一台")
        if self.paired_at is not None:
            raise RuleBroken(f"“{self.label}”已经配对。换了手机，请先撤销，再新增一台")
        token = secrets.token_urlsafe(24)
        self.pairing_digest, self.pairing_until = token_digest(token), now + PAIRING
        return token

    @classmethod
    def of_code(cls, token: str) -> Select[GateDevice]:
        return select(cls).where(cls.pairing_digest == token_digest(token))

    @classmethod
    def of_cookie(cls, token: str) -> Select[GateDevice]:
        return select(cls).where(cls.token_digest == token_digest(token))

    def refusal(self, now: datetime) -> str:
        """Why its pairing code opens nothing, in words; empty while it works."""
        return {
            DeviceState.REVOKED: "这台设备的配对已经撤销，配对码也作废了",
            DeviceState.PAIRED: "这张配对码已经用过。一张码只能配对一台设备",
            DeviceState.EXPIRED: "这张配对码已经过期，30分钟内有效",
        }.get(self.state(now), "")

    def pair(self, *, now: datetime) -> str:
        """The device at hand is this one from now on; the token is for its cookie. A code works once."""
        if refusal := self.refusal(now):
            raise RuleBroken(refusal)
        token = secrets.token_urlsafe(32)
        self.token_digest, self.paired_at = token_digest(token), now
        return token

    def revoke(self, *, now: datetime, by_id: int) -> None:
        """The device is a stranger from now on. The caller ends the shift on it."""
        if self.revoked_at is not None:
            raise RuleBroken(f"“{self.label}”的配对已经撤销")
        self.revoked_at, self.revoked_by_id = now, by_id

    def state(self, now: datetime) -> DeviceState:
        if self.revoked_at is not None:
            return DeviceState.REVOKED
        if self.paired_at is not None:
            return DeviceState.PAIRED
        waits = self.pairing_until is not None and now < self.pairing_until
        return DeviceState.WAITING if waits else DeviceState.EXPIRED

    def works_as(self, kind: DeviceKind) -> bool:
        return self.kind == kind and self.paired_at is not None and self.revoked_at is None


class Shift(Row):
    """One guard's turn at a shared phone (班次): taken with name and PIN, handed over with what is pending."""

    device_id: Mapped[int] = mapped_column(ForeignKey("gate_device.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    login_id: Mapped[int | None] = mapped_column(ForeignKey("login_session.id"), unique=True)
    starts_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(default="")
    # what was handed over: counts as they stood, devices that do not work, a word to the next; both None: nothing was
    pending: Mapped[int | None]
    inside: Mapped[int | None]
    broken: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    read_at: Mapped[datetime | None]  # by the guard who came next
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    device: Mapped[GateDevice] = relationship(back_populates="shifts")
    account: Mapped[Account] = relationship(foreign_keys=[account_id])
    read_by: Mapped[Account | None] = relationship(foreign_keys=[read_by_id])
    login: Mapped[LoginSession | None] = relationship()

    __table_args__ = (
        Index(
            "uq_shift_open",
            "device_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    HANDED_OVER = "交班"

    @classmethod
    def open_for(cls, device: GateDevice, account: Account) -> Select[Shift]:
        """The turns that end when `account` takes over `device`: whoever was on it, and the guard's own elsewhere."""
        mine = or_(cls.device_id == device.id, cls.account_id == account.id)
        return select(cls).where(cls.ended_at.is_(None), mine).options(joinedload(cls.login))

    @classmethod
    def open_on(cls, device: GateDevice) -> Select[Shift]:
        """The turn on a device that nobody has ended, whether or not it still runs."""
        found = select(cls).where(cls.device_id == device.id, cls.ended_at.is_(None))
        return found.options(joinedload(cls.login), joinedload(cls.account))

    @classmethod
    def last_handed_over(cls, device: GateDevice) -> Select[Shift]:
        """What the next guard has to read."""
        found = select(cls).where(cls.device_id == device.id, cls.pending.is_not(None))
        return found.order_by(cls.id.desc()).limit(1).options(joinedload(cls.account))

    def runs(self, now: datetime) -> bool:
        return self.ended_at is None and self.login is not None and self.login.alive(now)

    @property
    def was_handed_over(self) -> bool:
        return self.pending is not None

    def hand_over(self, *, pending: int, inside: int, broken: str, note: str, now: datetime) -> None:
        """The orderly end, with what the next has to know. Its session ends with it: nothing more is written in this name."""
        if self.ended_at is not None:
            raise RuleBroken("这一班已经结束，不能再交班")
        self.pending, self.inside, self.broken, self.note = pending, inside, broken.strip(), note.strip()
        self.end(self.HANDED_OVER, now=now)

    def end(self, reason: str, *, now: datetime) -> None:
        """Ends the turn, and the session that carried it. A turn that ran out by itself ended when it did."""
        over = self.starts_at + ON_SHIFT
        reason = reason if now < over else f"满{ON_SHIFT // timedelta(hours=1)}小时自动结束"
        self.ended_at, self.end_reason = min(now, over), reason
        if self.login is not None:
            self.login.end(reason, now=now)

    def must_be_read_by(self, account: Account) -> bool:
        return self.was_handed_over and self.read_at is None and self.account_id != account.id

    def confirm_read(self, *, now: datetime, by_id: int) -> None:
        if self.read_at is not None:
            raise RuleBroken("这份交班已经有人看过")
        self.read_at, self.read_by_id = now, by_id


def guards_of(place: Place, on: date) -> Select[Appointment]:
    """Who may take over at the gates of a place today: its own guards, and of a building those of its park."""
    places = [number for number in (place.id, place.parent_id) if number is not None]
    return (
        select(Appointment)
        .join(Appointment.account)
        .where(
            Appointment.post == Post.GATE_GUARD,
            Appointment.scope == "place",
            Appointment.scope_id.in_(places),
            Appointment.serving(on),
            Account.disabled_at.is_(None),
        )
        .options(contains_eager(Appointment.account))
        .order_by(Account.name, Appointment.scope_id != place.id, Appointment.id)
    )
