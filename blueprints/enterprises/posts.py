"""Health posts of an enterprise (健康岗位): what is asked for and missing, and appointing, ending, handing over."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NoReturn

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from blueprints.enterprises import bp
from blueprints.enterprises.posts_forms import (
    BY_ACCOUNT,
    BY_LINK,
    AppointForm,
    EndForm,
    HandOverForm,
    PositionForm,
    TeamForm,
)
from blueprints.web import filters, guard
from blueprints.web.guard import can, commit, needs, seen, serving
from blueprints.web.once import show_once
from blueprints.web.page import done, page
from blueprints.web.sign_in import unlocked
from blueprints.web.site import site
from models import posts
from models.access import Post
from models.accounts import Appointment
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise
from models.invitations import Invitation
from models.places import Unit
from models.posts import Board, ManagementTeam, PaperCheck

TERM = timedelta(days=364)


def _today() -> date:
    return local(site.now()).date()


@bp.get("/enterprises/<int:enterprise_id>/posts")
@needs("post:see", Enterprise)
def health_posts(enterprise: Enterprise) -> ResponseReturnValue:
    """What the rule asks for, who is there, what is missing since when, and what I may do about it."""
    found = _board(enterprise)
    papers = (
        select(PaperCheck).where(PaperCheck.enterprise_id == enterprise.id).order_by(PaperCheck.id.desc())
    )
    unit = db.session.get(Unit, enterprise.unit_id) if enterprise.unit_id else None
    return page(
        "enterprises/posts.html",
        papers=db.session.scalars(papers.limit(5).options(joinedload(PaperCheck.checked_by))).all()
        if can("post:check_papers")
        else [],
        unit=unit,
        fillable=_fillable(enterprise),
        may_file=can("management_team:file"),
        **_shown(enterprise, found),
    )


def _board(enterprise: Enterprise) -> Board:
    return posts.board(db.session(), site.book, enterprise, site.now())


def _shown(enterprise: Enterprise, found: Board) -> dict[str, Any]:
    """What `enterprises/_posts.html` needs, and the way back."""
    return {
        "enterprise": enterprise, "board": found, "policy": found.policy, "duty": found.duty, "lines": found.lines,
        "lacks": found.lacks, "team": found.team, "today": _today(),
        "guides": [one for one in found.staff if one.post == Post.HEALTH_GUIDE],
    }  # fmt: skip


def _fillable(enterprise: Enterprise) -> list[Post]:
    return posts.fillable(db.session(), serving(), enterprise) if can("post:fill") else []


@bp.route("/enterprises/<int:enterprise_id>/posts/appoint", methods=["GET", "POST"])
@needs("post:fill", Enterprise)
def appoint(enterprise: Enterprise) -> ResponseReturnValue:
    """Somebody with an account is appointed at once; anybody else gets a link. Where nobody stands for the enterprise any more,
    licence and letter of authority are seen first."""
    offered = _fillable(enterprise)
    if not offered:
        _nothing_there(enterprise)
    post = next((one for one in offered if one.value == request.args.get("post")), offered[0])
    duty, today = _board(enterprise).duty, _today()
    condition = duty.held_by.get(post.value, "") if duty else ""  # type: ignore[call-overload]
    papers = posts.must_show_papers(db.session(), enterprise.id, today)
    form = AppointForm(way=BY_LINK, starts_on=today, ends_on=today + TERM)
    if unlocked(form.validate_on_submit):  # nobody waits while a picture is made small
        where = _appointed(form, enterprise, post, condition, papers)
        if where:
            return done(where)
        db.session.rollback()
    return page(
        "enterprises/appoint.html", form=form, enterprise=enterprise, post=post, offered=offered, condition=condition,
        papers=papers,
    )  # fmt: skip


def _appointed(form: AppointForm, enterprise: Enterprise, post: Post, condition: str, papers: bool) -> str:
    """Where to go on; empty where a rule says no, which then stands in the form."""
    now, details = site.now(), {"post": post.value, "enterprise": enterprise.id}
    try:
        field: Any = form.position
        position = posts.settled_position(condition, form.position.data or "", form.confirmed.data)
        if papers:
            field = form.letter_seen
            if not form.letter_seen.data:
                raise RuleBroken("没有看到授权书原件，不能任命")
            field = form.licence_code
            check = PaperCheck.make(
                enterprise, site.vault, licence_code=form.licence_code.data or "", authorised=form.name.data or "",
                photo=form.photo.data, now=now, by_id=current_user.id,
            )  # fmt: skip
            db.session.add(check)
            db.session.flush()
            details["paper_check"] = check.id
        term = {"starts_on": form.starts_on.data, "ends_on": form.ends_on.data, "position": position}
        field = form.known_as if form.way.data == BY_ACCOUNT else None
        if form.way.data == BY_ACCOUNT:
            account = posts.person(
                db.session(),
                enterprise.district_id,
                name=form.name.data or "",
                known_as=form.known_as.data or "",
            )
            field = None
            made = Appointment.appoint(account, post, enterprise.id, now=now, by_id=current_user.id, **term)
            db.session.flush()
            commit(appointment=made.id, account=account.id, term=[made.starts_on, made.ends_on], **details)
            flash(f"{account.name}已任{post.label}，{filters.full_day(made.starts_on)}起。", "ok")
            return url_for("enterprises.health_posts", enterprise_id=enterprise.id)
        invitation, token = Invitation.invite(
            by=current_user.account, appointments=serving(), name=form.name.data or "", post=post,
            scope_id=enterprise.id, now=now, **term,
        )  # fmt: skip
        db.session.add(invitation)
        db.session.flush()
        commit(invitation=invitation.id, **details)
        show_once(f"invitation {invitation.id}", token=token)
        return url_for("accounts.invitation", number=invitation.id)
    except RuleBroken as refusal:
        if field is None:
            form.form_errors.append(str(refusal))
        else:
            field.errors = [*field.errors, str(refusal)]
        return ""


@bp.route("/enterprises/<int:enterprise_id>/posts/<int:number>/end", methods=["GET", "POST"])
@needs("post:fill", Enterprise)
def end_post(enterprise: Enterprise, number: int) -> ResponseReturnValue:
    """At once, or after a last day; the last one to leave leaves a task for liaison and specialist."""
    one, form = _held(enterprise, number), EndForm()
    if form.validate_on_submit():
        try:
            if form.last_on.data is None:
                one.end(reason=form.reason.data or "", now=site.now())
                since = "现在起"
            else:
                one.end_on(form.last_on.data, reason=form.reason.data or "", now=site.now())
                since = f"{filters.full_day(form.last_on.data)}以后"
            commit(
                appointment=one.id, account=one.account_id, last_on=form.last_on.data, reason=one.end_reason
            )
            flash(f"{one.account.name}{since}不再担任{one.post.label}。", "ok")
            return done(url_for("enterprises.health_posts", enterprise_id=enterprise.id))
        except RuleBroken as refusal:
            db.session.rollback()
            form.last_on.errors = [str(refusal)]
    return page("enterprises/end_post.html", form=form, enterprise=enterprise, one=one)


@bp.route("/enterprises/<int:enterprise_id>/posts/<int:number>/hand-over", methods=["GET", "POST"])
@needs("post:fill", Enterprise)
def hand_over_post(enterprise: Enterprise, number: int) -> ResponseReturnValue:
    """The old holder's last day, the successor's first the next: seen first, then done in one act."""
    one, today, now = _held(enterprise, number), _today(), site.now()
    duty = _board(enterprise).duty
    condition = duty.held_by.get(one.post.value, "") if duty else ""  # type: ignore[call-overload]
    form, preview = HandOverForm(last_on=today, ends_on=today + TERM), None
    if form.validate_on_submit():
        field: Any = form.position
        try:
            position = posts.settled_position(condition, form.position.data or "", form.confirmed.data)
            field = form.known_as
            successor = posts.person(
                db.session(),
                enterprise.district_id,
                name=form.name.data or "",
                known_as=form.known_as.data or "",
            )
            field = None
            new = posts.hand_over(
                one, successor, last_on=form.last_on.data, ends_on=form.ends_on.data, reason=form.reason.data or "",
                position=position, now=now, by_id=current_user.id,
            )  # fmt: skip
            if request.form.get("step") == "do":
                db.session.flush()
                commit(
                    old=one.id, new=new.id, account=successor.id, last_on=one.ends_on, reason=one.end_reason,
                    post=one.post.value,
                )  # fmt: skip
                flash(f"{one.post.label}{filters.full_day(new.starts_on)}起由{successor.name}接任。", "ok")
                return done(url_for("enterprises.health_posts", enterprise_id=enterprise.id))
            preview = {"successor": successor.name, "starts_on": new.starts_on, "ends_on": new.ends_on}
        except RuleBroken as refusal:
            if field is None:
                form.form_errors.append(str(refusal))
            else:
                field.errors = [*field.errors, str(refusal)]
        db.session.rollback()  # nothing of a preview stays
        one = _held(enterprise, number)
    return page(
        "enterprises/hand_over_post.html", form=form, enterprise=enterprise, one=one, condition=condition,
        preview=preview,
    )  # fmt: skip


@bp.route("/enterprises/<int:enterprise_id>/posts/<int:number>/position", methods=["GET", "POST"])
@needs("post:fill", Enterprise)
def confirm_position(enterprise: Enterprise, number: int) -> ResponseReturnValue:
    """That whoever holds the post already is the kind of person whom the rule asks for."""
    one = _held(enterprise, number)
    condition, form = _board(enterprise).condition(one), PositionForm(position=one.position)
    if form.validate_on_submit():
        try:
            one.position = posts.settled_position(condition, form.position.data or "", form.confirmed.data)
            commit(appointment=one.id, position=one.position)
            flash(f"{one.account.name}的职务已经核实。", "ok")
            return done(url_for("enterprises.health_posts", enterprise_id=enterprise.id))
        except RuleBroken as refusal:
            db.session.rollback()
            form.position.errors = [str(refusal)]
    return page("enterprises/position.html", form=form, enterprise=enterprise, one=one, condition=condition)


def _held(enterprise: Enterprise, number: int) -> Appointment:
    """A current appointment of this enterprise to a post that the person at the door may fill."""
    one = db.session.scalar(
        select(Appointment)
        .where(
            Appointment.id == number, Appointment.scope == "enterprise", Appointment.scope_id == enterprise.id,
            Appointment.post.in_(_fillable(enterprise)), Appointment.current(_today()),
        )
        .options(joinedload(Appointment.account))
    )  # fmt: skip
    if one is None:
        _nothing_there(enterprise, number)
    return one


def _nothing_there(enterprise: Enterprise, number: int | None = None) -> NoReturn:
    facts = {} if number is None else {"object_type": "appointment", "object_id": str(number)}
    guard.refuse(404, "post:fill", **({"object_type": "enterprise", "object_id": str(enterprise.id)} | facts))


@bp.route("/enterprises/<int:enterprise_id>/posts/team", methods=["GET", "POST"])
@needs("management_team:file", Enterprise)
def file_team(enterprise: Enterprise) -> ResponseReturnValue:
    """Leader, deputy and charter of the management team; the newest filing holds."""
    before = posts.team_of(db.session(), enterprise)
    form = TeamForm(data={name: getattr(before, name, "") for name in ("leader", "deputy", "charter")})
    if unlocked(form.validate_on_submit):
        try:
            made = ManagementTeam.file(
                enterprise, site.vault, leader=form.leader.data or "", deputy=form.deputy.data or "",
                charter=form.charter.data or "", photo=form.photo.data, now=site.now(), by_id=current_user.id,
            )  # fmt: skip
            db.session.add(made)
            db.session.flush()
            commit(team=made.id, photo=made.photographed)
            flash("健康管理团队已经备案，联络员能看到。", "ok")
            return done(url_for("enterprises.health_posts", enterprise_id=enterprise.id))
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
    return page("enterprises/file_team.html", form=form, enterprise=enterprise, before=before)


@bp.get("/enterprises/charters/<int:management_team_id>")
@needs("post:see", ManagementTeam)
def charter_photo(management_team: ManagementTeam) -> Response:
    """The photographed charter of a team."""
    return _picture(management_team.photo, ManagementTeam.PHOTO)


@bp.get("/enterprises/papers/<int:paper_check_id>")
@needs("post:check_papers", PaperCheck)
def papers_photo(paper_check: PaperCheck) -> Response:
    """The photographed licence and letter of authority. Whoever looks is on record."""
    return _picture(paper_check.photo, PaperCheck.PHOTO)


def _picture(sealed: bytes | None, context: str) -> Response:
    if sealed is None:
        guard.refuse(404, "post:see")
    picture = site.vault.unseal_bytes(sealed, context)
    seen()
    return Response(picture, mimetype="image/jpeg", headers={"Cache-Control": "no-store"})
