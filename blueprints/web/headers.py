"""Headers of every answer (SEC-9), the request's number, and whether it is going to write."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

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
}


def init_app(app: Flask) -> None:
    tls = app.extensions["site"].settings.tls
    constant = FIXED | ({"Strict-Transport-Security": "max-age=31536000"} if tls else {})

    @app.before_request
    def begin() -> None:
        g.request_id = request.headers.get("X-Request-ID", "")[:40] or secrets.token_hex(8)
        g.writing_before = writing.set(request.method not in ("GET", "HEAD", "OPTIONS"))

    @app.after_request
    def finish(response: Response) -> Response:
        for name, value in constant.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", CSP)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")  # every page here has somebody's affairs on it
        text = request.args.get("text")
        if text in ("normal", "large", "xlarge"):
            response.set_cookie("text", text, max_age=31536000, httponly=True, samesite="Lax", secure=tls)
        language = request.args.get("lang")
        if language in ("zh", "en"):
            response.set_cookie("lang", language, max_age=31536000, httponly=True, samesite="Lax", secure=tls)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if "writing_before" in g:  # a command that builds addresses has a context without a request
            writing.reset(g.pop("writing_before"))

