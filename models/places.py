"""Where things are: districts, streets, communities, units, parks and buildings, their gates and gate codes (场所与入口)."""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime, time

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, and_, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Labelled, Row, RuleBroken, local

CODE_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # 31 signs: no 0 O 1 I L
CODE_LENGTH = 10  # 49.5 bits: gate codes are public, they need to be unguessable only in bulk


class District(Row):
    """One district (区) with its own scheme, people and places; districts never see each other's."""

    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    organiser: Mapped[str]  # 主办单位, on every public page
    contact: Mapped[str] = mapped_column(default="")  # whom to ask about one's personal information
    hotline: Mapped[str] = mapped_column(default="")
    hotline_hours: Mapped[str] = mapped_column(default="")
    is_demo: Mapped[bool] = mapped_column(default=False)
    second_factor: Mapped[bool] = mapped_column(default=False)  # officers must have one
    password_rule: Mapped[str] = mapped_column(default="classified")  # classified (等保) | long (长口令)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.id.in_(ids) if scope == "district" else None


class Adoption(Row):
    """The scheme (方案) that a district follows from a day on. The book of policies answers from these rows."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    scheme_key: Mapped[str]  # "chengdu-hitech/2022-03-23"
    digest: Mapped[str]  # of the pack as it was adopted: a pack that rows refer to does not change
    from_on: Mapped[date]
    adopted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    adopted_at: Mapped[datetime]

    __table_args__ = (Index("uq_adoption_district_from", "district_id", "from_on", unique=True),)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None


class Street(Row):
    """街道"""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    name: Mapped[str]

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        columns = {"district": cls.district_id, "street": cls.id}
        return columns[scope].in_(ids) if scope in columns else None


class Community(Row):
    """社区"""

    street_id: Mapped[int] = mapped_column(ForeignKey("street.id"), index=True)
    name: Mapped[str]

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        if scope == "district":
            return cls.street_id.in_(select(Street.id).where(Street.district_id.in_(ids)))
        columns = {"street": cls.street_id, "community": cls.id}
        return columns[scope].in_(ids) if scope in columns else None


class Unit(Row):
    """责任单位: a department that looks after the enterprises and places of its sector. What else is on file of it stands in
    the letters that it signs (DOC-6)."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    name: Mapped[str]
    credit_code: Mapped[str] = mapped_column(default="")  # 统一社会信用代码
    head: Mapped[str] = mapped_column(default="")  # 负责人
    address: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        columns = {"district": cls.district_id, "unit": cls.id}
        return columns[scope].in_(ids) if scope in columns else None


class Clinic(Row):
    """发热门诊: where a refused visitor is sent. A street's own clinic comes before the district's."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    street_id: Mapped[int | None] = mapped_column(ForeignKey("street.id"))
    name: Mapped[str]
    address: Mapped[str]
    phone: Mapped[str]
    hours: Mapped[str]


class PlaceKind(Labelled):
    PARK = "park", "园区"
    BUILDING = "building", "楼宇"


class Place(Row):
    """A park or a building (园区、楼宇). A building may stand in a park: a park's scope reaches its buildings."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    street_id: Mapped[int] = mapped_column(ForeignKey("street.id"), index=True)
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"), index=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))
    kind: Mapped[PlaceKind]
    name: Mapped[str]
    address: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")  # the specialist's desk
    opens: Mapped[time | None]  # both empty: open day and night
    closes: Mapped[time | None]
    closed_at: Mapped[datetime | None]

    street: Mapped[Street] = relationship()
    community: Mapped[Community | None] = relationship()
    district: Mapped[District] = relationship()
    parent: Mapped[Place | None] = relationship(remote_side="Place.id")
    gates: Mapped[list[Gate]] = relationship(back_populates="place", order_by="Gate.id")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        if scope == "place":
            return or_(cls.id.in_(ids), cls.parent_id.in_(ids))
        columns = {
            "district": cls.district_id,
            "street": cls.street_id,
            "community": cls.community_id,
            "unit": cls.unit_id,
        }
        return columns[scope].in_(ids) if scope in columns else None

    def is_open(self, at: datetime) -> bool:
        return open_between(self.opens, self.closes, local(at).time())

    def stand(self, *, street: Street, community: Community | None, parent: Place | None) -> None:
        """Where it is. The community lies in the street, and only a building stands in a park."""
        if community is not None and community.street_id != street.id:
            raise RuleBroken(f"{community.name}不在{street.name}，请重新选社区")
        if parent is not None and (parent.kind != PlaceKind.PARK or self.kind != PlaceKind.BUILDING):
            raise RuleBroken("只有楼宇能放在园区里")
        if parent is not None and parent.district_id != street.district_id:
            raise RuleBroken("所在园区在另一个区")
        self.district_id, self.street_id = street.district_id, street.id
        self.community_id = None if community is None else community.id
        self.parent_id = None if parent is None else parent.id

    def close(self, *, reason: str, now: datetime) -> None:
        """For good: its gates' codes then say that the place has closed. What was registered stays."""
        if self.closed_at is not None:
            raise RuleBroken("这个场所已经关闭")
        if not reason.strip():
            raise RuleBroken("请写关闭的原因")
        self.closed_at = now

    def reopen(self) -> None:
        if self.closed_at is None:
            raise RuleBroken("这个场所没有关闭")
        self.closed_at = None

    def set_hours(self, opens: time | None, closes: time | None) -> None:
        """Opening hours; both empty is day and night. `closes` before `opens` runs past midnight."""
        if (opens is None) != (closes is None):
            raise RuleBroken("开放和关闭时刻要一起填，或者都不填（全天开放）")
        if opens is not None and opens == closes:
            raise RuleBroken("开放和关闭是同一时刻；全天开放请两项都不填")
        self.opens, self.closes = opens, closes


def open_between(opens: time | None, closes: time | None, clock: time) -> bool:
    """Whether a place with these hours is open at this clock time; the closing minute is outside."""
    if opens is None or closes is None:
        return True
    if opens < closes:
        return opens <= clock < closes
    return clock >= opens or clock < closes


class Gate(Row):
    """An entrance (入口) of a place. What hangs beside it is its current gate code."""

    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    name: Mapped[str]  # 东门2号口
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str] = mapped_column(default="")
    without_word: Mapped[bool] = mapped_column(default=False)  # the word of the minute switched off here

    place: Mapped[Place] = relationship(back_populates="gates")
    codes: Mapped[list[GateCode]] = relationship(back_populates="gate", order_by="GateCode.version")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        places = Place.within(scope, ids)
        return None if places is None else cls.place_id.in_(select(Place.id).where(places))

    @property
    def code(self) -> GateCode | None:
        """The code that works now; None while the last one is revoked and none was issued."""
        return next((c for c in reversed(self.codes) if c.revoked_at is None), None)

    def issue_code(self, *, now: datetime, by_id: int | None, code: str | None = None) -> GateCode:
        """A new code for this gate. There is one at a time: revoke the old one first."""
        if self.code is not None:
            raise RuleBroken("这个入口还有一张在用的码，先作废它")
        version = max((c.version for c in self.codes), default=0) + 1
        fresh = GateCode(code=code or new_code(), version=version, issued_at=now, issued_by_id=by_id)
        self.codes.append(fresh)
        return fresh

    def reissue(self, *, reason: str, now: datetime, by_id: int | None) -> GateCode:
        """Revokes the code in use with a reason and issues the next version; the old one then says so."""
        if not reason.strip():
            raise RuleBroken("请写换新的原因，扫旧码的人和日后查的人都看得到")
        if self.code is not None:
            self.code.revoke(reason=reason, now=now, by_id=by_id)
        return self.issue_code(now=now, by_id=by_id)

    def pause(self, *, reason: str, now: datetime) -> None:
        if self.paused_at is not None:
            raise RuleBroken("这个入口已经停用")
        if not reason.strip():
            raise RuleBroken("请写停用的原因，扫码的人会看到")
        self.paused_at, self.pause_reason = now, reason.strip()

    def resume(self) -> None:
        if self.paused_at is None:
            raise RuleBroken("这个入口没有停用")
        self.paused_at, self.pause_reason = None, ""


class GateCode(Row):
    """What a poster carries (场所码): public, replaceable, never deleted, so that an old poster can say what it was."""

    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"))
    code: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    revoke_reason: Mapped[str] = mapped_column(default="")

    gate: Mapped[Gate] = relationship(back_populates="codes")

    __table_args__ = (
        Index("uq_gate_code_gate_version", "gate_id", "version", unique=True),
        Index(
            "uq_gate_code_in_use",
            "gate_id",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    def revoke(self, *, reason: str, now: datetime, by_id: int | None) -> None:
        self.revoked_at, self.revoked_by_id, self.revoke_reason = now, by_id, reason.strip()

    @property
    def printed(self) -> str:
        """As the poster shows it: two groups of five."""
        return f"{self.code[:5]} {self.code[5:]}"


def new_code() -> str:
    return "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))


def read_code(typed: str) -> str:
    """A gate code as people type it: any case, with or without spaces and hyphens."""
    return re.sub(r"[\s\-—–_·]+", "", typed).upper()


class ModeOrder(Row):
    """An opened emergency (应急响应) over a district, street, community or place, from an instant until it is ended.

    Orders act forward only. Where several reach a place the stricter holds, so a place is in its emergency
    until the last of them has ended (settled: scopes of a mode order).
    """

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    scope: Mapped[str]  # district | street | community | place
    scope_id: Mapped[int]
    name: Mapped[str]
    reason: Mapped[str]
    legal_basis: Mapped[str]
    responsible: Mapped[str]
    starts_at: Mapped[datetime]
    planned_end_on: Mapped[date]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(default="")
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    SCOPES = ("district", "street", "community", "place")

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls.district_id.in_(ids) if scope == "district" else None

    @classmethod
    def open_at(cls, at: datetime) -> ColumnElement[bool]:
        return and_(cls.starts_at <= at, or_(cls.ended_at.is_(None), cls.ended_at > at))

    @classmethod
    def reaching(cls, place: Place, at: datetime) -> Select[ModeOrder]:
        """The orders that hold at this place at this instant, oldest first."""
        scopes = [
            and_(cls.scope == "district", cls.scope_id == place.district_id),
            and_(cls.scope == "street", cls.scope_id == place.street_id),
            and_(cls.scope == "community", cls.scope_id == place.community_id),
            and_(
                cls.scope == "place",
                cls.scope_id.in_([i for i in (place.id, place.parent_id) if i is not None]),
            ),
        ]
        return select(cls).where(cls.open_at(at), or_(*scopes)).order_by(cls.starts_at)

    @classmethod
    def open(
        cls, *, scope: str, scope_id: int, district_id: int, name: str, reason: str, legal_basis: str,
        responsible: str, planned_end_on: date, now: datetime, by_id: int | None,
    ) -> ModeOrder:  # fmt: skip
        """An emergency from now on. A back-dated one does not exist: there is no start to choose."""
        if scope not in cls.SCOPES:
            raise RuleBroken("请选择应急响应的范围")
        if planned_end_on < local(now).date():
            raise RuleBroken("预计结束日期已经过去，请填今天或以后的日期")
        return cls(
            scope=scope, scope_id=scope_id, district_id=district_id, name=name, reason=reason,
            legal_basis=legal_basis, responsible=responsible, planned_end_on=planned_end_on,
            starts_at=now, opened_by_id=by_id,
        )  # fmt: skip

    def end(self, *, reason: str, now: datetime, by_id: int | None) -> None:
        if self.ended_at is not None:
            raise RuleBroken("这次应急响应已经结束")
        if not reason.strip():
            raise RuleBroken("请写结束的原因")
        self.ended_at, self.ended_by_id, self.end_reason = now, by_id, reason.strip()

    def reaches(self, place: Place) -> bool:
        return (
            self.scope_id
            in {
                "district": (place.district_id,),
                "street": (place.street_id,),
                "community": (place.community_id,),
                "place": (place.id, place.parent_id),
            }[self.scope]
        )
