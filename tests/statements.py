"""How often the database is asked: a page must not ask once per row."""

from collections.abc import Callable

from sqlalchemy import event

from models.base import db
from models.driver import DriverConnection


def asked_by(work: Callable[[], object]) -> list[str]:
    """The statements that ran meanwhile, by way of SQLAlchemy or of the driver itself."""
    found: list[str] = []
    run = DriverConnection.run

    def listen(_connection, _cursor, statement, *_rest) -> None:
        found.append(statement)

    def note(connection, statement, values):
        found.append(statement(db.engine.dialect).sql)
        return run(connection, statement, values)

    event.listen(db.engine, "before_cursor_execute", listen)
    DriverConnection.run = note
    try:
        work()
    finally:
        DriverConnection.run = run
        event.remove(db.engine, "before_cursor_execute", listen)
    return found


def statements_of(work: Callable[[], object]) -> int:
    """How many statements ran meanwhile."""
    return len(asked_by(work))
