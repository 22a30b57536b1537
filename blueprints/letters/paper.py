"""A letter as a PDF (责任书打印件): as it is now, with the signatures that stand. A finished letter is drawn once and filed."""

from __future__ import annotations

import base64

from sqlalchemy.orm import object_session

from blueprints.letters.levels import level_words
from blueprints.web import pdf
from blueprints.web.printed import draw as drawn
from blueprints.web.qr import square
from blueprints.web.site import site
from models.letter_text import LetterText
from models.letters import Letter
from models.signatures import Side, acts_of, standing_signatures

TEMPLATE, SHEET = "letters/document.html", "letter-paper.css"
A_LINE = 18  # signs of 22 pt beside each other, with some air


def draw(letter: Letter, *, to_seal: bool = False) -> bytes:
    """The whole letter. Needs no request: the background files letters by it, and says when the seal comes next."""
    return pdf.print_html(written(letter, to_seal=to_seal), SHEET)


def written(letter: Letter, *, to_seal: bool = False) -> str:
    """The letter's HTML, for the printer alone."""
    session = object_session(letter)
    assert session is not None, "a letter is drawn from its database"
    signed = standing_signatures(acts_of(session, letter))
    pictures = {side: _inlined(one.shown(site.vault)) for side, one in signed.items()}
    return laid_out(
        letter.content, signed=signed, pictures=pictures, code=spaced(letter.code), address=verify_address(letter),
        level=level_words(letter, to_seal=to_seal), digest=letter.digest.hex(),
    )  # fmt: skip


def laid_out(text: LetterText, *, address: str, **said: object) -> str:
    """What a letter says, as the template sets it."""
    return drawn(
        TEMPLATE, text=text, title=balanced(text.title), Side=Side, author=text.unit.name, address=address,
        square=square(address) if address else None, **said,
    )  # fmt: skip


def balanced(title: str) -> list[str]:
    """A title in lines of about the same length (DOC-3): none has one word alone."""
    lines = -(-len(title) // A_LINE)
    each = -(-len(title) // lines)
    return [title[start : start + each] for start in range(0, len(title), each)]


def verify_address(letter: Letter) -> str:
    """What the code beside the number opens; empty where the site has no address of its own (settled 2.6)."""
    public = site.settings.public_url.rstrip("/")
    return f"{public}/verify?number={letter.number}&code={letter.code}" if public else ""


def spaced(code: str) -> str:
    """7K3M 9QPR."""
    return f"{code[:4]} {code[4:]}"


def _inlined(picture: bytes | None) -> str:
    """A picture of our own in the page itself: the printer reads no addresses."""
    if picture is None:
        return ""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
