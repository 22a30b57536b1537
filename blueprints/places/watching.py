"""What keeps a place's entries honest (数据核对、数人头): patterns of a day, and what guards have counted."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from flask import request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms.validators import Optional, ValidationError

from blueprints.places import bp
from blueprints.places.forms import LONGEST
from blueprints.web.fields import DayField
from blueprints.web.ground import ground
from blueprints.web.guard import needs
from blueprints.web.page import page
from blueprints.web.site import site
from models import honesty
from models.base import SHANGHAI, db, local
from models.cases import short_name
from models.gateview import mode_at
from models.head_shares import Table, by_day, by_hour, total
from models.places import Gate, Place
from models.watch import head_counts


class DayForm(FlaskForm):
    """Which day to look at. A GET form."""

    class Meta:
        csrf = False

    day = DayField("哪一天", [Optional()])

    def validate_day(self, field: DayField) -> None:
        if field.data is not None and field.data > local(site.now()).date():
            raise ValidationError("这一天还没有到，请选今天或以前")


@bp.get("/places/<int:place_id>/honesty")
@needs("place:honesty", Place)
def board(place: Place) -> ResponseReturnValue:
    """The patterns of a day, today's where none is chosen."""
    form, now = DayForm(request.args), site.now()
    good = form.validate()
    day: date = (form.day.data if good else None) or local(now).date()
    places = ground(place, "place:honesty")
    ids = [p.id for p in places]
    boards = honesty.board(db.session(), site.vault, ids, day, invented=place.district.is_demo)
    return page(
        "places/honesty.html", place=place, form=form, day=day, today=local(now).date(), boards=boards,
        gates=_gates(ids), names=_names(places, place), invented=place.district.is_demo,
        mode_now=mode_at(db.session(), place, now).value,
    )  # fmt: skip


@bp.get("/places/<int:place_id>/head-counts")
@needs("place:watch", Place)
def counts(place: Place) -> ResponseReturnValue:
    """The samples of the last 31 days, by gate, by day and by hour."""
    now, places = site.now(), ground(place, "place:watch")
    ids = [p.id for p in places]
    gates = _gates(ids)
    chosen = request.args.get("gate", type=int)
    since = datetime.combine(local(now).date() - LONGEST + timedelta(days=1), time(), SHANGHAI)
    every = head_counts(db.session(), ids, since)
    samples = [one for one in every if chosen is None or one.gate_id == chosen]
    tables: list[tuple[str, Table]] = [("每天", by_day(samples)), ("每个钟点", by_hour(samples))]
    return page(
        "places/counts.html", place=place, gates=gates, names=_names(places, place), chosen=chosen,
        samples=samples, counted={one.gate_id for one in every}, tables=tables, hours=by_hour(samples),
        total=total(samples), days=LONGEST.days, mode_now=mode_at(db.session(), place, now).value,
    )  # fmt: skip


def _gates(place_ids: list[int]) -> list[Gate]:
    query = select(Gate).where(Gate.place_id.in_(place_ids)).order_by(Gate.place_id, Gate.id)
    return list(db.session.scalars(query))


def _names(places, place: Place) -> dict[int, str]:
    """Before a gate's name: the building it belongs to, of a park."""
    return {p.id: "" if p.id == place.id else short_name(p, place) for p in places}
