"""The people that a post looks after (人员): who they are, inviting more of them, a slip for a forgotten password."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import false, select
from sqlalchemy.orm import joinedload

from blueprints.accounts import bp
from blueprints.accounts.forms import InviteForm, ReasonForm
from blueprints.web import guard
from blueprints.web.fields import options
from blueprints.web.guard import commit, needs, serving
from blueprints.web.once import show_once, shown_once
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.qr import square
from blueprints.web.sign_in import unlocked
from blueprints.web.site import site
from blueprints.web.templating import name_scopes
from models import passwords
from models.access import SCOPES, Post, may_invite
from models.accounts import SCOPE_MODELS, Account, AccountState, Appointment
from models.base import RuleBroken, db, local
from models.invitations import Invitation, ResetSlip, invitable, looked_after, slip_code, slips_for
from models.posts import must_show_papers

INVITED = "invited"
MOST_SCOPES = 300  # in one list to choose from; a part of the name narrows it


def _today() -> date:
    return local(site.now()).date()


@bp.get("/people")
@needs("person:invite")
def people() -> ResponseReturnValue:
    """Everybody in a post that I may fill, and the invitations on their way."""
    now, today = site.now(), _today()
    asked, state = request.args.get("q", "").strip(), request.args.get("state", "")
    held = select(Appointment).join(Appointment.account).options(joinedload(Appointment.account))
    held = held.where(looked_after(serving(), Appointment), Appointment.current(today))
    held = held.where(Appointment.account_id != current_user.id)
    if asked:
        held = held.where(Account.found_by(asked))
    if state in {s.value for s in AccountState}:
        held = held.where(Account.in_state(AccountState(state), now))
    elif state == INVITED:
        held = held.where(false())
    waiting = select(Invitation).where(Invitation.waiting(now), looked_after(serving(), Invitation))
    if asked:
        waiting = waiting.where(Invitation.name.contains(asked, autoescape=True))
    if state not in ("", INVITED):
        waiting = waiting.where(false())
    paging = paged(held.order_by(Account.name, Appointment.id))
    invitations = db.session.scalars(waiting.order_by(Invitation.expires_at).limit(100)).all()
    name_scopes(paging.rows)
    name_scopes(_scoped(one) for one in invitations)
    return page(
        "accounts/people.html", partial="accounts/_people.html", paging=paging, asked=asked, state=state,
        states=[*((s.value, s.label) for s in AccountState), (INVITED, "已邀请，未接受")], today=today,
        invitations=[(one, _scoped(one)) for one in invitations], may_slip=_may_slip(paging.rows),
        posts=sorted(may_invite(serving()), key=list(Post).index),
    )  # fmt: skip


def _scoped(invitation: Invitation) -> Appointment:
    """An invitation in the shape of the appointment that it will become, for whatever shows those."""
    return Appointment(post=invitation.post, scope=SCOPES[invitation.post], scope_id=invitation.scope_id)


def _may_slip(appointments: Any) -> set[int]:
    ids = {a.account_id for a in appointments} - {current_user.id}
    return set(
        db.session.scalars(select(Account.id).where(Account.id.in_(ids), slips_for(serving(), _today())))
    )


@bp.route("/people/invite", methods=["GET", "POST"])
@needs("person:invite")
def invite() -> ResponseReturnValue:
    """First the post, then name, scope and term; the link is shown once."""
    posts = sorted(may_invite(serving()), key=list(Post).index)
    post = next((p for p in posts if p.value == request.args.get("post")), posts[0])
    part = request.args.get("part", "").strip()
    form = InviteForm(starts_on=_today(), ends_on=_today() + timedelta(days=365))
    scopes, more = _scopes(post, part)
    form.scope_id.choices = options(scopes)
    if form.validate_on_submit():
        try:
            if SCOPES[post] == "enterprise" and must_show_papers(db.session(), form.scope_id.data, _today()):
                raise RuleBroken(
                    "这家企业现在没有人在任，请到“企业”里它的健康岗位页，核对执照和授权书后重新邀请"
                )
            invitation, token = Invitation.invite(
                by=current_user.account, appointments=serving(), name=form.name.data or "", post=post,
                scope_id=form.scope_id.data, starts_on=form.starts_on.data, ends_on=form.ends_on.data, now=site.now(),
            )  # fmt: skip
            db.session.add(invitation)
            db.session.flush()
            commit(invitation=invitation.id, post=post.value, scope_id=invitation.scope_id)
            show_once(f"invitation {invitation.id}", token=token)
            return done(url_for("accounts.invitation", number=invitation.id))
        except RuleBroken as error:
            form.form_errors.append(str(error))
    return page("accounts/invite.html", form=form, post=post, posts=posts, part=part, more=more)


def _scopes(post: Post, part: str) -> tuple[list[tuple[int, str]], bool]:
    """Where the post may be filled by the person at the door, and whether there are more than the list holds."""
    model = SCOPE_MODELS[SCOPES[post]]
    found = select(model.id, model.name).where(invitable(serving(), post)).order_by(model.name)
    if part:
        found = found.where(model.name.contains(part, autoescape=True))
    rows = db.session.execute(found.limit(MOST_SCOPES + 1)).all()
    return [(number, name) for number, name in rows[:MOST_SCOPES]], len(rows) > MOST_SCOPES


@bp.get("/people/invitations/<int:number>")
@needs("person:invite")
def invitation(number: int) -> ResponseReturnValue:
    """An invitation of mine or of a colleague over the same reach; its link once, right after it was written."""
    row = _invitation(number)
    once = shown_once(f"invitation {row.id}")
    origin = site.settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    link = origin + url_for("accounts.accept", token=once["token"]) if once else ""
    return page(
        "accounts/invitation.html", invitation=row, scoped=_scoped(row), link=link,
        code=square(link) if link else None, refusal=row.refusal(site.now()), form=ReasonForm(),
    )  # fmt: skip


@bp.post("/people/invitations/<int:number>/withdraw")
@needs("person:invite")
def withdraw(number: int) -> ResponseReturnValue:
    row = _invitation(number)
    row.withdraw(now=site.now())
    commit(invitation=row.id, withdrawn=True)
    flash(f"给{row.name}的邀请已经撤回，链接不能再用。", "ok")
    return done(url_for("accounts.people"))


def _invitation(number: int) -> Invitation:
    found = select(Invitation).where(Invitation.id == number, looked_after(serving(), Invitation))
    row = db.session.scalar(found.options(joinedload(Invitation.invited_by)))
    if row is None:
        guard.refuse(404, "person:invite", object_type="invitation", object_id=str(number))
    return row


@bp.route("/people/<int:number>/slip", methods=["GET", "POST"])
@needs("person:slip")
def slip(number: int) -> ResponseReturnValue:
    """A slip that opens one password change: its code is shown once, on a page to print."""
    allowed = (Account.id == number, Account.id != current_user.id, slips_for(serving(), _today()))
    person = db.session.scalar(select(Account).where(*allowed))
    if person is None:
        guard.refuse(404, "person:slip", object_type="account", object_id=str(number))
    if request.method == "POST":
        code = slip_code()
        digest = unlocked(passwords.hash_password, code)
        written = ResetSlip.write(person, digest, by=current_user.account, now=site.now())
        db.session.execute(ResetSlip.voiding(person.id, site.now()))
        db.session.add(written)
        commit(account=person.id, username=person.username)
        show_once(f"slip {person.id}", code=code)
        return done(url_for("accounts.slip", number=person.id))
    working = db.session.scalar(
        ResetSlip.usable(person.id, site.now()).options(joinedload(ResetSlip.written_by))
    )
    return page("accounts/slip.html", person=person, once=shown_once(f"slip {person.id}"), working=working)
