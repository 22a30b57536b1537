"""A robot of a district's work group (群机器人) in WeCom or DingTalk: told by HTTP that something new is on the site.

Nothing is sent unless SITE_ROBOT_URL is set. Both services take the same text and answer `{"errcode": 0}`; DingTalk may ask for a
signature besides (HMAC-SHA256 over the time and the secret, in the address). The address is a secret: whoever knows it can post.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import ssl
import time
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import httpx

from blueprints.web.outside.breaker import Breaker
from blueprints.web.outside.line import Line, client_of
from blueprints.web.settings import Settings
from models.delivery import OF_ONE, Letter, Trouble

log = logging.getLogger(__name__)

LARGEST = 4096  # bytes of an answer


class Unusable(Exception):
    """What came back is no consent. Carries the kind of trouble alone."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class RobotCarrier:
    """A Carrier over HTTP. A post takes `seconds` at most, from connecting to the last byte."""

    def __init__(
        self, url: str, *, secret: str = "", seconds: float = 5.0, breaker: Breaker | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._url, self._secret, self._seconds = url, secret, seconds
        self._breaker = breaker or Breaker("group robot", failures=3, of=5, seconds=60)
        self._line = Line(partial(client_of, "application/json", trust=trust))

    def send(self, letter: Letter) -> Trouble | None:
        ticket = self._breaker.admit()
        if ticket is None:
            return Trouble.SPARED
        try:
            address = signed(self._url, self._secret, int(time.time() * 1000)) if self._secret else self._url
            self._line.run(partial(_exchange, address, body_of(letter), self._seconds), self._seconds)
            trouble = None
        except Exception as error:  # the round goes on; its text may quote the address, so nobody keeps it
            trouble = _why(error)
            log.warning("a post was not taken: %s", trouble.value)
        self._breaker.report(ticket, ok=trouble is None or trouble in OF_ONE)
        return trouble

    def close(self) -> None:
        self._line.close()


def body_of(letter: Letter) -> bytes:
    text = letter.subject + (f"\n登录后看：{letter.link}" if letter.link else "\n请登录网站看")
    return json.dumps({"msgtype": "text", "text": {"content": text}}, ensure_ascii=False).encode()


def signed(url: str, secret: str, milliseconds: int) -> str:
    """The address with DingTalk's signature (加签) of this instant."""
    proof = hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256)
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}timestamp={milliseconds}&sign={quote_plus(base64.b64encode(proof))}"


async def _exchange(address: str, body: bytes, seconds: float, client: httpx.AsyncClient) -> None:
    """Sends the post; raises unless the service says that it has taken it."""
    async with client.stream("POST", address, content=body, timeout=seconds) as answer:
        if answer.status_code != 200:
            raise Unusable(Trouble.REFUSED)
        told = bytearray()
        async for part in answer.aiter_raw():
            told += part
            if len(told) > LARGEST:
                raise Unusable(Trouble.UNREADABLE)
    try:
        said: Any = json.loads(told.decode("utf-8"))
        code = said["errcode"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise Unusable(Trouble.UNREADABLE) from None
    if code != 0:
        raise Unusable(Trouble.REFUSED)


def _why(error: Exception) -> Trouble:
    if isinstance(error, Unusable):
        return error.trouble
    return Trouble.SLOW if isinstance(error, (TimeoutError, httpx.TimeoutException)) else Trouble.UNREACHABLE


def of(settings: Settings) -> RobotCarrier | None:
    """The robot that the settings name; None where they name none."""
    if not settings.robot_url:
        return None
    return RobotCarrier(settings.robot_url, secret=settings.robot_secret, seconds=settings.robot_seconds)
