"""The floor of a check-in: the least that takes the same form honestly. Flask, Jinja, a bare WTForms form, one signed
CSRF token, one raw INSERT, as durable as ours.

No accounts, no schemes, no verdict, no encryption, no index beside the primary key, no audit, no limits.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
from flask import Flask, redirect, render_template_string, request
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from wtforms import DecimalField, Form, RadioField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

VALID_SECONDS = 12 * 3600

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>登记</title></head><body>
<form method="post"><input type="hidden" name="csrf_token" value="{{ token }}">
{% for field in form %}<p>{{ field.label }} {{ field }}{% for error in field.errors %} <b>{{ error }}</b>{% endfor %}</p>
{% endfor %}<button>登记</button></form></body></html>"""


class EntryForm(Form):
    """The questions of the gate form in normal mode."""

    name = StringField("姓名", [InputRequired(), Length(max=40)])
    mobile = StringField("手机号", [InputRequired(), Regexp(r"1[3-9]\d{9}$")])
    temperature = DecimalField("体温", [InputRequired(), NumberRange(34, 43)])
    mask = RadioField("口罩", [InputRequired()], choices=[("yes", "已戴好"), ("no", "没有戴")])
    enterprise = StringField("去哪家企业", [Optional(), Length(max=60)])


class SqliteRows:
    """The table in SQLite: one connection a thread, each INSERT a transaction that survives a power cut."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._thread = threading.local()
        self._connection().execute(
            "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, pass TEXT, name TEXT, mobile TEXT, "
            "temperature TEXT, mask TEXT, enterprise TEXT, at TEXT)"
        )

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._thread, "connection"):
            connection = sqlite3.connect(self.file, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
                connection.execute(f"PRAGMA {pragma}")
            self._thread.connection = connection
        return self._thread.connection

    def add(self, *values: Any) -> None:
        self._connection().execute(
            "INSERT INTO entry (pass, name, mobile, temperature, mask, enterprise, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, datetime.now(UTC).isoformat()),
        )


class PostgresRows:
    """The table in PostgreSQL: one connection a thread, each INSERT a transaction, prepared by psycopg."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._thread = threading.local()
        self._connection().execute(
            "CREATE TABLE IF NOT EXISTS entry (id bigserial PRIMARY KEY, pass text, name text, mobile text, "
            "temperature numeric, mask text, enterprise text, at timestamptz)"
        )

    def _connection(self) -> psycopg.Connection:
        if not hasattr(self._thread, "connection"):
            self._thread.connection = psycopg.connect(self.conninfo, autocommit=True)
        return self._thread.connection

    def add(self, *values: Any) -> None:
        self._connection().execute(
            "INSERT INTO entry (pass, name, mobile, temperature, mask, enterprise, at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (*values, datetime.now(UTC)),
        )


def signer(key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="csrf")


def create_app() -> Flask:
    app = Flask(__name__, static_folder=None)
    database = os.environ["MINIMAL_DATABASE"]
    rows = SqliteRows(database) if database.startswith("/") else PostgresRows(database)
    tokens = signer(os.environ["MINIMAL_KEY"])

    @app.get("/g/<gate>")
    def show(gate: str) -> str:
        return render_template_string(PAGE, form=EntryForm(), token=tokens.dumps(secrets.token_hex(16)))

    @app.post("/g/<gate>")
    def take(gate: str) -> ResponseReturnValue:
        try:
            tokens.loads(request.form.get("csrf_token", ""), max_age=VALID_SECONDS)
        except BadData:
            return "", 400
        form = EntryForm(request.form)
        if not form.validate():
            return render_template_string(PAGE, form=form, token=tokens.dumps(secrets.token_hex(16))), 422
        number = secrets.token_urlsafe(16)
        rows.add(
            number,
            form.name.data,
            form.mobile.data,
            str(form.temperature.data),
            form.mask.data,
            form.enterprise.data,
        )
        return redirect(f"/pass/{number}", 303)

    return app
