"""A legal representative without an account signs by a single-use link (一次性签署链接), bound to letter and person (settled 5.2)."""

from __future__ import annotations

from datetime import timedelta

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.letters import bp
from blueprints.letters.asked import alone
from blueprints.letters.forms import LinkSignForm
from blueprints.letters.signing import expected_level
from blueprints.web import errors, guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import public
from blueprints.web.limits import limiter
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import signatures
from models.audit import Result
from models.base import db
from models.letters import Letter
from models.signatures import Capacity, LetterLink, Mark, Signer, consent_of, withdrawable

PER_ADDRESS = "30 per minute; 200 per hour"


@bp.route("/letters/by-link/<token>", methods=["GET", "POST"])
@limiter.limit(PER_ADDRESS)
@public
def by_link(token: str) -> ResponseReturnValue:
    """The whole text and the form to sign it, on one page; afterwards the same address shows what was signed."""
    link = db.session.scalar(LetterLink.of(token))
    if link is None:
        return errors.answer(
            404, "没有这个签署链接", "链接可能没有复制完整。请打开原来的链接，或请发链接的人重新发一个。"
        )
    letter, now = link.letter, site.now()
    if link.used_at is not None:
        return _afterwards(link, token)
    if refusal := link.refusal(now):
        return errors.answer(410, "这个签署链接打不开了", refusal + "。")
    letter.must_wait_for_the_firm()
    form = LinkSignForm(who=link.name)
    if form.validate_on_submit() and (answer := _sign(token, form, form.mark())):
        return answer
    return page(
        "letters/by_link.html", form=form, letter=letter, text=letter.content, who=link.name, capacity=Capacity.REPRESENTATIVE,
        consent=consent_of(letter), link=link, level=expected_level(), token=token,
    )  # fmt: skip


def _sign(token: str, form: LinkSignForm, mark: Mark) -> ResponseReturnValue | None:
    """In one transaction, the link and the letter for us alone; None with the reason beside the field."""
    link = db.session.scalars(
        LetterLink.of(token).with_for_update().execution_options(populate_existing=True)
    ).one()
    letter, now = alone(link.letter), site.now()
    if link.used_at is not None:  # the same form, sent twice
        return done(url_for("letters.by_link", token=token))
    g.action, g.object = "letter:sign", letter
    if not link.refusal(now) and not link.accepts(site.vault, token, form.code.data or ""):
        left = signatures.FAILURES - link.failures
        guard.keep("letter:sign", Result.FAILED, reason="确认码不对", link=link.id)
        form.code.errors = [
            f"确认码不对，还可以试{left}次" if left > 0 else "确认码输错5次，链接已经停用，请联系发链接的人"
        ]
        return None
    link.use(now)
    signatures.sign(db.session(), site.vault, letter, _signer(link), mark, now=now)
    guard.commit(state=letter.state.value, way=mark.way.value, link=link.id, signer=link.name)
    return done(url_for("letters.by_link", token=token))


def _signer(link: LetterLink) -> Signer:
    return link.signer(request.remote_addr or "", request.user_agent.string)


def _afterwards(link: LetterLink, token: str) -> ResponseReturnValue:
    """For as long as it can be withdrawn the signer sees that; then only that it was used."""
    letter, now = link.letter, site.now()
    until = letter.withdraw_until()
    return page(
        "letters/linked_done.html", letter=letter, text=letter.content, link=link, may_withdraw=withdrawable(letter, now), until=until,
        left=until - now if until and until > now else timedelta(0), token=token, act=JustAct(formdata=None),
    )  # fmt: skip


@bp.post("/letters/by-link/<token>/withdraw")
@limiter.limit(PER_ADDRESS)
@public
def withdraw_by_link(token: str) -> ResponseReturnValue:
    """The same ten minutes for whoever signed by the link."""
    link = db.session.scalar(LetterLink.of(token))
    if link is None or link.used_at is None:
        return errors.answer(404)
    where = url_for("letters.by_link", token=token)
    if not JustAct().validate_on_submit():
        return done(where)
    letter: Letter = alone(link.letter)
    g.action, g.object = "letter:sign", letter
    signatures.withdraw(db.session(), site.vault, letter, _signer(link), now=site.now())
    guard.commit(state=letter.state.value, withdrawn=True, link=link.id)
    return done(where)
