"""What places stand in and lean on (街道、社区、责任单位、发热门诊、本区信息), and how the site is configured."""

from __future__ import annotations

import platform
from dataclasses import fields
from importlib.metadata import version

from flask import current_app, flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import func, select, text

from blueprints.admin import bp
from blueprints.admin.forms import AreaForm, ClinicForm, CommunityForm, DistrictForm, UnitForm
from blueprints.web.fields import options
from blueprints.web.guard import commit, needs, refuse, within_reach
from blueprints.web.page import done, page
from blueprints.web.settings import KEYS, SECRET, Settings
from blueprints.web.site import site
from models.accounts import Account, LoginSession
from models.audit import changes
from models.base import db
from models.enterprises import Enterprise
from models.places import Clinic, Community, District, Gate, Place, Street, Unit

AREAS = {"street": (Street, "街道"), "community": (Community, "社区"), "unit": (Unit, "责任单位")}
LIBRARIES = ("flask", "sqlalchemy", "alembic", "cryptography", "argon2-cffi", "weasyprint", "gunicorn")


@bp.get("/admin/areas")
@needs("place:manage")
def areas() -> ResponseReturnValue:
    streets = db.session.scalars(
        select(Street).where(within_reach("place:manage", Street)).order_by(Street.name)
    ).all()
    communities = db.session.scalars(
        select(Community).where(within_reach("place:manage", Community)).order_by(Community.name)
    ).all()
    units = db.session.scalars(
        select(Unit).where(within_reach("place:manage", Unit)).order_by(Unit.name)
    ).all()
    counted = select(Place.street_id, func.count()).where(within_reach("place:manage", Place))
    counts = dict(db.session.execute(counted.group_by(Place.street_id)).all())
    return page(
        "admin/areas.html", streets=streets, units=units, counts=counts,
        within={s.id: [c for c in communities if c.street_id == s.id] for s in streets},
    )  # fmt: skip


@bp.route("/admin/areas/<kind>/new", methods=["GET", "POST"], defaults={"number": 0})
@bp.route("/admin/areas/<kind>/<int:number>", methods=["GET", "POST"])
@needs("place:manage")
def area(kind: str, number: int) -> ResponseReturnValue:
    """A street, a community or a unit: a new one (number 0), or other words for one."""
    model, label = AREAS.get(kind) or refuse(404, "place:manage", object_type=kind)
    row = db.session.scalar(select(model).where(model.id == number, within_reach("place:manage", model)))
    if row is None and number:
        refuse(404, "place:manage", object_type=kind, object_id=str(number))
    form = _area_form(kind, row)
    if form.validate_on_submit():
        row = row or (model() if kind == "community" else model(district_id=current_user.district_id))
        form.populate_obj(row)
        row.name = row.name.strip()
        changed = changes(row)
        db.session.add(row)
        db.session.flush()
        commit(kind=kind, id=row.id, changes=changed)
        flash(f"{label}{row.name}已经存好。", "ok")
        return done(url_for("admin.areas"))
    return page("admin/edit_area.html", form=form, row=row, label=label, kind=kind)


def _area_form(kind: str, row: Street | Community | Unit | None) -> AreaForm:
    if kind != "community":
        return UnitForm(obj=row) if kind == "unit" else AreaForm(obj=row)
    form = CommunityForm(obj=row)
    streets = select(Street.id, Street.name).where(within_reach("place:manage", Street)).order_by(Street.name)
    form.street_id.choices = options(((n, name) for n, name in db.session.execute(streets)))
    return form


@bp.get("/admin/clinics")
@needs("place:manage")
def clinics() -> ResponseReturnValue:
    """Fever clinics: where a refused visitor is sent."""
    found = select(Clinic, Street.name).outerjoin(Street, Street.id == Clinic.street_id)
    mine = found.where(Clinic.district_id == current_user.district_id).order_by(Street.name, Clinic.name)
    return page("admin/clinics.html", clinics=db.session.execute(mine).all())


@bp.route("/admin/clinics/new", methods=["GET", "POST"], defaults={"number": 0})
@bp.route("/admin/clinics/<int:number>", methods=["GET", "POST"])
@needs("place:manage")
def clinic(number: int) -> ResponseReturnValue:
    mine = (Clinic.id == number, Clinic.district_id == current_user.district_id)
    row = db.session.scalar(select(Clinic).where(*mine))
    if row is None and number:
        refuse(404, "place:manage", object_type="clinic", object_id=str(number))
    form = ClinicForm(obj=row)
    streets = select(Street.id, Street.name).where(within_reach("place:manage", Street)).order_by(Street.name)
    form.street_id.choices = options(((n, name) for n, name in db.session.execute(streets)), "全区")
    if form.validate_on_submit():
        row = row or Clinic(district_id=current_user.district_id)
        form.populate_obj(row)
        changed = changes(row)
        db.session.add(row)
        db.session.flush()
        commit(clinic=row.id, changes=changed)
        flash(f"{row.name}已经存好。", "ok")
        return done(url_for("admin.clinics"))
    return page("admin/edit_clinic.html", form=form, row=row)


@bp.route("/admin/district", methods=["GET", "POST"])
@needs("place:manage")
def district_facts() -> ResponseReturnValue:
    """What every public page says about the district."""
    row = db.session.get_one(District, current_user.district_id)
    form = DistrictForm(obj=row)
    if form.validate_on_submit():
        form.populate_obj(row)
        commit(changes=changes(row))
        flash("已经存好，访客页面马上用新的。", "ok")
        return done(url_for("admin.district_facts"))
    return page("admin/district.html", form=form)


@bp.get("/admin/configuration")
@needs("configuration:see")
def configuration() -> ResponseReturnValue:
    """What the operator set, less everything secret; versions; schemes with their digests; how much there is."""
    settings = site.settings
    shown = [(f"SITE_{f.name.upper()}", _shown(settings, f.name)) for f in fields(settings)]
    here = current_user.district_id
    counts = {
        "账号": select(func.count(Account.id)).where(Account.district_id == here),
        "现在登录着": select(func.count(LoginSession.id)).where(
            LoginSession.ended_at.is_(None),
            LoginSession.account_id.in_(select(Account.id).where(Account.district_id == here)),
        ),
        "园区、楼宇": select(func.count(Place.id)).where(Place.district_id == here),
        "入口": select(func.count(Gate.id)).where(within_reach("place:manage", Gate)),
        "企业": select(func.count(Enterprise.id)).where(Enterprise.district_id == here),
    }
    return page(
        "admin/configuration.html", shown=shown, versions=_versions(), policies=list(map(site.book.get, site.book.keys())),
        counts={name: db.session.scalar(query) for name, query in counts.items()},
    )  # fmt: skip


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if name in SECRET and value:
        return "已设"
    if name in KEYS:
        return "未设（演示用，自动生成）"
    if isinstance(value, dict):
        return "，".join(f"{k}={v}" for k, v in value.items()) or "未设"
    return str(value) if value not in ("", None) else "未设"


def _versions() -> dict[str, str]:
    dialect = db.engine.dialect.name
    number = db.session.scalar(
        text("SELECT sqlite_version()" if dialect == "sqlite" else "SHOW server_version")
    )
    found = {
        "Python": platform.python_version(),
        {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[dialect]: str(number),
    }
    found |= {name: version(name) for name in LIBRARIES}
    return found | {"加密套件": site.vault.suite.name, "模式": "调试" if current_app.debug else "正常"}
