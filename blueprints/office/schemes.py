"""Schemes (方案): which one the district follows, what another would change, adopting one from a day on."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response

from blueprints.office import bp
from blueprints.office.forms import AdoptForm, ReasonForm
from blueprints.office.modes import PERIODS
from blueprints.web.guard import can, commit, needs
from blueprints.web.page import done, page
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.office import adopt as adopt_scheme
from models.office import adoptions_of, names_of, questions_added, withdraw
from models.places import Adoption
from models.policy import names
from models.policy.compare import Difference, diff
from models.policy.records import PolicyError
from models.policy.schema import Mode, Policy

# What the keys of a pack are about, in the order of the page in force; all else is about the pack itself.
AREAS = {
    "": "方案本身",
    "thresholds": "体温",
    "look_back": "旅居史回看",
    "retention": "保存期限",
    "gate": "入口登记表",
    "measures_in_force": "措施",
    "staffing": "岗位配备",
    "places": "园区、楼宇",
    "posts": "岗位",
    "reporting": "企业报送",
    "clusters": "聚集性病例",
}


@bp.get("/schemes")
@needs("policy:see")
def schemes() -> Response:
    """The scheme in force with its numbers and clauses, what is planned, what else there is."""
    today = local(site.now()).date()
    made = adoptions_of(db.session(), current_user.district_id)
    policy = site.book.in_force(made, today)
    begun = [a for a in made if a.from_on <= today]
    packs = _packs()
    return page(
        "office/schemes.html",
        policy=policy,
        current=begun[-1] if begun else None,
        planned=[a for a in made if a.from_on > today],
        past=begun[-2::-1],
        changed=[a for a in made if _digest(a.scheme_key) not in (None, a.digest)],
        packs=packs,
        titles={pack.key: pack.title for pack in packs},
        added=questions_added(policy) if policy else [],
        names=names_of(db.session(), [a.adopted_by_id for a in made]),
        modes=tuple(Mode),
        periods=PERIODS,
        statuses=names.VALUES["status"],
        may_adopt=can("policy:adopt"),
    )


@bp.get("/schemes/compare")
@needs("policy:see")
def compare_schemes() -> Response:
    """Two packs side by side, key by key."""
    packs = _packs()
    by_key = {pack.key: pack for pack in packs}
    old = by_key.get(request.args.get("old", "")) or _in_force() or packs[0]
    new = by_key.get(request.args.get("new", "")) or next(
        (one for one in reversed(packs) if one is not old), old
    )
    found = diff(old, new)
    rules = [one for one in found if ".source." not in one.key]
    return page(
        "office/compare.html",
        partial="office/_differences.html",
        old=old,
        new=new,
        packs=packs,
        total=len(found),
        areas=[(words, [one for one in rules if _area(one) == area]) for area, words in AREAS.items()],
        sources=[one for one in found if ".source." in one.key],
    )


@bp.route("/schemes/adopt", methods=["GET", "POST"])
@needs("policy:adopt")
def adopt() -> ResponseReturnValue:
    """From a day on, never back-dated."""
    form = AdoptForm(scheme=request.args.get("scheme"))
    form.scheme.choices = [("", "请选择"), *((pack.key, pack.title) for pack in _packs())]
    if form.validate_on_submit():
        try:
            adoption = adopt_scheme(
                db.session(),
                site.book,
                current_user.account.district,
                form.scheme.data or "",
                form.from_on.data,
                now=site.now(),
                by_id=current_user.id,
            )
        except RuleBroken as refusal:
            form.form_errors.append(str(refusal))
        else:
            title = site.book.get(adoption.scheme_key).title
            flash(f"已定：{adoption.from_on.month}月{adoption.from_on.day}日起采用《{title}》。", "ok")
            commit(adopted=adoption.scheme_key, from_on=adoption.from_on, digest=adoption.digest)
            return done(url_for("office.schemes"))
    return page("office/adopt.html", form=form, policy=_in_force(), today=local(site.now()).date())


@bp.route("/schemes/adoptions/<int:adoption_id>/withdraw", methods=["GET", "POST"])
@needs("policy:adopt", Adoption)
def withdraw_adoption(adoption: Adoption) -> ResponseReturnValue:
    """Takes a planned adoption back, with a reason, before its day."""
    form = ReasonForm()
    if adoption.from_on <= local(site.now()).date():
        raise RuleBroken("这份方案已经实行，不能撤回；要换，请另采用一份")
    if form.validate_on_submit():
        withdraw(db.session(), adoption, now=site.now())
        flash(f"已撤回{adoption.from_on.month}月{adoption.from_on.day}日起的采用，方案不变。", "ok")
        commit(withdrawn=adoption.scheme_key, from_on=adoption.from_on, reason=form.reason.data)
        return done(url_for("office.schemes"))
    return page(
        "office/withdraw.html", form=form, adoption=adoption, title=site.book.get(adoption.scheme_key).title
    )


def _packs() -> list[Policy]:
    """Every pack that the site knows, whichever district follows it."""
    return [site.book.get(key) for key in site.book.keys()]  # noqa: SIM118 (a Book is no mapping)


def _in_force() -> Policy | None:
    return policy_on(current_user.district_id, local(site.now()).date())


def _area(difference: Difference) -> str:
    area = difference.key.partition(".")[0].partition("[")[0]
    return area if area in AREAS else ""


def _digest(key: str) -> str | None:
    try:
        return site.book.get(key).digest
    except PolicyError:
        return None
