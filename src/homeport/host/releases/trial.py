"""A release's server on a copy of data: started on a private socket, asked what clients of every age ask, and ended."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from homeport.environments.environment import Environment
from homeport.environments.services.health import judge_health
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.secret import Secret

SECONDS: Final = 120.0
"""Until the server answers; migrations have run by then."""
PROTOCOLS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that clients in use begin with."""
_LISTS: Final = ("/api/v1/projects?limit=3", "/api/v1/messages?limit=3", "/api/v1/tasks?limit=3", "/api/v1/instances")
_ANSWER: Final = 30.0
_GRACE: Final = 30.0
_BETWEEN: Final = 0.05
_LARGEST: Final = 1 << 22
_SAID: Final = 400


class Trial:
    """Tries Homeport's own server.

    Args:
        environment: whose server.
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
        release: its id.
        seconds: how long it may take to answer.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        environment: Environment,
        program: Sequence[str],
        release: str,
        *,
        seconds: float = SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = environment
        self._program = tuple(program)
        self._release = release
        self._seconds = seconds
        self._pause = pause

    def __call__(self, directory: Path, path: Path) -> int:
        """Serves the data and asks.

        Args:
            directory: the copy.
            path: of the socket.

        Returns:
            How many questions were answered.

        Raises:
            HomeportError: it does not start, does not become healthy, or answers one of them otherwise than it must.
        """
        token = self._token(directory)
        with self._served(directory, path) as health:
            if health.get("rehearsal") is not True or health.get("release") != self._release:
                raise HomeportError(f"What answered on the copy is not {self._release}, but {health.get('release')}.")
            return _ask_all(path, token)

    def _token(self, directory: Path) -> Secret | None:
        """One of the copy alone, which is thrown away with it."""
        if self._environment.auth == "open":
            return None
        words = ("token", "create", self._environment.name, "--name", "rehearsal", "--scope", "read", "--expires", "1h")
        done = run_command((*self._program, *words, "--data", str(directory), "--json"))
        if done.code != 0:
            raise HomeportError(f"No token could be made on the copy: {done.last_words}")
        return Secret(str(json.loads(done.output)["token"]))

    @contextmanager
    def _served(self, directory: Path, path: Path) -> Iterator[dict[str, Any]]:
        words = ("serve", self._environment.name, "--data", str(directory), "--socket", str(path))
        log = directory.with_name("server.log")
        with (
            log.open("wb") as out,
            subprocess.Popen(
                [*self._program, *words, "--with-parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=out,
            ) as process,
        ):
            try:
                yield self._await(process, path, log)
            finally:
                _end(process)

    def _await(self, process: subprocess.Popen[bytes], path: Path, log: Path) -> dict[str, Any]:
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                answer = judge_health(*_request(path, "GET", "/health", None, None), self._environment.name)
                if answer.healthy:
                    return answer.payload
                reason = answer.reason
            except (OSError, http.client.HTTPException) as error:
                reason = f"no answer ({error})"
            if process.poll() is not None:
                raise HomeportError(
                    f"The release's server ended on a copy of the data, exit code {process.returncode}: {_last(log)}"
                )
            if time.monotonic() >= deadline:
                raise HomeportError(
                    f"The release's server was not healthy on a copy of the data within {self._seconds:.0f} seconds: "
                    f"{reason}."
                )
            self._pause(_BETWEEN)


def _ask_all(path: Path, token: Secret | None) -> int:
    for url in _LISTS:
        _demand(path, "GET", url, None, token)
    for revision in PROTOCOLS:
        who = {"name": "rehearsal", "version": "1"}
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": who}
        answer = _call(path, "initialize", params, token)
        if answer.get("protocolVersion") != revision:
            said = answer.get("protocolVersion")
            raise HomeportError(f"The release answers clients of {revision} with {said}, which they do not speak.")
    # As clients of the earlier server do: no revision, no initialize, no Accept.
    if not _call(path, "tools/list", {}, token).get("tools"):
        raise HomeportError("The release offers no tools to clients of the earlier server.")
    return len(_LISTS) + len(PROTOCOLS) + 1


def _call(path: Path, method: str, params: dict[str, Any], token: Secret | None) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    result = _demand(path, "POST", "/mcp", body, token).get("result")
    if not isinstance(result, dict):
        raise HomeportError(f"The release refuses {method} on a copy of the data.")
    return result


def _demand(path: Path, method: str, url: str, body: dict[str, Any] | None, token: Secret | None) -> dict[str, Any]:
    what = body["method"] if body is not None else url
    try:
        status, said = _request(path, method, url, body, token)
        found = json.loads(said)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HomeportError(f"The release did not answer {what} on a copy of the data: {error}") from None
    if status != http.client.OK or not isinstance(found, dict):
        raise HomeportError(f"The release answered {what} on a copy of the data with status {status}.")
    return found


def _request(path: Path, method: str, url: str, body: dict[str, Any] | None, token: Secret | None) -> tuple[int, bytes]:
    headers = {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = _UnixConnection(path)
    try:
        connection.request(method, url, body=None if body is None else json.dumps(body), headers=headers)
        response = connection.getresponse()
        return response.status, response.read(_LARGEST)
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][-_SAID:] if lines else "it said nothing"
