"""Three weeks of daily health at some enterprises (演示日报): healthy mostly, some ill and followed up to the end, one still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.archive import DAY_BEGINS, Employee
from models.base import local
from models.enterprises import Enterprise
from models.follow_ups import Bitten, FollowUp, LookedBack, StepKind
from models.health_entries import (
    EntrySource,
    EntryState,
    HealthEntry,
    Report,
    Site,
    Today,
    asked,
    mode_of,
    work_on,
)
from models.health_file import Absence, AbsenceKind
from models.policy.schema import Disease, Mode, Policy

LONGEST = 21  # days; further back nothing is of use any more
REPORTED, TODAY = 0.98, 0.86  # how many of a hundred have, by the end of a day and by now


@dataclass(frozen=True, slots=True)
class Story:
    """Somebody who is not well from `back` days ago on."""

    back: int
    days: int  # on which they stay at home; none: a cold thermometer
    ends: bool = True
    disease: str = ""  # as a doctor has named it, after a journey


RECOVERED, COLD = Story(16, 3), Story(6, 0)
REPORTING: dict[str, tuple[Story, ...]] = {
    "青禾生物": (RECOVERED, Story(9, 4), COLD, Story(1, 2, ends=False)),
    "微澜传感": (Story(13, 3), COLD, Story(2, 6, ends=False, disease="dengue")),
    "石上清泉餐饮": (Story(10, 2),),
}


def report(
    session: Session, enterprise: Enterprise, people: Sequence[Employee], policy: Policy, now: datetime, rng: Random,
    keeper: Account, *, days: int,
) -> None:  # fmt: skip
    """What was reported on the last days, today included, and what was done about who was not well."""
    days = min(days, LONGEST)
    here = [one for one in people if one.left_on is None]
    *well, away = here
    stories = {
        story: one
        for story, one in zip(REPORTING[enterprise.short_name], rng.sample(well, 4), strict=False)
        if story.back < days
    }
    ill = {one.id: story for story, one in stories.items()}
    today = local(now).date()
    session.add(
        Absence(
            employee_id=away.id, kind=AbsenceKind.TRIP, from_on=today - timedelta(days=LONGEST),
            until_on=today + timedelta(days=4), written_at=now, written_by_id=keeper.id,
        )
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    for back in reversed(range(days)):
        morning = local(now).replace(hour=7, minute=30, second=0, microsecond=0) - timedelta(days=back)
        mode = mode_of(session, enterprise, morning)
        rows += _day(well, ill, back, morning, policy, mode, now, rng)
    if rows:  # before half past seven of the only day nobody has reported
        session.execute(insert(HealthEntry), rows)
    _follow_up(session, stories, policy, now, keeper)


def _day(
    people: Sequence[Employee], ill: dict[int, Story], back: int, morning: datetime, policy: Policy, mode: Mode, now: datetime,
    rng: Random,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    questions = asked(policy, mode)
    answers: dict[str, tuple[str, ...]] = {q.field: (q.choices[0].value,) for q in questions if q.choices}
    measured = any(q.field == "temperature" for q in questions)
    for one in people:
        at, share = morning + timedelta(seconds=rng.randrange(7800)), rng.random()
        warm = Decimal(rng.randint(361, 369)).scaleb(-1)
        told = Report(Today.WELL, answers=answers)
        if measured:
            told = Report(Today.WELL, celsius=warm, site=Site.FOREHEAD, answers=answers)
        story = ill.get(one.id)
        if story is not None and story.back >= back > story.back - max(story.days, 1):
            told = _unwell(story, story.back - back, at.date())
        elif share > (REPORTED if back else TODAY):
            continue
        if at <= now:
            on = work_on(at, one.team.day_begins if one.team else DAY_BEGINS)
            values = HealthEntry.values(policy, mode, told, source=EntrySource.SELF, now=at)
            yield {
                "enterprise_id": one.enterprise_id,
                "employee_id": one.id,
                "work_on": on,
                "version": 1,
                **values,
            }


def _unwell(story: Story, since: int, today: date) -> Report:
    if not story.days:
        return Report(Today.WELL, celsius=Decimal("35.2"), site=Site.FOREHEAD)
    celsius = max(Decimal("36.7"), Decimal("38.2") - Decimal("0.6") * since)
    symptoms = ("muscle_ache", "rash") if story.disease else ("cough", "sore_throat")
    return Report(
        Today.ABSENT, celsius=celsius, site=Site.ARMPIT, symptoms=symptoms, onset_on=today - timedelta(days=since + 1),
        seen_doctor=since > 0, look_back=False, shared=True,
    )  # fmt: skip


def _follow_up(
    session: Session, stories: dict[Story, Employee], policy: Policy, now: datetime, keeper: Account
) -> None:
    for story, one in stories.items():
        first = session.scalars(
            select(HealthEntry)
            .where(HealthEntry.employee_id == one.id, HealthEntry.state != EntryState.NORMAL)
            .order_by(HealthEntry.work_on)
        ).first()
        if first is None:
            continue
        case = FollowUp.open_for(session, first, now=first.at)
        assert case is not None
        for kind, after, text in _steps(story):
            at = first.at + after
            back_on = local(at).date() if kind is StepKind.BACK else None
            if at <= now:
                named = policy.clusters.disease(story.disease) if kind is StepKind.RESULT else None
                case.take(
                    kind, text=text, now=at, by_id=keeper.id, return_on=back_on, disease=named,
                    to_whom="区疾控中心" if kind is StepKind.REPORTED else "",
                )  # fmt: skip
        _look_back(case, policy.clusters.disease(story.disease), now, keeper)


def _look_back(case: FollowUp, disease: Disease | None, now: datetime, keeper: Account) -> None:
    """Two hours after the doctor has named it."""
    if disease is None or case.diagnosed_at is None or case.diagnosed_at + timedelta(hours=2) > now:
        return
    answers = LookedBack("同行的同事没有不舒服", "佛山", case.onset_on - timedelta(days=4), Bitten.YES)
    case.look_back(disease, answers, now=case.diagnosed_at + timedelta(hours=2), by_id=keeper.id)


def _steps(story: Story) -> Iterator[tuple[StepKind, timedelta, str]]:
    if not story.days:
        yield StepKind.FALSE_ALARM, timedelta(minutes=40), "额温枪受冷，复测36.5℃"
        return
    yield StepKind.CONTACTED, timedelta(minutes=25), "在家休息，下午去看医生"
    if story.disease:
        yield StepKind.DOCTOR, timedelta(hours=5), "区人民医院发热门诊，出差刚回来"
        yield StepKind.RESULT, timedelta(hours=29), "住院治疗，挂蚊帐，区疾控中心已知道"
        yield StepKind.REPORTED, timedelta(hours=29, minutes=10), "医院已报告，请社区看看住处周围的积水"
    elif story.ends:
        yield StepKind.DOCTOR, timedelta(hours=7), "桂湖社区卫生服务中心"
        yield StepKind.RESULT, timedelta(hours=30), "普通感冒，建议居家休息"
        yield StepKind.BACK, timedelta(days=story.days, minutes=35), ""
