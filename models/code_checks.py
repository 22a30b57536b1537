"""What the health-code service says of a visitor (健康码核验), at the gate or, where it was silent, later.

Never asked inside a transaction: the write lock would be held for as long as the answer takes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from .gate import CheckIn, CodeCheck, StaffCheck
from .health_codes import CodeAnswer, CodeService, Unknown, Why
from .judging import CODE_FOUND, Declaration, Judgement, Verdict, judge, write_reasons
from .policy.schema import Mode, Policy
from .presence import days_of
from .register import declared_by, seal_answers
from .timed import Tick
from .vault import Vault

MATTERS = timedelta(hours=12)  # after that nobody asks any more
AT_ONCE = 100  # rows in one round of the timed work
STOPPED = {Why.SPARED, Why.BUSY}  # the service wants no more questions now


def with_answer(
    declared: Declaration, found: CodeAnswer | Unknown | None
) -> tuple[Declaration, CodeCheck | None]:
    """The declaration beside what the service said, and what that means for the row. None: it was not asked."""
    if found is None:
        return declared, None
    if isinstance(found, Unknown):
        return declared, CodeCheck.PENDING
    answers = {**declared.answers, CODE_FOUND: (found.status.value,)}
    return replace(declared, answers=answers), CodeCheck.KNOWN


def ask_again(tick: Tick, service: CodeService, vault: Vault) -> int:
    """Asks for the rows that wait for an answer, oldest first, and judges them anew. Returns how many it settled.

    Harmless at any time and twice at once: a row that somebody else has settled meanwhile is left alone.
    """
    now = tick.now
    with tick.writing() as session:
        session.execute(
            update(CheckIn)
            .where(CheckIn.code_state == CodeCheck.PENDING, CheckIn.occurred_at <= now - MATTERS)
            .values(code_state=CodeCheck.MISSED)
        )
    with tick.looking() as session:
        waiting = session.execute(
            select(CheckIn.id, CheckIn.name, CheckIn.mobile)
            .where(CheckIn.code_state == CodeCheck.PENDING, CheckIn.day.in_(days_of(now, MATTERS)))
            .where(CheckIn.mobile.is_not(None))
            .order_by(CheckIn.id)
            .limit(AT_ONCE)
        ).all()
    settled = 0
    for number, name, mobile in waiting:
        found = service.ask(name, vault.unseal(mobile or b"", CheckIn.MOBILE), now=tick.clock())
        if isinstance(found, Unknown):
            if found.why in STOPPED:
                break
            continue
        with tick.writing() as session:
            entry = session.scalar(select(CheckIn).where(CheckIn.id == number).with_for_update())
            if entry is not None and entry.code_state == CodeCheck.PENDING:
                learn(entry, tick.book.get(entry.scheme_key), vault, found)
                settled += 1
    return settled


def learn(entry: CheckIn, policy: Policy, vault: Vault, found: CodeAnswer) -> None:
    """Judges a row with the answer that has come. Whoever a guard has let in meanwhile stays inside and becomes a case for the
    specialist; a case that was closed is open again where the answer is a bad one."""
    declared, _known = with_answer(declared_by(vault, entry), found)
    judgement = judge(policy, policy.gate[Mode(entry.mode)], declared)
    earlier = [reason for reason in entry.reason_list if reason[0] == "earlier"]
    if earlier and entry.earlier_id is not None:
        judgement = judgement.doubted(earlier[0])
    if judgement.verdict == Verdict.REFUSED and entry.confirmed_at is not None:
        judgement = Judgement(Verdict.ATTENTION, judgement.reasons)
    entry.answers, entry.code_state = seal_answers(vault, declared), CodeCheck.KNOWN
    if judgement.reasons and judgement.verdict != Verdict.PASS:
        entry.handled_at = None
    entry.verdict, entry.reasons = judgement.verdict, write_reasons(judgement.reasons)
    if entry.staff is not None:  # the archive learns of this answer too
        entry.staff = StaffCheck.PENDING
