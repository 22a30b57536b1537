"""One person, one file (一人一档): what is on file, as a story and by kind, and the records that are added to it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from blueprints.archive import bp
from blueprints.archive.forms import RECORD_FORMS, RevealForm
from blueprints.archive.looks import look_at, open_look
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.archive import Employee
from models.base import RuleBroken, db, local
from models.check_ups_due import due_of
from models.employee_facts import DOCUMENT_KINDS, ID_CARD
from models.enterprises import Premises
from models.follow_ups import moments_of
from models.health_file import KINDS, AbsenceKind, CheckUp, CheckUpKind, records_of
from models.masks import mask_id, mask_mobile, mask_passport
from models.staff_retention import Leaving, leaving
from models.timeline import Moment, timeline

SEALED = ("note", "result", "place")  # fields of records that are shown during a look only


@bp.get("/employees/<int:employee_id>")
@needs("employee:see", Employee)
def person(employee: Employee) -> ResponseReturnValue:
    """Facts masked, the story newest first, the records by kind."""
    return _file(employee, RevealForm(formdata=None))


@bp.post("/employees/<int:employee_id>/reveal")
@needs("employee:reveal", Employee)
def reveal(employee: Employee) -> ResponseReturnValue:
    """Shows numbers and results of this person for half an hour. Who looked and why is kept."""
    form = RevealForm()
    if not form.validate_on_submit():
        return _file(employee, form)
    until = open_look(employee, form.reason.data, site.now())
    guard.seen(fields="document,mobile,results", reason=form.reason.data, until=until)
    return done(url_for("archive.person", employee_id=employee.id, _anchor="facts"))


def _file(employee: Employee, form: RevealForm) -> ResponseReturnValue:
    session, now = db.session(), site.now()
    today = local(now).date()
    records = {key: records_of(session, employee, kind) for key, kind in KINDS.items()}
    seat = session.scalar(
        select(Premises).where(Premises.id == employee.premises_id).options(joinedload(Premises.place))
    )
    look = look_at(employee, now)
    return page(
        "archive/person.html", form=form, employee=employee, enterprise=employee.enterprise, records=records,
        titles={key: title for key, (title, _form) in RECORD_FORMS.items()}, seat=seat, today=today,
        due=due_of(employee, [one for one in records["check-up"] if one.replaced_at is None], today),
        moments=timeline(employee, records, _followed_up(employee)), look=look, document_kinds=DOCUMENT_KINDS,
        numbers=_numbers(employee, whole=look is not None), goes=_goes(employee, records["check-up"], today),
    )  # fmt: skip


def _goes(employee: Employee, check_ups: list[CheckUp], today: date) -> Leaving | None:
    """When the file of somebody who has left is destroyed; None where nobody has, or no scheme says."""
    left_on = employee.left_on or employee.enterprise.closed_on
    policy = policy_on(employee.enterprise.district_id, today)
    return leaving(employee, check_ups, policy.retention, left_on) if left_on and policy else None


def _followed_up(employee: Employee) -> list[Moment]:
    """What was not normal, and what was done about it. The words are sealed, and stand on the pages of the case."""
    told = moments_of(db.session(), employee)
    return [Moment(local(at).date(), title, icon="thermometer", written_at=at) for at, title, _words in told]


def _numbers(employee: Employee, *, whole: bool) -> dict[str, str]:
    mobile, document = employee.mobile or "", employee.document or ""
    if whole:
        return {"mobile": mobile, "document": document}
    mask = mask_id if employee.document_kind == ID_CARD else mask_passport
    return {"mobile": mask_mobile(mobile), "document": mask(document) if document else ""}


@bp.route("/employees/<int:employee_id>/records/<record_kind>", methods=["GET", "POST"])
@needs("employee:write", Employee)
def add_record(employee: Employee, record_kind: str) -> ResponseReturnValue:
    """One more leave, dose, examination or journey."""
    title, make = _kind(record_kind)
    form = make(data={key: request.args[key] for key in ("kind", "hazards") if request.args.get(key)})
    return _keep(employee, record_kind, form, None, f"添加{title}")


@bp.route("/employees/<int:employee_id>/records/<record_kind>/<int:record_id>", methods=["GET", "POST"])
@needs("employee:write", Employee)
def correct_record(employee: Employee, record_kind: str, record_id: int) -> ResponseReturnValue:
    """A correction takes the place of the record, which stays to be read. Where it has sealed words, a look comes first."""
    title, make = _kind(record_kind)
    row = _record(employee, record_kind, record_id)
    if look_at(employee, site.now()) is None and any(getattr(row, key, None) for key in SEALED):
        flash("更正前，请先写明原因查看完整资料", "warn")
        return done(url_for("archive.person", employee_id=employee.id, _anchor="facts"))
    form = make(data={field: getattr(row, field) for field in _columns(make)})
    return _keep(employee, record_kind, form, row, f"更正{title}")


@bp.post("/employees/<int:employee_id>/records/<record_kind>/<int:record_id>/withdraw")
@needs("employee:write", Employee)
def withdraw_record(employee: Employee, record_kind: str, record_id: int) -> ResponseReturnValue:
    """It was entered by mistake."""
    row = _record(employee, record_kind, record_id)
    row.withdraw(now=site.now(), by_id=current_user.id)
    guard.commit(kind=record_kind, withdrawn=row.id)
    flash("已作废。原来的内容仍可查看", "ok")
    return done(url_for("archive.person", employee_id=employee.id, _anchor=record_kind))


def _keep(employee: Employee, kind: str, form: FlaskForm, instead_of: Any, title: str) -> ResponseReturnValue:
    if form.validate_on_submit():
        facts = {key: form[key].data for key in _columns(type(form))}
        if "kind" in facts:
            facts["kind"] = {"absence": AbsenceKind, "check-up": CheckUpKind}[kind](facts["kind"])
        facts |= {key: facts[key] or None for key in SEALED if key in facts}
        try:
            row = KINDS[kind].write(
                db.session(), employee, facts, now=site.now(), by_id=current_user.id, instead_of=instead_of
            )
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            db.session.flush()
            guard.commit(kind=kind, record=row.id, instead_of=instead_of.id if instead_of else None)
            flash("已记下", "ok")
            return done(url_for("archive.person", employee_id=employee.id, _anchor=kind))
    return page(
        "archive/record.html", form=form, employee=employee, enterprise=employee.enterprise, title=title,
        kind=kind, record=instead_of, act=JustAct(formdata=None),
        today=local(site.now()).date(), columns=_columns(type(form)),
    )  # fmt: skip


def _columns(make: type[FlaskForm]) -> list[str]:
    return [field.name for field in make(formdata=None) if field.name != "csrf_token"]


def _kind(kind: str) -> tuple[str, type[FlaskForm]]:
    if kind not in RECORD_FORMS:
        guard.refuse(404, g.action, object_type="record", object_id=kind[:20])
    return RECORD_FORMS[kind]


def _record(employee: Employee, kind: str, number: int) -> Any:
    _kind(kind)
    model = KINDS[kind]
    row = db.session.scalar(select(model).where(model.id == number, model.employee_id == employee.id))
    if row is None:
        guard.refuse(404, g.action, object_type=model.__tablename__, object_id=str(number))
    return row
