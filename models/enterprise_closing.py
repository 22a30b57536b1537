"""An enterprise closes (关闭), with everybody who held a post in it; and a closing that was a mistake is undone."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from .access import ADMINS, SCOPES
from .accounts import Account, Appointment
from .base import RuleBroken, local
from .enterprises import Enterprise
from .invitations import Invitation

POSTS = [post for post, scope in SCOPES.items() if scope == "enterprise"]


def close_enterprise(
    session: Session, enterprise: Enterprise, on: date, reason: str, *, merged_into: Enterprise | None, now: datetime
) -> int:  # fmt: skip
    """Closes it; its appointments end at this instant and its invitations open nothing any more. How many appointments."""
    enterprise.close(on, reason, merged_into=merged_into, now=now)
    of_it = select(Appointment).where(
        Appointment.scope == "enterprise",
        Appointment.scope_id == enterprise.id,
        Appointment.current(local(now).date()),
    )
    ended = session.scalars(of_it).all()
    for appointment in ended:
        appointment.end(reason=_why(enterprise), now=now)
    waiting = select(Invitation).where(
        Invitation.scope_id == enterprise.id, Invitation.post.in_(POSTS), Invitation.waiting(now)
    )
    for invitation in session.scalars(waiting):
        invitation.withdrawn_at = now
    return len(ended)


def reopen_enterprise(session: Session, enterprise: Enterprise, *, now: datetime) -> int:
    """Undoes the closing: the appointments that ended with it go on for the rest of their term. An invitation that was
    withdrawn is sent anew. How many appointments."""
    at, why = enterprise.closed_at, _why(enterprise)
    enterprise.reopen()
    of_it = (
        select(Appointment)
        .where(
            Appointment.scope == "enterprise",
            Appointment.scope_id == enterprise.id,
            Appointment.ended_at == at,
            Appointment.end_reason == why,
        )
        .options(joinedload(Appointment.account).selectinload(Account.appointments))
    )
    back = session.scalars(of_it).all()
    for appointment in back:
        _may_come_back(appointment, local(now).date())
        appointment.ended_at, appointment.end_reason = None, ""
    return len(back)


def _may_come_back(appointment: Appointment, on: date) -> None:
    """An administrator holds no other post (SEC-6): who became one meanwhile does not get the old post by the way."""
    for other in appointment.account.appointments:
        if other.post in ADMINS and other.ended_at is None and other.ends_on >= on:
            raise RuleBroken(
                f"{appointment.account.name}现在是{other.post.label}，不能再任{appointment.post.label}。"
                "请先由安全管理员处理这个人的任职"
            )


def _why(enterprise: Enterprise) -> str:
    return f"企业关闭：{enterprise.close_reason}"
