"""What the tests of the policy packs share: a copy of the 2022 pack that they may spoil."""

from pathlib import Path

import pytest

from tests.policy.packs import OF_2022, Pack, copy_of


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return copy_of(OF_2022, tmp_path)
