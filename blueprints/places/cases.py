"""One entry and what is done about it (处理登记): its story, the note that closes it, a look at a number."""

from __future__ import annotations

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.places import bp
from blueprints.places.forms import REASONS, HandleForm, RevealForm
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.revealing import look_at, open_look
from blueprints.web.site import site
from models import cases
from models.base import RuleBroken, db
from models.gate import CheckIn, Note, Outcome
from models.gateview import mode_at
from models.places import Place


@bp.route("/places/<int:place_id>/entries/<int:check_in_id>", methods=["GET", "POST"])
@needs("entry:handle", Place)
@needs("entry:handle", CheckIn)
def entry(place: Place, check_in: CheckIn) -> ResponseReturnValue:
    """The case; a POST adds a note. Every outcome but 继续跟进 moves it away from the day's list."""
    _must_be_here(place, check_in)
    form = HandleForm()
    if form.validate_on_submit():
        outcome = Outcome(form.outcome.data)
        try:
            Note.write(
                check_in, outcome=outcome, text=form.text.data or "", now=site.now(), by_id=current_user.id
            )
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            guard.commit(outcome=outcome.value, verdict=check_in.verdict.value)
            flash(f"{cases.mask_name(check_in.name)}的登记已记下：{outcome.label}", "ok")
            if outcome == Outcome.FOLLOWING:
                return done(_address(place, check_in))
            return done(url_for("places.day", place_id=place.id))
    return _case(place, check_in, form=form)


@bp.post("/places/<int:place_id>/entries/<int:check_in_id>/reveal")
@needs("entry:reveal", Place)
@needs("entry:reveal", CheckIn)
def reveal(place: Place, check_in: CheckIn) -> ResponseReturnValue:
    """Shows the whole name and number of this case for half an hour. Who looked and why is kept."""
    _must_be_here(place, check_in)
    form = RevealForm()
    if not form.validate_on_submit():
        return _case(place, check_in, form=form)
    until = open_look(str(check_in.id), form.reason.data, site.now())
    guard.seen(fields="name,mobile", reason=form.reason.data, until=until)
    return done(_address(place, check_in, "person"))


@bp.post("/places/<int:place_id>/entries/<int:check_in_id>/call")
@needs("entry:reveal", Place)
@needs("entry:reveal", CheckIn)
def call(place: Place, check_in: CheckIn) -> ResponseReturnValue:
    """Keeps that the number is about to be called; the page that follows has it as a link to dial."""
    _must_be_here(place, check_in)
    form, look = JustAct(), look_at(str(check_in.id), site.now())
    if not form.validate_on_submit() or look is None or check_in.mobile is None:
        raise RuleBroken("请先写明原因查看号码，再拨打；查看后30分钟内有效")
    guard.seen(call="mobile", reason=look[1])
    return done(_address(place, check_in, "person", call=1))


def _case(place: Place, check_in: CheckIn, *, form: HandleForm | RevealForm) -> ResponseReturnValue:
    now, policy = site.now(), site.book.get(check_in.scheme_key)
    earlier = db.session.get(CheckIn, check_in.earlier_id) if check_in.earlier_id else None
    later = cases.later_attempts(db.session(), check_in)
    look = look_at(str(check_in.id), now)
    return page(
        "places/entry.html", form=form, place=place, entry=check_in,
        handle=form if isinstance(form, HandleForm) else HandleForm(formdata=None),
        why=form if isinstance(form, RevealForm) else RevealForm(formdata=None),
        act=JustAct(formdata=None),
        line=cases.line_of(check_in, site.book, site.vault, now, at=place),
        story=cases.story(check_in, policy, earlier=earlier, later=later),
        can_handle=check_in.is_abnormal or check_in.marks or check_in.notes,
        look_until=look[0] if look else None,
        look_reason=REASONS.get(look[1], "") if look else "",
        number=cases.mobile_of(check_in, site.vault) if look else "",
        calling=bool(look) and request.args.get("call") == "1",
        mode_now=mode_at(db.session(), place, now).value,
    )  # fmt: skip


def _must_be_here(place: Place, check_in: CheckIn) -> None:
    """An entry stands under its own place or, of a building, under the park too; nowhere else."""
    if place.id not in (check_in.place_id, check_in.place.parent_id):
        guard.refuse(404, g.action, object_type="check_in", object_id=str(check_in.id))


def _address(place: Place, check_in: CheckIn, anchor: str | None = None, **more: int) -> str:
    return url_for("places.entry", place_id=place.id, check_in_id=check_in.id, _anchor=anchor, **more)
