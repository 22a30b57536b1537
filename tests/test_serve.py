"""`make run` is two processes, the site and its timed work, that live and end together."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tools.serve import ROOT

pytestmark = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") == "postgresql", reason="the same on any database"
)
PATIENCE = 300  # seconds, of a machine that has much else to do
# Two that wait in place of the site and its work.
SUPERVISE = """
import sys
from tools.serve import start, supervise, until_asked
asked = until_asked()
waits = ["-c", "import time; time.sleep(600)"]
running = {"网站": start(waits), "后台任务": start(waits)}
print(*(process.pid for process in running.values()), flush=True)
sys.exit(supervise(running, asked))
"""


@contextmanager
def run(arguments: list[str], **options: object) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_gone(number: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{number}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.fixture
def pair() -> Iterator[tuple[subprocess.Popen, dict[str, int]]]:
    """Two supervised processes, and their numbers by name."""
    with run(["-c", SUPERVISE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        site, work = map(int, process.stdout.readline().split())
        yield process, {"网站": site, "后台任务": work}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_asks_for_the_end_ends_both(pair, number):
    process, children = pair
    process.send_signal(number)
    assert process.communicate(timeout=PATIENCE)[1] == ""
    assert process.returncode == 0
    assert all(is_gone(child) for child in children.values())


@pytest.mark.parametrize("dies", ["网站", "后台任务"])
def test_where_one_dies_the_other_ends_and_it_is_said(pair, dies):
    process, children = pair
    os.kill(children[dies], signal.SIGKILL)
    assert f"{dies}停了（-9），其余的也停下" in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 1
    assert all(is_gone(child) for child in children.values())


def test_nobody_is_left_behind_where_it_is_killed_itself(pair):
    process, children = pair
    process.kill()
    wait_for(lambda: all(is_gone(child) for child in children.values()))


def test_the_site_answers_the_work_is_done_and_both_end(tmp_path):
    """The real thing, of an empty site on SQLite."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SITE_")}
    environment |= {"SITE_ENV": "test", "SITE_INSTANCE": str(tmp_path), "PORT": str(port)}

    def ticked() -> bool:
        with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
            done = connection.execute(
                "SELECT count(*) FROM timed_task WHERE succeeded_at IS NOT NULL"
            ).fetchone()
        return bool(done[0])

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with (
        (tmp_path / "log").open("wb") as log,
        run(["-m", "tools.serve"], env=environment, stdout=log, stderr=log) as process,
    ):
        wait_for(lambda: process.poll() is not None or answers())
        assert process.poll() is None, (tmp_path / "log").read_text()
        wait_for(ticked)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert all(is_gone(int(child)) for child in children)
    assert "停了" not in (tmp_path / "log").read_text()
    assert not answers()
