"""The contact log (联络记录): of one enterprise with its one-line form, of a whole place; one's own entries corrected and voided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import ColumnElement, or_, select

from blueprints.contacts import bp
from blueprints.contacts.asked import ground_of, one_of
from blueprints.contacts.forms import ContactForm, VoidForm
from blueprints.web import guard
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import contacts
from models.base import RuleBroken, db, local
from models.contacts import About, Contact
from models.enterprises import Enterprise, Premises
from models.hand_over import taken_over
from models.office import health_staff
from models.places import Place

PAGE_SIZE = 30


@bp.route("/enterprises/<int:enterprise_id>/contacts", methods=["GET", "POST"])
@needs("contact:write", Enterprise)
def enterprise(enterprise: Enterprise) -> ResponseReturnValue:
    """Whom to reach there, and every contact so far; a POST writes one down."""
    form, now = ContactForm(), site.now()
    if form.validate_on_submit():
        place = _place_of(enterprise)
        try:
            entry = Contact.write(
                enterprise.id, **form.facts(now), by=current_user.account, now=now,
                place_id=place.id if place else None,
            )  # fmt: skip
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            db.session.add(entry)
            guard.commit(way=entry.way.value, about=entry.about.value)
            flash(f"已记下：{entry.way.label}，{entry.about.label}", "ok")
            return done(url_for("contacts.enterprise", enterprise_id=enterprise.id))
    elif request.method == "GET":
        form.way.data = request.args.get("way", form.way.data)
    found = paged(contacts.log_of(Enterprise.id == enterprise.id), size=PAGE_SIZE)
    return page(
        "contacts/enterprise.html", form=form, enterprise=enterprise, place=_place_of(enterprise), paging=found,
        entries=_entries(found.rows),
        staff=health_staff(db.session(), [enterprise.id], local(now).date())[enterprise.id],
    )  # fmt: skip


@bp.get("/places/<int:place_id>/contact-log")
@needs("contact:see", Place)
def place_log(place: Place) -> ResponseReturnValue:
    """The contacts with every enterprise that sits here now; one's own, with what came with a portfolio; what is agreed and waits."""
    about, own = one_of(About, request.args.get("about")), request.args.get("own") == "1"
    waits, now = request.args.get("waits") == "1", site.now()
    query = contacts.log_of(
        ground_of(place, "contact:see").here, mine=_mine(now) if own else None, about=about, waits=waits
    )
    found = paged(query, size=PAGE_SIZE)
    undoable = {one.batch_id for one in found.rows if one.batch and one.batch.may_undo(current_user.id, now)}
    return page(
        "contacts/log.html", place=place, paging=found, about=about, own=own, waits=waits, abouts=list(About), undoable=undoable,
        entries=_entries(found.rows),
    )  # fmt: skip


@bp.route("/contacts/<int:contact_id>/correct", methods=["GET", "POST"])
@needs("contact:write", Contact)
def correct(contact: Contact) -> ResponseReturnValue:
    """Writes an own entry anew, or an agreement that came with a portfolio; the old one stays to be read."""
    took_over = _must_be_own(contact)
    was = local(contact.at)
    form = ContactForm(data={
        "way": contact.way.value, "about": contact.about.value, "note": contact.note or "", "at": was,
        "next_on": contact.next_on,
    })  # fmt: skip
    if form.validate_on_submit():
        facts = form.facts(site.now())
        if facts["at"] == was.replace(second=0, microsecond=0):
            facts["at"] = contact.at  # the field knows no seconds
        try:
            fresh = contact.correct(**facts, by=current_user.account, now=site.now(), took_over=took_over)
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            db.session.add(fresh)
            db.session.flush()
            guard.commit(became=fresh.id)
            flash("已更正，原来那条留着备查", "ok")
            return done(_back(contact))
    return page("contacts/correct.html", form=form, contact=contact)


@bp.route("/contacts/<int:contact_id>/void", methods=["GET", "POST"])
@needs("contact:write", Contact)
def void(contact: Contact) -> ResponseReturnValue:
    """Takes an own entry out of the count, or an agreement that came with a portfolio, with a reason."""
    took_over = _must_be_own(contact)
    form = VoidForm()
    if form.validate_on_submit():
        contact.void(reason=form.reason.data, by=current_user.account, now=site.now(), took_over=took_over)
        guard.commit(void=True)
        flash("已作废，这条不再算作联络", "ok")
        return done(_back(contact))
    return page("contacts/void.html", form=form, contact=contact)


def _must_be_own(contact: Contact) -> bool:
    """Another's entry is read, not written: 404, as what is out of reach. Answers whether it came with a portfolio."""
    if contact.by_id == current_user.id:
        return False
    if contact.id not in _took_over([contact]):
        guard.refuse(404, g.action, object_type="contact", object_id=str(contact.id))
    return True


def _mine(now: datetime) -> ColumnElement[bool]:
    return or_(Contact.by_id == current_user.id, taken_over(db.session(), current_user.id, now))


def _took_over(some: Sequence[Contact]) -> set[int]:
    """Which of these are another's that whoever looks answers for."""
    others = [one.id for one in some if one.by_id != current_user.id and one.next_on is not None]
    if not others:
        return set()
    session = db.session()
    mine = taken_over(session, current_user.id, site.now())
    return set(session.scalars(select(Contact.id).where(Contact.id.in_(others), mine)))


def _entries(some: Sequence[Contact]) -> list[contacts.Entry]:
    return contacts.entries(some, current_user.id, _took_over(some))


def _back(contact: Contact) -> str:
    return url_for("contacts.enterprise", enterprise_id=contact.enterprise_id)


def _place_of(enterprise: Enterprise) -> Place | None:
    """Where it sits now, of the places that the person at the door reaches."""
    seats = select(Premises.place_id).where(
        Premises.enterprise_id == enterprise.id, Premises.holding(site.now())
    )
    query = select(Place).where(Place.id.in_(seats), within_reach("contact:see", Place)).order_by(Place.id)
    return db.session.scalars(query.limit(1)).first()
