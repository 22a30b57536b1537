"""A health-code service on loopback that behaves as it is told: it answers, lies, hangs, drips and dies."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

AT = "2026-11-20T09:30:00+08:00"


class Service:
    """Takes a question at a time from each connection, writes it down, and hands it to `behave`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.behave: Callable[[Service, socket.socket, dict[str, str]], None] = answers
        self.questions: list[dict[str, str]] = []
        self.heads: list[str] = []
        self.connections = 0
        self.waiting = threading.Semaphore(0)  # one more for each question that has arrived
        self.released = threading.Event()  # ends every wait
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/codes"

    def close(self) -> None:
        self.released.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as sent:
                while question := self._read(sent):
                    self.questions.append(question)
                    self.waiting.release()
                    self.behave(self, connection, question)

    def _read(self, sent: Any) -> dict[str, str]:
        head = b""
        while line := sent.readline().rstrip(b"\r\n"):
            head += line + b"\n"
        if not head:
            return {}
        self.heads.append(head.decode())
        length = next(
            int(h.split(b":")[1]) for h in head.split(b"\n") if h.lower().startswith(b"content-length")
        )
        return json.loads(sent.read(length))


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    service = Service(tls)
    try:
        yield service
    finally:
        service.close()


@contextmanager
def never_accepting() -> Iterator[str]:
    """An address at which no connection comes about: its queue is full, and what knocks is left without a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        knocking = [socket.socket() for _ in range(4)]
        for one in knocking:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/codes"
        finally:
            for one in knocking:
                one.close()


def said(question: dict[str, str], **other: Any) -> bytes:
    return json.dumps({**question, "status": "green", "at": AT, **other}).encode()


def send(
    connection: socket.socket, body: bytes, *, status: str = "200 OK", kind: str = "application/json",
    more: str = "", length: int | None = None,
) -> None:  # fmt: skip
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}"
    head += f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    connection.sendall(head.encode() + body)


def answers(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    send(connection, said(question))


def says(**other: Any) -> Callable:
    """An answer with other values."""
    return lambda service, connection, question: send(connection, said(question, **other))


def sends(body: bytes = b"", **how: Any) -> Callable:
    """This very body, or a good one, sent in another way."""
    return lambda service, connection, question: send(connection, body or said(question), **how)


def hangs(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    service.released.wait()


def hangs_after_half(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    body = said(question)
    send(connection, body[:40], length=len(body))
    service.released.wait()


def drips_head(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    drip(service, connection, b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000)


def drips_body(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    send(connection, b"", length=2000)
    drip(service, connection, b" " * 2000)


def goes_on_for_ever(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not service.released.is_set():
        connection.sendall(b" " * 4096)


def drip(service: Service, connection: socket.socket, text: bytes) -> None:
    for sign in text:
        if service.released.wait(0.02):
            return
        connection.sendall(bytes([sign]))


def dies_at_once(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def dies_half_way(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    body = said(question)
    send(connection, body[:40], length=len(body))
    connection.shutdown(socket.SHUT_RDWR)
