"""Pages with a large team's data: how long the server takes for each, and what two hundred open ones cost it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import psutil

from bench import team
from bench.agents import agent
from bench.generator import ROOT, NotMeasuredError
from bench.plan import Plan, Run, measure, middle
from bench.report import CPU, Figure, Outcome
from bench.servers import HOMEPORT_KIND, NotStartedError, Server, start
from bench.wire import exchange, tool_call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASE: Final = "pages"
MOST: Final = 100_000
MILLISECONDS: Final = 150
OPEN: Final = 200
TOLD: Final = 100
FILL_SECONDS: Final = 900

# What is looked at, and what stands on every right page.
PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "home": ("/", "What needs you"),
    "an inbox": ("/inbox", "Unread"),
    "everybody's messages": ("/inbox?box=everybody", "news"),
    "a search": ("/search?q=everywhere", "<mark>"),
    "instances": ("/instances", "in all"),
    "an instance": (f"/instances/{agent(3)}", "Timeline"),
    "projects": ("/projects", "project-1"),
    "a board": ("/projects/project-1", "task-"),
    "tasks": ("/tasks", "task-"),
    "lessons": ("/lessons", "<h1>"),
}


def run(plan: Plan) -> Outcome:
    """Measures each page with one client, then the open ones."""
    outcome = Outcome()
    count = min(plan.many, MOST)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start(HOMEPORT_KIND, filled(plan, count), name=f"{count:,} messages"))
        except (NotStartedError, NotMeasuredError) as error:
            outcome.failures.append(f"{CASE}: {error}")
            return outcome
        runs = [Run(what, server.name, server, [[page(path)]], marker, 1) for what, (path, marker) in PAGES.items()]
        for one, loads in measure(plan, CASE, runs, outcome):
            more = {"p99 ms": middle(load.p99_ms for load in loads), CPU: middle(load.cpu_us for load in loads)}
            values = tuple(load.p50_ms for load in loads)
            outcome.figures.append(Figure(CASE, one.what, one.who, "ms", values, more))
            outcome.at_most(f"{one.what}, p99", more["p99 ms"], MILLISECONDS, " ms")
        _open_ones(server, outcome)
    return outcome


def page(path: str) -> bytes:
    """A browser's request for a page, by somebody who has a name."""
    cookie = f"homeport-bench-name={agent(1).encode().hex()}; homeport-bench-key={'k' * 32}"
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n".encode()


def filled(plan: Plan, count: int) -> Path:
    """A directory with the team's data."""
    directory = plan.directory / f"team-{count}"
    plan.say(f"{CASE}: writing {count:,} messages, {team.TASKS:,} tasks, {team.INSTANCES} instances")
    start(HOMEPORT_KIND, directory).end()
    command = [sys.executable, "-m", "bench.team", str(directory / "bench" / "data"), str(count)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=FILL_SECONDS, check=False)
    if made.returncode != 0:
        raise NotMeasuredError(f"filling failed: {made.stderr.strip()[-600:]}")
    return directory


def _open_ones(server: Server, outcome: Outcome) -> None:
    """What it costs to tell the open pages, beside telling nobody."""
    costs = []
    for number in (0, OPEN):
        with _following(server, number):
            costs.append(_cost(server))
    alone, followed = costs
    what = f"a message, {OPEN} pages open"
    per_page = (followed - alone) / OPEN
    more = {"alone CPU us": alone, "CPU us a page": per_page, "MiB": server.rss_mib}
    outcome.figures.append(Figure(CASE, what, server.name, "CPU us", (followed,), more))
    outcome.at_most(f"{what}: processor time for each", per_page, 100, " us")


def _cost(server: Server) -> float:
    """Microseconds of processor time for each message that is sent."""
    process = psutil.Process(server.pid)
    before = sum(process.cpu_times()[:2])
    for number in range(TOLD):
        arguments = {"from": agent(1), "to": agent(2), "subject": f"told {number}", "content": "x"}
        exchange(server.port, tool_call("modern", "send_message", arguments))
    time.sleep(1)
    return (sum(process.cpu_times()[:2]) - before) * 1e6 / TOLD


@contextmanager
def _following(server: Server, number: int) -> Iterator[None]:
    """So many streams that are open and read."""
    request = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
    sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(number)]
    for one in sockets:
        one.sendall(request)
        one.recv(4096)
    readers = [threading.Thread(target=_read, args=(one,), daemon=True) for one in sockets]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        for one in sockets:
            one.shutdown(socket.SHUT_RDWR)
        for reader in readers:
            reader.join()
        for one in sockets:
            one.close()


def _read(one: socket.socket) -> None:
    while one.recv(65536):
        pass
