"""The pinyin initials of a name (拼音首字母), by which it is found from a keyboard."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST = 20
# each 汉字 and each digit for itself, each word in other letters as one
_SIGNS = re.compile(r"[㐀-鿿〇\U00020000-\U0003fffe]|[0-9]|[^\W\d_㐀-鿿]+")


def initials_of(name: str, *, words: bool = False) -> str:
    """Small letters and digits: 张晓明 is zxm, Anna Müller is am.

    `words`: of an enterprise, whose words in Latin letters are a sign and stay whole: ABC科技 is abckj.
    """
    return "".join((_plain if words else _first)(_letter(sign)) for sign in _SIGNS.findall(name))[:LONGEST]


@lru_cache(maxsize=20_000)
def _letter(word: str) -> str:
    from pypinyin import Style, lazy_pinyin  # half a second of reading words: only who needs them waits

    return lazy_pinyin(word, style=Style.FIRST_LETTER)[0] if len(word) == 1 else word


def _plain(word: str) -> str:
    """Without accents; of letters that have no Latin form, nothing."""
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", word).lower() if sign.isascii() and sign.isalnum()
    )


def _first(word: str) -> str:
    return _plain(word[:1])
