"""Shared devices of a gate (值守手机、入口平板) and the shifts that guards take on them (班次)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import Account, LoginSession
from .base import Labelled, Row
from .places import Gate


class DeviceKind(Labelled):
    PHONE = "phone", "值守手机"
    TABLET = "tablet", "入口平板"


class GateDevice(Row):
    """A phone or tablet that belongs to a gate, not to a person. Paired once by a specialist's one-time code; revocable."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"), index=True)
    kind: Mapped[DeviceKind]
    label: Mapped[str]  # 东门值守手机
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    pairing_digest: Mapped[bytes | None] = mapped_column(
        unique=True
    )  # of the one-time code; None once it was used
    pairing_until: Mapped[datetime | None]
    token_digest: Mapped[bytes | None] = mapped_column(
        unique=True
    )  # of the cookie that the paired device keeps
    paired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    gate: Mapped[Gate] = relationship()
    made_by: Mapped[Account] = relationship(foreign_keys=[made_by_id])
    shifts: Mapped[list[Shift]] = relationship(back_populates="device", order_by="Shift.id")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        gates = Gate.within(scope, ids)
        return None if gates is None else cls.gate_id.in_(select(Gate.id).where(gates))


class Shift(Row):
    """One guard's turn at a shared phone (班次): taken with name and PIN, handed over with what is pending."""

    device_id: Mapped[int] = mapped_column(ForeignKey("gate_device.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    login_id: Mapped[int | None] = mapped_column(ForeignKey("login_session.id"), unique=True)
    starts_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(default="")
    # what was handed over: counts as they stood, devices that do not work, a word to the next
    pending: Mapped[int | None]
    inside: Mapped[int | None]
    broken: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")

    device: Mapped[GateDevice] = relationship(back_populates="shifts")
    account: Mapped[Account] = relationship()
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
