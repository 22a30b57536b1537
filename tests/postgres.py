"""A PostgreSQL cluster of the tests' own: in a temporary folder, on a unix socket, gone afterwards."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.processes import folder, held

# Nothing in it is worth keeping: a crash loses the cluster anyway, so it never waits for a disk.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # the default needs /dev/shm, which a bare container may lack
    "timezone": "UTC",
}


def programs() -> Path:
    """The folder with initdb and postgres; Debian keeps them out of PATH, one folder a version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise RuntimeError("PostgreSQL's server is not installed: `make deps-dev` installs it")


@contextmanager
def cluster(settings: Mapping[str, str] = SETTINGS) -> Iterator[str]:
    """Starts a cluster and yields its SQLAlchemy URL (database and superuser `postgres`, no password)."""
    bin_ = programs()
    with folder("cho-pg-") as home:
        user: list[str] = []
        if os.geteuid() == 0:  # postgres refuses to run as root
            shutil.chown(home, "postgres", "postgres")
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        data, log = home / "data", home / "log"
        initdb = [bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        # English messages in the log, and one order of text wherever the tests run
        subprocess.run(
            [*user, *initdb, "--locale=C.UTF-8"], cwd=home, check=True, capture_output=True, text=True
        )
        command: list[str | Path] = [bin_ / "postgres", "-D", data, "-k", home]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with held(command, log=log, signal="INT", before=user, remove=home, cwd=home) as process:
            url = f"postgresql+psycopg://postgres@/postgres?host={home}"
            _wait(url, process, log)
            yield url


def _wait(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    engine = create_engine(url, poolclass=NullPool)
    deadline = time.monotonic() + seconds
    while True:
        try:
            with engine.connect():
                return
        except OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}") from None
        time.sleep(0.05)


_numbers = count(1)


@contextmanager
def database(url: str, template: str | None = None) -> Iterator[str]:
    """Makes an empty database (or a copy of `template`, tens of milliseconds) and drops it afterwards."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"'))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
