"""The forty tools that the SDK's and FastMCP's servers offer, to list as much as Homeport would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

MARKER: Final = "nothing-was-done"
COUNT: Final = 40


async def noop() -> str:
    """Do nothing and say so."""
    return MARKER


async def echo(text: str) -> str:
    """Do nothing but say what was given: the SDK and FastMCP look a tool's schema up only where arguments come."""
    return f"{MARKER}: {text}"


def _made(number: int) -> Callable[..., Any]:
    async def tool(id: str, subject: str, content: str, priority: str = "normal", limit: int = 20) -> str:
        return f"{number} {id} {subject} {content} {priority} {limit}"

    tool.__name__ = f"tool_{number}"
    tool.__doc__ = f"Tool {number}, which takes what a tool of a coordination server takes, and is not called here."
    return tool


def tools() -> list[Callable[..., Any]]:
    """The two that do nothing, and 38 others."""
    return [noop, echo, *(_made(number) for number in range(2, COUNT))]
