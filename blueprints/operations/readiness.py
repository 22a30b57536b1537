"""Whether the database is fit to work with (就绪检查), asked in a thread, for a database that hangs must not hang the answer."""

from __future__ import annotations

import threading
from functools import lru_cache

from sqlalchemy import Engine

from models import schema
from models.base import reading

SECONDS = 2.0
SILENT = "数据库没有及时答复"
OLD = "数据库结构与程序不一致"


class Probe:
    """One question at a time: while one hangs, no second one is sent after it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._asking: threading.Thread | None = None

    def ask(self) -> str:
        """What is the matter; empty where all is well. Within SECONDS, whatever the database does."""
        with self._turn:
            if self._asking is not None and self._asking.is_alive():
                return SILENT
            found: list[str] = []
            self._asking = threading.Thread(target=self._look, args=(found,), daemon=True)
            self._asking.start()
        self._asking.join(SECONDS)
        return found[0] if found else SILENT

    def _look(self, found: list[str]) -> None:
        try:
            with reading(), self._engine.connect() as connection:
                found.append("" if schema.revision(connection) == schema.newest() else OLD)
        except Exception:
            found.append(SILENT)


@lru_cache(maxsize=8)
def probe_of(engine: Engine) -> Probe:
    return Probe(engine)
