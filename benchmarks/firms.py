"""Enterprises by the hundred thousand (造企业): with seats, head counts, posts and some employees, the same at every size but for
how many there are. A unit looks after a hundred of them, a place has a hundred tenants, whatever the size of the district."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, insert

from models import standing
from models.access import Post
from models.accounts import Account, Appointment
from models.archive import Employee
from models.base import db, local, to_write
from models.enterprises import Enterprise, Headcount, Premises
from models.initials import initials_of
from models.places import Community, Place, PlaceKind, Street, Unit
from models.policy.book import Book
from tests import make

A_HUNDRED = 100
STREETS = 12
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
ENDS = date(2027, 12, 31)


@dataclass(frozen=True)
class Firms:
    """Who looks after what, by number."""

    unit_id: int
    place_id: int
    firm_id: int
    credit_code: str


def fill(book: Book, town: make.Town, rows: int, now: datetime) -> Firms:
    """`rows` enterprises beside the town's own. Six of ten have their posts filled, one of fifty no head count, as many closed."""
    rng, seats = Random(20261127), max(rows // A_HUNDRED, 1)
    with to_write(), db.engine.begin() as connection:
        streets = _some(
            connection,
            Street,
            ({"district_id": town.district.id, "name": f"{n}号街道"} for n in range(STREETS)),
        )
        communities = _some(
            connection,
            Community,
            ({"street_id": streets[n % STREETS], "name": f"{n}号社区"} for n in range(seats)),
        )
        units = _some(
            connection, Unit, ({"district_id": town.district.id, "name": f"{n}号单位"} for n in range(seats))
        )
        places = _some(
            connection, Place, (_place(town, streets[n % STREETS], communities[n], n) for n in range(seats))
        )
        firms = [
            _firm(town, rng, n, streets, communities[n % seats], units[n // A_HUNDRED % seats], now) for n in range(rows)
        ]  # fmt: skip
        ids = _some(connection, Enterprise, iter(firms))
        _some(connection, Premises, (
            {"enterprise_id": number, "place_id": places[n // A_HUNDRED % seats], "room": f"{n % 30 + 1}层{n % 8 + 1}号",
             "from_at": now - timedelta(days=400), "ended_with_enterprise": False}
            for n, number in enumerate(ids)
        ))  # fmt: skip
        _some(connection, Headcount, (
            {"enterprise_id": number, "from_on": date(2025, 3, 1), "number": firm["headcount"], "written_at": now}
            for number, firm in zip(ids, firms, strict=True) if firm["headcount"]
        ))  # fmt: skip
        _staff(connection, town, rng, ids, now)
        _some(connection, Employee, (
            {"enterprise_id": ids[n % A_HUNDRED], "name": f"员工{n}", "added_at": now, "changed_at": now}
            for n in range(30 * A_HUNDRED)
        ))  # fmt: skip
    db.session.rollback()
    with to_write():
        while standing.settle(db.session(), book, local(now).date(), most=1000):
            db.session.commit()
        db.session.commit()
    return Firms(units[0], places[0], ids[0], firms[0]["credit_code"])


def _place(town: make.Town, street_id: int, community_id: int, number: int) -> dict[str, Any]:
    return {
        "district_id": town.district.id, "street_id": street_id, "community_id": community_id, "name": f"{number}号大楼",
        "kind": PlaceKind.BUILDING, "address": f"锦书路{number}号", "phone": "0000-0000128",
    }  # fmt: skip


def _firm(
    town: make.Town, rng: Random, number: int, streets: list[int], community_id: int, unit_id: int, now: datetime
) -> dict[str, Any]:  # fmt: skip
    brand = (
        PLANTED
        if number in (7, 8, 9)
        else "".join(rng.choice(signs) for signs in (FIRST, SECOND, FIRST, SECOND))
    )
    closed = rng.random() < 0.02
    return {
        "district_id": town.district.id, "street_id": streets[number % STREETS], "community_id": community_id,
        "unit_id": unit_id, "name": f"云溪{brand}{rng.choice(TRADES)}有限公司", "short_name": brand,
        "initials": initials_of(brand), "credit_code": f"91510199MA{number:08}",
        "headcount": None if rng.random() < 0.02 else rng.choice((8, 20, 45, 90, 150, 260, 480, 900)),
        "legal_representative": "", "address": "", "close_reason": "",
        "closed_on": local(now).date() if closed else None, "closed_at": now if closed else None,
    }  # fmt: skip


def _staff(connection: Connection, town: make.Town, rng: Random, ids: list[int], now: datetime) -> None:
    """One person for each enterprise, in one or both of its posts; four of ten have nobody in one of them."""
    people = _some(connection, Account, (
        {"district_id": town.district.id, "username": f"firm{number}", "name": f"许安{number}", "password_hash": "-",
         "password_set_at": now, "created_at": now}
        for number in ids
    ))  # fmt: skip
    _some(connection, Appointment, (
        {"account_id": person, "post": post, "scope": "enterprise", "scope_id": number, "starts_on": date(2025, 3, 1),
         "ends_on": ENDS, "end_reason": "", "position": "", "appointed_at": now}
        for number, person in zip(ids, people, strict=True)
        for post, share in ((Post.HEALTH_MANAGER, 0.9), (Post.CHIEF_HEALTH_OFFICER, 0.6))
        if rng.random() < share
    ))  # fmt: skip


def _some(connection: Connection, model: Any, rows: Iterator[dict[str, Any]]) -> list[int]:
    """Writes them with numbers of our own; the counter of the table goes on after them."""
    first = 1000  # beyond the town's
    made = [row | {"id": number} for number, row in enumerate(rows, first)]
    for begin in range(0, len(made), 5000):
        connection.execute(insert(model.__table__), made[begin : begin + 5000])
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{model.__tablename__}', 'id'), {first + len(made)})"
        )
    return [row["id"] for row in made]
