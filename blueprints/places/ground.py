"""The ground that a page of a place covers, and the scheme that holds there (范围、方案)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from blueprints.web.ground import ground
from blueprints.web.site import site
from models.base import db
from models.places import Adoption, Place
from models.policy.schema import Policy

__all__ = ["ground", "policy_on"]


def policy_on(place: Place, day: date) -> Policy | None:
    """The scheme that the place's district follows on this day."""
    return site.book.in_force(
        db.session.scalars(select(Adoption).where(Adoption.district_id == place.district_id)), day
    )
