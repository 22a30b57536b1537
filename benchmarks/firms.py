"""Enterprises by the hundred thousand (造企业): with seats, head counts, posts and some employees, the same at every size but for
how many there are. A unit looks after a hundred of them, a place has a hundred tenants, whatever the size of the district."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from benchmarks import bulk
from benchmarks.databases import Database
from models import standing
from models.access import Post
from models.accounts import Account, Appointment
from models.archive import Employee
from models.base import local
from models.enterprises import Enterprise, Headcount, Premises
from models.finding import Words, words_of
from models.initials import initials_of
from models.places import Community, Place, PlaceKind, Street, Unit
from models.policy.schema import Policy
from tests import make

A_HUNDRED = 100
STREETS = 12
LEAST_SEATS = 60  # so many places fill a page of them
FIRST_ID = 1000  # beyond the town's
FIRST, SECOND = "青云松白锦星远海明华瑞恒嘉博思启", "禾杉原桦书辰航岳川泽宁源盛文维达"
TRADES = (
    "生物科技",
    "软件",
    "餐饮管理",
    "机械制造",
    "物业服务",
    "商贸",
    "建筑设计",
    "物流",
    "文化传播",
    "医疗器械",
)
PLANTED, PLANTED_INITIALS = "蓝鲸九号", "ljjh"  # three of them at every size
BEGAN, ENDS = date(2025, 3, 1), date(2027, 12, 31)


@dataclass(frozen=True)
class Firms:
    """Who looks after what, by number."""

    unit_id: int
    place_id: int
    firm_id: int
    credit_code: str


def fill(where: Database, policy: Policy, town: make.Town, rows: int, now: datetime) -> Firms:
    """`rows` enterprises beside the town's own, the first of them the same whatever the number. Six of ten have their posts filled,
    one of fifty no head count, as many closed. Nothing else of the process may be writing."""
    seats, today = max(rows // A_HUNDRED, LEAST_SEATS), local(now).date()
    streets = _numbers(STREETS)
    blocks = _numbers(seats)
    home = {"district_id": town.district.id}
    _some(where, Street, (home | {"name": f"{n}号街道"} for n in range(STREETS)))
    _some(where, Community, ({"street_id": streets[n % STREETS], "name": f"{n}号社区"} for n in range(seats)))
    _some(where, Unit, (home | {"name": f"{n}号单位"} for n in range(seats)))
    _some(where, Place, (_place(town, streets[n % STREETS], blocks[n], n) for n in range(seats)))
    draw = Random(20261127)
    firms = [_firm(town, draw, n, streets, blocks[n // A_HUNDRED], now) for n in range(rows)]
    ids, held = _numbers(rows), _held(draw=Random(20261128), rows=rows)
    for firm, posts in zip(firms, held, strict=True):
        firm |= _standing(policy, firm["headcount"], posts, today)
    _some(where, Enterprise, iter(firms))
    rooms = [f"{n % 30 + 1}层{n % 8 + 1}号" for n in range(rows)]
    _some(where, Premises, (
        {"enterprise_id": ids[n], "place_id": blocks[n // A_HUNDRED], "room": rooms[n], "from_at": now - timedelta(days=400)}
        for n in range(rows)
    ))  # fmt: skip
    _some(where, Headcount, (
        {"enterprise_id": number, "from_on": BEGAN, "number": firm["headcount"], "written_at": now}
        for number, firm in zip(ids, firms, strict=True) if firm["headcount"]
    ))  # fmt: skip
    _some(where, Account, (
        home | {"username": f"firm{number}", "name": f"许安{number}", "password_hash": "-", "password_set_at": now, "created_at": now}
        for number in ids
    ))  # fmt: skip
    _some(where, Appointment, (
        {"account_id": number, "post": post, "scope": "enterprise", "scope_id": number, "starts_on": BEGAN,
         "ends_on": ENDS, "end_reason": "", "position": "", "appointed_at": now}
        for number, posts in zip(ids, held, strict=True) for post in posts
    ))  # fmt: skip
    _some(where, Employee, (
        {"enterprise_id": ids[n % A_HUNDRED], "name": f"员工{n}", "added_at": now, "changed_at": now}
        for n in range(30 * A_HUNDRED)
    ))  # fmt: skip
    bulk.write(where, Words, (
        {"word": word, "enterprise_id": number}
        for number, firm, room in zip(ids, firms, rooms, strict=True)
        for word in words_of({firm["name"], firm["short_name"], room}, firm["initials"])
    ))  # fmt: skip
    return Firms(blocks[0], blocks[0], ids[0], firms[0]["credit_code"])


def _place(town: make.Town, street_id: int, community_id: int, number: int) -> dict[str, Any]:
    return {
        "district_id": town.district.id, "street_id": street_id, "community_id": community_id, "name": f"{number}号大楼",
        "kind": PlaceKind.BUILDING, "address": f"锦书路{number}号", "phone": "0000-0000128",
    }  # fmt: skip


def _firm(
    town: make.Town, draw: Random, number: int, streets: range, block_id: int, now: datetime
) -> dict[str, Any]:
    brand = "".join(draw.choice(signs) for signs in (FIRST, SECOND, FIRST, SECOND))
    brand = PLANTED if number in (7, 8, 9) else brand
    closed = draw.random() < 0.02
    return {
        "district_id": town.district.id, "street_id": streets[number % STREETS], "community_id": block_id,
        "unit_id": block_id, "name": f"云溪{brand}{draw.choice(TRADES)}有限公司", "short_name": brand,
        "initials": initials_of(brand), "credit_code": f"91510199MA{number:08}",
        "headcount": None if draw.random() < 0.02 else draw.choice((8, 20, 45, 90, 150, 260, 480, 900)),
        "closed_on": local(now).date() if closed else None, "closed_at": now if closed else None,
    }  # fmt: skip


def _held(draw: Random, rows: int) -> list[list[Post]]:
    """One person for each enterprise, in one or both of its posts; four of ten have nobody in one of them."""
    shares = ((Post.HEALTH_MANAGER, 0.9), (Post.CHIEF_HEALTH_OFFICER, 0.6))
    return [[post for post, share in shares if draw.random() < share] for _ in range(rows)]


def _standing(policy: Policy, headcount: int | None, posts: list[Post], today: date) -> dict[str, Any]:
    """What `models.standing` keeps of it, for the time of a measurement."""
    found = standing.stands(
        policy.staffing, headcount, [standing.Term(post, BEGAN, ENDS, False) for post in posts], today
    )
    kept = {"lacking": found.lacking, "heads": headcount or 0, "deserted": found.deserted}
    return kept | {"known_until": today + timedelta(days=30)}


def _some(where: Database, model: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Writes them with the numbers of `_numbers`."""
    bulk.write(where, model.__table__, ({"id": number} | row for number, row in enumerate(rows, FIRST_ID)))


def _numbers(rows: int) -> range:
    return range(FIRST_ID, FIRST_ID + rows)
