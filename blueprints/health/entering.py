"""A manager writes down how somebody is, or corrects it (代填、更正): the questions of the scheme, an absence for illness."""

from __future__ import annotations

from collections.abc import Mapping

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.health import bp, filling
from blueprints.health.manage import Setting, day_asked, setting_on
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.archive import Employee
from models.base import RuleBroken, db
from models.enterprises import Enterprise
from models.follow_ups import FollowUp
from models.health_entries import (
    SYMPTOM_WORDS,
    EntrySource,
    HealthEntry,
    Report,
    Site,
    Today,
    asked,
    entry_of,
    write,
)  # fmt: skip

STALE = "这一页放得太久，还没有存；填的都在，请再按一次"


@bp.route("/enterprises/<int:enterprise_id>/health/people/<int:employee_id>", methods=["GET", "POST"])
@needs("health:manage", Enterprise)
@needs("health:manage", Employee)
def entry(enterprise: Enterprise, employee: Employee) -> ResponseReturnValue:
    """The entry of this person and day. What it said before stays; whoever is not well gets a case to follow up."""
    if employee.enterprise_id != enterprise.id:
        guard.refuse(404, g.action, object_type="employee", object_id=str(employee.id))
    on, wrong = day_asked()
    setting = setting_on(enterprise, on)
    if wrong or not setting.open:
        raise RuleBroken(wrong or "这一天不能再填、再改")
    errors: Mapping[str, str] = {}
    if request.method == "POST":
        assert setting.policy is not None
        filled = filling.read(setting.policy, setting.mode, request.form, on)
        errors = filled.errors if JustAct().validate() else {"form": STALE, **filled.errors}
        if filled.report is not None and not errors:
            try:
                return _written(enterprise, employee, setting, filled.report)
            except RuleBroken as broken:
                db.session.rollback()
                errors = {"form": str(broken)}
    return _form(enterprise, employee, setting, errors)


def _written(
    enterprise: Enterprise, employee: Employee, setting: Setting, report: Report
) -> ResponseReturnValue:
    assert setting.policy is not None
    session, now = db.session(), site.now()
    before = entry_of(session, employee.id, setting.on)
    version = before.version if before else 0
    found = write(
        session, employee, setting.on, report, policy=setting.policy, mode=setting.mode, source=EntrySource.MANAGER,
        now=now, by_name=current_user.name, by_id=current_user.id,
    )  # fmt: skip
    if found.version == version:
        flash(f"{employee.name}的填报没有改动", "ok")
        return done(url_for("health.day", enterprise_id=enterprise.id, on=setting.on))
    case = FollowUp.open_for(session, found, now=now)
    guard.commit(
        entry=found.id, work_on=setting.on, version=found.version, follow_up=case.id if case else None
    )
    flash(f"{employee.name}已记下：{found.state.label}", "warn" if case else "ok")
    if case is not None:
        return done(url_for("health.case", enterprise_id=enterprise.id, follow_up_id=case.id))
    return done(url_for("health.day", enterprise_id=enterprise.id, on=setting.on, _anchor="people"))


def _form(
    enterprise: Enterprise, employee: Employee, setting: Setting, errors: Mapping[str, str]
) -> ResponseReturnValue:
    assert setting.policy is not None
    before: HealthEntry | None = entry_of(db.session(), employee.id, setting.on)
    if request.method == "POST":
        typed: Mapping[str, list[str]] = filling.kept(request.form)
    elif before is not None:
        typed = filling.typed_of(before.told)
        guard.seen(look="填报", entry=before.id, work_on=setting.on)
    else:
        typed = {} if setting.required else {"today": [Today.ABSENT.value]}
    questions = asked(setting.policy, setting.mode)
    return page(
        "health/entry.html", status=422 if errors else 200, enterprise=enterprise, employee=employee, setting=setting,
        entry=before, typed=typed, errors=errors, questions=questions, measured=filling.asks_temperature(questions),
        todays=[(one.value, one.label) for one in Today], sites=[(one.value, one.label) for one in Site],
        symptoms=[(code, words) for code, (words, _en) in SYMPTOM_WORDS.items()],
        stays=[(one.value, one.label) for one in filling.STAYS],
        look_back=setting.policy.look_back.risk_area_days, act=JustAct(formdata=None), mode_now=setting.mode.value,
    )  # fmt: skip
