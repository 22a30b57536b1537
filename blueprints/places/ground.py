"""The ground that a page of a place covers (范围): the place itself and, of a park, its buildings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_, select

from blueprints.web.guard import within_reach
from blueprints.web.site import site
from models.base import db
from models.places import Adoption, Place
from models.policy.schema import Policy


def ground(place: Place, action: str) -> Sequence[Place]:
    """The place first, then its buildings, as far as the person at the door reaches them."""
    inside = or_(Place.id == place.id, Place.parent_id == place.id)
    rows = db.session.scalars(
        select(Place)
        .where(inside, within_reach(action, Place))
        .order_by(Place.parent_id.is_not(None), Place.id)
    )
    return rows.all()


def policy_on(place: Place, day: date) -> Policy | None:
    """The scheme that the place's district follows on this day."""
    return site.book.in_force(
        db.session.scalars(select(Adoption).where(Adoption.district_id == place.district_id)), day
    )
