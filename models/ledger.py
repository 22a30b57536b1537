"""Makes the obligations (记报送台账): which rows the periods of an enterprise ask for, and bringing the table there.

What was due stays as it is for ever; the periods after it are divided anew from what is known now, so that an order, a move, a
new scheme or a pause of the timed work leaves no day out and none twice. Doing it again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, joinedload, make_transient

from . import report_tally, reports
from .base import SHANGHAI, local
from .closures import Closure
from .enterprises import Enterprise, Premises
from .obligations import GROWN, Kind, Obligation, moment
from .office import adoptions_of
from .places import ModeOrder, Place
from .policy.book import Book
from .policy.periods import ClosedDays, Period, Rules, Stretch, partition
from .policy.schema import Mode
from .sizes import Size, size_of

ONE_DAY = timedelta(days=1)

CLOSED = "企业已经关闭"
RESTORED = "应急响应在第一份日报截止以前结束，恢复原来的报送期"
DIVIDED_ANEW = "响应状态或方案变化，报送期重新划分"

SHAPE = (
    "last_on", "mode", "kind", "scheme_key", "opens_at", "soon_at", "due_at", "locks_at", "mode_order_id", "cut", "whole",
    "usual_due_at",
)  # fmt: skip
DUE = ("soon_at", "due_at", "locks_at", "usual_due_at")


@dataclass(frozen=True, slots=True)
class Seat:
    place_id: int
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Home:
    """What the ledger needs to know of an enterprise."""

    id: int
    district_id: int
    street_id: int
    community_id: int | None
    unit_id: int | None
    size: Size | None
    closed_on: date | None
    seats: tuple[Seat, ...]
    closures: tuple[ClosedDays, ...]

    def place_at(self, at: datetime) -> int | None:
        """Where it has sat longest of where it sits."""
        return next(
            (s.place_id for s in self.seats if s.from_at <= at and (s.until_at is None or s.until_at > at)),
            None,
        )


@dataclass(slots=True)
class Change:
    """What has to be done so that an enterprise's rows say what its periods are."""

    made: list[dict[str, Any]] = field(default_factory=list)
    reshaped: dict[int, dict[str, Any]] = field(default_factory=dict)  # by row
    voided: dict[int, str] = field(default_factory=dict)  # by row, with the reason

    def __bool__(self) -> bool:
        return bool(self.made or self.reshaped or self.voided)


class Ledger:
    """One pass over some enterprises at an instant. Schemes, orders and places are read once a pass."""

    def __init__(
        self, book: Book, now: datetime, *, begins_on: date | None = None, kept_at: datetime | None = None
    ) -> None:
        """`begins_on`: the first day of an enterprise that has no obligation yet, else today. `kept_at`: when the timed work was
        last here; what became due since then was divided without knowing of the orders since, and is not settled."""
        self.book, self.now = book, moment(now)
        self.settled_before = min(moment(kept_at or now), self.now)
        self.today = local(now).date()
        self.begins_on = begins_on or self.today
        self._rules: dict[int, Rules] = {}
        self._orders: dict[int, Sequence[ModeOrder]] = {}
        self._places: dict[int, Place] = {}
        self._divided: dict[Any, Sequence[tuple[Period, dict[str, Any]]]] = {}

    # --- looking ---

    def changes(self, session: Session, ids: Collection[int]) -> dict[int, Change]:
        """What is to be done, by enterprise; those without a change are not in it. A fixed number of queries."""
        homes = self._homes(session, ids)
        self._know_places(session, homes)
        rows = self._unsettled(session, ids)
        begins = self._begins(session, homes, rows)
        found = {}
        for home in homes:
            change = self._change(session, home, begins[home.id], rows.get(home.id, []))
            if change:
                found[home.id] = change
        return found

    def _change(self, session: Session, home: Home, begins: date, rows: Sequence[Any]) -> Change:
        change = Change()
        periods = self._periods(session, home, begins)
        wanted = {one.first_on: (one, shape) for one, shape in periods}
        for row in rows:
            if row.first_on < begins:  # before a day that is settled: only when it is due can still change
                moved = self._moved(session, home, row)
                if moved:
                    change.reshaped[row.id] = moved
                continue
            one, shape = wanted.get(row.first_on, (None, {}))
            if one is None or one.mode is not row.mode:
                change.voided[row.id] = self._why(home, row, [period for period, _ in periods])
                continue
            # what was filed says nothing of the days that came to its period
            if row.version and one.last_on > row.last_on:
                change.voided[row.id] = GROWN
                continue
            del wanted[row.first_on]
            if any(getattr(row, name) != value for name, value in shape.items()):
                change.reshaped[row.id] = shape
        change.made = [self._row(home, one, shape) for one, shape in wanted.values()]
        return change

    def _periods(self, session: Session, home: Home, begins: date) -> Sequence[tuple[Period, dict[str, Any]]]:
        """Each period with what its row says."""
        return self._between(session, home, begins, self.today)

    def _between(
        self, session: Session, home: Home, begins: date, until: date
    ) -> Sequence[tuple[Period, dict[str, Any]]]:
        stretches = self._stretches(session, home)
        key = (home.district_id, begins, until, stretches, home.closed_on, home.closures)
        if key not in self._divided:  # most enterprises of a district share theirs
            rules = self._rules_of(session, home.district_id)
            found = partition(rules, begins, until, stretches, home.closed_on, home.closures)
            self._divided[key] = [(one, _shape(one, self._kind(one))) for one in found]
        return self._divided[key]

    def _moved(self, session: Session, home: Home, row: Any) -> dict[str, Any]:
        """What a closure, or its end, does to a row that waits while the days after it are settled: dailies, in an emergency."""
        for one, shape in self._between(session, home, row.first_on, row.first_on):
            same = (one.mode, one.last_on) == (row.mode, row.last_on)
            if same and any(getattr(row, name) != shape[name] for name in DUE):
                return {name: shape[name] for name in DUE}
        return {}

    def _stretches(self, session: Session, home: Home) -> tuple[Stretch, ...]:
        """The emergencies as they reach it: by where it is registered, and while it sits in a place that they reach."""
        found = []
        own = {"district": home.district_id, "street": home.street_id, "community": home.community_id}
        for order in self._orders_of(session, home.district_id):
            if order.scope in own and own[order.scope] == order.scope_id:
                found.append(Stretch(_wall(order.starts_at), _wall_or_none(order.ended_at), order.id))
                continue
            for seat in home.seats:
                if not order.reaches(self._places[seat.place_id]):
                    continue
                starts = max(order.starts_at, seat.from_at)
                ends = min((at for at in (order.ended_at, seat.until_at) if at is not None), default=None)
                if ends is None or starts < ends:
                    found.append(Stretch(_wall(starts), _wall_or_none(ends), order.id))
        return tuple(found)

    def _why(self, home: Home, row: Any, wanted: Iterable[Period]) -> str:
        if home.closed_on is not None and row.first_on > home.closed_on:
            return CLOSED
        covering = next((one for one in wanted if one.first_on <= row.first_on <= one.last_on), None)
        back = row.mode is Mode.EMERGENCY and covering is not None and covering.mode is Mode.NORMAL
        return RESTORED if back else DIVIDED_ANEW

    def _row(self, home: Home, one: Period, shape: dict[str, Any]) -> dict[str, Any]:
        return {
            "enterprise_id": home.id, "district_id": home.district_id, "street_id": home.street_id,
            "community_id": home.community_id, "unit_id": home.unit_id, "place_id": home.place_at(self.now),
            "size": home.size, "first_on": one.first_on, "made_at": self.now, "void_reason": "", "excuse_reason": "",
            "version": 0, "zero": False, "changed_after_acceptance": False, "zero_at_due": False, "returned_at_due": False,
            **shape,
        }  # fmt: skip

    def _kind(self, one: Period) -> Kind:
        return Kind(self.book.get(one.scheme_key).reporting[one.mode].period)

    # --- reading ---

    def _homes(self, session: Session, ids: Collection[int]) -> list[Home]:
        seats: dict[int, list[Seat]] = defaultdict(list)
        for seat in session.execute(
            select(Premises.enterprise_id, Premises.place_id, Premises.from_at, Premises.until_at)
            .where(Premises.enterprise_id.in_(ids))
            .order_by(Premises.from_at, Premises.id)
        ):
            seats[seat.enterprise_id].append(Seat(seat.place_id, seat.from_at, seat.until_at))
        closures = Closure.days_of(session, ids)
        one = Enterprise
        rows = session.execute(
            select(
                one.id, one.district_id, one.street_id, one.community_id, one.unit_id, one.sector, one.headcount,
                one.revenue, one.assets, one.closed_on,
            )
            .where(one.id.in_(ids))
            .order_by(one.id)
        )  # fmt: skip
        return [
            Home(
                row.id, row.district_id, row.street_id, row.community_id, row.unit_id,
                size_of(row.sector, staff=row.headcount or None, revenue=row.revenue, assets=row.assets).size,
                row.closed_on, tuple(seats.get(row.id, ())), closures.get(row.id, ()),
            )
            for row in rows
        ]  # fmt: skip

    def _unsettled(self, session: Session, ids: Collection[int]) -> dict[int, list[Any]]:
        """The rows that were not past due when the timed work was last here, by enterprise and day."""
        one = Obligation
        rows = session.execute(
            select(
                one.id, one.enterprise_id, one.first_on, one.version, *(getattr(one, name) for name in SHAPE)
            )
            .where(one.enterprise_id.in_(ids), one.due_at >= self.settled_before, one.live())
            .order_by(one.first_on)
        )
        found: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            found[row.enterprise_id].append(row)
        return found

    def _begins(
        self, session: Session, homes: Sequence[Home], rows: Mapping[int, Sequence[Any]]
    ) -> dict[int, date]:
        """From which day each is divided anew: the day after the last that is settled. Rows lie end to end, so that a gap among
        the unsettled is a settled one between them."""
        begins = {number: _run(unsettled) for number, unsettled in rows.items()}
        # a row that holds today is the last; where there is none, a settled one may be
        others = [home.id for home in homes if home.id not in rows or rows[home.id][-1].last_on < self.today]
        if others:
            ended = session.execute(
                select(Obligation.enterprise_id, func.max(Obligation.last_on))
                .where(Obligation.enterprise_id.in_(others), Obligation.live())
                .group_by(Obligation.enterprise_id)
            )
            for number, last in ended:
                if number not in rows or rows[number][-1].last_on < last:
                    begins[number] = last + ONE_DAY
        return {home.id: begins.get(home.id, self.begins_on) for home in homes}

    def _rules_of(self, session: Session, district_id: int) -> Rules:
        if district_id not in self._rules:
            self._rules[district_id] = self.book.rules(adoptions_of(session, district_id))
        return self._rules[district_id]

    def _orders_of(self, session: Session, district_id: int) -> Sequence[ModeOrder]:
        if district_id not in self._orders:
            mine = select(ModeOrder).where(ModeOrder.district_id == district_id)
            self._orders[district_id] = session.scalars(
                mine.order_by(ModeOrder.starts_at, ModeOrder.id)
            ).all()
        return self._orders[district_id]

    def _know_places(self, session: Session, homes: Sequence[Home]) -> None:
        """Where these have sat, where an order may reach them by it."""
        asked = {
            seat.place_id
            for home in homes
            if self._orders_of(session, home.district_id)
            for seat in home.seats
        }
        wanted = asked - self._places.keys()
        if wanted:
            self._places |= {
                place.id: place for place in session.scalars(select(Place).where(Place.id.in_(wanted)))
            }

    # --- writing ---

    def store(self, session: Session, ids: Collection[int]) -> int:
        """Brings the rows of these enterprises to what they should be; how many enterprises changed. Nobody else does the same
        for them until the transaction ends."""
        session.execute(
            select(Enterprise.id)
            .where(Enterprise.id.in_(ids))
            .order_by(Enterprise.id)
            .with_for_update(key_share=True)
        ).all()
        changes = self.changes(session, ids)
        touched = [number for one in changes.values() for number in (*one.voided, *one.reshaped)]
        before = report_tally.facts(session.connection(), touched, alone=True)
        voided = {number: why for one in changes.values() for number, why in one.voided.items()}
        for why in set(voided.values()):
            numbers = [number for number, reason in voided.items() if reason == why]
            session.execute(
                update(Obligation)
                .where(Obligation.id.in_(numbers))
                .values(voided_at=self.now, void_reason=why)
                .execution_options(synchronize_session=False)
            )
        reshaped = [
            {"id": number, **shape} for one in changes.values() for number, shape in one.reshaped.items()
        ]
        if reshaped:
            session.execute(update(Obligation), reshaped)
            reports.settle_at_due(session, [row["id"] for row in reshaped])
        report_tally.shift(session.connection(), before, report_tally.facts(session.connection(), touched))
        made = [row for one in changes.values() for row in one.made]
        if made:
            session.execute(insert(Obligation), made)
            report_tally.shift_made(session.connection(), made)
        if changes:
            session.expire_all()
        return len(changes)

    def as_it_will_be(
        self, session: Session, enterprise_id: int, rows: Sequence[Obligation]
    ) -> list[Obligation]:
        """An enterprise's newest rows with what the timed work has not done yet, the newest first: for a page, which writes
        nothing. Those that differ belong to no session."""
        change = self.changes(session, [enterprise_id]).get(enterprise_id, Change())
        found = [Obligation(**row) for row in reversed(change.made)]
        for one in rows:
            if one.id in change.voided:
                continue
            if one.id in change.reshaped:
                make_transient(one)
                for name, value in change.reshaped[one.id].items():
                    setattr(one, name, value)
            found.append(one)
        computed = [one for one in found if one not in session]
        numbers = {one.mode_order_id for one in computed if one.mode_order_id is not None}
        orders = session.scalars(select(ModeOrder).where(ModeOrder.id.in_(numbers))) if numbers else ()
        named = {order.id: order for order in orders}
        for one in computed:
            one.mode_order = named.get(one.mode_order_id or 0)
        return sorted(found, key=lambda one: one.first_on, reverse=True)


def _run(rows: Sequence[Any]) -> date:
    """The first day of the rows that lie end to end up to the last."""
    first: date = rows[-1].first_on
    for earlier in reversed(rows[:-1]):
        if earlier.last_on + ONE_DAY != first:
            break
        first = earlier.first_on
    return first


def _shape(one: Period, kind: Kind) -> dict[str, Any]:
    """The columns of a row that its period says."""
    return {
        "last_on": one.last_on, "mode": one.mode, "kind": kind, "scheme_key": one.scheme_key,
        "opens_at": _instant(one.opens_at), "soon_at": _instant(one.soon_at), "due_at": _instant(one.due_at),
        "locks_at": _instant(one.locks_at), "mode_order_id": one.order, "cut": one.cut, "whole": one.whole,
        "usual_due_at": _instant(one.usual_due_at) if one.usual_due_at else None,
    }  # fmt: skip


def _wall(at: datetime) -> datetime:
    """An instant as the district's clocks show it."""
    return local(at).replace(tzinfo=None)


def _wall_or_none(at: datetime | None) -> datetime | None:
    return None if at is None else _wall(at)


def _instant(wall: datetime) -> datetime:
    return wall.replace(tzinfo=SHANGHAI)


def recent(session: Session, enterprise_id: int, most: int) -> list[Obligation]:
    """An enterprise's live rows, the newest first."""
    return list(
        session.scalars(
            select(Obligation)
            .where(Obligation.enterprise_id == enterprise_id, Obligation.live())
            .options(joinedload(Obligation.mode_order))
            .order_by(Obligation.first_on.desc())
            .limit(most)
        )
    )
