"""By which letters a name is found from a keyboard."""

import pytest

from models.initials import LONGEST, initials_of


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("张晓明", "zxm"), ("张O明", "zom"), ("Léa Roux", "lr"), ("阿卜杜拉·买买提", "abdlmmt"), ("𠮷野樱", "yy"), ("Иван Лебедев", ""),
        ("", ""), ("张" * 40, "z" * LONGEST),
    ],
)  # fmt: skip
def test_of_a_person_each_word_counts_by_its_first_letter(name, initials):
    assert initials_of(name) == initials


@pytest.mark.parametrize(
    ("name", "initials"),
    [("青禾生物", "qhsw"), ("A6设计", "a6sj"), ("ABC科技", "abckj"), ("3D打印", "3ddy"), ("7-11便利", "711bl"), ("（）", ""), ("", "")],
)  # fmt: skip
def test_of_an_enterprise_words_in_latin_letters_stay_whole(name, initials):
    assert initials_of(name, words=True) == initials
