"""The release's own server on data that were restored aside: started on a private socket, asked, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from homeport.environments.backups.manifest import Manifest
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.served_copy import CopyClient, ServedCopy

SECONDS: Final = 300.0
"""Until the server answers: it may have migrations to run first."""
_ANSWER: Final = 60.0
_COUNTS: Final = (("messages", "/api/v1/stats/messages", "total"), ("instances", "/api/v1/stats/instances", "total"))
_LISTS: Final = (("projects", "/api/v1/projects"), ("messages", "/api/v1/messages"), ("tasks", "/api/v1/tasks"))


class OwnRehearsal:
    """Rehearses with Homeport's own server.

    Args:
        environment: whose server.
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
    """

    def __init__(self, environment: Environment, program: Sequence[str]) -> None:
        self._copy = ServedCopy(
            environment, program, log="rehearsal.log", purpose="drill", seconds=SECONDS, answer=_ANSWER
        )

    def __call__(self, directory: Path, manifest: Manifest, path: Path) -> None:
        """Serves the data and asks for what their manifest says that they hold.

        Raises:
            HomeportError: it does not answer, or answers something else.
        """
        with self._copy.serving(directory, path) as (health, client):
            _check_health(health, manifest)
            _check_items(client, manifest)


def _check_health(health: dict[str, Any], manifest: Manifest) -> None:
    if health.get("rehearsal") is not True:
        raise HomeportError("What answered on the copy's socket is no rehearsal.")
    if health.get("identity") != manifest.identity:
        raise HomeportError(f"What answered is the server of {health.get('identity')}, not of {manifest.identity}.")


def _check_items(client: CopyClient, manifest: Manifest) -> None:
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
