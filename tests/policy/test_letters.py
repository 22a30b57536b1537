"""The wording of responsibility letters: whole, without a blank that nobody fills, and without what the scheme does not say."""

import pytest

from models.policy.book import SHIPPED, Book
from models.policy.letters import digest_of_wording
from models.policy.loader import PolicyError, load_pack
from models.policy.names import LETTERS
from tests.policy.packs import OF_2022, OF_2024, Pack, copy_of

BOOK = Book.read(SHIPPED)
FAULTS = {
    "a blank that is not declared": ("至${ends_on}止", "至${ends_on}止，由${mayor}签", "letters[enterprise].term", "没有声明"),
    "a declared blank that nothing fills": ('blanks = ["starts_on"', 'blanks = ["mayor", "starts_on"', "blanks", "没有内容可填"),
    "a declared blank that no text uses": ('"starts_on", ', '"starts_on", "floor_celsius", ', "blanks", "没有用到"),
    "a dollar that is no blank": ("不另设罚款", "不另设$ 罚款", "letters[enterprise].breach", "空的名称"),
    "a term without its last day": ("自${starts_on}起，至${ends_on}止", "自${starts_on}起一年", "letters[enterprise].term", "ends_on"),
    "no months": ("months = 12", "months = 0", "letters[enterprise].months", "0"),
    "a kind that is missing": ('kind = "park_operator"', 'kind = "enterprise"', "letters[enterprise]", "重复"),
    "an unknown key": ("months = 12", 'months = 12\nseal = "x"', "letters[enterprise].seal", "没有这个键"),
}  # fmt: skip


@pytest.fixture
def pack(tmp_path) -> Pack:
    return copy_of(OF_2022, tmp_path)


@pytest.mark.parametrize("what", FAULTS)
def test_a_doubtful_wording_is_refused_by_file_and_key(pack: Pack, what: str):
    old, new, key, reason = FAULTS[what]
    pack.edit("letters.toml", old, new)
    with pytest.raises(PolicyError) as refusal:
        load_pack(pack.folder)
    said = str(refusal.value)
    assert "letters.toml" in said and key in said and reason in said


def test_a_pack_has_a_letter_of_each_kind(pack: Pack):
    text = (pack.folder / "letters.toml").read_text("utf-8")
    (pack.folder / "letters.toml").write_text(text[: text.rindex("[[letters]]")], "utf-8")
    with pytest.raises(PolicyError, match=r"building_operator.*缺少"):
        load_pack(pack.folder)


@pytest.mark.parametrize("key", BOOK.keys())
@pytest.mark.parametrize("kind", LETTERS)
def test_every_letter_is_whole_and_leaves_only_its_own_term_open(key: str, kind: str):
    letter = BOOK.get(key).letter(kind)
    texts = [
        letter.title,
        letter.preamble(),
        *letter.unit_duties,
        *letter.firm_duties,
        *letter.breach,
        *letter.closing,
    ]
    assert not [text for text in texts if "$" in text]
    assert [text.count("${") for text in letter.term] == [2]
    said = "".join(texts)
    assert "指导" in said and "培训" in said and "整改" in said and "个人信息" in said and "一式两份" in said
    assert "罚款和违约金" in said and "元" not in said  # no fine is invented


def test_a_basis_that_nobody_has_checked_is_not_cited():
    of_2022, of_2024 = (BOOK.get(key).letter("enterprise") for key in (OF_2022, OF_2024))
    assert "成高管办发〔2022〕14号）二（一）1" in of_2022.preamble()
    assert "征求意见稿" not in of_2024.preamble() and "依据" not in of_2024.preamble()


def test_the_wording_asks_for_daily_temperatures_only_where_the_scheme_does():
    of_2022, of_2024 = (BOOK.get(key).letter("enterprise") for key in (OF_2022, OF_2024))
    assert any("每天监测体温" in duty for duty in of_2022.firm_duties)
    assert all(
        duty.startswith("应急状态下") for duty in of_2024.firm_duties if "测温" in duty or "每天监测" in duty
    )
    assert any("常态每周报，应急每天报" in duty for duty in of_2022.firm_duties)
    assert any("常态每月报，应急每天报" in duty for duty in of_2024.firm_duties)


def test_figures_follow_the_scheme_and_another_wording_has_another_digest(pack: Pack):
    before = load_pack(pack.folder)
    pack.edit("scheme.toml", "fever_celsius = 37.3", "fever_celsius = 37.5")
    after = load_pack(pack.folder)
    assert any("37.5℃" in duty for duty in after.letter("enterprise").firm_duties)
    assert digest_of_wording(before.letter("enterprise")) != digest_of_wording(after.letter("enterprise"))
    assert before.digest != after.digest


def test_the_same_wording_has_the_same_digest_wherever_it_stands(pack: Pack):
    shipped = BOOK.get(OF_2022).letter("park_operator")
    assert digest_of_wording(load_pack(pack.folder).letter("park_operator")) == digest_of_wording(shipped)
