"""What shows that an activity of a plan took place (证明材料): a sign-in sheet, photographs, the report of a check-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, SmallInteger, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from .accounts import Account
from .base import Row, RuleBroken
from .files import FileKind, StoredFile
from .plans import Activity, PlanState
from .vault import Vault

MOST = 10  # of one activity


class Evidence(Row):
    """An attachment of an activity. Removed, its content goes, and the line stays with who removed it and when."""

    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"))
    number: Mapped[int] = mapped_column(SmallInteger)  # within the activity, never used again
    words: Mapped[str] = mapped_column(default="")  # what it shows
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    added_at: Mapped[datetime]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    removed_at: Mapped[datetime | None]
    removed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    activity: Mapped[Activity] = relationship()
    file: Mapped[StoredFile | None] = relationship()
    added_by: Mapped[Account] = relationship(foreign_keys=[added_by_id])
    removed_by: Mapped[Account | None] = relationship(foreign_keys=[removed_by_id])

    __table_args__ = (
        Index("uq_evidence_activity_number", "activity_id", "number", unique=True),
        Index("uq_evidence_activity_file", "activity_id", "file_id", unique=True),
    )

    @classmethod
    def attach(
        cls, session: Session, vault: Vault, activity: Activity, kind: FileKind, content: bytes, words: str, *,
        now: datetime, by_id: int,
    ) -> Evidence:  # fmt: skip
        """`kind` and `content` as `files.taken` gave them. The caller holds the plan for itself (`Plan.alone`)."""
        if activity.plan.state is not PlanState.ISSUED:
            raise RuleBroken("计划发布以后，才能附证明材料")
        if activity.cancelled_at is not None:
            raise RuleBroken("这项活动已经取消，不再收证明材料")
        before = evidence_of(session, activity)
        if sum(one.file_id is not None for one in before) >= MOST:
            raise RuleBroken(f"一项活动最多附{MOST}份材料，可以先删去不要的")
        file = StoredFile.keep(session, vault, kind, content, now=now)
        if any(one.file is file for one in before):
            raise RuleBroken("这份材料已经附过了")
        made = cls(
            activity=activity, number=len(before) + 1, words=words, file=file, added_at=now, added_by_id=by_id
        )
        session.add(made)
        return made

    @property
    def called(self) -> str:
        return self.words or f"材料{self.number}"

    @property
    def file_name(self) -> str:
        """Under which it is handed out: made of our own words, never of the sender's file name."""
        assert self.file is not None
        said = "".join(
            sign
            for sign in self.activity.title + (self.words and "-" + self.words)
            if sign.isalnum() or sign in "-_（）"
        )
        return f"{said[:60] or '活动'}-材料{self.number}.{self.file.kind.ending}"

    def remove(self, session: Session, *, now: datetime, by_id: int) -> None:
        if self.file_id is None:
            raise RuleBroken("这份材料已经删去了")
        file_id = self.file_id
        self.file, self.removed_at, self.removed_by_id = None, now, by_id
        session.flush()
        StoredFile.let_go(session, file_id)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        activities = Activity.within(scope, ids)
        return None if activities is None else cls.activity_id.in_(select(Activity.id).where(activities))


def evidence_of(session: Session, activity: Activity) -> Sequence[Evidence]:
    """All of an activity, what was removed too, in the order in which it came."""
    return session.scalars(
        select(Evidence)
        .where(Evidence.activity_id == activity.id)
        .options(joinedload(Evidence.file), joinedload(Evidence.added_by), joinedload(Evidence.removed_by))
        .order_by(Evidence.number)
    ).all()


def counts(session: Session, activities: Iterable[Activity]) -> Counter[int]:
    """How many each activity has, by the activity's number."""
    held = select(Evidence.activity_id, func.count()).where(
        Evidence.activity_id.in_([one.id for one in activities]), Evidence.file_id.is_not(None)
    )
    return Counter({row[0]: row[1] for row in session.execute(held.group_by(Evidence.activity_id))})
