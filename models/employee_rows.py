"""Employees from a workbook (导入员工): who is new, what changes of whom, and the same back again.

The same person is who has the same row key, document, or name with mobile or number. An empty cell leaves what is on file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from .archive import Employee, Team, document_index
from .base import local
from .batch_work import Line, Rows, refuse, row
from .batches import Batch, RowAction
from .driver import DriverConnection, Filling
from .employee_facts import CONTRAINDICATED, EmployeeFacts, person_of, read_fields
from .health_file import CheckUp, last_pre_posts, pre_post
from .policy.schema import WorkerKind
from .vault import Vault

KEY, KEY_HEAD = "row", "档案编号"  # the number of the row on file, as an export gives it
PARTING = "、"
Key = tuple[str, str]
MASKED = "*"
DAYS = ("joined_on", "left_on", "examined_on")
_TABLE: Any = Employee.__table__
_ON_FILE = (
    Employee.id, Employee.name, Employee.number, Employee.kind, Employee.contract_firm, Employee.document_kind, Employee.document,
    Employee.mobile, Employee.department, Team.name.label("team"), Employee.job, Employee.hazards, Employee.dormitory,
    Employee.joined_on, Employee.left_on,
)  # fmt: skip


def cells_of(found: Mapping[str, Any]) -> dict[str, str]:
    """What was read of somebody as text by field, without what is empty."""
    return {
        key: value if type(value) is str else PARTING.join(value) if key == "hazards" else str(value)
        for key, value in found.items()
        if value
    }


def facts_of(cells: dict[str, str]) -> EmployeeFacts:
    """The reverse of `cells_of`."""
    facts: dict[str, Any] = dict(cells)
    for key in DAYS:
        if key in facts:
            facts[key] = date.fromisoformat(facts[key])
    facts["kind"] = WorkerKind(facts["kind"])
    facts["hazards"] = tuple(facts["hazards"].split(PARTING)) if "hazards" in facts else ()
    return EmployeeFacts(**facts)


@dataclass(frozen=True, slots=True)
class _OnFile:
    """Somebody who is on file: in cells, as a row of the table would say it."""

    id: int
    cells: dict[str, str]
    examination: CheckUp | None  # the pre-post one that counts

    @classmethod
    def of(cls, one: Any, examination: CheckUp | None) -> _OnFile:
        cells = {
            key: value.isoformat() if isinstance(value, date) else str(value)
            for key, value in one._mapping.items()
            if key != "id" and value
        }
        if examination is not None and not examination.contraindicated:
            cells["examined_on"] = str(examination.done_on)
        return cls(one.id, cells, examination)


class _Indexes:
    """Blind indexes, each made once: whoever is looked for is mostly written next. For a part's rows."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.made: dict[Key, bytes] = {}

    def blind(self, text: str, field: str) -> bytes:
        found = self.made.get((field, text))
        if found is None:
            found = self.made[(field, text)] = self.vault.blind(text, field)
        return found


def _keys(cells: dict[str, str]) -> list[Key]:
    """By what somebody is known again, the surest first. Who has a document is known by that alone."""
    name = cells.get("name", "")
    keys = [("person", person_of(cells["document"], cells["document_kind"]))] if "document" in cells else []
    keys += [(key, f"{name}\n{cells[key]}") for key in ("mobile", "number") if key in cells]
    return keys


class EmployeeRows:
    """One run over a batch of an enterprise."""

    def __init__(self, batch: Batch, vault: Vault, now: datetime) -> None:
        assert batch.enterprise_id is not None
        self.enterprise_id, self.applied_at, self.by_id = batch.enterprise_id, batch.applied_at, batch.by_id
        self.vault, self.now, self.today = vault, now, local(now).date()
        self.indexes = _Indexes(vault)
        self.seen: dict[Key, int] = {}  # in the file, by the number of the row
        self.nobody = False  # on file, when this run began to look

    # --- looking ---

    def judge(self, session: Session, lines: Sequence[Line]) -> Rows:
        if not self.seen:
            anybody = select(exists().where(Employee.enterprise_id == self.enterprise_id))
            self.nobody = not session.scalar(anybody)
        # examined or not is asked of those alone who turn out to be new
        read = [(line, *self._read(line.cells, examined=True)) for line in lines]
        known: dict[Key, _OnFile] = {}
        if not self.nobody:
            typed = [line.cells.get(KEY, "") for line in lines]
            known = self._known(session, [cells for _, cells, _ in read], typed)
        return [self._judged(line, cells, said, known) for line, cells, said in read]

    def _read(
        self, cells: dict[str, str], *, examined: bool = False
    ) -> tuple[dict[str, str] | None, dict[str, str]]:
        found, said = read_fields(cells, self.today, examined=examined)
        return (None if found is None else cells_of(found)), said

    def _judged(
        self, line: Line, cells: dict[str, str] | None, said: dict[str, str], known: dict[Key, _OnFile]
    ) -> dict[str, Any]:
        """`said` are doubts where there are `cells`, and errors where there are none."""
        typed = line.cells.get(KEY, "")
        found = known.get((KEY, typed)) if typed else _match(cells, known)
        if typed and found is None:
            return self._wrong(line, {KEY: f"没有编号是“{typed[:20]}”的档案。新员工的这一格请空着"})
        if found is not None:
            cells, said = self._merged(line, found)
        elif cells is not None and "hazards" in cells:
            cells, said = self._read(line.cells)
        if line.errors or cells is None:
            return self._wrong(line, ({} if cells else said) | line.errors)
        if found is not None and (other := self._other(cells, known, found)) is not None:
            return self._wrong(line, {"document": f"这个证件号已经在{other.cells['name']}的档案上，请核对"})
        twice = self._twice(line.number, cells, found)
        if twice:
            return self._wrong(line, {"document" if "document" in cells else "name": twice})
        facts: dict[str, Any] = {"cells": cells} | ({"doubts": said} if said else {})
        if found is None:
            return row(line, RowAction.NEW, **facts)
        action = RowAction.SAME if cells == found.cells else RowAction.CHANGE
        return row(line, action, id=found.id, before=found.cells, **facts)

    def _merged(self, line: Line, found: _OnFile) -> tuple[dict[str, str] | None, dict[str, str]]:
        """What is on file with what the row says otherwise. A masked cell says nothing."""
        before, last = found.cells, found.examination
        given = {key: cell for key, cell in line.cells.items() if cell and MASKED not in cell}
        fit = last is not None and not last.contraindicated
        cells, said = self._read(before | given, examined=fit or "hazards" in before)
        if cells is None or last is None:
            return cells, said
        again = cells.get("examined_on", "")
        if again != before.get("examined_on", "") and again <= str(last.done_on):
            return None, {
                "examined_on": f"档案里最近一次岗前体检是{last.done_on}，不用再填。填错了的，请打开这个人的档案更正"
            }
        if last.contraindicated and not again and cells.get("hazards") != before.get("hazards"):
            return None, {"hazards": CONTRAINDICATED}
        return cells, said

    def _wrong(self, line: Line, errors: dict[str, str]) -> dict[str, Any]:
        return row(line, RowAction.ERROR, errors=errors, raw=line.cells)

    def _other(self, cells: dict[str, str], known: dict[Key, _OnFile], found: _OnFile) -> _OnFile | None:
        if "document" not in cells:
            return None
        other = known.get(("person", person_of(cells["document"], cells["document_kind"])))
        return other if other is not None and other.id != found.id else None

    def _twice(self, number: int, cells: dict[str, str], found: _OnFile | None) -> str:
        """Words, where an earlier row of the file is the same person."""
        keys = _keys(cells)
        keys = [*([(KEY, str(found.id))] if found else []), *(keys[:1] if "document" in cells else keys)]
        first = next((self.seen[key] for key in keys if key in self.seen), None)
        if first is not None:
            return f"和第{first}行是同一个人。只留一行，另一行请删掉"
        self.seen |= dict.fromkeys(keys, number)
        return ""

    # --- who is on file ---

    def _known(
        self, session: Session, people: Iterable[dict[str, str] | None], typed: Iterable[str]
    ) -> dict[Key, _OnFile]:
        """Whom these rows may mean, by every key under which they are known: one question for each kind of key, by its index."""
        self.indexes = _Indexes(self.vault)
        documents, mobiles, numbers = set(), set(), set()
        named = self._all_named(session)
        for cells in filter(None, people):
            if "document" in cells:
                person = person_of(cells["document"], cells["document_kind"])
                documents.add(document_index(person, self.indexes))
                if named:  # both have one: only that counts
                    continue
            if "mobile" in cells:
                mobiles.add(self.indexes.blind(cells["mobile"], "mobile"))
            if "number" in cells:
                numbers.add(cells["number"])
        ids = {int(one) for one in typed if one.isascii() and one.isdigit() and len(one) < 10}
        for column, values in (("document_index", documents), ("mobile_index", mobiles), ("number", numbers)):
            ids.update(_ids(session, self.enterprise_id, column, values))
        return self._by_key(session, ids) if ids else {}

    def _all_named(self, session: Session) -> bool:
        """Whether everybody on file has a document."""
        nameless = select(
            exists().where(Employee.enterprise_id == self.enterprise_id, Employee.document_index.is_(None))
        )
        return not session.scalar(nameless)

    def _by_key(self, session: Session, ids: set[int]) -> dict[Key, _OnFile]:
        found = session.execute(
            select(*_ON_FILE)
            .outerjoin(Team, Team.id == Employee.team_id)
            .where(Employee.enterprise_id == self.enterprise_id, Employee.id.in_(ids))
            .order_by(Employee.left_on.is_not(None), Employee.id)
        ).all()
        examinations = last_pre_posts(session, [one.id for one in found])
        known: dict[Key, _OnFile] = {}
        for one in found:
            on_file = _OnFile.of(one, examinations.get(one.id))
            for name in [(KEY, str(one.id)), *_keys(on_file.cells)]:
                known.setdefault(name, on_file)
        return known

    # --- taking over ---

    def apply(self, session: Session, rows: Rows) -> None:
        fresh = [one for one in rows if one["action"] == RowAction.NEW.value]
        moved = [one for one in rows if one["action"] == RowAction.CHANGE.value]
        known = self._known(
            session, [one["cells"] for one in fresh + moved], [str(one["id"]) for one in moved]
        )
        for one in fresh:
            if _match(one["cells"], known) is not None:
                refuse(one, "预览以后，这个人已经建了档案。请再导入一次，看有没有要改的")
        for one in moved:
            on_file = known.get((KEY, str(one["id"])))
            if on_file is None or on_file.cells != one["before"]:
                refuse(one, "预览以后，这份档案有人改过，没有覆盖。请再导入一次，核对以后再确认")
            elif self._other(one["cells"], known, on_file) is not None:
                refuse(one, "预览以后，这个证件号已经建了档案，请核对")
        fresh = [one for one in fresh if one["action"] == RowAction.NEW.value]
        moved = [one for one in moved if one["action"] == RowAction.CHANGE.value]
        teams = self._teams(session, fresh + moved)
        self._insert(session, fresh, teams)
        for one in moved:
            self._write(session, one, one["cells"], teams)
        self._examine(session, fresh + moved)

    def _insert(self, session: Session, rows: Rows, teams: dict[str, int]) -> None:
        if not rows:
            return
        for one, number in zip(rows, _numbers(session, len(rows)), strict=True):
            one["id"] = number
        values = [
            {"id": one["id"], "team_id": teams.get(one["cells"].get("team", "")),
             **Employee.values(facts_of(one["cells"]), self.indexes, self.now)}
            for one in rows
        ]  # fmt: skip
        same = {"enterprise_id": self.enterprise_id, "added_at": self.now, "changed_at": self.now}
        DriverConnection.of(session).fill(_filling, values, same)

    def _examine(self, session: Session, rows: Rows) -> None:
        """The pre-post examinations that the rows tell of."""
        told = [
            one for one in rows if one["cells"].get("examined_on") != one.get("before", {}).get("examined_on")
        ]
        written = [
            pre_post(
                one["id"], date.fromisoformat(one["cells"]["examined_on"]), one["cells"].get("hazards", ""),
                now=self.now, by_id=self.by_id,
            )
            for one in told
        ]  # fmt: skip
        session.add_all(written)
        session.flush()
        for one, examination in zip(told, written, strict=True):
            one["examination"] = examination.id

    def _write(
        self, session: Session, one: dict[str, Any], cells: dict[str, str], teams: dict[str, int]
    ) -> None:
        """The values of one who is on file; where they work stays as it was."""
        values = Employee.values(facts_of(cells), self.indexes, self.now)
        del values["added_at"]
        values["team_id"] = teams.get(cells.get("team", ""))
        session.execute(
            update(Employee).where(Employee.id == one["id"]).values(values).execution_options(synchronize_session=False)
        )  # fmt: skip

    def _teams(self, session: Session, rows: Rows, *, key: str = "cells") -> dict[str, int]:
        """The teams of these rows by name; one that is not there yet is made, and its first row remembers it."""
        first: dict[str, dict[str, Any]] = {}
        for one in rows:
            first.setdefault(one[key].get("team", ""), one)
        first.pop("", None)
        found = select(Team.name, Team.id).where(
            Team.enterprise_id == self.enterprise_id, Team.name.in_(first)
        )
        teams: dict[str, int] = dict(session.execute(found).all()) if first else {}
        made = [Team(enterprise_id=self.enterprise_id, name=name) for name in first if name not in teams]
        session.add_all(made)
        session.flush()
        for team in made:
            first[team.name].setdefault("teams", []).append(team.id)
            teams[team.name] = team.id
        return teams

    # --- taking back ---

    def undo(self, session: Session, rows: Rows) -> None:
        mine = [one for one in rows if one["action"] in (RowAction.NEW.value, RowAction.CHANGE.value)]
        edited = self._edited(session, [one["id"] for one in mine])
        for one in mine:
            if one["id"] in edited:
                one["kept"] = edited[one["id"]]
        left = [one for one in mine if "kept" not in one]
        self._delete(session, [one for one in left if one["action"] == RowAction.NEW.value])
        moved = [one for one in left if one["action"] == RowAction.CHANGE.value]
        teams = self._teams(session, moved, key="before")
        self._unexamine(session, moved)
        for one in moved:
            self._write(session, one, one["before"], teams)
        self._delete_teams(session, [number for one in rows for number in one.pop("teams", [])])

    def _edited(self, session: Session, ids: list[int]) -> dict[int, str]:
        """Who is not any more as the batch left them, and why that stays."""
        found = select(Employee.id, Employee.changed_at).where(Employee.id.in_(ids))
        now: dict[int, datetime] = dict(session.execute(found).all())
        gone = dict.fromkeys((one for one in ids if one not in now), "档案已经不在了")
        return gone | dict.fromkeys(
            (one for one, at in now.items() if at != self.applied_at), "导入以后有人改过，保留现在的内容"
        )

    def _delete(self, session: Session, rows: Rows) -> None:
        """All at once; where something hangs on one of them, one by one, and that one stays."""
        if not rows:
            return
        try:
            with session.begin_nested():
                self._delete_rows(session, rows)
        except IntegrityError:
            for one in rows:
                try:
                    with session.begin_nested():
                        self._delete_rows(session, [one])
                except IntegrityError:
                    one["kept"] = "导入以后已有健康记录，保留档案"

    def _delete_rows(self, session: Session, rows: Rows) -> None:
        self._unexamine(session, rows)
        ids = [one["id"] for one in rows]
        session.execute(
            delete(Employee).where(Employee.id.in_(ids)).execution_options(synchronize_session=False)
        )

    def _unexamine(self, session: Session, rows: Rows) -> None:
        """Without the examinations that the batch wrote; one that was corrected since is somebody's own."""
        ids = [one["examination"] for one in rows if "examination" in one]
        session.execute(
            delete(CheckUp)
            .where(CheckUp.id.in_(ids), CheckUp.replaced_at.is_(None))
            .execution_options(synchronize_session=False)
        )

    def _delete_teams(self, session: Session, ids: list[int]) -> None:
        """Teams that the batch made and nobody is in."""
        for number in ids:
            try:
                with session.begin_nested():
                    session.execute(
                        delete(Team)
                        .where(Team.id == number, ~exists().where(Employee.team_id == number))
                        .execution_options(synchronize_session=False)
                    )
            except IntegrityError:
                continue  # somebody has used it since


def _match(cells: dict[str, str] | None, known: dict[Key, _OnFile]) -> _OnFile | None:
    """Who on file is meant; a different document is a different person, whatever the name."""
    if cells is None or not known:
        return None
    for key in _keys(cells):
        found = known.get(key)
        if found is not None and (
            key[0] == "person" or not ("document" in found.cells and "document" in cells)
        ):
            return found
    return None


@lru_cache
def _filling(dialect: Dialect) -> Filling:
    return Filling(
        _TABLE, [column.name for column in _TABLE.columns if column.name != "premises_id"], dialect
    )


def _ids(session: Session, enterprise_id: int, column: str, values: Collection[Any]) -> Iterable[int]:
    """Who has one of these values in `column`, a name of our own. Written by hand: SQLAlchemy takes longer over a thousand values
    than the database."""
    if not values:
        return ()
    connection = DriverConnection.of(session)
    mine = f"SELECT id FROM employee WHERE enterprise_id = {int(enterprise_id)} AND {column}"
    if connection.dialect.name == "sqlite":
        found = connection.look(f"{mine} IN ({','.join('?' * len(values))})", tuple(values))
    else:
        kind = "bytea" if isinstance(next(iter(values)), bytes) else "text"
        found = connection.look(f"{mine} = ANY(%s::{kind}[])", (list(values),))
    return [number for (number,) in found]


def _numbers(session: Session, count: int) -> Sequence[int]:
    """Numbers for new rows, so that one INSERT takes them all and need not say in which order it did."""
    if session.get_bind().dialect.name == "sqlite":  # whoever asks has the right to write, and nobody else
        last = session.scalar(select(func.max(_TABLE.c.id))) or 0
        return range(last + 1, last + 1 + count)
    sequence = func.pg_get_serial_sequence(_TABLE.name, "id")
    return session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))).all()
