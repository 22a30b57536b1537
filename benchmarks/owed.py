"""A year of reports that are owed (造一年的报送): weekly, daily in two emergencies, some late, missing, excused; written by
the database itself, the same at every size but for how many enterprises there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from models import report_tally
from models.base import db, local, to_write
from models.ledger import _shape, _wall
from models.obligations import Kind
from models.office import adoptions_of
from models.places import ModeOrder
from models.policy.book import Book
from models.policy.periods import Stretch, frame, partition
from models.policy.schema import Mode
from tests import make

A_YEAR = timedelta(days=364)
EMERGENCIES = (
    (timedelta(days=240), timedelta(days=30)),
    (timedelta(days=70), timedelta(days=30)),
)  # how long ago, how long

# One period for everybody who is open. What came of it follows from the enterprise's number, the same each time.
PERIOD = """
INSERT INTO obligation (enterprise_id, district_id, street_id, community_id, unit_id, place_id, size, mode, kind, scheme_key,
mode_order_id, cut, whole, first_on, last_on, opens_at, soon_at, due_at, locks_at, made_at, void_reason, excuse_reason, version, zero,
figures, changed_after_acceptance, received_at, review, excused_at, zero_at_due, returned_at_due)
SELECT e.id, e.district_id, e.street_id, e.community_id, e.unit_id,
(SELECT p.place_id FROM premises p WHERE p.enterprise_id = e.id ORDER BY p.from_at, p.id LIMIT 1),
NULL, :mode, :kind, :scheme, :of_order, :cut, :whole, :first_on, :last_on, :opens_at, :soon_at, :due_at, :locks_at, :opens_at, '',
CASE WHEN e.r >= 99 THEN '停业' ELSE '' END, CASE WHEN e.r < :come THEN 1 ELSE 0 END, e.r < :come AND e.r < 60,
CASE WHEN e.r < :come THEN CAST('{"expected": 112, "present": 110, "absent_ill": 1, "fever": 0, "visitors": 3}' AS JSON) END, :no,
CASE WHEN e.r >= :come THEN NULL WHEN e.r < 80 THEN CAST(:early AS TIMESTAMPTZ) ELSE CAST(:late AS TIMESTAMPTZ) END,
CASE WHEN e.r >= :come THEN NULL WHEN e.r = 59 THEN 'returned' WHEN :waits AND e.r % 10 = 1 THEN 'waiting' ELSE 'accepted' END,
CASE WHEN e.r >= 99 THEN CAST(:opens_at AS TIMESTAMPTZ) END, e.r < :come AND e.r < 60, :no
FROM (SELECT n.*, (n.id * 7919 + :number * 104729) % 101 AS r FROM enterprise n WHERE n.closed_at IS NULL) e
"""
ON_SQLITE = re.compile(r"CAST\((.*?) AS (?:JSON|TIMESTAMPTZ)\)")


def fill(book: Book, town: make.Town, now: datetime) -> int:
    """A year for every enterprise that is open; how many rows."""
    orders = [_order(town, now - ago, long) for ago, long in EMERGENCIES]
    stretches = [Stretch(_wall(one.starts_at), _wall(one.ended_at), one.id) for one in orders if one.ended_at]
    rules = book.rules(adoptions_of(db.session(), town.district.id))
    db.session.rollback()
    policy = rules.on(local(now).date())
    assert policy is not None
    first = frame(policy.reporting[Mode.NORMAL], local(now - A_YEAR).date())[0]
    periods = partition(rules, first, local(now).date(), stretches)
    with to_write(), db.engine.begin() as connection, _without_indexes(connection):
        for number, one in enumerate(periods):
            shape = _shape(one, Kind(book.get(one.scheme_key).reporting[one.mode].period))
            locked, open_now = shape["locks_at"] <= now, shape["opens_at"] <= now
            facts = {
                "mode": one.mode.value, "kind": shape["kind"].value, "scheme": one.scheme_key, "of_order": one.order, "cut": one.cut,
                "whole": one.whole, "first_on": one.first_on, "last_on": one.last_on, "number": number, "no": False,
                "come": 95 if locked else 80 if shape["due_at"] < now else 40 if open_now else 0, "waits": not locked,
                **{name: shape[name] for name in ("opens_at", "soon_at", "due_at", "locks_at")},
                "early": min(shape["due_at"] - timedelta(hours=1), now), "late": min(shape["due_at"] + timedelta(hours=2), now),
            }  # fmt: skip
            _write(connection, facts)
        rows = connection.scalar(text("SELECT count(*) FROM obligation")) or 0
    with to_write():
        report_tally.count_all(db.session(), town.district.id)
        db.session.commit()
    return int(rows)


def _order(town: make.Town, starts_at: datetime, long: timedelta) -> ModeOrder:
    row = ModeOrder.open(
        scope="district", scope_id=town.district.id, district_id=town.district.id, name="应急响应", reason="输入病例", legal_basis="预案",
        responsible="程远志", planned_end_on=local(starts_at + long).date(), now=starts_at, by_id=None,
    )  # fmt: skip
    row.ended_at, row.end_reason = starts_at + long, "没有新的情况"
    return make.save(row)


def _write(connection: Connection, facts: dict[str, Any]) -> None:
    if connection.dialect.name == "sqlite":
        facts = {name: _as_text(value) for name, value in facts.items()}
        connection.execute(text(ON_SQLITE.sub(r"\1", PERIOD)), facts)
    else:
        connection.execute(text(PERIOD), facts)


def _as_text(value: Any) -> Any:
    """As the site writes an instant and a day into SQLite."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return value.isoformat() if isinstance(value, date) else value


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Built afterwards, indexes take a tenth of the time."""
    of = {
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'obligation' AND indexname NOT LIKE 'pk%'",
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'obligation' AND sql IS NOT NULL",
    }
    found = connection.execute(text(of[connection.dialect.name])).all()
    for name, _definition in found:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    for _name, definition in found:
        connection.exec_driver_sql(definition)
