"""Finding an enterprise by what people know of it (查找企业): a part of its name or of its room, the beginning of its pinyin initials,
its credit code, the name of a place.

Every ending of what it is called is kept as a row (青禾生物, 禾生物, 生物, 物), so that a part of a name is the beginning of a row, and
an index finds it, on any database and without an extension. A word that half of the district has in its name is another matter: rows
of the list are then looked at one after the other, and a page is soon full. Kept by `models.standing`, with what else it keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column as Col
from sqlalchemy import (
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from .base import Row
from .enterprises import Enterprise, Premises
from .places import Place

SIGNS = 16  # of an ending; what is longer is compared in full
FEW = 500  # found by the index; beyond, the list is read from its top
LAST = "\U0010ffff"

# by the order of the bytes, as SQLite has it: a beginning is a range of the index
BYTES = String().with_variant(String(collation="C"), "postgresql")

Words = Table(
    "enterprise_word",
    Row.metadata,
    Col("word", BYTES, primary_key=True),
    Col("enterprise_id", Integer, ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_enterprise_word_enterprise_id", "enterprise_id"),
)


def folded(text: str) -> str:
    return " ".join(text.split()).lower()


def words_of(called: Collection[str], initials: str) -> set[str]:
    """Every ending of these, as far as it is looked at, and the initials, which are known from their beginning alone."""
    names = {folded(one) for one in called}
    words = {one[first : first + SIGNS].strip() for one in names for first in range(len(one))}
    return {word for word in words | {initials.lower()[:SIGNS]} if word}


def respell(connection: Connection, ids: Collection[int]) -> None:
    """The words of these enterprises anew."""
    if not ids:
        return
    of: dict[int, tuple[set[str], str]] = {}
    for number, name, short_name, initials in connection.execute(
        select(Enterprise.id, Enterprise.name, Enterprise.short_name, Enterprise.initials).where(
            Enterprise.id.in_(ids)
        )
    ):
        of[number] = ({name, short_name}, initials)
    for number, room in connection.execute(
        select(Premises.enterprise_id, Premises.room).where(Premises.enterprise_id.in_(ids))
    ):
        of[number][0].add(room)
    connection.execute(delete(Words).where(Words.c.enterprise_id.in_(ids)))
    rows = [
        {"word": word, "enterprise_id": number} for number, called in of.items() for word in words_of(*called)
    ]
    if rows:
        connection.execute(insert(Words), rows)


def found_by(session: Session, text: str) -> list[ColumnElement[bool]]:
    """By the index where it finds few; where it finds many, `spelt` is soon done with a page."""
    text = folded(text)
    if not text:
        return []
    some = union_all(*_by_index(text)).limit(FEW + 1).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) > FEW:
        return spelt(text)
    exact = spelt(text) if len(text) > SIGNS else []
    return [Enterprise.id.in_(union_all(*_by_index(text))), *exact]


def finds_many(session: Session, text: str, tests: Sequence[ColumnElement[bool]]) -> bool:
    """Whether already the first that the index finds are more than FEW for whom `tests` hold. Each is called in few ways."""
    text = folded(text)
    if not text or len(text) > SIGNS:
        return False
    some = union_all(*_by_index(text)).limit(3 * FEW).subquery()
    first = select(Enterprise.id).where(Enterprise.id.in_(select(some.c[0])), *tests).subquery()
    return (session.scalar(select(func.count()).select_from(first)) or 0) > FEW


def spelt(text: str) -> list[ColumnElement[bool]]:
    """The same, asked of each row."""
    text = folded(text)
    if not text:
        return []

    def part_of(column: Any) -> ColumnElement[bool]:
        return func.lower(column).contains(text, autoescape=True)

    # A count, for no planner turns that into a look at all the seats before the first row.
    seated = (
        select(func.count())
        .select_from(Premises)
        .join(Place, Place.id == Premises.place_id)
        .where(Premises.enterprise_id == Enterprise.id, or_(part_of(Place.name), part_of(Premises.room)))
        .correlate(Enterprise)
        .scalar_subquery()
    )
    return [
        or_(
            part_of(Enterprise.name),
            part_of(Enterprise.short_name),
            Enterprise.initials.startswith(text, autoescape=True),
            Enterprise.credit_code == text.upper(),
            seated > 0,
        )
    ]


def _by_index(text: str) -> list[Any]:
    begin = text[:SIGNS].strip()
    places = select(Place.id).where(func.lower(Place.name).contains(text, autoescape=True))
    return [
        select(Words.c.enterprise_id).where(Words.c.word >= begin, Words.c.word < begin + LAST),
        select(Enterprise.id).where(Enterprise.credit_code == text.upper()),
        select(Premises.enterprise_id).where(Premises.place_id.in_(places)),
    ]
