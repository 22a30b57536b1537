"""Invented people (虚构人物): names of every kind, mobiles that nobody can have, credit codes of nobody.

Whoever draws a person knows nothing of what will happen to them: a name has no part in it (settled 3.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from stdnum.cn import uscc

_SURNAMES = """
王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕
丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾郝龚邵万钱严覃武
戴莫孔向汤
"""
_COMPOUND_SURNAMES = "欧阳 司马 上官 诸葛 东方 皇甫 令狐 慕容 夏侯 端木"
# Whole given names, so that chance does not put somebody well known together.
_GIVEN = """
安宁 静远 清和 明川 青岩 知行 秋白 见微 若水 思源 景行 书言 望舒 长宁 予怀 以南 星河 归雁 听澜 疏影
晚晴 云起 鹿鸣 子衿 未央 怀瑾 握瑜 锦年 念初 向阳 沐风 亦舟 慕白 承泽 修远 嘉树 时雨 乐山 临渊 其华
立夏 小满 谷雨 冬青 春生 秀兰 玉珍 建军 国强 丽娟 海燕 志刚 淑芬 桂英 凤霞 立新 永福 雪梅 浩然 梓涵
雨桐 一诺 可欣 俊熙 思齐 文博 宇辰 澄 屿 岑 湛 苒 棠 芮 禾
"""
# Outside the pattern of most names: peoples with names of their own, guests from abroad, rare characters.
_UNCOMMON = """
阿卜杜拉·买买提 古丽娜尔·艾山 艾力江·吐尔逊 帕提古丽·玉素甫 扎西顿珠 卓玛央金 洛桑次仁 格桑梅朵
巴特尔 乌云其其格 苏日娜 吉克阿依 阿木惹古 沙马拉且 岩温香 玉罕叫 蓝朵卡 金哲洙
𠮷野樱 𠮷野健一 李𬭎 王𬍛 陈㛃 丁䶮 田中直树 朴秀妍
Anna_Müller Jürgen_Müller-Lüdenscheidt Seán_O'Neil María_José_Núñez Nguyễn_Thị_Hoa Oluwaseun_Adeyemi
Иван_Лебедев Priya_Raman
"""
SURNAMES, COMPOUND_SURNAMES = "".join(_SURNAMES.split()), _COMPOUND_SURNAMES.split()
GIVEN = _GIVEN.split()
UNCOMMON = [name.replace("_", " ") for name in _UNCOMMON.split()]
UNCOMMON_SHARE, COMPOUND_SHARE = 0.05, 0.02

# No mobile begins like this: the ranges have never been given to anyone.
MOBILE_RANGES = ("160", "161", "163", "164", "168", "169")
CREDIT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # of an organisation's own code, GB 11714


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who comes to a gate. `written` is how they say where to, `purpose` what for."""

    name: str
    mobile: str
    written: str
    purpose: str


def draw_name(rng: Random) -> str:
    if rng.random() < UNCOMMON_SHARE:
        return rng.choice(UNCOMMON)
    surname = rng.choice(COMPOUND_SURNAMES) if rng.random() < COMPOUND_SHARE else rng.choice(SURNAMES)
    return surname + rng.choice(GIVEN)


class Mobiles:
    """Mobiles that nobody can have, each given once."""

    def __init__(self, rng: Random) -> None:
        self._rng, self._given = rng, set[str]()

    def draw(self) -> str:
        while True:
            mobile = f"{self._rng.choice(MOBILE_RANGES)}{self._rng.randrange(10**8):08}"
            if mobile not in self._given:
                self._given.add(mobile)
                return mobile


def credit_code(number: int, *, kind: str = "91", organ: str = "990001") -> str:
    """The `number`th credit code of an organ that does not exist, with both check signs right (ID-1).

    `kind` is the department and the kind of organisation: 91 company, 92 sole trader, 31 law firm.
    """
    own = f"MA{number:06}"
    total = sum(int(sign, 36) * weight for sign, weight in zip(own, CREDIT_WEIGHTS, strict=True))
    check = {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))
    code = f"{kind}{organ}{own}{check}"
    return code + uscc.calc_check_digit(code)
