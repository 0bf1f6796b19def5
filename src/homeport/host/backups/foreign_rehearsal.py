"""Another program's server on data that were restored aside: started on a free port as it is declared, asked, ended."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from homeport.environments.backups.manifest import Manifest
from homeport.environments.environment import Environment
from homeport.environments.steps import Ownership
from homeport.errors import HomeportError
from homeport.host import bound
from homeport.host.health import HealthAnswer, ask_foreign_health
from homeport.host.owners import set_owner

SECONDS: Final = 120.0
"""Until the server answers."""
_BETWEEN: Final = 0.1
_GRACE: Final = 15.0
_SAID: Final = 400


def runs_as(environment: Environment) -> str | None:
    """The user that the server on a copy runs as, where root starts it and there is such a user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(environment.user).pw_name
    except KeyError:
        return None


class ForeignRehearsal:
    """Rehearses with the declared ``drill_command``.

    Args:
        environment: whose server.
        seconds: how long it may take until it is healthy.
        pause: waits for so many seconds.
    """

    def __init__(
        self, environment: Environment, *, seconds: float = SECONDS, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._environment = environment
        self._seconds = seconds
        self._pause = pause

    def __call__(self, directory: Path, manifest: Manifest, path: Path) -> None:
        """Serves the data and asks for the server's health.

        Raises:
            HomeportError: it does not start, does not become healthy, or has the live data open.
        """
        del manifest, path
        self.serve(directory)

    def serve(self, directory: Path) -> None:
        """The same of data that no backup holds."""
        user = runs_as(self._environment)
        if user is not None:
            _give(directory, user)
        port, log = _free_port(), directory.with_name("rehearsal.log")
        with log.open("wb") as out:
            process = self._start(directory, port, user, out.fileno())
            try:
                self._await(process, port, log)
                _demand_apart(process, Path(self._environment.data_directory))
            finally:
                _end(process)

    def _start(self, directory: Path, port: int, user: str | None, out: int) -> subprocess.Popen[bytes]:
        backup, service = self._environment.backup, self._environment.service
        values = {"{data}": str(directory), "{port}": str(port)}
        words = [_filled(word, values) for word in backup.drill_command]
        # None of the server's own variables: they name the live data.
        variables = {name: _filled(value, values) for name, value in backup.drill_variables.items()}
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(bound.__file__), str(os.getpid()), *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=service.working_directory,
                env={**os.environ, **variables},
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else (),
            )
        except OSError as error:
            where = error.filename or words[0]
            raise HomeportError(f"The server on the copy could not be started: {where}: {error.strerror}.") from None

    def _await(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        service, deadline = self._environment.service, time.monotonic() + self._seconds
        path = service.health if service.health.startswith("/") else urlsplit(service.health).path or "/"
        answer = HealthAnswer(healthy=False, reason="", payload={})
        while process.poll() is None and time.monotonic() < deadline:
            answer = ask_foreign_health(f"http://127.0.0.1:{port}{path}", dict(service.health_says))
            if answer.healthy:
                return
            self._pause(_BETWEEN)
        if process.poll() is not None:
            raise HomeportError(f"The server on the copy ended with exit code {process.returncode}: {_last(log)}")
        raise HomeportError(
            f"The server on the copy was not healthy within {self._seconds:.0f} seconds: {answer.reason}"
        )


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _free_port() -> int:
    """One that nobody listens on now; should somebody be quicker, the server says so."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _give(directory: Path, user: str) -> None:
    """The copy is that user's, who may also come to it."""
    directory.parent.chmod(0o711)
    for top, names, files in os.walk(directory):
        for name in (*names, *files):
            set_owner(Path(top) / name, Ownership(user, user))
    set_owner(directory, Ownership(user, user))


def _demand_apart(process: subprocess.Popen[bytes], live: Path) -> None:
    """Raises where the server has the live data open: its command did not take the copy."""
    real = live.resolve()
    with suppress(psutil.Error):
        first = psutil.Process(process.pid)
        for one in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                for file in one.open_files():
                    if Path(file.path).is_relative_to(real):
                        raise HomeportError(
                            f"The server on the copy has {file.path} open, which is live.",
                            "drill_command and drill_variables must have it use {data} alone.",
                        )


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][-_SAID:] if lines else "it said nothing"
