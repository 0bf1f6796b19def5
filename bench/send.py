"""Messages of 512 bytes, each answered once it is durable: from agent to agent, every client as another agent."""

from __future__ import annotations

import random
from typing import Final

from bench.agents import agent, register, text
from bench.generator import NotMeasuredError
from bench.plan import Plan, Run, fleet, measure, middle, rate_figure
from bench.report import Outcome
from bench.servers import AGENTS, HOMEPORT_KIND, HUB_KIND, HUB_TOKENS, Server
from bench.wire import exchange, is_right, tool_call

CASE: Final = "send"
CLIENTS: Final = (1, 8, 64)
BODY: Final = 512
TEXTS: Final = 16


def run(plan: Plan) -> Outcome:
    """Measures sending at 1, 8 and 64 clients."""
    outcome = Outcome()
    with fleet(plan, (HOMEPORT_KIND, HUB_KIND), outcome) as servers:
        runs = []
        for clients in CLIENTS:
            if homeport := servers.get(HOMEPORT_KIND.name):
                runs.append(Run(_what(clients), "", homeport, _homeport_scripts(), "delivered", clients))
            if hub := servers.get(HUB_KIND.name):
                runs.append(Run(_what(clients), "", hub, _hub_scripts(), "message_id", clients))
        for server in servers.values():
            _introduce(server)
        for one, loads in measure(plan, CASE, runs, outcome):
            own = one.server.kind is HOMEPORT_KIND
            outcome.figures.append(rate_figure(CASE, one, loads, commits=own))
            if own and one.clients == 8:
                outcome.at_least("send_message, 8 clients", middle(load.rate for load in loads), 3000, "/s")
                outcome.at_most("send_message, 8 clients, p99", middle(load.p99_ms for load in loads), 25, " ms")
    ratio = outcome.times(_what(8), HOMEPORT_KIND.name, HUB_KIND.name)
    outcome.at_least(f"send_message, 8 clients, beside {HUB_KIND.name}", ratio, 10, " x")
    thrift = outcome.sparing(_what(8), HOMEPORT_KIND.name, HUB_KIND.name)
    outcome.at_least(f"send_message, 8 clients, beside {HUB_KIND.name}, by processor time", thrift, 10, " x")
    return outcome


def _what(clients: int) -> str:
    return f"send {BODY} bytes, {clients} client{'s' * (clients > 1)}"


def _introduce(server: Server) -> None:
    """Makes the agents known."""
    if server.kind is HOMEPORT_KIND:
        register(server, AGENTS)
        return
    for number, token in enumerate(HUB_TOKENS):
        response = exchange(server.port, tool_call("modern", "agent_register", {"name": agent(number)}, token=token))
        if not is_right(response, b"agent_id"):
            raise NotMeasuredError(f"{server.name}: {response.decode('latin-1')}")


def _homeport_scripts() -> list[list[bytes]]:
    return [
        [
            tool_call(
                "modern", "send_message", {"from": agent(number), "to": to, "subject": "news", "content": content}
            )
            for to, content in _mail(number)
        ]
        for number in range(AGENTS)
    ]


def _hub_scripts() -> list[list[bytes]]:
    return [
        [
            tool_call("modern", "message_send", {"to_agent": to, "subject": "news", "body": content}, token=token)
            for to, content in _mail(number)
        ]
        for number, token in enumerate(HUB_TOKENS)
    ]


def _mail(number: int) -> list[tuple[str, str]]:
    """Addressees and texts, the same for every server."""
    chance = random.Random(number)  # noqa: S311 - texts, no secrets
    return [(agent((number + 1 + step) % AGENTS), text(chance, BODY)) for step in range(TEXTS)]
