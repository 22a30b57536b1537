"""Reads what people type: codes, card numbers, phones, temperatures, times, names (号码、体温、时刻、姓名的识读).

Pure functions over text: no database, no clock, no policy. Each either returns the one spelling that is
stored or raises `Unreadable`, whose words say where, why and how to mend it (design §9), and never repeat a
whole number. Clauses ID-1 to ID-8 and HLTH-1; python-stdnum supplies the check digits.
"""

import datetime
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from stdnum.cn import uscc


class Unreadable(ValueError):
    """What was typed cannot be taken for the thing asked. `zh` is for every page, `en` for visitor pages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.zh = zh
        self.en = en

    def __str__(self) -> str:
        return self.zh


# --- typed text ---

_QUOTED_CHARACTERS = 20


def is_invisible(sign: str) -> bool:
    """Whether a sign is a control, format, surrogate, private or unassigned character: nobody sees it, no text needs it."""
    return unicodedata.category(sign)[0] == "C"


def _plain(text: str) -> str:
    """NFKC, trimmed, without the invisible marks that pasted numbers carry: the first step for numbers."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if unicodedata.category(c) != "Cf").strip()


def _compact(text: str) -> str:
    """`_plain`, upper case, without the spaces and dashes that people group digits with."""
    return "".join(
        c for c in _plain(text).upper() if not (c.isspace() or c == "−" or unicodedata.category(c) == "Pd")
    )


def _quoted(text: str) -> str:
    """The words that were typed, short and printable, for quoting back in an error."""
    shown = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text).strip()
    return shown if len(shown) <= _QUOTED_CHARACTERS else shown[:_QUOTED_CHARACTERS] + "…"


# --- 统一社会信用代码 ---

_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Registering department (1st sign) -> kinds of organisation (2nd sign); GB 32100 and its later additions.
_CREDIT_CLASSES = {
    "1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "129",
    "7": "129", "8": "19", "9": "123", "A": "19", "N": "1239", "Y": "1",
}  # fmt: skip
_LOOKS_LIKE = {"I": "1", "O": "0", "S": "5", "Z": "2"}


def credit_code(text: str) -> str:
    """The unified social credit code (统一社会信用代码): 18 signs, upper case, no spaces; ID-1, ID-2.

    Signs 3 to 8 name the registering organ and are never compared with an address. stdnum's `validate` is not
    enough: it refuses departments written with a letter (N 村集体) and knows no table of classes.
    """
    code = _compact(text)
    if not code:
        raise Unreadable(
            "请填18位统一社会信用代码，营业执照上有",
            "Please give the 18-character credit code printed on the business licence.",
        )
    if len(code) != 18:
        raise Unreadable(
            f"统一社会信用代码是18位，现在是{len(code)}位",
            f"A credit code has 18 characters; this one has {len(code)}.",
        )
    for place, sign in enumerate(code, start=1):
        if sign not in (_CREDIT_LETTERS[:10] if 3 <= place <= 8 else _CREDIT_LETTERS):
            raise _wrong_sign(place, sign)
    if code[1] not in _CREDIT_CLASSES.get(code[0], ""):
        raise Unreadable(
            f"信用代码开头没有“{code[:2]}”这一类，请对照证照看前两位",
            f"No credit code begins with {code[:2]}. Please compare the first two characters.",
        )
    if uscc.calc_check_digit(code[:17]) != code[17]:
        raise Unreadable(
            "信用代码最后一位与前17位对不上，请对照证照逐位核对",
            "The last character does not fit the first 17. Please compare the code with the licence.",
        )
    return code


def _wrong_sign(place: int, sign: str) -> Unreadable:
    """The error for a sign that cannot stand at this place of a credit code."""
    shown = _quoted(sign) or " "
    if 3 <= place <= 8:
        return Unreadable(
            f"信用代码第3到8位是数字，第{place}位现在是“{shown}”",
            f"Characters 3 to 8 of a credit code are digits; character {place} is “{shown}”.",
        )
    hint_zh, hint_en = "请对照证照改正", "Please compare it with the licence."
    if sign in _LOOKS_LIKE:
        hint_zh = f"多半是数字{_LOOKS_LIKE[sign]}"
        hint_en = f"It is probably the digit {_LOOKS_LIKE[sign]}."
    return Unreadable(
        f"信用代码第{place}位是“{shown}”，代码里没有这个字符，{hint_zh}",
        f"Character {place} is “{shown}”, which no credit code contains. {hint_en}",
    )


def credit_code_warning(code: str) -> str | None:
    """Words of doubt if sign 17 of a readable code is not GB 11714's check sign of signs 9 to 16; else None.

    Only ever a warning: genuine codes exist that fail it. `code` comes from `credit_code`.
    """
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    remainder = (
        11 - sum(int(sign, 36) * weight for sign, weight in zip(code[8:16], weights, strict=True)) % 11
    )
    expected = {10: "X", 11: "0"}.get(remainder, str(remainder))
    if code[16] == expected:
        return None
    return f"信用代码第17位通常是{expected}，现在是{code[16]}。与证照一致就不用改"


# --- 居民身份证 ---

_ID_CARD = re.compile(r"[0-9]{17}[0-9X]")
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_EARLIEST_BIRTH = datetime.date(1850, 1, 1)
_AGE_TO_CONFIRM = 120


@dataclass(frozen=True, slots=True)
class IdCard:
    """A readable identity card or 港澳台居民居住证. The number stays out of `repr`, hence out of logs."""

    number: str = field(repr=False)
    birth_on: datetime.date
    sex: str
    """男 or 女, from the 17th digit."""
    age: int
    """Completed years on the day of reading."""

    @property
    def needs_confirming(self) -> bool:
        """Older than 120: possible, so ask instead of refusing (ID-5)."""
        return self.age > _AGE_TO_CONFIRM


def id_card(text: str, today: datetime.date) -> IdCard:
    """The 18-digit identity card (居民身份证), also residence permits 81, 82, 83; ID-3, ID-5.

    Only the province prefix is checked: county codes withdrawn long ago are still on cards, so stdnum's table
    of places is not asked.
    """
    number = text if _ID_CARD.fullmatch(text) else _compact(text)
    if not _ID_CARD.fullmatch(number):
        raise _not_a_card(number)
    if not _PROVINCES.match(number):
        raise Unreadable(
            f"身份证号开头没有“{number[:2]}”这个省份，请看前两位",
            f"No identity number begins with {number[:2]}. Please check the first two digits.",
        )
    birth_on = _birth_date(number, today)
    if _last_sign(number) != number[17]:
        raise Unreadable(
            "身份证号最后一位与前17位对不上，请对照证件逐位核对",
            "The last character does not fit the first 17. Please compare the number with the card.",
        )
    before_birthday = (today.month, today.day) < (birth_on.month, birth_on.day)
    return IdCard(
        number, birth_on, "男" if int(number[16]) % 2 else "女", today.year - birth_on.year - before_birthday
    )


def _not_a_card(number: str) -> Unreadable:
    if not number:
        return Unreadable("请填18位身份证号", "Please give the 18-character identity number.")
    if re.fullmatch(r"[0-9]{15}", number):
        return Unreadable(
            "请使用18位证件，现在是15位的旧证号",
            "Please use the 18-character card; this is an old 15-digit number.",
        )
    if len(number) != 18:
        return Unreadable(
            f"身份证号是18位，现在是{len(number)}位",
            f"An identity number has 18 characters; this one has {len(number)}.",
        )
    return Unreadable(
        "身份证号前17位是数字，最后一位是数字或X，请改正",
        "The first 17 characters are digits, the last is a digit or X.",
    )


def _last_sign(number: str) -> str:
    """The check sign of 17 digits, as stdnum's `ric.calc_check_digit` gives it: that one tidies the number anew each time."""
    sign = (1 - 2 * int(number[:17], 13)) % 11
    return "X" if sign == 10 else str(sign)


def _birth_date(number: str, today: datetime.date) -> datetime.date:
    """Digits 7 to 14 as a day that exists, from 1850 to today."""
    year, month, day = number[6:10], number[10:12], number[12:14]
    try:
        birth_on = datetime.date(int(year), int(month), int(day))
    except ValueError:
        raise Unreadable(
            f"身份证号第7到14位是出生日期，没有{year}年{month}月{day}日这一天",
            f"Characters 7 to 14 are the date of birth, and {year}-{month}-{day} does not exist.",
        ) from None
    if birth_on > today:
        raise Unreadable(
            f"身份证号里的出生日期{year}年{month}月{day}日还没有到，请看第7到14位",
            f"The date of birth, {year}-{month}-{day}, lies in the future. Please check characters 7 to 14.",
        )
    if birth_on < _EARLIEST_BIRTH:
        raise Unreadable(
            f"身份证号里的出生日期是{year}年{month}月{day}日，请看第7到14位",
            f"The date of birth reads {year}-{month}-{day}. Please check characters 7 to 14.",
        )
    return birth_on


def under_14(birth_on: datetime.date, today: datetime.date) -> bool:
    """Whether PRIV-4's rules for children hold: the 14th birthday itself still counts as under 14 (ID-4).

    Someone born on 29 February has the 14th birthday on 1 March, the later and therefore safe reading.
    """
    try:
        birthday = birth_on.replace(year=birth_on.year + 14)
    except ValueError:
        birthday = datetime.date(birth_on.year + 14, 3, 1)
    return today <= birthday


# --- 通行证、护照 ---


@dataclass(frozen=True, slots=True)
class PermitKind:
    """A travel document that is not the identity card; `example` is shown when a number cannot be read."""

    zh: str
    en: str
    pattern: re.Pattern[str]
    example: str


PERMIT_KINDS: Mapping[str, PermitKind] = MappingProxyType(
    {
        "hk_macau": PermitKind(
            "港澳居民来往内地通行证",
            "Mainland Travel Permit for Hong Kong and Macao Residents",
            re.compile(r"[HM](?:[0-9]{8}(?:[0-9]{2})?|[A-Z][0-9]{7})"),
            "H12345678",
        ),
        "taiwan": PermitKind(
            "台湾居民来往大陆通行证",
            "Mainland Travel Permit for Taiwan Residents",
            re.compile(r"[0-9]{8}|[0-9]{10}[A-Z]?"),
            "12345678",
        ),
        "chinese_passport": PermitKind(
            "中国护照",
            "Chinese passport",
            re.compile(r"E[A-HJ-NP-Z][0-9]{7}|[EG][0-9]{8}|[DSP]E?[0-9]{7}"),
            "E12345678",
        ),
        "foreign_passport": PermitKind("外国护照", "Passport", re.compile(r"[A-Z0-9]{5,17}"), "AB1234567"),
        "permanent_resident": PermitKind(
            "外国人永久居留身份证",
            "Foreign Permanent Resident ID Card",
            re.compile(r"9[0-9]{16}[0-9X]|[A-Z]{3}[0-9]{12}"),
            "951840198506150019",
        ),
    }
)


def permit(text: str, kind: str) -> str:
    """The number of a permit of `kind` (a key of PERMIT_KINDS), upper case, no spaces; ID-6, ID-7."""
    known = PERMIT_KINDS[kind]
    number = _compact(text)
    if not number:
        raise Unreadable(
            f"请填{known.zh}号码，例如{known.example}", f"Please give the number of your {known.en}."
        )
    if not known.pattern.fullmatch(number):
        raise Unreadable(
            f"这不像{known.zh}的号码，它像{known.example}这样，请对照证件",
            f"This does not look like the number of a {known.en}, e.g. {known.example}. Please compare it.",
        )
    if kind == "permanent_resident" and len(number) == 18 and _last_sign(number) != number[17]:
        raise Unreadable(
            f"{known.zh}最后一位与前17位对不上，请逐位核对",
            "The last character does not fit the first 17. Please compare the number with the card.",
        )
    return number


def permit_holder(number: str, kind: str) -> str:
    """The part of a readable number that stays when the card is renewed: 9 signs for hk_macau (ID-7)."""
    return number[:9] if kind == "hk_macau" else number


def mrz_check_digit(text: str) -> int:
    """The check digit of a field of a machine-readable zone (ICAO 9303): digits, A to Z and the filler <."""
    if not re.fullmatch(r"[0-9A-Z<]*", text):
        raise Unreadable(
            "机读码里只有数字、大写字母和<", "A machine-readable zone has digits, capitals and < only."
        )
    values = (0 if sign == "<" else int(sign, 36) for sign in text)
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10


# --- 手机、座机 ---

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_MOBILE_ASSIGNED = re.compile(r"1(?:3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[0-9]{8}")
_COUNTRY_CODE = re.compile(r"^(?:\+86|0086|86(?=1[0-9]{10}$))")
_LANDLINE = re.compile(r"0[0-9]{2,3}-?[0-9]{7,8}(-[0-9]{1,6})?")


def mobile(text: str) -> str:
    """A mainland mobile (手机号) as 11 digits; reads spaces, hyphens, full width, +86 and 0086 (ID-8)."""
    if _MOBILE.fullmatch(text):
        return text
    number = _COUNTRY_CODE.sub("", re.sub(r"[()]", "", _compact(text)), count=1) if text else ""
    if not number:
        raise Unreadable("请填手机号，11位数字", "Please give a mobile number, 11 digits.")
    if number.startswith("+"):
        raise Unreadable(
            "请填中国大陆的手机号，11位数字", "Please give a mobile number of mainland China, 11 digits."
        )
    stranger = re.search(r"[^0-9]", number)
    if stranger:
        shown = _quoted(stranger.group()) or " "
        raise Unreadable(
            f"手机号只用数字，现在有“{shown}”", f"A mobile number has digits only; this one has “{shown}”."
        )
    if len(number) != 11:
        raise Unreadable(
            f"手机号是11位，现在是{len(number)}位",
            f"A mobile number has 11 digits; this one has {len(number)}.",
        )
    if not _MOBILE.fullmatch(number):
        raise Unreadable(
            f"手机号以13到19开头，现在是{number[:2]}",
            f"A mobile number begins with 13 to 19; this one begins with {number[:2]}.",
        )
    return number


def mobile_needs_confirming(mobile: str) -> bool:
    """Whether a readable mobile lies in a range that nobody has been given yet: ask, never refuse (ID-8)."""
    return not _MOBILE_ASSIGNED.fullmatch(mobile)


def landline(text: str) -> str:
    """A landline (座机) with area code, perhaps an extension, without spaces: 028-88886666-801 (ID-8)."""
    number = "".join("-" if unicodedata.category(c) == "Pd" else c for c in _plain(text) if not c.isspace())
    if not number:
        raise Unreadable("请填座机号，例如028-88886666", "Please give a landline, e.g. 028-88886666.")
    if not _LANDLINE.fullmatch(number):
        raise Unreadable(
            "没有看懂座机号，请带区号填写，例如028-88886666",
            "We could not read the landline. Please give it with its area code, e.g. 028-88886666.",
        )
    return number


# --- 体温 ---

# 36.5, 36,5, 36。5 (the full stop of a Chinese keyboard), 36度5 (as it is said), 37; perhaps with a unit.
_CELSIUS = re.compile(
    r"([0-9]{1,3})(?:\s*[.,。·]\s*([0-9]+)\s*(?:°C?|C|摄氏度|度)?|\s*度\s*([0-9]+)|\s*(?:°C?|C|摄氏度|度)?)",
    re.IGNORECASE,
)


def celsius(text: str) -> Decimal:
    """A body temperature (体温) in ℃ with one decimal place, as people type it (HLTH-1); `37` is 37.0.

    `365` is not guessed at but asked about. Whether the value is possible or a fever is for the policy to
    say.
    """
    plain = _plain(text)
    if not plain:
        raise Unreadable("请填测得的体温，例如36.5", "Please give the temperature you measured, e.g. 36.5.")
    match = _CELSIUS.fullmatch(plain)
    if not match:
        raise _not_a_temperature(text)
    whole, tenths = match[1], match[2] or match[3]
    if tenths is None and len(whole) == 3:
        guess = f"{whole[:2]}.{whole[2]}"
        raise Unreadable(
            f"没有看懂“{whole}”，是{guess}吗？请带小数点填写",
            f"We could not read “{whole}”. Did you mean {guess}? Please type the decimal point.",
        )
    if tenths is not None and len(tenths) > 1:
        raise Unreadable(
            f"体温填到小数点后1位，现在是{len(tenths)}位，例如36.5",
            f"Give the temperature to 1 decimal place, e.g. 36.5; this one has {len(tenths)}.",
        )
    return Decimal(f"{int(whole)}.{tenths or 0}")


def _not_a_temperature(text: str) -> Unreadable:
    shown = _quoted(text)
    return Unreadable(
        f"没有看懂“{shown}”，请填测得的数字，例如36.5",
        f"We could not read “{shown}”. Please give the number you measured, e.g. 36.5.",
    )


# --- 时刻 ---

# 9:12, 9.12, 9点12分, 9点半, 下午3点20; or the four digits of a hurried hand, 0912. 次日 stands before what is of the day after.
_CLOCK = re.compile(
    r"(?P<next>次日|第二天)?\s*(?P<part>凌晨|早上|上午|中午|下午|傍晚|晚上)?\s*"
    r"(?:(?P<h>[0-9]{1,2})\s*(?:[:.。]\s*(?P<m>[0-9]{2})|[点时]\s*(?:(?P<m2>[0-9]{1,2})\s*分?|(?P<half>半)|整)?)"
    r"|(?P<h2>[0-9]{1,2})(?P<m3>[0-9]{2}))"
)
_LATE = ("下午", "傍晚", "晚上")


def clock_time(text: str) -> datetime.timedelta:
    """A time of day (时刻) as the time since midnight, as people write it on paper; 24:10 and 次日0:10 are of the day after."""
    plain = _plain(text)
    if not plain:
        raise Unreadable("请填时刻，例如09:12", "Please give the time, e.g. 09:12.")
    match = _CLOCK.fullmatch(plain)
    hour = int(match["h"] or match["h2"]) if match else 99
    minute = int(match["m"] or match["m2"] or match["m3"] or (30 if match["half"] else 0)) if match else 99
    if match and ((match["part"] in _LATE and hour < 12) or (match["part"] == "中午" and hour < 3)):
        hour += 12
    if hour > 24 or minute > 59:
        raise Unreadable(
            f"没有看懂“{_quoted(text)}”，请填24小时制的时刻，例如09:12",
            f"We could not read “{_quoted(text)}”. Please give the time on a 24-hour clock, e.g. 09:12.",
        )
    return datetime.timedelta(days=bool(match and match["next"]), hours=hour, minutes=minute)


# --- 姓名 ---

NAME_CHARACTERS = 60
"""The longest name that is stored, in characters."""

_HANZI = re.compile(rf"[\u4e00-\u9fef]{{1,{NAME_CHARACTERS}}}")  # all letters, all as NFC has them
_DOTS = "·•・･‧∙⋅．﹒"
_HARMLESS_MARKS = frozenset("\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
_NAME_PUNCTUATION = frozenset("·'’‘-‐‑.,，()（）")


def person_name(text: str) -> str:
    """A person's name (姓名) as it is stored: whole in any script, NFC, one kind of dot, single spaces.

    1 to 60 characters with at least one letter. Not NFKC: that would change characters of the name itself.
    Zero-width marks that messengers add are dropped; control characters, markup, bidi overrides and emoji are
    refused.
    """
    if _HANZI.fullmatch(text):
        return text
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if c not in _HARMLESS_MARKS)
    name = _one_spacing(kept)
    if not name:
        raise Unreadable("请填姓名", "Please give the name.")
    if len(name) > NAME_CHARACTERS:
        raise Unreadable(
            f"姓名最多{NAME_CHARACTERS}个字，现在是{len(name)}个",
            f"A name has at most {NAME_CHARACTERS} characters; this one has {len(name)}.",
        )
    for sign in name:
        if not _may_stand_in_name(sign):
            raise _not_in_a_name(sign)
    if not any(_is_letter(sign) for sign in name):
        raise Unreadable(
            f"姓名里要有文字，现在是“{_quoted(name)}”",
            f"A name contains letters; this one is “{_quoted(name)}”.",
        )
    return name


def _one_spacing(text: str) -> str:
    """Trimmed, runs of spaces as one, every middle dot as · with nothing around it; NFC again."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text).strip(" \t\r\n")
    dotted = re.sub(f" *[{_DOTS}] *", "·", re.sub(" +", " ", spaced))
    # Chinese keyboards give an ordinary full stop for the dot between two parts of a Chinese name.
    dotted = re.sub(r"(?<=[\u3400-\u9fff])\.(?=[\u3400-\u9fff])", "·", dotted)
    return unicodedata.normalize("NFC", dotted)


def _is_letter(sign: str) -> bool:
    """Letters of any script, 〇, and rare hanzi that Python's Unicode or only a private-use area knows."""
    category = unicodedata.category(sign)
    return (
        category[0] == "L"
        or sign == "〇"
        or category == "Co"
        or (category == "Cn" and 0x20000 <= ord(sign) < 0x3FFFE)
    )


def _may_stand_in_name(sign: str) -> bool:
    return (
        _is_letter(sign)
        or unicodedata.category(sign) in ("Mn", "Mc", "Nd")
        or sign == " "
        or sign in _NAME_PUNCTUATION
    )


def _not_in_a_name(sign: str) -> Unreadable:
    if unicodedata.category(sign)[0] in "CZ":
        return Unreadable(
            "姓名里有看不见的符号，请删掉重新输入",
            "The name contains an invisible sign. Please type it again.",
        )
    return Unreadable(
        f"姓名里有“{sign}”，请只填姓名", f"The name contains “{sign}”. Please give the name only."
    )
