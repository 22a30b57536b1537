"""Headers of every answer (SEC-9), the request's number, and whether it is going to write."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, after_this_request, g, request

from blueprints.web.site import site
from models.base import writing

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
FIXED_WITH_TLS = FIXED | {"Strict-Transport-Security": "max-age=31536000"}
PLAIN, WITH_TLS = (
    [(name.lower(), (name, value)) for name, value in headers.items()] for headers in (FIXED, FIXED_WITH_TLS)
)
CHOICES = {"text": ("normal", "large", "xlarge"), "lang": ("zh", "en")}


REQUEST_ID = re.compile(r"[0-9a-f]{16,40}")


def init_app(app: Flask) -> None:
    app.after_request(finish)
    app.teardown_request(end)


def begin() -> None:
    g.request_id = _given_id() or secrets.token_hex(8)
    g.writing_before = writing.set(request.method not in ("GET", "HEAD", "OPTIONS"))


def _given_id() -> str:
    """The front server's own number for the request, so that its log and ours go together. Nobody else's: it stands in logs."""
    given = request.headers.get("X-Request-ID", "") if site.settings.trusted_proxies else ""
    return given if REQUEST_ID.fullmatch(given) else ""


def finish(response: Response) -> Response:
    tls, given = site.settings.tls, {name.lower() for name, _value in response.headers}
    wanted = WITH_TLS if tls else PLAIN
    response.headers.extend([header for name, header in wanted if name not in given])
    if "cache-control" not in given and request.endpoint != "static":
        response.headers.add("Cache-Control", "no-store")  # every page here has somebody's affairs on it
    if request.args:
        _keep_choices(response, tls)
    return response


def nothing() -> Response:
    """204, for a poll that finds nothing new."""
    wanted = WITH_TLS if site.settings.tls else PLAIN
    return Response(
        status=204, headers=[*(header for _name, header in wanted), ("Cache-Control", "no-store")]
    )


def _keep_choices(response: Response, tls: bool) -> None:
    """Size of type and language, as a link on the page chose them, for the pages that follow."""
    for name, choices in CHOICES.items():
        chosen = request.args.get(name)
        if chosen in choices:
            response.set_cookie(name, chosen, max_age=31536000, httponly=True, samesite="Lax", secure=tls)


def forget_what_the_browser_kept() -> None:
    """Has the browser drop what pages of this site left in it for the time without network: lists, ticks, workers."""

    @after_this_request
    def clear(response: Response) -> Response:
        response.headers["Clear-Site-Data"] = '"storage"'
        return response


def end(_error: BaseException | None) -> None:
    if "writing_before" in g:  # a command that builds addresses has a context without a request
        writing.reset(g.pop("writing_before"))
