"""Reporting periods (报送期): which days one report covers, when it opens, is due and locks.

Pure: from schemes, response modes and working days alone. Every day from the first adopted scheme on lies in exactly one
period. Days and times are wall time of the district.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from models.policy.schema import Cadence, Mode, Policy
from models.policy.workdays import WorkDays

DAY = timedelta(days=1)
NOON = time(12)
AFTER_ORDER = timedelta(hours=24)  # what is left at least for a period that an order cut short


@dataclass(frozen=True, slots=True)
class Rules:
    """What a district reports by: its schemes with the first day of each, oldest first, and its working days."""

    schemes: tuple[tuple[date, Policy], ...]
    days: WorkDays

    def on(self, day: date) -> Policy | None:
        """The scheme of a day; None before the first."""
        return next((policy for from_on, policy in reversed(self.schemes) if from_on <= day), None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """An emergency as it reaches one enterprise: from an instant until (half-open) another; `order` says which it is."""

    starts_at: datetime
    ended_at: datetime | None
    order: int


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """Days on which one enterprise is closed (停产放假), as it said itself at an instant. `staffed`: somebody stays on duty."""

    first: date
    last: date
    declared_at: datetime
    staffed: bool

    def move(self, mode: Mode, due: datetime) -> bool:
        """Whether what is due then waits for the end. What was due before anybody spoke of it does not; whoever is on duty reports
        daily in an emergency."""
        stays = mode is Mode.EMERGENCY and self.staffed
        return not stays and self.declared_at <= due and self.first <= due.date() <= self.last


@dataclass(frozen=True, slots=True)
class EmergencyDays:
    """Days with daily reports that follow each other; without a last one they go on."""

    first: date
    last: date | None
    began_at: datetime
    order: int

    def hold(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Period:
    """What one report covers. `cut`: an order ended it early; `whole`: it is a full day, week or month of its scheme."""

    mode: Mode
    scheme_key: str
    first_on: date
    last_on: date
    opens_at: datetime
    soon_at: datetime
    due_at: datetime
    locks_at: datetime
    order: int | None = None  # by which it is daily, or was cut
    cut: bool = False
    whole: bool = True
    usual_due_at: datetime | None = None  # when it were due without the closure that moved it


def partition(
    rules: Rules,
    first: date,
    until: date,
    stretches: Sequence[Stretch] = (),
    last: date | None = None,
    closures: Sequence[ClosedDays] = (),
) -> tuple[Period, ...]:
    """The periods of one enterprise that begin from `first` to `until`, each to its end as it stands now. After `last`, its
    last day of all, there are none. `closures` of its own move when they are due."""
    emergencies = emergency_days(rules, stretches)
    found = []
    day = first
    while day <= until and (last is None or day <= last):
        policy = rules.on(day)
        if policy is None:
            day += DAY
            continue
        end = _end(rules, day, emergencies, last)
        found.append(_period(rules, policy, day, end, emergencies, closures))
        day = end + DAY
    return tuple(found)


def emergency_days(rules: Rules, stretches: Iterable[Stretch]) -> tuple[EmergencyDays, ...]:
    """On which days an enterprise reports daily. Stretches that overlap are one: the stricter mode holds until the last ends.

    An emergency before the cut-off takes its own day along; it ends with the day on which it is ended. One that is ended
    before its first daily report was due has never been.
    """
    found = []
    for one in _merged(stretches):
        policy = rules.on(one.starts_at.date())
        if policy is None:
            continue
        cadence = policy.reporting[Mode.EMERGENCY]
        first = first_daily(cadence, one.starts_at)
        last = one.ended_at.date() if one.ended_at else None
        if one.ended_at is not None and (
            one.ended_at.date() < first or one.ended_at < _due(rules, cadence, first)
        ):
            continue
        found.append(EmergencyDays(first, last, one.starts_at, one.order))
    return tuple(found)


def first_daily(cadence: Cadence, starts_at: datetime) -> date:
    """The first day with a daily report after an order at this instant."""
    return starts_at.date() if starts_at.time() < cadence.cut_off else starts_at.date() + DAY


def _merged(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    waiting: Stretch | None = None
    for one in sorted(stretches, key=lambda stretch: (stretch.starts_at, stretch.order)):
        if waiting is None:
            waiting = one
        elif waiting.ended_at is None or one.starts_at <= waiting.ended_at:
            ends = None if None in (one.ended_at, waiting.ended_at) else max(one.ended_at, waiting.ended_at)  # type: ignore[type-var]
            waiting = replace(waiting, ended_at=ends)
        else:
            yield waiting
            waiting = one
    if waiting is not None:
        yield waiting


def _reaching(emergencies: Iterable[EmergencyDays], day: date) -> EmergencyDays | None:
    return next((one for one in emergencies if one.hold(day)), None)


def _end(rules: Rules, first: date, emergencies: Sequence[EmergencyDays], last: date | None) -> date:
    """The last day of the period that begins on a day: it ends with its week or month, a change of mode or scheme, `last`."""
    policy = rules.on(first)
    assert policy is not None
    mode = Mode.EMERGENCY if _reaching(emergencies, first) else Mode.NORMAL
    end = frame(policy.reporting[mode], first)[1]
    day = first
    while day < end and day != last:
        following = day + DAY
        if (_reaching(emergencies, following) is None) != (mode is Mode.NORMAL) or rules.on(
            following
        ) is not policy:
            break
        day = following
    return day


def frame(cadence: Cadence, day: date) -> tuple[date, date]:
    """The first and last day of the whole day, week (Monday to Sunday) or month that holds a day."""
    if cadence.period == "day":
        return day, day
    if cadence.period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - DAY


def _period(
    rules: Rules,
    policy: Policy,
    first: date,
    last: date,
    emergencies: Sequence[EmergencyDays],
    closures: Sequence[ClosedDays],
) -> Period:
    here, following = _reaching(emergencies, first), _reaching(emergencies, last + DAY)
    mode = Mode.EMERGENCY if here else Mode.NORMAL
    cadence = policy.reporting[mode]
    whole = frame(cadence, first)
    by = following if here is None and last < whole[1] else None  # the emergency that cut it
    usual = _due_after_order(rules, cadence, by.began_at) if by else _due(rules, cadence, last)
    due = _after_closures(rules, cadence, mode, usual, closures)
    order = here or by
    return Period(
        mode=mode,
        scheme_key=policy.key,
        first_on=first,
        last_on=last,
        opens_at=datetime.combine(max(first, last - timedelta(days=cadence.opens_days_before_end)), time()),
        soon_at=due - timedelta(hours=cadence.soon_hours),
        due_at=due,
        locks_at=cadence.locks_at(due),
        order=order.order if order else None,
        cut=by is not None,
        whole=(first, last) == whole,
        usual_due_at=usual if due != usual else None,
    )


def _due(rules: Rules, cadence: Cadence, last: date) -> datetime:
    return _moved(rules, cadence, cadence.due_at(last))


def _due_after_order(rules: Rules, cadence: Cadence, ordered_at: datetime) -> datetime:
    """The first usual due time that is at least 24 hours after the order."""
    earliest = ordered_at + AFTER_ORDER
    due = datetime.combine(earliest.date(), cadence.due_time)
    return _moved(rules, cadence, due if due >= earliest else due + DAY)


def _moved(rules: Rules, cadence: Cadence, due: datetime) -> datetime:
    """Off a holiday to noon of the next working day, where the scheme has it so."""
    if not cadence.moves_on_holidays or rules.days.is_worked(due.date()):
        return due
    return datetime.combine(rules.days.on_or_after(due.date()), NOON)


def _after_closures(
    rules: Rules, cadence: Cadence, mode: Mode, due: datetime, closures: Sequence[ClosedDays]
) -> datetime:
    """To noon of the first working day after the enterprise's own closures, also where one follows upon another."""
    while closed := next((one for one in closures if one.move(mode, due)), None):
        due = datetime.combine(rules.days.on_or_after(closed.last + DAY), NOON)
    return due
