"""The timed work of the ledger (定时记报送台账): everybody once a day, and each minute whoever an order, a move or a closure
has touched."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from .closures import Closure
from .enterprises import Enterprise, Premises
from .ledger import Ledger
from .places import ModeOrder, Place
from .policy.workdays import HOLIDAYS
from .timed import DAY, LOG, Tick, same_period

AT_ONCE = 200  # enterprises that a transaction looks after: on SQLite visitors wait for it
MARGIN = timedelta(minutes=5)  # an order may be written while a pass is under way
STILL_LOOKED_AT = timedelta(days=40)  # after an enterprise has closed


def reached_by(scope: str, scope_id: int, at: datetime) -> ColumnElement[bool]:
    """The enterprises that an order over this scope reaches at an instant: registered in it, or sitting in a place of it."""
    inside = Place.within(scope, [scope_id])
    assert inside is not None, scope
    sitting = select(Premises.enterprise_id).where(
        Premises.place_id.in_(select(Place.id).where(inside)), Premises.holding(at)
    )
    own: dict[str, ColumnElement[bool]] = {
        "district": Enterprise.district_id == scope_id, "street": Enterprise.street_id == scope_id,
        "community": Enterprise.community_id == scope_id,
    }  # fmt: skip
    return or_(own[scope], Enterprise.id.in_(sitting)) if scope in own else Enterprise.id.in_(sitting)


def keep(tick: Tick) -> None:
    """Every minute whoever a change of mode, a move or a closure has touched since; with the first pass of a day everybody, for a new day
    opens a new period. In short transactions, so that whoever is interrupted only begins again."""
    ledger = Ledger(tick.book, tick.now, kept_at=tick.since)
    whole_day = tick.since is None or not same_period(tick.since, tick.now, DAY)
    with tick.looking() as session:
        whom = (
            None
            if whole_day
            else _touched(session, tick.since - MARGIN if tick.since else tick.now, tick.now)
        )
    if whole_day and (year := tick.book.days.lacks(ledger.today)) is not None:
        LOG.warning("holidays of %s are not entered: %s in SITE_POLICY_DIR", year, HOLIDAYS)
    if whom is None and not whole_day:
        return
    last = 0
    while True:
        with tick.looking() as session:
            ids = _next(session, whom, last, ledger.today)
            changed = list(ledger.changes(session, ids)) if ids else []
        if not ids:
            return
        if changed:
            with tick.writing() as session:
                ledger.store(session, changed)
        last = ids[-1]


def _next(session: Session, whom: ColumnElement[bool] | None, after: int, today: date) -> list[int]:
    """The next enterprises that are, or were until lately, open."""
    open_ones = or_(Enterprise.closed_on.is_(None), Enterprise.closed_on >= today - STILL_LOOKED_AT)
    query = (
        select(Enterprise.id).where(Enterprise.id > after, open_ones).order_by(Enterprise.id).limit(AT_ONCE)
    )
    return list(session.scalars(query if whom is None else query.where(whom)))


def _touched(session: Session, since: datetime, now: datetime) -> ColumnElement[bool] | None:
    """Enterprises that an order has begun or ceased to reach, that have moved, or of whose closures somebody has spoken; None where
    nothing happened."""
    orders = session.scalars(
        select(ModeOrder).where(
            or_(ModeOrder.starts_at.between(since, now), ModeOrder.ended_at.between(since, now))
        )
    ).all()
    moved = select(Premises.enterprise_id).where(
        or_(Premises.from_at.between(since, now), Premises.until_at.between(since, now))
    )
    closed = Enterprise.closed_at.between(since, now)
    on_leave = select(Closure.enterprise_id).where(Closure.changed_at.between(since, now))
    conditions = [reached_by(order.scope, order.scope_id, now) for order in orders]
    if session.scalar(moved.limit(1)) is not None:
        conditions.append(Enterprise.id.in_(moved))
    if session.scalar(on_leave.limit(1)) is not None:
        conditions.append(Enterprise.id.in_(on_leave))
    if session.scalar(select(Enterprise.id).where(closed).limit(1)) is not None:
        conditions.append(closed)
    return or_(*conditions) if conditions else None
