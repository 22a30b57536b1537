"""The sheets of a gate in the demo (演示的纸质登记): one typed in after a power cut, one photographed, one spoiled, some ready."""

from __future__ import annotations

import io
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

from PIL import Image, ImageDraw
from sqlalchemy.orm import Session

from models.access import Post
from models.base import SHANGHAI, local
from models.demo.people import Mobiles, draw_name
from models.demo.town import MAIN_GATE, Town
from models.judging import Declaration
from models.paper import PaperSheet
from models.places import CODE_SIGNS
from models.policy.book import Book
from models.recording import PaperRow, Times, record
from models.vault import Vault

READY, ROWS_TYPED, ROWS_PHOTOGRAPHED = 3, 6, 9
PAPER, INK, PEN = "#efece3", "#333333", "#27348b"


def lay_out(
    session: Session, town: Town, book: Book, vault: Vault, now: datetime, *, seed: str, mobiles: Mobiles
) -> int:
    """Sheets of the main gate; answers how many rows were typed in from them."""
    place = town.places[MAIN_GATE[0]]
    gate = next(gate for gate in place.gates if gate.name == MAIN_GATE[1])
    guard = town.in_post(Post.GATE_GUARD, place)[0].account
    rng = Random(f"{seed}/paper")
    yesterday = local(now).date() - timedelta(days=1)
    cut = datetime.combine(yesterday, time(14, 5), SHANGHAI)
    printed = PaperSheet.print_for(
        session, gate, copies=READY + 3, now=cut - timedelta(days=4), by_id=guard.id
    )
    for sheet in printed:
        sheet.number = "".join(rng.choices(CODE_SIGNS, k=len(sheet.number)))
    session.add_all(printed)
    session.flush()
    typed, photographed, spoiled = printed[:3]
    times = Times(session, book, gate, cut, now)
    rows = []
    for number in range(1, ROWS_TYPED + 1):
        at = cut + timedelta(minutes=4 * number + rng.randrange(3))
        declared = Declaration(
            name=draw_name(rng), mobile=mobiles.draw() if rng.random() < 0.7 else None, answers={"mask": ("yes",)},
            celsius=Decimal(f"{36.2 + rng.randrange(7) / 10:.1f}"), enterprise=rng.choice(list(town.enterprises)),
        )  # fmt: skip
        left_at = at + timedelta(minutes=25) if number % 3 == 0 else None
        rows.append(PaperRow(number, at, left_at, declared, times.view(at)))
    stored = record(session, vault, typed, rows, day=yesterday, now=cut + timedelta(hours=1), by_id=guard.id)
    picture = _photograph(photographed, rng)
    photographed.file(vault, picture, picture, day=yesterday, now=cut + timedelta(hours=2), by_id=guard.id)
    spoiled.void(now=cut)
    return len(stored)


def _photograph(sheet: PaperSheet, rng: Random) -> bytes:
    """A sheet as a telephone sees it: lines, and writing that nobody can read."""
    image = Image.new("RGB", (1050, 1480), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((90, 60), sheet.printed, fill=INK, font_size=64)
    columns = (90, 140, 240, 410, 630, 720, 830, 960)
    for line in range(sheet.rows + 1):
        draw.line((90, 220 + 58 * line, 960, 220 + 58 * line), fill=INK, width=2)
    for x in columns:
        draw.line((x, 220, x, 220 + 58 * sheet.rows), fill=INK, width=2)
    for row in range(ROWS_PHOTOGRAPHED):
        draw.text((102, 230 + 58 * row), str(row + 1), fill=INK, font_size=26)
        for left, right in pairwise(columns[1:]):
            x = left + 14
            while x < right - 26:
                y = 236 + 58 * row + rng.randrange(8)
                draw.arc(
                    (x, y, x + 16, y + 26), rng.randrange(180), 180 + rng.randrange(180), fill=PEN, width=3
                )
                x += 14 + rng.randrange(8)
    out = io.BytesIO()
    image.rotate(1.2, fillcolor="#8d8a83").save(out, "JPEG", quality=70)
    return out.getvalue()
