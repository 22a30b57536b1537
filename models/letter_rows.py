"""Letters to many at once (批量发责任书): who would get one and who already has one, then sent part by part in the background.

A batch like an import: looked at first, sent once it is confirmed, and for seven days taken back where the firm has not signed.
Sending the same again sends nothing: whoever has one in force or under way is skipped, by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from .access import Post
from .accounts import Account, Appointment
from .base import RuleBroken, local
from .batch_work import Line, Rows, refuse, row
from .batches import Batch, RowAction
from .enterprises import Enterprise
from .inbox import News, tell_each
from .letter_parties import firm_lacks, firm_party, unit_party
from .letter_text import Facts, LetterText, compose
from .letters import (
    UNSIGNED,
    Letter,
    LetterCounter,
    LetterKind,
    LetterState,
    hold_firms,
    standing_in_the_way,
    why_in_the_way,
)
from .office import adoptions_of, staff_accounts
from .places import District, Place, Unit
from .policy.book import Book
from .policy.letters import digest_of_wording
from .policy.schema import LetterTemplate, Policy
from .vault import Vault

TAKEN_BACK = "发错了，整批撤回"


def asked(
    kind: LetterKind, starts_on: date, ends_on: date, *, replace: bool, to: Iterable[tuple[int, int | None]]
) -> bytes:
    """What an officer asks for, as a batch keeps it until it is looked at. `to`: firms, with the place that each runs."""
    wanted = {
        "kind": kind.value, "starts_on": starts_on.isoformat(), "ends_on": ends_on.isoformat(), "replace": replace,
        "to": [list(one) for one in to],
    }  # fmt: skip
    return json.dumps(wanted).encode()


def lines_of(content: bytes) -> list[Line]:
    """The same as rows."""
    wanted = json.loads(content)
    common = {key: str(wanted[key]) for key in ("kind", "starts_on", "ends_on")}
    common["replace"] = "1" if wanted["replace"] else ""
    return [
        Line(number, {**common, "enterprise": str(firm), "place": "" if place is None else str(place)}, {})
        for number, (firm, place) in enumerate(wanted["to"], start=1)
    ]


class LetterRows:
    """One run over a batch of an officer's scope."""

    def __init__(self, batch: Batch, vault: Vault, now: datetime, *, book: Book) -> None:
        self.scope, self.by_id, self.now, self.book = batch.scope, batch.by_id, now, book
        self.today = local(now).date()
        self._template: LetterTemplate | None = None
        self._scheme_key = ""

    def judge(self, session: Session, lines: Sequence[Line]) -> Rows:
        cells = [line.cells for line in lines]
        found = _Found(session, cells, self._within(), self.today)
        if found.firms:  # without a wording there is nothing to look at
            self.template(session, cells[0], next(iter(found.firms.values())).district_id)
        rows = []
        for line in lines:
            number = int(line.cells["enterprise"])
            named = {**line.cells, "name": found.names.get(number, "没有登记的企业")}
            if reason := self._refusal(session, found, line.cells):
                rows.append(row(line, RowAction.ERROR, errors={"": reason}, raw=named))
                continue
            rows.append(row(line, RowAction.NEW, cells=named))
            if lacks := firm_lacks(found.firms[number]):
                rows[-1]["doubts"] = {"": f"没有登记{lacks}，责任书上会缺"}
        return rows

    def apply(self, session: Session, rows: Rows) -> None:
        wanted = [one for one in rows if one["action"] == RowAction.NEW.value]
        found = _Found(session, [one["cells"] for one in wanted], self._within(), self.today, lock=True)
        ready = []
        for one in wanted:
            if reason := self._refusal(session, found, one["cells"]):
                refuse(one, reason)
                one["raw"] = one["cells"]
                one.pop("doubts", None)
            else:
                ready.append(one)
        if not ready:
            return
        by = session.get_one(Account, self.by_id)
        district = found.firms[int(ready[0]["cells"]["enterprise"])].district_id
        year = date.fromisoformat(ready[0]["cells"]["starts_on"]).year
        numbers = LetterCounter.take(session, session.get_one(District, district), year, len(ready))
        made = [
            self._issue(session, found, one, number, by) for one, number in zip(ready, numbers, strict=True)
        ]
        session.add_all(made)
        session.flush()
        for one, letter in zip(ready, made, strict=True):
            one["letter"] = letter.id
        announce(session, made, self.now)

    def undo(self, session: Session, rows: Rows) -> None:
        ids = [one["letter"] for one in rows if one.get("letter")]
        hold_firms(session, select(Letter.enterprise_id).where(Letter.id.in_(ids)))
        letters = {
            one.id: one for one in session.scalars(select(Letter).where(Letter.id.in_(ids)).with_for_update())
        }
        by = session.get_one(Account, self.by_id)
        for one in rows:
            letter = letters.get(one.get("letter", 0))
            if letter is None or letter.ended_at is not None:
                continue
            if letter.state in UNSIGNED:
                letter.void(TAKEN_BACK, self.now, by=by)
            else:
                one["kept"] = f"{letter.number}{letter.state.label}，没有撤回"

    def template(self, session: Session, cells: dict[str, str], district_id: int) -> LetterTemplate:
        """The wording of the scheme that the district follows today."""
        if self._template is None:
            policy = self.book.in_force(adoptions_of(session, district_id), self.today)
            if policy is None:
                raise RuleBroken("本区还没有采用方案，没有责任书的文本")
            self._template, self._scheme_key = policy.letter(cells["kind"]), policy.key
        return self._template

    def _within(self) -> ColumnElement[bool]:
        scope, scope_id = self.scope
        inside = Enterprise.within(scope, [scope_id])
        assert inside is not None
        return inside

    def _refusal(self, session: Session, found: _Found, cells: dict[str, str]) -> str:
        """Why this one gets none, in words; empty where it gets one."""
        firm = found.firms.get(int(cells["enterprise"]))
        if firm is None:
            return "现在不在您负责的范围"
        if firm.closed_at is not None:
            return "已经关闭"
        if not firm.legal_representative:
            return "没有登记法定代表人，请先补企业档案"
        place = int(cells["place"]) if cells["place"] else None
        before = found.before.get((firm.id, place))
        if before is None:
            return ""
        wording = digest_of_wording(self.template(session, cells, firm.district_id))
        if cells["replace"] and before.state is LetterState.IN_FORCE and before.wording != wording:
            return ""
        return why_in_the_way(before)

    def _issue(
        self, session: Session, found: _Found, one: dict[str, Any], number: str, by: Account
    ) -> Letter:
        cells = one["cells"]
        firm, place, facts = found.facts(cells, number, by)
        template = self.template(session, cells, firm.district_id)
        chief = found.chiefs.get(firm.id)
        return Letter.issue(
            template, facts, firm, scheme_key=self._scheme_key, by=by, now=self.now, chief_id=chief.id if chief else None,
            place=place, replaces=found.before.get((firm.id, place.id if place else None)),
        )  # fmt: skip


class _Found:
    """What a part's rows are about, read at once."""

    def __init__(
        self,
        session: Session,
        cells: Sequence[dict[str, str]],
        within: ColumnElement[bool],
        today: date,
        *,
        lock: bool = False,
    ) -> None:
        ids = sorted({int(one["enterprise"]) for one in cells})
        named = select(Enterprise.id, Enterprise.name).where(Enterprise.id.in_(ids))
        self.names = dict(session.execute(named).all())  # of those too that are out of reach by now
        query = select(Enterprise).where(Enterprise.id.in_(ids), within).order_by(Enterprise.id)
        self.firms = {one.id: one for one in session.scalars(query.with_for_update() if lock else query)}
        place_ids = {int(one["place"]) for one in cells if one["place"]}
        self.places = {one.id: one for one in session.scalars(select(Place).where(Place.id.in_(place_ids)))}
        self.before: dict[tuple[int, int | None], Letter] = {}
        if cells:
            kind, starts_on = LetterKind(cells[0]["kind"]), date.fromisoformat(cells[0]["starts_on"])
            self.before = standing_in_the_way(session, ids, kind, starts_on)
        units = {one.unit_id for one in self.firms.values()}
        self.units = {one.id: one for one in session.scalars(select(Unit).where(Unit.id.in_(units)))}
        districts = {one.district_id for one in self.firms.values()}
        self.districts = {
            one.id: one for one in session.scalars(select(District).where(District.id.in_(districts)))
        }
        self.chiefs = chiefs_of(session, ids, today)

    def facts(
        self, cells: dict[str, str], number: str, by: Account
    ) -> tuple[Enterprise, Place | None, Facts]:
        """What a letter to this one says beside its wording."""
        firm = self.firms[int(cells["enterprise"])]
        place = self.places.get(int(cells["place"])) if cells["place"] else None
        unit = self.units.get(firm.unit_id) if firm.unit_id else None
        facts = Facts(
            number=number, unit=unit_party(unit, self.districts[firm.district_id], by),
            firm=firm_party(firm, self.chiefs.get(firm.id)), place=place.name if place else "",
            starts_on=date.fromisoformat(cells["starts_on"]), ends_on=date.fromisoformat(cells["ends_on"]),
        )  # fmt: skip
        return firm, place, facts


def preview(
    session: Session, policy: Policy, cells: dict[str, str], *, by: Account, today: date
) -> LetterText | None:
    """The letter that a row would become, as it would read; None where the firm is no more."""
    found = _Found(session, [cells], true(), today)
    if int(cells["enterprise"]) not in found.firms:
        return None
    _firm, _place, facts = found.facts(cells, "发出时编号", by)
    return LetterText.read(compose(policy.letter(cells["kind"]), facts))


def chiefs_of(session: Session, enterprise_ids: Iterable[int], on: date) -> dict[int, Account]:
    """Who is chief health officer of each; of several, whoever was appointed first."""
    query = (
        select(Appointment.scope_id, Account)
        .join(Account, Account.id == Appointment.account_id)
        .where(
            Appointment.post == Post.CHIEF_HEALTH_OFFICER, Appointment.scope == "enterprise",
            Appointment.scope_id.in_(list(enterprise_ids)), Appointment.serving(on),
        )
        .order_by(Appointment.id.desc())
    )  # fmt: skip
    return dict(session.execute(query).all())


def announce(session: Session, letters: Sequence[Letter], now: datetime) -> None:
    """The firms' health staff learn of the letters that have just been sent."""
    people = staff_accounts(session, {one.enterprise_id for one in letters}, local(now).date())
    news = [
        News(
            account,
            one.key,
            "有一份责任书待签",
            "请先读全文，再由法定代表人或授权代表签署。",
            f"/letters/{one.id}",
        )
        for one in letters
        for account in sorted(people[one.enterprise_id])
    ]
    tell_each(session, news, now)
