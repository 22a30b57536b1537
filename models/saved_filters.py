"""A person's own filters of a list (常用筛选): by name, so that what is asked every morning is one tap.

What a filter finds is never kept: it is asked anew each time, within the reach of whoever opens it then. With a portfolio its
holder's filters go to the successor as copies, for as long as it is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, delete, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from .accounts import Account
from .base import Row, RuleBroken

MOST = 12  # of one person for one list
NAME_SIGNS = 20
OWN = "hand_over_id IS NULL"


class SavedFilter(Row):
    """One filter of one person: `list` says of which list, `query` is the part of its address after the question mark."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    list: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]
    # of a copy that came with a portfolio: with which hand-over, whose it was, and on which days it is there
    hand_over_id: Mapped[int | None] = mapped_column(ForeignKey("portfolio_hand_over.id"), index=True)
    handed_by: Mapped[str] = mapped_column(default="")
    from_on: Mapped[date | None]
    until_on: Mapped[date | None]

    __table_args__ = (
        Index(
            "uq_saved_filter_account_list_name", "account_id", "list", "name", unique=True,
            sqlite_where=text(OWN), postgresql_where=text(OWN),
        ),
    )  # fmt: skip

    @classmethod
    def there(cls, on: date) -> ColumnElement[bool]:
        """Own ones always, copies on their days."""
        return and_(
            or_(cls.from_on.is_(None), cls.from_on <= on), or_(cls.until_on.is_(None), cls.until_on >= on)
        )

    @classmethod
    def keep(
        cls, session: Session, account_id: int, of: str, *, name: str, query: str, on: date
    ) -> SavedFilter:
        """A new one; a name twice, a filter of nothing and a thirteenth are refused."""
        before = _locked(session, account_id, of, on)
        if not query:
            raise RuleBroken("现在没有筛选，先筛选再存")
        if sum(one.hand_over_id is None for one in before) >= MOST:
            raise RuleBroken(f"最多存{MOST}个常用筛选，请先删掉不用的")
        made = cls(account_id=account_id, list=of, name=_free(name, before), query=query)
        session.add(made)
        return made

    def rename(self, session: Session, name: str, *, on: date) -> None:
        others = [
            one for one in _locked(session, self.account_id, self.list, on) if one is not self
        ]  # its own name is free to it
        self.name = _free(name, others)


def filters_of(session: Session, account_id: int, of: str, on: date) -> Sequence[SavedFilter]:
    """A person's filters of a list on a day, the oldest first: each stays where the thumb has learnt it is."""
    mine = (SavedFilter.account_id == account_id, SavedFilter.list == of, SavedFilter.there(on))
    return session.scalars(select(SavedFilter).where(*mine).order_by(SavedFilter.id)).all()


# --- with a portfolio ---


def own_of(session: Session, account_id: int, on: date) -> Sequence[SavedFilter]:
    """What passes on with somebody's portfolio: every filter that is theirs, of every list."""
    mine = (SavedFilter.account_id == account_id, SavedFilter.there(on))
    return session.scalars(select(SavedFilter).where(*mine).order_by(SavedFilter.id)).all()


def pass_on(
    session: Session, holder: Account, successor: Account, hand_over_id: int, *, today: date, from_on: date, until_on: date | None
) -> int:  # fmt: skip
    """Copies for the successor, there from the first day to the last. What they have already is not copied; a name that is taken
    gets the old holder's behind it. Gives how many."""
    session.execute(select(Account.id).where(Account.id == successor.id).with_for_update())
    theirs = list(session.scalars(select(SavedFilter).where(SavedFilter.account_id == successor.id)))
    made = 0
    for one in own_of(session, holder.id, today):
        same = [other for other in theirs if other.list == one.list]
        if any(other.query == one.query and _covers(other, from_on, until_on) for other in same):
            continue
        copy = SavedFilter(
            account_id=successor.id, list=one.list, name=_behind(one.name, holder.name, same), query=one.query,
            hand_over_id=hand_over_id, handed_by=holder.name, from_on=from_on, until_on=until_on,
        )  # fmt: skip
        session.add(copy)
        theirs.append(copy)
        made += 1
    return made


def take_back(session: Session, hand_over_id: int, *, last_on: date | None) -> None:
    """The copies of a hand-over end with this day; None: it never began, and they were never there."""
    copies = SavedFilter.hand_over_id == hand_over_id
    if last_on is None:
        session.execute(delete(SavedFilter).where(copies))
    else:
        session.execute(update(SavedFilter).where(copies).values(until_on=last_on))


def _covers(one: SavedFilter, from_on: date, until_on: date | None) -> bool:
    ends = one.until_on is None or (until_on is not None and one.until_on >= until_on)
    return ends and (one.from_on is None or one.from_on <= from_on)


def _behind(name: str, holder: str, others: Sequence[SavedFilter]) -> str:
    taken, behind, number = {one.name for one in others}, f"（{holder[:8]}）", 1
    wanted = name
    while wanted in taken:
        number += 1
        wanted = name[: NAME_SIGNS - len(behind)] + behind
        behind = f"（{holder[:6]}{number}）"
    return wanted


def _locked(session: Session, account_id: int, of: str, on: date) -> Sequence[SavedFilter]:
    """The filters, while nobody else changes them: two taps at once must not break the rules that one would keep."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    return filters_of(session, account_id, of, on)


def _free(name: str, others: Sequence[SavedFilter]) -> str:
    name = name.strip()
    if not name:
        raise RuleBroken("请起个名字")
    if len(name) > NAME_SIGNS:
        raise RuleBroken(f"名字最多{NAME_SIGNS}个字，现在是{len(name)}个字")
    if any(one.name == name for one in others):
        raise RuleBroken(f"已经有一个叫“{name}”的，请换个名字")
    return name
