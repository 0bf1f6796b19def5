"""Whatever is sent: an answer that blames the sender, never a failure inside."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlencode

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.operations.catalogue import CATALOGUE
from homeport.operations.schema import input_schema
from tests.support.site import ACCEPT, ENVELOPE, MODERN, served

ODD_TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "..", "../../x", "a/b", "all", "a,b", "project-team:x", "\x00", "é" * 300, "2026-01-01", "0"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), ODD_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ODD_TEXT, inner, max_size=3)),
    max_leaves=6,
)
VERSIONS = st.sampled_from([None, "2025-06-18", MODERN])
NAMES = [name for name, operation in CATALOGUE.items() if operation.kind != "wait"]


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A tool with arguments under its own names, of its own types or of any."""
    name = draw(st.sampled_from(NAMES))
    schema = input_schema(CATALOGUE[name].arguments)
    arguments = {}
    for argument, property_schema in schema["properties"].items():
        if argument in schema.get("required", ()) or draw(st.booleans()):
            arguments[argument] = draw(st.one_of(_of(property_schema), VALUES))
    return name, arguments


def _of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit the schema, more or less."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        return st.fixed_dictionaries({}, optional={key: _of(one) for key, one in schema["properties"].items()})
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(-5, 500),
        "boolean": st.booleans(),
        "array": st.lists(_of(schema["items"]) if "items" in schema else VALUES, max_size=3),
        "object": st.dictionaries(ODD_TEXT, VALUES, max_size=3),
    }
    return kinds.get(schema.get("type", ""), ODD_TEXT)


@settings(max_examples=150)
@given(sent=st.lists(st.tuples(VERSIONS, calls()), min_size=1, max_size=8))
def test_no_call_makes_an_operation_fail_inside(sent: list[tuple[str | None, tuple[str, dict[str, Any]]]]) -> None:
    async def run() -> None:
        async with served() as site:
            for version, (name, arguments) in sent:
                answer = await site.call(version, name, arguments)
                assert "traceback" not in str(site.logged()), site.logged()[-1]
                assert answer.get("error", {}).get("code") != -32603

    anyio.run(run)


@settings(max_examples=150)
@given(
    body=st.one_of(VALUES, st.lists(VALUES, max_size=3)), version=VERSIONS, method=st.sampled_from(["tools/call", "x"])
)
def test_no_message_makes_the_endpoint_fail_inside(body: Any, version: str | None, method: str) -> None:
    headers = {"accept": ACCEPT, "mcp-method": method, "mcp-name": "x"}
    if version:
        headers["mcp-protocol-version"] = version
    bodies = [
        body,
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": body},
        {"jsonrpc": "2.0", "id": body, "method": method},
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": body, "arguments": body, "_meta": body}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", "_meta": {**ENVELOPE, "k": body}}},
    ]

    async def run() -> None:
        async with served() as site:
            for one in bodies:
                response = await site.post(json.dumps(one).encode(), headers)
                assert response.status_code < 500
                assert "traceback" not in str(site.logged()), site.logged()[-1]

    anyio.run(run)


@settings(max_examples=100)
@given(pairs=st.dictionaries(ODD_TEXT, ODD_TEXT, max_size=4), part=ODD_TEXT, body=VALUES)
def test_no_request_makes_the_json_api_fail_inside(pairs: dict[str, str], part: str, body: Any) -> None:
    async def run() -> None:
        async with served() as site:
            for operation in CATALOGUE.values():
                if operation.kind == "wait":
                    continue
                path = "/api/v1" + re.sub(r"\{\w+\}", lambda _: quote(part, safe=""), operation.http.path)
                content = json.dumps(body).encode()
                response = await site.http.request(operation.http.method, f"{path}?{urlencode(pairs)}", content=content)
                assert response.status_code < 500, site.logged()[-1]

    anyio.run(run)
