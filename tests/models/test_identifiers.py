"""Every value of ID-1 to ID-8 and HLTH-1's spelling, and the words in which errors are told."""

import datetime
import functools
import inspect
import pickle
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from models import identifiers
from models.identifiers import (
    NAME_CHARACTERS,
    PERMIT_KINDS,
    Unreadable,
    celsius,
    credit_code,
    credit_code_warning,
    id_card,
    landline,
    mobile,
    mobile_needs_confirming,
    mrz_check_digit,
    permit,
    permit_holder,
    person_name,
    under_14,
)

TODAY = datetime.date(2026, 11, 21)

# Any text at all, lone surrogates included, mixed with what the readers look for.
ANY_TEXT = st.one_of(
    st.text(),
    st.text(st.characters(codec=None)),
    st.text("0123456789.,。·℃度+-–（） \u200b\u202e\t张·•'O0123456789"),
)

CREDIT_CODES = {
    "91350100M000100Y43": "the standard's example",
    "91510100MA00000152": "企业",
    "91510109MA0000023Y": "企业",
    "92330108MA00000313": "个体户",
    "11410105000000043M": "机关",
    "12320600000000051C": "事业单位",
    "52330400MJ0000069F": "民非",
    "93330902MA00000740": "合作社",
    "81320600MC00000989": "工会",
    "N2330402MF0000101B": "村集体",
}


def refusal(reader, *arguments) -> Unreadable:
    """The error of a reader, after seeing that it speaks both languages and does not exclaim."""
    with pytest.raises(Unreadable) as caught:
        reader(*arguments)
    error = caught.value
    assert error.zh == str(error)
    assert re.search("[一-龥]", error.zh)
    assert not re.search(r"[!！。.]$", error.zh)
    assert re.match("[A-Z].*[.?]$", error.en, re.DOTALL)
    assert not re.search("[一-龥]", re.sub("“.*?”", "", error.en))
    return error


# --- 统一社会信用代码 ---


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_a_credit_code_of_every_listed_kind_is_read(code):
    assert credit_code(code) == code


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_listed_codes_raise_no_doubt_about_their_17th_sign(code):
    assert credit_code_warning(code) is None


def test_a_credit_code_is_stored_in_capitals_without_spaces():
    assert credit_code(" 9151 0100 ma00-000152　") == "91510100MA00000152"
    assert credit_code("９１５１０１００ＭＡ０００００１５２") == "91510100MA00000152"


def test_a_wrong_check_sign_of_a_credit_code_is_refused():
    assert "最后一位" in refusal(credit_code, "91350100M000100Y44").zh


def test_z_at_the_end_of_a_credit_code_is_probably_a_2():
    assert refusal(credit_code, "91350100M000100Y4Z").zh == (
        "信用代码第18位是“Z”，代码里没有这个字符，多半是数字2"
    )


@pytest.mark.parametrize("letter", "IOSVZiosvz")
@pytest.mark.parametrize("place", [0, 1, 4, 9, 16, 17])
def test_no_credit_code_contains_i_o_s_v_or_z(letter, place):
    code = "91350100M000100Y43"
    error = refusal(credit_code, code[:place] + letter + code[place + 1 :])
    assert f"第{place + 1}位" in error.zh
    assert letter.upper() in error.zh


@pytest.mark.parametrize(("code", "length"), [("91350100M000100Y4", 17), ("91350100M000100Y430", 19)])
def test_a_credit_code_of_another_length_is_told_its_length(code, length):
    error = refusal(credit_code, code)
    assert error.zh == f"统一社会信用代码是18位，现在是{length}位"
    assert error.en == f"A credit code has 18 characters; this one has {length}."


@pytest.mark.parametrize("start", ["94", "21", "22", "01", "B1", "Y2", "A2", "60", "X1"])
def test_only_classes_of_the_table_begin_a_credit_code(start):
    middle = "350100M000100Y4"
    code = start + middle + identifiers.uscc.calc_check_digit(start + middle)
    if start == "21":
        assert credit_code(code) == code
    else:
        assert f"“{start}”" in refusal(credit_code, code).zh


@pytest.mark.parametrize("place", range(3, 9))
def test_letters_in_the_organ_of_a_credit_code_are_refused(place):
    code = "91350100M000100Y43"
    error = refusal(credit_code, code[: place - 1] + "A" + code[place:])
    assert error.zh == f"信用代码第3到8位是数字，第{place}位现在是“A”"


def test_an_odd_17th_sign_is_only_a_warning():
    code = "91350100M000100Y5"
    code += identifiers.uscc.calc_check_digit(code)
    assert credit_code(code) == code
    assert credit_code_warning(code) == "信用代码第17位通常是4，现在是5。与证照一致就不用改"


def test_the_17th_sign_can_be_x_or_0():
    # GB 11714: a remainder of 10 is written X, one of 11 as 0.
    signs = {n: _organisation_check(f"{n:08d}") for n in range(200)}
    for wanted in "X0":
        body = next(f"{n:08d}" for n, sign in signs.items() if sign == wanted)
        assert credit_code_warning(f"91510100{body}{wanted}0") is None
        assert f"通常是{wanted}" in (credit_code_warning(f"91510100{body}10") or "")


def _organisation_check(body: str) -> str:
    rest = sum(int(c) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    return "0" if rest == 0 else "X" if rest == 1 else str(11 - rest)


# --- 居民身份证 ---


@pytest.mark.parametrize(
    ("number", "birth_on", "sex"),
    [
        ("11010519491231002X", datetime.date(1949, 12, 31), "女"),
        ("440524188001010014", datetime.date(1880, 1, 1), "男"),
        ("51010719850312001X", datetime.date(1985, 3, 12), "男"),
        ("330108199202290020", datetime.date(1992, 2, 29), "女"),
        ("410105196607040035", datetime.date(1966, 7, 4), "男"),
        ("33010819880808004X", datetime.date(1988, 8, 8), "女"),
        ("330902194010010074", datetime.date(1940, 10, 1), "男"),
        ("810000199001010019", datetime.date(1990, 1, 1), "男"),
        ("820000199001010029", datetime.date(1990, 1, 1), "女"),
        ("830000199001010039", datetime.date(1990, 1, 1), "男"),
    ],
)
def test_a_listed_identity_number_tells_birth_and_sex(number, birth_on, sex):
    card = id_card(number, TODAY)
    assert (card.number, card.birth_on, card.sex) == (number, birth_on, sex)


def test_a_small_x_is_stored_as_a_capital():
    assert id_card("11010519491231002x", TODAY).number == "11010519491231002X"


def test_full_width_digits_and_spaces_of_an_identity_number_are_read():
    assert id_card("１１０１０５ 19491231 ００２ｘ　", TODAY).number == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("110105194912310021", "最后一位与前17位对不上"),
        ("11010519491331002X", "没有1949年13月31日这一天"),
        ("330108199302290028", "没有1993年02月29日这一天"),
        ("00010519491231002X", "开头没有“00”这个省份"),
        ("110105491231002", "请使用18位证件"),
        ("11010519491231002", "身份证号是18位，现在是17位"),
        ("1101051949123100X2", "最后一位是数字或X"),
        ("951840198506150019", "开头没有“95”这个省份"),
        ("", "请填18位身份证号"),
    ],
)
def test_a_wrong_identity_number_is_told_what_is_wrong(number, words):
    assert words in refusal(id_card, number, TODAY).zh


def test_nobody_is_born_tomorrow_and_somebody_is_born_today():
    today = datetime.date(1949, 12, 31)
    assert id_card("11010519491231002X", today).age == 0
    assert "还没有到" in refusal(id_card, "11010519491231002X", today - datetime.timedelta(days=1)).zh


@given(st.text("0123456789", min_size=17, max_size=17))
def test_the_check_sign_is_that_of_the_standard(digits):
    assert identifiers._last_sign(digits) == ric.calc_check_digit(digits + "0")


def test_no_birth_before_1850_is_read():
    body = "11010518491231002"
    number = body + ric.calc_check_digit(body + "0")
    assert "1849年12月31日" in refusal(id_card, number, TODAY).zh


def test_more_than_120_years_are_possible_but_to_be_confirmed():
    assert id_card("440524188001010014", TODAY).needs_confirming
    assert not id_card("11010519491231002X", TODAY).needs_confirming


def test_withdrawn_county_codes_are_legal():
    assert id_card("330902194010010074", TODAY).age == 86  # 舟山 had no 330902 in 1940


@pytest.mark.parametrize(
    ("number", "age", "under"),
    [("320613201211210041", 14, True), ("320613201211220055", 13, True), ("330402201506010065", 11, True)],
)
def test_the_14th_birthday_itself_still_counts_as_under_14(number, age, under):
    card = id_card(number, TODAY)
    assert card.age == age
    assert under_14(card.birth_on, TODAY) is under


def test_the_day_after_the_14th_birthday_is_14():
    assert not under_14(datetime.date(2012, 11, 21), datetime.date(2026, 11, 22))


def test_a_child_of_29_february_is_14_after_1_march():
    assert under_14(datetime.date(2012, 2, 29), datetime.date(2026, 3, 1))
    assert not under_14(datetime.date(2012, 2, 29), datetime.date(2026, 3, 2))


def test_an_identity_number_stays_out_of_repr_and_of_every_error():
    assert "11010519491231002X" not in repr(id_card("11010519491231002X", TODAY))
    assert "110105194912310021" not in refusal(id_card, "110105194912310021", TODAY).zh


# --- 通行证、护照 ---


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("H12345678", "hk_macau"),
        ("H1234567800", "hk_macau"),
        ("M98765432", "hk_macau"),
        ("HA1234567", "hk_macau"),
        ("12345678", "taiwan"),
        ("1234567890A", "taiwan"),
        ("E12345678", "chinese_passport"),
        ("EA1234567", "chinese_passport"),
        ("G12345678", "chinese_passport"),
        ("SE1234567", "chinese_passport"),
        ("L898902C3", "foreign_passport"),
        ("951840198506150019", "permanent_resident"),
        ("933392199012310029", "permanent_resident"),
        ("FRA110012345678", "permanent_resident"),
    ],
)
def test_a_listed_permit_is_read(number, kind):
    assert permit(number, kind) == number
    assert permit(f" {number[:3].lower()} {number[3:]} ", kind) == number


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("X12345678", "hk_macau"),
        ("H123456780", "hk_macau"),
        ("EI1234567", "chinese_passport"),
        ("EO1234567", "chinese_passport"),
        ("E1234567", "chinese_passport"),
        ("123456789", "taiwan"),
        ("AB12", "foreign_passport"),
        ("951840198506150018", "permanent_resident"),
        ("FR110012345678", "permanent_resident"),
        ("", "taiwan"),
    ],
)
def test_a_permit_that_cannot_be_is_refused_with_the_name_of_its_kind(number, kind):
    assert PERMIT_KINDS[kind].zh in refusal(permit, number, kind).zh


def test_the_example_of_each_kind_of_permit_is_read_as_that_kind():
    for kind, known in PERMIT_KINDS.items():
        assert permit(known.example, kind) == known.example


def test_a_renewed_hk_macau_permit_is_the_same_holder():
    assert permit_holder("H1234567800", "hk_macau") == permit_holder("H12345678", "hk_macau")
    assert permit_holder("H1234567900", "hk_macau") != permit_holder("H12345678", "hk_macau")
    assert permit_holder("951840198506150019", "permanent_resident") == "951840198506150019"


@pytest.mark.parametrize(("zone", "digit"), [("L898902C3", 6), ("740812", 2), ("120415", 9), ("<<<", 0)])
def test_the_check_digits_of_a_machine_readable_zone(zone, digit):
    assert mrz_check_digit(zone) == digit


def test_a_machine_readable_zone_has_no_small_letters():
    refusal(mrz_check_digit, "l898902c3")


# --- 手机、座机 ---


@pytest.mark.parametrize(
    "number", ["13800138000", "19200000000", "16600000000", "14400000000", "16100000000", "19400000000"]
)
def test_a_listed_mobile_is_read(number):
    assert mobile(number) == number


@pytest.mark.parametrize("number", ["14400000000", "16100000000", "19400000000"])
def test_a_mobile_of_a_range_not_given_out_is_to_be_confirmed(number):
    assert mobile_needs_confirming(number)


@pytest.mark.parametrize("number", ["13800138000", "19200000000", "16600000000"])
def test_a_mobile_of_a_known_range_needs_no_confirming(number):
    assert not mobile_needs_confirming(number)


@pytest.mark.parametrize(
    "typed",
    [
        "+86 138-0013-8000",
        "0086 13800138000",
        "86 138 0013 8000",
        "＋８６１３８００１３８０００",
        "１３８　００１３　８０００",
        "(+86) 138–0013—8000",
        "\u202d+86 138 0013 8000\u202c",
        "138\u200b00138000\ufeff",
        "\t13800138000\n",
    ],
)
def test_a_mobile_is_read_as_people_type_and_paste_it(typed):
    assert mobile(typed) == "13800138000"


@pytest.mark.parametrize(
    ("typed", "zh", "en"),
    [
        ("1380013800", "手机号是11位，现在是10位", "A mobile number has 11 digits; this one has 10."),
        (
            "138001380000",
            "手机号是11位，现在是12位",
            "A mobile number has 11 digits; this one has 12.",
        ),
        (
            "12345678901",
            "手机号以13到19开头，现在是12",
            "A mobile number begins with 13 to 19; this one begins with 12.",
        ),
        (
            "1380013800O",
            "手机号只用数字，现在有“O”",
            "A mobile number has digits only; this one has “O”.",
        ),
        (
            "+1 212 555 0100",
            "请填中国大陆的手机号，11位数字",
            "Please give a mobile number of mainland China, 11 digits.",
        ),
        ("  ", "请填手机号，11位数字", "Please give a mobile number, 11 digits."),
    ],
)
def test_a_wrong_mobile_is_told_what_is_wrong(typed, zh, en):
    error = refusal(mobile, typed)
    assert (error.zh, error.en) == (zh, en)


def test_digits_of_other_scripts_are_not_taken_for_a_mobile():
    refusal(mobile, "١٣٨٠٠١٣٨٠٠٠")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("028-88886666", "028-88886666"),
        ("02888886666", "02888886666"),
        ("0571-8888666", "0571-8888666"),
        (" 028－8888 6666-801 ", "028-88886666-801"),
    ],
)
def test_a_landline_is_read(typed, read):
    assert landline(typed) == read


@pytest.mark.parametrize(
    "typed", ["88886666", "28-88886666", "028-888866", "028-88886666-1234567", "", "电话"]
)
def test_a_landline_without_area_code_is_refused(typed):
    assert "028-88886666" in refusal(landline, typed).zh


# --- 体温 ---


@pytest.mark.parametrize(
    "typed",
    [
        "36.5",
        "36,5",
        "３６．５",
        "36.5℃",
        " 36.5 度",
        "36。5",
        "36，5",
        "36.5°C",
        "36.5 c",
        "36.5摄氏度",
        "36度5",
        "36 . 5",
        "036.5",
    ],
)
def test_a_temperature_is_read_as_people_type_it(typed):
    assert str(celsius(typed)) == "36.5"


def test_a_whole_number_has_one_decimal_place():
    assert str(celsius("37")) == "37.0"
    assert str(celsius("37度")) == "37.0"


@pytest.mark.parametrize("typed", ["33.9", "42.1", "0.0", "100.5"])
def test_whether_a_temperature_is_possible_is_for_the_policy(typed):
    assert celsius(typed) == Decimal(typed)


@pytest.mark.parametrize("typed", ["37.25", "37,25", "36.50"])
def test_more_than_one_decimal_place_is_refused_in_words(typed):
    assert refusal(celsius, typed).zh == "体温填到小数点后1位，现在是2位，例如36.5"


def test_a_missing_point_is_asked_about_and_not_guessed():
    assert refusal(celsius, "365").zh == "没有看懂“365”，是36.5吗？请带小数点填写"


def test_nonsense_is_quoted_back():
    error = refusal(celsius, "正常")
    assert error.zh == "没有看懂“正常”，请填测得的数字，例如36.5"
    assert error.en == "We could not read “正常”. Please give the number you measured, e.g. 36.5."


@pytest.mark.parametrize(
    "typed",
    ["36.", ".5", "-36.5", "1e2", "NaN", "Infinity", "36.5 37.0", "36 5", "٣٦٫٥", "97.7°F", "3650", "36.5.1"],
)
def test_what_is_not_clearly_a_temperature_is_not_guessed(typed):
    assert "没有看懂" in refusal(celsius, typed).zh


def test_a_long_or_unprintable_answer_is_quoted_short():
    error = refusal(celsius, "很好" * 500 + "\x00\udcff")
    assert error.zh == "没有看懂“" + "很好" * 10 + "…”，请填测得的数字，例如36.5"
    refusal(celsius, "\x00\u202e\udcff").zh.encode()


def test_no_temperature_is_asked_for():
    assert refusal(celsius, " 　").zh == "请填测得的体温，例如36.5"


# --- 姓名 ---


@pytest.mark.parametrize(
    "name",
    [
        "张三",
        "阿卜杜拉·买买提",
        "𠮷野",
        "O'Neil",
        "O’Neil",
        "Müller-Lüdenscheidt",
        "J. R. Smith",
        "李〇",
        "欧阳娜娜",
        "Nguyễn Thị Hà",
        "佐々木ゆり",
        "김민준",
        "सीता देवी",
        "محمد علي",
        "张伟（大）",
        "ด.ช. สมชาย",
        "\u738b\U000323b0",
        "\u674e\ue863",
    ],
)
def test_a_name_is_kept_whole(name):
    assert person_name(name) == name


@pytest.mark.parametrize("dot", "·•・･‧∙⋅．﹒.")
def test_every_middle_dot_becomes_one_kind(dot):
    assert person_name(f"阿卜杜拉{dot}买买提") == "阿卜杜拉·买买提"
    assert person_name(f"阿卜杜拉 {dot} 买买提".replace(" . ", ".")) == "阿卜杜拉·买买提"


def test_a_name_is_trimmed_and_its_spaces_collapsed():
    assert person_name(" \tMary   Ann　　Smith\r\n") == "Mary Ann Smith"


def test_a_name_is_stored_composed():
    assert person_name("Mu\u0308ller") == "Müller"


def test_zero_width_marks_of_messengers_are_dropped():
    assert person_name("\u200b张\u200d三\ufeff") == "张三"


@pytest.mark.parametrize(
    "name", ["张\x00三", "张\n三", "张\t三", "张\x7f三", "张\u2028三", "\u202e三张", "张\u2066三", "张\udcff"]
)
def test_control_characters_and_bidi_overrides_in_a_name_are_refused(name):
    assert refusal(person_name, name).zh == "姓名里有看不见的符号，请删掉重新输入"


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("<b>张三</b>", "<"),
        ("张三>", ">"),
        ("张三😀", "😀"),
        ("张三&", "&"),
        ("=1+1张", "="),
        ("张/三", "/"),
        ("❤张三", "❤"),
    ],
)
def test_markup_and_emoji_in_a_name_are_refused_by_sign(name, sign):
    error = refusal(person_name, name)
    assert error.zh == f"姓名里有“{sign}”，请只填姓名"
    assert error.en == f"The name contains “{sign}”. Please give the name only."


@pytest.mark.parametrize("name", ["123", "１２３", "---", "· ·", "..", "（）"])
def test_a_name_of_digits_or_dots_only_is_refused(name):
    assert "姓名里要有文字" in refusal(person_name, name).zh


@pytest.mark.parametrize("name", ["", "   ", "\u200b"])
def test_a_blank_name_is_asked_for(name):
    assert refusal(person_name, name).zh == "请填姓名"


def test_a_name_has_1_to_60_characters():
    assert person_name("张") == "张"
    assert len(person_name("张" * NAME_CHARACTERS)) == 60
    assert refusal(person_name, "张" * 61).zh == "姓名最多60个字，现在是61个"
    assert refusal(person_name, "张" * 300).en == "A name has at most 60 characters; this one has 300."


# --- the readers as a whole ---

READERS = {
    "credit_code": credit_code,
    "id_card": lambda text: id_card(text, TODAY),
    "mobile": mobile,
    "landline": landline,
    "celsius": celsius,
    "person_name": person_name,
    "mrz_check_digit": mrz_check_digit,
    **{kind: functools.partial(permit, kind=kind) for kind in PERMIT_KINDS},
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@given(text=ANY_TEXT)
def test_any_text_is_read_or_refused_in_words_that_can_be_sent(reader, text):
    try:
        reader(text)
        return
    except Unreadable as error:
        told = error
    assert len(told.zh) < 80
    assert told.en
    (told.zh + told.en).encode()  # a lone surrogate in it would break the answer


@given(ANY_TEXT)
def test_what_was_read_once_is_read_the_same_again(text):
    for reader in (mobile, person_name, landline):
        try:
            read = reader(text)
        except Unreadable:
            continue
        assert reader(read) == read


@given(st.decimals("0", "999.9", places=1))
def test_every_temperature_that_is_written_is_read_exactly(value):
    assert celsius(str(value)) == value
    assert celsius(f"{value}").as_tuple().exponent == -1


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_every_mobile_is_read_with_and_without_its_country_code(number):
    assert mobile(number) == mobile(f"+86{number}") == mobile(f"0086 {number}") == number


def test_an_error_survives_a_trip_between_processes():
    error = pickle.loads(pickle.dumps(Unreadable("没有看懂", "We could not read it.")))
    assert (error.zh, error.en, str(error)) == ("没有看懂", "We could not read it.", "没有看懂")


def test_every_error_of_the_module_has_both_languages():
    source = inspect.getsource(identifiers)
    assert source.count("Unreadable(") > 20
    assert issubclass(Unreadable, ValueError)


def test_a_country_code_stands_in_front_and_nowhere_else():
    assert identifiers.mobile("13800000086") == "13800000086"
    assert identifiers.mobile("13800860086") == "13800860086"


# --- times of day ---


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("9:12", 552), ("09：12", 552), ("0912", 552), ("912", 552), ("9点12", 552), ("９点１２分", 552), ("9.12", 552), ("9时", 540),
     ("9点整", 540), ("9点半", 570), ("9点5分", 545), ("下午3点20", 920), ("晚上11:40", 1420), ("中午12:10", 730), ("中午1点", 780),
     ("凌晨0:05", 5), ("0:00", 0), ("23:59", 1439), ("24:10", 1450), ("次日0:10", 1450), (" 9 : 12 ", 552)],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text, minutes):
    assert identifiers.clock_time(text) == datetime.timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "9",
        "25:00",
        "9:60",
        "9:5",
        "0960",
        "12345",
        "早上",
        "9:12:30",
        "-9:12",
        "9点12点",
        "九点",
        "下午25:00",
    ],
)
def test_what_is_no_time_is_refused_in_words(text):
    with pytest.raises(identifiers.Unreadable, match="09:12"):
        identifiers.clock_time(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_within_two_days_or_refused(text):
    try:
        clock = identifiers.clock_time(text)
    except identifiers.Unreadable:
        return
    assert datetime.timedelta(0) <= clock < datetime.timedelta(days=3)
