"""What is printed of the links (打印件): the enterprise's poster, slips to hand out, a team's sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blueprints.web import pdf
from blueprints.web.qr import Square, shown_host, square
from models.archive import Team
from models.enterprises import Enterprise
from models.places import District

ROWS = 24  # of a team's sheet


@dataclass(frozen=True, slots=True)
class Slip:
    """One person's code. The name stands on the paper alone, never in the code."""

    name: str
    number: str
    square: Square


def poster_pdf(enterprise: Enterprise, district: District, address: str) -> bytes:
    characters = sum(0.55 if sign.isascii() else 1 for sign in enterprise.name)
    return pdf.document(
        "documents/health_poster.html", "tokens.css", "poster.css", enterprise=enterprise, district=district,
        square=square(address), host=shown_host(district.slug), author=district.organiser,
        name_length="usual" if characters <= 20 else "long" if characters <= 27 else "longest",
    )  # fmt: skip


def slips_pdf(enterprise: Enterprise, department: str, pages: Sequence[Sequence[Slip]]) -> bytes:
    return pdf.document(
        "documents/health_slips.html", "slips.css", enterprise=enterprise, department=department, pages=pages,
        author=enterprise.name,
    )  # fmt: skip


def team_sheet_pdf(team: Team, enterprise: Enterprise, names: Sequence[str], *, measured: bool) -> bytes:
    return pdf.document(
        "documents/team_sheet.html", "slips.css", enterprise=enterprise, team=team, measured=measured,
        pages=[names[n : n + ROWS] for n in range(0, len(names), ROWS)] or [[]], author=enterprise.name,
    )  # fmt: skip
