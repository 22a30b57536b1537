"""Enterprises (企业), where they sit, and what visitors call them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, false, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .base import SHANGHAI, Row, RuleBroken, local
from .places import Community, Place, Street, Unit
from .sizes import Sector, Sized, size_of
from .vault import EncryptedText

MOST_PEOPLE = 999_999
UNKNOWN = date.min  # what is kept ahead about an enterprise holds on no day


def _where(condition: str) -> dict[str, Any]:
    """Of a part of the rows alone. A truth is a number to SQLite, which takes the index for no other spelling."""
    return {
        "sqlite_where": text(condition.replace("deserted", "deserted = 1")),
        "postgresql_where": text(condition),
    }


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
    legal_representative: Mapped[str] = mapped_column(default="")  # 法定代表人
    address: Mapped[str] = mapped_column(default="")
    phone: Mapped[str | None] = mapped_column(EncryptedText("enterprise.phone"))
    sector: Mapped[Sector | None]
    revenue: Mapped[int | None]  # 营业收入, 万元
    assets: Mapped[int | None]  # 资产总额, 万元
    closed_on: Mapped[date | None]  # the last day
    closed_at: Mapped[datetime | None]  # when that was entered: what ended with it is found again by it
    close_reason: Mapped[str] = mapped_column(default="")
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))

    # How it stands, worked out ahead for lists: written and read by `models.standing` alone.
    lacking: Mapped[int] = mapped_column(server_default=text("0"), deferred=True)
    heads: Mapped[int] = mapped_column(
        server_default=text("0"), deferred=True
    )  # the head count; 0 where there is none
    deserted: Mapped[bool] = mapped_column(server_default=false(), deferred=True)
    known_until: Mapped[date] = mapped_column(server_default=text(f"'{UNKNOWN}'"), deferred=True)

    premises: Mapped[list[Premises]] = relationship(back_populates="enterprise", order_by="Premises.from_at")
    headcounts: Mapped[list[Headcount]] = relationship(order_by="Headcount.from_on")
    merged_into: Mapped[Enterprise | None] = relationship(remote_side="Enterprise.id")

    __table_args__ = (
        # each order of a district's list: the page is the beginning of an index, and equal ones stand by name
        Index(
            "ix_enterprise_lacking", "district_id", lacking.desc(), heads.desc(), "name", "id",
            **_where("closed_at IS NULL"),
        ),
        Index("ix_enterprise_heads", "district_id", heads.desc(), "name", "id", **_where("closed_at IS NULL")),
        Index("ix_enterprise_named", "district_id", "name", "id", **_where("closed_at IS NULL")),
        Index(
            "ix_enterprise_closed", "district_id", lacking.desc(), heads.desc(), "name", "id",
            **_where("closed_at IS NOT NULL"),
        ),
        Index("ix_enterprise_deserted", "district_id", "name", **_where("deserted AND closed_at IS NULL")),
        Index("ix_enterprise_known_until", "known_until"),
    )  # fmt: skip

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

    @property
    def sized(self) -> Sized:
        """The size class at the present head count (ORG-1)."""
        return size_of(self.sector, staff=self.headcount or None, revenue=self.revenue, assets=self.assets)

    def stand(self, *, street: Street, community: Community | None, unit: Unit | None) -> None:
        """Where it belongs. The community lies in the street, all of them in one district."""
        if community is not None and community.street_id != street.id:
            raise RuleBroken(f"{community.name}不在{street.name}，请重新选社区")
        if unit is not None and unit.district_id != street.district_id:
            raise RuleBroken("联络单位在另一个区")
        self.district_id, self.street_id = street.district_id, street.id
        self.community_id = None if community is None else community.id
        self.unit_id = None if unit is None else unit.id

    def set_headcount(self, number: int, from_on: date, *, now: datetime, by_id: int | None) -> None:
        """So many people from a day on. A back-dated number takes its place in the history and the newest one stays the
        present; a second number for the same day corrects the first."""
        self.must_be_open()
        if not 1 <= number <= MOST_PEOPLE:
            raise RuleBroken(f"人数填1到{MOST_PEOPLE}之间的整数")
        if from_on > local(now).date():
            raise RuleBroken("生效日期还没有到，请在那一天或以后再填")
        row = next((one for one in self.headcounts if one.from_on == from_on), None)
        if row is None:
            row = Headcount(from_on=from_on)
            self.headcounts.append(row)
        row.number, row.written_by_id, row.written_at = number, by_id, now
        self.headcount = max(self.headcounts, key=lambda one: one.from_on).number

    def move_in(self, place: Place, room: str, from_at: datetime) -> Premises:
        """Takes rooms in a place from an instant on. It is never twice in the same room at a time."""
        self.must_be_open()
        if place.closed_at is not None:
            raise RuleBroken(f"{place.name}已经关闭，请选别的场所")
        if place.district_id != self.district_id:
            raise RuleBroken(f"{place.name}在另一个区")
        for seat in self.premises:
            same = seat.place_id == place.id and seat.room == room
            if same and (seat.until_at is None or seat.until_at > from_at):
                raise RuleBroken(f"这段时间已经在{place.name}{room}，不用再登记")
        seat = Premises(place=place, place_id=place.id, room=room, from_at=from_at)
        self.premises.append(seat)
        return seat

    def must_be_open(self) -> None:
        if self.closed_at is not None:
            raise RuleBroken(f"{self.name}已经关闭。如果关错了，请先撤销关闭")

    def close(self, on: date, reason: str, *, merged_into: Enterprise | None = None, now: datetime) -> None:
        """Its last day has come, or it has gone into another (注销、迁出本区、合并). Its seats end with that day; its people are
        the business of `models.enterprise_closing`."""
        self.must_be_open()
        if on > local(now).date():
            raise RuleBroken("关闭日期还没有到，请在那一天或以后再办")
        if not reason.strip():
            raise RuleBroken("请写关闭的原因")
        if merged_into is not None:
            self._may_go_into(merged_into)
        self.closed_on, self.closed_at, self.close_reason = on, now, reason.strip()
        self.merged_into = merged_into
        end = min(now, datetime.combine(on + timedelta(days=1), time(), SHANGHAI))
        for seat in self.premises:
            if seat.until_at is None or seat.until_at > now:
                seat.end_with_enterprise(end)

    def _may_go_into(self, other: Enterprise) -> None:
        if other.id == self.id:
            raise RuleBroken("不能并入自己，请填另一家企业")
        if other.district_id != self.district_id:
            raise RuleBroken(f"{other.name}在另一个区")
        other.must_be_open()

    def reopen(self) -> None:
        """The closing was a mistake: the seats that ended with it are as they were."""
        if self.closed_at is None:
            raise RuleBroken(f"{self.name}没有关闭")
        self.closed_on, self.closed_at, self.close_reason, self.merged_into = None, None, "", None
        for seat in self.premises:
            seat.come_back()


class Headcount(Row):
    """How many people worked at an enterprise from a day on (人数变动), never of a day to come. The newest is `Enterprise.headcount`."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    from_on: Mapped[date]
    number: Mapped[int]
    written_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime]

    __table_args__ = (Index("uq_headcount_enterprise_from", "enterprise_id", "from_on", unique=True),)


def headcounts(session: Session, enterprise_id: int) -> Sequence[Headcount]:
    """An enterprise's head counts, the oldest first: each holds until the next begins."""
    found = select(Headcount).where(Headcount.enterprise_id == enterprise_id)
    return session.scalars(found.order_by(Headcount.from_on)).all()


def of_enterprises(column: Any, inside: ColumnElement[bool] | None) -> ColumnElement[bool] | None:
    """What belongs, by this column, to an enterprise of which that holds; None where no enterprise is meant."""
    if inside is None:
        return None
    found: ColumnElement[bool] = column.in_(select(Enterprise.id).where(inside))
    return found


class Premises(Row):
    """An enterprise sits in a place, from an instant until (half-open) another (入驻)."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    room: Mapped[str] = mapped_column(default="")  # 3号楼5层
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]
    ended_with_enterprise: Mapped[bool] = mapped_column(default=False)
    until_before: Mapped[datetime | None]  # the move that was planned when the enterprise closed

    enterprise: Mapped[Enterprise] = relationship(back_populates="premises")
    place: Mapped[Place] = relationship()

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """A place reaches the seats in it and in its buildings; any other scope those of its enterprises."""
        if scope == "place":
            reached = select(Place.id).where(or_(Place.id.in_(ids), Place.parent_id.in_(ids)))
            return cls.place_id.in_(reached)
        return of_enterprises(cls.enterprise_id, Enterprise.within(scope, ids))

    @classmethod
    def holding(cls, at: datetime) -> ColumnElement[bool]:
        """Who sits here at this instant; somebody whose move is fixed stays until it."""
        return and_(cls.from_at <= at, or_(cls.until_at.is_(None), cls.until_at > at))

    def is_over(self, now: datetime) -> bool:
        return self.until_at is not None and self.until_at <= now

    def move_out(self, at: datetime, *, now: datetime) -> None:
        """Leaves at an instant, which may be planned and then planned anew. Whatever happened here stays as it was."""
        if self.is_over(now):
            raise RuleBroken("已经迁出，不能再改")
        if at <= self.from_at:
            raise RuleBroken("迁出要晚于入驻")
        self.until_at = at

    def end_with_enterprise(self, at: datetime) -> None:
        """Ends because the enterprise closed, marked so that `come_back` knows it. What had not begun never begins."""
        self.until_before, self.ended_with_enterprise = self.until_at, True
        self.until_at = max(at, self.from_at)

    def come_back(self) -> None:
        """The closing is undone: as it was before it, if it ended with it."""
        if self.ended_with_enterprise:
            self.until_at, self.until_before, self.ended_with_enterprise = self.until_before, None, False


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
