"""Letters to many (发责任书): chosen, looked at with real names, confirmed once; sent in the background, safe to repeat."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.letters import bp
from blueprints.letters.asked import asked, choices, one_of, today
from blueprints.letters.forms import VALID_NONE, IssueForm
from blueprints.web import guard, jobs
from blueprints.web.fields import JustAct, options
from blueprints.web.filters import full_day
from blueprints.web.guard import about, commit, needs, serving
from blueprints.web.page import done, page
from blueprints.web.paging import Paging
from blueprints.web.schemes import policy_on
from blueprints.web.sign_in import current_post
from blueprints.web.site import site
from blueprints.web.templating import scope_name
from models import letter_search
from models.access import GRANTS, reach
from models.accounts import Appointment
from models.base import RuleBroken, db
from models.batches import UNDO_WITHIN, Batch, BatchKind, BatchState, rows_of, tally
from models.enterprises import Enterprise
from models.letter_parties import units_lacking
from models.letter_rows import asked as as_batch
from models.letter_rows import preview
from models.letter_text import LetterText
from models.letters import LetterKind, check_term
from models.policy.schema import Policy

ON_A_PAGE = 50
MOST = 100_000


@bp.route("/letters/new", methods=["GET", "POST"])
@needs("letter:issue")
def new() -> ResponseReturnValue:
    """Whom to send which letter for which term. Nothing is sent before somebody has seen who would get one."""
    policy = policy_on(current_user.district_id, today())
    if policy is None:
        raise RuleBroken("本区还没有采用方案，没有责任书的文本")
    form = _form(policy)
    if form.validate_on_submit():
        try:
            check_term(form.starts_on.data, form.ends_on.data)  # type: ignore[arg-type]
        except RuleBroken as refusal:
            form.ends_on.errors = [str(refusal)]
        else:
            post = _issuing_post(form)
            if to := _chosen(form, post):
                return _begin(form, post, to)
            form.who.errors = ["这样没有选到企业，请放宽条件，或改选“全部”"]
    return page("letters/new.html", form=form, policy=policy)


def _form(policy: Policy) -> IssueForm:
    """From today, in the last two months of a year from the next New Year's Day: as people do."""
    begin = date(today().year + 1, 1, 1) if today().month >= 11 else today()
    kind = one_of(LetterKind, request.args.get("kind")) or LetterKind.ENTERPRISE
    form = IssueForm(
        kind=kind.value, starts_on=begin, ends_on=until(begin, policy.letter(kind.value).months), q=request.args.get("q", "")
    )  # fmt: skip
    here = choices("letter:issue")
    form.unit.choices = options(here["units"], "不限")
    form.street.choices = options(here["streets"], "不限")
    form.place.choices = options(here["places"], "不限")
    posts = issuing_posts()
    form.post.choices = options((str(one.id), f"{one.post.label}，{scope_name(one)}") for one in posts)
    if not form.post.data:
        form.post.data = str(posts[0].id)
    if len(posts) == 1:
        del form.post
    return form


def _chosen(form: IssueForm, post: Appointment) -> list[tuple[int, int | None]]:
    """What the form asks for, as far as this one post reaches: the batch belongs to its scope."""
    given = {name: str(value) for name, value in form.data.items() if value not in (None, "")}
    wanted = replace(
        asked("letter:issue", given), within=reach([post], "letter:issue", Enterprise, site.now())
    )
    now, starts_on = site.now(), form.starts_on.data
    assert starts_on is not None
    query = letter_search.chosen(wanted, now)
    if form.who.data == VALID_NONE and not form.replace.data:
        query = letter_search.without_valid(wanted, starts_on, now)
    return [(firm, place) for firm, place in db.session.execute(query.limit(MOST))]


def _begin(form: IssueForm, post: Appointment, to: list[tuple[int, int | None]]) -> ResponseReturnValue:
    kind = LetterKind(form.kind.data)
    starts_on, ends_on = form.starts_on.data, form.ends_on.data
    assert starts_on is not None and ends_on is not None
    batch = Batch.receive(
        site.vault, BatchKind.LETTERS, post.scope, post.scope_id, name=f"{kind.label}责任书，{full_day(starts_on)}至{full_day(ends_on)}",
        content=as_batch(kind, starts_on, ends_on, replace=bool(form.replace.data), to=to), by=current_user._get_current_object(),
        now=site.now(),
    )  # fmt: skip
    db.session.add(batch)
    db.session.flush()
    about(batch)
    commit(kind=kind.value, count=len(to))
    jobs.begin_batch(batch.id)
    return done(url_for("letters.batch", batch_id=batch.id))


def issuing_posts() -> list[Appointment]:
    """In which posts one may issue: the batch belongs to the scope of one, not to the person. A post for the whole district
    reaches whatever the others reach, so that nobody has to choose; else the current post comes first, a scope once."""
    now = current_post()
    held = [one for one in serving() if one.post in GRANTS["letter:issue"]]
    held.sort(key=lambda one: (one.scope != "district", now is None or one.id != now.id))
    if held[0].scope == "district":
        return held[:1]
    return list({(one.scope, one.scope_id): one for one in reversed(held)}.values())[::-1]


def _issuing_post(form: IssueForm) -> Appointment:
    """The one that the form says, of several."""
    posts = issuing_posts()
    return next((one for one in posts if form.post and str(one.id) == form.post.data), posts[0])


@bp.get("/letters/batches")
@needs("letter:issue")
def batches() -> ResponseReturnValue:
    """What has been sent to many, the newest first."""
    mine = guard.within_reach("letter:issue", Batch)
    found = (
        select(Batch).where(Batch.kind == BatchKind.LETTERS, mine).order_by(Batch.at.desc(), Batch.id.desc())
    )
    return page("letters/batches.html", batches=db.session.scalars(found.limit(100)).all(), states=BatchState)


@bp.get("/letters/batches/<int:batch_id>")
@needs("letter:issue", Batch)
def batch(batch: Batch) -> ResponseReturnValue:
    """Who would get one and who is skipped, how far it is, or what has been sent."""
    _must_be_letters(batch)
    return page("letters/batch.html", partial="letters/_batch.html", **_shown(batch))


def _shown(one: Batch, error: str = "") -> dict[str, Any]:
    session, counts = db.session(), tally(db.session(), one)
    pick = request.args.get("show", "error" if counts["error"] else "new")
    pick = pick if pick in ("new", "error", "doubt", "kept") else "new"
    total = counts[pick]
    pages = max(1, -(-total // ON_A_PAGE))
    at = min(max(request.args.get("page", 1, type=int), 1), pages)
    rows: list[dict[str, Any]] = []
    if not one.working:
        rows = list(rows_of(session, site.vault, one, pick, skip=(at - 1) * ON_A_PAGE, most=ON_A_PAGE))
    first = (
        next(iter(rows_of(session, site.vault, one, "new", most=1)), None)
        if one.state == BatchState.PREVIEWED
        else None
    )
    return {
        "batch": one, "counts": counts, "pick": pick, "paging": Paging(rows, at, pages, total), "states": BatchState, "error": error,
        "act": JustAct(formdata=None), "can_undo": one.can_be_undone(site.now()), "days": UNDO_WITHIN.days,
        "sample": _sample(first["cells"]) if first else None,
        "units": units_lacking(session, *one.scope) if first else [],
    }  # fmt: skip


def _sample(cells: dict[str, str]) -> LetterText | None:
    """The first letter as it would read."""
    policy: Policy | None = policy_on(current_user.district_id, today())
    return (
        None
        if policy is None
        else preview(db.session(), policy, cells, by=current_user.account, today=today())
    )


@bp.post("/letters/batches/<int:batch_id>/confirm")
@needs("letter:issue", Batch)
def confirm(batch: Batch) -> ResponseReturnValue:
    """Sends them, once."""
    return _turn(batch, batch.confirm, "confirm")


@bp.post("/letters/batches/<int:batch_id>/undo")
@needs("letter:issue", Batch)
def undo(batch: Batch) -> ResponseReturnValue:
    """Takes back what the firm has not signed."""
    return _turn(batch, batch.undo, "undo")


def _turn(one: Batch, turn: Any, what: str) -> ResponseReturnValue:
    _must_be_letters(one)
    if JustAct().validate_on_submit():
        try:
            begun = turn(db.session(), site.now())
        except RuleBroken as refusal:
            db.session.rollback()
            return page("letters/batch.html", status=422, **_shown(one, str(refusal)))
        if begun:
            commit(what=what, news=one.news)
            jobs.begin_batch(one.id)
        elif not one.working and one.state not in (BatchState.DONE, BatchState.UNDONE):
            flash(f"没有做：这一批{one.state.label}。", "warn")
    return done(url_for("letters.batch", batch_id=one.id))


def _must_be_letters(one: Batch) -> None:
    if one.kind is not BatchKind.LETTERS:
        guard.refuse(404, "letter:issue", object_type="batch", object_id=str(one.id))


def until(starts_on: date, months: int) -> date:
    """The last day of a term of so many months."""
    years, month = divmod(starts_on.month - 1 + months, 12)
    first = date(starts_on.year + years, month + 1, 1)
    return first + timedelta(days=starts_on.day - 2)
