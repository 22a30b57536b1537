"""What visitors call the enterprises of a place (去向的写法): the unrecognised, mapped once for all."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.places import bp
from blueprints.places.forms import MapForm
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.ground import ground
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import spellings as ways
from models.base import RuleBroken, db
from models.cases import short_name
from models.enterprises import Enterprise, Spelling
from models.gateview import mode_at
from models.places import Place


@bp.route("/places/<int:place_id>/spellings", methods=["GET", "POST"])
@needs("spelling:map", Place)
def spellings(place: Place) -> ResponseReturnValue:
    """The unmatched spellings of the last 30 days; a POST says which enterprise one of them means, or none."""
    form, now = MapForm(), site.now()
    places = ground(place, "spelling:map")
    ids = [p.id for p in places]
    residents = ways.tenants(db.session(), place, now)
    if form.validate_on_submit():
        try:
            said = _settle(form, ids, residents)
        except RuleBroken as broken:
            form.enterprise.errors = [*form.enterprise.errors, str(broken)]
        else:
            flash(said, "ok")
            return done(url_for("places.spellings", place_id=place.id))
    unmatched = ways.unmatched(db.session(), ids, now)
    if form.errors and form.written.data not in [one.written for one in unmatched]:
        _say_above(form)
    return page(
        "places/spellings.html", place=place, form=form, act=JustAct(formdata=None), residents=residents,
        names={p.id: p.name if p is places[0] else short_name(p, place) for p in places},
        unmatched=unmatched,
        settled=ways.settled(db.session(), ids),
        mode_now=mode_at(db.session(), place, now).value,
    )  # fmt: skip


def _say_above(form: MapForm) -> None:
    """Where the row has gone meanwhile, its errors stand above the list alone."""
    form.form_errors = [message for field in form for message in field.errors]
    for field in form:
        field.errors = []


def _settle(form: MapForm, ids: list[int], residents: Sequence[Enterprise]) -> str:
    """Maps the spelling, or sets it aside; answers what to tell the specialist."""
    written, now, by_id = form.written.data or "", site.now(), current_user.id
    if form.aside.data:
        ways.set_aside(db.session(), ids, written, now=now, by_id=by_id)
        guard.commit(written=written, enterprise_id=None)
        return f"“{written}”不是企业，以后不再问"
    meant = ways.named(form.enterprise.data or "", residents)
    matched = ways.map_to(db.session(), ids, written, meant, now=now, by_id=by_id)
    guard.commit(written=written, enterprise_id=meant.id, matched=matched)
    return f"“{written}”以后都算{meant.short_name or meant.name}，以前的{matched}条也已改好"


@bp.post("/places/<int:place_id>/spellings/<int:spelling_id>/undo")
@needs("spelling:map", Place)
def undo_spelling(place: Place, spelling_id: int) -> ResponseReturnValue:
    """Takes a mapping back; the rows that it matched are unmatched again."""
    places = [p.id for p in ground(place, "spelling:map")]
    spelling = db.session.scalar(
        select(Spelling).where(Spelling.id == spelling_id, Spelling.place_id.in_(places))
    )
    if spelling is None:
        return guard.refuse(404, "spelling:map", object_type="spelling", object_id=str(spelling_id))
    written, reset = spelling.written, ways.undo(db.session(), spelling, places, now=site.now())
    guard.commit(undone=written, enterprise_id=spelling.enterprise_id, reset=reset)
    back = f"{reset}条登记回到未识别" if spelling.enterprise_id else "这样写的登记回到未识别"
    flash(f"已撤销“{written}”的结论，{back}", "ok")
    return done(url_for("places.spellings", place_id=place.id))
