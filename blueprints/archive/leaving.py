"""Somebody leaves, or comes back to the same file (离职、返岗)."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from blueprints.archive import bp
from blueprints.archive.forms import ComeBackForm, LeaveForm
from blueprints.web import guard
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.archive import Employee
from models.base import RuleBroken, db, local
from models.check_ups_due import due_of
from models.health_file import CheckUp, CheckUpKind, records_of
from models.retention import staff_rules


@bp.route("/employees/<int:employee_id>/leave", methods=["GET", "POST"])
@needs("employee:write", Employee)
def leave(employee: Employee) -> ResponseReturnValue:
    """The last day. Who was exposed is owed an examination on leaving: said here, before it is too late."""
    form, now = LeaveForm(), site.now()
    if form.validate_on_submit():
        try:
            employee.leave(form.on.data, today=local(now).date(), now=now)
        except RuleBroken as broken:
            form.on.errors = [str(broken)]
        else:
            lacking = _owes_leaving(employee)
            guard.commit(left_on=employee.left_on)
            words = f"已登记{employee.name}的最后工作日"
            flash(f"{words}。还没有离岗体检，请安排" if lacking else words, "warn" if lacking else "ok")
            return done(url_for("archive.person", employee_id=employee.id))
    policy = policy_on(employee.enterprise.district_id, local(now).date())
    return page(
        "archive/leave.html", form=form, employee=employee, enterprise=employee.enterprise, back=False,
        rules=staff_rules(policy.retention) if policy else {},
    )  # fmt: skip


@bp.route("/employees/<int:employee_id>/come-back", methods=["GET", "POST"])
@needs("employee:write", Employee)
def come_back(employee: Employee) -> ResponseReturnValue:
    """The same person again, on the same file."""
    form = ComeBackForm()
    if form.validate_on_submit():
        try:
            employee.come_back(form.on.data, site.now())
        except RuleBroken as broken:
            form.on.errors = [str(broken)]
        else:
            guard.commit(joined_on=employee.joined_on)
            flash(f"{employee.name}已返岗，用原来的档案", "ok")
            return done(url_for("archive.person", employee_id=employee.id))
    return page("archive/leave.html", form=form, employee=employee, enterprise=employee.enterprise, back=True)


def _owes_leaving(employee: Employee) -> bool:
    on_file = [one for one in records_of(db.session(), employee, CheckUp) if one.replaced_at is None]
    owed = due_of(employee, on_file, local(site.now()).date())
    return any(due.kind == CheckUpKind.LEAVING for due in owed)
