"""Notices (通知): daily key points, policies, manuals, prevention cards, to whoever holds a post in an area (OFF-10, ENT-10).

Whom a notice is for is a question, not a list: it is asked of the appointments as they are. Whoever takes a post over finds what
the post has to know, and whoever leaves is missed no more. A sender never writes beyond the scope of the post that it is written
in: both that scope and the area have to reach an appointment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    SmallInteger,
    and_,
    false,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .access import SCOPES, Post
from .accounts import SCOPE_MODELS, Account, Appointment
from .base import Labelled, Row, RuleBroken, local
from .delivery import insert_into
from .enterprises import Enterprise, Premises
from .files import FileKind, StoredFile
from .inbox import read_about
from .places import Community, Place, Street, Unit
from .vault import Vault

TITLE_SIGNS, TEXT_SIGNS, REASON_SIGNS, CAPTION_SIGNS = 60, 5000, 200, 30
MOST_FILES = 5

# whom a notice may be for, in the order of the form
AUDIENCE = (
    Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER, Post.HEALTH_GUIDE, Post.SPECIALIST, Post.GATE_GUARD,
    Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON,
)  # fmt: skip
AREAS = ("district", "unit", "street", "community", "place")


class NoticeKind(Labelled):
    DAILY_POINTS = "daily_points", "每日要点"
    POLICY = "policy", "政策"
    MANUAL = "manual", "手册"
    CARD = "prevention_card", "防控提示卡"
    MODE = "mode", "状态转换"  # sent by an order itself, see `models.mode_news`


WRITTEN = [kind for kind in NoticeKind if kind is not NoticeKind.MODE]


class Notice(Row):
    """A draft until it is sent; then it stays as it is, and can only be withdrawn with a reason."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"), index=True)
    kind: Mapped[NoticeKind]
    title: Mapped[str]
    text: Mapped[str]
    must_confirm: Mapped[bool] = mapped_column(default=False)
    to_group: Mapped[bool] = mapped_column(default=False)  # the district's work group is told too
    posts: Mapped[str]  # ",chief_health_officer,health_manager,"
    by_scope: Mapped[str]  # of the post that it is written in
    by_scope_id: Mapped[int]
    scope: Mapped[str]  # the area: one of AREAS
    scope_id: Mapped[int]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]
    sent_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    people: Mapped[int] = mapped_column(default=0)  # when it was sent
    enterprises: Mapped[int] = mapped_column(default=0)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    withdraw_reason: Mapped[str] = mapped_column(default="")

    made_by: Mapped[Account] = relationship(foreign_keys=[made_by_id])
    sent_by: Mapped[Account | None] = relationship(foreign_keys=[sent_by_id])
    withdrawn_by: Mapped[Account | None] = relationship(foreign_keys=[withdrawn_by_id])
    files: Mapped[list[NoticeFile]] = relationship(
        back_populates="notice", order_by="NoticeFile.number", cascade="all, delete-orphan"
    )

    __table_args__ = (
        CheckConstraint("(sent_at IS NULL) = (sent_by_id IS NULL)", name="sent"),
        CheckConstraint("withdrawn_at IS NULL OR sent_at IS NOT NULL", name="withdrawn"),
        Index("ix_notice_by", "by_scope", "by_scope_id", "sent_at"),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        """Those who write: a post's own notices, whoever of its colleagues wrote them; the task force those of the district."""
        if scope == "district":
            return cls.district_id.in_(ids)
        return and_(cls.by_scope == scope, cls.by_scope_id.in_(ids))

    @classmethod
    def write(
        cls, *, district_id: int, by: Account, by_scope: str, by_scope_id: int, now: datetime, **facts: Any
    ) -> Notice:
        """A draft. The caller has checked that its author holds a post with this scope."""
        made = cls(
            district_id=district_id, made_by=by, made_by_id=by.id, made_at=now, by_scope=by_scope,
            by_scope_id=by_scope_id, people=0, enterprises=0, withdraw_reason="",
        )  # fmt: skip
        made._put(**facts)
        return made

    def edit(self, *, by_scope: str, by_scope_id: int, **facts: Any) -> None:
        self.must_be_draft()
        self.by_scope, self.by_scope_id = by_scope, by_scope_id
        self._put(**facts)

    def _put(
        self, *, kind: NoticeKind, title: str, text: str, posts: Collection[Post], scope: str, scope_id: int,
        must_confirm: bool, to_group: bool,
    ) -> None:  # fmt: skip
        if not posts:
            raise RuleBroken("请至少选一个收通知的岗位")
        if scope not in AREAS or any(post not in AUDIENCE for post in posts):
            raise RuleBroken("请重新选范围和岗位")
        self.kind, self.title, self.text, self.must_confirm, self.to_group = (
            kind,
            title,
            text,
            must_confirm,
            to_group,
        )
        self.posts = "".join(f",{post.value}" for post in AUDIENCE if post in posts) + ","
        self.scope, self.scope_id = scope, scope_id

    @property
    def audience(self) -> list[Post]:
        return [post for post in AUDIENCE if f",{post.value}," in self.posts]

    @property
    def for_enterprises(self) -> bool:
        return any(SCOPES[post] == "enterprise" for post in self.audience)

    @property
    def paragraphs(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    @property
    def key(self) -> str:
        """By which messages about it are known."""
        return f"notice:{self.id}"

    @property
    def subject(self) -> str:
        return f"{self.kind.label}：{self.title}"

    # --- what becomes of it ---

    def must_be_draft(self) -> None:
        if self.sent_at is not None:
            raise RuleBroken("这份通知已经发出，不能再改。写错了，请撤回后重新写")

    def must_stand(self) -> None:
        if self.sent_at is None:
            raise RuleBroken("这份通知还没有发出")
        if self.withdrawn_at is not None:
            raise RuleBroken("这份通知已经撤回")

    def send(self, *, people: int, enterprises: int, now: datetime, by: Account) -> None:
        """Out to everybody it is for: from now on they find it. `people`: how many that are now."""
        self.must_be_draft()
        if not people:
            raise RuleBroken("这个范围里没有人任这些岗位，请改范围或岗位再发")
        self.sent_at, self.sent_by, self.sent_by_id = now, by, by.id
        self.people, self.enterprises = people, enterprises

    def withdraw(self, *, reason: str, now: datetime, by: Account) -> None:
        """Nobody reads it any more; everybody sees that, and why."""
        self.must_stand()
        if not reason.strip():
            raise RuleBroken("请写撤回的原因，收到的人会看到")
        self.withdrawn_at, self.withdrawn_by, self.withdrawn_by_id = now, by, by.id
        self.withdraw_reason = reason.strip()

    # --- whom it is for ---

    def covers(self, model: Any, now: datetime) -> ColumnElement[bool]:
        """The rows of `model` in the area, as far as its sender reaches."""
        mine, there = (
            model.within_at(scope, [number], now)
            for scope, number in ((self.by_scope, self.by_scope_id), (self.scope, self.scope_id))
        )
        return false() if mine is None or there is None else and_(mine, there)

    def addressed(self, now: datetime) -> ColumnElement[bool]:
        """The appointments that it is for. Join Account: whoever cannot sign in gets nothing."""
        scopes: dict[str, list[Post]] = defaultdict(list)
        for post in self.audience:
            scopes[SCOPES[post]].append(post)
        places = [
            and_(
                Appointment.scope == kind,
                Appointment.post.in_(posts),
                Appointment.scope_id.in_(
                    select(SCOPE_MODELS[kind].id).where(self.covers(SCOPE_MODELS[kind], now))
                ),
            )
            for kind, posts in scopes.items()
        ]
        return and_(
            Appointment.serving(local(now).date()), Account.disabled_at.is_(None), or_(false(), *places)
        )


class NoticeFile(Row):
    """What is attached (附件)."""

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    words: Mapped[str] = mapped_column(default="")
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    added_at: Mapped[datetime]

    notice: Mapped[Notice] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        Index("uq_notice_file_number", "notice_id", "number", unique=True),
        Index("uq_notice_file_file", "notice_id", "file_id", unique=True),
    )

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        notices = Notice.within(scope, ids)
        return None if notices is None else cls.notice_id.in_(select(Notice.id).where(notices))

    @classmethod
    def attach(
        cls, session: Session, vault: Vault, notice: Notice, kind: FileKind, content: bytes, words: str, *, now: datetime
    ) -> NoticeFile:  # fmt: skip
        """`kind` and `content` as `files.taken` gave them."""
        notice.must_be_draft()
        if len(notice.files) >= MOST_FILES:
            raise RuleBroken(f"一份通知最多附{MOST_FILES}个文件，可以先拿掉不要的")
        file = StoredFile.keep(session, vault, kind, content, now=now)
        if any(one.file_id == file.id for one in notice.files):
            raise RuleBroken("这个文件已经附过了")
        number = max((one.number for one in notice.files), default=0) + 1
        made = cls(number=number, words=words, file=file, file_id=file.id, added_at=now)
        notice.files.append(made)
        return made

    def remove(self, session: Session) -> None:
        """Off the draft, and its content deleted where nothing else has it."""
        self.notice.must_be_draft()
        file_id = self.file_id
        self.notice.files.remove(self)
        session.flush()
        StoredFile.let_go(session, file_id)

    @property
    def called(self) -> str:
        return self.words or f"附件{self.number}"

    @property
    def file_name(self) -> str:
        """Made of our own words, never of the sender's file name."""
        said = "".join(s for s in f"{self.notice.title}-{self.called}" if s.isalnum() or s in "-_（）")
        return f"{said[:80]}.{self.file.kind.ending}"


class NoticeReceipt(Row):
    """Somebody has opened a notice, and perhaps confirmed it (已阅知). A first opening alone is kept, like a line of an access log."""

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    read_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_notice_receipt_person", "notice_id", "account_id", unique=True),)

    @classmethod
    def of(cls, session: Session, notice: Notice, account_id: int) -> NoticeReceipt | None:
        return session.scalar(select(cls).where(cls.notice_id == notice.id, cls.account_id == account_id))

    @classmethod
    def read(cls, session: Session, notice: Notice, account_id: int, *, now: datetime) -> None:
        """Opened; the first time counts. Messages about it are read with it."""
        row = insert_into(session, cls).values(notice_id=notice.id, account_id=account_id, read_at=now)
        session.execute(row.on_conflict_do_nothing())
        read_about(session, account_id, notice.key, now)

    @classmethod
    def confirm(cls, session: Session, notice: Notice, account_id: int, *, now: datetime) -> None:
        """已阅知. A second time changes nothing."""
        notice.must_stand()
        if not notice.must_confirm:
            raise RuleBroken("这份通知不用确认，看过就行")
        cls.read(session, notice, account_id, now=now)
        kept = cls.of(session, notice, account_id)
        if kept is not None and kept.confirmed_at is None:
            kept.confirmed_at = now


# --- what is for a person ---

Coordinates = set[tuple[str, int]]


def open_to(session: Session, appointments: Collection[Appointment], now: datetime) -> ColumnElement[bool]:
    """The notices that these appointments are to read, withdrawn ones among them: the same question as `Notice.addressed`, from
    the other side."""
    where = whereabouts(session, appointments, now)
    return and_(
        Notice.sent_at.is_not(None),
        or_(
            false(),
            *(
                and_(
                    Notice.posts.contains(f",{one.post.value},", autoescape=True),
                    _at(Notice.by_scope, Notice.by_scope_id, where[one.scope, one.scope_id]),
                    _at(Notice.scope, Notice.scope_id, where[one.scope, one.scope_id]),
                )
                for one in appointments
                if one.post in AUDIENCE
            ),
        ),
    )


def _at(scope: Any, scope_id: Any, where: Coordinates) -> ColumnElement[bool]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for kind, number in sorted(where):
        numbers[kind].append(number)
    return or_(false(), *(and_(scope == kind, scope_id.in_(ids)) for kind, ids in numbers.items()))


def whereabouts(
    session: Session, appointments: Iterable[Appointment], now: datetime
) -> dict[tuple[str, int], Coordinates]:
    """Where each of their scopes lies: itself, and every scope that reaches it now."""
    ids: dict[str, set[int]] = defaultdict(set)
    for one in appointments:
        ids[one.scope].add(one.scope_id)
    found: dict[tuple[str, int], Coordinates] = {
        (kind, one): {(kind, one)} for kind in ids for one in ids[kind]
    }
    models: dict[str, Any] = {"enterprise": Enterprise, "place": Place}
    for kind, model in models.items():
        for row in session.execute(
            select(model.id, model.district_id, model.street_id, model.community_id, model.unit_id).where(
                model.id.in_(ids[kind])
            )
        ):
            named = {"district": row.district_id, "street": row.street_id, "community": row.community_id}
            named["unit"] = row.unit_id
            found[kind, row.id] |= {(scope, one) for scope, one in named.items() if one is not None}
    _add_places(session, ids, found, now)
    for number, street_id, district_id in session.execute(
        select(Community.id, Community.street_id, Street.district_id)
        .join(Street, Street.id == Community.street_id)
        .where(Community.id.in_(ids["community"]))
    ):
        found["community", number] |= {("street", street_id), ("district", district_id)}
    for number, district_id in session.execute(
        select(Unit.id, Unit.district_id).where(Unit.id.in_(ids["unit"]))
    ):
        found["unit", number].add(("district", district_id))
    return found


def _add_places(
    session: Session, ids: dict[str, set[int]], found: dict[tuple[str, int], Coordinates], now: datetime
) -> None:
    """A building stands in its park, an enterprise in the places where it sits."""
    for number, parent_id in session.execute(
        select(Place.id, Place.parent_id).where(Place.id.in_(ids["place"]))
    ):
        found["place", number] |= {("place", parent_id)} if parent_id is not None else set()
    seats = select(Premises.enterprise_id, Place.id, Place.parent_id).join(
        Place, Place.id == Premises.place_id
    )
    for number, place_id, parent_id in session.execute(
        seats.where(Premises.enterprise_id.in_(ids["enterprise"]), Premises.holding(now))
    ):
        found["enterprise", number] |= {("place", one) for one in (place_id, parent_id) if one is not None}


# --- where a sender may write to ---


def areas_of(session: Session, scope: str, scope_id: int, now: datetime) -> dict[str, list[tuple[int, str]]]:
    """The areas within a post's own scope, itself first, by kind: what there is to choose from."""
    own: Any = SCOPE_MODELS[scope]
    found = {scope: _named(session, own, own.id == scope_id)}
    if scope == "unit":
        firms = select(Enterprise.street_id).where(
            Enterprise.unit_id == scope_id, Enterprise.closed_at.is_(None)
        )
        found["street"] = _named(session, Street, Street.id.in_(firms))
    elif scope == "district":
        found["street"] = _named(session, Street, Street.district_id == scope_id)
        found["community"] = _named(session, Community, Community.within(scope, [scope_id]))
    inside = Place.within_at(scope, [scope_id], now)
    places = _named(session, Place, inside, Place.closed_at.is_(None))
    found["place"] = found.get("place", []) + [one for one in places if one not in found.get("place", [])]
    return {kind: rows for kind, rows in found.items() if rows}


def _named(session: Session, model: Any, *tests: ColumnElement[bool] | None) -> list[tuple[int, str]]:
    wanted = [test for test in tests if test is not None]
    rows = session.execute(select(model.id, model.name).where(*wanted).order_by(model.name, model.id))
    return [(number, name) for number, name in rows]
