"""The firm signs (乙方签署): a signature drawn with a finger, a photographed one, or a typed name; with the password again."""

from __future__ import annotations

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.letters import bp
from blueprints.letters.asked import alone, me, saved, today
from blueprints.letters.forms import OwnSignForm, SignForm
from blueprints.letters.levels import test_words
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.sign_in import is_my_password, lock_out
from blueprints.web.site import site
from models import signatures
from models.base import RuleBroken, db
from models.letters import Letter
from models.signatures import Mark, Way, consent_of, signer_for

NOT_YOU = "您不是这家企业备案的法定代表人或授权代表，可以看，不能签。请法定代表人签，或请联络员备案签署人"


@bp.route("/letters/<int:letter_id>/sign", methods=["GET", "POST"])
@needs("letter:sign", Letter)
def sign(letter: Letter) -> ResponseReturnValue:
    """Read before, now signed: with ten minutes to take it back."""
    held = signer_for(db.session(), letter, current_user.account, today())
    if held is None:
        raise RuleBroken(NOT_YOU)
    letter.must_wait_for_the_firm()
    form, capacity, signer_id = OwnSignForm(), held.capacity, held.id
    if form.validate_on_submit() and (mark := read_mark(form, current_user.name)):
        if is_my_password(form.password.data or ""):
            return _signed(letter.id, mark, capacity, signer_id)
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
    signatures.sign(db.session(), site.vault, letter, me(capacity, signer_id), mark, now=site.now())
    where = url_for("letters.show", letter_id=letter.id)
    return saved(
        "已签署。10分钟内可以撤回，甲方会签后不能撤回。", where, state=letter.state.value, way=mark.way.value
    )


def read_mark(form: SignForm, name: str) -> Mark | None:
    """What was put down; None with the reason beside the field. `name`: whose signature it has to be."""
    if "".join((form.name.data or "").split()) != "".join(name.split()):
        form.name.errors = [f"签署人是{name}，输入的是{form.name.data}。请核对，别人不能代签"]
        return None
    if form.photo.data:
        return Mark(Way.PHOTO, form.photo.data)
    if form.pad.data == "1":
        try:
            strokes, picture = signatures.read_strokes(form.strokes.data or "")
        except RuleBroken as refusal:
            form.strokes.errors = [str(refusal)]
            return None
        return Mark(Way.DRAWN, picture, strokes)
    return Mark(Way.TYPED)


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
