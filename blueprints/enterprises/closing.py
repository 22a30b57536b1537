"""An enterprise closes (关闭企业) and, where that was a mistake, opens again (撤销关闭)."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.enterprises import bp
from blueprints.enterprises.filing import note
from blueprints.enterprises.forms import CloseForm
from blueprints.web import filters
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.enterprise_closing import close_enterprise, reopen_enterprise
from models.enterprises import Enterprise

MOST_NAMED = 3


@bp.route("/enterprises/<int:enterprise_id>/close", methods=["GET", "POST"])
@needs("enterprise:close", Enterprise)
def close(enterprise: Enterprise) -> ResponseReturnValue:
    """With its last day and the reason; into which enterprise it went, if into one."""
    form = CloseForm(closed_on=local(site.now()).date())
    back = url_for("enterprises.file", enterprise_id=enterprise.id)
    if form.validate_on_submit() and _close(enterprise, form):
        return done(back)
    return page("enterprises/close.html", form=form, enterprise=enterprise, back=back)


def _close(enterprise: Enterprise, form: CloseForm) -> bool:
    day, reason = form.closed_on.data, form.reason.data
    successor = None
    if form.successor.data:
        try:
            successor = _named(form.successor.data, enterprise)
        except RuleBroken as error:
            form.successor.errors = [str(error)]
            return False
    db.session.refresh(enterprise, with_for_update=True)
    try:
        ended = close_enterprise(db.session(), enterprise, day, reason, merged_into=successor, now=site.now())
    except RuleBroken as error:
        db.session.rollback()
        (form.closed_on.errors if day > local(site.now()).date() else form.form_errors).append(str(error))
        return False
    into = f"，并入{successor.name}" if successor else ""
    note(enterprise, f"关闭企业：最后一天{filters.full_day(day)}，原因：{reason}{into}")
    commit(reason=reason, last_day=day, merged_into=successor.id if successor else None, appointments=ended)
    flash(f"{enterprise.name}已经关闭" + (f"，{ended}项任职随之结束。" if ended else "。"), "ok")
    return True


@bp.post("/enterprises/<int:enterprise_id>/reopen")
@needs("enterprise:close", Enterprise)
def reopen(enterprise: Enterprise) -> ResponseReturnValue:
    """As it was before: its seats and its people."""
    db.session.refresh(enterprise, with_for_update=True)
    back = reopen_enterprise(db.session(), enterprise, now=site.now())
    note(enterprise, "撤销关闭")
    commit(appointments=back)
    flash("已撤销关闭" + (f"，{back}项任职已恢复" if back else "") + "。失效的邀请要重新发。", "ok")
    return done(url_for("enterprises.file", enterprise_id=enterprise.id))


def _named(typed: str, leaving: Enterprise) -> Enterprise:
    """The one open enterprise within reach with this credit code, name or part of a name."""
    others = select(Enterprise).where(
        within_reach("enterprise:close", Enterprise),
        Enterprise.closed_at.is_(None),
        Enterprise.id != leaving.id,
    )
    exact = (Enterprise.credit_code == typed.upper()) | (Enterprise.name == typed)
    some = Enterprise.name.contains(typed, autoescape=True) | (Enterprise.short_name == typed)
    for condition in (exact, some):
        found = db.session.scalars(
            others.where(condition).order_by(Enterprise.name).limit(MOST_NAMED + 1)
        ).all()
        if len(found) == 1:
            return found[0]
        if found:
            names = "、".join(one.name for one in found[:MOST_NAMED])
            more = "等" if len(found) > MOST_NAMED else ""
            raise RuleBroken(f"有几家企业都对得上：{names}{more}。请填信用代码")
    raise RuleBroken("您负责的在营企业里没有这一家，请核对名称或信用代码")
