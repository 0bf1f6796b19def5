"""Messages and claims on PostgreSQL with one, two and three servers, beside one server on SQLite."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from bench.agents import agent, register, text
from bench.generator import NotMeasuredError
from bench.plan import Plan, Run, measure, rate_figure
from bench.report import Outcome
from bench.servers import AGENTS, HOMEPORT_KIND, Server, declare, start
from bench.wire import exchange, is_right, tool_call
from tests.support.postgres import Cluster, cluster, find_postgres

CASE: Final = "databases"
SERVERS: Final = (1, 2, 3)
CLIENTS: Final = (8, 64)
BODY: Final = 512
TEXTS: Final = 16


def run(plan: Plan) -> Outcome:
    """Measures sending, and claiming and giving back, at 8 and 64 clients."""
    outcome = Outcome()
    if find_postgres() is None:
        raise NotMeasuredError("PostgreSQL is not installed")
    with ExitStack() as stack:
        sqlite = stack.enter_context(start(HOMEPORT_KIND, plan.directory / "databases-sqlite", name="SQLite, 1 server"))
        database = stack.enter_context(cluster())
        fleets = [((sqlite,), None), *((_fleet(stack, plan, database, count), database.pid) for count in SERVERS)]
        for servers, _ in fleets:
            _introduce(servers[0])
        runs = []
        for clients in CLIENTS:
            for what, scripts, marker in (
                (f"send {BODY} bytes, {clients} clients", _mail(), "delivered"),
                (f"claim or give back, {clients} clients", _claims(), "task"),
            ):
                for servers, family in fleets:
                    runs.append(Run(what, "", servers[0], scripts, marker, clients, beside=servers[1:], family=family))
        for one, loads in measure(plan, CASE, runs, outcome):
            outcome.figures.append(rate_figure(CASE, one, loads))
    return outcome


def _fleet(stack: ExitStack, plan: Plan, database: Cluster, count: int) -> tuple[Server, ...]:
    """So many servers on a database of their own."""
    address = database.create()
    kind = replace(
        HOMEPORT_KIND,
        name=f"PostgreSQL, {count} server{'s' * (count > 1)}",
        prepare=partial(declare, more=f'database = "{address.url}"\n'),
        database=None,
    )
    directories = [plan.directory / f"databases-{count}-{number}" for number in range(count)]
    return tuple(stack.enter_context(start(kind, directory)) for directory in directories)


def _introduce(server: Server) -> None:
    """Makes the agents known, and a task for each."""
    register(server, AGENTS)
    for number in range(AGENTS):
        call = tool_call("modern", "create_task", {"id": f"task-{number}", "title": "For one", "description": ""})
        response = exchange(server.port, call)
        if not is_right(response, b"task"):
            raise NotMeasuredError(f"{server.name}: {response.decode('latin-1')}")


def _mail() -> list[list[bytes]]:
    chance = random.Random(1)  # noqa: S311 - texts, no secrets
    return [
        [
            tool_call(
                "modern",
                "send_message",
                {
                    "from": agent(number),
                    "to": agent((number + 1 + step) % AGENTS),
                    "subject": "news",
                    "content": text(chance, BODY),
                },
            )
            for step in range(TEXTS)
        ]
        for number in range(AGENTS)
    ]


def _claims() -> list[list[bytes]]:
    """Everybody takes a task of his own and gives it back, again and again."""
    return [
        [
            tool_call("modern", "claim_task", {"id": f"task-{number}", "instanceId": agent(number)}),
            tool_call(
                "modern",
                "update_task",
                {"id": f"task-{number}", "instanceId": agent(number), "updates": {"status": "pending"}},
            ),
        ]
        for number in range(AGENTS)
    ]
