"""Paper log sheets (纸质登记表): numbered sheets for the days without power or phones, typed in later row by row."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, SmallInteger, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import Account
from .base import Row
from .places import Gate


class PaperSheet(Row):
    """One printed A4 sheet of a gate. Its number and a row's number make the row's nonce: typing it in twice is harmless."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"), index=True)
    number: Mapped[str] = mapped_column(unique=True)  # 6 signs of a gate code's alphabet
    rows: Mapped[int] = mapped_column(SmallInteger)
    printed_at: Mapped[datetime]
    printed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    used_on: Mapped[
        date | None
    ]  # the day written at its head; known when it is first typed in or photographed
    void_at: Mapped[datetime | None]

    gate: Mapped[Gate] = relationship()
    printed_by: Mapped[Account] = relationship(foreign_keys=[printed_by_id])
    photos: Mapped[list[SheetPhoto]] = relationship(back_populates="sheet", order_by="SheetPhoto.id")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        gates = Gate.within(scope, ids)
        return None if gates is None else cls.gate_id.in_(select(Gate.id).where(gates))


class SheetPhoto(Row):
    """A photographed sheet counts as filed; the picture is sealed like what stands on it."""

    sheet_id: Mapped[int] = mapped_column(ForeignKey("paper_sheet.id"), index=True)
    image: Mapped[bytes]  # sealed
    digest: Mapped[bytes] = mapped_column(
        unique=True
    )  # of the picture as it was sent: the same one twice is one
    added_at: Mapped[datetime]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    sheet: Mapped[PaperSheet] = relationship(back_populates="photos")
    added_by: Mapped[Account] = relationship()

    IMAGE = "sheet_photo.image"

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        sheets = PaperSheet.within(scope, ids)
        return None if sheets is None else cls.sheet_id.in_(select(PaperSheet.id).where(sheets))
