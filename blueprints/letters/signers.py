"""Who may sign for a firm (签署人): filed by an officer who has seen the papers, or let in once by a link."""

from __future__ import annotations

from datetime import date

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.letters import bp
from blueprints.letters.asked import alone, saved, today
from blueprints.letters.forms import LinkForm, SignerForm
from blueprints.web import guard
from blueprints.web.downloads import by_link as downloadable
from blueprints.web.downloads import hand_out_kept
from blueprints.web.fields import JustAct, options
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.qr import page_address, square
from blueprints.web.site import site
from models.accounts import Account, Appointment
from models.base import RuleBroken, db
from models.files import StoredFile
from models.letters import UNSIGNED, Letter
from models.signatures import Capacity, LetterLink, LetterSigner, links_of


@bp.route("/letters/<int:letter_id>/signers", methods=["GET", "POST"])
@needs("letter:void", Letter)
def signers(letter: Letter) -> ResponseReturnValue:
    """Who may sign for this firm, and another one filed."""
    firm, form = letter.enterprise, SignerForm(until_on=date(today().year + 1, 12, 31))
    form.account.choices = options(_people(firm.id), "请选")
    if form.validate_on_submit():
        kept = None
        try:
            if form.paper.data:
                kept = StoredFile.keep(db.session(), site.vault, *form.paper.data, now=site.now())
            account = db.session.get_one(Account, form.account.data)
            made = LetterSigner.file(
                firm, account, Capacity(form.capacity.data), paper=kept, until_on=form.until_on.data, today=today(),  # type: ignore[arg-type]
                by=current_user.account, now=site.now(),
            )  # fmt: skip
        except RuleBroken as refusal:
            db.session.rollback()
            form.capacity.errors = [str(refusal)]
        else:
            db.session.add(made)
            db.session.flush()
            where = url_for("letters.signers", letter_id=letter.id)
            return saved(
                f"{account.name}已备案，可以签这家企业的责任书。",
                where,
                signer=made.id,
                capacity=made.capacity.value,
            )
    filed = select(LetterSigner).where(LetterSigner.enterprise_id == firm.id).order_by(LetterSigner.id.desc())
    return page(
        "letters/signers.html", form=form, letter=letter, firm=firm, filed=db.session.scalars(filed).all(), today=today(),
        links=links_of(db.session(), letter), now_=site.now(), act=JustAct(formdata=None),
        to_sign=letter.state in UNSIGNED,
    )  # fmt: skip


def _people(enterprise_id: int) -> list[tuple[int, str]]:
    """Who has an account in a post of this firm."""
    found = (
        select(Account.id, Account.name, Appointment.post)
        .join(Appointment, Appointment.account_id == Account.id)
        .where(
            Appointment.scope == "enterprise", Appointment.scope_id == enterprise_id, Appointment.serving(today()),
            Account.disabled_at.is_(None),
        )
        .order_by(Account.name, Account.id)
    )  # fmt: skip
    return [(number, f"{name}（{post.label}）") for number, name, post in db.session.execute(found)]


@bp.post("/letters/signers/<int:letter_signer_id>/end")
@needs("letter:void", LetterSigner)
def end_signer(letter_signer: LetterSigner) -> ResponseReturnValue:
    """May sign no more; what was signed stays signed."""
    latest = db.session.scalar(
        select(Letter.id)
        .where(Letter.enterprise_id == letter_signer.enterprise_id)
        .order_by(Letter.id.desc())
        .limit(1)
    )
    where = url_for("letters.signers", letter_id=latest) if latest else url_for("letters.index")
    if not JustAct().validate_on_submit():
        return done(where)
    letter_signer.end(site.now())
    return saved(f"{letter_signer.account.name}的备案已停用。", where, ended=letter_signer.id)


@bp.get("/letters/signers/<int:letter_signer_id>/paper")
@downloadable
@needs("letter:void", LetterSigner)
def signer_paper(letter_signer: LetterSigner) -> ResponseReturnValue:
    """The letter of authority. Whoever takes it out is on record."""
    kept = letter_signer.paper
    if kept is None:
        raise RuleBroken("这条备案没有授权书")

    return hand_out_kept(kept, name=f"授权书-{letter_signer.id}.{kept.kind.ending}", paper=kept.id)


@bp.route("/letters/<int:letter_id>/link", methods=["GET", "POST"])
@needs("letter:void", Letter)
def link(letter: Letter) -> ResponseReturnValue:
    """A link for the legal representative, shown once: as a square code to be scanned here, or to be sent with its code told apart."""
    letter.must_wait_for_the_firm()
    form = LinkForm()
    if form.validate_on_submit():
        alone(letter)
        made, token, code = LetterLink.make(
            db.session(),
            site.vault,
            letter,
            in_front=form.in_front.data == "1",
            by=current_user.account,
            now=site.now(),
        )
        db.session.flush()
        guard.commit(link=made.id, in_front=made.code_hash is None, to=made.name)
        address = page_address(url_for("letters.by_link", token=token), letter.district.slug)
        return page(
            "letters/link_made.html",
            letter=letter,
            link=made,
            address=address,
            square=square(address),
            code=code,
        )
    return page("letters/link.html", form=form, letter=letter)
