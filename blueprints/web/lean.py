"""The short way through Flask for a visitor's two requests (快速通道).

They have no session, no sign-in and no limit by address, and their form carries a token of its own. What the extensions'
hooks do for such a request is nothing, yet it takes longer than the view. So a view marked `@lean` is framed by headers.py
and timed by metrics.py alone; everything else about it, its errors too, is as Flask does it.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from blueprints.web import headers, logs, metrics


def lean(view: Callable) -> Callable:
    """For a view that takes no session and nobody signed in: none is kept, no limit is counted, no CSRF token asked for."""
    view.lean = True  # type: ignore[attr-defined]
    return view


class Sessions(SecureCookieSessionInterface):
    """Flask's own; only that nothing is made ready to read a cookie that was not sent."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class LeanFlask(Flask):
    """Flask that takes the short way where the view says so."""

    session_interface = Sessions()

    def preprocess_request(self):
        metrics.begin(request._get_current_object())  # type: ignore[attr-defined]
        headers.begin()
        return None if self._is_lean() else super().preprocess_request()

    def process_response(self, response: Response) -> Response:
        is_lean = self._is_lean()
        response = headers.finish(response) if is_lean else super().process_response(response)
        asked = request._get_current_object()  # type: ignore[attr-defined]
        seconds = metrics.observe(asked, response.status_code)
        if (
            not is_lean or response.status_code >= 400
        ):  # a visitor's success is a row of its own, not a line in a log
            logs.note_request(response.status_code, seconds)
        return response

    def do_teardown_request(self, *error: BaseException | None) -> None:
        headers.end(None) if self._is_lean() else super().do_teardown_request(*error)

    def _is_lean(self) -> bool:
        return hasattr(self.view_functions.get(request.endpoint or ""), "lean")
