"""The security administrator's rules (安全设置): passwords, the second step, and the table of who may do what."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.admin import bp
from blueprints.admin.forms import RemoveSecondFactorForm, RulesForm
from blueprints.web.guard import commit, needs
from blueprints.web.page import done, page
from blueprints.web.sign_in import fresh
from blueprints.web.site import site
from models.access import ACTION_LABELS, GRANTS, INVITES, Post
from models.accounts import Account, LoginSession
from models.audit import changes
from models.base import RuleBroken, db
from models.passwords import Rule
from models.places import District


@bp.get("/admin/security")
@needs("security:set")
def security() -> ResponseReturnValue:
    """The rules in force, and GRANTS as a table."""
    district = db.session.get_one(District, current_user.district_id)
    return page(
        "admin/security.html", rule=Rule(district.password_rule), second_factor=district.second_factor,
        posts=list(Post), grants=[(ACTION_LABELS[action], posts) for action, posts in GRANTS.items()],
        invites={post: sorted(below, key=list(Post).index) for post, below in INVITES.items()},
        by_installation=site.settings.production,
    )  # fmt: skip


@bp.route("/admin/security/rules", methods=["GET", "POST"])
@needs("security:set")
@fresh
def security_rules() -> ResponseReturnValue:
    """A stricter rule binds from the next new password on; a demanded second step from the next page on."""
    district = db.session.get_one(District, current_user.district_id)
    form = RulesForm(obj=district)
    if form.validate_on_submit():
        form.populate_obj(district)
        commit(changes=changes(district))
        flash("安全设置已经存好。", "ok")
        return done(url_for("admin.security"))
    return page("admin/security_rules.html", form=form)


@bp.route("/admin/security/second-factor", methods=["GET", "POST"])
@needs("security:set")
@fresh
def remove_second_factor() -> ResponseReturnValue:
    """For somebody who has lost the telephone: the second step is taken off, and the sessions end."""
    form = RemoveSecondFactorForm()
    if form.validate_on_submit():
        known = Account.known_as(form.username.data or "").where(
            Account.district_id == current_user.district_id
        )
        person = db.session.scalar(known)
        if person is None:
            form.username.errors = [f"没有找到账号“{form.username.data}”，请核对"]
        elif person.id == current_user.id:
            form.username.errors = ["自己的两步验证在“我的账号”里关"]
        else:
            try:
                person.drop_second_factor()
                db.session.execute(LoginSession.ending(person.id, "撤下两步验证", now=site.now()))
                commit(account=person.id, username=person.username, reason=form.reason.data)
                flash(f"{person.name}的两步验证已经撤下，请本人登录后重开。", "ok")
                return done(url_for("admin.security"))
            except RuleBroken as error:
                form.username.errors = [str(error)]
    return page("admin/remove_second_factor.html", form=form)
