"""Check-ins by the week on PostgreSQL (登记按周分区): a week that nobody may keep any longer is dropped as a whole.

SQLite has one table and no partitions; there both functions do nothing. A default partition takes what no week is made for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import Connection, text

AHEAD = 4  # weeks that are made before they begin
NAMED = "check_in_w"
SHORTLY = "SET LOCAL lock_timeout = '1s'"  # whoever waits for a lock of the whole table makes all visitors wait behind it
IN_PLACE = """
SELECT child.relname FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
WHERE parent.relname = 'check_in' AND child.relname LIKE 'check\\_in\\_w%' ORDER BY 1
"""


def partition_of(day: date) -> tuple[str, date, date]:
    """The partition that a day belongs to: its name, its Monday, the Monday after."""
    monday = day - timedelta(days=day.weekday())
    return f"{NAMED}{monday:%Y%m%d}", monday, monday + timedelta(days=7)


def make_weeks(connection: Connection, today: date) -> list[str]:
    """Makes the partitions of this week and the next AHEAD; those that are there stay. Returns the new ones.

    A week is made ahead of its first row, so that the default partition is empty there and nothing has to be moved.
    Visitors do not wait for it: where a long reading is in the way, it is tried another time (an OperationalError).
    """
    if connection.dialect.name != "postgresql":
        return []
    connection.execute(text(SHORTLY))
    there, made = set(weeks(connection)), []
    for number in range(AHEAD + 1):
        name, first, end = partition_of(today + timedelta(weeks=number))
        if name not in there and not _default_holds(connection, first, end):
            connection.execute(
                text(f"CREATE TABLE {name} PARTITION OF check_in FOR VALUES FROM ('{first}') TO ('{end}')")
            )
            made.append(name)
    return made


def drop_empty_weeks(connection: Connection, before: date) -> list[str]:
    """Drops the partitions that end before this day and hold nothing any more. Returns their names."""
    if connection.dialect.name != "postgresql":
        return []
    empty = [name for name in weeks(connection) if _end(name) <= before and _is_empty(connection, name)]
    if empty:
        connection.execute(text(SHORTLY))
        connection.execute(text("LOCK TABLE ONLY check_in IN ACCESS EXCLUSIVE MODE"))
    dropped = [name for name in empty if _is_empty(connection, name)]  # nobody can write now
    for name in dropped:
        connection.execute(text(f"DROP TABLE {name}"))
    return dropped


def _end(name: str) -> date:
    return date.fromisoformat(name.removeprefix(NAMED)) + timedelta(days=7)


def _is_empty(connection: Connection, name: str) -> bool:
    return connection.scalar(text(f"SELECT 1 FROM {name} LIMIT 1")) is None


def weeks(connection: Connection) -> Iterator[str]:
    yield from connection.scalars(text(IN_PLACE)).all()


def is_partition(table: str) -> bool:
    """Whether a table of the database is a part of check_in, and so none that the models know."""
    return table.startswith(NAMED) or table == "check_in_default"


def _default_holds(connection: Connection, first: date, end: date) -> bool:
    query = text("SELECT 1 FROM check_in_default WHERE day >= :first AND day < :end LIMIT 1")
    return connection.scalar(query, {"first": first, "end": end}) is not None
