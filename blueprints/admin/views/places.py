"""The system administrator's places (场所与入口): parks and buildings, their gates, and the codes of new gates."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import func, or_, select
from sqlalchemy.orm import contains_eager, selectinload

from blueprints.admin import bp
from blueprints.admin.forms import GateForm, PlaceForm, ReasonForm
from blueprints.web.fields import options
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from models.audit import changes
from models.base import RuleBroken, db
from models.places import Community, Gate, Place, PlaceKind, Street, Unit


@bp.get("/admin/places")
@needs("place:manage")
def places() -> ResponseReturnValue:
    """Street by street, each park followed by its buildings."""
    asked = request.args.get("q", "").strip()
    street_id = request.args.get("street", type=int)
    found = select(Place).join(Place.street).where(within_reach("place:manage", Place))
    if asked:
        gates = select(Gate.place_id).where(Gate.name.contains(asked, autoescape=True))
        text = (Place.name.contains(asked, autoescape=True), Place.address.contains(asked, autoescape=True))
        found = found.where(or_(*text, Place.id.in_(gates)))
    if street_id:
        found = found.where(Place.street_id == street_id)
    tree = (
        Street.name,
        Street.id,
        func.coalesce(Place.parent_id, Place.id),
        Place.parent_id.is_not(None),
        Place.name,
    )
    found = found.options(
        contains_eager(Place.street), selectinload(Place.community), selectinload(Place.gates).selectinload(Gate.codes)
    )  # fmt: skip
    return page(
        "admin/places.html", partial="admin/_places.html", paging=paged(found.order_by(*tree)), asked=asked,
        street_id=street_id, streets=_rows(Street),
    )  # fmt: skip


def _rows(model: type[Street] | type[Community] | type[Unit]) -> list[tuple[int, str]]:
    found = select(model.id, model.name).where(within_reach("place:manage", model))
    return [(number, name) for number, name in db.session.execute(found.order_by(model.name))]


def _form(place: Place | None) -> PlaceForm:
    """With choices from the district alone: a number from elsewhere is no choice (SEC-7)."""
    form = PlaceForm(obj=place)
    form.street_id.choices = options(_rows(Street))
    communities = select(Community.id, Community.name, Street.name).join(
        Street, Street.id == Community.street_id
    )
    found = db.session.execute(
        communities.where(within_reach("place:manage", Community)).order_by(Street.name)
    )
    form.community_id.choices = options(((n, f"{street}{name}") for n, name, street in found), "不填")
    parks = select(Place.id, Place.name).where(
        within_reach("place:manage", Place), Place.kind == PlaceKind.PARK, Place.closed_at.is_(None),
        Place.id != (place.id if place else 0),
    )  # fmt: skip
    inside = db.session.execute(parks.order_by(Place.name))
    form.parent_id.choices = options(((n, name) for n, name in inside), "不在园区里")
    form.unit_id.choices = options(_rows(Unit), "不填")
    return form


def _fill(place: Place, form: PlaceForm) -> None:
    place.kind = PlaceKind(form.kind.data)
    place.name, place.address = (form.name.data or "").strip(), (form.address.data or "").strip()
    place.phone, place.unit_id = (form.phone.data or "").strip(), form.unit_id.data
    with db.session.no_autoflush:
        if place.kind == PlaceKind.BUILDING and place.id and _has_buildings(place):
            raise RuleBroken("这个园区里有楼宇，不能改成楼宇")
        place.stand(
            street=db.session.get_one(Street, form.street_id.data),
            community=db.session.get(Community, form.community_id.data) if form.community_id.data else None,
            parent=db.session.get(Place, form.parent_id.data) if form.parent_id.data else None,
        )


def _has_buildings(place: Place) -> bool:
    return db.session.scalar(select(Place.id).where(Place.parent_id == place.id).limit(1)) is not None


@bp.route("/admin/places/new", methods=["GET", "POST"])
@needs("place:manage")
def new_place() -> ResponseReturnValue:
    form = _form(None)
    if form.validate_on_submit():
        row = Place()
        try:
            _fill(row, form)
            db.session.add(row)
            db.session.flush()
            commit(place=row.id, name=row.name)
            flash(f"{row.name}已经添加。接着添加它的入口。", "ok")
            return done(url_for("admin.place", place_id=row.id))
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
    return page("admin/edit_place.html", form=form, place=None)


@bp.get("/admin/places/<int:place_id>")
@needs("place:manage", Place)
def place(place: Place) -> ResponseReturnValue:
    gates = select(Gate).where(Gate.place_id == place.id).options(selectinload(Gate.codes)).order_by(Gate.id)
    buildings = select(Place).where(Place.parent_id == place.id).order_by(Place.name)
    return page(
        "admin/place.html", place=place, gates=db.session.scalars(gates).all(),
        buildings=db.session.scalars(buildings).all(),
        unit=db.session.get(Unit, place.unit_id) if place.unit_id else None,
    )  # fmt: skip


@bp.route("/admin/places/<int:place_id>/edit", methods=["GET", "POST"])
@needs("place:manage", Place)
def edit_place(place: Place) -> ResponseReturnValue:
    form = _form(place)
    if form.validate_on_submit():
        try:
            _fill(place, form)
            commit(changes=changes(place))
            flash("已经改好。", "ok")
            return done(url_for("admin.place", place_id=place.id))
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
    return page("admin/edit_place.html", form=form, place=place)


@bp.route("/admin/places/<int:place_id>/close", methods=["GET", "POST"])
@needs("place:manage", Place)
def close_place(place: Place) -> ResponseReturnValue:
    """For good, with a reason: the codes at its gates then say so."""
    form = ReasonForm()
    if form.validate_on_submit():
        place.close(reason=form.reason.data or "", now=site.now())
        commit(reason=form.reason.data)
        flash(f"{place.name}已经关闭，入口的码不再能登记。", "ok")
        return done(url_for("admin.place", place_id=place.id))
    return page("admin/close_place.html", form=form, place=place)


@bp.post("/admin/places/<int:place_id>/reopen")
@needs("place:manage", Place)
def reopen_place(place: Place) -> ResponseReturnValue:
    place.reopen()
    commit(changes=changes(place))
    flash(f"{place.name}已经重新开放，入口的码恢复登记。", "ok")
    return done(url_for("admin.place", place_id=place.id))


@bp.route("/admin/places/<int:place_id>/gates/new", methods=["GET", "POST"])
@needs("place:manage", Place)
def new_gate(place: Place) -> ResponseReturnValue:
    """A gate has a code from its first moment: the poster can be printed at once."""
    form = GateForm()
    if form.validate_on_submit():
        gate = Gate(place=place, name=(form.name.data or "").strip())
        code = gate.issue_code(now=site.now(), by_id=current_user.id)
        db.session.add(gate)
        db.session.flush()
        commit(gate=gate.id, name=gate.name, code_version=code.version)
        flash(f"{gate.name}已经添加，场所码也发好了，可以打印海报。", "ok")
        return done(url_for("admin.place", place_id=place.id))
    return page("admin/edit_gate.html", form=form, place=place, gate=None)


@bp.route("/admin/gates/<int:gate_id>", methods=["GET", "POST"])
@needs("place:manage", Gate)
def edit_gate(gate: Gate) -> ResponseReturnValue:
    form = GateForm(name=gate.name)
    if form.validate_on_submit():
        gate.name = (form.name.data or "").strip()
        commit(changes=changes(gate))
        flash("名称已经改好。旧海报上印的还是原来的名称，记得换新。", "ok")
        return done(url_for("admin.place", place_id=gate.place_id))
    return page("admin/edit_gate.html", form=form, place=gate.place, gate=gate)
