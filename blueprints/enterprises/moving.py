"""Where an enterprise sits (入驻): it moves in, moves out, changes rooms."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.enterprises import bp
from blueprints.enterprises.filing import file_or_list, note
from blueprints.enterprises.forms import MoveInForm, MoveOutForm, RoomForm
from blueprints.web import filters
from blueprints.web.fields import options
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise, Premises
from models.moving import change_room
from models.moving import move_out as leave
from models.places import Place


@bp.route("/enterprises/<int:enterprise_id>/premises/new", methods=["GET", "POST"])
@needs("premises:move", Enterprise)
def move_in(enterprise: Enterprise) -> ResponseReturnValue:
    """Into a place within the reach of whoever enters it."""
    form = MoveInForm(at=local(site.now()))
    places = db.session.execute(
        select(Place.id, Place.name)
        .where(
            within_reach("premises:move", Place),
            Place.closed_at.is_(None),
            Place.district_id == enterprise.district_id,
        )
        .order_by(Place.name)
    ).all()
    form.place_id.choices = options(((number, name) for number, name in places), "请选")
    if form.validate_on_submit():
        db.session.refresh(enterprise, with_for_update=True)
        place = db.session.get_one(Place, form.place_id.data)
        try:
            seat = enterprise.move_in(place, form.room.data, form.at.data)
            db.session.flush()
            what = f"{_at(form)}迁入{_where(seat)}"
            note(enterprise, what)
            commit(premises=seat.id, place=place.id, room=seat.room, at=form.at.data)
            flash(f"已经记下：{what}。", "ok")
            return done(file_or_list(enterprise))
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
    return page("enterprises/move_in.html", form=form, enterprise=enterprise, places=places)


@bp.route("/premises/<int:premises_id>/move-out", methods=["GET", "POST"])
@needs("premises:move", Premises)
def move_out(premises: Premises) -> ResponseReturnValue:
    """At an instant that has come or is to come. What happened here stays as it was."""
    form = MoveOutForm(at=local(premises.until_at or site.now()))
    if form.validate_on_submit():
        db.session.refresh(premises, with_for_update=True)
        try:
            placeless = leave(db.session(), premises, form.at.data, now=site.now())
            what = f"{_at(form)}迁出{_where(premises)}"
            note(premises.enterprise, what)
            commit(at=form.at.data, placeless=placeless)
            lost = (
                f"原来在那里上班的{placeless}人，工作地点已清空，请企业在员工资料里补上。"
                if placeless
                else ""
            )
            flash(f"已经记下：{what}。{lost}", "ok")
            return done(file_or_list(premises.enterprise))
        except RuleBroken as error:
            db.session.rollback()
            form.at.errors = [str(error)]
    return _page("enterprises/move_out.html", form, premises)


@bp.route("/premises/<int:premises_id>/room", methods=["GET", "POST"])
@needs("premises:move", Premises)
def room(premises: Premises) -> ResponseReturnValue:
    """To another room of the same place; the employees who work there go along."""
    form = RoomForm(at=local(site.now()))
    if form.validate_on_submit():
        db.session.refresh(premises, with_for_update=True)
        try:
            before = _where(premises)
            seat = change_room(db.session(), premises, form.room.data, form.at.data, now=site.now())
            what = f"{_at(form)}从{before}换到{seat.room}"
            note(seat.enterprise, what)
            commit(premises=seat.id, room=seat.room, at=form.at.data)
            flash(f"已经记下：{what}。", "ok")
            return done(file_or_list(seat.enterprise))
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
    return _page("enterprises/room.html", form, premises)


def _page(template: str, form: MoveOutForm | RoomForm, premises: Premises) -> ResponseReturnValue:
    back = url_for("enterprises.file", enterprise_id=premises.enterprise_id)
    return page(template, form=form, seat=premises, where=_where(premises), back=back)


def _where(seat: Premises) -> str:
    return f"{seat.place.name} {seat.room}".strip()


def _at(form: MoveInForm | MoveOutForm | RoomForm) -> str:
    return filters.full_day(form.at.data) + filters.clock_time(form.at.data)
