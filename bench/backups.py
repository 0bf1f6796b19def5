"""A backup while clients write, beside ``tar -czf`` and ``cp -r`` of the same directory, which are no backups of it.

``tar`` and ``cp`` copy a database that is being written, so that what they make may not open; they are measured for
their time and size alone.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.agents import agent, register, text
from bench.generator import Load, NotMeasuredError, run_load
from bench.plan import Plan, middle
from bench.report import Figure, Outcome
from bench.servers import HOMEPORT, HOMEPORT_KIND, Server, start
from bench.sizes import filled
from bench.wire import tool_call

CASE: Final = "backups"
WRITERS: Final = 4
BODY: Final = 512
ROUNDS: Final = 3
WHAT: Final = "copy a data directory that is written to"
LONGEST: Final = 3600


@dataclass(frozen=True, slots=True)
class Taken:
    """How one copy went."""

    seconds: float
    size: int
    memory_mib: float
    cpu_seconds: float
    p99_ms: float


@dataclass
class Writing:
    """Clients that write until they are told to stop; the latencies of each second of it."""

    server: Server
    loads: list[Load] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Writes, a second at a time."""
        chance = random.Random(7)  # noqa: S311 - texts to send
        arguments = {"to": agent(1), "from": agent(0), "subject": "bench", "content": text(chance, BODY)}
        scripts = [[tool_call("modern", "send_message", arguments)]]
        while not self.over.is_set():
            self.loads.append(run_load(self.server, scripts, "delivered", clients=WRITERS, seconds=1.0))


def run(plan: Plan) -> Outcome:
    """Measures each way in turn, round by round, while the same clients write."""
    outcome = Outcome()
    directory = plan.directory / "backups"
    shutil.copytree(filled(plan, plan.many), directory)
    ways: dict[str, Callable[[Server, Path], Sequence[str]]] = {
        "homeport backup create": _backup,
        "tar -czf": lambda server, target: ["tar", "-czf", str(target / "x.tar.gz"), "-C", str(_data(server)), "."],
        "cp -r": lambda server, target: ["cp", "-r", str(_data(server)), str(target / "copy")],
    }
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    with start(HOMEPORT_KIND, directory) as server:
        register(server, 2)
        for number in range(min(plan.rounds, ROUNDS)):
            for name, command in ways.items():
                plan.say(f"{CASE}: round {number + 1}, {name}")
                taken[name].append(_measured(server, plan.directory / "copies", command))
    for name, ones in taken.items():
        more = {
            "MiB": middle(one.size / (1 << 20) for one in ones),
            "memory MiB": middle(one.memory_mib for one in ones),
            "processor s": middle(one.cpu_seconds for one in ones),
            "writers' p99 ms": middle(one.p99_ms for one in ones),
        }
        outcome.figures.append(Figure(CASE, WHAT, name, "s", tuple(one.seconds for one in ones), more))
    faster = outcome.times(WHAT, "tar -czf", "homeport backup create")
    outcome.at_least("backup under write load, beside tar -czf of the same directory", faster, 5, " x")
    return outcome


def _backup(server: Server, _target: Path) -> Sequence[str]:
    return [str(HOMEPORT), "backup", "create", "bench", "--config", str(server.directory / "homeport.toml")]


def _data(server: Server) -> Path:
    return server.directory / "bench" / "data"


def _measured(server: Server, target: Path, command: Callable[[Server, Path], Sequence[str]]) -> Taken:
    """Runs one way with clients writing; what it made is measured and thrown away."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    shelf = server.directory / "bench-backups"
    writing = Writing(server)
    thread = threading.Thread(target=writing.run)
    thread.start()
    try:
        began = time.perf_counter()
        seconds, memory, cpu, code = _timed(command(server, target), began)
    finally:
        writing.over.set()
        thread.join()
    if code not in (0, 1):
        # tar ends with 1 where a file changed as it was read, which is the case here.
        raise NotMeasuredError(f"{command(server, target)[0]} ended with {code}")
    made = [file for place in (target, shelf) if place.exists() for file in place.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in made)
    for file in made:
        file.unlink()
    return Taken(seconds, size, memory, cpu, middle(load.p99_ms for load in writing.loads))


def _timed(command: Sequence[str], began: float) -> tuple[float, float, float, int]:
    """Seconds, the peak of resident memory in MiB, seconds of processors, and the command's exit code.

    Memory and processors are those of the command's process and of all that it started and waited for.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - began, usage.ru_maxrss / 1024, cpu, process.returncode
