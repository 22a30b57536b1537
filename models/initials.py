"""The pinyin initials of a name (拼音首字母), by which it is found from a keyboard."""

from pypinyin import Style, lazy_pinyin

LONGEST = 20


def initials_of(name: str) -> str:
    """青禾生物 is qhsw; Latin letters and digits stay, all else is left out."""
    first = "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()
    return "".join(sign for sign in first if sign.isascii() and sign.isalnum())[:LONGEST]
