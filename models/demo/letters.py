"""The responsibility letters of the demo (责任书): in every state that there is, each with the steps that led there."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from random import Random

from PIL import Image, ImageDraw
from sqlalchemy import update
from sqlalchemy.orm import Session

from models import signatures
from models.access import Post
from models.accounts import Account
from models.base import SHANGHAI, local
from models.demo.people import draw_name
from models.demo.town import CHIEF, Town
from models.enterprises import Enterprise
from models.files import FileKind, StoredFile
from models.inbox import KEPT, Message
from models.letter_parties import firm_party, unit_party
from models.letter_rows import announce, chiefs_of
from models.letter_text import Facts
from models.letters import Letter, LetterCounter, LetterState
from models.photographs import small_jpeg
from models.places import Place
from models.policy.book import Book
from models.policy.schema import Policy
from models.signatures import Capacity, LetterSigner, Mark, Signer, Verified, Way
from models.vault import Vault

SIGNING = "星河微电子"  # whose chief health officer is its legal representative too
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# how many firms stand where, in turn; the others are in force
STATES = (
    ("sent", 5), ("read", 5), ("signed", 6), ("none", 4), ("expiring", 3), ("expired", 2), ("superseded", 1), ("voided", 1), ("paper", 2),
)  # fmt: skip
OPERATED = (("桂湖智谷", "桂湖运营"), ("石桥智造园", "石桥智造"), ("临溪生物医药港", "医药港运营"))


def send(session: Session, town: Town, book: Book, vault: Vault, now: datetime, *, seed: str) -> int:
    """All of them; answers how many letters."""
    rng, policy = Random(f"{seed}/letters"), book.get(town.sketch.scheme_key)
    firms = [one for one in town.enterprises.values() if one.closed_at is None]
    for one in firms:
        one.legal_representative = one.legal_representative or draw_name(rng)
    session.flush()
    writer = _Writer(session, town, policy, vault, now, rng)
    signing = town.enterprises[SIGNING]
    if signing.id in writer.chiefs:
        signing.legal_representative = writer.chiefs[signing.id].name
    others = [one for one in firms if one.short_name != SIGNING]
    rng.shuffle(others)
    states = _states()
    for firm in others:
        writer.bring(firm, next(states))
    writer.bring(signing, "read")
    writer.file_signer(signing)
    for place, operator in OPERATED:
        park, firm = town.places[place], town.enterprises[operator]
        park.operator_id = firm.id
        writer.bring(firm, "force", park)
    session.flush()
    _tell(session, writer.sent, now)
    return len(writer.sent)


def _tell(session: Session, letters: Sequence[Letter], now: datetime) -> None:
    """The messages that went with them, as far back as messages are kept. Whoever opened a letter has read its message, and
    nobody has an unread one about a letter that waits for the firm no more."""
    for one in letters:
        if one.sent_at < now - KEPT:
            continue
        announce(session, [one], one.sent_at)
        about = update(Message).where(Message.key == one.key, Message.read_at.is_(None))
        if one.state is LetterState.READ:
            session.execute(about.where(Message.account_id == one.read_by_id).values(read_at=one.read_at))
        elif one.state is not LetterState.SENT:
            session.execute(about.values(read_at=one.read_at or one.ended_at))


def _states() -> Iterator[str]:
    for state, many in STATES:
        yield from [state] * many
    while True:
        yield "force"


class _Writer:
    def __init__(
        self, session: Session, town: Town, policy: Policy, vault: Vault, now: datetime, rng: Random
    ) -> None:
        self.session, self.town, self.policy, self.vault, self.now, self.rng = (
            session,
            town,
            policy,
            vault,
            now,
            rng,
        )
        self.officer = town.accounts[CHIEF]
        self.sent: list[Letter] = []
        self.chiefs = chiefs_of(session, [one.id for one in town.enterprises.values()], local(now).date())

    def bring(self, firm: Enterprise, state: str, place: Place | None = None) -> None:
        """A letter to this firm, as far as `state`."""
        today = local(self.now).date()
        terms = {
            "expiring": (today - timedelta(days=345), today + timedelta(days=20)),
            "expired": (today - timedelta(days=380), today - timedelta(days=15)),
        }
        starts_on, ends_on = terms.get(state, (date(today.year, 1, 1), date(today.year + 1, 12, 31)))
        if state == "none":
            return
        sent_at = self._morning(self.rng.uniform(8, 20) if state not in terms else 400)
        letter = self._send(firm, starts_on, ends_on, sent_at, place)
        if state == "sent":
            return
        chief = self.chiefs.get(firm.id)
        letter.opened_by(chief.id if chief else None, sent_at + 5 * HOUR)
        if state == "read":
            return
        if state == "paper":
            scan = StoredFile.keep(self.session, self.vault, FileKind.PHOTO, _scan(), now=sent_at + 2 * DAY)
            signatures.sign_on_paper(
                self.session,
                self.vault,
                letter,
                self._me(),
                scan,
                firm_signer=letter.representative,
                now=sent_at + 2 * DAY,
            )
            return
        self._sign(letter, sent_at + DAY)
        if state == "signed":
            return
        signatures.countersign(self.session, self.vault, letter, self._me(), now=sent_at + 2 * DAY)
        if state == "superseded":
            letter.supersede("法定代表人变更，应当重新签订", self._morning(2))
            firm.legal_representative = draw_name(self.rng)
        elif state == "voided":
            anew = self._morning(3)
            letter.void("企业地址写错，另发一份", anew, by=self.officer)
            self._send(firm, starts_on, ends_on, anew, place)

    def _morning(self, days: float) -> datetime:
        """A morning about so many days ago, from Monday to Wednesday, so that two days later is a working day too."""
        day = local(self.now - days * DAY).date()
        day -= max(0, day.weekday() - 2) * DAY
        return datetime.combine(day, time(9), SHANGHAI) + self.rng.uniform(0, 4) * HOUR

    def file_signer(self, firm: Enterprise) -> None:
        """The chief health officer is filed as who signs."""
        chief = self.chiefs.get(firm.id)
        if chief is None:
            return
        today, since = local(self.now).date(), self.now - 30 * DAY
        made = LetterSigner.file(
            firm, chief, Capacity.REPRESENTATIVE, paper=None, until_on=today + timedelta(days=400), today=today,
            by=self._liaison(firm), now=since,
        )  # fmt: skip
        self.session.add(made)

    def _liaison(self, firm: Enterprise) -> Account:
        held = (a for one in self.town.accounts.values() for a in one.appointments)
        own = (
            a.account
            for a in held
            if a.post == Post.UNIT_LIAISON and a.scope_id == firm.unit_id and a.ended_at is None
        )
        return next(own, self.officer)

    def _send(
        self, firm: Enterprise, starts_on: date, ends_on: date, at: datetime, place: Place | None
    ) -> Letter:
        (number,) = LetterCounter.take(self.session, self.town.district, local(at).year, 1)
        unit = next((one for one in self.town.units.values() if one.id == firm.unit_id), None)
        by = self._liaison(firm)
        chief = self.chiefs.get(firm.id)
        facts = Facts(
            number=number, starts_on=starts_on, ends_on=ends_on, place=place.name if place else "",
            unit=unit_party(unit, self.town.district, by), firm=firm_party(firm, chief),
        )  # fmt: skip
        kind = "enterprise" if place is None else "park_operator"
        letter = Letter.issue(
            self.policy.letter(kind), facts, firm, scheme_key=self.policy.key, by=by, now=at, place=place,
            chief_id=chief.id if chief else None,
        )  # fmt: skip
        self.session.add(letter)
        self.session.flush()
        self.sent.append(letter)
        return letter

    def _sign(self, letter: Letter, at: datetime) -> None:
        strokes, picture = signatures.read_strokes(json.dumps(_scribble(self.rng)))
        firm_side = Signer(
            letter.representative, Capacity.REPRESENTATIVE, Verified.IN_FRONT, None, "127.0.0.1", "演示"
        )
        signatures.sign(
            self.session, self.vault, letter, firm_side, Mark(Way.DRAWN, picture, strokes), now=at
        )

    def _me(self) -> Signer:
        return Signer(
            self.officer.name, Capacity.OFFICER, Verified.PASSWORD, self.officer.id, "127.0.0.1", "演示"
        )


def _scribble(rng: Random) -> dict[str, object]:
    """What a hand might leave: a few curves side by side, nobody's signature."""
    lines = []
    for part in range(3):
        left, top, loops = 30 + part * 100, rng.randint(55, 80), rng.uniform(1.2, 2.6)
        wide, tall = rng.randint(55, 80), rng.randint(18, 34)
        line = []
        for step in range(40):
            turn = step / 39
            line += [
                round(left + wide * turn + tall / 2 * math.sin(turn * loops * 2 * math.pi)),
                round(top + 20 * turn - tall * math.cos(turn * loops * 2 * math.pi)),
            ]
        lines.append(line)
    return {"w": 340, "h": 176, "strokes": lines}


def _scan() -> bytes:
    """A blank sheet that says what it is."""
    sheet, out = Image.new("RGB", (620, 877), "white"), io.BytesIO()
    ImageDraw.Draw(sheet).rectangle((40, 40, 580, 837), outline=(120, 120, 120), width=2)
    ImageDraw.Draw(sheet).text((60, 60), "DEMO SCAN", fill=(120, 120, 120))
    sheet.save(out, "PNG")
    return small_jpeg(out.getvalue())
