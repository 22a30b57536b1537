"""A circuit breaker (熔断): a service that keeps failing is left alone for a while, and so are the visitors who would wait for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)


class Breaker:
    """Opens where `failures` of the last `of` calls failed, stays open for `seconds`, then lets one call through to probe.

    The probe's success closes it, its failure opens it for `seconds` more. A probe that never reports (its thread was
    ended) gives way to the next after as long. Of one process, for all its threads; `clock` runs in seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        of: int = 10,
        seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._failures, self._seconds, self._clock = name, failures, seconds, clock
        self._lock = threading.Lock()
        self._outcomes: deque[bool] = deque(maxlen=of)  # of the calls since the breaker was last closed
        self._spell = 0  # moves at each opening and each probe: what was begun before is no longer news
        self._retry_at: float | None = None  # None: closed

    def admit(self) -> int | None:
        """A ticket for one call, to be handed back to report(); None: do not call."""
        with self._lock:
            if self._retry_at is not None:
                if self._clock() < self._retry_at:
                    return None
                self._open()  # for everybody but the one who gets this ticket
            return self._spell

    def report(self, ticket: int, *, ok: bool) -> None:
        """How the call of this ticket ended. Late news of a spell that is over changes nothing."""
        with self._lock:
            if ticket != self._spell:
                return
            if self._retry_at is not None:
                self._close() if ok else self._open()
                return
            self._outcomes.append(ok)
            if self._outcomes.count(False) >= self._failures:
                log.warning(
                    "%s: left alone for %g s after %d failures", self._name, self._seconds, self._failures
                )
                self._open()

    def _open(self) -> None:
        self._spell += 1
        self._retry_at = self._clock() + self._seconds

    def _close(self) -> None:
        self._spell += 1
        self._retry_at = None
        self._outcomes.clear()
        log.warning("%s: answers again", self._name)
