"""What has been sent to oneself (收到的通知): listed, opened, confirmed, taken along."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import and_, func, select

from blueprints.notices import bp
from blueprints.notices.asked import (
    LONGEST,
    asked_kind,
    file_to_see,
    filters,
    for_me,
    mine_to_see,
    saved,
    words,
)
from blueprints.web import guard, pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import inbox
from models.base import RuleBroken, db
from models.notices import Notice, NoticeKind, NoticeReceipt
from models.places import District

SIZES = ("a4", "a5")
R = NoticeReceipt
SHOWN = {"unread": "没看过", "unconfirmed": "待确认"}


@bp.get("/notices")
@needs("notice:read")
def index() -> ResponseReturnValue:
    """Everything that is for me, the newest first, with what is still to be read or confirmed."""
    mine = for_me()
    of_me = and_(R.notice_id == Notice.id, R.account_id == current_user.id)
    stands = Notice.withdrawn_at.is_(None)
    tests = {
        "unread": and_(stands, R.id.is_(None)),
        "unconfirmed": and_(stands, Notice.must_confirm, R.confirmed_at.is_(None)),
    }
    sums = [func.count(Notice.id), *(func.count(Notice.id).filter(test) for test in tests.values())]
    total, *numbers = db.session.execute(
        select(*sums).select_from(Notice).outerjoin(R, of_me).where(mine)
    ).one()
    show = request.args.get("show", "")
    query = select(Notice, R.read_at, R.confirmed_at).outerjoin(R, of_me).where(mine, *filters())
    if show in tests:
        query = query.where(tests[show])
    found = paged(query.order_by(Notice.sent_at.desc(), Notice.id.desc()), size=30, scalars=False)
    return page(
        "notices/index.html", partial="notices/_list.html", paging=found, show=show if show in tests else "",
        quick=[("", "全部", total), *((key, SHOWN[key], one) for key, one in zip(tests, numbers, strict=True))],
        kinds=list(NoticeKind), kind=asked_kind(), text=words(), longest=LONGEST,
    )  # fmt: skip


@bp.get("/notices/<int:notice_id>")
@needs("notice:read")
def show(notice_id: int) -> ResponseReturnValue:
    """One notice. That I have opened it is kept the first time, if it is for me and stands."""
    notice = mine_to_see(notice_id)
    if notice.sent_at is None:
        return done(url_for("notices.draft", notice_id=notice.id))
    is_mine = db.session.scalar(select(Notice.id).where(Notice.id == notice.id, for_me())) is not None
    receipt = NoticeReceipt.of(db.session(), notice, current_user.id) if is_mine else None
    if is_mine:
        receipt = _opened(notice, receipt)
    writes = guard.can("notice:write") and db.session.scalar(
        select(Notice.id).where(Notice.id == notice.id, within_reach("notice:write", Notice))
    )
    return page(
        "notices/show.html", notice=notice, receipt=receipt, is_mine=is_mine, writes=bool(writes),
        act=JustAct(formdata=None),
    )  # fmt: skip


def _opened(notice: Notice, receipt: NoticeReceipt | None) -> NoticeReceipt | None:
    """Keeps what is news: the first opening of a notice that stands, and that messages about it have been seen."""
    now, session = site.now(), db.session()
    if notice.withdrawn_at is None and receipt is None:
        guard.note(lambda session: NoticeReceipt.read(session, notice, current_user.id, now=now))
        return NoticeReceipt.of(db.session(), notice, current_user.id)
    if inbox.is_unread_about(session, current_user.id, notice.key):
        guard.note(lambda session: inbox.read_about(session, current_user.id, notice.key, now))
    return receipt


@bp.post("/notices/<int:notice_id>/confirm")
@needs("notice:read")
def confirm(notice_id: int) -> ResponseReturnValue:
    """已阅知."""
    notice = mine_to_see(notice_id)
    if db.session.scalar(select(Notice.id).where(Notice.id == notice.id, for_me())) is None:
        raise RuleBroken("这份通知不是发给您的，不用确认")
    where = url_for("notices.show", notice_id=notice.id)
    if not JustAct().validate_on_submit():
        return done(where)
    db.session.refresh(notice, with_for_update=True)
    NoticeReceipt.confirm(db.session(), notice, current_user.id, now=site.now())
    return saved("已确认，发通知的人看得到。", where, confirmed=notice.id)


@bp.get("/notices/files/<int:notice_file_id>")
@by_link
@needs("notice:read")
def file(notice_file_id: int) -> ResponseReturnValue:
    """An attachment, to be saved, never to be opened on our address."""
    found = file_to_see(notice_file_id)
    if found.notice.withdrawn_at is not None:
        raise RuleBroken("这份通知已经撤回，附件不再提供")

    def make() -> bytes:
        content = found.file.opened(site.vault)
        guard.seen(file=found.number)
        return content

    return hand_out(make, name=found.file_name)


@bp.get("/notices/<int:notice_id>/card.pdf")
@by_link
@needs("notice:read")
def card(notice_id: int) -> ResponseReturnValue:
    """A prevention card to pin up: A4, or with ?size=a5 half of it."""
    notice = mine_to_see(notice_id)
    if notice.kind is not NoticeKind.CARD:
        raise RuleBroken("只有防控提示卡有打印件")
    if notice.withdrawn_at is not None:
        raise RuleBroken("这张提示卡已经撤回，请不要再张贴")
    size = request.args.get("size") if request.args.get("size") in SIZES else SIZES[0]
    return hand_out(lambda: _printed(notice, str(size)), name=f"防控提示卡-{notice.id}-{size}.pdf")


def _printed(notice: Notice, size: str) -> bytes:
    district = db.session.get_one(District, notice.district_id)
    content = pdf.document(
        "documents/card.html",
        "card.css",
        notice=notice,
        district=district,
        size=size,
        author=district.organiser,
    )
    guard.seen(printed=size)
    return content
