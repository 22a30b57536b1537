"""What became of a notice (阅读情况): who has read and who has not, a reminder, the workbook, taking it back."""

from __future__ import annotations

import secrets

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.notices import bp
from blueprints.notices.asked import LONGEST, alone, area_names, saved, words
from blueprints.notices.forms import WithdrawForm
from blueprints.web import filters, guard, jobs
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, book
from models import notice_readers, notice_rounds
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise
from models.notice_readers import Show, Target
from models.notice_rounds import NoticeRound, RoundKind
from models.notices import Notice

EXPORT_ROWS = 20_000
NOBODY = "nobody"
COLUMNS = (
    Column("企业、场所或单位", 40), Column("岗位", 16), Column("姓名", 14), Column("看过", 20), Column("确认", 20),
    Column("没人能收到", 28),
)  # fmt: skip


@bp.get("/notices/<int:notice_id>/readers")
@needs("notice:write", Notice)
def readers(notice: Notice) -> ResponseReturnValue:
    """Who has not read stands first; with ?show=nobody the enterprises where nobody can get it."""
    if notice.sent_at is None:
        return done(url_for("notices.draft", notice_id=notice.id))
    now, session, show = site.now(), db.session(), _show(notice)
    reached = notice_readers.tally(session, notice, now)
    if request.args.get("show") == NOBODY:
        named = Enterprise.name.contains(words(), autoescape=True)
        firms = select(Enterprise).where(notice_readers.nobody_at(notice, now), named)
        found, targets = paged(firms.order_by(Enterprise.name, Enterprise.id)), []
    else:
        found = paged(notice_readers.search(notice, now, text=words(), show=show), scalars=False)
        targets = notice_readers.targets(session, notice, [(row[0], row[1]) for row in found.rows], now)
    firms_seen = set(
        session.scalars(
            select(Enterprise.id).where(
                Enterprise.id.in_([one.id for one in targets if one.scope == "enterprise"]),
                within_reach("enterprise:oversee", Enterprise),
            )
        )
    )
    rounds = notice_rounds.rounds_of(session, notice)
    today = local(now).date()
    return page(
        "notices/readers.html", partial="notices/_readers.html", notice=notice, tally=reached, paging=found,
        targets=targets, firms_seen=firms_seen, rounds=rounds, text=words(), longest=LONGEST, act=JustAct(formdata=None),
        show=request.args.get("show") if request.args.get("show") == NOBODY else show.value if show else "",
        quick=[
            ("", "全部", reached.targets),
            *((one.value, one.label, reached.of(one)) for one in Show if _fits(notice, one)),
            *([(NOBODY, "没人能收到", reached.nobody)] if notice.for_enterprises else []),
        ],
        waiting=notice_rounds.waiting_for(session, notice, now) if notice.withdrawn_at is None else 0,
        reminded_today=any(one.kind is RoundKind.REMIND and one.on == today for one in rounds),
        area=area_names(notice).get((notice.scope, notice.scope_id), ""), most=EXPORT_ROWS,
    )  # fmt: skip


@bp.post("/notices/<int:notice_id>/remind")
@needs("notice:write", Notice)
def remind(notice: Notice) -> ResponseReturnValue:
    """A message to everybody who has not read, or not confirmed where that is asked for. Once a day."""
    where = url_for("notices.readers", notice_id=notice.id)
    if not JustAct().validate_on_submit():
        return done(where)
    now, session = site.now(), db.session()
    alone(notice).must_stand()
    number = notice_rounds.waiting_for(session, notice, now)
    if not number:
        raise RuleBroken("该看的人都看过了，不用提醒")
    session.add(NoticeRound.begin(session, notice, RoundKind.REMIND, now=now, by=current_user.account))
    answer = saved(f"已提醒{number}人，今天不会再提醒他们。", where, reminded=number)
    jobs.begin_going_out()
    return answer


@bp.route("/notices/<int:notice_id>/withdraw", methods=["GET", "POST"])
@needs("notice:write", Notice)
def withdraw(notice: Notice) -> ResponseReturnValue:
    notice.must_stand()
    form = WithdrawForm()
    if form.validate_on_submit():
        now, session = site.now(), db.session()
        alone(notice).withdraw(reason=form.reason.data or "", now=now, by=current_user.account)
        session.add(NoticeRound.begin(session, notice, RoundKind.WITHDRAW, now=now, by=current_user.account))
        where = url_for("notices.readers", notice_id=notice.id)
        answer = saved(f"“{notice.title}”已撤回，收到的人会看到原因。", where, reason=notice.withdraw_reason)
        jobs.begin_going_out()
        return answer
    return page("notices/withdraw.html", form=form, notice=notice)


@bp.get("/notices/<int:notice_id>/readers.xlsx")
@by_link
@needs("notice:write", Notice)
def export(notice: Notice) -> ResponseReturnValue:
    """The list as it is filtered, a line a person, logged and signed at the foot of each page (settled 3.6)."""
    return hand_out(
        lambda: _workbook(notice), name=f"通知阅读情况-{notice.id}-{local(site.now()):%Y%m%d}.xlsx"
    )


def _workbook(notice: Notice) -> bytes:
    now, number, session = site.now(), secrets.token_hex(4).upper(), db.session()
    rows: list[list[str]] = []
    if request.args.get("show") != NOBODY:
        query = notice_readers.search(notice, now, text=words(), show=_show(notice))
        for target in notice_readers.in_parts(session, notice, query, now, EXPORT_ROWS):
            rows += _cells(target)
    if request.args.get("show") in (NOBODY, None, "") and not words():
        firms = (
            select(Enterprise)
            .where(notice_readers.nobody_at(notice, now))
            .order_by(Enterprise.name)
            .limit(EXPORT_ROWS)
        )
        rows += [
            [
                one.name,
                "",
                "",
                "",
                "",
                f"法定代表人{one.legal_representative}" if one.legal_representative else "没有岗位账号",
            ]
            for one in session.scalars(firms)
        ]
    cut, rows = len(rows) > EXPORT_ROWS, rows[:EXPORT_ROWS]
    note = f"{current_user.name}于{filters.full_instant(now)}导出，编号{number}，共{len(rows)}行" + (
        f"（超过{EXPORT_ROWS}行的没有导出，请先筛选）" if cut else ""
    )
    guard.seen(export=number, count=len(rows), cut=cut)
    return book(f"阅读情况：{notice.subject}", COLUMNS, rows, note, tab="阅读情况")


def _cells(target: Target) -> list[list[str]]:
    def at(instant: object) -> str:
        return f"{local(instant):%Y-%m-%d %H:%M}" if instant else ""  # type: ignore[arg-type]

    return [
        [target.name, one.post.label, one.name, at(one.read_at), at(one.confirmed_at), ""]
        for one in target.readers
    ]


def _fits(notice: Notice, show: Show) -> bool:
    return notice.must_confirm or show is not Show.UNCONFIRMED


def _show(notice: Notice) -> Show | None:
    return next((one for one in Show if one.value == request.args.get("show") and _fits(notice, one)), None)
