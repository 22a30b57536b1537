"""Reminding by hand (手动提醒), what an enterprise hears of decisions, and what has been said to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from .access import Post
from .accounts import Account
from .base import RuleBroken, local
from .inbox import News, tell_each
from .obligations import Obligation, Status, moment, status
from .reminders import LADDER, People, Reminder, Step, news_of, words_of
from .reports import LockException, ReportReview
from .timed import HOUR

NOT_AGAIN = HOUR  # after somebody has reminded by hand
SHOWN = 8  # reminders of an enterprise on its page


@dataclass(slots=True)
class Outcome:
    """What became of reminding some by hand."""

    told: list[Obligation] = field(default_factory=list)
    again: list[Obligation] = field(default_factory=list)  # somebody has reminded them within the hour
    nobody: list[Obligation] = field(default_factory=list)  # no health manager, no chief health officer: call
    not_now: list[Obligation] = field(default_factory=list)  # filed, locked, not open yet


def remind_by_hand(
    session: Session, obligations: Sequence[Obligation], *, now: datetime, by: Account
) -> Outcome:
    """An officer reminds: everybody who holds a post of the enterprise, once an hour for each period, whoever presses. The
    obligations are held alone."""
    now = moment(now)
    people, last = People.of(session, obligations, now), _by_hand(session, obligations)
    outcome = Outcome()
    log: list[dict[str, Any]] = []
    news: list[News] = []
    for one in obligations:
        number, at = last.get(one.id, (0, None))
        told = people.level(one, LADDER[0] + LADDER[1])
        if not asks(one, now):
            outcome.not_now.append(one)
        elif at is not None and now - at < NOT_AGAIN:
            outcome.again.append(one)
        elif not told:
            outcome.nobody.append(one)
        else:
            outcome.told.append(one)
            log.append(
                {"obligation_id": one.id, "step": Step.BY_HAND, "number": number + 1, "at": now, "told": told, "by_id": by.id}
            )  # fmt: skip
            news += _by_hand_news(one, told, number + 1, by)
    if log:
        session.execute(insert(Reminder), log)
    tell_each(session, news, now)
    return outcome


def _by_hand_news(one: Obligation, told: Sequence[Sequence[Any]], number: int, by: Account) -> Iterator[News]:
    back = one.received_at is not None
    subject = f"{by.name}提醒您{'更正' if back else '报送'}：{one.title}"
    words = "退回以后还没有更正，打开可以看到哪几项不对" if back else words_of(one, Step.BY_HAND, told)
    for account_id in sorted({account for _post, account in told}):
        yield news_of(one, account_id, f"{Step.BY_HAND}:{number}", subject, words)


def asks(one: Obligation, now: datetime) -> bool:
    """Whether there is something to remind of: it is to be filed, or has come back, and is taken now."""
    if one.voided_at is not None or not one.takes(now):
        return False
    return status(one, now) in (Status.OPEN, Status.DUE_SOON, Status.OVERDUE, Status.MISSED, Status.RETURNED)


def must_have_told(outcome: Outcome) -> None:
    """RuleBroken with the reason, where a reminder of one has told nobody."""
    if outcome.again:
        raise RuleBroken("1小时内提醒过了，过1小时可以再提醒")
    if outcome.nobody:
        raise RuleBroken("这家企业没有健康管理员和首席健康官，请打电话")
    if outcome.not_now:
        raise RuleBroken("这一期现在不用提醒：已经报了，或者还不能报")


def _by_hand(session: Session, obligations: Iterable[Obligation]) -> dict[int, tuple[int, datetime]]:
    mine = Reminder.obligation_id.in_([one.id for one in obligations])
    rows = session.execute(
        select(Reminder.obligation_id, func.max(Reminder.number), func.max(Reminder.at))
        .where(mine, Reminder.step == Step.BY_HAND)
        .group_by(Reminder.obligation_id)
    )
    return {obligation: (number, at) for obligation, number, at in rows}


# --- what was decided ---


def tell_returned(session: Session, one: Obligation, review: ReportReview, labels: Mapping[str, str]) -> None:
    """The enterprise's own people hear that a report has come back, what is wrong and why. Filing
    again reads it."""
    wrong = "、".join(labels[key] for key in review.fields)
    _tell_staff(
        session,
        one,
        f"returned:{review.version_id}",
        f"{one.title}退回了，请更正",
        f"不对的是{wrong}。{review.words}",
        review.at,
    )


def tell_unlocked(session: Session, one: Obligation, row: LockException) -> None:
    """That a locked report may be filed after all, and until when."""
    until = local(row.expires_at)
    words = f"到{until.month}月{until.day}日{until:%H:%M}为止，仍算迟报。原因：{row.reason}"
    _tell_staff(session, one, f"unlocked:{row.id}", f"{one.title}可以补报了", words, row.granted_at)


def _tell_staff(session: Session, one: Obligation, key: str, subject: str, words: str, now: datetime) -> None:
    told = People.of(session, [one], now).level(one, LADDER[0] + LADDER[1])
    accounts = sorted({account for _post, account in told})
    tell_each(session, [news_of(one, account, key, subject, words) for account in accounts], now)


# --- what was said ---


@dataclass(frozen=True, slots=True)
class Said:
    """A reminder as a page shows it."""

    obligation_id: int
    title: str
    step: Step
    at: datetime
    to: Sequence[str]  # 健康管理员林见微
    by: str

    @property
    def words(self) -> str:
        return f"{self.by}提醒" if self.by else self.step.label


def said(session: Session, obligation_ids: Iterable[int]) -> list[Said]:
    """Everything that was said about these, the newest first. A fixed number of queries."""
    return list(_said(session, select(Reminder).where(Reminder.obligation_id.in_(list(obligation_ids)))))


def said_to(session: Session, enterprise_id: int) -> list[Said]:
    """The last reminders about an enterprise's reports."""
    mine = select(Obligation.id).where(Obligation.enterprise_id == enterprise_id)
    return list(_said(session, select(Reminder).where(Reminder.obligation_id.in_(mine)).limit(SHOWN)))


def last_said(session: Session, obligation_ids: Iterable[int]) -> dict[int, Said]:
    """The newest of each obligation."""
    found: dict[int, Said] = {}
    for one in said(session, obligation_ids):
        found.setdefault(one.obligation_id, one)
    return found


def _said(session: Session, query: Select[Reminder]) -> Iterator[Said]:
    rows = session.scalars(query.order_by(Reminder.at.desc(), Reminder.id.desc())).all()
    accounts = {account for row in rows for _post, account in row.told}
    accounts |= {row.by_id for row in rows if row.by_id is not None}
    named = select(Account.id, Account.name).where(Account.id.in_(accounts))
    names: dict[int, str] = dict(session.execute(named).all()) if rows else {}
    owed = select(Obligation).where(Obligation.id.in_({row.obligation_id for row in rows}))
    titles = {one.id: one.title for one in session.scalars(owed)} if rows else {}
    for row in rows:
        to = [f"{Post(post).label}{names.get(account, '')}" for post, account in row.told]
        by = names.get(row.by_id or 0, "")
        yield Said(row.obligation_id, titles[row.obligation_id], row.step, row.at, to, by)
