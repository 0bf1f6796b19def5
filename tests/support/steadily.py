"""Clients of every kind, in a process of their own, who must not notice what happens to a server of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from homeport.environments.environment import Environment
from tests.support import steady


class Steadily:
    """From the block's beginning to its end they call; ``found`` is what they saw, as :mod:`.steady` prints it.

    Args:
        environment: with two ports, and without a limit of requests.
        token: shown with every request.
        directory: for a file that stops them.
        seconds: they end then at the latest.
    """

    def __init__(self, environment: Environment, token: str, directory: Path, seconds: float = 600) -> None:
        self._environment = environment
        self._token = token
        self._stop = directory / "stop"
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self.found: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._stop.unlink(missing_ok=True)
        port, sse = str(self._environment.http_port), str(self._environment.sse_port)
        words: list[str] = [port, port, sse, self._token, str(self._seconds), str(self._stop)]
        self._process = subprocess.Popen(
            [sys.executable, str(steady.__file__), *words], stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *__: object) -> None:
        assert self._process is not None
        with self._process as process:
            self._stop.touch()
            try:
                said, _ = process.communicate(timeout=120)
            finally:
                process.kill()
        self.found = json.loads(said)
