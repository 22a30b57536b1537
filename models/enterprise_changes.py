"""What was changed in an enterprise's file, by whom and when (变更记录), as its own staff and its officers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import Labelled, Row
from .enterprises import Enterprise

LABELS = {
    "name": "名称", "short_name": "简称", "initials": "拼音首字母", "legal_representative": "法定代表人", "sector": "行业",
    "revenue": "营业收入（万元）", "assets": "资产总额（万元）", "phone": "电话", "address": "地址", "street_id": "街道",
    "community_id": "社区", "unit_id": "联络单位",
}  # fmt: skip


class EnterpriseChange(Row):
    """One change, in the words it had then. Rows are only ever added."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    by_name: Mapped[str] = mapped_column(default="")
    what: Mapped[str]

    __table_args__ = (Index("ix_enterprise_change_enterprise_at", "enterprise_id", "at"),)

    @classmethod
    def of(cls, session: Session, enterprise: Enterprise, *, most: int) -> Sequence[EnterpriseChange]:
        """The newest first."""
        found = select(cls).where(cls.enterprise_id == enterprise.id)
        return session.scalars(found.order_by(cls.at.desc(), cls.id.desc()).limit(most)).all()


def in_words(changes: Mapping[str, Any], names: Mapping[tuple[str, Any], str]) -> str:
    """Columns as [before, after] in words. `names` says what a number stands for: (`street_id`, 3) is a street."""
    said = []
    for column, change in changes.items():
        if column not in LABELS:
            continue
        if not isinstance(change, list):
            said.append(f"{LABELS[column]}改过")
            continue
        before, after = (_word(column, value, names) for value in change)
        said.append(f"{LABELS[column]}由“{before}”改为“{after}”")
    return "；".join(said)


def _word(column: str, value: Any, names: Mapping[tuple[str, Any], str]) -> str:
    if value is None or value == "":
        return "空"
    return value.label if isinstance(value, Labelled) else names.get((column, value), str(value))
