"""A team's leader reports for the team (班组长代报): exceptions first, the rest by one sentence that the leader vouches for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from blueprints.health import bp, filling, vouching
from blueprints.health.papers import team_sheet_pdf
from blueprints.health.self_report import (
    Setting,
    form_page,
    frame,
    gone,
    no_scheme,
    setting_of,
    take,
    working,
)
from blueprints.web import errors
from blueprints.web.guard import keep, public
from blueprints.web.page import done, english_wanted, page
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from models.archive import Employee, Team
from models.audit import Result
from models.base import db
from models.health_entries import EntrySource, EntryState, HealthEntry, words_of, work_on
from models.health_links import LinkKind, opened
from models.policy.schema import Choice, Question

LEADER = "班组长"


@dataclass(frozen=True, slots=True)
class Roll:
    """A team on its work day: everybody with the day's entry or None, whoever is not well first, then who has not reported."""

    team: Team
    setting: Setting
    on: date
    people: Sequence[tuple[Employee, HealthEntry | None]]

    @property
    def missing(self) -> list[Employee]:
        return [employee for employee, entry in self.people if entry is None]

    @property
    def leader(self) -> str:
        return self.team.leader or LEADER

    @property
    def sheet(self) -> vouching.Sheet:
        return vouching.Sheet(self.setting.policy, self.setting.questions, self.missing, "all_well")

    @property
    def measured(self) -> bool:
        return self.sheet.measured

    @property
    def vouched(self) -> Sequence[tuple[Question, Choice]]:
        return self.sheet.vouched


def _roll(token: str) -> Roll | Response:
    number = opened(db.session(), site.vault, LinkKind.TEAM, token)
    team = (
        db.session.scalar(select(Team).where(Team.id == number).options(joinedload(Team.enterprise)))
        if number
        else None
    )
    if team is None or team.closed_at is not None:
        return gone()
    setting = setting_of(team.enterprise)
    if setting is None:
        return no_scheme()
    on = work_on(setting.now, team.day_begins)
    rows = db.session.execute(
        select(Employee, HealthEntry)
        .outerjoin(HealthEntry, (HealthEntry.employee_id == Employee.id) & (HealthEntry.work_on == on))
        .where(Employee.team_id == team.id, Employee.working(on))
        .options(joinedload(Employee.team))
        .order_by(Employee.name, Employee.id)
    ).all()
    people = sorted(((employee, entry) for employee, entry in rows), key=lambda row: _rank(row[1]))
    return Roll(team, setting, on, people)


def _rank(entry: HealthEntry | None) -> int:
    return 1 if entry is None else 2 if entry.state == EntryState.NORMAL else 0


@bp.route("/t/<token>", methods=["GET", "POST"])
@public
@csrf.exempt  # whoever can send this knows the token, and no cookie speaks for them
def team(token: str) -> ResponseReturnValue:
    """The team's list; the rest is written as well with a tick, or with the temperatures that were typed."""
    roll = _roll(token)
    if isinstance(roll, Response):
        return roll
    if request.method == "GET":
        return _list(roll, token)
    said, reports = roll.sheet.read(request.form, english=english_wanted())
    if said:
        return _list(roll, token, said)
    for employee, report in reports:
        take(employee, roll.setting, roll.on, report, source=EntrySource.LEADER, by_name=roll.leader)
    keep(
        "health:report",
        Result.DONE,
        district_id=roll.setting.district.id,
        team=roll.team.id,
        count=len(reports),
    )
    return done(f"/t/{token}")


def _list(roll: Roll, token: str, said: dict[str, str] | None = None) -> Response:
    return page(
        "health/leader_team.html", status=422 if said else 200, roll=roll, token=token, errors=said or {},
        typed=vouching.typed_in(request.form), setting=roll.setting,
        words_of=partial(words_of, english=english_wanted()), **frame(roll.setting),
    )  # fmt: skip


@bp.route("/t/<token>/<int:employee_id>", methods=["GET", "POST"])
@public
@csrf.exempt  # as above
def team_member(token: str, employee_id: int) -> ResponseReturnValue:
    """One person's form, filled in by the leader. What the person reported themselves is neither shown nor replaced."""
    roll = _roll(token)
    if isinstance(roll, Response):
        return roll
    found = next((row for row in roll.people if row[0].id == employee_id), None)
    employee = working(employee_id) if found else None
    if employee is None or found is None:
        return gone()
    entry, back = found[1], f"/t/{token}"
    if entry is not None and entry.source != EntrySource.LEADER:
        return _reported_already(employee)
    shown = {"leader": roll.team.leader or ("the team leader" if english_wanted() else LEADER), "back": back}
    if request.method == "GET":
        return form_page(
            employee, roll.setting, roll.on, typed=filling.typed_of(entry.told) if entry else None, **shown
        )
    typed: MultiDict[str, str] = request.form
    filled = filling.read(roll.setting.policy, roll.setting.mode, typed, roll.on, english=english_wanted())
    if filled.report is None:
        return form_page(
            employee, roll.setting, roll.on, typed=filling.kept(typed), errors=filled.errors, **shown
        )
    taken = take(
        employee, roll.setting, roll.on, filled.report, source=EntrySource.LEADER, by_name=roll.leader
    )
    keep(
        "health:report", Result.DONE, district_id=roll.setting.district.id, team=roll.team.id, entry=taken.id
    )
    return done(back)


def _reported_already(employee: Employee) -> Response:
    if english_wanted():
        words = (f"{employee.name} has reported today", "Only they, or the health manager, can change it.")
    else:
        words = (f"{employee.name}今天已经填过", "要改请本人改，或请健康管理员改。")
    return errors.answer(409, *words, english=english_wanted())


@bp.get("/t/<token>/sheet.pdf")
@public
def team_sheet(token: str) -> ResponseReturnValue:
    """The day's sheet of the team on paper, for where there is no phone."""
    roll = _roll(token)
    if isinstance(roll, Response):
        return roll
    names = [
        employee.name for employee, _entry in sorted(roll.people, key=lambda row: (row[0].name, row[0].id))
    ]
    content = team_sheet_pdf(roll.team, roll.setting.enterprise, names, measured=roll.measured)
    return Response(
        content, mimetype="application/pdf", headers={"Content-Disposition": "attachment; filename=sheet.pdf"}
    )
