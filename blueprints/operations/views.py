"""Three addresses for machines, none of them for the public: the front server does not pass them on."""

from __future__ import annotations

import hmac
import ipaddress

from flask import Response, abort, request

from blueprints.operations import bp, figures
from blueprints.operations.readiness import probe_of
from blueprints.web.guard import public
from blueprints.web.lean import lean
from blueprints.web.site import site
from models.base import db


@bp.get("/health/live")
@public
@lean
def live() -> Response:
    """The process answers. Says nothing of what it stands on: a site whose database is away is not to be started anew."""
    return _words("在运行")


@bp.get("/health/ready")
@public
@lean
def ready() -> Response:
    """The database answers in time and has the shape that this program needs; else 503, in words that help nobody outside."""
    trouble = probe_of(db.engine).ask()
    return _words(f"未就绪：{trouble}", 503) if trouble else _words("就绪")


@bp.get("/metrics")
@public
@lean
def metrics() -> Response:
    """Figures for Prometheus, for this machine or for whoever has the token; to anybody else it is not there."""
    if not (_asked_from_here() or _has_token()):
        abort(404)
    return Response(figures.page(db.engine, site.now()), content_type=figures.CONTENT_TYPE)


def _words(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status=status, content_type="text/plain; charset=utf-8")


def _asked_from_here() -> bool:
    """By a process of this machine, and not by way of a front server, whose own address would be this machine's too."""
    headers = request.headers
    if any(name in headers for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded")):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _has_token() -> bool:
    token = site.settings.metrics_token
    sent = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
