"""What visitors call the enterprises of a place (去向的写法): the unrecognised, mapped once for all."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.places import bp
from blueprints.places.forms import JustAct, MapForm
from blueprints.places.ground import ground
from blueprints.web import guard
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import spellings as ways
from models.base import RuleBroken, db
from models.enterprises import Spelling
from models.gateview import mode_at
from models.places import Place


@bp.route("/places/<int:place_id>/spellings", methods=["GET", "POST"])
@needs("spelling:map", Place)
def spellings(place: Place) -> ResponseReturnValue:
    """The unmatched spellings of the last 30 days; a POST says which enterprise one of them means."""
    form = MapForm()
    places = {p.id: p for p in ground(place, "spelling:map")}
    residents = ways.tenants(db.session(), place, site.now())
    if form.validate_on_submit():
        try:
            where = places.get(form.place.data or 0)
            if where is None:
                raise RuleBroken("这个写法不在您负责的场所里")
            meant = ways.named(form.enterprise.data or "", residents)
            matched = ways.map_to(
                db.session(), where, form.written.data or "", meant, now=site.now(), by_id=current_user.id
            )
        except RuleBroken as broken:
            form.enterprise.errors = [*form.enterprise.errors, str(broken)]
        else:
            guard.commit(
                written=form.written.data, enterprise_id=meant.id, matched=matched, place_id=where.id
            )
            flash(
                f"“{form.written.data}”以后都算{meant.short_name or meant.name}，以前的{matched}条也已改好",
                "ok",
            )
            return done(url_for("places.spellings", place_id=place.id))
    return page(
        "places/spellings.html", place=place, form=form, act=JustAct(formdata=None), residents=residents,
        names={p.id: p.name for p in places.values() if p.id != place.id},
        unmatched=ways.unmatched(db.session(), list(places), site.now()),
        mapped=ways.mapped(db.session(), list(places)),
        mode_now=mode_at(db.session(), place, site.now()).value,
    )  # fmt: skip


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
    written, reset = spelling.written, ways.undo(db.session(), spelling, now=site.now())
    guard.commit(undone=written, enterprise_id=spelling.enterprise_id, reset=reset)
    flash(f"已撤销“{written}”的对应，{reset}条登记回到未识别", "ok")
    return done(url_for("places.spellings", place_id=place.id))
