"""The one token of a gate form (一次性编号): CSRF token and idempotency key in one.

An HMAC over a random id, the time of issue, the gate, the mode, and whether the gate's tablet was scanned. The id is the key
of the row that the form becomes; the pass token is the id with a MAC of its own, so that whoever holds a form can find its
pass, and nobody else.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.policy.schema import Mode
from models.vault import Vault

VALID = timedelta(hours=12)
ID, MAC = 16, 12
LENGTH = 44  # characters: (16 + 4 + 1 + 12) bytes as base64
MODES = (Mode.NORMAL, Mode.EMERGENCY)
AT_GATE = 0x80


@dataclass(frozen=True, slots=True)
class Nonce:
    """A form that we handed out: for which mode, and when."""

    id: bytes
    issued_at: datetime
    mode: Mode
    at_gate: bool = False  # opened by the code that the gate's own tablet showed just then

    def expired(self, now: datetime) -> bool:
        return not timedelta(0) <= now - self.issued_at < VALID


def issue(vault: Vault, gate_id: int, mode: Mode, now: datetime, *, at_gate: bool = False) -> str:
    kind = MODES.index(mode) | (AT_GATE if at_gate else 0)
    body = os.urandom(ID) + int(now.timestamp()).to_bytes(4, "big") + bytes([kind])
    return base64.urlsafe_b64encode(body + _mac(vault, gate_id, body)).decode()


def read(vault: Vault, gate_id: int, text: str) -> Nonce | None:
    """The nonce, if it is one that we issued for this gate; None for anything else."""
    if len(text) != LENGTH:
        return None
    try:
        raw = base64.urlsafe_b64decode(text.encode())
    except (ValueError, binascii.Error):
        return None
    body, mac = raw[:-MAC], raw[-MAC:]
    if (
        len(raw) != ID + 5 + MAC
        or body[-1] & ~AT_GATE >= len(MODES)
        or not hmac.compare_digest(mac, _mac(vault, gate_id, body))
    ):
        return None
    issued_at = datetime.fromtimestamp(int.from_bytes(body[ID : ID + 4], "big"), UTC)
    return Nonce(body[:ID], issued_at, MODES[body[-1] & ~AT_GATE], bool(body[-1] & AT_GATE))


def _mac(vault: Vault, gate_id: int, body: bytes) -> bytes:
    return vault.mac("gate form", gate_id.to_bytes(8, "big") + body, MAC)


def pass_token(vault: Vault, nonce_id: bytes) -> str:
    """The address of a pass: 43 characters, 128 bits of which nobody can guess."""
    return base64.urlsafe_b64encode(nonce_id + vault.mac("pass", nonce_id, 16)).decode().rstrip("=")


def read_pass_token(vault: Vault, token: str) -> bytes | None:
    """The id of the row behind a pass, or None."""
    if len(token) != 43:
        return None
    try:
        raw = base64.urlsafe_b64decode(token.encode() + b"=")
    except (ValueError, binascii.Error):
        return None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != token:
        return None  # another spelling of the same bytes
    return raw[:16] if hmac.compare_digest(raw[16:], vault.mac("pass", raw[:16], 16)) else None
