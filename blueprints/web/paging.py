"""Pages of a long list (翻页): counted and cut in the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import Select, func, select

from models.base import db


@dataclass(frozen=True, slots=True)
class Paging:
    """One page of a list, and where it stands among the others."""

    rows: Sequence[Any]
    page: int
    pages: int
    total: int
    more: bool = False  # there are more than `total`, which nobody counts

    @property
    def numbers(self) -> list[int | None]:
        """1 … 4 5 6 … 20; None is a gap."""
        near = [n for n in range(1, self.pages + 1) if n in (1, self.pages) or abs(n - self.page) <= 2]
        shown: list[int | None] = []
        for number in near:
            if shown and number - (shown[-1] or 0) > 1:
                shown.append(None)
            shown.append(number)
        return shown


def paged(
    query: Select[Any],
    *,
    size: int = 50,
    scalars: bool = True,
    most: int | None = None,
    total: int | None = None,
    whole: Callable[[Select[Any]], Select[Any]] | None = None,
) -> Paging:
    """The page that ?page= names; a number beyond the end is the last page. With `most` no page lies further down than that
    many rows, and no more are counted; `total` where they have been counted already. `whole`: asks for the rows of a page that
    has been cut out of bare numbers, which are sorted faster than wide rows."""
    if total is None:
        rows_of = query.order_by(None)
        if most is not None:
            rows_of = rows_of.limit(most + 1)
        total = db.session.scalar(select(func.count()).select_from(rows_of.subquery())) or 0
    more = most is not None and total > most
    total = min(total, most) if most is not None else total
    pages = max(1, -(-total // size))
    page = min(max(request.args.get("page", 1, type=int), 1), pages)
    cut = query.limit(size).offset((page - 1) * size)
    cut = cut if whole is None else whole(cut)
    rows = db.session.scalars(cut).all() if scalars else db.session.execute(cut).all()
    return Paging(rows, page, pages, total, more)


def paged_list(rows: Sequence[Any], *, size: int = 50) -> Paging:
    """The same of rows that are all there already."""
    pages = max(1, -(-len(rows) // size))
    page = min(max(request.args.get("page", 1, type=int), 1), pages)
    return Paging(rows[(page - 1) * size : page * size], page, pages, len(rows))
