"""Leaving (离开): by the visitor from the pass, alone or with whoever came along, and by the guard from the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.gate import bp, nonce
from blueprints.gate.visitor import engine, english_wanted
from blueprints.web.guard import commit, needs, public
from blueprints.web.inside import with_left
from blueprints.web.page import done
from blueprints.web.sign_in import csrf, is_ours
from blueprints.web.site import site
from models import visits
from models.base import RuleBroken, db, reading
from models.gate import CheckIn, Departure
from models.masks import mask_name
from models.places import District, Gate, Place
from models.policy.schema import Mode
from models.visits import Going

T = visits.T


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody of a pass on the page for leaving. Once the pass has run out, nobody's name is shown."""

    number: int  # in the order of the form: 0 filled it in
    call_number: int
    name: str  # masked
    came_in: bool
    is_here: bool
    words: str  # how the visit ended, or that there was none


@dataclass(frozen=True, slots=True)
class Leaving:
    """What `gate/_leave.html` needs: hand it over as `leaving`."""

    token: str
    people: list[Leaver]

    @property
    def here(self) -> list[Leaver]:
        return [one for one in self.people if one.is_here]

    @property
    def came_in(self) -> bool:
        return any(one.came_in for one in self.people)


def leaving_of(
    connection: Any, row: Any, token: str, *, named: bool, english: bool, now: datetime
) -> Leaving:
    """Who of a pass may still leave; `named`: whether the pass is still valid."""
    people = visits.party_of(connection, row)
    return Leaving(token, [_leaver(n, one, named, english, now) for n, one in enumerate(people)])


def _leaver(number: int, one: Going, named: bool, english: bool, now: datetime) -> Leaver:
    if one.visit is None:
        words = "No entry on record, no need to check out" if english else "没有进入的记录，不用登记离开"
    else:
        words = "" if one.is_here else visits.ended_words(one.visit, now, english)
    name = mask_name(one.row.name) if named else ""
    return Leaver(number, one.row.call_number, name, one.visit is not None, one.is_here, words)


@bp.route("/pass/<token>/leave", methods=["GET", "POST"])
@public
@csrf.exempt
def leave(token: str) -> ResponseReturnValue:
    """「我要离开」, also when the pass has run out: everybody of the pass, or the one whose button it was. A second exit is none."""
    row = _row(token)
    if request.method == "POST":
        person = request.form.get("person", type=int)
        with engine().begin() as connection:
            people = visits.party_of(connection, row)
            if person is not None:
                people = people[person : person + 1] if person >= 0 else []
            visits.leave(connection, people, now=site.now(), how=Departure.SELF)
        return done(f"/pass/{token}/leave")
    now, english = site.now(), english_wanted()
    until = row.occurred_at + timedelta(
        minutes=site.book.get(row.scheme_key).gate[Mode(row.mode)].pass_minutes
    )
    with reading(), engine().connect() as connection:
        leaving = leaving_of(connection, row, token, named=now < until, english=english, now=now)
    html = render_template(
        "gate/leave.html", row=row, token=token, leaving=leaving, valid=now < until, english=english,
        organiser=row.organiser, district_slug=row.district_slug,
    )  # fmt: skip
    response = Response(html, mimetype="text/html")
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _row(token: str) -> Any:
    row_nonce = nonce.read_pass_token(site.vault, token)
    if row_nonce is None:
        abort(404)
    columns = (
        *visits.VISIT, T.c.mode, T.c.scheme_key, Place.name.label("place_name"), Gate.name.label("gate_name"),
        District.name.label("district_name"), District.organiser, District.slug.label("district_slug"),
    )  # fmt: skip
    with reading(), engine().connect() as connection:
        row = connection.execute(
            select(*columns)
            .join(Place, Place.id == T.c.place_id)
            .join(Gate, Gate.id == T.c.gate_id)
            .join(District, District.id == T.c.district_id)
            .where(T.c.nonce == row_nonce)
        ).first()
    return row or abort(404)


@bp.post("/gate/entries/<int:check_in_id>/leave")
@needs("visit:end", CheckIn)
def end_visit(check_in: CheckIn) -> ResponseReturnValue:
    """The guard lets somebody out; `how` absent: a guard has looked, and there is nobody of that name."""
    how = Departure.ABSENT if request.form.get("how") == "absent" else Departure.GUARD
    connection = db.session.connection()
    one = visits.going(connection, check_in)
    try:
        ended = visits.leave(connection, [one], now=site.now(), how=how, by_id=current_user.id)
    except RuleBroken as broken:
        flash(str(broken), "warn")
        return done(_back())
    if ended:
        commit(visit=one.visit and one.visit.id, how=how.value)
    return done(with_left(_back(), check_in.id))


@bp.post("/gate/entries/<int:check_in_id>/leave/undo")
@needs("visit:end", CheckIn)
def undo_leave(check_in: CheckIn) -> ResponseReturnValue:
    """Takes it back within a minute."""
    try:
        visits.undo(db.session(), check_in, now=site.now(), by_id=current_user.id)
    except RuleBroken as broken:
        flash(str(broken), "warn")
    else:
        commit(undone=True)
        flash(f"已撤销，{mask_name(check_in.name)}还在里面", "ok")
    return done(_back())


def _back() -> str:
    """The list from which the button was pressed."""
    wanted = request.form.get("next", "")
    return wanted if is_ours(wanted) else "/gate/inside"
