"""The wording of responsibility letters (责任书文本): read with its blanks, and filled for one letter.

A figure of the scheme is filled in when the pack is read, what belongs to one letter when it is issued. What a letter said is kept
with the letter: nobody asks a pack again what was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from typing import Any, get_args

from models.policy.records import Place, build, with_blanks_filled
from models.policy.schema import Cadence, LetterKind, LetterTemplate, Mode

OF_A_LETTER = ("starts_on", "ends_on")  # filled for each letter, as people write dates
PERIODS = {"day": "每天", "week": "每周", "month": "每月"}


def read_letters(
    table: dict[str, Any], figures: Mapping[str, str], cadences: Mapping[Mode, Cadence], place: Place
) -> tuple[LetterTemplate, ...]:
    """The letters of a pack: one of each kind, whose texts use the declared blanks and no others."""
    declared = build(tuple[str, ...], table.pop("blanks", []), place.key("blanks"))
    letters: tuple[LetterTemplate, ...] = build(
        tuple[LetterTemplate, ...], table.pop("letters", []), place.key("letters")
    )
    for unknown in table:
        raise place.key(unknown).fault("没有这个键")
    known = {**figures, **{f"{mode.value}_period": PERIODS[cadences[mode].period] for mode in Mode}}
    known |= {name: f"${{{name}}}" for name in OF_A_LETTER}
    filled: tuple[LetterTemplate, ...] = with_blanks_filled(
        letters, declared, known, place, place.key("letters"), what="内容", dollars=False
    )
    _check(filled, place.key("letters"))
    return filled


def _check(letters: tuple[LetterTemplate, ...], place: Place) -> None:
    there = {one.kind for one in letters}
    for kind in get_args(LetterKind):
        if kind not in there:
            raise place.item(kind).fault("缺少这一种责任书")
    for one in letters:
        at = place.item(one.kind)
        if one.months == 0:
            raise at.key("months").fault("不能是0")
        for key in ("basis", "unit_duties", "firm_duties", "term", "breach", "closing"):
            if not getattr(one, key):
                raise at.key(key).fault("至少要写一条")
        for name in OF_A_LETTER:
            if not any(f"${{{name}}}" in text for text in one.term):
                raise at.key("term").fault(f"期限要用空 ${name}")


def digest_of_wording(template: LetterTemplate) -> bytes:
    """By which two letters of the same wording are known, whatever pack they come from."""
    parts = (
        f"{field.name}\n{getattr(template, field.name)!r}"
        for field in fields(template)
        if field.name != "source"
    )
    return sha256("\n".join([*parts, str(template.source.citable)]).encode()).digest()
