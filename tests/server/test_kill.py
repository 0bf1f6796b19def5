"""A server that is killed, and one that is told to stop, while clients write as fast as they can."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tests.support.killing import Siege
from tests.support.load import Caller, callers
from tests.support.process import ServerProcess, server_process, starting
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_6_times_kill_9_under_load_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    siege = Siege(data, random.Random(6))
    for _ in range(6):
        await siege.round()
    await siege.finish()


async def test_a_server_that_is_killed_while_it_starts_starts_the_next_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    seen: set[str] = set()
    for number in range(12):
        seen |= await _killed_at_start(data, number)
    with server_process(data) as server:
        assert server.call("register_instance", instanceId="ada", role="dev")["is_new"]
        assert server.stop() == 0
    assert len(seen) > 1, "it was always killed at the same point"


async def _killed_at_start(data: Path, steps: int) -> set[str]:
    """Starts a server on what is there and kills it when so many more changes of its directory were seen."""

    def state() -> str:
        sizes = {}
        for file in data.iterdir():
            with suppress(FileNotFoundError):  # the proof that the directory can be written comes and goes
                sizes[file.name] = file.stat().st_size
        return repr(sorted(sizes.items()))

    with starting(data) as server:
        changes: list[str] = [state()]

        def enough() -> bool:
            now = state()
            if now != changes[-1]:
                changes.append(now)
            return len(changes) > steps or server.process.poll() is not None or server.log.stat().st_size > 0

        until(enough, within=30)
        server.kill()
        return {state()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_is_told_to_stop_under_load_answers_all_that_it_took(
    tmp_path: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        async with callers(server.port, 40) as agents:
            await agents[0].call("register_instance", instanceId="ada", role="dev")
            await agents[0].call("register_instance", instanceId="idle", role="dev")
            cursor = (await agents[0].call("wait_for_messages", instanceId="idle", timeout_seconds=0))["cursor"]
            waits = [
                asyncio.create_task(
                    one.call("wait_for_messages", instanceId="idle", cursor=cursor, timeout_seconds=110)
                )
                for one in agents[32:]
            ]
            acknowledged = await _until_it_ends(server, agents[:32], number)
            answers = await asyncio.gather(*waits)
        assert server.process.wait(30) == 0
        assert all(answer["messages"] == [] for answer in answers)
    with server_process(data) as server:
        total = server.call("get_messages", instanceId="ada")["total"]
        assert total == len(acknowledged) == len(set(acknowledged))
        assert server.stop() == 0


async def _until_it_ends(server: ServerProcess, agents: Sequence[Caller], number: int) -> list[str]:
    """Sends until the server accepts no connection any more; fails where a request was taken and not answered."""
    acknowledged: list[str] = []

    async def client(index: int) -> None:
        for step in count():
            try:
                sent = await agents[index].call("send_message", to="ada", from_="x", subject=f"{step}", content="!")
            except ConnectionRefusedError:
                return
            acknowledged.append(sent["message"]["id"])
            if len(acknowledged) == 500:
                server.process.send_signal(number)

    await asyncio.gather(*map(client, range(len(agents))))
    return acknowledged
