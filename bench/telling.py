"""From the moment that a message is sent until the agent that waits for it is told, with hundreds waiting."""

from __future__ import annotations

from typing import Any, Final

from bench.agents import register
from bench.generator import NotMeasuredError, run_generator
from bench.plan import Plan, fleet
from bench.report import Figure, Outcome
from bench.servers import HOMEPORT_KIND, Server

CASE: Final = "telling"
SENDERS: Final = (1, 8)


def run(plan: Plan) -> Outcome:
    """Measures one message at a time, eight at a time, and one message to all."""
    outcome = Outcome()
    rounds: dict[str, list[dict[str, Any]]] = {}
    with fleet(plan, (HOMEPORT_KIND,), outcome) as servers:
        for server in servers.values():
            register(server, plan.waiting + 1)
            for number in range(plan.rounds):
                plan.say(f"{CASE}: round {number + 1} of {plan.rounds}")
                try:
                    _round(plan, server, rounds)
                except NotMeasuredError as error:
                    outcome.failures.append(f"{CASE}: {error}")
                    return outcome
    for what, results in rounds.items():
        p99s = tuple(one["p99_ms"] for one in results)
        more = {name: max(one[key] for one in results) for name, key in (("longest ms", "max_ms"),)}
        more["p50 ms"] = sorted(one["p50_ms"] for one in results)[len(results) // 2]
        figure = Figure(CASE, what, HOMEPORT_KIND.name, "ms p99", p99s, more)
        outcome.figures.append(figure)
        if what == _what(plan, SENDERS[0]):
            outcome.at_most(f"{what}, p99", figure.median, 50, " ms")
    return outcome


def _what(plan: Plan, senders: int) -> str:
    return f"told, {plan.waiting} waiting, {senders} sender{'s' * (senders > 1)}"


def _round(plan: Plan, server: Server, rounds: dict[str, list[dict[str, Any]]]) -> None:
    samples = plan.limit or int(300 * plan.seconds)
    spec = {"port": server.port, "waiting": plan.waiting, "samples": samples, "senders": list(SENDERS), "to_all": 5}
    result = run_generator("bench.tell", spec, within=120)
    for senders in SENDERS:
        rounds.setdefault(_what(plan, senders), []).append(result[str(senders)])
    rounds.setdefault(f"told, {plan.waiting} waiting, one message to all", []).append(result["all"])
