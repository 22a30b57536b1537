"""A person's own filters of the enterprises (常用筛选): saved from the list as it stands, renamed, deleted."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from wtforms.validators import DataRequired, Length

from blueprints.enterprises import bp
from blueprints.enterprises.asked import in_words, query_of, wanted
from blueprints.web import guard
from blueprints.web.fields import JustAct, PlainTextField
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.saved_filters import MOST, NAME_SIGNS, SavedFilter, filters_of

LIST = "enterprises"
ACTION = "filter:keep"


class NameForm(FlaskForm):
    name = PlainTextField(
        "名字", [DataRequired("请起个名字"), Length(max=NAME_SIGNS, message=f"名字最多{NAME_SIGNS}个字")]
    )


@bp.get("/enterprises/filters")
@needs(ACTION)
def filters() -> ResponseReturnValue:
    """The person's own filters, each with what it asks for."""
    kept = filters_of(db.session(), current_user.id, LIST, today())
    lines = [(one, in_words(wanted(ACTION, MultiDict(parse_qsl(one.query))))) for one in kept]
    own = sum(one.hand_over_id is None for one in kept)
    return page("enterprises/filters.html", lines=lines, most=MOST, own=own)


def today() -> date:
    return local(site.now()).date()


@bp.route("/enterprises/filters/new", methods=["GET", "POST"])
@needs(ACTION)
def new_filter() -> ResponseReturnValue:
    """The filter in the address gets a name; its words are offered for one."""
    asked = wanted(ACTION)
    words, query = in_words(asked), query_of(asked)
    form = NameForm(name="，".join(said for _, said in words)[:NAME_SIGNS])
    if form.validate_on_submit():
        try:
            made = SavedFilter.keep(
                db.session(), current_user.id, LIST, name=form.name.data or "", query=query, on=today()
            )
            db.session.flush()
            commit(saved_filter=made.id)
            flash(f"已存为“{made.name}”，在列表上方一点就用。", "ok")
            return done(_list(query))
        except RuleBroken as refusal:
            db.session.rollback()
            form.name.errors = [str(refusal)]
    return page(
        "enterprises/new_filter.html", form=form, words=words, back=_list(query), most_signs=NAME_SIGNS
    )


@bp.route("/enterprises/filters/<int:number>", methods=["GET", "POST"])
@needs(ACTION)
def rename_filter(number: int) -> ResponseReturnValue:
    """Another name for the same filter."""
    one = _own(number)
    form = NameForm(name=one.name)
    if form.validate_on_submit():
        try:
            one.rename(db.session(), form.name.data or "", on=today())
            commit(saved_filter=one.id)
            flash(f"已改名为“{one.name}”。", "ok")
            return done(url_for("enterprises.filters"))
        except RuleBroken as refusal:
            db.session.rollback()
            form.name.errors = [str(refusal)]
    return page("enterprises/rename_filter.html", form=form, one=one, most_signs=NAME_SIGNS)


@bp.post("/enterprises/filters/<int:number>/delete")
@needs(ACTION)
def delete_filter(number: int) -> ResponseReturnValue:
    """Gone; the enterprises that it found stay where they are."""
    if not JustAct().validate_on_submit():
        raise RuleBroken("这一页放得太久，请刷新后再删")
    one = _own(number)
    name = one.name
    db.session.delete(one)
    commit(saved_filter=number, deleted=True)
    flash(f"已删除“{name}”。", "ok")
    return done(url_for("enterprises.filters"))


def _own(number: int) -> SavedFilter:
    """Nobody has another's, whatever their post."""
    one = db.session.scalar(
        select(SavedFilter).where(
            SavedFilter.id == number,
            SavedFilter.account_id == current_user.id,
            SavedFilter.list == LIST,
            SavedFilter.there(today()),
        )
    )
    if one is None:
        guard.refuse(404, ACTION, object_type="saved_filter", object_id=str(number))
    return one


def _list(query: str) -> str:
    return url_for("enterprises.index") + (f"?{query}" if query else "")
