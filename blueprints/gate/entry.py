"""Reading a visitor's form (读登记表): plain functions, no form library on the path that a whole district takes at 8:30."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from models import identifiers
from models.identifiers import Unreadable
from models.judging import Declaration
from models.policy.schema import GateForm, Policy, Question

TEXT_LENGTH = 60
WORKS_HERE = "works_here"


class Unlikely(Unreadable):
    """A mobile whose prefix nobody has yet (ID-8): asked back once, never refused."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"{number[:3]}开头的号段还没有启用，请核对；没有写错，就再提交一次",
            f"No numbers starting with {number[:3]} are in use. Check it; if it is right, submit once more",
        )
        self.number = number


class Typed(Protocol):
    """What was sent, as werkzeug hands it over."""

    def get(self, key: str, default: str = ..., /) -> str: ...
    def getlist(self, key: str, /) -> list[str]: ...


@dataclass(slots=True)
class Answer:
    """A form as read: the declaration where it can be understood, else an error for each field that cannot."""

    declared: Declaration | None = None
    companions: tuple[Declaration, ...] = ()
    confirm: str = ""  # a mobile that looks unlikely: taken when it is sent a second time
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)  # field -> Chinese, English


COMPANIONS = (
    8  # with the one who fills in fewer than the names that mark a device: see models.gate.CROWD_NAMES
)
OF_EACH = ("name", "temperature", "choice", "choices")  # what every person answers; the rest they share


@dataclass(frozen=True, slots=True)
class Remembered:
    """The visitor whom this phone remembers: their name and mobile need not be typed again."""

    name: str
    mobile: str
    works_at: int = 0  # the place where they last said that they work


def offers_staff(form: GateForm) -> bool:
    """Whether the form has 「我在这里上班」: where no temperature is asked there is no reading to pass on, and without a mobile
    nobody to be found by it."""
    return form.asks("temperature") and form.asks("mobile")


def read(policy: Policy, form: GateForm, typed: Typed, remembered: Remembered | None = None) -> Answer:
    """What was typed, by the questions of the form in force; nothing else is looked at."""
    answer = Answer()
    name, mobile, celsius = "", None, None
    answers: dict[str, tuple[str, ...]] = {}
    texts = {"enterprise": "", "purpose": ""}
    for question in form.questions:
        try:
            match question.kind:
                case "name":
                    name = remembered.name if remembered else _name(typed, question)
                case "mobile":
                    mobile = remembered.mobile if remembered else _mobile(typed, question)
                case "temperature":
                    celsius = _temperature(policy, typed, question)
                case "choice" | "choices":
                    answers[question.field] = _chosen(typed, question)
                case _:
                    texts[question.field] = _text(typed, question)
        except Unlikely as error:
            answer.confirm = error.number
            answer.errors[question.field] = (error.zh, error.en)
        except Unreadable as error:
            answer.errors[question.field] = (error.zh, error.en)
    if not answer.errors:
        kept = {f: values for f, values in answers.items() if values}
        works_here = offers_staff(form) and typed.get(WORKS_HERE, "") == "yes"
        answer.declared = Declaration(
            name, mobile, celsius, kept, texts["enterprise"], texts["purpose"], works_here=works_here
        )
    return answer


class Suffixed:
    """What was sent for somebody who came along: `name_2` is their `name`."""

    def __init__(self, typed: Typed, number: int) -> None:
        self._typed, self._suffix = typed, f"_{number}"

    def get(self, key: str, default: str = "", /) -> str:
        return self._typed.get(key + self._suffix, default)

    def getlist(self, key: str, /) -> list[str]:
        return self._typed.getlist(key + self._suffix)


def company(typed: Typed) -> range:
    """The numbers of the people who came along that the form has room for: 2, 3 … Asked for one more, one more."""
    told = typed.get("company", "")
    room = int(told) if told.isascii() and told.isdigit() and len(told) < 3 else 0
    return range(2, 2 + min(room + (1 if typed.get("more", "") else 0), COMPANIONS))


def of_each(form: GateForm) -> GateForm:
    """The questions that somebody who came along answers, too."""
    return replace(form, questions=tuple(q for q in form.questions if q.kind in OF_EACH))


def read_company(policy: Policy, form: GateForm, typed: Typed, answer: Answer) -> Answer:
    """The people who came along: each judged by an own declaration; whoever has nothing filled in did not come."""
    each, found = of_each(form), []
    for number in company(typed):
        theirs = Suffixed(typed, number)
        if not any(text.strip() for question in each.questions for text in theirs.getlist(question.field)):
            continue
        one = read(policy, each, theirs)
        answer.errors |= {f"{name}_{number}": said for name, said in one.errors.items()}
        if one.declared is not None and answer.declared is not None:
            shared = {"enterprise": answer.declared.enterprise, "purpose": answer.declared.purpose}
            found.append(replace(one.declared, child=theirs.get("child") == "yes", **shared))
    if answer.errors:
        answer.declared = None
    answer.companions = tuple(found)
    return answer


def _required(question: Question, text: str) -> bool:
    """Whether there is something to read; raises where there must be."""
    if text.strip():
        return True
    if question.required:
        raise Unreadable(f"请填写{_plain(question.label)}", f"Please fill in: {_plain(question.label_en)}")
    return False


def _plain(label: str) -> str:
    return label.removesuffix("（可不填）")


def _name(typed: Typed, question: Question) -> str:
    text = typed.get("name", "")
    return identifiers.person_name(text) if _required(question, text) else ""


def _mobile(typed: Typed, question: Question) -> str | None:
    text = typed.get("mobile", "")
    if not _required(question, text):
        return None
    number = identifiers.mobile(text)
    if identifiers.mobile_needs_confirming(number) and typed.get("mobile_confirmed", "") != number:
        raise Unlikely(number)
    return number


def _temperature(policy: Policy, typed: Typed, question: Question) -> Decimal | None:
    text = typed.get("temperature", "")
    if not _required(question, text):
        return None
    celsius = identifiers.celsius(text)
    low, high = policy.thresholds.floor_celsius, policy.thresholds.ceiling_celsius
    if not low <= celsius <= high:
        raise Unreadable(
            f"体温在{low}到{high}℃之间，现在是{celsius}，请重新测量",
            f"A temperature lies between {low} and {high} °C, this is {celsius}. Please measure again",
        )
    return celsius


def _chosen(typed: Typed, question: Question) -> tuple[str, ...]:
    sent = typed.getlist(question.field)
    known = [c.value for c in question.choices]
    chosen = tuple(value for value in known if value in sent)
    if question.kind == "choice":
        chosen = tuple(v for v in sent[:1] if v in known)
    if not chosen and question.required:
        raise Unreadable(
            f"请选一项：{_plain(question.label)}", f"Please choose one: {_plain(question.label_en)}"
        )
    if "none" in chosen and len(chosen) > 1:
        raise Unreadable(
            "选了“都没有”，就不能再选别的；有不舒服，请取消“都没有”",
            "“None” excludes the others; if you feel unwell, untick “None”",
        )
    return chosen


def _text(typed: Typed, question: Question) -> str:
    """Free text: one line, at most TEXT_LENGTH characters, without control characters."""
    text = typed.get(question.field, "")
    if not _required(question, text):
        return ""
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > TEXT_LENGTH:
        raise Unreadable(
            f"最多{TEXT_LENGTH}个字，现在是{len(text)}个",
            f"At most {TEXT_LENGTH} characters, now {len(text)}",
        )
    if any(map(identifiers.is_invisible, text)):
        raise Unreadable(
            "里面有看不见的符号，请重新输入", "It contains invisible characters, please type it again"
        )
    return text


def kept(form: GateForm, typed: Typed) -> Mapping[str, list[str]]:
    """Everything that was typed, for the form that comes back with errors; what no page can show is left out."""
    shown = {
        name: _texts(typed, name) for name in (*(question.field for question in form.questions), WORKS_HERE)
    }
    for number in company(typed):
        for name in (*(question.field for question in of_each(form).questions), "child"):
            shown[f"{name}_{number}"] = _texts(typed, f"{name}_{number}")
    return shown


def _texts(typed: Typed, name: str) -> list[str]:
    return [showable(text) for text in typed.getlist(name)[:20]]


def showable(text: str) -> str:
    """What of a text a page can show."""
    return "".join(sign for sign in text[:400] if not identifiers.is_invisible(sign))
