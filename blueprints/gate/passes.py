"""The pass (通行证): what a visitor shows the guard, with the word of the minute; valid for a while, then empty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Response, abort, request
from markupsafe import Markup
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from blueprints.gate import bp, nonce
from blueprints.gate.visitor import engine, english_wanted
from blueprints.web.guard import public
from blueprints.web.lean import lean
from blueprints.web.page import done, text_size
from blueprints.web.printed import Prints, blank, draw
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from blueprints.web.templating import symbols
from models import passes, pulse, words
from models.gate import CheckIn, Mark, MeasuredBy, Verdict, read_reasons, reason_words
from models.gateview import GateView
from models.policy.schema import Effect, GateForm, Mode, Policy

T = CheckIn.__table__
EFFECT = {
    Verdict.PASS: Effect.PASS,
    Verdict.REGISTERED: Effect.PASS,
    Verdict.ATTENTION: Effect.ATTENTION,
    Verdict.REFUSED: Effect.REFUSED,
}
ICON = {
    Verdict.PASS: "circle-check",
    Verdict.REGISTERED: "circle-check",
    Verdict.ATTENTION: "triangle-alert",
    Verdict.REFUSED: "octagon-x",
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
    def icon(self) -> str:
        return ICON[self.verdict]

    @property
    def has_word(self) -> bool:
        return self.form.word and not (self.gate is not None and not self.gate.word)

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


_frames = Prints()


@bp.get("/pass/<token>")
@public
@lean
def show(token: str) -> Response:
    """The pass. Renews itself each minute, without JavaScript too; `?live=0` stops that (WCAG 2.2.1)."""
    found, english = _find(token), english_wanted()
    return _page(_valid(found, english, token) if found.valid else _over(found, english))


def _valid(found: Pass, english: bool, token: str) -> str:
    """What is the visitor's own is drawn each time, the frame around it once for all who look at the same."""
    row, live = found.row, request.args.get("live") != "0"
    word = words.word_for(site.vault, row.gate_id, words.minute_of(found.now)) if found.has_word else None
    seconds = words.seconds_left(found.now) + 1
    own = {
        "main": draw(
            "gate/_pass.html", it=found, row=row, english=english, token=token, word=word, live=live, seconds=seconds,
            mobile=site.vault.unseal(row.mobile, CheckIn.MOBILE) if row.mobile else "",
        ),
        "sprite": symbols(found.icon, "thermometer", *([f"w-{word.shape}"] if word else [])),
        "seconds": str(seconds),
        "token": token,
    }  # fmt: skip
    frame = {
        **_names(found), "english": english, "live": live, "has_word": found.has_word, "label": found.label(english),
        "place_phone": row.place_phone,
    }  # fmt: skip
    if request.args:  # its links would carry this visitor's address to everybody
        return draw("gate/pass.html", **frame, **{**own, "main": Markup(own["main"])})
    blanks = {name: blank(name) for name in own}
    key = (*frame.values(), text_size())
    page = _frames.page(key, lambda: draw("gate/pass.html", **frame, **blanks).replace(token, blank("token")))
    return page.filled(**own)


def _over(found: Pass, english: bool) -> str:
    """After its time a pass shows nobody any more."""
    return draw("gate/pass_over.html", it=found, **_names(found), english=english)


def _names(found: Pass) -> dict[str, str]:
    row = found.row
    return {
        name: getattr(row, name)
        for name in ("place_name", "gate_name", "district_name", "organiser", "district_slug")
    }


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
            pulse.move(connection, [found.row.place_id])
    return done(f"/pass/{token}")  # type: ignore[return-value]


def _find(token: str) -> Pass:
    row_nonce = nonce.read_pass_token(site.vault, token)
    row = row_nonce and _row(row_nonce)
    if not row:
        abort(404)
    now = site.now()
    gate = site.gates.view(row.code, now) if row.code else None
    return Pass(row, site.book.get(row.scheme_key), gate if isinstance(gate, GateView) else None, now)


def _row(row_nonce: bytes) -> Any | None:
    try:
        return passes.find(engine(), row_nonce)
    except OperationalError as error:
        if not error.connection_invalidated:
            raise
        return passes.find(engine(), row_nonce)  # the database has been started anew


def _page(html: str) -> Response:
    response = Response(html, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
