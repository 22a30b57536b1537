"""gate.md §3.9: the word changes each minute, is the same for pass and guard, and tells gates apart."""

import datetime
from collections import Counter
from pathlib import Path

import pypinyin
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vault import Vault
from models.words import SHAPES, WORDS, Word, current, minute_of, previous, seconds_left, word_for

KEY = bytes(range(32))
NOON = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
WEEK = range(29_000_000, 29_000_000 + 7 * 24 * 60)

seconds = st.integers(0, 4_000_000_000)
gates = st.integers(1, 2**62)


def at(second: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(second, datetime.UTC)


def test_there_are_enough_words_of_two_characters_in_equal_groups():
    assert len(WORDS) >= 64
    assert len(WORDS) % 3 == 0
    assert all(len(zh) == 2 and en.isascii() and en.isalpha() for zh, en in WORDS)
    assert ("归帆", "sail") in WORDS
    assert "听雨" in dict(WORDS)


def test_no_two_words_begin_alike_sound_alike_or_are_translated_alike():
    assert len({zh[0] for zh, _ in WORDS}) == len(WORDS)
    assert len({tuple(pypinyin.lazy_pinyin(zh)) for zh, _ in WORDS}) == len(WORDS)
    assert len({en for _, en in WORDS}) == len(WORDS)


def test_no_word_sounds_of_ill_luck_or_religion():
    assert not set("死亡葬丧坟鬼哭病孤残寒败断散落终佛禅庙寺神仙教堂经咒魔灵") & {
        c for zh, _ in WORDS for c in zh
    }


def test_every_shape_stands_in_the_sprite():
    sprites = list((Path(__file__).parents[2] / "static").rglob("sprite.svg"))
    if not sprites:
        pytest.skip("no sprite in static/ yet")
    for shape in SHAPES:
        assert f'id="i-w-{shape}"' in sprites[0].read_text(encoding="utf-8")


@given(gates, seconds, st.integers(60, 119))
def test_two_looks_61_seconds_apart_always_differ(gate, second, apart):
    assert current(KEY, gate, at(second)).zh != current(KEY, gate, at(second + 61)).zh
    assert current(KEY, gate, at(second)).zh != current(KEY, gate, at(second + apart)).zh


def test_over_a_week_no_three_minutes_in_a_row_share_a_word():
    words = [word_for(KEY, 7, minute).zh for minute in WEEK]
    assert all(len({*words[n : n + 3]}) == 3 for n in range(len(words) - 2))


def test_pass_and_guard_see_the_same_word_for_the_whole_minute():
    assert len({current(KEY, 7, NOON + datetime.timedelta(seconds=s)) for s in (0, 1, 30, 59.9)}) == 1
    assert current(KEY, 7, NOON) == word_for(KEY, 7, minute_of(NOON))


def test_the_previous_word_is_the_one_of_a_minute_ago():
    assert previous(KEY, 7, NOON) == current(KEY, 7, NOON - datetime.timedelta(minutes=1))


def test_the_word_does_not_depend_on_the_zone_in_which_time_is_told():
    assert current(KEY, 7, NOON) == current(KEY, 7, NOON.astimezone(datetime.UTC))
    with pytest.raises(ValueError, match="时区"):
        minute_of(NOON.replace(tzinfo=None))


def test_a_vault_serves_as_key_and_two_vaults_give_different_words():
    one, two = Vault.fresh(), Vault.fresh()
    assert word_for(one, 7, WEEK[0]) == word_for(one, 7, WEEK[0])
    assert [word_for(one, 7, m) for m in WEEK[:60]] != [word_for(two, 7, m) for m in WEEK[:60]]


def test_a_word_comes_with_its_translation_and_a_shape():
    word = word_for(KEY, 7, WEEK[0])
    assert isinstance(word, Word)
    assert (word.zh, word.en) in WORDS
    assert word.shape in SHAPES


def test_every_word_comes_about_as_often_as_any_other():
    drawn = Counter(word_for(KEY, 7, minute).zh for minute in WEEK)
    expected = len(WEEK) / len(WORDS)
    assert len(drawn) == len(WORDS)
    assert max(drawn.values()) < 1.7 * expected
    assert min(drawn.values()) > 0.4 * expected


def test_another_gate_rarely_has_the_same_word_at_the_same_minute():
    alike = sum(
        word_for(KEY, gate, minute).zh == word_for(KEY, gate + 1, minute).zh
        for gate in range(1, 31)
        for minute in WEEK[:300]
    )
    assert alike / (30 * 300) < 0.02


def test_the_words_so_far_do_not_give_the_next_one_away():
    # A permutation of a block would: its last word is what is left over. Words must come back within a block.
    words = [word_for(KEY, 7, minute).zh for minute in WEEK[: len(WORDS)]]
    assert len(set(words)) < len(words)


def test_one_minute_says_nothing_of_the_place_of_the_next_in_its_group():
    places = {pair: place // 3 for place, pair in enumerate(WORDS)}
    drawn = [word_for(KEY, 7, minute) for minute in WEEK]
    spots = [places[word.zh, word.en] for word in drawn]
    for apart in (1, 2, 3):
        alike = sum(a == b for a, b in zip(spots, spots[apart:], strict=False)) / len(spots)
        assert alike < 2 * 3 / len(WORDS)


def test_the_seconds_left_run_from_60_to_1():
    assert seconds_left(NOON) == 60
    assert seconds_left(NOON + datetime.timedelta(seconds=37)) == 23
    assert seconds_left(NOON + datetime.timedelta(seconds=59.9)) == 1
