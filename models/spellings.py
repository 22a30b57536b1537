"""What visitors write for where they go (去向的写法): spellings nobody knew, and settling one once for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from .base import RuleBroken, local
from .enterprises import Enterprise, Premises, Spelling
from .gate import CheckIn, fold
from .places import Place

LOOK_BACK = timedelta(days=30)
SHOWN = 100


@dataclass(slots=True)
class Unmatched:
    """A spelling that named no enterprise, with all its ways of being written, over all the places at hand."""

    folded: str
    written: str  # as most visitors write it
    count: int
    last_on: date
    place_ids: list[int]  # where it was written


def unmatched(session: Session, place_ids: Sequence[int], now: datetime) -> list[Unmatched]:
    """The spellings of the last 30 days that lead to no enterprise and are not settled, the most frequent first."""
    rows = session.execute(
        select(CheckIn.place_id, CheckIn.written, func.count(), func.max(CheckIn.day))
        .where(*_unknown(place_ids, now))
        .group_by(CheckIn.place_id, CheckIn.written)
        .order_by(func.count().desc(), CheckIn.written, CheckIn.place_id)
    )
    settled = _settled(session, place_ids)
    found: dict[str, Unmatched] = {}
    for place_id, written, count, last_on in rows:
        folded = fold(written)
        if not folded or (place_id, folded) in settled:
            continue
        known = found.setdefault(folded, Unmatched(folded, written, 0, last_on, []))
        known.count += count
        known.last_on = max(known.last_on, last_on)
        if place_id not in known.place_ids:
            known.place_ids.append(place_id)
    return sorted(found.values(), key=lambda one: (-one.count, one.written))[:SHOWN]


def _settled(session: Session, place_ids: Collection[int]) -> set[tuple[int, str]]:
    rows = session.execute(
        select(Spelling.place_id, Spelling.written).where(Spelling.place_id.in_(place_ids))
    )
    return {(place_id, written) for place_id, written in rows}


def tenants(session: Session, place: Place, now: datetime) -> Sequence[Enterprise]:
    """The enterprises that sit here now; of a park, with its buildings', of a building, with the park's."""
    inside = select(Place.id).where(
        or_(Place.id == place.id, Place.parent_id == place.id, Place.id == (place.parent_id or place.id))
    )
    return session.scalars(
        select(Enterprise)
        .where(Enterprise.id.in_(
            select(Premises.enterprise_id).where(Premises.place_id.in_(inside), Premises.holding(now))
        ))
        .order_by(Enterprise.name)
    ).all()  # fmt: skip


def named(typed: str, among: Sequence[Enterprise]) -> Enterprise:
    """The one of these enterprises that somebody means; RuleBroken where it is none or more than one."""
    wanted = fold(typed)
    if not wanted:
        raise RuleBroken("请填一家入驻企业")
    exact = [e for e in among if wanted in (fold(e.name), fold(e.short_name), fold(e.initials))]
    found = exact or [e for e in among if wanted in fold(e.name)]
    if not found:
        raise RuleBroken(f"入驻企业里没有“{typed.strip()}”，请从下拉名单里选")
    if len(found) > 1:
        raise RuleBroken(f"有{len(found)}家企业叫“{typed.strip()}”，请填全称")
    return found[0]


def map_to(
    session: Session,
    place_ids: Sequence[int],
    written: str,
    enterprise: Enterprise,
    *,
    now: datetime,
    by_id: int,
) -> int:
    """From now on this spelling means this enterprise, at those of the places where visitors write it, in earlier rows
    too; says in how many. The same words may mean something else in another building."""
    folded = _folded(written)
    here = [one for one in unmatched(session, place_ids, now) if one.folded == folded]
    where = _settle(session, here[0].place_ids if here else place_ids, folded, enterprise.id, now, by_id)
    return _reassign(session, where, folded, now, CheckIn.enterprise_id.is_(None), enterprise.id)


def set_aside(session: Session, place_ids: Sequence[int], written: str, *, now: datetime, by_id: int) -> None:
    """Says that this spelling names no enterprise at any of these places: nobody is asked about it again."""
    _settle(session, place_ids, _folded(written), None, now, by_id)


def _folded(written: str) -> str:
    folded = fold(written)
    if not folded:
        raise RuleBroken("这个写法里没有字，不能对应企业")
    return folded


def _settle(
    session: Session,
    place_ids: Iterable[int],
    folded: str,
    enterprise_id: int | None,
    now: datetime,
    by_id: int,
) -> list[int]:
    place_ids = list(place_ids)
    settled = _settled(session, place_ids)
    where = [place_id for place_id in place_ids if (place_id, folded) not in settled]
    if not where:
        raise RuleBroken(f"“{folded}”已经有了结论，要改请先撤销")
    session.add_all(
        Spelling(
            place_id=place_id, written=folded, enterprise_id=enterprise_id, mapped_by_id=by_id, mapped_at=now
        )
        for place_id in where
    )
    session.flush()
    return where


def undo(session: Session, spelling: Spelling, place_ids: Sequence[int], *, now: datetime) -> int:
    """Forgets what was said of a spelling, at all of these places where the same was said: the rows that it matched stand
    unmatched again; says how many."""
    same = session.scalars(
        select(Spelling).where(
            Spelling.place_id.in_(place_ids),
            Spelling.written == spelling.written,
            Spelling.enterprise_id.is_not_distinct_from(spelling.enterprise_id),
        )
    ).all()
    for one in same:
        session.delete(one)
    session.flush()
    if spelling.enterprise_id is None:
        return 0
    where, matched = [one.place_id for one in same], CheckIn.enterprise_id == spelling.enterprise_id
    return _reassign(session, where, spelling.written, now, matched, None)


@dataclass(slots=True)
class Settled:
    """What was said of a spelling, once for all the places where the same was said."""

    spelling: Spelling  # one of them: undoing it undoes all
    place_ids: list[int]


def settled(session: Session, place_ids: Sequence[int]) -> list[Settled]:
    """The newest first."""
    rows = session.scalars(
        select(Spelling)
        .where(Spelling.place_id.in_(place_ids))
        .order_by(Spelling.mapped_at.desc(), Spelling.id.desc())
        .options(joinedload(Spelling.enterprise))
    )
    found: dict[tuple[str, int | None], list[Spelling]] = defaultdict(list)
    for spelling in rows:
        found[spelling.written, spelling.enterprise_id].append(spelling)
    return [Settled(same[0], [one.place_id for one in same]) for same in found.values()]


def _reassign(
    session: Session,
    place_ids: Sequence[int],
    folded: str,
    now: datetime,
    which: ColumnElement[bool],
    enterprise_id: int | None,
) -> int:
    recent = (
        CheckIn.place_id.in_(place_ids),
        CheckIn.day > local(now).date() - LOOK_BACK,
        CheckIn.written != "",
        which,
    )
    ways = [
        written
        for written in session.scalars(select(CheckIn.written).where(*recent).distinct())
        if fold(written) == folded
    ]
    if not ways:
        return 0
    changed = session.execute(
        update(CheckIn)
        .where(*recent, CheckIn.written.in_(ways))
        .values(enterprise_id=enterprise_id)
        .returning(CheckIn.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())


def _unknown(place_ids: Sequence[int], now: datetime):
    return (
        CheckIn.place_id.in_(place_ids), CheckIn.day > local(now).date() - LOOK_BACK,
        CheckIn.enterprise_id.is_(None), CheckIn.written != "",
    )  # fmt: skip
