"""How long what is kept (保存与销毁): daily sums, destruction records, holds, and the state of the timed work."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, SmallInteger, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from .base import Row
from .places import Place


class DaySum(Row):
    """What one gate's hour of a day came to (日合计). It stays when the rows go, and names nobody."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"))
    day: Mapped[date]
    hour: Mapped[int] = mapped_column(SmallInteger)
    passed: Mapped[int]
    attention: Mapped[int]
    refused: Mapped[int]
    again: Mapped[int]
    unconfirmed: Mapped[int]
    confirmed: Mapped[int]  # of passed and attention: seen by a guard
    handled: Mapped[int]

    __table_args__ = (UniqueConstraint("place_id", "day", "gate_id", "hour"),)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        if scope == "district":
            return cls.district_id.in_(ids)
        places = Place.within(scope, ids)
        return None if places is None else cls.place_id.in_(select(Place.id).where(places))


class Destruction(Row):
    """A destruction record (销毁记录, PRIV-7): what was deleted, under which rule, how much, by whom or what."""

    at: Mapped[datetime]
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"), index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # None: the timed work
    rule: Mapped[str]  # why: the scheme and its days, a visitor's wish
    kind: Mapped[str]  # the table
    from_on: Mapped[date]
    to_on: Mapped[date]
    number: Mapped[int]
    digest: Mapped[bytes]  # over the nonces of what was deleted, in order
    method: Mapped[str]

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None


class Hold(Row):
    """Retention held for an investigation (暂缓销毁): document, scope and expiry; only those rows stay."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))  # None: the whole district
    document: Mapped[str]
    reason: Mapped[str]
    from_on: Mapped[date]
    to_on: Mapped[date]
    expires_on: Mapped[date]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None


class TimedTask(Row):
    """When a piece of the timed work last ran (定时任务), and how it went."""

    name: Mapped[str] = mapped_column(unique=True)
    ran_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
