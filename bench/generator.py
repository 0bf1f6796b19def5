"""Runs the load generators, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.servers import Server

ROOT: Final = Path(__file__).parent.parent


class NotMeasuredError(Exception):
    """A server gave wrong answers or none; the text says what it gave."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came out of one round of load.

    Attributes:
        answered: right answers.
        seconds: in which they came.
        p50_ms: the middle one of their latencies.
        p99_ms: the latency that one in a hundred exceeds.
        max_ms: the longest.
        cpu_us: microseconds of CPU that the servers' processes took for each.
        database_us: the same of the database server, where there is one.
        commits: transactions that the server's database committed meanwhile.
    """

    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: float
    database_us: float
    commits: int

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.answered / self.seconds


def run_load(
    servers: Server | Sequence[Server],
    scripts: Sequence[Sequence[bytes]],
    marker: str,
    *,
    clients: int,
    seconds: float,
    limit: int | None = None,
    family: int | None = None,
) -> Load:
    """Loads servers for so many seconds, or until so many answers.

    Args:
        servers: whom; of several each has its part of the clients.
        scripts: the requests of each client, sent in turn; clients beyond them begin anew with the first script.
        marker: stands in every right answer.
        clients: connections, each with one request at a time.
        seconds: how long, after a warming up of a fifth of it.
        limit: answers after which it ends, whatever the time.
        family: the first process of a database server.

    Raises:
        NotMeasuredError: an answer was wrong, or none came.
    """
    several = [servers] if isinstance(servers, Server) else servers
    first = several[0]
    spec = {
        "ports": [one.port for one in several],
        "pids": [one.pid for one in several],
        "family": family,
        "wal_index": first.wal_index,
        "scripts": [[request.decode("latin-1") for request in script] for script in scripts],
        "marker": marker,
        "clients": clients,
        "seconds": seconds,
        "limit": limit,
        "warm": 0.2 * seconds,
    }
    result = run_generator("bench.load", spec, within=seconds * 1.2 + 60)
    if result["wrong"] or not result["answered"]:
        raise NotMeasuredError(f"{first.name}: {(result['wrong'] or ['no answer'])[0]}")
    answered = result["answered"]
    return Load(
        answered=answered,
        seconds=result["seconds"],
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        max_ms=result["max_ms"],
        cpu_us=result["cpu_seconds"] / answered * 1e6,
        database_us=result["family_seconds"] / answered * 1e6,
        commits=result["commits"],
    )


def run_generator(module: str, spec: dict[str, Any], *, within: float) -> dict[str, Any]:
    """Gives a generator its specification and returns its result.

    Raises:
        NotMeasuredError: it failed or did not end in time.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(spec),
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotMeasuredError(f"{module} did not end within {within:.0f} s") from None
    if done.returncode != 0:
        raise NotMeasuredError(f"{module} failed: {done.stderr.strip()[-600:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
