"""What visitors call an enterprise (去向的写法): spellings nobody knew, and mapping one once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from .base import RuleBroken, local
from .enterprises import Enterprise, Premises, Spelling
from .gate import CheckIn, fold
from .places import Place

LOOK_BACK = timedelta(days=30)
SHOWN = 100


@dataclass(slots=True)
class Unmatched:
    """A spelling that named no enterprise, with all its ways of being written."""

    place_id: int
    folded: str
    written: str  # as most visitors write it
    count: int
    last_on: date


def unmatched(session: Session, place_ids: Sequence[int], now: datetime) -> list[Unmatched]:
    """The spellings of the last 30 days that lead to no enterprise, the most frequent first."""
    rows = session.execute(
        select(CheckIn.place_id, CheckIn.written, func.count(), func.max(CheckIn.day))
        .where(*_unknown(place_ids, now))
        .group_by(CheckIn.place_id, CheckIn.written)
        .order_by(func.count().desc(), CheckIn.written)
    )
    found: dict[tuple[int, str], Unmatched] = {}
    for place_id, written, count, last_on in rows:
        folded = fold(written)
        if not folded:
            continue
        known = found.setdefault((place_id, folded), Unmatched(place_id, folded, written, 0, last_on))
        known.count += count
        known.last_on = max(known.last_on, last_on)
    return sorted(found.values(), key=lambda one: (-one.count, one.written))[:SHOWN]


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
    session: Session, place: Place, written: str, enterprise: Enterprise, *, now: datetime, by_id: int
) -> int:
    """From now on this spelling means this enterprise here, in earlier rows too; says in how many."""
    folded = fold(written)
    if not folded:
        raise RuleBroken("这个写法里没有字，不能对应企业")
    if session.scalar(select(Spelling.id).where(Spelling.place_id == place.id, Spelling.written == folded)):
        raise RuleBroken(f"“{written}”已经有对应的企业，要改请先撤销")
    session.add(
        Spelling(
            place_id=place.id, written=folded, enterprise_id=enterprise.id, mapped_by_id=by_id, mapped_at=now
        )
    )
    session.flush()
    return _reassign(session, place.id, folded, now, CheckIn.enterprise_id.is_(None), enterprise.id)


def undo(session: Session, spelling: Spelling, *, now: datetime) -> int:
    """Forgets a mapping: the rows that it matched stand unmatched again; says how many."""
    session.delete(spelling)
    session.flush()
    matched = CheckIn.enterprise_id == spelling.enterprise_id
    return _reassign(session, spelling.place_id, spelling.written, now, matched, None)


def mapped(session: Session, place_ids: Sequence[int]) -> Sequence[Spelling]:
    return session.scalars(
        select(Spelling)
        .where(Spelling.place_id.in_(place_ids))
        .order_by(Spelling.mapped_at.desc(), Spelling.id.desc())
        .options(joinedload(Spelling.enterprise))
    ).all()


def _reassign(
    session: Session, place_id: int, folded: str, now: datetime, which, enterprise_id: int | None
) -> int:
    recent = (
        CheckIn.place_id == place_id,
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
