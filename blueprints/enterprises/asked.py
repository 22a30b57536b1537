"""What an address of the list of enterprises asks for, and the address of what is asked for. A made-up value is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import select

from blueprints.web.guard import within_reach
from models.base import db
from models.enterprises import Enterprise
from models.places import Street
from models.portfolio import Lack, Order, Wanted

LONGEST = 60  # signs of a search
FILTERS = ("q", "lack", "street", "sort")
CLOSED = "closed"  # beside what may be missing, for a closed one lacks nothing


def wanted(action: str, asked: Mapping[str, str] | None = None) -> Wanted:
    """What is asked for, by this request's address unless another is handed over."""
    asked = request.args if asked is None else asked
    return Wanted(
        within=within_reach(action, Enterprise),
        text="".join(sign for sign in asked.get("q", "") if sign.isprintable())[:LONGEST].strip(),
        lack=_one_of(Lack, asked.get("lack")),
        closed=asked.get("lack") == CLOSED,
        street_id=_number(asked.get("street", "")),
        order=_one_of(Order, asked.get("sort")) or Order.LACKING,
    )


def query_of(asked: Wanted) -> str:
    """The one spelling of this filter in an address; empty where nothing is asked for."""
    values = (
        asked.text, CLOSED if asked.closed else asked.lack and asked.lack.value, asked.street_id,
        None if asked.order is Order.LACKING else asked.order.value,
    )  # fmt: skip
    return urlencode([(name, value) for name, value in zip(FILTERS, values, strict=True) if value])


def in_words(asked: Wanted) -> list[tuple[str, str]]:
    """The same for people to read. A street out of reach, or no longer there, is said to be none."""
    said = [
        ("查找", asked.text),
        ("缺什么", asked.lack.label if asked.lack else ""),
        ("状态", "已关闭" if asked.closed else ""),
    ]
    if asked.street_id is not None:
        said.append(("街道", _street(asked) or "已不在您负责的范围"))
    if asked.order is not Order.LACKING:
        said.append(("排列", f"按{asked.order.label}"))
    return [(what, words) for what, words in said if words]


def _street(asked: Wanted) -> str | None:
    seen = select(Enterprise.street_id).where(asked.within)
    return db.session.scalar(select(Street.name).where(Street.id == asked.street_id, Street.id.in_(seen)))


def _one_of(choices: Any, value: str | None) -> Any:
    return next((one for one in choices if one.value == value), None)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
