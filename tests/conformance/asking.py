"""Tools that ask the client in the middle of a call, as the revisions before 2026-07-28 do."""

from __future__ import annotations

import json
from typing import Any, Final

from mcp_types import SamplingMessage, TextContent

from homeport.coordination.values import JsonObject
from homeport.transports.extension import Extra, Handler
from tests.conformance.making import complete, tool

_STATUS: Final = ["active", "inactive", "pending"]
_TITLED: Final = [{"const": f"value{number}", "title": f"Choice {number}"} for number in (1, 2, 3)]
_PLAIN: Final = ["option1", "option2", "option3"]
_USER: Final = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}
_DEFAULTS: Final = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": _STATUS, "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_ENUMS: Final = {
    "untitledSingle": {"type": "string", "enum": _PLAIN},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _PLAIN}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}


def tools() -> dict[str, Extra]:
    """By name."""
    return {
        **tool("test_sampling", _sample, {"prompt": {"type": "string"}}),
        **tool("test_elicitation", _elicits(_USER), {"message": {"type": "string"}}),
        **tool("test_elicitation_sep1034_defaults", _elicits(_DEFAULTS)),
        **tool("test_elicitation_sep1330_enums", _elicits(_ENUMS)),
    }


async def _sample(context: Any, params: Any) -> JsonObject:
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=params.arguments["prompt"]))
    answer = await context.session.create_message(
        messages=[asked], max_tokens=100, related_request_id=context.request_id
    )
    return complete(f"LLM response: {answer.content.text}")


def _elicits(properties: JsonObject) -> Handler:
    async def elicit(context: Any, params: Any) -> JsonObject:
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        message = (params.arguments or {}).get("message", "Please choose")
        answer = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
        return complete(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}")

    return elicit
