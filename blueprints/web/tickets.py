"""The ticket of a poll (轮询凭条): how far a page has seen, signed for one session and one page, for a minute at most.

It saves the poll that finds nothing new from loading the session, the person and their posts. It opens nothing: whenever
something is shown, the session and the reach are looked at as for every page.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import session

from blueprints.web.site import site

LIFE = timedelta(seconds=60)
PURPOSE = "poll"


def issue(page: str, facts: str, until: datetime) -> str:
    """A ticket for the session at the door; `page` is what it watches, `facts` come back from `read`."""
    body = f"{int(until.timestamp())}~{facts}"
    return f"{body}~{_signature(page, body)}"


def read(page: str, ticket: str, now: datetime) -> str | None:
    """The facts; None where the ticket is of another session or page, changed, or too old."""
    body, _, signature = ticket.rpartition("~")
    if not body or not site.vault.signed(PURPOSE, _parts(page, body), signature):
        return None
    until, _, facts = body.partition("~")
    return facts if now.timestamp() < int(until) else None


def _signature(page: str, body: str) -> str:
    return site.vault.sign(PURPOSE, _parts(page, body))


def _parts(page: str, body: str) -> tuple[str, ...]:
    """The cookie's token is one of the parts: the ticket is worth nothing in another browser."""
    return session.get("_user_id", ""), page, body
