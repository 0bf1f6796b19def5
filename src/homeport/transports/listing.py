"""What ``tools/list`` and the instructions say, from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeport.operations.operation import Operation
from homeport.operations.schema import input_schema, output_schema
from homeport.transports.results import Era


def tools(catalogue: Mapping[str, Operation], era: Era) -> list[dict[str, Any]]:
    """The listed operations as tools, in the catalogue's order, which never changes while a server runs.

    Only clients that read structured content are told its schema: an older one that sees ``outputSchema``
    demands ``structuredContent``, and would get every answer twice.
    """
    return [_tool(operation, era) for operation in catalogue.values() if operation.listed]


def _tool(operation: Operation, era: Era) -> dict[str, Any]:
    tool: dict[str, Any] = {
        "name": operation.name,
        "description": operation.summary,
        "inputSchema": _for_callers(input_schema(operation.arguments)),
    }
    if era is Era.MODERN and operation.answer:
        tool["outputSchema"] = output_schema(operation)
    # The one hint that clients act on, by not asking a person. The others would not fit: the list fills 16 kB.
    return tool if operation.kind == "write" else {**tool, "annotations": {"readOnlyHint": True}}


def _for_callers(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Without the descriptions of nested models, which are docstrings: written for readers of the code."""
    if isinstance(node, list):
        return [_for_callers(item) for item in node]
    if not isinstance(node, dict):
        return node
    is_model = isinstance(node.get("properties"), dict)
    return {key: _for_callers(value) for key, value in node.items() if not (is_model and key == "description")}


def instructions(environment: str, *, protected: bool) -> str:
    """How an agent starts. Clients cut this at 2 KB."""
    warning = (
        "This is live data that people rely on." if protected else "This is not production: what you write here may go."
    )
    return (
        f"Homeport, environment {environment}. {warning}\n"
        "Agents share projects, tasks, messages and lessons here.\n"
        "1. Start every session with bootstrap: your role, and the same instanceId as last time. It tells who you"
        " are, what waits for you, who is here and what to do next.\n"
        "2. get_messages shows previews; get_message the whole text. wait_for_messages waits for new ones.\n"
        "3. claim_next_task gives you the best task that is free. Report with update_task and pass the fence that"
        " the claim gave you. A claim ends 15 minutes after your last call: update_heartbeat keeps it.\n"
        "4. submit_lessons when something was learned; search finds messages, tasks and lessons.\n"
        "Answers are small; a list that has more carries next_cursor. Give idempotency_key to repeat a call safely."
    )
