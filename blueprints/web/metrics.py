"""How long answers take (计时): every one, the visitor's too, counted in each worker and put together at /metrics.

One histogram and no more: an observation costs six microseconds, and its count is the number of requests.
"""

from __future__ import annotations

from time import perf_counter

from flask import Request
from prometheus_client import Gauge, Histogram
from sqlalchemy import Pool

from models.base import db

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
SAMPLED_EVERY = 1.0

_seconds = Histogram(
    "site_request_seconds",
    "Seconds from the first hook to the answer.",
    ["endpoint", "method", "status"],
    buckets=BUCKETS,
)
_pool = Gauge(
    "site_database_connections", "The pool of this host's workers.", ["state"], multiprocess_mode="livesum"
)
_series: dict[tuple[str, str, int], Histogram] = {}
_sampled_at = 0.0


def begin(request: Request) -> None:
    request.begun = perf_counter()  # type: ignore[attr-defined]


def observe(request: Request, status: int) -> float:
    """Counts a request that is answered; its seconds."""
    global _sampled_at
    now = perf_counter()
    seconds = now - getattr(request, "begun", now)
    rule, method = request.url_rule, request.method
    # whatever somebody sends as an address or a method makes no series of its own
    key = (rule.endpoint if rule else "none", method if method in METHODS else "other", status)
    series = _series.get(key)
    if series is None:
        series = _series[key] = _seconds.labels(*key)
    series.observe(seconds)
    if now - _sampled_at > SAMPLED_EVERY:
        _sampled_at = now
        _sample(db.engine.pool)
    return seconds


def _sample(pool: Pool) -> None:
    """Once a second, not at each check-out, which is on the visitor's path."""
    for state in ("checkedout", "checkedin", "overflow"):
        if hasattr(pool, state):
            _pool.labels({"checkedout": "in_use", "checkedin": "idle", "overflow": "overflow"}[state]).set(
                max(getattr(pool, state)(), 0)
            )
