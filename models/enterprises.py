"""Enterprises (企业), where they sit, and what visitors call them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Row
from .places import Place


class Enterprise(Row):
    """An employer of the district. Its head count decides which health posts it needs."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    street_id: Mapped[int] = mapped_column(ForeignKey("street.id"), index=True)
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), index=True)
    name: Mapped[str]
    short_name: Mapped[str] = mapped_column(default="")
    initials: Mapped[str] = mapped_column(default="", index=True)  # pinyin initials of the short name
    credit_code: Mapped[str] = mapped_column(unique=True)  # 统一社会信用代码
    headcount: Mapped[int | None]

    premises: Mapped[list[Premises]] = relationship(back_populates="enterprise")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        columns = {
            "district": cls.district_id,
            "street": cls.street_id,
            "community": cls.community_id,
            "unit": cls.unit_id,
            "enterprise": cls.id,
        }
        return columns[scope].in_(ids) if scope in columns else None

    @classmethod
    def within_at(cls, scope: str, ids: list[int], at: datetime) -> ColumnElement[bool] | None:
        """A place reaches the enterprises that sit in it, and in its buildings, at that instant."""
        if scope != "place":
            return cls.within(scope, ids)
        reached = select(Place.id).where(or_(Place.id.in_(ids), Place.parent_id.in_(ids)))
        return cls.id.in_(
            select(Premises.enterprise_id).where(Premises.place_id.in_(reached), Premises.holding(at))
        )


class Headcount(Row):
    """How many people worked at an enterprise from a day on (人数变动), never of a day to come. The newest is `Enterprise.headcount`."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    from_on: Mapped[date]
    number: Mapped[int]
    written_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime]

    __table_args__ = (Index("uq_headcount_enterprise_from", "enterprise_id", "from_on", unique=True),)


class Premises(Row):
    """An enterprise sits in a place, from an instant until (half-open) another (入驻)."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    room: Mapped[str] = mapped_column(default="")  # 3号楼5层
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]

    enterprise: Mapped[Enterprise] = relationship(back_populates="premises")
    place: Mapped[Place] = relationship()

    @classmethod
    def holding(cls, at: datetime) -> ColumnElement[bool]:
        """Who sits here at this instant; somebody whose move is fixed stays until it."""
        return and_(cls.from_at <= at, or_(cls.until_at.is_(None), cls.until_at > at))


class Spelling(Row):
    """What visitors of a place write for where they go (去向的写法), settled by the specialist once for all: it means an
    enterprise, or none (送货、面试、食堂)."""

    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    written: Mapped[str]  # folded: see `models.gate.fold`
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))  # None: no enterprise
    mapped_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    mapped_at: Mapped[datetime]

    enterprise: Mapped[Enterprise | None] = relationship()

    __table_args__ = (Index("uq_spelling_place_written", "place_id", "written", unique=True),)
