"""The long form of the event feed over kills and restarts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.followers import Audience

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


async def test_followers_miss_nothing_and_are_told_nothing_twice_over_200_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await Audience(data, 100, random.Random(5)).run(rounds=200)
