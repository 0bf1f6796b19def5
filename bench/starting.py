"""Cold starts, the help text, and memory."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from typing import Final

from bench.generator import NotMeasuredError, run_load
from bench.plan import Plan
from bench.report import Figure, Outcome
from bench.servers import FASTMCP_KIND, HOMEPORT, HOMEPORT_KIND, HUB_KIND, SDK_KIND, Kind, NotStartedError, start

CASE: Final = "starting"
KINDS: Final = (HOMEPORT_KIND, SDK_KIND, FASTMCP_KIND, HUB_KIND)
SETTLE: Final = 3.0
"""Seconds after which a server has loaded what it loads behind its first answer."""
FIRST_ANSWER: Final = "start to first answer"
IDLE: Final = "memory, idle"
LOADED: Final = "memory, after load"


def run(plan: Plan) -> Outcome:
    """Starts every server several times on data that it has already, and asks it until it answers."""
    outcome = Outcome()
    seconds: dict[str, list[float]] = {}
    for number in range(plan.rounds + 1):
        plan.say(f"{CASE}: round {number} of {plan.rounds}")
        for kind in KINDS:
            try:
                with start(kind, plan.directory / f"start-{kind.name}".replace(" ", "-")) as server:
                    # The first one makes the data and fills the caches of files.
                    seconds.setdefault(kind.name, [])
                    if number:
                        seconds[kind.name].append(server.ready_seconds * 1000)
            except NotStartedError as error:
                outcome.failures.append(f"{CASE}: {error}")
    _note(outcome, FIRST_ANSWER, "ms", seconds)
    _help(plan, outcome)
    _memory(plan, outcome)
    for what, wanted in ((FIRST_ANSWER, 700), ("homeport --help", 150)):
        figure = outcome.find(what, HOMEPORT_KIND.name)
        outcome.at_most(what, figure.median if figure else None, wanted, " ms")
    return outcome


def _note(outcome: Outcome, what: str, unit: str, values: Mapping[str, list[float]]) -> None:
    outcome.figures += [Figure(CASE, what, who, unit, tuple(found)) for who, found in values.items() if found]


def _help(plan: Plan, outcome: Outcome) -> None:
    times = []
    for _ in range(plan.rounds * 3):
        began = time.perf_counter()
        done = subprocess.run([HOMEPORT, "--help"], capture_output=True, check=False)
        times.append((time.perf_counter() - began) * 1000)
        if done.returncode != 0 or b"serve" not in done.stdout:
            outcome.failures.append(f"{CASE}: homeport --help failed: {done.stderr.decode()[-400:]}")
            return
    _note(outcome, "homeport --help", "ms", {HOMEPORT_KIND.name: times})


def _memory(plan: Plan, outcome: Outcome) -> None:
    idle: dict[str, list[float]] = {}
    loaded: dict[str, list[float]] = {}
    for kind in KINDS:
        plan.say(f"{CASE}: memory of {kind.name}")
        try:
            idle[kind.name], loaded[kind.name] = _memory_of(plan, kind)
        except (NotStartedError, NotMeasuredError) as error:
            outcome.failures.append(f"{CASE}: {error}")
    _note(outcome, IDLE, "MiB", idle)
    _note(outcome, LOADED, "MiB", loaded)


def _memory_of(plan: Plan, kind: Kind) -> tuple[list[float], list[float]]:
    """Resident memory once everything is loaded, and after calls from 32 clients."""
    with start(kind, plan.directory / f"start-{kind.name}".replace(" ", "-")) as server:
        time.sleep(SETTLE if plan.limit is None else 0)
        idle = server.rss_mib
        request, marker = kind.probe
        run_load(server, [[request]], marker, clients=32, seconds=plan.seconds * 2, limit=plan.limit)
        return [idle], [server.rss_mib]
