"""A server that is killed again and again under load, and clients that retry what was not acknowledged."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pysqlite3 import dbapi2

from homeport.contract import DATABASE_FILE
from homeport.coordination.messages import InboxQuery, Message, MessageFilter
from homeport.coordination.store import Records
from homeport.coordination.tasks import Task, TaskFilter
from homeport.coordination.values import Page
from homeport.storage.sqlite import open_store
from tests.support.load import Caller, callers
from tests.support.process import ServerProcess, server_process

CLIENTS: Final = 8
MOST_CALLS: Final = 250
"""Of a round: it is killed after some number of answers up to this one."""
SINK: Final = "sink"
_ALL: Final = Page(10_000_000)


@dataclass
class Call:
    """A call under a key, and what came of it."""

    name: str
    arguments: dict[str, Any]
    response: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Under which it is repeated; also its message's subject or its task's title."""
        return str(self.arguments["idempotency_key"])

    @property
    def succeeded(self) -> bool:
        """Whether it was carried out, and said so."""
        return self.response is not None and "result" in self.response

    async def make(self, caller: Caller) -> None:
        """Makes it, or makes it again.

        Raises:
            OSError: no answer came.
        """
        self.response = await caller.ask(self.name, **self.arguments)


@dataclass
class Siege:
    """What was asked of the server over all rounds.

    Args:
        data: its directory.
        chance: when it is killed, and who asks what.
    """

    data: Path
    chance: random.Random
    calls: list[Call] = field(default_factory=list)
    rounds: int = 0

    async def round(self) -> None:
        """Starts, retries, loads, kills."""
        with server_process(self.data) as server:
            async with callers(server.port, CLIENTS) as agents:
                if not self.rounds:
                    await self._register(agents[0])
                await self._retry(agents)
                await self._load(server, agents, self.chance.randint(1, MOST_CALLS))
            server.kill()
        self.rounds += 1
        check_file(self.data)

    async def finish(self) -> None:
        """Starts for the last time, retries, ends in order, and looks at all there is."""
        with server_process(self.data) as server:
            async with callers(server.port, CLIENTS) as agents:
                await self._retry(agents)
            assert server.stop() == 0
        check_file(self.data)
        store = await open_store(self.data)
        try:
            await store.read(self._check)
        finally:
            await store.close()

    async def _register(self, caller: Caller) -> None:
        for name in (SINK, *map(agent, range(CLIENTS))):
            await caller.call("register_instance", instanceId=name, role="dev")

    async def _retry(self, agents: Sequence[Caller]) -> None:
        """What was not answered is asked again; some of what was is asked again too, and answered as before."""
        open_calls = [call for call in self.calls if call.response is None]
        done = [call for call in self.calls if call.succeeded]
        again = self.chance.sample(done, min(40, len(done)))
        first = {call.key: call.response for call in again}
        queue = [*open_calls, *again]
        await asyncio.gather(*(_work_off(one, queue) for one in agents))
        assert {call.key: call.response for call in again} == first

    async def _load(self, server: ServerProcess, agents: Sequence[Caller], limit: int) -> None:
        answers = count(1)

        async def client(number: int) -> None:
            for step in count():
                call = self._next(number, step)
                self.calls.append(call)
                try:
                    await call.make(agents[number])
                except OSError:
                    return
                if next(answers) == limit:
                    server.kill()  # while the others wait for their answers

        await asyncio.gather(*map(client, range(CLIENTS)))

    def _next(self, number: int, step: int) -> Call:
        """Messages, tasks, and the same tasks that all the others want."""
        key = f"{self.rounds}-{number}-{step}"
        common = {"idempotency_key": key}
        match step % 3:
            case 0:
                text = "x" * self.chance.choice((10, 500, 20_000))
                message = {"to": SINK, "from": agent(number), "subject": key, "content": text}
                return Call("send_message", {**message, **common})
            case 1:
                wanted = {"id": f"shared-{self.rounds}-{step}", "title": key, "description": ""}
                return Call("create_task", {**wanted, **common})
            case _:
                wanted = {"id": f"shared-{self.rounds}-{step - 1}", "instanceId": agent(number)}
                return Call("claim_task", {**wanted, **common})

    def _check(self, records: Records) -> None:
        self._check_messages(
            records.messages.select(MessageFilter(), _ALL),
            [delivery.message.subject for delivery in records.messages.inbox(InboxQuery(SINK), _ALL)],
        )
        self._check_tasks(records.tasks.select(TaskFilter(), _ALL))

    def _check_messages(self, stored: Sequence[Message], delivered: Sequence[str]) -> None:
        sent = Counter(call.key for call in self.calls if call.name == "send_message")
        assert all(call.succeeded for call in self.calls if call.name == "send_message")
        assert Counter(message.subject for message in stored) == sent
        assert Counter(delivered) == sent
        ids = {call.key: call.response for call in self.calls}
        for message in stored:
            response = ids[message.subject]
            assert response is not None
            assert response["result"]["data"]["message"]["id"] == message.id

    def _check_tasks(self, stored: Sequence[Task]) -> None:
        """Of those that created or claimed a task one did, and the task says who."""
        created = [call for call in self.calls if call.name == "create_task" and call.succeeded]
        assert Counter(task.title for task in stored) == Counter(call.key for call in created)
        claimed = [call.arguments for call in self.calls if call.name == "claim_task" and call.succeeded]
        holders = {(wanted["id"], wanted["instanceId"]) for wanted in claimed}
        assert len(claimed) == len(holders)
        assert {(task.id, task.assigned_to) for task in stored if task.assigned_to} == holders
        assert all(task.fence <= 1 for task in stored)


async def _work_off(caller: Caller, queue: list[Call]) -> None:
    while queue:
        await queue.pop().make(caller)


def agent(number: int) -> str:
    """The name of a client."""
    return f"agent-{number}"


def check_file(data: Path) -> None:
    """The database is sound as the server left it. A copy is opened, so that the next start has all of it to do."""
    with TemporaryDirectory(prefix="homeport-check-") as copy:
        for name in (DATABASE_FILE, f"{DATABASE_FILE}-wal"):
            if (data / name).exists():
                shutil.copy(data / name, copy)
        database = dbapi2.connect(f"{copy}/{DATABASE_FILE}")
        try:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        finally:
            database.close()
