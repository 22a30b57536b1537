"""One person of an enterprise's health staff: a look at the whole number, and a call, both with a reason and kept (settled 3.6)."""

from __future__ import annotations

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from blueprints.contacts import bp
from blueprints.contacts.forms import LookForm
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.revealing import look_at, open_look
from blueprints.web.site import site
from models.accounts import Account, Appointment
from models.base import RuleBroken, db, local
from models.contacts import REASONS
from models.enterprises import Enterprise
from models.roster import HEALTH_POSTS


@bp.get("/enterprises/<int:enterprise_id>/contact-people/<int:account_id>")
@needs("contact:reveal", Enterprise)
def person(enterprise: Enterprise, account_id: int) -> ResponseReturnValue:
    return _shown(enterprise, _staff(enterprise, account_id), LookForm(formdata=None))


@bp.post("/enterprises/<int:enterprise_id>/contact-people/<int:account_id>/reveal")
@needs("contact:reveal", Enterprise)
def reveal(enterprise: Enterprise, account_id: int) -> ResponseReturnValue:
    """Shows the whole number of this person for half an hour. Who looked and why is kept."""
    held, form = _staff(enterprise, account_id), LookForm()
    if not form.validate_on_submit():
        return _shown(enterprise, held, form)
    until = open_look(_case(held), form.reason.data, site.now())
    guard.seen(fields="mobile", account=held.account_id, reason=form.reason.data, until=until)
    return done(_address(enterprise, held))


@bp.post("/enterprises/<int:enterprise_id>/contact-people/<int:account_id>/call")
@needs("contact:reveal", Enterprise)
def call(enterprise: Enterprise, account_id: int) -> ResponseReturnValue:
    """Keeps that the number is about to be called; the page that follows has it as a link to dial."""
    held = _staff(enterprise, account_id)
    look = look_at(_case(held), site.now())
    if not JustAct().validate_on_submit() or look is None or held.account.mobile is None:
        raise RuleBroken("请先写明原因查看号码，再拨打；查看后30分钟内有效")
    guard.seen(call="mobile", account=held.account_id, reason=look[1])
    return done(_address(enterprise, held, call=1))


def _shown(enterprise: Enterprise, held: Appointment, form: LookForm) -> ResponseReturnValue:
    look = look_at(_case(held), site.now())
    number = held.account.mobile or "" if look else ""
    return page(
        "contacts/person.html", form=form, enterprise=enterprise, held=held, act=JustAct(formdata=None),
        look_until=look[0] if look else None, look_reason=REASONS.get(look[1], "") if look else "", number=number,
        calling=bool(number) and request.args.get("call") == "1",
    )  # fmt: skip


def _staff(enterprise: Enterprise, account_id: int) -> Appointment:
    """Whoever serves there in a health post today; nobody else's number is found by this address."""
    held = db.session.scalars(
        select(Appointment)
        .join(Appointment.account)
        .where(
            Appointment.scope == "enterprise", Appointment.scope_id == enterprise.id,
            Appointment.account_id == account_id, Appointment.post.in_(HEALTH_POSTS),
            Appointment.serving(local(site.now()).date()), Account.disabled_at.is_(None),
        )
        .options(joinedload(Appointment.account))
        .limit(1)
    ).first()  # fmt: skip
    if held is None:
        guard.refuse(404, g.action, object_type="account", object_id=str(account_id))
    return held


def _case(held: Appointment) -> str:
    return f"staff {held.scope_id} {held.account_id}"


def _address(enterprise: Enterprise, held: Appointment, **more: int) -> str:
    return url_for("contacts.person", enterprise_id=enterprise.id, account_id=held.account_id, **more)
