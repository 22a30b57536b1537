"""The site as a whole: what it refuses to start with, what every answer carries, how it fails."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app import create_app
from blueprints.web import guard
from blueprints.web.settings import Misconfigured, Settings
from models.access import Post
from models.base import db
from models.enterprises import Enterprise
from models.inbox import tell, unread_of
from models.vault import Vault
from tests import make
from tests.blueprints.test_gate_form import fill, open_form, rows, submit
from tests.conftest import NOW
from tests.forms import opened, refused
from tests.reader import read

PRODUCTION = {
    "SITE_ENV": "production",
    "SITE_DATABASE_URL": "postgresql+psycopg://localhost/site",
    "SITE_SECRET_KEY": "VV0W1m2lQfQeX8n0Zr7cY5kTjH3pB9sd",
    "SITE_DATA_KEYS": Vault.fresh_keys(),
    "SITE_PUBLIC_URL": "https://jkg.example",
    "SITE_ICP": "示例ICP备00000000号",
    "SITE_POLICE_RECORD": "示例公网安备00000000000000号",
}


def test_production_starts_when_everything_is_set():
    assert Settings.read(PRODUCTION).production


@pytest.mark.parametrize("name", [n for n in PRODUCTION if n != "SITE_ENV"])
def test_production_names_what_is_missing(name):
    with pytest.raises(Misconfigured, match=name):
        Settings.read({k: v for k, v in PRODUCTION.items() if k != name})


@pytest.mark.parametrize(
    "change",
    [{"SITE_SECRET_KEY": "short"}, {"SITE_PUBLIC_URL": "http://jkg.example"},
     {"SITE_TEST_CLOCK": "2026-11-20T09:41:00+08:00"}, {"SITE_ENV": "staging"}],
)  # fmt: skip
def test_production_refuses_what_is_unsafe(change):
    with pytest.raises(Misconfigured):
        Settings.read(PRODUCTION | change)


def test_a_clock_without_its_zone_is_refused():
    with pytest.raises(Misconfigured, match="SITE_TEST_CLOCK"):
        Settings.read({"SITE_TEST_CLOCK": "2026-11-20T09:41:00"})


def test_a_route_that_declares_nothing_does_not_start():
    app = Flask("bare")
    app.add_url_rule("/open", "open", lambda: "anyone")
    with pytest.raises(RuntimeError, match="open"):
        guard.check_routes(app)


@pytest.mark.parametrize("address", ["/", "/sign-in", "/nowhere", "/places/1", "/privacy"])
def test_every_answer_carries_the_headers(client, town, address):
    headers = client.get(address).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for rule in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers  # plain http on loopback


def test_behind_tls_cookies_are_bound_to_the_host_and_hsts_is_sent(app, database, town, request):
    secure = create_app(
        env="test", database_url=database, instance=app.instance_path, public_url="https://jkg.example"
    )
    with secure.app_context():
        request.addfinalizer(db.engine.dispose)
    client = secure.test_client()
    answer = client.get("/sign-in", base_url="https://jkg.example")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert secure.config["SESSION_COOKIE_NAME"].startswith("__Host-")
    cookie = answer.headers["Set-Cookie"]
    for word in ("__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in cookie
    form = client.post(
        f"/g/{town.gate.code.code}",
        base_url="https://jkg.example",
        data=fill(
            open_form(client, town.gate.code.code),
            name="张三",
            mobile="13800138000",
            temperature="36.5",
            mask="yes",
        ),
    )
    assert form.status_code == 303
    assert all("Secure" in c and "HttpOnly" in c for c in form.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE"])
def test_methods_that_nobody_needs_are_off(client, town, method):
    assert client.open("/sign-in", method=method).status_code == 405


@pytest.mark.parametrize(
    ("address", "status"), [("/nowhere", 404), ("/pass/short", 404), ("/places/999999999999999999999", 303)]
)
def test_what_is_not_there_is_said_in_words(client, town, address, status):
    answer = client.get(address)
    assert answer.status_code == status
    if status == 404:
        assert read(answer.text).h1 == "没有找到这一页"


def test_a_number_too_large_for_the_database_is_simply_not_there(app, town):
    person = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    assert person.get("/places/99999999999999999999").status_code == 404
    number = "9" * 20
    answer = person.get(f"/places/{town.park.id}/entries?page={number}&gate={number}")
    assert answer.status_code in (200, 404)


def test_a_body_that_is_too_large_is_refused_in_words(client, town):
    answer = client.post("/sign-in", data=b"x" * 13_000_000, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413 and "太大" in read(answer.text).text


def test_a_crash_shows_a_number_and_no_trace(app, client, monkeypatch):
    def broken():
        raise ZeroDivisionError("secret detail")

    broken.access = guard.PUBLIC
    monkeypatch.setitem(app.view_functions, "gate.welcome", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text and "ZeroDivision" not in answer.text
    assert "编号" in read(answer.text).text


@pytest.fixture
def signed_in_again(app, town):
    """A browser in which somebody has signed in anew since a page was opened: that page's token holds no more."""

    def signed_in_again(post: Post, where: str, **fields: str):
        person = town.officer(post)
        page = opened(make.sign_in(app.test_client(), person), where)
        form = next(f for f in page.forms if set(fields) <= set(f.choices))
        data = form.data(**fields)
        return make.sign_in(app.test_client(), person), form.action or where, data

    return signed_in_again


def test_a_form_that_was_open_too_long_comes_back_with_what_was_typed(app, town, signed_in_again):
    address = f"/enterprises/{town.tenant.id}/profile/edit"
    client, action, data = signed_in_again(Post.HEALTH_MANAGER, address, address="云溪大道9号")
    said = refused(client.post(action, data=data))
    assert "这一页放得太久，还没有提交" in said and "CSRF" not in said
    db.session.rollback()
    assert db.session.get(Enterprise, town.tenant.id).address == ""
    db.session.rollback()
    page = read(client.post(action, data=data).text)
    form = next(f for f in page.forms if "address" in f.choices)
    assert form.fields["address"] == ["云溪大道9号"]
    assert client.post(action, data=form.data()).status_code == 303
    db.session.rollback()
    db.session.expire_all()
    assert db.session.get(Enterprise, town.tenant.id).address == "云溪大道9号"


def test_a_button_that_was_there_too_long_does_nothing_and_is_called_nothing_else(app, town):
    person = town.officer(Post.SPECIALIST)
    tell(db.session(), [person.id], "notice:1", "通知", "", "/me", NOW)
    db.session.commit()
    client = make.sign_in(app.test_client(), person)
    for address in ("/messages/read-all", "/messages/1/open"):
        answer = client.post(address)
        assert answer.status_code == 400 and "放得太久" in read(answer.text).text
    assert "已标为" not in opened(client, "/messages").text
    db.session.rollback()
    assert unread_of(db.session(), person.id) == 1


def test_who_is_signed_out_and_who_never_signs_in_are_told_as_before(app, client, town):
    for address in ("/sign-in", "/messages/read-all"):
        answer = client.post(address, data={"username": "x"})
        assert answer.status_code == 400 and "放得太久" in read(answer.text).text


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("ok", "note note--ok"), ("warn", "note note--warn"), ("no", "note note--no"), ("message", "note")],
)
def test_each_kind_of_message_is_shown_as_what_it_is(app, town, kind, shown):
    client = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    with client.session_transaction() as session:
        session["_flashes"] = [(kind, "刚才的事")]
    page = opened(client, "/messages")
    note = next(one for one in page.all("p", cls="note") if "".join(one.itertext()) == "刚才的事")
    assert note.get("class") == shown
    assert note.get("role") == ("alert" if kind == "no" else "status")


def test_a_database_locked_for_a_moment_loses_no_check_in(app, client, town, database):
    """Somebody writes for two seconds; the visitor waits and is answered, once."""
    if not database.startswith("sqlite"):
        pytest.skip("PostgreSQL locks rows, not the database")
    code = town.gate.code.code
    data = fill(open_form(client, code), name="张三", mobile="13800138000", temperature="36.5", mask="yes")
    held, release = threading.Event(), threading.Event()

    def hold():
        with app.app_context(), db.engine.connect() as connection:
            raw = connection.connection.driver_connection
            raw.execute("ROLLBACK") if raw.in_transaction else None
            raw.execute("BEGIN IMMEDIATE")
            held.set()
            release.wait(5)
            raw.execute("ROLLBACK")

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    threading.Timer(2, release.set).start()
    answer = client.post(f"/g/{code}", data=data)
    holder.join()
    assert answer.status_code == 303
    assert len(rows()) == 1


def test_a_database_that_is_gone_is_said_and_nothing_is_half_written(app, client, town):
    code = town.gate.code.code
    submit(client, code)
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE check_in RENAME TO away"))
    try:
        answer = client.get("/pass/" + "x" * 43)
        assert answer.status_code == 404
    finally:
        db.session.rollback()
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO check_in"))
    assert len(rows()) == 1


def test_pages_of_signed_in_people_end_with_their_session(app, town, at):
    person = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    assert person.get(f"/places/{town.park.id}").status_code == 200
    at(NOW + timedelta(minutes=31))
    answer = person.get(f"/places/{town.park.id}")
    assert answer.status_code in (302, 303) and "/sign-in" in answer.location
