"""Notices that the clock raises (到点提醒): a gate that falls silent when it is busy, thermometers that read cold, faults.

Asked once a minute for the whole installation: a few statements over all gates, none of which reads more of the past than
the newest rows. What a gate is used to is worked out once a day (BusyHalf).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, case, cast, delete, extract, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from .base import local, reading
from .gate import CheckIn, Kind, Source
from .keeping import TimedTask
from .places import Gate, Place
from .watch import BusyHalf, Fault, FaultKind, GateNotice, NoticeKind

# SILENCE
BUSY_ENTRIES = 10  # entries in a half hour that make it a busy one
BUSY_DAYS, LOOKED_AT = 2, 3  # on so many of the last so many same weekdays
SILENT_FOR = timedelta(minutes=20)
MANY_GATES = (
    4  # where more than half of at least so many busy gates of a district are silent, it is a holiday
)
# COLD
COLD_WINDOW = timedelta(minutes=10)
COLD_MEASURED = 10  # measured rows that are needed to say anything
COLD_SHARE = 0.30
COLD_OVER = timedelta(minutes=20)  # it must have been over for so long
NEWEST = 20_000  # rows looked at for COLD: ten minutes of 33 check-ins a second

RHYTHM = "gate:rhythm"  # of TimedTask: when BusyHalf was last worked out
Wanted = dict[int, dict[str, Any]]  # gate -> the numbers that raise a notice
LOW = CheckIn.reasons.contains('"low"')  # judged below low_celsius by the scheme of its own day


@dataclass(frozen=True, slots=True)
class Raised:
    raised: int
    ended: int


def raise_notices(session: Session, now: datetime) -> Raised:
    """Raises what holds now and ends what does not. Run twice it changes nothing. The caller commits.

    It looks before it writes: SQLite's write lock, for which check-ins wait, is taken when there is something to write, and
    `session` has to be fresh for that. What the day's first run has learned is not committed yet, so it goes on in `session`.
    """
    learned = learn_rhythm(session, now)
    with nullcontext(session) if learned else _looking(session) as looking:
        found = {
            NoticeKind.SILENCE: _silent(looking, now),
            NoticeKind.COLD: _cold(looking, now),
            NoticeKind.FAULT: _faulty(looking, now),
        }
        places = _places_of(looking, {gate_id for wanted in found.values() for gate_id in wanted})
        open_now = {
            (row.gate_id, row.kind): row
            for row in looking.execute(
                select(GateNotice.id, GateNotice.gate_id, GateNotice.kind, GateNotice.facts).where(
                    GateNotice.ended_at.is_(None)
                )
            )
        }
    raised = 0
    for kind, wanted in found.items():
        for gate_id, facts in wanted.items():
            notice = open_now.pop((gate_id, kind), None)
            if notice is None:
                raised += _raise(session, kind, gate_id, places[gate_id], facts, now)
            elif kind == NoticeKind.COLD and notice.facts != _written(facts):
                _change(session, [notice.id], facts=_written(facts))
    over = [
        notice.id
        for notice in open_now.values()
        if notice.kind != NoticeKind.COLD or now - _last(notice.facts) >= COLD_OVER
    ]
    if over:
        _change(session, over, ended_at=now)
    return Raised(raised, len(over))


@contextmanager
def _looking(session: Session) -> Iterator[Session]:
    """A session of its own that only reads."""
    with reading(), Session(session.get_bind()) as looking:
        yield looking


def _change(session: Session, ids: Sequence[int], **values: Any) -> None:
    session.execute(update(GateNotice).where(GateNotice.id.in_(ids)).values(**values))


def _raise(
    session: Session, kind: NoticeKind, gate_id: int, place_id: int, facts: Mapping[str, Any], now: datetime
) -> bool:
    """False where another run was quicker: one open notice of a kind at a gate, says the index."""
    try:
        with session.begin_nested():
            session.add(
                GateNotice(
                    place_id=place_id, gate_id=gate_id, kind=kind, raised_at=now, facts=_written(facts)
                )
            )
    except IntegrityError:
        return False
    return True


def _places_of(session: Session, gate_ids: Collection[int]) -> dict[int, int]:
    return (
        dict(session.execute(select(Gate.id, Gate.place_id).where(Gate.id.in_(gate_ids))).all())
        if gate_ids
        else {}
    )


def _written(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)


def _last(facts: str) -> datetime:
    """When the cold was last seen."""
    return datetime.fromisoformat(json.loads(facts)["at"])


# --- silence ---


def half_of(at: datetime) -> int:
    here = local(at)
    return here.hour * 2 + here.minute // 30


def learn_rhythm(session: Session, now: datetime) -> bool:
    """Works out today's busy half hours, once a day: reads three days of every place, before it writes anything."""
    today = local(now).date()
    with _looking(session) as looking:
        done = looking.scalar(select(TimedTask.succeeded_at).where(TimedTask.name == RHYTHM))
        if done is not None and local(done).date() == today:
            return False
        busy = [
            {"gate_id": gate_id, "day": today, "half": half, "usual": usual}
            for gate_id, half, usual in looking.execute(_busy_halves(today))
        ]
    task = session.scalar(select(TimedTask).where(TimedTask.name == RHYTHM))
    if task is None:
        task = TimedTask(name=RHYTHM)
        session.add(task)
    task.ran_at = task.succeeded_at = now
    session.execute(delete(BusyHalf))
    if busy:
        session.execute(insert(BusyHalf), busy)
    session.flush()
    return True


def _busy_halves(today: date) -> Select[Any]:
    days = [today - timedelta(weeks=number) for number in range(1, LOOKED_AT + 1)]
    late = case((extract("minute", CheckIn.occurred_at) >= 30, 1), else_=0)  # Shanghai's minutes are UTC's
    half = (CheckIn.hour * 2 + late).label("half")
    open_places = select(Place.id).where(Place.closed_at.is_(None))
    each = (
        select(CheckIn.gate_id, CheckIn.day, half, func.count().label("entries"))
        .where(CheckIn.place_id.in_(open_places), CheckIn.day.in_(days), CheckIn.kind == Kind.ENTRY)
        .group_by(CheckIn.gate_id, CheckIn.day, half)
        .having(func.count() >= BUSY_ENTRIES)
        .subquery()
    )
    return (
        select(
            each.c.gate_id,
            each.c.half,
            cast(func.round(func.sum(each.c.entries) / func.count()), Integer),
        )
        .group_by(each.c.gate_id, each.c.half)
        .having(func.count() >= BUSY_DAYS)
    )


def _silent(session: Session, now: datetime) -> Wanted:
    """Gates that are open and usually busy all through the last 20 minutes, and where nobody has registered in them."""
    since = now - SILENT_FOR
    if local(since).date() != local(now).date():
        return {}
    halves = {half_of(since), half_of(now)}
    rows = session.execute(
        select(Gate, func.min(BusyHalf.usual))
        .join(BusyHalf, BusyHalf.gate_id == Gate.id)
        .join(Gate.place)
        .where(BusyHalf.day == local(now).date(), BusyHalf.half.in_(halves))
        .where(Gate.paused_at.is_(None), Place.closed_at.is_(None))
        .group_by(Gate.id)
        .having(func.count() == len(halves))
    ).all()
    usual = {gate.id: (gate, number) for gate, number in rows}
    places = {
        p.id: p for p in session.scalars(select(Place).where(Place.id.in_({g.place_id for g, _ in rows})))
    }
    busy = [
        gate
        for gate, _ in rows
        if places[gate.place_id].is_open(now) and places[gate.place_id].is_open(since)
    ]
    last = _last_registered(session, [gate.id for gate in busy], local(now).date())
    silent = [gate for gate in busy if last.get(gate.id) is None or last[gate.id] <= since]
    all_of = Counter(places[gate.place_id].district_id for gate in busy)
    silent_of = Counter(places[gate.place_id].district_id for gate in silent)
    holiday = {d for d, n in silent_of.items() if all_of[d] >= MANY_GATES and n * 2 > all_of[d]}
    return {
        gate.id: {"usual": usual[gate.id][1]}
        for gate in silent
        if places[gate.place_id].district_id not in holiday
    }


def _last_registered(session: Session, gate_ids: Sequence[int], today: date) -> dict[int, datetime]:
    """When somebody last registered at each of these gates today: each from the newest end of its place's index."""
    if not gate_ids:
        return {}
    last = (
        select(CheckIn.occurred_at)
        .where(
            CheckIn.place_id == Gate.place_id, CheckIn.day == today, CheckIn.gate_id == Gate.id,
            CheckIn.source != Source.PAPER,
        )
        .order_by(CheckIn.id.desc())
        .limit(1)
        .correlate(Gate)
        .scalar_subquery()
    )  # fmt: skip
    rows = session.execute(select(Gate.id, last).where(Gate.id.in_(gate_ids)))
    return {gate_id: at for gate_id, at in rows if at is not None}


# --- cold ---


def _cold(session: Session, now: datetime) -> Wanted:
    """Gates where more than three in ten of the last ten minutes' readings were too low to be true."""
    today = local(now).date()
    newest = session.scalar(select(func.max(CheckIn.id))) or 0  # of any day: the key alone tells it
    low = func.sum(case((LOW, 1), else_=0))
    rows = session.execute(
        select(CheckIn.gate_id, func.count(), low)
        .where(
            CheckIn.day == today, CheckIn.id > newest - NEWEST, CheckIn.celsius.is_not(None),
            CheckIn.occurred_at > now - COLD_WINDOW, CheckIn.occurred_at <= now,
            CheckIn.source != Source.PAPER,
        )
        .group_by(CheckIn.gate_id)
        .having(func.count() >= COLD_MEASURED)
    )  # fmt: skip
    return {
        gate_id: {"measured": measured, "low": cold, "at": now.isoformat()}
        for gate_id, measured, cold in rows
        if cold > COLD_SHARE * measured
    }


# --- faults ---


def _faulty(session: Session, now: datetime) -> Wanted:
    faults = session.scalars(select(Fault).where(Fault.holding(now)).order_by(Fault.until_at))
    return {
        fault.gate_id: {"kind": fault.kind.value, "until": fault.until_at.isoformat()} for fault in faults
    }


# --- as they are read ---


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice in words: what is the matter, and what to do."""

    kind: NoticeKind
    gate_id: int
    title: str
    sentence: str
    to_do: str
    since: datetime


def open_notices(session: Session, place_ids: Collection[int], gate_id: int | None = None) -> list[Shown]:
    """The notices that are open at these places, or at one gate of them, the newest first."""
    query = (
        select(GateNotice)
        .where(GateNotice.place_id.in_(place_ids), GateNotice.ended_at.is_(None))
        .options(joinedload(GateNotice.gate))
        .order_by(GateNotice.raised_at.desc(), GateNotice.id.desc())
    )
    if gate_id is not None:
        query = query.where(GateNotice.gate_id == gate_id)
    return [_shown(notice) for notice in session.scalars(query)]


def _shown(notice: GateNotice) -> Shown:
    facts = json.loads(notice.facts) if notice.facts else {}
    title, sentence, to_do = _WORDS[notice.kind](facts)
    return Shown(
        notice.kind, notice.gate_id, f"{notice.gate.name}：{title}", sentence, to_do, notice.raised_at
    )


def _silence_words(facts: Mapping[str, Any]) -> tuple[str, str, str]:
    minutes = int(SILENT_FOR.total_seconds() // 60)
    usual = f"平常这个时候半小时有{facts['usual']}人左右，" if "usual" in facts else ""
    return (
        f"{minutes}分钟没有人登记",
        f"{usual}现在没有人登记。",
        "看一看：海报还在不在，码扫不扫得开，人是不是走了别的门。",
    )


def _cold_words(facts: Mapping[str, Any]) -> tuple[str, str, str]:
    counted = f"最近10分钟量了{facts['measured']}人，{facts['low']}人偏低。" if "measured" in facts else ""
    return "移到室内测", f"{counted}天冷，额头上量不准。", "请把测温移到室内，或者让人进屋暖一暖再量。"


def _fault_words(facts: Mapping[str, Any]) -> tuple[str, str, str]:
    kind = FaultKind(facts["kind"]).label if "kind" in facts else "体温计用不了"
    until = f"，到{local(datetime.fromisoformat(facts['until'])):%H:%M}" if "until" in facts else ""
    return "测温故障", f"{kind}{until}。登记照常，写“未测（设备故障）”。", "修好了，请门岗报一声。"


_WORDS = {
    NoticeKind.SILENCE: _silence_words,
    NoticeKind.COLD: _cold_words,
    NoticeKind.FAULT: _fault_words,
}
