"""The demo district on a real server, for walks through the whole site. Built once a session, on SQLite: what differs by
database is tested elsewhere."""

from __future__ import annotations

import fcntl
import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.browser import chromium, live_server
from tests.reader import Page, read

ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A running demo site and what `flask demo --json` says of it."""

    url: str
    accounts: list[dict[str, str]]
    gates: list[dict[str, str]]
    places: list[dict[str, object]]

    def of(self, post: str) -> dict[str, str]:
        """Somebody who works in this post."""
        return next(a for a in self.accounts if a["post"].split("、")[0] == post)

    @property
    def posts(self) -> list[str]:
        return list(dict.fromkeys(a["post"].split("、")[0] for a in self.accounts))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("demo")
    env = {"SITE_ENV": "demo", "SITE_INSTANCE": str(home)}
    shutil.copytree(_filled(tmp_path_factory), home, dirs_exist_ok=True)
    facts = json.loads(_flask(env, "demo", "--json"))
    with live_server(env, home=home, workers=2) as server:
        yield Site(server.url, facts["accounts"], facts["gates"], facts["places"])


def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance of a filled demo, to be copied: where several processes run the tests, one fills it for all."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "filled"
    home.mkdir(exist_ok=True)
    with (home.parent / "filled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any(home.iterdir()):
            for arguments in (("migrate", "up"), ("demo", "--days", "3")):
                _flask({"SITE_ENV": "demo", "SITE_INSTANCE": str(home)}, *arguments)
    return home


def _flask(env: dict[str, str], *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SITE_")}
    command = [sys.executable, "-m", "flask", "--app", "app:create_app()", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=clean | env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@dataclass
class Answer:
    url: str
    status: int
    kind: str
    body: bytes

    @property
    def page(self) -> Page:
        return read(self.body.decode(), where=self.url)


@dataclass
class Person:
    """Somebody with a browser's cookies and no JavaScript."""

    site: Site
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def open(self, address: str, data: dict[str, list] | None = None) -> Answer:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        body = urllib.parse.urlencode(data, doseq=True).encode() if data is not None else None
        url = urllib.parse.urljoin(self.site.url + "/", address)
        try:
            with opener.open(urllib.request.Request(url, body), timeout=60) as got:
                return Answer(got.geturl(), got.status, got.headers.get_content_type(), got.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(url, error.code, error.headers.get_content_type(), error.read())

    def sign_in(self, account: dict[str, str]) -> Answer:
        form = self._form("/sign-in", "username")
        return self.open("/sign-in", form.data(username=account["username"], password=account["password"]))

    def _form(self, address: str, holding: str):
        return next(f for f in self.open(address).page.forms if holding in f.choices)


@pytest.fixture
def person(site: Site) -> Person:
    return Person(site)


@pytest.fixture(scope="session")
def browser():
    with chromium() as launched:
        yield launched


def sign_in(page, site: Site, account: dict[str, str]) -> None:
    """Signs in on a page of a browser, by typing as a person does, and waits for the home of the post."""
    page.goto(f"{site.url}/sign-in")
    page.fill("[name=username]", account["username"])
    page.fill("[name=password]", account["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_url(site.url + account["home"])


def pattern(address: str) -> str:
    """The kind of page behind an address: numbers, codes and queries left out."""
    path = urllib.parse.urlsplit(address).path
    path = re.sub(r"/(g|pass|invitations|downloads|sheets)/[^/]+", r"/\1/*", path)
    return re.sub(r"/[0-9]+", "/n", path)
