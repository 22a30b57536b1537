"""Reading what people say of their health (读每日健康填报): the questions of the scheme, symptoms, an absence for illness.

Nobody is made to explain being well: symptoms and the facts of an absence are looked at only where somebody is not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from werkzeug.datastructures import MultiDict

from models import identifiers
from models.health_entries import SYMPTOM_WORDS, Report, Site, Today, Whereabouts, asked
from models.identifiers import Unreadable
from models.policy.schema import Mode, Policy, Question

ONSET_DAYS = 60  # how long ago an illness may have begun
RETURN_DAYS = 366
YES_NO = {"yes": True, "no": False}
STAYS = (Whereabouts.HOME, Whereabouts.HOSPITAL)  # whoever is absent today is not back
FIELDS = (
    "today", "temperature", "site", "symptoms", "code_status", "risk_area_14d", "overseas_21d", "onset_on", "seen_doctor",
    "whereabouts", "return_on", "look_back", "shared",
)  # fmt: skip
ANSWERS = ("code_status", "risk_area_14d", "overseas_21d")


@dataclass(slots=True)
class Filled:
    """A form as read: the report where it can be understood, else the words beside each field that cannot."""

    report: Report | None = None
    errors: dict[str, str] = field(default_factory=dict)


def asks_temperature(questions: Iterable[Question]) -> bool:
    return any(question.kind == "temperature" for question in questions)


def celsius_of(policy: Policy, text: str) -> Decimal:
    """A temperature as people type it, within what is possible."""
    celsius = identifiers.celsius(text)
    low, high = policy.thresholds.floor_celsius, policy.thresholds.ceiling_celsius
    if not low <= celsius <= high:
        raise Unreadable(
            f"体温在{low}到{high}℃之间，现在是{celsius}，请重新量",
            f"A body temperature lies between {low} and {high} ℃; this is {celsius}. Please take it again",
        )
    return celsius


def read(
    policy: Policy, mode: Mode, typed: MultiDict[str, str], on: date, *, english: bool = False
) -> Filled:
    """What was typed for the work day `on`; the errors in the language of the page."""
    filled, facts = Filled(), {}
    reader = _Reader(policy, asked(policy, mode), typed, on)
    for name in FIELDS:
        try:
            facts[name] = reader.value(name)
        except Unreadable as error:
            filled.errors[name] = error.en if english else error.zh
    if not filled.errors:
        answers = {q.field: facts.pop(q.field) for q in reader.choices}
        told = {name: value for name, value in facts.items() if name not in ("temperature", *ANSWERS)}
        filled.report = Report(
            celsius=facts["temperature"], answers={k: v for k, v in answers.items() if v}, **told
        )
    return filled


@dataclass(slots=True)
class _Reader:
    policy: Policy
    questions: tuple[Question, ...]
    typed: MultiDict[str, str]
    on: date

    @property
    def today(self) -> Today | None:
        return next((one for one in Today if one == self.text("today")), None)

    @property
    def choices(self) -> list[Question]:
        return [question for question in self.questions if question.field in ANSWERS]

    def text(self, name: str) -> str:
        return unicodedata.normalize("NFKC", self.typed.get(name, "")).strip()

    def value(self, name: str) -> Any:
        """A field's value. Unreadable in words for the person; nothing where it does not concern them."""
        match name:
            case "today":
                return self._today()
            case "temperature":
                return self._temperature()
            case "site":
                return self._site()
            case "symptoms":
                return self._symptoms()
            case "onset_on":
                return self._day(name, self.on - timedelta(days=ONSET_DAYS), self.on)
            case "return_on":
                last = self.on + timedelta(days=RETURN_DAYS)
                return self._day(name, self.on, last, required=False)
            case "whereabouts":
                return self._whereabouts()
            case "seen_doctor":
                return self._yes_no(
                    name, ("请选看过医生没有", "Please choose whether you have seen a doctor")
                )
            case "look_back" | "shared":
                return self._yes_no(name, None)
            case _:
                return self._answer(name)

    def _today(self) -> Today:
        if self.today is None:
            raise Unreadable("请选今天怎么样", "Please choose how you are today")
        if self.today == Today.WELL and self.typed.getlist("symptoms"):
            raise Unreadable(
                "下面勾了症状，这里请选“不舒服”；没有症状，就把勾去掉",
                "You ticked symptoms below: choose “Not feeling well” here, or untick them",
            )
        return self.today

    def _temperature(self) -> Decimal | None:
        if not self.text("temperature"):
            if asks_temperature(self.questions) and self.today != Today.ABSENT:
                raise Unreadable("请填今天量的体温，例如36.5", "Please give today's temperature, e.g. 36.5")
            return None
        return celsius_of(self.policy, self.typed["temperature"])

    def _site(self) -> Site | None:
        """Asked of whoever reaches the scheme's fever alone: a forehead is measured again, an armpit is not (HLTH-2)."""
        chosen = next((one for one in Site if one == self.text("site")), None)
        try:
            celsius = self._temperature()
        except Unreadable:
            return chosen
        if celsius is not None and celsius >= self.policy.thresholds.fever_celsius and chosen is None:
            raise Unreadable(
                f"{celsius}℃偏高，请选在哪里量的", f"{celsius} ℃ is high: please choose where it was taken"
            )
        return chosen if celsius is not None else None

    def _symptoms(self) -> tuple[str, ...]:
        sent = self.typed.getlist("symptoms")
        return tuple(one for one in SYMPTOM_WORDS if one in sent) if self.today != Today.WELL else ()

    def _answer(self, name: str) -> tuple[str, ...]:
        question = next((q for q in self.choices if q.field == name), None)
        if question is None:
            return ()
        chosen = tuple(value for value in self.typed.getlist(name)[:1] if question.choice(value))
        if not chosen and question.required and self.today != Today.ABSENT:
            raise Unreadable(f"请选一项：{question.label}", f"Please choose one: {question.label_en}")
        return chosen

    def _whereabouts(self) -> Whereabouts | None:
        if self.today != Today.ABSENT:
            return None
        chosen = next((one for one in STAYS if one == self.text("whereabouts")), None)
        if chosen is None:
            raise Unreadable("请选现在在哪里休养", "Please choose where you are resting")
        return chosen

    def _yes_no(self, name: str, missing: tuple[str, str] | None) -> bool | None:
        chosen = YES_NO.get(self.text(name)) if self.today == Today.ABSENT else None
        if chosen is None and missing and self.today == Today.ABSENT:
            raise Unreadable(*missing)
        return chosen

    def _day(self, name: str, first: date, last: date, *, required: bool = True) -> date | None:
        text = self.text(name)
        if self.today != Today.ABSENT or not (text or required):
            return None
        if not text:
            raise Unreadable("请填哪天开始不舒服的", "Please give the day on which it began")
        try:
            year, month, day = (
                text.replace("年", "-").replace("月", "-").rstrip("日").replace("/", "-").split("-")
            )
            found = date(int(year), int(month), int(day))
        except ValueError:
            raise Unreadable(
                "没有看懂这个日期，请写成2026-11-20这样",
                "We could not read this date; write it like 2026-11-20",
            ) from None
        if found > last:
            raise Unreadable(
                "这一天还没有到，请核对" if last == self.on else "这一天太远，请核对",
                "This day is still to come, please check"
                if last == self.on
                else "This day is too far ahead, please check",
            )
        if found < first:
            raise Unreadable(
                "这一天太早，请核对" if last == self.on else "这一天已经过去，请核对",
                "This day is too long ago, please check"
                if last == self.on
                else "This day is over, please check",
            )
        return found


def kept(typed: MultiDict[str, str]) -> dict[str, list[str]]:
    """Everything that was typed, for the form that comes back; what no page can show is left out."""
    return {name: [showable(text) for text in typed.getlist(name)[:30]] for name in FIELDS}


def showable(text: str) -> str:
    return "".join(sign for sign in text[:100] if not identifiers.is_invisible(sign))


def typed_of(report: Report) -> Mapping[str, list[str]]:
    """A report as its form was filled in: whoever corrects begins from there."""
    words = {True: ["yes"], False: ["no"], None: []}
    found: dict[str, list[str]] = {name: list(values) for name, values in report.answers.items()}
    return found | {
        "today": [report.today.value], "temperature": [] if report.celsius is None else [str(report.celsius)],
        "site": [report.site.value] if report.site else [], "symptoms": list(report.symptoms),
        "onset_on": [report.onset_on.isoformat()] if report.onset_on else [],
        "return_on": [report.return_on.isoformat()] if report.return_on else [],
        "whereabouts": [report.whereabouts.value] if report.whereabouts else [],
        "seen_doctor": words[report.seen_doctor], "look_back": words[report.look_back], "shared": words[report.shared],
    }  # fmt: skip
