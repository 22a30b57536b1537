"""Reminders of reports that have not come in (催报): the ladder from the health manager up to the liaison, and what was said to whom.

Four steps for each obligation, each once: 24 and 2 hours before it is due, at the deadline, a day after. A step speaks to its own
post, and where nobody holds that, at once to the next one up. An enterprise's own people get a message for the report itself,
everybody above one for all that it is about. Who has filed hears nothing more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    SmallInteger,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import delivery
from .access import ENTERPRISE_STAFF, SCOPES, Post
from .accounts import Account, Appointment
from .base import Labelled, Row, local
from .delivery import insert_into
from .enterprises import Enterprise
from .inbox import News, read_about, tell_each
from .obligations import Obligation, moment
from .places import Place
from .timed import HOUR, Tick

AT_ONCE = 200  # obligations of a transaction: on SQLite visitors wait for it
PEOPLE_AT_ONCE = 300  # who get their digest in a transaction
DAY = timedelta(days=1)
KEPT = timedelta(days=180)  # as long as the messages
LONGEST_LOCK = timedelta(days=62)  # after which no report is waited for by any scheme
LIST = "/reports/reminders"


class Step(Labelled):
    """When it was said."""

    DAY_BEFORE = "day_before", "截止前24小时"
    TWO_HOURS = "two_hours", "截止前2小时"
    DEADLINE = "deadline", "到截止时"
    DAY_AFTER = "day_after", "截止后1天"
    BY_HAND = "by_hand", "手动提醒"


STEPS = tuple(step for step in Step if step is not Step.BY_HAND)
LADDER: tuple[tuple[Post, ...], ...] = (
    (Post.HEALTH_MANAGER,),
    (Post.CHIEF_HEALTH_OFFICER,),
    (Post.SPECIALIST,),
    (Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON),
    (Post.TASK_FORCE,),  # no step is theirs: so that nothing is said to nobody
)


class Reminder(Row):
    """One step for one obligation, and to whom it spoke. `number` counts those by hand."""

    obligation_id: Mapped[int] = mapped_column(ForeignKey("obligation.id"))
    step: Mapped[Step]
    number: Mapped[int] = mapped_column(SmallInteger, default=0)
    at: Mapped[datetime]
    told: Mapped[list[list[Any]]] = mapped_column(JSON)  # [post, account] each
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # who pressed; none: the clock

    __table_args__ = (UniqueConstraint("obligation_id", "step", "number"),)


class ReminderDigest(Row):
    """How many enterprises a step is about, for one of those above them: they get one message, not one for each."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    step: Mapped[Step]
    due_at: Mapped[datetime]
    number: Mapped[int]
    told_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("account_id", "step", "due_at"),
        Index(
            "ix_reminder_digest_untold", "account_id",
            sqlite_where=text("told_at IS NULL"), postgresql_where=text("told_at IS NULL"),
        ),
    )  # fmt: skip


# --- by the clock ---


def climb(tick: Tick, group_of: int | None = None) -> None:
    """Every step that has come, in short transactions: whoever is interrupted goes on with the next call, and who was told is not
    told again. A step that another has overtaken meanwhile is left out. `group_of`: the district whose work group is told of a
    deadline too."""
    now = moment(tick.now)
    for step in STEPS:
        with tick.looking() as session, session.execute(waiting(step, now)) as found:
            for ids in found.scalars().partitions(AT_ONCE):
                with tick.writing() as writing:
                    _take(writing, ids, step, now)
    while True:
        with tick.looking() as session:
            people = session.scalars(_untold()).all()
        if not people:
            break
        with tick.writing() as session:
            tell_digests(session, people, now)
    if group_of is not None:
        _tell_group(tick, group_of, now)


def reached(step: Step, now: datetime) -> ColumnElement[bool]:
    """The obligations that stand at this step at an instant. Due is inclusive: a deadline has passed a second later."""
    due = Obligation.due_at
    return {
        Step.DAY_BEFORE: and_(due > now + 2 * HOUR, due <= now + DAY),
        Step.TWO_HOURS: and_(due >= now, due <= now + 2 * HOUR),
        Step.DEADLINE: and_(due < now, due > now - DAY),
        Step.DAY_AFTER: and_(due <= now - DAY, due > now - LONGEST_LOCK),
    }[step]


def unfiled(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Waited for, and to be filed now."""
    one = Obligation
    owed = (one.live(), one.received_at.is_(None), one.excused_at.is_(None))
    return (*owed, one.opens_at <= now, or_(one.locks_at > now, one.unlocked_until >= now))


def waiting(step: Step, now: datetime) -> Select[int]:
    """The numbers of those for whom the step has come and has not been taken. What closed lately owes its last report to nobody
    who could be reminded."""
    done = select(Reminder.id).where(Reminder.obligation_id == Obligation.id, Reminder.step == step)
    gone = select(Enterprise.id).where(
        Enterprise.id == Obligation.enterprise_id, Enterprise.closed_at.is_not(None)
    )
    query = select(Obligation.id).where(reached(step, now), *unfiled(now), ~done.exists(), ~gone.exists())
    return query.execution_options(yield_per=AT_ONCE)


def _take(session: Session, ids: Sequence[int], step: Step, now: datetime) -> None:
    """The step, for those of these who have not filed meanwhile. Whom somebody files for at this moment is left to the next call."""
    held = session.scalars(
        select(Obligation)
        .where(Obligation.id.in_(ids), reached(step, now), *unfiled(now))
        .order_by(Obligation.id)
        .with_for_update(skip_locked=True, of=Obligation)
    ).all()
    remind(session, held, step, now)


def remind(session: Session, obligations: Sequence[Obligation], step: Step, now: datetime) -> None:
    """Takes a step of the clock for these. A fixed number of statements."""
    people = People.of(session, obligations, now)
    log: list[dict[str, Any]] = []
    news: list[News] = []
    above: Counter[tuple[int, datetime]] = Counter()
    for one in obligations:
        told = people.told(one, step)
        log.append(
            {"obligation_id": one.id, "step": step, "number": 0, "at": now, "told": told, "by_id": None}
        )
        subject, words = (
            f"{'快到截止' if step is Step.TWO_HOURS else '请报送'}：{one.title}",
            words_of(one, step, told),
        )
        staff = sorted({account for post, account in told if Post(post) in ENTERPRISE_STAFF})
        news += [news_of(one, account_id, step.value, subject, words) for account_id in staff]
        for account_id in {account for post, account in told if Post(post) not in ENTERPRISE_STAFF}:
            above[account_id, one.due_at] += 1
    if log:
        session.execute(insert(Reminder), log)
    tell_each(session, news, now)
    if above:
        _count(session, step, above)


def _count(session: Session, step: Step, above: Mapping[tuple[int, datetime], int]) -> None:
    rows = [
        {"account_id": account, "step": step, "due_at": due, "number": number}
        for (account, due), number in sorted(above.items())
    ]
    added = insert_into(session, ReminderDigest).values(rows)
    key = ["account_id", "step", "due_at"]
    more = {"number": ReminderDigest.number + added.excluded.number}
    session.execute(added.on_conflict_do_update(index_elements=key, set_=more))


def _untold() -> Select[int]:
    return (
        select(ReminderDigest.account_id)
        .distinct()
        .where(ReminderDigest.told_at.is_(None))
        .order_by(ReminderDigest.account_id)
        .limit(PEOPLE_AT_ONCE)
    )


def tell_digests(session: Session, people: Iterable[int], now: datetime) -> None:
    """One message to each of these, of all that has been counted for them since the last."""
    rows = session.scalars(
        select(ReminderDigest)
        .where(ReminderDigest.account_id.in_(list(people)), ReminderDigest.told_at.is_(None))
        .order_by(ReminderDigest.account_id, ReminderDigest.due_at, ReminderDigest.id)
        .with_for_update()
    ).all()
    news = []
    for account_id, mine in groupby(rows, key=lambda row: row.account_id):
        found = list(mine)
        lines = [_line(row) for row in found]
        subject = (
            lines[0]
            if len(lines) == 1
            else f"有{len(lines)}批报送要您督促，一共{sum(row.number for row in found)}份"
        )
        words = "" if len(lines) == 1 else "；".join(lines)
        news.append(News(account_id, f"reminders:{found[0].id}", subject, words, LIST))
    tell_each(session, news, now)
    numbers = [row.id for row in rows]
    done = update(ReminderDigest).where(ReminderDigest.id.in_(numbers)).values(told_at=now)
    session.execute(done.execution_options(synchronize_session=False))


def _line(row: ReminderDigest) -> str:
    due = f"{_instant(row.due_at)}截止的报送"
    return {
        Step.DAY_BEFORE: f"{due}，{row.number}家没有健康管理员和首席健康官，请您提醒",
        Step.TWO_HOURS: f"{due}，{row.number}家还没有报，也没有首席健康官",
        Step.DEADLINE: f"{due}，{row.number}家没有按时报",
        Step.DAY_AFTER: f"{due}，过了1天，{row.number}家还没有报",
    }[row.step]


def _tell_group(tick: Tick, district_id: int, now: datetime) -> None:
    """A deadline that has just passed, in one post without names."""
    one = Obligation
    late = (
        select(one.due_at, func.count())
        .where(one.district_id == district_id, one.due_at < now, one.due_at > now - HOUR, *unfiled(now))
        .group_by(one.due_at)
    )
    with tick.looking() as session:
        found = session.execute(late).all()
    for due_at, number in found:
        with tick.writing() as session:
            delivery.to_group(
                session, district_id, key=f"reminders:{due_at:%Y%m%d%H%M%S}",
                subject=f"{_instant(due_at)}截止的报送，{number}家没有按时报", link=LIST, now=now,
            )  # fmt: skip


# --- whom a step speaks to ---


@dataclass(frozen=True, slots=True)
class People:
    """Who holds the posts over some obligations today."""

    holders: Mapping[tuple[Post, int], Sequence[int]]  # accounts by post and scope
    parks: Mapping[int, int]  # a building's park

    @classmethod
    def of(cls, session: Session, obligations: Iterable[Obligation], now: datetime) -> People:
        scopes: dict[str, set[int]] = defaultdict(set)
        for one in obligations:
            for scope, number in (
                ("enterprise", one.enterprise_id), ("place", one.place_id), ("unit", one.unit_id),
                ("community", one.community_id), ("district", one.district_id),
            ):  # fmt: skip
                if number is not None:
                    scopes[scope].add(number)
        in_parks = select(Place.id, Place.parent_id).where(Place.id.in_(scopes["place"]))
        parks = {number: park for number, park in session.execute(in_parks) if park is not None}
        scopes["place"] |= set(parks.values())
        posts = [post for level in LADDER for post in level]
        places = [
            and_(
                Appointment.scope == scope,
                Appointment.scope_id.in_(numbers),
                Appointment.post.in_([post for post in posts if SCOPES[post] == scope]),
            )
            for scope, numbers in scopes.items()
            if numbers
        ]
        holders: dict[tuple[Post, int], list[int]] = defaultdict(list)
        if places:
            rows = session.execute(
                select(Appointment.post, Appointment.scope_id, Appointment.account_id)
                .join(Account, Account.id == Appointment.account_id)
                .where(Appointment.serving(local(now).date()), Account.disabled_at.is_(None), or_(*places))
                .order_by(Appointment.id)
            )
            for post, scope_id, account_id in rows:
                holders[post, scope_id].append(account_id)
        return cls(holders, parks)

    def level(self, one: Obligation, posts: Iterable[Post]) -> list[list[Any]]:
        """Who holds one of these posts over an obligation; a building without a specialist has its park's."""
        found: list[list[Any]] = []
        for post in posts:
            number = {
                "enterprise": one.enterprise_id, "place": one.place_id, "unit": one.unit_id, "community": one.community_id,
                "district": one.district_id,
            }[SCOPES[post]]  # fmt: skip
            held = self.holders.get((post, number or 0), ())
            if not held and post is Post.SPECIALIST:
                held = self.holders.get((post, self.parks.get(number or 0, 0)), ())
            found += [[post.value, account] for account in held]
        return found

    def told(self, one: Obligation, step: Step) -> list[list[Any]]:
        """The first level from the step's own upwards that somebody holds. Two hours before, the health manager hears it again:
        that is who fills the report in."""
        own = STEPS.index(step)
        found: list[list[Any]] = next(filter(None, (self.level(one, posts) for posts in LADDER[own:])), [])
        return (self.level(one, LADDER[0]) if step is Step.TWO_HOURS else []) + found


def key_of(obligation_id: int) -> str:
    """By which messages about it are known."""
    return f"obligation:{obligation_id}"


def news_of(one: Obligation, account_id: int, key: str, subject: str, words: str) -> News:
    return News(
        account_id,
        f"{key_of(one.id)}:{key}",
        subject,
        words,
        f"/enterprises/{one.enterprise_id}/reports/{one.first_on}",
    )


def words_of(one: Obligation, step: Step, told: Sequence[Sequence[Any]]) -> str:
    words = f"还没有报，{_instant(one.due_at)}前报送算按时"
    if step is Step.DAY_BEFORE and all(post != Post.HEALTH_MANAGER for post, _ in told):
        words += "。现在没有健康管理员，请您安排"
    return words


def forget_old(session: Session, now: datetime, most: int) -> int:
    """Deletes some of what was said long ago; answers how many."""
    gone = 0
    for table, at in ((Reminder, Reminder.at), (ReminderDigest, ReminderDigest.due_at)):
        old = select(table.id).where(at < now - KEPT).order_by(table.id).limit(most - gone)
        ids = session.scalars(old).all()
        session.execute(delete(table).where(table.id.in_(ids)))
        gone += len(ids)
    return gone


def settle(session: Session, obligation: Obligation, now: datetime) -> None:
    """It has been filed: what asked the enterprise for it need not be read any more, by whoever holds or held a post there."""
    theirs = Appointment.scope_id == obligation.enterprise_id
    staff = select(Appointment.account_id).where(Appointment.post.in_(ENTERPRISE_STAFF), theirs).distinct()
    for account_id in session.scalars(staff.order_by(Appointment.account_id)):
        read_about(session, account_id, key_of(obligation.id), now)


def _instant(at: datetime) -> str:
    here = local(at)
    return f"{here.month}月{here.day}日{here:%H:%M}"
