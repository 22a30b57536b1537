"""An enterprise's own reports (填报): what is due, the page that is filled once, and its history."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from blueprints.reports import bp
from blueprints.reports.shown import grouped, history, open_closures
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, needs, refuse
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise
from models.ledger import Ledger
from models.obligations import Obligation, Review, basis, status, to_do
from models.policy.schema import Cadence, ReportField
from models.reminders import settle
from models.reminding import said, said_to
from models.report_facts import Facts, facts_of
from models.report_reading import COMMENT, Reading, against_zero, is_computed, read, zero_values
from models.reports import (
    LONGEST_REASON,
    Filling,
    Source,
    alone,
    draft_of,
    exceptions_of,
    file,
    keep_draft,
    last_return,
    may_file,
    past_of,
    refusal,
    versions_of,
)  # fmt: skip
from models.to_do import returns_of

SHOWN = 30
LONGEST_TYPED = 300
OPENED = re.compile(r"[0-9]{9,10}")
STALE = "这一页放得太久，还没有报送；填的都在，请再按一次"


@bp.get("/enterprises/<int:enterprise_id>/reports")
@needs("report:file", Enterprise)
def index(enterprise: Enterprise) -> ResponseReturnValue:
    """What is to do first, then every period with how it stands."""
    session, now = db.session(), site.now()
    mine = select(Obligation).where(Obligation.enterprise_id == enterprise.id)
    found = paged(
        mine.where(Obligation.live())
        .options(joinedload(Obligation.mode_order))
        .order_by(Obligation.first_on.desc()),
        size=SHOWN,
    )
    rows = list(found.rows)
    if found.page == 1:
        rows = Ledger(site.book, now).as_it_will_be(session, enterprise.id, rows)
    voided = session.scalars(
        mine.where(Obligation.voided_at.is_not(None)).order_by(Obligation.first_on.desc()).limit(SHOWN)
    ).all()
    return page(
        "reports/index.html", enterprise=enterprise, paging=found, voided=voided, reports=to_do(rows, now), now_at=now,
        returns=returns_of(session, rows),
        rows=[(one, status(one, now)) for one in rows], basis=basis, on_time=_on_time(rows),
        reminders=said_to(session, enterprise.id), closures=open_closures(enterprise.id, local(now).date()),
    )  # fmt: skip


def _on_time(rows: Sequence[Obligation]) -> tuple[int, int]:
    """Of the periods on the page that were due, how many came in on time."""
    due = [one for one in rows if one.due_at < site.now() and one.excused_at is None]
    return sum(one.received_at is not None and one.received_at <= one.due_at for one in due), len(due)


@dataclass(slots=True)
class Sheet:
    """One report as the page has it: what is asked, what the archive knows, what was typed and what is wrong with it."""

    obligation: Obligation
    fields: tuple[ReportField, ...]
    cadence: Cadence
    facts: Facts
    past: list[dict[str, int]]
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)


@bp.route("/enterprises/<int:enterprise_id>/reports/<first_on>", methods=["GET", "POST"])
@needs("report:file", Enterprise)
def fill(enterprise: Enterprise, first_on: str) -> ResponseReturnValue:
    """The report of the period that begins on this day: filled, kept as a draft, filed, corrected. Server time decides."""
    begins = day_of(first_on)
    errors: dict[str, str] = {}
    reading: Reading | None = None
    if request.method == "POST":
        obligation = held(enterprise, begins)
        if not JustAct().validate():
            errors["form"] = STALE
        else:
            try:
                answer = _send(enterprise, obligation)
            except RuleBroken as broken:
                errors["form"] = str(broken)
            else:
                if not isinstance(answer, Reading):
                    return answer
                reading = answer
        db.session.rollback()
    return _shown(enterprise, begins, errors, reading)


def _send(enterprise: Enterprise, obligation: Obligation) -> ResponseReturnValue | Reading:
    """What the pressed button asks for; or what is wrong with the numbers."""
    session, now, by = db.session(), site.now(), current_user.account
    address = url_for("reports.fill", enterprise_id=enterprise.id, first_on=obligation.first_on)
    step, typed = request.form.get("step", ""), _typed()
    if step == "draft":
        may_file(session, obligation, now=now, by=by)
        keep_draft(session, obligation, typed, now=now, by=by)
        commit(obligation=obligation.id, draft=True)
        flash("草稿已存，换一台设备也能接着填", "ok")
        return done(address)
    if step not in ("file", "zero"):
        raise RuleBroken("没有看出要存草稿还是提交，请再按一次按钮")
    if not _sent_before(obligation):
        may_file(session, obligation, now=now, by=by)
    sheet = _sheet(enterprise, obligation)
    comments: Mapping[str, str] = {}
    if step == "zero":
        _must_be_nothing(enterprise, sheet)
        last = sheet.past[0] if sheet.past else {}
        numbers = zero_values(sheet.fields, sheet.facts, enterprise.headcount, last)
        source = Source.ZERO
        prefilled = len(sheet.fields)
    else:
        reading = read(sheet.fields, sheet.cadence, typed, sheet.facts, sheet.past)
        if not reading.holds:
            return reading
        numbers, comments, source = reading.values, reading.comments, Source.FORM
        prefilled = _prefilled(sheet, numbers)
    version, fresh = file(
        session, obligation, numbers, archive=sheet.facts.numbers, comments=comments, source=source, key=_key(),
        seen=request.form.get("seen", 0, type=int), reason=request.form.get("reason", "")[:LONGEST_REASON], now=now, by=by,
        filling=Filling(len(sheet.fields), prefilled, _opened(), _device_time()),
    )  # fmt: skip
    if fresh:
        settle(session, obligation, now)
        commit(obligation=obligation.id, version=version.number, source=source.value)
        late = "" if obligation.received_at and obligation.received_at <= obligation.due_at else "，算迟报"
        flash(
            f"{obligation.title}已报送{late}"
            if version.number == 1
            else f"已更正，现在是第{version.number}版",
            "ok",
        )
    else:
        session.rollback()
        flash(f"已经报过，是第{version.number}版，没有重复", "ok")
    return done(address)


def _sent_before(obligation: Obligation) -> bool:
    """Whether this very sending has arrived already: then it is answered as the first time, whatever the clock says now."""
    return any(one.key == _key() for one in versions_of(db.session(), obligation))


def _must_be_nothing(enterprise: Enterprise, sheet: Sheet) -> None:
    """A zero report is refused while the archive knows better."""
    if sheet.obligation.version:
        raise RuleBroken("已经报过，要改请逐项更正")
    if sheet.facts.fever_pending:
        raise RuleBroken(f"有{sheet.facts.fever_pending}人发热待核实，不能零报告，请逐项填")
    known = against_zero(sheet.fields, sheet.facts)
    if known:
        raise RuleBroken(f"档案里有{'、'.join(known)}，不能零报告，请逐项填")
    if "expected" not in sheet.facts.numbers and not enterprise.headcount:
        raise RuleBroken("还没有员工，也没有填在册人数，不能零报告，请逐项填")


def _shown(
    enterprise: Enterprise, begins: date, errors: dict[str, str], reading: Reading | None
) -> ResponseReturnValue:
    session, now = db.session(), site.now()
    obligation, sheet = sheet_of(enterprise, begins)
    stored = obligation.id is not None
    versions = versions_of(session, obligation) if stored else []
    draft = draft_of(session, obligation) if stored else None
    posted = request.method == "POST"
    sheet.typed = _typed() if posted else begun(enterprise, sheet, draft.typed if draft else None)
    sheet.errors = errors | (reading.errors if reading else {})
    sheet.warnings = reading.warnings if reading else {}
    takes = obligation.takes(now)
    returned = last_return(versions) if obligation.review is Review.RETURNED else None
    return page(
        "reports/fill.html", status=422 if sheet.errors or sheet.warnings else 200, enterprise=enterprise, sheet=sheet,
        one=obligation, how=status(obligation, now), now_at=now, groups=grouped(sheet.fields), basis=basis(obligation),
        computed=[one.key for one in sheet.fields if is_computed(one, sheet.facts)], last=sheet.past[0] if sheet.past else {},
        labels={one.key: one.label for one in sheet.fields}, comment=COMMENT, draft=draft, takes=takes,
        refusal="" if takes else refusal(session, obligation, now), told=history(sheet.fields, versions), returned=returned,
        exceptions=exceptions_of(session, obligation) if stored else [], act=JustAct(formdata=None), key=_key(),
        opened=_first_opened(), seen=request.form.get("seen", "0") if posted else obligation.version, longest=LONGEST_REASON,
        reminders=said(session, [obligation.id]) if stored else [], zero_refused=_zero_refused(enterprise, sheet),
        reason=request.form.get("reason", ""), mode_now=obligation.mode.value,
    )  # fmt: skip


def _zero_refused(enterprise: Enterprise, sheet: Sheet) -> str:
    try:
        _must_be_nothing(enterprise, sheet)
    except RuleBroken as broken:
        return str(broken)
    return ""


def begun(enterprise: Enterprise, sheet: Sheet, draft: Mapping[str, str] | None) -> dict[str, str]:
    """What stands in the fields at first: the draft, or what was filed, or what the archive knows. Never an earlier report."""
    if draft is not None:
        return dict(draft)
    if sheet.obligation.figures:
        return {key: str(number) for key, number in sheet.obligation.figures.items()}
    known = {} if enterprise.headcount is None else {"expected": enterprise.headcount}
    known |= {
        one.key: sheet.facts.numbers[one.key]
        for one in sheet.fields
        if one.fill == "archive" and one.key in sheet.facts.numbers
    }
    return {key: str(number) for key, number in known.items()}


def _sheet(enterprise: Enterprise, obligation: Obligation) -> Sheet:
    policy = site.book.get(obligation.scheme_key)
    cadence = policy.reporting[obligation.mode]
    session = db.session()
    return Sheet(
        obligation, policy.asked_in(obligation.mode), cadence,
        facts_of(session, enterprise, obligation, policy, site.book.days), past_of(session, obligation, cadence.jump_reports),
    )  # fmt: skip


def day_of(text: str) -> date:
    """The day in an address; 404 for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse(404, g.action)


def sheet_of(enterprise: Enterprise, begins: date) -> tuple[Obligation, Sheet]:
    """The obligation that begins on a day, and its page."""
    obligation = _as_it_is(enterprise, begins)
    return obligation, _sheet(enterprise, obligation)


def _as_it_is(enterprise: Enterprise, begins: date) -> Obligation:
    """The obligation, computed where the timed work has not made it yet."""
    session = db.session()
    stored = session.scalars(_mine(enterprise, begins)).all()
    found = Ledger(site.book, site.now()).as_it_will_be(session, enterprise.id, stored)
    one = next((one for one in found if one.first_on == begins), None)
    if one is None:
        refuse(404, g.action, object_type="enterprise", object_id=str(enterprise.id))
    return one


def held(enterprise: Enterprise, begins: date) -> Obligation:
    """The obligation in the table, for us alone."""
    session = db.session()
    Ledger(site.book, site.now()).store(session, [enterprise.id])
    one = session.scalar(_mine(enterprise, begins))
    if one is None:
        refuse(404, g.action, object_type="enterprise", object_id=str(enterprise.id))
    return alone(session, one)


def _mine(enterprise: Enterprise, begins: date):  # type: ignore[no-untyped-def]
    return (
        select(Obligation)
        .where(Obligation.enterprise_id == enterprise.id, Obligation.live(), Obligation.first_on == begins)
        .options(joinedload(Obligation.mode_order))
    )


def _typed() -> dict[str, str]:
    """What was typed, without what the page itself sends along."""
    own = ("csrf_token", "key", "seen", "step", "reason", "opened", "device_time")
    return {name: text[:LONGEST_TYPED] for name, text in request.form.items() if name not in own}


def _prefilled(sheet: Sheet, numbers: Mapping[str, int]) -> int:
    """How many fields stand as the archive had filled them in."""
    known = sheet.facts.numbers
    return sum(one.fill != "fresh" and known.get(one.key) == numbers[one.key] for one in sheet.fields)


def _first_opened() -> str:
    """For the page: since when it is open, through every refusal."""
    return request.form["opened"] if _opened() else str(int(site.now().timestamp()))


def _opened() -> datetime | None:
    """When this page was opened first, as it was told then."""
    seconds = request.form.get("opened", "")
    return datetime.fromtimestamp(int(seconds), UTC) if OPENED.fullmatch(seconds) else None


def _device_time() -> datetime | None:
    """What the device's own clock says: a claim, kept beside our time."""
    try:
        claimed = datetime.fromisoformat(request.form.get("device_time", "")[:40])
        return claimed.astimezone(UTC) if claimed.tzinfo is not None and 2000 <= claimed.year < 2100 else None
    except (ValueError, OverflowError):
        return None


def _key() -> str:
    return request.form.get("key", "")[:64] or secrets.token_urlsafe(16)
