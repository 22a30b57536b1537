"""One check-in as the specialist of its place may read it (登记详情): masked, in words, with its story.

Sealed answers (health code, travel, symptoms) are never opened here: of somebody's health a specialist reads
no more than the reasons of the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from .base import local
from .enterprises import Enterprise
from .gate import UNFINISHED, CheckIn, Kind, MeasuredBy, Note, Outcome, Reading
from .judging import Verdict, read_reasons, reason_words
from .masks import mask_mobile, mask_name
from .overview import still_open
from .places import Place
from .policy.book import Book
from .policy.schema import Policy
from .vault import Vault

GRAVITY = case((CheckIn.verdict == Verdict.REFUSED, 0), (CheckIn.verdict == Verdict.ATTENTION, 1), else_=2)


@dataclass(frozen=True, slots=True)
class Line:
    """A check-in in a table."""

    id: int
    place_id: int
    at: datetime
    verdict: Verdict
    reasons: str  # 体温37.6℃，达到37.3℃；未戴口罩
    name: str  # masked
    mobile: str  # masked; who registered instead, where there is none
    temperature: str
    measured_by: str
    gate: str
    place: str
    building: str  # the same in short, where it is not the place at hand: 3号楼 within 云溪软件园B区
    towards: str  # the enterprise, else what the visitor wrote, else what for
    kind: Kind
    staff: bool  # said to work here
    marks: str
    unconfirmed: bool
    handled_at: datetime | None
    state: str  # what the case waits for

    @property
    def where(self) -> str:
        return f"{self.building}{self.gate}"


def line_of(
    entry: CheckIn, book: Book, vault: Vault, now: datetime, *, at: Place, with_state: bool = True
) -> Line:
    """As it reads on a page of the place `at`. `with_state` reads notes and readings: load them before."""
    policy = book.get(entry.scheme_key)
    waits = entry.is_abnormal and entry.handled_at is None
    return Line(
        id=entry.id,
        place_id=entry.place_id,
        at=entry.occurred_at,
        verdict=entry.verdict,
        reasons=reasons_of(policy, entry.reasons),
        name=mask_name(entry.name),
        mobile=_masked_mobile(entry, vault),
        temperature="" if entry.temperature is None else str(entry.temperature),
        measured_by=entry.measured_by.label if entry.measured_by else "",
        gate=entry.gate.name,
        place=entry.place.name,
        building="" if entry.place_id == at.id else short_name(entry.place, at),
        towards=towards(entry),
        kind=entry.kind,
        staff=entry.staff is not None,
        marks="、".join(mark.label for mark in entry.mark_list),
        unconfirmed=bool(entry.marks) and entry.handled_at is None,
        handled_at=entry.handled_at,
        state=state_of(entry, policy, now) if with_state and waits else "",
    )


def short_name(building: Place, park: Place) -> str:
    return building.name.removeprefix(park.name) or building.name


def reasons_of(policy: Policy, written: str) -> str:
    return "；".join(reason_words(policy, reason) for reason in read_reasons(written))


def _masked_mobile(entry: CheckIn, vault: Vault) -> str:
    if entry.mobile:
        return mask_mobile(mobile_of(entry, vault))
    return "门岗代登" if entry.recorded_by_id else ""


def mobile_of(entry: CheckIn, vault: Vault) -> str:
    """The whole number: show it masked, or after a logged 查看."""
    return vault.unseal(entry.mobile, CheckIn.MOBILE) if entry.mobile else ""


def towards(entry: CheckIn) -> str:
    if entry.enterprise is not None:
        return entry.enterprise.short_name or entry.enterprise.name
    return entry.written or entry.purpose


def state_of(entry: CheckIn, policy: Policy, now: datetime) -> str:
    """What an open case waits for, in a few words."""
    if entry.notes and entry.notes[-1].outcome == Outcome.FOLLOWING:
        note = entry.notes[-1]
        return f"{note.by.name}在跟进，{_when(note.at, now)}"
    if entry.notes and entry.notes[-1].outcome == Outcome.TURNED_AWAY:
        return f"门岗{_when(entry.notes[-1].at, now)}已劝离，等您记下结果"
    rested = entry.rested_at(policy)
    waits = f"{local(rested):%H:%M}起可测" if rested is not None and now < rested else ""
    if entry.recheck_asked_at is not None:
        return "已请门岗复测" + (f"，{waits}" if waits else f"，等了{_minutes(now - entry.recheck_asked_at)}")
    if rested is not None:
        return f"等待复测，{waits}" if waits else "可以复测了"
    if entry.verdict == Verdict.REFUSED:
        return "等您处理"
    codes = {reason[0] for reason in entry.reason_list}
    if "unmeasured" in codes:
        return "等门岗测温"
    return "等门岗复测" if codes & {"low", "earlier"} else "等门岗核验"


def _when(at: datetime, now: datetime) -> str:
    here = local(at)
    return f"{here:%H:%M}" if here.date() == local(now).date() else f"{here.month}月{here.day}日{here:%H:%M}"


def _minutes(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    return f"{minutes}分钟" if minutes < 60 else f"{minutes // 60}小时"


# --- lists ---

_SHOWN = (
    joinedload(CheckIn.gate),
    joinedload(CheckIn.place),
    joinedload(CheckIn.enterprise),
    defer(CheckIn.answers),
)
_STORY = (selectinload(CheckIn.notes).joinedload(Note.by), selectinload(CheckIn.readings))


def open_cases(place_ids: Sequence[int], today: date) -> Select[CheckIn]:
    """The cases that wait (see `still_open`): the gravest first, and among equals who came last."""
    return (
        select(CheckIn)
        .where(CheckIn.place_id.in_(place_ids), still_open(today))
        .order_by(GRAVITY, CheckIn.occurred_at.desc(), CheckIn.id.desc())
        .options(*_SHOWN, *_STORY)
    )


def latest(place_ids: Sequence[int], day: date, number: int) -> Select[CheckIn]:
    newest = (
        select(CheckIn.id)
        .where(CheckIn.place_id.in_(place_ids), CheckIn.day == day)
        .order_by(CheckIn.id.desc())
        .limit(number)
    )  # numbers only, from the index: the rows are read for the few that are shown
    return select(CheckIn).where(CheckIn.id.in_(newest)).order_by(CheckIn.id.desc()).options(*_SHOWN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which check-ins to list. Days are always given, so that no list grows with the history of a place."""

    place_ids: Sequence[int]
    district_id: int
    from_on: date
    to_on: date
    text: str = ""  # the beginning of a name, or part of an enterprise's
    mobile_index: bytes | None = None
    gate_id: int | None = None
    verdict: str = ""  # a Verdict, or "abnormal"
    kind: str = ""
    marked: str = ""  # yes | no
    handled: str = ""  # yes | no
    celsius: int | None = None  # in tenths
    only: ColumnElement[bool] | None = None  # one more condition: see `models.honesty`
    sort: str = "newest"  # newest | oldest | gravest | hottest


SORTS = {
    "newest": (CheckIn.day.desc(), CheckIn.occurred_at.desc(), CheckIn.id.desc()),  # the index gives the day
    "oldest": (CheckIn.day, CheckIn.occurred_at, CheckIn.id),
    "gravest": (GRAVITY, CheckIn.id.desc()),
    "hottest": (func.coalesce(CheckIn.celsius, 0).desc(), CheckIn.id.desc()),
}


def search(wanted: Wanted, *, with_story: bool = True) -> Select[CheckIn]:
    """The check-ins that fit, in the order asked for; `with_story` as `line_of` needs it."""
    query = select(CheckIn).where(
        CheckIn.place_id.in_(wanted.place_ids), CheckIn.day.between(wanted.from_on, wanted.to_on)
    )
    if wanted.mobile_index is not None:
        query = query.where(CheckIn.mobile_index == wanted.mobile_index)
    if wanted.text:
        query = query.where(_names(wanted.text, wanted.district_id))
    if wanted.gate_id is not None:
        query = query.where(CheckIn.gate_id == wanted.gate_id)
    if wanted.verdict == "abnormal":
        query = query.where(CheckIn.verdict.in_([Verdict.REFUSED, Verdict.ATTENTION]))
    elif wanted.verdict:
        query = query.where(CheckIn.verdict == wanted.verdict)
    if wanted.kind:
        query = query.where(CheckIn.kind == wanted.kind)
    if wanted.marked:
        query = query.where(CheckIn.marks != "" if wanted.marked == "yes" else CheckIn.marks == "")
    if wanted.handled:
        query = query.where(
            CheckIn.handled_at.is_not(None) if wanted.handled == "yes" else CheckIn.handled_at.is_(None)
        )
    if wanted.celsius is not None:
        query = query.where(CheckIn.celsius == wanted.celsius)
    if wanted.only is not None:
        query = query.where(wanted.only)
    query = query.order_by(*SORTS[wanted.sort]).options(*_SHOWN)
    return query.options(*_STORY) if with_story else query


def _names(written: str, district_id: int):
    """People whose name begins so, or whose way leads to an enterprise that is called so."""
    called = select(Enterprise.id).where(
        Enterprise.district_id == district_id,
        or_(
            Enterprise.name.contains(written, autoescape=True),
            Enterprise.short_name.contains(written, autoescape=True),
            Enterprise.initials == written.lower(),
        ),
    )
    return or_(
        func.lower(CheckIn.name).startswith(written.lower(), autoescape=True),
        CheckIn.written.contains(written, autoescape=True),
        CheckIn.enterprise_id.in_(called),
    )


# --- one case ---


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a case."""

    at: datetime
    kind: str  # no | ok | warn | "": how it is drawn
    icon: str
    title: str
    words: str = ""
    entry_id: int | None = None  # another check-in that this is about


def story(
    entry: CheckIn, policy: Policy, *, earlier: CheckIn | None, later: Sequence[CheckIn]
) -> list[Event]:
    """What happened to a check-in, the newest first.

    `earlier` is the refusal that it followed, `later` the attempts that followed it.
    """
    events = [_declared(entry, policy)]
    if earlier is not None:
        words = f"{earlier.gate.name}，原因：{reasons_of(policy, earlier.reasons)}"
        events.append(
            Event(earlier.occurred_at, "no", "octagon-x", "这位来访者先前被拒绝", words, earlier.id)
        )
    if entry.recheck_asked_at is not None:
        events.append(Event(entry.recheck_asked_at, "now", "bell", "来访者请门岗复测"))
    for number, reading in enumerate(entry.readings):
        last = number + 1 == len(entry.readings)
        events.append(
            _measured(reading, entry.verdict if last else entry.readings[number + 1].before_verdict)
        )
    for note in entry.notes:
        closed = note.outcome not in UNFINISHED
        words = f"{note.by.name}" + (f"：{note.text}" if note.text else "")
        kind, icon = ("ok", "circle-check") if closed else ("now", "notebook-pen")
        events.append(Event(note.at, kind, icon, note.outcome.label, words))
    for attempt in later:
        events.append(Event(attempt.occurred_at, "warn", "scan-line", "又登记了一次",
                            f"{attempt.gate.name}，判定：{attempt.verdict.label}", attempt.id))  # fmt: skip
    return sorted(events, key=lambda event: event.at, reverse=True)


def _declared(entry: CheckIn, policy: Policy) -> Event:
    first = entry.readings[0] if entry.readings else None
    verdict = first.before_verdict if first else entry.verdict
    celsius = first.before_celsius if first else entry.celsius
    by = first.before_by if first else entry.measured_by
    words = ["门岗" + entry.recorded_by.name + "代登" if entry.recorded_by else "本人扫码登记"]
    if celsius is not None:
        words.append(f"体温{celsius / 10:.1f}℃（{'门岗量' if by == MeasuredBy.GUARD else '自己量'}）")
    if first is None and entry.reasons:
        words.append(f"原因：{reasons_of(policy, entry.reasons)}")
    icon, kind = {
        Verdict.REFUSED: ("octagon-x", "no"), Verdict.ATTENTION: ("triangle-alert", "warn"),
    }.get(verdict, ("circle-check", "ok"))  # fmt: skip
    return Event(entry.occurred_at, kind, icon, f"登记，判定：{verdict.label}", "，".join(words))


def _measured(reading: Reading, after: Verdict) -> Event:
    icon, kind = {Verdict.REFUSED: ("octagon-x", "no"), Verdict.ATTENTION: ("triangle-alert", "warn")}.get(
        after, ("thermometer", "ok")
    )
    title = f"门岗实测{reading.celsius / 10:.1f}℃，判定：{after.label}"
    mask = "口罩戴好" if reading.masked else "没有戴口罩"
    words = f"{reading.by.name}，{mask}，原判定：{reading.before_verdict.label}"
    return Event(reading.at, kind, icon, title, words)


def later_attempts(session: Session, entry: CheckIn) -> Sequence[CheckIn]:
    """The forms that the same visitor sent after this refusal, found by the visitor's own indexes."""
    same = [
        column == value
        for column, value in (
            (CheckIn.mobile_index, entry.mobile_index),
            (CheckIn.device_index, entry.device_index),
        )
        if value is not None
    ]
    if not same:
        return []
    return session.scalars(
        select(CheckIn)
        .where(or_(*same), CheckIn.id > entry.id, CheckIn.earlier_id == entry.id)
        .order_by(CheckIn.id)
        .limit(20)
        .options(*_SHOWN)
    ).all()
