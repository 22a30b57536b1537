"""The two sides as a responsibility letter names them (甲方、乙方, DOC-6), and what nobody has put on file of them yet."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from .accounts import Account
from .enterprises import Enterprise
from .letter_text import Party
from .masks import mask_mobile
from .places import District, Unit


def firm_party(firm: Enterprise, chief: Account | None) -> Party:
    """乙方, with whoever answers for it: its chief health officer, else its legal representative."""
    return Party(
        name=firm.name, code=firm.credit_code, representative=firm.legal_representative, address=firm.address,
        contact=chief.name if chief else firm.legal_representative, phone=_printed(firm.phone or ""),
    )  # fmt: skip


def unit_party(unit: Unit | None, district: District, by: Account) -> Party:
    """甲方: the unit that looks after the firm, else the district's organiser; with the officer who sends the letter."""
    if unit is None:
        return Party(name=district.organiser, contact=by.name, phone=district.hotline)
    return Party(
        name=unit.name, code=unit.credit_code, representative=unit.head, address=unit.address, contact=by.name,
        phone=unit.phone or district.hotline,
    )  # fmt: skip


def _printed(phone: str) -> str:
    """A landline whole. A mobile is somebody's own, kept sealed, and a letter is kept open: masked, as everywhere else."""
    return phone if phone.startswith("0") else mask_mobile(phone)


def firm_lacks(firm: Enterprise) -> str:
    """What the letter will not say of a firm, in words; empty where it is complete."""
    return _lacking(("联络单位", firm.unit_id), ("地址", firm.address), ("电话", firm.phone))


def units_lacking(session: Session, scope: str, scope_id: int) -> Sequence[tuple[str, str]]:
    """The units of a scope's firms of which letters will not say all, each with what."""
    firms = Enterprise.within(scope, [scope_id])
    assert firms is not None
    found = select(Unit).where(
        Unit.id.in_(select(Enterprise.unit_id).where(firms, Enterprise.closed_at.is_(None)))
    )
    facts = [
        (
            one.name,
            _lacking(("统一社会信用代码", one.credit_code), ("负责人", one.head), ("地址", one.address)),
        )
        for one in session.scalars(found.order_by(Unit.name))
    ]
    return [(name, lacks) for name, lacks in facts if lacks]


def _lacking(*facts: tuple[str, object]) -> str:
    return "、".join(label for label, value in facts if not value)
