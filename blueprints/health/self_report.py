"""Somebody says how they are, by their own link or the enterprise's code, on a phone and without an account (健康填报)."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from blueprints.health import bp, filling
from blueprints.web import errors
from blueprints.web.guard import keep, public
from blueprints.web.limits import limiter
from blueprints.web.page import done, english_wanted, page
from blueprints.web.schemes import policy_on
from blueprints.web.sign_in import csrf
from blueprints.web.site import site
from models import identifiers
from models.access import ENTERPRISE_STAFF
from models.archive import Employee
from models.audit import Result
from models.base import Labelled, db, local
from models.enterprises import Enterprise
from models.follow_ups import FollowUp
from models.health_entries import (
    SYMPTOM_WORDS,
    EntrySource,
    HealthEntry,
    Report,
    Site,
    Today,
    asked,
    entry_of,
    mode_of,
    standing,
    words_of,
    work_day_of,
    write,
)  # fmt: skip
from models.health_links import LinkKind, last_reminder, opened
from models.office import health_staff
from models.places import Clinic, District
from models.policy.schema import Mode, Policy, Question

TICKET_LASTS = timedelta(minutes=15)
FILL, SENT = "health fill", "health sent"
TAIL = 4
NOBODY = (
    "没有对上，请核对姓名和后4位；还是不行，请找本单位健康管理员",
    "No match. Please check name and last 4 digits; if it still fails, ask your company's health manager",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a form of this person, or of this enterprise, stands in: scheme, mode, work day."""

    enterprise: Enterprise
    district: District
    policy: Policy
    mode: Mode
    now: datetime

    @property
    def questions(self) -> tuple[Question, ...]:
        return asked(self.policy, self.mode)


def setting_of(enterprise: Enterprise) -> Setting | None:
    """None where the district follows no scheme."""
    now = site.now()
    policy = policy_on(enterprise.district_id, local(now).date())
    district = db.session.get(District, enterprise.district_id)
    if policy is None or district is None:
        return None
    return Setting(enterprise, district, policy, mode_of(db.session(), enterprise, now), now)


# --- the personal link ---


@bp.route("/h/<token>", methods=["GET", "POST"])
@public
@csrf.exempt  # whoever can send this knows the token, and no cookie speaks for them
def own(token: str) -> ResponseReturnValue:
    """The form; once it is filled in, what was said today and what to do, with a way to correct it."""
    number = opened(db.session(), site.vault, LinkKind.PERSON, token)
    employee = working(number) if number else None
    if employee is None:
        return gone()
    setting = setting_of(employee.enterprise)
    if setting is None:
        return no_scheme()
    on = work_day_of(employee, setting.now)
    if request.method == "POST":
        filled = filling.read(setting.policy, setting.mode, request.form, on, english=english_wanted())
        if filled.report is None:
            return form_page(employee, setting, on, typed=filling.kept(request.form), errors=filled.errors)
        taken = take(employee, setting, on, filled.report)
        commit_entry(taken, setting)
        return done(f"/h/{token}")
    entry = entry_of(db.session(), employee.id, on)
    if entry is None:
        return form_page(employee, setting, on, reminded=_reminded(setting, on))
    if "change" in request.args:
        return form_page(
            employee, setting, on, typed=filling.typed_of(entry.told), changes=entry, back=f"/h/{token}"
        )
    return sent_page(entry, setting, change=f"/h/{token}?change=1")


def working(employee_id: int) -> Employee | None:
    """The employee, if they belong to the enterprise on their work day."""
    employee = db.session.scalar(
        select(Employee)
        .where(Employee.id == employee_id)
        .options(joinedload(Employee.team), joinedload(Employee.enterprise))
    )
    if employee is None:
        return None
    on = work_day_of(employee, site.now())
    joined, left = employee.joined_on, employee.left_on
    return employee if (joined is None or joined <= on) and (left is None or left >= on) else None


def _reminded(setting: Setting, on: date) -> datetime | None:
    """When the manager reminded those who had not reported, if that was on this day."""
    reminder = last_reminder(db.session(), setting.enterprise.id)
    return reminder.at if reminder and local(reminder.at).date() == on else None


# --- the enterprise's code ---


def _per_name() -> str:
    """Whose door is being tried: guesses from many addresses are still guesses at one name."""
    return f"{request.view_args and request.view_args['code']}:{_typed_name()[:60]}"


def _missed(response: Any) -> bool:
    return response.status_code == 422


@bp.route("/e/<code>", methods=["GET", "POST"])
@public
@csrf.exempt  # asks only who fills in; nothing is changed for anybody signed in
@limiter.limit("30 per 10 minutes", methods=["POST"], deduct_when=_missed)
@limiter.limit("10 per hour", key_func=_per_name, methods=["POST"], deduct_when=_missed)
def scan(code: str) -> ResponseReturnValue:
    """Who are you? Name and the last signs of mobile or staff number lead to the form, for a quarter of an hour."""
    number = opened(db.session(), site.vault, LinkKind.ENTERPRISE, code)
    enterprise = db.session.get(Enterprise, number) if number else None
    if enterprise is None:
        return gone()
    setting = setting_of(enterprise)
    if setting is None:
        return no_scheme()
    said: dict[str, str] = {}
    if request.method == "POST":
        said = _blanks()
        employee = None if said else _who(enterprise)
        if employee is not None:
            sealed = site.vault.seal_token(f"{code} {employee.id}", FILL, setting.now + TICKET_LASTS)
            return done(f"/e/fill/{sealed}")
        if not said:
            said = {"name": NOBODY[english_wanted()]}
            keep(
                "health:identify", Result.FAILED, district_id=enterprise.district_id, enterprise=enterprise.id
            )
    typed = {name: filling.showable(request.form.get(name, "")) for name in ("name", "tail")}
    return page(
        "health/self_who.html", status=422 if said else 200, setting=setting, typed=typed, errors=said,
        minutes=TICKET_LASTS.seconds // 60, **frame(setting),
    )  # fmt: skip


def _blanks() -> dict[str, str]:
    said, english = {}, english_wanted()
    if not _typed_name():
        said["name"] = "Please give your full name" if english else "请填姓名"
    if not request.form.get("tail", "").strip():
        said["tail"] = (
            "Please give the last 4 digits of your mobile, or your staff number"
            if english
            else "请填手机号后4位，或者工号"
        )
    return said


def _typed_name() -> str:
    try:
        return identifiers.person_name(request.form.get("name", ""))
    except identifiers.Unreadable:
        return filling.showable(request.form.get("name", "")).strip()


def _who(enterprise: Enterprise) -> Employee | None:
    """The one of this name who has this mobile or staff number; nobody where two would do."""
    tail = "".join(unicodedata.normalize("NFKC", filling.showable(request.form["tail"])).split())
    found = [
        one
        for one in db.session.scalars(
            select(Employee)
            .where(Employee.name == _typed_name(), Employee.working(local(site.now()).date()))
            .where(Employee.enterprise_id == enterprise.id)
            .options(joinedload(Employee.team))
            .limit(50)
        )
        if _same(one.number, tail) or (len(tail) >= TAIL and _same((one.mobile or "")[-TAIL:], tail[-TAIL:]))
    ]
    return found[0] if len(found) == 1 else None


def _same(kept: str, typed: str) -> bool:
    return bool(kept) and secrets.compare_digest(kept.casefold().encode(), typed.casefold().encode())


@bp.route("/e/fill/<ticket>", methods=["GET", "POST"])
@public
@csrf.exempt  # the ticket says who it is, no cookie does
def fill(ticket: str) -> ResponseReturnValue:
    """The form of whoever said who they are. What was reported before is never shown here, only replaced and kept."""
    code, _, number = (site.vault.unseal_token(ticket, FILL, site.now()) or "").partition(" ")
    still = number and opened(db.session(), site.vault, LinkKind.ENTERPRISE, code)
    employee = working(int(number)) if still else None
    if employee is None:
        return over()
    setting = setting_of(employee.enterprise)
    if setting is None:
        return no_scheme()
    on = work_day_of(employee, setting.now)
    if request.method == "GET":
        return form_page(employee, setting, on)
    filled = filling.read(setting.policy, setting.mode, request.form, on, english=english_wanted())
    if filled.report is None:
        return form_page(employee, setting, on, typed=filling.kept(request.form), errors=filled.errors)
    entry = take(employee, setting, on, filled.report)
    sealed = site.vault.seal_token(f"{entry.id} {entry.version}", SENT, setting.now + TICKET_LASTS)
    commit_entry(entry, setting)
    return done(f"/e/sent/{sealed}")


@bp.get("/e/sent/<ticket>")
@public
def sent(ticket: str) -> ResponseReturnValue:
    """What was just sent, and what to do now; somebody else's later correction is not shown to this phone."""
    number, _, version = (site.vault.unseal_token(ticket, SENT, site.now()) or "").partition(" ")
    entry = db.session.get(HealthEntry, int(number)) if number else None
    if entry is None or str(entry.version) != version:
        return over()
    enterprise = db.session.get_one(Enterprise, entry.enterprise_id)
    setting = setting_of(enterprise)
    return no_scheme() if setting is None else sent_page(entry, setting)


# --- shared with the team leader's pages ---


def take(
    employee: Employee, setting: Setting, on: date, report: Report, *, source: EntrySource = EntrySource.SELF,
    by_name: str = "",
) -> HealthEntry:  # fmt: skip
    """Writes the entry, and opens a case where somebody is not well. The caller commits."""
    entry = write(
        db.session(), employee, on, report, policy=setting.policy, mode=setting.mode, source=source, now=setting.now,
        by_name=by_name,
    )  # fmt: skip
    FollowUp.open_for(db.session(), entry, now=setting.now)
    return entry


def commit_entry(entry: HealthEntry, setting: Setting) -> None:
    keep(
        "health:report", Result.DONE, district_id=setting.district.id, entry=entry.id, version=entry.version,
        source=entry.source.value,
    )  # fmt: skip


def frame(setting: Setting) -> dict[str, Any]:
    """What every page around a form says: who asks, for what, and who answers for it."""
    staff = health_staff(db.session(), [setting.enterprise.id], local(setting.now).date()).get(
        setting.enterprise.id, []
    )
    carers = list({one.account_id: one for one in staff if one.post in ENTERPRISE_STAFF}.values())
    return {
        "enterprise": setting.enterprise, "carers": carers, "organiser": setting.district.organiser,
        "district_slug": setting.district.slug, "asked": setting.questions, "home_district": setting.district,
        "english": english_wanted(),
    }  # fmt: skip


def form_page(
    employee: Employee, setting: Setting, on: date, *, typed: Mapping[str, list[str]] | None = None,
    errors: Mapping[str, str] | None = None, **more: Any,
) -> Response:  # fmt: skip
    english = english_wanted()
    return page(
        "health/self_form.html", status=422 if errors else 200, employee=employee, setting=setting, on=on, typed=typed or {},
        errors=errors or {}, symptoms=[(value, words[english]) for value, words in SYMPTOM_WORDS.items()],
        todays=pairs(Today), sites=pairs(Site), stays=pairs(filling.STAYS),
        measured=filling.asks_temperature(setting.questions), look_back=setting.policy.look_back.risk_area_days,
        **(frame(setting) | more),
    )  # fmt: skip


def pairs(choices: Iterable[Labelled]) -> list[tuple[str, str]]:
    return [(one.value, words_of(one, english_wanted())) for one in choices]


def sent_page(entry: HealthEntry, setting: Setting, *, change: str = "") -> Response:
    """What was taken and when; for whoever is not well what to do now, and whom to call."""
    told, english = entry.told, english_wanted()
    limits = setting.policy.thresholds
    street_id = setting.enterprise.street_id
    clinic = db.session.scalar(
        select(Clinic)
        .where(Clinic.district_id == setting.district.id)
        .where((Clinic.street_id == street_id) | Clinic.street_id.is_(None))
        .order_by(Clinic.street_id.is_(None), Clinic.id)
    )
    return page(
        "health/self_sent.html", entry=entry, told=told, setting=setting, clinic=clinic, change=change,
        feverish=told.celsius is not None and told.celsius >= limits.fever_celsius,
        only_low=_only_low(told, entry, setting), again_at=Site.FOREHEAD, words_of=partial(words_of, english=english),
        kept_until=entry.work_on + timedelta(days=setting.policy.retention.health_days),
        why=standing(site.book.get(entry.scheme_key), Mode(entry.mode), told, english=True).reasons if english else entry.why,
        **frame(setting),
    )  # fmt: skip


def _only_low(told: Report, entry: HealthEntry, setting: Setting) -> bool:
    """Nothing but a reading that is too low to be true: to be taken again, no illness."""
    low = told.celsius is not None and told.celsius < setting.policy.thresholds.low_celsius
    return low and told.today == Today.WELL and len(entry.why) == 1


def gone() -> Response:
    if english_wanted():
        words = (
            "This link does not open",
            "Part of it may be missing, or it was renewed. Ask your company's health manager.",
        )
    else:
        words = ("这个填报链接打不开", "可能抄漏了几个字，或者已经换了新的链接。请找本单位健康管理员要新的。")
    return errors.answer(404, *words, english=english_wanted())


def over() -> Response:
    if english_wanted():
        words = (
            "This page has run out",
            "Please scan your company's code again. What you had sent was received.",
        )
    else:
        words = ("这一页已经过了时间", "请重新扫本单位的填报二维码。刚才交上的都已经收到。")
    return errors.answer(410, *words, english=english_wanted())


def no_scheme() -> Response:
    if english_wanted():
        words = (
            "Reporting is not open yet",
            "It is not in force in this district. Tell your company in person as it asks.",
        )
    else:
        words = ("现在还不能填报", "本区还没有启用健康填报，请先按单位的要求口头报告。")
    return errors.answer(503, *words, english=english_wanted())
