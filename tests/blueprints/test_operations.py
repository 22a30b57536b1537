"""For those who run the site: it says whether it lives and is ready, and its figures, and nothing that helps anybody else."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from blueprints.operations import figures, readiness
from models import schema
from models.base import db
from tests.blueprints.test_gate_form import submit

TOKEN = "Zk8vQ2mNr5xW1pLt7cYb4HsJd9GfE3aU"


@pytest.fixture
def token(app):
    site = app.extensions["site"]
    app.extensions["site"] = replace(site, settings=replace(site.settings, metrics_token=TOKEN))
    return TOKEN


def values(page: str) -> dict[tuple[str, ...], float]:
    """Samples by name and label values."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


# --- health


def test_a_running_and_ready_site_says_so_to_anybody_who_asks(client, town):
    assert (client.get("/health/live").status_code, client.get("/health/live").text) == (200, "在运行\n")
    assert (client.get("/health/ready").status_code, client.get("/health/ready").text) == (200, "就绪\n")


def test_it_needs_neither_session_nor_cookie_and_leaves_none(client, town):
    answer = client.get("/health/ready")
    assert "Set-Cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"


def test_a_database_of_another_shape_is_not_ready_and_still_alive(client, app, town):
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        answer = client.get("/health/ready")
        assert answer.status_code == 503 and "不一致" in answer.text
        assert client.get("/health/live").status_code == 200
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": schema.newest()})
    assert client.get("/health/ready").status_code == 200


class Away:
    """A database that answers when it is let go, or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked, self.back, self.error = 0, threading.Event(), error

    def connect(self):
        self.asked += 1
        if self.error:
            raise self.error
        self.back.wait(20)
        raise OSError("too late")


def test_a_database_that_hangs_is_answered_for_in_time_and_asked_once(monkeypatch):
    monkeypatch.setattr(readiness, "SECONDS", 0.2)
    away = Away()
    probe = readiness.Probe(away)
    assert [probe.ask() for _ in range(5)] == [readiness.SILENT] * 5
    assert away.asked == 1
    away.back.set()
    while probe._asking.is_alive():
        time.sleep(0.01)
    probe.ask()
    assert away.asked == 2  # once the first has come back, the next question goes out


def test_an_error_of_the_database_is_not_told(client, town, monkeypatch):
    probe = readiness.Probe(Away(OSError("connection to 10.0.0.5 as site failed")))
    monkeypatch.setattr("blueprints.operations.views.probe_of", lambda _engine: probe)
    answer = client.get("/health/ready")
    assert answer.status_code == 503 and answer.text == f"未就绪：{readiness.SILENT}\n"


# --- figures


def test_requests_are_counted_by_endpoint_method_and_status_and_timed(client, town):
    before = values(client.get("/metrics").text)
    client.get("/nowhere/13800138000")
    client.open("/sign-in", method="BREW")
    submit(client, town.gate.code.code)
    after = values(client.get("/metrics").text)

    def more(*labels: str) -> float:
        key = ("site_request_seconds_count", *labels)
        return after.get(key, 0) - before.get(key, 0)

    assert more("gate.form", "GET", "200") == 1
    assert more("gate.check_in", "POST", "303") == 1
    assert more("none", "GET", "404") == 1
    assert more("none", "other", "405") == 1


def test_check_ins_are_counted_by_verdict_and_nothing_names_a_place_or_person(client, town):
    submit(client, town.gate.code.code)
    client.delete_cookie("device")
    submit(client, town.gate.code.code, mobile="13900139000", temperature="37.6")
    page = client.get("/metrics").text
    found = values(page)
    counted = {v: found["site_check_ins_today", v] for v in ("pass", "attention", "refused", "registered")}
    assert counted == {"pass": 1, "attention": 0, "refused": 1, "registered": 0}
    for word in ("13900139000", town.gate.code.code, town.park.name, "张明远"):
        assert word not in page


def test_the_pool_is_seen(client, town):
    client.get("/sign-in")
    found = values(client.get("/metrics").text)
    assert {key[1] for key in found if key[0] == "site_database_connections"} >= {"in_use", "idle"}


def test_the_figures_of_the_workers_are_there_when_the_database_is_not(client, town):
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE check_in RENAME TO away"))
    try:
        answer = client.get("/metrics")
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO check_in"))
    assert answer.status_code == 200 and "site_request_seconds" in answer.text
    assert "site_check_ins_today" not in answer.text


@pytest.mark.parametrize("address", ["203.0.113.7", "10.0.0.9", "", "::2"])
def test_for_anybody_else_the_figures_are_not_there(client, town, token, address):
    for sent in (
        None,
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"bearer {TOKEN}",
        f"Basic {TOKEN}",
        "Bearer é",
    ):
        headers = {"Authorization": sent} if sent else {}
        answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == 404 and "site_request" not in answer.text


def test_whoever_comes_by_way_of_a_front_server_is_not_from_here(client, town):
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        assert client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200


def test_the_token_opens_them_from_another_machine(client, town, token):
    answer = client.get(
        "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, environ_base={"REMOTE_ADDR": "10.0.0.9"}
    )
    assert answer.status_code == 200 and answer.content_type == figures.CONTENT_TYPE


def test_without_a_token_set_no_token_opens(client, town):
    answer = client.get(
        "/metrics", headers={"Authorization": "Bearer "}, environ_base={"REMOTE_ADDR": "10.0.0.9"}
    )
    assert answer.status_code == 404


# --- the number of a request


def test_the_number_of_a_request_is_taken_from_a_trusted_front_server_alone(app, town, client):
    given = "0123456789abcdef0123456789abcdef"

    def number(sent: str) -> str:
        page = client.get("/nowhere", headers={"X-Request-ID": sent}).text
        return re.search(r"[0-9a-f]{16,40}", page)[0]

    assert number(given) != given
    site = app.extensions["site"]
    app.extensions["site"] = replace(site, settings=replace(site.settings, trusted_proxies=1))
    assert number(given) == given
    assert number("张三13800138000") != "张三13800138000"
