"""What a responsibility letter says (责任书全文): put together once from wording and facts, and kept as it was.

The canonical text is what both sides sign: its digest stands in every signature, on the paper and in the evidence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from string import Template
from typing import Any

from cryptography.hazmat.primitives import hashes

from .policy.schema import LetterTemplate

ORDINALS = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Party:
    """One side as the letter names it. An empty fact is not printed."""

    name: str
    code: str = ""  # 统一社会信用代码
    representative: str = ""  # 法定代表人
    address: str = ""
    contact: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a letter says beside its wording."""

    number: str
    unit: Party  # 甲方
    firm: Party  # 乙方
    place: str  # the park or building that the firm runs; empty for an enterprise's own letter
    starts_on: date
    ends_on: date


def written_day(on: date) -> str:
    """2026年11月1日 (DOC-4)."""
    return f"{on.year}年{on.month}月{on.day}日"


def compose(template: LetterTemplate, facts: Facts) -> str:
    """The canonical text: a JSON object with sorted keys."""
    blanks = {"starts_on": written_day(facts.starts_on), "ends_on": written_day(facts.ends_on)}
    parts = (
        ("甲方职责", template.unit_duties), ("乙方职责", template.firm_duties), ("期限", template.term),
        ("未履行职责的处理", template.breach), ("附则", template.closing),
    )  # fmt: skip
    text: dict[str, Any] = {
        "number": facts.number,
        "title": template.title,
        "unit": asdict(facts.unit),
        "firm": asdict(facts.firm),
        "place": facts.place,
        "starts_on": facts.starts_on.isoformat(),
        "ends_on": facts.ends_on.isoformat(),
        "preamble": template.preamble(),
        "parts": [[head, [Template(one).substitute(blanks) for one in clauses]] for head, clauses in parts],
    }
    return json.dumps(text, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class LetterText:
    """The canonical text, read for page and paper."""

    number: str
    title: str
    unit: Party
    firm: Party
    place: str
    starts_on: date
    ends_on: date
    preamble: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def read(cls, text: str) -> LetterText:
        kept = json.loads(text)
        return cls(
            number=kept["number"], title=kept["title"], unit=Party(**kept["unit"]), firm=Party(**kept["firm"]),
            place=kept["place"], starts_on=date.fromisoformat(kept["starts_on"]), ends_on=date.fromisoformat(kept["ends_on"]),
            preamble=kept["preamble"], parts=tuple((head, tuple(clauses)) for head, clauses in kept["parts"]),
        )  # fmt: skip

    def numbered(self) -> Iterator[tuple[str, list[str]]]:
        """Heads as 一、, paragraphs as （一）; a part of one paragraph has no number of its own."""
        for place, (head, clauses) in enumerate(self.parts):
            single = len(clauses) == 1
            yield (
                f"{ORDINALS[place]}、{head}",
                [one if single else f"（{_ordinal(n)}）{one}" for n, one in enumerate(clauses, start=1)],
            )


def _ordinal(number: int) -> str:
    """1 to 99 in Chinese."""
    tens, ones = divmod(number, 10)
    front = "" if tens == 0 else "十" if tens == 1 else f"{ORDINALS[tens - 1]}十"
    return front + (ORDINALS[ones - 1] if ones else "")


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def sm3(content: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(content)
    return digest.finalize()
