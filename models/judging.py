"""The judging at a gate (判定): what was declared, weighed by a scheme, and the reasons in words. It knows no table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from .base import Labelled
from .policy.schema import Effect, GateForm, Policy

CODE_FOUND = "code_found"  # among the answers: what the health-code service said, beside what was declared
CODES_BY_SEVERITY = ("red", "yellow", "unavailable", "green")


class Verdict(Labelled):
    PASS = "pass", "通行"
    ATTENTION = "attention", "注意"
    REFUSED = "refused", "禁止进入"
    REGISTERED = "registered", "已登记"


Reason = tuple[str, ...]  # ("fever", "37.6", "37.3") or (field, value) of a question of the scheme


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with all its reasons, the gravest first."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()

    def doubted(self, reason: Reason) -> Judgement:
        """With one more reason why a guard has to look: no longer a pass."""
        verdict = Verdict.ATTENTION if self.verdict == Verdict.PASS else self.verdict
        return Judgement(verdict, (*self.reasons, reason))


@dataclass(frozen=True, slots=True)
class Declaration:
    """What somebody declared at a gate, understood and within range."""

    name: str
    mobile: str | None = None
    celsius: Decimal | None = None
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # question field -> chosen values
    enterprise: str = ""
    purpose: str = ""
    child: bool = False  # under 14, and came along with a guardian who registers (PRIV-4)
    works_here: bool = False  # and wants this to be the day's health report as well


def judge(policy: Policy, form: GateForm, declared: Declaration, *, faulty: bool = False) -> Judgement:
    """The verdict of this scheme on this declaration. It judges only what the form asks; an unmeasured temperature is
    never a pass, and where the mode has no measures nobody is judged at all (HLTH-1, HLTH-10).

    `faulty`: the gate's thermometer is reported broken, and the row says so instead of 尚未测温.
    """
    if not form.judged:
        return Judgement(Verdict.REGISTERED)
    refusals: list[Reason] = []
    doubts: list[Reason] = []
    answers = with_stricter_code(declared.answers)
    for question in form.questions:
        if question.kind == "temperature":
            _judge_temperature(policy, declared.celsius, refusals, doubts, faulty)
        for choice in question.choices:
            if choice.value in answers.get(question.field, ()):
                if choice.effect == Effect.REFUSED:
                    refusals.append((question.field, choice.value))
                elif choice.effect == Effect.ATTENTION:
                    doubts.append((question.field, choice.value))
    if refusals:
        return Judgement(Verdict.REFUSED, (*refusals, *doubts))
    return Judgement(Verdict.ATTENTION, tuple(doubts)) if doubts else Judgement(Verdict.PASS)


def with_stricter_code(answers: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """The answers as they are judged: of the code that was declared and the one that the service found, the stricter."""
    codes = (*answers.get("code_status", ()), *answers.get(CODE_FOUND, ()))
    if CODE_FOUND not in answers:
        return answers
    return {**answers, "code_status": (min(codes, key=CODES_BY_SEVERITY.index),)}


def _judge_temperature(
    policy: Policy, celsius: Decimal | None, refusals: list[Reason], doubts: list[Reason], faulty: bool
) -> None:
    limits = policy.thresholds
    if celsius is None:
        doubts.append(("faulty",) if faulty else ("unmeasured",))
    elif celsius >= limits.fever_celsius:
        refusals.append(("fever", str(celsius), str(limits.fever_celsius)))
    elif celsius < limits.low_celsius:
        doubts.append(("low", str(celsius)))


WORDS: dict[str, tuple[str, str]] = {
    "fever": ("体温{0}℃，达到{1}℃", "Temperature {0} ℃, at or above {1} ℃"),
    "low": ("体温{0}℃，偏低，请复测", "Temperature {0} ℃ is low, please measure again"),
    "unmeasured": ("尚未测温", "Not measured yet"),
    "faulty": ("未测（设备故障）", "Not measured (thermometer out of order)"),
    "unasked": (
        "纸质登记没有问健康和旅居，请核对",
        "Health and travel were not asked on paper, please check",
    ),
    "code_unknown": ("健康码未知，请人工核验", "Health code unknown, please have the guard check it"),
    "earlier": ("{0}时被拒绝过，请门岗复测", "Refused at {0}, please have the guard measure again"),
}


def reason_words(policy: Policy, reason: Reason, english: bool = False) -> str:
    """The reason as a sentence of the scheme that gave it."""
    code, *values = reason
    if code in WORDS:
        return WORDS[code][english].format(*values)
    for form in policy.gate.values():
        question = form.question(code)
        for choice in question.choices if question else ():
            if choice.value == values[0]:
                return choice.reason_en if english else choice.reason
    raise KeyError(f"the scheme {policy.key} has no reason {reason}")


def write_reasons(reasons: Iterable[Reason]) -> str:
    return json.dumps([list(r) for r in reasons], ensure_ascii=False) if reasons else ""


def read_reasons(text: str) -> tuple[Reason, ...]:
    return tuple(tuple(r) for r in json.loads(text)) if text else ()
