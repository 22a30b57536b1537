"""What a gate is right now, in one frozen value (入口现状), so that a visitor's request reads no table for it.

Built from the tables, kept per process by `GateBook`, and thrown away as a whole when the number in `Version` moves:
every change of a watched table moves it, in the same transaction, whoever makes the change.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any

from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column

from .base import Row, local, reading
from .enterprises import Enterprise, Premises, Spelling
from .gate import fold
from .places import Adoption, Clinic, District, Gate, GateCode, ModeOrder, Place, open_between
from .policy.book import Book
from .policy.schema import GateForm, Mode, Policy, Question
from .watch import Fault


class Version(Row):
    """A number that moves whenever what gates depend on changes."""

    name: Mapped[str] = mapped_column(unique=True)
    number: Mapped[int]


NUMBER = select(Version.number).where(Version.name == "gates")
WATCHED = (
    Adoption,
    Clinic,
    District,
    Enterprise,
    Fault,
    Gate,
    GateCode,
    ModeOrder,
    Place,
    Premises,
    Spelling,
)


@event.listens_for(Session, "after_flush")
def _move_version(session: Session, _context: Any) -> None:
    changed = {*session.new, *session.deleted, *(o for o in session.dirty if session.is_modified(o))}
    if any(isinstance(o, WATCHED) for o in changed):
        session.info["gates_moved"] = True
        session.execute(update(Version).where(Version.name == "gates").values(number=Version.number + 1))


_moves_here = itertools.count(1)
_moved_here = 0


@event.listens_for(Session, "after_commit")
def _notice_own_move(session: Session) -> None:
    """The process that made the change sees it at once; the others within a moment."""
    global _moved_here
    if session.info.pop("gates_moved", False):
        _moved_here = next(_moves_here)


@dataclass(frozen=True, slots=True)
class Emergency:
    """The mode order that a gate's page names."""

    name: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class FeverClinic:
    name: str
    address: str
    phone: str
    hours: str


@dataclass(frozen=True, slots=True)
class GateView:
    """A working gate with all that its page, its judgement and its pass need."""

    code: str
    code_version: int
    gate_id: int
    gate_name: str
    place_id: int
    place_ids: frozenset[int]  # this place, its park and the park's buildings: not "elsewhere"
    place_name: str
    address: str
    place_phone: str
    district_id: int
    district_slug: str
    district_name: str
    organiser: str
    hotline: str
    hotline_hours: str
    opens: clock_time | None
    closes: clock_time | None
    mode: Mode
    emergency: Emergency | None
    policy: Policy
    form: GateForm
    word: bool
    tenants: dict[str, int]  # folded spelling -> enterprise
    tenant_names: tuple[str, ...]
    clinic: FeverClinic | None
    on: date  # the day in Shanghai for which this view was built: schemes change at midnight
    faulty_until: datetime | None  # the thermometer is out of order until then
    number: int  # of Version, from before this was read: register() takes nothing once it has moved on

    @property
    def faulty(self) -> bool:
        return self.faulty_until is not None

    def holds(self, at: datetime) -> bool:
        """Whether this is still what the gate is, if no table has changed since."""
        return self.on == local(at).date() and (self.faulty_until is None or at < self.faulty_until)

    def is_open(self, at: datetime) -> bool:
        return open_between(self.opens, self.closes, local(at).time())

    def enterprise_id(self, written: str) -> int | None:
        return self.tenants.get(fold(written)) if written else None


@dataclass(frozen=True, slots=True)
class WrongCode:
    """Why a code opens no form. Each kind has its own message on its own page."""

    kind: str  # unknown | revoked | paused | no_scheme
    district_slug: str = ""
    district_name: str = ""
    place_name: str = ""
    gate_name: str = ""
    hotline: str = ""
    organiser: str = ""
    reason: str = ""
    since: datetime | None = None  # revoked or paused at
    scanned_version: int = 0
    scanned_from: datetime | None = None
    current_version: int = 0
    current_from: datetime | None = None
    district_id: int = 0
    gate_id: int = 0
    on: date | None = None  # a district without a scheme may have one tomorrow

    def holds(self, at: datetime) -> bool:
        """As of GateView."""
        return self.on is None or self.on == local(at).date()


def build(session: Session, book: Book, code: str, now: datetime) -> GateView | WrongCode:
    """Reads a gate from the tables, by the code that was scanned."""
    number = session.scalar(NUMBER) or 0
    found = session.scalar(
        select(GateCode)
        .where(GateCode.code == code)
        .options(
            joinedload(GateCode.gate).joinedload(Gate.place).options(joinedload(Place.district)),
            joinedload(GateCode.gate).selectinload(Gate.codes),
        )
    )
    if found is None:
        return WrongCode("unknown")
    return view_of(session, book, found.gate, now, scanned=found, number=number)


def view_of(
    session: Session,
    book: Book,
    gate: Gate,
    now: datetime,
    *,
    scanned: GateCode | None = None,
    number: int = 0,
    on_paper: bool = False,
) -> GateView | WrongCode:
    """What a gate is right now; `scanned` is the code that led here, the gate's own where None.

    `on_paper`: what it was at the instant `now` for whoever wrote on a sheet of paper there; no code had to work for that.
    """
    place, current = gate.place, gate.code
    district = place.district
    scanned = scanned or current
    where: dict[str, Any] = {
        "district_slug": district.slug,
        "district_name": district.name,
        "district_id": district.id,
        "gate_id": gate.id,
        "place_name": place.name,
        "gate_name": gate.name,
        "hotline": district.hotline,
        "organiser": district.organiser,
    }
    if not on_paper and (scanned is None or scanned.revoked_at is not None):
        return WrongCode(
            "revoked", **where,
            reason=scanned.revoke_reason if scanned else "",
            since=scanned.revoked_at if scanned else None,
            scanned_version=scanned.version if scanned else 0,
            scanned_from=scanned.issued_at if scanned else None,
            current_version=current.version if current else 0,
            current_from=current.issued_at if current else None,
        )  # fmt: skip
    if not on_paper and (gate.paused_at is not None or place.closed_at is not None):
        return WrongCode("paused", **where, reason=gate.pause_reason, since=gate.paused_at or place.closed_at)
    today = local(now).date()
    policy = book.in_force(
        session.scalars(select(Adoption).where(Adoption.district_id == district.id)), today
    )
    if policy is None:
        return WrongCode("no_scheme", **where, on=today)
    orders = session.scalars(ModeOrder.reaching(place, now)).all()
    mode = Mode.EMERGENCY if orders else Mode.NORMAL
    form = policy.gate[mode]
    faulty_until = session.scalar(
        select(func.max(Fault.until_at)).where(Fault.gate_id == gate.id, Fault.holding(now))
    )
    tenants, names = _tenants(session, place, now)
    return GateView(
        code=scanned.code if scanned else "",
        code_version=scanned.version if scanned else 0,
        gate_id=gate.id,
        gate_name=gate.name,
        place_id=place.id,
        place_ids=_neighbours(session, place),
        place_name=place.name,
        address=place.address,
        place_phone=place.phone,
        district_id=district.id,
        district_slug=district.slug,
        district_name=district.name,
        organiser=district.organiser,
        hotline=district.hotline,
        hotline_hours=district.hotline_hours,
        opens=place.opens,
        closes=place.closes,
        mode=mode,
        emergency=Emergency(orders[0].name, orders[0].starts_at) if orders else None,
        policy=policy,
        form=form if faulty_until is None else without_thermometer(form),
        word=form.word and not gate.without_word,
        tenants=tenants,
        tenant_names=names,
        clinic=_clinic(session, place),
        on=today,
        faulty_until=faulty_until,
        number=number,
    )


def without_thermometer(form: GateForm) -> GateForm:
    """The form of a gate whose thermometer is out of order: a temperature may be given, and need not be."""

    def asked(question: Question) -> Question:
        if question.kind != "temperature":
            return question
        return replace(
            question,
            required=False,
            hint="入口的体温计现在用不了；自己量过就填，没有量过可以不填",
            hint_en="The thermometer here is out of order. Fill in if you have measured yourself, else leave it empty",
        )

    return replace(form, questions=tuple(asked(question) for question in form.questions))


def mode_at(session: Session, place: Place, now: datetime) -> Mode:
    """The response mode of a place at an instant: the stricter of all that reach it."""
    return Mode.EMERGENCY if session.scalars(ModeOrder.reaching(place, now).limit(1)).first() else Mode.NORMAL


def _neighbours(session: Session, place: Place) -> frozenset[int]:
    park = place.parent_id or place.id
    inside = session.scalars(select(Place.id).where((Place.id == park) | (Place.parent_id == park)))
    return frozenset({place.id, *inside})


def _tenants(session: Session, place: Place, now: datetime) -> tuple[dict[str, int], tuple[str, ...]]:
    """Every spelling by which visitors may name a resident enterprise, and the names to offer.

    A spelling that two enterprises share names neither.
    """
    places = _neighbours(session, place) if place.parent_id is None else {place.id}
    rows = session.scalars(
        select(Premises)
        .where(Premises.place_id.in_(places), Premises.holding(now))
        .options(joinedload(Premises.enterprise))
    ).all()
    spellings: dict[str, set[int]] = {}
    for premises in rows:
        enterprise = premises.enterprise
        for written in (enterprise.name, enterprise.short_name, enterprise.initials, premises.room):
            if fold(written):
                spellings.setdefault(fold(written), set()).add(enterprise.id)
    tenants = {written: ids.pop() for written, ids in spellings.items() if len(ids) == 1}
    for spelling in session.scalars(select(Spelling).where(Spelling.place_id == place.id)):
        if spelling.enterprise_id is not None:
            tenants[spelling.written] = spelling.enterprise_id
    names = sorted({p.enterprise.short_name or p.enterprise.name for p in rows})
    return tenants, tuple(names)


def _clinic(session: Session, place: Place) -> FeverClinic | None:
    clinic = session.scalar(
        select(Clinic)
        .where(Clinic.district_id == place.district_id)
        .where((Clinic.street_id == place.street_id) | Clinic.street_id.is_(None))
        .order_by(Clinic.street_id.is_(None), Clinic.id)
        .limit(1)
    )
    return FeverClinic(clinic.name, clinic.address, clinic.phone, clinic.hours) if clinic else None


class GateBook:
    """The gate views of this process. Stale for at most `seconds` in other processes, never in the one that changed."""

    def __init__(self, engine: Engine, book: Book, *, seconds: float = 1.0, keep: int = 20_000) -> None:
        self.engine, self.book, self.seconds, self.keep = engine, book, seconds, keep
        self._views: dict[str, GateView | WrongCode] = {}
        self._number = -1
        self._moved = -1
        self._checked = float("-inf")

    def view(self, code: str, now: datetime, *, fresh: bool = False) -> GateView | WrongCode:
        """The gate behind this code; `fresh` asks the version at once, as a check-in does."""
        if fresh or self._moved != _moved_here or time.monotonic() - self._checked > self.seconds:
            self._follow()
        found = self._views.get(code)
        if found is not None and found.holds(now):
            return found
        number = self._number
        with reading(), Session(self.engine) as session:
            found = build(session, self.book, code, now)
        known = isinstance(found, GateView) or found.kind != "unknown"  # a guess must not fill the memory
        if known and number == self._number:  # otherwise something changed while we read
            if len(self._views) >= self.keep:
                self._views.clear()
            self._views[code] = found
        return found

    def _follow(self) -> None:
        self._moved = _moved_here
        with reading(), self.engine.connect() as connection:
            number = connection.scalar(NUMBER)
        self._checked = time.monotonic()
        if number != self._number:
            self._views.clear()
            self._number = number if number is not None else -1

    def forget(self) -> None:
        self._number = -1
        self._checked = float("-inf")
