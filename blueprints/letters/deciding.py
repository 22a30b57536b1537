"""What the officers decide (甲方办理): countersign one or many, enter a letter that was signed on paper, void one."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from blueprints.letters import bp
from blueprints.letters.asked import alone, me, saved
from blueprints.letters.forms import CountersignForm, OnPaperForm, ReasonForm
from blueprints.letters.reading import reached
from blueprints.web import jobs
from blueprints.web.fields import ticked
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.sign_in import is_my_password, lock_out
from blueprints.web.site import site
from models import signatures
from models.base import RuleBroken, db
from models.files import StoredFile
from models.inbox import tell
from models.letters import Letter, LetterState, hold_firms
from models.signatures import Act, Capacity, LetterSignature, Side

AT_ONCE = 200


@bp.route("/letters/countersign", methods=["GET", "POST"])
@needs("letter:countersign")
def countersign() -> ResponseReturnValue:
    """All that wait for our side, with the signature of the other: looked through, ticked, signed with the password. Each gets a
    signature of its own."""
    form = CountersignForm()
    # all is what the page had shown: what has come in since, nobody has looked through
    numbers = ticked("shown" if form.every.data else "letter")[:AT_ONCE]
    if form.validate_on_submit():
        if not numbers:
            form.form_errors.append("请至少勾选一份")
        elif is_my_password(form.password.data or ""):
            return _countersigned(numbers)
        elif current_user.account.is_locked(site.now()):
            return lock_out()
        else:
            form.password.errors = ["密码不对，请重新填"]
    mine = within_reach("letter:countersign", Letter)
    found = (
        select(Letter).where(Letter.state == LetterState.SIGNED, mine).options(joinedload(Letter.enterprise))
    )
    letters = db.session.scalars(found.order_by(Letter.signed_at, Letter.id).limit(AT_ONCE)).all()
    return page(
        "letters/countersign.html", form=form, letters=letters, signed=_firm_signatures(letters), most=AT_ONCE,
        ticked=numbers or ([one] if (one := request.args.get("letter", type=int)) else []),
        status=422 if form.form_errors else 200,
    )  # fmt: skip


def _firm_signatures(letters: Sequence[Letter]) -> dict[int, LetterSignature]:
    """The latest signature of the firm on each, from one query."""
    ids = [one.id for one in letters]
    rows = select(LetterSignature).where(
        LetterSignature.letter_id.in_(ids), LetterSignature.side == Side.FIRM, LetterSignature.act == Act.SIGN
    )
    return {one.letter_id: one for one in db.session.scalars(rows.order_by(LetterSignature.number))}


def _countersigned(ids: list[int]) -> ResponseReturnValue:
    done_, refused = [], []
    for letter in reached(ids, "letter:countersign"):
        try:
            signatures.countersign(db.session(), site.vault, letter, me(Capacity.OFFICER), now=site.now())
        except RuleBroken as refusal:
            refused.append(f"{letter.number}：{refusal}")
            continue
        done_.append(letter)
        _tell_the_firm(letter)
    said = f"已会签{len(done_)}份，正在归档。" if done_ else "没有会签任何一份。"
    flash(
        said + ("没有会签的：" + "；".join(refused) + "。" if refused else ""),
        "ok" if done_ and not refused else "warn",
    )
    commit(letters=[one.id for one in done_], refused=len(refused))
    jobs.begin_finishing_letters()
    return done(
        url_for("letters.show", letter_id=done_[0].id)
        if len(ids) == 1 and done_
        else url_for("letters.index")
    )


def _tell_the_firm(letter: Letter) -> None:
    """Whoever read it for the firm, and whoever signed with an account."""
    acts = signatures.acts_of(db.session(), letter)
    people = {letter.read_by_id, *(one.account_id for one in acts if one.side is Side.FIRM)} - {None}
    tell(
        db.session(), people, f"{letter.key}:in_force", "责任书双方已签", "", url_for("letters.show", letter_id=letter.id), site.now()
    )  # fmt: skip


@bp.route("/letters/<int:letter_id>/on-paper", methods=["GET", "POST"])
@needs("letter:countersign", Letter)
def on_paper(letter: Letter) -> ResponseReturnValue:
    """Printed, signed with ink by both sides, scanned: the scan is kept."""
    form = OnPaperForm(firm_signer=letter.representative)
    if form.validate_on_submit():
        alone(letter)
        kind, content = form.scan.data
        kept = StoredFile.keep(db.session(), site.vault, kind, content, now=site.now())
        signatures.sign_on_paper(
            db.session(),
            site.vault,
            letter,
            me(Capacity.OFFICER),
            kept,
            firm_signer=form.firm_signer.data or "",
            now=site.now(),
        )
        where = url_for("letters.show", letter_id=letter.id)
        return saved("已登记为纸上签署，扫描件已存档。", where, state=letter.state.value, scan=kept.id)
    return page("letters/on_paper.html", form=form, letter=letter)


@bp.route("/letters/<int:letter_id>/void", methods=["GET", "POST"])
@needs("letter:void", Letter)
def void(letter: Letter) -> ResponseReturnValue:
    """It holds no more, for a reason that the firm sees; it stays on file and verifies as void."""
    form = ReasonForm()
    if form.validate_on_submit():
        hold_firms(db.session(), [letter.enterprise_id])
        alone(letter).void(form.reason.data or "", site.now(), by=current_user.account)
        where = url_for("letters.show", letter_id=letter.id)
        return saved("已作废，企业会看到原因。", where, state=letter.state.value, reason=letter.end_reason)
    return page("letters/void.html", form=form, letter=letter)
