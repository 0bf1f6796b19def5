"""Two releases of production on the shelf, what is stored meanwhile, and which of them serves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from homeport import server
from tests.support.migrating import Dock
from tests.support.running import PROGRAM
from tests.support.waiting import until

OLD: Final = "20261002T061500Z-aaaaaaa"
NEW: Final = "20261003T061500Z-bbbbbbb"


def send(dock: Dock, subject: str) -> None:
    """A message, acknowledged."""
    body = {"from": "ann", "to": "bob", "subject": subject, "content": "x"}
    answer = httpx2.post(f"{dock.environment.http_url}/api/v1/messages", json=body, timeout=30)
    assert answer.status_code == 200, answer.text


def messages(dock: Dock) -> int:
    """How many the data hold."""
    return server.data_facts(dock.data)["counts"]["messages"]


def served(dock: Dock) -> tuple[str, str]:
    """Which release serves, and the schema that it serves."""
    health = until(lambda: said_of_health(dock), within=60)
    return health["release"], health["schema_version"]


def said_of_health(dock: Dock) -> dict[str, Any]:
    """What the server says of itself, well or not; nothing where none answers."""
    try:
        return dict(httpx2.get(dock.environment.health_url, timeout=30).json())
    except httpx2.TransportError:
        return {}


@contextmanager
def going(dock: Dock, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The change to the new release, from when that serves and is watched."""
    command = [*PROGRAM, "--config", str(dock.file), "rollback", "production", "--to", NEW, "--json", *words]
    with subprocess.Popen([*command, "--watch", "300", "--yes"], stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: said_of_health(dock).get("release") == NEW, within=120)
            yield process
        finally:
            process.kill()
