"""The queue of what somebody waits for: into it goes only what a consumer on this machine takes out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from blueprints.web import jobs
from tests import make

pytestmark = pytest.mark.one_database


@pytest.fixture
def queue(app: Flask, tmp_path, monkeypatch) -> jobs.Background:
    """Of a site that is no test's: there what is begun is done at once."""
    site = app.extensions["site"]
    app.extensions["site"] = replace(site, settings=replace(site.settings, env="demo"))
    monkeypatch.setattr(app, "instance_path", str(tmp_path))
    app.extensions.pop("background", None)
    yield jobs.queue_of(app)
    app.extensions.pop("background")


def waiting(queue: jobs.Background) -> int:
    return queue.queue.pending_count()


def test_where_a_timer_does_the_work_nothing_is_put_in(queue):
    for begin in (jobs.begin_going_out, jobs.begin_finishing_letters, lambda: jobs.begin_batch(1)):
        begin()
    assert waiting(queue) == 0


def test_what_is_begun_waits_for_the_consumer_that_has_been_seen(queue, town: make.Town):
    queue.tick_each_minute()
    queue.queue.execute(queue.queue.dequeue())
    jobs.begin_going_out()
    jobs.begin_batch(1)
    assert waiting(queue) == 2


def test_a_consumer_that_was_seen_too_long_ago_is_gone(queue):
    queue.queue.put(jobs.CONSUMER, jobs.time.time() - jobs.CONSUMER_SEEN - 1)
    jobs.begin_going_out()
    assert waiting(queue) == 0
