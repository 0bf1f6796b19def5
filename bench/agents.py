"""The agents and the texts that the cases work with."""

from __future__ import annotations

import random
from typing import Final

from bench.generator import NotMeasuredError
from bench.servers import Server
from bench.wire import exchange, is_right, tool_call

_VOCABULARY: Final = (
    "agent backup branch build cache change check client commit config context daemon data deadline decision deploy "
    "design draft environment error export fault file finding folder handover header health import index input issue "
    "journal kernel latency lease lesson limit list lock machine memory merge message migration module network note "
    "number order owner package parser patch path person plan port process project proposal queue reader record "
    "release report request restart result review role rollback route rule schema script server session setting "
    "signal snapshot socket source stage status store stream system table task team test thread token trace transport "
    "tunnel unit update value version volume warning window worker writer"
)
WORDS: Final = tuple(_VOCABULARY.split())


def agent(number: int) -> str:
    """The id of an agent."""
    return f"agent-{number}"


def text(chance: random.Random, size: int) -> str:
    """Words of exactly so many bytes."""
    words: list[str] = []
    length = 0
    while length < size:
        words.append(chance.choice(WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)[:size].ljust(size, "x")


def register(server: Server, count: int) -> None:
    """Registers agents with Homeport.

    Raises:
        NotMeasuredError: it refused one.
    """
    for number in range(count):
        call = tool_call("modern", "register_instance", {"instanceId": agent(number), "role": "developer"})
        response = exchange(server.port, call)
        if not is_right(response, agent(number).encode()):
            raise NotMeasuredError(f"{server.name}: {response.decode('latin-1')}")
