"""The floor of a poll that finds nothing: Flask, one look-up by index in the site's own table, 204."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import date
from typing import Any

import psycopg
from flask import Flask, Response, request


def create_app() -> Flask:
    database, day = os.environ["POLL_DATABASE"], date.fromisoformat(os.environ["POLL_DAY"])
    on_sqlite = database.startswith("/")
    mark = "?" if on_sqlite else "%s"
    newest = f"SELECT max(id) FROM check_in WHERE place_id = {mark} AND day = {mark}"
    bound = day.isoformat() if on_sqlite else day
    app, own = Flask(__name__, static_folder=None), threading.local()

    def connection() -> Any:
        if not hasattr(own, "connection"):
            own.connection = (
                sqlite3.connect(database, isolation_level=None)
                if on_sqlite
                else psycopg.connect(database, autocommit=True)
            )
        return own.connection

    @app.get("/poll/<int:place>")
    def poll(place: int) -> Response:
        found = connection().execute(newest, (place, bound)).fetchone()[0] or 0
        return Response(status=204 if found <= int(request.args["since"]) else 200)

    return app
