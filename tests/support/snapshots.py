"""Snapshots that the command takes, and writers whose acknowledged writes are compared with what is in them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

from homeport import server
from homeport.contract import DATABASE_FILE
from tests.support.load import Caller, callers
from tests.support.running import PROGRAM, Workspace
from tests.support.waiting import eventually

WRITERS: Final = 4
BODY: Final = "x" * 500


def data_command(place: Workspace, *arguments: str | Path) -> list[str]:
    """The arguments of a ``homeport data`` that answers in JSON."""
    return [*PROGRAM, "--config", str(place.file), "--json", "data", *map(str, arguments)]


def answer_of(place: Workspace, *arguments: str | Path, code: int = 0) -> Any:
    """Its answer, or its error where another exit code than 0 and 4 is expected."""
    ran = subprocess.run(data_command(place, *arguments), capture_output=True, text=True, check=False)
    assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
    return json.loads(ran.stderr)["error"] if code not in (0, 4) else json.loads(ran.stdout)


@dataclass
class Writers:
    """Clients that send as fast as they are answered, or as often as is asked for.

    Attributes:
        rate: messages a second of all of them together, at most; 0 is as fast as they are answered.
        acknowledged: how many messages of each were; each numbers its own.
    """

    rate: float = 0.0
    acknowledged: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    ended: bool = False

    @property
    def total(self) -> int:
        """Of all of them."""
        return sum(self.acknowledged.values())

    async def write(self, port: int) -> None:
        """Until somebody says that it is over."""
        async with callers(port, WRITERS) as agents:
            await asyncio.gather(*(self._client(number, agent) for number, agent in enumerate(agents)))

    async def _client(self, number: int, agent: Caller) -> None:
        began = asyncio.get_running_loop().time()
        for step in count():
            if self.ended:
                return
            if self.rate:
                await reached(began + step * WRITERS / self.rate)
            await agent.call("send_message", to="ada", from_=f"w{number}", subject=f"{number} {step}", content=BODY)
            self.acknowledged[number] = step + 1


async def snapshots_under_load(place: Workspace, directory: Path, rounds: int, *, writes_between: int) -> None:
    """Takes snapshots while clients write: each is sound, and is all that was acknowledged before, without a gap."""
    writers = Writers()
    writing = asyncio.create_task(writers.write(place.port))
    try:
        for number in range(rounds):
            wanted = (number + 1) * writes_between
            while writers.total < wanted:
                assert not writing.done(), writing.exception()
                await asyncio.sleep(0)
            before = dict(writers.acknowledged)
            target = directory / f"snapshot-{number}"
            command = data_command(place, "snapshot", place.environment, target)
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            output, _ = await process.communicate()
            assert process.returncode == 0
            after = dict(writers.acknowledged)
            await asyncio.to_thread(_check, target, json.loads(output), before, after)
    finally:
        writers.ended = True
        await writing


async def reached(moment: float) -> None:
    """Until the event loop's clock shows it: load comes at a rate."""
    loop = asyncio.get_running_loop()

    async def has_come() -> bool:
        return loop.time() >= moment

    await eventually(has_come, within=max(10.0, 2 * (moment - loop.time())))


async def backups_under_load(place: Workspace, directory: Path, rounds: int, *, rate: float, seconds: float) -> float:
    """Makes backups while clients write, and restores each: sound, and all that was acknowledged, without a gap.

    Returns:
        How many messages a second were acknowledged.
    """
    writers = Writers(rate)
    loop = asyncio.get_running_loop()
    writing = asyncio.create_task(writers.write(place.port))
    made: list[tuple[str, dict[int, int], dict[int, int]]] = []
    try:
        while writers.total == 0:
            assert not writing.done(), writing.exception()
            await asyncio.sleep(0)
        began = loop.time()
        for number in range(rounds):
            await reached(began + number * seconds / rounds)
            before = dict(writers.acknowledged)
            backup = (await _answered(place, "backup", "create", place.environment))["backup"]
            made.append((backup, before, dict(writers.acknowledged)))
        await reached(began + seconds)
        acknowledged = writers.total / (loop.time() - began)
    finally:
        writers.ended = True
        await writing
    for backup, before, after in made:
        target = directory / f"restored-{backup}"
        await _answered(place, "restore", place.environment, backup, "--to", str(target))
        await asyncio.to_thread(_check_messages, target, before, after)
    return acknowledged


async def _answered(place: Workspace, *arguments: str) -> Any:
    command = [*PROGRAM, "--config", str(place.file), "--json", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, said = await process.communicate()
    assert process.returncode == 0, said
    return json.loads(output)


def _check(target: Path, taken: Any, before: dict[int, int], after: dict[int, int]) -> None:
    assert taken["live"]
    assert sorted(path.name for path in target.iterdir()) == ["homeport.db", "identity.json"]
    found = server.data_facts(target, deep=True)
    assert found["problems"] == []
    assert found["counts"] == taken["facts"]["counts"]
    assert (found["identity"], found["position"]) == (taken["facts"]["identity"], taken["facts"]["position"])
    _check_messages(target, before, after)


def _check_messages(target: Path, before: dict[int, int], after: dict[int, int]) -> None:
    """A sound prefix of what each writer wrote, with all that was acknowledged before it was taken."""
    assert server.data_facts(target, deep=True)["problems"] == []
    sent = messages_of(target)
    for number in range(WRITERS):
        steps = [step for writer, step in sent if writer == number]
        assert steps == list(range(len(steps))), "a write is missing of those before it"
        # One more than was acknowledged may be there: its answer was under way.
        assert before.get(number, 0) <= len(steps) <= after.get(number, 0) + 1


def messages_of(snapshot: Path) -> list[tuple[int, int]]:
    """What the writers' messages say, in the order in which they were stored."""
    address = f"{(snapshot / DATABASE_FILE).as_uri()}?immutable=1"
    database = dbapi2.connect(address, uri=True)
    try:
        rows = database.execute("SELECT subject FROM messages ORDER BY seq").fetchall()
    finally:
        database.close()
    return [(int(subject.split()[0]), int(subject.split()[1])) for (subject,) in rows]
