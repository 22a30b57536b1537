"""Typing a paper sheet in (纸质补录): its rows, a photograph beside them, and taking back what was typed in wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField

from blueprints.gate import bp, entry
from blueprints.gate.sheets import sheet_in_reach
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import identifiers
from models.base import RuleBroken, db, local
from models.gate import CheckIn
from models.gateview import GateView, view_of
from models.identifiers import Unreadable
from models.judging import reason_words
from models.paper import PaperSheet
from models.policy.schema import GateForm
from models.recording import (
    OLDEST,
    PaperRow,
    Times,
    batches,
    check_entered,
    check_left,
    moment,
    record,
    recorded,
    undo,
)  # fmt: skip

COLUMNS = ("time", "name", "mobile", "temperature", "mask", "enterprise", "left")
ASKED = (
    "name",
    "mobile",
    "temperature",
    "mask",
    "enterprise",
)  # of what a form asks, what a sheet has a column for
NEEDED = ("name", "mask")
LONGEST = 60


@dataclass
class Typed:
    """What was sent of a sheet: rows that can be stored, and for the others what is wrong, field by field."""

    rows: list[PaperRow] = field(default_factory=list)
    errors: dict[tuple[int, str], str] = field(default_factory=dict)  # (row, column) -> words
    confirm: dict[int, str] = field(default_factory=dict)  # row -> a mobile that looks unlikely
    again: list[int] = field(default_factory=list)  # rows that had been typed in before
    day: date | None = None
    day_error: str = ""


@bp.get("/gate/sheets/<sheet_number>")
@needs("sheet:fill")
def sheet(sheet_number: str) -> Response:
    """The sheet: what has been typed in, and lines for the rest. ?saved= and ?again= name rows that were just sent."""
    found = sheet_in_reach(sheet_number, "sheet:fill")
    return shown(found, recorded(db.session(), site.vault, found))


@bp.post("/gate/sheets/<sheet_number>")
@needs("sheet:fill")
def fill_sheet(sheet_number: str) -> ResponseReturnValue:
    """Stores every row that can be understood; the others come back as they were typed, each with its own error."""
    found = sheet_in_reach(sheet_number, "sheet:fill")
    alone_with(found)
    there = recorded(db.session(), site.vault, found)
    typed = read(found, there)
    try:
        saved = record(
            db.session(), site.vault, found, typed.rows, day=typed.day or local(site.now()).date(), now=site.now(),
            by_id=current_user.id,
        )  # fmt: skip
    except RuleBroken as refusal:
        db.session.rollback()
        return shown(found, there, typed=replace(typed, day_error=str(refusal)), status=422)
    if saved:
        commit(sheet=found.number, day=found.used_on, rows=saved, count=len(saved))
    if typed.errors or typed.day_error:
        there = recorded(db.session(), site.vault, found)
        return shown(found, there, typed=typed, saved=saved, status=422)
    return done(
        url_for("gate.sheet", sheet_number=found.number, saved=_listed(saved), again=_listed(typed.again))
    )


@bp.route("/gate/sheets/<sheet_number>/undo", methods=["GET", "POST"])
@needs("sheet:fill")
def undo_rows(sheet_number: str) -> ResponseReturnValue:
    """Takes back what was typed in at ?at=, so that its rows can be typed in anew."""
    found = sheet_in_reach(sheet_number, "sheet:fill")
    if request.method == "POST":
        alone_with(found)
    there = recorded(db.session(), site.vault, found)
    batch = next((b for b in batches(there) if f"{b.at.timestamp():.6f}" == request.args.get("at")), None)
    if batch is None:
        raise RuleBroken("这次录入已经撤销，或者没有留下行")
    form = UndoForm()
    if form.validate_on_submit():
        freed, kept = undo(db.session(), batch, now=site.now())
        commit(sheet=found.number, undone=freed, kept=kept)
        where = {"freed": _listed(freed), "kept": _listed(kept)}
        return done(url_for("gate.sheet", sheet_number=found.number, **where))
    return page("gate/undo_rows.html", form=form, sheet=found, batch=batch, lines=_lines(batch.rows))


class UndoForm(FlaskForm):
    """Nothing to fill in; the page has shown what goes."""

    sure = HiddenField(default="yes")


def alone_with(sheet: PaperSheet) -> None:
    """Waits for anybody who is typing in the same sheet."""
    db.session.refresh(sheet, ["used_on", "void_at"], with_for_update=True)


def shown(
    sheet: PaperSheet, there: dict[int, CheckIn], *, typed: Typed | None = None, saved: list[int] | None = None,
    photo_errors: dict[str, str] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    """The sheet's page; `saved` are the rows that this very request has stored."""
    typed = typed or Typed()
    view = view_of(db.session(), site.book, sheet.gate, site.now(), on_paper=True)
    today = local(site.now()).date()
    written = request.form.get("day", "") if typed.day is None and request.method == "POST" else ""
    return page(
        "gate/sheet.html",
        status=status,
        sheet=sheet,
        lines=_lines(there),
        open_rows=[n for n in range(1, sheet.rows + 1) if n not in there],
        kept=_kept(sheet) if request.method == "POST" else {},
        typed=typed,
        day=entry.showable(written) or (typed.day or sheet.used_on or today).isoformat(),
        day_fixed=bool(there),
        today=today,
        saved=_numbers("saved") if saved is None else saved,
        again=[n for n in (_numbers("again") or typed.again) if n in there],
        freed=_numbers("freed"),
        stayed=_numbers("kept"),
        batches=[b for b in batches(there) if b.may_be_undone(site.now())],
        photo_errors=photo_errors or {},
        view=view if isinstance(view, GateView) else None,
    )


# --- reading ---


def read(sheet: PaperSheet, there: Mapping[int, CheckIn]) -> Typed:
    """Every row in which something was typed, from the top down. Rows that are stored already are not read again."""
    typed = Typed()
    now = site.now()
    filled = [n for n in range(1, sheet.rows + 1) if any(_row(n).get(c, "").strip() for c in COLUMNS)]
    typed.again = [n for n in filled if n in there]
    try:
        typed.day = sheet.used_on if there and sheet.used_on else read_day(request.form.get("day", ""), now)
    except Unreadable as error:
        typed.day_error = error.zh
        return typed
    since = moment(typed.day, timedelta(0))
    times = Times(db.session(), site.book, sheet.gate, since, now)
    above: datetime | None = None
    for number in range(1, sheet.rows + 1):
        if number in there:
            above = there[number].occurred_at
        elif number in filled:
            row = _read_row(number, typed, times, above, now)
            if row is not None:
                typed.rows.append(row)
                above = row.at
    return typed


def read_day(text: str, now: datetime, oldest: timedelta = OLDEST + timedelta(days=1)) -> date:
    """The day at the head of a sheet, by a date field or typed as 2026-11-20: today or earlier. The day before the oldest is
    taken as well: a night shift's rows of the day after may still be young enough."""
    today = local(now).date()
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Unreadable("请填写登记表上的日期，例如2026-11-20", "Please give the day on the sheet") from None
    if day > today:
        raise Unreadable(f"{day.month}月{day.day}日还没有到，请对照登记表上的日期", "This day is yet to come")
    if day < local(now - oldest).date():
        raise Unreadable(
            f"{day.year}年{day.month}月{day.day}日太久了，只收{oldest.days}天以内的",
            f"Only the last {oldest.days} days are taken",
        )
    return day


def _read_row(
    number: int, typed: Typed, times: Times, above: datetime | None, now: datetime
) -> PaperRow | None:
    """The row, or None with the errors of its fields in `typed`. What a row may hold, the scheme of its own time says."""
    errors: dict[str, str] = {}
    row, day = _row(number), typed.day
    assert day is not None
    at = left_at = None
    asked = times.view(
        now
    )  # where the time cannot be read, the other fields are: one more look at the paper mends them all
    try:
        at = moment(day, identifiers.clock_time(row["time"]), above)
        check_entered(at, now)
        asked = times.view(at)
    except (Unreadable, RuleBroken) as error:
        errors["time"] = str(error)
    if at is not None and row["left"].strip():
        try:
            left_at = moment(day, identifiers.clock_time(row["left"]), at)
            check_left(left_at, at, now)
        except (Unreadable, RuleBroken) as error:
            errors.setdefault("left", str(error))
    answer = entry.read(asked.policy, _of_paper(asked.form), row)
    errors |= {column: chinese for column, (chinese, _english) in answer.errors.items()}
    if answer.confirm:
        typed.confirm[number] = answer.confirm
    typed.errors |= {(number, column): words for column, words in errors.items()}
    if errors or at is None or answer.declared is None:
        return None
    return PaperRow(number, at, left_at, answer.declared, asked)


def _of_paper(form: GateForm) -> GateForm:
    """The questions that a sheet has a column for. A blank temperature is one that nobody measured."""
    return replace(
        form,
        questions=tuple(replace(q, required=q.field in NEEDED) for q in form.questions if q.field in ASKED),
    )


def _row(number: int) -> MultiDict[str, str]:
    """One row of what was sent, under the names that a gate form has."""
    row = MultiDict({column: request.form.get(f"{column}-{number}", "") for column in COLUMNS})
    row["mobile_confirmed"] = request.form.get(f"confirmed-{number}", "")
    return row


# --- showing ---


def _kept(sheet: PaperSheet) -> dict[str, str]:
    """Everything that was typed, by field."""
    fields = (f"{column}-{n}" for n in range(1, sheet.rows + 1) for column in COLUMNS)
    return {name: entry.showable(request.form.get(name, "")) for name in fields if request.form.get(name)}


def _lines(rows: Mapping[int, CheckIn]) -> list[dict[str, object]]:
    """What has been typed in, as a reader may see it."""
    return [
        {
            "number": number,
            "entry": e,
            "mobile": site.vault.unseal(e.mobile, CheckIn.MOBILE) if e.mobile else "",
            "reasons": [reason_words(site.book.get(e.scheme_key), reason) for reason in e.reason_list],
        }
        for number, e in rows.items()
    ]


def _listed(numbers: list[int]) -> str | None:
    return ",".join(map(str, numbers)) or None


def _numbers(name: str) -> list[int]:
    """Rows that an address names; anything else in it is nothing."""
    parts = request.args.get(name, "").split(",")
    return [int(part) for part in parts[:50] if part.isascii() and part.isdecimal() and len(part) <= 3]
