"""The watch on symptoms in normal times (症状监测): what an enterprise's week came to, kept without names, and the curve of an area.

A week is worked out by the timed work from the archive, or where an enterprise keeps none, from its reports. Pages read these sums
alone. Few people are never told apart: a cell of fewer than the scheme says is said to be just that (PRIV-9).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import fmean, pstdev
from typing import Any

from sqlalchemy import ColumnElement, Index, UniqueConstraint, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import Labelled, local
from .clusters import Located
from .enterprises import Enterprise, Premises
from .health_entries import EntryState, HealthEntry, Report, Today, counts
from .keeping import HealthDaySum
from .obligations import Obligation
from .office import adoptions_of
from .places import District
from .policy.schema import CurveRule, Policy
from .policy.workdays import WorkDays
from .timed import Tick

AT_ONCE = 200  # enterprises of a transaction
WEEK = timedelta(days=7)
AGAIN = 2  # weeks that may still change: entries are corrected for seven days
KEPT_BACK = timedelta(days=28)
LONGEST_BACK = 26  # weeks, when nothing has been worked out yet
ILI_CELSIUS, ILI_WITH = Decimal("38.0"), {"cough", "sore_throat"}  # 流感样 (HLTH-1): so hot, and one of these


class Basis(Labelled):
    """What a week was worked out from (来源)."""

    ARCHIVE = "archive", "每日健康"
    REPORT = "report", "报送"


class SymptomWeek(Located):
    """One week of one enterprise: person-days for absence, people for symptoms. `watched` 0: nothing is known of symptoms."""

    week_on: Mapped[date]  # its Monday
    basis: Mapped[Basis]
    due: Mapped[int]  # 应出勤人天
    absent_ill: Mapped[int]  # 因病缺勤人天
    watched: Mapped[int]  # people whose symptoms would be known
    fever: Mapped[int]  # people with a fever
    symptoms: Mapped[int]  # people with other symptoms alone
    absent_told: Mapped[int] = mapped_column(
        server_default="0"
    )  # of the person-days absent, those whose symptoms are known
    absent_ili: Mapped[int] = mapped_column(server_default="0")  # and of these the flu-like (流感样缺勤)

    __table_args__ = (
        UniqueConstraint("enterprise_id", "week_on"),
        Index("ix_symptom_week_district", "district_id", "week_on"),
    )


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


# --- working out ---


@dataclass(slots=True)
class Sums:
    """A week of one enterprise while it is worked out."""

    due: int = 0
    absent_ill: int = 0
    watched: int = 0
    fever: int = 0
    symptoms: int = 0
    absent_told: int = 0
    absent_ili: int = 0


def keep(tick: Tick) -> int:
    """This week and the last one of everybody; of a district without any, as many as its archive still tells. How many rows. What
    nothing is known of any more stays as it was."""
    today, written = local(tick.now).date(), 0
    with tick.looking() as session:
        districts = session.scalars(select(District.id).order_by(District.id)).all()
    for district_id in districts:
        with tick.looking() as session:
            policy = tick.book.in_force(adoptions_of(session, district_id), today)
            has_some = session.scalar(
                select(SymptomWeek.id).where(SymptomWeek.district_id == district_id).limit(1)
            )
        if policy is None:
            continue
        # a first pass that was cut off has left some: it is done once this work has succeeded
        back = AGAIN if has_some and tick.since is not None else LONGEST_BACK
        weeks = [monday(today) - WEEK * one for one in range(back)]
        written += _keep_district(tick, district_id, policy, weeks, today)
    return written


def _keep_district(tick: Tick, district_id: int, policy: Policy, weeks: Sequence[date], today: date) -> int:
    last, written = 0, 0
    while True:
        with tick.looking() as session:
            firms = session.scalars(
                select(Enterprise)
                .where(
                    Enterprise.district_id == district_id,
                    Enterprise.id > last,
                    Enterprise.closed_at.is_(None),
                )
                .order_by(Enterprise.id)
                .limit(AT_ONCE)
            ).all()
            if not firms:
                return written
            rows = list(_rows(session, firms, policy, weeks, tick.book.days, today, tick.now))
        with tick.writing() as session:
            for week in weeks:
                ids = [row["enterprise_id"] for row in rows if row["week_on"] == week]
                gone = delete(SymptomWeek).where(
                    SymptomWeek.enterprise_id.in_(ids), SymptomWeek.week_on == week
                )
                session.execute(gone.execution_options(synchronize_session=False))
            if rows:
                session.execute(insert(SymptomWeek), rows)
        written, last = written + len(rows), firms[-1].id


def _rows(
    session: Session, firms: Sequence[Enterprise], policy: Policy, weeks: Sequence[date], days: WorkDays, today: date,
    now: datetime,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    seats = _seats(session, [firm.id for firm in firms], now)
    for week in weeks:
        worked = [day for n in range(7) if days.is_worked(day := week + timedelta(days=n)) and day <= today]
        by_archive = from_archive(session, [firm.id for firm in firms], policy, week, worked)
        others = [firm.id for firm in firms if firm.id not in by_archive]
        by_report = from_reports(session, others, week, days)
        for firm in firms:
            found = by_archive.get(firm.id) or by_report.get(firm.id)
            if found is not None and found.due:
                yield {
                    "week_on": week, "basis": Basis.ARCHIVE if firm.id in by_archive else Basis.REPORT,
                    "enterprise_id": firm.id, "district_id": firm.district_id, "street_id": firm.street_id,
                    "community_id": firm.community_id, "unit_id": firm.unit_id, "place_id": seats.get(firm.id),
                    "due": found.due, "absent_ill": found.absent_ill, "watched": found.watched, "fever": found.fever,
                    "symptoms": found.symptoms, "absent_told": found.absent_told, "absent_ili": found.absent_ili,
                }  # fmt: skip


def _seats(session: Session, firms: Collection[int], now: datetime) -> dict[int, int]:
    rows = session.execute(
        select(Premises.enterprise_id, Premises.place_id)
        .where(Premises.enterprise_id.in_(firms), Premises.holding(now))
        .order_by(Premises.from_at.desc(), Premises.id.desc())
    )
    return dict(rows.all())  # the one held longest is written last


def from_archive(
    session: Session, firms: Collection[int], policy: Policy, week: date, worked: Sequence[date]
) -> dict[int, Sums]:
    """Of enterprises that keep an archive of health. Symptoms are sealed: those of the unwell are opened and counted."""
    firms = _kept_by(session, firms, week)
    found: dict[int, Sums] = {}
    told: dict[int, bool] = defaultdict(lambda: True)
    for day in worked:
        for firm, one in counts(session, firms, day).items():
            if one.expected:
                sums = found.setdefault(firm, Sums())
                sums.due += one.expected
                sums.absent_ill += one.absent_ill
                sums.watched = max(sums.watched, one.expected)
                told[firm] = told[firm] and not one.summed
    for firm, unwell in _unwell(session, list(found), policy, week, worked).items():
        sums = found[firm]
        sums.fever, sums.symptoms = len(unwell.feverish), len(unwell.others - unwell.feverish)
        sums.absent_told, sums.absent_ili = unwell.absent, unwell.absent_ili
    for firm, sums in found.items():
        if not told[firm]:  # the entries have gone, who had what is known no more
            sums.watched = sums.fever = sums.symptoms = sums.absent_told = sums.absent_ili = 0
    return found


def _kept_by(session: Session, firms: Collection[int], week: date) -> list[int]:
    """Which of them have entered anything lately: with people on file alone nobody would be known to be well."""
    since, until = week - KEPT_BACK, week + timedelta(days=6)
    entries = select(HealthEntry.enterprise_id).where(
        HealthEntry.enterprise_id.in_(firms), HealthEntry.work_on.between(since, until)
    )
    sums = select(HealthDaySum.enterprise_id).where(
        HealthDaySum.enterprise_id.in_(firms),
        HealthDaySum.day.between(since, until),
        HealthDaySum.reported > 0,
    )
    return sorted({*session.scalars(entries.distinct()), *session.scalars(sums.distinct())})


@dataclass(slots=True)
class _Unwell:
    """People of a week by what they had, and person-days of those who stayed away."""

    feverish: set[int] = field(default_factory=set)
    others: set[int] = field(default_factory=set)
    absent: int = 0
    absent_ili: int = 0


def _unwell(
    session: Session, firms: Sequence[int], policy: Policy, week: date, worked: Sequence[date]
) -> dict[int, _Unwell]:
    found: dict[int, _Unwell] = defaultdict(_Unwell)
    rows = session.scalars(
        select(HealthEntry).where(
            HealthEntry.enterprise_id.in_(firms), HealthEntry.state != EntryState.NORMAL,
            HealthEntry.work_on.between(week, week + timedelta(days=6)),
        )
    )  # fmt: skip
    for entry in rows:
        one, sums = entry.told, found[entry.enterprise_id]
        hot = one.celsius is not None and one.celsius >= policy.thresholds.fever_celsius
        if hot or "fever" in one.symptoms:
            sums.feverish.add(entry.employee_id)
        elif one.symptoms or one.today == Today.UNWELL:
            sums.others.add(entry.employee_id)
        if entry.state is EntryState.ABSENT_ILL and entry.work_on in worked:
            sums.absent += 1
            sums.absent_ili += is_flu_like(one)
    return found


def is_flu_like(told: Report) -> bool:
    return told.celsius is not None and told.celsius >= ILI_CELSIUS and not ILI_WITH.isdisjoint(told.symptoms)


def from_reports(session: Session, firms: Collection[int], week: date, days: WorkDays) -> dict[int, Sums]:
    """Of enterprises without an archive: each report for the working days of it that lie in the week. Symptoms where the period
    is not longer than the week; of daily reports those of the worst day, for they name the same people again."""
    if not firms:
        return {}
    ends = week + timedelta(days=6)
    rows = session.execute(
        select(Obligation.enterprise_id, Obligation.first_on, Obligation.last_on, Obligation.figures).where(
            Obligation.enterprise_id.in_(firms), Obligation.live(), Obligation.received_at.is_not(None),
            Obligation.first_on <= ends, Obligation.last_on >= week,
        )
    )  # fmt: skip
    found: dict[int, Sums] = {}
    for firm, first, last, figures in rows:
        if not figures or not figures.get("expected"):
            continue
        begin, end = max(first, week), min(last, ends)
        worked = sum(days.is_worked(begin + timedelta(days=n)) for n in range((end - begin).days + 1))
        sums, expected = found.setdefault(firm, Sums()), figures["expected"]
        sums.due += expected * worked
        sums.absent_ill += min(figures.get("absent_ill", 0), expected) * worked
        if (begin, end) == (first, last):
            sums.watched = max(sums.watched, expected)
            sums.fever = max(sums.fever, figures.get("fever", 0))
            sums.symptoms = max(sums.symptoms, figures.get("symptoms", 0))
    return found


# --- the curve ---


class Measured(Labelled):
    """Which number a curve shows (看哪个数)."""

    ABSENCE = "absence", "因病缺勤率"
    FEVER = "fever", "发热"
    SYMPTOMS = "symptoms", "咳嗽、咽痛等其他症状"
    FLU_LIKE = "flu_like", "因病缺勤里流感样的占比"

    @property
    def is_share(self) -> bool:
        """Of a hundred, not of a thousand people."""
        return self in (Measured.ABSENCE, Measured.FLU_LIKE)

    @property
    def unit(self) -> str:
        return "%" if self.is_share else "每千人"


class Level(Labelled):
    """How a week stands against the weeks before (与平常比)."""

    ABOVE = "above", "高于平常"
    USUAL = "usual", "平常"
    BELOW = "below", "低于平常"
    UNKNOWN = "unknown", "周数还不够比较"


@dataclass(frozen=True, slots=True)
class Point:
    """A week of an area. `hidden`: too few people to be told, or it would give another such week away."""

    week_on: date
    number: int
    of: int
    firms: int
    hidden: bool
    low: float | None = None
    high: float | None = None

    @property
    def ends_on(self) -> date:
        return self.week_on + timedelta(days=6)


def rate_of(measured: Measured, number: int, of: int) -> float | None:
    """因病缺勤人天÷应出勤人天×100%, 流感样缺勤÷因病缺勤×100% (HLTH-7), or people with symptoms a thousand; None of nobody."""
    return None if of == 0 else number * (100 if measured.is_share else 1000) / of


def shown(rate: float | None) -> str:
    """Two decimals; — where nobody was due."""
    return "—" if rate is None else str(Decimal(repr(rate)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def is_small(number: int, small: int) -> bool:
    """1 to 4 people of a scheme that says 5; none at all is no secret."""
    return 0 < number < small


def usual(rates: Sequence[float | None], rule: CurveRule) -> tuple[float, float] | None:
    """The usual band: mean of the weeks before, so many standard deviations up and down, never below nothing. None with too few.
    A week that was itself above is no part of it."""
    known = [one for one in rates[-rule.usual_weeks :] if one is not None]
    if len(known) < rule.enough_weeks:
        return None
    mean = fmean(known)
    wide = max(rule.deviations * pstdev(known), mean * rule.margin / 100)
    return max(mean - wide, 0.0), mean + wide


def cell(point: Point, small: int) -> str:
    """Its number as people may read it."""
    if not point.hidden:
        return str(point.number)
    return f"少于{small}" if point.number < small else "不显示"


@dataclass(frozen=True, slots=True)
class Curve:
    """An area over the weeks, the oldest first."""

    area_id: int | None
    name: str
    measured: Measured
    points: tuple[Point, ...]

    def rate(self, point: Point) -> float | None:
        return rate_of(self.measured, point.number, point.of)

    def level(self, point: Point) -> Level:
        rate = self.rate(point)
        if rate is None or point.high is None or point.low is None:
            return Level.UNKNOWN
        if rate > point.high and not point.hidden:
            return Level.ABOVE
        return Level.BELOW if rate < point.low and not point.hidden else Level.USUAL

    @property
    def settled(self) -> Point:
        """The last week that is over."""
        return self.points[-2]


def curves(
    session: Session, within: ColumnElement[bool], measured: Measured, rule: CurveRule, today: date, *, by: Any = None,
    names: dict[int, str] | None = None,
) -> list[Curve]:  # fmt: skip
    """The curve of all that is within reach, or one for each value of `by` that has a name. One query."""
    first = monday(today) - WEEK * (rule.weeks + rule.usual_weeks - 1)
    number, of = {
        Measured.ABSENCE: (SymptomWeek.absent_ill, SymptomWeek.due),
        Measured.FEVER: (SymptomWeek.fever, SymptomWeek.watched),
        Measured.SYMPTOMS: (SymptomWeek.symptoms, SymptomWeek.watched),
        Measured.FLU_LIKE: (SymptomWeek.absent_ili, SymptomWeek.absent_told),
    }[measured]
    columns = [SymptomWeek.week_on, func.sum(number), func.sum(of), func.count()]
    query: Any = select(*columns) if by is None else select(*columns, by)
    query = query.where(within, SymptomWeek.week_on >= first).group_by(SymptomWeek.week_on)
    if by is not None:
        query = query.group_by(by)
    rows: dict[int | None, dict[date, tuple[int, int, int]]] = defaultdict(dict)
    for week, *told in session.execute(query):
        area = told[3] if by is not None else None
        rows[area][week] = (int(told[0]), int(told[1]), told[2])
    weeks = [first + WEEK * n for n in range(rule.weeks + rule.usual_weeks)]
    named = names or {}
    found = [
        Curve(area, "" if area is None else named[area], measured, _points(measured, told, weeks, rule))
        for area, told in rows.items()
        if by is None or area in named
    ]
    found.sort(key=lambda one: (one.name, one.area_id or 0))
    return found if by is None else hide_others(found)


def _points(
    measured: Measured, told: dict[date, tuple[int, int, int]], weeks: Sequence[date], rule: CurveRule
) -> tuple[Point, ...]:
    rates: list[float | None] = []
    points: list[Point] = []
    for week in weeks:
        number, of, firms = told.get(week, (0, 0, 0))
        low, high = usual(rates, rule) or (None, None)
        points.append(Point(week, number, of, firms, is_small(number, rule.small), low, high))
        rate = rate_of(measured, number, of)
        outbreak = rate is not None and high is not None and rate > high
        rates.append(None if outbreak else rate)  # or it would itself become usual
    return tuple(points[-rule.weeks :])


def hide_others(curves: Sequence[Curve]) -> list[Curve]:
    """Areas that stand below their sum: in each week where one alone is hidden, the next smallest is hidden with it, or the first
    could be reckoned from the others."""
    also: dict[int, set[int]] = defaultdict(set)  # which curve -> which of its points
    for n in range(max((len(one.points) for one in curves), default=0)):
        hidden = [m for m, one in enumerate(curves) if one.points[n].hidden]
        others = [
            (one.points[n].number, m)
            for m, one in enumerate(curves)
            if m not in hidden and one.points[n].number
        ]
        if len(hidden) == 1 and others:
            also[min(others)[1]].add(n)
    return [
        replace(
            one,
            points=tuple(replace(p, hidden=True) if n in also[m] else p for n, p in enumerate(one.points)),
        )
        for m, one in enumerate(curves)
    ]
