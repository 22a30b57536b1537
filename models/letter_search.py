"""Where each firm stands with its responsibility letter (责任书进度): one line a firm, or a place that a firm runs, with its latest
letter. Searched, counted and cut in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Label, Select, and_, case, cast, func, null, or_, select
from sqlalchemy.orm import Session, aliased

from . import finding
from .base import Labelled
from .enterprises import Enterprise, Premises
from .letters import EXPIRING, Letter, LetterKind, LetterState, valid
from .places import Place, PlaceKind

PLACE_KINDS = {LetterKind.PARK_OPERATOR: PlaceKind.PARK, LetterKind.BUILDING_OPERATOR: PlaceKind.BUILDING}
MOST_AT_ONCE = 20_000


class Track(Labelled):
    """What the list is filtered by."""

    NONE = "none", "没发"
    SENT = "sent", "没看过"
    READ = "read", "看过没签"
    SIGNED = "signed", "待会签"
    VALID = "valid", "有效"
    EXPIRING = "expiring", "30天内到期"
    OVER = "over", "已到期、已被替代"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the officer looks for. `within` is how far they reach, on Enterprise."""

    within: ColumnElement[bool]
    kind: LetterKind = LetterKind.ENTERPRISE
    text: str = ""
    unit_id: int | None = None
    street_id: int | None = None
    place_id: int | None = None
    least: int | None = None  # head count
    most: int | None = None
    track: Track | None = None


def lines(asked: Asked, today: date, now: datetime) -> Select[Any]:
    """The numbers of each line's firm, letter or None, and place or None, whoever has to do something first. The caller cuts it and
    asks for the `whole` of the cut: a district's rows are too wide to be put in order."""
    query, place = _with_letters(asked, now)
    if asked.track is not None:
        query = query.where(_test(asked.track, today))
    urgent = case(
        {LetterState.SIGNED: 0, LetterState.SUPERSEDED: 1, LetterState.SENT: 3, LetterState.READ: 3},
        value=Letter.state,
        else_=4,
    )
    rank = case((Letter.id.is_(None), 2), else_=urgent).label("rank")
    query = query.with_only_columns(
        rank, Enterprise.headcount, Enterprise.id, Letter.id.label("letter"), place
    )
    return query.order_by(rank, Enterprise.headcount.desc(), Enterprise.id, place)


def whole(lines: Select[Any]) -> Select[Any]:
    """(Enterprise, Letter or None, Place or None) of some `lines`, in their order."""
    line = lines.subquery()
    found: Any = (
        select(Enterprise, Letter, Place)
        .select_from(line)
        .join(Enterprise, Enterprise.id == line.c.id)
        .outerjoin(Letter, Letter.id == line.c.letter)
        .outerjoin(Place, Place.id == line.c.place)
        .order_by(line.c.rank, line.c.headcount.desc(), line.c.id, line.c.place)
    )
    return found


def counts(session: Session, asked: Asked, today: date, now: datetime) -> dict[Track | None, int]:
    """How many of each, whatever the list is filtered by; None: all."""
    query, _place = _with_letters(asked, now)
    sums = [func.count(case((_test(one, today), 1))) for one in Track]
    total, *numbers = session.execute(query.with_only_columns(func.count(Enterprise.id), *sums)).one()
    return {None: total, **dict(zip(Track, numbers, strict=True))}


def without_valid(asked: Asked, starts_on: date, now: datetime) -> Select[Any]:
    """(firm, place) of those that have none in force into a term that begins then, and none under way."""
    query, place = _firms(asked, now)
    standing = (
        select(Letter.id)
        .where(
            Letter.enterprise_id == Enterprise.id, Letter.kind == asked.kind, Letter.ended_at.is_(None), Letter.ends_on >= starts_on,
            or_(Letter.place_id == place.element, Letter.place_id.is_(None)),
        )
        .correlate_except(Letter)
    )  # fmt: skip
    return query.where(~standing.exists()).order_by(Enterprise.id, place)


def chosen(asked: Asked, now: datetime) -> Select[Any]:
    """(firm, place) of all that are asked for."""
    query, place = _firms(asked, now)
    return query.order_by(Enterprise.id, place)


def _firms(asked: Asked, now: datetime) -> tuple[Select[Any], Label[Any]]:
    """(firm, place or None) that are asked for, in no order; and which of the columns is the place's."""
    number, query = cast(null(), Integer).label("place"), select(Enterprise.id)
    if asked.kind in PLACE_KINDS:
        place = aliased(Place)
        mine = and_(
            place.operator_id == Enterprise.id,
            place.kind == PLACE_KINDS[asked.kind],
            place.closed_at.is_(None),
        )
        number, query = place.id.label("place"), query.join(place, mine)
    query = query.where(Enterprise.closed_at.is_(None), asked.within, *_asked_for(asked, now))
    return query.add_columns(number), number


def _with_letters(asked: Asked, now: datetime) -> tuple[Select[Any], Label[Any]]:
    """The same, each beside the newest letter."""
    query, place = _firms(asked, now)
    there = Letter.place_id == place.element if asked.kind in PLACE_KINDS else Letter.place_id.is_(None)
    mine = and_(Letter.enterprise_id == Enterprise.id, Letter.kind == asked.kind, Letter.newest, there)
    return query.outerjoin(Letter, mine), place


def _asked_for(asked: Asked, now: datetime) -> list[ColumnElement[bool]]:
    tests = list(finding.spelt(asked.text))
    if asked.unit_id is not None:
        tests.append(Enterprise.unit_id == asked.unit_id)
    if asked.street_id is not None:
        tests.append(Enterprise.street_id == asked.street_id)
    if asked.place_id is not None:
        here = select(Place.id).where(or_(Place.id == asked.place_id, Place.parent_id == asked.place_id))
        seated = select(Premises.enterprise_id).where(Premises.place_id.in_(here), Premises.holding(now))
        tests.append(Enterprise.id.in_(seated))
    if asked.least is not None:
        tests.append(Enterprise.headcount >= asked.least)
    if asked.most is not None:
        tests.append(Enterprise.headcount <= asked.most)
    return tests


def _test(track: Track, today: date) -> ColumnElement[bool]:
    soon = today + EXPIRING
    match track:
        case Track.NONE:
            return Letter.id.is_(None)
        case Track.VALID:
            return valid(today)
        case Track.EXPIRING:
            return and_(valid(today), Letter.starts_on <= today, Letter.ends_on < soon)
        case Track.OVER:
            ended = and_(Letter.state == LetterState.IN_FORCE, Letter.ends_on < today)
            return or_(ended, Letter.state == LetterState.SUPERSEDED)
        case _:
            return Letter.state == LetterState(track.value)
