"""A line to a service outside (外线): HTTP exchanges that end at their time, wherever they hang.

The time-outs of an HTTP client are for each step: a server that sends a byte a second, or a name server that sends
nothing, keeps a thread for as long as it likes. In an event loop an exchange can be broken off anywhere. So there is one,
in a thread of its own, and the site's threads wait for it no longer than they mean to.
"""

from __future__ import annotations

import asyncio
import atexit
import ssl
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import httpx

FAREWELL = 0.2  # seconds for closing the connections that are kept
T = TypeVar("T")


def client_of(kind: str, *, key: str = "", trust: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """For one service that takes and gives `kind`, with the word for it: nothing of our environment, led nowhere else, never packed
    (a bomb). Whoever exchanges with it bounds how many connections there are."""
    headers = {
        "Content-Type": kind,
        "Accept": kind,
        "Accept-Encoding": "identity",
        "User-Agent": "health-gate",
    }
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return httpx.AsyncClient(
        headers=headers, verify=trust or ssl.create_default_context(), trust_env=False, follow_redirects=False,
        limits=httpx.Limits(keepalive_expiry=5.0),
    )  # fmt: skip


class Line:
    """A client in an event loop of its own. It begins with the first exchange, in the process that makes it: an app may
    be made before its server forks."""

    def __init__(self, client: Callable[[], httpx.AsyncClient]) -> None:
        self._make_client = client
        self._lock = threading.Lock()
        self._open: tuple[asyncio.AbstractEventLoop, threading.Thread, httpx.AsyncClient] | None = None

    def run(self, exchange: Callable[[httpx.AsyncClient], Coroutine[Any, Any, T]], seconds: float) -> T:
        """What the exchange comes to, or its exception; TimeoutError where it has not ended after `seconds`."""
        loop, _, client = self._opened()
        under_way = asyncio.run_coroutine_threadsafe(exchange(client), loop)
        try:
            return under_way.result(seconds)
        finally:
            under_way.cancel()  # breaks it off, wherever it is; nothing where it has ended

    def close(self) -> None:
        """Ends the thread and its connections; the next exchange would begin anew."""
        with self._lock:
            opened, self._open = self._open, None
        if opened is None:
            return
        atexit.unregister(self.close)
        loop, thread, client = opened
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(client.aclose(), loop).result(FAREWELL)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _opened(self) -> tuple[asyncio.AbstractEventLoop, threading.Thread, httpx.AsyncClient]:
        with self._lock:
            if self._open is None:
                client, loop = self._make_client(), asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="line", daemon=True)
                thread.start()
                self._open = loop, thread, client
                atexit.register(self.close)
            return self._open
