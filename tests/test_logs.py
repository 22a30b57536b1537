"""What the site writes about itself names nobody: whatever is sent, wherever it fails."""

from __future__ import annotations

import contextvars
import http.client
import io
import json
import logging
import os
import re
import socket
import sys
import threading
import time
import warnings
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from app import create_app
from blueprints.web import logs
from models.access import Post
from models.base import db
from models.places import District, Street
from models.vault import open_vault, the_vault
from tests import make
from tests.blueprints.test_gate_form import submit
from tests.processes import held
from tests.test_production import INIT
from tests.test_site import PRODUCTION

ROOT = Path(__file__).parents[1]
NAME, MOBILE, CITIZEN = "欧阳慕容雪", "13987654321", "510107199003071234"
PERSONAL = (NAME, quote(NAME), MOBILE, MOBILE[3:], CITIZEN, "139 8765 4321")


@pytest.fixture
def written():
    """All that is logged meanwhile, as production writes it."""
    root, site = logging.getLogger(), logging.getLogger("site")
    before = root.handlers[:], root.level, site.level, sys.excepthook, threading.excepthook
    stream = io.StringIO()
    logs.configure(as_json=True, stream=stream)
    yield stream
    root.handlers[:], root.level, site.level, sys.excepthook, threading.excepthook = before
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def nothing_personal(log: str, *more: str) -> None:
    for word in (*PERSONAL, *more):
        assert word not in log, f"{word!r} in:\n{log[:3000]}"


# --- what a line says


def test_a_request_is_a_line_with_its_rule_and_not_its_address(app, town, written):
    person = make.sign_in(app.test_client(), account := town.officer(Post.SPECIALIST))
    person.get(f"/places/{town.park.id}?q={MOBILE}", environ_base={"REMOTE_ADDR": "203.0.113.77"})
    (line,) = lines(written)
    assert re.fullmatch(r"[0-9a-f]{16}", line.pop("id"))
    assert line.pop("ms") > 0 and line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request", "level": "info", "rule": "/places/<int:place_id>", "method": "GET", "status": 200,
        "account": account.id, "address": "203.0.113.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("address", "kept"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:1:2:3::4", "2001:db8:1::"), ("", ""), (None, ""), ("@", "")],
)
def test_an_address_is_told_by_its_network(address, kept):
    assert logs.truncated(address) == kept


def test_a_visitors_success_is_no_line_and_a_visitors_error_is_one(client, town, written):
    submit(client, town.gate.code.code)
    assert written.getvalue() == ""
    client.post(f"/g/{town.gate.code.code}", data={"name": NAME, "mobile": MOBILE})
    (line,) = lines(written)
    assert (line["rule"], line["status"]) == ("/g/<code>", 422)


def test_a_poll_that_found_nothing_and_a_file_are_no_lines(client, town, written):
    client.get("/static/css/visitor.css").close()
    assert written.getvalue() == ""


def test_an_error_has_the_number_of_the_page_its_kinds_and_its_places(client, town, written, monkeypatch):
    def fail(*_args, **_more):
        try:
            {}[NAME]
        except KeyError as error:
            raise ValueError(f"{NAME} {MOBILE}") from error

    monkeypatch.setattr("blueprints.gate.views.page", fail, raising=False)
    monkeypatch.setattr("blueprints.gate.visitor.register", fail)
    answer = submit(client, town.gate.code.code, name=NAME, mobile=MOBILE)
    assert answer.status_code == 500
    crash, request = lines(written)
    assert (crash["event"], crash["level"], crash["error"]) == ("crash", "error", "ValueError < KeyError")
    assert crash["id"] == request["id"] and crash["id"] in answer.text
    assert any("visitor.py" in place and place.endswith("_take") for place in crash["trace"])
    nothing_personal(written.getvalue())


def test_an_error_of_the_database_is_told_by_its_code(app, town, written):
    db.session.add_all(District(slug=NAME, name=MOBILE, organiser="") for _ in range(2))
    with pytest.raises(IntegrityError) as failed:
        db.session.flush()
    db.session.rollback()
    with app.test_request_context("/"):
        logs.note_error("database", failed.value)
    (line,) = lines(written)
    assert line["error"].startswith("IntegrityError")
    assert line["sqlstate"] == ("23505" if db.engine.dialect.name == "postgresql" else None)
    nothing_personal(written.getvalue())


# --- what libraries say


def test_of_a_librarys_line_the_constant_part_is_kept(written):
    logging.getLogger("library").warning("no font for %s in %d places", NAME, 3)
    (line,) = lines(written)
    assert line["event"] == "no font for %s in %d places" and line["logger"] == "library"


def test_a_librarys_line_that_came_ready_made_is_left_out_but_for_its_place(written):
    logging.getLogger("library").warning(f"Invalid request from ip=203.0.113.7: {NAME}")
    (line,) = lines(written)
    assert line["event"] == "（略）" and line["at"].startswith("test_logs:")
    nothing_personal(written.getvalue(), "203.0.113.7")


def test_a_librarys_exception_is_told_like_ours(written):
    try:
        raise RuntimeError(f"{NAME} {CITIZEN}")
    except RuntimeError:
        logging.getLogger("library").exception("failed for %s", MOBILE)
    (line,) = lines(written)
    assert (
        line["error"] == "RuntimeError"
        and line["event"] == "failed for %s"
        and "test_logs.py" in line["trace"][0]
    )
    nothing_personal(written.getvalue())


def test_warnings_and_threads_and_commands_that_end_badly_name_nobody(written):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{NAME} {MOBILE}", stacklevel=1)
    thread = threading.Thread(target=lambda: int(NAME))
    thread.start()
    thread.join()
    try:
        int(MOBILE + NAME)
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert [line.get("error") for line in lines(written)] == [None, "ValueError", "ValueError"]
    nothing_personal(written.getvalue())


def test_the_demo_writes_lines_for_a_person(app, town):
    root, site = logging.getLogger(), logging.getLogger("site")
    before = root.handlers[:], root.level, site.level
    stream = io.StringIO()
    logs.configure(as_json=False, stream=stream)
    try:
        app.test_client().get(f"/nowhere/{MOBILE}")
    finally:
        root.handlers[:], root.level, site.level = before
    (line,) = stream.getvalue().splitlines()
    assert "request" in line and "status=404" in line and MOBILE not in line


# --- everywhere


@pytest.mark.one_database
def test_whatever_is_sent_to_whichever_route_no_line_names_it(app, town, written):
    """Every route, signed in and not, by GET and POST, with a name, a mobile and an ID number wherever something fits."""
    app.config["WTF_CSRF_ENABLED"] = False
    people = [
        app.test_client(),
        *(make.sign_in(app.test_client(), town.officer(p)) for p in (Post.SPECIALIST, Post.SYSTEM_ADMIN)),
    ]
    typed = {"name": NAME, "mobile": MOBILE, "q": NAME, "username": MOBILE, "password": NAME, "purpose": CITIZEN, "reason": NAME,
             "enterprise": NAME, "temperature": NAME, "nonce": MOBILE}  # fmt: skip
    try:
        for rule in app.url_map.iter_rules():
            given = {
                n: 1 if kind.__class__.__name__ == "IntegerConverter" else MOBILE
                for n, kind in rule._converters.items()
            }
            with app.test_request_context():
                address = app.url_for(rule.endpoint, **given)
            for method in sorted(rule.methods & {"GET", "POST"}):
                for person in people:
                    headers = {"User-Agent": NAME.encode().decode("latin-1"), "Referer": f"http://localhost/pass/{MOBILE}",
                               "X-Request-ID": MOBILE}  # fmt: skip
                    answer = person.open(
                        f"{address}?{urlencode(typed)}", method=method, headers=headers,
                        data=typed if method == "POST" else None,
                    )  # fmt: skip
                    answer.close()
    finally:
        app.config["WTF_CSRF_ENABLED"] = True
    assert len(lines(written)) > 100
    nothing_personal(written.getvalue(), "x" * 43)


# --- the whole, as it is in service


@pytest.fixture(scope="module")
def in_service(tmp_path_factory):
    """gunicorn by its own configuration, in production, over an SQLite of its own, with one gate; and all that it writes."""
    home = tmp_path_factory.mktemp("service")
    address = f"sqlite:///{home / 'site.db'}"
    settings = {n.removeprefix("SITE_").lower(): v for n, v in PRODUCTION.items()} | {"database_url": address}
    kept = the_vault()
    site = create_app(**settings, instance=home)
    invoke = site.test_cli_runner().invoke
    assert contextvars.Context().run(invoke, args=INIT).exit_code == 0
    code = contextvars.Context().run(_gate, site)
    open_vault(kept)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    environment = {**os.environ, **PRODUCTION, "SITE_DATABASE_URL": address, "SITE_INSTANCE": str(home), "SITE_WORKERS": "2",
                   "SITE_BIND": f"fd://{listener.fileno()}", "PROMETHEUS_MULTIPROC_DIR": str(home / "figures"),
                   "SITE_TRUSTED_PROXIES": "1"}  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "app:create_app()"]
    log = home / "log"
    with held(command, log=log, cwd=ROOT, env=environment, pass_fds=[listener.fileno()]) as process:
        listener.close()
        wait_for(port, process, log)
        yield port, code, log, address


def _gate(site) -> str:
    with site.app_context():
        district = db.session.query(District).one()
        make.adopt(district)
        street = make.save(Street(district_id=district.id, name="锦川街道"))
        gate = make.gate(make.place(street, opens=None, closes=None))
        code = gate.code.code
        db.session.remove()
        db.engine.dispose()
    return code


def wait_for(port: int, process, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if ask(port, "GET", "/health/ready")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"it did not start:\n{log.read_text()[-3000:]}")


def ask(port: int, method: str, address: str, body: str = "", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(
            method, address, body or None, {n.replace("_", "-"): v for n, v in headers.items()}
        )
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, answer.headers.get("Location") or text
    finally:
        connection.close()


def check_in(port: int, code: str) -> tuple[int, str]:
    nonce = re.search(r'name="nonce" value="([^"]+)"', ask(port, "GET", f"/g/{code}")[1])[1]
    typed = {"name": NAME, "mobile": MOBILE, "temperature": "36.5", "mask": "yes", "nonce": nonce}
    return ask(port, "POST", f"/g/{code}", urlencode(typed), X_Forwarded_For="203.0.113.77")


def test_in_service_nothing_that_is_written_names_anybody(in_service):
    """Visits, passes, wrong forms, sign-ins, malformed requests, a crash and a database without its tables."""
    port, code, log, address = in_service
    status, where = check_in(port, code)
    assert status == 303
    token = where.rpartition("/")[2]
    assert ask(port, "GET", where)[0] == 200
    ask(port, "GET", f"/pass/{token}x?name={quote(NAME)}")
    ask(port, "POST", "/sign-in", urlencode({"username": MOBILE, "password": NAME}))
    ask(port, "GET", f"/places/1?q={MOBILE}", Cookie=f"visitor={quote(NAME)}; session={MOBILE}")
    malformed = (f"GET /pass/{token} HTTP/9.9\r\n\r\n", f"{MOBILE} /pass/{token}\r\n\r\n",
                 f"GET /{quote(NAME)} HTTP/1.1\r\nA b: {MOBILE}\r\n\r\n",
                 f"POST /g/{code} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {MOBILE}\r\n\r\n")  # fmt: skip
    for raw in malformed:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(raw.encode())
            line.recv(4096)
    with create_engine(address).connect() as connection:
        connection.execute(text("ALTER TABLE check_in RENAME TO away"))
        connection.commit()
        assert ask(port, "GET", where)[0] >= 500
        assert check_in(port, code)[0] >= 500
        connection.execute(text("ALTER TABLE away RENAME TO check_in"))
        connection.commit()
        connection.engine.dispose()
    said = log.read_text()
    written = [json.loads(one) for one in said.splitlines()]
    assert {"request", "database"} <= {one["event"] for one in written}
    assert any("Booting worker" in one["event"] for one in written)
    assert any("gunicorn.error" in one.get("logger", "") for one in written)
    nothing_personal(said, token, code, "203.0.113.77")


def test_in_service_the_figures_are_those_of_all_workers(in_service):
    port, code, *_ = in_service
    for _ in range(40):
        assert ask(port, "GET", f"/g/{code}")[0] == 200
    status, page = ask(port, "GET", "/metrics")
    count = re.search(
        r'site_request_seconds_count\{endpoint="gate.form",method="GET",status="200"\} ([0-9.]+)', page
    )
    assert status == 200 and float(count[1]) >= 40
    assert 'pid="' not in page
    assert ask(port, "GET", "/metrics", X_Forwarded_For="127.0.0.1")[0] == 404
