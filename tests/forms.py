"""Filling in forms as a browser does: open the page, change some fields, send it with its token."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.reader import Page, read


def opened(client: FlaskClient, address: str) -> Page:
    """The page at an address, which must be there, read strictly."""
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return read(answer.text)


def submit(
    client: FlaskClient, address: str, action: str | None = None, /, **changes: str | list[str] | None
) -> TestResponse:
    """Sends the page's form whose action begins with `action`, or the form that has the first of the fields."""
    page = opened(client, address)
    if action is not None:
        form = page.form(action)
    else:
        posts = [f for f in page.forms if f.method == "post"]
        form = next(f for f in posts if not changes or set(changes) <= set(f.choices))
    return client.post(form.action or address, data=form.data(**changes))


def landed(client: FlaskClient, answer: TestResponse) -> Page:
    """Where a 303 leads to, read strictly."""
    assert answer.status_code == 303, f"{answer.status_code}: {read(answer.text).text[:600]}"
    return opened(client, answer.headers["Location"])


def refused(answer: TestResponse) -> str:
    """What a page says that came back with errors."""
    assert answer.status_code == 422, answer.status_code
    return read(answer.text).text
