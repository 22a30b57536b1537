"""The evidence of one signature, to be handed to whoever has to judge it (存证文件, SIGN-4): what was signed, by whom, how that was
known, and how it hangs together with the signature before it. It can be checked without this site."""

from __future__ import annotations

import base64
import json
from typing import Any

from .base import local
from .letters import Letter
from .signatures import LetterLink, LetterSignature, LetterSigner
from .vault import Vault

HOW = (
    "摘要都是SHA-256，十六进制。chain.hash由chain.previous的32个字节接上chain.line写成JSON的字节（UTF-8，逗号和冒号后各一个空格）算出；"
    "chain.previous是这份责任书上一条签署记录的chain.hash，第一条是32个零字节。document.text的字节算出document.sha256和document.sm3；"
    "mark里的图和笔迹算出chain.line里它们的摘要。"
)


def evidence_of(
    letter: Letter,
    act: LetterSignature,
    vault: Vault,
    *,
    signer: LetterSigner | None,
    link: LetterLink | None,
) -> bytes:
    """As JSON. `signer` and `link`: by which authority, by which link it was signed."""
    told: dict[str, Any] = {
        "about": HOW,
        "document": {
            "number": letter.number, "title": letter.content.title, "template": act.template, "wording": letter.wording.hex(),
            "sha256": act.letter_digest.hex(), "sm3": act.letter_sm3.hex(), "text": letter.text,
            "pdf_sha256": None if letter.pdf_digest is None else letter.pdf_digest.hex(),
        },
        "act": {
            "number": act.number, "what": act.act.label, "side": act.side.label, "at": local(act.at).isoformat(),
            "consent": act.consent, "address": act.address, "agent": act.agent,
        },
        "signer": {
            "name": act.name, "capacity": act.capacity.label, "verified": act.verified.label, "authority": _authority(signer),
            "link": _link(link),
        },
        "mark": {
            "way": act.way.label, "picture": _base64(act.shown(vault)),
            "strokes": None if act.strokes is None else vault.unseal_bytes(act.strokes, LetterSignature.STROKES).decode(),
        },
        "chain": {"previous": act.previous.hex(), "line": act.line(), "hash": act.hash.hex(), "sound": act.hash == act.chained()},
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, indent=2).encode()


def _authority(signer: LetterSigner | None) -> dict[str, Any] | None:
    """That it was filed, by whom it was checked; the paper itself stays where it is kept."""
    if signer is None:
        return None
    return {
        "number": signer.id, "capacity": signer.capacity.label, "until": signer.until_on.isoformat(),
        "checked_at": local(signer.checked_at).isoformat(), "checked_by": signer.checked_by.name, "paper": signer.paper_id is not None,
    }  # fmt: skip


def _link(link: LetterLink | None) -> dict[str, Any] | None:
    """The confirmation code is kept nowhere; that there was one is."""
    if link is None:
        return None
    return {
        "number": link.id, "made_at": local(link.made_at).isoformat(), "made_by": link.made_by.name,
        "code": None if link.code_hash is None else "******",
        "used_at": None if link.used_at is None else local(link.used_at).isoformat(),
    }  # fmt: skip


def _base64(picture: bytes | None) -> str | None:
    return None if picture is None else base64.b64encode(picture).decode()
