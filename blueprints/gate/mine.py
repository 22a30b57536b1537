"""My visits (我的到访): what a visitor's own phone has registered, without an account, until it is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.gate import bp, nonce
from blueprints.gate.passes import EFFECT
from blueprints.gate.visitor import english_wanted
from blueprints.web.guard import keep, public
from blueprints.web.page import done
from blueprints.web.paging import paged
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from models import visits
from models.audit import Result
from models.base import db
from models.gate import CheckIn
from models.my_visits import MyVisit, destroy, forms_of, told
from models.policy.schema import Mode

ON_A_PAGE = 10


@bp.get("/visits")
@public
def my_visits() -> ResponseReturnValue:
    """Where I was, how it ended, until when it is kept, who looked."""
    device, now = _device(), site.now()
    found = paged(forms_of(device), size=ON_A_PAGE) if device else None
    mine = told(db.session(), found.rows, site.book, now) if found and found.rows else []
    return _page("gate/visits.html", mine=mine, paging=found, known=device is not None,
                 deleted=request.args.get("deleted") == "1")  # fmt: skip


@bp.route("/visits/<token>/delete", methods=["GET", "POST"])
@public
@csrf.exempt  # the cookie of the device is not sent along from another site
def delete_visit(token: str) -> ResponseReturnValue:
    """Says what deleting means and does it; or says why not now."""
    one = _mine(token)
    if request.method == "POST" and one.refusal is None:
        record = destroy(db.session(), one, site.now(), Path(current_app.instance_path))
        keep(
            "visitor:delete", Result.DONE, district_id=one.row.district_id,
            destruction=record.id, count=record.number,
        )  # fmt: skip
        return done("/visits?deleted=1")
    response = _page("gate/delete_visit.html", one=one, token=token)
    if request.method == "POST":
        response.status_code = 409
    return response


def _mine(token: str) -> MyVisit:
    """The form behind a pass, if this phone has sent it."""
    row_nonce, device = nonce.read_pass_token(site.vault, token), _device()
    if row_nonce is None or device is None:
        abort(404)
    row = db.session.scalar(forms_of(device).where(CheckIn.nonce == row_nonce))
    if row is None:
        abort(404)
    return told(db.session(), [row], site.book, site.now())[0]


def _device() -> bytes | None:
    """By which the rows of this phone are found; a cookie that is none of ours finds nothing."""
    device = request.cookies.get("device", "")
    return site.vault.blind(device, "device") if device else None


def _page(template: str, **context: Any) -> Response:
    english, now = english_wanted(), site.now()
    html = render_template(
        template, english=english, now_at=now, pass_of=lambda row: nonce.pass_token(site.vault, row.nonce),
        verdict_of=lambda row, policy: _verdict(row, policy, english),
        end_of=lambda row, visit: _end(row, visit, english), **context,
    )  # fmt: skip
    response = Response(html, mimetype="text/html")
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _verdict(row: CheckIn, policy: Any, english: bool) -> str:
    words = policy.gate[Mode(row.mode)].verdict(EFFECT[row.verdict])
    return words.label_en if english else words.label


def _end(row: CheckIn, visit: Any, english: bool) -> str:
    """How it ended, or how it stands."""
    if visit is None:
        return "You did not go in" if english else "没有进入"
    if visit.left_at is not None:
        return visits.ended_words(visit, site.now(), english)
    if not row.is_inside and visit.id == row.id:
        return "Waiting for the guard" if english else "等门岗核验"
    return "Still inside" if english else "还在里面"
