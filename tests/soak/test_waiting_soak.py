"""The long form of the agents that wait while the server is killed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.waiters import Watch

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.mark.parametrize("seed", range(4))
async def test_500_waiting_agents_are_told_each_message_once_though_the_server_is_killed_25_times(
    tmp_path: Path, seed: int
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await Watch(data, 500, random.Random(seed)).run(kills=25)
