"""What the pages of letters have in common: what an address asks for, who is at the door as a signer, the way back after a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from blueprints.web.guard import commit, within_reach
from blueprints.web.page import done
from blueprints.web.site import site
from models.base import db, local
from models.enterprises import Enterprise
from models.letter_search import Asked, Track
from models.letters import Letter, LetterKind
from models.places import Place, Street, Unit
from models.signatures import Capacity, Signer, Verified

LONGEST = 60


def asked(action: str, args: Mapping[str, str] | None = None) -> Asked:
    """By this request's address unless other values are handed over. A made-up value is none."""
    args = request.args if args is None else args
    return Asked(
        within=within_reach(action, Enterprise),
        kind=one_of(LetterKind, args.get("kind")) or LetterKind.ENTERPRISE,
        text="".join(sign for sign in args.get("q", "") if sign.isprintable())[:LONGEST].strip(),
        unit_id=_number(args.get("unit")),
        street_id=_number(args.get("street")),
        place_id=_number(args.get("place")),
        least=_number(args.get("least")),
        most=_number(args.get("most")),
        track=one_of(Track, args.get("show")),
    )


def choices(action: str) -> dict[str, list[tuple[int, str]]]:
    """Units, streets and places that have enterprises within reach."""
    mine = within_reach(action, Enterprise)
    found: dict[str, list[tuple[int, str]]] = {}
    for name, model, column in (
        ("units", Unit, Enterprise.unit_id),
        ("streets", Street, Enterprise.street_id),
    ):
        here = select(model.id, model.name).where(
            select(Enterprise.id).where(column == model.id, mine).exists()
        )
        found[name] = [(number, words) for number, words in db.session.execute(here.order_by(model.name))]
    places = select(Place.id, Place.name).where(within_reach(action, Place), Place.closed_at.is_(None))
    found["places"] = [(number, words) for number, words in db.session.execute(places.order_by(Place.name))]
    return found


def one_of(kinds: Any, value: str | None) -> Any:
    return next((one for one in kinds if one.value == value), None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def alone(letter: Letter) -> Letter:
    """The letter as it is now, for us alone."""
    db.session.refresh(letter, with_for_update=True)
    return letter


def me(capacity: Capacity, signer_id: int | None = None) -> Signer:
    """The person at the door, who has just given the password again."""
    second = current_user.account.totp_secret is not None
    return Signer(
        current_user.name, capacity, Verified.SECOND_FACTOR if second else Verified.PASSWORD, current_user.id,
        request.remote_addr or "", request.user_agent.string, signer_id=signer_id,
    )  # fmt: skip


def saved(said: str, where: str, kind: str = "ok", **details: object) -> ResponseReturnValue:
    """Keeps the change and says so on the page that shows it."""
    flash(said, kind)
    commit(**details)
    return done(where)


def today() -> Any:
    return local(site.now()).date()
