"""Inbox and search with a thousand messages and with a million: what grows with the data, and what does not."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import fill
from bench.agents import agent
from bench.generator import ROOT, NotMeasuredError
from bench.plan import Plan, Run, measure, middle
from bench.report import CPU, Figure, Outcome
from bench.servers import HOMEPORT_KIND, NotStartedError, Server, start
from bench.wire import content, exchange, tool_call

CASE: Final = "sizes"
FEW: Final = 1000
RATIO: Final = 1.5
FILL_SECONDS: Final = 1800

# What is asked, and what stands in every right answer. Each has a full page with a thousand messages already, so
# that both sizes answer the same amount; but for the last, that has nothing to answer.
QUESTIONS: Final[Mapping[str, tuple[str, Mapping[str, Any], str]]] = {
    "inbox, 10 newest": ("get_messages", {"instanceId": agent(1), "limit": 10}, "unread"),
    "search, a word of all messages": ("search", {"query": fill.COMMON}, fill.COMMON),
    f"search, a word of {fill.RARE_MESSAGES} messages": ("search", {"query": fill.RARE}, fill.RARE),
    "search, two words of many": ("search", {"query": f"{fill.FIFTH} {fill.FOURTH}"}, fill.FIFTH),
    "search, two words that never meet": (
        "search",
        {"query": f"{fill.FIFTH} {fill.NEVER_WITH_FIFTH}", "kinds": ["message"]},
        "results",
    ),
}
NOT_A_TARGET: Final = "search, two words that never meet"
"""The worst that can be asked: every place of both words must be looked at. Shown, and not hidden in a median."""


def run(plan: Plan) -> Outcome:
    """Asks both sizes in turn, one client each."""
    outcome = Outcome()
    names = {FEW: f"{FEW:,} messages", plan.many: f"{plan.many:,} messages"}
    with ExitStack() as stack:
        servers: dict[int, Server] = {}
        try:
            for count, name in names.items():
                directory = filled(plan, count)
                servers[count] = stack.enter_context(start(HOMEPORT_KIND, directory, name=name))
                _check(servers[count], count)
        except (NotStartedError, NotMeasuredError) as error:
            outcome.failures.append(f"{CASE}: {error}")
            return outcome
        runs = [
            Run(what, names[count], server, [[tool_call("modern", tool, arguments)]], marker, 1)
            for what, (tool, arguments, marker) in QUESTIONS.items()
            for count, server in servers.items()
        ]
        for one, loads in measure(plan, CASE, runs, outcome):
            more = {"p99 ms": middle(load.p99_ms for load in loads), CPU: middle(load.cpu_us for load in loads)}
            outcome.figures.append(Figure(CASE, one.what, one.who, "ms", tuple(load.p50_ms for load in loads), more))
    for what in QUESTIONS:
        if what != NOT_A_TARGET:
            grown = outcome.times(what, names[plan.many], names[FEW])
            outcome.at_most(f"{what}: {plan.many:,} beside {FEW:,}", grown, RATIO, " x")
    return outcome


def _check(server: Server, count: int) -> None:
    """Sees that everything is there: the inbox says how much it holds."""
    tool, arguments, _ = QUESTIONS["inbox, 10 newest"]
    answer = content(exchange(server.port, tool_call("modern", tool, arguments)))
    if answer["total"] != count // fill.READERS:
        raise NotMeasuredError(f"{server.name}: an inbox holds {answer['total']}, not {count // fill.READERS}")


def filled(plan: Plan, count: int) -> Path:
    """A directory with so many messages; the large one is made once for each state of the source."""
    directory = plan.directory / f"sizes-{count}" if count == FEW else plan.keep / f"{count}-{_source_hash()}"
    done = directory / "filled"
    if done.exists():
        return directory
    if count != FEW:
        shutil.rmtree(plan.keep, ignore_errors=True)
    plan.say(f"{CASE}: writing {count:,} messages")
    began = time.perf_counter()
    # A start makes the declaration and the directories, and proves that the server works on them.
    start(HOMEPORT_KIND, directory).end()
    data = directory / "bench" / "data"
    command = [sys.executable, "-m", "bench.fill", str(data), str(count)]
    try:
        made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=FILL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotMeasuredError(f"{count:,} messages were not written in {FILL_SECONDS} s") from None
    if made.returncode != 0:
        raise NotMeasuredError(f"filling failed: {made.stderr.strip()[-600:]}")
    plan.say(f"{CASE}: {count:,} messages written in {time.perf_counter() - began:.0f} s")
    done.touch()
    return directory


def _source_hash() -> str:
    """Changes with whatever decides how messages are stored."""
    digest = hashlib.blake2b(digest_size=8)
    package = ROOT / "src" / "homeport"
    files = [*(package / "storage").rglob("*.py"), *(package / "coordination").rglob("*.py"), Path(fill.__file__)]
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
