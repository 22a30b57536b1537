"""Who signed a responsibility letter, and the evidence of it (签署与存证, SIGN-4). Nothing here is ever changed.

Each row carries the digest of the row before it: a row that is changed, taken out or put in between shows. A withdrawal is a row of
its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw, ImageOps
from sqlalchemy import ColumnElement, ForeignKey, Index, Select, and_, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .accounts import FAILURES, HANDED_OVER, Account, token_digest
from .base import Labelled, Row, RuleBroken
from .enterprises import Enterprise, of_enterprises
from .files import StoredFile
from .letter_text import sha256, sm3
from .letters import Letter
from .vault import Vault

GENESIS = b"\0" * 32
IN_FRONT = timedelta(minutes=30)  # life of a link that is opened in front of the officer
CODE_DIGITS = 6
MOST_STROKES, MOST_POINTS, LEAST_SPAN = 80, 6000, 40
AGENT_SIGNS = 200


class Side(Labelled):
    FIRM = "firm", "乙方"
    UNIT = "unit", "甲方"


class Act(Labelled):
    SIGN = "sign", "签署"
    WITHDRAW = "withdraw", "撤回签署"


class Way(Labelled):
    DRAWN = "drawn", "手写签名"
    TYPED = "typed", "打字签名"
    PHOTO = "photo", "纸上签名的照片"
    PAPER = "paper", "整份纸上签署"


class Capacity(Labelled):
    REPRESENTATIVE = "representative", "法定代表人"
    AUTHORISED = "authorised", "授权代表"
    OFFICER = "officer", "甲方经办人"


class Verified(Labelled):
    """How it was known that it is this person (身份核验)."""

    PASSWORD = "password", "登录并再次输入密码"
    SECOND_FACTOR = "second_factor", "两步登录并再次输入密码"
    IN_FRONT = "in_front", "经办人当面核对证件，本人打开一次性链接"
    BY_CODE = "by_code", "一次性链接，另行告知的确认码"
    ON_PAPER = "on_paper", "经办人核对纸质原件"


@dataclass(frozen=True, slots=True)
class Signer:
    """A person at the moment of signing, and how they got here."""

    name: str
    capacity: Capacity
    verified: Verified
    account_id: int | None
    address: str
    agent: str
    signer_id: int | None = None  # the filed authority
    link_id: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What was put down: strokes and their picture, a photograph, or a typed name alone."""

    way: Way
    picture: bytes | None = None
    strokes: bytes | None = None


class LetterSignature(Row):
    """One act of one side. Rows of a letter are numbered and chained."""

    letter_id: Mapped[int] = mapped_column(ForeignKey("letter.id"))
    number: Mapped[int]
    act: Mapped[Act]
    side: Mapped[Side]
    name: Mapped[str]
    capacity: Mapped[Capacity]
    verified: Mapped[Verified]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    signer_id: Mapped[int | None] = mapped_column(ForeignKey("letter_signer.id"))
    link_id: Mapped[int | None] = mapped_column(ForeignKey("letter_link.id"))
    way: Mapped[Way]
    picture: Mapped[bytes | None] = mapped_column(deferred=True)  # sealed
    strokes: Mapped[bytes | None] = mapped_column(deferred=True)  # sealed
    picture_digest: Mapped[bytes | None]
    strokes_digest: Mapped[bytes | None]
    consent: Mapped[str]
    at: Mapped[datetime]
    address: Mapped[str]
    agent: Mapped[str]
    letter_digest: Mapped[bytes]  # SHA-256 of the text that was signed
    letter_sm3: Mapped[bytes]
    template: Mapped[str]  # kind and version of the wording
    previous: Mapped[bytes]
    hash: Mapped[bytes]

    letter: Mapped[Letter] = relationship()

    __table_args__ = (Index("uq_letter_signature_number", "letter_id", "number", unique=True),)
    PICTURE, STROKES = "letter_signature.picture", "letter_signature.strokes"

    @classmethod
    def add(
        cls, session: Session, vault: Vault, letter: Letter, *, act: Act, side: Side, signer: Signer, mark: Mark, consent: str,
        now: datetime,
    ) -> LetterSignature:  # fmt: skip
        """The caller holds the letter for itself, and its rules have been asked."""
        last = session.execute(
            select(cls.number, cls.hash)
            .where(cls.letter_id == letter.id)
            .order_by(cls.number.desc())
            .limit(1)
        ).first()
        canonical = letter.text.encode()
        row = cls(
            letter_id=letter.id, number=(last.number if last else 0) + 1, act=act, side=side, name=signer.name,
            capacity=signer.capacity, verified=signer.verified, account_id=signer.account_id, signer_id=signer.signer_id,
            link_id=signer.link_id, way=mark.way, consent=consent, at=now, address=signer.address, agent=signer.agent[:AGENT_SIGNS],
            picture=None if mark.picture is None else vault.seal_bytes(mark.picture, cls.PICTURE),
            strokes=None if mark.strokes is None else vault.seal_bytes(mark.strokes, cls.STROKES),
            picture_digest=None if mark.picture is None else sha256(mark.picture),
            strokes_digest=None if mark.strokes is None else sha256(mark.strokes),
            letter_digest=sha256(canonical), letter_sm3=sm3(canonical), template=f"{letter.kind.value}@{letter.scheme_key}",
            previous=last.hash if last else GENESIS,
        )  # fmt: skip
        row.hash = row.chained()
        session.add(row)
        session.flush()
        return row

    def line(self) -> list[Any]:
        """What of this row is chained."""
        return [
            self.letter_id, self.number, self.act.value, self.side.value, self.name, self.capacity.value, self.verified.value,
            self.account_id, self.signer_id, self.link_id, self.way.value, _hex(self.picture_digest), _hex(self.strokes_digest),
            self.consent, self.at.astimezone(UTC).isoformat(timespec="microseconds"), self.address, self.agent,
            _hex(self.letter_digest), _hex(self.letter_sm3), self.template,
        ]  # fmt: skip

    def chained(self) -> bytes:
        """The digest over this row and the one before it."""
        return hashlib.sha256(self.previous + json.dumps(self.line(), ensure_ascii=False).encode()).digest()

    def shown(self, vault: Vault) -> bytes | None:
        """The picture of it."""
        return None if self.picture is None else vault.unseal_bytes(self.picture, self.PICTURE)


def _hex(digest: bytes | None) -> str:
    return "" if digest is None else digest.hex()


@event.listens_for(LetterSignature, "before_update")
@event.listens_for(LetterSignature, "before_delete")
def _for_good(_mapper: Any, _connection: Any, _row: LetterSignature) -> None:
    raise RuleBroken("签署记录不能改，也不能删")


def acts_of(session: Session, letter: Letter) -> Sequence[LetterSignature]:
    """What was signed and withdrawn, in order."""
    found = select(LetterSignature).where(LetterSignature.letter_id == letter.id)
    return session.scalars(found.order_by(LetterSignature.number)).all()


def standing_signatures(acts: Sequence[LetterSignature]) -> dict[Side, LetterSignature]:
    """The signature of each side that has not been withdrawn."""
    found: dict[Side, LetterSignature] = {}
    for one in acts:
        if one.act is Act.SIGN:
            found[one.side] = one
        else:
            found.pop(one.side, None)
    return found


def broken_links(session: Session, letter: Letter) -> list[int]:
    """The numbers of the rows that are not what they were, or do not follow the one before."""
    previous, wrong = GENESIS, []
    for place, one in enumerate(acts_of(session, letter), start=1):
        sound = one.number == place and one.previous == previous and one.hash == one.chained()
        if not sound or one.letter_digest != sha256(letter.text.encode()):
            wrong.append(one.number)
        previous = one.hash
    return wrong


# --- what is signed, by whom ---


def consent_of(letter: Letter) -> str:
    return f"我代表{letter.content.firm.name}签署，已读全文并同意。"


def sign(
    session: Session, vault: Vault, letter: Letter, signer: Signer, mark: Mark, *, now: datetime
) -> None:
    """The firm's side. `signer` comes from `signer_for` or from a link."""
    letter.must_wait_for_the_firm()
    LetterSignature.add(
        session, vault, letter, act=Act.SIGN, side=Side.FIRM, signer=signer, mark=mark, consent=consent_of(letter), now=now
    )  # fmt: skip
    letter.was_signed(now)


def withdraw(session: Session, vault: Vault, letter: Letter, signer: Signer, *, now: datetime) -> None:
    """Whoever signed takes it back, nobody else."""
    letter.was_withdrawn(now)
    own = standing_signatures(acts_of(session, letter)).get(Side.FIRM)
    if own is None or (own.account_id, own.link_id) != (signer.account_id, signer.link_id):
        raise RuleBroken("只有签署人本人能撤回")
    LetterSignature.add(
        session, vault, letter, act=Act.WITHDRAW, side=Side.FIRM, signer=signer, mark=Mark(Way.TYPED),
        consent="我撤回对这份责任书的签署。", now=now,
    )  # fmt: skip


def countersign(session: Session, vault: Vault, letter: Letter, signer: Signer, *, now: datetime) -> None:
    """The district's side. What this letter was sent to replace ends here."""
    letter.must_wait_for_the_unit()
    own = standing_signatures(acts_of(session, letter)).get(Side.FIRM)
    if own is not None and own.account_id is not None and own.account_id == signer.account_id:
        raise RuleBroken("乙方的签署人不能代表甲方会签")
    LetterSignature.add(
        session, vault, letter, act=Act.SIGN, side=Side.UNIT, signer=signer, mark=Mark(Way.TYPED),
        consent=f"我代表{letter.content.unit.name}会签，已看过全文和乙方的签名。", now=now,
    )  # fmt: skip
    letter.was_countersigned(now)
    _end_the_replaced(session, letter, now)


def sign_on_paper(
    session: Session,
    vault: Vault,
    letter: Letter,
    signer: Signer,
    scan: StoredFile,
    *,
    firm_signer: str,
    now: datetime,
) -> None:
    """Both sides on paper, entered by the officer who has the original before them."""
    letter.was_signed_on_paper(scan, now)
    for side, name, capacity, account_id in (
        (Side.FIRM, firm_signer, Capacity.REPRESENTATIVE, None),
        (Side.UNIT, signer.name, Capacity.OFFICER, signer.account_id),
    ):
        on_paper = Signer(name, capacity, Verified.ON_PAPER, account_id, signer.address, signer.agent)
        LetterSignature.add(
            session, vault, letter, act=Act.SIGN, side=side, mark=Mark(Way.PAPER), now=now, signer=on_paper,
            consent="双方在纸质责任书上签字（盖章），原件由经办人核对，扫描件存档。",
        )  # fmt: skip
    _end_the_replaced(session, letter, now)


def _end_the_replaced(session: Session, letter: Letter, now: datetime) -> None:
    before = session.get(Letter, letter.replaces_id) if letter.replaces_id else None
    if before is not None and before.ended_at is None:
        before.supersede(f"换新文本，由{letter.number}替代", now)


class LetterSigner(Row):
    """Somebody with an account who may sign for a firm (签署人备案): its legal representative, or the holder of an authority whose
    paper is kept. An officer has checked it."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    capacity: Mapped[Capacity]
    paper_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    until_on: Mapped[date]
    checked_at: Mapped[datetime]
    checked_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(foreign_keys=[account_id])
    checked_by: Mapped[Account] = relationship(foreign_keys=[checked_by_id])
    paper: Mapped[StoredFile | None] = relationship()

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return None if scope == "place" else of_enterprises(cls.enterprise_id, Enterprise.within(scope, ids))

    @classmethod
    def file(
        cls, enterprise: Enterprise, account: Account, capacity: Capacity, *, paper: StoredFile | None, until_on: date,
        today: date, by: Account, now: datetime,
    ) -> LetterSigner:  # fmt: skip
        if capacity is Capacity.OFFICER:
            raise RuleBroken("请选法定代表人或授权代表")
        if capacity is Capacity.REPRESENTATIVE and account.name != enterprise.legal_representative:
            raise RuleBroken(
                f"登记的法定代表人是{enterprise.legal_representative or '（没有登记）'}，不是{account.name}。请先核对企业档案"
            )
        if capacity is Capacity.AUTHORISED and paper is None:
            raise RuleBroken("授权代表要上传授权书的照片或PDF")
        if until_on < today:
            raise RuleBroken("有效期已经过了，请核对授权书")
        return cls(
            enterprise_id=enterprise.id, account_id=account.id, account=account, capacity=capacity, paper=paper,
            paper_id=None if paper is None else paper.id, until_on=until_on, checked_at=now, checked_by_id=by.id,
        )  # fmt: skip

    @classmethod
    def holding(cls, on: date) -> ColumnElement[bool]:
        return and_(cls.ended_at.is_(None), cls.until_on >= on)

    def end(self, now: datetime) -> None:
        if self.ended_at is not None:
            raise RuleBroken("这条备案已经停用")
        self.ended_at = now


def signer_for(session: Session, letter: Letter, account: Account, on: date) -> LetterSigner | None:
    """By which filed authority this person may sign this letter; None: they may not (SIGN-6)."""
    return signer_at(session, letter.enterprise, account, on)


def signer_at(session: Session, enterprise: Enterprise, account: Account, on: date) -> LetterSigner | None:
    """The same for all letters of a firm."""
    held = session.scalars(
        select(LetterSigner)
        .where(
            LetterSigner.enterprise_id == enterprise.id, LetterSigner.account_id == account.id, LetterSigner.holding(on)
        )
        .order_by(LetterSigner.id.desc())
    ).all()  # fmt: skip
    for one in held:
        if one.capacity is Capacity.AUTHORISED or account.name == enterprise.legal_representative:
            return one
    return None


class LetterLink(Row):
    """A link by which somebody without an account signs one letter, once (settled 5.2)."""

    letter_id: Mapped[int] = mapped_column(ForeignKey("letter.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    name: Mapped[str]  # whose it is
    code_hash: Mapped[bytes | None]  # None: opened in front of the officer
    failures: Mapped[int] = mapped_column(default=0)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    letter: Mapped[Letter] = relationship()
    made_by: Mapped[Account] = relationship()

    @classmethod
    def make(
        cls, session: Session, vault: Vault, letter: Letter, *, in_front: bool, by: Account, now: datetime
    ) -> tuple[LetterLink, str, str]:
        """The row, the token of its address and the confirmation code (empty in front of the officer). Links before it end."""
        letter.must_wait_for_the_firm()
        name = letter.representative
        if not name:
            raise RuleBroken("责任书上没有法定代表人，请先补企业档案，作废后重新发")
        for before in session.scalars(
            select(cls).where(cls.letter_id == letter.id, cls.used_at.is_(None), cls.expires_at > now)
        ):
            before.expires_at = now
        token = secrets.token_urlsafe(24)
        code = "" if in_front else "".join(str(secrets.randbelow(10)) for _ in range(CODE_DIGITS))
        row = cls(
            letter_id=letter.id, letter=letter, token_hash=token_digest(token), name=name, failures=0, made_by_id=by.id, made_by=by,
            made_at=now, expires_at=now + (IN_FRONT if in_front else HANDED_OVER),
            code_hash=None if in_front else vault.mac("letter link", f"{token} {code}".encode(), 32),
        )  # fmt: skip
        session.add(row)
        return row, token, code

    @classmethod
    def of(cls, token: str) -> Select[LetterLink]:
        return select(cls).where(cls.token_hash == token_digest(token))

    def refusal(self, now: datetime) -> str:
        """Why it opens nothing to sign, in words; empty while it works."""
        if self.used_at is not None:
            return "这个链接已经签署过，只能用一次"
        if now >= self.expires_at:
            return f"这个链接已经过期，请联系{self.made_by.name}重新发一个"
        if self.failures >= FAILURES:
            return f"确认码输错了{FAILURES}次，链接已经停用，请联系{self.made_by.name}重新发一个"
        return ""

    def accepts(self, vault: Vault, token: str, code: str) -> bool:
        """Whether this is the confirmation code; a wrong one counts."""
        if self.code_hash is None:
            return True
        typed = "".join(sign for sign in code if sign.isdigit())
        if secrets.compare_digest(self.code_hash, vault.mac("letter link", f"{token} {typed}".encode(), 32)):
            return True
        self.failures += 1
        return False

    def signer(self, address: str, agent: str) -> Signer:
        verified = Verified.IN_FRONT if self.code_hash is None else Verified.BY_CODE
        return Signer(self.name, Capacity.REPRESENTATIVE, verified, None, address, agent, link_id=self.id)

    def use(self, now: datetime) -> None:
        if refusal := self.refusal(now):
            raise RuleBroken(refusal)
        if self.letter.enterprise.legal_representative != self.name:
            raise RuleBroken("法定代表人已经变更，这个链接不能再用")
        self.used_at = now


def links_of(session: Session, letter: Letter) -> Sequence[LetterLink]:
    found = select(LetterLink).where(LetterLink.letter_id == letter.id)
    return session.scalars(found.order_by(LetterLink.id.desc())).all()


def withdrawable(letter: Letter, now: datetime) -> bool:
    until = letter.withdraw_until()
    return until is not None and now < until


# --- strokes ---


def read_strokes(sent: str) -> tuple[bytes, bytes]:
    """What a finger drew, as the page sends it: {"w":340,"h":176,"strokes":[[x,y,x,y,…],…]}. The strokes as they are kept, and
    their picture, drawn here so that nobody sends a picture of something else. RuleBroken in words."""
    wrong = RuleBroken("没有收到签名，请在框内重新签一次")
    try:
        kept = json.loads(sent)
        width, height = int(kept["w"]), int(kept["h"])
        strokes = [[round(float(one)) for one in line] for line in kept["strokes"]]
    except (ValueError, TypeError, KeyError, OverflowError):
        raise wrong from None
    points = sum(len(line) for line in strokes) // 2
    if not 50 <= width <= 4000 or not 50 <= height <= 4000 or any(len(line) % 2 for line in strokes):
        raise wrong
    if len(strokes) > MOST_STROKES or points > MOST_POINTS:
        raise RuleBroken("签名太长，请擦掉重写")
    xs = [x for line in strokes for x in line[::2]]
    ys = [y for line in strokes for y in line[1::2]]
    if points < 8 or max(max(xs) - min(xs), max(ys) - min(ys)) < LEAST_SPAN:
        raise RuleBroken("签名太短，认不出是您，请写满一些")
    if min(*xs, *ys) < -5 or max(xs) > width + 5 or max(ys) > height + 5:
        raise wrong
    tidy = json.dumps({"w": width, "h": height, "strokes": strokes}, separators=(",", ":"))
    return tidy.encode(), _drawn(width, height, strokes)


def _drawn(width: int, height: int, strokes: list[list[int]]) -> bytes:
    scale = 900 / max(width, height)
    picture = Image.new("L", (round(width * scale), round(height * scale)), 255)
    pen = ImageDraw.Draw(picture)
    thick = max(3, round(900 / 90))
    for line in strokes:
        points = [(x * scale, y * scale) for x, y in zip(line[::2], line[1::2], strict=True)]
        pen.line(points, fill=0, width=thick, joint="curve")
        for x, y in (points[0], points[-1]) if points else ():
            pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=0)
    left, top, right, bottom = ImageOps.invert(picture).getbbox() or (0, 0, *picture.size)
    picture = ImageOps.expand(picture.crop((left, top, right, bottom)), border=2 * thick, fill=255)
    out = io.BytesIO()
    picture.resize((picture.width // 2, picture.height // 2)).quantize(16).save(out, "PNG", optimize=True)
    return out.getvalue()
