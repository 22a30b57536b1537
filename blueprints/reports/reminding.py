"""Who has not reported, and reminding them (催报): those who look after an enterprise press, whoever holds its posts is told."""

from __future__ import annotations

import re

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import joinedload

from blueprints.reports import bp
from blueprints.reports.judging import shown
from blueprints.web import jobs
from blueprints.web.fields import JustAct
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models.base import RuleBroken, db
from models.obligations import Obligation, moment, status
from models.reminders import unfiled
from models.reminding import Outcome, last_said, must_have_told, remind_by_hand
from models.reports import alone, these_alone

STALE = "这一页放得太久，还没有提醒，请再按一次"
SIZE = 30  # firms that one press reminds at most
NUMBER = re.compile(r"[0-9]{1,9}")
SHOW = {"overdue": "逾期未报", "soon": "将到期", "open": "待报"}


@bp.get("/reports/reminders")
@needs("report:remind")
def reminders() -> ResponseReturnValue:
    """Whose report is waited for within reach, the longest overdue first, with what was last said to whom."""
    return _list()


@bp.post("/reports/reminders")
@needs("report:remind")
def remind_many() -> ResponseReturnValue:
    """Reminds the chosen ones, or those of the page."""
    if not JustAct().validate_on_submit():
        return _list(STALE)
    numbers = [int(text) for text in request.form.getlist("one")[:SIZE] if NUMBER.fullmatch(text)]
    session = db.session()
    found = these_alone(session, within_reach("report:remind", Obligation), numbers)
    if not found:
        return _list("请选要提醒的企业")
    outcome = remind_by_hand(session, found, now=site.now(), by=current_user.account)
    flash(_words(outcome), "ok" if outcome.told else "warn")
    commit(obligations=[one.id for one in outcome.told], count=len(outcome.told))
    jobs.begin_going_out()
    return done(url_for("reports.reminders", show=_show(), page=request.args.get("page", type=int)))


@bp.post("/reports/<int:obligation_id>/remind")
@needs("report:remind", Obligation)
def remind(obligation: Obligation) -> ResponseReturnValue:
    """Reminds the people of one enterprise of one period."""
    if not JustAct().validate_on_submit():
        return shown(obligation, STALE)
    session = db.session()
    try:
        outcome = remind_by_hand(
            session, [alone(session, obligation)], now=site.now(), by=current_user.account
        )
        must_have_told(outcome)
    except RuleBroken as broken:
        session.rollback()
        return shown(obligation, str(broken))
    flash(f"已提醒{obligation.enterprise.name}：{obligation.title}", "ok")
    commit(obligations=[obligation.id], count=1)
    jobs.begin_going_out()
    return done(url_for("reports.show", obligation_id=obligation.id))


def _list(wrong: str = "") -> ResponseReturnValue:
    now, which = site.now(), _show()
    found = paged(_asked(which), size=SIZE)
    ids = [one.id for one in found.rows]
    return page(
        "reports/reminders.html", status=422 if wrong else 200, wrong=wrong, paging=found, now_at=now, show=which, shows=SHOW,
        rows=[(one, status(one, now)) for one in found.rows], last=last_said(db.session(), ids), act=JustAct(formdata=None),
    )  # fmt: skip


def _show() -> str:
    asked = request.args.get("show", "")
    return asked if asked in SHOW else "overdue"


def _asked(which: str) -> Select[Obligation]:
    now, due = moment(site.now()), Obligation.due_at
    when: dict[str, ColumnElement[bool]] = {
        "overdue": due < now,
        "soon": (due >= now) & (Obligation.soon_at <= now),
        "open": (due >= now) & (Obligation.soon_at > now),
    }
    return (
        select(Obligation)
        .where(when[which], *unfiled(now), within_reach("report:remind", Obligation))
        .options(joinedload(Obligation.enterprise))
        .order_by(due, Obligation.id)
    )


def _words(outcome: Outcome) -> str:
    parts = [f"已提醒{len(outcome.told)}家"] if outcome.told else ["没有提醒"]
    if outcome.nobody:
        names = "、".join(one.enterprise.short_name or one.enterprise.name for one in outcome.nobody[:3])
        more = f"等{len(outcome.nobody)}家" if len(outcome.nobody) > 3 else ""
        parts.append(f"{names}{more}没有健康管理员和首席健康官，请打电话")
    if outcome.again:
        parts.append(f"{len(outcome.again)}家1小时内提醒过")
    if outcome.not_now:
        parts.append(f"{len(outcome.not_now)}家刚刚报了或不用报")
    return "，".join(parts)
