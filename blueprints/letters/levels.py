"""How far a signature goes, in words (签名等级, SIGN-1): the same on page, paper and list, never more than what is there."""

from __future__ import annotations

from blueprints.web.outside.seal import TEST
from blueprints.web.site import site
from models.letters import Letter, Level


def level_words(letter: Letter, *, to_seal: bool = False) -> str:
    """`to_seal`: the paper is drawn to be sealed in the next moment."""
    level = Level.SEALED if to_seal else letter.level
    return level.label + (test_words() if level is Level.SEALED else "")


def test_words() -> str:
    """What a demo's seal has to say of itself."""
    return f"（{TEST}，没有法律效力）" if site.sealer is not None and site.sealer.test else ""
