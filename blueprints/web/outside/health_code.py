"""The district's health-code service, asked over HTTP (健康码查询).

Every district's service is another, so the site speaks one small protocol, and the district puts a small proxy in front of
its own service that speaks it too. Nothing is asked unless SITE_HEALTH_CODE_URL is set.

The question, over TLS (or on this very machine), so that no name stands in an address or an access log:

    POST <SITE_HEALTH_CODE_URL>
    Authorization: Bearer <SITE_HEALTH_CODE_KEY>
    Content-Type: application/json

    {"request": "mZ0u2b3JH0qL5oS8pVYx4A", "name": "张三", "mobile": "13800001234"}

The answer has status 200, type application/json, UTF-8, no Content-Encoding, at most 4096 bytes, and exactly these keys:

    {"request": "mZ0u2b3JH0qL5oS8pVYx4A", "name": "张三", "mobile": "13800001234",
     "status": "green", "at": "2026-11-20T09:41:00+08:00"}

- `request`, `name`, `mobile`: as they were sent. They say whose code this is; an answer for anybody else is thrown away.
- `status`: `green`, `yellow`, `red`, or `unavailable` where nobody of this name and mobile has a code. That is an answer,
  with status 200: an unknown person is no failure.
- `at`: the instant at which the code was so, with its offset from UTC; not older than 24 hours, not in the future.

Everything else counts as a failure of the service: another status (redirects are not followed), another type, more or
other keys, no complete answer within SITE_HEALTH_CODE_SECONDS from the question to the last byte. Certificates are checked
against the machine's own list, where a district adds its own authority (update-ca-certificates). Proxies named in the
environment are not used. A question may come twice and must change nothing.
"""

from __future__ import annotations

import json
import logging
import secrets
import ssl
import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from blueprints.web.outside.breaker import Breaker
from blueprints.web.outside.line import Line, client_of
from blueprints.web.settings import Settings
from models.health_codes import CodeAnswer, CodeService, CodeStatus, Unknown, Why

log = logging.getLogger(__name__)

PATIENCE = 0.1  # seconds for which a question waits for its turn
LARGEST = 4096  # bytes of an answer
OLDEST = timedelta(hours=24)  # a code changes by the day
AHEAD = timedelta(minutes=5)  # by which the service's clock may be fast
CONNECTING = (
    0.4  # of the time, for each of TCP and TLS: both end by themselves, which leaves no socket behind
)


class Unusable(Exception):
    """What came back is no answer. Carries the kind of fault alone, nothing of what was sent or received."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class HttpCodeService:
    """A CodeService over HTTP. At most `at_once` of this process's threads wait for it, each for `seconds` in all."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        seconds: float = 1.5,
        at_once: int = 2,
        breaker: Breaker | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._url, self._seconds = url, seconds
        self._slots = threading.BoundedSemaphore(at_once)
        self._breaker = breaker or Breaker("health code service")
        self._line = Line(partial(client_of, "application/json", key=key, trust=trust))

    def ask(self, name: str, mobile: str, *, now: datetime) -> CodeAnswer | Unknown:
        """The code of this person, or why it is not known; within the time, whatever the service does."""
        ends = time.monotonic() + self._seconds
        if not self._slots.acquire(timeout=PATIENCE):
            return Unknown(Why.BUSY)
        try:
            ticket = self._breaker.admit()
            if ticket is None:
                return Unknown(Why.SPARED)
            found = self._ask({"name": name, "mobile": mobile}, ends - time.monotonic(), now)
            self._breaker.report(ticket, ok=isinstance(found, CodeAnswer))
        finally:
            self._slots.release()
        if isinstance(found, Unknown):
            log.warning("health code unknown: %s", found.why.value)
        return found

    def close(self) -> None:
        self._line.close()

    def _ask(self, person: dict[str, str], seconds: float, now: datetime) -> CodeAnswer | Unknown:
        question = {"request": secrets.token_urlsafe(16), **person}
        timeout = httpx.Timeout(seconds, connect=CONNECTING * seconds)
        try:
            body = self._line.run(partial(_exchange, self._url, question, timeout), seconds)
            return understood(body, question, now)
        except (
            Exception
        ) as error:  # the gate goes on whatever this is; its text may quote a visitor, so nobody keeps it
            return Unknown(_why(error))


def of(settings: Settings) -> CodeService | None:
    """The service that the settings name; None where they name none."""
    if not settings.health_code_url:
        return None
    return HttpCodeService(
        settings.health_code_url,
        settings.health_code_key,
        seconds=settings.health_code_seconds,
        at_once=settings.health_code_at_once,
    )


async def _exchange(
    url: str, question: dict[str, str], timeout: httpx.Timeout, client: httpx.AsyncClient
) -> bytes:
    """Sends the question; the body that came back, which nobody has read yet."""
    sent = json.dumps(question).encode()
    async with client.stream("POST", url, content=sent, timeout=timeout) as answer:
        if answer.status_code != 200:
            raise Unusable(Why.REFUSED)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json" or "Content-Encoding" in answer.headers:
            raise Unusable(Why.UNREADABLE)
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > LARGEST:
                raise Unusable(Why.UNREADABLE)
    return bytes(body)


def understood(body: bytes, question: dict[str, str], now: datetime) -> CodeAnswer:
    """The answer in this body, if it is one to this question; raises Unusable."""
    try:
        said: Any = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Unusable(Why.UNREADABLE) from None
    if not isinstance(said, dict) or said.keys() != {*question, "status", "at"}:
        raise Unusable(Why.UNREADABLE)
    if any(said[key] != sent for key, sent in question.items()):
        raise Unusable(Why.OTHER_PERSON)
    try:
        answer = CodeAnswer(CodeStatus(said["status"]), datetime.fromisoformat(said["at"]))
        in_time = now - OLDEST <= answer.at <= now + AHEAD
    except (ValueError, TypeError):  # an unknown status, no instant, an instant without its offset
        raise Unusable(Why.UNREADABLE) from None
    if not in_time:
        raise Unusable(Why.OUTDATED)
    return answer


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no key stands twice: which of them counts, every reader decides for itself."""
    pairs = list(pairs)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _why(error: Exception) -> Why:
    if isinstance(error, Unusable):
        return error.why
    return Why.SLOW if isinstance(error, (TimeoutError, httpx.TimeoutException)) else Why.UNREACHABLE
