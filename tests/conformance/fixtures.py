"""What the scenarios of the conformance suite want a server to have, as an extension of the real site.

Their names and texts stand in the scenarios' descriptions. Whoever needs a client's input asks for it as the
revision of the request has it: on the stream of the call (:mod:`.asking`), or by an answer that asks for more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY

from homeport.coordination.values import JsonObject
from homeport.transports.extension import Extension, Extra, Handler
from homeport.transports.subscriptions import PROMPTS, TOOLS
from tests.conformance import asking, deferring, rounds
from tests.conformance.making import complete, prompt, text, tool

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SILENCE: Final = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
SCHEMA: Final[JsonObject] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

Announce = Callable[[str], None]


def embedded(uri: str, mime_type: str, content: str) -> JsonObject:
    """A resource within a result."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": content}}


IMAGE: Final = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
AUDIO: Final = {"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}


def fixtures(announce: Announce) -> Extension:
    """The extension.

    Args:
        announce: tells those who listen that a list has changed.
    """
    return Extension(
        tools={**_answers(), **_told(announce), **asking.tools(), **rounds.tools(), **deferring.tools()},
        resources=_resources(),
        templates={"test://template/": Extra(_TEMPLATE, _from_template)},
        prompts={**_prompts(), **rounds.prompts()},
        complete=_complete,
    )


def always(*content: JsonObject, **more: Any) -> Handler:
    """A handler with one answer."""

    async def answer(context: Any, params: Any) -> JsonObject:
        del context, params
        return {"content": list(content), "isError": False, "resultType": "complete", **more}

    return answer


def _answers() -> dict[str, Extra]:
    mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    plain = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    schema = {"name": "json_schema_2020_12_tool", "description": "A schema of 2020-12", "inputSchema": SCHEMA}
    headers = {"region": {"type": "string", "x-mcp-header": "Region"}}
    return {
        **tool("test_simple_text", always(text("This is a simple text response for testing."))),
        **tool("test_image_content", always(IMAGE)),
        **tool("test_audio_content", always(AUDIO)),
        **tool("test_embedded_resource", always(plain)),
        **tool("test_multiple_content_types", always(text("Multiple content types test:"), IMAGE, mixed)),
        **tool(
            "test_error_handling",
            always(text("This tool intentionally returns an error for testing"), isError=True),
        ),
        **tool("test_custom_headers", always(text("done")), headers),
        "json_schema_2020_12_tool": Extra(schema, always(text("done"))),
    }


def _told(announce: Announce) -> dict[str, Extra]:
    async def progress(context: Any, params: Any) -> JsonObject:
        for step in (0, 50, 100):
            await context.session.report_progress(step, 100, f"Completed step {step} of 100")
        del params
        return complete("done")

    async def log(context: Any, params: Any) -> JsonObject:
        for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await context.session.send_log_message("info", said, related_request_id=context.request_id)
        del params
        return complete("done")

    async def missing(context: Any, params: Any) -> JsonObject:
        if not context.session.client_capabilities or context.session.client_capabilities.sampling is None:
            needed: JsonObject = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "It takes sampling.", needed)
        del params
        return complete("done")

    def changes(kind: str) -> Handler:
        async def change(context: Any, params: Any) -> JsonObject:
            del context, params
            announce(kind)
            return complete("done")

        return change

    return {
        **tool("test_tool_with_progress", progress),
        **tool("test_tool_with_logging", log),
        **tool("test_logging_tool", log),
        **tool("test_missing_capability", missing),
        **tool("test_trigger_tool_change", changes(TOOLS)),
        **tool("test_trigger_prompt_change", changes(PROMPTS)),
    }


def _resources() -> dict[str, Extra]:
    found = {}
    for uri, kind, content in (
        ("test://static-text", "text/plain", {"text": "This is the content of the static text resource."}),
        ("test://static-binary", "image/png", {"blob": PIXEL}),
        ("test://watched-resource", "text/plain", {"text": "Watched resource content"}),
    ):
        listed = {"uri": uri, "name": uri.removeprefix("test://"), "mimeType": kind}
        found[uri] = Extra(listed, _content({"uri": uri, "mimeType": kind, **content}))
    return found


def _content(content: JsonObject) -> Handler:
    async def read(context: Any, params: Any) -> JsonObject:
        del context, params
        return {"contents": [content], "resultType": "complete"}

    return read


_TEMPLATE: Final = {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}


async def _from_template(context: Any, params: Any) -> JsonObject:
    del context
    uri = str(params.uri)
    number = uri.removeprefix("test://template/").partition("/")[0]
    data = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
    content = {"uri": uri, "mimeType": "application/json", "text": data}
    return {"contents": [content], "resultType": "complete"}


def _prompts() -> dict[str, Extra]:
    def said(*contents: JsonObject) -> JsonObject:
        return {"messages": [{"role": "user", "content": one} for one in contents], "resultType": "complete"}

    async def simple(context: Any, params: Any) -> JsonObject:
        del context, params
        return said(text("This is a simple prompt for testing."))

    async def with_arguments(context: Any, params: Any) -> JsonObject:
        del context
        given = params.arguments or {}
        return said(text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"))

    async def with_resource(context: Any, params: Any) -> JsonObject:
        del context
        uri = (params.arguments or {})["resourceUri"]
        content = embedded(uri, "text/plain", "Embedded resource content for testing.")
        return said(content, text("Please process the embedded resource above."))

    async def with_image(context: Any, params: Any) -> JsonObject:
        del context, params
        return said(IMAGE, text("Please analyze the image above."))

    return {
        **prompt("test_simple_prompt", simple),
        **prompt("test_prompt_with_arguments", with_arguments, "arg1", "arg2"),
        **prompt("test_prompt_with_embedded_resource", with_resource, "resourceUri"),
        **prompt("test_prompt_with_image", with_image),
    }


async def _complete(context: Any, params: Any) -> JsonObject | None:
    del context
    if getattr(params.ref, "name", "") != "test_prompt_with_arguments":
        return None
    values = [one for one in ("paris", "park", "party") if one.startswith(params.argument.value)]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}, "resultType": "complete"}
