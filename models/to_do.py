"""What waits for the people of an enterprise beside reports (今天要办): letters to be signed, notices to be confirmed; and why a
report has come back. Which reports wait says `models.obligations.to_do`.

Each is one question, whatever waits and however long its history is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload

from .accounts import Appointment
from .letters import UNSIGNED, Letter, LetterKind, LetterState
from .notices import Notice, NoticeReceipt, open_to
from .obligations import Obligation, Review
from .reports import ReportReview, ReportVersion

MOST = 20


@dataclass(frozen=True, slots=True)
class LetterToDo:
    """A letter that waits for the firm's signature; or one that has ended by a rule, and the new one has not come yet."""

    letter: Letter
    before: Letter | None = None  # has ended, and is to be signed anew with this

    @property
    def waits(self) -> bool:
        return self.letter.ended_at is None


def letters_to_do(session: Session, enterprise_id: int, today: date) -> list[LetterToDo]:
    """The newest first. What was voided alone waits for nobody: the officer knows whether there will be another."""
    rows = session.scalars(
        select(Letter)
        .where(Letter.enterprise_id == enterprise_id, Letter.ends_on >= today)
        .options(joinedload(Letter.place))
        .order_by(Letter.id.desc())
        .limit(MOST)
    )
    lines: dict[tuple[LetterKind, int | None], list[Letter]] = defaultdict(list)
    for one in rows:
        lines[one.kind, one.place_id].append(one)
    found = []
    for own in lines.values():
        for one, before in zip(own, [*own[1:], None], strict=True):
            if one.state in UNSIGNED:
                found.append(LetterToDo(one, before if before is not None and before.ended_at else None))
        newest = next((one for one in own if one.state is not LetterState.VOIDED), None)
        if newest is not None and newest.state is LetterState.SUPERSEDED:
            found.append(LetterToDo(newest))
    return found


def notices_to_do(
    session: Session, account_id: int, appointments: Collection[Appointment], now: datetime
) -> Sequence[Notice]:
    """Those that this person still has to confirm in these posts (已阅知), the newest first."""
    receipt = and_(NoticeReceipt.notice_id == Notice.id, NoticeReceipt.account_id == account_id)
    found = (
        select(Notice)
        .outerjoin(NoticeReceipt, receipt)
        .where(
            open_to(session, appointments, now), Notice.withdrawn_at.is_(None), Notice.must_confirm,
            NoticeReceipt.confirmed_at.is_(None),
        )
        .options(joinedload(Notice.sent_by))
        .order_by(Notice.sent_at.desc(), Notice.id.desc())
    )  # fmt: skip
    return session.scalars(found.limit(MOST)).all()


def returns_of(session: Session, obligations: Iterable[Obligation]) -> dict[int, ReportReview]:
    """Who returned each of these that has come back, and why: the last time, by the obligation's number."""
    ids = [one.id for one in obligations if one.review is Review.RETURNED]
    found = (
        select(ReportVersion.obligation_id, ReportReview)
        .join(ReportReview, ReportReview.version_id == ReportVersion.id)
        .where(ReportVersion.obligation_id.in_(ids), ReportReview.verdict == Review.RETURNED)
        .options(joinedload(ReportReview.by))
        .order_by(ReportReview.id)
    )
    return dict(session.execute(found).all())
