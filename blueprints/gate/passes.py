"""The pass (通行证): what a visitor shows the guard, with the word of the minute; valid for a while, then empty."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Response, abort, request
from markupsafe import Markup, escape
from sqlalchemy import or_, select, update
from sqlalchemy.exc import OperationalError

from blueprints.gate import bp, nonce
from blueprints.gate.leaving import leaving_of
from blueprints.gate.visitor import engine, english_wanted
from blueprints.web import filters
from blueprints.web.guard import public
from blueprints.web.lean import lean
from blueprints.web.page import done, text_size
from blueprints.web.printed import Prints, blank, draw
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from blueprints.web.templating import symbols
from models import passes, pulse, words
from models.base import local, reading
from models.gate import ADMITTED, CheckIn, Mark, MeasuredBy
from models.gateview import GateView
from models.judging import Verdict, read_reasons, reason_words
from models.masks import mask_mobile, mask_name
from models.policy.schema import Effect, GateForm, Mode, Policy
from models.visits import VISIT

T = CheckIn.__table__
EFFECT = {
    Verdict.PASS: Effect.PASS,
    Verdict.REGISTERED: Effect.PASS,
    Verdict.ATTENTION: Effect.ATTENTION,
    Verdict.REFUSED: Effect.REFUSED,
}
GRAVITY = {
    Verdict.REFUSED: 0,
    Verdict.ATTENTION: 1,
    Verdict.PASS: 2,
    Verdict.REGISTERED: 2,
}  # the gravest first
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
    def ordinary(self) -> bool:
        """Let in, and nothing more to say."""
        row = self.row
        more = row.reasons, row.marks, row.first_at, row.left_at, row.recheck_asked_at
        return self.verdict in ADMITTED and not any(more)

    @property
    def may_leave(self) -> bool:
        """Whether a visit may be under way that this visitor can end: whoever was let in, by the form or by the guard."""
        let_in = self.verdict in ADMITTED or self.row.confirmed_at is not None
        return let_in and self.verdict != Verdict.REFUSED and self.row.left_at is None

    @property
    def feverish(self) -> bool:
        return any(reason[0] == "fever" for reason in read_reasons(self.row.reasons))

    @property
    def rested_at(self) -> datetime:
        return self.row.measured_at + timedelta(minutes=self.policy.thresholds.recheck_minutes)


_ordinary = Prints()


@bp.get("/pass/<token>")
@public
@lean
def show(token: str) -> Response:
    """The pass. Renews itself each minute, without JavaScript too; `?live=0` stops that (WCAG 2.2.1)."""
    found, english = _find(token), english_wanted()
    if not found.valid:
        return _page(_over(found, english, token))
    return _page(
        _of_a_party(found, english, token) if found.row.accompanied else _valid(found, english, token)
    )


def _valid(found: Pass, english: bool, token: str) -> str:
    """Nearly everybody gets an ordinary pass, which is printed once for all who come in at a gate and filled in for each."""
    own = _own(found, english, token)
    if request.args or not found.ordinary:  # links on it would carry this visitor's address to everybody
        return _draw(found, english, own)
    row, names = found.row, tuple(_names(found).values())
    shown = (row.mobile is None, row.celsius is None, row.masked, row.written == "", row.place_phone)
    key = (*names, found.label(english), found.has_word, found.by_guard, *shown, english, text_size())
    blanks = {name: blank(name) for name in own}
    page = _ordinary.page(
        key, lambda: _draw(found, english, blanks).replace(token, blank("token"))
    )  # same_page()
    return page.filled(**{name: escape(text) for name, text in own.items()})


def _own(found: Pass, english: bool, token: str) -> dict[str, str]:
    """What is this visitor's alone on an ordinary pass."""
    row = found.row
    word = words.word_for(site.vault, row.gate_id, words.minute_of(found.now)) if found.has_word else None
    day = f"{local(row.occurred_at).date()}" if english else " ".join(
        (filters.day(row.occurred_at), filters.weekday(row.occurred_at))
    )  # fmt: skip
    return {
        "token": token,
        "seconds": str(words.seconds_left(found.now) + 1),
        "now": filters.clock_time(found.now),
        "time": filters.clock_seconds(row.occurred_at),
        "iso": filters.iso(row.occurred_at),
        "day": day,
        "until": filters.clock_time(found.until),
        "number": str(row.call_number),
        "name": mask_name(row.name),
        "mobile": mask_mobile(site.vault.unseal(row.mobile, CheckIn.MOBILE)) if row.mobile else "",
        "celsius": str(found.celsius),
        "written": row.written,
        "word": word.zh if word else "",
        "english": word.en if word else "",
        "shape": word.shape if word else "",
        "sprite": symbols(found.icon, "thermometer", "log-out", *([f"w-{word.shape}"] if word else [])),
    }


def _draw(found: Pass, english: bool, own: dict[str, str]) -> str:
    about = {"it": found, "row": found.row, "english": english, "live": request.args.get("live") != "0",
             "has_word": found.has_word}  # fmt: skip
    main = draw("gate/_pass.html", **about, own=own)
    return draw(
        "gate/pass.html", **about, **_names(found), main=Markup(main), label=found.label(english),
        place_phone=found.row.place_phone, token=own["token"], seconds=own["seconds"], sprite=own["sprite"],
    )  # fmt: skip


def _of_a_party(found: Pass, english: bool, token: str) -> str:
    """One pass for whoever filled in the form and everybody who came along: who may not enter first, each with the reasons."""
    rows = [found.row, *passes.companions(engine(), nonce.read_pass_token(site.vault, token) or b"")]
    people = [Pass(row, found.policy, found.gate, found.now) for row in rows]
    people.sort(key=lambda one: GRAVITY[one.verdict])
    live = request.args.get("live") != "0"
    word = (
        words.word_for(site.vault, found.row.gate_id, words.minute_of(found.now)) if found.has_word else None
    )
    groups = [[one for one in people if one.verdict == verdict] for verdict in GRAVITY]
    groups = [group for group in groups if group]
    label = ("; " if english else "，").join(
        f"{len(group)} × {group[0].label(english)}" if english else f"{len(group)}人{group[0].label(english)}"
        for group in groups
    )
    main = draw(
        "gate/_party.html", it=found, row=found.row, people=people, groups=groups, label=label, english=english,
        token=token, word=word, live=live, seconds=words.seconds_left(found.now) + 1,
    )  # fmt: skip
    icons = dict.fromkeys(one.icon for one in people)
    return draw(
        "gate/pass.html", **_names(found), english=english, live=live, has_word=found.has_word, label=label,
        place_phone=found.row.place_phone, main=Markup(main), token=token, seconds=words.seconds_left(found.now) + 1,
        sprite=symbols(*icons, "thermometer", "log-out", *([f"w-{word.shape}"] if word else [])),
    )  # fmt: skip


def _over(found: Pass, english: bool, token: str) -> str:
    """After its time a pass shows nobody any more; whoever came in can still say that they leave."""
    with reading(), engine().connect() as connection:
        row = connection.execute(select(*VISIT).where(T.c.id == found.row.id)).one()
        leaving = leaving_of(connection, row, token, named=False, english=english, now=found.now)
    return draw("gate/pass_over.html", it=found, **_names(found), english=english, leaving=leaving)


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
    waits = T.c.verdict.in_([Verdict.REFUSED, Verdict.ATTENTION])
    if found.valid:
        with engine().begin() as connection:
            row_nonce = nonce.read_pass_token(site.vault, token)
            connection.execute(
                update(T)
                .where(
                    or_(T.c.id == found.row.id, T.c.party == row_nonce), waits, T.c.recheck_asked_at.is_(None)
                )
                .values(recheck_asked_at=found.now)
            )
            pulse.move(connection, [found.row.place_id])
    return done(f"/pass/{token}")  # type: ignore[return-value]


def _find(token: str) -> Pass:
    row_nonce = nonce.read_pass_token(site.vault, token)
    now = site.now()
    row = row_nonce and _row(row_nonce, now)
    if not row:
        abort(404)
    gate = site.gates.view(row.code, now) if row.code else None
    return Pass(row, site.book.get(row.scheme_key), gate if isinstance(gate, GateView) else None, now)


def _row(row_nonce: bytes, now: datetime) -> Any | None:
    today = local(now).date()
    try:
        return passes.find(engine(), row_nonce, today)
    except OperationalError as error:
        if not error.connection_invalidated:
            raise
        return passes.find(engine(), row_nonce, today)  # the database has been started anew


def _page(html: str) -> Response:
    response = Response(html, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
