"""Reads a PDF as it stands on paper: where each sign is, how large, in which font; in points from the upper left corner."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as raw
from PIL import Image

MM = 72 / 25.4
NARROW = 0.5  # points that a narrow sign leaves free at its right, about
SAME = 5  # points: signs of one line stand no further apart


@dataclass(frozen=True)
class Sign:
    """One sign: where it begins, its line, its size and font, and the box of its ink (left, top, right, bottom)."""

    text: str
    x: float
    y: float  # of the line on which it stands
    size: float
    font: str
    ink: tuple[float, float, float, float]


@dataclass(frozen=True)
class Line:
    signs: tuple[Sign, ...]

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.signs)

    @property
    def y(self) -> float:
        return self.signs[0].y

    @property
    def left(self) -> float:
        return self.signs[0].x

    @property
    def right(self) -> float:
        """Where a full-width sign at its end ends."""
        return self.signs[-1].x + self.signs[-1].size

    @property
    def edge(self) -> float:
        """The same, also of a narrow one: by its ink."""
        last = self.signs[-1]
        return last.ink[2] + NARROW if last.text.isascii() else self.right


def pages_of(pdf: bytes) -> list[list[Sign]]:
    """The signs of each page that have ink, in reading order."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        return [list(_signs(page)) for page in document]


def sizes_of(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of each page."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        return [document.get_page_size(number) for number in range(len(document))]


def picture_of(pdf: bytes, page: int, *, scale: float) -> Image.Image:
    """A page in colour, `scale` pixels a point."""
    with closing(pypdfium2.PdfDocument(pdf)) as document, closing(document[page]) as sheet:
        return sheet.render(scale=scale).to_pil().convert("RGB")


def lines_of(signs: list[Sign]) -> list[Line]:
    """Signs on one line of a page, from left to right; lines from top to bottom. Fonts stand a little above each other."""
    lines: list[list[Sign]] = []
    for one in sorted(signs, key=lambda one: one.y):
        if lines and one.y - lines[-1][0].y < SAME:
            lines[-1].append(one)
        else:
            lines.append([one])
    return [Line(tuple(sorted(line, key=lambda one: one.x))) for line in lines]


def _signs(page: pypdfium2.PdfPage) -> Iterator[Sign]:
    text, height, matrix = page.get_textpage(), page.get_height(), raw.FS_MATRIX()
    number, high = raw.FPDFText_CountChars(text), ""
    name, flags = ctypes.create_string_buffer(200), ctypes.c_int()
    x, y, *box = (ctypes.c_double() for _ in range(6))
    for place in range(number):
        sign = high + chr(raw.FPDFText_GetUnicode(text, place))
        high = sign if len(sign) == 1 and "\ud800" <= sign < "\udc00" else ""
        if high or raw.FPDFText_IsGenerated(text, place) or not sign.strip():
            continue
        sign = sign.encode("utf-16", "surrogatepass").decode("utf-16")
        raw.FPDFText_GetCharOrigin(text, place, x, y)
        raw.FPDFText_GetCharBox(text, place, *box)
        raw.FPDFText_GetMatrix(text, place, matrix)
        raw.FPDFText_GetFontInfo(text, place, name, 200, flags)
        left, right, bottom, top = (one.value for one in box)
        yield Sign(
            sign, x.value, height - y.value, raw.FPDFText_GetFontSize(text, place) * matrix.a, name.value.decode(),
            (left, height - top, right, height - bottom),
        )  # fmt: skip
    text.close()
