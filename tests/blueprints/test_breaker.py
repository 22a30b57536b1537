"""The breaker of services outside: when it opens, whom it lets through, when it closes."""

from __future__ import annotations

import threading

import pytest

from blueprints.web.outside.breaker import Breaker


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("service", failures=3, of=5, seconds=30, clock=clock)


def call(breaker: Breaker, *outcomes: bool) -> None:
    for ok in outcomes:
        ticket = breaker.admit()
        assert ticket is not None
        breaker.report(ticket, ok=ok)


def open_it(breaker: Breaker) -> None:
    call(breaker, False, False, False)
    assert breaker.admit() is None


def test_it_opens_when_as_many_calls_in_a_row_have_failed(breaker):
    call(breaker, False, False)
    assert breaker.admit() is not None
    call(breaker, False)
    assert breaker.admit() is None


def test_it_opens_when_that_share_of_the_last_calls_failed_though_some_went_well(breaker):
    call(breaker, False, True, False, True)
    assert breaker.admit() is not None
    call(breaker, False)
    assert breaker.admit() is None


def test_failures_that_lie_further_back_do_not_count(breaker):
    call(breaker, False, False, True, True, True, False, True, True, False)
    assert breaker.admit() is not None


def test_it_stays_open_for_its_time_then_lets_exactly_one_through(breaker, clock):
    open_it(breaker)
    clock.now += 29.9
    assert breaker.admit() is None
    clock.now += 0.1
    assert breaker.admit() is not None
    assert [breaker.admit() for _ in range(5)] == [None] * 5


def test_a_probe_that_goes_well_closes_it_and_the_count_begins_anew(breaker, clock):
    open_it(breaker)
    clock.now += 30
    call(breaker, True)
    call(breaker, False, False)
    assert breaker.admit() is not None


def test_a_probe_that_fails_opens_it_for_the_whole_time_again(breaker, clock):
    open_it(breaker)
    clock.now += 30
    probe = breaker.admit()
    clock.now += 1.5
    breaker.report(probe, ok=False)
    clock.now += 29.9
    assert breaker.admit() is None
    clock.now += 0.1
    assert breaker.admit() is not None


def test_a_probe_that_never_reports_gives_way_to_another_and_its_late_news_is_nothing(breaker, clock):
    open_it(breaker)
    clock.now += 30
    lost = breaker.admit()
    clock.now += 30
    second = breaker.admit()
    assert second is not None
    breaker.report(lost, ok=True)
    assert breaker.admit() is None
    breaker.report(second, ok=True)
    assert breaker.admit() is not None


def test_a_call_begun_before_it_opened_neither_closes_nor_prolongs_it(breaker, clock):
    early, late = breaker.admit(), breaker.admit()
    open_it(breaker)
    breaker.report(early, ok=True)
    assert breaker.admit() is None
    clock.now += 20
    breaker.report(late, ok=False)
    clock.now += 10
    assert breaker.admit() is not None


def test_of_many_threads_at_the_same_moment_one_probes(breaker, clock):
    open_it(breaker)
    clock.now += 30
    ready, tickets = threading.Barrier(16), []

    def ask() -> None:
        ready.wait()
        tickets.append(breaker.admit())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([t for t in tickets if t is not None]) == 1


def test_the_log_tells_when_it_opens_and_when_the_service_answers_again(breaker, clock, caplog):
    open_it(breaker)
    clock.now += 30
    call(breaker, True)
    assert [r.getMessage() for r in caplog.records] == [
        "service: left alone for 30 s after 3 failures",
        "service: answers again",
    ]
