"""Looks at the site as people do: a strict page reader, a real browser, the real server.

`read()` (from tests/reader.py) parses one answer and refuses a faulty page. `chromium()`, `tab()` and `axe()`
drive Debian's Chromium; `live_server()` starts the site as `make run` does.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.processes import folder, held
from tests.reader import BadPage, Form, Link, Page, read

__all__ = ["BadPage", "Form", "Link", "Page", "Server", "axe", "chromium", "live_server", "read", "tab"]

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
AXE = ROOT / "tests/vendor/axe/axe.min.js"
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
LOOPBACK = {"127.0.0.1", "localhost", "::1", ""}


@contextmanager
def chromium() -> Iterator:
    """Debian's Chromium under Playwright; one for a whole test session, for it takes a second to start."""
    from playwright.sync_api import sync_playwright  # only browser tests pay for the import

    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is not installed: `make deps-dev` installs it")
    # Chromium's sandbox refuses to run as root; anyone else keeps it
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser, **options) -> Iterator:
    """A new page in a context of its own; options are Playwright's (viewport, java_script_enabled, …).

    `page.bad` collects what no page may do: errors on the console (breaches of the CSP land there), uncaught
    exceptions, missing files, requests that leave the machine. What is still in it at the end fails the test.
    """
    context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **options)
    page = context.new_page()
    page.bad = bad = []

    def console(message) -> None:
        # a refused form is logged as an error too; _answered tells it from a missing file
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            bad.append(f"console: {message.text}")

    def answered(response) -> None:
        asked = response.request.resource_type not in ("document", "fetch", "xhr")
        if response.status >= 500 or (response.status >= 400 and asked):
            bad.append(f"{response.status}: {response.url}")

    def requested(request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOOPBACK:
            bad.append(f"asks another host: {request.url}")

    context.on("console", console)
    context.on("weberror", lambda error: bad.append(f"exception: {error.error}"))
    context.on("response", answered)
    context.on("request", requested)
    try:
        yield page
        if bad:
            raise AssertionError("\n  ".join(["the browser complains:", *bad]))
    finally:
        context.close()


def axe(page, rules: tuple[str, ...] | None = None) -> list[tuple[str, str, list[str]]]:
    """What axe-core finds against WCAG 2.0 to 2.2 A/AA and good practice, or these of its rules: (rule, what it asks, where)."""
    if not page.evaluate("() => 'axe' in window"):
        # evaluate() is not held by the page's CSP, a script tag would be
        page.evaluate(AXE.read_text("utf-8") + ";null")
    only = (
        {"type": "tag", "values": list(AXE_TAGS)}
        if rules is None
        else {"type": "rule", "values": list(rules)}
    )
    result = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", only)
    return [
        (one["id"], one["help"], [" ".join(map(str, node["target"])) for node in one["nodes"]])
        for one in result["violations"]
    ]


@dataclass(frozen=True)
class Server:
    """A running site: its address without a slash at the end, its folder, and what it has printed."""

    url: str
    folder: Path
    log: Path
    process: subprocess.Popen


@contextmanager
def live_server(
    environment: Mapping[str, str],
    *,
    home: Path | None = None,
    workers: int = 1,
    application: str = "app:create_app()",
) -> Iterator[Server]:
    """Starts the site under gunicorn on a free loopback port, as `make run` does, until the end of the block.

    `environment` is laid over ours less its SITE_* variables: nothing of the caller's shell leaks in.
    It runs in `home`, or in a temporary folder of its own, which is also its SITE_INSTANCE and gets its log.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("SITE_")}
    with folder("cho-site-") as own, socket.create_server(("127.0.0.1", 0)) as listener:
        # the socket is handed over, so that no one else can take the port in between
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        there = home or own
        env |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "SITE_INSTANCE": str(there)}
        env |= environment
        command = [
            *(sys.executable, "-m", "gunicorn", f"--bind=fd://{listener.fileno()}", "--no-control-socket"),
            *(f"--workers={workers}", "--worker-class=gthread", "--threads=4", "--graceful-timeout=3"),
            application,
        ]
        log, descriptors = there / "server.log", [listener.fileno()]
        with held(command, log=log, cwd=there, env=env, pass_fds=descriptors) as process:
            server = Server(url, there, log, process)
            _wait_for(server)
            yield server


def _wait_for(server: Server, seconds: float = 60) -> None:
    """Waits until the site answers anything at all; a refusal is an answer too."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(server.url + "/", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the site did not start:\n{server.log.read_text()[-3000:]}") from None
        time.sleep(0.1)
