"""Telling of an order (状态转换的通知): whoever works under it reads what begins or ends, and by when the next report is due.

It is a notice like any other, of the district to the area of the order: people find it on their page and in their inbox, and it says
who has read it.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from . import notice_readers
from .accounts import Account
from .base import local
from .mode_switch import Switch
from .notice_rounds import NoticeRound, RoundKind
from .notices import AUDIENCE, Notice, NoticeKind
from .places import ModeOrder
from .policy.periods import Period


def tell_of(session: Session, order: ModeOrder, switch: Switch, *, now: datetime, by: Account) -> int:
    """Sends the notice that the order has been opened, or ended; to how many people. Nobody under it: no notice."""
    words = _opened(order, switch) if order.ended_at is None else _ended(order, switch)
    notice = Notice.write(
        district_id=order.district_id, by=by, by_scope="district", by_scope_id=order.district_id, now=now, kind=NoticeKind.MODE,
        title=f"{order.name}{'开启' if order.ended_at is None else '结束'}", text="\n".join(words), posts=AUDIENCE,
        scope=order.scope, scope_id=order.scope_id, must_confirm=False, to_group=False,
    )  # fmt: skip
    people, enterprises = notice_readers.reached(session, notice, now)
    if people:
        notice.send(people=people, enterprises=enterprises, now=now, by=by)
        session.add(notice)
        session.flush()
        session.add(NoticeRound.begin(session, notice, RoundKind.SEND, now=now, by=by))
    return people


def _opened(order: ModeOrder, switch: Switch) -> list[str]:
    words = [
        f"{_at(local(order.starts_at))}起进入应急状态。原因：{order.reason}。依据：{order.legal_basis}。负责人：{order.responsible}。"
    ]
    if switch.daily:
        cut = (
            f"正在填的这一期提前到{_day(switch.cut.last_on)}为止，{_at(switch.cut.due_at)}前报。"
            if switch.cut
            else ""
        )
        words.append(
            f"企业从{_day(switch.daily.first_on)}起每天报送，第一份{_at(switch.daily.due_at)}前报。{cut}"
        )
    words.append(f"入口改用应急登记表。预计{_day(order.planned_end_on)}结束，以结束的通知为准。")
    return words


def _ended(order: ModeOrder, switch: Switch) -> list[str]:
    assert order.ended_at is not None
    words = [f"{_at(local(order.ended_at))}恢复常态。{order.end_reason}。入口恢复常态登记表。"]
    following = (
        f"下一份管{_days(switch.following)}，{_at(switch.following.due_at)}前报。" if switch.following else ""
    )
    if switch.daily:
        words.append(f"企业最后一份日报是{_day(switch.daily.first_on)}的；{following}")
    else:
        words.append(
            f"第一份日报还没有到截止，不用再报，恢复原来的报送期；{following}已经报过应急期间日报、提前截止那一期的，请按恢复的报送期再报一次。"
        )
    words.append("因为别的应急响应仍在应急状态的场所和企业，按原来的要求继续。")
    return words


def _day(on: date) -> str:
    return f"{on.month}月{on.day}日"


def _days(one: Period) -> str:
    return _day(one.first_on) + ("" if one.first_on == one.last_on else f"至{_day(one.last_on)}")


def _at(wall: datetime) -> str:
    return f"{_day(wall)}{wall:%H:%M}"
