"""Servers for the time of a measurement: every one behind the same gunicorn, on a core of its own, its CPU time counted."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.processes import held

ROOT = Path(__file__).resolve().parent.parent
# As in service; but no worker is replaced, and there is no front server here: the connections are the visitors' own, which idle
# between two requests, so that a worker has to hold many.
GUNICORN = ("--config=deploy/gunicorn.conf.py", "--max-requests=0", "--worker-connections=1000")
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


_cores = sorted(os.sched_getaffinity(0))


def cores() -> tuple[set[int], set[int]]:
    """The core of the server under test, and the others for load and database. One core alone is shared."""
    return {_cores[0]}, set(_cores[1:]) or {_cores[0]}


def pin_to_the_others() -> None:
    """This process, the load generator, off the core of the servers under test."""
    os.sched_setaffinity(0, cores()[1])


@dataclass(frozen=True)
class Server:
    """A running server: where it listens and which process began it."""

    port: int
    pid: int

    def cpu_ms(self) -> float:
        return cpu_ms(self.pid)


def cpu_ms(pid: int) -> float:
    """CPU time, user and system, that a process and all below it have used so far."""
    return sum(_own_cpu_ms(one) for one in family(pid))


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        below = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [pid, *(one for child in below for one in family(child))]


def _own_cpu_ms(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    # user and system, its own and that of children which have ended
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) * TICK_MS


@contextmanager
def serving(
    app: str, home: Path, environment: Mapping[str, str], *, workers: int = 1, pinned: bool = True
) -> Iterator[Server]:
    """`app` (module:callable) behind gunicorn on a free port of loopback, until the end of the block.

    One worker where two servers are compared: with several, kept-alive connections pile up on one of them, and then it is
    the balance that is measured.
    """
    core, _others = cores()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    port, number = listener.getsockname()[1], listener.fileno()
    on_core = ["taskset", "--cpu-list", ",".join(map(str, core if pinned else _cores))]
    # one seed for all, so that no server is luckier with its dictionaries than another
    settings = {**os.environ, "PYTHONHASHSEED": "0", **environment}
    with held(
        [*on_core, sys.executable, "-m", "gunicorn", f"--bind=fd://{number}", f"--workers={workers}", *GUNICORN, app],
        log=home / "gunicorn.log", cwd=ROOT, env=settings, pass_fds=[number],
    ) as process:  # fmt: skip
        listener.close()
        yield Server(port, process.pid)
