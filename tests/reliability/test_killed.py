"""kill -9 in the middle of a load: every answered check-in is there, and none twice."""

import time
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from tests.reliability.conftest import rows
from tests.reliability.site import Killable, Visitors


def kill_a_worker(site: Killable) -> None:
    site.kill_worker()


def kill_everything(site: Killable) -> None:
    site.kill()
    site.start()


@pytest.mark.parametrize("blow", [kill_a_worker, kill_everything])
def test_every_answered_check_in_is_there_and_none_twice(killable: Killable, visitors: Visitors, data, blow):
    before = rows(data)
    visitors.come()
    for number in range(1, 4):
        visitors.wait_for(15 * number)  # in the middle of their coming, however slow the machine is
        blow(killable)
    visitors.wait_for(60)
    visitors.leave()
    assert visitors.lost == []
    assert len(set(visitors.passes)) == len(visitors.passes)
    assert rows(data) - before == len(visitors.passes)
    with data.connect() as connection:
        twice = text(
            "SELECT count(*) FROM (SELECT nonce FROM check_in GROUP BY nonce HAVING count(*) > 1) AS t"
        )
        assert connection.execute(twice).scalar_one() == 0


def test_a_database_that_is_gone_for_two_seconds_loses_nothing(killable: Killable, visitors: Visitors, data):
    """On SQLite everybody waits for whoever holds it; on PostgreSQL they see a page that says so, and try again."""
    before = rows(data)
    visitors.come()
    visitors.wait_for(10)
    with out_of_reach(data):
        time.sleep(2)
    visitors.wait_for(40)
    visitors.leave()
    assert visitors.lost == [] and rows(data) - before == len(set(visitors.passes)) == len(visitors.passes)
    assert all(status == 503 and "您填的内容没有保存" in text for status, text in visitors.pages)
    assert bool(visitors.pages) == (data.dialect.name == "postgresql")


@contextmanager
def out_of_reach(engine: Engine):
    """The lock in other hands, or a server that lets nobody in and has thrown out whoever was."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            raw.execute("ROLLBACK") if raw.in_transaction else None
            raw.execute("BEGIN IMMEDIATE")
            yield
            raw.execute("ROLLBACK")
        return
    outside = create_engine(
        engine.url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with outside.connect() as connection:
        connection.execute(text("ALTER DATABASE killed ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'killed'")
        )
        yield
        connection.execute(text("ALTER DATABASE killed ALLOW_CONNECTIONS true"))
