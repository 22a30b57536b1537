"""The people of an enterprise (员工) and the teams they work in (班组): the base ledger of the health archive, one person one file."""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import ColumnElement, Enum, ForeignKey, Index, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column, relationship

from .base import Row
from .enterprises import Enterprise, Premises
from .policy.schema import WorkerKind
from .vault import EncryptedText

DAY_BEGINS = time(4)  # a night shift's entry belongs to the day on which the shift began


def _of_enterprise(
    enterprise_id: InstrumentedAttribute[int], scope: str, ids: list[int]
) -> ColumnElement[bool] | None:
    """Named people are the enterprise's own: no other scope reaches them (PRIV-9)."""
    return enterprise_id.in_(ids) if scope == "enterprise" else None


class Team(Row):
    """People who work together on one shift (班组). `day_begins`: when its work day begins, so that a night shift reports once."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    name: Mapped[str]
    leader: Mapped[str] = mapped_column(default="")  # 班组长
    day_begins: Mapped[time] = mapped_column(default=DAY_BEGINS)
    closed_at: Mapped[datetime | None]

    enterprise: Mapped[Enterprise] = relationship()

    __table_args__ = (Index("uq_team_enterprise_name", "enterprise_id", "name", unique=True),)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return _of_enterprise(cls.enterprise_id, scope, ids)


class Employee(Row):
    """A person who works at an enterprise, under whosever contract (员工). Who comes back is the same row again."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    name: Mapped[str]
    initials: Mapped[str] = mapped_column(default="")  # pinyin initials of the name
    number: Mapped[str] = mapped_column(default="")  # 工号, as the enterprise counts
    kind: Mapped[WorkerKind] = mapped_column(
        Enum(
            WorkerKind, native_enum=False, length=32, values_callable=lambda kinds: [k.value for k in kinds]
        ),
        default=WorkerKind.OWN,
    )
    contract_firm: Mapped[str] = mapped_column(default="")  # whose contract it is, where it is another's
    document_kind: Mapped[str] = mapped_column(
        default=""
    )  # 身份证 or a permit of `identifiers`; empty: none on file
    document: Mapped[str | None] = mapped_column(EncryptedText("employee.document"))
    document_index: Mapped[bytes | None]
    mobile: Mapped[str | None] = mapped_column(EncryptedText("employee.mobile"))
    mobile_index: Mapped[bytes | None] = mapped_column(
        index=True
    )  # blind index of the field "mobile", as everywhere
    department: Mapped[str] = mapped_column(default="")
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    job: Mapped[str] = mapped_column(default="")  # 工种、岗位
    hazards: Mapped[str] = mapped_column(default="")  # 接触的职业病危害因素; empty: not exposed
    dormitory: Mapped[str] = mapped_column(default="")  # building and room; empty: lives elsewhere
    premises_id: Mapped[int | None] = mapped_column(
        ForeignKey("premises.id"), index=True
    )  # where they actually work
    joined_on: Mapped[date | None]
    left_on: Mapped[date | None]  # the last day
    added_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    enterprise: Mapped[Enterprise] = relationship()
    team: Mapped[Team | None] = relationship()
    premises: Mapped[Premises | None] = relationship()

    __table_args__ = (
        Index("ix_employee_enterprise_left_name", "enterprise_id", "left_on", "name"),
        Index("uq_employee_enterprise_document", "enterprise_id", "document_index", unique=True),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return _of_enterprise(cls.enterprise_id, scope, ids)

    @classmethod
    def working(cls, on: date) -> ColumnElement[bool]:
        """Who belongs to the enterprise on a day (在册)."""
        return and_(
            or_(cls.joined_on.is_(None), cls.joined_on <= on), or_(cls.left_on.is_(None), cls.left_on >= on)
        )
