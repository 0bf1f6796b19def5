"""Starts, probes and ends the real server processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import psutil

from bench.wire import exchange, is_right, tool_call

ROOT: Final = Path(__file__).parent.parent
PEER_PYTHON: Final = ROOT / ".venv-bench" / "bin" / "python"
HOMEPORT: Final = Path(sys.executable).with_name("homeport")
NOOP_MARKER: Final = "nothing-was-done"
READY_SECONDS: Final = 30.0
AGENTS: Final = 64


class NotStartedError(Exception):
    """A server did not come up; the text has the end of its log."""


@dataclass(frozen=True)
class Kind:
    """How a server is started and asked for a sign of life.

    Attributes:
        name: in figures.
        command: from the port and the server's directory.
        probe: a request, and what stands in its answer.
        prepare: makes what it needs in its directory, once.
        database: relative to its directory, where commits are counted; None also where a server closes its
            database after each call, which makes SQLite begin to count anew.
        environment: of its process, from its directory.
    """

    name: str
    command: Callable[[int, Path], list[str]]
    probe: tuple[bytes, str]
    prepare: Callable[[int, Path], None] = lambda _port, _directory: None
    database: str | None = None
    environment: Callable[[Path], Mapping[str, str]] = lambda _directory: {}


@dataclass
class Server:
    """A running server; a context manager that ends it."""

    kind: Kind
    name: str
    port: int
    directory: Path
    process: subprocess.Popen[bytes]
    ready_seconds: float = 0.0
    log: Path = field(default_factory=Path)

    @property
    def pid(self) -> int:
        """Of its one process."""
        return self.process.pid

    @property
    def wal_index(self) -> str | None:
        """The file in which SQLite counts committed transactions."""
        return None if self.kind.database is None else f"{self.directory / self.kind.database}-shm"

    @property
    def rss_mib(self) -> float:
        """Its resident memory."""
        return float(psutil.Process(self.pid).memory_info().rss) / (1 << 20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Tells it to end and kills it where it does not."""
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=15)


def start(kind: Kind, directory: Path, *, name: str | None = None) -> Server:
    """Starts a server on a free port and waits for its first right answer.

    Raises:
        NotStartedError: it ended, or did not answer in time.
    """
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "server.log"
    command = kind.command(port, directory)
    if not Path(command[0]).exists():
        raise NotStartedError(f"{kind.name}: {command[0]} is missing; `make bench` installs it")
    kind.prepare(port, directory)
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=_clean_environment() | dict(kind.environment(directory)),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    server = Server(kind, name or kind.name, port, directory, process, log=log)
    try:
        _await_answer(server, began + READY_SECONDS)
    except BaseException:
        server.end()
        raise
    server.ready_seconds = time.perf_counter() - began
    return server


def _await_answer(server: Server, deadline: float) -> None:
    request, marker = server.kind.probe
    said = "it does not listen"
    while time.perf_counter() < deadline and server.process.poll() is None:
        try:
            response = exchange(server.port, request)
        except OSError:
            time.sleep(0.002)
            continue
        if is_right(response, marker.encode()):
            return
        said = response[-400:].decode("latin-1")
        time.sleep(0.02)
    tail = server.log.read_text(errors="replace")[-600:]
    raise NotStartedError(f"{server.name} gave no right answer: {said}\n{tail}".strip())


def _clean_environment() -> dict[str, str]:
    """What a process needs; nothing that would set a server up from the developer's shell."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR", "TZ"}}


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def declare(port: int, directory: Path, more: str = "") -> None:
    """Writes the declaration of one environment, and has its directories made.

    Raises:
        NotStartedError: that failed.
    """
    settings = f'protected = false\nhttp_port = {port}\nprotocols = ["http"]\nauth = "open"\n{more}'
    (directory / "homeport.toml").write_text(f"[environments.bench]\n{settings}", encoding="utf-8")
    made = subprocess.run([HOMEPORT, "init", directory], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise NotStartedError(f"homeport init failed: {made.stderr.strip()}")


def _peer(module: str, *more: str) -> Callable[[int, Path], list[str]]:
    return lambda port, _directory: [str(PEER_PYTHON), "-m", f"bench.peers.{module}", str(port), *more]


def _peer_environment(directory: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "HOME": str(directory)}


def _agent_hub_token(number: int) -> str:
    return f"token-of-agent-{number}"


HUB_TOKENS: Final = tuple(_agent_hub_token(number) for number in range(AGENTS))
_HUB_TOKEN_FILE: Final = "".join(f"agent-{number}={token}\n" for number, token in enumerate(HUB_TOKENS))

HOMEPORT_KIND: Final = Kind(
    "Homeport",
    lambda _port, directory: [str(HOMEPORT), "serve", "bench", "--config", str(directory / "homeport.toml")],
    (tool_call("modern", "get_server_status", {}), "healthy"),
    prepare=declare,
    database="bench/data/homeport.db",
)
HOMEPORT_NOOP_KIND: Final = replace(
    HOMEPORT_KIND,
    command=lambda _port, directory: [
        *(sys.executable, "-P", "-m", "bench.homeport_noop"),
        *("serve", "bench", "--config", str(directory / "homeport.toml")),
    ],
    environment=lambda _directory: {"PYTHONPATH": str(ROOT)},
)
SDK_KIND: Final = Kind(
    "mcp SDK 2.3", _peer("sdk_app"), (tool_call("modern", "noop", {}), NOOP_MARKER), environment=_peer_environment
)
FASTMCP_KIND: Final = Kind(
    "FastMCP 4.1", _peer("fastmcp_app"), (tool_call("modern", "noop", {}), NOOP_MARKER), environment=_peer_environment
)
HUB_KIND: Final = Kind(
    "agent-hub-mcp 0.2.1",
    _peer("agent_hub_app", _HUB_TOKEN_FILE),
    (tool_call("modern", "hub_status", {}, token=HUB_TOKENS[0]), "version"),
    environment=_peer_environment,
)
