"""An SMTP server on loopback that behaves as it is told: it takes letters, refuses them, wants TLS and a password, hangs and dies."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


class Postman(socketserver.ThreadingTCPServer):
    """`says` has the answer to a command in place of the usual one: "hang", "die", or a line."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.tls = tls
        self.says: dict[str, str] = {}
        self.password = ""
        self.letters: list[EmailMessage] = []
        self.receivers: list[str] = []
        self.under_tls: list[bool] = []
        self.connections = 0
        self.released = threading.Event()

    @property
    def port(self) -> int:
        return self.server_address[1]


class Talk(socketserver.StreamRequestHandler):
    server: Postman
    secure = False

    def handle(self) -> None:
        self.server.connections += 1
        with suppress(OSError, ValueError):
            if not self.answer("greeting", "220 here"):
                return
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                if not self.take(line):
                    return

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        with suppress(OSError):
            self.rfile.close()
            self.request.close()  # under TLS another than the server's own

    def answer(self, command: str, usual: str) -> bool:
        said = self.server.says.get(command, usual)
        if said == "hang":
            self.server.released.wait()
            return False
        if said == "drip":
            while not self.server.released.wait(0.05):
                self.request.sendall(b"2")
            return False
        if said == "die":
            self.request.shutdown(socket.SHUT_RDWR)
            return False
        self.request.sendall(f"{said}\r\n".encode())
        return said[0] in "23"

    def take(self, line: str) -> bool:
        word = line.split()[0].upper().split(":")[0]
        match word:
            case "EHLO":
                more = [] if self.secure or self.server.tls is None else ["250-STARTTLS"]
                more += ["250-AUTH PLAIN"] if self.server.password else []
                self.request.sendall(
                    "".join(f"{one}\r\n" for one in ["250-here", *more, "250 8BITMIME"]).encode()
                )
            case "STARTTLS":
                self.answer(word, "220 go on")
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                self.rfile = self.request.makefile("rb")
                self.secure = True
            case "AUTH":
                sent = base64.b64decode(line.split()[2]).decode().split("\0")[2]
                self.answer(word, "235 welcome" if sent == self.server.password else "535 no")
            case "RCPT":
                receiver = line.partition("<")[2].partition(">")[0]
                if self.answer(word, "250 ok"):
                    self.server.receivers.append(receiver)
            case "DATA":
                if not self.answer(word, "354 go on"):
                    return self.server.says.get(word, "")[:1] in ("4", "5")
                content = b"".join(iter(lambda: self.rfile.readline(), b".\r\n"))
                if self.answer("taken", "250 taken"):
                    self.server.letters.append(message_from_bytes(content, policy=default))
                    self.server.under_tls.append(self.secure)
                elif "taken" in self.server.says and self.server.says["taken"] in ("hang", "die"):
                    return False
            case "QUIT":
                self.answer(word, "221 bye")
                return False
            case _:
                self.answer(word, "250 ok")
        return True


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Postman]:
    with Postman(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
