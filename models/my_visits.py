"""A visitor's own visits (我的到访): found by the device that registered them, kept until a date, deleted where one may.

One form is one piece: its row and those of the people who came along are shown, ended and deleted together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer, joinedload

from .base import RuleBroken, local
from .destruction import forget
from .gate import RECHECK_WINDOW, CheckIn
from .judging import Verdict
from .keeping import Destruction, Hold
from .looks import Look, looks_at
from .places import ModeOrder, Place
from .policy.book import Book
from .policy.schema import Mode, Policy
from .visits import visits_of

WISH = "访客要求删除"

# Why a form is not deleted now, in Chinese and English; {0} is an instant or a date.
REFUSALS: dict[str, tuple[str, str]] = {
    "inside": ("您还在里面。请先登记离开，再删除", "You are still inside. Please check out first"),
    "open": (
        "这次登记还有没办完的事，场所专员办完以后就能删除",
        "Something about this check-in is still being dealt with; it can be deleted once the specialist has finished",
    ),
    "recent": (
        "被拒绝过的登记，满2小时（{0}）以后才能删除",
        "A check-in that was refused can be deleted after two hours, from {0}",
    ),
    "held": (
        "这条登记因依法调查暂缓删除，调查结束以后可以删除",
        "This check-in is kept for a lawful investigation and can be deleted after it",
    ),
    "emergency": (
        "应急响应期间，登记不能提前删除；保存到期会自动删除",
        "During an emergency response check-ins cannot be deleted early; they are deleted when their time is over",
    ),
    "scheme": (
        "按这里执行的方案，登记不能提前删除；{0}以后自动删除",
        "The scheme in force here does not allow early deletion; it is deleted after {0}",
    ),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    about: str = ""

    def words(self, english: bool = False) -> str:
        return REFUSALS[self.code][english].format(self.about)


@dataclass(frozen=True, slots=True)
class MyVisit:
    """One form of this device, with what a visitor may know of it."""

    row: CheckIn
    companions: list[CheckIn]
    visits: dict[int, Any | None]  # of each row the entry of its visit
    policy: Policy
    mode: Mode  # in which the place is now
    looks: list[Look]
    refusal: Refusal | None  # why it cannot be deleted now

    @property
    def rows(self) -> list[CheckIn]:
        return [self.row, *self.companions]

    @property
    def is_under_way(self) -> bool:
        return any(visit is not None and visit.left_at is None for visit in self.visits.values())

    @property
    def kept_until(self) -> date:
        return kept_until(self.policy, self.row.day)

    @property
    def at_most_until(self) -> date | None:
        """Until when an emergency that goes on now may prolong it; None in normal times."""
        longest = self.row.day + timedelta(days=self.policy.retention.emergency_max_days)
        return longest if self.mode == Mode.EMERGENCY and longest > self.kept_until else None


def kept_until(policy: Policy, day: date) -> date:
    """The last day of a check-in of this day, by the scheme that judged it."""
    return day + timedelta(days=policy.retention.check_in_days)


def forms_of(device_index: bytes) -> Select[CheckIn]:
    """Every form that this device has sent and that is still kept, the newest first."""
    return (
        select(CheckIn)
        .where(CheckIn.device_index == device_index, CheckIn.party.is_(None))
        .order_by(CheckIn.occurred_at.desc(), CheckIn.id.desc())
        .options(
            joinedload(CheckIn.gate), joinedload(CheckIn.place).joinedload(Place.district), defer(CheckIn.answers)
        )
    )  # fmt: skip


def told(session: Session, rows: Sequence[CheckIn], book: Book, now: datetime) -> list[MyVisit]:
    """These forms with their companions, ends, looks and what stands against deleting them; the queries do not grow with them."""
    companions: dict[bytes, list[CheckIn]] = defaultdict(list)
    for row in session.scalars(
        select(CheckIn).where(CheckIn.party.in_([row.nonce for row in rows])).order_by(CheckIn.id)
    ):
        companions[row.party or b""].append(row)
    everybody = [*rows, *(one for some in companions.values() for one in some)]
    visits = visits_of(session.connection(), everybody)
    looks = looks_at(session, [row.id for row in everybody])
    mode_of, held = _modes(session, now), _holds(session, now)
    found = []
    for row in rows:
        form = [row, *companions[row.nonce]]
        policy, mode = book.get(row.scheme_key), mode_of(row.place)
        own = {one.id: visits[one.id] for one in form}
        found.append(
            MyVisit(
                row, form[1:], own, policy, mode,
                sorted((look for one in form for look in looks[one.id]), key=lambda look: look.at, reverse=True),
                _refusal(form, own, policy, mode, held(row), now),
            )
        )  # fmt: skip
    return found


def destroy(session: Session, mine: MyVisit, now: datetime, instance: Path) -> Destruction:
    """Deletes a form's rows with the readings and notes on them, and records that it was done (PRIV-7)."""
    if mine.refusal is not None:
        raise RuleBroken(mine.refusal.words())
    rows = sorted(mine.rows, key=lambda row: row.id)
    return forget(session, rows, rule=WISH, now=now, instance=instance)


def _refusal(
    form: Sequence[CheckIn], visits: dict[int, Any | None], policy: Policy, mode: Mode, held: bool, now: datetime
) -> Refusal | None:  # fmt: skip
    """What stands against deleting a form, what its visitor can change first."""
    if any(visit is not None and visit.left_at is None for visit in visits.values()):
        return Refusal("inside")
    if any(_waits(row, now) for row in form):
        return Refusal("open")
    refused = [
        row.occurred_at for row in form if row.verdict == Verdict.REFUSED or row.earlier_id is not None
    ]
    if refused and now - max(refused) < RECHECK_WINDOW:  # or a second form would undo the refusal
        return Refusal("recent", f"{local(max(refused) + RECHECK_WINDOW):%H:%M}")
    if held:
        return Refusal("held")
    allowed = policy.retention.visitor_may_delete
    if mode == Mode.EMERGENCY and not allowed[mode]:
        return Refusal("emergency")
    if not allowed[Mode(form[0].mode)]:
        return Refusal("scheme", f"{kept_until(policy, form[0].day):%Y-%m-%d}")
    return None


def _waits(row: CheckIn, now: datetime) -> bool:
    """`overview.still_open`, of one row."""
    if not row.is_abnormal or row.handled_at is not None:
        return False
    return row.verdict == Verdict.REFUSED or row.day == local(now).date()


def _modes(session: Session, now: datetime) -> Callable[[Place], Mode]:
    orders = session.scalars(select(ModeOrder).where(ModeOrder.open_at(now))).all()

    def mode_of(place: Place) -> Mode:
        reached = any(o.district_id == place.district_id and o.reaches(place) for o in orders)
        return Mode.EMERGENCY if reached else Mode.NORMAL

    return mode_of


def _holds(session: Session, now: datetime) -> Callable[[CheckIn], bool]:
    holds = session.scalars(select(Hold).where(Hold.holding(local(now).date()))).all()

    def held(row: CheckIn) -> bool:
        return any(
            hold.district_id == row.district_id
            and hold.place_id in (None, row.place_id, row.place.parent_id)
            and hold.from_on <= row.day <= hold.to_on
            for hold in holds
        )

    return held
