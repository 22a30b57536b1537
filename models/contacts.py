"""The contact log (联络记录): who reached which enterprise, when, how and about what, and when it is due again (PLC-3).

An entry is never changed: a correction is a new one that points to the old, and the old one says so. Whoever reaches the enterprise
reads its whole log; the enterprise itself does not. A notice to a group is an entry for each enterprise that was in it, and no contact:
nobody knows who has read it. It neither ends the time without contact nor what was agreed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, ScalarSelect, Select, and_, case, func, or_, select
from sqlalchemy.orm import Mapped, Session, aliased, joinedload, mapped_column, relationship

from .accounts import Account
from .base import Labelled, Row, RuleBroken, local
from .enterprises import Enterprise
from .places import Place
from .vault import EncryptedText

NOTE_SIGNS = 200
LATEST_ENTRY = timedelta(days=31)  # how long afterwards a contact may still be written down
UNDO = timedelta(days=7)  # how long a notice to a group can be taken back as a whole
MOST_AT_ONCE = 1000  # enterprises of one notice
CORRECTED, UNDONE = "更正", "整批撤销"

# why somebody looks at a whole number (settled 3.6)
REASONS = {
    "notice": "传达通知",
    "urge": "催报、催办",
    "verify": "核实情况",
    "emergency": "应急联络",
    "tracing": "协助流调",
}


class Way(Labelled):
    """How they were reached."""

    PHONE = "phone", "电话"
    VISIT = "visit", "上门"
    GROUP = "group", "微信群"
    MEETING = "meeting", "会议"
    OTHER = "other", "其他"


class About(Labelled):
    """What it was about."""

    NOTICE = "notice", "传达通知"
    URGE = "urge", "催报"
    VERIFY = "verify", "核实"
    OTHER = "other", "其他"


class ContactBatch(Row):
    """A notice to a group (群里通知): one entry for each of the enterprises, taken back together."""

    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]

    contacts: Mapped[list[Contact]] = relationship(back_populates="batch", order_by="Contact.id")
    by: Mapped[Account] = relationship()

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        places = Place.within(scope, ids)
        return None if places is None else cls.place_id.in_(select(Place.id).where(places))

    @classmethod
    def send(
        cls, enterprise_ids: Collection[int], *, place: Place, way: Way, about: About, at: datetime, note: str,
        next_on: date | None, by: Account, now: datetime,
    ) -> ContactBatch:  # fmt: skip
        """The same entry for each of these. The caller has checked that they are within reach."""
        if not enterprise_ids:
            raise RuleBroken("请至少选一家企业")
        if len(enterprise_ids) > MOST_AT_ONCE:
            raise RuleBroken(f"一次最多记{MOST_AT_ONCE}家，现在选了{len(enterprise_ids)}家，请分几次记")
        batch = cls(place_id=place.id, by_id=by.id, written_at=now)
        batch.contacts = [
            Contact.write(
                number, way=way, about=about, at=at, note=note, next_on=next_on, by=by, now=now,
                place_id=place.id,
            )
            for number in sorted(set(enterprise_ids))
        ]  # fmt: skip
        return batch

    def may_undo(self, person_id: int, now: datetime) -> bool:
        return self.undone_at is None and self.by_id == person_id and now - self.written_at < UNDO

    def undo(self, *, by: Account, now: datetime) -> list[Contact]:
        """Takes back what still stands as it was written; answers what was corrected or voided since, which stays."""
        if by.id != self.by_id:
            raise RuleBroken("只能撤销自己记的群里通知")
        if self.undone_at is not None:
            raise RuleBroken("这次群里通知已经撤销")
        if now - self.written_at >= UNDO:
            raise RuleBroken(f"记了超过{UNDO.days}天，不能整批撤销；有记错的，请逐条更正或作废")
        self.undone_at = now
        touched = [one for one in self.contacts if one.voided_at is not None]
        for one in self.contacts:
            if one.voided_at is None:
                one.voided_at, one.void_reason = now, UNDONE
        return touched


class Contact(Row):
    """One contact with one enterprise."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))  # for which place it was made
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("contact_batch.id"), index=True)
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    written_at: Mapped[datetime]
    way: Mapped[Way]
    about: Mapped[About]
    note: Mapped[str | None] = mapped_column(EncryptedText("contact.note"))
    next_on: Mapped[date | None]  # when it is due again, as agreed
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")

    enterprise: Mapped[Enterprise] = relationship()
    by: Mapped[Account] = relationship()
    batch: Mapped[ContactBatch | None] = relationship(back_populates="contacts")

    __table_args__ = (Index("ix_contact_enterprise_at", "enterprise_id", "at"),)

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return cls._of(None if scope == "enterprise" else Enterprise.within(scope, ids))

    @classmethod
    def within_at(cls, scope: str, ids: list[int], at: datetime) -> ColumnElement[bool] | None:
        """Of the enterprises that the scope reaches then; an enterprise's own people read no log about it."""
        return cls._of(None if scope == "enterprise" else Enterprise.within_at(scope, ids, at))

    @classmethod
    def _of(cls, reached: ColumnElement[bool] | None) -> ColumnElement[bool] | None:
        return None if reached is None else cls.enterprise_id.in_(select(Enterprise.id).where(reached))

    @classmethod
    def write(
        cls, enterprise_id: int, *, way: Way, about: About, at: datetime, note: str, next_on: date | None,
        by: Account, now: datetime, place_id: int | None = None,
    ) -> Contact:  # fmt: skip
        """Written down today or within a month; `next_on` lies ahead."""
        if at > now:
            raise RuleBroken("联络的时间还没有到，请填已经联络过的时间")
        if now - at > LATEST_ENTRY:
            raise RuleBroken(f"只能补记{LATEST_ENTRY.days}天以内的联络")
        if next_on is not None and next_on <= local(at).date():
            raise RuleBroken("下次联络要在这次之后")
        if len(note) > NOTE_SIGNS:
            raise RuleBroken(f"说明最多{NOTE_SIGNS}个字，现在是{len(note)}个字")
        return cls(
            enterprise_id=enterprise_id, place_id=place_id, by_id=by.id, at=at, written_at=now, way=way, about=about,
            note=note.strip() or None, next_on=next_on,
        )  # fmt: skip

    def correct(
        self, *, way: Way, about: About, at: datetime, note: str, next_on: date | None, by: Account, now: datetime,
        took_over: bool = False,
    ) -> Contact:  # fmt: skip
        """The entry as it should have been; this one stays to be read, and counts no more. `took_over`: see
        `models.hand_over.taken_over`."""
        self._must_be_open_to(by, took_over)
        fresh = Contact.write(
            self.enterprise_id, way=way, about=about, at=at, note=note, next_on=next_on, by=by, now=now,
            place_id=self.place_id,
        )  # fmt: skip
        fresh.corrects_id = self.id
        self.voided_at, self.void_reason = now, CORRECTED
        return fresh

    def void(self, *, reason: str, by: Account, now: datetime, took_over: bool = False) -> None:
        self._must_be_open_to(by, took_over)
        if not reason.strip():
            raise RuleBroken("请写作废的原因")
        self.voided_at, self.void_reason = now, reason.strip()

    def _must_be_open_to(self, person: Account, took_over: bool) -> None:
        if self.by_id != person.id and not took_over:
            raise RuleBroken("只能改自己记的联络，或者随移交接手的约定")
        if self.voided_at is not None:
            raise RuleBroken("这条联络已经更正或作废")

    @property
    def is_notice(self) -> bool:
        return self.batch_id is not None or self.way is Way.GROUP

    @classmethod
    def standing(cls) -> ColumnElement[bool]:
        return cls.voided_at.is_(None)

    @classmethod
    def reached(cls) -> ColumnElement[bool]:
        """Standing entries of somebody who was spoken to: all but what went to a group."""
        return and_(cls.standing(), cls.batch_id.is_(None), cls.way != Way.GROUP)


# --- asked of enterprises ---


def last_at() -> ScalarSelect[datetime]:
    """When an enterprise was last reached, NULL for never; for conditions and orders over Enterprise."""
    return (
        select(func.max(Contact.at))
        .where(Contact.enterprise_id == Enterprise.id, Contact.reached())
        .correlate(Enterprise)
        .scalar_subquery()
    )


def quiet(now: datetime, days: int) -> ColumnElement[bool]:
    """很久没联络: not within the last `days` days, or never."""
    since = now - timedelta(days=days)
    recent = select(Contact.id).where(
        Contact.enterprise_id == Enterprise.id, Contact.reached(), Contact.at > since
    )
    return ~recent.correlate(Enterprise).exists()


def due(today: date) -> ColumnElement[bool]:
    """约好该联络了: the day that was agreed on last has come, and nobody was reached since it was agreed."""
    return _has(waiting(), Contact.next_on <= today)


def agreed() -> ColumnElement[bool]:
    """约好下次联络的: the last contact agreed on a next one, come or not."""
    return _has(waiting())


def _has(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    found = select(Contact.id).where(Contact.enterprise_id == Enterprise.id, *conditions)
    return found.correlate(Enterprise).exists()


def waiting() -> ColumnElement[bool]:
    """Of contacts: an agreement that waits to be kept, for nobody has been in touch since."""
    later = aliased(Contact)
    after = or_(later.at > Contact.at, and_(later.at == Contact.at, later.id > Contact.id))
    newer = select(later.id).where(
        later.enterprise_id == Contact.enterprise_id,
        or_(later.reached(), and_(later.standing(), later.next_on.is_not(None))),
        after,
    )
    return and_(Contact.standing(), Contact.next_on.is_not(None), ~newer.correlate(Contact).exists())


@dataclass(frozen=True, slots=True)
class Latest:
    """Where an enterprise stands: when somebody was last reached, the last notice since then, the day agreed on."""

    contact: Contact | None = None
    notice: Contact | None = None
    next_on: date | None = None


def latest_of(session: Session, enterprise_ids: Collection[int]) -> dict[int, Latest]:
    """Where each of these stands, from one query: its newest contact, newest notice, newest notice that names a day."""
    kind = case((Contact.reached(), 0), (Contact.next_on.is_not(None), 1), else_=2)
    place = func.row_number().over(
        partition_by=(Contact.enterprise_id, kind), order_by=(Contact.at.desc(), Contact.id.desc())
    )
    ranked = (
        select(Contact.id, place.label("place"))
        .where(Contact.enterprise_id.in_(enterprise_ids), Contact.standing())
        .subquery()
    )
    found = session.scalars(
        select(Contact)
        .join(ranked, ranked.c.id == Contact.id)
        .where(ranked.c.place == 1)
        .order_by(Contact.at, Contact.id)
        .options(joinedload(Contact.by))
    )
    latest: dict[int, Latest] = defaultdict(Latest)
    for one in found:
        was = latest[one.enterprise_id]
        if one.is_notice:
            latest[one.enterprise_id] = Latest(was.contact, one, one.next_on or was.next_on)
        else:
            latest[one.enterprise_id] = Latest(one, None, one.next_on)
    return latest


def log_of(
    enterprises: ColumnElement[bool], *, mine: ColumnElement[bool] | None = None, about: About | None = None,
    waits: bool = False,
) -> Select[Contact]:  # fmt: skip
    """The entries about these enterprises, the newest first; corrected and voided ones stand among them."""
    query = (
        select(Contact)
        .where(Contact.enterprise_id.in_(select(Enterprise.id).where(enterprises)))
        .options(joinedload(Contact.by), joinedload(Contact.enterprise), joinedload(Contact.batch))
    )
    if mine is not None:
        query = query.where(mine)
    if waits:
        query = query.where(waiting())
    if about is not None:
        query = query.where(Contact.about == about)
    return query.order_by(Contact.at.desc(), Contact.id.desc())


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log, with what became of it."""

    contact: Contact
    by: str
    state: str  # empty while it stands; else why it no longer does
    corrects: bool
    own: bool  # may be corrected by whoever looks


def entries(contacts: Iterable[Contact], person_id: int, took_over: Collection[int] = ()) -> list[Entry]:
    """`took_over`: the numbers of those that whoever looks answers for besides the own ones."""
    return [
        Entry(
            one, one.by.name,
            "" if one.voided_at is None else "已更正" if one.void_reason == CORRECTED
            else f"已作废：{one.void_reason}",
            one.corrects_id is not None,
            (one.by_id == person_id or one.id in took_over) and one.voided_at is None,
        )
        for one in contacts
    ]  # fmt: skip
