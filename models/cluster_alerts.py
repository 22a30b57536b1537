"""Alerts that the figures raise (聚集提示): illness that looks like a cluster in a team, an enterprise or a place, to be looked at.

The timed work asks the whole installation in a few statements; symptoms are sealed, so only those of enterprises and places where
enough people are unwell are opened, and diseases only where doctors have lately named enough of them. Of a subject and a signal, or a
subject and a disease, one alert is open; more people and more rules make it graver, never a second one. Who has been handled with an
alert never raises another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from . import audit
from .accounts import Account
from .archive import Employee
from .base import SHANGHAI, Labelled, RuleBroken
from .cluster_rules import OF_DISEASE, Hit, Sick, fewest, hits, is_unusual, longest
from .clusters import STAFF, ClusterReport, Located, Signal, Stage, in_charge, seat_of
from .enterprises import Enterprise, Premises
from .follow_ups import FollowUp
from .health_entries import UNWELL, EntryState, HealthEntry, work_on
from .inbox import tell
from .keeping import HealthDaySum
from .obligations import Obligation
from .office import adoptions_of
from .places import District, Place
from .policy.schema import Policy
from .policy.workdays import WorkDays
from .timed import Tick
from .vault import EncryptedText

ENDS = 3  # days on which a rule may be reached: what was entered late counts too
DOCTOR_LATE = 14  # days in which a doctor's word may follow on the day somebody fell ill
REPORTS_BACK = 8  # days after the end of its period for which a report is looked at
USUAL_BACK = 60  # calendar days in which the usual working days are looked for
OPEN = "closed_at IS NULL"
ACTION = "cluster:alert"


class AlertState(Labelled):
    """What has become of an alert (提示的状态)."""

    PENDING = "pending", "待核实"
    CONFIRMED = "confirmed", "已核实"
    FALSE_ALARM = "false_alarm", "误报"


class ClusterAlert(Located):
    """One subject with one signal, from the first reaching of a rule until somebody has seen to it."""

    signal: Mapped[Signal]
    key: Mapped[str]  # "e12:gut", "p3:respiratory", "e12:disease.varicella"
    people: Mapped[int]  # the most that were counted at once
    first_on: Mapped[date]
    last_on: Mapped[date]
    reached: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # rules in words, where, people
    scheme_key: Mapped[str]
    raised_at: Mapped[datetime]
    graver_at: Mapped[datetime | None]
    state: Mapped[AlertState]
    handled_at: Mapped[datetime | None]
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str | None] = mapped_column(EncryptedText("cluster_alert.reason"))
    closed_at: Mapped[datetime | None]  # false alarm, or its report has ended

    handled_by: Mapped[Account | None] = relationship()
    report: Mapped[ClusterReport | None] = relationship(uselist=False)

    __table_args__ = (
        CheckConstraint("(state = 'pending') = (handled_at IS NULL)", name="handled"),
        Index("uq_cluster_alert_open", "key", unique=True, sqlite_where=sql(OPEN), postgresql_where=sql(OPEN)),
        Index("ix_cluster_alert_key", "key", "last_on"),
        Index("ix_cluster_alert_district_raised", "district_id", "raised_at"),
    )  # fmt: skip

    @property
    def level(self) -> int:
        """How many rules have been reached."""
        return len({one["rule"] for one in self.reached})

    @property
    def rules(self) -> list[tuple[str, int]]:
        """Each rule once, with the most people: what others than the enterprise see, without the team."""
        most: dict[str, int] = {}
        for one in self.reached:
            most[one["rule"]] = max(most.get(one["rule"], 0), one["people"])
        return sorted(most.items(), key=lambda pair: -pair[1])

    @property
    def standing(self) -> str:
        """待核实, 误报, 已核实, 已报疾控, 解除 (HLTH-4); of a confirmed one as far as its report has come."""
        if self.state is not AlertState.CONFIRMED or self.report is None:
            return self.state.label
        if self.report.stage is Stage.CLOSED:
            return "解除"
        return "已报疾控" if self.report.told_at else self.state.label

    def dismiss(self, reason: str, *, now: datetime, by: Account) -> None:
        """A false alarm, with the reason. Nobody is blamed for one (HLTH-8)."""
        self._must_be_pending()
        by_id = by.id  # asked before anything is changed: it may have to be read anew
        if not reason.strip():
            raise RuleBroken("请写为什么是误报，日后看得懂；不要写姓名")
        self.state, self.reason, self.closed_at = AlertState.FALSE_ALARM, reason.strip(), now
        self.handled_at, self.handled_by_id = now, by_id

    def confirm(self, report: ClusterReport, *, now: datetime, by: Account) -> None:
        """It is true: from now on the report goes on with it."""
        self._must_be_pending()
        by_id = by.id
        whole_place = self.enterprise_id is None
        if report.enterprise_id != self.enterprise_id or (whole_place and report.place_id != self.place_id):
            raise RuleBroken("这条提示不是这家企业、这个场所的")
        self.state, report.alert_id = AlertState.CONFIRMED, self.id
        self.handled_at, self.handled_by_id = now, by_id

    def _must_be_pending(self) -> None:
        if self.state is not AlertState.PENDING:
            raise RuleBroken(f"这条提示已经有人处理：{self.state.label}")


def end_with(session: Session, report: ClusterReport, now: datetime) -> None:
    """With its report an alert is over: who falls ill from now on raises a new one."""
    if report.closed_at is not None and report.alert_id is not None:
        session.get_one(ClusterAlert, report.alert_id).closed_at = now


def alone(session: Session, alert: ClusterAlert) -> ClusterAlert:
    return session.scalars(
        select(ClusterAlert)
        .where(ClusterAlert.id == alert.id)
        .with_for_update(of=ClusterAlert)
        .execution_options(populate_existing=True)
    ).one()


def waiting(within: Any) -> Any:
    """What nobody has seen to, the gravest first."""
    return (
        select(ClusterAlert)
        .where(within, ClusterAlert.state == AlertState.PENDING)
        .options(joinedload(ClusterAlert.enterprise), joinedload(ClusterAlert.place))
        .order_by(ClusterAlert.people.desc(), ClusterAlert.raised_at, ClusterAlert.id)
    )


def handled(within: Any) -> Any:
    """What somebody has seen to, the newest first."""
    return (
        select(ClusterAlert)
        .where(within, ClusterAlert.state != AlertState.PENDING)
        .options(
            joinedload(ClusterAlert.enterprise), joinedload(ClusterAlert.place), joinedload(ClusterAlert.handled_by),
            joinedload(ClusterAlert.report),
        )
        .order_by(ClusterAlert.handled_at.desc(), ClusterAlert.id.desc())
    )  # fmt: skip


# --- what is worked out ---


@dataclass(slots=True)
class Found:
    """What there is to raise: of one subject and signal."""

    enterprise_id: int | None
    place_id: int | None
    signal: str
    people: int = 0
    first_on: date = date.max
    last_on: date = date.min
    reached: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        whose = f"p{self.place_id}" if self.enterprise_id is None else f"e{self.enterprise_id}"
        return f"{whose}:{self.signal}"

    def add(self, rule: str, people: int, first_on: date, last_on: date, where: str = "") -> None:
        self.people = max(self.people, people)
        self.first_on, self.last_on = min(self.first_on, first_on), max(self.last_on, last_on)
        self.reached.append({"rule": rule, "where": where, "people": people})


def raise_alerts(tick: Tick) -> int:
    """Raises what the figures say now, and makes graver what has grown; answers how many rows that touched. Run twice it changes
    nothing."""
    touched = 0
    with tick.looking() as session:
        districts = session.scalars(select(District.id).order_by(District.id)).all()
    for district_id in districts:
        with tick.looking() as session:
            policy = tick.book.in_force(adoptions_of(session, district_id), work_on(tick.now))
            if policy is None:
                continue
            found = work_out(session, district_id, policy, tick.book.days, tick.now)
            wanted = _news(session, found)
        for one in wanted:
            with tick.writing() as session:
                touched += _store(session, one, policy, tick.now)
    return touched


def work_out(
    session: Session, district_id: int, policy: Policy, days: WorkDays, now: datetime
) -> list[Found]:
    """Everything in a district that reaches a rule and has not been handled."""
    today = work_on(now)
    since = today - timedelta(days=longest(policy.clusters) + ENDS - 1)
    sick = _sick(session, district_id, policy, since, now)
    over = _over(session, district_id, since)
    found = _reached(policy, sick, [today - timedelta(days=back) for back in range(ENDS)], over)
    found |= _by_diseases(session, district_id, policy, today)
    for one in (
        *_by_reports(session, district_id, policy, today),
        *_absent(session, district_id, policy, days, today),
    ):
        if one.key in over and one.last_on <= over[one.key].last_on:
            continue
        if one.key in found:
            kept = found[one.key]
            for told in one.reached:
                kept.add(told["rule"], told["people"], one.first_on, one.last_on)
        else:
            found[one.key] = one
    return list(found.values())


def _reached(
    policy: Policy, sick: Sequence[Sick], ends: Sequence[date], over: dict[str, Over]
) -> dict[str, Found]:
    """By subject and signal; of those that have been handled only what is new."""
    found: dict[str, Found] = {}
    for hit in hits(policy, sick, ends):
        one = Found(hit.enterprise_id, hit.place_id, hit.signal)
        if one.key not in over:
            kept = found.setdefault(one.key, one)
            kept.add(_said(policy, hit), hit.people, hit.first_on, hit.last_on, hit.where)
    return found | {one.key: one for one in _again(policy, sick, ends, over)}


def _by_diseases(session: Session, district_id: int, policy: Policy, today: date) -> dict[str, Found]:
    """Every stretch of days counts that ends with somebody's first day of illness, for a doctor's word comes days after it."""
    since = today - timedelta(days=longest(policy.clusters, diseases=True) + DOCTOR_LATE - 1)
    sick = _diagnosed(session, district_id, policy, since)
    ends = sorted({one.on for one in sick if today - timedelta(days=DOCTOR_LATE) <= one.on <= today})
    return _reached(policy, sick, ends, _over(session, district_id, since)) if ends else {}


@dataclass(frozen=True, slots=True)
class Over:
    """Until when a subject's illness has been handled."""

    closed_at: datetime
    last_on: date

    def knew(self, one: Sick) -> bool:
        """Whether somebody was among those of that time. A doctor's word that came later is news of whatever day."""
        entered = one.told_at is not None and one.told_at <= self.closed_at
        return entered or (not one.disease and one.on < work_on(self.closed_at))


def _over(session: Session, district_id: int, since: date) -> dict[str, Over]:
    """By subject and signal, of those that have lately been handled."""
    rows = session.execute(
        select(ClusterAlert.key, func.max(ClusterAlert.closed_at), func.max(ClusterAlert.last_on))
        .where(
            ClusterAlert.district_id == district_id,
            ClusterAlert.closed_at.is_not(None),
            ClusterAlert.last_on >= since,
        )
        .group_by(ClusterAlert.key)
    )
    return {key: Over(closed_at, last_on) for key, closed_at, last_on in rows if closed_at is not None}


def _again(
    policy: Policy, sick: Sequence[Sick], ends: Sequence[date], over: dict[str, Over]
) -> Iterator[Found]:
    """Of subjects that have been handled: only who was not among those then counts."""
    for key, then in over.items():
        whose, _, signal = key.partition(":")
        number, of_place = int(whose[1:]), whose[0] == "p"
        rows = [one for one in sick if (number in one.places if of_place else one.enterprise_id == number)]
        known = {one.person for one in rows if then.knew(one)}
        made = Found(None, number, signal) if of_place else Found(number, None, signal)
        for hit in hits(policy, [one for one in rows if one.person not in known], ends):
            if (hit.enterprise_id, hit.place_id, hit.signal) == (made.enterprise_id, made.place_id, signal):
                made.add(_said(policy, hit), hit.people, hit.first_on, hit.last_on, hit.where)
        if made.people:
            yield made


def _said(policy: Policy, hit: Hit) -> str:
    """The limit in words; of one over several diseases which it is."""
    words = f"{hit.rule.label}{hit.rule.people}人"
    which = policy.clusters.disease(hit.signal.removeprefix(OF_DISEASE))
    return f"{words}（{which.label}）" if which and len(hit.rule.diseases) > 1 else words


def hints(policy: Policy, entries: Iterable[HealthEntry], on: date) -> list[Hit]:
    """What one enterprise's unwell of the days up to one look like, group by group: for its own page, at once."""
    rows = [_sick_of(entry, ()) for entry in entries]
    return [hit for hit in hits(policy, rows, [on]) if hit.rule.subject == "group"]


# --- who is unwell ---


def _sick(session: Session, district_id: int, policy: Policy, since: date, now: datetime) -> list[Sick]:
    """The unwell of the enterprises and places where enough are for a rule to be reached at all."""
    unwell = (HealthEntry.work_on.between(since, work_on(now)), sql(UNWELL))
    people = func.count(HealthEntry.employee_id.distinct())
    least = fewest(policy.clusters, "group", "enterprise")
    of_district = Enterprise.district_id == district_id
    firms = set(
        session.scalars(
            select(HealthEntry.enterprise_id)
            .join(Enterprise, Enterprise.id == HealthEntry.enterprise_id)
            .where(*unwell, of_district)
            .group_by(HealthEntry.enterprise_id)
            .having(people >= least)
        )
    )
    seats = _seats(session, district_id, now)
    in_place: dict[int, dict[int, int]] = defaultdict(dict)
    for firm, number in session.execute(
        select(HealthEntry.enterprise_id, people)
        .join(Enterprise, Enterprise.id == HealthEntry.enterprise_id)
        .where(*unwell, of_district)
        .group_by(HealthEntry.enterprise_id)
    ):
        for place in {place for several in seats.get(firm, {}).values() for place in several}:
            in_place[place][firm] = number
    for there in in_place.values():
        if sum(there.values()) >= fewest(policy.clusters, "place"):
            firms |= set(there)
    return [one for some in _parts(sorted(firms)) for one in _opened(session, some, unwell, seats)]


def _parts(ids: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    for begin in range(0, len(ids), size):
        yield ids[begin : begin + size]


def _opened(
    session: Session,
    firms: Sequence[int],
    unwell: tuple[Any, ...],
    seats: dict[int, dict[int, tuple[int, ...]]],
) -> Iterator[Sick]:
    rows = session.scalars(
        select(HealthEntry)
        .where(HealthEntry.enterprise_id.in_(firms), *unwell)
        .options(joinedload(HealthEntry.employee).joinedload(Employee.team))
    )
    for entry in rows:
        here = seats.get(entry.enterprise_id, {})
        own = entry.employee.premises_id
        yield _sick_of(entry, here.get(own or 0) or next(iter(here.values()), ()))


def _sick_of(entry: HealthEntry, places: tuple[int, ...]) -> Sick:
    told = entry.told
    return Sick(
        entry.employee_id, entry.work_on, frozenset(told.symptoms), told.celsius, entry.enterprise_id,
        groups_of(entry.employee), places, entry.at,
    )  # fmt: skip


def _diagnosed(session: Session, district_id: int, policy: Policy, since: date) -> list[Sick]:
    """Of whom a doctor has said since a day what they have, in the enterprises with enough of them for a rule to be reached at all.
    A false alarm is none."""
    news = (
        FollowUp.diagnosed_at >= datetime.combine(since, time(0), SHANGHAI),
        FollowUp.false_alarm.is_(False),
    )
    least = fewest(policy.clusters, "group", "enterprise", diseases=True)
    firms = session.scalars(
        select(FollowUp.enterprise_id)
        .join(Enterprise, Enterprise.id == FollowUp.enterprise_id)
        .where(*news, Enterprise.district_id == district_id)
        .group_by(FollowUp.enterprise_id)
        .having(func.count(FollowUp.employee_id.distinct()) >= least)
        .order_by(FollowUp.enterprise_id)
    ).all()
    rows = [
        case
        for some in _parts(firms)
        for case in session.scalars(
            select(FollowUp)
            .where(FollowUp.enterprise_id.in_(some), *news)
            .options(joinedload(FollowUp.employee).joinedload(Employee.team), joinedload(FollowUp.entry))
        )
    ]
    return [
        Sick(
            case.employee_id, case.onset_on, frozenset(), None, case.enterprise_id, groups_of(case.employee),
            told_at=case.diagnosed_at, disease=case.disease or "",
        )
        for case in rows
    ]  # fmt: skip


def groups_of(employee: Employee) -> tuple[str, ...]:
    """With whom somebody works and lives, as the enterprise calls it."""
    team = [f"班组{employee.team.name}"] if employee.team else []
    return (*team, *([f"宿舍{employee.dormitory}"] if employee.dormitory else []))


def _seats(session: Session, district_id: int, now: datetime) -> dict[int, dict[int, tuple[int, ...]]]:
    """Enterprise -> its premises -> the place and the park around it; the premises held longest first."""
    rows = session.execute(
        select(Premises.enterprise_id, Premises.id, Place.id, Place.parent_id)
        .join(Place, Place.id == Premises.place_id)
        .where(Premises.holding(now), Place.district_id == district_id)
        .order_by(Premises.from_at, Premises.id)
    )
    found: dict[int, dict[int, tuple[int, ...]]] = defaultdict(dict)
    for firm, number, place, park in rows:
        found[firm][number] = (place,) if park is None else (place, park)
    return found


# --- by the numbers of reports, and by absence ---


def _by_reports(session: Session, district_id: int, policy: Policy, today: date) -> Iterator[Found]:
    for rule in policy.clusters.figures:
        number = Obligation.figures[rule.figure].as_integer()
        rows = session.execute(
            select(Obligation.enterprise_id, Obligation.first_on, Obligation.last_on, number)
            .where(
                Obligation.district_id == district_id, Obligation.live(), Obligation.received_at.is_not(None),
                Obligation.last_on.between(today - timedelta(days=REPORTS_BACK), today), Obligation.zero.is_(False),
                number >= rule.people,
            )
            .order_by(Obligation.enterprise_id, Obligation.last_on)
        )  # fmt: skip
        for firm, first, last, people in rows:
            one = Found(firm, None, rule.signal)
            one.add(f"一份报送{rule.people}人", people, first, last)
            yield one


def _absent(
    session: Session, district_id: int, policy: Policy, days: WorkDays, today: date
) -> Iterator[Found]:
    """Enterprises with far more absent for illness than is usual there: today, or where nobody works today, on none."""
    rule, ill = policy.clusters.absence, HealthEntry.state == EntryState.ABSENT_ILL
    if not days.is_worked(today):
        return
    now_absent = dict(
        session.execute(
            select(HealthEntry.enterprise_id, func.count())
            .join(Enterprise, Enterprise.id == HealthEntry.enterprise_id)
            .where(ill, HealthEntry.work_on == today, Enterprise.district_id == district_id)
            .group_by(HealthEntry.enterprise_id)
            .having(func.count() >= rule.least)
        ).all()
    )
    usual = usual_absences(session, now_absent, days, today, rule.usual_days)
    for firm, absent in now_absent.items():
        if is_unusual(rule, absent, usual[firm]):
            one = Found(firm, None, Signal.ABSENCE.value)
            one.add(f"达到平常的{rule.times}倍", absent, today, today)
            yield one


def usual_absences(
    session: Session, firms: Collection[int], days: WorkDays, before: date, number: int
) -> dict[int, list[int]]:
    """How many were absent for illness on each of an enterprise's last working days before one, as far back as it has kept them;
    of days whose entries have gone their sums."""
    since = before - timedelta(days=USUAL_BACK)
    worked = [
        since + timedelta(days=n) for n in range(USUAL_BACK) if days.is_worked(since + timedelta(days=n))
    ][-number:]
    absent: dict[int, dict[date, int]] = defaultdict(dict)
    begun: dict[int, date] = {}
    for firm, day, state, count in session.execute(
        select(HealthEntry.enterprise_id, HealthEntry.work_on, HealthEntry.state, func.count())
        .where(
            HealthEntry.enterprise_id.in_(firms), HealthEntry.work_on >= since, HealthEntry.work_on < before
        )
        .group_by(HealthEntry.enterprise_id, HealthEntry.work_on, HealthEntry.state)
    ):
        begun[firm] = min(begun.get(firm, day), day)
        if state is EntryState.ABSENT_ILL:
            absent[firm][day] = count
    for firm, day, count in session.execute(
        select(HealthDaySum.enterprise_id, HealthDaySum.day, HealthDaySum.absent_ill).where(
            HealthDaySum.enterprise_id.in_(firms), HealthDaySum.day >= since, HealthDaySum.day < before
        )
    ):
        begun[firm], absent[firm][day] = min(begun.get(firm, day), day), count
    return {
        firm: [absent[firm].get(day, 0) for day in worked if firm in begun and day >= begun[firm]]
        for firm in firms
    }


# --- what is written ---


def _news(session: Session, found: Iterable[Found]) -> list[Found]:
    """Of what was found, what the rows do not say yet."""
    rows = list(found)
    known = {one.key: one for one in session.scalars(_open([one.key for one in rows]))}
    return [one for one in rows if one.key not in known or _grows(known[one.key], one)]


def _open(keys: Collection[str]) -> Any:
    return select(ClusterAlert).where(ClusterAlert.key.in_(keys), ClusterAlert.closed_at.is_(None))


def _grows(alert: ClusterAlert, one: Found) -> bool:
    known = {(told["rule"], told["where"]): told["people"] for told in alert.reached}
    more = any(told["people"] > known.get((told["rule"], told["where"]), 0) for told in one.reached)
    return more or one.last_on > alert.last_on


def _store(session: Session, one: Found, policy: Policy, now: datetime) -> int:
    """A new alert, or the one there is made graver. Whoever has to know is told when it is new and when one more rule is reached."""
    alert = session.scalar(_open([one.key]).with_for_update())
    if alert is None:
        return _raise(session, one, policy, now)
    if not _grows(alert, one):
        return 0
    before = alert.level
    _merge(alert, one)
    if alert.level > before:
        alert.graver_at = now
        _tell(session, alert, policy, now)
    _keep(session, alert, now, graver=alert.level > before)
    return 1


def _raise(session: Session, one: Found, policy: Policy, now: datetime) -> int:
    """0 where another machine was quicker: one open alert of a subject and signal, says the index."""
    where: Enterprise | Place = (
        session.get_one(Place, one.place_id)
        if one.enterprise_id is None
        else session.get_one(Enterprise, one.enterprise_id)
    )
    alert = ClusterAlert(
        signal=Signal(one.signal.partition(".")[0]), key=one.key, people=0, first_on=one.first_on, last_on=one.last_on, reached=[],
        scheme_key=policy.key, raised_at=now, state=AlertState.PENDING,
    )  # fmt: skip
    alert.stand(where, seat_of(session, where, now))
    _merge(alert, one)
    try:
        with session.begin_nested():
            session.add(alert)
    except IntegrityError:
        return 0
    _tell(session, alert, policy, now)
    _keep(session, alert, now, graver=False)
    return 1


def _merge(alert: ClusterAlert, one: Found) -> None:
    """The most of each rule and group so far."""
    most = {(told["rule"], told["where"]): told["people"] for told in alert.reached}
    for told in one.reached:
        whose = (told["rule"], told["where"])
        most[whose] = max(most.get(whose, 0), told["people"])
    alert.reached = [
        {"rule": rule, "where": where, "people": people}
        for (rule, where), people in sorted(most.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    alert.people = max(alert.people, one.people)
    alert.first_on, alert.last_on = min(alert.first_on, one.first_on), max(alert.last_on, one.last_on)


def _tell(session: Session, alert: ClusterAlert, policy: Policy, now: datetime) -> None:
    posts = (*policy.clusters.immediate.tell, *STAFF)
    tell(
        session, in_charge(session, alert, posts, now), f"alert:{alert.id}:{alert.level}",
        "有一条聚集提示，请核实" if alert.graver_at is None else "一条聚集提示加重了，请核实",
        f"{alert.people}人{alert.signal.label}。只是提示，不是结论。", f"/clusters/alerts/{alert.id}", now,
    )  # fmt: skip


def _keep(session: Session, alert: ClusterAlert, now: datetime, *, graver: bool) -> None:
    audit.append(
        session, now=now, action=ACTION, district_id=alert.district_id, account_name="定时任务",
        object_type=alert.__tablename__, object_id=str(alert.id), result=audit.Result.DONE,
        details={"people": alert.people, "rules": alert.level, "graver": graver},
    )  # fmt: skip
