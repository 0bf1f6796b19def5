"""Measures how a server does: what it says of itself, and what the machine says of it."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil

from homeport.environments.environment import Environment
from homeport.environments.machine.units import PROBE_SOCKET
from homeport.environments.releases.figures import Figures
from homeport.errors import HomeportError
from homeport.host.health import ask_environment
from homeport.host.served_copy import CopyClient
from homeport.host.services.service import ServiceManager

_TIMES: Final = 5
_ANSWER: Final = 5.0
_COUNT: Final = re.compile(
    r'^homeport_requests_total\{kind="(?P<kind>\w+)",status_class="(?P<status>\dxx)"\} (?P<n>\S+)', re.MULTILINE
)
_INSIDE: Final = re.compile(r'^homeport_errors_total\{code="-32603"\} (?P<n>\S+)', re.MULTILINE)
"""Calls of MCP that failed inside: status 200 has those."""
_SUM: Final = re.compile(r'^homeport_request_seconds_sum\{kind="(?P<kind>\w+)"\} (?P<n>\S+)', re.MULTILINE)
_NOT_TIMED: Final = frozenset({"stream", "wait"})


def measure(
    manager: ServiceManager, environment: Environment, clock: Callable[[], float] = time.perf_counter
) -> Figures | None:
    """How the server does that runs now; None where none does."""
    state = manager.state(environment)
    if not state.running:
        return None
    taken = []
    for _ in range(_TIMES):
        began = clock()
        ask_environment(environment)
        taken.append(clock() - began)
    answered, failed, seconds = _counted(environment, state.unit)
    return Figures(
        health_seconds=statistics.median(taken),
        memory=memory_of(state.pids),
        answered=answered,
        failed=failed,
        seconds=seconds,
    )


def memory_of(pids: Sequence[int]) -> int | None:
    """The bytes that processes have in memory; None where this user may not see it, or none of them runs."""
    try:
        return sum(psutil.Process(pid).memory_info().rss for pid in pids) or None
    except psutil.Error:
        return None


def _counted(environment: Environment, unit: str | None) -> tuple[int | None, int, float]:
    """Requests, failed ones and seconds, as a slot of ours counts them on its private socket."""
    if unit is None or environment.is_foreign:
        return None, 0, 0.0
    slot = unit.rpartition("@")[2].removesuffix(".service")
    client = CopyClient(Path("/run") / f"{environment.unit}-{slot}" / PROBE_SOCKET, None, _ANSWER)
    try:
        return count_requests(client.text("/metrics"))
    except HomeportError:
        return None, 0, 0.0


def count_requests(text: str) -> tuple[int, int, float]:
    """Requests, failed ones and seconds in the metrics of a server of ours, but for streams and waits."""
    counts = [found for found in _COUNT.finditer(text) if found["kind"] not in _NOT_TIMED]
    answered = sum(float(found["n"]) for found in counts)
    failed = sum(float(found["n"]) for found in counts if found["status"] == "5xx")
    failed += sum(float(found["n"]) for found in _INSIDE.finditer(text))
    return int(answered), int(min(failed, answered)), sum(float(found["n"]) for found in _SUM.finditer(text))
