"""The open chief-health-officer platform (企业首席健康官平台): `create_app()` puts the site together."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints import (
    accounts,
    admin,
    archive,
    clusters,
    contacts,
    devices,
    enterprises,
    gate,
    health,
    imports,
    inbox,
    letters,
    notices,
    office,
    operations,
    places,
    plans,
    reports,
)
from blueprints.web import commands, errors, guard, headers, logs, production, templating
from blueprints.web.lean import LeanFlask
from blueprints.web.limits import limiter
from blueprints.web.outside import health_code, mail, robot, seal
from blueprints.web.page import htmx
from blueprints.web.settings import Settings, engine_options, keys_of
from blueprints.web.sign_in import csrf, login_manager
from blueprints.web.site import Site, clock
from models import passwords, standing
from models.accounts import ON_SHIFT
from models.base import db
from models.daybook import DayBook
from models.delivery import Carrier, Channel
from models.gateview import GateBook
from models.policy.book import SHIPPED, Book
from models.tallies import TallyBook
from models.vault import open_vault

AREAS = (
    gate, places, devices, enterprises, archive, health, reports, clusters, plans, imports, contacts, letters, notices, inbox, office,
    accounts, admin, operations,
)  # fmt: skip


def create_app(**overrides: Any) -> Flask:
    """The site as SITE_* configures it; `overrides` are settings by name, and `instance` for the instance folder."""
    root = Path(__file__).parent
    instance = Path(
        overrides.pop("instance", None) or os.environ.get("SITE_INSTANCE") or root / "instance"
    ).resolve()
    settings = Settings.read(**overrides)
    if settings.env != "test":  # pytest has handlers of its own
        logs.configure(as_json=settings.production)
    secret_key, vault = keys_of(settings, instance)
    open_vault(vault)
    if not settings.production:
        passwords.use_cheap_hashes()

    app = LeanFlask(
        __name__, instance_path=str(instance), static_folder="static", template_folder="templates"
    )
    app.config.update(
        SECRET_KEY=secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url or f"sqlite:///{instance / 'site.db'}",
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings),
        MAX_CONTENT_LENGTH=12 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        SESSION_COOKIE_NAME="__Host-session" if settings.tls else "session",
        SESSION_COOKIE_SECURE=settings.tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=ON_SHIFT,  # of the cookie's signature; the session on the server ends sooner
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        RATELIMIT_HEADERS_ENABLED=True,
        RATELIMIT_ENABLED=settings.env != "test",
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=30),
        POLICY_DIR=settings.policy_dir,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    db.init_app(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    book = Book.read(*[SHIPPED, *([Path(settings.policy_dir)] if settings.policy_dir else [])])
    sealer, known_seals = seal.of(settings, instance)
    with app.app_context():
        app.extensions["site"] = Site(
            settings=settings,
            vault=vault,
            book=book,
            gates=GateBook(db.engine, book),
            days=DayBook(),
            tallies=TallyBook(),
            now=clock(settings.test_clock),
            health_code=health_code.of(settings),
            sealer=sealer,
            known_seals=known_seals,
            draw_letter=letters.paper.draw,
            carriers=_carriers(settings),
        )
        standing.keep(db.engine, standing.Keeper(book, lambda: app.extensions["site"].now()))
    for extension in (csrf, login_manager, htmx, limiter):
        extension.init_app(app)
    for part in (headers, templating, errors, commands):
        part.init_app(app)
    for area in AREAS:
        app.register_blueprint(area.bp)
    guard.check_routes(app)
    if settings.production:
        production.check(app)
    return app


def _carriers(settings: Settings) -> dict[Channel, Carrier]:
    """The ways out of the site that are configured."""
    ways: dict[Channel, Carrier | None] = {Channel.MAIL: mail.of(settings), Channel.ROBOT: robot.of(settings)}
    return {channel: carrier for channel, carrier in ways.items() if carrier is not None}
