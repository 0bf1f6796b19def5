"""The event feed over kills and restarts: whoever says where they were misses nothing and is told nothing twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.followers import Audience

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def test_followers_miss_nothing_and_are_told_nothing_twice_over_kills_and_restarts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await Audience(data, 20, random.Random(4)).run(rounds=4)
