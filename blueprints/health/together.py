"""One person who serves several enterprises (一人多家): their day in one table, filed apart (settled 4.4).

Each enterprise is read, written and committed by itself, with an audit line of its own: what is wrong with one keeps nobody
else's entries from being stored.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from blueprints.health import bp, vouching
from blueprints.health.entering import STALE
from blueprints.health.manage import Setting, others_of
from blueprints.web import guard
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.archive import Employee
from models.base import RuleBroken, db
from models.enterprises import Enterprise
from models.follow_ups import FollowUp
from models.health_entries import (
    Counts,
    EntrySource,
    HealthEntry,
    Report,
    asked,
    counts,
    modes_of,
    to_enter,
    work_on,
    write,
)  # fmt: skip
from models.timed import where

LOG = logging.getLogger("site.health")
MOST = 50  # people of one enterprise in the table; who has more has a page of their own
NOTHING = "还没有填。量了谁，就填谁的体温，并在那家企业的那句话前面打勾"
LOST = "这一家没有存成，请再交一次；还是不行，请到这家企业的每日健康里填"


@dataclass(frozen=True, slots=True)
class Section:
    """One enterprise's part of the table: who is not well, then who has not reported."""

    enterprise: Enterprise
    setting: Setting
    numbers: Counts
    people: Sequence[tuple[Employee, HealthEntry | None]]

    @property
    def name(self) -> str:
        return self.enterprise.short_name or self.enterprise.name

    @property
    def unwell(self) -> list[tuple[Employee, HealthEntry]]:
        return [(one, entry) for one, entry in self.people if entry is not None]

    @property
    def missing(self) -> list[Employee]:
        return [one for one, entry in self.people if entry is None] if self.setting.required else []

    @property
    def not_listed(self) -> int:
        """Who has not reported and found no room in the table."""
        return max(self.numbers.missing - len(self.missing), 0) if self.setting.required else 0

    @property
    def sheet(self) -> vouching.Sheet | None:
        """What can be filled in here; None where nothing is asked or nobody is missing."""
        if self.setting.policy is None or not self.missing:
            return None
        questions = asked(self.setting.policy, self.setting.mode)
        return vouching.Sheet(self.setting.policy, questions, self.missing, f"well{self.enterprise.id}")


@bp.route("/daily-health", methods=["GET", "POST"])
@needs("health:manage")
def together() -> ResponseReturnValue:
    """Every enterprise of the person at the door; a POST stores what can be stored and says what cannot, and why."""
    sections = _sections()
    if request.method == "GET":
        return _page(sections)
    if not JustAct().validate():
        return _page(sections, {"form": STALE})
    touched = [(one, one.sheet) for one in sections if one.sheet and one.sheet.is_touched(request.form)]
    errors: dict[str, str] = {} if touched else {"form": NOTHING}
    stored: list[tuple[Section, int]] = []
    for section, sheet in touched:
        said, reports = sheet.read(request.form)
        if sheet.tick in said:  # several sentences on one page: whose is it
            said[sheet.tick] = f"{section.name}：{said[sheet.tick]}"
        said = said or _store(section, sheet, reports)
        errors |= said
        if not said:
            stored.append((section, len(reports)))
    if errors:
        return _page(_sections() if stored else sections, errors, stored)
    flash(f"已存：{_in_words(stored)}", "ok")
    return done(url_for("health.together"))


def _in_words(stored: Sequence[tuple[Section, int]]) -> str:
    return "、".join(f"{section.name}{number}人" for section, number in stored)


def _store(
    section: Section, sheet: vouching.Sheet, reports: Sequence[tuple[Employee, Report]]
) -> dict[str, str]:
    """Writes the entries of one enterprise and commits them; or none of them, and says beside which field why."""
    session, setting, now, field = db.session(), section.setting, site.now(), sheet.tick
    try:
        for employee, report in reports:
            field = vouching.field_of(employee) if sheet.measured else sheet.tick
            entry = write(
                session, employee, setting.on, report, policy=sheet.policy, mode=setting.mode,
                source=EntrySource.MANAGER, now=now, by_name=current_user.name, by_id=current_user.id,
            )  # fmt: skip
            FollowUp.open_for(session, entry, now=now)
        guard.about(section.enterprise)
        guard.commit(together=len(reports), work_on=setting.on)
    except RuleBroken as broken:
        session.rollback()
        return {field: f"{section.name}：{broken}"}
    except SQLAlchemyError as error:  # of this one alone: the others are stored
        session.rollback()
        LOG.error("entries of one of several enterprises: %s", where(error))
        return {sheet.tick: f"{section.name}：{LOST}"}
    return {}


def _sections() -> list[Section]:
    """A fixed number of queries, however many people and enterprises."""
    session, now = db.session(), site.now()
    today, mine = work_on(now), others_of()
    policies = {number: policy_on(number, today) for number in {one.district_id for one in mine}}
    modes = modes_of(session, mine, now)
    ids = [one.id for one in mine]
    numbers, people = counts(session, ids, today), to_enter(session, ids, today, MOST)
    return [
        Section(
            one, Setting(today, today, modes[one.id], policies[one.district_id]), numbers[one.id], people.get(one.id, ())
        )
        for one in mine
    ]  # fmt: skip


def _page(
    sections: Sequence[Section],
    errors: dict[str, str] | None = None,
    stored: Sequence[tuple[Section, int]] = (),
) -> ResponseReturnValue:
    typed = vouching.typed_in(request.form)
    for section, _number in stored:  # the sentence was about those who are stored
        typed.pop(section.sheet.tick if section.sheet else "", None)
    return page(
        "health/together.html", status=422 if errors else 200, sections=sections, errors=errors or {}, stored=_in_words(stored),
        typed=typed, at=site.now(), on=sections[0].setting.on if sections else work_on(site.now()),
        act=JustAct(formdata=None), most=MOST, field_of=vouching.field_of,
        mode_now="emergency" if any(one.setting.mode.value == "emergency" for one in sections) else "normal",
    )  # fmt: skip
