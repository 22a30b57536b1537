"""The tablet's code: of one gate, of these two minutes, and of nobody's making but ours."""

from datetime import UTC, datetime, timedelta

import pytest

from models.rotating import OLDER, SLOT, is_rotating, rotating, seconds_left
from models.vault import Vault

NOW = datetime(2026, 11, 20, 1, 41, 30, tzinfo=UTC)  # the first second of a slot
VAULT = Vault.fresh()


def test_the_code_stays_for_half_a_minute_and_then_changes():
    first = rotating(VAULT, 7, NOW)
    assert rotating(VAULT, 7, NOW + timedelta(seconds=SLOT - 1)) == first
    assert rotating(VAULT, 7, NOW + timedelta(seconds=SLOT)) != first
    assert seconds_left(NOW) == SLOT and seconds_left(NOW + timedelta(seconds=SLOT - 1)) == 1


def test_a_code_counts_in_its_own_slot_and_the_three_after_it():
    shown = rotating(VAULT, 7, NOW)
    for slot in range(OLDER + 1):
        assert is_rotating(VAULT, 7, shown, NOW + timedelta(seconds=SLOT * slot + SLOT - 1))
    assert not is_rotating(VAULT, 7, shown, NOW + timedelta(seconds=SLOT * (OLDER + 1)))
    assert not is_rotating(VAULT, 7, shown, NOW - timedelta(seconds=1))  # not before it was shown


def test_a_code_is_of_one_gate_and_one_installation():
    shown = rotating(VAULT, 7, NOW)
    assert rotating(VAULT, 8, NOW) != shown and not is_rotating(VAULT, 8, shown, NOW)
    assert not is_rotating(Vault.fresh(), 7, shown, NOW)


@pytest.mark.parametrize("odd", ["", "x" * 12, "二维码二维码二维码二维码", "\udc80", "x" * 5000])
def test_any_odd_text_is_no_code(odd):
    assert not is_rotating(VAULT, 7, odd, NOW)


def test_every_changed_character_spoils_it():
    shown = rotating(VAULT, 7, NOW)
    assert len(shown) == 12
    for place, sign in enumerate(shown):
        other = "A" if sign != "A" else "B"
        assert not is_rotating(VAULT, 7, shown[:place] + other + shown[place + 1 :], NOW)


def test_an_instant_without_a_zone_is_an_error():
    with pytest.raises(ValueError, match="时区"):
        rotating(VAULT, 7, NOW.replace(tzinfo=None))
