"""The door of every view (守门): who may pass, how far they reach, and the audit line of what they did.

A view says `@needs("place:watch", Place)`, `@public` or `@signed_in`; one that says nothing keeps the site from
starting. `@needs` with a model takes the row's number from the address (`<int:place_id>` for Place), loads the row within
the person's reach and hands it over as `place`. Out of reach is 404, a post without the grant is 403; both leave an
audit line. `commit()` ends a view that changed something: it writes the audit line and commits, once a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, NoReturn

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from blueprints.web.headers import request_id
from blueprints.web.site import site
from models import access, audit
from models.accounts import Appointment
from models.base import db, local, writing

PUBLIC = "public"
SIGNED_IN = "signed-in"
# What stays open to a person who has first to choose a new password or to enrol for the second step.
MEANWHILE = ("accounts.password", "accounts.second_factor", "accounts.confirm", "accounts.sign_out")


class OnShift(Forbidden):
    """A guard's own affairs are no business of a phone that lies at the gate."""

    title = "值守手机上不办个人的事"
    advice = "改密码、换PIN码、看登录的设备，请在自己的手机或电脑上登录。要下班，请点“交班”。"


def public(view: Callable) -> Callable:
    """Anyone may open this."""
    view.access = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: Callable) -> Callable:
    """Anyone with an account may open this: their own affairs. Not from a shared phone at the gate."""

    @wraps(view)
    def guarded(**kwargs: Any) -> Any:
        _must_be_signed_in()
        g.action = f"own:{view.__name__}"
        if current_user.login.on_shift:
            log(g.action, audit.Result.REFUSED)
            raise OnShift
        return view(**kwargs)

    guarded.access = SIGNED_IN  # type: ignore[attr-defined]
    return guarded


def needs(action: str, model: Any = None) -> Callable[[Callable], Callable]:
    """Whoever holds a post that GRANTS names for `action`; with `model` only for rows within reach."""
    access.GRANTS[action]  # a misspelt action fails at import
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower() if model else ""

    def wrap(view: Callable) -> Callable:
        @wraps(view)
        def guarded(**kwargs: Any) -> Any:
            _must_be_signed_in()
            g.action = action
            if not access.may(serving(), action):
                refuse(403, action)
            if model is not None and f"{key}_id" in kwargs:
                number = kwargs.pop(f"{key}_id")
                row = db.session.scalar(select(model).where(model.id == number, within_reach(action, model)))
                if row is None:
                    refuse(404, action, object_type=key, object_id=str(number))
                g.object = row
                kwargs[key] = row
            return view(**kwargs)

        guarded.access = action  # type: ignore[attr-defined]
        return guarded

    return wrap


def serving() -> list[Appointment]:
    """The appointments that the person at the door holds today."""
    if "serving" not in g:
        g.serving = current_user.serving(local(site.now()).date()) if current_user.is_authenticated else []
    return g.serving


def can(action: str) -> bool:
    """For templates: whether to show a link at all."""
    return access.may(serving(), action)


def within_reach(action: str, model: Any) -> ColumnElement[bool]:
    """The rows of `model` that the person at the door may take `action` on, as a condition."""
    return access.reach(serving(), action, model, site.now())


def reach_key(action: str) -> Hashable | None:
    """A name for `within_reach`, the same for everybody who reaches as far; None where it changes with the time."""
    found = access.scopes(serving(), action)
    if "place" in found:
        return None
    return tuple(sorted((scope, number) for scope, ids in found.items() for number in ids))


def refuse(status: int, action: str, **facts: str) -> NoReturn:
    """Says no, and keeps that it did."""
    log(action, audit.Result.REFUSED, **facts)
    abort(status)


def commit(**details: Any) -> None:
    """Ends a change: one audit line for the request's action, then the commit. `details` say what was changed."""
    keep(g.action, audit.Result.DONE, **details)


def keep(
    action: str, result: audit.Result, *, person: Any = None, district_id: int | None = None, **details: Any
) -> None:
    """Ends a change that is no plain success of the person at the door: a failed sign-in that was counted, say.

    `district_id`: in whose audit it stands where nobody is signed in and no person is named.
    """
    facts = {} if district_id is None else {"district_id": district_id}
    _append(action, result, details, person=person, **facts, **_object())
    db.session.commit()


def log(action: str, result: audit.Result, details: dict[str, Any] | None = None, **facts: Any) -> None:
    """An audit line of its own, for refusals, failures and looks. Whatever the request had begun is given up."""
    db.session.commit() if not writing.get() else db.session.rollback()
    before = writing.set(True)
    try:
        _append(action, result, details, **facts)
        db.session.commit()
    finally:
        writing.reset(before)


def seen(**details: Any) -> None:
    """Keeps that the person looked at something: an export, a full telephone number."""
    log(g.action, audit.Result.SEEN, details, **_object())


def note(write: Callable[[Session], object]) -> None:
    """Keeps that the person opened something, where that is a record of its own: a read receipt, say. Like `seen`, of a GET too."""
    _must_be_meant()
    db.session.commit() if not writing.get() else db.session.rollback()
    before = writing.set(True)
    try:
        write(db.session())
        db.session.commit()
    finally:
        writing.reset(before)


def _must_be_meant() -> None:
    """A request whose token does not hold may show its form again and change nothing."""
    if "stale" in g:
        raise g.stale


def _append(action: str, result: audit.Result, details: dict[str, Any] | None, **facts: Any) -> None:
    if result in (audit.Result.DONE, audit.Result.SEEN):
        _must_be_meant()
    person = facts.pop("person", None)
    posts = serving() if person is None else person.serving(local(site.now()).date())
    if person is None and current_user.is_authenticated:
        person = current_user
    if person is not None:
        facts.setdefault("account_id", person.id)
        facts.setdefault("account_name", person.name)
        facts.setdefault("district_id", person.district_id)
        facts.setdefault("post", ",".join(sorted({a.post.value for a in posts})))
    audit.append(
        db.session(), now=site.now(), details=details, action=action, result=result,
        address=request.remote_addr or "", request_id=request_id(), **facts,
    )  # fmt: skip


def _object() -> dict[str, str]:
    row = g.get("object")
    return {"object_type": row.__tablename__, "object_id": str(row.id)} if row is not None else {}


def _must_be_signed_in() -> None:
    if not current_user.is_authenticated:
        abort(401)
    first = current_user.must_first()
    if first and request.endpoint not in MEANWHILE:
        abort(lead_to(url_for(first)))


def about(row: Any) -> None:
    """What the audit line of this request is about, where no row stands in its address."""
    g.object = row


def lead_to(where: str) -> Response:
    """On to another page, whoever asked: a browser, or htmx for a part of a page that would not fit."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": where})
    return redirect(where, 303)  # type: ignore[return-value]


def check_routes(app: Flask) -> None:
    """Deny by default: a route that declares nothing does not start."""
    for endpoint, view in app.view_functions.items():
        if endpoint != "static" and not hasattr(view, "access"):
            raise RuntimeError(f"{endpoint} does not say who may open it: @needs, @signed_in or @public")
