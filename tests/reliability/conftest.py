"""A district, one gate open day and night, on the database of this pass; a site that may be killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app import create_app
from models import schema
from models.base import db
from tests import make
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
    instance = str(home / "instance")
    app = create_app(env="demo", database_url=url, instance=instance)
    with app.app_context():
        schema.upgrade(db.engine)
        town = make.town(datetime.now(UTC))
        town.park.opens = town.park.closes = None
        db.session.commit()
        assert town.gate.code is not None
        gate = f"/g/{town.gate.code.code}"
        db.session.remove()
        db.engine.dispose()
    site = Killable(
        {"SITE_ENV": "demo", "SITE_DATABASE_URL": url, "SITE_INSTANCE": instance}, home, gate=gate
    )
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
    """Of its gate; the site is running."""
    killable.start()
    people = Visitors(killable.port, killable.gate)
    yield people
    people.stop.set()
    killable.kill()


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM check_in")).scalar_one()
