"""How long what is kept (保存与销毁): the rule, whether the timed work does it, what was destroyed, what is held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from blueprints.office import bp
from blueprints.office.forms import HoldForm, ReasonForm
from blueprints.web import filters, jobs
from blueprints.web.guard import can, commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models import destruction
from models.base import RuleBroken, db, local
from models.batches import CONFIRM_WITHIN, UNDO_WITHIN
from models.chores import BATCHES_KEPT, REMINDERS_KEPT, SESSIONS_KEPT
from models.keeping import Destruction, Hold, TimedTask
from models.places import ModeOrder, Place
from models.retention import oldest_day, plan_of, staff_rules
from models.timed import DAY, HOUR, MINUTE, Task

COUNTED_UPTO = 1000  # of each kind that is overdue: beyond, the number says no more
EVERY = {MINUTE: "每分钟", 5 * MINUTE: "每5分钟", HOUR: "每小时", DAY: "每天"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of the timed work as the page shows it. `kind` is that of a status."""

    task: Task
    kept: TimedTask | None
    kind: str
    words: str

    @property
    def every(self) -> str:
        return EVERY[self.task.every]


@bp.get("/retention")
@needs("retention:see")
def retention() -> Response:
    now, session = site.now(), db.session()
    today, here = local(now).date(), current_user.district_id
    plan = plan_of(session, site.book, here, today)
    policy = policy_on(here, today)
    holds = session.scalars(
        select(Hold)
        .where(within_reach("retention:see", Hold))
        .order_by(Hold.id.desc())
        .options(joinedload(Hold.place), joinedload(Hold.order), joinedload(Hold.made_by), joinedload(Hold.lifted_by))
    ).all()  # fmt: skip
    longest = policy.retention.emergency_max_days if policy else 0
    days = {hold.id: hold.days(today, longest) for hold in holds}
    records = paged(
        select(Destruction)
        .where(within_reach("retention:see", Destruction))
        .order_by(Destruction.at.desc(), Destruction.id.desc()),
        size=20,
    )
    return page(
        "office/retention.html",
        policy=policy,
        plan=plan,
        oldest=oldest_day(session, here),
        overdue=destruction.all_due(session, plan, most=COUNTED_UPTO, in_one_run=False) if plan else {},
        counted_upto=COUNTED_UPTO,
        next_to_go=plan.last + DAY if plan else None,
        sessions_kept=SESSIONS_KEPT.days,
        reminders_kept=REMINDERS_KEPT.days,
        batches_kept=BATCHES_KEPT.days,
        undo_days=UNDO_WITHIN.days,
        confirm_hours=CONFIRM_WITHIN // HOUR,
        staff_rules=staff_rules(policy.retention) if policy else {},
        tasks=_tasks(now),
        records=records,
        kinds=destruction.KINDS,
        current=[hold for hold in holds if days[hold.id]],
        past=[hold for hold in holds if not days[hold.id]],
        days=days,
        may_hold=can("retention:hold"),
    )


def _tasks(now: datetime) -> list[Shown]:
    """The worst first: what was missed, what failed last, then as they stand in the list."""
    kept = {row.name: row for row in db.session.scalars(select(TimedTask))}
    shown = [_shown(task, kept.get(task.name), now) for task in jobs.TASKS]
    return sorted(shown, key=lambda one: ("no", "warn", "ok").index(one.kind))


def _shown(task: Task, kept: TimedTask | None, now: datetime) -> Shown:
    if kept is None or kept.succeeded_at is None:
        return Shown(task, kept, "no", "还没有做成过")
    if task.is_missed(kept, now):
        return Shown(task, kept, "no", f"已经{filters.span(now - kept.succeeded_at)}没有做成")
    if kept.error:
        return Shown(task, kept, "warn", "上一次没有做成，会自动再做")
    return Shown(task, kept, "ok", "按时做了")


@bp.route("/retention/holds/new", methods=["GET", "POST"])
@needs("retention:hold")
def new_hold() -> ResponseReturnValue:
    """Keeps what is due because an investigation, or an emergency, needs it: with a document, within bounds."""
    form = HoldForm()
    places = db.session.scalars(
        select(Place).where(within_reach("retention:hold", Place)).order_by(Place.id)
    ).all()
    now = site.now()
    orders = db.session.scalars(
        select(ModeOrder).where(within_reach("retention:hold", ModeOrder), ModeOrder.open_at(now))
    ).all()
    form.scope.choices = [
        ("", "还没有选"),
        ("district", "全区"),
        *((f"place:{p.id}", p.name) for p in places),
    ]
    form.basis.choices = [
        ("", "还没有选"), ("investigation", "调查"), *((f"order:{o.id}", f"应急响应：{o.name}") for o in orders),
    ]  # fmt: skip
    if form.validate_on_submit():
        hold = Hold.make(
            district_id=current_user.district_id,
            place=next((p for p in places if f"place:{p.id}" == form.scope.data), None),
            order=next((o for o in orders if f"order:{o.id}" == form.basis.data), None),
            document=form.document.data or "", reason=form.reason.data or "",
            from_on=_day(form.from_on.data), to_on=_day(form.to_on.data), expires_on=_day(form.expires_on.data),
            now=now, by_id=current_user.id,
        )  # fmt: skip
        db.session.add(hold)
        db.session.flush()
        flash(
            f"{hold.document}：{filters.full_day(hold.from_on)}至{filters.full_day(hold.to_on)}的登记暂缓销毁。",
            "ok",
        )
        commit(kind="hold", id=hold.id, document=hold.document, reason=hold.reason, scope=form.scope.data,
               **{"from": hold.from_on, "to": hold.to_on}, expires=hold.expires_on)  # fmt: skip
        return done(url_for("office.retention"))
    policy = policy_on(current_user.district_id, local(now).date())
    return page("office/new_hold.html", form=form, policy=policy, orders=orders)


@bp.route("/retention/holds/<int:hold_id>/lift", methods=["GET", "POST"])
@needs("retention:hold", Hold)
def lift_hold(hold: Hold) -> ResponseReturnValue:
    """First how much then goes, then it is lifted, with a reason."""
    form = ReasonForm()
    now = site.now()
    if hold.lifted_at is not None:
        raise RuleBroken("这项暂缓已经解除")
    if form.validate_on_submit():
        db.session.refresh(hold, with_for_update=True)
        hold.lift(now=now, by_id=current_user.id)
        flash(f"{hold.document}的暂缓已经解除，到期的登记明天0时销毁。", "ok")
        commit(document=hold.document, reason=form.reason.data)
        return done(url_for("office.retention"))
    return page("office/lift_hold.html", form=form, hold=hold, goes=_goes_without(hold, now))


def _goes_without(hold: Hold, now: datetime) -> int:
    """How many check-ins go tomorrow that would stay with it."""
    session, tomorrow = db.session(), local(now).date() + DAY
    plans = [plan_of(session, site.book, hold.district_id, tomorrow, but=but) for but in (hold, None)]
    without, with_it = (destruction.due(session, plan)[0] if plan else 0 for plan in plans)
    return without - with_it


def _day(value: date | None) -> date:
    assert value is not None, "the form asks for it"
    return value
