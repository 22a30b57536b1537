"""Headers of every answer (SEC-9), the request's number, and whether it is going to write."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, after_this_request, g, request

from blueprints.web.site import site
from models.base import writing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": CSP,
}
WITH_TLS = {"Strict-Transport-Security": "max-age=31536000"}
NO_STORE = {"Cache-Control": "no-store"}  # every page here has somebody's affairs on it
CHOICES = {"text": ("normal", "large", "xlarge"), "lang": ("zh", "en")}


REQUEST_ID = re.compile(r"[0-9a-f]{16,40}")


def init_app(app: Flask) -> None:
    app.after_request(keep_choices)
    app.teardown_request(end)
    tls = app.extensions["site"].settings.tls
    app.wsgi_app = WithHeaders(app.wsgi_app, FIXED | NO_STORE | (WITH_TLS if tls else {}))  # type: ignore[method-assign]


class WithHeaders:
    """Gives every answer these headers, where it has none of that name; whatever made it, an error or a poll too."""

    def __init__(self, app: WSGIApplication, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = [(name.lower(), (name, value)) for name, value in headers.items()]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, given: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            names = {name.lower() for name, _value in given}
            more = [header for name, header in self._headers if name not in names]
            return start_response(status, [*given, *more], *error)

        return self._app(environ, start)


def begin() -> None:
    g.writing_before = writing.set(request.method not in ("GET", "HEAD", "OPTIONS"))


def request_id() -> str:
    """The number of this request, in logs and on pages that say what went wrong; made when it is first asked for."""
    if "request_id" not in g:
        g.request_id = _given_id() or secrets.token_hex(8)
    return g.request_id


def _given_id() -> str:
    """The front server's own number for the request, so that its log and ours go together. Nobody else's: it stands in logs."""
    given = request.headers.get("X-Request-ID", "") if site.settings.trusted_proxies else ""
    return given if REQUEST_ID.fullmatch(given) else ""


def keep_choices(response: Response) -> Response:
    """Size of type and language, as a link on the page chose them, for the pages that follow."""
    for name, choices in CHOICES.items() if request.query_string else ():
        chosen = request.args.get(name)
        if chosen in choices:
            response.set_cookie(
                name, chosen, max_age=31536000, httponly=True, samesite="Lax", secure=site.settings.tls
            )
    return response


def forget_what_the_browser_kept() -> None:
    """Has the browser drop what pages of this site left in it for the time without network: lists, ticks, workers."""

    @after_this_request
    def clear(response: Response) -> Response:
        response.headers["Clear-Site-Data"] = '"storage"'
        return response


def end(_error: BaseException | None) -> None:
    if "writing_before" in g:  # a command that builds addresses has a context without a request
        writing.reset(g.pop("writing_before"))
