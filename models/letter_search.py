"""Where each firm stands with its responsibility letter (责任书进度): one line a firm, or a place that a firm runs, with its latest
letter. Searched, counted and cut in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select
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
    """(Enterprise, Letter or None, Place or None), whoever has to do something first."""
    query, place = _joined(asked)
    query = query.where(asked.within, *_asked_for(asked, now))
    if asked.track is not None:
        query = query.where(_test(asked.track, today))
    urgent = case(
        {LetterState.SIGNED: 0, LetterState.SUPERSEDED: 1, LetterState.SENT: 3, LetterState.READ: 3},
        value=Letter.state,
        else_=4,
    )
    order = case((Letter.id.is_(None), 2), else_=urgent)
    return query.order_by(order, Enterprise.headcount.desc(), Enterprise.id, place.id)


def counts(session: Session, asked: Asked, today: date, now: datetime) -> dict[Track | None, int]:
    """How many of each, whatever the list is filtered by; None: all."""
    query, _place = _joined(asked)
    rows = query.where(asked.within, *_asked_for(asked, now)).order_by(None)
    sums = [func.coalesce(func.sum(case((_test(one, today), 1), else_=0)), 0) for one in Track]
    total, *numbers = session.execute(rows.with_only_columns(func.count(Enterprise.id), *sums)).one()
    return {None: total, **dict(zip(Track, numbers, strict=True))}


def without_valid(asked: Asked, starts_on: date, now: datetime) -> Select[Any]:
    """(firm, place) of those that have none in force into a term that begins then, and none under way."""
    query, place = _joined(asked)
    standing = (
        select(Letter.id)
        .where(
            Letter.enterprise_id == Enterprise.id, Letter.kind == asked.kind, Letter.ended_at.is_(None), Letter.ends_on >= starts_on,
            or_(Letter.place_id == place.id, Letter.place_id.is_(None)),
        )
        .correlate(Enterprise, place)
    )  # fmt: skip
    query = query.where(asked.within, *_asked_for(asked, now), ~standing.exists())
    return query.with_only_columns(Enterprise.id, place.id).order_by(Enterprise.id, place.id)


def chosen(asked: Asked, now: datetime) -> Select[Any]:
    """(firm, place) of all that are asked for."""
    query, place = _joined(asked)
    query = query.where(asked.within, *_asked_for(asked, now))
    return query.with_only_columns(Enterprise.id, place.id).order_by(Enterprise.id, place.id)


def _joined(asked: Asked) -> tuple[Select[Any], Any]:
    place, other = aliased(Place), aliased(Letter)
    latest = (
        select(func.max(other.id))
        .where(
            other.enterprise_id == Enterprise.id, other.kind == asked.kind, other.state != LetterState.VOIDED
        )
        .correlate(Enterprise, place)
    )
    runs = PLACE_KINDS.get(asked.kind)
    query: Any = (
        select(Enterprise, Letter, place).select_from(Enterprise).where(Enterprise.closed_at.is_(None))
    )
    if runs is None:
        query = query.outerjoin(place, false())
        latest = latest.where(other.place_id.is_(None))
    else:
        query = query.join(
            place, and_(place.operator_id == Enterprise.id, place.kind == runs, place.closed_at.is_(None))
        )
        latest = latest.where(other.place_id == place.id)
    return query.outerjoin(Letter, Letter.id == latest.scalar_subquery()), place


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
