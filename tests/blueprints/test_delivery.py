"""Letters and posts that leave the site, against servers that take, refuse, hang and die: sent once, tried again, never in a request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from blueprints.web import jobs
from blueprints.web.outside import mail, robot
from blueprints.web.outside.breaker import Breaker
from blueprints.web.outside.mail import SmtpCarrier, written
from blueprints.web.outside.robot import RobotCarrier, body_of, signed
from blueprints.web.settings import Misconfigured, Settings
from models import delivery
from models.access import Post
from models.base import db, to_write
from models.delivery import WAITS, Channel, Delivery, DeliveryState, Letter, Trouble
from models.inbox import tell
from models.mail_addresses import MailAddress
from tests import code_service, make, smtp_server
from tests.blueprints.test_health_code import certificate  # noqa: F401  (a fixture)
from tests.conftest import NOW
from tests.smtp_server import Postman

LETTER = Letter("lin@example.cn", "手册：工作手册", "https://site.example/notices/7", "", "mail.7.1")
SHORT = 0.5  # seconds, where nothing good will come
LONG = 20.0


@pytest.fixture
def postman() -> Iterator[Postman]:
    with smtp_server.running() as server:
        yield server


def carrier(server: Postman, **how) -> SmtpCarrier:
    how = {"sender": "cho@example.cn", "tls": "none", "seconds": LONG} | how
    return SmtpCarrier("127.0.0.1", server.port, **how)


def test_a_letter_has_title_and_address_and_nothing_else_of_anybody(postman):
    with closing(carrier(postman)) as mails:
        assert mails.send(LETTER) is None
    (letter,) = postman.letters
    assert postman.receivers == ["lin@example.cn"]
    assert letter["Subject"] == "手册：工作手册" and letter["Message-ID"] == "<mail.7.1@example.cn>"
    assert "登录后看：https://site.example/notices/7" in letter.get_content()
    assert letter["Auto-Submitted"] == "auto-generated" and "企业首席健康官平台" in letter["From"]


def test_letters_of_a_round_share_a_connection_but_not_for_ever(postman, monkeypatch):
    monkeypatch.setattr(mail, "A_LINE", 3)
    with closing(carrier(postman)) as mails:
        assert [mails.send(LETTER) for _ in range(4)] == [None] * 4
    assert postman.connections == 2 and len(postman.letters) == 4


@pytest.mark.parametrize(
    ("says", "trouble"),
    [
        ({"RCPT": "550 no such user"}, Trouble.ADDRESS),
        ({"RCPT": "450 later"}, Trouble.REFUSED),
        ({"MAIL": "553 not you"}, Trouble.REFUSED),
        ({"DATA": "554 spam"}, Trouble.REFUSED),
        ({"taken": "554 spam"}, Trouble.REFUSED),
        ({"greeting": "554 go away"}, Trouble.UNREACHABLE),
        ({"greeting": "die"}, Trouble.UNREACHABLE),
        ({"DATA": "die"}, Trouble.UNREACHABLE),
        ({"taken": "die"}, Trouble.UNREACHABLE),
    ],
    ids=str,
)
def test_what_a_server_refuses_is_told_by_its_kind(postman, says, trouble):
    postman.says = says
    with closing(carrier(postman)) as mails:
        assert mails.send(LETTER) is trouble
        postman.says = {}
        assert mails.send(LETTER) is None  # the line is whole again


@pytest.mark.parametrize("where", ["greeting", "RCPT", "taken"])
@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_server_that_hangs_or_drips_costs_no_more_than_its_time(postman, where, how):
    postman.says = {where: how}
    with closing(carrier(postman, seconds=SHORT)) as mails:
        assert mails.send(LETTER) is Trouble.SLOW
    assert postman.letters == []


def test_nobody_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert (
        SmtpCarrier("127.0.0.1", port, sender="cho@example.cn", tls="none", seconds=LONG).send(LETTER)
        is Trouble.UNREACHABLE
    )


def test_without_encryption_nothing_goes(postman):
    assert carrier(postman, tls="starttls").send(LETTER) is Trouble.INSECURE
    assert postman.receivers == [] and postman.letters == []


@pytest.fixture
def sealed(certificate) -> Iterator[Postman]:  # noqa: F811
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with smtp_server.running(context) as server:
        server.password = "right-word"
        yield server


def test_under_tls_with_the_password_it_goes(sealed, certificate):  # noqa: F811
    how = {"tls": "starttls", "user": "cho", "trust": ssl.create_default_context(cafile=str(certificate))}
    with closing(carrier(sealed, password="right-word", **how)) as mails:
        assert mails.send(LETTER) is None
    assert sealed.under_tls == [True]
    assert carrier(sealed, password="wrong-word", **how).send(LETTER) is Trouble.LOGIN


def test_a_certificate_that_nobody_vouches_for_gets_neither_password_nor_letter(sealed):
    assert carrier(sealed, tls="starttls", user="cho", password="right-word").send(LETTER) is Trouble.INSECURE
    assert sealed.receivers == []


def test_a_server_that_keeps_failing_is_left_alone(postman):
    postman.says = {"greeting": "die"}
    with closing(carrier(postman, breaker=Breaker("mail", failures=2, of=4, seconds=60))) as mails:
        assert [mails.send(LETTER) for _ in range(3)] == [
            Trouble.UNREACHABLE,
            Trouble.UNREACHABLE,
            Trouble.SPARED,
        ]
    assert postman.connections == 2


def test_no_title_can_add_a_head_to_the_letter():
    with pytest.raises(ValueError, match="linefeed"):
        written(replace(LETTER, subject="一\r\nBcc: all@example.cn"), "cho@example.cn")


# --- the robot of a work group ---


@pytest.fixture
def group() -> Iterator[code_service.Service]:
    with code_service.running() as service:
        service.behave = lambda _service, connection, _sent: code_service.send(
            connection, b'{"errcode":0,"errmsg":"ok"}'
        )
        yield service


def test_a_robot_says_title_and_address(group):
    with closing(RobotCarrier(group.url, seconds=LONG)) as posts:
        assert posts.send(LETTER) is None
    assert group.questions == [
        {"msgtype": "text", "text": {"content": "手册：工作手册\n登录后看：https://site.example/notices/7"}}
    ]


def test_dingtalks_signature_is_over_time_and_secret(group):
    with closing(RobotCarrier(f"{group.url}?access_token=x", secret="SECabc", seconds=LONG)) as posts:
        assert posts.send(LETTER) is None
    query = parse_qs(urlsplit(group.heads[0].split()[1]).query)
    (at,) = query["timestamp"]
    proof = hmac.new(b"SECabc", f"{at}\nSECabc".encode(), hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(proof).decode()] and query["access_token"] == ["x"]
    assert signed("https://a.example/r", "s", 5).startswith("https://a.example/r?timestamp=5&sign=")


@pytest.mark.parametrize(
    ("behave", "trouble"),
    [
        (lambda _s, c, _q: code_service.send(c, b'{"errcode":45009}'), Trouble.REFUSED),
        (lambda _s, c, _q: code_service.send(c, b"{}", status="403 Forbidden"), Trouble.REFUSED),
        (
            lambda _s, c, _q: code_service.send(c, b"", status="302 Found", more="Location: /\r\n"),
            Trouble.REFUSED,
        ),
        (lambda _s, c, _q: code_service.send(c, b"<html>"), Trouble.UNREADABLE),
        (lambda _s, c, _q: code_service.send(c, b'"errcode"'), Trouble.UNREADABLE),
        (code_service.goes_on_for_ever, Trouble.UNREADABLE),
        (code_service.dies_at_once, Trouble.UNREACHABLE),
        (code_service.hangs, Trouble.SLOW),
        (code_service.drips_head, Trouble.SLOW),
    ],
    ids=range(9),
)
def test_a_robot_that_does_not_say_yes_has_not_taken_it(group, behave, trouble):
    group.behave = behave
    seconds = SHORT if trouble is Trouble.SLOW else LONG
    with closing(RobotCarrier(group.url, seconds=seconds)) as posts:
        assert posts.send(LETTER) is trouble


def test_a_post_names_nobody():
    assert json.loads(body_of(replace(LETTER, link="")))["text"]["content"] == "手册：工作手册\n请登录网站看"


# --- the queue ---


class Told:
    """A carrier that does as it is told and remembers."""

    def __init__(self, *troubles: Trouble | None) -> None:
        self.letters: list[Letter] = []
        self.troubles = list(troubles)

    def send(self, letter: Letter) -> Trouble | None:
        self.letters.append(letter)
        return self.troubles.pop(0) if self.troubles else None

    def close(self) -> None:
        pass


@pytest.fixture
def reader(town):
    person = town.officer(Post.HEALTH_MANAGER, name="林见微")
    make.save(MailAddress(account_id=person.id, address="lin@example.cn", confirmed_at=NOW, tries=0, asked=0))
    return person


@pytest.fixture
def run(app) -> Callable:
    """Sends what is due at an instant; answers how many went."""

    def run(carrier, at=NOW, channel=Channel.MAIL) -> int:
        db.session.rollback()
        tick = replace(jobs.tick_now(), clock=lambda: at)
        sent = delivery.deliver(tick, {channel: carrier}, lambda page: f"https://site.example{page}")
        db.session.expire_all()
        return sent

    return run


def told(person, key="notice:7"):
    with to_write():
        db.session.rollback()
        tell(db.session(), [person.id], key, "手册：工作手册", "正文不出站", "/notices/7", NOW)
        db.session.commit()


def rows() -> list[Delivery]:
    return list(db.session.scalars(select(Delivery).order_by(Delivery.id)))


def test_whoever_has_confirmed_an_address_gets_one_letter_however_often_it_is_told(reader, run, town):
    without = town.officer(Post.CHIEF_HEALTH_OFFICER)
    unconfirmed = town.officer(Post.CHIEF_HEALTH_OFFICER)
    make.save(MailAddress(account_id=unconfirmed.id, pending="x@example.cn", code="1", tries=0, asked=1))
    for person in (reader, reader, without, unconfirmed):
        told(person)
    mails = Told()
    assert run(mails) == 1 and run(mails) == 0
    (letter,) = mails.letters
    assert (letter.to, letter.subject, letter.link) == (
        "lin@example.cn",
        "手册：工作手册",
        "https://site.example/notices/7",
    )
    assert "正文" not in repr(letter)
    (row,) = rows()
    assert (row.state, row.attempts, row.sent_at, row.trouble) == (DeliveryState.SENT, 1, NOW, None)


def test_a_failure_is_kept_with_its_reason_and_tried_again_later_and_later_and_then_no_more(reader, run):
    told(reader)
    mails, at = Told(*[Trouble.UNREACHABLE] * 9), NOW
    for number, wait in enumerate(WAITS, start=1):
        run(mails, at)
        run(mails, at + wait - timedelta(seconds=1))
        assert len(mails.letters) == number, "not before its time"
        at += wait
    run(mails, at)
    (row,) = rows()
    assert (row.state, row.trouble, row.attempts) == (DeliveryState.FAILED, Trouble.UNREACHABLE, len(WAITS))
    assert len({letter.number for letter in mails.letters}) == 1, "the same letter each time"


def test_a_later_attempt_that_succeeds_is_sent(reader, run):
    told(reader)
    mails = Told(Trouble.SLOW)
    run(mails)
    assert (rows()[0].state, rows()[0].trouble) == (DeliveryState.PENDING, Trouble.SLOW)
    assert run(mails, NOW + WAITS[0]) == 1
    assert (rows()[0].state, rows()[0].trouble) == (DeliveryState.SENT, None)


def test_an_address_that_is_none_is_not_tried_again_and_holds_nobody_up(reader, run):
    told(reader, "notice:1")
    told(reader, "notice:2")
    assert run(Told(Trouble.ADDRESS)) == 1
    assert [row.state for row in rows()] == [DeliveryState.FAILED, DeliveryState.SENT]


def test_a_service_that_is_away_ends_the_round(reader, run):
    for number in range(3):
        told(reader, f"notice:{number}")
    mails = Told(Trouble.UNREACHABLE)
    run(mails)
    assert len(mails.letters) == 1 and [row.attempts for row in rows()] == [1, 0, 0]


def test_being_spared_counts_as_no_attempt(reader, run):
    told(reader)
    run(Told(Trouble.SPARED))
    assert (rows()[0].attempts, rows()[0].next_at) == (0, NOW + timedelta(minutes=1))


def test_a_process_that_dies_while_it_sends_costs_a_wait_not_a_letter(reader, run):
    class Dies(Told):
        def send(self, letter):
            raise KeyboardInterrupt

    told(reader)
    with pytest.raises(KeyboardInterrupt):
        run(Dies())
    mails = Told()
    assert run(mails) == 0 and run(mails, NOW + WAITS[0]) == 1


def test_a_round_goes_on_for_its_time_and_the_next_takes_the_rest(reader, run, monkeypatch):
    monkeypatch.setattr(delivery, "ROUND", timedelta(0))
    for number in range(3):
        told(reader, f"notice:{number}")
    mails = Told()
    assert [run(mails), run(mails), run(mails), run(mails)] == [1, 1, 1, 0]


def test_who_has_cleared_the_address_or_left_gets_nothing(reader, run, town):
    other = town.officer(Post.CHIEF_HEALTH_OFFICER)
    make.save(MailAddress(account_id=other.id, address="zhou@example.cn", confirmed_at=NOW, tries=0, asked=0))
    told(reader)
    told(other)
    db.session.scalars(select(MailAddress).where(MailAddress.account_id == reader.id)).one().clear()
    other.disable(reason="离职", now=NOW)
    db.session.commit()
    mails = Told()
    assert run(mails) == 0 and mails.letters == []
    assert {row.state for row in rows()} == {DeliveryState.DROPPED}


def test_old_news_does_not_flood_when_the_service_comes_back(reader, run):
    told(reader)
    mails = Told()
    assert run(mails, NOW + delivery.TOO_LATE + timedelta(seconds=1)) == 0
    assert (rows()[0].state, rows()[0].trouble) == (DeliveryState.FAILED, Trouble.TOO_LATE)


def test_a_group_is_told_once(town, run):
    for _ in range(2):
        delivery.to_group(
            db.session(),
            town.district.id,
            key="notice:7",
            subject="手册：工作手册",
            link="/notices/7",
            now=NOW,
        )
        db.session.commit()
    posts = Told()
    assert run(posts, channel=Channel.ROBOT) == 1 and len(posts.letters) == 1


def test_the_minutes_work_sends_by_the_ways_that_are_configured(app, reader, postman):
    told(reader)
    site = app.extensions["site"]
    with closing(carrier(postman)) as mails:
        app.extensions["site"] = replace(
            site,
            carriers={Channel.MAIL: mails},
            settings=replace(site.settings, public_url="https://site.example/"),
        )
        jobs.tick()
    (letter,) = postman.letters
    assert "https://site.example/notices/7" in letter.get_content()


def test_letters_of_long_ago_are_forgotten(app, reader):
    told(reader)
    assert delivery.forget_old(db.session(), NOW + delivery.KEPT, 10) == 0
    assert delivery.forget_old(db.session(), NOW + delivery.KEPT + timedelta(seconds=1), 10) == 1


# --- settings ---

MAIL = {"SITE_MAIL_SERVER": "smtp.example.cn:587", "SITE_MAIL_FROM": "cho@example.cn"}
ROBOT = {"SITE_ROBOT_URL": "https://qyapi.example/send?key=abcdef", "SITE_ROBOT_DISTRICT": "yunxi"}


def test_nothing_goes_out_unless_a_way_is_configured():
    none = Settings.read({})
    assert mail.of(none) is None and robot.of(none) is None
    assert isinstance(mail.of(Settings.read(MAIL)), SmtpCarrier)
    assert isinstance(robot.of(Settings.read(ROBOT)), RobotCarrier)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (MAIL | {"SITE_MAIL_SERVER": "smtp.example.cn"}, "MAIL_SERVER"),
        (MAIL | {"SITE_MAIL_SERVER": "smtp.example.cn:70000"}, "MAIL_SERVER"),
        (MAIL | {"SITE_MAIL_FROM": "cho"}, "MAIL_FROM"),
        (MAIL | {"SITE_MAIL_TLS": "ssl"}, "MAIL_TLS"),
        (MAIL | {"SITE_MAIL_TLS": "none"}, "MAIL_TLS"),
        (MAIL | {"SITE_MAIL_USER": "cho"}, "MAIL_PASSWORD"),
        (MAIL | {"SITE_MAIL_SECONDS": "90"}, "MAIL_SECONDS"),
        (MAIL | {"SITE_MAIL_SECONDS": "soon"}, "MAIL_SECONDS"),
        (ROBOT | {"SITE_ROBOT_URL": "http://qyapi.example/send?key=abcdef"}, "ROBOT_URL"),
        (ROBOT | {"SITE_ROBOT_DISTRICT": ""}, "ROBOT_DISTRICT"),
        (ROBOT | {"SITE_ROBOT_SECONDS": "0"}, "ROBOT_SECONDS"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_wrong_setting_is_named_at_the_start(given, named):
    with pytest.raises(Misconfigured, match=f"SITE_{named}"):
        Settings.read(given)


def test_no_secret_of_the_ways_out_is_printed():
    given = (
        MAIL
        | ROBOT
        | {"SITE_MAIL_USER": "cho", "SITE_MAIL_PASSWORD": "word-of-mouth", "SITE_ROBOT_SECRET": "SECabc"}
    )
    shown = repr(Settings.read(given))
    assert not any(secret in shown for secret in ("word-of-mouth", "SECabc", "abcdef"))
