"""SEC-2: both rules for a new password, and how passwords are kept."""

import pytest

from models import passwords
from models.passwords import Rule, hash_password, initial_password, is_common, objection, password_matches

NAMES = ["云溪高新区", "yunxi", "云溪青禾生物科技股份有限公司", ""]


def refused(password: str, rule: Rule = Rule.CLASSIFIED, username: str = "zhouzx") -> str:
    return objection(password, rule, username=username, names=NAMES)


@pytest.mark.parametrize(
    "password", ["Guihu#2026", "guihu#2026", "GUIHU#2026", "桂湖Lake2026", "Ab3" + "x" * 61]
)
def test_eight_signs_of_three_classes_are_enough_under_the_classified_rule(password):
    assert refused(password) == ""


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Ab#4567", "至少8个字，现在有7个"),
        ("guihu2026", "至少要用其中3种，现在用了2种"),
        ("GUIHUGUIHU", "至少要用其中3种，现在用了1种"),
        ("Zhouzx#2026", "不能有您的账号“zhouzx”"),
        ("我在云溪高新区上班A1", "不能有单位或地区的名称“云溪高新区”"),
        ("Yunxi#20261", "不能有单位或地区的名称“yunxi”"),
        ("P@ssw0rd", "太常见"),
        ("Password123!", "太常见"),
        ("aaAA11aa", "太常见"),
    ],
)
def test_the_classified_rule_says_what_to_change(password, why):
    assert why in refused(password)


def test_the_long_rule_wants_fifteen_signs_and_no_composition():
    assert "至少15个字，现在有14个" in refused("四字一句不够还要再多两个字呀", Rule.LONG)
    assert refused("lantern bridge morning", Rule.LONG) == ""
    assert refused("桂湖边的银杏树秋天叶子全都黄了", Rule.LONG) == ""
    assert "账号" in refused("zhouzx likes lanterns", Rule.LONG)


def test_the_two_rules_differ():
    assert refused("lantern bridge morning", Rule.CLASSIFIED)
    assert refused("Guihu#2026", Rule.LONG)


@pytest.mark.parametrize("rule", list(Rule))
def test_sixty_four_signs_and_more_are_always_accepted(rule):
    long = "Kite over the lake, 7 o'clock; " * 3
    assert len(long) > 64
    assert refused(long, rule) == ""
    assert refused(long[: passwords.MOST], rule) == ""


def test_passwords_are_compared_exactly_and_never_cut():
    long = "K7" + "é" * 90
    kept = hash_password(long)
    assert password_matches(kept, long)
    for other in (long[:-1], long + " ", " " + long, long.upper(), long.replace("é", "e\u0301")):
        assert not password_matches(kept, other)


def test_hashes_are_salted_argon2id():
    one, two = hash_password("Guihu#2026"), hash_password("Guihu#2026")
    assert one != two
    assert one.startswith("$argon2id$")
    assert "Guihu" not in one


def test_without_a_hash_nothing_matches():
    assert not password_matches(None, "nobody has this password")
    assert not password_matches("not a hash", "x")


@pytest.mark.parametrize("password", ["123456", "qwertyuiop", "1qaz2wsx", "Sunshine2026", "Qwerty12345!"])
def test_common_passwords_are_known_dressed_up_too(password):
    assert is_common(password)


def test_an_uncommon_password_is_not_called_common():
    assert not is_common("Guihu#2026")
    assert not is_common("lantern bridge morning")


def test_initial_passwords_are_long_random_and_readable_from_paper():
    some = {initial_password() for _ in range(50)}
    assert len(some) == 50
    for one in some:
        assert len(one) == 19
        assert not set(one) & set("01lioO")


# --- PINs of guards


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("12345", "现在是5位"),
        ("1234567", "现在是7位"),
        ("12a456", "只用6位数字"),
        ("一二三四五六", "只用6位数字"),
        ("111111", "连号"),
        ("221122", "一两个数字"),
        ("123456", "连号"),
        ("987654", "连号"),
        ("789012", "连号"),
        ("024680", "连号"),
        ("135135", "重复"),
        ("135531", "重复"),
        ("113355", "重复"),
        ("147258", "常见"),
        ("１２３４５６", "连号"),
        ("802931", "手机号的后6位"),
    ],
)
def test_a_pin_that_comes_to_mind_first_is_refused_in_words(typed, why):
    assert why in passwords.pin_objection(passwords.read_pin(typed), mobile="13800802931")


@pytest.mark.parametrize("typed", ["284613", " 28 46 13 ", "２８４６１３"])
def test_a_good_pin_is_taken_as_people_type_it(typed):
    pin = passwords.read_pin(typed)
    assert pin == "284613" and passwords.pin_objection(pin, mobile="13800802931") == ""
