"""The pass (通行证): what a visitor shows the guard, with the word of the minute; valid for a while, then empty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Response, abort, make_response, render_template, request
from sqlalchemy import func, select, update

from blueprints.gate import bp, nonce
from blueprints.gate.visitor import engine, english_wanted
from blueprints.web.guard import public
from blueprints.web.page import done
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from models import words
from models.base import UTCDateTime, local, reading
from models.gate import CheckIn, Kind, Mark, MeasuredBy, Reading, Verdict, read_reasons, reason_words
from models.gateview import GateView
from models.places import District, Gate, GateCode, Place
from models.policy.schema import Effect, GateForm, Mode, Policy

T = CheckIn.__table__
EFFECT = {
    Verdict.PASS: Effect.PASS,
    Verdict.REGISTERED: Effect.PASS,
    Verdict.ATTENTION: Effect.ATTENTION,
    Verdict.REFUSED: Effect.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Pass:
    """A check-in as its visitor sees it."""

    row: Any
    policy: Policy
    gate: GateView | None  # None where the gate has been paused or its code replaced since
    now: datetime

    @property
    def until(self) -> datetime:
        return self.row.occurred_at + timedelta(minutes=self.form.pass_minutes)

    @property
    def valid(self) -> bool:
        return self.now < self.until

    @property
    def form(self) -> GateForm:
        return self.policy.gate[Mode(self.row.mode)]

    @property
    def verdict(self) -> Verdict:
        return self.row.verdict

    @property
    def celsius(self) -> Decimal | None:
        return None if self.row.celsius is None else Decimal(self.row.celsius).scaleb(-1)

    @property
    def by_guard(self) -> bool:
        return self.row.measured_by == MeasuredBy.GUARD

    @property
    def marks(self) -> list[Mark]:
        return [Mark(code) for code in self.row.marks.split(",") if code]

    def label(self, english: bool) -> str:
        words = self.form.verdict(EFFECT[self.verdict])
        return words.label_en if english else words.label

    def reasons(self, english: bool) -> list[str]:
        return [reason_words(self.policy, reason, english) for reason in read_reasons(self.row.reasons)]

    def steps(self, english: bool) -> list[str]:
        """What to do now, besides resting and the clinic: the scheme's own next steps."""
        steps = []
        for code, *values in read_reasons(self.row.reasons):
            question = self.form.question(code)
            choice = question.choice(values[0]) if question and values else None
            if choice and (choice.next_step_en if english else choice.next_step):
                steps.append(choice.next_step_en if english else choice.next_step)
        return steps

    @property
    def feverish(self) -> bool:
        return any(reason[0] == "fever" for reason in read_reasons(self.row.reasons))

    @property
    def rested_at(self) -> datetime:
        return self.row.measured_at + timedelta(minutes=self.policy.thresholds.recheck_minutes)


@bp.get("/pass/<token>")
@public
def show(token: str) -> Response:
    """The pass. Renews itself each minute, without JavaScript too; `?live=0` stops that (WCAG 2.2.1)."""
    found = _find(token)
    english, live = english_wanted(), request.args.get("live") != "0"
    if not found.valid:
        return _answer("gate/pass_over.html", found, english, token)
    minute = words.minute_of(found.now)
    context = {
        "word": words.word_for(site.vault, found.row.gate_id, minute) if _has_word(found) else None,
        "live": live,
        "seconds": words.seconds_left(found.now) + 1,
        "first_at": _first_at(found) if found.row.kind == Kind.AGAIN else None,
    }
    return _answer("gate/pass.html", found, english, token, **context)


@bp.post("/pass/<token>/recheck")
@public
@csrf.exempt
def ask_recheck(token: str) -> Response:
    """「请门岗复测」: puts the visitor before the guard. Asking twice is asking once."""
    found = _find(token)
    if found.verdict in (Verdict.REFUSED, Verdict.ATTENTION) and found.valid:
        with engine().begin() as connection:
            connection.execute(
                update(T)
                .where(T.c.id == found.row.id, T.c.recheck_asked_at.is_(None))
                .values(recheck_asked_at=found.now)
            )
    return done(f"/pass/{token}")  # type: ignore[return-value]


def _find(token: str) -> Pass:
    row_nonce = nonce.read_pass_token(site.vault, token)
    if row_nonce is None:
        abort(404)
    columns = (
        T, Place.name.label("place_name"), Gate.name.label("gate_name"), Place.phone.label("place_phone"),
        District.name.label("district_name"), District.organiser, District.slug.label("district_slug"),
        District.hotline, _last_reading(), _code_in_use(),
    )  # fmt: skip
    with reading(), engine().connect() as connection:
        row = connection.execute(
            select(*columns)
            .join(Place, Place.id == T.c.place_id)
            .join(Gate, Gate.id == T.c.gate_id)
            .join(District, District.id == T.c.district_id)
            .where(T.c.nonce == row_nonce)
        ).first()
    if row is None:
        abort(404)
    now = site.now()
    gate = site.gates.view(row.code, now) if row.code else None
    return Pass(row, site.book.get(row.scheme_key), gate if isinstance(gate, GateView) else None, now)


def _last_reading() -> Any:
    """Since when the temperature on the pass holds: the guard's last reading, else the visitor's own."""
    last = select(Reading.at).where(Reading.check_in_id == T.c.id).order_by(Reading.id.desc()).limit(1)
    return func.coalesce(last.scalar_subquery(), T.c.occurred_at, type_=UTCDateTime()).label("measured_at")


def _code_in_use() -> Any:
    code = (
        select(GateCode.code).where(GateCode.gate_id == T.c.gate_id, GateCode.revoked_at.is_(None)).limit(1)
    )
    return code.scalar_subquery().label("code")


def _has_word(found: Pass) -> bool:
    return found.form.word and not (found.gate is not None and not found.gate.word)


def _first_at(found: Pass) -> datetime | None:
    """When this visitor first came in at this gate today."""
    row = found.row
    same = T.c.mobile_index == row.mobile_index if row.mobile_index else T.c.device_index == row.device_index
    with reading(), engine().connect() as connection:
        return connection.scalar(
            select(T.c.occurred_at)
            .where(same, T.c.place_id == row.place_id, T.c.day == row.day, T.c.id < row.id)
            .where(T.c.verdict != Verdict.REFUSED)
            .order_by(T.c.id)
            .limit(1)
        )


def _answer(template: str, found: Pass, english: bool, token: str, **context: Any) -> Response:
    row = found.row
    mobile = site.vault.unseal(row.mobile, CheckIn.MOBILE) if row.mobile and found.valid else ""
    html = render_template(
        template, it=found, row=row, token=token, english=english, mobile=mobile, organiser=row.organiser,
        district_slug=row.district_slug, gate_name=row.gate_name, here=local(row.occurred_at), **context,
    )  # fmt: skip
    response = make_response(html)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
