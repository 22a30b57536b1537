"""Check-ins by the million, written by the database itself (造数): as many as a district has after years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks.bulk import opened, without_indexes
from benchmarks.databases import Database
from models.base import local
from models.gate import CheckIn
from models.vault import Vault

A_DAY = 2_000  # entries of a place on an ordinary day
OTHER_PLACES = 50  # where all happened that is not of this place
SCHEME = "chengdu-hitech/2022-03-23"

COLUMNS = (
    "id, nonce, district_id, place_id, gate_id, day, hour, occurred_at, arrived_at, kind, call_number, name, mobile, "
    "mobile_index, device_index, written, purpose, celsius, measured_by, masked, mode, scheme_key, verdict, reasons, marks, "
    "handled_at, left_at, left_how"
)
SHARED = (
    ":district, :place + i % :places, :gate, {day}, 8 + i % 10, {at}, {at}, 'entry', 100 + i % 900, '张晓明', :mobile, "
    "{key}, {key}, '', '', 365, 'self', {yes}, 'normal', :scheme, CASE WHEN i % 100 = 0 THEN 'refused' ELSE 'pass' END, "
    "'', '', CASE WHEN i % 100 = 0 THEN {at} END, CASE WHEN i % 100 > 0 THEN {left} END, "
    "CASE WHEN i % 100 > 0 AND {left} IS NOT NULL THEN 'closing' END"
)
SQLITE = f"""
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO check_in ({COLUMNS}) SELECT i, randomblob(16), {SHARED} FROM n
""".format(
    day="date(:day, '-' || ((:last - i) / :a_day) || ' days')",
    at=":at",
    left=":left",
    key="randomblob(16)",
    yes="1",
)
POSTGRESQL = f"""
INSERT INTO check_in ({COLUMNS}) SELECT i, uuid_send(gen_random_uuid()), {SHARED}
FROM generate_series(:first::bigint, :last::bigint) AS i
""".format(
    day="(:day::date - ((:last - i) / :a_day)::int)",
    at=":at::timestamptz",
    left=":left::timestamptz",
    key="uuid_send(gen_random_uuid())",
    yes="true",
)


@dataclass(frozen=True)
class Where:
    """Whose rows they are to be."""

    district_id: int
    place_id: int
    gate_id: int


def fill(where: Database, vault: Vault, whose: Where, *, rows: int, today: int) -> None:
    """`rows` in all, of which this place has `today` today, A_DAY on each of the days before (as far as they go), and other
    places the rest. Every hundredth was refused and has been dealt with; the visits of earlier days have ended, as the timed work
    ends them."""
    now = datetime.now(UTC)
    own_past = min(rows - today, max(4 * A_DAY, (rows - today) // 50))
    blocks = [  # from the oldest to the newest: ids go on with time
        (rows - today - own_past, 10_000_000, OTHER_PLACES, OTHER_PLACES * A_DAY, 1),
        (own_past, whose.place_id, 1, A_DAY, 1),
        (today, whose.place_id, 1, max(today, 1), 0),
    ]
    mobile, first = vault.seal("13800001234", CheckIn.MOBILE), 1
    with opened(where) as execute, without_indexes(execute, where, "check_in"):
        for count, place, places, a_day, days_ago in blocks:
            if count:
                at = now - timedelta(days=days_ago, minutes=1)
                written = f"{at:%Y-%m-%d %H:%M:%S.%f}" + ("+00" if where.pid else "")
                execute(
                    POSTGRESQL if where.pid else SQLITE,
                    {
                        "first": first, "last": first + count - 1, "district": whose.district_id, "place": place,
                        "places": places, "a_day": a_day, "gate": whose.gate_id, "day": local(at).date().isoformat(),
                        "at": written, "left": written if days_ago else None, "mobile": mobile, "scheme": SCHEME,
                    },
                )  # fmt: skip
                first += count
    with opened(where) as execute:
        if where.pid:
            execute("SELECT setval(pg_get_serial_sequence('check_in', 'id'), :last::bigint)", {"last": first})
            execute("VACUUM (ANALYZE) check_in", {})  # what autovacuum does in time
