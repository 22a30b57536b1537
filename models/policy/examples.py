"""The worked cases (算例) of a pack: officials read them, tests and `flask policy check` run them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

from models.policy.loader import EXAMPLES, place_of, read_table
from models.policy.records import build
from models.policy.schema import Effect, FieldName, Mode, Policy, PostCode

SEVERITY = (Effect.PASS, Effect.ATTENTION, Effect.REFUSED)


@dataclass(frozen=True, slots=True)
class StaffingExample:
    """A head count and the posts it asks for; a post that is not named is asked for 0 times."""

    headcount: int
    cannot_judge: bool = False
    by_representative: bool = False
    team: bool = False
    required: Mapping[PostCode, int] = field(default_factory=lambda: MappingProxyType({}))
    advised: Mapping[PostCode, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class CadenceExample:
    """A period that ends on a day, until when its report is on time, and from when on it is locked."""

    mode: Mode
    last_day: date
    due: datetime
    locks: datetime


@dataclass(frozen=True, slots=True)
class ChoiceExample:
    """One answer at the gate and what it leads to."""

    mode: Mode
    field: FieldName
    value: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class GateExample:
    """A whole form as a visitor sends it, the verdict, and the fields of its reasons, the gravest first."""

    mode: Mode
    answers: Mapping[FieldName, str | tuple[str, ...]]
    verdict: Effect
    reasons: tuple[FieldName, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """All worked cases of one pack."""

    staffing: tuple[StaffingExample, ...]
    cadence: tuple[CadenceExample, ...]
    choice: tuple[ChoiceExample, ...]
    gate: tuple[GateExample, ...]

    def __len__(self) -> int:
        return len(self.staffing) + len(self.cadence) + len(self.choice) + len(self.gate)


def load_examples(folder: Path) -> Examples:
    """The worked cases of the pack in this folder, read as strictly as the pack itself."""
    examples: Examples = build(Examples, read_table(folder, EXAMPLES), place_of(folder, EXAMPLES))
    return examples


def load_gate_examples(folder: Path) -> tuple[GateExample, ...]:
    """The cases with whole forms: whoever judges forms runs them too, and must come to the same verdicts."""
    return load_examples(folder).gate


def run_examples(policy: Policy, folder: Path) -> list[str]:
    """One sentence for each worked case in which the policy answers otherwise; none when all agree.

    Of a whole form only the chosen answers are weighed here; a temperature is judged in `models/judging.py`.
    """
    examples = load_examples(folder)
    failures: list[str] = []
    for staffing in examples.staffing:
        failures += _staffing_failures(policy, staffing)
    for cadence in examples.cadence:
        failures += _cadence_failures(policy, cadence)
    for choice in examples.choice:
        failures += _choice_failures(policy, choice)
    for number, gate in enumerate(examples.gate, start=1):
        failures += (f"登记算例第{number}例：{words}" for words in _gate_failures(policy, gate))
    return failures


def _staffing_failures(policy: Policy, example: StaffingExample) -> Iterator[str]:
    duty, who = policy.staffing.duty(example.headcount), f"{example.headcount}人的企业"
    if duty is None or example.cannot_judge:
        if duty is not None or not example.cannot_judge:
            yield f"{who}：算例写{'不能判断' if example.cannot_judge else '可以判断'}，方案相反"
        return
    for name in ("by_representative", "team"):
        if getattr(duty, name) != getattr(example, name):
            yield f"{who}：{name} 算例写{getattr(example, name)}，方案得出{getattr(duty, name)}"
    for column, words in (("required", "应设"), ("advised", "建议")):
        expected, found = getattr(example, column), getattr(duty, column)
        for post in dict.fromkeys([*found, *expected]):
            if expected.get(post, 0) != found.get(post, 0):
                yield f"{who}：{words} {post} 算例写{expected.get(post, 0)}名，方案得出{found.get(post, 0)}名"


def _cadence_failures(policy: Policy, example: CadenceExample) -> Iterator[str]:
    cadence, which = (
        policy.reporting[example.mode],
        f"{example.mode.label}报送，到{example.last_day}为止的一期",
    )
    due = cadence.due_at(example.last_day)
    if due != example.due:
        yield f"{which}：截止算例写{example.due}，方案得出{due}"
    if (locks := cadence.locks_at(due)) != example.locks:
        yield f"{which}：锁定算例写{example.locks}，方案得出{locks}"


def _choice_failures(policy: Policy, example: ChoiceExample) -> Iterator[str]:
    question = policy.gate[example.mode].question(example.field)
    choice = question.choice(example.value) if question else None
    found = choice.effect if choice else "没有这个选项"
    if found != example.effect:
        which = f"{example.mode.label}登记，{example.field}={example.value}"
        yield f"{which}：算例写{example.effect}，方案是{found}"


def _gate_failures(policy: Policy, example: GateExample) -> Iterator[str]:
    form = policy.gate[example.mode]
    for name in example.answers:
        if not form.asks(name):
            yield f"{example.mode.label}登记表不问 {name}"
    worst = Effect.PASS
    for question in form.questions:
        answer = example.answers.get(question.field, ())
        values = (answer,) if isinstance(answer, str) else answer
        if question.required and not answer:
            yield f"没有回答必答的 {question.field}"
        if not question.choices:
            continue
        choices = [question.choice(value) for value in values]
        if None in choices:
            yield f"{question.field} 没有选项 {values[choices.index(None)]}"
        effect = max((choice.effect for choice in choices if choice), key=SEVERITY.index, default=Effect.PASS)
        if effect is not Effect.PASS and question.field not in example.reasons:
            yield f"{question.field} 的回答不放行，没有写在 reasons 里"
        if effect is Effect.PASS and question.field in example.reasons:
            yield f"{question.field} 的回答放行，不该写在 reasons 里"
        worst = max(worst, effect, key=SEVERITY.index)
    # A temperature can only make the verdict more severe; where it gives no reason, the answers decide alone.
    too_mild = SEVERITY.index(example.verdict) < SEVERITY.index(worst)
    if too_mild or (example.verdict != worst and "temperature" not in example.reasons):
        yield f"算例写{example.verdict}，按各项回答是{worst}"
