"""What every test stands on: the real app, a real database of its own, a clock that stands still."""

from __future__ import annotations

import contextvars
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from sqlalchemy import event, text
from werkzeug.test import TestResponse

from app import create_app
from blueprints.web.limits import limiter
from models import schema
from models.base import Row, db, reading
from models.gateview import Version
from tests import make, postgres, towns
from tests.november import LEDGER, clock_of

# A slow machine is no fault of a test. In CI Hypothesis takes its own profile, which says so too and draws the same every time.
settings.register_profile("patient", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("patient")

NOW = datetime(2026, 11, 20, 1, 41, 26, tzinfo=UTC)  # Friday 20 November 2026, 09:41:26 in Shanghai


# The longest files: a process that begins with one of them does not end alone with it, while the others have nothing to do.
LONGEST = ("test_every_page.py", "test_killed.py", "test_demo_loading.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """The longest first; and what no database can change is not run a second time for another one."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    if os.environ.get("TEST_DATABASE") == "postgresql":
        again = [
            item
            for item in items
            if "database" in item.fixturenames and not item.get_closest_marker("one_database")
        ]
        config.hook.pytest_deselected(items=[item for item in items if item not in again])
        items[:] = again


class Browser(FlaskClient):
    """A client whose requests know nothing of the test's own app context, as over a real network."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SQLite, or with TEST_DATABASE=postgresql a cluster of our own. The whole suite runs on both."""
    if os.environ.get("TEST_DATABASE") == "postgresql":
        with postgres.cluster() as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path_factory.mktemp('db') / 'site.db'}"


@pytest.fixture(scope="session")
def migrated_app(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = create_app(env="test", database_url=database, instance=tmp_path_factory.mktemp("instance"))
    app.test_client_class = Browser
    with app.app_context():
        if database.startswith("sqlite"):
            event.listen(db.engine, "connect", _never_mind_the_disk)
        schema.upgrade(db.engine)
        db.engine.dispose()
    if database.startswith("sqlite"):
        file = database.removeprefix("sqlite:///")
        shutil.copy(file, file + ".empty")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(migrated_app: Flask, database: str) -> Iterator[Flask]:
    """The app over an empty, migrated database, at NOW."""
    site = migrated_app.extensions["site"]
    migrated_app.extensions["site"] = replace(site, now=lambda: NOW)
    with migrated_app.app_context(), reading():  # a test that looks takes no write lock from the site
        _empty(database)
        site.gates.forget()
        site.days.forget()
        site.tallies.forget()
        yield migrated_app
        db.session.remove()
    migrated_app.extensions["site"] = site


def _never_mind_the_disk(connection: Any, _record: Any) -> None:
    """Nobody reads this database after a power cut; tests/reliability has servers of its own, which wait for the disk."""
    connection.execute("PRAGMA synchronous=OFF")


def _empty(database: str) -> None:
    """Back to the migrated, empty database; through SQLite's own backup, so that no open connection is pulled the rug."""
    if database.startswith("sqlite"):
        file = database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file + ".empty")) as empty, closing(sqlite3.connect(file)) as used:
            empty.backup(used)
    else:
        with db.engine.begin() as connection:
            connection.execute(
                text("SET LOCAL session_replication_role = replica")
            )  # no key and no trigger asks
            for name in connection.scalars(text(_WITH_ROWS)).all():
                connection.execute(text(f'DELETE FROM "{name}"'))
            connection.execute(text(_SEQUENCES_BACK))
            connection.execute(Version.__table__.insert(), [{"name": "gates", "number": 1}])


# Emptying every table anew for each test took half of the tests' time; few have rows.
_WITH_ROWS = " UNION ALL ".join(
    f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in Row.metadata.tables
)
_SEQUENCES_BACK = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"


@pytest.fixture
def at(app: Flask) -> Callable[[datetime], None]:
    """Sets the clock: at(NOW + timedelta(minutes=5))."""

    def set_clock(instant: datetime) -> None:
        app.extensions["site"] = replace(app.extensions["site"], now=lambda: instant)

    return set_clock


@pytest.fixture
def clock(at: Callable[[datetime], None]) -> Callable[[datetime | str], None]:
    """The same, with what the ledger of reports has to do by then: clock("18 09:00"), of November 2026."""
    return clock_of(at, *LEDGER)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def town(app: Flask) -> make.Town:
    """A small district under the 2022 scheme: a park with two gates, a building in it, another park."""
    return towns.found(NOW)


@pytest.fixture
def limited(app: Flask, database: str) -> Iterator[Flask]:
    """The site with its limits on, as it runs outside the tests."""
    site = create_app(env="demo", database_url=database, instance=app.instance_path)
    yield site
    limiter.reset()
    limiter.enabled = False
    with site.app_context():
        db.engine.dispose()
