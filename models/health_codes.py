"""What a health-code service can say of a visitor (健康码), and what the gate goes by where it says nothing.

The service itself is outside: blueprints/web/outside/health_code.py asks one over HTTP, and rules take it as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .base import Labelled


class CodeStatus(Labelled):
    """The values of the gate's question `code_status`, so that an answer is judged as the scheme judges a declaration."""

    GREEN = "green", "绿码"
    YELLOW = "yellow", "黄码"
    RED = "red", "红码"
    UNAVAILABLE = "unavailable", "没有健康码"  # the service knows nobody of this name and mobile


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """The service has answered for this very person; `at` is the instant at which the code was so."""

    status: CodeStatus
    at: datetime


class Why(Labelled):
    """Why there is no answer. Says nothing of the visitor, so that it may stand in a log."""

    SLOW = "slow", "没有按时回答"
    UNREACHABLE = "unreachable", "连不上，或中途断开"
    REFUSED = "refused", "没有受理"
    UNREADABLE = "unreadable", "回答不合约定"
    OTHER_PERSON = "other_person", "回答的不是这个人"
    OUTDATED = "outdated", "回答的时间不对"
    BUSY = "busy", "同时查的人太多"
    SPARED = "spared", "接连失败，暂停查询"


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer: 健康码未知，请人工核验. The row is saved all the same and the answer filled in later."""

    why: Why


class CodeService(Protocol):
    """Whoever can be asked for a health code."""

    def ask(self, name: str, mobile: str, *, now: datetime) -> CodeAnswer | Unknown:
        """The code of the person with this name and mobile. Soon, and without an exception: a gate depends on nothing that can hang.

        Never to be called while a database transaction is open: it would hold the write lock for as long as the answer takes.
        """
