"""What the site writes about itself (日志): one line an event, to stderr, with no personal data in it.

A line names the rule of an address, never the address: that may be a pass. No form, no query, no name, no number. An error is
told by its kind and the places in the code it came by; its text is left out, for it quotes what it stumbled over. The same holds
for the lines of libraries: their constant part is kept, what they would put into it is not.
"""

from __future__ import annotations

import ipaddress
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, TextIO

import structlog
from flask import g, request
from gunicorn.glogging import Logger
from sqlalchemy import inspect
from structlog.typing import EventDict, Processor

from blueprints.web.headers import request_id

log = structlog.stdlib.get_logger("site")

TRACE = 30  # places of an error that are told, the innermost


def configure(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Takes over all logging of this process. JSON for machines, else lines for a person at a terminal."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
    ]
    render: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _constant_part],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            use_get_message=False,
            pass_foreign_args=True,
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    log_of_site = logging.getLogger("site")
    log_of_site.setLevel(logging.INFO)
    if as_json:
        logging.captureWarnings(True)
        sys.excepthook = _note_end
        threading.excepthook = lambda args: _note_end(args.exc_type, args.exc_value, args.exc_traceback)


def note_request(status: int, seconds: float) -> None:
    """One line for a request that was answered. Files and polls that found nothing are not worth one."""
    if status < 400 and (request.endpoint == "static" or status == 204):
        return
    log.info(
        "request", id=request_id(), rule=_rule(), method=request.method if _rule() else "", status=status,
        ms=round(seconds * 1000, 1), account=_account(), address=truncated(request.remote_addr),
    )  # fmt: skip


def note_error(event: str, error: BaseException) -> None:
    """Under the same number as on the visitor's page."""
    log.error(event, id=request_id(), rule=_rule(), account=_account(), **told(error))


def told(error: BaseException) -> dict[str, Any]:
    """An error without its text: kinds, places, and the database's own code for it."""
    kinds, places = [], []
    at: BaseException | None = error
    while at is not None and len(kinds) < 5:
        kinds.append(type(at).__name__)
        places += [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(at.__traceback__)][
            -TRACE:
        ]
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    return {"error": " < ".join(kinds), "sqlstate": code, "trace": places}


def truncated(address: str | None) -> str:
    """Enough of an address to tell networks apart, too little to tell households: /24, of IPv6 /48."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False).network_address)


def _rule() -> str:
    return request.url_rule.rule if request.url_rule else ""


def _account() -> int | None:
    """Who is signed in, where that has been looked up: a log line asks the database nothing."""
    person = getattr(g.get("_login_user"), "account", None)
    identity = inspect(person).identity if person is not None else None
    return identity[0] if identity else None


def _constant_part(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """A library's line: which library, where in it, and what it says without the values it would fill in.

    A line that was put together before it came here may hold anything; unless it is about starting and stopping it is not kept.
    """
    record: logging.LogRecord = event["_record"]
    event["logger"], event["at"] = record.name, f"{record.module}:{record.lineno}"
    constant = bool(event.pop("positional_args", None)) or (
        record.name == "gunicorn.error" and record.levelno <= logging.INFO
    )
    event["event"] = str(record.msg) if constant and isinstance(record.msg, str) else "（略）"
    if record.exc_info and record.exc_info[1] is not None:
        event |= told(record.exc_info[1])
    event.pop("exc_info", None)
    return event


def _note_end(kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    """A command or a thread that ends by an error says so in the same way."""
    if issubclass(kind, KeyboardInterrupt) or error is None:
        return
    log.error("ended", **told(error))


class GunicornLog(Logger):
    """gunicorn's own log by way of ours: what it says of a request would name its address."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for found in (self.error_log, self.access_log):
            found.handlers[:] = []
        self.error_log.propagate = True
        self.access_log.propagate = False
        self.access_log.addHandler(logging.NullHandler())
        configure(as_json=True)
