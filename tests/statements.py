"""How often the database is asked: a page must not ask once per row."""

from collections.abc import Callable

from sqlalchemy import event

from models.base import db


def statements_of(work: Callable[[], object]) -> int:
    """How many statements ran meanwhile."""
    found: list[str] = []

    def listen(_connection, _cursor, statement, *_rest) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    return len(found)
