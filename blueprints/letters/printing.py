"""A chosen set of letters as one PDF in order (批量打印): put together in the background, kept for a day."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.letters import bp
from blueprints.letters.tracking import chosen_letters
from blueprints.web import guard, jobs
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import JustAct
from blueprints.web.guard import about, commit, needs
from blueprints.web.page import done, page, with_filters
from blueprints.web.site import site
from models.base import db
from models.letter_keeping import MOST_PRINTED, LetterPrint, PrintState


@bp.post("/letters/print")
@needs("letter:track")
def order_print() -> ResponseReturnValue:
    """The chosen ones, or all that the list shows, in its order."""
    if not JustAct().validate_on_submit():
        return done(with_filters("letters.index"))
    order = LetterPrint.order(
        [one.id for one in chosen_letters(MOST_PRINTED + 1)], by=current_user.account, now=site.now()
    )
    db.session.add(order)
    db.session.flush()
    about(order)
    commit(count=order.total)
    jobs.begin_finishing_letters()
    return done(url_for("letters.printing", number=order.id))


@bp.get("/letters/prints/<int:number>")
@needs("letter:track")
def printing(number: int) -> ResponseReturnValue:
    """How far it is; the file when it is ready. Whoever ordered it, and nobody else."""
    return page(
        "letters/printing.html", partial="letters/_printing.html", order=_mine(number), states=PrintState
    )


@bp.get("/letters/prints/<int:number>/letters.pdf")
@by_link
@needs("letter:track")
def print_file(number: int) -> ResponseReturnValue:
    order = _mine(number)

    def make() -> bytes:
        content = order.opened(site.vault)
        guard.seen(printed=order.total)
        return content

    return hand_out(make, name=f"责任书-{order.total}份.pdf")


def _mine(number: int) -> LetterPrint:
    found = db.session.scalar(
        select(LetterPrint).where(LetterPrint.id == number, LetterPrint.by_id == current_user.id)
    )
    if found is None:
        guard.refuse(404, "letter:track", object_type="letter_print", object_id=str(number))
    about(found)
    return found
