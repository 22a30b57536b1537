"""The health-code adapter against a service that answers, lies, hangs and dies: always an answer, never an exception."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from blueprints.web.outside import health_code
from blueprints.web.outside.breaker import Breaker
from blueprints.web.outside.health_code import HttpCodeService, understood
from blueprints.web.settings import Misconfigured, Settings
from models.health_codes import CodeAnswer, CodeStatus, Unknown, Why
from tests import code_service as service_that
from tests.code_service import Service
from tests.conftest import NOW

KEY = "a-key-of-the-district"
NAME, MOBILE = "欧阳娜", "13800001234"
LONG = 20.0  # seconds; a good answer comes in time on the busiest machine
SHORT = 0.5  # where nothing good will come
AT = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the machine's list of authorities takes its time


@pytest.fixture
def service() -> Iterator[Service]:
    with service_that.running() as service:
        yield service


@pytest.fixture
def codes(service: Service) -> Iterator[HttpCodeService]:
    with closing(HttpCodeService(service.url, KEY, seconds=LONG, trust=NOBODY)) as codes:
        yield codes


@pytest.fixture
def hasty(service: Service) -> Iterator[HttpCodeService]:
    with closing(HttpCodeService(service.url, KEY, seconds=SHORT, trust=NOBODY)) as codes:
        yield codes


def ask(codes: HttpCodeService) -> CodeAnswer | Unknown:
    return codes.ask(NAME, MOBILE, now=NOW)


@pytest.mark.parametrize("status", list(CodeStatus))
def test_each_status_is_understood_with_its_time(service, codes, status):
    service.behave = service_that.says(status=status.value)
    assert ask(codes) == CodeAnswer(status, AT)


def test_the_question_names_the_person_in_its_body_alone_and_shows_the_key(service, codes):
    ask(codes)
    assert service.questions == [{"request": service.questions[0]["request"], "name": NAME, "mobile": MOBILE}]
    head = service.heads[0].lower()
    assert head.startswith("post /codes http/1.1\n")
    assert f"authorization: bearer {KEY}\n" in head
    assert MOBILE not in head


def test_no_two_questions_have_the_same_number_and_a_connection_serves_many(service, codes):
    for _ in range(3):
        assert ask(codes) == CodeAnswer(CodeStatus.GREEN, AT)
    assert len({q["request"] for q in service.questions}) == 3
    assert service.connections == 1


LIES: dict[str, tuple[Callable, Why]] = {
    "HTML": (service_that.sends(b"<h1>OK</h1>", kind="text/html"), Why.UNREADABLE),
    "HTML that calls itself JSON": (service_that.sends(b"<h1>OK</h1>"), Why.UNREADABLE),
    "JSON of another type": (service_that.sends(kind="text/plain"), Why.UNREADABLE),
    "no JSON": (service_that.sends(b'{"status": "green"'), Why.UNREADABLE),
    "a list": (service_that.sends(b"[]"), Why.UNREADABLE),
    "nothing but a word": (service_that.sends(b'"green"'), Why.UNREADABLE),
    "JSON too deep to read": (service_that.sends(b"[" * 4000), Why.UNREADABLE),
    "bytes that are no text": (service_that.sends(b'{"status": "\xff"}'), Why.UNREADABLE),
    "an error with status 200": (service_that.sends(b'{"code": 500, "message": "busy"}'), Why.UNREADABLE),
    "an answer with an error beside it": (service_that.says(error="stale"), Why.UNREADABLE),
    "an unknown status": (service_that.says(status="blue"), Why.UNREADABLE),
    "a status in another case": (service_that.says(status="GREEN"), Why.UNREADABLE),
    "a status that is no text": (service_that.says(status=["green"]), Why.UNREADABLE),
    "no time": (service_that.says(at=""), Why.UNREADABLE),
    "a time that is no text": (service_that.says(at=1795000000), Why.UNREADABLE),
    "a time without its offset": (service_that.says(at="2026-11-20T09:30:00"), Why.UNREADABLE),
    "a time long ago": (service_that.says(at="2026-11-19T09:40:00+08:00"), Why.OUTDATED),
    "a time to come": (service_that.says(at="2026-11-20T09:50:00+08:00"), Why.OUTDATED),
    "the first of all times": (service_that.says(at="0001-01-01T00:00:00+08:00"), Why.OUTDATED),
    "another person's name": (service_that.says(name="王敏"), Why.OTHER_PERSON),
    "another person's mobile": (service_that.says(mobile="13900005678"), Why.OTHER_PERSON),
    "the answer to another question": (service_that.says(request="x" * 22), Why.OTHER_PERSON),
    "an empty answer": (service_that.sends(b" "), Why.UNREADABLE),
    "204 without an answer": (service_that.sends(b" ", status="204 No Content", length=0), Why.REFUSED),
    "compressed": (service_that.sends(more="Content-Encoding: gzip\r\n"), Why.UNREADABLE),
    "a body that is too large": (service_that.sends(b" " * 5000), Why.UNREADABLE),
    "a body without an end": (service_that.goes_on_for_ever, Why.UNREADABLE),
    "a wrong key": (service_that.sends(status="401 Unauthorized"), Why.REFUSED),
    "too many questions": (service_that.sends(status="429 Too Many Requests"), Why.REFUSED),
    "an error": (service_that.sends(status="500 Internal Server Error"), Why.REFUSED),
    "no HTTP": (lambda _, connection, __: connection.sendall(b"SSH-2.0-service\r\n\r\n"), Why.UNREACHABLE),
    "death before the answer": (service_that.dies_at_once, Why.UNREACHABLE),
    "death in the middle of the answer": (service_that.dies_half_way, Why.UNREACHABLE),
}


@pytest.mark.parametrize(("behave", "why"), LIES.values(), ids=LIES)
def test_whatever_else_comes_back_is_no_answer(service, codes, behave, why):
    service.behave = behave
    assert ask(codes) == Unknown(why)
    assert len(service.questions) == 1


DAWDLING = {
    "silence": service_that.hangs,
    "silence in the middle of the answer": service_that.hangs_after_half,
    "a head byte by byte": service_that.drips_head,
    "a body byte by byte": service_that.drips_body,
}


@pytest.mark.parametrize("behave", DAWDLING.values(), ids=DAWDLING)
def test_an_answer_that_is_not_there_in_time_is_none(service, hasty, behave):
    service.behave = behave
    assert ask(hasty) == Unknown(Why.SLOW)


def test_after_a_bad_answer_a_good_one_is_taken(service):
    with closing(HttpCodeService(service.url, KEY, seconds=2, trust=NOBODY)) as codes:
        for behave in (service_that.hangs_after_half, service_that.dies_half_way):
            service.behave = behave
            assert isinstance(ask(codes), Unknown)
        service.behave = service_that.answers
        assert ask(codes) == CodeAnswer(CodeStatus.GREEN, AT)


def test_what_is_broken_off_is_closed_at_the_service_too(service, hasty):
    closed = threading.Event()

    def drips(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
        try:
            service_that.drips_body(service, connection, question)
        except OSError:
            closed.set()

    service.behave = drips
    assert ask(hasty) == Unknown(Why.SLOW)
    assert closed.wait(10)


def test_a_redirect_is_not_followed(service, codes):
    with service_that.running() as elsewhere:
        service.behave = service_that.sends(
            status="307 Temporary Redirect", more=f"Location: {elsewhere.url}\r\n"
        )
        assert ask(codes) == Unknown(Why.REFUSED)
        assert elsewhere.connections == 0


def test_nobody_listening_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with closing(HttpCodeService(f"http://127.0.0.1:{port}/", KEY)) as codes:
        assert ask(codes) == Unknown(Why.UNREACHABLE)


def test_a_connection_that_does_not_come_about_ends_in_time():
    with (
        service_that.never_accepting() as url,
        closing(HttpCodeService(url, KEY, seconds=SHORT, trust=NOBODY)) as codes,
    ):
        assert ask(codes) == Unknown(Why.SLOW)


def test_a_name_server_that_says_nothing_ends_in_time(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait())
    try:
        with closing(HttpCodeService("http://codes.example/", KEY, seconds=SHORT, trust=NOBODY)) as codes:
            assert ask(codes) == Unknown(Why.SLOW)
    finally:
        released.set()


@pytest.mark.parametrize(
    "behave", [service_that.hangs, service_that.drips_head], ids=["silence", "byte by byte"]
)
def test_a_visitor_waits_less_than_3_seconds_for_the_slowest_service(service, behave):
    service.behave = behave
    with closing(HttpCodeService(service.url, KEY)) as codes:
        begun = time.monotonic()
        assert ask(codes) == Unknown(Why.SLOW)
        assert time.monotonic() - begun < 3


def test_the_environment_s_proxy_is_not_used(service, codes, monkeypatch):
    with service_that.running() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert ask(codes) == CodeAnswer(CodeStatus.GREEN, AT)
        assert proxy.connections == 0


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "codes.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def tls(certificate: Path) -> Iterator[Service]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with service_that.running(context) as service:
        yield service


def test_it_is_asked_over_tls_where_its_certificate_is_trusted(tls, certificate):
    trust = ssl.create_default_context(cafile=str(certificate))
    with closing(HttpCodeService(tls.url, KEY, trust=trust)) as codes:
        assert ask(codes) == CodeAnswer(CodeStatus.GREEN, AT)


def test_a_certificate_that_nobody_vouches_for_learns_no_name(tls):
    with closing(HttpCodeService(tls.url, KEY)) as codes:
        assert ask(codes) == Unknown(Why.UNREACHABLE)
    assert tls.questions == []


def test_a_handshake_that_hangs_ends_in_time_and_leaves_no_connection_behind():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with closing(HttpCodeService(url, KEY, seconds=2, trust=NOBODY)) as codes:
            assert ask(codes) == Unknown(Why.SLOW)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                assert connection.recv(10_000)  # the greeting, which nobody answered
                assert connection.recv(1) == b""


# --- how many wait, and for how long they are spared ---


def test_slow_answers_hold_no_more_threads_than_allowed(service):
    """Of ten who ask at once three reach the service; the others have their answer while these still wait."""
    service.behave = held
    with (
        closing(HttpCodeService(service.url, KEY, seconds=LONG, at_once=3, trust=NOBODY)) as codes,
        ThreadPoolExecutor(10) as pool,
    ):
        slow = [pool.submit(ask, codes) for _ in range(3)]
        for _ in slow:
            assert service.waiting.acquire(timeout=LONG)
        others = [pool.submit(ask, codes) for _ in range(7)]
        assert [other.result() for other in others] == [Unknown(Why.BUSY)] * 7
        assert not any(one.done() for one in slow)
        service.released.set()
        assert [one.result() for one in slow] == [CodeAnswer(CodeStatus.GREEN, AT)] * 3
        assert len(service.questions) == 3
        assert ask(codes) == CodeAnswer(CodeStatus.GREEN, AT)  # every turn was given back


def held(service: Service, connection: socket.socket, question: dict[str, str]) -> None:
    service.released.wait()
    service_that.answers(service, connection, question)


def test_a_failing_service_is_spared_probed_once_and_asked_again(service):
    clock = [0.0]
    breaker = Breaker("service", failures=3, of=5, seconds=30, clock=lambda: clock[0])
    with closing(HttpCodeService(service.url, KEY, seconds=LONG, breaker=breaker, trust=NOBODY)) as codes:
        service.behave = service_that.sends(status="503 Service Unavailable")
        assert [ask(codes) for _ in range(3)] == [Unknown(Why.REFUSED)] * 3
        assert [ask(codes) for _ in range(20)] == [Unknown(Why.SPARED)] * 20
        assert len(service.questions) == 3
        clock[0] = 30
        assert [ask(codes) for _ in range(5)] == [Unknown(Why.REFUSED), *[Unknown(Why.SPARED)] * 4]
        assert len(service.questions) == 4
        clock[0], service.behave = 60, service_that.answers
        assert [ask(codes) for _ in range(5)] == [CodeAnswer(CodeStatus.GREEN, AT)] * 5
        assert len(service.questions) == 9


def test_somebody_unknown_to_the_service_is_an_answer_and_no_failure(service, codes):
    service.behave = service_that.says(status="unavailable")
    assert {ask(codes) for _ in range(20)} == {CodeAnswer(CodeStatus.UNAVAILABLE, AT)}


# --- what nobody may read ---


@pytest.mark.parametrize(
    "lie", ["another person's name", "no JSON", "an error", "death in the middle of the answer"]
)
def test_nothing_of_the_visitor_and_not_the_key_stands_in_a_log(service, codes, caplog, lie):
    caplog.set_level(logging.DEBUG)
    service.behave = LIES[lie][0]
    found = ask(codes)
    seen = caplog.text + repr(found) + repr(codes)
    for secret in (NAME, MOBILE, "王敏", KEY, service.questions[0]["request"]):
        assert secret not in seen
    assert f"health code unknown: {found.why.value}" in caplog.text


@pytest.mark.parametrize("body", [b"x", b'{"name": "\xe7\x8e\x8b", "name": 1}', b'{"name": "\xe7\x8e\x8b"}'])
def test_the_exception_of_a_bad_answer_quotes_nothing(body):
    question = {"request": "r", "name": NAME, "mobile": MOBILE}
    with pytest.raises(health_code.Unusable) as raised:
        understood(body, question, NOW)
    assert str(raised.value) == "unreadable"
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_an_answer_that_says_a_thing_twice_is_none():
    question = {"request": "r", "name": NAME, "mobile": MOBILE}
    body = service_that.said(question)
    assert understood(body, question, NOW).status == CodeStatus.GREEN
    with pytest.raises(health_code.Unusable):
        understood(body[:-1] + b', "status": "red"}', question, NOW)


# --- configuration ---

CONFIGURED = {"SITE_HEALTH_CODE_URL": "https://codes.example/ask", "SITE_HEALTH_CODE_KEY": "k" * 16}


def test_without_an_address_nobody_is_asked():
    assert health_code.of(Settings.read({})) is None


def test_what_the_operator_sets_is_what_is_asked(service):
    settings = Settings.read(
        {**CONFIGURED, "SITE_HEALTH_CODE_URL": service.url, "SITE_HEALTH_CODE_SECONDS": "2.25"}
    )
    assert settings.health_code_seconds == 2.25
    with closing(health_code.of(settings)) as codes:
        assert ask(codes) == CodeAnswer(CodeStatus.GREEN, AT)
    assert f"Bearer {'k' * 16}" in service.heads[0]


@pytest.mark.parametrize(
    "url", ["https://codes.example:8443/ask", "http://127.0.0.1:9000/", "http://[::1]/", "http://localhost/"]
)
def test_an_address_under_tls_or_of_this_machine_is_taken(url):
    assert Settings.read({**CONFIGURED, "SITE_HEALTH_CODE_URL": url}).health_code_url == url


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SITE_HEALTH_CODE_URL": "http://codes.example/"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": "http://10.0.0.8/"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": "https://"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": "codes.example"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": "https://user:word@codes.example/"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": "https://codes.example:99999/"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": "ftp://codes.example/"}, "URL"),
        ({"SITE_HEALTH_CODE_URL": ""}, "URL"),
        ({"SITE_HEALTH_CODE_KEY": ""}, "KEY"),
        ({"SITE_HEALTH_CODE_KEY": "short"}, "KEY"),
        ({"SITE_HEALTH_CODE_KEY": "k" * 16 + "\r\nX-More: 1"}, "KEY"),
        ({"SITE_HEALTH_CODE_KEY": "密" * 16}, "KEY"),
        ({"SITE_HEALTH_CODE_SECONDS": "3"}, "SECONDS"),
        ({"SITE_HEALTH_CODE_SECONDS": "nan"}, "SECONDS"),
        ({"SITE_HEALTH_CODE_SECONDS": "fast"}, "SECONDS"),
        ({"SITE_HEALTH_CODE_AT_ONCE": "0"}, "AT_ONCE"),
        ({"SITE_HEALTH_CODE_AT_ONCE": "many"}, "AT_ONCE"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_or_tells_names_to_the_wire_stops_the_start(change, named):
    with pytest.raises(Misconfigured, match=f"SITE_HEALTH_CODE_{named}"):
        Settings.read({**CONFIGURED, **change})


def test_the_key_does_not_stand_in_the_settings_words():
    assert "k" * 16 not in repr(Settings.read(CONFIGURED))
