"""What the entries of a day look like from above (数据核对): patterns that real people at a real gate seldom make.

No pattern is proof of anything, and nobody is blamed or ranked: each comes with what is to be expected and what to look at.
Every query names places and a day. Rows of a gate whose thermometer was out of order (未测（设备故障）) are left out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, case, cast, distinct, extract, func, select
from sqlalchemy.orm import Session

from .gate import CheckIn, Kind, Mark, Source
from .identifiers import mobile_needs_confirming
from .judging import Verdict
from .vault import Vault

QUICK_SECONDS = 3  # between opening the form and sending it
NAMES_OF_MOBILE = 3  # names under one mobile that are many
NAMES_OF_DEVICE = 5  # and under one device: families share a phone
SAMPLE = 5000  # the newest mobiles that are unsealed to look at their prefixes
FEWEST = 20  # rows of a kind that are needed to say anything about a share
SAME_SHARE = 0.30  # of one temperature
BY_ITSELF = 0.20  # of the most frequent temperature where everybody is measured
CONFIRMED_SHARE = 0.50

NOT_FAULTY = ~CheckIn.reasons.contains('"faulty"')
FIRST = CheckIn.kind != Kind.AGAIN


def in_days(
    place_ids: Sequence[int], from_on: date, to_on: date, gate_id: int | None = None
) -> ColumnElement[bool]:
    here = and_(CheckIn.place_id.in_(place_ids), CheckIn.day.between(from_on, to_on), NOT_FAULTY)
    return here if gate_id is None else and_(here, CheckIn.gate_id == gate_id)


def quick(dialect: str) -> ColumnElement[bool]:
    """Forms that came back within QUICK_SECONDS. The two databases tell instants apart in their own ways."""
    if dialect == "sqlite":
        seconds = (func.julianday(CheckIn.arrived_at) - func.julianday(CheckIn.opened_at)) * 86400
    else:
        seconds = cast(extract("epoch", CheckIn.arrived_at - CheckIn.opened_at), Float)
    return and_(
        CheckIn.opened_at.is_not(None), CheckIn.source == Source.SCAN, CheckIn.party.is_(None),
        seconds < QUICK_SECONDS + 0.0005,
    )  # fmt: skip


OUT_OF_HOURS = CheckIn.marks.contains(Mark.OUT_OF_HOURS.value)
CAME_IN = and_(CheckIn.kind == Kind.ENTRY, CheckIn.verdict != Verdict.REFUSED)
CONFIRMED = CheckIn.confirmed_at.is_not(None)
PAPER = CheckIn.source == Source.PAPER


def many_names(column: Any, names: int, where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Rows whose mobile (or device) stands under so many names at one gate."""
    shared = (
        select(column)
        .where(where, column.is_not(None))
        .group_by(CheckIn.gate_id, column)
        .having(func.count(distinct(CheckIn.name)) >= names)
    )
    return column.in_(shared)


@dataclass(slots=True)
class GateBoard:
    """The patterns of one gate's day."""

    gate_id: int
    rows: int = 0
    measured: int = 0
    same_celsius: int = 0  # the temperature that stands there most often, in tenths, and how often
    same: int = 0
    opened: int = 0  # forms that visitors filled in themselves
    quick: int = 0
    mobiles: int = 0  # mobiles with many names, and their rows
    mobile_rows: int = 0
    devices: int = 0
    device_rows: int = 0
    sampled: int = 0
    unassigned: int = 0
    out_of_hours: int = 0
    came_in: int = 0
    confirmed: int = 0
    paper: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def noteworthy(self) -> list[Finding]:
        return [one for one in self.findings if one.look]


@dataclass(frozen=True, slots=True)
class Finding:
    """One pattern in words, with what is to be expected and what to do. `look`: worth a look."""

    code: str  # as `LOOKS` and the list of entries know it
    label: str
    sentence: str
    to_do: str
    look: bool
    celsius: str = ""  # for the list: which temperature


# What the list of entries can be narrowed to, in words.
LOOKS = {
    "quick": f"打开{QUICK_SECONDS}秒内就提交",
    "mobile": "一个手机号多个姓名",
    "device": "一部手机多个姓名",
    "prefix": "号段没有启用",
    "out_of_hours": "不在开放时间",
    "unconfirmed": "门岗没有确认",
    "paper": "纸质补录",
}


def condition(look: str, where: ColumnElement[bool], *, dialect: str) -> ColumnElement[bool] | None:
    """Which entries among those of `where` a look leaves in a list; None for no look."""
    narrowed = {
        "quick": quick(dialect),
        "mobile": many_names(CheckIn.mobile_index, NAMES_OF_MOBILE, where),
        "device": many_names(CheckIn.device_index, NAMES_OF_DEVICE, where),
        "out_of_hours": OUT_OF_HOURS,
        "unconfirmed": and_(CAME_IN, ~CONFIRMED),
        "paper": PAPER,
    }.get(look)
    return None if narrowed is None else and_(NOT_FAULTY, narrowed)


def board(
    session: Session, vault: Vault, place_ids: Sequence[int], day: date, *, invented: bool = False
) -> dict[int, GateBoard]:
    """The boards of the gates that somebody came to on this day.

    `invented`: of a demo district, all of whose numbers have a prefix that nobody has, so that they are nobody's.
    """
    boards: dict[int, GateBoard] = defaultdict(lambda: GateBoard(0))
    where = in_days(place_ids, day, day)
    _count(session, where, boards)
    _count_temperatures(session, where, boards)
    for name, column, names in (
        ("mobile", CheckIn.mobile_index, NAMES_OF_MOBILE), ("device", CheckIn.device_index, NAMES_OF_DEVICE),
    ):  # fmt: skip
        for gate_id, number, rows in session.execute(_shared(column, names, where)):
            setattr(boards[gate_id], f"{name}s", number)
            setattr(boards[gate_id], f"{name}_rows", rows)
    if not invented:
        for gate_id, _number, bad in prefixes(session, vault, where):
            boards[gate_id].sampled += 1
            boards[gate_id].unassigned += bad
    for gate_id, one in boards.items():
        one.gate_id = gate_id
        one.findings = list(findings(one))
    return dict(boards)


def _count(session: Session, where: ColumnElement[bool], boards: dict[int, GateBoard]) -> None:
    dialect = session.get_bind().dialect.name
    sums = {
        "measured": CheckIn.celsius.is_not(None),
        "opened": and_(
            CheckIn.opened_at.is_not(None), CheckIn.source == Source.SCAN, CheckIn.party.is_(None)
        ),
        "quick": quick(dialect),
        "out_of_hours": OUT_OF_HOURS,
        "came_in": CAME_IN,
        "confirmed": and_(CAME_IN, CONFIRMED),
        "paper": PAPER,
    }
    counts = [func.sum(case((wanted, 1), else_=0)) for wanted in sums.values()]
    for gate_id, rows, *numbers in session.execute(
        select(CheckIn.gate_id, func.count(), *counts).where(where).group_by(CheckIn.gate_id)
    ):
        boards[gate_id].rows = rows
        for name, number in zip(sums, numbers, strict=True):
            setattr(boards[gate_id], name, number)


def _count_temperatures(session: Session, where: ColumnElement[bool], boards: dict[int, GateBoard]) -> None:
    for gate_id, celsius, number in session.execute(
        select(CheckIn.gate_id, CheckIn.celsius, func.count())
        .where(where, CheckIn.celsius.is_not(None))
        .group_by(CheckIn.gate_id, CheckIn.celsius)
        .order_by(CheckIn.celsius)
    ):
        if number > boards[gate_id].same:
            boards[gate_id].same, boards[gate_id].same_celsius = number, celsius or 0


def _shared(column: Any, names: int, where: ColumnElement[bool]) -> Any:
    """By gate: how many mobiles (or devices) stand under many names, and how many rows they have."""
    each = (
        select(CheckIn.gate_id, func.count().label("rows"))
        .where(where, column.is_not(None))
        .group_by(CheckIn.gate_id, column)
        .having(func.count(distinct(CheckIn.name)) >= names)
        .subquery()
    )
    return select(each.c.gate_id, func.count(), func.sum(each.c.rows)).group_by(each.c.gate_id)


def prefixes(session: Session, vault: Vault, where: ColumnElement[bool]) -> list[tuple[int, int, bool]]:
    """Gate and number of the newest SAMPLE rows that have a mobile, and whether its prefix is one that nobody has (ID-8)."""
    rows = session.execute(
        select(CheckIn.gate_id, CheckIn.id, CheckIn.mobile)
        .where(where, CheckIn.mobile.is_not(None))
        .order_by(CheckIn.id.desc())
        .limit(SAMPLE)
        .execution_options(yield_per=500)
    )
    return [
        (gate_id, number, mobile_needs_confirming(vault.unseal(sealed or b"", CheckIn.MOBILE)))
        for gate_id, number, sealed in rows
    ]


def unassigned(session: Session, vault: Vault, where: ColumnElement[bool]) -> list[int]:
    """The numbers of the rows in that sample whose prefix nobody has."""
    return [number for _gate, number, bad in prefixes(session, vault, where) if bad]


def findings(one: GateBoard) -> list[Finding]:
    """A gate's patterns in words, in the order in which one looks after them."""
    found = []
    if one.measured:
        celsius = f"{one.same_celsius / 10:.1f}"
        found.append(Finding(
            "celsius", "同一个体温",
            f"量了{one.measured}人，最多的是{celsius}℃，{one.same}人（{_share(one.same, one.measured)}）。"
            "体温量下来会散开，同一个数一般占一到二成",
            "看一看现场：体温计有没有换过电池，是不是每个人都量了",
            _too_same(one), celsius,
        ))  # fmt: skip
    if one.opened:
        found.append(Finding(
            "quick", LOOKS["quick"],
            f"扫码填写{one.opened}条，{one.quick}条打开后{QUICK_SECONDS}秒内就提交。记住了姓名的人也要选口罩、填体温，多半要更久",
            "提醒门岗：请来访者看清题目再填", one.quick >= 3,
        ))  # fmt: skip
    found.append(Finding(
        "mobile", LOOKS["mobile"],
        f"{one.mobiles}个手机号{_each(one.mobiles)}写了{NAMES_OF_MOBILE}个以上姓名，共{one.mobile_rows}条" if one.mobiles else
        f"没有写了{NAMES_OF_MOBILE}个以上姓名的手机号",
        "看一看现场：一家人、老人同行很常见，是的话不用管", bool(one.mobiles),
    ))  # fmt: skip
    found.append(Finding(
        "device", LOOKS["device"],
        f"{one.devices}部手机{_each(one.devices)}登记了{NAMES_OF_DEVICE}个以上姓名，共{one.device_rows}条" if one.devices else
        f"没有登记了{NAMES_OF_DEVICE}个以上姓名的手机",
        "提醒门岗：替人登记请用“代登记”，不要借自己的手机扫码", bool(one.devices),
    ))  # fmt: skip
    if one.sampled:
        found.append(Finding(
            "prefix", LOOKS["prefix"],
            f"看了最近{one.sampled}个手机号，{one.unassigned}个的号段没有启用。提交前会请人核对，一般没有或只有一两个",
            "提醒门岗：请来访者核对手机号", one.unassigned >= 3,
        ))  # fmt: skip
    found.append(Finding(
        "out_of_hours", LOOKS["out_of_hours"],
        f"{one.out_of_hours}条在开放时间以外" if one.out_of_hours else "都在开放时间里",
        "核对开放时间；没有改的话，看一看海报是不是被人拍走了", bool(one.out_of_hours),
    ))  # fmt: skip
    if one.came_in:
        found.append(Finding(
            "unconfirmed", "门岗确认",
            f"进入{one.came_in}人，门岗确认了{one.confirmed}人（{_share(one.confirmed, one.came_in)}）。没有确认的，只知道扫了码",
            "提醒门岗：忙过一阵，按一次“确认最近通过的人”",
            one.came_in >= FEWEST and one.confirmed < CONFIRMED_SHARE * one.came_in,
        ))  # fmt: skip
    if one.paper:
        found.append(Finding(
            "paper", LOOKS["paper"], f"{one.paper}条是照着纸质登记表补录的，时间按纸上写的",
            "对照一两张纸质登记表的照片", False,
        ))  # fmt: skip
    return found


def _too_same(one: GateBoard) -> bool:
    """More than three in ten, and more than chance makes of so few readings (three standard deviations)."""
    chance = BY_ITSELF * one.measured + 3 * math.sqrt(BY_ITSELF * (1 - BY_ITSELF) * one.measured)
    return one.measured >= FEWEST and one.same > max(SAME_SHARE * one.measured, chance)


def _each(number: int) -> str:
    return "各" if number > 1 else ""


def _share(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}%"
