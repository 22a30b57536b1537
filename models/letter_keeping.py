"""What happens to responsibility letters by themselves (责任书的自动处理): outdated ones end, finished ones are filed as a PDF, and a
chosen set is put together for the printer.

Drawing needs the site's templates and a seal may be a service elsewhere: both are handed in, and neither is waited for inside a
transaction.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, and_, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, undefer

from . import audit
from .access import Post
from .accounts import Account, Appointment
from .base import Labelled, Row, RuleBroken, local
from .enterprises import Enterprise
from .files import FileKind, StoredFile
from .inbox import tell
from .letter_text import sha256
from .letters import Letter, LetterState
from .timed import Tick, where
from .vault import Vault

LOG = logging.getLogger("site.letters")
AT_ONCE = 200
SYSTEM = "定时任务"
MOST_PRINTED = 500
KEPT = timedelta(days=1)
SILENT = timedelta(minutes=2)
MOST_TRIES = 3

Draw = Callable[[Letter], bytes]  # the letter's PDF as it is now


class Sealer(Protocol):
    """Whoever can put the platform's seal on a finished PDF (平台签章)."""

    test: bool  # 测试签章: a demo's own key, which page and paper have to say

    def seal(self, pdf: bytes) -> bytes:
        """The same document with a signature over the whole file. CannotSeal where it could not be made; never half a file.

        Never to be called while a database transaction is open.
        """


class CannotSeal(Exception):
    """The seal could not be put on now; the letter waits. The text is for the log and names nobody."""


# --- what has become outdated ---


def end_outdated(tick: Tick) -> int:
    """Letters that name a legal representative or a chief health officer who is so no more; answers how many ended. Whoever sent
    one learns that a new one is due."""
    ended = 0
    while True:
        with tick.writing() as session:
            found = session.scalars(_outdated(tick.clock()).limit(AT_ONCE).with_for_update(of=Letter)).all()
            for letter in found:
                _end(session, letter, tick.clock())
        ended += len(found)
        if len(found) < AT_ONCE:
            return ended


def _outdated(now: datetime) -> Select[Letter]:
    serving = (
        select(Appointment.id)
        .join(Account, Account.id == Appointment.account_id)
        .where(
            Appointment.scope == "enterprise", Appointment.scope_id == Letter.enterprise_id,
            Appointment.post == Post.CHIEF_HEALTH_OFFICER, Appointment.serving(local(now).date()),
        )
        .correlate(Letter)
    )  # fmt: skip
    other_chief = and_(
        Letter.chief_id.is_not(None),
        serving.exists(),
        ~serving.where(Appointment.account_id == Letter.chief_id).exists(),
    )
    return (
        select(Letter)
        .join(Enterprise, Enterprise.id == Letter.enterprise_id)
        .where(
            Letter.ended_at.is_(None), Letter.ends_on >= local(now).date(),
            or_(Enterprise.legal_representative != Letter.representative, other_chief),
        )
        .order_by(Letter.id)
    )  # fmt: skip


def _end(session: Session, letter: Letter, now: datetime) -> None:
    representative = letter.enterprise.legal_representative != letter.representative
    what = "法定代表人" if representative else "首席健康官"
    letter.supersede(f"{what}变更，应当重新签订", now)
    subject = f"有一家企业的{what}变更，责任书要重签"
    tell(session, [letter.sent_by_id], f"{letter.key}:outdated", subject, "", f"/letters/{letter.id}", now)
    audit.append(
        session, now=now, action="letter:void", result=audit.Result.DONE, account_name=SYSTEM, object_type="letter",
        object_id=str(letter.id), district_id=letter.district_id, details={"state": letter.state.value, "why": what},
    )  # fmt: skip


# --- the finished paper ---


def file_finished(
    tick: Tick, vault: Vault, draw: Draw, sealer: Sealer | None, *, within: timedelta | None = None
) -> int:
    """Draws, seals and files every letter that both sides have signed here; answers how many. One that fails is left for the next
    round, and the others are not held up. `within`: no new one is begun later than that, for other work waits.

    Each takes any of those that wait: so several processes share them without a word, and seldom draw the same one."""
    filed, ends = 0, None if within is None else tick.clock() + within
    failed: set[int] = set()
    while ends is None or tick.clock() < ends:
        with tick.looking() as session:
            first = select(Letter.id).where(_unfiled()).order_by(Letter.id).limit(AT_ONCE + len(failed))
            waiting = [one for one in session.scalars(first) if one not in failed]
            if not waiting:
                return filed
            number = random.choice(waiting)
            try:
                pdf = draw(_whole(session, number))
            except Exception as error:
                LOG.error("letter %s cannot be drawn: %s", number, where(error))
                failed.add(number)
                continue
        try:
            finished = pdf if sealer is None else sealer.seal(pdf)
        except CannotSeal as error:
            LOG.error("letter %s cannot be sealed: %s", number, error)
            failed.add(number)
            continue
        filed += _file(tick, vault, number, finished, sealed=sealer is not None)
    return filed


def _whole(session: Session, letter_id: int) -> Letter:
    """With all that its paper says."""
    return session.get_one(Letter, letter_id, options=[undefer(Letter.text), joinedload(Letter.enterprise)])


def _unfiled() -> ColumnElement[bool]:
    """Signed here, not on paper: of a paper letter the scan is the document."""
    return and_(Letter.state == LetterState.IN_FORCE, Letter.pdf_id.is_(None), Letter.on_paper.is_(False))


def _file(tick: Tick, vault: Vault, letter_id: int, pdf: bytes, *, sealed: bool) -> bool:
    with tick.writing() as session:
        letter = session.scalar(select(Letter).where(Letter.id == letter_id, _unfiled()).with_for_update())
        if letter is None:  # somebody else was quicker, or it has ended
            return False
        now = tick.clock()
        letter.archive(
            StoredFile.keep(session, vault, FileKind.PDF, pdf, now=now), sha256(pdf), sealed=sealed, now=now
        )
        audit.append(
            session, now=now, action="letter:countersign", result=audit.Result.DONE, account_name=SYSTEM, object_type="letter",
            object_id=str(letter.id), district_id=letter.district_id, details={"filed": sha256(pdf).hex(), "sealed": sealed},
        )  # fmt: skip
        return True


# --- a set for the printer ---


class PrintState(Labelled):
    WAITING = "waiting", "排队"
    DONE = "done", "可以打印"
    FAILED = "failed", "没有做成"


class LetterPrint(Row):
    """Letters that somebody wants on paper, in their order, as one PDF. It is gone after a day."""

    letters: Mapped[str]  # "[3,1,2]"
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    at: Mapped[datetime]
    state: Mapped[PrintState]
    heartbeat: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    pdf: Mapped[bytes | None] = mapped_column(deferred=True)  # sealed
    pages: Mapped[int] = mapped_column(default=0)
    cleared: Mapped[bool] = mapped_column(default=False)

    by: Mapped[Account] = relationship()

    __table_args__ = (
        Index(
            "ix_letter_print_waiting", "id",
            sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
        ),
    )  # fmt: skip
    PDF = "letter_print.pdf"

    @classmethod
    def order(cls, letter_ids: Sequence[int], *, by: Account, now: datetime) -> LetterPrint:
        """In this order, each once. The caller has checked the reach."""
        ids = list(dict.fromkeys(letter_ids))
        if not ids:
            raise RuleBroken("请先选要打印的责任书")
        if len(ids) > MOST_PRINTED:
            raise RuleBroken(f"一次最多打印{MOST_PRINTED}份，请分几次")
        return cls(
            letters=json.dumps(ids), total=len(ids), done=0, by_id=by.id, at=now, state=PrintState.WAITING, tries=0, pages=0, cleared=False
        )  # fmt: skip

    @property
    def pdf_there(self) -> bool:
        """Whether the file has not been cleared away; without reading it."""
        return self.state is PrintState.DONE and not self.cleared

    @property
    def ids(self) -> list[int]:
        return list(json.loads(self.letters))

    def opened(self, vault: Vault) -> bytes:
        if self.pdf is None:
            raise RuleBroken("打印文件已经过期删除，请重新选一次")
        return vault.unseal_bytes(self.pdf, self.PDF)


def print_waiting(
    tick: Tick, vault: Vault, draw: Draw, join: Callable[[Sequence[bytes]], tuple[bytes, int]]
) -> None:
    """Puts every ordered set together. `join`: many PDFs to one, and its pages."""
    now = tick.clock()
    with tick.writing() as session:
        old = update(LetterPrint).where(LetterPrint.at < now - KEPT, LetterPrint.pdf.is_not(None))
        session.execute(old.values(pdf=None, cleared=True).execution_options(synchronize_session=False))
    free = or_(LetterPrint.heartbeat.is_(None), LetterPrint.heartbeat < now - SILENT)
    waiting = and_(LetterPrint.state == PrintState.WAITING, free)
    with tick.looking() as session:
        numbers = session.scalars(select(LetterPrint.id).where(waiting).order_by(LetterPrint.id)).all()
    for number in numbers:
        with tick.writing() as session:
            mine = update(LetterPrint).where(LetterPrint.id == number, waiting)
            mine = mine.values(heartbeat=tick.clock(), tries=LetterPrint.tries + 1)
            if not session.execute(mine.execution_options(synchronize_session=False)).rowcount:  # type: ignore[attr-defined]
                continue
        try:
            _put_together(tick, vault, number, draw, join)
        except Exception as error:
            LOG.error("print %s: %s", number, where(error))
            with tick.writing() as session:
                order = session.get_one(LetterPrint, number)
                order.heartbeat = None
                if order.tries >= MOST_TRIES:
                    order.state = PrintState.FAILED


def _put_together(
    tick: Tick, vault: Vault, number: int, draw: Draw, join: Callable[[Sequence[bytes]], tuple[bytes, int]]
) -> None:
    with tick.looking() as session:
        ids = session.get_one(LetterPrint, number).ids
    papers = []
    for place, letter_id in enumerate(ids, start=1):
        with tick.looking() as session:
            letter = _whole(session, letter_id)
            papers.append(letter.pdf.opened(vault) if letter.pdf is not None else draw(letter))
        if place % 5 == 0:
            with tick.writing() as session:
                order = session.get_one(LetterPrint, number)
                order.done, order.heartbeat = place, tick.clock()
    whole, pages = join(papers)
    with tick.writing() as session:
        order = session.get_one(LetterPrint, number)
        order.pdf, order.pages = vault.seal_bytes(whole, LetterPrint.PDF), pages
        order.done, order.state, order.heartbeat = order.total, PrintState.DONE, None
