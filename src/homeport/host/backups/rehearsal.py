"""The release's own server on data that were restored aside: started on a private socket, asked, and ended."""

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
from urllib.parse import quote, urlencode

from homeport.environments.backups.manifest import Manifest
from homeport.environments.environment import Environment
from homeport.environments.services.health import HealthAnswer, judge_health
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.secret import Secret

SECONDS: Final = 300.0
"""Until the server answers: it may have migrations to run first."""
_ANSWER: Final = 60.0
_GRACE: Final = 30.0
_BETWEEN: Final = 0.05
_LARGEST: Final = 1 << 22
_SAID: Final = 400
_LOG: Final = "rehearsal.log"
_COUNTS: Final = (("messages", "/api/v1/stats/messages", "total"), ("instances", "/api/v1/stats/instances", "total"))
_LISTS: Final = (("projects", "/api/v1/projects"), ("messages", "/api/v1/messages"), ("tasks", "/api/v1/tasks"))


class OwnRehearsal:
    """Rehearses with Homeport's own server.

    Args:
        environment: whose server.
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
        seconds: how long it may take to answer.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        environment: Environment,
        program: Sequence[str],
        *,
        seconds: float = SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = environment
        self._program = tuple(program)
        self._seconds = seconds
        self._pause = pause

    def __call__(self, directory: Path, manifest: Manifest, path: Path) -> None:
        """Serves the data and asks for what their manifest says that they hold.

        Raises:
            HomeportError: it does not answer, or answers something else.
        """
        token = self._token(directory)
        with self._served(directory, path) as health:
            _check_health(health, manifest)
            _check_items(_Client(path, token), manifest)

    def _token(self, directory: Path) -> Secret | None:
        """One of the copy alone, which is thrown away with it."""
        if self._environment.auth == "open":
            return None
        words = ("token", "create", self._environment.name, "--name", "drill", "--scope", "read", "--expires", "1h")
        done = run_command((*self._program, *words, "--data", str(directory), "--json"))
        if done.code != 0:
            raise HomeportError(f"No token could be made on the copy: {done.last_words}")
        return Secret(str(json.loads(done.output)["token"]))

    @contextmanager
    def _served(self, directory: Path, path: Path) -> Iterator[dict[str, Any]]:
        """A server on the data while the block runs; yields its health answer."""
        words = ("serve", self._environment.name, "--data", str(directory), "--socket", str(path))
        log = directory.with_name(_LOG)
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
        client, deadline = _Client(path, None), time.monotonic() + self._seconds
        while True:
            answer = client.health(self._environment.name)
            if answer.healthy:
                return answer.payload
            if process.poll() is not None:
                raise HomeportError(f"The server on the copy ended with exit code {process.returncode}: {_last(log)}")
            if time.monotonic() >= deadline:
                raise HomeportError(
                    f"The server on the copy was not healthy within {self._seconds:.0f} seconds: {answer.reason}"
                )
            self._pause(_BETWEEN)


class _Client:
    """Asks over a unix socket, one connection for each question."""

    def __init__(self, path: Path, token: Secret | None) -> None:
        self._path = path
        self._token = token

    def health(self, environment: str) -> HealthAnswer:
        try:
            status, body = self._get("/health")
        except (OSError, http.client.HTTPException) as error:
            return HealthAnswer(healthy=False, reason=f"no answer ({error})", payload={})
        return judge_health(status, body, environment)

    def ask(self, path: str) -> dict[str, Any]:
        """The JSON object that a path answers.

        Raises:
            HomeportError: it answers none.
        """
        try:
            status, body = self._get(path)
            found = json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise HomeportError(f"The server on the copy did not answer {path}: {error}") from None
        if status != 200 or not isinstance(found, dict):
            raise HomeportError(f"The server on the copy answered {path} with status {status}.")
        return found

    def _get(self, path: str) -> tuple[int, bytes]:
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token.reveal()}"}
        connection = _UnixConnection(self._path)
        try:
            connection.request("GET", path, headers=headers)
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


def _check_health(health: dict[str, Any], manifest: Manifest) -> None:
    if health.get("rehearsal") is not True:
        raise HomeportError("What answered on the copy's socket is no rehearsal.")
    if health.get("identity") != manifest.identity:
        raise HomeportError(f"What answered is the server of {health.get('identity')}, not of {manifest.identity}.")


def _check_items(client: _Client, manifest: Manifest) -> None:
    """The numbers are those that were saved, and what there is of each kind can be read."""
    for table, path, key in _COUNTS:
        said, found = manifest.counts.get(table), client.ask(path).get(key)
        if said is not None and found != said:
            raise HomeportError(f"The server on the copy counts {found} {table}, and the backup says {said}.")
    for table, path in _LISTS:
        found_some = _items(client.ask(f"{path}?limit=3"))
        if manifest.counts.get(table) and not found_some:
            raise HomeportError(f"The server on the copy shows none of {manifest.counts[table]} {table}.")
        for item in found_some:
            client.ask(f"{path}/{item}")


def _items(answer: dict[str, Any]) -> list[str]:
    """What is behind the path of a list for each thing in it: its id, and its project where it has one."""
    lists = [value for value in answer.values() if isinstance(value, list)]
    found = [one for one in lists[0] if isinstance(one, dict) and "id" in one] if lists else []
    return [
        quote(str(one["id"]), safe="")
        + (f"?{urlencode({'project_id': one['project_id']})}" if "project_id" in one else "")
        for one in found
    ]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][-_SAID:] if lines else "it said nothing"
