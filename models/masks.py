"""What is shown of a person where the whole is not needed (脱敏显示); ID-9, PRIV-8.

Pure functions over stored values. A mask never shows everything: a value too short to hide anything becomes
stars. The full value appears only through a logged 查看.
"""

import re

_STARS = "***"
_COMPOUND = """
欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 令狐 慕容 司徒 司空 夏侯 长孙 宇文 轩辕 端木 独孤 南宫 西门
百里 呼延 闻人 东郭 濮阳 淳于 单于 太史 太叔 申屠 公冶 宗政 赫连 澹台 钟离 鲜于 闾丘 亓官 仲孙 颛孙
公羊 公西 漆雕 壤驷 拓跋 拓拔 夹谷 谷梁 穀梁 第五 左丘 即墨 万俟 羊舌 微生 梁丘 乐正 巫马 子车 宰父
段干 南郭 东里 纳兰 叶赫 耶律 完颜 富察 钮祜 司寇 歐陽 司馬 諸葛 東方 長孫 軒轅 獨孤 南宮 西門
"""
_COMPOUND_SURNAMES = frozenset(_COMPOUND.split())


def mask_name(name: str) -> str:
    """The surname and stars: 张*, 欧阳**, 阿卜杜拉·***, Müller-L***. Three stars at most.

    A dotted name keeps its first part. A name in Latin, Cyrillic or Greek keeps its first word and one
    letter of the second. A one-character name is hidden whole.
    """
    first, dot, rest = name.strip().partition("·")
    if first and rest:
        return f"{first}{dot}{_STARS}"
    letters = re.sub(r"[\s·]", "", name)
    if len(letters) < 2:
        return "*" * len(letters)
    if letters[0].lower() != letters[0].upper():
        return _mask_alphabetic(name.strip(" ·"))
    surname = letters[:2] if len(letters) > 2 and letters[:2] in _COMPOUND_SURNAMES else letters[:1]
    return surname + "*" * min(len(letters) - len(surname), len(_STARS))


def _mask_alphabetic(name: str) -> str:
    """First word and one letter of the second (Müller-L***), or one letter of the only word (O***)."""
    two_words = re.match(r"([^\s\-‐‑]+[\s\-‐‑]+[^\s\-‐‑])", name)
    return (two_words.group() if two_words else name[:1]) + _STARS


def mask_mobile(number: str) -> str:
    """138****8000. Landlines likewise, the last four shown."""
    return _mask_middle(number, head=3, tail=4)


def mask_id(number: str) -> str:
    """3301**********0020: the first and last four, for the page of one person."""
    return _mask_middle(number, head=4, tail=4)


def mask_id_in_list(number: str) -> str:
    """****0020: lists show the last four only."""
    return "****" + number[-4:] if len(number) >= 8 else "****"


def mask_passport(number: str) -> str:
    """E*****678: the first and the last three; for permits too."""
    return _mask_middle(number, head=1, tail=3)


def _mask_middle(text: str, *, head: int, tail: int) -> str:
    """Stars for all but `head` and `tail` characters; for everything where fewer than two would be hidden."""
    hidden = len(text) - head - tail
    if hidden < 2:
        return "*" * len(text)
    return text[:head] + "*" * hidden + text[-tail:]
