"""Three weeks of reports (演示报送): on time, late, missed, corrected, returned, excused, opened again; through an emergency and back.

What was due is told as the rules would have left it, with the reminders that went out on the way, so that the timed work finds
nothing to catch up with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from models.access import Post
from models.accounts import Account
from models.base import SHANGHAI, local
from models.closures import Closure
from models.demo.firms import heads_on_file
from models.demo.town import MAIN_GATE, Town
from models.enterprises import Enterprise
from models.inbox import Message
from models.ledger import Ledger
from models.obligations import Kind, Obligation, Review, moment
from models.places import Place
from models.policy.book import Book
from models.policy.periods import frame
from models.policy.schema import Mode, ReportField
from models.reminders import STEPS, ReminderDigest, Step, remind, tell_digests
from models.reminding import remind_by_hand
from models.report_facts import WHOLE
from models.reports import LockException, ReportReview, ReportVersion, Source

BACK = timedelta(days=21)
REMINDED = timedelta(days=5)  # further back nobody looks for who was reminded
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
ON_TIME, LATE = 0.85, 0.93  # up to which luck; what is beyond comes never
AFTER = {Step.DAY_BEFORE: -DAY, Step.TWO_HOURS: -2 * HOUR, Step.DEADLINE: MINUTE, Step.DAY_AFTER: DAY}

# what is certain to be seen, by short name and period: the last that was due, or the first of all
RETURNED, MENDED, CORRECTED, EXCUSED = "青禾生物", "星河微电子", "微澜传感", "皮影剧场"  # of the last
MISSED, OPENED_AGAIN = "驿路物流", "云锦零部件"  # of the first
FORGETFUL = ("拾贝网络", "安步物业")  # have not filed the last
CLOSING = "云锦零部件"  # over the weekend that comes, with the Monday on which the week is due
WORDS = "因病缺勤和发热对不上，请和各班组核对以后更正"


@dataclass(frozen=True, slots=True)
class Fate:
    """When a report came in, if it did, and what became of it."""

    at: datetime | None = None
    zero: bool = False


def report(session: Session, town: Town, book: Book, now: datetime, *, seed: str) -> int:
    """Everything that enterprises of this district have owed since; how many reports came in."""
    policy, now = book.get(town.sketch.scheme_key), moment(now)
    begins = frame(policy.reporting[Mode.NORMAL], local(now - BACK).date())[0]
    firms = {one.id: one for one in town.enterprises.values()}
    _close_soon(session, town, now)
    Ledger(book, now, begins_on=begins).store(session, list(firms))
    _look_again(session, town)
    rng = Random(f"{seed}/reports")
    mine = Obligation.enterprise_id.in_(list(firms))
    owed: Mapping[int, list[Obligation]] = defaultdict(list)
    for one in session.scalars(select(Obligation).where(mine).order_by(Obligation.first_on, Obligation.id)):
        one.made_at = min(now, datetime.combine(one.first_on, time(0, 1), SHANGHAI))
        owed[one.enterprise_id].append(one)
    keepers, filed = _keepers(town), 0
    for firm in firms.values():
        teller = Teller(session, town, firm, keepers.get(firm.id), now, rng)
        fields = {mode: policy.asked_in(mode) for mode in Mode}
        filed += teller.tell(owed[firm.id], fields)
    session.flush()
    _remind(session, town, [one for some in owed.values() for one in some], now)
    return filed


def _close_soon(session: Session, town: Town, now: datetime) -> None:
    """One enterprise has said yesterday that it will be closed."""
    firm = town.enterprises.get(CLOSING)
    keeper = _keepers(town).get(firm.id) if firm else None
    if firm is None or keeper is None:
        return
    today = local(now).date()
    saturday = today + (timedelta(days=(5 - today.weekday()) % 7) or timedelta(days=7))
    Closure.declare(
        session, firm, first_on=saturday, last_on=saturday + timedelta(days=2), staff=6, contact_id=keeper.id,
        reason="生产线年度检修，车间停电", now=now - DAY, by_id=keeper.id,
    )  # fmt: skip


def _look_again(session: Session, town: Town) -> None:
    """The ledger has expired what the session knows: it is read again as a whole, not one by one."""
    here = town.district.id
    session.scalars(
        select(Account).where(Account.district_id == here).options(selectinload(Account.appointments))
    ).all()
    session.scalars(
        select(Enterprise).where(Enterprise.district_id == here).options(selectinload(Enterprise.premises))
    ).all()
    session.scalars(select(Place).where(Place.district_id == here)).all()


def _keepers(town: Town) -> dict[int, Account]:
    """Who files for each enterprise: its health manager, else its chief health officer."""
    found: dict[int, tuple[int, int, Account]] = {}
    posts = (Post.HEALTH_MANAGER, Post.CHIEF_HEALTH_OFFICER)
    for account in town.accounts.values():
        for held in account.appointments:
            if held.post in posts and held.ended_at is None:
                rank = (posts.index(held.post), account.id, account)
                found[held.scope_id] = min(found.get(held.scope_id, rank), rank, key=lambda one: one[:2])
    return {number: account for number, (_, _, account) in found.items()}


@dataclass(slots=True)
class Teller:
    """One enterprise's reports."""

    session: Session
    town: Town
    firm: Enterprise
    keeper: Account | None
    now: datetime
    rng: Random

    def tell(self, owed: Sequence[Obligation], fields: Mapping[Mode, Sequence[ReportField]]) -> int:
        due = [one for one in owed if one.due_at < self.now]
        last, filed, judged = (due[-1] if due else None), 0, self._judge()
        for one in owed:
            fate = self._fate(one, owed, last)
            luck = self.rng.random()
            if fate.at is None:
                if one is last and self.firm.short_name == EXCUSED:
                    one.excuse("剧场停演装修，没有人上班", now=one.due_at - 20 * HOUR, by_id=judged.id)
                continue
            version = self._file(one, fields[one.mode], fate)
            filed += 1
            if one is last and self.firm.short_name in (RETURNED, MENDED):
                self._return(one, version, fate, judged)
            elif one is last and self.firm.short_name == CORRECTED:
                self._accept(one, version, fate, judged)
                self._correct(one, version, "夜班3人补报，已和班组长核对")
            elif (luck < 0.7 and fate.at < self.now - 2 * DAY) or fate.at < self.now - 6 * DAY:
                self._accept(one, version, fate, judged)
        return filed

    def _fate(self, one: Obligation, owed: Sequence[Obligation], last: Obligation | None) -> Fate:
        """Always draws as much luck, so that one story changes no other."""
        luck, share, zero = self.rng.random(), self.rng.random(), self.rng.random() < 0.4
        name, is_last = self.firm.short_name, one is last
        if self.keeper is None:
            return Fate()
        if one is owed[0] and name == OPENED_AGAIN:
            return self._opened_again(one)
        if (
            (one is owed[0] and name == MISSED)
            or (is_last and name in (EXCUSED, *FORGETFUL))
            or (not is_last and one.due_at >= self.now and name == RETURNED)
        ):
            return Fate()
        certain = is_last and name in (RETURNED, MENDED, CORRECTED)
        if luck < ON_TIME or certain:
            at = self._in_time(one, share)
        elif luck < LATE:
            at = one.due_at + HOUR + share * (one.locks_at - one.due_at - 2 * HOUR) / 2
        else:
            return Fate()
        return Fate(moment(at), zero and not certain) if at <= self.now else Fate()

    def _in_time(self, one: Obligation, share: float) -> datetime:
        """On the first afternoon on which it may be filed, or in the last two hours."""
        if share < 0.6:
            hour = 15 if one.kind is Kind.DAY else 10
            return min(one.opens_at + hour * HOUR + share * 6 * HOUR, one.due_at)
        return one.due_at - (1 - share) * 5 * HOUR

    def _opened_again(self, one: Obligation) -> Fate:
        """Locked, opened once more by the liaison, and filed then."""
        granted = one.locks_at + 5 * HOUR
        if granted + DAY > self.now:
            return Fate()
        by = self._liaison()
        until = datetime.combine(local(granted).date() + 2 * DAY, time(23, 59, 59), SHANGHAI)
        self.session.add(
            LockException(
                obligation_id=one.id, reason="健康管理员住院，刚返岗", expires_at=until, granted_at=granted, granted_by_id=by.id
            )
        )  # fmt: skip
        one.unlocked_until = until
        return Fate(granted + 17 * HOUR)

    def _file(self, one: Obligation, fields: Sequence[ReportField], fate: Fate) -> ReportVersion:
        assert fate.at is not None
        assert self.keeper is not None
        numbers = self._numbers(fields, zero=fate.zero)
        known = {f.key: numbers[f.key] for f in fields if f.fill != "fresh"}
        version = ReportVersion(
            obligation_id=one.id, number=1, numbers=numbers, archive=known, comments={}, reason="", at=fate.at,
            source=Source.ZERO if fate.zero else Source.FORM, key=f"demo-{one.id}-1", by_id=self.keeper.id,
            asked=len(fields), prefilled=len(fields) if fate.zero else len(known) - self.rng.choice((0, 0, 1, 2)),
            seconds=self.rng.randrange(20, 70) if fate.zero else self.rng.randrange(110, 540),
        )  # fmt: skip
        self.session.add(version)
        one.version, one.received_at, one.figures, one.zero, one.review = (
            1, fate.at, numbers, fate.zero, Review.WAITING,
        )  # fmt: skip
        return version

    def _numbers(self, fields: Sequence[ReportField], *, zero: bool) -> dict[str, int]:
        """Numbers that no rule objects to."""
        rng, counted, on_file = self.rng, self.firm.headcount or 36, heads_on_file(self.firm)
        heads = on_file if on_file >= WHOLE * counted else counted  # as the archive will count them
        expected = max(1, round(heads * rng.uniform(0.93, 0.99)))
        ill = 0 if zero else min(expected, rng.choice((0, 0, 1, 1, 2)) + heads // 400)
        present = expected - ill
        drawn = {
            "expected": expected, "present": present, "absent_ill": ill, "measured": present,
            "fever": min(rng.choice((0, 0, 0, 1)), ill), "symptoms": rng.choice((0, 0, 1, 2)), "overseas": rng.choice((0,) * 9 + (1,)),
            "visitors": rng.randrange(4, 8 + heads // 12), "vaccinated_full": round(present * 0.94),
            "vaccinated_booster": round(present * 0.81), "follow_ups_open": min(1, ill), "follow_ups_closed": rng.choice((0, 1)),
        }  # fmt: skip
        return {f.key: 0 if zero and f.zero else drawn.get(f.key, 0) for f in fields}

    def _accept(self, one: Obligation, version: ReportVersion, fate: Fate, by: Account) -> None:
        assert fate.at is not None
        self.session.add(
            ReportReview(
                version=version,
                verdict=Review.ACCEPTED,
                fields=[],
                words="",
                at=self._later(fate.at, 4 * HOUR),
                by_id=by.id,
            )
        )
        one.review = Review.ACCEPTED

    def _return(self, one: Obligation, version: ReportVersion, fate: Fate, by: Account) -> None:
        assert fate.at is not None
        at = self._later(fate.at, 3 * HOUR)
        self.session.add(
            ReportReview(
                version=version,
                verdict=Review.RETURNED,
                fields=["absent_ill", "fever"],
                words=WORDS,
                at=at,
                by_id=by.id,
            )
        )
        one.review = Review.RETURNED
        if self.firm.short_name == MENDED:
            self._correct(one, version, "和各班组核对，改了因病缺勤", after=at)

    def _correct(
        self, one: Obligation, version: ReportVersion, reason: str, after: datetime | None = None
    ) -> None:
        numbers = dict(version.numbers)
        numbers["absent_ill"] += 3
        numbers["present"] = numbers["measured"] = numbers["expected"] - numbers["absent_ill"]
        at = self._later(after or version.at, 7 * HOUR)
        self.session.add(
            ReportVersion(
                obligation_id=one.id, number=2, numbers=numbers, archive=version.archive, comments={}, reason=reason, at=at,
                source=Source.FORM, key=f"demo-{one.id}-2", by_id=version.by_id,
            )
        )  # fmt: skip
        one.changed_after_acceptance = one.review is Review.ACCEPTED
        one.version, one.figures, one.review = 2, numbers, Review.WAITING

    def _later(self, at: datetime, length: timedelta) -> datetime:
        """Some hours later; where it is not so late yet, halfway until now."""
        return moment(min(at + length, at + (self.now - at) / 2))

    def _judge(self) -> Account:
        """The specialist of where it sits, or its liaison; nobody who works there."""
        place = next(p for p in self.town.places.values() if p.id == self.firm.premises[0].place_id)
        serving = [a.account for a in self.town.in_post(Post.SPECIALIST, place) if a.ended_at is None]
        return next((one for one in serving if one is not self.keeper), self._liaison())

    def _liaison(self) -> Account:
        held = [
            (a.id, account)
            for account in self.town.accounts.values()
            for a in account.appointments
            if a.post is Post.UNIT_LIAISON and a.scope_id == self.firm.unit_id
        ]
        return min(held, key=lambda one: one[0])[1]


def _remind(session: Session, town: Town, owed: Sequence[Obligation], now: datetime) -> None:
    """What the ladder has said on the way, and two reminders by hand; what is older, or was about a report that then came, is read."""
    for at, step, some in _steps(owed, now):
        remind(session, some, step, at)
        people = session.scalars(
            select(ReminderDigest.account_id).where(ReminderDigest.told_at.is_(None)).distinct()
        ).all()
        tell_digests(session, people, at)
    home, by = town.places.get(MAIN_GATE[0]), town.accounts.get("zhuanyuan1")
    if home is not None and by is not None:
        late = [
            one
            for one in owed
            if one.place_id == home.id and one.received_at is None and one.due_at < now - 4 * HOUR
        ]
        remind_by_hand(session, [one for one in late if one.locks_at > now][:2], now=now - 3 * HOUR, by=by)
    filed = {f"obligation:{one.id}:" for one in owed if one.received_at is not None}
    told = select(Message.id, Message.key, Message.sent_at).where(
        Message.read_at.is_(None),
        Message.key.startswith("obligation:") | Message.key.startswith("reminders:"),
    )
    read = [
        {"id": row.id, "read_at": min(row.sent_at + HOUR, now)}
        for row in session.execute(told)
        if row.sent_at < now - 20 * HOUR or any(row.key.startswith(key) for key in filed)
    ]
    if read:
        session.execute(update(Message), read)


def _steps(owed: Sequence[Obligation], now: datetime) -> Iterator[tuple[datetime, Step, list[Obligation]]]:
    """Each step of the last days with those who had not filed by then, in the order of time."""
    found: dict[tuple[datetime, Step], list[Obligation]] = defaultdict(list)
    for one in (one for one in owed if one.locks_at > now or one.due_at > now - REMINDED):
        for step in STEPS:
            at = one.due_at + AFTER[step]
            still = one.received_at is None or one.received_at > at
            excused = one.excused_at is not None and one.excused_at <= at
            if still and not excused and max(at, one.opens_at) <= now and at < one.locks_at:
                found[at, step].append(one)
    yield from (
        (at, step, some)
        for (at, step), some in sorted(found.items(), key=lambda pair: (pair[0][0], STEPS.index(pair[0][1])))
    )
