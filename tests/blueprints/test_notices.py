"""Notices: written within one's own reach, found by whoever holds the post, read and confirmed, followed up, withdrawn."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from blueprints.web import jobs
from models import notice_readers, notice_rounds
from models.access import Post
from models.accounts import Account, Appointment
from models.audit import AuditLine
from models.base import RuleBroken, db
from models.delivery import Channel
from models.files import StoredFile
from models.inbox import Message
from models.notice_readers import Show
from models.notice_rounds import NoticeRound, RoundKind
from models.notices import Notice, NoticeFile, NoticeKind, NoticeReceipt, open_to
from models.places import Unit
from tests import make
from tests.blueprints.test_delivery import Told
from tests.blueprints.test_files import PDF
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.statements import asked_by, statements_of

C, M, S, D = Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER, Post.SPECIALIST, Post.GATE_GUARD


@pytest.fixture
def specialist(app, town):
    return make.sign_in(app.test_client(), town.officer(S, name="许知行"))


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(M, name="林见微"))


def write(by: Account, posts=(C, M), **facts) -> Notice:
    """A draft in the author's own scope."""
    held = by.appointments[0]
    facts = {"kind": NoticeKind.POLICY, "title": "换季防控要求", "text": "一、通风。\n\n二、不带病上班。", "must_confirm": False,
             "to_group": False, "scope": held.scope, "scope_id": held.scope_id} | facts  # fmt: skip
    return make.save(
        Notice.write(district_id=by.district_id, by=by, by_scope=held.scope, by_scope_id=held.scope_id, now=NOW, posts=posts, **facts)
    )  # fmt: skip


def send(notice: Notice, at=NOW) -> Notice:
    """Out, as the view does it, with its round."""
    session = db.session()
    people, enterprises = notice_readers.reached(session, notice, at)
    notice.send(people=people, enterprises=enterprises, now=at, by=notice.made_by)
    session.add(NoticeRound.begin(session, notice, RoundKind.SEND, now=at, by=notice.made_by))
    db.session.commit()
    jobs.begin_going_out()
    db.session.rollback()
    return notice


def draft_of(client, town, **changes):
    """Fills in the form; answers the POST's answer."""
    facts = {"kind": "policy", "title": "换季防控要求", "text": "一、通风。", "posts": [C.value, M.value],
             "area": f"place:{town.park.id}>place:{town.park.id}"} | changes  # fmt: skip
    return submit(client, "/notices/new", None, **facts)


def only() -> Notice:
    db.session.rollback()
    return db.session.scalars(select(Notice).execution_options(populate_existing=True)).one()


# --- writing ---


def test_a_notice_is_drafted_looked_at_and_sent_and_then_found_by_those_it_is_for(
    specialist, manager, town, app
):
    town.officer(C)
    guard = make.sign_in(app.test_client(), town.officer(D))
    page = landed(specialist, draft_of(specialist, town))
    assert "会收到 2 人" in page.text.replace("\n", " ") and "换季防控要求" in page.text
    assert "换季防控要求" not in opened(manager, "/notices").text, "a draft is nobody's yet"
    page = landed(specialist, submit(specialist, f"/notices/{only().id}/draft", f"/notices/{only().id}/send"))
    assert "已发给2人" in page.text
    assert "换季防控要求" in opened(manager, "/notices").text
    assert "换季防控要求" not in opened(guard, "/notices").text
    assert (only().people, only().enterprises, only().sent_at) == (2, 1, NOW)
    assert {line.action for line in db.session.scalars(select(AuditLine))} == {"notice:write"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": ""}, "请写标题"),
        ({"title": "长" * 61}, "标题不超过60个字"),
        ({"text": ""}, "请写正文"),
        ({"kind": ""}, "请选一个类别"),
        ({"posts": []}, "请至少选一个收通知的岗位"),
        ({"area": ""}, "请选发到哪里"),
    ],
    ids=lambda one: "" if isinstance(one, dict) else one,
)
def test_what_is_missing_is_said_beside_the_field_and_the_rest_is_kept(specialist, town, change, said):
    answer = draft_of(specialist, town, **change)
    assert said in refused(answer)
    assert "text" in change or "一、通风。" in answer.text
    assert db.session.scalar(select(func.count(Notice.id))) == 0


def test_no_area_beyond_ones_own_can_be_sent_to(specialist, town):
    token = opened(specialist, "/notices/new").forms[-1].fields["csrf_token"][0]
    for area in (
        f"place:{town.park.id}>place:{town.other.id}", f"place:{town.other.id}>place:{town.other.id}",
        f"district:{town.district.id}>district:{town.district.id}", "place:1", "x", f"place:{town.park.id}>gate:1",
    ):  # fmt: skip
        data = {
            "csrf_token": token,
            "kind": "policy",
            "title": "t",
            "text": "x",
            "posts": [M.value],
            "area": area,
        }
        assert specialist.post("/notices/new", data=data).status_code == 422, area
    data |= {"area": f"place:{town.park.id}>place:{town.park.id}", "posts": ["task_force"]}
    assert specialist.post("/notices/new", data=data).status_code == 422
    assert db.session.scalar(select(func.count(Notice.id))) == 0


def test_a_draft_whose_area_is_no_longer_ones_own_is_not_sent(app, town):
    person = town.officer(S)
    notice = write(person)
    notice.by_scope_id = notice.scope_id = town.other.id
    second = make.appoint(person, S, town.other.id)
    db.session.commit()
    client = make.sign_in(app.test_client(), person)
    token = opened(client, f"/notices/{notice.id}/draft").forms[0].fields["csrf_token"][0]
    second.end(reason="换人", now=NOW)
    db.session.commit()
    assert client.post(f"/notices/{notice.id}/send", data={"csrf_token": token}).status_code == 404
    assert only().sent_at is None


def test_nothing_is_sent_to_nobody(specialist, town):
    landed(specialist, draft_of(specialist, town, posts=[D.value]))
    page = opened(specialist, f"/notices/{only().id}/draft")
    assert "没有人任这些岗位" in page.text
    with pytest.raises(RuleBroken, match="没有人任这些岗位"):
        only().send(people=0, enterprises=0, now=NOW, by=only().made_by)


def test_what_was_sent_stays_as_it_is(specialist, town, app):
    town.officer(M)
    notice = send(write(town.officer(S)))
    for address in ("edit", "draft"):
        assert specialist.get(f"/notices/{notice.id}/{address}").status_code in (303, 409, 400, 422)
    with pytest.raises(RuleBroken, match="不能再改"):
        notice.edit(by_scope="place", by_scope_id=town.park.id, kind=NoticeKind.POLICY, title="x", text="x", posts=[M],
                    scope="place", scope_id=town.park.id, must_confirm=False, to_group=False)  # fmt: skip
    with pytest.raises(RuleBroken):
        notice.send(people=1, enterprises=1, now=NOW, by=notice.made_by)


def test_a_draft_can_be_changed_and_thrown_away(specialist, town):
    landed(specialist, draft_of(specialist, town))
    address = f"/notices/{only().id}"
    assert (
        "冬季防控要求"
        in landed(specialist, submit(specialist, f"{address}/edit", None, title="冬季防控要求")).text
    )
    landed(specialist, submit(specialist, f"{address}/draft", f"{address}/discard"))
    db.session.rollback()
    assert db.session.scalar(select(func.count(Notice.id))) == 0


def test_colleagues_in_the_same_post_see_it_and_others_do_not(app, town):
    town.officer(M)
    notice = send(write(town.officer(S)))
    colleague = make.sign_in(app.test_client(), town.officer(S))
    assert "换季防控要求" in opened(colleague, "/notices/sent").text
    stranger = make.sign_in(app.test_client(), make.account(town.district, S, town.other.id))
    assert "换季防控要求" not in opened(stranger, "/notices/sent").text
    for page in ("", "/readers", "/withdraw", "/readers.xlsx"):
        assert stranger.get(f"/notices/{notice.id}{page}").status_code == 404
    chief = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    assert "换季防控要求" in opened(chief, "/notices/sent").text


# --- whom it is for ---


def world(town):
    """People in every post, here and elsewhere, and notices of every kind of scope."""
    other_unit = make.save(Unit(district_id=town.district.id, name="区商务局"))
    far = make.enterprise(town.street, "锦程贸易有限公司", at=town.other, unit_id=other_unit.id)
    inside = make.enterprise(
        town.street, "三号楼的店", at=town.building, unit_id=town.unit.id, community_id=town.community.id
    )
    gone = make.enterprise(town.street, "搬走的店", at=town.park)
    gone.premises[0].until_at = NOW
    people = [
        *(town.officer(post) for post in (C, M, S, D, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.TASK_FORCE)),
        *(make.account(town.district, post, firm.id) for firm in (far, inside, gone) for post in (C, M)),
        make.account(town.district, S, town.other.id), make.account(town.district, D, town.building.id),
        make.account(town.district, Post.UNIT_LIAISON, other_unit.id),
    ]  # fmt: skip
    both = make.account(town.district, M, far.id)
    make.appoint(both, M, inside.id)
    left = make.account(town.district, M, far.id)
    left.disable(reason="离职", now=NOW)
    ended = make.account(town.district, M, town.tenant.id)
    ended.appointments[0].end(reason="换人", now=NOW)
    db.session.commit()
    everybody = (C, M, Post.HEALTH_GUIDE, S, D, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON)
    district, unit, park, community = (
        town.officer(post) for post in (Post.TASK_FORCE, Post.UNIT_LIAISON, S, Post.COMMUNITY_LIAISON)
    )
    notices = [
        write(district, everybody),
        write(district, everybody, scope="street", scope_id=town.street.id),
        write(district, everybody, scope="community", scope_id=town.community.id),
        write(district, everybody, scope="place", scope_id=town.park.id),
        write(district, (M, D), scope="place", scope_id=town.other.id),
        write(unit, everybody),
        write(unit, everybody, scope="place", scope_id=town.building.id),
        write(community, everybody),
        write(park, everybody),
        write(park, (S, D), scope="place", scope_id=town.building.id),
    ]
    return [*people, both, left, ended], notices


def asked_forwards(notice: Notice) -> set[int]:
    joined = select(Appointment.account_id).join(Account, Account.id == Appointment.account_id)
    return set(db.session.scalars(joined.where(notice.addressed(NOW))))


def test_who_is_addressed_and_who_finds_it_is_the_same_question(town):
    _, notices = world(town)
    for notice in notices:
        notice.sent_at, notice.sent_by = NOW, notice.made_by
    db.session.commit()
    everyone = db.session.scalars(select(Account)).all()
    found = {
        (notice.id, person.id)
        for person in everyone
        if person.is_active
        for notice in db.session.scalars(
            select(Notice).where(open_to(db.session(), person.serving(NOW.date()), NOW))
        )
    }
    assert found == {(notice.id, one) for notice in notices for one in asked_forwards(notice)}
    assert {len(asked_forwards(notice)) for notice in notices} > {1}


def test_each_scope_reaches_whom_it_should(town):
    _, notices = world(town)
    names = [
        sorted(
            (a.post.value, a.scope, a.scope_id)
            for a in db.session.scalars(select(Appointment).join(Account, Account.id == Appointment.account_id).where(n.addressed(NOW)))
        )
        for n in notices
    ]  # fmt: skip
    firm = town.tenant.id
    assert ("health_manager", "enterprise", firm) in names[3] and (
        "specialist",
        "place",
        town.other.id,
    ) not in names[3]
    assert {scope for _, scope, _ in names[4]} == {"enterprise", "place"} or {s for _, s, _ in names[4]} == {
        "enterprise"
    }
    assert all(one[1:] != ("place", town.other.id) for one in names[8])
    assert {("gate_guard", "place", town.building.id)} == set(names[9])
    assert all(post not in ("task_force",) for rows in names for post, _, _ in rows)


def test_whoever_takes_the_post_over_finds_it_and_whoever_left_does_not(app, town):
    first = town.officer(M)
    notice = send(write(town.officer(S), (M,)))
    first.appointments[0].end(reason="离职", now=NOW)
    second = town.officer(M)
    db.session.commit()
    assert "换季防控要求" in opened(make.sign_in(app.test_client(), second), "/notices").text
    assert make.sign_in(app.test_client(), first).get(f"/notices/{notice.id}").status_code in (403, 404)
    assert notice_readers.tally(db.session(), notice, NOW).people == 1


# --- reading ---


def test_opening_it_once_is_kept_and_nothing_else_of_a_get(manager, town):
    notice = send(write(town.officer(S)))
    assert "没看过" in opened(manager, "/notices").text and "消息1条未读" in opened(manager, "/notices").text
    page = opened(manager, f"/notices/{notice.id}")
    assert "一、通风。" in page.text and "二、不带病上班。" in page.text
    opened(manager, f"/notices/{notice.id}")
    db.session.rollback()
    (receipt,) = db.session.scalars(select(NoticeReceipt)).all()
    assert (receipt.read_at, receipt.confirmed_at) == (NOW, None)
    text = opened(manager, "/notices").text
    assert "没看过 0" in text and "条未读" not in text
    assert db.session.scalar(select(func.count(AuditLine.id))) == 0


def test_the_sender_who_looks_has_not_read_it_for_anybody(specialist, town):
    town.officer(M)
    notice = send(write(town.officer(S)))
    opened(specialist, f"/notices/{notice.id}")
    assert db.session.scalar(select(func.count(NoticeReceipt.id))) == 0


def test_confirming_is_a_button_once(manager, town):
    notice = send(write(town.officer(S), must_confirm=True))
    address = f"/notices/{notice.id}"
    assert "待您确认" in opened(manager, address).text
    page = landed(manager, submit(manager, address, f"{address}/confirm"))
    assert "已确认" in page.text and "已阅知" not in [
        words for form in page.forms for *_, words in form.buttons
    ]
    assert "待确认 0" in opened(manager, "/notices").text
    token = opened(manager, "/me").forms[0].fields["csrf_token"][0]
    assert manager.post(f"{address}/confirm", data={"csrf_token": token}).status_code == 303
    assert db.session.scalar(select(func.count(AuditLine.id)).where(AuditLine.action == "notice:read")) == 2


def test_what_needs_no_confirming_cannot_be_confirmed(manager, town):
    notice = send(write(town.officer(S)))
    with pytest.raises(RuleBroken, match="不用确认"):
        NoticeReceipt.confirm(db.session(), notice, 1, now=NOW)


def test_nobody_else_reads_it_by_its_number(app, town):
    town.officer(M)
    notice = send(write(town.officer(S), (M,)))
    for person in (
        town.officer(D),
        make.account(town.district, M, make.enterprise(town.street, "别家", at=town.other).id),
    ):
        client = make.sign_in(app.test_client(), person)
        assert client.get(f"/notices/{notice.id}").status_code == 404
        token = opened(client, "/me").forms[0].fields["csrf_token"][0]
        assert client.post(f"/notices/{notice.id}/confirm", data={"csrf_token": token}).status_code in (
            400,
            404,
        )
    assert db.session.scalar(select(func.count(NoticeReceipt.id))) == 0


def test_notices_are_found_by_word_and_kind_and_state(manager, town):
    by = town.officer(S)
    send(write(by))
    send(write(by, kind=NoticeKind.MANUAL, title="工作手册", text="每天看一遍。"))
    assert "工作手册" not in opened(manager, "/notices?q=通风").text
    assert "换季" not in opened(manager, "/notices?kind=manual").text
    assert "没有符合的通知" in opened(manager, "/notices?q=%25").text
    assert "没有要您确认的通知" in opened(manager, "/notices?show=unconfirmed").text
    for odd in ("?kind=x&show=y&page=-3&q=%00", "?page=99999", "?q=" + "长" * 500):
        opened(manager, f"/notices{odd}")
    part = manager.get("/notices?q=通风", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="notices">') and "<html" not in part


def test_a_list_asks_no_more_for_more_notices(manager, town):
    by = town.officer(S)
    send(write(by))
    manager.get("/notices")
    few = statements_of(lambda: manager.get("/notices"))
    for number in range(8):
        send(write(by, title=f"第{number}份"))
    assert statements_of(lambda: manager.get("/notices")) == few


def test_markup_in_a_notice_is_text(manager, town):
    notice = send(write(town.officer(S), title="<b>要点</b>", text="<script>alert(1)</script>\n{{ 7*7 }}"))
    html = manager.get(f"/notices/{notice.id}").text
    assert "&lt;script&gt;" in html and "{{ 7*7 }}" in html and "<b>要点" not in html


# --- attachments ---


def attach(client, notice, content=PDF, words="方案全文"):
    form = opened(client, f"/notices/{notice.id}/draft").form(f"/notices/{notice.id}/files")
    data = form.data(words=words) | {"file": (io.BytesIO(content), "../x.exe")}
    return client.post(form.action, data=data, content_type="multipart/form-data")


def test_an_attachment_is_handed_to_those_it_is_for_and_taken_on_record(specialist, manager, town, app):
    notice = write(town.officer(S))
    assert "方案全文" in landed(specialist, attach(specialist, notice)).text
    assert "已经附过" in refused(attach(specialist, notice))
    number = db.session.scalar(select(NoticeFile.id))
    assert manager.get(f"/notices/files/{number}").status_code == 404, "of a draft"
    db.session.rollback()
    send(only())
    answer = manager.get(f"/notices/files/{number}")
    assert answer.data == PDF and "attachment" in answer.headers["Content-Disposition"]
    assert make.sign_in(app.test_client(), town.officer(D)).get(f"/notices/files/{number}").status_code == 404
    assert manager.get("/notices/files/99999").status_code == 404
    db.session.rollback()
    assert db.session.scalar(select(func.count(AuditLine.id)).where(AuditLine.result == "seen")) == 1
    with pytest.raises(RuleBroken):
        db.session.get(NoticeFile, number).remove(db.session())


def test_an_attachment_taken_off_a_draft_is_gone(specialist, town):
    notice = write(town.officer(S))
    attach(specialist, notice)
    number = db.session.scalar(select(NoticeFile.id))
    landed(specialist, submit(specialist, f"/notices/{notice.id}/draft", f"/notices/files/{number}/remove"))
    db.session.rollback()
    assert db.session.scalar(select(func.count(StoredFile.id))) == 0
    attach(specialist, notice)
    landed(specialist, submit(specialist, f"/notices/{notice.id}/draft", f"/notices/{notice.id}/discard"))
    db.session.rollback()
    assert db.session.scalar(select(func.count(StoredFile.id))) == 0


def test_what_is_no_document_is_refused_beside_the_field(specialist, town):
    assert "不收这种文件" in refused(attach(specialist, write(town.officer(S)), b"MZ\x90"))


# --- telling, reminding, withdrawing ---


def test_everybody_is_told_once_by_a_message_that_says_nothing_of_anybody(town, app):
    people = [town.officer(C), town.officer(M)]
    notice = send(write(town.officer(S), must_confirm=True))
    jobs.tick()
    db.session.rollback()
    found = db.session.scalars(select(Message).order_by(Message.account_id)).all()
    assert [(one.account_id, one.subject, one.link) for one in found] == [
        (person.id, "政策：换季防控要求", f"/notices/{notice.id}") for person in people
    ]
    assert db.session.scalars(select(NoticeRound)).one().number == 2


def test_a_round_that_breaks_off_goes_on_where_it_was(town, app, monkeypatch):
    monkeypatch.setattr(notice_rounds, "AT_ONCE", 2)
    people = [make.account(town.district, M, town.tenant.id) for _ in range(5)]
    notice = write(town.officer(S), (M,))
    told, calls = notice_rounds.tell, []

    def breaks(*args):
        calls.append(args)
        if len(calls) == 2:
            raise OSError
        return told(*args)

    monkeypatch.setattr(notice_rounds, "tell", breaks)
    with pytest.raises(OSError):  # noqa: PT011
        send(notice)
    db.session.rollback()
    assert db.session.scalar(select(func.count(Message.id))) == 2
    jobs.tick()
    db.session.rollback()
    assert sorted(db.session.scalars(select(Message.account_id))) == sorted(one.id for one in people)
    row = db.session.scalars(select(NoticeRound).execution_options(populate_existing=True)).one()
    assert row.number == 5 and row.done_at is not None


def test_reminding_reaches_those_who_have_not_confirmed_once_a_day(specialist, app, town, at):
    lazy, reading, done = (town.officer(M) for _ in range(3))
    notice = send(write(town.officer(S), must_confirm=True))
    NoticeReceipt.read(db.session(), notice, reading.id, now=NOW)
    NoticeReceipt.confirm(db.session(), notice, done.id, now=NOW)
    db.session.commit()
    address = f"/notices/{notice.id}/readers"
    page = landed(specialist, submit(specialist, address, f"/notices/{notice.id}/remind"))
    assert "已提醒2人" in page.text and "今天已经提醒过" in page.text
    reminded = select(Message.account_id).where(Message.key.like("%remind%"))
    db.session.rollback()
    assert sorted(db.session.scalars(reminded)) == [lazy.id, reading.id]
    with pytest.raises(RuleBroken, match="今天已经提醒过"):
        NoticeRound.begin(db.session(), notice, RoundKind.REMIND, now=NOW, by=lazy)
    db.session.rollback()
    at(NOW + timedelta(days=1))
    again = make.sign_in(app.test_client(), town.officer(S))
    landed(again, submit(again, address, f"/notices/{notice.id}/remind"))
    db.session.rollback()
    assert len(db.session.scalars(reminded).all()) == 4


def test_two_reminders_at_once_are_one(town):
    town.officer(M)
    notice = send(write(town.officer(S)))
    facts = {"notice_id": notice.id, "kind": RoundKind.REMIND, "on": date(2026, 11, 20), "made_at": NOW}
    make.save(NoticeRound(**facts, by_id=notice.made_by_id))
    with pytest.raises(IntegrityError):
        make.save(NoticeRound(**facts, by_id=notice.made_by_id))
    db.session.rollback()


def test_what_is_withdrawn_shows_its_reason_and_nothing_else(specialist, manager, town):
    draft = write(town.officer(S), must_confirm=True)
    attach(specialist, draft)
    db.session.rollback()
    notice = send(only())
    address = f"/notices/{notice.id}"
    assert "请写撤回的原因" in refused(submit(specialist, f"{address}/withdraw", None, reason=" "))
    assert (
        "已撤回"
        in landed(specialist, submit(specialist, f"{address}/withdraw", None, reason="附表有误")).text
    )
    assert "已撤回" in opened(manager, "/notices").text
    page = opened(manager, address)
    assert "附表有误" in page.text and "通风" not in page.text and "已阅知" not in page.text
    number = db.session.scalar(select(NoticeFile.id))
    assert PDF not in manager.get(f"/notices/files/{number}").data
    db.session.rollback()
    assert db.session.scalar(select(Message.text).where(Message.key.like("%withdraw"))) == "原因：附表有误"
    with pytest.raises(RuleBroken, match="已经撤回"):
        only().withdraw(reason="x", now=NOW, by=notice.made_by)
    with pytest.raises(RuleBroken, match="已经撤回"):
        NoticeReceipt.confirm(db.session(), only(), 1, now=NOW)


def test_a_notice_withdrawn_before_it_went_round_goes_round_no_more(town):
    town.officer(M)
    by = town.officer(S)
    notice = write(by)
    notice.send(people=1, enterprises=1, now=NOW, by=by)
    db.session.add(NoticeRound.begin(db.session(), notice, RoundKind.SEND, now=NOW, by=by))
    notice.withdraw(reason="写错了", now=NOW, by=by)
    db.session.commit()
    jobs.tick()
    db.session.rollback()
    assert db.session.scalar(select(func.count(Message.id))) == 0


def test_the_work_group_is_told_of_the_districts_notice_where_it_has_a_robot(app, town):
    chief = town.officer(Post.TASK_FORCE)
    town.officer(M)
    client, posts = make.sign_in(app.test_client(), chief), Told()
    assert "工作群" not in opened(client, "/notices/new").text
    site = app.extensions["site"]
    app.extensions["site"] = replace(
        site, carriers={Channel.ROBOT: posts}, settings=replace(site.settings, robot_district="yunxi", public_url="https://s.example")
    )  # fmt: skip
    facts = {
        "kind": "policy",
        "title": "全区的",
        "text": "x",
        "area": f"district:{town.district.id}>district:{town.district.id}",
    }
    landed(client, submit(client, "/notices/new", None, **facts, to_group="y"))
    landed(client, submit(client, f"/notices/{only().id}/draft", f"/notices/{only().id}/send"))
    assert [(one.subject, one.link) for one in posts.letters] == [
        ("政策：全区的", f"https://s.example/notices/{only().id}")
    ]
    assert "工作群" not in opened(make.sign_in(app.test_client(), town.officer(S)), "/notices/new").text


# --- who has read ---


def test_who_has_not_read_stands_first_with_who_answers_for_it(specialist, town):
    chief, keeper = town.officer(C, name="江知夏"), town.officer(M, name="邱若水")
    other = make.enterprise(town.street, "三号楼的店", at=town.building)
    make.account(town.district, M, other.id, name="沈秋白")
    make.enterprise(town.street, "没人的店", at=town.park, legal_representative="高远")
    notice = send(write(town.officer(S), must_confirm=True))
    NoticeReceipt.read(db.session(), notice, keeper.id, now=NOW)
    db.session.commit()
    reached = notice_readers.tally(db.session(), notice, NOW)
    assert (reached.people, reached.read, reached.confirmed) == (3, 1, 0)
    assert (reached.targets, reached.targets_read, reached.enterprises, reached.nobody) == (2, 1, 2, 1)
    address = f"/notices/{notice.id}/readers"
    text = opened(specialist, address).text
    assert text.index("三号楼的店") < text.index("云溪青禾") and "江知夏，没看过" in text
    assert "没人读过 1" in text and "没人确认 2" in text
    assert "云溪青禾" not in opened(specialist, f"{address}?show=unread").text
    assert "三号楼的店" not in opened(specialist, f"{address}?q=邱若水").text
    nobody = opened(specialist, f"{address}?show=nobody").text
    assert "没人的店" in nobody and "高远" in nobody and "三号楼的店" not in nobody
    NoticeReceipt.confirm(db.session(), notice, chief.id, now=NOW)
    db.session.commit()
    assert notice_readers.tally(db.session(), notice, NOW).of(Show.UNCONFIRMED) == 1


def test_the_readers_cost_no_more_for_more_enterprises(specialist, town):
    town.officer(M)
    notice = send(write(town.officer(S)))
    address = f"/notices/{notice.id}/readers"
    specialist.get(address)
    few = statements_of(lambda: specialist.get(address))
    for number in range(6):
        make.account(town.district, M, make.enterprise(town.street, f"第{number}家", at=town.park).id)
    assert statements_of(lambda: specialist.get(address)) == few, asked_by(lambda: specialist.get(address))


def test_the_workbook_has_a_line_a_person_and_those_whom_nobody_reaches(specialist, town):
    keeper = town.officer(M, name="=1+1")
    make.enterprise(town.street, "没人的店", at=town.park, legal_representative="高远")
    notice = send(write(town.officer(S)))
    NoticeReceipt.read(db.session(), notice, keeper.id, now=NOW)
    db.session.commit()
    sheet = load_workbook(io.BytesIO(specialist.get(f"/notices/{notice.id}/readers.xlsx").data)).active
    rows = [[cell or "" for cell in row] for row in sheet.iter_rows(min_row=4, values_only=True)]
    assert rows == [
        ["云溪青禾生物科技股份有限公司", "健康管理员", "=1+1", "2026-11-20 09:41", "", ""],
        ["没人的店", "", "", "", "", "法定代表人高远"],
    ]
    assert "许知行于2026年11月20日" in sheet["A2"].value
    db.session.rollback()
    assert db.session.scalar(select(func.count(AuditLine.id)).where(AuditLine.result == "seen")) == 1
    filtered = load_workbook(
        io.BytesIO(specialist.get(f"/notices/{notice.id}/readers.xlsx?show=unread").data)
    ).active
    assert filtered.max_row == 3


# --- the card ---


def test_a_prevention_card_is_printed_on_a4_and_a5(manager, town):
    notice = send(
        write(town.officer(S), kind=NoticeKind.CARD, title="记住三条", text="通风\n洗手\n不带病上班")
    )
    sizes = [manager.get(f"/notices/{notice.id}/card.pdf?size={size}") for size in ("a4", "a5", "x")]
    assert all(one.data.startswith(b"%PDF") for one in sizes)
    plain = send(write(town.officer(S)))
    assert not manager.get(f"/notices/{plain.id}/card.pdf").data.startswith(b"%PDF")


def test_a_guard_on_a_shared_phone_reads_notices_too(app, town):
    from models.accounts import LoginSession

    person = town.officer(D)
    notice = send(write(town.officer(S), (D,)))
    login, token = LoginSession.start(person, now=NOW, address="", device="东门", on_shift=True)
    login.appointment_id = person.appointments[0].id
    make.save(login)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = token, True
    assert "通风" in opened(client, f"/notices/{notice.id}").text
    assert client.get("/messages").status_code == 403
