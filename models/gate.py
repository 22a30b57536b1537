"""The gate (门岗): the one row that each attempt becomes (扫码登记), with what a guard measured and noted."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    and_,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import Account
from .base import BigId, Labelled, Row, RuleBroken, local
from .enterprises import Enterprise
from .judging import Declaration, Reason, Verdict, judge, read_reasons, write_reasons
from .places import Gate, Place
from .policy.schema import Mode, Policy
from .vault import EncryptedText

RECHECK_WINDOW = timedelta(
    hours=2
)  # how long a refusal binds the next forms of the same visitor at the place
CROWD_WINDOW = timedelta(seconds=60)
CROWD_NAMES = 10  # names that one device may register within CROWD_WINDOW
ELSEWHERE_WINDOW = timedelta(minutes=3)  # nobody walks from one place to another faster


class Kind(Labelled):
    """What an attempt is to the visit: only an entry counts as one."""

    ENTRY = "entry", "进入"
    AGAIN = "again", "再次扫码"
    MOVE = "move", "换入口"


class MeasuredBy(Labelled):
    SELF = "self", "自己"
    GUARD = "guard", "门岗"


class Source(Labelled):
    """How a row came about (来源): who wrote it down, and on what."""

    SCAN = "scan", "扫码"
    HAND = "hand", "门岗代登"
    PAPER = "paper", "纸质补录"


class HandReason(Labelled):
    """Why a guard registers somebody (代登原因). The code is never the only way in."""

    NO_PHONE = "no_phone", "没有带手机"
    ELDER = "elder", "老人不用手机"
    CHILD = "child", "孩子"
    CANNOT_SCAN = "cannot_scan", "手机扫不了码"
    NO_CHINESE_NUMBER = "foreign", "没有内地手机号"


class Departure(Labelled):
    """How a visit ended (离开方式)."""

    SELF = "self", "本人登记离开"
    GUARD = "guard", "门岗登记离开"
    MOVED = "moved", "到了别处"
    CLOSING = "closing", "到关门时间自动结束"
    ABSENT = "absent", "门岗核实没有这个人"


class CodeCheck(Labelled):
    """What the health-code service has said of a row (健康码核验); None where it was not asked."""

    PENDING = "pending", "待核验"
    KNOWN = "known", "已核验"
    MISSED = "missed", "没有查到"  # the service stayed silent until it no longer mattered


class StaffCheck(Labelled):
    """Whether somebody who said 「我在这里上班」 has been looked for on the roster. What came of it, the row never says:
    nobody finds out at a gate, or from a row of it, who is on file where."""

    PENDING = "pending", "待对照名册"
    SETTLED = "settled", "对照过名册"


class Mark(Labelled):
    """Why a row stands apart until a guard confirms it. Marked, rarely blocked."""

    OUT_OF_HOURS = "out_of_hours", "不在开放时间"
    MANY_NAMES = "many_names", "同一部手机登记了很多人"
    BURST = "burst", "同一部手机连续提交"
    ELSEWHERE = "elsewhere", "同一部手机刚在别处登记"


def fold(written: str) -> str:
    """A spelling without what does not matter: width, case, spaces and punctuation. 青禾 生物 = 青禾生物."""
    text = unicodedata.normalize("NFKC", written).casefold()
    return "".join(c for c in text if c.isalnum())


# Word for word the conditions of indexes, so that queries find them: an abnormal entry that nobody has dealt with; somebody
# inside, which is an entry that was let in, that no mark sets apart (or a guard has seen), and that has not ended.
OPEN_CASE = "handled_at IS NULL AND verdict IN ('refused', 'attention')"
INSIDE = (
    "left_at IS NULL AND kind = 'entry' AND (marks = '' OR confirmed_at IS NOT NULL)"
    " AND (verdict IN ('pass', 'registered') OR verdict = 'attention' AND confirmed_at IS NOT NULL)"
)
ADMITTED = (Verdict.PASS, Verdict.REGISTERED)


class CheckIn(Row):
    """One attempt at one gate (登记): refused ones too. What an attempt is, the database says: one nonce, one row.

    On PostgreSQL the table is cut into weeks by `day` (see the migrations), so that a week that nobody may keep any longer is
    dropped as a whole. No key can then do without `day`, and no other table can point at `id` alone; what becomes of a form
    that is sent on both sides of midnight, `models.register` says.
    """

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    nonce: Mapped[bytes]
    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id"))
    day: Mapped[date]  # in Shanghai
    hour: Mapped[int] = mapped_column(SmallInteger)  # 0-23 in Shanghai
    occurred_at: Mapped[datetime]
    arrived_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]  # when the form was handed out: how long somebody looked at it
    kind: Mapped[Kind]
    call_number: Mapped[int] = mapped_column(SmallInteger)  # 叫号, 100-999 in turn over a place's day
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # None: the visitor
    name: Mapped[str]
    mobile: Mapped[bytes | None]  # sealed: see mobile_plain
    mobile_index: Mapped[bytes | None]
    device_index: Mapped[bytes | None]
    written: Mapped[str]  # where to, in the visitor's words
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))
    purpose: Mapped[str]
    celsius: Mapped[int | None] = mapped_column(SmallInteger)  # tenths of a degree
    measured_by: Mapped[MeasuredBy | None]
    masked: Mapped[bool | None]
    answers: Mapped[bytes | None]  # sealed JSON: health code, travel, symptoms
    mode: Mapped[str]
    scheme_key: Mapped[str]
    verdict: Mapped[Verdict]
    reasons: Mapped[str]  # JSON
    marks: Mapped[str]  # codes with commas; empty for most
    earlier_id: Mapped[int | None] = mapped_column(BigId)  # the refusal this one follows
    source: Mapped[Source] = mapped_column(server_default=Source.SCAN.value)
    hand_reason: Mapped[HandReason | None]
    party: Mapped[
        bytes | None
    ]  # of somebody who came along: the nonce of the row of whoever filled in the form
    code_state: Mapped[CodeCheck | None]
    staff: Mapped[StaffCheck | None]  # None: a visitor
    recheck_asked_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]  # set by the note that closes the case
    # declared presence becomes confirmed by a guard (confirmed_by_id), or by the rotating code of the gate's tablet
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # of an entry alone: how the visit ended
    left_at: Mapped[datetime | None]
    left_how: Mapped[Departure | None]
    left_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    gate: Mapped[Gate] = relationship()
    place: Mapped[Place] = relationship()
    enterprise: Mapped[Enterprise | None] = relationship()
    recorded_by: Mapped[Account | None] = relationship(foreign_keys=[recorded_by_id])
    confirmed_by: Mapped[Account | None] = relationship(foreign_keys=[confirmed_by_id])
    readings: Mapped[list[Reading]] = relationship(
        back_populates="check_in",
        order_by="Reading.id",
        primaryjoin="foreign(Reading.check_in_id) == CheckIn.id",
    )
    notes: Mapped[list[Note]] = relationship(
        back_populates="check_in", order_by="Note.id", primaryjoin="foreign(Note.check_in_id) == CheckIn.id"
    )

    __table_args__ = (
        UniqueConstraint("nonce", "day"),
        Index("ix_check_in_place_day", "place_id", "day", "id"),
        Index("ix_check_in_mobile", "mobile_index", "id"),
        Index("ix_check_in_device", "device_index", "id"),
        Index(
            "ix_check_in_open",
            "place_id",
            "id",
            sqlite_where=text(OPEN_CASE),
            postgresql_where=text(OPEN_CASE),
        ),
        Index(
            "ix_check_in_inside",
            "place_id",
            "id",
            sqlite_where=text(INSIDE),
            postgresql_where=text(INSIDE),
        ),
        Index(
            "ix_check_in_party",
            "party",
            sqlite_where=text("party IS NOT NULL"),
            postgresql_where=text("party IS NOT NULL"),
        ),
        Index(
            "ix_check_in_code",
            "id",
            sqlite_where=text("code_state = 'pending'"),
            postgresql_where=text("code_state = 'pending'"),
        ),
        Index(
            "ix_check_in_staff",
            "id",
            sqlite_where=text("staff = 'pending'"),
            postgresql_where=text("staff = 'pending'"),
        ),
    )

    MOBILE = "check_in.mobile"
    ANSWERS = "check_in.answers"

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        if scope == "district":
            return cls.district_id.in_(ids)
        if scope == "enterprise":
            return cls.enterprise_id.in_(ids)
        places = Place.within(scope, ids)
        return None if places is None else cls.place_id.in_(select(Place.id).where(places))

    @property
    def temperature(self) -> Decimal | None:
        return None if self.celsius is None else Decimal(self.celsius).scaleb(-1)

    @property
    def reason_list(self) -> tuple[Reason, ...]:
        return read_reasons(self.reasons)

    @property
    def mark_list(self) -> list[Mark]:
        return [Mark(code) for code in self.marks.split(",") if code]

    @property
    def is_abnormal(self) -> bool:
        return self.verdict in (Verdict.REFUSED, Verdict.ATTENTION)

    @classmethod
    def counted(cls) -> ColumnElement[bool]:
        """The entries that count as people who came in: let in or to be looked at, set apart by no mark that a guard has not
        settled, and not sent off. `models.overview` counts whole days by it."""
        return and_(
            cls.kind == Kind.ENTRY,
            cls.verdict != Verdict.REFUSED,
            or_(cls.marks == "", cls.confirmed_at.is_not(None)),
            or_(cls.left_how.is_(None), cls.left_how != Departure.ABSENT),
        )

    @property
    def is_inside(self) -> bool:
        """INSIDE, of one row."""
        return (
            self.left_at is None
            and self.kind == Kind.ENTRY
            and (not self.marks or self.confirmed_at is not None)
            and (
                self.verdict in ADMITTED
                or (self.verdict == Verdict.ATTENTION and self.confirmed_at is not None)
            )
        )

    def measure(
        self,
        policy: Policy,
        celsius: Decimal,
        *,
        masked: bool,
        now: datetime,
        by_id: int,
        declared: Declaration,
    ) -> Reading:
        """A guard's own reading replaces what was declared; both stay on record. Only this lifts a refusal.

        `declared` is the declaration as it was made. The guard also says whether the mask is on; the rest of the
        answers is judged again as it stands, so that a fever gone down does not undo a journey.
        Raises RuleBroken where the mode asks for no temperature, or before the scheme's minutes of rest have passed.
        """
        form = policy.gate[Mode(self.mode)]
        if not form.asks("temperature"):
            raise RuleBroken("这个入口现在不测温")
        rested = self.rested_at(policy)
        if rested is not None and now < rested:
            raise RuleBroken(f"请到{local(rested):%H:%M}以后再量：刚走动、刚晒过会偏高")
        if not policy.thresholds.floor_celsius <= celsius <= policy.thresholds.ceiling_celsius:
            raise RuleBroken(
                f"体温在{policy.thresholds.floor_celsius}到{policy.thresholds.ceiling_celsius}之间"
            )
        reading = Reading(
            celsius=int(celsius * 10), masked=masked, at=now, by_id=by_id,
            before_celsius=self.celsius, before_by=self.measured_by, before_verdict=self.verdict,
        )  # fmt: skip
        self.readings.append(reading)
        answers = {**declared.answers, "mask": ("yes" if masked else "no",)}
        judgement = judge(policy, form, replace(declared, celsius=celsius, answers=answers))
        if self.code_state == CodeCheck.PENDING:
            judgement = judgement.doubted(("code_unknown",))
        self.celsius, self.measured_by, self.masked = reading.celsius, MeasuredBy.GUARD, masked
        self.verdict, self.reasons = judgement.verdict, write_reasons(judgement.reasons)
        self.recheck_asked_at = None
        if self.staff is not None:  # the archive learns of this reading too
            self.staff = StaffCheck.PENDING
        if self.confirmed_at is None:  # whoever was measured stood before the guard
            self.confirmed_at, self.confirmed_by_id = now, by_id
        return reading

    def rested_at(self, policy: Policy) -> datetime | None:
        """From when a fever may be measured again; None where no fever was declared."""
        if not any(reason[0] == "fever" for reason in self.reason_list):
            return None
        since = self.readings[-1].at if self.readings else self.occurred_at
        return since + timedelta(minutes=policy.thresholds.recheck_minutes)


class Reading(Row):
    """A temperature that a guard measured for somebody who had declared one (门岗实测)."""

    check_in_id: Mapped[int] = mapped_column(BigId, index=True)
    celsius: Mapped[int] = mapped_column(SmallInteger)
    masked: Mapped[bool]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    before_celsius: Mapped[int | None] = mapped_column(SmallInteger)
    before_by: Mapped[MeasuredBy | None]
    before_verdict: Mapped[Verdict]

    check_in: Mapped[CheckIn] = relationship(
        back_populates="readings", primaryjoin="foreign(Reading.check_in_id) == CheckIn.id"
    )
    by: Mapped[Account] = relationship()


class Outcome(Labelled):
    """How an abnormal entry was dealt with (处置)."""

    RECHECKED = "rechecked", "复测正常，已放行"
    SENT_AWAY = "sent_away", "已劝离"
    TO_CLINIC = "to_clinic", "已转诊"
    REPORTED = "reported", "已报社区"
    MISTAKE = "mistake", "填错了，已核实"
    CHECKED = "checked", "已核验，放行"
    GONE = "gone", "人已离开"
    TURNED_AWAY = "turned_away", "门岗已劝离"
    FOLLOWING = "following", "继续跟进"


# What leaves a case open: somebody has still to say how it ended.
UNFINISHED = (Outcome.FOLLOWING, Outcome.TURNED_AWAY)


class Note(Row):
    """A note on an abnormal entry (处置记录); every outcome but those of UNFINISHED closes it."""

    check_in_id: Mapped[int] = mapped_column(BigId, index=True)
    outcome: Mapped[Outcome]
    text: Mapped[str | None] = mapped_column(EncryptedText("note.text"))
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    check_in: Mapped[CheckIn] = relationship(
        back_populates="notes", primaryjoin="foreign(Note.check_in_id) == CheckIn.id"
    )
    by: Mapped[Account] = relationship()

    @classmethod
    def write(cls, entry: CheckIn, *, outcome: Outcome, text: str, now: datetime, by_id: int) -> Note:
        """Adds a note. A refusal is not passed by a note: only a guard's reading lifts it."""
        if not entry.is_abnormal and not entry.marks and not entry.notes:
            raise RuleBroken("这条登记没有异常，不用处理")
        if outcome == Outcome.RECHECKED and entry.verdict == Verdict.REFUSED:
            raise RuleBroken("复测结果还没有录入；请门岗先填实测体温，结果正常后再写放行")
        if outcome == Outcome.FOLLOWING and not text.strip():
            raise RuleBroken("继续跟进，请写一句现在的情况")
        note = cls(outcome=outcome, text=text.strip() or None, at=now, by_id=by_id)
        entry.notes.append(note)
        entry.handled_at = None if outcome in UNFINISHED else now
        return note


def marks_of(
    *, out_of_hours: bool, recent: Iterable[Any], place_ids: Collection[int], name: str, now: datetime
) -> tuple[list[Mark], bool]:
    """The marks of a new row, and whether the device must wait instead (429, no row).

    `recent` are the rows of the same device, `place_ids` the place with the rest of its park: within it people walk.
    The row that crosses CROWD_NAMES is kept and marked, later ones wait.
    """
    marks = [Mark.OUT_OF_HOURS] if out_of_hours else []
    within = [r for r in recent if now - r.occurred_at < CROWD_WINDOW]
    names = {r.name for r in within}
    if len(names) > CROWD_NAMES or len(within) > 3 * CROWD_NAMES:
        return marks, True
    if len(names | {name}) > CROWD_NAMES:
        marks.append(Mark.MANY_NAMES)
    elif len(within) >= CROWD_NAMES:
        marks.append(Mark.BURST)
    if any(r.place_id not in place_ids and now - r.occurred_at < ELSEWHERE_WINDOW for r in recent):
        marks.append(Mark.ELSEWHERE)
    return marks, False
