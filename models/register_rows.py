"""A register of enterprises from a workbook (导入企业名册): the credit code says which one a row means.

Streets, communities, units and places are named, and only those within the sender's reach are known by name. An empty cell leaves
what is on file. Every change stands in the enterprise's own story, as if it had been typed.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from .access import SCOPES
from .accounts import Appointment
from .base import RuleBroken, local
from .batch_work import Line, Rows, refuse, row
from .batches import Batch, RowAction
from .enterprise_changes import EnterpriseChange
from .enterprises import MOST_PEOPLE, Enterprise, Headcount, Premises
from .identifiers import Unreadable, credit_code, is_invisible, landline, mobile
from .initials import initials_of
from .invitations import Invitation
from .places import Community, Place, Street, Unit
from .sizes import Sector
from .vault import Vault

LONGEST = {"name": 80, "short_name": 30, "legal_representative": 40, "address": 100, "room": 40}
PLAIN = ("name", "short_name", "legal_representative", "address")
NAMED: dict[str, tuple[Any, str]] = {
    "street": (Street, "街道"), "community": (Community, "社区"), "unit": (Unit, "联络单位"), "place": (Place, "场所"),
}  # fmt: skip
LABELS = {
    "name": "名称", "short_name": "简称", "street": "街道", "community": "社区", "unit": "联络单位", "headcount": "在册人数",
    "legal_representative": "法定代表人", "phone": "电话", "address": "地址", "sector": "行业",
}  # fmt: skip
SECTORS = {one.label: one.value for one in Sector} | {one.value: one.value for one in Sector}
NEAR = 0.6
POSTS = [post for post, scope in SCOPES.items() if scope == "enterprise"]


class RegisterRows:
    """One run over a batch of an officer's scope."""

    def __init__(self, batch: Batch, vault: Vault, now: datetime) -> None:
        self.scope, self.scope_id = batch.scope
        self.by_id, self.by_name, self.file_name = batch.by_id, batch.by_name, batch.file_name
        self.applied_at, self.now, self.today = batch.applied_at, now, local(now).date()
        self.seen: dict[str, int] = {}
        self.known: dict[str, dict[str, Any]] = {}  # by kind and name; places with their rows
        self.names: dict[tuple[str, int], str] = {}

    # --- looking ---

    def judge(self, session: Session, lines: Sequence[Line]) -> Rows:
        self._load(session)
        read = [(line, *self._read(line.cells)) for line in lines]
        on_file = self._on_file(session, [cells.get("credit_code", "") for _, cells, _ in read])
        return [self._judged(line, cells, errors | line.errors, on_file) for line, cells, errors in read]

    def _load(self, session: Session) -> None:
        """Every name that a row may say, once a run: of the sender's own district."""
        if self.known:
            return
        district = self._district(session)
        own: dict[str, Any] = {
            "street": select(Street).where(Street.district_id == district),
            "community": select(Community).join(Street, Street.id == Community.street_id).where(Street.district_id == district),
            "unit": select(Unit).where(Unit.district_id == district),
            "place": select(Place).where(Place.district_id == district, Place.closed_at.is_(None)),
        }  # fmt: skip
        for kind, query in own.items():
            found = session.scalars(query).all()
            self.known[kind] = {_folded(one.name): one for one in found}
            self.names |= {(kind, one.id): one.name for one in found}

    def _district(self, session: Session) -> int:
        if self.scope == "district":
            return self.scope_id
        if self.scope == "unit":
            return session.get_one(Unit, self.scope_id).district_id
        community = session.get_one(Community, self.scope_id)
        return session.get_one(Street, community.street_id).district_id

    def _read(self, cells: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """What a row says in the spelling that is kept, and for each cell that cannot be taken what is wrong."""
        found: dict[str, str] = {}
        errors: dict[str, str] = {}
        for key, text in cells.items():
            if not text and key != "credit_code":
                continue
            try:
                found[key] = self._reader(key)(text)
            except Unreadable as error:
                errors[key] = error.zh
        if "room" in found and "place" not in cells | found:
            errors["room"] = "有房间，没有写所在场所"
        return found, errors

    def _reader(self, key: str) -> Callable[[str], str]:
        if key in NAMED:
            return lambda text: self._named(key, text)
        return {"credit_code": credit_code, "headcount": _headcount, "phone": _phone, "sector": _sector}.get(
            key, lambda text: _text(key, text)
        )

    def _named(self, kind: str, text: str) -> str:
        known, label = self.known[kind], NAMED[kind][1]
        for typed in (_folded(text), _folded(text) + _folded(label)):
            if typed in known:
                return str(known[typed].name)
        near = difflib.get_close_matches(_folded(text), known, n=3, cutoff=NEAR)
        meant = f"，是不是{'、'.join(known[one].name for one in near)}" if near else "，请核对名称"
        raise _says(f"没有叫“{text[:20]}”的{label}{meant}")

    def _judged(
        self, line: Line, cells: dict[str, str], errors: dict[str, str], on_file: dict[str, Enterprise]
    ) -> dict[str, Any]:
        code = cells.get("credit_code", "")
        found = on_file.get(code)
        if code and code in self.seen:
            errors["credit_code"] = f"和第{self.seen[code]}行是同一个信用代码。只留一行，另一行请删掉"
        elif code:
            self.seen[code] = line.number
        if found is not None and not self._mine(found):
            errors["credit_code"] = "这个代码已在别处登记，请联系专班"
            found = None
        before = self._cells(found) if found else {}
        after = before | cells
        if not errors:
            errors = self._at_odds(after, new=found is None)
        if errors:
            return row(line, RowAction.ERROR, errors=errors, raw=line.cells)
        if found is None:
            return row(line, RowAction.NEW, cells=after)
        if self._sits(found, after):
            after = {key: cell for key, cell in after.items() if key not in ("place", "room")}
        action = RowAction.SAME if after == before else RowAction.CHANGE
        return row(line, action, cells=after, before=before, id=found.id)

    def _at_odds(self, cells: dict[str, str], *, new: bool) -> dict[str, str]:
        """What must be there, what fits together, and whether it lies within reach; fills in what the scope says."""
        own = self.names.get((self.scope, self.scope_id), "")
        if self.scope in ("unit", "community"):
            if new:
                cells.setdefault(self.scope, own)
            if cells.get(self.scope) != own:
                return {self.scope: f"这样就不在您负责的范围里了，{NAMED[self.scope][1]}请填{own}"}
        community = self.known["community"].get(_folded(cells.get("community", "")))
        if community is not None:
            street = self.names[("street", community.street_id)]
            if cells.setdefault("street", street) != street:
                return {"community": f"{community.name}在{street}，不在{cells['street']}"}
        return {} if "street" in cells else {"street": "新登记的企业要写街道"}

    def _mine(self, one: Enterprise) -> bool:
        ids = {"district": one.district_id, "unit": one.unit_id, "community": one.community_id}
        return ids[self.scope] == self.scope_id

    # --- what is on file ---

    def _on_file(self, session: Session, codes: Sequence[str]) -> dict[str, Enterprise]:
        found = select(Enterprise).where(Enterprise.credit_code.in_({code for code in codes if code}))
        found = found.options(selectinload(Enterprise.premises), selectinload(Enterprise.headcounts))
        return {one.credit_code: one for one in session.scalars(found)}

    def _cells(self, one: Enterprise) -> dict[str, str]:
        cells = {key: getattr(one, key) for key in PLAIN} | {
            "credit_code": one.credit_code,
            "street": self.names.get(("street", one.street_id), ""),
            "community": self.names.get(("community", one.community_id or 0), ""),
            "unit": self.names.get(("unit", one.unit_id or 0), ""),
            "headcount": str(one.headcount or ""),
            "phone": one.phone or "",
            "sector": one.sector.value if one.sector else "",
        }
        return {key: cell for key, cell in cells.items() if cell}

    def _sits(self, one: Enterprise, cells: dict[str, str]) -> bool:
        """Whether it sits where the row says, at this instant."""
        place = self.known["place"].get(_folded(cells.get("place", "")))
        return place is not None and any(
            seat.place_id == place.id
            and (seat.room == cells.get("room", "") or not cells.get("room"))
            and (seat.until_at is None or seat.until_at > self.now)
            for seat in one.premises
        )

    # --- taking over ---

    def apply(self, session: Session, rows: Rows) -> None:
        self._load(session)
        on_file = self._on_file(session, [one["cells"]["credit_code"] for one in rows if "cells" in one])
        for one in rows:
            if one["action"] not in (RowAction.NEW.value, RowAction.CHANGE.value):
                continue
            found = on_file.get(one["cells"]["credit_code"])
            if one["action"] == RowAction.NEW.value and found is not None:
                refuse(one, "预览以后，这家企业已经登记。请再导入一次，看有没有要改的")
            elif one["action"] == RowAction.CHANGE.value and (
                found is None or not self._mine(found) or self._cells(found) != one["before"]
            ):
                refuse(one, "预览以后，这家企业的档案有人改过，没有覆盖。请再导入一次，核对以后再确认")
            else:
                self._take(session, one, found)

    def _take(self, session: Session, one: dict[str, Any], found: Enterprise | None) -> None:
        try:
            with session.begin_nested():
                enterprise = found or Enterprise(credit_code=one["cells"]["credit_code"])
                self._fill(enterprise, one["cells"], one.get("before", {}))
                session.add(enterprise)
                session.flush()
                one["id"] = enterprise.id
                if "place" in one["cells"]:
                    place = self.known["place"][_folded(one["cells"]["place"])]
                    seat = enterprise.move_in(
                        session.get_one(Place, place.id), one["cells"].get("room", ""), self.now
                    )
                    session.flush()
                    one["seat"] = seat.id
                self._note(session, enterprise.id, self._words(one))
        except RuleBroken as refusal:
            refuse(one, str(refusal))

    def _fill(self, row: Enterprise, cells: dict[str, str], before: dict[str, str]) -> None:
        for key in PLAIN:
            setattr(row, key, cells.get(key, ""))
        if row.id is None or any(cells.get(key) != before.get(key) for key in ("name", "short_name")):
            row.initials = initials_of(row.short_name or row.name, words=True)
        row.phone = cells.get("phone")
        row.sector = Sector(cells["sector"]) if "sector" in cells else None
        ids: dict[str, Any] = {
            kind: self.known[kind].get(_folded(cells.get(kind, "")))
            for kind in ("street", "community", "unit")
        }
        row.stand(street=ids["street"], community=ids["community"], unit=ids["unit"])
        if "headcount" in cells and cells["headcount"] != before.get("headcount"):
            row.set_headcount(int(cells["headcount"]), self.today, now=self.now, by_id=self.by_id)

    def _words(self, one: dict[str, Any]) -> str:
        """As the enterprise's own story says it. A telephone is named only."""
        if one["action"] == RowAction.NEW.value:
            return f"从名册“{self.file_name}”导入登记"
        cells, before = one["cells"], one["before"]
        said = [
            f"{label}改过" if key == "phone" else
            f"{label}由“{self._word(key, before.get(key))}”改为“{self._word(key, cells.get(key))}”"
            for key, label in LABELS.items() if cells.get(key) != before.get(key)
        ]  # fmt: skip
        said += [f"入驻{cells['place']}{cells.get('room', '')}"] if "place" in cells else []
        return f"从名册“{self.file_name}”导入：{'；'.join(said)}"

    def _word(self, key: str, cell: str | None) -> str:
        return Sector(cell).label if cell and key == "sector" else cell or "空"

    def _note(self, session: Session, number: int, what: str) -> None:
        session.add(
            EnterpriseChange(
                enterprise_id=number, at=self.now, by_id=self.by_id, by_name=self.by_name, what=what
            )
        )

    # --- taking back ---

    def undo(self, session: Session, rows: Rows) -> None:
        self._load(session)
        mine = [one for one in rows if one["action"] in (RowAction.NEW.value, RowAction.CHANGE.value)]
        on_file = self._on_file(session, [one["cells"]["credit_code"] for one in mine])
        ids = [one.id for one in on_file.values()]
        newest = select(EnterpriseChange.enterprise_id, func.max(EnterpriseChange.at))
        newest = newest.where(EnterpriseChange.enterprise_id.in_(ids)).group_by(
            EnterpriseChange.enterprise_id
        )
        changed: dict[int, datetime] = dict(session.execute(newest).all())
        for one in mine:
            found = on_file.get(one["cells"]["credit_code"])
            if found is None:
                one["kept"] = "档案已经不在了"
            elif changed.get(found.id) != self.applied_at or self._cells(found) != _left(one):
                one["kept"] = "导入以后有人改过，保留现在的内容"
            else:
                self._take_back(session, one, found)

    def _take_back(self, session: Session, one: dict[str, Any], found: Enterprise) -> None:
        try:
            with session.begin_nested():
                if "seat" in one:
                    seat = session.get(Premises, one["seat"])
                    if seat is not None:
                        session.delete(seat)
                        session.flush()
                    session.expire(found, ["premises"])
                if one["action"] == RowAction.NEW.value:
                    self._delete(session, found)
                else:
                    before = dict(one["before"])
                    self._recount(session, found, before.pop("headcount", ""))
                    self._fill(found, before, one["cells"])
                    self._note(session, found.id, f"撤销从名册“{self.file_name}”的导入")
        except IntegrityError:
            one["kept"] = "导入以后已有其他记录，保留档案"
        except RuleBroken as refusal:
            one["kept"] = str(refusal)

    def _recount(self, session: Session, found: Enterprise, before: str) -> None:
        """Without the head count that the batch wrote; the one before it holds again."""
        mine = next((one for one in found.headcounts if one.written_at == self.applied_at), None)
        if mine is None:
            return
        day = mine.from_on
        session.delete(mine)
        session.flush()
        session.expire(found, ["headcounts"])
        found.headcount = found.headcounts[-1].number if found.headcounts else None
        if before and str(found.headcount) != before:  # it had corrected one of the same day
            found.set_headcount(int(before), day, now=self.now, by_id=self.by_id)

    def _delete(self, session: Session, found: Enterprise) -> None:
        """An enterprise that nothing but the import knows of."""
        for model in (Appointment, Invitation):
            if session.scalar(select(exists().where(model.scope_id == found.id, model.post.in_(POSTS)))):
                raise RuleBroken("导入以后已经邀请了人员，保留档案")
        for part in (Headcount, EnterpriseChange):
            session.execute(delete(part).where(part.enterprise_id == found.id))
        session.execute(delete(Enterprise).where(Enterprise.id == found.id))


def _left(one: dict[str, Any]) -> dict[str, str]:
    """What the batch left in the file, without where it moved in."""
    return {key: cell for key, cell in one["cells"].items() if key not in ("place", "room")}


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).lower()


def _says(words: str) -> Unreadable:
    return Unreadable(words, words)


def _text(key: str, text: str) -> str:
    if any(is_invisible(sign) for sign in text):
        raise _says("里面有看不见的符号，请删掉重新输入")
    if len(text) > LONGEST[key]:
        raise _says(f"最多{LONGEST[key]}个字，现在是{len(text)}个")
    return text


def _headcount(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace(",", "").removesuffix("人").strip()
    if not (plain.isascii() and plain.isdigit() and 1 <= int(plain[:12]) <= MOST_PEOPLE):
        raise _says(f"没有看懂“{text[:20]}”，人数填1到{MOST_PEOPLE}之间的整数")
    return str(int(plain))


def _phone(text: str) -> str:
    return landline(text) if text.startswith(("0", "０")) else mobile(text)


def _sector(text: str) -> str:
    if text in SECTORS:
        return SECTORS[text]
    near = difflib.get_close_matches(text, SECTORS, n=2, cutoff=0.5)
    raise _says(
        f"没有叫“{text[:20]}”的行业，"
        + (f"是不是{'、'.join(near)}" if near else f"例如{Sector.SOFTWARE.label}")
    )
