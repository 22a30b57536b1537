"""The list for an evacuation (集合点名): everybody inside by enterprise and floor, for a phone, a printer, a phone without network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text
from sqlalchemy.orm import Session

from .base import local
from .cases import short_name
from .enterprises import Enterprise, Premises
from .gate import INSIDE, CheckIn, Kind
from .judging import Verdict
from .masks import mask_name
from .places import Place

T: Any = CheckIn.__table__
PERSON = (T.c.id, T.c.call_number, T.c.name, T.c.confirmed_at, T.c.occurred_at, T.c.enterprise_id, T.c.place_id,
          T.c.written, T.c.purpose)  # fmt: skip
UNSEEN = timedelta(hours=12)  # how long somebody whom no guard has looked at may still be about


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    call_number: int
    name: str  # masked
    confirmed: bool
    since: datetime
    about: str  # in which building, where that is another place's count; what was written that no enterprise is known by


@dataclass(slots=True)
class Group:
    """The people of one enterprise; or of one building, who named none."""

    title: str
    floors: tuple[str, ...] = ()
    people: list[Person] = field(default_factory=list)

    @property
    def order(self) -> tuple[Any, ...]:
        """By floor, 5层 before 12层; who named no floor last."""
        return (not self.floors, [_natural(floor) for floor in self.floors], self.title)


@dataclass(frozen=True, slots=True)
class Muster:
    """Everybody inside, and apart from them those who may be: registered, and never looked at by a guard."""

    groups: list[Group]
    unsure: list[Person]

    @property
    def people(self) -> int:
        return sum(len(group.people) for group in self.groups)

    @property
    def confirmed(self) -> int:
        return sum(person.confirmed for group in self.groups for person in group.people)


def muster(session: Session, places: Sequence[Place], now: datetime) -> Muster:
    """The list of these places: a place and, of a park, its buildings, the place itself first."""
    ids = [place.id for place in places]
    rows = session.execute(select(*PERSON).where(T.c.place_id.in_(ids), text(INSIDE)).order_by(T.c.id)).all()
    groups = _tenants(session, places[0], {row.enterprise_id for row in rows} - {None})
    building = {p.id: "" if p.id == places[0].id else short_name(p, places[0]) for p in places}
    nowhere = {
        number: Group(f"{name}{'，' if name else ''}没有写明去向") for number, name in building.items()
    }
    for row in rows:
        group = groups.get(row.enterprise_id) or nowhere[row.place_id]
        group.people.append(_person(row, building[row.place_id] if row.enterprise_id in groups else ""))
    unsure = session.execute(select(*PERSON).where(_unsure(ids, now)).order_by(T.c.id)).all()
    known = sorted((g for g in groups.values() if g.people), key=lambda group: group.order)
    return Muster(
        [*known, *(g for g in nowhere.values() if g.people)],
        [_person(row, building[row.place_id]) for row in unsure],
    )


def _tenants(session: Session, place: Place, enterprise_ids: set[int]) -> dict[int | None, Group]:
    """An empty group for each enterprise, with its floors in this park."""
    park = place.parent_id or place.id
    here = select(Place.id).where(or_(Place.id == park, Place.parent_id == park))
    sits = and_(
        Premises.enterprise_id == Enterprise.id, Premises.until_at.is_(None), Premises.place_id.in_(here)
    )
    rows = session.execute(
        select(Enterprise.id, Enterprise.name, Enterprise.short_name, Premises.room)
        .join(Premises, sits, isouter=True)
        .where(Enterprise.id.in_(enterprise_ids))
        .order_by(Enterprise.id, Premises.id)
    )
    found: dict[int | None, Group] = {}
    for number, name, short, room in rows:
        group = found.setdefault(number, Group(short or name))
        if room and room not in group.floors:
            group.floors = tuple(sorted((*group.floors, room), key=_natural))
    return found


def _unsure(place_ids: Sequence[int], now: datetime) -> ColumnElement[bool]:
    since = now - UNSEEN
    return and_(
        T.c.place_id.in_(place_ids), T.c.day >= local(since).date(), T.c.occurred_at > since,
        T.c.kind == Kind.ENTRY, T.c.left_at.is_(None), T.c.confirmed_at.is_(None),
        T.c.verdict != Verdict.REFUSED, or_(T.c.marks != "", T.c.verdict == Verdict.ATTENTION),
    )  # fmt: skip


def _person(row: Any, building: str) -> Person:
    about = [building, "" if row.enterprise_id else row.written or row.purpose]
    seen = row.confirmed_at is not None
    return Person(
        row.id, row.call_number, mask_name(row.name), seen, row.occurred_at, "，".join(filter(None, about))
    )


def _natural(words: str) -> list[tuple[int, str]]:
    """3号楼5层 before 3号楼12层."""
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", words) if part
    ]
