"""Handing a file over (下载). WeChat's browser cannot save files: there every download is preceded by a page
that shows the thing. The page's own address opens the file once, within 10 minutes, in a browser without our
cookie (settled 2.20).

    @bp.get("/gates/<int:gate_id>/poster.pdf")
    @by_link
    @needs("gate:print", Gate)
    def poster_pdf(gate):
        return hand_out(lambda: ..., name="poster.pdf", picture=..., picture_words=...)

The link is a ticket: sealed, bound to one address and to the sign-in session that asked for it. Making one
writes nothing; using it leaves an access-log line and the ticket's digest.
"""

from __future__ import annotations

import io
import mimetypes
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Request, g, redirect, request, send_file
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.web import errors, guard
from blueprints.web.page import page, same_page
from blueprints.web.sign_in import SignedIn, login_manager
from blueprints.web.site import site
from models.accounts import LoginSession
from models.base import db, writing
from models.downloads import LASTS, SpentTicket
from models.files import StoredFile

TICKET = "ticket"


def in_wechat() -> bool:
    return "MicroMessenger" in request.user_agent.string


def by_link(view: Callable) -> Callable:
    """Stands above @needs: lets a ticket in the address stand for the session that asked for it."""

    @wraps(view)
    def opened(**kwargs: Any) -> Any:
        ticket = request.args.get(TICKET)
        if ticket is not None:
            login_id = _read(ticket)
            if in_wechat():
                if login_id is None:
                    return redirect(same_page(**{TICKET: None}))  # run out: the page makes a fresh one
            elif login_id is None or _spent(ticket):
                return errors.answer(
                    410, "这个链接已经用过，或者过了10分钟", "请回到微信里的那一页刷新，再从右上角打开一次。"
                )
            else:
                g.ticket_login = login_id
        return view(**kwargs)

    return opened


@login_manager.request_loader
def _bearer(_request: Request) -> SignedIn | None:
    """Who asked for the ticket that `by_link` found good, as long as that person is still signed in."""
    if "ticket_login" not in g:
        return None
    login = db.session.get(LoginSession, g.ticket_login)
    return SignedIn(login.account, login, "") if login is not None and login.alive(site.now()) else None


def hand_out(
    make: Callable[[], bytes], *, name: str, picture: str = "", picture_words: str = ""
) -> ResponseReturnValue:
    """The file; in WeChat the page before it, with the picture at address `picture`. `name` says the type."""
    if in_wechat():
        if TICKET not in request.args:
            return redirect(same_page(**{TICKET: _issue()}))
        return page(
            "open_in_browser.html",
            name=name,
            picture=picture,
            picture_words=picture_words,
            link=request.url_root.rstrip("/") + same_page(),
        )
    content = make()
    if "ticket_login" in g and request.method != "HEAD" and not _spend(request.args[TICKET], name):
        return errors.answer(410, "这个链接已经用过", "请回到微信里的那一页刷新，再从右上角打开一次。")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    answer = send_file(io.BytesIO(content), mimetype=kind, as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def hand_out_kept(file: StoredFile, *, name: str, **seen: Any) -> ResponseReturnValue:
    """A stored file, to be saved, never to be opened on our address. Whoever takes it out is on record with `seen`."""

    def make() -> bytes:
        content = file.opened(site.vault)
        guard.seen(**seen)
        return content

    return hand_out(make, name=name)


def _issue() -> str:
    sealed = f"{current_user.login.id} {secrets.token_hex(4)} {same_page(**{TICKET: None})}"
    return site.vault.seal_token(sealed, TICKET, site.now() + LASTS)


def _read(ticket: str) -> int | None:
    """The session that a ticket for exactly this address was issued to; None for any other or an old one."""
    sealed = site.vault.unseal_token(ticket, TICKET, site.now())
    if sealed is None:
        return None
    login_id, _number, address = sealed.split(" ", 2)
    return int(login_id) if address == same_page(**{TICKET: None}) else None


def _spent(ticket: str) -> bool:
    digest = SpentTicket.digest_of(ticket)
    return db.session.scalar(select(SpentTicket.id).where(SpentTicket.digest == digest)) is not None


def _spend(ticket: str, name: str) -> bool:
    db.session.commit()  # ends the reading transaction: the next one begins with the right to write
    before = writing.set(True)
    try:
        first = SpentTicket.spend(db.session(), ticket, now=site.now())
        db.session.commit()
    finally:
        writing.reset(before)
    if first:
        guard.seen(download=name, by="link")
    return first
