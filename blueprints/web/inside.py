"""What the guard's and the specialist's lists of who is inside have in common (谁在里面): the search, and who has just left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import request
from flask_login import current_user
from sqlalchemy import select

from blueprints.web.guard import within_reach
from blueprints.web.site import site
from models import cases
from models.base import db
from models.gate import CheckIn, Departure
from models.identifiers import Unreadable, mobile
from models.masks import mask_name
from models.places import Place
from models.visits import ENDED, UNDO, Sought, going, when

GONE = {
    Departure.SELF: "自己登记",
    Departure.GUARD: "门岗登记",
    Departure.MOVED: "到了别处",
    Departure.CLOSING: "到关门时间",
    Departure.ABSENT: "门岗核实不在",
}
assert GONE.keys() == ENDED.keys()


def narrowed(sought: Sought, written: str) -> Sought:
    """With what was typed into the one search field: a call number, a whole mobile, or how a name begins."""
    written = "".join(sign for sign in written if sign.isprintable()).strip()
    if not written:
        return sought
    if len(written) == 3 and written.isascii() and written.isdigit():
        return replace(sought, call_number=int(written))
    try:
        return replace(sought, mobile_index=site.vault.blind(mobile(written), "mobile"))
    except Unreadable:
        return replace(sought, name=written)


@dataclass(frozen=True, slots=True)
class Inside:
    """Somebody inside, as a list shows them."""

    line: cases.Line
    call_number: int
    confirmed: bool
    how: str  # 门岗确认, 门岗代登, 扫码自报


def shown(entry: CheckIn, at: Place) -> Inside:
    line = cases.line_of(entry, site.book, site.vault, site.now(), at=at, with_state=False)
    seen = entry.confirmed_at is not None
    how = ("门岗确认" if seen else "扫码自报") if entry.source.value == "scan" else entry.source.label
    return Inside(line, entry.call_number, seen, how)


@dataclass(frozen=True, slots=True)
class Left:
    """What the page says of the one whom a button of it has just let out."""

    id: int
    words: str
    can_undo: bool


def just_left() -> Left | None:
    """The row that ?left= names, if the person at the door may end its visit."""
    number = request.args.get("left", type=int)
    if number is None:
        return None
    entry = db.session.scalar(select(CheckIn).where(CheckIn.id == number, within_reach("visit:end", CheckIn)))
    if entry is None:
        return None
    now, who = site.now(), f"叫号{entry.call_number}，{mask_name(entry.name)}"
    visit = going(db.session.connection(), entry).visit
    if visit is None:
        return Left(number, f"{who}：没有进入的记录，不用登记离开", False)
    if visit.left_at is None:
        return Left(number, f"{who}：还在里面", False)
    mine = visit.id == entry.id and entry.left_by_id == current_user.id and now - visit.left_at <= UNDO
    said = f"{who}：{when(visit.left_at, now)}{'' if mine else '已经'}登记离开"
    if not mine or visit.left_how != Departure.GUARD:
        said += f"（{GONE[visit.left_how]}）"
    return Left(number, said, mine)


def with_left(address: str, check_in_id: int) -> str:
    return f"{address}{'&' if '?' in address else '?'}left={check_in_id}"
