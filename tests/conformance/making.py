"""How fixtures are made."""

from __future__ import annotations

from homeport.coordination.values import JsonObject
from homeport.transports.extension import Extra, Handler


def text(content: str) -> JsonObject:
    """A text of a result."""
    return {"type": "text", "text": content}


def complete(said: str) -> JsonObject:
    """The result of a tool that says something."""
    return {"content": [text(said)], "isError": False, "resultType": "complete"}


def tool(name: str, handler: Handler, properties: JsonObject | None = None) -> dict[str, Extra]:
    """A tool whose arguments are all required."""
    schema = {"type": "object", "properties": properties or {}, "required": list(properties or {})}
    return {
        name: Extra({"name": name, "description": f"{name} of the conformance suite", "inputSchema": schema}, handler)
    }


def prompt(name: str, handler: Handler, *arguments: str) -> dict[str, Extra]:
    """A prompt whose arguments are all required."""
    needed = [{"name": one, "description": one, "required": True} for one in arguments]
    return {name: Extra({"name": name, "description": name, "arguments": needed}, handler)}
