"""What a day is told to: anything that lists tools and calls them, by whatever library and transport."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tests.interop.workspace import Homeport

SHORT: Final = 400
"""Characters of the text beside a structured answer: a summary, never the answer again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or the text in which a call was refused."""

    answer: dict[str, Any] | None = None
    refusal: str | None = None


class Client(Protocol):
    """A client that is connected."""

    async def tools(self) -> list[dict[str, Any]]:
        """The listed tools, as they came over the wire."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Reply:
        """Calls a tool. Several calls may be under way at once."""
        ...


Connect = Callable[[Homeport], AbstractAsyncContextManager[Client]]
"""How a kind of client connects to a server, for as long as the block lasts."""


class Agent:
    """Somebody who works with a client: what a test would have to say at each call, said once."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer to a call that is not refused. ``from_`` stands for ``from``, which Python keeps for itself."""
        reply = await self.client.call(name, _given(arguments))
        assert reply.answer is not None, f"{name}: {reply.refusal}"
        return reply.answer

    async def refused(self, name: str, /, **arguments: Any) -> str:
        """The text of a call that is refused."""
        reply = await self.client.call(name, _given(arguments))
        assert reply.refusal is not None, f"{name}: {reply.answer}"
        return reply.refusal


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"from" if name == "from_" else name: value for name, value in arguments.items()}


def reply_of(result: Mapping[str, Any]) -> Reply:
    """Reads a result of ``tools/call`` as a client of its revision does, and sees that nothing in it came twice."""
    (content,) = result["content"]
    text: str = content["text"]
    if result.get("isError"):
        return Reply(refusal=text)
    structured = result.get("structuredContent")
    if structured is None:
        return Reply(json.loads(text))
    assert len(text) < SHORT, "the text repeats the structured answer"
    return Reply(structured)
