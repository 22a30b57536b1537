"""Writing a notice (写通知): a draft with its attachments, how many it would reach, and out it goes."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from blueprints.notices import bp
from blueprints.notices.asked import (
    LONGEST,
    alone,
    area_choices,
    area_names,
    area_of,
    asked_kind,
    filters,
    may_tell_group,
    post_choices,
    read_area,
    saved,
    words,
)
from blueprints.notices.forms import FileForm, NoticeForm
from blueprints.web import jobs
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import files, notice_readers
from models.access import Post
from models.base import RuleBroken, db
from models.files import StoredFile
from models.notice_rounds import NoticeRound, RoundKind
from models.notices import MOST_FILES, Notice, NoticeFile, NoticeKind, NoticeReceipt

STATES = {
    "draft": ("草稿", Notice.sent_at.is_(None)),
    "sent": ("已发出", Notice.sent_at.is_not(None) & Notice.withdrawn_at.is_(None)),
    "withdrawn": ("已撤回", Notice.withdrawn_at.is_not(None)),
}


@bp.get("/notices/sent")
@needs("notice:write")
def sent() -> ResponseReturnValue:
    """What my post has written, drafts first, then the newest; how many have read."""
    mine = within_reach("notice:write", Notice)
    sums = [func.count(Notice.id).filter(test) for _, test in STATES.values()]
    numbers = db.session.execute(select(*sums).where(mine)).one()
    state = request.args.get("state", "")
    query = select(Notice).where(mine, *filters()).options(joinedload(Notice.made_by))
    if state in STATES:
        query = query.where(STATES[state][1])
    found = paged(
        query.order_by(Notice.sent_at.is_not(None), Notice.sent_at.desc(), Notice.id.desc()), size=30
    )
    of_these = NoticeReceipt.notice_id.in_([one.id for one in found.rows])
    counts = (NoticeReceipt.notice_id, func.count(), func.count(NoticeReceipt.confirmed_at))
    read = {
        row[0]: (row[1], row[2])
        for row in db.session.execute(select(*counts).where(of_these).group_by(NoticeReceipt.notice_id))
    }
    return page(
        "notices/sent.html", partial="notices/_sent.html", paging=found, read=read, areas=area_names(*found.rows),
        state=state if state in STATES else "", kinds=list(NoticeKind), kind=asked_kind(), text=words(), longest=LONGEST,
        quick=[("", "全部", sum(numbers)), *((k, STATES[k][0], n) for k, n in zip(STATES, numbers, strict=True))],
    )  # fmt: skip


@bp.route("/notices/new", methods=["GET", "POST"])
@needs("notice:write")
def new() -> ResponseReturnValue:
    form = _form()
    if form.validate_on_submit():
        try:
            made = Notice.write(
                district_id=current_user.district_id, by=current_user.account, now=site.now(), **_facts(form)
            )
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
        else:
            db.session.add(made)
            db.session.flush()
            return saved("草稿已存，核对以后再发。", _draft(made), drafted=made.id)
    elif request.method == "GET":
        form.posts.data = [
            post
            for post, _ in post_choices()
            if post in (Post.CHIEF_HEALTH_OFFICER.value, Post.HEALTH_MANAGER.value)
        ]
    return page("notices/form.html", form=form, notice=None, may_tell_group=may_tell_group())


@bp.route("/notices/<int:notice_id>/edit", methods=["GET", "POST"])
@needs("notice:write", Notice)
def edit(notice: Notice) -> ResponseReturnValue:
    """A draft alone: what was sent stays as it was read."""
    notice.must_be_draft()
    form = _form()
    if request.method == "GET":
        form.kind.data, form.title.data, form.text.data = notice.kind.value, notice.title, notice.text
        form.area.data, form.posts.data = area_of(notice), [post.value for post in notice.audience]
        form.must_confirm.data, form.to_group.data = notice.must_confirm, notice.to_group
    elif form.validate_on_submit():
        try:
            alone(notice).edit(**_facts(form))
            return saved("草稿已改好。", _draft(notice), edited=notice.id)
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
    return page("notices/form.html", form=form, notice=notice, may_tell_group=may_tell_group())


@bp.get("/notices/<int:notice_id>/draft")
@needs("notice:write", Notice)
def draft(notice: Notice) -> ResponseReturnValue:
    """As it will be read, whom it reaches, what is attached."""
    if notice.sent_at is not None:
        return done(url_for("notices.readers", notice_id=notice.id))
    return _shown(notice, FileForm(formdata=None))


@bp.post("/notices/<int:notice_id>/send")
@needs("notice:write", Notice)
def send(notice: Notice) -> ResponseReturnValue:
    """Out, at once. Telling everybody happens behind the sender's back."""
    if not JustAct().validate_on_submit():
        return done(_draft(notice))
    now, session = site.now(), db.session()
    alone(notice)
    if area_of(notice) not in {value for rows in area_choices().values() for value, _ in rows}:
        raise RuleBroken("这个范围已经不归您，请打开草稿重新选范围")
    people, enterprises = notice_readers.reached(session, notice, now)
    notice.to_group = notice.to_group and may_tell_group()
    notice.send(people=people, enterprises=enterprises, now=now, by=current_user.account)
    session.add(NoticeRound.begin(session, notice, RoundKind.SEND, now=now, by=current_user.account))
    answer = saved(
        f"“{notice.title}”已发给{people}人。", url_for("notices.readers", notice_id=notice.id), sent=notice.id,
        people=people, enterprises=enterprises,
    )  # fmt: skip
    jobs.begin_going_out()
    return answer


@bp.post("/notices/<int:notice_id>/discard")
@needs("notice:write", Notice)
def discard(notice: Notice) -> ResponseReturnValue:
    """A draft that is not needed."""
    if not JustAct().validate_on_submit():
        return done(_draft(notice))
    alone(notice).must_be_draft()
    session, title, held = db.session(), notice.title, [one.file_id for one in notice.files]
    session.delete(notice)
    session.flush()
    for file_id in held:
        StoredFile.let_go(session, file_id)
    return saved(f"草稿“{title}”已删去。", url_for("notices.sent"), discarded=title)


@bp.post("/notices/<int:notice_id>/files")
@needs("notice:write", Notice)
def attach(notice: Notice) -> ResponseReturnValue:
    form = FileForm()
    if form.validate_on_submit():
        db.session.rollback()  # nobody waits while a picture is made small
        try:
            with form.file.data.stream as stream:
                kind, content = files.taken(stream.read(files.MOST_BYTES + 1))
            made = NoticeFile.attach(
                db.session(), site.vault, alone(notice), kind, content, form.words.data or "", now=site.now()
            )
            return saved(f"“{made.called}”已附上。", _draft(notice), attached=made.number, kind=kind.label)
        except RuleBroken as refusal:
            form.file.errors = [str(refusal)]
    return _shown(notice, form)


@bp.post("/notices/files/<int:notice_file_id>/remove")
@needs("notice:write", NoticeFile)
def remove_file(notice_file: NoticeFile) -> ResponseReturnValue:
    notice = notice_file.notice
    if not JustAct().validate_on_submit():
        return done(_draft(notice))
    alone(notice)
    called = notice_file.called
    notice_file.remove(db.session())
    return saved(f"“{called}”已拿掉。", _draft(notice), removed=called)


def _draft(notice: Notice) -> str:
    return url_for("notices.draft", notice_id=notice.id)


def _shown(notice: Notice, form: FileForm) -> ResponseReturnValue:
    notice.must_be_draft()
    return page(
        "notices/draft.html", notice=notice, form=form, act=JustAct(formdata=None), most=MOST_FILES,
        tally=notice_readers.tally(db.session(), notice, site.now()),
        area=area_names(notice).get((notice.scope, notice.scope_id), ""), room=MOST_FILES - len(notice.files),
    )  # fmt: skip


def _form() -> NoticeForm:
    form = NoticeForm()
    form.area.choices = {"请选择": [("", "还没有选")], **area_choices()}
    form.posts.choices = post_choices()
    return form


def _facts(form: NoticeForm) -> dict[str, Any]:
    return {
        "kind": NoticeKind(form.kind.data), "title": form.title.data, "text": form.text.data,
        "posts": [Post(one) for one in form.posts.data or ()], "must_confirm": bool(form.must_confirm.data),
        "to_group": bool(form.to_group.data) and may_tell_group(), **read_area(form.area.data or ""),
    }  # fmt: skip
