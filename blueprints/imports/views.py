"""Taking in a workbook (导入): sent, looked at, confirmed, and for seven days taken back."""

from __future__ import annotations

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import ColumnElement, select
from wtforms import FileField

from blueprints.imports import bp
from blueprints.imports.shown import must_be_workbook, shown
from blueprints.web import jobs
from blueprints.web.fields import JustAct
from blueprints.web.guard import about, commit, needs, serving
from blueprints.web.import_sheets import COLUMNS
from blueprints.web.page import done, page
from blueprints.web.paging import Paging, paged
from blueprints.web.sheets import MOST_BYTES, MOST_ROWS, too_long
from blueprints.web.sign_in import current_post
from blueprints.web.site import site
from blueprints.web.templating import scope_name
from models.access import GRANTS
from models.base import RuleBroken, db
from models.batches import PICKS, UNDO_WITHIN, Batch, BatchKind, BatchState, rows_of, tally
from models.enterprises import Enterprise

ON_A_PAGE = 50
LABELS = {
    "error": "不能导入",
    "change": "改动",
    "new": "新增",
    "same": "没有变化",
    "doubt": "请核对",
    "kept": "没有撤销",
}


class UploadForm(FlaskForm):
    file = FileField("表格文件")


@bp.route("/enterprises/<int:enterprise_id>/imports", methods=["GET", "POST"])
@needs("employee:import", Enterprise)
def employees(enterprise: Enterprise) -> ResponseReturnValue:
    """An employer's own people. Nothing is changed before somebody has looked at it and confirmed."""
    return _files(BatchKind.EMPLOYEES, "enterprise", enterprise.id, enterprise.name)


@bp.route("/imports", methods=["GET", "POST"])
@needs("register:import")
def register() -> ResponseReturnValue:
    """Enterprises of an officer's scope; the batch belongs to the scope, not to the person."""
    held = [one for one in serving() if one.post in GRANTS["register:import"]]
    post = current_post()
    mine = post if post in held and post is not None else held[0]
    return _files(BatchKind.REGISTER, mine.scope, mine.scope_id, scope_name(mine))


def _files(kind: BatchKind, scope: str, scope_id: int, owner: str) -> ResponseReturnValue:
    form = UploadForm()
    if form.validate_on_submit():
        content = _sent(form)
        if content:
            batch = Batch.receive(
                site.vault, kind, scope, scope_id, name=form.file.data.filename or "", content=content,
                by=current_user._get_current_object(), now=site.now(),
            )  # fmt: skip
            db.session.add(batch)
            db.session.flush()
            about(batch)
            commit(kind=kind.value, bytes=len(content))
            jobs.begin_batch(batch.id)
            return done(url_for("imports.batch", batch_id=batch.id))
    own: ColumnElement[bool] | None = Batch.within(scope, [scope_id])
    assert own is not None
    return page(
        "imports/index.html", form=form, kind=kind, owner=owner, columns=COLUMNS[kind], here=request.path,
        paging=paged(select(Batch).where(Batch.kind == kind, own).order_by(Batch.at.desc(), Batch.id.desc()), size=20),
        most_rows=MOST_ROWS, most_mb=MOST_BYTES // 1024**2, days=UNDO_WITHIN.days,
    )  # fmt: skip


def _sent(form: UploadForm) -> bytes:
    """What was sent, or nothing and the reason beside the field."""
    file = form.file.data
    if not file or not file.filename:
        form.file.errors = ["请选一个表格文件"]
        return b""
    with file.stream as stream:
        content: bytes = stream.read(MOST_BYTES + 1)
    if not content:
        form.file.errors = ["这个文件是空的，请看是不是选错了"]
    elif len(content) > MOST_BYTES:
        form.file.errors = [too_long()]
        return b""
    return content


@bp.get("/imports/<int:batch_id>")
@needs("import:handle", Batch)
def batch(batch: Batch) -> ResponseReturnValue:
    """How far it is, what would become of each row, or what has become of it."""
    must_be_workbook(batch)
    return page("imports/batch.html", partial="imports/_batch.html", **_shown(batch))


def _shown(one: Batch, error: str = "") -> dict[str, Any]:
    session, counts = db.session(), tally(db.session(), one)
    pick = request.args.get("show", "")
    if pick not in PICKS or not counts[pick]:
        pick = (
            next((key for key in ("error", "change", "new") if counts[key]), "")
            if "show" not in request.args
            else ""
        )
    total = counts[pick] if pick else sum(counts[key] for key in ("new", "change", "same", "error"))
    pages = max(1, -(-total // ON_A_PAGE))
    at = min(max(request.args.get("page", 1, type=int), 1), pages)
    rows = []
    if not one.working:
        found = rows_of(session, site.vault, one, pick, skip=(at - 1) * ON_A_PAGE, most=ON_A_PAGE)
        rows = [shown(one, row) for row in found]
    return {
        "batch": one, "paging": Paging(rows, at, pages, total), "pick": pick, "counts": counts,
        "quick": [(key, LABELS[key], counts[key]) for key in LABELS if counts[key]],
        "everything": sum(counts[key] for key in ("new", "change", "same", "error")),
        "can_undo": one.can_be_undone(site.now()), "act": JustAct(), "back": back_of(one), "error": error,
        "states": BatchState, "days": UNDO_WITHIN.days,
        "unit": "人" if one.kind == BatchKind.EMPLOYEES else "家",
    }  # fmt: skip


def back_of(one: Batch) -> str:
    """The list it stands in."""
    if one.kind == BatchKind.REGISTER:
        return url_for("imports.register")
    return url_for("imports.employees", enterprise_id=one.enterprise_id)


@bp.post("/imports/<int:batch_id>/confirm")
@needs("import:handle", Batch)
def confirm(batch: Batch) -> ResponseReturnValue:
    """Takes the rows over, once."""
    must_be_workbook(batch)
    return _turn(batch, batch.confirm, "confirm")


@bp.post("/imports/<int:batch_id>/undo")
@needs("import:handle", Batch)
def undo(batch: Batch) -> ResponseReturnValue:
    """Takes them back, as far as nobody has edited them since."""
    must_be_workbook(batch)
    return _turn(batch, batch.undo, "undo")


def _turn(one: Batch, turn: Any, what: str) -> ResponseReturnValue:
    if JustAct().validate_on_submit():
        try:
            begun = turn(db.session(), site.now())
        except RuleBroken as refusal:
            db.session.rollback()
            return page("imports/batch.html", status=422, **_shown(one, str(refusal)))
        if begun:
            commit(what=what, news=one.news, changes=one.changes)
            jobs.begin_batch(one.id)
        elif not one.working and one.state not in (BatchState.DONE, BatchState.UNDONE):
            flash(f"没有做：这次导入{one.state.label}。", "warn")
    return done(url_for("imports.batch", batch_id=one.id))
