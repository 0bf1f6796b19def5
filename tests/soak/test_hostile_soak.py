"""Ten thousand slow connections: the long form of tests/server/test_hostile.py."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.support.hostility import descriptors, others_are_answered, slow_connections
from tests.support.process import server_process
from tests.support.waiting import eventually

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


async def test_others_are_answered_while_10000_connections_are_slow_and_all_are_let_go(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with descriptors(10_500), server_process(data) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        process = psutil.Process(server.process.pid)

        async def nobody_is_left() -> bool:
            return process.num_fds() < 200

        # They do not leave by themselves: the server ends a head that takes over thirty seconds.
        async with slow_connections(server, 10_000), others_are_answered(server):
            await eventually(nobody_is_left, within=90)
        assert server.stop() == 0
