"""A release's server on a copy of data: started on a private socket, asked what clients of every age ask, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.runner import Runner
from homeport.host.served_copy import CopyClient, ServedCopy

SECONDS: Final = 120.0
"""Until the server answers; migrations have run by then."""
PROTOCOLS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that clients in use begin with."""
_LISTS: Final = ("/api/v1/projects?limit=3", "/api/v1/messages?limit=3", "/api/v1/tasks?limit=3", "/api/v1/instances")
_ANSWER: Final = 30.0


class Trial:
    """Tries Homeport's own server.

    Args:
        environment: whose server.
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
        release: its id.
        runner: runs the program.
    """

    def __init__(self, environment: Environment, program: Sequence[str], release: str, runner: Runner) -> None:
        self._release = release
        self._copy = ServedCopy(
            environment, program, log="server.log", purpose="rehearsal", seconds=SECONDS, answer=_ANSWER, runner=runner
        )

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
        with self._copy.serving(directory, path) as (health, client):
            if health.get("rehearsal") is not True or health.get("release") != self._release:
                raise HomeportError(f"What answered on the copy is not {self._release}, but {health.get('release')}.")
            return _ask_all(client)


def _ask_all(client: CopyClient) -> int:
    for path in _LISTS:
        client.ask(path)
    for revision in PROTOCOLS:
        who = {"name": "rehearsal", "version": "1"}
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": who}
        said = client.call("initialize", params).get("protocolVersion")
        if said != revision:
            raise HomeportError(f"The release answers clients of {revision} with {said}, which they do not speak.")
    # As clients of the earlier server do: no revision, no initialize, no Accept.
    if not client.call("tools/list", {}).get("tools"):
        raise HomeportError("The release offers no tools to clients of the earlier server.")
    return len(_LISTS) + len(PROTOCOLS) + 1
