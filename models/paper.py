"""Paper log sheets (纸质登记表): numbered sheets for the days without power or phones, typed in later row by row."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, SmallInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .accounts import Account
from .base import Labelled, Row, RuleBroken, local
from .keeping import Hold
from .places import CODE_SIGNS, Gate
from .vault import Vault

ROWS = 20  # of a sheet: as many as fit on A4 at a height in which one writes with gloves on
AT_ONCE = 20  # sheets that are printed in one go
NUMBER_LENGTH = 6
PHOTOS = 6  # of one sheet: front and back, and again where one was blurred
FILED_WITHIN = timedelta(days=14)


class VoidReason(Labelled):
    """Why a sheet is taken out of use (作废原因)."""

    LOST = "lost", "丢了"
    SPOILED = "spoiled", "打湿、撕坏、写坏了"
    MISPRINTED = "misprinted", "印错了、印多了"


class PhotoFault(Labelled):
    """Why a photograph is deleted (删除原因)."""

    BLURRED = "blurred", "拍糊了，看不清"
    OTHER_SHEET = "other_sheet", "拍的不是这张登记表"
    TOO_MUCH = "too_much", "拍进了不该拍的人或东西"


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

    @classmethod
    def print_for(
        cls, session: Session, gate: Gate, *, copies: int, now: datetime, by_id: int
    ) -> list[PaperSheet]:
        """New numbered sheets of one gate. Printed ahead they are good on any day and in either mode."""
        if gate.place.closed_at is not None:
            raise RuleBroken("这个场所已经关闭，不用再印登记表")
        if not 1 <= copies <= AT_ONCE:
            raise RuleBroken(f"一次可以印1到{AT_ONCE}张，现在是{copies}张")
        numbers: set[str] = set()
        while len(numbers) < copies:
            drawn = {"".join(secrets.choice(CODE_SIGNS) for _ in range(NUMBER_LENGTH)) for _ in range(copies)}
            numbers |= drawn - set(session.scalars(select(cls.number).where(cls.number.in_(drawn))))
        return [
            cls(gate_id=gate.id, number=number, rows=ROWS, printed_at=now, printed_by_id=by_id)
            for number in sorted(numbers)[:copies]
        ]

    @property
    def printed(self) -> str:
        """As the sheet shows it: two groups of three."""
        return f"{self.number[:3]} {self.number[3:]}"

    def nonce_of(self, vault: Vault, row: int) -> bytes:
        """The one nonce that a row of this sheet can ever become a check-in under."""
        return vault.mac("paper row", self.id.to_bytes(8, "big") + bytes([row]))

    def nonces(self, vault: Vault) -> dict[bytes, int]:
        """Every row's nonce, with the row's number."""
        return {self.nonce_of(vault, row): row for row in range(1, self.rows + 1)}

    def must_be_good(self) -> None:
        if self.void_at is not None:
            raise RuleBroken("这张登记表已经作废，不再收登记和照片")

    def void(self, *, now: datetime) -> None:
        """Lost or spoiled: it takes nothing any more. What was typed in from it stays."""
        self.must_be_good()
        self.void_at = now

    def file(
        self, vault: Vault, picture: bytes, sent: bytes, *, day: date, now: datetime, by_id: int
    ) -> SheetPhoto:
        """Adds a photograph, `picture` as made by `models.photographs` from what was `sent`: the sheet then counts as filed."""
        self.must_be_good()
        if len(self.photos) >= PHOTOS:
            raise RuleBroken(f"一张登记表最多存{PHOTOS}张照片")
        self.used_on = self.used_on or day
        photo = SheetPhoto(
            image=vault.seal_bytes(picture, SheetPhoto.IMAGE), digest=SheetPhoto.digest_of(vault, sent),
            added_at=now, added_by_id=by_id,
        )  # fmt: skip
        self.photos.append(photo)
        return photo

    def drop(self, session: Session, photo: SheetPhoto, *, typed_in: int, now: datetime) -> None:
        """Deletes one photograph; nothing brings it back. What an investigation keeps, stays.

        `typed_in`: how many of its rows are on record. Without any, and without a photograph, nothing says any more when it
        was used.
        """
        today, place = local(now).date(), self.gate.place
        held = select(Hold.id).where(Hold.of_day(place, self.used_on or today, today))
        if session.scalar(held.limit(1)) is not None:
            raise RuleBroken("这一天的登记因调查暂缓销毁，现在不能删除照片")
        self.photos.remove(photo)
        session.delete(photo)
        if not self.photos and not typed_in:
            self.used_on = None


class SheetPhoto(Row):
    """A photographed sheet counts as filed; the picture is sealed like what stands on it."""

    sheet_id: Mapped[int] = mapped_column(ForeignKey("paper_sheet.id"), index=True)
    image: Mapped[bytes] = mapped_column(
        deferred=True
    )  # sealed; a list of sheets does not carry pictures about
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

    @staticmethod
    def digest_of(vault: Vault, sent: bytes) -> bytes:
        """Keyed: whoever holds the picture cannot find out from the table where it lies."""
        return vault.mac("sheet photo", sent, 32)

    def picture(self, vault: Vault) -> bytes:
        """The JPEG."""
        return vault.unseal_bytes(self.image, self.IMAGE)
