"""What the running site consists of besides Flask (站点): settings, keys, schemes, gates, days, clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import current_app
from werkzeug.local import LocalProxy

from blueprints.web.settings import Settings
from models.daybook import DayBook
from models.delivery import Carrier, Channel
from models.gateview import GateBook
from models.health_codes import CodeService
from models.letter_keeping import Sealer
from models.policy.book import Book
from models.tallies import TallyBook
from models.vault import Vault


@dataclass(frozen=True)
class Site:
    """Made once by create_app; views reach it as `site`."""

    settings: Settings
    vault: Vault
    book: Book
    gates: GateBook
    days: DayBook
    tallies: TallyBook
    now: Callable[[], datetime]
    health_code: CodeService | None = (
        None  # None where no service is configured: the visitor's own word counts
    )
    sealer: Sealer | None = (
        None  # None where no seal is configured: finished letters are filed as they are drawn
    )
    known_seals: frozenset[bytes] = frozenset()  # certificates (DER) by which a seal is ours
    draw_letter: Callable[..., bytes] | None = None  # the area of letters hands it in, for the background
    carriers: Mapping[Channel, Carrier] = field(default_factory=dict)  # the ways out that are configured


site: Site = LocalProxy(lambda: current_app.extensions["site"])  # type: ignore[assignment]


def clock(start: str) -> Callable[[], datetime]:
    """The real clock, or for tests one that starts at `start` and runs on."""
    if not start:
        return lambda: datetime.now(UTC)
    shift = datetime.fromisoformat(start) - datetime.now(UTC)
    return lambda: datetime.now(UTC) + shift
