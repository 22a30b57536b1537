"""What the demo's weeks knew of clusters (演示聚集): one alert that became a report and ended, a false alarm, a report still open;
and half a year of symptoms by week, of which one street lies above its usual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, pi
from random import Random
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from models import cluster_alerts, clusters
from models.access import Post
from models.accounts import Account
from models.base import local
from models.cluster_alerts import AlertState, ClusterAlert
from models.clusters import ClusterReport, Conclusion, Facts, Measure, Signal, StepKind, seat_of
from models.demo.town import Town
from models.enterprises import Enterprise
from models.inbox import Message
from models.places import Place
from models.policy.book import Book
from models.policy.schema import Policy
from models.symptom_weeks import WEEK, Basis, SymptomWeek, monday

WEEKS = 25
RISING, RISEN = "桂湖街道", 3  # a street, and how many weeks it has been above its usual
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Told:
    """A step of a story: so long after the report, by whom, in which post, what."""

    after: timedelta
    by: str
    post: Post
    kind: StepKind
    text: str = ""
    people: int | None = None
    to_whom: str = ""
    conclusion: Conclusion | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A report of the demo: how many days ago at what time, by whom, what it says and what became of it."""

    back: int
    at: tuple[int, int]
    by: str
    post: Post
    where: str  # an enterprise by its short name, or a place
    signal: Signal
    people: int
    noticed: timedelta  # so long before
    spot: str
    steps: tuple[Told, ...]
    alert: str = ""  # of which group the figures said it first
    text: str = ""
    hospital: int = 0
    measures: tuple[Measure, ...] = (Measure.CALLED, Measure.AWAY, Measure.DOCTOR)


S, C, U = Post.SPECIALIST, Post.COMMUNITY_LIAISON, Post.UNIT_LIAISON
STORIES = (
    Story(
        14, (8, 12), "qiye9", Post.CHIEF_HEALTH_OFFICER, "铁铧机床", Signal.RESPIRATORY, 4, 22 * MINUTE, "1号厂房1层装配线",
        (
            Told(11 * MINUTE, "zhuanyuan5", S, StepKind.ACCEPTED),
            Told(35 * MINUTE, "zhuanyuan5", S, StepKind.VERIFIED, "到车间看过，4人发热，同一班组，已离开岗位", 4),
            Told(40 * MINUTE, "zhuanyuan5", S, StepKind.TOLD, "电话报告，10点到现场采样", to_whom="区疾控中心值班室"),
            Told(timedelta(hours=3), "qiye9", Post.CHIEF_HEALTH_OFFICER, StepKind.MEASURE, "装配线停工半天，通风、消毒"),
            Told(timedelta(days=1, hours=2), "qiye9", Post.CHIEF_HEALTH_OFFICER, StepKind.CHANGED, "同班组又有1人发热", 5),
            Told(timedelta(days=4, hours=1), "zhuanyuan5", S, StepKind.CLOSED, "查明为普通流感，三天没有新增", conclusion=Conclusion.OVER),
        ),
        alert="班组早班", text="昨天下午起陆续不舒服，坐同一班通勤车", hospital=2,
    ),
    Story(
        14, (8, 31), "qiye11", Post.HEALTH_MANAGER, "云锦零部件", Signal.RESPIRATORY, 3, 50 * MINUTE, "3号厂房2层",
        (
            Told(9 * MINUTE, "zhuanyuan5", S, StepKind.ACCEPTED),
            Told(timedelta(hours=2), "zhuanyuan5", S, StepKind.VERIFIED, "3人发热，与铁铧机床的人一起吃过饭", 3),
            Told(timedelta(hours=2, minutes=5), "zhuanyuan5", S, StepKind.TOLD, to_whom="区疾控中心值班室"),
            Told(timedelta(days=4, hours=1), "zhuanyuan5", S, StepKind.CLOSED, "与前一起同源，三天没有新增", conclusion=Conclusion.OVER),
        ),
    ),
    Story(
        8, (15, 20), "zhuanyuan9", S, "柳堤邻里中心", Signal.GUT, 2, timedelta(hours=3, minutes=10), "2层母婴室旁",
        (
            Told(52 * MINUTE, "shequ5", C, StepKind.ACCEPTED),
            Told(timedelta(hours=2), "shequ5", C, StepKind.VERIFIED, "两人来自不同的店，没有一起吃过饭", 2),
            Told(timedelta(days=2), "shequ5", C, StepKind.CLOSED, "都已好转，没有新的", conclusion=Conclusion.SPORADIC),
        ),
        text="中午有人说起，下午才确认是两个人", measures=(Measure.DOCTOR, Measure.ASKED),
    ),
    Story(
        1, (8, 5), "qiye7", Post.HEALTH_MANAGER, "微澜传感", Signal.RESPIRATORY, 3, 18 * MINUTE, "A座5层测试间",
        (
            Told(14 * MINUTE, "zhuanyuan3", S, StepKind.ACCEPTED),
            Told(30 * MINUTE, "zhuanyuan3", S, StepKind.VERIFIED, "3人发热，同一测试间，已送桂湖社区卫生服务中心", 3),
            Told(33 * MINUTE, "zhuanyuan3", S, StepKind.TOLD, "区疾控中心上午来采样", to_whom="区疾控中心值班室"),
            Told(timedelta(hours=2), "qiye7", Post.HEALTH_MANAGER, StepKind.MEASURE, "测试间停用，同层的人每天测两次体温"),
        ),
        alert="班组中班", text="三个人昨天一起加班到十点", hospital=3,
    ),
)  # fmt: skip
FALSE_ALARM = (6, (9, 24), "青禾生物", "qiye4", "额温枪放在风口受了冷，复测都正常")


def tell_stories(session: Session, town: Town, book: Book, now: datetime) -> int:
    """Alerts, reports with their steps, messages that have been read; answers how many reports."""
    policy = book.get(town.sketch.scheme_key)
    for story in STORIES:
        _tell(session, town, story, policy, now)
    _dismissed(session, town, policy, now)
    session.flush()
    read = update(Message).where(
        Message.key.startswith("cluster:"), Message.sent_at < now - timedelta(days=1)
    )
    session.execute(read.values(read_at=Message.sent_at).execution_options(synchronize_session=False))
    return len(STORIES)


def _moment(now: datetime, back: int, at: tuple[int, int]) -> datetime:
    return local(now).replace(hour=at[0], minute=at[1], second=0, microsecond=0) - timedelta(days=back)


def _tell(session: Session, town: Town, story: Story, policy: Policy, now: datetime) -> None:
    at, by = _moment(now, story.back, story.at), town.accounts[story.by]
    where: Enterprise | Place = town.enterprises.get(story.where) or town.places[story.where]
    facts = Facts(
        signal=story.signal, people=story.people, noticed_at=at - story.noticed, hospital=story.hospital, where=story.spot,
        first_onset_on=at.date() - timedelta(days=1), measures=story.measures, text=story.text,
    )  # fmt: skip
    key = f"{story.back:012x}{story.at[0]:06x}{story.at[1]:06x}"
    report, _fresh = ClusterReport.file(
        session, where, facts, policy, key=key, now=at, by=by, post=story.post
    )
    if story.alert:
        alert = _alert(
            session, where, story.signal, story.people, story.alert, policy, at - story.noticed - 9 * MINUTE
        )
        alert.confirm(report, now=at, by=by)
    clusters.tell_of(session, report, policy, at)
    for one in story.steps:
        if at + one.after <= now:
            report.take(
                one.kind, now=at + one.after, by=town.accounts[one.by], post=one.post, text=one.text, people=one.people,
                to_whom=one.to_whom, conclusion=one.conclusion,
            )  # fmt: skip
            session.flush()
    if report.closed_at is not None:
        cluster_alerts.end_with(session, report, report.closed_at)


def _alert(
    session: Session,
    where: Enterprise | Place,
    signal: Signal,
    people: int,
    group: str,
    policy: Policy,
    at: datetime,
) -> ClusterAlert:
    rule = policy.clusters.rules[0]
    alert = ClusterAlert(
        signal=signal, key=f"e{where.id}:{signal.value}", people=people, first_on=at.date(), last_on=at.date(),
        reached=[{"rule": f"{rule.label}{rule.people}人", "where": group, "people": people}], scheme_key=policy.key,
        raised_at=at, state=AlertState.PENDING,
    )  # fmt: skip
    alert.stand(where, seat_of(session, where, at))
    session.add(alert)
    session.flush()
    return alert


def _dismissed(session: Session, town: Town, policy: Policy, now: datetime) -> None:
    back, clock, short, username, reason = FALSE_ALARM
    at = _moment(now, back, clock)
    alert = _alert(session, town.enterprises[short], Signal.RESPIRATORY, 3, "班组早班", policy, at)
    by: Account = town.accounts[username]
    alert.dismiss(reason, now=at + 41 * MINUTE, by=by)


# --- half a year of weeks ---


def fill_weeks(session: Session, town: Town, now: datetime, *, seed: str) -> None:
    """A row for each enterprise with a head count and week: more in winter, one street above its usual of late."""
    rng = Random(f"{seed}/symptoms")
    session.execute(insert(SymptomWeek), list(_weeks(session, town, now, rng)))


def _weeks(session: Session, town: Town, now: datetime, rng: Random) -> Iterator[dict[str, Any]]:
    today = local(now).date()
    rising = town.streets[RISING].id
    for firm in town.enterprises.values():
        seat, usual = seat_of(session, firm, now), rng.uniform(0.7, 1.3)
        for back in range(WEEKS, -1, -1):
            week = monday(today) - WEEK * back
            days = 5 if back else min(today.weekday() + 1, 5)
            winter = 1 + 0.15 * cos(2 * pi * (week.timetuple().tm_yday - 15) / 365)
            times = 1.9 if firm.street_id == rising and 0 < back <= RISEN else 1
            heads = firm.headcount or 0
            expected = 0.006 * usual * winter * times * heads
            if heads:
                absent = _about(expected * days, rng)
                yield {
                    "week_on": week, "basis": Basis.ARCHIVE, "enterprise_id": firm.id, "district_id": firm.district_id,
                    "street_id": firm.street_id, "community_id": firm.community_id, "unit_id": firm.unit_id, "place_id": seat,
                    "due": heads * days, "absent_ill": absent, "watched": heads, "absent_told": absent,
                    "absent_ili": round(absent * 0.2 * times),
                    "fever": _about(expected * 0.5, rng), "symptoms": _about(expected * 1.4, rng),
                }  # fmt: skip


def _about(mean: float, rng: Random) -> int:
    """A whole number near the mean, as chance has it."""
    return max(0, round(rng.gauss(mean, mean**0.5 * 0.8)))
