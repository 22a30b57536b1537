"""One's own messages (消息): the newest first, opened, marked as read."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.inbox import bp
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, signed_in
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import inbox
from models.base import db
from models.inbox import Message, messages_of


@bp.get("/messages")
@signed_in
def index() -> ResponseReturnValue:
    """All, or with ?show=unread those that are still to be read."""
    unread_alone = request.args.get("show") == "unread"
    return page(
        "inbox/index.html", partial="inbox/_list.html", unread_alone=unread_alone,
        paging=paged(messages_of(current_user.id, unread=unread_alone), size=30), act=JustAct(formdata=None),
        kept_days=inbox.KEPT.days,
    )  # fmt: skip


@bp.post("/messages/<int:number>/open")
@signed_in
def open_one(number: int) -> ResponseReturnValue:
    """Read, and on to what it is about."""
    message = db.session.scalar(
        select(Message).where(Message.id == number, Message.account_id == current_user.id)
    )
    if message is None:
        guard.refuse(404, "own:open_one", object_type="message", object_id=str(number))
    where = message.link or url_for("inbox.index")
    if message.read_at is None:
        guard.note(lambda session: session.get_one(Message, number).open(site.now()))
    return done(where)


@bp.post("/messages/read-all")
@signed_in
def read_all() -> ResponseReturnValue:
    if JustAct().validate_on_submit():
        number = inbox.read_all(db.session(), current_user.id, site.now())
        commit(count=number)
        flash(f"{number}条消息已标为读过。" if number else "没有未读的消息。", "ok")
    return done(url_for("inbox.index"))
