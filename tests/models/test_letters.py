"""The life of a responsibility letter, and the evidence of its signatures."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import date, timedelta

import pypdfium2
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from blueprints.web import jobs, pdf
from models import letter_keeping, signatures
from models.access import Post
from models.audit import AuditLine
from models.base import RuleBroken, db, to_write
from models.files import FileKind, StoredFile
from models.inbox import Message
from models.letter_keeping import (
    CannotSeal,
    LetterPrint,
    PrintState,
    end_outdated,
    file_finished,
    print_waiting,
)
from models.letter_text import LetterText, sha256, sm3
from models.letters import FROZEN, Letter, LetterCounter, LetterState, Level, Standing, hold_firms
from models.signatures import (
    Act,
    Capacity,
    LetterLink,
    LetterSignature,
    LetterSigner,
    Mark,
    Side,
    Signer,
    Verified,
    Way,
    acts_of,
    broken_links,
    read_strokes,
    signer_for,
    standing_signatures,
)
from tests import make
from tests.conftest import NOW
from tests.statements import asked_by

C, M, U = Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER, Post.UNIT_LIAISON
MINUTE = timedelta(minutes=1)
STROKES = json.dumps(
    {
        "w": 340,
        "h": 176,
        "strokes": [[20, 20, 60, 40, 90, 120, 160, 60], [180, 30, 190, 90, 240, 120, 300, 40]],
    }
)


@pytest.fixture
def vault(app):
    return app.extensions["site"].vault


@pytest.fixture
def officer(town):
    return town.officer(U, name="周知行")


@pytest.fixture
def boss(town, officer):
    """The legal representative, chief health officer too, filed as a signer."""
    person = town.officer(C, name="沈望舒")
    make.may_sign(person, town.tenant, officer)
    return person


@pytest.fixture
def letter(town, officer, boss):
    return make.letter(town.tenant, officer, chief_id=boss.id)


def signer(person, capacity=Capacity.REPRESENTATIVE) -> Signer:
    return Signer(person.name, capacity, Verified.PASSWORD, person.id, "10.0.0.1", "Firefox")


def signed(letter, person, vault, at=NOW, mark=None):
    signatures.sign(db.session(), vault, letter, signer(person), mark or Mark(Way.TYPED), now=at)
    db.session.commit()


def afresh() -> None:
    """What others have written in the meantime."""
    db.session.rollback()
    db.session.expire_all()


def countersigned(letter, person, vault, at=NOW):
    signatures.countersign(db.session(), vault, letter, signer(person, Capacity.OFFICER), now=at)
    db.session.commit()


def paper(width: int, pages: int = 1) -> bytes:
    """A small PDF that is known by its width."""
    import io

    made, out = pypdfium2.PdfDocument.new(), io.BytesIO()
    for _ in range(pages):
        made.new_page(width, 300)
    made.save(out)
    made.close()
    return out.getvalue()


# --- what it says ---


def test_the_text_names_both_sides_and_the_term_and_its_digest_is_kept(letter, town):
    said = LetterText.read(letter.text)
    assert (said.title, said.firm.name, said.firm.representative) == (
        "企业健康管理责任书",
        town.tenant.name,
        "沈望舒",
    )
    assert said.unit.name == "区经济和信息化局" and said.number == letter.number == "YUNXI-ZR-2026-00001"
    assert "成高管办发〔2022〕14号" in said.preamble
    heads = [head for head, _ in said.numbered()]
    assert heads == ["一、甲方职责", "二、乙方职责", "三、期限", "四、未履行职责的处理", "五、附则"]
    firm_duties = dict(said.numbered())["二、乙方职责"]
    assert firm_duties[0].startswith("（一）") and firm_duties[8].startswith("（九）")
    assert dict(said.numbered())["三、期限"] == ["本责任书期限自2026年11月20日起，至2027年12月31日止。"]
    assert letter.digest == sha256(letter.text.encode()) and "$" not in letter.text


def test_another_scheme_gives_another_letter_by_its_data_alone(town, officer, boss):
    other = make.letter(
        town.tenant,
        officer,
        scheme_key=make.LATER_SCHEME,
        starts_on=date(2028, 1, 1),
        ends_on=date(2028, 12, 31),
    )
    text = other.content
    assert "依据" not in text.preamble and "征求意见稿" not in other.text
    assert not any("每天监测体温" in one for _, ones in text.parts for one in ones)


def test_numbers_are_given_once_by_district_and_year(town):
    take = lambda year, many: LetterCounter.take(db.session(), town.district, year, many)  # noqa: E731
    assert take(2027, 2) == ["YUNXI-ZR-2027-00001", "YUNXI-ZR-2027-00002"]
    assert take(2028, 1) == ["YUNXI-ZR-2028-00001"] and take(2027, 1) == ["YUNXI-ZR-2027-00003"]


def test_nothing_of_a_letter_changes_once_it_is_sent(letter):
    for name, value in (
        ("text", "{}"),
        ("digest", b"x"),
        ("number", "X"),
        ("ends_on", date(2030, 1, 1)),
        ("representative", "别人"),
    ):
        setattr(letter, name, value)
        with pytest.raises(RuleBroken, match="发出以后不能改"):
            db.session.flush()
        db.session.rollback()


def test_a_letter_ends_after_it_begins_and_within_three_years(town, officer, boss):
    for ends_on in (date(2026, 11, 1), date(2030, 1, 1)):
        with pytest.raises(RuleBroken):
            make.letter(town.tenant, officer, ends_on=ends_on)


# --- its life ---


def test_a_letter_is_read_signed_countersigned_and_holds_for_its_term(letter, boss, officer, vault):
    assert letter.opened_by(boss.id, NOW) and not letter.opened_by(boss.id, NOW + MINUTE)
    signed(letter, boss, vault)
    countersigned(letter, officer, vault, NOW + MINUTE)
    assert (letter.state, letter.read_at, letter.in_force_at) == (LetterState.IN_FORCE, NOW, NOW + MINUTE)
    standings = {
        day: letter.standing(day)
        for day in (date(2026, 11, 19), date(2026, 11, 20), date(2027, 12, 2), date(2028, 1, 1))
    }
    assert list(standings.values()) == [
        Standing.TO_COME,
        Standing.IN_FORCE,
        Standing.EXPIRING,
        Standing.EXPIRED,
    ]


def test_a_signature_can_be_taken_back_for_ten_minutes_and_not_after_the_other_side_has_signed(
    letter, boss, officer, vault
):
    me = signer(boss)
    signed(letter, boss, vault)
    with pytest.raises(RuleBroken, match="超过10分钟"):
        signatures.withdraw(db.session(), vault, letter, me, now=NOW + 10 * MINUTE)
    signatures.withdraw(db.session(), vault, letter, me, now=NOW + 9 * MINUTE)
    assert (letter.state, letter.signed_at) == (LetterState.READ, None)
    signed(letter, boss, vault, NOW + 20 * MINUTE)
    countersigned(letter, officer, vault, NOW + 21 * MINUTE)
    with pytest.raises(RuleBroken, match="甲方已经会签"):
        signatures.withdraw(db.session(), vault, letter, me, now=NOW + 22 * MINUTE)
    assert [one.act for one in acts_of(db.session(), letter)] == [Act.SIGN, Act.WITHDRAW, Act.SIGN, Act.SIGN]


def test_nobody_else_takes_a_signature_back(letter, boss, town, vault):
    signed(letter, boss, vault)
    with pytest.raises(RuleBroken, match="本人"):
        signatures.withdraw(db.session(), vault, letter, signer(town.officer(M)), now=NOW)


def test_each_step_waits_for_the_one_before(letter, boss, officer, vault):
    with pytest.raises(RuleBroken, match="乙方签了才能会签"):
        countersigned(letter, officer, vault)
    signed(letter, boss, vault)
    with pytest.raises(RuleBroken, match="不用再签"):
        signed(letter, boss, vault)
    countersigned(letter, officer, vault)
    with pytest.raises(RuleBroken, match="不用再会签"):
        countersigned(letter, officer, vault)
    letter.void("企业名称写错", NOW, by=officer)
    for act in (lambda: letter.void("再", NOW, by=officer), lambda: letter.supersede("再", NOW)):
        with pytest.raises(RuleBroken, match="已作废"):
            act()


def test_who_signed_for_the_firm_does_not_sign_for_the_unit(letter, boss, vault):
    signed(letter, boss, vault)
    with pytest.raises(RuleBroken, match="不能代表甲方"):
        countersigned(letter, boss, vault)


def test_a_letter_is_voided_for_a_reason_only(letter, officer):
    with pytest.raises(RuleBroken, match="原因"):
        letter.void("  ", NOW, by=officer)


def test_signed_on_paper_keeps_the_scan_and_claims_no_level(letter, officer, vault):
    scan = StoredFile.keep(db.session(), vault, FileKind.PDF, b"%PDF scan", now=NOW)
    me = signer(officer, Capacity.OFFICER)
    signatures.sign_on_paper(db.session(), vault, letter, me, scan, firm_signer="沈望舒", now=NOW)
    db.session.commit()
    assert (letter.state, letter.level, letter.scan_id) == (LetterState.IN_FORCE, Level.PAPER, scan.id)
    acts = acts_of(db.session(), letter)
    assert [(one.side, one.name, one.way, one.verified) for one in acts] == [
        (Side.FIRM, "沈望舒", Way.PAPER, Verified.ON_PAPER), (Side.UNIT, "周知行", Way.PAPER, Verified.ON_PAPER),
    ]  # fmt: skip
    assert file_finished(jobs.tick_now(), vault, lambda _: b"%PDF-", None) == 0  # the scan is the document


def test_who_has_signed_here_does_not_change_to_paper(letter, boss, officer, vault):
    signed(letter, boss, vault)
    scan = StoredFile.keep(db.session(), vault, FileKind.PDF, b"%PDF scan", now=NOW)
    with pytest.raises(RuleBroken, match="直接会签"):
        letter.was_signed_on_paper(scan, NOW)


# --- who may sign ---


def test_only_the_registered_representative_or_a_filed_authority_signs(letter, boss, town, officer, vault):
    today, session = NOW.date(), db.session()
    manager = town.officer(M, name="林见微")
    assert signer_for(session, letter, boss, today) is not None
    assert signer_for(session, letter, manager, today) is None
    with pytest.raises(RuleBroken, match="登记的法定代表人是沈望舒"):
        LetterSigner.file(
            town.tenant,
            manager,
            Capacity.REPRESENTATIVE,
            paper=None,
            until_on=today,
            today=today,
            by=officer,
            now=NOW,
        )
    with pytest.raises(RuleBroken, match="授权书"):
        LetterSigner.file(
            town.tenant,
            manager,
            Capacity.AUTHORISED,
            paper=None,
            until_on=today,
            today=today,
            by=officer,
            now=NOW,
        )
    shown = StoredFile.keep(session, vault, FileKind.PDF, b"%PDF authority", now=NOW)
    held = LetterSigner.file(
        town.tenant,
        manager,
        Capacity.AUTHORISED,
        paper=shown,
        until_on=today,
        today=today,
        by=officer,
        now=NOW,
    )
    make.save(held)
    assert signer_for(session, letter, manager, today) is held
    assert signer_for(session, letter, manager, today + timedelta(days=1)) is None  # run out
    held.end(NOW)
    db.session.commit()
    assert signer_for(session, letter, manager, today) is None
    town.tenant.legal_representative = "许安"
    assert signer_for(session, letter, boss, today) is None  # is it no more


# --- evidence ---


def test_the_evidence_of_a_signature_is_whole(letter, boss, vault):
    strokes, picture = read_strokes(STROKES)
    signed(letter, boss, vault, mark=Mark(Way.DRAWN, picture, strokes))
    (one,) = acts_of(db.session(), letter)
    canonical = letter.text.encode()
    assert (one.letter_digest, one.letter_sm3) == (sha256(canonical), sm3(canonical))
    assert one.template == "enterprise@chengdu-hitech/2022-03-23"
    assert (one.name, one.account_id, one.address, one.agent) == ("沈望舒", boss.id, "10.0.0.1", "Firefox")
    assert one.consent == f"我代表{letter.content.firm.name}签署，已读全文并同意。"
    assert (one.picture_digest, one.strokes_digest) == (sha256(picture), sha256(strokes))
    assert one.shown(vault) == picture and picture.startswith(b"\x89PNG")
    assert vault.unseal_bytes(one.strokes, LetterSignature.STROKES) == strokes
    assert picture not in one.picture  # sealed


def test_a_changed_or_missing_row_of_the_chain_shows(letter, boss, officer, vault):
    signed(letter, boss, vault)
    signatures.withdraw(db.session(), vault, letter, signer(boss), now=NOW + MINUTE)
    signed(letter, boss, vault, NOW + 2 * MINUTE)
    countersigned(letter, officer, vault, NOW + 3 * MINUTE)
    assert broken_links(db.session(), letter) == []
    assert set(standing_signatures(acts_of(db.session(), letter))) == {Side.FIRM, Side.UNIT}
    db.session.execute(update(LetterSignature).where(LetterSignature.number == 2).values(name="别人"))
    db.session.commit()
    afresh()
    assert broken_links(db.session(), letter) == [2]
    db.session.execute(LetterSignature.__table__.delete().where(LetterSignature.number == 3))
    db.session.commit()
    afresh()
    assert 4 in broken_links(db.session(), letter)


def test_a_signature_is_neither_edited_nor_deleted(letter, boss, vault):
    signed(letter, boss, vault)
    (one,) = acts_of(db.session(), letter)
    one.name = "别人"
    with pytest.raises(RuleBroken, match="不能改"):
        db.session.flush()
    db.session.rollback()
    db.session.delete(one)
    with pytest.raises(RuleBroken, match="不能改"):
        db.session.flush()
    db.session.rollback()


@pytest.mark.parametrize(
    "sent",
    [
        "", "[]", "{}", '{"w":340,"h":176,"strokes":[]}', '{"w":340,"h":176,"strokes":[[10,10,11,11]]}', "nonsense",
        '{"w":340,"h":176,"strokes":[[1,2,3]]}', '{"w":9,"h":176,"strokes":[[1,2,3,4]]}', '{"w":1e400,"h":176,"strokes":[[1,2]]}',
        json.dumps({"w": 340, "h": 176, "strokes": [[9000, 20, 60, 40, 90, 120, 160, 60, 1, 2, 3, 4, 5, 6, 7, 8]]}),
        json.dumps({"w": 340, "h": 176, "strokes": [[10, 10] * 4000]}),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_signature_is_refused_in_words(sent):
    with pytest.raises(RuleBroken):
        read_strokes(sent)


# --- by link ---


def test_a_link_is_for_one_letter_one_person_and_one_time(letter, officer, vault):
    first, _token, code = LetterLink.make(db.session(), vault, letter, in_front=True, by=officer, now=NOW)
    db.session.flush()
    link, token, code = LetterLink.make(
        db.session(), vault, letter, in_front=False, by=officer, now=NOW + MINUTE
    )
    db.session.commit()
    assert "过期" in first.refusal(NOW + MINUTE)  # the new one ends it
    assert (link.name, len(code), link.refusal(NOW + MINUTE)) == ("沈望舒", 6, "")
    assert (
        db.session.scalar(LetterLink.of(token)) is link
        and db.session.scalar(LetterLink.of(token + "x")) is None
    )
    assert not link.accepts(vault, token, "x") and link.accepts(vault, token, f" {code[:3]} {code[3:]} ")
    link.use(NOW + MINUTE)
    with pytest.raises(RuleBroken, match="只能用一次"):
        link.use(NOW + 2 * MINUTE)


def test_five_wrong_codes_end_a_link_and_so_does_another_representative(letter, officer, town, vault):
    link, token, code = LetterLink.make(db.session(), vault, letter, in_front=False, by=officer, now=NOW)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        assert not link.accepts(vault, token, wrong)
    assert "5次" in link.refusal(NOW)
    link, token, code = LetterLink.make(db.session(), vault, letter, in_front=True, by=officer, now=NOW)
    assert link.accepts(vault, token, "") and "过期" in link.refusal(NOW + timedelta(minutes=30))
    town.tenant.legal_representative = "许安"
    with pytest.raises(RuleBroken, match="变更"):
        link.use(NOW)


# --- what ends by itself ---


def test_a_new_legal_representative_ends_the_letter_that_day_and_a_new_one_is_due(
    letter, boss, officer, town, vault
):
    signed(letter, boss, vault)
    countersigned(letter, officer, vault)
    assert end_outdated(jobs.tick_now()) == 0
    town.tenant.legal_representative = "许安"
    db.session.commit()
    assert end_outdated(jobs.tick_now()) == 1 and end_outdated(jobs.tick_now()) == 0
    afresh()
    assert (letter.state, letter.ended_at) == (
        LetterState.SUPERSEDED,
        NOW,
    ) and "法定代表人变更" in letter.end_reason
    assert letter.pdf_id is None and broken_links(db.session(), letter) == []  # as it was
    told = db.session.scalars(select(Message).where(Message.account_id == officer.id)).one()
    assert "重签" in told.subject and "沈望舒" not in told.subject
    line = db.session.scalars(select(AuditLine).where(AuditLine.object_type == "letter")).one()
    assert line.action == "letter:void" and line.object_id == str(letter.id)


def test_a_new_chief_health_officer_ends_it_and_an_empty_post_does_not(letter, boss, town):
    (held,) = boss.appointments
    held.end(reason="离职", now=NOW)
    db.session.commit()
    assert end_outdated(jobs.tick_now()) == 0
    town.officer(C, name="许知行")
    assert end_outdated(jobs.tick_now()) == 1
    afresh()
    assert "首席健康官变更" in letter.end_reason


def test_a_letter_that_has_run_out_is_left_as_it_is(town, officer, boss, at):
    make.letter(
        town.tenant,
        officer,
        starts_on=date(2025, 1, 1),
        ends_on=date(2025, 12, 31),
        sent_at=NOW - timedelta(days=600),
    )
    town.tenant.legal_representative = "许安"
    db.session.commit()
    assert end_outdated(jobs.tick_now()) == 0


# --- the file ---


class Sealed:
    """A seal that can be told, and that can fail."""

    def __init__(self, works: bool = True) -> None:
        self.works = works

    def seal(self, pdf: bytes) -> bytes:
        if not self.works:
            raise CannotSeal("service answered 503")
        return pdf + b"%sealed"


@pytest.fixture
def finished(letter, boss, officer, vault):
    signed(letter, boss, vault)
    countersigned(letter, officer, vault)
    return letter


def test_a_finished_letter_is_filed_once_by_digest_and_never_drawn_again(finished, vault):
    drawn = []

    def draw(one):
        drawn.append(one.id)
        return b"%PDF-1.7 " + one.number.encode()

    assert file_finished(jobs.tick_now(), vault, draw, None) == 1
    assert file_finished(jobs.tick_now(), vault, draw, None) == 0
    afresh()
    content = b"%PDF-1.7 " + finished.number.encode()
    assert (
        drawn == [finished.id]
        and finished.pdf.opened(vault) == content
        and finished.pdf_digest == sha256(content)
    )
    assert (finished.sealed, finished.level, finished.archived_at) == (False, Level.EVIDENCE, NOW)
    finished.pdf_digest = b"other"
    with pytest.raises(RuleBroken, match="归档以后不能改"):
        db.session.flush()
    db.session.rollback()


def test_a_sealed_file_is_of_the_second_level_and_a_seal_that_fails_waits(finished, vault):
    draw = lambda one: b"%PDF-"  # noqa: E731
    assert file_finished(jobs.tick_now(), vault, draw, Sealed(works=False)) == 0
    afresh()
    assert finished.pdf_id is None and finished.level is Level.EVIDENCE  # never more than is there
    assert file_finished(jobs.tick_now(), vault, draw, Sealed()) == 1
    afresh()
    assert finished.level is Level.SEALED and finished.pdf.opened(vault) == b"%PDF-%sealed"


def test_one_letter_that_cannot_be_drawn_holds_up_no_other(finished, town, officer, vault):
    other = make.letter(make.enterprise(town.street, "鹭岛实业", legal_representative="许安"), officer)
    signatures.sign(
        db.session(),
        vault,
        other,
        Signer("许安", Capacity.REPRESENTATIVE, Verified.IN_FRONT, None, "", ""),
        Mark(Way.TYPED),
        now=NOW,
    )
    countersigned(other, officer, vault)

    def draw(one):
        if one.id == finished.id:
            raise ValueError("no font")
        return b"%PDF-"

    assert file_finished(jobs.tick_now(), vault, draw, None) == 1
    afresh()
    assert finished.pdf_id is None and other.pdf_id is not None


def test_of_several_who_draw_at_once_each_letter_is_filed_by_one(finished, vault):
    filed = []

    def meanwhile(one):
        """Somebody else is quicker."""
        filed.append(file_finished(jobs.tick_now(), vault, lambda _: b"%PDF-1", None))
        return b"%PDF-2"

    assert (file_finished(jobs.tick_now(), vault, meanwhile, None), filed) == (0, [1])
    afresh()
    assert finished.pdf.opened(vault) == b"%PDF-1"


def test_the_timed_work_begins_no_other_letter_when_its_while_is_over(finished, vault):
    tick = jobs.tick_now()
    assert file_finished(tick, vault, lambda _: b"%PDF-", None, within=timedelta(0)) == 0
    assert file_finished(tick, vault, lambda _: b"%PDF-", None, within=timedelta(seconds=1)) == 1


def test_a_hundred_letters_are_one_pdf_in_the_chosen_order(town, officer, boss, vault):
    """A letter's paper is known by its width; every third has two pages."""
    firms = [make.enterprise(town.street, f"第{n}家", legal_representative="许安") for n in range(100)]
    letters = [make.letter(firm, officer) for firm in firms]
    wanted = [one.id for one in reversed(letters)]
    first = letters[0].id
    draw = lambda one: paper(200 + one.id - first, 2 if (one.id - first) % 3 == 0 else 1)  # noqa: E731
    order = make.save(LetterPrint.order([*wanted, wanted[0]], by=officer, now=NOW))
    print_waiting(jobs.tick_now(), vault, draw, pdf.joined)
    afresh()
    assert (order.state, order.done, order.total, order.pages) == (PrintState.DONE, 100, 100, 134)
    whole = pypdfium2.PdfDocument(order.opened(vault))
    expected = [200 + n for n in reversed(range(100)) for _ in range(2 if n % 3 == 0 else 1)]
    assert [round(page.get_width()) for page in whole] == expected


def test_a_set_that_cannot_be_drawn_gives_up_after_three_tries_and_is_gone_after_a_day(
    letter, officer, vault, at
):
    def broken(_one):
        raise ValueError("no font")

    order = make.save(LetterPrint.order([letter.id], by=officer, now=NOW))
    for _ in range(3):
        afresh()
        assert order.state is PrintState.WAITING
        print_waiting(jobs.tick_now(), vault, broken, pdf.joined)
    afresh()
    assert order.state is PrintState.FAILED
    order = make.save(LetterPrint.order([letter.id], by=officer, now=NOW))
    print_waiting(jobs.tick_now(), vault, lambda _one: paper(200), pdf.joined)
    at(NOW + timedelta(days=2))
    print_waiting(jobs.tick_now(), vault, broken, pdf.joined)
    afresh()
    assert not order.pdf_there
    with pytest.raises(RuleBroken, match="过期删除"):
        order.opened(vault)


def test_nothing_chosen_and_too_many_are_refused(officer):
    for ids in ([], list(range(letter_keeping.MOST_PRINTED + 1))):
        with pytest.raises(RuleBroken):
            LetterPrint.order(ids, by=officer, now=NOW)


def test_the_database_refuses_the_same_letter_twice(letter, town, officer):
    with pytest.raises(IntegrityError):
        make.letter(town.tenant, officer)
    db.session.rollback()
    assert db.session.query(Letter).count() == 1


# --- which is the newest ---


def another(letter: Letter, days: int = 1, **facts) -> Letter:
    """The same firm's next one, which begins some days later; not yet sent."""
    said = {name: getattr(letter, name) for name in FROZEN} | {"replaces_id": None, "state": LetterState.SENT}
    start = letter.starts_on + timedelta(days=days)
    said |= {"starts_on": start, "ends_on": start} | facts
    return Letter(**said | {"number": f"{letter.number}-{said['enterprise_id']}-{days}"})


def newest() -> list[int]:
    return list(db.session.scalars(select(Letter.id).where(Letter.newest).order_by(Letter.id)))


def void(letter: Letter) -> None:
    """As whoever does it has to: the firm first."""
    hold_firms(db.session(), [letter.enterprise_id])
    letter.void("写错", NOW, by=letter.sent_by)


@contextmanager
def meanwhile(app, act):
    """Somebody else begins to do this while our transaction is open, and has done it after we are through."""
    failed = []

    def work() -> None:
        with app.app_context(), to_write():
            try:
                act()
                db.session.commit()
            except Exception as error:  # reported below, in the test's own thread
                failed.append(error)
            finally:
                db.session.remove()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(0.5)
    yield
    thread.join(20)
    assert failed == [] and not thread.is_alive()
    afresh()


def test_of_a_firm_the_letter_sent_last_is_the_newest_and_a_void_one_gives_way(letter):
    second = make.save(another(letter))
    third = make.save(another(second))
    assert newest() == [third.id]
    void(second)
    db.session.commit()
    assert newest() == [third.id]
    third.supersede("法定代表人变更", NOW)
    db.session.commit()
    assert newest() == [third.id]  # a new one is due, and the list says so
    fourth = make.save(another(third))
    void(fourth)
    db.session.commit()
    assert newest() == [third.id]
    fifth = make.save(another(third, days=2))
    void(fifth)
    void(letter)
    db.session.commit()
    assert newest() == [third.id]


def test_a_firm_whose_letters_are_all_void_has_no_newest(letter):
    second = make.save(another(letter))
    for one in (second, letter):
        void(one)
    db.session.commit()
    assert newest() == []


def test_every_kind_and_every_place_has_a_newest_of_its_own(town, letter, officer):
    park = make.letter(town.tenant, officer, kind="park_operator", place=town.park)
    other = make.letter(town.tenant, officer, kind="park_operator", place=town.other)
    again = make.save(another(park))
    elsewhere = make.letter(make.enterprise(town.street, "鹭岛实业", legal_representative="许安"), officer)
    assert newest() == [letter.id, other.id, again.id, elsewhere.id]
    void(again)
    db.session.commit()
    assert newest() == [letter.id, park.id, other.id, elsewhere.id]


def test_a_hundred_letters_cost_as_many_statements_as_two(town, officer, letter):
    def sending(firms):
        made = [another(letter, enterprise_id=firm.id) for firm in firms]
        db.session.add_all(made)
        return sum("newest=" in one and "UPDATE" in one for one in asked_by(db.session.flush))

    firms = [make.enterprise(town.street, f"第{n}家") for n in range(102)]
    assert sending(firms[:2]) == sending(firms[2:]) == 2
    db.session.commit()
    assert len(newest()) == 103


def test_the_database_refuses_two_newest_of_a_firm_or_of_a_place(town, letter, officer):
    park = make.letter(town.tenant, officer, kind="park_operator", place=town.park)
    for one in (letter, park):
        make.save(another(one))
        with pytest.raises(IntegrityError):
            db.session.execute(update(Letter).where(Letter.id == one.id).values(newest=True))
        db.session.rollback()


def test_of_two_who_send_at_once_one_is_the_newest(app, letter):
    db.session.add(another(letter))
    db.session.flush()
    with meanwhile(app, lambda: db.session.add(another(db.session.get_one(Letter, letter.id), days=2))):
        db.session.commit()
    assert newest() == [max(db.session.scalars(select(Letter.id)))] and db.session.query(Letter).count() == 3


def test_of_who_voids_and_who_sends_at_once_neither_is_lost(app, letter):
    second = make.save(another(letter))
    void(second)
    db.session.flush()
    with meanwhile(app, lambda: db.session.add(another(db.session.get_one(Letter, second.id)))):
        db.session.commit()
    assert newest() == [max(db.session.scalars(select(Letter.id)))]


def test_of_two_who_void_at_once_the_second_sees_what_the_first_did(app, letter):
    second = make.save(another(letter))
    third = make.save(another(second))
    void(second)
    db.session.flush()
    with meanwhile(app, lambda: void(db.session.get_one(Letter, third.id))):
        db.session.commit()
    assert newest() == [letter.id]
