"""A visitor at a gate (访客扫码): the form, and the one row that answers it.

The path of these two views is hot: a gate's view from memory, the constant part of its page rendered once, one Core
transaction. No session, no login machinery, no objects of the ORM.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import Response, abort, g, render_template, request
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from blueprints.gate import bp, entry, nonce
from blueprints.web.guard import public
from blueprints.web.lean import SeeOther, lean
from blueprints.web.page import english_wanted, text_size
from blueprints.web.printed import Prints, blank
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from models.base import db
from models.code_checks import with_answer
from models.gateview import GateView, WrongCode
from models.health_codes import CodeAnswer, Unknown
from models.judging import Declaration
from models.places import CODE_LENGTH, CODE_SIGNS, read_code
from models.register import is_registered, register
from models.rotating import is_rotating

REMEMBER = timedelta(days=30)
STATUS = {"unknown": 404, "revoked": 410, "paused": 503, "no_scheme": 503, "other_district": 404, "pass": 400}


_forms = Prints()


@bp.get("/g/<code>")
@public
@lean
def form(code: str) -> Response:
    """The form of this gate. Writes nothing: link previews and prefetchers come here too."""
    gate = _gate(code)
    if isinstance(gate, WrongCode):
        return wrong_code(gate)
    english, visitor = english_wanted(), remembered(gate)
    token = nonce.issue(site.vault, gate.gate_id, gate.mode, site.now(), at_gate=_at_gate(gate))
    if visitor is not None or request.args:  # its links would carry this visitor's address to everybody
        return _page(_render(gate, english, nonce=token, visitor=visitor))
    key = gate.code, gate.number, gate.on, gate.mode, gate.faulty_until, english, text_size()
    form = _forms.page(key, lambda: _render(gate, english, nonce=blank("nonce")))
    return _page(form.filled(nonce=token))


def _at_gate(gate: GateView) -> bool:
    """Whether this address was read off the gate's own tablet just now: then whoever opens the form stands there."""
    shown = request.args.get("at")
    return shown is not None and is_rotating(site.vault, gate.gate_id, shown, site.now())


@bp.post("/g/<code>")
@public
@csrf.exempt
@lean
def check_in(code: str) -> Response:
    """Takes the form: 303 to the pass, or 422 with every error beside its field and all that was typed.

    The gate as this process remembers it will do where a row comes of it, for register() sees whether it has changed since.
    Any other answer is given by the gate as it is now.
    """
    for fresh in (False, True, True):
        try:
            answer = _take(_gate(code, fresh=fresh), fresh)
        except OperationalError as error:
            if not error.connection_invalidated:
                raise
            answer = None  # the database has been started anew; the nonce makes a second attempt harmless
        if answer is not None:
            return answer
    abort(503)


def _take(gate: GateView | WrongCode, fresh: bool) -> Response | None:
    """The answer to a check-in at this gate; None where only the gate as it is now can say."""
    typed = request.form
    if isinstance(gate, WrongCode):
        return (_answered(gate.gate_id) or wrong_code(gate)) if fresh else None
    vault, now = site.vault, site.now()
    visitor = remembered(gate)
    if visitor is not None and typed.get("name", "").strip():
        visitor = None  # somebody else fills in the whole form
    handed_out = nonce.read(vault, gate.gate_id, typed.get("nonce", ""))
    answer = entry.read(gate.policy, gate.form, typed, visitor)
    if "company" in typed or "more" in typed:
        if "more" in typed:
            return _with_room_for_more(gate, visitor) if fresh else None
        answer = entry.read_company(gate.policy, gate.form, typed, answer)
    if answer.declared is None or handed_out is None or handed_out.expired(now):
        if not fresh:
            return None
        return _answered(gate.gate_id) or _back(gate, answer, visitor, stale=answer.declared is not None)
    declared, code = with_answer(answer.declared, _code_of(gate, answer.declared, handed_out))
    device = _device()
    written = register(
        engine(), vault, gate, declared, nonce=handed_out.id, opened_at=handed_out.issued_at, device=device, now=now,
        companions=answer.companions, at_gate=handed_out.at_gate, code=code,
    )  # fmt: skip
    if written.outdated:
        return None
    if written.slowed:
        response = _back(gate, answer, visitor, slowed=True)
        response.status_code = 429
        response.headers["Retry-After"] = "60"
        _keep_device(response, device, False)
        return response
    response = _to_pass(written.nonce)
    _remember(response, gate, answer.declared, device, typed.get("remember", ""), visitor)
    return response


def _code_of(gate: GateView, declared: Declaration, handed_out: nonce.Nonce) -> CodeAnswer | Unknown | None:
    """What the health-code service says, where one is configured and the gate asks for a code. Asked once a request, before
    anything is written, and not for a form that has been answered before."""
    service = site.health_code
    if service is None or declared.mobile is None or not gate.form.asks("code_status"):
        return None
    if "code" not in g:
        g.code = None if is_registered(engine(), handed_out.id) else service.ask(
            declared.name, declared.mobile, now=site.now()
        )  # fmt: skip
    return g.code


def _answered(gate_id: int) -> Response | None:
    """The pass of a form that has become a row already. Its first answer may have been lost, and the gate have changed since:
    what was registered stays registered."""
    handed_out = nonce.read(site.vault, gate_id, request.form.get("nonce", ""))
    if handed_out is None or not is_registered(engine(), handed_out.id):
        return None
    return _to_pass(handed_out.id)


def _to_pass(row_nonce: bytes) -> Response:
    return SeeOther(f"/pass/{nonce.pass_token(site.vault, row_nonce)}")


@bp.post("/g/<code>/forget")
@public
@csrf.exempt
def forget(code: str) -> Response:
    """「不是我」: this phone forgets its visitor."""
    response = Response(status=303)
    response.headers["Location"] = f"/g/{code}" if code.isalnum() else "/"
    for name in ("visitor", "device"):
        response.delete_cookie(name, secure=site.settings.tls, httponly=True, samesite="Lax")
    return response


def engine() -> Engine:
    return db.engine


def _gate(code: str, *, fresh: bool = False) -> GateView | WrongCode:
    """The gate behind the address, or why it opens no form."""
    wanted = read_code(code)
    if len(wanted) != CODE_LENGTH or any(sign not in CODE_SIGNS for sign in wanted):
        return WrongCode("pass" if nonce.read_pass_token(site.vault, code) else "unknown")
    gate = site.gates.view(wanted, site.now(), fresh=fresh)
    ours = site.settings.hosts.get(request.host.split(":")[0]) if site.settings.hosts else None
    if ours and gate.district_slug and gate.district_slug != ours:
        return WrongCode("other_district", district_name=gate.district_name, district_slug=gate.district_slug)
    return gate


def wrong_code(wrong: WrongCode) -> Response:
    """Each wrong code has its own page. Silence is a hole."""
    html = render_template(
        "gate/wrong_code.html", wrong=wrong, english=english_wanted(), organiser=wrong.organiser,
        district_slug=wrong.district_slug,
    )  # fmt: skip
    response = _page(html)
    response.status_code = STATUS[wrong.kind]
    return response


def _render(gate: GateView, english: bool, **context: Any) -> str:
    now = site.now()
    return render_template(
        "gate/form.html", gate=gate, form=gate.form, english=english, organiser=gate.organiser,
        district_slug=gate.district_slug, kept_until=now + timedelta(days=gate.policy.retention.check_in_days),
        **{"errors": {}, "typed": {}, "visitor": None, "stale": False, "slowed": False, "confirm": "",
           "company": range(0), "more": False, "room": entry.COMPANIONS, "each": entry.of_each(gate.form).questions,
           "asked": [question.field for question in gate.form.questions], "offers_staff": entry.offers_staff(gate.form),
           **context},
    )  # fmt: skip


def _back(gate: GateView, answer: entry.Answer, visitor: entry.Remembered | None, **why: bool) -> Response:
    """The form again, filled as it was sent, with a fresh nonce."""
    english = english_wanted()
    html = _render(
        gate,
        english,
        nonce=_fresh_nonce(gate),
        errors={field: words[english] for field, words in answer.errors.items()},
        typed=entry.kept(gate.form, request.form),
        visitor=visitor,
        confirm=answer.confirm,
        company=entry.company(request.form),
        **why,
    )
    response = _page(html)
    response.status_code = 422
    return response


def _with_room_for_more(gate: GateView, visitor: entry.Remembered | None) -> Response:
    """The form with room for one more person who came along. Nothing is read yet, so nothing is wrong yet."""
    response = _back(gate, entry.Answer(), visitor, more=True)
    response.status_code = 200
    return response


def _fresh_nonce(gate: GateView) -> str:
    """Whoever had scanned the gate's tablet is still there when the form comes back."""
    before = nonce.read(site.vault, gate.gate_id, request.form.get("nonce", ""))
    now = site.now()
    at_gate = before is not None and before.at_gate and not before.expired(now)
    return nonce.issue(site.vault, gate.gate_id, gate.mode, now, at_gate=at_gate)


def _page(html: str) -> Response:
    response = Response(html, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response


def remembered(gate: GateView) -> entry.Remembered | None:
    """Whom the sealed cookie names; a changed byte is an unknown visitor, not an error."""
    sealed = request.cookies.get("visitor")
    if not sealed:
        return None
    text = site.vault.unseal_token(sealed, "visitor", site.now())
    name, _, rest = (text or "").partition("\n")
    mobile, _, works_at = rest.partition("\n")
    if not mobile or not gate.form.asks("mobile"):
        return None
    return entry.Remembered(name, mobile, int(works_at or 0))


def _device() -> str:
    """The random name of this phone's browser; it says nothing about its owner."""
    known = request.cookies.get("device", "")
    return (
        known
        if len(known) == 22 and known.replace("-", "").replace("_", "").isalnum()
        else secrets.token_urlsafe(16)
    )


def _keep_device(response: Response, device: str, long: bool) -> None:
    response.set_cookie(
        "device",
        device,
        max_age=REMEMBER if long else None,
        httponly=True,
        samesite="Lax",
        secure=site.settings.tls,
    )


def _works_at(gate: GateView, declared: Declaration, visitor: entry.Remembered | None) -> int:
    """The place where this visitor works, as last said; a visit elsewhere does not change it."""
    if declared.works_here:
        return gate.place_id
    before = visitor.works_at if visitor else 0
    return 0 if before in gate.place_ids and entry.offers_staff(gate.form) else before


def _remember(
    response: Response,
    gate: GateView,
    declared: Declaration,
    device: str,
    wish: str,
    visitor: entry.Remembered | None,
) -> None:
    """Remembering lives on the visitor's own phone, sealed; it is offered, never a condition."""
    long = wish == "keep" or visitor is not None
    _keep_device(response, device, long)
    if long and declared.mobile:
        known = f"{declared.name}\n{declared.mobile}\n{_works_at(gate, declared, visitor)}"
        sealed = site.vault.seal_token(known, "visitor", site.now() + REMEMBER)
        response.set_cookie(
            "visitor", sealed, max_age=REMEMBER, httponly=True, samesite="Lax", secure=site.settings.tls
        )
    elif wish == "once":
        response.delete_cookie("visitor", secure=site.settings.tls, httponly=True, samesite="Lax")
