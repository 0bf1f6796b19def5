"""Tools and a prompt that answer with what they still have to know, as 2026-07-28 does."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from homeport.coordination.values import JsonObject
from homeport.transports.extension import Extra
from tests.conformance.making import complete, prompt, tool

_SECRET: Final = secrets.token_bytes(32)
_ROOTS: Final[JsonObject] = {"method": "roots/list", "params": {}}


def elicitation(message: str, **properties: str) -> JsonObject:
    """A request for a form with these fields."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return {"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}}


def sampling(question: str) -> JsonObject:
    """A request for a model's answer."""
    message = {"role": "user", "content": {"type": "text", "text": question}}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}}


NAME: Final = elicitation("What is your name?", name="string")
CONFIRM: Final = elicitation("Please confirm", ok="boolean")


def tools() -> dict[str, Extra]:
    """By name."""
    several = {"user_name": NAME, "greeting": sampling("Generate a greeting"), "client_roots": _ROOTS}
    return {
        **_asking("test_input_required_result_elicitation", {"user_name": NAME}),
        **_asking("test_streaming_elicitation", {"user_name": NAME}),
        **_asking("test_input_required_result_sampling", {"question": sampling("What is the capital of France?")}),
        **_asking("test_input_required_result_list_roots", {"client_roots": _ROOTS}),
        **_asking("test_input_required_result_request_state", {"confirm": CONFIRM}, state="confirming"),
        **_asking("test_input_required_result_tampered_state", {"confirm": CONFIRM}, state="confirming"),
        **_asking("test_input_required_result_multiple_inputs", several, state="several"),
        **tool("test_input_required_result_multi_round", _multi_round),
        **tool("test_input_required_result_capabilities", _capabilities),
    }


def prompts() -> dict[str, Extra]:
    """By name."""

    async def handler(context: Any, params: Any) -> JsonObject:
        del context
        if not params.input_responses:
            return asks({"user_context": elicitation("What context should the prompt use?", context="string")})
        content = {"type": "text", "text": "With the context that you gave."}
        return {"messages": [{"role": "user", "content": content}], "resultType": "complete"}

    return prompt("test_input_required_result_prompt", handler)


def asks(requests: JsonObject, state: str | None = None) -> JsonObject:
    """An answer that asks for more."""
    sealed = {} if state is None else {"requestState": _sealed(state)}
    return {"resultType": "input_required", "inputRequests": requests, **sealed}


def _asking(name: str, requests: JsonObject, state: str | None = None) -> dict[str, Extra]:
    async def handler(context: Any, params: Any) -> JsonObject:
        del context
        given = params.input_responses or {}
        if state is not None and params.request_state is not None and _opened(params.request_state) != state:
            raise MCPError(INVALID_PARAMS, "requestState is not what this server gave out.")
        if not set(requests) <= set(given) or (state is not None and params.request_state is None):
            return asks(requests, state)
        return complete("state-ok" if state is not None else "Hello!")

    return tool(name, handler)


async def _multi_round(context: Any, params: Any) -> JsonObject:
    del context
    step = _opened(params.request_state) if params.request_state is not None else None
    given = params.input_responses or {}
    if step == "2" and "step2" in given:
        return complete("Both steps are done.")
    if step == "1" and "step1" in given:
        return asks({"step2": elicitation("Step 2: What is your favorite color?", color="string")}, "2")
    return asks({"step1": elicitation("Step 1: What is your name?", name="string")}, "1")


async def _capabilities(context: Any, params: Any) -> JsonObject:
    del params
    can = context.session.client_capabilities
    wanted = {}
    if can is not None and can.sampling is not None:
        wanted["question"] = sampling("What is the capital of France?")
    if can is not None and can.elicitation is not None:
        wanted["user_name"] = NAME
    return asks(wanted) if wanted else complete("Nothing can be asked.")


def _sealed(state: str) -> str:
    return f"{state}.{hmac.new(_SECRET, state.encode(), hashlib.sha256).hexdigest()}"


def _opened(sealed: str) -> str:
    state = sealed.partition(".")[0]
    if not hmac.compare_digest(_sealed(state), sealed):
        raise MCPError(INVALID_PARAMS, "requestState is not what this server gave out.")
    return state
