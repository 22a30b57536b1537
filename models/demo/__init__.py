"""A believable town with nobody real in it (演示数据): two districts, their people, and weeks at their gates.

`load` fills an empty database once; `summary` says where everything is, for scripts and for people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import audit
from models.access import Post
from models.accounts import Account, Appointment
from models.base import RuleBroken, local
from models.closing import close_visits, closings
from models.demo import clustering, contacting, duty, firms, letters, notices, reporting, upward
from models.demo.crowd import Crowd
from models.demo.days import Days, views_of
from models.demo.departures import depart
from models.demo.districts import LUZHOU, YUNXI
from models.demo.keeping import keep, sum_up
from models.demo.paper import lay_out
from models.demo.people import Mobiles
from models.demo.town import PASSWORD, found, trouble
from models.demo.watching import count_heads, same_temperatures
from models.places import District, Gate, GateCode, Place
from models.policy.book import Book
from models.vault import Vault

__all__ = ["DAYS", "PASSWORD", "PIN", "SEED", "is_empty", "load", "summary"]

SEED, DAYS = 2022, 21
PIN = duty.PIN


def is_empty(session: Session) -> bool:
    """Whether there is no district yet, demo or real."""
    return session.scalar(select(func.count()).select_from(District)) == 0


def load(
    session: Session, book: Book, vault: Vault, now: datetime, *, seed: int = SEED, days: int = DAYS
) -> dict[str, int]:
    """Writes both districts and the last `days` days, today included; answers how many rows of what.

    The same seed on the same day gives the same rows, but for salts and sealed values.
    RuleBroken unless the database is empty: the demo is never poured over anything. The caller commits.
    """
    if not is_empty(session):
        raise RuleBroken("数据库里已经有数据。演示数据只装进空的数据库，没有改动")
    if days < 1:
        raise RuleBroken("至少要有1天的登记")
    mobiles = Mobiles(Random(f"{seed}/mobiles"))
    counts: Counter[str] = Counter()
    for sketch in (YUNXI, LUZHOU):
        own = f"{seed}/{sketch.slug}"
        town = found(session, sketch, book, vault, now, seed=own, mobiles=mobiles)
        if sketch is YUNXI:
            trouble(session, town, now)
            duty.take_turns(session, town, now)
        duty.choose_pins(town)
        crowd = Crowd(town, vault, seed=own, mobiles=mobiles)
        life = Days(town, crowd, views_of(session, town, book, now), vault=vault, now=now, seed=own)
        for back in reversed(range(days)):
            life.live(local(now).date() - timedelta(days=back))
        life.diary.leave_some_open(next(iter(town.places.values())).id, now)
        guards = {
            p.id: [a.account.id for a in town.in_post(Post.GATE_GUARD, p) if a.ended_at is None]
            for p in town.places.values()
        }
        depart(life.diary.rows, {p.id: p for p in town.places.values()}, guards, now, own)
        life.diary.write(session)
        on_paper = (
            lay_out(session, town, book, vault, now, seed=own, mobiles=mobiles) if sketch is YUNXI else 0
        )
        if sketch is YUNXI:
            keep(session, town, book, now, seed=own)
        if sketch is YUNXI:
            count_heads(session, town, now)
            same_temperatures(session, town, now)
            counts["notices"] = notices.publish(session, town, now, seed=own)
            counts["employees"] = firms.staff(
                session, town, book, vault, now, seed=own, mobiles=mobiles, days=days
            )
            firms.close_one(session, town, now)
            counts["cluster_reports"] = clustering.tell_stories(session, town, book, now)
            clustering.fill_weeks(session, town, now, seed=own)
            counts["letters"] = letters.send(session, town, book, vault, now, seed=own)
            contacting.call_round(session, town, now, seed=own)
        counts["reports"] += reporting.report(session, town, book, now, seed=own)
        if sketch is YUNXI:
            counts["unit_reports"] = upward.send(session, town, now)
        here = {
            "places": len(town.places),
            "gates": len(town.gates),
            "enterprises": len(town.enterprises),
            "accounts": len(town.accounts),
            "check_ins": len(life.diary.rows) + on_paper,
        }
        counts.update(here)
        audit.append(
            session, now=now, action="demo:load", district_id=town.district.id, account_name="命令行",
            object_type="district", object_id=str(town.district.id), result=audit.Result.DONE,
            details={"count": here["check_ins"]},
        )  # fmt: skip
    for closing in list(closings(session, now)):
        close_visits(session, closing, most=sum(counts.values()))
    sum_up(session, now)
    return dict(counts)


def summary(
    session: Session, public_url: str, *, home: Callable[[Appointment], str] = lambda post: "/"
) -> dict[str, Any]:
    """Who can sign in as what, which gates open, and where the places are (settled 6.4).

    `home` says where a post begins its day. Gates out of use are left out. RuleBroken where there is no demo.
    """
    districts = select(District.id).where(District.is_demo)
    if session.scalars(districts).first() is None:
        raise RuleBroken("这个数据库里没有演示数据")
    usernames = [username for sketch in (YUNXI, LUZHOU) for username, _, _ in sketch.people()]
    accounts = session.scalars(
        select(Account)
        .where(Account.district_id.in_(districts), Account.username.in_(usernames))
        .order_by(Account.id)
        .options(selectinload(Account.appointments))
    )
    codes = session.scalars(
        select(GateCode)
        .join(GateCode.gate)
        .join(Gate.place)
        .where(Place.district_id.in_(districts), GateCode.revoked_at.is_(None))
        .where(Gate.paused_at.is_(None), Place.closed_at.is_(None))
        .order_by(Gate.id)
        .options(joinedload(GateCode.gate).joinedload(Gate.place))
    )
    places = session.scalars(select(Place).where(Place.district_id.in_(districts)).order_by(Place.id))
    return {
        "accounts": [
            {
                "username": account.username,
                "password": PASSWORD,
                "name": account.name,
                "post": "、".join(dict.fromkeys(appointment.post.label for appointment in held)),
                "home": home(held[0]),
            }
            for account in accounts
            if (held := [a for a in account.appointments if a.ended_at is None])
        ],
        "gates": [
            {
                "code": code.code,
                "place": code.gate.place.name,
                "gate": code.gate.name,
                "url": f"{public_url.rstrip('/')}/g/{code.code}",
            }
            for code in codes
        ],
        "places": [{"id": place.id, "name": place.name, "url": f"/places/{place.id}"} for place in places],
    }
