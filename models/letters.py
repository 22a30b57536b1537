"""Responsibility letters (责任书): issued, read, signed, countersigned, and what ends them (OFF-4, ENT-7).

What a letter says never changes once it is issued: a change is a new letter with both signatures again. The rules of its life are
methods of the row; who signed, and the evidence of it, is in `models.signatures`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    and_,
    event,
    false,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .accounts import Account
from .base import Labelled, Row, RuleBroken
from .delivery import insert_into
from .enterprises import Enterprise, of_enterprises
from .files import StoredFile
from .letter_text import Facts, LetterText, compose, sha256, written_day
from .places import CODE_SIGNS, District, Place
from .policy.letters import digest_of_wording
from .policy.schema import LetterTemplate

CODE_LENGTH = 8  # printed beside the number: 39.6 bits, and the verify page counts the tries
EXPIRING = timedelta(days=30)
WITHDRAW_WITHIN = timedelta(minutes=10)  # SIGN-5
LONGEST_TERM = timedelta(days=366 * 3)
REASON_SIGNS = 200


class LetterKind(Labelled):
    ENTERPRISE = "enterprise", "企业"
    PARK_OPERATOR = "park_operator", "园区运营单位"
    BUILDING_OPERATOR = "building_operator", "楼宇运营单位"


class LetterState(Labelled):
    SENT = "sent", "已发出"
    READ = "read", "已读"
    SIGNED = "signed", "乙方已签"
    IN_FORCE = "in_force", "双方已签"
    SUPERSEDED = "superseded", "已被替代"
    VOIDED = "voided", "已作废"


class Standing(Labelled):
    """Where a letter stands on a day, as people say it."""

    SENT = "sent", "没看过"
    READ = "read", "看过，没签"
    SIGNED = "signed", "待会签"
    TO_COME = "to_come", "双方已签，还没开始"
    IN_FORCE = "in_force", "有效"
    EXPIRING = "expiring", "30天内到期"
    EXPIRED = "expired", "已到期"
    SUPERSEDED = "superseded", "已被替代"
    VOIDED = "voided", "已作废"


class Level(Labelled):
    """How far an electronic signature goes (SIGN-1). The third, 丙, needs the signer's own certificate: nobody has that here."""

    EVIDENCE = "evidence", "甲（签名和存证，不等同可靠电子签名）"
    SEALED = "sealed", "乙（签名和存证，另有平台签章，改动能查出；不等同可靠电子签名）"
    PAPER = "paper", "纸上签署，存扫描件"


S = LetterState
WAITING = (S.SENT, S.READ, S.SIGNED)
UNSIGNED = (S.SENT, S.READ)
FROZEN = (
    "district_id", "enterprise_id", "place_id", "kind", "number", "code", "scheme_key", "wording", "starts_on", "ends_on", "text",
    "digest", "representative", "chief_id", "replaces_id", "sent_at", "sent_by_id",
)  # fmt: skip


def _stands(place: str) -> dict[str, Any]:
    """Of the letters that have not ended: the same is never sent twice."""
    condition = sql(f"ended_at IS NULL AND place_id IS {place}")
    return {"sqlite_where": condition, "postgresql_where": condition}


def _newest(place: str) -> dict[str, Any]:
    """Of the newest letters, with what the list counts by. A truth is a number to SQLite, which takes the index for no other
    spelling."""
    return {
        "unique": True, "sqlite_where": sql(f"newest = 1 AND place_id IS {place}"),
        "postgresql_where": sql(f"newest AND place_id IS {place}"), "postgresql_include": ["state", "starts_on", "ends_on", "id"],
    }  # fmt: skip


class Letter(Row):
    """One letter between the district's side (甲方) and a firm (乙方)."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))  # what the firm runs
    kind: Mapped[LetterKind]
    number: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str]  # 验证码
    scheme_key: Mapped[str]
    wording: Mapped[bytes]  # digest of the template
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    text: Mapped[str] = mapped_column(deferred=True)  # canonical, see `models.letter_text`
    digest: Mapped[bytes]  # SHA-256 of it
    representative: Mapped[str]  # the legal representative whom it names
    chief_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id")
    )  # the chief health officer of that day
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    sent_at: Mapped[datetime]
    sent_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    state: Mapped[LetterState]
    read_at: Mapped[datetime | None]
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    signed_at: Mapped[datetime | None]
    in_force_at: Mapped[datetime | None]  # both sides have signed
    on_paper: Mapped[bool] = mapped_column(default=False)
    scan_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # None: by a rule
    end_reason: Mapped[str] = mapped_column(default="")
    pdf_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))  # drawn once
    pdf_digest: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)  # SHA-256 of the file
    sealed: Mapped[bool] = mapped_column(default=False)
    archived_at: Mapped[datetime | None]
    # Of its firm, kind and place, the void ones left out. `mark_newest` keeps it in the database, not in the objects at hand
    newest: Mapped[bool] = mapped_column(server_default=false(), deferred=True)

    district: Mapped[District] = relationship()
    enterprise: Mapped[Enterprise] = relationship()
    place: Mapped[Place | None] = relationship()
    sent_by: Mapped[Account] = relationship(foreign_keys=[sent_by_id])
    pdf: Mapped[StoredFile | None] = relationship(foreign_keys=[pdf_id])
    scan: Mapped[StoredFile | None] = relationship(foreign_keys=[scan_id])

    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="term"),
        CheckConstraint("state != 'in_force' OR in_force_at IS NOT NULL", name="in_force"),
        CheckConstraint("(state IN ('superseded', 'voided')) = (ended_at IS NOT NULL)", name="ended"),
        Index("ix_letter_enterprise", "enterprise_id", "kind", "id"),
        Index("ix_letter_district_state", "district_id", "state"),
        Index(
            "ix_letter_to_archive", "id",
            sqlite_where=sql("state = 'in_force' AND pdf_id IS NULL"),
            postgresql_where=sql("state = 'in_force' AND pdf_id IS NULL"),
        ),
        Index("uq_letter_of_firm", "enterprise_id", "kind", "starts_on", "wording", unique=True, **_stands("NULL")),
        Index("uq_letter_of_place", "place_id", "enterprise_id", "kind", "starts_on", "wording", unique=True, **_stands("NOT NULL")),
        Index("uq_letter_newest_of_firm", "enterprise_id", "kind", **_newest("NULL")),
        Index("uq_letter_newest_of_place", "place_id", "enterprise_id", "kind", **_newest("NOT NULL")),
    )  # fmt: skip

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """Whoever reaches the firm reaches its letters; a place's people do not: a letter is between the firm and its unit."""
        return None if scope == "place" else of_enterprises(cls.enterprise_id, Enterprise.within(scope, ids))

    @classmethod
    def issue(
        cls, template: LetterTemplate, facts: Facts, enterprise: Enterprise, *, scheme_key: str, by: Account, now: datetime,
        chief_id: int | None, place: Place | None = None, replaces: Letter | None = None,
    ) -> Letter:  # fmt: skip
        """Sent to the firm, whole: from here on nothing of it changes."""
        check_term(facts.starts_on, facts.ends_on)
        enterprise.must_be_open()
        canonical = compose(template, facts)
        return cls(
            district_id=enterprise.district_id, enterprise_id=enterprise.id, enterprise=enterprise,
            place_id=None if place is None else place.id, kind=LetterKind(template.kind), number=facts.number, code=new_code(),
            scheme_key=scheme_key, wording=digest_of_wording(template), starts_on=facts.starts_on, ends_on=facts.ends_on,
            text=canonical, digest=sha256(canonical.encode()), representative=enterprise.legal_representative, chief_id=chief_id,
            replaces_id=None if replaces is None else replaces.id, sent_at=now, sent_by_id=by.id, state=S.SENT, on_paper=False,
            end_reason="", sealed=False,
        )  # fmt: skip

    # --- what it says ---

    @property
    def content(self) -> LetterText:
        return LetterText.read(self.text)

    @property
    def key(self) -> str:
        """By which messages about it are known."""
        return f"letter:{self.id}"

    @property
    def level(self) -> Level:
        """Never more than what is there: the platform's seal counts once it is on the file."""
        if self.on_paper:
            return Level.PAPER
        return Level.SEALED if self.sealed else Level.EVIDENCE

    def standing(self, today: date) -> Standing:
        if self.state is not S.IN_FORCE:
            return Standing(self.state.value)
        if today > self.ends_on:
            return Standing.EXPIRED
        if today < self.starts_on:
            return Standing.TO_COME
        return Standing.EXPIRING if self.ends_on - today < EXPIRING else Standing.IN_FORCE

    def withdraw_until(self) -> datetime | None:
        return self.signed_at + WITHDRAW_WITHIN if self.state is S.SIGNED and self.signed_at else None

    # --- its life ---

    def opened_by(self, account_id: int | None, now: datetime) -> bool:
        """Somebody of the firm has read it; the first time counts."""
        if self.state is not S.SENT:
            return False
        self.state, self.read_at, self.read_by_id = S.READ, now, account_id
        return True

    def must_wait_for_the_firm(self) -> None:
        if self.state not in UNSIGNED:
            raise RuleBroken(f"这份责任书{self.state.label}，不用再签")

    def was_signed(self, now: datetime) -> None:
        """By the firm. The caller has the signature."""
        self.must_wait_for_the_firm()
        self.state, self.signed_at = S.SIGNED, now
        self.read_at = self.read_at or now

    def was_withdrawn(self, now: datetime) -> None:
        """The firm takes its signature back within ten minutes, unless the other side has signed (SIGN-5)."""
        if self.state is S.IN_FORCE:
            raise RuleBroken("甲方已经会签，不能撤回。内容有误的，请联系甲方作废重签")
        until = self.withdraw_until()
        if until is None:
            raise RuleBroken("这份责任书没有待会签的签名，不用撤回")
        if now >= until:
            raise RuleBroken("签署已超过10分钟，不能撤回。内容有误的，请联系甲方作废重签")
        self.state, self.signed_at = S.READ, None

    def must_wait_for_the_unit(self) -> None:
        if self.state is S.IN_FORCE:
            raise RuleBroken("这份责任书双方都已签，不用再会签")
        if self.state is not S.SIGNED:
            raise RuleBroken(f"这份责任书{self.state.label}，乙方签了才能会签")

    def was_countersigned(self, now: datetime) -> None:
        self.must_wait_for_the_unit()
        self.state, self.in_force_at = S.IN_FORCE, now

    def was_signed_on_paper(self, scan: StoredFile, now: datetime) -> None:
        """Both sides have signed the printed letter; the scan is kept."""
        if self.state not in WAITING:
            raise RuleBroken(f"这份责任书{self.state.label}，不用再登记纸上签署")
        if self.state is S.SIGNED:
            raise RuleBroken("乙方已经在线签了，请直接会签；要改成纸上签，先由乙方撤回")
        self.state, self.signed_at, self.in_force_at, self.on_paper = S.IN_FORCE, now, now, True
        self.scan, self.scan_id = scan, scan.id

    def supersede(self, reason: str, now: datetime, *, by: Account | None = None) -> None:
        """A new one is due or has come: this one ends today and still verifies as what it was."""
        self._must_stand()
        self.state, self.ended_at, self.end_reason = S.SUPERSEDED, now, reason
        self.ended_by_id = None if by is None else by.id

    def void(self, reason: str, now: datetime, *, by: Account) -> None:
        self._must_stand()
        if not reason.strip():
            raise RuleBroken("请写作废的原因，企业会看到")
        self.state, self.ended_at, self.end_reason, self.ended_by_id = S.VOIDED, now, reason.strip(), by.id

    def _must_stand(self) -> None:
        if self.ended_at is not None:
            raise RuleBroken(f"这份责任书{self.state.label}")

    # --- its paper ---

    def archive(self, pdf: StoredFile, pdf_digest: bytes, *, sealed: bool, now: datetime) -> None:
        """The finished file, once."""
        if self.pdf_id is not None:
            raise RuleBroken("这份责任书已经归档")
        self.pdf, self.pdf_id, self.pdf_digest = pdf, pdf.id, pdf_digest
        self.sealed, self.archived_at = sealed, now


@event.listens_for(Letter, "before_update")
def _frozen(_mapper: Any, _connection: Any, letter: Letter) -> None:
    """Whatever route asks: what was sent stays as it was sent, and the paper as it was drawn."""
    seen = inspect(letter).attrs
    if any(seen[name].history.has_changes() for name in FROZEN):
        raise RuleBroken("责任书发出以后不能改，请作废后重新发")
    if any(
        seen[name].history.deleted not in ((), [None]) for name in ("pdf_id", "pdf_digest", "archived_at")
    ):
        raise RuleBroken("责任书归档以后不能改")


# --- which is the newest ---

L: Any = Letter.__table__


@event.listens_for(Session, "after_flush")
def _follow(session: Session, _context: object) -> None:
    """Whoever sends or voids letters, in whatever way: one of each firm, kind and place is the newest, in the same transaction."""
    moved = {one for rows in (session.new, session.deleted) for one in rows if isinstance(one, Letter)}
    moved |= {one for one in session.dirty if isinstance(one, Letter) and _is_voided(one)}
    if moved:
        mark_newest(session, {one.enterprise_id for one in moved})


def _is_voided(letter: Letter) -> bool:
    return S.VOIDED in inspect(letter).attrs.state.history.added


def mark_newest(session: Session, firms: Collection[int]) -> None:
    """Finds it out anew for these firms, under their lock: of two who write at once the second sees what the first did."""
    hold_firms(session, firms)
    latest = (
        select(func.max(L.c.id))
        .where(L.c.enterprise_id.in_(firms), L.c.state != S.VOIDED)
        .group_by(L.c.enterprise_id, L.c.kind, L.c.place_id)
    )
    no_more = update(L).where(L.c.enterprise_id.in_(firms), L.c.newest, L.c.id.not_in(latest))
    session.connection().execute(no_more.values(newest=False))  # first, for two are never allowed
    session.connection().execute(update(L).where(L.c.id.in_(latest), ~L.c.newest).values(newest=True))


def hold_firms(session: Session, firms: Collection[int] | Select[Any]) -> None:
    """Nobody else sends or voids letters of these firms until we are done. Whoever is going to do so asks for this before locking a
    letter: firms first, so that no two wait for each other."""
    those = select(Enterprise.id).where(Enterprise.id.in_(firms)).order_by(Enterprise.id)
    session.connection().execute(those.with_for_update(key_share=True)).all()


class LetterCounter(Row):
    """The last number that a district has given in a year."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    year: Mapped[int]
    last: Mapped[int]

    __table_args__ = (Index("uq_letter_counter_district_year", "district_id", "year", unique=True),)

    @classmethod
    def take(cls, session: Session, district: District, year: int, many: int) -> list[str]:
        """So many numbers, for us alone: YUNXI-ZR-2027-00213."""
        given = insert_into(session, cls).values(district_id=district.id, year=year, last=many)
        given = given.on_conflict_do_update(
            index_elements=["district_id", "year"], set_={"last": cls.last + many}
        )
        last: int = session.scalars(given.returning(cls.last)).one()
        name = district.slug.replace("-", "").upper()
        return [f"{name}-ZR-{year}-{one:05d}" for one in range(last - many + 1, last + 1)]


def new_code() -> str:
    return "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))


def check_term(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise RuleBroken("止日要在起日以后")
    if ends_on - starts_on > LONGEST_TERM:
        raise RuleBroken("期限最长3年")


def standing_in_the_way(
    session: Session, enterprise_ids: Iterable[int], kind: LetterKind, starts_on: date
) -> dict[tuple[int, int | None], Letter]:
    """The letters that are under way, or in force into the new term, by firm and place."""
    found = session.scalars(
        select(Letter)
        .where(
            Letter.enterprise_id.in_(list(enterprise_ids)), Letter.kind == kind, Letter.ended_at.is_(None),
            Letter.ends_on >= starts_on,
        )
        .order_by(Letter.id)
    )  # fmt: skip
    return {(one.enterprise_id, one.place_id): one for one in found}


def why_in_the_way(letter: Letter) -> str:
    """For whoever wants to send another one."""
    if letter.state is S.IN_FORCE:
        return f"已有有效的责任书（{letter.number}，到{written_day(letter.ends_on)}）"
    return f"已有一份在办（{letter.number}，{letter.state.label}）"


def valid(on: date) -> ColumnElement[bool]:
    """Both sides have signed and the term runs or is to come."""
    return and_(Letter.state == S.IN_FORCE, Letter.ends_on >= on)
