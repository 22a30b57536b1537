"""The people of an enterprise (员工) and the teams they work in (班组): the base ledger of the health archive, one person one file."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Enum, ForeignKey, Index, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column, relationship

from .base import Row, RuleBroken
from .employee_facts import EmployeeFacts
from .enterprises import Enterprise, Premises
from .initials import initials_of
from .policy.schema import WorkerKind
from .vault import EncryptedText, Vault

DAY_BEGINS = time(4)  # a night shift's entry belongs to the day on which the shift began


def _of_enterprise(
    enterprise_id: InstrumentedAttribute[int], scope: str, ids: list[int]
) -> ColumnElement[bool] | None:
    """Named people are the enterprise's own: no other scope reaches them (PRIV-9)."""
    return enterprise_id.in_(ids) if scope == "enterprise" else None


class Blind(Protocol):
    """Of a vault, what makes blind indexes."""

    def blind(self, text: str, field: str) -> bytes: ...


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
        Index("ix_employee_enterprise_number", "enterprise_id", "number"),
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

    @classmethod
    def values(cls, facts: EmployeeFacts, vault: Blind, now: datetime) -> dict[str, Any]:
        """The columns of a row, for a form's one or a workbook's thousands (`insert(Employee)`), but for enterprise and team, which the
        caller knows. On a row that is there, leave `added_at` alone."""
        return {
            "name": facts.name,
            "initials": initials_of(facts.name),
            "number": facts.number,
            "kind": facts.kind,
            "contract_firm": facts.contract_firm,
            "document_kind": facts.document_kind,
            "document": facts.document or None,
            "document_index": document_index(facts.person, vault),
            "mobile": facts.mobile or None,
            "mobile_index": vault.blind(facts.mobile, "mobile") if facts.mobile else None,
            "department": facts.department,
            "job": facts.job,
            "hazards": "、".join(facts.hazards),
            "dormitory": facts.dormitory,
            "joined_on": facts.joined_on,
            "left_on": facts.left_on,
            "added_at": now,
            "changed_at": now,
        }

    @classmethod
    def write(
        cls,
        session: Session,
        enterprise_id: int,
        facts: EmployeeFacts,
        vault: Vault,
        now: datetime,
        *,
        team: Team | None,
        premises_id: int | None = None,
    ) -> Employee:
        """Somebody new. Who is on file by the same document already, is refused (一人一档): AlreadyOnFile names the row."""
        _must_be_the_only_one(session, enterprise_id, facts, vault)
        row = cls(
            enterprise_id=enterprise_id,
            team=team,
            premises_id=premises_id,
            **cls.values(facts, vault, now),
        )
        session.add(row)
        session.flush()
        return row

    def change(
        self,
        session: Session,
        facts: EmployeeFacts,
        vault: Vault,
        now: datetime,
        *,
        team: Team | None,
        premises_id: int | None = None,
    ) -> None:
        """Other facts of the same person. Does not flush, so that the view can say what changed."""
        _must_be_the_only_one(session, self.enterprise_id, facts, vault, but=self.id)
        values = self.values(facts, vault, now)
        del values["added_at"]
        for column in [key for key, value in values.items() if getattr(self, key) == value]:
            del values[column]  # sealed anew, a value would look changed
        for column, value in values.items():
            setattr(self, column, value)
        self.team_id, self.premises_id = team.id if team else None, premises_id

    def leave(self, on: date, *, today: date, now: datetime) -> None:
        """The last day of work. A day to come is taken too, when it is known."""
        if self.joined_on and on < self.joined_on:
            raise RuleBroken(f"最后工作日不能早于入职的{self.joined_on:%Y-%m-%d}")
        if abs((on - today).days) > 366:
            raise RuleBroken("最后工作日要在今天前后一年以内，请核对年份")
        self.left_on, self.changed_at = on, now

    def come_back(self, on: date, now: datetime) -> None:
        """The same person works here again, on the same file."""
        if self.left_on is None:
            raise RuleBroken("这个人没有离职，不用办返岗")
        if on <= self.left_on:
            raise RuleBroken(f"返岗日期要晚于最后工作日{self.left_on:%Y-%m-%d}")
        self.joined_on, self.left_on, self.changed_at = on, None, now


class AlreadyOnFile(RuleBroken):
    """The same document a second time: one person, one file."""

    def __init__(self, employee: Employee) -> None:
        left = "，已离职，可以办返岗" if employee.left_on else ""
        super().__init__(f"这个证件号已经有档案{left}。一个人只建一份，请打开原来的档案")
        self.employee = employee


def document_index(person: str, vault: Blind) -> bytes | None:
    """By which the same person is found again; `person` as `EmployeeFacts.person` says it."""
    return vault.blind(person, "employee.document") if person else None


def alike(session: Session, enterprise_id: int, facts: EmployeeFacts, vault: Vault) -> Employee | None:
    """Somebody of the same name and mobile: most likely the same person, typed without the document."""
    if not facts.mobile:
        return None
    return session.scalar(
        select(Employee)
        .where(
            Employee.enterprise_id == enterprise_id,
            Employee.mobile_index == vault.blind(facts.mobile, "mobile"),
            Employee.name == facts.name,
        )
        .limit(1)
    )


def _must_be_the_only_one(
    session: Session, enterprise_id: int, facts: EmployeeFacts, vault: Vault, but: int | None = None
) -> None:
    if not facts.person:
        return
    with session.no_autoflush:
        found = session.scalar(
            select(Employee).where(
                Employee.enterprise_id == enterprise_id,
                Employee.document_index == document_index(facts.person, vault),
                Employee.id != (but or 0),
            )
        )
    if found is not None:
        raise AlreadyOnFile(found)
