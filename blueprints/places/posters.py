"""What a gate's poster says (入口海报), and its code as picture and drawing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template

from blueprints.web import pdf
from blueprints.web.qr import Square, gate_address, shown_host, square
from models.places import Gate

INKS = {"colour": "彩色", "outline": "黑白线条"}
SIZES = {"a4": "A4", "a5": "A5台卡"}
NUMBERED = re.compile(r"(\D{0,6})(\d{1,3})(\D{0,6})")


@dataclass(frozen=True, slots=True)
class Poster:
    """Everything on one page. `before`, `number`, `after` are a gate name whose number is printed large."""

    place: str
    address: str
    gate: str
    before: str
    number: str
    after: str
    square: Square
    host: str
    printed: str
    version: int
    since: datetime
    organiser: str
    hotline: str
    hotline_hours: str

    @property
    def name_length(self) -> str:
        """How small the place's name has to be set so that 40 characters fit on the plate."""
        characters = _width(self.place)
        return "usual" if characters <= 20 else "long" if characters <= 27 else "longest"

    @property
    def gate_length(self) -> str:
        if self.number:
            return "numbered"
        characters = _width(self.gate)
        return "short" if characters <= 3 else "usual" if characters <= 10 else "long"


def poster_of(gate: Gate) -> Poster:
    """The poster of a gate's code in use. ValueError for a gate without one: pages offer no poster for it."""
    code, place, district = gate.code, gate.place, gate.place.district
    if code is None:
        raise ValueError(f"{gate} has no code")
    numbered = NUMBERED.fullmatch(gate.name)
    before, number, after = numbered.groups() if numbered else ("", "", "")
    return Poster(
        place=place.name,
        address=place.address,
        gate=gate.name,
        before=before,
        number=number,
        after=after,
        square=square(gate_address(code.code, district.slug)),
        host=shown_host(district.slug),
        printed=code.printed,
        version=code.version,
        since=code.issued_at,
        organiser=district.organiser,
        hotline=district.hotline,
        hotline_hours=district.hotline_hours,
    )


def as_pdf(gates: Sequence[Gate], *, ink: str = "colour", size: str = "a4") -> bytes:
    """One page a gate."""
    posters = [poster_of(gate) for gate in gates]
    title = f"入口海报：{posters[0].place}{posters[0].gate}" + (
        f"等{len(posters)}个入口" if len(posters) > 1 else ""
    )
    return pdf.document(
        "documents/poster.html",
        "tokens.css",
        "poster.css",
        posters=posters,
        ink=ink,
        size=size,
        title=title,
        author=posters[0].organiser,
    )


def as_png(gate: Gate, *, ink: str = "colour", size: str = "a4") -> bytes:
    """The same page as a picture, for those who print from a phone or paste it into a sheet of their own."""
    return pdf.picture(as_pdf([gate], ink=ink, size=size))


def as_svg(gate: Gate) -> bytes:
    """The code alone as a drawing for the sign maker, with the names under which it must not be mixed up."""
    poster = poster_of(gate)
    one_line = f"{poster.place}　{poster.gate}"
    lines = (
        [one_line]
        if _width(one_line) <= 15
        else [*textwrap.wrap(poster.place, 15), *textwrap.wrap(poster.gate, 15)]
    )
    hint_size = min(4.0, round(110 / _width(f"扫不出来？在浏览器打开{poster.host}"), 2))
    return render_template("documents/gate_code.svg", p=poster, lines=lines, hint_size=hint_size).encode()


def _width(text: str) -> float:
    """In Chinese characters: a Latin letter or digit is about half as wide."""
    return sum(0.55 if character.isascii() else 1 for character in text)
