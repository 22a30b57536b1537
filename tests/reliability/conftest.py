"""A district, one gate open day and night, on the database of this pass; a site that may be killed."""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from tests.reliability.site import Killable, Visitors


@pytest.fixture(scope="package")
def where(database: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A database of its own, and a folder."""
    home = tmp_path_factory.mktemp("killed")
    if os.environ.get("TEST_DATABASE") != "postgresql":
        return f"sqlite:///{home / 'site.db'}", home
    with create_engine(database, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE killed"))
    return database.replace("/postgres?", "/killed?"), home


@pytest.fixture(scope="package")
def killable(where: tuple[str, Path]) -> Iterator[Killable]:
    url, home = where
    site = Killable({"SITE_ENV": "demo", "SITE_DATABASE_URL": url, "SITE_INSTANCE": str(home)}, home)
    site.run("migrate", "up")
    site.run("demo", "--if-empty", "--days", "1")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text("UPDATE place SET opens = NULL, closes = NULL"))
    yield site
    if site.process is not None:
        site.kill()


@pytest.fixture
def data(where: tuple[str, Path]) -> Iterator[Engine]:
    engine = create_engine(where[0], poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def visitors(killable: Killable) -> Iterator[Visitors]:
    """Of a gate of the demo; the site is running."""
    killable.start()
    gate = json.loads(killable.run("demo", "--json"))["gates"][0]
    people = Visitors(killable.port, urllib.parse.urlsplit(gate["url"]).path)
    yield people
    people.stop.set()
    killable.kill()


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM check_in")).scalar_one()
