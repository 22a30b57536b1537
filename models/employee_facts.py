"""What is typed of an employee, by hand or in a workbook, and what is kept of it (员工资料的识读): one rule for form and import alike.

Pure functions over text. `read_employee` never stops at the first fault: each field says its own. Its facts become a row by
`Employee.values`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from .identifiers import (
    PERMIT_KINDS,
    IdCard,
    Unreadable,
    id_card,
    is_invisible,
    mobile,
    mobile_needs_confirming,
    permit,
    permit_holder,
    person_name,
)
from .policy.schema import WorkerKind

ID_CARD = "id_card"
DOCUMENT_KINDS: dict[str, str] = {
    ID_CARD: "居民身份证",
    **{key: kind.zh for key, kind in PERMIT_KINDS.items()},
}

FIELDS: dict[str, str] = {
    "name": "姓名", "number": "工号", "kind": "用工类型", "contract_firm": "合同单位", "document_kind": "证件类型",
    "document": "证件号码", "mobile": "手机号", "department": "部门", "team": "班组", "job": "工种、岗位",
    "hazards": "接触的职业病危害因素", "dormitory": "宿舍", "joined_on": "入职日期", "left_on": "最后工作日",
    "examined_on": "岗前体检日期",
}  # fmt: skip
LONGEST: dict[str, int] = {
    "number": 30, "contract_firm": 60, "department": 40, "team": 30, "job": 40, "hazards": 100, "dormitory": 60,
}  # fmt: skip
KINDS_AS_TYPED: dict[str, WorkerKind] = {
    **{kind.label: kind for kind in WorkerKind},
    **{kind.value: kind for kind in WorkerKind},
    **dict.fromkeys(("正式", "正式工", "在编", "合同工", "自有", "本单位"), WorkerKind.OWN),
    **dict.fromkeys(("派遣", "劳务", "派遣工", "劳务工"), WorkerKind.DISPATCHED),
    **dict.fromkeys(("外包", "驻场", "外包工"), WorkerKind.OUTSOURCED),
    **dict.fromkeys(("实习生", "见习"), WorkerKind.INTERN),
    **dict.fromkeys(("返聘", "退休"), WorkerKind.RE_EMPLOYED),
}
CONTRAINDICATED = "岗前体检有职业禁忌，不能安排接触危害因素的岗位。复查以后，请登记新的岗前体检"
EARLIEST_JOINING = date(1950, 1, 1)
JOINS_AHEAD = timedelta(days=366)  # somebody may be entered before the first day
_DATE = re.compile(
    r"([0-9]{4})\s*(?:[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?|([0-9]{2})([0-9]{2}))(?:\s+0?0:00(?::00)?)?"
)
_SEVERAL = re.compile(r"[、,，;；/\s]+")


@dataclass(frozen=True, slots=True)
class EmployeeFacts:
    """An employee as kept: every text in its one spelling. `doubts` are to be confirmed by a person, by field, and stop nothing."""

    name: str
    number: str = ""
    kind: WorkerKind = WorkerKind.OWN
    contract_firm: str = ""
    document_kind: str = ""
    document: str = field(default="", repr=False)
    mobile: str = field(default="", repr=False)
    department: str = ""
    team: str = ""  # by name; whose row it is, is for the caller
    job: str = ""
    hazards: tuple[str, ...] = ()
    dormitory: str = ""
    joined_on: date | None = None
    left_on: date | None = None
    examined_on: date | None = None  # the pre-post examination, where it was typed with the rest
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def person(self) -> str:
        """What names the person and outlasts a renewed document; empty where none is on file."""
        return person_of(self.document, self.document_kind)


def person_of(document: str, kind: str) -> str:
    """The stored spelling under which a document's blind index is made: 18 digits are one person, whatever the kind is called."""
    return permit_holder(document, kind) if document else ""


def read_employee(
    raw: Mapping[str, str], today: date, *, confirmed: bool = False, examined: bool = False
) -> tuple[EmployeeFacts | None, dict[str, str]]:
    """The facts in what was typed, or None and for each field that cannot be taken what is wrong and how to mend it."""
    found, said = read_fields(raw, today, confirmed=confirmed, examined=examined)
    return (None, said) if found is None else (EmployeeFacts(**found, doubts=said), {})


def read_fields(
    raw: Mapping[str, str], today: date, *, confirmed: bool = False, examined: bool = False
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The same by field, for a workbook's thousands: every fact with the doubts, or None with what is wrong.

    `raw` by the keys of FIELDS; a key that is not there is an empty field. `confirmed`: doubts were looked at and are none.
    `examined`: a pre-post examination is on file. Without it, and without its date among `raw`, nobody is put to a post
    with hazards (HLTH-9).
    """
    errors: dict[str, str] = {}
    found = dict(_EMPTY)
    for key, text in raw.items():
        if text and key in _READERS:
            try:
                found[key] = _READERS[key](text, key, today)
            except Unreadable as error:
                errors[key] = error.zh
    if not found["name"] and "name" not in errors:
        errors["name"] = "请填姓名"
    card = _read_document(raw, today, found, errors)
    doubts = {} if errors or confirmed else _doubts(found["mobile"], card)
    if not errors:
        errors = _at_odds(found, today, examined=examined)
    return (None, errors) if errors else (found, doubts)


# --- one reader a cell; what most cells are, plain signs and a few words again and again, takes the short way ---


def _text(text: str, key: str, _today: date) -> str:
    if text.isascii() and text.isalnum() and len(text) <= LONGEST[key]:
        return text
    return _words_of(text, key)


@lru_cache(maxsize=10_000)
def _words_of(text: str, key: str) -> str:
    tidy = _tidy(text)
    if any(is_invisible(sign) for sign in tidy):
        raise _says("里面有看不见的符号，请删掉重新输入")
    if len(tidy) > LONGEST[key]:
        raise _says(f"{FIELDS[key]}最多{LONGEST[key]}个字，现在是{len(tidy)}个")
    return tidy


def _name(text: str, _key: str, _today: date) -> str:
    return person_name(text)


def _kind(text: str, _key: str, _today: date) -> WorkerKind:
    text = text if text in KINDS_AS_TYPED else _tidy(text)
    if not text:
        return WorkerKind.OWN
    if text not in KINDS_AS_TYPED:
        raise _says(f"没有看懂“{text[:20]}”，请填{'、'.join(kind.label for kind in WorkerKind)}中的一种")
    return KINDS_AS_TYPED[text]


def _mobile(text: str, _key: str, _today: date) -> str:
    return mobile(text) if text.strip() else ""


def _hazards(text: str, key: str, today: date) -> tuple[str, ...]:
    """Several, parted by 、 or what people type for it; 无 is none."""
    parts = [part for part in _SEVERAL.split(_text(text, key, today)) if part]
    return () if parts in (["无"], ["否"], ["不接触"]) else tuple(dict.fromkeys(parts))


def _date(text: str, key: str, today: date) -> date | None:
    text = text if text.isascii() and " " not in text else _tidy(text)
    if not text:
        return None
    match = _DATE.fullmatch(text)
    try:
        found = date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5])) if match else None
    except ValueError:
        found = None
    if found is None:
        raise _says(f"没有看懂“{text[:20]}”，日期写成2026-11-20")
    if not EARLIEST_JOINING <= found <= today + JOINS_AHEAD:
        raise _says(f"{FIELDS[key]}不会是{found.year}年{found.month}月{found.day}日，请核对年份")
    return found


_READERS: dict[str, Callable[[str, str, date], Any]] = {
    **dict.fromkeys(LONGEST, _text),
    "name": _name, "kind": _kind, "mobile": _mobile,
    "hazards": _hazards, "joined_on": _date, "left_on": _date, "examined_on": _date,
}  # fmt: skip
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(FIELDS, ""), "kind": WorkerKind.OWN, "hazards": (), "joined_on": None, "left_on": None, "examined_on": None,
}  # fmt: skip


def _read_document(
    raw: Mapping[str, str], today: date, found: dict[str, Any], errors: dict[str, str]
) -> IdCard | None:
    """Two cells that only say something together. The card, where it is one: its age may be asked about."""
    number = raw.get("document") or ""
    if not number or number.isspace():
        return None
    try:
        found["document_kind"] = kind = _document_kind(raw.get("document_kind") or "")
    except Unreadable as error:
        errors["document_kind"] = error.zh
        return None
    try:
        card = id_card(number, today) if kind == ID_CARD else None
        found["document"] = card.number if card else permit(number, kind)
    except Unreadable as error:
        errors["document"] = error.zh
        return None
    return card


def _document_kind(typed: str) -> str:
    """The kind as chosen; where a workbook names none, an 18-digit number is an identity card."""
    text = _tidy(typed) if typed else ""
    if not text or text in ("身份证", "居民身份证", "港澳台居民居住证", ID_CARD):
        return ID_CARD
    known = {words: code for code, words in DOCUMENT_KINDS.items()} | {code: code for code in DOCUMENT_KINDS}
    known |= {"护照": "chinese_passport", "台胞证": "taiwan", "回乡证": "hk_macau", "港澳通行证": "hk_macau"}
    if text not in known:
        raise _says(f"没有看懂“{text[:20]}”，请填{'、'.join(DOCUMENT_KINDS.values())}中的一种")
    return known[text]


def _at_odds(found: Mapping[str, Any], today: date, *, examined: bool) -> dict[str, str]:
    """What fields say against each other, and the examination without which nobody is exposed."""
    errors = {}
    if found["joined_on"] and found["left_on"] and found["left_on"] < found["joined_on"]:
        errors["left_on"] = "最后工作日早于入职日期，请核对这两个日期"
    if found["examined_on"] and found["examined_on"] > today:
        errors["examined_on"] = "岗前体检日期还没有到。做完体检，再安排到接触危害因素的岗位"
    elif found["hazards"] and not examined and not found["examined_on"]:
        errors["hazards"] = f"没有岗前体检，不能安排接触{'、'.join(found['hazards'])}的岗位。请先登记岗前体检"
    return errors


def _doubts(mobile: str, card: IdCard | None) -> dict[str, str]:
    """Possible but seldom: asked about, never refused (ID-5, ID-8)."""
    doubts = {}
    if mobile and mobile_needs_confirming(mobile):
        doubts["mobile"] = f"{mobile[:3]}开头的号段还没有放号，请核对手机号"
    if card is not None:
        if card.needs_confirming:
            doubts["document"] = f"按身份证号，这个人{card.age}岁，请核对出生年份"
        elif card.age < 16:
            doubts["document"] = f"按身份证号，这个人{card.age}岁，不满16岁，请核对"
    return doubts


def _tidy(text: str) -> str:
    """NFKC, one space for many: full-width digits and stray spaces are common (ID-8)."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _says(words: str) -> Unreadable:
    return Unreadable(words, words)
