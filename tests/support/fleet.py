"""Servers of one environment on machines of their own, one database on another, and nginx in front of them."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2

from homeport.contract import DatabaseAddress
from homeport.coordination.messages import MessageFilter
from homeport.coordination.store import Records
from homeport.coordination.values import Page
from homeport.storage.postgres import open_store
from tests.support.killing import SINK, Call, Siege
from tests.support.load import Caller
from tests.support.namespaces import Namespace, namespaces
from tests.support.nginx import serving
from tests.support.postgres import Cluster, cluster
from tests.support.process import ServerProcess, starting
from tests.support.stores import IDENTITY, fill
from tests.support.waiting import eventually, until

PORT: Final = 3446
CLIENTS: Final = 64
_ALL: Final = Page(10_000_000)
_NGINX: Final = """\
    upstream homeport {{
{servers}
    }}
    server {{
        listen unix:{directory}/nginx.sock;
        location / {{
            proxy_pass http://homeport;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
            proxy_buffering off;
            proxy_connect_timeout 1s;
            proxy_read_timeout {patience}s;
            proxy_next_upstream error timeout http_503 non_idempotent;
            proxy_next_upstream_tries 3;
        }}
    }}
"""
PATIENCE: Final = 14
"""Seconds that nginx waits for a server that says nothing; longer than a server waits for its database."""


class FleetCaller(Caller):
    """A client of nginx, by its unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(0)
        self._path = path

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self.fresh = True
            self._streams = await asyncio.open_unix_connection(self._path, limit=1 << 20)
        return self._streams

    async def insist(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer, be it a refusal; asked again for as long as none comes, or the store is away."""

        async def answered() -> dict[str, Any] | None:
            try:
                answer = await self.ask(name, **arguments)
            except (OSError, ValueError):  # a page of nginx's own is no JSON
                self.drop()
                return None
            return None if answer.get("error", {}).get("data", {}).get("code") == "unavailable" else answer

        answer = await eventually(answered, within=90)
        assert answer is not None
        return answer


@dataclass
class Fleet:
    """Three servers, their database, and the way to them."""

    machines: Sequence[Namespace]
    cluster: Cluster
    address: DatabaseAddress
    directory: Path
    servers: list[ServerProcess] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def socket(self) -> Path:
        """Of nginx."""
        return self.directory / "nginx" / "nginx.sock"

    def restart_database(self) -> None:
        """All that was under way there is broken off."""
        self.cluster.restart()

    def kill_database(self) -> None:
        """As ``kill -9``, and another start."""
        self.cluster.kill()
        self.cluster.start()

    def freeze_database(self) -> None:
        """It hangs for longer than a server asks it for a proof."""
        with self.cluster.frozen(), suppress(AssertionError):
            until(lambda: False, within=6)

    def start(self, number: int) -> ServerProcess:
        """Starts the server of a machine, for the first time or again."""
        data = self.directory / f"server-{number}"
        data.mkdir(exist_ok=True)
        machine = self.machines[number]
        more = {"listen": machine.address, "socket": f"{data}.sock"}
        again = starting(data, port=PORT, database=self.address, prefix=machine.prefix, more=more)
        server = self._stack.enter_context(again)
        self.servers[number : number + 1] = [server]
        return server

    def is_well(self, number: int) -> bool:
        """Whether it says so itself, be it reached or not."""
        return _is_well(self.servers[number], self.directory / f"server-{number}.sock")


@contextmanager
def fleet(directory: Path, servers: int = 3) -> Iterator[Fleet]:
    """All of it, up and well."""
    with ExitStack() as stack:
        *machines, house, door = stack.enter_context(namespaces(servers + 2))
        made = stack.enter_context(cluster(address=house.address, port=5432, prefix=house.prefix))
        address = made.create(tcp=True, template=made.template("filled", fill))
        found = Fleet(machines, made, address, directory, [], stack.enter_context(ExitStack()))
        for number in range(servers):
            found.start(number)
        for number in range(servers):
            until(partial(found.is_well, number), within=60)
        stack.enter_context(_door(directory / "nginx", door, machines))
        yield found


@contextmanager
def _door(directory: Path, machine: Namespace, servers: Sequence[Namespace]) -> Iterator[Path]:
    directory.mkdir()
    lines = "\n".join(f"        server {one.address}:{PORT} max_fails=1 fail_timeout=2s;" for one in servers)
    body = _NGINX.format(directory=directory, servers=lines, patience=PATIENCE)
    socket_file = directory / "nginx.sock"
    with serving(directory, body, socket_file.exists, more="user root;\n", prefix=machine.prefix):
        yield socket_file


def _is_well(server: ServerProcess, path: Path) -> bool:
    assert server.process.poll() is None, server.log.read_text()[-2000:]
    if not _listens(path):
        return False
    with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as http:
        return http.get("http://localhost/health", timeout=30).status_code == 200


def _listens(path: Path) -> bool:
    """Whether somebody is there; a server that was killed leaves its socket behind."""
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(str(path))
        except OSError:
            return False
    return True


@dataclass
class Race:
    """Many clients that write, others that wait, and what happens to the machines meanwhile.

    Args:
        fleet: the servers.
        steps: what each client asks.
        chance: who asks what.
        waiters: how many wait for what is sent.
    """

    fleet: Fleet
    steps: int
    chance: random.Random
    waiters: int = 6
    told: list[list[str]] = field(default_factory=list)

    async def run(self, mishaps: Sequence[Callable[[], None]]) -> None:
        """Runs it, with the mishaps evenly spread over the answers; then looks at all there is."""
        siege = Siege(Path("/nonexistent"), self.chance)
        async with FleetCaller(self.fleet.socket) as caller:
            for name in (SINK, *(f"agent-{number}" for number in range(CLIENTS))):
                answer = await caller.insist("register_instance", instanceId=name, role="dev")
                assert "result" in answer, answer
        self.told = [[] for _ in range(self.waiters)]
        expected = CLIENTS * (self.steps // 3 + (self.steps % 3 > 0))
        answers, total = count(1), CLIENTS * self.steps
        due = {total * (number + 1) // (len(mishaps) + 1): mishap for number, mishap in enumerate(mishaps)}

        async def after(number: int) -> None:
            mishap = due.get(number)
            if mishap is not None:
                await asyncio.to_thread(mishap)

        waiting = [asyncio.create_task(self._wait(told, expected)) for told in self.told]
        await asyncio.gather(*(self._client(siege, number, answers, after) for number in range(CLIENTS)))
        async with asyncio.timeout(120):
            await asyncio.gather(*waiting)
        store = await open_store(DatabaseAddress(self.fleet.cluster.url(self._name)), IDENTITY, beside_server=True)
        try:
            await store.read(siege._check)
            sent = await store.read(_subjects)
        finally:
            await store.close()
        assert len(sent) == expected
        for told in self.told:
            assert Counter(told) == Counter(sent)

    @property
    def _name(self) -> str:
        return self.fleet.cluster.database(self.fleet.address)

    async def _client(
        self, siege: Siege, number: int, answers: Iterator[int], after: Callable[[int], Awaitable[None]]
    ) -> None:
        async with FleetCaller(self.fleet.socket) as caller:
            for step in range(self.steps):
                call: Call = siege._next(number, step)
                siege.calls.append(call)
                call.response = await caller.insist(call.name, **call.arguments)
                await after(next(answers))

    async def _wait(self, told: list[str], expected: int) -> None:
        """Waits until so many messages were told; each wait goes on after the last one that was answered."""
        cursor: dict[str, str] = {}
        async with FleetCaller(self.fleet.socket) as caller:
            while len(told) < expected:
                # Less than nginx waits for a server that says nothing.
                given = {"instanceId": SINK, "timeout_seconds": 5 if cursor else 0, **cursor}
                answer = (await caller.insist("wait_for_messages", **given))["result"]["data"]
                told += [message["subject"] for message in answer["messages"]]
                cursor = {"cursor": answer["cursor"]}


def _subjects(records: Records) -> list[str]:
    return [message.subject for message in records.messages.select(MessageFilter(), _ALL)]
