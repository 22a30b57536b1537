"""The firm signs (乙方签署): a signature drawn with a finger, a photographed one, or a typed name; with the password again."""

from __future__ import annotations

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.letters import bp
from blueprints.letters.asked import alone, me, saved, today
from blueprints.letters.forms import OwnSignForm
from blueprints.letters.levels import test_words
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.sign_in import is_my_password, lock_out
from blueprints.web.site import site
from models import signatures
from models.base import RuleBroken, db
from models.letters import Letter, LetterState
from models.signatures import Mark, consent_of, signer_for

NOT_YOU = "您不是这家企业备案的法定代表人或授权代表，可以看，不能签。请法定代表人签，或请联络员备案签署人"


@bp.route("/letters/<int:letter_id>/sign", methods=["GET", "POST"])
@needs("letter:sign", Letter)
def sign(letter: Letter) -> ResponseReturnValue:
    """Read before, now signed: with ten minutes to take it back. Who sends it twice is led to what they have signed."""
    if _is_signed_by_me(letter):
        return _led_to(letter)
    held = signer_for(db.session(), letter, current_user.account, today())
    if held is None:
        raise RuleBroken(NOT_YOU)
    letter.must_wait_for_the_firm()
    form, capacity, signer_id = OwnSignForm(who=current_user.name), held.capacity, held.id
    if form.validate_on_submit():
        if is_my_password(form.password.data or ""):
            return _signed(letter.id, form.mark(), capacity, signer_id)
        if current_user.account.is_locked(site.now()):
            return lock_out()
        form.password.errors = ["密码不对，请重新填"]
    return page(
        "letters/sign.html", form=form, letter=letter, text=letter.content, who=current_user.name, capacity=capacity,
        consent=consent_of(letter), back=url_for("letters.show", letter_id=letter.id), level=expected_level(),
    )  # fmt: skip


def _signed(letter_id: int, mark: Mark, capacity: signatures.Capacity, signer_id: int) -> ResponseReturnValue:
    letter = db.session.get_one(Letter, letter_id)
    g.object = alone(letter)
    if _is_signed_by_me(letter):  # by the same form, sent twice
        return _led_to(letter)
    signatures.sign(db.session(), site.vault, letter, me(capacity, signer_id), mark, now=site.now())
    where = url_for("letters.show", letter_id=letter.id)
    return saved(
        "已签署。10分钟内可以撤回，甲方会签后不能撤回。", where, state=letter.state.value, way=mark.way.value
    )


def _is_signed_by_me(letter: Letter) -> bool:
    if letter.state not in (LetterState.SIGNED, LetterState.IN_FORCE):
        return False
    own = signatures.standing_signatures(signatures.acts_of(db.session(), letter)).get(signatures.Side.FIRM)
    return own is not None and own.account_id == current_user.id


def _led_to(letter: Letter) -> ResponseReturnValue:
    flash("已签署，不用再签。", "ok")
    return done(url_for("letters.show", letter_id=letter.id))


def expected_level() -> str:
    """What a signature will amount to here (SIGN-1), never more."""
    if site.sealer is None:
        return "甲（签名和存证），不等同可靠电子签名"
    return f"甲（签名和存证）；双方签完、平台签章后为乙，能查出改动，不等同可靠电子签名{test_words()}"


@bp.post("/letters/<int:letter_id>/withdraw")
@needs("letter:sign", Letter)
def withdraw(letter: Letter) -> ResponseReturnValue:
    """Whoever signed takes it back, within ten minutes and before the other side has signed."""
    where = url_for("letters.show", letter_id=letter.id)
    if not JustAct().validate_on_submit():
        return done(where)
    alone(letter)
    signatures.withdraw(
        db.session(), site.vault, letter, me(signatures.Capacity.REPRESENTATIVE), now=site.now()
    )
    return saved("签署已撤回，可以重新签。", where, state=letter.state.value, withdrawn=True)
