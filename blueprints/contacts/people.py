"""The number of one person of an enterprise's health staff, or of the enterprise itself: a look at the whole, and a call, both with
a reason and kept (settled 3.6)."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Reached:
    """Whose number it is: a person's, or the enterprise's own."""

    enterprise: Enterprise
    held: Appointment | None = None

    @property
    def name(self) -> str:
        return self.held.account.name if self.held else "企业电话"

    @property
    def what(self) -> str:
        return f"{self.held.post.label}，{self.enterprise.name}" if self.held else self.enterprise.name

    @property
    def number(self) -> str:
        return (self.held.account.mobile if self.held else self.enterprise.phone) or ""

    @property
    def term(self) -> str:
        return "手机" if self.held else "电话"

    @property
    def case(self) -> str:
        return (
            f"staff {self.enterprise.id} {self.held.account_id}"
            if self.held
            else f"firm {self.enterprise.id}"
        )

    def address(self, step: str = "", **more: int) -> str:
        """Of the page, or of a step on it: reveal, call."""
        if self.held is None:
            endpoint = f"contacts.telephone_{step}" if step else "contacts.telephone"
            return url_for(endpoint, enterprise_id=self.enterprise.id, **more)
        account = self.held.account_id
        return url_for(
            f"contacts.{step or 'person'}", enterprise_id=self.enterprise.id, account_id=account, **more
        )

    def keep(self, **facts: object) -> None:
        """The line of the access log."""
        guard.seen(**facts, **({"account": self.held.account_id} if self.held else {}))


@bp.get("/enterprises/<int:enterprise_id>/contact-people/<int:account_id>")
@needs("contact:reveal", Enterprise)
def person(enterprise: Enterprise, account_id: int) -> ResponseReturnValue:
    return _shown(_staff(enterprise, account_id), LookForm(formdata=None))


@bp.post("/enterprises/<int:enterprise_id>/contact-people/<int:account_id>/reveal")
@needs("contact:reveal", Enterprise)
def reveal(enterprise: Enterprise, account_id: int) -> ResponseReturnValue:
    """Shows the whole number of this person for half an hour. Who looked and why is kept."""
    return _reveal(_staff(enterprise, account_id))


@bp.post("/enterprises/<int:enterprise_id>/contact-people/<int:account_id>/call")
@needs("contact:reveal", Enterprise)
def call(enterprise: Enterprise, account_id: int) -> ResponseReturnValue:
    """Keeps that the number is about to be called; the page that follows has it as a link to dial."""
    return _call(_staff(enterprise, account_id))


@bp.get("/enterprises/<int:enterprise_id>/contact-telephone")
@needs("contact:reveal", Enterprise)
def telephone(enterprise: Enterprise) -> ResponseReturnValue:
    """The enterprise's own number: where its posts are empty, nobody else can be called."""
    return _shown(Reached(enterprise), LookForm(formdata=None))


@bp.post("/enterprises/<int:enterprise_id>/contact-telephone/reveal")
@needs("contact:reveal", Enterprise)
def telephone_reveal(enterprise: Enterprise) -> ResponseReturnValue:
    return _reveal(Reached(enterprise))


@bp.post("/enterprises/<int:enterprise_id>/contact-telephone/call")
@needs("contact:reveal", Enterprise)
def telephone_call(enterprise: Enterprise) -> ResponseReturnValue:
    return _call(Reached(enterprise))


def _reveal(reached: Reached) -> ResponseReturnValue:
    form = LookForm()
    if not form.validate_on_submit():
        return _shown(reached, form)
    until = open_look(reached.case, form.reason.data, site.now())
    reached.keep(fields=_field(reached), reason=form.reason.data, until=until)
    return done(reached.address())


def _call(reached: Reached) -> ResponseReturnValue:
    look = look_at(reached.case, site.now())
    if not JustAct().validate_on_submit() or look is None or not reached.number:
        raise RuleBroken("请先写明原因查看号码，再拨打；查看后30分钟内有效")
    reached.keep(call=_field(reached), reason=look[1])
    return done(reached.address(call=1))


def _field(reached: Reached) -> str:
    return "mobile" if reached.held else "phone"


def _shown(reached: Reached, form: LookForm) -> ResponseReturnValue:
    look = look_at(reached.case, site.now())
    number = reached.number if look else ""
    return page(
        "contacts/person.html", form=form, enterprise=reached.enterprise, reached=reached, act=JustAct(formdata=None),
        look_until=look[0] if look else None, look_reason=REASONS.get(look[1], "") if look else "", number=number,
        calling=bool(number) and request.args.get("call") == "1",
    )  # fmt: skip


def _staff(enterprise: Enterprise, account_id: int) -> Reached:
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
    return Reached(enterprise, held)
