"""Emergencies (应急响应): which are open, opening one after seeing how far it reaches, ending one."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from blueprints.office import bp
from blueprints.office.forms import ModeForm, ReasonForm
from blueprints.web import jobs
from blueprints.web.guard import can, commit, needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.mode_news import tell_of
from models.mode_switch import ending, opening
from models.office import (
    SCOPE_ROWS,
    SCOPE_WORDS,
    effect_of,
    names_of,
    questions_added,
    refuse_twice,
    scope_names,
)
from models.places import District, ModeOrder, Place
from models.policy import names
from models.policy.periods import Period
from models.policy.schema import Mode, Policy

PERIODS = names.VALUES["period"]


@bp.get("/modes")
@needs("mode:see")
def modes() -> Response:
    """What is open, as far as it reaches the person's places, and what there was."""
    now = site.now()
    concerned = ModeOrder.id.in_(_concerning())
    current = db.session.scalars(
        select(ModeOrder).where(concerned, ModeOrder.open_at(now)).order_by(ModeOrder.starts_at, ModeOrder.id)
    ).all()
    past = paged(
        select(ModeOrder).where(concerned, ~ModeOrder.open_at(now)).order_by(ModeOrder.ended_at.desc()),
        size=20,
    )
    orders = [*current, *past.rows]
    policy = _policy()
    return page(
        "office/modes.html",
        current=current,
        past=past,
        scopes=scope_names(db.session(), orders),
        scope_words=SCOPE_WORDS,
        names=names_of(db.session(), [i for o in orders for i in (o.opened_by_id, o.ended_by_id)]),
        counts={o.id: _reached(o, places) for o in current} if (places := _places()) else {},
        added=questions_added(policy) if policy else [],
        cadence=policy.reporting if policy else None,
        periods=PERIODS,
        today=local(now).date(),
        may_order=can("mode:order"),
        mode_now="emergency" if current else "normal",
    )


@bp.route("/modes/new", methods=["GET", "POST"])
@needs("mode:order")
def open_mode() -> ResponseReturnValue:
    """First the form, then how far it reaches, then it takes effect. `step` says where one is."""
    form = ModeForm()
    form.scope.choices = _scope_choices()
    policy = _policy()
    if policy is None:
        raise RuleBroken("本区还没有采用方案，先采用方案，再开启应急响应")
    if not form.validate_on_submit() or request.form.get("step") == "edit":
        return page("office/open_mode.html", form=form, effect=None)
    scope, _, number = (form.scope.data or "").partition(":")
    facts = {
        "scope": scope,
        "scope_id": int(number),
        "name": (form.name.data or "").strip(),
        "reason": (form.reason.data or "").strip(),
        "legal_basis": (form.legal_basis.data or "").strip(),
        "responsible": (form.responsible.data or "").strip(),
        "planned_end_on": form.planned_end_on.data,
    }
    now = site.now()
    try:
        refuse_twice(db.session(), scope=scope, scope_id=int(number), name=facts["name"], now=now)
        order = ModeOrder.open(**facts, district_id=current_user.district_id, now=now, by_id=current_user.id)
    except RuleBroken as refusal:
        form.form_errors.append(str(refusal))
        return page("office/open_mode.html", form=form, effect=None)
    effect = effect_of(db.session(), scope, int(number), now)
    switch = opening(db.session(), site.book, order)
    if request.form.get("step") != "confirm":
        return page(
            "office/open_mode.html",
            form=form,
            effect=effect,
            switch=switch,
            order=order,
            scope_title=_scope_name(scope, int(number)),
            added=questions_added(policy),
            normal=policy.reporting[Mode.NORMAL],
            emergency=policy.reporting[Mode.EMERGENCY],
            periods=PERIODS,
            mode_now="normal",
        )
    db.session.add(order)
    db.session.flush()
    people = tell_of(db.session(), order, switch, now=now, by=current_user.account)
    flash(
        f"“{order.name}”已经开启，{len(effect.places)}个场所、{effect.gates}个入口现在就用应急登记表"
        f"{_daily_from(switch.enterprises, switch.daily)}；已通知{people}人。",
        "ok",
    )
    commit(
        opened=order.id,
        name=order.name,
        scope=scope,
        scope_id=order.scope_id,
        places=len(effect.places),
        gates=effect.gates,
        enterprises=switch.enterprises,
        people=people,
        reason=order.reason,
    )
    jobs.begin_going_out()
    return done(url_for("office.modes"))


@bp.route("/modes/<int:mode_order_id>/end", methods=["GET", "POST"])
@needs("mode:order", ModeOrder)
def end_mode(mode_order: ModeOrder) -> ResponseReturnValue:
    """Ends an emergency with a reason. Places that another order reaches stay in theirs."""
    form = ReasonForm()
    now = site.now()
    if form.validate_on_submit():
        db.session.refresh(mode_order, with_for_update=True)
        effect = effect_of(db.session(), mode_order.scope, mode_order.scope_id, now, besides=mode_order)
        switch = ending(db.session(), site.book, mode_order, now)
        try:
            mode_order.end(reason=form.reason.data or "", now=now, by_id=current_user.id)
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
        else:
            people = tell_of(db.session(), mode_order, switch, now=now, by=current_user.account)
            stay = f"，{len(effect.others)}个场所因为别的应急响应仍在应急" if effect.others else ""
            flash(
                f"“{mode_order.name}”已经结束，{len(effect.alone)}个场所恢复常态{stay}；已通知{people}人。",
                "ok",
            )
            commit(
                ended=mode_order.id,
                back_to_normal=len(effect.alone),
                stay=len(effect.others),
                people=people,
                reason=form.reason.data,
            )
            jobs.begin_going_out()
            return done(url_for("office.modes"))
    elif mode_order.ended_at is not None:
        raise RuleBroken("这次应急响应已经结束")
    return page(
        "office/end_mode.html",
        form=form,
        order=mode_order,
        scope_title=_scope_name(mode_order.scope, mode_order.scope_id),
        effect=effect_of(db.session(), mode_order.scope, mode_order.scope_id, now, besides=mode_order),
        switch=ending(db.session(), site.book, mode_order, now),
        periods=PERIODS,
        normal=policy.reporting[Mode.NORMAL] if (policy := _policy()) else None,
        mode_now="emergency",
    )


def _daily_from(enterprises: int, daily: Period | None) -> str:
    if not enterprises or daily is None:
        return ""
    return f"；{enterprises}家企业{daily.first_on.month}月{daily.first_on.day}日起每天报送"


def _policy() -> Policy | None:
    return policy_on(current_user.district_id, local(site.now()).date())


def _places() -> list[Place]:
    return list(db.session.scalars(select(Place).where(within_reach("mode:see", Place))))


def _reached(order: ModeOrder, places: list[Place]) -> int:
    return sum(order.reaches(place) for place in places)


def _concerning() -> list[int]:
    """Orders that reach a place within the person's reach; all of the district for the task force."""
    orders = db.session.scalars(
        select(ModeOrder).where(ModeOrder.district_id == current_user.district_id)
    ).all()
    if db.session.scalar(select(District.id).where(within_reach("mode:see", District))):
        return [order.id for order in orders]
    places = _places()
    return [order.id for order in orders if any(order.reaches(place) for place in places)]


def _scope_choices() -> dict[str, list[tuple[str, str]]]:
    """The whole district, its streets, communities and places, as far as the person may order for them."""
    choices: dict[str, list[tuple[str, str]]] = {"请选择": [("", "还没有选")]}
    for scope, model in SCOPE_ROWS.items():
        rows = db.session.execute(
            select(model.id, model.name).where(within_reach("mode:order", model)).order_by(model.id)  # type: ignore[attr-defined]
        ).all()
        if rows:
            choices[SCOPE_WORDS[scope]] = [(f"{scope}:{number}", name) for number, name in rows]
    return choices


def _scope_name(scope: str, number: int) -> str:
    return str(db.session.scalar(select(SCOPE_ROWS[scope].name).where(SCOPE_ROWS[scope].id == number)))  # type: ignore[attr-defined]
