"""Reading a letter (看责任书): its whole text as a page, where it stands, who signed, its PDF."""

from __future__ import annotations

from datetime import timedelta

from flask import make_response
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.letters import bp
from blueprints.letters.asked import today
from blueprints.letters.levels import level_words
from blueprints.letters.paper import draw, spaced
from blueprints.letters.tracking import KINDS
from blueprints.web import guard
from blueprints.web.downloads import by_link, hand_out, hand_out_kept
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs, serving, within_reach
from blueprints.web.page import page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import audit, inbox
from models.access import ENTERPRISE_STAFF
from models.accounts import Account
from models.base import RuleBroken, db
from models.enterprises import Enterprise
from models.letter_evidence import evidence_of
from models.letter_text import sha256
from models.letters import UNSIGNED, Letter, LetterState
from models.signatures import (
    LetterLink,
    LetterSignature,
    LetterSigner,
    Side,
    acts_of,
    signer_for,
    standing_signatures,
    withdrawable,
)


@bp.get("/enterprises/<int:enterprise_id>/letters")
@needs("letter:see", Enterprise)
def own(enterprise: Enterprise) -> ResponseReturnValue:
    """A firm's letters, the newest first."""
    found = select(Letter).where(Letter.enterprise_id == enterprise.id).order_by(Letter.id.desc())
    return page(
        "letters/own.html", enterprise=enterprise, paging=paged(found, size=20), today=today(), status_kinds=KINDS,
        is_ours=is_firm(enterprise.id),
    )  # fmt: skip


def is_firm(enterprise_id: int) -> bool:
    """Whether the person at the door is of this firm, not of those who look after it."""
    return any(one.post in ENTERPRISE_STAFF and one.scope_id == enterprise_id for one in serving())


@bp.get("/letters/<int:letter_id>")
@needs("letter:see", Letter)
def show(letter: Letter) -> ResponseReturnValue:
    """The whole letter. That somebody of the firm has opened it is kept the first time."""
    now, ours = site.now(), is_firm(letter.enterprise_id)
    if ours:
        letter = _opened(letter)
    acts = acts_of(db.session(), letter)
    mine = signer_for(db.session(), letter, current_user.account, today()) if ours else None
    signed = standing_signatures(acts)
    own_sign = signed.get(Side.FIRM)
    people = {letter.read_by_id, letter.ended_by_id, letter.sent_by_id} - {None}
    names = dict(db.session.execute(select(Account.id, Account.name).where(Account.id.in_(people))).all())
    runs_out = letter.withdraw_until()
    return page(
        "letters/show.html", letter=letter, text=letter.content, acts=acts, signed=signed, Side=Side, ours=ours, names=names,
        standing=letter.standing(today()), status_kinds=KINDS, code=spaced(letter.code),
        level=level_words(letter), may_sign=mine is not None,
        to_sign=letter.state in UNSIGNED, states=LetterState, act=JustAct(formdata=None), until=runs_out,
        may_withdraw=own_sign is not None and own_sign.account_id == current_user.id and withdrawable(letter, now),
        left=runs_out - now if runs_out and runs_out > now else timedelta(0),
        before=db.session.get(Letter, letter.replaces_id) if letter.replaces_id else None,
    )  # fmt: skip


def _opened(letter: Letter) -> Letter:
    now, session = site.now(), db.session()
    if letter.state is LetterState.SENT:
        guard.note(lambda session: _read(session, letter.id))
        letter = db.session.get_one(Letter, letter.id)
        db.session.refresh(letter)
    if inbox.is_unread_about(session, current_user.id, letter.key):
        guard.note(lambda session: inbox.read_about(session, current_user.id, letter.key, now))
    return letter


def _read(session: Session, letter_id: int) -> None:
    """The first opening, with its line in the audit: every step of a letter has one."""
    letter = session.get_one(Letter, letter_id, with_for_update=True, populate_existing=True)
    if letter.opened_by(current_user.id, site.now()):
        audit.append(
            session, now=site.now(), action="letter:see", result=audit.Result.DONE, object_type="letter", object_id=str(letter.id),
            account_id=current_user.id, account_name=current_user.name, district_id=letter.district_id, details={"state": "read"},
        )  # fmt: skip


@bp.get("/letters/<int:letter_id>/letter.pdf")
@by_link
@needs("letter:see", Letter)
def pdf(letter: Letter) -> ResponseReturnValue:
    """The filed file once there is one, byte for byte; before that the letter as it is now, to be printed and signed."""
    return hand_out(lambda: _pdf(letter), name=f"{letter.number}.pdf")


def _pdf(letter: Letter) -> bytes:
    content = letter.pdf.opened(site.vault) if letter.pdf is not None else draw(letter)
    guard.seen(filed=letter.pdf_id is not None)
    return content


@bp.get("/letters/<int:letter_id>/scan")
@by_link
@needs("letter:see", Letter)
def scan(letter: Letter) -> ResponseReturnValue:
    """The scan of a letter that was signed on paper."""
    kept = letter.scan
    if kept is None:
        raise RuleBroken("这份责任书没有扫描件")

    return hand_out_kept(kept, name=f"{letter.number}-扫描件.{kept.kind.ending}", scan=kept.id)


@bp.get("/letters/<int:letter_id>/signatures/<int:number>")
@needs("letter:see", Letter)
def signature(letter: Letter, number: int) -> ResponseReturnValue:
    """The picture of a signature."""
    found = select(LetterSignature).where(
        LetterSignature.letter_id == letter.id, LetterSignature.number == number
    )
    row = db.session.scalar(found)
    picture = None if row is None else row.shown(site.vault)
    if picture is None:
        guard.refuse(404, "letter:see", object_type="letter", object_id=str(letter.id))
    answer = make_response(picture)
    answer.headers["Content-Type"] = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/letters/<int:letter_id>/signatures/<int:number>/evidence.json")
@by_link
@needs("letter:track", Letter)
def evidence(letter: Letter, number: int) -> ResponseReturnValue:
    """The evidence of one signature, for whoever has to judge it; each copy is in the audit."""
    found = select(LetterSignature).where(
        LetterSignature.letter_id == letter.id, LetterSignature.number == number
    )
    row = db.session.scalar(found)
    if row is None:
        guard.refuse(404, "letter:track", object_type="letter", object_id=str(letter.id))
    signer = db.session.get(LetterSigner, row.signer_id) if row.signer_id else None
    link = db.session.get(LetterLink, row.link_id) if row.link_id else None

    def make() -> bytes:
        content = evidence_of(letter, row, site.vault, signer=signer, link=link)
        guard.seen(evidence=number, digest=sha256(content).hex())
        return content

    return hand_out(make, name=f"{letter.number}-存证{number}.json")


def reached(letter_ids: list[int], action: str) -> list[Letter]:
    """These letters as far as the person reaches, in the order of their numbers in the database, for us alone."""
    found = select(Letter).where(Letter.id.in_(letter_ids), within_reach(action, Letter)).order_by(Letter.id)
    return list(db.session.scalars(found.with_for_update().execution_options(populate_existing=True)))
