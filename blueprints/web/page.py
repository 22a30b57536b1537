"""One way to answer (页面): the whole page, or its part for htmx."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_htmx import HTMX
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

htmx = HTMX()

TEXT_SIZES = ("normal", "large", "xlarge")


def page(template: str, *, partial: str | None = None, status: int = 200, **context: Any) -> Response:
    """Renders `template`, or `partial` where htmx asks for a part. Both need the same context.

    A form with errors is answered with 422.
    """
    part = partial and htmx and not htmx.history_restore_request
    form = context.get("form")
    if form is not None and getattr(form, "errors", None) and status == 200:
        status = 422
    response = make_response(render_template(partial if part else template, **context), status)
    if partial:
        response.headers["Vary"] = "HX-Request"
    return response


def done(where: str) -> ResponseReturnValue:
    """After a success: on to the page that shows it (303). htmx follows it like a browser does."""
    return redirect(where, 303)


def text_size() -> str:
    """The size of type that this browser chose (大字): by ?text=, remembered in a cookie."""
    asked = request.args.get("text") or request.cookies.get("text", "normal")
    return asked if asked in TEXT_SIZES else "normal"


def english_wanted() -> bool:
    """Whether this browser chose English: by ?lang=, remembered in a cookie. Pages for people without an account ask."""
    return (request.args.get("lang") or request.cookies.get("lang")) == "en"


def same_page(**changes: str | None) -> str:
    """The address of this page with other query values: sorting, paging, size of type."""
    args = request.args.to_dict(flat=False)
    for name, value in changes.items():
        args.pop(name, None)
        if value is not None:
            args[name] = [value]
    query = urlencode([(k, v) for k, values in args.items() for v in values])
    return iri_to_uri(request.path) + (f"?{query}" if query else "")


def with_filters(endpoint: str, **values: Any) -> str:
    """The address of a page that does something with what this page lists: its own values, and this address's query, whatever
    somebody has put into it."""
    query = request.query_string.decode("ascii", "replace")
    address = url_for(endpoint, **values)
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address
