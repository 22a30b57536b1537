"""A site that can be killed (可杀的站点): gunicorn with two workers on a port that it gets again, and visitors who do not give up."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
NONCE = re.compile(r'name="nonce" value="([^"]+)"')


class Killable:
    """The site under gunicorn. `start`, `kill_worker` and `kill` as often as one likes; the address stays."""

    def __init__(self, environment: Mapping[str, str], home: Path, *, gate: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SITE_")}
        self.environment = {**clean, "PYTHONPATH": str(ROOT), **environment}
        self.home, self.gate = home, gate
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{self.port}", "--no-control-socket",
                   "--workers=2", "--worker-class=gthread", "--threads=4", "app:create_app()"]  # fmt: skip
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError((self.home / "server.log").read_text()[-3000:])

    def workers(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(number) for number in children.split()]

    def kill_worker(self) -> None:
        """kill -9 of one worker; gunicorn starts another."""
        workers = self.workers()
        if workers:
            os.kill(workers[0], signal.SIGKILL)

    def kill(self) -> None:
        """kill -9 of everything at once, as a power cut would."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Visitors:
    """Threads of people who scan, fill in and press again until they have an answer. `passes` are the answers they got."""

    port: int
    path: str
    stop: threading.Event = field(default_factory=threading.Event)
    passes: list[str] = field(default_factory=list)
    pages: list[tuple[int, str]] = field(default_factory=list)  # what they saw meanwhile, other than a pass
    lost: list[str] = field(default_factory=list)

    def come(self, threads: int = 6) -> None:
        self._threads = [threading.Thread(target=self._visit, args=(n,)) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, answers: int) -> None:
        """Until so many have had their answer."""
        deadline = time.monotonic() + 180
        while len(self.passes) < answers:
            assert time.monotonic() < deadline and not self.lost, (
                len(self.passes),
                self.pages[-3:],
                self.lost,
            )
            time.sleep(0.01)

    def leave(self) -> None:
        """Everybody who has begun gets an answer first."""
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, thread: int) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            form = self._until_answered("GET", self.path, None)
            nonce = NONCE.search(form[1])
            assert nonce is not None
            sent = urllib.parse.urlencode({
                "nonce": nonce[1], "name": f"访客{'一二三四五六七八'[thread]}", "mobile": f"138{thread:02}{number:06}",
                "temperature": "36.5", "mask": "yes", "enterprise": "",
            })  # fmt: skip
            self.passes.append(self._until_answered("POST", self.path, sent)[1])

    def _until_answered(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        """The page, or where a 303 leads; tries again while nobody answers or the answer says try again."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
            try:
                connection.request(
                    method, path, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
                )
                answer = connection.getresponse()
                text = answer.read().decode()
                if answer.status == 303:
                    return 303, answer.headers["Location"]
                if answer.status == 200:
                    return 200, text
                self.pages.append((answer.status, text))
            except OSError:
                pass
            except http.client.HTTPException:
                pass  # cut off in the middle of an answer
            finally:
                connection.close()
            time.sleep(0.05)
        self.lost.append(path)
        raise AssertionError(f"{method} {path}: no answer for a minute")
