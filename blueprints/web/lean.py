"""The short way through Flask (快速通道): for a visitor's requests, and for polls that find nothing new.

They have no session, no sign-in and no limit by address, and a visitor's form carries a token of its own. What the
extensions' hooks do for such a request is nothing, yet it takes longer than the view. So a view marked `@lean` is framed by
headers.py and timed by metrics.py alone, and an empty answer that is given `@quickly` by nothing at all; everything
else about them, their errors too, is as Flask does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature
from werkzeug.datastructures import Headers, ImmutableMultiDict
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import parse_cookie
from werkzeug.utils import cached_property

from blueprints.web import headers, logs, metrics

FORM = "application/x-www-form-urlencoded"
SHORT = 64 * 1024  # bytes: no form of a gate is as long


def lean(view: Callable) -> Callable:
    """For a view that takes no session and nobody signed in: none is kept, no limit is counted, no CSRF token asked for."""
    view.lean = True  # type: ignore[attr-defined]
    return view


def quickly(nothing_new: Callable[..., bool]) -> Callable[[Callable], Callable]:
    """For a view that is polled: 204 where `nothing_new` says so, else the request goes its usual way.

    It is asked before every hook. Nobody's rights have been looked at by then, so that it may only rest on what a signed
    ticket vouches for.
    """

    def mark(view: Callable) -> Callable:
        view.nothing_new = nothing_new  # type: ignore[attr-defined]
        return view

    return mark


class Sessions(SecureCookieSessionInterface):
    """Flask's own; only that no signature is checked twice in a process, and none where no cookie was sent."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        cookie = request.cookies.get(self.get_cookie_name(app))
        if not cookie:
            return self.session_class()
        try:
            facts, signed_at = _read(self, app, cookie)
        except BadSignature:
            return self.session_class()
        in_time = 0 <= time.time() - signed_at.timestamp() <= app.permanent_session_lifetime.total_seconds()
        return self.session_class(_own_copy(facts) if in_time else None)


@lru_cache(maxsize=4096)
def _read(sessions: Sessions, app: Flask, cookie: str) -> tuple[dict[str, Any], datetime]:
    """What a session cookie holds and when it was signed. BadSignature, each time anew, where it is not ours."""
    return sessions.get_signing_serializer(app).loads(cookie, return_timestamp=True)


def _own_copy(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | int) else deepcopy(value) for name, value in facts.items()}


class LeanRequest(Request):
    """Flask's own; it goes straight to the one header line in which WSGI hands over the cookies."""

    frame = "usual"  # | "lean" | "none"

    def _load_form_data(self) -> None:
        """A visitor's form comes in one piece and has no files: werkzeug's parser, which expects both, takes three times as long."""
        length = self.content_length
        if self.frame != "lean" or self.mimetype != FORM or length is None or length > SHORT:
            super()._load_form_data()
            return
        body = self.environ["wsgi.input"].read(length)
        if len(body) < length:
            raise ClientDisconnected
        typed = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, errors="werkzeug.url_quote")
        empty = self.parameter_storage_class()
        self.__dict__.update(stream=BytesIO(), form=self.parameter_storage_class(typed), files=empty)

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:  # type: ignore[override]
        return parse_cookie(self.environ.get("HTTP_COOKIE"), cls=ImmutableMultiDict)  # type: ignore[return-value]


class SeeOther(Response):
    """303 to an address of ours, which needs no putting right on its way out."""

    def __init__(self, path: str) -> None:
        super().__init__(status=303, headers={"Location": path, "Content-Length": "0"})

    def get_wsgi_headers(self, _environ: object) -> Headers:
        return self.headers


class LeanFlask(Flask):
    """Flask that takes the short way where the view says so."""

    request_class = LeanRequest
    session_interface = Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # nothing here is async, and Flask would ask at each request

    def preprocess_request(self):
        asked = _asked()
        view = self.view_functions.get(asked.endpoint or "")
        if hasattr(view, "nothing_new"):
            if view.nothing_new(**asked.view_args):
                asked.frame = "none"
                return Response(status=204)
            g.is_poll = "ticket" in asked.args  # a page that asks by itself keeps nobody signed in
        metrics.begin(asked)
        headers.begin()
        if hasattr(view, "lean"):
            asked.frame = "lean"
            return None
        return super().preprocess_request()

    def process_response(self, response: Response) -> Response:
        asked = _asked()
        if asked.frame == "none":
            return response
        is_lean = asked.frame == "lean"
        response = headers.keep_choices(response) if is_lean else super().process_response(response)
        seconds = metrics.observe(asked, response.status_code)
        if (
            not is_lean or response.status_code >= 400
        ):  # a visitor's success is a row of its own, not a line in a log
            logs.note_request(response.status_code, seconds)
        return response

    def do_teardown_request(self, *error: BaseException | None) -> None:
        match _asked().frame:
            case "usual":
                super().do_teardown_request(*error)
            case "lean":
                headers.end(None)


def _asked() -> LeanRequest:
    return request._get_current_object()  # type: ignore[attr-defined]
