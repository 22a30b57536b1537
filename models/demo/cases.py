"""What was done about it (处置经过): the guard's second reading, the visitor who comes back, the notes.

Every step goes through the rules of `models.gate` at an instant of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from models.accounts import Account
from models.gate import CheckIn, Note, Outcome, Reading
from models.judging import Declaration, Verdict
from models.policy.schema import Policy

TEXTS = {
    Outcome.RECHECKED: ("休息后再看，没有不适", "换一支体温计，正常", "已看纸质证明，放行", ""),
    Outcome.SENT_AWAY: ("已劝返，改为线上办理", "已请被访企业改期", "回去取口罩，戴好再来"),
    Outcome.TO_CLINIC: ("自行前往发热门诊，已提醒戴口罩", "同事陪同去发热门诊", "家属来接，去发热门诊"),
    Outcome.REPORTED: ("已电话报社区，社区接手", "社区已登记，按社区安排做"),
    Outcome.MISTAKE: ("手误点错，现场看过口罩戴好", "现场核实，口罩戴着"),
    Outcome.FOLLOWING: ("在休息区等复测", "电话没有接通，过会儿再打", "等社区回话"),
}
GROUP = "考察团由带队人用一部手机代填，已逐一核对"
ENDS = {  # of a refusal, by its first reason
    "fever": (Outcome.TO_CLINIC, Outcome.TO_CLINIC, Outcome.SENT_AWAY),
    "mask": (Outcome.SENT_AWAY, Outcome.SENT_AWAY, Outcome.MISTAKE),
    "code_status": (Outcome.REPORTED, Outcome.SENT_AWAY),
    "risk_area_14d": (Outcome.REPORTED,),
    "symptoms": (Outcome.TO_CLINIC, Outcome.SENT_AWAY),
}
MEASURED = {"fever": 0.65, "low": 0.7, "earlier": 0.7, "mask": 0.5}  # how often a guard measures
ASKS, FEVER_LASTS, COMES_BACK, FOLLOWED, LONG_WAIT = 0.6, 0.35, 0.4, 0.12, 0.3


@dataclass(frozen=True, slots=True)
class Case:
    """An entry that somebody has to look at, and who does; `entry` is not yet in the database."""

    entry: CheckIn
    declared: Declaration
    policy: Policy
    guard: Account | None
    specialist: Account | None


@dataclass(frozen=True, slots=True)
class Step:
    """What is done at an instant: ask (请门岗复测), return (再扫一次), measure, follow or close."""

    at: datetime
    kind: str
    celsius: Decimal | None = None
    outcome: Outcome | None = None
    text: str = ""


def steps(case: Case, fate: Random) -> Iterator[Step]:
    """What is going to be done about a case. Draws as many chances whatever the case is."""
    asks, lasts, measured, returns, followed, waits, ends, words = (fate.random() for _ in range(8))
    normal = Decimal(f"{fate.gauss(36.5, 0.15):.1f}")
    fever = case.policy.thresholds.fever_celsius + Decimal(f"{abs(fate.gauss(0.2, 0.15)):.1f}")
    pause = timedelta(minutes=fate.uniform(3, 9))
    patience = timedelta(minutes=15 + fate.expovariate(1 / 25))
    if waits < LONG_WAIT:
        patience += timedelta(hours=waits / LONG_WAIT * 30)
    entry, at = case.entry, case.entry.occurred_at
    rested = entry.rested_at(case.policy)
    first = entry.reason_list[0][0] if entry.reason_list else ""

    if rested is not None and asks < ASKS:
        yield Step(rested + timedelta(seconds=40), "ask")
    if case.guard is not None and measured < MEASURED.get(first, 0):
        lasts_on = rested is not None and lasts < FEVER_LASTS
        yield Step((rested or at) + pause, "measure", celsius=fever if lasts_on else normal)
    elif entry.verdict == Verdict.REFUSED and returns < COMES_BACK:
        yield Step(at + pause / 2, "return")
    if case.specialist is None:
        return
    if followed < FOLLOWED:
        yield _noted(at + pause / 2, "follow", Outcome.FOLLOWING, words)
    if not entry.is_abnormal:
        yield Step(at + patience, "close", outcome=Outcome.MISTAKE, text=GROUP)
    elif entry.verdict == Verdict.ATTENTION:
        yield _noted(at + patience, "close", Outcome.RECHECKED, words)
    else:
        possible = ENDS[first]
        yield _noted(at + patience, "close", possible[int(ends * len(possible))], words)


def _noted(at: datetime, kind: str, outcome: Outcome, words: float) -> Step:
    texts = TEXTS[outcome]
    return Step(at, kind, outcome=outcome, text=texts[int(words * len(texts))])


def take(case: Case, step: Step) -> Reading | Note | None:
    """Takes a step by the rules. None where it is no longer needed or leaves no record of its own."""
    entry = case.entry
    if step.kind == "ask":
        entry.recheck_asked_at = step.at
        return None
    if step.kind == "measure":
        assert case.guard is not None
        assert step.celsius is not None
        return entry.measure(
            case.policy, step.celsius, masked=True, now=step.at, by_id=case.guard.id, declared=case.declared
        )
    assert case.specialist is not None
    assert step.outcome is not None
    if not entry.is_abnormal and not entry.marks and not entry.notes:
        return None  # the guard's reading has settled it
    lifted = step.kind == "close" and entry.readings and entry.verdict == Verdict.PASS
    outcome, text = (Outcome.RECHECKED, "") if lifted else (step.outcome, step.text)
    return Note.write(entry, outcome=outcome, text=text, now=step.at, by_id=case.specialist.id)


def changes(entry: CheckIn) -> dict[str, Any]:
    """The columns that steps may have changed."""
    names = ("celsius", "measured_by", "masked", "verdict", "reasons", "recheck_asked_at", "handled_at",
             "confirmed_at", "confirmed_by_id")  # fmt: skip
    return {name: getattr(entry, name) for name in names}
