"""What an address of these pages asks for: the ground it covers, the words, the choices. A made-up value is none."""

from __future__ import annotations

from typing import Any

from flask import request

from blueprints.web.ground import ground
from blueprints.web.guard import within_reach
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models import roster
from models.base import local
from models.enterprises import Enterprise
from models.places import Place
from models.portfolio import Lack

LONGEST = 60  # signs of a search
FILTERS = ("q", "show", "sort")


def ground_of(place: Place, action: str) -> roster.Ground:
    """The place and its buildings, and of the enterprises there those that the person at the door reaches."""
    now = site.now()
    return roster.Ground(
        place_ids=[one.id for one in ground(place, action)],
        within=within_reach(action, Enterprise),
        policy=policy_on(place.district_id, local(now).date()),
        now=now,
        quiet_days=site.settings.contact_days,
    )


def wanted() -> roster.Wanted:
    return roster.Wanted(
        text=words(),
        only=one_of((*Lack, *roster.Show), request.args.get("show")),
        order=one_of(roster.Order, request.args.get("sort")) or roster.Order.QUIET,
    )


def words() -> str:
    return "".join(sign for sign in request.args.get("q", "") if sign.isprintable())[:LONGEST].strip()


def one_of(choices: Any, value: str | None) -> Any:
    return next((one for one in choices if one.value == value), None)
