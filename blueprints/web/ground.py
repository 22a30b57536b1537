"""The ground that a page covers (范围): a place and, of a park, its buildings; the gates that somebody reaches."""

from __future__ import annotations

from collections.abc import Sequence

from flask import abort, request
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import contains_eager
from sqlalchemy.sql.base import ExecutableOption

from blueprints.web.guard import within_reach
from models.base import db
from models.places import Gate, Place


def _inside(place: Place) -> ColumnElement[bool]:
    return or_(Place.id == place.id, Place.parent_id == place.id)


def ground(place: Place, action: str) -> Sequence[Place]:
    """The place first, then its buildings, as far as the person at the door reaches them."""
    rows = db.session.scalars(
        select(Place)
        .where(_inside(place), within_reach(action, Place))
        .order_by(Place.parent_id.is_not(None), Place.id)
    )
    return rows.all()


def gates_in_reach(action: str, *load: ExecutableOption, of: Place | None = None) -> Sequence[Gate]:
    """The gates on which the person may take the action, a park's before those of its buildings, each with its place and
    what else is to `load`. `of` one place and its buildings, where a page is about it; else all but those of closed places.
    """
    where = Place.closed_at.is_(None) if of is None else _inside(of)
    rows = db.session.scalars(
        select(Gate)
        .join(Gate.place)
        .where(where, within_reach(action, Gate))
        .options(contains_eager(Gate.place), *load)
        .order_by(Place.parent_id.is_not(None), Place.id, Gate.id)
    )
    return rows.all()


def gate_asked(gates: Sequence[Gate]) -> Gate | None:
    """The gate of these that ?gate= names, without it the first; None where there are none. One out of reach is not there."""
    number = request.args.get("gate", type=int)
    if number is None:
        return gates[0] if gates else None
    return next((gate for gate in gates if gate.id == number), None) or abort(404)
