"""Homeport's own server on a copy of data: started on a private socket, asked, and ended. Drills and deploys use it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from homeport.environments.environment import Environment
from homeport.environments.services.health import HealthAnswer, judge_health
from homeport.errors import HomeportError
from homeport.host.runner import PlainRunner, Runner
from homeport.secret import Secret

_TOKEN_SECONDS: Final = 120.0
_KILLED: Final = "Finished with result: oom-kill"
_MANAGERS: Final = (
    *("Running as unit: ", "Finished with result: ", "Main processes terminated with: "),
    *("Service runtime: ", "CPU time consumed: ", "Press ^]"),
)
"""What systemd-run says itself."""
_BETWEEN: Final = 0.05
_LARGEST: Final = 1 << 22
_SAID: Final = 400


class ServedCopy:
    """Serves copies of an environment's data.

    Args:
        environment: whose server.
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
        log: the name of the server's log, beside the copy.
        purpose: the name of the token that is made on the copy.
        seconds: how long the server may take until it is healthy; migrations have run by then.
        answer: seconds for one question.
        pause: waits for so many seconds.
        runner: runs the program.
    """

    def __init__(
        self,
        environment: Environment,
        program: Sequence[str],
        *,
        log: str,
        purpose: str,
        seconds: float,
        answer: float,
        pause: Callable[[float], None] = time.sleep,
        runner: Runner | None = None,
    ) -> None:
        self._runner = runner or PlainRunner()
        self._environment = environment
        self._program = tuple(program)
        self._log = log
        self._purpose = purpose
        self._seconds = seconds
        self._answer = answer
        self._pause = pause

    @contextmanager
    def serving(self, directory: Path, path: Path) -> Iterator[tuple[dict[str, Any], CopyClient]]:
        """A server on the data while the block runs.

        Args:
            directory: the copy.
            path: of the socket.

        Returns:
            Its health answer, and who asks it further.

        Raises:
            HomeportError: it does not start, or does not become healthy in time.
        """
        token = self._token(directory)
        words = ("serve", self._environment.name, "--data", str(directory), "--socket", str(path))
        log = directory.with_name(self._log)
        with log.open("wb") as out:
            process = self._runner.start([*self._program, *words], out)
            try:
                yield self._await(process, path, log), CopyClient(path, token, self._answer)
            finally:
                self._runner.end(process)

    def _token(self, directory: Path) -> Secret | None:
        """One of the copy alone, which is thrown away with it."""
        if self._environment.auth == "open":
            return None
        words = ("token", "create", self._environment.name, "--name", self._purpose, "--scope", "read")
        command = (*self._program, *words, "--expires", "1h", "--data", str(directory), "--json")
        done = self._runner.run(command, seconds=_TOKEN_SECONDS)
        if done.code != 0:
            raise HomeportError(f"No token could be made on the copy: {done.last_words}")
        return Secret(str(json.loads(done.output)["token"]))

    def _await(self, process: subprocess.Popen[bytes], path: Path, log: Path) -> dict[str, Any]:
        client, deadline = CopyClient(path, None, self._answer), time.monotonic() + self._seconds
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


class CopyClient:
    """Asks over a unix socket, one connection for each question.

    Args:
        path: of the socket.
        token: shown with every question.
        seconds: for one answer.
    """

    def __init__(self, path: Path, token: Secret | None, seconds: float) -> None:
        self._path = path
        self._token = token
        self._seconds = seconds

    def health(self, environment: str) -> HealthAnswer:
        """How the server is; who does not answer is not healthy."""
        try:
            status, body = self._request("GET", "/health", None)
        except (OSError, http.client.HTTPException) as error:
            return HealthAnswer(healthy=False, reason=f"no answer ({error})", payload={})
        return judge_health(status, body, environment)

    def ask(self, path: str) -> dict[str, Any]:
        """The JSON object that a path answers.

        Raises:
            HomeportError: it answers none.
        """
        return self._demand("GET", path, None, path)

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of a request of the protocol, sent as clients of the earlier server send it.

        Raises:
            HomeportError: it is refused, or there is none.
        """
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        result = self._demand("POST", "/mcp", body, method).get("result")
        if not isinstance(result, dict):
            raise HomeportError(f"The server on the copy refuses {method}.")
        return result

    def text(self, path: str) -> str:
        """What a path answers, as it stands.

        Raises:
            HomeportError: it answers nothing, or refuses.
        """
        try:
            status, said = self._request("GET", path, None)
        except (OSError, http.client.HTTPException) as error:
            raise HomeportError(f"The server did not answer {path}: {error}") from None
        if status != http.client.OK:
            raise HomeportError(f"The server answered {path} with status {status}.")
        return said.decode(errors="replace")

    def _demand(self, method: str, path: str, body: dict[str, Any] | None, what: str) -> dict[str, Any]:
        try:
            status, said = self._request(method, path, body)
            found = json.loads(said)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise HomeportError(f"The server on the copy did not answer {what}: {error}") from None
        if status != http.client.OK or not isinstance(found, dict):
            raise HomeportError(f"The server on the copy answered {what} with status {status}.")
        return found

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token.reveal()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = _UnixConnection(self._path, self._seconds)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = connection.getresponse()
            return response.status, response.read(_LARGEST)
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _last(log: Path) -> str:
    """The last line that the server wrote, and what the service manager said of how it ended."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    own = [line for line in lines if not line.startswith(_MANAGERS)]
    last = own[-1][-_SAID:] if own else "it said nothing"
    if any(line.startswith(_KILLED) for line in lines):
        return "it needed more memory than it was given, and was killed"
    return f"it needed more memory than it was given ({last})" if last.startswith("MemoryError") else last
