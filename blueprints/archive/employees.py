"""The people of an enterprise (员工): found, added, changed, left, come back."""

from __future__ import annotations

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from blueprints.archive import bp
from blueprints.archive.forms import EmployeeForm
from blueprints.archive.looks import look_at
from blueprints.web import guard
from blueprints.web.fields import options
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models import employee_search
from models.archive import AlreadyOnFile, Employee, Team, alike
from models.audit import changes
from models.base import db, local
from models.employee_facts import CONTRAINDICATED, FIELDS, EmployeeFacts, read_employee
from models.employee_search import Order, Quick, Wanted
from models.enterprises import Enterprise, Premises
from models.health_file import last_pre_post, pre_post
from models.policy.schema import WorkerKind

LONGEST = 60  # signs of a search
FILTERS = ("q", "quick", "department", "team", "kind", "sort")


@bp.get("/enterprises/<int:enterprise_id>/employees")
@needs("employee:see", Enterprise)
def employees(enterprise: Enterprise) -> ResponseReturnValue:
    """Everybody on the books, found by whatever is known of them; numbers of phones and documents are masked."""
    session, asked = db.session(), wanted(enterprise)
    found = paged(employee_search.search(asked, site.vault))
    if employee_search.names_a_person(asked.text, asked.today):
        guard.seen(search="number", found=found.total)
    return page(
        "archive/employees.html",
        partial="archive/_employees.html",
        enterprise=enterprise,
        wanted=asked,
        chosen=chosen(),
        paging=found,
        counts=employee_search.counts(session, enterprise.id, asked.today),
        departments=employee_search.departments(session, enterprise.id),
        teams=open_teams(enterprise),
        quicks=list(Quick),
        orders=list(Order),
        kinds=list(WorkerKind),
        longest=LONGEST,
    )


def chosen() -> dict[str, str]:
    """The filters of the address, to be carried on to the next page."""
    return {key: request.args[key] for key in FILTERS if request.args.get(key)}


def wanted(enterprise: Enterprise) -> Wanted:
    """What the address asks for; an unknown choice is none."""
    asked = request.args
    team = asked.get("team", "")
    return Wanted(
        enterprise_id=enterprise.id,
        today=local(site.now()).date(),
        text="".join(sign for sign in asked.get("q", "") if sign.isprintable())[:LONGEST].strip(),
        quick=_one_of(Quick, asked.get("quick")) or Quick.WORKING,
        department=asked.get("department", "")[:LONGEST].replace("\0", ""),
        team_id=int(team) if team.isascii() and team.isdigit() and len(team) < 10 else None,
        kind=_one_of(WorkerKind, asked.get("kind")),
        order=_one_of(Order, asked.get("sort")) or Order.NAME,
    )


@bp.route("/enterprises/<int:enterprise_id>/employees/new", methods=["GET", "POST"])
@needs("employee:write", Enterprise)
def new(enterprise: Enterprise) -> ResponseReturnValue:
    """Somebody new. Who is on file already is pointed at, not doubled."""
    form, doubts, existing = _form(enterprise), {}, None
    if form.validate_on_submit():
        facts, doubts = _read(form, {}, None)
        if facts is not None and not form.confirmed.data:
            existing = alike(db.session(), enterprise.id, facts, site.vault)
            if existing is not None:
                doubts = {"name": "同名、同手机号的人已经有档案。是另一个人再添加", **doubts}
        if facts is not None and not doubts:
            try:
                row = _add(enterprise, facts, form)
                guard.commit(employee=row.id)
                flash(f"已添加{row.name}", "ok")
                return done(url_for("archive.person", employee_id=row.id))
            except AlreadyOnFile as broken:
                existing, form.document.errors = broken.employee, [str(broken)]
            except IntegrityError:
                _came_too_late(form)
    return _edit_page(form, enterprise, doubts, existing, employee=None)


def _add(enterprise: Enterprise, facts: EmployeeFacts, form: EmployeeForm) -> Employee:
    now = site.now()
    row = Employee.write(
        db.session(), enterprise.id, facts, site.vault, now,
        team=_team(enterprise, facts.team), premises_id=_premises_id(form),
    )  # fmt: skip
    _keep_examination(row, facts)
    return row


@bp.route("/employees/<int:employee_id>/edit", methods=["GET", "POST"])
@needs("employee:write", Employee)
def edit(employee: Employee) -> ResponseReturnValue:
    """Other facts of the same person. Numbers stand in the form only during a look; left empty they stay as they are."""
    session, open_look = db.session(), look_at(employee, site.now()) is not None
    form = _form(employee.enterprise, employee, whole=open_look)
    doubts, existing = {}, None
    if form.validate_on_submit():
        kept = {} if open_look else {"mobile": employee.mobile or "", "document": employee.document or ""}
        facts, doubts = _read(form, kept, employee)
        if facts is not None and not doubts:
            try:
                employee.change(
                    session, facts, site.vault, site.now(),
                    team=_team(employee.enterprise, facts.team), premises_id=_premises_id(form),
                )  # fmt: skip
                _keep_examination(employee, facts)
                guard.commit(changed=sorted(changes(employee)))
                flash("已改好", "ok")
                return done(url_for("archive.person", employee_id=employee.id))
            except AlreadyOnFile as broken:
                existing, form.document.errors = broken.employee, [str(broken)]
            except IntegrityError:
                _came_too_late(form)
    return _edit_page(form, employee.enterprise, doubts, existing, employee=employee)


def _came_too_late(form: EmployeeForm) -> None:
    """The same person was put on file while this form was on its way."""
    db.session.rollback()
    form.document.errors = ["这个证件号刚刚有人建了档案。一个人只建一份，请到员工里找原来的档案"]


def _keep_examination(employee: Employee, facts: EmployeeFacts) -> None:
    if facts.examined_on is not None:
        db.session.add(
            pre_post(
                employee.id,
                facts.examined_on,
                "、".join(facts.hazards),
                now=site.now(),
                by_id=current_user.id,
            )
        )


def _read(
    form: EmployeeForm, kept: dict[str, str], employee: Employee | None
) -> tuple[EmployeeFacts | None, dict[str, str]]:
    """The facts of the form, its faults beside the fields, and what a person has yet to confirm.

    `kept`: numbers on file that the form did not show; left empty there, they stay.
    """
    raw, last = form.typed(), None
    for key, value in kept.items():
        if value and not raw[key].strip():
            raw[key] = value
            if key == "document" and employee is not None:
                raw["document_kind"] = employee.document_kind
    if employee is not None:
        raw["left_on"] = employee.left_on.isoformat() if employee.left_on else ""
        last = last_pre_post(db.session(), employee)
    facts, errors = read_employee(
        raw, local(site.now()).date(), confirmed=bool(form.confirmed.data),
        examined=last is not None and not last.contraindicated,
    )  # fmt: skip
    if "hazards" in errors and last is not None and last.contraindicated:
        errors["hazards"] = CONTRAINDICATED
    for key, words in errors.items():
        form[key if key in form else "joined_on"].errors = [words]
    return facts, dict(facts.doubts) if facts else {}


def _form(enterprise: Enterprise, employee: Employee | None = None, *, whole: bool = False) -> EmployeeForm:
    facts: dict[str, Any] = {}
    if employee is not None:
        facts = {key: getattr(employee, key) for key in FIELDS if hasattr(employee, key)}
        facts |= {
            "kind": employee.kind.value,
            "team": employee.team.name if employee.team else "",
            "premises_id": employee.premises_id,
            "joined_on": employee.joined_on.isoformat() if employee.joined_on else "",
            "document_kind": employee.document_kind or "id_card",
        }
        if not whole:
            facts["mobile"] = facts["document"] = ""
    form = EmployeeForm(data=facts)
    teams = [team.name for team in open_teams(enterprise)]
    if employee is not None and employee.team and employee.team.name not in teams:
        teams.append(employee.team.name)  # closed since: who is in it stays in it until moved
    form.team.choices = options(((name, name) for name in teams), "不分班组")
    form.premises_id.choices = options(_seats(enterprise, employee), "没有填")
    return form


def _edit_page(
    form: EmployeeForm,
    enterprise: Enterprise,
    doubts: dict[str, str],
    existing: Employee | None,
    *,
    employee: Employee | None,
) -> ResponseReturnValue:
    return page(
        "archive/edit.html", form=form, enterprise=enterprise, doubts=doubts, existing=existing, employee=employee,
        departments=employee_search.departments(db.session(), enterprise.id), labels=FIELDS,
        whole=employee is not None and look_at(employee, site.now()) is not None,
        status=422 if doubts or existing else 200,
    )  # fmt: skip


def open_teams(enterprise: Enterprise) -> list[Team]:
    teams = select(Team).where(Team.enterprise_id == enterprise.id, Team.closed_at.is_(None))
    return list(db.session.scalars(teams.order_by(Team.name)))


def _team(enterprise: Enterprise, name: str) -> Team | None:
    return db.session.scalar(select(Team).where(Team.enterprise_id == enterprise.id, Team.name == name))


def _seats(enterprise: Enterprise, employee: Employee | None) -> list[tuple[int, str]]:
    seats = db.session.scalars(
        select(Premises)
        .where(
            Premises.enterprise_id == enterprise.id,
            Premises.holding(site.now()) | (Premises.id == (employee.premises_id if employee else None)),
        )
        .options(joinedload(Premises.place))
        .order_by(Premises.id)
    )
    now = site.now()
    return [
        (
            seat.id,
            f"{seat.place.name}{seat.room and ' '}{seat.room}{'（已迁出）' if seat.is_over(now) else ''}",
        )
        for seat in seats
    ]


def _premises_id(form: EmployeeForm) -> int | None:
    """Only a seat of this enterprise, which the form offered."""
    offered = {choice.value for choice in form.premises_id.choices}
    return form.premises_id.data if form.premises_id.data in offered else None


def _one_of(choices: Any, value: str | None) -> Any:
    return next((one for one in choices if one.value == value), None)
