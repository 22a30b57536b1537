"""The floor of a poll that finds nothing: Flask, a ticket checked by HMAC, the site's own look-up by the driver itself, 204."""

from __future__ import annotations

import hmac
import json
import os
import sqlite3
import threading
import time
from typing import Any

import psycopg
from flask import Flask, Response, request


def ticket(key: str, cookie: str, until: int, entries: int, moves: int) -> str:
    """For one session and one minute, like ours."""
    body = f"{until}.{entries}.{moves}"
    return f"{body}.{hmac.digest(key.encode(), f'{cookie}.{body}'.encode(), 'sha256').hex()}"


def create_app() -> Flask:
    database, key = os.environ["POLL_DATABASE"], os.environ["POLL_KEY"]
    statement, arguments = json.loads(os.environ["POLL_STATEMENT"]), json.loads(os.environ["POLL_ARGUMENTS"])
    app, own = Flask(__name__, static_folder=None), threading.local()

    def connection() -> Any:
        if not hasattr(own, "connection"):
            own.connection = (
                sqlite3.connect(database, isolation_level=None)
                if database.startswith("/")
                else psycopg.connect(database, autocommit=True)
            )
        return own.connection

    @app.get("/poll/<int:place>")
    def poll(place: int) -> Response:
        shown = request.args["ticket"]
        until, entries, moves, _signature = shown.split(".")
        right = ticket(key, request.cookies["session"], int(until), int(entries), int(moves))
        if not hmac.compare_digest(shown, right) or int(until) < time.time():
            return Response(status=403)
        found = connection().execute(statement, arguments).fetchone()
        return Response(status=204 if tuple(found) == (int(entries), int(moves)) else 200)

    return app
