"""An enterprise's file (企业档案): kept by the enterprise itself and by its officers, begun by an officer, every change named."""

from __future__ import annotations

from typing import Any

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from blueprints.enterprises import bp
from blueprints.enterprises.forms import FactsForm, FileForm, HeadcountForm, ProfileForm, RegisterForm
from blueprints.web import filters
from blueprints.web.fields import options
from blueprints.web.guard import about, commit, needs, serving, within_reach
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.access import GRANTS
from models.audit import changes
from models.base import RuleBroken, db, local
from models.enterprise_changes import EnterpriseChange, in_words
from models.enterprises import Enterprise, Premises, headcounts
from models.initials import initials_of
from models.places import Community, Street, Unit
from models.sizes import Sector

MOST_CHANGES = 50
PLAIN = ("name", "short_name", "legal_representative", "revenue", "assets", "address")


@bp.get("/enterprises/<int:enterprise_id>/profile")
@needs("enterprise:keep", Enterprise)
def profile(enterprise: Enterprise) -> ResponseReturnValue:
    """What is on file about us, and who changed what."""
    names = _names(enterprise.district_id)
    return page(
        "enterprises/profile.html", enterprise=enterprise, street=names["street_id", enterprise.street_id],
        community=names.get(("community_id", enterprise.community_id), ""),
        unit=names.get(("unit_id", enterprise.unit_id), ""), **story(enterprise),
    )  # fmt: skip


def story(enterprise: Enterprise) -> dict[str, Any]:
    """Where it sits and sat, head counts and changes, as both pages of the file show them."""
    session = db.session()
    seats = (
        select(Premises)
        .where(Premises.enterprise_id == enterprise.id)
        .options(joinedload(Premises.place))
        .order_by(Premises.until_at.is_not(None), Premises.from_at, Premises.id)
    )
    return {
        "premises": session.scalars(seats).all(),
        "now_at": site.now(),
        "headcounts": headcounts(session, enterprise.id)[::-1],
        "changes": EnterpriseChange.of(session, enterprise, most=MOST_CHANGES),
    }


@bp.route("/enterprises/<int:enterprise_id>/profile/edit", methods=["GET", "POST"])
@needs("enterprise:keep", Enterprise)
def edit_profile(enterprise: Enterprise) -> ResponseReturnValue:
    back = url_for("enterprises.profile", enterprise_id=enterprise.id)
    return _edit(enterprise, ProfileForm(obj=enterprise), back)


@bp.route("/enterprises/<int:enterprise_id>/file/edit", methods=["GET", "POST"])
@needs("enterprise:edit", Enterprise)
def edit_file(enterprise: Enterprise) -> ResponseReturnValue:
    """The officer's: street, community and unit too, not the telephone, which is the enterprise's own."""
    form = FileForm(obj=enterprise)
    _offer(form, enterprise.district_id)
    return _edit(enterprise, form, url_for("enterprises.file", enterprise_id=enterprise.id))


@bp.route("/enterprises/<int:enterprise_id>/profile/headcount", methods=["GET", "POST"])
@needs("enterprise:keep", Enterprise)
def profile_headcount(enterprise: Enterprise) -> ResponseReturnValue:
    return _count(enterprise, url_for("enterprises.profile", enterprise_id=enterprise.id))


@bp.route("/enterprises/<int:enterprise_id>/file/headcount", methods=["GET", "POST"])
@needs("enterprise:edit", Enterprise)
def file_headcount(enterprise: Enterprise) -> ResponseReturnValue:
    return _count(enterprise, url_for("enterprises.file", enterprise_id=enterprise.id))


@bp.route("/enterprises/new", methods=["GET", "POST"])
@needs("enterprise:register")
def register() -> ResponseReturnValue:
    """A new enterprise, within the reach of whoever registers it."""
    form = RegisterForm()
    _offer(form, current_user.district_id)
    _offer_own(form)
    if form.validate_on_submit() and not _taken(form):
        row = Enterprise(credit_code=form.credit_code.data)
        try:
            with db.session.no_autoflush:
                _fill(row, form)
            if form.headcount.data:
                row.set_headcount(
                    form.headcount.data, local(site.now()).date(), now=site.now(), by_id=current_user.id
                )
            db.session.add(row)
            db.session.flush()
            _must_be_mine(row)
            note(row, "登记企业")
            about(row)
            commit(name=row.name)
            flash(f"{row.name}已经登记。接着邀请它的健康岗位人员。", "ok")
            return done(url_for("enterprises.file", enterprise_id=row.id))
        except IntegrityError:  # somebody else registered it in the same moment
            db.session.rollback()
            _taken(form)
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
    return page("enterprises/edit.html", form=form, enterprise=None, back=url_for("enterprises.index"))


def file_or_list(enterprise: Enterprise) -> str:
    """Back to its file, or to the list where it has just gone out of reach: to another's list, out of the place."""
    reached = select(Enterprise.id).where(
        Enterprise.id == enterprise.id, within_reach("enterprise:oversee", Enterprise)
    )
    if db.session.scalar(reached) is None:
        return url_for("enterprises.index")
    return url_for("enterprises.file", enterprise_id=enterprise.id)


def _edit(enterprise: Enterprise, form: FactsForm, back: str) -> ResponseReturnValue:
    if form.validate_on_submit():
        try:
            enterprise.must_be_open()
            with db.session.no_autoflush:
                _fill(enterprise, form)
                changed = changes(enterprise)
            said = in_words(changed, _names(enterprise.district_id))
            if said:
                note(enterprise, said)
                commit(changes=changed)
            flash("已经改好。" if said else "没有改动。", "ok")
            return done(file_or_list(enterprise) if isinstance(form, FileForm) else back)
        except RuleBroken as error:
            db.session.rollback()
            form.form_errors.append(str(error))
    return page("enterprises/edit.html", form=form, enterprise=enterprise, back=back)


def _fill(row: Enterprise, form: FactsForm) -> None:
    for name in PLAIN:
        setattr(row, name, form[name].data)
    row.initials = (form.initials.data or "").lower() or initials_of(row.short_name or row.name, words=True)
    row.sector = Sector(form.sector.data) if form.sector.data else None
    if "phone" in form:
        row.phone = form["phone"].data or None
    if "street_id" in form:
        row.stand(
            street=db.session.get_one(Street, form["street_id"].data),
            community=_chosen(Community, form["community_id"].data),
            unit=_chosen(Unit, form["unit_id"].data),
        )


def _chosen(model: Any, number: int | None) -> Any:
    return db.session.get(model, number) if number else None


def _count(enterprise: Enterprise, back: str) -> ResponseReturnValue:
    today = local(site.now()).date()
    form = HeadcountForm(from_on=today)
    if form.validate_on_submit():
        db.session.refresh(enterprise, with_for_update=True)
        before, day = enterprise.headcount, form.from_on.data
        try:
            enterprise.set_headcount(form.number.data, day, now=site.now(), by_id=current_user.id)
            note(enterprise, f"在册人数：{filters.full_day(day)}起{form.number.data}人")
            commit(changes={"headcount": [before, enterprise.headcount]}, number=form.number.data, since=day)
            flash(f"已经记下：{filters.full_day(day)}起{form.number.data}人。", "ok")
            return done(back)
        except RuleBroken as error:
            db.session.rollback()
            field = form.from_on if day > today else form.number
            field.errors = [str(error)]
    return page("enterprises/headcount.html", form=form, enterprise=enterprise, back=back)


def note(row: Enterprise, what: str) -> None:
    db.session.add(
        EnterpriseChange(
            enterprise_id=row.id, at=site.now(), by_id=current_user.id, by_name=current_user.name, what=what
        )
    )


def _taken(form: RegisterForm) -> bool:
    """Whether the code is on file already; by which enterprise is said within reach only."""
    code = form.credit_code.data
    if db.session.scalar(select(Enterprise.id).where(Enterprise.credit_code == code)) is None:
        return False
    mine = select(Enterprise.name).where(
        Enterprise.credit_code == code, within_reach("enterprise:oversee", Enterprise)
    )
    name = db.session.scalar(mine)
    form.credit_code.errors = [f"这个代码已经登记，是{name}" if name else "这个代码已在别处登记，请联系专班"]
    return True


def _must_be_mine(row: Enterprise) -> None:
    reached = select(Enterprise.id).where(
        Enterprise.id == row.id, within_reach("enterprise:register", Enterprise)
    )
    if db.session.scalar(reached) is None:
        raise RuleBroken("这样登记的企业不在您负责的范围里，请选您负责的社区或联络单位")


def _rows(district_id: int) -> tuple[list[Any], list[Any], list[Any]]:
    streets = select(Street.id, Street.name).where(Street.district_id == district_id).order_by(Street.name)
    communities = (
        select(Community.id, Community.name, Street.name)
        .join(Street, Street.id == Community.street_id)
        .where(Street.district_id == district_id)
        .order_by(Street.name, Community.name)
    )
    units = select(Unit.id, Unit.name).where(Unit.district_id == district_id).order_by(Unit.name)
    run = db.session.execute
    return list(run(streets)), list(run(communities)), list(run(units))


def _offer(form: Any, district_id: int) -> None:
    """Choices of the district alone: a number from elsewhere is no choice (SEC-7)."""
    streets, communities, units = _rows(district_id)
    form.street_id.choices = options((number, name) for number, name in streets)
    form.community_id.choices = options(
        ((number, f"{street}{name}") for number, name, street in communities), "不填"
    )
    form.unit_id.choices = options(((number, name) for number, name in units), "不填")


def _offer_own(form: RegisterForm) -> None:
    """Who looks after a unit or a community alone registers there and nowhere else; the first is chosen already."""
    scopes = {one.scope for one in serving() if one.post in GRANTS["enterprise:register"]}
    mine = {
        field: set(db.session.scalars(select(model.id).where(within_reach("enterprise:register", model))))
        for field, model in (("unit_id", Unit), ("community_id", Community))
    }
    if scopes == {"unit"}:
        form.unit_id.choices = [one for one in form.unit_id.choices if one.value in mine["unit_id"]]
    if scopes == {"community"}:
        form.community_id.choices = [
            one for one in form.community_id.choices if one.value in mine["community_id"]
        ]
        theirs = select(Community.street_id).where(Community.id.in_(mine["community_id"]))
        streets = set(db.session.scalars(theirs))
        form.street_id.choices = [one for one in form.street_id.choices if one.value in streets]
    if form.is_submitted() or "district" in scopes:
        return
    for field, numbers in mine.items():
        form[field].data = next((one.value for one in form[field].choices if one.value in numbers), None)
    if form.community_id.data:
        form.street_id.data = db.session.get_one(Community, form.community_id.data).street_id


def _names(district_id: int) -> dict[tuple[str, Any], str]:
    streets, communities, units = _rows(district_id)
    return (
        {("street_id", number): name for number, name in streets}
        | {("community_id", number): name for number, name, _ in communities}
        | {("unit_id", number): name for number, name in units}
    )
