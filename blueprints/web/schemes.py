"""The scheme that a district follows on a day (方案)."""

from __future__ import annotations

from datetime import date

from blueprints.web.site import site
from models.base import db
from models.office import adoptions_of
from models.policy.schema import Policy


def policy_on(district_id: int, day: date) -> Policy | None:
    """None where the district has adopted none by then."""
    return site.book.in_force(adoptions_of(db.session(), district_id), day)
