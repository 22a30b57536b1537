"""What an enterprise has to do today, in one list on its home page: reports, letters, notices, each in the words for who is looking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from models import notice_readers, signatures
from models.access import Post
from models.base import db
from models.notices import Notice, NoticeKind
from models.places import Adoption
from models.signatures import Capacity, Mark, Signer, Verified, Way
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, submit
from tests.statements import statements_of

C, M, U = Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER, Post.UNIT_LIAISON


@pytest.fixture
def officer(town):
    return town.officer(U, name="周知行")


@pytest.fixture
def boss(town, officer):
    person = town.officer(C, name="沈望舒")
    make.may_sign(person, town.tenant, officer)
    return person


@pytest.fixture
def phone(app, boss):
    return make.sign_in(app.test_client(), boss)


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(M, name="林见微"))


def items(client, town) -> list[str]:
    """The list, an item a string; reports first."""
    page = opened(client, f"/enterprises/{town.tenant.id}")
    panel = next(one for one in page.all("section") if one.get("id") == "to-do")
    return ["".join(one.itertext()) for one in panel.iter("li")]


def letters(client, town) -> list[str]:
    return [one for one in items(client, town) if "责任书" in one]


def notice(by, **facts) -> Notice:
    """Sent to the health staff of the author's scope."""
    held = by.appointments[0]
    facts = {
        "kind": NoticeKind.POLICY,
        "title": "换季防控要求",
        "text": "通风。",
        "must_confirm": True,
        "to_group": False,
    } | facts
    made = Notice.write(
        district_id=by.district_id, by=by, by_scope=held.scope, by_scope_id=held.scope_id, now=NOW, posts=(C, M), scope=held.scope,
        scope_id=held.scope_id, **facts,
    )  # fmt: skip
    make.save(made)
    people, enterprises = notice_readers.reached(db.session(), made, NOW)
    made.send(people=people, enterprises=enterprises, now=NOW, by=by)
    db.session.commit()
    return made


def again(row):
    db.session.rollback()
    db.session.refresh(row)
    return row


def signed(app, letter, boss):
    me = Signer(boss.name, Capacity.REPRESENTATIVE, Verified.PASSWORD, boss.id, "", "")
    signatures.sign(db.session(), app.extensions["site"].vault, letter, me, Mark(Way.TYPED), now=NOW)
    db.session.commit()


def test_a_letter_waits_in_the_words_for_who_is_looking(app, town, officer, phone, manager, boss):
    letter = make.letter(town.tenant, officer)
    (own,) = letters(phone, town)
    assert "待签" in own and "请您签署" in own and "去签署" in own
    (others,) = letters(manager, town)
    assert "请法定代表人沈望舒签，您可以先看全文" in others and "请您签署" not in others
    opened(phone, f"/letters/{letter.id}")  # read, and not yet signed
    assert len(letters(phone, town)) == 1
    signed(app, again(letter), boss)
    assert letters(phone, town) == letters(manager, town) == []


def test_a_letter_that_took_the_place_of_a_void_one_says_why_it_is_signed_anew(town, officer, phone, manager):
    first = make.letter(town.tenant, officer)
    first.void("企业地址写错，另发一份", NOW, by=officer)
    db.session.commit()
    assert letters(phone, town) == []  # nobody says that there will be another
    make.letter(town.tenant, officer)
    for client in (phone, manager):
        (one,) = letters(client, town)
        assert "上一份已作废（企业地址写错，另发一份），这一份要重新签" in one


def test_an_outdated_letter_stands_there_until_the_new_one_is_signed(app, town, officer, phone, boss):
    letter = make.letter(town.tenant, officer)
    signed(app, letter, boss)
    letter.was_countersigned(NOW)
    db.session.commit()
    assert letters(phone, town) == []
    letter.supersede("法定代表人变更，应当重新签订", NOW)
    db.session.commit()
    (old,) = letters(phone, town)
    assert "要重新签" in old and "法定代表人变更" in old and "联络员发来新的一份以后" in old
    make.letter(town.tenant, officer)
    (new,) = letters(phone, town)
    assert "请您签署" in new and "上一份已被替代（法定代表人变更，应当重新签订）" in new


def test_a_notice_that_wants_a_confirmation_stands_there_until_it_has_it(town, officer, manager):
    one = notice(officer)
    notice(officer, title="不用确认的", must_confirm=False)
    gone = notice(officer, title="撤回的")
    gone.withdraw(reason="写错了", now=NOW, by=officer)
    db.session.commit()
    found = [words for words in items(manager, town) if "待确认" in words]
    assert len(found) == 1 and "换季防控要求" in found[0] and "周知行" in found[0]
    landed(manager, submit(manager, f"/notices/{one.id}", f"/notices/{one.id}/confirm"))
    assert not any("待确认" in words for words in items(manager, town))


def test_nothing_to_do_is_said_as_good_news(town, manager):
    home = f"/enterprises/{town.tenant.id}"
    assert "今天没有要办的" not in opened(manager, home).text  # the week's report is open
    db.session.execute(delete(Adoption))  # without a scheme nobody reports
    db.session.commit()
    assert "今天没有要办的" in opened(manager, home).text


def test_the_page_asks_no_more_for_more_to_do(town, officer, manager):
    make.letter(town.tenant, officer)
    notice(officer)
    few = statements_of(lambda: items(manager, town))
    for number in range(3):
        make.letter(town.tenant, officer, starts_on=NOW.date() + timedelta(days=number + 1))
        notice(town.officer(U), title=f"第{number}份")
    assert statements_of(lambda: items(manager, town)) == few
    assert len(items(manager, town)) >= 8
