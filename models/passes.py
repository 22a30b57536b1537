"""What a pass shows (通行证上的内容): a check-in with its place, from one statement that every open pass asks once a minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Engine,
    bindparam,
    case,
    exists,
    func,
    select,
    true,
    type_coerce,
)
from sqlalchemy.engine import Dialect

from .base import UTCDateTime
from .driver import Ready, reading_from
from .gate import CheckIn, Kind, Reading
from .judging import Verdict
from .places import District, Gate, GateCode, Place

T: Any = CheckIn.__table__
SHOWN = (T.c.id, T.c.place_id, T.c.gate_id, T.c.occurred_at, T.c.kind, T.c.call_number, T.c.name, T.c.mobile, T.c.written,
         T.c.celsius, T.c.measured_by, T.c.masked, T.c.mode, T.c.scheme_key, T.c.verdict, T.c.reasons, T.c.marks,
         T.c.recheck_asked_at, T.c.hand_reason, T.c.confirmed_at, T.c.left_at)  # fmt: skip


def find(engine: Engine, nonce: bytes, today: date) -> Any | None:
    """The row of this nonce with the names around it; None where there is none.

    Nearly every pass is of today. On PostgreSQL the weeks before and after are not even looked into then, which is half of the work.
    """
    days = {"since": today - timedelta(days=1), "until": today}
    with reading_from(engine) as connection:
        found = connection.run(_find_lately, {"of_nonce": nonce, **days})
        found = found or connection.run(_find, {"of_nonce": nonce})
    return found[0] if found else None


def companions(engine: Engine, nonce: bytes) -> list[Any]:
    """The rows of whoever came along with the one of this nonce, in the order of the form."""
    with reading_from(engine) as connection:
        return connection.run(_companions, {"of_nonce": nonce})


@cache
def _find_lately(dialect: Dialect) -> Ready:
    return _ready(T.c.nonce == bindparam("of_nonce"), dialect, _lately)


@cache
def _find(dialect: Dialect) -> Ready:
    return _ready(T.c.nonce == bindparam("of_nonce"), dialect)


@cache
def _companions(dialect: Dialect) -> Ready:
    return _ready(T.c.party == bindparam("of_nonce"), dialect)


def _lately(table: Any) -> ColumnElement[bool]:
    return table.c.day.between(bindparam("since", type_=Date), bindparam("until", type_=Date))


def _ready(
    which: Any, dialect: Dialect, when: Callable[[Any], ColumnElement[bool]] = lambda _: true()
) -> Ready:
    return Ready(
        select(
            *SHOWN, _measured_at(), _first_at(when), _code(), _accompanied(when),
            Place.name.label("place_name"), Place.phone.label("place_phone"), Gate.name.label("gate_name"),
            District.name.label("district_name"), District.organiser, District.slug.label("district_slug"),
        )
        .join(Place, Place.id == T.c.place_id)
        .join(Gate, Gate.id == T.c.gate_id)
        .join(District, District.id == T.c.district_id)
        .where(which, when(T))
        .order_by(T.c.id),
        dialect,
    )  # fmt: skip


def _measured_at() -> Any:
    """Since when the temperature on the pass holds: the guard's last reading, else the visitor's own."""
    last = select(Reading.at).where(Reading.check_in_id == T.c.id).order_by(Reading.id.desc()).limit(1)
    return func.coalesce(last.scalar_subquery(), T.c.occurred_at, type_=UTCDateTime()).label("measured_at")


def _first_at(when: Callable[[Any], ColumnElement[bool]]) -> Any:
    """Of somebody who comes again: when they first came in here today. By the mobile, else by the device."""
    earlier: Any = T.alias("earlier")

    def first(same: Any) -> Any:
        before = select(earlier.c.occurred_at).where(
            same,
            earlier.c.place_id == T.c.place_id,
            earlier.c.day == T.c.day,
            when(earlier),
            earlier.c.id < T.c.id,
            earlier.c.verdict != Verdict.REFUSED,
        )
        return before.order_by(earlier.c.id).limit(1).correlate(T).scalar_subquery()

    found = case(
        (T.c.kind != Kind.AGAIN, None),
        (T.c.mobile_index.is_not(None), first(earlier.c.mobile_index == T.c.mobile_index)),
        else_=first(earlier.c.device_index == T.c.device_index),
    )
    return type_coerce(found, UTCDateTime()).label("first_at")


def _accompanied(when: Callable[[Any], ColumnElement[bool]]) -> Any:
    """Whether somebody came along."""
    other: Any = T.alias("other")
    return exists(select(other.c.id).where(other.c.party == T.c.nonce, when(other))).label("accompanied")


def _code() -> Any:
    """The code that the gate has now."""
    code = (
        select(GateCode.code).where(GateCode.gate_id == T.c.gate_id, GateCode.revoked_at.is_(None)).limit(1)
    )
    return code.scalar_subquery().label("code")
