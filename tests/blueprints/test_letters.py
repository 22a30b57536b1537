"""Responsibility letters on the site: sent to many, read and signed, by link, countersigned, on paper, followed up, checked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from blueprints.web import jobs
from models import signatures
from models.access import Post
from models.audit import AuditLine
from models.base import RuleBroken, db, to_write
from models.batches import Batch, BatchKind
from models.enterprises import Enterprise
from models.files import FileKind, StoredFile
from models.inbox import Message
from models.letter_keeping import LetterPrint
from models.letter_text import Party, sha256
from models.letters import Letter, LetterState
from models.signatures import Capacity, LetterSignature, LetterSigner, Mark, Signer, Verified, Way
from tests import make
from tests.blueprints.test_files import PDF
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.models.test_letters import STROKES, meanwhile, paper

C, M, U = Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER, Post.UNIT_LIAISON
TERM = {"starts_on": "2027-01-01", "ends_on": "2027-12-31"}
SIGNED = {"pad": "", "strokes": "", "agreed": "y", "name": "沈望舒", "password": make.PASSWORD}


@pytest.fixture(autouse=True)
def quick_paper(app):
    """Drawing is another test's business: here a letter's paper is known by its width."""
    site = app.extensions["site"]
    app.extensions["site"] = replace(site, draw_letter=lambda letter: paper(200 + letter.id))


@pytest.fixture
def officer(town):
    return town.officer(U, name="周知行")


@pytest.fixture
def boss(town, officer):
    person = town.officer(C, name="沈望舒")
    make.may_sign(person, town.tenant, officer)
    return person


@pytest.fixture
def desk(app, officer):
    return make.sign_in(app.test_client(), officer)


@pytest.fixture
def phone(app, boss):
    return make.sign_in(app.test_client(), boss)


@pytest.fixture
def letter(town, officer, boss):
    return make.letter(town.tenant, officer)


def again(row):
    db.session.rollback()
    db.session.refresh(row)
    return row


def countersign(desk, letter: Letter) -> None:
    """The officer signs it, as one of many."""
    submit(desk, "/letters/countersign", letter=str(letter.id), password=make.PASSWORD, agreed="y")


def signed_by_boss(letter, boss, app, at=NOW):
    me = Signer(boss.name, Capacity.REPRESENTATIVE, Verified.PASSWORD, boss.id, "", "")
    signatures.sign(db.session(), app.extensions["site"].vault, letter, me, Mark(Way.TYPED), now=at)
    db.session.commit()


def confirm(desk) -> Batch:
    """The latest batch, sent."""
    db.session.rollback()
    batch = db.session.scalars(select(Batch).order_by(Batch.id.desc()).limit(1)).one()
    where = f"/letters/batches/{batch.id}"
    landed(desk, submit(desk, where, f"{where}/confirm"))
    db.session.rollback()
    return batch


def list_form(client):
    """The form of the list, whose buttons say where it goes."""
    return next(one for one in opened(client, "/letters").forms if one.method == "post")


def remind(client, **changes):
    return client.post("/letters/remind", data=list_form(client).data(**changes))


# --- sent to many ---


def send(desk, **choices):
    """Chosen, looked at; the page of the batch."""
    return landed(desk, submit(desk, "/letters/new", **TERM | choices))


@pytest.fixture
def district(town, officer):
    """200 firms of the unit beside the tenant, 3 of them with a letter."""
    town.tenant.closed_at = NOW
    firms = [
        make.enterprise(
            town.street,
            f"云溪第{n}实业有限公司",
            unit_id=town.unit.id,
            legal_representative="许安",
            headcount=n + 1,
        )
        for n in range(200)
    ]
    for firm in firms[:3]:
        make.letter(firm, officer, starts_on=date(2027, 1, 1))
    return firms


def test_of_200_firms_3_with_a_letter_are_skipped_by_name_and_again_nobody_gets_one(desk, district):
    shown = send(desk, who="all")
    assert "发给 197 家" in shown.text.replace("\n", " ") or "197" in shown.text
    assert (
        all(firm.name in shown.text for firm in district[:3])
        and "已有一份在办（YUNXI-ZR-2027-00001" in shown.text
    )
    assert db.session.scalar(select(func.count(Letter.id))) == 3  # nothing is sent before somebody confirms
    batch = db.session.scalars(select(Batch)).one()
    done = landed(desk, submit(desk, f"/letters/batches/{batch.id}", f"/letters/batches/{batch.id}/confirm"))
    assert "已发出" in done.text
    db.session.rollback()
    assert db.session.scalar(select(func.count(Letter.id))) == 200
    assert len(set(db.session.scalars(select(Letter.number)))) == 200
    shown = send(desk, who="all")
    assert "这些企业都不用再发" in shown.text
    db.session.rollback()
    later = db.session.scalars(select(Batch).order_by(Batch.id.desc()).limit(1)).one()
    assert (later.news, later.errors) == (0, 200)
    with pytest.raises(RuleBroken, match="没有发出"):
        later.confirm(db.session(), NOW)
    db.session.rollback()
    assert db.session.scalar(select(func.count(Letter.id))) == 200
    answer = submit(desk, "/letters/new", **TERM)  # those without a valid one: nobody
    assert "没有选到企业" in refused(answer)


def test_choosing_is_by_size_street_and_name_and_the_sample_is_real(desk, district):
    shown = send(desk, least="190", most="195", q="实业")
    assert (
        "6" in shown.text
        and "云溪第189实业有限公司" in shown.text
        and "云溪第195实业有限公司" not in shown.text
    )
    assert (
        "发出时编号" in shown.text and "法定代表人：许安" in shown.text and "2027年12月31日止" in shown.text
    )


def test_what_was_sent_to_many_can_be_taken_back_unless_it_is_signed(app, desk, district, officer):
    send(desk, least="199")
    batch = confirm(desk)
    first, second = db.session.scalars(
        select(Letter).where(Letter.sent_by_id == officer.id).order_by(Letter.id.desc()).limit(2)
    )
    me = Signer("许安", Capacity.REPRESENTATIVE, Verified.IN_FRONT, None, "", "")
    signatures.sign(db.session(), app.extensions["site"].vault, first, me, Mark(Way.TYPED), now=NOW)
    db.session.commit()
    shown = landed(desk, submit(desk, f"/letters/batches/{batch.id}", f"/letters/batches/{batch.id}/undo"))
    assert "已经签了，没有撤回" in shown.text
    assert (again(first).state, again(second).state) == (LetterState.SIGNED, LetterState.VOIDED)


def test_a_letter_taken_back_with_its_batch_gives_way_to_the_one_before(app, town, desk, letter):
    letter.state, letter.in_force_at = LetterState.IN_FORCE, NOW
    db.session.commit()
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date())
    send(desk, who="all", replace="y")
    batch = confirm(desk)
    newest = select(Letter.id).where(Letter.newest)
    new = db.session.scalars(newest).one()
    assert new != letter.id
    landed(desk, submit(desk, f"/letters/batches/{batch.id}", f"/letters/batches/{batch.id}/undo"))
    db.session.rollback()
    assert db.session.scalars(newest).all() == [letter.id]
    assert letter.number in opened(desk, "/letters").text


def test_a_firm_out_of_reach_gets_none_and_one_without_representative_is_named(app, town, desk, district):
    other = make.enterprise(town.street, "外区企业", legal_representative="许安")  # another unit's
    district[10].legal_representative = ""
    db.session.commit()
    shown = send(desk, who="all")
    assert other.name not in shown.text and "没有登记法定代表人" in shown.text


def test_whoever_is_liaison_and_task_force_issues_to_all_that_both_reach(app, town, district):
    """The current post is the liaison's; the district's reaches the other unit's firm too."""
    other = make.enterprise(town.street, "外单位企业", legal_representative="许安")
    person = town.officer(U, name="周知行")
    make.appoint(person, Post.TASK_FORCE, town.district.id)
    desk = make.sign_in(app.test_client(), person)
    shown = send(desk, q="企业")
    assert other.name in shown.text and "不在您负责的范围" not in shown.text
    batch = confirm(desk)
    assert (batch.news, batch.errors, batch.scope) == (1, 0, ("district", town.district.id))
    send(desk, who="all")
    assert (confirm(desk).news, db.session.scalar(select(func.count(Letter.id)))) == (197, 201)


def test_of_two_posts_side_by_side_one_is_chosen_and_reaches_its_own_alone(app, town, district):
    near = make.enterprise(
        town.street, "社区里的企业", community_id=town.community.id, legal_representative="许安"
    )
    person = town.officer(U, name="周知行")
    there = make.appoint(person, Post.COMMUNITY_LIAISON, town.community.id)
    desk = make.sign_in(app.test_client(), person)
    assert "社区联络员，锦书社区" in opened(desk, "/letters/new").text
    assert near.name not in send(desk, least="100", most="120").text  # the unit's post comes first
    shown = send(desk, post=str(there.id))
    assert near.name in shown.text and district[5].name not in shown.text
    batch = confirm(desk)
    assert (batch.news, batch.errors, batch.scope) == (1, 0, ("community", town.community.id))
    assert "请从这几项里选一项" in refused(submit(desk, "/letters/new", **TERM, post="0"))


def test_a_firm_that_has_gone_out_of_reach_meanwhile_is_skipped_by_its_name(
    monkeypatch, desk, town, district
):
    work, moved = jobs.begin_batch, district[199]
    monkeypatch.setattr(jobs, "begin_batch", lambda number: None)
    send(desk, least="200")
    moved.unit_id = None
    db.session.commit()
    batch = db.session.scalars(select(Batch)).one()
    work(batch.id)
    shown = opened(desk, f"/letters/batches/{batch.id}")
    assert moved.name in shown.text and "现在不在您负责的范围" in shown.text


def test_what_the_parties_lack_is_said_before_anything_is_sent(desk, town, district):
    whole, part = district[10], district[11]
    whole.address, whole.phone = "桂湖街道锦书路18号", "0000-0000301"
    part.address = "桂湖街道锦书路20号"
    db.session.commit()
    shown = send(desk, least="11", most="12")
    assert "有1家的资料不全" in shown.text and "没有登记电话，责任书上会缺" in shown.text
    assert f"{town.unit.name}：统一社会信用代码、负责人、地址" in shown.text
    batch = db.session.scalars(select(Batch)).one()
    listed = opened(desk, f"/letters/batches/{batch.id}?show=doubt").one("tbody")
    said = "".join(listed.itertext())
    assert part.name in said and whole.name not in said
    confirm(desk)
    assert db.session.scalar(select(func.count(Letter.id))) == 5  # a warning holds nothing up


def test_the_parties_say_what_is_on_file_of_them(desk, town, district, officer):
    unit = town.unit
    unit.credit_code, unit.head, unit.address = "11410105000000043M", "程远志", "云溪大道1号"
    firm = district[10]
    firm.address, firm.phone = "桂湖街道锦书路18号", "0000-0000301"
    mobile = district[11]
    mobile.phone = "13800138000"
    db.session.commit()
    shown = send(desk, least="11", most="12")
    for words in ("统一社会信用代码：11410105000000043M", "负责人：程远志", "地址：云溪大道1号"):
        assert words in shown.text
    confirm(desk)
    letters = db.session.scalars(select(Letter).where(Letter.enterprise_id.in_([firm.id, mobile.id])))
    first, second = sorted(letters, key=lambda one: one.id)
    assert first.content.unit == Party(
        unit.name, "11410105000000043M", "程远志", "云溪大道1号", officer.name, town.district.hotline
    )
    assert first.content.firm == Party(
        firm.name, firm.credit_code, "许安", "桂湖街道锦书路18号", "许安", "0000-0000301"
    )
    assert second.content.firm.phone == "138****8000"  # a letter is kept open
    assert "2027年1月1日至2027年12月31日" in opened(desk, "/letters/batches").text


def test_new_wording_replaces_the_old_only_once_it_is_in_force(app, town, desk, letter, boss, officer):
    signed_by_boss(letter, boss, app)
    signatures.countersign(
        db.session(),
        app.extensions["site"].vault,
        letter,
        Signer("周知行", Capacity.OFFICER, Verified.PASSWORD, officer.id, "", ""),
        now=NOW,
    )
    db.session.commit()
    term = {"starts_on": "2026-11-20", "ends_on": "2027-11-19"}
    assert "已有有效的责任书" in send(desk, who="all", replace="y", **term).text  # the wording is the same
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date())
    shown = send(desk, who="all", replace="y", **term)
    confirm(desk)
    new = db.session.scalars(select(Letter).where(Letter.replaces_id == letter.id)).one()
    assert again(letter).state is LetterState.IN_FORCE and "1" in shown.text
    signed_by_boss(new, boss, app)
    countersign(desk, new)
    assert again(letter).state is LetterState.SUPERSEDED and new.number in again(letter).end_reason


def test_the_operators_of_parks_get_their_own_letter(desk, town):
    town.park.operator_id, town.tenant.legal_representative = town.tenant.id, "许安"
    db.session.commit()
    send(desk, kind="park_operator")
    confirm(desk)
    sent = db.session.scalars(select(Letter)).one()
    assert (sent.place_id, sent.content.title, sent.content.place) == (
        town.park.id,
        "园区健康管理责任书",
        town.park.name,
    )
    assert town.park.name in opened(desk, "/letters?kind=park_operator").text


def test_5000_letters_are_sent_in_parts_that_survive_a_dead_worker(app, town, officer, desk):
    """The request only keeps what was asked for; a worker that dies has sent whole parts, and the next goes on behind them."""
    from models import batch_work
    from models.enterprises import Enterprise

    common = {
        "district_id": town.district.id, "street_id": town.street.id, "unit_id": town.unit.id, "short_name": "", "initials": "",
        "legal_representative": "许安", "address": "", "close_reason": "",
    }  # fmt: skip
    rows = [common | {"name": f"第{n}家", "credit_code": f"X{n:017}"} for n in range(5000)]
    db.session.execute(Enterprise.__table__.insert(), rows)
    db.session.commit()
    send(desk, q="第")
    batch = db.session.scalars(select(Batch)).one()
    batch.confirm(db.session(), NOW)
    db.session.commit()
    bench, parts = jobs.import_sheets.bench(), []

    class Dies(jobs.import_sheets.LetterRows):
        def apply(self, session, rows):
            parts.append(len(rows))
            if len(parts) == 4:
                raise KeyboardInterrupt
            super().apply(session, rows)

    dying = replace(
        bench, importers={BatchKind.LETTERS: lambda *facts: Dies(*facts, book=app.extensions["site"].book)}
    )
    with pytest.raises(KeyboardInterrupt):
        batch_work.work(dying, batch.id)
    db.session.rollback()
    assert db.session.scalar(select(func.count(Letter.id))) == sum(parts[:3]) > 0
    later = replace(bench, clock=lambda: NOW + timedelta(minutes=2))
    batch_work.pick_up(later)
    db.session.rollback()
    assert db.session.scalar(select(func.count(Letter.id))) == 5000
    assert db.session.scalar(select(func.count(func.distinct(Letter.number)))) == 5000


# --- read and signed ---


def test_whoever_opens_it_for_the_firm_is_kept_and_an_officer_is_not(desk, phone, letter, boss):
    opened(desk, f"/letters/{letter.id}")
    assert again(letter).state is LetterState.SENT
    page = opened(phone, f"/letters/{letter.id}")
    assert (
        "（一）指导乙方设立健康管理岗位" in page.text and "甲（签名和存证，不等同可靠电子签名）" in page.text
    )
    assert (again(letter).state, letter.read_by_id) == (LetterState.READ, boss.id)
    lines = db.session.scalars(select(AuditLine).where(AuditLine.action == "letter:see")).all()
    assert len(lines) == 1


def test_the_manager_reads_but_cannot_sign_and_another_firm_finds_nothing(app, town, letter, boss):
    manager = make.sign_in(app.test_client(), town.officer(M, name="林见微"))
    assert "您可以看，不能签" in opened(manager, f"/letters/{letter.id}").text
    answer = manager.get(f"/letters/{letter.id}/sign")
    assert answer.status_code == 409 and "不能签" in answer.text
    other = make.enterprise(town.street, "别家", legal_representative="苏晴")
    stranger = make.account(town.district, C, other.id, name="苏晴")
    make.may_sign(stranger, other, boss)
    there = make.sign_in(app.test_client(), stranger)
    for path in ("", "/sign", "/letter.pdf", "/scan", "/signatures/1"):
        assert there.get(f"/letters/{letter.id}{path}").status_code == 404


def test_a_drawn_signature_is_kept_as_strokes_and_picture(phone, letter):
    page = landed(
        phone,
        submit(
            phone,
            f"/letters/{letter.id}/sign",
            **SIGNED | {"pad": "1", "strokes": STROKES},
        ),
    )
    assert "还有10分钟可以撤回" in page.text
    row = db.session.scalars(select(LetterSignature)).one()
    assert (row.way, row.verified, row.capacity) == (Way.DRAWN, Verified.PASSWORD, Capacity.REPRESENTATIVE)
    picture = phone.get(f"/letters/{letter.id}/signatures/1")
    assert picture.mimetype == "image/png" and sha256(picture.data) == row.picture_digest


def test_without_javascript_the_typed_name_signs_or_a_photograph(phone, letter, app):
    from tests.blueprints.test_files import picture

    where = f"/letters/{letter.id}/sign"
    landed(phone, submit(phone, where, **SIGNED))
    assert db.session.scalars(select(LetterSignature)).one().way is Way.TYPED
    landed(phone, submit(phone, f"/letters/{letter.id}", f"/letters/{letter.id}/withdraw"))
    assert again(letter).state is LetterState.READ
    landed(phone, submit(phone, where, **SIGNED | {"photo": (io.BytesIO(picture()), "a.jpg")}))
    db.session.rollback()
    assert [one.way for one in signatures.acts_of(db.session(), letter)] == [Way.TYPED, Way.TYPED, Way.PHOTO]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "别人"}, "别人不能代签"), ({"password": "wrong"}, "密码不对"), ({"agreed": None}, "请勾选"),
        ({"pad": "1", "strokes": ""}, "没有收到签名"), ({"name": ""}, "请输入签署人的姓名"),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_wrong_signing_is_refused_beside_the_field_and_signs_nothing(phone, letter, wrong, words):
    where = f"/letters/{letter.id}/sign"
    said = refused(submit(phone, where, **SIGNED | wrong))
    assert words in said
    assert (
        again(letter).state is LetterState.SENT
        and db.session.scalar(select(func.count(LetterSignature.id))) == 0
    )


def test_all_that_is_wrong_is_said_at_once_the_pad_by_its_name(phone, letter):
    where = f"/letters/{letter.id}/sign"
    answer = submit(phone, where, pad="1", strokes="", name="别人", password="", agreed=None)
    said = refused(answer)
    for words in ("有4处需要改", "签名：没有收到签名", "别人不能代签", "请输入登录密码", "请勾选"):
        assert words in said
    assert "Strokes" not in said and 'href="#pad-canvas"' in answer.text


def test_the_same_signing_sent_twice_leads_to_the_letter_that_is_signed(app, phone, letter, town):
    where = f"/letters/{letter.id}/sign"
    sent = next(one for one in opened(phone, where).forms if "agreed" in one.choices).data(**SIGNED)
    first, second = phone.post(where, data=sent), phone.post(where, data=sent)
    assert (
        first.status_code == second.status_code == 303
        and second.headers["Location"] == f"/letters/{letter.id}"
    )
    assert "已签署，不用再签。" in landed(phone, second).text
    assert db.session.scalar(select(func.count(LetterSignature.id))) == 1
    other = town.officer(M, name="林见微")
    kept = StoredFile.keep(db.session(), app.extensions["site"].vault, FileKind.PDF, PDF, now=NOW)
    held = LetterSigner.file(
        town.tenant, other, Capacity.AUTHORISED, paper=kept, until_on=NOW.date(), today=NOW.date(), by=other, now=NOW
    )  # fmt: skip
    make.save(held)
    answer = make.sign_in(app.test_client(), other).get(where)
    assert answer.status_code == 409 and "不用再签" in answer.text  # it was somebody else


def test_a_withdrawal_comes_within_ten_minutes_and_never_after_the_countersignature(
    app, at, phone, desk, letter, boss
):
    signed_by_boss(letter, boss, app)
    token = opened(phone, f"/letters/{letter.id}").form(f"/letters/{letter.id}/withdraw").fields["csrf_token"]
    at(NOW + timedelta(minutes=11))
    answer = phone.post(f"/letters/{letter.id}/withdraw", data={"csrf_token": token})
    assert answer.status_code == 409 and "超过10分钟" in answer.text
    at(NOW + timedelta(minutes=1))
    countersign(desk, letter)
    answer = phone.post(f"/letters/{letter.id}/withdraw", data={"csrf_token": token})
    assert answer.status_code == 409 and "甲方已经会签" in answer.text
    assert again(letter).state is LetterState.IN_FORCE


# --- by link ---


def make_link(desk, letter, in_front):
    page = desk.post(
        f"/letters/{letter.id}/link",
        data=opened(desk, f"/letters/{letter.id}/link").form("").data(in_front=in_front),
    )
    assert page.status_code == 200
    from tests.reader import read

    shown = read(page.text)
    token = page.text.split("/letters/by-link/")[1].split('"')[0]
    return token, "".join(sign for sign in shown.text.split("确认码")[-1] if sign.isdigit())[:6]


def test_a_representative_without_account_signs_once_in_front_of_the_officer(client, desk, letter):
    token, _code = make_link(desk, letter, "1")
    where = f"/letters/by-link/{token}"
    assert "沈望舒，法定代表人" in opened(client, where).text
    signing = {key: value for key, value in SIGNED.items() if key != "password"}
    page = landed(client, submit(client, where, **signing))
    assert "已签署" in page.text
    row = db.session.scalars(select(LetterSignature)).one()
    assert (row.verified, row.account_id, row.name) == (Verified.IN_FRONT, None, "沈望舒")
    assert "这个链接不能再签" in opened(client, where).text
    landed(client, submit(client, where, f"{where}/withdraw"))
    assert again(letter).state is LetterState.READ
    assert "再发一个链接" in opened(client, where).text
    assert client.get("/letters/by-link/nonsense").status_code == 404


def test_away_from_the_officer_the_code_that_was_told_apart_is_needed(client, desk, letter, at):
    token, code = make_link(desk, letter, "0")
    where = f"/letters/by-link/{token}"
    signing = {key: value for key, value in SIGNED.items() if key != "password"}
    wrong = "000000" if code != "000000" else "111111"
    assert "还可以试4次" in refused(submit(client, where, **signing | {"code": wrong}))
    landed(client, submit(client, where, **signing | {"code": code}))
    assert db.session.scalars(select(LetterSignature)).one().verified is Verified.BY_CODE
    audit = db.session.scalars(
        select(AuditLine).where(AuditLine.action == "letter:sign").order_by(AuditLine.id)
    ).all()
    assert [line.result.value for line in audit] == ["failed", "done"] and code not in "".join(
        line.details for line in audit
    )


def test_a_link_that_has_run_out_says_whom_to_ask(client, desk, letter, at):
    token, _code = make_link(desk, letter, "1")
    at(NOW + timedelta(minutes=31))
    answer = client.get(f"/letters/by-link/{token}")
    assert answer.status_code == 410 and "周知行" in answer.text


# --- countersigned, on paper, void, signers ---


def test_many_are_countersigned_at_once_and_each_has_its_own_signature(
    app, desk, town, officer, letter, boss
):
    other_firm = make.enterprise(town.street, "第二家", unit_id=town.unit.id, legal_representative="许安")
    other = make.letter(other_firm, officer)
    signed_by_boss(letter, boss, app)
    signatures.sign(
        db.session(), app.extensions["site"].vault, other, Signer("许安", Capacity.REPRESENTATIVE, Verified.IN_FRONT, None, "", ""),
        Mark(Way.TYPED), now=NOW,
    )  # fmt: skip
    db.session.commit()
    page = "/letters/countersign"
    assert "至少勾选一份" in refused(submit(desk, page, password=make.PASSWORD, agreed="y"))
    assert "密码不对" in refused(submit(desk, page, letter=[str(letter.id)], password="x", agreed="y"))
    submit(desk, page, letter=[str(letter.id), str(other.id)], password=make.PASSWORD, agreed="y")
    assert {again(one).state for one in (letter, other)} == {LetterState.IN_FORCE}
    units = db.session.scalars(select(LetterSignature).where(LetterSignature.side == "unit")).all()
    assert [one.name for one in units] == ["周知行"] * 2
    assert (
        again(letter).pdf_digest is not None and again(other).pdf_digest != letter.pdf_digest
    )  # filed in the background
    told = db.session.scalars(
        select(Message).where(Message.account_id == boss.id, Message.subject.contains("双方已签"))
    ).all()
    assert len(told) == 1


def test_all_on_the_page_are_countersigned_with_one_tick_and_none_that_came_later(
    app, desk, town, officer, letter, boss
):
    firms = [
        make.enterprise(town.street, f"第{n}家", unit_id=town.unit.id, legal_representative="许安")
        for n in range(3)
    ]
    others = [make.letter(firm, officer) for firm in firms]
    me = Signer("许安", Capacity.REPRESENTATIVE, Verified.IN_FRONT, None, "", "")
    vault = app.extensions["site"].vault
    for one in others[:2]:
        signatures.sign(db.session(), vault, one, me, Mark(Way.TYPED), now=NOW)
    db.session.commit()
    where = "/letters/countersign"
    form = next(one for one in opened(desk, where).forms if "every" in one.choices)
    signatures.sign(db.session(), vault, again(others[2]), me, Mark(Way.TYPED), now=NOW)
    db.session.commit()
    landed(desk, desk.post(where, data=form.data(every="y", password=make.PASSWORD, agreed="y")))
    assert [again(one).state for one in others] == [LetterState.IN_FORCE] * 2 + [LetterState.SIGNED]


def test_the_filed_pdf_is_handed_out_byte_for_byte(app, desk, phone, letter, boss):
    signed_by_boss(letter, boss, app)
    countersign(desk, letter)
    first, second = (client.get(f"/letters/{letter.id}/letter.pdf").data for client in (desk, phone))
    assert first == second and sha256(first) == again(letter).pdf_digest


def test_signed_with_ink_the_scan_is_kept_and_the_letter_holds(desk, phone, letter):
    where = f"/letters/{letter.id}/on-paper"
    assert "请选扫描件" in refused(submit(desk, where, checked="y"))
    landed(desk, submit(desk, where, scan=(io.BytesIO(PDF), "scan.pdf"), checked="y"))
    page = opened(phone, f"/letters/{letter.id}")
    assert "纸上签署，存扫描件" in page.text
    assert phone.get(f"/letters/{letter.id}/scan").data == PDF
    assert again(letter).state is LetterState.IN_FORCE


def test_a_void_letter_says_why_and_takes_no_signature(desk, phone, letter):
    where = f"/letters/{letter.id}/void"
    assert "请写原因" in refused(submit(desk, where, reason=" "))
    landed(desk, submit(desk, where, reason="企业名称写错"))
    assert "企业名称写错" in opened(phone, f"/letters/{letter.id}").text
    assert phone.get(f"/letters/{letter.id}/sign").status_code == 409


def test_who_voids_waits_for_who_sends_and_not_the_other_way_round(app, town, desk, letter, officer):
    """Both take the firm before the letter: else each would hold what the other needs."""
    where, answers = f"/letters/{letter.id}/void", []
    form = opened(desk, where).form("").data(reason="企业名称写错")
    db.session.rollback()
    with to_write():  # as the work on a batch does
        firm = select(Enterprise).where(Enterprise.id == town.tenant.id)
        db.session.scalars(firm.with_for_update()).one()
        with meanwhile(app, lambda: answers.append(desk.post(where, data=form).status_code)):
            new = make.letter(town.tenant, officer, starts_on=date(2027, 2, 1))
    assert answers == [303] and again(letter).state is LetterState.VOIDED
    assert db.session.scalars(select(Letter.id).where(Letter.newest)).all() == [new.id]


def test_an_authority_is_filed_with_its_paper_and_can_be_ended(app, town, desk, letter):
    manager = town.officer(M, name="林见微")
    where = f"/letters/{letter.id}/signers"
    facts = {"account": str(manager.id), "capacity": "authorised", "until_on": "2027-06-30", "checked": "y"}
    assert "授权书" in refused(submit(desk, where, **facts))
    landed(desk, submit(desk, where, **facts | {"paper": (io.BytesIO(PDF), "a.pdf")}))
    held = db.session.scalars(select(LetterSigner).where(LetterSigner.account_id == manager.id)).one()
    assert desk.get(f"/letters/signers/{held.id}/paper").data == PDF
    db.session.rollback()
    phone = make.sign_in(app.test_client(), manager)
    assert phone.get(f"/letters/{letter.id}/sign").status_code == 200
    landed(desk, submit(desk, where, f"/letters/signers/{held.id}/end"))
    assert phone.get(f"/letters/{letter.id}/sign").status_code == 409


# --- followed up ---


def test_the_list_says_where_each_firm_stands_and_filters(app, town, desk, letter, boss, officer):
    make.enterprise(town.street, "没发的企业", unit_id=town.unit.id, headcount=20)
    make.enterprise(town.street, "别的单位的企业")
    ends = NOW.date() + timedelta(days=20)
    soon = make.enterprise(town.street, "快到期的企业", unit_id=town.unit.id, legal_representative="许安")
    old = make.letter(soon, officer, starts_on=date(2026, 1, 1), ends_on=ends)
    old.state, old.in_force_at = LetterState.IN_FORCE, NOW
    db.session.commit()
    page = opened(desk, "/letters")
    assert "没发的企业" in page.text and "别的单位的企业" not in page.text and "30天内到期" in page.text
    for show, name in (
        ("none", "没发的企业"),
        ("sent", town.tenant.name),
        ("expiring", "快到期的企业"),
        ("valid", "快到期的企业"),
    ):
        found = opened(desk, f"/letters?show={show}").text
        assert (
            name in found
            and len([one for one in ("没发的企业", town.tenant.name, "快到期的企业") if one in found]) == 1
        ), show
    found = opened(
        desk, f"/letters?place={town.park.id}&street={town.street.id}&unit={town.unit.id}&q=青禾"
    ).text
    assert town.tenant.name in found and "没发的企业" not in found
    assert "没有符合的企业" in opened(desk, "/letters?q=nobody").text
    assert opened(desk, "/letters?kind=x&show=y&unit=z&page=99").text


def test_the_export_says_the_same(desk, letter):
    book = load_workbook(io.BytesIO(desk.get("/letters.xlsx").data))
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert any(letter.number in row and "没看过" in row for row in cells)
    assert db.session.scalar(select(func.count(AuditLine.id)).where(AuditLine.action == "letter:track")) == 1


def test_a_reminder_goes_to_the_firm_once_a_day(app, desk, letter, boss, officer, at):
    for said in ("已提醒1家", "1家今天已经提醒过"):
        assert said in landed(desk, remind(desk, letter=[str(letter.id)])).text
    at(NOW + timedelta(days=1))
    desk = make.sign_in(app.test_client(), officer)
    answer = remind(desk, all="1")
    assert "已提醒1家" in landed(desk, answer).text
    assert len(db.session.scalars(select(Message).where(Message.account_id == boss.id)).all()) == 2


def test_chosen_letters_are_one_pdf_and_only_whoever_ordered_it_finds_it(app, town, desk, letter, officer):
    firm = make.enterprise(town.street, "第二家", unit_id=town.unit.id, legal_representative="许安")
    other = make.letter(firm, officer)
    form = list_form(desk)
    answer = desk.post("/letters/print", data=form.data(letter=[str(other.id), str(letter.id)]))
    assert "2份，共2页" in landed(desk, answer).text
    order = db.session.scalars(select(LetterPrint)).one()
    assert json.loads(order.letters) == [other.id, letter.id]
    assert desk.get(f"/letters/prints/{order.id}/letters.pdf").data.startswith(b"%PDF")
    db.session.rollback()
    colleague = make.sign_in(app.test_client(), town.officer(U))
    assert colleague.get(f"/letters/prints/{order.id}").status_code == 404
    assert colleague.get(f"/letters/prints/{order.id}/letters.pdf").status_code == 404


def test_letters_out_of_reach_are_neither_reminded_nor_printed_nor_countersigned(app, town, letter, boss):
    signed_by_boss(letter, boss, app)
    elsewhere = make.save(make.Unit(district_id=town.district.id, name="区商务局"))
    stranger = make.sign_in(app.test_client(), make.account(town.district, U, elsewhere.id))
    own = make.letter(
        make.enterprise(town.street, "自己的", unit_id=elsewhere.id, legal_representative="许安"), boss
    )
    form = list_form(stranger)
    ids = [str(letter.id)]
    token = form.fields["csrf_token"]
    stranger.post("/letters/remind", data={"csrf_token": token, "letter": ids})
    answer = stranger.post("/letters/print", data={"csrf_token": token, "letter": ids})
    assert answer.status_code == 409
    stranger.post(
        "/letters/countersign",
        data={"csrf_token": token, "letter": ids, "password": make.PASSWORD, "agreed": "y"},
    )
    assert again(letter).state is LetterState.SIGNED and own.id
    assert db.session.scalar(select(func.count(Message.id)).where(Message.key.contains("remind"))) == 0


# --- checked by anyone ---


def test_number_and_code_say_what_the_letter_is_and_the_number_alone_nothing(client, letter, town):
    alone = client.get(f"/verify?number={letter.number}")
    assert "请再填验证码" in refused(alone) and town.tenant.name not in alone.text
    wrong = client.get(f"/verify?number={letter.number}&code=22222222")
    unknown = client.get("/verify?number=YUNXI-ZR-2020-00009&code=22222222")
    assert "对不上" in refused(wrong) and "对不上" in refused(unknown) and town.tenant.name not in wrong.text
    typed = f"{letter.code[:4]} {letter.code[4:]}".lower()
    page = opened(client, f"/verify?number={letter.number.lower().replace('-', ' ')}&code={typed}")
    assert town.tenant.name in page.text and "没看过" in page.text and "沈望舒" not in page.text
    assert f"主办单位：{town.district.organiser}" in page.text


def test_a_letter_of_a_former_representative_still_verifies_as_superseded(client, letter, town):
    town.tenant.legal_representative = "许安"
    db.session.commit()
    jobs.tick()
    page = opened(client, f"/verify?number={letter.number}&code={letter.code}")
    assert "已被替代" in page.text


def test_the_filed_pdf_is_genuine_and_one_byte_more_less_or_other_is_not(
    app, client, desk, letter, boss, town
):
    signed_by_boss(letter, boss, app)
    countersign(desk, letter)
    content = desk.get(f"/letters/{letter.id}/letter.pdf").data
    ask = lambda sent: submit(client, "/verify", file=(io.BytesIO(sent), "a.pdf"))  # noqa: E731
    genuine = ask(content)
    assert (
        genuine.status_code == 200
        and "一个字节都没有改动" in genuine.text
        and town.tenant.name in genuine.text
    )
    flipped = bytearray(content)
    flipped[len(flipped) // 2] ^= 1
    for other in (bytes(flipped), content + b"\n", content[:-1], paper(999)):
        assert "不是本站存档的文件" in ask(other).text
    assert "不是PDF" in refused(ask(b"GIF89a"))
    assert "请选" in refused(ask(b""))


def test_asking_is_limited_per_address(letter, limited):
    client = limited.test_client()
    asked = [
        client.get(f"/verify?number={letter.number}&code=2222222{2 + n % 8}").status_code for n in range(11)
    ]
    assert asked == [422] * 10 + [429]
    assert client.get("/verify").status_code == 200  # the empty page is no try


# --- drawn ---


def test_the_paper_has_the_whole_text_the_signatures_and_the_code(app, letter, boss, tmp_path):
    import subprocess

    from blueprints.letters.paper import draw

    signed_by_boss(letter, boss, app)
    db.session.rollback()
    file = tmp_path / "letter.pdf"
    file.write_bytes(draw(db.session.get_one(Letter, letter.id)))
    text = (
        subprocess.run(["pdftotext", file, "-"], capture_output=True, check=True)
        .stdout.decode()
        .replace("\n", "")
    )
    for part in (
        "企业健康管理责任书",
        letter.number,
        "五、附则",
        "沈望舒",
        f"{letter.code[:4]} {letter.code[4:]}",
        "签名等级：甲",
    ):
        assert part in text, part


# --- the evidence of a signature ---


def test_an_officer_takes_the_evidence_of_a_signature_away_and_it_can_be_checked_without_us(
    app, desk, phone, letter, boss
):
    landed(phone, submit(phone, f"/letters/{letter.id}/sign", **SIGNED | {"pad": "1", "strokes": STROKES}))
    page = opened(desk, f"/letters/{letter.id}")
    assert "下载乙方签署的存证" in page.text
    answer = desk.get(f"/letters/{letter.id}/signatures/1/evidence.json")
    assert answer.mimetype == "application/json" and answer.headers["Cache-Control"] == "no-store"
    told = json.loads(answer.data)
    assert told["document"]["number"] == letter.number and told["signer"]["name"] == "沈望舒"
    assert hashlib.sha256(told["document"]["text"].encode()).hexdigest() == told["document"]["sha256"]
    assert told["signer"]["authority"]["checked_by"] == "周知行"
    assert told["act"]["consent"].startswith("我代表") and told["act"]["agent"]
    chain = told["chain"]
    line = json.dumps(chain["line"], ensure_ascii=False).encode()
    assert hashlib.sha256(bytes.fromhex(chain["previous"]) + line).hexdigest() == chain["hash"]
    for kept in (base64.b64decode(told["mark"]["picture"]), told["mark"]["strokes"].encode()):
        assert hashlib.sha256(kept).hexdigest() in chain["line"]
    db.session.rollback()
    (seen,) = db.session.scalars(select(AuditLine).where(AuditLine.action == "letter:track")).all()
    assert (seen.object_id, hashlib.sha256(answer.data).hexdigest() in seen.details) == (str(letter.id), True)


def test_evidence_is_no_business_of_the_firm_and_of_no_signature_that_is_not_there(desk, phone, letter):
    assert phone.get(f"/letters/{letter.id}/signatures/1/evidence.json").status_code == 403
    assert "的存证" not in opened(phone, f"/letters/{letter.id}").text
    assert desk.get(f"/letters/{letter.id}/signatures/9/evidence.json").status_code == 404


# --- by hand ---


def test_a_command_files_what_waits_behind_everything_else(app, letter, boss, officer, monkeypatch):
    signed_by_boss(letter, boss, app)
    me = Signer("周知行", Capacity.OFFICER, Verified.PASSWORD, officer.id, "", "")
    signatures.countersign(db.session(), app.extensions["site"].vault, letter, me, now=NOW)
    db.session.commit()
    asked = []
    monkeypatch.setattr("os.nice", asked.append)
    done = app.test_cli_runner().invoke(args=["letters"])
    assert (done.exit_code, done.output, asked) == (0, "归档了1份责任书。\n", [19])
    assert again(letter).pdf_id is not None
