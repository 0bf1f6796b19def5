"""Agents that wait for messages while the server is killed under them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.waiters import Watch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def test_100_waiting_agents_are_told_each_message_once_though_the_server_is_killed_3_times(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await Watch(data, 100, random.Random(3)).run(kills=3)
