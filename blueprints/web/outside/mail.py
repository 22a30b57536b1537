"""E-mail by SMTP (电子邮件). Nothing is sent unless SITE_MAIL_SERVER is set.

A letter has a title and the address of a page, which opens after signing in. It goes encrypted (STARTTLS, or TLS from the start)
or not at all, unless the server is on this very machine. A letter takes SITE_MAIL_SECONDS at most, wherever the server hangs:
smtplib's own time-out is for each step, so at the end of the time the socket is shut from outside.
"""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from types import TracebackType

from blueprints.web.outside.breaker import Breaker
from blueprints.web.settings import Settings
from models.delivery import OF_ONE, Letter, Trouble

log = logging.getLogger(__name__)

SENDER = "企业首席健康官平台"
A_LINE = 25  # letters of one connection: servers end longer ones
AGAIN = 0.2  # seconds between two attempts to shut a line
A_STEP = (
    2.0  # seconds more than the whole has: smtplib's own time-out is the last resort, a name's look-up aside
)


class SmtpCarrier:
    """A Carrier over SMTP, for one thread at a time: the background's."""

    def __init__(
        self, host: str, port: int, *, sender: str, tls: str = "starttls", user: str = "", password: str = "",
        seconds: float = 10.0, breaker: Breaker | None = None, trust: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._host, self._port, self._tls, self._sender = host, port, tls, sender
        self._user, self._password, self._seconds = user, password, seconds
        self._breaker = breaker or Breaker("mail server", failures=3, of=5, seconds=60)
        self._trust = trust
        self._line: smtplib.SMTP | None = None
        self._carried = 0

    def send(self, letter: Letter) -> Trouble | None:
        ticket = self._breaker.admit()
        if ticket is None:
            return Trouble.SPARED
        with _Ending(self._seconds) as ending:
            try:
                trouble = self._send(letter, ending)
            except Exception as error:  # the round goes on whatever this is; its text may quote an address, so nobody keeps it
                trouble = Trouble.SLOW if ending.has_come else _why(error)
        self._breaker.report(ticket, ok=trouble is None or trouble in OF_ONE)
        if trouble is not None:
            self.close()
            log.warning("a letter was not taken: %s", trouble.value)
        return trouble

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with _Ending(1.0) as ending, suppress(OSError, smtplib.SMTPException):
                ending.of(line)
                line.quit()
            line.close()

    def _send(self, letter: Letter, ending: _Ending) -> Trouble | None:
        if self._line is not None and self._carried >= A_LINE:
            self.close()
        if self._line is None:
            self._line, self._carried = self._opened(ending), 0
        ending.of(self._line)
        self._carried += 1
        self._line.send_message(written(letter, self._sender), self._sender, [letter.to])
        return None

    def _opened(self, ending: _Ending) -> smtplib.SMTP:
        domain = self._sender.rpartition("@")[2]
        if self._tls == "tls":
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                timeout=self._seconds + A_STEP, context=self._context(), local_hostname=domain
            )
        else:
            line = smtplib.SMTP(timeout=self._seconds + A_STEP, local_hostname=domain)
        line._host = self._host  # type: ignore[attr-defined]  # whose certificate it has to be
        ending.of(line)
        try:
            code, _ = line.connect(self._host, self._port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, "")
            if self._tls == "starttls":
                line.starttls(context=self._context())
            if self._user:
                line.login(self._user, self._password)
        except BaseException:
            line.close()
            raise
        return line

    def _context(self) -> ssl.SSLContext:
        return self._trust or ssl.create_default_context()


class _Ending:
    """Shuts a line from outside when its time is over, whatever it waits for, and goes on doing so until it is let go."""

    def __init__(self, seconds: float) -> None:
        self.has_come = False
        self._seconds = seconds
        self._line: smtplib.SMTP | None = None
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._wait, name="end of a letter", daemon=True)

    def of(self, line: smtplib.SMTP) -> None:
        self._line = line

    def _wait(self) -> None:
        if self._over.wait(self._seconds):
            return
        self.has_come = True
        self._shut()
        while not self._over.wait(AGAIN):  # it may have been connecting, and have a socket only now
            self._shut()

    def _shut(self) -> None:
        opened = None if self._line is None else self._line.sock
        if opened is not None:
            with suppress(OSError):
                # the plain socket's own: that of TLS would take its state away under the thread that reads
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    def __enter__(self) -> _Ending:
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watch.join()


def written(letter: Letter, sender: str) -> EmailMessage:
    """The letter as it goes out."""
    message = EmailMessage()
    message["From"] = formataddr((SENDER, sender))
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = f"<{letter.number}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # no answering machine answers it
    message.set_content("\n\n".join(_lines(letter)) + "\n")
    return message


def _lines(letter: Letter) -> list[str]:
    if letter.code:
        return [
            f"验证码：{letter.code}，30分钟内有效。",
            f"有人在{SENDER}上把这个邮箱登记为消息邮箱。如果不是您，不用理会，也不要把验证码告诉别人。",
        ]
    where = [f"登录后看：{letter.link}"] if letter.link else ["请登录网站，在“消息”里看。"]
    return [
        letter.subject,
        *where,
        f"{SENDER}自动发出，请不要回复。不想再收，请在“我的账号－消息邮箱”里清除。",
    ]


def _why(error: Exception) -> Trouble:
    kinds: list[tuple[tuple[type[Exception], ...], Callable[[Exception], Trouble]]] = [
        ((smtplib.SMTPAuthenticationError,), lambda _: Trouble.LOGIN),
        ((smtplib.SMTPRecipientsRefused,), _refused),
        ((smtplib.SMTPNotSupportedError, ssl.SSLError), lambda _: Trouble.INSECURE),
        ((TimeoutError,), lambda _: Trouble.SLOW),
        ((smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected), lambda _: Trouble.UNREACHABLE),
        ((smtplib.SMTPException,), lambda _: Trouble.REFUSED),
        ((OSError,), lambda _: Trouble.UNREACHABLE),
    ]
    return next((say(error) for kind, say in kinds if isinstance(error, kind)), Trouble.UNREADABLE)


def _refused(error: Exception) -> Trouble:
    """For good where the server says so (5xx); "later" (4xx) is a server's whim, not the address's."""
    assert isinstance(error, smtplib.SMTPRecipientsRefused)
    codes = [code for code, _ in error.recipients.values()]
    return Trouble.ADDRESS if all(code >= 500 for code in codes) else Trouble.REFUSED


def of(settings: Settings) -> SmtpCarrier | None:
    """The way that the settings name; None where they name none."""
    if not settings.mail_server:
        return None
    host, _, port = settings.mail_server.rpartition(":")
    return SmtpCarrier(
        host.strip("[]"), int(port), sender=settings.mail_from, tls=settings.mail_tls, user=settings.mail_user,
        password=settings.mail_password, seconds=settings.mail_seconds,
    )  # fmt: skip
