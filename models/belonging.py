"""What is within somebody's reach by where it belonged when it came to be (归属): of an enterprise or a place, for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from .enterprises import Enterprise, of_enterprises
from .places import Place


class Belonging:
    """For a table with district_id, street_id, community_id, unit_id, place_id and enterprise_id."""

    @classmethod
    def within(cls: Any, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """A scope reaches what belonged to it."""
        if scope == "place":
            found: ColumnElement[bool] = cls.place_id.in_(
                select(Place.id).where(or_(Place.id.in_(ids), Place.parent_id.in_(ids)))
            )
            return found
        columns: dict[str, Any] = {
            "district": cls.district_id, "street": cls.street_id, "community": cls.community_id, "unit": cls.unit_id,
            "enterprise": cls.enterprise_id,
        }  # fmt: skip
        return columns[scope].in_(ids) if scope in columns else None

    @classmethod
    def within_at(cls: Any, scope: str, ids: list[int], at: datetime) -> ColumnElement[bool] | None:
        """A place also reaches what concerns an enterprise that sits in it at that instant, wherever else it sits."""
        belonged: ColumnElement[bool] | None = cls.within(scope, ids)
        if scope != "place":
            return belonged
        sitting = of_enterprises(cls.enterprise_id, Enterprise.within_at(scope, ids, at))
        assert belonged is not None
        assert sitting is not None
        return or_(belonged, sitting)
