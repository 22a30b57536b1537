"""The rotating code of a gate's tablet (平板动态码): it shows that a visitor stood there within these two minutes.

A paper poster can be photographed and sent round; what hangs on it proves nothing (gate.md §1.2). The tablet's address
carries a MAC over gate and time slot, drawn anew every 30 seconds. Nothing is stored.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from .vault import Vault

SLOT = 30  # seconds
OLDER = 3  # slots before the present one that still count: a form is opened at once, but phones are slow
BYTES = 9  # 72 bits: it is guessed on line or not at all, and four are good at a time
_PURPOSE = "rotating code"


def rotating(vault: Vault, gate_id: int, at: datetime) -> str:
    """What the tablet of this gate shows at this instant: 12 URL-safe characters."""
    return _of_slot(vault, gate_id, _slot(at))


def is_rotating(vault: Vault, gate_id: int, text: str, now: datetime) -> bool:
    """Whether this is what the tablet of this gate shows now or showed in the three slots before; any odd text is not."""
    typed = text.encode("utf-8", "replace")
    present = _slot(now)
    matches = [
        hmac.compare_digest(_of_slot(vault, gate_id, present - back).encode(), typed)
        for back in range(OLDER + 1)
    ]
    return any(matches)


def seconds_left(at: datetime) -> int:
    """How long the code of this slot is still the newest: 30 down to 1."""
    return SLOT - int(at.timestamp()) % SLOT


def _slot(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError("时刻要带时区")
    return int(at.timestamp()) // SLOT


def _of_slot(vault: Vault, gate_id: int, slot: int) -> str:
    return base64.urlsafe_b64encode(vault.mac(_PURPOSE, f"{gate_id}:{slot}".encode(), BYTES)).decode()
