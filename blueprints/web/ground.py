"""The ground that a page of a place covers (范围): the place itself and, of a park, its buildings."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select

from blueprints.web.guard import within_reach
from models.base import db
from models.places import Place


def ground(place: Place, action: str) -> Sequence[Place]:
    """The place first, then its buildings, as far as the person at the door reaches them."""
    inside = or_(Place.id == place.id, Place.parent_id == place.id)
    rows = db.session.scalars(
        select(Place)
        .where(inside, within_reach(action, Place))
        .order_by(Place.parent_id.is_not(None), Place.id)
    )
    return rows.all()
