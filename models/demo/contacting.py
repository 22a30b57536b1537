"""The specialists' contacts with the enterprises of their places (演示联络): most lately, some long ago, a few never, one notice to all."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from sqlalchemy.orm import Session

from models.access import Post
from models.accounts import Account
from models.base import local
from models.contacts import About, Contact, ContactBatch, Way
from models.demo.town import MAIN_GATE, Town
from models.enterprises import Enterprise
from models.places import Place

SAID = {
    About.NOTICE: "冬季传染病防控提示，请转给各班组",
    About.URGE: "健康管理员还没有任命，说好本周内办",
    About.VERIFY: "核对在册人数和联系人",
    About.OTHER: "",
}
WAYS = (Way.PHONE, Way.PHONE, Way.PHONE, Way.VISIT, Way.MEETING)
SETTLE = timedelta(minutes=5)  # between a contact and its being written down


def call_round(session: Session, town: Town, now: datetime, *, seed: str) -> None:
    """Every specialist has called most of those who sit in their place; the main park's has told all of them something."""
    rng = Random(f"{seed}/contacts")
    for place in town.places.values():
        serving = [one for one in town.in_post(Post.SPECIALIST, place) if one.ended_at is None]
        tenants = [one for one in town.enterprises.values() if one.premises[0].place_id == place.id]
        if not serving:
            continue
        by = serving[0].account
        for firm in tenants:
            session.add_all(_contacts(firm, place, by, now, rng))
        if place.name == MAIN_GATE[0]:
            session.add(
                ContactBatch.send(
                    [one.id for one in tenants], place=place, way=Way.GROUP, about=About.NOTICE, at=_hour(now, 3, rng),
                    note=SAID[About.NOTICE], next_on=None, by=by, now=now - timedelta(days=2),
                )
            )  # fmt: skip
    session.flush()


def _contacts(firm: Enterprise, place: Place, by: Account, now: datetime, rng: Random) -> list[Contact]:
    luck = rng.random()
    if luck < 0.12:
        return []
    days = (
        [rng.randint(36, 70)]
        if luck < 0.28
        else sorted(rng.sample(range(1, 29), rng.randint(1, 3)), reverse=True)
    )
    made = []
    for back in days:
        at, about = _hour(now, back, rng), rng.choice(list(SAID))
        agreed = local(at).date() + timedelta(days=14) if rng.random() < 0.3 else None
        made.append(
            Contact.write(
                firm.id, way=rng.choice(WAYS), about=about, at=at, note=SAID[about], next_on=agreed, by=by, now=at + SETTLE,
                place_id=place.id,
            )
        )  # fmt: skip
    return made


def _hour(now: datetime, back: int, rng: Random) -> datetime:
    """In the office hours of a day past."""
    morning = local(now).replace(hour=9, minute=0, second=0, microsecond=0)
    return morning - timedelta(days=back) + timedelta(minutes=rng.randrange(480))
