"""The long form of the kills of tests/server: hundreds, each at another moment."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.killing import Siege
from tests.support.process import server_process
from tests.support.races import race_for_tasks

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.mark.parametrize("seed", range(4))
async def test_50_times_kill_9_under_load_loses_nothing_and_does_nothing_twice(tmp_path: Path, seed: int) -> None:
    """Four times, so 200 kills; in four directories, since the checks grow with what is there."""
    data = tmp_path / "data"
    data.mkdir()
    siege = Siege(data, random.Random(seed))
    for _ in range(50):
        await siege.round()
    await siege.finish()


async def test_of_64_clients_that_race_for_a_task_one_wins_2000_times(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        await race_for_tasks(server.port, clients=64, rounds=2000)
        assert server.stop() == 0
