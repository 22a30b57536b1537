"""What templates know besides what a view hands them (模板环境)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from flask import Flask, current_app, g, url_for
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import select

from blueprints.web import filters, guard
from blueprints.web.menu import home_of, menu_of
from blueprints.web.page import same_page, text_size, with_filters
from blueprints.web.sign_in import current_post
from blueprints.web.site import site
from models import inbox, masks
from models.accounts import SCOPE_MODELS, Appointment
from models.base import db


def init_app(app: Flask) -> None:
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    for show in (*filters.ALL, masks.mask_name, masks.mask_mobile):
        app.add_template_filter(show)
    app.jinja_env.globals.update(
        asset=asset,
        symbols=symbols,
        can=guard.can,
        same_page=same_page,
        text_size=text_size,
        with_filters=with_filters,
        now=lambda: site.now(),
        settings=app.extensions["site"].settings,
    )

    @app.context_processor
    def shell() -> dict[str, object]:
        """The frame around a page: post card, menu, demo ribbon."""
        if not current_user.is_authenticated:
            return {}
        post = current_post()
        name_scopes(guard.serving())
        on_shift = current_user.login.on_shift
        return {
            "unread": 0 if on_shift else inbox.unread_of(db.session(), current_user.id),
            "post_now": post,
            "menu": menu_of(post),
            "home": home_of(post),
            "scope_name": scope_name,
            "district": current_user.account.district,
            "on_shift": on_shift,
        }


def asset(path: str) -> str:
    """The address of a file under static/, with its digest: it may be cached for long and changes at once."""
    return url_for("static", filename=path, v=_digest(str(Path(current_app.static_folder or "") / path)))


def symbols(*names: str) -> Markup:
    """The few symbols that a visitor's page draws, in the page itself: no second request at the gate."""
    drawn = "".join(_sprite()[name] for name in dict.fromkeys(names))
    return Markup(
        f'<svg class="sprite" width="0" height="0" aria-hidden="true" focusable="false">{drawn}</svg>'
    )


@lru_cache
def _sprite() -> dict[str, str]:
    text = (Path(current_app.static_folder or "") / "icons/sprite.svg").read_text()
    return {match[1]: match[0] for match in re.finditer(r'<symbol id="i-([^"]+)".*?</symbol>', text, re.S)}


@lru_cache
def _digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:10]


def name_scopes(appointments: Iterable[Appointment]) -> None:
    """Reads the names for a list at once, a query for each kind of scope."""
    names = g.setdefault("scope_names", {})
    wanted: dict[str, set[int]] = {}
    for appointment in appointments:
        if (appointment.scope, appointment.scope_id) not in names:
            wanted.setdefault(appointment.scope, set()).add(appointment.scope_id)
    for kind, ids in wanted.items():
        model = SCOPE_MODELS[kind]
        rows = db.session.execute(select(model.id, model.name).where(model.id.in_(ids)))
        names.update({(kind, number): name for number, name in rows})


def scope_name(appointment: Appointment) -> str:
    """The name of what an appointment is for: the park, the unit, the enterprise."""
    names = g.setdefault("scope_names", {})
    key = (appointment.scope, appointment.scope_id)
    if key not in names:
        row = db.session.get(SCOPE_MODELS[appointment.scope], appointment.scope_id)
        names[key] = row.name if row else ""
    return names[key]
