"""Databases for the time of a measurement, as durable as in service: what was answered survives a power cut."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from benchmarks.servers import ROOT, cores, family
from tests import postgres

DURABLE = postgres.SETTINGS | {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "shared_buffers": "256MB",
    "autovacuum": "on",
}
SHIPPED = ROOT / "deploy" / "postgresql" / "site.conf"
PLANNING = ("effective_cache_size", "work_mem", "random_page_cost", "jit", "max_parallel_workers_per_gather")


@dataclass(frozen=True)
class Database:
    """Where the site and the minimal app keep their rows; `pid` is the server's, if there is one."""

    name: str
    site_url: str
    minimal: str  # a file, or what psycopg connects to
    pid: int | None = None

    def rows(self, table: str) -> Callable[[], int]:
        """Counts a table of the site ("check_in") or of the minimal app ("entry")."""
        target = self.minimal if table == "entry" else self.of_site
        connect: Callable[[str], Any] = psycopg.connect if self.pid else sqlite3.connect

        def count() -> int:
            with connect(target) as connection:
                found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            connection.close()
            return found

        return count

    def settle(self) -> None:
        """What autovacuum does in time: PostgreSQL plans by how the tables are now."""
        if self.pid:
            with psycopg.connect(self.of_site, autocommit=True) as connection:
                connection.execute("ANALYZE")

    @property
    def of_site(self) -> str:
        """The site's database as the driver takes it: a file, or a connection string."""
        return psycopg_conninfo(self.site_url) if self.pid else self.site_url.removeprefix("sqlite:///")


def psycopg_conninfo(url: str) -> str:
    parts = make_url(url)
    return psycopg.conninfo.make_conninfo(
        host=str(parts.query["host"]), user=parts.username, dbname=parts.database
    )


def _planning() -> dict[str, str]:
    """How a deployment's PostgreSQL is told to plan."""
    pairs = (line.partition("#")[0].split("=") for line in SHIPPED.read_text().splitlines() if "=" in line)
    found = {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
    return {name: found[name] for name in PLANNING}


@contextmanager
def database(kind: str, home: Path) -> Iterator[Database]:
    """A fresh `sqlite` or `postgresql`, gone afterwards."""
    if kind == "sqlite":
        yield Database("SQLite", f"sqlite:///{home / 'site.db'}", str(home / "minimal.db"))
        return
    with ExitStack() as stack:
        url = stack.enter_context(postgres.cluster(DURABLE | _planning()))
        site, minimal = (stack.enter_context(postgres.database(url)) for _ in range(2))
        folder = make_url(url).query["host"]
        pid = int((Path(str(folder)) / "data" / "postmaster.pid").read_text().split()[0])
        for process in family(pid):
            os.sched_setaffinity(process, cores()[1])
        yield Database("PostgreSQL", site, psycopg_conninfo(minimal), pid)
