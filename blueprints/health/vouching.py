"""Writing down many who are well at once (一起填): one sentence that somebody vouches for, and a typed temperature where one is asked.

Nobody's temperature is made up: where the scheme asks for one, only those with a typed value are written. Whoever is not well has
a form of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from werkzeug.datastructures import MultiDict

from blueprints.health import filling
from models.archive import Employee
from models.health_entries import Report, Today
from models.policy.schema import Choice, Effect, Policy, Question

LISTED = "listed"  # who stood on the page, where no temperature is asked


@dataclass(frozen=True, slots=True)
class Words:
    """What is said beside the form, in the language of its page."""

    unticked: str
    nothing: str
    colon: str


CHINESE = Words("请在这句话前面打勾；有不舒服的，先点名字单独填", "还没有填体温；量了谁，就填谁的", "：")
ENGLISH = Words(
    "Please tick this sentence; report whoever is unwell one by one first",
    "No temperature yet; give it for whoever was measured",
    ": ",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """People who have not reported, on a form in which `tick` is the name of the sentence."""

    policy: Policy
    questions: tuple[Question, ...]
    missing: Sequence[Employee]
    tick: str

    @property
    def measured(self) -> bool:
        return filling.asks_temperature(self.questions)

    @property
    def vouched(self) -> list[tuple[Question, Choice]]:
        """What is said of everybody at once, besides that nobody is unwell: each question's answer that passes."""
        return [
            (question, choice)
            for question in self.questions
            if question.kind == "choice"
            for choice in question.choices
            if choice.effect == Effect.PASS
        ]

    def is_touched(self, typed: MultiDict[str, str]) -> bool:
        """Whether anything was filled in for these people."""
        fields = [field_of(one) for one in self.missing] if self.measured else []
        return any(typed.get(name, "").strip() for name in (self.tick, *fields))

    def read(
        self, typed: MultiDict[str, str], *, english: bool = False
    ) -> tuple[dict[str, str], list[tuple[Employee, Report]]]:
        """Errors by field; else who is written. Whoever reported meanwhile is left alone."""
        said: dict[str, str] = {}
        words = ENGLISH if english else CHINESE
        unticked = words.unticked if typed.get(self.tick) != "yes" else ""
        answers = {question.field: (choice.value,) for question, choice in self.vouched}
        well = Report(Today.WELL, answers=answers)
        if not self.measured:
            said = {self.tick: unticked} if unticked else {}
            listed = set(typed.getlist(LISTED))  # somebody who joined since was not vouched for
            return said, [(one, well) for one in self.missing if str(one.id) in listed]
        found = []
        for one in self.missing:
            try:
                celsius = self._celsius(typed.get(field_of(one), ""))
            except filling.Unreadable as error:
                said[field_of(one)] = f"{one.name}{words.colon}{error.en if english else error.zh}"
                continue
            if celsius is not None:
                found.append((one, replace(well, celsius=celsius)))
        nothing = words.nothing if not found and not said else ""
        if nothing or unticked:
            said[self.tick] = nothing or unticked
        return said, found

    def _celsius(self, text: str) -> Decimal | None:
        """The typed value. One that reaches the fever is no matter for a list: where it was taken and how they are is asked."""
        if not text.strip():
            return None
        celsius = filling.celsius_of(self.policy, text)
        if celsius >= self.policy.thresholds.fever_celsius:
            raise filling.Unreadable(
                f"{celsius}℃偏高，请点名字单独填", f"{celsius} ℃ is high: report this person one by one"
            )
        return celsius


def field_of(one: Employee) -> str:
    return f"t{one.id}"


def typed_in(typed: MultiDict[str, str]) -> dict[str, str]:
    """What was typed, for the list that comes back."""
    return {name: filling.showable(text) for name, text in typed.items() if name != LISTED}
