"""A guard registers somebody without a phone (代登记): an elder, a child, a visitor whose phone cannot scan."""

from __future__ import annotations

from dataclasses import replace

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.gate import bp, entry, nonce
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db
from models.by_hand import register_by_hand
from models.gate import CheckIn, HandReason
from models.gateview import GateView
from models.masks import mask_name
from models.places import Gate
from models.policy.schema import GateForm, Question

NO_REASON = ("请选择为什么代登记", "")


@bp.route("/gate/<int:gate_id>/record", methods=["GET", "POST"])
@needs("entry:record", Gate)
def record(gate: Gate) -> ResponseReturnValue:
    """The questions of this gate, asked by the guard: a telephone is not needed, the temperature is measured on the spot."""
    now, typed = site.now(), request.form
    view = site.gates.view(gate.code.code, now) if gate.code else None
    if not isinstance(view, GateView):
        raise RuleBroken("这个入口现在停用，或者没有在用的码，不能登记")
    asked = _by_guard(view.form)
    errors: dict[str, str] = {}
    if request.method == "POST":
        answer = entry.read(view.policy, asked, typed)
        errors = {field: said[0] for field, said in answer.errors.items()}
        reason = typed.get("reason", "")
        if reason not in set(HandReason):
            errors["reason"] = NO_REASON[0]
        handed_out = nonce.read(site.vault, gate.id, typed.get("nonce", ""))
        if not JustAct().validate() or handed_out is None or handed_out.expired(now):
            errors["form"] = "这一页放得太久，还没有登记；填的都在，请再按一次"
        if answer.declared is not None and handed_out is not None and not errors:
            row = register_by_hand(
                db.session(), site.vault, view, answer.declared, reason=HandReason(reason), nonce=handed_out.id,
                opened_at=handed_out.issued_at, now=now, by_id=current_user.id,
            )  # fmt: skip
            commit(check_in=row.id, reason=reason, verdict=row.verdict)
            flash(_said(row), "warn" if row.is_abnormal else "ok")
            return done(url_for("gate.desk", gate=gate.id))
    return page(
        "gate/record.html", gate=gate, view=view, asked=asked.questions, reasons=list(HandReason), errors=errors,
        typed=entry.kept(asked, typed) | {"reason": typed.getlist("reason")[:1]},
        nonce=nonce.issue(site.vault, gate.id, view.mode, now), confirm=getattr(answer, "confirm", "") if errors else "",
        english=False, status=422 if errors else 200,
    )  # fmt: skip


def _by_guard(form: GateForm) -> GateForm:
    """The questions as a guard asks them: somebody without a phone may have no number, and a thermometer may fail."""

    def asked(question: Question) -> Question:
        if question.kind == "mobile":
            return replace(question, required=False, label="手机号（没有可不填）", hint="")
        if question.kind == "temperature":
            return replace(
                question, required=False, label="门岗实测体温", hint="量不了可以不填，记作尚未测温"
            )
        return question

    return replace(form, questions=tuple(asked(question) for question in form.questions))


def _said(row: CheckIn) -> str:
    return f"已登记{mask_name(row.name)}，叫号{row.call_number}：{row.verdict.label}。"
