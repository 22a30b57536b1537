"""A small load generator: a fixed list of requests over a few kept-alive connections to 127.0.0.1.

The requests are made before the clock starts, so that the generator costs as little as it can beside the server: one
thread, one request under way on each connection. It never goes on longer than `limit` seconds.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONNECTIONS = 8


@dataclass
class Load:
    """What came of it: answers by status, seconds in all, and the seconds that each answer took."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    def wait(self, share: float) -> float:
        """The wait in milliseconds that this share of the requests stayed under: 0.99 is the p99."""
        return sorted(self.waits)[min(int(len(self.waits) * share), len(self.waits) - 1)] * 1000


class Connection:
    """One kept-alive connection with at most one request under way."""

    def __init__(self, port: int, patience: float) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Takes what has come; whether that completes the answer."""
        piece = self.socket.recv(262144)
        if not piece:
            raise ConnectionError("the server closed the connection before it had answered")
        self.received += piece
        head, end, body = self.received.partition(b"\r\n\r\n")
        return bool(end) and len(body) >= _length(head)

    @property
    def status(self) -> int:
        return int(self.received[9:12])


def _length(head: bytes) -> int:
    """Content-Length; 0 where there is none, as with 204. A chunked answer is none that we time."""
    head = head.lower()
    if b"\r\ntransfer-encoding:" in head:
        raise ValueError("a chunked answer: its end is not looked for")
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def drive(
    port: int, requests: Sequence[bytes], *, connections: int = CONNECTIONS, limit: float = 60.0
) -> Load:
    """Sends all the requests, each once, and waits for their answers. TimeoutError after `limit` seconds."""
    load, queue = Load(), iter(requests)
    lines = [Connection(port, limit) for _ in range(min(connections, len(requests)))]
    try:
        with selectors.DefaultSelector() as selector:
            begun = time.perf_counter()
            for line in lines:
                selector.register(line.socket, selectors.EVENT_READ, line)
                line.send(next(queue))
            _answers(selector, queue, load, begun + limit)
            load.seconds = time.perf_counter() - begun
    finally:
        for line in lines:
            line.socket.close()
    return load


def _answers(selector: selectors.BaseSelector, queue: Iterator[bytes], load: Load, deadline: float) -> None:
    """Takes answers and sends the next request on the same connection, until there is none left."""
    while selector.get_map():
        ready = selector.select(timeout=1.0)
        now = time.perf_counter()
        if now > deadline:
            raise TimeoutError(f"{load.answered} answers, then the time was up")
        for key, _events in ready:
            line: Connection = key.data
            if not line.receive():
                continue
            load.statuses[line.status] += 1
            load.waits.append(time.perf_counter() - line.sent_at)
            following = next(queue, None)
            if following is None:
                selector.unregister(line.socket)
            else:
                line.send(following)


def get(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """One request by itself: status, head, body."""
    line = Connection(port, 60.0)
    try:
        line.send(request)
        while not line.receive():
            pass
        head, _, body = line.received.partition(b"\r\n\r\n")
        return line.status, head, body
    finally:
        line.socket.close()
