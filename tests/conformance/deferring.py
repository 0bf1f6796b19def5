"""Tools whose work takes long, as the scenarios of the Tasks extension ask for them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import anyio
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR

from homeport.coordination.values import JsonObject
from homeport.transports.extension import Asking, Deferred, Extra
from tests.conformance.making import complete, text, tool
from tests.conformance.rounds import CONFIRM, NAME, asks

_TEXT: Final[JsonObject] = {"type": "string"}
_NUMBER: Final[JsonObject] = {"type": "number"}


def tools() -> dict[str, Extra]:
    """By name."""
    return {
        **tool("greet", _greet, {"name": _TEXT}),
        **tool("slow_compute", _slow_compute, {"seconds": _NUMBER, "label": _TEXT}),
        **tool("failing_job", _failing),
        **tool("protocol_error_job", _broken),
        **tool("confirm_delete", _confirm, {"filename": _TEXT}),
        **tool("multi_input", _several),
        **tool("test_tool_with_task", _named),
    }


async def _greet(context: Any, params: Any) -> JsonObject:
    del context
    return complete(f"Hello, {params.arguments['name']}!")


async def _slow_compute(context: Any, params: Any) -> Deferred:
    del context
    seconds, label = params.arguments["seconds"], params.arguments["label"]

    async def work(asking: Asking) -> JsonObject:
        del asking
        with anyio.move_on_after(seconds):
            await asyncio.Event().wait()
        return complete(f"{label}: {seconds} s")

    return Deferred(work)


async def _failing(context: Any, params: Any) -> Deferred:
    del context, params

    async def work(asking: Asking) -> JsonObject:
        del asking
        return {"content": [text("It failed.")], "isError": True, "resultType": "complete"}

    return Deferred(work, required=True)


async def _broken(context: Any, params: Any) -> Deferred:
    del context, params

    async def work(asking: Asking) -> JsonObject:
        del asking
        raise MCPError(INTERNAL_ERROR, "It broke.")

    return Deferred(work)


async def _confirm(context: Any, params: Any) -> Deferred:
    del context
    filename = params.arguments["filename"]

    async def work(asking: Asking) -> JsonObject:
        answers = await asking.ask({"confirm": CONFIRM})
        return complete(f"{filename}: {answers['confirm']['action']}")

    return Deferred(work, required=True)


async def _several(context: Any, params: Any) -> Deferred:
    del context, params

    async def work(asking: Asking) -> JsonObject:
        answers = await asking.ask({"first": NAME, "second": NAME})
        return complete(", ".join(sorted(answers)))

    return Deferred(work, required=True)


async def _named(context: Any, params: Any) -> Any:
    del context
    given = (params.input_responses or {}).get("user_name")
    if given is None:
        return asks({"user_name": NAME})

    async def work(asking: Asking) -> JsonObject:
        del asking
        return complete(f"Hello, {given}!")

    return Deferred(work, required=True)
