"""A server as a process of its own, on real HTTP and a real disk: for tests that kill, fill and starve it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from homeport.contract import DatabaseAddress, ExitCode, ServeSettings
from tests.support.begun import begin_data
from tests.support.ports import free_ports
from tests.support.waiting import until

HOMEPORT: Final = (sys.executable, "-P", "-m", "homeport")

PROGRAM: Final = """
import json, sys
from homeport import server
from homeport.contract import DatabaseAddress, ServeSettings
from homeport.errors import HomeportError
given = json.loads(sys.argv[1])
if given.get("database"):
    given["database"] = DatabaseAddress(**given["database"])
try:
    code = server.run(ServeSettings(**given))
except HomeportError as error:
    print(error, file=sys.stderr)
    code = error.exit_code
sys.exit(code)
"""


@dataclass
class ServerProcess:
    """A server process; its log goes into a file, since nobody empties a pipe under load."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path

    @property
    def url(self) -> str:
        """Of the server, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> httpx2.Response:
        """A plain GET on a connection of its own."""
        return httpx2.get(f"{self.url}{path}", timeout=30)

    def post(self, name: str, **arguments: Any) -> httpx2.Response:
        """A call of a tool as old clients make it."""
        return httpx2.post(f"{self.url}/mcp", json=call_body(name, arguments), timeout=60)

    def call(self, name: str, **arguments: Any) -> Any:
        """The answer to a call that is not refused."""
        answer = self.post(name, **arguments).json()
        assert "result" in answer, answer
        return answer["result"]["data"]

    def refused(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The error of a call that is refused."""
        answer = self.post(name, **arguments).json()
        assert "error" in answer, answer
        return dict(answer["error"])

    def healthy(self) -> bool:
        """Whether it answers and says that it is well."""
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            return self.get("/health").status_code == 200
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        """As ``kill -9``."""
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        """As systemd stops it; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def events(self) -> list[dict[str, Any]]:
        """What it has logged besides requests."""
        # Not splitlines(): JSON leaves U+2028 and its like as they are, and to it they end a line.
        lines = [json.loads(line) for line in self.log.read_text().split("\n") if line]
        return [line for line in lines if line["event"] != "request"]


def call_body(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a ``tools/call``; ``from_`` stands for ``from``, which Python keeps for itself."""
    given = {"from" if key == "from_" else key: value for key, value in arguments.items()}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given}}


@contextmanager
def server_process(
    data: Path,
    *,
    port: int | None = None,
    environment: str = "development",
    log: Path | None = None,
    auth: str = "open",
    database: DatabaseAddress | None = None,
) -> Iterator[ServerProcess]:
    """A server that answers; it is killed should the test leave it. An empty directory is begun for it."""
    if database is None and not any(data.iterdir()):
        begin_data(data, environment)
    with starting(data, port=port, environment=environment, log=log, auth=auth, database=database) as server:
        until(server.healthy, within=30)
        yield server


@contextmanager
def unharmed(data: Path) -> Iterator[ServerProcess]:
    """A server with the agent ``ada``, which in the end must be as good as before, whatever was done to it."""
    data.mkdir()
    with server_process(data) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        yield server
        assert server.healthy()
        assert [event["event"] for event in server.events() if event["level"] == "error"] == []
        assert server.stop() == 0


@contextmanager
def starting(
    data: Path,
    *,
    port: int | None = None,
    environment: str = "development",
    log: Path | None = None,
    auth: str = "open",
    database: DatabaseAddress | None = None,
    prefix: Sequence[str] = (),
    more: Mapping[str, object] | None = None,
) -> Iterator[ServerProcess]:
    """A server that was started, and may not answer yet, or never."""
    number = free_ports(1)[0] if port is None else port
    settings: dict[str, object] = {
        "environment": environment,
        "data_directory": str(data),
        "listen": "127.0.0.1",
        "http_port": number,
        "sse_port": None,
        "version": "0.0.0",
    }
    if "auth" in ServeSettings.__dataclass_fields__:
        settings["auth"] = auth
    if database is not None:
        settings["database"] = asdict(database)
    settings |= more or {}
    file = log or data.with_name(f"{data.name}.log")
    arguments = [*prefix, sys.executable, "-c", PROGRAM, json.dumps(settings)]
    with file.open("ab") as output, subprocess.Popen(arguments, stderr=output) as process:
        server = ServerProcess(process, number, data, file)
        try:
            yield server
        finally:
            process.kill()


def refusal(
    data: Path,
    *,
    port: int | None = None,
    environment: str = "development",
    log: Path | None = None,
    database: DatabaseAddress | None = None,
) -> str:
    """The one line with which a server refuses to start; it ends with exit code 78."""
    file = log or data.with_name(f"{data.name}.refusal.log")
    file.unlink(missing_ok=True)
    with starting(data, port=port, environment=environment, log=file, database=database) as server:
        code = server.process.wait(30)
    text = file.read_text()
    assert code == ExitCode.CANNOT_START, (code, text)
    assert len(text.splitlines()) == 1, text
    return text.strip()
