"""A person's own filters of a list (常用筛选): by name, so that what is asked every morning is one tap.

What a filter finds is never kept: it is asked anew each time, within the reach of whoever opens it then.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from .accounts import Account
from .base import Row, RuleBroken

MOST = 12  # of one person for one list
NAME_SIGNS = 20


class SavedFilter(Row):
    """One filter of one person: `list` says of which list, `query` is the part of its address after the question mark."""

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    list: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]

    __table_args__ = (
        Index("uq_saved_filter_account_list_name", "account_id", "list", "name", unique=True),
    )  # fmt: skip

    @classmethod
    def keep(cls, session: Session, account_id: int, of: str, *, name: str, query: str) -> SavedFilter:
        """A new one; a name twice, a filter of nothing and a thirteenth are refused."""
        before = _locked(session, account_id, of)
        if not query:
            raise RuleBroken("现在没有筛选，先筛选再存")
        if len(before) >= MOST:
            raise RuleBroken(f"最多存{MOST}个常用筛选，请先删掉不用的")
        made = cls(account_id=account_id, list=of, name=_free(name, before), query=query)
        session.add(made)
        return made

    def rename(self, session: Session, name: str) -> None:
        others = [
            one for one in _locked(session, self.account_id, self.list) if one is not self
        ]  # its own name is free to it
        self.name = _free(name, others)


def filters_of(session: Session, account_id: int, of: str) -> Sequence[SavedFilter]:
    """A person's filters of a list, the oldest first: each stays where the thumb has learnt it is."""
    mine = select(SavedFilter).where(SavedFilter.account_id == account_id, SavedFilter.list == of)
    return session.scalars(mine.order_by(SavedFilter.id)).all()


def _locked(session: Session, account_id: int, of: str) -> Sequence[SavedFilter]:
    """The same, while nobody else changes them: two taps at once must not break the rules that one would keep."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    return filters_of(session, account_id, of)


def _free(name: str, others: Sequence[SavedFilter]) -> str:
    name = name.strip()
    if not name:
        raise RuleBroken("请起个名字")
    if len(name) > NAME_SIGNS:
        raise RuleBroken(f"名字最多{NAME_SIGNS}个字，现在是{len(name)}个字")
    if any(one.name == name for one in others):
        raise RuleBroken(f"已经有一个叫“{name}”的，请换个名字")
    return name
