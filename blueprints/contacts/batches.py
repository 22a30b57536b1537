"""A notice to a group (群里通知), written down once for many enterprises of a place and undone as a whole for seven days."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.contacts import bp
from blueprints.contacts.asked import ground_of, wanted
from blueprints.contacts.forms import BatchForm
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import roster
from models.base import RuleBroken, db
from models.contacts import MOST_AT_ONCE, ContactBatch, Way
from models.enterprises import Enterprise
from models.places import Place

NAMED = 5  # of those that an undo skips


@bp.route("/places/<int:place_id>/contacts/batch", methods=["GET", "POST"])
@needs("contact:write", Place)
def batch(place: Place) -> ResponseReturnValue:
    """The chosen enterprises, once more to be looked at; a POST writes an entry for each that is still ticked."""
    form, now = BatchForm(), site.now()
    chosen = _chosen(place, form)
    if request.method == "GET":
        form.way.data = Way.GROUP.value
    elif form.validate_on_submit():
        try:
            sent = ContactBatch.send(
                [one.id for one in chosen], place=place, **form.facts(now), by=current_user.account, now=now
            )
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            db.session.add(sent)
            db.session.flush()
            guard.commit(batch=sent.id, count=len(chosen))
            flash(f"已给{len(chosen)}家各记一条，7天内可以整批撤销", "ok")
            return done(url_for("contacts.place_log", place_id=place.id))
    return page("contacts/batch.html", form=form, place=place, chosen=chosen, most=MOST_AT_ONCE)


@bp.post("/contact-batches/<int:contact_batch_id>/undo")
@needs("contact:write", ContactBatch)
def undo(contact_batch: ContactBatch) -> ResponseReturnValue:
    """Takes a whole notice back; what was corrected or voided since stays, and is named."""
    if not JustAct().validate_on_submit():
        raise RuleBroken("这一页放得太久，请刷新后再撤销")
    kept = contact_batch.undo(by=current_user.account, now=site.now())
    number = len(contact_batch.contacts) - len(kept)
    guard.commit(undone=number, kept=len(kept))
    words = "、".join(one.enterprise.name for one in kept[:NAMED])
    more = f"等{len(kept)}家" if len(kept) > NAMED else ""
    flash(f"已撤销{number}条" + (f"；后来更正或作废过的没有动：{words}{more}" if kept else ""), "ok")
    return done(url_for("contacts.place_log", place_id=contact_batch.place_id))


def _chosen(place: Place, form: BatchForm) -> Sequence[Enterprise]:
    """The ticked ones that sit here within reach, or all that the roster's filter finds; anything else is left out."""
    ground = ground_of(place, "contact:write")
    if request.method == "GET" and request.args.get("all") == "1":
        query = roster.search(db.session(), ground, wanted())
    else:
        typed = (
            form.enterprise.data if request.method == "POST" else request.args.getlist("enterprise", type=int)
        )
        query = select(Enterprise).where(ground.here, Enterprise.id.in_((typed or [])[: MOST_AT_ONCE + 1]))
    return db.session.scalars(query.limit(MOST_AT_ONCE)).all()
