"""A seal service on loopback that behaves as it is told: it seals, refuses, answers something else, hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from blueprints.web.outside.seal import KeySealer

Answer = tuple[int, str, bytes]  # status, type, body


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sealer: KeySealer) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.answer: Callable[[bytes], Answer] = lambda pdf: (200, "application/pdf", sealer.seal(pdf))
        self.asked: list[tuple[str, bytes]] = []  # authorization, document
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/seal"

    def hangs(self, _pdf: bytes) -> Answer:
        self.released.wait()
        return 200, "application/pdf", b""

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody hung up: that is what is tried here."""


class _Asked(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        pdf = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.headers["Authorization"], pdf))
        status, kind, body = self.server.answer(pdf)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status in (301, 302, 307):
            self.send_header("Location", self.server.url)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """The tests' output stays readable."""


@contextmanager
def running(sealer: KeySealer) -> Iterator[Service]:
    service = Service(sealer)
    thread = threading.Thread(target=service.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield service
    finally:
        service.released.set()
        service.shutdown()
        thread.join()
        service.server_close()
