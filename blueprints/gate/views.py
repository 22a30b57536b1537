"""The first page, typed codes and the privacy notice (首页、短码、个人信息告知书)."""

from __future__ import annotations

from flask import Response, abort, redirect, render_template, request
from flask_login import current_user
from sqlalchemy import select

from blueprints.gate import bp
from blueprints.gate.visitor import english_wanted
from blueprints.web.guard import public
from blueprints.web.limits import limiter
from blueprints.web.menu import home_of
from blueprints.web.page import page
from blueprints.web.sign_in import current_post
from blueprints.web.site import site
from models.base import db, local
from models.places import CODE_LENGTH, CODE_SIGNS, Adoption, District, read_code
from models.retention import staff_rules


@bp.get("/")
@public
def welcome() -> Response:
    """Who is signed in goes to the day's work; anybody else types a code or signs in."""
    if current_user.is_authenticated:
        return redirect(home_of(current_post()))
    return page("gate/welcome.html", english=english_wanted(), code_typed="", code_error="")


@bp.get("/g")
@public
@limiter.limit("60/minute")
def type_code() -> Response:
    """Opens the form of a code that somebody typed from a poster."""
    typed = request.args.get("code", "")[:40]
    code = read_code(typed)
    english = english_wanted()
    strange = sorted({sign for sign in code if sign not in CODE_SIGNS})
    if not code:
        error = "Type the 10 signs below the QR code" if english else "请填海报二维码下方的10位短码"
    elif strange:
        signs = "".join(strange)[:6]
        error = f"A code has no “{signs}”" if english else f"短码里没有“{signs}”，请照海报再核对一遍"
    elif len(code) != CODE_LENGTH:
        error = (
            f"A code has 10 signs, this has {len(code)}" if english else f"短码是10位，现在是{len(code)}位"
        )
    else:
        return redirect(f"/g/{code}")
    return page("gate/welcome.html", status=422, english=english, code_typed=typed, code_error=error)


@bp.get("/privacy")
@public
def privacy() -> Response:
    """What is collected, why, for how long and who sees it (PRIV-2): drawn from the scheme in force, so never apart from it."""
    slug = request.args.get("district", "")
    districts = db.session.scalars(select(District).order_by(District.id)).all()
    district = next((d for d in districts if d.slug == slug), districts[0] if districts else None)
    if district is None or (slug and district.slug != slug):
        abort(404)
    adoptions = db.session.scalars(select(Adoption).where(Adoption.district_id == district.id)).all()
    today = local(site.now()).date()
    policy = site.book.in_force(adoptions, today)
    since = max((a.from_on for a in adoptions if a.from_on <= today), default=None)
    html = render_template(
        "gate/privacy.html", district=district, districts=districts, policy=policy, since=since,
        english=english_wanted(), organiser=district.organiser, district_slug=district.slug,
        staff_rules=staff_rules(policy.retention) if policy else {},
    )  # fmt: skip
    return Response(html, mimetype="text/html")
