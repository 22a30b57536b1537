"""Reading the numbers of a report (读报送): one rule for form, workbook and interface. Errors stop, warnings pass with a comment.

Pure: from what was typed, what the archive knows and what the enterprise reported before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .policy.schema import Cadence, ReportField
from .report_facts import Facts

MOST = 999_999
LONGEST_COMMENT = 200
COMMENT = "_why"  # the comment on a field is typed under its key with this behind it
_NUMBER = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)\s*(?:人次|人|件)?")


@dataclass(slots=True)
class Reading:
    """What was understood. `errors` and `warnings` are words by field; a warning with a comment is no warning any more."""

    values: dict[str, int] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.errors and not self.warnings


def read(
    fields: Sequence[ReportField],
    cadence: Cadence,
    typed: Mapping[str, str],
    facts: Facts,
    past: Sequence[Mapping[str, int]],
) -> Reading:
    """`past` are the numbers of the enterprise's last reports in this mode, the newest first."""
    found = Reading()
    for one in fields:
        if is_computed(one, facts):
            found.values[one.key] = facts.numbers[one.key]
            continue
        try:
            found.values[one.key] = _number(one, typed.get(one.key, ""))
        except ValueError as error:
            found.errors[one.key] = str(error)
        comment = " ".join(unicodedata.normalize("NFC", typed.get(one.key + COMMENT, "")).split())
        if len(comment) > LONGEST_COMMENT:
            found.errors[one.key] = f"说明不超过{LONGEST_COMMENT}个字"
        elif comment:
            found.comments[one.key] = comment
    found.errors |= {
        key: words for key, words in _at_odds(fields, found.values).items() if key not in found.errors
    }
    for key, words in _odd(fields, cadence, found.values, facts, past).items():
        if key not in found.errors and key not in found.comments:
            found.warnings[key] = words
    return found


def is_computed(one: ReportField, facts: Facts) -> bool:
    """Whether nobody types it: the archive knows it. Without an archive everything is typed."""
    return one.fill == "computed" and one.key in facts.numbers


def zero_values(
    fields: Iterable[ReportField], facts: Facts, headcount: int | None, last: Mapping[str, int]
) -> dict[str, int]:
    """The numbers of a zero report (零报告): nobody ill, nobody travelled, everybody who is due is there; what else the archive does
    not know is as it was reported last."""
    known = facts.numbers
    expected = known.get("expected", headcount or 0)
    values: dict[str, int] = {}
    for one in fields:
        if one.zero:
            values[one.key] = 0
        elif one.key == "present":
            values[one.key] = known.get("present", expected)
        else:
            usual = min(last.get(one.key, 0), values.get(one.at_most or "", MOST))
            values[one.key] = known.get(one.key, expected if one.key == "expected" else usual)
    return values


def against_zero(fields: Iterable[ReportField], facts: Facts) -> list[str]:
    """What the archive knows that a zero report would deny."""
    return [
        f"{one.label}{facts.numbers[one.key]}人" for one in fields if one.zero and facts.numbers.get(one.key)
    ]


def _number(one: ReportField, text: str) -> int:
    plain = _plain(text)
    if not plain:
        raise ValueError(f"请填{one.label}，没有就填0")
    match = _NUMBER.fullmatch(plain)
    if match is None:
        raise ValueError(f"没有看懂“{plain[:20]}”，{one.label}请填整数，例如3")
    number = int(match[1].replace(",", ""))
    if number > MOST:
        raise ValueError(f"{one.label}最多{MOST:,}，请核对")
    return number


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _at_odds(fields: Sequence[ReportField], values: Mapping[str, int]) -> dict[str, str]:
    """What numbers say against each other, beside both."""
    labels = {one.key: one.label for one in fields}
    errors: dict[str, str] = {}
    for one in fields:
        other = one.at_most
        if other is None or one.key not in values or other not in values or values[one.key] <= values[other]:
            continue
        errors[one.key] = (
            f"{one.label}{values[one.key]}人，大于{labels[other]}{values[other]}人，请核对这两项"
        )
        errors.setdefault(other, f"{labels[other]}{values[other]}人，小于{one.label}{values[one.key]}人")
    if {"expected", "present", "absent_ill"} <= values.keys() and not {
        "present",
        "absent_ill",
    } & errors.keys():
        away = values["expected"] - values["present"]
        if values["absent_ill"] > away:
            errors["absent_ill"] = (
                f"缺勤一共{away}人（应到{values['expected']}，实到{values['present']}），因病缺勤不能是{values['absent_ill']}人"
            )
    return errors


def _odd(
    fields: Sequence[ReportField],
    cadence: Cadence,
    values: Mapping[str, int],
    facts: Facts,
    past: Sequence[Mapping[str, int]],
) -> dict[str, str]:
    """What is possible but seldom: less than the archive knows, or far more than this enterprise usually has."""
    warnings: dict[str, str] = {}
    for one in fields:
        value, known = values.get(one.key), facts.numbers.get(one.key)
        if value is None:
            continue
        if one.fill == "fresh" and known is not None and value < known:
            warnings[one.key] = f"档案里这一期有{known}人，这里填了{value}人。数字没错的话，请写一句原因"
            continue
        before = [report[one.key] for report in past if one.key in report][: cadence.jump_reports]
        if not one.watched or not before:
            continue
        mean = sum(before) / len(before)
        if value >= cadence.jump_times * mean and value - mean >= cadence.jump_least:
            warnings[one.key] = (
                f"最近{len(before)}份平均{mean:.3g}人，这一份{value}人。数字没错的话，请写一句原因"
            )
    return warnings
