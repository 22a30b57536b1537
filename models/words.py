"""The word of the minute (此刻口令): word and shape that tell a living pass from a picture of one.

The pass and the guard's screen derive the same pair from gate and minute (gate.md §1.7, settled §2.9);
nothing is stored. The words stand in three groups that take turns by the minute, and within the group of the
minute a MAC draws. So a word cannot be foretold, and any three minutes in a row have three different words.
Three, not two: two looks 61 seconds apart can be two minutes apart on the clock, and must differ.
"""

import datetime
import hmac
from dataclasses import dataclass

from models.vault import Vault

_GROUPS = 3
_PURPOSE = "word of the minute"

SHAPES = ("boat", "star", "moon", "mountain", "house", "drop", "leaf", "tree", "flag", "sun")
"""Symbols of the icon sprite (`#i-w-` + name). What is added to the sprite is added here too."""


@dataclass(frozen=True, slots=True)
class Word:
    """What to read aloud in Chinese and English, and the symbol shown with it."""

    zh: str
    en: str
    shape: str


# Two characters, known to everyone, calm; no two begin with the same character or sound alike without tones.
_LIST = """
归帆:sail 听雨:rain 青山:hill 白云:cloud 朝阳:sunrise 清泉:fountain 松林:pine 竹影:bamboo 梅花:plum
兰草:orchid 桃李:peach 杏林:apricot 柳岸:willow 枫叶:maple 银杏:ginkgo 稻田:paddy 麦浪:wheat
茶香:tea 豌豆:pea 橘子:orange 苹果:apple 葡萄:grape 樱桃:cherry 草莓:strawberry 南瓜:pumpkin
西瓜:melon 玉米:corn 蜂蜜:honey 面包:bread 牛奶:milk 春风:breeze 夏日:summer 秋水:autumn 冬雪:snow
星空:star 月光:moon 彩虹:rainbow 晚霞:sunset 晨露:dew 海港:harbour 湖心:lake 江流:river 溪谷:valley
沙滩:beach 岛屿:island 潮汐:tide 波光:ripple 珊瑚:coral 贝壳:shell 珍珠:pearl 拱桥:bridge 石阶:steps
瓦房:roof 书房:library 墨香:ink 钢琴:piano 笛子:flute 鼓楼:drum 诗歌:poem 画笔:brush 风筝:kite
灯笼:lantern 丝绸:silk 棉花:cotton 毛毯:blanket 手套:glove 围巾:scarf 铅笔:pencil 地图:map
罗盘:compass 钥匙:key 窗台:window 门铃:bell 帐篷:tent 篮球:ball 单车:bicycle 火车:train 飞鸟:bird
燕子:swallow 喜鹊:magpie 孔雀:peacock 鸽子:pigeon 天鹅:swan 蝴蝶:butterfly 蜻蜓:dragonfly 蜗牛:snail
熊猫:panda 小鹿:deer 骏马:horse 大象:elephant 金鱼:goldfish 鲸鱼:whale 兔子:rabbit 绵羊:sheep
骆驼:camel 猫咪:cat 刺猬:hedgehog 荷塘:pond 芦苇:reed 森林:forest 原野:field 花园:garden
果园:orchard 茉莉:jasmine 玫瑰:rose 牡丹:peony 百合:lily 核桃:walnut 椰子:coconut 香蕉:banana
柠檬:lemon 芒果:mango 番茄:tomato 萝卜:radish 蘑菇:mushroom 饺子:dumpling 糖果:candy 饼干:biscuit
琥珀:amber 水晶:crystal 极光:aurora 橡树:oak 榕树:banyan 棕榈:palm 跳绳:rope 吉他:guitar 台灯:lamp
枕头:pillow 勺子:spoon 邮票:stamp 信封:envelope 积木:blocks 气球:balloon 拼图:puzzle 滑梯:slide
"""
WORDS = tuple((zh, en) for zh, _, en in (pair.partition(":") for pair in _LIST.split()))


def word_for(vault_or_key: Vault | bytes, gate_id: int, minute: int) -> Word:
    """The word of a gate in a minute (`minute_of`). Minutes m, m+1 and m+2 never share a word."""
    drawn = _mac(vault_or_key, f"{gate_id}:{minute}")
    # Each gate starts with a group of its own: neighbours then seldom draw from the same third.
    group = (minute + _mac(vault_or_key, f"{gate_id}")[0]) % _GROUPS
    words = WORDS[group::_GROUPS]
    zh, en = words[int.from_bytes(drawn[:8], "big") % len(words)]
    return Word(zh, en, SHAPES[int.from_bytes(drawn[8:], "big") % len(SHAPES)])


def current(vault_or_key: Vault | bytes, gate_id: int, at: datetime.datetime) -> Word:
    """The word that a pass and the guard's screen show at an instant."""
    return word_for(vault_or_key, gate_id, minute_of(at))


def previous(vault_or_key: Vault | bytes, gate_id: int, at: datetime.datetime) -> Word:
    """The word of the minute before: the guard accepts it from a pass whose refresh is on its way."""
    return word_for(vault_or_key, gate_id, minute_of(at) - 1)


def minute_of(at: datetime.datetime) -> int:
    """Whole minutes since 1970 in UTC; ValueError for an instant without a zone."""
    if at.tzinfo is None:
        raise ValueError("时刻要带时区")
    return int(at.timestamp() // 60)


def seconds_left(at: datetime.datetime) -> int:
    """How long the word of this minute still holds: 60 down to 1."""
    return 60 - int(at.timestamp() % 60)


def _mac(vault_or_key: Vault | bytes, message: str) -> bytes:
    """16 bytes for a message, from the vault's own key for this purpose or from a bare key."""
    if isinstance(vault_or_key, Vault):
        return vault_or_key.mac(_PURPOSE, message.encode())
    return hmac.digest(vault_or_key, f"{_PURPOSE}:{message}".encode(), "sha256")[:16]
