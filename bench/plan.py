"""How long and how often, and what all cases do alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Load, NotMeasuredError, run_load
from bench.report import CPU, Figure, Outcome
from bench.servers import Kind, NotStartedError, Server, start


@dataclass(frozen=True, slots=True)
class Plan:
    """The extent of a run.

    Attributes:
        directory: where servers have their data, thrown away afterwards.
        rounds: how often everything is measured.
        seconds: of each measurement under load.
        many: messages of the large store, where the small one has a thousand.
        waiting: agents that wait for messages.
        limit: answers after which a round ends, for trying the harness out.
        keep: where the large store is kept between runs.
        say: shows progress.
    """

    directory: Path
    rounds: int
    seconds: float
    many: int
    waiting: int
    limit: int | None
    keep: Path
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One thing to load a server with, as often as there are rounds.

    Attributes:
        what: for the figure.
        who: for the figure; the server's name where it is empty.
        server: whom to load.
        scripts: requests for each client.
        marker: of a right answer.
        clients: how many.
        beside: servers that have their part of the clients.
        family: the first process of their database server, whose processor time counts too.
    """

    what: str
    who: str
    server: Server
    scripts: Sequence[Sequence[bytes]]
    marker: str
    clients: int
    beside: tuple[Server, ...] = ()
    family: int | None = None


@contextmanager
def fleet(plan: Plan, kinds: Iterable[Kind], outcome: Outcome) -> Iterator[dict[str, Server]]:
    """Servers by name, running side by side; who does not start is noted and left out."""
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for kind in kinds:
            try:
                directory = plan.directory / kind.name.replace(" ", "-")
                servers[kind.name] = stack.enter_context(start(kind, directory))
            except NotStartedError as error:
                outcome.failures.append(str(error))
        yield servers


def measure(plan: Plan, case: str, runs: Sequence[Run], outcome: Outcome) -> list[tuple[Run, list[Load]]]:
    """Runs everything round by round; notes who gave wrong answers and leaves it out of later rounds."""
    loads: list[list[Load]] = [[] for _ in runs]
    broken: set[int] = set()
    for number in range(plan.rounds):
        plan.say(f"{case}: round {number + 1} of {plan.rounds}")
        for index, run in enumerate(runs):
            if index in broken:
                continue
            try:
                load = run_load(
                    (run.server, *run.beside),
                    run.scripts,
                    run.marker,
                    clients=run.clients,
                    seconds=plan.seconds,
                    limit=plan.limit,
                    family=run.family,
                )
            except NotMeasuredError as error:
                broken.add(index)
                outcome.failures.append(f"{case}, {run.what}: {error}")
                continue
            loads[index].append(load)
    return [(run, done) for index, (run, done) in enumerate(zip(runs, loads, strict=True)) if index not in broken]


def rate_figure(case: str, run: Run, loads: Sequence[Load], *, commits: bool = False) -> Figure:
    """Answers a second, with latencies and CPU."""
    more = {
        "p50 ms": middle(one.p50_ms for one in loads),
        "p99 ms": middle(one.p99_ms for one in loads),
        CPU: middle(one.cpu_us for one in loads),
    }
    if run.family is not None:
        more["database CPU us"] = middle(one.database_us for one in loads)
    if commits:
        more["commits each"] = middle(one.commits / one.answered for one in loads)
    return Figure(case, run.what, run.who or run.server.name, "/s", tuple(one.rate for one in loads), more)


def middle(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)
