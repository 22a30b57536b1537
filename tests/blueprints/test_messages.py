"""Messages to oneself: told once, read, kept for half a year. An address besides is one's own when its code was typed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from blueprints.web import jobs
from models import inbox
from models.access import Post
from models.audit import AuditLine
from models.base import RuleBroken, db, to_write
from models.delivery import Channel
from models.inbox import Message, tell
from models.mail_addresses import MailAddress, mask_address, read_address
from tests import make
from tests.blueprints.test_delivery import Told
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit


@pytest.fixture
def person(town):
    return town.officer(Post.HEALTH_MANAGER, name="林见微")


@pytest.fixture
def me(app, person):
    return make.sign_in(app.test_client(), person)


def told(*people, key="notice:7", subject="手册：工作手册", link="/me", at=NOW):
    with to_write():
        db.session.rollback()
        found = tell(db.session(), [one.id for one in people], key, subject, "请打开看", link, at)
        db.session.commit()
    return found


def test_the_same_key_is_told_a_person_once(person, town):
    other = town.officer(Post.CHIEF_HEALTH_OFFICER)
    assert told(person, person) == [person.id]
    assert told(person, other) == [other.id]
    assert told(person, key="notice:8") == [person.id]
    assert db.session.scalar(select(func.count(Message.id))) == 3


def test_many_people_are_told_in_a_few_statements(person, town, monkeypatch):
    monkeypatch.setattr(inbox, "AT_ONCE", 2)
    people = [town.officer(Post.GATE_GUARD) for _ in range(5)]
    assert sorted(told(*people)) == sorted(one.id for one in people)


def test_a_message_leads_nowhere_else(person):
    for link in ("https://evil.example/", "//evil.example/"):
        with pytest.raises(ValueError, match="page of this site"):
            tell(db.session(), [person.id], "x", "x", "", link, NOW)


def test_the_number_of_unread_stands_on_every_page_and_opening_one_leads_to_its_thing(me, person):
    told(person)
    told(person, key="notice:8", subject="政策：通风")
    assert "消息2条未读" in opened(me, "/me").text
    page = opened(me, "/messages")
    assert page.text.index("政策：通风") < page.text.index("手册：工作手册") and page.text.count("未读") >= 2
    first = db.session.scalar(select(Message.id).where(Message.key == "notice:7"))
    assert submit(me, "/messages", f"/messages/{first}/open").headers["Location"] == "/me"
    assert "手册：工作手册" not in opened(me, "/messages?show=unread").text
    assert "消息1条未读" in opened(me, "/me").text


def test_a_hundred_unread_are_ninety_nine_and_more(me, person):
    for number in range(100):
        told(person, key=f"k{number}")
    assert "99+条未读" in opened(me, "/me").text
    assert "共100条" in opened(me, "/messages").text


def test_all_are_marked_as_read_at_once_and_nobody_elses(me, person, town):
    other = town.officer(Post.CHIEF_HEALTH_OFFICER)
    told(person, other)
    assert "1条消息已标为读过" in landed(me, submit(me, "/messages", "/messages/read-all")).text
    assert inbox.unread_of(db.session(), other.id) == 1


def test_anothers_message_is_not_there(me, town, app):
    other = town.officer(Post.CHIEF_HEALTH_OFFICER)
    told(other)
    token = opened(me, "/me").forms[0].fields["csrf_token"][0]
    number = db.session.scalar(select(Message.id))
    assert me.post(f"/messages/{number}/open", data={"csrf_token": token}).status_code == 404
    assert inbox.unread_of(db.session(), other.id) == 1
    assert "手册" not in opened(me, "/messages").text


def test_messages_go_with_the_nightly_purge_after_half_a_year(app, person, at):
    told(person)
    told(person, key="fresh", at=NOW + timedelta(days=30))
    at(NOW + inbox.KEPT + timedelta(hours=1))
    jobs.tick()
    db.session.rollback()
    assert db.session.scalars(select(Message.key)).all() == ["fresh"]


def test_looking_at_messages_writes_nothing(me, person):
    told(person)
    me.get("/messages")
    db.session.rollback()
    assert db.session.scalar(select(func.count(AuditLine.id))) == 0
    assert inbox.unread_of(db.session(), person.id) == 1


# --- the address ---


@pytest.fixture
def mails(app) -> Told:
    carrier = Told()
    app.extensions["site"] = replace(app.extensions["site"], carriers={Channel.MAIL: carrier})
    return carrier


def ask(me, address="Lin@Example.CN"):
    return submit(me, "/me/mail", None, address=address)


def kept():
    db.session.rollback()
    return db.session.scalars(select(MailAddress).execution_options(populate_existing=True)).one()


def test_an_address_counts_when_the_code_that_went_there_is_typed(me, mails, person):
    page = landed(me, ask(me, " ｌin@Example.CN "))
    assert "l***@example.cn" in page.text and "lin@example.cn" not in page.html
    (letter,) = mails.letters
    assert letter.to == "lin@example.cn" and re.fullmatch(r"\d{6}", letter.code)
    told(person)
    jobs.tick()
    assert len(mails.letters) == 1, "nothing but the code before that"
    assert (
        "发到l***@example.cn"
        in landed(me, submit(me, "/me/mail", "/me/mail/confirm", code=f" {letter.code} ")).text
    )
    told(person, key="notice:9")
    jobs.begin_going_out()
    assert [one.subject for one in mails.letters[1:]] == ["手册：工作手册"]


def test_address_and_code_lie_sealed(app, me, mails):
    ask(me)
    db.session.rollback()
    row = db.session.execute(text("SELECT pending, code FROM mail_address")).one()
    assert all(b"example" not in bytes(one) for one in row) and mails.letters[0].code.encode() not in bytes(
        row[1]
    )
    lines = db.session.scalars(select(AuditLine)).all()
    assert lines and not any(
        "lin@" in str(line.details) or mails.letters[0].code in str(line.details) for line in lines
    )


def test_five_wrong_codes_end_the_right_one(me, mails):
    ask(me)
    code = mails.letters[0].code
    wrong = "000000" if code != "000000" else "111111"
    for number in range(5):
        said = refused(submit(me, "/me/mail", "/me/mail/confirm", code=wrong))
        assert ("作废" if number == 4 else "验证码不对") in said
    assert "填验证码" not in opened(me, "/me/mail").text
    token = opened(me, "/me").forms[0].fields["csrf_token"][0]
    me.post("/me/mail/confirm", data={"csrf_token": token, "code": code})
    assert kept().address is None


def test_a_code_lasts_half_an_hour(me, mails, at, app, person):
    ask(me)
    at(NOW + timedelta(minutes=30))
    assert "填验证码" not in opened(make.sign_in(app.test_client(), person), "/me/mail").text
    with pytest.raises(RuleBroken):
        kept().confirm(mails.letters[0].code, now=NOW + timedelta(minutes=30))


def test_a_code_a_minute_and_five_a_day(person):
    mine = MailAddress.of(db.session(), person.id)
    for minute in range(5):
        mine.ask("lin@example.cn", now=NOW + timedelta(minutes=minute))
        with pytest.raises(RuleBroken, match="1分钟"):
            mine.ask("lin@example.cn", now=NOW + timedelta(minutes=minute, seconds=59))
    with pytest.raises(RuleBroken, match="今天已经发了5次"):
        mine.ask("lin@example.cn", now=NOW + timedelta(hours=2))
    mine.clear()
    with pytest.raises(RuleBroken, match="今天已经发了5次"):
        mine.ask("lin@example.cn", now=NOW + timedelta(hours=2))
    mine.ask("lin@example.cn", now=NOW + timedelta(days=1))


def test_the_old_address_goes_on_until_the_new_one_is_confirmed(me, mails, at, person):
    ask(me, "one@example.cn")
    submit(me, "/me/mail", "/me/mail/confirm", code=mails.letters[-1].code)
    at(NOW + timedelta(minutes=2))
    ask(me, "two@example.cn")
    assert kept().address == "one@example.cn"
    submit(me, "/me/mail", "/me/mail/confirm", code=mails.letters[-1].code)
    assert kept().address == "two@example.cn"
    assert "已经清除" in landed(me, submit(me, "/me/mail", "/me/mail/clear")).text
    assert (kept().address, kept().confirmed_at) == (None, None)


@pytest.mark.parametrize(
    "typed",
    ["", "lin", "lin@", "@example.cn", "lin@example", "林@example.cn", "a@b.c d", "x" * 260 + "@example.cn"],
)
def test_what_is_no_address_is_said_beside_the_field_and_kept(me, mails, typed):
    answer = ask(me, typed)
    assert answer.status_code == 422 and mails.letters == []
    assert db.session.scalar(select(func.count(MailAddress.id))) == 0


def test_without_a_mail_server_the_page_says_so(me, person):
    assert "本站没有开通邮件" in opened(me, "/me/mail").text
    token = opened(me, "/me").forms[0].fields["csrf_token"][0]
    assert me.post("/me/mail", data={"csrf_token": token, "address": "lin@example.cn"}).status_code == 422


def test_addresses_are_read_and_masked():
    assert read_address("　Ｌin.Jian+1@Mail.Example.CN ") == "Lin.Jian+1@mail.example.cn"
    assert mask_address("lin@example.cn") == "l***@example.cn"
