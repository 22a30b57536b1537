"""How much is going on, for those who run the site (运行量): numbers without place or person."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .gate import CheckIn
from .judging import Verdict
from .places import Place


def check_ins_on(session: Session, day: date) -> dict[Verdict, int]:
    """All attempts of a day by verdict. By place, for that is how the index finds a day among years of them."""
    counted = (
        select(CheckIn.verdict, func.count())
        .where(CheckIn.place_id.in_(select(Place.id)), CheckIn.day == day)
        .group_by(CheckIn.verdict)
    )
    found = dict(session.execute(counted).all())
    return {verdict: found.get(verdict, 0) for verdict in Verdict}
