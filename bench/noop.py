"""Calls of tools that do nothing: they answer a constant, or their argument.

Homeport has none, so it is started with two more (:mod:`bench.homeport_noop`). Beside them stands what a call of
its own costs that reads: ``get_server_status``.
"""

from __future__ import annotations

from typing import Final

from bench.plan import Plan, Run, fleet, measure, rate_figure
from bench.report import Outcome
from bench.servers import FASTMCP_KIND, HOMEPORT_NOOP_KIND, NOOP_MARKER, SDK_KIND, Server
from bench.wire import tool_call

CASE: Final = "noop"
CLIENTS: Final = (1, 8, 32)
OLD_STYLE: Final = "Homeport, no version"
STATUS: Final = "Homeport, get_server_status"
ARGUMENT: Final = "agent-1"


def run(plan: Plan) -> Outcome:
    """Measures calls at 1, 8 and 32 clients."""
    outcome = Outcome()
    with fleet(plan, (HOMEPORT_NOOP_KIND, SDK_KIND, FASTMCP_KIND), outcome) as servers:
        runs = [one for clients in CLIENTS for one in _runs(servers, clients)]
        for one, loads in measure(plan, CASE, runs, outcome):
            outcome.figures.append(rate_figure(CASE, one, loads))
        outcome.figures.sort(key=lambda figure: [one.what for one in runs].index(figure.what))
    for what in (_bare(8), _one_argument(8)):
        for other, wanted in ((SDK_KIND.name, 4), (FASTMCP_KIND.name, 15)):
            ratio = outcome.times(what, HOMEPORT_NOOP_KIND.name, other)
            outcome.at_least(f"{what}, beside {other}", ratio, wanted, " x")
            thrift = outcome.sparing(what, HOMEPORT_NOOP_KIND.name, other)
            outcome.at_least(f"{what}, beside {other}, by processor time", thrift, wanted, " x")
    return outcome


def _bare(clients: int) -> str:
    return f"no argument, {clients} client{'s' * (clients > 1)}"


def _one_argument(clients: int) -> str:
    return f"one argument, {clients} client{'s' * (clients > 1)}"


def _runs(servers: dict[str, Server], clients: int) -> list[Run]:
    runs = []
    for name, server in servers.items():
        call = tool_call("modern", "noop", {})
        runs.append(Run(_bare(clients), name, server, [[call]], NOOP_MARKER, clients))
        if name == HOMEPORT_NOOP_KIND.name:
            old = tool_call("unversioned", "noop", {})
            runs.append(Run(_bare(clients), OLD_STYLE, server, [[old]], NOOP_MARKER, clients))
            status = tool_call("modern", "get_server_status", {})
            runs.append(Run(_bare(clients), STATUS, server, [[status]], "healthy", clients))
        call = tool_call("modern", "echo", {"text": ARGUMENT})
        runs.append(Run(_one_argument(clients), name, server, [[call]], ARGUMENT, clients))
    return runs
