"""Choosing a password (设密码): the rule of the district, asked the same wherever a password is chosen."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm

from blueprints.web.sign_in import unlocked
from models import passwords
from models.accounts import SCOPE_MODELS
from models.base import db
from models.passwords import Rule
from models.places import District


def chosen_hash(
    form: FlaskForm, *, username: str, district: District, scopes: Iterable[tuple[str, int]] = (),
    remembered: Iterable[str] = (),
) -> str | None:  # fmt: skip
    """The hash of the form's new password; None with the objection beside the field.

    Ends the transaction at hand, so that nobody waits for the hashing: call it before the first change.
    """
    password, rule = form["password"].data, Rule(district.password_rule)
    objection = passwords.objection(password, rule, username=username, names=_names(district, scopes))
    if not objection and rule == Rule.CLASSIFIED:
        used = any(unlocked(passwords.password_matches, one, password) for one in remembered)
        objection = f"最近{passwords.REMEMBERED}次用过的密码不能再用，请换一个" if used else ""
    if objection:
        form["password"].errors = [*form["password"].errors, objection]
        return None
    return unlocked(passwords.hash_password, password)


def _names(district: District, scopes: Iterable[tuple[str, int]]) -> list[str]:
    """The names that people like to put into passwords: of the district and of where they work."""
    names = [district.name, district.slug, district.organiser]
    for kind, number in scopes:
        row = db.session.get(SCOPE_MODELS[kind], number)
        names += [row.name, getattr(row, "short_name", "")] if row is not None else []
    return names


def rule_words(district: District) -> str:
    """The rule as the page says it before anything is typed."""
    if district.password_rule == Rule.LONG:
        return f"至少{passwords.LEAST[Rule.LONG]}个字，用几个不相干的词连起来最好记。可以粘贴。"
    return (
        f"至少{passwords.LEAST[Rule.CLASSIFIED]}个字，大写字母、小写字母、数字、符号至少用3种；"
        f"不含账号和单位名称，不用最近{passwords.REMEMBERED}次的密码，{passwords.MAX_AGE.days}天换一次。可以粘贴。"
    )
