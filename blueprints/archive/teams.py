"""Teams of an enterprise (班组): who works together on one shift."""

from __future__ import annotations

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError

from blueprints.archive import bp
from blueprints.archive.employees import LONGEST, wanted
from blueprints.archive.forms import TeamForm
from blueprints.web import guard
from blueprints.web.fields import JustAct, ticked
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.archive import Employee, Team
from models.audit import changes
from models.base import RuleBroken, db, local
from models.employee_search import names_a_person, search
from models.enterprises import Enterprise

MOST_SHOWN = 100  # who could come: more are found by name
MOST_MOVED = 1000  # people of one team


@bp.route("/enterprises/<int:enterprise_id>/teams", methods=["GET", "POST"])
@needs("employee:write", Enterprise)
def teams(enterprise: Enterprise) -> ResponseReturnValue:
    """The teams with their heads; the form adds one."""
    form = TeamForm()
    if form.validate_on_submit() and _free(enterprise.id, form):
        db.session.add(
            Team(
                enterprise_id=enterprise.id,
                name=form.name.data,
                leader=form.leader.data,
                day_begins=form.begins,
            )
        )
        if _kept(form, team=form.name.data):
            flash(f"已添加{form.name.data}", "ok")
            return done(url_for("archive.teams", enterprise_id=enterprise.id))
    heads = (
        select(Employee.team_id, func.count().label("heads"))
        .where(Employee.enterprise_id == enterprise.id, Employee.working(local(site.now()).date()))
        .group_by(Employee.team_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Team, func.coalesce(heads.c.heads, 0))
        .outerjoin(heads, heads.c.team_id == Team.id)
        .where(Team.enterprise_id == enterprise.id)
        .order_by(Team.closed_at.is_not(None), Team.name)
    ).all()
    return page("archive/teams.html", form=form, enterprise=enterprise, rows=rows)


@bp.route("/teams/<int:team_id>", methods=["GET", "POST"])
@needs("employee:write", Team)
def team(team: Team) -> ResponseReturnValue:
    """Its name, leader and hour, who is in it, and who could come: those of no team, or whoever is searched."""
    form = TeamForm(data={"name": team.name, "leader": team.leader, "day_begins": f"{team.day_begins:%H:%M}"})
    if form.validate_on_submit() and _free(team.enterprise_id, form, but=team.id):
        team.name, team.leader, team.day_begins = form.name.data, form.leader.data, form.begins
        if _kept(form, **changes(team)):
            flash("已改好", "ok")
            return done(url_for("archive.team", team_id=team.id))
    asked = wanted(team.enterprise)
    others = search(asked, site.vault).where(Employee.team_id.is_distinct_from(team.id))
    if not asked.text:
        others = others.where(Employee.team_id.is_(None))
    elif names_a_person(asked.text, asked.today):
        guard.seen(search="number")
    found = db.session.scalars(others.limit(MOST_SHOWN + 1)).all()
    return page(
        "archive/team.html", form=form, team=team, enterprise=team.enterprise, text=asked.text, longest=LONGEST,
        people=db.session.scalars(_members(team)).all(), others=found[:MOST_SHOWN], more=len(found) > MOST_SHOWN,
        act=JustAct(formdata=None),
    )  # fmt: skip


@bp.post("/teams/<int:team_id>/people")
@needs("employee:write", Team)
def move_people(team: Team) -> ResponseReturnValue:
    """The ticked people come into this team (`in`), or go out of it into none (`out`)."""
    comes = request.form.get("move") == "in"
    if comes and team.closed_at is not None:
        raise RuleBroken("这个班组已经停用，请先启用")
    ours = (
        Employee.enterprise_id == team.enterprise_id,
        Employee.id.in_(sorted(ticked("people"))[:MOST_MOVED]),
    )
    here = Employee.team_id.is_distinct_from(team.id) if comes else Employee.team_id == team.id
    moved = db.session.scalars(select(Employee).where(*ours, here)).all()
    for one in moved:
        one.team_id, one.changed_at = team.id if comes else None, site.now()
    guard.commit(move="in" if comes else "out", count=len(moved))
    flash(f"已{'调入' if comes else '调出'}{len(moved)}人", "ok")
    return done(url_for("archive.team", team_id=team.id))


@bp.post("/teams/<int:team_id>/close")
@needs("employee:write", Team)
def close_team(team: Team) -> ResponseReturnValue:
    """Closed or, the second time, opened again. Who is in it stays in it until moved."""
    team.closed_at = None if team.closed_at else site.now()
    guard.commit(closed=team.closed_at is not None)
    flash(f"{team.name}已{'停用' if team.closed_at else '启用'}", "ok")
    return done(url_for("archive.teams", enterprise_id=team.enterprise_id))


def _members(team: Team) -> Select[Any]:
    today = local(site.now()).date()
    here = select(Employee).where(
        Employee.team_id == team.id, Employee.left_on.is_(None) | (Employee.left_on >= today)
    )
    return here.order_by(Employee.initials, Employee.name, Employee.id).limit(MOST_MOVED)


def _kept(form: TeamForm, **details: Any) -> bool:
    """Whether it could be kept: two people may give the same name in the same moment."""
    try:
        guard.commit(**details)
    except IntegrityError:
        db.session.rollback()
        form.name.errors = [_taken(form)]
        return False
    return True


def _taken(form: TeamForm) -> str:
    return f"已经有“{form.name.data}”这个班组"


def _free(enterprise_id: int, form: TeamForm, but: int = 0) -> bool:
    taken = db.session.scalar(
        select(Team.id).where(
            Team.enterprise_id == enterprise_id, Team.name == form.name.data, Team.id != but
        )
    )
    if taken is not None:
        form.name.errors = [_taken(form)]
    return taken is None
