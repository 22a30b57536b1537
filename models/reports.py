"""Reports that enterprises file (报送): versions that are only added to, drafts, acceptance and return, exceptions from a lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import JSON, ColumnElement, ForeignKey, Select, UniqueConstraint, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from .access import ENTERPRISE_STAFF, Post
from .accounts import Account, Appointment
from .base import Labelled, Row, RuleBroken, local
from .obligations import GROWN, Obligation, Review, moment
from .policy.schema import ReportField

LONGEST_REASON = 300
LONGEST_EXCEPTION = timedelta(days=7)
SAME_CLOCK = timedelta(minutes=2)
LONGEST_FILLING = timedelta(hours=4)  # a page that was open longer was not being filled


class Source(Labelled):
    """How a version came in (来源)."""

    FORM = "form", "逐项填报"
    ZERO = "zero", "零报告"


@dataclass(frozen=True, slots=True)
class Filling:
    """How a report was filled in, for the account of what reporting costs. Nothing of it decides anything."""

    asked: int | None = None
    prefilled: int | None = None
    began_at: datetime | None = None
    claimed_at: datetime | None = None

    def seconds(self, now: datetime) -> int | None:
        length = now - self.began_at if self.began_at is not None else None
        return (
            int(length.total_seconds())
            if length is not None and timedelta() <= length <= LONGEST_FILLING
            else None
        )


class ReportVersion(Row):
    """What an enterprise reported of a period, at an instant (一版). Never changed: a correction is the next version."""

    obligation_id: Mapped[int] = mapped_column(ForeignKey("obligation.id"))
    number: Mapped[int]
    numbers: Mapped[dict[str, int]] = mapped_column(JSON)
    archive: Mapped[dict[str, int]] = mapped_column(JSON)  # what the archive knew at that instant
    comments: Mapped[dict[str, str]] = mapped_column(JSON)
    source: Mapped[Source]
    reason: Mapped[str] = mapped_column(default="")  # of a correction
    key: Mapped[str]  # of the sending, so that a second one of the same is known
    at: Mapped[datetime]  # by the server's clock
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    claimed_at: Mapped[datetime | None]  # by the device's own clock: a claim, which decides nothing
    seconds: Mapped[int | None]  # from opening the page to filing, where that is believable
    asked: Mapped[int | None]  # how many fields the report has
    prefilled: Mapped[int | None]  # of these, how many nobody typed

    by: Mapped[Account] = relationship()
    obligation: Mapped[Obligation] = relationship()
    reviews: Mapped[list[ReportReview]] = relationship(back_populates="version", order_by="ReportReview.id")

    __table_args__ = (UniqueConstraint("obligation_id", "number"), UniqueConstraint("key"))

    @property
    def clock_differs(self) -> bool:
        """Whether the device's clock said something else than ours."""
        return self.claimed_at is not None and abs(self.claimed_at - self.at) > SAME_CLOCK


class ReportDraft(Row):
    """What has been typed and not yet filed (草稿), as it was typed; one for all who fill it."""

    obligation_id: Mapped[int] = mapped_column(ForeignKey("obligation.id"), unique=True)
    typed: Mapped[dict[str, str]] = mapped_column(JSON)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    by: Mapped[Account] = relationship()


class ReportReview(Row):
    """A version was accepted, or returned with the fields that are wrong (审核、退回)."""

    version_id: Mapped[int] = mapped_column(ForeignKey("report_version.id"), index=True)
    verdict: Mapped[Review]
    fields: Mapped[list[str]] = mapped_column(JSON)
    words: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    by: Mapped[Account] = relationship()
    version: Mapped[ReportVersion] = relationship(back_populates="reviews")


class LockException(Row):
    """One locked obligation may be filed until an instant after all (锁定例外); what then comes stays late."""

    obligation_id: Mapped[int] = mapped_column(ForeignKey("obligation.id"), index=True)
    reason: Mapped[str]
    expires_at: Mapped[datetime]
    granted_at: Mapped[datetime]
    granted_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    granted_by: Mapped[Account] = relationship()


UNTOLD = Filling()


# --- looking ---


def alone(session: Session, obligation: Obligation) -> Obligation:
    """The obligation as it stands now; nobody else files or judges it until the transaction ends."""
    return session.scalars(
        select(Obligation)
        .where(Obligation.id == obligation.id)
        .with_for_update(of=Obligation)
        .execution_options(populate_existing=True)
    ).one()


def these_alone(
    session: Session, reach: ColumnElement[bool], numbers: Collection[int]
) -> Sequence[Obligation]:
    """Those of the numbered obligations that are within reach, held as `alone` does."""
    return session.scalars(
        select(Obligation)
        .where(Obligation.id.in_(numbers), reach)
        .options(joinedload(Obligation.enterprise, innerjoin=True))
        .order_by(Obligation.id)
        .with_for_update(of=Obligation)
        .execution_options(populate_existing=True)
    ).all()


def versions_of(session: Session, obligation: Obligation) -> Sequence[ReportVersion]:
    """The newest first, each with who filed and who judged it."""
    return session.scalars(
        select(ReportVersion)
        .where(ReportVersion.obligation_id == obligation.id)
        .options(joinedload(ReportVersion.by), joinedload(ReportVersion.reviews).joinedload(ReportReview.by))
        .order_by(ReportVersion.number.desc())
    ).unique().all()  # fmt: skip


def draft_of(session: Session, obligation: Obligation) -> ReportDraft | None:
    return session.scalar(
        select(ReportDraft)
        .where(ReportDraft.obligation_id == obligation.id)
        .options(joinedload(ReportDraft.by))
    )


def past_of(session: Session, obligation: Obligation, most: int) -> list[dict[str, int]]:
    """The numbers of the enterprise's reports before this one in its mode, the newest first; and of its own days what was filed
    before the period grew."""
    one = Obligation
    earlier = and_(one.live(), one.first_on < obligation.first_on)
    grown = and_(one.void_reason == GROWN, one.first_on == obligation.first_on)
    rows = session.scalars(
        select(one.figures)
        .where(
            one.enterprise_id == obligation.enterprise_id, or_(earlier, grown), one.mode == obligation.mode,
            one.received_at.is_not(None),
        )
        .order_by(one.first_on.desc(), one.id.desc())
        .limit(most)
    )  # fmt: skip
    return [row for row in rows if row]


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that a correction changed."""

    label: str
    before: int | None
    after: int | None


def differences(
    fields: Sequence[ReportField], before: Mapping[str, int], after: Mapping[str, int]
) -> list[Difference]:
    return [
        Difference(one.label, before.get(one.key), after.get(one.key))
        for one in fields
        if before.get(one.key) != after.get(one.key)
    ]


# --- filing ---


def file(
    session: Session, obligation: Obligation, numbers: Mapping[str, int], *, archive: Mapping[str, int],
    comments: Mapping[str, str], source: Source, key: str, seen: int, reason: str, now: datetime, by: Account,
    filling: Filling = UNTOLD,
) -> tuple[ReportVersion, bool]:  # fmt: skip
    """Files the report, or corrects it; and whether that is a new version. `obligation` is held `alone`.

    The same sending again, and the same numbers again, are the version that there is. `seen` is the number of the version that
    the person had before them: where another has come meanwhile, it is to be looked at first.
    """
    known = session.scalar(select(ReportVersion).where(ReportVersion.key == key))
    if known is not None:
        if known.obligation_id != obligation.id:
            raise RuleBroken("这一页是另一期的，请从报送列表重新打开")
        return known, False
    newest = _newest(session, obligation)
    if (
        newest is not None
        and dict(newest.numbers) == dict(numbers)
        and obligation.review is not Review.RETURNED
    ):
        return newest, False
    may_file(session, obligation, now=now, by=by)
    if newest is not None and seen != newest.number:
        at = local(newest.at)
        raise RuleBroken(
            f"{newest.by.name}{at.month}月{at.day}日{at:%H:%M}刚报了第{newest.number}版，请看过再更正"
        )
    if newest is not None and not reason.strip():
        raise RuleBroken("请写更正的原因")
    version = ReportVersion(
        obligation_id=obligation.id, number=obligation.version + 1, numbers=dict(numbers), archive=dict(archive),
        comments=dict(comments), source=source, reason=reason.strip() if newest else "", key=key, at=moment(now), by_id=by.id,
        claimed_at=filling.claimed_at, seconds=filling.seconds(now), asked=filling.asked, prefilled=filling.prefilled,
    )  # fmt: skip
    session.add(version)
    if obligation.review is Review.ACCEPTED:
        obligation.changed_after_acceptance = True
    obligation.version = version.number
    obligation.received_at = obligation.received_at or version.at
    obligation.figures, obligation.zero, obligation.review = (
        dict(numbers),
        source is Source.ZERO,
        Review.WAITING,
    )
    if version.at <= obligation.due_at:
        obligation.zero_at_due, obligation.returned_at_due = obligation.zero, False
    draft = draft_of(session, obligation)
    if draft is not None:
        session.delete(draft)
    session.flush()
    return version, True


def may_file(session: Session, obligation: Obligation, *, now: datetime, by: Account) -> None:
    """RuleBroken with the reason and the way on, where this obligation takes no report from this person now."""
    if not obligation.takes(now):
        raise RuleBroken(refusal(session, obligation, now))
    if moment(now) >= obligation.locks_at and obligation.is_unlocked(now):
        granted = exceptions_of(session, obligation)
        if granted and granted[0].granted_by_id == by.id:
            raise RuleBroken("这次例外是您开的，请由别人补报")


def refusal(session: Session, obligation: Obligation, now: datetime) -> str:
    """Why nothing is taken now, and who can help."""
    if obligation.voided_at is not None:
        return f"这一期已经取消：{obligation.void_reason}"
    if obligation.excused_at is not None:
        return f"这一期已经豁免：{obligation.excuse_reason}"
    if moment(now) < obligation.opens_at:
        return f"{_instant(obligation.opens_at)}起可以填报"
    names = who_opens(session, obligation, local(now).date())
    return f"{_instant(obligation.locks_at)}已锁定。要补报，请{'、'.join(names) or '联络员'}开一次例外"


def keep_draft(
    session: Session, obligation: Obligation, typed: Mapping[str, str], *, now: datetime, by: Account
) -> ReportDraft:
    """What has been typed so far, in place of the draft before. `obligation` is held `alone`."""
    draft = draft_of(session, obligation)
    if draft is None:
        draft = ReportDraft(obligation_id=obligation.id)
        session.add(draft)
    draft.typed, draft.at, draft.by_id = dict(typed), moment(now), by.id
    return draft


def _newest(session: Session, obligation: Obligation) -> ReportVersion | None:
    return session.scalar(
        select(ReportVersion)
        .where(ReportVersion.obligation_id == obligation.id, ReportVersion.number == obligation.version)
        .options(joinedload(ReportVersion.by))
    )


# --- judging ---


def judge(
    session: Session, obligation: Obligation, verdict: Review, *, seen: int, fields: Collection[str], words: str,
    asked: Collection[str], now: datetime, by: Account,
) -> ReportReview:  # fmt: skip
    """Accepts the newest version, or returns it with the fields that are wrong. Nobody judges what they filed, or their own
    enterprise. `obligation` is held `alone`; `asked` are the fields that the report has."""
    newest, own = (
        _newest(session, obligation),
        works_at(session, obligation.enterprise_id, by, local(now).date()),
    )
    return _judged(
        session, obligation, newest, verdict, own=own, seen=seen, fields=fields, words=words, asked=asked, now=now, by=by
    )  # fmt: skip


def accept_many(
    session: Session,
    obligations: Sequence[Obligation],
    *,
    seen: Mapping[int, int],
    now: datetime,
    by: Account,
) -> list[tuple[Obligation, str]]:
    """Accepts the newest version of each of these, by the same rule; answers those that cannot be, with the reason. `seen`: the
    version of each that was looked at."""
    newest = {
        one.obligation_id: one
        for one in session.scalars(
            select(ReportVersion)
            .join(Obligation, and_(Obligation.id == ReportVersion.obligation_id, Obligation.version == ReportVersion.number))
            .where(Obligation.id.in_([one.id for one in obligations]))
        )
    }  # fmt: skip
    own = set(session.scalars(works_where(by, local(now).date())))
    refused = []
    for one in obligations:
        try:
            _judged(
                session, one, newest.get(one.id), Review.ACCEPTED, own=one.enterprise_id in own, seen=seen.get(one.id, 0),
                fields=(), words="", asked=(), now=now, by=by,
            )  # fmt: skip
        except RuleBroken as broken:
            refused.append((one, str(broken)))
    return refused


def _judged(
    session: Session, obligation: Obligation, newest: ReportVersion | None, verdict: Review, *, own: bool, seen: int,
    fields: Collection[str], words: str, asked: Collection[str], now: datetime, by: Account,
) -> ReportReview:  # fmt: skip
    if newest is None or obligation.voided_at is not None:
        raise RuleBroken("这一期没有可以审核的报送")
    if newest.by_id == by.id or own:
        raise RuleBroken("自己报的、自己企业的，要由别人审核")
    if seen != newest.number:
        raise RuleBroken(f"刚刚更正过，现在是第{newest.number}版，请看过再审核")
    if obligation.review is not Review.WAITING:
        raise RuleBroken(
            f"第{newest.number}版{obligation.review.label if obligation.review else '已审核'}，不用再审核"
        )
    wrong = [one for one in asked if one in fields]
    if verdict is Review.RETURNED and not wrong:
        raise RuleBroken("请选哪几项不对")
    if verdict is Review.RETURNED and not words.strip():
        raise RuleBroken("请写哪里不对、怎么改")
    row = ReportReview(
        version_id=newest.id, verdict=verdict, fields=wrong if verdict is Review.RETURNED else [], words=words.strip(),
        at=moment(now), by_id=by.id,
    )  # fmt: skip
    session.add(row)
    obligation.review = verdict
    if row.at <= obligation.due_at:
        obligation.returned_at_due = verdict is Review.RETURNED
    if verdict is Review.ACCEPTED:
        obligation.changed_after_acceptance = False
    return row


def settle_at_due(session: Session, ids: Collection[int]) -> None:
    """What these looked like at their deadline, where that has been moved after something had been filed: from the versions."""
    rows = session.execute(
        select(Obligation.id, Obligation.due_at).where(Obligation.id.in_(ids), Obligation.version > 0)
    ).all()
    if not rows:
        return
    due = {row.id: row.due_at for row in rows}
    newest: dict[int, ReportVersion] = {}
    for version in session.scalars(
        select(ReportVersion)
        .where(ReportVersion.obligation_id.in_(due))
        .options(joinedload(ReportVersion.reviews))
        .order_by(ReportVersion.number)
    ).unique():
        if version.at <= due[version.obligation_id]:
            newest[version.obligation_id] = version
    settled = [
        {"id": number, "zero_at_due": _is_zero(newest.get(number)), "returned_at_due": _came_back(newest.get(number), due[number])}
        for number in due
    ]  # fmt: skip
    session.execute(update(Obligation), settled)


def _is_zero(version: ReportVersion | None) -> bool:
    return version is not None and version.source is Source.ZERO


def _came_back(version: ReportVersion | None, by: datetime) -> bool:
    judged = [one for one in version.reviews if one.at <= by] if version else []
    return bool(judged) and judged[-1].verdict is Review.RETURNED


def last_return(versions: Sequence[ReportVersion]) -> ReportReview | None:
    """Why the newest version came back; None where it has not."""
    reviews = versions[0].reviews if versions else []
    return reviews[-1] if reviews and reviews[-1].verdict is Review.RETURNED else None


# --- a lock ---


def unlock(
    session: Session, obligation: Obligation, reason: str, expires_at: datetime, *, now: datetime, by: Account
) -> LockException:
    """Opens a locked obligation once more until an instant. Whoever opens it does not file it. `obligation` is held `alone`."""
    if obligation.voided_at is not None or obligation.excused_at is not None:
        raise RuleBroken("这一期已经取消或者豁免，不用开例外")
    if moment(now) < obligation.locks_at:
        raise RuleBroken(f"{_instant(obligation.locks_at)}才锁定，现在不用开例外")
    if obligation.is_unlocked(now):
        assert obligation.unlocked_until is not None
        raise RuleBroken(f"已经开了例外，到{_instant(obligation.unlocked_until)}")
    if works_at(session, obligation.enterprise_id, by, local(now).date()):
        raise RuleBroken("自己企业的报送，要由别人开例外")
    if not reason.strip():
        raise RuleBroken("请写为什么开例外")
    if not moment(now) < expires_at <= moment(now) + LONGEST_EXCEPTION:
        raise RuleBroken(f"例外最长{LONGEST_EXCEPTION.days}天，请填以后的日期")
    row = LockException(
        obligation_id=obligation.id, reason=reason.strip(), expires_at=moment(expires_at), granted_at=moment(now),
        granted_by_id=by.id,
    )  # fmt: skip
    session.add(row)
    obligation.unlocked_until = row.expires_at
    return row


def exceptions_of(session: Session, obligation: Obligation) -> Sequence[LockException]:
    """The newest first."""
    return session.scalars(
        select(LockException)
        .where(LockException.obligation_id == obligation.id)
        .options(joinedload(LockException.granted_by))
        .order_by(LockException.id.desc())
    ).all()


def who_opens(session: Session, obligation: Obligation, on: date) -> list[str]:
    """Who can open this obligation after its lock: post and name of the liaison officers whose unit or community it is."""
    places: list[ColumnElement[bool]] = []
    if obligation.unit_id is not None:
        places.append((Appointment.post == Post.UNIT_LIAISON) & (Appointment.scope_id == obligation.unit_id))
    if obligation.community_id is not None:
        places.append(
            (Appointment.post == Post.COMMUNITY_LIAISON) & (Appointment.scope_id == obligation.community_id)
        )
    if not places:
        return []
    rows = session.execute(
        select(Appointment.post, Account.name)
        .join(Appointment.account)
        .where(Appointment.serving(on), Account.disabled_at.is_(None), or_(*places))
        .order_by(Appointment.id)
    )
    return list(dict.fromkeys(f"{post.label}{name}" for post, name in rows))


def works_at(session: Session, enterprise_id: int, person: Account, on: date) -> bool:
    """Whether a person holds a post of this enterprise."""
    held = works_where(person, on).where(Appointment.scope_id == enterprise_id)
    return session.scalar(held.limit(1)) is not None


def works_where(person: Account, on: date) -> Select[int]:
    """The enterprises of which a person holds a post."""
    return select(Appointment.scope_id).where(
        Appointment.account_id == person.id, Appointment.post.in_(ENTERPRISE_STAFF), Appointment.serving(on)
    )


def _instant(at: datetime) -> str:
    here = local(at)
    return f"{here.month}月{here.day}日{here:%H:%M}"
