"""ID-9: what a mask shows, and that it never shows all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.identifiers import Unreadable, person_name
from models.masks import mask_id, mask_id_in_list, mask_mobile, mask_name, mask_passport


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("何小明", "何**"),
        ("欧阳娜娜", "欧阳**"),
        ("欧阳修", "欧阳*"),
        ("诸葛亮", "诸葛*"),
        ("歐陽菲菲", "歐陽**"),
        ("阿卜杜拉·买买提", "阿卜杜拉·***"),
        ("Müller-Lüdenscheidt", "Müller-L***"),
        ("O'Neil", "O***"),
        ("John Smith", "John S***"),
        ("Mary Ann Smith", "Mary A***"),
        ("Мария Иванова", "Мария И***"),
        ("𠮷野", "𠮷*"),
        ("김민준", "김**"),
        ("尼玛次仁多吉", "尼***"),
        ("张 三", "张*"),
    ],
)
def test_a_masked_name_keeps_the_surname(name, masked):
    assert mask_name(name) == masked


def test_a_name_that_is_only_a_compound_surname_keeps_one_character():
    assert mask_name("欧阳") == "欧*"


def test_a_name_of_one_character_is_hidden_whole():
    assert mask_name("张") == "*"
    assert mask_name("X") == "*"
    assert mask_name("") == ""


def test_a_name_that_begins_or_ends_with_a_dot_shows_no_more():
    assert mask_name("·买买提") == "买**"
    assert mask_name("买买提·") == "买**"


def test_masked_numbers_keep_their_ends():
    assert mask_mobile("13800008000") == "138****8000"
    assert mask_id("330108199202290020") == "3301**********0020"
    assert mask_passport("E12345678") == "E*****678"


def test_a_list_shows_only_the_last_four_of_an_identity_number():
    assert mask_id_in_list("330108199202290020") == "****0020"


@pytest.mark.parametrize("short", ["", "1", "1234", "12345678"])
def test_a_number_too_short_for_its_mask_is_hidden_whole(short):
    assert set(mask_id(short)) <= {"*"}
    assert set(mask_mobile(short[:7])) <= {"*"}
    assert set(mask_passport(short[:4])) <= {"*"}
    assert mask_id_in_list(short[:4]) == "****"


@given(st.text(st.characters(codec="utf-8", exclude_characters="*")))  # a star that was there hides nothing
def test_no_mask_shows_everything(text):
    for mask in (mask_name, mask_mobile, mask_id, mask_id_in_list, mask_passport):
        assert mask(text) != text or not text.strip(" ·")


@given(st.text())
def test_every_stored_name_has_stars_when_masked(text):
    try:
        name = person_name(text)
    except Unreadable:
        return
    assert mask_name(name).endswith("*")
